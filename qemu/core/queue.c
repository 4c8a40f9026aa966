// SPDX-License-Identifier: GPL-2.0-or-later
/* Queues: their registers, doorbells, and which one is served next. */
#include <inttypes.h>

#include "internal.h"

bool sfab_queue_valid(const struct sfab_core *core, const struct sfab_queue *q)
{
	return q->size >= SFAB_MIN_RING_LOG2 && q->size <= SFAB_MAX_RING_LOG2 &&
	       q->base % 4096 == 0 &&
	       q->base <= UINT64_MAX - (SFAB_CMD_SIZE << q->size) &&
	       q->timeline % 8 == 0 && q->vm < core->config.vms &&
	       q->vector < core->config.vectors &&
	       (q->policy & SFAB_Q_POLICY_MASK) <= SFAB_Q_POLICY_FAIL &&
	       q->policy >> SFAB_Q_POLICY_LIMIT_SHIFT <= SFAB_Q_POLICY_LIMIT_MAX;
}

static bool halted(const struct sfab_queue *q)
{
	return q->fault & SFAB_Q_FAULT_VALID;
}

static uint32_t queue_status(const struct sfab_queue *q)
{
	return (q->enabled ? SFAB_Q_STATUS_ENABLED : 0) |
	       (q->busy ? SFAB_Q_STATUS_BUSY : 0) |
	       (halted(q) ? SFAB_Q_STATUS_HALTED : 0) |
	       (q->poll ? SFAB_Q_STATUS_WAITING : 0) |
	       (q->head == q->tail ? SFAB_Q_STATUS_IDLE : 0);
}

uint64_t sfab_queue_read(struct sfab_core *core, unsigned int q,
			 unsigned int reg)
{
	const struct sfab_queue *queue = &core->queue[q];

	switch (reg) {
	case SFAB_REG_Q_BASE:
		return queue->base;
	case SFAB_REG_Q_TIMELINE:
		return queue->timeline;
	case SFAB_REG_Q_SIZE:
		return queue->size;
	case SFAB_REG_Q_VM:
		return queue->vm;
	case SFAB_REG_Q_VECTOR:
		return queue->vector;
	case SFAB_REG_Q_CTRL:
		return queue->enabled ? SFAB_Q_CTRL_ENABLE : 0;
	case SFAB_REG_Q_STATUS:
		return queue_status(queue);
	case SFAB_REG_Q_HEAD:
		return queue->head;
	case SFAB_REG_Q_TAIL:
		return queue->tail;
	case SFAB_REG_Q_FAULT:
		return queue->fault;
	case SFAB_REG_Q_FAULT_INDEX:
		return queue->fault_index;
	case SFAB_REG_Q_POLICY:
		return queue->policy;
	default:
		return queue->fault_addr;
	}
}

/* Whatever an engine does for the queue is not wanted any more. */
static void stop(struct sfab_queue *queue)
{
	queue->enabled = false;
	queue->generation++;
	queue->poll = 0;
	queue->remote = false;
	queue->progress.phase = SFAB_PHASE_FETCH;
}

static void clear_run(struct sfab_queue *queue)
{
	queue->head = 0;
	queue->tail = 0;
	queue->fault = 0;
	queue->fault_index = 0;
	queue->fault_addr = 0;
	queue->completed = 0;
	queue->arm = 0;
}

void sfab_queues_reset(struct sfab_core *core)
{
	for (unsigned int q = 0; q < core->config.queues; q++) {
		struct sfab_queue *queue = &core->queue[q];

		stop(queue);
		clear_run(queue);
		queue->base = 0;
		queue->base_lo = 0;
		queue->timeline = 0;
		queue->timeline_lo = 0;
		queue->arm_lo = 0;
		queue->size = 0;
		queue->vm = 0;
		queue->vector = 0;
		queue->policy = 0;
	}
}

static void queue_reset(struct sfab_core *core, unsigned int q)
{
	struct sfab_queue *queue = &core->queue[q];

	stop(queue);
	clear_run(queue);
	core->queue_event[q / 64] &= ~(1ull << (q % 64));
	core->queue_fault[q / 64] &= ~(1ull << (q % 64));
	core->counter[SFAB_COUNTER_QUEUE_RESETS]++;
	sfab_event(core, SFAB_EVENT_QUEUE_RESET, q, queue->busy, 0);
}

static void queue_enable(struct sfab_core *core, unsigned int q)
{
	struct sfab_queue *queue = &core->queue[q];

	if (queue->enabled)
		return;
	if (queue->busy) {
		sfab_guest_error(core, "queue %u enabled while BUSY", q);
	} else if (halted(queue)) {
		sfab_guest_error(core, "queue %u enabled while HALTED", q);
	} else if (!sfab_queue_valid(core, queue)) {
		sfab_guest_error(core, "queue %u enabled with base 0x%" PRIx64
				 " timeline 0x%" PRIx64
				 " size %u vm %u vector %u policy 0x%x", q,
				 queue->base, queue->timeline, queue->size,
				 queue->vm, queue->vector, queue->policy);
	} else {
		clear_run(queue);
		queue->enabled = true;
	}
}

void sfab_queue_write(struct sfab_core *core, unsigned int q, unsigned int reg,
		      uint64_t value, enum sfab_part part)
{
	struct sfab_queue *queue = &core->queue[q];

	if (reg == SFAB_REG_Q_CTRL) {
		if (value & SFAB_Q_CTRL_RESET)
			queue_reset(core, q);
		else if (value & SFAB_Q_CTRL_ENABLE)
			queue_enable(core, q);
		else
			stop(queue);
		return;
	}
	if (queue->enabled || queue->busy) {
		sfab_guest_error(core, "queue %u configured while %s", q,
				 queue->enabled ? "enabled" : "BUSY");
		return;
	}
	switch (reg) {
	case SFAB_REG_Q_BASE:
		if (sfab_latch(&queue->base_lo, &value, part))
			queue->base = value;
		break;
	case SFAB_REG_Q_TIMELINE:
		if (sfab_latch(&queue->timeline_lo, &value, part))
			queue->timeline = value;
		break;
	case SFAB_REG_Q_SIZE:
		queue->size = value;
		break;
	case SFAB_REG_Q_VM:
		queue->vm = value;
		break;
	case SFAB_REG_Q_VECTOR:
		queue->vector = value;
		break;
	case SFAB_REG_Q_POLICY:
		queue->policy = value;
		break;
	}
}

void sfab_doorbell(struct sfab_core *core, struct sfab_out *out, unsigned int q,
		   uint32_t tail)
{
	struct sfab_queue *queue = &core->queue[q];
	/* The driver may have seen the timeline value before we count it. */
	uint32_t head = queue->head + queue->completing;

	if (!queue->enabled) {
		sfab_guest_error(core, "doorbell of queue %u, not enabled", q);
		return;
	}
	if (halted(queue))
		return;
	sfab_event(core, SFAB_EVENT_DOORBELL, q, tail, queue->head);
	if (tail - head > 1u << queue->size ||
	    tail - head < queue->tail - head) {
		struct sfab_fault fault = { .cause = SFAB_FAULT_DOORBELL,
					    .addr = tail };

		sfab_halt(core, out, q, &fault, 0);
		return;
	}
	queue->tail = tail;
	sfab_wake(core, out);
}

void sfab_announce(struct sfab_core *core, struct sfab_out *out, unsigned int q,
		   bool asked)
{
	struct sfab_queue *queue = &core->queue[q];
	uint64_t *event = &core->queue_event[q / 64];
	uint64_t bit = 1ull << (q % 64);
	bool reached = queue->arm && queue->completed >= queue->arm;
	bool edge = !(*event & bit);

	if (reached)
		queue->arm = 0;
	if (!asked && !reached)
		return;
	*event |= bit;
	sfab_raise(core, out, SFAB_INT_QUEUE, queue->vector, edge);
}

void sfab_arm(struct sfab_core *core, struct sfab_out *out, unsigned int q,
	      uint64_t value, enum sfab_part part)
{
	struct sfab_queue *queue = &core->queue[q];

	if (!sfab_latch(&queue->arm_lo, &value, part))
		return;
	if (!queue->enabled) {
		sfab_guest_error(core, "queue %u armed, not enabled", q);
		return;
	}
	queue->arm = value;
	sfab_announce(core, out, q, false);
}

/* False during a reset too: CTRL is 0 then, and stays so. */
bool sfab_running(const struct sfab_core *core)
{
	return core->ctrl & SFAB_CTRL_ENABLE && !core->paused;
}

static bool has_work(const struct sfab_queue *q)
{
	return q->enabled && !q->busy && !q->remote && !halted(q) &&
	       q->head != q->tail;
}

/* Wake an engine that sleeps; better one that does not watch a WAIT. */
static bool wake_one(struct sfab_core *core, struct sfab_out *out)
{
	struct sfab_engine *e, *poller = NULL;

	for (unsigned int i = 0; i < core->config.engines; i++) {
		e = &core->engine[i];
		if (e->state == SFAB_ENGINE_POLL)
			poller = e;
		if (e->state == SFAB_ENGINE_IDLE)
			goto found;
	}
	if (!poller)
		return false;
	e = poller;
found:
	e->state = SFAB_ENGINE_AWAKE;
	out->kicks |= 1u << (e - core->engine);
	return true;
}

/*
 * Engines that are awake but outside a slice will look for work anyway; wake as
 * many others as there are queues left for them, and see to it that some engine
 * watches the WAITs.
 */
void sfab_wake(struct sfab_core *core, struct sfab_out *out)
{
	unsigned int asleep = 0, looking = 0;
	bool watched = false, waiting = false;

	if (!sfab_running(core))
		return;
	for (unsigned int i = 0; i < core->config.engines; i++) {
		const struct sfab_engine *e = &core->engine[i];

		asleep += e->state != SFAB_ENGINE_AWAKE;
		watched |= e->state == SFAB_ENGINE_POLL;
		looking += e->state == SFAB_ENGINE_AWAKE && !e->in_slice;
	}
	for (unsigned int q = 0; asleep && q < core->config.queues; q++) {
		const struct sfab_queue *queue = &core->queue[q];

		if (!has_work(queue))
			continue;
		if (queue->poll) {
			waiting = true;
		} else if (looking) {
			looking--;
		} else {
			wake_one(core, out);
			asleep--;
		}
	}
	if (waiting && !watched && !looking && asleep)
		wake_one(core, out);
}

static void assign(struct sfab_core *core, struct sfab_engine *engine,
		   unsigned int q)
{
	struct sfab_queue *queue = &core->queue[q];
	const struct sfab_vm *vm = &core->vm[queue->vm];
	uint64_t slot = queue->head & ((1u << queue->size) - 1);

	queue->busy = true;

	engine->in_slice = true;
	engine->vm = queue->vm;
	engine->inv_count = vm->inv_count;
	engine->inv_value = vm->inv;
	engine->job = (struct sfab_job) {
		.queue = q,
		.generation = queue->generation,
		.index = queue->head,
		.slot = queue->base + slot * SFAB_CMD_SIZE,
		.timeline = queue->timeline,
		.root = vm->root,
		.progress = queue->progress,
		.lookups = engine->brief ? SFAB_BRIEF_LOOKUPS :
					   SFAB_SLICE_LOOKUPS,
	};
}

bool sfab_pick(struct sfab_core *core, struct sfab_engine *engine,
	       uint64_t *due)
{
	uint64_t now = 0;

	*due = UINT64_MAX;
	if (!sfab_running(core))
		return false;
	for (unsigned int i = 1; i <= core->config.queues; i++) {
		unsigned int q = (core->turn + i) % core->config.queues;
		const struct sfab_queue *queue = &core->queue[q];

		if (!has_work(queue))
			continue;
		if (queue->poll) {
			if (!now)
				now = sfab_time(core);
			if (queue->poll > now) {
				if (queue->poll < *due)
					*due = queue->poll;
				continue;
			}
		}
		core->turn = q;
		assign(core, engine, q);
		return true;
	}
	return false;
}

enum sfab_entry sfab_enter(struct sfab_core *core, struct sfab_engine *engine,
			   unsigned int q, const uint32_t *generation)
{
	const struct sfab_queue *queue = &core->queue[q];
	enum sfab_entry entry = SFAB_ENTERED;

	sfab_lock(core);
	if (!queue->remote || (generation && queue->generation != *generation))
		entry = SFAB_GONE;
	else if (!sfab_running(core))
		entry = SFAB_LATER;
	else
		assign(core, engine, q);
	sfab_unlock(core);
	return entry;
}
