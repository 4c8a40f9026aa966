// SPDX-License-Identifier: MIT
/*
 * dma-buf: BOs between accelerators, within one, and with a foreign driver.
 *
 * Wants two accelerators that reach their peers and one that does not (p2p=off).
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "reference.h"

#define SIZE		(SZ_2M + SZ_64K)
#define LOCAL_VA	0x40000000ULL
#define PEER_VA		0x80000000ULL

/* One side: an accelerator with a VM, a queue and memory of its own */
struct side {
	unsigned int index;
	int fd;
	uint32_t vm, queue;
	struct buffer local;
	struct usage usage;		/* before anything was exchanged */
};

static int side_open(struct side *side, int index, uint32_t region)
{
	int ret;

	if (index < 0)
		return index;
	side->index = index;
	side->fd = accel_open(index);
	if (side->fd < 0)
		return side->fd;
	ret = vm_create(side->fd, 0, &side->vm);
	ret = ret ?: queue_create(side->fd, side->vm, &side->queue);
	ret = ret ?: buffer_create(side->fd, side->vm, region, SIZE, LOCAL_VA, RIGHT_RW,
				   &side->local);
	return ret ?: usage_get(side->fd, index, &side->usage);
}

static int side_copy(struct side *side, uint64_t dst, uint64_t src, uint64_t len)
{
	struct sfab_command copy = cmd_copy(dst, src, len);

	return queue_run(side->fd, side->queue, &copy, 1);
}

/* ---- between two accelerators that reach each other ---- */

FIXTURE(peers)
{
	struct side exporter, importer;
	int dmabuf;
	uint32_t handle;		/* the importer's */
};

FIXTURE_VARIANT(peers)
{
	uint32_t region;		/* of what is exchanged */
	bool swap;			/* the second device exports to the first */
	uint32_t path;
};

FIXTURE_VARIANT_ADD(peers, hbm)
{
	.region = SFAB_REGION_HBM,
	.path = SFAB_PATH_PEER,
};

FIXTURE_VARIANT_ADD(peers, hbm_back)
{
	.region = SFAB_REGION_HBM,
	.swap = true,
	.path = SFAB_PATH_PEER,
};

FIXTURE_VARIANT_ADD(peers, system)
{
	.region = SFAB_REGION_SYSTEM,
	.path = SFAB_PATH_SYSTEM,
};

FIXTURE_SETUP(peers)
{
	int first = accel_find(true, variant->swap), second = accel_find(true, !variant->swap);

	self->dmabuf = -1;
	ASSERT_LE(0, first);
	ASSERT_LE(0, second);
	ASSERT_EQ(0, side_open(&self->exporter, first, variant->region));
	ASSERT_EQ(0, side_open(&self->importer, second, SFAB_REGION_HBM));
	self->dmabuf = prime_export(self->exporter.fd, self->exporter.local.handle);
	ASSERT_LE(0, self->dmabuf);
	ASSERT_EQ(0, prime_import(self->importer.fd, self->dmabuf, &self->handle));
}

FIXTURE_TEARDOWN(peers)
{
	close(self->dmabuf);
	close(self->importer.fd);
	close(self->exporter.fd);
}

TEST_F(peers, properties)
{
	struct sfab_bo_mmap map = { .handle = self->handle };
	struct sfab_bo_query answer;

	ASSERT_EQ(0, bo_query(self->importer.fd, self->handle, &answer));
	EXPECT_EQ(SIZE, answer.size);
	EXPECT_EQ(variant->path, answer.path);
	EXPECT_EQ(RIGHT_RW, answer.rights);
	EXPECT_EQ(-EOPNOTSUPP, do_ioctl(self->importer.fd, DRM_IOCTL_SFAB_BO_MMAP, &map));
	/* The importer has got an object, not memory */
	EXPECT_EQ(self->importer.usage.used[SFAB_REGION_HBM],
		  region_used(self->importer.fd, SFAB_REGION_HBM));
	EXPECT_EQ(self->importer.usage.used[SFAB_REGION_SYSTEM],
		  region_used(self->importer.fd, SFAB_REGION_SYSTEM));
	/* The exporter's own view has not changed */
	ASSERT_EQ(0, bo_query(self->exporter.fd, self->exporter.local.handle, &answer));
	EXPECT_EQ(variant->region == SFAB_REGION_HBM ? SFAB_PATH_LOCAL : SFAB_PATH_SYSTEM,
		  answer.path);
}

/* Device to device, both directions, at odd offsets; the exporter's CPU and device see it */
TEST_F(peers, copies)
{
	struct side *importer = &self->importer, *exporter = &self->exporter;
	struct sfab_query_counters before, after;

	ASSERT_EQ(0, vm_map(importer->fd, importer->vm, PEER_VA, self->handle, 0, SIZE, RIGHT_RW));
	ASSERT_EQ(0, query_counters(importer->fd, &before));
	pattern_fill(importer->local.cpu, SIZE, 1);
	pattern_fill(exporter->local.cpu, SIZE, 2);
	ASSERT_EQ(0, side_copy(importer, PEER_VA, LOCAL_VA, SIZE));
	EXPECT_TRUE(pattern_check(exporter->local.cpu, SIZE, 1));

	pattern_fill(exporter->local.cpu, SIZE, 3);
	ASSERT_EQ(0, side_copy(importer, LOCAL_VA, PEER_VA, SIZE));
	EXPECT_TRUE(pattern_check(importer->local.cpu, SIZE, 3));
	ASSERT_EQ(0, query_counters(importer->fd, &after));
	if (variant->path == SFAB_PATH_PEER) {
		EXPECT_LE(before.bytes_peer + 2 * SIZE, after.bytes_peer);
		EXPECT_EQ(before.bytes_system, after.bytes_system);
	} else {
		EXPECT_EQ(before.bytes_peer, after.bytes_peer);
		EXPECT_LE(before.bytes_system + 2 * SIZE, after.bytes_system);
	}

	/* Part of it, mapped at an offset; the rest stays */
	pattern_fill(importer->local.cpu, SIZE, 4);
	ASSERT_EQ(0, vm_unmap(importer->fd, importer->vm, PEER_VA, SIZE));
	ASSERT_EQ(0, vm_map(importer->fd, importer->vm, PEER_VA, self->handle, SZ_2M - SZ_4K,
			    2 * SZ_4K, RIGHT_RW));
	ASSERT_EQ(0, side_copy(importer, PEER_VA + 1, LOCAL_VA + 3, 2 * SZ_4K - 1));
	EXPECT_EQ(0, memcmp(exporter->local.cpu + SZ_2M - SZ_4K + 1, importer->local.cpu + 3,
			    2 * SZ_4K - 1));
	EXPECT_TRUE(pattern_check(exporter->local.cpu, SZ_2M - SZ_4K, 3));

	/* What one device wrote the other device reads */
	ASSERT_EQ(0, side_copy(exporter, LOCAL_VA, LOCAL_VA + SZ_2M - SZ_4K, SZ_4K));
	EXPECT_EQ(0, memcmp(exporter->local.cpu + 1, importer->local.cpu + 3, SZ_4K - 1));
}

/* All commands work on a peer's memory as on the device's own */
TEST_F(peers, commands)
{
	struct side *importer = &self->importer, *exporter = &self->exporter;
	struct buffer peer = exporter->local;
	struct window windows[2];
	struct sfab_command cmds[] = {
		cmd_fill(PEER_VA + 5, 12345, 1, 0x5c),
		cmd_copy_2d(PEER_VA + SZ_64K, 3000, LOCAL_VA + 7, 1000, 900, 30),
		cmd_reduce(PEER_VA + SZ_2M - 8192, LOCAL_VA, 16384, SFAB_I32, SFAB_REDUCE_SUM),
		cmd_reduce(LOCAL_VA + 64, PEER_VA + 64, 4096, SFAB_FP16, SFAB_REDUCE_MAX),
		cmd_write(PEER_VA + 4096, 8, 0x1020304050607080ULL),
		cmd_atomic(PEER_VA + 4096, LOCAL_VA + 8, 8, SFAB_ATOMIC_ADD, 0x11, 0),
		cmd_atomic(PEER_VA + 4104, PEER_VA + 4112, 4, SFAB_ATOMIC_SWAP, 0x22, 0),
		cmd_atomic(PEER_VA + 4096, 0, 8, SFAB_ATOMIC_CAS, 1, 0x1020304050607091ULL),
		cmd_copy(PEER_VA + 100000, PEER_VA + 300000, 77777),
	};
	unsigned int i;

	peer.va = PEER_VA;
	ASSERT_EQ(0, window_init(&windows[0], &peer, 5));
	ASSERT_EQ(0, window_init(&windows[1], &importer->local, 6));
	ASSERT_EQ(0, vm_map(importer->fd, importer->vm, PEER_VA, self->handle, 0, SIZE, RIGHT_RW));
	ASSERT_TRUE(reference_execute(cmds, ARRAY_SIZE(cmds), windows, 2));
	ASSERT_EQ(0, queue_run(importer->fd, importer->queue, cmds, ARRAY_SIZE(cmds)));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-1, window_compare(&windows[i]));
	}
}

TEST_F(peers, rights_and_ends)
{
	struct side *importer = &self->importer, *exporter = &self->exporter;
	struct sfab_fault fault;

	pattern_fill(exporter->local.cpu, SIZE, 7);
	ASSERT_EQ(0, vm_map(importer->fd, importer->vm, PEER_VA, self->handle, 0, SIZE, RIGHT_R));
	ASSERT_EQ(0, run_into_fault(importer->fd, importer->vm, cmd_fill(PEER_VA, 64, 8, 1),
				    &fault));
	EXPECT_EQ(SFAB_FAULT_NO_WRITE, fault.cause);
	ASSERT_EQ(0, run_into_fault(importer->fd, importer->vm,
				    cmd_copy(LOCAL_VA, PEER_VA + SIZE - 8, 16), &fault));
	EXPECT_EQ(SFAB_FAULT_UNMAPPED, fault.cause);
	EXPECT_EQ(PEER_VA + SIZE, fault.addr);
	EXPECT_TRUE(pattern_check(exporter->local.cpu, SIZE, 7));
	EXPECT_EQ(-EINVAL, vm_map(importer->fd, importer->vm, PEER_VA, self->handle, SZ_4K, SIZE,
				  RIGHT_R));
}

/* The exporter's file goes; the importer's use goes on; its end frees all */
TEST_F(peers, exporter_closes_first)
{
	struct side *importer = &self->importer, *exporter = &self->exporter;
	int watch = accel_open(exporter->index);
	uint8_t *cpu = exporter->local.cpu;
	struct usage idle;
	int64_t end;

	ASSERT_LE(0, watch);
	ASSERT_EQ(0, vm_map(importer->fd, importer->vm, PEER_VA, self->handle, 0, SIZE, RIGHT_RW));
	pattern_fill(importer->local.cpu, SIZE, 8);
	munmap(cpu, SIZE);
	close(self->dmabuf);
	close(exporter->fd);
	ASSERT_EQ(0, side_copy(importer, PEER_VA, LOCAL_VA, SIZE));
	memset(importer->local.cpu, 0, SIZE);
	ASSERT_EQ(0, side_copy(importer, LOCAL_VA, PEER_VA, SIZE));
	EXPECT_TRUE(pattern_check(importer->local.cpu, SIZE, 8));
	EXPECT_LE(SIZE, region_used(watch, variant->region));

	/* Handle, then mapping */
	ASSERT_EQ(0, bo_close(importer->fd, self->handle));
	ASSERT_EQ(0, side_copy(importer, PEER_VA, LOCAL_VA, SIZE));
	ASSERT_EQ(0, usage_get(watch, exporter->index, &idle));
	EXPECT_LE(SIZE, idle.used[variant->region]);
	ASSERT_EQ(0, vm_unmap(importer->fd, importer->vm, PEER_VA, SIZE));
	/* Soon: the kernel closes the file of a dma-buf when it gets to it */
	for (end = deadline(WAIT_MS); now_ns() < end; sleep_ms(5))
		if (region_used(watch, variant->region) < SIZE)
			break;
	EXPECT_GT(SIZE, region_used(watch, variant->region));
	close(watch);
}

/* Both write into each other's memory at the same time */
struct traffic {
	struct side *side;
	uint64_t rounds;
	int error;
};

static void *make_traffic(void *arg)
{
	struct traffic *traffic = arg;
	uint64_t i;

	for (i = 0; i < traffic->rounds && !traffic->error; i++) {
		traffic->error = side_copy(traffic->side, PEER_VA, LOCAL_VA, SIZE / 2);
		traffic->error = traffic->error ?: side_copy(traffic->side, LOCAL_VA + SIZE / 2,
							     PEER_VA + SIZE / 2, SIZE / 2);
	}
	return NULL;
}

TEST_F(peers, both_directions_at_once)
{
	struct side *importer = &self->importer, *exporter = &self->exporter;
	struct traffic traffic[2] = { { importer, 20, 0 }, { exporter, 20, 0 } };
	pthread_t threads[2];
	uint32_t handle;
	unsigned int i;
	int dmabuf;

	dmabuf = prime_export(importer->fd, importer->local.handle);
	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, prime_import(exporter->fd, dmabuf, &handle));
	ASSERT_EQ(0, vm_map(importer->fd, importer->vm, PEER_VA, self->handle, 0, SIZE, RIGHT_RW));
	ASSERT_EQ(0, vm_map(exporter->fd, exporter->vm, PEER_VA, handle, 0, SIZE, RIGHT_RW));
	pattern_fill(importer->local.cpu, SIZE, 9);
	pattern_fill(exporter->local.cpu, SIZE, 10);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, make_traffic, &traffic[i]));
	}
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, traffic[i].error);
	}
	/* Once more without rivals; the halves have met everywhere by now */
	memset(importer->local.cpu, 0x77, SIZE);
	ASSERT_EQ(0, side_copy(importer, PEER_VA, LOCAL_VA, SIZE));
	EXPECT_TRUE(all_bytes(exporter->local.cpu, SIZE, 0x77));
	close(dmabuf);
}

/* ---- within one device ---- */

FIXTURE(dmabuf)
{
	struct side side;
};

FIXTURE_VARIANT(dmabuf)
{
	uint32_t region;
};

FIXTURE_VARIANT_ADD(dmabuf, hbm) { .region = SFAB_REGION_HBM };
FIXTURE_VARIANT_ADD(dmabuf, system) { .region = SFAB_REGION_SYSTEM };

FIXTURE_SETUP(dmabuf)
{
	ASSERT_EQ(0, side_open(&self->side, 0, variant->region));
}

FIXTURE_TEARDOWN(dmabuf)
{
	close(self->side.fd);
}

/* What comes back is the same object, in this file by the same handle */
TEST_F(dmabuf, self_import)
{
	struct side *side = &self->side;
	struct sfab_bo_query answer;
	uint32_t handle, foreign;
	int dmabuf, again, other = accel_open(side->index);
	uint64_t *cpu;

	ASSERT_LE(0, other);
	dmabuf = prime_export(side->fd, side->local.handle);
	ASSERT_LE(0, dmabuf);
	again = prime_export(side->fd, side->local.handle);
	ASSERT_LE(0, again);
	ASSERT_EQ(0, prime_import(side->fd, dmabuf, &handle));
	EXPECT_EQ(side->local.handle, handle);
	ASSERT_EQ(0, prime_import(side->fd, again, &handle));
	EXPECT_EQ(side->local.handle, handle);

	ASSERT_EQ(0, prime_import(other, dmabuf, &foreign));
	ASSERT_EQ(0, bo_query(other, foreign, &answer));
	EXPECT_EQ(variant->region == SFAB_REGION_HBM ? SFAB_PATH_LOCAL : SFAB_PATH_SYSTEM,
		  answer.path);
	EXPECT_EQ(side->usage.used[variant->region], region_used(side->fd, variant->region));
	cpu = bo_map(other, foreign, SIZE);
	ASSERT_MAPPED(cpu);
	pattern_fill(side->local.cpu, SIZE, 1);
	EXPECT_TRUE(pattern_check(cpu, SIZE, 1));

	/* The maker's file goes; the object stays with who imported it */
	close(dmabuf);
	close(again);
	munmap(side->local.cpu, SIZE);
	close(side->fd);
	EXPECT_TRUE(pattern_check(cpu, SIZE, 1));
	ASSERT_EQ(0, bo_query(other, foreign, &answer));
	side->fd = other;
}

/* The CPU sees the memory through the dma-buf's file too */
TEST_F(dmabuf, cpu_mapping)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };
	struct side *side = &self->side;
	struct sfab_command fill = cmd_fill(LOCAL_VA, SIZE, 1, 0x3c);
	int dmabuf = prime_export(side->fd, side->local.handle);
	uint8_t *cpu;

	ASSERT_LE(0, dmabuf);
	EXPECT_EQ(SIZE, lseek(dmabuf, 0, SEEK_END));
	cpu = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	ASSERT_MAPPED(cpu);
	ASSERT_EQ(0, queue_run(side->fd, side->queue, &fill, 1));
	ASSERT_EQ(0, do_ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync));
	EXPECT_TRUE(all_bytes(cpu, SIZE, 0x3c));
	pattern_fill(cpu, SIZE, 2);
	sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
	ASSERT_EQ(0, do_ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync));
	EXPECT_TRUE(pattern_check(side->local.cpu, SIZE, 2));
	/* Not beyond its end */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SIZE + SZ_4K, PROT_READ, MAP_SHARED, dmabuf, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SZ_4K, PROT_READ, MAP_SHARED, dmabuf, SIZE));

	/* The mapping outlives the file, the handle and the device file */
	close(dmabuf);
	munmap(side->local.cpu, SIZE);
	ASSERT_EQ(0, vm_unmap(side->fd, side->vm, LOCAL_VA, SIZE));
	ASSERT_EQ(0, bo_close(side->fd, side->local.handle));
	EXPECT_TRUE(pattern_check(cpu, SIZE, 2));
	munmap(cpu, SIZE);
}

/* What counts for a mapping does not change when the BO gets an offset of its own later */
TEST_F(dmabuf, cpu_mapping_first)
{
	static const uint32_t regions[] = { SFAB_REGION_HBM, SFAB_REGION_SYSTEM };
	struct side *side = &self->side;
	uint8_t *first, *second;
	uint32_t handle;
	unsigned int i;
	int dmabuf;

	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		ASSERT_EQ(0, bo_create(side->fd, SIZE, regions[i], &handle));
		dmabuf = prime_export(side->fd, handle);
		ASSERT_LE(0, dmabuf);
		first = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
		ASSERT_MAPPED(first);
		second = bo_map(side->fd, handle, SIZE);
		ASSERT_MAPPED(second);
		pattern_fill(second, SIZE, i);
		EXPECT_TRUE(pattern_check(first, SIZE, i));
		munmap(first, SIZE);
		munmap(second, SIZE);
		close(dmabuf);
		ASSERT_EQ(0, bo_close(side->fd, handle));
	}
}

TEST_F(dmabuf, bad_files)
{
	struct side *side = &self->side;
	int file = memfd_create("sfab-test", 0);
	uint32_t handle;

	ASSERT_LE(0, file);
	EXPECT_EQ(-EBADF, prime_import(side->fd, -1, &handle));
	EXPECT_EQ(-EBADF, prime_import(side->fd, 1000, &handle));
	EXPECT_EQ(-EINVAL, prime_import(side->fd, file, &handle));
	EXPECT_EQ(-EINVAL, prime_import(side->fd, side->fd, &handle));
	EXPECT_EQ(-ENOENT, prime_export(side->fd, 0));
	EXPECT_EQ(-ENOENT, prime_export(side->fd, 77));
	close(file);
}

/* ---- foreign and unreachable memory ---- */

/* Registered memory is of one process and stays there */
TEST(registered_is_not_exported)
{
	void *memory = mmap(NULL, SZ_64K, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	int fd = accel_open(0);
	uint32_t handle;

	ASSERT_LE(0, fd);
	ASSERT_MAPPED(memory);
	ASSERT_EQ(0, mem_register(fd, memory, SZ_64K, RIGHT_RW, &handle));
	EXPECT_EQ(-EOPNOTSUPP, prime_export(fd, handle));
	close(fd);
}

/* A dma-buf of another driver: udmabuf, pages of a memfd */
TEST(udmabuf)
{
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = SIZE };
	struct sfab_bo_query answer;
	struct usage usage;
	struct side side;
	int device, dmabuf;
	uint32_t handle;
	uint8_t *cpu;

	ASSERT_EQ(0, side_open(&side, 0, SFAB_REGION_HBM));
	ASSERT_EQ(0, usage_get(side.fd, 0, &usage));
	device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, device);
	create.memfd = memfd_create("sfab-test", MFD_ALLOW_SEALING);
	ASSERT_LE(0, (int)create.memfd);
	ASSERT_EQ(0, ftruncate(create.memfd, SIZE));
	ASSERT_EQ(0, fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK));
	cpu = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, create.memfd, 0);
	ASSERT_MAPPED(cpu);
	dmabuf = ioctl(device, UDMABUF_CREATE, &create);
	ASSERT_LE(0, dmabuf);

	ASSERT_EQ(0, prime_import(side.fd, dmabuf, &handle));
	ASSERT_EQ(0, bo_query(side.fd, handle, &answer));
	EXPECT_EQ(SIZE, answer.size);
	EXPECT_EQ(SFAB_PATH_SYSTEM, answer.path);
	EXPECT_EQ(RIGHT_RW, answer.rights);
	ASSERT_EQ(0, vm_map(side.fd, side.vm, PEER_VA, handle, 0, SIZE, RIGHT_RW));
	pattern_fill(cpu, SIZE, 1);
	ASSERT_EQ(0, side_copy(&side, LOCAL_VA, PEER_VA, SIZE));
	EXPECT_TRUE(pattern_check(side.local.cpu, SIZE, 1));
	pattern_fill(side.local.cpu, SIZE, 2);
	ASSERT_EQ(0, side_copy(&side, PEER_VA, LOCAL_VA, SIZE));
	EXPECT_TRUE(pattern_check(cpu, SIZE, 2));

	/* Only our objects of it go; the memory is its maker's */
	close(dmabuf);
	close(create.memfd);
	ASSERT_EQ(0, side_copy(&side, LOCAL_VA, PEER_VA, SIZE));
	ASSERT_EQ(0, vm_unmap(side.fd, side.vm, PEER_VA, SIZE));
	ASSERT_EQ(0, bo_close(side.fd, handle));
	close(device);
	close(side.fd);
}

FIXTURE(island)
{
	struct side island, peer;
};

FIXTURE_SETUP(island)
{
	int island = accel_find(false, 0);

	self->island.fd = self->peer.fd = -1;
	if (island == -ENODEV)
		SKIP(return, "no accelerator with p2p=off");
	ASSERT_EQ(0, side_open(&self->island, island, SFAB_REGION_HBM));
	ASSERT_EQ(0, side_open(&self->peer, accel_find(true, 0), SFAB_REGION_HBM));
}

FIXTURE_TEARDOWN(island)
{
	close(self->island.fd);
	close(self->peer.fd);
}

/* HBM of a peer that cannot be reached: said so, refused, nothing changed */
TEST_F(island, unreachable_peer)
{
	struct side *island = &self->island;
	struct sfab_bind_op ops[] = {
		op_unmap(LOCAL_VA, SIZE),
		op_map(PEER_VA, 0, 0, SIZE, RIGHT_RW),
	};
	int dmabuf = prime_export(self->peer.fd, self->peer.local.handle);
	struct sfab_bo_query answer;
	struct usage before, after;
	struct sfab_fault fault;
	uint32_t handle;

	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, prime_import(island->fd, dmabuf, &handle));
	ASSERT_EQ(0, bo_query(island->fd, handle, &answer));
	EXPECT_EQ(SFAB_PATH_NONE, answer.path);
	EXPECT_EQ(SIZE, answer.size);
	ops[1].handle = handle;
	ASSERT_EQ(0, usage_get(island->fd, island->index, &before));
	EXPECT_EQ(-EXDEV, vm_bind(island->fd, island->vm, ops, 2, NULL, 0));
	EXPECT_EQ(-EXDEV, vm_map(island->fd, island->vm, PEER_VA, handle, 0, SIZE, RIGHT_R));
	/* What is wrong in itself comes first */
	EXPECT_EQ(-EINVAL, vm_map(island->fd, island->vm, PEER_VA, handle, 0, SIZE + SZ_4K,
				  RIGHT_R));
	EXPECT_EQ(0, usage_get(island->fd, island->index, &after));
	EXPECT_TRUE(usage_same(&before, &after));
	EXPECT_EQ(-ENODATA, run_into_fault(island->fd, island->vm, cmd_fill(LOCAL_VA, SIZE, 1, 7),
					   &fault));
	EXPECT_TRUE(all_bytes(island->local.cpu, SIZE, 7));
	close(dmabuf);
}

/* The way round: a system BO that both reach */
TEST_F(island, bounce)
{
	struct side *island = &self->island, *peer = &self->peer;
	struct sfab_bo_query answer;
	uint32_t bounce, imported;
	int dmabuf;

	ASSERT_EQ(0, bo_create(peer->fd, SIZE, SFAB_REGION_SYSTEM, &bounce));
	dmabuf = prime_export(peer->fd, bounce);
	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, prime_import(island->fd, dmabuf, &imported));
	ASSERT_EQ(0, bo_query(island->fd, imported, &answer));
	EXPECT_EQ(SFAB_PATH_SYSTEM, answer.path);
	ASSERT_EQ(0, vm_map(peer->fd, peer->vm, PEER_VA, bounce, 0, SIZE, RIGHT_RW));
	ASSERT_EQ(0, vm_map(island->fd, island->vm, PEER_VA, imported, 0, SIZE, RIGHT_RW));
	pattern_fill(peer->local.cpu, SIZE, 1);
	ASSERT_EQ(0, side_copy(peer, PEER_VA, LOCAL_VA, SIZE));
	ASSERT_EQ(0, side_copy(island, LOCAL_VA, PEER_VA, SIZE));
	EXPECT_TRUE(pattern_check(island->local.cpu, SIZE, 1));
	close(dmabuf);
}

/* It is the one who reaches out that must be able to: the island's HBM can be reached */
TEST_F(island, is_reached)
{
	struct side *island = &self->island, *peer = &self->peer;
	int dmabuf = prime_export(island->fd, island->local.handle);
	struct sfab_bo_query answer;
	uint32_t handle;

	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, prime_import(peer->fd, dmabuf, &handle));
	ASSERT_EQ(0, bo_query(peer->fd, handle, &answer));
	EXPECT_EQ(SFAB_PATH_PEER, answer.path);
	ASSERT_EQ(0, vm_map(peer->fd, peer->vm, PEER_VA, handle, 0, SIZE, RIGHT_RW));
	pattern_fill(peer->local.cpu, SIZE, 2);
	ASSERT_EQ(0, side_copy(peer, PEER_VA, LOCAL_VA, SIZE));
	EXPECT_TRUE(pattern_check(island->local.cpu, SIZE, 2));
	close(dmabuf);
}

TEST_HARNESS_MAIN
