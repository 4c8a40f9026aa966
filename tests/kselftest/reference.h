/* SPDX-License-Identifier: MIT */
/*
 * What each command must do, computed by the CPU from the hardware's spec
 * (qemu/docs/specs/sfab.rst, "Command ring"), on a shadow of the memory.
 */
#ifndef SFAB_REFERENCE_H
#define SFAB_REFERENCE_H

#include "sfab_test.h"

/** struct window - memory of a VM and what it should hold */
struct window {
	/** @va: first VM address */
	uint64_t va;
	/** @size: bytes */
	uint64_t size;
	/** @cpu: the memory that the device works on */
	uint8_t *cpu;
	/** @shadow: what it should hold */
	uint8_t *shadow;
};

/* Allocates the shadow and gives both the same pattern */
int window_init(struct window *window, const struct buffer *buffer, uint64_t seed);
/* Makes the shadow what the memory is now */
void window_sync(struct window *window);
/* Offset of the first byte that is not as it should be, -1 if all are */
int64_t window_compare(const struct window *window);

/* Does what the device should do, on the shadows; false for an address outside all windows */
bool reference_execute(const struct sfab_command *cmds, unsigned int count,
		       struct window *windows, unsigned int window_count);

uint32_t reference_reduce(enum sfab_dtype dtype, unsigned int op, uint32_t a, uint32_t b);
size_t dtype_size(enum sfab_dtype dtype);

#endif
