// SPDX-License-Identifier: MIT
/* Modules: how they come up, are pulled, plugged, switched off, and what hangs in them. */
#include "fabric_internal.h"
#include "fabric_rig.h"

#define SECOND		SFAB_OPTICS_TICK_NS
#define MODULE_STATE(m)	((m) >> 4 & 0xf)
#define MODULE_FAULT(m)	((m) >> 8 & 0xff)

/* Port 1 of a and port 0 of b, joined. */
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

static void inject(struct node *node, unsigned int port, enum sfab_inject kind,
		   int32_t value)
{
	const struct sfab_injection i = { kind, port, SFAB_INJECT_ALL, SFAB_INJECT_ALL, value };

	assert_int_equal(sfab_fabric_inject(node->fabric, &i, NULL), 0);
	net_run(net, MS / 10);
}

static uint32_t module(void)
{
	return fr32(a, P_REG(1, MODULE));
}

static unsigned int datapath(unsigned int lane)
{
	return fr64(a, P_REG(1, DATAPATH)) >> 4 * lane & 0xf;
}

static void assert_is(enum sfab_module_state state, enum sfab_datapath path)
{
	assert_int_equal(MODULE_STATE(module()), state);
	assert_int_equal(datapath(0), path);
	assert_int_equal(datapath(7), path);
}

static void assert_port(struct node *node, unsigned int port, enum sfab_port_state state,
			enum sfab_port_reason reason)
{
	assert_int_equal(port_state(node, port), state);
	assert_int_equal(port_reason(node, port), reason);
}

static uint64_t lane_power(unsigned int lane)
{
	return fr64(a, P_REG(1, LANE_POWER) + 16 * lane);
}

/* From PwrUp to a link that is up. */
static void expect_power_up(void)
{
	assert_is(SFAB_MODULE_POWER_UP, SFAB_DATAPATH_DEACTIVATED);
	assert_port(a, 1, SFAB_PORT_TRAINING, SFAB_REASON_TRAINING);
	net_run(net, 100 * MS);
	assert_is(SFAB_MODULE_READY, SFAB_DATAPATH_INIT);
	net_run(net, 100 * MS);
	assert_is(SFAB_MODULE_READY, SFAB_DATAPATH_TX_TURN_ON);
	assert_port(b, 0, SFAB_PORT_DOWN, SFAB_REASON_NO_LIGHT);
	net_run(net, 25 * MS);
	assert_is(SFAB_MODULE_READY, SFAB_DATAPATH_ACTIVATED);
	assert_port(a, 1, SFAB_PORT_UP, SFAB_REASON_NONE);
	assert_port(b, 0, SFAB_PORT_UP, SFAB_REASON_NONE);
}

static void it_is_there_at_power_on(void **state)
{
	uint64_t serial = fr64(a, P_REG(1, MODULE_SERIAL));

	(void)state;
	assert_int_equal(module(), 1 | 3 << 4 | 1 << 16);
	assert_is(SFAB_MODULE_READY, SFAB_DATAPATH_ACTIVATED);
	assert_true(serial > 0 && serial < 1000000000000ull);
	assert_int_not_equal(serial, fr64(a, P_REG(0, MODULE_SERIAL)));
	assert_int_not_equal(serial, fr64(b, P_REG(0, MODULE_SERIAL)));
	/* Ports without a fibre have one as well. */
	assert_int_equal(fr32(a, P_REG(3, MODULE)), module());
	assert_port(a, 1, SFAB_PORT_UP, SFAB_REASON_NONE);
}

static void pulled_and_plugged(void **state)
{
	uint64_t serial = fr64(a, P_REG(1, MODULE_SERIAL)), power = lane_power(3);
	uint64_t ticks;

	(void)state;
	fw32(a, SFAB_REG_PORT_EVENT, ~0u);
	inject(a, 1, SFAB_INJECT_MODULE, 0);
	net_run(net, 5 * MS);
	assert_int_equal(fr32(a, SFAB_REG_PORT_EVENT), 2);
	assert_int_equal(module(), 1 << 16);
	assert_int_equal(fr64(a, P_REG(1, DATAPATH)), 0);
	assert_int_equal(fr64(a, P_REG(1, MODULE_SERIAL)), 0);
	assert_int_equal(fr64(a, P_REG(1, OPTICS)), 0);
	assert_int_equal(fr64(a, P_REG(1, LANE_MASKS)), 0);
	assert_int_equal(lane_power(3), 0);
	assert_port(a, 1, SFAB_PORT_DOWN, SFAB_REASON_NO_MODULE);
	assert_port(b, 0, SFAB_PORT_DOWN, SFAB_REASON_NO_LIGHT);
	ticks = fr64(a, P_REG(1, TICKS));
	net_run(net, 3 * SECOND);
	assert_int_equal(fr64(a, P_REG(1, TICKS)), ticks + 3);

	inject(a, 1, SFAB_INJECT_MODULE, 7);
	assert_int_equal(fr64(a, P_REG(1, MODULE_SERIAL)), 7);
	assert_int_equal(module() >> 16, 2);
	assert_is(SFAB_MODULE_INIT, SFAB_DATAPATH_DEACTIVATED);
	net_run(net, 100 * MS);
	expect_power_up();
	assert_int_not_equal(lane_power(3) & 0xffff, power & 0xffff);

	/* The old one is the same as it was. */
	a->fabric->port[1].faults.serial = 7;
	pthread_mutex_lock(&a->fabric->lock);
	a->fabric->port[1].faults.module = serial;
	a->fabric->port[1].faults.module_told++;
	pthread_mutex_unlock(&a->fabric->lock);
	atomic_fetch_add(&a->fabric->port[1].injected, 1);
	a->woken = true;
	net_run(net, 330 * MS);
	assert_int_equal(fr64(a, P_REG(1, MODULE_SERIAL)), serial);
	assert_int_equal(module() >> 16, 3);
	assert_int_equal(lane_power(3) & 0xffff, power & 0xffff);
	assert_port(b, 0, SFAB_PORT_UP, SFAB_REASON_NONE);
}

static void another_one_has_no_faults(void **state)
{
	(void)state;
	inject(a, 1, SFAB_INJECT_DEAD, 1);
	inject(a, 1, SFAB_INJECT_HANG, 1);
	inject(a, 1, SFAB_INJECT_AGE, 500000);
	inject(a, 1, SFAB_INJECT_MODULE, 8);
	net_run(net, 330 * MS);
	assert_port(b, 0, SFAB_PORT_UP, SFAB_REASON_NONE);
	assert_int_equal(fr64(a, P_REG(1, LANE_STATE)) >> 32 & 0xff, 0);
	/* But what is wrong with it stays wrong when it is plugged again. */
	inject(a, 1, SFAB_INJECT_DEAD, 1);
	inject(a, 1, SFAB_INJECT_MODULE, 0);
	inject(a, 1, SFAB_INJECT_MODULE, 8);
	net_run(net, 330 * MS);
	assert_int_equal(fr64(a, P_REG(1, LANE_MASKS)) >> 48, 0xff);
	assert_port(b, 0, SFAB_PORT_DOWN, SFAB_REASON_NO_LIGHT);
}

static void low_power(void **state)
{
	(void)state;
	fw32(a, P_REG(1, MODULE_CTRL), 1);
	net_run(net, MS);
	assert_is(SFAB_MODULE_POWER_DOWN, SFAB_DATAPATH_DEINIT);
	assert_port(a, 1, SFAB_PORT_DOWN, SFAB_REASON_LOW_POWER);
	net_run(net, 20 * MS);
	assert_is(SFAB_MODULE_LOW_POWER, SFAB_DATAPATH_DEACTIVATED);
	net_run(net, 2 * SECOND);
	assert_is(SFAB_MODULE_LOW_POWER, SFAB_DATAPATH_DEACTIVATED);
	assert_int_equal(lane_power(0) & 0xffffffff, 0);
	assert_true(fr64(a, P_REG(1, OPTICS)) & 0xffff);
	fw32(a, P_REG(1, MODULE_CTRL), 0);
	net_run(net, MS);
	expect_power_up();
}

static void some_lasers_are_off(void **state)
{
	(void)state;
	fw32(a, P_REG(1, MODULE_CTRL), 0xfff3fffe);
	assert_int_equal(fr32(a, P_REG(1, MODULE_CTRL)), 0xfff30000);
	fw32(a, P_REG(1, MODULE_CTRL), 0xf0 << 16);
	net_run(net, 3 * MS);
	assert_int_equal(datapath(3), SFAB_DATAPATH_ACTIVATED);
	assert_int_equal(datapath(4), SFAB_DATAPATH_INITIALIZED);
	assert_int_equal(lane_power(4) & 0xffff, 0);
	assert_int_equal(fr64(a, P_REG(1, LANE_MASKS)) >> 48, 0);	/* no fault */
	assert_port(a, 1, SFAB_PORT_DEGRADED, SFAB_REASON_NONE);
	assert_int_equal(fr32(b, P_REG(0, STATUS)) >> 16, 4);
	fw32(a, P_REG(1, MODULE_CTRL), 0);
	fw32(a, P_REG(1, CTRL), 0);
	net_run(net, 3 * MS);
	assert_is(SFAB_MODULE_READY, SFAB_DATAPATH_INITIALIZED);
	assert_port(a, 1, SFAB_PORT_DOWN, SFAB_REASON_DISABLED);
}

static void it_hangs(void **state)
{
	(void)state;
	inject(a, 1, SFAB_INJECT_HANG, 1);
	net_run(net, 5 * MS);
	assert_is(SFAB_MODULE_READY, SFAB_DATAPATH_INIT);
	assert_port(a, 1, SFAB_PORT_TRAINING, SFAB_REASON_TRAINING);
	net_run(net, 490 * MS);
	assert_int_equal(MODULE_FAULT(module()), 0);
	net_run(net, 10 * MS);
	assert_int_equal(MODULE_FAULT(module()), SFAB_MODULE_STUCK);
	assert_is(SFAB_MODULE_READY, SFAB_DATAPATH_INIT);
	assert_port(a, 1, SFAB_PORT_DOWN, SFAB_REASON_MODULE_FAULT);
	net_run(net, 5 * SECOND);
	assert_is(SFAB_MODULE_READY, SFAB_DATAPATH_INIT);
	inject(a, 1, SFAB_INJECT_HANG, 0);
	assert_is(SFAB_MODULE_READY, SFAB_DATAPATH_INIT);
	assert_int_equal(MODULE_FAULT(module()), 0);
	net_run(net, 125 * MS);
	assert_port(a, 1, SFAB_PORT_UP, SFAB_REASON_NONE);
}

static void it_gets_too_hot(void **state)
{
	(void)state;
	inject(a, 1, SFAB_INJECT_HEAT, 40000);
	net_run(net, 5 * MS);
	assert_is(SFAB_MODULE_FAULT, SFAB_DATAPATH_DEACTIVATED);
	assert_int_equal(MODULE_FAULT(module()), SFAB_MODULE_HOT);
	assert_port(a, 1, SFAB_PORT_DOWN, SFAB_REASON_MODULE_FAULT);
	inject(a, 1, SFAB_INJECT_HEAT, 0);
	assert_int_equal(MODULE_FAULT(module()), 0);
	expect_power_up();
}

static void a_partner_that_hears_nothing(void **state)
{
	(void)state;
	inject(a, 1, SFAB_INJECT_LOSS, 60000);
	net_run(net, 5 * MS);
	assert_port(a, 1, SFAB_PORT_DOWN, SFAB_REASON_NO_LIGHT);
	assert_port(b, 0, SFAB_PORT_TRAINING, SFAB_REASON_TRAINING);
	net_run(net, 10 * MS);
	assert_port(b, 0, SFAB_PORT_TRAINING, SFAB_REASON_PARTNER);
	inject(a, 1, SFAB_INJECT_LOSS, 0);
	inject(a, 1, SFAB_INJECT_UNLOCK, 1);
	net_run(net, 5 * MS);
	assert_port(a, 1, SFAB_PORT_TRAINING, SFAB_REASON_NO_LOCK);
	inject(a, 1, SFAB_INJECT_UNLOCK, 0);
	net_run(net, 5 * MS);
	assert_port(b, 0, SFAB_PORT_UP, SFAB_REASON_NONE);
}

static void it_flaps(void **state)
{
	uint64_t downs = port_counter(a, 1, SFAB_P_DOWNS);
	uint32_t relocks = fr32(a, P_REG(1, RELOCKS));

	(void)state;
	inject(a, 1, SFAB_INJECT_FLAP, 2000);
	for (unsigned int i = 1; i <= 5; i++) {
		net_run(net, 100 * MS);
		assert_port(a, 1, SFAB_PORT_DOWN, SFAB_REASON_NO_LIGHT);
		net_run(net, 900 * MS);
		assert_port(a, 1, SFAB_PORT_UP, SFAB_REASON_NONE);
		assert_int_equal(port_counter(a, 1, SFAB_P_DOWNS), downs + i);
		assert_int_equal(fr32(a, P_REG(1, RELOCKS)), relocks + i);
		net_run(net, SECOND);
	}
	net_run(net, 100 * MS);
	inject(a, 1, SFAB_INJECT_FLAP, 0);
	net_run(net, 5 * MS);
	assert_port(a, 1, SFAB_PORT_UP, SFAB_REASON_NONE);
}

static void packets_arrive_damaged(void **state)
{
	(void)state;
	b->lossy = true;
	inject(b, 0, SFAB_INJECT_DAMAGE, 100000);
	flow_start(a, 0, 2, 1000, 64);
	net_run(net, 100 * MS);
	assert_int_equal(b->received[1], 1000);
	assert_in_range(port_counter(b, 0, SFAB_P_CRC_ERRORS), 60, 160);
	assert_int_equal(port_counter(a, 1, SFAB_P_REPLAYS),
			 port_counter(b, 0, SFAB_P_CRC_ERRORS));
	/* The light has nothing to do with it. */
	assert_int_equal(fr64(b, P_REG(0, UNCORRECTABLE)), 0);
	inject(b, 0, SFAB_INJECT_DAMAGE, 0);
	fw32(b, P_REG(0, CLEAR), SFAB_P_CLEAR_COUNTERS);
	flow_start(a, 0, 2, 1000, 64);
	net_run(net, 100 * MS);
	assert_int_equal(port_counter(b, 0, SFAB_P_CRC_ERRORS), 0);
	assert_int_equal(port_counter(b, 0, SFAB_P_PACKETS_RECEIVED), 1000);
}

static void the_ber_has_its_interval(void **state)
{
	uint64_t errors, bits;

	(void)state;
	inject(b, 0, SFAB_INJECT_LOSS, 2000);
	net_run(net, 2 * SECOND);
	assert_int_equal(fr64(b, P_REG(0, BER_NS)), SECOND);
	bits = fr64(b, P_REG(0, BER_BITS));
	assert_in_range(bits, 895999990000ull, 896000010000ull);
	errors = fr64(b, P_REG(0, BER_ERRORS));
	/* All lanes are well, at 1e-5 to 1e-3 or so. */
	assert_in_range(errors, bits / 1000000, bits / 1000);
	assert_int_equal(fr32(b, P_REG(0, CAPABLE)), 0xff);
	fw32(b, P_REG(0, CLEAR), SFAB_P_CLEAR_CODEWORDS);
	assert_int_equal(fr32(b, P_REG(0, CLEAR)), SFAB_P_CLEAR_CODEWORDS);
	net_run(net, MS / 10);
	assert_int_equal(fr32(b, P_REG(0, CLEAR)), 0);
	/* Of the interval that has begun only the rest counts; the last one stays. */
	assert_int_equal(fr64(b, P_REG(0, BER_BITS)), bits);
	assert_true(fr64(b, P_REG(0, CODEWORDS)) < 100000);
	assert_true(port_counter(b, 0, SFAB_P_PACKETS_SENT) == 0);
	net_run(net, SECOND);
	assert_in_range(fr64(b, P_REG(0, BER_BITS)), 895999990000ull, 896000010000ull);
	assert_true(fr64(b, P_REG(0, CODEWORDS)) < 170000000);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_there_at_power_on),
		TEST(pulled_and_plugged),
		TEST(another_one_has_no_faults),
		TEST(low_power),
		TEST(some_lasers_are_off),
		TEST(it_hangs),
		TEST(it_gets_too_hot),
		TEST(a_partner_that_hears_nothing),
		TEST(it_flaps),
		TEST(packets_arrive_damaged),
		TEST(the_ber_has_its_interval),
	};

	return cmocka_run_group_tests_name("module", tests, NULL, NULL);
}
