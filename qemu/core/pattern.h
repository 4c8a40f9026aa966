/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pattern test of a port, of docs/specs/sfab-optics.rst, "Pattern tests". */
#ifndef SFAB_CORE_PATTERN_H
#define SFAB_CORE_PATTERN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "optics.h"

enum sfab_test_role {
	SFAB_TEST_PARTNER,	/* the other end sends the pattern */
	SFAB_TEST_NEAR,		/* our own, looped back within the module */
	SFAB_TEST_REFLECT,	/* what comes in goes back; nothing is checked */
	SFAB_TEST_FAR,		/* our own, that the other end reflects */
};

/* How the other end's lanes receive, when it reflects: F16, 4 lanes a word. */
#define SFAB_TEST_BER_WORDS	4

struct sfab_pattern {
	_Atomic uint32_t ctrl;		/* P_TEST, any thread's */

	/* The worker's. */
	uint32_t applied;
	uint64_t at;			/* counted up to here */
	uint64_t bits, ns, errors[SFAB_OPTICS_LANES];
	uint16_t locked;		/* lanes whose checker has found the pattern */
	double wrong[SFAB_OPTICS_LANES];	/* of their bits */
	uint64_t draw;
};

/* Time has passed: count what came in. */
void sfab_pattern_count(struct sfab_pattern *t, const struct sfab_optics *o, uint64_t now);

/*
 * The light is another one; @test, @ber: what the other end does and how it receives.
 */
void sfab_pattern_look(struct sfab_pattern *t, const struct sfab_optics *o, uint32_t test,
		       const uint64_t *ber);

/* How we receive, for the other end. */
void sfab_pattern_tell(const struct sfab_pattern *t, const struct sfab_optics *o,
		       uint64_t *ber);

/* Registers from 0x40 on, by their offset within the block / 8. */
void sfab_pattern_show(const struct sfab_pattern *t, _Atomic uint64_t *low);

#endif /* SFAB_CORE_PATTERN_H */
