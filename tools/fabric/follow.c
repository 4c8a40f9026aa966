// SPDX-License-Identifier: MIT
/*
 * Where the tables lead
 */
#include <stddef.h>

#include "follow.h"

#define HOP_LIMIT	64	/* of a packet: beyond it is dropped, as in a circle */

#define BEGINS_HERE	(-1)

/* What is behind the port of a candidate; NULL: nothing.  A device may have any number there. */
static const struct fabric_port *behind(const struct fabric_node *node,
					const struct candidate *way)
{
	const struct fabric_port *port = &node->port[way->port];

	return way->hops && way->port < node->port_count && port->peer >= 0 ? port : NULL;
}

static const struct fabric_port *way_on(const struct fabric_node *node, unsigned int target,
					int in)
{
	const struct fabric_route *route = &node->routes[target];
	unsigned int i;

	for (i = 0; i < FABRIC_CANDIDATES; i++) {
		const struct fabric_port *port = behind(node, &route->way[i]);

		if (port && route->way[i].port != in)
			return port;
	}
	return NULL;
}

/* The hops from where @port leads, and the one to there */
static unsigned int walk(const struct fabric_graph *graph, const struct fabric_port *port,
			 unsigned int target)
{
	unsigned int hops;

	for (hops = 1; port && hops <= HOP_LIMIT; hops++) {
		if ((unsigned int)port->peer == target)
			return hops;
		port = way_on(&graph->nodes[port->peer], target, port->peer_port);
	}
	return 0;
}

unsigned int follow_route(const struct fabric_graph *graph, unsigned int node,
			  unsigned int target)
{
	return walk(graph, way_on(&graph->nodes[node], target, BEGINS_HERE), target);
}

unsigned int follow_candidate(const struct fabric_graph *graph, unsigned int node,
			      unsigned int target, const struct candidate *way)
{
	return walk(graph, behind(&graph->nodes[node], way), target);
}
