// SPDX-License-Identifier: MIT
/*
 * What every ioctl refuses alike: wrong sizes, unknown flags, non-zero pads, ids
 * that do not exist or belong to another file, pointers that lead nowhere.  One
 * variant an ioctl, one wrong field a test; after each of them nothing may have
 * changed.  Built for 64 and for 32 bit.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <sys/ioctl.h>

#include "fabric_util.h"

#define VA		0x400000ULL
#define BO_SIZE		SZ_64K

/* A field of a struct: where, how wide, which bits are known */
struct field {
	size_t offset;
	size_t width;
	uint64_t known;
};

#define FIELD(type, name) { .offset = offsetof(struct type, name), \
			    .width = sizeof(((struct type *)0)->name) }
#define FLAGS(type, name, bits) { .offset = offsetof(struct type, name), \
				  .width = sizeof(((struct type *)0)->name), .known = (bits) }

union request {
	uint8_t bytes[512];
	struct sfab_query query;
	struct sfab_bo_create bo_create;
	struct sfab_bo_mmap bo_mmap;
	struct sfab_bo_query bo_query;
	struct sfab_mem_register mem_register;
	struct sfab_vm_create vm_create;
	struct sfab_vm_destroy vm_destroy;
	struct sfab_vm_bind vm_bind;
	struct sfab_queue_create queue_create;
	struct sfab_queue_destroy queue_destroy;
	struct sfab_queue_submit queue_submit;
	struct sfab_queue_query queue_query;
	struct sfab_wait wait;
	struct sfab_segment_export segment_export;
	struct sfab_segment_rotate segment_rotate;
	struct sfab_segment_revoke segment_revoke;
	struct sfab_segment_import segment_import;
	struct sfab_fabric_config fabric_config;
	struct sfab_port_config port_config;
	struct sfab_route_set route_set;
	struct sfab_route_get route_get;
	struct sfab_mgmt mgmt;
	struct sfab_events events;
};

static void field_set(void *base, const struct field *field, uint64_t value)
{
	memcpy((uint8_t *)base + field->offset, &value, field->width);
}

FIXTURE(ioctl)
{
	int fd;
	int other_fd;			/* same device, another file */
	uint32_t bo, vm, queue;
	uint32_t other_bo, other_vm, other_queue, other_segment;	/* ids that fd lacks */
	uint32_t *memory;		/* CPU mapping of bo */
	void *registered;
	uint64_t seqno;
	struct usage usage;
	uint64_t answer[64];
	struct sfab_bind_op op;
	struct sfab_command command;
	struct sfab_route route;
};

FIXTURE_VARIANT(ioctl)
{
	unsigned long cmd;
	struct field flags;		/* width 0: none */
	struct field pads[2];
	struct field id;
	enum { ID_NONE, ID_BO, ID_VM, ID_QUEUE, ID_SEGMENT } id_kind;
	size_t first_size;		/* of the struct in its first version; 0: as now */
};

FIXTURE_VARIANT_ADD(ioctl, query)
{
	.cmd = DRM_IOCTL_SFAB_QUERY,
	.flags = FLAGS(sfab_query, flags, 0),
};

FIXTURE_VARIANT_ADD(ioctl, bo_create)
{
	.cmd = DRM_IOCTL_SFAB_BO_CREATE,
	.flags = FLAGS(sfab_bo_create, flags, 0),
	.pads = { FIELD(sfab_bo_create, pad) },
};

FIXTURE_VARIANT_ADD(ioctl, bo_mmap)
{
	.cmd = DRM_IOCTL_SFAB_BO_MMAP,
	.flags = FLAGS(sfab_bo_mmap, flags, 0),
	.id = FIELD(sfab_bo_mmap, handle),
	.id_kind = ID_BO,
};

FIXTURE_VARIANT_ADD(ioctl, bo_query)
{
	.cmd = DRM_IOCTL_SFAB_BO_QUERY,
	.flags = FLAGS(sfab_bo_query, flags, 0),
	.id = FIELD(sfab_bo_query, handle),
	.id_kind = ID_BO,
};

FIXTURE_VARIANT_ADD(ioctl, mem_register)
{
	.cmd = DRM_IOCTL_SFAB_MEM_REGISTER,
	.flags = FLAGS(sfab_mem_register, flags, 0),
	.pads = { FIELD(sfab_mem_register, pad) },
};

FIXTURE_VARIANT_ADD(ioctl, vm_create)
{
	.cmd = DRM_IOCTL_SFAB_VM_CREATE,
	.flags = FLAGS(sfab_vm_create, flags, SFAB_VM_LONG_RUNNING),
};

FIXTURE_VARIANT_ADD(ioctl, vm_destroy)
{
	.cmd = DRM_IOCTL_SFAB_VM_DESTROY,
	.pads = { FIELD(sfab_vm_destroy, pad) },
	.id = FIELD(sfab_vm_destroy, vm_id),
	.id_kind = ID_VM,
};

FIXTURE_VARIANT_ADD(ioctl, vm_bind)
{
	.cmd = DRM_IOCTL_SFAB_VM_BIND,
	.flags = FLAGS(sfab_vm_bind, flags, 0),
	.id = FIELD(sfab_vm_bind, vm_id),
	.id_kind = ID_VM,
};

FIXTURE_VARIANT_ADD(ioctl, queue_create)
{
	.cmd = DRM_IOCTL_SFAB_QUEUE_CREATE,
	.flags = FLAGS(sfab_queue_create, flags, 0),
	.pads = { FIELD(sfab_queue_create, pad) },
	.id = FIELD(sfab_queue_create, vm_id),
	.id_kind = ID_VM,
	.first_size = offsetof(struct sfab_queue_create, on_loss),
};

FIXTURE_VARIANT_ADD(ioctl, queue_destroy)
{
	.cmd = DRM_IOCTL_SFAB_QUEUE_DESTROY,
	.pads = { FIELD(sfab_queue_destroy, pad) },
	.id = FIELD(sfab_queue_destroy, queue_id),
	.id_kind = ID_QUEUE,
};

FIXTURE_VARIANT_ADD(ioctl, queue_submit)
{
	.cmd = DRM_IOCTL_SFAB_QUEUE_SUBMIT,
	.flags = FLAGS(sfab_queue_submit, flags, 0),
	.id = FIELD(sfab_queue_submit, queue_id),
	.id_kind = ID_QUEUE,
};

FIXTURE_VARIANT_ADD(ioctl, queue_query)
{
	.cmd = DRM_IOCTL_SFAB_QUEUE_QUERY,
	.flags = FLAGS(sfab_queue_query, flags, 0),
	.pads = { FIELD(sfab_queue_query, pad) },
	.id = FIELD(sfab_queue_query, queue_id),
	.id_kind = ID_QUEUE,
	.first_size = offsetof(struct sfab_queue_query, fabric_status),
};

FIXTURE_VARIANT_ADD(ioctl, wait)
{
	.cmd = DRM_IOCTL_SFAB_WAIT,
	.flags = FLAGS(sfab_wait, flags, 0),
	.id = FIELD(sfab_wait, queue_id),
	.id_kind = ID_QUEUE,
};

FIXTURE_VARIANT_ADD(ioctl, segment_export)
{
	.cmd = DRM_IOCTL_SFAB_SEGMENT_EXPORT,
	.flags = FLAGS(sfab_segment_export, flags, 0),
	.id = FIELD(sfab_segment_export, handle),
	.id_kind = ID_BO,
};

FIXTURE_VARIANT_ADD(ioctl, segment_rotate)
{
	.cmd = DRM_IOCTL_SFAB_SEGMENT_ROTATE,
	.flags = FLAGS(sfab_segment_rotate, flags, 0),
	.id = FIELD(sfab_segment_rotate, segment_id),
	.id_kind = ID_SEGMENT,
};

FIXTURE_VARIANT_ADD(ioctl, segment_revoke)
{
	.cmd = DRM_IOCTL_SFAB_SEGMENT_REVOKE,
	.flags = FLAGS(sfab_segment_revoke, flags, 0),
	.id = FIELD(sfab_segment_revoke, segment_id),
	.id_kind = ID_SEGMENT,
};

FIXTURE_VARIANT_ADD(ioctl, segment_import)
{
	.cmd = DRM_IOCTL_SFAB_SEGMENT_IMPORT,
	.flags = FLAGS(sfab_segment_import, flags, 0),
};

FIXTURE_VARIANT_ADD(ioctl, fabric_config)
{
	.cmd = DRM_IOCTL_SFAB_FABRIC_CONFIG,
	.flags = FLAGS(sfab_fabric_config, set, 0x1f),
	.pads = { FIELD(sfab_fabric_config, flags) },
};

FIXTURE_VARIANT_ADD(ioctl, port_config)
{
	.cmd = DRM_IOCTL_SFAB_PORT_CONFIG,
	.flags = FLAGS(sfab_port_config, set, 0xf),
	.pads = { FIELD(sfab_port_config, flags) },
};

FIXTURE_VARIANT_ADD(ioctl, route_set)
{
	.cmd = DRM_IOCTL_SFAB_ROUTE_SET,
	.flags = FLAGS(sfab_route_set, flags, 0),
};

FIXTURE_VARIANT_ADD(ioctl, route_get)
{
	.cmd = DRM_IOCTL_SFAB_ROUTE_GET,
	.flags = FLAGS(sfab_route_get, flags, 0),
};

FIXTURE_VARIANT_ADD(ioctl, mgmt)
{
	.cmd = DRM_IOCTL_SFAB_MGMT,
	.flags = FLAGS(sfab_mgmt, flags, 0),
	.pads = { FIELD(sfab_mgmt, datagram.reserved1), FIELD(sfab_mgmt, datagram.reserved2) },
};

FIXTURE_VARIANT_ADD(ioctl, events)
{
	.cmd = DRM_IOCTL_SFAB_EVENTS,
	.flags = FLAGS(sfab_events, events, SFAB_EVENTS_PORT | SFAB_EVENTS_TRAP),
	.pads = { FIELD(sfab_events, flags) },
};

FIXTURE_SETUP(ioctl)
{
	struct sfab_command copy = cmd_copy(VA + SZ_4K, VA, 4);
	unsigned int i;

	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	self->other_fd = accel_open(0);
	ASSERT_LE(0, self->other_fd);
	ASSERT_EQ(0, fabric_set_eid(self->fd, 1));

	ASSERT_EQ(0, vm_create(self->fd, 0, &self->vm));
	ASSERT_EQ(0, bo_create(self->fd, BO_SIZE, SFAB_REGION_SYSTEM, &self->bo));
	self->memory = bo_map(self->fd, self->bo, BO_SIZE);
	ASSERT_MAPPED(self->memory);
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA, self->bo, 0, BO_SIZE, RIGHT_RW));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	ASSERT_EQ(0, queue_submit(self->fd, self->queue, &copy, 1, NULL, 0, &self->seqno));
	ASSERT_EQ(0, queue_wait(self->fd, self->queue, self->seqno, WAIT_MS));

	/* Ids are counted per file: the other file needs more than fd ever gets here */
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, bo_create(self->other_fd, SZ_4K, SFAB_REGION_SYSTEM, &self->other_bo));
		ASSERT_EQ(0, vm_create(self->other_fd, 0, &self->other_vm));
	}
	for (i = 0; i < 4; i++) {
		struct sfab_segment segment;

		ASSERT_EQ(0, queue_create(self->other_fd, self->other_vm, &self->other_queue));
		ASSERT_EQ(0, segment_export(self->other_fd, self->other_bo, 0, 8, RIGHT_R,
					    &self->other_segment, &segment));
	}

	self->registered = mmap(NULL, SZ_4K, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);
	ASSERT_MAPPED(self->registered);
	ASSERT_EQ(0, usage_get(self->fd, 0, &self->usage));
}

FIXTURE_TEARDOWN(ioctl)
{
	close(self->other_fd);
	close(self->fd);
}

static uint32_t extra_vm(struct __test_metadata *_metadata, FIXTURE_DATA(ioctl) *self)
{
	uint32_t vm = 0;

	ASSERT_EQ(0, vm_create(self->fd, 0, &vm));
	ASSERT_EQ(0, usage_get(self->fd, 0, &self->usage));
	return vm;
}

static uint32_t extra_queue(struct __test_metadata *_metadata, FIXTURE_DATA(ioctl) *self)
{
	uint32_t queue = 0;

	ASSERT_EQ(0, queue_create(self->fd, self->vm, &queue));
	ASSERT_EQ(0, usage_get(self->fd, 0, &self->usage));
	return queue;
}

static uint32_t extra_segment(struct __test_metadata *_metadata, FIXTURE_DATA(ioctl) *self)
{
	struct sfab_segment segment;
	uint32_t id = 0;

	ASSERT_EQ(0, segment_export(self->fd, self->bo, 0, 100, RIGHT_R, &id, &segment));
	ASSERT_EQ(0, usage_get(self->fd, 0, &self->usage));
	return id;
}

/* A request that would succeed */
static union request valid_request(struct __test_metadata *_metadata, FIXTURE_DATA(ioctl) *self,
				   unsigned long cmd)
{
	union request arg = { };

	switch (cmd) {
	case DRM_IOCTL_SFAB_QUERY:
		arg.query = (struct sfab_query){
			.query = SFAB_QUERY_DEVICE,
			.data = (uintptr_t)self->answer,
			.count = 1,
			.stride = sizeof(self->answer),
		};
		break;
	case DRM_IOCTL_SFAB_BO_CREATE:
		arg.bo_create.size = SZ_4K;
		arg.bo_create.region = SFAB_REGION_SYSTEM;
		break;
	case DRM_IOCTL_SFAB_BO_MMAP:
		arg.bo_mmap.handle = self->bo;
		break;
	case DRM_IOCTL_SFAB_BO_QUERY:
		arg.bo_query.handle = self->bo;
		break;
	case DRM_IOCTL_SFAB_MEM_REGISTER:
		arg.mem_register.addr = (uintptr_t)self->registered;
		arg.mem_register.size = SZ_4K;
		arg.mem_register.rights = RIGHT_RW;
		break;
	case DRM_IOCTL_SFAB_VM_CREATE:
		break;
	case DRM_IOCTL_SFAB_VM_DESTROY:
		arg.vm_destroy.vm_id = extra_vm(_metadata, self);
		break;
	case DRM_IOCTL_SFAB_VM_BIND:
		self->op = op_unmap(VA + SZ_1M, SZ_4K);
		arg.vm_bind = (struct sfab_vm_bind){
			.vm_id = self->vm,
			.ops = (uintptr_t)&self->op,
			.op_count = 1,
			.op_stride = sizeof(self->op),
		};
		break;
	case DRM_IOCTL_SFAB_QUEUE_CREATE:
		arg.queue_create.vm_id = self->vm;
		break;
	case DRM_IOCTL_SFAB_QUEUE_DESTROY:
		arg.queue_destroy.queue_id = extra_queue(_metadata, self);
		break;
	case DRM_IOCTL_SFAB_QUEUE_SUBMIT:
		self->command = cmd_nop();
		arg.queue_submit = (struct sfab_queue_submit){
			.queue_id = self->queue,
			.commands = (uintptr_t)&self->command,
			.command_count = 1,
			.command_stride = sizeof(self->command),
		};
		break;
	case DRM_IOCTL_SFAB_QUEUE_QUERY:
		arg.queue_query.queue_id = self->queue;
		break;
	case DRM_IOCTL_SFAB_WAIT:
		arg.wait.queue_id = self->queue;
		arg.wait.seqno = self->seqno;
		break;
	case DRM_IOCTL_SFAB_SEGMENT_EXPORT:
		arg.segment_export.handle = self->bo;
		arg.segment_export.rights = RIGHT_R;
		arg.segment_export.size = 100;
		break;
	case DRM_IOCTL_SFAB_SEGMENT_ROTATE:
		arg.segment_rotate.segment_id = extra_segment(_metadata, self);
		break;
	case DRM_IOCTL_SFAB_SEGMENT_REVOKE:
		arg.segment_revoke.segment_id = extra_segment(_metadata, self);
		break;
	case DRM_IOCTL_SFAB_SEGMENT_IMPORT:
		arg.segment_import.eid = 2;
		arg.segment_import.rights = RIGHT_RW;
		arg.segment_import.size = 100;
		break;
	case DRM_IOCTL_SFAB_FABRIC_CONFIG:
		arg.fabric_config.set = SFAB_FABRIC_SET_HOQ_TIMEOUT;
		arg.fabric_config.hoq_timeout_ms = 100;
		break;
	case DRM_IOCTL_SFAB_PORT_CONFIG:
		arg.port_config.set = SFAB_PORT_SET_PATH;
		break;
	case DRM_IOCTL_SFAB_ROUTE_SET:
		self->route = (struct sfab_route){ .eid = 2 };
		arg.route_set.routes = (uintptr_t)&self->route;
		arg.route_set.route_count = 1;
		arg.route_set.route_stride = sizeof(self->route);
		break;
	case DRM_IOCTL_SFAB_ROUTE_GET:
		arg.route_get.routes = (uintptr_t)&self->route;
		arg.route_get.route_count = 1;
		arg.route_get.route_stride = sizeof(self->route);
		arg.route_get.eid = 2;
		break;
	case DRM_IOCTL_SFAB_MGMT:
		arg.mgmt.timeout_ms = WAIT_MS;
		arg.mgmt.datagram = datagram_get_node();
		break;
	case DRM_IOCTL_SFAB_EVENTS:
		break;
	}
	return arg;
}

/* Nothing came or went, nothing was submitted, the VM translates and the queue works */
static bool intact(FIXTURE_DATA(ioctl) *self)
{
	struct sfab_command copy = cmd_copy(VA + SZ_4K, VA, 4);
	struct sfab_queue_query state;
	struct usage usage;

	if (usage_get(self->fd, 0, &usage) || !usage_same(&self->usage, &usage))
		return false;
	if (queue_query(self->fd, self->queue, &state) || state.submitted != self->seqno)
		return false;
	self->memory[0] += 0x1234567;
	if (queue_submit(self->fd, self->queue, &copy, 1, NULL, 0, &self->seqno) ||
	    queue_wait(self->fd, self->queue, self->seqno, WAIT_MS))
		return false;
	return self->memory[SZ_4K / 4] == self->memory[0];
}

static int call_sized(int fd, unsigned long cmd, size_t size, void *arg)
{
	return do_ioctl(fd, _IOC(_IOC_DIR(cmd), _IOC_TYPE(cmd), _IOC_NR(cmd), size), arg);
}

TEST_F(ioctl, valid)
{
	union request arg = valid_request(_metadata, self, variant->cmd);

	ASSERT_EQ(0, do_ioctl(self->fd, variant->cmd, &arg));
}

/* A struct shorter than the first version, which nothing may be read behind */
TEST_F(ioctl, shorter)
{
	union request arg = valid_request(_metadata, self, variant->cmd);
	size_t v1 = variant->first_size ?: _IOC_SIZE(variant->cmd), size;

	for (size = 0; size < v1; size++) {
		uint8_t *end = at_page_end(size ?: 1);

		ASSERT_MAPPED(end);
		memcpy(end, &arg, size);
		EXPECT_EQ(-EINVAL, call_sized(self->fd, variant->cmd, size, end))
			TH_LOG("size %zu", size);
		munmap(end - (uintptr_t)end % SZ_4K, 2 * SZ_4K);
	}
	EXPECT_TRUE(intact(self));
}

/* A program built for a newer kernel that asks for nothing new */
TEST_F(ioctl, longer_zero)
{
	static const size_t tails[] = { 1, 4, 8, 64, 1000 };
	size_t v1 = _IOC_SIZE(variant->cmd), i;

	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		union request arg = valid_request(_metadata, self, variant->cmd);
		uint8_t *buffer = at_page_end(v1 + tails[i]);

		ASSERT_MAPPED(buffer);
		memcpy(buffer, &arg, v1);
		EXPECT_EQ(0, call_sized(self->fd, variant->cmd, v1 + tails[i], buffer))
			TH_LOG("tail %zu", tails[i]);
		EXPECT_TRUE(all_bytes(buffer + v1, tails[i], 0));
	}
}

TEST_F(ioctl, longer_nonzero)
{
	static const size_t tails[] = { 1, 8, 64, 1000 };
	size_t v1 = _IOC_SIZE(variant->cmd), i;
	union request arg = valid_request(_metadata, self, variant->cmd);

	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		uint8_t *buffer = at_page_end(v1 + tails[i]);

		ASSERT_MAPPED(buffer);
		memcpy(buffer, &arg, v1);
		buffer[v1] = 1;
		EXPECT_EQ(-E2BIG, call_sized(self->fd, variant->cmd, v1 + tails[i], buffer));
		buffer[v1] = 0;
		buffer[v1 + tails[i] - 1] = 0x80;
		EXPECT_EQ(-E2BIG, call_sized(self->fd, variant->cmd, v1 + tails[i], buffer));
	}
	EXPECT_TRUE(intact(self));
}

/* The tail is where nothing can be read */
TEST_F(ioctl, longer_unmapped)
{
	union request arg = valid_request(_metadata, self, variant->cmd);
	size_t v1 = _IOC_SIZE(variant->cmd);
	uint8_t *buffer = at_page_end(v1);

	ASSERT_MAPPED(buffer);
	memcpy(buffer, &arg, v1);
	EXPECT_EQ(-EFAULT, call_sized(self->fd, variant->cmd, v1 + 64, buffer));
	EXPECT_TRUE(intact(self));
}

TEST_F(ioctl, unknown_flags)
{
	union request valid = valid_request(_metadata, self, variant->cmd);
	unsigned int bit;

	for (bit = 0; bit < variant->flags.width * 8; bit++) {
		union request arg = valid;

		if (variant->flags.known & 1ULL << bit)
			continue;
		field_set(&arg, &variant->flags, 1ULL << bit);
		EXPECT_EQ(-EINVAL, do_ioctl(self->fd, variant->cmd, &arg))
			TH_LOG("flag bit %u", bit);
	}
	EXPECT_TRUE(intact(self));
}

TEST_F(ioctl, pads)
{
	union request valid = valid_request(_metadata, self, variant->cmd);
	unsigned int i, bit;

	for (i = 0; i < ARRAY_SIZE(variant->pads); i++) {
		for (bit = 0; bit < variant->pads[i].width * 8; bit++) {
			union request arg = valid;

			field_set(&arg, &variant->pads[i], 1ULL << bit);
			EXPECT_EQ(-EINVAL, do_ioctl(self->fd, variant->cmd, &arg))
				TH_LOG("pad at %zu, bit %u", variant->pads[i].offset, bit);
		}
	}
	EXPECT_TRUE(intact(self));
}

TEST_F(ioctl, bad_id)
{
	static const uint32_t bad[] = { 0, 100, 0x7fffffff, 0x80000000, 0xffffffff };
	union request arg = valid_request(_metadata, self, variant->cmd);
	unsigned int i;

	for (i = 0; variant->id_kind != ID_NONE && i < ARRAY_SIZE(bad); i++) {
		field_set(&arg, &variant->id, bad[i]);
		EXPECT_EQ(-ENOENT, do_ioctl(self->fd, variant->cmd, &arg))
			TH_LOG("id %#x", bad[i]);
	}
	EXPECT_TRUE(intact(self));
}

TEST_F(ioctl, id_of_other_file)
{
	union request arg = valid_request(_metadata, self, variant->cmd);
	struct sfab_queue_query state;
	struct sfab_bo_query bo;

	if (variant->id_kind != ID_NONE) {
		field_set(&arg, &variant->id,
			  variant->id_kind == ID_BO ? self->other_bo :
			  variant->id_kind == ID_VM ? self->other_vm :
			  variant->id_kind == ID_QUEUE ? self->other_queue : self->other_segment);
		EXPECT_EQ(-ENOENT, do_ioctl(self->fd, variant->cmd, &arg));
	}
	EXPECT_TRUE(intact(self));
	/* The other file still has what was reached for */
	EXPECT_EQ(0, bo_query(self->other_fd, self->other_bo, &bo));
	EXPECT_EQ(0, queue_query(self->other_fd, self->other_queue, &state));
	EXPECT_EQ(-EBUSY, vm_destroy(self->other_fd, self->other_vm));
	EXPECT_EQ(0, segment_rotate(self->other_fd, self->other_segment, NULL));
}

/* What is wrong in itself is told before what does not exist */
TEST_F(ioctl, flags_before_id)
{
	union request arg = valid_request(_metadata, self, variant->cmd);

	if (variant->id_kind != ID_NONE && variant->flags.width) {
		field_set(&arg, &variant->id, 100);
		field_set(&arg, &variant->flags, 1ULL << 31);
		EXPECT_EQ(-EINVAL, do_ioctl(self->fd, variant->cmd, &arg));
	}
	EXPECT_TRUE(intact(self));
}

TEST_F(ioctl, bad_pointer)
{
	union request arg = valid_request(_metadata, self, variant->cmd);
	uint8_t *half = at_page_end(_IOC_SIZE(variant->cmd) - 1);

	ASSERT_MAPPED(half);
	memcpy(half, &arg, _IOC_SIZE(variant->cmd) - 1);
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, variant->cmd, NULL));
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, variant->cmd, unmapped_address()));
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, variant->cmd, half));
	EXPECT_TRUE(intact(self));
}

/* An answer that cannot be stored must not have been made; without an answer it does no harm */
TEST_F(ioctl, read_only_request)
{
	union request arg = valid_request(_metadata, self, variant->cmd);
	uint8_t *page = mmap(NULL, SZ_4K, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);

	ASSERT_MAPPED(page);
	memcpy(page, &arg, sizeof(arg));
	ASSERT_EQ(0, mprotect(page, SZ_4K, PROT_READ));
	if (_IOC_DIR(variant->cmd) & _IOC_READ) {
		EXPECT_EQ(-EFAULT, do_ioctl(self->fd, variant->cmd, page));
		EXPECT_TRUE(intact(self));
	} else {
		EXPECT_EQ(0, do_ioctl(self->fd, variant->cmd, page));
	}
}

/* ---- not of one ioctl ---- */

TEST(unknown_ioctls)
{
	uint64_t arg[32] = { };
	unsigned int nr;
	int fd = accel_open(0);

	ASSERT_LE(0, fd);
	for (nr = DRM_SFAB_EVENTS + 1; nr < DRM_COMMAND_END - DRM_COMMAND_BASE; nr++) {
		EXPECT_EQ(-EINVAL, do_ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE,
						     DRM_COMMAND_BASE + nr, sizeof(arg)), arg));
	}
	EXPECT_EQ(-ENOTTY, do_ioctl(fd, _IOC(_IOC_READ | _IOC_WRITE, 'x', DRM_COMMAND_BASE, 24),
				    arg));
	close(fd);
}

/* Name and version as DRM tells them */
TEST(version)
{
	char name[32] = { };
	struct drm_version arg = { .name = name, .name_len = sizeof(name) - 1 };
	int fd = accel_open(0);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, do_ioctl(fd, DRM_IOCTL_VERSION, &arg));
	EXPECT_STREQ("sfab", name);
	EXPECT_EQ(1, arg.version_major);
	EXPECT_EQ(1, arg.version_minor);
	close(fd);
}

TEST_HARNESS_MAIN
