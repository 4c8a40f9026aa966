/* SPDX-License-Identifier: MIT */
/*
 * Numbers in the files of the manager
 */
#ifndef SFAB_FABRIC_NUMBER_H
#define SFAB_FABRIC_NUMBER_H

#include <stdbool.h>

/**
 * read_number() - the decimal number at *@text, and go on behind it
 *
 * Nothing but digits: strtoul() and sscanf() take signs as well, and make another number of
 * what is too large.  Returns false if there is none, or one above @most, which is below
 * 400000000.
 */
static inline bool read_number(const char **text, unsigned int most, unsigned int *number)
{
	const char *at = *text;

	*number = 0;
	while (*at >= '0' && *at <= '9' && *number <= most)
		*number = *number * 10 + (unsigned int)(*at++ - '0');
	if (at == *text || *number > most)
		return false;
	*text = at;
	return true;
}

#endif
