/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the judge share: one judgement while it is made
 */
#ifndef SFAB_HEALTH_BENCH_H
#define SFAB_HEALTH_BENCH_H

#include "health.h"

struct advice {
	enum sfab_health_cause cause;
	enum sfab_health_action action;
};

struct bench {
	const struct health_link *link;
	const struct health_thresholds *t;
	struct sfab_finding *finding;
	struct health_way in, out;
	double seconds;			/* since the last judgement; 0: this is the first */
	uint64_t own_added[HEALTH_COUNTS], far_added[HEALTH_COUNTS];
	bool ordered;			/* it carries nothing because somebody said so */
	bool blocked;			/* ... or cannot, whatever the light is like */
};

void bench_good(struct bench *bench, enum sfab_condition condition);
void bench_bad(struct bench *bench, enum sfab_condition condition, enum sfab_severity severity,
	       struct advice advice, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* health_module.c: what was ordered, module, temperature, age, optical switch */
void bench_module(struct bench *bench);
/* Somebody has said that @end is to carry no traffic */
bool health_is_ordered(const struct health_end *end);
/* health_path.c: lasers, light both ways, locks */
void bench_light(struct bench *bench);
/* health_effect.c: bit errors, replays, width, traffic, stability */
void bench_effects(struct bench *bench, const struct health_history *history);

static inline uint32_t health_all_lanes(unsigned int lanes)
{
	return (uint32_t)(((uint64_t)1 << lanes) - 1);
}

static inline bool carries_traffic(const struct health_end *end)
{
	return end->state == SFAB_LINK_UP || end->state == SFAB_LINK_DEGRADED;
}

/* What a receiver suffers; @added: its counts within the interval */
enum sfab_severity bench_suffers(const struct bench *bench, const struct health_end *receiver,
				 const uint64_t *added);

#endif
