// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events that read() on the device file delivers
 */
#include <linux/ktime.h>
#include <linux/slab.h>

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
