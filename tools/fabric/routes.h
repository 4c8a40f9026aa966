/* SPDX-License-Identifier: MIT */
/*
 * Route tables for a fabric of any shape
 *
 * Shortest ways first; then, as long as the channel dependencies have no cycle, up to
 * three further candidates that hardware takes when a port is down.  Where shortest ways
 * alone cannot be free of cycles, all ways are up*\/down* ways (Schroeder et al.,
 * "Autonet", 1991) of a tree, which always are.
 */
#ifndef SFAB_FABRIC_ROUTES_H
#define SFAB_FABRIC_ROUTES_H

#include "graph.h"

/** struct routes_result - what was achieved */
struct routes_result {
	bool shortest;			/* false: up*\/down* */
	unsigned int pairs;		/* device and target that can reach each other */
	unsigned int unreachable;
	unsigned int alternatives;	/* candidates beyond the first */
};

/**
 * routes_compute() - fill the tables of @graph
 *
 * Returns 0; -1: no memory.
 */
int routes_compute(struct fabric_graph *graph, struct routes_result *result);

#endif
