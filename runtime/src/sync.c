// SPDX-License-Identifier: MIT
/*
 * A queue's timeline syncobj: its point n signals when submission n has finished
 *
 * Syncobjs are not of one device: the timeline is opened in the file of another
 * device once, then work there can wait for any point of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <xf86drm.h>

#include "internal.h"

static int open_there(struct sfab_queue *queue, struct sfab_device *dev, uint32_t *handle)
{
	int fd, ret = 0;

	if (drmSyncobjHandleToFD(queue->dev->fd, queue->syncobj, &fd))
		return device_fail(queue->dev, -errno, "share the timeline of queue %u",
				   queue->id);
	if (drmSyncobjFDToHandle(dev->fd, fd, handle))
		ret = device_fail(dev, -errno, "open the timeline of queue %u of %s", queue->id,
				  queue->dev->label);
	close(fd);
	return ret;
}

int sync_share(struct sfab_queue *queue, struct sfab_device *dev, uint32_t *handle)
{
	struct shared_sync *shared;
	int ret = 0;

	if (queue->dev == dev) {
		*handle = queue->syncobj;
		return 0;
	}

	pthread_mutex_lock(&queue->sync_lock);
	list_each(shared, &queue->shared, link) {
		if (shared->dev == dev)
			goto found;
	}
	shared = calloc(1, sizeof(*shared));
	if (!shared) {
		ret = fail_nomem("a timeline");
		goto out;
	}
	shared->dev = dev;
	ret = open_there(queue, dev, &shared->handle);
	if (ret) {
		free(shared);
		goto out;
	}
	LIST_INSERT_HEAD(&queue->shared, shared, link);
found:
	*handle = shared->handle;
out:
	pthread_mutex_unlock(&queue->sync_lock);
	return ret;
}

int sync_export(struct sfab_queue *queue, uint64_t seqno, int *sync_file)
{
	struct sfab_device *dev = queue->dev;
	uint32_t binary;
	int fd, ret = 0;

	if (drmSyncobjCreate(dev->fd, 0, &binary))
		return device_fail(dev, -errno, "create a syncobj");
	if (drmSyncobjTransfer(dev->fd, binary, 0, queue->syncobj, seqno, 0) ||
	    drmSyncobjExportSyncFile(dev->fd, binary, &fd))
		ret = device_fail(dev, -errno, "make a descriptor for submission %llu of queue %u",
				  (unsigned long long)seqno, queue->id);
	else
		*sync_file = fd;
	drmSyncobjDestroy(dev->fd, binary);
	return ret;
}

void sync_fini(struct sfab_queue *queue, bool kernel)
{
	struct shared_sync *shared, *next;

	list_each_safe(shared, &queue->shared, link, next) {
		if (kernel)
			drmSyncobjDestroy(shared->dev->fd, shared->handle);
		free(shared);
	}
	if (kernel && queue->syncobj)
		drmSyncobjDestroy(queue->dev->fd, queue->syncobj);
}
