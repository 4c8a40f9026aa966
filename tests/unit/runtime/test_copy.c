// SPDX-License-Identifier: MIT
/*
 * The operations on one device: what they do, and what they refuse
 */
#include "test.h"

static struct sfab_mem *hbm, *sys, *reg;
static struct sfab_queue *queue;
static struct sfab_batch *batch;
static char *host;

#define SIZE	(256 * KIB)

static int setup(void **state)
{
	setup_one(state);
	hbm = alloc(dev[0], SFAB_MEM_HBM, SIZE);
	sys = alloc(dev[0], SFAB_MEM_SYSTEM, SIZE);
	host = host_pages(SIZE + 8192);
	/* Not at the start of a page, but aligned to an element */
	expect_ok(sfab_mem_register(dev[0], host + 72, SIZE, SFAB_READ | SFAB_WRITE, &reg));
	queue = queue_on(dev[0]);
	batch = batch_on(queue);
	return 0;
}

static int teardown_copy(void **state)
{
	int ret = teardown(state);

	munmap(host, SIZE + 8192);
	return ret;
}

static void test_copy_everywhere(void **state)
{
	struct sfab_mem *mems[] = { hbm, sys, reg };
	static const uint64_t sizes[] = { 0, 1, 4095, 4096, 65537 };
	static const uint64_t offsets[] = { 0, 1, 4093 };
	char *expected = malloc(SIZE), *p;
	unsigned int from, to, i, k;

	(void)state;
	for (from = 0; from < 3; from++) {
		for (to = 0; to < 3; to++) {
			for (i = 0; i < 5; i++) {
				for (k = 0; k < 3; k++) {
					uint64_t src = offsets[k], dst = 131072 + offsets[2 - k];

					p = cpu(mems[to]);
					memset(p, 0xee, SIZE);
					fill_random(cpu(mems[from]), 131072, from + i);
					memcpy(expected, p, SIZE);
					memcpy(expected + dst, (char *)cpu(mems[from]) + src,
					       sizes[i]);
					expect_ok(sfab_batch_copy(batch, mems[to], dst, mems[from],
								  src, sizes[i]));
					run(batch);
					assert_memory_equal(p, expected, SIZE);
				}
			}
		}
	}
	free(expected);
}

static void test_copy_host_pointers(void **state)
{
	struct sfab_fence *fence;

	(void)state;
	fill_random(host + 72, SIZE, 4);
	expect_ok(sfab_copy(queue, hbm, 0, HOST(host + 72), SIZE, &fence));
	expect_ok(sfab_fence_wait(fence, 10 * SECOND));
	sfab_fence_free(fence);
	assert_memory_equal(cpu(hbm), host + 72, SIZE);
	expect_ok(sfab_copy(queue, HOST(host + 100), HOST(host + 72 + 1000), 900, &fence));
	expect_ok(sfab_fence_wait(fence, 10 * SECOND));
	sfab_fence_free(fence);
	assert_memory_equal(host + 100, (char *)cpu(hbm) + 1000, 900);
}

static void test_copy_2d(void **state)
{
	char *p, *q = cpu(sys);
	unsigned int y;

	(void)state;
	fill_random(q, SIZE, 6);
	p = cpu(hbm);
	memset(p, 0, SIZE);
	expect_ok(sfab_batch_copy_2d(batch, hbm, 10, 500, sys, 20, 300, 200, 400));
	run(batch);
	for (y = 0; y < 400; y++) {
		assert_memory_equal(p + 10 + y * 500, q + 20 + y * 300, 200);
		assert_int_equal(p[10 + y * 500 + 200], 0);
		assert_int_equal(p[10 + y * 500 - 1], 0);
	}
	/* Nothing to do needs no memory */
	expect_ok(sfab_batch_copy_2d(batch, hbm, SIZE, 500, sys, 0, 300, 200, 0));
	expect_ok(sfab_batch_copy_2d(batch, hbm, 0, 0, sys, 0, 0, 0, UINT32_MAX));
	run(batch);
	assert_int_equal(fake_work().commands, 2);	/* the copy, and one for the fence */
}

static void test_fill(void **state)
{
	static const unsigned int widths[] = { 1, 2, 4, 8 };
	static const uint64_t values[] = { 0xab, 0xabcd, 0x89abcdef, 0x0123456789abcdef };
	unsigned int i, k;
	char *p = cpu(hbm);

	(void)state;
	for (i = 0; i < 4; i++) {
		memset(p, 0, SIZE);
		expect_ok(sfab_batch_fill(batch, hbm, 3, 800, values[i], widths[i]));
		run(batch);
		for (k = 0; k < 800; k += widths[i])
			assert_memory_equal(p + 3 + k, &values[i], widths[i]);
		assert_int_equal(p[2], 0);
		assert_int_equal(p[803], 0);
	}
	expect_ok(sfab_batch_fill(batch, hbm, 0, 0, 1, 8));
	run(batch);
}

static void test_reduce_types(void **state)
{
	static const struct {
		enum sfab_type type;
		enum sfab_reduction op;
		uint32_t dst;
		uint32_t src;
		uint32_t result;
	} cases[] = {
		{ SFAB_TYPE_I32, SFAB_SUM, 0x7fffffff, 1, 0x80000000 },
		{ SFAB_TYPE_I32, SFAB_MIN, 5, 0xffffffff, 0xffffffff },
		{ SFAB_TYPE_I32, SFAB_MAX, 5, 0xffffffff, 5 },
		{ SFAB_TYPE_FP32, SFAB_SUM, 0x3fc00000, 0x40100000, 0x40700000 },
		{ SFAB_TYPE_FP32, SFAB_MIN, 0x3fc00000, 0x40100000, 0x3fc00000 },
		{ SFAB_TYPE_FP32, SFAB_MAX, 0x3fc00000, 0x40100000, 0x40100000 },
		{ SFAB_TYPE_BF16, SFAB_SUM, 0x3fc0, 0x4010, 0x4070 },
		{ SFAB_TYPE_BF16, SFAB_MAX, 0x3fc0, 0x4010, 0x4010 },
		{ SFAB_TYPE_FP16, SFAB_SUM, 0x3e00, 0x4080, 0x4380 },
		{ SFAB_TYPE_FP16, SFAB_MIN, 0x3e00, 0x4080, 0x3e00 },
	};
	char *p = cpu(hbm), *q = cpu(sys);
	unsigned int i, k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool wide = cases[i].type <= SFAB_TYPE_FP32;
		unsigned int width = wide ? 4 : 2;

		memset(p, 0, SIZE);
		for (k = 0; k < 100; k++) {
			memcpy(p + 64 + k * width, &cases[i].dst, width);
			memcpy(q + 32 + k * width, &cases[i].src, width);
		}
		expect_ok(sfab_batch_reduce(batch, hbm, 64, sys, 32, 100, cases[i].type,
					    cases[i].op));
		run(batch);
		for (k = 0; k < 100; k++)
			assert_memory_equal(p + 64 + k * width, &cases[i].result, width);
		assert_int_equal(p[64 + 100 * width], 0);
	}
	/* With itself is allowed */
	*(uint32_t *)p = 21;
	expect_ok(sfab_batch_reduce(batch, hbm, 0, hbm, 0, 1, SFAB_TYPE_I32, SFAB_SUM));
	run(batch);
	assert_int_equal(*(uint32_t *)p, 42);
}

static void test_atomic(void **state)
{
	uint64_t *p = cpu(hbm), *old = cpu(sys);

	(void)state;
	p[1] = 40;
	expect_ok(sfab_batch_atomic(batch, hbm, 8, 8, SFAB_ADD, 2, 0, sys, 0));
	expect_ok(sfab_batch_atomic(batch, hbm, 8, 8, SFAB_SWAP, 7, 0, sys, 8));
	expect_ok(sfab_batch_atomic(batch, hbm, 8, 8, SFAB_CAS, 9, 8, sys, 16));
	expect_ok(sfab_batch_atomic(batch, hbm, 8, 8, SFAB_CAS, 9, 7, sys, 24));
	expect_ok(sfab_batch_atomic(batch, hbm, 8, 8, SFAB_ADD, 1, 0, DISCARD));
	run(batch);
	assert_int_equal(old[0], 40);
	assert_int_equal(old[1], 42);
	assert_int_equal(old[2], 7);
	assert_int_equal(old[3], 7);
	assert_int_equal(p[1], 10);

	p[0] = 0x1122334455667788;
	expect_ok(sfab_batch_atomic(batch, hbm, 4, 4, SFAB_SWAP, 0xaabbccdd, 0, HOST(host + 72)));
	run(batch);
	assert_int_equal(p[0], 0xaabbccdd55667788);
	assert_int_equal(*(uint32_t *)(host + 72), 0x11223344);
}

static void test_write_and_timestamp(void **state)
{
	uint64_t *p = cpu(hbm);

	(void)state;
	expect_ok(sfab_batch_write(batch, hbm, 0, 0x1122334455667788, 8));
	expect_ok(sfab_batch_write(batch, hbm, 12, 0xaabbccdd, 4));
	expect_ok(sfab_batch_timestamp(batch, hbm, 16));
	expect_ok(sfab_batch_timestamp(batch, hbm, 24));
	run(batch);
	assert_int_equal(p[0], 0x1122334455667788);
	assert_int_equal(p[1], 0xaabbccdd00000000);
	assert_true(p[2] > 0 && p[3] >= p[2]);
}

/* ---- refusals ---- */

static void test_ranges(void **state)
{
	static const struct {
		uint64_t offset;
		uint64_t size;
	} bad[] = {
		{ SIZE, 1 }, { SIZE - 1, 2 }, { 0, SIZE + 1 }, { 1, UINT64_MAX }, { UINT64_MAX, 1 },
		{ UINT64_MAX - 8, 64 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t at = bad[i].offset, size = bad[i].size;

		expect_error(-ERANGE, sfab_batch_copy(batch, hbm, at, sys, 0, size),
			     "do not fit", "262144 bytes of");
		expect_error(-ERANGE, sfab_batch_copy(batch, sys, 0, hbm, at, size),
			     "do not fit");
		expect_error(-ERANGE, sfab_batch_fill(batch, hbm, at, size, 0, 1),
			     "HBM");
		expect_error(-ERANGE, sfab_copy(queue, hbm, at, sys, 0, size, NULL),
			     "HBM");
	}
	/* As asked for, not as rounded up to pages */
	expect_ok(sfab_mem_free(hbm));
	hbm = alloc(dev[0], SFAB_MEM_HBM, 5000);
	expect_ok(sfab_batch_fill(batch, hbm, 4999, 1, 0, 1));
	expect_error(-ERANGE, sfab_batch_fill(batch, hbm, 5000, 1, 0, 1), "5000 bytes of HBM");
	expect_error(-ERANGE, sfab_batch_write(batch, hbm, 4997, 0, 4), "5000");
	expect_error(-ERANGE, sfab_batch_write(batch, hbm, 5000, 0, 8), "5000");
	expect_error(-ERANGE, sfab_batch_timestamp(batch, hbm, 5000), "5000");
	expect_error(-ERANGE, sfab_batch_atomic(batch, hbm, 5000, 8, SFAB_ADD, 1, 0, DISCARD),
		     "5000");
	expect_error(-ERANGE, sfab_batch_atomic(batch, sys, 0, 8, SFAB_ADD, 1, 0, hbm, 5000),
		     "5000");
	expect_error(-ERANGE, sfab_batch_reduce(batch, hbm, 4, sys, 0, 1250, SFAB_TYPE_I32,
						SFAB_SUM), "5000");
	expect_error(-ERANGE, sfab_batch_reduce(batch, sys, 0, hbm, 4, 1250, SFAB_TYPE_I32,
						SFAB_SUM), "5000");
	expect_error(-ERANGE, sfab_batch_reduce(batch, hbm, 0, sys, 0, UINT64_MAX / 2,
						SFAB_TYPE_I32, SFAB_SUM), "too many");
	expect_error(-ERANGE, sfab_batch_copy_2d(batch, hbm, 0, 100, sys, 0, 100, 50, 51), "5000");
	expect_ok(sfab_batch_copy_2d(batch, hbm, 0, 100, sys, 0, 100, 100, 50));
	expect_error(-ERANGE, sfab_batch_copy_2d(batch, hbm, 1, 100, sys, 0, 100, 100, 50), "5000");
	expect_error(-ERANGE, sfab_batch_copy_2d(batch, sys, 0, 100, hbm, 1, 100, 100, 50), "5000");
	expect_error(-ERANGE, sfab_batch_copy_2d(batch, hbm, 0, UINT64_MAX / 2, sys, 0, 100, 100,
						 4), "too many");
	expect_error(-ERANGE, sfab_batch_copy_2d(batch, hbm, 0, 1, sys, 0, 1, 1, 1ULL << 32),
		     "too many");
	run(batch);
	assert_int_equal(fake_work().commands, 2);
}

static void test_overlap(void **state)
{
	(void)state;
	expect_error(-EINVAL, sfab_batch_copy(batch, hbm, 0, hbm, 99, 100), "overlap");
	expect_error(-EINVAL, sfab_batch_copy(batch, hbm, 99, hbm, 0, 100), "overlap");
	expect_error(-EINVAL, sfab_batch_copy(batch, hbm, 5, hbm, 5, 1), "overlap");
	expect_ok(sfab_batch_copy(batch, hbm, 100, hbm, 0, 100));
	expect_ok(sfab_batch_copy(batch, hbm, 5, hbm, 5, 0));
	expect_error(-EINVAL, sfab_batch_reduce(batch, hbm, 0, hbm, 4, 2, SFAB_TYPE_I32, SFAB_SUM),
		     "overlap");
	expect_error(-EINVAL, sfab_batch_atomic(batch, hbm, 0, 8, SFAB_ADD, 1, 0, hbm, 0), "old");
	expect_error(-EINVAL, sfab_batch_copy(batch, HOST(host + 100), HOST(host + 150), 51),
		     "overlap");
	run(batch);
}

static void test_values(void **state)
{
	(void)state;
	expect_error(-EINVAL, sfab_batch_fill(batch, hbm, 0, 8, 0x100, 1), "0x100", "1 bytes");
	expect_error(-EINVAL, sfab_batch_fill(batch, hbm, 0, 8, 0x10000, 2), "2 bytes");
	expect_error(-EINVAL, sfab_batch_fill(batch, hbm, 0, 8, 1ULL << 32, 4), "4 bytes");
	expect_error(-EINVAL, sfab_batch_fill(batch, hbm, 0, 8, 0, 3), "width of 3");
	expect_error(-EINVAL, sfab_batch_fill(batch, hbm, 0, 8, 0, 0), "width of 0");
	expect_error(-EINVAL, sfab_batch_fill(batch, hbm, 0, 9, 0, 2), "9 bytes", "width 2");
	expect_error(-EINVAL, sfab_batch_write(batch, hbm, 0, 0, 2), "width of 2");
	expect_error(-EINVAL, sfab_batch_write(batch, hbm, 0, 1ULL << 32, 4), "4 bytes");
	expect_error(-EINVAL, sfab_batch_write(batch, hbm, 4, 0, 8), "offset 0x4", "aligned to 8");
	expect_error(-EINVAL, sfab_batch_write(batch, HOST(host + 73), 0, 4), "aligned to 4");
	expect_error(-EINVAL, sfab_batch_timestamp(batch, hbm, 4), "aligned to 8");
	expect_error(-EINVAL, sfab_batch_atomic(batch, hbm, 0, 2, SFAB_ADD, 1, 0, DISCARD), "width");
	expect_error(-EINVAL, sfab_batch_atomic(batch, hbm, 0, 4, (enum sfab_atomic_op)3, 1, 0,
						DISCARD), "operation 3");
	expect_error(-EINVAL, sfab_batch_atomic(batch, hbm, 0, 4, SFAB_ADD, 1ULL << 32, 0, DISCARD),
		     "4 bytes");
	expect_error(-EINVAL, sfab_batch_atomic(batch, hbm, 0, 4, SFAB_CAS, 1, 1ULL << 32, DISCARD),
		     "4 bytes");
	expect_error(-EINVAL, sfab_batch_atomic(batch, hbm, 0, 4, SFAB_ADD, 1, 1, DISCARD),
		     "comparand");
	expect_error(-EINVAL, sfab_batch_atomic(batch, hbm, 2, 4, SFAB_ADD, 1, 0, DISCARD),
		     "aligned to 4");
	expect_error(-EINVAL, sfab_batch_atomic(batch, hbm, 0, 4, SFAB_ADD, 1, 0, sys, 6),
		     "aligned to 4");
	expect_error(-EINVAL, sfab_batch_reduce(batch, hbm, 2, sys, 0, 1, SFAB_TYPE_FP32, SFAB_SUM),
		     "aligned to 4");
	expect_error(-EINVAL, sfab_batch_reduce(batch, hbm, 0, sys, 1, 1, SFAB_TYPE_BF16, SFAB_SUM),
		     "aligned to 2");
	expect_error(-EINVAL, sfab_batch_reduce(batch, hbm, 0, sys, 0, 1, (enum sfab_type)4,
						SFAB_SUM), "type 4");
	expect_error(-EINVAL, sfab_batch_reduce(batch, hbm, 0, sys, 0, 1, SFAB_TYPE_I32,
						(enum sfab_reduction)3), "operation 3");
	expect_error(-EINVAL, sfab_batch_copy_2d(batch, hbm, 0, 9, sys, 0, 10, 10, 2), "pitch");
	expect_error(-EINVAL, sfab_batch_copy_2d(batch, hbm, 0, 10, sys, 0, 9, 10, 2), "pitch");
	run(batch);
	assert_int_equal(fake_work().commands, 1);	/* nothing was recorded */
}

static void test_rights(void **state)
{
	struct sfab_mem *ro;

	(void)state;
	expect_ok(sfab_mem_register(dev[0], host + 4096, 4096, SFAB_READ, &ro));
	expect_ok(sfab_batch_copy(batch, hbm, 0, ro, 0, 100));
	expect_error(-EACCES, sfab_batch_copy(batch, ro, 0, hbm, 0, 100), "4096 bytes of registered",
		     "SFAB_WRITE");
	expect_error(-EACCES, sfab_batch_fill(batch, ro, 0, 8, 0, 8), "SFAB_WRITE");
	expect_error(-EACCES, sfab_batch_reduce(batch, ro, 0, hbm, 0, 1, SFAB_TYPE_I32, SFAB_SUM),
		     "SFAB_WRITE");
	expect_error(-EACCES, sfab_batch_atomic(batch, ro, 0, 8, SFAB_ADD, 1, 0, DISCARD),
		     "SFAB_WRITE");
	expect_error(-EACCES, sfab_batch_atomic(batch, hbm, 0, 8, SFAB_ADD, 1, 0, ro, 0),
		     "SFAB_WRITE");
	expect_error(-EACCES, sfab_batch_write(batch, ro, 0, 1, 8), "SFAB_WRITE");
	expect_error(-EACCES, sfab_batch_timestamp(batch, ro, 0), "SFAB_WRITE");
	run(batch);
	expect_ok(sfab_mem_free(ro));
}

static void test_null_and_features(void **state)
{
	struct sfab_context *other;
	struct sfab_device *other_dev;
	struct sfab_mem *other_mem;
	struct sfab_batch *b = NULL;

	(void)state;
	expect_error(-EINVAL, sfab_batch_create(NULL, &b), "NULL");
	expect_error(-EINVAL, sfab_batch_create(queue, NULL), "NULL");
	expect_error(-EINVAL, sfab_batch_clear(NULL), "NULL");
	expect_error(-EINVAL, sfab_batch_submit(NULL, NULL, 0, NULL), "NULL");
	expect_error(-EINVAL, sfab_batch_submit(batch, NULL, 1, NULL), "NULL");
	expect_error(-EINVAL, sfab_batch_copy(NULL, hbm, 0, sys, 0, 1), "NULL");
	expect_error(-EINVAL, sfab_batch_copy_2d(NULL, hbm, 0, 1, sys, 0, 1, 1, 1), "NULL");
	expect_error(-EINVAL, sfab_batch_fill(NULL, hbm, 0, 1, 0, 1), "NULL");
	expect_error(-EINVAL, sfab_batch_reduce(NULL, hbm, 0, sys, 0, 1, SFAB_TYPE_I32, SFAB_SUM),
		     "NULL");
	expect_error(-EINVAL, sfab_batch_atomic(NULL, hbm, 0, 4, SFAB_ADD, 1, 0, DISCARD), "NULL");
	expect_error(-EINVAL, sfab_batch_write(NULL, hbm, 0, 1, 4), "NULL");
	expect_error(-EINVAL, sfab_batch_wait(NULL, hbm, 0, 4, SFAB_EQ, 1, 1, 0), "NULL");
	expect_error(-EINVAL, sfab_batch_timestamp(NULL, hbm, 0), "NULL");
	expect_error(-EINVAL, sfab_copy(NULL, hbm, 0, sys, 0, 1, NULL), "NULL");
	expect_error(-EINVAL, sfab_queue_create(NULL, 0, &queue), "NULL");
	expect_error(-EINVAL, sfab_queue_create(dev[0], 2, &queue), "flags 0x2");
	expect_error(-EINVAL, sfab_queue_wait(NULL, 0), "NULL");
	expect_error(-EINVAL, sfab_queue_get_status(queue, NULL), "NULL");
	expect_error(-EINVAL, sfab_fence_wait(NULL, 0), "NULL");
	expect_error(-EINVAL, sfab_fence_get_fd(NULL, NULL), "NULL");
	expect_error(-EINVAL, sfab_fence_get_fault(NULL, NULL), "NULL");
	expect_error(-EOPNOTSUPP, sfab_batch_wait(batch, hbm, 0, 4, SFAB_EQ, 1, 1, 0),
		     "SFAB_LONG_RUNNING");
	assert_null(sfab_queue_device(NULL));
	assert_ptr_equal(sfab_queue_device(queue), dev[0]);
	sfab_batch_free(NULL);
	sfab_fence_free(NULL);
	sfab_queue_destroy(NULL);

	fake_caps(0, 0);
	expect_ok(sfab_context_open(&other, 0));
	expect_ok(sfab_device_get(other, 0, &other_dev));
	other_mem = alloc(other_dev, SFAB_MEM_HBM, 4096);
	expect_error(-EINVAL, sfab_batch_copy(batch, hbm, 0, other_mem, 0, 1), "contexts");
	expect_error(-EINVAL, sfab_mem_reach(other_mem, dev[0]), "contexts");
	expect_error(-EINVAL, sfab_device_reach(other_dev, dev[0]), "contexts");
	b = batch_on(queue_on(other_dev));
	expect_error(-EOPNOTSUPP, sfab_batch_reduce(b, other_mem, 0, other_mem, 0, 1, SFAB_TYPE_I32,
						    SFAB_SUM), "no reduction");
	expect_error(-EOPNOTSUPP, sfab_batch_atomic(b, other_mem, 0, 8, SFAB_ADD, 1, 0, DISCARD),
		     "no atomic");
	expect_error(-EOPNOTSUPP, sfab_batch_copy_2d(b, other_mem, 0, 8, other_mem, 64, 8, 1, 1),
		     "no 2-D copy");
	sfab_context_close(other);
}

/* ---- large and many ---- */

/* No submission is so large that it may run into the job timeout */
static void test_pieces(void **state)
{
	uint64_t size = 70 * MIB + 13;
	struct sfab_mem *a = alloc(dev[0], SFAB_MEM_SYSTEM, size);
	struct sfab_mem *b = alloc(dev[0], SFAB_MEM_SYSTEM, size);
	uint64_t before;

	(void)state;
	fill_random(cpu(a), size, 9);
	expect_ok(sfab_batch_copy(batch, b, 0, a, 0, size));
	run(batch);
	assert_memory_equal(cpu(a), cpu(b), size);
	expect_ok(sfab_batch_copy_2d(batch, b, 0, MIB, a, MIB / 2, MIB, MIB - 5, 69));
	run(batch);
	assert_memory_equal((char *)cpu(a) + 68 * MIB + MIB / 2, (char *)cpu(b) + 68 * MIB,
			    MIB - 5);
	assert_true(fake_work().most_bytes <= 64 * MIB);
	assert_int_equal(fake_work().submissions, 4);

	/* Small commands share a submission, as many as the kernel takes */
	before = fake_work().submissions;
	for (size = 0; size < 600; size++)
		expect_ok(sfab_batch_copy(batch, hbm, size, sys, size, 1));
	run(batch);
	assert_int_equal(fake_work().submissions - before, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_copy_everywhere, setup, teardown_copy),
		cmocka_unit_test_setup_teardown(test_copy_host_pointers, setup, teardown_copy),
		cmocka_unit_test_setup_teardown(test_copy_2d, setup, teardown_copy),
		cmocka_unit_test_setup_teardown(test_fill, setup, teardown_copy),
		cmocka_unit_test_setup_teardown(test_reduce_types, setup, teardown_copy),
		cmocka_unit_test_setup_teardown(test_atomic, setup, teardown_copy),
		cmocka_unit_test_setup_teardown(test_write_and_timestamp, setup, teardown_copy),
		cmocka_unit_test_setup_teardown(test_ranges, setup, teardown_copy),
		cmocka_unit_test_setup_teardown(test_overlap, setup, teardown_copy),
		cmocka_unit_test_setup_teardown(test_values, setup, teardown_copy),
		cmocka_unit_test_setup_teardown(test_rights, setup, teardown_copy),
		cmocka_unit_test_setup_teardown(test_null_and_features, setup, teardown_copy),
		cmocka_unit_test_setup_teardown(test_pieces, setup, teardown_copy),
	};

	return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}
