// SPDX-License-Identifier: MIT
/*
 * Route tables: complete, short, free of cycles, and with ways around what fails
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fabric/dependency.h"
#include "fabric/follow.h"
#include "fabric/routes.h"

static void add_nodes(struct fabric_graph *graph, unsigned int count, unsigned int ports,
		      enum fabric_kind kind)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		struct fabric_node node = { .kind = kind, .port_count = ports };

		node.eid = graph->count + 1;
		snprintf(node.name, sizeof(node.name), "%c%u", kind == FABRIC_ACCEL ? 'a' : 's',
			 graph->count);
		assert_true(graph_add(graph, &node) >= 0);
	}
}

/* Port 2k: k + 1 to the right, port 2k + 1: as far to the left */
static void make_ring(struct fabric_graph *graph, unsigned int n, unsigned int hops)
{
	unsigned int i, k;

	add_nodes(graph, n, 2 * hops, FABRIC_ACCEL);
	for (i = 0; i < n; i++) {
		for (k = 1; k <= hops; k++)
			graph_join(graph, i, 2 * k - 2, (i + k) % n, 2 * k - 1);
	}
}

static void make_torus(struct fabric_graph *graph, unsigned int x, unsigned int y)
{
	unsigned int i, j;

	add_nodes(graph, x * y, 4, FABRIC_ACCEL);
	for (i = 0; i < x; i++) {
		for (j = 0; j < y; j++) {
			graph_join(graph, j * x + i, 0, j * x + (i + 1) % x, 1);
			graph_join(graph, j * x + i, 2, (j + 1) % y * x + i, 3);
		}
	}
}

static void make_clos(struct fabric_graph *graph, unsigned int leaves, unsigned int each,
		      unsigned int spines)
{
	unsigned int leaf, i;

	add_nodes(graph, leaves * each, 1, FABRIC_ACCEL);
	add_nodes(graph, leaves, each + spines, FABRIC_SWITCH);
	add_nodes(graph, spines, leaves, FABRIC_SWITCH);
	for (leaf = 0; leaf < leaves; leaf++) {
		unsigned int at = leaves * each + leaf;

		for (i = 0; i < each; i++)
			graph_join(graph, leaf * each + i, 0, at, i);
		for (i = 0; i < spines; i++)
			graph_join(graph, at, each + i, leaves * each + leaves + i, leaf);
	}
}

/* Links between random pairs of free ports; the same for a seed */
static void make_random(struct fabric_graph *graph, unsigned int n, unsigned int ports,
			unsigned int seed)
{
	unsigned int a, p, b, q, tries;

	add_nodes(graph, n, ports, FABRIC_ACCEL);
	for (tries = 0; tries < 4 * n * ports; tries++) {
		a = (unsigned int)rand_r(&seed) % n;
		b = (unsigned int)rand_r(&seed) % n;
		for (p = 0; p < ports && graph->nodes[a].port[p].peer >= 0; p++)
			;
		for (q = 0; q < ports && graph->nodes[b].port[q].peer >= 0; q++)
			;
		if (a != b && p < ports && q < ports)
			graph_join(graph, a, p, b, q);
	}
}

/*
 * What hardware does: the first candidate whose port is up and is not where the packet came
 * in.  Returns the hops to @target, 0: dropped.
 */
static unsigned int walk(const struct fabric_graph *graph, unsigned int node, unsigned int target,
			 unsigned int dead, unsigned int dead_port)
{
	unsigned int hops, i;
	int in = -1;

	for (hops = 0; hops < 64; hops++) {
		const struct fabric_route *route = &graph->nodes[node].routes[target];
		const struct fabric_port *out = NULL;

		if (node == target)
			return hops;
		for (i = 0; !out && i < FABRIC_CANDIDATES; i++) {
			unsigned int p = route->way[i].port;
			const struct fabric_port *port = &graph->nodes[node].port[p];

			if (!route->way[i].hops || (int)p == in || port->peer < 0 ||
			    (node == dead && p == dead_port) ||
			    ((unsigned int)port->peer == dead && port->peer_port == dead_port))
				continue;
			out = port;
		}
		if (!out)
			return 0;
		node = (unsigned int)out->peer;
		in = out->peer_port;
	}
	return 0;
}

/* Every candidate leads there, in as many hops as it says: written tables are judged by that */
static void assert_hops(const struct fabric_graph *graph, unsigned int node, unsigned int target)
{
	const struct fabric_route *route = &graph->nodes[node].routes[target];
	unsigned int i;

	assert_int_equal(follow_route(graph, node, target), route->way[0].hops);
	for (i = 0; i < FABRIC_CANDIDATES && route->way[i].hops; i++)
		assert_int_equal(follow_candidate(graph, node, target, &route->way[i]),
				 route->way[i].hops);
}

static void assert_sound(struct fabric_graph *graph, struct routes_result *result)
{
	char cycle[1024] = "";
	unsigned int i, k;

	assert_int_equal(routes_compute(graph, result), 0);
	assert_int_equal(dependencies_check(graph, cycle, sizeof(cycle)), 0);
	assert_int_equal(result->pairs + result->unreachable, graph->count * (graph->count - 1));
	for (i = 0; i < graph->count; i++) {
		for (k = 0; k < graph->count; k++) {
			unsigned int hops = walk(graph, i, k, graph->count, 0);

			if (i != k && result->unreachable == 0)
				assert_int_equal(hops, graph->nodes[i].routes[k].way[0].hops);
			if (i != k)
				assert_hops(graph, i, k);
		}
	}
}

/* How many of all pairs find another way, by the tables alone, when any one link is cut */
static double survivors(const struct fabric_graph *graph)
{
	unsigned long pairs = 0, alive = 0;
	unsigned int i, k, dead, p;

	for (dead = 0; dead < graph->count; dead++) {
		for (p = 0; p < graph->nodes[dead].port_count; p++) {
			if (graph->nodes[dead].port[p].peer < (int)dead)
				continue;
			for (i = 0; i < graph->count; i++) {
				for (k = 0; k < graph->count; k++) {
					pairs += i != k;
					alive += i != k && walk(graph, i, k, dead, p);
				}
			}
		}
	}
	return (double)alive / pairs;
}

static void test_ring(void **state)
{
	unsigned int n;

	(void)state;
	for (n = 2; n <= 16; n++) {
		struct fabric_graph graph = { 0 };
		struct routes_result result;

		make_ring(&graph, n, 1);
		assert_sound(&graph, &result);
		assert_true(result.shortest);
		assert_int_equal(result.unreachable, 0);
		graph_free(&graph);
	}
}

static void test_ring_of_two_hops_survives_cuts(void **state)
{
	struct fabric_graph graph = { 0 };
	struct routes_result result;

	(void)state;
	make_ring(&graph, 8, 2);
	assert_sound(&graph, &result);
	assert_true(result.shortest);
	print_message("# ring of 8, 2 hops: %u alternatives, %.3f survive a cut\n",
		      result.alternatives, survivors(&graph));
	assert_true(survivors(&graph) > 0.99);
	graph_free(&graph);
}

static void test_torus(void **state)
{
	static const unsigned int size[][2] = { { 3, 3 }, { 4, 4 }, { 8, 8 }, { 5, 4 } };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		struct fabric_graph graph = { 0 };
		struct routes_result result;

		make_torus(&graph, size[i][0], size[i][1]);
		assert_sound(&graph, &result);
		assert_int_equal(result.unreachable, 0);
		print_message("# torus %ux%u: %s ways, %u alternatives, %.3f survive a cut\n",
			      size[i][0], size[i][1], result.shortest ? "shortest" : "up/down",
			      result.alternatives, survivors(&graph));
		assert_true(survivors(&graph) > 0.9);
		graph_free(&graph);
	}
}

static void test_clos(void **state)
{
	struct fabric_graph graph = { 0 };
	struct routes_result result;

	(void)state;
	make_clos(&graph, 4, 16, 4);
	assert_sound(&graph, &result);
	assert_true(result.shortest);
	assert_int_equal(result.unreachable, 0);
	assert_int_equal(graph.nodes[0].routes[63].way[0].hops, 4);
	graph_free(&graph);
}

static void test_random(void **state)
{
	unsigned int seed;

	(void)state;
	for (seed = 1; seed <= 20; seed++) {
		struct fabric_graph graph = { 0 };
		struct routes_result result;

		make_random(&graph, 6 + seed, 2 + seed % 4, seed);
		assert_sound(&graph, &result);
		graph_free(&graph);
	}
}

/* a0 - a1 - a2 in a line; tables of a device may be anything */
static void test_follow(void **state)
{
	struct fabric_graph graph = { 0 };
	struct candidate *way, by_nothing = { 63, VC_KEEP, 1 };

	(void)state;
	add_nodes(&graph, 3, 3, FABRIC_ACCEL);
	graph_join(&graph, 0, 0, 1, 1);
	graph_join(&graph, 1, 0, 2, 1);
	assert_int_equal(graph_clear_routes(&graph), 0);
	way = graph.nodes[0].routes[2].way;
	way[0] = (struct candidate) { 0, VC_KEEP, 2 };
	assert_int_equal(follow_route(&graph, 0, 2), 0);
	/* Back where it came from is no way */
	graph.nodes[1].routes[2].way[0] = (struct candidate) { 1, VC_KEEP, 1 };
	assert_int_equal(follow_route(&graph, 0, 2), 0);
	graph.nodes[1].routes[2].way[1] = (struct candidate) { 0, VC_KEEP, 1 };
	assert_int_equal(follow_route(&graph, 0, 2), 2);
	/* Ports that are dark, or that there are not, are passed over */
	way[1] = way[0];
	way[0].port = 2;
	assert_int_equal(follow_candidate(&graph, 0, 2, &way[0]), 0);
	assert_int_equal(follow_candidate(&graph, 0, 2, &by_nothing), 0);
	assert_int_equal(follow_route(&graph, 0, 2), 2);
	graph_free(&graph);
}

static void test_follow_in_a_circle(void **state)
{
	struct fabric_graph graph = { 0 };
	unsigned int i;

	(void)state;
	make_ring(&graph, 4, 1);
	add_nodes(&graph, 1, 1, FABRIC_ACCEL);
	assert_int_equal(graph_clear_routes(&graph), 0);
	for (i = 0; i < 4; i++)
		graph.nodes[i].routes[4].way[0] = (struct candidate) { 0, VC_KEEP, 1 };
	assert_int_equal(follow_route(&graph, 0, 4), 0);
	graph_free(&graph);
}

static void test_cycle_is_named(void **state)
{
	struct fabric_graph graph = { 0 };
	char cycle[1024] = "";
	unsigned int i, k;

	(void)state;
	make_ring(&graph, 4, 1);
	assert_int_equal(graph_clear_routes(&graph), 0);
	/* Everything to the right, in VC 0: the classic deadlock */
	for (i = 0; i < 4; i++) {
		for (k = 0; k < 4; k++) {
			if (i == k)
				continue;
			graph.nodes[i].routes[k].way[0] = (struct candidate) { 0, VC_KEEP, 1 };
		}
	}
	assert_int_equal(dependencies_check(&graph, cycle, sizeof(cycle)), 1);
	print_message("# %s\n", cycle);
	for (i = 0; i < 4; i++) {
		char name[32];

		snprintf(name, sizeof(name), "a%u port 0 vc 0", i);
		assert_non_null(strstr(cycle, name));
	}

	/* With a dateline at a0 it is none */
	for (k = 1; k < 4; k++)
		graph.nodes[0].routes[k].way[0].action = VC_ONE;
	assert_int_equal(dependencies_check(&graph, cycle, sizeof(cycle)), 0);
	graph_free(&graph);
}

static void test_cycle_of_failover_counts(void **state)
{
	struct fabric_graph graph = { 0 };
	char cycle[1024] = "";
	unsigned int i, k;

	(void)state;
	make_ring(&graph, 4, 1);
	assert_int_equal(graph_clear_routes(&graph), 0);
	/* Lines are free of cycles; what only failover would use closes the ring. */
	for (i = 0; i < 4; i++) {
		for (k = 0; k < 4; k++) {
			struct candidate *way = graph.nodes[i].routes[k].way;

			if (i == k)
				continue;
			way[0] = (struct candidate) { i < k ? 0 : 1, VC_KEEP, 1 };
		}
	}
	assert_int_equal(dependencies_check(&graph, cycle, sizeof(cycle)), 0);
	for (i = 0; i < 4; i++) {
		for (k = 0; k < 4; k++) {
			if (i != k)
				graph.nodes[i].routes[k].way[1] =
					(struct candidate) { i < k ? 1 : 0, VC_KEEP, 3 };
		}
	}
	assert_int_equal(dependencies_check(&graph, cycle, sizeof(cycle)), 1);
	graph_free(&graph);
}

static void test_parts(void **state)
{
	struct fabric_graph graph = { 0 };
	struct routes_result result;

	(void)state;
	add_nodes(&graph, 5, 2, FABRIC_ACCEL);
	graph_join(&graph, 0, 0, 1, 0);
	graph_join(&graph, 2, 0, 3, 0);
	assert_sound(&graph, &result);
	assert_int_equal(result.pairs, 4);
	assert_int_equal(result.unreachable, 16);
	assert_int_equal(graph.nodes[0].routes[2].way[0].hops, 0);
	graph_free(&graph);
}

static void test_register(void **state)
{
	struct fabric_route route = {
		.way = { { 63, VC_ZERO, 255 }, { 0, VC_KEEP, 1 }, { 5, VC_ONE, 2 } },
	};
	struct fabric_route back;

	(void)state;
	assert_int_equal(route_pack(&route), 0x0000024501000000 | 0xffbf);
	route_unpack(route_pack(&route), &back);
	assert_memory_equal(&route, &back, sizeof(route));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_ring_of_two_hops_survives_cuts),
		cmocka_unit_test(test_torus),
		cmocka_unit_test(test_clos),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_follow_in_a_circle),
		cmocka_unit_test(test_cycle_is_named),
		cmocka_unit_test(test_cycle_of_failover_counts),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_register),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
