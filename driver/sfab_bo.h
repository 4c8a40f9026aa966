/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buffer objects: memory that a VM can map, of five kinds
 */
#ifndef _SFAB_BO_H_
#define _SFAB_BO_H_

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/scatterlist.h>

#include "sfab_device.h"

/*
 * The device snoops: no mapping ever needs a sync by the CPU.  And the same page
 * may be mapped twice, by two registrations or for two devices.
 */
#define SFAB_DMA_ATTRS	DMA_ATTR_SKIP_CPU_SYNC

/** enum sfab_bo_kind - where the memory of a BO comes from */
enum sfab_bo_kind {
	/** @SFAB_BO_HBM: blocks of this device's HBM */
	SFAB_BO_HBM,
	/** @SFAB_BO_SYSTEM: shmem pages */
	SFAB_BO_SYSTEM,
	/** @SFAB_BO_REGISTERED: pinned pages of a process */
	SFAB_BO_REGISTERED,
	/** @SFAB_BO_IMPORTED: a dma-buf */
	SFAB_BO_IMPORTED,
	/** @SFAB_BO_FABRIC: a segment of another accelerator */
	SFAB_BO_FABRIC,
};

/**
 * struct sfab_import - entry of the hardware's table of imports
 */
struct sfab_import {
	/** @number: of the entry */
	u32 number;
	/** @eid: target */
	u32 eid;
	/** @segment: its number there */
	u32 segment;
	/** @epoch: from the descriptor */
	u32 epoch;
	/** @token: from the descriptor */
	u64 token;
	/** @base: where in the segment the import begins */
	u64 base;
};

/**
 * struct sfab_bo - buffer object
 *
 * Owned by its GEM references: handles, VM mappings, CPU mappings, dma-bufs.
 * All but @dma_live is constant once the BO is visible to others.
 */
struct sfab_bo {
	/** @base: GEM object */
	struct drm_gem_object base;
	/** @kind: decides which of the fields below are used */
	enum sfab_bo_kind kind;
	/** @rights: SFAB_RIGHT_* that a mapping may have */
	u32 rights;
	/** @path: how the device reaches it while @dma_live, see sfab_bo_path() */
	enum sfab_path path;
	/** @link: in sfab_device.bos */
	struct list_head link;

	/** @dma_lock: protects @dma_live; leaf below sfab_vm.lock */
	struct mutex dma_lock;
	/**
	 * @dma_live: the addresses in @sgt (or the HBM) may be put into page
	 * tables.  Becomes false once, when the device or the exporter goes.
	 */
	bool dma_live;

	/** @blocks: HBM */
	struct list_head blocks;
	/** @import: FABRIC */
	struct sfab_import import;
	/** @sgt: DMA addresses; SYSTEM, REGISTERED, IMPORTED */
	struct sg_table *sgt;
	/** @dir: direction that @sgt was mapped for */
	enum dma_data_direction dir;
	/** @pages: SYSTEM */
	struct page **pages;
	/** @pinned: REGISTERED; @sgt points into it */
	struct sg_append_table pinned;
	/** @exported: file of the dma-buf, no reference; see get_file_active() */
	struct file *exported;
	/** @mm: REGISTERED: whose RLIMIT_MEMLOCK is charged */
	struct mm_struct *mm;
};

static inline struct sfab_bo *to_sfab_bo(struct drm_gem_object *obj)
{
	return container_of(obj, struct sfab_bo, base);
}

/** struct sfab_extent - a piece of a BO that is contiguous for the device */
struct sfab_extent {
	/** @addr: HBM offset or bus address */
	u64 addr;
	/** @size: bytes */
	u64 size;
	/** @aperture: SFAB_APERTURE_* of the page table entry */
	u32 aperture;
};

typedef void (*sfab_extent_fn)(const struct sfab_extent *extent, void *arg);

extern const struct drm_gem_object_funcs sfab_gem_funcs;

/* sfab_bo.c */
struct sfab_bo *sfab_bo_alloc(struct sfab_device *sdev, enum sfab_bo_kind kind, size_t size);
void sfab_bo_publish(struct sfab_bo *bo);
int sfab_bo_create_handle(struct sfab_bo *bo, struct drm_file *file, u32 *handle);
void sfab_bo_walk_extents(struct sfab_bo *bo, u64 offset, u64 size,
			  sfab_extent_fn fn, void *arg);
int sfab_bo_map_dma(struct sfab_bo *bo, enum dma_data_direction dir);
enum sfab_path sfab_bo_path(struct sfab_bo *bo);

/* sfab_register.c */
void sfab_register_release(struct sfab_bo *bo);

/* sfab_prime.c */
struct dma_buf *sfab_gem_prime_export(struct drm_gem_object *obj, int flags);
void sfab_prime_unmap(struct sfab_bo *bo);
void sfab_prime_release(struct sfab_bo *bo);
void sfab_prime_evict_importers(struct sfab_bo *bo);

/* sfab_vm.c */
void sfab_vm_zap_bo(struct sfab_bo *bo);

#endif /* _SFAB_BO_H_ */
