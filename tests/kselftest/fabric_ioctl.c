// SPDX-License-Identifier: MIT
/*
 * The ioctls of the fabric: one wrong field a case, with its errno; who may call them; what
 * is configured is what is told; datagrams.  What an ioctl does to memory is in fabric.c.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <sys/wait.h>

#include "fabric_util.h"

#define VA	0x40000000ULL
#define SIZE	SZ_64K

FIXTURE(fabric_ioctl)
{
	int fd;
	uint32_t bo;
	struct sfab_query_fabric fabric;
	struct usage usage;
};

FIXTURE_SETUP(fabric_ioctl)
{
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, fabric_set_eid(self->fd, 1));
	ASSERT_EQ(0, fabric_query(self->fd, &self->fabric));
	ASSERT_EQ(0, bo_create(self->fd, SIZE, SFAB_REGION_HBM, &self->bo));
	ASSERT_EQ(0, usage_get(self->fd, 0, &self->usage));
}

FIXTURE_TEARDOWN(fabric_ioctl)
{
	struct usage usage;

	EXPECT_EQ(0, usage_get(self->fd, 0, &usage));
	EXPECT_TRUE(usage_same(&self->usage, &usage));
	close(self->fd);
}

/* ---- segments ---- */

TEST_F(fabric_ioctl, export_refusals)
{
	const struct {
		const char *what;
		struct sfab_segment_export arg;
		int ret;
	} cases[] = {
		{ "no rights", { .handle = self->bo, .size = 8 }, -EINVAL },
		{ "unknown right", { .handle = self->bo, .rights = 1 | 8, .size = 8 }, -EINVAL },
		{ "unknown right 31", { .handle = self->bo, .rights = 1U << 31, .size = 8 },
		  -EINVAL },
		{ "no size", { .handle = self->bo, .rights = 1 }, -EINVAL },
		{ "odd offset", { .handle = self->bo, .rights = 1, .offset = 4, .size = 8 },
		  -EINVAL },
		{ "one byte too many", { .handle = self->bo, .rights = 1, .size = SIZE + 1 },
		  -EINVAL },
		{ "end beyond", { .handle = self->bo, .rights = 1, .offset = 8, .size = SIZE - 7 },
		  -EINVAL },
		{ "start beyond", { .handle = self->bo, .rights = 1, .offset = SIZE, .size = 1 },
		  -EINVAL },
		{ "overflow", { .handle = self->bo, .rights = 1, .offset = 8,
				.size = UINT64_MAX - 7 }, -EINVAL },
		{ "no BO", { .handle = 100, .rights = 1, .size = 8 }, -ENOENT },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sfab_segment_export arg = cases[i].arg;

		EXPECT_EQ(cases[i].ret, do_ioctl(self->fd, DRM_IOCTL_SFAB_SEGMENT_EXPORT, &arg))
			TH_LOG("%s", cases[i].what);
	}
}

TEST_F(fabric_ioctl, import_refusals)
{
	const struct sfab_segment_import good = { .eid = 2, .rights = RIGHT_RW, .size = SZ_4K };
	const struct {
		const char *what;
		size_t offset;
		size_t width;
		uint64_t value;
	} cases[] = {
#define CASE(field, value) { #field " " #value, offsetof(struct sfab_segment_import, field), \
			     sizeof(good.field), value }
		CASE(eid, 0),
		CASE(eid, self->fabric.num_eids),
		CASE(eid, 0xffffffff),
		CASE(number, 0x10000),
		CASE(rights, 0),
		CASE(rights, SFAB_RIGHT_WRITE),
		CASE(rights, RIGHT_ALL),
		CASE(rights, 0x80000001),
		CASE(offset, 8),
		CASE(offset, 0xfffffffffffff000),
		CASE(size, 0),
		CASE(size, SFAB_IMPORT_MAX + 1),
		CASE(flags, 1),
#undef CASE
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sfab_segment_import arg = good;

		memcpy((uint8_t *)&arg + cases[i].offset, &cases[i].value, cases[i].width);
		EXPECT_EQ(-EINVAL, do_ioctl(self->fd, DRM_IOCTL_SFAB_SEGMENT_IMPORT, &arg))
			TH_LOG("%s", cases[i].what);
	}
}

/* What the largest import, and one of an odd size, become */
TEST_F(fabric_ioctl, import_sizes)
{
	static const uint64_t sizes[] = { 1, SZ_4K, SZ_4K + 1, SFAB_IMPORT_MAX };
	struct sfab_bo_query bo;
	unsigned int i;
	uint32_t vm;

	ASSERT_EQ(0, vm_create(self->fd, 0, &vm));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct sfab_segment segment = { .eid = 2, .size = sizes[i] };
		uint32_t import;

		ASSERT_EQ(0, segment_import(self->fd, &segment, RIGHT_R, &import));
		ASSERT_EQ(0, bo_query(self->fd, import, &bo));
		EXPECT_EQ((sizes[i] + SZ_4K - 1) / SZ_4K * SZ_4K, bo.size);
		EXPECT_EQ(0, vm_map(self->fd, vm, SFAB_IMPORT_MAX, import, 0, bo.size, RIGHT_R));
		EXPECT_EQ(0, bo_close(self->fd, import));
	}
	EXPECT_EQ(0, vm_destroy(self->fd, vm));
}

TEST_F(fabric_ioctl, without_eid)
{
	struct sfab_segment segment = { .eid = 2, .size = SZ_4K };
	uint32_t id;

	ASSERT_EQ(0, fabric_set_eid(self->fd, 0));
	EXPECT_EQ(-EADDRNOTAVAIL, segment_import(self->fd, &segment, RIGHT_R, &id));
	EXPECT_EQ(-EADDRNOTAVAIL, segment_export(self->fd, self->bo, 0, SIZE, RIGHT_R, &id,
						 &segment));
	ASSERT_EQ(0, fabric_set_eid(self->fd, 1));
}

TEST_F(fabric_ioctl, kinds)
{
	void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sfab_segment segment = { .eid = 2, .size = SIZE };
	uint32_t import, registered, id;
	int other, dmabuf;

	/* A segment of others is nobody's to hand on */
	ASSERT_EQ(0, segment_import(self->fd, &segment, RIGHT_RW, &import));
	EXPECT_EQ(-EOPNOTSUPP, segment_export(self->fd, import, 0, SIZE, RIGHT_R, &id, &segment));
	EXPECT_EQ(MAP_FAILED, bo_map(self->fd, import, SIZE));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-EOPNOTSUPP, prime_export(self->fd, import));
	EXPECT_EQ(0, bo_close(self->fd, import));

	/* The device can give no more than it has */
	ASSERT_MAPPED(memory);
	ASSERT_EQ(0, mem_register(self->fd, memory, SIZE, RIGHT_R, &registered));
	EXPECT_EQ(-EACCES, segment_export(self->fd, registered, 0, SIZE, RIGHT_RW, &id, &segment));
	EXPECT_EQ(-EACCES, segment_export(self->fd, registered, 0, SIZE, RIGHT_A, &id, &segment));
	EXPECT_EQ(0, segment_export(self->fd, registered, 0, SIZE, RIGHT_R, &id, &segment));
	EXPECT_EQ(0, segment_revoke(self->fd, id));
	EXPECT_EQ(0, bo_close(self->fd, registered));
	munmap(memory, SIZE);

	/* dma-bufs of others */
	other = accel_open(1);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, bo_create(other, SIZE, SFAB_REGION_SYSTEM, &import));
	dmabuf = prime_export(other, import);
	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, prime_import(self->fd, dmabuf, &import));
	EXPECT_EQ(-EOPNOTSUPP, segment_export(self->fd, import, 0, SIZE, RIGHT_R, &id, &segment));
	EXPECT_EQ(0, bo_close(self->fd, import));
	close(dmabuf);
	close(other);
}

TEST_F(fabric_ioctl, descriptor)
{
	struct sfab_query_device device;
	struct sfab_segment a, b;
	uint32_t id_a, id_b;

	ASSERT_EQ(0, query_device(self->fd, &device));
	ASSERT_EQ(0, segment_export(self->fd, self->bo, 8, SIZE - 9, RIGHT_RW, &id_a, &a));
	ASSERT_EQ(0, segment_export(self->fd, self->bo, 8, SIZE - 9, RIGHT_RW, &id_b, &b));
	EXPECT_EQ(1, a.eid);
	EXPECT_EQ(SIZE - 9, a.size);
	EXPECT_EQ(RIGHT_RW, a.rights);
	EXPECT_EQ(0, memcmp(device.uuid, a.uuid, sizeof(a.uuid)));
	EXPECT_NE(id_a, id_b);
	EXPECT_NE(a.number, b.number);
	EXPECT_NE(a.token, b.token);
	EXPECT_EQ(0, segment_revoke(self->fd, id_a));
	EXPECT_EQ(0, segment_revoke(self->fd, id_b));
}

/* All segments, all imports; then one comes free */
TEST_F(fabric_ioctl, exhausted)
{
	struct sfab_segment segment;
	uint32_t ids[1024], n, id;

	for (n = 0; n < self->fabric.max_segments; n++)
		ASSERT_EQ(0, segment_export(self->fd, self->bo, 0, 8, RIGHT_R, &ids[n], &segment));
	EXPECT_EQ(-ENOSPC, segment_export(self->fd, self->bo, 0, 8, RIGHT_R, &id, &segment));
	ASSERT_EQ(0, fabric_query(self->fd, &self->fabric));
	EXPECT_EQ(self->fabric.max_segments, self->fabric.segments);
	EXPECT_EQ(0, segment_revoke(self->fd, ids[5]));
	EXPECT_EQ(0, segment_export(self->fd, self->bo, 0, 8, RIGHT_R, &ids[5], &segment));
	for (n = 0; n < self->fabric.max_segments; n++)
		EXPECT_EQ(0, segment_revoke(self->fd, ids[n]));

	for (n = 0; n < self->fabric.max_imports; n++)
		ASSERT_EQ(0, segment_import(self->fd, &segment, RIGHT_R, &ids[n]));
	EXPECT_EQ(-ENOSPC, segment_import(self->fd, &segment, RIGHT_R, &id));
	for (n = 0; n < self->fabric.max_imports; n++)
		EXPECT_EQ(0, bo_close(self->fd, ids[n]));
}

/* NOTIFY is a flag of COPY alone */
TEST_F(fabric_ioctl, notify_flag)
{
	struct sfab_command cmd;
	uint32_t vm, queue, opcode;
	uint64_t seqno;

	ASSERT_EQ(0, vm_create(self->fd, SFAB_VM_LONG_RUNNING, &vm));
	ASSERT_EQ(0, queue_create(self->fd, vm, &queue));
	for (opcode = 0; opcode <= SFAB_OP_TIMESTAMP; opcode++) {
		cmd = (struct sfab_command){ .opcode = opcode, .flags = SFAB_COMMAND_NOTIFY };
		if (opcode != SFAB_OP_COPY)
			EXPECT_EQ(-EINVAL, queue_submit(self->fd, queue, &cmd, 1, NULL, 0, &seqno));
	}
	cmd = (struct sfab_command){ .opcode = SFAB_OP_COPY, .flags = SFAB_COMMAND_NOTIFY | 1 };
	EXPECT_EQ(-EINVAL, queue_submit(self->fd, queue, &cmd, 1, NULL, 0, &seqno));
	EXPECT_EQ(0, queue_destroy(self->fd, queue));
	EXPECT_EQ(0, vm_destroy(self->fd, vm));
}

/* ---- configuration ---- */

TEST_F(fabric_ioctl, config)
{
	struct sfab_fabric_config arg = {
		.set = 0xf,
		.eid = 7,
		.op_timeout_ms = 1500,
		.retry_timeout_ms = 20,
		.hoq_timeout_ms = 30,
	};
	struct sfab_query_fabric now;
	struct sfab_query_limits limits;
	struct accel list[MAX_ACCELS];
	char line[32];

	ASSERT_EQ(0, do_ioctl(self->fd, DRM_IOCTL_SFAB_FABRIC_CONFIG, &arg));
	ASSERT_EQ(0, fabric_query(self->fd, &now));
	EXPECT_EQ(7, now.eid);
	EXPECT_EQ(1500, now.op_timeout_ms);
	EXPECT_EQ(20, now.retry_timeout_ms);
	EXPECT_EQ(30, now.hoq_timeout_ms);
	EXPECT_NE(0, now.incarnation);
	EXPECT_EQ(0, now.pad);
	ASSERT_LT(0, accel_list(list));
	ASSERT_EQ(0, read_line(line, sizeof(line), "/sys/bus/pci/devices/%s/fabric/eid",
			       list[0].pci));
	EXPECT_STREQ("7", line);

	/* An operation fails before its job does */
	ASSERT_EQ(0, fabric_set_op_timeout(self->fd, 60000));
	ASSERT_EQ(0, query_limits(self->fd, &limits));
	EXPECT_LT(60000, limits.job_timeout_ms);

	arg.eid = 1;
	arg.op_timeout_ms = self->fabric.op_timeout_ms;
	arg.retry_timeout_ms = self->fabric.retry_timeout_ms;
	arg.hoq_timeout_ms = self->fabric.hoq_timeout_ms;
	ASSERT_EQ(0, do_ioctl(self->fd, DRM_IOCTL_SFAB_FABRIC_CONFIG, &arg));
}

TEST_F(fabric_ioctl, config_refusals)
{
	const struct sfab_fabric_config cases[] = {
		{ .set = 0 },
		{ .set = SFAB_FABRIC_SET_EID, .eid = self->fabric.num_eids },
		{ .set = SFAB_FABRIC_SET_EID, .eid = 3, .op_timeout_ms = 100 },
		{ .set = SFAB_FABRIC_SET_EID, .eid = 3, .retry_timeout_ms = 100 },
		{ .set = SFAB_FABRIC_SET_EID, .eid = 3, .hoq_timeout_ms = 100 },
		{ .set = SFAB_FABRIC_SET_EID, .eid = 3, .key = 1 },
		{ .set = SFAB_FABRIC_SET_OP_TIMEOUT, .op_timeout_ms = 9 },
		{ .set = SFAB_FABRIC_SET_OP_TIMEOUT, .op_timeout_ms = 60001 },
		{ .set = SFAB_FABRIC_SET_OP_TIMEOUT, .op_timeout_ms = 100, .eid = 3 },
		{ .set = SFAB_FABRIC_SET_RETRY_TIMEOUT, .retry_timeout_ms = 0 },
		{ .set = SFAB_FABRIC_SET_RETRY_TIMEOUT, .retry_timeout_ms = 10001 },
		{ .set = SFAB_FABRIC_SET_HOQ_TIMEOUT, .hoq_timeout_ms = 0 },
		{ .set = SFAB_FABRIC_SET_HOQ_TIMEOUT, .hoq_timeout_ms = 10001 },
	};
	struct sfab_query_fabric now;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sfab_fabric_config arg = cases[i];

		EXPECT_EQ(-EINVAL, do_ioctl(self->fd, DRM_IOCTL_SFAB_FABRIC_CONFIG, &arg))
			TH_LOG("case %u", i);
	}
	ASSERT_EQ(0, fabric_query(self->fd, &now));
	EXPECT_EQ(0, memcmp(&now, &self->fabric, sizeof(now)));
}

TEST_F(fabric_ioctl, port_refusals)
{
	const struct sfab_port_config cases[] = {
		{ .set = 0 },
		{ .port = self->fabric.num_ports, .set = SFAB_PORT_RETRAIN },
		{ .port = 0xffffffff, .set = SFAB_PORT_RETRAIN },
		{ .set = SFAB_PORT_SET_ENABLE, .config = SFAB_PORT_ENABLE | SFAB_PORT_LOOPBACK },
		{ .set = SFAB_PORT_SET_LOOPBACK, .config = SFAB_PORT_ENABLE },
		{ .set = SFAB_PORT_SET_ENABLE, .config = SFAB_PORT_ENABLE | 4 },
		{ .set = SFAB_PORT_RETRAIN, .path = 1 },
		{ .set = SFAB_PORT_SET_PATH, .path = 4 },
		{ .set = SFAB_PORT_SET_PATH, .path = 16 },
		{ .set = SFAB_PORT_SET_PATH, .path = 0x100 },
	};
	struct sfab_query_port before, now;
	unsigned int i;

	ASSERT_EQ(0, port_query(self->fd, 0, &before));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sfab_port_config arg = cases[i];

		EXPECT_EQ(-EINVAL, do_ioctl(self->fd, DRM_IOCTL_SFAB_PORT_CONFIG, &arg))
			TH_LOG("case %u", i);
	}
	ASSERT_EQ(0, port_query(self->fd, 0, &now));
	EXPECT_EQ(before.config, now.config);
	EXPECT_EQ(before.path, now.path);
	EXPECT_EQ(-EINVAL, port_config(self->fd, 0, SFAB_PORT_SET_PATH, 0, now.paths));
}

/* Waits for a port to come to a state, by its events */
static int port_wait(int fd, uint32_t port, uint32_t state)
{
	union any_event event;
	int ret;

	do {
		ret = event_of_type(fd, SFAB_EVENT_PORT, &event, WAIT_MS);
	} while (!ret && (event.fabric.port != port || event.fabric.state != state));
	return ret;
}

TEST_F(fabric_ioctl, port_events)
{
	struct sfab_query_port port;
	struct accel list[MAX_ACCELS];
	union any_event event;
	int deaf = accel_open(0);
	char line[32];

	ASSERT_LE(0, deaf);
	ASSERT_LT(0, accel_list(list));
	ASSERT_EQ(0, events_ask(self->fd, SFAB_EVENTS_PORT));
	ASSERT_EQ(0, port_config(self->fd, 0, SFAB_PORT_SET_LOOPBACK | SFAB_PORT_SET_ENABLE,
				 SFAB_PORT_ENABLE | SFAB_PORT_LOOPBACK, 0));
	ASSERT_EQ(0, port_wait(self->fd, 0, SFAB_PORT_UP));
	ASSERT_EQ(0, port_query(self->fd, 0, &port));
	EXPECT_EQ(SFAB_PORT_UP, port.state);
	EXPECT_EQ(SFAB_REASON_NONE, port.reason);
	EXPECT_EQ(SFAB_PORT_ENABLE | SFAB_PORT_LOOPBACK, port.config);
	EXPECT_EQ(SFAB_PEER_ACCEL, port.peer_kind);
	EXPECT_EQ(0, port.peer_port);
	EXPECT_LT(0, port.lanes);
	EXPECT_EQ(port.lanes, port.lanes_in_use);
	EXPECT_LT(0, port.lane_rate);
	EXPECT_LE(1, port.paths);
	ASSERT_EQ(0, read_line(line, sizeof(line), "/sys/bus/pci/devices/%s/fabric/port0",
			       list[0].pci));
	EXPECT_STREQ("up", line);

	ASSERT_EQ(0, port_config(self->fd, 0, SFAB_PORT_SET_ENABLE, 0, 0));
	ASSERT_EQ(0, port_wait(self->fd, 0, SFAB_PORT_DOWN));
	ASSERT_EQ(0, port_query(self->fd, 0, &port));
	EXPECT_EQ(SFAB_REASON_DISABLED, port.reason);
	EXPECT_EQ(0, port.peer_kind);
	ASSERT_EQ(0, read_line(line, sizeof(line), "/sys/bus/pci/devices/%s/fabric/port0",
			       list[0].pci));
	EXPECT_STREQ("down", line);

	/* Who has not asked, or asks no more, gets none */
	EXPECT_EQ(-ETIME, event_of_type(deaf, SFAB_EVENT_PORT, &event, 0));
	ASSERT_EQ(0, events_ask(self->fd, 0));
	ASSERT_EQ(0, port_config(self->fd, 0, SFAB_PORT_SET_LOOPBACK | SFAB_PORT_SET_ENABLE,
				 SFAB_PORT_ENABLE, 0));
	EXPECT_EQ(-ETIME, event_of_type(self->fd, SFAB_EVENT_PORT, &event, 300));
	close(deaf);
}

TEST_F(fabric_ioctl, routes)
{
	struct sfab_route routes[3] = {
		{ .eid = 100, .candidates = { { .port = 1, .vc = SFAB_ROUTE_VC_1, .hops = 3 },
					      { .port = 0, .vc = SFAB_ROUTE_VC_0, .hops = 255 },
					      { .port = 3, .hops = 1 },
					      { .port = 2, .hops = 64 } } },
		{ .eid = 101 },
		{ .eid = self->fabric.num_eids - 1, .candidates = { { .port = 1, .hops = 1 } } },
	};
	struct sfab_route_set arg = {
		.routes = (uintptr_t)routes,
		.route_count = 3,
		.route_stride = sizeof(*routes),
	};
	struct sfab_route got, none = { };
	unsigned int i;

	ASSERT_EQ(0, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_SET, &arg));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, route_get(self->fd, routes[i].eid, &got));
		EXPECT_EQ(0, memcmp(&routes[i], &got, sizeof(got)));
	}
	for (i = 0; i < 3; i++)
		memset(routes[i].candidates, 0, sizeof(routes[i].candidates));
	ASSERT_EQ(0, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_SET, &arg));
	ASSERT_EQ(0, route_get(self->fd, 100, &got));
	none.eid = 100;
	EXPECT_EQ(0, memcmp(&none, &got, sizeof(got)));
}

TEST_F(fabric_ioctl, route_refusals)
{
	const struct sfab_route cases[] = {
		{ .eid = 0 },
		{ .eid = self->fabric.num_eids },
		{ .eid = 5, .flags = 1 },
		{ .eid = 5, .candidates = { { .port = self->fabric.num_ports, .hops = 1 } } },
		{ .eid = 5, .candidates = { { .vc = 3, .hops = 1 } } },
		{ .eid = 5, .candidates = { { .port = 1 } } },
		{ .eid = 5, .candidates = { { .vc = 1 } } },
		{ .eid = 5, .candidates = { { .hops = 1, .pad = 1 } } },
		{ .eid = 5, .candidates = { { .hops = 1 }, { .pad = 1 } } },
	};
	/* All or nothing: the first one is good */
	struct sfab_route routes[2] = { { .eid = 4, .candidates = { { .hops = 1 } } } }, got;
	struct sfab_route_set arg = {
		.routes = (uintptr_t)routes,
		.route_count = 2,
		.route_stride = sizeof(*routes),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		routes[1] = cases[i];
		EXPECT_EQ(-EINVAL, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_SET, &arg))
			TH_LOG("case %u", i);
	}
	ASSERT_EQ(0, route_get(self->fd, 4, &got));
	EXPECT_EQ(0, got.candidates[0].hops);

	arg.route_count = 0;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_SET, &arg));
	arg.route_count = self->fabric.num_eids + 1;
	EXPECT_EQ(-E2BIG, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_SET, &arg));
	arg.route_count = 1;
	arg.routes = (uintptr_t)unmapped_address();
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_SET, &arg));
	arg.route_stride = sizeof(*routes) - 1;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_SET, &arg));
}

TEST_F(fabric_ioctl, route_get_refusals)
{
	struct sfab_route routes[2];
	const struct sfab_route_get good = {
		.routes = (uintptr_t)routes,
		.route_count = 2,
		.route_stride = sizeof(*routes),
		.eid = 1,
	};
	struct sfab_route_get arg = good;

	EXPECT_EQ(0, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_GET, &arg));
	arg.eid = 0;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_GET, &arg));
	arg.eid = self->fabric.num_eids - 1;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_GET, &arg));
	arg.eid = 0xffffffff;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_GET, &arg));
	arg = good;
	arg.route_count = 0;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_GET, &arg));
	arg.route_count = 0xffffffff;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_GET, &arg));
	arg = good;
	arg.route_stride = sizeof(*routes) - 1;
	EXPECT_EQ(-EINVAL, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_GET, &arg));
	arg.route_stride = SZ_4K + 1;
	EXPECT_EQ(-E2BIG, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_GET, &arg));
	arg = good;
	arg.routes = (uintptr_t)unmapped_address();
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, DRM_IOCTL_SFAB_ROUTE_GET, &arg));
}

/* ---- datagrams ---- */

TEST_F(fabric_ioctl, mgmt_itself)
{
	struct sfab_datagram datagram = datagram_get_node();
	struct sfab_query_device device;
	uint16_t eid;

	ASSERT_EQ(0, query_device(self->fd, &device));
	ASSERT_EQ(0, mgmt(self->fd, &datagram, WAIT_MS));
	EXPECT_EQ(SFAB_MGMT_GET | SFAB_MGMT_RESPONSE, datagram.method);
	EXPECT_EQ(SFAB_MGMT_OK, datagram.status);
	EXPECT_EQ(0x1122334455667788ULL, datagram.transaction);
	EXPECT_EQ(SFAB_PEER_ACCEL, datagram.data[0]);
	EXPECT_EQ(self->fabric.num_ports, datagram.data[1]);
	memcpy(&eid, datagram.data + 2, sizeof(eid));
	EXPECT_EQ(1, eid);
	EXPECT_EQ(0, memcmp(device.uuid, datagram.data + 16, sizeof(device.uuid)));

	datagram = datagram_get_node();
	datagram.attribute = 0x7777;
	ASSERT_EQ(0, mgmt(self->fd, &datagram, WAIT_MS));
	EXPECT_EQ(SFAB_MGMT_BAD_ATTRIBUTE, datagram.status);
}

TEST_F(fabric_ioctl, mgmt_refusals)
{
	struct sfab_datagram good = datagram_get_node(), datagram;
	unsigned int i;

#define BAD(change) do {							\
		datagram = good;						\
		datagram.change;						\
		EXPECT_EQ(-EINVAL, mgmt(self->fd, &datagram, WAIT_MS))		\
			TH_LOG(#change);					\
	} while (0)

	BAD(version = 0);
	BAD(version = 2);
	BAD(method = 0);
	BAD(method = SFAB_MGMT_TRAP);
	BAD(method = SFAB_MGMT_GET | SFAB_MGMT_RESPONSE);
	BAD(status = 1);
	BAD(mode = 2);
	BAD(hop_count = 33);
	BAD(hop_pointer = 1);
	BAD(src_eid = 1);
	BAD(dst_eid = 1);
	BAD(return_path[31] = 1);
	BAD(reserved3[27] = 1);
	good.mode = SFAB_MGMT_BY_EID;
	BAD(dst_eid = 0);
	BAD(dst_eid = self->fabric.num_eids);
	good.dst_eid = 1;
	BAD(hop_count = 1);
#undef BAD
	for (i = 0; i < 2; i++) {
		datagram = datagram_get_node();
		EXPECT_EQ(-EINVAL, mgmt(self->fd, &datagram, i ? 60001 : 0));
	}
}

/* The way ends where no port is, or where no route leads on */
TEST_F(fabric_ioctl, mgmt_unreachable)
{
	struct sfab_datagram datagram = datagram_get_neighbour(self->fabric.num_ports);

	ASSERT_EQ(0, mgmt(self->fd, &datagram, WAIT_MS));
	EXPECT_EQ(SFAB_MGMT_UNREACHABLE, datagram.status);

	datagram = datagram_get_node();
	datagram.mode = SFAB_MGMT_BY_EID;
	datagram.dst_eid = 200;
	ASSERT_EQ(0, mgmt(self->fd, &datagram, WAIT_MS));
	EXPECT_EQ(SFAB_MGMT_UNREACHABLE, datagram.status);
}

/* ---- privileges ---- */

static int as_nobody(int fd)
{
	struct sfab_datagram datagram = datagram_get_node();
	struct sfab_query_port port;
	struct sfab_segment segment;
	struct sfab_route route;
	uint32_t bo, id, ports[1] = { 0 };

	if (setgid(65534) || setuid(65534))
		return 1;
	if (fabric_set_eid(fd, 3) != -EPERM || fabric_set_op_timeout(fd, 100) != -EPERM)
		return 2;
	if (port_config(fd, 0, SFAB_PORT_RETRAIN, 0, 0) != -EPERM)
		return 3;
	if (route_by(fd, 5, ports, 1) != -EPERM)
		return 4;
	if (mgmt(fd, &datagram, WAIT_MS) != -EPERM)
		return 5;
	if (events_ask(fd, SFAB_EVENTS_TRAP) != -EPERM)
		return 6;
	/* What is wrong in itself is told first */
	if (fabric_set_op_timeout(fd, 1) != -EINVAL)
		return 7;
	if (events_ask(fd, SFAB_EVENTS_PORT) || route_get(fd, 5, &route) ||
	    port_query(fd, 0, &port))
		return 8;
	if (bo_create(fd, SZ_4K, SFAB_REGION_HBM, &bo) ||
	    segment_export(fd, bo, 0, 8, RIGHT_R, &id, &segment) ||
	    segment_import(fd, &segment, RIGHT_R, &bo))
		return 9;
	return 0;
}

TEST_F(fabric_ioctl, privileges)
{
	struct sfab_query_fabric now;
	int status, fd = accel_open(0);
	pid_t child = fork();

	ASSERT_LE(0, child);
	if (!child)
		_exit(as_nobody(fd));
	close(fd);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status) TH_LOG("step %d", WEXITSTATUS(status));
	ASSERT_EQ(0, fabric_query(self->fd, &now));
	EXPECT_EQ(1, now.eid);
	EXPECT_EQ(0, usage_wait(self->fd, 0, &self->usage, WAIT_MS));
}

/* ---- a device without ports ---- */

TEST(without_ports)
{
	struct sfab_datagram datagram = datagram_get_node();
	struct sfab_segment segment = { .eid = 2, .size = SZ_4K };
	unsigned int i, count = accel_count();
	uint32_t bo, ports[1] = { 0 };
	struct sfab_query_fabric fabric;
	struct sfab_query_port port;
	struct accel list[MAX_ACCELS];
	struct sfab_route route;
	char line[32];
	int fd = -1;

	/* The test's machine has one */
	for (i = 0; i < count && fd < 0; i++) {
		fd = accel_open(i);
		if (fd >= 0 && has_fabric(fd)) {
			close(fd);
			fd = -1;
		}
	}
	ASSERT_LE(0, fd);
	ASSERT_LT(0, accel_list(list));
	EXPECT_NE(0, read_line(line, sizeof(line), "/sys/bus/pci/devices/%s/fabric/eid",
			       list[i - 1].pci));
	EXPECT_EQ(-EOPNOTSUPP, fabric_query(fd, &fabric));
	EXPECT_EQ(-EOPNOTSUPP, port_query(fd, 0, &port));
	EXPECT_EQ(-EOPNOTSUPP, fabric_set_eid(fd, 1));
	EXPECT_EQ(-EOPNOTSUPP, port_config(fd, 0, SFAB_PORT_RETRAIN, 0, 0));
	EXPECT_EQ(-EOPNOTSUPP, route_by(fd, 5, ports, 1));
	EXPECT_EQ(-EOPNOTSUPP, route_get(fd, 5, &route));
	EXPECT_EQ(-EOPNOTSUPP, mgmt(fd, &datagram, WAIT_MS));
	EXPECT_EQ(-EOPNOTSUPP, events_ask(fd, 0));
	ASSERT_EQ(0, bo_create(fd, SZ_4K, SFAB_REGION_HBM, &bo));
	EXPECT_EQ(-EOPNOTSUPP, segment_export(fd, bo, 0, 8, RIGHT_R, &i, &segment));
	EXPECT_EQ(-EOPNOTSUPP, segment_import(fd, &segment, RIGHT_R, &i));
	EXPECT_EQ(-EOPNOTSUPP, segment_rotate(fd, 1, NULL));
	EXPECT_EQ(-EOPNOTSUPP, segment_revoke(fd, 1));
	close(fd);
}

TEST_HARNESS_MAIN
