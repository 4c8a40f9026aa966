// SPDX-License-Identifier: MIT
/*
 * Sizes and times, as people write and read them
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "units.h"

static const char prefixes[] = "KMGTPE";

uint64_t parse_size(struct argp_state *state, const char *option, const char *text)
{
	const char *prefix;
	uint64_t value;
	char *end;
	int shift = 0;

	errno = 0;
	value = strtoull(text, &end, 10);
	/* strtoull() takes "-1" and " 1" too */
	if (!isdigit((unsigned char)text[0]))
		goto malformed;
	if (*end) {
		prefix = strchr("KMGT", toupper((unsigned char)*end));
		if (!prefix || (end[1] && strcmp(end + 1, "iB") != 0))
			goto malformed;
		shift = 10 * (int)(prefix - "KMGT" + 1);
	}
	if (errno || value > (UINT64_MAX >> 1) >> shift)
		argp_error(state, "--%s %s is too large", option, text);
	if (!value)
		argp_error(state, "--%s must be above 0", option);
	return value << shift;

malformed:
	argp_error(state, "--%s '%s' is no size: write a number of bytes, or with K, M, G or T as in 64M",
		   option, text);
	return 0;
}

unsigned int parse_count(struct argp_state *state, const char *option, const char *text,
			 unsigned int max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno || !value || value > max)
		argp_error(state, "--%s '%s' is not a number from 1 to %u", option, text, max);
	return value;
}

const char *format_bytes(char *text, size_t size, uint64_t bytes)
{
	double value = bytes;
	int i = -1;

	if (bytes < 1024) {
		snprintf(text, size, "%" PRIu64 " %s", bytes, bytes == 1 ? "byte" : "bytes");
		return text;
	}
	/* 1023.95 would be rounded to 1024.0 */
	for (; value >= 1023.95; value /= 1024)
		i++;
	if (value == (uint64_t)value)
		snprintf(text, size, "%.0f %ciB", value, prefixes[i]);
	else
		snprintf(text, size, "%.1f %ciB", value, prefixes[i]);
	return text;
}

uint64_t bytes_per_second(uint64_t bytes, uint64_t ns)
{
	return ns ? (uint64_t)((double)bytes * 1e9 / (double)ns) : 0;
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
