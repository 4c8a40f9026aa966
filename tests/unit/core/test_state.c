// SPDX-License-Identifier: MIT
/* Saving and loading: at every slice boundary, and with states that lie. */
#include <errno.h>

#include "rig.h"

static void config(struct sfab_config *c)
{
	c->hbm_size = 32 * MIB;
}

static const struct cmd program[] = {
	{ .opcode = SFAB_CMD_FILL, .dtype = 4, .arg0 = 0x40490fdb,
	  .dst = VA_HBM + 2 * MIB, .len = 9 * MIB },
	{ .opcode = SFAB_CMD_COPY, .dst = VA_HBM + 12 * MIB + 7,
	  .src = VA_HBM + 2 * MIB + 1, .len = 6 * MIB + 5 },
	{ .opcode = SFAB_CMD_REDUCE, .dtype = SFAB_REDUCE_I32,
	  .dst = VA_HBM + 20 * MIB + 4, .src = VA_HBM + 12 * MIB,
	  .len = 4 * MIB + 68 },
	{ .opcode = SFAB_CMD_COPY_2D, .dst = VA_HBM + 2 * MIB,
	  .src = VA_HBM + 20 * MIB + 3, .len = 1777, .arg0 = 3000,
	  .arg1 = 2001, .arg2 = 1999 },
	{ .opcode = SFAB_CMD_WAIT, .dtype = 8, .src = VA_HBM + 30 * MIB,
	  .op = SFAB_WAIT_NE, .arg1 = ~0ull, .arg2 = 1000000000 },
	{ .opcode = SFAB_CMD_WRITE, .dtype = 8, .dst = VA_HBM + 31 * MIB,
	  .arg0 = 99, .flags = SFAB_CMD_COMPLETE | SFAB_CMD_IRQ,
	  .timeline = 5 },
};

#define STEPS (sizeof(program) / sizeof(program[0]))

static struct rig *start(void)
{
	struct rig *rig = rig_with(config);

	rig_map(rig, 0, VA_HBM, 0, 32 * MIB, HBM_PTE(RW));
	rig_fill_random(rig->hbm + 20 * MIB, MIB, 4);
	rig_queue(rig, 0, 0);
	wr32(rig, SFAB_REG_INT_ENABLE, 0xf);
	for (unsigned int i = 0; i < STEPS; i++)
		rig_put(rig, 0, i, &program[i]);
	wr32(rig, DOORBELL(0), STEPS);
	return rig;
}

static void finish(struct rig *rig)
{
	rig_run(rig);
	rig->hbm[30 * MIB] = 1;
	rig->clock += 100000;
	assert_true(rig_run(rig));
	assert_int_equal(rd32(rig, Q_REG(0, Q_HEAD)), STEPS);
	assert_int_equal(*rig_timeline(rig, 0), 5);
	assert_int_equal(rig->irqs[1], 1);
}

/* What migration does: the same configuration, memory copied, state loaded. */
static struct rig *migrate(struct rig *from)
{
	struct sfab_state *state = test_calloc(1, sizeof(*state));
	struct sfab_state *again = test_calloc(1, sizeof(*again));
	struct rig *to = rig_with(config);
	const char *why;

	sfab_core_pause(from->core, true);
	sfab_core_save(from->core, state);
	memcpy(to->hbm, from->hbm, 32 * MIB);
	memcpy(to->sys, from->sys, SYS_SIZE);
	to->clock = 77;		/* the clock of another host */
	sfab_core_pause(to->core, true);
	assert_int_equal(sfab_core_load(to->core, state, &why), 0);
	assert_null(why);
	for (uint64_t reg = 0; reg < 0x5000; reg += 4)
		assert_int_equal(rd32(to, reg), rd32(from, reg));
	sfab_core_save(to->core, again);
	assert_memory_equal(state, again, sizeof(*state));
	to->clock += 10;
	assert_int_equal(rd64(to, SFAB_REG_TIME), rd64(from, SFAB_REG_TIME) + 10);
	sfab_core_pause(to->core, false);
	rig_free(from);
	test_free(state);
	test_free(again);
	return to;
}

static void test_every_boundary(void **state)
{
	struct rig *expect = start();
	unsigned int slices = 0;

	(void)state;
	while (rig_step(expect, 0) == SFAB_RUN_MORE)
		slices++;
	assert_true(slices > 10);
	finish(expect);
	for (unsigned int at = 0; at <= slices; at++) {
		struct rig *rig = start();

		for (unsigned int i = 0; i < at; i++)
			rig_step(rig, 0);
		rig = migrate(rig);
		assert_int_equal(rig->kicks[0], 1);
		finish(rig);
		assert_memory_equal(rig->hbm, expect->hbm, 32 * MIB);
		for (uint64_t reg = 0x300; reg < 0x340; reg += 8)
			assert_int_equal(rd64(rig, reg), rd64(expect, reg));
		rig_free(rig);
	}
	rig_free(expect);
}

/* A deadline that was running goes on running. */
static void test_deadline(void **state)
{
	struct rig *rig = start();
	uint64_t time;

	(void)state;
	rig_run(rig);
	time = rd64(rig, SFAB_REG_TIME);
	rig->clock += 999999000;
	assert_false(rig_run(rig));
	rig = migrate(rig);
	assert_false(rig_run(rig));
	rig->clock += 1000;
	assert_true(rig_run(rig));
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)) & 0xff,
			 SFAB_FAULT_WAIT_TIMEOUT);
	assert_true(rd64(rig, SFAB_REG_TIME) - time <= 1000000100);
	rig_free(rig);
}

/* A halted queue stays halted, with its record, on the other side. */
static void test_halted(void **state)
{
	struct rig *rig = start();
	struct cmd bad = { .opcode = 0x99 };

	(void)state;
	rig_queue(rig, 1, 0);
	rig_submit(rig, 1, &bad);
	rig_run(rig);
	rig = migrate(rig);
	assert_int_equal(rd32(rig, Q_REG(1, Q_FAULT)), 0x80009907);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_FAULT_0), 2);
	finish(rig);
	rig_free(rig);
}

/* ---- states that lie ---- */

static void reject(struct rig *rig, const struct sfab_state *lie)
{
	struct sfab_state *after = test_calloc(1, sizeof(*after));
	struct sfab_state *before = test_calloc(1, sizeof(*before));
	const char *why = NULL;

	sfab_core_save(rig->core, before);
	assert_int_equal(sfab_core_load(rig->core, lie, &why), -EINVAL);
	assert_non_null(why);
	sfab_core_save(rig->core, after);
	assert_memory_equal(before, after, sizeof(*after));
	test_free(before);
	test_free(after);
}

static void test_lies(void **state)
{
	struct sfab_state *good = test_calloc(1, sizeof(*good));
	struct sfab_state *lie = test_calloc(1, sizeof(*lie));
	struct sfab_queue_state *q = &lie->queue[0];
	struct rig *rig = start();

	(void)state;
	/* In the second slice of the copy. */
	for (unsigned int i = 0; i < 4; i++)
		rig_step(rig, 0);
	sfab_core_pause(rig->core, true);
	sfab_core_save(rig->core, good);
	assert_int_equal(good->queue[0].head, 1);
	assert_int_equal(good->queue[0].offset, 4 * MIB);
	assert_int_equal(good->queue[0].phase, 4);

#define LIE(statement) do {						\
		*lie = *good;						\
		statement;						\
		reject(rig, lie);					\
	} while (0)

	LIE(lie->ctrl = 2);
	LIE(lie->int_status = 16);
	LIE(lie->int_enable = 1u << 31);
	LIE(lie->queue_event[0] = 16);
	LIE(lie->queue_fault[1] = 1);
	LIE(lie->vm[2].root = 1);
	LIE(lie->vm[0].root |= 2);
	LIE(lie->vm[1].root |= 1ull << 48);
	LIE(lie->queue[3].tail = 65537);
	LIE(lie->queue[4].head = 1);
	LIE(lie->queue[127].command[7] = 1);
	LIE(q->enabled = 2);
	LIE(q->size = 17);
	LIE(q->base += 64);
	LIE(q->timeline |= 1);
	LIE(q->vm = 2);
	LIE(q->vector = 4);
	LIE(q->tail = q->head + 17);
	LIE(q->tail = q->head - 1);
	LIE(q->tail = q->head);
	LIE(q->fault = 5);
	LIE(q->fault = SFAB_Q_FAULT_VALID | SFAB_FAULT_BAD_COMMAND);
	LIE(lie->queue[1].fault = SFAB_FAULT_BAD_VM);
	LIE(lie->queue[1].fault = SFAB_Q_FAULT_VALID);
	LIE(lie->queue[1].fault = SFAB_Q_FAULT_VALID | 12);
	LIE(lie->queue[1].fault = SFAB_Q_FAULT_VALID | 14);
	LIE(lie->queue[1].fault = SFAB_Q_FAULT_VALID | 1u << 18 | 1);
	LIE(q->enabled = 0);
	LIE(q->phase = 3);	/* it has no NOTIFY */
	LIE(q->phase = 5);
	LIE(q->phase = ~0u);
	LIE(q->offset = 6 * MIB + 5);
	LIE(q->offset = ~0ull);
	LIE(q->command[0] = 9);
	LIE(q->command[1] = 1ull << 48);
	/* A word is never half done, an element neither. */
	LIE(q->command[0] = SFAB_CMD_WRITE | 8 << 16; q->command[2] = 0;
	    q->command[3] = 0; q->command[1] &= ~7ull; q->offset = 4);
	LIE(q->command[0] = SFAB_CMD_NOP; q->command[1] = 0; q->command[2] = 0;
	    q->command[3] = 0; q->offset = 1);
	LIE(q->command[0] = SFAB_CMD_REDUCE; q->command[1] &= ~7ull;
	    q->command[2] &= ~7ull; q->command[3] &= ~7ull; q->offset = 2);

	/* And the truth is still accepted. */
	assert_int_equal(sfab_core_load(rig->core, good, NULL), 0);
	sfab_core_pause(rig->core, false);
	finish(rig);
	rig_free(rig);
	test_free(good);
	test_free(lie);
}

/* Random damage: refused, or harmless. */
static void test_damage(void **state)
{
	struct sfab_state *good = test_calloc(1, sizeof(*good));
	struct sfab_state *lie = test_calloc(1, sizeof(*lie));
	struct rig *rig = start();
	uint64_t seed = 12;
	unsigned int accepted = 0;

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		rig_step(rig, 0);
	sfab_core_save(rig->core, good);
	for (unsigned int i = 0; i < 3000; i++) {
		uint8_t *bytes = (uint8_t *)lie;
		size_t queue = offsetof(struct sfab_state, queue);

		*lie = *good;
		for (unsigned int k = 0; k < 1 + i % 3; k++) {
			uint64_t r = rig_random(&seed);

			bytes[(r & 1 ? queue : 0) + (r >> 8) % 200] ^=
				1u << (r >> 40) % 8;
		}
		if (sfab_core_load(rig->core, lie, NULL))
			continue;
		accepted++;
		for (unsigned int k = 0; k < 3; k++)
			rig_step(rig, 0);
	}
	assert_true(accepted > 100 && accepted < 2900);
	rig_free(rig);
	test_free(good);
	test_free(lie);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_boundary),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_halted),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
