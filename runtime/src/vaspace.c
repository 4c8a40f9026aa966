// SPDX-License-Identifier: MIT
/*
 * An allocator of addresses: the holes between what is taken, first fit
 *
 * There are about as many holes as memories were freed, which are few, so a
 * sorted array is enough.  Freeing never allocates: room for the hole that a
 * range may leave behind is made when the range is taken.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

int vaspace_init(struct vaspace *space, uint64_t start, uint64_t end)
{
	memset(space, 0, sizeof(*space));
	space->capacity = 16;
	space->holes = calloc(space->capacity, sizeof(*space->holes));
	if (!space->holes)
		return fail_nomem("an address space");
	space->holes[0] = (struct hole){ start, end };
	space->count = 1;
	return 0;
}

void vaspace_fini(struct vaspace *space)
{
	free(space->holes);
	memset(space, 0, sizeof(*space));
}

static void hole_insert(struct vaspace *space, size_t at, uint64_t start, uint64_t end)
{
	memmove(&space->holes[at + 1], &space->holes[at],
		(space->count - at) * sizeof(*space->holes));
	space->holes[at] = (struct hole){ start, end };
	space->count++;
}

static void hole_remove(struct vaspace *space, size_t at)
{
	space->count--;
	memmove(&space->holes[at], &space->holes[at + 1],
		(space->count - at) * sizeof(*space->holes));
}

/* One hole more for the range to be taken, one for each that is */
static bool reserve(struct vaspace *space)
{
	size_t need = space->count + space->live + 2;
	struct hole *holes;

	if (need <= space->capacity)
		return true;
	holes = realloc(space->holes, 2 * need * sizeof(*holes));
	if (!holes)
		return false;
	space->holes = holes;
	space->capacity = 2 * need;
	return true;
}

uint64_t vaspace_alloc(struct vaspace *space, uint64_t size, uint64_t align, uint64_t skew)
{
	size_t i;

	if (!reserve(space))
		return 0;

	for (i = 0; i < space->count; i++) {
		struct hole hole = space->holes[i];
		uint64_t va = hole.start + ((skew - hole.start) & (align - 1));

		if (va < hole.start || va > hole.end || hole.end - va < size)
			continue;

		hole_remove(space, i);
		if (va + size < hole.end)
			hole_insert(space, i, va + size, hole.end);
		if (hole.start < va)
			hole_insert(space, i, hole.start, va);
		space->live++;
		return va;
	}
	return 0;
}

void vaspace_free(struct vaspace *space, uint64_t va, uint64_t size)
{
	uint64_t end = va + size;
	size_t i = 0;

	while (i < space->count && space->holes[i].start < va)
		i++;

	/* Join with the hole behind, then with the one in front */
	if (i < space->count && space->holes[i].start == end) {
		end = space->holes[i].end;
		hole_remove(space, i);
	}
	if (i > 0 && space->holes[i - 1].end == va)
		space->holes[i - 1].end = end;
	else
		hole_insert(space, i, va, end);
	space->live--;
}
