// SPDX-License-Identifier: MIT
/*
 * The fabric as the manager knows it
 */
#include <stdlib.h>
#include <string.h>

#include "graph.h"

void graph_free(struct fabric_graph *graph)
{
	unsigned int i;

	for (i = 0; i < graph->count; i++)
		free(graph->nodes[i].routes);
	free(graph->nodes);
	*graph = (struct fabric_graph) { 0 };
}

int graph_add(struct fabric_graph *graph, const struct fabric_node *node)
{
	struct fabric_node *nodes;
	unsigned int i;

	nodes = realloc(graph->nodes, (graph->count + 1) * sizeof(*nodes));
	if (!nodes)
		return -1;
	graph->nodes = nodes;
	nodes[graph->count] = *node;
	nodes[graph->count].routes = NULL;
	for (i = 0; i < FABRIC_MAX_PORTS; i++)
		nodes[graph->count].port[i].peer = -1;
	return (int)graph->count++;
}

void graph_join(struct fabric_graph *graph, unsigned int a, unsigned int a_port, unsigned int b,
		unsigned int b_port)
{
	graph->nodes[a].port[a_port] = (struct fabric_port) { (int)b, (uint8_t)b_port };
	graph->nodes[b].port[b_port] = (struct fabric_port) { (int)a, (uint8_t)a_port };
}

int graph_clear_routes(struct fabric_graph *graph)
{
	unsigned int i;

	for (i = 0; i < graph->count; i++) {
		struct fabric_node *node = &graph->nodes[i];

		free(node->routes);
		node->routes = calloc(graph->count, sizeof(*node->routes));
		if (!node->routes)
			return -1;
	}
	return 0;
}

uint64_t route_pack(const struct fabric_route *route)
{
	uint64_t value = 0;
	unsigned int i;

	for (i = 0; i < FABRIC_CANDIDATES; i++) {
		const struct candidate *way = &route->way[i];

		if (way->hops)
			value |= (uint64_t)(way->port | way->action << 6 | way->hops << 8)
				 << (16 * i);
	}
	return value;
}

void route_unpack(uint64_t value, struct fabric_route *route)
{
	unsigned int i;

	route->line = 0;
	for (i = 0; i < FABRIC_CANDIDATES; i++) {
		unsigned int word = value >> (16 * i) & 0xffff;

		route->way[i] = (struct candidate) {
			.port = word & 0x3f, .action = word >> 6 & 3, .hops = word >> 8,
		};
	}
}
