// SPDX-License-Identifier: MIT
/*
 * Many threads on the same objects.  Run under ThreadSanitizer too: a race in the
 * library is a failure even when the result is right.
 */
#include <pthread.h>

#include "test.h"

#define THREADS	6
#define ROUNDS	25
#define SLICE	(16 * KIB)

static struct sfab_mem *hbm[3], *sys, *counter;
static struct sfab_queue *shared_queue[3];
static char *pages;

struct worker {
	pthread_t thread;
	unsigned int index;
	int result;
	const char *what;
	char text[256];
};

/* cmocka's assertions belong to its own thread */
#define CHECK(condition) do {						\
	if (!(condition)) {						\
		w->what = #condition;					\
		snprintf(w->text, sizeof(w->text), "%s", sfab_last_error());	\
		return NULL;						\
	}								\
} while (0)

static void run_workers(void *(*body)(void *))
{
	struct worker workers[THREADS] = { 0 };
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		workers[i].index = i;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, body, &workers[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (i = 0; i < THREADS; i++) {
		if (workers[i].what)
			fail_msg("thread %u: %s: %s", i, workers[i].what, workers[i].text);
	}
}

static int setup(void **state)
{
	unsigned int i;

	setup_three(state);
	for (i = 0; i < 3; i++) {
		hbm[i] = alloc(dev[i], SFAB_MEM_HBM, THREADS * SLICE);
		shared_queue[i] = queue_on(dev[i]);
	}
	sys = alloc(dev[0], SFAB_MEM_SYSTEM, THREADS * SLICE);
	counter = alloc(dev[1], SFAB_MEM_HBM, 4096);
	pages = host_pages(THREADS * SLICE);
	return 0;
}

static int setup_bounce(void **state)
{
	setup(state);
	fake_no_peers();
	return 0;
}

static int teardown_threads(void **state)
{
	int ret = teardown(state);

	munmap(pages, THREADS * SLICE);
	return ret;
}

/*
 * A slice of each thread goes from memory to memory on queues that all share, each
 * step after the fence of the one before; then it comes back.
 */
static void *travel(void *arg)
{
	struct worker *w = arg;
	uint64_t at = w->index * SLICE;
	unsigned int round, hop;

	for (round = 0; round < ROUNDS; round++) {
		struct sfab_fence *fences[4] = { NULL };
		struct sfab_mem *way[] = { sys, hbm[(round + w->index) % 3], hbm[round % 3],
					   hbm[(round + 1) % 3], sys };
		struct sfab_batch *batch;
		char sent[64];

		fill_random(sent, sizeof(sent), round * THREADS + w->index);
		memcpy((char *)cpu(sys) + at, sent, sizeof(sent));
		for (hop = 0; hop < 4; hop++) {
			uint64_t to = at + (hop + 1) * 1024 % 4096, from = at + hop * 1024;

			CHECK(!sfab_batch_create(shared_queue[(w->index + hop) % 3], &batch));
			CHECK(!sfab_batch_copy(batch, way[hop + 1], to, way[hop], from, 1024));
			CHECK(!sfab_batch_submit(batch, hop ? &fences[hop - 1] : NULL,
						 hop ? 1 : 0, &fences[hop]));
			sfab_batch_free(batch);
		}
		CHECK(!sfab_fence_wait(fences[3], 30 * SECOND));
		CHECK(!memcmp((char *)cpu(sys) + at, sent, sizeof(sent)));
		for (hop = 0; hop < 4; hop++) {
			CHECK(!sfab_fence_wait(fences[hop], 0));
			sfab_fence_free(fences[hop]);
		}
	}
	return NULL;
}

static void test_travel(void **state)
{
	(void)state;
	run_workers(travel);
}

/* Objects come and go in all threads */
static void *churn(void *arg)
{
	struct worker *w = arg;
	char *mine = pages + w->index * SLICE;
	unsigned int round;

	for (round = 0; round < ROUNDS; round++) {
		struct sfab_device *d = dev[(w->index + round) % 3];
		struct sfab_device_info info = { .size = sizeof(info) };
		struct sfab_device_event event = { .size = sizeof(event) };
		struct sfab_mem *mem, *reg;
		struct sfab_queue *queue;
		struct sfab_fence *fence, *other;
		int fd;

		CHECK(!sfab_queue_create(d, 0, &queue));
		CHECK(!sfab_mem_alloc(dev[round % 3], SFAB_MEM_HBM, 8192, 0, &mem));
		CHECK(!sfab_mem_register(d, mine, SLICE, SFAB_READ | SFAB_WRITE, &reg));
		CHECK(!sfab_copy(queue, mem, 0, HOST(mine), 8192, &fence));
		CHECK(!sfab_copy(shared_queue[round % 3], sys, w->index * SLICE, mem, 0, 8192,
				 &other));
		CHECK(!sfab_fence_get_fd(fence, &fd));
		CHECK(sfab_mem_reach(mem, d) >= 0);
		CHECK(sfab_device_reach(d, dev[round % 3]) >= 0);
		CHECK(!sfab_device_get_info(d, &info));
		CHECK(sfab_device_read_event(d, &event) == -EAGAIN);
		CHECK(sfab_context_rescan(ctx) == 0);
		CHECK(!sfab_fence_wait(fence, 30 * SECOND));
		CHECK(!sfab_mem_free(reg));
		CHECK(!sfab_mem_free(mem));
		CHECK(!sfab_fence_wait(other, 0));	/* freeing waited for it */
		sfab_queue_destroy(queue);
		sfab_fence_free(fence);
		sfab_fence_free(other);
		close(fd);
	}
	return NULL;
}

static void test_churn(void **state)
{
	(void)state;
	run_workers(churn);
}

/* All threads append to one batch and submit it; nothing is lost or done twice */
static struct sfab_batch *one_batch;

static void *append_all(void *arg)
{
	struct worker *w = arg;
	unsigned int round;

	for (round = 0; round < 4 * ROUNDS; round++) {
		CHECK(!sfab_batch_atomic(one_batch, counter, 0, 8, SFAB_ADD, 1, 0, DISCARD));
		if (round % 5 == w->index % 5)
			CHECK(!sfab_batch_submit(one_batch, NULL, 0, NULL));
	}
	return NULL;
}

static void test_one_batch(void **state)
{
	(void)state;
	one_batch = batch_on(shared_queue[1]);
	*(uint64_t *)cpu(counter) = 0;
	run_workers(append_all);
	run(one_batch);
	assert_int_equal(*(uint64_t *)cpu(counter), THREADS * 4 * ROUNDS);
}

/* Threads wait for fences of queues that others destroy, whose ids return at once */
static struct sfab_fence *doomed[THREADS];
static pthread_barrier_t barrier;

static void *wait_or_destroy(void *arg)
{
	struct worker *w = arg;
	unsigned int round;
	int ret;

	for (round = 0; round < ROUNDS; round++) {
		struct sfab_queue *queue = NULL;

		if (w->index % 2 == 0) {
			CHECK(!sfab_queue_create(dev[0], 0, &queue));
			CHECK(!sfab_copy(queue, hbm[0], w->index * SLICE, sys, 0, 4096,
					 &doomed[w->index]));
		}
		pthread_barrier_wait(&barrier);
		ret = sfab_fence_wait(doomed[w->index & ~1U], w->index % 2 ? SFAB_NO_TIMEOUT : 0);
		CHECK(ret == 0 || ret == -ECANCELED || ret == -ETIME);
		if (queue)
			sfab_queue_destroy(queue);
		pthread_barrier_wait(&barrier);
		if (queue)
			sfab_fence_free(doomed[w->index]);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void test_destroy(void **state)
{
	(void)state;
	pthread_barrier_init(&barrier, NULL, THREADS);
	run_workers(wait_or_destroy);
	pthread_barrier_destroy(&barrier);
}

/* The first use of everything at the same time: opened, imported, mapped once */
static void *first_use(void *arg)
{
	struct worker *w = arg;
	struct sfab_device *d;
	struct sfab_queue *queue;

	pthread_barrier_wait(&barrier);
	CHECK(!sfab_device_get(ctx, w->index % 3, &d));
	CHECK(!sfab_queue_create(d, 0, &queue));
	CHECK(!sfab_copy(queue, hbm[0], w->index * 64, counter, 0, 64, NULL));
	CHECK(!sfab_copy(queue, hbm[1], w->index * 64, sys, 0, 64, NULL));
	CHECK(!sfab_queue_wait(queue, 30 * SECOND));
	sfab_queue_destroy(queue);
	return NULL;
}

static void test_first_use(void **state)
{
	(void)state;
	pthread_barrier_init(&barrier, NULL, THREADS);
	run_workers(first_use);
	pthread_barrier_destroy(&barrier);
	/* Four memories on three devices; bouncing maps its buffers too */
	assert_true(sfab_device_reach(dev[0], dev[1]) == SFAB_REACH_BOUNCE ||
		    fake_work().binds == 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_travel, setup, teardown_threads),
		cmocka_unit_test_setup_teardown(test_travel, setup_bounce, teardown_threads),
		cmocka_unit_test_setup_teardown(test_churn, setup, teardown_threads),
		cmocka_unit_test_setup_teardown(test_churn, setup_bounce, teardown_threads),
		cmocka_unit_test_setup_teardown(test_one_batch, setup, teardown_threads),
		cmocka_unit_test_setup_teardown(test_one_batch, setup_bounce, teardown_threads),
		cmocka_unit_test_setup_teardown(test_destroy, setup, teardown_threads),
		cmocka_unit_test_setup_teardown(test_first_use, setup, teardown_threads),
		cmocka_unit_test_setup_teardown(test_first_use, setup_bounce, teardown_threads),
	};

	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
