/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The optical module of a port, of docs/specs/sfab-optics.rst: its lasers, its receiver,
 * its temperature, what goes wrong with them, and what it counts. Plain state and plain
 * functions; it knows of time only what it is told.
 */
#ifndef SFAB_CORE_OPTICS_H
#define SFAB_CORE_OPTICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fec.h"
#include "light.h"
#include "module.h"

#define SFAB_OPTICS_LANES	16
#define SFAB_OPTICS_PATHS	4
#define SFAB_OPTICS_WORDS	64	/* of readings: see sfab_optics_show() */

/* Of noise, and of all that changes slowly. */
#define SFAB_OPTICS_TICK_NS	1000000000ull

/* Codewords lost at this ratio: three in a row soon come, and the receiver gives up. */
#define SFAB_OPTICS_UNALIGNED	0.01

/* Less than one codeword in months of a link is none. */
#define SFAB_OPTICS_NEVER	(1 / 1e15)

/* Flits that one lost codeword costs: all that its ring holds is sent again. */
#define SFAB_OPTICS_REPLAY	819

/* An optical switch that does not move, or stays between the paths. */
#define SFAB_STUCK_AT_REST	1
#define SFAB_STUCK_BETWEEN	2

/* What is wrong with a module, or with what is plugged into it. */
struct sfab_optics_faults {
	uint32_t loss[SFAB_OPTICS_PATHS][SFAB_OPTICS_LANES];	/* mdB, received */
	bool dead[SFAB_OPTICS_LANES];		/* its laser gives no light */
	bool unlocked[SFAB_OPTICS_LANES];	/* the receiver finds no clock */
	uint32_t ageing[SFAB_OPTICS_LANES];	/* millionths of a life a second */
	uint32_t age[SFAB_OPTICS_LANES];	/* millionths of a life, taken over */
	uint32_t age_told[SFAB_OPTICS_LANES];	/* ... when this count changes */
	int32_t ramp;				/* m°C a second */
	int32_t heat;				/* m°C above normal, taken over */
	uint32_t heat_told;			/* ... likewise */
	uint64_t module;			/* serial of what was plugged; 0: pulled */
	uint32_t module_told;			/* ... likewise */
	uint64_t serial;			/* of the last one that was plugged */
	bool hang;				/* its DataPath stays in Init */
	uint8_t stick;				/* the optical switch, SFAB_STUCK_* */
	uint32_t damage;			/* of a million packets, that arrive damaged */
	uint32_t flap;				/* ms: what comes in is dark once in so long */
	uint32_t flap_told;			/* ... beginning when this count changes */
};

struct sfab_optics_lane {
	double spread;		/* of its launch power: no two lasers are equal, dB */
	double noise;		/* of what is received, dB */
	double wear;
	struct sfab_laser laser;
	double power;		/* what it receives, dBm */
	double ber;
	bool los, lol;
	bool used;		/* of those that are received */
};

struct sfab_optics {
	const struct sfab_module *module;
	unsigned int lanes;
	unsigned int lane_rate;		/* Gb/s */
	uint64_t noise_state, count_state;	/* what draws them */
	struct sfab_optics_faults faults;

	uint64_t now;
	double heat;			/* m°C above normal */
	double warmth;			/* noise of the temperature, °C */
	double volts;
	bool on;			/* the transmitter is meant to */
	uint16_t tx_off;		/* ... but not these lanes */
	bool low_power;			/* asked for */
	bool shut;			/* too hot: the module has switched itself off */
	struct sfab_plugged plugged;
	uint64_t spread_seed;		/* of the first module's lasers */
	uint64_t first;			/* its serial */

	struct sfab_optics_lane lane[SFAB_OPTICS_LANES];
	uint8_t code[SFAB_OPTICS_LANES];	/* launched: see sfab_launch_code() */
	unsigned int widest;		/* what may be used until the next training */
	unsigned int width;		/* lanes that we can receive; 0: none */
	unsigned int used;		/* ... and do, as the other end may send fewer */
	bool testing;			/* what comes in are no codewords */
	bool relocking;			/* the light path was switched: no clock yet */
	bool aligned;			/* codewords come through */
	double ber;			/* of the used lanes */
	struct sfab_fec fec;
	struct sfab_fec_count count;
	uint64_t ticks;
	uint64_t spare_bits;		/* that are no codeword yet */
	struct sfab_fec_count cleared;	/* not shown any more */
	uint32_t relocks;		/* how often it found lock again */
	bool found;			/* it had it before */
	bool training;			/* sfab_optics_train(), and nothing aligned since */
	uint16_t capable;		/* lanes that worked at the end of the last one */
	struct sfab_optics_interval {
		uint64_t since, codewords, symbols;	/* when it began, and then */
		uint64_t bits, errors, ns;	/* of the last whole one */
	} interval;
};

void sfab_optics_init(struct sfab_optics *o, unsigned int lanes, unsigned int lane_rate,
		      uint64_t seed);

/* Time has passed: wear, temperature, codewords. */
void sfab_optics_advance(struct sfab_optics *o, uint64_t now);

/* An interval has ended: other noise. */
void sfab_optics_tick(struct sfab_optics *o);

/* From now on this is wrong. */
void sfab_optics_fail(struct sfab_optics *o, const struct sfab_optics_faults *faults);

/* The lasers, @on or off: sets &sfab_optics.code. */
void sfab_optics_transmit(struct sfab_optics *o, bool on);

/* When it changes by itself, at the latest; UINT64_MAX: never. */
uint64_t sfab_optics_due(const struct sfab_optics *o);

/* Codewords and so on are shown from 0 on. */
void sfab_optics_clear(struct sfab_optics *o);

/* The link begins to train: all lanes are tried again. */
void sfab_optics_train(struct sfab_optics *o);

/**
 * sfab_optics_receive() - what becomes of the light that comes in
 * @code: launched by the other end, for each lane
 * @path: light path that it takes; SFAB_OPTICS_PATHS: none, the port hears itself
 * @sent: lanes that the other end sends on
 *
 * Chooses the lanes to receive on; sets @o->width, @o->used, @o->aligned and what they
 * follow from.
 */
void sfab_optics_receive(struct sfab_optics *o, const uint8_t *code, unsigned int path,
			 unsigned int sent);

/* The laser of lane @l is to be on, and could. */
static inline bool sfab_optics_lane_on(const struct sfab_optics *o, unsigned int l)
{
	return o->on && !(o->tx_off >> l & 1) && sfab_module_works(&o->plugged);
}

/* What the other end may send on: lanes that can be received, or might be. */
static inline unsigned int sfab_optics_ability(const struct sfab_optics *o)
{
	return o->width ? o->width : o->widest;
}

/* There is light, in whatever state. */
bool sfab_optics_lit(const struct sfab_optics *o);

/* Codewords lost, of all; 0 if that is never. */
double sfab_optics_lost(const struct sfab_optics *o);

/*
 * readings.c: the registers 0x200 to 0x3ff of a port; and those of the module, from 0x20
 * on, by their offset within the block / 8.
 */
void sfab_optics_show(const struct sfab_optics *o, _Atomic uint64_t *reading);
void sfab_module_show(const struct sfab_optics *o, _Atomic uint64_t *low);

/* A number as CMIS writes it. */
uint16_t sfab_f16(double value);

double sfab_optics_celsius(const struct sfab_optics *o);

#endif /* SFAB_CORE_OPTICS_H */
