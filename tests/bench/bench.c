// SPDX-License-Identifier: MIT
/* What the native benchmarks share. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "bench.h"
#include "regs.h"

void bench_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(1);
}

uint64_t bench_now(void *opaque)
{
	struct timespec ts;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

void *bench_memory(uint64_t size)
{
	uint8_t *p = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		bench_die("cannot allocate so much");
	p += -(uintptr_t)p % LARGE;
	madvise(p, size, MADV_HUGEPAGE);
	memset(p, 0, size);
	return p;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t bench_median(uint64_t *t, unsigned int n)
{
	qsort(t, n, sizeof(*t), by_value);
	return t[n / 2];
}

uint64_t bench_cpu_copy(void *dst, const void *src, uint64_t size)
{
	uint64_t start = bench_now(NULL);

	memcpy(dst, src, size);
	__asm__ volatile("" : : "r"(dst) : "memory");
	return bench_now(NULL) - start;
}

/* ---- a device ---- */

static void *map(void *opaque, uint64_t bus, uint64_t *len, bool write)
{
	(void)opaque;
	(void)len;
	(void)write;
	return (void *)(uintptr_t)bus;
}

static void unmap(void *opaque, void *host, uint64_t len, bool write, uint64_t accessed)
{
	(void)opaque;
	(void)host;
	(void)len;
	(void)write;
	(void)accessed;
}

static void batch(void *opaque)
{
	(void)opaque;
}

static void nobody(void *opaque, unsigned int n)
{
	(void)opaque;
	(void)n;
}

const struct sfab_ops bench_ops = {
	.batch_begin = batch,
	.batch_end = batch,
	.map = map,
	.unmap = unmap,
	.irq = nobody,
	.kick = nobody,
	.now = bench_now,
};

static uint64_t *entry(struct bench_tables *tables, uint64_t va, int level)
{
	uint64_t table = 0;

	for (int l = 3;; l--) {
		uint64_t *e = (uint64_t *)(tables->hbm + table) + (va >> (12 + 9 * l) & 511);

		if (l == level)
			return e;
		if (!*e) {
			tables->last += PAGE;
			*e = tables->last | SFAB_PTE_VALID;
		}
		table = *e & SFAB_PTE_ADDR_MASK;
	}
}

void bench_map(struct bench_tables *tables, uint64_t va, uint64_t addr, uint64_t size,
	       uint64_t pte, bool large)
{
	uint64_t page = large ? LARGE : PAGE;

	pte |= SFAB_PTE_VALID | SFAB_PTE_READ | SFAB_PTE_WRITE | (large ? SFAB_PTE_LARGE : 0);
	for (uint64_t at = 0; at < size; at += page)
		*entry(tables, va + at, large) = pte | (addr + at);
}

void bench_queue(struct sfab_core *core, uint8_t *ring)
{
	sfab_core_write(core, SFAB_VM_BASE + SFAB_REG_VM_ROOT, 1, 8);
	sfab_core_write(core, SFAB_QUEUE_BASE + SFAB_REG_Q_BASE, (uintptr_t)ring, 8);
	sfab_core_write(core, SFAB_QUEUE_BASE + SFAB_REG_Q_TIMELINE, (uintptr_t)ring + PAGE, 8);
	sfab_core_write(core, SFAB_QUEUE_BASE + SFAB_REG_Q_SIZE, 6, 4);
	sfab_core_write(core, SFAB_QUEUE_BASE + SFAB_REG_Q_CTRL, 1, 4);
	sfab_core_write(core, SFAB_REG_CTRL, 1, 4);
}
