// SPDX-License-Identifier: MIT
/*
 * The commands, as qemu/docs/specs/sfab.rst has them.  Every operand is checked
 * before anything is written.  Types that no test of the library needs are left to
 * the tests of the device.
 */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "kernel.h"

#define R	SFAB_RIGHT_READ
#define W	SFAB_RIGHT_WRITE
#define A	SFAB_RIGHT_ATOMIC

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static uint32_t check(struct queue *queue, uint64_t va, uint64_t size, uint32_t rights,
		      struct sfab_fault *fault)
{
	uint64_t where;
	uint32_t cause;

	cause = vm_check(queue->vm, va, size, rights, &where);
	if (!cause)
		return 0;
	fault->addr = where;
	fault->access = cause == SFAB_FAULT_NO_WRITE || !(rights & R) ? 2 : 1;
	return cause;
}

static uint32_t bad_range(struct sfab_fault *fault, uint64_t va)
{
	fault->addr = va;
	return SFAB_FAULT_BAD_RANGE;
}

static uint32_t copy(struct queue *queue, uint64_t dst, uint64_t src, uint64_t len,
		     struct sfab_fault *fault)
{
	uint32_t cause;
	void *buf;

	cause = check(queue, src, len, R, fault);
	if (!cause)
		cause = check(queue, dst, len, W, fault);
	if (cause || !len)
		return cause;
	buf = malloc(len);
	vm_read(queue->vm, src, buf, len);
	vm_write(queue->vm, dst, buf, len);
	free(buf);
	return 0;
}

static uint32_t copy_2d(struct queue *queue, const struct sfab_command *cmd,
			struct sfab_fault *fault)
{
	uint32_t cause = 0;
	uint64_t i;

	if (cmd->arg1 < cmd->len || cmd->arg2 < cmd->len || cmd->arg0 > UINT32_MAX)
		return bad_range(fault, cmd->dst);
	for (i = 0; i < cmd->arg0 && !cause; i++)
		cause = copy(queue, cmd->dst + i * cmd->arg1, cmd->src + i * cmd->arg2,
			     cmd->len, fault);
	return cause;
}

static uint32_t fill(struct queue *queue, const struct sfab_command *cmd,
		     struct sfab_fault *fault)
{
	uint32_t cause = check(queue, cmd->dst, cmd->len, W, fault);
	uint64_t i;

	if (cmd->len % cmd->dtype)
		return bad_range(fault, cmd->dst);
	for (i = 0; i < cmd->len && !cause; i += cmd->dtype)
		vm_write(queue->vm, cmd->dst + i, &cmd->arg0, cmd->dtype);
	return cause;
}

static float combine_float(float a, float b, unsigned int op)
{
	switch (op) {
	case SFAB_REDUCE_SUM:
		return a + b;
	case SFAB_REDUCE_MIN:
		return fminf(a, b);
	default:
		return fmaxf(a, b);
	}
}

static int32_t combine_int(int32_t a, int32_t b, unsigned int op)
{
	switch (op) {
	case SFAB_REDUCE_SUM:
		return (int32_t)((uint32_t)a + (uint32_t)b);
	case SFAB_REDUCE_MIN:
		return a < b ? a : b;
	default:
		return a > b ? a : b;
	}
}

/* bf16: the upper half of a float; good for values that need no rounding */
static uint16_t combine_bf16(uint16_t a, uint16_t b, unsigned int op)
{
	uint32_t x = (uint32_t)a << 16, y = (uint32_t)b << 16;
	float f, g;

	memcpy(&f, &x, sizeof(f));
	memcpy(&g, &y, sizeof(g));
	f = combine_float(f, g, op);
	memcpy(&x, &f, sizeof(x));
	return x >> 16;
}

/* fp16: positive normal numbers only */
static float half_to_float(uint16_t h)
{
	return ldexpf(1 + (h & 0x3ff) / 1024.0f, (h >> 10) - 15);
}

static uint16_t float_to_half(float f)
{
	int exponent;
	float fraction = frexpf(f, &exponent);

	return (uint16_t)((exponent + 14) << 10) | (uint16_t)((2 * fraction - 1) * 1024);
}

static void combine(const struct sfab_command *cmd, void *dst, const void *src)
{
	uint16_t h, g;
	float x, y;
	int32_t a, b;

	switch (cmd->dtype) {
	case SFAB_I32:
		memcpy(&a, dst, 4);
		memcpy(&b, src, 4);
		a = combine_int(a, b, cmd->op);
		memcpy(dst, &a, 4);
		break;
	case SFAB_FP32:
		memcpy(&x, dst, 4);
		memcpy(&y, src, 4);
		x = combine_float(x, y, cmd->op);
		memcpy(dst, &x, 4);
		break;
	default:
		memcpy(&h, dst, 2);
		memcpy(&g, src, 2);
		h = cmd->dtype == SFAB_BF16 ? combine_bf16(h, g, cmd->op) :
		    float_to_half(combine_float(half_to_float(h), half_to_float(g), cmd->op));
		memcpy(dst, &h, 2);
		break;
	}
}

static uint32_t reduce(struct queue *queue, const struct sfab_command *cmd,
		       struct sfab_fault *fault)
{
	unsigned int width = cmd->dtype == SFAB_I32 || cmd->dtype == SFAB_FP32 ? 4 : 2;
	uint32_t cause;
	char *dst, *src;
	uint64_t i;

	if (cmd->len % width || cmd->dst % width || cmd->src % width)
		return bad_range(fault, cmd->dst);
	cause = check(queue, cmd->src, cmd->len, R, fault);
	if (!cause)
		cause = check(queue, cmd->dst, cmd->len, R | W | A, fault);
	if (cause || !cmd->len)
		return cause;
	dst = malloc(cmd->len);
	src = malloc(cmd->len);
	vm_read(queue->vm, cmd->dst, dst, cmd->len);
	vm_read(queue->vm, cmd->src, src, cmd->len);
	for (i = 0; i < cmd->len; i += width)
		combine(cmd, dst + i, src + i);
	vm_write(queue->vm, cmd->dst, dst, cmd->len);
	free(src);
	free(dst);
	return 0;
}

static bool bad_word(const struct sfab_command *cmd, uint64_t va)
{
	return (cmd->dtype != 4 && cmd->dtype != 8) || va % cmd->dtype;
}

static uint32_t atomic(struct queue *queue, const struct sfab_command *cmd,
		       struct sfab_fault *fault)
{
	uint64_t old = 0, new;
	uint32_t cause;

	if (bad_word(cmd, cmd->dst) || bad_word(cmd, cmd->src))
		return bad_range(fault, cmd->dst);
	cause = check(queue, cmd->dst, cmd->dtype, R | W | A, fault);
	if (!cause && cmd->src)
		cause = check(queue, cmd->src, cmd->dtype, W | NEAR_ONLY, fault);
	if (cause)
		return cause;
	vm_read(queue->vm, cmd->dst, &old, cmd->dtype);
	new = cmd->op == SFAB_ATOMIC_ADD ? old + cmd->arg0 :
	      cmd->op == SFAB_ATOMIC_CAS && old != cmd->arg1 ? old : cmd->arg0;
	vm_write(queue->vm, cmd->dst, &new, cmd->dtype);
	if (cmd->src)
		vm_write(queue->vm, cmd->src, &old, cmd->dtype);
	return 0;
}

static uint32_t store(struct queue *queue, const struct sfab_command *cmd, uint64_t value,
		      unsigned int width, struct sfab_fault *fault)
{
	uint32_t cause;

	if (cmd->dst % width)
		return bad_range(fault, cmd->dst);
	cause = check(queue, cmd->dst, width, W, fault);
	if (!cause)
		vm_write(queue->vm, cmd->dst, &value, width);
	return cause;
}

static bool holds(const struct sfab_command *cmd, uint64_t value)
{
	switch (cmd->op) {
	case SFAB_WAIT_EQ:
		return value == cmd->arg0;
	case SFAB_WAIT_NE:
		return value != cmd->arg0;
	case SFAB_WAIT_GE:
		return value >= cmd->arg0;
	default:
		return value < cmd->arg0;
	}
}

static uint32_t wait_memory(struct queue *queue, const struct sfab_command *cmd,
			    struct sfab_fault *fault)
{
	uint64_t end = now_ns() + cmd->arg2;
	struct timespec nap = { 0, 100000 };
	uint64_t value;
	uint32_t cause;

	if (bad_word(cmd, cmd->src))
		return bad_range(fault, cmd->src);
	while (!queue->stop && queue->state == SFAB_QUEUE_OK) {
		value = 0;
		cause = check(queue, cmd->src, cmd->dtype, R | NEAR_ONLY, fault);
		if (cause)
			return cause;
		vm_read(queue->vm, cmd->src, &value, cmd->dtype);
		if (holds(cmd, value & cmd->arg1))
			return 0;
		if (cmd->arg2 && now_ns() >= end) {
			fault->access = 1;
			fault->addr = cmd->src;
			return SFAB_FAULT_WAIT_TIMEOUT;
		}
		pthread_mutex_unlock(&kernel_lock);
		nanosleep(&nap, NULL);
		pthread_mutex_lock(&kernel_lock);
	}
	return 0;
}

/* A copy with NOTIFY stores arg1 at arg0 once it is in effect; all is checked before */
static uint32_t copy_notify(struct queue *queue, const struct sfab_command *cmd,
			    struct sfab_fault *fault)
{
	struct sfab_command write = { .dst = cmd->arg0 };
	uint32_t cause;

	if (!cmd->flags)
		return copy(queue, cmd->dst, cmd->src, cmd->len, fault);
	if (cmd->arg0 % 8)
		return bad_range(fault, cmd->arg0);
	cause = check(queue, cmd->arg0, 8, W, fault);
	if (!cause)
		cause = copy(queue, cmd->dst, cmd->src, cmd->len, fault);
	return cause ? cause : store(queue, &write, cmd->arg1, 8, fault);
}

uint32_t execute(struct queue *queue, const struct sfab_command *cmd, struct sfab_fault *fault)
{
	switch (cmd->opcode) {
	case SFAB_OP_NOP:
		return 0;
	case SFAB_OP_COPY:
		return copy_notify(queue, cmd, fault);
	case SFAB_OP_COPY_2D:
		return copy_2d(queue, cmd, fault);
	case SFAB_OP_FILL:
		return fill(queue, cmd, fault);
	case SFAB_OP_REDUCE:
		return reduce(queue, cmd, fault);
	case SFAB_OP_ATOMIC:
		return atomic(queue, cmd, fault);
	case SFAB_OP_WRITE:
		return store(queue, cmd, cmd->arg0, cmd->dtype, fault);
	case SFAB_OP_WAIT:
		return wait_memory(queue, cmd, fault);
	default:
		return store(queue, cmd, now_ns(), 8, fault);
	}
}
