// SPDX-License-Identifier: MIT
/*
 * Devices as members of the fabric
 */
#include "test.h"

#include <drm/sfab_accel.h>
#include <poll.h>

#define WITH_FABRIC	(SFAB_FEATURE_PEER | SFAB_FEATURE_FABRIC)

static int setup_fabric(void **state)
{
	(void)state;
	fake_start(2);
	fake_caps(0, WITH_FABRIC);
	fake_unprivileged(false);
	fake_deaf(false);
	descriptors_before = fake_open_descriptors();
	expect_ok(sfab_context_open(&ctx, 0));
	expect_ok(sfab_device_get(ctx, 0, &dev[0]));
	expect_ok(sfab_device_get(ctx, 1, &dev[1]));
	return 0;
}

static void test_identity(void **state)
{
	struct sfab_fabric_info info = { .size = sizeof(info) };

	(void)state;
	expect_ok(sfab_device_get_fabric(dev[0], &info));
	assert_int_equal(info.eid, 10);
	assert_int_equal(info.incarnation, 77);
	assert_int_equal(info.ports, 2);
	assert_int_equal(info.max_eids, 4096);
	assert_int_equal(info.max_segments, 256);
	assert_int_equal(info.segments, 1);
	assert_int_equal(info.max_imports, 128);
	assert_int_equal(info.imports, 2);
	assert_int_equal(info.op_timeout_ms, 2000);
	assert_int_equal(info.retry_timeout_ms, 50);
	assert_int_equal(info.hoq_timeout_ms, 100);
}

static void test_ports(void **state)
{
	struct sfab_port_info info = { .size = sizeof(info) };

	(void)state;
	expect_ok(sfab_port_get_info(dev[0], 0, &info));
	assert_int_equal(info.state, SFAB_LINK_UP);
	assert_string_equal(sfab_link_state_name(info.state), "up");
	assert_int_equal(info.enabled, 1);
	assert_int_equal(info.loopback, 0);
	assert_int_equal(info.path, 1);
	assert_int_equal(info.partner, SFAB_PARTNER_ACCEL);
	assert_int_equal(info.partner_eid, 11);
	assert_int_equal(info.partner_port, 1);
	assert_string_equal(info.partner_uuid, "ab000000-0000-0000-0000-0000000000cd");
	assert_int_equal(info.bytes_sent, 1000);
	assert_int_equal(info.packets_received, 20);
	assert_int_equal(info.dropped_no_route, 4);
	assert_int_equal(info.dropped_link_down, 8);
	assert_true(info.failovers == 1ULL << 40);

	expect_ok(sfab_port_get_info(dev[0], 1, &info));
	assert_int_equal(info.state, SFAB_LINK_DOWN);
	assert_string_equal(sfab_link_reason_name(info.reason), "no light");
	assert_int_equal(info.loopback, 1);
	assert_string_equal(info.partner_uuid, "");

	expect_error(-ERANGE, sfab_port_get_info(dev[0], 2, &info), "no port 2", "0 to 1");
}

static void test_routes(void **state)
{
	struct sfab_route_info route = { .size = sizeof(route) };

	(void)state;
	expect_ok(sfab_device_get_route(dev[0], 12, &route));
	assert_int_equal(route.candidates, 2);
	assert_int_equal(route.candidate[0].port, 0);
	assert_int_equal(route.candidate[0].hops, 1);
	assert_int_equal(route.candidate[1].port, 1);
	assert_int_equal(route.candidate[1].hops, 3);
	expect_ok(sfab_device_get_route(dev[0], 40, &route));
	assert_int_equal(route.candidates, 0);
	expect_error(-ERANGE, sfab_device_get_route(dev[0], 0, &route), "0 is no EID");
	expect_error(-ERANGE, sfab_device_get_route(dev[0], 4096, &route), "4096 is no EID");
}

static void test_datagrams(void **state)
{
	unsigned char dg[256] = { 1, 1, 1 };

	(void)state;
	expect_ok(sfab_device_mgmt(dev[0], dg, dg, 1000000));
	assert_int_equal(dg[1], 0x81);
	assert_int_equal(dg[4], SFAB_MGMT_BAD_KEY);
	assert_int_equal(dg[255], 0x5a);

	expect_error(-EINVAL, sfab_device_mgmt(dev[0], dg, dg, 0), "timeout of 0 ns");
	expect_error(-EINVAL, sfab_device_mgmt(dev[0], dg, dg, 60000000001LL), "60 s");
	fake_deaf(true);
	expect_error(-ETIME, sfab_device_mgmt(dev[0], dg, dg, 1500000), "no answer", "2 ms");
	fake_unprivileged(true);
	expect_error(-EPERM, sfab_device_mgmt(dev[0], dg, dg, 1), "CAP_SYS_ADMIN", "root");
}

static void test_without_ports(void **state)
{
	struct sfab_fabric_info info = { .size = sizeof(info) };
	struct sfab_port_info port = { .size = sizeof(port) };
	struct sfab_route_info route = { .size = sizeof(route) };
	unsigned char dg[256] = { 0 };

	(void)state;
	expect_error(-EOPNOTSUPP, sfab_device_get_fabric(dev[1], &info), "accel1", "no ports");
	expect_error(-EOPNOTSUPP, sfab_port_get_info(dev[1], 0, &port), "no ports");
	expect_error(-EOPNOTSUPP, sfab_device_get_route(dev[1], 1, &route), "no ports");
	expect_error(-EOPNOTSUPP, sfab_device_mgmt(dev[1], dg, dg, 1), "no ports");
}

static void test_bad_arguments(void **state)
{
	struct sfab_fabric_info info = { .size = 4 };
	struct sfab_port_info port = { .size = 4 };
	struct sfab_route_info route = { .size = 4 };
	unsigned char dg[256] = { 0 };

	(void)state;
	expect_error(-EINVAL, sfab_device_get_fabric(dev[0], &info), "sfab_fabric_info", "sizeof");
	expect_error(-EINVAL, sfab_port_get_info(dev[0], 0, &port), "sfab_port_info", "sizeof");
	expect_error(-EINVAL, sfab_device_get_route(dev[0], 1, &route), "sfab_route_info");
	expect_error(-EINVAL, sfab_device_get_fabric(NULL, &info), "sfab_device_get_fabric");
	expect_error(-EINVAL, sfab_port_get_info(dev[0], 0, NULL), "sfab_port_get_info");
	expect_error(-EINVAL, sfab_device_get_route(NULL, 1, &route), "sfab_device_get_route");
	expect_error(-EINVAL, sfab_device_mgmt(dev[0], NULL, dg, 1), "sfab_device_mgmt");
	expect_error(-EINVAL, sfab_device_mgmt(dev[0], dg, NULL, 1), "sfab_device_mgmt");
}

/* ---- events ---- */

static void expect_event(struct sfab_device_event *event, uint32_t type)
{
	*event = (struct sfab_device_event){ .size = sizeof(*event) };
	expect_ok(sfab_device_read_event(dev[0], event));
	assert_int_equal(event->type, type);
}

static void expect_no_event(void)
{
	struct sfab_device_event event = { .size = sizeof(event) };

	expect_error(-EAGAIN, sfab_device_read_event(dev[0], &event), "no event");
}

static void test_listen(void **state)
{
	struct sfab_device_event event;
	struct pollfd pollfd = { .fd = sfab_device_fd(dev[0]), .events = POLLIN };

	(void)state;
	fake_port(0, 0, SFAB_LINK_DOWN, SFAB_REASON_NO_LIGHT);
	expect_no_event();
	assert_int_equal(poll(&pollfd, 1, 0), 0);

	expect_ok(sfab_device_listen(dev[0], SFAB_LISTEN_PORTS));
	fake_trap(0, 12, 1, SFAB_LINK_UP, 0);
	fake_port(0, 1, SFAB_LINK_DOWN, SFAB_REASON_NO_LIGHT);
	assert_int_equal(poll(&pollfd, 1, 0), 1);
	expect_event(&event, SFAB_HAPPENED_PORT);
	assert_int_equal(event.port, 1);
	assert_int_equal(event.state, SFAB_LINK_DOWN);
	assert_string_equal(sfab_link_reason_name(event.reason), "no light");
	assert_int_equal(event.sequence, 1);
	assert_null(event.queue);
	assert_null(event.exported);
	expect_no_event();

	/* Traps are longer, and lose none of the others */
	expect_ok(sfab_device_listen(dev[0], SFAB_LISTEN_PORTS | SFAB_LISTEN_TRAPS));
	fake_trap(0, 12, 3, SFAB_LINK_FAILED, SFAB_REASON_PROTOCOL);
	fake_port(0, 0, SFAB_LINK_TRAINING, SFAB_REASON_TRAINING);
	fake_port(0, 0, SFAB_LINK_UP, 0);
	fake_reset(0);
	fake_strange_trap(0);
	expect_event(&event, SFAB_HAPPENED_TRAP);
	assert_int_equal(event.eid, 12);
	assert_int_equal(event.port, 3);
	assert_int_equal(event.state, SFAB_LINK_FAILED);
	assert_int_equal(event.reason, SFAB_REASON_PROTOCOL);
	expect_event(&event, SFAB_HAPPENED_PORT);
	assert_int_equal(event.state, SFAB_LINK_TRAINING);
	expect_event(&event, SFAB_HAPPENED_PORT);
	assert_int_equal(event.state, SFAB_LINK_UP);
	expect_event(&event, SFAB_HAPPENED_RESET);
	expect_event(&event, 0);
	assert_int_equal(event.sequence, 6);
	assert_int_equal(event.dropped, 0);

	expect_ok(sfab_device_listen(dev[0], 0));
	fake_port(0, 1, SFAB_LINK_DOWN, SFAB_REASON_NO_LIGHT);
	expect_no_event();
}

static void test_listen_refused(void **state)
{
	(void)state;
	expect_error(-EINVAL, sfab_device_listen(NULL, 0), "NULL");
	expect_error(-EINVAL, sfab_device_listen(dev[0], 4), "0x4");
	expect_error(-EOPNOTSUPP, sfab_device_listen(dev[1], SFAB_LISTEN_PORTS), "no ports");
	fake_unprivileged(true);
	expect_error(-EPERM, sfab_device_listen(dev[0], SFAB_LISTEN_TRAPS), "CAP_SYS_ADMIN");
	expect_ok(sfab_device_listen(dev[0], SFAB_LISTEN_PORTS));
	fake_fail_call(1, EIO);
	expect_error(-EIO, sfab_device_listen(dev[0], 0), "listen", "accel0");
}

static struct sfab_queue *fail_on(struct sfab_mem *remote)
{
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, 64);

	expect_ok(sfab_copy(queue, remote, 0, mem, 0, 8, NULL));
	assert_int_equal(sfab_queue_wait(queue, 10 * SECOND), -EIO);
	return queue;
}

/* They come unasked, after the fault of the queue */
static void test_peer_events(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, 4096), *remote;
	struct sfab_device_event event;
	struct sfab_export *exported;
	struct sfab_channel *channel;
	struct sfab_handle handle;
	struct sfab_queue *queue;

	(void)state;
	expect_ok(sfab_mem_export(mem, 0, 4096, SFAB_READ | SFAB_WRITE, &exported, &handle));
	expect_ok(sfab_mem_import(dev[0], &handle, SFAB_IMPORT_FABRIC, &remote));
	fake_dark(0, true);
	queue = fail_on(remote);
	fake_dark(0, false);
	expect_event(&event, SFAB_HAPPENED_FAULT);
	assert_int_equal(event.fault.remote_status, SFAB_REMOTE_TIMEOUT);
	expect_event(&event, SFAB_HAPPENED_PEER_LOST);
	assert_ptr_equal(event.queue, queue);
	assert_int_equal(event.eid, 10);
	assert_int_equal(event.segment, 0);
	assert_int_equal(event.remote_status, SFAB_REMOTE_TIMEOUT);
	assert_null(event.exported);

	/* The exporter hears of a reset, but not of what is the library's own */
	expect_ok(sfab_channel_create(dev[0], SFAB_MEM_SYSTEM, 8, 1, &channel, &handle));
	fake_reset(0);
	expect_event(&event, SFAB_HAPPENED_REVOKED);
	assert_ptr_equal(event.exported, exported);
	assert_null(event.queue);
	assert_int_equal(event.remote_status, SFAB_REMOTE_REVOKED);
	expect_event(&event, SFAB_HAPPENED_REVOKED);
	assert_int_equal(event.segment, 1);
	assert_null(event.exported);
	expect_event(&event, SFAB_HAPPENED_RESET);

	expect_ok(sfab_export_revoke(exported));
	queue = fail_on(remote);
	expect_event(&event, SFAB_HAPPENED_FAULT);
	expect_event(&event, SFAB_HAPPENED_REVOKED);
	assert_ptr_equal(event.queue, queue);
	assert_int_equal(event.remote_status, SFAB_REMOTE_REVOKED);
	expect_no_event();
}

static void test_names(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i <= SFAB_PORT_FAILED; i++)
		assert_string_not_equal(sfab_link_state_name(i), "unknown state");
	for (i = 0; i <= SFAB_REASON_NO_PATH; i++)
		assert_string_not_equal(sfab_link_reason_name(i), "unknown reason");
	assert_string_equal(sfab_link_state_name(99), "unknown state");
	assert_string_equal(sfab_link_reason_name(99), "unknown reason");
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup_fabric, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_identity),
		TEST(test_ports),
		TEST(test_routes),
		TEST(test_datagrams),
		TEST(test_without_ports),
		TEST(test_bad_arguments),
		TEST(test_listen),
		TEST(test_listen_refused),
		TEST(test_peer_events),
		TEST(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
