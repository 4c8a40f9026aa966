// SPDX-License-Identifier: MIT
/*
 * Exported and imported memory: handles, rights, the way that is chosen, what is
 * refused where, and what revoking means to those who have imported
 */
#include <pthread.h>

#include "test.h"

#define SIZE	(64 * KIB)
#define ALL	(SFAB_READ | SFAB_WRITE | SFAB_ATOMIC)

/* Another context of the process: as far away as another node */
static struct sfab_context *far_ctx;
static struct sfab_device *far_dev[2];

static int setup(void **state)
{
	unsigned int i;

	more_caps = SFAB_FEATURE_FABRIC;
	setup_two(state);
	expect_ok(sfab_context_open(&far_ctx, 0));
	for (i = 0; i < 2; i++)
		expect_ok(sfab_device_get(far_ctx, i, &far_dev[i]));
	return 0;
}

static int end(void **state)
{
	sfab_context_close(far_ctx);
	return teardown(state);
}

static struct sfab_export *export(struct sfab_mem *mem, uint64_t offset, uint64_t size,
				  unsigned int rights, struct sfab_handle *handle)
{
	struct sfab_export *exported;

	expect_ok(sfab_mem_export(mem, offset, size, rights, &exported, handle));
	return exported;
}

static struct sfab_mem *import(struct sfab_device *device, const struct sfab_handle *handle,
			       unsigned int flags)
{
	struct sfab_mem *mem;

	expect_ok(sfab_mem_import(device, handle, flags, &mem));
	return mem;
}

/* ---- handles ---- */

static void test_handle(void **state)
{
	struct sfab_handle_info info = { .size = sizeof(info) };
	struct sfab_mem *mem = alloc(dev[1], SFAB_MEM_HBM, SIZE), *remote;
	struct sfab_handle handle, bad;
	struct sfab_export *e;
	unsigned int i;

	(void)state;
	e = export(mem, 4096, 1001, SFAB_READ | SFAB_ATOMIC, &handle);
	expect_ok(sfab_handle_get_info(&handle, &info));
	assert_int_equal(info.eid, 11);
	assert_int_equal(info.segment, 0);
	assert_int_equal(info.rights, SFAB_READ | SFAB_ATOMIC);
	assert_int_equal(info.bytes, 1001);
	assert_string_equal(info.uuid, "ab000000-0000-0000-0000-000000000001");
	info.size = 8;
	expect_error(-EINVAL, sfab_handle_get_info(&handle, &info), "sfab_handle_info", "8");
	expect_error(-EINVAL, sfab_handle_get_info(NULL, &info), "NULL");
	expect_error(-EINVAL, sfab_handle_get_info(&handle, NULL), "NULL");

	/* Every byte counts */
	for (i = 0; i < sizeof(handle.bytes); i++) {
		bad = handle;
		bad.bytes[i] ^= 0x40;
		expect_error(i < 4 ? -EINVAL : i == 4 ? -EPROTO : -EBADMSG,
			     sfab_mem_import(dev[0], &bad, 0, &remote), "handle");
	}
	memset(&bad, 0, sizeof(bad));
	expect_error(-EINVAL, sfab_mem_import(dev[0], &bad, 0, &remote), "no handle");
	bad = handle;
	bad.bytes[4] = 2;
	expect_error(-EPROTO, sfab_mem_import(dev[0], &bad, 0, &remote), "version 2");
	expect_ok(sfab_export_revoke(e));
}

/* The layout is a contract between nodes: a handle of yesterday works tomorrow */
static void test_handle_layout(void **state)
{
	static const struct sfab_handle known = { {
		'S', 'F', 'A', 'B', 1, 3, 0x34, 0x12, 0x78, 0x56, 0, 0, 1, 2, 3, 4,
		1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x10, 0, 0, 0, 0, 0,
		0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac,
		0xad, 0xae, 0xaf, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x47, 0xbd, 0x98, 0x13,
	} };
	struct sfab_handle_info info = { .size = sizeof(info) };

	(void)state;
	expect_ok(sfab_handle_get_info(&known, &info));
	assert_int_equal(info.eid, 0x1234);
	assert_int_equal(info.segment, 0x5678);
	assert_int_equal(info.rights, SFAB_READ | SFAB_WRITE);
	assert_int_equal(info.bytes, 1 << 20);
	assert_string_equal(info.uuid, "a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf");
}

/* ---- exporting ---- */

static void test_export_refused(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, SIZE), *reg, *remote;
	char *pages = host_pages(8192);
	struct sfab_export *e, *first;
	struct sfab_handle handle;

	(void)state;
	expect_error(-EINVAL, sfab_mem_export(NULL, 0, 8, SFAB_READ, &e, &handle), "NULL");
	expect_error(-EINVAL, sfab_mem_export(mem, 0, 8, SFAB_READ, NULL, &handle), "NULL");
	expect_error(-EINVAL, sfab_mem_export(mem, 0, 8, SFAB_READ, &e, NULL), "NULL");
	expect_error(-EINVAL, sfab_mem_export(mem, 0, 8, 0, &e, &handle), "rights 0");
	expect_error(-EINVAL, sfab_mem_export(mem, 0, 8, 8, &e, &handle), "rights 0x8");
	expect_error(-EINVAL, sfab_mem_export(mem, 4, 8, ALL, &e, &handle), "0x4", "aligned");
	expect_error(-ERANGE, sfab_mem_export(mem, 0, 0, ALL, &e, &handle), "0 bytes");
	expect_error(-ERANGE, sfab_mem_export(mem, 8, SIZE, ALL, &e, &handle), "0x8", "65536");
	expect_error(-ERANGE, sfab_mem_export(mem, SIZE + 8, 1, ALL, &e, &handle), "accel0");

	/* Where registered memory begins at any byte, its address must be aligned */
	expect_ok(sfab_mem_register(dev[0], pages + 5, 4096, SFAB_READ, &reg));
	expect_error(-EINVAL, sfab_mem_export(reg, 0, 8, SFAB_READ, &e, &handle), "aligned");
	expect_error(-EACCES, sfab_mem_export(reg, 3, 8, SFAB_WRITE, &e, &handle), "SFAB_READ");
	expect_error(-EACCES, sfab_mem_export(reg, 3, 8, SFAB_ATOMIC, &e, &handle), "register");
	first = export(reg, 3, 4093, SFAB_READ, &handle);
	expect_error(-EBUSY, sfab_mem_free(reg), "exported", "sfab_export_revoke");
	remote = import(far_dev[0], &handle, 0);
	expect_error(-EOPNOTSUPP, sfab_mem_export(remote, 0, 8, SFAB_READ, &e, &handle), "owner");
	expect_ok(sfab_export_revoke(first));
	expect_ok(sfab_mem_free(reg));
	munmap(pages, 8192);

	fake_eid(0, 0);
	expect_error(-EADDRNOTAVAIL, sfab_mem_export(mem, 0, 8, ALL, &e, &handle), "no EID");
	fake_eid(0, 10);
	fake_caps(0, 0);
	expect_error(-EOPNOTSUPP, sfab_mem_export(mem, 0, 8, ALL, &e, &handle), "no ports");
	fake_caps(0, FAKE_CAPS | SFAB_FEATURE_FABRIC);
	fake_fail_call(1, EIO);
	expect_error(-EIO, sfab_mem_export(mem, 0, 8, ALL, &e, &handle), "export", "accel0");
	while (sfab_mem_export(mem, 0, 8, ALL, &e, &handle) == 0)
		;
	expect_error(-ENOSPC, sfab_mem_export(mem, 0, 8, ALL, &e, &handle), "segments", "revoke");
}

static void test_import_refused(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, SIZE), *remote;
	struct sfab_handle handle;
	int fd, ret;
	void *p;

	(void)state;
	export(mem, 0, SIZE, ALL, &handle);
	expect_error(-EINVAL, sfab_mem_import(NULL, &handle, 0, &remote), "NULL");
	expect_error(-EINVAL, sfab_mem_import(far_dev[0], NULL, 0, &remote), "NULL");
	expect_error(-EINVAL, sfab_mem_import(far_dev[0], &handle, 0, NULL), "NULL");
	expect_error(-EINVAL, sfab_mem_import(far_dev[0], &handle, 2, &remote), "0x2");
	fake_eid(1, 0);
	expect_error(-EADDRNOTAVAIL, sfab_mem_import(far_dev[1], &handle, 0, &remote), "accel1");
	fake_caps(1, 0);
	expect_error(-EOPNOTSUPP, sfab_mem_import(far_dev[1], &handle, 0, &remote), "EID 10");
	fake_fail_call(1, EIO);
	expect_error(-EIO, sfab_mem_import(far_dev[0], &handle, 0, &remote), "segment 0", "EID 10");

	remote = import(far_dev[0], &handle, 0);
	assert_int_equal(sfab_mem_kind(remote), SFAB_MEM_REMOTE);
	assert_int_equal(sfab_mem_size(remote), SIZE);
	assert_ptr_equal(sfab_mem_device(remote), far_dev[0]);
	expect_error(-EOPNOTSUPP, sfab_mem_map(remote, &p), "CPU");
	expect_error(-EOPNOTSUPP, sfab_mem_export_dmabuf(remote, &fd), "handle");
	do
		ret = sfab_mem_import(far_dev[0], &handle, 0, &remote);
	while (!ret);
	assert_int_equal(ret, -ENOSPC);
	assert_non_null(strstr(sfab_last_error(), "imports"));
}

/* ---- the way ---- */

static void test_reach(void **state)
{
	struct sfab_mem *hbm = alloc(dev[0], SFAB_MEM_HBM, SIZE);
	struct sfab_mem *sys = alloc(dev[0], SFAB_MEM_SYSTEM, SIZE), *mem;
	struct sfab_handle h, s;

	(void)state;
	export(hbm, 8, SIZE - 8, ALL, &h);
	export(sys, 0, SIZE, ALL, &s);
	mem = import(dev[0], &h, 0);
	assert_int_equal(sfab_mem_reach(mem, dev[0]), SFAB_REACH_LOCAL);
	assert_int_equal(sfab_mem_reach(mem, dev[1]), SFAB_REACH_PEER);
	mem = import(dev[0], &s, 0);
	assert_int_equal(sfab_mem_reach(mem, dev[0]), SFAB_REACH_SYSTEM);
	assert_int_equal(sfab_mem_reach(mem, dev[1]), SFAB_REACH_SYSTEM);
	mem = import(dev[0], &h, SFAB_IMPORT_FABRIC);
	assert_int_equal(sfab_mem_reach(mem, dev[0]), SFAB_REACH_FABRIC);
	assert_int_equal(sfab_mem_reach(mem, dev[1]), SFAB_REACH_FABRIC);
	mem = import(far_dev[1], &h, 0);
	assert_int_equal(sfab_mem_reach(mem, far_dev[1]), SFAB_REACH_FABRIC);
	assert_string_equal(sfab_reach_name(SFAB_REACH_FABRIC), "fabric");

	fake_no_peers();
	mem = import(dev[1], &h, 0);
	assert_int_equal(sfab_mem_reach(mem, dev[1]), SFAB_REACH_FABRIC);
	/* Without an EID the one that imported works for the other */
	fake_eid(0, 0);
	assert_int_equal(sfab_mem_reach(mem, dev[0]), SFAB_REACH_LOCAL);
	mem = import(far_dev[1], &h, 0);
	assert_int_equal(sfab_mem_reach(mem, far_dev[0]), SFAB_REACH_BOUNCE);
}

/* ---- operations ---- */

/* All that can be done to it, by each way: [from memory] as its owner sees it */
static void check_operations(struct sfab_queue *queue, struct sfab_mem *remote, char *owner)
{
	struct sfab_device *device = sfab_queue_device(queue);
	struct sfab_mem *local = alloc(device, SFAB_MEM_SYSTEM, SIZE);
	struct sfab_batch *batch = batch_on(queue);
	uint32_t *words = cpu(local), *there = (uint32_t *)owner;
	unsigned int i;

	fill_random(words, SIZE, 3);
	memset(owner, 0, SIZE);
	expect_ok(sfab_batch_copy(batch, remote, 0, local, 0, 4096));
	expect_ok(sfab_batch_copy_2d(batch, remote, 8192, 64, local, 4096, 32, 32, 4));
	expect_ok(sfab_batch_copy(batch, local, 32768, remote, 0, 4096));
	expect_ok(sfab_batch_fill(batch, remote, 16384, 1024, 7, 4));
	expect_ok(sfab_batch_write(batch, remote, 20480, 0x123456789abcdefULL, 8));
	expect_ok(sfab_batch_fill(batch, local, 40960, 1024, 5, 4));
	expect_ok(sfab_batch_reduce(batch, remote, 16384, local, 40960, 256, SFAB_TYPE_I32,
				    SFAB_SUM));
	expect_ok(sfab_batch_atomic(batch, remote, 16384, 4, SFAB_ADD, 30, 0, local, 45056));
	expect_ok(sfab_batch_atomic(batch, remote, 16388, 4, SFAB_SWAP, 9, 0, DISCARD));
	run(batch);

	assert_memory_equal(owner, words, 4096);
	assert_memory_equal(words + 8192, words, 4096);
	for (i = 0; i < 4; i++)
		assert_memory_equal(owner + 8192 + 64 * i, words + 1024 + 8 * i, 32);
	assert_int_equal(there[4096], 42);
	assert_int_equal(there[4097], 9);
	assert_int_equal(there[4096 + 255], 12);
	assert_int_equal(words[45056 / 4], 12);
	assert_int_equal(*(uint64_t *)(owner + 20480), 0x123456789abcdefULL);

	expect_error(-EOPNOTSUPP, sfab_batch_timestamp(batch, remote, 0), "remote memory");
	expect_error(-EOPNOTSUPP, sfab_batch_atomic(batch, local, 0, 4, SFAB_ADD, 1, 0, remote, 0),
		     "remote memory");
	expect_error(-ERANGE, sfab_batch_copy(batch, remote, 1, local, 0, sfab_mem_size(remote)),
		     "remote memory");
	sfab_batch_free(batch);
	expect_ok(sfab_mem_free(local));
}

static void test_operations(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, SIZE + 4096);
	struct sfab_queue *queues[4] = {
		queue_on(dev[0]), queue_on(dev[1]), queue_on(far_dev[0]), queue_on(far_dev[1]),
	};
	char *p = (char *)cpu(mem) + 1000;
	struct sfab_handle handle;

	(void)state;
	export(mem, 1000, SIZE, ALL, &handle);
	p[-1] = 'a';
	p[SIZE] = 'z';
	check_operations(queues[0], import(dev[0], &handle, 0), p);
	check_operations(queues[0], import(dev[0], &handle, SFAB_IMPORT_FABRIC), p);
	check_operations(queues[1], import(dev[1], &handle, 0), p);
	check_operations(queues[2], import(far_dev[0], &handle, 0), p);
	check_operations(queues[3], import(far_dev[1], &handle, 0), p);
	/* By a device that is in no fabric: the other one works for it */
	fake_caps(0, FAKE_CAPS);
	fake_eid(0, 10);
	check_operations(queues[2], import(far_dev[1], &handle, 0), p);
	assert_int_equal(p[-1], 'a');
	assert_int_equal(p[SIZE], 'z');
}

/* Peer DMA that turns out not to work: the fabric takes over */
static void test_peer_lies(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, SIZE), *remote;
	struct sfab_queue *queue = queue_on(dev[1]);
	struct sfab_handle handle;

	(void)state;
	export(mem, 0, SIZE, ALL, &handle);
	remote = import(dev[1], &handle, 0);
	assert_int_equal(sfab_mem_reach(remote, dev[1]), SFAB_REACH_PEER);
	fake_peer_lies(true);
	check_operations(queue, remote, cpu(mem));
	assert_int_equal(sfab_mem_reach(remote, dev[1]), SFAB_REACH_FABRIC);
}

static void test_wait(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, SIZE), *remote;
	struct sfab_handle handle;
	struct sfab_queue *queue;
	struct sfab_batch *batch;

	(void)state;
	export(mem, 0, SIZE, ALL, &handle);
	remote = import(far_dev[0], &handle, 0);
	expect_ok(sfab_queue_create(far_dev[0], SFAB_LONG_RUNNING, &queue));
	batch = batch_on(queue);
	expect_error(-EOPNOTSUPP, sfab_batch_wait(batch, remote, 0, 4, SFAB_EQ, 0, ~0U, 0),
		     "remote memory");
	expect_ok(sfab_batch_write(batch, remote, 0, 77, 4));
	expect_ok(sfab_batch_submit(batch, NULL, 0, NULL));
	expect_ok(sfab_queue_wait(queue, 10 * SECOND));
	assert_int_equal(*(uint32_t *)cpu(mem), 77);
}

/* A right that was not given is missed here, before anything is sent */
static void test_rights(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, SIZE), *r, *w, *a;
	struct sfab_mem *local = alloc(far_dev[1], SFAB_MEM_HBM, SIZE);
	struct sfab_batch *batch = batch_on(queue_on(far_dev[1]));
	struct sfab_handle handle;

	(void)state;
	export(mem, 0, SIZE, SFAB_READ, &handle);
	r = import(far_dev[1], &handle, 0);
	export(mem, 0, SIZE, SFAB_WRITE, &handle);
	w = import(far_dev[1], &handle, 0);
	export(mem, 0, SIZE, SFAB_ATOMIC, &handle);
	a = import(far_dev[1], &handle, 0);

	expect_error(-EACCES, sfab_batch_write(batch, r, 0, 0, 4), "without SFAB_WRITE");
	expect_error(-EACCES, sfab_batch_write(batch, a, 0, 0, 4), "without SFAB_WRITE");
	expect_error(-EACCES, sfab_batch_copy(batch, local, 0, w, 0, 4), "without SFAB_READ");
	expect_error(-EACCES, sfab_batch_atomic(batch, w, 0, 4, SFAB_ADD, 1, 0, DISCARD),
		     "without SFAB_ATOMIC");
	expect_error(-EACCES, sfab_batch_reduce(batch, r, 0, local, 0, 1, SFAB_TYPE_I32, SFAB_SUM),
		     "without SFAB_ATOMIC");
	expect_ok(sfab_batch_write(batch, w, 0, 40, 4));
	expect_ok(sfab_batch_atomic(batch, a, 0, 4, SFAB_ADD, 2, 0, DISCARD));
	expect_ok(sfab_batch_copy(batch, local, 0, r, 0, 4));
	run(batch);
	assert_int_equal(*(uint32_t *)cpu(local), 42);
}

/* ---- failures of the other side ---- */

/* The failure is the command's, with a text; another queue then works at once */
static void expect_remote_error(struct sfab_mem *remote, uint32_t status, const char *word)
{
	struct sfab_device *device = sfab_mem_device(remote);
	struct sfab_fault_info fault = { .size = sizeof(fault) };
	struct sfab_mem *local = alloc(device, SFAB_MEM_HBM, 4096);
	struct sfab_queue *queue = queue_on(device);
	struct sfab_fence *fence;

	expect_ok(sfab_copy(queue, local, 0, remote, 64, 128, &fence));
	expect_error(-EIO, sfab_fence_wait(fence, 10 * SECOND), "fabric", "EID 10", word,
		     sfab_remote_status_name(status), "offset 0x40 of");
	expect_ok(sfab_fence_get_fault(fence, &fault));
	assert_int_equal(fault.cause, SFAB_CAUSE_FABRIC);
	assert_int_equal(fault.remote_status, status);
	assert_int_equal(fault.remote_eid, 10);
	assert_ptr_equal(fault.mem, remote);
	assert_int_equal(fault.offset, 64);
	sfab_fence_free(fence);
	sfab_queue_destroy(queue);

	queue = queue_on(device);
	expect_ok(sfab_copy(queue, local, 0, local, 64, 32, &fence));
	expect_ok(sfab_fence_wait(fence, 10 * SECOND));
	sfab_fence_free(fence);
	sfab_queue_destroy(queue);
	expect_ok(sfab_mem_free(local));
}

static void test_remote_errors(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, SIZE), *remote;
	struct sfab_handle handle;
	struct sfab_export *e;

	(void)state;
	e = export(mem, 0, SIZE, ALL, &handle);
	remote = import(far_dev[1], &handle, 0);
	fake_dark(0, true);
	expect_remote_error(remote, SFAB_REMOTE_TIMEOUT, "look whether its node");
	fake_dark(0, false);
	fake_eid(0, 99);
	expect_remote_error(remote, SFAB_REMOTE_NO_ROUTE, "routes");
	fake_eid(0, 10);
	expect_ok(sfab_export_rotate(e, &handle));
	expect_remote_error(remote, SFAB_REMOTE_BAD_TOKEN, "import a new handle");
	expect_ok(sfab_mem_free(remote));
	remote = import(far_dev[1], &handle, 0);
	check_operations(queue_on(far_dev[1]), remote, cpu(mem));
	expect_ok(sfab_export_revoke(e));
	expect_remote_error(remote, SFAB_REMOTE_REVOKED, "import a new handle");
	export(mem, 0, SIZE, ALL, &handle);
	expect_remote_error(remote, SFAB_REMOTE_STALE, "import a new handle");

	assert_string_equal(sfab_remote_status_name(SFAB_REMOTE_POISONED),
			    "the target has lost what it held there");
	assert_string_equal(sfab_remote_status_name(11), "unknown status");
	assert_string_equal(sfab_cause_name(SFAB_CAUSE_POISON),
			    "poison (HBM has lost what it held there)");
}

/* ---- taking back what was imported without the fabric ---- */

static void expect_cut(struct sfab_mem *near)
{
	struct sfab_device *device = sfab_mem_device(near);
	struct sfab_mem *local = alloc(device, SFAB_MEM_HBM, 4096);
	struct sfab_queue *queue = queue_on(device);

	expect_error(-ESTALE, sfab_copy(queue, local, 0, near, 0, 8, NULL), "taken back");
	expect_error(-ESTALE, sfab_mem_reach(near, device), "new handle");
	sfab_queue_destroy(queue);
	expect_ok(sfab_mem_free(local));
}

static void test_revoke_near(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, SIZE), *near[3], *other;
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_batch *batch = batch_on(queue);
	struct sfab_handle handle;
	struct sfab_fence *fence;
	struct sfab_export *e;

	(void)state;
	e = export(mem, 0, SIZE, ALL, &handle);
	near[0] = import(dev[0], &handle, 0);
	near[1] = import(dev[1], &handle, 0);
	near[2] = import(dev[1], &handle, 0);
	expect_ok(sfab_batch_write(batch, near[0], 0, 5, 4));
	run(batch);
	expect_ok(sfab_mem_free(near[2]));

	/* What was recorded before finds nothing there, and nothing else either */
	expect_ok(sfab_batch_write(batch, near[0], 0, 6, 4));
	expect_ok(sfab_export_rotate(e, &handle));
	other = alloc(dev[0], SFAB_MEM_HBM, SIZE);
	expect_ok(sfab_copy(queue, other, 0, other, 4096, 8, NULL));
	expect_ok(sfab_batch_submit(batch, NULL, 0, &fence));
	expect_error(-EIO, sfab_fence_wait(fence, 10 * SECOND), "unmapped");
	assert_int_equal(*(uint32_t *)cpu(mem), 5);
	assert_int_equal(*(uint32_t *)cpu(other), 0);
	expect_cut(near[0]);
	expect_cut(near[1]);

	near[2] = import(dev[0], &handle, 0);
	assert_int_equal(sfab_mem_reach(near[2], dev[0]), SFAB_REACH_LOCAL);
	fake_fail_call(1, EIO);
	expect_error(-EIO, sfab_export_rotate(e, &handle), "device reset");
	fake_fail_call(1, ENOMEM);
	expect_error(-ENOMEM, sfab_export_rotate(e, &handle), "segment 0");
	expect_ok(sfab_export_revoke(e));
	expect_cut(near[2]);
	expect_ok(sfab_mem_free(near[0]));
	expect_ok(sfab_mem_free(mem));
	expect_ok(sfab_export_revoke(NULL));
	expect_error(-EINVAL, sfab_export_rotate(NULL, &handle), "NULL");
}

static void test_reset(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, SIZE), *remote;
	struct sfab_handle handle;
	struct sfab_export *e;

	(void)state;
	e = export(mem, 0, SIZE, ALL, &handle);
	remote = import(far_dev[1], &handle, 0);
	fake_reset(0);
	expect_remote_error(remote, SFAB_REMOTE_REVOKED, "new handle");
	expect_error(-EIO, sfab_export_rotate(e, &handle), "device reset", "export");
	expect_ok(sfab_export_revoke(e));
	expect_ok(sfab_mem_free(mem));
}

/* ---- threads ---- */

#define ROUNDS	200

static void *use_until_cut(void *arg)
{
	struct sfab_mem *near = arg;
	struct sfab_device *device = sfab_mem_device(near);
	struct sfab_queue *queue = queue_on(device);
	int ret;

	do {
		ret = sfab_copy(queue, near, 0, near, 64, 8, NULL);
	} while (!ret);
	/* Refused at once, or found by the device */
	assert_true(ret == -ESTALE || ret == -EIO);
	sfab_queue_destroy(queue);
	expect_ok(sfab_mem_free(near));
	return NULL;
}

/* Exporting, importing, using and revoking, all at the same time */
static void test_threads(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, SIZE);
	struct sfab_handle handle;
	struct sfab_export *e;
	pthread_t threads[2];
	unsigned int i, k;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		e = export(mem, 8 * i, 4096, ALL, &handle);
		for (k = 0; k < 2; k++)
			assert_int_equal(pthread_create(&threads[k], NULL, use_until_cut,
							import(dev[k], &handle, 0)), 0);
		expect_ok(sfab_export_revoke(e));
		for (k = 0; k < 2; k++)
			pthread_join(threads[k], NULL);
	}
	expect_ok(sfab_mem_free(mem));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_handle, setup, end),
		cmocka_unit_test_setup_teardown(test_handle_layout, setup, end),
		cmocka_unit_test_setup_teardown(test_export_refused, setup, end),
		cmocka_unit_test_setup_teardown(test_import_refused, setup, end),
		cmocka_unit_test_setup_teardown(test_reach, setup, end),
		cmocka_unit_test_setup_teardown(test_operations, setup, end),
		cmocka_unit_test_setup_teardown(test_peer_lies, setup, end),
		cmocka_unit_test_setup_teardown(test_wait, setup, end),
		cmocka_unit_test_setup_teardown(test_rights, setup, end),
		cmocka_unit_test_setup_teardown(test_remote_errors, setup, end),
		cmocka_unit_test_setup_teardown(test_revoke_near, setup, end),
		cmocka_unit_test_setup_teardown(test_reset, setup, end),
		cmocka_unit_test_setup_teardown(test_threads, setup, end),
	};

	return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
