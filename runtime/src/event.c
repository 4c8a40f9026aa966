// SPDX-License-Identifier: MIT
/*
 * Events that a device reports on its file
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/* More than any event will ever need */
#define EVENT_MAX	1024

/* Size of struct sfab_device_event in its first version */
#define EVENT_FIRST	(offsetof(struct sfab_device_event, fault) + FAULT_INFO_FIRST)

int sfab_device_fd(struct sfab_device *dev)
{
	int ret;

	if (!dev)
		return fail_null(__func__);
	ret = context_check(dev->ctx);
	return ret ? ret : dev->fd;
}

/*
 * Reads exactly one event: a read() gives as many as fit, and 0 when the first
 * does not, as events of a newer kernel may be longer.
 */
static int read_one(struct sfab_device *dev, char *buf)
{
	ssize_t n;

	for (; dev->event_size <= EVENT_MAX; dev->event_size += 8) {
		do {
			n = read(dev->fd, buf, dev->event_size);
		} while (n < 0 && errno == EINTR);
		if (n < 0 && errno == EAGAIN)
			return fail(-EAGAIN, "%s: no event waits", dev->label);
		if (n < 0)
			return device_fail(dev, -errno, "read an event");
		if (n > 0)
			return 0;
	}
	dev->event_size = sizeof(struct sfab_event);
	return fail(-EPROTO, "%s: the kernel's event is longer than %d bytes: use a newer libsfab",
		    dev->label, EVENT_MAX);
}

static struct sfab_queue *find_queue(struct sfab_device *dev, uint32_t id)
{
	struct sfab_queue *queue;

	list_each(queue, &dev->queues, link) {
		if (queue->id == id && !queue->destroyed)
			return queue;
	}
	return NULL;
}

static void translate(struct sfab_device *dev, const struct sfab_event *kernel,
		      struct sfab_device_event *event)
{
	static const struct {
		uint32_t kernel;
		uint32_t type;
	} types[] = {
		{ SFAB_EVENT_QUEUE_FAULT, SFAB_HAPPENED_FAULT },
		{ SFAB_EVENT_QUEUE_TIMEOUT, SFAB_HAPPENED_TIMEOUT },
		{ SFAB_EVENT_DEVICE_RESET, SFAB_HAPPENED_RESET },
	};
	struct sfab_queue *queue;
	size_t i;

	event->sequence = kernel->sequence;
	event->dropped = kernel->dropped;
	event->time_ns = kernel->time_ns;
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		if (types[i].kernel == kernel->base.type)
			event->type = types[i].type;
	}

	pthread_mutex_lock(&dev->queues_lock);
	queue = find_queue(dev, kernel->queue_id);
	if (queue && event->type == SFAB_HAPPENED_FAULT)
		fault_fill(queue, &kernel->fault, kernel->fabric_status, 0, &event->fault);
	/* Queues that the library made for itself are not the user's to see */
	event->queue = queue && !queue->internal ? queue : NULL;
	pthread_mutex_unlock(&dev->queues_lock);
}

int sfab_device_read_event(struct sfab_device *dev, struct sfab_device_event *user)
{
	struct sfab_device_event event = { 0 };
	char buf[EVENT_MAX] = { 0 };
	struct sfab_event kernel;
	int ret;

	if (!dev || !user)
		return fail_null(__func__);
	ret = context_check(dev->ctx);
	if (ret)
		return ret;
	if (user->size < EVENT_FIRST)
		return struct_out(user, &event, sizeof(event), EVENT_FIRST, "sfab_device_event");

	pthread_mutex_lock(&dev->event_lock);
	ret = read_one(dev, buf);
	pthread_mutex_unlock(&dev->event_lock);
	if (ret)
		return ret;
	memcpy(&kernel, buf, sizeof(kernel));
	translate(dev, &kernel, &event);
	return struct_out(user, &event, sizeof(event), EVENT_FIRST, "sfab_device_event");
}
