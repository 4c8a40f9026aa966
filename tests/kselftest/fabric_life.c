// SPDX-License-Identifier: MIT
/*
 * What comes to an end while the fabric is in use: segments, files, processes, links and
 * devices.  Who still accesses them gets an error in bounded time and can go on; and
 * memory is not let go before the last access to it.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <signal.h>
#include <sys/wait.h>

#include "fabric_util.h"

#define LOCAL		0x40000000ULL
#define REMOTE		0x80000000ULL
#define SIZE		(4 * SZ_2M)
#define OP_TIMEOUT_MS	1000
/* How late an error may be that is due after OP_TIMEOUT_MS; the machine may be busy */
#define SLACK_MS	8000

FIXTURE(fabric_life)
{
	int fd[2];
	uint32_t vm[2];
	uint32_t queue;			/* of accelerator 0 */
	struct buffer local, target;
	uint32_t id;
	struct sfab_segment segment;
	uint32_t import;
	uint32_t old_op_timeout;
};

/* Exports the target and maps it at REMOTE */
static int share(FIXTURE_DATA(fabric_life) *self)
{
	int ret = segment_export(self->fd[1], self->target.handle, 0, SIZE, RIGHT_ALL, &self->id,
				 &self->segment);

	ret = ret ?: segment_import(self->fd[0], &self->segment, RIGHT_RW, &self->import);
	return ret ?: vm_map(self->fd[0], self->vm[0], REMOTE, self->import, 0, SIZE, RIGHT_RW);
}

FIXTURE_SETUP(fabric_life)
{
	struct sfab_query_fabric fabric;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		self->fd[i] = accel_open(i);
		ASSERT_LE(0, self->fd[i]);
		ASSERT_EQ(0, vm_create(self->fd[i], 0, &self->vm[i]));
	}
	ASSERT_EQ(0, fabric_join(self->fd));
	ASSERT_EQ(0, fabric_query(self->fd[0], &fabric));
	self->old_op_timeout = fabric.op_timeout_ms;
	ASSERT_EQ(0, fabric_set_op_timeout(self->fd[0], OP_TIMEOUT_MS));
	ASSERT_EQ(0, queue_create(self->fd[0], self->vm[0], &self->queue));
	ASSERT_EQ(0, buffer_create(self->fd[0], self->vm[0], SFAB_REGION_SYSTEM, SIZE, LOCAL,
				   RIGHT_RW, &self->local));
	ASSERT_EQ(0, buffer_create(self->fd[1], self->vm[1], SFAB_REGION_REGISTERED, SIZE, LOCAL,
				   RIGHT_RW, &self->target));
	ASSERT_EQ(0, share(self));
}

FIXTURE_TEARDOWN(fabric_life)
{
	EXPECT_EQ(0, ports_enable(self->fd[0], true));
	EXPECT_EQ(0, fabric_set_op_timeout(self->fd[0], self->old_op_timeout));
	munmap(self->target.cpu, SIZE);
	munmap(self->local.cpu, SIZE);
	close(self->fd[0]);
	close(self->fd[1]);
}

static int run(FIXTURE_DATA(fabric_life) *self, struct sfab_command cmd)
{
	return queue_run(self->fd[0], self->queue, &cmd, 1);
}

/* Another queue, as the last one has halted */
static int new_queue(FIXTURE_DATA(fabric_life) *self)
{
	return queue_destroy(self->fd[0], self->queue) ?:
	       queue_create(self->fd[0], self->vm[0], &self->queue);
}

/* As many writes of all of the target as a submission holds: they take long */
static int write_for_long(FIXTURE_DATA(fabric_life) *self, uint64_t *seqno)
{
	struct sfab_command cmds[256];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		cmds[i] = cmd_copy(REMOTE, LOCAL, SIZE);
	return queue_submit(self->fd[0], self->queue, cmds, ARRAY_SIZE(cmds), NULL, 0, seqno);
}

static bool changed(const uint8_t *memory, uint8_t byte, unsigned int timeout_ms)
{
	int64_t end = deadline(timeout_ms);

	while (*(volatile const uint8_t *)memory == byte) {
		if (now_ns() > end)
			return false;
		sleep_ms(1);
	}
	return true;
}

/* The submission fails with the status, and the context works afterwards */
static void expect_failure(struct __test_metadata *_metadata, FIXTURE_DATA(fabric_life) *self,
			   uint64_t seqno, uint32_t status)
{
	struct sfab_queue_query state;

	ASSERT_EQ(-EIO, queue_wait(self->fd[0], self->queue, seqno, OP_TIMEOUT_MS + SLACK_MS));
	ASSERT_EQ(0, queue_query(self->fd[0], self->queue, &state));
	EXPECT_EQ(SFAB_QUEUE_FAULTED, state.state);
	EXPECT_EQ(SFAB_FAULT_FABRIC, state.fault.cause);
	EXPECT_EQ(status, state.fabric_status);
	EXPECT_EQ(EID(1), state.fabric_eid);
	ASSERT_EQ(0, new_queue(self));
	EXPECT_EQ(0, run(self, cmd_copy(LOCAL + SZ_2M, LOCAL, SZ_64K)));
}

/* On return of REVOKE nobody writes any more: what the CPU stores then stays */
TEST_F(fabric_life, revoke_while_written)
{
	unsigned int round;
	uint64_t seqno;

	for (round = 0; round < 4; round++) {
		memset(self->local.cpu, 0xaa, SIZE);
		memset(self->target.cpu, 0x55, SIZE);
		ASSERT_EQ(0, write_for_long(self, &seqno));
		ASSERT_TRUE(changed(self->target.cpu, 0x55, WAIT_MS));
		ASSERT_EQ(0, segment_revoke(self->fd[1], self->id));
		pattern_fill(self->target.cpu, SIZE, round);
		expect_failure(_metadata, self, seqno, SFAB_FABRIC_REVOKED);
		EXPECT_TRUE(pattern_check(self->target.cpu, SIZE, round));
		ASSERT_EQ(0, vm_unmap(self->fd[0], self->vm[0], REMOTE, SIZE));
		ASSERT_EQ(0, bo_close(self->fd[0], self->import));
		ASSERT_EQ(0, share(self));
	}
}

/* The segment holds its memory: closed and unmapped it stays, and stays pinned, until the end */
TEST_F(fabric_life, memory_held)
{
	uint64_t used = region_used(self->fd[1], SFAB_REGION_REGISTERED);

	ASSERT_EQ(0, vm_unmap(self->fd[1], self->vm[1], LOCAL, SIZE));
	ASSERT_EQ(0, bo_close(self->fd[1], self->target.handle));
	EXPECT_EQ(used, region_used(self->fd[1], SFAB_REGION_REGISTERED));
	memset(self->local.cpu, 0x77, SIZE);
	EXPECT_EQ(0, run(self, cmd_copy(REMOTE, LOCAL, SIZE)));
	EXPECT_TRUE(all_bytes(self->target.cpu, SIZE, 0x77));
	ASSERT_EQ(0, segment_revoke(self->fd[1], self->id));
	EXPECT_EQ(used - SIZE, region_used(self->fd[1], SFAB_REGION_REGISTERED));
}

/* A BO that is closed while it is mapped still leads to the segment; its entry goes with it */
TEST_F(fabric_life, import_held)
{
	struct sfab_query_fabric fabric;

	ASSERT_EQ(0, bo_close(self->fd[0], self->import));
	EXPECT_EQ(0, run(self, cmd_copy(REMOTE, LOCAL, SIZE)));
	ASSERT_EQ(0, fabric_query(self->fd[0], &fabric));
	EXPECT_EQ(1, fabric.imports);
	ASSERT_EQ(0, vm_unmap(self->fd[0], self->vm[0], REMOTE, SIZE));
	ASSERT_EQ(0, fabric_query(self->fd[0], &fabric));
	EXPECT_EQ(0, fabric.imports);
}

/* An import that is unmapped while commands use it: they fault, whatever they waited for */
TEST_F(fabric_life, unmap_while_used)
{
	struct sfab_queue_query state;
	uint64_t seqno;

	memset(self->local.cpu, 0xaa, SIZE);
	memset(self->target.cpu, 0x55, SIZE);
	ASSERT_EQ(0, write_for_long(self, &seqno));
	ASSERT_TRUE(changed(self->target.cpu, 0x55, WAIT_MS));
	ASSERT_EQ(0, vm_unmap(self->fd[0], self->vm[0], REMOTE, SIZE));
	ASSERT_EQ(-EIO, queue_wait(self->fd[0], self->queue, seqno, WAIT_MS));
	ASSERT_EQ(0, queue_query(self->fd[0], self->queue, &state));
	EXPECT_EQ(SFAB_FAULT_UNMAPPED, state.fault.cause);
	EXPECT_EQ(0, state.fabric_status);
}

/* The exporter closes its file, or dies, in the middle of it */
static void exporter(int to_parent)
{
	struct sfab_segment segment;
	uint32_t vm, id;
	struct buffer target;
	int fd = accel_open(1);

	if (fd < 0 || vm_create(fd, 0, &vm) ||
	    buffer_create(fd, vm, SFAB_REGION_REGISTERED, SIZE, LOCAL, RIGHT_RW, &target) ||
	    segment_export(fd, target.handle, 0, SIZE, RIGHT_ALL, &id, &segment) ||
	    write(to_parent, &segment, sizeof(segment)) != sizeof(segment))
		_exit(1);
	for (;;)
		pause();
}

TEST_F(fabric_life, killed_exporter)
{
	struct sfab_segment segment;
	union any_event event;
	struct usage usage;
	uint32_t import;
	uint64_t seqno;
	int pipe_fd[2];
	pid_t child;

	ASSERT_EQ(0, usage_get(self->fd[1], 1, &usage));
	ASSERT_EQ(0, pipe(pipe_fd));
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		exporter(pipe_fd[1]);
	ASSERT_EQ(sizeof(segment), read(pipe_fd[0], &segment, sizeof(segment)));
	ASSERT_EQ(0, segment_import(self->fd[0], &segment, RIGHT_RW, &import));
	ASSERT_EQ(0, vm_map(self->fd[0], self->vm[0], REMOTE, import, 0, SIZE, RIGHT_RW));
	ASSERT_EQ(0, run(self, cmd_copy(REMOTE, LOCAL, SIZE)));

	ASSERT_EQ(0, write_for_long(self, &seqno));
	sleep_ms(20);
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	expect_failure(_metadata, self, seqno, SFAB_FABRIC_REVOKED);
	ASSERT_EQ(0, event_of_type(self->fd[0], SFAB_EVENT_REVOKED, &event, WAIT_MS));
	EXPECT_EQ(segment.number, event.fabric.segment);
	/* All that it had is free, pins included */
	EXPECT_EQ(0, usage_wait(self->fd[1], 1, &usage, WAIT_MS));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

static void importer(const struct sfab_segment *segment, int to_parent)
{
	struct sfab_command cmd = cmd_copy(REMOTE, LOCAL, SIZE);
	uint32_t vm, queue, import;
	struct buffer local;
	int fd = accel_open(0);

	if (fd < 0 || vm_create(fd, 0, &vm) || queue_create(fd, vm, &queue) ||
	    buffer_create(fd, vm, SFAB_REGION_HBM, SIZE, LOCAL, RIGHT_RW, &local) ||
	    segment_import(fd, segment, RIGHT_RW, &import) ||
	    vm_map(fd, vm, REMOTE, import, 0, SIZE, RIGHT_RW) ||
	    queue_run(fd, queue, &cmd, 1) || write(to_parent, "", 1) != 1)
		_exit(1);
	while (!queue_run(fd, queue, &cmd, 1))
		;
	_exit(2);
}

TEST_F(fabric_life, killed_importer)
{
	struct usage usage;
	int pipe_fd[2];
	pid_t child;
	char c;

	ASSERT_EQ(0, usage_get(self->fd[0], 0, &usage));
	ASSERT_EQ(0, pipe(pipe_fd));
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		importer(&self->segment, pipe_fd[1]);
	ASSERT_EQ(1, read(pipe_fd[0], &c, 1));
	sleep_ms(20);
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	EXPECT_EQ(0, usage_wait(self->fd[0], 0, &usage, WAIT_MS));
	/* The exporter notices nothing */
	pattern_fill(self->local.cpu, SIZE, 5);
	EXPECT_EQ(0, run(self, cmd_copy(REMOTE, LOCAL, SIZE)));
	EXPECT_TRUE(pattern_check(self->target.cpu, SIZE, 5));
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

/* ---- links ---- */

TEST_F(fabric_life, all_ports_down)
{
	struct sfab_command cmd = cmd_copy(REMOTE, LOCAL, SZ_64K);
	union any_event event;
	uint64_t seqno;
	int64_t begin;

	ASSERT_EQ(0, ports_enable(self->fd[0], false));
	begin = now_ns();
	ASSERT_EQ(0, queue_submit(self->fd[0], self->queue, &cmd, 1, NULL, 0, &seqno));
	expect_failure(_metadata, self, seqno, SFAB_FABRIC_NO_ROUTE);
	EXPECT_LE(OP_TIMEOUT_MS * 900000LL, now_ns() - begin);
	ASSERT_EQ(0, event_of_type(self->fd[0], SFAB_EVENT_PEER_LOST, &event, WAIT_MS));
	EXPECT_EQ(SFAB_FABRIC_NO_ROUTE, event.fabric.status);
	EXPECT_EQ(EID(1), event.fabric.eid);

	ASSERT_EQ(0, fabric_join(self->fd));
	EXPECT_EQ(0, run(self, cmd));
}

/* Nobody answers: the link is there, the target has another EID */
TEST_F(fabric_life, no_answer)
{
	struct sfab_command cmd = cmd_copy(REMOTE, LOCAL, SZ_64K);
	struct sfab_route none = { .eid = EID(0) };
	struct sfab_route_set arg = {
		.routes = (uintptr_t)&none,
		.route_count = 1,
		.route_stride = sizeof(none),
	};
	struct sfab_datagram datagram = datagram_get_node();
	union any_event event;
	uint64_t seqno;
	int64_t begin;

	/* Requests arrive, answers find no way back */
	ASSERT_EQ(0, do_ioctl(self->fd[1], DRM_IOCTL_SFAB_ROUTE_SET, &arg));
	ASSERT_EQ(0, queue_submit(self->fd[0], self->queue, &cmd, 1, NULL, 0, &seqno));
	expect_failure(_metadata, self, seqno, SFAB_FABRIC_TIMEOUT);
	ASSERT_EQ(0, event_of_type(self->fd[0], SFAB_EVENT_PEER_LOST, &event, WAIT_MS));
	EXPECT_EQ(SFAB_FABRIC_TIMEOUT, event.fabric.status);

	datagram.mode = SFAB_MGMT_BY_EID;
	datagram.dst_eid = EID(1);
	begin = now_ns();
	EXPECT_EQ(-ETIME, mgmt(self->fd[0], &datagram, 100));
	EXPECT_LE(100 * 1000000LL, now_ns() - begin);
	/* Later ones have their answers all the same */
	datagram = datagram_get_node();
	EXPECT_EQ(0, mgmt(self->fd[0], &datagram, WAIT_MS));

	ASSERT_EQ(0, fabric_join(self->fd));
	EXPECT_EQ(0, run(self, cmd));
}

/* The best way goes in the middle of a transfer and comes back: nobody notices */
TEST_F(fabric_life, failover)
{
	struct sfab_route route;
	struct sfab_query_port port;
	struct sfab_command cmds[16];
	unsigned int i, round, best;
	uint64_t seqno, failovers = 0;

	ASSERT_EQ(0, route_get(self->fd[0], EID(1), &route));
	ASSERT_LT(0, route.candidates[1].hops);
	best = route.candidates[0].port;
	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		cmds[i] = cmd_copy(REMOTE, LOCAL, SIZE);
	for (round = 0; round < 4; round++) {
		pattern_fill(self->local.cpu, SIZE, round);
		ASSERT_EQ(0, queue_submit(self->fd[0], self->queue, cmds, ARRAY_SIZE(cmds), NULL,
					  0, &seqno));
		sleep_ms(3);
		ASSERT_EQ(0, port_config(self->fd[0], best, SFAB_PORT_SET_ENABLE, 0, 0));
		ASSERT_EQ(0, queue_wait(self->fd[0], self->queue, seqno, WAIT_MS));
		EXPECT_TRUE(pattern_check(self->target.cpu, SIZE, round));
		EXPECT_EQ(0, run(self, cmds[0]));
		ASSERT_EQ(0, port_config(self->fd[0], best, SFAB_PORT_SET_ENABLE,
					 SFAB_PORT_ENABLE, 0));
	}
	for (i = 0; !port_query(self->fd[0], i, &port); i++)
		failovers += port.failovers;
	EXPECT_LT(0, failovers);
}

/* ---- devices ---- */

static int device_reset(unsigned int index)
{
	struct accel list[MAX_ACCELS];
	char path[128];

	if (accel_list(list) <= index)
		return -ENODEV;
	snprintf(path, sizeof(path), "/sys/kernel/debug/accel/%s/reset", list[index].pci);
	return write_text(path, "1");
}

/* Its segments are gone, which everybody is told; what it exports anew works */
TEST_F(fabric_life, exporter_reset)
{
	struct sfab_command cmd = cmd_copy(REMOTE, LOCAL, SZ_64K);
	struct sfab_query_fabric before, after;
	union any_event event;
	uint64_t seqno;

	ASSERT_EQ(0, run(self, cmd));
	ASSERT_EQ(0, fabric_query(self->fd[1], &before));
	ASSERT_EQ(0, device_reset(1));
	ASSERT_EQ(0, event_of_type(self->fd[1], SFAB_EVENT_REVOKED, &event, WAIT_MS));
	EXPECT_EQ(self->id, event.fabric.segment_id);
	EXPECT_EQ(self->segment.number, event.fabric.segment);
	EXPECT_EQ(EID(1), event.fabric.eid);
	EXPECT_EQ(0, event.fabric.queue_id);
	ASSERT_EQ(0, fabric_query(self->fd[1], &after));
	EXPECT_EQ(EID(1), after.eid);
	EXPECT_NE(before.incarnation, after.incarnation);
	EXPECT_EQ(-EIO, segment_rotate(self->fd[1], self->id, NULL));

	memset(self->target.cpu, 0x33, SIZE);
	ASSERT_EQ(0, queue_submit(self->fd[0], self->queue, &cmd, 1, NULL, 0, &seqno));
	expect_failure(_metadata, self, seqno, SFAB_FABRIC_STALE);
	EXPECT_TRUE(all_bytes(self->target.cpu, SIZE, 0x33));
	EXPECT_EQ(0, segment_revoke(self->fd[1], self->id));
	EXPECT_EQ(-ENOENT, segment_revoke(self->fd[1], self->id));

	ASSERT_EQ(0, vm_unmap(self->fd[0], self->vm[0], REMOTE, SIZE));
	ASSERT_EQ(0, share(self));
	EXPECT_EQ(0, run(self, cmd));
}

/* Its queues are gone; the import still leads where it did */
TEST_F(fabric_life, importer_reset)
{
	ASSERT_EQ(0, run(self, cmd_copy(REMOTE, LOCAL, SZ_64K)));
	ASSERT_EQ(0, device_reset(0));
	ASSERT_EQ(0, new_queue(self));
	pattern_fill(self->local.cpu, SIZE, 8);
	EXPECT_EQ(0, run(self, cmd_copy(REMOTE, LOCAL, SIZE)));
	EXPECT_TRUE(pattern_check(self->target.cpu, SIZE, 8));
}

/* ---- datagrams to the neighbour ---- */

static int port_to_peer(FIXTURE_DATA(fabric_life) *self)
{
	struct sfab_route route;
	int ret = route_get(self->fd[0], EID(1), &route);

	return ret ?: route.candidates[0].port;
}

TEST_F(fabric_life, datagrams)
{
	struct sfab_query_device device;
	struct sfab_fabric_config key = { .set = SFAB_FABRIC_SET_KEY, .key = 0x1234567890 };
	struct sfab_datagram datagram;
	int port = port_to_peer(self);

	ASSERT_LE(0, port);
	ASSERT_EQ(0, query_device(self->fd[1], &device));
	datagram = datagram_get_neighbour(port);
	ASSERT_EQ(0, mgmt(self->fd[0], &datagram, WAIT_MS));
	EXPECT_EQ(SFAB_MGMT_OK, datagram.status);
	EXPECT_EQ(0, memcmp(device.uuid, datagram.data + 16, sizeof(device.uuid)));

	datagram = datagram_get_node();
	datagram.mode = SFAB_MGMT_BY_EID;
	datagram.dst_eid = EID(1);
	ASSERT_EQ(0, mgmt(self->fd[0], &datagram, WAIT_MS));
	EXPECT_EQ(SFAB_MGMT_OK, datagram.status);
	EXPECT_EQ(0, memcmp(device.uuid, datagram.data + 16, sizeof(device.uuid)));

	/* A SET needs the key; a route that nobody uses is set */
	ASSERT_EQ(0, do_ioctl(self->fd[1], DRM_IOCTL_SFAB_FABRIC_CONFIG, &key));
	datagram = datagram_get_neighbour(port);
	datagram.method = SFAB_MGMT_SET;
	datagram.attribute = SFAB_MGMT_ROUTE;
	datagram.modifier = 8;
	ASSERT_EQ(0, mgmt(self->fd[0], &datagram, WAIT_MS));
	EXPECT_EQ(SFAB_MGMT_BAD_KEY, datagram.status);
	datagram = datagram_get_neighbour(port);
	datagram.method = SFAB_MGMT_SET;
	datagram.attribute = SFAB_MGMT_ROUTE;
	datagram.modifier = 8;
	datagram.key = key.key;
	ASSERT_EQ(0, mgmt(self->fd[0], &datagram, WAIT_MS));
	EXPECT_EQ(SFAB_MGMT_OK, datagram.status);
	key.key = 0;
	ASSERT_EQ(0, do_ioctl(self->fd[1], DRM_IOCTL_SFAB_FABRIC_CONFIG, &key));
}

/* A port of the neighbour changes, and it tells whom it was told to tell */
TEST_F(fabric_life, traps)
{
	struct sfab_datagram datagram = datagram_get_neighbour(port_to_peer(self));
	struct sfab_query_port port;
	union any_event event;
	uint16_t eid = EID(0);
	uint32_t quiet;

	/* A port of it that the way here does not need */
	ASSERT_EQ(0, port_query(self->fd[0], datagram.path[0], &port));
	quiet = !port.peer_port;
	datagram.method = SFAB_MGMT_SET;
	datagram.attribute = SFAB_MGMT_KEY;
	memcpy(datagram.data + 8, &eid, sizeof(eid));
	ASSERT_EQ(0, mgmt(self->fd[0], &datagram, WAIT_MS));
	ASSERT_EQ(SFAB_MGMT_OK, datagram.status);
	ASSERT_EQ(0, events_ask(self->fd[0], SFAB_EVENTS_TRAP));
	ASSERT_EQ(0, port_config(self->fd[1], quiet, SFAB_PORT_SET_ENABLE, 0, 0));
	ASSERT_EQ(0, event_of_type(self->fd[0], SFAB_EVENT_TRAP, &event, WAIT_MS));
	EXPECT_EQ(sizeof(event.trap), event.trap.base.length);
	EXPECT_EQ(SFAB_MGMT_TRAP, event.trap.datagram.method);
	EXPECT_EQ(SFAB_MGMT_PORT_TRAP, event.trap.datagram.attribute);
	EXPECT_EQ(EID(1), event.trap.datagram.src_eid);
	EXPECT_EQ(quiet, *(uint32_t *)event.trap.datagram.data);
	ASSERT_EQ(0, port_config(self->fd[1], quiet, SFAB_PORT_SET_ENABLE, SFAB_PORT_ENABLE, 0));

	eid = 0;
	datagram = datagram_get_neighbour(port_to_peer(self));
	datagram.method = SFAB_MGMT_SET;
	datagram.attribute = SFAB_MGMT_KEY;
	ASSERT_EQ(0, mgmt(self->fd[0], &datagram, WAIT_MS));
}

TEST_HARNESS_MAIN
