// SPDX-License-Identifier: MIT
/*
 * Copies with a notification, and channels: order, credits, all sizes, what is refused,
 * what the death of the other end means
 */
#include <pthread.h>
#include <sched.h>

#include "test.h"

#define SLOT	1000
#define SLOTS	4

/* Another context of the process: as far away as another node */
static struct sfab_context *far_ctx;
static struct sfab_device *far_dev[2];

static int setup_caps(void **state, uint64_t caps)
{
	unsigned int i;

	more_caps = caps;
	setup_two(state);
	expect_ok(sfab_context_open(&far_ctx, 0));
	for (i = 0; i < 2; i++)
		expect_ok(sfab_device_get(far_ctx, i, &far_dev[i]));
	return 0;
}

static int setup(void **state)
{
	return setup_caps(state, SFAB_FEATURE_FABRIC | SFAB_FEATURE_NOTIFY);
}

/* An accelerator of the first version, with ports */
static int setup_without_notify(void **state)
{
	return setup_caps(state, SFAB_FEATURE_FABRIC);
}

static int end(void **state)
{
	sfab_context_close(far_ctx);
	return teardown(state);
}

static struct sfab_queue *sender_queue(struct sfab_device *device, bool long_running)
{
	struct sfab_queue *queue;

	expect_ok(sfab_queue_create(device, long_running ? SFAB_LONG_RUNNING : 0, &queue));
	return queue;
}

/* ---- copies with a notification ---- */

static void test_notify(void **state)
{
	struct sfab_mem *data = alloc(dev[0], SFAB_MEM_SYSTEM, 8192), *mem, *remote;
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_export *exported;
	struct sfab_handle handle;
	struct sfab_fence *fence;
	uint64_t commands;
	char *there;

	(void)state;
	mem = alloc(far_dev[1], SFAB_MEM_HBM, 8192);
	there = cpu(mem);
	fill_random(cpu(data), 8192, 1);
	expect_ok(sfab_mem_export(mem, 0, 8192, SFAB_READ | SFAB_WRITE, &exported, &handle));
	expect_ok(sfab_mem_import(dev[0], &handle, 0, &remote));

	commands = fake_work().commands;
	expect_ok(sfab_copy_notify(queue, remote, 16, data, 3, 1001, remote, 8, 0x123456789abcdef,
				   &fence));
	expect_ok(sfab_fence_wait(fence, 10 * SECOND));
	sfab_fence_free(fence);
	assert_memory_equal(there + 16, (char *)cpu(data) + 3, 1001);
	assert_int_equal(*(uint64_t *)(there + 8), 0x123456789abcdef);
	/* One command with hardware that can, else two */
	assert_int_equal(fake_work().commands - commands,
			 more_caps & SFAB_FEATURE_NOTIFY ? 1 : 2);

	/* The flag alone, in memory of the sender */
	expect_ok(sfab_copy_notify(queue, remote, 0, data, 0, 0, data, 4096, 77, &fence));
	expect_ok(sfab_fence_wait(fence, 10 * SECOND));
	sfab_fence_free(fence);
	assert_int_equal(((uint64_t *)cpu(data))[512], 77);

	/* A memory that only the flag uses is in use all the same */
	fake_hold(true);
	expect_ok(sfab_copy_notify(queue, data, 0, data, 64, 8, remote, 0, 5, NULL));
	fake_hold(false);
	expect_ok(sfab_mem_free(remote));
	assert_int_equal(*(uint64_t *)there, 5);
}

/* More than one piece: the flag comes with the last */
static void test_notify_large(void **state)
{
	struct sfab_mem *a = alloc(dev[0], SFAB_MEM_HBM, 65 * MIB);
	struct sfab_mem *b = alloc(dev[0], SFAB_MEM_HBM, 65 * MIB);
	struct sfab_mem *flag = alloc(dev[0], SFAB_MEM_SYSTEM, 8);
	struct sfab_queue *queue = queue_on(dev[0]);
	char *from = cpu(a), *to = cpu(b);

	(void)state;
	from[0] = 1;
	from[65 * MIB - 1] = 2;
	expect_ok(sfab_copy_notify(queue, b, 0, a, 0, 65 * MIB, flag, 0, 9, NULL));
	expect_ok(sfab_queue_wait(queue, 10 * SECOND));
	assert_int_equal(to[0], 1);
	assert_int_equal(to[65 * MIB - 1], 2);
	assert_int_equal(*(uint64_t *)cpu(flag), 9);
}

/* What no queue reaches at once is bounced, and the flag comes after it */
static void test_notify_bounced(void **state)
{
	struct sfab_mem *a = alloc(dev[0], SFAB_MEM_HBM, 8192);
	struct sfab_mem *b = alloc(dev[1], SFAB_MEM_HBM, 8192);
	struct sfab_queue *queue = queue_on(dev[0]);

	(void)state;
	fake_no_peers();
	fill_random(cpu(a), 8192, 1);
	expect_ok(sfab_copy_notify(queue, b, 8, a, 8, 4096, b, 0, 9, NULL));
	expect_ok(sfab_copy_notify(queue, a, 4104, a, 8, 64, b, 8184, 10, NULL));
	expect_ok(sfab_queue_wait(queue, 10 * SECOND));
	assert_memory_equal((char *)cpu(b) + 8, (char *)cpu(a) + 8, 4096);
	assert_int_equal(*(uint64_t *)cpu(b), 9);
	assert_int_equal(((uint64_t *)cpu(b))[1023], 10);
}

static void test_notify_refused(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, 8192), *readonly;
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_batch *batch = batch_on(queue);
	char *pages = host_pages(4096);

	(void)state;
	expect_ok(sfab_mem_register(dev[0], pages, 4096, SFAB_READ, &readonly));
	expect_error(-EINVAL, sfab_batch_copy_notify(NULL, mem, 0, mem, 64, 8, mem, 128, 1), "NULL");
	expect_error(-EINVAL, sfab_copy_notify(NULL, mem, 0, mem, 64, 8, mem, 128, 1, NULL), "NULL");
	expect_error(-EINVAL, sfab_batch_copy_notify(batch, mem, 0, mem, 64, 8, mem, 132, 1),
		     "0x84", "aligned to 8");
	expect_error(-EINVAL, sfab_batch_copy_notify(batch, mem, 0, mem, 4, 8, mem, 128, 1),
		     "overlap");
	expect_error(-EINVAL, sfab_batch_copy_notify(batch, mem, 0, mem, 64, 17, mem, 16, 1),
		     "flag");
	expect_error(-ERANGE, sfab_batch_copy_notify(batch, mem, 0, mem, 64, 8, mem, 8192, 1),
		     "8 bytes", "0x2000");
	expect_error(-EACCES, sfab_batch_copy_notify(batch, mem, 0, mem, 64, 8, readonly, 0, 1),
		     "SFAB_WRITE");
	expect_error(-EFAULT, sfab_batch_copy_notify(batch, mem, 0, mem, 64, 8, HOST(pages + 4096),
						     1), "8 bytes");
	/* Nothing of what was refused is left in the batch, not the copies either */
	expect_ok(sfab_mem_free(readonly));
	expect_ok(sfab_batch_submit(batch, NULL, 0, NULL));
	expect_ok(sfab_queue_wait(queue, 10 * SECOND));
	expect_ok(sfab_mem_free(mem));
	munmap(pages, 4096);
}

/* ---- channels ---- */

struct pair {
	struct sfab_channel *in, *out;
	struct sfab_queue *queue;
};

static struct pair connect(enum sfab_mem_kind kind, uint32_t slot, uint32_t slots,
			   bool long_running)
{
	struct sfab_handle handle;
	struct pair p;

	p.queue = sender_queue(far_dev[1], long_running);
	expect_ok(sfab_channel_create(dev[0], kind, slot, slots, &p.in, &handle));
	expect_ok(sfab_channel_open(p.queue, &handle, &p.out));
	return p;
}

static void test_messages(enum sfab_mem_kind kind, bool long_running)
{
	struct pair p = connect(kind, SLOT, SLOTS, long_running);
	char message[SLOT], got[SLOT + 1];
	unsigned int i, size;

	for (i = 0; i < 50 * SLOTS; i++) {
		size = i % 3 ? i * 37 % SLOT : i % 2 ? 0 : SLOT;
		fill_random(message, size, i);
		expect_ok(sfab_channel_send(p.out, message, size, 10 * SECOND));
		memset(got, 0x5a, sizeof(got));
		assert_int_equal(sfab_channel_recv(p.in, got, SLOT, 10 * SECOND), size);
		assert_memory_equal(got, message, size);
		assert_int_equal(got[size], 0x5a);
	}
	expect_ok(sfab_channel_flush(p.out, 10 * SECOND));
	expect_error(-ETIME, sfab_channel_recv(p.in, got, SLOT, 0), "200 were received", "silent");
	expect_ok(sfab_channel_close(p.out));
	expect_error(-EPIPE, sfab_channel_recv(p.in, got, SLOT, SECOND), "closed", "200 messages");
	expect_ok(sfab_channel_close(p.in));
	sfab_queue_destroy(p.queue);
}

static void test_system(void **state)
{
	(void)state;
	test_messages(SFAB_MEM_SYSTEM, false);
}

static void test_hbm_long_running(void **state)
{
	(void)state;
	test_messages(SFAB_MEM_HBM, true);
}

/* Between devices of one context, without the fabric; the second has no way but to bounce */
static void test_near(void **state)
{
	struct sfab_queue *queue = queue_on(dev[1]);
	struct sfab_channel *in, *out;
	struct sfab_handle handle;
	unsigned int round;
	char got[8];

	(void)state;
	for (round = 0; round < 2; round++) {
		expect_ok(sfab_channel_create(dev[0], SFAB_MEM_HBM, 8, 3, &in, &handle));
		expect_ok(sfab_channel_open(queue, &handle, &out));
		expect_ok(sfab_channel_send(out, "nearby", 7, SECOND));
		assert_int_equal(sfab_channel_recv(in, got, 8, 10 * SECOND), 7);
		assert_string_equal(got, "nearby");
		expect_ok(sfab_channel_close(out));
		expect_ok(sfab_channel_close(in));
		fake_no_peers();
	}
}

/* A receiver that takes nothing is never overrun, and what waits arrives whole */
static void test_credits(void **state)
{
	struct pair p = connect(SFAB_MEM_SYSTEM, SLOT, SLOTS, false);
	unsigned int i, k, tries, sent = 0, received = 0;
	uint32_t got;
	int ret;

	(void)state;
	for (i = 1; i < 40; i++) {
		/* That slots are free is known a moment later; who only looks may not see it yet */
		for (tries = 0; sent - received < SLOTS; tries++) {
			ret = sfab_channel_send(p.out, &sent, sizeof(sent),
						i % 4 ? 0 : SECOND / 100);
			assert_true(!ret || (ret == -ETIME && tries < 1000000));
			sent += !ret;
		}
		expect_error(-ETIME, sfab_channel_send(p.out, &sent, sizeof(sent), SECOND / 1000),
			     "has taken", "slow, or gone");
		expect_error(-ETIME, sfab_channel_flush(p.out, 0), "has taken");
		for (k = 0; k < i % SLOTS + 1; k++) {
			expect_ok(sfab_channel_recv(p.in, &got, sizeof(got), 10 * SECOND));
			assert_int_equal(got, received++);
		}
		expect_ok(sfab_channel_send(p.out, &sent, sizeof(sent), 10 * SECOND));
		sent++;
	}
	expect_ok(sfab_channel_close(p.out));
	while (received < sent) {
		expect_ok(sfab_channel_recv(p.in, &got, sizeof(got), 10 * SECOND));
		assert_int_equal(got, received++);
	}
	expect_error(-EPIPE, sfab_channel_recv(p.in, &got, sizeof(got), SECOND), "closed");
	expect_ok(sfab_channel_close(p.in));
}

static void test_zero_copy(void **state)
{
	struct sfab_mem *hbm = alloc(far_dev[1], SFAB_MEM_HBM, 4096), *mem, *dst;
	struct pair p = connect(SFAB_MEM_HBM, 4096, 2, false);
	struct sfab_queue *queue = queue_on(dev[1]);
	struct sfab_fence *fence;
	uint64_t offset;

	(void)state;
	fill_random(cpu(hbm), 4096, 5);
	expect_ok(sfab_channel_send_mem(p.out, hbm, 1000, 3000, SECOND, &fence));
	expect_ok(sfab_fence_wait(fence, 10 * SECOND));
	sfab_fence_free(fence);
	/* It has arrived, says the fence */
	assert_int_equal(sfab_channel_peek(p.in, &mem, &offset, 0), 3000);
	assert_int_equal(offset % 8, 0);
	assert_memory_equal((char *)cpu(mem) + offset, (char *)cpu(hbm) + 1000, 3000);
	assert_int_equal(sfab_channel_peek(p.in, &mem, &offset, 0), 3000);
	dst = alloc(dev[1], SFAB_MEM_HBM, 4096);
	expect_ok(sfab_copy(queue, dst, 0, mem, offset, 3000, NULL));
	expect_ok(sfab_queue_wait(queue, 10 * SECOND));
	assert_memory_equal(cpu(dst), (char *)cpu(hbm) + 1000, 3000);
	expect_ok(sfab_channel_release(p.in));
	expect_error(-ENOENT, sfab_channel_release(p.in), "no message");
	expect_ok(sfab_channel_send_mem(p.out, SFAB_HOST, 0, 0, SECOND, NULL));
	assert_int_equal(sfab_channel_peek(p.in, &mem, &offset, 10 * SECOND), 0);
	expect_ok(sfab_channel_release(p.in));
	expect_ok(sfab_channel_flush(p.out, 10 * SECOND));

	expect_error(-ERANGE, sfab_channel_send_mem(p.out, hbm, 4000, 97, SECOND, NULL), "97");
	expect_error(-EFAULT, sfab_channel_send_mem(p.out, HOST(&p), 8, SECOND, NULL), "register");
	expect_error(-EBUSY, sfab_mem_free(mem), "exported");
}

/* The memory of a message is in use: the channel goes when it no longer is */
static void test_close_busy(void **state)
{
	struct pair p = connect(SFAB_MEM_SYSTEM, 64, 2, false);
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_batch *batch = batch_on(queue);
	struct sfab_mem *mem;
	uint64_t offset;

	(void)state;
	expect_ok(sfab_channel_send(p.out, "m", 1, SECOND));
	expect_ok(sfab_channel_peek(p.in, &mem, &offset, 10 * SECOND));
	expect_ok(sfab_batch_copy(batch, alloc(dev[0], SFAB_MEM_HBM, 64), 0, mem, offset, 1));
	expect_error(-EBUSY, sfab_channel_close(p.in), "not submitted");
	expect_ok(sfab_batch_clear(batch));
	expect_ok(sfab_channel_close(p.in));
	expect_ok(sfab_channel_close(NULL));
}

static void test_refused(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, 4096), *small;
	struct pair p = connect(SFAB_MEM_SYSTEM, 64, 2, false);
	struct sfab_channel *ch, *second;
	struct sfab_export *exported;
	struct sfab_handle handle;
	uint64_t offset;
	char got[64];

	(void)state;
	expect_error(-EINVAL, sfab_channel_create(NULL, SFAB_MEM_HBM, 8, 1, &ch, &handle), "NULL");
	expect_error(-EINVAL, sfab_channel_create(dev[0], SFAB_MEM_HBM, 8, 1, NULL, &handle), "NULL");
	expect_error(-EINVAL, sfab_channel_create(dev[0], SFAB_MEM_HBM, 8, 1, &ch, NULL), "NULL");
	expect_error(-EINVAL, sfab_channel_create(dev[0], SFAB_MEM_REMOTE, 8, 1, &ch, &handle),
		     "kind 4");
	expect_error(-EINVAL, sfab_channel_create(dev[0], SFAB_MEM_HBM, 0, 1, &ch, &handle),
		     "1 slots of 0 bytes");
	expect_error(-EINVAL, sfab_channel_create(dev[0], SFAB_MEM_HBM, 8, 0, &ch, &handle), "0");
	expect_error(-EINVAL, sfab_channel_create(dev[0], SFAB_MEM_HBM, 8, 65537, &ch, &handle),
		     "65536");
	expect_error(-EINVAL, sfab_channel_create(dev[0], SFAB_MEM_HBM, (1 << 30) + 1, 1, &ch,
						  &handle), "1073741824");
	expect_error(-ERANGE, sfab_channel_create(dev[0], SFAB_MEM_HBM, 1 << 30, 64, &ch, &handle),
		     "fewer");
	fake_eid(0, 0);
	expect_error(-EADDRNOTAVAIL, sfab_channel_create(dev[0], SFAB_MEM_HBM, 8, 1, &ch, &handle),
		     "no EID");
	fake_eid(0, 10);

	expect_error(-EINVAL, sfab_channel_open(NULL, &handle, &ch), "NULL");
	expect_error(-EINVAL, sfab_channel_open(p.queue, NULL, &ch), "NULL");
	expect_error(-EINVAL, sfab_channel_open(p.queue, &handle, NULL), "NULL");
	memset(&handle, 0, sizeof(handle));
	expect_error(-EINVAL, sfab_channel_open(p.queue, &handle, &ch), "no handle");
	expect_ok(sfab_mem_export(mem, 0, 4096, 7, &exported, &handle));
	expect_error(-EPROTO, sfab_channel_open(p.queue, &handle, &ch), "no channel");
	expect_ok(sfab_export_revoke(exported));
	small = alloc(dev[0], SFAB_MEM_HBM, 64);
	expect_ok(sfab_mem_export(small, 0, 64, 7, &exported, &handle));
	expect_error(-EPROTO, sfab_channel_open(p.queue, &handle, &ch), "no channel");
	expect_ok(sfab_channel_create(dev[0], SFAB_MEM_SYSTEM, 8, 1, &ch, &handle));
	expect_ok(sfab_channel_open(p.queue, &handle, &second));
	expect_error(-EBUSY, sfab_channel_open(p.queue, &handle, &second), "another sender");

	expect_error(-EMSGSIZE, sfab_channel_send(p.out, got, 65, SECOND), "65", "64");
	expect_error(-EINVAL, sfab_channel_send(p.out, NULL, 1, SECOND), "NULL");
	expect_error(-EINVAL, sfab_channel_send(NULL, got, 1, SECOND), "NULL");
	expect_error(-EINVAL, sfab_channel_send(p.in, got, 1, SECOND), "receives");
	expect_error(-EINVAL, sfab_channel_send_mem(p.in, mem, 0, 1, SECOND, NULL), "receives");
	expect_error(-EINVAL, sfab_channel_flush(p.in, 0), "receives");
	expect_error(-EINVAL, sfab_channel_recv(p.out, got, 64, 0), "sends");
	expect_error(-EINVAL, sfab_channel_recv(p.in, NULL, 64, 0), "NULL");
	expect_error(-EINVAL, sfab_channel_peek(p.out, &mem, &offset, 0), "sends");
	expect_error(-EINVAL, sfab_channel_peek(p.in, NULL, &offset, 0), "NULL");
	expect_error(-EINVAL, sfab_channel_release(p.out), "sends");

	/* What does not fit stays */
	expect_ok(sfab_channel_send(p.out, "twelve bytes", 12, SECOND));
	expect_error(-EMSGSIZE, sfab_channel_recv(p.in, got, 11, 10 * SECOND), "12 bytes", "11");
	assert_int_equal(sfab_channel_recv(p.in, got, 12, 0), 12);
	assert_memory_equal(got, "twelve bytes", 12);
}

/* Both ends check what the other one stores */
static void test_hostile(void **state)
{
	struct sfab_queue *queue = queue_on(far_dev[0]);
	struct pair p = connect(SFAB_MEM_SYSTEM, 64, 2, false);
	struct sfab_mem *ring;
	uint64_t *words, offset;
	char got[64];

	(void)state;
	expect_ok(sfab_channel_send(p.out, "m", 1, SECOND));
	expect_ok(sfab_channel_peek(p.in, &ring, &offset, 10 * SECOND));
	words = cpu(ring);
	/* A message of more than a slot */
	words[16] = 65ULL << 32 | 1;
	expect_error(-EPROTO, sfab_channel_recv(p.in, got, 64, SECOND), "65 bytes");
	/* A count that was torn is not believed; one of more than was sent is refused */
	words[8] = 2;
	expect_error(-ETIME, sfab_channel_flush(p.out, SECOND / 100), "taken 0 of 1");
	words[8] = 2 | 0xfffffffdULL << 32;
	expect_error(-EPROTO, sfab_channel_flush(p.out, SECOND), "broken");
	sfab_queue_destroy(queue);
}

/* ---- the other end is gone ---- */

/* The rest of the sender's context works on */
static void expect_rest_works(void)
{
	struct sfab_mem *mem = alloc(far_dev[1], SFAB_MEM_HBM, 4096);
	struct sfab_queue *queue = queue_on(far_dev[1]);

	expect_ok(sfab_copy(queue, mem, 0, mem, 64, 8, NULL));
	expect_ok(sfab_queue_wait(queue, 10 * SECOND));
	sfab_queue_destroy(queue);
	expect_ok(sfab_mem_free(mem));
}

static int send_until_error(struct sfab_channel *out)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < 10 * SLOTS && !ret; i++)
		ret = sfab_channel_send(out, "m", 1, 5 * SECOND);
	return ret;
}

static void receiver_closes(bool long_running)
{
	struct pair p = connect(SFAB_MEM_SYSTEM, SLOT, SLOTS, long_running);

	expect_ok(sfab_channel_close(p.in));
	assert_int_equal(send_until_error(p.out), -EIO);
	assert_non_null(strstr(sfab_last_error(), "taken back"));
	expect_error(-EIO, sfab_channel_flush(p.out, SECOND), "halted");
	expect_rest_works();
	expect_ok(sfab_channel_close(p.out));
	sfab_queue_destroy(p.queue);
}

static void test_receiver_closes(void **state)
{
	(void)state;
	receiver_closes(false);
	receiver_closes(true);
}

static void test_receiver_dark(void **state)
{
	struct pair p = connect(SFAB_MEM_SYSTEM, SLOT, SLOTS, true);
	struct sfab_channel *out;
	struct sfab_handle handle;

	(void)state;
	/* While it waits for a slot */
	while (!sfab_channel_send(p.out, "m", 1, SECOND / 1000))
		;
	fake_dark(0, true);
	expect_error(-EIO, sfab_channel_send(p.out, "m", 1, 5 * SECOND), "no answer");
	expect_rest_works();
	sfab_queue_destroy(p.queue);
	expect_error(-ECANCELED, sfab_channel_send(p.out, "m", 1, SECOND), "destroyed");
	expect_ok(sfab_channel_close(p.out));

	expect_ok(sfab_channel_create(dev[0], SFAB_MEM_HBM, 8, 1, &p.in, &handle));
	p.queue = sender_queue(far_dev[1], true);
	expect_error(-EIO, sfab_channel_open(p.queue, &handle, &out), "no answer");
	sfab_queue_destroy(p.queue);
}

static void test_sender_dies(void **state)
{
	struct pair p = connect(SFAB_MEM_SYSTEM, SLOT, SLOTS, false);
	struct sfab_channel *out;
	char got[8];

	(void)state;
	out = p.out;
	expect_ok(sfab_channel_send(out, "last", 5, SECOND));
	expect_ok(sfab_queue_wait(p.queue, SECOND));
	sfab_context_close(far_ctx);
	far_ctx = NULL;
	assert_int_equal(sfab_channel_recv(p.in, got, 8, SECOND), 5);
	expect_error(-ETIME, sfab_channel_recv(p.in, got, 8, SECOND / 100), "gone");
}

/* ---- failures everywhere ---- */

static int scenario(void)
{
	struct sfab_channel *in = NULL, *out = NULL;
	struct sfab_queue *queue = NULL;
	struct sfab_handle handle;
	unsigned int i;
	char got[64];
	int ret;

	ret = sfab_queue_create(far_dev[1], 0, &queue);
	if (!ret)
		ret = sfab_channel_create(dev[0], SFAB_MEM_HBM, 64, 2, &in, &handle);
	if (!ret)
		ret = sfab_channel_open(queue, &handle, &out);
	for (i = 0; i < 4 && !ret; i++) {
		ret = sfab_channel_send(out, "message", 8, 10 * SECOND);
		if (!ret)
			ret = sfab_channel_recv(in, got, 64, 10 * SECOND) == 8 ? 0 : -EDOM;
	}
	if (!ret)
		ret = sfab_channel_flush(out, 10 * SECOND);
	fake_fail_call(0, 0);
	fake_fail_alloc(0);
	expect_ok(sfab_channel_close(out));
	expect_ok(sfab_channel_close(in));
	sfab_queue_destroy(queue);
	return ret;
}

static void test_failures(void **state)
{
	unsigned int n, failed = 0;
	int ret;

	(void)state;
	for (n = 1; n < 1000; n++) {
		fake_fail_call(n, ENOMEM);
		ret = scenario();
		if (!fake_call_failed())
			break;
		if (ret && ret != -ENOMEM)
			fail_msg("call %u failed with ENOMEM, the library gave %d: %s", n, ret,
				 sfab_last_error());
		failed += ret == -ENOMEM;
	}
	if (n < 20 || failed < n * 2 / 3)
		fail_msg("%u calls, %u of them failed the scenario", n - 1, failed);
	assert_int_equal(ret, 0);
	for (n = 1; n < 1000; n++) {
		fake_fail_alloc(n);
		ret = scenario();
		if (!fake_alloc_failed())
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_non_null(strstr(sfab_last_error(), "memory"));
	}
	assert_true(n > 10);
	assert_int_equal(ret, 0);
}

/* A context that is closed takes both ends with it */
static void test_left_to_context(void **state)
{
	struct pair p = connect(SFAB_MEM_HBM, SLOT, SLOTS, true);

	(void)state;
	expect_ok(sfab_channel_send(p.out, "m", 1, SECOND));
}

/* ---- threads ---- */

#define COUNT		3000
#define SENDERS		2
#define RECEIVERS	2

static struct pair shared;
static uint64_t next_word[SENDERS];
static const char *wrong;

static void *send_many(void *arg)
{
	unsigned int me = (uintptr_t)arg;
	uint64_t i, words[16];

	for (i = 0; i < COUNT; i++) {
		words[0] = i << 8 | me;
		words[15] = words[0];
		if (sfab_channel_send(shared.out, words, i % 2 ? 128 : 8, 30 * SECOND)) {
			wrong = "send";
			break;
		}
	}
	return NULL;
}

/* Messages of one sender come in order; both receivers take from the same channel */
static void *receive_many(void *arg)
{
	unsigned int *left = arg;
	uint64_t words[16];
	int ret;

	for (;;) {
		ret = sfab_channel_recv(shared.in, words, sizeof(words), 30 * SECOND);
		if (ret == -EPIPE)
			return NULL;
		if (ret < 0 || (ret == 128 && words[0] != words[15])) {
			wrong = "receive";
			return NULL;
		}
		__atomic_sub_fetch(left, 1, __ATOMIC_RELAXED);
		if (RECEIVERS == 1 && words[0] >> 8 != next_word[words[0] & 0xff]++)
			wrong = "order";
	}
}

static void test_threads(void **state)
{
	unsigned int left = SENDERS * COUNT, i;
	pthread_t threads[SENDERS + RECEIVERS];

	(void)state;
	wrong = NULL;
	fake_room(100 * COUNT);
	shared = connect(SFAB_MEM_SYSTEM, 128, 16, true);
	for (i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, send_many,
						(void *)(uintptr_t)i), 0);
	for (i = 0; i < RECEIVERS; i++)
		assert_int_equal(pthread_create(&threads[SENDERS + i], NULL, receive_many,
						&left), 0);
	for (i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	expect_ok(sfab_channel_close(shared.out));
	for (i = 0; i < RECEIVERS; i++)
		pthread_join(threads[SENDERS + i], NULL);
	assert_null(wrong);
	assert_int_equal(left, 0);
}

static void *receive_in_order(void *arg)
{
	uint64_t i, word;

	(void)arg;
	for (i = 0; i < COUNT; i++) {
		if (sfab_channel_recv(shared.in, &word, 8, 30 * SECOND) != 8 || word != i)
			wrong = "order";
		if (i % 500 == 0)
			usleep(2000);
	}
	return NULL;
}

static void test_order(void **state)
{
	pthread_t thread;
	uint64_t i;

	(void)state;
	wrong = NULL;
	shared = connect(SFAB_MEM_SYSTEM, 8, 8, false);
	assert_int_equal(pthread_create(&thread, NULL, receive_in_order, NULL), 0);
	for (i = 0; i < COUNT; i++)
		expect_ok(sfab_channel_send(shared.out, &i, 8, 30 * SECOND));
	expect_ok(sfab_channel_flush(shared.out, 30 * SECOND));
	pthread_join(thread, NULL);
	assert_null(wrong);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_notify),
		cmocka_unit_test_setup_teardown(test_notify, setup_without_notify, end),
		TEST(test_notify_large),
		TEST(test_notify_bounced),
		TEST(test_notify_refused),
		TEST(test_system),
		TEST(test_hbm_long_running),
		cmocka_unit_test_setup_teardown(test_system, setup_without_notify, end),
		TEST(test_near),
		TEST(test_credits),
		TEST(test_zero_copy),
		TEST(test_close_busy),
		TEST(test_refused),
		TEST(test_hostile),
		TEST(test_receiver_closes),
		TEST(test_receiver_dark),
		TEST(test_sender_dies),
		TEST(test_failures),
		TEST(test_left_to_context),
		TEST(test_threads),
		TEST(test_order),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
