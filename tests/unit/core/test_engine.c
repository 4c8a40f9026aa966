// SPDX-License-Identifier: MIT
/*
 * Slices: fairness, order, and what stops, resets, invalidations and pauses do
 * to a slice in flight. No threads: hooks of the rig act inside a slice, which
 * makes every interleaving exact.
 */
#include "rig.h"

static const struct cmd nop;

static void two_engines(struct sfab_config *c)
{
	c->hbm_size = 64 * MIB;
	c->engines = 2;
}

static void one_engine(struct sfab_config *c)
{
	c->hbm_size = 64 * MIB;
}

/* 64 MiB of HBM at VA_HBM, queues 0 to 3 on VM 0. */
static struct rig *setup(void (*change)(struct sfab_config *))
{
	struct rig *rig = rig_with(change);

	rig_map_large(rig, 0, VA_HBM, 0, 64 * MIB, HBM_PTE(RW));
	for (unsigned int q = 0; q < 4; q++)
		rig_queue(rig, q, 0);
	return rig;
}

/* A fill of @slices slices at the place of queue @q. */
static struct cmd work(unsigned int q, unsigned int slices)
{
	return (struct cmd) {
		.opcode = SFAB_CMD_FILL, .dtype = 1, .arg0 = 0x11 * (q + 1),
		.dst = VA_HBM + 2 * MIB + q * 13 * MIB, .len = slices * 4 * MIB,
		.flags = SFAB_CMD_COMPLETE | SFAB_CMD_IRQ, .timeline = 1,
	};
}

static uint8_t *place(struct rig *rig, unsigned int q, unsigned int slice)
{
	return rig->hbm + 2 * MIB + q * 13 * MIB + slice * 4 * MIB;
}

static void submit_work(struct rig *rig, unsigned int q, unsigned int slices)
{
	struct cmd c = work(q, slices);

	rig_submit(rig, q, &c);
}

static uint32_t head(struct rig *rig, unsigned int q)
{
	return rd32(rig, Q_REG(q, Q_HEAD));
}

static uint32_t status(struct rig *rig, unsigned int q)
{
	return rd32(rig, Q_REG(q, Q_STATUS));
}

/* ---- round robin ---- */

static void test_fair_between_long_commands(void **state)
{
	struct rig *rig = setup(one_engine);

	(void)state;
	for (unsigned int q = 0; q < 4; q++)
		submit_work(rig, q, 3);
	/* After n slices every queue has had n / 4 of them. */
	for (unsigned int n = 1; n <= 12; n++) {
		unsigned int done = 0;

		assert_int_equal(rig_step(rig, 0), SFAB_RUN_MORE);
		for (unsigned int q = 0; q < 4; q++) {
			unsigned int mine = 0;

			for (unsigned int s = 0; s < 3; s++)
				mine += *place(rig, q, s) != 0;
			assert_true(mine == n / 4 || mine == n / 4 + 1);
			done += mine;
		}
		assert_int_equal(done, n);
	}
	assert_true(rig_run(rig));
	for (unsigned int q = 0; q < 4; q++)
		assert_int_equal(head(rig, q), 1);
	rig_free(rig);
}

/* Who has something else to do does little; an engine goes on where that was left. */
static void test_help_is_brief(void **state)
{
	struct rig *rig = setup(one_engine);
	struct cmd rows = {
		.opcode = SFAB_CMD_COPY_2D, .dst = VA_HBM + 32 * MIB, .src = VA_HBM,
		.len = 8, .arg0 = 1000, .arg1 = 8, .arg2 = 4096,
	};
	unsigned int calls = 0;
	uint64_t due;

	(void)state;
	submit_work(rig, 0, 2);
	assert_int_equal(sfab_core_help(rig->core, 0, &due), SFAB_RUN_MORE);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_0 + 8 * SFAB_COUNTER_HBM_BYTES), 4096);
	assert_int_equal(place(rig, 0, 0)[4095], 0x11);
	assert_int_equal(place(rig, 0, 0)[4096], 0);
	assert_int_equal(rig_step(rig, 0), SFAB_RUN_MORE);
	assert_int_equal(place(rig, 0, 1)[4095], 0x11);
	assert_int_equal(place(rig, 0, 1)[4096], 0);
	assert_true(rig_run(rig));
	assert_int_equal(place(rig, 0, 2)[-1], 0x11);
	assert_int_equal(place(rig, 0, 2)[0], 0);
	assert_int_equal(head(rig, 0), 1);

	/* To check 1000 rows takes long, too, where each has to be looked at. */
	assert_int_equal(sfab_core_poison(rig->core, 60 * MIB), 0);
	rig_submit(rig, 1, &rows);
	while (rd64(rig, SFAB_REG_COUNTER_0 + 8 * SFAB_COUNTER_HBM_BYTES) == 8 * MIB) {
		assert_int_equal(sfab_core_help(rig->core, 0, &due), SFAB_RUN_MORE);
		calls++;
	}
	assert_true(calls > 1000 / 64);
	assert_true(rig_run(rig));
	assert_int_equal(head(rig, 1), 1);
	rig_free(rig);
}

/* A queue full of small commands does not starve behind a huge one, or before. */
static void test_fair_between_short_commands(void **state)
{
	struct rig *rig = setup(one_engine);

	(void)state;
	for (unsigned int i = 0; i < 16; i++) {
		rig_put(rig, 0, i, &nop);
		rig_put(rig, 1, i, &nop);
	}
	wr32(rig, DOORBELL(0), 16);
	wr32(rig, DOORBELL(1), 16);
	for (unsigned int n = 0; n < 32; n++) {
		int ahead = head(rig, 0) - head(rig, 1);

		assert_true(ahead >= -1 && ahead <= 1);
		rig_step(rig, 0);
	}
	assert_int_equal(head(rig, 0), 16);
	assert_int_equal(head(rig, 1), 16);
	rig_free(rig);
}

static void test_fault_leaves_others_alone(void **state)
{
	struct rig *rig = setup(one_engine);
	struct cmd bad = work(1, 1);

	(void)state;
	bad.dst = 0x7000;
	submit_work(rig, 0, 3);
	rig_submit(rig, 1, &bad);
	submit_work(rig, 2, 2);
	assert_true(rig_run(rig));
	assert_int_equal(head(rig, 0), 1);
	assert_int_equal(head(rig, 1), 0);
	assert_int_equal(head(rig, 2), 1);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_FAULT_0), 2);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_EVENT_0), 5);
	rig_free(rig);
}

/* Two engines never serve one queue at once: its order holds. */
static void run_other(struct rig *rig)
{
	static bool inside;

	if (inside)
		return;
	inside = true;
	/* Engine 1 gets its turn in the middle of engine 0's slice. */
	rig_step(rig, 1);
	inside = false;
}

static void test_order_with_two_engines(void **state)
{
	struct rig *rig = setup(two_engines);

	(void)state;
	rig->on_written = run_other;
	for (unsigned int i = 0; i < 10; i++) {
		struct cmd c = {
			.opcode = SFAB_CMD_ATOMIC, .dtype = 8,
			.op = SFAB_ATOMIC_CAS, .dst = VA_HBM + 2 * MIB,
			.arg0 = i + 1, .arg1 = i,
		};

		rig_put(rig, 0, i, &c);
	}
	wr32(rig, DOORBELL(0), 10);
	assert_true(rig_run(rig));
	assert_int_equal(*(uint64_t *)(rig->hbm + 2 * MIB), 10);

	/* But two queues are served at the same time. */
	rig->on_written = NULL;
	submit_work(rig, 1, 1);
	submit_work(rig, 2, 1);
	rig->on_written = run_other;
	assert_int_equal(rig_step(rig, 0), SFAB_RUN_MORE);
	assert_int_equal(head(rig, 1) + head(rig, 2), 2);
	rig_free(rig);
}

/* ---- waking engines ---- */

static void test_kicks(void **state)
{
	struct rig *rig = setup(two_engines);

	(void)state;
	/* One doorbell wakes one engine, once. */
	submit_work(rig, 0, 1);
	assert_int_equal(rig->kicks[0] + rig->kicks[1], 1);
	rig_submit(rig, 0, &nop);
	assert_int_equal(rig->kicks[0] + rig->kicks[1], 1);
	/* A second queue wakes the other; a third nobody. */
	submit_work(rig, 1, 1);
	assert_int_equal(rig->kicks[0], 1);
	assert_int_equal(rig->kicks[1], 1);
	submit_work(rig, 2, 1);
	assert_int_equal(rig->kicks[0] + rig->kicks[1], 2);
	assert_true(rig_run(rig));
	/* Asleep again. */
	submit_work(rig, 2, 1);
	assert_int_equal(rig->kicks[0] + rig->kicks[1], 3);
	assert_true(rig_run(rig));
	rig_free(rig);
}

/* Of the idle engines one watches a WAIT; if it gets work the other does. */
static void test_one_engine_polls(void **state)
{
	struct rig *rig = setup(two_engines);
	struct cmd wait = {
		.opcode = SFAB_CMD_WAIT, .dtype = 8, .op = SFAB_WAIT_NE,
		.src = VA_HBM + 2 * MIB, .arg1 = ~0ull,
	};
	uint64_t due;

	(void)state;
	rig_submit(rig, 0, &wait);
	assert_int_equal(rig->kicks[0], 1);
	assert_int_equal(sfab_core_run(rig->core, 0, &due), SFAB_RUN_MORE);
	assert_int_equal(sfab_core_run(rig->core, 0, &due), SFAB_RUN_POLL);
	assert_int_equal(sfab_core_run(rig->core, 1, &due), SFAB_RUN_IDLE);

	/* Work prefers the engine that does not watch. */
	submit_work(rig, 1, 1);
	assert_int_equal(rig->kicks[0], 1);
	assert_int_equal(rig->kicks[1], 1);
	assert_int_equal(sfab_core_run(rig->core, 1, &due), SFAB_RUN_MORE);
	assert_int_equal(sfab_core_run(rig->core, 1, &due), SFAB_RUN_IDLE);

	/* The watcher finds other work: the other engine is woken to watch. */
	submit_work(rig, 1, 1);
	assert_int_equal(rig->kicks[1], 2);
	rig->clock += 100000;
	submit_work(rig, 2, 1);
	assert_int_equal(rig->kicks[0], 2);
	assert_int_equal(sfab_core_run(rig->core, 0, &due), SFAB_RUN_MORE);
	assert_int_equal(sfab_core_run(rig->core, 0, &due), SFAB_RUN_MORE);
	assert_int_equal(sfab_core_run(rig->core, 0, &due), SFAB_RUN_MORE);
	assert_int_equal(sfab_core_run(rig->core, 0, &due), SFAB_RUN_POLL);
	assert_int_equal(due, rig->clock + 50000);
	assert_int_equal(sfab_core_run(rig->core, 1, &due), SFAB_RUN_IDLE);

	/* So it is if the end of one WAIT gives it work, and another goes on. */
	wait.src += 64;
	rig_submit(rig, 3, &wait);
	submit_work(rig, 0, 1);
	assert_false(rig_run(rig));
	/* Only queue 0's memory changes. */
	*(uint64_t *)(rig->hbm + 2 * MIB) = 1;
	rig->kicks[0] = 0;
	rig->kicks[1] = 0;
	rig->clock += 100000;
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(rig->kicks[0] + rig->kicks[1], 0);
		assert_int_equal(sfab_core_run(rig->core, 0, &due),
				 SFAB_RUN_MORE);
	}
	assert_int_equal(sfab_core_run(rig->core, 0, &due), SFAB_RUN_MORE);
	assert_int_equal(rig->kicks[1], 1);
	rig_free(rig);
}

/* ---- invalidation ---- */

static void invalidate_inside(struct rig *rig)
{
	uint32_t *n = rig->private;

	rig->on_written = NULL;
	assert_int_equal(rd32(rig, SFAB_REG_STATUS) & SFAB_STATUS_BUSY,
			 SFAB_STATUS_BUSY);
	assert_int_equal(status(rig, 0) & SFAB_Q_STATUS_BUSY, SFAB_Q_STATUS_BUSY);
	for (unsigned int i = 0; i < *n; i++)
		wr32(rig, VM_REG(0, VM_INV), 100 - i);
	assert_int_equal(rd32(rig, VM_REG(0, VM_INV)), 101 - *n);
	assert_int_equal(rd32(rig, VM_REG(0, VM_INV_DONE)), 9);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS) & SFAB_INT_INVALIDATE, 0);
	/* Another VM is not held up, however often it is asked. */
	for (unsigned int i = 0; i < 20; i++)
		wr32(rig, VM_REG(1, VM_INV), i);
	wr32(rig, VM_REG(1, VM_INV), 7);
	assert_int_equal(rd32(rig, VM_REG(1, VM_INV_DONE)), 7);
	wr32(rig, SFAB_REG_INT_STATUS, ~0u);
	rig->irqs[0] = 0;
}

/* It waits for the slice in flight, and for no later one. */
static void test_invalidate_in_flight(void **state)
{
	struct rig *rig = setup(one_engine);

	(void)state;
	wr32(rig, SFAB_REG_INT_ENABLE, SFAB_INT_INVALIDATE);
	/* Nothing in flight: complete at once. */
	wr32(rig, VM_REG(0, VM_INV), 9);
	assert_int_equal(rd32(rig, VM_REG(0, VM_INV_DONE)), 9);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), SFAB_INT_INVALIDATE);
	assert_int_equal(rig->irqs[0], 1);
	/* Again the same value: again an event. */
	wr32(rig, SFAB_REG_INT_STATUS, ~0u);
	wr32(rig, VM_REG(0, VM_INV), 9);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), SFAB_INT_INVALIDATE);
	assert_int_equal(rig->irqs[0], 2);

	for (uint32_t n = 1; n <= 3; n++) {
		wr32(rig, VM_REG(0, VM_INV), 9);
		wr32(rig, SFAB_REG_INT_STATUS, ~0u);
		submit_work(rig, 0, 3);
		rig->on_written = invalidate_inside;
		rig->private = &n;
		assert_int_equal(rig_step(rig, 0), SFAB_RUN_MORE);
		assert_null(rig->on_written);
		assert_int_equal(rd32(rig, VM_REG(0, VM_INV_DONE)), 101 - n);
		assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS),
				 SFAB_INT_INVALIDATE);
		assert_int_equal(rig->irqs[0], 1);
		assert_true(rig_run(rig));
	}
	rig_free(rig);
}

/*
 * Engine 1's slice begins and ends within that of engine 0, which holds back
 * what was asked for since it began. (The crossed order needs threads.)
 */
static void ask_inner(struct rig *rig)
{
	rig->on_written = NULL;
	wr32(rig, VM_REG(0, VM_INV), 0xffffffff);
	assert_int_equal(rd32(rig, VM_REG(0, VM_INV_DONE)), 5);
}

static void ask_outer(struct rig *rig)
{
	wr32(rig, VM_REG(0, VM_INV), 7);
	rig->on_written = ask_inner;
	rig_step(rig, 1);
	assert_null(rig->on_written);
	assert_int_equal(rd32(rig, VM_REG(0, VM_INV_DONE)), 5);
	/* The values are the guest's: they need not grow. */
	wr32(rig, VM_REG(0, VM_INV), 3);
	assert_int_equal(rd32(rig, VM_REG(0, VM_INV_DONE)), 5);
}

static void test_invalidate_nested(void **state)
{
	struct rig *rig = setup(two_engines);

	(void)state;
	wr32(rig, VM_REG(0, VM_INV), 5);
	submit_work(rig, 0, 1);
	submit_work(rig, 1, 1);
	rig->on_written = ask_outer;
	rig_step(rig, 0);
	assert_int_equal(rd32(rig, VM_REG(0, VM_INV_DONE)), 3);
	assert_int_equal(rig->events[SFAB_EVENT_INVALIDATED], 2);
	rig_free(rig);
}

/* After INV_DONE the old memory is not touched, the command goes on or faults. */
static void test_unmap_under_copy(void **state)
{
	struct rig *rig = setup(one_engine);

	(void)state;
	submit_work(rig, 0, 3);
	rig_step(rig, 0);
	/* The second slice's pages move elsewhere, the third's go away. */
	rig_map_large(rig, 0, VA_HBM + 6 * MIB, 50 * MIB, 4 * MIB, HBM_PTE(RW));
	*rig_entry(rig, 0, VA_HBM + 12 * MIB, 1) = 0;
	wr32(rig, VM_REG(0, VM_INV), 1);
	assert_int_equal(rd32(rig, VM_REG(0, VM_INV_DONE)), 1);
	assert_true(rig_run(rig));
	assert_int_equal(*place(rig, 0, 0), 0x11);
	assert_int_equal(*place(rig, 0, 1), 0);
	assert_int_equal(rig->hbm[50 * MIB], 0x11);
	assert_int_equal(rig->hbm[54 * MIB - 1], 0x11);
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)) & 0xff,
			 SFAB_FAULT_UNMAPPED);
	assert_int_equal(rd64(rig, Q_REG(0, Q_FAULT_ADDR)), VA_HBM + 12 * MIB);
	assert_int_equal(*rig_timeline(rig, 0), 0);
	rig_free(rig);
}

/* ---- stopping ---- */

static void reset_queue_inside(struct rig *rig)
{
	rig->on_written = NULL;
	wr32(rig, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_RESET);
	assert_int_equal(status(rig, 0),
			 SFAB_Q_STATUS_BUSY | SFAB_Q_STATUS_IDLE);
	/* Nothing can be configured or enabled before it has drained. */
	wr64(rig, Q_REG(0, Q_BASE), 0);
	wr32(rig, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_ENABLE);
	assert_int_equal(rd64(rig, Q_REG(0, Q_BASE)), SYS_BUS);
	assert_int_equal(rd32(rig, Q_REG(0, Q_CTRL)), 0);
}

static void disable_queue_inside(struct rig *rig)
{
	rig->on_written = NULL;
	wr32(rig, Q_REG(0, Q_CTRL), 0);
	assert_int_equal(status(rig, 0), SFAB_Q_STATUS_BUSY);
}

static void test_stop_in_flight(void **state)
{
	void (*const hooks[])(struct rig *) = {
		reset_queue_inside, disable_queue_inside,
	};

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		/* In the first slice, and in the last, only one. */
		for (unsigned int slices = 1; slices <= 3; slices += 2) {
			struct rig *rig = setup(one_engine);

			submit_work(rig, 0, slices);
			rig_submit(rig, 0, &nop);
			rig->on_written = hooks[i];
			assert_int_equal(rig_step(rig, 0), SFAB_RUN_MORE);
			assert_null(rig->on_written);
			assert_false(status(rig, 0) & SFAB_Q_STATUS_BUSY);
			assert_int_equal(head(rig, 0), 0);
			assert_int_equal(rd32(rig, Q_REG(0, Q_TAIL)), i ? 2 : 0);
			assert_int_equal(*rig_timeline(rig, 0), 0);
			assert_int_equal(rd64(rig, SFAB_REG_QUEUE_EVENT_0), 0);
			assert_int_equal(rd64(rig, SFAB_REG_COUNTER_0), 0);
			/* No later slice ran, nor a later command. */
			rig->batches = 0;
			assert_true(rig_run(rig));
			assert_int_equal(rig->batches, 0);
			assert_int_equal(*place(rig, 0, 1), 0);
			/* And it starts afresh. */
			rig_queue(rig, 0, 0);
			submit_work(rig, 0, 2);
			assert_true(rig_run(rig));
			assert_int_equal(head(rig, 0), 1);
			assert_int_equal(*rig_timeline(rig, 0), 1);
			rig_free(rig);
		}
	}
}

/* Between two slices nothing is busy: a stop is complete at once. */
static void test_stop_between_slices(void **state)
{
	struct rig *rig = setup(one_engine);

	(void)state;
	submit_work(rig, 0, 3);
	rig_step(rig, 0);
	wr32(rig, Q_REG(0, Q_CTRL), 0);
	assert_int_equal(status(rig, 0), 0);
	wr32(rig, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_ENABLE);
	assert_true(rig_run(rig));
	assert_int_equal(*place(rig, 0, 1), 0);
	/* The half command is forgotten: the first one in the ring runs whole. */
	submit_work(rig, 0, 1);
	assert_true(rig_run(rig));
	assert_int_equal(head(rig, 0), 1);
	assert_int_equal(*place(rig, 0, 1), 0);
	rig_free(rig);
}

static void test_stop_waiting(void **state)
{
	struct rig *rig = setup(one_engine);
	struct cmd wait = {
		.opcode = SFAB_CMD_WAIT, .dtype = 8, .op = SFAB_WAIT_NE,
		.src = VA_HBM + 2 * MIB, .arg1 = ~0ull,
	};

	(void)state;
	rig_submit(rig, 0, &wait);
	assert_false(rig_run(rig));
	wr32(rig, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_RESET);
	assert_int_equal(status(rig, 0), SFAB_Q_STATUS_IDLE);
	rig->clock += 1000000;
	assert_true(rig_run(rig));
	rig_free(rig);
}

static void lie_inside(struct rig *rig)
{
	rig->on_written = NULL;
	wr32(rig, DOORBELL(0), 100);
	assert_int_equal(status(rig, 0) & SFAB_Q_STATUS_HALTED,
			 SFAB_Q_STATUS_HALTED);
}

/* A bad doorbell halts a queue whose command is in its last slice. */
static void test_bad_doorbell_in_flight(void **state)
{
	struct rig *rig = setup(one_engine);

	(void)state;
	submit_work(rig, 0, 1);
	rig->on_written = lie_inside;
	assert_true(rig_run(rig));
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)), 0x80000009);
	assert_int_equal(head(rig, 0), 0);
	assert_int_equal(*rig_timeline(rig, 0), 0);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_4), 1);
	rig_free(rig);
}

static void disable_device_inside(struct rig *rig)
{
	rig->on_written = NULL;
	wr32(rig, SFAB_REG_CTRL, 0);
}

static void pause_inside(struct rig *rig)
{
	rig->on_written = NULL;
	sfab_core_pause(rig->core, true);
	assert_true(sfab_core_busy(rig->core));
}

/* CTRL.ENABLE and pause stop at the slice boundary, and go on from there. */
static void test_suspend(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct rig *rig = setup(one_engine);

		submit_work(rig, 0, 3);
		rig->on_written = i ? pause_inside : disable_device_inside;
		assert_true(rig_run(rig));
		assert_false(sfab_core_busy(rig->core));
		assert_int_equal(*place(rig, 0, 0), 0x11);
		assert_int_equal(*place(rig, 0, 1), 0);
		assert_int_equal(head(rig, 0), 0);
		/* A doorbell meanwhile is accepted and wakes nobody. */
		rig->kicks[0] = 0;
		rig_submit(rig, 0, &nop);
		assert_int_equal(rig->kicks[0], 0);
		/* What was done is not done again. */
		*place(rig, 0, 0) = 0x99;
		if (i)
			sfab_core_pause(rig->core, false);
		else
			wr32(rig, SFAB_REG_CTRL, SFAB_CTRL_ENABLE);
		assert_int_equal(rig->kicks[0], 1);
		assert_true(rig_run(rig));
		assert_int_equal(head(rig, 0), 2);
		assert_int_equal(*place(rig, 0, 2), 0x11);
		assert_int_equal(*place(rig, 0, 0), 0x99);
		rig_free(rig);
	}
}

/* ---- device reset ---- */

static void expect_after_reset(struct rig *rig, uint32_t int_status)
{
	assert_int_equal(rd32(rig, SFAB_REG_CTRL), 0);
	assert_int_equal(rd32(rig, SFAB_REG_STATUS), SFAB_STATUS_READY);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), int_status);
	assert_int_equal(rd32(rig, SFAB_REG_INT_ENABLE), 0);
	assert_int_equal(rd64(rig, VM_REG(0, VM_ROOT)), 0);
	assert_int_equal(rd32(rig, VM_REG(0, VM_INV)), 0);
	assert_int_equal(rd32(rig, VM_REG(0, VM_INV_DONE)), 0);
	for (unsigned int q = 0; q < 4; q++) {
		assert_int_equal(rd64(rig, Q_REG(q, Q_BASE)), 0);
		assert_int_equal(rd64(rig, Q_REG(q, Q_TIMELINE)), 0);
		assert_int_equal(rd32(rig, Q_REG(q, Q_CTRL)), 0);
		assert_int_equal(status(rig, q), SFAB_Q_STATUS_IDLE);
		assert_int_equal(head(rig, q), 0);
	}
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_EVENT_0), 0);
	assert_int_equal(rd64(rig, SFAB_REG_QUEUE_FAULT_0), 0);
}

static void do_reset(struct rig *rig, enum sfab_reset kind)
{
	if (kind == SFAB_RESET_REGISTER)
		wr32(rig, SFAB_REG_RESET, SFAB_RESET_MAGIC);
	else
		sfab_core_reset(rig->core, kind);
}

static uint32_t status_after(enum sfab_reset kind)
{
	return kind == SFAB_RESET_REGISTER ? SFAB_INT_RESET : 0;
}

static void test_reset_idle(void **state)
{
	struct cmd bad = { .opcode = 0x55 };

	(void)state;
	for (enum sfab_reset kind = 0; kind <= SFAB_RESET_BUS; kind++) {
		struct rig *rig = setup(one_engine);

		wr32(rig, SFAB_REG_INT_ENABLE, 0xf);
		wr32(rig, SFAB_REG_SCRATCH, 77);
		wr32(rig, VM_REG(0, VM_INV), 3);
		submit_work(rig, 0, 1);
		rig_submit(rig, 1, &bad);
		assert_true(rig_run(rig));
		rig->irqs[0] = 0;
		do_reset(rig, kind);
		expect_after_reset(rig, status_after(kind));
		assert_int_equal(rd32(rig, SFAB_REG_SCRATCH), 0);
		assert_int_equal(rig->irqs[0], 0);
		/* The HBM and the counters stay. */
		assert_int_equal(*place(rig, 0, 0), 0x11);
		assert_int_equal(rd64(rig, SFAB_REG_COUNTER_0), 1);
		assert_int_equal(rd64(rig, SFAB_REG_COUNTER_4), 1);
		assert_int_equal(rd64(rig, SFAB_REG_COUNTER_7),
				 kind != SFAB_RESET_BUS);
		/* Halves that were waiting are gone too. */
		wr32(rig, VM_REG(0, VM_ROOT) + 4, 0);
		assert_int_equal(rd64(rig, VM_REG(0, VM_ROOT)), 0);
		rig_free(rig);
	}
}

static void reset_inside(struct rig *rig)
{
	enum sfab_reset *kind = rig->private;

	rig->on_written = NULL;
	wr32(rig, VM_REG(0, VM_INV), 3);
	do_reset(rig, *kind);
	assert_int_equal(rd32(rig, SFAB_REG_STATUS),
			 SFAB_STATUS_RESETTING | SFAB_STATUS_BUSY);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), 0);
	assert_int_equal(rd64(rig, Q_REG(0, Q_BASE)), 0);
	assert_int_equal(status(rig, 0),
			 SFAB_Q_STATUS_BUSY | SFAB_Q_STATUS_IDLE);
	/* All other writes are ignored. */
	wr32(rig, SFAB_REG_SCRATCH, 5);
	wr32(rig, SFAB_REG_CTRL, 1);
	wr32(rig, SFAB_REG_INT_ENABLE, 0xf);
	wr64(rig, VM_REG(0, VM_ROOT), 1);
	wr32(rig, VM_REG(0, VM_INV), 8);
	wr64(rig, Q_REG(0, Q_BASE), 0x1000);
	wr32(rig, DOORBELL(0), 1);
	assert_int_equal(rd32(rig, SFAB_REG_SCRATCH), 0);
}

static void test_reset_in_flight(void **state)
{
	(void)state;
	for (enum sfab_reset kind = 0; kind <= SFAB_RESET_BUS; kind++) {
		struct rig *rig = setup(one_engine);

		wr32(rig, SFAB_REG_INT_ENABLE, 0xf);
		submit_work(rig, 0, 1);
		rig->on_written = reset_inside;
		rig->private = &kind;
		assert_int_equal(rig_step(rig, 0), SFAB_RUN_MORE);
		assert_null(rig->on_written);
		expect_after_reset(rig, status_after(kind));
		assert_int_equal(rig->events[SFAB_EVENT_DRAINED], 1);
		/* Nothing was completed, nothing else runs. */
		rig->batches = 0;
		assert_true(rig_run(rig));
		assert_int_equal(rig->batches, 0);
		assert_int_equal(*rig_timeline(rig, 0), 0);
		assert_int_equal(rd64(rig, SFAB_REG_COUNTER_0), 0);
		for (unsigned int v = 0; v < 4; v++)
			assert_int_equal(rig->irqs[v], 0);
		/* And it works again. */
		wr64(rig, VM_REG(0, VM_ROOT), rig->roots[0] | 1);
		rig_queue(rig, 0, 0);
		submit_work(rig, 0, 3);
		assert_true(rig_run(rig));
		assert_int_equal(*rig_timeline(rig, 0), 1);
		rig_free(rig);
	}
}

static void reset_twice_inside(struct rig *rig)
{
	rig->on_written = NULL;
	wr32(rig, SFAB_REG_RESET, SFAB_RESET_MAGIC);
	sfab_core_reset(rig->core, SFAB_RESET_FLR);
	wr32(rig, SFAB_REG_RESET, SFAB_RESET_MAGIC);
	assert_int_equal(rig->events[SFAB_EVENT_DRAINED], 0);
}

static void test_reset_in_reset(void **state)
{
	struct rig *rig = setup(one_engine);

	(void)state;
	submit_work(rig, 0, 2);
	rig->on_written = reset_twice_inside;
	assert_true(rig_run(rig));
	expect_after_reset(rig, SFAB_INT_RESET);
	assert_int_equal(rig->events[SFAB_EVENT_DRAINED], 1);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_7), 3);
	rig_free(rig);
}

/* The reset has drained when the last of two engines has left its slice. */
static void reset_within_both(struct rig *rig)
{
	rig->on_written = NULL;
	wr32(rig, SFAB_REG_RESET, SFAB_RESET_MAGIC);
}

static void run_second_then_check(struct rig *rig)
{
	rig->on_written = reset_within_both;
	rig_step(rig, 1);
	assert_int_equal(rd32(rig, SFAB_REG_STATUS),
			 SFAB_STATUS_RESETTING | SFAB_STATUS_BUSY);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), 0);
	/* Even an engine that asks for work gets none. */
	assert_int_equal(rig_step(rig, 1), SFAB_RUN_IDLE);
}

static void test_reset_two_engines(void **state)
{
	struct rig *rig = setup(two_engines);

	(void)state;
	submit_work(rig, 0, 2);
	submit_work(rig, 1, 2);
	rig->on_written = run_second_then_check;
	rig_step(rig, 0);
	expect_after_reset(rig, SFAB_INT_RESET);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fair_between_long_commands),
		cmocka_unit_test(test_fair_between_short_commands),
		cmocka_unit_test(test_help_is_brief),
		cmocka_unit_test(test_fault_leaves_others_alone),
		cmocka_unit_test(test_order_with_two_engines),
		cmocka_unit_test(test_kicks),
		cmocka_unit_test(test_one_engine_polls),
		cmocka_unit_test(test_invalidate_in_flight),
		cmocka_unit_test(test_invalidate_nested),
		cmocka_unit_test(test_unmap_under_copy),
		cmocka_unit_test(test_stop_in_flight),
		cmocka_unit_test(test_stop_between_slices),
		cmocka_unit_test(test_stop_waiting),
		cmocka_unit_test(test_bad_doorbell_in_flight),
		cmocka_unit_test(test_suspend),
		cmocka_unit_test(test_reset_idle),
		cmocka_unit_test(test_reset_in_flight),
		cmocka_unit_test(test_reset_in_reset),
		cmocka_unit_test(test_reset_two_engines),
	};

	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
