// SPDX-License-Identifier: MIT
/*
 * The judge on effects: bit errors, replays, width, traffic, stability
 *
 * Each asks first whether a cause was found that explains it.
 */
#include "health_bench.h"

/* The finding that explains an effect in one direction, or NULL */
static const struct sfab_finding *reason_for(const struct bench *b, bool in, bool out)
{
	const struct {
		enum sfab_condition condition;
		bool counts;
	} order[] = {
		{ SFAB_CONDITION_MODULE, true },
		{ SFAB_CONDITION_SWITCH, b->blocked },
		{ SFAB_CONDITION_LIGHT, in },
		{ SFAB_CONDITION_LASERS, out },
		{ SFAB_CONDITION_FAR_LIGHT, out },
		{ SFAB_CONDITION_LOCK, true },
	};
	unsigned int i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (order[i].counts && b->finding[order[i].condition].holds == SFAB_FALSE)
			return &b->finding[order[i].condition];
	}
	return NULL;
}

static struct advice advice_of(const struct sfab_finding *reason, struct advice other)
{
	if (!reason)
		return other;
	return (struct advice){ reason->cause, reason->action };
}

static void judge_errors(struct bench *b)
{
	const struct health_end *own = &b->link->own;
	bool lost = b->own_added[HEALTH_UNCORRECTABLE] || own->ber >= b->t->ber_alarm;

	if (!own->aligned)
		return;
	if (!lost && own->ber < b->t->ber_warn) {
		bench_good(b, SFAB_CONDITION_BIT_ERRORS);
		return;
	}
	bench_bad(b, SFAB_CONDITION_BIT_ERRORS,
		  lost ? SFAB_SEVERITY_DEGRADED : SFAB_SEVERITY_WATCH,
		  advice_of(reason_for(b, true, false),
			    (struct advice){ SFAB_HEALTH_HIGH_BER, SFAB_ACTION_RETRAIN }),
		  "%.1e bit errors before correction (warning %.0e, alarm %.0e), %llu codewords were lost",
		  own->ber, b->t->ber_warn, b->t->ber_alarm,
		  (unsigned long long)b->own_added[HEALTH_UNCORRECTABLE]);
}

/* Damaged packets that arrive here, or that the far end made us send again */
static void judge_replays(struct bench *b)
{
	double in, out;
	const struct sfab_finding *reason;
	bool bits;

	if (b->seconds <= 0)
		return;
	in = b->own_added[HEALTH_CRC] / b->seconds;
	out = b->own_added[HEALTH_REPLAYS] / b->seconds;
	if (in < b->t->replays_per_s && out < b->t->replays_per_s) {
		bench_good(b, SFAB_CONDITION_REPLAYS);
		return;
	}
	reason = reason_for(b, in >= out, out > in);
	bits = b->finding[SFAB_CONDITION_BIT_ERRORS].holds == SFAB_FALSE ||
	       b->far_added[HEALTH_UNCORRECTABLE];
	bench_bad(b, SFAB_CONDITION_REPLAYS, SFAB_SEVERITY_DEGRADED,
		  advice_of(reason, (struct advice){ bits ? SFAB_HEALTH_HIGH_BER :
						     SFAB_HEALTH_REPLAY_STORM,
						     SFAB_ACTION_RETRAIN }),
		  "%.0f damaged packets a second arrive here and %.0f at the far end, each is sent again%s",
		  in, out, reason || bits ? "" :
		  ": with so few bit errors not the light damages them, but the electronics of an end");
}

static void judge_width(struct bench *b)
{
	const struct health_end *own = &b->link->own;

	if (!carries_traffic(own))
		return;
	if (own->lanes_in_use >= own->lanes) {
		bench_good(b, SFAB_CONDITION_WIDTH);
		return;
	}
	bench_bad(b, SFAB_CONDITION_WIDTH, SFAB_SEVERITY_DEGRADED,
		  advice_of(reason_for(b, true, true),
			    (struct advice){ SFAB_HEALTH_LANES_IDLE, SFAB_ACTION_RETRAIN }),
		  "%u of %u lanes are used: %u of %u Gb/s%s", own->lanes_in_use, own->lanes,
		  own->lanes_in_use * b->link->lane_gbps, own->lanes * b->link->lane_gbps,
		  reason_for(b, true, true) ? "" :
		  "; nothing is seen to be wrong with the others: retrain to use them again");
}

static struct advice advice_by_reason(uint32_t reason)
{
	switch (reason) {
	case SFAB_LINK_WHY_PROTOCOL:
		return (struct advice){ SFAB_HEALTH_PROTOCOL, SFAB_ACTION_RESET };
	case SFAB_LINK_WHY_VERSION:
		return (struct advice){ SFAB_HEALTH_VERSION, SFAB_ACTION_DRAIN };
	case SFAB_LINK_WHY_REPLAY:
	case SFAB_LINK_WHY_NO_ALIGNMENT:
		return (struct advice){ SFAB_HEALTH_HIGH_BER, SFAB_ACTION_RETRAIN };
	case SFAB_LINK_WHY_NO_LOCK:
		return (struct advice){ SFAB_HEALTH_RECEIVER_UNLOCK, SFAB_ACTION_RETRAIN };
	case SFAB_LINK_WHY_NO_LIGHT:
		return (struct advice){ SFAB_HEALTH_DARK_UNKNOWN, SFAB_ACTION_CHECK_FIBRE };
	default:
		return (struct advice){ SFAB_HEALTH_PARTNER_DEAF, SFAB_ACTION_CHECK_FIBRE };
	}
}

static void judge_traffic(struct bench *b)
{
	const struct health_end *own = &b->link->own;
	const struct sfab_finding *reason = reason_for(b, true, true);

	if (carries_traffic(own)) {
		bench_good(b, SFAB_CONDITION_TRAFFIC);
		return;
	}
	bench_bad(b, SFAB_CONDITION_TRAFFIC, SFAB_SEVERITY_FAILED,
		  advice_of(reason, advice_by_reason(own->reason)), "the link is %s (%s)%s%s",
		  sfab_link_state_name(own->state), sfab_link_reason_name(own->reason),
		  reason ? ": " : "", reason ? sfab_health_cause_name(reason->cause) : "");
}

static void judge_stable(struct bench *b, const struct health_history *history)
{
	uint64_t window = (uint64_t)(b->t->flap_window_s * 1e9), at;
	unsigned int i, downs = 0;

	for (i = 0; i < HEALTH_FLAPS; i++) {
		at = history->flap_ns[i];
		downs += at && at + window > b->link->now_ns;
	}
	if (downs < b->t->flap_count) {
		bench_good(b, SFAB_CONDITION_STABLE);
		return;
	}
	bench_bad(b, SFAB_CONDITION_STABLE, SFAB_SEVERITY_DEGRADED,
		  (struct advice){ SFAB_HEALTH_FLAPPING, SFAB_ACTION_DRAIN },
		  "the link went down %u times within %.0f s%s: take it out of use, then look at connectors and fibre",
		  downs, b->t->flap_window_s, downs == HEALTH_FLAPS ? " or more" : "");
}

void bench_effects(struct bench *b, const struct health_history *history)
{
	if (b->ordered)
		return;
	judge_errors(b);
	judge_replays(b);
	judge_width(b);
	judge_traffic(b);
	judge_stable(b, history);
}
