// SPDX-License-Identifier: GPL-2.0-only
/*
 * HBM allocator: a buddy allocator over the device's memory
 */
#include <linux/io.h>

#include <drm/drm_managed.h>

#include "sfab_device.h"

#define SFAB_HBM_BAR	2

static void sfab_hbm_release(struct drm_device *drm, void *res)
{
	struct sfab_hbm *hbm = res;

	drm_WARN_ON(drm, hbm->used);
	drm_buddy_fini(&hbm->mm);
}

/*
 * The allocator lives as long as the DRM device, not as long as the PCI
 * device is bound: BOs that outlive an unplug free their blocks into it.
 */
int sfab_hbm_init(struct sfab_device *sdev)
{
	struct sfab_hbm *hbm = &sdev->hbm;
	int ret;

	if (pci_resource_len(sdev->pdev, SFAB_HBM_BAR) < hbm->size) {
		drm_err(&sdev->drm, "BAR %d has %llu bytes, HBM %llu\n", SFAB_HBM_BAR,
			(u64)pci_resource_len(sdev->pdev, SFAB_HBM_BAR), hbm->size);
		return -ENODEV;
	}

	hbm->bar_phys = pci_resource_start(sdev->pdev, SFAB_HBM_BAR);
	/* User space maps single pages: the type of the whole BAR is settled here */
	ret = devm_arch_io_reserve_memtype_wc(&sdev->pdev->dev, hbm->bar_phys, hbm->size);
	if (ret)
		return ret;
	hbm->bar = devm_ioremap_wc(&sdev->pdev->dev, hbm->bar_phys, hbm->size);
	if (!hbm->bar)
		return -ENOMEM;

	ret = drmm_mutex_init(&sdev->drm, &hbm->lock);
	if (ret)
		return ret;

	ret = drm_buddy_init(&hbm->mm, hbm->size, SZ_4K);
	if (ret)
		return ret;

	return drmm_add_action_or_reset(&sdev->drm, sfab_hbm_release, hbm);
}

/**
 * sfab_hbm_alloc - allocate HBM
 * @sdev: device
 * @size: bytes, a multiple of 4 KiB
 * @blocks: out: list of struct drm_buddy_block, in the order of the memory
 *
 * The content is undefined.  Returns -ENOSPC if there is not enough.
 */
int sfab_hbm_alloc(struct sfab_device *sdev, u64 size, struct list_head *blocks)
{
	struct sfab_hbm *hbm = &sdev->hbm;
	int ret;

	INIT_LIST_HEAD(blocks);
	if (size > hbm->size)
		return -ENOSPC;

	mutex_lock(&hbm->lock);
	ret = drm_buddy_alloc_blocks(&hbm->mm, 0, hbm->size, size, SZ_4K, blocks, 0);
	if (!ret)
		hbm->used += size;
	mutex_unlock(&hbm->lock);
	return ret;
}

/**
 * sfab_hbm_free - give back what sfab_hbm_alloc() gave
 * @sdev: device
 * @blocks: list; empty afterwards
 *
 * The device must not be able to reach the blocks any more.
 */
void sfab_hbm_free(struct sfab_device *sdev, struct list_head *blocks)
{
	struct sfab_hbm *hbm = &sdev->hbm;
	struct drm_buddy_block *block;

	mutex_lock(&hbm->lock);
	list_for_each_entry(block, blocks, link)
		hbm->used -= drm_buddy_block_size(&hbm->mm, block);
	drm_buddy_free_list(&hbm->mm, blocks, 0);
	mutex_unlock(&hbm->lock);
}
