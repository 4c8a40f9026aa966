/* SPDX-License-Identifier: MIT */
/*
 * Accelerators: finding the one that the user means, and describing it
 */
#ifndef SFAB_TOOL_ACCEL_H
#define SFAB_TOOL_ACCEL_H

#include <json.h>
#include <stdbool.h>

#include <sfab/sfab.h>

/** accel_open() - the context of this command; close with sfab_context_close() */
int accel_open(struct sfab_context **context);

/** accel_count() - how many there are; none is told to the user, with the cause */
unsigned int accel_count(struct sfab_context *context);

/** accel_is_named() - does a place name an accelerator, rather than a file? */
bool accel_is_named(const char *place);

/**
 * accel_find() - find an accelerator by what the user typed
 * @name: as sfab_device_find() takes it, or with "accel:" or "/dev/accel/" before
 */
int accel_find(struct sfab_context *context, const char *name, struct sfab_device **device);

/* Failures were told, then it returns -1 */
typedef int accel_visit(struct sfab_context *context, struct sfab_device *device, void *data);

/**
 * accel_each() - visit the accelerator of that name, or all (@name NULL)
 *
 * All are visited, also if some fail; -1 if one did, or there is none.
 */
int accel_each(struct sfab_context *context, const char *name, accel_visit *visit, void *data);

/** accel_info() - sfab_device_get_info(); the device may be of any index */
int accel_info(struct sfab_device *device, struct sfab_device_info *info);

/** accel_describe() - the part of @info that tells which accelerator it is */
struct json_object *accel_describe(const struct sfab_device_info *info);

#endif
