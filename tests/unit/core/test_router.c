// SPDX-License-Identifier: MIT
/* Where packets go, and what becomes of those that cannot. */
#include <errno.h>

#include "fabric_rig.h"

static void three_hops_and_back(void **state)
{
	struct net *net = net_chain(4, NULL);
	struct node *a = &net->node[0], *d = &net->node[3];
	struct flow *flow = flow_start(a, 0, 4, 500, 3000);

	(void)state;
	flow->window = 16;
	d->answer = true;
	net_run(net, 10 * MS);
	assert_int_equal(d->received[1], 500);
	assert_int_equal(flow->answered, 500);
	assert_int_equal(d->last.hops, SFAB_HOP_LIMIT - 2);
	assert_int_equal(sfab_fabric_forwarded(net->node[1].fabric), 1000);
	net_free(net);
}

static void to_itself(void **state)
{
	struct net *net = net_new(1, NULL);
	struct node *a = &net->node[0];
	struct flow *flow = flow_start(a, 0, 1, 500, 3000);

	(void)state;
	a->answer = true;
	net_run(net, MS);
	assert_int_equal(a->received[1], 500);
	assert_int_equal(flow->answered, 500);
	net_free(net);
}

static void failover_and_failback(void **state)
{
	struct net *net = net_new(2, NULL);
	struct node *a = &net->node[0], *b = &net->node[1];
	unsigned int first = net_cable(net, 0, 0, 1, 0);

	(void)state;
	net_cable(net, 0, 3, 1, 3);
	route(a, 2, CANDIDATE(0, 0, 1) | CANDIDATE(3, 0, 1) << 16);
	b->lossy = true;
	net_run(net, MS);
	flow_start(a, 0, 2, 100, 4096);
	net_run(net, MS);
	assert_int_equal(port_counter(a, 0, SFAB_P_PACKETS_SENT), 100);
	assert_int_equal(port_counter(a, 3, SFAB_P_PACKETS_SENT), 0);
	net_cut(net, first);
	flow_start(a, 0, 2, 50, 4096);
	net_run(net, MS);
	assert_int_equal(port_counter(a, 3, SFAB_P_PACKETS_SENT), 50);
	assert_int_equal(port_counter(a, 3, SFAB_P_FAILOVERS), 50);
	net_join(net, first);
	net_run(net, MS);
	flow_start(a, 0, 2, 25, 4096);
	net_run(net, MS);
	assert_int_equal(port_counter(a, 0, SFAB_P_PACKETS_SENT), 125);
	assert_int_equal(b->received[1], 175);
	net_free(net);
}

static void no_route(void **state)
{
	struct net *net = net_chain(3, NULL);
	struct node *a = &net->node[0];
	struct flow *flow;

	(void)state;
	/* None at all, and none that carries traffic. */
	flow = flow_start(a, 0, 7, 1, 64);
	net_run(net, MS);
	assert_int_equal(flow->refused, -ENETUNREACH);
	route(a, 7, CANDIDATE(3, 0, 1));
	a->woken = true;
	net_run(net, MS);
	assert_int_equal(flow->refused, -ENETDOWN);
	/* Beyond the table; a port that is not there. */
	flow = flow_start(a, 1, 999, 1, 64);
	net_run(net, MS);
	assert_int_equal(flow->refused, -ENETUNREACH);
	route(a, 8, CANDIDATE(63, 0, 1));
	flow = flow_start(a, 2, 8, 1, 64);
	net_run(net, MS);
	assert_int_equal(flow->refused, -ENETUNREACH);
	/* The way ends in the next device, or in the one after. */
	route(a, 7, CANDIDATE(1, 0, 1));
	flow = &a->flow[0];
	a->woken = true;
	net_run(net, MS);
	assert_int_equal(flow->errors, 1);
	assert_int_equal(flow->status, SFAB_STATUS_NO_ROUTE);
	assert_int_equal(port_counter(&net->node[1], 0, SFAB_P_DROP_NO_ROUTE), 1);
	route(&net->node[1], 7, CANDIDATE(1, 0, 1));
	/* Never out by where it came in. */
	route(&net->node[2], 7, CANDIDATE(0, 0, 1));
	flow_start(a, 0, 7, 1, 64);
	net_run(net, MS);
	assert_int_equal(flow->errors, 2);
	assert_int_equal(port_counter(&net->node[2], 0, SFAB_P_DROP_NO_ROUTE), 1);
	net_free(net);
}

static void loops_end(void **state)
{
	struct net *net = net_new(3, NULL);

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		net_cable(net, i, 1, (i + 1) % 3, 0);
		route(&net->node[i], 9, CANDIDATE(1, 0, 1));
	}
	net_run(net, MS);
	flow_start(&net->node[0], 0, 9, 10, 4096);
	net_run(net, 10 * MS);
	/* 64 links: node 1, 2, 0, 1, ... */
	assert_int_equal(port_counter(&net->node[1], 0, SFAB_P_DROP_HOPS), 10);
	assert_int_equal(port_counter(&net->node[1], 0, SFAB_P_PACKETS_RECEIVED), 220);
	net_free(net);
}

static void stalled_packets_are_dropped(void **state)
{
	struct net *net = net_chain(3, NULL);
	struct node *c = &net->node[2];
	struct flow *flow = flow_start(&net->node[0], 0, 3, 100, 65536);

	(void)state;
	fw32(c, SFAB_REG_HOQ_TIMEOUT, 20);
	c->deaf = true;
	c->lossy = true;
	net_run(net, 19 * MS);
	assert_int_equal(port_counter(c, 0, SFAB_P_DROP_HOQ), 0);
	net_run(net, 10000 * MS);
	assert_int_equal(flow->left, 0);
	/* Here after 20 ms each, or in the middle after 100 ms. */
	assert_int_equal(port_counter(c, 0, SFAB_P_DROP_HOQ) +
			 port_counter(&net->node[1], 0, SFAB_P_DROP_HOQ), 100);
	assert_int_equal(c->received[1], 0);
	net_free(net);
}

static void virtual_channels(void **state)
{
	struct net *net = net_chain(4, NULL);
	struct node *a = &net->node[0], *d = &net->node[3];

	(void)state;
	route(a, 4, CANDIDATE(1, SFAB_VC_TO_1, 3));
	flow_start(a, 0, 4, 1, 64);
	net_run(net, MS);
	assert_int_equal(d->last.class_vc, SFAB_CLASS_VC1 | SFAB_CLASS_REQUEST);
	route(&net->node[2], 4, CANDIDATE(1, SFAB_VC_TO_0, 1));
	flow_start(a, 0, 4, 1, 64);
	net_run(net, MS);
	assert_int_equal(d->last.class_vc, SFAB_CLASS_REQUEST);
	assert_int_equal(d->received[1], 2);
	net_free(net);
}

/*
 * Everybody sends three links to the right around a ring of four, more than the rings
 * hold. Returns how many packets were dropped at a head of a queue.
 */
static uint64_t around(bool dateline)
{
	struct net *net = net_new(4, NULL);
	uint64_t drops = 0;

	for (unsigned int i = 0; i < 4; i++) {
		net_cable(net, i, 1, (i + 1) % 4, 0);
		for (unsigned int hops = 1; hops < 4; hops++)
			route(&net->node[i], (i + hops) % 4 + 1,
			      CANDIDATE(1, dateline && i == 3 ? SFAB_VC_TO_1 : 0, hops));
		net->node[i].lossy = !dateline;
	}
	net_run(net, MS);
	for (unsigned int i = 0; i < 4; i++)
		flow_start(&net->node[i], 0, (i + 3) % 4 + 1, 200, 65536);
	net_run(net, 10000 * MS);
	for (unsigned int i = 0; i < 4; i++) {
		drops += port_counter(&net->node[i], 0, SFAB_P_DROP_HOQ);
		if (dateline)
			assert_int_equal(net->node[i].received[(i + 1) % 4 + 1], 200);
	}
	net_free(net);
	return drops;
}

/* Without them everybody waits for everybody, until the head-of-queue limit. */
static void datelines_keep_a_ring_going(void **state)
{
	(void)state;
	assert_true(around(false) > 0);
	assert_int_equal(around(true), 0);
}

static bool lingers(struct node *node, unsigned int packets, uint64_t now)
{
	uint64_t due;

	if (packets)
		flow_start(node, 0, 2, packets, 64);
	sfab_fabric_run(node->fabric, &due);
	return sfab_fabric_linger(node->fabric, now);
}

/* A worker looks for more after a packet, for a moment, and less if that is for nothing. */
static void lingers_while_it_pays(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0];
	uint64_t now = 1000000;

	(void)state;
	assert_false(lingers(a, 0, now));
	assert_true(lingers(a, 1, now));
	assert_true(lingers(a, 0, now + 49999));
	assert_true(lingers(a, 1, now + 49999));
	assert_true(lingers(a, 0, now + 99998));
	assert_false(lingers(a, 0, now + 99999));
	for (unsigned int skips = 1; skips <= 256; skips *= 2) {
		for (unsigned int i = 0; i < skips && i < 128; i++) {
			now += MS;
			assert_false(lingers(a, 1, now));
		}
		assert_true(lingers(a, 1, now));
		assert_false(lingers(a, 0, now + 50000));
		net_run(net, MS);	/* make room */
	}
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_hops_and_back),
		cmocka_unit_test(to_itself),
		cmocka_unit_test(failover_and_failback),
		cmocka_unit_test(no_route),
		cmocka_unit_test(loops_end),
		cmocka_unit_test(stalled_packets_are_dropped),
		cmocka_unit_test(virtual_channels),
		cmocka_unit_test(datelines_keep_a_ring_going),
		cmocka_unit_test(lingers_while_it_pays),
	};

	return cmocka_run_group_tests_name("router", tests, NULL, NULL);
}
