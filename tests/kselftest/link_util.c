// SPDX-License-Identifier: MIT
/*
 * What tests of links share, see link_util.h.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <limits.h>
#include <poll.h>

#include "link_util.h"

#define CLASS		"/sys/class/sfab_link"

int link_name(unsigned int index, unsigned int port, char name[32])
{
	struct accel list[MAX_ACCELS];
	struct dirent *entry;
	char path[128], line[32];
	int found = -ENOENT;
	DIR *dir;

	if (accel_list(list) <= index)
		return -ENOENT;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/sfab_link", list[index].pci);
	dir = opendir(path);
	while (dir && found && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
		    read_line(line, sizeof(line), CLASS "/%s/port", entry->d_name))
			continue;
		if (strtoul(line, NULL, 10) != port)
			continue;
		snprintf(name, 32, "%.31s", entry->d_name);
		found = 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

int link_open(unsigned int index, unsigned int port, int flags)
{
	char name[32], path[48];
	int fd, ret = link_name(index, port, name);

	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int link_attribute(const char *name, const char *attribute, char *line, size_t size)
{
	return read_line(line, size, CLASS "/%s/%s", name, attribute);
}

long link_number(const char *name, const char *attribute)
{
	char line[64], *end;
	long value;

	if (link_attribute(name, attribute, line, sizeof(line)))
		return LONG_MIN;
	value = strtol(line, &end, 10);
	return *end ? LONG_MIN : value;
}

bool hwmon_of_link(const char *name, char *path, size_t size)
{
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, size, CLASS "/%s", name);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		found = !strncmp(entry->d_name, "hwmon", 5);
		if (found)
			snprintf(path, size, "/sys/class/hwmon/%.32s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return found;
}

long hwmon_number(const char *path, const char *file)
{
	char line[64];

	return read_line(line, sizeof(line), "%s/%s", path, file) ? LONG_MIN :
								   strtol(line, NULL, 10);
}

/* Each begins with its size */
static int link_ioctl(int fd, unsigned long cmd, void *arg, uint32_t size)
{
	memcpy(arg, &size, sizeof(size));
	return do_ioctl(fd, cmd, arg);
}

int link_info(int fd, struct sfab_link_info *info)
{
	*info = (struct sfab_link_info){ };
	return link_ioctl(fd, SFAB_LINK_INFO, info, sizeof(*info));
}

int link_status(int fd, struct sfab_link_status *status)
{
	*status = (struct sfab_link_status){ };
	return link_ioctl(fd, SFAB_LINK_STATE, status, sizeof(*status));
}

int link_readings(int fd, struct sfab_link_readings *readings)
{
	*readings = (struct sfab_link_readings){ };
	return link_ioctl(fd, SFAB_LINK_READINGS, readings, sizeof(*readings));
}

int link_counters(int fd, struct sfab_link_counters *counters)
{
	*counters = (struct sfab_link_counters){ };
	return link_ioctl(fd, SFAB_LINK_COUNTERS, counters, sizeof(*counters));
}

int link_control(int fd, uint32_t set, uint32_t config)
{
	struct sfab_link_control control = { .set = set, .config = config };

	return link_ioctl(fd, SFAB_LINK_CONTROL, &control, sizeof(control));
}

int link_clear(int fd, uint32_t what)
{
	struct sfab_link_clear clear = { .what = what };

	return link_ioctl(fd, SFAB_LINK_CLEAR, &clear, sizeof(clear));
}

int link_switch(int fd, uint32_t flags, uint32_t path, uint32_t partner_path,
		struct sfab_link_switch *answer)
{
	struct sfab_link_switch arg = {
		.flags = flags,
		.path = path,
		.partner_path = partner_path,
		.timeout_ms = flags & SFAB_LINK_SWITCH_QUERY ? 0 : WAIT_MS,
	};
	int ret = link_ioctl(fd, SFAB_LINK_SWITCH, &arg, sizeof(arg));

	if (answer)
		*answer = arg;
	return ret;
}

int link_map(int fd, uint32_t offset, void *data, uint32_t length, uint64_t *interval)
{
	struct sfab_link_map arg = {
		.data = (uintptr_t)data,
		.offset = offset,
		.length = length,
	};
	int ret = link_ioctl(fd, SFAB_LINK_MAP, &arg, sizeof(arg));

	if (interval)
		*interval = arg.interval;
	return ret;
}

int link_test(int fd, uint32_t op, uint32_t pattern, uint32_t role,
	      struct sfab_link_test *answer)
{
	struct sfab_link_test arg = { .op = op, .pattern = pattern, .role = role };
	int ret = link_ioctl(fd, SFAB_LINK_TEST, &arg, sizeof(arg));

	if (answer)
		*answer = arg;
	return ret;
}

int link_history(int fd, struct sfab_link_event *events, uint32_t count)
{
	struct sfab_link_history history = {
		.data = (uintptr_t)events,
		.count = count,
		.stride = sizeof(*events),
	};
	int ret = link_ioctl(fd, SFAB_LINK_HISTORY, &history, sizeof(history));

	return ret ?: (int)history.count;
}

int link_event(int fd, struct sfab_link_event *event, unsigned int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	if (poll(&poll_fd, 1, timeout_ms) <= 0)
		return -ETIME;
	return read(fd, event, sizeof(*event)) < 0 ? -errno : 0;
}

int link_event_of_type(int fd, uint32_t type, struct sfab_link_event *event,
		       unsigned int timeout_ms)
{
	int64_t end = deadline(timeout_ms), left;
	int ret;

	do {
		left = (end - now_ns()) / 1000000;
		ret = left < 0 ? -ETIME : link_event(fd, event, left);
	} while (!ret && event->type != type);
	return ret;
}

int link_await(int fd, uint32_t state, unsigned int timeout_ms)
{
	int64_t end = deadline(timeout_ms);
	struct sfab_link_status status;
	int ret;

	for (;;) {
		ret = link_status(fd, &status);
		if (ret || status.state == state)
			return ret;
		if (now_ns() > end)
			return -ETIME;
		sleep_ms(2);
	}
}

#define QUIET	10	/* looks in a row that see nothing new */

int link_settle(int fd, uint32_t state)
{
	int64_t end = deadline(WAIT_MS);
	unsigned int quiet = 0;
	struct sfab_link_status status;
	struct sfab_link_event event;
	uint64_t sequence = 0;
	int ret;

	for (; quiet < QUIET; sleep_ms(2)) {
		ret = link_status(fd, &status) ?: link_history(fd, &event, 1);
		if (ret < 0)
			return ret;
		/* None at all: it has been like that since the driver is there */
		if (status.state == state && status.sequence == sequence &&
		    (!ret || event.state == state))
			quiet++;
		else
			quiet = 0;
		sequence = status.sequence;
		if (now_ns() > end)
			return -ETIME;
	}
	return 0;
}

int link_bring_up(int fd)
{
	struct sfab_link_event event;
	int ret;

	ret = link_control(fd, SFAB_LINK_SET_ENABLE | SFAB_LINK_SET_LOOPBACK, SFAB_LINK_ENABLE);
	ret = ret ?: link_settle(fd, SFAB_LINK_UP);
	while (!ret && !link_event(fd, &event, 0))
		;
	return ret;
}

void ask_host_to_inject(const char *what, const char *device)
{
	printf("# host: inject %s %s\n", device, what);
	fflush(stdout);
}
