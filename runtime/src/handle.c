// SPDX-License-Identifier: MIT
/*
 * GEM handles, counted
 *
 * Importing a dma-buf that the file has already gives the handle that it has, and
 * the first close of it is the last: so imports and closes are counted here,
 * under one lock with the ioctls.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xf86drm.h>

#include "internal.h"

/* Handles are small numbers: the kernel takes the lowest that is free */
static bool make_room(struct sfab_device *dev, uint32_t handle)
{
	uint32_t count = dev->handle_count;
	uint32_t *refs;

	if (handle < count)
		return true;
	refs = realloc(dev->handle_refs, 2 * ((size_t)handle + 1) * sizeof(*refs));
	if (!refs)
		return false;
	dev->handle_refs = refs;
	dev->handle_count = 2 * (handle + 1);
	memset(refs + count, 0, (dev->handle_count - count) * sizeof(*refs));
	return true;
}

static int take(struct sfab_device *dev, uint32_t handle)
{
	if (!make_room(dev, handle)) {
		drmCloseBufferHandle(dev->fd, handle);
		return fail_nomem("a handle");
	}
	dev->handle_refs[handle]++;
	return 0;
}

/* For a handle that was just created; closes it when it fails */
int handle_adopt(struct sfab_device *dev, uint32_t handle)
{
	int ret;

	pthread_mutex_lock(&dev->handles_lock);
	ret = take(dev, handle);
	pthread_mutex_unlock(&dev->handles_lock);
	return ret;
}

void handle_get(struct sfab_device *dev, uint32_t handle)
{
	pthread_mutex_lock(&dev->handles_lock);
	dev->handle_refs[handle]++;
	pthread_mutex_unlock(&dev->handles_lock);
}

/* Sets no text for an errno of the kernel: the caller knows what fd is */
int handle_import(struct sfab_device *dev, int fd, uint32_t *handle)
{
	int ret;

	pthread_mutex_lock(&dev->handles_lock);
	ret = drmPrimeFDToHandle(dev->fd, fd, handle) ? -errno : 0;
	if (!ret)
		ret = take(dev, *handle);
	pthread_mutex_unlock(&dev->handles_lock);
	return ret;
}

void handle_put(struct sfab_device *dev, uint32_t handle)
{
	pthread_mutex_lock(&dev->handles_lock);
	if (--dev->handle_refs[handle] == 0)
		drmCloseBufferHandle(dev->fd, handle);
	pthread_mutex_unlock(&dev->handles_lock);
}
