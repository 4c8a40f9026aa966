// SPDX-License-Identifier: MIT
/*
 * soak DIR NODE NODES SECONDS SEED: random work between all pairs of accelerators of a
 * supernode, every byte checked against a model
 *
 * Each accelerator exports an arena: a counter, then a region for every accelerator of the
 * supernode, which only that one works in. So its process knows what must be there. All of
 * them add to all counters. Whatever fibres do meanwhile, no operation may fail, no byte may be
 * wrong, and at the end each counter has exactly the sum of what was added.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfab/sfab.h>

#include "share.h"

#define MAX_ACCELS	8
#define MAX_TARGETS	64
#define REGION		(256u << 10)
#define HEAD		4096u		/* the counter's page */
#define WAIT_NS		60000000000ll

/* The region of one of our accelerators in the arena of a target, and what is in it */
struct pair {
	struct sfab_mem *arena;
	uint64_t base;			/* of the region */
	uint8_t *model;
};

struct accel {
	struct sfab_device *device;
	struct sfab_queue *queue;
	struct sfab_batch *batch;
	struct sfab_mem *arena;
	struct sfab_export *exported;
	unsigned int id;		/* in the supernode */
	struct pair pair[MAX_TARGETS];
};

struct soak {
	struct share share;
	struct sfab_context *ctx;
	struct accel accel[MAX_ACCELS];
	unsigned int accels, first, targets;
	uint64_t *added;		/* by us, for each target */
	uint64_t random;
	uint8_t *buffer;		/* registered */
	uint64_t operations, bytes, failures, wrong;
};

static uint64_t arena_size(const struct soak *s)
{
	return HEAD + (uint64_t)s->targets * REGION;
}

/* How many accelerators each node has, and so which numbers ours have */
static void count_accels(struct soak *s)
{
	unsigned int node, count;
	char name[32];

	s->accels = (unsigned int)sfab_device_count(s->ctx);
	if (s->accels > MAX_ACCELS)
		die("%u accelerators: a node has at most %u", s->accels, MAX_ACCELS);
	snprintf(name, sizeof(name), "count.%u", s->share.node);
	share_put(&s->share, name, &s->accels, sizeof(s->accels));
	for (node = 0; node < s->share.nodes; node++) {
		snprintf(name, sizeof(name), "count.%u", node);
		share_get(&s->share, name, &count, sizeof(count));
		if (node < s->share.node)
			s->first += count;
		s->targets += count;
	}
	if (s->targets > MAX_TARGETS)
		die("%u accelerators in all: at most %u", s->targets, MAX_TARGETS);
}

static void open_accel(struct soak *s, unsigned int i)
{
	struct accel *a = &s->accel[i];
	struct sfab_handle handle;
	char name[32];

	a->id = s->first + i;
	must(sfab_device_get(s->ctx, i, &a->device));
	must(sfab_queue_create(a->device, 0, &a->queue));
	must(sfab_batch_create(a->queue, &a->batch));
	must(sfab_mem_alloc(a->device, SFAB_MEM_HBM, arena_size(s), 0, &a->arena));
	must(sfab_mem_export(a->arena, 0, arena_size(s), SFAB_READ | SFAB_WRITE | SFAB_ATOMIC,
			     &a->exported, &handle));
	snprintf(name, sizeof(name), "handle.%u", a->id);
	share_put(&s->share, name, &handle, sizeof(handle));
}

static void import_all(struct soak *s, struct accel *a)
{
	struct sfab_handle handle;
	unsigned int target;
	char name[32];

	for (target = 0; target < s->targets; target++) {
		struct pair *pair = &a->pair[target];

		if (target == a->id)
			continue;
		snprintf(name, sizeof(name), "handle.%u", target);
		share_get(&s->share, name, &handle, sizeof(handle));
		must(sfab_mem_import(a->device, &handle, SFAB_IMPORT_FABRIC, &pair->arena));
		pair->base = HEAD + (uint64_t)a->id * REGION;
		pair->model = calloc(1, REGION);
		if (!pair->model)
			die("no memory");
	}
}

/* Small sizes are as likely as large ones */
static uint64_t draw_size(struct soak *s, uint64_t most)
{
	uint64_t size = draw(&s->random) % (2ull << draw(&s->random) % 18);

	return size % most + 1;
}

static void run(struct soak *s, struct accel *a, const char *what, unsigned int target)
{
	struct sfab_fence *fence;
	int ret;

	must(sfab_batch_submit(a->batch, NULL, 0, &fence));
	ret = sfab_fence_wait(fence, WAIT_NS);
	sfab_fence_free(fence);
	if (ret < 0)
		die("%s of accelerator %u on %u after %" PRIu64 " operations: %s", what, a->id,
		    target, s->operations, sfab_last_error());
	s->operations++;
}

static void fill_buffer(struct soak *s, uint64_t size)
{
	uint64_t i;

	for (i = 0; i < size; i += 8) {
		uint64_t word = draw(&s->random);

		memcpy(s->buffer + i, &word, 8);
	}
}

static void compare(struct soak *s, const struct accel *a, unsigned int target, uint64_t at,
		    const uint8_t *wanted, uint64_t size)
{
	uint64_t i;

	if (!memcmp(s->buffer, wanted, size))
		return;
	for (i = 0; s->buffer[i] == wanted[i]; i++)
		;
	s->wrong++;
	printf("WRONG: accelerator %u read %02x at %" PRIu64 " of its region on %u, which must be %02x\n",
	       a->id, s->buffer[i], at + i, target, wanted[i]);
}

static void do_write(struct soak *s, struct accel *a, unsigned int target)
{
	struct pair *p = &a->pair[target];
	uint64_t size = draw_size(s, REGION), at = draw(&s->random) % (REGION - size + 1);

	fill_buffer(s, size);
	must(sfab_batch_copy(a->batch, p->arena, p->base + at, SFAB_HOST, (uintptr_t)s->buffer,
			     size));
	run(s, a, "write", target);
	memcpy(p->model + at, s->buffer, size);
	s->bytes += size;
}

static void do_read(struct soak *s, struct accel *a, unsigned int target)
{
	struct pair *p = &a->pair[target];
	uint64_t size = draw_size(s, REGION), at = draw(&s->random) % (REGION - size + 1);

	memset(s->buffer, 0xee, size);
	must(sfab_batch_copy(a->batch, SFAB_HOST, (uintptr_t)s->buffer, p->arena, p->base + at,
			     size));
	run(s, a, "read", target);
	compare(s, a, target, at, p->model + at, size);
	s->bytes += size;
}

static void do_fill(struct soak *s, struct accel *a, unsigned int target)
{
	struct pair *p = &a->pair[target];
	uint64_t size = draw_size(s, REGION), at = draw(&s->random) % (REGION - size + 1);
	uint8_t value = (uint8_t)draw(&s->random);

	must(sfab_batch_fill(a->batch, p->arena, p->base + at, size, value, 1));
	run(s, a, "fill", target);
	memset(p->model + at, value, size);
	s->bytes += size;
}

static void do_reduce(struct soak *s, struct accel *a, unsigned int target)
{
	struct pair *p = &a->pair[target];
	uint64_t count = draw_size(s, REGION / 4);
	uint64_t at = 4 * (draw(&s->random) % (REGION / 4 - count + 1)), i;
	uint32_t x, y;

	fill_buffer(s, 4 * count);
	must(sfab_batch_reduce(a->batch, p->arena, p->base + at, SFAB_HOST,
			       (uintptr_t)s->buffer, count, SFAB_TYPE_I32, SFAB_SUM));
	run(s, a, "reduce", target);
	for (i = at; i < at + 4 * count; i += 4) {
		memcpy(&x, p->model + i, 4);
		memcpy(&y, s->buffer + i - at, 4);
		x += y;
		memcpy(p->model + i, &x, 4);
	}
	s->bytes += 4 * count;
}

static void do_rows(struct soak *s, struct accel *a, unsigned int target)
{
	struct pair *p = &a->pair[target];
	uint64_t width = draw_size(s, 2000), rows = draw(&s->random) % 30 + 1;
	uint64_t pitch = width + draw(&s->random) % 100, row;
	uint64_t at = draw(&s->random) % (REGION - rows * pitch);

	fill_buffer(s, width * rows);
	must(sfab_batch_copy_2d(a->batch, p->arena, p->base + at, pitch, SFAB_HOST,
				(uintptr_t)s->buffer, width, width, rows));
	run(s, a, "2-D copy", target);
	for (row = 0; row < rows; row++)
		memcpy(p->model + at + row * pitch, s->buffer + row * width, width);
	s->bytes += width * rows;
}

static void do_add(struct soak *s, struct accel *a, unsigned int target)
{
	uint64_t value = draw(&s->random) % 1000 + 1;

	must(sfab_batch_atomic(a->batch, a->pair[target].arena, 0, 8, SFAB_ADD, value, 0,
			       SFAB_HOST, SFAB_DISCARD));
	run(s, a, "atomic add", target);
	s->added[target] += value;
}

static void step(struct soak *s)
{
	static void (*const what[])(struct soak *, struct accel *, unsigned int) = {
		do_write, do_write, do_read, do_read, do_fill, do_reduce, do_rows, do_add, do_add,
	};
	struct accel *a = &s->accel[draw(&s->random) % s->accels];
	unsigned int target;

	do {
		target = (unsigned int)(draw(&s->random) % s->targets);
	} while (target == a->id);
	what[draw(&s->random) % (sizeof(what) / sizeof(what[0]))](s, a, target);
}

/* All that was ever written is still there */
static void check_all(struct soak *s)
{
	unsigned int i, target;

	for (i = 0; i < s->accels; i++) {
		for (target = 0; target < s->targets; target++) {
			struct accel *a = &s->accel[i];
			struct pair *p = &a->pair[target];

			if (target == a->id)
				continue;
			must(sfab_batch_copy(a->batch, SFAB_HOST, (uintptr_t)s->buffer, p->arena,
					     p->base, REGION));
			run(s, a, "last read", target);
			compare(s, a, target, 0, p->model, REGION);
		}
	}
}

/* Our counters against what everybody has added to them */
static void check_counters(struct soak *s)
{
	uint64_t sums[MAX_TARGETS] = { 0 }, others[MAX_TARGETS], value;
	unsigned int node, i;
	char name[32];

	snprintf(name, sizeof(name), "added.%u", s->share.node);
	share_put(&s->share, name, s->added, s->targets * sizeof(*s->added));
	for (node = 0; node < s->share.nodes; node++) {
		snprintf(name, sizeof(name), "added.%u", node);
		share_get(&s->share, name, others, s->targets * sizeof(*others));
		for (i = 0; i < s->targets; i++)
			sums[i] += others[i];
	}
	for (i = 0; i < s->accels; i++) {
		struct accel *a = &s->accel[i];
		struct sfab_fence *fence;

		must(sfab_copy(a->queue, SFAB_HOST, (uintptr_t)s->buffer, a->arena, 0, 8, &fence));
		must(sfab_fence_wait(fence, WAIT_NS));
		sfab_fence_free(fence);
		memcpy(&value, s->buffer, 8);
		if (value != sums[a->id]) {
			s->wrong++;
			printf("WRONG: the counter of accelerator %u is %" PRIu64 ", and %" PRIu64 " was added\n",
			       a->id, value, sums[a->id]);
		}
	}
}

static void soak(struct soak *s, uint64_t seconds)
{
	uint64_t end = now_ns() + seconds * 1000000000, told = now_ns();

	while (now_ns() < end) {
		step(s);
		if (now_ns() - told > 10000000000ull) {
			told = now_ns();
			printf("node %u: %" PRIu64 " operations, %" PRIu64 " MiB, %" PRIu64 " wrong\n",
			       s->share.node, s->operations, s->bytes >> 20, s->wrong);
			fflush(stdout);
		}
	}
}

int main(int argc, char **argv)
{
	static struct soak s;
	struct sfab_mem *registered;
	unsigned int i;

	if (argc != 6)
		die("usage: soak DIR NODE NODES SECONDS SEED");
	s.share = (struct share) {
		argv[1], (unsigned int)atoi(argv[2]), (unsigned int)atoi(argv[3])
	};
	s.random = strtoull(argv[5], NULL, 0) * 1000 + s.share.node;
	must(sfab_context_open(&s.ctx, 0));
	count_accels(&s);
	s.added = calloc(s.targets, sizeof(*s.added));
	s.buffer = aligned_alloc(4096, REGION + 4096);
	if (!s.added || !s.buffer)
		die("no memory");
	for (i = 0; i < s.accels; i++)
		open_accel(&s, i);
	must(sfab_mem_register(s.accel[0].device, s.buffer, REGION + 4096, SFAB_READ | SFAB_WRITE,
			       &registered));
	for (i = 0; i < s.accels; i++)
		import_all(&s, &s.accel[i]);
	share_meet(&s.share, "begin");
	soak(&s, strtoull(argv[4], NULL, 0));
	check_all(&s);
	share_meet(&s.share, "written");
	check_counters(&s);
	share_meet(&s.share, "end");
	printf("node %u: %" PRIu64 " operations, %" PRIu64 " MiB, %" PRIu64 " wrong\n",
	       s.share.node, s.operations, s.bytes >> 20, s.wrong);
	sfab_context_close(s.ctx);
	return s.wrong ? 1 : 0;
}
