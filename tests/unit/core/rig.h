/* SPDX-License-Identifier: MIT */
/*
 * A test rig around one core: HBM, system memory and a peer's BAR as plain
 * arrays, a bus that can be told to misbehave, a clock under control, and
 * short words for what a driver does. Engines run when the test says so
 * (rig_run()), or on threads (rig_start()).
 */
#ifndef RIG_H
#define RIG_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sfab/core.h"
#include "regs.h"

#define MIB		(1ull << 20)
#define KIB		(1ull << 10)
#define PAGE		4096ull
#define LARGE		(2 * MIB)

/* Where memory is on the bus. */
#define SYS_BUS		0x0000000100000000ull
#define PEER_BUS	0x0000008000000000ull
#define SYS_SIZE	(4 * MIB)
#define PEER_SIZE	(4 * MIB)

/* HBM: page tables grow up from 0; data from here on is the test's. */
#define HBM_DATA	(1 * MIB)
/* System memory: rings and timelines are below, data from here on. */
#define SYS_DATA	(2 * MIB)

#define RW		(SFAB_PTE_READ | SFAB_PTE_WRITE)
#define RO		SFAB_PTE_READ
#define WO		SFAB_PTE_WRITE

struct cmd {
	uint8_t opcode, flags, dtype, op;
	uint32_t reserved;
	uint64_t dst, src, len, arg0, arg1, arg2, timeline;
};

struct rig;

struct rig_worker {
	struct rig *rig;
	unsigned int engine;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool kicked;
	bool stop;
};

struct rig {
	struct sfab_core *core;
	struct sfab_config config;
	uint8_t *hbm;
	uint8_t *sys;
	uint8_t *peer;
	uint64_t tables;		/* HBM used by page tables */
	uint64_t roots[SFAB_MAX_VMS];

	/* The bus: bytes per map() of data at most (0: all), a range that refuses. */
	uint64_t map_limit;
	uint64_t refuse, refuse_len;
	bool misalign;			/* map() returns odd addresses */

	/* Called inside a slice: in map() and unmap(), and when HBM was written. */
	void (*on_map)(struct rig *rig);
	void (*on_unmap)(struct rig *rig);
	void (*on_written)(struct rig *rig);
	void *private;

	/* What the fabric worker is told (supernode.h). */
	void (*on_wake)(struct rig *rig);
	void (*on_ring)(struct rig *rig, unsigned int port, unsigned int path);
	void *supernode;

	/* What the core did. */
	atomic_uint irqs[SFAB_MAX_VECTORS];
	atomic_uint kicks[SFAB_MAX_ENGINES];
	atomic_uint guest_errors;
	atomic_uint events[SFAB_EVENT_DRAINED + 1];
	atomic_int mapped;
	unsigned int batch_maps, batch_maps_most;
	unsigned int batches;
	int in_batch;
	pthread_mutex_t bql;		/* recursive */

	uint64_t clock;			/* nanoseconds */
	bool real_clock;
	bool threaded;
	struct rig_worker worker[SFAB_MAX_ENGINES];
};

/* Defaults: 8 MiB HBM, 4 queues, 2 VMs, 1 engine, 4 vectors, peer. */
struct rig *rig_new(void);
struct rig *rig_with(void (*change)(struct sfab_config *config));
/* Also asserts that every map was undone. */
void rig_free(struct rig *rig);

/* Registers. */
uint32_t rd32(struct rig *rig, uint64_t offset);
uint64_t rd64(struct rig *rig, uint64_t offset);
void wr32(struct rig *rig, uint64_t offset, uint32_t value);
void wr64(struct rig *rig, uint64_t offset, uint64_t value);

#define VM_REG(v, r)	(SFAB_VM_BASE + (v) * SFAB_VM_STRIDE + (SFAB_REG_##r))
#define Q_REG(q, r)	(SFAB_QUEUE_BASE + (q) * SFAB_QUEUE_STRIDE + \
			 (SFAB_REG_##r))
#define DOORBELL(q)	(SFAB_DOORBELL_BASE + (q) * SFAB_DOORBELL_STRIDE)
#define ARM(q)		(DOORBELL(q) + SFAB_REG_DOORBELL_ARM)

/*
 * Page tables. @pte: aperture and rights, or any bits; address 0 bits are added
 * from @addr. Tables are made as needed.
 */
#define HBM_PTE(rights)		((rights) | SFAB_PTE_VALID)
#define SYS_PTE(rights)		((rights) | SFAB_PTE_VALID | \
				 SFAB_APERTURE_SYSTEM << SFAB_PTE_APERTURE_SHIFT)
#define PEER_PTE(rights)	((rights) | SFAB_PTE_VALID | \
				 SFAB_APERTURE_PEER << SFAB_PTE_APERTURE_SHIFT)
#define FABRIC_PTE(rights)	((rights) | SFAB_PTE_VALID | \
				 SFAB_APERTURE_FABRIC << SFAB_PTE_APERTURE_SHIFT)
void rig_map(struct rig *rig, unsigned int vm, uint64_t va, uint64_t addr,
	     uint64_t len, uint64_t pte);
void rig_map_large(struct rig *rig, unsigned int vm, uint64_t va, uint64_t addr,
		   uint64_t len, uint64_t pte);
/* The entry of @va at @level, created down to there. */
uint64_t *rig_entry(struct rig *rig, unsigned int vm, uint64_t va, int level);

/* VM 0 with the memories at these virtual addresses, RW, 4 KiB pages. */
#define VA_HBM		0x0000000010000000ull	/* + HBM offset */
#define VA_SYS		0x0000400000000000ull	/* + offset in sys */
#define VA_PEER		0x0000700000000000ull
void rig_map_all(struct rig *rig, unsigned int vm);

/* Queues: ring and timeline in system memory; ENABLE and CTRL.ENABLE set. */
#define RING_LOG2	4
uint64_t rig_ring(unsigned int q);	/* offset in sys */
uint64_t *rig_timeline(struct rig *rig, unsigned int q);
void rig_queue(struct rig *rig, unsigned int q, unsigned int vm);
/* Put a command into the ring, without or with ringing. */
void rig_put(struct rig *rig, unsigned int q, uint32_t index,
	     const struct cmd *cmd);
void rig_submit(struct rig *rig, unsigned int q, const struct cmd *cmd);

/* Run engine 0 (or all in turn) until nothing is left; false: a WAIT polls. */
bool rig_run(struct rig *rig);
/* One call of sfab_core_run(). */
enum sfab_run rig_step(struct rig *rig, unsigned int engine);

/* Submit, run, and expect it done; or halted by this fault, then reset. */
void rig_do(struct rig *rig, const struct cmd *cmd);
void rig_fault(struct rig *rig, const struct cmd *cmd, unsigned int cause,
	       unsigned int access, uint64_t addr);

/* Worker threads on the real clock. */
void rig_start(struct rig *rig);
void rig_stop(struct rig *rig);

/* xorshift, for tests that want the same numbers every time. */
uint64_t rig_random(uint64_t *state);
void rig_fill_random(void *p, size_t len, uint64_t seed);

#endif /* RIG_H */
