// SPDX-License-Identifier: MIT
/*
 * The judge on lasers, and on the light of both directions
 */
#include "health_bench.h"

#define LANES_TEXT	64

static bool lane_lost(const struct health_end *end)
{
	unsigned int l;

	for (l = 0; l < end->lanes; l++) {
		if (end->lane[l].lol)
			return true;
	}
	return false;
}

enum sfab_severity bench_suffers(const struct bench *b, const struct health_end *receiver,
				 const uint64_t *added)
{
	if (!receiver->aligned && !carries_traffic(&b->link->own))
		return SFAB_SEVERITY_FAILED;
	if (lane_lost(receiver) || receiver->ber >= b->t->ber_alarm ||
	    added[HEALTH_UNCORRECTABLE] || added[HEALTH_CRC])
		return SFAB_SEVERITY_DEGRADED;
	return SFAB_SEVERITY_WATCH;
}

static uint32_t failed_lasers(const struct health_end *end)
{
	uint32_t failed = 0;
	unsigned int l;

	for (l = 0; l < end->lanes; l++)
		failed |= (uint32_t)end->lane[l].txfail << l;
	return failed;
}

/* ---- own lasers ---- */

static void judge_lasers(struct bench *b)
{
	const struct health_end *own = &b->link->own;
	char lanes[LANES_TEXT];
	uint32_t dead = failed_lasers(own), off;

	if (!own->on || own->shut)
		return;
	off = own->tx_off & health_all_lanes(own->lanes);
	if (!dead && off) {
		bench_bad(b, SFAB_CONDITION_LASERS, SFAB_SEVERITY_DEGRADED,
			  (struct advice){ SFAB_HEALTH_LASERS_OFF, SFAB_ACTION_ENABLE },
			  "the laser of %s was turned off: turn it on to use the lane%s again",
			  health_lanes_text(off, lanes, sizeof(lanes)), off & (off - 1) ? "s" : "");
		return;
	}
	if (!dead) {
		bench_good(b, SFAB_CONDITION_LASERS);
		return;
	}
	bench_bad(b, SFAB_CONDITION_LASERS,
		  dead == health_all_lanes(own->lanes) ? SFAB_SEVERITY_FAILED :
							 SFAB_SEVERITY_DEGRADED,
		  (struct advice){ SFAB_HEALTH_LASER_DEAD, SFAB_ACTION_REPLACE_MODULE },
		  "the laser of %s gives no light although it is switched on: replace the module",
		  health_lanes_text(dead, lanes, sizeof(lanes)));
}

/* ---- what the far end does not send ---- */

static void far_sends_nothing(struct bench *b)
{
	const struct health_end *far = &b->link->far;

	if (far->shut)
		bench_bad(b, SFAB_CONDITION_LIGHT, SFAB_SEVERITY_FAILED,
			  (struct advice){ SFAB_HEALTH_FAR_TRANSMITTER, SFAB_ACTION_COOL },
			  "the module at the far end has switched itself off at %.1f C: cool it",
			  far->celsius);
	else if (far->reason == SFAB_LINK_WHY_NO_MODULE)
		bench_bad(b, SFAB_CONDITION_LIGHT, SFAB_SEVERITY_FAILED,
			  (struct advice){ SFAB_HEALTH_FAR_TRANSMITTER,
					   SFAB_ACTION_REPLACE_FAR_MODULE },
			  "there is no module in the port at the far end: plug one there");
	else if (far->reason == SFAB_LINK_WHY_MODULE_FAULT)
		bench_bad(b, SFAB_CONDITION_LIGHT, SFAB_SEVERITY_FAILED,
			  (struct advice){ SFAB_HEALTH_FAR_TRANSMITTER, SFAB_ACTION_RESET },
			  "the module at the far end does not work, its firmware hangs: reset it");
	else if (!far->on || !far->enabled || !failed_lasers(far))
		bench_bad(b, SFAB_CONDITION_LIGHT, SFAB_SEVERITY_FAILED,
			  (struct advice){ SFAB_HEALTH_FAR_TRANSMITTER, SFAB_ACTION_ENABLE },
			  "the far end has switched its lasers off: it is disabled, in low power, or they were turned off");
	else
		bench_bad(b, SFAB_CONDITION_LIGHT, SFAB_SEVERITY_FAILED,
			  (struct advice){ SFAB_HEALTH_FAR_TRANSMITTER,
					   SFAB_ACTION_REPLACE_FAR_MODULE },
			  "no laser of the module at the far end gives light: replace it");
}

static void far_lanes_off(struct bench *b, enum sfab_severity severity)
{
	const struct health_end *far = &b->link->far;
	uint32_t failed = failed_lasers(far);
	char lanes[LANES_TEXT];

	bench_bad(b, SFAB_CONDITION_LIGHT, severity,
		  (struct advice){ SFAB_HEALTH_FAR_LASER_DEAD,
				   failed ? SFAB_ACTION_REPLACE_FAR_MODULE : SFAB_ACTION_ENABLE },
		  "%s is dark as its laser at the far end %s",
		  health_lanes_text(b->in.off, lanes, sizeof(lanes)),
		  failed ? "is dead: replace the module there" :
			   "was switched off: switch it on there");
}

/* ---- what the path loses ---- */

/* How to name a direction */
struct words {
	const char *where, *who, *sender;
};

static const struct words inbound = { "here", "receives", "the far laser" };
static const struct words outbound = { "at the far end", "arrives with", "the laser here" };

static bool judge_dark(struct bench *b, enum sfab_condition condition,
		       const struct health_way *way, const struct words *words,
		       enum sfab_severity severity)
{
	char lanes[LANES_TEXT];
	bool whole = (way->dark | way->off) == health_all_lanes(way->lanes);

	if (!way->dark)
		return false;
	health_lanes_text(way->dark, lanes, sizeof(lanes));
	if (!way->sender_known)
		bench_bad(b, condition, severity,
			  (struct advice){ SFAB_HEALTH_DARK_UNKNOWN, SFAB_ACTION_CHECK_FIBRE },
			  "no light on %s, and the far end cannot be asked: the fibre is unplugged or cut, or the laser there is off or dead",
			  lanes);
	else if (whole)
		bench_bad(b, condition, severity,
			  (struct advice){ SFAB_HEALTH_NO_FIBRE_OR_CUT, SFAB_ACTION_CHECK_FIBRE },
			  "no light %s on any lane while %s is on: the fibre is unplugged or cut",
			  words->where, words->sender);
	else
		bench_bad(b, condition, severity,
			  (struct advice){ SFAB_HEALTH_DIRTY_CONNECTOR,
					   SFAB_ACTION_CLEAN_CONNECTOR },
			  "no light %s on %s while %s is normal and other lanes are lit: very dirty connector, or a broken strand",
			  words->where, lanes, words->sender);
	return true;
}

static bool judge_loss(struct bench *b, enum sfab_condition condition,
		       const struct health_way *way, const struct words *words,
		       enum sfab_severity severity)
{
	const char *doubt = way->sender_known ? "is normal" :
						"cannot be asked and may be weak";
	char lanes[LANES_TEXT];

	if (way->excess_db > 0) {
		bench_bad(b, condition, severity,
			  (struct advice){ SFAB_HEALTH_BENT_FIBRE, SFAB_ACTION_CHECK_FIBRE },
			  "all lanes lose %.1f dB more than usual on their way %s while %s %s: bent fibre",
			  way->excess_db, way == &b->in ? "here" : "to the far end",
			  words->sender, doubt);
	} else if (way->dim) {
		bench_bad(b, condition, severity,
			  (struct advice){ SFAB_HEALTH_DIRTY_CONNECTOR,
					   SFAB_ACTION_CLEAN_CONNECTOR },
			  "%s %s %.1f dB less than its neighbours while %s %s: dirty connector",
			  health_lanes_text(way->dim, lanes, sizeof(lanes)), words->who,
			  way->dim_db, words->sender, doubt);
	} else if (way == &b->in && way->weak) {
		bench_bad(b, condition, severity,
			  (struct advice){ SFAB_HEALTH_LASER_AGEING,
					   SFAB_ACTION_REPLACE_FAR_MODULE },
			  "the laser of %s at the far end is weaker than its neighbours: it is worn, replace the module there",
			  health_lanes_text(way->weak, lanes, sizeof(lanes)));
	} else {
		return false;
	}
	return true;
}

static void judge_in(struct bench *b)
{
	enum sfab_severity severity = bench_suffers(b, &b->link->own, b->own_added);

	if (!b->in.judged || !b->link->own.on)
		return;
	if (b->in.off == health_all_lanes(b->in.lanes))
		far_sends_nothing(b);
	else if (b->in.off && !b->in.dark)
		far_lanes_off(b, severity);
	else if (!judge_dark(b, SFAB_CONDITION_LIGHT, &b->in, &inbound, severity) &&
		 !judge_loss(b, SFAB_CONDITION_LIGHT, &b->in, &inbound, severity))
		bench_good(b, SFAB_CONDITION_LIGHT);
}

/* The far end hears nothing of what goes out well, while we hear it */
static void judge_deaf(struct bench *b, const char *how)
{
	bench_bad(b, SFAB_CONDITION_FAR_LIGHT, SFAB_SEVERITY_FAILED,
		  (struct advice){ SFAB_HEALTH_PARTNER_DEAF, SFAB_ACTION_CHECK_FIBRE },
		  "light comes in and the lasers here are on, but %s: the fibre that leads there is cut, or its receiver is broken",
		  how);
}

static bool hears_partner(const struct health_end *own)
{
	return own->aligned && !carries_traffic(own) &&
	       (own->reason == SFAB_LINK_WHY_PARTNER || own->reason == SFAB_LINK_WHY_TRAINING);
}

static void judge_out(struct bench *b)
{
	enum sfab_severity severity = bench_suffers(b, &b->link->far, b->far_added);
	bool lost = b->in.judged && b->in.dark == health_all_lanes(b->in.lanes);

	if (!b->link->own.on)
		return;
	if (!b->out.judged) {
		if (!b->link->far.known && hears_partner(&b->link->own))
			judge_deaf(b, "the far end does not answer");
		return;
	}
	if (b->out.dark == health_all_lanes(b->out.lanes) && !lost)
		judge_deaf(b, "it sees none of that");
	else if (!judge_dark(b, SFAB_CONDITION_FAR_LIGHT, &b->out, &outbound, severity) &&
		 !judge_loss(b, SFAB_CONDITION_FAR_LIGHT, &b->out, &outbound, severity))
		bench_good(b, SFAB_CONDITION_FAR_LIGHT);
}

/* ---- locks ---- */

static void judge_lock(struct bench *b)
{
	bool in = b->in.unlocked, any = b->in.unlocked || b->out.unlocked;
	const struct health_end *end = in ? &b->link->own : &b->link->far;
	char lanes[LANES_TEXT];

	if (!b->in.judged || !b->link->own.on)
		return;
	if (!any) {
		bench_good(b, SFAB_CONDITION_LOCK);
		return;
	}
	bench_bad(b, SFAB_CONDITION_LOCK,
		  bench_suffers(b, end, in ? b->own_added : b->far_added),
		  (struct advice){ SFAB_HEALTH_RECEIVER_UNLOCK, SFAB_ACTION_RETRAIN },
		  "the receiver %s finds no clock on %s although there is light enough: retrain; if that does not help, replace the module %s",
		  in ? "here" : "at the far end",
		  health_lanes_text(in ? b->in.unlocked : b->out.unlocked, lanes, sizeof(lanes)),
		  in ? "here" : "there");
}

void bench_light(struct bench *b)
{
	if (b->ordered || b->blocked)
		return;
	judge_lasers(b);
	judge_in(b);
	judge_out(b);
	judge_lock(b);
}
