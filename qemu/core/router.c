// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where packets go. A packet stays in the ring where it came in until there is room
 * where it goes; so a ring is a queue, and what its head waits for, all wait for.
 */
#include <errno.h>

#include "copy.h"
#include "fabric_internal.h"

/* At most so long a packet waits for a port that changes its light path. */
#define HELD_NS		1000000000ull

/* ---- choosing the way ---- */

struct way {
	unsigned int port;
	unsigned int vc;
	bool failover;		/* a better candidate is down */
};

/*
 * The first candidate towards @dst whose port carries traffic, and is not @from. -EAGAIN:
 * there will be one in a moment, when a port has changed its light path.
 */
static int choose(const struct sfab_fabric *fabric, uint16_t dst, unsigned int from,
		  unsigned int vc, bool answer, struct way *way)
{
	bool any = false, held = false;
	uint64_t route;

	if (!dst || dst >= fabric->config.eids)
		return -ENETUNREACH;
	route = relaxed_load(fabric->route[dst]);
	way->failover = false;
	for (unsigned int i = 0; i < SFAB_ROUTE_CANDIDATES; i++, route >>= 16) {
		unsigned int port = route & SFAB_ROUTE_PORT;
		unsigned int action = route >> SFAB_ROUTE_VC_SHIFT & SFAB_ROUTE_VC_MASK;

		if (!(route >> SFAB_ROUTE_HOPS_SHIFT & 0xff) ||
		    port >= fabric->config.ports || port == from)
			continue;
		any = true;
		if (sfab_port_holds(&fabric->port[port], answer)) {
			held = true;
			continue;
		}
		if (!sfab_port_carries(&fabric->port[port])) {
			way->failover = true;
			continue;
		}
		way->port = port;
		way->vc = action == SFAB_VC_TO_1 ? 1 : action == SFAB_VC_TO_0 ? 0 : vc;
		return 0;
	}
	return held ? -EAGAIN : any ? -ENETDOWN : -ENETUNREACH;
}

uint32_t sfab_fabric_downs(const struct sfab_fabric *fabric, unsigned int port)
{
	return fabric->port[port].downs;
}

bool sfab_fabric_first_way(const struct sfab_fabric *fabric, uint16_t dst)
{
	struct way way;
	int error;

	if (dst == relaxed_load(fabric->eid))
		return true;
	error = choose(fabric, dst, SFAB_NOWHERE, 0, false, &way);
	return error == -EAGAIN || (!error && !way.failover);
}

static unsigned int ring_of(const struct sfab_packet *packet)
{
	return (packet->class_vc & SFAB_CLASS_VC1 ? SFAB_CLASSES : 0) +
	       (packet->class_vc & SFAB_CLASS_MASK);
}

/* The VC and ring that it goes on in. */
static unsigned int turn(struct sfab_packet *packet, const struct way *way)
{
	packet->class_vc = (packet->class_vc & SFAB_CLASS_MASK) |
			   (way->vc ? SFAB_CLASS_VC1 : 0);
	return ring_of(packet);
}

/* There was room on it. */
static void take(struct sfab_fabric *fabric, const struct way *way)
{
	if (way->failover)
		sfab_count(&fabric->port[way->port].counter[SFAB_P_FAILOVERS], 1);
}

/* Room on the way; *stalled: the packet lacked credit before, or does now. */
static int reserve(struct sfab_fabric *fabric, const struct way *way,
		   struct sfab_packet *packet, bool *stalled, struct sfab_slot *slot)
{
	struct sfab_port *port = &fabric->port[way->port];

	slot->port = way->port;
	slot->ring = turn(packet, way);
	switch (sfab_link_reserve(&port->link, slot->ring, packet->payload,
				  fabric->now, &slot->at)) {
	case SFAB_ROOM:
		slot->payload = sfab_link_payload(&port->link, slot->ring, slot->at);
		take(fabric, way);
		return 0;
	case SFAB_NO_CREDIT:
		if (!*stalled)
			sfab_count(&port->counter[SFAB_P_CREDIT_STALLS], 1);
		*stalled = true;
		return -EAGAIN;
	case SFAB_NO_TOKENS:
		sfab_due(fabric, sfab_link_ready_at(&port->link));
		return -EAGAIN;
	}
	return -EAGAIN;
}

/* ---- packets of this device ---- */

int sfab_router_reserve_at(struct sfab_fabric *fabric, unsigned int port,
			   struct sfab_packet *packet, bool answer, struct sfab_slot *slot)
{
	struct way way = { .port = port };
	bool stalled = true;

	packet->hops = SFAB_HOP_LIMIT;
	sfab_near_release(fabric);
	if (sfab_port_holds(&fabric->port[port], answer))
		return -EAGAIN;
	if (!sfab_port_carries(&fabric->port[port]))
		return -ENETDOWN;
	return reserve(fabric, &way, packet, &stalled, slot);
}

static bool same(const struct sfab_packet *a, const struct sfab_packet *b)
{
	return a->psn == b->psn && a->dst == b->dst && a->type == b->type;
}

int sfab_router_reserve(struct sfab_fabric *fabric, struct sfab_packet *packet, bool answer,
			struct sfab_slot *slot)
{
	bool stalled = same(packet, &fabric->stalled);
	struct way way;
	int error;

	if (packet->dst && packet->dst == relaxed_load(fabric->eid))
		return sfab_router_reserve_at(fabric, fabric->config.ports,
					      packet, answer, slot);
	packet->hops = SFAB_HOP_LIMIT;
	sfab_near_release(fabric);
	error = choose(fabric, packet->dst, SFAB_NOWHERE, 0, answer, &way);
	if (error)
		return error;
	slot->port = way.port;
	if (sfab_near_reserve(fabric, packet, answer, turn(packet, &way), slot)) {
		take(fabric, &way);
		return 0;
	}
	error = reserve(fabric, &way, packet, &stalled, slot);
	if (stalled)
		fabric->stalled = *packet;
	return error;
}

int sfab_fabric_reserve(struct sfab_fabric *fabric, struct sfab_packet *packet,
			struct sfab_slot *slot)
{
	return sfab_router_reserve(fabric, packet, packet->type & 0x80, slot);
}

void sfab_fabric_commit(struct sfab_fabric *fabric, const struct sfab_packet *packet,
			const struct sfab_slot *slot)
{
	if (fabric->beyond.next)
		sfab_near_commit(fabric, packet, slot);
	else
		sfab_link_commit(&fabric->port[slot->port].link, slot->ring, slot->at, packet);
	fabric->moved += sfab_frame_bytes(packet->payload);
}

void sfab_fabric_spend(struct sfab_fabric *fabric, uint64_t bytes)
{
	fabric->moved += bytes;
}

bool sfab_fabric_has_time(const struct sfab_fabric *fabric)
{
	return fabric->moved < fabric->slice;
}

int sfab_router_onward(struct sfab_fabric *fabric, unsigned int from, struct sfab_packet *packet,
		       bool answer, struct sfab_slot *slot)
{
	bool stalled = true, vc1 = packet->class_vc & SFAB_CLASS_VC1;
	struct way way;
	int error;

	if (packet->hops <= 1 || packet->dst == relaxed_load(fabric->eid))
		return -EHOSTUNREACH;
	packet->hops--;
	error = choose(fabric, packet->dst, from, vc1, answer, &way);
	return error ? error : reserve(fabric, &way, packet, &stalled, slot);
}

/* ---- packets that came in ---- */

/* A packet as it is specified, in the ring of its class and VC. */
static bool well_formed(const struct sfab_link_rx *rx, unsigned int ring)
{
	const struct sfab_packet *packet = &rx->packet;
	unsigned int class = packet->class_vc & SFAB_CLASS_MASK;
	unsigned int fits = packet->type & 0x80 ? SFAB_CLASS_RESPONSE :
			    packet->type & 0x40 ? SFAB_CLASS_MANAGEMENT :
			    SFAB_CLASS_REQUEST;

	return packet->version == SFAB_PACKET_VERSION && class == fits &&
	       !(packet->class_vc & ~(SFAB_CLASS_MASK | SFAB_CLASS_VC1)) &&
	       ring_of(packet) == ring && packet->payload <= SFAB_MTU &&
	       rx->length == SFAB_PACKET_HEADER + sfab_padded(packet->payload);
}

/* Tell the source of a request that its way ends here, in the name of its target. */
static void answer_no_route(struct sfab_fabric *fabric, const struct sfab_packet *to)
{
	struct sfab_packet packet = {
		.version = SFAB_PACKET_VERSION,
		.type = SFAB_PKT_ERROR,
		.class_vc = SFAB_CLASS_RESPONSE,
		.dst = to->src,
		.src = to->dst,
		.psn = to->psn,
		.dst_incarnation = to->src_incarnation,
		.status = SFAB_STATUS_NO_ROUTE,
	};
	struct sfab_slot slot;

	if (!sfab_fabric_reserve(fabric, &packet, &slot))
		sfab_fabric_commit(fabric, &packet, &slot);
}

/* The way of @packet ends here: tell who waits for an answer. */
static void tell_source(struct sfab_fabric *fabric, const struct sfab_packet *packet,
			const void *payload)
{
	switch (packet->class_vc & SFAB_CLASS_MASK) {
	case SFAB_CLASS_REQUEST:
		answer_no_route(fabric, packet);
		break;
	case SFAB_CLASS_MANAGEMENT:
		sfab_agent_unreachable(fabric, packet, payload);
		break;
	}
}

/*
 * True: the packet stays at the head of its ring, and may. @held: for as long as a port
 * takes to change its light path; after that it waits as if it had just come.
 */
static bool wait(struct sfab_fabric *fabric, struct sfab_link_rx *rx, bool held)
{
	uint64_t limit = relaxed_load(fabric->hoq_timeout) * 1000000ull;

	if (held)
		limit += HELD_NS;
	if (rx->held != held)
		rx->blocked = 0;
	rx->held = held;
	if (!rx->blocked)
		rx->blocked = fabric->now ? fabric->now : 1;
	if (fabric->now - rx->blocked >= limit)
		return false;
	sfab_due(fabric, rx->blocked + limit);
	return true;
}

/*
 * A packet that @tx has no room for. Once one has waited too long, those after it are
 * dropped at once until something is taken from @tx: who takes nothing must not hold
 * up for long what others send each other.
 */
static enum sfab_fate blocked(struct sfab_fabric *fabric, struct sfab_link_tx *tx,
			      struct sfab_link_rx *rx)
{
	if (wait(fabric, rx, false) && !(tx->stuck && rx->stalled))
		return SFAB_BLOCKED;
	if (rx->stalled)
		tx->stuck = true;
	return SFAB_STALLED;
}

/* Nobody will have to answer it: it may still go when requests may not. */
static bool is_answer(const struct sfab_packet *packet, const void *payload)
{
	const struct sfab_datagram *datagram = payload;
	uint8_t method;

	if (packet->type != SFAB_PKT_DATAGRAM)
		return packet->type & 0x80;
	memcpy(&method, &datagram->method, 1);
	return method & SFAB_MGMT_RESPONSE || method == SFAB_MGMT_TRAP;
}

static enum sfab_fate forward(struct sfab_fabric *fabric, unsigned int from,
			      struct sfab_link_rx *rx, const void *payload)
{
	struct sfab_packet packet = rx->packet;
	struct sfab_slot slot;
	struct way way;
	int error;

	if (packet.hops <= 1)
		return SFAB_HOPS;
	packet.hops--;
	error = choose(fabric, packet.dst, from, !!(packet.class_vc & SFAB_CLASS_VC1),
		       is_answer(&packet, payload), &way);
	if (error)
		return error == -EAGAIN ? SFAB_HELD : SFAB_NO_ROUTE;
	if (sfab_near_deliver(fabric, way.port, turn(&packet, &way), &packet, payload)) {
		take(fabric, &way);
		sfab_count(&fabric->forwarded, 1);
		return SFAB_TAKEN;
	}
	if (reserve(fabric, &way, &packet, &rx->stalled, &slot))
		return blocked(fabric, &fabric->port[slot.port].link.tx[slot.ring],
			       rx);
	sfab_copy(slot.payload, payload, sfab_padded(packet.payload), false);
	sfab_link_commit(&fabric->port[slot.port].link, slot.ring, slot.at, &packet);
	sfab_count(&fabric->forwarded, 1);
	return SFAB_TAKEN;
}

static enum sfab_fate handle(struct sfab_fabric *fabric, unsigned int from,
			     unsigned int ring, const void *payload)
{
	struct sfab_link_rx *rx = &fabric->port[from].link.rx[ring];
	const struct sfab_packet *packet = &rx->packet;
	bool mine = packet->dst && packet->dst == relaxed_load(fabric->eid);

	if (!well_formed(rx, ring))
		return SFAB_MALFORMED;
	if (packet->type & 0x40 && !(packet->type & 0x80) && (mine || !packet->dst))
		return sfab_agent_deliver(fabric, from, packet, payload);
	if (!mine)
		return forward(fabric, from, rx, payload);
	if (!fabric->sink)
		return SFAB_NO_ROUTE;	/* nobody lives in a switch */
	return fabric->sink->deliver(fabric->endpoint, packet, payload) ?
	       SFAB_TAKEN : SFAB_BLOCKED;
}

static bool serve_ring(struct sfab_fabric *fabric, struct sfab_port *port,
		       unsigned int ring)
{
	struct sfab_link_rx *rx = &port->link.rx[ring];
	uint64_t begin = fabric->moved;
	const void *payload;

	/* Most have nothing. */
	if (rx->head == rx->tail)
		return false;
	while (fabric->moved - begin < SFAB_TURN_BYTES && sfab_fabric_has_time(fabric) &&
	       (payload = sfab_link_receive(&port->link, ring))) {
		unsigned int counter = 0;

		switch (handle(fabric, port->index, ring, payload)) {
		case SFAB_TAKEN:
			break;
		case SFAB_BLOCKED:
			if (wait(fabric, rx, false))
				return fabric->moved != begin;
			/* fall through */
		case SFAB_STALLED:
			counter = SFAB_P_DROP_HOQ;
			break;
		case SFAB_HELD:
			if (wait(fabric, rx, true))
				return fabric->moved != begin;
			counter = SFAB_P_DROP_HOQ;
			break;
		case SFAB_NO_ROUTE:
			counter = SFAB_P_DROP_NO_ROUTE;
			tell_source(fabric, &rx->packet, payload);
			break;
		case SFAB_HOPS:
			counter = SFAB_P_DROP_HOPS;
			break;
		case SFAB_MALFORMED:
			counter = SFAB_P_DROP_MALFORMED;
			break;
		}
		if (counter)
			sfab_count(&port->counter[counter], 1);
		fabric->moved += rx->bytes + SFAB_PACKET_COST;
		sfab_link_take(&port->link, ring);
	}
	return fabric->moved != begin;
}

bool sfab_router_endpoint(struct sfab_fabric *fabric)
{
	uint64_t end = fabric->moved + SFAB_TURN_BYTES, due;
	bool more;

	do {
		due = UINT64_MAX;
		more = fabric->sink->work(fabric->endpoint, &due);
		/* What moves nothing takes its time too. */
		fabric->moved += SFAB_PACKET_COST;
	} while (more && fabric->moved < end && sfab_fabric_has_time(fabric));
	if (!more)
		sfab_due(fabric, due);
	return more;
}

/* Likewise, but true if it did anything. */
static bool serve_endpoint(struct sfab_fabric *fabric)
{
	uint64_t moved = fabric->moved;

	return sfab_router_endpoint(fabric) || fabric->moved - moved > SFAB_PACKET_COST;
}

bool sfab_router_serve(struct sfab_fabric *fabric, const struct sfab_source *source)
{
	bool served = source->ring < SFAB_FIBRE_RINGS ?
		      serve_ring(fabric, &fabric->port[source->port], source->ring) :
		      serve_endpoint(fabric);

	/* What was reserved and not committed. */
	sfab_near_release(fabric);
	return served;
}
