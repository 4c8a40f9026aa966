// SPDX-License-Identifier: MIT
/*
 * How fast one accelerator writes to, and reads from, the HBM of another one over a
 * fibre of shared memory, next to memcpy() of the same size in the same run; then with
 * a third one in between that forwards. Each accelerator has a thread, as in QEMU, which
 * sleeps soon after there is nothing to do. Runs alternate; medians are told.
 *
 *	fabric_copy [MiB [RUNS]]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "fabric_regs.h"
#include "regs.h"
#include "sfab/core.h"
#include "sfab/fabric.h"

#define MIB		(1ull << 20)
#define PAGE		4096ull
#define LARGE		(2 * MIB)
#define MAX_RUNS	99
#define NODES		3
#define TABLES		(4 * MIB)	/* of HBM, before the data */
#define TOKEN		7

#define VA_NEAR		0x0000100000000000ull
#define VA_FAR		0x0000200000000000ull

struct node {
	unsigned int index;
	struct sfab_core *core;
	struct sfab_fabric *fabric;
	uint8_t *hbm, *ring;
	uint64_t size, tables;
	uint32_t tail;
	struct node *partner[2];	/* by port */

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool rung;
	bool stop;
};

static void die(const char *what)
{
	fprintf(stderr, "fabric_copy: %s\n", what);
	exit(1);
}

static uint64_t now(void *opaque)
{
	struct timespec ts;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* Bus addresses are our own addresses. */
static void *map(void *opaque, uint64_t bus, uint64_t *len, bool write)
{
	(void)opaque;
	(void)len;
	(void)write;
	return (void *)(uintptr_t)bus;
}

static void unmap(void *opaque, void *host, uint64_t len, bool write, uint64_t accessed)
{
	(void)opaque;
	(void)host;
	(void)len;
	(void)write;
	(void)accessed;
}

static void batch(void *opaque)
{
	(void)opaque;
}

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

static const struct sfab_ops ops = {
	.batch_begin = batch,
	.batch_end = batch,
	.map = map,
	.unmap = unmap,
	.irq = irq,
	.kick = kick,
	.now = now,
	.fabric_wake = wake,
	.fibre_ring = ring,
};

/* ---- one accelerator ---- */

/* The engine and the fabric worker in one thread: there are two CPUs. */
static void *worker(void *arg)
{
	struct node *node = arg;
	uint64_t due, engine_due;
	struct timespec ts;

	for (;;) {
		enum sfab_run run;

		while (sfab_core_run(node->core, 0, &engine_due) == SFAB_RUN_MORE)
			;
		run = sfab_fabric_run(node->fabric, &due);
		if (run == SFAB_RUN_MORE || sfab_fabric_linger(node->fabric, now(NULL)) ||
		    !sfab_fabric_sleep(node->fabric, true))
			continue;
		ts.tv_sec = due / 1000000000;
		ts.tv_nsec = due % 1000000000;
		pthread_mutex_lock(&node->lock);
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

static void *memory(uint64_t size)
{
	uint8_t *p = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("cannot allocate so much");
	p += -(uintptr_t)p % LARGE;
	madvise(p, size, MADV_HUGEPAGE);
	memset(p, 0, size);
	return p;
}

static uint64_t *entry(struct node *node, uint64_t va)
{
	uint64_t table = 0;

	for (int l = 3;; l--) {
		uint64_t *e = (uint64_t *)(node->hbm + table) + (va >> (12 + 9 * l) & 511);

		if (l == 1)
			return e;
		if (!*e) {
			node->tables += PAGE;
			*e = node->tables | SFAB_PTE_VALID;
		}
		table = *e & SFAB_PTE_ADDR_MASK;
	}
}

static void map_va(struct node *node, uint64_t va, uint64_t addr, uint64_t aperture)
{
	for (uint64_t at = 0; at < node->size; at += LARGE)
		*entry(node, va + at) = (addr + at) | SFAB_PTE_VALID | SFAB_PTE_READ |
			SFAB_PTE_WRITE | SFAB_PTE_LARGE |
			aperture << SFAB_PTE_APERTURE_SHIFT;
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
	struct sfab_config config = {
		.hbm_size = TABLES + size, .queues = 1, .vms = 1, .engines = 1,
		.vectors = 1, .peer = true, .serial = 1 + index, .ports = 2, .paths = 1,
		.segments = 1, .imports = 1, .eids = 8, .lanes = 8, .lane_rate = 112,
	};
	pthread_condattr_t monotonic;
	const char *why;

	node->index = index;
	node->size = size;
	node->hbm = memory(config.hbm_size);
	node->ring = aligned_alloc(PAGE, 2 * PAGE);
	config.hbm = node->hbm;
	pthread_mutex_init(&node->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&node->cond, &monotonic);
	node->core = sfab_core_create(&config, &ops, node, &why);
	if (!node->core)
		die(why);
	node->fabric = sfab_core_fabric(node->core);

	write32(node, SFAB_REG_EID, index + 1);
	map_va(node, VA_NEAR, TABLES, SFAB_APERTURE_HBM);
	map_va(node, VA_FAR, 0, SFAB_APERTURE_FABRIC);
	write64(node, SFAB_VM_BASE + SFAB_REG_VM_ROOT, 1);
	write64(node, SFAB_SEGMENT_BASE + SFAB_REG_S_VA, VA_NEAR);
	write64(node, SFAB_SEGMENT_BASE + SFAB_REG_S_LEN, size);
	write64(node, SFAB_SEGMENT_BASE + SFAB_REG_S_TOKEN, TOKEN);
	write32(node, SFAB_SEGMENT_BASE + SFAB_REG_S_CTRL, 0xf);
	write64(node, SFAB_QUEUE_BASE + SFAB_REG_Q_BASE, (uintptr_t)node->ring);
	write64(node, SFAB_QUEUE_BASE + SFAB_REG_Q_TIMELINE, (uintptr_t)node->ring + PAGE);
	write32(node, SFAB_QUEUE_BASE + SFAB_REG_Q_SIZE, 6);
	write32(node, SFAB_QUEUE_BASE + SFAB_REG_Q_CTRL, 1);
	write32(node, SFAB_REG_INT_ENABLE, SFAB_INT_QUEUE | SFAB_INT_FAULT);
	write32(node, SFAB_REG_CTRL, 1);
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

static void cable(struct node *a, unsigned int port_a, struct node *b, unsigned int port_b)
{
	void *fibre = memory(SFAB_FIBRE_SIZE);

	a->partner[port_a] = b;
	b->partner[port_b] = a;
	sfab_fabric_attach(a->fabric, port_a, 0, fibre, 0);
	sfab_fabric_attach(b->fabric, port_b, 0, fibre, 1);
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
			die("no completion in 20 s");
	done = false;
	pthread_mutex_unlock(&done_lock);
}

/* One command on @node; returns how long until its interrupt. */
static uint64_t command(struct node *node, uint64_t first, uint64_t dst, uint64_t src,
			uint64_t len, uint64_t arg0)
{
	uint64_t *slot = (uint64_t *)(node->ring + node->tail % 64 * SFAB_CMD_SIZE);
	uint64_t start = now(NULL), time;

	memset(slot, 0, SFAB_CMD_SIZE);
	slot[0] = first | (SFAB_CMD_COMPLETE | SFAB_CMD_IRQ) << 8;
	slot[1] = dst;
	slot[2] = src;
	slot[3] = len;
	slot[4] = arg0;
	slot[7] = ++node->tail;
	write32(node, SFAB_DOORBELL_BASE, node->tail);
	wait_for_irq();
	time = now(NULL) - start;
	if (*(uint64_t *)(node->ring + PAGE) != node->tail)
		die("it did not complete well");
	write64(node, SFAB_REG_QUEUE_EVENT_0, 1);
	return time;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t median(uint64_t *t, unsigned int n)
{
	qsort(t, n, sizeof(*t), by_value);
	return t[n / 2];
}

static uint64_t cpu_copy(uint8_t *dst, const uint8_t *src, uint64_t size)
{
	uint64_t start = now(NULL);

	memcpy(dst, src, size);
	__asm__ volatile("" : : "r"(dst) : "memory");
	return now(NULL) - start;
}

/* Returns the bytes a nanosecond of WRITE. */
static double compare(struct node *from, struct node *to, const char *what,
		      unsigned int runs)
{
	static uint64_t cpu[MAX_RUNS], put[MAX_RUNS], get[MAX_RUNS];
	uint8_t *near = from->hbm + TABLES, *far = to->hbm + TABLES;
	uint64_t size = from->size;
	double m, w, r;

	import(from, to->index + 1);
	for (unsigned int i = 0; i < runs; i++) {
		memset(near, i + 1, size);
		put[i] = command(from, SFAB_CMD_COPY, VA_FAR, VA_NEAR, size, 0);
		if (memcmp(near, far, size))
			die("the bytes written are wrong");
		memset(far, i + 101, size);
		get[i] = command(from, SFAB_CMD_COPY, VA_NEAR, VA_FAR, size, 0);
		if (memcmp(near, far, size))
			die("the bytes read are wrong");
		cpu[i] = cpu_copy(far, near, size);
	}
	m = (double)size / median(cpu, runs);
	w = (double)size / median(put, runs);
	r = (double)size / median(get, runs);
	printf("%-24s %8.2f %8.2f %8.2f %8.2f %8.2f\n", what, m, w, w / m, r, r / m);
	return w;
}

static void small(struct node *from, struct node *to, const char *what)
{
	static uint64_t t[1000];

	import(from, to->index + 1);
	for (unsigned int i = 0; i < 1000; i++)
		t[i] = command(from, SFAB_CMD_WRITE | 8 << 16, VA_FAR, 0, 0, i);
	printf("%-24s %8.1f us, with completion\n", what, median(t, 1000) / 1000.0);
}

int main(int argc, char **argv)
{
	uint64_t size = (argc > 1 ? strtoull(argv[1], NULL, 0) : 64) * MIB;
	unsigned int runs = argc > 2 ? strtoul(argv[2], NULL, 0) : 15;
	static struct node node[NODES];
	double direct, transit;

	if (size < LARGE || size % LARGE || size > 512 * MIB || !runs || runs > MAX_RUNS)
		die("usage: fabric_copy [MIB (2 to 512, even) [RUNS (1 to 99)]]");
	for (unsigned int i = 0; i < NODES; i++)
		make_node(&node[i], i, size);
	cable(&node[0], 1, &node[1], 0);
	cable(&node[1], 1, &node[2], 0);
	route(&node[0], 2, 1, 1);
	route(&node[0], 3, 1, 2);
	route(&node[1], 1, 0, 1);
	route(&node[1], 3, 1, 1);
	route(&node[2], 1, 0, 2);
	route(&node[2], 2, 0, 1);
	for (unsigned int i = 0; i < NODES; i++)
		pthread_create(&node[i].thread, NULL, worker, &node[i]);

	printf("%3u MiB, median of %2u, GB/s  memcpy    write    ratio     read    ratio\n",
	       (unsigned int)(size / MIB), runs);
	direct = compare(&node[0], &node[1], "to the next", runs);
	transit = compare(&node[0], &node[2], "over one more", runs);
	printf("%-24s %8.2f\n", "one hop more keeps", transit / direct);
	small(&node[0], &node[1], "8 bytes to the next");
	small(&node[0], &node[2], "8 bytes over one more");

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
