// SPDX-License-Identifier: MIT
/*
 * Every command against a CPU reference: the memory that it may touch and all
 * around it, for all kinds of memory.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <math.h>

#include "reference.h"

#define SIZE		(SZ_2M + SZ_64K)
#define DST_VA		0x40000000ULL
#define SRC_VA		0x7f0000000000ULL

FIXTURE(command)
{
	int fd;
	uint32_t vm, queue;
	struct buffer dst, src;
	struct window windows[2];	/* dst, src */
};

FIXTURE_VARIANT(command)
{
	uint32_t dst, src;		/* regions */
};

FIXTURE_VARIANT_ADD(command, hbm_to_hbm)
{
	.dst = SFAB_REGION_HBM,
	.src = SFAB_REGION_HBM,
};

FIXTURE_VARIANT_ADD(command, system_to_hbm)
{
	.dst = SFAB_REGION_HBM,
	.src = SFAB_REGION_SYSTEM,
};

FIXTURE_VARIANT_ADD(command, hbm_to_system)
{
	.dst = SFAB_REGION_SYSTEM,
	.src = SFAB_REGION_HBM,
};

FIXTURE_VARIANT_ADD(command, registered_to_registered)
{
	.dst = SFAB_REGION_REGISTERED,
	.src = SFAB_REGION_REGISTERED,
};

FIXTURE_SETUP(command)
{
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vm_create(self->fd, 0, &self->vm));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	ASSERT_EQ(0, buffer_create(self->fd, self->vm, variant->dst, SIZE, DST_VA, RIGHT_RW,
				   &self->dst));
	/* ATOMIC stores the old value there: writable */
	ASSERT_EQ(0, buffer_create(self->fd, self->vm, variant->src, SIZE, SRC_VA, RIGHT_RW,
				   &self->src));
	ASSERT_EQ(0, window_init(&self->windows[0], &self->dst, 1));
	ASSERT_EQ(0, window_init(&self->windows[1], &self->src, 2));
}

FIXTURE_TEARDOWN(command)
{
	close(self->fd);
}

/* The device and the reference do the same; all memory is equal after it */
static bool run_both(FIXTURE_DATA(command) *self, const struct sfab_command *cmds,
		     unsigned int count)
{
	unsigned int i;
	int ret;

	if (!reference_execute(cmds, count, self->windows, 2)) {
		fprintf(stderr, "# the test leaves its own windows\n");
		return false;
	}
	ret = queue_run(self->fd, self->queue, cmds, count);
	if (ret) {
		fprintf(stderr, "# run: %s\n", strerror(-ret));
		return false;
	}
	for (i = 0; i < 2; i++) {
		int64_t offset = window_compare(&self->windows[i]);

		if (offset >= 0) {
			fprintf(stderr, "# %s differs at %#llx: %#x instead of %#x\n",
				i ? "src" : "dst", (unsigned long long)offset,
				self->windows[i].cpu[offset], self->windows[i].shadow[offset]);
			return false;
		}
	}
	return true;
}

TEST_F(command, copy)
{
	static const uint64_t lengths[] = { 0, 1, 2, 3, 7, 8, 63, 64, 65, 4095, 4096, 4097,
					    SZ_64K - 1, SZ_1M + 3, SZ_2M, SIZE };
	static const uint64_t offsets[] = { 0, 1, 7, 8, 4095, 4096, SZ_2M - 1 };
	struct sfab_command cmd;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		for (j = 0; j < ARRAY_SIZE(offsets); j++) {
			uint64_t dst = offsets[j], src = offsets[(i + j) % ARRAY_SIZE(offsets)];

			if (lengths[i] > SZ_64K && j > 1)
				break;
			if (dst + lengths[i] > SIZE || src + lengths[i] > SIZE)
				continue;
			cmd = cmd_copy(DST_VA + dst, SRC_VA + src, lengths[i]);
			ASSERT_TRUE(run_both(self, &cmd, 1))
				TH_LOG("%llu bytes from +%llu to +%llu",
				       (unsigned long long)lengths[i], (unsigned long long)src,
				       (unsigned long long)dst);
		}
	}
}

TEST_F(command, copy_2d)
{
	static const struct {
		uint64_t dst, dst_pitch, src, src_pitch, len, rows;
	} shapes[] = {
		{ 0, 64, 0, 64, 64, 100 },		/* dense */
		{ 3, 1000, 5, 777, 100, 50 },
		{ 4090, 4096, 1, 17, 13, 200 },		/* each row across a page */
		{ 0, 17, 4090, 4096, 13, 200 },
		{ SZ_2M - 50, 10, 0, 4096, 10, 10 },	/* across a large page */
		{ 0, SZ_64K, 0, SZ_64K, SZ_64K, 30 },
		{ 100, 1, 200, 1, 1, 3000 },
		{ 0, SZ_4K, 0, SZ_4K, 0, 10 },		/* nothing */
		{ 0, SZ_4K, 0, SZ_4K, 64, 0 },
		{ 0, SZ_2M, 0, 100, 100, 2 },
	};
	struct sfab_command cmd;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		cmd = cmd_copy_2d(DST_VA + shapes[i].dst, shapes[i].dst_pitch,
				  SRC_VA + shapes[i].src, shapes[i].src_pitch, shapes[i].len,
				  shapes[i].rows);
		ASSERT_TRUE(run_both(self, &cmd, 1)) {
			TH_LOG("shape %u", i);
		}
	}
}

TEST_F(command, fill)
{
	static const uint64_t lengths[] = { 0, 8, 16, 64, 4096, SZ_64K + 8, SZ_2M };
	static const uint64_t offsets[] = { 0, 1, 13, 4095, 8192 };
	static const uint8_t widths[] = { 1, 2, 4, 8 };
	struct sfab_command cmd;
	unsigned int i, j, k;

	for (i = 0; i < ARRAY_SIZE(widths); i++) {
		for (j = 0; j < ARRAY_SIZE(lengths); j++) {
			for (k = 0; k < ARRAY_SIZE(offsets); k++) {
				uint64_t value = 0xf1e2d3c4b5a69788ULL >> (64 - 8 * widths[i]);

				if (lengths[j] > SZ_64K && k)
					break;
				cmd = cmd_fill(DST_VA + offsets[k], lengths[j] + (lengths[j] ?
					       widths[i] : 0), widths[i], value);
				ASSERT_TRUE(run_both(self, &cmd, 1)) {
					TH_LOG("width %u, length %llu, offset %llu", widths[i],
					       (unsigned long long)cmd.len,
					       (unsigned long long)offsets[k]);
				}
			}
		}
	}
}

TEST_F(command, write)
{
	const struct sfab_command cmds[] = {
		cmd_write(DST_VA, 8, 0x1122334455667788ULL),
		cmd_write(DST_VA + 8, 4, 0xaabbccdd),
		cmd_write(DST_VA + SZ_4K - 4, 4, 0xffffffff),
		cmd_write(DST_VA + SIZE - 8, 8, ~0ULL),
		cmd_write(SRC_VA + SZ_2M - 8, 8, 0),
	};

	ASSERT_TRUE(run_both(self, cmds, ARRAY_SIZE(cmds)));
}

TEST_F(command, atomic)
{
	static const uint64_t operands[] = { 0, 1, ~0ULL, 0x80000000, 0x7fffffffffffffffULL,
					     0x123456789abcdef0ULL };
	struct sfab_command cmds[128];
	unsigned int count = 0, i, op, width;

	for (op = SFAB_ATOMIC_ADD; op <= SFAB_ATOMIC_CAS; op++) {
		for (width = 4; width <= 8; width += 4) {
			for (i = 0; i < ARRAY_SIZE(operands); i++) {
				uint64_t mask = width == 4 ? 0xffffffff : ~0ULL, comparand = 0;
				uint64_t at = 64 * i + width, old = 0;

				/* Compare with what is there, or with what is not */
				if (op == SFAB_ATOMIC_CAS) {
					memcpy(&comparand, self->windows[0].shadow + at, width);
					comparand ^= i & 1;
				}
				/* With and without the old value */
				if (i % 3)
					old = SRC_VA + 8 * count;
				cmds[count++] = cmd_atomic(DST_VA + at, old, width, op,
							   operands[i] & mask, comparand);
			}
		}
	}
	/* CAS compares with values that earlier commands have changed: both ways happen */
	ASSERT_TRUE(run_both(self, cmds, count));
}

/* The device's clock rises, and counts nanoseconds */
TEST_F(command, timestamp)
{
	enum { COUNT = 16, ROUNDS = 3, PAUSE_MS = 10 };
	volatile uint64_t *times = (uint64_t *)self->dst.cpu;
	struct sfab_command cmds[COUNT];
	uint64_t first = 0, last = 0;
	unsigned int i, round;
	int64_t start = now_ns();

	for (i = 0; i < COUNT; i++)
		cmds[i] = cmd_timestamp(DST_VA + 8 * i);
	for (round = 0; round < ROUNDS; round++) {
		ASSERT_EQ(0, queue_run(self->fd, self->queue, cmds, COUNT));
		if (!round) {
			first = times[0];
		} else {
			EXPECT_LE(last + PAUSE_MS * 1000000ULL, times[0]);
		}
		for (i = 0; i < COUNT; i++) {
			EXPECT_LE(last, times[i]);
			last = times[i];
		}
		sleep_ms(PAUSE_MS);
	}
	EXPECT_GE(now_ns() - start, (int64_t)(last - first));
	/* Nothing beside them was written */
	EXPECT_EQ(0, memcmp(self->dst.cpu + 8 * COUNT, self->windows[0].shadow + 8 * COUNT,
			    SIZE - 8 * COUNT));
}

/* ---- reductions ---- */

static const uint32_t special_fp32[] = {
	0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x807fffff, 0x00800000,
	0x80800000, 0x3f800000, 0xbf800000, 0x3f800001, 0x3f7fffff, 0x33800000, 0x33800001,
	0xb3800000, 0x4b800000, 0x4b7fffff, 0x7f7fffff, 0xff7fffff, 0x73800000, 0x737fffff,
	0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff,
	0x7fc12345, 0x40490fdb, 0xc0490fdb, 0x0b8cbccc,
};

static const uint32_t special_fp16[] = {
	0x0000, 0x8000, 0x0001, 0x8001, 0x03ff, 0x83ff, 0x0400, 0x8400, 0x3c00, 0xbc00, 0x3c01,
	0x3bff, 0x1000, 0x1001, 0x9000, 0x6800, 0x67ff, 0x7bff, 0xfbff, 0x4c00, 0x4bff, 0x7c00,
	0xfc00, 0x7e00, 0xfe00, 0x7c01, 0xfc01, 0x7fff, 0x7e12, 0x4248, 0xc248, 0x0abc,
};

static const uint32_t special_bf16[] = {
	0x0000, 0x8000, 0x0001, 0x8001, 0x007f, 0x807f, 0x0080, 0x8080, 0x3f80, 0xbf80, 0x3f81,
	0x3f7f, 0x3b80, 0x3b81, 0xbb80, 0x4380, 0x437f, 0x7f7f, 0xff7f, 0x7b80, 0x7b7f, 0x7f80,
	0xff80, 0x7fc0, 0xffc0, 0x7f81, 0xff81, 0x7fff, 0x7fc1, 0x4049, 0xc049, 0x0b8c,
};

static const uint32_t special_i32[] = {
	0, 1, 2, 0xffffffff, 0xfffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0x7ffffffe,
	0x12345678, 0x87654321, 0x0000ffff, 0xffff0000, 100, 0xffffff9c, 0x40000000,
	0xc0000000, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31,
};

#define SPECIALS ARRAY_SIZE(special_fp32)

/* Every pair of values that are special in any way */
TEST_F(command, reduce_special_values)
{
	static const uint32_t *const specials[] = {
		[SFAB_I32] = special_i32,
		[SFAB_FP32] = special_fp32,
		[SFAB_FP16] = special_fp16,
		[SFAB_BF16] = special_bf16,
	};
	unsigned int dtype, op, i, j;

	ASSERT_EQ(SPECIALS, ARRAY_SIZE(special_fp16));
	ASSERT_EQ(SPECIALS, ARRAY_SIZE(special_bf16));
	ASSERT_EQ(SPECIALS, ARRAY_SIZE(special_i32));
	for (dtype = SFAB_I32; dtype <= SFAB_BF16; dtype++) {
		size_t size = dtype_size(dtype);

		for (op = SFAB_REDUCE_SUM; op <= SFAB_REDUCE_MAX; op++) {
			struct sfab_command cmd = cmd_reduce(DST_VA + 4, SRC_VA + 8,
							     SPECIALS * SPECIALS * size, dtype, op);

			for (i = 0; i < SPECIALS; i++) {
				for (j = 0; j < SPECIALS; j++) {
					size_t at = (i * SPECIALS + j) * size;

					memcpy(self->dst.cpu + 4 + at, &specials[dtype][i], size);
					memcpy(self->src.cpu + 8 + at, &specials[dtype][j], size);
				}
			}
			window_sync(&self->windows[0]);
			window_sync(&self->windows[1]);
			ASSERT_TRUE(run_both(self, &cmd, 1)) {
				TH_LOG("dtype %u, op %u", dtype, op);
			}
		}
	}
}

/* Random values, all of the 16 bit ones, at lengths that end within a page */
TEST_F(command, reduce_values)
{
	unsigned int dtype, op, i;
	uint64_t state = 4711;

	for (dtype = SFAB_I32; dtype <= SFAB_BF16; dtype++) {
		size_t size = dtype_size(dtype), count = size == 2 ? 65536 : 5000;

		for (op = SFAB_REDUCE_SUM; op <= SFAB_REDUCE_MAX; op++) {
			struct sfab_command cmd = cmd_reduce(DST_VA + SZ_2M - SZ_64K,
							     SRC_VA + 4 * size, count * size,
							     dtype, op);

			for (i = 0; i < count; i++) {
				uint32_t value = size == 2 ? i : random64(&state) >> 16;
				uint32_t other = random64(&state) >> 16;

				/* Near each other, so that sums cancel and round */
				if (i & 1)
					other = value ^ (other & 0x80ff);
				memcpy(self->dst.cpu + SZ_2M - SZ_64K + i * size, &value, size);
				memcpy(self->src.cpu + (i + 4) * size, &other, size);
			}
			window_sync(&self->windows[0]);
			window_sync(&self->windows[1]);
			ASSERT_TRUE(run_both(self, &cmd, 1)) {
				TH_LOG("dtype %u, op %u", dtype, op);
			}
		}
	}
}

/* The source is the destination */
TEST_F(command, reduce_onto_itself)
{
	struct sfab_command cmds[] = {
		cmd_reduce(DST_VA, DST_VA, SZ_64K, SFAB_I32, SFAB_REDUCE_SUM),
		cmd_reduce(DST_VA, DST_VA, SZ_64K, SFAB_FP32, SFAB_REDUCE_MAX),
		cmd_reduce(DST_VA, SRC_VA, 0, SFAB_FP32, SFAB_REDUCE_MAX),
	};

	ASSERT_TRUE(run_both(self, cmds, ARRAY_SIZE(cmds)));
}

/* ---- together ---- */

static uint64_t pick(uint64_t *state, uint64_t limit)
{
	return (random64(state) >> 11) % limit;
}

static struct sfab_command random_command(uint64_t *state)
{
	static const uint8_t widths[] = { 1, 2, 4, 8 };
	const uint64_t half = SIZE / 2;
	/* dst from the one half of a window, src from the other: they never overlap */
	uint64_t dst = (random64(state) & 1 ? DST_VA : SRC_VA);
	uint64_t src = (random64(state) & 1 ? DST_VA : SRC_VA) + half;
	uint64_t len = pick(state, random64(state) & 7 ? 2000 : SZ_64K);
	uint64_t value = random64(state);
	unsigned int dtype = pick(state, 4), width = widths[pick(state, 4)];
	uint64_t pitch;

	switch (pick(state, 6)) {
	case 0:
		return cmd_copy(dst + pick(state, half - len), src + pick(state, half - len), len);
	case 1:
		len = pick(state, 200);
		pitch = len + pick(state, 100) + 1;
		return cmd_copy_2d(dst + pick(state, half - 50 * pitch), pitch,
				   src + pick(state, half - 50 * pitch), pitch, len,
				   pick(state, 50));
	case 2:
		len -= len % width;
		return cmd_fill(dst + pick(state, half - len), len, width,
				value >> (64 - 8 * width));
	case 3:
		len -= len % 4;
		return cmd_reduce(dst + pick(state, half - len) / 4 * 4,
				  src + pick(state, half - len) / 4 * 4, len, dtype,
				  pick(state, 3));
	case 4:
		width = width < 4 ? 4 : 8;
		return cmd_atomic(dst + pick(state, half / 8 - 8) * 8,
				  pick(state, 2) ? src + pick(state, half / 8 - 8) * 8 : 0, width,
				  pick(state, 3), value >> (64 - 8 * width), 0);
	default:
		width = width < 4 ? 4 : 8;
		return cmd_write(dst + pick(state, half / 8 - 8) * 8, width,
				 value >> (64 - 8 * width));
	}
}

/* Commands of one queue take effect in order, whatever they are */
TEST_F(command, random_sequences)
{
	struct sfab_command cmds[256];
	uint64_t state = 99 + variant->dst * 4 + variant->src;
	unsigned int round, i;

	for (round = 0; round < 6; round++) {
		for (i = 0; i < ARRAY_SIZE(cmds); i++)
			cmds[i] = random_command(&state);
		ASSERT_TRUE(run_both(self, cmds, ARRAY_SIZE(cmds))) {
			TH_LOG("round %u", round);
		}
	}
}

/* Atomic among queues and, in system memory, with the CPU */
TEST_F(command, atomic_among_queues_and_cpu)
{
	enum { QUEUES = 4, ADDS = 200 };
	uint64_t *counter = (uint64_t *)self->dst.cpu, expected;
	bool with_cpu = variant->dst != SFAB_REGION_HBM;
	struct sfab_command adds[ADDS];
	uint32_t queues[QUEUES];
	uint64_t seqnos[QUEUES];
	unsigned int i;

	*counter = 0;
	for (i = 0; i < ADDS; i++)
		adds[i] = cmd_atomic(DST_VA, 0, 8, SFAB_ATOMIC_ADD, 1, 0);
	for (i = 0; i < QUEUES; i++)
		ASSERT_EQ(0, queue_create(self->fd, self->vm, &queues[i]));
	for (i = 0; i < QUEUES; i++)
		ASSERT_EQ(0, queue_submit(self->fd, queues[i], adds, ADDS, NULL, 0, &seqnos[i]));
	expected = QUEUES * ADDS;
	for (i = 0; with_cpu && i < 20000; i++) {
		__atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
		expected++;
	}
	for (i = 0; i < QUEUES; i++) {
		ASSERT_EQ(0, queue_wait(self->fd, queues[i], seqnos[i], WAIT_MS));
		ASSERT_EQ(0, queue_destroy(self->fd, queues[i]));
	}
	EXPECT_EQ(expected, *counter);
}

TEST_HARNESS_MAIN
