// SPDX-License-Identifier: MIT
/*
 * The event stream of the device file: read(), poll(), order, and what a slow
 * reader loses.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "sfab_test.h"

#define HOLE		0x60000000ULL

FIXTURE(event)
{
	int fd;
	uint32_t vm;
};

FIXTURE_SETUP(event)
{
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vm_create(self->fd, 0, &self->vm));
}

FIXTURE_TEARDOWN(event)
{
	close(self->fd);
}

/* One event, with a queue id of its own */
static int make_event(int fd, uint32_t vm)
{
	struct sfab_fault fault;

	return run_into_fault(fd, vm, cmd_fill(HOLE, 8, 8, 1), &fault);
}

TEST_F(event, in_order)
{
	struct sfab_event event;
	uint64_t i, last_time = 0;
	int64_t start = now_ns();

	for (i = 1; i <= 20; i++) {
		ASSERT_EQ(0, make_event(self->fd, self->vm));
	}
	for (i = 1; i <= 20; i++) {
		ASSERT_EQ(0, event_read(self->fd, &event, WAIT_MS));
		EXPECT_EQ(SFAB_EVENT_QUEUE_FAULT, event.base.type);
		EXPECT_EQ(sizeof(event), event.base.length);
		EXPECT_EQ(i, event.sequence);
		EXPECT_EQ(0, event.dropped);
		EXPECT_NE(0, event.queue_id);
		EXPECT_EQ(HOLE, event.fault.addr);
		/* CLOCK_MONOTONIC */
		EXPECT_LE(start, (int64_t)event.time_ns);
		EXPECT_GE(now_ns(), (int64_t)event.time_ns);
		EXPECT_LE(last_time, event.time_ns);
		last_time = event.time_ns;
	}
}

/* Whole events only, as many as there is room for */
TEST_F(event, read_sizes)
{
	uint8_t buffer[4 * sizeof(struct sfab_event) + 10];
	struct sfab_event *events = (struct sfab_event *)buffer;
	unsigned int i;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, read(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(EAGAIN, errno);

	for (i = 0; i < 6; i++) {
		ASSERT_EQ(0, make_event(self->fd, self->vm));
	}
	/* Not one fits: nothing is lost */
	EXPECT_EQ(0, read(self->fd, buffer, sizeof(*events) - 1));
	EXPECT_EQ(0, read(self->fd, buffer, 0));
	EXPECT_EQ(sizeof(*events), read(self->fd, buffer, sizeof(*events) + 1));
	EXPECT_EQ(1, events[0].sequence);
	memset(buffer, 0x55, sizeof(buffer));
	EXPECT_EQ(4 * sizeof(*events), read(self->fd, buffer, sizeof(buffer)));
	EXPECT_EQ(2, events[0].sequence);
	EXPECT_EQ(5, events[3].sequence);
	EXPECT_TRUE(all_bytes(buffer + 4 * sizeof(*events), 10, 0x55));
	/* Memory that cannot be written: the event waits for a better buffer */
	EXPECT_EQ(-1, read(self->fd, unmapped_address(), sizeof(*events)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(sizeof(*events), read(self->fd, buffer, sizeof(*events)));
	EXPECT_EQ(6, events[0].sequence);
	EXPECT_EQ(-1, read(self->fd, buffer, sizeof(*events)));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(event, poll)
{
	struct pollfd poll_fd = { .fd = self->fd, .events = POLLIN };
	struct sfab_event event;

	EXPECT_EQ(0, poll(&poll_fd, 1, 0));
	ASSERT_EQ(0, make_event(self->fd, self->vm));
	EXPECT_EQ(1, poll(&poll_fd, 1, WAIT_MS));
	EXPECT_EQ(POLLIN, poll_fd.revents & (POLLIN | POLLERR | POLLHUP));
	ASSERT_EQ(0, event_read(self->fd, &event, 0));
	EXPECT_EQ(0, poll(&poll_fd, 1, 0));
}

static void *make_event_later(void *arg)
{
	FIXTURE_DATA(event) *self = arg;

	sleep_ms(50);
	return (void *)(intptr_t)make_event(self->fd, self->vm);
}

/* A reader that blocks is woken; so is one that polls */
TEST_F(event, blocking_read)
{
	struct sfab_event event;
	pthread_t thread;
	void *result;

	ASSERT_EQ(0, pthread_create(&thread, NULL, make_event_later, self));
	EXPECT_EQ(sizeof(event), read(self->fd, &event, sizeof(event)));
	pthread_join(thread, &result);
	EXPECT_EQ(NULL, result);

	ASSERT_EQ(0, pthread_create(&thread, NULL, make_event_later, self));
	EXPECT_EQ(0, event_read(self->fd, &event, WAIT_MS));
	EXPECT_EQ(2, event.sequence);
	pthread_join(thread, &result);
	EXPECT_EQ(NULL, result);
}

static void on_alarm(int signal)
{
}

TEST_F(event, interrupted_read)
{
	const struct itimerval tick = { .it_interval.tv_usec = 20000, .it_value.tv_usec = 20000 };
	struct sigaction action = { .sa_handler = on_alarm };
	struct sfab_event event;

	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &tick, NULL));
	EXPECT_EQ(-1, read(self->fd, &event, sizeof(event)));
	EXPECT_EQ(EINTR, errno);
}

/* More events than there is room for: the first ones stay, the others are counted */
TEST_F(event, overflow)
{
	struct sfab_query_counters counters;
	struct sfab_event event = { };
	uint64_t i, read_events = 0, total = 100;

	for (i = 0; i < total; i++) {
		ASSERT_EQ(0, make_event(self->fd, self->vm));
	}
	ASSERT_EQ(0, query_counters(self->fd, &counters));
	EXPECT_LT(0, counters.events_dropped);
	EXPECT_GT(total, counters.events_dropped);
	while (!event_read(self->fd, &event, 0)) {
		read_events++;
		EXPECT_EQ(read_events, event.sequence);
		EXPECT_EQ(0, event.dropped);
	}
	/* "a few dozen" */
	EXPECT_LE(24, read_events);
	EXPECT_EQ(total, read_events + counters.events_dropped);

	/* There is room again; the next event tells what was lost */
	ASSERT_EQ(0, make_event(self->fd, self->vm));
	ASSERT_EQ(0, event_read(self->fd, &event, WAIT_MS));
	EXPECT_EQ(total + 1, event.sequence);
	EXPECT_EQ(counters.events_dropped, event.dropped);
	ASSERT_EQ(0, query_counters(self->fd, &counters));
	EXPECT_EQ(event.dropped, counters.events_dropped);
}

/* The count is of the file, not of the device */
TEST_F(event, other_files_lose_nothing)
{
	struct sfab_query_counters counters;
	struct sfab_event event;
	uint32_t vm, i;
	int fd = accel_open(0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vm_create(fd, 0, &vm));
	for (i = 0; i < 80; i++) {
		ASSERT_EQ(0, make_event(self->fd, self->vm));
	}
	ASSERT_EQ(0, query_counters(fd, &counters));
	EXPECT_EQ(0, counters.events_dropped);
	EXPECT_EQ(-ETIME, event_read(fd, &event, 0));
	ASSERT_EQ(0, make_event(fd, vm));
	ASSERT_EQ(0, event_read(fd, &event, WAIT_MS));
	EXPECT_EQ(1, event.sequence);
	EXPECT_EQ(0, event.dropped);
	close(fd);
}

/* Two readers of one file: each event goes to exactly one */
struct reader {
	int fd;
	uint64_t seen;			/* bit n: event with sequence n + 1 */
	unsigned int count;
};

static void *read_events(void *arg)
{
	struct reader *reader = arg;
	struct sfab_event event;
	int ret;

	/* EAGAIN: the other reader was faster */
	while (!(ret = event_read(reader->fd, &event, 500)) || ret == -EAGAIN) {
		if (ret)
			continue;
		reader->seen |= 1ULL << (event.sequence - 1);
		reader->count++;
	}
	return NULL;
}

TEST_F(event, two_readers)
{
	struct reader readers[2] = { { .fd = self->fd }, { .fd = self->fd } };
	pthread_t threads[2];
	unsigned int i;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, read_events, &readers[i]));
	}
	for (i = 0; i < 40; i++) {
		ASSERT_EQ(0, make_event(self->fd, self->vm));
	}
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, readers[0].seen & readers[1].seen);
	EXPECT_EQ((1ULL << 40) - 1, readers[0].seen | readers[1].seen);
	EXPECT_EQ(40, readers[0].count + readers[1].count);
}

/* Unread events go with the file */
TEST_F(event, close_with_unread)
{
	struct usage usage;
	uint32_t vm, i;
	int fd;

	ASSERT_EQ(0, usage_get(self->fd, 0, &usage));
	fd = accel_open(0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vm_create(fd, 0, &vm));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, make_event(fd, vm));
	}
	close(fd);
	EXPECT_EQ(0, usage_wait(self->fd, 0, &usage, WAIT_MS));
}

TEST_HARNESS_MAIN
