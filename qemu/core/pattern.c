// SPDX-License-Identifier: GPL-2.0-or-later
/* Pattern tests: how many bits were wrong is drawn, of as many as the time had. */
#include "draw.h"
#include "fabric_regs.h"
#include "pattern.h"

#define LOCKS_BELOW	0.25	/* a checker finds its pattern among so many wrong bits */

static unsigned int role(uint32_t test)
{
	return (test & SFAB_P_TEST_ROLE) >> SFAB_P_TEST_ROLE_SHIFT;
}

static double from_f16(unsigned int code)
{
	double value = code & 0x7ff;

	for (unsigned int s = code >> 11; s < 24; s++)
		value /= 10;
	return value;
}

void sfab_pattern_count(struct sfab_pattern *t, const struct sfab_optics *o, uint64_t now)
{
	uint64_t ns = now - t->at, bits = ns * o->lane_rate;

	t->at = now;
	if (!(t->applied & SFAB_P_TEST_RUN))
		return;
	t->ns += ns;
	if (t->locked)
		t->bits += bits;
	for (unsigned int l = 0; l < o->lanes; l++)
		if (t->locked >> l & 1)
			t->errors[l] += sfab_draw_binomial(&t->draw, bits, t->wrong[l]);
}

/* The other end sends what we check. */
static bool sent(const struct sfab_pattern *t, uint32_t test)
{
	bool runs = test & SFAB_P_TEST_RUN;

	switch (role(t->applied)) {
	case SFAB_TEST_PARTNER:
		return runs && role(test) != SFAB_TEST_REFLECT &&
		       !((test ^ t->applied) & SFAB_P_TEST_PATTERN);
	case SFAB_TEST_NEAR:
		return true;
	case SFAB_TEST_FAR:
		return runs && role(test) == SFAB_TEST_REFLECT;
	default:
		return false;
	}
}

void sfab_pattern_look(struct sfab_pattern *t, const struct sfab_optics *o, uint32_t test,
		       const uint64_t *ber)
{
	bool there = t->applied & SFAB_P_TEST_RUN && sent(t, test);

	t->locked = 0;
	for (unsigned int l = 0; l < o->lanes && there; l++) {
		double here = o->lane[l].ber, far = 0;

		if (role(t->applied) == SFAB_TEST_FAR)
			far = from_f16(ber[l / 4] >> l % 4 * 16 & 0xffff);
		t->wrong[l] = here + far - 2 * here * far;
		if (!o->lane[l].lol && far < LOCKS_BELOW && t->wrong[l] < LOCKS_BELOW)
			t->locked |= 1 << l;
	}
}

void sfab_pattern_tell(const struct sfab_pattern *t, const struct sfab_optics *o,
		       uint64_t *ber)
{
	if (!(t->applied & SFAB_P_TEST_RUN) || role(t->applied) != SFAB_TEST_REFLECT)
		return;
	for (unsigned int l = 0; l < o->lanes; l++)
		ber[l / 4] |= (uint64_t)sfab_f16(o->lane[l].ber) << l % 4 * 16;
}

static void set(_Atomic uint64_t *low, unsigned int reg, uint64_t value)
{
	atomic_store_explicit(&low[reg / 8], value, memory_order_relaxed);
}

void sfab_pattern_show(const struct sfab_pattern *t, _Atomic uint64_t *low)
{
	uint64_t status = t->locked | (t->applied & SFAB_P_TEST_RUN ?
				       SFAB_P_TEST_STATUS_RUNNING : 0);

	set(low, SFAB_REG_P_TEST_BITS, t->bits);
	set(low, SFAB_REG_P_TEST_NS, t->ns);
	for (unsigned int l = 0; l < SFAB_OPTICS_LANES; l++)
		set(low, SFAB_REG_P_TEST_ERRORS + 8 * l, t->errors[l]);
	set(low, SFAB_REG_P_TEST, status << 32);
}
