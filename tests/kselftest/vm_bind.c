// SPDX-License-Identifier: MIT
/*
 * VM_BIND: what the device sees after each change of an address space.
 *
 * Every page of the BOs here begins with a tag of its own.  The device copies
 * the tag at an address; so a test knows which page the VM shows there.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>

#include "sfab_test.h"

#define BO_SIZE		(2 * SZ_2M)
#define BO_PAGES	(BO_SIZE / SZ_4K)
#define VA		0x40000000ULL
#define OUT_VA		0x10000000ULL
#define VA_END		(1ULL << 48)

FIXTURE(vm_bind)
{
	int fd;
	uint32_t vm, queue;
	struct buffer out;		/* tags that the device copied */
	uint32_t a, b;			/* BOs */
	uint64_t *a_cpu, *b_cpu;
	struct usage usage;
};

FIXTURE_VARIANT(vm_bind)
{
	uint32_t region;
};

FIXTURE_VARIANT_ADD(vm_bind, hbm) { .region = SFAB_REGION_HBM };
FIXTURE_VARIANT_ADD(vm_bind, system) { .region = SFAB_REGION_SYSTEM };
FIXTURE_VARIANT_ADD(vm_bind, registered) { .region = SFAB_REGION_REGISTERED };

static uint64_t tag(uint32_t handle, uint64_t page)
{
	return 0x7a60000000000000ULL | (uint64_t)handle << 32 | page;
}

static uint64_t *make_tagged(int fd, uint32_t region, uint32_t *handle)
{
	uint64_t *cpu, page;

	if (region == SFAB_REGION_REGISTERED) {
		cpu = mmap(NULL, BO_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
		if (cpu == MAP_FAILED || mem_register(fd, cpu, BO_SIZE, RIGHT_RW, handle))
			return NULL;
	} else {
		if (bo_create(fd, BO_SIZE, region, handle))
			return NULL;
		cpu = bo_map(fd, *handle, BO_SIZE);
		if (cpu == MAP_FAILED)
			return NULL;
	}
	for (page = 0; page < BO_PAGES; page++)
		cpu[page * SZ_4K / 8] = tag(*handle, page);
	return cpu;
}

FIXTURE_SETUP(vm_bind)
{
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vm_create(self->fd, 0, &self->vm));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	ASSERT_EQ(0, buffer_create(self->fd, self->vm, SFAB_REGION_SYSTEM, SZ_64K, OUT_VA,
				   RIGHT_RW, &self->out));
	self->a_cpu = make_tagged(self->fd, variant->region, &self->a);
	ASSERT_NE(NULL, self->a_cpu);
	self->b_cpu = make_tagged(self->fd, variant->region, &self->b);
	ASSERT_NE(NULL, self->b_cpu);
	ASSERT_EQ(0, usage_get(self->fd, 0, &self->usage));
}

FIXTURE_TEARDOWN(vm_bind)
{
	close(self->fd);
}

/* The tag that the device finds at an address; 0 if it faults as it should, ~0 on any error */
static uint64_t device_tag(FIXTURE_DATA(vm_bind) *self, uint64_t va)
{
	volatile uint64_t *out = (uint64_t *)self->out.cpu;
	struct sfab_fault fault;
	int ret;

	*out = ~0ULL;
	ret = run_into_fault(self->fd, self->vm, cmd_copy(OUT_VA, va, 8), &fault);
	if (ret == -ENODATA)
		return *out;
	return !ret && fault.cause == SFAB_FAULT_UNMAPPED && *out == ~0ULL &&
	       (fault.addr & ~(SZ_4K - 1)) == va ? 0 : ~0ULL;
}

/* Are these pages, one after the other, at @va?  Only mapped ones; many at a time */
static bool device_sees(FIXTURE_DATA(vm_bind) *self, uint64_t va, const uint64_t *tags,
			unsigned int pages)
{
	const uint64_t *out = (uint64_t *)self->out.cpu;
	struct sfab_command cmds[64];
	unsigned int i, n;

	while (pages) {
		n = pages < 64 ? pages : 64;
		memset(self->out.cpu, 0, n * 8);
		for (i = 0; i < n; i++)
			cmds[i] = cmd_copy(OUT_VA + i * 8, va + i * SZ_4K, 8);
		if (queue_run(self->fd, self->queue, cmds, n))
			return false;
		for (i = 0; i < n; i++) {
			if (out[i] != tags[i]) {
				fprintf(stderr, "# at %#llx: tag %#llx instead of %#llx\n",
					(unsigned long long)(va + i * SZ_4K),
					(unsigned long long)out[i], (unsigned long long)tags[i]);
				return false;
			}
		}
		va += n * SZ_4K;
		tags += n;
		pages -= n;
	}
	return true;
}

static bool device_sees_bo(FIXTURE_DATA(vm_bind) *self, uint64_t va, uint32_t handle,
			   uint64_t first_page, unsigned int pages)
{
	uint64_t tags[BO_PAGES];
	unsigned int i;

	for (i = 0; i < pages; i++)
		tags[i] = tag(handle, first_page + i);
	return device_sees(self, va, tags, pages);
}

TEST_F(vm_bind, map_and_unmap)
{
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, self->a, 0, BO_SIZE, RIGHT_RW));
	EXPECT_TRUE(device_sees_bo(self, VA, self->a, 0, BO_PAGES));
	EXPECT_EQ(0, device_tag(self, VA - SZ_4K));
	EXPECT_EQ(0, device_tag(self, VA + BO_SIZE));

	/* The same BO again, elsewhere, in part */
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA + 4 * BO_SIZE, self->a, 3 * SZ_4K, 5 * SZ_4K,
			    RIGHT_R));
	EXPECT_TRUE(device_sees_bo(self, VA + 4 * BO_SIZE, self->a, 3, 5));
	EXPECT_EQ(0, device_tag(self, VA + 4 * BO_SIZE + 5 * SZ_4K));

	ASSERT_EQ(0, vm_unmap(self->fd, self->vm, VA, BO_SIZE));
	EXPECT_EQ(0, device_tag(self, VA));
	EXPECT_EQ(0, device_tag(self, VA + BO_SIZE - SZ_4K));
	EXPECT_TRUE(device_sees_bo(self, VA + 4 * BO_SIZE, self->a, 3, 5));
	/* Unmapping what is not mapped, or only in part, is no error */
	EXPECT_EQ(0, vm_unmap(self->fd, self->vm, VA, BO_SIZE));
	EXPECT_EQ(0, vm_unmap(self->fd, self->vm, 0, VA_END));
	ASSERT_EQ(0, vm_map(self->fd, self->vm, OUT_VA, self->out.handle, 0, self->out.size,
			    RIGHT_RW));
	EXPECT_EQ(0, device_tag(self, VA + 4 * BO_SIZE));
}

/* The ends of the address space */
TEST_F(vm_bind, first_and_last_page)
{
	ASSERT_EQ(0, vm_map(self->fd, self->vm, 0, self->a, 0, SZ_4K, RIGHT_RW));
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA_END - BO_SIZE, self->b, 0, BO_SIZE, RIGHT_RW));
	EXPECT_TRUE(device_sees_bo(self, 0, self->a, 0, 1));
	EXPECT_TRUE(device_sees_bo(self, VA_END - BO_SIZE, self->b, 0, BO_PAGES));
	ASSERT_EQ(0, vm_unmap(self->fd, self->vm, 0, SZ_4K));
	ASSERT_EQ(0, vm_unmap(self->fd, self->vm, VA_END - SZ_4K, SZ_4K));
	EXPECT_EQ(0, device_tag(self, 0));
	EXPECT_EQ(0, device_tag(self, VA_END - SZ_4K));
	EXPECT_TRUE(device_sees_bo(self, VA_END - BO_SIZE, self->b, 0, BO_PAGES - 1));
}

/* 4 KiB out of the middle of a 2 MiB page, and back */
TEST_F(vm_bind, split)
{
	const uint64_t hole = 300;

	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, self->a, 0, BO_SIZE, RIGHT_RW));
	ASSERT_EQ(0, vm_unmap(self->fd, self->vm, VA + hole * SZ_4K, SZ_4K));
	EXPECT_EQ(0, device_tag(self, VA + hole * SZ_4K));
	EXPECT_TRUE(device_sees_bo(self, VA, self->a, 0, hole));
	EXPECT_TRUE(device_sees_bo(self, VA + (hole + 1) * SZ_4K, self->a, hole + 1,
				   BO_PAGES - hole - 1));
	/* Across the border of two large pages */
	ASSERT_EQ(0, vm_unmap(self->fd, self->vm, VA + SZ_2M - SZ_4K, 2 * SZ_4K));
	EXPECT_EQ(0, device_tag(self, VA + SZ_2M - SZ_4K));
	EXPECT_EQ(0, device_tag(self, VA + SZ_2M));
	EXPECT_TRUE(device_sees_bo(self, VA + SZ_2M + SZ_4K, self->a, 513, BO_PAGES - 513));

	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, self->a, 0, BO_SIZE, RIGHT_RW));
	EXPECT_TRUE(device_sees_bo(self, VA, self->a, 0, BO_PAGES));
}

TEST_F(vm_bind, replace)
{
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, self->a, 0, BO_SIZE, RIGHT_RW));
	/* A page, then the rest of the first large page, then all */
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA + 7 * SZ_4K, self->b, 100 * SZ_4K, SZ_4K,
			    RIGHT_RW));
	EXPECT_TRUE(device_sees_bo(self, VA, self->a, 0, 7));
	EXPECT_TRUE(device_sees_bo(self, VA + 7 * SZ_4K, self->b, 100, 1));
	EXPECT_TRUE(device_sees_bo(self, VA + 8 * SZ_4K, self->a, 8, BO_PAGES - 8));
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, self->b, SZ_2M, SZ_2M, RIGHT_RW));
	EXPECT_TRUE(device_sees_bo(self, VA, self->b, 512, 512));
	EXPECT_TRUE(device_sees_bo(self, VA + SZ_2M, self->a, 512, 512));
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, self->b, 0, BO_SIZE, RIGHT_RW));
	EXPECT_TRUE(device_sees_bo(self, VA, self->b, 0, BO_PAGES));
}

/* Operations apply in the order of the array */
TEST_F(vm_bind, order)
{
	const struct sfab_bind_op ops[] = {
		op_map(VA, self->a, 0, BO_SIZE, RIGHT_RW),
		op_map(VA + SZ_4K, self->b, 0, 2 * SZ_4K, RIGHT_RW),
		op_unmap(VA + 2 * SZ_4K, SZ_4K),
		op_unmap(VA + 5 * SZ_4K, 3 * SZ_4K),
		op_map(VA + 6 * SZ_4K, self->b, 9 * SZ_4K, SZ_4K, RIGHT_RW),
	};

	ASSERT_EQ(0, vm_bind(self->fd, self->vm, ops, ARRAY_SIZE(ops), NULL, 0));
	EXPECT_TRUE(device_sees_bo(self, VA, self->a, 0, 1));
	EXPECT_TRUE(device_sees_bo(self, VA + SZ_4K, self->b, 0, 1));
	EXPECT_EQ(0, device_tag(self, VA + 2 * SZ_4K));
	EXPECT_TRUE(device_sees_bo(self, VA + 3 * SZ_4K, self->a, 3, 2));
	EXPECT_EQ(0, device_tag(self, VA + 5 * SZ_4K));
	EXPECT_TRUE(device_sees_bo(self, VA + 6 * SZ_4K, self->b, 9, 1));
	EXPECT_EQ(0, device_tag(self, VA + 7 * SZ_4K));
	EXPECT_TRUE(device_sees_bo(self, VA + 8 * SZ_4K, self->a, 8, 100));
}

/*
 * Random changes, checked against a list of what each page should show.  VA,
 * offsets and sizes are often, not always, such that large pages fit.
 */
TEST_F(vm_bind, random_against_model)
{
	enum { PAGES = 4 * SZ_2M / SZ_4K, ROUNDS = 12, OPS = 8 };
	uint64_t *model = calloc(PAGES, sizeof(*model)), state = 20240601 + variant->region;
	struct sfab_bind_op ops[OPS];
	unsigned int round, i, page, probe, first;

	ASSERT_NE(NULL, model);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < OPS; i++) {
			uint64_t r = random64(&state);
			uint64_t grain = r & 1 ? 1 : r & 2 ? 16 : 512;
			uint64_t start = (r >> 8) % PAGES / grain * grain;
			uint64_t offset = (r >> 24) % BO_PAGES / grain * grain;
			uint64_t count = ((r >> 40) % 700 / grain + 1) * grain;
			uint32_t handle = r & 4 ? self->a : self->b;

			if (count > PAGES - start)
				count = PAGES - start;
			if (count > BO_PAGES - offset)
				count = BO_PAGES - offset;
			if ((r >> 60) < 5) {
				ops[i] = op_unmap(VA + start * SZ_4K, count * SZ_4K);
				memset(model + start, 0, count * sizeof(*model));
				continue;
			}
			ops[i] = op_map(VA + start * SZ_4K, handle, offset * SZ_4K, count * SZ_4K,
					r & 8 ? RIGHT_RW : RIGHT_R);
			for (page = 0; page < count; page++)
				model[start + page] = tag(handle, offset + page);
		}
		ASSERT_EQ(0, vm_bind(self->fd, self->vm, ops, OPS, NULL, 0));

		for (page = 0; page < PAGES; page++) {
			for (first = page; page < PAGES && model[page]; page++)
				;
			if (page > first) {
				ASSERT_TRUE(device_sees(self, VA + first * SZ_4K, model + first,
							page - first));
			}
		}
		for (i = 0; i < 4; i++) {
			probe = random64(&state) % PAGES;
			ASSERT_EQ(model[probe], device_tag(self, VA + probe * SZ_4K));
		}
	}
	free(model);
}

/* ---- what is refused ---- */

/* One wrong operation between two that would show */
TEST_F(vm_bind, bad_operation_changes_nothing)
{
	const uint32_t a = self->a;
	const struct {
		const char *what;
		struct sfab_bind_op op;
		int error;
	} bad[] = {
		{ "operation", { .op = 2, .rights = RIGHT_R, .handle = a, .size = SZ_4K },
		  -EINVAL },
		{ "operation", { .op = ~0U, .rights = RIGHT_R, .handle = a, .size = SZ_4K },
		  -EINVAL },
		{ "no rights", op_map(VA, a, 0, SZ_4K, 0), -EINVAL },
		{ "write without read", op_map(VA, a, 0, SZ_4K, SFAB_RIGHT_WRITE), -EINVAL },
		{ "unknown right", op_map(VA, a, 0, SZ_4K, RIGHT_RW | 4), -EINVAL },
		{ "unknown right", op_map(VA, a, 0, SZ_4K, RIGHT_R | 1U << 31), -EINVAL },
		{ "pad", { .rights = RIGHT_R, .handle = a, .pad = 1, .size = SZ_4K }, -EINVAL },
		{ "pad", { .rights = RIGHT_R, .handle = a, .pad = 1U << 31, .size = SZ_4K },
		  -EINVAL },
		{ "size 0", op_map(VA, a, 0, 0, RIGHT_RW), -EINVAL },
		{ "size", op_map(VA, a, 0, SZ_4K + 1, RIGHT_RW), -EINVAL },
		{ "size", op_map(VA, a, 0, 64, RIGHT_RW), -EINVAL },
		{ "address", op_map(VA + 64, a, 0, SZ_4K, RIGHT_RW), -EINVAL },
		{ "offset", op_map(VA, a, 64, SZ_4K, RIGHT_RW), -EINVAL },
		{ "beyond the BO", op_map(VA, a, 0, BO_SIZE + SZ_4K, RIGHT_RW), -EINVAL },
		{ "beyond the BO", op_map(VA, a, BO_SIZE, SZ_4K, RIGHT_RW), -EINVAL },
		{ "beyond the BO", op_map(VA, a, SZ_4K, BO_SIZE, RIGHT_RW), -EINVAL },
		{ "offset overflow", op_map(VA, a, 0ULL - SZ_4K, SZ_4K, RIGHT_RW), -EINVAL },
		{ "offset overflow", op_map(VA, a, 0ULL - SZ_4K, 2 * SZ_4K, RIGHT_RW), -EINVAL },
		{ "beyond the VM", op_map(VA_END, a, 0, SZ_4K, RIGHT_RW), -EINVAL },
		{ "beyond the VM", op_map(VA_END - SZ_4K, a, 0, 2 * SZ_4K, RIGHT_RW), -EINVAL },
		{ "beyond the VM", op_map(1ULL << 63, a, 0, SZ_4K, RIGHT_RW), -EINVAL },
		{ "address overflow", op_map(0ULL - SZ_4K, a, 0, SZ_4K, RIGHT_RW), -EINVAL },
		{ "address overflow", op_map(0ULL - SZ_4K, a, 0, 2 * SZ_4K, RIGHT_RW), -EINVAL },
		{ "handle 0", op_map(VA, 0, 0, SZ_4K, RIGHT_RW), -ENOENT },
		{ "no such handle", op_map(VA, 77, 0, SZ_4K, RIGHT_RW), -ENOENT },
		{ "unmap, size 0", op_unmap(VA, 0), -EINVAL },
		{ "unmap, size", op_unmap(VA, SZ_4K - 1), -EINVAL },
		{ "unmap, address", op_unmap(VA + 1, SZ_4K), -EINVAL },
		{ "unmap beyond the VM", op_unmap(VA_END, SZ_4K), -EINVAL },
		{ "unmap beyond the VM", op_unmap(SZ_4K, VA_END), -EINVAL },
		{ "unmap overflow", op_unmap(0ULL - SZ_4K, 2 * SZ_4K), -EINVAL },
		{ "unmap with rights", { .op = SFAB_BIND_UNMAP, .rights = RIGHT_R, .va = VA,
					 .size = SZ_4K }, -EINVAL },
		{ "unmap with handle", { .op = SFAB_BIND_UNMAP, .handle = a, .va = VA,
					 .size = SZ_4K }, -EINVAL },
		{ "unmap with offset", { .op = SFAB_BIND_UNMAP, .bo_offset = SZ_4K, .va = VA,
					 .size = SZ_4K }, -EINVAL },
		{ "unmap with pad", { .op = SFAB_BIND_UNMAP, .pad = 1, .va = VA, .size = SZ_4K },
		  -EINVAL },
	};
	struct sfab_bind_op ops[] = {
		op_unmap(VA, BO_SIZE),
		op_map(VA, self->b, 0, SZ_4K, RIGHT_RW),
		{ },
		op_map(VA + BO_SIZE, self->b, 0, BO_SIZE, RIGHT_RW),
	};
	struct usage usage;
	unsigned int i;

	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, self->a, 0, BO_SIZE, RIGHT_RW));
	ASSERT_EQ(0, usage_get(self->fd, 0, &usage));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct usage now;

		ops[2] = bad[i].op;
		EXPECT_EQ(bad[i].error, vm_bind(self->fd, self->vm, ops, ARRAY_SIZE(ops), NULL, 0))
			TH_LOG("%s (%u)", bad[i].what, i);
		EXPECT_EQ(0, usage_get(self->fd, 0, &now));
		EXPECT_TRUE(usage_same(&usage, &now));
		EXPECT_TRUE(device_sees_bo(self, VA, self->a, 0, 2));
	}
	EXPECT_TRUE(device_sees_bo(self, VA, self->a, 0, BO_PAGES));
	EXPECT_EQ(0, device_tag(self, VA + BO_SIZE));
}

/* No HBM for page tables: ENOSPC, and the VM is as it was */
TEST_F(vm_bind, no_room_for_page_tables)
{
	static const uint64_t pieces[] = { 16 * SZ_1M, SZ_2M, SZ_64K, SZ_4K };
	struct sfab_bind_op ops[16];
	uint32_t *handles = calloc(65536, sizeof(*handles));
	unsigned int i, count = 0;
	int ret = 0;

	ASSERT_NE(NULL, handles);
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, self->a, 0, BO_SIZE, RIGHT_RW));
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		while (count < 65536 && !(ret = bo_create(self->fd, pieces[i], SFAB_REGION_HBM,
							  &handles[count])))
			count++;
		ASSERT_EQ(-ENOSPC, ret);
	}
	/* Each of these needs tables of its own */
	for (i = 0; i < ARRAY_SIZE(ops); i++)
		ops[i] = op_map((i + 1ULL) << 40, self->b, 0, SZ_4K, RIGHT_RW);
	ops[0] = op_unmap(VA + SZ_4K, SZ_4K);
	EXPECT_EQ(-ENOSPC, vm_bind(self->fd, self->vm, ops, ARRAY_SIZE(ops), NULL, 0));
	EXPECT_TRUE(device_sees_bo(self, VA, self->a, 0, BO_PAGES));
	while (count) {
		EXPECT_EQ(0, bo_close(self->fd, handles[--count]));
	}
	EXPECT_EQ(0, vm_bind(self->fd, self->vm, ops, ARRAY_SIZE(ops), NULL, 0));
	EXPECT_EQ(0, device_tag(self, VA + SZ_4K));
	EXPECT_TRUE(device_sees_bo(self, 2ULL << 40, self->b, 0, 1));
	free(handles);
}

/* ---- rights and effects ---- */

TEST_F(vm_bind, read_only_mapping)
{
	struct sfab_command writes[] = {
		cmd_fill(VA, 8, 8, 1), cmd_write(VA, 8, 1), cmd_copy(VA, OUT_VA, 8),
		cmd_atomic(VA, 0, 8, SFAB_ATOMIC_ADD, 1, 0), cmd_timestamp(VA),
		cmd_reduce(VA, OUT_VA, 8, SFAB_I32, SFAB_REDUCE_SUM),
	};
	struct sfab_fault fault;
	unsigned int i;

	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, self->a, 0, BO_SIZE, RIGHT_R));
	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		EXPECT_EQ(0, run_into_fault(self->fd, self->vm, writes[i], &fault))
			TH_LOG("command %u", i);
		EXPECT_EQ(SFAB_FAULT_NO_WRITE, fault.cause);
		EXPECT_EQ(tag(self->a, 0), self->a_cpu[0]);
	}
	/* The same memory, writable elsewhere, and then made writable here */
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA + BO_SIZE, self->a, 0, BO_SIZE, RIGHT_RW));
	writes[1].dst = VA + BO_SIZE;
	ASSERT_EQ(0, queue_run(self->fd, self->queue, &writes[1], 1));
	EXPECT_EQ(1, self->a_cpu[0]);
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, self->a, 0, SZ_4K, RIGHT_RW));
	writes[1] = cmd_write(VA, 8, 2);
	ASSERT_EQ(0, queue_run(self->fd, self->queue, &writes[1], 1));
	EXPECT_EQ(2, self->a_cpu[0]);
	/* And read-only again */
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, self->a, 0, SZ_4K, RIGHT_R));
	EXPECT_EQ(0, run_into_fault(self->fd, self->vm, writes[1], &fault));
	EXPECT_EQ(SFAB_FAULT_NO_WRITE, fault.cause);
}

/* What was unmapped is not written any more, not even by work that was running */
TEST_F(vm_bind, unmap_stops_running_work)
{
	struct sfab_query_limits limits;
	struct sfab_command cmds[64];
	unsigned int i, round;

	ASSERT_EQ(0, query_limits(self->fd, &limits));
	for (round = 0; round < 8; round++) {
		uint64_t seqno;
		uint32_t queue;
		int ret;

		ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, self->a, 0, BO_SIZE, RIGHT_RW));
		ASSERT_EQ(0, queue_create(self->fd, self->vm, &queue));
		for (i = 0; i < ARRAY_SIZE(cmds); i++)
			cmds[i] = cmd_fill(VA, BO_SIZE, 8, 0x0101010101010101ULL * (round + 1));
		ASSERT_EQ(0, queue_submit(self->fd, queue, cmds, ARRAY_SIZE(cmds), NULL, 0,
					  &seqno));
		if (round & 1)
			sleep_ms(1);
		ASSERT_EQ(0, vm_unmap(self->fd, self->vm, VA, BO_SIZE));
		memset(self->a_cpu, 0xab, BO_SIZE);
		ret = queue_wait(self->fd, queue, seqno, WAIT_MS);
		EXPECT_TRUE(ret == 0 || ret == -EIO);
		EXPECT_TRUE(all_bytes(self->a_cpu, BO_SIZE, 0xab));
		ASSERT_EQ(0, queue_destroy(self->fd, queue));
	}
}

/* A mapping holds its BO; the last of handle and mappings frees it */
TEST_F(vm_bind, mapping_holds_bo)
{
	struct usage usage, now;
	uint32_t handle;
	uint64_t *cpu;

	cpu = make_tagged(self->fd, variant->region, &handle);
	ASSERT_NE(NULL, cpu);
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, handle, 0, BO_SIZE, RIGHT_RW));
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA + BO_SIZE, handle, 0, SZ_4K, RIGHT_RW));
	ASSERT_EQ(0, usage_get(self->fd, 0, &usage));
	munmap(cpu, BO_SIZE);
	ASSERT_EQ(0, bo_close(self->fd, handle));
	EXPECT_TRUE(device_sees_bo(self, VA, handle, 0, BO_PAGES));
	ASSERT_EQ(0, vm_unmap(self->fd, self->vm, VA, BO_SIZE));
	EXPECT_TRUE(device_sees_bo(self, VA + BO_SIZE, handle, 0, 1));
	ASSERT_EQ(0, usage_get(self->fd, 0, &now));
	EXPECT_LE(self->usage.used[variant->region] + BO_SIZE, now.used[variant->region]);
	ASSERT_EQ(0, vm_unmap(self->fd, self->vm, VA + BO_SIZE, SZ_4K));
	ASSERT_EQ(0, usage_get(self->fd, 0, &now));
	EXPECT_GT(self->usage.used[variant->region] + SZ_64K, now.used[variant->region]);
}

/* VMs know nothing of each other, in one file or in two */
TEST_F(vm_bind, isolation)
{
	uint32_t vm, queue, other_bo, other_vm, other_queue;
	struct sfab_command write = cmd_write(VA, 8, 0x1111);
	struct sfab_fault fault;
	int fd = accel_open(0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, self->a, 0, BO_SIZE, RIGHT_RW));
	ASSERT_EQ(0, vm_create(self->fd, 0, &vm));
	ASSERT_EQ(0, queue_create(self->fd, vm, &queue));
	EXPECT_EQ(0, run_into_fault(self->fd, vm, write, &fault));
	EXPECT_EQ(SFAB_FAULT_UNMAPPED, fault.cause);
	ASSERT_EQ(0, vm_map(self->fd, vm, VA, self->b, 0, BO_SIZE, RIGHT_RW));
	ASSERT_EQ(0, queue_run(self->fd, queue, &write, 1));
	EXPECT_EQ(tag(self->a, 0), self->a_cpu[0]);
	EXPECT_EQ(0x1111, self->b_cpu[0]);

	ASSERT_EQ(0, vm_create(fd, 0, &other_vm));
	ASSERT_EQ(0, queue_create(fd, other_vm, &other_queue));
	EXPECT_EQ(0, run_into_fault(fd, other_vm, write, &fault));
	EXPECT_EQ(SFAB_FAULT_UNMAPPED, fault.cause);
	ASSERT_EQ(0, bo_create(fd, BO_SIZE, SFAB_REGION_HBM, &other_bo));
	ASSERT_EQ(0, vm_map(fd, other_vm, VA, other_bo, 0, BO_SIZE, RIGHT_RW));
	write.arg0 = 0x2222;
	ASSERT_EQ(0, queue_run(fd, other_queue, &write, 1));
	EXPECT_EQ(tag(self->a, 0), self->a_cpu[0]);
	EXPECT_EQ(0x1111, self->b_cpu[0]);
	close(fd);
	EXPECT_TRUE(device_sees_bo(self, VA, self->a, 0, BO_PAGES));
}

/* ---- syncobjs ---- */

FIXTURE(bind_sync)
{
	int fd;
	uint32_t vm, slow_vm, slow_queue, bo;
	uint32_t slow_sync, sync;
	int64_t slow_size;
};

FIXTURE_SETUP(bind_sync)
{
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vm_create(self->fd, 0, &self->vm));
	ASSERT_EQ(0, vm_create(self->fd, 0, &self->slow_vm));
	ASSERT_EQ(0, queue_create(self->fd, self->slow_vm, &self->slow_queue));
	self->slow_size = slow_map(self->fd, self->slow_vm);
	ASSERT_LT(0, self->slow_size);
	ASSERT_EQ(0, bo_create(self->fd, SZ_64K, SFAB_REGION_SYSTEM, &self->bo));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->slow_sync));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->sync));
}

FIXTURE_TEARDOWN(bind_sync)
{
	close(self->fd);
}

/* Work that takes a good while and signals slow_sync (at @point) */
static int start_slow(FIXTURE_DATA(bind_sync) *self, uint64_t point)
{
	struct sfab_command fill = cmd_fill(SLOW_VA, self->slow_size, 8, 1);
	struct sfab_sync sync = sync_signal(self->slow_sync, point);

	return queue_submit(self->fd, self->slow_queue, &fill, 1, &sync, 1, NULL);
}

/* Without WAIT the change comes soon, and the syncobj tells when */
TEST_F(bind_sync, signals)
{
	struct sfab_bind_op op = op_map(VA, self->bo, 0, SZ_64K, RIGHT_RW);
	struct sfab_sync syncs[] = { sync_signal(self->sync, 0) };
	struct sfab_sync points[] = { sync_signal(self->slow_sync, 5),
				      sync_signal(self->slow_sync, 9) };
	struct sfab_fault fault;

	ASSERT_EQ(0, vm_bind(self->fd, self->vm, &op, 1, syncs, 1));
	EXPECT_EQ(0, syncobj_wait(self->fd, self->sync, 0, WAIT_MS));
	EXPECT_EQ(1, syncobj_status(self->fd, self->sync));
	EXPECT_EQ(-ENODATA, run_into_fault(self->fd, self->vm, cmd_fill(VA, SZ_64K, 1, 1), &fault));

	op = op_unmap(VA, SZ_64K);
	ASSERT_EQ(0, vm_bind(self->fd, self->vm, &op, 1, points, 2));
	EXPECT_EQ(0, syncobj_wait(self->fd, self->slow_sync, 9, WAIT_MS));
	EXPECT_EQ(0, syncobj_wait(self->fd, self->slow_sync, 5, 0));
	EXPECT_EQ(0, run_into_fault(self->fd, self->vm, cmd_fill(VA, SZ_64K, 1, 1), &fault));
}

/* The change waits, the ioctl does not */
static void check_waits(struct __test_metadata *_metadata, FIXTURE_DATA(bind_sync) *self,
			uint64_t point)
{
	struct sfab_bind_op op = op_map(VA, self->bo, 0, SZ_64K, RIGHT_RW);
	struct sfab_sync syncs[] = { sync_wait(self->slow_sync, point),
				     sync_signal(self->sync, 0) };
	struct sfab_fault fault;
	unsigned int early = 0;
	int probe;

	ASSERT_EQ(0, start_slow(self, point));
	ASSERT_EQ(0, vm_bind(self->fd, self->vm, &op, 1, syncs, 2));
	do {
		probe = run_into_fault(self->fd, self->vm, cmd_fill(VA, 8, 8, 1), &fault);
		/* Read in this order: signalled, although what it waits for was pending after */
		int done = syncobj_wait(self->fd, self->sync, 0, 0);
		int slow = syncobj_wait(self->fd, self->slow_sync, point, 0);

		if (slow == -ETIME) {
			early++;
			EXPECT_EQ(-ETIME, done);
			EXPECT_EQ(0, probe);
			EXPECT_EQ(SFAB_FAULT_UNMAPPED, fault.cause);
		}
	} while (syncobj_wait(self->fd, self->slow_sync, point, 0) == -ETIME);
	/* Else the slow work was too fast to tell anything */
	EXPECT_LT(0, early);
	EXPECT_EQ(0, syncobj_wait(self->fd, self->sync, 0, WAIT_MS));
	EXPECT_EQ(-ENODATA, run_into_fault(self->fd, self->vm, cmd_fill(VA, SZ_64K, 1, 1), &fault));
}

TEST_F(bind_sync, waits_for_binary)
{
	check_waits(_metadata, self, 0);
}

TEST_F(bind_sync, waits_for_timeline_point)
{
	check_waits(_metadata, self, 7);
}

/* A change that waits for nothing still comes after an earlier one that waits */
TEST_F(bind_sync, in_order)
{
	struct sfab_bind_op map = op_map(VA, self->bo, 0, SZ_64K, RIGHT_RW);
	struct sfab_bind_op unmap = op_unmap(VA, SZ_64K);
	struct sfab_sync wait = sync_wait(self->slow_sync, 0);
	struct sfab_fault fault;
	uint64_t seqno = 1;

	ASSERT_EQ(0, start_slow(self, 0));
	ASSERT_EQ(0, vm_bind(self->fd, self->vm, &map, 1, &wait, 1));
	/* Without any sync: returns when in effect, so after the slow work too */
	ASSERT_EQ(0, vm_bind(self->fd, self->vm, &unmap, 1, NULL, 0));
	EXPECT_EQ(0, queue_wait(self->fd, self->slow_queue, seqno, 0));
	EXPECT_EQ(0, run_into_fault(self->fd, self->vm, cmd_fill(VA, 8, 8, 1), &fault));
	EXPECT_EQ(SFAB_FAULT_UNMAPPED, fault.cause);
}

/* Bind, use, unbind: three ioctls in a row, the device does the waiting */
TEST_F(bind_sync, pipeline)
{
	volatile uint64_t *cpu = bo_map(self->fd, self->bo, SZ_64K);
	struct sfab_sync syncs[2];
	uint32_t queue;
	uint64_t i;

	ASSERT_MAPPED(cpu);
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &queue));
	for (i = 0; i < 20; i++) {
		struct sfab_bind_op map = op_map(VA + i * SZ_64K, self->bo, 0, SZ_64K, RIGHT_RW);
		struct sfab_bind_op unmap = op_unmap(VA + i * SZ_64K, SZ_64K);
		struct sfab_command add = cmd_atomic(VA + i * SZ_64K, 0, 8, SFAB_ATOMIC_ADD, 1, 0);

		syncs[0] = sync_signal(self->sync, 3 * i + 1);
		ASSERT_EQ(0, vm_bind(self->fd, self->vm, &map, 1, syncs, 1));
		syncs[0] = sync_wait(self->sync, 3 * i + 1);
		syncs[1] = sync_signal(self->sync, 3 * i + 2);
		ASSERT_EQ(0, queue_submit(self->fd, queue, &add, 1, syncs, 2, NULL));
		syncs[0] = sync_wait(self->sync, 3 * i + 2);
		syncs[1] = sync_signal(self->sync, 3 * i + 3);
		ASSERT_EQ(0, vm_bind(self->fd, self->vm, &unmap, 1, syncs, 2));
	}
	ASSERT_EQ(0, syncobj_wait(self->fd, self->sync, 60, WAIT_MS));
	EXPECT_EQ(20, cpu[0]);
}

/* A VM that goes while changes wait: they end, the syncobj signals with an error or not */
TEST_F(bind_sync, destroy_with_pending)
{
	struct sfab_bind_op map = op_map(VA, self->bo, 0, SZ_64K, RIGHT_RW);
	struct sfab_sync syncs[] = { sync_wait(self->slow_sync, 0), sync_signal(self->sync, 0) };
	struct usage usage;
	uint32_t vm;

	ASSERT_EQ(0, start_slow(self, 0));
	ASSERT_EQ(0, usage_get(self->fd, 0, &usage));
	ASSERT_EQ(0, vm_create(self->fd, 0, &vm));
	ASSERT_EQ(0, vm_bind(self->fd, vm, &map, 1, syncs, 2));
	ASSERT_EQ(0, vm_destroy(self->fd, vm));
	EXPECT_EQ(-ENOENT, vm_bind(self->fd, vm, &map, 1, NULL, 0));
	EXPECT_EQ(0, syncobj_wait(self->fd, self->sync, 0, WAIT_MS));
	ASSERT_EQ(0, syncobj_wait(self->fd, self->slow_sync, 0, WAIT_MS));
	EXPECT_EQ(0, usage_wait(self->fd, 0, &usage, WAIT_MS));
}

/* The work that is waited for fails: the change does not hang */
TEST_F(bind_sync, failed_dependency)
{
	struct sfab_bind_op map = op_map(VA, self->bo, 0, SZ_64K, RIGHT_RW);
	struct sfab_sync syncs[] = { sync_wait(self->slow_sync, 0), sync_signal(self->sync, 0) };

	ASSERT_EQ(0, start_slow(self, 0));
	ASSERT_EQ(0, vm_bind(self->fd, self->vm, &map, 1, syncs, 2));
	ASSERT_EQ(0, queue_destroy(self->fd, self->slow_queue));
	EXPECT_EQ(0, syncobj_wait(self->fd, self->sync, 0, WAIT_MS));
	/* Later changes work */
	EXPECT_EQ(0, vm_map(self->fd, self->vm, VA + SZ_1M, self->bo, 0, SZ_64K, RIGHT_RW));
}

/* ---- VMs themselves ---- */

TEST(vm_ids_run_out_and_return)
{
	struct sfab_query_limits limits;
	struct usage usage;
	uint32_t vms[128], count = 0, vm;
	int ret, fd = accel_open(0), other = accel_open(0);

	ASSERT_LE(0, fd);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, query_limits(fd, &limits));
	ASSERT_EQ(0, usage_get(fd, 0, &usage));
	while (count < 128 && !(ret = vm_create(fd, 0, &vms[count])))
		count++;
	EXPECT_EQ(limits.max_vms, count);
	if (count < 128) {
		EXPECT_EQ(-ENOSPC, ret);
		EXPECT_EQ(-ENOSPC, vm_create(other, 0, &vm));
		EXPECT_EQ(0, vm_destroy(fd, vms[--count]));
		EXPECT_EQ(0, vm_create(other, 0, &vm));
		EXPECT_EQ(0, vm_destroy(other, vm));
	}
	while (count) {
		EXPECT_EQ(0, vm_destroy(fd, vms[--count]));
	}
	EXPECT_EQ(0, usage_wait(fd, 0, &usage, WAIT_MS));
	close(other);
	close(fd);
}

TEST(vm_busy_and_gone)
{
	uint32_t vm, queue;
	int fd = accel_open(0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vm_create(fd, 0, &vm));
	EXPECT_NE(0, vm);
	ASSERT_EQ(0, queue_create(fd, vm, &queue));
	EXPECT_NE(0, queue);
	EXPECT_EQ(-EBUSY, vm_destroy(fd, vm));
	ASSERT_EQ(0, queue_destroy(fd, queue));
	EXPECT_EQ(0, vm_destroy(fd, vm));
	EXPECT_EQ(-ENOENT, vm_destroy(fd, vm));
	EXPECT_EQ(-ENOENT, queue_create(fd, vm, &queue));
	EXPECT_EQ(-ENOENT, vm_unmap(fd, vm, VA, SZ_4K));
	close(fd);
}

TEST_HARNESS_MAIN
