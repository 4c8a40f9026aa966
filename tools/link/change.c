// SPDX-License-Identifier: MIT
/*
 * sfab link: what changes a link
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../render/render.h"
#include "../tool.h"
#include "link.h"

/* ---- enable, disable, ... ---- */

struct verb {
	const char *name;
	uint32_t set, config;
};

static const struct verb verbs[] = {
	{ "enable", SFAB_LINK_SET_ENABLE, SFAB_LINK_ENABLE },
	{ "disable", SFAB_LINK_SET_ENABLE, 0 },
	{ "retrain", SFAB_LINK_RETRAIN, 0 },
	{ "low-power", SFAB_LINK_SET_LOW_POWER, SFAB_LINK_LOW_POWER },
	{ "full-power", SFAB_LINK_SET_LOW_POWER, 0 },
	{ "loopback", SFAB_LINK_SET_LOOPBACK, SFAB_LINK_LOOPBACK },
	{ "no-loopback", SFAB_LINK_SET_LOOPBACK, 0 },
	{ "lasers-off", SFAB_LINK_SET_TX_OFF, 0 },
	{ "lasers-on", SFAB_LINK_SET_TX_OFF, 0 },
};

/* Lanes that the port does not have would be set in vain */
static int check_lanes(struct sfab_link *link, const struct link_request *request)
{
	struct sfab_link_info info = { .size = sizeof(info) };
	unsigned int lane = 31;

	if (sfab_link_get_info(link, &info) < 0)
		return complain_library();
	if (info.lanes > lane || !(request->lanes >> info.lanes))
		return 0;
	while (!(request->lanes >> lane & 1))
		lane--;
	return complain("%s has no lane %u: its lanes are 0 to %" PRIu32, request->name, lane,
			info.lanes - 1);
}

int link_control(struct sfab_link *link, const struct link_request *request)
{
	struct sfab_link_status status = { .size = sizeof(status) };
	struct sfab_link_control control = { .size = sizeof(control) };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, request->action))
			continue;
		control.set = verbs[i].set;
		control.config = verbs[i].config;
	}
	if (control.set == SFAB_LINK_SET_TX_OFF) {
		if (check_lanes(link, request))
			return -1;
		if (sfab_link_get_status(link, &status) < 0)
			return complain_library();
		control.tx_off = strcmp(request->action, "lasers-off") ?
			status.tx_off & ~request->lanes : status.tx_off | request->lanes;
	}
	return sfab_link_control(link, &control) < 0 ? complain_library() : 0;
}

/* ---- switch ---- */

static const char *const phases[] = {
	"prepare", "drain", "switch", "lock", "train", "resume", "end",
};

/* When each phase began, counted from the first; null where it was not reached */
static struct json_object *describe_phases(const struct sfab_link_switch *s)
{
	struct json_object *object = json_object_new_object();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(phases); i++)
		json_put(object, phases[i], s->begin_ns[i] ?
			 json_object_new_uint64(s->begin_ns[i] - s->begin_ns[0]) : NULL);
	return object;
}

/* What goes wrong before the optical switch moves leaves everything as it was */
static bool moved(const struct sfab_link_switch *s)
{
	return s->failed_phase != SFAB_LINK_PHASE_PREPARE &&
	       s->failed_phase != SFAB_LINK_PHASE_DRAIN;
}

/* Some causes have several reasons, between which the state of the link tells */
static const char *cause_of(struct sfab_link *link, const struct sfab_link_switch *s)
{
	struct sfab_link_status status = { .size = sizeof(status) };

	if (s->flags & SFAB_LINK_SWITCH_QUERY || moved(s) ||
	    sfab_link_get_status(link, &status) < 0)
		return sfab_link_cause_name(s->cause);
	if (s->cause == SFAB_LINK_CAUSE_NO_PATH && s->path == status.path_in_use)
		return "that path is the one in use already";
	if (s->cause == SFAB_LINK_CAUSE_NOT_UP && status.reason == SFAB_LINK_WHY_TEST)
		return "a pattern test runs: end it with 'sfab link test'";
	return sfab_link_cause_name(s->cause);
}

static struct json_object *describe_switch(const struct sfab_link_switch *s, const char *cause)
{
	struct json_object *object = json_object_new_object();
	bool bad = s->result != SFAB_LINK_RESULT_DONE;

	json_put_text(object, "result", sfab_link_result_name(s->result));
	json_put(object, "failed_phase", bad && s->failed_phase ?
		 json_object_new_string(sfab_link_phase_name(s->failed_phase)) : NULL);
	json_put(object, "cause", bad && s->cause ?
		 json_object_new_string(cause) : NULL);
	json_put_number(object, "count", s->count);
	json_put(object, "begin_ns", describe_phases(s));
	json_put_number(object, "model_switch_ns", s->model_ns[0]);
	json_put_number(object, "model_lock_ns", s->model_ns[1]);
	return object;
}

static void show_switch(const struct sfab_link_switch *s, const char *cause)
{
	size_t i;

	printf("%s", sfab_link_result_name(s->result));
	if (s->result != SFAB_LINK_RESULT_DONE && s->failed_phase)
		printf(" in phase %s: %s", sfab_link_phase_name(s->failed_phase), cause);
	putchar('\n');
	for (i = 0; i < ARRAY_SIZE(phases); i++) {
		if (s->begin_ns[i])
			printf("  %-8s after %10.1f us\n", phases[i],
			       (double)(s->begin_ns[i] - s->begin_ns[0]) / 1e3);
	}
	printf("  by the physics of the model: switch %.1f us, lock %.1f us\n",
	       (double)s->model_ns[0] / 1e3, (double)s->model_ns[1] / 1e3);
}

static const char *consequence_of(const struct sfab_link_switch *s)
{
	if (!moved(s))
		return "nothing was changed";
	return s->result == SFAB_LINK_RESULT_ROLLED_BACK ? "the old one works again" :
		"neither path works now: 'sfab health' tells why";
}

/* @s: the request; of the path only the partner's cannot be known here */
static int begin_switch(struct sfab_link *link, const struct link_request *request,
			struct sfab_link_switch *s)
{
	struct sfab_link_info info = { .size = sizeof(info) };

	if (!strcmp(request->word, "last")) {
		s->flags = SFAB_LINK_SWITCH_QUERY;
		return 0;
	}
	s->flags = request->together ? SFAB_LINK_SWITCH_TOGETHER : 0;
	s->path = (uint32_t)strtoul(request->word, NULL, 10);
	s->partner_path = request->partner_path;
	s->timeout_ms = request->timeout_ms;
	if (sfab_link_get_info(link, &info) < 0)
		return complain_library();
	if (s->path < info.paths)
		return 0;
	return complain("%s has no light path %" PRIu32 ": its paths are 0 to %" PRIu32,
			request->name, s->path, info.paths - 1);
}

int link_switch(struct sfab_link *link, const struct link_request *request)
{
	struct sfab_link_switch s = { .size = sizeof(s) };
	struct json_object *document;
	const char *cause;

	if (begin_switch(link, request, &s))
		return -1;
	if (sfab_link_switch(link, &s) < 0)
		return complain_library();
	cause = cause_of(link, &s);
	document = describe_switch(&s, cause);
	if (request->json)
		render_json(document);
	else
		show_switch(&s, cause);
	json_object_put(document);
	if (s.flags & SFAB_LINK_SWITCH_QUERY || s.result == SFAB_LINK_RESULT_DONE)
		return 0;
	return complain("the light path was not switched to %s: %s: %s", request->word, cause,
			consequence_of(&s));
}

/* ---- clear ---- */

int link_clear(struct sfab_link *link, const struct link_request *request)
{
	uint32_t what = request->clear ? request->clear :
		SFAB_LINK_CLEAR_PACKETS | SFAB_LINK_CLEAR_FEC | SFAB_LINK_CLEAR_FLAGS;

	return sfab_link_clear(link, what) < 0 ? complain_library() : 0;
}
