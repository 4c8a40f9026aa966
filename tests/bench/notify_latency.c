// SPDX-License-Identifier: MIT
/*
 * notify_latency DIR NODE COUNT: how long 8 bytes and a notification take to another node
 *
 * Nodes 0 and 1 send each other 8 bytes in turn, COUNT times; half of a round trip is what
 * one way takes, as ib_write_lat reckons it. The receiver watches its own memory. The same with
 * an ordinary queue, and with a channel, whose waits sleep. "At home" is a copy with a
 * notification within the own accelerator: what submitting, the doorbell and the engine take;
 * "submit" is the call alone.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfab/sfab.h>

#include "share.h"

#define WAIT_NS	30000000000ll
#define WARM_UP	200

struct end {
	struct share share;
	struct sfab_device *device;
	unsigned int count;
	uint64_t *took;			/* of each round */
	struct sfab_mem *mine, *theirs;
	volatile uint64_t *words;	/* mine: 0 flag, 1 data, 2 what is sent, 3 flag at home */
};

static void exchange(struct end *e, const char *what, const struct sfab_handle *mine,
		     struct sfab_handle *theirs)
{
	char name[64];

	snprintf(name, sizeof(name), "%s.%u", what, e->share.node);
	share_put(&e->share, name, mine, sizeof(*mine));
	snprintf(name, sizeof(name), "%s.%u", what, !e->share.node);
	share_get(&e->share, name, theirs, sizeof(*theirs));
}

static void open_end(struct end *e)
{
	struct sfab_export *exported;
	struct sfab_handle mine, theirs;
	struct sfab_context *ctx;
	void *words;

	must(sfab_context_open(&ctx, 0));
	must(sfab_device_get(ctx, 0, &e->device));
	must(sfab_mem_alloc(e->device, SFAB_MEM_SYSTEM, 4096, 0, &e->mine));
	must(sfab_mem_map(e->mine, &words));
	e->words = words;
	must(sfab_mem_export(e->mine, 0, 4096, SFAB_READ | SFAB_WRITE, &exported, &mine));
	exchange(e, "memory", &mine, &theirs);
	must(sfab_mem_import(e->device, &theirs, SFAB_IMPORT_FABRIC, &e->theirs));
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Of rounds of which each has so many ways */
static void report(struct end *e, const char *what, unsigned int ways)
{
	uint64_t *t = e->took + WARM_UP;
	unsigned int n = e->count - WARM_UP;

	if (e->share.node)
		return;
	qsort(t, n, sizeof(*t), compare);
	printf("%-40s %9.1f %9.1f %9.1f\n", what, t[0] / 1e3 / ways, t[n / 2] / 1e3 / ways,
	       t[n * 99ull / 100] / 1e3 / ways);
	fflush(stdout);
}

static void watch(const volatile uint64_t *word, uint64_t value)
{
	uint64_t end = now_ns() + WAIT_NS;
	unsigned int looks = 0;

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value) {
		if (++looks % 1024)
			continue;
		if (now_ns() > end)
			die("no notification came in 30 s");
		sched_yield();
	}
}

/* Before the answer: after it the partner may write the next round's word */
static void take(struct end *e, unsigned int round, uint64_t value)
{
	watch(&e->words[0], value);
	if (e->words[1] != value)
		die("round %u: the flag came before the data", round);
}

static void ping_pong(struct end *e, const char *what, unsigned int flags, uint64_t *base)
{
	struct sfab_queue *queue;
	struct sfab_batch *batch;
	unsigned int i;

	must(sfab_queue_create(e->device, flags, &queue));
	must(sfab_batch_create(queue, &batch));
	share_meet(&e->share, what);
	for (i = 1; i <= e->count; i++) {
		uint64_t start = now_ns(), value = *base + i;

		/* What node 1 sent last has arrived when node 0 answers it */
		if (e->share.node)
			take(e, i, value);
		e->words[2] = value;
		must(sfab_batch_copy_notify(batch, e->theirs, 8, e->mine, 16, 8, e->theirs, 0,
					    value));
		must(sfab_batch_submit(batch, NULL, 0, NULL));
		if (!e->share.node)
			take(e, i, value);
		e->took[i - 1] = now_ns() - start;
	}
	*base += e->count;
	report(e, what, 2);
	must(sfab_queue_wait(queue, WAIT_NS));
	sfab_batch_free(batch);
	sfab_queue_destroy(queue);
}

/* Within one accelerator; the other node is idle meanwhile */
static void at_home(struct end *e, unsigned int flags)
{
	uint64_t *submit = calloc(e->count, sizeof(*submit));
	struct sfab_queue *queue;
	struct sfab_batch *batch;
	unsigned int i;

	if (!submit)
		die("no memory");
	must(sfab_queue_create(e->device, flags, &queue));
	must(sfab_batch_create(queue, &batch));
	for (i = 1; i <= e->count; i++) {
		uint64_t start = now_ns();

		must(sfab_batch_copy_notify(batch, e->mine, 64, e->mine, 16, 8, e->mine, 24, i));
		must(sfab_batch_submit(batch, NULL, 0, NULL));
		submit[i - 1] = now_ns() - start;
		watch(&e->words[3], i);
		e->took[i - 1] = now_ns() - start;
	}
	e->words[3] = 0;
	report(e, flags ? "at home, long-running queue" : "at home, ordinary queue", 1);
	memcpy(e->took, submit, e->count * sizeof(*submit));
	report(e, flags ? "  submit" : "  submit", 1);
	must(sfab_queue_wait(queue, WAIT_NS));
	sfab_batch_free(batch);
	sfab_queue_destroy(queue);
	free(submit);
}

static void channels(struct end *e)
{
	struct sfab_channel *in, *out;
	struct sfab_handle mine, theirs;
	struct sfab_queue *queue;
	uint64_t word = 0;
	unsigned int i;

	must(sfab_queue_create(e->device, SFAB_LONG_RUNNING, &queue));
	must(sfab_channel_create(e->device, SFAB_MEM_SYSTEM, 8, 64, &in, &mine));
	exchange(e, "channel", &mine, &theirs);
	must(sfab_channel_open(queue, &theirs, &out));
	share_meet(&e->share, "channels");
	for (i = 0; i < e->count; i++) {
		uint64_t start = now_ns();

		if (e->share.node)
			must(sfab_channel_recv(in, &word, 8, WAIT_NS));
		must(sfab_channel_send(out, &word, 8, WAIT_NS));
		if (!e->share.node)
			must(sfab_channel_recv(in, &word, 8, WAIT_NS));
		e->took[i] = now_ns() - start;
	}
	report(e, "channel, long-running queue", 2);
	must(sfab_channel_flush(out, WAIT_NS));
	share_meet(&e->share, "flushed");
	must(sfab_channel_close(out));
	must(sfab_channel_close(in));
	sfab_queue_destroy(queue);
}

int main(int argc, char **argv)
{
	struct end e = { 0 };
	uint64_t base = 0;

	if (argc != 4 || atoi(argv[3]) <= WARM_UP)
		die("usage: notify_latency DIR 0|1 COUNT, more than %d", WARM_UP);
	e.share = (struct share) { argv[1], (unsigned int)atoi(argv[2]), 2 };
	e.count = (unsigned int)atoi(argv[3]);
	e.took = calloc(e.count, sizeof(*e.took));
	if (!e.took)
		die("no memory");
	open_end(&e);
	if (!e.share.node) {
		printf("%-40s %9s %9s %9s\n", "microseconds one way", "best", "median", "99%");
		at_home(&e, SFAB_LONG_RUNNING);
		at_home(&e, 0);
	}
	ping_pong(&e, "write+notify, long-running queue", SFAB_LONG_RUNNING, &base);
	ping_pong(&e, "write+notify, ordinary queue", 0, &base);
	channels(&e);
	share_meet(&e.share, "end");
	return 0;
}
