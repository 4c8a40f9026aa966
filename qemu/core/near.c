// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fibres with both ends in this process. What is sent through one need not lie in its ring:
 * a packet of ours that the neighbour would only forward is written to where that would put
 * it, and one that came in for the neighbour is delivered from where it lies. So such a hop
 * copies nothing, and seldom wakes anybody.
 *
 * Whoever does so works for the neighbour, under its &sfab_fabric.run, for which nobody waits:
 * whose neighbour is busy uses the ring. Nothing overtakes: the ring must be empty. Nor is the
 * physics of the light passed by: only a link that is clean and not paced can be skipped.
 */
#include <stdlib.h>

#include "fabric_internal.h"

/* About as long as it takes to look at all ports. */
#define ENTER_TRIES	64

struct sfab_near {
	struct sfab_near *next;		/* nears_lock */
	void *memory;
	pthread_mutex_t lock;		/* of @end; within a run; others are tried in it */
	struct {
		struct sfab_fabric *fabric;	/* NULL: that end is not here */
		unsigned int port;
	} end[2];
};

/* Each is there as long as one of its ends is. Outside of &sfab_near.lock. */
static pthread_mutex_t nears_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sfab_near *nears;

/* ---- who is where ---- */

/* Where there is no memory for it, the fibre works as any other. */
static struct sfab_near *find_or_make(void *memory)
{
	struct sfab_near *near;

	for (near = nears; near; near = near->next)
		if (near->memory == memory)
			return near;
	near = calloc(1, sizeof(*near));
	if (!near)
		return NULL;
	near->memory = memory;
	pthread_mutex_init(&near->lock, NULL);
	near->next = nears;
	nears = near;
	return near;
}

void sfab_near_join(struct sfab_fabric *fabric, struct sfab_port *port, unsigned int path,
		    void *memory, unsigned int end)
{
	struct sfab_near *near;

	pthread_mutex_lock(&nears_lock);
	near = find_or_make(memory);
	if (near) {
		pthread_mutex_lock(&near->lock);
		if (!near->end[end].fabric) {
			near->end[end].fabric = fabric;
			near->end[end].port = port->index;
			port->near[path] = near;
			port->near_end[path] = end;
		}
		pthread_mutex_unlock(&near->lock);
	}
	pthread_mutex_unlock(&nears_lock);
}

void sfab_near_part(struct sfab_port *port, unsigned int path)
{
	struct sfab_near *near = port->near[path], **at = &nears;
	bool last;

	if (!near)
		return;
	port->near[path] = NULL;
	pthread_mutex_lock(&nears_lock);
	pthread_mutex_lock(&near->lock);
	near->end[port->near_end[path]].fabric = NULL;
	last = !near->end[!port->near_end[path]].fabric;
	pthread_mutex_unlock(&near->lock);
	if (last) {
		while (*at != near)
			at = &(*at)->next;
		*at = near->next;
		pthread_mutex_destroy(&near->lock);
		free(near);
	}
	pthread_mutex_unlock(&nears_lock);
}

/* ---- entering the neighbour ---- */

/* Which is in no hurry, and is for agents, not for endpoints. */
static bool is_management(const struct sfab_packet *packet)
{
	return packet->type & 0x40 && !(packet->type & 0x80);
}

/* Nothing lies in @ring, or could happen to what does. */
static bool clear(const struct sfab_link *here, const struct sfab_link *there, unsigned int ring)
{
	return here->state == SFAB_LINK_UP && there->state == SFAB_LINK_UP &&
	       here->out == there->in && here->light == there->locked &&
	       here->locked == there->light && !(here->rate > 0) && !there->crc_errors &&
	       !(there->lost > 0) && here->tx[ring].head == there->rx[ring].tail;
}

/*
 * One that looks for work and finds none is busy for a moment only. Who called us, and waits
 * for us to return, is entered already.
 */
static bool try_to_enter(struct sfab_fabric *fabric, struct sfab_fabric *next)
{
	if (next == fabric)
		return false;
	if (next == fabric->caller)
		return true;
	for (unsigned int i = 0; i < ENTER_TRIES; i++)
		if (!pthread_mutex_trylock(&next->run))
			return true;
	return false;
}

/* Somebody sleeps whom @next has something for, or who has something for @next. */
static bool must_ring(const struct sfab_fabric *next)
{
	for (unsigned int p = 0; p <= next->config.ports; p++)
		if (sfab_link_sleeper(&next->port[p].link) ||
		    sfab_port_waits_unheard(&next->port[p]))
			return true;
	return false;
}

static void leave(struct sfab_fabric *fabric, struct sfab_fabric *next, bool wake)
{
	/* It goes on with its own work, and rings then. */
	if (next == fabric->caller)
		return;
	/* Still with the lock: after it @next may be gone. */
	if (wake || must_ring(next))
		next->ops->wake(next->opaque);
	pthread_mutex_unlock(&next->run);
}

/* The fabric at the other end, to be left again, and its port. NULL: by the ring. */
static struct sfab_fabric *enter(struct sfab_fabric *fabric, const struct sfab_port *port,
				 unsigned int ring, struct sfab_port **there)
{
	struct sfab_near *near = port->remote ? port->near[port->path] : NULL;
	struct sfab_fabric *next;
	unsigned int other;

	if (!near)
		return NULL;
	other = !port->near_end[port->path];
	pthread_mutex_lock(&near->lock);
	next = near->end[other].fabric;
	if (next && !try_to_enter(fabric, next))
		next = NULL;
	if (next)
		*there = &next->port[near->end[other].port];
	pthread_mutex_unlock(&near->lock);
	if (!next)
		return NULL;
	if (clear(&port->link, &(*there)->link, ring)) {
		next->now = next->ops->now(next->opaque);
		return next;
	}
	leave(fabric, next, false);
	return NULL;
}

static void count(struct sfab_port *here, struct sfab_port *there, const struct sfab_packet *packet)
{
	uint32_t bytes = SFAB_PACKET_HEADER + sfab_padded(packet->payload);

	sfab_count(&here->counter[SFAB_P_BYTES_SENT], bytes);
	sfab_count(&here->counter[SFAB_P_PACKETS_SENT], 1);
	sfab_count(&there->counter[SFAB_P_BYTES_RECEIVED], bytes);
	sfab_count(&there->counter[SFAB_P_PACKETS_RECEIVED], 1);
}

/* ---- packets of ours that it would forward ---- */

bool sfab_near_reserve(struct sfab_fabric *fabric, const struct sfab_packet *packet, bool answer,
		       unsigned int ring, struct sfab_slot *slot)
{
	struct sfab_beyond *beyond = &fabric->beyond;
	struct sfab_port *port = &fabric->port[slot->port];

	if (is_management(packet))
		return false;
	beyond->next = enter(fabric, port, ring, &beyond->there);
	if (!beyond->next)
		return false;
	beyond->packet = *packet;
	if (sfab_router_onward(beyond->next, beyond->there->index, &beyond->packet, answer,
			       &beyond->slot)) {
		sfab_near_release(fabric);
		return false;
	}
	slot->payload = beyond->slot.payload;
	return true;
}

void sfab_near_commit(struct sfab_fabric *fabric, const struct sfab_packet *packet,
		      const struct sfab_slot *slot)
{
	struct sfab_beyond *beyond = &fabric->beyond;
	struct sfab_packet onward = *packet;

	onward.hops = beyond->packet.hops;
	onward.class_vc = beyond->packet.class_vc;
	count(&fabric->port[slot->port], beyond->there, packet);
	sfab_count(&beyond->next->forwarded, 1);
	sfab_link_commit(&beyond->next->port[beyond->slot.port].link, beyond->slot.ring,
			 beyond->slot.at, &onward);
	sfab_near_release(fabric);
}

void sfab_near_release(struct sfab_fabric *fabric)
{
	struct sfab_fabric *next = fabric->beyond.next;

	fabric->beyond.next = NULL;
	if (next)
		leave(fabric, next, false);
}

/* ---- packets of others that are for it ---- */

/* An answer is what the endpoint waits for: it has its turns at once. *wake: it wants more. */
static bool deliver(struct sfab_fabric *fabric, struct sfab_fabric *next,
		    const struct sfab_packet *packet, const void *payload, bool *wake)
{
	bool taken, more = packet->type & 0x80;
	uint64_t due = next->due, moved = next->moved, slice = next->slice;

	next->caller = fabric;
	/* It is our time, of which there is some, or we would not have come to this packet */
	next->slice = next->moved + (fabric->slice - fabric->moved);
	taken = next->sink->deliver(next->endpoint, packet, payload);
	for (unsigned int t = 0; t < SFAB_PASS_TURNS && taken && more; t++) {
		more = sfab_router_endpoint(next);
		if (!sfab_fabric_has_time(next))
			break;
	}
	next->slice = slice;
	*wake = more || next->due < due;
	sfab_near_release(next);
	next->caller = NULL;
	fabric->moved += next->moved - moved;
	return taken;
}

bool sfab_near_deliver(struct sfab_fabric *fabric, unsigned int port, unsigned int ring,
		       const struct sfab_packet *packet, const void *payload)
{
	struct sfab_port *here = &fabric->port[port], *there;
	struct sfab_fabric *next;
	bool taken, wake;

	if (is_management(packet) || (here->link.peer.who & 0xffff) != packet->dst)
		return false;
	next = enter(fabric, here, ring, &there);
	if (!next)
		return false;
	taken = next->sink && packet->dst == relaxed_load(next->eid) &&
		deliver(fabric, next, packet, payload, &wake);
	if (taken)
		count(here, there, packet);
	leave(fabric, next, taken && wake);
	return taken;
}
