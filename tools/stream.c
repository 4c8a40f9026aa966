// SPDX-License-Identifier: MIT
/*
 * sfab stream: write to exported memory without pause, read all back and compare, and watch
 * which way it goes
 *
 * What happens is told in phases: one ends when the way changes, as a port goes down or
 * comes back.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accel.h"
#include "handle.h"
#include "interrupt.h"
#include "progress.h"
#include "render/render.h"
#include "tool.h"
#include "units.h"
#include "way.h"

#define PIECE		(256ULL << 10)	/* small, so that a short stop shows */
#define ASK_NS		100000000	/* between looks at the ports of whoever may be unplugged */
#define STAMP_STEP	64		/* bytes; each has the number of the round in it */
#define SECONDS_DEFAULT	10
#define MAX_ACCELS	16
#define MAX_PORTS	16

struct request {
	const char *accel;
	const char *to;
	unsigned int seconds;
	enum sfab_loss_policy policy;
	unsigned int limit_ms;
	bool json;
	bool quiet;
};

/* What the ports of this node have sent, and which packets were sent there as others were down */
struct snapshot {
	uint64_t sent[MAX_ACCELS][MAX_PORTS];
	uint64_t rerouted[MAX_ACCELS];
};

/* As long as the way stays the same */
struct phase {
	struct way way;
	struct snapshot before;
	uint64_t began;
	uint64_t bytes, rounds;
	uint64_t longest, first;	/* rounds, in ns */
};

struct stream {
	const struct request *request;
	struct sfab_context *context;
	struct sfab_device *device;
	struct sfab_handle_info target;
	struct sfab_queue *queue;
	struct sfab_batch *batch;
	uint8_t *out, *back;		/* a piece each */
	struct sfab_mem *out_mem, *back_mem, *remote;
	uint64_t piece, at;		/* @at: offset of the next one in the remote memory */
	uint64_t began, rounds, bytes, stalled;	/* @stalled: the longest failover, in ns */
	struct phase phase;
	struct snapshot last;
	uint64_t asked;			/* when that was */
	unsigned int failovers, failbacks;
	struct json_object *phases;
};

static const struct field columns[] = {
	{ "FROM S", "/from_seconds", VIEW_SECONDS, 7 },
	{ "TO S", "/to_seconds", VIEW_SECONDS, 7 },
	{ "WAY", "/way", VIEW_TEXT, 27 },
	{ "HOPS", "/hops", VIEW_NUMBER, 0 },
	{ "VERIFIED", "/bytes", VIEW_BYTES, 10 },
	{ "MB/S", "/bytes_per_second", VIEW_RATE, 7 },
	{ "USUAL MS", "/usual_stop_seconds", VIEW_MILLI, 0 },
	{ "LONGEST MS", "/longest_stop_seconds", VIEW_MILLI, 0 },
	{ "REROUTED", "/rerouted_packets", VIEW_NUMBER, 0 },
	{ "SENT BY PORTS", "/ports", VIEW_LIST, 0 },
	{ 0 }
};

/* ---- phases ---- */

/* All ports of one accelerator, or nothing of it: 1 if it is no part of the way, or not any more */
static int read_ports(struct sfab_device *device, uint64_t *sent, uint64_t *rerouted)
{
	struct sfab_fabric_info fabric = { .size = sizeof(fabric) };
	struct sfab_port_info info = { .size = sizeof(info) };
	unsigned int p;
	int ret;

	if (sfab_device_get_fabric(device, &fabric) < 0)
		return 1;
	for (p = 0; p < fabric.ports && p < MAX_PORTS; p++) {
		ret = sfab_port_get_info(device, p, &info);
		if (ret == -ENODEV)
			return 1;
		if (ret < 0)
			return complain_library();
		sent[p] = info.bytes_sent;
		*rerouted += info.failovers;
	}
	return 0;
}

/* Of an accelerator that was unplugged the last that it said stays */
static int update_snapshot(struct stream *s)
{
	struct snapshot *snapshot = &s->last;
	int i, ret, count = sfab_device_count(s->context);
	struct sfab_device *device;

	for (i = 0; i < count && i < MAX_ACCELS; i++) {
		uint64_t sent[MAX_PORTS] = { 0 }, rerouted = 0;

		if (sfab_device_get(s->context, i, &device) < 0)
			continue;
		ret = read_ports(device, sent, &rerouted);
		if (ret < 0)
			return -1;
		if (ret)
			continue;
		memcpy(snapshot->sent[i], sent, sizeof(sent));
		snapshot->rerouted[i] = rerouted;
	}
	s->asked = now_ns();
	return 0;
}

/* Counters that have become less have begun again from zero */
static uint64_t since(uint64_t before, uint64_t now)
{
	return now < before ? now : now - before;
}

static uint64_t rerouted_in(const struct phase *phase, const struct snapshot *now)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < MAX_ACCELS; i++)
		sum += since(phase->before.rerouted[i], now->rerouted[i]);
	return sum;
}

/* Those that sent what matters: not an answer or a datagram now and then */
static struct json_object *describe_ports(const struct phase *phase, const struct snapshot *now)
{
	struct json_object *list = json_object_new_array();
	char text[64], bytes[32];
	unsigned int i, p;

	for (i = 0; i < MAX_ACCELS; i++) {
		for (p = 0; p < MAX_PORTS; p++) {
			uint64_t sent = since(phase->before.sent[i][p], now->sent[i][p]);

			if (!sent || sent < phase->bytes / 20)
				continue;
			snprintf(text, sizeof(text), "accel%u:%u %s", i, p,
				 format_bytes(bytes, sizeof(bytes), sent));
			json_object_array_add(list, json_object_new_string(text));
		}
	}
	return list;
}

static void tell_phase(const struct stream *s, uint64_t end)
{
	const struct phase *phase = &s->phase;
	struct json_object *row = json_object_new_object();
	char way[128];

	way_print(&phase->way, way, sizeof(way));
	json_put(row, "from_seconds", json_seconds(phase->began - s->began));
	json_put(row, "to_seconds", json_seconds(end - s->began));
	json_put_text(row, "way", way);
	json_put_number(row, "hops", phase->way.hops);
	json_put_number(row, "bytes", phase->bytes);
	json_put(row, "bytes_per_second", json_rate(phase->bytes, end - phase->began));
	json_put(row, "usual_stop_seconds", json_seconds((end - phase->began) / phase->rounds));
	json_put(row, "longest_stop_seconds", json_seconds(phase->longest));
	json_put_number(row, "rerouted_packets", rerouted_in(phase, &s->last));
	json_put(row, "ports", describe_ports(phase, &s->last));
	json_object_array_add(s->phases, row);
	if (!s->request->json) {
		progress_clear();
		render_row(columns, row);
		output_push();
	}
}

/* A failover is one only if packets did go where they otherwise would not */
static void count_change(struct stream *s, uint64_t rerouted)
{
	const struct phase *phase = &s->phase;

	if (phase->way.detours && rerouted) {
		s->failovers++;
		if (phase->first > s->stalled)
			s->stalled = phase->first;
	} else if (!phase->way.detours && s->failovers) {
		s->failbacks++;
	}
}

/* @way NULL: there is no further one */
static int change_phase(struct stream *s, const struct way *way, uint64_t end)
{
	if (update_snapshot(s))
		return -1;
	if (s->phase.rounds) {
		tell_phase(s, end);
		count_change(s, rerouted_in(&s->phase, &s->last));
	}
	if (way)
		s->phase = (struct phase) { .way = *way, .before = s->last, .began = end };
	return 0;
}

/* ---- rounds ---- */

/* What is sent differs in every round, so nothing old can pass for new */
static void stamp(struct stream *s)
{
	uint64_t at, value = s->rounds + 1;

	for (at = 0; at + sizeof(value) <= s->piece; at += STAMP_STEP)
		memcpy(s->out + at, &value, sizeof(value));
	memset(s->back, 0, s->piece);
}

static int compare(const struct stream *s)
{
	uint64_t i;

	if (!memcmp(s->out, s->back, s->piece))
		return 0;
	for (i = 0; s->out[i] == s->back[i]; i++)
		;
	return complain("wrong data: byte %" PRIu64 " of the memory at EID %u is %02x, and %02x was written",
			s->at + i, s->target.eid, s->back[i], s->out[i]);
}

static int write_and_read(struct stream *s)
{
	struct sfab_fence *fence;
	int ret;

	if (sfab_batch_copy(s->batch, s->remote, s->at, s->out_mem, 0, s->piece) < 0 ||
	    sfab_batch_copy(s->batch, s->back_mem, 0, s->remote, s->at, s->piece) < 0 ||
	    sfab_batch_submit(s->batch, NULL, 0, &fence) < 0)
		return complain_library();
	/* Bounded by the timeout of the fabric's operations */
	ret = sfab_fence_wait(fence, SFAB_NO_TIMEOUT);
	if (ret < 0)
		complain_library();
	sfab_fence_free(fence);
	return ret < 0 ? -1 : 0;
}

static int do_round(struct stream *s)
{
	uint64_t began, ns;
	struct way way;

	stamp(s);
	began = now_ns();
	if (write_and_read(s))
		return -1;
	ns = now_ns() - began;
	if (compare(s) || way_find(s->context, s->device, s->target.eid, &way))
		return -1;
	/* What took long belongs to the change that it came with: so does all of this round */
	if (!way_equal(&way, &s->phase.way) && change_phase(s, &way, began))
		return -1;
	if (now_ns() - s->asked > ASK_NS && update_snapshot(s))
		return -1;
	if (!s->phase.rounds++)
		s->phase.first = ns;
	if (ns > s->phase.longest)
		s->phase.longest = ns;
	s->phase.bytes += s->piece;
	s->bytes += s->piece;
	s->rounds++;
	s->at += s->piece;
	if (s->at + s->piece > s->target.bytes)
		s->at = 0;
	return 0;
}

static int run(struct stream *s)
{
	uint64_t end;
	int ret;

	if (!s->request->json)
		render_head(columns);
	/* What nobody can read need not be measured */
	if (output_flush())
		return -1;
	if (!s->request->quiet)
		progress_begin("sent and verified", 0, NULL);
	s->began = now_ns();
	end = s->began + s->request->seconds * 1000000000ULL;
	do {
		ret = do_round(s);
		progress_update(s->bytes);
	} while (!ret && !interrupted() && now_ns() < end);
	progress_end();
	if (s->bytes && change_phase(s, NULL, now_ns()))
		ret = -1;
	return ret;
}

/* ---- setting up ---- */

static int open_memory(struct stream *s)
{
	struct sfab_handle handle;
	uint64_t i;

	if (handle_parse(s->request->to, &handle, &s->target) ||
	    handle_need(&s->target, SFAB_READ | SFAB_WRITE))
		return -1;
	s->piece = s->target.bytes < PIECE ? s->target.bytes : PIECE;
	s->out = aligned_alloc(4096, PIECE);
	s->back = aligned_alloc(4096, PIECE);
	if (!s->out || !s->back)
		return complain("no memory for two buffers of %llu bytes", PIECE);
	for (i = 0; i < s->piece; i++)
		s->out[i] = (uint8_t)(i * 131 >> 3);
	/* The fabric is what is looked at, also where there is a shorter way */
	if (sfab_mem_import(s->device, &handle, SFAB_IMPORT_FABRIC, &s->remote) < 0 ||
	    sfab_mem_register(s->device, s->out, s->piece, SFAB_READ, &s->out_mem) < 0 ||
	    sfab_mem_register(s->device, s->back, s->piece, SFAB_READ | SFAB_WRITE,
			      &s->back_mem) < 0)
		return complain_library();
	return 0;
}

static int open_stream(struct stream *s)
{
	s->phases = json_object_new_array();
	if (!accel_count(s->context) ||
	    accel_find(s->context, s->request->accel ?: "0", &s->device) || open_memory(s))
		return -1;
	if (sfab_queue_create_on_loss(s->device, 0, s->request->policy, s->request->limit_ms,
				      &s->queue) < 0 ||
	    sfab_batch_create(s->queue, &s->batch) < 0)
		return complain_library();
	return 0;
}

static void close_stream(struct stream *s)
{
	sfab_queue_destroy(s->queue);
	sfab_batch_free(s->batch);
	sfab_mem_free(s->remote);
	sfab_mem_free(s->out_mem);
	sfab_mem_free(s->back_mem);
	free(s->out);
	free(s->back);
	json_object_put(s->phases);
}

/* ---- the command ---- */

static void tell(const struct stream *s, bool verified)
{
	struct json_object *document;
	char bytes[32];

	if (!s->request->json) {
		printf("stream: %s written to EID %u and read back, %s; %u failovers (stalled for %.1f ms), %u failbacks\n",
		       format_bytes(bytes, sizeof(bytes), s->bytes), s->target.eid,
		       verified ? "verified" : "NOT VERIFIED", s->failovers,
		       (double)s->stalled / 1e6, s->failbacks);
		return;
	}
	document = json_object_new_object();
	json_put_number(document, "eid", s->target.eid);
	json_put_number(document, "bytes", s->bytes);
	json_put(document, "verified", json_object_new_boolean(verified));
	json_put_number(document, "failovers", s->failovers);
	json_put_number(document, "failbacks", s->failbacks);
	json_put(document, "stalled_seconds", json_seconds(s->stalled));
	json_put(document, "phases", json_object_get(s->phases));
	render_json(document);
	json_object_put(document);
}

enum { KEY_TO = 0x100, KEY_SECONDS, KEY_ON_LOSS };

/* POLICY[:MS] */
static void parse_on_loss(struct argp_state *state, const char *text, struct request *request)
{
	static const char *const names[] = {
		[SFAB_LOSS_REROUTE] = "reroute", [SFAB_LOSS_WAIT] = "wait", [SFAB_LOSS_FAIL] = "fail",
	};
	size_t i, length = strcspn(text, ":");

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i]) == length && !strncmp(text, names[i], length))
			break;
	}
	if (i == sizeof(names) / sizeof(names[0]))
		argp_error(state, "--on-loss '%s' is none of reroute, wait and fail, or one of them and :MS",
			   text);
	request->policy = i;
	if (text[length])
		request->limit_ms = parse_count(state, "on-loss", text + length + 1, 60000);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *request = state->input;

	switch (key) {
	case 'a':
		request->accel = arg;
		return 0;
	case KEY_TO:
		request->to = arg;
		return 0;
	case KEY_SECONDS:
		request->seconds = parse_count(state, "seconds", arg, 1000000);
		return 0;
	case KEY_ON_LOSS:
		parse_on_loss(state, arg, request);
		return 0;
	case 'j':
		request->json = true;
		return 0;
	case 'q':
		request->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is one argument too many: give the handle with --to", arg);
		return 0;
	case ARGP_KEY_END:
		if (!request->to)
			argp_error(state, "--to is missing: give it a handle, which 'sfab export' prints");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int stream_main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "accelerator", 'a', "N", 0, "Send from accelerator N (default: 0)", 0 },
		{ "to", KEY_TO, "HANDLE", 0,
		  "Write to the memory of HANDLE, which 'sfab export' prints", 0 },
		{ "seconds", KEY_SECONDS, "N", 0, "End after N seconds (default: 10)", 0 },
		{ "on-loss", KEY_ON_LOSS, "POLICY[:MS]", 0,
		  "When the link in use goes down: reroute, wait or fail; after MS without an answer give up (default: reroute)",
		  0 },
		OPTION_QUIET,
		OPTION_JSON,
		{ 0 }
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Write to memory that was exported, through the fabric and without pause; read\n"
		       "all back and compare it; watch the ports by which it goes.\n"
		       "\vA line tells what happened as long as the way was the same: USUAL and\n"
		       "LONGEST are times from one verified piece to the next, REROUTED counts packets\n"
		       "that took another port as a better one was down.\n",
	};
	struct request request = { .seconds = SECONDS_DEFAULT };
	struct stream stream = { .request = &request };
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &request);
	if (accel_open(&stream.context))
		return EXIT_FAILURE;
	interrupt_catch();
	ret = open_stream(&stream);
	if (!ret) {
		ret = run(&stream);
		tell(&stream, !ret);
	}
	close_stream(&stream);
	sfab_context_close(stream.context);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
