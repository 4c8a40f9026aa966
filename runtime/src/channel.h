/* SPDX-License-Identifier: MIT */
/*
 * Channels: messages from one process to another through a ring in the receiver's memory
 *
 * The receiver exports the ring, and its handle is the channel's.  Offsets in bytes; words
 * are little-endian, and stored at once:
 *
 *	offset  bytes  written by
 *	   0      4    receiver   "SFCH"
 *	   4      4    receiver   version of this layout, 1
 *	   8      4    receiver   bytes of a slot
 *	  12      4    receiver   slots
 *	  16      8    sender     0; 1 when a sender has opened the channel, by compare-and-swap
 *	  24      8    sender     0; 1 + messages sent in all, when it closes
 *	  64      8    receiver   messages taken: bits 31:0, and in bits 63:32 their complement
 *	 128           sender     slots: a flag of 8 bytes, then the message; each begins at a
 *				  multiple of 64
 *
 * Message n (from 0) goes to slot n mod slots, by one copy with a notification: the flag
 * becomes n + 1 in bits 31:0, and the size in bits 63:32.  So the receiver sees a message
 * whole or not at all, and never takes one twice.
 *
 * The sender may not have more than `slots` messages that were not taken.  It reads the
 * count of those that were from the ring: along with a message, when half of the slots are
 * in use, and alone when all are.  As a copy may be torn, the count comes with its complement.
 * A slow receiver is never overrun, whatever the sender knows last.
 */
#ifndef SFAB_CHANNEL_H
#define SFAB_CHANNEL_H

#include "internal.h"

#define MAGIC		0x48434653U
#define VERSION		1

struct header {
	uint32_t magic;
	uint32_t version;
	uint32_t slot_size;
	uint32_t slots;
	uint64_t owner;
	uint64_t end;
	uint64_t pad[4];
	uint64_t taken;
	uint64_t pad2[7];
};

_Static_assert(offsetof(struct header, taken) == 64 && sizeof(struct header) == 128, "header");

struct sfab_channel {
	LIST_ENTRY(sfab_channel) link;	/* in sfab_context.channels */
	struct sfab_context *ctx;
	uint32_t slot_size;
	uint32_t slots;
	uint64_t stride;		/* from one slot to the next */

	pthread_mutex_t lock;		/* protects all below; nobody waits with it */
	struct sfab_mem *ring;
	struct header *header;		/* receiver: the ring; sender: its copy of the header */
	uint64_t count;			/* messages sent, or taken */

	struct sfab_export *exported;	/* receiver, until it closes */

	struct sfab_queue *queue;	/* sender, as all below; until it closes */
	struct sfab_batch *batch;
	struct sfab_mem *local;		/* one page, with *header */
	struct sfab_mem *staging;	/* as many slots as the ring; NULL: not needed yet */
	uint64_t taken;			/* of ours, as far as we know */
	struct sfab_fence *refresh;	/* the count is being read; NULL: it is not */
};

struct message {
	const void *data;		/* to send, in place of mem */
	void *buffer;			/* to receive */
	struct sfab_mem *mem;
	uint64_t offset;
	uint64_t size;
	struct sfab_fence **fence;
};

static inline uint64_t load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* A count and its complement: half a store is not taken for one */
static inline uint64_t taken_word(uint64_t count)
{
	return (uint32_t)count | (uint64_t)(uint32_t)~count << 32;
}

static inline uint64_t slot_offset(const struct sfab_channel *ch, uint64_t number)
{
	return sizeof(struct header) + number % ch->slots * ch->stride;
}

static inline uint64_t ring_size(const struct sfab_channel *ch)
{
	return sizeof(struct header) + ch->slots * ch->stride;
}

/* false: there is no such channel */
bool channel_set_geometry(struct sfab_channel *ch, uint32_t slot_size, uint32_t slots);
/* In the list of the context from here on: what cannot be given back goes with it */
struct sfab_channel *channel_new(struct sfab_context *ctx);
/* Frees what was made of it when err came; keeps that and its text */
int channel_abandon(struct sfab_channel *ch, int err);
/* What every function begins with */
int channel_check(struct sfab_channel *ch, bool sender, const char *function);
/* After a while that is half of what has passed, so that waiting costs little and ends soon */
void channel_rest(int64_t since, int64_t deadline);
/* Tries, with the lock, until it is no longer -EAGAIN */
int channel_repeat(struct sfab_channel *ch, int (*try)(struct sfab_channel *, struct message *),
		   struct message *m, int64_t timeout_ns);
/* Sends the end of the channel after what was sent, and waits for that */
void channel_say_end(struct sfab_channel *ch);

#endif /* SFAB_CHANNEL_H */
