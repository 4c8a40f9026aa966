/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What two ends say to each other over a socket, without the socket: bytes go in, bytes
 * come out. docs/specs/sfab-fibre.rst, "Between processes".
 */
#ifndef SFAB_FIBRE_TALK_H
#define SFAB_FIBRE_TALK_H

#include "internal.h"

#define TALK_HEADER	16u
#define TALK_BYTES_MAX	65536u	/* ring bytes in one BYTES */
#define TALK_WORDS_MAX	128u	/* words in one WORDS */
#define TALK_MAX	(TALK_HEADER + 8 + TALK_BYTES_MAX)
#define TALK_WHY	288

enum talk_type {
	TALK_HELLO = 1,
	TALK_MEMORY,
	TALK_MIRROR,
	TALK_REFUSE,
	TALK_BYTES,
	TALK_WORDS,
};

enum talk_state {
	TALK_GREETING,		/* HELLO is to come */
	TALK_WANTS_MEMORY,
	TALK_WANTS_MIRROR,
	TALK_SHARED,		/* light; what comes in are doorbells */
	TALK_MIRRORED,		/* light; BYTES and WORDS */
};

#define SENDER_WORDS	(WORDS_END / 8)

/* What the other end has been told of our part of the memory. */
struct mirror {
	uint32_t light;
	bool round;			/* ring bytes up to @goal, then the words */
	uint64_t sent[RINGS];
	uint64_t goal[RINGS];
	uint64_t told[2][SENDER_WORDS];	/* sender's page, receiver's page */
};

struct talk {
	enum talk_state state;
	const char *name;
	bool listener;
	bool share;
	int fd_in;		/* came along with the bytes, -1 */
	int fd_out;		/* to go along with the next bytes, -1 */
	void *memory;		/* in SHARED and MIRRORED */
	struct mirror mirror;
	char why[TALK_WHY];	/* it ended */
	uint32_t in_len, out_at, out_len;
	uint8_t in[TALK_MAX];
	uint8_t out[TALK_MAX];
};

/* Begin; the first bytes to send are there. @name outlives the talk. */
void talk_begin(struct talk *talk, const char *name, bool listener, bool share);

/* Give the memory and files back. */
void talk_end(struct talk *talk);

/* Bytes from the other end. False: the talk is over, @why tells (a REFUSE may be to send). */
bool talk_input(struct talk *talk, const void *data, size_t size);

/* The next bytes to send (with @fd_out, if any), 0 if there are none. */
size_t talk_output(struct talk *talk, const void **data);
void talk_sent(struct talk *talk, size_t size);

static inline bool talk_linked(const struct talk *talk)
{
	return talk->state >= TALK_SHARED;
}

/* The end that is ours: the listener is end 0. */
static inline unsigned int talk_index(const struct talk *talk)
{
	return talk->listener ? 0 : 1;
}

/* talk.c, for mirror.c: where the body of a message to send goes; @out must be empty. */
uint8_t *talk_message(struct talk *talk, enum talk_type type, uint32_t length);
bool talk_refuse(struct talk *talk, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* mirror.c */
bool mirror_begin(struct talk *talk);
bool mirror_output(struct talk *talk);
bool mirror_bytes(struct talk *talk, const uint8_t *body, uint32_t length);
bool mirror_words(struct talk *talk, const uint8_t *body, uint32_t length);

#endif /* SFAB_FIBRE_TALK_H */
