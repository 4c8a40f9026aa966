/* SPDX-License-Identifier: MIT */
/*
 * What the tests of libsfab share: a fixture over fake devices that ends with
 * nothing left behind, and short names for what is asked most
 */
#ifndef TEST_H
#define TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sfab/sfab.h>

#include "fake.h"

#define KIB		1024ULL
#define MIB		(1024 * KIB)
#define SECOND		1000000000LL
#define HOST(p)		SFAB_HOST, (uintptr_t)(p)
#define DISCARD		SFAB_HOST, SFAB_DISCARD

/* A failure with its text, which must name all of these */
#define expect_error(err, call, ...)	\
	check_error((call), (err), (const char *[]){ __VA_ARGS__, NULL }, #call, __FILE__, __LINE__)
#define expect_ok(call)	check_ok((call), #call, __FILE__, __LINE__)

static inline void check_ok(int ret, const char *call, const char *file, int line)
{
	if (ret < 0) {
		print_error("%s = %d: %s\n", call, ret, sfab_last_error());
		_fail(file, line);
	}
}

static inline void check_error(int ret, int err, const char *const *words, const char *call,
			       const char *file, int line)
{
	const char *text = sfab_last_error();

	if (ret != err) {
		print_error("%s = %d (%s), expected %d\n", call, ret, text, err);
		_fail(file, line);
	}
	for (; *words; words++) {
		if (!strstr(text, *words)) {
			print_error("%s: '%s' does not say '%s'\n", call, text, *words);
			_fail(file, line);
		}
	}
	if (strchr(text, '\n') || !text[0]) {
		print_error("%s: '%s' is not one line\n", call, text);
		_fail(file, line);
	}
}

/* What most tests work with */
static struct sfab_context *ctx;
static struct sfab_device *dev[FAKE_MAX_DEVICES];
static unsigned int descriptors_before;

/* Capabilities of the fake devices beyond the usual ones */
static uint64_t more_caps;

static inline void open_all(unsigned int count)
{
	unsigned int i;

	fake_start(count);
	for (i = 0; more_caps && i < count; i++)
		fake_caps(i, FAKE_CAPS | more_caps);
	descriptors_before = fake_open_descriptors();
	expect_ok(sfab_context_open(&ctx, 0));
	for (i = 0; i < count; i++)
		expect_ok(sfab_device_get(ctx, i, &dev[i]));
}

static inline int setup_one(void **state)
{
	(void)state;
	open_all(1);
	return 0;
}

static inline int setup_two(void **state)
{
	(void)state;
	open_all(2);
	return 0;
}

static inline int setup_three(void **state)
{
	(void)state;
	open_all(3);
	return 0;
}

/* Whatever the test left to the context goes with it */
static inline int teardown(void **state)
{
	(void)state;
	fake_hold(false);
	fake_fail_call(0, 0);
	fake_fail_alloc(0);
	fake_fail_udev(NULL, 0);
	sfab_context_close(ctx);
	ctx = NULL;
	if (fake_leaks()) {
		fake_print_leaks();
		return -1;
	}
	if (fake_open_descriptors() != descriptors_before) {
		fprintf(stderr, "%u descriptors before, %u after\n", descriptors_before,
			fake_open_descriptors());
		return -1;
	}
	return 0;
}

static inline struct sfab_mem *alloc(struct sfab_device *device, enum sfab_mem_kind kind,
				     uint64_t size)
{
	struct sfab_mem *mem;

	expect_ok(sfab_mem_alloc(device, kind, size, 0, &mem));
	return mem;
}

static inline void *cpu(struct sfab_mem *mem)
{
	void *p;

	expect_ok(sfab_mem_map(mem, &p));
	return p;
}

static inline struct sfab_queue *queue_on(struct sfab_device *device)
{
	struct sfab_queue *queue;

	expect_ok(sfab_queue_create(device, 0, &queue));
	return queue;
}

static inline struct sfab_batch *batch_on(struct sfab_queue *queue)
{
	struct sfab_batch *batch;

	expect_ok(sfab_batch_create(queue, &batch));
	return batch;
}

/* Submits and waits */
static inline void run(struct sfab_batch *batch)
{
	struct sfab_fence *fence;

	expect_ok(sfab_batch_submit(batch, NULL, 0, &fence));
	expect_ok(sfab_fence_wait(fence, 10 * SECOND));
	sfab_fence_free(fence);
}

static inline void fill_random(void *p, size_t size, unsigned int seed)
{
	uint32_t x = seed * 2654435761u + 1;
	unsigned char *bytes = p;
	size_t i;

	for (i = 0; i < size; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		bytes[i] = x;
	}
}

static inline void *host_pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

#endif /* TEST_H */
