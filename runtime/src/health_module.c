// SPDX-License-Identifier: MIT
/*
 * The judge on what was ordered, and on the module itself
 */
#include "health_bench.h"

/* ---- what was ordered ---- */

struct order {
	uint32_t reason;
	struct advice advice;
	const char *text;
};

static const struct order *ordered(const struct health_end *end)
{
	static const struct order orders[] = {
		{ SFAB_LINK_WHY_DISABLED, { SFAB_HEALTH_DISABLED, SFAB_ACTION_ENABLE },
		  "the port is disabled: enable it if it is to carry traffic" },
		{ SFAB_LINK_WHY_LOW_POWER, { SFAB_HEALTH_LOW_POWER, SFAB_ACTION_ENABLE },
		  "the module was put into low power: take it out of it to carry traffic" },
		{ SFAB_LINK_WHY_TEST, { SFAB_HEALTH_TESTING, SFAB_ACTION_NONE },
		  "a pattern test runs: no traffic until it is stopped" },
		{ SFAB_LINK_WHY_SWITCHING, { SFAB_HEALTH_SWITCHING, SFAB_ACTION_NONE },
		  "the light path is being switched: traffic waits or takes another way" },
		{ SFAB_LINK_WHY_NO_PATH, { SFAB_HEALTH_NO_PATH, SFAB_ACTION_ENABLE },
		  "the light path that was chosen does not exist: choose one that does" },
	};
	static const struct order loopback = {
		0, { SFAB_HEALTH_TESTING, SFAB_ACTION_NONE },
		"the port is in loopback and hears itself: no traffic with others until that is ended"
	};
	static const struct order lasers = {
		0, { SFAB_HEALTH_LASERS_OFF, SFAB_ACTION_ENABLE },
		"the lasers of all lanes were turned off: turn them on if the link is to carry traffic"
	};
	uint32_t all = health_all_lanes(end->lanes);
	unsigned int i;

	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (orders[i].reason == end->reason && !carries_traffic(end))
			return &orders[i];
	}
	if (all && (end->tx_off & all) == all && !carries_traffic(end))
		return &lasers;
	return end->loopback ? &loopback : NULL;
}

bool health_is_ordered(const struct health_end *end)
{
	return ordered(end);
}

static void judge_orders(struct bench *b)
{
	const struct order *order = ordered(&b->link->own);
	bool none = order && order->advice.cause == SFAB_HEALTH_NO_PATH;

	if (!order) {
		bench_good(b, SFAB_CONDITION_ENABLED);
		return;
	}
	b->ordered = true;
	bench_bad(b, SFAB_CONDITION_ENABLED,
		  none ? SFAB_SEVERITY_FAILED : SFAB_SEVERITY_WATCH, order->advice, "%s",
		  order->text);
}

/* ---- the module ---- */

static void judge_module(struct bench *b)
{
	const struct health_end *own = &b->link->own;

	if (own->reason == SFAB_LINK_WHY_NO_MODULE) {
		b->blocked = true;
		bench_bad(b, SFAB_CONDITION_MODULE, SFAB_SEVERITY_FAILED,
			  (struct advice){ SFAB_HEALTH_NO_MODULE, SFAB_ACTION_REPLACE_MODULE },
			  "there is no module in the port: plug one");
	} else if (own->shut || b->link->module_fault == SFAB_LINK_FAULT_TOO_HOT) {
		b->blocked = true;
		bench_bad(b, SFAB_CONDITION_MODULE, SFAB_SEVERITY_FAILED,
			  (struct advice){ SFAB_HEALTH_MODULE_OVERHEATED, SFAB_ACTION_COOL },
			  "the module has switched itself off at %.1f C: cool it, then it comes back",
			  own->celsius);
	} else if (own->reason == SFAB_LINK_WHY_MODULE_FAULT || b->link->module_fault) {
		b->blocked = true;
		bench_bad(b, SFAB_CONDITION_MODULE, SFAB_SEVERITY_FAILED,
			  (struct advice){ SFAB_HEALTH_MODULE_FAULT, SFAB_ACTION_RESET },
			  "the module's data path stays in its initialisation: its firmware hangs; reset the module, replace it if that does not help");
	} else {
		bench_good(b, SFAB_CONDITION_MODULE);
	}
}

static void judge_temperature(struct bench *b)
{
	double warm = b->link->warm_c > 0 ? b->link->warm_c : b->t->temperature_warn_c;
	double hot = b->link->hot_c > 0 ? b->link->hot_c : b->t->temperature_alarm_c;
	const struct advice cool = { SFAB_HEALTH_TOO_WARM, SFAB_ACTION_COOL };
	double celsius = b->link->own.celsius;

	if (celsius > hot)
		bench_bad(b, SFAB_CONDITION_TEMPERATURE, SFAB_SEVERITY_DEGRADED, cool,
			  "the module has %.1f C, above its alarm of %.0f C: it will soon switch itself off",
			  celsius, hot);
	else if (celsius > warm)
		bench_bad(b, SFAB_CONDITION_TEMPERATURE, SFAB_SEVERITY_WATCH, cool,
			  "the module has %.1f C, above its warning of %.0f C: look at the fans",
			  celsius, warm);
	else
		bench_good(b, SFAB_CONDITION_TEMPERATURE);
}

/* Warmth takes more current too; so current alone tells only where it is not warm */
static bool is_old(const struct bench *b, const struct health_lane *lane)
{
	bool warm = b->finding[SFAB_CONDITION_TEMPERATURE].holds == SFAB_FALSE;

	return lane->age >= b->t->age_warn_percent ||
	       (!warm && lane->bias_ma >= b->t->bias_warn_ma);
}

static void judge_age(struct bench *b)
{
	const struct health_end *own = &b->link->own;
	unsigned int l, oldest = 0;
	uint32_t old = 0;
	char lanes[64];

	for (l = 0; l < own->lanes; l++) {
		if (is_old(b, &own->lane[l]))
			old |= (uint32_t)1 << l;
		if (own->lane[l].age > own->lane[oldest].age)
			oldest = l;
	}
	if (!old) {
		bench_good(b, SFAB_CONDITION_AGE);
		return;
	}
	bench_bad(b, SFAB_CONDITION_AGE,
		  own->lane[oldest].age >= 100 ? SFAB_SEVERITY_DEGRADED : SFAB_SEVERITY_WATCH,
		  (struct advice){ SFAB_HEALTH_LASER_AGEING, SFAB_ACTION_REPLACE_MODULE },
		  "the laser of %s is worn (%u %% of its life, %.1f mA): %s",
		  health_lanes_text(old, lanes, sizeof(lanes)), own->lane[oldest].age,
		  own->lane[oldest].bias_ma,
		  own->lane[oldest].age >= 100 ? "its power falls, replace the module" :
						 "plan to replace the module");
}

/* Known by the last transaction alone: what moves next time is not stuck any more */
static void judge_switch(struct bench *b)
{
	const struct advice replace = { SFAB_HEALTH_SWITCH_STUCK, SFAB_ACTION_REPLACE_MODULE };

	if (b->link->switch_result == SFAB_LINK_RESULT_NONE)
		return;
	if (b->link->switch_cause != SFAB_LINK_CAUSE_STUCK) {
		bench_good(b, SFAB_CONDITION_SWITCH);
		return;
	}
	if (carries_traffic(&b->link->own)) {
		bench_bad(b, SFAB_CONDITION_SWITCH, SFAB_SEVERITY_DEGRADED, replace,
			  "the optical switch of the module did not move: the old light path works on, but there is no other one any more; replace the module");
		return;
	}
	b->blocked = true;
	bench_bad(b, SFAB_CONDITION_SWITCH, SFAB_SEVERITY_FAILED, replace,
		  "the optical switch of the module is stuck between two light paths: replace the module");
}

void bench_module(struct bench *b)
{
	judge_orders(b);
	judge_module(b);
	if (b->finding[SFAB_CONDITION_MODULE].cause == SFAB_HEALTH_NO_MODULE)
		return;
	judge_temperature(b);
	judge_age(b);
	judge_switch(b);
}
