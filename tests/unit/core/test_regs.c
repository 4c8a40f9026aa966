// SPDX-License-Identifier: MIT
/* BAR 0: what every register reads after reset, takes, and refuses. */
#include "rig.h"

#define ALL_ONES	0xffffffffffffffffull

struct row {
	uint64_t offset;
	unsigned int width;
	uint64_t reset;
	uint64_t writable;	/* bits that read back what was written */
};

/* Offsets and values as in the spec, in numbers on purpose. */
static const struct row rows[] = {
	{ 0x0000, 32, 0x42414653, 0 },
	{ 0x0004, 32, 0x00010002, 0 },
	{ 0x0008, 64, 0x2f, 0 },
	{ 0x0010, 64, 8 * MIB, 0 },
	{ 0x0018, 32, 4, 0 },
	{ 0x001c, 32, 2, 0 },
	{ 0x0020, 32, 1, 0 },
	{ 0x0024, 32, 4, 0 },
	{ 0x0028, 64, 0x1122334455667788ull, 0 },
	{ 0x0030, 64, 0x0706050403020100ull, 0 },
	{ 0x0038, 64, 0x0f0e0d0c0b0a0908ull, 0 },
	{ 0x0040, 32, 48, 0 },
	{ 0x0044, 32, 16, 0 },
	{ 0x0048, 32, 0, 0 },	/* no ports */
	{ 0x0100, 32, 0, 1 },
	{ 0x0104, 32, 1, 0 },
	{ 0x0108, 32, 0, 0 },
	{ 0x010c, 32, 0, 0xffffffff },
	{ 0x0110, 64, 0, 0 },
	{ 0x0200, 32, 0, 0 },
	{ 0x0204, 32, 0, 0xf },
	{ 0x0208, 64, 0, 0 }, { 0x0210, 64, 0, 0 },
	{ 0x0218, 64, 0, 0 }, { 0x0220, 64, 0, 0 },
	{ 0x0300, 64, 0, 0 }, { 0x0308, 64, 0, 0 },
	{ 0x0310, 64, 0, 0 }, { 0x0318, 64, 0, 0 },
	{ 0x0320, 64, 0, 0 }, { 0x0328, 64, 0, 0 },
	{ 0x0330, 64, 0, 0 }, { 0x0338, 64, 0, 0 },
	{ 0x0340, 64, 0, 0 }, { 0x0348, 64, 0, 0 },
	{ 0x0350, 64, 0, 0 }, { 0x0358, 64, 0, 0 },
	{ 0x0360, 64, 0, 0 }, { 0x0368, 64, 0, 0 },
	{ 0x0370, 64, 0, 0 }, { 0x0378, 64, 0, 0 },
	/* VM 1, the last one */
	{ 0x1020, 64, 0, 0x0000fffffffff001ull },
	{ 0x1028, 32, 0, 0xffffffff },
	{ 0x102c, 32, 0, 0 },
	/* queue 3, the last one */
	{ 0x40c0, 64, 0, ALL_ONES },
	{ 0x40c8, 64, 0, ALL_ONES },
	{ 0x40d0, 32, 0, 0xffffffff },
	{ 0x40d4, 32, 0, 0xffffffff },
	{ 0x40d8, 32, 0, 0xffffffff },
	{ 0x40dc, 32, 0, 0 },	/* nothing valid to enable */
	{ 0x40e0, 32, 0x10, 0 },
	{ 0x40e4, 32, 0, 0 },
	{ 0x40e8, 32, 0, 0 },
	{ 0x40ec, 32, 0, 0 },
	{ 0x40f0, 32, 0, 0 },
	{ 0x40f8, 64, 0, 0 },
};

#define NUM_ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row *find(uint64_t offset)
{
	for (size_t i = 0; i < NUM_ROWS; i++)
		if (offset >= rows[i].offset &&
		    offset < rows[i].offset + rows[i].width / 8)
			return &rows[i];
	return NULL;
}

static void check_reset_values(struct rig *rig, bool counters_too)
{
	rig->guest_errors = 0;
	for (size_t i = 0; i < NUM_ROWS; i++) {
		const struct row *r = &rows[i];

		if (!counters_too && r->offset >= 0x300 && r->offset < 0x380)
			continue;
		if (r->width == 64) {
			assert_int_equal(rd64(rig, r->offset), r->reset);
			assert_int_equal(rd32(rig, r->offset + 4),
					 r->reset >> 32);
		}
		assert_int_equal(rd32(rig, r->offset), (uint32_t)r->reset);
	}
	assert_int_equal(rig->guest_errors, 0);
}

static void test_reset_values(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	check_reset_values(rig, true);
	rig_free(rig);
}

static void test_writable_bits(void **state)
{
	struct rig *rig = rig_new();
	const uint64_t pattern = 0xa5a5a5a55a5a5a5bull;

	(void)state;
	for (size_t i = 0; i < NUM_ROWS; i++) {
		const struct row *r = &rows[i];
		uint64_t expect = r->writable ? pattern & r->writable : r->reset;

		if (r->width == 64) {
			wr64(rig, r->offset, pattern);
			assert_int_equal(rd64(rig, r->offset), expect);
			wr64(rig, r->offset, 0);
		} else if (r->offset == 0x102c) {
			/* VM_INV_DONE followed VM_INV at once */
			assert_int_equal(rd32(rig, r->offset), 0);
		} else {
			wr32(rig, r->offset, (uint32_t)pattern);
			assert_int_equal(rd32(rig, r->offset), (uint32_t)expect);
			wr32(rig, r->offset, 0);
		}
	}
	rig_free(rig);
}

static void test_read_only_is_logged(void **state)
{
	struct rig *rig = rig_new();
	unsigned int errors = 0;

	(void)state;
	for (size_t i = 0; i < 13; i++) {
		wr32(rig, rows[i].offset, 0);
		assert_int_equal(rig->guest_errors, ++errors);
	}
	check_reset_values(rig, true);
	wr32(rig, SFAB_REG_RESET, 1);
	assert_int_equal(rig->guest_errors, 1);
	rig_free(rig);
}

static void test_halves(void **state)
{
	struct rig *rig = rig_new();
	const uint64_t base = Q_REG(1, Q_BASE), root = VM_REG(0, VM_ROOT);

	(void)state;
	wr32(rig, base, 0x89abcdef);
	assert_int_equal(rd64(rig, base), 0);
	wr32(rig, base + 4, 0x01234567);
	assert_int_equal(rd64(rig, base), 0x0123456789abcdefull);
	/* The lower half stays what was last written to it. */
	wr32(rig, base + 4, 1);
	assert_int_equal(rd64(rig, base), 0x189abcdefull);
	wr64(rig, base, 0x1111111122222222ull);
	wr32(rig, base + 4, 3);
	assert_int_equal(rd64(rig, base), 0x322222222ull);

	/* One register's half does not leak into another. */
	wr32(rig, root, 0x5001);
	wr32(rig, base, 0x6000);
	wr32(rig, root + 4, 0);
	assert_int_equal(rd64(rig, root), 0x5001);
	rig_free(rig);
}

/* Every offset of BAR 0, with every width: what is not listed reads as 0. */
static void test_every_offset(void **state)
{
	static const unsigned int sizes[] = { 1, 2, 4, 8 };
	struct rig *rig = rig_new();

	(void)state;
	for (uint64_t at = 0; at < SFAB_BAR0_SIZE; at++) {
		/* The reserved part, sampled. */
		if (at > 0x20000 && at % 251)
			continue;
		for (unsigned int i = 0; i < 4; i++) {
			const struct row *r = find(at);
			bool vm0 = at >= 0x1000 && at < 0x1020;
			bool queue = at >= 0x4000 && at < 0x40c0;
			bool page = at >= 0x10000 && at < 0x14000;
			bool bell = page && at % 0x1000 == 0 && sizes[i] == 4;
			bool arm = page &&
				   ((at % 0x1000 == 8 && sizes[i] == 8) ||
				    (at % 0x1000 / 8 == 1 && at % 4 == 0 &&
				     sizes[i] == 4));
			bool known;

			if (vm0)
				r = find(at + 0x20);
			else if (queue)
				r = find(0x40c0 + at % 0x40);
			known = bell || arm ||
				(r && ((sizes[i] == 4 && at % 4 == 0) ||
				       (sizes[i] == 8 && r->width == 64 &&
					at % 8 == 0)));
			rig->guest_errors = 0;
			if (!known)
				assert_int_equal(sfab_core_read(rig->core, at,
								sizes[i]), 0);
			else
				sfab_core_read(rig->core, at, sizes[i]);
			assert_int_equal(rig->guest_errors, !known);
			if (known)
				continue;
			sfab_core_write(rig->core, at, ALL_ONES, sizes[i]);
			assert_int_equal(rig->guest_errors, 2);
		}
	}
	check_reset_values(rig, true);
	/* Far outside, and around the end of the number space. */
	assert_int_equal(sfab_core_read(rig->core, ALL_ONES - 3, 4), 0);
	sfab_core_write(rig->core, 1ull << 40, 1, 4);
	rig_free(rig);
}

static void test_time(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	assert_int_equal(rd64(rig, SFAB_REG_TIME), 0);
	rig->clock += 12345678901ull;
	assert_int_equal(rd64(rig, SFAB_REG_TIME), 12345678901ull);
	assert_int_equal(rd32(rig, SFAB_REG_TIME), (uint32_t)12345678901ull);
	assert_int_equal(rd32(rig, SFAB_REG_TIME + 4), 2);
	wr32(rig, SFAB_REG_RESET, SFAB_RESET_MAGIC);
	assert_int_equal(rd64(rig, SFAB_REG_TIME), 12345678901ull);
	rig_free(rig);
}

static void test_w1c(void **state)
{
	struct rig *rig = rig_new();
	struct cmd bad = { .opcode = 0x77 };
	struct cmd irq = { .flags = SFAB_CMD_COMPLETE | SFAB_CMD_IRQ };

	(void)state;
	rig_queue(rig, 0, 0);
	rig_queue(rig, 2, 0);
	rig_submit(rig, 0, &bad);
	rig_submit(rig, 2, &bad);
	rig_run(rig);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_FAULT_0), 5);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), SFAB_INT_FAULT);
	wr64(rig, SFAB_REG_QUEUE_FAULT_0, 0);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_FAULT_0), 5);
	wr64(rig, SFAB_REG_QUEUE_FAULT_0, 4);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_FAULT_0), 1);
	/* A half acts on its own; the upper one not on the lower. */
	wr32(rig, SFAB_REG_QUEUE_FAULT_0 + 4, 1);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_FAULT_0), 1);
	wr32(rig, SFAB_REG_QUEUE_FAULT_0, 1);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_FAULT_0), 0);
	/* The queue's bit and INT_STATUS are independent. */
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), SFAB_INT_FAULT);
	wr32(rig, SFAB_REG_INT_STATUS, ~SFAB_INT_FAULT);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), SFAB_INT_FAULT);
	wr32(rig, SFAB_REG_INT_STATUS, SFAB_INT_FAULT);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), 0);

	rig_queue(rig, 0, 0);
	rig_do(rig, &irq);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_EVENT_0), 1);
	wr32(rig, SFAB_REG_INT_STATUS, SFAB_INT_QUEUE);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_EVENT_0), 1);
	wr32(rig, SFAB_REG_QUEUE_EVENT_0, 1);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_EVENT_0), 0);
	rig_free(rig);
}

static void full_config(struct sfab_config *c)
{
	c->queues = SFAB_MAX_QUEUES;
	c->vms = SFAB_MAX_VMS;
	c->engines = SFAB_MAX_ENGINES;
	c->vectors = SFAB_MAX_VECTORS;
	c->peer = false;
}

/* The last queue and VM of the largest device; events beyond bit 63. */
static void test_largest(void **state)
{
	struct rig *rig = rig_with(full_config);
	struct cmd irq = { .flags = SFAB_CMD_COMPLETE | SFAB_CMD_IRQ };

	(void)state;
	assert_int_equal(rd64(rig, SFAB_REG_CAPS), 0x2e);
	wr64(rig, VM_REG(127, VM_ROOT), 0x7001);
	assert_int_equal(rd64(rig, 0x1fe0), 0x7001);
	rig_queue(rig, 127, 127);
	rig_submit(rig, 127, &irq);
	rig_run(rig);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_EVENT_0), 0);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_EVENT_1), 1ull << 63);
	irq.opcode = 9;
	rig_submit(rig, 127, &irq);
	rig_run(rig);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_FAULT_1), 1ull << 63);
	wr32(rig, SFAB_REG_QUEUE_FAULT_1 + 4, 1u << 31);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_FAULT_1), 0);
	wr32(rig, Q_REG(127, Q_CTRL), SFAB_Q_CTRL_RESET);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_EVENT_1), 0);
	rig_free(rig);
}

static void test_bad_configs(void **state)
{
	static const struct {
		uint64_t hbm_size;
		unsigned int queues, vms, engines, vectors, skew;
	} bad[] = {
		{ 0, 1, 1, 1, 1, 0 }, { 3 * MIB, 1, 1, 1, 1, 0 },
		{ 2 * MIB, 0, 1, 1, 1, 0 }, { 2 * MIB, 129, 1, 1, 1, 0 },
		{ 2 * MIB, 1, 0, 1, 1, 0 }, { 2 * MIB, 1, 129, 1, 1, 0 },
		{ 2 * MIB, 1, 1, 0, 1, 0 }, { 2 * MIB, 1, 1, 9, 1, 0 },
		{ 2 * MIB, 1, 1, 1, 0, 0 }, { 2 * MIB, 1, 1, 1, 2049, 0 },
		{ 2 * MIB, 1, 1, 1, 1, 8 },
	};
	struct rig *rig = rig_new();
	struct sfab_ops no_ops = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sfab_config c = {
			.hbm = rig->hbm + bad[i].skew,
			.hbm_size = bad[i].hbm_size,
			.queues = bad[i].queues,
			.vms = bad[i].vms,
			.engines = bad[i].engines,
			.vectors = bad[i].vectors,
		};
		const char *why = NULL;

		assert_null(sfab_core_create(&c, &no_ops, NULL, &why));
		assert_non_null(why);
	}
	sfab_core_destroy(NULL);
	rig_free(rig);
}

/*
 * Garbage everywhere, with engines that try to make something of it: nothing
 * crashes (the sanitisers watch), and a reset brings everything back.
 */
static void test_garbage(void **state)
{
	static const unsigned int sizes[] = { 4, 4, 4, 8, 8, 2, 1 };
	uint64_t seed = 42;

	(void)state;
	for (unsigned int round = 0; round < 20; round++) {
		struct rig *rig = rig_new();

		rig_fill_random(rig->hbm, rig->config.hbm_size / 64, round);
		for (unsigned int i = 0; i < 20000; i++) {
			uint64_t r = rig_random(&seed);
			uint64_t value = rig_random(&seed);
			uint64_t at;

			switch (r % 8) {
			case 0:
				at = r >> 8 & 0xfffff;
				break;
			case 1:
				at = 0x10000 + (r >> 8) % 6 * 0x1000;
				value %= 32;
				break;
			case 2:
				at = 0x1000 + (r >> 8) % 0x60;
				break;
			case 3:
				at = 0x100 + (r >> 8) % 0x140;
				break;
			default:
				at = 0x4000 + (r >> 8) % 0x100;
				if (r & 1u << 30)
					value = SYS_BUS + value % 64 * PAGE;
				else if (r & 1u << 29)
					value %= 8;
				break;
			}
			if (r >> 40 & 3)
				at &= ~3ull;
			if (r >> 42 & 1)
				sfab_core_write(rig->core, at, value,
						sizes[(r >> 32) % 7]);
			else
				sfab_core_read(rig->core, at,
					       sizes[(r >> 32) % 7]);
			if (i % 16 == 0)
				rig_step(rig, 0);
		}
		sfab_core_write(rig->core, SFAB_REG_RESET, SFAB_RESET_MAGIC, 4);
		sfab_core_write(rig->core, SFAB_REG_INT_STATUS, 0xf, 4);
		check_reset_values(rig, false);
		rig_free(rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reset_values),
		cmocka_unit_test(test_writable_bits),
		cmocka_unit_test(test_read_only_is_logged),
		cmocka_unit_test(test_halves),
		cmocka_unit_test(test_every_offset),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_w1c),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_bad_configs),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests_name("registers", tests, NULL, NULL);
}
