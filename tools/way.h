/* SPDX-License-Identifier: MIT */
/*
 * The way that data take through the fabric now, as far as this node sees it
 */
#ifndef SFAB_TOOL_WAY_H
#define SFAB_TOOL_WAY_H

#include <stdbool.h>

#include <sfab/sfab.h>

#define WAY_MAX_STEPS	8

/** struct way - the ports by which data leave, one after the other */
struct way {
	unsigned int eid;		/* where they go */
	unsigned int hops;		/* in all; 0: no port carries traffic */
	unsigned int detours;		/* better candidates that were passed over, being down */
	unsigned int steps;
	struct {
		unsigned int accel;	/* index in the context */
		unsigned int port;
	} step[WAY_MAX_STEPS];
};

/**
 * way_find() - follow the tables, and the states of ports, as the hardware does
 * @device: where data start
 *
 * Accelerators of this node that forward are steps too; what other nodes do is not seen.
 * Failures were told to the user.
 */
int way_find(struct sfab_context *context, struct sfab_device *device, unsigned int eid,
	     struct way *way);

bool way_equal(const struct way *a, const struct way *b);

/** way_print() - "accel2:0 > accel3:2 > EID 5" */
void way_print(const struct way *way, char *text, size_t size);

#endif
