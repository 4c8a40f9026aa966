/* SPDX-License-Identifier: MIT */
/*
 * Sends a whole file along a route, piece by piece, and checks what arrives
 */
#ifndef SFAB_TOOL_TRANSFER_H
#define SFAB_TOOL_TRANSFER_H

#include <json.h>
#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "file.h"
#include "route.h"

/** struct transfer_request - what to send, and how */
struct transfer_request {
	struct source *source;		/* read from where it stands */
	struct sink *sink;		/* NULL: the data are not kept */
	struct sfab_device *const *stops;
	unsigned int stop_count;
	uint64_t limit;			/* bytes at most; 0: the whole file */
	uint64_t piece;			/* bytes at once; 0: chosen */
	bool verify;			/* bring the data back and compare SHA-256 */
	const char *progress;		/* label of the progress; NULL: none */
};

/** struct transfer_result - what happened */
struct transfer_result {
	uint64_t bytes;
	uint64_t pieces;
	uint64_t piece;			/* bytes at once */
	uint64_t ns;			/* from the first read to the last check */
	struct json_object *hops;	/* of route_describe(), the caller's */
	bool verified;
	char sent[DIGEST_TEXT];		/* SHA-256; "" without verification */
	char received[DIGEST_TEXT];
};

/**
 * transfer_run() - do it
 *
 * Data that arrive damaged are no failure of this function: see @verified.
 */
int transfer_run(const struct transfer_request *request, struct transfer_result *result);

#endif
