// SPDX-License-Identifier: GPL-2.0-or-later
/* Functions with the same bits everywhere. */
#include <stdint.h>
#include <string.h>

#include "smath.h"

#define LN2_HI		0x0.b17217f7dp0	/* so short that k * LN2_HI is exact */
#define LN2_LO		(0x1.cf79abc9e3b3ap0 / 0x1p40)
#define LN2_INVERSE	0x1.71547652b82fep0
#define LN10_TENTH	(0x1.d791c5f888823p0 / 8)

/* 2^k of a normal number. */
static double power_of_2(int k)
{
	uint64_t bits = (uint64_t)(k + 1023) << 52;
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

double sfab_exp(double x)
{
	double r, sum = 1;
	int k;

	if (x < -700)
		return 0;
	if (x > 700)
		x = 700;
	k = (int)(x * LN2_INVERSE + (x < 0 ? -0.5 : 0.5));
	r = (x - k * LN2_HI) - k * LN2_LO;
	/* |r| <= 0.35: the term after these is below 2^-60. */
	for (int i = 14; i; i--)
		sum = 1 + sum * r / i;
	return sum * power_of_2(k);
}

/* 2 atanh(z), 0 <= z <= 1/3 */
static double twice_atanh(double z)
{
	double square = z * z, sum = 0;

	for (int i = 35; i > 0; i -= 2)
		sum = sum * square + 1.0 / i;
	return 2 * z * sum;
}

double sfab_log1m(double p)
{
	double rest = 1 - p, log = 0;

	/* log(1 - p) = -2 atanh(p / (2 - p)), which converges slowly near 1. */
	for (; p > 0.5; p = 1 - rest) {
		rest *= 2;
		log -= LN2_HI + LN2_LO;
	}
	return log - twice_atanh(p / (2 - p));
}

double sfab_sqrt(double x)
{
	uint64_t bits;
	double root;

	if (!(x > 0))
		return 0;
	memcpy(&bits, &x, sizeof(bits));
	bits = (bits >> 1) + (1023ull << 51);	/* half the exponent: within 7 % */
	memcpy(&root, &bits, sizeof(root));
	for (int i = 0; i < 5; i++)
		root = (root + x / root) / 2;
	return root;
}

/* 1 - erf(x) by the series of erf: Abramowitz and Stegun, 7.1.6. */
static double erfc_near(double x)
{
	const double two_by_root_pi = 0x1.20dd750429b6dp0;
	double term = x, sum = x;

	for (int i = 1; term > sum / 1e18; i++) {
		term *= 2 * x * x / (2 * i + 1);
		sum += term;
	}
	return 1 - two_by_root_pi * sfab_exp(-x * x) * sum;
}

/* By the continued fraction, Abramowitz and Stegun, 7.1.14, from its far end. */
static double erfc_far(double x)
{
	const double root_pi = 0x1.c5bf891b4ef6ap0;
	double fraction = x;

	for (int i = 200; i; i--)
		fraction = x + 0.5 * i / fraction;
	return sfab_exp(-x * x) / (root_pi * fraction);
}

double sfab_erfc(double x)
{
	return x < 1 ? erfc_near(x) : erfc_far(x);
}

double sfab_once_in(double p, double n)
{
	double y = -n * sfab_log1m(p);

	return y < 0.00001 ? y - y * y / 2 : 1 - sfab_exp(-y);
}

double sfab_from_db(double db)
{
	return sfab_exp(db * LN10_TENTH);
}

double sfab_to_db(double ratio)
{
	return sfab_log1m(1 - ratio) / LN10_TENTH;
}
