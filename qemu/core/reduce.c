// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The arithmetic of REDUCE, on bit patterns.
 *
 * IEEE 754-2019: addition rounds once, to nearest, ties to even (4.3.1); min and
 * max are minimum and maximum (9.6): a NaN operand gives a NaN, -0 is less than
 * +0. Every NaN result is the canonical quiet NaN of its format.
 *
 * fp16 and bf16 are added in binary32. That is exact enough: rounding a sum
 * first to q and then to p bits equals one rounding if q >= 2p + 2 (S. Figueroa,
 * "When is double rounding innocuous?", 1995); here 24 >= 2 * 11 + 2. Where the
 * result is subnormal the binary32 sum is exact.
 *
 * Elements are worked on in blocks of fixed size, in local memory: compilers
 * vectorise the loops, and nothing that the guest does to its memory meanwhile
 * can matter.
 */
#include "internal.h"

#define BLOCK_BYTES	1024

union block {
	uint8_t bytes[BLOCK_BYTES];
	uint32_t w[BLOCK_BYTES / 4];
	uint16_t h[BLOCK_BYTES / 2];
};

static inline float as_float(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof(f));
	return f;
}

static inline uint32_t as_bits(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

/*
 * Choices are made with masks, and magnitudes compared as signed numbers: plain
 * SSE2 has both, so that the loops below vectorise on every host.
 */
static inline uint32_t mask32(bool condition)
{
	return -(uint32_t)condition;
}

static inline uint32_t select32(uint32_t mask, uint32_t yes, uint32_t no)
{
	return (yes & mask) | (no & ~mask);
}

static inline uint16_t mask16(bool condition)
{
	return -(uint16_t)condition;
}

static inline uint16_t select16(uint16_t mask, uint16_t yes, uint16_t no)
{
	return (yes & mask) | (no & ~mask);
}

static inline uint32_t nan32(uint32_t a)
{
	return mask32((int32_t)(a & 0x7fffffff) > 0x7f800000);
}

static inline uint16_t nan16(uint16_t a, int16_t infinity)
{
	return mask16((int16_t)(a & 0x7fff) > infinity);
}

static inline uint32_t add_fp32(uint32_t a, uint32_t b)
{
	uint32_t sum = as_bits(as_float(a) + as_float(b));

	return select32(nan32(sum), 0x7fc00000, sum);
}

/* Exact. A subnormal is an integer over 2^24: no slow binary32 subnormals. */
static inline uint32_t fp16_to_fp32(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16;
	int32_t magnitude = h & 0x7fff;
	uint32_t small = as_bits((float)magnitude / 0x1p24f);
	uint32_t normal = ((uint32_t)magnitude << 13) + (112u << 23) +
			  (mask32(magnitude >= 0x7c00) & 112u << 23);

	return sign | select32(mask32(magnitude < 0x0400), small, normal);
}

/*
 * To nearest, ties to even. Adding 0.5, whose last place is the smallest fp16
 * subnormal, makes the hardware round a small value. A larger one is rounded by
 * an integer addition, which carries into the exponent and up to infinity.
 */
static inline uint16_t fp32_to_fp16(uint32_t f)
{
	uint32_t sign = f >> 16 & 0x8000;
	int32_t magnitude = f & 0x7fffffff;
	uint32_t small = as_bits(as_float((uint32_t)magnitude) + 0.5f) -
			 0x3f000000;
	uint32_t normal = ((uint32_t)magnitude - (112u << 23) + 0xfff +
			   ((uint32_t)magnitude >> 13 & 1)) >> 13;
	uint32_t h = select32(mask32(magnitude < 0x38800000), small, normal);

	h = select32(mask32(magnitude >= 0x47800000), 0x7c00, h);
	return select32(nan32(f), 0x7e00, sign | h);
}

static inline uint16_t add_fp16(uint16_t a, uint16_t b)
{
	return fp32_to_fp16(as_bits(as_float(fp16_to_fp32(a)) +
				    as_float(fp16_to_fp32(b))));
}

static inline uint16_t add_bf16(uint16_t a, uint16_t b)
{
	uint32_t f = as_bits(as_float((uint32_t)a << 16) +
			     as_float((uint32_t)b << 16));
	uint32_t rounded = (f + 0x7fff + (f >> 16 & 1)) >> 16;

	return select32(nan32(f), 0x7fc0, rounded);
}

/* A signed integer that is ordered as the floating-point value is. */
static inline int32_t order32(uint32_t bits)
{
	return (int32_t)(bits ^ (-(bits >> 31) & 0x7fffffff));
}

static inline int16_t order16(uint16_t bits)
{
	return (int16_t)(bits ^ (-(bits >> 15) & 0x7fff));
}

static inline uint32_t min_of_fp32(uint32_t a, uint32_t b)
{
	uint32_t less = mask32(order32(a) < order32(b));

	return select32(nan32(a) | nan32(b), 0x7fc00000, select32(less, a, b));
}

static inline uint32_t max_of_fp32(uint32_t a, uint32_t b)
{
	uint32_t less = mask32(order32(a) < order32(b));

	return select32(nan32(a) | nan32(b), 0x7fc00000, select32(less, b, a));
}

static inline uint16_t min_of_16(uint16_t a, uint16_t b, int16_t infinity,
				 uint16_t nan)
{
	uint16_t less = mask16(order16(a) < order16(b));

	return select16(nan16(a, infinity) | nan16(b, infinity), nan,
			select16(less, a, b));
}

static inline uint16_t max_of_16(uint16_t a, uint16_t b, int16_t infinity,
				 uint16_t nan)
{
	uint16_t less = mask16(order16(a) < order16(b));

	return select16(nan16(a, infinity) | nan16(b, infinity), nan,
			select16(less, b, a));
}

#define DEFINE_LOOP(name, member, type, result)				\
static void name(union block *restrict dst,				\
		 const union block *restrict src)			\
{									\
	for (unsigned int i = 0; i < BLOCK_BYTES / sizeof(type); i++) {	\
		type a = dst->member[i], b = src->member[i];		\
									\
		dst->member[i] = result;				\
	}								\
}

DEFINE_LOOP(sum_i32, w, uint32_t, a + b)
DEFINE_LOOP(min_i32, w, uint32_t, (int32_t)a < (int32_t)b ? a : b)
DEFINE_LOOP(max_i32, w, uint32_t, (int32_t)a > (int32_t)b ? a : b)
DEFINE_LOOP(sum_fp32, w, uint32_t, add_fp32(a, b))
DEFINE_LOOP(min_fp32, w, uint32_t, min_of_fp32(a, b))
DEFINE_LOOP(max_fp32, w, uint32_t, max_of_fp32(a, b))
DEFINE_LOOP(sum_fp16, h, uint16_t, add_fp16(a, b))
DEFINE_LOOP(min_fp16, h, uint16_t, min_of_16(a, b, 0x7c00, 0x7e00))
DEFINE_LOOP(max_fp16, h, uint16_t, max_of_16(a, b, 0x7c00, 0x7e00))
DEFINE_LOOP(sum_bf16, h, uint16_t, add_bf16(a, b))
DEFINE_LOOP(min_bf16, h, uint16_t, min_of_16(a, b, 0x7f80, 0x7fc0))
DEFINE_LOOP(max_bf16, h, uint16_t, max_of_16(a, b, 0x7f80, 0x7fc0))

static void (*const loops[4][3])(union block *restrict,
				 const union block *restrict) = {
	[SFAB_REDUCE_I32]  = { sum_i32, min_i32, max_i32 },
	[SFAB_REDUCE_FP32] = { sum_fp32, min_fp32, max_fp32 },
	[SFAB_REDUCE_FP16] = { sum_fp16, min_fp16, max_fp16 },
	[SFAB_REDUCE_BF16] = { sum_bf16, min_bf16, max_bf16 },
};

void sfab_reduce(void *dst, const void *src, uint64_t len, unsigned int dtype,
		 unsigned int op)
{
	union block d = { 0 }, s = { 0 };
	uint8_t *to = dst;
	const uint8_t *from = src;

	while (len) {
		uint64_t n = len < BLOCK_BYTES ? len : BLOCK_BYTES;

		memcpy(d.bytes, to, n);
		memcpy(s.bytes, from, n);
		loops[dtype][op](&d, &s);
		memcpy(to, d.bytes, n);
		to += n;
		from += n;
		len -= n;
	}
}
