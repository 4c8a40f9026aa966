// SPDX-License-Identifier: MIT
/*
 * The allocator of addresses, against a map of pages
 */
#include "internal.h"
#include "test.h"

#define PAGES	192
#define BASE	0x200000ULL

static void test_first_fit(void **state)
{
	struct vaspace space;

	(void)state;
	assert_int_equal(vaspace_init(&space, BASE, BASE + 0x10000), 0);
	assert_int_equal(vaspace_alloc(&space, 0x1000, 0x1000, 0), BASE);
	assert_int_equal(vaspace_alloc(&space, 0x3000, 0x1000, 0), BASE + 0x1000);
	assert_int_equal(vaspace_alloc(&space, 0x1000, 0x1000, 0), BASE + 0x4000);
	vaspace_free(&space, BASE + 0x1000, 0x3000);
	assert_int_equal(vaspace_alloc(&space, 0x4000, 0x1000, 0), BASE + 0x5000);
	assert_int_equal(vaspace_alloc(&space, 0x2000, 0x1000, 0), BASE + 0x1000);
	vaspace_fini(&space);
}

static void test_full(void **state)
{
	struct vaspace space;

	(void)state;
	assert_int_equal(vaspace_init(&space, BASE, BASE + 0x2000), 0);
	assert_int_equal(vaspace_alloc(&space, 0x3000, 0x1000, 0), 0);
	assert_int_equal(vaspace_alloc(&space, UINT64_MAX - 0xfff, 0x1000, 0), 0);
	assert_int_equal(vaspace_alloc(&space, 0x2000, 0x1000, 0), BASE);
	assert_int_equal(space.count, 0);
	assert_int_equal(vaspace_alloc(&space, 0x1000, 0x1000, 0), 0);
	vaspace_free(&space, BASE, 0x2000);
	assert_int_equal(vaspace_alloc(&space, 0x2000, 0x1000, 0), BASE);
	vaspace_fini(&space);
}

static void test_alignment(void **state)
{
	struct vaspace space;
	uint64_t va;

	(void)state;
	assert_int_equal(vaspace_init(&space, BASE, 1ULL << 48), 0);
	assert_int_equal(vaspace_alloc(&space, 0x1000, 0x1000, 0), BASE);
	va = vaspace_alloc(&space, 0x201000, 0x200000, 0);
	assert_int_equal(va & 0x1fffff, 0);
	va = vaspace_alloc(&space, 0x201000, 0x200000, 0x123000);
	assert_int_equal(va & 0x1fffff, 0x123000);
	/* Room that alignment left is used */
	assert_int_equal(vaspace_alloc(&space, 0x1000, 0x1000, 0), BASE + 0x1000);
	vaspace_fini(&space);
}

struct range {
	uint64_t va;
	uint64_t size;
};

static void take(struct vaspace *space, bool *taken, struct range *range, unsigned int r)
{
	uint64_t size = (1 + r % 9) * 0x1000, align = 0x1000ULL << (r / 16 % 4);
	uint64_t skew = (r / 64 * 0x1000) & (align - 1), i;

	range->va = vaspace_alloc(space, size, align, skew);
	range->size = size;
	if (!range->va)
		return;
	assert_true(range->va >= BASE && range->va + size <= BASE + PAGES * 0x1000);
	assert_int_equal(range->va & (align - 1), skew);
	for (i = 0; i < size; i += 0x1000) {
		assert_false(taken[(range->va - BASE + i) / 0x1000]);
		taken[(range->va - BASE + i) / 0x1000] = true;
	}
}

static void give(struct vaspace *space, bool *taken, struct range *range)
{
	uint64_t i;

	vaspace_free(space, range->va, range->size);
	for (i = 0; i < range->size; i += 0x1000)
		taken[(range->va - BASE + i) / 0x1000] = false;
	range->va = 0;
}

/* Holes are sorted, apart from each other, and just what is not taken */
static void check(const struct vaspace *space, const bool *taken)
{
	uint64_t free_pages = 0, hole_pages = 0;
	size_t i;

	for (i = 0; i < PAGES; i++)
		free_pages += !taken[i];
	for (i = 0; i < space->count; i++) {
		assert_true(space->holes[i].start < space->holes[i].end);
		assert_true(!i || space->holes[i - 1].end < space->holes[i].start);
		hole_pages += (space->holes[i].end - space->holes[i].start) / 0x1000;
	}
	assert_int_equal(free_pages, hole_pages);
}

static void test_random(void **state)
{
	struct range ranges[100] = { 0 };
	bool taken[PAGES] = { 0 };
	struct vaspace space;
	unsigned int i, full = 0;

	(void)state;
	srand(1);
	assert_int_equal(vaspace_init(&space, BASE, BASE + PAGES * 0x1000), 0);
	for (i = 0; i < 20000; i++) {
		struct range *range = &ranges[rand() % 100];

		if (range->va) {
			give(&space, taken, range);
		} else {
			take(&space, taken, range, rand());
			full += !range->va;
		}
		check(&space, taken);
	}
	assert_true(full > 0);
	for (i = 0; i < 100; i++) {
		if (ranges[i].va)
			give(&space, taken, &ranges[i]);
	}
	assert_int_equal(space.count, 1);
	assert_int_equal(space.live, 0);
	vaspace_fini(&space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_fit),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("vaspace", tests, NULL, NULL);
}
