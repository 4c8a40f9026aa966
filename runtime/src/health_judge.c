// SPDX-License-Identifier: MIT
/*
 * The judge: what is wrong with a link, why, and what to do
 *
 * Conditions are judged in the order of causes, so that an effect (bit errors, lost lanes, no
 * traffic) finds the cause that explains it, if one was found. sfab-health(7) has the table
 * of signatures.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "health_bench.h"

const struct health_thresholds health_defaults = {
	.temperature_warn_c = 70,
	.temperature_alarm_c = 75,
	.ber_warn = 0.00001,
	.ber_alarm = 0.0001,
	.lane_loss_db = 0.5,
	.path_loss_db = 3.7,
	.path_excess_db = 0.8,
	.alone_lane_db = 1.2,
	.alone_low_dbm = -3,
	.age_warn_percent = 70,
	.bias_warn_ma = 125,
	.replays_per_s = 1,
	.flap_count = 3,
	.flap_window_s = 60,
	.raise_intervals = 2,
	.clear_intervals = 3,
};

void bench_good(struct bench *b, enum sfab_condition condition)
{
	b->finding[condition].holds = SFAB_TRUE;
}

void bench_bad(struct bench *b, enum sfab_condition condition, enum sfab_severity severity,
	       struct advice advice, const char *fmt, ...)
{
	struct sfab_finding *finding = &b->finding[condition];
	va_list args;

	finding->holds = SFAB_FALSE;
	finding->severity = severity;
	finding->cause = advice.cause;
	finding->action = advice.action;
	va_start(args, fmt);
	vsnprintf(finding->text, sizeof(finding->text), fmt, args);
	va_end(args);
}

/* ---- counts ---- */

/* What was added since; a count that was cleared begins anew */
static void since(const struct health_end *end, uint64_t *then, uint64_t *added, bool known)
{
	unsigned int i;

	for (i = 0; i < HEALTH_COUNTS; i++) {
		added[i] = 0;
		if (known)
			added[i] = end->count[i] - (end->count[i] < then[i] ? 0 : then[i]);
		then[i] = end->count[i];
	}
}

void health_note_down(struct health_history *history, uint64_t ns)
{
	history->flap_ns[history->flaps++ % HEALTH_FLAPS] = ns ? ns : 1;
}

void health_note_order(struct health_history *history)
{
	history->ordered++;
	history->waited = 0;
}

/* How long an order waits for its down: an event and a count are not seen at the same time */
#define ORDER_INTERVALS	3

/* Of so many downs those that nobody has ordered */
static uint64_t not_ordered(struct bench *b, struct health_history *history, uint64_t downs)
{
	uint64_t ordered = downs < history->ordered ? downs : history->ordered;

	if (!ordered && history->waited++ >= ORDER_INTERVALS)
		history->ordered = 0;
	history->ordered -= (unsigned int)ordered;
	/* Or nobody has told of orders: but this one still stands */
	if (downs && !ordered && health_is_ordered(&b->link->own))
		ordered = 1;
	return downs - ordered;
}

static void count(struct bench *b, struct health_history *history)
{
	uint64_t downs;
	unsigned int i;

	b->seconds = history->judged ? (b->link->now_ns - history->then_ns) / 1e9 : 0;
	since(&b->link->own, history->own, b->own_added, b->seconds > 0);
	since(&b->link->far, history->far, b->far_added,
	      b->seconds > 0 && history->far_counted && b->link->far.known);
	history->far_counted = b->link->far.known;
	history->then_ns = b->link->now_ns;
	downs = not_ordered(b, history, b->own_added[HEALTH_DOWNS]);
	for (i = 0; i < downs && i < HEALTH_FLAPS; i++)
		health_note_down(history, b->link->now_ns);
}

/* ---- hysteresis ---- */

static bool same(const struct sfab_finding *a, const struct sfab_finding *b)
{
	return a->holds == b->holds && a->severity == b->severity && a->cause == b->cause &&
	       a->action == b->action;
}

void health_settle(const struct health_thresholds *t, struct health_memory *memory,
		   struct sfab_finding *seen, bool first)
{
	double needed = seen->holds == SFAB_FALSE ? t->raise_intervals : t->clear_intervals;

	if (memory->shown.holds != SFAB_FALSE && seen->holds != SFAB_FALSE)
		needed = 0;
	if (first || same(&memory->shown, seen)) {
		memory->shown = *seen;
		memory->other = 0;
	} else if (++memory->other >= needed) {
		memory->shown = *seen;
		memory->other = 0;
	}
	*seen = memory->shown;
}

/* ---- the verdict ---- */

static unsigned int worst(const struct sfab_finding *finding)
{
	unsigned int i, at = 0;

	for (i = 1; i < SFAB_LINK_CONDITIONS; i++) {
		if (finding[i].severity > finding[at].severity)
			at = i;
	}
	return at;
}

static void judge(struct bench *bench, struct health_history *history)
{
	const struct health_link *link = bench->link;
	unsigned int i;

	memset(bench->finding, 0, SFAB_LINK_CONDITIONS * sizeof(*bench->finding));
	for (i = 0; i < SFAB_LINK_CONDITIONS; i++)
		bench->finding[i].condition = i;
	count(bench, history);
	bench->in = health_way(&link->own, &link->far, bench->t);
	bench->out = health_way(&link->far, &link->own, bench->t);
	bench_module(bench);
	if (link->used || bench->t->judge_unused > 0) {
		bench_light(bench);
		bench_effects(bench, history);
	}
	for (i = 0; i < SFAB_LINK_CONDITIONS; i++)
		health_settle(bench->t, &history->memory[i], &bench->finding[i],
			      !history->judged);
	history->judged = true;
}

unsigned int health_judge(const struct health_link *link, const struct health_thresholds *t,
			  struct health_history *history,
			  struct sfab_finding finding[SFAB_LINK_CONDITIONS])
{
	struct bench bench = { .link = link, .t = t, .finding = finding };
	unsigned int i;

	if (!history->judged || link->interval != history->interval)
		judge(&bench, history);
	history->interval = link->interval;
	for (i = 0; i < SFAB_LINK_CONDITIONS; i++)
		finding[i] = history->memory[i].shown;
	return worst(finding);
}
