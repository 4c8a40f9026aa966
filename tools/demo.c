// SPDX-License-Identifier: MIT
/*
 * sfab demo: a file travels through every ordered pair of accelerators
 */
#include <argp.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "accel.h"
#include "demo_nodes.h"
#include "interrupt.h"
#include "render/render.h"
#include "tool.h"
#include "transfer.h"
#include "units.h"

static const struct field columns[] = {
	{ "FROM", "/from", VIEW_TEXT, 8 },
	{ "TO", "/to", VIEW_TEXT, 8 },
	{ "PATH", "/path", VIEW_TEXT, 6 },
	{ "BYTES", "/bytes", VIEW_NUMBER, 12 },
	{ "HOP MB/S", "/hop_bytes_per_second", VIEW_RATE, 9 },
	{ "ALL MB/S", "/bytes_per_second", VIEW_RATE, 9 },
	{ "SHA256", "/verified", VIEW_VERDICT, 0 },
	{ 0 }
};

struct request {
	const char *path;
	struct meeting meeting;		/* @dir NULL: this node alone */
	bool numbered;			/* --node was given */
	bool json;
	bool quiet;
};

enum { KEY_SHARE = 0x100, KEY_NODE, KEY_NODES };

static unsigned int parse_node(struct argp_state *state, const char *text)
{
	unsigned long value;
	char *end;

	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || value >= MEETING_MAX_NODES)
		argp_error(state, "--node '%s' is not a number from 0 to %u", text,
			   MEETING_MAX_NODES - 1);
	return value;
}

static void check_nodes(struct argp_state *state, const struct request *request)
{
	const struct meeting *m = &request->meeting;

	if (!m->dir && !m->nodes && !request->numbered)
		return;
	if (!m->dir || !m->nodes || !request->numbered)
		argp_error(state, "--share, --node and --nodes belong together: give all three");
	if (m->node >= m->nodes)
		argp_error(state, "--node %u of --nodes %u: the last one is %u", m->node, m->nodes,
			   m->nodes - 1);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *request = state->input;

	switch (key) {
	case 'j':
		request->json = true;
		return 0;
	case 'q':
		request->quiet = true;
		request->meeting.quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		if (request->path)
			argp_error(state, "'%s' is one argument too many: name one file", arg);
		request->path = arg;
		return 0;
	case KEY_SHARE:
		request->meeting.dir = arg;
		return 0;
	case KEY_NODE:
		request->meeting.node = parse_node(state, arg);
		request->numbered = true;
		return 0;
	case KEY_NODES:
		request->meeting.nodes = parse_count(state, "nodes", arg, MEETING_MAX_NODES);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "the file to send is missing: name one");
		return 0;
	case ARGP_KEY_END:
		check_nodes(state, request);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void describe_result(struct json_object *row, const struct transfer_result *result)
{
	/* host -> from, from -> to, to -> host */
	struct json_object *hop = json_object_array_get_idx(result->hops, 1);

	json_put(row, "path", json_object_get(json_object_object_get(hop, "path")));
	json_put_number(row, "bytes", result->bytes);
	json_put(row, "hop_seconds", json_object_get(json_object_object_get(hop, "seconds")));
	json_put(row, "hop_bytes_per_second",
		 json_object_get(json_object_object_get(hop, "bytes_per_second")));
	json_put(row, "seconds", json_seconds(result->ns));
	json_put(row, "bytes_per_second", json_rate(result->bytes, result->ns));
	json_put_text(row, "sha256_sent", result->sent);
	json_put_text(row, "sha256_received", result->received);
	json_object_put(result->hops);
}

/* A transfer that fails was told already; the others go on */
static int send_through(const struct request *request, struct source *source,
			struct sfab_device *const pair[2], struct demo_tally *tally)
{
	struct sfab_device_info from, to;
	struct transfer_result result;
	struct json_object *row;
	char label[80];
	const struct transfer_request transfer = {
		.source = source,
		.stops = pair,
		.stop_count = 2,
		.verify = true,
		.progress = request->quiet ? NULL : label,
	};
	bool done;

	if (accel_info(pair[0], &from) || accel_info(pair[1], &to) || source_rewind(source))
		return -1;
	snprintf(label, sizeof(label), "%s -> %s", from.name, to.name);

	row = json_object_new_object();
	json_put_text(row, "from", from.name);
	json_put_text(row, "to", to.name);
	done = transfer_run(&transfer, &result) == 0;
	if (done)
		describe_result(row, &result);
	json_put(row, "verified", done ? json_object_new_boolean(result.verified) : NULL);
	json_object_array_add(tally->rows, row);
	tally->transfers++;
	tally->verified += done && result.verified;

	if (!request->json) {
		render_row(columns, row);
		output_push();
	}
	return interrupted() ? -1 : 0;
}

static int send_through_all(struct sfab_context *context, const struct request *request,
			    struct source *source, struct demo_tally *tally)
{
	unsigned int i, j, count = accel_count(context);
	struct sfab_device *pair[2];

	if (!count)
		return -1;
	if (count < 2)
		return complain("this node has one accelerator, and a pair is needed: 'sfab copy FILE accel:0 FILE' uses one");
	if (!request->json)
		render_head(columns);
	for (i = 0; i < count; i++) {
		for (j = 0; j < count; j++) {
			if (i == j)
				continue;
			if (sfab_device_get(context, i, &pair[0]) < 0 ||
			    sfab_device_get(context, j, &pair[1]) < 0)
				return complain_library();
			if (send_through(request, source, pair, tally))
				return -1;
		}
	}
	return 0;
}

static void finish(const struct request *request, const struct demo_tally *tally)
{
	struct json_object *document;

	if (!request->json) {
		printf("demo: %u transfers, %u verified\n", tally->transfers, tally->verified);
		return;
	}
	document = json_object_new_object();
	json_put_text(document, "input", request->path);
	json_put(document, "rows", json_object_get(tally->rows));
	json_put_number(document, "transfers", tally->transfers);
	json_put_number(document, "verified", tally->verified);
	render_json(document);
	json_object_put(document);
}

static int demo(struct sfab_context *context, const struct request *request)
{
	struct demo_tally tally = { 0 };
	struct source source;
	int ret;

	if (source_open(&source, request->path))
		return -1;
	if (!source.again) {
		source_close(&source);
		return complain("'%s' can be read only once, and every pair needs it: name a regular file",
				request->path);
	}
	tally.rows = json_object_new_array();
	if (request->meeting.dir)
		ret = demo_nodes(context, &request->meeting, &source, !request->json, &tally);
	else
		ret = send_through_all(context, request, &source, &tally);
	if (tally.transfers)
		finish(request, &tally);
	if (tally.verified != tally.transfers)
		ret = -1;
	json_object_put(tally.rows);
	source_close(&source);
	return ret;
}

int demo_main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "share", KEY_SHARE, "DIR", 0,
		  "Do it with other nodes, which meet in DIR, an empty directory that all see", 0 },
		{ "node", KEY_NODE, "I", 0, "This is node I, from 0 on", 0 },
		{ "nodes", KEY_NODES, "N", 0, "There are N nodes", 0 },
		OPTION_QUIET,
		OPTION_JSON,
		{ 0 }
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "FILE",
		.doc = "Send a file through every ordered pair of accelerators of this node, and\n"
		       "verify what comes back: host -> HBM of one -> HBM of the other -> host.\n"
		       "\vHOP is the copy between the two accelerators alone; ALL is everything,\n"
		       "from reading the file to checking the data. With --share the file goes\n"
		       "from the accelerators of all nodes to those of this one, within the node\n"
		       "by PCIe and by the fabric. The exit status tells whether all transfers\n"
		       "were verified.\n",
	};
	struct request request = { 0 };
	struct sfab_context *context;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &request);
	if (accel_open(&context))
		return EXIT_FAILURE;
	interrupt_catch();
	ret = demo(context, &request);
	sfab_context_close(context);
	interrupt_die();
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
