// SPDX-License-Identifier: MIT
/*
 * Links: the list of them, opening
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "internal.h"
#include "link_ioctl.h"

int link_new(struct sfab_context *ctx, const struct found_device *id, struct sfab_link **link)
{
	struct sfab_link *new = calloc(1, sizeof(*new));

	if (!new)
		return fail_nomem("a link");
	new->ctx = ctx;
	new->id = *id;
	snprintf(new->label, sizeof(new->label), "%s (%s)", id->name, id->pci_address);
	new->fd = -1;
	pthread_mutex_init(&new->lock, NULL);
	*link = new;
	return 0;
}

void link_free(struct sfab_link *link)
{
	if (!link)
		return;
	if (link->fd >= 0)
		close(link->fd);
	free(link);
}

void links_free(struct sfab_context *ctx)
{
	unsigned int i;

	for (i = 0; i < ctx->link_count; i++)
		link_free(ctx->links[i]);
	free(ctx->links);
}

/* ---- the list ---- */

static bool same(const struct found_device *a, const struct found_device *b)
{
	return !strcmp(a->node, b->node) && !strcmp(a->pci_address, b->pci_address);
}

bool link_is_gone(struct sfab_link *link)
{
	struct sfab_link_status status = { .size = sizeof(status) };

	return link->fd >= 0 && link_ioctl(link, SFAB_LINK_STATE, &status) == -ENODEV;
}

static struct sfab_link *known(struct sfab_context *ctx, const struct found_device *found)
{
	unsigned int i;

	for (i = 0; i < ctx->link_count; i++) {
		if (!ctx->links[i]->gone && same(&ctx->links[i]->id, found))
			return ctx->links[i];
	}
	return NULL;
}

static int add(struct sfab_context *ctx, const struct found_device *found)
{
	struct sfab_link **links = realloc(ctx->links, (ctx->link_count + 1) * sizeof(*links));
	int ret;

	if (!links)
		return fail_nomem("the list of links");
	ctx->links = links;
	ret = link_new(ctx, found, &links[ctx->link_count]);
	if (ret)
		return ret;
	links[ctx->link_count]->index = ctx->link_count;
	ctx->link_count++;
	return 0;
}

static void mark_gone(struct sfab_context *ctx, const struct found_device *found, int count)
{
	unsigned int i;
	int k;

	for (i = 0; i < ctx->link_count; i++) {
		struct sfab_link *link = ctx->links[i];

		for (k = 0; k < count && !same(&link->id, &found[k]); k++)
			;
		/* One of the same name may have come since: then its file is dead */
		if (k == count || link_is_gone(link))
			link->gone = true;
	}
}

static int update(struct sfab_context *ctx)
{
	struct found_device *found;
	int count, i, ret = 0;

	count = enumerator_scan(ctx->enumerator, SUBSYSTEM_LINK, &found);
	if (count < 0)
		return count;
	mark_gone(ctx, found, count);
	for (i = 0; !ret && i < count; i++) {
		if (!known(ctx, &found[i]))
			ret = add(ctx, &found[i]);
	}
	free(found);
	return ret ? ret : (int)ctx->link_count;
}

int links_scan(struct sfab_context *ctx)
{
	int ret;

	pthread_mutex_lock(&ctx->lock);
	ret = update(ctx);
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

struct sfab_link *link_at(struct sfab_context *ctx, unsigned int index)
{
	struct sfab_link *link;

	pthread_mutex_lock(&ctx->lock);
	link = index < ctx->link_count ? ctx->links[index] : NULL;
	pthread_mutex_unlock(&ctx->lock);
	return link;
}

int sfab_link_count(struct sfab_context *ctx)
{
	int ret;

	if (!ctx)
		return fail_null(__func__);
	ret = context_check(ctx);
	return ret ? ret : links_scan(ctx);
}

/* ---- opening ---- */

static int fail_open(struct sfab_link *link, int err)
{
	if (err == -EACCES || err == -EPERM)
		return fail(err, "%s: no permission to open %s: join the group that owns it (see 'ls -l %s') or ask for a udev rule",
			    link->label, link->id.node, link->id.node);
	if (err == -ENOENT || err == -ENXIO || err == -ENODEV)
		return fail(-ENODEV, "%s: %s does not exist: its accelerator was removed, or /dev is not a devtmpfs",
			    link->label, link->id.node);
	return link_fail(link, err, "open %s", link->id.node);
}

/* Who may not write may read all the same */
static int open_node(const char *node)
{
	int fd = open(node, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && (errno == EACCES || errno == EPERM || errno == EROFS))
		fd = open(node, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int open_locked(struct sfab_link *link)
{
	struct sfab_link_info info = { .size = sizeof(info) };
	int ret, fd = open_node(link->id.node);

	if (fd < 0)
		return fail_open(link, fd);
	link->fd = fd;
	ret = link_ioctl(link, SFAB_LINK_INFO, &info);
	if (ret) {
		link->fd = -1;
		close(fd);
		return link_fail(link, ret, "ask what it is");
	}
	link->port = info.port;
	return 0;
}

int link_open(struct sfab_link *link)
{
	int ret = 0;

	if (link->gone)
		return link_fail(link, -ENODEV, "link %u", link->index);
	pthread_mutex_lock(&link->lock);
	if (link->fd < 0)
		ret = open_locked(link);
	pthread_mutex_unlock(&link->lock);
	return ret;
}

int sfab_link_get(struct sfab_context *ctx, unsigned int index, struct sfab_link **link)
{
	struct sfab_link *found;
	int ret;

	if (!ctx || !link)
		return fail_null(__func__);
	ret = context_check(ctx);
	if (ret)
		return ret;
	found = link_at(ctx, index);
	/* Who asks for one after the other is not to look for all of them each time */
	if (!found)
		ret = links_scan(ctx);
	if (ret < 0)
		return ret;
	if (!found && ret == 0)
		return fail(-ENODEV, "this node has no sfab link: is an accelerator with ports plugged in, and the driver loaded (modprobe sfab)?");
	found = found ? found : link_at(ctx, index);
	if (!found)
		return fail(-ENODEV, "there is no link %u: indices are 0 to %d", index, ret - 1);
	ret = link_open(found);
	if (!ret)
		*link = found;
	return ret;
}

/* ---- names ---- */

static int find_by_node(struct sfab_context *ctx, const char *name, struct sfab_link **link)
{
	const char *base = strncmp(name, "/dev/", 5) ? name : name + 5;
	struct sfab_link *at;
	unsigned int i;

	for (i = 0; (at = link_at(ctx, i)); i++) {
		if (!at->gone && !strcmp(at->id.name, base))
			return sfab_link_get(ctx, i, link);
	}
	return fail(-ENODEV, "there is no link %.64s on this node: see 'sfab link list'", name);
}

/* "ACCELERATOR:PORT", where an accelerator may have colons in its name */
static int find_by_port(struct sfab_context *ctx, const char *name, const char *colon,
			struct sfab_link **link)
{
	struct sfab_device *dev;
	struct sfab_link *at;
	char accel[64], *end;
	unsigned long port;
	unsigned int i;
	int ret;

	port = strtoul(colon + 1, &end, 10);
	if (!colon[1] || *end || port > 255 || (size_t)(colon - name) >= sizeof(accel))
		return fail(-EINVAL, "'%.64s' names no link: after the last colon stands a port, as in 0:1",
			    name);
	snprintf(accel, sizeof(accel), "%.*s", (int)(colon - name), name);
	ret = sfab_device_find(ctx, accel, &dev);
	for (i = 0; !ret && (at = link_at(ctx, i)); i++) {
		if (at->gone || strcmp(at->id.pci_address, dev->id.pci_address))
			continue;
		ret = link_open(at);
		if (ret || at->port != port)
			continue;
		*link = at;
		return 0;
	}
	return ret ? ret : fail(-ENODEV, "accelerator %s has no port %lu with a link: see 'sfab link list'",
				dev->id.name, port);
}

int sfab_link_find(struct sfab_context *ctx, const char *name, struct sfab_link **link)
{
	const char *colon;
	int ret;

	if (!ctx || !name || !link)
		return fail_null(__func__);
	ret = context_check(ctx);
	if (!ret)
		ret = links_scan(ctx);
	if (ret < 0)
		return ret;
	colon = strrchr(name, ':');
	if (name[0] && strlen(name) < 7 && strspn(name, "0123456789") == strlen(name))
		return sfab_link_get(ctx, (unsigned int)atoi(name), link);
	if (!strncmp(name, "sfab_link", 9) || !strncmp(name, "/dev/sfab_link", 14))
		return find_by_node(ctx, name, link);
	if (colon)
		return find_by_port(ctx, name, colon, link);
	return fail(-EINVAL, "'%.64s' names no link: give an index (0), a node (sfab_link0), or an accelerator and a port (0:1, accel0:1)",
		    name);
}
