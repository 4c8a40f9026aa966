// SPDX-License-Identifier: MIT
/*
 * The links of a monitor: read them, find their far ends, judge
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health_monitor.h"
#include "link_ioctl.h"

/* Events of a link that tell how it was before the monitor began */
#define EVENTS	SFAB_LINK_EVENTS

/* ---- reading ---- */

static int read_view(struct watched_link *w)
{
	struct sfab_link_info info = { .size = sizeof(info) };
	struct link_view *v = &w->view;
	int ret = 0;

	v->status.size = sizeof(v->status);
	v->readings.size = sizeof(v->readings);
	v->counters.size = sizeof(v->counters);
	if (!v->info.size || v->status.insertions != v->info.insertions) {
		ret = link_ioctl(w->link, SFAB_LINK_INFO, &info);
		if (!ret)
			v->info = info;
	}
	if (!ret)
		ret = link_ioctl(w->link, SFAB_LINK_STATE, &v->status);
	if (!ret)
		ret = link_ioctl(w->link, SFAB_LINK_READINGS, &v->readings);
	if (!ret)
		ret = link_ioctl(w->link, SFAB_LINK_COUNTERS, &v->counters);
	if (!ret && v->info.caps & SFAB_LINK_CAP_SWITCH) {
		v->last = (struct sfab_link_switch){ .size = sizeof(v->last),
						     .flags = SFAB_LINK_SWITCH_QUERY };
		ret = link_ioctl(w->link, SFAB_LINK_SWITCH, &v->last);
	}
	return ret;
}

static bool carries(uint32_t state)
{
	return state == SFAB_LINK_UP || state == SFAB_LINK_DEGRADED;
}

/* Because somebody said so */
static bool is_order(uint32_t reason)
{
	return reason == SFAB_LINK_WHY_DISABLED || reason == SFAB_LINK_WHY_SWITCHING ||
	       reason == SFAB_LINK_WHY_TEST || reason == SFAB_LINK_WHY_LOW_POWER ||
	       reason == SFAB_LINK_WHY_NO_PATH;
}

/* When the link went down, as the kernel remembers */
static void remember(struct watched_link *w)
{
	struct sfab_link_event *events = calloc(EVENTS, sizeof(*events));
	int i, count;

	if (!events)
		return;
	count = sfab_link_get_history(w->link, events, EVENTS);
	for (i = 1; i < count; i++) {
		if (events[i].type == SFAB_LINK_EVENT_STATE && carries(events[i - 1].state) &&
		    !carries(events[i].state) && !is_order(events[i].reason))
			health_note_down(&w->history, events[i].time_ns);
	}
	free(events);
}

/* The driver knows who was there last: for who begins to judge when the link is down */
static void remember_partner(struct watched_link *w)
{
	const struct sfab_link_status *status = &w->view.status;

	if (status->partner == SFAB_LINK_PARTNER_NONE) {
		if (w->far.kind != SFAB_LINK_PARTNER_NONE)
			return;
		w->far.kind = status->last_partner;
		w->far.eid = status->last_partner_eid;
		w->far.port = status->last_partner_port;
		memcpy(w->far.uuid, status->last_partner_uuid, sizeof(w->far.uuid));
		return;
	}
	w->far.kind = status->partner;
	w->far.eid = status->partner_eid;
	w->far.port = status->partner_port;
	memcpy(w->far.uuid, status->partner_uuid, sizeof(w->far.uuid));
}

/* To be read they make the monitor's file ready; which downs were ordered only they tell */
static void drain_events(struct watched_link *w)
{
	struct sfab_link_event event = { .size = sizeof(event) };

	while (!sfab_link_read_event(w->link, &event)) {
		/* The optical switch is waited for, and counts no down */
		if (event.type == SFAB_LINK_EVENT_STATE && w->carried && !carries(event.state) &&
		    is_order(event.reason) && event.reason != SFAB_LINK_WHY_SWITCHING)
			health_note_order(&w->history);
		w->carried = carries(event.state);
		event.size = sizeof(event);
	}
}

void watched_links_read(struct sfab_health *health)
{
	unsigned int i;

	for (i = 0; i < health->link_count; i++) {
		struct watched_link *w = &health->links[i];

		/* Who could not be opened may be by now */
		w->error = watched_link_open(w);
		if (!w->error)
			w->error = watched_link_poll(health, w);
		if (!w->error)
			w->error = read_view(w);
		if (w->error == -ENODEV)
			watched_link_ignore(health, w);
		if (w->error)
			continue;
		if (!w->history.judged) {
			remember(w);
			w->carried = carries(w->view.status.state);
		}
		remember_partner(w);
		drain_events(w);
	}
}

/* ---- the far end ---- */

static const struct watched_link *sibling(const struct sfab_health *health,
					  const struct far_end *far)
{
	unsigned int i;

	for (i = 0; far->kind == SFAB_LINK_PARTNER_ACCEL && i < health->link_count; i++) {
		const struct watched_link *w = &health->links[i];

		if (!w->error && w->view.info.port == far->port &&
		    !memcmp(w->view.info.uuid, far->uuid, sizeof(far->uuid)))
			return w;
	}
	return NULL;
}

/* Who got its EID when nobody looked at this link shows it at others */
static void find_eid(const struct sfab_health *health, struct far_end *far)
{
	unsigned int i;

	if (far->kind == SFAB_LINK_PARTNER_NONE)
		return;
	for (i = 0; !far->eid && i < health->link_count; i++) {
		const struct watched_link *w = &health->links[i];
		const struct sfab_link_status *status = &w->view.status;

		if (!w->error && status->partner != SFAB_LINK_PARTNER_NONE &&
		    !memcmp(status->partner_uuid, far->uuid, sizeof(far->uuid)))
			far->eid = status->partner_eid;
	}
}

static void look_far(const struct sfab_health *health, struct watched_link *w,
		     const struct watched_link *other, struct health_link *link, bool up)
{
	struct sfab_device *dev;

	if (other)
		health_end_of_view(&other->view, &link->far);
	else if (health_may_ask(&w->far, up) &&
		 !sfab_device_find(health->ctx, w->link->id.pci_address, &dev))
		health_ask(dev, w->view.info.port, up, &w->far, &link->far);
}

/* ---- judging ---- */

/* Who may not look learns nothing of it, least of all that it is broken */
static void may_not_be_read(const struct watched_link *w, struct sfab_finding *finding)
{
	*finding = (struct sfab_finding){
		.condition = SFAB_CONDITION_USABLE,
		.holds = SFAB_UNKNOWN,
	};
	snprintf(finding->text, sizeof(finding->text), "%s may not be opened: %s",
		 w->link->id.node, strerror(-w->error));
}

static void cannot_be_read(const struct watched_link *w, struct sfab_finding *finding)
{
	*finding = (struct sfab_finding){
		.condition = SFAB_CONDITION_USABLE,
		.holds = SFAB_FALSE,
		.severity = SFAB_SEVERITY_FAILED,
		.cause = SFAB_HEALTH_ACCEL_LOST,
		.action = SFAB_ACTION_RESET,
	};
	snprintf(finding->text, sizeof(finding->text), "%s does not answer: %s",
		 w->link->id.node, strerror(-w->error));
}

/* What has never answered has not told whose it is */
static void name_link(const struct watched_link *w, struct sfab_verdict *v)
{
	const struct sfab_link_info *info = &w->view.info;

	snprintf(v->node, sizeof(v->node), "%s", w->link->id.node);
	if (info->size)
		snprintf(v->name, sizeof(v->name), "accel%u:%u", info->accel, info->port);
	else
		snprintf(v->name, sizeof(v->name), "%s", w->link->id.name);
	v->accel = info->size ? info->accel : UINT32_MAX;
	v->port = info->size ? info->port : UINT32_MAX;
}

static void name_partner(const struct far_end *far, const struct watched_link *other,
			 struct sfab_verdict *v)
{
	bool is_switch = far->kind == SFAB_LINK_PARTNER_SWITCH;
	char uuid[40];

	uuid_format(far->uuid, uuid);
	v->partner = far->kind;
	v->partner_eid = far->eid;
	v->partner_port = far->port;
	v->partner_name[0] = 0;
	if (far->kind == SFAB_LINK_PARTNER_NONE)
		return;
	if (other)
		snprintf(v->partner_name, sizeof(v->partner_name), "accel%u:%u",
			 other->view.info.accel, other->view.info.port);
	else if (far->eid)
		snprintf(v->partner_name, sizeof(v->partner_name), "%sEID %u port %u",
			 is_switch ? "switch " : "", far->eid, far->port);
	else
		snprintf(v->partner_name, sizeof(v->partner_name), "%s %s port %u",
			 is_switch ? "switch" : "accelerator", uuid, far->port);
}

/* Not what was ordered: who does that knows whom it parts */
static void tell_lost(struct sfab_verdict *v)
{
	char reason[sizeof(v->text)];
	int room;

	if (!v->partner_name[0] || v->severity != SFAB_SEVERITY_FAILED)
		return;
	memcpy(reason, v->text, sizeof(reason));
	/* The end of a long reason gives way */
	room = (int)(sizeof(v->text) - strlen(v->partner_name) - sizeof(" is lost: "));
	snprintf(v->text, sizeof(v->text), "%s is lost: %.*s", v->partner_name, room, reason);
}

static void judge_one(struct sfab_health *health, struct watched_link *w)
{
	const struct watched_link *other;
	const struct link_view *view = &w->view;
	struct sfab_verdict *v = &w->verdict;
	struct health_link link;
	unsigned int worst;
	bool up, seen;

	v->is_link = 1;
	v->gbps = 0;
	v->full_gbps = 0;
	name_link(w, v);
	find_eid(health, &w->far);
	other = sibling(health, &w->far);
	name_partner(&w->far, other, v);
	if (w->error) {
		if (health_is_denied(w->error))
			may_not_be_read(w, v->finding);
		else
			cannot_be_read(w, v->finding);
		v->findings = 1;
		verdict_conclude(v, 0);
		return;
	}
	health_link_of_view(view, &link);
	link.used = link.used || w->far.kind != SFAB_LINK_PARTNER_NONE;
	up = link.own.state == SFAB_LINK_UP || link.own.state == SFAB_LINK_DEGRADED;
	/* What was judged already is not judged again: the far end need not be asked */
	seen = w->history.judged && link.interval == w->history.interval;
	if (!seen) {
		look_far(health, w, other, &link, up);
		v->far_known = link.far.known;
	}
	worst = health_judge(&link, &health->thresholds, &w->history, v->finding);
	v->findings = SFAB_LINK_CONDITIONS;
	v->gbps = up ? link.own.lanes_in_use * link.lane_gbps : 0;
	v->full_gbps = link.used ? link.own.lanes * link.lane_gbps : 0;
	verdict_conclude(v, worst);
	if (!up)
		tell_lost(v);
}

void watched_links_judge(struct sfab_health *health)
{
	unsigned int i;

	for (i = 0; i < health->link_count; i++)
		judge_one(health, &health->links[i]);
}
