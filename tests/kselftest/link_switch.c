// SPDX-License-Identifier: MIT
/*
 * Light paths switched while data goes over them: a transaction that ends well, one that is
 * refused, very many of them with data that is verified, and those of both ends.  Needs two
 * accelerators with two fibres between their ports 0, which are their light paths 0 and 1.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <kselftest_harness.h>
#include <pthread.h>
#include <signal.h>

#include "link_util.h"

#define PORT		0
#define LOCAL		0x40000000ULL
#define REMOTE		0x80000000ULL
#define SIZE		(256 * 1024)
#define SWITCHES	200		/* or as the environment says */
#define BOTH_SWITCHES	100
#define TELL_NS		5000000000LL

FIXTURE(link_switch)
{
	int accel[2], fd, partner;
	uint32_t vm[2], queue, id, import;
	struct buffer local, target;
	struct sfab_segment segment;
};

FIXTURE_SETUP(link_switch)
{
	/* A switch loses no way: what would fail at once if it did, does not */
	struct sfab_queue_create queue = { .on_loss = SFAB_ON_LOSS_FAIL };
	unsigned int i;

	ASSERT_EQ(0, fabric_open(self->accel));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, vm_create(self->accel[i], 0, &self->vm[i]));
	queue.vm_id = self->vm[0];
	ASSERT_EQ(0, do_ioctl(self->accel[0], DRM_IOCTL_SFAB_QUEUE_CREATE, &queue));
	self->queue = queue.queue_id;
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

/* ---- who does not wait for the end ---- */

#define TRIES	50	/* the end of one may come first, on a machine with much to do */

static int begin_switch(int fd, uint32_t path, uint32_t timeout_ms)
{
	struct sfab_link_switch arg = {
		.size = sizeof(arg),
		.flags = SFAB_LINK_SWITCH_TOGETHER,
		.path = path,
		.partner_path = path,
		.timeout_ms = timeout_ms,
	};

	return do_ioctl(fd, SFAB_LINK_SWITCH, &arg);
}

/* What it was told of, and waited for no longer, has been done: the link is UP on @path */
static bool done_all_the_same(int fd, uint32_t path)
{
	struct sfab_link_switch last;
	struct sfab_link_status status;
	struct sfab_link_event event;

	return !link_event_of_type(fd, SFAB_LINK_EVENT_SWITCH, &event, WAIT_MS) &&
	       (event.value & 0xff) == SFAB_LINK_RESULT_DONE &&
	       !link_switch(fd, SFAB_LINK_SWITCH_QUERY, 0, 0, &last) &&
	       last.result == SFAB_LINK_RESULT_DONE && last.phase == SFAB_LINK_PHASE_NONE &&
	       !link_await(fd, SFAB_LINK_UP, WAIT_MS) && !link_status(fd, &status) &&
	       status.path_in_use == path;
}

/* The timeout ends the waiting, not the switch */
TEST_F(link_switch, timeout)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < TRIES && ret != -ETIME; i++) {
		ret = begin_switch(self->fd, !(i & 1), 1);
		ASSERT_TRUE(!ret || ret == -ETIME) {
			TH_LOG("switch %u: error %d", i, ret);
		}
		ASSERT_TRUE(done_all_the_same(self->fd, !(i & 1)));
	}
	EXPECT_EQ(-ETIME, ret);
}

static void on_signal(int signal)
{
	(void)signal;
}

struct waiter {
	int fd, result;
	uint32_t path;
	struct sfab_link_switch done;
};

static void *switch_and_wait(void *arg)
{
	struct waiter *waiter = arg;

	waiter->result = link_switch(waiter->fd, SFAB_LINK_SWITCH_TOGETHER, waiter->path,
				     waiter->path, &waiter->done);
	return NULL;
}

/* @switching: a switch is under way; or this one has ended already */
static int await_begin(int fd, uint32_t count, bool *switching)
{
	struct sfab_link_switch now;
	unsigned int i;
	int ret;

	for (i = 0; i < WAIT_MS * 10; i++) {
		ret = link_switch(fd, SFAB_LINK_SWITCH_QUERY, 0, 0, &now);
		*switching = now.phase != SFAB_LINK_PHASE_NONE;
		if (ret || *switching || now.count != count)
			return ret;
		usleep(100);
	}
	return -ETIME;
}

/* So does a signal, although its handler is one that restarts calls */
TEST_F(link_switch, signal)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct waiter waiter = { .fd = self->fd };
	struct sfab_link_switch last;
	pthread_t thread;
	unsigned int i;
	bool switching;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	for (i = 0; i < TRIES && waiter.result != -EINTR; i++) {
		waiter.path = !(i & 1);
		ASSERT_EQ(0, link_switch(self->fd, SFAB_LINK_SWITCH_QUERY, 0, 0, &last));
		ASSERT_EQ(0, pthread_create(&thread, NULL, switch_and_wait, &waiter));
		ASSERT_EQ(0, await_begin(self->fd, last.count, &switching));
		pthread_kill(thread, SIGUSR1);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		ASSERT_TRUE(!waiter.result || waiter.result == -EINTR) {
			TH_LOG("switch %u: error %d", i, waiter.result);
		}
		ASSERT_TRUE(done_all_the_same(self->fd, waiter.path));
	}
	EXPECT_EQ(-EINTR, waiter.result);
}

/*
 * One that is given up goes back to where it came from; while it is under way no other one can
 * be asked for, and ABORT waits until it has ended.
 */
TEST_F(link_switch, abort)
{
	struct waiter waiter = { .fd = self->fd, .path = 1 };
	struct sfab_link_switch last, aborted;
	struct sfab_link_status status;
	pthread_t thread;
	unsigned int i;
	bool switching;
	int busy = 0;

	for (i = 0; i < TRIES && (!busy || waiter.done.cause != SFAB_LINK_CAUSE_ABORTED); i++) {
		ASSERT_EQ(0, link_switch(self->fd, SFAB_LINK_SWITCH_QUERY, 0, 0, &last));
		ASSERT_EQ(0, pthread_create(&thread, NULL, switch_and_wait, &waiter));
		ASSERT_EQ(0, await_begin(self->fd, last.count, &switching));
		if (switching)
			busy |= begin_switch(self->fd, 1, 1) == -EBUSY;
		ASSERT_EQ(0, link_switch(self->fd, SFAB_LINK_SWITCH_ABORT, 0, 0, &aborted));
		EXPECT_EQ(SFAB_LINK_PHASE_NONE, aborted.phase);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		ASSERT_EQ(0, waiter.result);
		ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_UP, WAIT_MS));
		ASSERT_EQ(0, link_await(self->partner, SFAB_LINK_UP, WAIT_MS));
		ASSERT_EQ(0, link_status(self->fd, &status));
		if (waiter.done.result == SFAB_LINK_RESULT_DONE) {
			/* It was there already, and goes home for the next try */
			EXPECT_EQ(1, status.path_in_use);
			ASSERT_EQ(0, link_switch(self->fd, SFAB_LINK_SWITCH_TOGETHER, 0, 0, NULL));
			continue;
		}
		EXPECT_EQ(SFAB_LINK_RESULT_ROLLED_BACK, waiter.done.result);
		EXPECT_EQ(SFAB_LINK_CAUSE_ABORTED, waiter.done.cause);
		EXPECT_EQ(0, status.path_in_use);
		ASSERT_EQ(0, link_status(self->partner, &status));
		EXPECT_EQ(0, status.path_in_use);
	}
	EXPECT_EQ(SFAB_LINK_CAUSE_ABORTED, waiter.done.cause);
	EXPECT_EQ(1, busy);
	/* With none under way there is nothing to give up */
	EXPECT_EQ(0, link_switch(self->fd, SFAB_LINK_SWITCH_ABORT, 0, 0, &aborted));
	EXPECT_EQ(SFAB_LINK_PHASE_NONE, aborted.phase);
}

/* ---- with traffic ---- */

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

/* What has been told of one end */
struct told {
	uint64_t sequence, lost;	/* the newest event; those that were missed */
	uint16_t count;			/* P_SWITCH_STATUS has counted so many */
	unsigned int switches;		/* that were told of */
	unsigned int events;		/* ... by so many */
};

static void told_begin(int fd, struct told *told)
{
	struct sfab_link_switch last = { 0 };
	struct sfab_link_event event;

	memset(told, 0, sizeof(*told));
	while (read(fd, &event, sizeof(event)) == sizeof(event))
		told->sequence = event.sequence;
	if (!link_switch(fd, SFAB_LINK_SWITCH_QUERY, 0, 0, &last))
		told->count = last.count;
}

static void told_more(int fd, struct told *told)
{
	struct sfab_link_event event;

	while (read(fd, &event, sizeof(event)) == sizeof(event)) {
		told->lost += event.lost;
		if (told->sequence)
			told->lost += event.sequence - event.lost - told->sequence - 1;
		told->sequence = event.sequence;
		if (event.type != SFAB_LINK_EVENT_SWITCH)
			continue;
		told->events++;
		told->switches += (uint16_t)((event.value >> 32) - told->count);
		told->count = event.value >> 32;
	}
}

/* The partner's end of the last one may come a bit later */
static void told_all(int fd, struct told *told, unsigned int switches)
{
	unsigned int tries = WAIT_MS / 2;

	for (told_more(fd, told); told->switches < switches && tries; tries--) {
		sleep_ms(2);
		told_more(fd, told);
	}
}

static unsigned int switches_wanted(void)
{
	const char *text = getenv("SWITCHES");

	return text ? strtoul(text, NULL, 10) : SWITCHES;
}

/*
 * No byte is wrong, no operation fails, no event is missing.  The next one is asked for as soon
 * as this end has done with the one before.  `run` has a bound of its own.
 */
TEST_F_TIMEOUT(link_switch, under_load, 24 * 3600)
{
	const unsigned int wanted = switches_wanted();
	struct load load = {
		.fd = self->accel[0],
		.queue = self->queue,
		.local = &self->local,
		.target = &self->target,
	};
	int64_t begun = now_ns(), told_of = begun;
	unsigned int i, done_well = 0;
	struct sfab_link_switch done;
	struct told own, partner;
	pthread_t thread;

	told_begin(self->fd, &own);
	told_begin(self->partner, &partner);
	ASSERT_EQ(0, pthread_create(&thread, NULL, keep_copying, &load));
	for (i = 0; i < wanted && !load.result; i++) {
		ASSERT_EQ(0, link_switch(self->fd, SFAB_LINK_SWITCH_TOGETHER, !(i & 1), !(i & 1),
					 &done));
		EXPECT_EQ(SFAB_LINK_RESULT_DONE, done.result) {
			TH_LOG("switch %u: phase %u, cause %u", i, done.failed_phase, done.cause);
		}
		done_well += done.result == SFAB_LINK_RESULT_DONE;
		told_more(self->fd, &own);
		told_more(self->partner, &partner);
		if (now_ns() - told_of > TELL_NS) {
			told_of = now_ns();
			printf("# %u of %u switches, %u copies there and back\n", i + 1, wanted,
			       load.copies);
			fflush(stdout);
		}
	}
	load.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	told_all(self->fd, &own, wanted);
	told_all(self->partner, &partner, wanted);
	EXPECT_EQ(0, load.result);
	EXPECT_LT(0, load.copies);
	EXPECT_EQ(wanted, done_well);
	EXPECT_EQ(wanted, own.switches);
	EXPECT_EQ(wanted, partner.switches);
	/* Each by an event of its own, but where the partner asks */
	EXPECT_EQ(wanted, own.events);
	EXPECT_LT(0, partner.events);
	EXPECT_EQ(0, own.lost + partner.lost);
	printf("# %u of %u switches done in %.1f s, %u and %u told of, %" PRIu64 " events lost\n",
	       done_well, wanted, (now_ns() - begun) / 1e9, own.switches, partner.switches,
	       own.lost + partner.lost);
	printf("# %.1f MiB verified in %u copies there and back: %s\n",
	       load.copies * 2.0 * SIZE / (1 << 20), load.copies,
	       load.result ? strerror(-load.result) : "no wrong byte");
}

/* ---- both ends ask ---- */

struct end {
	int fd, result;
	uint32_t path;
	struct sfab_link_switch done;
	pthread_barrier_t *start;
};

static void *ask(void *arg)
{
	struct end *end = arg;

	pthread_barrier_wait(end->start);
	end->result = link_switch(end->fd, SFAB_LINK_SWITCH_TOGETHER, end->path, end->path,
				  &end->done);
	return NULL;
}

/* Who is so late that it is there already hears that */
static bool well(const struct end *end)
{
	if (end->result)
		return false;
	return end->done.result == SFAB_LINK_RESULT_DONE ||
	       (end->done.result == SFAB_LINK_RESULT_ROLLED_BACK &&
		end->done.cause == SFAB_LINK_CAUSE_NO_PATH);
}

/* Nobody is refused, however close to each other they are told to switch */
TEST_F_TIMEOUT(link_switch, both_ends_ask, 150)
{
	pthread_barrier_t start;
	struct end a = { .fd = self->fd, .start = &start };
	struct end b = { .fd = self->partner, .start = &start };
	struct sfab_link_status status;
	unsigned int i, late = 0;
	pthread_t thread;

	ASSERT_EQ(0, pthread_barrier_init(&start, NULL, 2));
	for (i = 0; i < BOTH_SWITCHES; i++) {
		a.path = b.path = !(i & 1);
		ASSERT_EQ(0, pthread_create(&thread, NULL, ask, &a));
		ask(&b);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		ASSERT_TRUE(well(&a) && well(&b)) {
			TH_LOG("switch %u: errors %d and %d, causes %u and %u", i, a.result,
			       b.result, a.done.cause, b.done.cause);
		}
		late += a.done.cause || b.done.cause;
		ASSERT_EQ(0, link_await(self->fd, SFAB_LINK_UP, WAIT_MS));
		ASSERT_EQ(0, link_status(self->fd, &status));
		EXPECT_EQ(a.path, status.path_in_use);
	}
	pthread_barrier_destroy(&start);
	printf("# %u switches asked for by both ends, one was late %u times\n", i, late);
}

TEST_HARNESS_MAIN
