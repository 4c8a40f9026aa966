// SPDX-License-Identifier: GPL-2.0-or-later
/* Drawing lots. */
#include "draw.h"
#include "smath.h"

/* Marsaglia's xorshift64* */
uint64_t sfab_draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

uint64_t sfab_draw_seed(uint64_t seed, uint64_t part)
{
	/* SplitMix64, so that neighbours have nothing in common. */
	uint64_t z = seed + (part + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	z ^= z >> 31;
	return z ? z : 1;
}

double sfab_draw_uniform(uint64_t *state)
{
	return (sfab_draw(state) >> 11) / 0x1p53;
}

double sfab_draw_normal(uint64_t *state)
{
	double sum = -6;

	for (unsigned int i = 0; i < 12; i++)
		sum += sfab_draw_uniform(state);
	return sum;
}

/* One by one from none on, while that is few: exact. */
static uint64_t few(uint64_t *state, uint64_t n, double p)
{
	double odds = p / (1 - p), chance = sfab_exp(n * sfab_log1m(p));
	double u = sfab_draw_uniform(state);
	uint64_t k = 0;

	/* Where rounding has left nothing to go on with, it ends. */
	while (u >= chance && k < n && (chance > 1 / 0x1p60 || k < n * p)) {
		u -= chance;
		chance *= odds * (n - k) / (k + 1);
		k++;
	}
	return k;
}

static uint64_t many(uint64_t *state, uint64_t n, double p)
{
	double mean = n * p;
	double k = mean + sfab_sqrt(mean * (1 - p)) * sfab_draw_normal(state) + 0.5;

	return k < 0 ? 0 : k > n ? n : (uint64_t)k;
}

uint64_t sfab_draw_binomial(uint64_t *state, uint64_t n, double p)
{
	if (!n || !(p > 0))
		return 0;
	if (p >= 1)
		return n;
	if (p > 0.5)
		return n - sfab_draw_binomial(state, n, 1 - p);
	return n * p < 60 ? few(state, n, p) : many(state, n, p);
}
