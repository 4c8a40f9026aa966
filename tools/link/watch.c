// SPDX-License-Identifier: MIT
/*
 * sfab link: events as they come and as they are kept
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "../interrupt.h"
#include "../render/render.h"
#include "../tool.h"
#include "../units.h"
#include "link.h"

#define MAX_LINKS	512

static struct json_object *describe(const char *name, const struct sfab_link_event *e)
{
	struct json_object *object = json_object_new_object();
	bool up = e->state == SFAB_LINK_UP || e->state == SFAB_LINK_DEGRADED;

	json_put_text(object, "name", name);
	json_put_number(object, "sequence", e->sequence);
	json_put_number(object, "lost", e->lost);
	json_put_number(object, "time_ns", e->time_ns);
	json_put_text(object, "event", sfab_link_event_name(e->type));
	json_put_text(object, "state", sfab_link_state_name(e->state));
	json_put(object, "reason", up ? NULL :
		 json_object_new_string(sfab_link_reason_name(e->reason)));
	json_put_number(object, "lanes_in_use", e->lanes);
	json_put_number(object, "insertions", e->insertions);
	json_put_number(object, "value", e->value);
	return object;
}

static const struct field columns[] = {
	{ "LINK", "/name", VIEW_TEXT, 10 },
	{ "NUMBER", "/sequence", VIEW_NUMBER, 0 },
	{ "LOST", "/lost", VIEW_NUMBER, 0 },
	{ "TIME NS", "/time_ns", VIEW_NUMBER, 16 },
	{ "EVENT", "/event", VIEW_TEXT, 7 },
	{ "STATE", "/state", VIEW_TEXT, 8 },
	{ "LANES", "/lanes_in_use", VIEW_NUMBER, 0 },
	{ "REASON", "/reason", VIEW_TEXT, 0 },
	{ 0 }
};

static void print_one(const char *name, const struct sfab_link_event *event, bool json)
{
	struct json_object *object = describe(name, event);

	if (json)
		puts(json_object_to_json_string(object));
	else
		render_row(columns, object);
	json_object_put(object);
}

static int name_of(struct sfab_link *link, char *name, size_t size)
{
	struct sfab_link_info info = { .size = sizeof(info) };

	if (sfab_link_get_info(link, &info) < 0)
		return complain_library();
	snprintf(name, size, "accel%" PRIu32 ":%" PRIu32, info.accel, info.port);
	return 0;
}

struct watched {
	struct sfab_link *link[MAX_LINKS];
	char name[MAX_LINKS][64];
	struct pollfd poll[MAX_LINKS];
	unsigned int count;
};

static int watch_link(struct watched *w, struct sfab_link *link)
{
	unsigned int n = w->count;

	w->link[n] = link;
	w->poll[n] = (struct pollfd){ .fd = sfab_link_fd(link), .events = POLLIN };
	if (w->poll[n].fd < 0)
		return complain_library();
	if (name_of(link, w->name[n], sizeof(w->name[n])))
		return -1;
	w->count++;
	return 0;
}

static int watch_all(struct sfab_context *context, struct watched *w)
{
	int i, count = sfab_link_count(context);
	struct sfab_link *link;

	if (count > MAX_LINKS)
		return complain("%d links are more than can be watched at once: name one", count);
	for (i = 0; i < count; i++) {
		if (sfab_link_get(context, (unsigned int)i, &link) < 0)
			complain_library();
		else if (watch_link(w, link))
			return -1;
	}
	if (count < 0)
		return complain_library();
	return w->count ? 0 : complain("there is no link to watch: see 'sfab link list'");
}

static int print_events(struct watched *w, unsigned int n, bool json)
{
	struct sfab_link_event event = { .size = sizeof(event) };
	int ret;

	while (!(ret = sfab_link_read_event(w->link[n], &event))) {
		print_one(w->name[n], &event, json);
		event.size = sizeof(event);
	}
	if (ret != -EAGAIN)
		return complain_library();
	return output_flush();
}

static int follow(struct watched *w, const struct link_request *request)
{
	uint64_t end = now_ns() + request->seconds * 1000000000ULL;
	unsigned int i;
	int ret;

	if (!request->json)
		render_head(columns);
	ret = output_flush();
	while (!ret && !interrupted() && (!request->seconds || now_ns() < end)) {
		if (poll(w->poll, w->count, 100) < 0 && errno != EINTR)
			return complain("cannot wait for events: %s", strerror(errno));
		for (i = 0; !ret && i < w->count; i++) {
			if (w->poll[i].revents)
				ret = print_events(w, i, request->json);
		}
	}
	return ret;
}

int link_watch(struct sfab_context *context, const struct link_request *request)
{
	static struct watched w;
	struct sfab_link *link;
	int ret;

	interrupt_catch();
	if (!request->name)
		ret = watch_all(context, &w);
	else if (sfab_link_find(context, request->name, &link) < 0)
		ret = complain_library();
	else
		ret = watch_link(&w, link);
	return ret ? ret : follow(&w, request);
}

int link_history(struct sfab_link *link, const struct link_request *request)
{
	struct sfab_link_event events[SFAB_LINK_EVENTS];
	struct json_object *document, *list;
	char name[64];
	int i, count;

	if (name_of(link, name, sizeof(name)))
		return -1;
	count = sfab_link_get_history(link, events, SFAB_LINK_EVENTS);
	if (count < 0)
		return complain_library();
	document = json_object_new_object();
	list = json_object_new_array();
	json_put(document, "events", list);
	for (i = 0; i < count; i++)
		json_object_array_add(list, describe(name, &events[i]));
	if (request->json)
		render_json(document);
	else if (count)
		render_table(columns, list);
	json_object_put(document);
	return 0;
}
