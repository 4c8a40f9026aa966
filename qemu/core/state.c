// SPDX-License-Identifier: GPL-2.0-or-later
/* Saving and loading a quiescent device. What is loaded is not trusted. */
#include <errno.h>

#include "internal.h"

static void save_queue(const struct sfab_queue *q, struct sfab_queue_state *s)
{
	s->base = q->base;
	s->timeline = q->timeline;
	s->base_lo = q->base_lo;
	s->timeline_lo = q->timeline_lo;
	s->size = q->size;
	s->vm = q->vm;
	s->vector = q->vector;
	s->enabled = q->enabled;
	s->head = q->head;
	s->tail = q->tail;
	s->fault = q->fault;
	s->fault_index = q->fault_index;
	s->fault_addr = q->fault_addr;
	s->completed = q->completed;
	s->arm = q->arm;
	s->arm_lo = q->arm_lo;
	s->phase = q->progress.phase;
	if (s->phase == SFAB_PHASE_FETCH)
		return;
	s->offset = q->progress.offset;
	s->deadline = q->progress.deadline;
	memcpy(s->command, &q->progress.cmd, sizeof(s->command));
}

void sfab_core_save(struct sfab_core *core, struct sfab_state *s)
{
	memset(s, 0, sizeof(*s));
	sfab_lock(core);
	s->ctrl = core->ctrl;
	s->scratch = core->scratch;
	s->int_status = core->int_status;
	s->int_enable = core->int_enable;
	s->time = sfab_time(core);
	memcpy(s->queue_event, core->queue_event, sizeof(s->queue_event));
	memcpy(s->queue_fault, core->queue_fault, sizeof(s->queue_fault));
	memcpy(s->counter, core->counter, sizeof(s->counter));
	for (unsigned int v = 0; v < core->config.vms; v++) {
		s->vm[v].root = core->vm[v].root;
		s->vm[v].root_lo = core->vm[v].root_lo;
		s->vm[v].inv = core->vm[v].inv;
	}
	for (unsigned int q = 0; q < core->config.queues; q++)
		save_queue(&core->queue[q], &s->queue[q]);
	sfab_unlock(core);
}

/* Whether a command can have come as far as @q says. */
static bool valid_progress(const struct sfab_queue *q)
{
	const struct sfab_progress *p = &q->progress;
	struct sfab_operand operand[SFAB_OPERANDS], *o;
	struct sfab_fault fault;

	if (p->phase == SFAB_PHASE_FETCH)
		return true;
	if (p->phase > SFAB_PHASE_EXECUTE || !q->enabled || q->fault ||
	    q->head == q->tail || !sfab_decode(&p->cmd, operand, &fault))
		return false;

	if (p->phase == SFAB_PHASE_CHECK_NOTIFY)
		o = &operand[SFAB_NOTIFY];
	else
		o = &operand[p->phase == SFAB_PHASE_CHECK_SRC ? SFAB_SRC :
								SFAB_DST];
	if (p->phase == SFAB_PHASE_EXECUTE && !o->need)
		o = &operand[SFAB_SRC];
	if (!o->need)
		return p->offset == 0;
	if (p->offset >= sfab_operand_size(o))
		return false;
	if (p->phase != SFAB_PHASE_EXECUTE || p->offset == 0)
		return true;
	/* Only these are ever interrupted, and not within an element. */
	switch (p->cmd.opcode) {
	case SFAB_CMD_COPY:
	case SFAB_CMD_COPY_2D:
	case SFAB_CMD_FILL:
		return true;
	case SFAB_CMD_REDUCE:
		return p->offset % (1u << sfab_reduce_shift(p->cmd.dtype)) == 0;
	default:
		return false;
	}
}

static bool valid_fault(uint32_t fault)
{
	const uint32_t fields =
		SFAB_Q_FAULT_VALID | SFAB_Q_FAULT_CAUSE_MASK |
		SFAB_Q_FAULT_ACCESS_MASK << SFAB_Q_FAULT_ACCESS_SHIFT |
		SFAB_Q_FAULT_OPCODE_MASK << SFAB_Q_FAULT_OPCODE_SHIFT;
	uint32_t cause = fault & SFAB_Q_FAULT_CAUSE_MASK;

	return fault & SFAB_Q_FAULT_VALID && !(fault & ~fields) &&
	       cause >= SFAB_FAULT_UNMAPPED && cause <= SFAB_FAULT_POISON &&
	       cause != SFAB_FAULT_FABRIC;	/* no ports: see sfab_core_save() */
}

/* Returns what is wrong, or NULL. */
static const char *load_queue(const struct sfab_core *core,
			      const struct sfab_queue_state *s,
			      struct sfab_queue *q)
{
	*q = (struct sfab_queue) {
		.base = s->base,
		.timeline = s->timeline,
		.base_lo = s->base_lo,
		.timeline_lo = s->timeline_lo,
		.size = s->size,
		.vm = s->vm,
		.vector = s->vector,
		.enabled = s->enabled,
		.head = s->head,
		.tail = s->tail,
		.fault = s->fault,
		.fault_index = s->fault_index,
		.fault_addr = s->fault_addr,
		.completed = s->completed,
		.arm = s->arm,
		.arm_lo = s->arm_lo,
		.progress = {
			.phase = s->phase,
			.offset = s->offset,
			.deadline = s->deadline,
		},
	};
	memcpy(&q->progress.cmd, s->command, sizeof(q->progress.cmd));
	if (s->phase == SFAB_PHASE_EXECUTE &&
	    q->progress.cmd.opcode == SFAB_CMD_WAIT)
		q->poll = 1;	/* look at once */

	if (s->enabled > 1)
		return "a queue has bits that do not exist";
	if (q->enabled && (!sfab_queue_valid(core, q) ||
			   q->tail - q->head > 1u << q->size))
		return "an enabled queue is misconfigured";
	if (q->tail - q->head > 1u << SFAB_MAX_RING_LOG2)
		return "a queue holds more than any ring can";
	if (q->fault && !valid_fault(q->fault))
		return "a queue has a fault that does not exist";
	if (!valid_progress(q))
		return "a command has come further than it can";
	return NULL;
}

static bool is_zero(const void *p, size_t len)
{
	const unsigned char *byte = p;

	while (len--)
		if (*byte++)
			return false;
	return true;
}

static const char *load(struct sfab_core *core, const struct sfab_state *s)
{
	const struct sfab_config *c = &core->config;
	struct sfab_queue queue;
	const char *error;

	if (s->ctrl & ~SFAB_CTRL_ENABLE ||
	    (s->int_status | s->int_enable) &
	    ~SFAB_INT_NO_PORTS)
		return "a global register has bits that do not exist";
	if (!is_zero(s->vm + c->vms,
		     (SFAB_MAX_VMS - c->vms) * sizeof(s->vm[0])) ||
	    !is_zero(s->queue + c->queues,
		     (SFAB_MAX_QUEUES - c->queues) * sizeof(s->queue[0])))
		return "the state has more queues or VMs than the device";
	for (unsigned int i = 0; i < SFAB_MAX_QUEUES; i++)
		if (i >= c->queues && (s->queue_event[i / 64] |
				       s->queue_fault[i / 64]) >> i % 64 & 1)
			return "an event of a queue that does not exist";
	for (unsigned int v = 0; v < c->vms; v++)
		if (s->vm[v].root & ~(SFAB_VM_ROOT_VALID | SFAB_VM_ROOT_ADDR))
			return "a VM_ROOT has bits that do not exist";
	for (unsigned int q = 0; q < c->queues; q++) {
		error = load_queue(core, &s->queue[q], &queue);
		if (error)
			return error;
	}

	core->ctrl = s->ctrl;
	core->scratch = s->scratch;
	core->int_status = s->int_status;
	core->int_enable = s->int_enable;
	core->time_base = core->ops->now(core->opaque) - s->time;
	core->resetting = false;
	memcpy(core->queue_event, s->queue_event, sizeof(s->queue_event));
	memcpy(core->queue_fault, s->queue_fault, sizeof(s->queue_fault));
	memcpy(core->counter, s->counter, sizeof(s->counter));
	for (unsigned int v = 0; v < c->vms; v++) {
		struct sfab_vm *vm = &core->vm[v];

		vm->root = s->vm[v].root;
		vm->root_lo = s->vm[v].root_lo;
		/* No slice is in flight: all invalidations are complete. */
		vm->inv = s->vm[v].inv;
		vm->inv_done = vm->inv;
		vm->inv_done_count = vm->inv_count;
	}
	for (unsigned int q = 0; q < c->queues; q++)
		load_queue(core, &s->queue[q], &core->queue[q]);
	return NULL;
}

int sfab_core_load(struct sfab_core *core, const struct sfab_state *state,
		   const char **why)
{
	struct sfab_out out = { 0 };
	const char *error;

	sfab_lock(core);
	error = load(core, state);
	sfab_wake(core, &out);
	sfab_unlock(core);
	sfab_deliver(core, &out);
	if (why)
		*why = error;
	return error ? -EINVAL : 0;
}
