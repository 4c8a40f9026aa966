// SPDX-License-Identifier: MIT
/*
 * MEM_REGISTER: kinds of memory, rights, limits, fork, and what is refused.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sfab_test.h"

#define SIZE		(2 * SZ_2M)
#define SCRATCH_VA	0x10000000ULL
#define VA		0x40000000ULL

/* Memory that starts at a multiple of 2 MiB, so that huge pages are possible */
static void *map_aligned(uint64_t size, int prot, int flags, int fd)
{
	uint8_t *p = mmap(NULL, size + SZ_2M, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return p;
	p += -(uintptr_t)p % SZ_2M;
	return mmap(p, size, prot, flags | MAP_FIXED, fd, 0);
}

static void *make_anonymous(void)
{
	void *p = map_aligned(SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (p != MAP_FAILED)
		madvise(p, SIZE, MADV_NOHUGEPAGE);
	return p;
}

static void *make_untouched(void)
{
	return mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void *make_shared(void)
{
	return mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void *make_transparent_huge(void)
{
	void *p = map_aligned(SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (p == MAP_FAILED || madvise(p, SIZE, MADV_HUGEPAGE))
		return MAP_FAILED;
	memset(p, 0, SIZE);
	return p;
}

static void *make_hugetlb(void)
{
	write_text("/proc/sys/vm/nr_hugepages", "4");
	return mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
		    -1, 0);
}

static void *make_hugetlb_file(void)
{
	int fd = memfd_create("sfab-test", MFD_HUGETLB);

	write_text("/proc/sys/vm/nr_hugepages", "4");
	if (fd < 0 || ftruncate(fd, SIZE))
		return MAP_FAILED;
	return mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static void *make_memfd(void)
{
	int fd = memfd_create("sfab-test", 0);

	if (fd < 0 || ftruncate(fd, SIZE))
		return MAP_FAILED;
	return mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static int tmpfs_file(void)
{
	int fd = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);

	if (fd < 0 || ftruncate(fd, SIZE))
		return -1;
	return fd;
}

static void *make_tmpfs_shared(void)
{
	return mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, tmpfs_file(), 0);
}

static void *make_tmpfs_private(void)
{
	return mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, tmpfs_file(), 0);
}

FIXTURE(memory)
{
	int fd;
	uint32_t vm, queue;
	struct buffer scratch;		/* system memory that the device also sees */
	uint8_t *memory;
	struct usage usage;
};

FIXTURE_VARIANT(memory)
{
	void *(*make)(void);
	bool huge;
};

FIXTURE_VARIANT_ADD(memory, anonymous) { .make = make_anonymous };
FIXTURE_VARIANT_ADD(memory, untouched) { .make = make_untouched };
FIXTURE_VARIANT_ADD(memory, shared) { .make = make_shared };
FIXTURE_VARIANT_ADD(memory, transparent_huge) { .make = make_transparent_huge, .huge = true };
FIXTURE_VARIANT_ADD(memory, hugetlb) { .make = make_hugetlb, .huge = true };
FIXTURE_VARIANT_ADD(memory, hugetlb_file) { .make = make_hugetlb_file, .huge = true };
FIXTURE_VARIANT_ADD(memory, memfd) { .make = make_memfd };
FIXTURE_VARIANT_ADD(memory, tmpfs_shared) { .make = make_tmpfs_shared };
FIXTURE_VARIANT_ADD(memory, tmpfs_private) { .make = make_tmpfs_private };

FIXTURE_SETUP(memory)
{
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	self->memory = variant->make();
	ASSERT_MAPPED(self->memory);
	ASSERT_EQ(0, vm_create(self->fd, 0, &self->vm));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	ASSERT_EQ(0, buffer_create(self->fd, self->vm, SFAB_REGION_SYSTEM, SIZE, SCRATCH_VA,
				   RIGHT_RW, &self->scratch));
	ASSERT_EQ(0, usage_get(self->fd, 0, &self->usage));
}

FIXTURE_TEARDOWN(memory)
{
	close(self->fd);
	munmap(self->memory, SIZE);
	write_text("/proc/sys/vm/nr_hugepages", "0");
}

static int device_copy(int fd, uint32_t queue, uint64_t dst, uint64_t src, uint64_t size)
{
	struct sfab_command copy = cmd_copy(dst, src, size);

	return queue_run(fd, queue, &copy, 1);
}

/* Kilobytes that /proc/self/status tells */
static long status_kb(const char *key)
{
	char text[8192], *line;
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n < 0 ? 0 : n] = 0;
	line = strstr(text, key);
	return line ? atol(line + strlen(key) + 1) : -1;
}

TEST_F(memory, device_reads_and_writes)
{
	long pinned = status_kb("VmPin");
	uint32_t handle;

	ASSERT_EQ(0, mem_register(self->fd, self->memory, SIZE, RIGHT_RW, &handle));
	EXPECT_EQ(self->usage.used[SFAB_REGION_REGISTERED] + SIZE,
		  region_used(self->fd, SFAB_REGION_REGISTERED));
	EXPECT_EQ(pinned + (long)(SIZE / 1024), status_kb("VmPin"));
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, handle, 0, SIZE, RIGHT_RW));

	/* What the CPU writes, before and after the registration, the device reads */
	pattern_fill(self->memory, SIZE, 1);
	ASSERT_EQ(0, device_copy(self->fd, self->queue, SCRATCH_VA, VA, SIZE));
	EXPECT_TRUE(pattern_check(self->scratch.cpu, SIZE, 1));

	/* What the device writes, the CPU reads; nothing beside it changes */
	pattern_fill(self->scratch.cpu, SIZE, 2);
	ASSERT_EQ(0, device_copy(self->fd, self->queue, VA + SZ_4K, SCRATCH_VA + SZ_4K,
				 SIZE - 2 * SZ_4K));
	EXPECT_TRUE(pattern_check(self->memory, SZ_4K, 1));
	EXPECT_EQ(0, memcmp(self->memory + SZ_4K, self->scratch.cpu + SZ_4K, SIZE - 2 * SZ_4K));

	/* Unmapped last: the VM holds the pages after the handle has gone */
	ASSERT_EQ(0, bo_close(self->fd, handle));
	EXPECT_EQ(pinned + (long)(SIZE / 1024), status_kb("VmPin"));
	ASSERT_EQ(0, device_copy(self->fd, self->queue, SCRATCH_VA, VA, SIZE));
	ASSERT_EQ(0, vm_unmap(self->fd, self->vm, VA, SIZE));
	EXPECT_EQ(0, usage_wait(self->fd, 0, &self->usage, WAIT_MS));
	EXPECT_EQ(pinned, status_kb("VmPin"));
}

/* Huge pages cost no more page tables than HBM, which is in large pieces */
TEST_F(memory, page_tables)
{
	uint64_t before, hbm_cost, cost;
	uint32_t handle, hbm, vm;

	ASSERT_EQ(0, bo_create(self->fd, SIZE, SFAB_REGION_HBM, &hbm));
	ASSERT_EQ(0, mem_register(self->fd, self->memory, SIZE, RIGHT_RW, &handle));
	before = region_used(self->fd, SFAB_REGION_HBM);

	ASSERT_EQ(0, vm_create(self->fd, 0, &vm));
	ASSERT_EQ(0, vm_map(self->fd, vm, VA, hbm, 0, SIZE, RIGHT_RW));
	hbm_cost = region_used(self->fd, SFAB_REGION_HBM) - before;
	ASSERT_EQ(0, vm_destroy(self->fd, vm));
	EXPECT_EQ(before, region_used(self->fd, SFAB_REGION_HBM));

	ASSERT_EQ(0, vm_create(self->fd, 0, &vm));
	ASSERT_EQ(0, vm_map(self->fd, vm, VA, handle, 0, SIZE, RIGHT_RW));
	cost = region_used(self->fd, SFAB_REGION_HBM) - before;
	ASSERT_EQ(0, vm_destroy(self->fd, vm));
	EXPECT_EQ(before, region_used(self->fd, SFAB_REGION_HBM));

	EXPECT_LT(0, hbm_cost);
	if (variant->huge) {
		EXPECT_EQ(hbm_cost, cost);
	} else {
		EXPECT_LE(hbm_cost, cost);
	}
}

/* A registration is of the pages, not of the addresses */
TEST_F(memory, survives_munmap)
{
	uint8_t *memory = self->memory, *again;
	uint32_t handle;

	ASSERT_EQ(0, mem_register(self->fd, memory, SIZE, RIGHT_RW, &handle));
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, handle, 0, SIZE, RIGHT_RW));
	pattern_fill(memory, SIZE, 3);
	ASSERT_EQ(0, munmap(memory, SIZE));
	again = mmap(memory, SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ASSERT_EQ(memory, again);
	memset(again, 0x11, SIZE);

	ASSERT_EQ(0, device_copy(self->fd, self->queue, SCRATCH_VA, VA, SIZE));
	EXPECT_TRUE(pattern_check(self->scratch.cpu, SIZE, 3));
	pattern_fill(self->scratch.cpu, SIZE, 4);
	ASSERT_EQ(0, device_copy(self->fd, self->queue, VA, SCRATCH_VA, SIZE));
	EXPECT_TRUE(all_bytes(again, SIZE, 0x11));
}

/* ---- one kind of memory suffices for the rest ---- */

FIXTURE(registration)
{
	int fd;
	uint32_t vm, queue;
	struct buffer scratch;
	uint8_t *memory;		/* SZ_64K, anonymous */
	struct usage usage;
};

FIXTURE_SETUP(registration)
{
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	self->memory = mmap(NULL, SZ_64K, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	ASSERT_MAPPED(self->memory);
	ASSERT_EQ(0, vm_create(self->fd, 0, &self->vm));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	ASSERT_EQ(0, buffer_create(self->fd, self->vm, SFAB_REGION_SYSTEM, SZ_64K, SCRATCH_VA,
				   RIGHT_RW, &self->scratch));
	ASSERT_EQ(0, usage_get(self->fd, 0, &self->usage));
}

FIXTURE_TEARDOWN(registration)
{
	close(self->fd);
}

/* The kernel's tables count in 32 bits: here 2^32 pages are left after the first batch */
TEST_F(registration, more_pages_than_32_bits)
{
	struct sfab_mem_register arg = { .addr = 1ULL << 40, .size = (1ULL << 44) + SZ_2M,
					 .rights = RIGHT_R };
	char *memory;

	memory = mmap((void *)(uintptr_t)arg.addr, SZ_2M, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ASSERT_EQ((void *)(uintptr_t)arg.addr, (void *)memory);
	memset(memory, 1, SZ_2M);
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, DRM_IOCTL_SFAB_MEM_REGISTER, &arg));
	munmap(memory, SZ_2M);
}

TEST_F(registration, bad_ranges)
{
	uint64_t base = (uintptr_t)self->memory;
	const struct {
		uint64_t addr, size;
		uint32_t rights;
		int error;
	} bad[] = {
		{ base, 0, RIGHT_RW, -EINVAL },
		{ base, 1, RIGHT_RW, -EINVAL },
		{ base, SZ_4K + 8, RIGHT_RW, -EINVAL },
		{ base + 8, SZ_4K, RIGHT_RW, -EINVAL },
		{ base + 2048, SZ_4K, RIGHT_RW, -EINVAL },
		{ base, 0ULL - SZ_4K, RIGHT_RW, -EINVAL },
		{ base, 0ULL - base + SZ_4K, RIGHT_RW, -EINVAL },
		{ 0ULL - SZ_4K, 2 * SZ_4K, RIGHT_RW, -EINVAL },
		{ base, SZ_4K, 0, -EINVAL },
		{ base, SZ_4K, SFAB_RIGHT_WRITE, -EINVAL },
		{ base, SZ_4K, RIGHT_RW | 4, -EINVAL },
		{ base, SZ_4K, RIGHT_R | 1U << 31, -EINVAL },
		{ 0, SZ_4K, RIGHT_R, -EFAULT },
		{ 0xffff888000000000ULL, SZ_4K, RIGHT_R, -EFAULT },
		{ 1ULL << 47, SZ_4K, RIGHT_R, -EFAULT },
		{ base, 1ULL << 46, RIGHT_R, -EFAULT },
	};
	uint32_t handle;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sfab_mem_register arg = {
			.addr = bad[i].addr,
			.size = bad[i].size,
			.rights = bad[i].rights,
		};
		struct usage usage;

		EXPECT_EQ(bad[i].error, do_ioctl(self->fd, DRM_IOCTL_SFAB_MEM_REGISTER, &arg))
			TH_LOG("addr %#llx, size %#llx, rights %#x",
			       (unsigned long long)bad[i].addr, (unsigned long long)bad[i].size,
			       bad[i].rights);
		EXPECT_EQ(0, usage_get(self->fd, 0, &usage));
		EXPECT_TRUE(usage_same(&self->usage, &usage));
	}
	EXPECT_EQ(0, status_kb("VmPin"));
	EXPECT_EQ(0, mem_register(self->fd, self->memory, SZ_4K, RIGHT_RW, &handle));
}

/* Memory that is not there, or not to be used like this */
TEST_F(registration, unusable_memory)
{
	struct usage usage;
	uint8_t *hbm_cpu;
	uint32_t handle, hbm;

	/* A hole, a page without access, at the end of a range that is fine */
	ASSERT_EQ(0, munmap(self->memory + SZ_64K - SZ_4K, SZ_4K));
	EXPECT_EQ(-EFAULT, mem_register(self->fd, self->memory, SZ_64K, RIGHT_RW, &handle));
	ASSERT_EQ(0, mprotect(self->memory + SZ_4K, SZ_4K, PROT_NONE));
	EXPECT_EQ(-EFAULT, mem_register(self->fd, self->memory, 2 * SZ_4K, RIGHT_R, &handle));

	/* To be written, but read-only for the process */
	ASSERT_EQ(0, mprotect(self->memory + SZ_4K, SZ_4K, PROT_READ));
	EXPECT_EQ(-EFAULT, mem_register(self->fd, self->memory, 2 * SZ_4K, RIGHT_RW, &handle));
	EXPECT_EQ(0, mem_register(self->fd, self->memory, 2 * SZ_4K, RIGHT_R, &handle));
	EXPECT_EQ(0, bo_close(self->fd, handle));
	EXPECT_EQ(0, usage_get(self->fd, 0, &usage));
	EXPECT_TRUE(usage_same(&self->usage, &usage));

	/* A BAR is no memory with pages */
	ASSERT_EQ(0, bo_create(self->fd, SZ_64K, SFAB_REGION_HBM, &hbm));
	hbm_cpu = bo_map(self->fd, hbm, SZ_64K);
	ASSERT_MAPPED(hbm_cpu);
	EXPECT_EQ(-EFAULT, mem_register(self->fd, hbm_cpu, SZ_64K, RIGHT_RW, &handle));
	EXPECT_EQ(0, status_kb("VmPin"));
}

/* A read-only registration gives no right to write, and BO_QUERY says so */
TEST_F(registration, rights)
{
	struct sfab_bo_mmap map = { };
	struct sfab_bo_query answer;
	uint32_t handle;

	memset(self->memory, 0x5a, SZ_64K);
	ASSERT_EQ(0, mprotect(self->memory, SZ_64K, PROT_READ));
	ASSERT_EQ(0, mem_register(self->fd, self->memory, SZ_64K, RIGHT_R, &handle));
	ASSERT_EQ(0, bo_query(self->fd, handle, &answer));
	EXPECT_EQ(SZ_64K, answer.size);
	EXPECT_EQ(SFAB_PATH_SYSTEM, answer.path);
	EXPECT_EQ(RIGHT_R, answer.rights);
	EXPECT_EQ(-EACCES, vm_map(self->fd, self->vm, VA, handle, 0, SZ_64K, RIGHT_RW));
	EXPECT_EQ(0, vm_map(self->fd, self->vm, VA, handle, 0, SZ_64K, RIGHT_R));
	EXPECT_EQ(0, device_copy(self->fd, self->queue, SCRATCH_VA, VA, SZ_64K));
	EXPECT_TRUE(all_bytes(self->scratch.cpu, SZ_64K, 0x5a));

	map.handle = handle;
	EXPECT_EQ(-EOPNOTSUPP, do_ioctl(self->fd, DRM_IOCTL_SFAB_BO_MMAP, &map));
	EXPECT_EQ(0, vm_unmap(self->fd, self->vm, VA, SZ_64K));
	EXPECT_EQ(0, bo_close(self->fd, handle));
}

/* The same range twice: two registrations, either may go first */
TEST_F(registration, twice)
{
	uint32_t a, b;

	ASSERT_EQ(0, mem_register(self->fd, self->memory, SZ_64K, RIGHT_RW, &a));
	ASSERT_EQ(0, mem_register(self->fd, self->memory + SZ_4K, SZ_4K, RIGHT_R, &b));
	EXPECT_EQ((long)(SZ_64K + SZ_4K) / 1024, status_kb("VmPin"));
	ASSERT_EQ(0, bo_close(self->fd, a));
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, b, 0, SZ_4K, RIGHT_R));
	pattern_fill(self->memory + SZ_4K, SZ_4K, 5);
	EXPECT_EQ(0, device_copy(self->fd, self->queue, SCRATCH_VA, VA, SZ_4K));
	EXPECT_TRUE(pattern_check(self->scratch.cpu, SZ_4K, 5));
	EXPECT_EQ(0, vm_unmap(self->fd, self->vm, VA, SZ_4K));
	EXPECT_EQ(0, bo_close(self->fd, b));
	EXPECT_EQ(0, usage_wait(self->fd, 0, &self->usage, WAIT_MS));
}

static int drop_ipc_lock(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	data[0].permitted &= ~(1U << CAP_IPC_LOCK);
	data[0].inheritable &= ~(1U << CAP_IPC_LOCK);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/* The limit is of the process: all its registrations, on all devices, count */
TEST_F(registration, memlock_limit)
{
	const struct rlimit limit = { .rlim_cur = SZ_64K, .rlim_max = SZ_64K };
	struct usage usage;
	uint32_t a, b, c;

	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
	/* With CAP_IPC_LOCK there is no limit */
	ASSERT_EQ(0, mem_register(self->fd, self->memory, SZ_64K, RIGHT_RW, &a));
	ASSERT_EQ(0, mem_register(self->fd, self->memory, SZ_64K, RIGHT_RW, &b));
	ASSERT_EQ(0, bo_close(self->fd, a));
	ASSERT_EQ(0, bo_close(self->fd, b));

	ASSERT_EQ(0, drop_ipc_lock());
	ASSERT_EQ(0, mem_register(self->fd, self->memory, SZ_64K - SZ_4K, RIGHT_RW, &a));
	ASSERT_EQ(0, usage_get(self->fd, 0, &usage));
	EXPECT_EQ(-ENOMEM, mem_register(self->fd, self->memory, 2 * SZ_4K, RIGHT_RW, &b));
	EXPECT_EQ(-ENOMEM, mem_register(self->fd, self->memory, SZ_64K, RIGHT_R, &b));
	/* Nothing was pinned or counted */
	EXPECT_EQ((long)(SZ_64K - SZ_4K) / 1024, status_kb("VmPin"));
	EXPECT_EQ(0, usage_wait(self->fd, 0, &usage, WAIT_MS));
	/* Exactly to the limit */
	EXPECT_EQ(0, mem_register(self->fd, self->memory, SZ_4K, RIGHT_RW, &b));
	EXPECT_EQ(-ENOMEM, mem_register(self->fd, self->memory, SZ_4K, RIGHT_RW, &c));
	/* Memory beyond HBM and system BOs does not count */
	EXPECT_EQ(0, bo_create(self->fd, SZ_1M, SFAB_REGION_SYSTEM, &c));
	EXPECT_EQ(0, bo_close(self->fd, c));
	/* What is given back can be had again */
	EXPECT_EQ(0, bo_close(self->fd, b));
	EXPECT_EQ(0, mem_register(self->fd, self->memory, SZ_4K, RIGHT_RW, &b));
	EXPECT_EQ(0, bo_close(self->fd, a));
	EXPECT_EQ(0, bo_close(self->fd, b));
	EXPECT_EQ(0, usage_wait(self->fd, 0, &self->usage, WAIT_MS));
	EXPECT_EQ(0, status_kb("VmPin"));
}

/* A failed registration is not charged */
TEST_F(registration, failure_is_not_charged)
{
	const struct rlimit limit = { .rlim_cur = SZ_64K, .rlim_max = SZ_64K };
	unsigned int i;
	uint32_t handle;

	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
	ASSERT_EQ(0, drop_ipc_lock());
	ASSERT_EQ(0, munmap(self->memory + SZ_64K - SZ_4K, SZ_4K));
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(-EFAULT, mem_register(self->fd, self->memory, SZ_64K, RIGHT_RW, &handle));
	}
	EXPECT_EQ(0, status_kb("VmPin"));
	EXPECT_EQ(0, mem_register(self->fd, self->memory, SZ_64K - SZ_4K, RIGHT_RW, &handle));
}

/* Lets parent and child take turns */
static void pass_turn(int to)
{
	if (write(to, "x", 1) != 1)
		_exit(99);
}

static void await_turn(int from)
{
	char c;

	if (read(from, &c, 1) != 1)
		_exit(98);
}

/*
 * The parent's registration stays right, whatever parent and child write after
 * fork(); the child's memory is its own.
 */
TEST_F(registration, fork_keeps_parents)
{
	int to_child[2], to_parent[2], status;
	uint32_t handle;
	pid_t pid;

	pattern_fill(self->memory, SZ_64K, 6);
	ASSERT_EQ(0, mem_register(self->fd, self->memory, SZ_64K, RIGHT_RW, &handle));
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, handle, 0, SZ_64K, RIGHT_RW));
	ASSERT_EQ(0, pipe(to_child));
	ASSERT_EQ(0, pipe(to_parent));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		bool ok = pattern_check(self->memory, SZ_64K, 6);

		/* Write first: were the page shared, this would break the parent's */
		memset(self->memory, 0xcc, SZ_64K);
		pass_turn(to_parent[1]);
		await_turn(to_child[0]);
		/* Neither the parent nor the device wrote here */
		ok = ok && all_bytes(self->memory, SZ_64K, 0xcc);
		_exit(ok ? 0 : 1);
	}
	await_turn(to_parent[0]);
	ASSERT_EQ(0, device_copy(self->fd, self->queue, SCRATCH_VA, VA, SZ_64K));
	EXPECT_TRUE(pattern_check(self->scratch.cpu, SZ_64K, 6));
	/* The parent writes, after the child did, and the device sees it */
	pattern_fill(self->memory, SZ_64K, 7);
	ASSERT_EQ(0, device_copy(self->fd, self->queue, SCRATCH_VA, VA, SZ_64K));
	EXPECT_TRUE(pattern_check(self->scratch.cpu, SZ_64K, 7));
	/* The device writes, and the parent sees it */
	pattern_fill(self->scratch.cpu, SZ_64K, 8);
	ASSERT_EQ(0, device_copy(self->fd, self->queue, VA, SCRATCH_VA, SZ_64K));
	EXPECT_TRUE(pattern_check(self->memory, SZ_64K, 8));
	pass_turn(to_child[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* The parent writes first; a read-only registration is as stable as the other */
TEST_F(registration, fork_parent_writes_first)
{
	int to_child[2], status;
	uint32_t handle;
	pid_t pid;

	pattern_fill(self->memory, SZ_64K, 9);
	ASSERT_EQ(0, mem_register(self->fd, self->memory, SZ_64K, RIGHT_R, &handle));
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, handle, 0, SZ_64K, RIGHT_R));
	ASSERT_EQ(0, pipe(to_child));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		await_turn(to_child[0]);
		_exit(pattern_check(self->memory, SZ_64K, 9) ? 0 : 1);
	}
	pattern_fill(self->memory, SZ_64K, 10);
	ASSERT_EQ(0, device_copy(self->fd, self->queue, SCRATCH_VA, VA, SZ_64K));
	EXPECT_TRUE(pattern_check(self->scratch.cpu, SZ_64K, 10));
	pass_turn(to_child[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* A child can register its own memory through the file that it inherited */
TEST_F(registration, fork_child_registers)
{
	uint32_t parents;
	int status;
	pid_t pid;

	pattern_fill(self->memory, SZ_64K, 11);
	ASSERT_EQ(0, mem_register(self->fd, self->memory, SZ_64K, RIGHT_RW, &parents));
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, parents, 0, SZ_64K, RIGHT_RW));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		uint32_t own;

		pattern_fill(self->memory, SZ_64K, 12);
		if (status_kb("VmPin") != 0)
			_exit(1);
		if (mem_register(self->fd, self->memory, SZ_64K, RIGHT_RW, &own))
			_exit(2);
		if (vm_map(self->fd, self->vm, VA + SZ_1M, own, 0, SZ_64K, RIGHT_RW))
			_exit(3);
		if (device_copy(self->fd, self->queue, SCRATCH_VA, VA + SZ_1M, SZ_64K))
			_exit(4);
		if (!pattern_check(self->scratch.cpu, SZ_64K, 12))
			_exit(5);
		/* Gone without a word: the parent's file still holds the registration */
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(self->usage.used[SFAB_REGION_REGISTERED] + 2 * SZ_64K,
		  region_used(self->fd, SFAB_REGION_REGISTERED));
	/* The pages of a process that is gone can still be read, and the parent's too */
	memset(self->scratch.cpu, 0, SZ_64K);
	ASSERT_EQ(0, device_copy(self->fd, self->queue, SCRATCH_VA, VA + SZ_1M, SZ_64K));
	EXPECT_TRUE(pattern_check(self->scratch.cpu, SZ_64K, 12));
	ASSERT_EQ(0, device_copy(self->fd, self->queue, SCRATCH_VA, VA, SZ_64K));
	EXPECT_TRUE(pattern_check(self->scratch.cpu, SZ_64K, 11));
}

/* What reclaims or moves memory has to leave pinned pages alone */
TEST_F(registration, pressure)
{
	int fd = memfd_create("sfab-test", 0);
	uint8_t *file;
	uint32_t anonymous, shared;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, SZ_64K));
	file = mmap(NULL, SZ_64K, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_MAPPED(file);
	pattern_fill(self->memory, SZ_64K, 13);
	pattern_fill(file, SZ_64K, 14);
	ASSERT_EQ(0, mem_register(self->fd, self->memory, SZ_64K, RIGHT_RW, &anonymous));
	ASSERT_EQ(0, mem_register(self->fd, file, SZ_64K, RIGHT_RW, &shared));
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, anonymous, 0, SZ_64K, RIGHT_RW));
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA + SZ_1M, shared, 0, SZ_64K, RIGHT_RW));

	madvise(self->memory, SZ_64K, MADV_PAGEOUT);
	madvise(file, SZ_64K, MADV_PAGEOUT);
	write_text("/proc/sys/vm/drop_caches", "3");
	write_text("/proc/sys/vm/compact_memory", "1");

	pattern_fill(self->scratch.cpu, SZ_64K, 15);
	ASSERT_EQ(0, device_copy(self->fd, self->queue, VA, SCRATCH_VA, SZ_64K));
	ASSERT_EQ(0, device_copy(self->fd, self->queue, VA + SZ_1M, SCRATCH_VA, SZ_64K));
	EXPECT_TRUE(pattern_check(self->memory, SZ_64K, 15));
	EXPECT_TRUE(pattern_check(file, SZ_64K, 15));

	/* The file shrinks: the pages stay the device's until they are let go */
	ASSERT_EQ(0, ftruncate(fd, 0));
	EXPECT_EQ(0, device_copy(self->fd, self->queue, SCRATCH_VA, VA + SZ_1M, SZ_64K));
	EXPECT_TRUE(pattern_check(self->scratch.cpu, SZ_64K, 15));
	EXPECT_EQ(0, device_copy(self->fd, self->queue, VA + SZ_1M, SCRATCH_VA, SZ_64K));
	close(fd);
}

TEST_HARNESS_MAIN
