// SPDX-License-Identifier: MIT
/*
 * What queues do when the way of their requests is lost: go another, wait, fail; and for how
 * long at most. Node 0 writes to node 1, its neighbour; the other way leads through node 2.
 */
#include "supernode.h"

#define FAR		VA_FAR(1)
#define NEAR		(VA_HBM + HBM_DATA)
#define DIRECT		0	/* cable from node 0 to node 1 */

#define POLICY(name)	SFAB_Q_POLICY_##name
#define LIMIT(ms)	((uint32_t)(ms) << SFAB_Q_POLICY_LIMIT_SHIFT)

static struct supernode *sn;
static struct rig *a, *b;

/* Queue @q has its second mebibytes for itself. */
static struct cmd put(unsigned int q)
{
	return (struct cmd) {
		.opcode = SFAB_CMD_COPY, .dst = FAR + q * 2 * MIB, .src = NEAR, .len = 2 * MIB,
	};
}

static void set_policy(struct rig *rig, unsigned int q, uint32_t policy)
{
	wr32(rig, Q_REG(q, Q_CTRL), SFAB_Q_CTRL_RESET);
	wr32(rig, Q_REG(q, Q_POLICY), policy);
	wr32(rig, Q_REG(q, Q_CTRL), SFAB_Q_CTRL_ENABLE);
	assert_int_equal(rd32(rig, Q_REG(q, Q_CTRL)), SFAB_Q_CTRL_ENABLE);
}

static void begin(unsigned int nodes, uint32_t policy)
{
	sn = sn_new(nodes);
	sn_share(sn);
	a = sn->rig[0];
	b = sn->rig[1];
	rig_fill_random(a->hbm + HBM_DATA, 2 * MIB, 5);
	set_policy(a, 0, policy);
}

static void submit(unsigned int q)
{
	struct cmd c = put(q);

	memset(b->hbm + SHARED + q * 2 * MIB, 0, 2 * MIB);
	rig_submit(a, q, &c);
}

static bool arrived(unsigned int q)
{
	return !memcmp(b->hbm + SHARED + q * 2 * MIB, a->hbm + HBM_DATA, 2 * MIB);
}

static uint32_t fault(unsigned int q)
{
	return rd32(a, Q_REG(q, Q_FAULT));
}

static bool idle(unsigned int q)
{
	return rd32(a, Q_REG(q, Q_STATUS)) & SFAB_Q_STATUS_IDLE;
}

static void expect_done(unsigned int q)
{
	assert_true(sn_wait(sn, a, q, 10000 * MS));
	assert_int_equal(fault(q), 0);
	assert_true(arrived(q));
}

/* Queue @q halts with @status, after at least and less than so long. */
static void expect_failed(unsigned int q, enum sfab_status status, uint64_t least, uint64_t most)
{
	uint64_t start = sn->clock;

	assert_true(sn_wait(sn, a, q, 100000 * MS));
	assert_int_equal(fault(q), SFAB_Q_FAULT_VALID | status << SFAB_Q_FAULT_STATUS_SHIFT |
			 SFAB_ACCESS_WRITE << 16 | SFAB_CMD_COPY << 8 | SFAB_FAULT_FABRIC);
	assert_in_range(sn->clock - start, least, most - 1);
}

static uint64_t forwarded(void)
{
	return rd64(sn->rig[sn->nodes - 1], SFAB_REG_COUNTER_15);
}

/* ---- a fibre is cut below the writes ---- */

static unsigned int written, cut_at;

static void count_written(struct rig *rig)
{
	(void)rig;
	written++;
}

static void cut_when_written(struct supernode *s)
{
	if (written < cut_at)
		return;
	s->between = NULL;
	sn_cut(s, DIRECT);
}

/* Runs until so many writes have come and the fibre is cut. */
static void cut_after(unsigned int writes)
{
	written = 0;
	cut_at = writes;
	b->on_written = count_written;
	sn->between = cut_when_written;
	for (unsigned int i = 0; i < 1000 && sn->between; i++)
		sn_run(sn, MS / 100);
	assert_null(sn->between);
}

/* ---- registers ---- */

static void test_register(void **state)
{
	static const uint32_t bad[] = { 3, 4, 0x100, LIMIT(60001), LIMIT(0xffff) | 1 };
	struct rig *plain = rig_new();
	unsigned int errors;

	(void)state;
	begin(1, POLICY(REROUTE));
	assert_true(rd64(a, SFAB_REG_CAPS) & SFAB_CAPS_POLICY);
	set_policy(a, 0, POLICY(FAIL) | LIMIT(60000));
	assert_int_equal(rd32(a, Q_REG(0, Q_POLICY)), POLICY(FAIL) | LIMIT(60000));
	errors = a->guest_errors;
	wr32(a, Q_REG(0, Q_POLICY), 0);
	assert_int_equal(a->guest_errors, errors + 1);
	assert_int_equal(rd32(a, Q_REG(0, Q_POLICY)), POLICY(FAIL) | LIMIT(60000));
	wr32(a, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_RESET);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		wr32(a, Q_REG(0, Q_POLICY), bad[i]);
		wr32(a, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_ENABLE);
		assert_int_equal(rd32(a, Q_REG(0, Q_CTRL)), 0);
	}
	wr32(a, SFAB_REG_RESET, SFAB_RESET_MAGIC);
	assert_int_equal(rd32(a, Q_REG(0, Q_POLICY)), 0);
	sn_free(sn);

	assert_false(rd64(plain, SFAB_REG_CAPS) & SFAB_CAPS_POLICY);
	errors = plain->guest_errors;
	wr32(plain, Q_REG(0, Q_POLICY), 1);
	assert_int_equal(rd32(plain, Q_REG(0, Q_POLICY)), 0);
	assert_int_equal(plain->guest_errors, errors + 2);
	rig_free(plain);
}

/* ---- fail ---- */

static void test_fail_in_flight(void **state)
{
	(void)state;
	begin(3, POLICY(FAIL));
	submit(0);
	cut_after(10);
	/* At once, although there is another way and all the time in the world. */
	expect_failed(0, SFAB_STATUS_NO_ROUTE, 0, 20 * MS);
	/* The next one goes there. */
	set_policy(a, 0, POLICY(FAIL));
	submit(0);
	expect_done(0);
	assert_true(forwarded() > 0);
	sn_free(sn);
}

static void test_fail_without_any_way(void **state)
{
	(void)state;
	begin(2, POLICY(FAIL));
	sn_cut(sn, 0);
	sn_cut(sn, 1);
	sn_run(sn, 10 * MS);
	for (unsigned int i = 0; i < 3; i++) {
		submit(0);
		expect_failed(0, SFAB_STATUS_NO_ROUTE, 0, MS);
		set_policy(a, 0, POLICY(FAIL));
	}
	sn_join(sn, 1);
	sn_run(sn, 10 * MS);
	submit(0);
	expect_done(0);
	sn_free(sn);
}

/* The link that is lost is not ours: a router on the way tells. */
static void test_fail_farther_on(void **state)
{
	struct cmd c = { .opcode = SFAB_CMD_WRITE, .dtype = 8, .dst = VA_FAR(2), .arg0 = 1 };

	(void)state;
	begin(4, POLICY(FAIL));
	sn_do(sn, a, &c);
	/* From node 0 to node 2 two ways are as long. */
	sn_cut(sn, 1);
	sn_cut(sn, 2);
	sn_run(sn, 10 * MS);
	rig_submit(a, 0, &c);
	assert_true(sn_wait(sn, a, 0, 10 * MS));
	assert_int_equal(fault(0) >> SFAB_Q_FAULT_STATUS_SHIFT & SFAB_Q_FAULT_STATUS_MASK,
			 SFAB_STATUS_NO_ROUTE);
	sn_free(sn);
}

/* Who reroutes in the same flow goes on, and misses nothing. */
static void test_fail_beside_reroute(void **state)
{
	(void)state;
	begin(3, POLICY(FAIL));
	submit(0);
	submit(1);
	cut_after(10);
	expect_failed(0, SFAB_STATUS_NO_ROUTE, 0, 20 * MS);
	expect_done(1);
	sn_free(sn);
}

/* ---- wait ---- */

static void test_wait(void **state)
{
	(void)state;
	begin(3, POLICY(WAIT));
	submit(0);
	cut_after(10);
	sn_run(sn, 1000 * MS);
	assert_false(idle(0));
	assert_int_equal(fault(0), 0);
	sn_join(sn, DIRECT);
	expect_done(0);
	assert_int_equal(forwarded(), 0);
	/* And before anything was sent. */
	sn_cut(sn, DIRECT);
	sn_run(sn, 10 * MS);
	submit(0);
	sn_run(sn, 1000 * MS);
	assert_false(idle(0));
	sn_join(sn, DIRECT);
	expect_done(0);
	assert_int_equal(forwarded(), 0);
	sn_free(sn);
}

static void test_wait_in_vain(void **state)
{
	(void)state;
	begin(3, POLICY(WAIT) | LIMIT(300));
	sn_cut(sn, DIRECT);
	sn_run(sn, 10 * MS);
	submit(0);
	expect_failed(0, SFAB_STATUS_NO_ROUTE, 300 * MS, 320 * MS);
	assert_int_equal(forwarded(), 0);
	sn_free(sn);
}

/* Longer than OP_TIMEOUT. */
static void test_wait_long(void **state)
{
	(void)state;
	begin(2, POLICY(WAIT) | LIMIT(9000));
	submit(0);
	cut_after(10);
	sn_run(sn, 8000 * MS);
	assert_false(idle(0));
	assert_int_equal(fault(0), 0);
	sn_join(sn, DIRECT);
	expect_done(0);
	sn_free(sn);
}

/* A window full of requests that wait holds up nobody who does not. */
static void test_wait_beside(uint32_t other)
{
	begin(3, POLICY(WAIT) | LIMIT(60000));
	set_policy(a, 1, other);
	sn_cut(sn, DIRECT);
	sn_run(sn, 10 * MS);
	submit(0);
	sn_run(sn, 100 * MS);
	assert_false(idle(0));
	submit(1);
	expect_done(1);
	expect_done(0);
	assert_true(forwarded() > 0);
	sn_free(sn);
}

static void test_wait_beside_reroute(void **state)
{
	(void)state;
	test_wait_beside(POLICY(REROUTE));
}

static void test_wait_beside_fail(void **state)
{
	(void)state;
	test_wait_beside(POLICY(FAIL));
}

/* ... and without any way at all whoever is to fail does, behind a window that is full. */
static void test_wait_before_fail(void **state)
{
	(void)state;
	begin(2, POLICY(WAIT) | LIMIT(60000));
	set_policy(a, 1, POLICY(FAIL));
	sn_cut(sn, 0);
	sn_cut(sn, 1);
	sn_run(sn, 10 * MS);
	submit(0);
	sn_run(sn, 100 * MS);
	submit(1);
	expect_failed(1, SFAB_STATUS_NO_ROUTE, 0, MS);
	assert_false(idle(0));
	sn_join(sn, 0);
	expect_done(0);
	sn_free(sn);
}

/* ---- limits ---- */

static void test_limits(void **state)
{
	const struct cmd small = {
		.opcode = SFAB_CMD_WRITE, .dtype = 8, .dst = FAR, .arg0 = 1,
	};

	(void)state;
	begin(2, POLICY(REROUTE) | LIMIT(100));
	set_policy(a, 1, POLICY(REROUTE) | LIMIT(30000));
	submit(0);
	expect_done(0);
	sn_cut(sn, 0);
	sn_cut(sn, 1);
	sn_run(sn, 10 * MS);
	submit(1);
	submit(0);
	expect_failed(0, SFAB_STATUS_NO_ROUTE, 100 * MS, 110 * MS);
	/* The longest of all does not end for the shorter ones. */
	set_policy(a, 0, POLICY(REROUTE));
	submit(0);
	expect_failed(0, SFAB_STATUS_NO_ROUTE, 2000 * MS, 2100 * MS);
	assert_int_equal(fault(1), 0);
	sn_join(sn, 0);
	expect_done(1);
	/* Nor when all requests have room, and the longest is the first. */
	sn_cut(sn, 0);
	sn_run(sn, 10 * MS);
	set_policy(a, 0, POLICY(REROUTE) | LIMIT(100));
	rig_submit(a, 1, &small);
	sn_run(sn, MS);
	rig_submit(a, 0, &small);
	assert_true(sn_wait(sn, a, 0, 110 * MS));
	assert_int_equal(fault(0) & SFAB_Q_FAULT_CAUSE_MASK, SFAB_FAULT_FABRIC);
	assert_false(idle(1));
	sn_join(sn, 0);
	assert_true(sn_wait(sn, a, 1, 10000 * MS));
	assert_int_equal(fault(1), 0);
	/* What fails on its own, and is not lost. */
	sfab_core_pause(b->core, true);
	set_policy(a, 0, POLICY(REROUTE) | LIMIT(100));
	submit(0);
	expect_failed(0, SFAB_STATUS_TIMEOUT, 100 * MS, 110 * MS);
	sfab_core_pause(b->core, false);
	sn_free(sn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_register),
		cmocka_unit_test(test_fail_in_flight),
		cmocka_unit_test(test_fail_without_any_way),
		cmocka_unit_test(test_fail_farther_on),
		cmocka_unit_test(test_fail_beside_reroute),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_wait_in_vain),
		cmocka_unit_test(test_wait_long),
		cmocka_unit_test(test_wait_beside_reroute),
		cmocka_unit_test(test_wait_beside_fail),
		cmocka_unit_test(test_wait_before_fail),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
