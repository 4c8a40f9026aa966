/* SPDX-License-Identifier: MIT */
/*
 * Finding out what the fabric is: every device that can be reached from one accelerator
 */
#ifndef SFAB_FABRIC_DISCOVER_H
#define SFAB_FABRIC_DISCOVER_H

#include "datagram.h"

/** struct expectation - what must be there before going on; 0: whatever there is */
struct expectation {
	unsigned int nodes;
	unsigned int links;
	uint64_t wait_ns;		/* look again until then */
};

/** graph_links() - links that are up */
unsigned int graph_links(const struct fabric_graph *graph);

/**
 * discover() - ask all devices for their ports, and those behind them in turn
 * @graph: out, free with graph_free(); the first node is the manager's own accelerator
 *
 * The paths are shortest ones.  Failures were told to the user.
 */
int discover(const struct manager *manager, const struct expectation *expected,
	     struct fabric_graph *graph);

/** discover_routes() - read the tables of all devices into @graph */
int discover_routes(const struct manager *manager, struct fabric_graph *graph);

#endif
