// SPDX-License-Identifier: MIT
/*
 * What it costs one process to read and judge the health of every link of a node: CPU time
 * of the guest, user and system. Runs in a guest. Each look is at another interval of the
 * modules, as a monitor's is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include <sfab/sfab.h>
#include <sfab/link.h>

#define LOOKS	11

static void check(int ret)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "health_links: %s\n", sfab_last_error());
	exit(1);
}

static double cpu_ms(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static unsigned int count_links(struct sfab_health *health)
{
	struct sfab_verdict verdict = { .size = sizeof(verdict) };
	unsigned int links = 0;
	int i, count = sfab_health_count(health);

	for (i = 0; i < count; i++) {
		check(sfab_health_get(health, i, &verdict));
		links += verdict.is_link;
	}
	return links;
}

int main(void)
{
	static const struct timespec interval = { .tv_sec = 1, .tv_nsec = 50000000 };
	double ms[LOOKS], first;
	struct sfab_context *context;
	struct sfab_health *health;
	unsigned int i, links;

	check(sfab_context_open(&context, 0));
	check(sfab_health_open(context, NULL, &health));
	first = cpu_ms();
	check(sfab_health_update(health));
	first = cpu_ms() - first;
	links = count_links(health);
	for (i = 0; i < LOOKS; i++) {
		nanosleep(&interval, NULL);
		ms[i] = cpu_ms();
		check(sfab_health_update(health));
		ms[i] = cpu_ms() - ms[i];
	}
	qsort(ms, LOOKS, sizeof(ms[0]), by_size);
	printf("%u links: %.1f ms of CPU time (%.1f to %.1f, %u looks; %.1f us for a link); the first look %.1f ms\n",
	       links, ms[LOOKS / 2], ms[0], ms[LOOKS - 1], LOOKS, ms[LOOKS / 2] * 1e3 / links,
	       first);
	sfab_health_close(health);
	sfab_context_close(context);
	return 0;
}
