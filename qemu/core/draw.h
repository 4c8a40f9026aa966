/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is drawn by lot: each has a state of its own, not 0, from a seed. */
#ifndef SFAB_CORE_DRAW_H
#define SFAB_CORE_DRAW_H

#include <stdint.h>

/* 64 bits, of which the upper ones are good. */
uint64_t sfab_draw(uint64_t *state);

/* 0 <= u < 1 */
double sfab_draw_uniform(uint64_t *state);

/* Mean 0, standard deviation 1, never beyond 6. */
double sfab_draw_normal(uint64_t *state);

/* How often it happens in @n times, each with probability @p. */
uint64_t sfab_draw_binomial(uint64_t *state, uint64_t n, double p);

/* A state for the part @part of what has @seed. */
uint64_t sfab_draw_seed(uint64_t seed, uint64_t part);

#endif /* SFAB_CORE_DRAW_H */
