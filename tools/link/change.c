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

static struct json_object *describe_switch(const struct sfab_link_switch *s)
{
	struct json_object *object = json_object_new_object();
	bool bad = s->result != SFAB_LINK_RESULT_DONE;

	json_put_text(object, "result", sfab_link_result_name(s->result));
	json_put(object, "failed_phase", bad && s->failed_phase ?
		 json_object_new_string(sfab_link_phase_name(s->failed_phase)) : NULL);
	json_put(object, "cause", bad && s->cause ?
		 json_object_new_string(sfab_link_cause_name(s->cause)) : NULL);
	json_put_number(object, "count", s->count);
	json_put(object, "begin_ns", describe_phases(s));
	json_put_number(object, "model_switch_ns", s->model_ns[0]);
	json_put_number(object, "model_lock_ns", s->model_ns[1]);
	return object;
}

static void show_switch(const struct sfab_link_switch *s)
{
	size_t i;

	printf("%s", sfab_link_result_name(s->result));
	if (s->result != SFAB_LINK_RESULT_DONE && s->failed_phase)
		printf(" in phase %s: %s", sfab_link_phase_name(s->failed_phase),
		       sfab_link_cause_name(s->cause));
	putchar('\n');
	for (i = 0; i < ARRAY_SIZE(phases); i++) {
		if (s->begin_ns[i])
			printf("  %-8s after %10.1f us\n", phases[i],
			       (double)(s->begin_ns[i] - s->begin_ns[0]) / 1e3);
	}
	printf("  by the physics of the model: switch %.1f us, lock %.1f us\n",
	       (double)s->model_ns[0] / 1e3, (double)s->model_ns[1] / 1e3);
}

int link_switch(struct sfab_link *link, const struct link_request *request)
{
	struct sfab_link_switch s = { .size = sizeof(s) };
	struct json_object *document;
	bool only_ask = !strcmp(request->word, "last");

	if (only_ask) {
		s.flags = SFAB_LINK_SWITCH_QUERY;
	} else {
		s.flags = request->together ? SFAB_LINK_SWITCH_TOGETHER : 0;
		s.path = (uint32_t)strtoul(request->word, NULL, 10);
		s.partner_path = request->partner_path;
		s.timeout_ms = request->timeout_ms;
	}
	if (sfab_link_switch(link, &s) < 0)
		return complain_library();
	document = describe_switch(&s);
	if (request->json)
		render_json(document);
	else
		show_switch(&s);
	json_object_put(document);
	if (only_ask || s.result == SFAB_LINK_RESULT_DONE)
		return 0;
	return complain("the light path was not switched to %s: %s: %s", request->word,
			sfab_link_cause_name(s.cause),
			s.result == SFAB_LINK_RESULT_ROLLED_BACK ? "the old one works again" :
			"neither path works now: 'sfab health' tells why");
}

/* ---- clear ---- */

int link_clear(struct sfab_link *link, const struct link_request *request)
{
	uint32_t what = request->clear ? request->clear :
		SFAB_LINK_CLEAR_PACKETS | SFAB_LINK_CLEAR_FEC | SFAB_LINK_CLEAR_FLAGS;

	return sfab_link_clear(link, what) < 0 ? complain_library() : 0;
}
