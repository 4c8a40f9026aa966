/* SPDX-License-Identifier: MIT */
/*
 * Where the nodes of a supernode meet: files in a directory that all of them see
 *
 * Waits are bounded, and end early when another node says that it gave up.  Failures were
 * told to the user.
 */
#ifndef SFAB_TOOL_MEETING_H
#define SFAB_TOOL_MEETING_H

#include <stdbool.h>
#include <stddef.h>

#define MEETING_MAX_NODES	64

struct meeting {
	const char *dir;
	unsigned int node, nodes;	/* this one, of how many */
	bool quiet;			/* show no progress while waiting for all */
};

/**
 * meeting_enter() - take this node's name, before anything else; only one can have it
 *
 * Who fails here has no name in which he could tell anything, or give up.
 */
int meeting_enter(const struct meeting *meeting);

/** meeting_tell() - let the others hear something; it appears whole, and once */
int meeting_tell(const struct meeting *meeting, const char *what, const void *data, size_t size);

/** meeting_hear() - what @node tells, or will tell; exactly @size bytes */
int meeting_hear(const struct meeting *meeting, unsigned int node, const char *what, void *data,
		 size_t size);

/** meeting_all() - wait until all nodes are there */
int meeting_all(const struct meeting *meeting, const char *where);

/** meeting_give_up() - let nobody wait for this node any more */
void meeting_give_up(const struct meeting *meeting);

#endif
