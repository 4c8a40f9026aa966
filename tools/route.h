/* SPDX-License-Identifier: MIT */
/*
 * The way of data: host -> accelerator -> ... -> accelerator -> host
 *
 * A route has a buffer of one piece at each place: registered memory of this
 * process at the ends, HBM at the stops between.  A piece travels hop by hop,
 * each hop timed on its own.
 */
#ifndef SFAB_TOOL_ROUTE_H
#define SFAB_TOOL_ROUTE_H

#include <json.h>
#include <stdbool.h>
#include <stdint.h>

#include <sfab/sfab.h>

#define ROUTE_MAX_STOPS	64

/** struct stop - an accelerator on the way */
struct stop {
	struct sfab_device *device;
	char name[32];
	struct sfab_mem *hbm;
	struct sfab_queue *queue;
	struct sfab_batch *batch;
};

/** struct host_buffer - registered memory of this process */
struct host_buffer {
	void *data;
	uint64_t size;
	struct sfab_mem *mem;	/* its first piece */
};

/** struct hop - what went from one place to the next so far */
struct hop {
	const char *from;
	const char *to;
	const char *path;	/* sfab_reach_name() */
	uint64_t bytes;
	uint64_t ns;
};

struct route {
	uint64_t piece;		/* size of every buffer */
	bool back;		/* data return to the host at the end */
	struct host_buffer in, out;
	unsigned int stop_count;
	struct stop *stops;
	struct hop *hops;	/* stop_count, and one more if @back */
};

/**
 * route_open() - get memory and queues along the way; close with route_close()
 * @stops: the accelerators, at most ROUTE_MAX_STOPS; one may occur repeatedly
 * @back: does the way end in the host again, or at the last accelerator?
 * @piece: largest piece
 * @shrink: take smaller ones where HBM or the limit of locked memory is short
 */
int route_open(struct route *route, struct sfab_device *const *stops, unsigned int stop_count,
	       bool back, uint64_t piece, bool shrink);

void route_close(struct route *route);

/** route_hops() - number of elements of @hops */
unsigned int route_hops(const struct route *route);

/** route_poison() - overwrite all buffers but @in, so that nothing old can pass for new */
int route_poison(struct route *route, uint64_t bytes);

/** route_send() - move the first @bytes of @in to the end of the way */
int route_send(struct route *route, uint64_t bytes);

/** route_describe() - the hops and their speeds */
struct json_object *route_describe(const struct route *route);

#endif
