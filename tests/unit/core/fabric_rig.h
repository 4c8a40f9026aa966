/* SPDX-License-Identifier: MIT */
/*
 * Several fabrics in one process: fibres of plain memory, a clock under control, and
 * a sink behind each router that sends numbered packets and checks those that arrive.
 */
#ifndef FABRIC_RIG_H
#define FABRIC_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fabric.h"
#include "fabric_regs.h"
#include "fibre_memory.h"
#include "link.h"

#define MS		1000000ull
#define NODES		8
#define FLOWS		4
#define CABLES		16

struct net;

/* Requests of consecutive psn to one EID. */
struct flow {
	uint16_t dst;
	uint32_t bytes;		/* payload */
	unsigned int left;	/* to be sent */
	unsigned int window;	/* unanswered at most; 0: any */
	uint32_t psn;		/* of the next */
	unsigned int answered;	/* DONE */
	unsigned int errors;	/* ERROR */
	uint16_t status;	/* of the last one */
	int refused;		/* what reserve said last */
};

struct node {
	struct net *net;
	unsigned int index;
	struct sfab_fabric *fabric;
	uint16_t eid;
	bool rung, woken;
	unsigned int rings, port_events, mgmt_events;
	bool dead;		/* net_run() leaves it out */

	struct flow flow[FLOWS];
	unsigned int turn;

	/* What came in, by source EID. */
	unsigned int received[64];
	uint32_t expected[64];	/* psn, if in_order */
	bool answer;		/* with DONE */
	bool lossy;		/* gaps in psn are all right, repetitions are not */
	bool any;		/* whatever it is */
	bool deaf;		/* deliver returns false */
	uint64_t pause;		/* ns between two deliveries */
	uint64_t next;
	struct sfab_packet last;
};

struct cable {
	void *view[2];		/* of its memory, by end; the first one also as: */
	struct sfab_fibre_half *memory;
	unsigned int node[2], port[2], path[2];
};

struct net {
	uint64_t clock;
	unsigned int nodes, cables;
	struct node node[NODES];
	struct cable cable[CABLES];
};

/* EIDs 1, 2, ... @change: for each node, before it is made; may be NULL. */
struct net *net_new(unsigned int nodes,
		    void (*change)(struct sfab_fabric_config *config, unsigned int node));
void net_free(struct net *net);

/* Put a fibre between two ports; cut it; put the same memory in again. */
unsigned int net_cable_at(struct net *net, unsigned int a, unsigned int port_a,
			  unsigned int path_a, unsigned int b, unsigned int port_b);
unsigned int net_cable_between(struct net *net, unsigned int a, unsigned int port_a,
			       unsigned int path_a, unsigned int b, unsigned int port_b,
			       unsigned int path_b);
/* At path 0. */
unsigned int net_cable(struct net *net, unsigned int a, unsigned int port_a,
		       unsigned int b, unsigned int port_b);
void net_cut(struct net *net, unsigned int cable);
void net_join(struct net *net, unsigned int cable);

/* Let everybody run for so long; the clock jumps to what is due. */
void net_run(struct net *net, uint64_t ns);

/* A node that is dead runs so often all the same. */
void net_run_by_hand(struct node *node, unsigned int times);

uint32_t fr32(struct node *node, uint64_t offset);
uint64_t fr64(struct node *node, uint64_t offset);
void fw32(struct node *node, uint64_t offset, uint32_t value);
void fw64(struct node *node, uint64_t offset, uint64_t value);
#define P_REG(p, r)	(SFAB_PORT_BASE + (p) * SFAB_PORT_STRIDE + (SFAB_REG_P_##r))
unsigned int port_state(struct node *node, unsigned int port);
unsigned int port_reason(struct node *node, unsigned int port);
uint64_t port_counter(struct node *node, unsigned int port, unsigned int counter);

/* ROUTE of @eid: candidates as CANDIDATE(), the first one lowest. */
#define CANDIDATE(port, action, hops)	((uint64_t)((port) | (action) << 6 | (hops) << 8))
void route(struct node *node, uint16_t eid, uint64_t candidates);

/* Send @count requests of @bytes to @dst with flow @f. */
struct flow *flow_start(struct node *node, unsigned int f, uint16_t dst,
			unsigned int count, uint32_t bytes);

/* 0 - 1 - ... - n-1: port 1 of each to port 0 of the next, routes both ways. */
struct net *net_chain(unsigned int nodes,
		      void (*change)(struct sfab_fabric_config *config, unsigned int node));

#endif /* FABRIC_RIG_H */
