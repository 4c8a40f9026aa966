// SPDX-License-Identifier: MIT
/*
 * sfab health: what is wrong with links and accelerators, why, and what to do
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "accel.h"
#include "interrupt.h"
#include "render/render.h"
#include "tool.h"
#include "units.h"

#define EXIT_FINDINGS	1
#define EXIT_ERROR	2
#define INTERVAL_NS	1100000000L

enum { OPT_THRESHOLDS = 256, OPT_CONFIG, OPT_ONCE, OPT_SECONDS };

struct request {
	const char *name;		/* NULL: the node */
	const char *config;
	uint64_t seconds;
	bool json, watch, once, thresholds;
};

static const struct field columns[] = {
	{ "NAME", "/name", VIEW_TEXT, 0 },
	{ "SEVERITY", "/severity", VIEW_TEXT, 0 },
	{ "CAUSE", "/cause", VIEW_TEXT, 0 },
	{ "ACTION", "/action", VIEW_TEXT, 0 },
	{ "GB/S", "/gbps_text", VIEW_TEXT, 0 },
	{ 0 }
};

/* ---- documents ---- */

static const char *truth_name(uint32_t truth)
{
	return truth == SFAB_TRUE ? "true" : truth == SFAB_FALSE ? "false" : "unknown";
}

static struct json_object *describe_finding(const struct sfab_finding *f)
{
	struct json_object *object = json_object_new_object();

	json_put_text(object, "condition", sfab_condition_name(f->condition));
	json_put_text(object, "holds", truth_name(f->holds));
	json_put_text(object, "severity", sfab_severity_name(f->severity));
	json_put_number(object, "cause_code", f->cause);
	json_put_text(object, "cause", sfab_health_cause_name(f->cause));
	json_put_text(object, "action", sfab_health_action_name(f->action));
	json_put_text(object, "text", f->text);
	return object;
}

/* Whether nothing is known, as this user may not look */
static bool is_unknown(const struct sfab_verdict *v)
{
	return v->findings && v->finding[0].condition == SFAB_CONDITION_USABLE &&
	       v->finding[0].holds == SFAB_UNKNOWN && v->severity == SFAB_SEVERITY_OK;
}

/* Not "ok", of what nobody knows */
static const char *severity_of(const struct sfab_verdict *v)
{
	return is_unknown(v) ? "unknown" : sfab_severity_name(v->severity);
}

static struct json_object *describe_partner(const struct sfab_verdict *v)
{
	struct json_object *object;

	if (v->partner == SFAB_LINK_PARTNER_NONE)
		return NULL;
	object = json_object_new_object();
	json_put_text(object, "name", v->partner_name);
	json_put_text(object, "kind",
		      v->partner == SFAB_LINK_PARTNER_SWITCH ? "switch" : "accelerator");
	json_put_number(object, "eid", v->partner_eid);
	json_put_number(object, "port", v->partner_port);
	return object;
}

static struct json_object *describe(const struct sfab_verdict *v)
{
	struct json_object *object = json_object_new_object();
	struct json_object *list = json_object_new_array();
	uint32_t i;

	json_put_text(object, "name", v->name);
	json_put_text(object, "kind", v->is_link ? "link" : "accelerator");
	json_put_number(object, "accelerator", v->accel);
	json_put(object, "port", v->is_link ? json_object_new_uint64(v->port) : NULL);
	json_put_text(object, "severity", severity_of(v));
	json_put_number(object, "cause_code", v->cause);
	json_put_text(object, "cause", sfab_health_cause_name(v->cause));
	json_put_text(object, "action", sfab_health_action_name(v->action));
	json_put_text(object, "text", v->text);
	json_put_number(object, "gbps", v->gbps);
	json_put_number(object, "full_gbps", v->full_gbps);
	json_put(object, "far_known", v->is_link ? json_object_new_boolean((int)v->far_known) :
						   NULL);
	json_put(object, "partner", describe_partner(v));
	for (i = 0; i < v->findings; i++)
		json_object_array_add(list, describe_finding(&v->finding[i]));
	json_put(object, "conditions", list);
	return object;
}

/* What is known of all of them */
struct tally {
	unsigned int unwell, unknown;
};

/* ---- showing ---- */

static void show_row(struct json_object *verdict)
{
	const char *text = json_object_get_string(json_object_object_get(verdict, "text"));

	printf("  %s: %s\n", json_object_get_string(json_object_object_get(verdict, "name")), text);
}

static void add_text(struct json_object *verdict)
{
	char text[64];

	snprintf(text, sizeof(text), "%" PRIu64 " of %" PRIu64,
		 json_object_get_uint64(json_object_object_get(verdict, "gbps")),
		 json_object_get_uint64(json_object_object_get(verdict, "full_gbps")));
	json_put_text(verdict, "gbps_text", text);
}

static void show(struct json_object *list, const struct tally *tally)
{
	size_t i, count = json_object_array_length(list);

	for (i = 0; i < count; i++)
		add_text(json_object_array_get_idx(list, i));
	if (count)
		render_table(columns, list);
	for (i = 0; i < count; i++) {
		struct json_object *v = json_object_array_get_idx(list, i);

		if (json_object_get_string_len(json_object_object_get(v, "text")))
			show_row(v);
	}
	printf("health: %zu judged, %u with findings", count, tally->unwell);
	if (tally->unknown)
		printf(", %u unknown", tally->unknown);
	putchar('\n');
}

/* ---- the command ---- */

static void only(struct argp_state *state, const char *option, const char *other)
{
	argp_error(state, "%s cannot go with %s", option, other);
}

/* What would be ignored was meant to do something */
static void check(struct argp_state *state, const struct request *r)
{
	if (r->thresholds && r->watch)
		only(state, "--thresholds", "--watch");
	if (r->seconds && !r->watch)
		argp_error(state, "--seconds says how long to watch: add --watch");
	if (r->watch && r->once)
		only(state, "--watch", "--once: it looks once more with every change");
	if (r->thresholds && r->once)
		only(state, "--thresholds", "--once");
	if (r->thresholds && r->json)
		only(state, "--thresholds", "--json: they are JSON in any case");
	if (r->thresholds && r->name)
		argp_error(state, "'%s' is one argument too many: --thresholds are those of all",
			   r->name);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *request = state->input;

	switch (key) {
	case 'j':
		request->json = true;
		return 0;
	case 'w':
		request->watch = true;
		return 0;
	case OPT_ONCE:
		request->once = true;
		return 0;
	case OPT_THRESHOLDS:
		request->thresholds = true;
		return 0;
	case OPT_CONFIG:
		if (!*arg)
			argp_error(state, "--config is empty: give the path of a file");
		request->config = arg;
		return 0;
	case OPT_SECONDS:
		request->seconds = parse_count(state, "seconds", arg, 1000000);
		return 0;
	case ARGP_KEY_ARG:
		if (request->name)
			argp_error(state, "'%s' is one argument too many: name one link or accelerator, or none for all",
				   arg);
		request->name = arg;
		return 0;
	case ARGP_KEY_END:
		check(state, request);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ACCELERATOR:PORT or sfab_linkN; the last part of a PCI address has a point */
static bool names_link(const char *name)
{
	const char *colon = strrchr(name, ':');

	return strstr(name, "sfab_link") ||
	       (colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1));
}

static int choose(struct sfab_context *context, struct sfab_health *health, const char *name)
{
	struct sfab_device *device;
	struct sfab_link *link;
	int ret;

	if (!name)
		return 0;
	if (names_link(name)) {
		ret = sfab_link_find(context, name, &link) ?: sfab_health_add_link(health, link);
		return ret < 0 ? complain_library() : 0;
	}
	if (accel_find(context, name, &device))
		return -1;
	return sfab_health_add_device(health, device) < 0 ? complain_library() : 0;
}

static int print_thresholds(struct sfab_health *health)
{
	char text[8192];

	if (sfab_health_thresholds(health, text, sizeof(text)) < 0)
		return complain_library();
	fputs(text, stdout);
	return 0;
}

/* Rates need a second look */
static int judge(struct sfab_health *health, bool once, struct json_object *list,
		 struct tally *tally)
{
	const struct timespec interval = { INTERVAL_NS / 1000000000, INTERVAL_NS % 1000000000 };
	struct sfab_verdict verdict;
	int i, count;

	if (sfab_health_update(health) < 0)
		return complain_library();
	if (!once)
		nanosleep(&interval, NULL);
	if (!once && sfab_health_update(health) < 0)
		return complain_library();
	count = sfab_health_count(health);
	for (i = 0; i < count; i++) {
		verdict.size = sizeof(verdict);
		if (sfab_health_get(health, (unsigned int)i, &verdict) < 0)
			return complain_library();
		json_object_array_add(list, describe(&verdict));
		tally->unwell += verdict.severity != SFAB_SEVERITY_OK;
		tally->unknown += is_unknown(&verdict);
	}
	return 0;
}

static int exit_status(const struct tally *tally)
{
	if (tally->unknown)
		complain("%u of them may not be opened by this user: be root, or of the group that has them (ls -l /dev/sfab_link* /dev/accel)",
			 tally->unknown);
	if (tally->unwell)
		return EXIT_FINDINGS;
	return tally->unknown ? EXIT_ERROR : EXIT_SUCCESS;
}

static int report(struct sfab_health *health, const struct request *request)
{
	struct json_object *document = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct tally tally = { 0 };
	int status = EXIT_ERROR;

	json_put(document, "verdicts", list);
	if (!judge(health, request->once, list, &tally)) {
		json_put_number(document, "judged", json_object_array_length(list));
		json_put_number(document, "findings", tally.unwell);
		json_put_number(document, "unknown", tally.unknown);
		if (request->json)
			render_json(document);
		else
			show(list, &tally);
		status = exit_status(&tally);
	}
	json_object_put(document);
	return status;
}

/* ---- watching ---- */

static void print_change(const struct sfab_verdict *v, void *opaque)
{
	struct json_object *object = describe(v);

	if (*(bool *)opaque)
		puts(json_object_to_json_string(object));
	else
		printf("%-12s %-8s %-18s %-18s %" PRIu32 " of %" PRIu32 " Gb/s  %s\n", v->name,
		       severity_of(v), sfab_health_cause_name(v->cause),
		       sfab_health_action_name(v->action), v->gbps, v->full_gbps, v->text);
	json_object_put(object);
}

static int watch(struct sfab_context *context, struct sfab_health *health,
		 struct request *request)
{
	uint64_t end = now_ns() + request->seconds * 1000000000ULL;
	struct pollfd ready[] = {
		{ .fd = sfab_health_fd(health), .events = POLLIN },
		{ .fd = sfab_context_fd(context), .events = POLLIN },
	};
	/* Where no events come, as in a network namespace, it has to be looked */
	bool json = request->json, blind = ready[1].fd < 0;

	if (ready[0].fd < 0 || sfab_health_set_callback(health, print_change, &json) < 0)
		return complain_library();
	interrupt_catch();
	while (!interrupted() && (!request->seconds || now_ns() < end)) {
		if ((blind || ready[1].revents) && sfab_context_rescan(context) < 0)
			return complain_library();
		if (sfab_health_update(health) < 0)
			return complain_library();
		if (output_flush())
			return -1;
		if (poll(ready, 2, 1000) < 0 && errno != EINTR)
			return complain("cannot wait for changes: %s", strerror(errno));
	}
	return 0;
}

static int run(struct sfab_context *context, struct sfab_health *health, struct request *request)
{
	if (request->thresholds)
		return print_thresholds(health) ? EXIT_ERROR : EXIT_SUCCESS;
	if (choose(context, health, request->name))
		return EXIT_ERROR;
	if (request->watch)
		return watch(context, health, request) ? EXIT_ERROR : EXIT_SUCCESS;
	return report(health, request);
}

int health_main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		OPTION_JSON,
		{ "watch", 'w', NULL, 0, "Print each change, until interrupted", 0 },
		{ "seconds", OPT_SECONDS, "N", 0, "Watch so long", 0 },
		{ "once", OPT_ONCE, NULL, 0, "Look once: no rates, at once", 0 },
		{ "config", OPT_CONFIG, "FILE", 0, "Thresholds (/etc/sfab/health.json)", 0 },
		{ "thresholds", OPT_THRESHOLDS, NULL, 0, "Print the thresholds in force", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[LINK|ACCELERATOR]",
		.doc = "Tell what is wrong with links and accelerators, why, and what to do.\n"
		       "\vLINK is an accelerator and a port (0:1) or a node (sfab_link1). The exit\n"
		       "status is 0 if nothing is wrong, 1 if something is, 2 if it cannot be told.\n",
	};
	struct sfab_health *health = NULL;
	struct sfab_context *context;
	struct request request = { 0 };
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &request);
	if (accel_open(&context))
		return EXIT_ERROR;
	if (sfab_health_open(context, request.config, &health) < 0) {
		complain_library();
		status = EXIT_ERROR;
	} else {
		status = run(context, health, &request);
	}
	/* Findings that nobody could read are none */
	if (output_flush())
		status = EXIT_ERROR;
	sfab_health_close(health);
	sfab_context_close(context);
	interrupt_die();
	return status;
}
