// SPDX-License-Identifier: MIT
/*
 * sfab fabric: see and program the whole fabric from one accelerator
 */
#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "accel.h"
#include "dependency.h"
#include "discover.h"
#include "follow.h"
#include "program.h"
#include "render/render.h"
#include "routes.h"
#include "tables.h"
#include "tool.h"
#include "units.h"

#define DATAGRAM_TIMEOUT_NS	2000000000LL

enum { OPT_EIDS = 256, OPT_ROUTES, OPT_KEY, OPT_NODES, OPT_LINKS, OPT_WAIT, OPT_PARTIAL };

struct request {
	const char *action;
	const char *from;
	const char *eids;
	const char *routes;
	uint64_t key;
	struct expectation expected;
	bool partial;
	bool dry_run;
	bool json;
};

static const char *const actions[] = { "discover", "routes", "check", "program" };

/* What only one action heeds.  To ignore it elsewhere would be to promise something. */
struct own_option {
	const char *action;
	const char *option;
	bool given;
};

static const struct field device_columns[] = {
	{ "EID", "/eid", VIEW_NUMBER, 0 },
	{ "KIND", "/kind", VIEW_TEXT, 0 },
	{ "UUID", "/uuid", VIEW_TEXT, 0 },
	{ "HOPS", "/hops", VIEW_NUMBER, 0 },
	{ "LINKS", "/links", VIEW_LIST, 0 },
	{ 0 }
};

static bool is_action(const char *word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(actions); i++) {
		if (!strcmp(word, actions[i]))
			return true;
	}
	return false;
}

static void check_options(struct argp_state *state, const struct request *request)
{
	const struct own_option own[] = {
		{ "discover", "--json", request->json },
		{ "program", "--eids", request->eids },
		{ "program", "--routes", request->routes },
		{ "program", "--partial", request->partial },
		{ "program", "--dry-run", request->dry_run },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(own); i++) {
		if (own[i].given && strcmp(request->action, own[i].action))
			argp_error(state, "%s belongs to '%s', and '%s' does not know it",
				   own[i].option, own[i].action, request->action);
	}
	if (request->partial && !request->routes)
		argp_error(state, "--partial tells of a file: give --routes too");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *request = state->input;
	char *end;

	switch (key) {
	case 'f':
		request->from = arg;
		return 0;
	case 'n':
		request->dry_run = true;
		return 0;
	case 'j':
		request->json = true;
		return 0;
	case OPT_EIDS:
		request->eids = arg;
		return 0;
	case OPT_ROUTES:
		request->routes = arg;
		return 0;
	case OPT_PARTIAL:
		request->partial = true;
		return 0;
	case OPT_KEY:
		request->key = strtoull(arg, &end, 0);
		if (end == arg || *end)
			argp_error(state, "'%s' is no number for --key", arg);
		return 0;
	case OPT_NODES:
		request->expected.nodes = parse_count(state, "expect-devices", arg, 65535);
		return 0;
	case OPT_LINKS:
		request->expected.links = parse_count(state, "expect-links", arg, 65535);
		return 0;
	case OPT_WAIT:
		request->expected.wait_ns =
			parse_count(state, "wait", arg, 3600) * 1000000000ULL;
		return 0;
	case ARGP_KEY_ARG:
		if (request->action)
			argp_error(state, "'%s' is one argument too many", arg);
		if (!is_action(arg))
			argp_error(state, "'%s' is nothing that can be done to a fabric: discover, routes, check or program",
				   arg);
		request->action = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "say what to do: discover, routes, check or program");
		return 0;
	case ARGP_KEY_END:
		if (request->action)
			check_options(state, request);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static struct json_object *describe_links(const struct fabric_graph *graph,
					  const struct fabric_node *node)
{
	struct json_object *list = json_object_new_array();
	unsigned int p;

	for (p = 0; p < node->port_count; p++) {
		char text[32];

		if (node->port[p].peer < 0)
			continue;
		snprintf(text, sizeof(text), "%u>%u:%u", p, graph->nodes[node->port[p].peer].eid,
			 node->port[p].peer_port);
		json_object_array_add(list, json_object_new_string(text));
	}
	return list;
}

static void show_devices(const struct fabric_graph *graph, bool json)
{
	struct json_object *document = json_object_new_object();
	struct json_object *list = json_object_new_array();
	unsigned int i;

	for (i = 0; i < graph->count; i++) {
		const struct fabric_node *node = &graph->nodes[i];
		struct json_object *row = json_object_new_object();

		json_put_number(row, "eid", node->eid);
		json_put_text(row, "kind", node->kind == FABRIC_SWITCH ? "switch" : "accelerator");
		json_put_text(row, "uuid", strchr(node->name, ' ') + 1);
		json_put_number(row, "hops", node->depth);
		json_put_number(row, "ports", node->port_count);
		json_put(row, "links", describe_links(graph, node));
		json_object_array_add(list, row);
	}
	json_put(document, "devices", list);
	json_put_number(document, "links", graph_links(graph));
	if (json) {
		render_json(document);
	} else {
		render_table(device_columns, list);
		printf("fabric: %u devices, %u links\n", graph->count, graph_links(graph));
	}
	json_object_put(document);
}

/* Are the tables of @graph free of cycles?  A cycle is told, with its channels. */
static int judge(const struct fabric_graph *graph, const char *whose)
{
	char cycle[2048];

	switch (dependencies_check(graph, cycle, sizeof(cycle))) {
	case 0:
		return 0;
	case 1:
		return complain("%s can deadlock: each of these buffers can wait for the next: %s",
				whose, cycle);
	default:
		return complain("no memory to check the tables of %u devices", graph->count);
	}
}

/* An entry is no route where its ports lead nowhere, or not to the target */
static unsigned int count_missing(const struct fabric_graph *graph)
{
	unsigned int i, k, missing = 0;

	for (i = 0; i < graph->count; i++) {
		for (k = 0; k < graph->count; k++)
			missing += i != k && !follow_route(graph, i, k);
	}
	return missing;
}

static int check(const struct fabric_graph *graph)
{
	unsigned int missing = count_missing(graph);

	if (judge(graph, "the programmed tables"))
		return -1;
	if (missing)
		return complain("%u of %u pairs of devices have no route: 'sfab fabric program' makes them",
				missing, graph->count * (graph->count - 1));
	printf("fabric: %u pairs have routes, which cannot deadlock\n",
	       graph->count * (graph->count - 1));
	return 0;
}

static int make_routes(struct fabric_graph *graph, const struct request *request)
{
	struct routes_result result;

	if (request->routes) {
		if (tables_read(graph, request->routes) || judge(graph, request->routes))
			return -1;
		return tables_verify(graph, request->routes, request->partial);
	}
	if (routes_compute(graph, &result))
		return complain("no memory to compute routes of %u devices", graph->count);
	printf("fabric: %u devices, %u links: %s ways for %u pairs, %u alternatives\n",
	       graph->count, graph_links(graph), result.shortest ? "shortest" : "up*/down*",
	       result.pairs, result.alternatives);
	return judge(graph, "what was computed");
}

static int act(const struct manager *manager, struct fabric_graph *graph,
	       const struct request *request)
{
	if (!strcmp(request->action, "discover")) {
		show_devices(graph, request->json);
		return 0;
	}
	if (!strcmp(request->action, "program")) {
		if (eids_assign(graph, request->eids) || make_routes(graph, request))
			return -1;
		if (request->dry_run) {
			tables_print(graph);
			return 0;
		}
		if (program(manager, graph))
			return -1;
		printf("fabric: programmed %u devices\n", graph->count);
		return 0;
	}
	if (discover_routes(manager, graph))
		return -1;
	if (!strcmp(request->action, "check"))
		return check(graph);
	tables_print(graph);
	return 0;
}

static int manage(struct sfab_context *context, const struct request *request)
{
	struct manager manager = { .key = request->key, .timeout_ns = DATAGRAM_TIMEOUT_NS };
	struct fabric_graph graph;
	int ret;

	if (accel_find(context, request->from, &manager.device) ||
	    discover(&manager, &request->expected, &graph))
		return -1;
	ret = act(&manager, &graph, request);
	graph_free(&graph);
	return ret;
}

int fabric_main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "from", 'f', "ACCEL", 0, "Manage it from this accelerator (default: 0)", 0 },
		{ "key", OPT_KEY, "N", 0, "Management key of the devices", 0 },
		{ "expect-devices", OPT_NODES, "N", 0, "Fail if there are fewer devices", 0 },
		{ "expect-links", OPT_LINKS, "N", 0, "Fail if fewer links are up", 0 },
		{ "wait", OPT_WAIT, "SECONDS", 0, "Give them that long to come up", 0 },
		{ "eids", OPT_EIDS, "FILE", 0, "program: lines of UUID and EID", 0 },
		{ "routes", OPT_ROUTES, "FILE", 0,
		  "program: these tables, in the form that 'routes' prints", 0 },
		{ "partial", OPT_PARTIAL, NULL, 0,
		  "program: even if accelerators do not reach each other by them", 0 },
		{ "dry-run", 'n', NULL, 0, "program: print the tables, change nothing", 0 },
		{ "json", 'j', NULL, 0, "discover: print JSON", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "discover|routes|check|program",
		.doc = "See and program the whole fabric, switches included, from one accelerator:\n"
		       "discover lists the devices and their links (PORT>EID:PORT), routes prints\n"
		       "their tables, check judges these, program gives them EIDs and tables.\n"
		       "\vDevices without an EID in FILE keep theirs, or get the lowest free one.\n"
		       "Tables that could deadlock, failover included, are refused, and those of\n"
		       "FILE by which an accelerator does not reach another, before any is changed.\n",
	};
	struct request request = { .from = "0" };
	struct sfab_context *context;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &request);
	if (accel_open(&context))
		return EXIT_FAILURE;
	ret = manage(context, &request);
	sfab_context_close(context);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
