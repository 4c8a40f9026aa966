// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Flows: requests go to a target in order, one psn each, and are kept until they are
 * answered; what is lost is sent again. A request that nobody wants any more still has
 * its psn, without which the target would not take the next: it goes on as a WRITE of
 * no bytes.
 *
 * A flow serves all queues, whatever their policy for a lost way is. FAIL ends requests, not
 * the flow. WAIT holds the flow only if nobody in it wants to go on: else those that wait
 * go the other way as well, as all that a target is sent is in order.
 */
#include <errno.h>

#include "endpoint.h"

/* An answer that takes longer than this tells of bytes that wait somewhere. */
#define SLOW_NS		10000000ull
#define ANSWER_TIMES	4	/* that a repetition waits for */
/* psn that a new connection leaves out: packets of the old one are older. */
#define PSN_GAP		(2 * SFAB_FLOW_REQUESTS)

static struct sfab_request *request(struct sfab_flow *flow, uint32_t psn)
{
	return &flow->request[psn % SFAB_FLOW_REQUESTS];
}

/* ---- posting ---- */

struct sfab_flow *sfab_flow_to(struct sfab_endpoint *ep, uint16_t eid)
{
	struct sfab_flow *flow = &ep->flow[eid];

	if (!flow->eid) {
		flow->eid = eid;
		flow->window = SFAB_FLOW_BEGIN;
		flow->una = sfab_fabric_random(ep->fabric);
		flow->next = flow->una;
		flow->end = flow->una;
	}
	return flow;
}

bool sfab_flow_room(const struct sfab_flow *flow, uint32_t len)
{
	return flow->end - flow->una < SFAB_FLOW_REQUESTS &&
	       (!flow->bytes || flow->bytes + len <= flow->window);
}

struct sfab_request *sfab_flow_post(struct sfab_endpoint *ep, struct sfab_flow *flow,
				    uint32_t len, const struct sfab_terms *terms)
{
	struct sfab_request *r = request(flow, flow->end++);

	if (!flow->listed) {
		flow->listed = true;
		flow->link = ep->flows;
		ep->flows = flow;
	}
	*r = (struct sfab_request) { .len = len, .terms = *terms, .born = ep->now };
	flow->bytes += len;
	flow->policies |= 1u << terms->policy;
	flow->limited |= terms->limit;
	return r;
}

/* ---- giving up ---- */

/* The next request begins another connection. */
static void close_flow(struct sfab_flow *flow)
{
	flow->state = SFAB_FLOW_CLOSED;
	flow->end += PSN_GAP;
	flow->una = flow->end;
	flow->next = flow->end;
	flow->bytes = 0;
	flow->no_route = false;
}

static bool wanted(struct sfab_endpoint *ep, const struct sfab_request *r)
{
	return !r->answered && sfab_transfer_of(ep, r);
}

/* What is left goes on; if nothing is, the next request begins another connection. */
static void end_some(struct sfab_endpoint *ep, struct sfab_flow *flow,
		     const struct sfab_ending *ending)
{
	bool left = false;

	for (uint32_t psn = flow->una; psn != flow->end; psn++) {
		struct sfab_request *r = request(flow, psn);

		if (!wanted(ep, r))
			continue;
		if (sfab_ends(ep, ending, &r->terms))
			sfab_request_fail(ep, r, ending->status);
		else
			left = true;
	}
	if (!left)
		close_flow(flow);
	sfab_transfers_unblock(ep, flow, ending);
	ep->ended = true;
}

static void fail_flow(struct sfab_endpoint *ep, struct sfab_flow *flow,
		      enum sfab_status status)
{
	end_some(ep, flow, &(struct sfab_ending) {
		.status = status, .limit = UINT64_MAX,
	});
}

/*
 * The target is another incarnation than the one that was connected to. What was imported
 * before that was exported by its former self, and is stale. What was imported later may be
 * of this one, which has executed nothing yet: it is sent again, over a new connection, and
 * the segment's epoch tells. As PSN_GAP is a multiple of the slots, requests keep theirs.
 */
static void reconnect(struct sfab_endpoint *ep, struct sfab_flow *flow)
{
	bool left = false;

	for (uint32_t psn = flow->una; psn != flow->end; psn++) {
		struct sfab_request *r = request(flow, psn);

		if (wanted(ep, r) && r->imported <= flow->imports)
			sfab_request_fail(ep, r, SFAB_STATUS_STALE);
		left |= wanted(ep, r);
		/* One that was answered has had its effect elsewhere; its psn has to be sent */
		if (r->answered) {
			r->answered = false;
			r->transfer = 0;
		}
	}
	ep->ended = true;
	if (!left) {
		close_flow(flow);
		return;
	}
	flow->state = SFAB_FLOW_CLOSED;
	flow->una += PSN_GAP;
	flow->next = flow->una;
	flow->end += PSN_GAP;
	flow->no_route = false;
}

/* The way is lost: those who do not want to wait for it, or to go another, end. */
static void lose_way(struct sfab_endpoint *ep, struct sfab_flow *flow)
{
	if (flow->policies & 1u << SFAB_Q_POLICY_FAIL)
		end_some(ep, flow, &(struct sfab_ending) {
			.status = SFAB_STATUS_NO_ROUTE, .failing = true, .limit = UINT64_MAX,
		});
}

/* Whose time is over first; who may take the same time began in the order of the psn. */
static struct sfab_end first_end(struct sfab_endpoint *ep, struct sfab_flow *flow)
{
	const struct sfab_request *head = request(flow, flow->una);
	struct sfab_end end = { .at = UINT64_MAX };

	if (flow->limited) {
		for (uint32_t psn = flow->una; psn != flow->end; psn++) {
			const struct sfab_request *r = request(flow, psn);

			if (wanted(ep, r))
				sfab_sooner(ep, &end, r->born, &r->terms);
		}
		sfab_transfers_end(ep, flow, &end);
	}
	if (end.at == UINT64_MAX)
		sfab_sooner(ep, &end, head->born, &head->terms);
	return end;
}

/* The time of some is over, and with it that of all who may not take longer. */
static bool expire(struct sfab_endpoint *ep, struct sfab_flow *flow)
{
	struct sfab_end end = first_end(ep, flow);

	if (ep->now < end.at)
		return false;
	end_some(ep, flow, &(struct sfab_ending) {
		.status = flow->no_route ? SFAB_STATUS_NO_ROUTE : SFAB_STATUS_TIMEOUT,
		.limit = end.limit,
	});
	return true;
}

void sfab_flows_forget(struct sfab_endpoint *ep)
{
	for (struct sfab_flow *flow = ep->flows; flow; flow = flow->link)
		flow->listed = false;
	ep->flows = NULL;
	for (unsigned int eid = 0; eid < ep->core->config.eids; eid++)
		if (ep->flow[eid].eid)
			memset(&ep->flow[eid], 0, sizeof(ep->flow[eid]));
}

/* ---- sending ---- */

static uint64_t first_interval(struct sfab_endpoint *ep,
			       const struct sfab_flow *flow)
{
	uint64_t retry = sfab_fabric_retry_timeout(ep->fabric);
	uint64_t most = sfab_fabric_op_timeout(ep->fabric) / 4;
	uint64_t wait = ANSWER_TIMES * flow->answer_time;

	if (wait > most)
		wait = most;
	return wait > retry ? wait : retry;
}

static void arm(struct sfab_endpoint *ep, struct sfab_flow *flow)
{
	flow->interval = first_interval(ep, flow);
	flow->repeat_at = ep->now + flow->interval;
}

static void back_off(struct sfab_endpoint *ep, struct sfab_flow *flow)
{
	uint64_t most = sfab_fabric_op_timeout(ep->fabric) / 4;

	flow->repeat_at = ep->now + flow->interval;
	if (flow->interval < most) {
		flow->interval *= 2;
		if (flow->interval > most)
			flow->interval = most;
	}
}

static struct sfab_packet make_packet(struct sfab_endpoint *ep,
				      const struct sfab_flow *flow, uint8_t type,
				      uint32_t psn)
{
	return (struct sfab_packet) {
		.version = SFAB_PACKET_VERSION,
		.type = type,
		.class_vc = SFAB_CLASS_REQUEST,
		.dst = flow->eid,
		.src = sfab_fabric_eid(ep->fabric),
		.psn = psn,
		.src_incarnation = ep->incarnation,
		.dst_incarnation = flow->incarnation,
	};
}

static void describe(struct sfab_endpoint *ep, const struct sfab_request *r,
		     struct sfab_packet *packet)
{
	const struct sfab_command *cmd = &ep->transfer[r->queue].cmd;

	packet->type = r->type;
	packet->segment = r->segment;
	packet->token = r->token;
	packet->epoch = r->epoch;
	packet->offset = r->offset;
	packet->payload = r->len;
	switch (r->type) {
	case SFAB_PKT_READ:
		packet->payload = 0;
		packet->arg = r->len;
		break;
	case SFAB_PKT_WRITE_NOTIFY:
		packet->arg = cmd->arg1;
		packet->arg2 = r->notify_offset / 8;
		break;
	case SFAB_PKT_REDUCE:
		packet->dtype = cmd->dtype;
		packet->op = cmd->op;
		break;
	case SFAB_PKT_ATOMIC:
		packet->payload = 8;
		packet->dtype = cmd->dtype;
		packet->op = cmd->op;
		packet->arg = cmd->arg0;
		break;
	}
}

/* A request that wants to know of it left by a port that has gone down since. */
static bool way_lost(struct sfab_endpoint *ep, struct sfab_flow *flow)
{
	if (!(flow->policies & 1u << SFAB_Q_POLICY_FAIL))
		return false;
	for (uint32_t psn = flow->una; psn != flow->end; psn++) {
		const struct sfab_request *r = request(flow, psn);

		if (r->terms.policy == SFAB_Q_POLICY_FAIL && r->sends && wanted(ep, r) &&
		    r->downs != sfab_fabric_downs(ep->fabric, r->port))
			return true;
	}
	return false;
}

/* The best way is lost, and nobody wants to go another. */
static bool waits(struct sfab_endpoint *ep, struct sfab_flow *flow)
{
	if (!(flow->policies & 1u << SFAB_Q_POLICY_WAIT) ||
	    sfab_fabric_first_way(ep->fabric, flow->eid) || sfab_transfers_eager(ep, flow))
		return false;
	for (uint32_t psn = flow->una; psn != flow->end; psn++) {
		const struct sfab_request *r = request(flow, psn);

		if (r->terms.policy != SFAB_Q_POLICY_WAIT && wanted(ep, r))
			return false;
	}
	return true;
}

/* Room for a packet; false: not now, for how long that may be the timeouts tell. */
static bool find_way(struct sfab_endpoint *ep, struct sfab_flow *flow,
		     struct sfab_packet *packet, struct sfab_slot *slot)
{
	int error = waits(ep, flow) ? -EHOSTDOWN :
				      sfab_fabric_reserve(ep->fabric, packet, slot);

	switch (error) {
	case 0:
		return true;
	case -ENETUNREACH:
		fail_flow(ep, flow, SFAB_STATUS_NO_ROUTE);
		return false;
	case -ENETDOWN:
		flow->no_route = true;
		lose_way(ep, flow);
		return false;
	case -EHOSTDOWN:
		flow->no_route = true;
		return false;
	default:
		return false;
	}
}

static bool connect(struct sfab_endpoint *ep, struct sfab_flow *flow)
{
	struct sfab_packet packet;
	struct sfab_slot slot;

	if (flow->state == SFAB_FLOW_CLOSED) {
		flow->state = SFAB_FLOW_CONNECTING;
		flow->incarnation = 0;
		sfab_lock(ep->core);
		flow->imports = ep->core->imports;
		sfab_unlock(ep->core);
		flow->answer_time = 0;
		flow->interval = first_interval(ep, flow);
		flow->repeat_at = ep->now;
	}
	if (ep->now < flow->repeat_at)
		return false;
	packet = make_packet(ep, flow, SFAB_PKT_CONNECT, flow->una);
	if (!find_way(ep, flow, &packet, &slot))
		return false;
	sfab_fabric_commit(ep->fabric, &packet, &slot);
	back_off(ep, flow);
	return true;
}

/* Send request @next. False: not now. */
static bool send_next(struct sfab_endpoint *ep, struct sfab_flow *flow,
		      uint32_t *sent)
{
	struct sfab_request *r = request(flow, flow->next);
	struct sfab_packet packet = make_packet(ep, flow, SFAB_PKT_WRITE,
						flow->next);
	enum sfab_entry entry;
	struct sfab_slot slot;

	if (sfab_transfer_of(ep, r))
		describe(ep, r, &packet);
	if (!find_way(ep, flow, &packet, &slot))
		return false;
	if (packet.payload) {
		entry = sfab_request_fill(ep, r, slot.payload);
		if (entry == SFAB_GONE)
			return true;	/* with the next try as one of no bytes */
		if (entry == SFAB_LATER)
			return false;
	}
	sfab_fabric_commit(ep->fabric, &packet, &slot);
	*sent += packet.payload;
	r->port = slot.port;
	r->downs = sfab_fabric_downs(ep->fabric, slot.port);
	if (!r->sends++) {
		r->sent = ep->now;
		sfab_endpoint_count(ep, SFAB_COUNTER_REQUESTS);
	} else {
		sfab_endpoint_count(ep, SFAB_COUNTER_REPEATED);
	}
	if (flow->next == flow->una)
		flow->repeat_at = ep->now + flow->interval;
	flow->next++;
	return true;
}

static void take_answered(struct sfab_flow *flow)
{
	while (flow->una != flow->end && request(flow, flow->una)->answered) {
		flow->bytes -= request(flow, flow->una)->len;
		flow->una++;
	}
	if ((int32_t)(flow->next - flow->una) < 0)
		flow->next = flow->una;
}

static bool serve(struct sfab_endpoint *ep, struct sfab_flow *flow)
{
	unsigned int n = 0;
	uint32_t sent = 0;

	if (expire(ep, flow))
		return true;
	if (way_lost(ep, flow)) {
		lose_way(ep, flow);
		return true;
	}
	if (!sfab_fabric_eid(ep->fabric)) {
		fail_flow(ep, flow, SFAB_STATUS_NO_ROUTE);
		return true;
	}
	if (flow->state != SFAB_FLOW_OPEN)
		return connect(ep, flow);
	if (flow->next != flow->una && ep->now >= flow->repeat_at) {
		flow->next = flow->una;
		back_off(ep, flow);
	}
	while (flow->una != flow->end && flow->next != flow->end &&
	       n < SFAB_TURN_POSTS && sent < SFAB_MTU &&
	       (!n || sfab_fabric_has_time(ep->fabric)) && send_next(ep, flow, &sent))
		n++;
	return n;
}

/* Those from *@at on are first the next time. */
static void turn_list(struct sfab_endpoint *ep, struct sfab_flow **at)
{
	struct sfab_flow *first = *at, *last = first;

	if (!first || at == &ep->flows)
		return;
	while (last->link)
		last = last->link;
	*at = NULL;
	last->link = ep->flows;
	ep->flows = first;
}

bool sfab_flows_work(struct sfab_endpoint *ep, uint64_t *due)
{
	struct sfab_flow **at = &ep->flows, *flow;
	struct sfab_end end;
	bool busy = false;

	while ((flow = *at)) {
		if (flow->una != flow->end)
			busy |= serve(ep, flow);
		if (flow->una == flow->end) {
			flow->listed = false;
			flow->policies = 0;
			flow->limited = false;
			*at = flow->link;
			continue;
		}
		end = first_end(ep, flow);
		if (end.at < *due)
			*due = end.at;
		if ((flow->next != flow->una ||
		     flow->state == SFAB_FLOW_CONNECTING) &&
		    flow->repeat_at > ep->now && flow->repeat_at < *due)
			*due = flow->repeat_at;
		at = &flow->link;
		if (busy && !sfab_fabric_has_time(ep->fabric)) {
			turn_list(ep, at);
			break;
		}
	}
	busy |= ep->ended;
	ep->ended = false;
	return busy;
}

/* ---- answers ---- */

static bool outstanding(const struct sfab_flow *flow, uint32_t psn)
{
	return psn - flow->una < flow->end - flow->una;
}

/* How long answers take decides how much may be under way. */
static void adapt(struct sfab_endpoint *ep, struct sfab_flow *flow, uint32_t psn,
		  const struct sfab_request *r)
{
	uint64_t time = ep->now - r->sent;

	flow->answer_time += ((int64_t)time - (int64_t)flow->answer_time) / 8;
	if (time < SLOW_NS) {
		flow->window += SFAB_MTU / 4;
		if (flow->window > SFAB_FLOW_WINDOW)
			flow->window = SFAB_FLOW_WINDOW;
	} else if ((int32_t)(psn - flow->shrunk) >= 0) {
		flow->shrunk = flow->end;
		flow->window /= 2;
		if (flow->window < SFAB_MTU)
			flow->window = SFAB_MTU;
	}
}

static void connected(struct sfab_endpoint *ep, struct sfab_flow *flow,
		      const struct sfab_packet *packet)
{
	if (flow->state != SFAB_FLOW_CONNECTING || packet->psn != flow->una)
		return;
	flow->state = SFAB_FLOW_OPEN;
	flow->incarnation = packet->src_incarnation;
	flow->no_route = false;
	flow->next = flow->una;
	flow->shrunk = flow->una;
	arm(ep, flow);
}

static void error(struct sfab_endpoint *ep, struct sfab_flow *flow,
		  const struct sfab_packet *packet)
{
	if (packet->status != SFAB_STATUS_NO_ROUTE) {
		if (packet->src_incarnation == flow->incarnation)
			fail_flow(ep, flow, SFAB_STATUS_STALE);
		else
			reconnect(ep, flow);
		return;
	}
	flow->no_route = true;
	lose_way(ep, flow);
}

static void answered(struct sfab_endpoint *ep, struct sfab_flow *flow,
		     const struct sfab_packet *packet, const void *payload)
{
	struct sfab_request *r = request(flow, packet->psn);

	if (!r->sends || r->answered)
		return;
	if (!sfab_request_answer(ep, r, packet, payload))
		return;
	adapt(ep, flow, packet->psn, r);
	r->answered = true;
	flow->no_route = false;
	take_answered(flow);
	arm(ep, flow);
}

void sfab_flow_deliver(struct sfab_endpoint *ep, const struct sfab_packet *packet,
		       const void *payload)
{
	struct sfab_flow *flow = &ep->flow[packet->src];

	if (!flow->eid || packet->dst_incarnation != ep->incarnation ||
	    !outstanding(flow, packet->psn))
		return;
	if (packet->type == SFAB_PKT_CONNECTED) {
		connected(ep, flow, packet);
	} else if (packet->type == SFAB_PKT_ERROR &&
		   (packet->status == SFAB_STATUS_NO_ROUTE ||
		    (packet->status == SFAB_STATUS_STALE && packet->arg))) {
		error(ep, flow, packet);
	} else if (flow->state != SFAB_FLOW_OPEN ||
		   packet->src_incarnation != flow->incarnation) {
		return;
	} else if (packet->type == SFAB_PKT_NAK) {
		flow->next = flow->una;
	} else {
		answered(ep, flow, packet, payload);
	}
}
