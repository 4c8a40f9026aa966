// SPDX-License-Identifier: MIT
/*
 * libFuzzer target for qemu/core: the input is a little program of what a guest
 * can do (registers, doorbells, commands, page table entries, memory) and what
 * the machine can do (time, bus errors, resets, pauses, migration). The
 * sanitizers watch for crashes and bad accesses, the checks below for promises.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sfab/core.h"
#include "regs.h"

#define HBM_SIZE	(2u << 20)
#define SYS_SIZE	(64u << 10)
#define SYS_BUS		0x100000000ull
#define PEER_BUS	0x900000000ull
#define MAX_STEPS	200

#define CHECK(condition) do {						\
		if (!(condition)) {					\
			fprintf(stderr, "%s:%d: broken promise: %s\n",	\
				__FILE__, __LINE__, #condition);	\
			abort();					\
		}							\
	} while (0)

struct input {
	const uint8_t *data;
	size_t size;
};

struct machine {
	struct sfab_core *core;
	struct sfab_config config;
	uint8_t *hbm, *sys, *peer;
	uint64_t clock;
	uint64_t map_limit;
	uint8_t refuse;		/* one map in so many fails; 0: none */
	unsigned int maps;
	int mapped;
	int in_batch;
	unsigned int batch_maps;
};

static uint64_t take(struct input *in, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes-- && in->size) {
		value = value << 8 | *in->data++;
		in->size--;
	}
	return value;
}

/* ---- ops ---- */

static void batch_begin(void *opaque)
{
	struct machine *m = opaque;

	CHECK(!m->in_batch);
	m->in_batch = 1;
	m->batch_maps = 0;
}

static void batch_end(void *opaque)
{
	struct machine *m = opaque;

	CHECK(m->in_batch);
	CHECK(m->batch_maps <= SFAB_BATCH_MAX);
	m->in_batch = 0;
}

static void *map(void *opaque, uint64_t bus, uint64_t *len, bool write)
{
	struct machine *m = opaque;
	uint8_t *base = m->sys;
	uint64_t offset = bus - SYS_BUS, left;

	(void)write;
	CHECK(m->in_batch && *len);
	m->batch_maps++;
	if (bus >= PEER_BUS) {
		base = m->peer;
		offset = bus - PEER_BUS;
	}
	if (offset >= SYS_SIZE || (m->refuse && ++m->maps % m->refuse == 0))
		return NULL;
	left = SYS_SIZE - offset;
	if (m->map_limit && left > m->map_limit - bus % m->map_limit)
		left = m->map_limit - bus % m->map_limit;
	if (*len > left)
		*len = left;
	m->mapped++;
	return base + offset;
}

static void unmap(void *opaque, void *host, uint64_t len, bool write,
		  uint64_t accessed)
{
	struct machine *m = opaque;

	(void)host;
	(void)write;
	CHECK(m->in_batch && accessed <= len);
	m->mapped--;
}

static void irq(void *opaque, unsigned int vector)
{
	struct machine *m = opaque;

	CHECK(vector < m->config.vectors);
}

static void kick(void *opaque, unsigned int engine)
{
	struct machine *m = opaque;

	CHECK(engine < m->config.engines);
}

static uint64_t now(void *opaque)
{
	struct machine *m = opaque;

	return m->clock;
}

static void hbm_written(void *opaque, uint64_t offset, uint64_t len)
{
	(void)opaque;
	CHECK(len && offset < HBM_SIZE && len <= HBM_SIZE - offset);
}

static void guest_error(void *opaque, const char *fmt, va_list ap)
{
	char text[512];

	(void)opaque;
	CHECK(vsnprintf(text, sizeof(text), fmt, ap) < (int)sizeof(text));
}

static const struct sfab_ops ops = {
	.batch_begin = batch_begin,
	.batch_end = batch_end,
	.map = map,
	.unmap = unmap,
	.irq = irq,
	.kick = kick,
	.now = now,
	.hbm_written = hbm_written,
	.guest_error = guest_error,
};

/* ---- a machine in which commands have a chance ---- */

static uint64_t *entry(struct machine *m, unsigned int table, unsigned int i)
{
	return (uint64_t *)(m->hbm + table * 4096) + i;
}

/*
 * Tables at pages 1 to 4 of HBM; VA page p (0 to 511) is what the last table
 * says: pages of HBM, system memory and the peer, with all rights.
 */
static void make_tables(struct machine *m)
{
	for (unsigned int t = 1; t < 4; t++)
		*entry(m, t, 0) = (t + 1) * 4096 | SFAB_PTE_VALID;
	*entry(m, 3, 1) = SFAB_PTE_VALID | SFAB_PTE_READ | SFAB_PTE_WRITE |
			  SFAB_PTE_LARGE;
	for (unsigned int i = 0; i < 64; i++) {
		uint64_t pte = SFAB_PTE_VALID | SFAB_PTE_READ | SFAB_PTE_WRITE;

		if (i % 4 == 1)
			pte |= 1 << SFAB_PTE_APERTURE_SHIFT |
			       (SYS_BUS + (i / 4) * 4096);
		else if (i % 4 == 2)
			pte |= 2 << SFAB_PTE_APERTURE_SHIFT |
			       (PEER_BUS + (i / 4) * 4096);
		else
			pte |= (256 + i) * 4096;
		*entry(m, 4, i) = pte;
	}
}

static uint64_t queue_reg(unsigned int q, unsigned int reg)
{
	return SFAB_QUEUE_BASE + q * SFAB_QUEUE_STRIDE + reg;
}

static void make_queue(struct machine *m, unsigned int q)
{
	sfab_core_write(m->core, queue_reg(q, SFAB_REG_Q_CTRL),
			SFAB_Q_CTRL_RESET, 4);
	sfab_core_write(m->core, queue_reg(q, SFAB_REG_Q_BASE),
			SYS_BUS + q * 8192, 8);
	sfab_core_write(m->core, queue_reg(q, SFAB_REG_Q_TIMELINE),
			SYS_BUS + q * 8192 + 4096, 8);
	sfab_core_write(m->core, queue_reg(q, SFAB_REG_Q_SIZE), 3, 4);
	sfab_core_write(m->core, queue_reg(q, SFAB_REG_Q_CTRL),
			SFAB_Q_CTRL_ENABLE, 4);
	sfab_core_write(m->core, SFAB_REG_CTRL, SFAB_CTRL_ENABLE, 4);
}

/* ---- the program ---- */

static uint64_t address(struct input *in)
{
	uint8_t how = take(in, 1);

	if (how < 192)
		return (uint64_t)(how % 64) * 4096 + take(in, 2) % 4096;
	if (how < 224)
		return 0x200000 + take(in, 3) % 0x200000;
	return take(in, 8);
}

static uint64_t number(struct input *in)
{
	static const unsigned int widths[] = { 1, 1, 2, 2, 3, 4, 6, 8 };

	return take(in, widths[take(in, 1) % 8]);
}

static void command(struct machine *m, struct input *in)
{
	unsigned int q = take(in, 1) % m->config.queues;
	uint64_t c[8] = { 0 };
	uint32_t tail;

	c[0] = take(in, 1) % 10 | take(in, 1) % 5 << 8 | take(in, 1) % 10 << 16 |
	       take(in, 1) % 4 << 24;
	if (c[0] & SFAB_CMD_COMPLETE << 8)
		c[7] = take(in, 2);
	switch (c[0] & 0xff) {
	case SFAB_CMD_COPY_2D:
		c[4] = number(in);
		c[5] = number(in);
		c[6] = number(in);
		/* fall through */
	case SFAB_CMD_COPY:
	case SFAB_CMD_REDUCE:
		c[2] = address(in);
		c[1] = address(in);
		c[3] = number(in);
		break;
	case SFAB_CMD_FILL:
		c[3] = number(in);
		/* fall through */
	case SFAB_CMD_WRITE:
		c[4] = number(in);
		/* fall through */
	case SFAB_CMD_TIMESTAMP:
		c[1] = address(in);
		break;
	case SFAB_CMD_ATOMIC:
		c[1] = address(in);
		c[2] = address(in);
		c[4] = number(in);
		c[5] = (c[0] >> 24) == SFAB_ATOMIC_CAS ? number(in) : 0;
		break;
	case SFAB_CMD_WAIT:
		c[2] = address(in);
		c[4] = number(in);
		c[5] = number(in);
		c[6] = number(in);
		break;
	}
	tail = sfab_core_read(m->core, queue_reg(q, SFAB_REG_Q_TAIL), 4);
	memcpy(m->sys + q * 8192 + tail % 8 * 64, c, sizeof(c));
	sfab_core_write(m->core, SFAB_DOORBELL_BASE + q * SFAB_DOORBELL_STRIDE,
			tail + 1, 4);
}

static void any_register(struct machine *m, struct input *in)
{
	static const unsigned int sizes[] = { 4, 8, 4, 8, 2, 1, 3, 16 };
	unsigned int how = take(in, 1), size = sizes[how & 7];
	uint64_t at;

	switch (how >> 4 & 7) {
	case 0:
		at = take(in, 3);
		break;
	case 1:
		at = 0x100 + take(in, 1) * 4;
		break;
	case 2:
		at = SFAB_VM_BASE + take(in, 1) % 32 * 4;
		break;
	case 3:
		at = SFAB_DOORBELL_BASE + take(in, 1) % 4 * 4096;
		break;
	default:
		at = SFAB_QUEUE_BASE + take(in, 1) % 64 * 4;
		break;
	}
	if (how & 8)
		sfab_core_read(m->core, at, size);
	else
		sfab_core_write(m->core, at, number(in), size);
}

static void migrate(struct machine *m)
{
	static struct sfab_state state, again;

	sfab_core_pause(m->core, true);
	sfab_core_save(m->core, &state);
	CHECK(sfab_core_load(m->core, &state, NULL) == 0);
	sfab_core_save(m->core, &again);
	CHECK(!memcmp(&state, &again, sizeof(state)));
	sfab_core_pause(m->core, false);
}

static void damaged_state(struct machine *m, struct input *in)
{
	static struct sfab_state state;
	size_t at;

	sfab_core_save(m->core, &state);
	at = take(in, 1) % 2 ? offsetof(struct sfab_state, queue) : 0;
	((uint8_t *)&state)[at + take(in, 1)] ^= take(in, 1);
	sfab_core_load(m->core, &state, NULL);
}

static void step(struct machine *m, unsigned int engine, bool brief)
{
	uint64_t due = 0;
	enum sfab_run run = brief ? sfab_core_help(m->core, engine, &due) :
				    sfab_core_run(m->core, engine, &due);

	CHECK(m->mapped == 0 && !m->in_batch);
	CHECK(!sfab_core_busy(m->core));
	if (run == SFAB_RUN_POLL)
		CHECK(due > m->clock && due <= m->clock + 100000);
}

static void check_queues(struct machine *m)
{
	for (unsigned int q = 0; q < m->config.queues; q++) {
		uint32_t head = sfab_core_read(m->core,
					queue_reg(q, SFAB_REG_Q_HEAD), 4);
		uint32_t tail = sfab_core_read(m->core,
					queue_reg(q, SFAB_REG_Q_TAIL), 4);
		uint32_t fault = sfab_core_read(m->core,
					queue_reg(q, SFAB_REG_Q_FAULT), 4);
		uint32_t status = sfab_core_read(m->core,
					queue_reg(q, SFAB_REG_Q_STATUS), 4);

		CHECK(tail - head <= 1u << SFAB_MAX_RING_LOG2);
		CHECK(!!(status & SFAB_Q_STATUS_HALTED) == fault >> 31);
		CHECK(!!(status & SFAB_Q_STATUS_IDLE) == (head == tail));
		CHECK(!(status & SFAB_Q_STATUS_BUSY));
		CHECK((fault & 0xff) <= SFAB_FAULT_POISON);
	}
}

static void run_program(struct machine *m, struct input *in)
{
	unsigned int steps = 0;

	while (in->size && steps < MAX_STEPS) {
		switch (take(in, 1) % 16) {
		case 0: case 1: case 2: case 3:
			command(m, in);
			/* fall through */
		case 4: case 5: case 6:
			step(m, steps % m->config.engines, steps % 3 == 0);
			steps++;
			break;
		case 7:
			command(m, in);
			break;
		case 8:
			any_register(m, in);
			break;
		case 9:		/* an entry of one of the tables */
			*entry(m, 1 + take(in, 1) % 4, take(in, 1) % 66) =
				number(in) | take(in, 1);
			break;
		case 10:
			m->hbm[take(in, 3) % HBM_SIZE] = take(in, 1);
			break;
		case 11:
			m->clock += number(in) % (1ull << 40);
			break;
		case 12:
			m->map_limit = 64ull << take(in, 1) % 10;
			m->refuse = take(in, 1);
			break;
		case 13:
			make_queue(m, take(in, 1) % m->config.queues);
			break;
		case 14:
			if (take(in, 1) % 4)
				migrate(m);
			else
				damaged_state(m, in);
			break;
		case 15:
			sfab_core_reset(m->core, take(in, 1) % 3);
			CHECK(sfab_core_read(m->core, SFAB_REG_STATUS, 4) ==
			      SFAB_STATUS_READY);
			sfab_core_write(m->core, SFAB_VM_BASE, 4096 | 1, 8);
			make_queue(m, 0);
			break;
		}
	}
	check_queues(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *hbm;
	struct machine m = { 0 };
	struct input in = { data, size };
	uint8_t shape = take(&in, 1);

	if (!hbm)
		hbm = aligned_alloc(4096, HBM_SIZE);
	memset(hbm, 0, HBM_SIZE);
	m.hbm = hbm;
	m.sys = aligned_alloc(4096, SYS_SIZE);
	m.peer = aligned_alloc(4096, SYS_SIZE);
	memset(m.sys, 0, SYS_SIZE);
	memset(m.peer, 0, SYS_SIZE);
	m.config = (struct sfab_config) {
		.hbm = m.hbm, .hbm_size = HBM_SIZE,
		.queues = 1 + shape % 3, .vms = 1 + shape / 4 % 2,
		.engines = 1 + shape / 8 % 2, .vectors = 1 + shape / 16 % 2,
		.peer = shape < 224,
	};
	m.core = sfab_core_create(&m.config, &ops, &m, NULL);
	CHECK(m.core);
	make_tables(&m);
	sfab_core_write(m.core, SFAB_VM_BASE, 4096 | 1, 8);
	for (unsigned int q = 0; q < m.config.queues; q++)
		make_queue(&m, q);
	sfab_core_write(m.core, SFAB_REG_INT_ENABLE, 0xf, 4);

	run_program(&m, &in);

	sfab_core_destroy(m.core);
	free(m.sys);
	free(m.peer);
	return 0;
}
