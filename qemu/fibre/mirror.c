// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mirroring: both processes have the whole memory, and each tells the other what it has
 * written to its part.
 */
#include <string.h>

#include "talk.h"

static const uint32_t ring_size[RINGS] = {
	0x200000, 0x200000, 0x4000, 0x200000, 0x200000, 0x4000,
};

static uint8_t *half(const struct talk *talk, unsigned int end)
{
	return (uint8_t *)talk->memory + end * (size_t)HALF_SIZE;
}

/* Our sender's page (0) and receiver's page (1): where they are in the fibre. */
static uint32_t page_at(unsigned int page, unsigned int end)
{
	return page ? (1 - end) * HALF_SIZE + RECEIVER_PAGE : end * HALF_SIZE;
}

static uint64_t load(const struct talk *talk, uint32_t at)
{
	return __atomic_load_n((uint64_t *)((uint8_t *)talk->memory + at), __ATOMIC_ACQUIRE);
}

static void store(struct talk *talk, uint32_t at, uint64_t value)
{
	__atomic_store_n((uint64_t *)((uint8_t *)talk->memory + at), value, __ATOMIC_RELEASE);
}

static uint64_t head(const struct talk *talk, unsigned int ring)
{
	return load(talk, page_at(0, talk_index(talk)) + RING_WORDS(ring));
}

static uint32_t light(const struct talk *talk)
{
	return (uint32_t)load(talk, page_at(0, talk_index(talk)) + WORD_LIGHT);
}

/*
 * The other end always seems to sleep: our port rings whenever it has written something,
 * and then the socket tells.
 */
bool mirror_begin(struct talk *talk)
{
	talk->memory = memory_private();
	if (!talk->memory)
		return talk_refuse(talk, "no memory for a mirror");
	store(talk, page_at(0, 1 - talk_index(talk)) + WORD_SLEEPING, 1);
	talk->state = TALK_MIRRORED;
	return true;
}

/* Up to which bytes this round goes. */
static void begin_round(struct talk *talk)
{
	struct mirror *mirror = &talk->mirror;
	unsigned int r;

	mirror->round = true;
	for (r = 0; r < RINGS; r++) {
		mirror->goal[r] = head(talk, r);
		if (mirror->goal[r] < mirror->sent[r])
			mirror->sent[r] = 0;
	}
}

/* With another light, all counts begin again. */
static void look_at_light(struct talk *talk)
{
	struct mirror *mirror = &talk->mirror;
	uint32_t now = light(talk);

	if (now == mirror->light)
		return;
	mirror->light = now;
	mirror->round = false;
	memset(mirror->sent, 0, sizeof(mirror->sent));
}

/* One piece of one ring that the other end has not got. */
static bool send_bytes(struct talk *talk)
{
	struct mirror *mirror = &talk->mirror;
	uint32_t ring_at = RINGS_AT;
	uint64_t count, at;
	uint32_t word[2];
	uint8_t *body;
	unsigned int r;

	for (r = 0; r < RINGS && mirror->sent[r] == mirror->goal[r]; r++)
		ring_at += ring_size[r];
	if (r == RINGS)
		return false;
	at = mirror->sent[r] % ring_size[r];
	count = mirror->goal[r] - mirror->sent[r];
	if (count > ring_size[r] - at)
		count = ring_size[r] - at;
	if (count > TALK_BYTES_MAX)
		count = TALK_BYTES_MAX;
	word[0] = ring_at + at;
	word[1] = count;
	body = talk_message(talk, TALK_BYTES, 8 + count);
	memcpy(body, word, 8);
	memcpy(body + 8, half(talk, talk_index(talk)) + word[0], count);
	mirror->sent[r] += count;
	return true;
}

/* What our word is to be at the other end: HEAD does not run ahead of the bytes. */
static uint64_t word_to_tell(const struct talk *talk, unsigned int page, unsigned int w)
{
	unsigned int r = (w * 8 - RING_WORDS(0)) / 0x40;

	if (!page && w * 8 >= RING_WORDS(0) && r < RINGS && w * 8 == RING_WORDS(r))
		return talk->mirror.goal[r];
	return load(talk, page_at(page, talk_index(talk)) + w * 8);
}

/* All words that have changed, in one message: the other end applies it at once. */
static bool send_words(struct talk *talk)
{
	struct {
		uint32_t at;
		uint32_t reserved;
		uint64_t value;
	} list[2 * SENDER_WORDS];
	uint32_t count[2] = { 0, 0 };
	unsigned int page, w;
	uint64_t value;
	uint8_t *body;

	for (page = 0; page < 2; page++) {
		for (w = 0; w < SENDER_WORDS; w++) {
			value = word_to_tell(talk, page, w);
			if (value == talk->mirror.told[page][w] ||
			    (!page && w * 8 == WORD_SLEEPING))
				continue;
			talk->mirror.told[page][w] = value;
			list[count[0]].at = page_at(page, talk_index(talk)) + w * 8;
			list[count[0]].reserved = 0;
			list[count[0]++].value = value;
		}
	}
	if (!count[0])
		return false;
	body = talk_message(talk, TALK_WORDS, 8 + count[0] * sizeof(list[0]));
	memcpy(body, count, 8);
	memcpy(body + 8, list, count[0] * sizeof(list[0]));
	return true;
}

/* The next message, if there is something to tell. */
bool mirror_output(struct talk *talk)
{
	look_at_light(talk);
	if (!talk->mirror.round)
		begin_round(talk);
	if (send_bytes(talk))
		return true;
	talk->mirror.round = false;
	return send_words(talk);
}

bool mirror_bytes(struct talk *talk, const uint8_t *body, uint32_t length)
{
	uint32_t word[2];

	memcpy(word, body, 8);
	if (word[1] != length - 8 || word[0] < RINGS_AT || word[0] > HALF_SIZE ||
	    word[1] > HALF_SIZE - word[0])
		return talk_refuse(talk, "%u ring bytes at 0x%x are out of range", word[1],
				   word[0]);
	memcpy(half(talk, 1 - talk_index(talk)) + word[0], body + 8, word[1]);
	return true;
}

/* A word of a page that the other end writes, but for SLEEPING, which is ours to keep. */
static bool theirs(const struct talk *talk, uint32_t at)
{
	unsigned int end = 1 - talk_index(talk), page;
	uint32_t in_page;

	for (page = 0; page < 2; page++) {
		in_page = at - page_at(page, end);
		if (in_page < WORDS_END)
			return !(in_page % 8) && (page || in_page != WORD_SLEEPING);
	}
	return false;
}

bool mirror_words(struct talk *talk, const uint8_t *body, uint32_t length)
{
	uint32_t count[2], at, i;
	uint64_t value;

	memcpy(count, body, 8);
	if (count[0] > TALK_WORDS_MAX || length - 8 != count[0] * 16)
		return talk_refuse(talk, "%u words do not fit a message of %u bytes", count[0],
				   length);
	for (i = 0; i < count[0]; i++) {
		memcpy(&at, body + 8 + i * 16, 4);
		if (!theirs(talk, at))
			return talk_refuse(talk, "the word at 0x%x is not the other end's", at);
	}
	for (i = 0; i < count[0]; i++) {
		memcpy(&at, body + 8 + i * 16, 4);
		memcpy(&value, body + 8 + i * 16 + 8, 8);
		store(talk, at, value);
	}
	return true;
}
