// SPDX-License-Identifier: MIT
/*
 * The accelerators of a monitor
 */
#include <stdio.h>
#include <string.h>

#include "health_monitor.h"

static void bad(struct sfab_finding *finding, enum sfab_severity severity,
		enum sfab_health_cause cause, enum sfab_health_action action, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

static void bad(struct sfab_finding *finding, enum sfab_severity severity,
		enum sfab_health_cause cause, enum sfab_health_action action, const char *fmt, ...)
{
	va_list args;

	finding->holds = SFAB_FALSE;
	finding->severity = severity;
	finding->cause = cause;
	finding->action = action;
	va_start(args, fmt);
	vsnprintf(finding->text, sizeof(finding->text), fmt, args);
	va_end(args);
}

static unsigned long long more(uint64_t now, uint64_t then)
{
	return now - (now < then ? 0 : then);
}

static struct sfab_finding *finding_of(struct sfab_verdict *v, enum sfab_condition condition)
{
	return &v->finding[condition - SFAB_CONDITION_USABLE];
}

static void judge_counters(struct watched_accel *a, const struct sfab_device_counters *now)
{
	unsigned long long resets = more(now->device_resets, a->counters.device_resets);
	unsigned long long timeouts = more(now->job_timeouts, a->counters.job_timeouts);
	unsigned long long failures = more(now->fabric_failures, a->counters.fabric_failures);
	struct sfab_verdict *v = &a->verdict;

	if (!a->judged)
		return;
	finding_of(v, SFAB_CONDITION_RESETS)->holds = SFAB_TRUE;
	finding_of(v, SFAB_CONDITION_TIMEOUTS)->holds = SFAB_TRUE;
	finding_of(v, SFAB_CONDITION_REMOTE)->holds = SFAB_TRUE;
	if (resets)
		bad(finding_of(v, SFAB_CONDITION_RESETS), SFAB_SEVERITY_DEGRADED,
		    SFAB_HEALTH_ACCEL_RESET, SFAB_ACTION_WATCH,
		    "it was reset %llu times since it was looked at last: all work on it was lost",
		    resets);
	if (timeouts)
		bad(finding_of(v, SFAB_CONDITION_TIMEOUTS), SFAB_SEVERITY_WATCH,
		    SFAB_HEALTH_ACCEL_TIMEOUTS, SFAB_ACTION_WATCH,
		    "%llu pieces of work took too long and were stopped", timeouts);
	if (failures)
		bad(finding_of(v, SFAB_CONDITION_REMOTE), SFAB_SEVERITY_WATCH,
		    SFAB_HEALTH_REMOTE_FAILURES, SFAB_ACTION_WATCH,
		    "%llu operations on memory of others failed: see what its links and theirs say",
		    failures);
}

/* What its links say, in one finding */
static void judge_links(const struct sfab_health *health, struct watched_accel *a)
{
	const struct sfab_verdict *worst = NULL;
	struct sfab_verdict *v = &a->verdict;
	unsigned int i, links = 0, unwell = 0, dead = 0;
	struct sfab_finding *finding = finding_of(v, SFAB_CONDITION_LINKS);

	for (i = 0; i < health->link_count; i++) {
		const struct sfab_verdict *l = &health->links[i].verdict;

		if (l->accel != a->verdict.accel || (!l->full_gbps && !l->severity))
			continue;
		links++;
		v->gbps += l->gbps;
		v->full_gbps += l->full_gbps;
		unwell += l->severity != SFAB_SEVERITY_OK;
		dead += l->severity == SFAB_SEVERITY_FAILED;
		if (!worst || l->severity > worst->severity)
			worst = l;
	}
	if (links)
		finding->holds = SFAB_TRUE;
	if (unwell)
		bad(finding, dead == links ? SFAB_SEVERITY_FAILED :
			     worst->severity == SFAB_SEVERITY_FAILED ? SFAB_SEVERITY_DEGRADED :
							(enum sfab_severity)worst->severity,
		    SFAB_HEALTH_LINKS_BAD, (enum sfab_health_action)worst->action,
		    "%u of %u links are not well, worst %s (%s): %u of %u Gb/s", unwell, links,
		    worst->name, sfab_health_cause_name(worst->cause), v->gbps, v->full_gbps);
}

static unsigned int settle_all(const struct sfab_health *health, struct watched_accel *a)
{
	unsigned int i, worst = 0;

	for (i = 0; i < SFAB_ACCEL_CONDITIONS; i++) {
		/* Its links have their own hysteresis; and what is lost is lost */
		if (i + SFAB_CONDITION_USABLE != SFAB_CONDITION_LINKS &&
		    i + SFAB_CONDITION_USABLE != SFAB_CONDITION_USABLE &&
		    a->verdict.finding[i].holds != SFAB_FALSE)
			health_settle(&health->thresholds, &a->memory[i], &a->verdict.finding[i],
				      !a->judged);
		else
			a->memory[i] = (struct health_memory){ .shown = a->verdict.finding[i] };
		if (a->verdict.finding[i].severity > a->verdict.finding[worst].severity)
			worst = i;
	}
	return worst;
}

static void judge_one(const struct sfab_health *health, struct watched_accel *a)
{
	struct sfab_device_counters counters = { .size = sizeof(counters) };
	struct sfab_verdict *v = &a->verdict;
	unsigned int i;
	bool answers;
	int ret = 0;

	memset(v->finding, 0, sizeof(v->finding));
	for (i = 0; i < SFAB_ACCEL_CONDITIONS; i++)
		v->finding[i].condition = SFAB_CONDITION_USABLE + i;
	v->findings = SFAB_ACCEL_CONDITIONS;
	v->gbps = 0;
	v->full_gbps = 0;
	if (!a->dev)
		ret = sfab_device_get(health->ctx, a->index, &a->dev);
	if (!ret)
		ret = sfab_device_get_counters(a->dev, &counters);
	answers = !ret;
	if (answers) {
		v->finding[0].holds = SFAB_TRUE;
		judge_counters(a, &counters);
		a->counters = counters;
	} else if (health_is_denied(ret)) {
		snprintf(v->finding[0].text, sizeof(v->finding[0].text),
			 "it may not be opened: %.180s", sfab_last_error());
	} else if (ret == -ENODEV) {
		bad(&v->finding[0], SFAB_SEVERITY_FAILED, SFAB_HEALTH_ACCEL_LOST,
		    SFAB_ACTION_RESET,
		    "it is gone: it was pulled out, or taken from its driver ('dmesg' tells when)");
	} else {
		bad(&v->finding[0], SFAB_SEVERITY_FAILED, SFAB_HEALTH_ACCEL_LOST,
		    SFAB_ACTION_RESET, "it cannot be used: %.180s", sfab_last_error());
	}
	judge_links(health, a);
	verdict_conclude(v, settle_all(health, a));
	a->judged = answers || a->judged;
}

void watched_accels_judge(struct sfab_health *health)
{
	unsigned int i;

	for (i = 0; i < health->accel_count; i++)
		judge_one(health, &health->accels[i]);
}
