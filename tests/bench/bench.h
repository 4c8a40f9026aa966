/* SPDX-License-Identifier: MIT */
/* What the native benchmarks share: time, memory, medians, an accelerator's page tables. */
#ifndef SFAB_TESTS_BENCH_H
#define SFAB_TESTS_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "sfab/core.h"

#define MIB		(1ull << 20)
#define PAGE		4096ull
#define LARGE		(2 * MIB)
#define MAX_RUNS	99

/* Print why, after the name of the program, and exit. */
void bench_die(const char *what) __attribute__((noreturn));

/* Monotonic, in ns; @opaque is for struct sfab_ops and not used. */
uint64_t bench_now(void *opaque);

/* @size bytes aligned to LARGE, zeroed, in huge pages where the host has them, as QEMU does it. */
void *bench_memory(uint64_t size);

/* Sorts @t. */
uint64_t bench_median(uint64_t *t, unsigned int n);

/* How long memcpy() takes. */
uint64_t bench_cpu_copy(void *dst, const void *src, uint64_t size);

/* A device whose bus addresses are our own addresses; it tells nobody of anything. */
extern const struct sfab_ops bench_ops;

/* The page tables of a device: they begin with its HBM, the root at its second page. */
struct bench_tables {
	uint8_t *hbm;
	uint64_t last;		/* page in use */
};

/* Map @size bytes at @va to @addr; @pte: the aperture. */
void bench_map(struct bench_tables *tables, uint64_t va, uint64_t addr, uint64_t size,
	       uint64_t pte, bool large);

/* Make queue 0 run on VM 0: @ring is a page of slots, and then the timeline. */
void bench_queue(struct sfab_core *core, uint8_t *ring);

#endif /* SFAB_TESTS_BENCH_H */
