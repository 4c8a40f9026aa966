// SPDX-License-Identifier: MIT
/*
 * Links: finding, reading, changing, events
 */
#include <poll.h>

#include "link.h"
#include "test.h"

static int setup_links(void **state)
{
	more_caps = SFAB_FEATURE_FABRIC;
	return setup_two(state);
}

static struct sfab_link *get(unsigned int index)
{
	struct sfab_link *link;

	expect_ok(sfab_link_get(ctx, index, &link));
	return link;
}

static struct sfab_link *find(const char *name)
{
	struct sfab_link *link;

	expect_ok(sfab_link_find(ctx, name, &link));
	return link;
}

static void test_names(void **state)
{
	struct sfab_link_info info = { .size = sizeof(info) };
	struct sfab_link *link;

	(void)state;
	assert_int_equal(sfab_link_count(ctx), 4);
	expect_ok(sfab_link_get_info(get(3), &info));
	assert_int_equal(info.accel, 1);
	assert_int_equal(info.port, 1);
	assert_string_equal(info.module_serial, "SFAB000000000001");
	assert_ptr_equal(find("3"), get(3));
	assert_ptr_equal(find("sfab_link3"), get(3));
	assert_ptr_equal(find("/dev/sfab_link3"), get(3));
	assert_ptr_equal(find("1:1"), get(3));
	assert_ptr_equal(find("accel1:1"), get(3));
	assert_ptr_equal(find("0000:02:00.0:1"), get(3));
	expect_error(-ENODEV, sfab_link_find(ctx, "4", &link), "no link 4", "0 to 3");
	expect_error(-ENODEV, sfab_link_find(ctx, "sfab_link9", &link), "sfab_link9");
	expect_error(-ENODEV, sfab_link_find(ctx, "0:2", &link), "accel0", "no port 2");
	expect_error(-ENODEV, sfab_link_find(ctx, "7:0", &link), "no accelerator 7");
	expect_error(-EINVAL, sfab_link_find(ctx, "0:", &link), "0:", "port");
	expect_error(-EINVAL, sfab_link_find(ctx, "0:x", &link), "0:x", "port");
	expect_error(-EINVAL, sfab_link_find(ctx, "left", &link), "left", "0:1");
	expect_error(-EINVAL, sfab_link_find(ctx, NULL, &link), "NULL");
}

/* Getting one after the other does not look for all of them each time */
static void test_few_scans(void **state)
{
	unsigned int before = fake_scans, i;
	struct sfab_link *link;

	(void)state;
	for (i = 0; i < 4; i++)
		get(i);
	assert_int_equal(fake_scans, before + 1);
	expect_error(-ENODEV, sfab_link_get(ctx, 4, &link), "no link 4");
	assert_int_equal(fake_scans, before + 2);
}

static void test_none(void **state)
{
	struct sfab_link *link;

	(void)state;
	assert_int_equal(sfab_link_count(ctx), 0);
	expect_error(-ENODEV, sfab_link_get(ctx, 0, &link), "no sfab link", "modprobe");
}

static void test_reading(void **state)
{
	struct sfab_link_status status = { .size = sizeof(status) };
	struct sfab_link_readings readings = { .size = sizeof(readings) };
	struct sfab_link_counters counters = { .size = sizeof(counters) };
	uint8_t map[256];

	(void)state;
	expect_ok(sfab_link_get_status(get(0), &status));
	assert_int_equal(status.state, SFAB_LINK_UP);
	assert_int_equal(status.partner_port, 1);
	expect_ok(sfab_link_get_readings(get(0), &readings));
	assert_int_equal(readings.lane[7].rx_power_nw, 692000);
	expect_ok(sfab_link_get_counters(get(0), &counters));
	assert_int_equal(counters.codewords, 1000);
	expect_ok(sfab_link_read_map(get(0), 128, map, sizeof(map)));
	assert_int_equal(map[1], 129);
	expect_error(-EINVAL, sfab_link_read_map(get(0), SFAB_LINK_MAP_SIZE - 1, map, 2),
		     "sfab_link0", "32896");
	expect_error(-EINVAL, sfab_link_read_map(get(0), 0, map, 0), "memory map");
	fake_link(0, 0)->info.present = 0;
	expect_error(-ENXIO, sfab_link_read_map(get(0), 0, map, 1), "no module");
	status.size = 4;
	expect_error(-EINVAL, sfab_link_get_status(get(0), &status), "sfab_link0", "state");
}

static void test_changing(void **state)
{
	struct sfab_link_control control = {
		.size = sizeof(control), .set = SFAB_LINK_SET_TX_OFF, .tx_off = 4,
	};
	struct sfab_link_switch args = {
		.size = sizeof(args), .path = 1, .timeout_ms = 100,
	};
	struct sfab_link_test test = { .size = sizeof(test), .op = SFAB_LINK_TEST_START };

	(void)state;
	expect_ok(sfab_link_control(get(0), &control));
	assert_int_equal(fake_link(0, 0)->control.tx_off, 4);
	control.set = 0;
	expect_error(-EINVAL, sfab_link_control(get(0), &control), "set it up");
	fake_link(0, 0)->last.result = SFAB_LINK_RESULT_ROLLED_BACK;
	fake_link(0, 0)->last.cause = SFAB_LINK_CAUSE_NO_LIGHT;
	expect_ok(sfab_link_switch(get(0), &args));
	assert_int_equal(args.result, SFAB_LINK_RESULT_ROLLED_BACK);
	assert_string_equal(sfab_link_cause_name(args.cause), "no light on the new path");
	expect_ok(sfab_link_test(get(0), &test));
	assert_int_equal(test.running, 1);
	expect_ok(sfab_link_clear(get(0), SFAB_LINK_CLEAR_FEC));
	assert_int_equal(fake_link(0, 0)->cleared, SFAB_LINK_CLEAR_FEC);
}

static void test_refused(void **state)
{
	static const struct {
		int err;
		const char *word;
	} refusals[] = {
		{ EPERM, "CAP_SYS_ADMIN" }, { EOPNOTSUPP, "cannot do it" },
		{ EBUSY, "under way" }, { ETIME, "100 ms" }, { EINTR, "signal" },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct sfab_link_switch args = {
			.size = sizeof(args), .path = 1, .timeout_ms = 100,
		};

		fake_link(0, 0)->fails = refusals[i].err;
		expect_error(-refusals[i].err, sfab_link_switch(get(0), &args), "sfab_link0",
			     refusals[i].word);
	}
	/* Who may not write may read */
	fake_link(1, 0)->readonly = true;
	expect_error(-EBADF, sfab_link_clear(get(2), SFAB_LINK_CLEAR_FEC), "sfab_link2",
		     "reading only");
}

static void test_denied(void **state)
{
	struct sfab_link *link;

	(void)state;
	fake_deny(1, EACCES);
	expect_error(-EACCES, sfab_link_get(ctx, 2, &link), "/dev/sfab_link2", "udev");
	assert_ptr_equal(find("0:0"), get(0));
}

static void test_events(void **state)
{
	struct sfab_link_event event = { .size = sizeof(event) }, kept[4];
	struct sfab_link *link = get(0);
	struct pollfd poll_fd = { .fd = sfab_link_fd(link), .events = POLLIN };

	(void)state;
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
	expect_error(-EAGAIN, sfab_link_read_event(link, &event), "no event");
	fake_link_state(0, 0, SFAB_LINK_DOWN, SFAB_LINK_WHY_NO_LIGHT);
	fake_link_state(0, 0, SFAB_LINK_UP, SFAB_LINK_WHY_NONE);
	assert_int_equal(poll(&poll_fd, 1, 0), 1);
	expect_ok(sfab_link_read_event(link, &event));
	assert_int_equal(event.sequence, 1);
	assert_int_equal(event.reason, SFAB_LINK_WHY_NO_LIGHT);
	assert_string_equal(sfab_link_event_name(event.type), "state");
	expect_ok(sfab_link_read_event(link, &event));
	assert_int_equal(event.sequence, 2);
	expect_error(-EAGAIN, sfab_link_read_event(link, &event), "no event");
	event.size = 8;
	expect_error(-EINVAL, sfab_link_read_event(link, &event), "sfab_link_event", "size");
	assert_int_equal(sfab_link_get_history(link, NULL, 0), 2);
	assert_int_equal(sfab_link_get_history(link, kept, 4), 2);
	assert_int_equal(kept[0].state, SFAB_LINK_DOWN);
	assert_int_equal(sfab_link_get_history(link, kept, 1), 1);
	assert_int_equal(kept[0].state, SFAB_LINK_UP);
	expect_error(-EINVAL, sfab_link_get_history(link, NULL, 4), "NULL");
}

static void test_removed(void **state)
{
	struct sfab_link_status status = { .size = sizeof(status) };
	struct sfab_link *old = get(2), *link;

	(void)state;
	fake_remove(1);
	expect_error(-ENODEV, sfab_link_get_status(old, &status), "sfab_link2", "removed");
	assert_int_equal(sfab_link_count(ctx), 4);
	expect_error(-ENODEV, sfab_link_get(ctx, 2, &link), "sfab_link2");
	/* Another one of the same name has another index */
	fake_plug(1);
	assert_int_equal(sfab_link_count(ctx), 6);
	assert_ptr_not_equal(find("1:0"), old);
	expect_ok(sfab_link_get_status(find("1:0"), &status));
}

static void test_all_names(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i <= SFAB_LINK_WHY_PARTNER; i++)
		assert_string_not_equal(sfab_link_reason_name(i), "unknown reason");
	for (i = 1; i <= SFAB_LINK_EVENT_FLAG; i++)
		assert_string_not_equal(sfab_link_event_name(i), "unknown event");
	for (i = 0; i <= SFAB_LINK_MODULE_FAULT; i++)
		assert_string_not_equal(sfab_link_module_name(i), "unknown state");
	for (i = 0; i <= SFAB_LINK_PHASE_RESUME; i++)
		assert_string_not_equal(sfab_link_phase_name(i), "unknown phase");
	for (i = 0; i <= SFAB_LINK_RESULT_FAILED; i++)
		assert_string_not_equal(sfab_link_result_name(i), "unknown result");
	for (i = 0; i <= SFAB_LINK_CAUSE_ABORTED; i++)
		assert_string_not_equal(sfab_link_cause_name(i), "unknown cause");
	assert_string_equal(sfab_link_phase_name(99), "unknown phase");
}

/* Every call into the kernel fails once */
static void test_failures(void **state)
{
	struct sfab_link_status status = { .size = sizeof(status) };
	unsigned int n;
	int ret;

	(void)state;
	for (n = 1; ; n++) {
		struct sfab_context *mine;
		struct sfab_link *link = NULL;

		expect_ok(sfab_context_open(&mine, 0));
		fake_fail_call(n, EIO);
		ret = sfab_link_get(mine, 0, &link);
		if (!ret)
			ret = sfab_link_get_status(link, &status);
		assert_int_equal(ret, fake_call_failed() ? -EIO : 0);
		sfab_context_close(mine);
		if (!fake_call_failed())
			break;
		fake_fail_call(0, 0);
	}
	assert_int_equal(n, 4);
	fake_fail_call(0, 0);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup_links, teardown)

static int setup_plain(void **state)
{
	more_caps = 0;
	return setup_one(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_names),
		cmocka_unit_test_setup_teardown(test_none, setup_plain, teardown),
		TEST(test_few_scans),
		TEST(test_reading),
		TEST(test_changing),
		TEST(test_refused),
		TEST(test_denied),
		TEST(test_events),
		TEST(test_removed),
		TEST(test_all_names),
		TEST(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
