// SPDX-License-Identifier: MIT
/*
 * Fuzz what an end of a fibre hears over its socket, as listener or connector: messages of all
 * types with any body, good greetings, plain bytes, in pieces, with or without a file. Whatever
 * comes, the part of the memory that is ours does not change, and what we say stays within
 * bounds.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "talk.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static struct talk talk;

static void check(bool fine)
{
	if (!fine)
		abort();
}

/* One that is right, or wrong in one way. */
static int some_file(unsigned int how)
{
	int fd = memfd_create("fuzz", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	check(fd >= 0);
	check(!ftruncate(fd, how == 1 ? 4096 : FIBRE_SIZE));
	if (how != 2)
		check(!fcntl(fd, F_ADD_SEALS, SEALS));
	return fd;
}

static bool zero(uint32_t at, uint32_t size)
{
	const uint64_t *words = (const uint64_t *)((const uint8_t *)talk.memory + at);
	uint32_t i;

	for (i = 0; i < size / 8; i++) {
		if (words[i])
			return false;
	}
	return true;
}

/* Our sender's page and rings, our receiver's page; what lies beyond the other end's words. */
static void check_memory(void)
{
	uint32_t ours = talk_index(&talk) * HALF_SIZE, theirs = HALF_SIZE - ours;

	check(zero(ours, RECEIVER_PAGE));
	check(zero(ours + RINGS_AT, HALF_SIZE - RINGS_AT));
	check(zero(theirs + RECEIVER_PAGE, RINGS_AT - RECEIVER_PAGE));
	check(zero(theirs + WORDS_END, RECEIVER_PAGE - WORDS_END));
	check(zero(ours + RECEIVER_PAGE + WORDS_END, RECEIVER_PAGE - WORDS_END));
}

static void say(void)
{
	const void *data;
	size_t size;

	while ((size = talk_output(&talk, &data))) {
		check(size <= TALK_MAX);
		talk_sent(&talk, size);
	}
}

/* Hears it in pieces; false when the talk is over. */
static bool hear(const uint8_t *data, size_t size, size_t piece)
{
	for (; size; data += piece, size -= piece) {
		if (piece > size)
			piece = size;
		if (!talk_input(&talk, data, piece))
			return false;
		if (!(piece & 1))
			say();
	}
	return true;
}

/* The header of a message: type, length of its body. */
static bool hear_header(uint16_t type, uint32_t length, size_t piece)
{
	uint8_t header[TALK_HEADER] = "SFBL\2";

	memcpy(header + 6, &type, 2);
	memcpy(header + 8, &length, 4);
	return hear(header, sizeof(header), piece);
}

static bool hear_greeting(uint8_t flags, size_t piece)
{
	const uint8_t hello[9] = { flags, 0, 0, 0, 0, 0, 0, 0, 'f' };

	return hear_header(TALK_HELLO, sizeof(hello), piece) && hear(hello, sizeof(hello), piece) &&
	       (flags || hear_header(TALK_MIRROR, 0, piece));
}

/* One step: what it is, how long, and as many bytes. The bytes used, 0 when it is over. */
static size_t step(const uint8_t *data, size_t size, size_t piece)
{
	uint8_t what = data[0] % 16, length = data[1];
	bool go;

	if (length > size - 2)
		length = size - 2;
	if (what <= 8)
		go = hear_header(what, length, piece) && hear(data + 2, length, piece);
	else if (what <= 10)
		go = hear_greeting(what - 9, piece);
	else
		go = hear(data + 2, length, piece);
	return go ? 2 + length : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece, used;

	if (size < 2)
		return 0;
	talk_begin(&talk, "f", data[0] & 1, data[0] & 2);
	if (data[0] & 4)
		talk.fd_in = some_file(data[0] >> 3 & 3);
	piece = data[1] ? data[1] : size;
	for (data += 2, size -= 2; size >= 2; data += used, size -= used) {
		used = step(data, size, piece);
		if (!used)
			break;
	}
	if (talk.state == TALK_MIRRORED)
		check_memory();
	say();
	talk_end(&talk);
	return 0;
}
