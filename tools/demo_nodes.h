/* SPDX-License-Identifier: MIT */
/*
 * The demonstration on several nodes
 */
#ifndef SFAB_TOOL_DEMO_NODES_H
#define SFAB_TOOL_DEMO_NODES_H

#include <json.h>
#include <stdbool.h>

#include <sfab/sfab.h>

#include "file.h"
#include "meeting.h"
#include "render/render.h"

/** struct demo_tally - what was done so far; the counts are of real transfers */
struct demo_tally {
	struct json_object *rows;
	unsigned int transfers;
	unsigned int verified;
};

/** demo_nodes_columns - how people see the rows */
extern const struct field demo_nodes_columns[];

/**
 * demo_nodes() - a file goes from every accelerator of all nodes to all of this one
 * @show: print each row when it is there
 *
 * Within the node it goes by PCIe and by the fabric.  Every node must call this.  A
 * transfer that fails is counted, and the others go on.
 */
int demo_nodes(struct sfab_context *context, const struct meeting *meeting,
	       struct source *source, bool show, struct demo_tally *tally);

#endif
