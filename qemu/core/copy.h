/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SFAB_CORE_COPY_H
#define SFAB_CORE_COPY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Copy; what overlaps is undefined, within the destination. @stream: the bytes
 * are part of so many that they better bypass the cache.
 */
void sfab_copy(void *dst, const void *src, uint64_t len, bool stream);

/* Store the bytes of @pattern, from its byte @phase on, over @len bytes. */
void sfab_fill(void *dst, uint64_t pattern, unsigned int phase, uint64_t len);

#endif /* SFAB_CORE_COPY_H */
