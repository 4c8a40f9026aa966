// SPDX-License-Identifier: MIT
/*
 * What each command must do, see reference.h.
 */
#include "reference.h"

#include <math.h>

int window_init(struct window *window, const struct buffer *buffer, uint64_t seed)
{
	window->va = buffer->va;
	window->size = buffer->size;
	window->cpu = buffer->cpu;
	window->shadow = malloc(buffer->size);
	if (!window->shadow)
		return -ENOMEM;
	pattern_fill(window->cpu, window->size, seed);
	window_sync(window);
	return 0;
}

void window_sync(struct window *window)
{
	memcpy(window->shadow, window->cpu, window->size);
}

int64_t window_compare(const struct window *window)
{
	uint64_t i;

	if (!memcmp(window->cpu, window->shadow, window->size))
		return -1;
	for (i = 0; i < window->size; i++)
		if (window->cpu[i] != window->shadow[i])
			break;
	return i;
}

/* ---- element arithmetic ---- */

static float bits_to_float(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static uint32_t float_to_bits(float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* Exact: every binary16 value is a binary32 value */
static float half_to_float(uint16_t half)
{
	int sign = half & 0x8000 ? -1 : 1;
	int exponent = half >> 10 & 0x1f;
	int fraction = half & 0x3ff;

	if (exponent == 0x1f)
		return fraction ? NAN : sign * INFINITY;
	if (exponent == 0)
		return copysignf(ldexpf(fraction, -24), sign);
	return sign * ldexpf(fraction | 0x400, exponent - 25);
}

/*
 * To nearest, ties to even.  The sum of two binary16 values is exact in binary64
 * (at most 41 significant bits), so this is the only rounding.
 */
static uint16_t double_to_half(double value)
{
	uint16_t sign = signbit(value) ? 0x8000 : 0;
	int exponent;
	double units;

	value = fabs(value);
	if (value >= 65520.0)		/* half way from the largest finite value */
		return sign | 0x7c00;
	if (value == 0)
		return sign;
	frexp(value, &exponent);	/* value = f * 2^exponent, f in [1/2, 1) */
	if (exponent < -13)
		exponent = -13;		/* subnormal: units of 2^-24 */
	units = rint(ldexp(value, 11 - exponent));
	/* 2^10 units and more carry into the exponent by themselves */
	return sign | (uint16_t)((exponent + 13) * 0x400 + units);
}

/* To nearest, ties to even */
static uint16_t float_to_bf16(float value)
{
	uint32_t bits = float_to_bits(value);

	return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

/* IEEE 754-2019, 9.6 minimum and maximum, for operands that are no NaN */
static bool takes_second(unsigned int op, float a, float b)
{
	if (a == b)			/* -0 is less than +0 */
		return op == SFAB_REDUCE_MIN ? signbit(b) && !signbit(a)
					     : signbit(a) && !signbit(b);
	return op == SFAB_REDUCE_MIN ? b < a : b > a;
}

static uint32_t reduce_i32(unsigned int op, uint32_t a, uint32_t b)
{
	switch (op) {
	case SFAB_REDUCE_SUM:
		return a + b;
	case SFAB_REDUCE_MIN:
		return (int32_t)a < (int32_t)b ? a : b;
	default:
		return (int32_t)a > (int32_t)b ? a : b;
	}
}

static uint32_t canonical_nan(enum sfab_dtype dtype)
{
	return dtype == SFAB_FP32 ? 0x7fc00000 : dtype == SFAB_FP16 ? 0x7e00 : 0x7fc0;
}

static float element_to_float(enum sfab_dtype dtype, uint32_t bits)
{
	return dtype == SFAB_FP32 ? bits_to_float(bits) :
	       dtype == SFAB_FP16 ? half_to_float(bits) : bits_to_float(bits << 16);
}

static uint32_t float_sum(enum sfab_dtype dtype, float a, float b)
{
	switch (dtype) {
	case SFAB_FP32:
		return float_to_bits(a + b);
	case SFAB_FP16:
		return double_to_half((double)a + b);
	default:
		/*
		 * Rounded twice, and yet right: binary32 has more than twice the
		 * significant bits of bf16 and two, and its own sums of subnormals
		 * are exact.
		 */
		return float_to_bf16(a + b);
	}
}

uint32_t reference_reduce(enum sfab_dtype dtype, unsigned int op, uint32_t a, uint32_t b)
{
	float x, y;

	if (dtype == SFAB_I32)
		return reduce_i32(op, a, b);
	x = element_to_float(dtype, a);
	y = element_to_float(dtype, b);
	if (isnan(x) || isnan(y))
		return canonical_nan(dtype);
	if (op != SFAB_REDUCE_SUM)
		return takes_second(op, x, y) ? b : a;
	if (isinf(x) && isinf(y) && x != y)
		return canonical_nan(dtype);
	return float_sum(dtype, x, y);
}

size_t dtype_size(enum sfab_dtype dtype)
{
	return dtype == SFAB_I32 || dtype == SFAB_FP32 ? 4 : 2;
}

/* ---- commands ---- */

static uint8_t *find(struct window *windows, unsigned int count, uint64_t va, uint64_t len)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (va >= windows[i].va && len <= windows[i].size &&
		    va - windows[i].va <= windows[i].size - len)
			return windows[i].shadow + (va - windows[i].va);
	return NULL;
}

static void do_reduce(const struct sfab_command *cmd, uint8_t *dst, const uint8_t *src)
{
	size_t i, size = dtype_size(cmd->dtype);

	for (i = 0; i < cmd->len; i += size) {
		uint32_t a = 0, b = 0;

		memcpy(&a, dst + i, size);
		memcpy(&b, src + i, size);
		a = reference_reduce(cmd->dtype, cmd->op, a, b);
		memcpy(dst + i, &a, size);
	}
}

static void do_atomic(const struct sfab_command *cmd, uint8_t *dst, uint8_t *old)
{
	uint64_t mask = cmd->dtype == 4 ? 0xffffffff : ~0ULL;
	uint64_t value = 0, result;

	memcpy(&value, dst, cmd->dtype);
	switch (cmd->op) {
	case SFAB_ATOMIC_ADD:
		result = value + cmd->arg0;
		break;
	case SFAB_ATOMIC_SWAP:
		result = cmd->arg0;
		break;
	default:
		result = value == (cmd->arg1 & mask) ? cmd->arg0 : value;
		break;
	}
	memcpy(dst, &result, cmd->dtype);
	if (old)
		memcpy(old, &value, cmd->dtype);
}

static bool execute_one(const struct sfab_command *cmd, struct window *windows, unsigned int count)
{
	uint8_t *dst, *src;
	uint64_t i;

	switch (cmd->opcode) {
	case SFAB_OP_NOP:
		return true;
	case SFAB_OP_COPY:
		dst = find(windows, count, cmd->dst, cmd->len);
		src = find(windows, count, cmd->src, cmd->len);
		if (dst && src)
			memcpy(dst, src, cmd->len);
		return dst && src;
	case SFAB_OP_COPY_2D:
		for (i = 0; i < cmd->arg0; i++) {
			dst = find(windows, count, cmd->dst + i * cmd->arg1, cmd->len);
			src = find(windows, count, cmd->src + i * cmd->arg2, cmd->len);
			if (!dst || !src)
				return false;
			memcpy(dst, src, cmd->len);
		}
		return true;
	case SFAB_OP_FILL:
		dst = find(windows, count, cmd->dst, cmd->len);
		for (i = 0; dst && i < cmd->len; i += cmd->dtype)
			memcpy(dst + i, &cmd->arg0, cmd->dtype);
		return dst;
	case SFAB_OP_REDUCE:
		dst = find(windows, count, cmd->dst, cmd->len);
		src = find(windows, count, cmd->src, cmd->len);
		if (dst && src)
			do_reduce(cmd, dst, src);
		return dst && src;
	case SFAB_OP_ATOMIC:
		dst = find(windows, count, cmd->dst, cmd->dtype);
		src = cmd->src ? find(windows, count, cmd->src, cmd->dtype) : NULL;
		if (!dst || (cmd->src && !src))
			return false;
		do_atomic(cmd, dst, src);
		return true;
	case SFAB_OP_WRITE:
		dst = find(windows, count, cmd->dst, cmd->dtype);
		if (dst)
			memcpy(dst, &cmd->arg0, cmd->dtype);
		return dst;
	default:
		return false;	/* WAIT and TIMESTAMP: the result is not known beforehand */
	}
}

bool reference_execute(const struct sfab_command *cmds, unsigned int count,
		       struct window *windows, unsigned int window_count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!execute_one(&cmds[i], windows, window_count))
			return false;
	return true;
}
