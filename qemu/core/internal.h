/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the core share. From the guest's side inward:
 *
 *	regs.c		BAR 0: decodes accesses, global and VM registers
 *	queue.c		queue registers, doorbells, which queue is next
 *	engine.c	one slice: fetch, check, execute, complete
 *	command.c	what the 64 bytes of a command mean
 *	mmu.c		page table walk, mapping of operands
 *	word.c		loads, stores, atomics
 *	copy.c		moves and fills bytes
 *	reduce.c	arithmetic
 *	poison.c	HBM whose content is lost
 *	segment.c	what is exported and imported
 *	endpoint.h	what stands behind the router, in files of its own
 *	event.c		interrupts, faults, invalidations, delivery to the ops
 *	core.c		create, reset, pause
 *	state.c		save and load
 *
 * Everything in struct sfab_core is protected by @lock, but for what is marked
 * as fixed and for the part of an engine that its worker owns. A worker takes a
 * copy of what it needs (struct sfab_job) when it picks a queue and gives the
 * progress back when its slice is over; @generation of the queue tells whether
 * anybody wants it still. So whoever stops a queue only counts up its
 * generation, and never waits.
 */
#ifndef SFAB_CORE_INTERNAL_H
#define SFAB_CORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "sfab/core.h"
#include "copy.h"
#include "regs.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the sfab core needs a little-endian host"
#endif

/* A slice: bytes moved, and page table entries or rows looked at. */
#define SFAB_SLICE_BYTES	(4u << 20)
#define SFAB_SLICE_LOOKUPS	(64u << 10)
/* ... of sfab_core_help(): some microseconds. */
#define SFAB_BRIEF_BYTES	(4u << 10)
#define SFAB_BRIEF_LOOKUPS	64u
/* Contiguous pieces of one operand in a slice, and how many of them by @map. */
#define SFAB_PLAN_PIECES	256
#define SFAB_PLAN_MAPS		(SFAB_BATCH_MAX / 2)
/* Poisoned granules that are remembered. */
#define SFAB_POISON_MAX		64
/* How long a WAIT sleeps: half of what the spec allows, the host needs the rest. */
#define SFAB_POLL_NS		50000

/* ---- commands (command.c) ---- */

struct sfab_command {
	uint8_t opcode;
	uint8_t flags;
	uint8_t dtype;
	uint8_t op;
	uint32_t reserved;
	uint64_t dst;
	uint64_t src;
	uint64_t len;
	uint64_t arg0;
	uint64_t arg1;
	uint64_t arg2;
	uint64_t timeline;
};

_Static_assert(sizeof(struct sfab_command) == SFAB_CMD_SIZE, "format");

/* A fault without its queue. @cause 0: none. */
struct sfab_fault {
	uint8_t cause;
	uint8_t access;
	uint8_t status;		/* of the fabric */
	uint64_t addr;
};

/* Rights that an operand needs, in the bits of a PTE; and that it is not FABRIC. */
#define SFAB_NEED_READ		SFAB_PTE_READ
#define SFAB_NEED_WRITE		SFAB_PTE_WRITE
#define SFAB_NEED_LOCAL		(1ull << 63)

/* Memory that a command names: @rows of @len bytes, @pitch apart. */
struct sfab_operand {
	uint64_t va;
	uint64_t len;
	uint64_t rows;
	uint64_t pitch;
	uint64_t need;		/* 0: not used */
};

/*
 * The operands in the order in which they are checked. The two sides of a command
 * are worked through together; NOTIFY comes after them.
 */
enum { SFAB_DST, SFAB_SRC, SFAB_NOTIFY, SFAB_OPERANDS };
#define SFAB_SIDES	2

/**
 * sfab_decode() - check the fields of a command and find its operands
 *
 * Returns false with @fault set if the command is malformed. Operands of no
 * length are not used.
 */
bool sfab_decode(const struct sfab_command *cmd,
		 struct sfab_operand operand[SFAB_OPERANDS],
		 struct sfab_fault *fault);

/* Bytes of an operand; at most 2^48 after sfab_decode(). */
static inline uint64_t sfab_operand_size(const struct sfab_operand *o)
{
	return o->len * o->rows;
}

/* ---- MMU (mmu.c) ---- */

/* One contiguous piece of an operand, at a host address. */
struct sfab_piece {
	uint8_t *host;
	uint64_t len;
	uint32_t aperture;
};

/* The part of one operand that a slice works on. */
struct sfab_plan {
	unsigned int pieces;
	unsigned int maps;
	bool write;
	uint64_t bytes;
	struct sfab_piece piece[SFAB_PLAN_PIECES];
};

/* ---- engines (engine.c) ---- */

enum sfab_phase {
	SFAB_PHASE_FETCH,	/* nothing has happened yet */
	SFAB_PHASE_CHECK_DST,	/* translating the whole operand ... */
	SFAB_PHASE_CHECK_SRC,	/* ... @offset bytes are done */
	SFAB_PHASE_CHECK_NOTIFY,
	SFAB_PHASE_EXECUTE,	/* moving bytes, @offset bytes are done */
};

/* The command at the head of a queue, and how far it has come. */
struct sfab_progress {
	enum sfab_phase phase;
	bool remote;		/* an operand is FABRIC: it is transfer.c's */
	uint64_t offset;
	uint64_t deadline;	/* of a WAIT, in TIME; UINT64_MAX: none */
	struct sfab_command cmd;
};

/* What a worker knows of the queue that it serves. */
struct sfab_job {
	unsigned int queue;
	uint32_t generation;
	uint32_t index;		/* Q_HEAD */
	uint64_t slot;		/* bus address of the command */
	uint64_t timeline;	/* bus address */
	uint64_t root;		/* VM_ROOT */
	struct sfab_progress progress;
	struct sfab_fault fault;
	uint64_t poll;		/* a WAIT wants to look again, in TIME */
	uint64_t moved[4];	/* bytes, by aperture */
	unsigned int lookups;	/* what is left of those of a slice */
};

enum sfab_engine_state {
	SFAB_ENGINE_IDLE,	/* its worker sleeps */
	SFAB_ENGINE_POLL,	/* its worker sleeps until a WAIT is due */
	SFAB_ENGINE_AWAKE,	/* its worker calls, or is about to */
};

struct sfab_engine {
	enum sfab_engine_state state;
	bool in_slice;
	unsigned int vm;	/* that the slice uses ... */
	uint64_t inv_count;	/* ... and its invalidations at the start */
	uint32_t inv_value;
	/* Owned by the worker. */
	bool brief;		/* sfab_core_help() */
	struct sfab_job job;
	struct sfab_plan plan[SFAB_SIDES];
};

/* How a slice ended. */
enum sfab_outcome {
	SFAB_AGAIN,		/* the command needs another slice */
	SFAB_SLEEP,		/* it is a WAIT, not satisfied yet */
	SFAB_REMOTE,		/* it is the fabric worker's */
	SFAB_DONE,
	SFAB_FAULT,		/* job->fault */
};

/*
 * A command has been executed: store its timeline value if it has one, unless the
 * queue has been taken away. Without the lock.
 */
enum sfab_outcome sfab_complete(struct sfab_core *core, struct sfab_job *job);

/* The slice is over: give the queue back, and do what had to wait for that. */
void sfab_retire(struct sfab_core *core, struct sfab_engine *engine,
		 enum sfab_outcome outcome);

/* Eight bytes of the pattern of a FILL. */
uint64_t sfab_pattern(const struct sfab_command *cmd);

/* COPY, COPY_2D, FILL, REDUCE: @bytes of what is mapped, from @offset on. */
void sfab_stream(struct sfab_engine *engine, uint64_t offset, uint64_t bytes,
		 bool large);

/* Count @bytes of each side that is mapped. */
void sfab_moved(struct sfab_engine *engine, uint64_t bytes);

/* ---- the device ---- */

/*
 * @inv_count counts the writes to VM_INV, @inv_done_count those that are
 * complete: the values written are the guest's own and need not be ordered.
 */
struct sfab_vm {
	uint64_t root;
	uint32_t root_lo;
	uint32_t inv;
	uint32_t inv_done;
	uint64_t inv_count;
	uint64_t inv_done_count;
};

struct sfab_queue {
	uint64_t base;
	uint64_t timeline;
	uint32_t base_lo;
	uint32_t timeline_lo;
	uint32_t size;
	uint32_t vm;
	uint32_t vector;
	uint32_t policy;
	bool enabled;
	bool busy;		/* an engine is inside */
	bool completing;	/* its timeline value may be out, head is not */
	uint32_t head;
	uint32_t tail;
	uint32_t fault;
	uint32_t fault_index;
	uint64_t fault_addr;
	uint32_t generation;
	uint64_t poll;		/* not before this TIME; 0: not in a WAIT */
	uint64_t completed;	/* the timeline value stored last */
	uint64_t arm;		/* interrupt when it gets there; 0: not armed */
	uint32_t arm_lo;
	bool remote;		/* the command at head is the fabric worker's */
	struct sfab_progress progress;
};

struct sfab_segment {
	uint64_t va;
	uint64_t len;
	uint64_t token;
	uint32_t va_lo, len_lo, token_lo;
	uint32_t vm;
	uint32_t epoch;
	uint32_t ctrl;
};

struct sfab_import {
	uint64_t token;
	uint64_t base;
	uint32_t token_lo, base_lo;
	uint32_t target;
	uint32_t epoch;
	uint64_t serial;	/* no two that became VALID have the same; rising */
	atomic_bool valid;	/* also read without the lock */
};

/* As &sfab_vm.inv, of the segment table. */
struct sfab_seg_inv {
	uint32_t asked;
	uint32_t done;
	bool pending;		/* the request in progress has to end first */
	bool in_request;	/* the target executes one */
};

struct sfab_core {
	/* Fixed at creation. */
	struct sfab_config config;
	const struct sfab_ops *ops;
	void *opaque;

	pthread_mutex_t lock;
	uint64_t time_base;	/* now() when TIME was 0 */
	atomic_bool paused;	/* the fabric worker reads it without the lock */
	bool resetting;
	bool reset_status;	/* INT_STATUS.RESET is due when drained */
	unsigned int turn;	/* the queue that was served last */

	uint32_t ctrl;
	uint32_t scratch;
	uint32_t int_status;
	uint32_t int_enable;
	uint64_t queue_event[2];
	uint64_t queue_fault[2];
	uint64_t counter[SFAB_NUM_COUNTERS];

	atomic_uint poisoned;	/* entries of @poison; read without the lock too */
	uint64_t poison[SFAB_POISON_MAX];

	/* Of a core with ports; NULL without. */
	struct sfab_fabric *fabric;
	struct sfab_endpoint *endpoint;
	struct sfab_segment *segment;
	struct sfab_import *import;
	uint64_t imports;		/* the newest serial */
	struct sfab_seg_inv seg_inv;

	_Atomic uint64_t handed[2];	/* bit q: queue q has a command for transfer.c */

	struct sfab_vm vm[SFAB_MAX_VMS];
	struct sfab_queue queue[SFAB_MAX_QUEUES];
	unsigned int workers;	/* the engines, and after them the fabric worker */
	struct sfab_engine engine[];
};

static inline uint64_t sfab_time(struct sfab_core *core)
{
	return core->ops->now(core->opaque) - core->time_base;
}

/* ---- locking and delivery (event.c) ---- */

/*
 * What must be told to the surroundings once the lock is dropped. Three
 * interrupts at most: a completion or a fault, and an invalidation of a VM or of
 * segments.
 */
struct sfab_out {
	unsigned int irqs;
	unsigned int vector[4];
	unsigned int kicks;	/* bit i: engine i */
	bool fabric_wake;
	bool fabric_reset;
};

static inline void sfab_lock(struct sfab_core *core)
{
	pthread_mutex_lock(&core->lock);
}

static inline void sfab_unlock(struct sfab_core *core)
{
	pthread_mutex_unlock(&core->lock);
}

/* Deliver @out; without the lock. */
void sfab_deliver(struct sfab_core *core, const struct sfab_out *out);

/* Set INT_STATUS @bit, and raise @vector if it is enabled and @edge. */
void sfab_raise(struct sfab_core *core, struct sfab_out *out, uint32_t bit,
		unsigned int vector, bool edge);

/* Halt queue @q with @fault of a command (or doorbell: opcode 0). */
void sfab_halt(struct sfab_core *core, struct sfab_out *out, unsigned int q,
	       const struct sfab_fault *fault, uint8_t opcode);

/* VM @v may have finished an invalidation. */
void sfab_invalidated(struct sfab_core *core, struct sfab_out *out,
		      unsigned int v);

void sfab_guest_error(struct sfab_core *core, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static inline void sfab_event(struct sfab_core *core, enum sfab_event event,
			      unsigned int index, uint64_t a, uint64_t b)
{
	if (core->ops->event)
		core->ops->event(core->opaque, event, index, a, b);
}

/* ---- reset (core.c); with the lock ---- */

void sfab_reset(struct sfab_core *core, struct sfab_out *out,
		enum sfab_reset kind);

/* An engine has left its slice: the reset may be over. */
void sfab_drained(struct sfab_core *core);

/* An engine is inside a slice. */
bool sfab_in_slice(const struct sfab_core *core);

/* ---- registers and queues (regs.c, queue.c); with the lock ---- */

/* What an access covers: a register, or a half of a 64-bit one. */
enum sfab_part { SFAB_ALL, SFAB_LOW, SFAB_HIGH };

/*
 * A write to a part of a 64-bit RW register, whose lower half waits in @lo for
 * the upper one: true if the write takes effect, with the whole in *value.
 */
bool sfab_latch(uint32_t *lo, uint64_t *value, enum sfab_part part);

uint64_t sfab_queue_read(struct sfab_core *core, unsigned int q,
			 unsigned int reg);
void sfab_queue_write(struct sfab_core *core, unsigned int q, unsigned int reg,
		      uint64_t value, enum sfab_part part);
void sfab_doorbell(struct sfab_core *core, struct sfab_out *out, unsigned int q,
		   uint32_t tail);
void sfab_arm(struct sfab_core *core, struct sfab_out *out, unsigned int q,
	      uint64_t value, enum sfab_part part);
/* Tell that the timeline has got on: if it is @asked for, or armed for that. */
void sfab_announce(struct sfab_core *core, struct sfab_out *out, unsigned int q,
		   bool asked);

/* The registers of all queues to their reset values, engines or not. */
void sfab_queues_reset(struct sfab_core *core);

/* The ring, timeline, VM, vector and policy of @q are usable. */
bool sfab_queue_valid(const struct sfab_core *core, const struct sfab_queue *q);

/* Engines that sleep and should not are marked awake and put into @out. */
void sfab_wake(struct sfab_core *core, struct sfab_out *out);

/*
 * Give the next queue that has work to @engine: fills its job, marks both
 * busy. False: there is none; *due is then the TIME of the next poll of a WAIT,
 * or UINT64_MAX.
 */
bool sfab_pick(struct sfab_core *core, struct sfab_engine *engine,
	       uint64_t *due);

enum sfab_entry {
	SFAB_ENTERED,
	SFAB_LATER,		/* the device is paused, or not enabled */
	SFAB_GONE,		/* the queue was stopped */
};

/*
 * Give @q to the fabric worker for a moment, to work on its command at head, until
 * sfab_retire(). @generation: of the queue, or NULL if any will do.
 */
enum sfab_entry sfab_enter(struct sfab_core *core, struct sfab_engine *engine,
			   unsigned int q, const uint32_t *generation);

/* Commands are executed. */
bool sfab_running(const struct sfab_core *core);

/* ---- MMU (mmu.c); without the lock, by the worker ---- */

/*
 * Translate what an operand covers from byte *@offset on, and check the rights;
 * counts job->lookups down. False: job->fault is set. Else *@offset is how far
 * the lookups have reached.
 */
bool sfab_check(struct sfab_core *core, struct sfab_job *job,
		const struct sfab_operand *operand, uint64_t *offset);

/*
 * Translate and map the operands from byte @offset on, at most *@bytes.
 * False: job->fault is set and nothing is mapped. Else *@bytes (not 0) is how
 * much all used operands cover, to be given back by sfab_release(). FABRIC cannot
 * be mapped.
 */
bool sfab_map(struct sfab_core *core, struct sfab_engine *engine,
	      const struct sfab_operand operand[SFAB_SIDES], uint64_t offset,
	      uint64_t *bytes);

/* Where the bytes of an operand from some offset on are. */
struct sfab_place {
	bool remote;
	uint64_t len;		/* so many, all of them local or all remote ... */
	unsigned int import;	/* ... and then of one import and in a row there, ... */
	uint64_t offset;	/* ... from this offset in the import on */
};

/* Translate up to @want bytes of @operand from @offset on. False: job->fault. */
bool sfab_locate(struct sfab_core *core, struct sfab_job *job,
		 const struct sfab_operand *operand, uint64_t offset,
		 uint64_t want, struct sfab_place *place);

/* Unmap; the first @written bytes of each operand have been accessed. */
void sfab_release(struct sfab_core *core, struct sfab_engine *engine,
		  uint64_t accessed);

/* ---- what the device exports and imports (segment.c) ---- */

/* With the lock. */
uint64_t sfab_segment_read(const struct sfab_segment *segment, unsigned int reg);
void sfab_segment_write(struct sfab_core *core, unsigned int n, unsigned int reg,
			uint64_t value, enum sfab_part part);
uint64_t sfab_import_read(const struct sfab_import *import, unsigned int reg);
void sfab_import_write(struct sfab_core *core, unsigned int i, unsigned int reg,
		       uint64_t value, enum sfab_part part);
void sfab_segments_invalidate(struct sfab_core *core, struct sfab_out *out,
			      uint32_t value);
/* No request is in progress that the table admitted before. */
void sfab_segments_invalidated(struct sfab_core *core, struct sfab_out *out);
void sfab_segments_reset(struct sfab_core *core);

/* Whether a FABRIC leaf may name import @i. Without the lock. */
bool sfab_import_valid(const struct sfab_core *core, uint64_t i);

/* ---- the endpoint (endpoint.c) ---- */

/* Of a core with ports. NULL, or what is wrong; to be destroyed in any case. */
const char *sfab_endpoint_create(struct sfab_core *core);
void sfab_endpoint_destroy(struct sfab_core *core);

/* COUNTER[i], i beyond FABRIC_BYTES. */
uint64_t sfab_endpoint_counter(const struct sfab_core *core, unsigned int i);

/* ---- poison (poison.c); without the lock ---- */

static inline bool sfab_any_poison(const struct sfab_core *core)
{
	return atomic_load_explicit(&core->poisoned, memory_order_relaxed);
}

/* The first poisoned byte of @len bytes of HBM at @offset, if there is any. */
bool sfab_poisoned(struct sfab_core *core, uint64_t offset, uint64_t len,
		   uint64_t *at);

/* The device has written these bytes: granules that lie within are whole again. */
void sfab_poison_cleared(struct sfab_core *core, uint64_t offset, uint64_t len);

/* ---- one word (word.c), arithmetic (reduce.c); moving bytes is copy.h ---- */

uint64_t sfab_load(const void *p, unsigned int width);

/* Whoever sees @value sees all that was stored before. */
void sfab_store(void *p, unsigned int width, uint64_t value);

/* The operation of ATOMIC; returns the old value. */
uint64_t sfab_atomic(void *p, unsigned int width, unsigned int op,
		     uint64_t operand, uint64_t comparand);

/* dst[i] = op(dst[i], src[i]); @len is a multiple of the element. */
void sfab_reduce(void *dst, const void *src, uint64_t len, unsigned int dtype,
		 unsigned int op);

/* log2 of the size of a REDUCE element. */
static inline unsigned int sfab_reduce_shift(unsigned int dtype)
{
	return dtype <= SFAB_REDUCE_FP32 ? 2 : 1;
}

#endif /* SFAB_CORE_INTERNAL_H */
