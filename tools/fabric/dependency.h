/* SPDX-License-Identifier: MIT */
/*
 * Can route tables deadlock?
 *
 * A *channel* is a virtual channel of a link in one direction: a buffer.  A packet
 * that sits in one and is to go on into another one makes the first depend on the
 * second.  Tables cannot deadlock if no cycle of such dependencies exists (Dally and
 * Seitz, "Deadlock-Free Message Routing in Multiprocessor Interconnection Networks",
 * IEEE Transactions on Computers C-36, 1987, theorem 1).  Every candidate counts, as if
 * those before it were down.  The traffic classes have buffers of their own and follow
 * the same tables, so one check speaks for all.
 */
#ifndef SFAB_FABRIC_DEPENDENCY_H
#define SFAB_FABRIC_DEPENDENCY_H

#include <stddef.h>

#include "graph.h"

struct dependencies;

/** dependencies_new() - of tables without routes; NULL: no memory */
struct dependencies *dependencies_new(const struct fabric_graph *graph);
void dependencies_free(struct dependencies *deps);

/**
 * dependencies_add() - add one candidate to what is depended on
 * @node, @target: whose table, which entry; the graph's table is not looked at
 *
 * Returns false, and changes nothing, if the dependencies would have a cycle then.
 */
bool dependencies_add(struct dependencies *deps, unsigned int node, unsigned int target,
		      const struct candidate *way);

/**
 * dependencies_check() - the tables of @graph as they are
 * @cycle: filled with the channels of a cycle, in words
 *
 * Returns 0: no cycle; 1: a cycle; -1: no memory.
 */
int dependencies_check(const struct fabric_graph *graph, char *cycle, size_t size);

#endif
