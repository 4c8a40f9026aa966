// SPDX-License-Identifier: MIT
/*
 * sfab copy: a file travels through accelerators
 */
#include <argp.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "accel.h"
#include "interrupt.h"
#include "render/render.h"
#include "tool.h"
#include "transfer.h"
#include "units.h"

enum { KEY_CHUNK = 0x100, KEY_SIZE, KEY_NO_VERIFY };

struct request {
	char **places;		/* a file, accelerators, and maybe a file */
	int place_count;
	uint64_t size;
	uint64_t chunk;
	bool no_verify;
	bool json;
	bool quiet;
};

/* ---- what the user wants ---- */

static void check_places(struct argp_state *state, char **places, int count)
{
	int i, accels = 0;

	if (count < 2)
		argp_error(state, "%s: name where the data come from, and where they go",
			   count ? "the destination is missing" : "source and destination are missing");
	if (accel_is_named(places[0]))
		argp_error(state, "'%s' cannot be the source: the memory of an accelerator is new, and empty, in every process: begin with a file",
			   places[0]);
	for (i = 1; i < count; i++) {
		if (accel_is_named(places[i]))
			accels++;
		else if (i < count - 1)
			argp_error(state, "'%s' is on the way, where only accelerators can be: write accel:0 for accelerator 0",
				   places[i]);
	}
	if (!accels)
		argp_error(state, "no accelerator is on the way from '%s' to '%s': write accel:0 between them",
			   places[0], places[1]);
	if (accels > ROUTE_MAX_STOPS)
		argp_error(state, "%d accelerators are on the way: at most %d can be", accels,
			   ROUTE_MAX_STOPS);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *request = state->input;

	switch (key) {
	case KEY_SIZE:
		request->size = parse_size(state, "size", arg);
		return 0;
	case KEY_CHUNK:
		request->chunk = parse_size(state, "chunk", arg);
		return 0;
	case KEY_NO_VERIFY:
		request->no_verify = true;
		return 0;
	case 'j':
		request->json = true;
		return 0;
	case 'q':
		request->quiet = true;
		return 0;
	case ARGP_KEY_ARGS:
		request->places = state->argv + state->next;
		request->place_count = state->argc - state->next;
		return 0;
	case ARGP_KEY_END:
		check_places(state, request->places, request->place_count);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- what came out ---- */

static struct json_object *describe(const struct request *request,
				    const struct transfer_result *result)
{
	struct json_object *object = json_object_new_object();

	json_put_text(object, "source", request->places[0]);
	json_put_text(object, "destination", request->places[request->place_count - 1]);
	json_put_number(object, "bytes", result->bytes);
	json_put_number(object, "pieces", result->pieces);
	json_put_number(object, "piece_size", result->piece);
	json_put(object, "seconds", json_seconds(result->ns));
	json_put(object, "bytes_per_second", json_rate(result->bytes, result->ns));
	json_put(object, "hops", json_object_get(result->hops));
	if (request->no_verify) {
		json_put(object, "verified", NULL);
	} else {
		json_put(object, "verified", json_object_new_boolean(result->verified));
		json_put_text(object, "sha256_sent", result->sent);
		json_put_text(object, "sha256_received", result->received);
	}
	return object;
}

static void show(const struct request *request, const struct transfer_result *result)
{
	static const struct field columns[] = {
		{ "FROM", "/from", VIEW_TEXT, 0 },
		{ "TO", "/to", VIEW_TEXT, 0 },
		{ "PATH", "/path", VIEW_TEXT, 0 },
		{ "MB/S", "/bytes_per_second", VIEW_RATE, 0 },
		{ 0 }
	};
	char size[32];

	render_table(columns, result->hops);
	printf("%" PRIu64 " bytes", result->bytes);
	if (result->bytes >= 1024)
		printf(" (%s)", format_bytes(size, sizeof(size), result->bytes));
	printf(" in %" PRIu64 " %s, %.2f s\n", result->pieces,
	       result->pieces == 1 ? "piece" : "pieces", (double)result->ns / 1e9);
	if (request->no_verify)
		puts("not verified");
	else if (result->verified)
		printf("verified, sha256 %s\n", result->sent);
}

/* ---- doing it ---- */

static int check_arrival(const struct request *request, const struct transfer_result *result)
{
	if (request->no_verify || result->verified)
		return 0;
	return complain("'%s' was damaged on the way: sha256 %s was sent, %s arrived: nothing is kept; 'sfab info' shows counters, 'sfab demo' finds the path",
			request->places[0], result->sent, result->received);
}

static int finish(const struct request *request, const struct transfer_result *result,
		  struct sink *sink)
{
	struct json_object *object;
	int ret;

	ret = check_arrival(request, result);
	if (!ret && sink && sink_commit(sink))
		return -1;

	object = describe(request, result);
	if (request->json)
		render_json(object);
	else if (!ret)
		show(request, result);
	json_object_put(object);
	return ret;
}

static int copy(struct sfab_context *context, const struct request *request,
		struct source *source, struct sink *sink)
{
	struct sfab_device *stops[ROUTE_MAX_STOPS];
	struct transfer_result result;
	struct transfer_request transfer = {
		.source = source,
		.sink = sink,
		.stops = stops,
		.stop_count = request->place_count - 1 - (sink ? 1 : 0),
		.limit = request->size,
		.piece = request->chunk,
		.verify = !request->no_verify,
		.progress = request->quiet ? NULL : "copied",
	};
	unsigned int i;
	int ret;

	if (!accel_count(context))
		return -1;
	for (i = 0; i < transfer.stop_count; i++) {
		if (accel_find(context, request->places[i + 1], &stops[i]))
			return -1;
	}
	if (transfer_run(&transfer, &result))
		return -1;
	ret = finish(request, &result, sink);
	json_object_put(result.hops);
	return ret;
}

static int copy_files(struct sfab_context *context, const struct request *request)
{
	const char *destination = request->places[request->place_count - 1];
	struct source source;
	struct sink sink;
	int ret;

	if (source_open(&source, request->places[0]))
		return -1;
	if (accel_is_named(destination)) {
		ret = copy(context, request, &source, NULL);
	} else {
		ret = sink_open(&sink, destination);
		if (!ret) {
			ret = copy(context, request, &source, &sink);
			sink_abandon(&sink);
		}
	}
	source_close(&source);
	return ret;
}

int copy_main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "size", KEY_SIZE, "SIZE", 0, "Copy the first SIZE bytes (default: all)", 0 },
		{ "chunk", KEY_CHUNK, "SIZE", 0,
		  "Send pieces of SIZE (default: 32M, less where memory is short)", 0 },
		{ "no-verify", KEY_NO_VERIFY, NULL, 0, "Do not compare SHA-256 of both ends", 0 },
		OPTION_QUIET,
		OPTION_JSON,
		{ 0 }
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "FILE accel:N... [FILE]",
		.doc = "Copy a file through the memory of one or more accelerators, in the order\n"
		       "given, into another file, and verify what arrives.\n"
		       "\vaccel:N is an accelerator, N as 'sfab info' takes it. Without a file at\n"
		       "the end the data are brought back to be verified, then dropped.\n\n"
		       "Example: sfab copy in.bin accel:0 accel:1 out.bin\n",
	};
	struct request request = { 0 };
	struct sfab_context *context;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &request);
	if (accel_open(&context))
		return EXIT_FAILURE;
	interrupt_catch();
	ret = copy_files(context, &request);
	sfab_context_close(context);
	interrupt_die();
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
