// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The CMIS image of a module; bytes are numbered as the standard does, big-endian. What is
 * measured is taken from the registers, so it is the same there.
 */
#include <stdio.h>
#include <string.h>

#include "cmis.h"
#include "fabric_regs.h"

#define LANES		8	/* of bank 0, the only one */

/* What is read, as numbers. */
struct seen {
	bool there;
	unsigned int lanes;
	uint64_t power[LANES], state[LANES];
	uint64_t module, masks, datapath;
	uint32_t status;		/* P_MODULE */
	uint64_t serial;
	uint16_t ferc;
	uint8_t tx_off;
	bool low_power;
};

static uint16_t field(uint64_t word, unsigned int at)
{
	return word >> at;
}

/* The byte with number @byte of an upper page, or of the lower one. */
static uint8_t *at(uint8_t *raw, enum sfab_cmis_slot slot, unsigned int byte)
{
	return raw + slot * SFAB_CMIS_PAGE + byte % SFAB_CMIS_PAGE;
}

static void put16(uint8_t *to, uint16_t value)
{
	to[0] = value >> 8;
	to[1] = value;
}

/* Padded with blanks. */
static void put_text(uint8_t *to, const char *text, unsigned int size)
{
	memset(to, ' ', size);
	memcpy(to, text, strlen(text));
}

static void put_sum(uint8_t *raw, enum sfab_cmis_slot slot, unsigned int from,
		    unsigned int to)
{
	uint8_t sum = 0;

	for (unsigned int byte = from; byte < to; byte++)
		sum += *at(raw, slot, byte);
	*at(raw, slot, to) = sum;
}

/* ---- thresholds: alarm high, alarm low, warning high, warning low ---- */

struct limits {
	int high_alarm, low_alarm, high, low;
};

static const struct limits temperature = { 78 * 256, -8 * 256, 73 * 256, -3 * 256 };
static const struct limits supply = { 36300, 29700, 34650, 31350 };
/* dBm: 5, -3.9, 4, -2.9; 5, -6.9, 4, -5.9 */
static const struct limits tx_power = { 31623, 4074, 25119, 5129 };
static const struct limits rx_power = { 31623, 2042, 25119, 2570 };
/* mA: 130, 20, 125, 30; the current itself stops at 130 */
static const struct limits bias = { 64900, 10000, 62500, 15000 };

/*
 * Of VDM, by the number of their set. BER 2.4e-4 and 1e-5, FERC 1e-10 and 1e-12 as F16, with
 * as many digits as ours have, so that their codes are in the order of their values.
 */
enum { AGE, LASER, SNR, BER, FERC, SETS };

static const struct limits vdm[SETS] = {
	[AGE] = { 100, 0, 80, 0 },
	[LASER] = { 93 * 256, -8 * 256, 88 * 256, -3 * 256 },
	[SNR] = { 65535, 16 * 256, 65535, 18 * 256 },
	[BER] = { 18 << 11 | 240, 0, 16 << 11 | 1000, 0 },
	[FERC] = { 11 << 11 | 1000, 0, 9 << 11 | 1000, 0 },
};

static void put_limits(uint8_t *to, const struct limits *l)
{
	put16(to, l->high_alarm);
	put16(to + 2, l->low_alarm);
	put16(to + 4, l->high);
	put16(to + 6, l->low);
}

/* Bit 0 alarm high, 1 alarm low, 2 warning high, 3 warning low. */
static unsigned int beyond(const struct limits *l, int value)
{
	return (value > l->high_alarm) | (value < l->low_alarm) << 1 |
	       (value > l->high) << 2 | (value < l->low) << 3;
}

/* ---- identity ---- */

static void put_identity(uint8_t *raw, const struct seen *s)
{
	char serial[17];

	snprintf(serial, sizeof(serial), "SFAB%012llu", (unsigned long long)s->serial);
	*at(raw, SFAB_CMIS_00, 128) = 0x19;		/* OSFP */
	put_text(at(raw, SFAB_CMIS_00, 129), "SFAB", 16);
	memcpy(at(raw, SFAB_CMIS_00, 145), "\x02\x5f\xab", 3);	/* OUI, of nobody */
	put_text(at(raw, SFAB_CMIS_00, 148), "SFAB-DR8-OCS", 16);
	put_text(at(raw, SFAB_CMIS_00, 164), "A1", 2);
	put_text(at(raw, SFAB_CMIS_00, 166), serial, 16);
	put_text(at(raw, SFAB_CMIS_00, 182), "250101", 8);
	put_text(at(raw, SFAB_CMIS_00, 190), "", 10);
	*at(raw, SFAB_CMIS_00, 200) = 7 << 5;		/* power class 8 */
	*at(raw, SFAB_CMIS_00, 201) = 64;		/* 16 W */
	*at(raw, SFAB_CMIS_00, 203) = 0x28;		/* MPO 1x16 */
	*at(raw, SFAB_CMIS_00, 210) = 0xff << s->lanes;	/* lanes that are not there */
	*at(raw, SFAB_CMIS_00, 212) = 0x06;		/* 1310 nm EML */
	put_sum(raw, SFAB_CMIS_00, 128, 222);
}

static void put_promises(uint8_t *raw)
{
	*at(raw, SFAB_CMIS_01, 130) = 1;		/* hardware 1.0 */
	*at(raw, SFAB_CMIS_01, 132) = 5;		/* 0.5 km of single mode fibre */
	put16(at(raw, SFAB_CMIS_01, 138), 26200);	/* 1310 nm */
	put16(at(raw, SFAB_CMIS_01, 140), 1300);	/* +- 6.5 nm */
	*at(raw, SFAB_CMIS_01, 142) = 1 << 6;		/* VDM; one bank */
	*at(raw, SFAB_CMIS_01, 144) = 0x35;		/* Deinit < 50 ms, Init < 500 ms */
	*at(raw, SFAB_CMIS_01, 146) = 70;		/* C, at most */
	*at(raw, SFAB_CMIS_01, 150) = 157;		/* 3.14 V, at least */
	*at(raw, SFAB_CMIS_01, 151) = 3 << 3;		/* RxPower and RxLOS: average */
	*at(raw, SFAB_CMIS_01, 155) = 1 << 1;		/* TxDisable */
	*at(raw, SFAB_CMIS_01, 157) = 1 << 0;		/* TxFail */
	*at(raw, SFAB_CMIS_01, 158) = 3 << 1;		/* RxLOS, RxLOL */
	*at(raw, SFAB_CMIS_01, 159) = 3;		/* temperature, supply */
	*at(raw, SFAB_CMIS_01, 160) = 7;		/* bias (times 1), Tx and Rx power */
	*at(raw, SFAB_CMIS_01, 162) = 1 << 0;		/* receivers look for a clock: RxCDR */
	*at(raw, SFAB_CMIS_01, 167) = 0x35;		/* PwrDn < 50 ms, PwrUp < 500 ms */
	*at(raw, SFAB_CMIS_01, 168) = 0x03;		/* TxTurnOff < 1 ms, TxTurnOn < 50 ms */
	*at(raw, SFAB_CMIS_01, 176) = 1;		/* application 1 begins at lane 1 */
	put_sum(raw, SFAB_CMIS_01, 130, 255);
}

static void put_thresholds(uint8_t *raw)
{
	put_limits(at(raw, SFAB_CMIS_02, 128), &temperature);
	put_limits(at(raw, SFAB_CMIS_02, 136), &supply);
	put_limits(at(raw, SFAB_CMIS_02, 176), &tx_power);
	put_limits(at(raw, SFAB_CMIS_02, 184), &bias);
	put_limits(at(raw, SFAB_CMIS_02, 192), &rx_power);
	put_sum(raw, SFAB_CMIS_02, 128, 255);
	for (unsigned int i = 0; i < SETS; i++)
		put_limits(at(raw, SFAB_CMIS_28, 128 + 8 * i), &vdm[i]);
}

/* ---- state and monitors ---- */

static void put_lower(uint8_t *raw, const struct seen *s, struct sfab_cmis *cmis)
{
	unsigned int state = s->status >> SFAB_P_MODULE_STATE_SHIFT & 0xf;
	int celsius = (int16_t)field(s->module, 0);

	if (cmis->state && cmis->state != state + 1)
		cmis->module[0] |= 1;
	cmis->state = state + 1;
	cmis->module[1] |= beyond(&temperature, celsius) |
			   beyond(&supply, field(s->module, SFAB_P_OPTICS_SUPPLY_SHIFT)) << 4;
	raw[0] = 0x19;
	raw[1] = 0x52;			/* CMIS 5.2 */
	raw[3] = state << 1 | 1;	/* no interrupt line */
	raw[8] = cmis->module[0];
	raw[9] = cmis->module[1];
	put16(raw + 14, celsius);
	put16(raw + 16, field(s->module, SFAB_P_OPTICS_SUPPLY_SHIFT));
	raw[26] = s->low_power << 4;
	raw[39] = 1;			/* firmware 1.0 */
	raw[41] = state == SFAB_MODULE_FAULT ? 0x20 : 0;	/* too hot, our own code */
	raw[85] = 0x02;			/* single mode fibre */
	raw[86] = 0x52;			/* 800GAUI-8 */
	raw[87] = 0x56;			/* 800GBASE-DR8 */
	raw[88] = s->lanes << 4 | s->lanes;
	raw[89] = 1;
	raw[90] = 0xff;			/* no other application */
}

static void latch_lane(uint8_t *flags, const struct seen *s, unsigned int l)
{
	/* Of each kind HA, LA, HW, LW are in a byte of their own: from 139, 143 and 149 on. */
	const struct { unsigned int from; unsigned int is; } kind[] = {
		{ 5, beyond(&tx_power, field(s->power[l], 0)) },
		{ 9, beyond(&bias, field(s->power[l], SFAB_P_LANE_POWER_BIAS_SHIFT)) },
		{ 15, beyond(&rx_power, field(s->power[l], SFAB_P_LANE_POWER_RX_SHIFT)) },
	};

	for (unsigned int k = 0; k < 3; k++)
		for (unsigned int i = 0; i < 4; i++)
			flags[kind[k].from + i] |= (kind[k].is >> i & 1) << l;
}

static void put_lanes(uint8_t *raw, const struct seen *s, struct sfab_cmis *cmis)
{
	uint8_t *flags = cmis->lanes, los = field(s->masks, SFAB_P_LANE_MASKS_LOS_SHIFT);
	uint8_t lol = field(s->masks, SFAB_P_LANE_MASKS_LOL_SHIFT);

	for (unsigned int l = 0; l < s->lanes; l++) {
		unsigned int state = s->datapath >> 4 * l & 0xf;

		if (cmis->datapath && state != (cmis->datapath >> 4 * l & 0xf))
			flags[0] |= 1 << l;
		*at(raw, SFAB_CMIS_11, 128 + l / 2) |= state << l % 2 * 4;
		*at(raw, SFAB_CMIS_11, 132) |= !(lol >> l & 1) << l;
		*at(raw, SFAB_CMIS_11, 133) |= (state == SFAB_DATAPATH_ACTIVATED) << l;
		put16(at(raw, SFAB_CMIS_11, 154 + 2 * l), field(s->power[l], 0));
		put16(at(raw, SFAB_CMIS_11, 170 + 2 * l),
		      field(s->power[l], SFAB_P_LANE_POWER_BIAS_SHIFT));
		put16(at(raw, SFAB_CMIS_11, 186 + 2 * l),
		      field(s->power[l], SFAB_P_LANE_POWER_RX_SHIFT));
		*at(raw, SFAB_CMIS_11, 202 + l / 2) |= 1 << l % 2 * 4;	/* accepted */
		*at(raw, SFAB_CMIS_11, 206 + l) = 1 << 4;	/* application 1 */
		*at(raw, SFAB_CMIS_10, 145 + l) = 1 << 4;
		latch_lane(flags, s, l);
	}
	cmis->datapath = s->datapath;
	*at(raw, SFAB_CMIS_10, 130) = s->tx_off;
	flags[1] |= field(s->masks, SFAB_P_LANE_MASKS_TXFAIL_SHIFT);
	flags[13] |= los;
	flags[14] |= lol;
	memcpy(at(raw, SFAB_CMIS_11, 134), flags, sizeof(cmis->lanes));
}

/* Observable @n of VDM: what it is, its value, its flags. */
static void put_vdm(uint8_t *raw, struct sfab_cmis *cmis, unsigned int n,
		    unsigned int set, unsigned int lane, uint16_t value)
{
	static const uint8_t type[SETS] = {
		[AGE] = 1, [LASER] = 4, [SNR] = 5, [BER] = 15, [FERC] = 23,
	};
	int number = set == LASER ? (int16_t)value : value;

	*at(raw, SFAB_CMIS_20, 128 + 2 * n) = set << 4 | lane;
	*at(raw, SFAB_CMIS_20, 129 + 2 * n) = type[set];
	put16(at(raw, SFAB_CMIS_24, 128 + 2 * n), value);
	cmis->vdm[n / 2] |= beyond(&vdm[set], number) << n % 2 * 4;
}

static void put_observables(uint8_t *raw, const struct seen *s, struct sfab_cmis *cmis)
{
	for (unsigned int l = 0; l < s->lanes; l++) {
		put_vdm(raw, cmis, l, AGE, l,
			s->state[l] >> SFAB_P_LANE_STATE_AGE_SHIFT & 0xff);
		put_vdm(raw, cmis, LANES + l, LASER, l,
			field(s->state[l], SFAB_P_LANE_STATE_TEMPERATURE_SHIFT));
		put_vdm(raw, cmis, 2 * LANES + l, SNR, l,
			field(s->power[l], SFAB_P_LANE_POWER_SNR_SHIFT));
	}
	put_vdm(raw, cmis, 3 * LANES, BER, 0, field(s->module, SFAB_P_OPTICS_BER_SHIFT));
	put_vdm(raw, cmis, 3 * LANES + 1, FERC, 0, s->ferc);
	memcpy(at(raw, SFAB_CMIS_2C, 128), cmis->vdm, sizeof(cmis->vdm));
}

/* Which pages of this bank have flags. */
static void sum_up(uint8_t *raw, const struct sfab_cmis *cmis)
{
	static const struct sfab_cmis none;

	raw[4] = (memcmp(cmis->lanes, none.lanes, sizeof(none.lanes)) != 0) |
		 (memcmp(cmis->vdm, none.vdm, sizeof(none.vdm)) != 0) << 2;
}

/* ---- all of it ---- */

static uint64_t load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void look(struct seen *s, const struct sfab_optics *o,
		 const _Atomic uint64_t *reading, const _Atomic uint64_t *low)
{
	const _Atomic uint64_t *lane =
		reading + (SFAB_REG_P_LANE_POWER - SFAB_REG_P_OPTICS) / 8;

	*s = (struct seen){
		.there = o->plugged.present,
		.lanes = o->lanes < LANES ? o->lanes : LANES,
		.module = load(&reading[0]),
		.masks = load(&reading[1]),
		.status = load(&low[SFAB_REG_P_MODULE_CTRL / 8]) >> 32,
		.datapath = load(&low[SFAB_REG_P_DATAPATH / 8]) & UINT32_MAX,
		.serial = load(&low[SFAB_REG_P_MODULE_SERIAL / 8]),
		.ferc = o->aligned ? sfab_f16(o->fec.lost) : 0,
		.tx_off = o->tx_off,
		.low_power = o->low_power,
	};
	for (unsigned int l = 0; l < s->lanes; l++) {
		s->power[l] = load(&lane[2 * l]);
		s->state[l] = load(&lane[2 * l + 1]);
	}
}

void sfab_cmis_show(struct sfab_cmis *cmis, const struct sfab_optics *o,
		    const _Atomic uint64_t *reading, const _Atomic uint64_t *low,
		    _Atomic uint64_t *image)
{
	uint8_t raw[SFAB_CMIS_BYTES] = { 0 };
	struct seen s;
	uint64_t word;

	look(&s, o, reading, low);
	if (s.there) {
		put_lower(raw, &s, cmis);
		put_identity(raw, &s);
		put_promises(raw);
		put_thresholds(raw);
		put_lanes(raw, &s, cmis);
		put_observables(raw, &s, cmis);
		sum_up(raw, cmis);
	} else {
		*cmis = (struct sfab_cmis){ 0 };
	}
	for (unsigned int i = 0; i < SFAB_CMIS_BYTES / 8; i++) {
		memcpy(&word, raw + 8 * i, 8);
		atomic_store_explicit(&image[i], word, memory_order_relaxed);
	}
}
