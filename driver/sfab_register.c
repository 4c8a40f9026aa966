// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory registration: pins a range of a process and maps it for the device
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include <drm/drm_drv.h>

#include "sfab_bo.h"

/* One page of page pointers: the pages are only listed while they are pinned */
#define SFAB_PIN_BATCH	(PAGE_SIZE / sizeof(struct page *))

static int sfab_register_charge(struct sfab_bo *bo)
{
	unsigned long npages = PHYS_PFN(bo->base.size);
	unsigned long limit = PHYS_PFN(rlimit(RLIMIT_MEMLOCK));
	struct mm_struct *mm = current->mm;
	u64 pinned = atomic64_add_return(npages, &mm->pinned_vm);

	if (pinned > limit && !capable(CAP_IPC_LOCK)) {
		atomic64_sub(npages, &mm->pinned_vm);
		return -ENOMEM;
	}

	/* The count outlives the process if the BO does */
	mmgrab(mm);
	bo->mm = mm;
	return 0;
}

static void sfab_register_uncharge(struct sfab_bo *bo)
{
	atomic64_sub(PHYS_PFN(bo->base.size), &bo->mm->pinned_vm);
	mmdrop(bo->mm);
	bo->mm = NULL;
}

/*
 * Neighbouring pages become one entry of the table, which is all that is kept:
 * a huge page costs 32 bytes.
 */
static int sfab_register_pin(struct sfab_bo *bo, u64 addr)
{
	unsigned int gup_flags = FOLL_LONGTERM;
	unsigned long left = PHYS_PFN(bo->base.size);
	struct page **pages;
	int ret = 0;

	if (bo->rights & SFAB_RIGHT_WRITE)
		gup_flags |= FOLL_WRITE;

	pages = (struct page **)__get_free_page(GFP_KERNEL);
	if (!pages)
		return -ENOMEM;

	while (left) {
		int pinned;

		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		cond_resched();

		pinned = pin_user_pages_fast(addr, min(left, SFAB_PIN_BATCH), gup_flags, pages);
		if (pinned <= 0) {
			ret = pinned ?: -EFAULT;
			break;
		}
		addr += (u64)pinned << PAGE_SHIFT;
		left -= pinned;

		/* What is left is a hint, which is added to in 32 bits */
		ret = sg_alloc_append_table_from_pages(&bo->pinned, pages, pinned, 0,
						       (unsigned long)pinned << PAGE_SHIFT,
						       dma_get_max_seg_size(bo->base.dev->dev),
						       min(left, INT_MAX), GFP_KERNEL_ACCOUNT);
		if (ret) {
			unpin_user_pages(pages, pinned);
			break;
		}
	}

	free_page((unsigned long)pages);
	/* Also after an error: sfab_register_release() unpins what is in it */
	bo->sgt = bo->pinned.sgt.sgl ? &bo->pinned.sgt : NULL;
	return ret;
}

/**
 * sfab_register_release - unpin the pages of a registered BO
 * @bo: BO without DMA mapping
 */
void sfab_register_release(struct sfab_bo *bo)
{
	bool dirty = bo->rights & SFAB_RIGHT_WRITE;
	struct scatterlist *sg;
	int i;

	if (bo->sgt) {
		for_each_sgtable_sg(bo->sgt, sg, i)
			unpin_user_page_range_dirty_lock(sg_page(sg), PHYS_PFN(sg->length), dirty);
		sg_free_append_table(&bo->pinned);
		bo->sgt = NULL;
	}
	if (bo->mm)
		sfab_register_uncharge(bo);
}

int sfab_mem_register_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	const u32 known = SFAB_RIGHT_READ | SFAB_RIGHT_WRITE;
	struct sfab_mem_register *args = data;
	struct sfab_bo *bo;
	int ret, idx;
	u64 end;

	if (args->flags || args->pad)
		return -EINVAL;
	if ((args->rights & ~known) || !(args->rights & SFAB_RIGHT_READ))
		return -EINVAL;
	if (!args->size || !PAGE_ALIGNED(args->size) || !PAGE_ALIGNED(args->addr))
		return -EINVAL;
	if (check_add_overflow(args->addr, args->size, &end))
		return -EINVAL;
	if (!access_ok(u64_to_user_ptr(args->addr), args->size))
		return -EFAULT;

	bo = sfab_bo_alloc(to_sfab(drm), SFAB_BO_REGISTERED, args->size);
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	bo->rights = args->rights;

	ret = sfab_register_charge(bo);
	if (ret)
		goto err_put;
	ret = sfab_register_pin(bo, args->addr);
	if (ret)
		goto err_put;

	ret = -ENODEV;
	if (!drm_dev_enter(drm, &idx))
		goto err_put;
	ret = sfab_bo_map_dma(bo, args->rights & SFAB_RIGHT_WRITE ?
			      DMA_BIDIRECTIONAL : DMA_TO_DEVICE);
	if (!ret)
		sfab_bo_publish(bo);
	drm_dev_exit(idx);
	if (ret)
		goto err_put;

	return sfab_bo_create_handle(bo, file, &args->handle);

err_put:
	drm_gem_object_put(&bo->base);
	return ret;
}
