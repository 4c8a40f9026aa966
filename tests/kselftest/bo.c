// SPDX-License-Identifier: MIT
/*
 * Buffer objects: what they hold, how long they live, what they cost.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <sys/wait.h>

#include "sfab_test.h"

FIXTURE(bo)
{
	int fd;
	struct usage usage;
};

FIXTURE_VARIANT(bo)
{
	uint32_t region;
	uint32_t path;
};

FIXTURE_VARIANT_ADD(bo, hbm)
{
	.region = SFAB_REGION_HBM,
	.path = SFAB_PATH_LOCAL,
};

FIXTURE_VARIANT_ADD(bo, system)
{
	.region = SFAB_REGION_SYSTEM,
	.path = SFAB_PATH_SYSTEM,
};

FIXTURE_SETUP(bo)
{
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, usage_get(self->fd, 0, &self->usage));
}

FIXTURE_TEARDOWN(bo)
{
	EXPECT_EQ(0, usage_wait(self->fd, 0, &self->usage, WAIT_MS));
	close(self->fd);
}

TEST_F(bo, bad_create)
{
	static const struct {
		uint64_t size;
		uint32_t region;
		int error;
	} bad[] = {
		{ 0, 0, -EINVAL },
		{ 1, 0, -EINVAL },
		{ SZ_4K - 1, 0, -EINVAL },
		{ SZ_4K + 1, 0, -EINVAL },
		{ SZ_4K + 512, 0, -EINVAL },
		{ ~0ULL, 0, -EINVAL },
		{ SZ_4K, SFAB_REGION_REGISTERED, -EINVAL },
		{ SZ_4K, 3, -EINVAL },
		{ SZ_4K, 0x80000000, -EINVAL },
		{ SZ_4K, 0xffffffff, -EINVAL },
	};
	uint32_t handle;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(bad[i].error, bo_create(self->fd, bad[i].size,
						  bad[i].region ?: variant->region, &handle))
			TH_LOG("size %#llx, region %u", (unsigned long long)bad[i].size,
			       bad[i].region);
	}
}

/* More than there is: of HBM, of memory, of what a page count can tell */
TEST_F(bo, too_large)
{
	static const uint64_t sizes[] = { 1ULL << 42, 1ULL << 52, 1ULL << 62, 1ULL << 63,
					  0ULL - SZ_4K };
	int error = variant->region == SFAB_REGION_HBM ? -ENOSPC : -ENOMEM;
	uint32_t handle;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(error, bo_create(self->fd, sizes[i], variant->region, &handle))
			TH_LOG("size %#llx", (unsigned long long)sizes[i]);
	}
	if (variant->region == SFAB_REGION_HBM) {
		EXPECT_EQ(-ENOSPC, bo_create(self->fd, region_size(self->fd, SFAB_REGION_HBM),
					     variant->region, &handle));
	}
}

TEST_F(bo, bad_mmap)
{
	struct sfab_bo_mmap arg = { };
	uint32_t handle, other;
	int other_fd = accel_open(0);

	ASSERT_LE(0, other_fd);
	ASSERT_EQ(0, bo_create(self->fd, SZ_64K, variant->region, &handle));
	arg.handle = handle;
	ASSERT_EQ(0, do_ioctl(self->fd, DRM_IOCTL_SFAB_BO_MMAP, &arg));
	EXPECT_EQ(0, arg.offset % SZ_4K);

	/* Beyond the end, from within, through another file, at an offset of nobody's */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SZ_64K + SZ_4K, PROT_READ, MAP_SHARED, self->fd,
				   arg.offset));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SZ_64K, PROT_READ, MAP_SHARED, self->fd,
				   arg.offset + SZ_64K));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SZ_64K, PROT_READ, MAP_SHARED, other_fd, arg.offset));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SZ_64K, PROT_READ, MAP_SHARED, self->fd, 0));
	/* The other file's own object of the same handle does not open the way either */
	ASSERT_EQ(0, bo_create(other_fd, SZ_64K, variant->region, &other));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SZ_64K, PROT_READ, MAP_SHARED, other_fd, arg.offset));
	/* Closed: the offset leads nowhere */
	EXPECT_EQ(0, bo_close(self->fd, handle));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SZ_64K, PROT_READ, MAP_SHARED, self->fd, arg.offset));
	close(other_fd);
}

TEST_F(bo, properties)
{
	struct sfab_bo_query answer;
	uint32_t handle;

	ASSERT_EQ(0, bo_create(self->fd, SZ_2M + SZ_4K, variant->region, &handle));
	ASSERT_EQ(0, bo_query(self->fd, handle, &answer));
	EXPECT_EQ(SZ_2M + SZ_4K, answer.size);
	EXPECT_EQ(variant->path, answer.path);
	EXPECT_EQ(RIGHT_RW, answer.rights);
	EXPECT_EQ(0, answer.flags);
	EXPECT_EQ(handle, answer.handle);
	EXPECT_EQ(0, bo_close(self->fd, handle));
	EXPECT_EQ(-ENOENT, bo_query(self->fd, handle, &answer));
	EXPECT_EQ(-EINVAL, bo_close(self->fd, handle));
}

/* Each size is accounted for as what it is */
TEST_F(bo, sizes)
{
	static const uint64_t sizes[] = { SZ_4K, 2 * SZ_4K, 3 * SZ_4K, SZ_64K - SZ_4K,
					  SZ_2M - SZ_4K, SZ_2M, SZ_2M + SZ_4K, 3 * SZ_2M,
					  5 * SZ_1M };
	uint64_t before = self->usage.used[variant->region];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct sfab_bo_query answer;
		uint64_t used;
		uint32_t handle;
		uint8_t *cpu;

		ASSERT_EQ(0, bo_create(self->fd, sizes[i], variant->region, &handle));
		ASSERT_EQ(0, bo_query(self->fd, handle, &answer));
		EXPECT_EQ(sizes[i], answer.size);
		used = region_used(self->fd, variant->region);
		EXPECT_EQ(before + sizes[i], used)
			TH_LOG("size %#llx", (unsigned long long)sizes[i]);
		cpu = bo_map(self->fd, handle, sizes[i]);
		ASSERT_MAPPED(cpu);
		EXPECT_TRUE(all_bytes(cpu, sizes[i], 0));
		cpu[0] = 1;
		cpu[sizes[i] - 1] = 2;
		EXPECT_EQ(0, munmap(cpu, sizes[i]));
		EXPECT_EQ(0, bo_close(self->fd, handle));
	}
}

/* What one client wrote, the next one does not read */
TEST_F(bo, zeroed)
{
	uint64_t size = 4 * SZ_2M;
	uint32_t handle;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		uint8_t *cpu;

		ASSERT_EQ(0, bo_create(self->fd, size, variant->region, &handle));
		cpu = bo_map(self->fd, handle, size);
		ASSERT_MAPPED(cpu);
		EXPECT_TRUE(all_bytes(cpu, size, 0));
		memset(cpu, 0xee, size);
		__sync_synchronize();
		munmap(cpu, size);
		EXPECT_EQ(0, bo_close(self->fd, handle));
		size -= SZ_4K * (i + 1);
	}
}

/* All mappings of an object show the same memory; parts can be mapped */
TEST_F(bo, mappings_agree)
{
	struct sfab_bo_mmap arg = { };
	uint8_t *a, *b, *part;
	uint32_t handle;

	ASSERT_EQ(0, bo_create(self->fd, SZ_64K, variant->region, &handle));
	a = bo_map(self->fd, handle, SZ_64K);
	b = bo_map(self->fd, handle, SZ_64K);
	ASSERT_MAPPED(a);
	ASSERT_MAPPED(b);
	arg.handle = handle;
	ASSERT_EQ(0, do_ioctl(self->fd, DRM_IOCTL_SFAB_BO_MMAP, &arg));
	part = mmap(NULL, SZ_4K, PROT_READ, MAP_SHARED, self->fd, arg.offset);
	ASSERT_MAPPED(part);
	pattern_fill(a, SZ_64K, 1);
	EXPECT_TRUE(pattern_check(b, SZ_64K, 1));
	EXPECT_TRUE(pattern_check(part, SZ_4K, 1));
	munmap(a, SZ_64K);
	munmap(b, SZ_64K);
	munmap(part, SZ_4K);
	EXPECT_EQ(0, bo_close(self->fd, handle));
}

/* A mapping keeps the memory after the handle and after the file */
TEST_F(bo, mapping_outlives_handle_and_file)
{
	struct usage with_bo;
	uint32_t handle;
	int fd = accel_open(0);
	uint8_t *cpu;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bo_create(fd, SZ_1M, variant->region, &handle));
	cpu = bo_map(fd, handle, SZ_1M);
	ASSERT_MAPPED(cpu);
	pattern_fill(cpu, SZ_1M, 2);
	ASSERT_EQ(0, bo_close(fd, handle));
	EXPECT_TRUE(pattern_check(cpu, SZ_1M, 2));
	close(fd);
	EXPECT_TRUE(pattern_check(cpu, SZ_1M, 2));
	ASSERT_EQ(0, usage_get(self->fd, 0, &with_bo));
	EXPECT_EQ(self->usage.used[variant->region] + SZ_1M, with_bo.used[variant->region]);

	/* Nobody else gets that memory meanwhile */
	ASSERT_EQ(0, bo_create(self->fd, SZ_1M, variant->region, &handle));
	EXPECT_TRUE(pattern_check(cpu, SZ_1M, 2));
	EXPECT_EQ(0, bo_close(self->fd, handle));
	munmap(cpu, SZ_1M);
}

/* Neither fork nor mremap nor partial munmap loses or doubles anything */
TEST_F(bo, mapping_games)
{
	uint32_t handle;
	uint8_t *cpu, *moved;
	uint64_t first;
	int status;
	pid_t pid;

	ASSERT_EQ(0, bo_create(self->fd, SZ_64K, variant->region, &handle));
	cpu = bo_map(self->fd, handle, SZ_64K);
	ASSERT_MAPPED(cpu);
	pattern_fill(cpu, SZ_64K, 3);
	first = *(uint64_t *)(cpu + 4 * SZ_4K);
	ASSERT_EQ(0, munmap(cpu + SZ_4K, SZ_4K));
	EXPECT_TRUE(pattern_check(cpu, SZ_4K, 3));
	moved = mremap(cpu + 4 * SZ_4K, 4 * SZ_4K, 4 * SZ_4K, MREMAP_MAYMOVE);
	ASSERT_MAPPED(moved);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* Shared with a child, not copied */
		*(uint64_t *)moved = ~first;
		__sync_synchronize();
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(~first, *(uint64_t *)moved);
	EXPECT_EQ(0, bo_close(self->fd, handle));
	munmap(cpu, SZ_64K);
	if (moved < cpu || moved >= cpu + SZ_64K)
		munmap(moved, 4 * SZ_4K);
}

/* All of HBM, in pieces of several sizes, and all of it again */
TEST_F(bo, exhaustion)
{
	static const uint64_t pieces[] = { 16 * SZ_1M, SZ_2M, SZ_64K, SZ_4K };
	uint64_t size = region_size(self->fd, SFAB_REGION_HBM), rest, first = 0;
	unsigned int round, i, count;
	uint32_t *handles;

	if (variant->region != SFAB_REGION_HBM)
		return;
	handles = calloc(65536, sizeof(*handles));
	ASSERT_NE(NULL, handles);
	for (round = 0; round < 2; round++) {
		struct sfab_bo_query answer;
		int ret = 0;

		for (i = count = 0; i < ARRAY_SIZE(pieces); i++) {
			while (count < 65536) {
				ret = bo_create(self->fd, pieces[i], SFAB_REGION_HBM,
						&handles[count]);
				if (ret)
					break;
				count++;
			}
			ASSERT_EQ(-ENOSPC, ret);
		}
		rest = size - region_used(self->fd, SFAB_REGION_HBM);
		EXPECT_GT(SZ_4K, rest);
		if (round == 0)
			first = count;
		EXPECT_EQ(first, count);
		/* What exists still works */
		EXPECT_EQ(0, bo_query(self->fd, handles[count - 1], &answer));
		while (count) {
			EXPECT_EQ(0, bo_close(self->fd, handles[--count]));
		}
		EXPECT_EQ(0, usage_wait(self->fd, 0, &self->usage, WAIT_MS));
	}
	free(handles);
}

/* Closing the file closes what it made */
TEST_F(bo, file_close_frees)
{
	unsigned int i;
	uint32_t handle;
	int fd = accel_open(0);

	ASSERT_LE(0, fd);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, bo_create(fd, SZ_64K, variant->region, &handle));
	}
	EXPECT_EQ(self->usage.used[variant->region] + 100 * SZ_64K,
		  region_used(self->fd, variant->region));
	close(fd);
	EXPECT_EQ(0, usage_wait(self->fd, 0, &self->usage, WAIT_MS));
}

TEST_HARNESS_MAIN
