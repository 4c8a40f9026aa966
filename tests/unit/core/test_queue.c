// SPDX-License-Identifier: MIT
/* Queues: configuration, doorbells, the ring, completion and interrupts. */
#include "rig.h"

static const struct cmd nop;

static uint32_t status(struct rig *rig, unsigned int q)
{
	return rd32(rig, Q_REG(q, Q_STATUS));
}

static uint32_t head(struct rig *rig, unsigned int q)
{
	return rd32(rig, Q_REG(q, Q_HEAD));
}

/* ---- configuration ---- */

static void test_enable_checks(void **state)
{
	static const struct {
		uint64_t base, timeline;
		uint32_t size, vm, vector;
		bool ok;
	} t[] = {
		{ 0x1000, 0, 2, 0, 0, true },
		{ 0x1000, 0, 16, 1, 3, true },
		{ 0x1000, 0, 1, 0, 0, false },
		{ 0x1000, 0, 17, 0, 0, false },
		{ 0x1000, 0, ~0u, 0, 0, false },
		{ 0x1800, 0, 2, 0, 0, false },
		{ 0x1001, 0, 2, 0, 0, false },
		{ 0x1000, 4, 2, 0, 0, false },
		{ 0x1000, 0xfffffffffffffff8ull, 2, 0, 0, true },
		{ 0x1000, 0, 2, 2, 0, false },
		{ 0x1000, 0, 2, 0, 4, false },
		{ 0xfffffffffff00000ull, 0, 14, 0, 0, false },
		{ 0xffffffffffe00000ull, 0, 14, 0, 0, true },
	};
	struct rig *rig = rig_new();

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		wr64(rig, Q_REG(1, Q_BASE), t[i].base);
		wr64(rig, Q_REG(1, Q_TIMELINE), t[i].timeline);
		wr32(rig, Q_REG(1, Q_SIZE), t[i].size);
		wr32(rig, Q_REG(1, Q_VM), t[i].vm);
		wr32(rig, Q_REG(1, Q_VECTOR), t[i].vector);
		rig->guest_errors = 0;
		wr32(rig, Q_REG(1, Q_CTRL), SFAB_Q_CTRL_ENABLE);
		assert_int_equal(rd32(rig, Q_REG(1, Q_CTRL)), t[i].ok);
		assert_int_equal(status(rig, 1) & SFAB_Q_STATUS_ENABLED, t[i].ok);
		assert_int_equal(rig->guest_errors, !t[i].ok);
		wr32(rig, Q_REG(1, Q_CTRL), 0);
	}
	rig_free(rig);
}

static void test_locked_while_enabled(void **state)
{
	static const unsigned int regs[] = {
		SFAB_REG_Q_SIZE, SFAB_REG_Q_VM, SFAB_REG_Q_VECTOR,
	};
	struct rig *rig = rig_new();
	uint64_t base;

	(void)state;
	rig_queue(rig, 0, 0);
	base = rd64(rig, Q_REG(0, Q_BASE));
	rig->guest_errors = 0;
	wr64(rig, Q_REG(0, Q_BASE), 0);
	wr32(rig, Q_REG(0, Q_BASE), 0x5000);
	wr64(rig, Q_REG(0, Q_TIMELINE), 0);
	assert_int_equal(rig->guest_errors, 3);
	assert_int_equal(rd64(rig, Q_REG(0, Q_BASE)), base);
	assert_int_equal(rd64(rig, Q_REG(0, Q_TIMELINE)), base + PAGE);
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t reg = SFAB_QUEUE_BASE + regs[i];
		uint32_t before = rd32(rig, reg);

		wr32(rig, reg, before + 1);
		assert_int_equal(rd32(rig, reg), before);
	}
	assert_int_equal(rig->guest_errors, 6);
	/* The refused lower half is not remembered either. */
	wr32(rig, Q_REG(0, Q_CTRL), 0);
	wr32(rig, Q_REG(0, Q_BASE) + 4, 0);
	assert_int_equal(rd64(rig, Q_REG(0, Q_BASE)), (uint32_t)base);
	rig_free(rig);
}

static void test_enable_restarts(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig_queue(rig, 0, 0);
	rig_do(rig, &nop);
	rig_do(rig, &nop);
	wr32(rig, Q_REG(0, Q_CTRL), 0);
	/* Stopped: registers tell how far it came. */
	assert_int_equal(head(rig, 0), 2);
	assert_int_equal(rd32(rig, Q_REG(0, Q_TAIL)), 2);
	assert_int_equal(status(rig, 0), SFAB_Q_STATUS_IDLE);
	wr32(rig, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_ENABLE);
	assert_int_equal(head(rig, 0), 0);
	assert_int_equal(rd32(rig, Q_REG(0, Q_TAIL)), 0);
	rig_do(rig, &nop);

	/* Enabling an enabled queue changes nothing. */
	wr32(rig, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_ENABLE);
	assert_int_equal(head(rig, 0), 1);
	/* RESET wins over ENABLE. */
	wr32(rig, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_RESET | SFAB_Q_CTRL_ENABLE);
	assert_int_equal(rd32(rig, Q_REG(0, Q_CTRL)), 0);
	assert_int_equal(head(rig, 0), 0);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_5), 2);
	rig_free(rig);
}

static void test_halt_needs_reset(void **state)
{
	struct rig *rig = rig_new();
	struct cmd bad = { .opcode = 0x42 };

	(void)state;
	rig_queue(rig, 0, 0);
	rig_do(rig, &nop);
	rig_submit(rig, 0, &bad);
	rig_submit(rig, 0, &nop);
	assert_true(rig_run(rig));
	assert_int_equal(head(rig, 0), 1);
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)), 0x80004207);
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT_INDEX)), 1);
	assert_int_equal(status(rig, 0),
			 SFAB_Q_STATUS_ENABLED | SFAB_Q_STATUS_HALTED);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_4), 1);

	/* Doorbells do nothing; neither does stopping and starting. */
	wr32(rig, DOORBELL(0), 3);
	assert_true(rig_run(rig));
	assert_int_equal(rd32(rig, Q_REG(0, Q_TAIL)), 3);
	wr32(rig, DOORBELL(0), 4);
	assert_int_equal(rd32(rig, Q_REG(0, Q_TAIL)), 3);
	wr32(rig, Q_REG(0, Q_CTRL), 0);
	rig->guest_errors = 0;
	wr32(rig, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_ENABLE);
	assert_int_equal(rig->guest_errors, 1);
	assert_int_equal(rd32(rig, Q_REG(0, Q_CTRL)), 0);
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)), 0x80004207);

	/* RESET ends the halt and takes the bits of QUEUE_FAULT with it. */
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_FAULT_0), 1);
	wr32(rig, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_RESET);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_FAULT_0), 0);
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)), 0);
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT_INDEX)), 0);
	assert_int_equal(rd64(rig, Q_REG(0, Q_FAULT_ADDR)), 0);
	assert_int_equal(status(rig, 0), SFAB_Q_STATUS_IDLE);
	wr32(rig, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_ENABLE);
	rig_do(rig, &nop);
	rig_free(rig);
}

/* ---- doorbells and the ring ---- */

static void expect_doorbell(struct rig *rig, uint32_t tail, bool ok)
{
	uint32_t old = rd32(rig, Q_REG(0, Q_TAIL));

	wr32(rig, DOORBELL(0), tail);
	if (ok) {
		assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)), 0);
		assert_int_equal(rd32(rig, Q_REG(0, Q_TAIL)), tail);
		return;
	}
	assert_int_equal(rd32(rig, Q_REG(0, Q_TAIL)), old);
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)), 0x80000009);
	assert_int_equal(rd64(rig, Q_REG(0, Q_FAULT_ADDR)), tail);
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT_INDEX)), head(rig, 0));
}

static void test_doorbell_lies(void **state)
{
	static const struct {
		uint32_t done, pending, ring;
		bool ok;
	} t[] = {
		{ 0, 0, 0, true }, { 0, 0, 16, true }, { 0, 0, 17, false },
		{ 0, 0, ~0u, false }, { 0, 0, 1u << 31, false },
		{ 5, 0, 5, true }, { 5, 0, 4, false }, { 5, 0, 21, true },
		{ 5, 0, 22, false }, { 5, 0, 0, false },
		{ 5, 7, 12, true }, { 5, 7, 11, false }, { 5, 7, 5, false },
		{ 5, 7, 21, true }, { 5, 7, 22, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct rig *rig = rig_new();

		rig_queue(rig, 0, 0);
		wr32(rig, SFAB_REG_INT_ENABLE, SFAB_INT_FAULT);
		for (unsigned int k = 0; k < t[i].done; k++)
			rig_do(rig, &nop);
		if (t[i].pending)
			wr32(rig, DOORBELL(0), t[i].done + t[i].pending);
		expect_doorbell(rig, t[i].ring, t[i].ok);
		assert_int_equal(rig->irqs[0], !t[i].ok);
		/* What was pending does not run after a lie. */
		rig_run(rig);
		assert_int_equal(head(rig, 0), t[i].ok ? t[i].ring : t[i].done);
		rig_free(rig);
	}
}

static void test_doorbell_ignored(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	wr32(rig, DOORBELL(0), 1);
	assert_int_equal(rig->guest_errors, 1);
	assert_int_equal(rd32(rig, Q_REG(0, Q_TAIL)), 0);
	assert_int_equal(rd32(rig, DOORBELL(0)), 0);
	/* With CTRL.ENABLE clear it is accepted, and works off later. */
	rig_queue(rig, 0, 0);
	wr32(rig, SFAB_REG_CTRL, 0);
	rig_submit(rig, 0, &nop);
	assert_int_equal(rd32(rig, Q_REG(0, Q_TAIL)), 1);
	assert_true(rig_run(rig));
	assert_int_equal(head(rig, 0), 0);
	assert_int_equal(status(rig, 0), SFAB_Q_STATUS_ENABLED);
	assert_int_equal(rig->kicks[0], 0);
	wr32(rig, SFAB_REG_CTRL, SFAB_CTRL_ENABLE);
	assert_int_equal(rig->kicks[0], 1);
	assert_true(rig_run(rig));
	assert_int_equal(head(rig, 0), 1);
	rig_free(rig);
}

/* Many times around rings of every kind of size, in lumps. */
static void test_ring_wraps(void **state)
{
	struct rig *rig = rig_new();
	uint32_t tail = 0;
	uint64_t seed = 3;

	(void)state;
	rig_map_all(rig, 0);
	rig_queue(rig, 0, 0);
	for (unsigned int i = 0; i < 500; i++) {
		unsigned int lump = rig_random(&seed) % 16 + 1;

		for (unsigned int k = 0; k < lump; k++) {
			struct cmd c = {
				.opcode = SFAB_CMD_ATOMIC, .dtype = 8,
				.dst = VA_HBM + HBM_DATA, .arg0 = tail + k,
				.flags = SFAB_CMD_COMPLETE, .timeline = tail + k,
				.op = SFAB_ATOMIC_CAS, .arg1 = tail + k - 1,
			};

			if (tail + k == 0)
				c.arg1 = 0;
			rig_put(rig, 0, tail + k, &c);
		}
		tail += lump;
		wr32(rig, DOORBELL(0), tail);
		assert_true(rig_run(rig));
		assert_int_equal(head(rig, 0), tail);
		/* Each command found the value that the one before left. */
		assert_int_equal(*(uint64_t *)(rig->hbm + HBM_DATA), tail - 1);
		assert_int_equal(*rig_timeline(rig, 0), tail - 1);
	}
	rig_free(rig);
}

static void test_head_wraps(void **state)
{
	struct rig *rig = rig_new();
	struct sfab_state *saved = test_calloc(1, sizeof(*saved));

	(void)state;
	rig_queue(rig, 0, 0);
	sfab_core_pause(rig->core, true);
	sfab_core_save(rig->core, saved);
	saved->queue[0].head = 0xfffffffe;
	saved->queue[0].tail = 0xfffffffe;
	assert_int_equal(sfab_core_load(rig->core, saved, NULL), 0);
	sfab_core_pause(rig->core, false);
	for (unsigned int i = 0; i < 5; i++)
		rig_do(rig, &nop);
	assert_int_equal(head(rig, 0), 3);
	wr32(rig, DOORBELL(0), 19);
	assert_true(rig_run(rig));
	assert_int_equal(head(rig, 0), 19);
	test_free(saved);
	rig_free(rig);
}

/* The command is read once: what the guest writes over it later is too late. */
static void scribble(struct rig *rig)
{
	memset(rig->sys + rig_ring(0), 0xff, SFAB_CMD_SIZE);
}

static void test_read_once(void **state)
{
	struct rig *rig = rig_new();
	struct cmd c = {
		.opcode = SFAB_CMD_WRITE, .dtype = 8, .dst = VA_HBM + HBM_DATA,
		.arg0 = 5, .flags = SFAB_CMD_COMPLETE, .timeline = 6,
	};

	(void)state;
	rig_map_all(rig, 0);
	rig_queue(rig, 0, 0);
	rig->on_unmap = scribble;
	rig_do(rig, &c);
	assert_int_equal(rig->hbm[HBM_DATA], 5);
	assert_int_equal(*rig_timeline(rig, 0), 6);
	rig_free(rig);
}

static void test_ring_bus_error(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig_queue(rig, 0, 0);
	rig_do(rig, &nop);
	rig->refuse = SYS_BUS;
	rig->refuse_len = PAGE;
	rig_submit(rig, 0, &nop);
	assert_true(rig_run(rig));
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)), 0x80030006);
	assert_int_equal(rd64(rig, Q_REG(0, Q_FAULT_ADDR)), SYS_BUS + 64);
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT_INDEX)), 1);
	rig_free(rig);
}

static void test_timeline_bus_error(void **state)
{
	struct rig *rig = rig_new();
	struct cmd c = {
		.opcode = SFAB_CMD_WRITE, .dtype = 8, .dst = VA_HBM + HBM_DATA,
		.arg0 = 5, .flags = SFAB_CMD_COMPLETE | SFAB_CMD_IRQ,
		.timeline = 6,
	};

	(void)state;
	rig_map_all(rig, 0);
	rig_queue(rig, 0, 0);
	wr32(rig, SFAB_REG_INT_ENABLE, 0xf);
	rig->refuse = SYS_BUS + PAGE;
	rig->refuse_len = 8;
	rig_submit(rig, 0, &c);
	assert_true(rig_run(rig));
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)), 0x80030606);
	assert_int_equal(rd64(rig, Q_REG(0, Q_FAULT_ADDR)), SYS_BUS + PAGE);
	assert_int_equal(head(rig, 0), 0);
	assert_int_equal(*rig_timeline(rig, 0), 0);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), SFAB_INT_FAULT);
	assert_int_equal(rig->irqs[0], 1);
	assert_int_equal(rig->irqs[1], 0);
	rig_free(rig);
}

/* ---- completion and interrupts ---- */

static void test_complete_and_irq(void **state)
{
	struct rig *rig = rig_new();
	struct cmd quiet = { .flags = SFAB_CMD_COMPLETE, .timeline = 11 };
	struct cmd loud = {
		.flags = SFAB_CMD_COMPLETE | SFAB_CMD_IRQ, .timeline = 12,
	};

	(void)state;
	rig_queue(rig, 1, 0);		/* vector 2 */
	wr32(rig, SFAB_REG_INT_ENABLE, SFAB_INT_QUEUE);
	rig_submit(rig, 1, &nop);
	rig_run(rig);
	assert_int_equal(*rig_timeline(rig, 1), 0);
	rig_submit(rig, 1, &quiet);
	rig_run(rig);
	assert_int_equal(*rig_timeline(rig, 1), 11);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), 0);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_EVENT_0), 0);

	rig_submit(rig, 1, &loud);
	rig_run(rig);
	assert_int_equal(*rig_timeline(rig, 1), 12);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), SFAB_INT_QUEUE);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_EVENT_0), 2);
	assert_int_equal(rig->irqs[2], 1);

	/* The bit is still set: no second interrupt, until it is cleared. */
	rig_submit(rig, 1, &loud);
	rig_run(rig);
	assert_int_equal(rig->irqs[2], 1);
	wr32(rig, SFAB_REG_INT_STATUS, SFAB_INT_QUEUE);
	rig_submit(rig, 1, &loud);
	rig_run(rig);
	assert_int_equal(rig->irqs[2], 1);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), SFAB_INT_QUEUE);
	wr64(rig, SFAB_REG_QUEUE_EVENT_0, 2);
	rig_submit(rig, 1, &loud);
	rig_run(rig);
	assert_int_equal(rig->irqs[2], 2);

	/* Disabled: status only; enabling later raises nothing. */
	wr64(rig, SFAB_REG_QUEUE_EVENT_0, 2);
	wr32(rig, SFAB_REG_INT_STATUS, ~0u);
	wr32(rig, SFAB_REG_INT_ENABLE, ~SFAB_INT_QUEUE);
	rig_submit(rig, 1, &loud);
	rig_run(rig);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), SFAB_INT_QUEUE);
	wr32(rig, SFAB_REG_INT_ENABLE, 0xf);
	assert_int_equal(rig->irqs[2], 2);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_6), 2);
	assert_int_equal(rig->irqs[0] + rig->irqs[1] + rig->irqs[3], 0);
	rig_free(rig);
}

/* Completes timeline value @value of queue 1; returns how often its vector was raised so far. */
static unsigned int complete(struct rig *rig, uint64_t value)
{
	struct cmd quiet = { .flags = SFAB_CMD_COMPLETE, .timeline = value };

	rig_submit(rig, 1, &quiet);
	rig_run(rig);
	assert_int_equal(*rig_timeline(rig, 1), value);
	wr64(rig, SFAB_REG_QUEUE_EVENT_0, 2);
	return rig->irqs[2];
}

static void test_arm(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	rig_queue(rig, 1, 0);		/* vector 2 */
	wr32(rig, SFAB_REG_INT_ENABLE, SFAB_INT_QUEUE);
	wr64(rig, ARM(1), 3);
	assert_int_equal(complete(rig, 1), 0);
	assert_int_equal(complete(rig, 2), 0);
	assert_int_equal(complete(rig, 3), 1);
	/* Once */
	assert_int_equal(complete(rig, 4), 1);
	/* It is there already, or beyond */
	wr64(rig, ARM(1), 4);
	assert_int_equal(rig->irqs[2], 2);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_EVENT_0), 2);
	wr64(rig, SFAB_REG_QUEUE_EVENT_0, 2);
	wr64(rig, ARM(1), 2);
	assert_int_equal(rig->irqs[2], 3);
	wr64(rig, SFAB_REG_QUEUE_EVENT_0, 2);
	/* The last value counts; 0: none */
	wr64(rig, ARM(1), 5);
	wr64(rig, ARM(1), 6);
	assert_int_equal(complete(rig, 5), 3);
	wr64(rig, ARM(1), 0);
	assert_int_equal(complete(rig, 6), 3);
	/* In halves; values may be left out */
	wr32(rig, ARM(1) + 4, 0);
	wr32(rig, ARM(1), 8);
	assert_int_equal(complete(rig, 7), 3);
	wr32(rig, ARM(1) + 4, 0);
	assert_int_equal(complete(rig, 9), 4);
	/* Of this queue only, and write-only */
	wr64(rig, ARM(1), 10);
	assert_int_equal(rd64(rig, ARM(1)), 0);
	rig_queue(rig, 0, 0);
	rig_do(rig, &(struct cmd) { .flags = SFAB_CMD_COMPLETE, .timeline = 10 });
	assert_int_equal(rig->irqs[2], 4);
	assert_int_equal(rig->guest_errors, 0);
	rig_free(rig);
}

static void test_arm_ends(void **state)
{
	struct rig *rig = rig_new();

	(void)state;
	wr64(rig, ARM(1), 1);
	assert_int_equal(rig->guest_errors, 1);
	wr32(rig, SFAB_REG_INT_ENABLE, SFAB_INT_QUEUE);
	rig_queue(rig, 1, 0);
	assert_int_equal(complete(rig, 5), 0);
	wr64(rig, ARM(1), 6);
	/* With the queue; and so does what was completed before */
	wr32(rig, Q_REG(1, Q_CTRL), SFAB_Q_CTRL_RESET);
	rig_queue(rig, 1, 0);
	assert_int_equal(complete(rig, 7), 0);
	wr32(rig, Q_REG(1, Q_CTRL), SFAB_Q_CTRL_RESET);
	rig_queue(rig, 1, 0);
	wr64(rig, ARM(1), 2);
	assert_int_equal(rig->irqs[2], 0);
	assert_int_equal(complete(rig, 2), 1);
	rig_free(rig);
}

/* What was armed, and what was completed, goes along. */
static void test_arm_moves(void **state)
{
	struct rig *rig = rig_new();
	struct sfab_state *saved = test_calloc(1, sizeof(*saved));

	(void)state;
	rig_queue(rig, 1, 0);
	wr32(rig, SFAB_REG_INT_ENABLE, SFAB_INT_QUEUE);
	assert_int_equal(complete(rig, 4), 0);
	wr64(rig, ARM(1), 6);
	wr32(rig, ARM(1), 4);
	sfab_core_pause(rig->core, true);
	sfab_core_save(rig->core, saved);
	wr64(rig, ARM(1), 0);
	assert_int_equal(sfab_core_load(rig->core, saved, NULL), 0);
	sfab_core_pause(rig->core, false);
	assert_int_equal(complete(rig, 5), 0);
	assert_int_equal(complete(rig, 6), 1);
	wr32(rig, ARM(1) + 4, 0);
	assert_int_equal(rig->irqs[2], 2);
	test_free(saved);
	rig_free(rig);
}

static void test_fault_irq(void **state)
{
	struct rig *rig = rig_new();
	struct cmd bad = { .opcode = 0x42 };

	(void)state;
	rig_queue(rig, 0, 0);
	rig_queue(rig, 1, 0);
	rig_submit(rig, 0, &bad);
	rig_run(rig);
	assert_int_equal(rig->irqs[0], 0);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), SFAB_INT_FAULT);
	/* Each fault is an event of its own. */
	wr32(rig, SFAB_REG_INT_ENABLE, SFAB_INT_FAULT);
	rig_submit(rig, 1, &bad);
	rig_run(rig);
	assert_int_equal(rig->irqs[0], 1);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_FAULT_0), 3);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_4), 2);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_6), 1);
	rig_free(rig);
}

static void one_vector(struct sfab_config *c)
{
	c->vectors = 1;
}

static void test_one_vector(void **state)
{
	struct rig *rig = rig_with(one_vector);
	struct cmd loud = { .flags = SFAB_CMD_COMPLETE | SFAB_CMD_IRQ };

	(void)state;
	wr64(rig, Q_REG(0, Q_BASE), SYS_BUS);
	wr64(rig, Q_REG(0, Q_TIMELINE), SYS_BUS + PAGE);
	wr32(rig, Q_REG(0, Q_SIZE), 2);
	wr32(rig, Q_REG(0, Q_VECTOR), 1);
	wr32(rig, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_ENABLE);
	assert_int_equal(rd32(rig, Q_REG(0, Q_CTRL)), 0);
	wr32(rig, Q_REG(0, Q_VECTOR), 0);
	wr32(rig, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_ENABLE);
	wr32(rig, SFAB_REG_CTRL, SFAB_CTRL_ENABLE);
	wr32(rig, SFAB_REG_INT_ENABLE, 0xf);
	rig_do(rig, &loud);
	assert_int_equal(rig->irqs[0], 1);
	rig_free(rig);
}

/*
 * The driver may fill the slot of a command as soon as it sees its timeline
 * value, with a full ring behind it; that is before Q_HEAD counts it.
 */
static void refill(struct rig *rig)
{
	if (*rig_timeline(rig, 0) != 1)
		return;
	rig->on_unmap = NULL;
	assert_int_equal(head(rig, 0), 0);
	wr32(rig, DOORBELL(0), 17);
}

static void test_refill_on_timeline(void **state)
{
	struct rig *rig = rig_new();
	struct cmd c = { .flags = SFAB_CMD_COMPLETE, .timeline = 1 };

	(void)state;
	rig_queue(rig, 0, 0);
	rig_put(rig, 0, 0, &c);
	wr32(rig, DOORBELL(0), 16);
	rig->on_unmap = refill;
	assert_true(rig_run(rig));
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)), 0);
	assert_int_equal(head(rig, 0), 17);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enable_checks),
		cmocka_unit_test(test_locked_while_enabled),
		cmocka_unit_test(test_enable_restarts),
		cmocka_unit_test(test_halt_needs_reset),
		cmocka_unit_test(test_doorbell_lies),
		cmocka_unit_test(test_doorbell_ignored),
		cmocka_unit_test(test_ring_wraps),
		cmocka_unit_test(test_head_wraps),
		cmocka_unit_test(test_read_once),
		cmocka_unit_test(test_ring_bus_error),
		cmocka_unit_test(test_timeline_bus_error),
		cmocka_unit_test(test_complete_and_irq),
		cmocka_unit_test(test_arm),
		cmocka_unit_test(test_arm_ends),
		cmocka_unit_test(test_arm_moves),
		cmocka_unit_test(test_fault_irq),
		cmocka_unit_test(test_one_vector),
		cmocka_unit_test(test_refill_on_timeline),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
