// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Moving and filling bytes.
 *
 * A large copy would first read every line that it is about to overwrite, and
 * throw everything else out of the cache; stores that bypass the cache avoid
 * both. memcpy() does so too from some size on, but sees only a slice at a time
 * of what is to be moved.
 */
#include "internal.h"

#ifdef __SSE2__
#include <emmintrin.h>

#define LINE	64
#define STRIP	4096
#define STRIPS	4
#define AHEAD	256	/* bytes to prefetch ahead of the loads */

static inline void copy_line(uint8_t *dst, const uint8_t *src)
{
	const __m128i *from = (const void *)src;
	__m128i *to = (void *)dst;
	__m128i a = _mm_loadu_si128(from), b = _mm_loadu_si128(from + 1);
	__m128i c = _mm_loadu_si128(from + 2), d = _mm_loadu_si128(from + 3);

	_mm_stream_si128(to, a);
	_mm_stream_si128(to + 1, b);
	_mm_stream_si128(to + 2, c);
	_mm_stream_si128(to + 3, d);
}

/*
 * Several pages in turn, line by line: the prefetchers of the CPU follow each
 * of them, and memory works on more than one bank.
 */
static void copy_strips(uint8_t *dst, const uint8_t *src)
{
	for (unsigned int at = 0; at < STRIP; at += LINE) {
		for (unsigned int i = 0; i < STRIPS; i++) {
			unsigned int offset = i * STRIP + at;

			_mm_prefetch((const char *)src + offset + AHEAD,
				     _MM_HINT_T0);
			copy_line(dst + offset, src + offset);
		}
	}
}

static void copy_stream(uint8_t *dst, const uint8_t *src, uint64_t len)
{
	uint64_t head = -(uintptr_t)dst % LINE;

	if (head > len)
		head = len;
	memmove(dst, src, head);
	dst += head;
	src += head;
	len -= head;
	for (; len >= STRIP * STRIPS; len -= STRIP * STRIPS) {
		copy_strips(dst, src);
		dst += STRIP * STRIPS;
		src += STRIP * STRIPS;
	}
	for (; len >= LINE; len -= LINE) {
		copy_line(dst, src);
		dst += LINE;
		src += LINE;
	}
	memmove(dst, src, len);
	/* These stores are not ordered by what the callers do to order theirs. */
	_mm_sfence();
}
#else
static void copy_stream(uint8_t *dst, const uint8_t *src, uint64_t len)
{
	memmove(dst, src, len);
}
#endif

/* The guest may let source and destination overlap: never memcpy(). */
void sfab_copy(void *dst, const void *src, uint64_t len, bool stream)
{
	if (stream)
		copy_stream(dst, src, len);
	else
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
