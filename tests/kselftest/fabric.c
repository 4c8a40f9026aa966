// SPDX-License-Identifier: MIT
/*
 * Memory of another accelerator: everything that commands can do with a segment, and
 * everything that its hardware refuses, with exact status; canaries around the segment
 * tell that not one byte more was touched.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>

#include "fabric_util.h"

#define LOCAL		0x40000000ULL
#define REMOTE		0x80000000ULL
#define FLAG		0xc0000000ULL
#define SIZE		(4 * SZ_2M)	/* of each buffer */
#define START		(SZ_4K + 8)	/* of the segment within the exported BO */
#define LENGTH		(2 * SZ_2M + 123)
#define CANARY		0xc5

FIXTURE(fabric)
{
	int fd[2];
	uint32_t vm, vm_exporter;
	uint32_t queue;
	struct buffer local;		/* of accelerator 0, in vm */
	struct buffer target;		/* of accelerator 1 */
	uint8_t *data;			/* what the CPU sees of the segment */
	uint32_t id;
	struct sfab_segment segment;
	uint32_t import;
};

FIXTURE_VARIANT(fabric)
{
	uint32_t region;		/* of the target */
};

FIXTURE_VARIANT_ADD(fabric, hbm)
{
	.region = SFAB_REGION_HBM,
};

FIXTURE_VARIANT_ADD(fabric, system)
{
	.region = SFAB_REGION_SYSTEM,
};

FIXTURE_VARIANT_ADD(fabric, registered)
{
	.region = SFAB_REGION_REGISTERED,
};

FIXTURE_SETUP(fabric)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		self->fd[i] = accel_open(i);
		ASSERT_LE(0, self->fd[i]);
	}
	ASSERT_EQ(0, fabric_join(self->fd));
	ASSERT_EQ(0, vm_create(self->fd[0], 0, &self->vm));
	ASSERT_EQ(0, vm_create(self->fd[1], 0, &self->vm_exporter));
	ASSERT_EQ(0, queue_create(self->fd[0], self->vm, &self->queue));
	ASSERT_EQ(0, buffer_create(self->fd[0], self->vm, SFAB_REGION_SYSTEM, SIZE, LOCAL,
				   RIGHT_RW, &self->local));
	ASSERT_EQ(0, buffer_create(self->fd[1], self->vm_exporter, variant->region, SIZE, LOCAL,
				   RIGHT_RW, &self->target));
	memset(self->target.cpu, CANARY, SIZE);
	self->data = self->target.cpu + START;
	ASSERT_EQ(0, segment_export(self->fd[1], self->target.handle, START, LENGTH, RIGHT_ALL,
				    &self->id, &self->segment));
	ASSERT_EQ(0, segment_import(self->fd[0], &self->segment, RIGHT_RW, &self->import));
	ASSERT_EQ(0, vm_map(self->fd[0], self->vm, REMOTE, self->import, 0,
			    (LENGTH + SZ_4K - 1) / SZ_4K * SZ_4K, RIGHT_RW));
}

FIXTURE_TEARDOWN(fabric)
{
	munmap(self->target.cpu, SIZE);
	munmap(self->local.cpu, SIZE);
	close(self->fd[0]);
	close(self->fd[1]);
}

static bool canaries_alive(FIXTURE_DATA(fabric) *self)
{
	return all_bytes(self->target.cpu, START, CANARY) &&
	       all_bytes(self->data + LENGTH, SIZE - START - LENGTH, CANARY);
}

static int run(FIXTURE_DATA(fabric) *self, struct sfab_command cmd)
{
	return queue_run(self->fd[0], self->queue, &cmd, 1);
}

/* Runs a command that has to fail; the status of the fabric, or a negative errno */
static int run_status(FIXTURE_DATA(fabric) *self, struct sfab_command cmd)
{
	struct sfab_queue_query state;
	uint64_t seqno;
	uint32_t queue;
	int ret = queue_create(self->fd[0], self->vm, &queue);

	ret = ret ?: queue_submit(self->fd[0], queue, &cmd, 1, NULL, 0, &seqno);
	if (ret)
		return ret;
	ret = queue_wait(self->fd[0], queue, seqno, WAIT_MS);
	if (ret != -EIO)
		return ret ?: -ENODATA;
	ret = queue_query(self->fd[0], queue, &state) ?: queue_destroy(self->fd[0], queue);
	if (ret)
		return ret;
	if (state.state != SFAB_QUEUE_FAULTED || state.fault.cause != SFAB_FAULT_FABRIC)
		return -EPROTO;
	if (state.fabric_eid != self->segment.eid || state.fault.addr < REMOTE)
		return -EBADMSG;
	return state.fabric_status;
}

/* Lengths around all that a packet, a page and a large page are made of */
static const uint64_t lengths[] = {
	1, 2, 3, 4, 7, 8, 9, 63, 64, 65, 255, 256, 4095, 4096, 4097, 65535, 65536, 65537,
	131072, SZ_1M + 3, SZ_2M, LENGTH - 5,
};

TEST_F(fabric, write)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		uint64_t at = i % 5, len = lengths[i];

		pattern_fill(self->local.cpu, SIZE, i);
		memset(self->data, CANARY, LENGTH);
		ASSERT_EQ(0, run(self, cmd_copy(REMOTE + at, LOCAL + at, len)));
		EXPECT_EQ(0, memcmp(self->data + at, self->local.cpu + at, len))
			TH_LOG("%llu bytes", (unsigned long long)len);
		EXPECT_TRUE(all_bytes(self->data, at, CANARY));
		EXPECT_TRUE(all_bytes(self->data + at + len, LENGTH - at - len, CANARY));
		EXPECT_TRUE(canaries_alive(self));
	}
}

TEST_F(fabric, read)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		uint64_t at = i % 5, len = lengths[i];

		pattern_fill(self->target.cpu, SIZE, i);
		memset(self->local.cpu, CANARY, SIZE);
		ASSERT_EQ(0, run(self, cmd_copy(LOCAL + at, REMOTE + at, len)));
		EXPECT_EQ(0, memcmp(self->data + at, self->local.cpu + at, len))
			TH_LOG("%llu bytes", (unsigned long long)len);
		EXPECT_TRUE(all_bytes(self->local.cpu, at, CANARY));
		EXPECT_TRUE(all_bytes(self->local.cpu + at + len, SIZE - at - len, CANARY));
		EXPECT_TRUE(pattern_check(self->target.cpu, SIZE, i));
	}
}

/* Within the segment, by way of the initiator */
TEST_F(fabric, remote_to_remote)
{
	pattern_fill(self->target.cpu, SIZE, 1);
	ASSERT_EQ(0, run(self, cmd_copy(REMOTE + SZ_2M, REMOTE, SZ_1M + 5)));
	EXPECT_EQ(0, memcmp(self->data + SZ_2M, self->data, SZ_1M + 5));
}

TEST_F(fabric, fill_and_2d)
{
	uint64_t row;

	ASSERT_EQ(0, run(self, cmd_fill(REMOTE + 8, SZ_64K, 8, 0x1122334455667788ULL)));
	for (row = 0; row < SZ_64K; row += 8) {
		ASSERT_EQ(0, memcmp(self->data + 8 + row, "\x88\x77\x66\x55\x44\x33\x22\x11", 8));
	}
	EXPECT_TRUE(canaries_alive(self));
	EXPECT_TRUE(all_bytes(self->data, 8, CANARY));
	EXPECT_TRUE(all_bytes(self->data + 8 + SZ_64K, 64, CANARY));

	memset(self->data, CANARY, LENGTH);
	pattern_fill(self->local.cpu, SIZE, 2);
	ASSERT_EQ(0, run(self, cmd_copy_2d(REMOTE, 1000, LOCAL, 100, 77, 50)));
	for (row = 0; row < 50; row++) {
		ASSERT_EQ(0, memcmp(self->data + row * 1000, self->local.cpu + row * 100, 77));
		EXPECT_TRUE(all_bytes(self->data + row * 1000 + 77, 1000 - 77, CANARY));
	}
}

/* Each element exactly once, however many packets they need */
TEST_F(fabric, reduce)
{
	const uint64_t count = SZ_1M / 4;
	int32_t *sum = (int32_t *)self->data, *add = (int32_t *)self->local.cpu;
	uint64_t i, round;

	for (i = 0; i < count; i++) {
		sum[i] = i;
		add[i] = 7 * i + 1;
	}
	for (round = 0; round < 3; round++)
		ASSERT_EQ(0, run(self, cmd_reduce(REMOTE, LOCAL, count * 4, SFAB_I32,
						  SFAB_REDUCE_SUM)));
	for (i = 0; i < count; i++)
		ASSERT_EQ((int32_t)(i + 3 * (7 * i + 1)), sum[i]);
	EXPECT_TRUE(canaries_alive(self));
}

TEST_F(fabric, atomics)
{
	volatile uint64_t *counter = (uint64_t *)self->data;
	volatile uint64_t *old = (uint64_t *)self->local.cpu;
	struct sfab_command adds[100];
	unsigned int i;

	*counter = 1000;
	for (i = 0; i < ARRAY_SIZE(adds); i++)
		adds[i] = cmd_atomic(REMOTE, LOCAL + i * 8, 8, SFAB_ATOMIC_ADD, 3, 0);
	ASSERT_EQ(0, queue_run(self->fd[0], self->queue, adds, ARRAY_SIZE(adds)));
	EXPECT_EQ(1000 + 3 * ARRAY_SIZE(adds), *counter);
	for (i = 0; i < ARRAY_SIZE(adds); i++)
		EXPECT_EQ(1000 + 3 * i, old[i]);

	ASSERT_EQ(0, run(self, cmd_atomic(REMOTE, LOCAL, 8, SFAB_ATOMIC_SWAP, 5, 0)));
	EXPECT_EQ(1300, *old);
	EXPECT_EQ(5, *counter);
	ASSERT_EQ(0, run(self, cmd_atomic(REMOTE, LOCAL, 8, SFAB_ATOMIC_CAS, 9, 6)));
	EXPECT_EQ(5, *counter);
	ASSERT_EQ(0, run(self, cmd_atomic(REMOTE, LOCAL, 8, SFAB_ATOMIC_CAS, 9, 5)));
	EXPECT_EQ(9, *counter);
	ASSERT_EQ(0, run(self, cmd_atomic(REMOTE + 4, 0, 4, SFAB_ATOMIC_ADD, 1, 0)));
	EXPECT_EQ(9 + (1ULL << 32), *counter);
	EXPECT_TRUE(canaries_alive(self));
}

/* Who sees the notification sees the data: in one packet, and in many */
TEST_F(fabric, notify)
{
	static const uint64_t sizes[] = { 0, 8, 1000, SZ_64K, SZ_1M };
	volatile uint64_t *flag = (uint64_t *)(self->data + SZ_2M);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct sfab_command copy = cmd_copy(REMOTE, LOCAL, sizes[i]);
		uint64_t seqno;
		int64_t end = deadline(WAIT_MS);

		copy.flags = SFAB_COMMAND_NOTIFY;
		copy.arg0 = REMOTE + SZ_2M;
		copy.arg1 = 0xabcd0000 + i;
		pattern_fill(self->local.cpu, SIZE, 10 + i);
		memset(self->data, CANARY, SZ_1M);
		*flag = 0;
		ASSERT_EQ(0, queue_submit(self->fd[0], self->queue, &copy, 1, NULL, 0, &seqno));
		while (*flag != copy.arg1 && now_ns() < end)
			sleep_ms(1);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		ASSERT_EQ(copy.arg1, *flag);
		EXPECT_EQ(0, memcmp(self->data, self->local.cpu, sizes[i]));
		EXPECT_TRUE(all_bytes(self->data + sizes[i], SZ_1M - sizes[i], CANARY));
		ASSERT_EQ(0, queue_wait(self->fd[0], self->queue, seqno, WAIT_MS));
	}
}

/* A second initiator that is the exporter itself */
TEST_F(fabric, by_itself)
{
	struct sfab_command copy = cmd_copy(REMOTE, LOCAL + SZ_4K, 8);
	uint32_t import, queue;

	ASSERT_EQ(0, segment_import(self->fd[1], &self->segment, RIGHT_RW, &import));
	ASSERT_EQ(0, vm_map(self->fd[1], self->vm_exporter, REMOTE, import, 0, SZ_4K, RIGHT_RW));
	ASSERT_EQ(0, queue_create(self->fd[1], self->vm_exporter, &queue));
	pattern_fill(self->target.cpu, SIZE, 3);
	copy.src = LOCAL + SZ_2M;
	ASSERT_EQ(0, queue_run(self->fd[1], queue, &copy, 1));
	EXPECT_EQ(0, memcmp(self->data, self->target.cpu + SZ_2M, 8));
}

/* ---- refused, and not one byte read or written ---- */

static void try_all(struct __test_metadata *_metadata, FIXTURE_DATA(fabric) *self,
		    uint64_t remote, uint64_t len, int status)
{
	memset(self->local.cpu, 0x11, SIZE);
	EXPECT_EQ(status, run_status(self, cmd_copy(remote, LOCAL, len)));
	EXPECT_EQ(status, run_status(self, cmd_copy(LOCAL, remote, len)));
	EXPECT_TRUE(all_bytes(self->local.cpu, SIZE, 0x11));
	EXPECT_TRUE(all_bytes(self->target.cpu, SIZE, CANARY));
}

/* Imports the segment anew, as @segment describes it, at REMOTE */
static void reimport(struct __test_metadata *_metadata, FIXTURE_DATA(fabric) *self,
		     const struct sfab_segment *segment)
{
	uint64_t size = (segment->size + SZ_4K - 1) / SZ_4K * SZ_4K;
	uint32_t import;

	ASSERT_EQ(0, vm_unmap(self->fd[0], self->vm, REMOTE, SIZE));
	ASSERT_EQ(0, segment_import(self->fd[0], segment, RIGHT_RW, &import));
	ASSERT_EQ(0, vm_map(self->fd[0], self->vm, REMOTE, import, 0, size, RIGHT_RW));
	ASSERT_EQ(0, bo_close(self->fd[0], import));
}

TEST_F(fabric, out_of_bounds)
{
	const uint64_t last = LENGTH % 8;	/* bytes of the last word that belong to it */

	/* One byte too many, in any number of bytes */
	try_all(_metadata, self, REMOTE + LENGTH, 1, SFAB_FABRIC_OUT_OF_BOUNDS);
	try_all(_metadata, self, REMOTE + LENGTH - 1, 2, SFAB_FABRIC_OUT_OF_BOUNDS);
	try_all(_metadata, self, REMOTE + LENGTH - 100, 101, SFAB_FABRIC_OUT_OF_BOUNDS);
	EXPECT_EQ(SFAB_FABRIC_OUT_OF_BOUNDS,
		  run_status(self, cmd_write(REMOTE + LENGTH - last, 8, 1)));
	EXPECT_EQ(SFAB_FABRIC_OUT_OF_BOUNDS,
		  run_status(self, cmd_atomic(REMOTE + LENGTH - last, 0, 8, 0, 1, 0)));
	EXPECT_EQ(SFAB_FABRIC_OUT_OF_BOUNDS,
		  run_status(self, cmd_reduce(REMOTE + LENGTH - last, LOCAL, 8, SFAB_I32, 0)));
	EXPECT_TRUE(all_bytes(self->target.cpu, SIZE, CANARY));
	/* Up to the last one all is well */
	EXPECT_EQ(0, run(self, cmd_copy(LOCAL, REMOTE + LENGTH - 100, 100)));
	EXPECT_EQ(0, run(self, cmd_copy(REMOTE + LENGTH - 1, LOCAL, 1)));
}

TEST_F(fabric, wrong_token)
{
	struct sfab_segment segment = self->segment;
	unsigned int bit;

	for (bit = 0; bit < 64; bit += 21) {
		segment.token = self->segment.token ^ 1ULL << bit;
		reimport(_metadata, self, &segment);
		try_all(_metadata, self, REMOTE, 100, SFAB_FABRIC_BAD_TOKEN);
	}
	reimport(_metadata, self, &self->segment);
	EXPECT_EQ(0, run(self, cmd_copy(REMOTE, LOCAL, 100)));
}

TEST_F(fabric, rotated_token)
{
	struct sfab_segment segment = self->segment;

	ASSERT_EQ(0, segment_rotate(self->fd[1], self->id, &segment.token));
	EXPECT_NE(segment.token, self->segment.token);
	try_all(_metadata, self, REMOTE, 100, SFAB_FABRIC_BAD_TOKEN);
	reimport(_metadata, self, &segment);
	EXPECT_EQ(0, run(self, cmd_copy(REMOTE, LOCAL, 100)));
}

TEST_F(fabric, stale_epoch)
{
	struct sfab_segment segment = self->segment;
	union any_event event;

	segment.epoch ^= 0x80000000;
	reimport(_metadata, self, &segment);
	try_all(_metadata, self, REMOTE, 100, SFAB_FABRIC_STALE);
	ASSERT_EQ(0, event_of_type(self->fd[0], SFAB_EVENT_PEER_LOST, &event, WAIT_MS));
	EXPECT_EQ(SFAB_FABRIC_STALE, event.fabric.status);
	EXPECT_EQ(self->segment.eid, event.fabric.eid);
	EXPECT_EQ(self->segment.number, event.fabric.segment);
	EXPECT_LT(0, event.fabric.queue_id);
	reimport(_metadata, self, &self->segment);
	EXPECT_EQ(0, run(self, cmd_copy(REMOTE, LOCAL, 100)));
}

/* The number is in use again: who has the old descriptor reaches nothing */
TEST_F(fabric, reused_number)
{
	struct sfab_segment segment;
	uint32_t id;

	ASSERT_EQ(0, segment_revoke(self->fd[1], self->id));
	ASSERT_EQ(0, segment_export(self->fd[1], self->target.handle, 0, SIZE, RIGHT_ALL, &id,
				    &segment));
	ASSERT_EQ(self->segment.number, segment.number);
	EXPECT_NE(self->segment.epoch, segment.epoch);
	EXPECT_NE(self->segment.token, segment.token);
	try_all(_metadata, self, REMOTE, 100, SFAB_FABRIC_STALE);
}

TEST_F(fabric, revoked)
{
	union any_event event;

	EXPECT_EQ(0, run(self, cmd_copy(LOCAL, REMOTE, 100)));
	ASSERT_EQ(0, segment_revoke(self->fd[1], self->id));
	EXPECT_EQ(-ENOENT, segment_revoke(self->fd[1], self->id));
	EXPECT_EQ(-ENOENT, segment_rotate(self->fd[1], self->id, NULL));
	try_all(_metadata, self, REMOTE, 100, SFAB_FABRIC_REVOKED);
	ASSERT_EQ(0, event_of_type(self->fd[0], SFAB_EVENT_REVOKED, &event, WAIT_MS));
	EXPECT_EQ(SFAB_FABRIC_REVOKED, event.fabric.status);
	EXPECT_EQ(self->segment.eid, event.fabric.eid);
	EXPECT_EQ(self->segment.number, event.fabric.segment);
	EXPECT_EQ(0, event.fabric.segment_id);
	/* The rest of the context works */
	EXPECT_EQ(0, run(self, cmd_copy(LOCAL + SZ_1M, LOCAL, SZ_4K)));
}

/* For each set of rights what it allows, and nothing else */
TEST_F(fabric, rights)
{
	uint32_t rights, id;

	ASSERT_EQ(0, segment_revoke(self->fd[1], self->id));
	for (rights = 1; rights <= RIGHT_ALL; rights++) {
		struct sfab_command cmds[] = {
			cmd_copy(LOCAL, REMOTE, 64),
			cmd_copy(REMOTE, LOCAL, 64),
			cmd_write(REMOTE, 8, 1),
			cmd_atomic(REMOTE, 0, 8, SFAB_ATOMIC_ADD, 1, 0),
			cmd_reduce(REMOTE, LOCAL, 64, SFAB_I32, SFAB_REDUCE_SUM),
		};
		static const uint32_t need[] = { SFAB_RIGHT_READ, SFAB_RIGHT_WRITE,
						 SFAB_RIGHT_WRITE, RIGHT_A, RIGHT_A };
		struct sfab_segment segment;
		unsigned int i;

		ASSERT_EQ(0, segment_export(self->fd[1], self->target.handle, START, LENGTH,
					    rights, &id, &segment));
		EXPECT_EQ(rights, segment.rights);
		reimport(_metadata, self, &segment);
		for (i = 0; i < ARRAY_SIZE(cmds); i++) {
			memset(self->data, CANARY, LENGTH);
			if (rights & need[i]) {
				EXPECT_EQ(0, run(self, cmds[i]))
					TH_LOG("rights %u, command %u", rights, i);
				continue;
			}
			EXPECT_EQ(SFAB_FABRIC_NO_RIGHTS, run_status(self, cmds[i]))
				TH_LOG("rights %u, command %u", rights, i);
			EXPECT_TRUE(all_bytes(self->data, LENGTH, CANARY));
		}
		ASSERT_EQ(0, segment_revoke(self->fd[1], id));
	}
}

/* What the initiator's own page tables refuse never leaves it */
TEST_F(fabric, rights_of_mapping)
{
	struct sfab_fault fault;
	uint32_t import;

	ASSERT_EQ(0, segment_import(self->fd[0], &self->segment, RIGHT_R, &import));
	EXPECT_EQ(-EACCES, vm_map(self->fd[0], self->vm, FLAG, import, 0, SZ_4K, RIGHT_RW));
	ASSERT_EQ(0, vm_map(self->fd[0], self->vm, FLAG, import, 0, SZ_4K, RIGHT_R));
	ASSERT_EQ(0, run_into_fault(self->fd[0], self->vm, cmd_copy(FLAG, LOCAL, 8), &fault));
	EXPECT_EQ(SFAB_FAULT_NO_WRITE, fault.cause);
	ASSERT_EQ(0, run_into_fault(self->fd[0], self->vm,
				    cmd_atomic(FLAG, 0, 8, SFAB_ATOMIC_ADD, 1, 0), &fault));
	EXPECT_EQ(SFAB_FAULT_NO_WRITE, fault.cause);
	EXPECT_EQ(0, run(self, cmd_copy(LOCAL, FLAG, 8)));

	/* Operands that cannot be remote */
	ASSERT_EQ(0, run_into_fault(self->fd[0], self->vm, cmd_timestamp(REMOTE), &fault));
	EXPECT_EQ(SFAB_FAULT_APERTURE, fault.cause);
	ASSERT_EQ(0, run_into_fault(self->fd[0], self->vm,
				    cmd_atomic(LOCAL, REMOTE, 8, SFAB_ATOMIC_ADD, 1, 0), &fault));
	EXPECT_EQ(SFAB_FAULT_APERTURE, fault.cause);
	EXPECT_TRUE(all_bytes(self->target.cpu, SIZE, CANARY));
}

/* An import of a part: its first byte is the offset's */
TEST_F(fabric, import_offset)
{
	struct sfab_segment_import arg = {
		.eid = self->segment.eid,
		.number = self->segment.number,
		.epoch = self->segment.epoch,
		.token = self->segment.token,
		.rights = RIGHT_RW,
		.offset = SZ_2M + SZ_4K,
		.size = SZ_64K,
	};
	struct sfab_bo_query bo;

	ASSERT_EQ(0, do_ioctl(self->fd[0], DRM_IOCTL_SFAB_SEGMENT_IMPORT, &arg));
	ASSERT_EQ(0, bo_query(self->fd[0], arg.handle, &bo));
	EXPECT_EQ(SZ_64K, bo.size);
	EXPECT_EQ(SFAB_PATH_FABRIC, bo.path);
	EXPECT_EQ(RIGHT_RW, bo.rights);
	ASSERT_EQ(0, vm_map(self->fd[0], self->vm, FLAG, arg.handle, SZ_4K, SZ_4K, RIGHT_RW));
	ASSERT_EQ(0, run(self, cmd_write(FLAG + 16, 8, 0x1234)));
	EXPECT_EQ(0x1234, *(uint64_t *)(self->data + SZ_2M + 2 * SZ_4K + 16));
}

/* Counters of both sides, and the ports' */
TEST_F(fabric, counters)
{
	struct sfab_query_counters before[2], after[2];
	unsigned int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, query_counters(self->fd[i], &before[i]));
	ASSERT_EQ(0, run(self, cmd_copy(REMOTE, LOCAL, SZ_1M)));
	EXPECT_EQ(SFAB_FABRIC_OUT_OF_BOUNDS, run_status(self, cmd_copy(REMOTE + LENGTH, LOCAL, 1)));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, query_counters(self->fd[i], &after[i]));
	EXPECT_LE(SZ_1M, after[0].bytes_fabric - before[0].bytes_fabric);
	EXPECT_LE(SZ_1M / 65536, after[0].fabric_requests - before[0].fabric_requests);
	EXPECT_EQ(1, after[0].fabric_failures - before[0].fabric_failures);
	EXPECT_LE(SZ_1M / 65536, after[1].fabric_served - before[1].fabric_served);
	EXPECT_EQ(1, after[1].fabric_refused - before[1].fabric_refused);
}

TEST_HARNESS_MAIN
