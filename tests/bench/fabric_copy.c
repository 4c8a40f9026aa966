// SPDX-License-Identifier: MIT
/*
 * How fast one accelerator writes to, and reads from, the HBM of another one over a
 * fibre of shared memory, next to memcpy() of the same size in the same run; then with
 * a third one in between that forwards: in a process of its own, in that of the first, in that
 * of the last. Each accelerator has a thread, as in QEMU, which sleeps soon after there is
 * nothing to do. The ways take turns; medians are told: GB/s, ratio to memcpy(), CPU time of all
 * threads as a multiple of its, how often the threads slept, and what a way keeps of the first
 * one's bandwidth in the same turn.
 *
 *	fabric_copy [MiB [RUNS]]
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "bench.h"
#include "fabric_regs.h"
#include "regs.h"
#include "sfab/fabric.h"
#include "sfab/fibre.h"

#define NODES		7
#define WAYS		4
#define TABLES		(4 * MIB)	/* of HBM, before the data */
#define TOKEN		7

#define VA_NEAR		0x0000100000000000ull
#define VA_FAR		0x0000200000000000ull

struct node {
	unsigned int index;
	struct sfab_core *core;
	struct sfab_fabric *fabric;
	struct bench_tables tables;
	uint8_t *ring;
	uint64_t size;
	uint32_t tail;
	struct node *partner[4];	/* by port */

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool rung;
	bool stop;
	unsigned int sleeps;
};

/*
 * The last of each way: the next one; over another process; over an accelerator in the process
 * of the first; over one in its own.
 */
static const unsigned int target[WAYS] = { 1, 2, 4, 6 };

static pthread_mutex_t done_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done_cond = PTHREAD_COND_INITIALIZER;
static bool done;

static void irq(void *opaque, unsigned int vector)
{
	(void)opaque;
	(void)vector;
	pthread_mutex_lock(&done_lock);
	done = true;
	pthread_cond_signal(&done_cond);
	pthread_mutex_unlock(&done_lock);
}

static void wake(void *opaque)
{
	struct node *node = opaque;

	pthread_mutex_lock(&node->lock);
	node->rung = true;
	pthread_cond_signal(&node->cond);
	pthread_mutex_unlock(&node->lock);
}

static void kick(void *opaque, unsigned int engine)
{
	(void)engine;
	wake(opaque);
}

static void ring(void *opaque, unsigned int port, unsigned int path)
{
	struct node *node = opaque;

	(void)path;
	wake(node->partner[port]);
}

/* ---- one accelerator ---- */

/* The engine and the fabric worker in one thread: there are two CPUs. */
static void *worker(void *arg)
{
	struct node *node = arg;
	uint64_t due, engine_due;
	struct timespec ts;

	sfab_fibre_hasten();
	for (;;) {
		enum sfab_run run;

		while (sfab_core_run(node->core, 0, &engine_due) == SFAB_RUN_MORE)
			;
		run = sfab_fabric_run(node->fabric, &due);
		if (run == SFAB_RUN_MORE || sfab_fabric_linger(node->fabric, bench_now(NULL)) ||
		    !sfab_fabric_sleep(node->fabric, true))
			continue;
		ts.tv_sec = due / 1000000000;
		ts.tv_nsec = due % 1000000000;
		pthread_mutex_lock(&node->lock);
		node->sleeps += !node->rung;
		while (!node->rung && !node->stop) {
			if (run == SFAB_RUN_IDLE)
				pthread_cond_wait(&node->cond, &node->lock);
			else if (pthread_cond_timedwait(&node->cond, &node->lock, &ts))
				break;
		}
		node->rung = false;
		if (node->stop)
			break;
		pthread_mutex_unlock(&node->lock);
		sfab_fabric_sleep(node->fabric, false);
	}
	pthread_mutex_unlock(&node->lock);
	return NULL;
}

static void write32(struct node *node, uint64_t offset, uint32_t value)
{
	sfab_core_write(node->core, offset, value, 4);
}

static void write64(struct node *node, uint64_t offset, uint64_t value)
{
	sfab_core_write(node->core, offset, value, 8);
}

static void make_node(struct node *node, unsigned int index, uint64_t size)
{
	struct sfab_ops ops = bench_ops;
	struct sfab_config config = {
		.hbm_size = TABLES + size, .queues = 1, .vms = 1, .engines = 1,
		.vectors = 1, .peer = true, .serial = 1 + index, .ports = 4, .paths = 1,
		.segments = 1, .imports = 1, .eids = 8, .lanes = 8, .lane_rate = 112,
	};
	pthread_condattr_t monotonic;
	const char *why;

	node->index = index;
	node->size = size;
	node->tables.hbm = bench_memory(config.hbm_size);
	node->ring = aligned_alloc(PAGE, 2 * PAGE);
	config.hbm = node->tables.hbm;
	pthread_mutex_init(&node->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&node->cond, &monotonic);
	ops.irq = irq;
	ops.kick = kick;
	ops.fabric_wake = wake;
	ops.fibre_ring = ring;
	node->core = sfab_core_create(&config, &ops, node, &why);
	if (!node->core)
		bench_die(why);
	node->fabric = sfab_core_fabric(node->core);

	write32(node, SFAB_REG_EID, index + 1);
	bench_map(&node->tables, VA_NEAR, TABLES, size, SFAB_APERTURE_HBM, true);
	bench_map(&node->tables, VA_FAR, 0, size,
		  (uint64_t)SFAB_APERTURE_FABRIC << SFAB_PTE_APERTURE_SHIFT, true);
	write64(node, SFAB_SEGMENT_BASE + SFAB_REG_S_VA, VA_NEAR);
	write64(node, SFAB_SEGMENT_BASE + SFAB_REG_S_LEN, size);
	write64(node, SFAB_SEGMENT_BASE + SFAB_REG_S_TOKEN, TOKEN);
	write32(node, SFAB_SEGMENT_BASE + SFAB_REG_S_CTRL, 0xf);
	write32(node, SFAB_REG_INT_ENABLE, SFAB_INT_QUEUE | SFAB_INT_FAULT);
	bench_queue(node->core, node->ring);
}

/* Whom the only import means. */
static void import(struct node *node, unsigned int eid)
{
	write32(node, SFAB_IMPORT_BASE + SFAB_REG_I_CTRL, 0);
	write64(node, SFAB_IMPORT_BASE + SFAB_REG_I_TOKEN, TOKEN);
	write32(node, SFAB_IMPORT_BASE + SFAB_REG_I_TARGET, eid);
	write32(node, SFAB_IMPORT_BASE + SFAB_REG_I_CTRL, 1);
}

static void route(struct node *node, unsigned int eid, unsigned int port, unsigned int hops)
{
	write64(node, SFAB_ROUTE_BASE + 8 * eid, port | hops << SFAB_ROUTE_HOPS_SHIFT);
}

/* @near: in one process; else each end has its own view of the memory, as other processes do. */
static void cable(struct node *a, unsigned int port_a, struct node *b, bool near)
{
	void *fibre = bench_memory(SFAB_FIBRE_SIZE), *there = fibre;

	if (!near)
		there = mremap(fibre, 0, SFAB_FIBRE_SIZE, MREMAP_MAYMOVE);
	if (there == MAP_FAILED)
		bench_die("cannot map memory twice");
	a->partner[port_a] = b;
	b->partner[0] = a;
	sfab_fabric_attach(a->fabric, port_a, 0, fibre, 0);
	sfab_fabric_attach(b->fabric, 0, 0, there, 1);
}

/* From the first node by its @port over @via to @to. */
static void join(struct node *node, unsigned int port, unsigned int via, bool via_near,
		 unsigned int to, bool to_near)
{
	cable(&node[0], port, &node[via], via_near);
	route(&node[0], via + 1, port, 1);
	route(&node[via], 1, 0, 1);
	cable(&node[via], 1, &node[to], to_near);
	route(&node[0], to + 1, port, 2);
	route(&node[via], to + 1, 1, 1);
	route(&node[to], 1, 0, 2);
}

/* ---- measuring ---- */

static void wait_for_irq(void)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 20;
	pthread_mutex_lock(&done_lock);
	while (!done)
		if (pthread_cond_timedwait(&done_cond, &done_lock, &end))
			bench_die("no completion in 20 s");
	done = false;
	pthread_mutex_unlock(&done_lock);
}

/* One command on @node; returns how long until its interrupt. */
static uint64_t command(struct node *node, uint64_t first, uint64_t dst, uint64_t src,
			uint64_t len, uint64_t arg0)
{
	uint64_t *slot = (uint64_t *)(node->ring + node->tail % 64 * SFAB_CMD_SIZE);
	uint64_t start = bench_now(NULL), time;

	memset(slot, 0, SFAB_CMD_SIZE);
	slot[0] = first | (SFAB_CMD_COMPLETE | SFAB_CMD_IRQ) << 8;
	slot[1] = dst;
	slot[2] = src;
	slot[3] = len;
	slot[4] = arg0;
	slot[7] = ++node->tail;
	write32(node, SFAB_DOORBELL_BASE, node->tail);
	wait_for_irq();
	time = bench_now(NULL) - start;
	if (*(uint64_t *)(node->ring + PAGE) != node->tail)
		bench_die("it did not complete well");
	write64(node, SFAB_REG_QUEUE_EVENT_0, 1);
	return time;
}

/* CPU time of a clock, in ns. */
static uint64_t cpu_time(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* What all workers together have used and how often they have slept. */
static void usage(struct node node[NODES], uint64_t *cpu, uint64_t *sleeps)
{
	clockid_t clock;

	*cpu = 0;
	*sleeps = 0;
	for (unsigned int i = 0; i < NODES; i++) {
		pthread_getcpuclockid(node[i].thread, &clock);
		*cpu += cpu_time(clock);
		pthread_mutex_lock(&node[i].lock);
		*sleeps += node[i].sleeps;
		pthread_mutex_unlock(&node[i].lock);
	}
}

struct use {
	uint64_t cpu[MAX_RUNS], sleeps[MAX_RUNS];
};

static uint64_t measure(struct node *node, struct node *from, uint64_t dst, uint64_t src,
			struct use *use, unsigned int i)
{
	uint64_t cpu, sleeps, time;

	usage(node, &cpu, &sleeps);
	time = command(from, SFAB_CMD_COPY, dst, src, from->size, 0);
	usage(node, &use->cpu[i], &use->sleeps[i]);
	use->cpu[i] -= cpu;
	use->sleeps[i] -= sleeps;
	return time;
}

/* One way, write or read. */
struct way {
	const char *what;
	struct node *to;
	uint64_t put[MAX_RUNS], get[MAX_RUNS];
	uint64_t keeps_put[MAX_RUNS], keeps_get[MAX_RUNS];	/* of the first way, thousandths */
	struct use w_use, r_use;
};

struct memory {
	uint64_t time[MAX_RUNS], cpu[MAX_RUNS];
};

static void run(struct node *node, struct way *way, struct memory *memory, unsigned int i)
{
	struct node *from = &node[0];
	uint8_t *near = from->tables.hbm + TABLES, *far = way->to->tables.hbm + TABLES;
	uint64_t size = from->size;

	import(from, way->to->index + 1);
	memset(near, i + 1, size);
	way->put[i] = measure(node, from, VA_FAR, VA_NEAR, &way->w_use, i);
	if (memcmp(near, far, size))
		bench_die("the bytes written are wrong");
	memset(far, i + 101, size);
	way->get[i] = measure(node, from, VA_NEAR, VA_FAR, &way->r_use, i);
	if (memcmp(near, far, size))
		bench_die("the bytes read are wrong");
	memory->cpu[i] = cpu_time(CLOCK_THREAD_CPUTIME_ID);
	memory->time[i] = bench_cpu_copy(far, near, size);
	memory->cpu[i] = cpu_time(CLOCK_THREAD_CPUTIME_ID) - memory->cpu[i];
}

static void tell(struct way *way, double memory, double cpu, uint64_t size, unsigned int runs)
{
	double w = (double)size / bench_median(way->put, runs);
	double r = (double)size / bench_median(way->get, runs);

	printf("%-16s %7.2f %6.2f %6.2f %6u %6.2f %7.2f %6.2f %6.2f %6u %6.2f\n", way->what, w,
	       w / memory, bench_median(way->w_use.cpu, runs) / cpu,
	       (unsigned int)bench_median(way->w_use.sleeps, runs),
	       bench_median(way->keeps_put, runs) / 1000.0, r, r / memory,
	       bench_median(way->r_use.cpu, runs) / cpu,
	       (unsigned int)bench_median(way->r_use.sleeps, runs),
	       bench_median(way->keeps_get, runs) / 1000.0);
}

/* How the first accelerator reaches its neighbour, and others over one more. */
static void compare(struct node *node, unsigned int runs)
{
	static struct way way[WAYS] = {
		{ .what = "to the next" }, { .what = "over another" },
		{ .what = "over our own" }, { .what = "over its own" },
	};
	static struct memory memory;
	uint64_t size = node[0].size;
	double m, cpu;

	for (unsigned int w = 0; w < WAYS; w++)
		way[w].to = &node[target[w]];
	for (unsigned int i = 0; i < runs; i++) {
		for (unsigned int w = 0; w < WAYS; w++)
			run(node, &way[w], &memory, i);
		/* Of one run: whatever else the machine did, it did to all. */
		for (unsigned int w = 0; w < WAYS; w++) {
			way[w].keeps_put[i] = 1000 * way[0].put[i] / way[w].put[i];
			way[w].keeps_get[i] = 1000 * way[0].get[i] / way[w].get[i];
		}
	}
	m = (double)size / bench_median(memory.time, runs);
	cpu = bench_median(memory.cpu, runs);
	printf("%3u MiB, %2u runs   write  ratio    CPU sleeps  keeps    read  ratio    CPU sleeps  keeps\n",
	       (unsigned int)(size / MIB), runs);
	for (unsigned int w = 0; w < WAYS; w++)
		tell(&way[w], m, cpu, size, runs);
	printf("%-16s %7.2f\n", "memcpy()", m);
}

static void small(struct node *from, struct node *to, const char *what)
{
	static uint64_t t[1000];

	import(from, to->index + 1);
	for (unsigned int i = 0; i < 1000; i++)
		t[i] = command(from, SFAB_CMD_WRITE | 8 << 16, VA_FAR, 0, 0, i);
	printf("%-24s %8.1f us, with completion\n", what, bench_median(t, 1000) / 1000.0);
}

int main(int argc, char **argv)
{
	uint64_t size = (argc > 1 ? strtoull(argv[1], NULL, 0) : 64) * MIB;
	unsigned int runs = argc > 2 ? strtoul(argv[2], NULL, 0) : 15;
	static struct node node[NODES];

	if (size < LARGE || size % LARGE || size > 512 * MIB || !runs || runs > MAX_RUNS)
		bench_die("usage: fabric_copy [MIB (2 to 512, even) [RUNS (1 to 99)]]");
	for (unsigned int i = 0; i < NODES; i++)
		make_node(&node[i], i, size);
	join(node, 1, 1, false, 2, false);
	join(node, 2, 3, true, 4, false);
	join(node, 3, 5, false, 6, true);
	for (unsigned int i = 0; i < NODES; i++)
		pthread_create(&node[i].thread, NULL, worker, &node[i]);

	compare(node, runs);
	small(&node[0], &node[target[0]], "8 bytes to the next");
	small(&node[0], &node[target[1]], "8 bytes over another");
	small(&node[0], &node[target[2]], "8 bytes over our own");
	small(&node[0], &node[target[3]], "8 bytes over its own");

	for (unsigned int i = 0; i < NODES; i++) {
		pthread_mutex_lock(&node[i].lock);
		node[i].stop = true;
		pthread_cond_signal(&node[i].cond);
		pthread_mutex_unlock(&node[i].lock);
		pthread_join(node[i].thread, NULL);
		sfab_core_destroy(node[i].core);
	}
	return 0;
}
