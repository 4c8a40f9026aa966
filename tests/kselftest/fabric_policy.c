// SPDX-License-Identifier: MIT
/*
 * What queues do when the way of their commands is lost: accelerator 0 writes to accelerator 1,
 * and the port by which it does so goes down while others stay up.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>

#include "fabric_util.h"

#define LOCAL		0x40000000ULL
#define REMOTE		0x80000000ULL
#define SIZE		(4 * SZ_2M)
/* So long that nobody takes it for "at once", however busy the machine is */
#define OP_TIMEOUT_MS	60000

static int create(int fd, uint32_t vm, uint32_t on_loss, uint32_t limit_ms, uint32_t *queue)
{
	struct sfab_queue_create arg = { .vm_id = vm, .on_loss = on_loss, .limit_ms = limit_ms };
	int ret = do_ioctl(fd, DRM_IOCTL_SFAB_QUEUE_CREATE, &arg);

	if (!ret)
		*queue = arg.queue_id;
	return ret;
}

FIXTURE(fabric_policy)
{
	int fd[2];
	uint32_t vm[2];
	struct buffer local, target;
	uint32_t best;			/* port of the first candidate */
	uint32_t old_op_timeout;
	unsigned int old_job_timeout;
};

FIXTURE_SETUP(fabric_policy)
{
	struct sfab_query_fabric fabric;
	struct sfab_segment segment;
	struct sfab_route route;
	uint32_t id, import;
	unsigned int i;

	ASSERT_EQ(0, fabric_open(self->fd));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, vm_create(self->fd[i], 0, &self->vm[i]));
	ASSERT_EQ(0, fabric_query(self->fd[0], &fabric));
	self->old_op_timeout = fabric.op_timeout_ms;
	self->old_job_timeout = job_timeout_set(500);
	ASSERT_EQ(0, fabric_set_op_timeout(self->fd[0], OP_TIMEOUT_MS));
	ASSERT_EQ(0, buffer_create(self->fd[0], self->vm[0], SFAB_REGION_SYSTEM, SIZE, LOCAL,
				   RIGHT_RW, &self->local));
	ASSERT_EQ(0, buffer_create(self->fd[1], self->vm[1], SFAB_REGION_HBM, SIZE, LOCAL,
				   RIGHT_RW, &self->target));
	ASSERT_EQ(0, segment_export(self->fd[1], self->target.handle, 0, SIZE, RIGHT_ALL, &id,
				    &segment));
	ASSERT_EQ(0, segment_import(self->fd[0], &segment, RIGHT_RW, &import));
	ASSERT_EQ(0, vm_map(self->fd[0], self->vm[0], REMOTE, import, 0, SIZE, RIGHT_RW));
	ASSERT_EQ(0, route_get(self->fd[0], EID(1), &route));
	ASSERT_LT(0, route.candidates[1].hops);
	self->best = route.candidates[0].port;
	pattern_fill(self->local.cpu, SIZE, 3);
	memset(self->target.cpu, 0, SIZE);
}

FIXTURE_TEARDOWN(fabric_policy)
{
	EXPECT_EQ(0, ports_enable(self->fd[0], true));
	EXPECT_EQ(0, fabric_set_op_timeout(self->fd[0], self->old_op_timeout));
	job_timeout_set(self->old_job_timeout);
	close(self->fd[0]);
	close(self->fd[1]);
}

static int best_port(const FIXTURE_DATA(fabric_policy) *self, bool enable)
{
	return port_config(self->fd[0], self->best, SFAB_PORT_SET_ENABLE,
			   enable ? SFAB_PORT_ENABLE : 0, 0);
}

static int write_all(const FIXTURE_DATA(fabric_policy) *self, uint32_t queue, unsigned int times,
		     uint64_t *seqno)
{
	struct sfab_command cmds[256];
	unsigned int i;

	for (i = 0; i < times; i++)
		cmds[i] = cmd_copy(REMOTE, LOCAL, SIZE);
	return queue_submit(self->fd[0], queue, cmds, times, NULL, 0, seqno);
}

static bool under_way(const FIXTURE_DATA(fabric_policy) *self)
{
	int64_t end = deadline(WAIT_MS);

	while (!self->target.cpu[SIZE - 1]) {
		if (now_ns() > end)
			return false;
		sleep_ms(1);
	}
	return true;
}

static uint64_t rerouted(const FIXTURE_DATA(fabric_policy) *self)
{
	struct sfab_query_port port;
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; !port_query(self->fd[0], i, &port); i++)
		sum += port.failovers;
	return sum;
}

static void expect_no_route(struct __test_metadata *_metadata,
			    const FIXTURE_DATA(fabric_policy) *self, uint32_t queue,
			    uint64_t seqno)
{
	struct sfab_queue_query state;

	ASSERT_EQ(-EIO, queue_wait(self->fd[0], queue, seqno, OP_TIMEOUT_MS / 2));
	ASSERT_EQ(0, queue_query(self->fd[0], queue, &state));
	EXPECT_EQ(SFAB_QUEUE_FAULTED, state.state);
	EXPECT_EQ(SFAB_FAULT_FABRIC, state.fault.cause);
	EXPECT_EQ(SFAB_FABRIC_NO_ROUTE, state.fabric_status);
	EXPECT_EQ(EID(1), state.fabric_eid);
}

static bool halts(const FIXTURE_DATA(fabric_policy) *self, uint32_t queue, unsigned int ms)
{
	struct sfab_queue_query state;
	int64_t end = deadline(ms);

	do {
		if (queue_query(self->fd[0], queue, &state) || state.state != SFAB_QUEUE_OK)
			return true;
		sleep_ms(1);
	} while (now_ns() < end);
	return false;
}

static bool best_port_is_up(const FIXTURE_DATA(fabric_policy) *self)
{
	int64_t end = deadline(WAIT_MS);
	struct sfab_query_port port;

	while (port_query(self->fd[0], self->best, &port) || port.state != SFAB_PORT_UP) {
		if (now_ns() > end)
			return false;
		sleep_ms(1);
	}
	return true;
}

/*
 * Takes the port down below the work of a queue.  There are moments in which none of its
 * requests is on the way, and nothing is lost: then once more.
 */
static bool lose_requests(const FIXTURE_DATA(fabric_policy) *self, uint32_t queue)
{
	unsigned int i;

	for (i = 0; i < 20; i++) {
		if (best_port(self, false))
			return false;
		if (halts(self, queue, 200))
			return true;
		if (best_port(self, true) || !best_port_is_up(self))
			return false;
		sleep_ms(20);
	}
	return false;
}

TEST_F(fabric_policy, refusals)
{
	int island = accel_open(2);
	uint32_t vm, queue;

	EXPECT_EQ(-EINVAL, create(self->fd[0], self->vm[0], SFAB_ON_LOSS_FAIL + 1, 0, &queue));
	EXPECT_EQ(-EINVAL, create(self->fd[0], self->vm[0], ~0U, 0, &queue));
	EXPECT_EQ(-EINVAL, create(self->fd[0], self->vm[0], 0, SFAB_LOSS_LIMIT_MAX_MS + 1, &queue));
	EXPECT_EQ(0, create(self->fd[0], self->vm[0], SFAB_ON_LOSS_FAIL, SFAB_LOSS_LIMIT_MAX_MS,
			    &queue));
	/* One without ports has no way to lose */
	ASSERT_LE(0, island);
	ASSERT_EQ(0, vm_create(island, 0, &vm));
	EXPECT_EQ(-EOPNOTSUPP, create(island, vm, SFAB_ON_LOSS_WAIT, 0, &queue));
	EXPECT_EQ(-EOPNOTSUPP, create(island, vm, 0, 1, &queue));
	EXPECT_EQ(0, create(island, vm, SFAB_ON_LOSS_REROUTE, 0, &queue));
	close(island);
}

TEST_F(fabric_policy, reroute)
{
	uint64_t seqno, before = rerouted(self);
	uint32_t queue;

	ASSERT_EQ(0, create(self->fd[0], self->vm[0], SFAB_ON_LOSS_REROUTE, 0, &queue));
	ASSERT_EQ(0, write_all(self, queue, 8, &seqno));
	ASSERT_TRUE(under_way(self));
	ASSERT_EQ(0, best_port(self, false));
	EXPECT_EQ(0, queue_wait(self->fd[0], queue, seqno, WAIT_MS));
	EXPECT_TRUE(pattern_check(self->target.cpu, SIZE, 3));
	/* It may have been over before the port was down, but the next is not */
	ASSERT_EQ(0, write_all(self, queue, 1, &seqno));
	EXPECT_EQ(0, queue_wait(self->fd[0], queue, seqno, WAIT_MS));
	EXPECT_LT(before, rerouted(self));
}

/* At once, while another queue of the same target goes on; and the next one takes another way */
TEST_F(fabric_policy, fail)
{
	uint32_t queue, other;
	uint64_t seqno, other_seqno;
	int64_t begin;
	unsigned int i;

	ASSERT_EQ(0, create(self->fd[0], self->vm[0], SFAB_ON_LOSS_FAIL, 0, &queue));
	ASSERT_EQ(0, create(self->fd[0], self->vm[0], SFAB_ON_LOSS_REROUTE, 0, &other));
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, write_all(self, queue, 256, &seqno));
	ASSERT_EQ(0, write_all(self, other, 8, &other_seqno));
	ASSERT_TRUE(under_way(self));
	begin = now_ns();
	ASSERT_TRUE(lose_requests(self, queue));
	expect_no_route(_metadata, self, queue, seqno);
	EXPECT_GT(OP_TIMEOUT_MS * 500000LL, now_ns() - begin);
	EXPECT_EQ(0, queue_wait(self->fd[0], other, other_seqno, WAIT_MS));

	ASSERT_EQ(0, queue_destroy(self->fd[0], queue));
	ASSERT_EQ(0, create(self->fd[0], self->vm[0], SFAB_ON_LOSS_FAIL, 0, &queue));
	memset(self->target.cpu, 0, SIZE);
	ASSERT_EQ(0, write_all(self, queue, 1, &seqno));
	EXPECT_EQ(0, queue_wait(self->fd[0], queue, seqno, WAIT_MS));
	EXPECT_TRUE(pattern_check(self->target.cpu, SIZE, 3));
}

/* For longer than a job may take otherwise, and by no other way */
TEST_F(fabric_policy, wait)
{
	uint64_t seqno, before = rerouted(self);
	uint32_t queue;

	ASSERT_EQ(0, create(self->fd[0], self->vm[0], SFAB_ON_LOSS_WAIT, 0, &queue));
	ASSERT_EQ(0, best_port(self, false));
	ASSERT_EQ(0, write_all(self, queue, 1, &seqno));
	EXPECT_EQ(-ETIME, queue_wait(self->fd[0], queue, seqno, 1500));
	EXPECT_EQ(0, self->target.cpu[0]);
	ASSERT_EQ(0, best_port(self, true));
	EXPECT_EQ(0, queue_wait(self->fd[0], queue, seqno, WAIT_MS));
	EXPECT_TRUE(pattern_check(self->target.cpu, SIZE, 3));
	EXPECT_EQ(before, rerouted(self));
}

TEST_F(fabric_policy, wait_in_vain)
{
	uint32_t queue;
	uint64_t seqno;
	int64_t begin;

	ASSERT_EQ(0, create(self->fd[0], self->vm[0], SFAB_ON_LOSS_WAIT, 1200, &queue));
	ASSERT_EQ(0, best_port(self, false));
	begin = now_ns();
	ASSERT_EQ(0, write_all(self, queue, 1, &seqno));
	expect_no_route(_metadata, self, queue, seqno);
	EXPECT_LE(1100 * 1000000LL, now_ns() - begin);
	EXPECT_EQ(0, self->target.cpu[0]);
}

/* The device forgets all configurations; a queue that is made then has its policy */
TEST_F(fabric_policy, after_a_reset)
{
	char path[128];
	struct accel list[MAX_ACCELS] = { };
	uint32_t queue;
	uint64_t seqno;

	accel_list(list);
	ASSERT_EQ(0, create(self->fd[0], self->vm[0], SFAB_ON_LOSS_WAIT, 30000, &queue));
	snprintf(path, sizeof(path), "/sys/kernel/debug/accel/%s/reset", list[0].pci);
	ASSERT_EQ(0, write_text(path, "1"));
	ASSERT_EQ(0, queue_destroy(self->fd[0], queue));
	ASSERT_EQ(0, create(self->fd[0], self->vm[0], SFAB_ON_LOSS_FAIL, 0, &queue));
	ASSERT_EQ(0, ports_enable(self->fd[0], false));
	ASSERT_EQ(0, write_all(self, queue, 1, &seqno));
	ASSERT_EQ(-EIO, queue_wait(self->fd[0], queue, seqno, OP_TIMEOUT_MS / 2));
}

TEST_HARNESS_MAIN
