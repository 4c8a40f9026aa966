// SPDX-License-Identifier: MIT
/*
 * What the light of one direction of a link tells
 *
 * The sender's laser power less the receiver's power is the loss of the path, lane by lane.
 * No two lasers are equal, but the paths of one cable nearly are: so a lane that loses more
 * than its neighbours has dirt, and a cable that loses more than usual on all lanes is bent.
 * Whoever cannot ask the sender must allow for its lasers.
 */
#include <math.h>
#include <stdio.h>

#include "health.h"

/* Average power of a usual laser, for who cannot ask */
#define USUAL_LASER_DBM	2.0

static double dbm(double mw)
{
	return mw > 0 ? 10 * log10(mw) : -40;
}

static uint32_t bit(unsigned int lane)
{
	return (uint32_t)1 << lane;
}

static double brightest(const struct health_end *sender)
{
	double best = 0;
	unsigned int l;

	for (l = 0; l < sender->lanes; l++) {
		if (sender->lane[l].tx_mw > best)
			best = sender->lane[l].tx_mw;
	}
	return dbm(best);
}

static void look_at_sender(struct health_way *way, const struct health_end *sender,
			   const struct health_thresholds *t)
{
	double best = brightest(sender);
	unsigned int l;

	for (l = 0; sender->known && l < way->lanes; l++) {
		if (sender->lane[l].tx_mw <= 0)
			way->off |= bit(l);
		else if (dbm(sender->lane[l].tx_mw) < best - t->alone_lane_db)
			way->weak |= bit(l);
	}
}

/* The loss of a lane that has light, dB */
static double loss_of(const struct health_end *receiver, const struct health_end *sender,
		      unsigned int l)
{
	double sent = sender->known ? dbm(sender->lane[l].tx_mw) : USUAL_LASER_DBM;

	return sent - dbm(receiver->lane[l].rx_mw);
}

/* Sorts; there are few */
static double median(double *value, unsigned int count)
{
	unsigned int i, at;
	double moved;

	for (i = 1; i < count; i++) {
		moved = value[i];
		for (at = i; at && value[at - 1] > moved; at--)
			value[at] = value[at - 1];
		value[at] = moved;
	}
	return value[count / 2];
}

static double smallest(const double *value, unsigned int count)
{
	double least = value[0];
	unsigned int i;

	for (i = 1; i < count; i++)
		least = value[i] < least ? value[i] : least;
	return least;
}

static void compare_losses(struct health_way *way, const struct health_end *receiver,
			   const struct health_end *sender, const struct health_thresholds *t)
{
	double limit = sender->known ? t->lane_loss_db : t->alone_lane_db;
	double usual = sender->known ? t->path_loss_db + t->path_excess_db :
				       USUAL_LASER_DBM - t->alone_low_dbm;
	double loss[HEALTH_LANES], reference, more;
	unsigned int l, count = 0;

	for (l = 0; l < way->lanes; l++) {
		if (!receiver->lane[l].los && !(way->off & bit(l)))
			loss[count++] = loss_of(receiver, sender, l);
	}
	if (!count)
		return;
	reference = sender->known ? smallest(loss, count) : median(loss, count);
	if (reference > usual)
		way->excess_db = reference - t->path_loss_db;
	for (l = 0; l < way->lanes; l++) {
		if (receiver->lane[l].los || way->off & bit(l))
			continue;
		more = loss_of(receiver, sender, l) - reference;
		if (more <= limit)
			continue;
		way->dim |= bit(l);
		way->dim_db = more > way->dim_db ? more : way->dim_db;
	}
}

struct health_way health_way(const struct health_end *receiver, const struct health_end *sender,
			     const struct health_thresholds *t)
{
	struct health_way way = {
		.judged = receiver->known && !receiver->shut && !receiver->loopback,
		.sender_known = sender->known,
		.lanes = receiver->lanes < HEALTH_LANES ? receiver->lanes : HEALTH_LANES,
	};
	unsigned int l;

	if (!way.judged)
		return way;
	look_at_sender(&way, sender, t);
	compare_losses(&way, receiver, sender, t);
	for (l = 0; l < way.lanes; l++) {
		if (receiver->lane[l].los && !(way.off & bit(l)))
			way.dark |= bit(l);
		/* A lane that is dim, or weak, has no clock because of that */
		if (receiver->lane[l].lol && !receiver->lane[l].los && way.excess_db <= 0 &&
		    !((way.dim | way.off | way.weak) & bit(l)))
			way.unlocked |= bit(l);
	}
	return way;
}

const char *health_lanes_text(uint32_t mask, char *text, size_t size)
{
	unsigned int l, last;
	size_t used;

	used = (size_t)snprintf(text, size, "lane%s", mask & (mask - 1) ? "s" : "");
	for (l = 0; l < 32; l = last + 1) {
		for (last = l; last < 31 && mask & bit(l) && mask & bit(last + 1); last++)
			;
		if (!(mask & bit(l)) || used >= size)
			continue;
		used += (size_t)snprintf(text + used, size - used, last > l ? " %u-%u" : " %u",
					 l, last);
	}
	return text;
}
