// SPDX-License-Identifier: MIT
/*
 * Queues: submissions and their order, waits, syncobjs, limits, time-outs, ends.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <pthread.h>

#include "sfab_test.h"

#define VA		0x40000000ULL
/* Time for a job, far above what the longest one of these tests needs that is to succeed */
#define JOB_TIMEOUT_MS	4000

FIXTURE(queue)
{
	int fd;
	uint32_t vm, queue;
	struct buffer memory;
	volatile uint64_t *word;	/* of memory */
	struct sfab_query_limits limits;
};

FIXTURE_VARIANT(queue)
{
	uint32_t vm_flags;
};

FIXTURE_VARIANT_ADD(queue, scheduled) { .vm_flags = 0 };
FIXTURE_VARIANT_ADD(queue, long_running) { .vm_flags = SFAB_VM_LONG_RUNNING };

FIXTURE_SETUP(queue)
{
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, query_limits(self->fd, &self->limits));
	ASSERT_EQ(0, vm_create(self->fd, variant->vm_flags, &self->vm));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	ASSERT_EQ(0, buffer_create(self->fd, self->vm, SFAB_REGION_SYSTEM, SZ_64K, VA, RIGHT_RW,
				   &self->memory));
	self->word = (uint64_t *)self->memory.cpu;
}

FIXTURE_TEARDOWN(queue)
{
	close(self->fd);
}

/* Submissions are numbered from 1, complete in order, and QUEUE_QUERY tells how far they are */
TEST_F(queue, sequence_numbers)
{
	struct sfab_command add = cmd_atomic(VA, 0, 8, SFAB_ATOMIC_ADD, 1, 0);
	struct sfab_queue_query state;
	uint64_t i, seqno;

	ASSERT_EQ(0, queue_query(self->fd, self->queue, &state));
	EXPECT_EQ(SFAB_QUEUE_OK, state.state);
	EXPECT_EQ(0, state.submitted);
	EXPECT_EQ(0, state.completed);
	for (i = 1; i <= 50; i++) {
		ASSERT_EQ(0, queue_submit(self->fd, self->queue, &add, 1, NULL, 0, &seqno));
		ASSERT_EQ(i, seqno);
		ASSERT_EQ(0, queue_query(self->fd, self->queue, &state));
		EXPECT_EQ(i, state.submitted);
		EXPECT_GE(i, state.completed);
	}
	ASSERT_EQ(0, queue_wait(self->fd, self->queue, 50, WAIT_MS));
	EXPECT_EQ(50, self->word[0]);
	ASSERT_EQ(0, queue_query(self->fd, self->queue, &state));
	EXPECT_EQ(50, state.completed);
	EXPECT_EQ(0, state.fault.cause);
	/* Earlier ones are done too, later ones do not exist */
	for (i = 1; i <= 50; i++) {
		EXPECT_EQ(0, queue_wait(self->fd, self->queue, i, 0));
	}
	EXPECT_EQ(-EINVAL, queue_wait(self->fd, self->queue, 0, 0));
	EXPECT_EQ(-EINVAL, queue_wait(self->fd, self->queue, 51, 0));
	EXPECT_EQ(-EINVAL, queue_wait(self->fd, self->queue, ~0ULL, 1000));
}

/* A completed submission's effects are visible, all of them, each time */
TEST_F(queue, completion_means_visible)
{
	struct sfab_command cmds[16];
	uint64_t round;
	unsigned int i;

	for (round = 1; round <= 200; round++) {
		for (i = 0; i < ARRAY_SIZE(cmds); i++)
			cmds[i] = cmd_write(VA + i * SZ_4K, 8, round * 100 + i);
		ASSERT_EQ(0, queue_run(self->fd, self->queue, cmds, ARRAY_SIZE(cmds)));
		for (i = 0; i < ARRAY_SIZE(cmds); i++) {
			ASSERT_EQ(round * 100 + i, self->word[i * SZ_4K / 8]);
		}
	}
}

/* More commands than any ring holds, submitted as fast as possible; each counts once, in order */
TEST_F(queue, many_submissions)
{
	struct sfab_command cmds[256];
	uint64_t seqno = 0, submissions = 300, i;
	unsigned int j;

	/* word[1] = 3 * word[1] + ... cannot be had; word[i] += word[i - 1] shows the order */
	self->word[0] = 1;
	for (j = 0; j < ARRAY_SIZE(cmds); j++)
		cmds[j] = j % 8 == 7 ? cmd_atomic(VA + 8, 0, 8, SFAB_ATOMIC_ADD, 1, 0) : cmd_nop();
	for (i = 0; i < submissions; i++) {
		int ret;

		while ((ret = queue_submit(self->fd, self->queue, cmds, ARRAY_SIZE(cmds), NULL, 0,
					   &seqno)) == -EAGAIN && variant->vm_flags)
			sched_yield();
		ASSERT_EQ(0, ret);
		ASSERT_EQ(i + 1, seqno);
	}
	ASSERT_EQ(0, queue_wait(self->fd, self->queue, seqno, WAIT_MS));
	EXPECT_EQ(submissions * ARRAY_SIZE(cmds) / 8, self->word[1]);
}

/* Each command works on what the one before has left */
TEST_F(queue, dependent_commands)
{
	struct sfab_command cmds[256];
	unsigned int i;

	/* Fibonacci: word[i] = word[i - 1] + word[i - 2], modulo 2^32 */
	self->word[0] = 1ULL << 32;		/* as 32 bit numbers: 0, 1 */
	for (i = 0; i + 1 < ARRAY_SIZE(cmds); i += 2) {
		uint64_t at = VA + 8 + i / 2 * 4;

		cmds[i] = cmd_copy(at, at - 4, 4);
		cmds[i + 1] = cmd_reduce(at, at - 8, 4, SFAB_I32, SFAB_REDUCE_SUM);
	}
	ASSERT_EQ(0, queue_run(self->fd, self->queue, cmds, ARRAY_SIZE(cmds)));
	for (i = 2; i < 2 + ARRAY_SIZE(cmds) / 2; i++) {
		uint32_t *fibonacci = (uint32_t *)self->memory.cpu;

		ASSERT_EQ(fibonacci[i - 1] + fibonacci[i - 2], fibonacci[i]);
	}
	EXPECT_EQ(1, ((uint32_t *)self->memory.cpu)[2]);
}

TEST_F(queue, wait_timeouts)
{
	struct sfab_command nop = cmd_nop();
	struct sfab_wait arg = { .queue_id = self->queue };
	int64_t start;

	ASSERT_EQ(0, queue_run(self->fd, self->queue, &nop, 1));
	arg.seqno = 1;
	/* Done is done, whatever the time-out says */
	arg.timeout_ns = 0;
	EXPECT_EQ(0, do_ioctl(self->fd, DRM_IOCTL_SFAB_WAIT, &arg));
	arg.timeout_ns = 1;
	EXPECT_EQ(0, do_ioctl(self->fd, DRM_IOCTL_SFAB_WAIT, &arg));
	arg.timeout_ns = -1;
	EXPECT_EQ(0, do_ioctl(self->fd, DRM_IOCTL_SFAB_WAIT, &arg));
	arg.timeout_ns = INT64_MAX;
	start = now_ns();
	EXPECT_EQ(0, do_ioctl(self->fd, DRM_IOCTL_SFAB_WAIT, &arg));
	EXPECT_GT(1000000000LL, now_ns() - start);
}

/* ---- limits ---- */

TEST_F(queue, queues_run_out_and_return)
{
	uint32_t queues[128], count = 0, queue, vm;
	int ret = 0, other = accel_open(0);
	struct sfab_command nop = cmd_nop();
	struct usage usage;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, vm_create(other, 0, &vm));
	ASSERT_EQ(0, usage_get(self->fd, 0, &usage));
	while (count < 128 && !(ret = queue_create(self->fd, self->vm, &queues[count])))
		count++;
	/* The fixture has one too */
	EXPECT_EQ(self->limits.max_queues, count + 1);
	EXPECT_EQ(-ENOSPC, ret);
	EXPECT_EQ(-ENOSPC, queue_create(other, vm, &queue));
	/* All of them work */
	while (count) {
		EXPECT_EQ(0, queue_run(self->fd, queues[--count], &nop, 1));
		EXPECT_EQ(0, queue_destroy(self->fd, queues[count]));
		EXPECT_EQ(-ENOENT, queue_destroy(self->fd, queues[count]));
		if (count == 5) {
			EXPECT_EQ(0, queue_create(other, vm, &queue));
			EXPECT_EQ(0, queue_run(other, queue, &nop, 1));
			EXPECT_EQ(0, queue_destroy(other, queue));
		}
	}
	EXPECT_EQ(0, usage_wait(self->fd, 0, &usage, WAIT_MS));
	close(other);
}

/* ---- many threads and signals ---- */

struct submitter {
	int fd;
	uint32_t queue;
	uint64_t count;
	int error;
};

static void *submit_many(void *arg)
{
	struct submitter *submitter = arg;
	struct sfab_command add = cmd_atomic(VA, 0, 8, SFAB_ATOMIC_ADD, 1, 0);
	uint64_t i, seqno, last = 0;

	for (i = 0; i < submitter->count && !submitter->error; i++) {
		int ret = queue_submit(submitter->fd, submitter->queue, &add, 1, NULL, 0, &seqno);

		if (!ret && seqno <= last)
			ret = -EPROTO;
		last = seqno;
		if (!ret && i % 8 == 0)
			ret = queue_wait(submitter->fd, submitter->queue, seqno, WAIT_MS);
		submitter->error = ret == -EAGAIN ? 0 : ret;
		if (ret == -EAGAIN)
			i--;
	}
	if (!submitter->error && last)
		submitter->error = queue_wait(submitter->fd, submitter->queue, last, WAIT_MS);
	return NULL;
}

TEST_F(queue, threads_share_a_queue)
{
	enum { THREADS = 4, COUNT = 100 };
	struct submitter submitters[THREADS];
	struct sfab_queue_query state;
	pthread_t threads[THREADS];
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		submitters[i] = (struct submitter){ self->fd, self->queue, COUNT, 0 };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, submit_many, &submitters[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, submitters[i].error);
	}
	EXPECT_EQ(THREADS * COUNT, self->word[0]);
	ASSERT_EQ(0, queue_query(self->fd, self->queue, &state));
	EXPECT_EQ(THREADS * COUNT, state.submitted);
	EXPECT_EQ(THREADS * COUNT, state.completed);
}

TEST_F(queue, queues_share_a_vm)
{
	enum { THREADS = 4, COUNT = 100 };
	struct submitter submitters[THREADS];
	pthread_t threads[THREADS];
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		submitters[i] = (struct submitter){ .fd = self->fd, .count = COUNT };
		ASSERT_EQ(0, queue_create(self->fd, self->vm, &submitters[i].queue));
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, submit_many, &submitters[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, submitters[i].error);
		EXPECT_EQ(0, queue_destroy(self->fd, submitters[i].queue));
	}
	EXPECT_EQ(THREADS * COUNT, self->word[0]);
}

/* ---- queues with jobs ---- */

FIXTURE(job)
{
	int fd;
	uint32_t vm, queue, slow_queue, syncobj;
	struct buffer memory;
	volatile uint64_t *word;
	int64_t slow_size;
	unsigned int old_timeout;
	struct sfab_query_limits limits;
};

FIXTURE_SETUP(job)
{
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	self->old_timeout = job_timeout_set(JOB_TIMEOUT_MS);
	ASSERT_EQ(0, query_limits(self->fd, &self->limits));
	ASSERT_EQ(0, vm_create(self->fd, 0, &self->vm));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->slow_queue));
	ASSERT_EQ(0, buffer_create(self->fd, self->vm, SFAB_REGION_SYSTEM, SZ_64K, VA, RIGHT_RW,
				   &self->memory));
	self->word = (uint64_t *)self->memory.cpu;
	self->slow_size = slow_map(self->fd, self->vm);
	ASSERT_LT(0, self->slow_size);
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
}

FIXTURE_TEARDOWN(job)
{
	job_timeout_set(self->old_timeout);
	close(self->fd);
}

static struct sfab_command slow_fill(const FIXTURE_DATA(job) *self)
{
	return cmd_fill(SLOW_VA, self->slow_size, 8, 1);
}

TEST_F(job, wait_command_is_refused)
{
	struct sfab_command cmds[] = { cmd_nop(), cmd_wait(VA, 8, SFAB_WAIT_EQ, 0, ~0ULL, 0) };
	struct sfab_queue_query state;

	EXPECT_EQ(-EOPNOTSUPP, queue_submit(self->fd, self->queue, cmds, 2, NULL, 0, NULL));
	ASSERT_EQ(0, queue_query(self->fd, self->queue, &state));
	EXPECT_EQ(0, state.submitted);
}

/* A job is pending, then done; WAIT and syncobj agree */
TEST_F(job, slow_job)
{
	struct sfab_command cmds[] = { slow_fill(self), cmd_write(VA, 8, 7) };
	struct sfab_sync sync = sync_signal(self->syncobj, 0);
	uint64_t seqno;

	ASSERT_EQ(0, queue_submit(self->fd, self->slow_queue, cmds, 2, &sync, 1, &seqno));
	EXPECT_EQ(-ETIME, queue_wait(self->fd, self->slow_queue, seqno, 0));
	EXPECT_EQ(0, syncobj_status(self->fd, self->syncobj));
	EXPECT_EQ(0, self->word[0]);
	ASSERT_EQ(0, queue_wait(self->fd, self->slow_queue, seqno, WAIT_MS));
	EXPECT_EQ(7, self->word[0]);
	EXPECT_EQ(0, syncobj_wait(self->fd, self->syncobj, 0, WAIT_MS));
	EXPECT_EQ(1, syncobj_status(self->fd, self->syncobj));
}

/* The dependency is slow, yet the other queue's job runs after it */
static void check_chain(struct __test_metadata *_metadata, FIXTURE_DATA(job) *self, uint64_t point)
{
	struct sfab_command first[] = { slow_fill(self), cmd_write(VA, 8, 42) };
	struct sfab_command second = cmd_copy(VA + 8, VA, 8);
	struct sfab_sync signal = sync_signal(self->syncobj, point);
	struct sfab_sync wait = sync_wait(self->syncobj, point);
	uint64_t seqno;

	ASSERT_EQ(0, queue_submit(self->fd, self->slow_queue, first, 2, &signal, 1, NULL));
	ASSERT_EQ(0, queue_submit(self->fd, self->queue, &second, 1, &wait, 1, &seqno));
	ASSERT_EQ(0, queue_wait(self->fd, self->queue, seqno, WAIT_MS));
	EXPECT_EQ(42, self->word[1]);
}

TEST_F(job, chain_by_binary_syncobj)
{
	check_chain(_metadata, self, 0);
}

TEST_F(job, chain_by_timeline)
{
	check_chain(_metadata, self, 3);
}

/* Long chains back and forth between two queues; and a syncobj of another file */
TEST_F(job, chain_between_queues_and_files)
{
	enum { LINKS = 100 };
	struct sfab_command cmds[2];
	struct sfab_sync syncs[2];
	uint32_t other_vm, other_queue, other_syncobj, i;
	struct buffer other_memory;
	int other = accel_open(0);

	ASSERT_LE(0, other);
	for (i = 1; i <= LINKS; i++) {
		/* word = 2 * word + 1 each time: no link may be missed or doubled */
		cmds[0] = cmd_reduce(VA, VA, 4, SFAB_I32, SFAB_REDUCE_SUM);
		cmds[1] = cmd_atomic(VA, 0, 4, SFAB_ATOMIC_ADD, 1, 0);
		syncs[0] = sync_signal(self->syncobj, i);
		syncs[1] = sync_wait(self->syncobj, i - 1);
		ASSERT_EQ(0, queue_submit(self->fd, i & 1 ? self->queue : self->slow_queue, cmds, 2,
					  syncs, i == 1 ? 1 : 2, NULL));
		if (i % 30 == 0) {
			ASSERT_EQ(0, syncobj_wait(self->fd, self->syncobj, i, WAIT_MS));
			EXPECT_EQ((1ULL << 30) - 1, self->word[0] & 0xffffffff);
			self->word[0] = 0;
		}
	}

	ASSERT_EQ(0, syncobj_share(self->fd, self->syncobj, other, &other_syncobj));
	ASSERT_EQ(0, vm_create(other, 0, &other_vm));
	ASSERT_EQ(0, queue_create(other, other_vm, &other_queue));
	ASSERT_EQ(0, buffer_create(other, other_vm, SFAB_REGION_SYSTEM, SZ_4K, VA, RIGHT_RW,
				   &other_memory));
	cmds[0] = slow_fill(self);
	syncs[0] = sync_signal(self->syncobj, LINKS + 1);
	ASSERT_EQ(0, queue_submit(self->fd, self->slow_queue, cmds, 1, syncs, 1, NULL));
	cmds[0] = cmd_write(VA, 8, 5);
	syncs[0] = sync_wait(other_syncobj, LINKS + 1);
	syncs[1] = sync_signal(other_syncobj, LINKS + 2);
	ASSERT_EQ(0, queue_submit(other, other_queue, cmds, 1, syncs, 2, NULL));
	EXPECT_EQ(0, syncobj_wait(self->fd, self->syncobj, LINKS + 2, WAIT_MS));
	EXPECT_EQ(5, *(uint64_t *)other_memory.cpu);
	EXPECT_EQ(0, syncobj_wait(self->fd, self->syncobj, LINKS + 1, 0));
	close(other);
}

/* Limits of one submission are limits of each, not of the queue */
TEST_F(job, many_pending)
{
	struct sfab_command add = cmd_atomic(VA, 0, 8, SFAB_ATOMIC_ADD, 1, 0);
	struct sfab_command fill = slow_fill(self);
	uint64_t seqno, i, count = 500;

	ASSERT_EQ(0, queue_submit(self->fd, self->queue, &fill, 1, NULL, 0, NULL));
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, queue_submit(self->fd, self->queue, &add, 1, NULL, 0, &seqno));
	}
	EXPECT_EQ(count + 1, seqno);
	ASSERT_EQ(0, queue_wait(self->fd, self->queue, seqno, WAIT_MS));
	EXPECT_EQ(count, self->word[0]);
}

/* Destroyed with work in it: the syncs signal with ECANCELED, soon; the VM is free to go */
TEST_F(job, destroy_with_pending_work)
{
	struct sfab_command fills[] = { slow_fill(self), slow_fill(self), slow_fill(self),
					slow_fill(self) };
	struct sfab_command write = cmd_write(VA, 8, 1);
	struct sfab_sync sync = sync_signal(self->syncobj, 0);
	struct sfab_sync wait = sync_wait(self->syncobj, 0), second;
	struct queue_waiter waiter;
	pthread_t thread;
	uint32_t syncobj;
	int64_t start;

	ASSERT_EQ(0, syncobj_create(self->fd, &syncobj));
	second = sync_signal(syncobj, 0);
	ASSERT_EQ(0, queue_submit(self->fd, self->slow_queue, fills, 4, &sync, 1, NULL));
	ASSERT_EQ(0, queue_submit(self->fd, self->slow_queue, &write, 1, &second, 1, NULL));
	/* Another queue's job waits for it */
	ASSERT_EQ(0, queue_submit(self->fd, self->queue, &write, 1, &wait, 1, NULL));
	waiter = (struct queue_waiter){ self->fd, self->slow_queue, 2, 0 };
	ASSERT_EQ(0, pthread_create(&thread, NULL, queue_wait_thread, &waiter));
	sleep_ms(20);
	start = now_ns();
	ASSERT_EQ(0, queue_destroy(self->fd, self->slow_queue));
	EXPECT_GT(3000000000LL, now_ns() - start);
	pthread_join(thread, NULL);
	EXPECT_EQ(-ECANCELED, waiter.result);
	EXPECT_EQ(0, syncobj_wait(self->fd, self->syncobj, 0, WAIT_MS));
	EXPECT_EQ(-ECANCELED, syncobj_status(self->fd, self->syncobj));
	EXPECT_EQ(0, syncobj_wait(self->fd, syncobj, 0, WAIT_MS));
	EXPECT_EQ(-ECANCELED, syncobj_status(self->fd, syncobj));
	/* The queue that waited does not hang */
	EXPECT_NE(-ETIME, queue_wait(self->fd, self->queue, 1, WAIT_MS));
	ASSERT_EQ(0, queue_destroy(self->fd, self->queue));
	EXPECT_EQ(0, vm_destroy(self->fd, self->vm));
}

/* A file that closes with work in it */
TEST_F(job, close_with_pending_work)
{
	uint32_t vm, queue, syncobj, mine;
	int fd = accel_open(0);
	struct sfab_command fill;
	struct sfab_sync sync;
	struct usage usage;
	int64_t start;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, usage_get(self->fd, 0, &usage));
	ASSERT_EQ(0, vm_create(fd, 0, &vm));
	ASSERT_LT(0, slow_map(fd, vm));
	ASSERT_EQ(0, queue_create(fd, vm, &queue));
	ASSERT_EQ(0, syncobj_create(fd, &syncobj));
	ASSERT_EQ(0, syncobj_share(fd, syncobj, self->fd, &mine));
	fill = slow_fill(self);
	sync = sync_signal(syncobj, 0);
	ASSERT_EQ(0, queue_submit(fd, queue, &fill, 1, NULL, 0, NULL));
	ASSERT_EQ(0, queue_submit(fd, queue, &fill, 1, &sync, 1, NULL));
	start = now_ns();
	close(fd);
	EXPECT_GT(3000000000LL, now_ns() - start);
	EXPECT_EQ(0, syncobj_wait(self->fd, mine, 0, WAIT_MS));
	EXPECT_EQ(-ECANCELED, syncobj_status(self->fd, mine));
	/* The file that was closed counted as one of the clients before */
	EXPECT_GE(usage.used[SFAB_REGION_HBM], region_used(self->fd, SFAB_REGION_HBM));
}

/*
 * A submission that runs longer than job_timeout_ms: its queue is reset, every
 * waiter gets an error, an event tells, other queues go on.
 */
TEST_F(job, timeout)
{
	struct sfab_command *fills = calloc(self->limits.max_commands, sizeof(*fills));
	struct sfab_sync sync = sync_signal(self->syncobj, 0), second;
	struct sfab_command add = cmd_atomic(VA, 0, 8, SFAB_ATOMIC_ADD, 1, 0);
	struct sfab_query_counters before, after;
	struct sfab_queue_query state;
	struct sfab_event event;
	uint32_t syncobj, i, others = 0;
	int64_t start;
	uint64_t seqno;

	ASSERT_NE(NULL, fills);
	ASSERT_EQ(0, syncobj_create(self->fd, &syncobj));
	second = sync_signal(syncobj, 0);
	for (i = 0; i < self->limits.max_commands; i++)
		fills[i] = slow_fill(self);
	ASSERT_EQ(0, query_counters(self->fd, &before));
	start = now_ns();
	ASSERT_EQ(0, queue_submit(self->fd, self->slow_queue, fills, self->limits.max_commands,
				  &sync, 1, &seqno));
	ASSERT_EQ(0, queue_submit(self->fd, self->slow_queue, &add, 1, &second, 1, NULL));
	while (queue_wait(self->fd, self->slow_queue, seqno, 50) == -ETIME) {
		ASSERT_EQ(0, queue_run(self->fd, self->queue, &add, 1));
		others++;
		ASSERT_GT(3LL * self->limits.job_timeout_ms * 1000000 + 5000000000LL,
			  now_ns() - start);
	}
	EXPECT_LE(self->limits.job_timeout_ms * 1000000LL, now_ns() - start);
	EXPECT_EQ(-EIO, queue_wait(self->fd, self->slow_queue, seqno, 0));
	EXPECT_EQ(-EIO, queue_wait(self->fd, self->slow_queue, seqno + 1, WAIT_MS));
	EXPECT_EQ(0, syncobj_wait(self->fd, self->syncobj, 0, WAIT_MS));
	EXPECT_EQ(-EIO, syncobj_status(self->fd, self->syncobj));
	EXPECT_EQ(0, syncobj_wait(self->fd, syncobj, 0, WAIT_MS));
	EXPECT_EQ(-EIO, syncobj_status(self->fd, syncobj));
	EXPECT_EQ(-EIO, queue_submit(self->fd, self->slow_queue, &add, 1, NULL, 0, NULL));

	ASSERT_EQ(0, queue_query(self->fd, self->slow_queue, &state));
	EXPECT_EQ(SFAB_QUEUE_TIMEDOUT, state.state);
	EXPECT_EQ(0, state.fault.cause);
	EXPECT_EQ(0, state.completed);
	ASSERT_EQ(0, event_read(self->fd, &event, WAIT_MS));
	EXPECT_EQ(SFAB_EVENT_QUEUE_TIMEOUT, event.base.type);
	EXPECT_EQ(self->slow_queue, event.queue_id);
	EXPECT_EQ(-ETIME, event_read(self->fd, &event, 0));

	ASSERT_EQ(0, query_counters(self->fd, &after));
	EXPECT_EQ(before.job_timeouts + 1, after.job_timeouts);
	EXPECT_EQ(before.device_resets, after.device_resets);
	EXPECT_EQ(0, queue_run(self->fd, self->queue, &add, 1));
	EXPECT_EQ(others + 1, self->word[0]);
	EXPECT_EQ(0, queue_destroy(self->fd, self->slow_queue));
	free(fills);
}

TEST_HARNESS_MAIN
