/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address spaces: what sfab_vm.c and sfab_bind.c share
 */
#ifndef _SFAB_VM_H_
#define _SFAB_VM_H_

#include <drm/drm_gpuvm.h>

#include "sfab_mmu.h"

/**
 * struct sfab_vm - one address space of the device
 *
 * Lives as long as its references (&drm_gpuvm.kref); works until sfab_vm_kill().
 */
struct sfab_vm {
	/** @base: the tree of mappings */
	struct drm_gpuvm base;
	/** @sdev: device */
	struct sfab_device *sdev;
	/** @hw_id: number of the hardware's address space */
	u32 hw_id;
	/** @long_running: SFAB_VM_LONG_RUNNING */
	bool long_running;
	/** @users: queues; negative: being destroyed */
	atomic_t users;

	/** @lock: protects the tree, the page table and the fields below */
	struct mutex lock;
	/** @mmu: page table */
	struct sfab_mmu mmu;
	/** @inv_seq: last sequence number written to VM_INV */
	u32 inv_seq;
	/** @lost: the page table misses a change and is not used again */
	bool lost;

	/** @bind_lock: orders the fences as the work; protects the fields below */
	struct mutex bind_lock;
	/** @dead: no further work is accepted, what is queued is cancelled */
	bool dead;
	/** @wq: VM_BINDs, one after the other */
	struct workqueue_struct *wq;
	/** @fence_context: of the fences of VM_BINDs */
	u64 fence_context;
	/** @fence_seqno: last one used */
	u64 fence_seqno;
	/** @bind_finished: the last one whose work has let go of everything */
	u64 bind_finished;
	/** @bind_wait: woken when @bind_finished changes */
	wait_queue_head_t bind_wait;
};

/**
 * struct sfab_mapping - a mapped range; holds a reference to its BO
 */
struct sfab_mapping {
	/** @base: in the tree */
	struct drm_gpuva base;
	/** @rights: SFAB_RIGHT_* */
	u32 rights;
	/** @link: in a list while not in the tree */
	struct list_head link;
};

extern const struct drm_gpuvm_ops sfab_gpuvm_ops;

struct sfab_vm *sfab_vm_create(struct sfab_device *sdev, bool long_running);
void sfab_vm_kill(struct sfab_vm *vm);
int sfab_vm_hw_get(struct sfab_vm *vm, int *idx);
void sfab_vm_invalidate(struct sfab_vm *vm);
void sfab_mappings_free(struct list_head *mappings);

/* For the kernel's own VMs */
int sfab_vm_map_bo(struct sfab_vm *vm, struct sfab_bo *bo, u64 offset, u64 va, u64 size,
		   u32 rights);
int sfab_vm_map_extent(struct sfab_vm *vm, const struct sfab_extent *extent, u64 va);
void sfab_vm_unmap_extent(struct sfab_vm *vm, u64 va, u64 size);

/* sfab_bind.c */
int sfab_vm_step_map(struct drm_gpuva_op *op, void *priv);
int sfab_vm_step_remap(struct drm_gpuva_op *op, void *priv);
int sfab_vm_step_unmap(struct drm_gpuva_op *op, void *priv);

#endif /* _SFAB_VM_H_ */
