// SPDX-License-Identifier: MIT
/*
 * The arithmetic of REDUCE against a reference that knows nothing of bit tricks:
 * operands are decoded to doubles, added with the rounding error kept, and
 * rounded to the format by dividing by its last place.
 */
#include <math.h>
#include <stdlib.h>

#include "rig.h"
#include "internal.h"

struct fmt {
	unsigned int dtype;
	unsigned int width;	/* bytes */
	int mantissa;		/* bits of the fraction */
	int emin, emax;		/* exponents of normal numbers */
	uint32_t nan;
};

static const struct fmt fp32 = { SFAB_REDUCE_FP32, 4, 23, -126, 127, 0x7fc00000 };
static const struct fmt fp16 = { SFAB_REDUCE_FP16, 2, 10, -14, 15, 0x7e00 };
static const struct fmt bf16 = { SFAB_REDUCE_BF16, 2, 7, -126, 127, 0x7fc0 };

static uint32_t sign_bit(const struct fmt *f)
{
	return 1u << (8 * f->width - 1);
}

static double decode(const struct fmt *f, uint32_t bits)
{
	uint32_t fraction = bits & ((1u << f->mantissa) - 1);
	int exponent = (int)((bits & ~sign_bit(f)) >> f->mantissa);
	double value;

	if (exponent == f->emax - f->emin + 2)
		value = fraction ? NAN : INFINITY;
	else if (exponent == 0)
		value = ldexp(fraction, f->emin - f->mantissa);
	else
		value = ldexp(fraction + (1u << f->mantissa),
			      exponent - 1 + f->emin - f->mantissa);
	return bits & sign_bit(f) ? -value : value;
}

/* Round to nearest, ties to even; @value is exact or has been rounded to odd. */
static uint32_t encode(const struct fmt *f, double value)
{
	uint32_t sign = signbit(value) ? sign_bit(f) : 0;
	uint32_t infinity = (uint32_t)(f->emax - f->emin + 2) << f->mantissa;
	double units;
	int e;

	if (isnan(value))
		return f->nan;
	value = fabs(value);
	if (isinf(value))
		return sign | infinity;
	frexp(value, &e);
	e -= 1;
	if (value == 0 || e < f->emin)
		e = f->emin;
	units = rint(ldexp(value, f->mantissa - e));
	if (units == ldexp(1, f->mantissa + 1)) {
		units /= 2;
		e++;
	}
	if (e > f->emax)
		return sign | infinity;
	if (units < ldexp(1, f->mantissa))	/* subnormal */
		return sign | (uint32_t)units;
	return sign | (((uint32_t)(e - f->emin) << f->mantissa) + (uint32_t)units);
}

/* The sum in double; inexact ones end on an odd bit (Boldo, Melquiond 2008). */
static double sum_to_odd(double a, double b)
{
	volatile double s = a + b, part = s - a;
	volatile double error = (a - (s - part)) + (b - part);
	double sum = s;
	uint64_t bits;

	if (isnan(sum) || isinf(sum) || error == 0)
		return sum;
	memcpy(&bits, &sum, 8);
	if (!(bits & 1))
		sum = nextafter(sum, error > 0 ? INFINITY : -INFINITY);
	return sum;
}

static uint32_t reference(const struct fmt *f, unsigned int op, uint32_t a,
			  uint32_t b)
{
	double x = decode(f, a), y = decode(f, b);
	bool less;

	if (isnan(x) || isnan(y))
		return f->nan;
	if (op == SFAB_REDUCE_SUM)
		return encode(f, sum_to_odd(x, y));
	less = x < y || (x == y && signbit(x) && !signbit(y));
	return less == (op == SFAB_REDUCE_MIN) ? a : b;
}

static uint32_t element(const void *p, unsigned int width, size_t i)
{
	return width == 2 ? ((const uint16_t *)p)[i] : ((const uint32_t *)p)[i];
}

static void compare(const struct fmt *f, const void *a, const void *b, size_t n)
{
	void *result = malloc(n * f->width);

	for (unsigned int op = 0; op < 3; op++) {
		memcpy(result, a, n * f->width);
		sfab_reduce(result, b, n * f->width, f->dtype, op);
		for (size_t i = 0; i < n; i++) {
			uint32_t x = element(a, f->width, i);
			uint32_t y = element(b, f->width, i);
			uint32_t got = element(result, f->width, i);
			uint32_t want = reference(f, op, x, y);

			if (got != want)
				fail_msg("dtype %u op %u: 0x%x, 0x%x gives 0x%x, not 0x%x",
					 f->dtype, op, x, y, got, want);
		}
	}
	free(result);
}

/* Values where formats do interesting things: ends of every binade. */
static unsigned int corners(const struct fmt *f, uint32_t *out)
{
	const uint32_t fractions[] = {
		0, 1, 2, (1u << f->mantissa) / 2 - 1, (1u << f->mantissa) / 2,
		(1u << f->mantissa) / 2 + 1, (1u << f->mantissa) - 2,
		(1u << f->mantissa) - 1,
	};
	unsigned int n = 0;

	for (int e = 0; e <= f->emax - f->emin + 2; e++)
		for (unsigned int i = 0; i < 8; i++)
			for (uint32_t s = 0; s < 2; s++)
				out[n++] = (uint32_t)e << f->mantissa |
					   fractions[i] | s * sign_bit(f);
	return n;
}

/* All 65536 values against the corners of the format. */
static void exhaustive16(const struct fmt *f, unsigned int stride)
{
	static uint16_t a[65536], b[65536];
	static uint32_t corner[256 * 16];
	unsigned int n = corners(f, corner);

	for (unsigned int i = 0; i < 65536; i++)
		a[i] = i;
	for (unsigned int c = 0; c < n; c += stride) {
		for (unsigned int i = 0; i < 65536; i++)
			b[i] = corner[c];
		compare(f, a, b, 65536);
	}
}

static void test_fp16(void **state)
{
	(void)state;
	exhaustive16(&fp16, 3);		/* 32 * 16 / 3 = 171 corners */
}

static void test_bf16(void **state)
{
	(void)state;
	exhaustive16(&bf16, 23);	/* 256 * 16 / 23 = 178 corners */
}

static void random_pairs(const struct fmt *f, size_t n, uint64_t seed)
{
	void *a = malloc(n * f->width), *b = malloc(n * f->width);

	rig_fill_random(a, n * f->width, seed);
	rig_fill_random(b, n * f->width, seed + 1);
	compare(f, a, b, n);
	free(a);
	free(b);
}

static void test_random_pairs(void **state)
{
	(void)state;
	random_pairs(&fp16, 1000003, 10);
	random_pairs(&bf16, 1000003, 20);
	random_pairs(&fp32, 1000003, 30);
}

/* Close exponents, where sums round and cancel. */
static void test_fp32_close(void **state)
{
	enum { N = 1000000 };
	uint32_t *a = malloc(4 * N), *b = malloc(4 * N);
	uint64_t seed = 77;

	(void)state;
	for (unsigned int i = 0; i < N; i++) {
		uint32_t e = rig_random(&seed) % 255;
		uint32_t d = rig_random(&seed) % 27;

		a[i] = rig_random(&seed) >> 32 & 0x807fffff;
		b[i] = rig_random(&seed) >> 32 & 0x807fffff;
		a[i] |= e << 23;
		b[i] |= (e > d ? e - d : 0) << 23;
	}
	compare(&fp32, a, b, N);
	free(a);
	free(b);
}

static void test_fp32_corners(void **state)
{
	static uint32_t corner[256 * 16], a[256 * 16];
	unsigned int n = corners(&fp32, corner);

	(void)state;
	for (unsigned int c = 0; c < n; c += 11) {
		for (unsigned int i = 0; i < n; i++)
			a[i] = corner[c];
		compare(&fp32, a, corner, n);
	}
}

/* The values that the spec names, in numbers. */
static void test_named_values(void **state)
{
	static const struct {
		const struct fmt *f;
		unsigned int op;
		uint32_t a, b, want;
	} t[] = {
		/* -0 is less than +0; -0 + -0 = -0; x - x = +0 */
		{ &fp32, 1, 0, 0x80000000, 0x80000000 },
		{ &fp32, 1, 0x80000000, 0, 0x80000000 },
		{ &fp32, 2, 0x80000000, 0, 0 },
		{ &fp16, 2, 0, 0x8000, 0 },
		{ &bf16, 1, 0, 0x8000, 0x8000 },
		{ &fp16, 0, 0x8000, 0x8000, 0x8000 },
		{ &fp16, 0, 0x3c00, 0xbc00, 0 },
		/* NaNs, quiet, signalling, negative: canonical */
		{ &fp32, 0, 0xffffffff, 0, 0x7fc00000 },
		{ &fp32, 1, 0x7f800001, 0xff800000, 0x7fc00000 },
		{ &fp32, 2, 0, 0xffc00000, 0x7fc00000 },
		{ &fp16, 0, 0x7c01, 0, 0x7e00 },
		{ &fp16, 2, 0xfe00, 0x7c00, 0x7e00 },
		{ &bf16, 0, 0xffc1, 0, 0x7fc0 },
		{ &bf16, 1, 0x7f81, 0xff80, 0x7fc0 },
		/* infinity - infinity */
		{ &fp32, 0, 0x7f800000, 0xff800000, 0x7fc00000 },
		{ &fp16, 0, 0xfc00, 0x7c00, 0x7e00 },
		{ &bf16, 0, 0x7f80, 0xff80, 0x7fc0 },
		/* overflow: 65504 + 16 is a tie that goes to infinity, + 15.99 not */
		{ &fp16, 0, 0x7bff, 0x4c00, 0x7c00 },
		{ &fp16, 0, 0x7bff, 0x4bff, 0x7bff },
		{ &fp32, 0, 0x7f7fffff, 0x7f7fffff, 0x7f800000 },
		{ &bf16, 0, 0xff7f, 0xff7f, 0xff80 },
		/* subnormals are kept */
		{ &fp32, 0, 1, 1, 2 },
		{ &fp32, 0, 0x00800000, 0x80000001, 0x007fffff },
		{ &fp16, 0, 1, 1, 2 },
		{ &fp16, 0, 0x0400, 0x8001, 0x03ff },
		{ &bf16, 0, 1, 2, 3 },
		/* ties to even: 1 + 2^-11 and 1 + 2^-10 + 2^-11 */
		{ &fp16, 0, 0x3c00, 0x1000, 0x3c00 },
		{ &fp16, 0, 0x3c01, 0x1000, 0x3c02 },
		{ &bf16, 0, 0x3f80, 0x3b80, 0x3f80 },
		{ &bf16, 0, 0x3f81, 0x3b80, 0x3f82 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint32_t a = t[i].a, b = t[i].b;

		sfab_reduce(&a, &b, t[i].f->width, t[i].f->dtype, t[i].op);
		if (a != t[i].want)
			fail_msg("row %zu: 0x%x, not 0x%x", i, a, t[i].want);
		assert_int_equal(reference(t[i].f, t[i].op, t[i].a, t[i].b),
				 t[i].want);
	}
}

static void test_i32(void **state)
{
	static const int32_t v[] = { 0, 1, -1, INT32_MAX, INT32_MIN, 12345, -7 };

	(void)state;
	for (unsigned int i = 0; i < 7; i++) {
		for (unsigned int k = 0; k < 7; k++) {
			int32_t sum = v[i], min = v[i], max = v[i];

			sfab_reduce(&sum, &v[k], 4, SFAB_REDUCE_I32, 0);
			sfab_reduce(&min, &v[k], 4, SFAB_REDUCE_I32, 1);
			sfab_reduce(&max, &v[k], 4, SFAB_REDUCE_I32, 2);
			assert_int_equal((uint32_t)sum,
					 (uint32_t)v[i] + (uint32_t)v[k]);
			assert_int_equal(min, v[i] < v[k] ? v[i] : v[k]);
			assert_int_equal(max, v[i] > v[k] ? v[i] : v[k]);
		}
	}
}

/* As commands: any length and place, pages and slices in between, dst == src. */
static void test_commands(void **state)
{
	const struct fmt *formats[] = { &fp32, &fp16, &bf16 };
	struct rig *rig = rig_new();
	uint64_t seed = 5;

	(void)state;
	rig_map_all(rig, 0);
	rig_queue(rig, 0, 0);
	rig->map_limit = 512;
	for (unsigned int i = 0; i < 60; i++) {
		const struct fmt *f = formats[i % 3];
		uint64_t n = rig_random(&seed) % 40000 + 1, len = n * f->width;
		uint64_t d = rig_random(&seed) % 999 * f->width;
		uint64_t s = rig_random(&seed) % 999 * f->width;
		uint8_t *dst = rig->hbm + HBM_DATA + d;
		uint8_t *src = rig->sys + SYS_DATA + s;
		struct cmd c = {
			.opcode = SFAB_CMD_REDUCE, .dtype = f->dtype,
			.op = i / 3 % 3, .len = len, .dst = VA_HBM + HBM_DATA + d,
			.src = VA_SYS + SYS_DATA + s,
		};
		uint8_t *before, guard;

		rig_fill_random(dst, len, seed);
		rig_fill_random(src, len, seed + 1);
		if (i % 7 == 0) {
			c.src = c.dst;
			src = dst;
		}
		before = malloc(2 * len);
		memcpy(before, dst, len);
		memcpy(before + len, src, len);
		guard = dst[len];
		rig_do(rig, &c);
		for (uint64_t k = 0; k < n; k++)
			assert_int_equal(element(dst, f->width, k),
					 reference(f, c.op,
						   element(before, f->width, k),
						   element(before + len,
							   f->width, k)));
		assert_int_equal(dst[len], guard);
		free(before);
	}
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named_values),
		cmocka_unit_test(test_fp16),
		cmocka_unit_test(test_bf16),
		cmocka_unit_test(test_random_pairs),
		cmocka_unit_test(test_fp32_close),
		cmocka_unit_test(test_fp32_corners),
		cmocka_unit_test(test_i32),
		cmocka_unit_test(test_commands),
	};

	return cmocka_run_group_tests_name("reduce", tests, NULL, NULL);
}
