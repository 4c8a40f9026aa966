// SPDX-License-Identifier: GPL-2.0-or-later
/* The optical module of a port; each number's source is in docs/specs/sfab-optics.rst. */
#include <string.h>

#include "draw.h"
#include "optics.h"
#include "smath.h"

#define CASE_C		45.0
#define SHUT_C		80.0
#define OPEN_C		75.0	/* and comes back */
#define SUPPLY_V	3.3

#define SPREAD_DB	0.15	/* standard deviations */
#define NOISE_DB	0.015
#define NOISE_C		0.1
#define NOISE_V		0.003

/* A clock is lost below, and found again above so much. */
#define LOCK_LOST_Q	1.0
#define LOCK_FOUND_Q	1.2

#define NOTHING_BER	0.5

/* ---- time ---- */

/* A module that nobody has seen yet has other lasers. */
static void draw_lasers(struct sfab_optics *o, uint64_t *state)
{
	for (unsigned int l = 0; l < o->lanes; l++)
		o->lane[l].spread = SPREAD_DB * sfab_draw_normal(state);
}

void sfab_optics_init(struct sfab_optics *o, unsigned int lanes, unsigned int lane_rate,
		      uint64_t seed)
{
	*o = (struct sfab_optics){
		.module = &sfab_module_dr,
		.lanes = lanes,
		.lane_rate = lane_rate,
		.noise_state = sfab_draw_seed(seed, 0),
		.count_state = sfab_draw_seed(seed, 1),
		.volts = SUPPLY_V,
		.widest = lanes,
		.spread_seed = sfab_draw_seed(seed, 0),
		.first = sfab_draw_seed(seed, 2) % (SFAB_MODULE_SERIALS - 1) + 1,
	};
	sfab_module_begin(&o->plugged, o->first);
	o->faults.serial = o->first;
	draw_lasers(o, &o->noise_state);
	for (unsigned int l = 0; l < lanes; l++) {
		o->lane[l].los = true;
		o->lane[l].lol = true;
		o->lane[l].ber = NOTHING_BER;
		o->lane[l].power = SFAB_DARK;
	}
}

double sfab_optics_celsius(const struct sfab_optics *o)
{
	return CASE_C + o->heat / 1000 + o->warmth;
}

static void count_codewords(struct sfab_optics *o, uint64_t ns)
{
	uint64_t bits = ns * o->used * o->lane_rate + o->spare_bits;

	if (!o->aligned || o->testing)
		return;
	o->spare_bits = bits % SFAB_FEC_CODEWORD_BITS;
	sfab_fec_draw(&o->count, &o->fec, bits / SFAB_FEC_CODEWORD_BITS,
		      &o->count_state);
}

void sfab_optics_advance(struct sfab_optics *o, uint64_t now)
{
	uint64_t ns = now - o->now;
	double seconds = ns / 1e9;

	o->now = now;
	count_codewords(o, ns);
	o->heat += o->faults.ramp * seconds;
	for (unsigned int l = 0; l < o->lanes; l++)
		o->lane[l].wear += o->faults.ageing[l] * seconds / 1e6;
}

static void end_interval(struct sfab_optics *o)
{
	struct sfab_optics_interval *i = &o->interval;

	i->bits = (o->count.codewords - i->codewords) * SFAB_FEC_CODEWORD_BITS;
	i->errors = o->count.symbols - i->symbols;
	i->ns = o->now - i->since;
	i->since = o->now;
	i->codewords = o->count.codewords;
	i->symbols = o->count.symbols;
}

void sfab_optics_clear(struct sfab_optics *o)
{
	o->cleared = o->count;
}

void sfab_optics_tick(struct sfab_optics *o)
{
	end_interval(o);
	o->ticks++;
	o->warmth = NOISE_C * sfab_draw_normal(&o->noise_state);
	o->volts = SUPPLY_V + NOISE_V * sfab_draw_normal(&o->noise_state);
	for (unsigned int l = 0; l < o->lanes; l++)
		o->lane[l].noise = NOISE_DB * sfab_draw_normal(&o->noise_state);
}

static void plug(struct sfab_optics *o, uint64_t serial)
{
	uint64_t state = o->spread_seed;

	if (serial && serial != o->plugged.serial) {
		if (serial != o->first)
			state = sfab_draw_seed(state, serial);
		draw_lasers(o, &state);
		for (unsigned int l = 0; l < o->lanes; l++)
			o->lane[l].wear = 0;
	}
	sfab_module_plug(&o->plugged, serial, o->now);
}

void sfab_optics_fail(struct sfab_optics *o, const struct sfab_optics_faults *faults)
{
	if (faults->module_told != o->faults.module_told)
		plug(o, faults->module);
	if (faults->heat_told != o->faults.heat_told)
		o->heat = faults->heat;
	for (unsigned int l = 0; l < o->lanes; l++)
		if (faults->age_told[l] != o->faults.age_told[l])
			o->lane[l].wear = faults->age[l] / 1e6;
	o->faults = *faults;
}

/* ---- transmitter ---- */

void sfab_optics_transmit(struct sfab_optics *o, bool on)
{
	double celsius = sfab_optics_celsius(o);

	o->on = on;
	o->shut = o->plugged.present && celsius >= (o->shut ? OPEN_C : SHUT_C);
	sfab_module_step(&o->plugged, &(struct sfab_module_wish){
		.low_power = o->low_power, .hot = o->shut, .hang = o->faults.hang }, o->now);
	for (unsigned int l = 0; l < o->lanes; l++) {
		struct sfab_optics_lane *lane = &o->lane[l];

		lane->laser = (struct sfab_laser){ .loss = -SFAB_DARK };
		if (sfab_optics_lane_on(o, l) && !o->faults.dead[l])
			lane->laser = sfab_laser_at(celsius, lane->wear);
		o->code[l] = sfab_launch_code(o->module->launch + lane->spread -
					     lane->laser.loss);
	}
}

uint64_t sfab_optics_due(const struct sfab_optics *o)
{
	return sfab_module_due(&o->plugged);
}

/* ---- receiver ---- */

static void receive_lane(struct sfab_optics *o, struct sfab_optics_lane *lane,
			 double oma, bool unlocked)
{
	double limit = lane->los ? o->module->los_clear : o->module->los;
	double q = sfab_light_q(sfab_light_margin(o->module, oma));

	lane->power = oma;
	lane->los = !sfab_module_works(&o->plugged) || sfab_light_average(oma) < limit;
	lane->lol = unlocked || o->relocking || lane->los ||
		    q < (lane->lol ? LOCK_FOUND_Q : LOCK_LOST_Q);
	lane->ber = lane->lol ? NOTHING_BER : sfab_light_ber(q);
}

static void receive_all(struct sfab_optics *o, const uint8_t *code, unsigned int path)
{
	for (unsigned int l = 0; l < o->lanes; l++) {
		struct sfab_optics_lane *lane = &o->lane[l];
		double oma = sfab_launch_power(code[l]);

		if (path < SFAB_OPTICS_PATHS)
			oma -= sfab_path_loss() + o->faults.loss[path][l] * 0.001;
		oma += lane->noise;
		receive_lane(o, lane, oma > SFAB_DARK ? oma : SFAB_DARK,
			     o->faults.unlocked[l]);
	}
}

/* The lanes, the best first; equal ones in their order. */
static void rank(const struct sfab_optics *o, unsigned int *order)
{
	for (unsigned int l = 0; l < o->lanes; l++) {
		unsigned int at = l;

		for (; at && o->lane[order[at - 1]].ber > o->lane[l].ber; at--)
			order[at] = order[at - 1];
		order[at] = l;
	}
}

/* Receive on the best @width lanes. */
static void use(struct sfab_optics *o, const unsigned int *order, unsigned int width)
{
	double sum = 0;

	for (unsigned int i = 0; i < o->lanes; i++) {
		o->lane[order[i]].used = i < width;
		if (i < width)
			sum += o->lane[order[i]].ber;
	}
	o->used = width;
	o->ber = width ? sum / width : 0;
	if (width)
		sfab_fec_of(&o->fec, o->ber, SFAB_FEC_BURST, SFAB_FEC_T);
}

static unsigned int half_of(unsigned int width)
{
	unsigned int half = 1;

	while (half * 2 < width)
		half *= 2;
	return width > 1 ? half : 0;
}

/* What so many lanes carry, replays deducted. */
static double worth(const struct sfab_optics *o)
{
	return o->used / (1 + o->fec.lost * SFAB_OPTICS_REPLAY);
}

/*
 * The width that carries most. Half as many lanes cannot carry more while those do more
 * than half of what they could.
 */
static unsigned int choose(struct sfab_optics *o, const unsigned int *order)
{
	unsigned int best = 0, working = 0;
	double most = 0;

	while (working < o->lanes && !o->lane[order[working]].lol)
		working++;
	for (unsigned int width = o->widest; width; width = half_of(width)) {
		if (width > working)
			continue;
		use(o, order, width);
		if (worth(o) > most) {
			most = worth(o);
			best = width;
		}
		if (most > width / 2.0)
			break;
	}
	return best;
}

void sfab_optics_train(struct sfab_optics *o)
{
	o->widest = o->lanes;
	o->training = true;
}

/* Codewords come through: after they had not, or after training. */
static void found_lock(struct sfab_optics *o, bool before)
{
	if (!before && o->found)
		o->relocks++;
	o->found = true;
	o->widest = o->width;
	if (!o->training)
		return;
	o->training = false;
	o->capable = 0;
	for (unsigned int l = 0; l < o->lanes; l++)
		o->capable |= !o->lane[l].lol << l;
}

void sfab_optics_receive(struct sfab_optics *o, const uint8_t *code, unsigned int path,
			 unsigned int sent)
{
	unsigned int order[SFAB_OPTICS_LANES] = { 0 }, wanted;
	bool before = o->aligned;

	receive_all(o, code, path);
	rank(o, order);
	o->width = choose(o, order);
	wanted = o->width < sent ? o->width : sent;
	if (wanted != o->used)
		use(o, order, wanted);
	o->aligned = o->used && o->fec.lost < SFAB_OPTICS_UNALIGNED;
	if (o->aligned)
		found_lock(o, before);
}

bool sfab_optics_lit(const struct sfab_optics *o)
{
	for (unsigned int l = 0; l < o->lanes; l++)
		if (!o->lane[l].los)
			return true;
	return false;
}

double sfab_optics_lost(const struct sfab_optics *o)
{
	return o->aligned && o->fec.lost >= SFAB_OPTICS_NEVER ? o->fec.lost : 0;
}
