// SPDX-License-Identifier: MIT
/*
 * The judge on what the hardware's model cannot show yet, or only under load: reasons of the
 * port, the optical switch, hysteresis. tests/truth has the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "health.h"

static struct health_link example;
static struct health_history history;
static struct sfab_finding finding[SFAB_LINK_CONDITIONS];

static void start_end(struct health_end *end)
{
	unsigned int l;

	*end = (struct health_end){
		.known = true, .state = SFAB_LINK_UP, .lanes = 8, .lanes_in_use = 8,
		.enabled = true, .on = true, .aligned = true, .celsius = 45, .ber = 4 / 1e9,
	};
	for (l = 0; l < 8; l++)
		end->lane[l] = (struct health_lane){
			.tx_mw = 1.6, .rx_mw = 0.69, .bias_ma = 100, .ber = 4 / 1e9, .used = true,
		};
}

static int start(void **state)
{
	(void)state;
	memset(&history, 0, sizeof(history));
	example = (struct health_link){
		.now_ns = 1000000000, .interval = 1, .used = true, .warm_c = 70, .hot_c = 75,
		.lane_gbps = 112,
	};
	start_end(&example.own);
	start_end(&example.far);
	return 0;
}

static const struct sfab_finding *judge(void)
{
	example.now_ns += 1000000000;
	example.interval++;
	return &finding[health_judge(&example, &health_defaults, &history, finding)];
}

static void expect(const struct sfab_finding *got, enum sfab_health_cause cause,
		   enum sfab_severity severity, enum sfab_health_action action)
{
	assert_string_equal(sfab_health_cause_name(got->cause), sfab_health_cause_name(cause));
	assert_string_equal(sfab_severity_name(got->severity), sfab_severity_name(severity));
	assert_string_equal(sfab_health_action_name(got->action), sfab_health_action_name(action));
	assert_int_equal(!got->text[0], severity == SFAB_SEVERITY_OK);
}

static void reasons(void **state)
{
	static const struct {
		enum sfab_link_why reason;
		enum sfab_link_state port;
		enum sfab_health_cause cause;
		enum sfab_severity severity;
		enum sfab_health_action action;
	} table[] = {
		{ SFAB_LINK_WHY_DISABLED, SFAB_LINK_DOWN, SFAB_HEALTH_DISABLED,
		  SFAB_SEVERITY_WATCH, SFAB_ACTION_ENABLE },
		{ SFAB_LINK_WHY_LOW_POWER, SFAB_LINK_DOWN, SFAB_HEALTH_LOW_POWER,
		  SFAB_SEVERITY_WATCH, SFAB_ACTION_ENABLE },
		{ SFAB_LINK_WHY_TEST, SFAB_LINK_DOWN, SFAB_HEALTH_TESTING,
		  SFAB_SEVERITY_WATCH, SFAB_ACTION_NONE },
		{ SFAB_LINK_WHY_SWITCHING, SFAB_LINK_TRAINING, SFAB_HEALTH_SWITCHING,
		  SFAB_SEVERITY_WATCH, SFAB_ACTION_NONE },
		{ SFAB_LINK_WHY_NO_PATH, SFAB_LINK_DOWN, SFAB_HEALTH_NO_PATH,
		  SFAB_SEVERITY_FAILED, SFAB_ACTION_ENABLE },
		{ SFAB_LINK_WHY_NO_MODULE, SFAB_LINK_DOWN, SFAB_HEALTH_NO_MODULE,
		  SFAB_SEVERITY_FAILED, SFAB_ACTION_REPLACE_MODULE },
		{ SFAB_LINK_WHY_MODULE_FAULT, SFAB_LINK_DOWN, SFAB_HEALTH_MODULE_FAULT,
		  SFAB_SEVERITY_FAILED, SFAB_ACTION_RESET },
		{ SFAB_LINK_WHY_PROTOCOL, SFAB_LINK_FAILED, SFAB_HEALTH_PROTOCOL,
		  SFAB_SEVERITY_FAILED, SFAB_ACTION_RESET },
		{ SFAB_LINK_WHY_VERSION, SFAB_LINK_FAILED, SFAB_HEALTH_VERSION,
		  SFAB_SEVERITY_FAILED, SFAB_ACTION_DRAIN },
		{ SFAB_LINK_WHY_REPLAY, SFAB_LINK_TRAINING, SFAB_HEALTH_HIGH_BER,
		  SFAB_SEVERITY_FAILED, SFAB_ACTION_RETRAIN },
		{ SFAB_LINK_WHY_NO_ALIGNMENT, SFAB_LINK_TRAINING, SFAB_HEALTH_HIGH_BER,
		  SFAB_SEVERITY_FAILED, SFAB_ACTION_RETRAIN },
		{ SFAB_LINK_WHY_NO_LOCK, SFAB_LINK_TRAINING, SFAB_HEALTH_RECEIVER_UNLOCK,
		  SFAB_SEVERITY_FAILED, SFAB_ACTION_RETRAIN },
		{ SFAB_LINK_WHY_PARTNER, SFAB_LINK_TRAINING, SFAB_HEALTH_PARTNER_DEAF,
		  SFAB_SEVERITY_FAILED, SFAB_ACTION_CHECK_FIBRE },
	};
	unsigned int i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		start(state);
		example.own.state = table[i].port;
		example.own.reason = table[i].reason;
		expect(judge(), table[i].cause, table[i].severity, table[i].action);
	}
}

/* What was ordered has no effects to complain of */
static void orders_silence_effects(void **state)
{
	(void)state;
	example.own.state = SFAB_LINK_DOWN;
	example.own.reason = SFAB_LINK_WHY_DISABLED;
	example.own.on = false;
	example.own.enabled = false;
	judge();
	assert_int_equal(finding[SFAB_CONDITION_TRAFFIC].holds, SFAB_UNKNOWN);
	assert_int_equal(finding[SFAB_CONDITION_LIGHT].holds, SFAB_UNKNOWN);
}

/* Nor is it flapping when it goes down because it was told to, again and again */
static void ordered_downs(void **state)
{
	unsigned int i;

	(void)state;
	judge();
	for (i = 1; i <= 5; i++) {
		example.own.state = SFAB_LINK_TRAINING;
		example.own.reason = SFAB_LINK_WHY_TEST;
		example.own.count[HEALTH_DOWNS] = i;
		judge();
		assert_int_equal(finding[SFAB_CONDITION_STABLE].cause, SFAB_HEALTH_NONE);
		example.own.state = SFAB_LINK_UP;
		example.own.reason = SFAB_LINK_WHY_NONE;
		judge();
	}
	assert_int_equal(finding[SFAB_CONDITION_STABLE].holds, SFAB_TRUE);
}

static void switches(void **state)
{
	(void)state;
	expect(judge(), SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
	assert_int_equal(finding[SFAB_CONDITION_SWITCH].holds, SFAB_UNKNOWN);
	start(state);
	example.switch_result = SFAB_LINK_RESULT_ROLLED_BACK;
	example.switch_cause = SFAB_LINK_CAUSE_STUCK;
	expect(judge(), SFAB_HEALTH_SWITCH_STUCK, SFAB_SEVERITY_DEGRADED,
	       SFAB_ACTION_REPLACE_MODULE);
	start(state);
	example.switch_result = SFAB_LINK_RESULT_FAILED;
	example.switch_cause = SFAB_LINK_CAUSE_STUCK;
	example.own.state = SFAB_LINK_DOWN;
	example.own.reason = SFAB_LINK_WHY_NO_LIGHT;
	expect(judge(), SFAB_HEALTH_SWITCH_STUCK, SFAB_SEVERITY_FAILED,
	       SFAB_ACTION_REPLACE_MODULE);
	start(state);
	example.switch_result = SFAB_LINK_RESULT_ROLLED_BACK;
	example.switch_cause = SFAB_LINK_CAUSE_NO_LIGHT;
	expect(judge(), SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
	assert_int_equal(finding[SFAB_CONDITION_SWITCH].holds, SFAB_TRUE);
}

static void a_lane_switched_off_by_order(void **state)
{
	(void)state;
	example.far.lane[2].tx_mw = 0;
	example.own.lane[2] = (struct health_lane){ .los = true, .lol = true };
	example.own.lanes_in_use = 4;
	expect(judge(), SFAB_HEALTH_FAR_LASER_DEAD, SFAB_SEVERITY_DEGRADED, SFAB_ACTION_ENABLE);
	/* Of the own end; fewer lanes in use have the same reason, and no advice to retrain */
	start(state);
	example.own.lane[2].tx_mw = 0;
	example.own.tx_off = 1 << 2;
	example.own.lanes_in_use = 4;
	expect(judge(), SFAB_HEALTH_LASERS_OFF, SFAB_SEVERITY_DEGRADED, SFAB_ACTION_ENABLE);
	assert_int_equal(finding[SFAB_CONDITION_WIDTH].cause, SFAB_HEALTH_LASERS_OFF);
	/* One that is dead as well is the worse news */
	example.own.lane[5] = (struct health_lane){ .txfail = true };
	judge();
	expect(judge(), SFAB_HEALTH_LASER_DEAD, SFAB_SEVERITY_DEGRADED,
	       SFAB_ACTION_REPLACE_MODULE);
}

static void bit_errors_without_a_cause(void **state)
{
	(void)state;
	example.own.ber = 0.00002;
	expect(judge(), SFAB_HEALTH_HIGH_BER, SFAB_SEVERITY_WATCH, SFAB_ACTION_RETRAIN);
	start(state);
	judge();
	example.own.count[HEALTH_UNCORRECTABLE] = 5;
	judge();
	expect(judge(), SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
	example.own.count[HEALTH_UNCORRECTABLE] = 6;
	judge();
	example.own.count[HEALTH_UNCORRECTABLE] = 7;
	expect(judge(), SFAB_HEALTH_HIGH_BER, SFAB_SEVERITY_DEGRADED, SFAB_ACTION_RETRAIN);
}

/* A count that was cleared is no count that has grown */
static void cleared_counters(void **state)
{
	(void)state;
	example.own.count[HEALTH_CRC] = 1000000;
	judge();
	example.own.count[HEALTH_CRC] = 0;
	judge();
	expect(judge(), SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
}

/* Seen twice it appears, not seen three times it goes; in between it neither floods nor hides */
static void hysteresis(void **state)
{
	unsigned int i;

	(void)state;
	judge();
	example.own.celsius = 72;
	expect(judge(), SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
	expect(judge(), SFAB_HEALTH_TOO_WARM, SFAB_SEVERITY_WATCH, SFAB_ACTION_COOL);
	for (i = 0; i < 10; i++) {
		example.own.celsius = i % 2 ? 72 : 45;
		expect(judge(), SFAB_HEALTH_TOO_WARM, SFAB_SEVERITY_WATCH, SFAB_ACTION_COOL);
	}
	example.own.celsius = 45;
	judge();
	judge();
	expect(judge(), SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
	/* One spike is none */
	example.own.celsius = 72;
	judge();
	example.own.celsius = 45;
	judge();
	example.own.celsius = 72;
	expect(judge(), SFAB_HEALTH_NONE, SFAB_SEVERITY_OK, SFAB_ACTION_NONE);
}

/* The first time there is nothing to compare with: what is seen is said */
static void at_once_at_first(void **state)
{
	(void)state;
	example.own.celsius = 72;
	expect(judge(), SFAB_HEALTH_TOO_WARM, SFAB_SEVERITY_WATCH, SFAB_ACTION_COOL);
}

static void lanes_in_words(void **state)
{
	char text[64];

	(void)state;
	assert_string_equal(health_lanes_text(0x08, text, sizeof(text)), "lane 3");
	assert_string_equal(health_lanes_text(0x8000, text, sizeof(text)), "lane 15");
	assert_string_equal(health_lanes_text(0xff, text, sizeof(text)), "lanes 0-7");
	assert_string_equal(health_lanes_text(0x27, text, sizeof(text)), "lanes 0-2 5");
	assert_string_equal(health_lanes_text(0x80000001, text, sizeof(text)), "lanes 0 31");
}

#define TEST(name)	cmocka_unit_test_setup(name, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reasons),
		TEST(orders_silence_effects),
		TEST(ordered_downs),
		TEST(switches),
		TEST(a_lane_switched_off_by_order),
		TEST(bit_errors_without_a_cause),
		TEST(cleared_counters),
		TEST(hysteresis),
		TEST(at_once_at_first),
		TEST(lanes_in_words),
	};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
