// SPDX-License-Identifier: MIT
/*
 * Devices: opening, identity, counters
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <xf86drm.h>

#include "internal.h"

int device_new(struct sfab_context *ctx, unsigned int index, const struct found_device *id,
	       struct sfab_device **device)
{
	struct sfab_device *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return fail_nomem("a device");
	dev->ctx = ctx;
	dev->index = index;
	dev->id = *id;
	snprintf(dev->label, sizeof(dev->label), "%s (%s)", id->name, id->pci_address);
	dev->fd = -1;
	pthread_mutex_init(&dev->lock, NULL);
	pthread_mutex_init(&dev->queues_lock, NULL);
	pthread_cond_init(&dev->waiter_left, NULL);
	pthread_mutex_init(&dev->bounce_lock, NULL);
	pthread_mutex_init(&dev->handles_lock, NULL);
	pthread_mutex_init(&dev->event_lock, NULL);
	*device = dev;
	return 0;
}

void device_free(struct sfab_device *dev, bool kernel)
{
	int i;

	for (i = 0; i < VM_KINDS; i++)
		vm_close(dev, i, kernel);
	if (dev->fd >= 0)
		close(dev->fd);
	free(dev->engines);
	free(dev->handle_refs);
	free(dev->reach);
	free(dev);
}

int device_ioctl(struct sfab_device *dev, unsigned long request, void *arg)
{
	/* Not drmIoctl(): it repeats EAGAIN, with which SUBMIT says "no room now" */
	while (ioctl(dev->fd, request, arg)) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int device_fail(struct sfab_device *dev, int err, const char *fmt, ...)
{
	char what[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);

	if (err == -ENODEV)
		return fail(err, "%s: %s: the device was removed: call sfab_context_rescan()",
			    dev->label, what);
	return fail(err, "%s: %s: %s", dev->label, what, strerror(-err));
}

bool device_is_gone(struct sfab_device *dev)
{
	struct sfab_query query = { .query = SFAB_QUERY_LIMITS };

	return dev->fd >= 0 && device_ioctl(dev, DRM_IOCTL_SFAB_QUERY, &query) == -ENODEV;
}

int device_query(struct sfab_device *dev, uint32_t id, void *data, uint32_t count,
		 uint32_t stride)
{
	struct sfab_query query = {
		.query = id,
		.data = (uintptr_t)data,
		.count = count,
		.stride = stride,
	};
	int ret = device_ioctl(dev, DRM_IOCTL_SFAB_QUERY, &query);

	return ret ? device_fail(dev, ret, "query %u", id) : (int)query.count;
}

/* A table of one element */
static int query_struct(struct sfab_device *dev, uint32_t id, void *data, uint32_t size)
{
	int ret = device_query(dev, id, data, 1, size);

	return ret < 0 ? ret : 0;
}

/* ---- opening ---- */

static int fail_open(struct sfab_device *dev, int err)
{
	if (err == -EACCES || err == -EPERM)
		return fail(err, "%s: no permission to open %s: join the group that owns it (see 'ls -l %s') or ask for a udev rule",
			    dev->label, dev->id.node, dev->id.node);
	if (err == -ENOENT || err == -ENXIO)
		return fail(-ENODEV, "%s: %s does not exist: the device was removed, or /dev is not a devtmpfs",
			    dev->label, dev->id.node);
	return device_fail(dev, err, "open %s", dev->id.node);
}

static int check_driver(struct sfab_device *dev)
{
	drmVersionPtr version = drmGetVersion(dev->fd);
	int ret = 0;

	if (!version)
		return device_fail(dev, -errno, "ask for the driver's version");
	if (strcmp(version->name, "sfab"))
		ret = fail(-EPROTO, "%s: its driver is '%.32s', not sfab", dev->label,
			   version->name);
	dev->driver_major = version->version_major;
	dev->driver_minor = version->version_minor;
	drmFreeVersion(version);
	return ret;
}

static int query_engines(struct sfab_device *dev)
{
	int count = device_query(dev, SFAB_QUERY_ENGINES, NULL, 0, 0);
	struct sfab_query_engine *engines;

	if (count < 0)
		return count;
	engines = calloc(count, sizeof(*engines));
	if (!engines)
		return fail_nomem("a device");
	count = device_query(dev, SFAB_QUERY_ENGINES, engines, count, sizeof(*engines));
	if (count < 0) {
		free(engines);
		return count;
	}
	dev->engines = engines;
	dev->engine_count = count;
	return 0;
}

void uuid_format(const uint8_t *uuid, char *text)
{
	int i;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		text += sprintf(text, "%02x", uuid[i]);
	}
}

static int open_locked(struct sfab_device *dev)
{
	int ret, fd;

	/* Only reading events would block; O_NONBLOCK is for that */
	fd = open(dev->id.node, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail_open(dev, -errno);
	dev->fd = fd;

	ret = check_driver(dev);
	if (!ret)
		ret = query_struct(dev, SFAB_QUERY_DEVICE, &dev->identity,
				   sizeof(dev->identity));
	if (!ret)
		ret = query_struct(dev, SFAB_QUERY_LIMITS, &dev->limits, sizeof(dev->limits));
	if (!ret)
		ret = query_engines(dev);
	if (ret) {
		dev->fd = -1;
		close(fd);
		return ret;
	}
	uuid_format(dev->identity.uuid, dev->uuid);
	return 0;
}

int device_open(struct sfab_device *dev)
{
	int ret = 0;

	if (dev->gone)
		return device_fail(dev, -ENODEV, "device %u", dev->index);
	pthread_mutex_lock(&dev->lock);
	if (dev->fd < 0)
		ret = open_locked(dev);
	pthread_mutex_unlock(&dev->lock);
	return ret;
}

/* ---- information ---- */

static int fill_regions(struct sfab_device *dev, struct sfab_device_info *info)
{
	struct sfab_query_region regions[8] = { 0 };
	int i, count;

	count = device_query(dev, SFAB_QUERY_REGIONS, regions, ARRAY_SIZE(regions),
			     sizeof(regions[0]));
	if (count < 0)
		return count;
	for (i = 0; i < (int)ARRAY_SIZE(regions) && i < count; i++) {
		if (regions[i].id == SFAB_REGION_HBM) {
			info->hbm_size = regions[i].size;
			info->hbm_used = regions[i].used;
		} else if (regions[i].id == SFAB_REGION_SYSTEM) {
			info->system_used = regions[i].used;
		} else if (regions[i].id == SFAB_REGION_REGISTERED) {
			info->registered = regions[i].used;
		}
	}
	return 0;
}

int sfab_device_get_info(struct sfab_device *dev, struct sfab_device_info *user)
{
	struct sfab_device_info info = { 0 };
	int ret;

	if (!dev || !user)
		return fail_null(__func__);
	ret = context_check(dev->ctx);
	if (ret)
		return ret;

	ret = fill_regions(dev, &info);
	if (ret)
		return ret;

	info.index = dev->index;
	memcpy(info.name, dev->id.name, sizeof(info.name));
	memcpy(info.node, dev->id.node, sizeof(info.node));
	memcpy(info.pci_address, dev->id.pci_address, sizeof(info.pci_address));
	memcpy(info.uuid, dev->uuid, sizeof(info.uuid));
	info.serial = dev->identity.serial;
	info.features = dev->identity.caps;
	info.hw_version = dev->identity.hw_version;
	info.numa_node = dev->identity.numa_node;
	info.driver_major = dev->driver_major;
	info.driver_minor = dev->driver_minor;
	info.engines = dev->engine_count;
	info.max_queues = dev->limits.max_queues;
	info.max_vms = dev->limits.max_vms;
	info.va_bits = dev->limits.va_bits;
	info.job_timeout_ms = dev->limits.job_timeout_ms;
	info.max_commands = dev->limits.max_commands;
	return struct_out(user, &info, sizeof(info),
			  offsetof(struct sfab_device_info, max_commands) + 4,
			  "sfab_device_info");
}

int sfab_device_get_engine(struct sfab_device *dev, unsigned int index,
			   struct sfab_engine_info *user)
{
	struct sfab_engine_info info;
	int ret;

	if (!dev || !user)
		return fail_null(__func__);
	ret = context_check(dev->ctx);
	if (ret)
		return ret;
	if (index >= dev->engine_count)
		return fail(-ENOENT, "%s: no engine %u: it has %u", dev->label, index,
			    dev->engine_count);

	info = (struct sfab_engine_info){
		.index = index,
		.commands = dev->engines[index].commands,
	};
	return struct_out(user, &info, sizeof(info), sizeof(info), "sfab_engine_info");
}

int sfab_device_get_counters(struct sfab_device *dev, struct sfab_device_counters *user)
{
	struct sfab_query_counters kernel = { 0 };
	struct sfab_device_counters counters;
	int ret;

	if (!dev || !user)
		return fail_null(__func__);
	ret = context_check(dev->ctx);
	if (!ret)
		ret = query_struct(dev, SFAB_QUERY_COUNTERS, &kernel, sizeof(kernel));
	if (ret)
		return ret;

	counters = (struct sfab_device_counters){
		.commands = kernel.commands,
		.bytes_hbm = kernel.bytes_hbm,
		.bytes_system = kernel.bytes_system,
		.bytes_peer = kernel.bytes_peer,
		.faults = kernel.faults,
		.queue_resets = kernel.queue_resets,
		.interrupts = kernel.interrupts,
		.device_resets = kernel.device_resets,
		.job_timeouts = kernel.job_timeouts,
		.events_dropped = kernel.events_dropped,
		.bytes_fabric = kernel.bytes_fabric,
		.fabric_requests = kernel.fabric_requests,
		.fabric_retries = kernel.fabric_retries,
		.fabric_failures = kernel.fabric_failures,
		.fabric_served = kernel.fabric_served,
		.fabric_duplicates = kernel.fabric_duplicates,
		.fabric_refused = kernel.fabric_refused,
		.fabric_forwarded = kernel.fabric_forwarded,
	};
	return struct_out(user, &counters, sizeof(counters),
			  offsetof(struct sfab_device_counters, bytes_fabric),
			  "sfab_device_counters");
}
