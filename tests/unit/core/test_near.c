// SPDX-License-Identifier: MIT
/*
 * Neighbours in one process: packets that skip the ring between them. A node that is dead has
 * a worker that does not run: what passes it, or reaches it, has not lain in a ring.
 */
#include <errno.h>

#include "fabric_internal.h"
#include "fabric_rig.h"

#define BYTES	5000

static void one_gb(struct sfab_fabric_config *config, unsigned int node)
{
	(void)node;
	config->rate_scale = 1 / 112.0;		/* 8 lanes of 112 Gb/s */
}

static void damaging(struct sfab_fabric_config *config, unsigned int node)
{
	config->crc_errors = node == 1;		/* one of a million */
}

static void solo(struct sfab_fabric_config *config, unsigned int node)
{
	config->solo = node == 1;
}

/* Whoever is alive, and at last the one at the end, which nobody rings as its neighbour is dead. */
static void run_past(struct net *net, unsigned int last)
{
	net_run(net, MS);
	net_run_by_hand(&net->node[last], 2);
	net_run(net, MS);
}

static uint64_t forwarded(struct node *node)
{
	return sfab_fabric_forwarded(node->fabric);
}

static void past_a_neighbour(void **state)
{
	struct net *net = net_chain(3, NULL);
	struct node *a = &net->node[0], *b = &net->node[1], *c = &net->node[2];

	(void)state;
	b->dead = true;
	flow_start(a, 0, 3, 10, BYTES);
	run_past(net, 2);
	assert_int_equal(c->received[1], 10);
	assert_int_equal(c->last.payload, BYTES);
	assert_int_equal(c->last.hops, SFAB_HOP_LIMIT - 1);
	assert_true(b->woken);		/* it has to ring for what it did not know of */
	/* All that is counted is as if they had gone through its rings. */
	assert_int_equal(forwarded(b), 10);
	assert_int_equal(port_counter(a, 1, SFAB_P_PACKETS_SENT), 10);
	assert_int_equal(port_counter(b, 0, SFAB_P_PACKETS_RECEIVED), 10);
	assert_int_equal(port_counter(b, 1, SFAB_P_PACKETS_SENT), 10);
	assert_int_equal(port_counter(c, 0, SFAB_P_PACKETS_RECEIVED), 10);
	assert_int_equal(port_counter(b, 0, SFAB_P_BYTES_RECEIVED),
			 port_counter(c, 0, SFAB_P_BYTES_RECEIVED));
	net_free(net);
}

static void to_a_neighbour(void **state)
{
	struct net *net = net_chain(3, NULL);
	struct node *a = &net->node[0], *b = &net->node[1], *c = &net->node[2];
	struct flow *flow;

	(void)state;
	c->dead = true;
	c->answer = true;
	/* By the ring to b, as a does not reach beyond: what b does alone. */
	pthread_mutex_lock(&b->fabric->run);
	flow = flow_start(a, 0, 3, 10, BYTES);
	b->dead = true;
	net_run(net, MS);
	pthread_mutex_unlock(&b->fabric->run);
	assert_int_equal(flow->left, 0);
	assert_int_equal(c->received[1], 0);
	b->dead = false;
	net_run(net, MS);
	assert_int_equal(c->received[1], 10);
	/* c's answers went through b, which was in the middle of its turn. */
	assert_int_equal(flow->answered, 10);
	assert_int_equal(forwarded(b), 20);
	assert_int_equal(port_counter(c, 0, SFAB_P_PACKETS_RECEIVED), 10);
	assert_int_equal(port_counter(c, 0, SFAB_P_PACKETS_SENT), 10);
	assert_int_equal(port_counter(b, 1, SFAB_P_PACKETS_RECEIVED), 10);
	net_free(net);
}

/* A neighbour that works is not waited for: then the ring has them, and nothing overtakes. */
static void busy_neighbour(void **state)
{
	struct net *net = net_chain(3, NULL);
	struct node *a = &net->node[0], *b = &net->node[1], *c = &net->node[2];

	(void)state;
	pthread_mutex_lock(&b->fabric->run);
	b->dead = true;
	flow_start(a, 0, 3, 5, BYTES);
	net_run(net, MS);
	pthread_mutex_unlock(&b->fabric->run);
	flow_start(a, 0, 3, 5, BYTES);
	run_past(net, 2);
	assert_int_equal(port_counter(a, 1, SFAB_P_PACKETS_SENT), 10);
	assert_int_equal(c->received[1], 0);
	b->dead = false;
	net_run(net, MS);
	assert_int_equal(c->received[1], 10);	/* which looks at their order */
	net_free(net);
}

static void not_past(void (*change)(struct sfab_fabric_config *config, unsigned int node))
{
	struct net *net = net_chain(3, change);

	net->node[1].dead = true;
	flow_start(&net->node[0], 0, 3, 10, BYTES);
	run_past(net, 2);
	assert_int_equal(net->node[2].received[1], 0);
	net->node[1].dead = false;
	net_run(net, MS);
	assert_int_equal(net->node[2].received[1], 10);
	net_free(net);
}

/* What takes time, or may be damaged, does so. */
static void physics(void **state)
{
	(void)state;
	not_past(one_gb);
	not_past(damaging);
}

static void who_wants_no_help(void **state)
{
	(void)state;
	not_past(solo);
}

static void no_room(void **state)
{
	struct net *net = net_chain(3, NULL);
	struct node *a = &net->node[0], *c = &net->node[2];

	(void)state;
	net->node[1].dead = true;
	flow_start(a, 0, 3, 100, SFAB_MTU);
	net_run(net, MS);
	/* 31 in the ring behind b, 31 in that before it. */
	assert_int_equal(a->flow[0].left, 100 - 62);
	net->node[1].dead = false;
	net_run(net, MS);
	assert_int_equal(c->received[1], 100);
	net_free(net);
}

/* A cut, here or there, and who is gone. */
static void cut(void **state)
{
	struct net *net = net_chain(3, NULL);
	struct node *a = &net->node[0], *c = &net->node[2];

	(void)state;
	net_cut(net, 0);
	flow_start(a, 0, 3, 10, BYTES);
	net_run(net, MS);
	assert_int_equal(a->flow[0].left, 10);
	net_join(net, 0);
	net_cut(net, 1);
	net_run(net, 5 * MS);
	c->any = true;
	net_join(net, 1);
	net_run(net, 5 * MS);
	flow_start(a, 1, 3, 10, BYTES);
	net->node[1].dead = true;
	run_past(net, 2);
	assert_true(c->received[1] >= 10);
	net_free(net);
}

/* Reserved and not committed: the neighbour is free again. */
static void given_up(void **state)
{
	struct net *net = net_chain(3, NULL);
	struct node *a = &net->node[0], *b = &net->node[1];
	struct sfab_packet packet = {
		.version = SFAB_PACKET_VERSION, .type = SFAB_PKT_WRITE, .dst = 3, .src = 1,
		.payload = BYTES,
	};
	struct sfab_slot slot;

	(void)state;
	pthread_mutex_lock(&a->fabric->run);
	assert_int_equal(sfab_fabric_reserve(a->fabric, &packet, &slot), 0);
	assert_int_equal(pthread_mutex_trylock(&b->fabric->run), EBUSY);
	assert_int_equal(sfab_fabric_reserve(a->fabric, &packet, &slot), 0);
	assert_int_equal(pthread_mutex_trylock(&b->fabric->run), EBUSY);
	pthread_mutex_unlock(&a->fabric->run);
	net_run_by_hand(a, 1);
	assert_int_equal(pthread_mutex_trylock(&b->fabric->run), 0);
	pthread_mutex_unlock(&b->fabric->run);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(past_a_neighbour),
		cmocka_unit_test(to_a_neighbour),
		cmocka_unit_test(busy_neighbour),
		cmocka_unit_test(physics),
		cmocka_unit_test(who_wants_no_help),
		cmocka_unit_test(no_room),
		cmocka_unit_test(cut),
		cmocka_unit_test(given_up),
	};

	setenv("NEAR", "1", true);
	return cmocka_run_group_tests_name("near", tests, NULL, NULL);
}
