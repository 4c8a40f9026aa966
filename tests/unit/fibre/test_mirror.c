// SPDX-License-Identifier: MIT
/* Mirroring, with two talks that are joined by the test: what is told, and what is believed. */
#include "owner.h"
#include "talk.h"

static struct talk talks[2];

/* Pass on what there is to say, @chunk bytes at a time; whether both were content. */
static bool exchange(size_t chunk)
{
	unsigned int i, quiet = 0;
	const void *data;
	size_t size;

	for (i = 0; quiet < 2; i++) {
		size = talk_output(&talks[i % 2], &data);
		quiet = size ? 0 : quiet + 1;
		if (size > chunk)
			size = chunk;
		if (size && !talk_input(&talks[1 - i % 2], data, size))
			return false;
		talk_sent(&talks[i % 2], size);
	}
	return true;
}

static void begin(void)
{
	talk_begin(&talks[0], "f", true, false);
	talk_begin(&talks[1], "f", false, false);
	assert_true(exchange(1 << 20));
	assert_int_equal(talks[0].state, TALK_MIRRORED);
	assert_int_equal(talks[1].state, TALK_MIRRORED);
}

static void end(void)
{
	talk_end(&talks[0]);
	talk_end(&talks[1]);
}

static uint64_t *word(unsigned int of, uint32_t at)
{
	return (uint64_t *)((uint8_t *)talks[of].memory + at);
}

/* End 0 puts bytes into a ring of its own, as a port would. */
static uint64_t head;

static void put_ring(uint32_t ring_at, uint32_t ring_size, unsigned int r, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		((uint8_t *)talks[0].memory)[ring_at + (head + i) % ring_size] = (head + i) * 31;
	head += count;
	*word(0, RING_WORDS(r)) = head;
}

static void check_ring(uint32_t ring_at, uint32_t ring_size, unsigned int r, uint32_t count)
{
	uint64_t i;

	assert_int_equal(*word(1, RING_WORDS(r)), head);
	for (i = head - count; i < head; i++)
		assert_int_equal(((uint8_t *)talks[1].memory)[ring_at + i % ring_size],
				 (uint8_t)(i * 31));
}

static void test_ring_wraps(void **state)
{
	unsigned int i;

	(void)state;
	begin();
	head = 0;
	for (i = 0; i < 40; i++) {
		put_ring(RINGS_AT, 0x200000, 0, 65664);
		assert_true(exchange(i % 2 ? 1 << 20 : 1000));
		check_ring(RINGS_AT, 0x200000, 0, 65664);
	}
	end();
}

static void test_every_ring(void **state)
{
	static const uint32_t size[RINGS] = {
		0x200000, 0x200000, 0x4000, 0x200000, 0x200000, 0x4000,
	};
	uint32_t at = RINGS_AT;
	unsigned int r;

	(void)state;
	begin();
	for (r = 0; r < RINGS; r++) {
		head = 0;
		put_ring(at, size[r], r, size[r]);
		assert_true(exchange(1 << 20));
		check_ring(at, size[r], r, size[r]);
		at += size[r];
	}
	assert_int_equal(at, HALF_SIZE);
	end();
}

/* HEAD arrives after the bytes, and never stands within what was put at once. */
static void test_head_comes_last(void **state)
{
	uint64_t seen, last = 0;
	bool more = false;
	const void *data;
	size_t size;

	(void)state;
	begin();
	head = 0;
	put_ring(RINGS_AT, 0x200000, 0, 200000);
	while ((size = talk_output(&talks[0], &data))) {
		if (!more && talks[0].mirror.sent[0])
			put_ring(RINGS_AT, 0x200000, 0, 64);	/* while it is under way */
		more = talks[0].mirror.sent[0];
		size = size > 999 ? 999 : size;
		assert_true(talk_input(&talks[1], data, size));
		talk_sent(&talks[0], size);
		seen = *word(1, RING_WORDS(0));
		assert_true(seen == last || (last == 0 && seen == 200000) ||
			    (last == 200000 && seen == 200064));
		last = seen;
	}
	assert_int_equal(last, 200064);
	check_ring(RINGS_AT, 0x200000, 0, 200064);
	end();
}

/* What ends say of a change of light paths, beyond the words of the rings. */
static void test_words_of_switching(void **state)
{
	(void)state;
	begin();
	*word(0, RING_WORDS(RINGS)) = 0x123456789;
	*word(0, RING_WORDS(RINGS) + 8) = 0xabcdef;
	assert_true(exchange(1 << 20));
	assert_true(*word(1, RING_WORDS(RINGS)) == 0x123456789);
	assert_true(*word(1, RING_WORDS(RINGS) + 8) == 0xabcdef);
	end();
}

/* Another light: the port begins at 0 again, and so does the mirror. */
static void test_new_light(void **state)
{
	(void)state;
	begin();
	head = 0;
	*word(0, WORD_LIGHT) = 1;
	put_ring(RINGS_AT, 0x200000, 0, 128);
	assert_true(exchange(1 << 20));
	check_ring(RINGS_AT, 0x200000, 0, 128);
	head = 0;
	*word(0, WORD_LIGHT) = 2;
	memset((uint8_t *)talks[0].memory + RINGS_AT, 0xee, 128);
	put_ring(RINGS_AT, 0x200000, 0, 256);
	assert_true(exchange(1 << 20));
	assert_int_equal(*word(1, WORD_LIGHT), 2);
	check_ring(RINGS_AT, 0x200000, 0, 256);
	end();
}

static void test_both_pages_both_ways(void **state)
{
	unsigned int from;
	uint32_t at;

	(void)state;
	begin();
	for (from = 0; from < 2; from++) {
		*word(from, from * HALF_SIZE + 0x18) = 0x1111 + from;
		at = (1 - from) * HALF_SIZE + RECEIVER_PAGE + RING_WORDS(5) + 8;
		*word(from, at) = 0x2222 + from;
		assert_true(exchange(1 << 20));
		assert_int_equal(*word(1 - from, from * HALF_SIZE + 0x18), 0x1111 + from);
		assert_int_equal(*word(1 - from, at), 0x2222 + from);
	}
	end();
}

/* A port rings when the other end sleeps: here it always does. */
static void test_the_other_end_always_sleeps(void **state)
{
	(void)state;
	begin();
	assert_int_equal(*word(0, HALF_SIZE + WORD_SLEEPING), 1);
	assert_int_equal(*word(1, WORD_SLEEPING), 1);
	*word(0, WORD_SLEEPING) = 0;
	assert_true(exchange(1 << 20));
	assert_int_equal(*word(1, WORD_SLEEPING), 1);
	end();
}

static void breach(uint16_t type, const void *body, uint32_t length)
{
	uint8_t *before = malloc(FIBRE_SIZE), bytes[16 + 4096] = "SFBL\2";

	assert_non_null(before);
	begin();
	memcpy(before, talks[0].memory, FIBRE_SIZE);
	memcpy(bytes + 6, &type, 2);
	memcpy(bytes + 8, &length, 4);
	memcpy(bytes + 16, body, length);
	assert_false(talk_input(&talks[0], bytes, 16 + length));
	assert_memory_equal(before, talks[0].memory, FIBRE_SIZE);
	assert_true(talks[0].why[0]);
	end();
	free(before);
}

static void test_bytes_out_of_range(void **state)
{
	static const uint32_t wrong[][2] = {
		{ 0, 8 }, { RINGS_AT - 8, 8 }, { HALF_SIZE - 4, 8 }, { HALF_SIZE, 8 },
		{ HALF_SIZE + RINGS_AT, 8 }, { 0xfffffff8, 8 }, { RINGS_AT, 4 }, { RINGS_AT, 16 },
		{ RINGS_AT, 0xfffffff8 }, { RINGS_AT, 0 },
	};
	uint32_t body[4] = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memcpy(body, wrong[i], 8);
		memset(body + 2, 0xff, 8);
		breach(TALK_BYTES, body, 16);
	}
}

/* For the listener, end 0: the other end's are sender's page 1 and the receiver's of half 0. */
static void test_words_out_of_range(void **state)
{
	static const uint32_t wrong[] = {
		0x08, 0x40, WORDS_END + RECEIVER_PAGE, RINGS_AT, HALF_SIZE + 0x0c,
		HALF_SIZE + WORD_SLEEPING, HALF_SIZE + WORDS_END, HALF_SIZE + RECEIVER_PAGE,
		FIBRE_SIZE, 0xfffffff8,
	};
	uint64_t body[5] = { 2, HALF_SIZE + 0x08, 7, 0, 7 };
	unsigned int i;

	(void)state;
	/* None is applied when one of them is wrong. */
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		body[3] = wrong[i];
		breach(TALK_WORDS, body, sizeof(body));
	}
	body[3] = HALF_SIZE + 0x20;
	body[0] = 3;
	breach(TALK_WORDS, body, sizeof(body));
	body[0] = 1;
	breach(TALK_WORDS, body, sizeof(body));
	body[0] = 0xffffffff;
	breach(TALK_WORDS, body, sizeof(body));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_wraps),
		cmocka_unit_test(test_every_ring),
		cmocka_unit_test(test_head_comes_last),
		cmocka_unit_test(test_words_of_switching),
		cmocka_unit_test(test_new_light),
		cmocka_unit_test(test_both_pages_both_ways),
		cmocka_unit_test(test_the_other_end_always_sleeps),
		cmocka_unit_test(test_bytes_out_of_range),
		cmocka_unit_test(test_words_out_of_range),
	};

	return cmocka_run_group_tests_name("mirror", tests, NULL, NULL);
}
