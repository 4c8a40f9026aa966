// SPDX-License-Identifier: MIT
/*
 * Translation and protection: every way in which a page table can be wrong, for
 * every kind of operand, and that not one byte changes when it is.
 */
#include <stdlib.h>

#include "rig.h"

/* One page of each operand of every command, at these addresses. */
#define DST		0x0000000040200000ull
#define SRC		0x0000703fc0400000ull
#define DST_HBM		(4 * MIB)
#define SRC_HBM		(6 * MIB)
#define PAGES		4

static const struct cmd users[] = {
	{ .opcode = SFAB_CMD_COPY, .dst = DST, .src = SRC, .len = PAGES * PAGE },
	{ .opcode = SFAB_CMD_COPY_2D, .dst = DST, .src = SRC, .len = PAGE,
	  .arg0 = PAGES, .arg1 = PAGE, .arg2 = PAGE },
	{ .opcode = SFAB_CMD_COPY_2D, .dst = DST + 1000, .src = SRC, .len = 100,
	  .arg0 = PAGES, .arg1 = PAGE, .arg2 = PAGE + 1 },
	{ .opcode = SFAB_CMD_FILL, .dst = DST, .len = PAGES * PAGE, .dtype = 1 },
	{ .opcode = SFAB_CMD_REDUCE, .dst = DST, .src = SRC,
	  .len = PAGES * PAGE },
	/* The page under test is the third one. */
	{ .opcode = SFAB_CMD_ATOMIC, .dst = DST + 2 * PAGE,
	  .src = SRC + 2 * PAGE, .dtype = 8 },
	{ .opcode = SFAB_CMD_WRITE, .dst = DST + 3 * PAGE - 8, .dtype = 8 },
	{ .opcode = SFAB_CMD_WAIT, .src = SRC + 2 * PAGE + 16, .dtype = 8,
	  .op = SFAB_WAIT_GE },
	{ .opcode = SFAB_CMD_TIMESTAMP, .dst = DST + 2 * PAGE },
};

#define NUM_USERS (sizeof(users) / sizeof(users[0]))

static bool has_dst(const struct cmd *c)
{
	return c->opcode != SFAB_CMD_WAIT;
}

static bool has_src(const struct cmd *c)
{
	return c->opcode != SFAB_CMD_FILL && c->opcode != SFAB_CMD_WRITE &&
	       c->opcode != SFAB_CMD_TIMESTAMP;
}

static bool src_is_written(const struct cmd *c)
{
	return c->opcode == SFAB_CMD_ATOMIC;
}

static bool dst_is_read(const struct cmd *c)
{
	return c->opcode == SFAB_CMD_REDUCE || c->opcode == SFAB_CMD_ATOMIC;
}

/* The first byte that the command wants within the third page of an operand. */
static uint64_t third_page(const struct cmd *c, uint64_t va)
{
	uint64_t first = (va & ~0xfffffull) + 2 * PAGE;

	if (c->opcode == SFAB_CMD_COPY_2D && c->len == 100)
		return va == c->dst ? first + 1000 : first + 2;
	return va > first ? va : first;
}

static struct rig *setup(void)
{
	struct rig *rig = rig_new();

	rig_map(rig, 0, DST, DST_HBM, PAGES * PAGE, HBM_PTE(RW));
	rig_map(rig, 0, SRC, SRC_HBM, PAGES * PAGE, HBM_PTE(RW));
	rig_fill_random(rig->hbm + HBM_DATA, rig->config.hbm_size - HBM_DATA, 1);
	rig_queue(rig, 0, 0);
	return rig;
}

/* Run @c, expect the fault, and that no memory but the ring has changed. */
static void expect(struct rig *rig, const struct cmd *c, unsigned int cause,
		   unsigned int access, uint64_t addr)
{
	static uint8_t before[8 * MIB];

	memcpy(before, rig->hbm, rig->config.hbm_size);
	rig_fault(rig, c, cause, access, addr);
	assert_memory_equal(rig->hbm, before, rig->config.hbm_size);
	for (uint64_t i = SYS_DATA; i < SYS_SIZE; i += 8)
		assert_int_equal(*(uint64_t *)(rig->sys + i), 0);
}

/* Put @entry in place of that of @va at @level, for all who use the address. */
static void try_entry(struct rig *rig, uint64_t va, int level, uint64_t entry,
		      unsigned int cause, unsigned int only_access)
{
	uint64_t *slot = rig_entry(rig, 0, va + 2 * PAGE, level), good = *slot;
	uint64_t size = 1ull << (12 + 9 * level);

	*slot = entry;
	for (size_t i = 0; i < NUM_USERS; i++) {
		const struct cmd *c = &users[i];
		bool is_dst = va == DST;
		bool write = is_dst || src_is_written(c);
		unsigned int access = write ? SFAB_ACCESS_WRITE :
					      SFAB_ACCESS_READ;
		uint64_t base = is_dst ? c->dst : c->src, addr;

		if (is_dst ? !has_dst(c) : !has_src(c))
			continue;
		if (only_access == SFAB_ACCESS_WRITE && !write)
			continue;
		if (only_access == SFAB_ACCESS_READ) {
			if (is_dst ? !dst_is_read(c) : src_is_written(c))
				continue;
			access = SFAB_ACCESS_READ;
		}
		addr = level == 0 ? third_page(c, base) : base;
		assert_int_equal(addr / size, (va + 2 * PAGE) / size);
		expect(rig, c, cause, access, addr);
	}
	*slot = good;
	for (size_t i = 0; i < NUM_USERS; i++)
		rig_do(rig, &users[i]);
}

static void test_leaves(void **state)
{
	static const uint64_t operands[] = { DST, SRC };
	struct rig *rig = setup();

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t va = operands[i];
		uint64_t good = *rig_entry(rig, 0, va + 2 * PAGE, 0);

		/* If VALID is 0 the other bits are ignored. */
		try_entry(rig, va, 0, 0, SFAB_FAULT_UNMAPPED, 0);
		try_entry(rig, va, 0, ~1ull, SFAB_FAULT_UNMAPPED, 0);
		for (unsigned int bit = 6; bit < 12; bit++)
			try_entry(rig, va, 0, good | 1ull << bit,
				  SFAB_FAULT_BAD_PTE, 0);
		for (unsigned int bit = 52; bit < 64; bit++)
			try_entry(rig, va, 0, good | 1ull << bit,
				  SFAB_FAULT_BAD_PTE, 0);
		try_entry(rig, va, 0, good | SFAB_PTE_LARGE, SFAB_FAULT_BAD_PTE,
			  0);
		try_entry(rig, va, 0, HBM_PTE(RW) | rig->config.hbm_size,
			  SFAB_FAULT_BAD_PTE, 0);
		try_entry(rig, va, 0, HBM_PTE(RW) | SFAB_PTE_ADDR_MASK,
			  SFAB_FAULT_BAD_PTE, 0);
		try_entry(rig, va, 0, good | SFAB_PTE_APERTURE_MASK,
			  SFAB_FAULT_APERTURE, 0);
		try_entry(rig, va, 0, good & ~SFAB_PTE_READ, SFAB_FAULT_NO_READ,
			  SFAB_ACCESS_READ);
		try_entry(rig, va, 0, good & ~SFAB_PTE_WRITE,
			  SFAB_FAULT_NO_WRITE, SFAB_ACCESS_WRITE);
		/* Nothing on the bus there. */
		try_entry(rig, va, 0, SYS_PTE(RW) | 0x1000,
			  SFAB_FAULT_BUS_ERROR, 0);
		try_entry(rig, va, 0, PEER_PTE(RW) | SFAB_PTE_ADDR_MASK,
			  SFAB_FAULT_BUS_ERROR, 0);
	}
	rig_free(rig);
}

static void test_tables(void **state)
{
	static const uint64_t operands[] = { DST, SRC };
	struct rig *rig = setup();

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		for (int level = 1; level <= 3; level++) {
			uint64_t va = operands[i];
			uint64_t good = *rig_entry(rig, 0, va, level);
			uint64_t size = rig->config.hbm_size;

			try_entry(rig, va, level, 0, SFAB_FAULT_UNMAPPED, 0);
			try_entry(rig, va, level, good & ~1ull,
				  SFAB_FAULT_UNMAPPED, 0);
			for (unsigned int bit = 1; bit < 12; bit++)
				try_entry(rig, va, level, good | 1ull << bit,
					  SFAB_FAULT_BAD_PTE, 0);
			for (unsigned int bit = 52; bit < 64; bit++)
				try_entry(rig, va, level, good | 1ull << bit,
					  SFAB_FAULT_BAD_PTE, 0);
			try_entry(rig, va, level, SFAB_PTE_VALID | size,
				  SFAB_FAULT_BAD_PTE, 0);
			try_entry(rig, va, level,
				  SFAB_PTE_VALID | SFAB_PTE_ADDR_MASK,
				  SFAB_FAULT_BAD_PTE, 0);
		}
	}
	rig_free(rig);
}

static void test_root(void **state)
{
	struct rig *rig = setup();
	uint64_t root = rd64(rig, VM_REG(0, VM_ROOT));
	const uint64_t bad[] = {
		0, root & ~1ull, rig->config.hbm_size | 1,
		SFAB_VM_ROOT_ADDR | 1,
	};
	uint64_t last = rig->config.hbm_size - PAGE;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		wr64(rig, VM_REG(0, VM_ROOT), bad[i]);
		for (size_t k = 0; k < NUM_USERS; k++)
			expect(rig, &users[k], SFAB_FAULT_BAD_VM,
			       SFAB_ACCESS_NONE, 0);
	}
	/* The last page of HBM is a place for a table, and for a leaf. */
	memcpy(rig->hbm + last, rig->hbm + (root & ~1ull), PAGE);
	wr64(rig, VM_REG(0, VM_ROOT), last | 1);
	rig_do(rig, &users[0]);
	rig_map(rig, 0, DST, last, PAGE, HBM_PTE(RW));
	rig_do(rig, &users[6]);
	rig_free(rig);
}

static void test_large(void **state)
{
	struct rig *rig = setup();
	struct cmd c = {
		.opcode = SFAB_CMD_COPY, .dst = DST + 3 * MIB, .src = SRC,
		.len = PAGE,
	};
	uint64_t page = DST + 2 * MIB, good;

	(void)state;
	rig_map_large(rig, 0, page, 6 * MIB, LARGE, HBM_PTE(RW));
	good = *rig_entry(rig, 0, page, 1);
	rig_do(rig, &c);
	assert_memory_equal(rig->hbm + 7 * MIB, rig->hbm + SRC_HBM, PAGE);

	for (unsigned int bit = 6; bit < 21; bit++) {
		*rig_entry(rig, 0, page, 1) = good | 1ull << bit;
		expect(rig, &c, SFAB_FAULT_BAD_PTE, SFAB_ACCESS_WRITE, c.dst);
	}
	*rig_entry(rig, 0, page, 1) = good + LARGE;
	expect(rig, &c, SFAB_FAULT_BAD_PTE, SFAB_ACCESS_WRITE, c.dst);
	*rig_entry(rig, 0, page, 1) = good & ~SFAB_PTE_WRITE;
	expect(rig, &c, SFAB_FAULT_NO_WRITE, SFAB_ACCESS_WRITE, c.dst);

	/* A run that goes from small pages into a large one, and back. */
	*rig_entry(rig, 0, page, 1) = good;
	rig_map(rig, 0, page - 2 * PAGE, 5 * MIB, 2 * PAGE, HBM_PTE(WO));
	rig_map(rig, 0, page + LARGE, 5 * MIB + 2 * PAGE, PAGE, HBM_PTE(WO));
	c = (struct cmd) {
		.opcode = SFAB_CMD_FILL, .dtype = 1, .arg0 = 0x5a,
		.dst = page - PAGE, .len = LARGE + PAGE + 100,
	};
	rig_do(rig, &c);
	assert_int_equal(rig->hbm[5 * MIB + PAGE], 0x5a);
	assert_int_equal(rig->hbm[6 * MIB], 0x5a);
	assert_int_equal(rig->hbm[8 * MIB - 1], 0x5a);
	assert_int_equal(rig->hbm[5 * MIB + 2 * PAGE + 99], 0x5a);
	assert_int_not_equal(rig->hbm[5 * MIB + 2 * PAGE + 100], 0x5a);
	rig_free(rig);
}

static void no_peer(struct sfab_config *c)
{
	c->peer = false;
}

static void test_no_peer(void **state)
{
	struct rig *rig = rig_with(no_peer);
	struct cmd c = {
		.opcode = SFAB_CMD_COPY, .dst = VA_HBM + 2 * MIB, .src = VA_PEER,
		.len = 10,
	};

	(void)state;
	rig_map_all(rig, 0);
	rig_queue(rig, 0, 0);
	rig_fault(rig, &c, SFAB_FAULT_BUS_ERROR, SFAB_ACCESS_READ, c.src);
	c.src = c.dst;
	c.dst = VA_PEER;
	rig_fault(rig, &c, SFAB_FAULT_BUS_ERROR, SFAB_ACCESS_WRITE, c.dst);
	assert_int_equal(rig->mapped, 0);
	rig_free(rig);
}

static void large_hbm(struct sfab_config *c)
{
	c->hbm_size = 64 * MIB;
}

/* A fault in the last page of many slices is found before the first byte. */
static void test_checked_whole(void **state)
{
	struct rig *rig = rig_with(large_hbm);
	struct cmd c = {
		.opcode = SFAB_CMD_COPY, .dst = VA_HBM + 34 * MIB,
		.src = VA_HBM + 2 * MIB, .len = 30 * MIB,
	};

	(void)state;
	rig_map(rig, 0, VA_HBM, 0, 64 * MIB, HBM_PTE(RW));
	memset(rig->hbm + 2 * MIB, 1, 30 * MIB);
	rig_queue(rig, 0, 0);

	*rig_entry(rig, 0, c.dst + c.len - 1, 0) = 0;
	rig_fault(rig, &c, SFAB_FAULT_UNMAPPED, SFAB_ACCESS_WRITE,
		  c.dst + c.len - PAGE);
	c.len -= PAGE;
	*rig_entry(rig, 0, c.src + c.len - 1, 0) = HBM_PTE(WO);
	rig_fault(rig, &c, SFAB_FAULT_NO_READ, SFAB_ACCESS_READ,
		  c.src + c.len - PAGE);
	for (uint64_t i = 34 * MIB; i < 64 * MIB; i += 8)
		assert_int_equal(*(uint64_t *)(rig->hbm + i), 0);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_1), 0);
	c.len -= PAGE;
	rig_do(rig, &c);
	rig_free(rig);
}

/*
 * Tables that point to themselves map 2^47 bytes with a single page. Looking
 * through them takes for ever, but in slices: the queue can be stopped.
 */
static void test_recursive_tables(void **state)
{
	struct rig *rig = rig_new();
	struct cmd c = {
		.opcode = SFAB_CMD_FILL, .dtype = 1, .dst = 0, .len = 1ull << 47,
	};

	(void)state;
	for (unsigned int t = 0; t < 4; t++) {
		uint64_t *table = (uint64_t *)(rig->hbm + (4 + t) * PAGE);

		for (unsigned int i = 0; i < 512; i++)
			table[i] = t < 3 ? (5 + t) * PAGE | SFAB_PTE_VALID :
					   HBM_PTE(RW) | (2 * MIB);
	}
	wr64(rig, VM_REG(0, VM_ROOT), 4 * PAGE | 1);
	rig_queue(rig, 0, 0);
	rig_submit(rig, 0, &c);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(rig_step(rig, 0), SFAB_RUN_MORE);
	wr32(rig, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_RESET);
	assert_int_equal(rd32(rig, Q_REG(0, Q_STATUS)), SFAB_Q_STATUS_IDLE);
	assert_true(rig_run(rig));

	/* And a table that holds itself: entry, table and leaf at once. */
	*(uint64_t *)(rig->hbm + 4 * PAGE) = 4 * PAGE | SFAB_PTE_VALID;
	rig_queue(rig, 0, 0);
	c.len = PAGE;
	rig_fault(rig, &c, SFAB_FAULT_NO_WRITE, SFAB_ACCESS_WRITE, 0);
	rig_free(rig);
}

/* Two VMs share nothing. */
static void test_two_vms(void **state)
{
	struct rig *rig = rig_new();
	struct cmd c = {
		.opcode = SFAB_CMD_WRITE, .dtype = 8, .dst = 0x5000, .arg0 = 1,
	};

	(void)state;
	rig_map(rig, 0, 0x5000, 2 * MIB, PAGE, HBM_PTE(RW));
	rig_map(rig, 1, 0x5000, 3 * MIB, PAGE, HBM_PTE(RW));
	rig_queue(rig, 0, 0);
	rig_queue(rig, 1, 1);
	rig_submit(rig, 0, &c);
	c.arg0 = 2;
	rig_submit(rig, 1, &c);
	assert_true(rig_run(rig));
	assert_int_equal(rig->hbm[2 * MIB], 1);
	assert_int_equal(rig->hbm[3 * MIB], 2);
	rig_free(rig);
}

/* ---- the bus ---- */

/* A refusal in the middle faults at its byte; what came before may be there. */
static void test_bus_error(void **state)
{
	struct rig *rig = rig_new();
	struct cmd c = {
		.opcode = SFAB_CMD_COPY, .dst = VA_SYS + SYS_DATA + 100,
		.src = VA_HBM + 2 * MIB, .len = MIB,
	};

	(void)state;
	rig_map_all(rig, 0);
	rig_queue(rig, 0, 0);
	memset(rig->hbm + 2 * MIB, 0x77, MIB);
	rig->refuse = SYS_BUS + SYS_DATA + 20 * PAGE;
	rig->refuse_len = PAGE;
	rig_fault(rig, &c, SFAB_FAULT_BUS_ERROR, SFAB_ACCESS_WRITE,
		  VA_SYS + SYS_DATA + 20 * PAGE);
	assert_int_equal(rig->mapped, 0);
	assert_int_equal(rig->sys[SYS_DATA + 20 * PAGE], 0);

	c.src = c.dst;
	c.dst = VA_HBM + 2 * MIB;
	rig_fault(rig, &c, SFAB_FAULT_BUS_ERROR, SFAB_ACCESS_READ,
		  VA_SYS + SYS_DATA + 20 * PAGE);
	rig->refuse_len = 0;
	rig_do(rig, &c);

	/* An address that the glue cannot map with the right alignment. */
	rig->misalign = true;
	rig_submit(rig, 0, &c);
	assert_true(rig_run(rig));
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)),
			 SFAB_Q_FAULT_VALID | SFAB_ACCESS_RING << 16 |
			 SFAB_FAULT_BUS_ERROR);
	rig->misalign = false;
	rig_free(rig);
}

/* Two apertures never make one run, however their addresses follow. */
static void test_end_of_hbm(void **state)
{
	struct rig *rig = rig_new();
	const uint64_t last = rig->config.hbm_size - PAGE;
	struct cmd c = {
		.opcode = SFAB_CMD_FILL, .dtype = 1, .arg0 = 7, .dst = DST,
		.len = 2 * PAGE,
	};

	(void)state;
	rig_map(rig, 0, DST, last, PAGE, HBM_PTE(RW));
	rig_map(rig, 0, DST + PAGE, last + PAGE, PAGE, SYS_PTE(RW));
	rig_queue(rig, 0, 0);
	rig_fault(rig, &c, SFAB_FAULT_BUS_ERROR, SFAB_ACCESS_WRITE, DST + PAGE);
	rig_free(rig);
}

/* A bus that cuts memory where no element ends is refused. */
static void test_odd_maps(void **state)
{
	struct rig *rig = rig_new();
	struct cmd c = {
		.opcode = SFAB_CMD_COPY, .dst = VA_SYS + SYS_DATA,
		.src = VA_HBM + 2 * MIB, .len = 1000,
	};

	(void)state;
	rig_map_all(rig, 0);
	rig_queue(rig, 0, 0);
	rig->map_limit = 100;
	rig_fault(rig, &c, SFAB_FAULT_BUS_ERROR, SFAB_ACCESS_WRITE, c.dst);
	rig->map_limit = 104;
	rig_do(rig, &c);
	rig_free(rig);
}

/* Scattered pages: batches stay bounded, every piece is given back. */
static void test_batches(void **state)
{
	struct rig *rig = rig_new();
	struct cmd c = {
		.opcode = SFAB_CMD_COPY, .dst = 0x10000000, .src = 0x20000000,
		.len = 500 * PAGE,
	};

	(void)state;
	for (unsigned int i = 0; i < 500; i++) {
		rig_map(rig, 0, c.src + i * PAGE,
			SYS_BUS + SYS_DATA + (499 - i) * PAGE, PAGE, SYS_PTE(RO));
		rig_map(rig, 0, c.dst + i * PAGE,
			PEER_BUS + (i * 7 % 500) * PAGE, PAGE, PEER_PTE(WO));
	}
	rig_fill_random(rig->sys + SYS_DATA, 500 * PAGE, 5);
	rig_queue(rig, 0, 0);
	rig_do(rig, &c);
	for (unsigned int i = 0; i < 500; i++)
		assert_memory_equal(rig->peer + (i * 7 % 500) * PAGE,
				    rig->sys + SYS_DATA + (499 - i) * PAGE,
				    PAGE);
	assert_true(rig->batch_maps_most > 100);
	assert_true(rig->batch_maps_most <= SFAB_BATCH_MAX);
	rig_free(rig);
}

/* Contiguous bus memory is one map, whatever the page size. */
static void test_coalesce(void **state)
{
	struct rig *rig = rig_new();
	struct cmd c = {
		.opcode = SFAB_CMD_COPY, .dst = VA_PEER, .src = VA_SYS + SYS_DATA,
		.len = 2 * MIB,
	};

	(void)state;
	rig_map_all(rig, 0);
	rig_queue(rig, 0, 0);
	rig_do(rig, &c);
	assert_int_equal(rig->batch_maps_most, 2);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaves),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_no_peer),
		cmocka_unit_test(test_checked_whole),
		cmocka_unit_test(test_recursive_tables),
		cmocka_unit_test(test_two_vms),
		cmocka_unit_test(test_bus_error),
		cmocka_unit_test(test_end_of_hbm),
		cmocka_unit_test(test_odd_maps),
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_coalesce),
	};

	return cmocka_run_group_tests_name("mmu", tests, NULL, NULL);
}
