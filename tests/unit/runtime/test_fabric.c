// SPDX-License-Identifier: MIT
/*
 * Devices as members of the fabric
 */
#include "test.h"

#include <drm/sfab_accel.h>

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
		TEST(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
