// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The requests of others: in order, each once, only what a segment admits. The worker
 * executes one at a time and is done with it before it looks at the next packet; so
 * the segment table has nothing to wait for but that one.
 */
#include <errno.h>

#include "endpoint.h"

/* Payloads from this size on are part of much more, as a rule. */
#define STREAM		(SFAB_MTU / 2)

/* No status of a packet: as if the request had not come. */
#define LOST	((enum sfab_status)0xffff)

/* What a request does to memory. */
struct access {
	struct sfab_operand operand;
	struct sfab_operand notify;	/* need 0: none */
	struct sfab_exchange how;
};

/* ---- admission ---- */

/* *align: what the offset must be a multiple of. */
static bool good_fields(const struct sfab_packet *p, uint64_t *align)
{
	switch (p->type) {
	case SFAB_PKT_REDUCE:
		*align = 1u << sfab_reduce_shift(p->dtype);
		return p->dtype <= SFAB_REDUCE_BF16 && p->op <= SFAB_REDUCE_MAX &&
		       p->payload && p->payload % *align == 0;
	case SFAB_PKT_ATOMIC:
		*align = p->dtype;
		return (p->dtype == 4 || p->dtype == 8) &&
		       p->op <= SFAB_ATOMIC_CAS && p->payload == 8;
	case SFAB_PKT_READ:
		*align = 1;
		return p->arg >= 1 && p->arg <= SFAB_MTU && !p->payload;
	case SFAB_PKT_WRITE:
		*align = 1;
		return true;
	case SFAB_PKT_WRITE_NOTIFY:
		*align = 1;
		return p->payload;
	default:
		return false;
	}
}

static bool well_formed(const struct sfab_packet *p)
{
	uint64_t align;

	return good_fields(p, &align) && p->offset % align == 0;
}

static uint64_t length(const struct sfab_packet *p)
{
	switch (p->type) {
	case SFAB_PKT_READ:
		return p->arg;
	case SFAB_PKT_ATOMIC:
		return p->dtype;
	default:
		return p->payload;
	}
}

static uint64_t notify_offset(const struct sfab_packet *p)
{
	return 8ull * p->arg2;
}

static bool within(const struct sfab_segment *s, uint64_t offset, uint64_t len)
{
	return len <= s->len && offset <= s->len - len;
}

static uint32_t right(const struct sfab_packet *p)
{
	switch (p->type) {
	case SFAB_PKT_READ:
		return SFAB_S_CTRL_READ;
	case SFAB_PKT_ATOMIC:
	case SFAB_PKT_REDUCE:
		return SFAB_S_CTRL_ATOMIC;
	default:
		return SFAB_S_CTRL_WRITE;
	}
}

/* In the order of the spec. With the lock. */
static enum sfab_status judge(const struct sfab_core *core,
			      const struct sfab_packet *p)
{
	const struct sfab_segment *s;

	if (p->segment >= core->config.segments)
		return SFAB_STATUS_STALE;
	s = &core->segment[p->segment];
	if (s->epoch != p->epoch)
		return SFAB_STATUS_STALE;
	if (!(s->ctrl & SFAB_S_CTRL_VALID))
		return SFAB_STATUS_REVOKED;
	if (s->token != p->token)
		return SFAB_STATUS_BAD_TOKEN;
	if (!within(s, p->offset, length(p)) ||
	    (p->type == SFAB_PKT_WRITE_NOTIFY && !within(s, notify_offset(p), 8)))
		return SFAB_STATUS_OUT_OF_BOUNDS;
	if (!(s->ctrl & right(p)))
		return SFAB_STATUS_NO_RIGHTS;
	return SFAB_STATUS_OK;
}

static void linear(struct sfab_operand *o, uint64_t va, uint64_t len, uint64_t need)
{
	*o = (struct sfab_operand) {
		.va = va, .len = len, .rows = 1, .pitch = len,
		.need = need | SFAB_NEED_LOCAL,
	};
}

static void find_memory(const struct sfab_segment *s, const struct sfab_packet *p,
			struct access *a)
{
	uint64_t need = SFAB_NEED_WRITE;

	*a = (struct access) {
		.how.direction = SFAB_SCATTER,
		.how.stream = p->payload >= STREAM,
	};
	if (p->type == SFAB_PKT_READ) {
		need = SFAB_NEED_READ;
		a->how.direction = SFAB_GATHER;
	} else if (p->type == SFAB_PKT_REDUCE) {
		need |= SFAB_NEED_READ;
		a->how.direction = SFAB_COMBINE;
		a->how.dtype = p->dtype;
		a->how.op = p->op;
	} else if (p->type == SFAB_PKT_ATOMIC) {
		need |= SFAB_NEED_READ;
	}
	linear(&a->operand, s->va + p->offset, length(p), need);
	if (p->type == SFAB_PKT_WRITE_NOTIFY)
		linear(&a->notify, s->va + notify_offset(p), 8, SFAB_NEED_WRITE);
}

/*
 * Admit a request, and enter its address space as an engine does for a slice. Entered
 * unless it returns a status.
 */
static enum sfab_status enter(struct sfab_endpoint *ep, const struct sfab_packet *p,
			      struct access *a)
{
	struct sfab_core *core = ep->core;
	struct sfab_engine *worker = ep->worker;
	enum sfab_status status;
	const struct sfab_vm *vm;
	unsigned int v;

	sfab_lock(core);
	status = core->paused ? LOST : judge(core, p);
	if (!status && core->segment[p->segment].vm >= core->config.vms)
		status = SFAB_STATUS_TARGET_FAULT;
	if (!status) {
		v = core->segment[p->segment].vm;
		vm = &core->vm[v];
		find_memory(&core->segment[p->segment], p, a);
		core->seg_inv.in_request = true;
		worker->in_slice = true;
		worker->vm = v;
		worker->inv_count = vm->inv_count;
		worker->inv_value = vm->inv;
		worker->job = (struct sfab_job) {
			.root = vm->root, .lookups = SFAB_SLICE_LOOKUPS,
		};
	}
	sfab_unlock(core);
	return status;
}

static void leave(struct sfab_endpoint *ep)
{
	struct sfab_core *core = ep->core;
	struct sfab_out out = { 0 };

	sfab_lock(core);
	ep->worker->in_slice = false;
	core->seg_inv.in_request = false;
	sfab_invalidated(core, &out, ep->worker->vm);
	sfab_segments_invalidated(core, &out);
	sfab_drained(core);
	sfab_unlock(core);
	sfab_deliver(core, &out);
}

/* ---- execution ---- */

/* All bytes translate. */
static bool check(struct sfab_endpoint *ep, const struct sfab_operand *o)
{
	uint64_t offset = 0;

	if (!o->need)
		return true;
	if (o->va >> SFAB_VA_BITS || (o->va + o->len - 1) >> SFAB_VA_BITS) {
		ep->worker->job.fault.cause = SFAB_FAULT_BAD_RANGE;
		return false;
	}
	return sfab_check(ep->core, &ep->worker->job, o, &offset) &&
	       offset >= o->len;
}

/* One word, whole: an ATOMIC, or a store. *value: the old one. */
static bool word(struct sfab_endpoint *ep, const struct sfab_operand *o,
		 const struct sfab_packet *p, uint64_t operand, uint64_t *value,
		 const void *comparand)
{
	const struct sfab_operand side[SFAB_SIDES] = { *o };
	uint64_t bytes = o->len, compare;
	void *host;

	if (!sfab_map(ep->core, ep->worker, side, 0, &bytes))
		return false;
	host = ep->worker->plan[0].piece[0].host;
	if (p->type == SFAB_PKT_ATOMIC) {
		memcpy(&compare, comparand, 8);
		*value = sfab_atomic(host, o->len, p->op, operand, compare);
	} else {
		sfab_store(host, o->len, operand);
	}
	sfab_release(ep->core, ep->worker, bytes);
	return true;
}

static bool is_word(const struct sfab_operand *o)
{
	return (o->len == 4 || o->len == 8) && o->va % o->len == 0;
}

static bool run(struct sfab_endpoint *ep, const struct sfab_packet *p,
		const struct access *a, void *payload, uint64_t *value)
{
	const struct sfab_operand *o = &a->operand;
	uint64_t operand = p->arg;

	if (!check(ep, o) || !check(ep, &a->notify))
		return false;
	if (p->type == SFAB_PKT_ATOMIC)
		return word(ep, o, p, operand, value, payload);
	if (a->how.direction == SFAB_SCATTER && is_word(o)) {
		memcpy(&operand, payload, 8);
		if (!word(ep, o, p, operand, value, payload))
			return false;
	} else if (!sfab_exchange(ep, o, 0, o->len, payload, &a->how)) {
		return false;
	}
	return !a->notify.need ||
	       word(ep, &a->notify, p, p->arg, value, payload);
}

/* @data: what is to be written, or where to put what is read. */
static enum sfab_status execute(struct sfab_endpoint *ep,
				const struct sfab_packet *p, void *data,
				uint64_t *value)
{
	enum sfab_status status;
	struct access a;

	if (!well_formed(p))
		return SFAB_STATUS_BAD_REQUEST;
	/* It only takes the place of another (flow.c). */
	if (p->type == SFAB_PKT_WRITE && !p->payload)
		return SFAB_STATUS_OK;
	status = enter(ep, p, &a);
	if (status)
		return status;
	if (!run(ep, p, &a, data, value))
		status = ep->worker->job.fault.cause == SFAB_FAULT_POISON ?
			 SFAB_STATUS_POISONED : SFAB_STATUS_TARGET_FAULT;
	leave(ep);
	return status;
}

/* ---- answers ---- */

static struct sfab_packet answer_to(struct sfab_endpoint *ep,
				    const struct sfab_packet *p, uint8_t type)
{
	return (struct sfab_packet) {
		.version = SFAB_PACKET_VERSION,
		.type = type,
		.class_vc = SFAB_CLASS_RESPONSE,
		.dst = p->src,
		.src = sfab_fabric_eid(ep->fabric),
		.psn = p->psn,
		.src_incarnation = ep->incarnation,
		.dst_incarnation = p->src_incarnation,
	};
}

/* An answer that may as well get lost; a card that has been pulled gives none. */
static void tell(struct sfab_endpoint *ep, const struct sfab_packet *packet)
{
	struct sfab_packet copy = *packet;
	struct sfab_slot slot;

	if (sfab_fabric_pulled(ep->fabric))
		return;
	if (!sfab_fabric_reserve(ep->fabric, &copy, &slot))
		sfab_fabric_commit(ep->fabric, &copy, &slot);
}

/* The initiator's flow is not, or no longer, one that we know. */
static void tell_stale(struct sfab_endpoint *ep, const struct sfab_packet *p)
{
	struct sfab_packet answer = answer_to(ep, p, SFAB_PKT_ERROR);

	answer.status = SFAB_STATUS_STALE;
	answer.arg = 1;
	tell(ep, &answer);
}

static uint8_t type_of_answer(const struct sfab_packet *p)
{
	switch (p->type) {
	case SFAB_PKT_READ:
		return SFAB_PKT_DATA;
	case SFAB_PKT_ATOMIC:
		return SFAB_PKT_ATOMIC_RESULT;
	default:
		return SFAB_PKT_DONE;
	}
}

enum served { ANSWERED, NO_ROOM, NO_WAY };

/*
 * Execute @p, unless @kept tells how that went before, and answer. The room for the
 * answer comes first: without it nothing is done.
 */
static enum served serve(struct sfab_endpoint *ep, const struct sfab_packet *p,
			 const void *payload, struct sfab_answer *kept, bool again)
{
	struct sfab_packet answer = answer_to(ep, p, type_of_answer(p));
	bool read = p->type == SFAB_PKT_READ && p->arg <= SFAB_MTU;
	uint64_t value = 0;
	struct sfab_slot slot;
	enum sfab_status status;
	int error;

	if (read)
		answer.payload = p->arg;
	error = sfab_fabric_reserve(ep->fabric, &answer, &slot);
	if (error)
		return error == -EAGAIN ? NO_ROOM : NO_WAY;
	if (again && !read) {
		status = kept->status;
		value = kept->value;
	} else {
		status = execute(ep, p, read ? slot.payload : (void *)payload,
				 &value);
		if (status == LOST)
			return NO_WAY;
		*kept = (struct sfab_answer) { .status = status, .value = value };
	}
	if (again)
		sfab_endpoint_count(ep, SFAB_COUNTER_DUPLICATES);
	else
		sfab_endpoint_count(ep, status ? SFAB_COUNTER_REFUSED :
						 SFAB_COUNTER_EXECUTED);
	answer.arg = value;
	if (status) {
		answer.type = SFAB_PKT_ERROR;
		answer.status = status;
		answer.arg = 0;
		answer.payload = 0;
		/* It is repeated if there should be no room for it. */
		tell(ep, &answer);
	} else {
		sfab_fabric_commit(ep->fabric, &answer, &slot);
	}
	return ANSWERED;
}

/* ---- flows ---- */

static void connect(struct sfab_endpoint *ep, struct sfab_peer *peer,
		    const struct sfab_packet *p)
{
	struct sfab_packet answer = answer_to(ep, p, SFAB_PKT_CONNECTED);
	bool known = peer->open && peer->incarnation == p->src_incarnation;

	if (known && p->psn != peer->first &&
	    (int32_t)(p->psn - peer->expected) < 0)
		return;	/* from before this connection, and late */
	if (!known || p->psn != peer->first)
		*peer = (struct sfab_peer) {
			.open = true,
			.incarnation = p->src_incarnation,
			.first = p->psn,
			.expected = p->psn,
		};
	tell(ep, &answer);
}

static void tell_gap(struct sfab_endpoint *ep, struct sfab_peer *peer,
		     const struct sfab_packet *p)
{
	struct sfab_packet answer = answer_to(ep, p, SFAB_PKT_NAK);

	if (peer->told)
		return;
	peer->told = true;
	answer.arg = peer->expected;
	tell(ep, &answer);
}

bool sfab_target_deliver(struct sfab_endpoint *ep, const struct sfab_packet *p,
			 const void *payload)
{
	struct sfab_peer *peer = &ep->peer[p->src];
	struct sfab_answer *kept = &peer->answer[p->psn % SFAB_FLOW_REQUESTS];
	int32_t ahead = p->psn - peer->expected;
	enum served served;

	if (p->type == SFAB_PKT_CONNECT) {
		connect(ep, peer, p);
		return true;
	}
	if (!peer->open || peer->incarnation != p->src_incarnation ||
	    p->dst_incarnation != ep->incarnation) {
		tell_stale(ep, p);
		return true;
	}
	if (ahead > 0) {
		tell_gap(ep, peer, p);
		return true;
	}
	if (ahead == 0) {
		served = serve(ep, p, payload, kept, false);
		if (served == ANSWERED) {
			peer->expected++;
			peer->told = false;
		}
		return served != NO_ROOM;
	}
	if (ahead < -SFAB_FLOW_REQUESTS || (int32_t)(p->psn - peer->first) < 0) {
		tell_stale(ep, p);
		return true;
	}
	return serve(ep, p, payload, kept, true) != NO_ROOM;
}

void sfab_target_forget(struct sfab_endpoint *ep)
{
	for (unsigned int eid = 0; eid < ep->core->config.eids; eid++)
		if (ep->peer[eid].open)
			memset(&ep->peer[eid], 0, sizeof(ep->peer[eid]));
}
