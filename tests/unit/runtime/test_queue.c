// SPDX-License-Identifier: MIT
/*
 * Queues and fences: waiting, order between queues, faults, ends of all kinds
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>

#include "test.h"

#define SIZE	(64 * KIB)

static struct sfab_mem *a, *b;

static int setup(void **state)
{
	setup_two(state);
	a = alloc(dev[0], SFAB_MEM_HBM, SIZE);
	b = alloc(dev[0], SFAB_MEM_SYSTEM, SIZE);
	return 0;
}

static bool readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

static struct sfab_fence *submit(struct sfab_batch *batch)
{
	struct sfab_fence *fence;

	expect_ok(sfab_batch_submit(batch, NULL, 0, &fence));
	return fence;
}

/* ---- waiting ---- */

static void test_wait(void **state)
{
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_fence *fence;
	int64_t start;

	(void)state;
	fake_hold(true);
	expect_ok(sfab_copy(queue, a, 0, b, 0, SIZE, &fence));
	expect_error(-ETIME, sfab_fence_wait(fence, 0), "queue 1", "submission 1",
		     "not finished");
	start = now_ns();
	expect_error(-ETIME, sfab_fence_wait(fence, 20000000), "not finished");
	assert_true(now_ns() - start >= 20000000);
	expect_error(-ETIME, sfab_queue_wait(queue, 1000000), "not finished");
	fake_hold(false);
	expect_ok(sfab_fence_wait(fence, SFAB_NO_TIMEOUT));
	expect_ok(sfab_fence_wait(fence, 0));
	expect_ok(sfab_fence_wait(fence, INT64_MAX));
	expect_ok(sfab_queue_wait(queue, 0));
	sfab_fence_free(fence);
}

static void test_empty(void **state)
{
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_batch *batch = batch_on(queue);
	struct sfab_fence *first, *second;

	(void)state;
	expect_ok(sfab_queue_wait(queue, 0));	/* nothing was submitted */
	fake_hold(true);
	expect_ok(sfab_copy(queue, a, 0, b, 0, 0, &first));
	second = submit(batch);
	expect_error(-ETIME, sfab_fence_wait(second, 0), "not finished");
	fake_hold(false);
	expect_ok(sfab_fence_wait(second, 10 * SECOND));
	expect_ok(sfab_fence_wait(first, 0));	/* it came before */
	sfab_fence_free(first);
	sfab_fence_free(second);
}

static void test_descriptor(void **state)
{
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_fence *fence;
	int fd = -1, late;

	(void)state;
	fake_hold(true);
	expect_ok(sfab_copy(queue, a, 0, b, 0, SIZE, &fence));
	expect_ok(sfab_fence_get_fd(fence, &fd));
	assert_true(fd >= 0);
	assert_false(readable(fd, 20));
	fake_hold(false);
	assert_true(readable(fd, 10000));
	expect_ok(sfab_fence_wait(fence, 0));
	/* It is the caller's: it lives on, and one made afterwards is readable at once */
	expect_ok(sfab_fence_get_fd(fence, &late));
	sfab_fence_free(fence);
	assert_true(readable(fd, 0));
	assert_true(readable(late, 0));
	close(fd);
	close(late);
}

static void test_fence_outlives_queue(void **state)
{
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_fence *done, *never;
	int fd;

	(void)state;
	expect_ok(sfab_copy(queue, a, 0, b, 0, SIZE, &done));
	expect_ok(sfab_queue_wait(queue, 10 * SECOND));
	fake_hold(true);
	expect_ok(sfab_copy(queue, a, 0, b, 0, SIZE, &never));
	sfab_queue_destroy(queue);
	expect_ok(sfab_fence_wait(done, 0));
	expect_error(-ECANCELED, sfab_fence_wait(never, SFAB_NO_TIMEOUT), "queue 1",
		     "destroyed before");
	expect_ok(sfab_fence_get_fd(never, &fd));
	assert_true(readable(fd, 0));
	close(fd);
	fake_hold(false);
	sfab_fence_free(done);
	sfab_fence_free(never);
}

static void *wait_forever(void *fence)
{
	return (void *)(intptr_t)sfab_fence_wait(fence, SFAB_NO_TIMEOUT);
}

/* A thread that waits is told, also when the kernel's id has a new owner */
static void test_destroy_wakes_waiters(void **state)
{
	struct timespec nap = { 0, 20000000 };
	struct sfab_queue *queue, *next;
	struct sfab_fence *fence;
	pthread_t thread;
	void *result;

	(void)state;
	fake_hold(true);
	queue = queue_on(dev[0]);
	expect_ok(sfab_copy(queue, a, 0, b, 0, SIZE, &fence));
	pthread_create(&thread, NULL, wait_forever, fence);
	nanosleep(&nap, NULL);
	sfab_queue_destroy(queue);
	next = queue_on(dev[0]);
	expect_ok(sfab_copy(next, a, 0, b, 0, SIZE, NULL));
	pthread_join(thread, &result);
	assert_int_equal((intptr_t)result, -ECANCELED);
	expect_error(-ECANCELED, sfab_fence_wait(fence, 0), "destroyed");
	sfab_fence_free(fence);
	fake_hold(false);
}

static void test_batch_of_destroyed_queue(void **state)
{
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_batch *batch = batch_on(queue);

	(void)state;
	expect_ok(sfab_batch_fill(batch, a, 0, 8, 0, 8));
	sfab_queue_destroy(queue);
	expect_error(-ECANCELED, sfab_batch_fill(batch, a, 0, 8, 0, 8), "destroyed");
	expect_error(-ECANCELED, sfab_batch_submit(batch, NULL, 0, NULL), "destroyed");
	expect_error(-EBUSY, sfab_mem_free(a), "batch");
	sfab_batch_free(batch);
	expect_ok(sfab_mem_free(a));
}

/* ---- order between queues ---- */

/* The value travels through queues of two devices, each waiting for the one before */
static void test_after(void **state)
{
	enum { HOPS = 12 };
	struct sfab_queue *queues[HOPS];
	struct sfab_batch *batches[HOPS];
	struct sfab_fence *fences[HOPS];
	uint64_t *p = cpu(b);
	unsigned int i;

	(void)state;
	memset(p, 0, SIZE);
	p[0] = 42;
	fake_hold(true);
	for (i = 0; i < HOPS; i++) {
		queues[i] = queue_on(dev[i % 2]);
		batches[i] = batch_on(queues[i]);
	}
	for (i = 0; i < HOPS; i++) {
		expect_ok(sfab_batch_copy(batches[i], b, 8 * (i + 1), b, 8 * i, 8));
		expect_ok(sfab_batch_submit(batches[i], i ? &fences[i - 1] : NULL, i ? 1 : 0,
					    &fences[i]));
	}
	fake_hold(false);
	expect_ok(sfab_fence_wait(fences[HOPS - 1], 10 * SECOND));
	assert_int_equal(p[HOPS], 42);
	for (i = 0; i < HOPS; i++)
		expect_ok(sfab_fence_wait(fences[i], 0));
}

/* More fences than one submission to the kernel can wait for */
static void test_after_many(void **state)
{
	enum { MANY = 15 };
	struct sfab_fence *fences[MANY], *last;
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_batch *batch = batch_on(queue);
	uint64_t *p = cpu(b);
	unsigned int i;

	(void)state;
	memset(p, 0, SIZE);
	fake_hold(true);
	for (i = 0; i < MANY; i++) {
		struct sfab_batch *one = batch_on(queue_on(dev[i % 2]));

		expect_ok(sfab_batch_write(one, b, 8 * i, 1, 8));
		fences[i] = submit(one);
	}
	for (i = 0; i < MANY; i++)
		expect_ok(sfab_batch_copy(batch, b, 8 * (MANY + i), b, 8 * i, 8));
	expect_ok(sfab_batch_submit(batch, fences, MANY, &last));
	fake_hold(false);
	expect_ok(sfab_fence_wait(last, 10 * SECOND));
	for (i = 0; i < 2 * MANY; i++)
		assert_int_equal(p[i], 1);
}

static void test_after_refused(void **state)
{
	struct sfab_queue *queue = queue_on(dev[0]), *lr;
	struct sfab_batch *batch = batch_on(queue), *lr_batch;
	struct sfab_fence *fences[2] = { NULL, NULL }, *lr_fence, *other_fence, *none = NULL;
	struct sfab_context *other;
	struct sfab_device *other_dev;

	(void)state;
	expect_ok(sfab_batch_fill(batch, a, 0, 8, 0, 8));
	fences[0] = submit(batch);
	expect_error(-EINVAL, sfab_batch_submit(batch, fences, 2, &none), "fence 1", "NULL");

	expect_ok(sfab_queue_create(dev[0], SFAB_LONG_RUNNING, &lr));
	lr_batch = batch_on(lr);
	lr_fence = submit(lr_batch);
	expect_error(-EOPNOTSUPP, sfab_batch_submit(lr_batch, fences, 1, &none), "long-running");
	expect_error(-EOPNOTSUPP, sfab_batch_submit(batch, &lr_fence, 1, &none), "long-running");

	expect_ok(sfab_context_open(&other, 0));
	expect_ok(sfab_device_get(other, 0, &other_dev));
	other_fence = submit(batch_on(queue_on(other_dev)));
	expect_ok(sfab_fence_wait(other_fence, 10 * SECOND));
	expect_error(-EINVAL, sfab_batch_submit(batch, &other_fence, 1, &none), "context");
	sfab_context_close(other);
	assert_null(none);

	/* What was recorded is still there */
	expect_ok(sfab_batch_fill(batch, a, 0, 8, 0, 8));
	expect_error(-EINVAL, sfab_batch_submit(batch, fences, 2, &none), "NULL");
	run(batch);
	expect_ok(sfab_queue_wait(lr, 10 * SECOND));
	assert_int_equal(fake_work().commands, 4);
}

/* A failure in what was waited for does not stop the work */
static void test_after_failure(void **state)
{
	struct sfab_queue *bad = queue_on(dev[1]), *queue = queue_on(dev[0]);
	struct sfab_batch *batch = batch_on(queue);
	struct sfab_fence *failed, *fence;

	(void)state;
	fake_fault(1, SFAB_CAUSE_BUS_ERROR);
	expect_ok(sfab_copy(bad, b, 0, b, 64, 8, &failed));
	expect_ok(sfab_batch_write(batch, b, 128, 5, 8));
	expect_ok(sfab_batch_submit(batch, &failed, 1, &fence));
	expect_ok(sfab_fence_wait(fence, 10 * SECOND));
	assert_int_equal(((uint64_t *)cpu(b))[16], 5);
	expect_error(-EIO, sfab_fence_wait(failed, 0), "accel1");
}

/* ---- failures ---- */

static void test_fault(void **state)
{
	struct sfab_fault_info fault = { .size = sizeof(fault) };
	struct sfab_queue_status status = { .size = sizeof(status) };
	struct sfab_queue *queue = queue_on(dev[0]), *healthy = queue_on(dev[0]);
	struct sfab_batch *batch = batch_on(queue);
	struct sfab_fence *good, *bad;
	int fd;

	(void)state;
	expect_ok(sfab_batch_fill(batch, a, 0, 8, 0, 8));
	good = submit(batch);
	expect_ok(sfab_fence_wait(good, 10 * SECOND));
	expect_ok(sfab_queue_get_status(queue, &status));
	assert_int_equal(status.health, SFAB_HEALTH_OK);
	assert_int_equal(status.submitted, 1);
	assert_int_equal(status.completed, 1);
	expect_error(-ENOENT, sfab_fence_get_fault(good, &fault), "not failed");

	fake_fault(0, SFAB_CAUSE_NO_WRITE);
	expect_ok(sfab_batch_copy(batch, b, 0x1234, a, 0, 8));
	bad = submit(batch);
	expect_ok(sfab_fence_get_fd(bad, &fd));
	assert_true(readable(fd, 10000));
	close(fd);
	expect_error(-EIO, sfab_fence_wait(bad, 0), "accel0 (0000:01:00.0)", "queue 1",
		     "no right to write", "copy", "command 0 of submission 2", "write",
		     "offset 0x1234 of 65536 bytes of system memory", "create another");
	expect_ok(sfab_fence_wait(good, 0));
	expect_error(-ENOENT, sfab_fence_get_fault(good, &fault), "not failed");

	expect_ok(sfab_fence_get_fault(bad, &fault));
	assert_int_equal(fault.cause, SFAB_CAUSE_NO_WRITE);
	assert_int_equal(fault.access, SFAB_WRITE);
	assert_int_equal(fault.opcode, 1);
	assert_int_equal(fault.submission, 2);
	assert_ptr_equal(fault.mem, b);
	assert_int_equal(fault.offset, 0x1234);
	assert_true(fault.address > 0);

	expect_ok(sfab_queue_get_status(queue, &status));
	assert_int_equal(status.health, SFAB_HEALTH_FAULTED);
	assert_int_equal(status.completed, 1);
	assert_int_equal(status.fault.cause, SFAB_CAUSE_NO_WRITE);
	assert_ptr_equal(status.fault.mem, b);

	/* The queue has halted, others have not */
	expect_ok(sfab_batch_fill(batch, a, 0, 8, 0, 8));
	expect_error(-EIO, sfab_batch_submit(batch, NULL, 0, NULL), "no right to write");
	expect_error(-EIO, sfab_queue_wait(queue, 0), "no right to write");
	expect_ok(sfab_copy(healthy, a, 0, b, 0, 8, NULL));
	expect_ok(sfab_queue_wait(healthy, 10 * SECOND));

	/* The fault is still told when the queue is gone */
	sfab_queue_destroy(queue);
	expect_error(-EIO, sfab_fence_wait(bad, 0), "no right to write");
	expect_ok(sfab_fence_get_fault(bad, &fault));
}

static void test_fault_nowhere(void **state)
{
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_batch *batch = batch_on(queue);
	struct sfab_fault_info fault = { .size = sizeof(fault) };
	struct sfab_fence *fence;

	(void)state;
	/* NOP has no operand: the fake records address 0 */
	fake_fault(0, SFAB_CAUSE_BUS_ERROR);
	fence = submit(batch);
	expect_error(-EIO, sfab_fence_wait(fence, 10 * SECOND), "nop", "in no memory");
	expect_ok(sfab_fence_get_fault(fence, &fault));
	assert_null(fault.mem);
	fault.size = 8;
	expect_error(-EINVAL, sfab_fence_get_fault(fence, &fault), "sizeof");
}

static void test_timeout(void **state)
{
	struct sfab_queue_status status = { .size = sizeof(status) };
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_fault_info fault = { .size = sizeof(fault) };
	struct sfab_fence *fence;

	(void)state;
	fake_timeout(0);
	expect_ok(sfab_copy(queue, a, 0, b, 0, 8, &fence));
	expect_error(-EIO, sfab_fence_wait(fence, SFAB_NO_TIMEOUT), "job timeout of 2000 ms",
		     "less at once");
	expect_ok(sfab_queue_get_status(queue, &status));
	assert_int_equal(status.health, SFAB_HEALTH_TIMEDOUT);
	assert_int_equal(status.fault.cause, SFAB_CAUSE_NONE);
	expect_error(-ENOENT, sfab_fence_get_fault(fence, &fault), "not failed by a fault");
}

static void test_reset(void **state)
{
	struct sfab_queue_status status = { .size = sizeof(status) };
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_fence *fence;

	(void)state;
	fake_hold(true);
	expect_ok(sfab_copy(queue, a, 0, b, 0, 8, &fence));
	fake_reset(0);
	expect_error(-EIO, sfab_fence_wait(fence, SFAB_NO_TIMEOUT), "lost", "reset");
	expect_ok(sfab_queue_get_status(queue, &status));
	assert_int_equal(status.health, SFAB_HEALTH_LOST);
	fake_hold(false);
	sfab_queue_destroy(queue);
	queue = queue_on(dev[0]);
	expect_ok(sfab_copy(queue, a, 0, b, 0, 8, NULL));
	expect_ok(sfab_queue_wait(queue, 10 * SECOND));
}

static void test_out_of_queues(void **state)
{
	struct sfab_queue *queue, *none = NULL;

	(void)state;
	fake_max_queues(1);
	queue = queue_on(dev[0]);
	expect_error(-ENOSPC, sfab_queue_create(dev[0], 0, &none), "accel0", "hardware queues");
	assert_null(none);
	sfab_queue_destroy(queue);
	sfab_queue_destroy(queue_on(dev[0]));
}

/* ---- long-running queues ---- */

static struct sfab_queue *long_running(void)
{
	struct sfab_queue *queue;

	expect_ok(sfab_queue_create(dev[0], SFAB_LONG_RUNNING, &queue));
	return queue;
}

static void test_wait_for_memory(void **state)
{
	static const struct {
		enum sfab_compare compare;
		uint64_t before, value, after;
	} cases[] = {
		{ SFAB_EQ, 0, 5, 5 }, { SFAB_NE, 3, 3, 4 }, { SFAB_GE, 2, 5, 9 },
		{ SFAB_LT, 9, 5, 4 },
	};
	struct sfab_queue *queue = long_running();
	struct sfab_batch *batch = batch_on(queue);
	volatile uint64_t *p = cpu(b);
	struct sfab_fence *fence;
	unsigned int i;
	int fd;

	(void)state;
	for (i = 0; i < 4; i++) {
		p[0] = cases[i].before | 0xff00;
		p[1] = 0;
		expect_ok(sfab_batch_wait(batch, b, 0, 8, cases[i].compare, cases[i].value, 0xff,
					  0));
		expect_ok(sfab_batch_write(batch, b, 8, 1, 8));
		fence = submit(batch);
		expect_error(-ETIME, sfab_fence_wait(fence, 10000000), "not finished");
		assert_int_equal(p[1], 0);
		p[0] = cases[i].after | 0xff00;
		expect_ok(sfab_fence_wait(fence, 10 * SECOND));
		assert_int_equal(p[1], 1);
		expect_error(-EOPNOTSUPP, sfab_fence_get_fd(fence, &fd), "long-running",
			     "sfab_fence_wait");
		sfab_fence_free(fence);
	}
}

/* ---- when a way is lost ---- */

static int setup_policy(void **state)
{
	more_caps = SFAB_FEATURE_FABRIC | SFAB_FEATURE_LOSS_POLICY;
	return setup(state);
}

static int teardown_policy(void **state)
{
	more_caps = 0;
	return teardown(state);
}

static void expect_on_loss(uint32_t on_loss, uint32_t limit_ms)
{
	uint32_t newest[2];

	fake_on_loss(&newest[0], &newest[1]);
	assert_int_equal(newest[0], on_loss);
	assert_int_equal(newest[1], limit_ms);
}

static void test_on_loss(void **state)
{
	struct sfab_queue *queue = NULL;

	(void)state;
	expect_ok(sfab_queue_create_on_loss(dev[0], 0, SFAB_LOSS_FAIL, 0, &queue));
	expect_on_loss(SFAB_LOSS_FAIL, 0);
	sfab_queue_destroy(queue);
	expect_ok(sfab_queue_create_on_loss(dev[0], 0, SFAB_LOSS_WAIT, 30000, &queue));
	expect_on_loss(SFAB_LOSS_WAIT, 30000);
	fake_timeout(0);
	expect_ok(sfab_copy(queue, a, 0, b, 0, SIZE, NULL));
	expect_error(-EIO, sfab_queue_wait(queue, 10 * SECOND), "job timeout of 31000 ms");
	sfab_queue_destroy(queue);
	expect_ok(sfab_queue_create_on_loss(dev[0], SFAB_LONG_RUNNING, SFAB_LOSS_WAIT, 60000,
					    &queue));
	expect_on_loss(SFAB_LOSS_WAIT, 60000);
	sfab_queue_destroy(queue);
	expect_ok(sfab_queue_create(dev[0], 0, &queue));
	expect_on_loss(SFAB_LOSS_REROUTE, 0);
	sfab_queue_destroy(queue);
	queue = NULL;
	expect_error(-EINVAL, sfab_queue_create_on_loss(dev[0], 0, (enum sfab_loss_policy)3, 0,
							&queue), "unknown policy 3");
	expect_error(-EINVAL, sfab_queue_create_on_loss(dev[0], 0, SFAB_LOSS_WAIT, 60001, &queue),
		     "60001 ms", "at most 60000");
	expect_error(-EINVAL, sfab_queue_create_on_loss(dev[0], 2, SFAB_LOSS_WAIT, 0, &queue),
		     "flags");
	expect_error(-EINVAL, sfab_queue_create_on_loss(NULL, 0, SFAB_LOSS_WAIT, 0, &queue),
		     "NULL");
	assert_null(queue);
}

/* A device of the first version: what it does anyway is granted, all else refused */
static void test_on_loss_unknown(void **state)
{
	struct sfab_queue *queue = NULL;

	(void)state;
	expect_error(-EOPNOTSUPP, sfab_queue_create_on_loss(dev[0], 0, SFAB_LOSS_FAIL, 0, &queue),
		     "reroute");
	expect_error(-EOPNOTSUPP, sfab_queue_create_on_loss(dev[0], 0, SFAB_LOSS_REROUTE, 5,
							    &queue), "reroute");
	assert_null(queue);
	expect_ok(sfab_queue_create_on_loss(dev[0], 0, SFAB_LOSS_REROUTE, 0, &queue));
}

static void test_wait_limit(void **state)
{
	struct sfab_queue *queue = long_running();
	struct sfab_batch *batch = batch_on(queue);
	struct sfab_fence *fence;

	(void)state;
	expect_ok(sfab_batch_wait(batch, b, 16, 4, SFAB_EQ, 1, UINT32_MAX, 5000000));
	fence = submit(batch);
	expect_error(-EIO, sfab_fence_wait(fence, 10 * SECOND), "time limit", "wait",
		     "offset 0x10");
	expect_error(-EINVAL, sfab_batch_wait(batch, b, 0, 2, SFAB_EQ, 1, 1, 0), "width");
	expect_error(-EINVAL, sfab_batch_wait(batch, b, 4, 8, SFAB_EQ, 1, 1, 0), "aligned");
	expect_error(-EINVAL, sfab_batch_wait(batch, b, 0, 4, SFAB_EQ, 1ULL << 32, 1, 0), "4 bytes");
	expect_error(-EINVAL, sfab_batch_wait(batch, b, 0, 4, SFAB_EQ, 1, 1ULL << 32, 0), "4 bytes");
	expect_error(-EINVAL, sfab_batch_wait(batch, b, 0, 4, (enum sfab_compare)4, 1, 1, 0),
		     "comparison 4");
	expect_error(-ERANGE, sfab_batch_wait(batch, b, SIZE, 4, SFAB_EQ, 1, 1, 0), "fit");
}

/* What the kernel had no room for stays in the batch */
static void test_no_room(void **state)
{
	struct sfab_queue *queue = long_running();
	struct sfab_batch *batch = batch_on(queue);
	struct sfab_fence *fence = NULL;
	uint64_t *p = cpu(b);
	unsigned int i;

	(void)state;
	memset(p, 0, SIZE);
	fake_room(1);
	for (i = 0; i < 300; i++)
		expect_ok(sfab_batch_write(batch, b, 8 * i, i + 1, 8));
	expect_error(-EAGAIN, sfab_batch_submit(batch, NULL, 0, &fence), "no room", "again");
	assert_null(fence);
	expect_error(-EAGAIN, sfab_batch_submit(batch, NULL, 0, &fence), "no room");
	fake_room(100);
	expect_ok(sfab_batch_submit(batch, NULL, 0, &fence));
	expect_ok(sfab_fence_wait(fence, 10 * SECOND));
	for (i = 0; i < 300; i++)
		assert_int_equal(p[i], i + 1);
	assert_int_equal(fake_work().commands, 300);
}

/* Both kinds of queue on one device, with a memory that both use */
static void test_two_kinds(void **state)
{
	struct sfab_queue *lr = long_running(), *queue = queue_on(dev[0]);
	struct sfab_batch *batch = batch_on(lr);
	struct sfab_fence *fence;

	(void)state;
	expect_ok(sfab_batch_wait(batch, b, 0, 4, SFAB_EQ, 7, UINT32_MAX, 0));
	expect_ok(sfab_batch_copy(batch, b, 64, b, 0, 4));
	fence = submit(batch);
	*(uint32_t *)((char *)cpu(a) + 100) = 7;
	expect_ok(sfab_copy(queue, b, 0, a, 100, 4, NULL));
	expect_ok(sfab_fence_wait(fence, 10 * SECOND));
	assert_int_equal(((uint32_t *)cpu(b))[16], 7);
	assert_int_equal(fake_work().binds, 3);
	expect_ok(sfab_mem_free(b));
	expect_ok(sfab_mem_free(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fence_outlives_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_destroy_wakes_waiters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_batch_of_destroyed_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_after, setup, teardown),
		cmocka_unit_test_setup_teardown(test_after_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_after_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_after_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fault, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fault_nowhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_of_queues, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait_for_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_on_loss, setup_policy, teardown_policy),
		cmocka_unit_test_setup_teardown(test_on_loss_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_kinds, setup, teardown),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
