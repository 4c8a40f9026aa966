// SPDX-License-Identifier: MIT
/*
 * sfab link: the optical links of the node
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../accel.h"
#include "../interrupt.h"
#include "../render/render.h"
#include "../tool.h"
#include "../units.h"
#include "link.h"

#define TIMEOUT_MS	10000

enum {
	OPT_LANES = 256, OPT_PARTNER, OPT_TIMEOUT, OPT_PATTERN, OPT_ROLE, OPT_PACKETS, OPT_FEC,
	OPT_FLAGS, OPT_SECONDS, OPT_HEX,
};

static int list_action(struct sfab_context *context, const struct link_request *request);
static int show_action(struct sfab_link *link, const struct link_request *request);

/* What an action needs after its name */
enum { NEED_LINK = 1, NEED_WORD = 2, NEED_LANES = 4 };

/* The options, a bit of each */
enum {
	HAS_JSON = 1 << 0, HAS_OUTPUT = 1 << 1, HAS_HEX = 1 << 2, HAS_SECONDS = 1 << 3,
	HAS_PARTNER = 1 << 4, HAS_TIMEOUT = 1 << 5, HAS_PATTERN = 1 << 6, HAS_ROLE = 1 << 7,
	HAS_PACKETS = 1 << 8, HAS_FEC = 1 << 9, HAS_FLAGS = 1 << 10, HAS_LANES = 1 << 11,
};

static const struct {
	int key;
	unsigned int bit;
	const char *name;
} option_bits[] = {
	{ 'j', HAS_JSON, "json" },
	{ 'o', HAS_OUTPUT, "output" },
	{ OPT_HEX, HAS_HEX, "hex" },
	{ OPT_SECONDS, HAS_SECONDS, "seconds" },
	{ OPT_PARTNER, HAS_PARTNER, "partner-path" },
	{ OPT_TIMEOUT, HAS_TIMEOUT, "timeout" },
	{ OPT_PATTERN, HAS_PATTERN, "pattern" },
	{ OPT_ROLE, HAS_ROLE, "role" },
	{ OPT_PACKETS, HAS_PACKETS, "packets" },
	{ OPT_FEC, HAS_FEC, "fec" },
	{ OPT_FLAGS, HAS_FLAGS, "flags" },
	{ OPT_LANES, HAS_LANES, "lanes" },
};

static const struct action {
	const char *name;
	unsigned int needs;
	unsigned int takes;		/* options */
	int (*all)(struct sfab_context *context, const struct link_request *request);
	int (*one)(struct sfab_link *link, const struct link_request *request);
} actions[] = {
	{ "list", 0, HAS_JSON, list_action, NULL },
	{ "show", NEED_LINK, HAS_JSON, NULL, show_action },
	{ "watch", 0, HAS_JSON | HAS_SECONDS, link_watch, NULL },
	{ "history", NEED_LINK, HAS_JSON, NULL, link_history },
	{ "map", NEED_LINK, HAS_JSON | HAS_OUTPUT | HAS_HEX, NULL, link_map },
	{ "switch", NEED_LINK | NEED_WORD, HAS_JSON | HAS_PARTNER | HAS_TIMEOUT, NULL,
	  link_switch },
	{ "test", NEED_LINK | NEED_WORD, HAS_JSON | HAS_PATTERN | HAS_ROLE, NULL, link_test },
	{ "clear", NEED_LINK, HAS_PACKETS | HAS_FEC | HAS_FLAGS, NULL, link_clear },
	{ "enable", NEED_LINK, 0, NULL, link_control },
	{ "disable", NEED_LINK, 0, NULL, link_control },
	{ "retrain", NEED_LINK, 0, NULL, link_control },
	{ "low-power", NEED_LINK, 0, NULL, link_control },
	{ "full-power", NEED_LINK, 0, NULL, link_control },
	{ "loopback", NEED_LINK, 0, NULL, link_control },
	{ "no-loopback", NEED_LINK, 0, NULL, link_control },
	{ "lasers-off", NEED_LINK | NEED_LANES, HAS_LANES, NULL, link_control },
	{ "lasers-on", NEED_LINK | NEED_LANES, HAS_LANES, NULL, link_control },
};

/* Words of an action that take fewer options than it does itself */
static const struct {
	const char *action, *word;
	unsigned int takes_not;
} words[] = {
	{ "switch", "last", HAS_PARTNER | HAS_TIMEOUT },
	{ "test", "stop", HAS_PATTERN | HAS_ROLE },
	{ "test", "read", HAS_PATTERN | HAS_ROLE },
};

static const struct action *find_action(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(actions); i++) {
		if (!strcmp(actions[i].name, name))
			return &actions[i];
	}
	return NULL;
}

/* ---- the command line ---- */

static void no_lanes(struct argp_state *state, const char *text)
{
	argp_error(state, "'%s' are no lanes: write numbers from 0 to %d, as in 0,3-5", text,
		   SFAB_LINK_LANES - 1);
}

/* "0,3-5" */
static uint32_t parse_lanes(struct argp_state *state, const char *text)
{
	const char *at = text;
	uint32_t mask = 0;
	char *end;

	do {
		unsigned long first = strtoul(at, &end, 10), last = first;

		if (end != at && *end == '-') {
			at = end + 1;
			last = strtoul(at, &end, 10);
		}
		if (end == at || *at == '-' || last >= SFAB_LINK_LANES || first > last)
			no_lanes(state, text);
		for (; first <= last; first++)
			mask |= (uint32_t)1 << first;
		at = end + 1;
	} while (*end == ',');
	if (*end)
		no_lanes(state, text);
	return mask;
}

static uint32_t parse_path(struct argp_state *state, const char *text)
{
	char *end;
	unsigned long path = strtoul(text, &end, 10);

	if (end == text || *end || *text == '-' || path > 15)
		argp_error(state, "'%s' is no light path: write a number from 0 to 15", text);
	return (uint32_t)path;
}

static void check_word(struct argp_state *state, const struct link_request *r)
{
	static const char *const operations[] = { "start", "stop", "read" };
	size_t i;

	if (!strcmp(r->action, "switch") && strcmp(r->word, "last"))
		parse_path(state, r->word);
	if (strcmp(r->action, "test"))
		return;
	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		if (!strcmp(operations[i], r->word))
			return;
	}
	argp_error(state, "'%s' is nothing to do with a test: write start, stop or read", r->word);
}

static const char *name_of_option(unsigned int mask)
{
	size_t i;

	for (i = 0; !(option_bits[i].bit & mask); i++)
		;
	return option_bits[i].name;
}

/* What would be ignored was meant to do something */
static void check_options(struct argp_state *state, const struct link_request *r,
			  const struct action *action)
{
	unsigned int form = r->given & (HAS_JSON | HAS_OUTPUT | HAS_HEX);
	unsigned int wrong = r->given & ~action->takes;
	size_t i;

	if (wrong)
		argp_error(state, "'%s' takes no --%s", r->action, name_of_option(wrong));
	for (i = 0; r->word && i < ARRAY_SIZE(words); i++) {
		wrong = r->given & words[i].takes_not;
		if (wrong && !strcmp(words[i].action, r->action) &&
		    !strcmp(words[i].word, r->word))
			argp_error(state, "'%s %s' takes no --%s", r->action, r->word,
				   name_of_option(wrong));
	}
	if (form & (form - 1))
		argp_error(state, "'%s' has one form: give --%s or --%s, not both", r->action,
			   name_of_option(form), name_of_option(form & (form - 1)));
}

static void check(struct argp_state *state, const struct link_request *r)
{
	const struct action *action = find_action(r->action);

	if (!action)
		argp_error(state, "'%s' is no action: see 'sfab link --help' for the list",
			   r->action);
	if (action->needs & NEED_LINK && !r->name)
		argp_error(state, "say which link to %s: 'sfab link list' shows them", r->action);
	if (action->needs & NEED_WORD && !r->word)
		argp_error(state, strcmp(r->action, "switch") ?
			   "say what to do with the test: start, stop or read" :
			   "say which light path to switch to, or 'last' to see how the last one went");
	if (r->word && !(action->needs & NEED_WORD))
		argp_error(state, "'%s' is one argument too many", r->word);
	if (action->needs & NEED_LANES && !r->lanes)
		argp_error(state, "say which lanes: --lanes 0,3-5");
	if (r->word)
		check_word(state, r);
	check_options(state, r, action);
}

static void take_word(struct argp_state *state, struct link_request *r, char *arg)
{
	if (!r->action)
		r->action = arg;
	else if (!r->name)
		r->name = arg;
	else if (!r->word)
		r->word = arg;
	else
		argp_error(state, "'%s' is one argument too many", arg);
}

static unsigned int bit_of_option(int key)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(option_bits); i++) {
		if (option_bits[i].key == key)
			return option_bits[i].bit;
	}
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct link_request *r = state->input;
	int number;

	r->given |= bit_of_option(key);
	switch (key) {
	case 'j':
		r->json = true;
		return 0;
	case 'o':
		r->output = arg;
		return 0;
	case OPT_LANES:
		r->lanes = parse_lanes(state, arg);
		return 0;
	case OPT_PARTNER:
		r->partner_path = parse_path(state, arg);
		r->together = true;
		return 0;
	case OPT_TIMEOUT:
		r->timeout_ms = parse_count(state, "timeout", arg, 60000);
		return 0;
	case OPT_PATTERN:
		number = link_pattern(arg);
		if (number < 0)
			argp_error(state, "'%s' is no pattern: there are prbs31q, prbs23q, prbs15q, prbs13q, prbs9q and prbs7q",
				   arg);
		r->pattern = (uint32_t)number;
		return 0;
	case OPT_ROLE:
		number = link_role(arg);
		if (number < 0)
			argp_error(state, "'%s' is no role: there are partner, near-end, reflect and far-end",
				   arg);
		r->role = (uint32_t)number;
		return 0;
	case OPT_PACKETS:
		r->clear |= SFAB_LINK_CLEAR_PACKETS;
		return 0;
	case OPT_FEC:
		r->clear |= SFAB_LINK_CLEAR_FEC;
		return 0;
	case OPT_FLAGS:
		r->clear |= SFAB_LINK_CLEAR_FLAGS;
		return 0;
	case OPT_HEX:
		r->hex = true;
		return 0;
	case OPT_SECONDS:
		r->seconds = parse_count(state, "seconds", arg, 1000000);
		return 0;
	case ARGP_KEY_ARG:
		take_word(state, r, arg);
		return 0;
	case ARGP_KEY_END:
		if (!r->action)
			r->action = "list";
		check(state, r);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* ---- actions ---- */

static int collect_all(struct sfab_context *context, struct json_object *list)
{
	int i, ret = 0, count = sfab_link_count(context);
	struct json_object *object;
	struct sfab_link *link;

	if (count < 0)
		return complain_library();
	for (i = 0; i < count; i++) {
		object = NULL;
		if (sfab_link_get(context, (unsigned int)i, &link) < 0)
			complain_library();
		else
			object = link_describe(link);
		if (object)
			json_object_array_add(list, object);
		else
			ret = -1;
	}
	if (!count)
		complain("no link: 'sfab list' shows the accelerators, and only those with ports have links");
	return ret;
}

static int list_action(struct sfab_context *context, const struct link_request *request)
{
	struct json_object *document = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct json_object *object;
	struct sfab_link *link;
	int ret = 0;

	json_put(document, "links", list);
	if (!request->name) {
		ret = collect_all(context, list);
	} else if (sfab_link_find(context, request->name, &link) < 0) {
		ret = complain_library();
	} else {
		object = link_describe(link);
		ret = object ? 0 : -1;
		if (object)
			json_object_array_add(list, object);
	}
	if (request->json)
		render_json(document);
	else
		link_show_list(list);
	json_object_put(document);
	return ret;
}

static int show_action(struct sfab_link *link, const struct link_request *request)
{
	struct json_object *object = link_describe_all(link);

	if (!object)
		return -1;
	if (request->json)
		render_json(object);
	else
		link_show_all(object);
	json_object_put(object);
	return 0;
}

static int run(struct sfab_context *context, const struct link_request *request)
{
	const struct action *action = find_action(request->action);
	struct sfab_link *link;

	if (action->all)
		return action->all(context, request);
	if (sfab_link_find(context, request->name, &link) < 0)
		return complain_library();
	return action->one(link, request);
}

int link_main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		OPTION_JSON,
		{ "lanes", OPT_LANES, "LANES", 0, "lasers-off, lasers-on: of these lanes", 0 },
		{ "partner-path", OPT_PARTNER, "PATH", 0,
		  "switch: the other end to this path in the same transaction", 0 },
		{ "timeout", OPT_TIMEOUT, "MS", 0, "switch: wait so long (10000)", 0 },
		{ "pattern", OPT_PATTERN, "NAME", 0, "test start: this pattern (prbs31q)", 0 },
		{ "role", OPT_ROLE, "NAME", 0,
		  "test start: where the pattern comes from (partner)", 0 },
		{ "packets", OPT_PACKETS, NULL, 0, "clear: the counters of packets", 0 },
		{ "fec", OPT_FEC, NULL, 0, "clear: the counters of codewords", 0 },
		{ "flags", OPT_FLAGS, NULL, 0, "clear: the latched flags of the module", 0 },
		{ "hex", OPT_HEX, NULL, 0, "map: print the bytes, not what they mean", 0 },
		{ "output", 'o', "FILE", 0, "map: write it there, as it is", 0 },
		{ "seconds", OPT_SECONDS, "N", 0, "watch: so long (until interrupted)", 0 },
		{ 0 }
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[ACTION [LINK [WORD]]]",
		.doc = "See and control the optical links of this node.\n"
		       "\vACTION is list, show, watch, history, map, switch, test, clear, enable,\n"
		       "disable, retrain, low-power, full-power, loopback, no-loopback, lasers-off\n"
		       "or lasers-on; LINK is an accelerator and a port (0:1), a node (sfab_link1)\n"
		       "or an index (1).  An option belongs to the actions that it names; --json to\n"
		       "all that print something.\n",
	};
	struct link_request request = { .timeout_ms = TIMEOUT_MS };
	struct sfab_context *context;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &request);
	if (accel_open(&context))
		return EXIT_FAILURE;
	ret = run(context, &request);
	sfab_context_close(context);
	interrupt_die();
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
