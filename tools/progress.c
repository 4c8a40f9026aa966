// SPDX-License-Identifier: MIT
/*
 * Tells on standard error how far the work is
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "progress.h"
#include "units.h"

#define SECOND		1000000000ULL
#define TERMINAL_FIRST	(SECOND / 2)	/* quick work shows none */
#define TERMINAL_NEXT	(SECOND / 5)
#define FILE_NEXT	(3 * SECOND)

static struct {
	const char *what;	/* NULL: no progress is shown */
	const char *unit;	/* NULL: bytes */
	uint64_t total;
	uint64_t began;
	uint64_t next;		/* when to show the next line */
	bool terminal;
	bool shown;		/* a line stands on the terminal */
} progress;

void progress_begin(const char *what, uint64_t total, const char *unit)
{
	progress.what = what;
	progress.unit = unit;
	progress.total = total;
	progress.began = now_ns();
	progress.terminal = isatty(STDERR_FILENO);
	progress.next = progress.began + (progress.terminal ? TERMINAL_FIRST : FILE_NEXT);
	progress.shown = false;
}

void progress_clear(void)
{
	if (progress.shown)
		fputs("\r\033[K", stderr);
	progress.shown = false;
}

static void show_bytes(uint64_t done, uint64_t ns)
{
	char bytes[32], total[32];

	fprintf(stderr, "%s: %s", progress.what, format_bytes(bytes, sizeof(bytes), done));
	if (progress.total)
		fprintf(stderr, " of %s, %.0f%%",
			format_bytes(total, sizeof(total), progress.total),
			100.0 * (double)done / (double)progress.total);
	fprintf(stderr, ", %.1f MB/s", (double)bytes_per_second(done, ns) / 1e6);
}

void progress_update(uint64_t done)
{
	uint64_t now;

	if (!progress.what)
		return;
	now = now_ns();
	if (now < progress.next)
		return;
	progress.next = now + (progress.terminal ? TERMINAL_NEXT : FILE_NEXT);

	progress_clear();
	if (progress.unit)
		fprintf(stderr, "%s: %" PRIu64 " of %" PRIu64 " %s", progress.what, done,
			progress.total, progress.unit);
	else
		show_bytes(done, now - progress.began);
	if (progress.terminal)
		progress.shown = true;
	else
		fputc('\n', stderr);
}

void progress_end(void)
{
	progress_clear();
	progress.what = NULL;
}
