// SPDX-License-Identifier: MIT
/*
 * Every command: at its edges by hand, and at random against a model that works
 * byte by byte on a copy of all memory.
 */
#include <stdlib.h>

#include "rig.h"
#include "internal.h"

static void large_hbm(struct sfab_config *c)
{
	c->hbm_size = 32 * MIB;
}

/* ---- the model ---- */

#define DST_VA		0x0000001234560000ull
#define SRC_VA		0x00007fff00000000ull
#define REGION_PAGES	700

/* All memory, and where each page of two virtual regions is in it. */
struct model {
	struct rig *rig;
	uint8_t *hbm, *sys, *peer;
	uint8_t *dst[REGION_PAGES], *src[REGION_PAGES];
};

struct pool {
	uint8_t *copy;		/* the model's memory */
	uint64_t addr;		/* as a PTE has it */
	uint64_t pte;
	unsigned int next, pages;
};

/*
 * Map a region as runs of 1 to 16 pages out of the three memories. No page is
 * used twice, so a source and a destination never overlap.
 */
static void map_region(struct model *m, struct pool *pools, uint64_t va,
		       uint8_t **where, uint64_t *seed)
{
	unsigned int page = 0;

	while (page < REGION_PAGES) {
		struct pool *p = &pools[rig_random(seed) % 3];
		unsigned int run = rig_random(seed) % 16 + 1;

		/* Skip one now and then, or runs would follow each other. */
		if (rig_random(seed) % 2)
			p->next++;
		for (; run && page < REGION_PAGES && p->next < p->pages; run--) {
			uint64_t offset = p->next++ * PAGE;

			rig_map(m->rig, 0, va + page * PAGE, p->addr + offset,
				PAGE, p->pte);
			where[page++] = p->copy + offset;
		}
	}
}

static void *copy_of(const void *p, size_t len)
{
	void *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, p, len);
	return copy;
}

static struct model *model_new(uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));
	struct rig *rig = rig_new();

	assert_non_null(m);
	m->rig = rig;
	rig_fill_random(rig->hbm + HBM_DATA, rig->config.hbm_size - HBM_DATA, 1);
	rig_fill_random(rig->sys + SYS_DATA, SYS_SIZE - SYS_DATA, 2);
	rig_fill_random(rig->peer, PEER_SIZE, 3);
	m->hbm = copy_of(rig->hbm, rig->config.hbm_size);
	m->sys = copy_of(rig->sys, SYS_SIZE);
	m->peer = copy_of(rig->peer, PEER_SIZE);

	struct pool pools[] = {
		{ m->hbm + HBM_DATA, HBM_DATA, HBM_PTE(RW), 0, 7 * 256 },
		{ m->sys + SYS_DATA, SYS_BUS + SYS_DATA, SYS_PTE(RW), 0, 512 },
		{ m->peer, PEER_BUS, PEER_PTE(RW), 0, 1024 },
	};

	map_region(m, pools, DST_VA, m->dst, &seed);
	map_region(m, pools, SRC_VA, m->src, &seed);
	rig_queue(rig, 0, 0);
	return m;
}

static void model_free(struct model *m)
{
	rig_free(m->rig);
	free(m->hbm);
	free(m->sys);
	free(m->peer);
	free(m);
}

static uint8_t *at(struct model *m, uint64_t va)
{
	uint64_t offset = va - DST_VA;

	if (offset < REGION_PAGES * PAGE)
		return m->dst[offset / PAGE] + offset % PAGE;
	offset = va - SRC_VA;
	assert_true(offset < REGION_PAGES * PAGE);
	return m->src[offset / PAGE] + offset % PAGE;
}

static uint64_t get(struct model *m, uint64_t va, unsigned int width)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < width; i++)
		value |= (uint64_t)*at(m, va + i) << (8 * i);
	return value;
}

static void put(struct model *m, uint64_t va, unsigned int width, uint64_t value)
{
	for (unsigned int i = 0; i < width; i++)
		*at(m, va + i) = value >> (8 * i);
}

static void model_atomic(struct model *m, const struct cmd *c)
{
	uint64_t mask = c->dtype == 8 ? ~0ull : 0xffffffff;
	uint64_t old = get(m, c->dst, c->dtype), new = old;

	if (c->op == 0)
		new = old + c->arg0;
	else if (c->op == 1 || old == (c->arg1 & mask))
		new = c->arg0;
	put(m, c->dst, c->dtype, new);
	if (c->src)
		put(m, c->src, c->dtype, old);
}

static void model_run(struct model *m, const struct cmd *c)
{
	switch (c->opcode) {
	case SFAB_CMD_COPY:
		for (uint64_t i = 0; i < c->len; i++)
			*at(m, c->dst + i) = *at(m, c->src + i);
		break;
	case SFAB_CMD_COPY_2D:
		for (uint64_t r = 0; r < c->arg0; r++)
			for (uint64_t i = 0; i < c->len; i++)
				*at(m, c->dst + r * c->arg1 + i) =
					*at(m, c->src + r * c->arg2 + i);
		break;
	case SFAB_CMD_FILL:
		for (uint64_t i = 0; i < c->len; i++)
			*at(m, c->dst + i) = c->arg0 >> (i % c->dtype * 8);
		break;
	case SFAB_CMD_REDUCE:	/* i32, sum */
		for (uint64_t i = 0; i < c->len; i += 4)
			put(m, c->dst + i, 4,
			    get(m, c->dst + i, 4) + get(m, c->src + i, 4));
		break;
	case SFAB_CMD_ATOMIC:
		model_atomic(m, c);
		break;
	case SFAB_CMD_WRITE:
		put(m, c->dst, c->dtype, c->arg0);
		break;
	case SFAB_CMD_TIMESTAMP:
		put(m, c->dst, 8, rd64(m->rig, SFAB_REG_TIME));
		break;
	}
}

static void compare(struct model *m)
{
	assert_memory_equal(m->rig->hbm + HBM_DATA, m->hbm + HBM_DATA,
			    m->rig->config.hbm_size - HBM_DATA);
	assert_memory_equal(m->rig->sys + SYS_DATA, m->sys + SYS_DATA,
			    SYS_SIZE - SYS_DATA);
	assert_memory_equal(m->rig->peer, m->peer, PEER_SIZE);
}

static uint64_t random_len(uint64_t *seed)
{
	static const uint64_t most[] = { 1, 16, 300, 5000, 70000, 2800000 };

	return rig_random(seed) % most[rig_random(seed) % 6] + 1;
}

static struct cmd random_command(uint64_t *seed)
{
	const uint64_t size = REGION_PAGES * PAGE;
	struct cmd c = { .opcode = rig_random(seed) % 7 };
	uint64_t align = 1, span[2], pick;

	if (c.opcode == 0)
		c.opcode = SFAB_CMD_TIMESTAMP;
	c.len = random_len(seed);
	span[0] = c.len;
	span[1] = c.len;
	switch (c.opcode) {
	case SFAB_CMD_COPY_2D:
		c.len = c.len % 9000 + 1;
		c.arg0 = rig_random(seed) % 100;
		c.arg1 = c.len + rig_random(seed) % 5000;
		c.arg2 = c.len + rig_random(seed) % 5000;
		if (rig_random(seed) % 4 == 0)
			c.arg1 = c.len;
		if (rig_random(seed) % 4 == 0)
			c.arg2 = c.len;
		span[0] = c.arg0 * c.arg1 + c.len;
		span[1] = c.arg0 * c.arg2 + c.len;
		break;
	case SFAB_CMD_FILL:
		c.dtype = 1u << rig_random(seed) % 4;
		c.len -= c.len % c.dtype;
		c.arg0 = rig_random(seed) >> (64 - 8 * c.dtype);
		break;
	case SFAB_CMD_REDUCE:
		align = 4;
		c.len -= c.len % 4;
		break;
	case SFAB_CMD_ATOMIC:
	case SFAB_CMD_WRITE:
		c.dtype = 4 + 4 * (rig_random(seed) % 2);
		c.arg0 = rig_random(seed);
		if (c.opcode == SFAB_CMD_ATOMIC)
			c.op = rig_random(seed) % 3;
		/* fall through */
	case SFAB_CMD_TIMESTAMP:
		align = 8;
		c.len = 0;
		span[0] = 8;
		span[1] = 8;
		break;
	}
	pick = rig_random(seed) % (size - span[0]);
	c.dst = DST_VA + pick - pick % align;
	pick = rig_random(seed) % (size - span[1]);
	if (c.opcode == SFAB_CMD_COPY || c.opcode == SFAB_CMD_COPY_2D ||
	    c.opcode == SFAB_CMD_REDUCE ||
	    (c.opcode == SFAB_CMD_ATOMIC && pick % 2))
		c.src = SRC_VA + pick - pick % align;
	return c;
}

static void test_random(void **state)
{
	static const uint64_t limits[] = { 0, 4096, 512, 64, 8, 65536 };

	(void)state;
	for (unsigned int round = 0; round < 6; round++) {
		uint64_t seed = 1000 + round;
		struct model *m = model_new(seed);

		m->rig->map_limit = limits[round];
		for (unsigned int i = 0; i < 80; i++) {
			struct cmd c = random_command(&seed);

			if (c.opcode == SFAB_CMD_ATOMIC && c.op == 2)
				c.arg1 = seed & 1u << 20 ? seed :
					 get(m, c.dst, c.dtype);
			m->rig->clock += 1000;
			rig_do(m->rig, &c);
			model_run(m, &c);
			compare(m);
		}
		model_free(m);
	}
}

/* ---- by hand ---- */

static struct rig *rig_mapped(void)
{
	struct rig *rig = rig_new();

	rig_map_all(rig, 0);
	rig_queue(rig, 0, 0);
	return rig;
}

#define H(offset)	(VA_HBM + HBM_DATA + (offset))

static uint8_t *hbm(struct rig *rig, uint64_t offset)
{
	return rig->hbm + HBM_DATA + offset;
}

static uint64_t word(struct rig *rig, uint64_t offset)
{
	uint64_t value;

	memcpy(&value, hbm(rig, offset), 8);
	return value;
}

static void set_word(struct rig *rig, uint64_t offset, uint64_t value)
{
	memcpy(hbm(rig, offset), &value, 8);
}

static void test_nop(void **state)
{
	struct rig *rig = rig_mapped();
	struct cmd c = { .flags = SFAB_CMD_COMPLETE, .timeline = 7 };

	(void)state;
	rig_do(rig, &c);
	assert_int_equal(*rig_timeline(rig, 0), 7);
	rig_free(rig);

	/* It needs no VM. */
	rig = rig_new();
	rig_queue(rig, 0, 0);
	rig_do(rig, &c);
	rig_free(rig);
}

/* Copies of more than a slice: bytes, slices, byte counters. */
static void test_copy_slices(void **state)
{
	struct rig *rig = rig_with(large_hbm);
	struct cmd c = {
		.opcode = SFAB_CMD_COPY, .dst = VA_HBM + 17 * MIB + 5,
		.src = VA_HBM + 2 * MIB + 3, .len = 13 * MIB + 77,
	};
	unsigned int steps = 0;

	(void)state;
	rig_map_large(rig, 0, VA_HBM, 0, 32 * MIB, HBM_PTE(RW));
	rig_fill_random(rig->hbm + 2 * MIB, 14 * MIB, 9);
	rig_queue(rig, 0, 0);
	rig_submit(rig, 0, &c);
	while (rig_step(rig, 0) == SFAB_RUN_MORE)
		steps++;
	assert_int_equal(steps, 4);
	assert_memory_equal(rig->hbm + 17 * MIB + 5, rig->hbm + 2 * MIB + 3,
			    c.len);
	assert_int_equal(rig->hbm[17 * MIB + 4], 0);
	assert_int_equal(rig->hbm[17 * MIB + 5 + c.len], 0);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_0), 1);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_1), 2 * c.len);
	rig_free(rig);
}

static void test_counters(void **state)
{
	struct rig *rig = rig_mapped();
	struct cmd copy = {
		.opcode = SFAB_CMD_COPY, .dst = VA_SYS + SYS_DATA, .src = H(0),
		.len = 10000,
	};
	struct cmd peer = {
		.opcode = SFAB_CMD_COPY, .dst = VA_PEER, .src = H(0), .len = 7,
	};
	struct cmd reduce = {
		.opcode = SFAB_CMD_REDUCE, .dst = VA_PEER,
		.src = VA_SYS + SYS_DATA, .len = 100,
	};
	struct cmd atomic = {
		.opcode = SFAB_CMD_ATOMIC, .dtype = 4, .dst = H(0),
	};

	(void)state;
	rig_do(rig, &copy);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_1), 10000);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_2), 10000);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_3), 0);
	rig_do(rig, &peer);
	rig_do(rig, &reduce);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_1), 10007);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_2), 10100);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_3), 107);
	rig_do(rig, &atomic);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_1), 10011);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_0), 4);
	rig_free(rig);
}

/* Copies that bypass the cache: every alignment, around every unit of work. */
static void test_streaming(void **state)
{
	enum { ROOM = 80000 };
	uint8_t *src = malloc(ROOM), *dst = malloc(ROOM), *expect = malloc(ROOM);
	uint64_t seed = 8;

	(void)state;
	rig_fill_random(src, ROOM, 1);
	for (unsigned int i = 0; i < 3000; i++) {
		static const uint64_t units[] = { 0, 64, 4096, 16384, 49152 };
		uint64_t len = units[i % 5] + rig_random(&seed) % 200;
		uint64_t d = rig_random(&seed) % 200, s = rig_random(&seed) % 200;

		memset(dst, i, ROOM);
		memset(expect, i, ROOM);
		memcpy(expect + d, src + s, len);
		sfab_copy(dst + d, src + s, len, true);
		assert_memory_equal(dst, expect, ROOM);
	}
	free(src);
	free(dst);
	free(expect);
}

/* Length 0 touches nothing: neither VM, nor address, nor pitch is looked at. */
static void test_zero_length(void **state)
{
	static const struct cmd cmds[] = {
		{ .opcode = SFAB_CMD_COPY, .dst = 1, .src = ~0ull },
		{ .opcode = SFAB_CMD_COPY_2D, .arg0 = 0xffffffff, .dst = ~0ull },
		{ .opcode = SFAB_CMD_COPY_2D, .len = ~0ull, .arg1 = 1 },
		{ .opcode = SFAB_CMD_FILL, .dtype = 8, .dst = ~0ull },
		{ .opcode = SFAB_CMD_REDUCE, .dst = 3, .src = ~0ull },
	};
	struct rig *rig = rig_new();

	(void)state;
	rig_queue(rig, 0, 0);
	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		rig_do(rig, &cmds[i]);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_1), 0);
	rig_free(rig);
}

static void test_copy_overlap_is_harmless(void **state)
{
	struct rig *rig = rig_mapped();
	struct cmd c = {
		.opcode = SFAB_CMD_COPY, .dst = H(100), .src = H(50),
		.len = 3 * MIB,
	};

	(void)state;
	rig_fill_random(hbm(rig, 0), 4 * MIB, 3);
	uint8_t before[50], after[50];

	memcpy(before, hbm(rig, 50), 50);
	memcpy(after, hbm(rig, 100 + c.len), 50);
	rig_do(rig, &c);
	assert_memory_equal(hbm(rig, 50), before, 50);
	assert_memory_equal(hbm(rig, 100 + c.len), after, 50);
	rig_free(rig);
}

static void test_copy_2d_edges(void **state)
{
	struct rig *rig = rig_mapped();
	struct cmd c = {
		.opcode = SFAB_CMD_COPY_2D, .dst = H(0), .src = H(MIB), .len = 10,
		.arg0 = 3, .arg1 = 10, .arg2 = 30,
	};

	(void)state;
	rig_fill_random(hbm(rig, MIB), MIB, 4);

	/* Gather: packed destination. */
	rig_do(rig, &c);
	for (unsigned int r = 0; r < 3; r++)
		assert_memory_equal(hbm(rig, r * 10), hbm(rig, MIB + r * 30), 10);
	assert_int_equal(*hbm(rig, 30), 0);

	/* One row: the pitch only has to be long enough on paper. */
	c.arg0 = 1;
	c.arg1 = ~0ull;
	rig_do(rig, &c);

	/* Pitches below the length. */
	c.arg0 = 2;
	c.arg1 = 9;
	rig_fault(rig, &c, SFAB_FAULT_BAD_RANGE, SFAB_ACCESS_WRITE, c.dst);
	c.arg1 = 10;
	c.arg2 = 9;
	rig_fault(rig, &c, SFAB_FAULT_BAD_RANGE, SFAB_ACCESS_READ, c.src);

	/* Too many rows; rows beyond the address space; around 2^64. */
	c.arg2 = 10;
	c.arg0 = 1ull << 32;
	rig_fault(rig, &c, SFAB_FAULT_BAD_RANGE, SFAB_ACCESS_WRITE, c.dst);
	c.arg0 = 0xffffffff;
	c.arg1 = 1ull << 17;
	rig_fault(rig, &c, SFAB_FAULT_BAD_RANGE, SFAB_ACCESS_WRITE, c.dst);
	c.arg1 = 1ull << 63;
	c.arg0 = 3;
	rig_fault(rig, &c, SFAB_FAULT_BAD_RANGE, SFAB_ACCESS_WRITE, c.dst);
	c.arg1 = 10;
	c.arg2 = (1ull << 47) - 1;
	rig_fault(rig, &c, SFAB_FAULT_BAD_RANGE, SFAB_ACCESS_READ, c.src);
	rig_free(rig);
}

/* What lies between the rows is neither touched nor needs to be mapped. */
static void test_copy_2d_gaps(void **state)
{
	struct rig *rig = rig_new();
	struct cmd c = {
		.opcode = SFAB_CMD_COPY_2D, .dst = 0x100000, .src = 0x900000,
		.len = 100, .arg0 = 64, .arg1 = 2 * PAGE, .arg2 = 3 * PAGE,
	};

	(void)state;
	for (unsigned int r = 0; r < 64; r++) {
		rig_map(rig, 0, c.dst + r * c.arg1, 4 * MIB + r * PAGE, PAGE,
			HBM_PTE(WO));
		rig_map(rig, 0, c.src + r * c.arg2, 6 * MIB + r * PAGE, PAGE,
			HBM_PTE(RO));
	}
	rig_fill_random(rig->hbm + 6 * MIB, 64 * PAGE, 5);
	rig_queue(rig, 0, 0);
	rig_do(rig, &c);
	for (unsigned int r = 0; r < 64; r++) {
		assert_memory_equal(rig->hbm + 4 * MIB + r * PAGE,
				    rig->hbm + 6 * MIB + r * PAGE, 100);
		assert_int_equal(rig->hbm[4 * MIB + r * PAGE + 100], 0);
	}
	/* But the last row must be, before the first is written. */
	memset(rig->hbm + 4 * MIB, 0, MIB);
	c.arg0 = 65;
	rig_fault(rig, &c, SFAB_FAULT_UNMAPPED, SFAB_ACCESS_WRITE,
		  c.dst + 64 * c.arg1);
	assert_int_equal(rig->hbm[4 * MIB], 0);
	rig_free(rig);
}

/* Many short rows: the number of pieces in a slice is bounded, the work not. */
static void test_copy_2d_many_rows(void **state)
{
	struct rig *rig = rig_mapped();
	struct cmd c = {
		.opcode = SFAB_CMD_COPY_2D, .dst = H(0), .src = H(3 * MIB),
		.len = 1, .arg0 = 200000, .arg1 = 2, .arg2 = 3,
	};

	(void)state;
	rig_fill_random(hbm(rig, 3 * MIB), MIB, 6);
	rig_do(rig, &c);
	for (unsigned int r = 0; r < 200000; r++) {
		assert_int_equal(*hbm(rig, 2 * r), *hbm(rig, 3 * MIB + 3 * r));
		assert_int_equal(*hbm(rig, 2 * r + 1), 0);
	}
	rig_free(rig);
}

static void test_fill(void **state)
{
	struct rig *rig = rig_mapped();
	struct cmd c = {
		.opcode = SFAB_CMD_FILL, .dtype = 8, .dst = H(PAGE - 3),
		.len = 2 * MIB, .arg0 = 0x8877665544332211ull,
	};

	(void)state;
	rig_do(rig, &c);
	assert_int_equal(*hbm(rig, PAGE - 4), 0);
	for (uint64_t i = 0; i < c.len; i++)
		assert_int_equal(*hbm(rig, PAGE - 3 + i),
				 (i % 8 + 1) * 0x11);
	assert_int_equal(*hbm(rig, PAGE - 3 + c.len), 0);

	c.len = 12;
	rig_fault(rig, &c, SFAB_FAULT_BAD_RANGE, SFAB_ACCESS_WRITE, c.dst);
	c.len = 8;
	for (c.dtype = 1; c.dtype < 8; c.dtype *= 2) {
		c.arg0 = 1ull << (8 * c.dtype);
		rig_fault(rig, &c, SFAB_FAULT_BAD_COMMAND, 0, 0);
		c.arg0--;
		rig_do(rig, &c);
	}
	rig_free(rig);
}

static void test_atomic(void **state)
{
	struct rig *rig = rig_mapped();
	struct cmd c = {
		.opcode = SFAB_CMD_ATOMIC, .dtype = 8, .dst = H(8),
		.src = VA_SYS + SYS_DATA, .arg0 = 5,
	};
	uint64_t *old = (uint64_t *)(rig->sys + SYS_DATA);

	(void)state;
	set_word(rig, 8, ~0ull - 1);
	rig_do(rig, &c);
	assert_int_equal(word(rig, 8), 3);
	assert_int_equal(*old, ~0ull - 1);

	c.op = SFAB_ATOMIC_SWAP;
	rig_do(rig, &c);
	assert_int_equal(word(rig, 8), 5);
	assert_int_equal(*old, 3);

	c.op = SFAB_ATOMIC_CAS;
	c.arg0 = 77;
	c.arg1 = 4;
	rig_do(rig, &c);
	assert_int_equal(word(rig, 8), 5);
	assert_int_equal(*old, 5);
	c.arg1 = 5;
	rig_do(rig, &c);
	assert_int_equal(word(rig, 8), 77);

	/* 32 bit: neighbours stay, high operand bits do not count. */
	set_word(rig, 8, 0x11111111fffffffful);
	*old = 0x2222222222222222ull;
	c = (struct cmd) {
		.opcode = SFAB_CMD_ATOMIC, .dtype = 4, .dst = H(8),
		.src = VA_SYS + SYS_DATA, .arg0 = 0xff00000002ull,
	};
	rig_do(rig, &c);
	assert_int_equal(word(rig, 8), 0x1111111100000001ull);
	assert_int_equal(*old, 0x22222222ffffffffull);
	c.op = SFAB_ATOMIC_CAS;
	c.arg1 = 0x7700000001ull;
	c.src = 0;
	rig_do(rig, &c);
	assert_int_equal(word(rig, 8), 0x1111111100000002ull);

	c.dst++;
	rig_fault(rig, &c, SFAB_FAULT_BAD_RANGE, SFAB_ACCESS_WRITE, c.dst);
	c.dst--;
	c.src = H(18);
	rig_fault(rig, &c, SFAB_FAULT_BAD_RANGE, SFAB_ACCESS_WRITE, c.src);
	/* The place for the old value is checked before the operation. */
	c.src = 0x9000;
	c.op = SFAB_ATOMIC_ADD;
	c.arg1 = 0;
	rig_fault(rig, &c, SFAB_FAULT_UNMAPPED, SFAB_ACCESS_WRITE, 0x9000);
	assert_int_equal(word(rig, 8), 0x1111111100000002ull);
	rig_free(rig);
}

static void test_write_and_timestamp(void **state)
{
	struct rig *rig = rig_mapped();
	struct cmd c = {
		.opcode = SFAB_CMD_WRITE, .dtype = 4, .dst = H(12),
		.arg0 = 0x1234567890abcdefull,
	};

	(void)state;
	rig_do(rig, &c);
	assert_int_equal(word(rig, 8), 0x90abcdef00000000ull);
	assert_int_equal(word(rig, 16), 0);
	c.dtype = 8;
	rig_fault(rig, &c, SFAB_FAULT_BAD_RANGE, SFAB_ACCESS_WRITE, c.dst);
	c.dst = H(16);
	rig_do(rig, &c);
	assert_int_equal(word(rig, 16), 0x1234567890abcdefull);

	c = (struct cmd) { .opcode = SFAB_CMD_TIMESTAMP, .dst = H(24) };
	rig->clock += 123456;
	rig_do(rig, &c);
	assert_int_equal(word(rig, 24), 123456);
	c.dst += 4;
	rig_fault(rig, &c, SFAB_FAULT_BAD_RANGE, SFAB_ACCESS_WRITE, c.dst);
	rig_free(rig);
}

/* ---- WAIT ---- */

static void wait_for(struct rig *rig, uint8_t op, uint64_t no, uint64_t yes)
{
	struct cmd c = {
		.opcode = SFAB_CMD_WAIT, .dtype = 8, .op = op, .src = H(0),
		.arg0 = 0x50, .arg1 = 0xff0,
	};
	uint32_t head = rd32(rig, Q_REG(0, Q_HEAD));
	uint64_t due;

	set_word(rig, 0, no);
	rig_submit(rig, 0, &c);
	assert_false(rig_run(rig));
	assert_true(rd32(rig, Q_REG(0, Q_STATUS)) & SFAB_Q_STATUS_WAITING);
	assert_false(rd32(rig, Q_REG(0, Q_STATUS)) & SFAB_Q_STATUS_BUSY);
	assert_int_equal(rd32(rig, SFAB_REG_STATUS), SFAB_STATUS_READY);
	set_word(rig, 0, yes);

	/* It looks again within 100 us, not at once. */
	assert_int_equal(sfab_core_run(rig->core, 0, &due), SFAB_RUN_POLL);
	assert_true(due > rig->clock && due <= rig->clock + 100000);
	rig->clock = due;
	assert_true(rig_run(rig));
	assert_int_equal(rd32(rig, Q_REG(0, Q_HEAD)), head + 1);
	assert_false(rd32(rig, Q_REG(0, Q_STATUS)) & SFAB_Q_STATUS_WAITING);
}

static void test_wait(void **state)
{
	struct rig *rig = rig_mapped();

	(void)state;
	wait_for(rig, SFAB_WAIT_EQ, 0x5f0, 0xf05f);
	wait_for(rig, SFAB_WAIT_NE, 0x50, 0x60);
	wait_for(rig, SFAB_WAIT_GE, 0x4f, 0x50);
	wait_for(rig, SFAB_WAIT_LT, 0x50, 0x4f);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_1), 0);
	rig_free(rig);
}

static void test_wait_32(void **state)
{
	struct rig *rig = rig_mapped();
	struct cmd c = {
		.opcode = SFAB_CMD_WAIT, .dtype = 4, .op = SFAB_WAIT_EQ,
		.src = H(4), .arg0 = 0xee00000007ull, .arg1 = ~0ull,
	};

	(void)state;
	set_word(rig, 0, 0x700000000ull);
	set_word(rig, 8, ~0ull);
	rig_do(rig, &c);
	c.src = H(6);
	rig_fault(rig, &c, SFAB_FAULT_BAD_RANGE, SFAB_ACCESS_READ, c.src);
	rig_free(rig);
}

static void test_wait_timeout(void **state)
{
	struct rig *rig = rig_mapped();
	struct cmd c = {
		.opcode = SFAB_CMD_WAIT, .dtype = 8, .op = SFAB_WAIT_NE,
		.src = H(0), .arg1 = 1, .arg2 = 120000,
	};
	uint64_t start = rig->clock, due;

	(void)state;
	rig_submit(rig, 0, &c);
	for (unsigned int polls = 0; !rig_run(rig); polls++) {
		assert_true(polls < 4);
		assert_int_equal(sfab_core_run(rig->core, 0, &due),
				 SFAB_RUN_POLL);
		rig->clock = due;
	}
	assert_int_equal(rig->clock, start + 120000);
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)),
			 SFAB_Q_FAULT_VALID | SFAB_ACCESS_READ << 16 |
			 SFAB_CMD_WAIT << 8 | SFAB_FAULT_WAIT_TIMEOUT);
	assert_int_equal(rd64(rig, Q_REG(0, Q_FAULT_ADDR)), c.src);
	assert_false(rd32(rig, Q_REG(0, Q_STATUS)) & SFAB_Q_STATUS_WAITING);

	/* A condition that is true at the limit is true; a huge limit is none. */
	rig_queue(rig, 0, 0);
	rig_submit(rig, 0, &c);
	assert_false(rig_run(rig));
	rig->clock += 200000;
	set_word(rig, 0, 1);
	assert_true(rig_run(rig));
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)), 0);
	set_word(rig, 0, 0);
	c.arg2 = ~0ull;
	rig_submit(rig, 0, &c);
	assert_false(rig_run(rig));
	rig->clock += 1ull << 62;
	assert_false(rig_run(rig));
	rig_free(rig);
}

/* A mapping that goes away under a WAIT ends it with a fault. */
static void test_wait_unmapped(void **state)
{
	struct rig *rig = rig_mapped();
	struct cmd c = {
		.opcode = SFAB_CMD_WAIT, .dtype = 8, .op = SFAB_WAIT_NE,
		.src = H(0), .arg1 = ~0ull,
	};

	(void)state;
	rig_submit(rig, 0, &c);
	assert_false(rig_run(rig));
	*rig_entry(rig, 0, c.src, 0) = 0;
	wr32(rig, VM_REG(0, VM_INV), 5);
	assert_int_equal(rd32(rig, VM_REG(0, VM_INV_DONE)), 5);
	rig->clock += 100000;
	assert_true(rig_run(rig));
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)) & 0xff,
			 SFAB_FAULT_UNMAPPED);
	rig_free(rig);
}

/* ---- malformed commands ---- */

enum { DST = 1, SRC = 2, LEN = 4, ARG0 = 8, ARG1 = 16, ARG2 = 32 };

/* A valid command of each kind, and the fields that it names. */
static const struct {
	struct cmd cmd;
	unsigned int fields;
	const char *dtypes, *ops;	/* digits */
} valid[] = {
	{ { .opcode = 0 }, 0, "0", "0" },
	{ { .opcode = 1, .dst = H(0), .src = H(MIB), .len = 64 },
	  DST | SRC | LEN, "0", "0" },
	{ { .opcode = 2, .dst = H(0), .src = H(MIB), .len = 64, .arg0 = 2,
	    .arg1 = 64, .arg2 = 64 },
	  DST | SRC | LEN | ARG0 | ARG1 | ARG2, "0", "0" },
	{ { .opcode = 3, .dtype = 1, .dst = H(0), .len = 64 },
	  DST | LEN | ARG0, "1248", "0" },
	{ { .opcode = 4, .dst = H(0), .src = H(MIB), .len = 64 },
	  DST | SRC | LEN, "0123", "012" },
	{ { .opcode = 5, .dtype = 4, .op = 2, .dst = H(0), .src = H(MIB) },
	  DST | SRC | ARG0 | ARG1, "48", "012" },
	{ { .opcode = 5, .dtype = 8, .op = 0, .dst = H(0), .src = H(MIB) },
	  DST | SRC | ARG0, "48", "012" },
	{ { .opcode = 6, .dtype = 8, .dst = H(0) }, DST | ARG0, "48", "0" },
	{ { .opcode = 7, .dtype = 8, .op = 2, .src = H(0) },
	  SRC | ARG0 | ARG1 | ARG2, "48", "023" },
	{ { .opcode = 8, .dst = H(0) }, DST, "0", "0" },
};

static bool digit(const char *digits, unsigned int value)
{
	return value < 10 && strchr(digits, '0' + value);
}

static void expect_bad(struct rig *rig, struct cmd c)
{
	rig_fault(rig, &c, SFAB_FAULT_BAD_COMMAND, SFAB_ACCESS_NONE, 0);
}

static void test_bad_command(void **state)
{
	struct rig *rig = rig_mapped();
	uint8_t *before;

	(void)state;
	rig_fill_random(hbm(rig, 0), 2 * MIB, 7);
	before = copy_of(hbm(rig, 0), 2 * MIB);

	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
		struct cmd c;
#define BAD(statement) do {						\
		c = valid[i].cmd;					\
		statement;						\
		expect_bad(rig, c);					\
	} while (0)

		BAD(c.reserved = 1u << i);
		BAD(c.timeline = 1);
		BAD(c.flags = 2);
		for (unsigned int bit = 2; bit < 8; bit++)
			if (bit != 2 || c.opcode != SFAB_CMD_COPY)
				BAD(c.flags = 1u << bit | 1);
		for (unsigned int v = 0; v < 256; v++) {
			if (!digit(valid[i].dtypes, v))
				BAD(c.dtype = v);
			if (!digit(valid[i].ops, v) && !(c.opcode == 7 && v == 1))
				BAD(c.op = v);
		}
		if (!(valid[i].fields & DST))
			BAD(c.dst = 1ull << 63);
		if (!(valid[i].fields & SRC))
			BAD(c.src = 1ull << 32);
		if (!(valid[i].fields & LEN))
			BAD(c.len = 8);
		if (!(valid[i].fields & ARG0))
			BAD(c.arg0 = 1ull << 40);
		if (!(valid[i].fields & ARG1))
			BAD(c.arg1 = 1);
		if (!(valid[i].fields & ARG2))
			BAD(c.arg2 = 1ull << 63);
	}
	for (unsigned int v = 9; v < 256; v++)
		expect_bad(rig, (struct cmd) { .opcode = v });
	assert_memory_equal(hbm(rig, 0), before, 2 * MIB);

	/* And each of them is valid as it stands. */
	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
		rig_do(rig, &valid[i].cmd);
	free(before);
	rig_free(rig);
}

static void test_bad_range(void **state)
{
	const uint64_t end = 1ull << 48;
	const struct {
		struct cmd cmd;
		unsigned int access;
	} bad[] = {
		{ { .opcode = 1, .dst = end, .src = H(0), .len = 1 }, 2 },
		{ { .opcode = 1, .dst = H(0), .src = end, .len = 1 }, 1 },
		{ { .opcode = 1, .dst = end - 8, .src = H(0), .len = 9 }, 2 },
		{ { .opcode = 1, .dst = H(0), .src = ~0ull, .len = 1 }, 1 },
		{ { .opcode = 1, .dst = H(0), .src = H(9), .len = ~0ull }, 2 },
		{ { .opcode = 1, .dst = ~0ull - 7, .src = H(9), .len = 8 }, 2 },
		{ { .opcode = 3, .dtype = 1, .dst = end - 1, .len = 2 }, 2 },
		{ { .opcode = 4, .dst = H(2), .src = H(16), .len = 4 }, 2 },
		{ { .opcode = 4, .dst = H(4), .src = H(18), .len = 4 }, 1 },
		{ { .opcode = 4, .dst = H(4), .src = H(16), .len = 6 }, 2 },
		{ { .opcode = 4, .dtype = 3, .dst = H(1), .src = H(16),
		    .len = 2 }, 2 },
		{ { .opcode = 6, .dtype = 8, .dst = end }, 2 },
		{ { .opcode = 7, .dtype = 4, .src = end }, 1 },
		{ { .opcode = 8, .dst = end }, 2 },
	};
	struct rig *rig = rig_mapped();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		rig_fault(rig, &bad[i].cmd, SFAB_FAULT_BAD_RANGE, bad[i].access,
			  bad[i].access == 2 ? bad[i].cmd.dst : bad[i].cmd.src);
	rig_free(rig);
}

/* The first and the last byte of the address space can be used. */
static void test_ends_of_address_space(void **state)
{
	struct rig *rig = rig_new();
	struct cmd c = {
		.opcode = SFAB_CMD_COPY, .dst = (1ull << 48) - 2 * PAGE, .src = 0,
		.len = 2 * PAGE,
	};

	(void)state;
	rig_map(rig, 0, 0, 2 * MIB, 2 * PAGE, HBM_PTE(RO));
	rig_map(rig, 0, c.dst, 3 * MIB, 2 * PAGE, HBM_PTE(WO));
	rig_fill_random(rig->hbm + 2 * MIB, 2 * PAGE, 8);
	rig_queue(rig, 0, 0);
	rig_do(rig, &c);
	assert_memory_equal(rig->hbm + 2 * MIB, rig->hbm + 3 * MIB, 2 * PAGE);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_nop),
		cmocka_unit_test(test_copy_slices),
		cmocka_unit_test(test_streaming),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_zero_length),
		cmocka_unit_test(test_copy_overlap_is_harmless),
		cmocka_unit_test(test_copy_2d_edges),
		cmocka_unit_test(test_copy_2d_gaps),
		cmocka_unit_test(test_copy_2d_many_rows),
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_atomic),
		cmocka_unit_test(test_write_and_timestamp),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_wait_32),
		cmocka_unit_test(test_wait_timeout),
		cmocka_unit_test(test_wait_unmapped),
		cmocka_unit_test(test_bad_command),
		cmocka_unit_test(test_bad_range),
		cmocka_unit_test(test_ends_of_address_space),
	};

	return cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
