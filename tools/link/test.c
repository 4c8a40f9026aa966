// SPDX-License-Identifier: MIT
/*
 * sfab link test: pseudo-random patterns on the lanes
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../render/render.h"
#include "../tool.h"
#include "link.h"

static const char *const patterns[] = {
	"prbs31q", "prbs23q", "prbs15q", "prbs13q", "prbs9q", "prbs7q",
};

static const char *const roles[] = { "partner", "near-end", "reflect", "far-end" };

static int number_of(const char *const *names, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!strcmp(names[i], name))
			return (int)i;
	}
	return -1;
}

int link_pattern(const char *name)
{
	return number_of(patterns, ARRAY_SIZE(patterns), name);
}

int link_role(const char *name)
{
	return number_of(roles, ARRAY_SIZE(roles), name);
}

static const struct field columns[] = {
	{ "LANE", "/lane", VIEW_NUMBER, 0 },
	{ "LOCKED", "/locked", VIEW_TEXT, 0 },
	{ "BITS", "/bits", VIEW_NUMBER, 0 },
	{ "ERRORS", "/errors", VIEW_NUMBER, 0 },
	{ "BER", "/ber", VIEW_NUMBER, 0 },
	{ 0 }
};

static struct json_object *describe_lanes(const struct sfab_link_test *t, unsigned int lanes)
{
	struct json_object *list = json_object_new_array();
	unsigned int l;

	for (l = 0; l < lanes && l < SFAB_LINK_LANES; l++) {
		struct json_object *lane = json_object_new_object();
		bool locked = t->locked >> l & 1;

		json_put_number(lane, "lane", l);
		json_put(lane, "locked", json_object_new_boolean(locked));
		json_put_number(lane, "bits", locked ? t->bits : 0);
		json_put_number(lane, "errors", t->errors[l]);
		json_put(lane, "ber", locked && t->bits ?
			 json_decimal((double)t->errors[l] / (double)t->bits, "%.2e") : NULL);
		json_object_array_add(list, lane);
	}
	return list;
}

static void show(const struct sfab_link_test *t, struct json_object *document, bool json)
{
	if (json) {
		render_json(document);
		return;
	}
	printf("%s, %s, %s for %.1f s\n",
	       t->pattern < ARRAY_SIZE(patterns) ? patterns[t->pattern] : "unknown pattern",
	       t->role < ARRAY_SIZE(roles) ? roles[t->role] : "unknown role",
	       t->running ? "runs" : "ran", (double)t->ns / 1e9);
	render_table(columns, json_object_object_get(document, "lane_list"));
}

int link_test(struct sfab_link *link, const struct link_request *request)
{
	struct sfab_link_info info = { .size = sizeof(info) };
	struct sfab_link_test test = { .size = sizeof(test), .op = SFAB_LINK_TEST_READ };
	struct json_object *document;

	if (!strcmp(request->word, "start")) {
		test.op = SFAB_LINK_TEST_START;
		test.pattern = request->pattern;
		test.role = request->role;
	} else if (!strcmp(request->word, "stop")) {
		test.op = SFAB_LINK_TEST_STOP;
	}
	if (sfab_link_get_info(link, &info) < 0 || sfab_link_test(link, &test) < 0)
		return complain_library();
	document = json_object_new_object();
	json_put_text(document, "pattern", test.pattern < ARRAY_SIZE(patterns) ?
		      patterns[test.pattern] : "unknown");
	json_put_text(document, "role", test.role < ARRAY_SIZE(roles) ? roles[test.role] :
									"unknown");
	json_put(document, "running", json_object_new_boolean((int)test.running));
	json_put(document, "seconds", json_seconds(test.ns));
	json_put(document, "lane_list", describe_lanes(&test, info.lanes));
	show(&test, document, request->json);
	json_object_put(document);
	return 0;
}
