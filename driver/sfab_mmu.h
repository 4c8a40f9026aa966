/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables of one VM
 */
#ifndef _SFAB_MMU_H_
#define _SFAB_MMU_H_

#include "sfab_bo.h"

struct sfab_table;

/**
 * struct sfab_mmu - the four-level page table of a VM
 *
 * No locking of its own: whoever calls holds sfab_vm.lock.
 */
struct sfab_mmu {
	/** @sdev: device whose HBM holds the tables */
	struct sfab_device *sdev;
	/** @root: level 3 table */
	struct sfab_table *root;
};

/**
 * struct sfab_tables - page tables in reserve for, and left over from, a change
 *
 * A change takes empty tables from @leaves and @nodes, so that it cannot fail.
 * It puts tables that it emptied on @retired: the device may still walk them,
 * so they are freed, never reused, after an invalidation.
 */
struct sfab_tables {
	/** @leaves: level 0 tables */
	struct list_head leaves;
	/** @nodes: tables of the levels above */
	struct list_head nodes;
	/** @retired: tables that are no longer linked */
	struct list_head retired;
};

int sfab_mmu_init(struct sfab_mmu *mmu, struct sfab_device *sdev);
void sfab_mmu_fini(struct sfab_mmu *mmu);
void sfab_mmu_clear_root(struct sfab_mmu *mmu);
u64 sfab_mmu_root_offset(const struct sfab_mmu *mmu);

void sfab_tables_init(struct sfab_tables *tables);
int sfab_tables_reserve_map(struct sfab_device *sdev, struct sfab_tables *tables,
			    struct sfab_bo *bo, u64 offset, u64 va, u64 size);
int sfab_tables_reserve_extent(struct sfab_device *sdev, struct sfab_tables *tables,
			       const struct sfab_extent *extent, u64 va);
int sfab_tables_reserve_unmap(struct sfab_device *sdev, struct sfab_tables *tables);
void sfab_tables_free(struct sfab_device *sdev, struct sfab_tables *tables);

void sfab_mmu_map(struct sfab_mmu *mmu, struct sfab_tables *tables, struct sfab_bo *bo,
		  u64 offset, u64 va, u64 size, u32 rights);
void sfab_mmu_map_extent(struct sfab_mmu *mmu, struct sfab_tables *tables,
			 const struct sfab_extent *extent, u64 va, u32 rights);
void sfab_mmu_unmap(struct sfab_mmu *mmu, struct sfab_tables *tables, u64 va, u64 size);
void sfab_mmu_flush(struct sfab_mmu *mmu);

#endif /* _SFAB_MMU_H_ */
