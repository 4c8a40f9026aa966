// SPDX-License-Identifier: MIT
/*
 * Peer access between devices of a node: by DMA where it works, through system
 * memory where it does not.  Every operation is done for all combinations of what
 * reaches what, with the same result.
 */
#include "test.h"

#define SIZE	(9 * MIB + 4099)	/* two buffers and a bit */

static struct sfab_mem *mem[3];		/* HBM of each device */
static struct sfab_queue *queues[3];
static struct sfab_batch *batches[3];

static int setup(void **state)
{
	unsigned int i;

	setup_three(state);
	for (i = 0; i < 3; i++) {
		mem[i] = alloc(dev[i], SFAB_MEM_HBM, SIZE);
		queues[i] = queue_on(dev[i]);
		batches[i] = batch_on(queues[i]);
	}
	return 0;
}

/* Which of the six ordered pairs of devices have peer DMA */
static void set_peers(unsigned int pairs)
{
	unsigned int from, to, bit = 0;

	for (from = 0; from < 3; from++) {
		for (to = 0; to < 3; to++) {
			if (from != to)
				fake_peer(from, to, pairs >> bit++ & 1);
		}
	}
}

/* Runs a body for each of the 64 topologies, on each device */
#define for_each_topology(pairs, on)					\
	for (unsigned int pairs = 0; pairs < 64; pairs++)		\
		for (unsigned int on = new_topology(pairs); on < 3; on++)

/* What the library knows of the old one goes with its objects */
static unsigned int new_topology(unsigned int pairs)
{
	unsigned int i;

	set_peers(pairs);
	for (i = 0; i < 3; i++) {
		expect_ok(sfab_queue_wait(queues[i], 10 * SECOND));
		expect_ok(sfab_mem_free(mem[i]));
		mem[i] = alloc(dev[i], SFAB_MEM_HBM, 64 * KIB);
	}
	return 0;
}

/* ---- reach ---- */

static void test_reach(void **state)
{
	struct sfab_mem *sys = alloc(dev[0], SFAB_MEM_SYSTEM, 4096), *reg;
	char *pages = host_pages(4096);

	(void)state;
	fake_peer(0, 2, false);
	assert_int_equal(sfab_mem_reach(mem[0], dev[0]), SFAB_REACH_LOCAL);
	assert_int_equal(sfab_mem_reach(mem[1], dev[0]), SFAB_REACH_PEER);
	assert_int_equal(sfab_mem_reach(mem[2], dev[0]), SFAB_REACH_BOUNCE);
	assert_int_equal(sfab_mem_reach(mem[0], dev[2]), SFAB_REACH_PEER);
	assert_int_equal(sfab_mem_reach(sys, dev[0]), SFAB_REACH_SYSTEM);
	assert_int_equal(sfab_mem_reach(sys, dev[2]), SFAB_REACH_SYSTEM);
	expect_ok(sfab_mem_register(dev[0], pages, 4096, SFAB_READ, &reg));
	assert_int_equal(sfab_mem_reach(reg, dev[1]), SFAB_REACH_SYSTEM);
	assert_int_equal(fake_pinned(), 8192);	/* once for each device */
	expect_ok(sfab_mem_free(reg));
	assert_int_equal(fake_pinned(), 0);
	munmap(pages, 4096);

	assert_int_equal(sfab_device_reach(dev[1], dev[1]), SFAB_REACH_LOCAL);
	assert_int_equal(sfab_device_reach(dev[0], dev[1]), SFAB_REACH_PEER);
	assert_int_equal(sfab_device_reach(dev[0], dev[2]), SFAB_REACH_BOUNCE);
	assert_int_equal(sfab_device_reach(dev[2], dev[0]), SFAB_REACH_PEER);
	/* Known from then on */
	fake_fail_call(1, EIO);
	assert_int_equal(sfab_device_reach(dev[0], dev[2]), SFAB_REACH_BOUNCE);
	expect_error(-EINVAL, sfab_device_reach(dev[0], NULL), "NULL");
	expect_error(-EINVAL, sfab_device_reach(NULL, dev[0]), "NULL");
	expect_error(-EIO, sfab_device_reach(dev[1], dev[2]), "accel2", "allocate");
	fake_fail_call(2, EIO);
	expect_error(-EIO, sfab_device_reach(dev[1], dev[2]), "import");
}

/* ---- every operation ---- */

static void copy_and_check(unsigned int on, unsigned int from, unsigned int to, uint64_t dst,
			   uint64_t src, uint64_t size)
{
	struct sfab_fence *fence;

	fill_random((char *)cpu(mem[from]) + src, size, on + from + to);
	memset((char *)cpu(mem[to]) + dst, 0, size);
	expect_ok(sfab_copy(queues[on], mem[to], dst, mem[from], src, size, &fence));
	expect_ok(sfab_fence_wait(fence, 10 * SECOND));
	assert_memory_equal((char *)cpu(mem[to]) + dst, (char *)cpu(mem[from]) + src, size);
	sfab_fence_free(fence);
}

static void test_copy(void **state)
{
	(void)state;
	for_each_topology(pairs, on) {
		for (unsigned int from = 0; from < 3; from++) {
			for (unsigned int to = 0; to < 3; to++)
				copy_and_check(on, from, to, 32771, 5, 7777);
		}
	}
}

/* Larger than the buffer, in and out of step with it */
static void test_copy_long(void **state)
{
	(void)state;
	fake_no_peers();
	copy_and_check(0, 0, 1, 0, 0, SIZE);
	copy_and_check(1, 0, 1, 0, 0, SIZE);
	copy_and_check(2, 0, 1, 3, 1, SIZE - 3);
	copy_and_check(2, 1, 0, 0, 0, 8 * MIB);
	copy_and_check(2, 1, 0, 0, 0, 4 * MIB + 1);
	copy_and_check(2, 1, 0, 0, 0, 1);
	assert_true(fake_work().most_bytes <= 4 * MIB);
}

static void test_peer_is_direct(void **state)
{
	uint64_t before = fake_work().submissions;

	(void)state;
	copy_and_check(0, 0, 1, 0, 0, SIZE);
	copy_and_check(2, 0, 1, 0, 0, SIZE);
	assert_int_equal(fake_work().submissions - before, 2);
}

static void test_2d(void **state)
{
	(void)state;
	for_each_topology(pairs, on) {
		for (unsigned int to = 0; to < 3; to++) {
			unsigned int from = (to + 1) % 3, y;
			char *p = cpu(mem[to]), *q = cpu(mem[from]);

			fill_random(q, 64 * KIB, to);
			memset(p, 0, 64 * KIB);
			expect_ok(sfab_batch_copy_2d(batches[on], mem[to], 7, 300, mem[from], 3,
						     200, 150, 100));
			run(batches[on]);
			for (y = 0; y < 100; y++) {
				assert_memory_equal(p + 7 + 300 * y, q + 3 + 200 * y, 150);
				assert_int_equal(p[7 + 300 * y + 150], 0);
			}
		}
	}
}

static void test_2d_long(void **state)
{
	char *p = cpu(mem[1]), *q = cpu(mem[0]);
	unsigned int y;

	(void)state;
	fake_no_peers();
	fill_random(q, SIZE, 1);
	/* Many rows a buffer, with a rest */
	expect_ok(sfab_batch_copy_2d(batches[0], mem[1], 1, 9000, mem[0], 2, 8001, 8000, 1040));
	run(batches[0]);
	for (y = 0; y < 1040; y++)
		assert_memory_equal(p + 1 + 9000 * y, q + 2 + 8001 * y, 8000);
	/* Rows that are longer than the buffer */
	memset(p, 0, SIZE);
	expect_ok(sfab_batch_copy_2d(batches[2], mem[1], 0, 4300000, mem[0], 5, 4200000, 4195000,
				     2));
	run(batches[2]);
	for (y = 0; y < 2; y++)
		assert_memory_equal(p + 4300000 * y, q + 5 + 4200000 * y, 4195000);
	assert_int_equal(p[4195000], 0);
}

static void test_fill_and_write(void **state)
{
	(void)state;
	for_each_topology(pairs, on) {
		for (unsigned int to = 0; to < 3; to++) {
			uint32_t *p = cpu(mem[to]);

			memset(p, 0, 64);
			expect_ok(sfab_batch_fill(batches[on], mem[to], 8, 16, 0x12345678, 4));
			expect_ok(sfab_batch_write(batches[on], mem[to], 12, 7, 4));
			run(batches[on]);
			assert_int_equal(p[1], 0);
			assert_int_equal(p[2], 0x12345678);
			assert_int_equal(p[3], 7);
			assert_int_equal(p[5], 0x12345678);
			assert_int_equal(p[6], 0);
		}
	}
}

static void test_reduce(void **state)
{
	(void)state;
	for_each_topology(pairs, on) {
		for (unsigned int to = 0; to < 3; to++) {
			unsigned int from = (to + 2) % 3, i;
			int32_t *p = cpu(mem[to]), *q = cpu(mem[from]);

			for (i = 0; i < 1000; i++) {
				p[i] = i;
				q[i + 1] = 2 * i + 1;
			}
			expect_ok(sfab_batch_reduce(batches[on], mem[to], 0, mem[from], 4, 1000,
						    SFAB_TYPE_I32, SFAB_SUM));
			run(batches[on]);
			for (i = 0; i < 1000; i++)
				assert_int_equal(p[i], 3 * i + 1);
		}
	}
}

static void test_reduce_long(void **state)
{
	uint64_t count = (9 * MIB) / 4, i;
	int32_t *p = cpu(mem[1]), *q = cpu(mem[0]);

	(void)state;
	fake_no_peers();
	for (i = 0; i < count; i++) {
		p[i] = i;
		q[i] = -2 * i;
	}
	expect_ok(sfab_batch_reduce(batches[2], mem[1], 0, mem[0], 0, count, SFAB_TYPE_I32,
				    SFAB_SUM));
	run(batches[2]);
	for (i = 0; i < count; i++) {
		if (p[i] != -(int32_t)i)
			fail_msg("element %u is %d", (unsigned int)i, p[i]);
	}
}

static void test_atomic(void **state)
{
	(void)state;
	for_each_topology(pairs, on) {
		for (unsigned int to = 0; to < 3; to++) {
			for (unsigned int old = 0; old < 3; old++) {
				uint64_t *p = cpu(mem[to]), *q = cpu(mem[old]);

				p[0] = 100;
				q[5] = 0;
				expect_ok(sfab_batch_atomic(batches[on], mem[to], 0, 8, SFAB_ADD,
							    11, 0, mem[old], 40));
				expect_ok(sfab_batch_atomic(batches[on], mem[to], 0, 8, SFAB_CAS,
							    5, 111, DISCARD));
				run(batches[on]);
				assert_int_equal(p[0], 5);
				assert_int_equal(q[5], 100);
			}
		}
	}
}

static void test_timestamp(void **state)
{
	(void)state;
	for_each_topology(pairs, on) {
		for (unsigned int to = 0; to < 3; to++) {
			uint64_t *p = cpu(mem[to]);

			p[1] = 0;
			expect_ok(sfab_batch_timestamp(batches[on], mem[to], 8));
			run(batches[on]);
			assert_true(p[1] > 0);
		}
	}
}

/* ---- order ---- */

/* A chain in one queue, where each step needs the one before, near and far mixed */
static void test_order_in_queue(void **state)
{
	(void)state;
	for_each_topology(pairs, on) {
		unsigned int i, k;

		for (k = 0; k < 4; k++) {
			uint64_t *first = cpu(mem[0]);

			memset(first, 0, 4096);
			first[0] = 1000 + k;
			for (i = 0; i < 12; i++)
				expect_ok(sfab_batch_copy(batches[on], mem[(i + 1) % 3],
							  8 * i + 8, mem[i % 3], 8 * i, 8));
			expect_ok(sfab_batch_copy(batches[on], mem[1], 256, mem[0], 8 * 12, 8));
			expect_ok(sfab_batch_fill(batches[on], mem[0], 0, 128, 0, 8));
			run(batches[on]);
			assert_int_equal(((uint64_t *)cpu(mem[1]))[32], 1000 + k);
			assert_int_equal(first[12], 0);
		}
	}
}

/* Fences order bounced work of different queues; nobody waits in between */
static void test_order_between_queues(void **state)
{
	struct sfab_fence *fences[30];
	unsigned int i;

	(void)state;
	fake_no_peers();
	memset(cpu(mem[0]), 0, SIZE);
	fill_random(cpu(mem[0]), 5 * MIB, 3);
	fake_hold(true);
	for (i = 0; i < 30; i++) {
		unsigned int on = i * 7 % 3;

		expect_ok(sfab_batch_copy(batches[on], mem[(i + 1) % 3], i + 1, mem[i % 3], i,
					  5 * MIB));
		expect_ok(sfab_batch_submit(batches[on], i ? &fences[i - 1] : NULL, i ? 1 : 0,
					    &fences[i]));
	}
	expect_error(-ETIME, sfab_fence_wait(fences[29], 0), "not finished");
	fake_hold(false);
	expect_ok(sfab_fence_wait(fences[29], 30 * SECOND));
	for (i = 0; i < 30; i++)
		sfab_fence_free(fences[i]);
	/* 27 and 28 are the last that touched memories 1 and 2 before */
	assert_memory_equal((char *)cpu(mem[0]) + 30, (char *)cpu(mem[2]) + 29, 5 * MIB);
	assert_memory_equal((char *)cpu(mem[2]) + 29, (char *)cpu(mem[1]) + 28, 5 * MIB);
}

/* ---- trouble ---- */

static void test_peer_is_lost(void **state)
{
	(void)state;
	/* The kernel said peer when asked, and EXDEV when it came to mapping */
	assert_int_equal(sfab_mem_reach(mem[1], dev[0]), SFAB_REACH_PEER);
	fake_peer_lies(true);
	copy_and_check(0, 0, 1, 0, 0, MIB);
	assert_int_equal(sfab_mem_reach(mem[1], dev[0]), SFAB_REACH_BOUNCE);
}

/* A fault on the other device is the fault of this fence, and passes */
static void test_far_fault(void **state)
{
	struct sfab_fault_info fault = { .size = sizeof(fault) };
	struct sfab_fence *fence;

	(void)state;
	fake_no_peers();
	fake_fault(1, SFAB_CAUSE_BUS_ERROR);
	expect_ok(sfab_copy(queues[0], mem[0], 0, mem[1], 0, 100, &fence));
	expect_error(-EIO, sfab_fence_wait(fence, 10 * SECOND), "accel1", "bus error");
	expect_ok(sfab_fence_get_fault(fence, &fault));
	assert_int_equal(fault.cause, SFAB_CAUSE_BUS_ERROR);
	expect_error(-EIO, sfab_queue_wait(queues[0], 0), "accel1", "bus error");
	sfab_fence_free(fence);

	copy_and_check(0, 1, 0, 0, 0, MIB);
	expect_ok(sfab_mem_free(mem[1]));
}

/* A failure in the middle: what was accepted is waited for, the batch is empty */
static void test_refused_in_the_middle(void **state)
{
	struct sfab_fence *fence = NULL;
	uint32_t *p = cpu(mem[0]);
	uint64_t before;

	(void)state;
	fake_no_peers();
	copy_and_check(0, 0, 1, 0, 0, 100);	/* all is set up */
	expect_ok(sfab_batch_write(batches[0], mem[0], 0, 77, 4));
	expect_ok(sfab_batch_copy(batches[0], mem[1], 0, mem[0], 0, 9 * MIB));
	expect_ok(sfab_batch_write(batches[0], mem[0], 0, 78, 4));
	fake_fail_call(7, ENOMEM);
	expect_error(-ENOMEM, sfab_batch_submit(batches[0], NULL, 0, &fence), "submit");
	assert_true(fake_call_failed());
	assert_null(fence);
	assert_int_equal(p[0], 77);
	before = fake_work().commands;
	run(batches[0]);
	assert_int_equal(fake_work().commands - before, 1);
	/* Nothing keeps the memories */
	expect_ok(sfab_mem_free(mem[0]));
	expect_ok(sfab_mem_free(mem[1]));
}

static void test_queue_goes_while_bouncing(void **state)
{
	struct sfab_fence *fence;

	(void)state;
	fake_no_peers();
	expect_ok(sfab_copy(queues[2], mem[1], 0, mem[0], 0, SIZE, &fence));
	sfab_queue_destroy(queues[2]);
	expect_ok(sfab_mem_free(mem[0]));
	expect_ok(sfab_mem_free(mem[1]));
	sfab_fence_free(fence);
}

static void test_long_running_does_not_bounce(void **state)
{
	struct sfab_queue *queue;
	struct sfab_batch *batch;

	(void)state;
	fake_peer(0, 1, false);
	expect_ok(sfab_queue_create(dev[0], SFAB_LONG_RUNNING, &queue));
	batch = batch_on(queue);
	expect_error(-EXDEV, sfab_batch_copy(batch, mem[1], 0, mem[0], 0, 64), "accel0",
		     "cannot reach", "HBM of accel1", "long-running");
	expect_error(-EXDEV, sfab_batch_wait(batch, mem[1], 0, 4, SFAB_EQ, 0, 1, 0), "cannot reach");
	expect_ok(sfab_batch_copy(batch, mem[2], 0, mem[0], 0, 64));
	run(batch);
}

static void test_import_of_peer(void **state)
{
	struct sfab_mem *imported;
	void *p;
	int fd = fake_foreign_dmabuf(64 * KIB, &p);

	(void)state;
	fake_no_peers();
	fill_random(p, 64 * KIB, 8);
	expect_ok(sfab_mem_import_dmabuf(dev[0], fd, &imported));
	close(fd);
	/* Another device reaches it too */
	assert_int_equal(sfab_mem_reach(imported, dev[1]), SFAB_REACH_SYSTEM);
	/* This one does not: it goes by way of a device that does */
	fake_refuse_foreign(true);
	assert_int_equal(sfab_mem_reach(imported, dev[2]), SFAB_REACH_BOUNCE);
	expect_ok(sfab_batch_copy(batches[2], mem[2], 0, imported, 0, 64 * KIB));
	run(batches[2]);
	assert_memory_equal(cpu(mem[2]), p, 64 * KIB);
}

static void test_registered_on_all(void **state)
{
	char *pages = host_pages(64 * KIB);
	struct sfab_mem *reg;
	unsigned int i;

	(void)state;
	fake_no_peers();
	fill_random(pages, 64 * KIB, 8);
	expect_ok(sfab_mem_register(dev[0], pages, 64 * KIB, SFAB_READ, &reg));
	for (i = 0; i < 3; i++) {
		expect_ok(sfab_batch_copy(batches[i], mem[2 - i], i, HOST(pages), 64 * KIB));
		run(batches[i]);
		assert_memory_equal((char *)cpu(mem[2 - i]) + i, pages, 64 * KIB);
	}
	expect_ok(sfab_mem_free(reg));
	munmap(pages, 64 * KIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reach, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peer_is_direct, setup, teardown),
		cmocka_unit_test_setup_teardown(test_2d, setup, teardown),
		cmocka_unit_test_setup_teardown(test_2d_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fill_and_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reduce, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reduce_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_atomic, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timestamp, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_in_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_between_queues, setup, teardown),
		cmocka_unit_test_setup_teardown(test_peer_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_far_fault, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue_goes_while_bouncing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_running_does_not_bounce, setup, teardown),
		cmocka_unit_test_setup_teardown(test_import_of_peer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_registered_on_all, setup, teardown),
	};

	return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
