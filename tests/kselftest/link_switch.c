// SPDX-License-Identifier: MIT
/*
 * Light paths switched while data goes over them: a transaction that ends well, one that is
 * refused, and very many of them with data that is verified.  Needs two accelerators with two
 * fibres between their ports 0, which are their light paths 0 and 1.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <pthread.h>

#include "link_util.h"

#define PORT		0
#define LOCAL		0x40000000ULL
#define REMOTE		0x80000000ULL
#define SIZE		(256 * 1024)
#define SWITCHES	200

FIXTURE(link_switch)
{
	int accel[2], fd, partner;
	uint32_t vm[2], queue, id, import;
	struct buffer local, target;
	struct sfab_segment segment;
};

FIXTURE_SETUP(link_switch)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		self->accel[i] = accel_open(i);
		ASSERT_LE(0, self->accel[i]);
		ASSERT_EQ(0, vm_create(self->accel[i], 0, &self->vm[i]));
	}
	ASSERT_EQ(0, fabric_join(self->accel));
	ASSERT_EQ(0, queue_create(self->accel[0], self->vm[0], &self->queue));
	ASSERT_EQ(0, buffer_create(self->accel[0], self->vm[0], SFAB_REGION_SYSTEM, SIZE, LOCAL,
				   RIGHT_RW, &self->local));
	ASSERT_EQ(0, buffer_create(self->accel[1], self->vm[1], SFAB_REGION_SYSTEM, SIZE, LOCAL,
				   RIGHT_RW, &self->target));
	ASSERT_EQ(0, segment_export(self->accel[1], self->target.handle, 0, SIZE, RIGHT_RW,
				    &self->id, &self->segment));
	ASSERT_EQ(0, segment_import(self->accel[0], &self->segment, RIGHT_RW, &self->import));
	ASSERT_EQ(0, vm_map(self->accel[0], self->vm[0], REMOTE, self->import, 0, SIZE, RIGHT_RW));
	self->fd = link_open(0, PORT, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
	self->partner = link_open(1, PORT, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->partner);
	ASSERT_EQ(0, link_bring_up(self->fd));
	ASSERT_EQ(0, link_bring_up(self->partner));
}

FIXTURE_TEARDOWN(link_switch)
{
	struct sfab_link_status status;

	if (!link_status(self->fd, &status) && status.path_in_use)
		EXPECT_EQ(0, link_switch(self->fd, SFAB_LINK_SWITCH_TOGETHER, 0, 0, NULL));
	munmap(self->target.cpu, SIZE);
	munmap(self->local.cpu, SIZE);
	close(self->partner);
	close(self->fd);
	close(self->accel[0]);
	close(self->accel[1]);
}

/* Each phase began after the one before, the end is the last */
static bool in_order(const struct sfab_link_switch *done)
{
	unsigned int i;

	for (i = 1; i < ARRAY_SIZE(done->begin_ns); i++) {
		if (!done->begin_ns[i - 1] || done->begin_ns[i] < done->begin_ns[i - 1])
			return false;
	}
	return true;
}

TEST_F(link_switch, together)
{
	struct sfab_link_switch before, done, last;
	struct sfab_link_status status;
	struct sfab_link_event event;
	uint64_t downs;

	ASSERT_EQ(0, link_switch(self->fd, SFAB_LINK_SWITCH_QUERY, 0, 0, &before));
	ASSERT_EQ(0, link_status(self->fd, &status));
	downs = status.downs;
	ASSERT_EQ(0, link_switch(self->fd, SFAB_LINK_SWITCH_TOGETHER, 1, 1, &done));
	EXPECT_EQ(SFAB_LINK_RESULT_DONE, done.result);
	EXPECT_EQ(SFAB_LINK_PHASE_NONE, done.phase);
	EXPECT_EQ(SFAB_LINK_PHASE_NONE, done.failed_phase);
	EXPECT_EQ(SFAB_LINK_CAUSE_NONE, done.cause);
	EXPECT_EQ((before.count + 1) & 0xffff, done.count);
	EXPECT_TRUE(in_order(&done));
	EXPECT_LE(60000, done.model_ns[0]);
	EXPECT_GE(80000, done.model_ns[0]);
	EXPECT_LT(0, done.model_ns[1]);
	ASSERT_EQ(0, link_event_of_type(self->fd, SFAB_LINK_EVENT_SWITCH, &event, WAIT_MS));
	EXPECT_EQ(SFAB_LINK_RESULT_DONE, event.value & 0xff);
	EXPECT_EQ(done.count, event.value >> 32);
	ASSERT_EQ(0, link_event_of_type(self->partner, SFAB_LINK_EVENT_SWITCH, &event, WAIT_MS));
	EXPECT_EQ(SFAB_LINK_RESULT_DONE, event.value & 0xff);
	ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_UP, WAIT_MS));
	ASSERT_EQ(0, link_status(self->fd, &status));
	EXPECT_EQ(1, status.path_in_use);
	EXPECT_EQ(downs, status.downs);
	ASSERT_EQ(0, link_status(self->partner, &status));
	EXPECT_EQ(1, status.path_in_use);
	/* It can be asked for as often as one likes */
	ASSERT_EQ(0, link_switch(self->fd, SFAB_LINK_SWITCH_QUERY, 0, 0, &last));
	EXPECT_EQ(0, memcmp(done.begin_ns, last.begin_ns, sizeof(done.begin_ns)));
	EXPECT_EQ(done.result, last.result);
}

/* Where it is already: nothing happens to the link */
TEST_F(link_switch, same_path)
{
	struct sfab_link_switch done;
	struct sfab_link_status status;

	ASSERT_EQ(0, link_switch(self->fd, SFAB_LINK_SWITCH_TOGETHER, 0, 0, &done));
	EXPECT_EQ(SFAB_LINK_RESULT_ROLLED_BACK, done.result);
	EXPECT_EQ(SFAB_LINK_CAUSE_NO_PATH, done.cause);
	EXPECT_EQ(SFAB_LINK_PHASE_PREPARE, done.failed_phase);
	ASSERT_EQ(0, link_status(self->fd, &status));
	EXPECT_EQ(SFAB_LINK_UP, status.state);
	EXPECT_EQ(0, status.path_in_use);
}

struct load {
	int fd;
	uint32_t queue;
	struct buffer *local, *target;
	volatile bool stop;
	unsigned int copies;
	int result;
};

/* There and back, and every byte looked at */
static void *keep_copying(void *arg)
{
	struct sfab_command out = cmd_copy(REMOTE, LOCAL, SIZE);
	struct sfab_command back = cmd_copy(LOCAL, REMOTE, SIZE);
	struct load *load = arg;

	while (!load->stop && !load->result) {
		uint64_t seed = ++load->copies;

		pattern_fill(load->local->cpu, SIZE, seed);
		load->result = queue_run(load->fd, load->queue, &out, 1);
		if (!load->result && !pattern_check(load->target->cpu, SIZE, seed))
			load->result = -EBADMSG;
		pattern_fill(load->target->cpu, SIZE, ~seed);
		load->result = load->result ?: queue_run(load->fd, load->queue, &back, 1);
		if (!load->result && !pattern_check(load->local->cpu, SIZE, ~seed))
			load->result = -EBADMSG;
	}
	return NULL;
}

/* No byte is wrong, no operation fails, no event is missing */
TEST_F_TIMEOUT(link_switch, under_load, 150)
{
	struct load load = {
		.fd = self->accel[0],
		.queue = self->queue,
		.local = &self->local,
		.target = &self->target,
	};
	unsigned int i, events = 0;
	struct sfab_link_switch done;
	struct sfab_link_event event;
	uint64_t last = 0;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, keep_copying, &load));
	for (i = 0; i < SWITCHES; i++) {
		ASSERT_EQ(0, link_switch(self->fd, SFAB_LINK_SWITCH_TOGETHER, !(i & 1), !(i & 1),
					 &done));
		EXPECT_EQ(SFAB_LINK_RESULT_DONE, done.result) {
			TH_LOG("switch %u: phase %u, cause %u", i, done.failed_phase, done.cause);
		}
		/* Until it has ended there, too, the partner would refuse another one */
		ASSERT_EQ(0, link_event_of_type(self->partner, SFAB_LINK_EVENT_SWITCH, &event,
						WAIT_MS));
		while (read(self->fd, &event, sizeof(event)) == sizeof(event)) {
			EXPECT_EQ(0, event.lost);
			EXPECT_TRUE(!last || event.sequence == last + 1);
			last = event.sequence;
			events += event.type == SFAB_LINK_EVENT_SWITCH;
		}
	}
	load.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, load.result);
	EXPECT_LT(0, load.copies);
	EXPECT_EQ(SWITCHES, events);
	printf("# %u copies there and back during %u switches\n", load.copies, SWITCHES);
}

TEST_HARNESS_MAIN
