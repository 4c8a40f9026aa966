// SPDX-License-Identifier: MIT
/*
 * Links of the fake devices
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "kernel.h"
#include "link.h"

#define LINKS	(FAKE_MAX_DEVICES * FAKE_LINKS)

/* An open file: what it has read of the link's events */
struct link_file {
	int fd;
	unsigned int index, life, read;
	bool writable;
};

static struct fake_link links[LINKS];

struct fake_link *fake_link(unsigned int device, unsigned int port)
{
	return &links[device * FAKE_LINKS + port];
}

static void start_lanes(struct sfab_link_readings *r)
{
	unsigned int l;

	for (l = 0; l < 8; l++)
		r->lane[l] = (struct sfab_link_lane){
			.tx_power_nw = 1600000, .rx_power_nw = 692000, .bias_ua = 100000,
			.snr_mdb = 22000, .ber = 4000000000, .temperature_mc = 60000,
		};
}

static void start_link(unsigned int index, unsigned int devices_count)
{
	unsigned int device = index / FAKE_LINKS, port = index % FAKE_LINKS;
	unsigned int other = (device + (port ? devices_count - 1 : 1)) % devices_count;
	struct fake_link *l = &links[index];

	memset(l, 0, sizeof(*l));
	l->info = (struct sfab_link_info){
		.uuid = { [15] = (uint8_t)(device + 1) }, .serial = device + 1, .accel = device,
		.port = port, .lanes = 8, .lane_rate = 112, .paths = 2,
		.caps = SFAB_LINK_CAP_MODULE | SFAB_LINK_CAP_MAP | SFAB_LINK_CAP_SWITCH |
			SFAB_LINK_CAP_TEST | SFAB_LINK_CAP_CLEAR,
		.insertions = 1, .present = 1, .vendor = "SFAB", .part = "SF-800-DR8",
		.module_serial = "SFAB000000000001", .revision = "1",
	};
	snprintf(l->info.pci, sizeof(l->info.pci), "0000:%02x:00.0", device + 1);
	l->status = (struct sfab_link_status){
		.state = SFAB_LINK_UP, .lanes = 8, .rx_lanes = 0xff, .capable = 0xff,
		.config = SFAB_LINK_ENABLE, .partner = SFAB_LINK_PARTNER_ACCEL,
		.partner_eid = 10 + other, .partner_port = !port,
		.partner_uuid = { [15] = (uint8_t)(other + 1) },
		.module_state = SFAB_LINK_MODULE_READY, .insertions = 1,
	};
	memset(l->status.datapath, SFAB_LINK_DATAPATH_ACTIVATED, 8);
	l->readings = (struct sfab_link_readings){
		.interval = 10,
		.status = SFAB_LINK_LASERS_ON | SFAB_LINK_ALIGNED | SFAB_LINK_LIMITS,
		.lanes = 8, .temperature_mc = 45000, .supply_mv = 3300, .ber = 4000000000,
		.ber_bits = 896000000000, .ber_errors = 3584, .ber_ns = 1000000000, .used = 0xff,
		.temperature_limits = { 75000, -5000, 70000, 0 },
	};
	start_lanes(&l->readings);
	l->counters = (struct sfab_link_counters){
		.time_ns = 10000000000, .rx_packets = 100, .codewords = 1000,
	};
}

void links_start(unsigned int devices_count)
{
	unsigned int i;

	for (i = 0; i < LINKS; i++)
		start_link(i, devices_count ? devices_count : 1);
}

void fake_link_tick(void)
{
	unsigned int i;

	pthread_mutex_lock(&kernel_lock);
	for (i = 0; i < LINKS; i++) {
		links[i].readings.interval++;
		links[i].counters.time_ns += 1000000000;
	}
	pthread_mutex_unlock(&kernel_lock);
}

static void send(unsigned int index, struct sfab_link_event event)
{
	struct fake_link *l = &links[index];
	unsigned int fd;

	event.size = sizeof(event);
	event.sequence = ++l->status.sequence;
	event.time_ns = l->counters.time_ns;
	event.state = l->status.state;
	event.reason = l->status.reason;
	event.lanes = l->status.lanes;
	event.insertions = l->status.insertions;
	if (l->event_count < SFAB_LINK_EVENTS)
		l->events[l->event_count++] = event;
	for (fd = 0; fd < MAX_FDS; fd++) {
		struct link_file *file = descriptors[fd].object;

		if (descriptors[fd].kind == FD_LINK && file->index == index)
			eventfd_write(file->fd, 1);
	}
}

void fake_link_state(unsigned int device, unsigned int port, uint32_t state, uint32_t reason)
{
	struct fake_link *l = fake_link(device, port);
	bool was = l->status.state == SFAB_LINK_UP || l->status.state == SFAB_LINK_DEGRADED;
	bool is = state == SFAB_LINK_UP || state == SFAB_LINK_DEGRADED;

	pthread_mutex_lock(&kernel_lock);
	l->status.state = state;
	l->status.reason = reason;
	l->status.downs += was && !is;
	l->counters.link_downs = l->status.downs;
	send(device * FAKE_LINKS + port, (struct sfab_link_event){ .type = SFAB_LINK_EVENT_STATE });
	pthread_mutex_unlock(&kernel_lock);
}

/* ---- files ---- */

int link_file_open(unsigned int index, int flags)
{
	struct device *dev = &devices[index / FAKE_LINKS];
	bool writable = (flags & O_ACCMODE) == O_RDWR;
	struct link_file *file;
	int fd;

	if (index >= LINKS || !dev->present || !(dev->caps & SFAB_CAP_FABRIC) || dev->deny ||
	    (writable && links[index].readonly)) {
		errno = index >= LINKS || !dev->present ? ENOENT : dev->deny ? dev->deny : EACCES;
		return -1;
	}
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (fd < 0)
		return -1;
	file = calloc(1, sizeof(*file));
	*file = (struct link_file){ fd, index, dev->life, links[index].event_count, writable };
	fd_install(fd, FD_LINK, file);
	live[L_FILE]++;
	return fd;
}

void link_files_hang_up(unsigned int device)
{
	unsigned int fd;

	for (fd = 0; fd < MAX_FDS; fd++) {
		struct link_file *file = descriptors[fd].object;

		if (descriptors[fd].kind == FD_LINK && file->index / FAKE_LINKS == device)
			eventfd_write(file->fd, 1);
	}
}

void link_file_close(void *object)
{
	free(object);
	live[L_FILE]--;
}

ssize_t link_file_read(void *object, char *buf, size_t size)
{
	struct link_file *file = object;
	struct fake_link *l = &links[file->index];
	size_t done = 0;
	uint64_t one;

	if (file->read == l->event_count)
		errno = devices[file->index / FAKE_LINKS].life != file->life ? ENODEV : EAGAIN;
	else if (size < sizeof(l->events[0]))
		errno = EINVAL;
	for (; file->read < l->event_count && size - done >= sizeof(l->events[0]); file->read++) {
		memcpy(buf + done, &l->events[file->read], sizeof(l->events[0]));
		done += sizeof(l->events[0]);
		if (eventfd_read(file->fd, &one))
			abort();
	}
	return done ? (ssize_t)done : -1;
}

/* ---- ioctls ---- */

static long give(void *user, const void *kernel, uint32_t known)
{
	uint32_t size;

	memcpy(&size, user, sizeof(size));
	if (size < known)
		return -EINVAL;
	if (size > 4096)
		return -E2BIG;
	memset((char *)user + 4, 0, size - 4);
	memcpy((char *)user + 4, (const char *)kernel + 4, known - 4);
	return 0;
}

static long history(struct fake_link *l, struct sfab_link_history *args)
{
	unsigned int i, first;

	if (args->size != sizeof(*args) || args->flags)
		return -EINVAL;
	if (args->count && args->stride != sizeof(l->events[0]))
		return -EINVAL;
	if (!args->count) {
		args->count = l->event_count;
		return 0;
	}
	if (args->count > l->event_count)
		args->count = l->event_count;
	first = l->event_count - args->count;
	for (i = 0; i < args->count; i++)
		((struct sfab_link_event *)(uintptr_t)args->data)[i] = l->events[first + i];
	return 0;
}

static long map(const struct fake_link *l, const struct sfab_link_map *args)
{
	unsigned int i;

	if (!l->info.present)
		return -ENXIO;
	for (i = 0; i < args->length; i++)
		((uint8_t *)(uintptr_t)args->data)[i] = (uint8_t)(args->offset + i);
	return 0;
}

static long change_switch(struct fake_link *l, struct sfab_link_switch *args)
{
	if (args->path >= l->info.paths || !args->timeout_ms || args->timeout_ms > 60000)
		return -EINVAL;
	l->last.path = args->path;
	l->last.flags = args->flags;
	l->last.count++;
	l->status.path_in_use = args->path;
	return give(args, &l->last, sizeof(l->last));
}

static long may_change(const struct link_file *file, const struct fake_link *l)
{
	if (!file->writable)
		return -EBADF;
	return -l->fails;
}

static long change(struct fake_link *l, unsigned long request, void *arg)
{
	switch (request) {
	case SFAB_LINK_CONTROL:
		l->control = *(struct sfab_link_control *)arg;
		return l->control.set ? 0 : -EINVAL;
	case SFAB_LINK_SWITCH:
		return change_switch(l, arg);
	case SFAB_LINK_TEST:
		l->test.running = ((struct sfab_link_test *)arg)->op == SFAB_LINK_TEST_START;
		return give(arg, &l->test, sizeof(l->test));
	case SFAB_LINK_CLEAR:
		l->cleared = ((struct sfab_link_clear *)arg)->what;
		return l->cleared ? 0 : -EINVAL;
	default:
		return -ENOTTY;
	}
}

long link_file_ioctl(void *object, unsigned long request, void *arg)
{
	struct link_file *file = object;
	struct fake_link *l = &links[file->index];
	long ret;

	if (devices[file->index / FAKE_LINKS].life != file->life)
		return -ENODEV;
	switch (request) {
	case SFAB_LINK_INFO:
		return give(arg, &l->info, sizeof(l->info));
	case SFAB_LINK_STATE:
		return give(arg, &l->status, sizeof(l->status));
	case SFAB_LINK_READINGS:
		return give(arg, &l->readings, sizeof(l->readings));
	case SFAB_LINK_COUNTERS:
		return give(arg, &l->counters, sizeof(l->counters));
	case SFAB_LINK_MAP:
		return map(l, arg);
	case SFAB_LINK_HISTORY:
		return history(l, arg);
	case SFAB_LINK_SWITCH:
		if (((struct sfab_link_switch *)arg)->flags == SFAB_LINK_SWITCH_QUERY)
			return give(arg, &l->last, sizeof(l->last));
		break;
	case SFAB_LINK_TEST:
		if (((struct sfab_link_test *)arg)->op == SFAB_LINK_TEST_READ)
			return give(arg, &l->test, sizeof(l->test));
		break;
	}
	ret = may_change(file, l);
	return ret ? ret : change(l, request, arg);
}
