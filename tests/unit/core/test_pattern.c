// SPDX-License-Identifier: MIT
/* Pattern tests: both ends, loopbacks near and far, what they count, and that they end. */
#include "fabric_internal.h"
#include "fabric_rig.h"
#include "smath.h"

#define SECOND		SFAB_OPTICS_TICK_NS
#define RUN(role)	(SFAB_P_TEST_RUN | (role) << SFAB_P_TEST_ROLE_SHIFT)
#define BITS		112000000000ull	/* of a lane, in a second */

static struct net *net;
static struct node *a, *b;

static int setup(void **state)
{
	(void)state;
	net = net_chain(2, NULL);
	a = &net->node[0];
	b = &net->node[1];
	net_run(net, 5 * MS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	net_free(net);
	return 0;
}

static void loss(struct node *node, unsigned int port, unsigned int lane, int32_t mdb)
{
	const struct sfab_injection i = { SFAB_INJECT_LOSS, port, SFAB_INJECT_ALL, lane, mdb };

	assert_int_equal(sfab_fabric_inject(node->fabric, &i, NULL), 0);
	net_run(net, 5 * MS);
}

static void test(uint32_t of_a, uint32_t of_b)
{
	fw32(a, P_REG(1, TEST), of_a);
	fw32(b, P_REG(0, TEST), of_b);
	net_run(net, 5 * MS);
}

static uint64_t errors(struct node *node, unsigned int port, unsigned int lane)
{
	return fr64(node, P_REG(port, TEST_ERRORS) + 8 * lane);
}

/* Within the 99 % interval of what the model says. */
static void assert_drawn(uint64_t wrong, uint64_t bits, double ber)
{
	double mean = bits * ber, bound = 2.58 * sfab_sqrt(mean) + 1;

	if (wrong < mean - bound || wrong > mean + bound)
		fail_msg("%llu of %llu, not %g", (unsigned long long)wrong,
			 (unsigned long long)bits, mean);
}

static double model(struct node *node, unsigned int port, unsigned int lane)
{
	return node->fabric->port[port].optics.lane[lane].ber;
}

static void both_ends(void **state)
{
	double ber;

	(void)state;
	loss(b, 0, SFAB_INJECT_ALL, 1800);
	test(RUN(SFAB_TEST_PARTNER), RUN(SFAB_TEST_PARTNER));
	assert_int_equal(port_state(a, 1), SFAB_PORT_TRAINING);
	assert_int_equal(port_reason(a, 1), SFAB_REASON_TEST);
	assert_int_equal(port_reason(b, 0), SFAB_REASON_TEST);
	assert_int_equal(fr32(b, P_REG(0, TEST_STATUS)), 0x100ff);
	ber = model(b, 0, 2);
	/* Up to the first interval's end its noise is the same. */
	net_run(net, 900 * MS);
	fw32(b, P_REG(0, TEST), 0);
	net_run(net, MS);
	assert_in_range(fr64(b, P_REG(0, TEST_BITS)), BITS / 10 * 8, BITS);
	assert_int_equal(fr64(b, P_REG(0, TEST_NS)) / 1000000, 905);
	assert_drawn(errors(b, 0, 2), fr64(b, P_REG(0, TEST_BITS)), ber);
	assert_int_equal(errors(b, 0, 8), 0);
	assert_int_equal(fr32(b, P_REG(0, TEST_STATUS)), 0);
	/* One end alone hears no pattern; the link comes back when both have ended. */
	assert_int_equal(fr32(a, P_REG(1, TEST_STATUS)), 0x10000);
	fw32(a, P_REG(1, TEST), 0);
	net_run(net, 5 * MS);
	assert_int_equal(port_state(a, 1), SFAB_PORT_UP);
	assert_int_equal(port_state(b, 0), SFAB_PORT_UP);
}

static void patterns_differ(void **state)
{
	(void)state;
	test(RUN(SFAB_TEST_PARTNER), RUN(SFAB_TEST_PARTNER) | 5 << 1);
	assert_int_equal(fr32(b, P_REG(0, TEST_STATUS)), 0x10000);
	test(RUN(SFAB_TEST_PARTNER) | 5 << 1, RUN(SFAB_TEST_PARTNER) | 5 << 1);
	assert_int_equal(fr32(b, P_REG(0, TEST_STATUS)), 0x100ff);
	assert_false(sfab_fabric_write(b->fabric, P_REG(0, TEST), 6 << 1, 4));
	loss(b, 0, 4, 20000);
	assert_int_equal(fr32(b, P_REG(0, TEST_STATUS)), 0x100ef);
}

static void near_end(void **state)
{
	(void)state;
	loss(a, 1, SFAB_INJECT_ALL, 60000);
	test(RUN(SFAB_TEST_NEAR), 0);
	assert_int_equal(fr32(a, P_REG(1, TEST_STATUS)), 0x100ff);
	assert_true(model(a, 1, 0) * 1000000000 < 1);
	/* Where there is no fibre, too. */
	fw32(a, P_REG(3, TEST), RUN(SFAB_TEST_NEAR));
	net_run(net, MS);
	assert_int_equal(port_reason(a, 3), SFAB_REASON_TEST);
	assert_int_equal(fr32(a, P_REG(3, TEST_STATUS)), 0x100ff);
	/* A reset ends it. */
	sfab_fabric_reset(a->fabric);
	net_run(net, 5 * MS);
	assert_int_equal(fr32(a, P_REG(1, TEST)), RUN(SFAB_TEST_NEAR) & ~SFAB_P_TEST_RUN);
	assert_int_equal(fr32(a, P_REG(1, TEST_STATUS)), 0);
	assert_int_equal(port_reason(a, 1), SFAB_REASON_NO_LIGHT);
}

/* Errors of both directions are seen. */
static void far_end(void **state)
{
	double there, here;

	(void)state;
	loss(b, 0, SFAB_INJECT_ALL, 1900);
	loss(a, 1, SFAB_INJECT_ALL, 1700);
	test(RUN(SFAB_TEST_FAR), 0);
	assert_int_equal(fr32(a, P_REG(1, TEST_STATUS)), 0x10000);
	test(RUN(SFAB_TEST_FAR), RUN(SFAB_TEST_REFLECT));
	assert_int_equal(fr32(a, P_REG(1, TEST_STATUS)), 0x100ff);
	assert_int_equal(fr32(b, P_REG(0, TEST_STATUS)), 0x10000);
	there = model(b, 0, 6);
	here = model(a, 1, 6);
	net_run(net, 900 * MS);
	fw32(a, P_REG(1, TEST), 0);
	net_run(net, MS);
	/* What the other end tells has three digits. */
	assert_true(there > here);
	assert_in_range(errors(a, 1, 6), fr64(a, P_REG(1, TEST_BITS)) * (there + here) * 0.99,
			fr64(a, P_REG(1, TEST_BITS)) * (there + here) * 1.01);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_ends),
		TEST(patterns_differ),
		TEST(near_end),
		TEST(far_end),
	};

	return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
