// SPDX-License-Identifier: MIT
/*
 * What can be asked of a link, and done to it
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "link_ioctl.h"

int link_ioctl(struct sfab_link *link, unsigned long request, void *arg)
{
	while (ioctl(link->fd, request, arg)) {
		if (errno != EINTR || request == SFAB_LINK_SWITCH)
			return -errno;
	}
	return 0;
}

int link_fail(struct sfab_link *link, int err, const char *fmt, ...)
{
	char what[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	switch (err) {
	case -ENODEV:
		return fail(err, "%s: %s: its accelerator was removed, or is offline", link->label,
			    what);
	case -EBADF:
		return fail(err, "%s: %s: %s could be opened for reading only: only who may write it may change the link",
			    link->label, what, link->id.node);
	case -EPERM:
		return fail(err, "%s: %s: this needs CAP_SYS_ADMIN: run as root", link->label,
			    what);
	case -EOPNOTSUPP:
		return fail(err, "%s: %s: this device, or its driver, cannot do it: see sfab_link_info.caps",
			    link->label, what);
	case -ENOTTY:
		return fail(err, "%s: %s: the driver does not know how: it is older than this library",
			    link->label, what);
	case -ENXIO:
		return fail(err, "%s: %s: no module is plugged", link->label, what);
	case -EBUSY:
		return fail(err, "%s: %s: another one is under way: wait until it has ended",
			    link->label, what);
	default:
		return fail(err, "%s: %s: %s", link->label, what, strerror(-err));
	}
}

/* What every function here begins with */
static int enter(struct sfab_link *link, const void *argument, const char *function)
{
	int ret;

	if (!link || !argument)
		return fail_null(function);
	ret = context_check(link->ctx);
	return ret ? ret : link_open(link);
}

/* The structs are the kernel's, and their sizes tell it which version is meant */
static int ask(struct sfab_link *link, void *arg, const char *function, unsigned long request,
	       const char *what)
{
	int ret = enter(link, arg, function);

	if (ret)
		return ret;
	ret = link_ioctl(link, request, arg);
	return ret ? link_fail(link, ret, "%s", what) : 0;
}

int sfab_link_get_info(struct sfab_link *link, struct sfab_link_info *info)
{
	return ask(link, info, __func__, SFAB_LINK_INFO, "ask what it is");
}

int sfab_link_get_status(struct sfab_link *link, struct sfab_link_status *status)
{
	return ask(link, status, __func__, SFAB_LINK_STATE, "ask for its state");
}

int sfab_link_get_readings(struct sfab_link *link, struct sfab_link_readings *readings)
{
	return ask(link, readings, __func__, SFAB_LINK_READINGS, "ask for its readings");
}

int sfab_link_get_counters(struct sfab_link *link, struct sfab_link_counters *counters)
{
	return ask(link, counters, __func__, SFAB_LINK_COUNTERS, "ask for its counters");
}

int sfab_link_control(struct sfab_link *link, const struct sfab_link_control *control)
{
	struct sfab_link_control copy = { 0 };

	if (!control)
		return fail_null(__func__);
	copy = *control;
	return ask(link, &copy, __func__, SFAB_LINK_CONTROL, "set it up");
}

int sfab_link_switch(struct sfab_link *link, struct sfab_link_switch *args)
{
	int ret = enter(link, args, __func__);

	if (ret)
		return ret;
	ret = link_ioctl(link, SFAB_LINK_SWITCH, args);
	if (ret == -ETIME)
		return fail(ret, "%s: the light path was not switched within %u ms; what was begun goes on: ask with SFAB_LINK_SWITCH_QUERY what became of it",
			    link->label, args->timeout_ms);
	if (ret == -EINTR)
		return fail(ret, "%s: a signal came while the light path is switched; that goes on",
			    link->label);
	return ret ? link_fail(link, ret, "switch the light path to %u", args->path) : 0;
}

int sfab_link_read_map(struct sfab_link *link, uint32_t offset, void *data, uint32_t length)
{
	struct sfab_link_map map = {
		.size = sizeof(map),
		.data = (uintptr_t)data,
		.offset = offset,
		.length = length,
	};
	int ret = enter(link, data, __func__);

	if (ret)
		return ret;
	if (!length || offset > SFAB_LINK_MAP_SIZE || length > SFAB_LINK_MAP_SIZE - offset)
		return fail(-EINVAL, "%s: bytes %u to %llu are not within the memory map of %u",
			    link->label, offset, (unsigned long long)offset + length,
			    SFAB_LINK_MAP_SIZE);
	ret = link_ioctl(link, SFAB_LINK_MAP, &map);
	return ret ? link_fail(link, ret, "read the memory map") : 0;
}

int sfab_link_test(struct sfab_link *link, struct sfab_link_test *test)
{
	return ask(link, test, __func__, SFAB_LINK_TEST, "test its lanes");
}

int sfab_link_clear(struct sfab_link *link, uint32_t what)
{
	struct sfab_link_clear clear = { .size = sizeof(clear), .what = what };

	return ask(link, &clear, __func__, SFAB_LINK_CLEAR, "clear its counters");
}

int sfab_link_get_history(struct sfab_link *link, struct sfab_link_event *events,
			  unsigned int count)
{
	struct sfab_link_history history = {
		.size = sizeof(history),
		.data = (uintptr_t)events,
		.count = count,
		.stride = sizeof(*events),
	};
	int ret = enter(link, link, __func__);

	if (ret)
		return ret;
	if (count && !events)
		return fail_null(__func__);
	ret = link_ioctl(link, SFAB_LINK_HISTORY, &history);
	return ret ? link_fail(link, ret, "ask for its history") : (int)history.count;
}

/* ---- events ---- */

int sfab_link_fd(struct sfab_link *link)
{
	int ret = enter(link, link, __func__);

	return ret ? ret : link->fd;
}

/* More than any event will ever need */
#define EVENT_MAX	1024

/* A read() gives as many as fit: so from the shortest on, in steps that hold no second one */
static int read_one(struct sfab_link *link, void *buffer)
{
	size_t size;
	ssize_t n;

	for (size = sizeof(struct sfab_link_event); size <= EVENT_MAX; size += 8) {
		do {
			n = read(link->fd, buffer, size);
		} while (n < 0 && errno == EINTR);
		if (n < 0 && errno == EAGAIN)
			return fail(-EAGAIN, "%s: no event waits", link->label);
		if (n < 0 && errno != EINVAL)
			return link_fail(link, -errno, "read an event");
		if (n > 0)
			return 0;
	}
	return fail(-EPROTO, "%s: the kernel's event is longer than %d bytes: use a newer libsfab",
		    link->label, EVENT_MAX);
}

int sfab_link_read_event(struct sfab_link *link, struct sfab_link_event *user)
{
	union {
		char bytes[EVENT_MAX];
		struct sfab_link_event event;
	} kernel = { { 0 } };
	int ret = enter(link, user, __func__);

	if (ret)
		return ret;
	if (user->size < sizeof(*user))
		return struct_out(user, &kernel, sizeof(kernel), sizeof(*user), "sfab_link_event");
	pthread_mutex_lock(&link->lock);
	ret = read_one(link, kernel.bytes);
	pthread_mutex_unlock(&link->lock);
	if (ret)
		return ret;
	return struct_out(user, &kernel.event, sizeof(kernel.event), sizeof(*user),
			  "sfab_link_event");
}
