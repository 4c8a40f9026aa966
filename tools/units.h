/* SPDX-License-Identifier: MIT */
/*
 * Sizes and times, as people write and read them
 */
#ifndef SFAB_TOOL_UNITS_H
#define SFAB_TOOL_UNITS_H

#include <argp.h>
#include <stddef.h>
#include <stdint.h>

/**
 * parse_size() - the value of an option that is a size
 * @option: its name, for the message
 * @text: a number above 0, then nothing, K, M, G or T (powers of 1024)
 *
 * Anything else ends the program with the message and EXIT_USAGE.
 */
uint64_t parse_size(struct argp_state *state, const char *option, const char *text);

/** parse_count() - likewise, a number from 1 to @max */
unsigned int parse_count(struct argp_state *state, const char *option, const char *text,
			 unsigned int max);

/** format_bytes() - "17 bytes", "1.5 MiB" */
const char *format_bytes(char *text, size_t size, uint64_t bytes);

/** bytes_per_second() - 0 where nothing was moved or no time passed */
uint64_t bytes_per_second(uint64_t bytes, uint64_t ns);

/** now_ns() - CLOCK_MONOTONIC */
uint64_t now_ns(void);

#endif
