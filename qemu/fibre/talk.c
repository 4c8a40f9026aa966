// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The messages of docs/specs/sfab-fibre.rst. The other end is not trusted: a message is
 * complete and has a possible length before anything looks at it.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "talk.h"

#define MAGIC		0x4c424653u	/* "SFBL" */
#define VERSION		2
#define CAN_SHARE	1u
#define REFUSE_MAX	256u

/* On the wire. */
struct header {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint32_t length;
	uint32_t reserved;
};

struct hello {
	uint32_t flags;
	uint32_t reserved;
	char name[SFAB_FIBRE_NAME_MAX];
};

#define HELLO_FIXED	8u

_Static_assert(sizeof(struct header) == TALK_HEADER, "format");

uint8_t *talk_message(struct talk *talk, enum talk_type type, uint32_t length)
{
	struct header header = { MAGIC, VERSION, type, length, 0 };
	uint8_t *at = talk->out + talk->out_len;

	memcpy(at, &header, sizeof(header));
	talk->out_len += sizeof(header) + length;
	return at + sizeof(header);
}

/* Ends the talk for a reason that is told to the other end too. Returns false. */
bool talk_refuse(struct talk *talk, const char *fmt, ...)
{
	uint32_t length;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(talk->why, REFUSE_MAX, fmt, ap);
	va_end(ap);
	length = strlen(talk->why);
	if (talk->out_len + TALK_HEADER + length <= sizeof(talk->out))
		memcpy(talk_message(talk, TALK_REFUSE, length), talk->why, length);
	return false;
}

static void hello(struct talk *talk)
{
	uint32_t length = strlen(talk->name);
	struct hello hello = { .flags = talk->share ? CAN_SHARE : 0 };

	memcpy(hello.name, talk->name, length);
	memcpy(talk_message(talk, TALK_HELLO, HELLO_FIXED + length), &hello, HELLO_FIXED + length);
}

void talk_begin(struct talk *talk, const char *name, bool listener, bool share)
{
	memset(talk, 0, offsetof(struct talk, in));
	talk->name = name;
	talk->listener = listener;
	talk->share = share;
	talk->fd_in = -1;
	talk->fd_out = -1;
	hello(talk);
}

static void forget(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void talk_end(struct talk *talk)
{
	forget(&talk->fd_in);
	forget(&talk->fd_out);
	memory_drop(talk->memory);
	talk->memory = NULL;
}

/* The listener hands its memory over, and needs no answer. */
static bool give_memory(struct talk *talk)
{
	uint64_t size = FIBRE_SIZE;

	talk->memory = memory_share(&talk->fd_out);
	if (!talk->memory)
		return talk_refuse(talk, "no memory to share");
	memcpy(talk_message(talk, TALK_MEMORY, sizeof(size)), &size, sizeof(size));
	talk->state = TALK_SHARED;
	return true;
}

/* Text of the other end, made fit to be shown. */
static int printable(char *to, const void *from, uint32_t length)
{
	uint32_t i;

	for (i = 0; i < length; i++)
		to[i] = isprint(((const uint8_t *)from)[i]) ? ((const char *)from)[i] : '?';
	to[length] = 0;
	return length;
}

static bool hear_hello(struct talk *talk, const uint8_t *body, uint32_t length)
{
	char name[SFAB_FIBRE_NAME_MAX + 1];
	struct hello hello = { 0 };

	memcpy(&hello, body, length);
	printable(name, hello.name, length - HELLO_FIXED);
	if (length - HELLO_FIXED != strlen(talk->name) ||
	    memcmp(hello.name, talk->name, length - HELLO_FIXED))
		return talk_refuse(talk, "crossed fibres: this is '%s', not '%s'", talk->name,
				   name);

	if (!talk->share || !(hello.flags & CAN_SHARE)) {
		talk_message(talk, TALK_MIRROR, 0);
		talk->state = TALK_WANTS_MIRROR;
		return true;
	}
	if (talk->listener)
		return give_memory(talk);
	talk->state = TALK_WANTS_MEMORY;
	return true;
}

static bool hear_memory(struct talk *talk, const uint8_t *body)
{
	const char *why;
	uint64_t size;

	memcpy(&size, body, sizeof(size));
	if (size != FIBRE_SIZE)
		return talk_refuse(talk, "the memory has the wrong size");
	if (talk->fd_in < 0)
		return talk_refuse(talk, "no file came with MEMORY");
	talk->memory = memory_take(talk->fd_in, &why);
	forget(&talk->fd_in);
	if (!talk->memory)
		return talk_refuse(talk, "%s", why);
	talk->state = TALK_SHARED;
	return true;
}

static bool hear_refuse(struct talk *talk, const uint8_t *body, uint32_t length)
{
	int n = snprintf(talk->why, sizeof(talk->why), "the other end refuses: ");

	printable(talk->why + n, body, length);
	return false;
}

/* Which types may come now, and how long they may be. */
static bool acceptable(const struct talk *talk, const struct header *header)
{
	uint32_t length = header->length;

	switch (header->type) {
	case TALK_HELLO:
		return talk->state == TALK_GREETING && length >= HELLO_FIXED &&
		       length <= sizeof(struct hello);
	case TALK_MEMORY:
		return talk->state == TALK_WANTS_MEMORY && length == 8;
	case TALK_MIRROR:
		return talk->state == TALK_WANTS_MIRROR && !length;
	case TALK_REFUSE:
		return length <= REFUSE_MAX;
	case TALK_BYTES:
		return talk->state == TALK_MIRRORED && length > 8 && length <= 8 + TALK_BYTES_MAX;
	case TALK_WORDS:
		return talk->state == TALK_MIRRORED && length > 8 &&
		       length <= 8 + 16 * TALK_WORDS_MAX;
	}
	return false;
}

static bool check_header(struct talk *talk)
{
	struct header header;

	memcpy(&header, talk->in, sizeof(header));
	if (header.magic != MAGIC) {
		snprintf(talk->why, sizeof(talk->why), "the other end does not speak the fibre protocol");
		return false;
	}
	if (header.version != VERSION)
		return talk_refuse(talk, "version %u is not spoken here, only %u", header.version,
				   VERSION);
	if (header.reserved || !acceptable(talk, &header))
		return talk_refuse(talk, "message of type %u and length %u is not expected",
				   header.type, header.length);
	return true;
}

static uint32_t length_of(const struct talk *talk)
{
	struct header header;

	memcpy(&header, talk->in, sizeof(header));
	return header.length;
}

static bool hear(struct talk *talk)
{
	const uint8_t *body = talk->in + TALK_HEADER;
	uint32_t length = length_of(talk);
	struct header header;

	memcpy(&header, talk->in, sizeof(header));
	switch (header.type) {
	case TALK_HELLO:
		return hear_hello(talk, body, length);
	case TALK_MEMORY:
		return hear_memory(talk, body);
	case TALK_MIRROR:
		return mirror_begin(talk);
	case TALK_REFUSE:
		return hear_refuse(talk, body, length);
	case TALK_BYTES:
		return mirror_bytes(talk, body, length);
	case TALK_WORDS:
		return mirror_words(talk, body, length);
	}
	return false;	/* check_header() lets none of them through */
}

/* Take what the message at the front still lacks; the bytes used. */
static size_t take(struct talk *talk, const uint8_t *data, size_t size)
{
	size_t want = TALK_HEADER;

	if (talk->in_len >= TALK_HEADER)
		want += length_of(talk);
	want -= talk->in_len;
	if (size > want)
		size = want;
	memcpy(talk->in + talk->in_len, data, size);
	talk->in_len += size;
	return size;
}

bool talk_input(struct talk *talk, const void *data, size_t size)
{
	const uint8_t *at = data;
	size_t used;

	while (size && talk->state != TALK_SHARED) {
		used = take(talk, at, size);
		at += used;
		size -= used;
		if (talk->in_len == TALK_HEADER && !check_header(talk))
			return false;
		if (talk->in_len < TALK_HEADER || talk->in_len < TALK_HEADER + length_of(talk))
			continue;
		if (!hear(talk))
			return false;
		talk->in_len = 0;
	}
	return true;
}

size_t talk_output(struct talk *talk, const void **data)
{
	if (talk->out_at == talk->out_len) {
		talk->out_at = 0;
		talk->out_len = 0;
		if (talk->state == TALK_MIRRORED)
			mirror_output(talk);
	}
	*data = talk->out + talk->out_at;
	return talk->out_len - talk->out_at;
}

void talk_sent(struct talk *talk, size_t size)
{
	talk->out_at += size;
	forget(&talk->fd_out);
}
