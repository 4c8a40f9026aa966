// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An engine: one call, one slice of one command.
 *
 *	pick a queue		(lock)
 *	fetch, check, execute	(no lock; a batch around each map and unmap)
 *	complete, retire	(lock)
 *
 * Between picking and retiring nothing that the registers say is looked at: a
 * stop, a reset or an invalidation in the meantime finds its effect in retire().
 */
#include "internal.h"

static bool fault(struct sfab_job *job, unsigned int cause, unsigned int access,
		  uint64_t addr)
{
	job->fault = (struct sfab_fault) {
		.cause = cause, .access = access, .addr = addr,
	};
	return false;
}

static void *map_word(struct sfab_core *core, uint64_t bus, uint64_t size,
		      bool write)
{
	uint64_t len = size;
	uint8_t *host = core->ops->map(core->opaque, bus, &len, write);

	if (host && (len < size || (uintptr_t)host % 8)) {
		core->ops->unmap(core->opaque, host, len, write, 0);
		return NULL;
	}
	return host;
}

/* Read the command at the head of the ring: once, into our own memory. */
static bool fetch(struct sfab_core *core, struct sfab_job *job)
{
	struct sfab_command *cmd = &job->progress.cmd;
	void *slot;

	core->ops->batch_begin(core->opaque);
	slot = map_word(core, job->slot, SFAB_CMD_SIZE, false);
	if (slot) {
		memcpy(cmd, slot, SFAB_CMD_SIZE);
		core->ops->unmap(core->opaque, slot, SFAB_CMD_SIZE, false,
				 SFAB_CMD_SIZE);
	}
	core->ops->batch_end(core->opaque);
	if (!slot) {
		*cmd = (struct sfab_command) { 0 };
		return fault(job, SFAB_FAULT_BUS_ERROR, SFAB_ACCESS_RING,
			     job->slot);
	}
	return true;
}

static void start(struct sfab_core *core, struct sfab_job *job)
{
	const struct sfab_command *cmd = &job->progress.cmd;
	uint64_t now;

	sfab_event(core, SFAB_EVENT_COMMAND, job->queue, cmd->opcode,
		   job->index);
	job->progress.phase = SFAB_PHASE_CHECK_DST;
	job->progress.remote = false;
	job->progress.offset = 0;
	job->progress.deadline = UINT64_MAX;
	if (cmd->opcode != SFAB_CMD_WAIT || !cmd->arg2)
		return;
	now = sfab_time(core);
	if (cmd->arg2 < UINT64_MAX - now)
		job->progress.deadline = now + cmd->arg2;
}

/* Check an operand whole, and go on to the next phase; false: not yet, or faulty. */
static bool check(struct sfab_core *core, struct sfab_job *job,
		  const struct sfab_operand *operand)
{
	struct sfab_progress *p = &job->progress;

	if (operand->need) {
		if (!sfab_check(core, job, operand, &p->offset) ||
		    p->offset < sfab_operand_size(operand))
			return false;
	}
	p->phase++;
	p->offset = 0;
	return true;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t sfab_pattern(const struct sfab_command *cmd)
{
	uint64_t value = cmd->arg0;

	for (unsigned int width = cmd->dtype; width < 8; width *= 2)
		value |= value << (8 * width);
	return value;
}

void sfab_stream(struct sfab_engine *engine, uint64_t offset, uint64_t bytes,
		 bool large)
{
	const struct sfab_command *cmd = &engine->job.progress.cmd;
	const struct sfab_piece *d = engine->plan[SFAB_DST].piece;
	const struct sfab_piece *s = engine->plan[SFAB_SRC].piece;
	bool has_src = engine->plan[SFAB_SRC].pieces;
	unsigned int phase = offset % 8;
	uint64_t d_at = 0, s_at = 0;

	while (bytes) {
		uint64_t len = min64(bytes, d->len - d_at);

		if (has_src)
			len = min64(len, s->len - s_at);
		if (cmd->opcode == SFAB_CMD_FILL)
			sfab_fill(d->host + d_at, sfab_pattern(cmd), phase,
				  len);
		else if (cmd->opcode == SFAB_CMD_REDUCE)
			sfab_reduce(d->host + d_at, s->host + s_at, len,
				    cmd->dtype, cmd->op);
		else
			sfab_copy(d->host + d_at, s->host + s_at, len, large);
		bytes -= len;
		phase = (phase + len) % 8;
		d_at += len;
		if (d_at == d->len) {
			d++;
			d_at = 0;
		}
		s_at += len;
		if (has_src && s_at == s->len) {
			s++;
			s_at = 0;
		}
	}
}

static void atomic(struct sfab_engine *engine)
{
	const struct sfab_command *cmd = &engine->job.progress.cmd;
	void *dst = engine->plan[SFAB_DST].piece[0].host;
	uint64_t old = sfab_atomic(dst, cmd->dtype, cmd->op, cmd->arg0,
				   cmd->arg1);

	if (engine->plan[SFAB_SRC].pieces)
		sfab_store(engine->plan[SFAB_SRC].piece[0].host, cmd->dtype, old);
}

static bool satisfied(const struct sfab_command *cmd, const void *p)
{
	uint64_t value = sfab_load(p, cmd->dtype) & cmd->arg1;
	uint64_t arg = cmd->dtype == 4 ? (uint32_t)cmd->arg0 : cmd->arg0;

	switch (cmd->op) {
	case SFAB_WAIT_EQ:
		return value == arg;
	case SFAB_WAIT_NE:
		return value != arg;
	case SFAB_WAIT_GE:
		return value >= arg;
	default:
		return value < arg;
	}
}

static enum sfab_outcome wait(struct sfab_core *core, struct sfab_engine *engine)
{
	struct sfab_job *job = &engine->job;
	uint64_t now;

	if (satisfied(&job->progress.cmd, engine->plan[SFAB_SRC].piece[0].host))
		return SFAB_DONE;
	now = sfab_time(core);
	if (now >= job->progress.deadline) {
		fault(job, SFAB_FAULT_WAIT_TIMEOUT, SFAB_ACCESS_READ,
		      job->progress.cmd.src);
		return SFAB_FAULT;
	}
	job->poll = min64(now + SFAB_POLL_NS, job->progress.deadline);
	return SFAB_SLEEP;
}

void sfab_moved(struct sfab_engine *engine, uint64_t bytes)
{
	for (unsigned int i = 0; i < SFAB_SIDES; i++) {
		const struct sfab_plan *plan = &engine->plan[i];
		uint64_t left = min64(bytes, plan->bytes);

		for (unsigned int k = 0; left; k++) {
			const struct sfab_piece *p = &plan->piece[k];
			uint64_t used = min64(left, p->len);

			engine->job.moved[p->aperture] += used;
			left -= used;
		}
	}
}

/* The NOTIFY of a COPY of which every byte is in effect. */
static enum sfab_outcome notify(struct sfab_core *core,
				struct sfab_engine *engine,
				const struct sfab_operand *operand)
{
	const struct sfab_operand side[SFAB_SIDES] = { *operand };
	uint64_t bytes = 8;

	if (!sfab_map(core, engine, side, 0, &bytes))
		return SFAB_FAULT;
	sfab_store(engine->plan[SFAB_DST].piece[0].host, 8,
		   engine->job.progress.cmd.arg1);
	sfab_moved(engine, bytes);
	sfab_release(core, engine, bytes);
	return SFAB_DONE;
}

/* As much as a slice does of what the two sides of the command name. */
static enum sfab_outcome move(struct sfab_core *core,
			      struct sfab_engine *engine,
			      const struct sfab_operand *operand)
{
	struct sfab_progress *p = &engine->job.progress;
	const struct sfab_operand *first = &operand[SFAB_DST];
	enum sfab_outcome outcome = SFAB_DONE;
	uint64_t bytes = engine->brief ? SFAB_BRIEF_BYTES : SFAB_SLICE_BYTES;
	void *dst;

	if (!first->need)
		first = &operand[SFAB_SRC];
	if (!first->need)
		return SFAB_DONE;	/* NOP, or no length */
	if (!sfab_map(core, engine, operand, p->offset, &bytes))
		return SFAB_FAULT;

	dst = engine->plan[SFAB_DST].piece[0].host;
	switch (p->cmd.opcode) {
	case SFAB_CMD_ATOMIC:
		atomic(engine);
		break;
	case SFAB_CMD_WRITE:
		sfab_store(dst, p->cmd.dtype, p->cmd.arg0);
		break;
	case SFAB_CMD_TIMESTAMP:
		sfab_store(dst, 8, sfab_time(core));
		break;
	case SFAB_CMD_WAIT:
		outcome = wait(core, engine);
		break;
	default:
		sfab_stream(engine, p->offset, bytes,
			    sfab_operand_size(first) >= SFAB_SLICE_BYTES);
		break;
	}
	if (p->cmd.opcode != SFAB_CMD_WAIT)
		sfab_moved(engine, bytes);
	sfab_release(core, engine, bytes);

	if (outcome != SFAB_DONE)
		return outcome;
	p->offset += bytes;
	return p->offset < sfab_operand_size(first) ? SFAB_AGAIN : SFAB_DONE;
}

static enum sfab_outcome execute(struct sfab_core *core,
				 struct sfab_engine *engine,
				 const struct sfab_operand *operand)
{
	enum sfab_outcome outcome;

	if (engine->job.progress.remote)
		return SFAB_REMOTE;
	outcome = move(core, engine, operand);
	if (outcome == SFAB_DONE && operand[SFAB_NOTIFY].need)
		outcome = notify(core, engine, &operand[SFAB_NOTIFY]);
	return outcome;
}

static enum sfab_outcome work(struct sfab_core *core, struct sfab_engine *engine)
{
	static const struct {
		enum sfab_phase phase;
		unsigned int operand;
	} checks[] = {
		{ SFAB_PHASE_CHECK_DST, SFAB_DST },
		{ SFAB_PHASE_CHECK_SRC, SFAB_SRC },
		{ SFAB_PHASE_CHECK_NOTIFY, SFAB_NOTIFY },
	};
	struct sfab_job *job = &engine->job;
	struct sfab_progress *p = &job->progress;
	struct sfab_operand operand[SFAB_OPERANDS];

	if (p->phase == SFAB_PHASE_FETCH) {
		if (!fetch(core, job))
			return SFAB_FAULT;
		start(core, job);
	}
	if (!sfab_decode(&p->cmd, operand, &job->fault))
		return SFAB_FAULT;
	for (unsigned int i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (p->phase == checks[i].phase &&
		    !check(core, job, &operand[checks[i].operand]))
			return job->fault.cause ? SFAB_FAULT : SFAB_AGAIN;
	return execute(core, engine, operand);
}

/*
 * Store the timeline value, unless the queue has been taken from us. The driver
 * may ring the doorbell for the freed slot as soon as it sees the value: before
 * that happens @completing tells sfab_doorbell() that head is about to advance.
 */
enum sfab_outcome sfab_complete(struct sfab_core *core, struct sfab_job *job)
{
	struct sfab_queue *queue = &core->queue[job->queue];
	enum sfab_outcome outcome = SFAB_DONE;
	void *host;

	if (!(job->progress.cmd.flags & SFAB_CMD_COMPLETE))
		return SFAB_DONE;
	core->ops->batch_begin(core->opaque);
	host = map_word(core, job->timeline, 8, true);
	if (host) {
		bool wanted;

		sfab_lock(core);
		wanted = queue->generation == job->generation;
		queue->completing = wanted;
		sfab_unlock(core);
		if (wanted)
			sfab_store(host, 8, job->progress.cmd.timeline);
		core->ops->unmap(core->opaque, host, 8, true, wanted ? 8 : 0);
	} else {
		fault(job, SFAB_FAULT_BUS_ERROR, SFAB_ACCESS_RING,
		      job->timeline);
		outcome = SFAB_FAULT;
	}
	core->ops->batch_end(core->opaque);
	return outcome;
}

/* The command at the head of the queue has finished. */
static void finish(struct sfab_core *core, struct sfab_out *out,
		   const struct sfab_job *job)
{
	struct sfab_queue *queue = &core->queue[job->queue];
	const struct sfab_command *cmd = &job->progress.cmd;

	sfab_event(core, SFAB_EVENT_FINISH, job->queue, cmd->opcode, job->index);
	queue->head++;
	queue->poll = 0;
	queue->remote = false;
	queue->progress.phase = SFAB_PHASE_FETCH;
	core->counter[SFAB_COUNTER_COMMANDS]++;
	if (!(cmd->flags & SFAB_CMD_COMPLETE))
		return;
	queue->completed = cmd->timeline;
	sfab_announce(core, out, job->queue, cmd->flags & SFAB_CMD_IRQ);
}

/* What has become of the command at the head of a queue that is ours still. */
static void settle(struct sfab_core *core, struct sfab_out *out,
		   const struct sfab_job *job, enum sfab_outcome outcome)
{
	struct sfab_queue *queue = &core->queue[job->queue];

	switch (outcome) {
	case SFAB_REMOTE:
		out->fabric_wake = !queue->remote;
		if (!queue->remote)
			core->handed[job->queue / 64] |=
				1ull << (job->queue % 64);
		queue->remote = true;
		/* fall through */
	case SFAB_AGAIN:
	case SFAB_SLEEP:
		queue->progress = job->progress;
		queue->poll = job->poll;
		break;
	case SFAB_DONE:
		finish(core, out, job);
		break;
	case SFAB_FAULT:
		sfab_halt(core, out, job->queue, &job->fault,
			  job->progress.cmd.opcode);
		break;
	}
}

void sfab_retire(struct sfab_core *core, struct sfab_engine *engine,
		 enum sfab_outcome outcome)
{
	const struct sfab_job *job = &engine->job;
	struct sfab_queue *queue = &core->queue[job->queue];
	struct sfab_out out = { 0 };

	sfab_lock(core);
	engine->in_slice = false;
	queue->busy = false;
	queue->completing = false;
	core->counter[SFAB_COUNTER_HBM_BYTES] += job->moved[SFAB_APERTURE_HBM];
	core->counter[SFAB_COUNTER_SYSTEM_BYTES] +=
		job->moved[SFAB_APERTURE_SYSTEM];
	core->counter[SFAB_COUNTER_PEER_BYTES] += job->moved[SFAB_APERTURE_PEER];
	core->counter[SFAB_COUNTER_FABRIC_BYTES] +=
		job->moved[SFAB_APERTURE_FABRIC];

	if (queue->generation == job->generation)
		settle(core, &out, job, outcome);
	sfab_invalidated(core, &out, engine->vm);
	sfab_drained(core);
	/* An engine looks for more to do by itself; the fabric worker does not. */
	if (engine == &core->engine[core->config.engines] &&
	    outcome == SFAB_DONE)
		sfab_wake(core, &out);
	sfab_unlock(core);
	sfab_deliver(core, &out);
}

static void slice(struct sfab_core *core, struct sfab_engine *engine)
{
	enum sfab_outcome outcome = work(core, engine);

	if (outcome == SFAB_DONE)
		outcome = sfab_complete(core, &engine->job);
	sfab_retire(core, engine, outcome);
}

static enum sfab_run run(struct sfab_core *core, struct sfab_engine *engine,
			 uint64_t *due)
{
	enum sfab_run result = SFAB_RUN_IDLE;
	struct sfab_out out = { 0 };
	uint64_t poll;

	sfab_lock(core);
	engine->state = SFAB_ENGINE_AWAKE;
	if (sfab_pick(core, engine, &poll)) {
		/* If this engine watched the WAITs another one must. */
		sfab_wake(core, &out);
		sfab_unlock(core);
		sfab_deliver(core, &out);
		slice(core, engine);
		return SFAB_RUN_MORE;
	}
	engine->state = SFAB_ENGINE_IDLE;
	if (poll != UINT64_MAX) {
		bool watched = false;

		for (unsigned int k = 0; k < core->config.engines; k++)
			watched |= core->engine[k].state == SFAB_ENGINE_POLL;
		if (!watched) {
			engine->state = SFAB_ENGINE_POLL;
			*due = poll + core->time_base;
			result = SFAB_RUN_POLL;
		}
	}
	sfab_unlock(core);
	return result;
}

enum sfab_run sfab_core_run(struct sfab_core *core, unsigned int i,
			    uint64_t *due)
{
	core->engine[i].brief = false;
	return run(core, &core->engine[i], due);
}

enum sfab_run sfab_core_help(struct sfab_core *core, unsigned int i,
			     uint64_t *due)
{
	core->engine[i].brief = true;
	return run(core, &core->engine[i], due);
}
