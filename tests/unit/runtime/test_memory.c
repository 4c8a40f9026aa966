// SPDX-License-Identifier: MIT
/*
 * Memory: allocation, registration, CPU mapping, dma-bufs, freeing
 */
#include <fcntl.h>
#include <sys/resource.h>

#include "test.h"

static void test_bad_arguments(void **state)
{
	struct sfab_mem *m = NULL;
	char byte;
	void *p;
	int fd;

	(void)state;
	expect_error(-EINVAL, sfab_mem_alloc(NULL, SFAB_MEM_HBM, 1, 0, &m), "sfab_mem_alloc");
	expect_error(-EINVAL, sfab_mem_alloc(dev[0], SFAB_MEM_HBM, 1, 0, NULL), "NULL");
	expect_error(-EINVAL, sfab_mem_alloc(dev[0], SFAB_MEM_HBM, 1, 4, &m), "flags 0x4");
	expect_error(-EINVAL, sfab_mem_alloc(dev[0], SFAB_MEM_HBM, 0, 0, &m), "size of 0");
	expect_error(-EINVAL, sfab_mem_alloc(dev[0], SFAB_MEM_HBM, UINT64_MAX, 0, &m), "size");
	expect_error(-EINVAL, sfab_mem_alloc(dev[0], SFAB_MEM_REGISTERED, 1, 0, &m), "kind 2");
	expect_error(-EINVAL, sfab_mem_alloc(dev[0], (enum sfab_mem_kind)9, 1, 0, &m), "kind 9");
	expect_error(-EINVAL, sfab_mem_register(NULL, &byte, 1, SFAB_READ, &m), "NULL");
	expect_error(-EINVAL, sfab_mem_register(dev[0], NULL, 1, SFAB_READ, &m), "NULL");
	expect_error(-EINVAL, sfab_mem_register(dev[0], &byte, 1, SFAB_READ, NULL), "NULL");
	expect_error(-EINVAL, sfab_mem_register(dev[0], &byte, 0, SFAB_READ, &m), "0 bytes");
	expect_error(-EINVAL, sfab_mem_register(dev[0], &byte, UINT64_MAX, SFAB_READ, &m),
		     "no range");
	expect_error(-EINVAL, sfab_mem_register(dev[0], &byte, 1, 0, &m), "rights 0");
	expect_error(-EINVAL, sfab_mem_register(dev[0], &byte, 1, SFAB_WRITE, &m), "rights 0x2");
	expect_error(-EINVAL, sfab_mem_register(dev[0], &byte, 1, 7, &m), "rights 0x7");
	expect_error(-EINVAL, sfab_mem_import_dmabuf(NULL, 0, &m), "NULL");
	expect_error(-EINVAL, sfab_mem_import_dmabuf(dev[0], 0, NULL), "NULL");
	expect_error(-EINVAL, sfab_mem_export_dmabuf(NULL, &fd), "NULL");
	expect_error(-EINVAL, sfab_mem_map(NULL, &p), "NULL");
	expect_error(-EINVAL, sfab_mem_kind(NULL), "NULL");
	expect_error(-EINVAL, sfab_mem_reach(NULL, dev[0]), "NULL");
	assert_null(m);
	assert_int_equal(sfab_mem_size(NULL), 0);
	assert_null(sfab_mem_device(NULL));
	expect_ok(sfab_mem_free(NULL));
}

static void test_alloc(void **state)
{
	static const enum sfab_mem_kind kinds[] = { SFAB_MEM_HBM, SFAB_MEM_SYSTEM };
	static const uint64_t sizes[] = { 1, 4095, 4096, 4097, 3 * MIB + 5 };
	struct sfab_mem *mem;
	unsigned int i, k;
	char *p, *q;

	(void)state;
	for (i = 0; i < 2; i++) {
		for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			mem = alloc(dev[0], kinds[i], sizes[k]);
			assert_int_equal(sfab_mem_size(mem), sizes[k]);
			assert_int_equal(sfab_mem_kind(mem), kinds[i]);
			assert_ptr_equal(sfab_mem_device(mem), dev[0]);
			p = cpu(mem);
			assert_int_equal(p[0], 0);
			p[sizes[k] - 1] = 7;
			q = cpu(mem);
			assert_ptr_equal(p, q);
			expect_ok(sfab_mem_free(mem));
		}
	}
}

static void test_out_of_hbm(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, 200 * MIB), *more = NULL;

	(void)state;
	expect_error(-ENOSPC, sfab_mem_alloc(dev[0], SFAB_MEM_HBM, 100 * MIB, 0, &more),
		     "accel0", "104857600 bytes", "58720256 of 268435456");
	assert_null(more);
	expect_ok(sfab_mem_free(mem));
	expect_ok(sfab_mem_alloc(dev[0], SFAB_MEM_HBM, 100 * MIB, 0, &more));
	expect_ok(sfab_mem_free(more));
}

/* ---- registration ---- */

static void test_register(void **state)
{
	char *pages = host_pages(16 * KIB);
	struct sfab_mem *mem;
	void *p;

	(void)state;
	/* Neither start nor end of a page: all that it touches is pinned */
	expect_ok(sfab_mem_register(dev[0], pages + 100, 4096, SFAB_READ | SFAB_WRITE, &mem));
	assert_int_equal(fake_pinned(), 8 * KIB);
	assert_int_equal(sfab_mem_size(mem), 4096);
	assert_int_equal(sfab_mem_kind(mem), SFAB_MEM_REGISTERED);
	expect_ok(sfab_mem_map(mem, &p));
	assert_ptr_equal(p, pages + 100);
	assert_int_equal(sfab_mem_reach(mem, dev[0]), SFAB_REACH_SYSTEM);
	expect_ok(sfab_mem_free(mem));
	assert_int_equal(fake_pinned(), 0);
	munmap(pages, 16 * KIB);
}

static void test_register_what_cannot_be(void **state)
{
	char *pages = host_pages(16 * KIB);
	struct sfab_mem *mem = NULL;

	(void)state;
	mprotect(pages + 4096, 4096, PROT_READ);
	expect_ok(sfab_mem_register(dev[0], pages, 8192, SFAB_READ, &mem));
	expect_ok(sfab_mem_free(mem));
	expect_error(-EFAULT, sfab_mem_register(dev[0], pages, 8192, SFAB_READ | SFAB_WRITE, &mem),
		     "accel0", "8192 bytes", "readable and writable");
	munmap(pages + 8192, 4096);
	expect_error(-EFAULT, sfab_mem_register(dev[0], pages, 16 * KIB, SFAB_READ, &mem),
		     "16384 bytes", "not all", "mapped readable");
	assert_int_equal(fake_pinned(), 0);
	munmap(pages, 8192);
	munmap(pages + 12288, 4096);
}

static void test_memlock_limit(void **state)
{
	struct rlimit old, limit = { 64 * KIB, 64 * KIB };
	char *pages = host_pages(128 * KIB);
	struct sfab_mem *first, *mem = NULL;

	(void)state;
	getrlimit(RLIMIT_MEMLOCK, &old);
	limit.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	expect_ok(sfab_mem_register(dev[0], pages, 40 * KIB, SFAB_READ, &first));
	expect_error(-ENOMEM, sfab_mem_register(dev[0], pages, 44 * KIB, SFAB_READ, &mem),
		     "register 45056 bytes", "RLIMIT_MEMLOCK is 65536 bytes",
		     "40960 are pinned already", "20480 too many", "ulimit -l", "CAP_IPC_LOCK");
	expect_ok(sfab_mem_free(first));

	/* Not the limit's fault */
	fake_fail_call(1, ENOMEM);
	expect_error(-ENOMEM, sfab_mem_register(dev[0], pages, 4096, SFAB_READ, &mem),
		     "the kernel has no memory left");
	setrlimit(RLIMIT_MEMLOCK, &old);
	munmap(pages, 128 * KIB);
	assert_null(mem);
}

/* Ranges of the process are found in whichever registration holds them */
static void test_host_addresses(void **state)
{
	static char area[64 * 1024];
	struct sfab_mem *hbm = alloc(dev[0], SFAB_MEM_HBM, 64 * KIB);
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_batch *batch = batch_on(queue);
	struct sfab_mem *outer, *inner, *twin, *far_away;

	(void)state;
	fill_random(area, sizeof(area), 1);
	expect_ok(sfab_mem_register(dev[0], area, 40000, SFAB_READ, &outer));
	expect_ok(sfab_mem_register(dev[0], area + 10000, 100, SFAB_READ, &inner));
	expect_ok(sfab_mem_register(dev[0], area + 10000, 50, SFAB_READ, &twin));
	expect_ok(sfab_mem_register(dev[0], area + 50000, 10000, SFAB_READ, &far_away));

	expect_ok(sfab_batch_copy(batch, hbm, 0, HOST(area + 9000), 20000));
	expect_ok(sfab_batch_copy(batch, hbm, 20000, HOST(area + 10040), 60));
	expect_ok(sfab_batch_copy(batch, hbm, 21000, HOST(area + 59999), 1));
	expect_error(-EFAULT, sfab_batch_copy(batch, hbm, 0, HOST(area + 39999), 2),
		     "not in one registration", "sfab_mem_register");
	expect_error(-EFAULT, sfab_batch_copy(batch, hbm, 0, HOST(area + 39999), 11000),
		     "11000 bytes");
	expect_error(-EFAULT, sfab_batch_copy(batch, hbm, 0, HOST(area + 60000), 1), "registr");
	expect_error(-EFAULT, sfab_batch_copy(batch, hbm, 0, HOST(NULL), 1), "registr");
	expect_error(-EACCES, sfab_batch_copy(batch, HOST(area), hbm, 0, 1), "SFAB_WRITE");
	run(batch);
	assert_memory_equal(cpu(hbm), area + 9000, 20000);
	assert_memory_equal((char *)cpu(hbm) + 20000, area + 10040, 60);
	assert_int_equal(((char *)cpu(hbm))[21000], area[59999]);

	expect_ok(sfab_mem_free(twin));
	expect_ok(sfab_mem_free(outer));
	expect_error(-EFAULT, sfab_batch_copy(batch, hbm, 0, HOST(area + 9000), 100), "registr");
	expect_ok(sfab_batch_copy(batch, hbm, 0, HOST(area + 10000), 100));
	run(batch);
	expect_ok(sfab_mem_free(inner));
	expect_error(-EFAULT, sfab_batch_copy(batch, hbm, 0, HOST(area + 10000), 50), "registr");
	expect_ok(sfab_mem_free(far_away));
}

/* ---- mapping ---- */

static void test_map_fails(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, 4096);
	void *p = NULL;

	(void)state;
	fake_fail_call(1, EIO);
	expect_error(-EIO, sfab_mem_map(mem, &p), "accel0", "4096 bytes of HBM", "offset");
	fake_fail_call(2, ENOMEM);
	expect_error(-ENOMEM, sfab_mem_map(mem, &p), "map 4096 bytes of HBM");
	assert_null(p);
	expect_ok(sfab_mem_map(mem, &p));
	expect_ok(sfab_mem_free(mem));
}

/* ---- dma-bufs ---- */

static void test_foreign_dmabuf(void **state)
{
	struct sfab_mem *hbm = alloc(dev[0], SFAB_MEM_HBM, 8192), *mem = NULL, *again;
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_batch *batch = batch_on(queue);
	void *p, *q;
	int fd = fake_foreign_dmabuf(8192, &p);

	(void)state;
	expect_error(-EBADF, sfab_mem_import_dmabuf(dev[0], -1, &mem), "no dma-buf");
	expect_error(-EBADF, sfab_mem_import_dmabuf(dev[0], 0, &mem), "descriptor 0");
	fake_refuse_foreign(true);
	expect_error(-EXDEV, sfab_mem_import_dmabuf(dev[0], fd, &mem), "cannot reach");
	fake_refuse_foreign(false);
	assert_null(mem);

	expect_ok(sfab_mem_import_dmabuf(dev[0], fd, &mem));
	expect_ok(sfab_mem_import_dmabuf(dev[0], fd, &again));
	close(fd);
	assert_int_equal(sfab_mem_kind(mem), SFAB_MEM_IMPORTED);
	assert_int_equal(sfab_mem_size(mem), 8192);
	assert_int_equal(sfab_mem_reach(mem, dev[0]), SFAB_REACH_SYSTEM);
	expect_error(-EOPNOTSUPP, sfab_mem_map(mem, &q), "mmap");

	fill_random(p, 8192, 3);
	expect_ok(sfab_batch_copy(batch, hbm, 0, mem, 0, 8192));
	run(batch);
	assert_memory_equal(cpu(hbm), p, 8192);

	/* The kernel gave both the same handle: one may go before the other is used */
	expect_ok(sfab_mem_free(mem));
	expect_ok(sfab_batch_fill(batch, again, 0, 100, 0x33, 1));
	run(batch);
	assert_int_equal(*(char *)p, 0x33);
	expect_ok(sfab_mem_free(again));
}

static void test_export(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, 8192), *same, *there, *reg;
	char *pages = host_pages(4096);
	int fd = -1;

	(void)state;
	strcpy(cpu(mem), "exported");
	expect_ok(sfab_mem_export_dmabuf(mem, &fd));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	expect_ok(sfab_mem_import_dmabuf(dev[0], fd, &same));
	expect_ok(sfab_mem_import_dmabuf(dev[1], fd, &there));
	close(fd);
	assert_int_equal(sfab_mem_reach(same, dev[0]), SFAB_REACH_LOCAL);
	assert_int_equal(sfab_mem_reach(there, dev[1]), SFAB_REACH_PEER);
	expect_ok(sfab_mem_free(mem));
	expect_ok(sfab_mem_free(same));
	expect_ok(sfab_mem_free(there));

	expect_ok(sfab_mem_register(dev[0], pages, 4096, SFAB_READ, &reg));
	expect_error(-EOPNOTSUPP, sfab_mem_export_dmabuf(reg, &fd), "registered", "SFAB_MEM_SYSTEM");
	expect_ok(sfab_mem_free(reg));
	munmap(pages, 4096);
}

static void test_unreachable_dmabuf(void **state)
{
	struct sfab_mem *mem = alloc(dev[1], SFAB_MEM_HBM, 4096), *there = NULL;
	int fd;

	(void)state;
	fake_no_peers();
	expect_ok(sfab_mem_export_dmabuf(mem, &fd));
	expect_error(-EXDEV, sfab_mem_import_dmabuf(dev[0], fd, &there), "accel0",
		     "cannot reach", "system memory");
	close(fd);
	assert_null(there);
}

/* ---- freeing ---- */

static void test_free_waits(void **state)
{
	struct sfab_mem *src = alloc(dev[0], SFAB_MEM_HBM, MIB);
	struct sfab_mem *dst = alloc(dev[0], SFAB_MEM_SYSTEM, MIB);
	struct sfab_mem *keep = alloc(dev[0], SFAB_MEM_SYSTEM, MIB);
	struct sfab_queue *queue = queue_on(dev[0]);
	unsigned int i;

	(void)state;
	fill_random(cpu(src), MIB, 5);
	for (i = 0; i < 20; i++)
		expect_ok(sfab_copy(queue, dst, 0, src, 0, MIB, NULL));
	expect_ok(sfab_copy(queue, keep, 0, dst, 0, MIB, NULL));
	/* Nothing has been waited for: freeing does, else the copies would fault */
	expect_ok(sfab_mem_free(dst));
	assert_memory_equal(cpu(keep), cpu(src), MIB);
	expect_ok(sfab_mem_free(src));
	expect_ok(sfab_queue_wait(queue, 10 * SECOND));
	expect_ok(sfab_mem_free(keep));
}

static void test_free_recorded(void **state)
{
	struct sfab_mem *a = alloc(dev[0], SFAB_MEM_HBM, 4096);
	struct sfab_mem *b = alloc(dev[0], SFAB_MEM_HBM, 4096);
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_batch *batch = batch_on(queue);

	(void)state;
	expect_ok(sfab_batch_copy(batch, a, 0, b, 0, 64));
	expect_error(-EBUSY, sfab_mem_free(a), "4096 bytes of HBM of accel0", "batch");
	expect_error(-EBUSY, sfab_mem_free(b), "batch");
	expect_ok(sfab_batch_clear(batch));
	expect_ok(sfab_mem_free(a));
	expect_ok(sfab_batch_fill(batch, b, 0, 64, 1, 1));
	expect_error(-EBUSY, sfab_mem_free(b), "batch");
	sfab_batch_free(batch);
	expect_ok(sfab_mem_free(b));
}

static void test_free_long_running(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_SYSTEM, 4096);
	struct sfab_queue *queue;
	struct sfab_batch *batch;

	(void)state;
	expect_ok(sfab_queue_create(dev[0], SFAB_LONG_RUNNING, &queue));
	batch = batch_on(queue);
	expect_ok(sfab_batch_wait(batch, mem, 0, 4, SFAB_EQ, 1, UINT32_MAX, 0));
	expect_ok(sfab_batch_submit(batch, NULL, 0, NULL));
	expect_error(-EBUSY, sfab_mem_free(mem), "long-running queue 1");
	*(volatile uint32_t *)cpu(mem) = 1;
	expect_ok(sfab_queue_wait(queue, 10 * SECOND));
	expect_ok(sfab_mem_free(mem));

	/* Or the queue goes first */
	mem = alloc(dev[0], SFAB_MEM_SYSTEM, 4096);
	expect_ok(sfab_batch_wait(batch, mem, 0, 4, SFAB_EQ, 1, UINT32_MAX, 0));
	expect_ok(sfab_batch_submit(batch, NULL, 0, NULL));
	expect_error(-EBUSY, sfab_mem_free(mem), "long-running");
	sfab_queue_destroy(queue);
	expect_ok(sfab_mem_free(mem));
	sfab_batch_free(batch);
}

/* Work that failed does not keep a memory */
static void test_free_after_fault(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, 4096);
	struct sfab_queue *queue = queue_on(dev[0]);

	(void)state;
	fake_fault(0, SFAB_CAUSE_BUS_ERROR);
	expect_ok(sfab_copy(queue, mem, 0, mem, 64, 8, NULL));
	expect_ok(sfab_mem_free(mem));
}

static void test_free_fails(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, 4096);
	struct sfab_queue *queue = queue_on(dev[0]);

	(void)state;
	expect_ok(sfab_copy(queue, mem, 0, mem, 64, 8, NULL));
	expect_ok(sfab_queue_wait(queue, 10 * SECOND));
	fake_fail_call(2, ENOMEM);	/* the first asks for the queue */
	expect_error(-ENOMEM, sfab_mem_free(mem), "unmap 4096 bytes of HBM");
	/* It is still whole */
	expect_ok(sfab_copy(queue, mem, 0, mem, 64, 8, NULL));
	expect_ok(sfab_mem_free(mem));
}

/* Each queue that ever used it is forgotten, not kept as long as the memory */
static void test_many_queues(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, 4096);
	unsigned int i, after_one = 0;

	(void)state;
	for (i = 0; i < 50; i++) {
		struct sfab_queue *queue = queue_on(dev[0]);

		expect_ok(sfab_copy(queue, mem, 0, mem, 64, 8, NULL));
		expect_ok(sfab_queue_wait(queue, 10 * SECOND));
		sfab_queue_destroy(queue);
		if (i == 0)
			after_one = fake_leaks();
	}
	assert_int_equal(fake_leaks(), after_one);
	expect_ok(sfab_mem_free(mem));
}

/* A memory is mapped into the address space once, and addresses are used again */
static void test_mapping_cache(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, 4096);
	struct sfab_queue *one = queue_on(dev[0]), *two = queue_on(dev[0]);
	unsigned int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		expect_ok(sfab_copy(one, mem, 0, mem, 64, 8, NULL));
		expect_ok(sfab_copy(two, mem, 0, mem, 64, 8, NULL));
	}
	assert_int_equal(fake_work().binds, 1);
	expect_ok(sfab_mem_free(mem));
	assert_int_equal(fake_work().binds, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bad_arguments, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_alloc, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_out_of_hbm, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_register, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_register_what_cannot_be, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_memlock_limit, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_host_addresses, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_map_fails, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_dmabuf, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_export, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_unreachable_dmabuf, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_free_waits, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_free_recorded, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_free_long_running, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_free_after_fault, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_free_fails, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_many_queues, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_mapping_cache, setup_one, teardown),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
