/* SPDX-License-Identifier: MIT */
/*
 * Route tables as text: one entry a line,
 *
 *	EID TARGET PORT[/vc0|/vc1]:HOPS...
 *
 * the device with this EID reaches TARGET by these candidates, the first that is up.
 * /vc0 and /vc1 say in which virtual channel a packet goes on.  # begins a comment.
 */
#ifndef SFAB_FABRIC_TABLES_H
#define SFAB_FABRIC_TABLES_H

#include "graph.h"

/** tables_print() - all entries of all devices, to standard output */
void tables_print(const struct fabric_graph *graph);

/** tables_read() - replace the tables of @graph; failures were told to the user */
int tables_read(struct fabric_graph *graph, const char *file);

/**
 * tables_verify() - follow what was read: do all accelerators reach each other, in as many hops?
 * @partial: no matter whether they do
 *
 * Failures were told to the user.
 */
int tables_verify(const struct fabric_graph *graph, const char *file, bool partial);

#endif
