/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few functions of <math.h> that the model of the light needs, made of additions,
 * multiplications and divisions only. Those of a C library differ in the last bit from
 * one library, and one processor, to the next; these do not, so one seed means one course
 * of events everywhere. Errors are below 1e-14 of the value.
 */
#ifndef SFAB_CORE_SMATH_H
#define SFAB_CORE_SMATH_H

/* 0 below -700, as at 700 above 700. */
double sfab_exp(double x);

/* log(1 - p), 0 <= p < 1 */
double sfab_log1m(double p);

/* 1 - (1 - p)^n: that it happens at least once in @n times; p < 1 */
double sfab_once_in(double p, double n);

/* x >= 0 */
double sfab_sqrt(double x);

/* erfc(x), x >= 0: the relative error counts, far out as well. */
double sfab_erfc(double x);

/* 10^(db / 10) */
double sfab_from_db(double db);

/* 10 log10(ratio), 0 < ratio <= 1 */
double sfab_to_db(double ratio);

#endif /* SFAB_CORE_SMATH_H */
