// SPDX-License-Identifier: MIT
/*
 * What goes wrong with the light of a port, and what its link, its registers and its
 * partner make of that (in virtual time).
 */
#include <errno.h>

#include "fabric_internal.h"
#include "fabric_rig.h"
#include "mgmt.h"

#define SECOND		SFAB_OPTICS_TICK_NS
#define ALL		SFAB_INJECT_ALL
#define MASK(reg, at)	((reg) >> (at) & 0xffff)

/* Between port 1 of the first and port 0 of the second. */
struct two {
	struct net *net;
	struct node *a, *b;
};

/* 1 byte in ten nanoseconds. */
static void slow(struct sfab_fabric_config *config, unsigned int node)
{
	(void)node;
	config->rate_scale = 1 / 1120.0;
}

static struct two two_new(void)
{
	struct net *net = net_chain(2, slow);

	net_run(net, SECOND);
	return (struct two){ net, &net->node[0], &net->node[1] };
}

static void inject(struct node *node, unsigned int port, enum sfab_inject kind,
		   unsigned int lane, int32_t value)
{
	const struct sfab_injection i = { kind, port, ALL, lane, value };

	assert_int_equal(sfab_fabric_inject(node->fabric, &i, NULL), 0);
}

/* ---- what is read ---- */

static uint64_t reg(struct node *node, unsigned int port, unsigned int offset)
{
	return fr64(node, SFAB_PORT_BASE + port * SFAB_PORT_STRIDE + offset);
}

static uint64_t masks(struct node *node, unsigned int port)
{
	return reg(node, port, SFAB_REG_P_LANE_MASKS);
}

static unsigned int used(struct node *node, unsigned int port)
{
	return __builtin_popcount(MASK(masks(node, port), 0));
}

static unsigned int status_lanes(struct node *node, unsigned int port)
{
	return fr32(node, P_REG(port, STATUS)) >> 16;
}

static unsigned int tx_power(struct node *node, unsigned int port, unsigned int lane)
{
	return MASK(reg(node, port, SFAB_REG_P_LANE_POWER + 16 * lane), 0);
}

static unsigned int rx_power(struct node *node, unsigned int port, unsigned int lane)
{
	return MASK(reg(node, port, SFAB_REG_P_LANE_POWER + 16 * lane), 16);
}

static double bias(struct node *node, unsigned int port, unsigned int lane)
{
	return MASK(reg(node, port, SFAB_REG_P_LANE_POWER + 16 * lane), 32) * 0.002;
}

static double snr(struct node *node, unsigned int port, unsigned int lane)
{
	return MASK(reg(node, port, SFAB_REG_P_LANE_POWER + 16 * lane), 48) / 256.0;
}

static double f16(unsigned int code)
{
	double value = code & 0x7ff;

	for (unsigned int s = code >> 11; s < 24; s++)
		value /= 10;
	return value;
}

static double lane_ber(struct node *node, unsigned int port, unsigned int lane)
{
	return f16(MASK(reg(node, port, SFAB_REG_P_LANE_STATE + 16 * lane), 0));
}

static double celsius(struct node *node, unsigned int port)
{
	return (int16_t)MASK(reg(node, port, SFAB_REG_P_OPTICS), 0) / 256.0;
}

static uint64_t drawn(struct node *node, unsigned int port)
{
	return node->fabric->port[port].link.model;
}

static void assert_between(double value, double least, double most)
{
	if (value < least || value > most)
		fail_msg("%g is not between %g and %g", value, least, most);
}

static void assert_up(struct two *two, unsigned int lanes)
{
	unsigned int state = lanes == 8 ? SFAB_PORT_UP : SFAB_PORT_DEGRADED;

	assert_int_equal(port_state(two->a, 1), state);
	assert_int_equal(port_state(two->b, 0), state);
	assert_int_equal(status_lanes(two->a, 1), lanes);
	assert_int_equal(status_lanes(two->b, 0), lanes);
}

static void retrain(struct two *two)
{
	fw32(two->a, P_REG(1, CTRL), SFAB_P_CTRL_ENABLE | SFAB_P_CTRL_RETRAIN);
	net_run(two->net, 3 * MS);
}

/* What b gets of a, of what the lanes can carry. */
static double throughput(struct two *two)
{
	unsigned int before;

	two->b->lossy = true;
	flow_start(two->a, 0, 2, 1000000, 65536);
	net_run(two->net, 50 * MS);
	before = two->b->received[1];
	net_run(two->net, 500 * MS);
	two->a->flow[0].left = 0;
	return (two->b->received[1] - before) * 65536.0 / (50 * MS);
}

/* ---- nothing wrong ---- */

static void a_clean_link_draws_nothing(void **state)
{
	struct two two = two_new();
	uint64_t before = drawn(two.b, 0);

	(void)state;
	assert_up(&two, 8);
	assert_int_equal(masks(two.b, 0), 0xff);
	for (unsigned int l = 0; l < 8; l++) {
		/* 2.2 dBm less 0.16, and 3.64 dB of path; lasers differ. */
		assert_between(tx_power(two.a, 1, l), 13500, 19500);
		assert_between(rx_power(two.b, 0, l) / (double)tx_power(two.a, 1, l),
			       0.42, 0.445);
		assert_between(bias(two.a, 1, l), 99, 101);
		assert_between(snr(two.b, 0, l), 20.5, 24);
		assert_between(lane_ber(two.b, 0, l), 1 / 1e10, 1 / 1e6);
	}
	assert_between(celsius(two.a, 1), 44, 46);
	assert_between(MASK(reg(two.a, 1, SFAB_REG_P_OPTICS), 16), 32700, 33300);
	assert_between(throughput(&two), 0.95, 1.01);
	assert_int_equal(drawn(two.b, 0), before);
	assert_int_equal(port_counter(two.b, 0, SFAB_P_CRC_ERRORS), 0);
	net_free(two.net);
}

static void codewords_are_counted(void **state)
{
	struct two two = two_new();
	uint64_t ticks, codewords, sum = 0;

	(void)state;
	ticks = reg(two.b, 0, SFAB_REG_P_TICKS);
	codewords = reg(two.b, 0, SFAB_REG_P_CODEWORDS);
	net_run(two.net, 10 * SECOND);
	assert_int_equal(reg(two.b, 0, SFAB_REG_P_TICKS), ticks + 10);
	assert_between(reg(two.b, 0, SFAB_REG_P_CODEWORDS) - codewords,
		       1647058823.0, 1647058824.0);
	for (unsigned int i = 0; i < 16; i++)
		sum += reg(two.b, 0, SFAB_REG_P_HISTOGRAM + 8 * i);
	assert_int_equal(sum, reg(two.b, 0, SFAB_REG_P_CODEWORDS));
	assert_int_equal(sum - reg(two.b, 0, SFAB_REG_P_HISTOGRAM),
			 reg(two.b, 0, SFAB_REG_P_CORRECTED));
	assert_true(reg(two.b, 0, SFAB_REG_P_SYMBOLS) >=
		    reg(two.b, 0, SFAB_REG_P_CORRECTED));
	assert_int_equal(reg(two.b, 0, SFAB_REG_P_UNCORRECTABLE), 0);
	/* A port without a fibre has lasers, and nothing to count. */
	assert_true(tx_power(two.a, 2, 0) > 13000 && !rx_power(two.a, 2, 0));
	assert_int_equal(reg(two.a, 2, SFAB_REG_P_CODEWORDS), 0);
	/* Halves of registers. */
	assert_int_equal(fr32(two.b, P_REG(0, HISTOGRAM)), (uint32_t)
			 reg(two.b, 0, SFAB_REG_P_HISTOGRAM));
	net_free(two.net);
}

/* ---- faults ---- */

static void a_cut_is_dark_at_both_ends(void **state)
{
	struct two two = two_new();

	(void)state;
	net_cut(two.net, 0);
	net_run(two.net, MS);
	assert_int_equal(port_state(two.b, 0), SFAB_PORT_DOWN);
	assert_int_equal(port_reason(two.b, 0), SFAB_REASON_NO_LIGHT);
	assert_int_equal(masks(two.b, 0), 0xffull << 32 | 0xff << 16);
	assert_int_equal(rx_power(two.b, 0, 3), 0);
	assert_true(tx_power(two.b, 0, 3) > 13000);
	net_join(two.net, 0);
	net_run(two.net, MS);
	assert_up(&two, 8);
	assert_int_equal(masks(two.b, 0), 0xff);
	net_free(two.net);
}

static void a_port_that_is_off_is_dark(void **state)
{
	struct two two = two_new();

	(void)state;
	fw32(two.a, P_REG(1, CTRL), 0);
	net_run(two.net, 2 * MS);
	assert_int_equal(tx_power(two.a, 1, 0), 0);
	assert_int_equal(MASK(masks(two.a, 1), 48), 0);
	assert_int_equal(MASK(masks(two.b, 0), 16), 0xff);
	assert_int_equal(port_reason(two.b, 0), SFAB_REASON_NO_LIGHT);
	fw32(two.a, P_REG(1, CTRL), 1);
	net_run(two.net, 2 * MS);
	assert_up(&two, 8);
	net_free(two.net);
}

/* dB of a bend: what is received follows; codewords are lost at last. */
static void a_bend_dims_all_lanes(void **state)
{
	struct two two = two_new();
	unsigned int before = rx_power(two.b, 0, 4);
	uint64_t crc;

	(void)state;
	inject(two.b, 0, SFAB_INJECT_LOSS, ALL, 1000);
	net_run(two.net, MS);
	assert_between(rx_power(two.b, 0, 4) / (double)before, 0.793, 0.796);
	net_run(two.net, 2 * SECOND);
	assert_up(&two, 8);
	assert_between(lane_ber(two.b, 0, 4), 1 / 1e7, 0.0001);
	assert_true(reg(two.b, 0, SFAB_REG_P_HISTOGRAM + 8) > 10000);
	/* The other direction is another fibre. */
	assert_between(lane_ber(two.a, 1, 4), 0, 1 / 1e6);

	inject(two.b, 0, SFAB_INJECT_LOSS, ALL, 2800);
	net_run(two.net, 2 * SECOND);
	assert_up(&two, 8);
	assert_true(reg(two.b, 0, SFAB_REG_P_UNCORRECTABLE) > 100);
	assert_between(throughput(&two), 0.3, 0.99);
	crc = port_counter(two.b, 0, SFAB_P_CRC_ERRORS);
	assert_true(crc > 0);
	assert_int_equal(port_counter(two.a, 1, SFAB_P_REPLAYS), crc);

	inject(two.b, 0, SFAB_INJECT_LOSS, ALL, 20000);
	net_run(two.net, 5 * MS);
	assert_int_equal(port_state(two.b, 0), SFAB_PORT_DOWN);
	assert_int_equal(port_reason(two.b, 0), SFAB_REASON_NO_LIGHT);
	/* Who still sees light waits for the other one. */
	assert_int_equal(port_state(two.a, 1), SFAB_PORT_TRAINING);
	inject(two.b, 0, SFAB_INJECT_LOSS, ALL, 0);
	net_run(two.net, 5 * MS);
	assert_up(&two, 8);
	assert_between(rx_power(two.b, 0, 4) / (double)before, 0.98, 1.02);
	net_free(two.net);
}

/* Dim, but not dark: there is light, and no codeword in it. */
static void too_dim_never_trains(void **state)
{
	struct two two = two_new();

	(void)state;
	inject(two.b, 0, SFAB_INJECT_LOSS, ALL, 6000);
	net_run(two.net, 5 * MS);
	assert_int_equal(port_state(two.b, 0), SFAB_PORT_TRAINING);
	assert_int_equal(port_reason(two.b, 0), SFAB_REASON_NO_ALIGNMENT);
	assert_int_equal(MASK(masks(two.b, 0), 16), 0);
	assert_int_equal(port_counter(two.b, 0, SFAB_P_DOWNS), 1);
	net_run(two.net, 10 * SECOND);
	assert_int_equal(port_counter(two.b, 0, SFAB_P_DOWNS), 1);
	net_free(two.net);
}

/* Where even one lane hardly works, noise decides: it is lost, and comes back. */
static void a_marginal_link_flaps(void **state)
{
	unsigned int mdb = 2500, seconds_up = 0;
	struct two two = two_new();

	(void)state;
	for (; port_state(two.b, 0) >= SFAB_PORT_UP; mdb += 5) {
		inject(two.b, 0, SFAB_INJECT_LOSS, ALL, mdb);
		net_run(two.net, MS / 10);
	}
	for (unsigned int s = 0; s < 60; s++) {
		net_run(two.net, SECOND);
		seconds_up += port_state(two.b, 0) >= SFAB_PORT_UP;
	}
	assert_between(seconds_up, 1, 59);
	assert_between(port_counter(two.b, 0, SFAB_P_DOWNS), 2, 60);
	inject(two.b, 0, SFAB_INJECT_LOSS, ALL, 0);
	retrain(&two);
	assert_up(&two, 8);
	net_free(two.net);
}

/* Half of the lanes are given up when that carries more, and not much later. */
static void fewer_lanes_carry_more(void **state)
{
	struct two two = two_new();
	double half;
	int mdb = 2000;

	(void)state;
	for (; status_lanes(two.b, 0) == 8; mdb += 20) {
		inject(two.b, 0, SFAB_INJECT_LOSS, 5, mdb);
		net_run(two.net, MS / 10);
	}
	half = throughput(&two);
	assert_between(half, 0.45, 0.52);
	inject(two.b, 0, SFAB_INJECT_LOSS, 5, mdb - 120);
	retrain(&two);
	assert_up(&two, 8);
	assert_between(throughput(&two), half, 0.97);
	net_free(two.net);
}

static void dirt_on_one_lane(void **state)
{
	struct two two = two_new();

	(void)state;
	inject(two.b, 0, SFAB_INJECT_LOSS, 5, 2000);
	net_run(two.net, 2 * SECOND);
	assert_up(&two, 8);
	assert_true(lane_ber(two.b, 0, 5) > 100 * lane_ber(two.b, 0, 4));
	/* Replays, and then half of the lanes carry more than all. */
	inject(two.b, 0, SFAB_INJECT_LOSS, 5, 4000);
	net_run(two.net, 2 * SECOND);
	assert_up(&two, 8);
	assert_true(throughput(&two) < 0.99);
	assert_true(port_counter(two.b, 0, SFAB_P_CRC_ERRORS) > 0);
	inject(two.b, 0, SFAB_INJECT_LOSS, 5, 7000);
	net_run(two.net, 2 * MS);
	assert_up(&two, 4);
	assert_int_equal(MASK(masks(two.b, 0), 0) >> 5 & 1, 0);
	/* Not once was it down. */
	assert_int_equal(port_counter(two.b, 0, SFAB_P_DOWNS), 0);
	net_free(two.net);
}

static void a_dead_lane_halves_both_ends(void **state)
{
	struct two two = two_new();
	double whole = throughput(&two);

	(void)state;
	inject(two.a, 1, SFAB_INJECT_DEAD, 2, 1);
	net_run(two.net, 2 * MS);
	assert_up(&two, 4);
	assert_int_equal(port_counter(two.a, 1, SFAB_P_DOWNS), 0);
	assert_int_equal(MASK(masks(two.a, 1), 48), 1 << 2);
	assert_int_equal(tx_power(two.a, 1, 2), 0);
	assert_true(bias(two.a, 1, 2) == 0);
	assert_int_equal(MASK(masks(two.b, 0), 16), 1 << 2);
	assert_int_equal(used(two.b, 0), 4);
	/* a hears eight, but is sent four. */
	assert_int_equal(used(two.a, 1), 4);
	assert_between(throughput(&two) / whole, 0.48, 0.52);
	for (unsigned int l = 3; l < 8; l++)
		inject(two.a, 1, SFAB_INJECT_DEAD, l, 1);
	net_run(two.net, 4 * MS);
	assert_up(&two, 2);
	inject(two.a, 1, SFAB_INJECT_DEAD, 0, 1);
	net_run(two.net, 4 * MS);
	assert_up(&two, 1);
	inject(two.a, 1, SFAB_INJECT_DEAD, ALL, 1);
	net_run(two.net, 4 * MS);
	assert_int_equal(port_reason(two.b, 0), SFAB_REASON_NO_LIGHT);
	inject(two.a, 1, SFAB_INJECT_DEAD, ALL, 0);
	net_run(two.net, 4 * MS);
	assert_up(&two, 8);
	net_free(two.net);
}

/* A lane that works again is used again when the link trains. */
static void lanes_come_back_with_training(void **state)
{
	struct two two = two_new();

	(void)state;
	inject(two.a, 1, SFAB_INJECT_DEAD, 2, 1);
	net_run(two.net, 2 * MS);
	assert_up(&two, 4);
	inject(two.a, 1, SFAB_INJECT_DEAD, 2, 0);
	net_run(two.net, SECOND);
	assert_up(&two, 4);
	retrain(&two);
	assert_up(&two, 8);
	net_free(two.net);
}

static void a_clock_is_lost(void **state)
{
	struct two two = two_new();

	(void)state;
	inject(two.b, 0, SFAB_INJECT_UNLOCK, 6, 1);
	net_run(two.net, 2 * MS);
	assert_up(&two, 4);
	inject(two.b, 0, SFAB_INJECT_UNLOCK, ALL, 1);
	net_run(two.net, 4 * MS);
	assert_int_equal(port_state(two.b, 0), SFAB_PORT_TRAINING);
	assert_int_equal(masks(two.b, 0), 0xffull << 32);
	assert_true(rx_power(two.b, 0, 0) > 5000);
	inject(two.b, 0, SFAB_INJECT_UNLOCK, ALL, 0);
	net_run(two.net, 4 * MS);
	assert_up(&two, 8);
	net_free(two.net);
}

static void lasers_age(void **state)
{
	struct two two = two_new();
	unsigned int power = tx_power(two.a, 1, 1), received = rx_power(two.b, 0, 1);

	(void)state;
	/* A life in 100 s: the current grows, */
	inject(two.a, 1, SFAB_INJECT_AGEING, 1, 10000);
	net_run(two.net, 90 * SECOND);
	assert_between(bias(two.a, 1, 1), 125, 129);
	assert_int_equal(tx_power(two.a, 1, 1), power);
	assert_int_equal(reg(two.a, 1, SFAB_REG_P_LANE_STATE + 16) >> 32 & 0xff, 90);
	/* ... then the power falls, and the other end sees it; */
	net_run(two.net, 60 * SECOND);
	assert_between(bias(two.a, 1, 1), 129.9, 130.1);
	assert_between(tx_power(two.a, 1, 1) / (double)power, 0.75, 0.85);
	assert_between(rx_power(two.b, 0, 1) / (double)received, 0.75, 0.85);
	assert_up(&two, 8);
	/* ... at last it is a dead lane. */
	net_run(two.net, 250 * SECOND);
	assert_up(&two, 4);
	/* Another module. */
	inject(two.a, 1, SFAB_INJECT_AGEING, ALL, 0);
	inject(two.a, 1, SFAB_INJECT_AGE, ALL, 0);
	retrain(&two);
	assert_up(&two, 8);
	assert_int_equal(tx_power(two.a, 1, 1), power);
	net_free(two.net);
}

static void too_hot_switches_off(void **state)
{
	struct two two = two_new();

	(void)state;
	inject(two.a, 1, SFAB_INJECT_RAMP, ALL, 1000);
	net_run(two.net, 30 * SECOND);
	assert_between(celsius(two.a, 1), 73, 77);
	assert_between(bias(two.a, 1, 0), 114, 119);
	assert_up(&two, 8);
	net_run(two.net, 10 * SECOND);
	assert_int_equal(port_reason(two.a, 1), SFAB_REASON_MODULE_FAULT);
	assert_int_equal(port_reason(two.b, 0), SFAB_REASON_NO_LIGHT);
	assert_int_equal(reg(two.a, 1, SFAB_REG_P_OPTICS) >> 48 & 2, 2);
	assert_int_equal(rx_power(two.a, 1, 0), 0);
	/* It comes back cooler than it went. */
	inject(two.a, 1, SFAB_INJECT_RAMP, ALL, 0);
	inject(two.a, 1, SFAB_INJECT_HEAT, ALL, 32000);
	net_run(two.net, SECOND);
	assert_int_equal(port_reason(two.a, 1), SFAB_REASON_MODULE_FAULT);
	inject(two.a, 1, SFAB_INJECT_HEAT, ALL, 0);
	net_run(two.net, 230 * MS);
	assert_up(&two, 8);
	assert_between(celsius(two.a, 1), 44, 46);
	net_free(two.net);
}

/* What a loopback hears has gone through no fibre. */
static void a_loopback_has_no_path(void **state)
{
	struct two two = two_new();

	(void)state;
	inject(two.a, 1, SFAB_INJECT_LOSS, ALL, 30000);
	fw32(two.a, P_REG(1, CTRL), SFAB_P_CTRL_ENABLE | SFAB_P_CTRL_LOOPBACK);
	net_run(two.net, 2 * MS);
	assert_int_equal(port_state(two.a, 1), SFAB_PORT_UP);
	assert_between(rx_power(two.a, 1, 0) / (double)tx_power(two.a, 1, 0), 0.98, 1.02);
	inject(two.a, 1, SFAB_INJECT_DEAD, 7, 1);
	net_run(two.net, 2 * MS);
	assert_int_equal(port_state(two.a, 1), SFAB_PORT_DEGRADED);
	net_free(two.net);
}

/* A fault belongs to its light path. */
static void another_path_is_another_fibre(void **state)
{
	struct two two = two_new();
	const struct sfab_injection bend = { SFAB_INJECT_LOSS, 0, 0, ALL, 30000 };
	struct cable *cable = &two.net->cable[1];

	(void)state;
	net_cable(two.net, 0, 1, 1, 0);
	sfab_fabric_attach(two.a->fabric, 1, 0, two.net->cable[0].view[0], 0);
	sfab_fabric_attach(two.b->fabric, 0, 0, two.net->cable[0].view[1], 1);
	cable->path[0] = 1;
	cable->path[1] = 1;
	net_join(two.net, 1);
	sfab_fabric_inject(two.b->fabric, &bend, NULL);
	net_run(two.net, 5 * MS);
	assert_int_equal(port_state(two.b, 0), SFAB_PORT_DOWN);
	fw32(two.a, P_REG(1, CTRL), SFAB_P_CTRL_ENABLE | 1 << 4);
	fw32(two.b, P_REG(0, CTRL), SFAB_P_CTRL_ENABLE | 1 << 4);
	net_run(two.net, 5 * MS);
	assert_up(&two, 8);
	net_free(two.net);
}

/* ---- determinism ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 0x100000001b3ull;
}

static uint64_t hash_port(uint64_t hash, struct node *node, unsigned int port)
{
	for (unsigned int r = 0; r < 16; r++)
		hash = mix(hash, port_counter(node, port, r));
	for (unsigned int r = 0x200; r < 0x400; r += 8)
		hash = mix(hash, reg(node, port, r));
	return mix(hash, fr32(node, P_REG(port, STATUS)));
}

static uint64_t seed_of_traces;

static void seeded(struct sfab_fabric_config *config, unsigned int node)
{
	slow(config, node);
	config->seed = seed_of_traces;
}

/* A script of faults under traffic, and all that was seen of it. */
static uint64_t trace(uint64_t seed)
{
	static const struct {
		enum sfab_inject kind;
		unsigned int lane;
		int32_t value;
	} script[] = {
		{ SFAB_INJECT_LOSS, ALL, 2750 }, { SFAB_INJECT_LOSS, 3, 5200 },
		{ SFAB_INJECT_AGEING, 1, 40000 }, { SFAB_INJECT_RAMP, ALL, 900 },
		{ SFAB_INJECT_LOSS, ALL, 2900 }, { SFAB_INJECT_UNLOCK, 6, 1 },
		{ SFAB_INJECT_LOSS, ALL, 0 }, { SFAB_INJECT_DEAD, 0, 1 },
	};
	uint64_t hash = 0xcbf29ce484222325ull;
	struct two two;

	seed_of_traces = seed;
	two.net = net_chain(2, seeded);
	two.a = &two.net->node[0];
	two.b = &two.net->node[1];
	two.b->lossy = true;
	flow_start(two.a, 0, 2, 1000000, 30000);
	for (unsigned int i = 0; i < sizeof(script) / sizeof(script[0]); i++) {
		inject(two.b, 0, script[i].kind, script[i].lane, script[i].value);
		for (unsigned int k = 0; k < 7; k++) {
			net_run(two.net, 43 * MS);
			hash = hash_port(hash_port(hash, two.a, 1), two.b, 0);
		}
	}
	assert_true(port_counter(two.b, 0, SFAB_P_CRC_ERRORS) > 0);
	net_free(two.net);
	return hash;
}

static void same_seed_same_trace(void **state)
{
	uint64_t one = trace(1);

	(void)state;
	assert_int_equal(trace(1), one);
	assert_int_not_equal(trace(2), one);
}

/* ---- others ---- */

static void bad_faults_are_refused(void **state)
{
	static const struct sfab_injection bad[] = {
		{ SFAB_INJECT_FLAP + 1, 0, 0, 0, 0 },
		{ SFAB_INJECT_FLAP, 0, 0, 0, 299 },
		{ SFAB_INJECT_MODULE, 0, 0, 0, -1 },
		{ SFAB_INJECT_HANG, 0, 0, 0, 2 },
		{ SFAB_INJECT_DAMAGE, 0, 0, 0, 1000001 },
		{ SFAB_INJECT_LOSS, 4, 0, 0, 0 },
		{ SFAB_INJECT_LOSS, 0, 2, 0, 0 },
		{ SFAB_INJECT_LOSS, 0, 0, 8, 0 },
		{ SFAB_INJECT_LOSS, 0, 0, 0, 60001 },
		{ SFAB_INJECT_LOSS, 0, 0, 0, -1 },
		{ SFAB_INJECT_DEAD, 0, 0, 0, 2 },
		{ SFAB_INJECT_HEAT, 0, 0, 0, -60001 },
	};
	struct two two = two_new();

	(void)state;
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *why = NULL;

		assert_int_equal(sfab_fabric_inject(two.b->fabric, &bad[i], &why), -EINVAL);
		assert_non_null(why);
	}
	net_run(two.net, SECOND);
	assert_int_equal(masks(two.b, 0), 0xff);
	net_free(two.net);
}

/* Ask node 2 for a block of readings; the status. */
static unsigned int ask(struct node *node, uint32_t modifier, struct sfab_datagram *d)
{
	const struct sfab_datagram question = {
		.version = 1, .method = SFAB_MGMT_GET, .attribute = SFAB_ATTR_OPTICS,
		.dst = 2, .modifier = modifier,
	};
	uint32_t *word = (uint32_t *)d;

	memcpy(d, &question, sizeof(*d));
	for (unsigned int i = 0; i < sizeof(*d) / 4; i++)
		fw32(node, SFAB_REG_MGMT_TX + 4 * i, word[i]);
	fw32(node, SFAB_REG_MGMT_CTRL, SFAB_MGMT_CTRL_SEND);
	net_run(node->net, MS);
	for (unsigned int i = 0; i < sizeof(*d) / 4; i++)
		word[i] = fr32(node, SFAB_REG_MGMT_RX + 4 * i);
	fw32(node, SFAB_REG_MGMT_CTRL, SFAB_MGMT_CTRL_NEXT);
	assert_int_equal(d->method, SFAB_MGMT_GET | SFAB_MGMT_RESPONSE);
	return d->status;
}

static void readings_travel_in_band(void **state)
{
	struct two two = two_new();
	struct sfab_datagram d;

	(void)state;
	for (unsigned int block = 0; block < 4; block++) {
		assert_int_equal(ask(two.a, block << 16, &d), SFAB_MGMT_OK);
		for (unsigned int i = 0; i < 16; i++)
			assert_int_equal(d.word[i], reg(two.b, 0, 0x200 + block * 128 + 8 * i));
	}
	assert_int_equal(ask(two.a, 4 << 16, &d), SFAB_MGMT_BAD_VALUE);
	assert_int_equal(ask(two.a, 4, &d), SFAB_MGMT_BAD_VALUE);
	net_free(two.net);
}

/* A partner that flickers as fast as it can costs a look in each millisecond. */
static void flicker_is_not_followed(void **state)
{
	struct two two = two_new();
	struct sfab_fibre_sender *page = &two.net->cable[0].memory[0].sender;
	unsigned int events = two.b->port_events;

	(void)state;
	two.a->dead = true;
	for (unsigned int i = 0; i < 1000; i++) {
		atomic_store(&page->lanes, i % 2 ? 8 : 4);
		atomic_fetch_add(&page->launch, 1);
		two.b->rung = true;
		net_run(two.net, MS / 100);
	}
	assert_between(two.b->port_events - events, 1, 12);
	net_free(two.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_link_draws_nothing),
		cmocka_unit_test(codewords_are_counted),
		cmocka_unit_test(a_cut_is_dark_at_both_ends),
		cmocka_unit_test(a_port_that_is_off_is_dark),
		cmocka_unit_test(a_bend_dims_all_lanes),
		cmocka_unit_test(too_dim_never_trains),
		cmocka_unit_test(a_marginal_link_flaps),
		cmocka_unit_test(fewer_lanes_carry_more),
		cmocka_unit_test(dirt_on_one_lane),
		cmocka_unit_test(a_dead_lane_halves_both_ends),
		cmocka_unit_test(lanes_come_back_with_training),
		cmocka_unit_test(a_clock_is_lost),
		cmocka_unit_test(lasers_age),
		cmocka_unit_test(too_hot_switches_off),
		cmocka_unit_test(a_loopback_has_no_path),
		cmocka_unit_test(another_path_is_another_fibre),
		cmocka_unit_test(same_seed_same_trace),
		cmocka_unit_test(bad_faults_are_refused),
		cmocka_unit_test(readings_travel_in_band),
		cmocka_unit_test(flicker_is_not_followed),
	};

	return cmocka_run_group_tests_name("port_optics", tests, NULL, NULL);
}
