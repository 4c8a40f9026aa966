// SPDX-License-Identifier: MIT
/*
 * The arrays that requests point to: {pointer, count, stride}, of bind
 * operations, commands and syncs.  One variant an array.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>

#include "sfab_test.h"

#define VA		0x400000ULL
#define MAX_STRIDE	192	/* the longest stride of these tests, an element and some more */

/* Where a request has its array */
struct place {
	size_t pointer, count, stride;
};

FIXTURE(array)
{
	int fd;
	uint32_t bo, vm, queue, syncobj;
	uint32_t limit;
	struct sfab_vm_bind bind;
	struct sfab_queue_submit submit;
	struct sfab_bind_op op;
	struct sfab_command command;
	uint8_t *request;		/* bind or submit */
	struct usage usage;
};

FIXTURE_VARIANT(array)
{
	unsigned long cmd;
	struct place place;
	size_t element;			/* size of the first version */
	bool may_be_empty;
	size_t limit;			/* offset in struct sfab_query_limits */
};

#define PLACE(type, name, singular) { .pointer = offsetof(struct type, name), \
				      .count = offsetof(struct type, singular ## _count), \
				      .stride = offsetof(struct type, singular ## _stride) }

FIXTURE_VARIANT_ADD(array, bind_ops)
{
	.cmd = DRM_IOCTL_SFAB_VM_BIND,
	.place = PLACE(sfab_vm_bind, ops, op),
	.element = sizeof(struct sfab_bind_op),
	.limit = offsetof(struct sfab_query_limits, max_binds),
};

FIXTURE_VARIANT_ADD(array, bind_syncs)
{
	.cmd = DRM_IOCTL_SFAB_VM_BIND,
	.place = PLACE(sfab_vm_bind, syncs, sync),
	.element = sizeof(struct sfab_sync),
	.may_be_empty = true,
	.limit = offsetof(struct sfab_query_limits, max_syncs),
};

FIXTURE_VARIANT_ADD(array, submit_commands)
{
	.cmd = DRM_IOCTL_SFAB_QUEUE_SUBMIT,
	.place = PLACE(sfab_queue_submit, commands, command),
	.element = sizeof(struct sfab_command),
	.limit = offsetof(struct sfab_query_limits, max_commands),
};

FIXTURE_VARIANT_ADD(array, submit_syncs)
{
	.cmd = DRM_IOCTL_SFAB_QUEUE_SUBMIT,
	.place = PLACE(sfab_queue_submit, syncs, sync),
	.element = sizeof(struct sfab_sync),
	.may_be_empty = true,
	.limit = offsetof(struct sfab_query_limits, max_syncs),
};

FIXTURE_SETUP(array)
{
	struct sfab_query_limits limits = { };

	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, query_limits(self->fd, &limits));
	memcpy(&self->limit, (uint8_t *)&limits + variant->limit, sizeof(self->limit));
	ASSERT_LT(1, self->limit);

	ASSERT_EQ(0, vm_create(self->fd, 0, &self->vm));
	ASSERT_EQ(0, bo_create(self->fd, SZ_64K, SFAB_REGION_SYSTEM, &self->bo));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));

	self->op = op_unmap(VA, SZ_4K);
	self->command = cmd_nop();
	self->bind = (struct sfab_vm_bind){
		.vm_id = self->vm,
		.ops = (uintptr_t)&self->op,
		.op_count = 1,
		.op_stride = sizeof(self->op),
	};
	self->submit = (struct sfab_queue_submit){
		.queue_id = self->queue,
		.commands = (uintptr_t)&self->command,
		.command_count = 1,
		.command_stride = sizeof(self->command),
	};
	self->request = variant->cmd == DRM_IOCTL_SFAB_VM_BIND ? (uint8_t *)&self->bind :
								 (uint8_t *)&self->submit;
	ASSERT_EQ(0, usage_get(self->fd, 0, &self->usage));
}

FIXTURE_TEARDOWN(array)
{
	close(self->fd);
}

/* An element that is right and whose effect shows: it maps, signals or counts */
static void put_element(FIXTURE_DATA(array) *self, const FIXTURE_VARIANT(array) *variant,
			void *where, unsigned int i)
{
	struct sfab_bind_op op = op_map(VA + i * SZ_4K, self->bo, 0, SZ_4K, RIGHT_RW);
	struct sfab_command nop = cmd_nop();
	struct sfab_sync sync = sync_signal(self->syncobj, 0);

	memcpy(where, variant->element == sizeof(op) ? (void *)&op :
		      variant->element == sizeof(nop) ? (void *)&nop : (void *)&sync,
	       variant->element);
}

static void *make_elements(FIXTURE_DATA(array) *self, const FIXTURE_VARIANT(array) *variant,
			   uint32_t count, uint32_t stride)
{
	uint8_t *elements = calloc(count, stride);
	uint32_t i;

	for (i = 0; elements && i < count; i++)
		put_element(self, variant, elements + i * stride, i);
	return elements;
}

static int call(FIXTURE_DATA(array) *self, const FIXTURE_VARIANT(array) *variant,
		const void *pointer, uint32_t count, uint32_t stride)
{
	uint64_t address = (uintptr_t)pointer;

	memcpy(self->request + variant->place.pointer, &address, sizeof(address));
	memcpy(self->request + variant->place.count, &count, sizeof(count));
	memcpy(self->request + variant->place.stride, &stride, sizeof(stride));
	return do_ioctl(self->fd, variant->cmd, self->request);
}

/* Nothing was mapped, submitted or attached to the syncobj */
static bool intact(FIXTURE_DATA(array) *self)
{
	struct sfab_queue_query state;
	struct usage usage;

	return !queue_query(self->fd, self->queue, &state) && state.submitted == 0 &&
	       syncobj_status(self->fd, self->syncobj) == -EINVAL &&
	       !usage_get(self->fd, 0, &usage) && usage_same(&self->usage, &usage);
}

TEST_F(array, one_and_limit)
{
	const uint32_t counts[] = { 1, 2, self->limit };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		void *elements = make_elements(self, variant, counts[i], variant->element);

		ASSERT_NE(NULL, elements);
		EXPECT_EQ(0, call(self, variant, elements, counts[i], variant->element))
			TH_LOG("count %u", counts[i]);
		free(elements);
	}
}

TEST_F(array, empty)
{
	int expected = variant->may_be_empty ? 0 : -EINVAL;
	uint64_t element[MAX_STRIDE / 8] = { };

	EXPECT_EQ(expected, call(self, variant, NULL, 0, 0));
	EXPECT_EQ(expected, call(self, variant, element, 0, variant->element));
	if (expected) {
		EXPECT_TRUE(intact(self));
	}
}

TEST_F(array, beyond_limit)
{
	uint32_t count = self->limit + 1;
	void *elements = make_elements(self, variant, count, variant->element);

	ASSERT_NE(NULL, elements);
	EXPECT_EQ(-E2BIG, call(self, variant, elements, count, variant->element));
	EXPECT_EQ(-E2BIG, call(self, variant, elements, 0x80000000, variant->element));
	EXPECT_EQ(-E2BIG, call(self, variant, elements, 0xffffffff, variant->element));
	EXPECT_TRUE(intact(self));
	free(elements);
}

TEST_F(array, stride_small)
{
	void *elements = make_elements(self, variant, 2, variant->element);
	uint32_t stride;

	ASSERT_NE(NULL, elements);
	for (stride = 0; stride < variant->element; stride++) {
		EXPECT_EQ(-EINVAL, call(self, variant, elements, 1, stride))
			TH_LOG("stride %u", stride);
		EXPECT_EQ(-EINVAL, call(self, variant, elements, 2, stride))
			TH_LOG("stride %u", stride);
	}
	EXPECT_TRUE(intact(self));
	free(elements);
}

/* Elements of a newer program, at any alignment, that ask for nothing new */
TEST_F(array, stride_large_zero)
{
	static const uint32_t tails[] = { 1, 7, 8, 64, MAX_STRIDE - sizeof(struct sfab_command) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		uint32_t stride = variant->element + tails[i];
		void *elements = make_elements(self, variant, 3, stride);

		ASSERT_NE(NULL, elements);
		EXPECT_EQ(0, call(self, variant, elements, 3, stride))
			TH_LOG("stride %u", stride);
		free(elements);
	}
}

TEST_F(array, stride_large_nonzero)
{
	static const uint32_t tails[] = { 1, 8, 64 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		uint32_t stride = variant->element + tails[i];
		uint8_t *elements = make_elements(self, variant, 3, stride);

		ASSERT_NE(NULL, elements);
		elements[variant->element] = 1;
		EXPECT_EQ(-E2BIG, call(self, variant, elements, 3, stride));
		elements[variant->element] = 0;
		elements[3 * stride - 1] = 0x80;
		EXPECT_EQ(-E2BIG, call(self, variant, elements, 3, stride));
		free(elements);
	}
	EXPECT_TRUE(intact(self));
}

TEST_F(array, bad_pointer)
{
	uint8_t *half = at_page_end(variant->element - 1);
	uint8_t *one = at_page_end(variant->element);

	ASSERT_MAPPED(half);
	ASSERT_MAPPED(one);
	put_element(self, variant, one, 0);
	memcpy(half, one, variant->element - 1);

	EXPECT_EQ(-EFAULT, call(self, variant, NULL, 1, variant->element));
	EXPECT_EQ(-EFAULT, call(self, variant, unmapped_address(), 1, variant->element));
	EXPECT_EQ(-EFAULT, call(self, variant, half, 1, variant->element));
	/* The first element is fine, the second or its tail is not there */
	EXPECT_EQ(-EFAULT, call(self, variant, one, 2, variant->element));
	EXPECT_EQ(-EFAULT, call(self, variant, one, 1, variant->element + 8));
	EXPECT_TRUE(intact(self));
}

/* Checking the tail of such an element would keep the kernel busy */
TEST_F(array, stride_huge)
{
	void *elements = make_elements(self, variant, 2, 2 * SZ_4K);

	ASSERT_NE(NULL, elements);
	EXPECT_EQ(0, call(self, variant, elements, 1, SZ_4K));
	ASSERT_EQ(0, usage_get(self->fd, 0, &self->usage));
	EXPECT_EQ(-E2BIG, call(self, variant, elements, 2, SZ_4K + 1));
	EXPECT_EQ(-E2BIG, call(self, variant, elements, 2, 0xffffffff));
	free(elements);
}

TEST_F(array, kernel_pointer)
{
	uint64_t address = 0xffff888000000000ULL;

	call(self, variant, NULL, 1, variant->element);
	memcpy(self->request + variant->place.pointer, &address, sizeof(address));
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, variant->cmd, self->request));
	EXPECT_TRUE(intact(self));
}

/* ---- the fields of an element ---- */

static const struct {
	const char *what;
	struct sfab_sync sync;		/* handle 1: replaced by one that exists */
	int error;
} bad_syncs[] = {
	{ "no flag", { .handle = 1 }, -EINVAL },
	{ "both flags", { .handle = 1, .flags = SFAB_SYNC_WAIT | SFAB_SYNC_SIGNAL }, -EINVAL },
	{ "unknown flag", { .handle = 1, .flags = SFAB_SYNC_SIGNAL | 4 }, -EINVAL },
	{ "high flag", { .handle = 1, .flags = SFAB_SYNC_SIGNAL | 1U << 31 }, -EINVAL },
	{ "handle 0", { .handle = 0, .flags = SFAB_SYNC_SIGNAL }, -ENOENT },
	{ "handle 0, wait", { .handle = 0, .flags = SFAB_SYNC_WAIT }, -ENOENT },
	{ "no such handle", { .handle = 77, .flags = SFAB_SYNC_SIGNAL }, -ENOENT },
	{ "no such handle, timeline", { .handle = 77, .flags = SFAB_SYNC_SIGNAL, .point = 1 },
	  -ENOENT },
	{ "no such handle, wait", { .handle = 77, .flags = SFAB_SYNC_WAIT }, -ENOENT },
	{ "nothing to wait for", { .handle = 1, .flags = SFAB_SYNC_WAIT }, -EINVAL },
	{ "no such point", { .handle = 1, .flags = SFAB_SYNC_WAIT, .point = 5 }, -EINVAL },
};

TEST_F(array, bad_sync_elements)
{
	struct sfab_sync syncs[2];
	unsigned int i;

	if (variant->element != sizeof(*syncs))
		return;
	for (i = 0; i < ARRAY_SIZE(bad_syncs); i++) {
		/* After a good one, which must not come to anything */
		syncs[0] = sync_signal(self->syncobj, 0);
		syncs[1] = bad_syncs[i].sync;
		if (syncs[1].handle == 1)
			syncs[1].handle = self->syncobj;
		EXPECT_EQ(bad_syncs[i].error, call(self, variant, syncs, 2, sizeof(*syncs)))
			TH_LOG("%s", bad_syncs[i].what);
	}
	EXPECT_TRUE(intact(self));
}

TEST_F(array, bad_command_elements)
{
	struct sfab_command cmds[3];
	unsigned int i;

	if (variant->element != sizeof(*cmds))
		return;
	for (i = 0; i < 8 * (1 + 4 + 8); i++) {
		unsigned int bit = i % 8, byte = i / 8;
		size_t offset = byte == 0 ? offsetof(struct sfab_command, flags) :
				byte < 5 ? offsetof(struct sfab_command, pad) + byte - 1 :
					   offsetof(struct sfab_command, reserved) + byte - 5;

		cmds[0] = cmd_nop();
		cmds[1] = cmd_nop();
		cmds[2] = cmd_nop();
		((uint8_t *)&cmds[1])[offset] = 1 << bit;
		EXPECT_EQ(-EINVAL, call(self, variant, cmds, 3, sizeof(*cmds)))
			TH_LOG("byte %zu bit %u", offset, bit);
	}
	for (i = SFAB_OP_TIMESTAMP + 1; i < 256; i++) {
		cmds[1] = (struct sfab_command){ .opcode = i };
		EXPECT_EQ(-EINVAL, call(self, variant, cmds, 3, sizeof(*cmds)))
			TH_LOG("opcode %u", i);
	}
	EXPECT_TRUE(intact(self));
}

TEST_HARNESS_MAIN
