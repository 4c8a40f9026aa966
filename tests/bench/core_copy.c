// SPDX-License-Identifier: MIT
/*
 * How fast the device model copies, next to memcpy() of the same bytes between
 * the same addresses on the same thread. Runs alternate; medians are told.
 *
 *	core_copy [MiB [RUNS]]
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "regs.h"

#define VA_DST		0x0000100000000000ull
#define VA_SRC		0x0000200000000000ull

struct bench {
	struct sfab_core *core;
	struct bench_tables tables;	/* then source, then destination */
	uint8_t *other;		/* another device's HBM, or host memory */
	uint8_t *ring;
	uint64_t size;
	uint32_t tail;
};

static void bench_init(struct bench *b, uint64_t size)
{
	struct sfab_config config = {
		.hbm_size = 4 * MIB + 2 * size, .queues = 1, .vms = 1,
		.engines = 1, .vectors = 1, .peer = true,
	};
	const char *why;

	b->size = size;
	b->tables.hbm = bench_memory(config.hbm_size);
	b->other = bench_memory(size);
	b->ring = aligned_alloc(PAGE, 2 * PAGE);
	config.hbm = b->tables.hbm;
	b->core = sfab_core_create(&config, &bench_ops, b, &why);
	if (!b->core)
		bench_die(why);
	bench_queue(b->core, b->ring);
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
	uint64_t start = bench_now(NULL), due;

	submit(b, len);
	while (sfab_core_run(b->core, 0, &due) == SFAB_RUN_MORE)
		;
	if (*(uint64_t *)(b->ring + PAGE) != b->tail)
		bench_die("the device did not complete the copy");
	return bench_now(NULL) - start;
}

static void compare(struct bench *b, const char *what, uint8_t *dst,
		    uint8_t *src, unsigned int runs)
{
	static uint64_t cpu[MAX_RUNS], core[MAX_RUNS];
	uint64_t m, c;

	for (unsigned int i = 0; i < runs; i++) {
		memset(src, i, 64);
		core[i] = core_run(b, b->size);
		if (memcmp(dst, src, b->size))
			bench_die("the device copied wrongly");
		cpu[i] = bench_cpu_copy(dst, src, b->size);
	}
	m = bench_median(cpu, runs);
	c = bench_median(core, runs);
	printf("%-34s %8.2f %8.2f %8.2f\n", what, (double)b->size / m,
	       (double)b->size / c, (double)m / c);
}

static void small_commands(struct bench *b)
{
	const unsigned int n = 200000;
	uint64_t start = bench_now(NULL);

	for (unsigned int i = 0; i < n; i++)
		core_run(b, 64);
	printf("%-34s %8.0f ns each\n", "64 byte copies, with completion",
	       (double)(bench_now(NULL) - start) / n);
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
		bench_die("usage: core_copy [MIB (2 to 512, even) [RUNS (1 to 99)]]");
	bench_init(&b, size);
	src = b.tables.hbm + 4 * MIB;
	dst = src + size;

	printf("%3u MiB, median of %2u runs            memcpy     core    ratio\n",
	       (unsigned int)(size / MIB), runs);
	bench_map(&b.tables, VA_SRC, 4 * MIB, size, hbm, true);
	bench_map(&b.tables, VA_DST, 4 * MIB + size, size, hbm, true);
	compare(&b, "HBM to HBM, 2 MiB pages, GB/s", dst, src, runs);
	bench_map(&b.tables, VA_DST, (uintptr_t)b.other, size, peer, true);
	compare(&b, "HBM to peer, 2 MiB pages, GB/s", b.other, src, runs);
	memset(b.tables.hbm, 0, 4 * MIB);
	b.tables.last = 0;
	bench_map(&b.tables, VA_SRC, 4 * MIB, size, hbm, false);
	bench_map(&b.tables, VA_DST, 4 * MIB + size, size, hbm, false);
	compare(&b, "HBM to HBM, 4 KiB pages, GB/s", dst, src, runs);
	small_commands(&b);
	sfab_core_destroy(b.core);
	return 0;
}
