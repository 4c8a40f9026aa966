// SPDX-License-Identifier: MIT
/*
 * Failures everywhere: one scenario that uses all of the library is repeated with
 * the first, the second, ... call into the kernel failing, and likewise with each
 * allocation, until it passes.  Each time there is an error with a text, and nothing
 * is left behind.
 */
#include <fcntl.h>

#include "test.h"

#define SIZE	(5 * MIB)

static char *pages;

/* What the scenario has made when it is stopped */
struct made {
	struct sfab_context *ctx;
	struct sfab_device *dev[2];
	struct sfab_mem *hbm[2];
	struct sfab_mem *sys;
	struct sfab_mem *reg;
	struct sfab_mem *imported;
	struct sfab_queue *queue[2];
	struct sfab_queue *lr;
	struct sfab_batch *batch;
	struct sfab_batch *lr_batch;
	struct sfab_fence *fence[3];
};

#define TRY(call) do {			\
	ret = (call);			\
	if (ret < 0)			\
		return ret;		\
} while (0)

static int make_objects(struct made *m)
{
	int ret, fd, i;

	TRY(sfab_context_open(&m->ctx, 0));
	for (i = 0; i < 2; i++) {
		TRY(sfab_device_get(m->ctx, i, &m->dev[i]));
		TRY(sfab_mem_alloc(m->dev[i], SFAB_MEM_HBM, SIZE, 0, &m->hbm[i]));
		TRY(sfab_queue_create(m->dev[i], 0, &m->queue[i]));
	}
	TRY(sfab_mem_alloc(m->dev[0], SFAB_MEM_SYSTEM, SIZE, 0, &m->sys));
	TRY(sfab_mem_register(m->dev[0], pages + 5, SIZE, SFAB_READ | SFAB_WRITE, &m->reg));
	TRY(sfab_mem_export_dmabuf(m->sys, &fd));
	ret = sfab_mem_import_dmabuf(m->dev[1], fd, &m->imported);
	close(fd);
	if (ret)
		return ret;
	TRY(sfab_queue_create(m->dev[0], SFAB_LONG_RUNNING, &m->lr));
	TRY(sfab_batch_create(m->queue[0], &m->batch));
	TRY(sfab_batch_create(m->lr, &m->lr_batch));
	TRY(sfab_device_reach(m->dev[0], m->dev[1]));
	return sfab_context_rescan(m->ctx);
}

static int record(struct made *m)
{
	int ret;

	TRY(sfab_batch_copy(m->batch, m->sys, 0, HOST(pages + 5), SIZE));
	TRY(sfab_batch_copy(m->batch, m->hbm[0], 0, m->sys, 0, SIZE));
	TRY(sfab_batch_copy(m->batch, m->hbm[1], 0, m->hbm[0], 0, SIZE));
	TRY(sfab_batch_fill(m->batch, m->hbm[1], 0, 4, 0, 4));
	TRY(sfab_batch_atomic(m->batch, m->hbm[1], 0, 4, SFAB_ADD, 5, 0, m->hbm[0], 8));
	TRY(sfab_batch_reduce(m->batch, m->hbm[1], 0, m->hbm[0], 8, 1, SFAB_TYPE_I32, SFAB_SUM));
	TRY(sfab_batch_timestamp(m->batch, m->hbm[1], 8));
	TRY(sfab_batch_write(m->batch, m->hbm[1], 16, 9, 4));
	TRY(sfab_batch_copy_2d(m->batch, m->hbm[1], 32, 32, m->hbm[0], 64, 16, 16, 8));
	TRY(sfab_batch_wait(m->lr_batch, m->sys, 0, 4, SFAB_GE, 0, 1, 0));
	return sfab_batch_write(m->lr_batch, m->sys, 0, 3, 4);
}

static int work_and_wait(struct made *m)
{
	struct sfab_queue_status status = { .size = sizeof(status) };
	struct sfab_device_info info = { .size = sizeof(info) };
	int ret, fd;
	void *p;

	TRY(sfab_batch_submit(m->batch, NULL, 0, &m->fence[0]));
	TRY(sfab_copy(m->queue[1], m->imported, 0, m->hbm[1], 0, 4096, &m->fence[1]));
	TRY(sfab_batch_copy(m->batch, m->sys, 0, m->hbm[1], 0, SIZE));
	TRY(sfab_batch_submit(m->batch, m->fence, 2, &m->fence[2]));
	TRY(sfab_fence_get_fd(m->fence[2], &fd));
	close(fd);
	TRY(sfab_fence_wait(m->fence[2], 10 * SECOND));
	TRY(sfab_fence_wait(m->fence[0], 10 * SECOND));
	TRY(sfab_queue_wait(m->queue[0], 10 * SECOND));
	TRY(sfab_mem_map(m->sys, &p));
	assert_memory_equal((char *)p + 1024, pages + 5 + 1024, SIZE - 1024);
	assert_int_equal(((uint32_t *)p)[0], 5);
	TRY(sfab_batch_submit(m->lr_batch, NULL, 0, NULL));
	TRY(sfab_queue_wait(m->lr, 10 * SECOND));
	TRY(sfab_queue_get_status(m->queue[1], &status));
	return sfab_device_get_info(m->dev[0], &info);
}

static int free_memories(struct made *m)
{
	int ret;

	TRY(sfab_mem_free(m->hbm[0]));
	m->hbm[0] = NULL;
	TRY(sfab_mem_free(m->imported));
	m->imported = NULL;
	TRY(sfab_mem_free(m->sys));
	TRY(sfab_mem_free(m->hbm[1]));
	return sfab_mem_free(m->reg);
}

static int scenario(struct made *m)
{
	int ret;

	memset(m, 0, sizeof(*m));
	TRY(make_objects(m));
	TRY(record(m));
	TRY(work_and_wait(m));
	return free_memories(m);
}

/* Gives the result, after it has checked that nothing is left */
static int run_scenario(void)
{
	unsigned int before = fake_open_descriptors();
	struct made m;
	char text[256];
	int ret;

	ret = scenario(&m);
	snprintf(text, sizeof(text), "%s", sfab_last_error());
	fake_fail_call(0, 0);
	fake_fail_alloc(0);
	sfab_context_close(m.ctx);
	if (fake_leaks()) {
		fake_print_leaks();
		fail_msg("left behind after '%s'", text);
	}
	assert_int_equal(fake_open_descriptors(), before);
	if (ret < 0)
		assert_true(strlen(text) > 10);
	return ret;
}

static void sweep_calls(bool peer, int err)
{
	unsigned int n, failed = 0;
	int ret;

	for (n = 1; n < 1000; n++) {
		fake_start(2);
		if (!peer)
			fake_no_peers();
		fake_fail_call(n, err);
		ret = run_scenario();
		if (!fake_call_failed())
			break;
		/* Some errors have an answer: what cannot be imported is bounced */
		if (ret >= 0)
			continue;
		failed++;
		if (ret != -err && !(err == EXDEV && ret == -EBADF))
			fail_msg("call %u failed with %d, the library gave %d: %s", n, err, ret,
				 sfab_last_error());
	}
	assert_int_equal(ret, 0);
	assert_true(n > 60);
	assert_true(failed > (n - 1) * 8 / 10);
}

static void test_calls_peer(void **state)
{
	(void)state;
	sweep_calls(true, ENOMEM);
}

static void test_calls_bounce(void **state)
{
	(void)state;
	sweep_calls(false, ENOMEM);
}

static void test_calls_gone(void **state)
{
	(void)state;
	sweep_calls(false, ENODEV);
}

static void test_calls_unreachable(void **state)
{
	(void)state;
	sweep_calls(true, EXDEV);
}

static void sweep_allocations(bool peer)
{
	unsigned int n;
	int ret;

	for (n = 1; n < 1000; n++) {
		fake_start(2);
		if (!peer)
			fake_no_peers();
		fake_fail_alloc(n);
		ret = run_scenario();
		if (!fake_alloc_failed())
			break;
		/* What only saves time may do without */
		if (ret < 0 && (ret != -ENOMEM || !strstr(sfab_last_error(), "memory")))
			fail_msg("allocation %u: %d: %s", n, ret, sfab_last_error());
	}
	assert_int_equal(ret, 0);
	assert_true(n > 40);
}

static void test_allocations_peer(void **state)
{
	(void)state;
	sweep_allocations(true);
}

static void test_allocations_bounce(void **state)
{
	(void)state;
	sweep_allocations(false);
}

static int setup_pages(void **state)
{
	(void)state;
	pages = host_pages(SIZE + 8192);
	fill_random(pages, SIZE + 8192, 1);
	return 0;
}

static int teardown_pages(void **state)
{
	(void)state;
	return munmap(pages, SIZE + 8192);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_peer),
		cmocka_unit_test(test_calls_bounce),
		cmocka_unit_test(test_calls_gone),
		cmocka_unit_test(test_calls_unreachable),
		cmocka_unit_test(test_allocations_peer),
		cmocka_unit_test(test_allocations_bounce),
	};

	return cmocka_run_group_tests_name("failures", tests, setup_pages, teardown_pages);
}
