// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events that read() on the device file delivers
 */
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>

#include "sfab_device.h"

/* DRM frees it by the address of @base, which comes first */
struct sfab_pending_event {
	struct drm_pending_event base;
	struct sfab_event event;
};

/**
 * sfab_event_send - send an event to one file
 * @sfile: file
 * @type: SFAB_EVENT_*
 * @queue_id: the user's id of the queue, or 0
 * @fault: for SFAB_EVENT_QUEUE_FAULT, else NULL
 *
 * Where fences are about to be signalled nothing may be waited for: an event for
 * which there is no memory is dropped and counted, like one that finds no room.
 */
void sfab_event_send(struct sfab_file *sfile, u32 type, u32 queue_id,
		     const struct sfab_fault *fault)
{
	struct drm_device *drm = &sfile->sdev->drm;
	struct sfab_pending_event *pending;

	pending = kzalloc(sizeof(*pending), GFP_NOWAIT | __GFP_NOWARN);

	spin_lock(&sfile->event_lock);
	if (sfile->closing)
		goto drop;

	sfile->event_sequence++;
	if (!pending)
		goto count;
	pending->event.base.type = type;
	pending->event.base.length = sizeof(pending->event);
	if (drm_event_reserve_init(drm, sfile->drm_file, &pending->base, &pending->event.base))
		goto count;

	pending->event.sequence = sfile->event_sequence;
	pending->event.dropped = sfile->events_dropped;
	pending->event.time_ns = ktime_get_ns();
	pending->event.queue_id = queue_id;
	if (fault)
		pending->event.fault = *fault;
	drm_send_event(drm, &pending->base);
	spin_unlock(&sfile->event_lock);
	return;

count:
	sfile->events_dropped++;
drop:
	spin_unlock(&sfile->event_lock);
	kfree(pending);
}

/**
 * sfab_event_broadcast - send an event of the device to all files
 * @sdev: device
 * @type: SFAB_EVENT_*
 */
void sfab_event_broadcast(struct sfab_device *sdev, u32 type)
{
	struct sfab_file *sfile;

	spin_lock(&sdev->files_lock);
	list_for_each_entry(sfile, &sdev->files, link)
		sfab_event_send(sfile, type, 0, NULL);
	spin_unlock(&sdev->files_lock);
}

/**
 * sfab_event_wake_all - let those who wait for events see that the device went
 * @sdev: device, unplugged
 */
void sfab_event_wake_all(struct sfab_device *sdev)
{
	struct sfab_file *sfile;

	spin_lock(&sdev->files_lock);
	list_for_each_entry(sfile, &sdev->files, link)
		wake_up_poll(&sfile->drm_file->event_wait, EPOLLIN | EPOLLERR | EPOLLHUP);
	spin_unlock(&sdev->files_lock);
}

static bool sfab_event_pending(struct drm_file *file)
{
	return !list_empty(&file->event_list);
}

static bool sfab_event_over(struct drm_file *file)
{
	return !sfab_event_pending(file) && drm_dev_is_unplugged(file->minor->dev);
}

/**
 * sfab_read - read() on the device file
 * @filp: file
 * @buf: where events go
 * @count: room there
 * @offset: unused
 *
 * drm_read() waits for an event and for nothing else; once the device is gone
 * none will come.  One reader at a time, so that nobody takes the event that
 * another has waited for and is about to fetch.
 */
ssize_t sfab_read(struct file *filp, char __user *buf, size_t count, loff_t *offset)
{
	struct drm_file *file = filp->private_data;
	struct sfab_file *sfile = file->driver_priv;
	ssize_t ret = 0;

	if (filp->f_flags & O_NONBLOCK) {
		if (!mutex_trylock(&sfile->read_lock))
			return -EAGAIN;
	} else {
		ret = mutex_lock_interruptible(&sfile->read_lock);
		if (ret)
			return ret;
		ret = wait_event_interruptible(file->event_wait, sfab_event_pending(file) ||
					       sfab_event_over(file));
	}

	if (!ret && sfab_event_over(file))
		ret = -ENODEV;
	if (!ret)
		ret = drm_read(filp, buf, count, offset);
	mutex_unlock(&sfile->read_lock);
	return ret;
}

/**
 * sfab_poll - poll() on the device file
 * @filp: file
 * @wait: poll table
 */
__poll_t sfab_poll(struct file *filp, struct poll_table_struct *wait)
{
	struct drm_file *file = filp->private_data;
	__poll_t mask = drm_poll(filp, wait);

	if (drm_dev_is_unplugged(file->minor->dev))
		mask |= EPOLLERR | EPOLLHUP;
	return mask;
}
