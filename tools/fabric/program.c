// SPDX-License-Identifier: MIT
/*
 * Giving the devices of the fabric their EIDs and tables
 */
#include <string.h>

#include "program.h"
#include "progress.h"
#include "tool.h"

#define NODE_EID	2	/* within the data of NODE */
#define ROUTES_A_BLOCK	16

static int give_eid(const struct manager *manager, const struct fabric_node *node)
{
	uint8_t data[DATAGRAM_DATA] = { 0 };

	put_le(data + NODE_EID, 2, node->eid);
	if (datagram_set(manager, node, DATAGRAM_NODE, 0, data) ||
	    datagram_get(manager, node, DATAGRAM_NODE, 0, data))
		return -1;
	if (get_le(data + NODE_EID, 2) != node->eid)
		return complain("%s does not take EID %u", node->name, node->eid);
	return 0;
}

/* The entries of one block; others of it than the graph's become empty */
static void fill_block(const struct fabric_graph *graph, const struct fabric_node *node,
		       unsigned int block, uint8_t *data)
{
	unsigned int i;

	memset(data, 0, DATAGRAM_DATA);
	for (i = 0; i < graph->count; i++) {
		unsigned int eid = graph->nodes[i].eid;

		if (eid / ROUTES_A_BLOCK == block)
			put_le(data + eid % ROUTES_A_BLOCK * 8, 8, route_pack(&node->routes[i]));
	}
}

static int give_table(const struct manager *manager, const struct fabric_graph *graph,
		      const struct fabric_node *node)
{
	uint8_t data[DATAGRAM_DATA], back[DATAGRAM_DATA];
	unsigned int block, last = 0, i;

	for (i = 0; i < graph->count; i++) {
		if (graph->nodes[i].eid / ROUTES_A_BLOCK > last)
			last = graph->nodes[i].eid / ROUTES_A_BLOCK;
	}
	for (block = 0; block <= last; block++) {
		fill_block(graph, node, block, data);
		if (datagram_set(manager, node, DATAGRAM_ROUTE, block, data) ||
		    datagram_get(manager, node, DATAGRAM_ROUTE, block, back))
			return -1;
		if (memcmp(data, back, sizeof(data)))
			return complain("%s has other routes to EIDs %u to %u than were sent: is another manager at work?",
					node->name, block * ROUTES_A_BLOCK,
					(block + 1) * ROUTES_A_BLOCK - 1);
	}
	return 0;
}

int program(const struct manager *manager, struct fabric_graph *graph)
{
	unsigned int i;
	int ret = 0;

	progress_begin("programming", 2 * graph->count, "tables");
	for (i = 0; !ret && i < graph->count; i++) {
		ret = give_eid(manager, &graph->nodes[i]);
		progress_update(i);
	}
	for (i = 0; !ret && i < graph->count; i++) {
		ret = give_table(manager, graph, &graph->nodes[i]);
		progress_update(graph->count + i);
	}
	progress_end();
	return ret;
}
