// SPDX-License-Identifier: MIT
/*
 * How much memory the kernel needs to keep memory registered, for small and for
 * huge pages; runs in a guest that does nothing else.
 *
 *	register_memory [MiB]
 *
 * What is told is how much less memory is free while the registration stands;
 * its pages are there before.  The median of several, as others allocate too.
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

static long free_kib(void)
{
	char line[128];
	long kib = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %ld kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	if (kib < 0)
		die("/proc/meminfo does not tell MemFree");
	return kib;
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

static void measure(struct sfab_device *device, const char *name, size_t size, int advice)
{
	double kib[RUNS], seconds[RUNS];
	char *start, *p;

	/* With room for the alignment that huge pages want */
	start = mmap(NULL, size + HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		     -1, 0);
	if (start == MAP_FAILED)
		die("no memory");
	p = (char *)(((uintptr_t)start + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1));
	if (madvise(p, size, advice))
		die("no transparent huge pages");
	memset(p, 1, size);

	for (int i = 0; i < RUNS; i++) {
		struct sfab_mem *mem;
		long before = free_kib();
		double began = now();

		check(sfab_mem_register(device, p, size, SFAB_READ | SFAB_WRITE, &mem));
		seconds[i] = now() - began;
		kib[i] = before - free_kib();
		check(sfab_mem_free(mem));
	}
	munmap(start, size + HUGE_SIZE);
	printf("register %zu MiB, %-12s %8.2f MiB of kernel memory per GiB, %8.2f ms\n", size / MIB,
	       name, median(kib) / 1024 * (1024 * MIB) / size, median(seconds) * 1e3);
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
	measure(device, "4 KiB pages:", size, MADV_NOHUGEPAGE);
	measure(device, "huge pages:", size, MADV_HUGEPAGE);
	sfab_context_close(context);
	return 0;
}
