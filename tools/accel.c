// SPDX-License-Identifier: MIT
/*
 * Accelerators: finding the one that the user means, and describing it
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "accel.h"
#include "render/render.h"
#include "tool.h"

static const char prefix[] = "accel:";
static const char directory[] = "/dev/accel/";

int accel_open(struct sfab_context **context)
{
	return sfab_context_open(context, 0) < 0 ? complain_library() : 0;
}

unsigned int accel_count(struct sfab_context *context)
{
	int count = sfab_device_count(context);

	if (count > 0)
		return count;
	if (access("/sys/module/sfab", F_OK))
		complain("no accelerator: the driver is not loaded: run 'modprobe sfab' as root");
	else
		complain("no accelerator: the driver is loaded but serves no device: 'lspci -d 1234:5fab' shows what is plugged, 'dmesg' why the driver refused it");
	return 0;
}

static const char *skip(const char *name, const char *start)
{
	size_t size = strlen(start);

	return strncmp(name, start, size) == 0 ? name + size : name;
}

bool accel_is_named(const char *place)
{
	return skip(place, prefix) != place || skip(place, directory) != place;
}

int accel_find(struct sfab_context *context, const char *name, struct sfab_device **device)
{
	name = skip(skip(name, prefix), directory);
	return sfab_device_find(context, name, device) < 0 ? complain_library() : 0;
}

int accel_each(struct sfab_context *context, const char *name, accel_visit *visit, void *data)
{
	unsigned int i, count = accel_count(context);
	struct sfab_device *device;
	int ret = count ? 0 : -1;

	if (count && name)
		return accel_find(context, name, &device) ?: visit(context, device, data);
	for (i = 0; i < count; i++) {
		if (sfab_device_get(context, i, &device) < 0)
			ret = complain_library();
		else if (visit(context, device, data))
			ret = -1;
	}
	return ret;
}

int accel_info(struct sfab_device *device, struct sfab_device_info *info)
{
	info->size = sizeof(*info);
	return sfab_device_get_info(device, info) < 0 ? complain_library() : 0;
}

static void put_version(struct json_object *object, const char *key, uint32_t major,
			uint32_t minor)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu32 ".%" PRIu32, major, minor);
	json_put_text(object, key, text);
}

struct json_object *accel_describe(const struct sfab_device_info *info)
{
	struct json_object *object = json_object_new_object();
	char serial[32];

	snprintf(serial, sizeof(serial), "%016" PRIx64, info->serial);
	json_put_number(object, "index", info->index);
	json_put_text(object, "name", info->name);
	json_put_text(object, "node", info->node);
	json_put_text(object, "pci_address", info->pci_address);
	json_put_text(object, "uuid", info->uuid);
	json_put_text(object, "serial", serial);
	put_version(object, "hw_version", info->hw_version >> 16, info->hw_version & 0xffff);
	put_version(object, "driver_version", info->driver_major, info->driver_minor);
	json_put_number(object, "engines", info->engines);
	json_put_number(object, "hbm_size", info->hbm_size);
	json_put_number(object, "hbm_used", info->hbm_used);
	return object;
}
