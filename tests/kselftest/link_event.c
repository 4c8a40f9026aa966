// SPDX-License-Identifier: MIT
/*
 * The event stream of a link: numbers, order, several readers, what a slow one loses, poll(),
 * and the history.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "link_util.h"

#define PORT		0
#define EVENT_MS	10000

FIXTURE(link_event)
{
	int fd;
};

FIXTURE_SETUP(link_event)
{
	int accel[2];

	ASSERT_EQ(0, fabric_open(accel));
	close(accel[0]);
	close(accel[1]);
	self->fd = link_open(0, PORT, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, link_bring_up(self->fd));
}

FIXTURE_TEARDOWN(link_event)
{
	link_control(self->fd, SFAB_LINK_SET_ENABLE, SFAB_LINK_ENABLE);
	EXPECT_EQ(0, link_await(self->fd, SFAB_LINK_UP, WAIT_MS));
	close(self->fd);
}

static int down(int fd)
{
	return link_control(fd, SFAB_LINK_SET_ENABLE, 0) ?: link_await(fd, SFAB_LINK_DOWN, WAIT_MS);
}

static int up(int fd)
{
	return link_control(fd, SFAB_LINK_SET_ENABLE, SFAB_LINK_ENABLE) ?:
	       link_await(fd, SFAB_LINK_UP, WAIT_MS);
}

static uint64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static uint64_t newest(int fd)
{
	struct sfab_link_status status;

	return link_status(fd, &status) ? 0 : status.sequence;
}

/* Makes events until there are @count more of them, the last of which has been told of */
static int make_events(int fd, unsigned int count)
{
	uint64_t goal = newest(fd) + count;
	int64_t end = deadline(60000);
	int ret = 0;

	while (!ret && newest(fd) < goal) {
		ret = down(fd) ?: up(fd);
		if (now_ns() > end)
			return -ETIME;
	}
	return ret ?: link_settle(fd, SFAB_LINK_UP);
}

TEST_F(link_event, down_and_up)
{
	uint64_t begin = boottime_ns(), first = newest(self->fd);
	struct sfab_link_status status;
	struct sfab_link_event event;

	ASSERT_EQ(0, down(self->fd));
	ASSERT_EQ(0, link_event(self->fd, &event, EVENT_MS));
	EXPECT_EQ(sizeof(event), event.size);
	EXPECT_EQ(SFAB_LINK_EVENT_STATE, event.type);
	EXPECT_EQ(first + 1, event.sequence);
	EXPECT_EQ(0, event.lost);
	EXPECT_LE(begin, event.time_ns);
	EXPECT_GE(boottime_ns(), event.time_ns);
	EXPECT_EQ(SFAB_LINK_DOWN, event.state);
	EXPECT_EQ(SFAB_LINK_WHY_DISABLED, event.reason);
	EXPECT_EQ(0, event.value);
	ASSERT_EQ(0, link_status(self->fd, &status));
	EXPECT_EQ(event.time_ns, status.changed_ns);
	EXPECT_EQ(event.sequence, status.sequence);

	ASSERT_EQ(0, up(self->fd));
	do {
		ASSERT_EQ(0, link_event_of_type(self->fd, SFAB_LINK_EVENT_STATE, &event,
						EVENT_MS));
	} while (event.state != SFAB_LINK_UP);
	EXPECT_EQ(SFAB_LINK_WHY_NONE, event.reason);
	EXPECT_LT(0, event.lanes);
}

/* All files see the same events, whenever they read them */
TEST_F(link_event, two_files)
{
	int other = link_open(0, PORT, O_RDONLY | O_NONBLOCK);
	struct sfab_link_event mine, theirs;
	uint64_t sequence = newest(self->fd);
	unsigned int count = 0;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, make_events(self->fd, 6));
	while (read(self->fd, &mine, sizeof(mine)) == sizeof(mine)) {
		ASSERT_EQ(0, link_event(other, &theirs, 0));
		EXPECT_EQ(0, memcmp(&mine, &theirs, sizeof(mine)));
		EXPECT_EQ(++sequence, mine.sequence);
		count++;
	}
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LE(6, count);
	close(other);
}

/* Whole events only, as many as there is room for */
TEST_F(link_event, read_sizes)
{
	struct sfab_link_event events[4];
	uint8_t *bytes = (uint8_t *)events;
	uint64_t first = newest(self->fd);

	EXPECT_EQ(-1, read(self->fd, events, sizeof(events)));
	EXPECT_EQ(EAGAIN, errno);
	ASSERT_EQ(0, make_events(self->fd, 6));
	EXPECT_EQ(-1, read(self->fd, events, sizeof(*events) - 1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, read(self->fd, events, 0));
	EXPECT_EQ(EINVAL, errno);
	memset(events, 0x55, sizeof(events));
	EXPECT_EQ(3 * sizeof(*events), read(self->fd, events, 4 * sizeof(*events) - 1));
	EXPECT_EQ(first + 1, events[0].sequence);
	EXPECT_EQ(first + 3, events[2].sequence);
	EXPECT_TRUE(all_bytes(bytes + 3 * sizeof(*events), sizeof(*events), 0x55));
	/* Memory that cannot be written: the event waits for a better buffer */
	EXPECT_EQ(-1, read(self->fd, unmapped_address(), sizeof(*events)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(sizeof(*events), read(self->fd, events, sizeof(*events)));
	EXPECT_EQ(first + 4, events[0].sequence);
}

/* What was kept is delivered; how many went before, the first of them says, and only that */
TEST_F(link_event, slow_reader)
{
	uint64_t first = newest(self->fd), last;
	struct sfab_link_event event;
	unsigned int count = 1;

	ASSERT_EQ(0, make_events(self->fd, SFAB_LINK_EVENTS + 10));
	last = newest(self->fd);
	ASSERT_EQ(0, link_event(self->fd, &event, 0));
	EXPECT_EQ(last - SFAB_LINK_EVENTS + 1, event.sequence);
	EXPECT_EQ(event.sequence - first - 1, event.lost);
	EXPECT_LE(10, event.lost);
	for (; !link_event(self->fd, &event, 0); count++) {
		EXPECT_EQ(0, event.lost);
	}
	EXPECT_EQ(SFAB_LINK_EVENTS, count);
	EXPECT_EQ(last, event.sequence);
}

TEST_F(link_event, history)
{
	struct sfab_link_event kept[SFAB_LINK_EVENTS + 1], event;
	int count, i;

	ASSERT_EQ(0, make_events(self->fd, 6));
	count = link_history(self->fd, kept, SFAB_LINK_EVENTS + 1);
	ASSERT_LE(6, count);
	ASSERT_GE(SFAB_LINK_EVENTS, count);
	EXPECT_EQ(newest(self->fd), kept[count - 1].sequence);
	for (i = 1; i < count; i++) {
		EXPECT_EQ(kept[i - 1].sequence + 1, kept[i].sequence);
		EXPECT_LE(kept[i - 1].time_ns, kept[i].time_ns);
		EXPECT_EQ(0, kept[i].lost);
	}
	/* As they are read */
	ASSERT_EQ(0, link_event(self->fd, &event, 0));
	for (i = 0; i < count && kept[i].sequence != event.sequence; i++)
		;
	ASSERT_LT(i, count);
	EXPECT_EQ(0, memcmp(&event, &kept[i], sizeof(event)));
	/* The newest */
	EXPECT_EQ(2, link_history(self->fd, kept, 2));
	EXPECT_EQ(newest(self->fd), kept[1].sequence);
	EXPECT_EQ(newest(self->fd) - 1, kept[0].sequence);
}

/* A file that is opened later does not get what was before, but HISTORY tells it */
TEST_F(link_event, late_file)
{
	struct sfab_link_event event;
	int late;

	ASSERT_EQ(0, make_events(self->fd, 2));
	late = link_open(0, PORT, O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, late);
	EXPECT_EQ(-1, read(late, &event, sizeof(event)));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(1, link_history(late, &event, 1));
	EXPECT_EQ(newest(self->fd), event.sequence);
	close(late);
}

TEST_F(link_event, poll)
{
	struct pollfd poll_fd = { .fd = self->fd, .events = POLLIN };
	struct sfab_link_event event;

	EXPECT_EQ(0, poll(&poll_fd, 1, 0));
	ASSERT_EQ(0, down(self->fd));
	EXPECT_EQ(1, poll(&poll_fd, 1, EVENT_MS));
	EXPECT_EQ(POLLIN, poll_fd.revents & (POLLIN | POLLERR | POLLHUP));
	ASSERT_EQ(0, link_settle(self->fd, SFAB_LINK_DOWN));
	while (read(self->fd, &event, sizeof(event)) == sizeof(event))
		;
	EXPECT_EQ(0, poll(&poll_fd, 1, 0));
}

struct reader {
	int fd;
	ssize_t got;
	struct sfab_link_event event;
};

static void *read_one(void *arg)
{
	struct reader *reader = arg;

	reader->got = read(reader->fd, &reader->event, sizeof(reader->event));
	return NULL;
}

/* A reader who waits, and two who wait at the same file */
TEST_F(link_event, blocking_read)
{
	struct reader readers[2];
	pthread_t threads[2];
	unsigned int i;
	int fd = link_open(0, PORT, O_RDONLY);

	ASSERT_LE(0, fd);
	for (i = 0; i < 2; i++) {
		readers[i] = (struct reader){ .fd = fd };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, read_one, &readers[i]));
	}
	sleep_ms(100);
	ASSERT_EQ(0, make_events(self->fd, 2));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_EQ(sizeof(readers[i].event), readers[i].got);
	}
	EXPECT_NE(readers[0].event.sequence, readers[1].event.sequence);
	close(fd);
}

TEST_HARNESS_MAIN
