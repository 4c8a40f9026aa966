/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The endpoint: what an accelerator has beyond the router (docs/specs/sfab-fabric.rst,
 * "Commands", "Flows", "Segments").
 *
 *	endpoint.c	made, called by the router, bytes between packets and memory
 *	transfer.c	commands with a FABRIC operand, cut into requests
 *	flow.c		brings requests to a target, in order, until they are answered
 *	target.c	executes the requests of others
 *
 * All of it is the fabric worker's, who needs the core's lock only where it touches
 * what engines and registers see: it enters a queue (or, for a request of another
 * device, a segment) for one copy at a time, as an engine does for a slice; whoever
 * stops the queue, or invalidates, waits for that copy at most.
 */
#ifndef SFAB_CORE_ENDPOINT_H
#define SFAB_CORE_ENDPOINT_H

#include "fabric.h"
#include "internal.h"

#define SFAB_FLOW_REQUESTS	64		/* unanswered ones */
#define SFAB_FLOW_BEGIN		(7 * SFAB_MTU)	/* their bytes, as long as nothing is known, */
#define SFAB_FLOW_WINDOW	(14 * SFAB_MTU)	/* ... and at most: a ring has two such */
#define SFAB_STAGES		8
#define SFAB_NO_STAGE		(-1)
/* What the endpoint posts, and each flow sends, in one turn. */
#define SFAB_TURN_POSTS		16

struct sfab_flow;

/* ---- transfers (transfer.c) ---- */

/* What a queue wants its requests to do when their way is lost, and for how long at most. */
struct sfab_terms {
	uint8_t policy;			/* SFAB_Q_POLICY_* */
	uint64_t limit;			/* ns; 0: OP_TIMEOUT */
};

/* The command at the head of a queue, while it is the fabric worker's. */
struct sfab_transfer {
	bool active;
	uint64_t serial;		/* no two commands have the same */
	unsigned int queue;
	uint32_t generation;
	struct sfab_terms terms;
	struct sfab_command cmd;
	struct sfab_operand operand[SFAB_OPERANDS];
	uint64_t size;			/* bytes of a side */
	uint64_t posted;
	unsigned int unanswered;	/* requests, and stages in use */
	bool notified;
	uint64_t moved;			/* bytes from and to FABRIC */
	struct sfab_flow *blocked;	/* has no room for ... */
	uint32_t wants;			/* ... so many bytes, */
	uint64_t since;			/* ... since then; 0: the last ones found room */
	struct sfab_fault fault;	/* the first */
};

/* Where its bytes come from, or go to. */
enum sfab_source_kind {
	SFAB_FROM_NOWHERE,	/* the queue was stopped: only the psn is used up */
	SFAB_FROM_SRC,		/* WRITE, REDUCE: the local source */
	SFAB_FROM_STAGE,	/* likewise, from a stage */
	SFAB_FROM_COMMAND,	/* WRITE, ATOMIC: arg0 and arg1 */
	SFAB_FROM_PATTERN,	/* WRITE: a FILL */
	SFAB_FROM_NOTIFY,	/* WRITE: the value of a NOTIFY */
	SFAB_TO_DST,		/* READ: to the local destination */
	SFAB_TO_STAGE,		/* READ: for another request */
};

/* A request, until it is answered. */
struct sfab_request {
	uint64_t transfer;	/* the serial; 0: nobody cares any more */
	uint16_t queue;
	uint8_t type;		/* SFAB_PKT_* */
	uint8_t kind;		/* enum sfab_source_kind */
	struct sfab_terms terms;
	int8_t stage;
	bool answered;
	bool notify;		/* WRITE_NOTIFY: arg1 at notify_offset */
	uint16_t segment;
	uint32_t epoch;
	uint64_t token;
	uint64_t imported;	/* serial of its import */
	uint64_t offset;	/* in the segment */
	uint64_t notify_offset;
	uint64_t at;		/* in the command */
	uint32_t len;
	uint32_t sends;
	unsigned int port;	/* where it was sent last, */
	uint32_t downs;		/* ... which had gone down so often */
	uint64_t born;		/* when it was posted, when it was first sent */
	uint64_t sent;
};

/* Bytes on their way from one FABRIC operand to another. */
struct sfab_stage {
	enum { SFAB_STAGE_FREE, SFAB_STAGE_READING, SFAB_STAGE_READY,
	       SFAB_STAGE_WRITING } state;
	uint64_t transfer;
	uint64_t at;
	uint32_t len;
	uint8_t *bytes;
};

/* ---- flows (flow.c) ---- */

enum sfab_flow_state { SFAB_FLOW_CLOSED, SFAB_FLOW_CONNECTING, SFAB_FLOW_OPEN };

/* To one target. Requests una to end - 1 are unanswered, those before next sent. */
struct sfab_flow {
	struct sfab_flow *link;		/* list of those that have requests */
	bool listed;
	uint16_t eid;
	enum sfab_flow_state state;
	uint32_t incarnation;		/* of the target */
	uint64_t imports;		/* the newest serial when it was connected */
	uint32_t una, next, end;
	uint32_t window, bytes;
	uint32_t shrunk;		/* end, when the window was shrunk last */
	uint64_t answer_time;		/* smoothed */
	uint64_t interval;		/* between repetitions */
	uint64_t repeat_at;
	bool no_route;			/* heard since the last answer */
	/* Since it last had no requests: */
	uint8_t policies;		/* bit p: some queue that uses it has policy p */
	bool limited;			/* some of them has a limit */
	struct sfab_request request[SFAB_FLOW_REQUESTS];
};

/* ---- initiators as the target sees them (target.c) ---- */

struct sfab_answer {
	uint8_t type;
	uint8_t status;
	uint64_t value;
};

struct sfab_peer {
	bool open;
	bool told;		/* NAK of the gap at expected was sent */
	uint32_t incarnation;
	uint32_t first, expected;
	struct sfab_answer answer[SFAB_FLOW_REQUESTS];
};

/* ---- all of it ---- */

struct sfab_endpoint {
	struct sfab_core *core;
	struct sfab_fabric *fabric;
	struct sfab_engine *worker;	/* maps memory */
	uint32_t incarnation;		/* that the rest belongs to */
	uint64_t now;

	_Atomic uint64_t counter[SFAB_NUM_COUNTERS];

	uint64_t serial;		/* the newest */
	unsigned int turn;
	uint64_t handed[2], active[2];	/* queues */
	struct sfab_transfer *transfer;	/* one for each queue */
	struct sfab_stage stage[SFAB_STAGES];
	uint8_t *stages;

	struct sfab_flow *flows;	/* list, see sfab_flow.link */
	bool ended;			/* requests: their commands are to be looked at */
	struct sfab_flow *flow;		/* by EID */
	struct sfab_peer *peer;		/* by EID */
};

/* When something ends, as it may take so long. */
struct sfab_end {
	uint64_t at;
	uint64_t limit;
};

/* Which requests and commands end, and with what. */
struct sfab_ending {
	enum sfab_status status;
	bool failing;			/* only those whose policy is FAIL */
	uint64_t limit;			/* only those that may take so long at most */
};

static inline uint64_t sfab_limit(const struct sfab_endpoint *ep,
				  const struct sfab_terms *terms)
{
	return terms->limit ? terms->limit : sfab_fabric_op_timeout(ep->fabric);
}

/* What began at @born may be the first to end. */
static inline void sfab_sooner(const struct sfab_endpoint *ep, struct sfab_end *end,
			       uint64_t born, const struct sfab_terms *terms)
{
	uint64_t limit = sfab_limit(ep, terms);

	if (born + limit < end->at)
		*end = (struct sfab_end) { .at = born + limit, .limit = limit };
}

static inline bool sfab_ends(const struct sfab_endpoint *ep, const struct sfab_ending *ending,
			     const struct sfab_terms *terms)
{
	return sfab_limit(ep, terms) <= ending->limit &&
	       (!ending->failing || terms->policy == SFAB_Q_POLICY_FAIL);
}

static inline void sfab_endpoint_count(struct sfab_endpoint *ep, unsigned int i)
{
	atomic_fetch_add_explicit(&ep->counter[i], 1, memory_order_relaxed);
}

/* ---- endpoint.c ---- */

/* Between the memory of an operand and a buffer. */
enum sfab_direction {
	SFAB_GATHER,		/* memory to buffer */
	SFAB_SCATTER,		/* buffer to memory */
	SFAB_COMBINE,		/* REDUCE of the buffer into memory */
};

struct sfab_exchange {
	enum sfab_direction direction;
	uint8_t dtype, op;	/* of SFAB_COMBINE */
	bool stream;		/* as of sfab_copy() */
};

/*
 * Move @len bytes, from byte @offset of @operand on; inside a queue or a segment.
 * False: job->fault of the worker.
 */
bool sfab_exchange(struct sfab_endpoint *ep, const struct sfab_operand *operand,
		   uint64_t offset, uint64_t len, void *buffer,
		   const struct sfab_exchange *how);

/* ---- transfer.c ---- */

/* Cut commands into requests, end those that are over; true if it did anything. */
bool sfab_transfers_work(struct sfab_endpoint *ep);

/* Forget all commands, without a trace. */
void sfab_transfers_forget(struct sfab_endpoint *ep);

/* The command that @r belongs to, NULL if it is over or was stopped. */
struct sfab_transfer *sfab_transfer_of(struct sfab_endpoint *ep,
				       const struct sfab_request *r);

/*
 * Put the bytes of @r into a packet. SFAB_LATER: nothing is to be sent now;
 * SFAB_GONE: @r is not wanted any more.
 */
enum sfab_entry sfab_request_fill(struct sfab_endpoint *ep, struct sfab_request *r,
				  void *payload);

/*
 * @r was answered by @packet. False: as if it had not come (the device is paused).
 */
bool sfab_request_answer(struct sfab_endpoint *ep, struct sfab_request *r,
			 const struct sfab_packet *packet, const void *payload);

/* @r is not to be answered any more: it stands only for its psn from here on. */
void sfab_request_fail(struct sfab_endpoint *ep, struct sfab_request *r,
		       enum sfab_status status);

/* Those that wait for room in @flow end as its requests do. */
void sfab_transfers_unblock(struct sfab_endpoint *ep, struct sfab_flow *flow,
			    const struct sfab_ending *ending);

/* Somebody waits for room in @flow whose policy is not WAIT. */
bool sfab_transfers_eager(const struct sfab_endpoint *ep, const struct sfab_flow *flow);

/* ... or whose time is over sooner than that. */
void sfab_transfers_end(const struct sfab_endpoint *ep, const struct sfab_flow *flow,
			struct sfab_end *end);

/* ---- flow.c ---- */

/* @eid exists; the flow may be closed. */
struct sfab_flow *sfab_flow_to(struct sfab_endpoint *ep, uint16_t eid);
bool sfab_flow_room(const struct sfab_flow *flow, uint32_t len);
/* The next request, for the caller to fill in. There is room. */
struct sfab_request *sfab_flow_post(struct sfab_endpoint *ep, struct sfab_flow *flow,
				    uint32_t len, const struct sfab_terms *terms);

/* Send, repeat, give up; true if it sent anything. Lowers *due. */
bool sfab_flows_work(struct sfab_endpoint *ep, uint64_t *due);

void sfab_flows_forget(struct sfab_endpoint *ep);
void sfab_flow_deliver(struct sfab_endpoint *ep, const struct sfab_packet *packet,
		       const void *payload);

/* ---- target.c ---- */

/* A REQUEST; false: no room for the answer. */
bool sfab_target_deliver(struct sfab_endpoint *ep, const struct sfab_packet *packet,
			 const void *payload);
void sfab_target_forget(struct sfab_endpoint *ep);

#endif /* SFAB_CORE_ENDPOINT_H */
