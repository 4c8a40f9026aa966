// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands with a FABRIC operand. An engine has checked all of it; here it is cut
 * into requests, each within one import, of at most a packet; what is local on both
 * sides is moved at once. Operands are translated again for each request, and once
 * more when its bytes are copied: nothing is held in between.
 *
 * A request names the command by its serial. When the queue is stopped the command is
 * forgotten, and its requests with it: their answers find nobody.
 */
#include "endpoint.h"

static bool is_set(const uint64_t *map, unsigned int q)
{
	return map[q / 64] >> q % 64 & 1;
}

static void set(uint64_t *map, unsigned int q, bool value)
{
	map[q / 64] &= ~(1ull << q % 64);
	map[q / 64] |= (uint64_t)value << q % 64;
}

/* ---- life of a transfer ---- */

static void free_stages(struct sfab_endpoint *ep, uint64_t transfer)
{
	for (unsigned int i = 0; i < SFAB_STAGES; i++)
		if (ep->stage[i].transfer == transfer)
			ep->stage[i].state = SFAB_STAGE_FREE;
}

static void forget(struct sfab_endpoint *ep, struct sfab_transfer *t)
{
	t->active = false;
	set(ep->active, t->queue, false);
	free_stages(ep, t->serial);
}

void sfab_transfers_forget(struct sfab_endpoint *ep)
{
	for (unsigned int q = 0; q < ep->core->config.queues; q++)
		if (ep->transfer[q].active)
			forget(ep, &ep->transfer[q]);
}

struct sfab_transfer *sfab_transfer_of(struct sfab_endpoint *ep,
				       const struct sfab_request *r)
{
	struct sfab_transfer *t = &ep->transfer[r->queue];

	return t->active && t->serial == r->transfer ? t : NULL;
}

/* An engine has handed over the command at the head of @q. */
static enum sfab_entry begin(struct sfab_endpoint *ep, unsigned int q)
{
	struct sfab_transfer *t = &ep->transfer[q];
	const struct sfab_job *job = &ep->worker->job;
	enum sfab_entry entry = sfab_enter(ep->core, ep->worker, q, NULL);
	const struct sfab_operand *side;
	uint32_t policy;

	if (entry != SFAB_ENTERED)
		return entry;
	if (t->active)
		forget(ep, t);
	/* It does not change as long as we are inside of the queue. */
	policy = ep->core->queue[q].policy;
	*t = (struct sfab_transfer) {
		.active = true,
		.terms.policy = policy & SFAB_Q_POLICY_MASK,
		.terms.limit = (policy >> SFAB_Q_POLICY_LIMIT_SHIFT) * 1000000ull,
		.serial = ++ep->serial,
		.queue = q,
		.generation = job->generation,
		.cmd = job->progress.cmd,
	};
	sfab_decode(&t->cmd, t->operand, &t->fault);
	side = &t->operand[t->operand[SFAB_DST].need ? SFAB_DST : SFAB_SRC];
	t->size = side->need ? sfab_operand_size(side) : 0;
	t->notified = !t->operand[SFAB_NOTIFY].need;
	set(ep->active, q, true);
	sfab_retire(ep->core, ep->worker, SFAB_REMOTE);
	return entry;
}

static bool enter(struct sfab_endpoint *ep, struct sfab_transfer *t)
{
	switch (sfab_enter(ep->core, ep->worker, t->queue, &t->generation)) {
	case SFAB_ENTERED:
		return true;
	case SFAB_GONE:
		forget(ep, t);
		return false;
	default:
		return false;
	}
}

static void leave(struct sfab_endpoint *ep)
{
	sfab_retire(ep->core, ep->worker, SFAB_REMOTE);
}

/* Every request was answered. True if that was it. */
static bool finish(struct sfab_endpoint *ep, struct sfab_transfer *t)
{
	struct sfab_job *job = &ep->worker->job;
	enum sfab_outcome outcome = SFAB_FAULT;

	if (!enter(ep, t))
		return false;
	job->moved[SFAB_APERTURE_FABRIC] = t->moved;
	if (t->fault.cause)
		job->fault = t->fault;
	else
		outcome = sfab_complete(ep->core, job);
	forget(ep, t);
	sfab_retire(ep->core, ep->worker, outcome);
	return true;
}

/* ---- failing ---- */

static void fail(struct sfab_transfer *t, const struct sfab_fault *fault)
{
	if (!t->fault.cause)
		t->fault = *fault;
}

/* The address of byte @at of an operand. */
static uint64_t address(const struct sfab_operand *o, uint64_t at)
{
	return o->va + at / o->len * o->pitch + at % o->len;
}

static void fail_remote(struct sfab_endpoint *ep, struct sfab_transfer *t,
			unsigned int operand, uint64_t at,
			enum sfab_status status)
{
	const struct sfab_operand *o = &t->operand[operand];

	sfab_endpoint_count(ep, SFAB_COUNTER_FAILED);
	fail(t, &(struct sfab_fault) {
		.cause = SFAB_FAULT_FABRIC,
		.status = status,
		.access = o->need & SFAB_NEED_WRITE ? SFAB_ACCESS_WRITE :
						      SFAB_ACCESS_READ,
		.addr = address(o, at),
	});
}

/* The FABRIC operand that @r is about. */
static unsigned int operand_of(const struct sfab_request *r)
{
	if (r->kind == SFAB_FROM_NOTIFY)
		return SFAB_NOTIFY;
	return r->type == SFAB_PKT_READ ? SFAB_SRC : SFAB_DST;
}

static void end_request(struct sfab_endpoint *ep, struct sfab_transfer *t,
			struct sfab_request *r, bool keep_stage)
{
	t->unanswered--;
	if (r->stage == SFAB_NO_STAGE)
		return;
	if (keep_stage) {
		t->unanswered++;	/* the stage has to be written yet */
		ep->stage[r->stage].state = SFAB_STAGE_READY;
	} else {
		ep->stage[r->stage].state = SFAB_STAGE_FREE;
	}
}

void sfab_request_fail(struct sfab_endpoint *ep, struct sfab_request *r,
		       enum sfab_status status)
{
	struct sfab_transfer *t = sfab_transfer_of(ep, r);

	if (!t)
		return;
	fail_remote(ep, t, operand_of(r), r->at, status);
	end_request(ep, t, r, false);
	r->transfer = 0;
}

void sfab_transfers_unblock(struct sfab_endpoint *ep, struct sfab_flow *flow,
			    const struct sfab_ending *ending)
{
	for (unsigned int q = 0; q < ep->core->config.queues; q++) {
		struct sfab_transfer *t = &ep->transfer[q];

		if (!t->active || t->blocked != flow || !sfab_ends(ep, ending, &t->terms))
			continue;
		t->blocked = NULL;
		fail_remote(ep, t, t->operand[SFAB_DST].need ? SFAB_DST :
							       SFAB_SRC,
			    0, ending->status);
	}
}

bool sfab_transfers_eager(const struct sfab_endpoint *ep, const struct sfab_flow *flow)
{
	for (unsigned int q = 0; q < ep->core->config.queues; q++) {
		const struct sfab_transfer *t = &ep->transfer[q];

		if (t->active && t->blocked == flow && t->terms.policy != SFAB_Q_POLICY_WAIT)
			return true;
	}
	return false;
}

void sfab_transfers_end(const struct sfab_endpoint *ep, const struct sfab_flow *flow,
			struct sfab_end *end)
{
	for (unsigned int q = 0; q < ep->core->config.queues; q++)
		if (ep->transfer[q].active && ep->transfer[q].blocked == flow)
			sfab_sooner(ep, end, ep->transfer[q].since, &ep->transfer[q].terms);
}

/* ---- posting ---- */

enum posted { POSTED, BLOCKED, OVER };

/* What an import leads to. */
static bool look_up(struct sfab_endpoint *ep, unsigned int i,
		    struct sfab_import *import)
{
	struct sfab_core *core = ep->core;

	sfab_lock(core);
	import->target = core->import[i].target;
	import->base = core->import[i].base;
	import->token = core->import[i].token;
	import->epoch = core->import[i].epoch;
	import->serial = core->import[i].serial;
	sfab_unlock(core);
	return (import->target & 0xffff) < core->config.eids &&
	       import->target & 0xffff;
}

/*
 * A request for @len bytes at @place, from byte @at of the command on, to be filled in
 * further. NULL: no room in its flow, or no such target (t->fault).
 */
static struct sfab_request *post_request(struct sfab_endpoint *ep,
					 struct sfab_transfer *t,
					 unsigned int operand, uint64_t at,
					 const struct sfab_place *place,
					 uint32_t len)
{
	struct sfab_import import;
	struct sfab_request *r;
	struct sfab_flow *flow;

	if (!look_up(ep, place->import, &import)) {
		fail_remote(ep, t, operand, at, SFAB_STATUS_NO_ROUTE);
		return NULL;
	}
	flow = sfab_flow_to(ep, import.target & 0xffff);
	if (!sfab_flow_room(flow, len)) {
		t->blocked = flow;
		t->wants = len;
		if (!t->since)
			t->since = ep->now;
		flow->policies |= 1u << t->terms.policy;
		flow->limited |= t->terms.limit;
		return NULL;
	}
	r = sfab_flow_post(ep, flow, len, &t->terms);
	t->since = 0;
	r->transfer = t->serial;
	r->queue = t->queue;
	r->stage = SFAB_NO_STAGE;
	r->segment = import.target >> 16;
	r->epoch = import.epoch;
	r->token = import.token;
	r->imported = import.serial;
	r->offset = import.base + place->offset;
	r->at = at;
	t->unanswered++;
	return r;
}

/* Both travel in one packet: the whole copy, and the NOTIFY in the same import. */
static void join_notify(struct sfab_endpoint *ep, struct sfab_transfer *t,
			struct sfab_request *r, const struct sfab_place *place)
{
	struct sfab_place notify;
	uint64_t offset;

	if (t->notified || r->len != t->size ||
	    !sfab_locate(ep->core, &ep->worker->job, &t->operand[SFAB_NOTIFY], 0,
			 8, &notify) ||
	    !notify.remote || notify.import != place->import)
		return;
	offset = r->offset - place->offset + notify.offset;
	if (offset / 8 > UINT32_MAX)
		return;
	r->type = SFAB_PKT_WRITE_NOTIFY;
	r->notify = true;
	r->notify_offset = offset;
	t->notified = true;
}

/* A request that changes what dst names. */
static bool post_write(struct sfab_endpoint *ep, struct sfab_transfer *t,
		       uint64_t at, uint32_t len, const struct sfab_place *place,
		       int stage)
{
	struct sfab_request *r = post_request(ep, t, SFAB_DST, at, place, len);

	if (!r)
		return false;
	r->type = SFAB_PKT_WRITE;
	r->kind = SFAB_FROM_SRC;
	switch (t->cmd.opcode) {
	case SFAB_CMD_REDUCE:
		r->type = SFAB_PKT_REDUCE;
		break;
	case SFAB_CMD_FILL:
		r->kind = SFAB_FROM_PATTERN;
		break;
	case SFAB_CMD_ATOMIC:
		r->type = SFAB_PKT_ATOMIC;
		r->kind = SFAB_FROM_COMMAND;
		break;
	case SFAB_CMD_WRITE:
		r->kind = SFAB_FROM_COMMAND;
		break;
	}
	if (stage != SFAB_NO_STAGE) {
		r->kind = SFAB_FROM_STAGE;
		r->stage = stage;
		ep->stage[stage].state = SFAB_STAGE_WRITING;
		t->unanswered--;	/* it was counted with the stage */
	}
	join_notify(ep, t, r, place);
	return true;
}

/* A stage of @t whose bytes wait to be sent on. */
static int ready_stage(struct sfab_endpoint *ep, const struct sfab_transfer *t)
{
	for (int i = 0; i < SFAB_STAGES; i++)
		if (ep->stage[i].state == SFAB_STAGE_READY &&
		    ep->stage[i].transfer == t->serial)
			return i;
	return SFAB_NO_STAGE;
}

static int free_stage(struct sfab_endpoint *ep)
{
	for (int i = 0; i < SFAB_STAGES; i++)
		if (ep->stage[i].state == SFAB_STAGE_FREE)
			return i;
	return SFAB_NO_STAGE;
}

/* dst is not what it was when the stage was read: at most this much goes there. */
static bool post_stage(struct sfab_endpoint *ep, struct sfab_transfer *t, int i)
{
	const struct sfab_stage *stage = &ep->stage[i];
	struct sfab_place dst;
	struct sfab_job *job = &ep->worker->job;

	if (!sfab_locate(ep->core, job, &t->operand[SFAB_DST], stage->at,
			 stage->len, &dst))
		return false;
	if (!dst.remote || dst.len < stage->len) {
		job->fault = (struct sfab_fault) {
			.cause = SFAB_FAULT_APERTURE,
			.access = SFAB_ACCESS_WRITE,
			.addr = address(&t->operand[SFAB_DST], stage->at),
		};
		return false;
	}
	return post_write(ep, t, stage->at, stage->len, &dst, i);
}

static bool post_read(struct sfab_endpoint *ep, struct sfab_transfer *t,
		      uint32_t len, const struct sfab_place *src, bool staged)
{
	int stage = staged ? free_stage(ep) : SFAB_NO_STAGE;
	struct sfab_request *r;

	if (staged && stage == SFAB_NO_STAGE)
		return false;
	r = post_request(ep, t, SFAB_SRC, t->posted, src, len);
	if (!r)
		return false;
	r->type = SFAB_PKT_READ;
	r->kind = staged ? SFAB_TO_STAGE : SFAB_TO_DST;
	r->stage = stage;
	if (staged) {
		ep->stage[stage].state = SFAB_STAGE_READING;
		ep->stage[stage].transfer = t->serial;
		ep->stage[stage].at = t->posted;
		ep->stage[stage].len = len;
	}
	return true;
}

/* Both sides are local here. */
static bool move_local(struct sfab_endpoint *ep, struct sfab_transfer *t,
		       uint64_t *bytes)
{
	if (!sfab_map(ep->core, ep->worker, t->operand, t->posted, bytes))
		return false;
	sfab_stream(ep->worker, t->posted, *bytes, false);
	sfab_moved(ep->worker, *bytes);
	sfab_release(ep->core, ep->worker, *bytes);
	sfab_fabric_spend(ep->fabric, *bytes);
	return true;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The next bytes of the two sides. False: no room, or a fault. */
static bool post_next(struct sfab_endpoint *ep, struct sfab_transfer *t)
{
	struct sfab_job *job = &ep->worker->job;
	struct sfab_place dst, src = { 0 };
	bool has_src = t->operand[SFAB_SRC].need & SFAB_NEED_READ;
	uint64_t len = min64(t->size - t->posted, SFAB_MTU);
	bool posted;

	if (!sfab_locate(ep->core, job, &t->operand[SFAB_DST], t->posted, len,
			 &dst))
		return false;
	if (has_src && !sfab_locate(ep->core, job, &t->operand[SFAB_SRC],
				    t->posted, dst.len, &src))
		return false;
	len = has_src ? src.len : dst.len;
	if (src.remote)
		posted = post_read(ep, t, len, &src, dst.remote);
	else if (dst.remote)
		posted = post_write(ep, t, t->posted, len, &dst, SFAB_NO_STAGE);
	else
		posted = move_local(ep, t, &len);
	if (posted)
		t->posted += len;
	return posted;
}

/* The NOTIFY, all else being in effect. */
static bool post_notify(struct sfab_endpoint *ep, struct sfab_transfer *t)
{
	const struct sfab_operand *o = &t->operand[SFAB_NOTIFY];
	const struct sfab_operand side[SFAB_SIDES] = { *o };
	struct sfab_request *r;
	struct sfab_place place;
	uint64_t bytes = 8;

	if (!sfab_locate(ep->core, &ep->worker->job, o, 0, 8, &place))
		return false;
	if (place.remote) {
		r = post_request(ep, t, SFAB_NOTIFY, 0, &place, 8);
		if (!r)
			return false;
		r->type = SFAB_PKT_WRITE;
		r->kind = SFAB_FROM_NOTIFY;
	} else {
		if (!sfab_map(ep->core, ep->worker, side, 0, &bytes))
			return false;
		sfab_store(ep->worker->plan[0].piece[0].host, 8, t->cmd.arg1);
		sfab_moved(ep->worker, bytes);
		sfab_release(ep->core, ep->worker, bytes);
	}
	t->notified = true;
	return true;
}

static enum posted post(struct sfab_endpoint *ep, struct sfab_transfer *t)
{
	int stage;
	bool done;

	if (t->blocked && !sfab_flow_room(t->blocked, t->wants))
		return BLOCKED;
	t->blocked = NULL;
	stage = ready_stage(ep, t);
	if (t->fault.cause && stage != SFAB_NO_STAGE) {
		ep->stage[stage].state = SFAB_STAGE_FREE;
		t->unanswered--;
		return POSTED;
	}
	if (t->fault.cause || (t->posted == t->size && t->notified)) {
		if (t->unanswered && stage == SFAB_NO_STAGE)
			return BLOCKED;
		if (!t->unanswered)
			return finish(ep, t) ? OVER : BLOCKED;
	}
	if (t->posted == t->size && stage == SFAB_NO_STAGE && t->unanswered)
		return BLOCKED;	/* only the NOTIFY is left, and has to wait */

	if (!enter(ep, t))
		return BLOCKED;
	if (stage != SFAB_NO_STAGE)
		done = post_stage(ep, t, stage);
	else if (t->posted < t->size)
		done = post_next(ep, t);
	else
		done = post_notify(ep, t);
	if (ep->worker->job.fault.cause)
		fail(t, &ep->worker->job.fault);
	leave(ep);
	return done || (t->fault.cause && !t->unanswered) ? POSTED : BLOCKED;
}

bool sfab_transfers_work(struct sfab_endpoint *ep)
{
	unsigned int queues = ep->core->config.queues;
	unsigned int n = 0, quiet = 0;

	for (unsigned int i = 0; i < 2; i++)
		if (atomic_load_explicit(&ep->core->handed[i],
					 memory_order_relaxed))
			ep->handed[i] |= atomic_exchange(&ep->core->handed[i], 0);
	/* Reset since work() looked: what was handed over may belong to after it. */
	if (sfab_fabric_incarnation(ep->fabric) != ep->incarnation)
		return true;
	for (unsigned int q = 0; q < queues; q++)
		if (is_set(ep->handed, q) && begin(ep, q) != SFAB_LATER)
			set(ep->handed, q, false);

	/* One request each in turn, until nobody can any more. */
	while (quiet < queues && n < SFAB_TURN_POSTS && (!n || sfab_fabric_has_time(ep->fabric)) &&
	       (ep->active[0] | ep->active[1])) {
		ep->turn = (ep->turn + 1) % queues;
		quiet++;
		if (is_set(ep->active, ep->turn) &&
		    post(ep, &ep->transfer[ep->turn]) != BLOCKED) {
			quiet = 0;
			n++;
		}
	}
	return n;
}

/* ---- the bytes of a request ---- */

static enum sfab_entry gather(struct sfab_endpoint *ep, struct sfab_transfer *t,
			      struct sfab_request *r, void *payload)
{
	static const struct sfab_exchange how = { .direction = SFAB_GATHER };
	struct sfab_job *job = &ep->worker->job;
	bool good;

	if (!enter(ep, t))
		return t->active ? SFAB_LATER : SFAB_GONE;
	good = sfab_exchange(ep, &t->operand[SFAB_SRC], r->at, r->len, payload,
			     &how);
	if (r->sends)	/* counted already */
		memset(job->moved, 0, sizeof(job->moved));
	if (!good) {
		fail(t, &job->fault);
		end_request(ep, t, r, false);
		r->transfer = 0;
	}
	leave(ep);
	return good ? SFAB_ENTERED : SFAB_GONE;
}

enum sfab_entry sfab_request_fill(struct sfab_endpoint *ep,
				  struct sfab_request *r, void *payload)
{
	struct sfab_transfer *t = sfab_transfer_of(ep, r);

	if (!t)
		return SFAB_GONE;
	switch (r->kind) {
	case SFAB_FROM_SRC:
		return gather(ep, t, r, payload);
	case SFAB_FROM_STAGE:
		memcpy(payload, ep->stage[r->stage].bytes, r->len);
		break;
	case SFAB_FROM_COMMAND:
		memcpy(payload, r->type == SFAB_PKT_ATOMIC ? &t->cmd.arg1 :
							     &t->cmd.arg0, 8);
		break;
	case SFAB_FROM_PATTERN:
		sfab_fill(payload, sfab_pattern(&t->cmd), r->at % 8, r->len);
		break;
	case SFAB_FROM_NOTIFY:
		memcpy(payload, &t->cmd.arg1, 8);
		break;
	}
	return SFAB_ENTERED;
}

/* ---- answers ---- */

/* Bytes that were read, or the old value of an ATOMIC, to where they belong. */
static bool scatter(struct sfab_endpoint *ep, struct sfab_transfer *t,
		    const struct sfab_request *r, unsigned int operand,
		    void *bytes)
{
	struct sfab_exchange how = {
		.direction = SFAB_SCATTER, .dtype = t->cmd.dtype,
		.op = t->cmd.op, .stream = t->size >= SFAB_SLICE_BYTES,
	};

	if (!enter(ep, t))
		return false;
	if (t->cmd.opcode == SFAB_CMD_REDUCE)
		how.direction = SFAB_COMBINE;
	if (!sfab_exchange(ep, &t->operand[operand], r->at, r->len, bytes, &how))
		fail(t, &ep->worker->job.fault);
	leave(ep);
	return true;
}

/* False: not taken. */
static bool take(struct sfab_endpoint *ep, struct sfab_transfer *t,
		 struct sfab_request *r, const struct sfab_packet *packet,
		 const void *payload)
{
	uint64_t old = packet->arg;

	switch (r->kind) {
	case SFAB_TO_STAGE:
		memcpy(ep->stage[r->stage].bytes, payload, r->len);
		return true;
	case SFAB_TO_DST:
		return scatter(ep, t, r, SFAB_DST, (void *)payload);
	case SFAB_FROM_COMMAND:
		if (r->type == SFAB_PKT_ATOMIC && t->operand[SFAB_SRC].need)
			return scatter(ep, t, r, SFAB_SRC, &old);
		return true;
	default:
		return true;
	}
}

/* The answer that a request of this type has. */
static bool fits(const struct sfab_request *r, const struct sfab_packet *packet)
{
	switch (r->type) {
	case SFAB_PKT_READ:
		return packet->type == SFAB_PKT_DATA && packet->payload == r->len;
	case SFAB_PKT_ATOMIC:
		return packet->type == SFAB_PKT_ATOMIC_RESULT;
	default:
		return packet->type == SFAB_PKT_DONE;
	}
}

bool sfab_request_answer(struct sfab_endpoint *ep, struct sfab_request *r,
			 const struct sfab_packet *packet, const void *payload)
{
	struct sfab_transfer *t = sfab_transfer_of(ep, r);

	if (!t)
		return true;
	if (packet->type == SFAB_PKT_ERROR || !fits(r, packet)) {
		sfab_request_fail(ep, r, packet->type == SFAB_PKT_ERROR &&
				  packet->status && packet->status <= 0x3f ?
				  packet->status : SFAB_STATUS_BAD_REQUEST);
		return true;
	}
	if (!take(ep, t, r, packet, payload))
		return !t->active;
	t->moved += r->len + 8 * r->notify;
	end_request(ep, t, r, r->kind == SFAB_TO_STAGE && !t->fault.cause);
	return true;
}
