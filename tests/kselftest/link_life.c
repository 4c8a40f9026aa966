// SPDX-License-Identifier: MIT
/*
 * Links that come to an end, or to a reset, while files of them are open: who asks or waits is
 * told, nothing is left behind, and the module does not go before the last file is closed.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "link_util.h"

#define DRIVER		"/sys/bus/pci/drivers/sfab/"
#define PORT		0
#define EVENT_MS	10000

FIXTURE(link_life)
{
	struct accel accel;
	unsigned int count;
	int fd;
	char name[32];
};

static int join(void)
{
	int accel[2], ret = fabric_open(accel);

	close(accel[0]);
	close(accel[1]);
	return ret;
}

FIXTURE_SETUP(link_life)
{
	struct accel list[MAX_ACCELS];

	self->count = accel_list(list);
	ASSERT_LE(2, self->count);
	self->accel = list[0];
	ASSERT_EQ(0, join());
	self->fd = link_open(0, PORT, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, link_name(0, PORT, self->name));
	ASSERT_EQ(0, link_bring_up(self->fd));
}

FIXTURE_TEARDOWN(link_life)
{
	int fd;

	close(self->fd);
	write_text(DRIVER "bind", self->accel.pci);
	ASSERT_EQ(0, join());
	fd = link_open(0, PORT, O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, link_bring_up(fd));
	close(fd);
}

static int unbind(FIXTURE_DATA(link_life) *self)
{
	return write_text(DRIVER "unbind", self->accel.pci);
}

static void expect_gone(struct __test_metadata *_metadata, int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct sfab_link_readings readings;
	struct sfab_link_counters counters;
	struct sfab_link_status status;
	struct sfab_link_event event;
	struct sfab_link_info info;
	char path[64];

	EXPECT_EQ(-ENODEV, link_info(fd, &info));
	EXPECT_EQ(-ENODEV, link_status(fd, &status));
	EXPECT_EQ(-ENODEV, link_readings(fd, &readings));
	EXPECT_EQ(-ENODEV, link_counters(fd, &counters));
	EXPECT_EQ(-ENODEV, link_history(fd, &event, 1));
	EXPECT_EQ(-ENODEV, link_map(fd, 0, path, sizeof(path), NULL));
	EXPECT_EQ(-ENODEV, link_test(fd, SFAB_LINK_TEST_READ, 0, 0, NULL));
	EXPECT_EQ(-ENODEV, link_test(fd, SFAB_LINK_TEST_STOP, 0, 0, NULL));
	EXPECT_EQ(-ENODEV, link_control(fd, SFAB_LINK_RETRAIN, 0));
	/* Before anything that is wrong with the request */
	EXPECT_EQ(-ENODEV, do_ioctl(fd, SFAB_LINK_INFO, NULL));
	EXPECT_EQ(-ENODEV, do_ioctl(fd, _IO(SFAB_LINK_IOC, 200), NULL));
	EXPECT_EQ(1, poll(&poll_fd, 1, 0));
	EXPECT_EQ(POLLHUP | POLLERR, poll_fd.revents & (POLLHUP | POLLERR));
	while (read(fd, &event, sizeof(event)) == sizeof(event))
		;
	EXPECT_EQ(ENODEV, errno);
	/* Nor can it be opened again by way of the file */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_EQ(-1, open(path, O_RDONLY | O_CLOEXEC));
}

TEST_F(link_life, open_file)
{
	char path[64];

	ASSERT_EQ(0, unbind(self));
	expect_gone(_metadata, self->fd);
	snprintf(path, sizeof(path), "/sys/class/sfab_link/%s", self->name);
	EXPECT_EQ(-1, access(path, F_OK));
	/* It comes back while the old file is open: that is another link */
	ASSERT_EQ(0, write_text(DRIVER "bind", self->accel.pci));
	expect_gone(_metadata, self->fd);
}

/* What the driver has seen before the end is still delivered */
TEST_F(link_life, last_events)
{
	struct sfab_link_event event;
	int other = link_open(0, PORT, O_RDONLY);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	/* STATE says what the hardware does; the driver sees it when the interrupt has come */
	do {
		ASSERT_EQ(0, link_event(other, &event, WAIT_MS));
	} while (event.state != SFAB_LINK_DOWN);
	close(other);
	ASSERT_EQ(0, unbind(self));
	ASSERT_EQ(sizeof(event), read(self->fd, &event, sizeof(event)));
	EXPECT_EQ(SFAB_LINK_DOWN, event.state);
	while (read(self->fd, &event, sizeof(event)) == sizeof(event))
		;
	EXPECT_EQ(ENODEV, errno);
}

struct waiter {
	int fd;
	int result;
};

static void *wait_by_read(void *arg)
{
	struct waiter *waiter = arg;
	struct sfab_link_event event;

	while (read(waiter->fd, &event, sizeof(event)) == sizeof(event))
		;
	waiter->result = errno;
	return NULL;
}

static void *wait_by_poll(void *arg)
{
	struct waiter *waiter = arg;
	struct pollfd poll_fd = { .fd = waiter->fd };

	waiter->result = poll(&poll_fd, 1, 60000) == 1 ? poll_fd.revents : 0;
	return NULL;
}

TEST_F(link_life, waiters)
{
	struct waiter reader = { .fd = self->fd }, poller = { .fd = self->fd };
	pthread_t threads[2];

	ASSERT_EQ(0, pthread_create(&threads[0], NULL, wait_by_read, &reader));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, wait_by_poll, &poller));
	sleep_ms(200);
	ASSERT_EQ(0, unbind(self));
	ASSERT_EQ(0, pthread_join(threads[0], NULL));
	ASSERT_EQ(0, pthread_join(threads[1], NULL));
	EXPECT_EQ(ENODEV, reader.result);
	EXPECT_EQ(POLLHUP | POLLERR, poller.result & (POLLHUP | POLLERR));
}

/* Somebody asks all the time, in every way that there is */
static volatile bool stop;

static void *ask(void *arg)
{
	struct sfab_link_readings readings;
	struct sfab_link_status status;
	const char *name = arg;
	char line[64];
	int fd;

	while (!stop) {
		fd = link_open(0, PORT, O_RDONLY);
		link_status(fd, &status);
		link_readings(fd, &readings);
		link_attribute(name, "state", line, sizeof(line));
		link_map(fd, 0, line, sizeof(line), NULL);
		link_test(fd, SFAB_LINK_TEST_READ, 0, 0, NULL);
		link_attribute(name, "cmis", line, sizeof(line));
		link_attribute(name, "hwmon0/temp1_input", line, sizeof(line));
		close(fd);
		sleep_ms(2);
	}
	return NULL;
}

TEST_F_TIMEOUT(link_life, asked_meanwhile, 120)
{
	pthread_t threads[3];
	unsigned int i;

	stop = false;
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, ask, self->name));
	for (i = 0; i < 3; i++) {
		sleep_ms(50);
		EXPECT_EQ(0, unbind(self));
		EXPECT_EQ(0, write_text(DRIVER "bind", self->accel.pci));
	}
	stop = true;
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
}

/* A reset of the device: the links stay as they were, their events go on */
TEST_F(link_life, reset)
{
	struct sfab_link_status before, after;
	struct sfab_link_info info, info_after;
	struct sfab_link_event event;
	char path[128];

	ASSERT_EQ(0, link_status(self->fd, &before));
	ASSERT_EQ(0, link_info(self->fd, &info));
	snprintf(path, sizeof(path), "/sys/kernel/debug/accel/%s/reset", self->accel.pci);
	ASSERT_EQ(0, write_text(path, "1"));
	ASSERT_EQ(0, link_status(self->fd, &after));
	ASSERT_EQ(0, link_info(self->fd, &info_after));
	EXPECT_EQ(before.config, after.config);
	EXPECT_EQ(before.path, after.path);
	EXPECT_EQ(0, memcmp(&info, &info_after, sizeof(info)));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_UP, WAIT_MS));
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	do {
		ASSERT_EQ(0, link_event_of_type(self->fd, SFAB_LINK_EVENT_STATE, &event,
						EVENT_MS));
	} while (event.reason != SFAB_LINK_WHY_DISABLED);
	EXPECT_LT(before.sequence, event.sequence);
}

/* What was configured and counted outlives the driver, events do not */
TEST_F(link_life, kept)
{
	struct sfab_link_counters before, after;
	struct sfab_link_status status;
	struct sfab_link_event event;
	struct sfab_link_info info;

	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_DOWN, WAIT_MS));
	ASSERT_EQ(0, link_info(self->fd, &info));
	EXPECT_EQ(SFAB_LINK_KEPT_PACKETS | SFAB_LINK_KEPT_FEC | SFAB_LINK_KEPT_CONFIG,
		  info.kept & (SFAB_LINK_KEPT_PACKETS | SFAB_LINK_KEPT_FEC |
			       SFAB_LINK_KEPT_CONFIG | SFAB_LINK_KEPT_HISTORY));
	ASSERT_EQ(0, link_counters(self->fd, &before));
	ASSERT_EQ(0, unbind(self));
	ASSERT_EQ(0, write_text(DRIVER "bind", self->accel.pci));
	close(self->fd);
	self->fd = link_open(0, PORT, O_RDWR);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, link_counters(self->fd, &after));
	EXPECT_EQ(before.tx_packets, after.tx_packets);
	EXPECT_EQ(before.link_downs, after.link_downs);
	EXPECT_LE(before.codewords, after.codewords);
	ASSERT_EQ(0, link_status(self->fd, &status));
	EXPECT_EQ(0, status.config & SFAB_LINK_ENABLE);
	EXPECT_EQ(0, status.sequence);
	EXPECT_EQ(0, status.changed_ns);
	EXPECT_EQ(0, link_history(self->fd, &event, 1));
}

static int module_unload(void)
{
	return syscall(SYS_delete_module, "sfab", O_NONBLOCK) ? -errno : 0;
}

TEST_F(link_life, module)
{
	int i, ret;

	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	ASSERT_EQ(0, unbind(self));
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	close(self->fd);
	for (i = 0; i < 500; i++) {
		ret = module_unload();
		if (ret != -EWOULDBLOCK)
			break;
		sleep_ms(10);
	}
	EXPECT_EQ(0, ret);
	EXPECT_NE(0, access("/sys/class/sfab_link", F_OK));
	ASSERT_EQ(0, system("modprobe sfab"));
	self->fd = link_open(0, PORT, O_RDWR);
	EXPECT_LE(0, self->fd);
}

TEST_HARNESS_MAIN
