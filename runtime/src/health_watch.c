// SPDX-License-Identifier: MIT
/*
 * What a monitor watches: what was chosen, or all of the node; and where that is which was
 * removed and has come back
 *
 * What has come back is at the same PCI address, most often under another name: the old one is
 * taken as long as somebody has its file open.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health_monitor.h"

static bool watches_link(const struct sfab_health *health, const struct sfab_link *link)
{
	unsigned int i;

	for (i = 0; i < health->link_count; i++) {
		if (!health->links[i].gone &&
		    !strcmp(health->links[i].link->id.node, link->id.node))
			return true;
	}
	return false;
}

int watched_link_open(struct watched_link *w)
{
	int ret = link_open(w->link);

	if (!ret) {
		w->known = true;
		w->port = w->link->port;
	}
	return ret;
}

/* One whose file cannot be opened is watched too: it is a finding */
int watch_link(struct sfab_health *health, const struct sfab_link *link)
{
	struct watched_link *links, *w;
	int ret;

	if (watches_link(health, link))
		return 0;
	links = realloc(health->links, (health->link_count + 1) * sizeof(*links));
	if (!links)
		return fail_nomem("a monitor of health");
	health->links = links;
	w = &links[health->link_count];
	memset(w, 0, sizeof(*w));
	ret = link_new(health->ctx, &link->id, &w->link);
	if (ret)
		return ret;
	health->link_count++;
	return watched_link_open(w) ? 0 : watched_link_poll(health, w);
}

/* The place of one that went, or it may be: that is known when it can be opened */
static bool has_a_place(const struct sfab_health *health, struct sfab_link *link)
{
	unsigned int i;

	for (i = 0; i < health->link_count; i++) {
		const struct watched_link *w = &health->links[i];

		if (w->gone && !strcmp(w->link->id.pci_address, link->id.pci_address) &&
		    (link_open(link) || link->port == w->port))
			return true;
	}
	return false;
}

/* The links of an accelerator; NULL: of all */
static int watch_links_of(struct sfab_health *health, const struct sfab_device *dev)
{
	struct sfab_link *link;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && (link = link_at(health->ctx, i)); i++) {
		if (!link->gone && (!dev || !strcmp(link->id.pci_address, dev->id.pci_address)) &&
		    !has_a_place(health, link))
			ret = watch_link(health, link);
	}
	return ret;
}

static void name_accel(struct watched_accel *a, const struct sfab_device *dev)
{
	a->index = dev->index;
	a->verdict.accel = (uint32_t)strtoul(dev->id.name + strlen("accel"), NULL, 10);
	snprintf(a->verdict.name, sizeof(a->verdict.name), "%s", dev->id.name);
	snprintf(a->verdict.node, sizeof(a->verdict.node), "%s", dev->id.node);
}

static int watch_accel(struct sfab_health *health, const struct sfab_device *dev)
{
	struct watched_accel *accels, *a;
	unsigned int i;

	for (i = 0; i < health->accel_count; i++) {
		if (health->accels[i].index == dev->index)
			return 0;
	}
	accels = realloc(health->accels, (health->accel_count + 1) * sizeof(*accels));
	if (!accels)
		return fail_nomem("a monitor of health");
	health->accels = accels;
	a = &accels[health->accel_count++];
	memset(a, 0, sizeof(*a));
	name_accel(a, dev);
	return 0;
}

int watch_device(struct sfab_health *health, struct sfab_device *dev)
{
	int ret = watch_accel(health, dev);

	if (!ret)
		ret = links_scan(health->ctx);
	return ret < 0 ? ret : watch_links_of(health, dev);
}

/* ---- what has changed ---- */

/* Where it is now; NULL: it is not back. *later: nobody can tell yet */
static struct sfab_link *new_place(struct sfab_health *health, const struct watched_link *w,
				   bool *later)
{
	struct sfab_link *link;
	unsigned int i;

	for (i = 0; (link = link_at(health->ctx, i)); i++) {
		if (link->gone || strcmp(link->id.pci_address, w->link->id.pci_address) ||
		    watches_link(health, link))
			continue;
		if (link_open(link))
			*later = true;
		else if (link->port == w->port)
			break;
	}
	return link;
}

static int follow_link(struct sfab_health *health, struct watched_link *w, bool *later)
{
	struct sfab_link *link = new_place(health, w, later), *new;
	int ret;

	if (!link)
		return 0;
	ret = link_new(health->ctx, &link->id, &new);
	if (ret)
		return ret;
	watched_link_ignore(health, w);
	link_free(w->link);
	/* Whom it had is remembered; its counters begin anew */
	*w = (struct watched_link){ .link = new, .known = true, .port = w->port, .far = w->far,
				    .verdict = w->verdict };
	return watched_link_open(w) ? 0 : watched_link_poll(health, w);
}

static int follow_links(struct sfab_health *health, bool *later)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < health->link_count; i++) {
		struct watched_link *w = &health->links[i];

		w->gone = w->known && (w->error == -ENODEV || link_is_gone(w->link));
	}
	for (i = 0; !ret && i < health->link_count; i++) {
		if (health->links[i].gone)
			ret = follow_link(health, &health->links[i], later);
	}
	return ret;
}

/* ctx->lock is held */
static void follow_accel(const struct sfab_context *ctx, struct watched_accel *a)
{
	const struct sfab_device *old = ctx->devices[a->index];
	unsigned int i;

	if (!old->gone)
		return;
	for (i = 0; i < ctx->device_count; i++) {
		const struct sfab_device *dev = ctx->devices[i];

		if (dev->gone || strcmp(dev->id.pci_address, old->id.pci_address))
			continue;
		*a = (struct watched_accel){ .verdict = a->verdict };
		name_accel(a, dev);
		return;
	}
}

static int follow_accels(struct sfab_health *health)
{
	struct sfab_context *ctx = health->ctx;
	unsigned int i;
	int ret = 0;

	pthread_mutex_lock(&ctx->lock);
	for (i = 0; i < health->accel_count; i++)
		follow_accel(ctx, &health->accels[i]);
	for (i = 0; !ret && !health->chosen && i < ctx->device_count; i++) {
		if (!ctx->devices[i]->gone)
			ret = watch_accel(health, ctx->devices[i]);
	}
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

static uint64_t scans_of(struct sfab_context *ctx)
{
	uint64_t scans;

	pthread_mutex_lock(&ctx->lock);
	scans = ctx->scans;
	pthread_mutex_unlock(&ctx->lock);
	return scans;
}

int watch_follow(struct sfab_health *health)
{
	uint64_t scans = scans_of(health->ctx);
	bool later = false;
	int ret;

	if (scans == health->scans)
		return 0;
	ret = links_scan(health->ctx);
	if (ret < 0)
		return ret;
	ret = follow_links(health, &later);
	if (!ret && !health->chosen)
		ret = watch_links_of(health, NULL);
	if (!ret)
		ret = follow_accels(health);
	if (!ret && !later)
		health->scans = scans;
	return ret;
}
