/* SPDX-License-Identifier: MIT */
/*
 * The fabric as the manager knows it: devices, what joins their ports, and the
 * route tables that they have or shall have
 */
#ifndef SFAB_FABRIC_GRAPH_H
#define SFAB_FABRIC_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#define FABRIC_MAX_PORTS	64
#define FABRIC_MAX_HOPS		32	/* of a directed datagram */
#define FABRIC_CANDIDATES	4
#define FABRIC_VCS		2

enum fabric_kind { FABRIC_ACCEL = 1, FABRIC_SWITCH = 2 };

/** enum vc_action - what a packet's virtual channel becomes when it leaves */
enum vc_action { VC_KEEP, VC_ONE, VC_ZERO };

/** struct candidate - one way to a target; @hops 0: none */
struct candidate {
	uint8_t port;
	uint8_t action;		/* enum vc_action */
	uint8_t hops;
};

/** struct fabric_route - the ways to a target, the best first */
struct fabric_route {
	struct candidate way[FABRIC_CANDIDATES];
	unsigned int line;		/* of the file that tells it, 0: none does */
};

/** struct fabric_port - @peer is an index into the graph, -1 while no link is up */
struct fabric_port {
	int peer;
	uint8_t peer_port;
};

/** struct fabric_node - an accelerator or a switch */
struct fabric_node {
	char name[64];			/* for messages */
	uint8_t uuid[16];
	enum fabric_kind kind;
	uint16_t eid;			/* 0: none */
	unsigned int port_count;
	struct fabric_port port[FABRIC_MAX_PORTS];
	unsigned int depth;		/* how a directed datagram gets here */
	uint8_t path[FABRIC_MAX_HOPS];
	struct fabric_route *routes;	/* by index of the target in the graph */
};

/** struct fabric_graph - all that is reachable from the first node */
struct fabric_graph {
	struct fabric_node *nodes;
	unsigned int count;
};

void graph_free(struct fabric_graph *graph);

/** graph_add() - append a node without links; returns its index, -1: no memory */
int graph_add(struct fabric_graph *graph, const struct fabric_node *node);

/** graph_join() - a link between two ports */
void graph_join(struct fabric_graph *graph, unsigned int a, unsigned int a_port, unsigned int b,
		unsigned int b_port);

/** graph_clear_routes() - empty tables of the right size; -1: no memory */
int graph_clear_routes(struct fabric_graph *graph);

/** route_pack(), route_unpack() - the ROUTE register of qemu/docs/specs/sfab-fabric.rst */
uint64_t route_pack(const struct fabric_route *route);
void route_unpack(uint64_t value, struct fabric_route *route);

/** vc_after() - the virtual channel that a packet of @vc has after @action */
static inline unsigned int vc_after(unsigned int vc, unsigned int action)
{
	return action == VC_KEEP ? vc : action == VC_ONE;
}

#endif
