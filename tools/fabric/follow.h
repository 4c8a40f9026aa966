/* SPDX-License-Identifier: MIT */
/*
 * Where the tables lead: from device to device by the ports, as hardware does
 *
 * A packet goes on by the first candidate whose port is up and is not the one where it came in.
 */
#ifndef SFAB_FABRIC_FOLLOW_H
#define SFAB_FABRIC_FOLLOW_H

#include "graph.h"

/** follow_route() - hops of a packet from @node to another one, @target; 0: it gets not there */
unsigned int follow_route(const struct fabric_graph *graph, unsigned int node,
			  unsigned int target);

/** follow_candidate() - likewise, if it leaves @node by @way, whatever is before that */
unsigned int follow_candidate(const struct fabric_graph *graph, unsigned int node,
			      unsigned int target, const struct candidate *way);

#endif
