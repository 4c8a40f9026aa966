// SPDX-License-Identifier: MIT
/* Who gets how much of a link, when links have a rate (in virtual time). */
#include "fabric_rig.h"

/* 1 byte in a nanosecond: 896 Gb/s are 112. */
static void one_gb(struct sfab_fabric_config *config, unsigned int node)
{
	(void)node;
	config->rate_scale = 1 / 112.0;
}

static void one_gb_with_errors(struct sfab_fabric_config *config, unsigned int node)
{
	one_gb(config, node);
	config->crc_errors = 200000;
}

static void assert_within(double value, double wanted, double part)
{
	if (value < wanted * (1 - part) || value > wanted * (1 + part))
		fail_msg("%g is not within %g %% of %g", value, part * 100, wanted);
}

static double link_bytes(unsigned int packets, uint32_t payload)
{
	return (double)packets * sfab_frame_bytes(payload);
}

static void a_link_has_its_rate(void **state)
{
	static const uint32_t sizes[] = { 65536, 4096, 64 };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct net *net = net_chain(3, one_gb);

		flow_start(&net->node[0], 0, 3, 1000000, sizes[i]);
		net_run(net, 50 * MS);
		assert_within(link_bytes(net->node[2].received[1], sizes[i]),
			      50 * MS, 0.05);
		net_free(net);
	}
}

static struct sfab_fabric_config wanted;

static void as_wanted(struct sfab_fabric_config *config, unsigned int node)
{
	(void)node;
	config->lanes = wanted.lanes;
	config->lane_rate = wanted.lane_rate;
	config->rate_scale = wanted.rate_scale;
}

static void a_rate_is_lanes_times_scale(void **state)
{
	static const struct sfab_fabric_config cases[] = {
		{ .lanes = 2, .lane_rate = 112, .rate_scale = 1 / 448.0 },
		{ .lanes = 8, .lane_rate = 112, .rate_scale = 1 / 448.0 },
		{ .lanes = 8, .lane_rate = 224, .rate_scale = 1 / 448.0 },
		{ .lanes = 16, .lane_rate = 112, .rate_scale = 1 / 224.0 },
	};

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct net *net;
		double rate;

		wanted = cases[i];
		rate = wanted.lanes * wanted.lane_rate / 8.0 * wanted.rate_scale;
		net = net_chain(2, as_wanted);
		flow_start(&net->node[0], 0, 2, 1000000, 4096);
		net_run(net, 100 * MS);
		assert_within(link_bytes(net->node[1].received[1], 4096), 100 * MS * rate,
			      0.05);
		net_free(net);
	}
}

/* Also a link that owes tokens when nobody counts them any more. */
static void a_rate_changes_at_run_time(void **state)
{
	struct net *net = net_chain(2, one_gb);
	unsigned int *got = &net->node[1].received[1], before;

	(void)state;
	flow_start(&net->node[0], 0, 2, 2000, 65536);
	net_run(net, 50 * MS);
	assert_within(link_bytes(*got, 65536), 50 * MS, 0.05);
	sfab_fabric_pace(net->node[0].fabric, 1 / 448.0);
	net_run(net, MS);
	before = *got;
	net_run(net, 50 * MS);
	assert_within(link_bytes(*got - before, 65536), 50 * MS / 4.0, 0.05);
	sfab_fabric_pace(net->node[0].fabric, 0);
	net_run(net, MS);
	assert_int_equal(*got, 2000);
	net_free(net);
}

static void replays_cost_time(void **state)
{
	struct net *net = net_chain(2, one_gb_with_errors);
	unsigned int replays;
	double once;

	(void)state;
	flow_start(&net->node[0], 0, 2, 1000000, 65536);
	net_run(net, 500 * MS);
	replays = port_counter(&net->node[0], 1, SFAB_P_REPLAYS);
	once = link_bytes(net->node[1].received[1], 65536);
	/* Of those that the other end looked at, one in five was damaged. */
	assert_within(replays, (replays + net->node[1].received[1]) * 0.2, 0.1);
	/* A replay is one packet, or those behind it as well. */
	assert_within(once, 500 * MS / (1 + 0.2 + 2 * 0.04 + 3 * 0.008), 0.05);
	net_free(net);
}

static void fewer_lanes(struct sfab_fabric_config *config, unsigned int node)
{
	one_gb(config, node);
	config->lanes = node ? 8 : 2;
}

static void the_narrower_end_counts(void **state)
{
	struct net *net = net_chain(2, fewer_lanes);
	struct node *a = &net->node[0], *b = &net->node[1];

	(void)state;
	assert_int_equal(port_state(a, 1), SFAB_PORT_UP);
	assert_int_equal(port_state(b, 0), SFAB_PORT_DEGRADED);
	assert_int_equal(fr32(b, P_REG(0, STATUS)) >> 16, 2);
	flow_start(b, 0, 1, 1000000, 65536);
	net_run(net, 100 * MS);
	assert_within(link_bytes(a->received[2], 65536), 25 * MS, 0.05);
	net_free(net);
}

/* A switch in the middle (node 0): EID e at its port e - 2. */
static struct net *star(unsigned int nodes, void (*change)(struct sfab_fabric_config *,
							   unsigned int))
{
	struct net *net = net_new(nodes, change);

	for (unsigned int i = 1; i < nodes; i++) {
		net_cable(net, 0, i - 1, i, 0);
		route(&net->node[0], i + 1, CANDIDATE(i - 1, 0, 1));
		for (unsigned int to = 1; to < nodes; to++)
			if (to != i)
				route(&net->node[i], to + 1, CANDIDATE(0, 0, 2));
		net->node[i].answer = true;
	}
	net_run(net, MS);
	return net;
}

static void sources_share_evenly(void **state)
{
	struct net *net = star(5, one_gb);
	unsigned int *got = net->node[4].received;

	(void)state;
	flow_start(&net->node[1], 0, 5, 1000000, 65536);
	flow_start(&net->node[2], 0, 5, 1000000, 65536);
	flow_start(&net->node[3], 0, 5, 1000000, 4096);
	net_run(net, 200 * MS);
	assert_within(link_bytes(got[2], 65536), 200 * MS / 3.0, 0.1);
	assert_within(link_bytes(got[3], 65536), 200 * MS / 3.0, 0.1);
	assert_within(link_bytes(got[4], 4096), 200 * MS / 3.0, 0.1);
	net_free(net);
}

/* The device's own packets against those it forwards. */
static void transit_and_own_share(void **state)
{
	struct net *net = net_chain(3, one_gb);
	unsigned int *got = net->node[2].received;

	(void)state;
	flow_start(&net->node[0], 0, 3, 1000000, 65536);
	flow_start(&net->node[1], 0, 3, 1000000, 65536);
	net_run(net, 200 * MS);
	assert_within(link_bytes(got[1], 65536), 100 * MS, 0.1);
	assert_within(link_bytes(got[2], 65536), 100 * MS, 0.1);
	net_free(net);
}

static unsigned int unrelated(bool with_victim)
{
	struct net *net = star(5, one_gb);
	struct node *a = &net->node[1], *b = &net->node[2], *victim = &net->node[3];
	unsigned int got;

	/* Initiators limit themselves: 256 KiB, or one packet at who is slow. */
	victim->pause = 10 * MS;
	if (with_victim) {
		flow_start(a, 1, 4, 1000000, 65536)->window = 4;
		flow_start(b, 0, 4, 1000000, 65536)->window = 1;
	}
	flow_start(a, 0, 5, 1000000, 65536)->window = 4;
	net_run(net, 200 * MS);
	if (with_victim)
		assert_true(victim->received[2] + victim->received[3] >= 18);
	got = net->node[4].received[2];
	net_free(net);
	return got;
}

static void slow_victim_hurts_nobody_else(void **state)
{
	unsigned int alone = unrelated(false), beside = unrelated(true);

	(void)state;
	assert_within(link_bytes(alone, 65536), 200 * MS, 0.05);
	assert_true(beside * 2 >= alone);
}

/* Who takes nothing at all costs others one wait, not one for each packet. */
static void dead_victim_is_given_up(void **state)
{
	struct net *net = star(5, one_gb);
	struct node *a = &net->node[1], *victim = &net->node[3], *w = &net->node[4];
	struct flow *to_victim;

	(void)state;
	/* Its worker does not run any more. */
	sfab_fabric_attach(victim->fabric, 0, 0, NULL, 0);
	net_run(net, MS);
	assert_int_equal(port_reason(&net->node[0], 2), SFAB_REASON_NO_LIGHT);
	victim->dead = true;
	net_join(net, 2);
	net_run_by_hand(victim, 10);
	net_run(net, MS);
	net_run_by_hand(victim, 10);
	net_run(net, MS);
	assert_int_equal(port_state(&net->node[0], 2), SFAB_PORT_UP);

	to_victim = flow_start(a, 1, 4, 60, 65536);
	flow_start(a, 0, 5, 100, 65536);
	net_run(net, 300 * MS);
	assert_int_equal(to_victim->left, 0);
	assert_int_equal(w->received[2], 100);
	assert_int_equal(port_counter(&net->node[0], 0, SFAB_P_DROP_HOQ), 60 - 31);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_has_its_rate),
		cmocka_unit_test(a_rate_is_lanes_times_scale),
		cmocka_unit_test(a_rate_changes_at_run_time),
		cmocka_unit_test(replays_cost_time),
		cmocka_unit_test(the_narrower_end_counts),
		cmocka_unit_test(sources_share_evenly),
		cmocka_unit_test(transit_and_own_share),
		cmocka_unit_test(slow_victim_hurts_nobody_else),
		cmocka_unit_test(dead_victim_is_given_up),
	};

	return cmocka_run_group_tests_name("rates", tests, NULL, NULL);
}
