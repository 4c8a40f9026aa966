// SPDX-License-Identifier: GPL-2.0-or-later
/* What a module shows of itself: its readings as registers. */
#include "fabric_regs.h"
#include "optics.h"
#include "smath.h"

#define LASER_WARMER_C	15	/* than the case */

/* The nearest whole number within 16 bits. */
static uint64_t u16(double value)
{
	value += 0.5;
	return value < 0 ? 0 : value > 65535 ? 65535 : (uint64_t)value;
}

static uint64_t s16(double value)
{
	int rounded = (int)(value + (value < 0 ? -0.5 : 0.5));

	if (rounded > 32767)
		rounded = 32767;
	if (rounded < -32768)
		rounded = -32768;
	return (uint16_t)rounded;
}

/* CMIS's F16: m * 10^(s - 24), s in bits 15:11, m in bits 10:0, as precise as it can be. */
uint16_t sfab_f16(double value)
{
	unsigned int s = 24;

	if (!(value > 0))
		return 0;
	for (; value < 204.75 && s; s--)
		value *= 10;
	for (; value >= 2047.5 && s < 31; s++)
		value /= 10;
	return s << 11 | (value < 2047 ? (unsigned int)(value + 0.5) : 2047);
}

/* Average power of an OMA in dBm, in 0.1 uW. */
static uint64_t tenth_uw(double oma)
{
	if (oma <= SFAB_DARK)
		return 0;
	return u16(sfab_from_db(sfab_light_average(oma)) * 1e4);
}

static uint64_t lane_state(const struct sfab_optics *o, unsigned int l, bool failed)
{
	const struct sfab_optics_lane *lane = &o->lane[l];
	double life = lane->wear * 100;

	return sfab_f16(lane->ber) |
	       s16((sfab_optics_celsius(o) + LASER_WARMER_C) * 256) <<
		       SFAB_P_LANE_STATE_TEMPERATURE_SHIFT |
	       (uint64_t)(life < 255 ? life + 0.5 : 255) << SFAB_P_LANE_STATE_AGE_SHIFT |
	       (failed ? SFAB_P_LANE_STATE_TXFAIL : 0) |
	       (lane->los ? SFAB_P_LANE_STATE_LOS : 0) |
	       (lane->lol ? SFAB_P_LANE_STATE_LOL : 0) |
	       (lane->used ? SFAB_P_LANE_STATE_USED : 0);
}

static uint64_t lane_power(const struct sfab_optics *o, unsigned int l)
{
	const struct sfab_optics_lane *lane = &o->lane[l];
	double snr = sfab_light_snr(sfab_light_margin(o->module, lane->power));
	uint64_t received = sfab_module_works(&o->plugged) ? tenth_uw(lane->power) : 0;

	return tenth_uw(sfab_launch_power(o->code[l])) |
	       received << SFAB_P_LANE_POWER_RX_SHIFT |
	       u16(lane->laser.bias * 500) << SFAB_P_LANE_POWER_BIAS_SHIFT |
	       (lane->lol ? 0 : u16(snr * 256)) << SFAB_P_LANE_POWER_SNR_SHIFT;
}

static uint64_t module_state(const struct sfab_optics *o)
{
	return s16(sfab_optics_celsius(o) * 256) |
	       u16(o->volts * 1e4) << SFAB_P_OPTICS_SUPPLY_SHIFT |
	       (uint64_t)sfab_f16(o->aligned ? o->ber : 0) << SFAB_P_OPTICS_BER_SHIFT |
	       (o->on ? SFAB_P_OPTICS_ON : 0) |
	       (o->shut ? SFAB_P_OPTICS_SHUT : 0) |
	       (o->aligned ? SFAB_P_OPTICS_ALIGNED : 0);
}

static uint64_t masks(const struct sfab_optics *o, uint64_t failed)
{
	uint64_t used = 0, los = 0, lol = 0;

	for (unsigned int l = 0; l < o->lanes; l++) {
		used |= (uint64_t)o->lane[l].used << l;
		los |= (uint64_t)o->lane[l].los << l;
		lol |= (uint64_t)o->lane[l].lol << l;
	}
	return used | los << SFAB_P_LANE_MASKS_LOS_SHIFT |
	       lol << SFAB_P_LANE_MASKS_LOL_SHIFT |
	       failed << SFAB_P_LANE_MASKS_TXFAIL_SHIFT;
}

static void set(_Atomic uint64_t *reading, unsigned int reg, uint64_t value)
{
	atomic_store_explicit(&reading[(reg - SFAB_REG_P_OPTICS) / 8], value,
			      memory_order_relaxed);
}

static void show_count(const struct sfab_optics *o, _Atomic uint64_t *reading)
{
	const struct sfab_fec_count *count = &o->count, *from = &o->cleared;

	set(reading, SFAB_REG_P_CODEWORDS, count->codewords - from->codewords);
	set(reading, SFAB_REG_P_CORRECTED, count->corrected - from->corrected);
	set(reading, SFAB_REG_P_UNCORRECTABLE, count->lost - from->lost);
	set(reading, SFAB_REG_P_SYMBOLS, count->symbols - from->symbols);
	for (unsigned int i = 0; i < SFAB_FEC_BINS; i++)
		set(reading, SFAB_REG_P_HISTOGRAM + 8 * i,
		    count->bin[i] - from->bin[i]);
	set(reading, SFAB_REG_P_BER_BITS, o->interval.bits);
	set(reading, SFAB_REG_P_BER_ERRORS, o->interval.errors);
	set(reading, SFAB_REG_P_BER_NS, o->interval.ns);
	set(reading, SFAB_REG_P_RELOCKS,
	    o->relocks | (uint64_t)o->capable << 32);
}

/* There is nobody who would tell anything. */
static void show_empty(const struct sfab_optics *o, _Atomic uint64_t *reading)
{
	set(reading, SFAB_REG_P_OPTICS, 0);
	set(reading, SFAB_REG_P_LANE_MASKS, 0);
	for (unsigned int l = 0; l < o->lanes; l++) {
		set(reading, SFAB_REG_P_LANE_POWER + 16 * l, 0);
		set(reading, SFAB_REG_P_LANE_STATE + 16 * l, 0);
	}
}

void sfab_optics_show(const struct sfab_optics *o, _Atomic uint64_t *reading)
{
	uint64_t failed = 0;

	show_count(o, reading);
	set(reading, SFAB_REG_P_TICKS, o->ticks);
	if (!o->plugged.present) {
		show_empty(o, reading);
		return;
	}
	for (unsigned int l = 0; l < o->lanes; l++) {
		bool fail = sfab_optics_lane_on(o, l) && !o->code[l];

		failed |= (uint64_t)fail << l;
		set(reading, SFAB_REG_P_LANE_POWER + 16 * l, lane_power(o, l));
		set(reading, SFAB_REG_P_LANE_STATE + 16 * l, lane_state(o, l, fail));
	}
	set(reading, SFAB_REG_P_OPTICS, module_state(o));
	set(reading, SFAB_REG_P_LANE_MASKS, masks(o, failed));
}

/* ---- the module ---- */

static uint64_t datapath(const struct sfab_optics *o)
{
	const struct sfab_plugged *m = &o->plugged;
	uint64_t all = 0;

	for (unsigned int l = 0; l < o->lanes && m->present; l++) {
		uint64_t lane = m->datapath;

		if (sfab_module_works(m) && !sfab_optics_lane_on(o, l))
			lane = SFAB_DATAPATH_INITIALIZED;
		all |= lane << 4 * l;
	}
	return all;
}

static uint32_t module_word(const struct sfab_plugged *m)
{
	return (m->present ? SFAB_P_MODULE_PRESENT : 0) |
	       m->state << SFAB_P_MODULE_STATE_SHIFT |
	       m->fault << SFAB_P_MODULE_FAULT_SHIFT |
	       (uint32_t)m->insertions << SFAB_P_MODULE_INSERTIONS_SHIFT;
}

void sfab_module_show(const struct sfab_optics *o, _Atomic uint64_t *low)
{
	const struct sfab_plugged *m = &o->plugged;
	const uint64_t word[] = {
		(uint64_t)module_word(m) << 32, datapath(o), m->present ? m->serial : 0,
	};

	for (unsigned int i = 0; i < sizeof(word) / sizeof(word[0]); i++)
		atomic_store_explicit(&low[SFAB_REG_P_MODULE_CTRL / 8 + i], word[i],
				      memory_order_relaxed);
}
