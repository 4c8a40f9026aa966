// SPDX-License-Identifier: MIT
/*
 * Contexts, and the list of devices that each has seen
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "internal.h"

int context_check(const struct sfab_context *ctx)
{
	pid_t pid = getpid();

	if (ctx->pid == pid)
		return 0;
	return fail(-ECHILD, "this context belongs to process %d, this is its child %d: open a context after fork()",
		    (int)ctx->pid, (int)pid);
}

static int add_device(struct sfab_context *ctx, const struct found_device *found)
{
	struct sfab_device **devices;
	int ret;

	devices = realloc(ctx->devices, (ctx->device_count + 1) * sizeof(*devices));
	if (!devices)
		return fail_nomem("the list of devices");
	ctx->devices = devices;

	ret = device_new(ctx, ctx->device_count, found, &devices[ctx->device_count]);
	if (ret)
		return ret;
	ctx->device_count++;
	return 0;
}

/* Takes the device of ctx that is still this one, or NULL */
static struct sfab_device *known_device(struct sfab_context *ctx,
					const struct found_device *found)
{
	unsigned int i;

	for (i = 0; i < ctx->device_count; i++) {
		struct sfab_device *dev = ctx->devices[i];

		if (!dev->gone && strcmp(dev->id.node, found->node) == 0 &&
		    strcmp(dev->id.pci_address, found->pci_address) == 0)
			return dev;
	}
	return NULL;
}

static bool was_found(const struct sfab_device *dev, const struct found_device *found, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		if (strcmp(dev->id.node, found[i].node) == 0 &&
		    strcmp(dev->id.pci_address, found[i].pci_address) == 0)
			return true;
	}
	return false;
}

/* Returns the number of changes; the caller holds ctx->lock or is alone */
static int update(struct sfab_context *ctx)
{
	struct found_device *found;
	int count, i, ret, changes = 0;
	unsigned int k;

	count = enumerator_scan(ctx->enumerator, SUBSYSTEM_ACCEL, &found);
	if (count < 0)
		return count;

	for (k = 0; k < ctx->device_count; k++) {
		struct sfab_device *dev = ctx->devices[k];

		/* One of the same name may have come since: then its file is dead */
		if (!dev->gone && (!was_found(dev, found, count) || device_is_gone(dev))) {
			dev->gone = true;
			changes++;
		}
	}
	for (i = 0; i < count; i++) {
		if (known_device(ctx, &found[i]))
			continue;
		ret = add_device(ctx, &found[i]);
		if (ret) {
			free(found);
			return ret;
		}
		changes++;
	}
	free(found);
	ctx->scans++;
	return changes;
}

int sfab_context_open(struct sfab_context **context, unsigned int flags)
{
	struct sfab_context *ctx;
	int ret;

	if (!context)
		return fail_null(__func__);
	if (flags)
		return fail(-EINVAL, "%s: unknown flags %#x", __func__, flags);

	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return fail_nomem("a context");
	ctx->pid = getpid();
	pthread_mutex_init(&ctx->lock, NULL);
	pthread_mutex_init(&ctx->exports_lock, NULL);
	LIST_INIT(&ctx->mems);
	LIST_INIT(&ctx->exports);
	LIST_INIT(&ctx->channels);

	ret = enumerator_open(&ctx->enumerator);
	if (ret)
		goto err_free;
	ret = update(ctx);
	if (ret < 0)
		goto err_close;
	*context = ctx;
	return 0;

err_close:
	enumerator_close(ctx->enumerator);
	while (ctx->device_count > 0)
		device_free(ctx->devices[--ctx->device_count], true);
	free(ctx->devices);
err_free:
	free(ctx);
	return ret;
}

/*
 * In a forked child the kernel's objects are the parent's: only the child's
 * descriptors and memory go.  Locks are not taken, another thread of the parent
 * may have held them.
 */
void sfab_context_close(struct sfab_context *ctx)
{
	struct sfab_queue *queue, *next_queue;
	struct sfab_export *exported, *next_export;
	struct sfab_mem *mem, *next_mem;
	unsigned int i;
	bool kernel;

	if (!ctx)
		return;
	kernel = ctx->pid == getpid();

	/* First the work ends everywhere, then nobody needs the memory any more */
	for (i = 0; kernel && i < ctx->device_count; i++) {
		list_each(queue, &ctx->devices[i]->queues, link)
			queue_stop(queue);
	}
	for (i = 0; i < ctx->device_count; i++) {
		list_each(queue, &ctx->devices[i]->queues, link)
			queue_free_all(queue);
	}
	channels_free(ctx);
	/* The kernel ends them with the device's file */
	list_each_safe(exported, &ctx->exports, link, next_export)
		free(exported);
	list_each_safe(mem, &ctx->mems, link, next_mem)
		mem_release(mem, kernel);
	/* A queue has handles in the files of other devices: these close last */
	for (i = 0; i < ctx->device_count; i++) {
		list_each_safe(queue, &ctx->devices[i]->queues, link, next_queue)
			queue_release(queue, kernel);
	}
	for (i = 0; i < ctx->device_count; i++)
		device_free(ctx->devices[i], kernel);

	links_free(ctx);
	enumerator_close(ctx->enumerator);
	free(ctx->devices);
	free(ctx->registered);
	free(ctx);
}

int sfab_context_fd(struct sfab_context *ctx)
{
	int ret;

	if (!ctx)
		return fail_null(__func__);
	ret = context_check(ctx);
	return ret ? ret : enumerator_fd(ctx->enumerator);
}

int sfab_context_rescan(struct sfab_context *ctx)
{
	int ret;

	if (!ctx)
		return fail_null(__func__);
	ret = context_check(ctx);
	if (ret)
		return ret;
	pthread_mutex_lock(&ctx->lock);
	ret = update(ctx);
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

int sfab_device_count(struct sfab_context *ctx)
{
	int ret;

	if (!ctx)
		return fail_null(__func__);
	ret = context_check(ctx);
	if (ret)
		return ret;
	pthread_mutex_lock(&ctx->lock);
	ret = ctx->device_count;
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

static struct sfab_device *device_at(struct sfab_context *ctx, unsigned int index)
{
	struct sfab_device *dev;

	pthread_mutex_lock(&ctx->lock);
	dev = index < ctx->device_count ? ctx->devices[index] : NULL;
	pthread_mutex_unlock(&ctx->lock);
	return dev;
}

int sfab_device_get(struct sfab_context *ctx, unsigned int index, struct sfab_device **device)
{
	struct sfab_device *dev;
	int ret;

	if (!ctx || !device)
		return fail_null(__func__);
	ret = context_check(ctx);
	if (ret)
		return ret;

	dev = device_at(ctx, index);
	if (!dev && sfab_device_count(ctx) == 0)
		return fail(-ENODEV, "this node has no sfab accelerator: is one plugged in, and the driver loaded (modprobe sfab)?");
	if (!dev)
		return fail(-ENODEV, "there is no accelerator %u: indices are 0 to %d", index,
			    sfab_device_count(ctx) - 1);
	ret = device_open(dev);
	if (ret)
		return ret;
	*device = dev;
	return 0;
}

/* Names are compared in the order of what can be compared without opening */
static bool name_matches(const struct sfab_device *dev, const char *name)
{
	return strcmp(name, dev->id.name) == 0 || strcmp(name, dev->id.node) == 0 ||
	       strcasecmp(name, dev->id.pci_address) == 0 ||
	       (strncmp(dev->id.pci_address, "0000:", 5) == 0 &&
		strcasecmp(name, dev->id.pci_address + 5) == 0);
}

static int find_by_name(struct sfab_context *ctx, const char *name, struct sfab_device **device)
{
	struct sfab_device *dev;
	unsigned int i;

	for (i = 0; (dev = device_at(ctx, i)); i++) {
		if (!dev->gone && name_matches(dev, name))
			return sfab_device_get(ctx, i, device);
	}
	return fail(-ENODEV, "there is no accelerator %s on this node: see sfab_device_count(), or 'sfab list'",
		    name);
}

/* Devices that cannot be opened have no UUID: the error tells of the first */
static int find_by_uuid(struct sfab_context *ctx, const char *uuid, struct sfab_device **device)
{
	struct sfab_device *dev;
	int ret, closed = 0;
	unsigned int i;

	for (i = 0; (dev = device_at(ctx, i)); i++) {
		if (dev->gone)
			continue;
		ret = device_open(dev);
		if (ret) {
			closed = closed ? closed : ret;
			continue;
		}
		if (strcasecmp(uuid, dev->uuid) == 0) {
			*device = dev;
			return 0;
		}
	}
	if (closed)
		return fail_append(closed, "; no other accelerator has the UUID %s", uuid);
	return fail(-ENODEV, "there is no accelerator with the UUID %s on this node", uuid);
}

static bool is_uuid(const char *name)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i;

	if (strlen(name) != sizeof(shape) - 1)
		return false;
	for (i = 0; shape[i]; i++) {
		if (shape[i] == '-' ? name[i] != '-' : !isxdigit((unsigned char)name[i]))
			return false;
	}
	return true;
}

static bool is_pci_address(const char *name)
{
	unsigned int domain, bus, slot, function;
	int end = -1;

	if (sscanf(name, "%4x:%2x:%2x.%1o%n", &domain, &bus, &slot, &function, &end) == 4 &&
	    !name[end])
		return true;
	end = -1;
	return sscanf(name, "%2x:%2x.%1o%n", &bus, &slot, &function, &end) == 3 && !name[end];
}

int sfab_device_find(struct sfab_context *ctx, const char *name, struct sfab_device **device)
{
	int ret;

	if (!ctx || !name || !device)
		return fail_null(__func__);
	ret = context_check(ctx);
	if (ret)
		return ret;

	if (name[0] && strlen(name) < 7 && strspn(name, "0123456789") == strlen(name))
		return sfab_device_get(ctx, atoi(name), device);
	if (is_uuid(name))
		return find_by_uuid(ctx, name, device);
	if (is_pci_address(name) || strncmp(name, "accel", 5) == 0 || name[0] == '/')
		return find_by_name(ctx, name, device);
	return fail(-EINVAL, "'%.64s' names no accelerator: give an index (0), a node (accel0), a PCI address (0000:01:00.0) or a UUID",
		    name);
}
