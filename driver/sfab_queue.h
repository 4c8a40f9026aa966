/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queues: the object (sfab_queue.c), its ring in the hardware (sfab_ring.c)
 * and the jobs of its scheduler (sfab_job.c)
 */
#ifndef _SFAB_QUEUE_H_
#define _SFAB_QUEUE_H_

#include <linux/kref.h>

#include "sfab_device.h"
#include "sfab_regs.h"

/* Entries of a ring: two submissions of the greatest length, just about */
#define SFAB_RING_LOG2		9
#define SFAB_RING_ENTRIES	BIT(SFAB_RING_LOG2)
/*
 * A timeline value may be seen a little before Q_HEAD counts its command, so
 * one entry is never used: else the doorbell could run too far ahead.
 */
#define SFAB_RING_ROOM		(SFAB_RING_ENTRIES - 1)
/* A submission has at least one command */
#define SFAB_RING_SPANS		SFAB_RING_ENTRIES

/**
 * struct sfab_span - where in the ring a submission is
 * @start: index of its first command, counted like Q_HEAD
 * @end: index after its last
 */
struct sfab_span {
	u32 start;
	u32 end;
};

/**
 * struct sfab_queue - a hardware queue and what is in it
 *
 * References: the file (or kctx) that created it, jobs, and whoever works with
 * it.  The hardware, the ring and the VM are let go of when the owner's goes.
 */
struct sfab_queue {
	/** @refs: references */
	struct kref refs;
	/** @rcu: for lookups in interrupts */
	struct rcu_head rcu;
	/** @release_work: a scheduler cannot be freed from its own work */
	struct work_struct release_work;
	/** @sdev: device, referenced */
	struct sfab_device *sdev;
	/** @vm: VM, referenced and in use; the owner's */
	struct sfab_vm *vm;
	/** @id: the user's id */
	u32 id;
	/** @hw_id: the hardware's id */
	u32 hw_id;
	/** @vm_hw_id: the VM's */
	u32 vm_hw_id;
	/** @policy: Q_POLICY */
	u32 policy;
	/** @kernel: of the kernel; started again after a device reset */
	bool kernel;
	/** @scheduled: jobs come from @sched; else straight from the ioctl */
	bool scheduled;
	/** @quiet: it interrupts only for who has armed it */
	bool quiet;

	/** @lock: protects @hw_live and @sfile; held while the hardware changes */
	struct mutex lock;
	/** @hw_live: the hardware may read the ring or write the timeline */
	bool hw_live;
	/** @sfile: who gets events; NULL once nobody */
	struct sfab_file *sfile;

	/**
	 * @submit_lock: makes the order of seqnos that of the jobs, and lets only
	 * one stop @sched; outside of the reset_lock, no allocations either
	 */
	struct mutex submit_lock;
	/** @sched: scheduler of this queue alone */
	struct drm_gpu_scheduler sched;
	/** @entity: the one entity of @sched */
	struct drm_sched_entity entity;
	/** @fence_context: of the fences of jobs */
	u64 fence_context;

	/** @ring_lock: protects what is below; taken in interrupts */
	spinlock_t ring_lock;
	/** @state: as QUEUE_QUERY tells it */
	enum sfab_queue_state state;
	/** @error: not 0: no more work; what submit and waiters get */
	int error;
	/** @fault: for SFAB_QUEUE_FAULTED */
	struct sfab_fault fault;
	/** @fabric_status: for SFAB_FAULT_FABRIC */
	u32 fabric_status;
	/** @fabric_eid: likewise; 0: not known */
	u32 fabric_eid;
	/** @epoch: how often the hardware was started */
	u32 epoch;
	/** @ring: SFAB_RING_ENTRIES commands; NULL when stopped for good */
	struct sfab_ring_entry *ring;
	/** @ring_dma: bus address */
	dma_addr_t ring_dma;
	/** @timeline: where the hardware stores the seqno completed; as @ring */
	__le64 *timeline;
	/** @timeline_dma: bus address */
	dma_addr_t timeline_dma;
	/** @tail: next index to write */
	u32 tail;
	/** @submitted: newest seqno given to a submission */
	u64 submitted;
	/** @written: newest seqno written to the ring */
	u64 written;
	/** @completed: newest seqno seen to be completed */
	u64 completed;
	/** @armed: oldest seqno that an interrupt was asked for; 0: none */
	u64 armed;
	/** @spans: of seqnos @completed + 1 to @written, by seqno modulo size */
	struct sfab_span spans[SFAB_RING_SPANS];
	/** @fences: of unfinished jobs, struct sfab_fence.link, in order */
	struct list_head fences;
	/** @busy_since: when the ring last became non-empty */
	ktime_t busy_since;
	/** @busy_ns: time that the ring was not empty until then */
	u64 busy_ns;

	/** @wait: woken when @completed, @error or @epoch change */
	wait_queue_head_t wait;
};

/* sfab_queue.c */
struct sfab_queue *sfab_queue_get(struct sfab_queue *queue);
void sfab_queue_put(struct sfab_queue *queue);
struct sfab_queue *sfab_queue_lookup(struct xarray *queues, u32 id);

/* sfab_ring.c */
int sfab_ring_alloc(struct sfab_queue *queue);
void sfab_ring_free(struct sfab_queue *queue);
int sfab_ring_start(struct sfab_queue *queue);
int sfab_ring_write(struct sfab_queue *queue, u64 seqno,
		    const struct sfab_command *cmds, u32 count);
void sfab_ring_arm(struct sfab_queue *queue, u64 seqno);
void sfab_ring_process(struct sfab_queue *queue);
bool sfab_ring_close(struct sfab_queue *queue, enum sfab_queue_state state, int error);
void sfab_ring_settle(struct sfab_queue *queue);
int sfab_ring_stop(struct sfab_queue *queue, enum sfab_queue_state state, int error);
void sfab_ring_restart(struct sfab_queue *queue);
void sfab_ring_fault(struct sfab_queue *queue);
u64 sfab_ring_busy_ns(struct sfab_queue *queue);

/* sfab_job.c */
extern const struct drm_sched_backend_ops sfab_job_ops;

#endif /* _SFAB_QUEUE_H_ */
