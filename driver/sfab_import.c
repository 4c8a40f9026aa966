// SPDX-License-Identifier: GPL-2.0-only
/*
 * Imports: segments of other accelerators as BOs
 *
 * The BO owns an entry of the hardware's table of imports; its mappings name the entry.
 * It is freed after the last mapping, and so after the invalidation that ended it.
 */
#include <linux/bitfield.h>
#include <linux/io.h>

#include <drm/drm_drv.h>

#include "sfab_fabric.h"
#include "sfab_trace.h"
#include "sfab_vm.h"

/* No entry yet */
#define SFAB_IMPORT_NONE	U32_MAX

static void __iomem *sfab_import_regs(const struct sfab_fabric *fabric, u32 number)
{
	return fabric->sdev->regs + SFAB_I_BLOCK(number);
}

static void sfab_import_write(struct sfab_fabric *fabric, const struct sfab_import *import)
{
	void __iomem *regs = sfab_import_regs(fabric, import->number);

	writeq(import->token, regs + SFAB_I_TOKEN);
	writeq(import->base, regs + SFAB_I_BASE);
	writel(FIELD_PREP(SFAB_I_TARGET_EID, import->eid) |
	       FIELD_PREP(SFAB_I_TARGET_SEGMENT, import->segment), regs + SFAB_I_TARGET);
	writel(import->epoch, regs + SFAB_I_EPOCH);
	writel(SFAB_I_CTRL_VALID, regs + SFAB_I_CTRL);
}

/**
 * sfab_import_release - free the entry of an imported segment
 * @bo: BO without mappings
 */
void sfab_import_release(struct sfab_bo *bo)
{
	struct sfab_device *sdev = to_sfab(bo->base.dev);
	struct sfab_fabric *fabric = sdev->fabric;
	u32 number = bo->import.number;
	int idx;

	if (number == SFAB_IMPORT_NONE)
		return;

	/* Keeps the entry, but no reset brings it back from here on */
	xa_store(&fabric->imports, number, NULL, GFP_NOWAIT);
	if (!sfab_hw_get(sdev, &idx)) {
		writel(0, sfab_import_regs(fabric, number) + SFAB_I_CTRL);
		sfab_hw_put(sdev, idx);
	}
	xa_erase(&fabric->imports, number);
	trace_sfab_import(sdev, "release", number, bo->import.eid, bo->import.segment);
}

/**
 * sfab_import_restore - tell the hardware its imports after a reset
 * @fabric: fabric; reset_lock is held for writing
 */
void sfab_import_restore(struct sfab_fabric *fabric)
{
	struct sfab_bo *bo;
	unsigned long number;

	xa_lock(&fabric->imports);
	xa_for_each(&fabric->imports, number, bo)
		sfab_import_write(fabric, &bo->import);
	xa_unlock(&fabric->imports);
}

/**
 * sfab_import_target - which segment an address leads to
 * @vm: VM, not locked
 * @va: address in it
 * @target: filled in, or left alone if it leads to none
 */
void sfab_import_target(struct sfab_vm *vm, u64 va, struct sfab_target *target)
{
	struct drm_gpuva *mapping;
	struct sfab_bo *bo;

	mutex_lock(&vm->lock);
	mapping = drm_gpuva_find_first(&vm->base, va, 1);
	if (mapping) {
		bo = to_sfab_bo(mapping->gem.obj);
		if (bo->kind == SFAB_BO_FABRIC) {
			target->eid = bo->import.eid;
			target->segment = bo->import.segment;
		}
	}
	mutex_unlock(&vm->lock);
}

static int sfab_import_check(const struct sfab_fabric *fabric,
			     const struct sfab_segment_import *args)
{
	const u32 rights = SFAB_RIGHT_READ | SFAB_RIGHT_WRITE;
	u64 end;

	if (args->flags || (args->rights & ~rights) || !(args->rights & SFAB_RIGHT_READ))
		return -EINVAL;
	if (!args->eid || args->eid >= sfab_num_eids(fabric) ||
	    args->number > FIELD_MAX(SFAB_I_TARGET_SEGMENT))
		return -EINVAL;
	if (!args->size || args->size > SFAB_IMPORT_MAX || !IS_ALIGNED(args->offset, SZ_4K) ||
	    check_add_overflow(args->offset, args->size, &end))
		return -EINVAL;
	return 0;
}

static int sfab_import_fill(struct sfab_fabric *fabric, struct sfab_bo *bo)
{
	struct sfab_device *sdev = fabric->sdev;
	u32 number;
	int ret, idx;

	ret = xa_alloc(&fabric->imports, &number, NULL, XA_LIMIT(0, fabric->num_imports - 1),
		       GFP_KERNEL);
	if (ret)
		return ret == -EBUSY ? -ENOSPC : ret;
	bo->import.number = number;

	ret = sfab_hw_get(sdev, &idx);
	if (ret)
		return ret;
	if (readl(sdev->regs + SFAB_REG_EID)) {
		sfab_import_write(fabric, &bo->import);
		/* The entry is allocated; a reset from now on restores it */
		xa_store(&fabric->imports, number, bo, GFP_NOWAIT);
		bo->dma_live = true;	/* nobody else maps the BO yet */
		sfab_bo_publish(bo);
		trace_sfab_import(sdev, "import", number, bo->import.eid, bo->import.segment);
	} else {
		ret = -EADDRNOTAVAIL;
	}
	sfab_hw_put(sdev, idx);
	return ret;
}

int sfab_segment_import_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_fabric *fabric = to_sfab(drm)->fabric;
	struct sfab_segment_import *args = data;
	struct sfab_bo *bo;
	int ret;

	ret = sfab_import_check(fabric, args);
	if (ret)
		return ret;
	if (!fabric)
		return -EOPNOTSUPP;

	bo = sfab_bo_alloc(to_sfab(drm), SFAB_BO_FABRIC, ALIGN(args->size, SZ_4K));
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	bo->rights = args->rights;
	bo->import = (struct sfab_import) {
		.number = SFAB_IMPORT_NONE,
		.eid = args->eid,
		.segment = args->number,
		.epoch = args->epoch,
		.token = args->token,
		.base = args->offset,
	};
	ret = sfab_import_fill(fabric, bo);
	if (ret) {
		drm_gem_object_put(&bo->base);
		return ret;
	}
	return sfab_bo_create_handle(bo, file, &args->handle);
}
