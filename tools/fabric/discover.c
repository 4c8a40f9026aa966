// SPDX-License-Identifier: MIT
/*
 * Finding out what the fabric is
 *
 * Breadth first, by directed datagrams: they need neither EIDs nor routes.  A device is
 * recognised by its UUID, as rings lead back to where one has been.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "discover.h"
#include "progress.h"
#include "tool.h"
#include "units.h"

/* Within the data of NODE and PORT */
enum { NODE_KIND = 0, NODE_PORTS = 1, NODE_EID = 2, NODE_UUID = 16 };
enum { PORT_STATUS = 4, PORT_PEER = 12, PORT_UUID = 16 };

#define UUID_SIZE	16
#define ROUTES_A_BLOCK	16

static bool carries_traffic(uint64_t status)
{
	return (status & 15) == 2 || (status & 15) == 3;	/* UP, DEGRADED */
}

static void name_node(struct fabric_node *node)
{
	const uint8_t *u = node->uuid;

	snprintf(node->name, sizeof(node->name),
		 "%s %02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 node->kind == FABRIC_SWITCH ? "switch" : "accelerator", u[0], u[1], u[2], u[3],
		 u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

static int find(const struct fabric_graph *graph, const uint8_t *uuid)
{
	unsigned int i;

	for (i = 0; i < graph->count; i++) {
		if (!memcmp(graph->nodes[i].uuid, uuid, UUID_SIZE))
			return (int)i;
	}
	return -1;
}

/* Ask who is at the end of a path; returns its index, new or known */
static int meet(const struct manager *manager, struct fabric_graph *graph,
		struct fabric_node *node)
{
	uint8_t data[DATAGRAM_DATA];
	int index;

	if (datagram_get(manager, node, DATAGRAM_NODE, 0, data))
		return -1;
	memcpy(node->uuid, data + NODE_UUID, UUID_SIZE);
	node->kind = data[NODE_KIND];
	node->port_count = data[NODE_PORTS];
	node->eid = (uint16_t)get_le(data + NODE_EID, 2);
	name_node(node);
	if ((node->kind != FABRIC_ACCEL && node->kind != FABRIC_SWITCH) ||
	    node->port_count > FABRIC_MAX_PORTS)
		return complain("%s says that it is of kind %u with %u ports: its firmware is broken",
				node->name, node->kind, node->port_count);
	index = find(graph, node->uuid);
	if (index < 0)
		index = graph_add(graph, node);
	return index < 0 ? complain("no memory for a fabric of %u devices", graph->count) : index;
}

/* What is behind one port of a known device */
static int follow(const struct manager *manager, struct fabric_graph *graph, unsigned int at,
		  unsigned int port)
{
	struct fabric_node next = graph->nodes[at];
	uint8_t data[DATAGRAM_DATA];
	unsigned int peer_port;
	int peer;

	if (datagram_get(manager, &graph->nodes[at], DATAGRAM_PORT, port, data))
		return -1;
	if (!carries_traffic(get_le(data + PORT_STATUS, 4)))
		return 0;
	peer_port = get_le(data + PORT_PEER, 4) >> 16 & 0xff;
	peer = find(graph, data + PORT_UUID);
	if (peer < 0) {
		if (next.depth == FABRIC_MAX_HOPS)
			return complain("what is behind port %u of %s is more than %u hops away: manage the fabric from an accelerator in its middle (--from)",
					port, next.name, FABRIC_MAX_HOPS);
		next.path[next.depth++] = (uint8_t)port;
		snprintf(next.name, sizeof(next.name), "what is behind port %u", port);
		peer = meet(manager, graph, &next);
	}
	if (peer < 0)
		return -1;
	/* Not a port in loopback, whose partner is the device itself */
	if ((unsigned int)peer != at && peer_port < graph->nodes[peer].port_count)
		graph_join(graph, at, port, (unsigned int)peer, peer_port);
	return 0;
}

unsigned int graph_links(const struct fabric_graph *graph)
{
	unsigned int i, p, ends = 0;

	for (i = 0; i < graph->count; i++) {
		for (p = 0; p < graph->nodes[i].port_count; p++)
			ends += graph->nodes[i].port[p].peer >= 0;
	}
	return ends / 2;
}

static int look_around(const struct manager *manager, struct fabric_graph *graph)
{
	struct fabric_node self = { .name = "the manager's accelerator" };
	unsigned int i, p;

	if (meet(manager, graph, &self) < 0)
		return -1;
	for (i = 0; i < graph->count; i++) {
		for (p = 0; p < graph->nodes[i].port_count; p++) {
			if (graph->nodes[i].port[p].peer < 0 && follow(manager, graph, i, p))
				return -1;
		}
		progress_update(graph->count);
	}
	return 0;
}

static bool enough(const struct fabric_graph *graph, const struct expectation *expected)
{
	return graph->count >= expected->nodes && graph_links(graph) >= expected->links;
}

int discover(const struct manager *manager, const struct expectation *expected,
	     struct fabric_graph *graph)
{
	const struct timespec pause = { .tv_nsec = 300000000 };
	uint64_t end = now_ns() + expected->wait_ns;
	int ret;

	progress_begin("discovering", expected->nodes, "devices");
	for (;;) {
		*graph = (struct fabric_graph) { 0 };
		ret = look_around(manager, graph);
		if ((!ret && enough(graph, expected)) || now_ns() >= end)
			break;
		graph_free(graph);
		nanosleep(&pause, NULL);
	}
	progress_end();
	if (!ret && !enough(graph, expected))
		ret = complain("found %u devices and %u links, expected %u and %u: see 'sfab port' on the nodes for ports that are down",
			       graph->count, graph_links(graph), expected->nodes, expected->links);
	if (ret)
		graph_free(graph);
	return ret;
}

/* The entries of @node's table for all targets that have an EID, block by block */
static int read_table(const struct manager *manager, struct fabric_graph *graph,
		      struct fabric_node *node)
{
	uint8_t data[DATAGRAM_DATA];
	uint32_t block = UINT32_MAX;
	unsigned int eid, i;

	for (eid = 1; eid < 65536; eid++) {
		for (i = 0; i < graph->count && graph->nodes[i].eid != eid; i++)
			;
		if (i == graph->count)
			continue;
		if (eid / ROUTES_A_BLOCK != block) {
			block = eid / ROUTES_A_BLOCK;
			if (datagram_get(manager, node, DATAGRAM_ROUTE, block, data))
				return -1;
		}
		route_unpack(get_le(data + eid % ROUTES_A_BLOCK * 8, 8), &node->routes[i]);
	}
	return 0;
}

int discover_routes(const struct manager *manager, struct fabric_graph *graph)
{
	unsigned int i;
	int ret = 0;

	if (graph_clear_routes(graph))
		return complain("no memory for the tables of %u devices", graph->count);
	progress_begin("reading tables", graph->count, "devices");
	for (i = 0; !ret && i < graph->count; i++) {
		ret = read_table(manager, graph, &graph->nodes[i]);
		progress_update(i + 1);
	}
	progress_end();
	return ret;
}
