// SPDX-License-Identifier: MIT
/*
 * Events that a device reports on its file
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/* More than any event will ever need */
#define EVENT_MAX	1024

_Static_assert(sizeof(struct sfab_event) == sizeof(struct sfab_event_fabric) &&
	       sizeof(struct sfab_event) < sizeof(struct sfab_event_trap), "the shortest event");
_Static_assert(SFAB_LISTEN_PORTS == SFAB_EVENTS_PORT && SFAB_LISTEN_TRAPS == SFAB_EVENTS_TRAP,
	       "events to ask for");

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

int sfab_device_listen(struct sfab_device *dev, unsigned int events)
{
	struct sfab_events args = { .events = events };
	int ret;

	if (!dev)
		return fail_null(__func__);
	if (events & ~(SFAB_LISTEN_PORTS | SFAB_LISTEN_TRAPS))
		return fail(-EINVAL, "%s: unknown events %#x", __func__, events);
	ret = context_check(dev->ctx);
	if (ret)
		return ret;
	ret = device_ioctl(dev, DRM_IOCTL_SFAB_EVENTS, &args);
	if (ret == -EPERM)
		return fail(ret, "%s: listening to traps needs CAP_SYS_ADMIN: run as root, or ask for SFAB_LISTEN_PORTS only",
			    dev->label);
	if (ret == -EOPNOTSUPP)
		return fail(ret, "%s: the device has no ports, so it is in no fabric", dev->label);
	return ret ? device_fail(dev, ret, "listen to events %#x", events) : 0;
}

/*
 * Reads exactly one event: a read() gives as many as fit, and 0 when the first does not.  So
 * it begins with the shortest, and goes on in steps that leave no room for another one.
 */
static int read_one(struct sfab_device *dev, char *buf)
{
	size_t size;
	ssize_t n;

	for (size = sizeof(struct sfab_event); size <= EVENT_MAX; size += 8) {
		do {
			n = read(dev->fd, buf, size);
		} while (n < 0 && errno == EINTR);
		if (n < 0 && errno == EAGAIN)
			return fail(-EAGAIN, "%s: no event waits", dev->label);
		if (n < 0)
			return device_fail(dev, -errno, "read an event");
		if (n > 0)
			return 0;
	}
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

/* Exports that the library made for itself are not the user's to see */
static struct sfab_export *find_export(struct sfab_device *dev, uint32_t id)
{
	struct sfab_export *e, *found = NULL;

	pthread_mutex_lock(&dev->ctx->exports_lock);
	list_each(e, &dev->ctx->exports, link) {
		if (e->id == id && e->mem->dev == dev && !e->internal)
			found = e;
	}
	pthread_mutex_unlock(&dev->ctx->exports_lock);
	return found;
}

static void translate_fabric(struct sfab_device *dev, const struct sfab_event_fabric *kernel,
			     struct sfab_device_event *event)
{
	event->eid = kernel->eid;
	event->segment = kernel->segment;
	event->remote_status = kernel->status;
	event->port = kernel->port;
	event->state = kernel->state;
	event->reason = kernel->reason;
	event->exported = find_export(dev, kernel->segment_id);
}

/* Data of a trap: port (32), P_STATUS (32) */
static uint32_t translate_trap(const struct sfab_event_trap *kernel,
			       struct sfab_device_event *event)
{
	const struct sfab_datagram *d = &kernel->datagram;
	uint32_t port, status;

	if (le16toh(d->attribute) != SFAB_MGMT_PORT_TRAP)
		return 0;
	memcpy(&port, d->data, sizeof(port));
	memcpy(&status, d->data + 4, sizeof(status));
	event->eid = le16toh(d->src_eid);
	event->port = le32toh(port);
	event->state = le32toh(status) & 0xf;
	event->reason = le32toh(status) >> 8 & 0xff;
	return SFAB_HAPPENED_TRAP;
}

union any_event {
	char bytes[EVENT_MAX];
	struct sfab_event common;
	struct sfab_event_fabric fabric;
	struct sfab_event_trap trap;
};

/* Gives the type; 0: not known here */
static uint32_t translate(struct sfab_device *dev, const union any_event *kernel,
			  struct sfab_device_event *event)
{
	switch (kernel->common.base.type) {
	case SFAB_EVENT_QUEUE_FAULT:
		return SFAB_HAPPENED_FAULT;
	case SFAB_EVENT_QUEUE_TIMEOUT:
		return SFAB_HAPPENED_TIMEOUT;
	case SFAB_EVENT_DEVICE_RESET:
		return SFAB_HAPPENED_RESET;
	case SFAB_EVENT_PEER_LOST:
		translate_fabric(dev, &kernel->fabric, event);
		return SFAB_HAPPENED_PEER_LOST;
	case SFAB_EVENT_REVOKED:
		translate_fabric(dev, &kernel->fabric, event);
		return SFAB_HAPPENED_REVOKED;
	case SFAB_EVENT_PORT:
		translate_fabric(dev, &kernel->fabric, event);
		return SFAB_HAPPENED_PORT;
	case SFAB_EVENT_TRAP:
		return translate_trap(&kernel->trap, event);
	default:
		return 0;
	}
}

static void fill(struct sfab_device *dev, const union any_event *kernel,
		 struct sfab_device_event *event)
{
	const struct sfab_event *common = &kernel->common;
	struct sfab_queue *queue;

	event->type = translate(dev, kernel, event);
	event->sequence = common->sequence;
	event->dropped = common->dropped;
	event->time_ns = common->time_ns;

	pthread_mutex_lock(&dev->queues_lock);
	queue = find_queue(dev, common->queue_id);
	if (queue && event->type == SFAB_HAPPENED_FAULT)
		fault_fill(queue, &common->fault, common->fabric_status, 0, &event->fault);
	/* Queues that the library made for itself are not the user's to see */
	event->queue = queue && !queue->internal ? queue : NULL;
	pthread_mutex_unlock(&dev->queues_lock);
}

int sfab_device_read_event(struct sfab_device *dev, struct sfab_device_event *user)
{
	struct sfab_device_event event = { 0 };
	union any_event kernel = { { 0 } };
	int ret;

	if (!dev || !user)
		return fail_null(__func__);
	ret = context_check(dev->ctx);
	if (ret)
		return ret;
	if (user->size < EVENT_FIRST)
		return struct_out(user, &event, sizeof(event), EVENT_FIRST, "sfab_device_event");

	pthread_mutex_lock(&dev->event_lock);
	ret = read_one(dev, kernel.bytes);
	pthread_mutex_unlock(&dev->event_lock);
	if (ret)
		return ret;
	fill(dev, &kernel, &event);
	return struct_out(user, &event, sizeof(event), EVENT_FIRST, "sfab_device_event");
}
