// SPDX-License-Identifier: MIT
/*
 * How much memory the kernel needs to keep memory registered, for small and for
 * huge pages; runs in a guest that does nothing else.
 *
 *	register_memory [MiB]
 *
 * What is told is how much less memory is free while the registration stands;
 * its pages are there before.  The median of several, as others allocate too.
 *
 * Small pages are the worst case: no two of them are neighbours, or the kernel
 * would keep many as one.  For that each is faulted in next to one of another
 * mapping, so twice the memory is needed.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <sfab/sfab.h>

#define MIB	(1UL << 20)
#define PAGE		4096UL
#define HUGE_SIZE	(2 * MIB)
#define RUNS	7

static void die(const char *what)
{
	fprintf(stderr, "register_memory: %s\n", what);
	exit(1);
}

static void check(int ret)
{
	if (ret < 0)
		die(sfab_last_error());
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* MemFree lacks what the CPUs keep at hand, where what one run frees waits for the next */
static long free_pages(void)
{
	long sum = 0, pages, zones = 0;
	FILE *f = fopen("/proc/zoneinfo", "r");
	char line[128];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " pages free %ld", &pages) == 1)
			zones++;
		else if (sscanf(line, " count: %ld", &pages) != 1)
			continue;
		sum += pages;
	}
	if (f)
		fclose(f);
	if (!zones)
		die("/proc/zoneinfo does not tell the free pages");
	return sum;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values)
{
	qsort(values, RUNS, sizeof(*values), compare);
	return values[RUNS / 2];
}

/* Aligned to huge pages; stays until the program ends */
static char *map(size_t size, int advice)
{
	char *start = mmap(NULL, size + HUGE_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *p = (char *)(((uintptr_t)start + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1));

	if (start == MAP_FAILED)
		die("no memory");
	if (madvise(p, size, advice))
		die("no transparent huge pages");
	return p;
}

static char *scattered(size_t size)
{
	char *p = map(size, MADV_NOHUGEPAGE), *between = map(size, MADV_NOHUGEPAGE);

	for (size_t i = 0; i < size; i += PAGE) {
		p[i] = 1;
		between[i] = 1;
	}
	return p;
}

static char *huge(size_t size)
{
	return memset(map(size, MADV_HUGEPAGE), 1, size);
}

static void measure(struct sfab_device *device, const char *name, char *p, size_t size)
{
	double pages[RUNS], seconds[RUNS];

	for (int i = 0; i < RUNS; i++) {
		struct sfab_mem *mem;
		long before = free_pages();
		double began = now();

		check(sfab_mem_register(device, p, size, SFAB_READ | SFAB_WRITE, &mem));
		seconds[i] = now() - began;
		pages[i] = before - free_pages();
		check(sfab_mem_free(mem));
	}
	printf("register %zu MiB, %-12s %8.2f MiB of kernel memory per GiB, %8.2f ms\n", size / MIB,
	       name, median(pages) * PAGE / MIB * (1024 * MIB) / size, median(seconds) * 1e3);
}

int main(int argc, char **argv)
{
	size_t size = (argc > 1 ? strtoul(argv[1], NULL, 10) : 1024) * MIB;
	struct sfab_context *context;
	struct sfab_device *device;

	if (size == 0)
		die("the size is in MiB, at least 1");
	check(sfab_context_open(&context, 0));
	check(sfab_device_get(context, 0, &device));
	measure(device, "huge pages:", huge(size), size);
	measure(device, "4 KiB pages:", scattered(size), size);
	sfab_context_close(context);
	return 0;
}
