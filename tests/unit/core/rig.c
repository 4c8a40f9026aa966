// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "rig.h"

/* ---- ops ---- */

static void batch_begin(void *opaque)
{
	struct rig *rig = opaque;

	pthread_mutex_lock(&rig->bql);
	assert_int_equal(rig->in_batch++, 0);
	rig->batch_maps = 0;
	rig->batches++;
}

static void batch_end(void *opaque)
{
	struct rig *rig = opaque;

	assert_int_equal(--rig->in_batch, 0);
	if (rig->batch_maps > rig->batch_maps_most)
		rig->batch_maps_most = rig->batch_maps;
	pthread_mutex_unlock(&rig->bql);
}

static uint8_t *bus_memory(struct rig *rig, uint64_t bus, uint64_t *left)
{
	if (bus - SYS_BUS < SYS_SIZE) {
		*left = SYS_BUS + SYS_SIZE - bus;
		return rig->sys + (bus - SYS_BUS);
	}
	if (bus - PEER_BUS < PEER_SIZE) {
		*left = PEER_BUS + PEER_SIZE - bus;
		return rig->peer + (bus - PEER_BUS);
	}
	return NULL;
}

static void *map(void *opaque, uint64_t bus, uint64_t *len, bool write)
{
	struct rig *rig = opaque;
	uint64_t left = 0;
	uint8_t *host = bus_memory(rig, bus, &left);

	(void)write;
	assert_int_equal(rig->in_batch, 1);
	assert_true(*len > 0);
	rig->batch_maps++;
	if (rig->on_map)
		rig->on_map(rig);
	if (!host || bus - rig->refuse < rig->refuse_len)
		return NULL;
	if (rig->refuse_len && bus < rig->refuse && left > rig->refuse - bus)
		left = rig->refuse - bus;
	if (rig->map_limit && bus - SYS_BUS >= SYS_DATA &&
	    left > rig->map_limit - bus % rig->map_limit)
		left = rig->map_limit - bus % rig->map_limit;
	if (*len > left)
		*len = left;
	rig->mapped++;
	return rig->misalign ? host + 1 : host;
}

static void unmap(void *opaque, void *host, uint64_t len, bool write,
		  uint64_t accessed)
{
	struct rig *rig = opaque;

	(void)host;
	(void)write;
	assert_int_equal(rig->in_batch, 1);
	assert_true(accessed <= len);
	rig->mapped--;
	if (rig->on_unmap)
		rig->on_unmap(rig);
}

static void irq(void *opaque, unsigned int vector)
{
	struct rig *rig = opaque;

	assert_true(vector < rig->config.vectors);
	rig->irqs[vector]++;
}

static void kick(void *opaque, unsigned int engine)
{
	struct rig *rig = opaque;
	struct rig_worker *w = &rig->worker[engine];

	rig->kicks[engine]++;
	if (!rig->threaded)
		return;
	pthread_mutex_lock(&w->lock);
	w->kicked = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

static uint64_t now(void *opaque)
{
	struct rig *rig = opaque;
	struct timespec ts;

	if (!rig->real_clock)
		return rig->clock;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void hbm_written(void *opaque, uint64_t offset, uint64_t len)
{
	struct rig *rig = opaque;

	assert_true(len > 0 && offset + len <= rig->config.hbm_size);
	if (rig->on_written)
		rig->on_written(rig);
}

static void guest_error(void *opaque, const char *fmt, va_list ap)
{
	struct rig *rig = opaque;
	char text[256];

	assert_true(vsnprintf(text, sizeof(text), fmt, ap) < 256);
	rig->guest_errors++;
}

static void event(void *opaque, enum sfab_event e, unsigned int index,
		  uint64_t a, uint64_t b)
{
	struct rig *rig = opaque;

	(void)index;
	(void)a;
	(void)b;
	rig->events[e]++;
}

static void fabric_wake(void *opaque)
{
	struct rig *rig = opaque;

	if (rig->on_wake)
		rig->on_wake(rig);
}

static void fibre_ring(void *opaque, unsigned int port, unsigned int path)
{
	struct rig *rig = opaque;

	if (rig->on_ring)
		rig->on_ring(rig, port, path);
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
	.event = event,
	.fabric_wake = fabric_wake,
	.fibre_ring = fibre_ring,
};

/* ---- life ---- */

static void *pages(uint64_t size)
{
	void *p = aligned_alloc(LARGE, size);

	assert_non_null(p);
	memset(p, 0, size);
	return p;
}

struct rig *rig_with(void (*change)(struct sfab_config *config))
{
	struct rig *rig = calloc(1, sizeof(*rig));
	pthread_mutexattr_t recursive;
	const char *why;

	assert_non_null(rig);
	rig->config = (struct sfab_config) {
		.hbm_size = 8 * MIB,
		.queues = 4,
		.vms = 2,
		.engines = 1,
		.vectors = 4,
		.peer = true,
		.serial = 0x1122334455667788ull,
		.uuid = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	};
	if (change)
		change(&rig->config);
	rig->hbm = pages(rig->config.hbm_size);
	rig->sys = pages(SYS_SIZE);
	rig->peer = pages(PEER_SIZE);
	rig->config.hbm = rig->hbm;
	rig->clock = 1000000;

	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&rig->bql, &recursive);
	pthread_mutexattr_destroy(&recursive);

	rig->core = sfab_core_create(&rig->config, &ops, rig, &why);
	assert_null(why);
	assert_non_null(rig->core);
	return rig;
}

struct rig *rig_new(void)
{
	return rig_with(NULL);
}

void rig_free(struct rig *rig)
{
	if (rig->threaded)
		rig_stop(rig);
	sfab_core_destroy(rig->core);
	assert_int_equal(rig->mapped, 0);
	assert_true(rig->batch_maps_most <= SFAB_BATCH_MAX);
	pthread_mutex_destroy(&rig->bql);
	free(rig->hbm);
	free(rig->sys);
	free(rig->peer);
	free(rig);
}

/* ---- registers ---- */

static uint64_t rd(struct rig *rig, uint64_t offset, unsigned int size)
{
	uint64_t value;

	pthread_mutex_lock(&rig->bql);
	value = sfab_core_read(rig->core, offset, size);
	pthread_mutex_unlock(&rig->bql);
	return value;
}

static void wr(struct rig *rig, uint64_t offset, uint64_t value,
	       unsigned int size)
{
	pthread_mutex_lock(&rig->bql);
	sfab_core_write(rig->core, offset, value, size);
	pthread_mutex_unlock(&rig->bql);
}

uint32_t rd32(struct rig *rig, uint64_t offset)
{
	return rd(rig, offset, 4);
}

uint64_t rd64(struct rig *rig, uint64_t offset)
{
	return rd(rig, offset, 8);
}

void wr32(struct rig *rig, uint64_t offset, uint32_t value)
{
	wr(rig, offset, value, 4);
}

void wr64(struct rig *rig, uint64_t offset, uint64_t value)
{
	wr(rig, offset, value, 8);
}

/* ---- page tables ---- */

static uint64_t new_table(struct rig *rig)
{
	uint64_t table = rig->tables;

	rig->tables += PAGE;
	assert_true(rig->tables <= HBM_DATA);
	memset(rig->hbm + table, 0, PAGE);
	return table;
}

uint64_t *rig_entry(struct rig *rig, unsigned int vm, uint64_t va, int level)
{
	uint64_t table = rig->roots[vm], *entry;

	if (!table) {
		if (!rig->tables)
			rig->tables = PAGE;	/* a root is never at 0 */
		table = new_table(rig);
		rig->roots[vm] = table;
		wr64(rig, VM_REG(vm, VM_ROOT), table | SFAB_VM_ROOT_VALID);
	}
	for (int l = 3;; l--) {
		entry = (uint64_t *)(rig->hbm + table) +
			(va >> (12 + 9 * l) & 511);
		if (l == level)
			return entry;
		if (!(*entry & SFAB_PTE_VALID))
			*entry = new_table(rig) | SFAB_PTE_VALID;
		table = *entry & SFAB_PTE_ADDR_MASK;
	}
}

void rig_map(struct rig *rig, unsigned int vm, uint64_t va, uint64_t addr,
	     uint64_t len, uint64_t pte)
{
	for (uint64_t at = 0; at < len; at += PAGE)
		*rig_entry(rig, vm, va + at, 0) = pte | (addr + at);
}

void rig_map_large(struct rig *rig, unsigned int vm, uint64_t va, uint64_t addr,
		   uint64_t len, uint64_t pte)
{
	for (uint64_t at = 0; at < len; at += LARGE)
		*rig_entry(rig, vm, va + at, 1) =
			pte | SFAB_PTE_LARGE | (addr + at);
}

void rig_map_all(struct rig *rig, unsigned int vm)
{
	rig_map(rig, vm, VA_HBM, 0, rig->config.hbm_size, HBM_PTE(RW));
	rig_map(rig, vm, VA_SYS, SYS_BUS, SYS_SIZE, SYS_PTE(RW));
	rig_map(rig, vm, VA_PEER, PEER_BUS, PEER_SIZE, PEER_PTE(RW));
}

/* ---- queues ---- */

uint64_t rig_ring(unsigned int q)
{
	return q * 2 * PAGE;
}

uint64_t *rig_timeline(struct rig *rig, unsigned int q)
{
	return (uint64_t *)(rig->sys + rig_ring(q) + PAGE);
}

void rig_queue(struct rig *rig, unsigned int q, unsigned int vm)
{
	uint64_t ring = SYS_BUS + rig_ring(q);

	wr32(rig, Q_REG(q, Q_CTRL), SFAB_Q_CTRL_RESET);
	wr64(rig, Q_REG(q, Q_BASE), ring);
	wr64(rig, Q_REG(q, Q_TIMELINE), ring + PAGE);
	wr32(rig, Q_REG(q, Q_SIZE), RING_LOG2);
	wr32(rig, Q_REG(q, Q_VM), vm);
	wr32(rig, Q_REG(q, Q_VECTOR), 1 + q % 3);
	wr32(rig, Q_REG(q, Q_CTRL), SFAB_Q_CTRL_ENABLE);
	assert_int_equal(rd32(rig, Q_REG(q, Q_CTRL)), SFAB_Q_CTRL_ENABLE);
	wr32(rig, SFAB_REG_CTRL, SFAB_CTRL_ENABLE);
}

void rig_put(struct rig *rig, unsigned int q, uint32_t index,
	     const struct cmd *cmd)
{
	index %= 1u << rd32(rig, Q_REG(q, Q_SIZE));
	memcpy(rig->sys + rig_ring(q) + index * SFAB_CMD_SIZE, cmd,
	       SFAB_CMD_SIZE);
}

void rig_submit(struct rig *rig, unsigned int q, const struct cmd *cmd)
{
	uint32_t tail = rd32(rig, Q_REG(q, Q_TAIL));

	rig_put(rig, q, tail, cmd);
	wr32(rig, DOORBELL(q), tail + 1);
}

enum sfab_run rig_step(struct rig *rig, unsigned int engine)
{
	uint64_t due;

	return sfab_core_run(rig->core, engine, &due);
}

bool rig_run(struct rig *rig)
{
	for (unsigned int n = 0; n < 1000000; n++) {
		bool more = false, poll = false;

		for (unsigned int i = 0; i < rig->config.engines; i++) {
			enum sfab_run run = rig_step(rig, i);

			more |= run == SFAB_RUN_MORE;
			poll |= run == SFAB_RUN_POLL;
		}
		if (!more)
			return !poll;
	}
	fail_msg("an engine has work for ever");
	return false;
}

void rig_do(struct rig *rig, const struct cmd *cmd)
{
	uint32_t head = rd32(rig, Q_REG(0, Q_HEAD));

	rig_submit(rig, 0, cmd);
	assert_true(rig_run(rig));
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)), 0);
	assert_int_equal(rd32(rig, Q_REG(0, Q_HEAD)), head + 1);
}

void rig_fault(struct rig *rig, const struct cmd *cmd, unsigned int cause,
	       unsigned int access, uint64_t addr)
{
	uint32_t head = rd32(rig, Q_REG(0, Q_HEAD));

	rig_submit(rig, 0, cmd);
	assert_true(rig_run(rig));
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)),
			 SFAB_Q_FAULT_VALID | access << 16 |
			 (uint32_t)cmd->opcode << 8 | cause);
	assert_int_equal(rd64(rig, Q_REG(0, Q_FAULT_ADDR)), addr);
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT_INDEX)), head);
	assert_int_equal(rd32(rig, Q_REG(0, Q_HEAD)), head);
	assert_true(rd32(rig, Q_REG(0, Q_STATUS)) & SFAB_Q_STATUS_HALTED);
	assert_true(rd64(rig, SFAB_REG_QUEUE_FAULT_0) & 1);
	wr32(rig, SFAB_REG_INT_STATUS, ~0u);
	rig_queue(rig, 0, rd32(rig, Q_REG(0, Q_VM)));
}

/* ---- threads ---- */

static void sleep_until(struct rig_worker *w, bool poll, uint64_t due)
{
	struct timespec ts = {
		.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000,
	};
	int error = 0;

	pthread_mutex_lock(&w->lock);
	while (!w->kicked && !w->stop && !error) {
		if (poll)
			error = pthread_cond_timedwait(&w->cond, &w->lock, &ts);
		else
			pthread_cond_wait(&w->cond, &w->lock);
	}
	w->kicked = false;
	pthread_mutex_unlock(&w->lock);
}

static void *worker(void *arg)
{
	struct rig_worker *w = arg;
	bool stop = false;

	while (!stop) {
		uint64_t due = 0;
		enum sfab_run run = sfab_core_run(w->rig->core, w->engine, &due);

		if (run != SFAB_RUN_MORE)
			sleep_until(w, run == SFAB_RUN_POLL, due);
		pthread_mutex_lock(&w->lock);
		stop = w->stop;
		pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

void rig_start(struct rig *rig)
{
	pthread_condattr_t monotonic;

	rig->real_clock = true;
	rig->threaded = true;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	for (unsigned int i = 0; i < rig->config.engines; i++) {
		struct rig_worker *w = &rig->worker[i];

		*w = (struct rig_worker) { .rig = rig, .engine = i };
		pthread_mutex_init(&w->lock, NULL);
		pthread_cond_init(&w->cond, &monotonic);
		assert_int_equal(pthread_create(&w->thread, NULL, worker, w), 0);
	}
	pthread_condattr_destroy(&monotonic);
}

void rig_stop(struct rig *rig)
{
	for (unsigned int i = 0; i < rig->config.engines; i++) {
		struct rig_worker *w = &rig->worker[i];

		pthread_mutex_lock(&w->lock);
		w->stop = true;
		pthread_cond_signal(&w->cond);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	rig->threaded = false;
}

/* ---- random ---- */

uint64_t rig_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

void rig_fill_random(void *p, size_t len, uint64_t seed)
{
	uint8_t *byte = p;

	seed = seed * 0x9e3779b97f4a7c15ull + 1;
	while (len--)
		*byte++ = rig_random(&seed) >> 32;
}
