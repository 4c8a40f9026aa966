/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the router share. From the light inward:
 *
 *	fibre_memory.h	what two ends share
 *	link.c		one end of a link: training, rings, replay, rate
 *	port.c		ports: state, light paths, partner
 *	optics.c	their modules: lasers, receivers, faults; readings.c shows them
 *	cmis.c		the same as an image that CMIS has laid out
 *	module.c	the state machines of a module
 *	light.c, fec.c	the physics of a lane; the code that corrects its errors
 *	port_optics.c	what a module does to its port
 *	pattern.c	pattern tests
 *	switching.c	how a port goes to another light path
 *	inject.c	what goes wrong with a module, on request
 *	router.c	where packets go: routes, hop limit, head-of-queue limit, turns
 *	near.c		the same, to a neighbour in this process, without a copy
 *	agent.c		answers datagrams
 *	mailbox.c	datagrams that software sends and reads
 *	fabric_regs.c	the registers of all that
 *	fabric.c	create, run, sleep, attach, reset
 *
 * The fabric worker owns everything but what is atomic (registers that it looks at,
 * or shows) and what &sfab_fabric.lock protects. It is whoever holds &sfab_fabric.run.
 */
#ifndef SFAB_CORE_FABRIC_INTERNAL_H
#define SFAB_CORE_FABRIC_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "cmis.h"
#include "fabric.h"
#include "fabric_regs.h"
#include "link.h"
#include "mgmt.h"
#include "optics.h"
#include "pattern.h"
#include "switching.h"

/* One call of sfab_fabric_run(): bytes, and what a packet counts besides. */
#define SFAB_FABRIC_SLICE	(4u << 20)
#define SFAB_PACKET_COST	128
/* One turn of a ring, or of the endpoint. */
#define SFAB_TURN_BYTES		SFAB_MTU

/*
 * A partner that sleeps is rung when we have nothing more to do, or have moved so much:
 * to be woken up for each packet would cost it more than the packet.
 */
#define SFAB_BELL_BYTES		(4 * SFAB_MTU)

/* What a look at all ports counts, so that no partner can keep us looking. */
#define SFAB_PASS_COST		4096

/* How many turns everybody has between two looks at the ports. */
#define SFAB_PASS_TURNS		4

#define SFAB_PORT_LOW_WORDS	64

#define SFAB_NOWHERE		(~0u)	/* no port: packets of the device itself */

struct sfab_port {
	/* Registers; the first four are written by any thread, the others by the worker. */
	_Atomic uint32_t ctrl;
	_Atomic uint32_t retrain;	/* counts requests */
	_Atomic uint32_t module_ctrl;
	_Atomic uint32_t clear;		/* what of P_CLEAR is not begun yet */
	_Atomic uint32_t status;
	_Atomic uint32_t peer;
	_Atomic uint64_t peer_uuid[2];
	_Atomic uint64_t counter[SFAB_P_COUNTERS];
	_Atomic uint32_t clearing;	/* ... and what is not shown yet */
	_Atomic uint64_t low[SFAB_PORT_LOW_WORDS];	/* 0x00 to 0x1ff, but for the above */
	_Atomic uint64_t reading[SFAB_OPTICS_WORDS];

	_Atomic uint64_t image[SFAB_CMIS_BYTES / 8];

	struct sfab_optics_faults faults;	/* under &sfab_fabric.lock */
	_Atomic uint32_t injected;		/* counts their changes */

	/* The worker's. */
	unsigned int index;
	struct sfab_link link;
	struct sfab_fibre_half *half[SFAB_MAX_PATHS][2];	/* out, in */
	struct sfab_near *near[SFAB_MAX_PATHS];	/* NULL: no fibre */
	unsigned int near_end[SFAB_MAX_PATHS];	/* ours */
	struct sfab_fibre_half *loop;	/* what the port hears itself through */
	uint32_t applied;		/* of ctrl: what the link was opened for */
	uint32_t retrained;
	struct sfab_identity shown;	/* who we told the partner to be */
	enum sfab_port_reason reason;	/* why it trains again, if that is special */
	enum sfab_port_state down;	/* and what it shows while the link is closed, */
	enum sfab_port_reason why;	/* ... therefore */
	bool up;			/* it carried traffic, and has not gone down since */
	uint32_t downs;			/* how often it has; wraps around */
	uint64_t unheard;		/* since when the partner hears nothing; 0: it does */
	bool changed;			/* another fibre */
	bool lost;			/* opens again, but not before: */
	uint64_t reopen;
	bool remote;			/* the other end of the link is another device */
	unsigned int path;

	struct sfab_switching switching;
	struct sfab_pattern pattern;

	/* port_optics.c's. */
	struct sfab_optics optics;
	bool lasers;			/* are to be on */
	bool relight;			/* that, or the path, has changed */
	uint32_t applied_faults;	/* of injected */
	uint64_t tick;			/* when its next interval begins */
	uint32_t applied_module;	/* of module_ctrl */
	uint64_t flap_at;		/* when a time of darkness began, or will */
	bool flap_dark;
	struct sfab_cmis cmis;
	uint32_t module;		/* P_MODULE, as it was told last */
	uint64_t replays;		/* REPLAYS, likewise */
	uint64_t look_at;		/* not before may the other end change its light */
	uint64_t launched;		/* its light, as it was taken into account */
};

/* A source of packets that takes its turn: a ring of a port, or the endpoint. */
struct sfab_source {
	uint16_t port;
	uint16_t ring;
	uint64_t share;		/* bytes it has had; who has had least is first */
};

/* Whether the worker looks for more before it sleeps (sfab_fabric_linger()). */
struct sfab_linger {
	bool on;
	bool found;		/* the last run has found something */
	bool much;		/* ... and the last that has, much */
	uint64_t until;
	unsigned int misses;	/* in a row: it sleeps at once so often next, */
	unsigned int skip;	/* ... and still */
};

/* Where a packet that is reserved goes, if it skips a ring; @next is entered. */
struct sfab_beyond {
	struct sfab_fabric *next;	/* NULL: it does not */
	struct sfab_port *there;	/* where it comes in */
	struct sfab_packet packet;	/* as it goes on */
	struct sfab_slot slot;		/* ... there */
};

#define SFAB_MAILBOX_DEPTH	16

/* Under &sfab_fabric.lock. */
struct sfab_mailbox {
	struct sfab_datagram tx;	/* as software has written it */
	struct sfab_datagram sent;	/* what SEND took, while @sending */
	struct sfab_datagram rx[SFAB_MAILBOX_DEPTH];
	unsigned int first, unread;
	unsigned int dropped;
	bool sending;
	bool listen;
};

struct sfab_fabric {
	/* Fixed at creation. */
	struct sfab_fabric_config config;
	const struct sfab_fabric_ops *ops;
	void *opaque;
	const struct sfab_sink *sink;
	void *endpoint;
	_Atomic uint64_t *route;
	struct sfab_port *port;		/* [config.ports] is the device's own loop */
	void *loops;			/* their memory, to free */

	/* Registers. */
	_Atomic uint32_t incarnation;
	_Atomic uint32_t eid;
	_Atomic uint32_t op_timeout, retry_timeout, hoq_timeout;	/* ms */
	_Atomic uint64_t port_event;
	_Atomic uint64_t forwarded;
	_Atomic uint64_t random;

	_Atomic bool pulled;
	_Atomic double rate_scale;	/* of the configuration, until sfab_fabric_pace() */

	pthread_mutex_t lock;
	uint64_t m_key;
	uint32_t m_key_lo;		/* lower half written, upper one not yet */
	uint32_t *route_lo;		/* likewise, for each route */
	struct sfab_mailbox mailbox;

	/*
	 * The worker's. Neighbours (near.c) only try to get @run; who waits for it holds no
	 * lock of this library, while @lock and those of near.c and the core are taken in it.
	 */
	pthread_mutex_t run;
	bool asleep;			/* so its links have told */
	struct sfab_beyond beyond;
	struct sfab_fabric *caller;	/* who delivers a packet to us and waits, near.c */
	uint64_t now;
	uint64_t due;
	uint64_t moved;			/* in this run */
	uint64_t slice;			/* how much that may be */
	uint64_t flushed;		/* what of it partners were told, see SFAB_BELL_BYTES */
	struct sfab_linger linger;
	uint16_t trap_eid;
	uint64_t traps;			/* bit p: port p has one to tell */
	uint64_t send_since;		/* the mailbox waits for room; 0: no */
	struct sfab_packet stalled;	/* of the endpoint, counted already */
	unsigned int sources;
	uint64_t least;			/* share that the poorest busy source has */
	/* In the order of their turns. */
	struct sfab_source source[(SFAB_MAX_PORTS + 1) * SFAB_FIBRE_RINGS + 1];
};

/* ---- port.c ---- */

void sfab_port_init(struct sfab_fabric *fabric, unsigned int index,
		    struct sfab_fibre_half *loop);

/* Follow P_CTRL, the fibres and the link; true if something has changed. */
bool sfab_port_poll(struct sfab_fabric *fabric, struct sfab_port *port);

/* Tell the partner what was stored for it. */
void sfab_port_flush(struct sfab_fabric *fabric, struct sfab_port *port);
/* There may be something to do when the other end has taken something. */
bool sfab_port_wants_room(const struct sfab_port *port);
/* ... which it does not know of a port that sleeps. */
bool sfab_port_waits_unheard(const struct sfab_port *port);

void sfab_port_attach(struct sfab_fabric *fabric, struct sfab_port *port,
		      unsigned int path, void *memory, unsigned int end);

/* For switching.c: turn the light off and forget the link; have another PATH; go on there. */
void sfab_port_leave(struct sfab_fabric *fabric, struct sfab_port *port);
void sfab_port_set_path(struct sfab_port *port, unsigned int path);
void sfab_port_begin(struct sfab_fabric *fabric, struct sfab_port *port);

/* P_CLEAR: first what is not begun, as that becomes the other. */
static inline uint32_t sfab_port_clears(const struct sfab_port *port)
{
	uint32_t clear = atomic_load(&port->clear);

	return clear | atomic_load(&port->clearing);
}

/* Software is to look at the port. */
void sfab_port_event(struct sfab_fabric *fabric, const struct sfab_port *port);

/* ---- port_optics.c ---- */

void sfab_port_optics_init(struct sfab_fabric *fabric, struct sfab_port *port);

/* Follow faults, time and the other end's light; true if something has changed. */
bool sfab_port_optics(struct sfab_fabric *fabric, struct sfab_port *port);

/* Why a port that is not up hears nothing, if that is for its module or receiver to say. */
enum sfab_port_reason sfab_port_deaf(const struct sfab_port *port);

/* Lasers are on, or off; the light comes from where the port hears now. */
void sfab_port_relight(struct sfab_fabric *fabric, struct sfab_port *port, bool lasers);

/* ---- port.c ---- */

/* Where the port's light comes from; NULL: nowhere. */
const struct sfab_fibre_half *sfab_port_hears(const struct sfab_port *port);

/* It sends a pattern, or reflects one, and nothing else. */
static inline bool sfab_port_tests(const struct sfab_port *port)
{
	return port->pattern.applied & SFAB_P_TEST_RUN;
}

static inline bool sfab_port_carries(const struct sfab_port *port)
{
	return port->link.state == SFAB_LINK_UP;
}

/* A packet must wait, as the port changes its light path; @answer: it needs none itself. */
static inline bool sfab_port_holds(const struct sfab_port *port, bool answer)
{
	return port->switching.hold > (answer ? SFAB_HOLD_REQUESTS : SFAB_HOLD_NOTHING);
}

/* ---- switching.c ---- */

/* Begin and go on with what was asked for; true if something has changed. */
bool sfab_switching_poll(struct sfab_fabric *fabric, struct sfab_port *port);

/* The partner's light is another one; true: because it goes to its other path, as agreed. */
bool sfab_switching_lost(struct sfab_fabric *fabric, struct sfab_port *port);

/* Software wants something else of the port: it ends here. */
void sfab_switching_break(struct sfab_fabric *fabric, struct sfab_port *port);

/* P_SWITCH is written, from any thread; false: one is under way. */
bool sfab_switching_ask(struct sfab_fabric *fabric, struct sfab_port *port, uint32_t value);

/* ---- router.c ---- */

/* Let @source have a turn; true if it did something. */
bool sfab_router_serve(struct sfab_fabric *fabric, const struct sfab_source *source);

/* sfab_fabric_reserve() for any packet; @answer: who gets it need not answer it. */
int sfab_router_reserve(struct sfab_fabric *fabric, struct sfab_packet *packet, bool answer,
			struct sfab_slot *slot);

/* Room for a packet of the device on @port, VC 0. Likewise. */
int sfab_router_reserve_at(struct sfab_fabric *fabric, unsigned int port,
			   struct sfab_packet *packet, bool answer, struct sfab_slot *slot);

/* Let the endpoint have a turn; true if it wants to go on. */
bool sfab_router_endpoint(struct sfab_fabric *fabric);

/* Room for a packet that came in by port @from, on its further way; it is changed for that. */
int sfab_router_onward(struct sfab_fabric *fabric, unsigned int from, struct sfab_packet *packet,
		       bool answer, struct sfab_slot *slot);

/* ---- near.c ---- */

/* An end of a fibre is at a light path of a port, or not any more. With run. */
void sfab_near_join(struct sfab_fabric *fabric, struct sfab_port *port, unsigned int path,
		    void *memory, unsigned int end);
void sfab_near_part(struct sfab_port *port, unsigned int path);

/*
 * Room for @packet of ours, which goes by slot->port and @ring of it, behind the neighbour:
 * then &sfab_slot.payload is there. It is to be committed, or else released.
 */
bool sfab_near_reserve(struct sfab_fabric *fabric, const struct sfab_packet *packet, bool answer,
		       unsigned int ring, struct sfab_slot *slot);
void sfab_near_commit(struct sfab_fabric *fabric, const struct sfab_packet *packet,
		      const struct sfab_slot *slot);
void sfab_near_release(struct sfab_fabric *fabric);

/* A packet that is to go on by @port, @ring, has been delivered to who is there. */
bool sfab_near_deliver(struct sfab_fabric *fabric, unsigned int port, unsigned int ring,
		       const struct sfab_packet *packet, const void *payload);

/* ---- router.c ---- */

/* What becomes of a packet that came in. */
enum sfab_fate {
	SFAB_TAKEN,
	SFAB_BLOCKED,		/* no room where it goes: later */
	SFAB_HELD,		/* where it goes the light path is changed: later */
	SFAB_NO_ROUTE,
	SFAB_STALLED,		/* no room, and that for too long */
	SFAB_HOPS,
	SFAB_MALFORMED,
};

/* ---- agent.c ---- */

/* A MANAGEMENT packet for this device, or a directed one. */
enum sfab_fate sfab_agent_deliver(struct sfab_fabric *fabric, unsigned int from,
				  const struct sfab_packet *packet, const void *payload);

/* The way of a MANAGEMENT packet ends here. */
void sfab_agent_unreachable(struct sfab_fabric *fabric, const struct sfab_packet *packet,
			    const void *payload);

/* Send what the mailbox has, and traps; true if it did something. */
bool sfab_agent_work(struct sfab_fabric *fabric);

/* ---- mailbox.c ---- */

void sfab_mailbox_receive(struct sfab_fabric *fabric,
			  const struct sfab_datagram *datagram);
/* Is there one to send? It stays until it is taken. */
bool sfab_mailbox_sending(struct sfab_fabric *fabric, struct sfab_datagram *datagram);
void sfab_mailbox_taken(struct sfab_fabric *fabric);
/* From any thread: */
void sfab_mailbox_reset(struct sfab_fabric *fabric);
bool sfab_mailbox_read(struct sfab_fabric *fabric, uint64_t offset, uint32_t *value);
bool sfab_mailbox_write(struct sfab_fabric *fabric, uint64_t offset, uint32_t value);

/* ---- fabric_regs.c; from any thread ---- */

uint32_t sfab_port_cap(const struct sfab_fabric *fabric);
void sfab_set_port_ctrl(struct sfab_fabric *fabric, struct sfab_port *port,
			uint32_t value);
void sfab_set_module_ctrl(struct sfab_fabric *fabric, struct sfab_port *port,
			  uint32_t value);
void sfab_clear_port(struct sfab_fabric *fabric, struct sfab_port *port, uint32_t what);
/* Ignored if there is no such EID. */
void sfab_set_eid(struct sfab_fabric *fabric, uint32_t eid);

/* ---- fabric.c ---- */

static inline void sfab_due(struct sfab_fabric *fabric, uint64_t due)
{
	if (due < fabric->due)
		fabric->due = due;
}

#define relaxed_load(word)	atomic_load_explicit(&(word), memory_order_relaxed)
#define relaxed_store(word, v)	atomic_store_explicit(&(word), v, memory_order_relaxed)

#endif /* SFAB_CORE_FABRIC_INTERNAL_H */
