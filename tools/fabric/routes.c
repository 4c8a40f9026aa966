// SPDX-License-Identifier: MIT
/*
 * Route tables for a fabric of any shape
 */
#include <stdlib.h>
#include <string.h>

#include "dependency.h"
#include "routes.h"
#include "tool.h"

#define FAR	(~0U)

struct work {
	struct fabric_graph *graph;
	struct dependencies *deps;
	unsigned int *distance;		/* to the target at hand */
	unsigned int *order;		/* nodes, the nearest first */
	unsigned int *rank;		/* up*\/down*: place in the tree, the root 0 */
	unsigned int reached;
};

/* Nodes by their distance from @target, over links that are up. */
static void measure(struct work *w, unsigned int target)
{
	unsigned int i, p;

	for (i = 0; i < w->graph->count; i++)
		w->distance[i] = FAR;
	w->distance[target] = 0;
	w->order[0] = target;
	w->reached = 1;
	for (i = 0; i < w->reached; i++) {
		const struct fabric_node *node = &w->graph->nodes[w->order[i]];

		for (p = 0; p < node->port_count; p++) {
			int peer = node->port[p].peer;

			if (peer < 0 || w->distance[peer] != FAR)
				continue;
			w->distance[peer] = w->distance[w->order[i]] + 1;
			w->order[w->reached++] = (unsigned int)peer;
		}
	}
}

static struct fabric_route *table(struct work *w, unsigned int node, unsigned int target)
{
	return &w->graph->nodes[node].routes[target];
}

/* Let @node reach @target by @port, in whichever virtual channel makes no cycle. */
static bool use(struct work *w, unsigned int node, unsigned int target, unsigned int port,
		unsigned int hops)
{
	static const enum vc_action actions[] = { VC_KEEP, VC_ONE, VC_ZERO };
	struct fabric_route *route = table(w, node, target);
	unsigned int i, slot = 0;

	while (slot < FABRIC_CANDIDATES && route->way[slot].hops)
		slot++;
	if (slot == FABRIC_CANDIDATES)
		return false;
	for (i = 0; i < ARRAY_SIZE(actions); i++) {
		struct candidate way = {
			.port = port, .action = actions[i], .hops = hops > 255 ? 255 : hops,
		};

		if (dependencies_add(w->deps, node, target, &way)) {
			route->way[slot] = way;
			return true;
		}
	}
	return false;
}

/* One shortest way for every node; false: some would close a cycle. */
static bool shortest(struct work *w, unsigned int target)
{
	unsigned int i, p;

	measure(w, target);
	for (i = 1; i < w->reached; i++) {
		unsigned int node = w->order[i];
		const struct fabric_node *here = &w->graph->nodes[node];
		bool done = false;

		for (p = 0; !done && p < here->port_count; p++) {
			int peer = here->port[p].peer;

			if (peer >= 0 && w->distance[peer] + 1 == w->distance[node])
				done = use(w, node, target, p, w->distance[node]);
		}
		if (!done)
			return false;
	}
	return true;
}

/* Does the first candidate's way from @node lead to @target without @avoid? */
static bool avoids(struct work *w, unsigned int node, unsigned int target, unsigned int avoid)
{
	unsigned int steps;

	for (steps = 0; steps <= w->graph->count; steps++) {
		const struct candidate *way;

		if (node == avoid)
			return false;
		if (node == target)
			return true;
		way = &table(w, node, target)->way[0];
		if (!way->hops)
			return false;
		node = (unsigned int)w->graph->nodes[node].port[way->port].peer;
	}
	return false;
}

/* By the first candidates, which on up*\/down* ways is farther than the distance */
static unsigned int hops_to(struct work *w, unsigned int node, unsigned int target)
{
	return node == target ? 0 : table(w, node, target)->way[0].hops;
}

static bool port_is_used(const struct fabric_route *route, unsigned int port)
{
	unsigned int i;

	for (i = 0; i < FABRIC_CANDIDATES; i++) {
		if (route->way[i].hops && route->way[i].port == port)
			return true;
	}
	return false;
}

/* One further candidate for one entry, the shortest that is possible. */
static bool add_alternative(struct work *w, unsigned int node, unsigned int target)
{
	const struct fabric_node *here = &w->graph->nodes[node];
	unsigned int longer, p;

	for (longer = 0; longer <= 2; longer++) {
		for (p = 0; p < here->port_count; p++) {
			unsigned int peer = (unsigned int)here->port[p].peer;

			if (here->port[p].peer >= 0 && w->distance[peer] != FAR &&
			    w->distance[peer] + 1 == w->distance[node] + longer &&
			    !port_is_used(table(w, node, target), p) &&
			    avoids(w, peer, target, node) &&
			    use(w, node, target, p, hops_to(w, peer, target) + 1))
				return true;
		}
	}
	return false;
}

/* One more for every entry, before any gets a second one. */
static unsigned int add_alternatives(struct work *w)
{
	unsigned int round, node, target, added = 0;

	for (round = 1; round < FABRIC_CANDIDATES; round++) {
		for (target = 0; target < w->graph->count; target++) {
			measure(w, target);
			for (node = 0; node < w->graph->count; node++) {
				if (node != target && w->distance[node] != FAR)
					added += add_alternative(w, node, target);
			}
		}
	}
	return added;
}

/* The tree of up*\/down*: from the node with the most links, by distance. */
static void rank_nodes(struct work *w)
{
	unsigned int i, p, root = 0, most = 0;

	for (i = 0; i < w->graph->count; i++) {
		unsigned int links = 0;

		for (p = 0; p < w->graph->nodes[i].port_count; p++)
			links += w->graph->nodes[i].port[p].peer >= 0;
		if (links > most) {
			most = links;
			root = i;
		}
	}
	measure(w, root);
	for (i = 0; i < w->graph->count; i++)
		w->rank[i] = FAR;
	for (i = 0; i < w->reached; i++)
		w->rank[w->order[i]] = i;
}

/*
 * Towards the root as long as needed, then away from it: a node from which the target can be
 * reached by going down only goes down, as whatever came down to it has no other way.
 */
static bool up_down(struct work *w, unsigned int target)
{
	unsigned int i, p, n = w->graph->count;

	for (i = 0; i < n; i++)
		w->distance[i] = FAR;
	w->distance[target] = 0;
	/* Down-only ways, from the target upwards; then up, from the root downwards. */
	for (i = 0; i < 2 * n; i++) {
		unsigned int pass = i / n, k = pass ? i - n : n - 1 - i, node, best = FAR;

		for (node = 0; node < n && w->rank[node] != k; node++)
			;
		if (node == n || w->distance[node] != FAR)
			continue;
		for (p = 0; p < w->graph->nodes[node].port_count; p++) {
			int peer = w->graph->nodes[node].port[p].peer;

			bool down = peer >= 0 && w->rank[peer] > k;

			if (peer < 0 || w->distance[peer] == FAR || down == (bool)pass ||
			    (best != FAR && w->distance[peer] >=
			     w->distance[w->graph->nodes[node].port[best].peer]))
				continue;
			best = p;
		}
		if (best == FAR)
			continue;
		w->distance[node] = w->distance[w->graph->nodes[node].port[best].peer] + 1;
		if (!use(w, node, target, best, w->distance[node]))
			return false;
	}
	return true;
}

static bool start(struct work *w)
{
	dependencies_free(w->deps);
	w->deps = dependencies_new(w->graph);
	return w->deps && !graph_clear_routes(w->graph);
}

static bool compute(struct work *w, struct routes_result *result)
{
	unsigned int target, n = w->graph->count;

	if (!start(w))
		return false;
	result->shortest = true;
	for (target = 0; result->shortest && target < n; target++)
		result->shortest = shortest(w, target);
	if (!result->shortest) {
		if (!start(w))
			return false;
		rank_nodes(w);
		for (target = 0; target < n; target++) {
			if (!up_down(w, target))
				return false;
		}
	}
	for (target = 0; target < n; target++) {
		measure(w, target);
		result->pairs += w->reached - 1;
		result->unreachable += n - w->reached;
	}
	result->alternatives = add_alternatives(w);
	return true;
}

int routes_compute(struct fabric_graph *graph, struct routes_result *result)
{
	struct work w = {
		.graph = graph,
		.distance = calloc(graph->count + 1, sizeof(*w.distance)),
		.order = calloc(graph->count + 1, sizeof(*w.order)),
		.rank = calloc(graph->count + 1, sizeof(*w.rank)),
	};
	bool ok;

	*result = (struct routes_result) { 0 };
	ok = w.distance && w.order && w.rank && compute(&w, result);
	dependencies_free(w.deps);
	free(w.distance);
	free(w.order);
	free(w.rank);
	return ok ? 0 : -1;
}
