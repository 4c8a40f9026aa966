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

/*
 * The hardware keeps one count of bits, for all lanes that were locked, and forgets at the end
 * which these were.  That is seen here only if the test still ran when the command began.
 */
struct seen {
	struct sfab_link_test test;
	bool locks_known;		/* test.locked is what it was while it ran */
};

static bool is_locked(const struct seen *seen, unsigned int lane)
{
	return seen->locks_known && seen->test.locked >> lane & 1;
}

static bool has_run(const struct sfab_link_test *t)
{
	return t->running || t->ns;
}

/* A lane that has counted errors was locked then, whatever else is known */
static uint64_t bits_of(const struct seen *seen, unsigned int lane)
{
	const struct sfab_link_test *t = &seen->test;
	bool counted = !t->running && (t->errors[lane] || !seen->locks_known);

	return is_locked(seen, lane) || counted ? t->bits : 0;
}

/* One without errors may be perfect, or have heard nothing: then there is no ratio */
static struct json_object *ratio_of(const struct seen *seen, unsigned int lane)
{
	const struct sfab_link_test *t = &seen->test;
	uint64_t bits = bits_of(seen, lane);

	if (!bits || !(is_locked(seen, lane) || t->errors[lane]))
		return NULL;
	return json_decimal((double)t->errors[lane] / (double)bits, "%.2e");
}

static struct json_object *describe_lanes(const struct seen *seen, unsigned int lanes)
{
	struct json_object *list = json_object_new_array();
	unsigned int l;

	for (l = 0; l < lanes && l < SFAB_LINK_LANES; l++) {
		struct json_object *lane = json_object_new_object();

		json_put_number(lane, "lane", l);
		json_put(lane, "locked", seen->locks_known ?
			 json_object_new_boolean(is_locked(seen, l)) : NULL);
		json_put_number(lane, "bits", bits_of(seen, l));
		json_put_number(lane, "errors", seen->test.errors[l]);
		json_put(lane, "ber", ratio_of(seen, l));
		json_object_array_add(list, lane);
	}
	return list;
}

static struct json_object *name_in(const char *const *names, size_t count, uint32_t number)
{
	return json_object_new_string(number < count ? names[number] : "unknown");
}

static struct json_object *describe(const struct seen *seen, unsigned int lanes)
{
	struct json_object *document = json_object_new_object();
	const struct sfab_link_test *t = &seen->test;
	bool ran = has_run(t);

	json_put(document, "pattern", ran ?
		 name_in(patterns, ARRAY_SIZE(patterns), t->pattern) : NULL);
	json_put(document, "role", ran ? name_in(roles, ARRAY_SIZE(roles), t->role) : NULL);
	json_put(document, "running", json_object_new_boolean((int)t->running));
	json_put(document, "seconds", json_seconds(t->ns));
	json_put(document, "lane_list", describe_lanes(seen, lanes));
	return document;
}

static void show(const struct seen *seen, const char *link, struct json_object *document)
{
	const struct sfab_link_test *t = &seen->test;

	if (!has_run(t)) {
		printf("no test has been run on %s since its accelerator was powered on\n", link);
		return;
	}
	printf("%s, %s, %s for %.1f s\n",
	       t->pattern < ARRAY_SIZE(patterns) ? patterns[t->pattern] : "unknown pattern",
	       t->role < ARRAY_SIZE(roles) ? roles[t->role] : "unknown role",
	       t->running ? "runs" : "ran", (double)t->ns / 1e9);
	render_table(columns, json_object_object_get(document, "lane_list"));
	if (!seen->locks_known && t->bits)
		puts("Which lanes were locked is known only while a test runs: one without errors may have heard nothing.");
}

static int ask(struct sfab_link *link, const struct link_request *request, struct seen *seen)
{
	struct sfab_link_test before = { .size = sizeof(before), .op = SFAB_LINK_TEST_READ };
	struct sfab_link_test *t = &seen->test;

	t->op = SFAB_LINK_TEST_READ;
	if (!strcmp(request->word, "start")) {
		t->op = SFAB_LINK_TEST_START;
		t->pattern = request->pattern;
		t->role = request->role;
	} else if (!strcmp(request->word, "stop")) {
		t->op = SFAB_LINK_TEST_STOP;
		/* If it cannot be read, it is to be stopped all the same */
		seen->locks_known = sfab_link_test(link, &before) == 0 && before.running;
	}
	if (sfab_link_test(link, t) < 0)
		return complain_library();
	if (t->running)
		seen->locks_known = true;
	else if (seen->locks_known)
		t->locked = before.locked;
	return 0;
}

int link_test(struct sfab_link *link, const struct link_request *request)
{
	struct sfab_link_info info = { .size = sizeof(info) };
	struct seen seen = { .test.size = sizeof(seen.test) };
	struct json_object *document;

	if (sfab_link_get_info(link, &info) < 0)
		return complain_library();
	if (ask(link, request, &seen))
		return -1;
	document = describe(&seen, info.lanes);
	if (request->json)
		render_json(document);
	else
		show(&seen, request->name, document);
	json_object_put(document);
	return 0;
}
