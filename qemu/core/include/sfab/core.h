/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sfab core: the accelerator of docs/specs/sfab.rst as a plain C library.
 *
 * The core is the whole behaviour of the device: registers, queues, engines,
 * MMU, commands, faults, interrupts, reset. It knows nothing of QEMU, of an
 * operating system or of a driver: it sees its surroundings through struct
 * sfab_ops, owns no thread, has no global, and allocates only in
 * sfab_core_create().
 *
 * Threads
 *	Every function below may be called from any thread at any time, with
 *	these exceptions: sfab_core_run() or _help() of one engine number is not reentrant
 *	(one worker per engine), and sfab_core_destroy(), sfab_core_save() and
 *	sfab_core_load() need a core with no sfab_core_run() in progress. A core
 *	with ports has one more worker, which serves its fabric (sfab/fabric.h).
 *
 * Locks
 *	The core has one internal mutex. It is held for short register work
 *	only: never while bytes are moved, never while an op is called, but for
 *	guest_error(), event() and now(). A lock that surrounds the calls into
 *	the core (QEMU's BQL) and that batch_begin() takes is therefore always
 *	*outside* the core's mutex.
 *
 * Hosts must be little-endian and 64-bit.
 */
#ifndef SFAB_CORE_H
#define SFAB_CORE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SFAB_MAX_QUEUES		128
#define SFAB_MAX_VMS		128
#define SFAB_MAX_ENGINES	8
#define SFAB_MAX_VECTORS	2048
#define SFAB_MAX_SEGMENTS	1024
#define SFAB_MAX_IMPORTS	1024
#define SFAB_NUM_COUNTERS	16
#define SFAB_BAR0_SIZE		0x100000u
#define SFAB_HBM_ALIGN		0x200000u

struct sfab_core;
struct sfab_fabric;	/* sfab/fabric.h */

/* What happened, for tracing; see &sfab_ops.event for the arguments. */
enum sfab_event {
	SFAB_EVENT_COMMAND,	/* a: opcode, b: index. A command starts. */
	SFAB_EVENT_FINISH,	/* a: opcode, b: index. It has finished. */
	SFAB_EVENT_FAULT,	/* a: Q_FAULT, b: Q_FAULT_ADDR */
	SFAB_EVENT_DOORBELL,	/* a: new tail, b: head */
	SFAB_EVENT_QUEUE_RESET,	/* a: 1 if an engine was still inside */
	SFAB_EVENT_INVALIDATED,	/* index is the VM; a: VM_INV_DONE */
	SFAB_EVENT_RESET,	/* a: enum sfab_reset. A reset begins. */
	SFAB_EVENT_DRAINED,	/* A reset is complete. */
};

/**
 * struct sfab_ops - the surroundings of a core
 *
 * @opaque of every op is the pointer given to sfab_core_create().
 *
 * @batch_begin, @batch_end: enclose every @map and @unmap, and nothing else:
 *	the core neither copies nor blocks in between, and keeps a batch to
 *	SFAB_BATCH_MAX calls. Called from sfab_core_run(), sfab_fabric_run()
 *	and their _help() only, not nested, without the core's mutex. In QEMU they take and drop
 *	the BQL (and do nothing if the caller of these holds it already).
 * @map: host address of bus memory. In: @len bytes wanted at bus address @bus;
 *	out: @len bytes available there, 1 to what was wanted. RAM only: the core
 *	will use plain loads, stores and host atomic instructions on it, without
 *	any lock, until @unmap. NULL if there is no RAM at @bus, or the bus
 *	refuses the access (bus mastering off, IOMMU). @write: the memory will be
 *	written (and may be read too).
 * @unmap: ends a mapping. @len, @write: as returned from @map; @accessed: bytes
 *	that may have been written, from the start.
 * @irq: raise MSI-X vector @vector (always below &sfab_config.vectors). From
 *	any thread that is inside the core; so in QEMU, through a bottom half.
 * @kick: there may be work for @engine, whose last sfab_core_run() did not
 *	return SFAB_RUN_MORE: call it again. Sticky: a kick that comes between
 *	the return of sfab_core_run() and the worker's sleep must not be lost. May
 *	come from inside sfab_core_run() of another (or, never nested deeper than
 *	that, the same) engine; a glue that runs engines inside the kick must not
 *	recurse.
 * @now: nanoseconds, monotonic, any origin; the clock of TIME, of WAIT and of the
 *	fabric's timeouts.
 * @hbm_written: optional: the device has written @len bytes at @offset of the
 *	HBM (dirty tracking). Called without any lock.
 * @guest_error: optional: the guest did what the spec forbids. May be called
 *	with the core's mutex held: do not call back.
 * @event: optional: for tracing. May be called with the core's mutex held: do
 *	not call back. @index is the queue (or the VM, or 0).
 * @fabric_wake, @fibre_ring: as &sfab_fabric_ops.wake and .ring; not called if
 *	&sfab_config.ports is 0, and may be NULL then.
 */
struct sfab_ops {
	void (*batch_begin)(void *opaque);
	void (*batch_end)(void *opaque);
	void *(*map)(void *opaque, uint64_t bus, uint64_t *len, bool write);
	void (*unmap)(void *opaque, void *host, uint64_t len, bool write,
		      uint64_t accessed);
	void (*irq)(void *opaque, unsigned int vector);
	void (*kick)(void *opaque, unsigned int engine);
	uint64_t (*now)(void *opaque);
	void (*hbm_written)(void *opaque, uint64_t offset, uint64_t len);
	void (*guest_error)(void *opaque, const char *fmt, va_list ap)
		__attribute__((format(printf, 2, 0)));
	void (*event)(void *opaque, enum sfab_event event, unsigned int index,
		      uint64_t a, uint64_t b);
	void (*fabric_wake)(void *opaque);
	void (*fibre_ring)(void *opaque, unsigned int port, unsigned int path);
};

/* The most @map calls, and the most @unmap calls, within one batch. */
#define SFAB_BATCH_MAX		256

/**
 * struct sfab_config - what a core is made of; fixed for its life
 * @hbm: the HBM, page-aligned host memory of @hbm_size bytes, zero at power-on.
 *	The caller owns it and frees it after sfab_core_destroy(). The guest may
 *	write to it at any time: the core trusts nothing that it reads there.
 * @hbm_size: bytes, a multiple of SFAB_HBM_ALIGN, not 0
 * @queues: NUM_QUEUES, 1 to SFAB_MAX_QUEUES
 * @vms: NUM_VMS, 1 to SFAB_MAX_VMS
 * @engines: NUM_ENGINES, 1 to SFAB_MAX_ENGINES
 * @vectors: NUM_VECTORS, 1 to SFAB_MAX_VECTORS
 * @peer: CAPS.PEER
 * @serial: SERIAL
 * @uuid: UUID in the byte order of RFC 9562
 * @ports: NUM_PORTS, 0 to 16. 0: no fabric, and what follows does not matter
 * @paths: light paths a port, 1 to 4
 * @segments: NUM_SEGMENTS, 1 to SFAB_MAX_SEGMENTS
 * @imports: NUM_IMPORTS, 1 to SFAB_MAX_IMPORTS
 * @eids: NUM_EIDS, 2 to 4096
 * @lanes, @lane_rate, @rate_scale, @crc_errors, @seed, @entropy, @solo: as in &struct
 *	sfab_fabric_config
 */
struct sfab_config {
	void *hbm;
	uint64_t hbm_size;
	unsigned int queues;
	unsigned int vms;
	unsigned int engines;
	unsigned int vectors;
	bool peer;
	uint64_t serial;
	uint8_t uuid[16];
	unsigned int ports;
	unsigned int paths;
	unsigned int segments;
	unsigned int imports;
	unsigned int eids;
	unsigned int lanes;
	unsigned int lane_rate;
	double rate_scale;
	unsigned int crc_errors;
	uint64_t seed;
	uint64_t entropy;
	bool solo;
};

/**
 * sfab_core_create() - power on a device
 * @config: copied; @config->hbm must outlive the core
 * @ops: must outlive the core
 * @opaque: handed to every op
 * @why: if not NULL, set to a static text that tells what is wrong with @config
 *
 * Returns NULL if @config is invalid or memory is short.
 */
struct sfab_core *sfab_core_create(const struct sfab_config *config,
				   const struct sfab_ops *ops, void *opaque,
				   const char **why);

/* No call into @core may be in progress; NULL is allowed. */
void sfab_core_destroy(struct sfab_core *core);

/**
 * sfab_core_read() - a read of BAR 0
 * @offset, @size: as the guest gave them; anything is allowed, what the spec
 *	does not list reads as 0 and is logged
 */
uint64_t sfab_core_read(struct sfab_core *core, uint64_t offset,
			unsigned int size);

/* A write to BAR 0, likewise. May call @irq and @kick before it returns. */
void sfab_core_write(struct sfab_core *core, uint64_t offset, uint64_t value,
		     unsigned int size);

enum sfab_run {
	SFAB_RUN_MORE,		/* call again at once */
	SFAB_RUN_POLL,		/* call again at @due, or after a kick */
	SFAB_RUN_IDLE,		/* call again after a kick */
};

/**
 * sfab_core_run() - let an engine work for at most one slice
 * @engine: 0 to &sfab_config.engines - 1, each from one thread at a time
 * @due: set for SFAB_RUN_POLL: when (in @now's time) a WAIT wants to look at
 *	its memory again; at most 50 microseconds ahead, of all engines that are
 *	idle only one gets it
 *
 * To be called without the BQL by one worker thread per engine, or with it
 * (see &sfab_ops.batch_begin) where engines run synchronously. Work is bounded:
 * 4 MiB moved or 64 Ki page table entries or rows looked at.
 */
enum sfab_run sfab_core_run(struct sfab_core *core, unsigned int engine,
			    uint64_t *due);

/**
 * sfab_core_help() - sfab_core_run() by a thread that has something else to do
 *
 * Moves at most 4 KiB, and looks at 64 pages of what is to be checked. To be called in place
 * of sfab_core_run(), by whoever was told to by &sfab_ops.kick.
 */
enum sfab_run sfab_core_help(struct sfab_core *core, unsigned int engine,
			     uint64_t *due);

enum sfab_reset {
	SFAB_RESET_REGISTER,	/* the guest wrote RESET; for events only */
	SFAB_RESET_FLR,		/* function level reset */
	SFAB_RESET_BUS,		/* bus or machine reset */
};

/**
 * sfab_core_reset() - reset the device, all but COUNTER, TIME and the HBM
 *
 * Never waits: registers read their reset values on return; engines that are
 * inside a slice drop what they do at its end, and STATUS.RESETTING reads 1
 * until the last one has left.
 */
void sfab_core_reset(struct sfab_core *core, enum sfab_reset kind);

/**
 * sfab_core_pause() - stop engines at their next slice boundary, or let them go
 *
 * Invisible to the guest: commands go on where they were. Never waits; the core
 * is quiescent as soon as no sfab_core_run() is in progress any more, and one
 * that begins later returns SFAB_RUN_IDLE at once. For VM stop; not nested.
 *
 * The fabric worker goes on to forward for others, but neither reads nor writes
 * memory of this device any more once sfab_core_busy() is false: it sends nothing,
 * and drops what arrives. The other ends repeat it, until their OP_TIMEOUT.
 */
void sfab_core_pause(struct sfab_core *core, bool pause);

/* An engine, or the fabric worker, is inside a slice (STATUS.BUSY). */
bool sfab_core_busy(struct sfab_core *core);

/**
 * sfab_core_fabric() - the fabric of a core, NULL if it has no ports
 *
 * For the worker that calls sfab_fabric_run(), and for sfab_fabric_attach(). It
 * lives as long as the core.
 */
struct sfab_fabric *sfab_core_fabric(struct sfab_core *core);

/**
 * sfab_core_poison() - an uncorrectable error in the HBM
 * @hbm_offset: the 64-byte granule that contains it becomes poisoned
 *
 * Returns 0; -EINVAL: beyond the HBM; -ENOSPC: 64 granules are poisoned already.
 * Poison is not part of &struct sfab_state.
 */
int sfab_core_poison(struct sfab_core *core, uint64_t hbm_offset);

/* State of one VM, for migration. */
struct sfab_vm_state {
	uint64_t root;
	uint32_t root_lo;	/* lower half written, upper half not yet */
	uint32_t inv;
};

/* State of one queue, for migration. */
struct sfab_queue_state {
	uint64_t base;
	uint64_t timeline;
	uint32_t base_lo;	/* as in &sfab_vm_state.root_lo */
	uint32_t timeline_lo;
	uint32_t size;
	uint32_t vm;
	uint32_t vector;
	uint32_t enabled;	/* 0 or 1 */
	uint32_t head;
	uint32_t tail;
	uint32_t fault;		/* VALID: halted */
	uint32_t fault_index;
	uint64_t fault_addr;
	/* The command at head, if it has begun, and how far it has come. */
	uint32_t phase;
	uint32_t arm_lo;
	uint64_t offset;
	uint64_t deadline;	/* of a WAIT, in TIME */
	uint64_t command[8];
	uint64_t completed;
	uint64_t arm;
};

/**
 * struct sfab_state - the state of a quiescent core, all but the HBM
 *
 * Fixed-width fields only, so that a migration format can name them one by one.
 * Entries of queues and VMs that the core does not have are 0.
 */
struct sfab_state {
	uint32_t ctrl;
	uint32_t scratch;
	uint32_t int_status;
	uint32_t int_enable;
	uint64_t time;		/* TIME when it was saved; goes on from there */
	uint64_t queue_event[2];
	uint64_t queue_fault[2];
	uint64_t counter[SFAB_NUM_COUNTERS];
	struct sfab_vm_state vm[SFAB_MAX_VMS];
	struct sfab_queue_state queue[SFAB_MAX_QUEUES];
};

/*
 * Copy the state out. The core must be quiescent: paused, no run in progress; and
 * have no ports: what is under way on a fibre belongs to two devices.
 */
void sfab_core_save(struct sfab_core *core, struct sfab_state *state);

/**
 * sfab_core_load() - take over a saved state
 *
 * The core must be quiescent and have the same configuration. The state is not
 * trusted. Returns 0, or -EINVAL with @why (if not NULL) set to a static text,
 * and the core unchanged. Work that the state holds starts with
 * sfab_core_pause(core, false), or with a kick if the core is not paused.
 */
int sfab_core_load(struct sfab_core *core, const struct sfab_state *state,
		   const char **why);

#ifdef __cplusplus
}
#endif
#endif /* SFAB_CORE_H */
