// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffer objects: creation, CPU mapping, lifetime
 */
#include <linux/bitfield.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>
#include <drm/drm_vma_manager.h>

#include "sfab_fabric.h"

static enum sfab_path sfab_bo_default_path(enum sfab_bo_kind kind)
{
	switch (kind) {
	case SFAB_BO_HBM:
		return SFAB_PATH_LOCAL;
	case SFAB_BO_FABRIC:
		return SFAB_PATH_FABRIC;
	default:
		return SFAB_PATH_SYSTEM;
	}
}

/**
 * sfab_bo_alloc - allocate an empty BO
 * @sdev: device
 * @kind: kind; the caller fills in what belongs to it
 * @size: bytes, a multiple of the page size
 *
 * Returns a BO with one reference, or an ERR_PTR.  Dropping the reference frees
 * whatever was filled in.
 */
struct sfab_bo *sfab_bo_alloc(struct sfab_device *sdev, enum sfab_bo_kind kind, size_t size)
{
	struct sfab_bo *bo;
	int ret;

	bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);
	if (!bo)
		return ERR_PTR(-ENOMEM);

	bo->kind = kind;
	bo->rights = SFAB_RIGHT_READ | SFAB_RIGHT_WRITE;
	bo->path = sfab_bo_default_path(kind);
	bo->dir = DMA_BIDIRECTIONAL;
	mutex_init(&bo->dma_lock);
	INIT_LIST_HEAD(&bo->link);
	INIT_LIST_HEAD(&bo->blocks);
	bo->base.funcs = &sfab_gem_funcs;

	if (kind == SFAB_BO_SYSTEM) {
		ret = drm_gem_object_init(&sdev->drm, &bo->base, size);
		if (ret) {
			mutex_destroy(&bo->dma_lock);
			kfree(bo);
			/* What shmem says when it gets no inode; here it would mean HBM */
			return ERR_PTR(ret == -ENOSPC ? -ENOMEM : ret);
		}
	} else {
		drm_gem_private_object_init(&sdev->drm, &bo->base, size);
	}
	return bo;
}

/**
 * sfab_bo_publish - put a BO on the device's books
 * @bo: BO, complete
 *
 * In the same drm_dev_enter() section as its DMA mapping, so that the removal
 * of the device sees it.
 */
void sfab_bo_publish(struct sfab_bo *bo)
{
	struct sfab_device *sdev = to_sfab(bo->base.dev);

	if (bo->kind == SFAB_BO_SYSTEM)
		atomic64_add(bo->base.size, &sdev->system_bytes);
	else if (bo->kind == SFAB_BO_REGISTERED)
		atomic64_add(bo->base.size, &sdev->registered_bytes);

	mutex_lock(&sdev->bos_lock);
	list_add_tail(&bo->link, &sdev->bos);
	mutex_unlock(&sdev->bos_lock);
}

static void sfab_bo_unpublish(struct sfab_bo *bo)
{
	struct sfab_device *sdev = to_sfab(bo->base.dev);

	mutex_lock(&sdev->bos_lock);
	list_del(&bo->link);
	mutex_unlock(&sdev->bos_lock);

	if (bo->kind == SFAB_BO_SYSTEM)
		atomic64_sub(bo->base.size, &sdev->system_bytes);
	else if (bo->kind == SFAB_BO_REGISTERED)
		atomic64_sub(bo->base.size, &sdev->registered_bytes);
}

/**
 * sfab_bo_create_handle - hand a new BO over to user space
 * @bo: BO; the reference is consumed
 * @file: who gets it
 * @handle: out
 */
int sfab_bo_create_handle(struct sfab_bo *bo, struct drm_file *file, u32 *handle)
{
	int ret = drm_gem_handle_create(file, &bo->base, handle);

	drm_gem_object_put(&bo->base);
	return ret;
}

/**
 * sfab_bo_map_dma - map the pages of @bo's sgt for its device
 * @bo: SYSTEM or REGISTERED BO with an sgt
 * @dir: direction
 */
int sfab_bo_map_dma(struct sfab_bo *bo, enum dma_data_direction dir)
{
	int ret;

	ret = dma_map_sgtable(bo->base.dev->dev, bo->sgt, dir, SFAB_DMA_ATTRS);
	if (ret)
		return ret;
	bo->dir = dir;
	bo->dma_live = true;	/* nobody else sees the BO yet */
	return 0;
}

static void sfab_bo_unmap_dma(struct sfab_bo *bo)
{
	if (bo->kind == SFAB_BO_IMPORTED)
		sfab_prime_unmap(bo);
	else if (bo->sgt)
		dma_unmap_sgtable(bo->base.dev->dev, bo->sgt, bo->dir, SFAB_DMA_ATTRS);
}

/*
 * The one who turns dma_live off ends the DMA mapping: either the last
 * reference or the removal of the device.
 */
static bool sfab_bo_end_dma(struct sfab_bo *bo)
{
	bool was;

	mutex_lock(&bo->dma_lock);
	was = bo->dma_live;
	bo->dma_live = false;
	mutex_unlock(&bo->dma_lock);
	return was;
}

/**
 * sfab_bo_path - how the device reaches a BO now
 * @bo: BO
 *
 * Return: SFAB_PATH_NONE also for a peer's HBM whose device has gone.
 */
enum sfab_path sfab_bo_path(struct sfab_bo *bo)
{
	enum sfab_path path;

	mutex_lock(&bo->dma_lock);
	path = bo->dma_live ? bo->path : SFAB_PATH_NONE;
	mutex_unlock(&bo->dma_lock);
	return path;
}

static void sfab_gem_free(struct drm_gem_object *obj)
{
	struct sfab_bo *bo = to_sfab_bo(obj);
	struct sfab_device *sdev = to_sfab(obj->dev);

	/* Off the list last: sfab_bo_release_all() waits for that */
	if (sfab_bo_end_dma(bo))
		sfab_bo_unmap_dma(bo);
	if (!list_empty(&bo->link))
		sfab_bo_unpublish(bo);

	switch (bo->kind) {
	case SFAB_BO_HBM:
		if (!list_empty(&bo->blocks))
			sfab_hbm_free(sdev, &bo->blocks);
		break;
	case SFAB_BO_SYSTEM:
		if (bo->sgt) {
			sg_free_table(bo->sgt);
			kfree(bo->sgt);
		}
		if (bo->pages)
			drm_gem_put_pages(obj, bo->pages, true, true);
		break;
	case SFAB_BO_REGISTERED:
		sfab_register_release(bo);
		break;
	case SFAB_BO_IMPORTED:
		sfab_prime_release(bo);
		break;
	case SFAB_BO_FABRIC:
		sfab_import_release(bo);
		break;
	}

	drm_gem_object_release(obj);
	mutex_destroy(&bo->dma_lock);
	kfree(bo);
}

/* How much one fault maps at the most */
#define SFAB_FAULT_AROUND	SZ_2M

static vm_fault_t sfab_gem_insert(struct vm_fault *vmf, struct sfab_bo *bo)
{
	struct vm_area_struct *vma = vmf->vma;
	struct sfab_hbm *hbm = &to_sfab(bo->base.dev)->hbm;
	u64 want = (u64)(vmf->pgoff - drm_vma_node_start(&bo->base.vma_node)) << PAGE_SHIFT;
	unsigned long addr = vmf->address;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	struct drm_buddy_block *block;
	u64 start = 0, left;

	left = min_t(u64, ALIGN(addr + 1, SFAB_FAULT_AROUND), vma->vm_end) - addr;
	list_for_each_entry(block, &bo->blocks, link) {
		u64 size = drm_buddy_block_size(&hbm->mm, block);

		for (; left && want < start + size; want += PAGE_SIZE) {
			u64 phys = hbm->bar_phys + drm_buddy_block_offset(block) + want - start;

			ret = vmf_insert_pfn(vma, addr, PHYS_PFN(phys));
			if (ret != VM_FAULT_NOPAGE)
				return ret;
			addr += PAGE_SIZE;
			left -= PAGE_SIZE;
		}
		start += size;
	}
	return ret;
}

/* HBM only: system memory is mapped as a whole, and faults only after an unplug */
static vm_fault_t sfab_gem_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	struct sfab_bo *bo = to_sfab_bo(obj);
	vm_fault_t ret;
	int idx;

	if (bo->kind != SFAB_BO_HBM || !drm_dev_enter(obj->dev, &idx))
		return VM_FAULT_SIGBUS;

	ret = sfab_gem_insert(vmf, bo);
	drm_dev_exit(idx);
	return ret;
}

/* drm_dev_unplug() zaps the mapping; the next access is a SIGBUS */
static int sfab_gem_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct sfab_bo *bo = to_sfab_bo(obj);
	int ret = 0, idx;

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_pgoff != drm_vma_node_start(&obj->vma_node))
		return -EINVAL;
	if (vma->vm_end - vma->vm_start > obj->size)
		return -EINVAL;

	if (!drm_dev_enter(obj->dev, &idx))
		return -ENODEV;

	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	switch (bo->kind) {
	case SFAB_BO_HBM:
		vm_flags_set(vma, VM_IO | VM_PFNMAP);
		vma->vm_page_prot = pgprot_writecombine(vm_get_page_prot(vma->vm_flags));
		break;
	case SFAB_BO_SYSTEM:
		ret = vm_map_pages_zero(vma, bo->pages, PHYS_PFN(obj->size));
		break;
	default:
		ret = -EOPNOTSUPP;
		break;
	}
	drm_dev_exit(idx);
	return ret;
}

static const struct vm_operations_struct sfab_gem_vm_ops = {
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
	.fault = sfab_gem_fault,
};

static enum drm_gem_object_status sfab_gem_status(struct drm_gem_object *obj)
{
	return DRM_GEM_OBJECT_RESIDENT;
}

const struct drm_gem_object_funcs sfab_gem_funcs = {
	.free = sfab_gem_free,
	.export = sfab_gem_prime_export,
	.mmap = sfab_gem_mmap,
	.status = sfab_gem_status,
	.vm_ops = &sfab_gem_vm_ops,
};

static int sfab_bo_fill_hbm(struct sfab_bo *bo)
{
	struct sfab_device *sdev = to_sfab(bo->base.dev);
	int ret;

	/* Or it is only that they could not be cleared when they were allocated */
	if (list_empty(&bo->blocks)) {
		ret = sfab_hbm_alloc(sdev, bo->base.size, &bo->blocks);
		if (ret)
			return ret;
	}
	bo->dma_live = true;	/* nobody else sees the BO yet */
	return sfab_kctx_clear(sdev, &bo->blocks);
}

static int sfab_bo_fill_system(struct sfab_bo *bo)
{
	struct page **pages;
	struct sg_table *sgt;

	pages = drm_gem_get_pages(&bo->base);
	if (IS_ERR(pages))
		return PTR_ERR(pages);
	bo->pages = pages;

	sgt = drm_prime_pages_to_sg(bo->base.dev, pages, PHYS_PFN(bo->base.size));
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	bo->sgt = sgt;

	return sfab_bo_map_dma(bo, DMA_BIDIRECTIONAL);
}

static int sfab_bo_complete(struct sfab_bo *bo)
{
	struct drm_device *drm = bo->base.dev;
	int ret, idx;

	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	ret = bo->kind == SFAB_BO_HBM ? sfab_bo_fill_hbm(bo) : sfab_bo_fill_system(bo);
	if (!ret)
		sfab_bo_publish(bo);
	drm_dev_exit(idx);
	return ret;
}

int sfab_bo_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_device *sdev = to_sfab(drm);
	struct sfab_bo_create *args = data;
	struct sfab_bo *bo;
	int ret;

	if (args->flags || args->pad)
		return -EINVAL;
	if (!args->size || !IS_ALIGNED(args->size, SZ_4K))
		return -EINVAL;
	if (args->region != SFAB_REGION_HBM && args->region != SFAB_REGION_SYSTEM)
		return -EINVAL;

	if (args->region == SFAB_REGION_HBM && args->size > sdev->hbm.size)
		return -ENOSPC;
	/* Without this, shmem would first try to reclaim the whole machine */
	if (args->region == SFAB_REGION_SYSTEM && PHYS_PFN(args->size) > totalram_pages())
		return -ENOMEM;

	bo = sfab_bo_alloc(sdev, args->region == SFAB_REGION_HBM ?
			   SFAB_BO_HBM : SFAB_BO_SYSTEM, args->size);
	if (IS_ERR(bo))
		return PTR_ERR(bo);

	ret = sfab_bo_complete(bo);
	if (ret == -EIO && bo->kind == SFAB_BO_HBM) {
		/*
		 * By a device reset in between, after which HBM can be cleared, or not at all any
		 * more.  Not within sfab_bo_complete(): before the reset there may be work that
		 * waits for the removal of the device.
		 */
		flush_work(&sdev->reset_work);
		ret = sfab_bo_complete(bo);
	}
	if (ret) {
		drm_gem_object_put(&bo->base);
		return ret == -ETIMEDOUT ? -EIO : ret;
	}
	return sfab_bo_create_handle(bo, file, &args->handle);
}

int sfab_bo_mmap_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_bo_mmap *args = data;
	struct drm_gem_object *obj;
	struct sfab_bo *bo;
	int ret;

	if (args->flags)
		return -EINVAL;

	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;

	bo = to_sfab_bo(obj);
	if (bo->kind != SFAB_BO_HBM && bo->kind != SFAB_BO_SYSTEM) {
		ret = -EOPNOTSUPP;
		goto out_put;
	}

	ret = drm_gem_create_mmap_offset(obj);
	if (!ret)
		args->offset = drm_vma_node_offset_addr(&obj->vma_node);
out_put:
	drm_gem_object_put(obj);
	return ret;
}

int sfab_bo_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_bo_query *args = data;
	struct drm_gem_object *obj;
	struct sfab_bo *bo;

	if (args->flags)
		return -EINVAL;

	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;

	bo = to_sfab_bo(obj);
	args->size = obj->size;
	args->path = sfab_bo_path(bo);
	args->rights = bo->rights;
	drm_gem_object_put(obj);
	return 0;
}

/* Clips [start, start + size) to the wanted range and calls @fn for the rest */
static void sfab_bo_clip(u64 addr, u64 start, u64 size, u64 offset, u64 end,
			 u32 aperture, sfab_extent_fn fn, void *arg)
{
	u64 from = max(start, offset);
	u64 to = min(start + size, end);
	struct sfab_extent extent = {
		.addr = addr + (from - start),
		.size = to - from,
		.aperture = aperture,
	};

	if (from < to)
		fn(&extent, arg);
}

/**
 * sfab_bo_walk_extents - walk the contiguous pieces of a range of a BO
 * @bo: BO, DMA live
 * @offset: start
 * @size: bytes; the range is within the BO
 * @fn: called for each piece, in order
 * @arg: passed to @fn
 */
void sfab_bo_walk_extents(struct sfab_bo *bo, u64 offset, u64 size,
			  sfab_extent_fn fn, void *arg)
{
	struct sfab_hbm *hbm = &to_sfab(bo->base.dev)->hbm;
	u32 aperture = bo->path == SFAB_PATH_PEER ? SFAB_APERTURE_PEER : SFAB_APERTURE_SYSTEM;
	struct drm_buddy_block *block;
	struct scatterlist *sg;
	u64 start = 0;
	int i;

	if (bo->kind == SFAB_BO_FABRIC) {
		/* The pages of an import are numbered like addresses */
		sfab_bo_clip(FIELD_PREP(SFAB_FABRIC_IMPORT, bo->import.number), 0, bo->base.size,
			     offset, offset + size, SFAB_APERTURE_FABRIC, fn, arg);
		return;
	}

	if (bo->kind == SFAB_BO_HBM) {
		list_for_each_entry(block, &bo->blocks, link) {
			u64 len = drm_buddy_block_size(&hbm->mm, block);

			sfab_bo_clip(drm_buddy_block_offset(block), start, len, offset,
				     offset + size, SFAB_APERTURE_HBM, fn, arg);
			start += len;
		}
		return;
	}

	for_each_sgtable_dma_sg(bo->sgt, sg, i) {
		sfab_bo_clip(sg_dma_address(sg), start, sg_dma_len(sg), offset,
			     offset + size, aperture, fn, arg);
		start += sg_dma_len(sg);
	}
}

static void sfab_bo_release_one(struct sfab_bo *bo)
{
	if (bo->kind == SFAB_BO_HBM)
		sfab_prime_evict_importers(bo);
	if (sfab_bo_end_dma(bo))
		sfab_bo_unmap_dma(bo);
}

/* Returns false if a BO was just being freed: its DMA mapping may be there yet */
static bool sfab_bo_release_pass(struct sfab_device *sdev)
{
	struct sfab_bo *bo, *last = NULL;
	bool done = true;

	/* A BO that we hold stays on the list while the lock is dropped */
	mutex_lock(&sdev->bos_lock);
	list_for_each_entry(bo, &sdev->bos, link) {
		if (!kref_get_unless_zero(&bo->base.refcount)) {
			done = false;
			continue;
		}
		mutex_unlock(&sdev->bos_lock);
		if (last)
			drm_gem_object_put(&last->base);
		last = bo;
		sfab_bo_release_one(bo);
		mutex_lock(&sdev->bos_lock);
	}
	mutex_unlock(&sdev->bos_lock);
	if (last)
		drm_gem_object_put(&last->base);
	return done;
}

/**
 * sfab_bo_release_all - end every DMA mapping of a device that is going
 * @sdev: device, unplugged and quiet
 *
 * The BOs stay as long as somebody refers to them, without DMA.  None is added
 * any more: sfab_bo_publish() is behind drm_dev_enter().
 */
void sfab_bo_release_all(struct sfab_device *sdev)
{
	/* A BO leaves the list when it is freed, after its DMA mapping has ended */
	while (!sfab_bo_release_pass(sdev))
		schedule_timeout_uninterruptible(1);
}
