// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: events, found when the hardware says that a port has changed
 *
 * A link keeps its newest events in a ring, and a file has nothing but the number of the
 * one that it reads next: so nothing is allocated to deliver an event, which may happen
 * where fences are to be signalled, and a slow reader costs nobody anything.
 */
#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/kobject.h>
#include <linux/ktime.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>

#include "sfab_link.h"
#include "sfab_trace.h"

/* Should it grow, read() has to go on with these first bytes of it; HISTORY tells all */
static_assert(sizeof(struct sfab_link_event) == SFAB_LINK_EVENT_SIZE);

#define SFAB_LINK_STATE_BITS	(SFAB_P_STATUS_STATE | SFAB_P_STATUS_REASON | SFAB_P_STATUS_PATH)

static void sfab_link_event_fill(const struct sfab_link *link, struct sfab_link_event *event)
{
	const struct sfab_link_seen *seen = &link->seen;

	event->size = sizeof(*event);
	event->time_ns = ktime_get_boottime_ns();
	event->state = FIELD_GET(SFAB_P_STATUS_STATE, seen->status);
	event->reason = FIELD_GET(SFAB_P_STATUS_REASON, seen->status);
	event->lanes = FIELD_GET(SFAB_P_STATUS_LANES, seen->status);
	event->insertions = FIELD_GET(SFAB_P_MODULE_INSERTIONS, seen->module);
}

/**
 * sfab_link_event_push - something has happened
 * @link: link; check_lock is held
 * @type: &enum sfab_link_event_type
 * @value: of that type
 */
void sfab_link_event_push(struct sfab_link *link, u32 type, u64 value)
{
	struct sfab_link_event event = { .type = type, .value = value };

	lockdep_assert_held(&link->check_lock);

	sfab_link_event_fill(link, &event);
	spin_lock(&link->events_lock);
	event.sequence = ++link->sequence;
	link->events[(event.sequence - 1) % SFAB_LINK_EVENTS] = event;
	if (type == SFAB_LINK_EVENT_STATE || type == SFAB_LINK_EVENT_LANES)
		link->changed_ns = event.time_ns;
	/* Whoever has read it finds it traced */
	trace_sfab_link_event(&link->dev, &event);
	spin_unlock(&link->events_lock);

	wake_up_interruptible_poll(&link->wait, EPOLLIN | EPOLLRDNORM);
	queue_work(sfab_wq, &link->uevent_work);
}

static void sfab_link_see(struct sfab_link *link, struct sfab_link_seen *seen)
{
	void __iomem *counters = link->regs + SFAB_P_COUNTER;

	seen->status = readl(link->regs + SFAB_P_STATUS);
	seen->module = readl(link->regs + SFAB_P_MODULE);
	WRITE_ONCE(seen->switching, readl(link->regs + SFAB_P_SWITCH_STATUS));
	seen->used = FIELD_GET(SFAB_P_LANE_MASKS_USED, readq(link->regs + SFAB_P_LANE_MASKS));
	seen->shut = readq(link->regs + SFAB_P_OPTICS) & SFAB_P_OPTICS_SHUT;
	seen->testing = readl(link->regs + SFAB_P_TEST) & SFAB_P_TEST_RUN;
	seen->downs = readq(counters + SFAB_P_COUNTER_DOWNS * sizeof(u64));
	seen->replays = readq(counters + SFAB_P_COUNTER_REPLAYS * sizeof(u64));
}

static void sfab_link_see_far(struct sfab_link *link)
{
	struct sfab_link_far far;

	sfab_link_read_far(link, &far);
	sfab_link_remember(link, FIELD_GET(SFAB_P_STATUS_STATE, link->seen.status), &far);
}

static u64 sfab_link_module_value(u32 module)
{
	return FIELD_GET(SFAB_P_MODULE_STATE, module) |
	       FIELD_GET(SFAB_P_MODULE_FAULT, module) << 8;
}

static u64 sfab_link_switch_value(u32 status)
{
	return FIELD_GET(SFAB_P_SWITCH_STATUS_RESULT, status) |
	       FIELD_GET(SFAB_P_SWITCH_STATUS_WHERE, status) << 8 |
	       FIELD_GET(SFAB_P_SWITCH_STATUS_CAUSE, status) << 16 |
	       (u64)FIELD_GET(SFAB_P_SWITCH_STATUS_COUNT, status) << 32;
}

/* A link that went and came again has its event, although it looks as before. */
static void sfab_link_check(struct sfab_link *link)
{
	struct sfab_link_seen was;
	u64 replays;

	mutex_lock(&link->check_lock);
	was = link->seen;
	sfab_link_see(link, &link->seen);
	sfab_link_see_far(link);
	if ((was.status ^ link->seen.status) & SFAB_LINK_STATE_BITS ||
	    sfab_counted(was.downs, link->seen.downs))
		sfab_link_event_push(link, SFAB_LINK_EVENT_STATE,
				     FIELD_GET(SFAB_P_STATUS_PATH, link->seen.status));
	else if (was.status != link->seen.status || was.used != link->seen.used)
		sfab_link_event_push(link, SFAB_LINK_EVENT_LANES, link->seen.used);
	if (was.module != link->seen.module)
		sfab_link_event_push(link, SFAB_LINK_EVENT_MODULE,
				     sfab_link_module_value(link->seen.module));
	if ((was.switching ^ link->seen.switching) & SFAB_P_SWITCH_STATUS_COUNT)
		sfab_link_event_push(link, SFAB_LINK_EVENT_SWITCH,
				     sfab_link_switch_value(link->seen.switching));
	if (was.testing != link->seen.testing)
		sfab_link_event_push(link, SFAB_LINK_EVENT_TEST, link->seen.testing);
	if (was.shut != link->seen.shut)
		sfab_link_event_push(link, SFAB_LINK_EVENT_FLAG,
				     link->seen.shut ? SFAB_LINK_TOO_HOT : 0);
	replays = sfab_counted(was.replays, link->seen.replays);
	if (replays)
		trace_sfab_link_replays(&link->dev, replays);
	mutex_unlock(&link->check_lock);
}

/**
 * sfab_links_check - see what has become of links, and tell it
 * @fabric: fabric; reset_lock is held
 * @ports: which of them, as bits
 */
void sfab_links_check(struct sfab_fabric *fabric, u32 ports)
{
	struct sfab_link *link;
	u32 port;

	for (port = 0; port < fabric->num_ports; port++) {
		/* Pairs with sfab_links_register() */
		link = smp_load_acquire(&fabric->links[port]);
		if (link && ports & BIT(port))
			sfab_link_check(link);
	}
}

/**
 * sfab_links_look - sfab_links_check() of all links
 * @sdev: device
 *
 * Return: 0, or -ENODEV.
 */
int sfab_links_look(struct sfab_device *sdev)
{
	int ret, idx;

	if (!sdev->fabric)
		return 0;
	ret = sfab_hw_get(sdev, &idx);
	if (ret)
		return ret;
	sfab_links_check(sdev->fabric, ~0U);
	sfab_hw_put(sdev, idx);
	return 0;
}

/* ---- udev ---- */

/* The next event that udev is told of, or false */
static bool sfab_link_uevent_next(struct sfab_link *link, struct sfab_link_event *event)
{
	bool found = false;

	spin_lock(&link->events_lock);
	if (link->sequence - link->uevent_sequence > SFAB_LINK_EVENTS)
		link->uevent_sequence = link->sequence - SFAB_LINK_EVENTS;
	while (!found && link->uevent_sequence < link->sequence) {
		*event = link->events[link->uevent_sequence++ % SFAB_LINK_EVENTS];
		found = event->type == SFAB_LINK_EVENT_STATE ||
			event->type == SFAB_LINK_EVENT_MODULE;
	}
	spin_unlock(&link->events_lock);
	return found;
}

static void sfab_link_uevent_worker(struct work_struct *work)
{
	struct sfab_link *link = container_of(work, struct sfab_link, uevent_work);
	struct sfab_link_event event;
	char sequence[40], state[32], reason[32];
	char *envp[4] = { sequence, state, reason, NULL };

	while (sfab_link_uevent_next(link, &event)) {
		scnprintf(sequence, sizeof(sequence), "SFAB_SEQUENCE=%llu", event.sequence);
		scnprintf(state, sizeof(state), "SFAB_STATE=%s", sfab_port_state_name(event.state));
		scnprintf(reason, sizeof(reason), "SFAB_REASON=%s",
			  sfab_port_reason_name(event.reason));
		kobject_uevent_env(&link->dev.kobj, KOBJ_CHANGE, envp);
		sysfs_notify(&link->dev.kobj, NULL, "state");
	}
}

/**
 * sfab_link_event_init - look at the link for the first time
 * @link: link
 *
 * Return: 0, or -ENODEV.
 */
int sfab_link_event_init(struct sfab_link *link)
{
	int ret, idx;

	INIT_WORK(&link->uevent_work, sfab_link_uevent_worker);
	ret = sfab_hw_get(link->sdev, &idx);
	if (ret)
		return ret;
	mutex_lock(&link->check_lock);
	sfab_link_see(link, &link->seen);
	sfab_link_see_far(link);
	mutex_unlock(&link->check_lock);
	sfab_hw_put(link->sdev, idx);
	return 0;
}

/**
 * sfab_link_event_fini - let those who wait for events see that there will be none
 * @link: link of a device that is unplugged
 */
void sfab_link_event_fini(struct sfab_link *link)
{
	cancel_work_sync(&link->uevent_work);
	wake_up_poll(&link->wait, EPOLLIN | EPOLLERR | EPOLLHUP);
}

/* ---- read(), poll(), HISTORY ---- */

static u64 sfab_link_oldest(const struct sfab_link *link)
{
	return link->sequence > SFAB_LINK_EVENTS ? link->sequence - SFAB_LINK_EVENTS + 1 : 1;
}

static bool sfab_link_next_event(struct sfab_link_file *file, struct sfab_link_event *event)
{
	struct sfab_link *link = file->link;
	u64 next = file->next;
	bool found;

	spin_lock(&link->events_lock);
	found = next <= link->sequence;
	if (found) {
		next = max(next, sfab_link_oldest(link));
		*event = link->events[(next - 1) % SFAB_LINK_EVENTS];
		event->lost = next - file->next;
	}
	spin_unlock(&link->events_lock);
	return found;
}

static bool sfab_link_has_event(struct sfab_link_file *file)
{
	struct sfab_link *link = file->link;
	bool found;

	spin_lock(&link->events_lock);
	found = READ_ONCE(file->next) <= link->sequence;
	spin_unlock(&link->events_lock);
	return found;
}

static ssize_t sfab_link_read_locked(struct sfab_link_file *file, char __user *buf, size_t count)
{
	struct sfab_link_event event;
	size_t done = 0;

	while (count - done >= sizeof(event) && sfab_link_next_event(file, &event)) {
		if (copy_to_user(buf + done, &event, sizeof(event)))
			return done ? done : -EFAULT;
		WRITE_ONCE(file->next, event.sequence + 1);
		done += sizeof(event);
	}
	if (done)
		return done;
	return drm_dev_is_unplugged(&file->link->sdev->drm) ? -ENODEV : -EAGAIN;
}

static bool sfab_link_has_news(struct sfab_link_file *file)
{
	return sfab_link_has_event(file) || drm_dev_is_unplugged(&file->link->sdev->drm);
}

/**
 * sfab_link_read - read() on the file of a link
 * @filp: file
 * @buf: where events go
 * @count: room there
 * @offset: unused
 *
 * Nobody holds the lock while he waits: of several readers who wait one gets an event.
 *
 * Return: bytes of whole events, or a negative errno.
 */
ssize_t sfab_link_read(struct file *filp, char __user *buf, size_t count, loff_t *offset)
{
	struct sfab_link_file *file = filp->private_data;
	ssize_t ret;

	if (count < sizeof(struct sfab_link_event))
		return -EINVAL;
	for (;;) {
		ret = mutex_lock_interruptible(&file->lock);
		if (ret)
			return ret;
		ret = sfab_link_read_locked(file, buf, count);
		mutex_unlock(&file->lock);
		if (ret != -EAGAIN || filp->f_flags & O_NONBLOCK)
			return ret;
		ret = wait_event_interruptible(file->link->wait, sfab_link_has_news(file));
		if (ret)
			return ret;
	}
}

/**
 * sfab_link_poll - poll() on the file of a link
 * @filp: file
 * @wait: poll table
 */
__poll_t sfab_link_poll(struct file *filp, struct poll_table_struct *wait)
{
	struct sfab_link_file *file = filp->private_data;
	__poll_t mask = 0;

	poll_wait(filp, &file->link->wait, wait);
	if (sfab_link_has_event(file))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (drm_dev_is_unplugged(&file->link->sdev->drm))
		mask |= EPOLLERR | EPOLLHUP;
	return mask;
}

/* The newest @count events, oldest first; returns how many there are of them */
static u32 sfab_link_history(struct sfab_link *link, struct sfab_link_event *events, u32 count)
{
	u64 next;
	u32 i;

	spin_lock(&link->events_lock);
	count = min_t(u64, count, link->sequence + 1 - sfab_link_oldest(link));
	next = link->sequence - count;
	for (i = 0; i < count; i++)
		events[i] = link->events[(next + i) % SFAB_LINK_EVENTS];
	spin_unlock(&link->events_lock);
	return count;
}

int sfab_link_history_ioctl(struct file *filp, void *data)
{
	struct sfab_link_file *file = filp->private_data;
	struct sfab_link_history *args = data;
	struct sfab_link_event *events;
	u32 count;
	int ret = 0;

	if (args->flags)
		return -EINVAL;
	events = kvmalloc_array(SFAB_LINK_EVENTS, sizeof(*events), GFP_KERNEL_ACCOUNT);
	if (!events)
		return -ENOMEM;
	count = sfab_link_history(file->link, events, args->count ? args->count : SFAB_LINK_EVENTS);
	if (args->count)
		ret = sfab_uarray_store(args->data, args->stride, events, count, sizeof(*events),
					offsetofend(struct sfab_link_event, value));
	kvfree(events);
	args->count = count;
	args->stride = sizeof(*events);
	return ret;
}
