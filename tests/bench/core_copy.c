// SPDX-License-Identifier: MIT
/*
 * How fast the device model copies, next to memcpy() of the same bytes between
 * the same addresses on the same thread. Runs alternate; medians are told.
 *
 *	core_copy [MiB [RUNS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "sfab/core.h"
#include "regs.h"

#define MIB		(1ull << 20)
#define PAGE		4096ull
#define LARGE		(2 * MIB)
#define MAX_RUNS	99

#define VA_DST		0x0000100000000000ull
#define VA_SRC		0x0000200000000000ull

struct bench {
	struct sfab_core *core;
	uint8_t *hbm;		/* tables, then source, then destination */
	uint8_t *other;		/* another device's HBM, or host memory */
	uint8_t *ring;
	uint64_t size;
	uint64_t tables;
	uint32_t tail;
};

static void die(const char *what)
{
	fprintf(stderr, "core_copy: %s\n", what);
	exit(1);
}

static uint64_t now(void *opaque)
{
	struct timespec ts;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* Bus addresses are our own addresses. */
static void *map(void *opaque, uint64_t bus, uint64_t *len, bool write)
{
	(void)opaque;
	(void)len;
	(void)write;
	return (void *)(uintptr_t)bus;
}

static void unmap(void *opaque, void *host, uint64_t len, bool write,
		  uint64_t accessed)
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

static void signal_nobody(void *opaque, unsigned int n)
{
	(void)opaque;
	(void)n;
}

static const struct sfab_ops ops = {
	.batch_begin = batch,
	.batch_end = batch,
	.map = map,
	.unmap = unmap,
	.irq = signal_nobody,
	.kick = signal_nobody,
	.now = now,
};

/* Aligned and with huge pages where the host has them, as QEMU does it. */
static void *memory(uint64_t size)
{
	uint8_t *p = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("cannot allocate so much");
	p += -(uintptr_t)p % LARGE;
	madvise(p, size, MADV_HUGEPAGE);
	memset(p, 1, size);
	return p;
}

static uint64_t *entry(struct bench *b, uint64_t va, int level)
{
	uint64_t table = 0;

	for (int l = 3;; l--) {
		uint64_t *e = (uint64_t *)(b->hbm + table) +
			      (va >> (12 + 9 * l) & 511);

		if (l == level)
			return e;
		if (!*e) {
			b->tables += PAGE;
			*e = b->tables | SFAB_PTE_VALID;
		}
		table = *e & SFAB_PTE_ADDR_MASK;
	}
}

static void map_va(struct bench *b, uint64_t va, uint64_t addr, uint64_t pte,
		   bool large)
{
	uint64_t page = large ? LARGE : PAGE;

	for (uint64_t at = 0; at < b->size; at += page)
		*entry(b, va + at, large) = pte | (addr + at) |
			SFAB_PTE_VALID | SFAB_PTE_READ | SFAB_PTE_WRITE |
			(large ? SFAB_PTE_LARGE : 0);
}

static void bench_init(struct bench *b, uint64_t size)
{
	struct sfab_config config = {
		.hbm_size = 4 * MIB + 2 * size, .queues = 1, .vms = 1,
		.engines = 1, .vectors = 1, .peer = true,
	};
	const char *why;

	b->size = size;
	b->hbm = memory(config.hbm_size);
	memset(b->hbm, 0, 4 * MIB);
	b->other = memory(size);
	b->ring = aligned_alloc(PAGE, 2 * PAGE);
	config.hbm = b->hbm;
	b->core = sfab_core_create(&config, &ops, b, &why);
	if (!b->core)
		die(why);
	sfab_core_write(b->core, SFAB_VM_BASE + SFAB_REG_VM_ROOT, 1, 8);
	sfab_core_write(b->core, SFAB_QUEUE_BASE + SFAB_REG_Q_BASE,
			(uintptr_t)b->ring, 8);
	sfab_core_write(b->core, SFAB_QUEUE_BASE + SFAB_REG_Q_TIMELINE,
			(uintptr_t)b->ring + PAGE, 8);
	sfab_core_write(b->core, SFAB_QUEUE_BASE + SFAB_REG_Q_SIZE, 6, 4);
	sfab_core_write(b->core, SFAB_QUEUE_BASE + SFAB_REG_Q_CTRL, 1, 4);
	sfab_core_write(b->core, SFAB_REG_CTRL, 1, 4);
}

static void submit(struct bench *b, uint64_t len)
{
	uint64_t *slot = (uint64_t *)(b->ring + b->tail % 64 * SFAB_CMD_SIZE);

	memset(slot, 0, SFAB_CMD_SIZE);
	slot[0] = SFAB_CMD_COPY | SFAB_CMD_COMPLETE << 8;
	slot[1] = VA_DST;
	slot[2] = VA_SRC;
	slot[3] = len;
	slot[7] = ++b->tail;
	sfab_core_write(b->core, SFAB_DOORBELL_BASE, b->tail, 4);
}

static uint64_t core_run(struct bench *b, uint64_t len)
{
	uint64_t start = now(NULL), due;

	submit(b, len);
	while (sfab_core_run(b->core, 0, &due) == SFAB_RUN_MORE)
		;
	if (*(uint64_t *)(b->ring + PAGE) != b->tail)
		die("the device did not complete the copy");
	return now(NULL) - start;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t median(uint64_t *t, unsigned int n)
{
	qsort(t, n, sizeof(*t), by_value);
	return t[n / 2];
}

static void compare(struct bench *b, const char *what, uint8_t *dst,
		    uint8_t *src, unsigned int runs)
{
	static uint64_t cpu[MAX_RUNS], core[MAX_RUNS];
	uint64_t m, c;

	for (unsigned int i = 0; i < runs; i++) {
		uint64_t start;

		memset(src, i, 64);
		core[i] = core_run(b, b->size);
		if (memcmp(dst, src, b->size))
			die("the device copied wrongly");
		start = now(NULL);
		memcpy(dst, src, b->size);
		cpu[i] = now(NULL) - start;
		__asm__ volatile("" : : "r"(dst) : "memory");
	}
	m = median(cpu, runs);
	c = median(core, runs);
	printf("%-34s %8.2f %8.2f %8.2f\n", what, (double)b->size / m,
	       (double)b->size / c, (double)m / c);
}

static void small_commands(struct bench *b)
{
	const unsigned int n = 200000;
	uint64_t start = now(NULL);

	for (unsigned int i = 0; i < n; i++)
		core_run(b, 64);
	printf("%-34s %8.0f ns each\n", "64 byte copies, with completion",
	       (double)(now(NULL) - start) / n);
}

int main(int argc, char **argv)
{
	uint64_t size = (argc > 1 ? strtoull(argv[1], NULL, 0) : 64) * MIB;
	unsigned int runs = argc > 2 ? strtoul(argv[2], NULL, 0) : 21;
	const uint64_t hbm = 0, peer = SFAB_APERTURE_PEER <<
				       SFAB_PTE_APERTURE_SHIFT;
	struct bench b = { 0 };
	uint8_t *src, *dst;

	if (size < LARGE || size % LARGE || size > 512 * MIB || !runs ||
	    runs > MAX_RUNS)
		die("usage: core_copy [MIB (2 to 512, even) [RUNS (1 to 99)]]");
	bench_init(&b, size);
	src = b.hbm + 4 * MIB;
	dst = src + size;

	printf("%3u MiB, median of %2u runs            memcpy     core    ratio\n",
	       (unsigned int)(size / MIB), runs);
	map_va(&b, VA_SRC, 4 * MIB, hbm, true);
	map_va(&b, VA_DST, 4 * MIB + size, hbm, true);
	compare(&b, "HBM to HBM, 2 MiB pages, GB/s", dst, src, runs);
	map_va(&b, VA_DST, (uintptr_t)b.other, peer, true);
	compare(&b, "HBM to peer, 2 MiB pages, GB/s", b.other, src, runs);
	memset(b.hbm, 0, 4 * MIB);
	b.tables = 0;
	map_va(&b, VA_SRC, 4 * MIB, hbm, false);
	map_va(&b, VA_DST, 4 * MIB + size, hbm, false);
	compare(&b, "HBM to HBM, 4 KiB pages, GB/s", dst, src, runs);
	small_commands(&b);
	sfab_core_destroy(b.core);
	return 0;
}
