/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One end of a link: what a port says into the fibre's memory and believes of what it
 * hears there (docs/specs/sfab-fibre.rst). Training, the rings of every class and VC,
 * credits, link-level retry, the rate. By the fabric worker only, or who holds its lock
 * (near.c).
 *
 * Everything that counts is in here, in private memory; the shared words are written
 * from it, never read back.
 */
#ifndef SFAB_CORE_LINK_H
#define SFAB_CORE_LINK_H

#include <stdbool.h>

#include "fibre_memory.h"

/* A frame that was refused so often in a row brings the link down. */
#define SFAB_LINK_REFUSALS	16

enum sfab_link_state {
	SFAB_LINK_CLOSED,	/* our light is off */
	SFAB_LINK_DARK,		/* no light from the other end */
	SFAB_LINK_TRAINING,
	SFAB_LINK_UP,
	/* Was up; or broken. Nothing moves until it is opened again: */
	SFAB_LINK_LOST,
	SFAB_LINK_PROTOCOL,
	SFAB_LINK_VERSION,
	SFAB_LINK_REPLAY,
};

/* Indices of P_COUNTER that a link counts by itself. */
enum {
	SFAB_P_BYTES_SENT,
	SFAB_P_PACKETS_SENT,
	SFAB_P_BYTES_RECEIVED,
	SFAB_P_PACKETS_RECEIVED,
	SFAB_P_REPLAYS,
	SFAB_P_CRC_ERRORS,
	SFAB_P_CREDIT_STALLS,
	SFAB_P_DROP_NO_ROUTE,
	SFAB_P_DROP_HOPS,
	SFAB_P_DROP_HOQ,
	SFAB_P_DROP_MALFORMED,
	SFAB_P_DROP_LINK,
	SFAB_P_DOWNS,
	SFAB_P_FAILOVERS,
	SFAB_P_COUNTERS = 16,
};

/* Who stands at an end, as both tell each other in training. */
struct sfab_identity {
	uint32_t who;		/* EID, port, kind: P_PEER */
	uint32_t lanes;
	uint64_t uuid[2];
	uint64_t power[2];	/* of the light of each lane: sfab_launch_code() */
	uint64_t test;		/* P_TEST, and how it receives then */
	uint64_t ber[4];
};

struct sfab_link_tx {
	uint64_t head;
	uint64_t tail;		/* what the other end has taken, as it says */
	uint64_t skip_end;	/* of the newest skip, */
	uint32_t skip;		/* ... which has so many bytes */
	uint32_t number;	/* of the next frame */
	uint32_t replayed;
	bool replaying;		/* waits for tokens to answer a refusal */
	bool stuck;		/* a packet was dropped for it; nothing taken since */
	bool starved;		/* a packet found no room; nothing taken since */
};

struct sfab_link_rx {
	uint64_t head;		/* what the other end has sent, as it says */
	uint64_t tail;
	uint32_t number;
	uint32_t refused;
	uint32_t replayed;	/* what the other end's REPLAYED said last */
	unsigned int refusals;	/* of the frame at tail */
	bool ready;		/* the frame at tail is checked, and is this: */
	uint32_t bytes;		/* ... with its header */
	uint32_t length;
	struct sfab_packet packet;
	uint64_t blocked;	/* since when it cannot go on; 0: it can */
	bool held;		/* ... because a port changes its light path */
	bool stalled;		/* it lacked credit */
};

struct sfab_link {
	_Atomic uint64_t *counter;	/* P_COUNTER */
	struct sfab_fibre_half *out, *in;
	enum sfab_link_state state;
	bool dirty;		/* the other end has not been told yet */
	bool freed;		/* likewise: that there is room */
	bool asleep;		/* SLEEPING is not 0 */
	uint32_t sleeps;	/* SLEEPING, when we slept last */
	uint32_t rung;		/* that of the other end, when we rang last */
	bool replaying;		/* so does a ring, see &sfab_link_tx.replaying */
	uint32_t light;		/* our generation */
	uint32_t locked;	/* that of the other end which we follow; 0: none */
	uint32_t seen_light, seen_locked;
	struct sfab_identity peer;
	uint32_t launch;	/* counts changes of our lanes and powers */
	uint64_t noticed;	/* what sfab_link_launched() was when the port looked */
	uint64_t told[2];	/* its ASK and PART, as they were looked at */
	bool blind;		/* the receiver makes nothing of the light */
	struct sfab_link_tx tx[SFAB_FIBRE_RINGS];
	struct sfab_link_rx rx[SFAB_FIBRE_RINGS];

	/*
	 * A packet may begin while there are tokens, and takes all that it needs: so
	 * the link is busy for as long as it takes, and HEAD never runs ahead.
	 */
	double rate;		/* bytes in a nanosecond; 0: not paced */
	double tokens;		/* bytes; below 0: the link is busy */
	uint64_t tokens_at;

	unsigned int crc_errors;	/* of a million */
	double lost;		/* of all codewords */
	uint64_t model;		/* state of what draws them */
};

/* Counters have one writer and any number of readers. */
static inline void sfab_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter,
			      atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/*
 * Turn the light on and begin to train. @out, @in: the halves; the same one twice for
 * a link that hears itself. @generation: differs from the last one, not 0.
 */
void sfab_link_open(struct sfab_link *link, struct sfab_fibre_half *out,
		    struct sfab_fibre_half *in, const struct sfab_identity *me,
		    uint32_t generation);

/* Say no more; but for sfab_link_darken(), the memory is not touched again. */
void sfab_link_close(struct sfab_link *link);

/* Turn the lasers off, of a link that may be closed already. */
void sfab_link_darken(struct sfab_link *link);

/* Differs when the other end's lanes or powers have changed; 0: dark. */
uint64_t sfab_link_launched(const struct sfab_fibre_half *in);

/* ASK and PART: ours, and the partner's. The link is, or was up. */
void sfab_link_tell(struct sfab_link *link, bool part, uint64_t word);
uint64_t sfab_link_told(struct sfab_link *link, bool part);

/* Our identity has changed. */
void sfab_link_identify(struct sfab_link *link, const struct sfab_identity *me);

/*
 * Look at what the other end says: train, see what it has sent and taken, replay. A
 * link that is down for any reason stays so until it is opened again.
 */
enum sfab_link_state sfab_link_poll(struct sfab_link *link, uint64_t now);

/*
 * The packet at the head of @ring, as a checked frame: &sfab_link_rx.packet is set. NULL:
 * none. Returns where its payload is; there are length - 64 bytes.
 */
const void *sfab_link_receive(struct sfab_link *link, unsigned int ring);

/* The packet at the head of @ring is done with. */
void sfab_link_take(struct sfab_link *link, unsigned int ring);

enum sfab_room { SFAB_ROOM, SFAB_NO_CREDIT, SFAB_NO_TOKENS };

/* Room for a packet of @payload bytes: *at is where, for the two below. */
enum sfab_room sfab_link_reserve(struct sfab_link *link, unsigned int ring,
				 uint32_t payload, uint64_t now, uint64_t *at);
void *sfab_link_payload(struct sfab_link *link, unsigned int ring, uint64_t at);
void sfab_link_commit(struct sfab_link *link, unsigned int ring, uint64_t at,
		      const struct sfab_packet *packet);

/* Send @rate bytes in a nanosecond from now on; 0: as many as there are. */
void sfab_link_pace(struct sfab_link *link, double rate);

/* When a link without tokens may send again. */
uint64_t sfab_link_ready_at(const struct sfab_link *link);

/* All that was stored is visible; true: the other end sleeps and must be rung. */
bool sfab_link_flush(struct sfab_link *link);

/* The other end's SLEEPING if it is to be rung for what was stored, else 0. */
uint32_t sfab_link_sleeper(const struct sfab_link *link);

/* Ask to be rung, for @room too or not, or not any more. */
void sfab_link_set_sleeping(struct sfab_link *link, bool sleeping, bool room);

/* Room is waited for. */
bool sfab_link_starved(const struct sfab_link *link);

/* The other end has said something since the last poll. */
bool sfab_link_news(const struct sfab_link *link);

/* Frames that have arrived and nobody will take; forgets them. */
unsigned int sfab_link_discard(struct sfab_link *link);

#endif /* SFAB_CORE_LINK_H */
