// SPDX-License-Identifier: MIT
/*
 * Sends a whole file along a route, piece by piece, and checks what arrives
 */
#include <string.h>

#include "interrupt.h"
#include "progress.h"
#include "tool.h"
#include "transfer.h"
#include "units.h"

#define PIECE_DEFAULT	(32ULL << 20)
#define PIECE_LEAST	4096

/* What travels: a request with its route and the sums at both ends of it */
struct journey {
	const struct transfer_request *request;
	struct transfer_result *result;
	struct route route;
	struct digest *sent, *received;
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* 0: not known, as for a pipe */
static uint64_t expected(const struct transfer_request *request)
{
	if (!request->limit || !request->source->size)
		return request->limit ?: request->source->size;
	return least(request->limit, request->source->size);
}

static uint64_t choose_piece(const struct transfer_request *request)
{
	uint64_t size = expected(request);

	if (request->piece)
		return request->piece;
	if (!size)
		return request->source->again ? PIECE_LEAST : PIECE_DEFAULT;
	return size < PIECE_LEAST ? PIECE_LEAST : least(size, PIECE_DEFAULT);
}

static int send_piece(struct journey *journey, uint64_t bytes)
{
	const struct transfer_request *request = journey->request;
	struct route *route = &journey->route;

	if (request->verify && (digest_add(journey->sent, route->in.data, bytes) ||
				route_poison(route, bytes)))
		return -1;
	if (route_send(route, bytes))
		return -1;
	if (request->verify && digest_add(journey->received, route->out.data, bytes))
		return -1;
	return request->sink ? sink_write(request->sink, route->out.data, bytes) : 0;
}

static int send_all(struct journey *journey)
{
	const struct transfer_request *request = journey->request;
	uint64_t limit = request->limit ?: UINT64_MAX;
	struct transfer_result *result = journey->result;
	struct route *route = &journey->route;
	ssize_t bytes;

	do {
		if (interrupted())
			return complain("interrupted");
		bytes = source_read(request->source, route->in.data,
				    least(route->piece, limit - result->bytes));
		if (bytes < 0)
			return -1;
		if (bytes == 0)
			break;
		if (send_piece(journey, bytes))
			return -1;
		result->bytes += bytes;
		result->pieces++;
		progress_update(result->bytes);
	} while (result->bytes < limit);
	return 0;
}

static int compare(struct journey *journey)
{
	struct transfer_result *result = journey->result;

	if (!journey->request->verify)
		return 0;
	if (digest_end(journey->sent, result->sent) ||
	    digest_end(journey->received, result->received))
		return -1;
	result->verified = strcmp(result->sent, result->received) == 0;
	return 0;
}

static int travel(struct journey *journey)
{
	const struct transfer_request *request = journey->request;
	uint64_t began = now_ns();
	int ret;

	if (request->verify) {
		journey->sent = digest_begin();
		journey->received = digest_begin();
		if (!journey->sent || !journey->received)
			return -1;
	}
	if (request->progress)
		progress_begin(request->progress, expected(request), NULL);
	ret = send_all(journey);
	if (!ret)
		ret = compare(journey);
	progress_end();
	journey->result->ns = now_ns() - began;
	return ret;
}

int transfer_run(const struct transfer_request *request, struct transfer_result *result)
{
	struct journey journey = { .request = request, .result = result };
	int ret;

	*result = (struct transfer_result){ 0 };
	if (route_open(&journey.route, request->stops, request->stop_count,
		       request->sink || request->verify, choose_piece(request), !request->piece))
		return -1;
	ret = travel(&journey);
	if (!ret) {
		result->piece = journey.route.piece;
		result->hops = route_describe(&journey.route);
	}
	digest_free(journey.sent);
	digest_free(journey.received);
	route_close(&journey.route);
	return ret;
}
