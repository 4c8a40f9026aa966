// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events that read() on the device file delivers
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>

#include "sfab_fabric.h"

/* All events begin like struct sfab_event, up to here */
#define SFAB_EVENT_HEAD		offsetofend(struct sfab_event, queue_id)

/* DRM frees it by the address of @base, which comes first */
struct sfab_pending_event {
	struct drm_pending_event base;
	union {
		struct sfab_event event;
		struct sfab_event_fabric fabric;
		struct sfab_event_trap trap;
	};
};

static_assert(offsetofend(struct sfab_event_fabric, queue_id) == SFAB_EVENT_HEAD);
static_assert(offsetofend(struct sfab_event_trap, queue_id) == SFAB_EVENT_HEAD);

/**
 * sfab_event_send - send an event to one file
 * @sfile: file
 * @event: the first member of any of the structs, which is filled in from its queue_id on
 *
 * Where fences are about to be signalled nothing may be waited for: an event for
 * which there is no memory is dropped and counted, like one that finds no room.
 */
void sfab_event_send(struct sfab_file *sfile, const struct drm_event *event)
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
	memcpy(&pending->trap, event, event->length);	/* the longest of them */
	if (drm_event_reserve_init(drm, sfile->drm_file, &pending->base, &pending->event.base))
		goto count;

	pending->event.sequence = sfile->event_sequence;
	pending->event.dropped = sfile->events_dropped;
	pending->event.time_ns = ktime_get_ns();
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
 * sfab_event_broadcast - send an event of the device to files
 * @sdev: device
 * @event: as for sfab_event_send()
 * @asked: SFAB_EVENTS_*: to the files that have asked for it; 0: to all
 */
void sfab_event_broadcast(struct sfab_device *sdev, const struct drm_event *event, u32 asked)
{
	struct sfab_file *sfile;

	spin_lock(&sdev->files_lock);
	list_for_each_entry(sfile, &sdev->files, link) {
		if (!asked || READ_ONCE(sfile->events) & asked)
			sfab_event_send(sfile, event);
	}
	spin_unlock(&sdev->files_lock);
}

static void sfab_event_ask(struct sfab_file *sfile, u32 events)
{
	u32 old = xchg(&sfile->events, events);

	/* Who listens to traps is counted: others may have changed it meanwhile */
	if ((old ^ events) & SFAB_EVENTS_TRAP)
		sfab_mgmt_listen(sfile->sdev->fabric, events & SFAB_EVENTS_TRAP ? 1 : -1);
}

int sfab_events_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_fabric *fabric = to_sfab(drm)->fabric;
	struct sfab_events *args = data;

	if (args->flags || (args->events & ~(SFAB_EVENTS_PORT | SFAB_EVENTS_TRAP)))
		return -EINVAL;
	if (args->events & SFAB_EVENTS_TRAP && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!fabric)
		return -EOPNOTSUPP;
	sfab_event_ask(file->driver_priv, args->events);
	return 0;
}

/**
 * sfab_event_file_close - ask for no more events
 * @sfile: file, closing
 */
void sfab_event_file_close(struct sfab_file *sfile)
{
	sfab_event_ask(sfile, 0);
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
