/* SPDX-License-Identifier: MIT */
/*
 * The truth table: what was broken, what the judge must say of it
 */
#ifndef TRUTH_H
#define TRUTH_H

#include "hardware.h"
#include "health_read.h"

/* ---- registers.c ---- */

void read_view(struct hardware *h, unsigned int end, struct link_view *view);
void read_answer(struct hardware *h, unsigned int end, struct far_answer *answer);

/* ---- cases.c ---- */

enum fault {
	NOTHING,
	BEND,		/* value: mdB on all lanes of what b receives */
	BEND_BOTH,	/* ... of both directions */
	DIRT,		/* value: mdB on the lanes, of what b receives */
	DEAD,		/* the lasers of a's lanes */
	UNLOCK,		/* b's receivers of the lanes */
	AGE,		/* value: thousandths of a life that a's lasers of the lanes have lost */
	AGEING,		/* ... and how much a second, for four of them */
	HEAT,		/* value: m°C that a's module is warmer */
	RAMP,		/* ... and how much a second, for four of them */
	CUT,
	DISABLE,	/* port of a */
	LASERS_OFF,	/* a's lasers of the lanes are turned off */
	LOW_POWER,	/* a's module */
	DAMAGE,		/* value: packets of a million that arrive damaged, under traffic */
	FLAP,		/* value: times that the fibre is pulled and plugged again */
	BLINK,		/* value: ms; once in so long what b receives is dark for a moment */
	PULL,		/* a's module */
	HANG,		/* a's module does not come up */
	SWITCH,		/* to the other light path and back */
	STICK,		/* value: 1 a's optical switch does not move, 2: half way only */
	HEALED,		/* a's lanes were dead, and are not any more */
	REPLACED,	/* a's lanes were dead, and another module is there; value: its serial */
	DIRT_AND_HEAT,	/* value: mdB; a's module is 28 C warmer */
};

#define EVERY	0xffu		/* lane */

struct verdict {
	enum sfab_health_cause cause;
	enum sfab_severity severity;
	enum sfab_health_action action;
};

struct example {
	enum fault fault;
	int value;
	uint32_t lanes;
	bool alone;		/* nobody can ask the far end */
	struct verdict a, b;	/* what is declared for each end */
};

extern const char *const fault_name[];
extern const struct example examples[];
extern const unsigned int example_count;

#endif
