// SPDX-License-Identifier: MIT
/*
 * How fast packets go from device to device, next to memcpy() of the same bytes from and
 * to the same places on the same thread: each device on the way copies once, the target
 * once more. Runs alternate; medians are told.
 *
 *	fabric_forward [MiB [RUNS]]
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "copy.h"
#include "fabric.h"
#include "fabric_regs.h"

#define NODES		3

struct bench;

struct node {
	struct bench *bench;
	unsigned int index;
	struct sfab_fabric *fabric;
};

struct bench {
	struct node node[NODES];
	uint8_t *src, *dst;
	uint64_t size;
	uint32_t packet;	/* payload */
	uint16_t target;
	uint64_t sent, received;
};

static void nobody(void *opaque)
{
	(void)opaque;
}

static void no_port(void *opaque, unsigned int port)
{
	(void)opaque;
	(void)port;
}

static void no_path(void *opaque, unsigned int port, unsigned int path)
{
	(void)opaque;
	(void)port;
	(void)path;
}

static const struct sfab_fabric_ops ops = {
	.wake = nobody, .ring = no_path, .now = bench_now, .port_event = no_port,
	.mgmt_event = nobody,
};

static bool deliver(void *opaque, const struct sfab_packet *packet, const void *payload)
{
	struct bench *b = ((struct node *)opaque)->bench;

	sfab_copy(b->dst + packet->offset, payload, packet->payload, false);
	b->received += packet->payload;
	return true;
}

static bool work(void *opaque, uint64_t *due)
{
	struct node *node = opaque;
	struct bench *b = node->bench;
	struct sfab_packet packet = {
		.version = SFAB_PACKET_VERSION, .type = SFAB_PKT_WRITE,
		.class_vc = SFAB_CLASS_REQUEST, .dst = b->target, .src = 1,
		.payload = b->packet, .offset = b->sent,
	};
	struct sfab_slot slot;

	(void)due;
	if (node->index || b->sent == b->size ||
	    sfab_fabric_reserve(node->fabric, &packet, &slot))
		return false;
	sfab_copy(slot.payload, b->src + b->sent, b->packet, false);
	sfab_fabric_commit(node->fabric, &packet, &slot);
	b->sent += b->packet;
	return true;
}

static const struct sfab_sink sink = { .deliver = deliver, .work = work };

static void run_all(struct bench *b)
{
	uint64_t due;

	for (unsigned int i = 0; i < NODES; i++)
		sfab_fabric_run(b->node[i].fabric, &due);
}

static void bench_init(struct bench *b, uint64_t size, unsigned int eids)
{
	struct sfab_fabric_config config = {
		.kind = SFAB_KIND_ACCEL, .ports = 4, .paths = 1, .eids = eids,
		.lanes = 8, .lane_rate = 112, .seed = 1,
	};
	const char *why;
	uint64_t start;

	b->size = size;
	b->src = bench_memory(size);
	b->dst = bench_memory(size);
	for (unsigned int i = 0; i < NODES; i++) {
		struct node *n = &b->node[i];

		n->bench = b;
		n->index = i;
		n->fabric = sfab_fabric_create_with(&config, &ops, n, &sink, n, &why);
		if (!n->fabric)
			bench_die(why);
		sfab_fabric_write(n->fabric, SFAB_REG_EID, i + 1, 4);
		/* Everything to the right, by port 1. */
		for (unsigned int e = i + 2; e < eids; e++)
			sfab_fabric_write(n->fabric, SFAB_ROUTE_BASE + 8 * e,
					  1 << 8 | 1, 8);
	}
	for (unsigned int i = 0; i + 1 < NODES; i++) {
		void *fibre = bench_memory(SFAB_FIBRE_SIZE);

		sfab_fabric_attach(b->node[i].fabric, 1, 0, fibre, 0);
		sfab_fabric_attach(b->node[i + 1].fabric, 0, 0, fibre, 1);
	}
	/* A port may train once in a millisecond. */
	for (start = bench_now(NULL); bench_now(NULL) - start < 20000000;)
		run_all(b);
}

static uint64_t fabric_run(struct bench *b, uint16_t target, uint32_t packet,
			   uint64_t size)
{
	uint64_t start, rest = b->size;

	b->target = target;
	b->packet = packet;
	b->size = size;
	b->sent = 0;
	b->received = 0;
	start = bench_now(NULL);
	while (b->received < size)
		run_all(b);
	b->size = rest;
	return bench_now(NULL) - start;
}

static void compare(struct bench *b, unsigned int hops, unsigned int runs)
{
	static uint64_t cpu[MAX_RUNS], fabric[MAX_RUNS];
	uint64_t m, f;

	for (unsigned int i = 0; i < runs; i++) {
		memset(b->src, i + 2, 64);
		fabric[i] = fabric_run(b, hops + 1, SFAB_MTU, b->size);
		if (memcmp(b->dst, b->src, b->size))
			bench_die("other bytes have arrived");
		cpu[i] = bench_cpu_copy(b->dst, b->src, b->size);
	}
	m = bench_median(cpu, runs);
	f = bench_median(fabric, runs);
	printf("%u hop%s, 64 KiB packets, GB/s       %8.2f %8.2f %8.2f\n", hops,
	       hops == 1 ? " " : "s", (double)b->size / m, (double)b->size / f,
	       (double)m / f);
}

static void small(struct bench *b, unsigned int hops, unsigned int runs)
{
	static uint64_t t[MAX_RUNS];
	uint64_t size = 1 * MIB;

	for (unsigned int i = 0; i < runs; i++)
		t[i] = fabric_run(b, hops + 1, 64, size);
	printf("%u hop%s, packets of 64 bytes        %8.0f ns each\n", hops,
	       hops == 1 ? " " : "s", (double)bench_median(t, runs) / (size / 64));
}

int main(int argc, char **argv)
{
	uint64_t size = (argc > 1 ? strtoull(argv[1], NULL, 0) : 64) * MIB;
	unsigned int runs = argc > 2 ? strtoul(argv[2], NULL, 0) : 21;
	static struct bench b, big;

	if (size < 2 * MIB || size > 512 * MIB || !runs || runs > MAX_RUNS)
		bench_die("usage: fabric_forward [MIB (2 to 512) [RUNS (1 to 99)]]");
	bench_init(&b, size, 16);
	printf("%3u MiB, median of %2u runs            memcpy   fabric    ratio\n",
	       (unsigned int)(size / MIB), runs);
	for (unsigned int hops = 1; hops < NODES; hops++)
		compare(&b, hops, runs);
	for (unsigned int hops = 1; hops < NODES; hops++)
		small(&b, hops, runs);
	bench_init(&big, 2 * MIB, 4096);
	printf("the same with routes to 4096 EIDs:\n");
	small(&big, NODES - 1, runs);
	return 0;
}
