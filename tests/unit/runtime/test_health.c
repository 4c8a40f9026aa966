// SPDX-License-Identifier: MIT
/*
 * Monitors of health: what is read, thresholds files, changes, who is told
 */
#include <poll.h>
#include <unistd.h>

#include "link.h"
#include "test.h"

static struct sfab_health *health;

static int setup_health(void **state)
{
	more_caps = SFAB_FEATURE_FABRIC;
	setup_two(state);
	expect_ok(sfab_health_open(ctx, "", &health));
	return 0;
}

static int teardown_health(void **state)
{
	sfab_health_close(health);
	health = NULL;
	return teardown(state);
}

static int next(void)
{
	int ret;

	fake_link_tick();
	ret = sfab_health_update(health);
	expect_ok(ret);
	return ret;
}

static struct sfab_verdict verdict(unsigned int index)
{
	struct sfab_verdict v = { .size = sizeof(v) };

	expect_ok(sfab_health_get(health, index, &v));
	return v;
}

static const char *verdict_text(unsigned int index)
{
	static char text[sizeof(((struct sfab_verdict *)NULL)->text)];
	struct sfab_verdict v = verdict(index);

	return memcpy(text, v.text, sizeof(text));
}

static void expect_cause(unsigned int index, enum sfab_health_cause cause,
			 enum sfab_severity severity, enum sfab_health_action action)
{
	struct sfab_verdict v = verdict(index);

	assert_string_equal(sfab_health_cause_name(v.cause), sfab_health_cause_name(cause));
	assert_string_equal(sfab_severity_name(v.severity), sfab_severity_name(severity));
	assert_string_equal(sfab_health_action_name(v.action), sfab_health_action_name(action));
}

static void test_healthy(void **state)
{
	struct sfab_verdict v;
	unsigned int i;

	(void)state;
	assert_int_equal(next(), 6);
	assert_int_equal(next(), 0);
	assert_int_equal(sfab_health_count(health), 6);
	for (i = 0; i < 6; i++)
		expect_cause(i, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
	v = verdict(1);
	assert_string_equal(v.name, "accel0:1");
	assert_string_equal(v.node, "/dev/sfab_link1");
	assert_int_equal(v.far_known, 1);
	assert_int_equal(v.gbps, 896);
	assert_int_equal(v.findings, SFAB_LINK_CONDITIONS);
	assert_int_equal(v.finding[SFAB_CONDITION_LIGHT].holds, SFAB_TRUE);
	v = verdict(5);
	assert_string_equal(v.name, "accel1");
	assert_int_equal(v.full_gbps, 2 * 896);
}

/* What dims at port 1 of the second device is dirt, as its sender is normal */
static void test_dirt(void **state)
{
	struct sfab_verdict v;

	(void)state;
	next();
	fake_link(1, 1)->readings.lane[3].rx_power_nw = 400000;
	assert_int_equal(next(), 0);
	/* Both ends of it, and both accelerators */
	assert_int_equal(next(), 4);
	v = verdict(3);
	assert_int_equal(v.cause, SFAB_HEALTH_DIRTY_CONNECTOR);
	assert_int_equal(v.severity, SFAB_SEVERITY_WATCH);
	assert_string_equal(v.text, "lane 3 receives 2.4 dB less than its neighbours while the far laser is normal: dirty connector");
	expect_cause(0, SFAB_HEALTH_DIRTY_CONNECTOR, SFAB_SEVERITY_WATCH,
		     SFAB_ACTION_CLEAN_CONNECTOR);
	expect_cause(5, SFAB_HEALTH_LINKS_BAD, SFAB_SEVERITY_WATCH, SFAB_ACTION_CLEAN_CONNECTOR);
	fake_link(1, 1)->readings.lane[3].rx_power_nw = 692000;
	assert_int_equal(next(), 0);
	assert_int_equal(next(), 0);
	assert_int_equal(next(), 4);
	expect_cause(3, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
}

/* An interval counts once */
static void test_intervals(void **state)
{
	(void)state;
	next();
	fake_link(1, 1)->readings.lane[3].rx_power_nw = 400000;
	assert_int_equal(next(), 0);
	assert_int_equal(sfab_health_update(health), 0);
	assert_int_equal(sfab_health_update(health), 0);
	assert_int_equal(next(), 4);
}

static void cut(unsigned int device, unsigned int port)
{
	struct sfab_link_readings *r = &fake_link(device, port)->readings;
	unsigned int l;

	r->los = 0xff;
	r->lol = 0xff;
	r->used = 0;
	r->status &= ~SFAB_LINK_ALIGNED;
	for (l = 0; l < 8; l++)
		r->lane[l].rx_power_nw = 0;
	fake_link(device, port)->status.partner = SFAB_LINK_PARTNER_NONE;
	fake_link(device, port)->status.lanes = 0;
	fake_link_state(device, port, SFAB_LINK_DOWN, SFAB_LINK_WHY_NO_LIGHT);
}

/* Who was at the other end is remembered */
static void test_cut(void **state)
{
	struct sfab_verdict v;

	(void)state;
	next();
	cut(0, 0);
	cut(1, 1);
	next();
	next();
	expect_cause(0, SFAB_HEALTH_NO_FIBRE_OR_CUT, SFAB_SEVERITY_FAILED,
		     SFAB_ACTION_CHECK_FIBRE);
	expect_cause(3, SFAB_HEALTH_NO_FIBRE_OR_CUT, SFAB_SEVERITY_FAILED,
		     SFAB_ACTION_CHECK_FIBRE);
	v = verdict(3);
	assert_string_equal(v.text, "accel0:0 is lost: no light here on any lane while the far laser is on: the fibre is unplugged or cut");
	assert_int_equal(v.partner, SFAB_LINK_PARTNER_ACCEL);
	assert_int_equal(v.partner_eid, 10);
	assert_int_equal(v.partner_port, 0);
	v = verdict(4);
	assert_int_equal(v.severity, SFAB_SEVERITY_DEGRADED);
	assert_int_equal(v.gbps, 896);
	assert_non_null(strstr(v.text, "accel0:0 (no-fibre-or-cut)"));
}

/* One link alone, whose far end is not of this node, and nobody answers in band */
static void test_alone(void **state)
{
	struct sfab_link *link;

	(void)state;
	expect_ok(sfab_link_find(ctx, "0:0", &link));
	expect_ok(sfab_health_add_link(health, link));
	expect_ok(sfab_health_add_link(health, link));
	assert_int_equal(next(), 1);
	assert_int_equal(verdict(0).far_known, 0);
	cut(0, 0);
	next();
	next();
	expect_cause(0, SFAB_HEALTH_DARK_UNKNOWN, SFAB_SEVERITY_FAILED, SFAB_ACTION_CHECK_FIBRE);
	assert_ptr_equal(strstr(verdict_text(0), "EID 11 port 1 is lost: no light on lanes 0-7"),
			 verdict_text(0));
}

/* A monitor that begins when the link is down asks the driver who was there */
static void test_lost_before(void **state)
{
	struct sfab_link_status *status = &fake_link(0, 0)->status;
	struct sfab_link *link;

	(void)state;
	cut(0, 0);
	status->last_partner = SFAB_LINK_PARTNER_SWITCH;
	status->last_partner_eid = 21;
	status->last_partner_port = 6;
	expect_ok(sfab_link_find(ctx, "0:0", &link));
	expect_ok(sfab_health_add_link(health, link));
	next();
	assert_int_equal(verdict(0).severity, SFAB_SEVERITY_FAILED);
	assert_non_null(strstr(verdict_text(0), "switch EID 21 port 6 is lost: "));
}

/* Who got its EID when the driver did not look: known by another link, or by its UUID */
static void test_lost_without_eid(void **state)
{
	struct sfab_link_status *status = &fake_link(0, 0)->status;
	struct sfab_link *link;

	(void)state;
	cut(0, 0);
	status->last_partner = SFAB_LINK_PARTNER_ACCEL;
	status->last_partner_uuid[15] = 2;
	status->last_partner_port = 1;
	expect_ok(sfab_link_find(ctx, "0:0", &link));
	expect_ok(sfab_health_add_link(health, link));
	next();
	assert_string_equal(verdict(0).partner_name,
			    "accelerator 00000000-0000-0000-0000-000000000002 port 1");
	expect_ok(sfab_link_find(ctx, "0:1", &link));
	expect_ok(sfab_health_add_link(health, link));
	next();
	assert_string_equal(verdict(0).partner_name, "EID 11 port 1");
}

/* Who orders it knows whom it parts */
static void test_disabled(void **state)
{
	(void)state;
	next();
	fake_link(0, 0)->status.partner = SFAB_LINK_PARTNER_NONE;
	fake_link_state(0, 0, SFAB_LINK_DOWN, SFAB_LINK_WHY_DISABLED);
	next();
	next();
	expect_cause(0, SFAB_HEALTH_DISABLED, SFAB_SEVERITY_WATCH, SFAB_ACTION_ENABLE);
	assert_null(strstr(verdict_text(0), "lost"));
	assert_string_equal(verdict(0).partner_name, "accel1:1");
}

static void test_device(void **state)
{
	(void)state;
	expect_ok(sfab_health_add_device(health, dev[1]));
	assert_int_equal(next(), 3);
	assert_string_equal(verdict(2).name, "accel1");
	fake_reset(1);
	next();
	expect_cause(2, SFAB_HEALTH_ACCEL_RESET, SFAB_SEVERITY_DEGRADED, SFAB_ACTION_WATCH);
	next();
	next();
	next();
	expect_cause(2, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
	fake_remove(1);
	next();
	expect_cause(0, SFAB_HEALTH_ACCEL_LOST, SFAB_SEVERITY_FAILED, SFAB_ACTION_RESET);
	expect_cause(2, SFAB_HEALTH_ACCEL_LOST, SFAB_SEVERITY_FAILED, SFAB_ACTION_RESET);
}

static void test_device_counters(void **state)
{
	(void)state;
	expect_ok(sfab_health_add_device(health, dev[1]));
	next();
	fake_counted(1, 3, 0);
	next();
	expect_cause(2, SFAB_HEALTH_ACCEL_TIMEOUTS, SFAB_SEVERITY_WATCH, SFAB_ACTION_WATCH);
	assert_non_null(strstr(verdict(2).text, "3 pieces of work took too long"));
	next();
	next();
	next();
	expect_cause(2, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
	fake_counted(1, 0, 7);
	next();
	expect_cause(2, SFAB_HEALTH_REMOTE_FAILURES, SFAB_SEVERITY_WATCH, SFAB_ACTION_WATCH);
	assert_non_null(strstr(verdict(2).text, "7 operations on memory of others failed"));
}

/* What went is told once, and wakes nobody any more */
static void test_removed(void **state)
{
	struct pollfd ready = { .fd = sfab_health_fd(health), .events = POLLIN };

	(void)state;
	next();
	fake_remove(1);
	assert_int_equal(poll(&ready, 1, 0), 1);
	next();
	expect_cause(2, SFAB_HEALTH_ACCEL_LOST, SFAB_SEVERITY_FAILED, SFAB_ACTION_RESET);
	assert_string_equal(verdict(2).name, "accel1:0");
	assert_int_equal(poll(&ready, 1, 0), 0);
	next();
	assert_int_equal(poll(&ready, 1, 0), 0);
}

/* Pulled, and back: it has its old place, and nothing that happened before is told again */
static void test_back(void **state)
{
	(void)state;
	fake_counted(1, 5, 5);
	next();
	next();
	fake_remove(1);
	expect_ok(sfab_context_rescan(ctx));
	next();
	expect_cause(2, SFAB_HEALTH_ACCEL_LOST, SFAB_SEVERITY_FAILED, SFAB_ACTION_RESET);
	expect_cause(5, SFAB_HEALTH_ACCEL_LOST, SFAB_SEVERITY_FAILED, SFAB_ACTION_RESET);
	assert_string_equal(verdict_text(5), "it is gone: it was pulled out, or taken from its driver ('dmesg' tells when)");
	fake_plug(1);
	/* Nobody looks for it until the context does */
	next();
	expect_cause(5, SFAB_HEALTH_ACCEL_LOST, SFAB_SEVERITY_FAILED, SFAB_ACTION_RESET);
	assert_int_equal(sfab_context_rescan(ctx), 1);
	next();
	assert_int_equal(sfab_health_count(health), 6);
	expect_cause(2, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
	expect_cause(5, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
	assert_string_equal(verdict(2).name, "accel1:0");
	assert_string_equal(verdict(5).name, "accel1");
	next();
	expect_cause(5, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
}

/* It was away between two looks, and once more before the next */
static void test_bounced(void **state)
{
	struct sfab_verdict link, accel;

	(void)state;
	next();
	fake_remove(1);
	fake_plug(1);
	expect_ok(sfab_context_rescan(ctx));
	fake_remove(1);
	fake_plug(1);
	expect_ok(sfab_context_rescan(ctx));
	next();
	expect_cause(2, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
	assert_int_equal(sfab_health_count(health), 6);
	next();
	link = verdict(2);
	accel = verdict(5);
	assert_string_equal(link.name, "accel1:0");
	assert_int_equal(link.severity, SFAB_SEVERITY_OK);
	assert_int_equal(accel.severity, SFAB_SEVERITY_OK);
	/* Nothing is counted twice */
	assert_int_equal(accel.full_gbps, verdict(4).full_gbps);
}

/* Back, but this user may not open it yet */
static void test_back_and_denied(void **state)
{
	(void)state;
	next();
	fake_remove(1);
	expect_ok(sfab_context_rescan(ctx));
	next();
	fake_deny(1, EACCES);
	fake_plug(1);
	expect_ok(sfab_context_rescan(ctx));
	next();
	assert_int_equal(sfab_health_count(health), 6);
	expect_cause(2, SFAB_HEALTH_ACCEL_LOST, SFAB_SEVERITY_FAILED, SFAB_ACTION_RESET);
	fake_deny(1, 0);
	next();
	assert_int_equal(sfab_health_count(health), 6);
	expect_cause(2, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
}

/* Who looks for links does not take away what tells of accelerators */
static void test_links_leave_events(void **state)
{
	struct pollfd ready = { .fd = sfab_context_fd(ctx), .events = POLLIN };

	(void)state;
	fake_plug(2);
	expect_ok(sfab_link_count(ctx));
	assert_int_equal(poll(&ready, 1, 0), 1);
	assert_int_equal(sfab_context_rescan(ctx), 1);
	assert_int_equal(poll(&ready, 1, 0), 0);
}

/* A monitor of the node watches what is new; one of an accelerator does not */
static void test_new(void **state)
{
	struct sfab_device *first;
	struct sfab_health *chosen;

	(void)state;
	expect_ok(sfab_health_open(ctx, "", &chosen));
	expect_ok(sfab_device_get(ctx, 0, &first));
	expect_ok(sfab_health_add_device(chosen, first));
	expect_ok(sfab_health_update(chosen));
	next();
	fake_caps(2, FAKE_CAPS | SFAB_FEATURE_FABRIC);
	fake_plug(2);
	assert_int_equal(sfab_context_rescan(ctx), 1);
	assert_int_equal(next(), 3);
	assert_int_equal(sfab_health_count(health), 9);
	assert_string_equal(verdict(8).name, "accel2");
	expect_ok(sfab_health_update(chosen));
	assert_int_equal(sfab_health_count(chosen), 3);

	fake_remove(0);
	expect_ok(sfab_context_rescan(ctx));
	expect_ok(sfab_health_update(chosen));
	fake_plug(0);
	expect_ok(sfab_context_rescan(ctx));
	expect_ok(sfab_health_update(chosen));
	assert_int_equal(sfab_health_count(chosen), 3);
	sfab_health_close(chosen);
}

/* A link that cannot be opened has no other's name, and is judged once it can be */
static void test_denied(void **state)
{
	struct sfab_verdict v;

	(void)state;
	fake_deny(1, EACCES);
	next();
	v = verdict(2);
	assert_string_equal(v.name, "sfab_link2");
	assert_int_equal(v.accel, UINT32_MAX);
	assert_string_equal(v.text, "/dev/sfab_link2 may not be opened: Permission denied");
	/* Nobody knows how it is: that is neither well nor broken */
	assert_int_equal(v.finding[0].holds, SFAB_UNKNOWN);
	expect_cause(2, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
	expect_cause(4, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
	fake_deny(1, 0);
	next();
	assert_string_equal(verdict(2).name, "accel1:0");
	expect_cause(2, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
}

/* Likewise an accelerator: its links may be looked at all the same */
static void test_denied_accelerator(void **state)
{
	struct sfab_verdict v = { .size = sizeof(v) };
	struct sfab_context *other;
	struct sfab_health *monitor;

	(void)state;
	fake_deny(1, EACCES);
	expect_ok(sfab_context_open(&other, 0));
	expect_ok(sfab_health_open(other, "", &monitor));
	expect_ok(sfab_health_update(monitor));
	expect_ok(sfab_health_get(monitor, 5, &v));
	assert_string_equal(v.name, "accel1");
	assert_int_equal(v.finding[0].holds, SFAB_UNKNOWN);
	assert_int_equal(v.severity, SFAB_SEVERITY_OK);
	assert_non_null(strstr(v.text, "it may not be opened"));
	sfab_health_close(monitor);
	sfab_context_close(other);
	fake_deny(1, 0);
}

/* What happened before the monitor began is known from the kernel's history */
static void test_flapped_before(void **state)
{
	unsigned int i;

	(void)state;
	fake_link_state(0, 1, SFAB_LINK_UP, 0);
	for (i = 0; i < 3; i++) {
		fake_link_state(0, 1, SFAB_LINK_DOWN, SFAB_LINK_WHY_NO_LIGHT);
		fake_link_state(0, 1, SFAB_LINK_UP, 0);
	}
	next();
	expect_cause(1, SFAB_HEALTH_FLAPPING, SFAB_SEVERITY_DEGRADED, SFAB_ACTION_DRAIN);
	for (i = 0; i < 64; i++)
		next();
	expect_cause(1, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
}

/* Nor is that flapping: somebody wanted it down each time */
static void test_ordered_before(void **state)
{
	static const uint32_t orders[] = {
		SFAB_LINK_WHY_DISABLED, SFAB_LINK_WHY_LOW_POWER, SFAB_LINK_WHY_TEST,
		SFAB_LINK_WHY_SWITCHING, SFAB_LINK_WHY_NO_PATH,
	};
	unsigned int i;

	(void)state;
	fake_link_state(0, 1, SFAB_LINK_UP, 0);
	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		fake_link_state(0, 1, SFAB_LINK_DOWN, orders[i]);
		fake_link_state(0, 1, SFAB_LINK_UP, 0);
	}
	next();
	expect_cause(1, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
}

/* ... nor while a monitor looks on, however short it was */
static void test_ordered_meanwhile(void **state)
{
	unsigned int i;

	(void)state;
	fake_link_state(0, 1, SFAB_LINK_UP, 0);
	next();
	for (i = 0; i < 4; i++) {
		fake_link_state(0, 1, SFAB_LINK_TRAINING, SFAB_LINK_WHY_TEST);
		fake_link_state(0, 1, SFAB_LINK_UP, 0);
		next();
	}
	expect_cause(1, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
	/* What nobody has ordered counts */
	for (i = 0; i < 4; i++) {
		fake_link_state(0, 1, SFAB_LINK_TRAINING, SFAB_LINK_WHY_NO_LIGHT);
		fake_link_state(0, 1, SFAB_LINK_UP, 0);
		next();
	}
	expect_cause(1, SFAB_HEALTH_FLAPPING, SFAB_SEVERITY_DEGRADED, SFAB_ACTION_DRAIN);
}

static void test_unused_port(void **state)
{
	(void)state;
	cut(0, 0);
	fake_link(0, 0)->status.downs = 0;
	memset(&fake_link(0, 0)->counters.rx_packets, 0, sizeof(uint64_t));
	fake_link(0, 0)->counters.codewords = 0;
	next();
	next();
	expect_cause(0, SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
	assert_int_equal(verdict(0).full_gbps, 0);
	assert_int_equal(verdict(0).finding[SFAB_CONDITION_TRAFFIC].holds, SFAB_UNKNOWN);
}

static unsigned int calls;

static void called(const struct sfab_verdict *v, void *opaque)
{
	calls++;
	assert_ptr_equal(opaque, &calls);
	assert_true(v->name[0]);
}

static void test_told(void **state)
{
	struct pollfd poll_fd = { .fd = sfab_health_fd(health), .events = POLLIN };

	(void)state;
	calls = 0;
	expect_ok(sfab_health_set_callback(health, called, &calls));
	next();
	assert_int_equal(calls, 6);
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
	fake_link_state(0, 0, SFAB_LINK_UP, 0);
	assert_int_equal(poll(&poll_fd, 1, 0), 1);
	/* The events of links are still there for others, who began before */
	next();
	assert_int_equal(poll(&poll_fd, 1, 0), 0);
	assert_int_equal(poll(&poll_fd, 1, 1500), 1);
	next();
	assert_int_equal(calls, 6);
	expect_ok(sfab_health_set_callback(health, NULL, NULL));
}

/* ---- thresholds ---- */

static const char file_path[] = "/tmp/sfab-test-health.json";

static const char *write_file(const char *text)
{
	FILE *file = fopen(file_path, "w");

	fputs(text, file);
	fclose(file);
	return file_path;
}

static void test_thresholds(void **state)
{
	struct sfab_health *h;
	char text[4096];
	int length;

	(void)state;
	write_file("// mine\n{ \"lane_loss_db\": 3 } // dB\n");
	expect_ok(sfab_health_open(ctx, file_path, &h));
	length = sfab_health_thresholds(h, text, sizeof(text));
	assert_int_equal(length, strlen(text));
	assert_non_null(strstr(text, "\"lane_loss_db\": 3,"));
	assert_non_null(strstr(text, "\"ber_warn\": 1e-05,"));
	sfab_health_close(h);
	/* What is written can be read */
	expect_ok(sfab_health_open(ctx, write_file(text), &h));
	assert_int_equal(sfab_health_thresholds(h, NULL, 0), length);
	expect_ok(sfab_health_update(h));
	sfab_health_close(h);
}

static void test_bad_thresholds(void **state)
{
	static const struct {
		const char *text, *word, *other;
	} bad[] = {
		{ "{ \"lane_los_db\": 3 }", "lane_los_db", "no threshold" },
		{ "{ \"lane_loss_db\": \"3\" }", "lane_loss_db", "0.1 to 40" },
		{ "{ \"lane_loss_db\": -3 }", "lane_loss_db", "0.1 to 40" },
		{ "{ \"lane_loss_db\": true }", "lane_loss_db", "0.1 to 40" },
		{ "{ \"ber_warn\": 0.1 }", "ber_warn", "ber_alarm" },
		{ "{ \"temperature_warn_c\": 100 }", "temperature_warn_c", "lower" },
		{ "{\n\"lane_loss_db\": 3,,\n}", "line 2", "JSON" },
		{ "[ 3 ]", "no object", "write" },
		{ "", "line 1", "JSON" },
		{ "{ \"ber_warn\": 1e-5 }\n// well\n} ", "line 3", "after the end" },
		{ "{ \"ber_warn\": 1e-5 } {}", "line 1", "after the end" },
		{ "{ \"raise_intervals\": 1.5 }", "raise_intervals", "a whole number" },
		{ "{ \"judge_unused\": 0.5 }", "judge_unused", "a whole number" },
		{ "{ \"lane_loss_db\": 3", "line 1", "JSON" },
	};
	struct sfab_health *h;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_error(-EINVAL, sfab_health_open(ctx, write_file(bad[i].text), &h),
			     file_path, bad[i].word, bad[i].other);
	expect_error(-ENOENT, sfab_health_open(ctx, "/nowhere/x.json", &h), "/nowhere/x.json");
	expect_error(-EINVAL, sfab_health_open(NULL, "", &h), "NULL");
	unlink(file_path);
}

static void test_bad_calls(void **state)
{
	struct sfab_verdict v = { .size = sizeof(v) };

	(void)state;
	expect_error(-ERANGE, sfab_health_get(health, 0, &v), "no verdict 0");
	next();
	expect_error(-ERANGE, sfab_health_get(health, 6, &v), "no verdict 6");
	v.size = 8;
	expect_error(-EINVAL, sfab_health_get(health, 0, &v), "sfab_verdict", "size");
	expect_error(-EINVAL, sfab_health_update(NULL), "NULL");
	expect_error(-EINVAL, sfab_health_add_link(health, NULL), "NULL");
	sfab_health_close(NULL);
}

static void test_names(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i <= SFAB_HEALTH_LASERS_OFF; i++)
		assert_string_not_equal(sfab_health_cause_name(i), "unknown cause");
	for (i = SFAB_HEALTH_ACCEL_LOST; i <= SFAB_HEALTH_LINKS_BAD; i++)
		assert_string_not_equal(sfab_health_cause_name(i), "unknown cause");
	for (i = 0; i <= SFAB_ACTION_ENABLE; i++)
		assert_string_not_equal(sfab_health_action_name(i), "unknown action");
	for (i = 0; i < SFAB_LINK_CONDITIONS; i++)
		assert_string_not_equal(sfab_condition_name(i), "unknown condition");
	for (i = 0; i <= SFAB_SEVERITY_FAILED; i++)
		assert_string_not_equal(sfab_severity_name(i), "unknown severity");
	assert_string_equal(sfab_health_cause_name(40), "unknown cause");
	assert_string_equal(sfab_condition_name(40), "unknown condition");
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup_health, teardown_health)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_healthy),
		TEST(test_dirt),
		TEST(test_intervals),
		TEST(test_cut),
		TEST(test_alone),
		TEST(test_lost_before),
		TEST(test_lost_without_eid),
		TEST(test_disabled),
		TEST(test_device),
		TEST(test_device_counters),
		TEST(test_removed),
		TEST(test_back),
		TEST(test_bounced),
		TEST(test_back_and_denied),
		TEST(test_links_leave_events),
		TEST(test_new),
		TEST(test_denied),
		TEST(test_denied_accelerator),
		TEST(test_flapped_before),
		TEST(test_ordered_before),
		TEST(test_ordered_meanwhile),
		TEST(test_unused_port),
		TEST(test_told),
		TEST(test_thresholds),
		TEST(test_bad_thresholds),
		TEST(test_bad_calls),
		TEST(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
