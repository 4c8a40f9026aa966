// SPDX-License-Identifier: GPL-2.0-or-later
/* Moving and filling bytes. */
#include "internal.h"

void sfab_copy(void *dst, const void *src, uint64_t len)
{
	/* The guest may let source and destination overlap. */
	memmove(dst, src, len);
}

void sfab_fill(void *dst, uint64_t pattern, unsigned int phase, uint64_t len)
{
	unsigned int shift = phase % 8 * 8;
	uint8_t *p = dst;
	uint64_t i;

	if (shift)
		pattern = pattern >> shift | pattern << (64 - shift);
	if (pattern == (pattern & 0xff) * 0x0101010101010101ull) {
		memset(dst, pattern & 0xff, len);
		return;
	}
	for (i = 0; i + 8 <= len; i += 8)
		memcpy(p + i, &pattern, 8);
	memcpy(p + i, &pattern, len - i);
}
