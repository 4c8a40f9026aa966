// SPDX-License-Identifier: MIT
/*
 * Queues of long-running VMs: no jobs, no syncs, WAIT commands, waiters that ask for interrupts.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "sfab_test.h"

#define VA		0x40000000ULL
/* Which these queues do not have; far less than what their commands take here */
#define JOB_TIMEOUT_MS	100

FIXTURE(long_running)
{
	int fd;
	uint32_t vm, queue;
	struct buffer memory;
	volatile uint64_t *word;
	unsigned int old_timeout;
	struct sfab_query_limits limits;
};

FIXTURE_SETUP(long_running)
{
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	self->old_timeout = job_timeout_set(JOB_TIMEOUT_MS);
	ASSERT_EQ(0, query_limits(self->fd, &self->limits));
	ASSERT_EQ(0, vm_create(self->fd, SFAB_VM_LONG_RUNNING, &self->vm));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	ASSERT_EQ(0, buffer_create(self->fd, self->vm, SFAB_REGION_SYSTEM, SZ_64K, VA, RIGHT_RW,
				   &self->memory));
	self->word = (uint64_t *)self->memory.cpu;
}

FIXTURE_TEARDOWN(long_running)
{
	job_timeout_set(self->old_timeout);
	close(self->fd);
}

TEST_F(long_running, takes_no_syncs)
{
	struct sfab_command nop = cmd_nop();
	struct sfab_queue_query state;
	struct sfab_sync sync;
	uint32_t syncobj;

	ASSERT_EQ(0, syncobj_create(self->fd, &syncobj));
	sync = sync_signal(syncobj, 0);
	EXPECT_EQ(-EOPNOTSUPP, queue_submit(self->fd, self->queue, &nop, 1, &sync, 1, NULL));
	ASSERT_EQ(0, syncobj_signal(self->fd, syncobj, 0));
	sync = sync_wait(syncobj, 0);
	EXPECT_EQ(-EOPNOTSUPP, queue_submit(self->fd, self->queue, &nop, 1, &sync, 1, NULL));
	ASSERT_EQ(0, queue_query(self->fd, self->queue, &state));
	EXPECT_EQ(0, state.submitted);
}

/* WAIT holds the queue until the CPU, or another queue, stores the value */
TEST_F(long_running, wait_command)
{
	static const struct {
		uint8_t width, op;
		uint64_t value, mask;
		uint64_t pending, ready;
	} waits[] = {
		{ 8, SFAB_WAIT_EQ, 5, ~0ULL, 4, 5 },
		{ 4, SFAB_WAIT_EQ, 5, 0xffffffff, 4, 0xf00000005ULL },
		{ 8, SFAB_WAIT_NE, 0, 0xff00, 0x00ff, 0x0100 },
		{ 8, SFAB_WAIT_GE, 1ULL << 63, ~0ULL, (1ULL << 63) - 1, 1ULL << 63 },
		{ 4, SFAB_WAIT_GE, 10, 0xf, 0x19, 0x1a },
		{ 8, SFAB_WAIT_LT, 100, ~0ULL, 100, 99 },
		{ 4, SFAB_WAIT_LT, 0x80000000, 0xffffffff, 0xffffffff, 0x7fffffff },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		struct sfab_command cmds[] = {
			cmd_wait(VA, waits[i].width, waits[i].op, waits[i].value, waits[i].mask, 0),
			cmd_write(VA + 8, 8, i + 1),
		};
		uint64_t seqno;

		self->word[0] = waits[i].pending;
		ASSERT_EQ(0, queue_submit(self->fd, self->queue, cmds, 2, NULL, 0, &seqno));
		EXPECT_EQ(-ETIME, queue_wait(self->fd, self->queue, seqno, 20)) {
			TH_LOG("wait %u", i);
		}
		EXPECT_EQ(-ETIME, queue_wait(self->fd, self->queue, seqno, 0));
		EXPECT_EQ(i, self->word[1]);
		self->word[0] = waits[i].ready;
		ASSERT_EQ(0, queue_wait(self->fd, self->queue, seqno, WAIT_MS)) {
			TH_LOG("wait %u", i);
		}
		EXPECT_EQ(i + 1, self->word[1]);
	}
}

/* Two queues hand each other the turn through memory */
TEST_F(long_running, queues_play_ping_pong)
{
	enum { ROUNDS = 60 };
	struct sfab_command ping[2 * ROUNDS], pong[2 * ROUNDS];
	uint64_t ping_seqno, pong_seqno;
	uint32_t other;
	unsigned int i;

	ASSERT_EQ(0, queue_create(self->fd, self->vm, &other));
	for (i = 0; i < ROUNDS; i++) {
		ping[2 * i] = cmd_wait(VA, 8, SFAB_WAIT_EQ, 2 * i, ~0ULL, 0);
		ping[2 * i + 1] = cmd_write(VA, 8, 2 * i + 1);
		pong[2 * i] = cmd_wait(VA, 8, SFAB_WAIT_EQ, 2 * i + 1, ~0ULL, 0);
		pong[2 * i + 1] = cmd_atomic(VA, 0, 8, SFAB_ATOMIC_ADD, 1, 0);
	}
	ASSERT_EQ(0, queue_submit(self->fd, other, pong, 2 * ROUNDS, NULL, 0, &pong_seqno));
	ASSERT_EQ(0, queue_submit(self->fd, self->queue, ping, 2 * ROUNDS, NULL, 0, &ping_seqno));
	EXPECT_EQ(0, queue_wait(self->fd, self->queue, ping_seqno, WAIT_MS));
	EXPECT_EQ(0, queue_wait(self->fd, other, pong_seqno, WAIT_MS));
	EXPECT_EQ(2 * ROUNDS, self->word[0]);
}

/* WAIT of the ioctl: how long it takes, and that it takes no longer */
TEST_F(long_running, timeouts_are_kept)
{
	struct sfab_command wait = cmd_wait(VA, 8, SFAB_WAIT_EQ, 1, ~0ULL, 0);
	static const int64_t past[] = { 0, 1, -1, INT64_MIN, INT64_MIN + 1000 };
	struct sfab_wait arg = { .queue_id = self->queue };
	int64_t start;
	unsigned int i;

	ASSERT_EQ(0, queue_submit(self->fd, self->queue, &wait, 1, NULL, 0, NULL));
	arg.seqno = 1;
	start = now_ns();
	for (i = 0; i < ARRAY_SIZE(past); i++) {
		arg.timeout_ns = past[i];
		EXPECT_EQ(-ETIME, do_ioctl(self->fd, DRM_IOCTL_SFAB_WAIT, &arg)) {
			TH_LOG("timeout %lld", (long long)past[i]);
		}
	}
	EXPECT_GT(2000000000LL, now_ns() - start);

	start = now_ns();
	arg.timeout_ns = start + 50000000;
	EXPECT_EQ(-ETIME, do_ioctl(self->fd, DRM_IOCTL_SFAB_WAIT, &arg));
	EXPECT_LE(50000000, now_ns() - start);
	EXPECT_GT(3000000000LL, now_ns() - start);
	self->word[0] = 1;
	EXPECT_EQ(0, queue_wait(self->fd, self->queue, arg.seqno, WAIT_MS));
}

static void on_alarm(int signal)
{
}

/* A signal interrupts a wait (EINTR), or the wait goes on (SA_RESTART) to its old end */
TEST_F(long_running, signals)
{
	struct sfab_command wait = cmd_wait(VA, 8, SFAB_WAIT_EQ, 1, ~0ULL, 0);
	const struct itimerval tick = { .it_interval.tv_usec = 10000, .it_value.tv_usec = 10000 };
	const struct itimerval off = { };
	struct sigaction action = { .sa_handler = on_alarm };
	int64_t start;
	uint64_t seqno;

	ASSERT_EQ(0, queue_submit(self->fd, self->queue, &wait, 1, NULL, 0, &seqno));
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &tick, NULL));
	EXPECT_EQ(-EINTR, queue_wait(self->fd, self->queue, seqno, WAIT_MS));

	action.sa_flags = SA_RESTART;
	ASSERT_EQ(0, sigaction(SIGALRM, &action, NULL));
	start = now_ns();
	EXPECT_EQ(-ETIME, queue_wait(self->fd, self->queue, seqno, 200));
	EXPECT_LE(200000000, now_ns() - start);
	EXPECT_GT(3000000000LL, now_ns() - start);
	ASSERT_EQ(0, setitimer(ITIMER_REAL, &off, NULL));
	self->word[0] = 1;
	EXPECT_EQ(0, queue_wait(self->fd, self->queue, seqno, WAIT_MS));
}

/* No room: EAGAIN and nothing queued; room again once something has run */
TEST_F(long_running, full_ring)
{
	struct sfab_command wait = cmd_wait(VA, 8, SFAB_WAIT_EQ, 1, ~0ULL, 0);
	struct sfab_command adds[256];
	struct sfab_queue_query state;
	uint64_t seqno, accepted;
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(adds); i++)
		adds[i] = cmd_atomic(VA + 8, 0, 8, SFAB_ATOMIC_ADD, 1, 0);
	ASSERT_EQ(0, queue_submit(self->fd, self->queue, &wait, 1, NULL, 0, &seqno));
	/* A ring has at most 65536 entries */
	for (i = 0; i < 65536; i++) {
		ret = queue_submit(self->fd, self->queue, adds, ARRAY_SIZE(adds), NULL, 0, &seqno);
		if (ret)
			break;
	}
	ASSERT_EQ(-EAGAIN, ret);
	accepted = i;
	EXPECT_LT(0, accepted);
	ASSERT_EQ(0, queue_query(self->fd, self->queue, &state));
	EXPECT_EQ(accepted + 1, state.submitted);
	EXPECT_EQ(accepted + 1, seqno);
	/* A smaller one may still fit; in the end none does */
	for (i = 0; i < 65536; i++) {
		ret = queue_submit(self->fd, self->queue, &adds[0], 1, NULL, 0, &seqno);
		if (ret)
			break;
	}
	ASSERT_EQ(-EAGAIN, ret);
	EXPECT_EQ(0, self->word[1]);

	self->word[0] = 1;
	ASSERT_EQ(0, queue_wait(self->fd, self->queue, seqno, WAIT_MS));
	EXPECT_EQ(accepted * ARRAY_SIZE(adds) + i, self->word[1]);
	EXPECT_EQ(0, queue_run(self->fd, self->queue, adds, ARRAY_SIZE(adds)));
}

/* No time limit: a WAIT outlives the time-out of jobs */
TEST_F(long_running, no_time_limit)
{
	struct sfab_command wait = cmd_wait(VA, 8, SFAB_WAIT_EQ, 1, ~0ULL, 0);
	struct sfab_query_counters before, after;
	struct sfab_queue_query state;
	uint64_t seqno;

	ASSERT_EQ(0, query_counters(self->fd, &before));
	ASSERT_EQ(0, queue_submit(self->fd, self->queue, &wait, 1, NULL, 0, &seqno));
	EXPECT_EQ(-ETIME, queue_wait(self->fd, self->queue, seqno,
				     self->limits.job_timeout_ms * 5 / 4));
	ASSERT_EQ(0, queue_query(self->fd, self->queue, &state));
	EXPECT_EQ(SFAB_QUEUE_OK, state.state);
	ASSERT_EQ(0, query_counters(self->fd, &after));
	EXPECT_EQ(before.job_timeouts, after.job_timeouts);
	self->word[0] = 1;
	EXPECT_EQ(0, queue_wait(self->fd, self->queue, seqno, WAIT_MS));
}

/* Who waits while the queue goes is told so */
TEST_F(long_running, destroy_while_waited_for)
{
	struct sfab_command cmds[] = {
		cmd_wait(VA, 8, SFAB_WAIT_EQ, 1, ~0ULL, 0),
		cmd_write(VA + 8, 8, 1),
	};
	struct queue_waiter waiters[4];
	pthread_t threads[4];
	uint64_t seqno;
	unsigned int i;

	ASSERT_EQ(0, queue_submit(self->fd, self->queue, cmds, 2, NULL, 0, &seqno));
	for (i = 0; i < 4; i++) {
		waiters[i] = (struct queue_waiter){ self->fd, self->queue, seqno, 0 };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, queue_wait_thread, &waiters[i]));
	}
	sleep_ms(50);
	ASSERT_EQ(0, queue_destroy(self->fd, self->queue));
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(-ECANCELED, waiters[i].result);
	}
	EXPECT_EQ(-ENOENT, queue_wait(self->fd, self->queue, seqno, 0));
	/* What was waiting does not run any more */
	self->word[0] = 1;
	sleep_ms(20);
	EXPECT_EQ(0, self->word[1]);
	EXPECT_EQ(0, vm_destroy(self->fd, self->vm));
}

/* ---- interrupts ---- */

/* How often the accelerators have interrupted; -1: that is not to be known */
static int64_t count_interrupts(void)
{
	FILE *file = fopen("/proc/interrupts", "re");
	char line[1024], *at;
	int64_t sum = 0;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, "sfab"))
			continue;
		/* "45:  count  count  chip  name": a column for each CPU */
		at = strchr(line, ':') + 1;
		for (;;) {
			char *end;
			unsigned long count = strtoul(at, &end, 10);

			if (end == at || *end != ' ')
				break;
			sum += count;
			at = end;
		}
	}
	fclose(file);
	return sum;
}

/* Who looks at memory is not disturbed, who waits is woken */
TEST_F(long_running, interrupts_only_for_waiters)
{
	struct sfab_command wait = cmd_wait(VA, 8, SFAB_WAIT_EQ, 1000, ~0ULL, 0);
	int64_t before = count_interrupts(), end = now_ns() + WAIT_MS * 1000000LL;
	struct queue_waiter waiter = { .fd = self->fd, .queue = self->queue };
	struct sfab_command write;
	pthread_t thread;
	unsigned int i;

	ASSERT_LE(0, before);
	for (i = 1; i <= 200; i++) {
		write = cmd_write(VA, 8, i);
		ASSERT_EQ(0, queue_submit(self->fd, self->queue, &write, 1, NULL, 0, NULL));
		while (self->word[0] != i)
			ASSERT_GT(end, now_ns());
	}
	/* The kernel's own queue, and ports, may have something to tell */
	EXPECT_GE(before + 20, count_interrupts());

	before = count_interrupts();
	ASSERT_EQ(0, queue_submit(self->fd, self->queue, &wait, 1, NULL, 0, &waiter.seqno));
	ASSERT_EQ(0, pthread_create(&thread, NULL, queue_wait_thread, &waiter));
	sleep_ms(50);
	self->word[0] = 1000;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, waiter.result);
	EXPECT_LT(before, count_interrupts());
}

/* Each is woken for its own submission, in whatever order they began to wait */
static void check_waiters(struct __test_metadata *_metadata, FIXTURE_DATA(long_running) *self,
			  const unsigned int *order)
{
	enum { COUNT = 6 };
	struct queue_waiter waiters[COUNT];
	pthread_t threads[COUNT];
	unsigned int i;

	self->word[0] = 0;
	for (i = 0; i < COUNT; i++) {
		struct sfab_command wait = cmd_wait(VA, 8, SFAB_WAIT_GE, i + 1, ~0ULL, 0);

		waiters[i] = (struct queue_waiter){ self->fd, self->queue, 0, 1 };
		ASSERT_EQ(0, queue_submit(self->fd, self->queue, &wait, 1, NULL, 0,
					  &waiters[i].seqno));
	}
	for (i = 0; i < COUNT; i++) {
		unsigned int who = order[i];

		ASSERT_EQ(0, pthread_create(&threads[who], NULL, queue_wait_thread, &waiters[who]));
		sleep_ms(10);
	}
	for (i = 0; i < COUNT; i++) {
		self->word[0] = i + 1;
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, waiters[i].result) {
			TH_LOG("waiter %u", i);
		}
		if (i + 1 < COUNT)
			EXPECT_EQ(1, waiters[i + 1].result);
	}
}

TEST_F(long_running, waiters_of_several_submissions)
{
	static const unsigned int rising[] = { 0, 1, 2, 3, 4, 5 };
	static const unsigned int falling[] = { 5, 4, 3, 2, 1, 0 };
	static const unsigned int mixed[] = { 3, 5, 0, 4, 1, 2 };

	check_waiters(_metadata, self, rising);
	check_waiters(_metadata, self, falling);
	check_waiters(_metadata, self, mixed);
}

/* Who gave up leaves the interrupt to who comes after */
TEST_F(long_running, wait_after_a_wait_that_gave_up)
{
	struct sfab_command cmds[] = {
		cmd_wait(VA, 8, SFAB_WAIT_GE, 1, ~0ULL, 0),
		cmd_wait(VA, 8, SFAB_WAIT_GE, 2, ~0ULL, 0),
	};
	struct queue_waiter waiter = { .fd = self->fd, .queue = self->queue };
	uint64_t first;
	pthread_t thread;

	ASSERT_EQ(0, queue_submit(self->fd, self->queue, &cmds[0], 1, NULL, 0, &first));
	ASSERT_EQ(0, queue_submit(self->fd, self->queue, &cmds[1], 1, NULL, 0, &waiter.seqno));
	EXPECT_EQ(-ETIME, queue_wait(self->fd, self->queue, first, 20));
	ASSERT_EQ(0, pthread_create(&thread, NULL, queue_wait_thread, &waiter));
	sleep_ms(20);
	self->word[0] = 1;
	sleep_ms(20);
	self->word[0] = 2;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, waiter.result);
	EXPECT_EQ(0, queue_wait(self->fd, self->queue, first, 0));
}

TEST_HARNESS_MAIN
