// SPDX-License-Identifier: MIT
/*
 * What the kernel's tracing says of links: each event that a reader gets, switches at both ends,
 * and packets that are sent again while the link is up as before.  The host does the damage, and
 * port 0 has a second light path: the machine two-paths of tests/kselftest/host.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <kselftest_harness.h>
#include <stdlib.h>

#include "link_util.h"

#define TRACING		"/sys/kernel/tracing/"
#define PORT		0
#define LOCAL		0x40000000ULL
#define REMOTE		0x80000000ULL
#define SIZE		(1024 * 1024)
#define TRACE_BYTES	(1 << 20)

FIXTURE(link_trace)
{
	int accel[2], fd, partner;
	char name[32], partner_name[32];
	char *text;
};

FIXTURE_SETUP(link_trace)
{
	self->text = malloc(TRACE_BYTES);
	ASSERT_NE(NULL, self->text);
	ASSERT_EQ(0, fabric_open(self->accel));
	ASSERT_EQ(0, link_name(0, PORT, self->name));
	ASSERT_EQ(0, link_name(1, PORT, self->partner_name));
	self->fd = link_open(0, PORT, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
	self->partner = link_open(1, PORT, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->partner);
	ASSERT_EQ(0, link_bring_up(self->fd));
	ASSERT_EQ(0, link_bring_up(self->partner));
	ASSERT_EQ(0, write_text(TRACING "trace", "\n"));
	ASSERT_EQ(0, write_text(TRACING "events/sfab/enable", "1"));
}

FIXTURE_TEARDOWN(link_trace)
{
	EXPECT_EQ(0, write_text(TRACING "events/sfab/enable", "0"));
	EXPECT_EQ(0, link_bring_up(self->fd));
	close(self->partner);
	close(self->fd);
	close(self->accel[0]);
	close(self->accel[1]);
	free(self->text);
}

/* All of the trace: a read() gives a page at most */
static int trace_read(char *text)
{
	int fd = open(TRACING "trace", O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (n > 0 && done < TRACE_BYTES - 1) {
		n = read(fd, text + done, TRACE_BYTES - 1 - done);
		done += n > 0 ? n : 0;
	}
	if (n)
		n = n < 0 ? -errno : -E2BIG;
	close(fd);
	text[done] = 0;
	return n;
}

/* Is the event in the trace that was read, with all that its reader got? */
static bool traced(const char *text, const char *name, const struct sfab_link_event *event)
{
	char line[256];

	snprintf(line, sizeof(line),
		 "sfab_link_event: %s sequence=%llu type=%u state=%u reason=%u lanes=%u value=0x%llx\n",
		 name, event->sequence, event->type, event->state, event->reason, event->lanes,
		 event->value);
	return strstr(text, line);
}

TEST_F(link_trace, each_event)
{
	struct sfab_link_event event;
	unsigned int states = 0, count = 0;

	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	ASSERT_EQ(0, link_settle(self->fd, SFAB_LINK_DOWN));
	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, SFAB_LINK_ENABLE));
	ASSERT_EQ(0, link_settle(self->fd, SFAB_LINK_UP));
	ASSERT_EQ(0, trace_read(self->text));
	for (; !link_event(self->fd, &event, 0); count++) {
		EXPECT_TRUE(traced(self->text, self->name, &event)) {
			TH_LOG("event %" PRIu64 " is not traced", (uint64_t)event.sequence);
		}
		states |= 1U << event.state;
	}
	EXPECT_LE(2, count);
	EXPECT_EQ(1U << SFAB_LINK_DOWN | 1U << SFAB_LINK_UP,
		  states & (1U << SFAB_LINK_DOWN | 1U << SFAB_LINK_UP));
}

TEST_F(link_trace, switch_of_both_ends)
{
	struct sfab_link_event own, theirs;

	ASSERT_EQ(0, link_switch(self->fd, SFAB_LINK_SWITCH_TOGETHER, 1, 1, NULL));
	ASSERT_EQ(0, link_event_of_type(self->fd, SFAB_LINK_EVENT_SWITCH, &own, WAIT_MS));
	ASSERT_EQ(0, link_event_of_type(self->partner, SFAB_LINK_EVENT_SWITCH, &theirs, WAIT_MS));
	EXPECT_EQ(SFAB_LINK_RESULT_DONE, own.value & 0xff);
	EXPECT_EQ(SFAB_LINK_RESULT_DONE, theirs.value & 0xff);
	ASSERT_EQ(0, trace_read(self->text));
	EXPECT_TRUE(traced(self->text, self->name, &own));
	EXPECT_TRUE(traced(self->text, self->partner_name, &theirs));
	ASSERT_EQ(0, link_switch(self->fd, SFAB_LINK_SWITCH_TOGETHER, 0, 0, NULL));
}

/* ---- replays ---- */

/* Packets sent again, as all lines together say */
static uint64_t replays_traced(const char *text, const char *name)
{
	uint64_t sum = 0;
	char begin[64];

	snprintf(begin, sizeof(begin), "sfab_link_replays: %s count=", name);
	while ((text = strstr(text, begin))) {
		text += strlen(begin);
		sum += strtoull(text, NULL, 10);
	}
	return sum;
}

/* Copies to the partner until packets were sent again, as the counter says */
static int copy_until_replays(struct __test_metadata *_metadata, FIXTURE_DATA(link_trace) *self)
{
	struct sfab_command copy = cmd_copy(REMOTE, LOCAL, SIZE);
	struct sfab_link_counters before, now;
	int64_t end = deadline(WAIT_MS);
	uint32_t vm[2], queue, id, import;
	struct buffer local, target;
	struct sfab_segment segment;
	unsigned int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, vm_create(self->accel[i], 0, &vm[i]));
	ASSERT_EQ(0, queue_create(self->accel[0], vm[0], &queue));
	ASSERT_EQ(0, buffer_create(self->accel[0], vm[0], SFAB_REGION_SYSTEM, SIZE, LOCAL,
				   RIGHT_RW, &local));
	ASSERT_EQ(0, buffer_create(self->accel[1], vm[1], SFAB_REGION_SYSTEM, SIZE, LOCAL,
				   RIGHT_RW, &target));
	ASSERT_EQ(0, segment_export(self->accel[1], target.handle, 0, SIZE, RIGHT_RW, &id,
				    &segment));
	ASSERT_EQ(0, segment_import(self->accel[0], &segment, RIGHT_RW, &import));
	ASSERT_EQ(0, vm_map(self->accel[0], vm[0], REMOTE, import, 0, SIZE, RIGHT_RW));
	munmap(target.cpu, SIZE);
	munmap(local.cpu, SIZE);
	ASSERT_EQ(0, link_counters(self->fd, &before));
	do {
		ASSERT_EQ(0, queue_run(self->accel[0], queue, &copy, 1));
		ASSERT_EQ(0, link_counters(self->fd, &now));
		ASSERT_GT(end, now_ns());
	} while (now.replays < before.replays + 10);
	return now.replays - before.replays;
}

/*
 * No event of the link, nor of the port: nothing but the trace says when they were.  That the
 * port has been down before, and that its counters begin again, changes nothing of that.
 */
TEST_F_TIMEOUT(link_trace, replays, 150)
{
	int64_t end = deadline(WAIT_MS);
	struct sfab_link_status before, after;
	union any_event event;
	uint64_t sum = 0;
	int replays;

	ASSERT_EQ(0, link_control(self->fd, SFAB_LINK_SET_ENABLE, 0));
	ASSERT_EQ(0, link_settle(self->fd, SFAB_LINK_DOWN));
	ASSERT_EQ(0, link_bring_up(self->fd));
	ASSERT_EQ(0, link_clear(self->fd, SFAB_LINK_CLEAR_PACKETS));
	ASSERT_EQ(0, events_ask(self->accel[0], SFAB_EVENTS_PORT));
	ASSERT_EQ(0, link_status(self->fd, &before));
	/* The receiver finds them damaged */
	ask_host_to_inject("damage,port=0,value=100000", "accel1");
	replays = copy_until_replays(_metadata, self);
	while (sum < replays && now_ns() < end) {
		sleep_ms(100);
		ASSERT_EQ(0, trace_read(self->text));
		sum = replays_traced(self->text, self->name);
	}
	EXPECT_LE(replays, sum);
	ASSERT_EQ(0, link_status(self->fd, &after));
	EXPECT_EQ(before.sequence, after.sequence);
	EXPECT_EQ(before.downs, after.downs);
	EXPECT_EQ(-ETIME, event_of_type(self->accel[0], SFAB_EVENT_PORT, &event, 0));
	printf("# %d packets sent again, %" PRIu64 " traced\n", replays, sum);
	ask_host_to_inject("damage,port=0,value=0", "accel1");
}

TEST_HARNESS_MAIN
