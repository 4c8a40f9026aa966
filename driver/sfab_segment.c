// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments: ranges of BOs that other accelerators may access
 *
 * All of them are mapped in one VM of the kernel's, each in a slot of its own, so that
 * what a segment reaches does not depend on what a client does with its VMs.  The segment's
 * bounds, which count bytes, are the hardware's to check.
 *
 * A segment holds its BO until the hardware has drained: taken back by the client, by the
 * close of its file, or because the device is reset or removed.
 */
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/random.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "sfab_fabric.h"
#include "sfab_trace.h"
#include "sfab_vm.h"

/* As many slots as there can be segments */
#define SFAB_SLOT_SIZE		(BIT_ULL(SFAB_VA_BITS) / SFAB_NUM_SEGMENTS_MAX)

/* A request is a packet at most: the drain takes less than a slice of an engine */
#define SFAB_DRAIN_POLL_US	2
#define SFAB_DRAIN_TIMEOUT_US	USEC_PER_SEC

#define SFAB_SEGMENT_RIGHTS	(SFAB_RIGHT_READ | SFAB_RIGHT_WRITE | SFAB_RIGHT_ATOMIC)

/**
 * struct sfab_export - a segment
 * @vm: where it is mapped, referenced
 * @bo: memory, referenced
 * @sfile: who exported it
 * @id: its id there
 * @number: of the segment in the hardware
 * @rights: SFAB_RIGHT_*
 * @offset: start within @bo
 * @size: bytes
 * @lost: a device reset has taken it back; by reset_lock
 */
struct sfab_export {
	struct sfab_vm *vm;
	struct sfab_bo *bo;
	struct sfab_file *sfile;
	u32 id;
	u32 number;
	u32 rights;
	u64 offset;
	u64 size;
	bool lost;
};

static void __iomem *sfab_segment_regs(const struct sfab_fabric *fabric, u32 number)
{
	return fabric->sdev->regs + SFAB_S_BLOCK(number);
}

static u64 sfab_slot(u32 number)
{
	return number * SFAB_SLOT_SIZE;
}

/* At the same place within a large page as in the BO, so that large pages stay large */
static u64 sfab_export_va(const struct sfab_export *export)
{
	return sfab_slot(export->number) + export->offset % SZ_2M;
}

/* ---- the hardware's table ---- */

static void sfab_segment_write(struct sfab_fabric *fabric, const struct sfab_export *export,
			       struct sfab_segment *segment)
{
	void __iomem *regs = sfab_segment_regs(fabric, export->number);
	u32 old_epoch = readl(regs + SFAB_S_EPOCH);
	u32 ctrl = SFAB_S_CTRL_VALID;

	/* Who still has a descriptor of the last one gets STALE */
	do {
		segment->epoch = get_random_u32();
	} while (segment->epoch == old_epoch);
	segment->token = get_random_u64();

	if (export->rights & SFAB_RIGHT_READ)
		ctrl |= SFAB_S_CTRL_READ;
	if (export->rights & SFAB_RIGHT_WRITE)
		ctrl |= SFAB_S_CTRL_WRITE;
	if (export->rights & SFAB_RIGHT_ATOMIC)
		ctrl |= SFAB_S_CTRL_ATOMIC;
	writeq(sfab_export_va(export), regs + SFAB_S_VA);
	writeq(export->size, regs + SFAB_S_LEN);
	writeq(segment->token, regs + SFAB_S_TOKEN);
	writel(sfab_vm_hw_id(export->vm), regs + SFAB_S_VM);
	writel(segment->epoch, regs + SFAB_S_EPOCH);
	writel(ctrl, regs + SFAB_S_CTRL);
}

/* On return no request is in progress that was admitted before */
static void sfab_segment_drain(struct sfab_fabric *fabric)
{
	struct sfab_device *sdev = fabric->sdev;
	u32 done;
	int ret;

	lockdep_assert_held(&fabric->segment_lock);
	lockdep_assert_held(&sdev->reset_lock);

	writel(++fabric->segment_inv, sdev->regs + SFAB_REG_SEG_INV);
	ret = readl_poll_timeout(sdev->regs + SFAB_REG_SEG_INV_DONE, done,
				 done == fabric->segment_inv,
				 SFAB_DRAIN_POLL_US, SFAB_DRAIN_TIMEOUT_US);
	if (ret) {
		sfab_hw_fini(sdev);
		sfab_reset_schedule(sdev, "segments do not drain");
	}
}

/* ---- life of a segment ---- */

/*
 * Ends all access to the memory.  A mapping that stays behind as the device is offline is
 * not reachable without a segment; it goes when the slot is used again.
 */
static void sfab_export_end(struct sfab_fabric *fabric, struct sfab_export *export)
{
	struct sfab_device *sdev = fabric->sdev;
	int idx;

	lockdep_assert_held(&fabric->segment_lock);

	/* No reset tells the file of it any more */
	xa_store(&fabric->exports, export->number, NULL, GFP_NOWAIT);
	if (!sfab_hw_get(sdev, &idx)) {
		writel(0, sfab_segment_regs(fabric, export->number) + SFAB_S_CTRL);
		sfab_segment_drain(fabric);
		sfab_hw_put(sdev, idx);
	} else if (drm_dev_is_unplugged(&sdev->drm)) {
		/* Removal resets the hardware; the memory is in use until then */
		wait_for_completion(&sdev->quiet);
	}
	sfab_vm_unmap_extent(export->vm, sfab_slot(export->number), SFAB_SLOT_SIZE);
	xa_erase(&fabric->exports, export->number);
	trace_sfab_segment(sdev, "revoke", export->number, export->offset, export->size);
}

static void sfab_export_free(struct sfab_export *export)
{
	drm_gem_object_put(&export->bo->base);
	sfab_vm_put(export->vm);
	kfree(export);
}

static int sfab_export_start(struct sfab_fabric *fabric, struct sfab_export *export,
			     struct sfab_segment *segment)
{
	u64 start = ALIGN_DOWN(export->offset, SZ_4K);
	u64 size = ALIGN(export->offset + export->size, SZ_4K) - start;
	u64 va = sfab_slot(export->number) + start % SZ_2M;
	struct sfab_device *sdev = fabric->sdev;
	u32 rights = SFAB_RIGHT_READ;
	int ret, idx;

	if (start % SZ_2M + size > SFAB_SLOT_SIZE)
		return -ENOSPC;
	if (export->rights & (SFAB_RIGHT_WRITE | SFAB_RIGHT_ATOMIC))
		rights |= SFAB_RIGHT_WRITE;

	/* What the last user left if the device was offline then */
	sfab_vm_unmap_extent(export->vm, sfab_slot(export->number), SFAB_SLOT_SIZE);
	ret = sfab_vm_map_bo(export->vm, export->bo, start, va, size, rights);
	if (ret)
		return ret;

	ret = sfab_hw_get(sdev, &idx);
	if (ret)
		goto err_unmap;
	segment->eid = readl(sdev->regs + SFAB_REG_EID);
	if (segment->eid) {
		sfab_segment_write(fabric, export, segment);
		/* The slot is allocated; a reset from now on takes the segment back */
		xa_store(&fabric->exports, export->number, export, GFP_NOWAIT);
	} else {
		ret = -EADDRNOTAVAIL;
	}
	sfab_hw_put(sdev, idx);
	if (ret)
		goto err_unmap;
	trace_sfab_segment(sdev, "export", export->number, export->offset, export->size);
	return 0;

err_unmap:
	sfab_vm_unmap_extent(export->vm, sfab_slot(export->number), SFAB_SLOT_SIZE);
	return ret;
}

static int sfab_export_add(struct sfab_fabric *fabric, struct sfab_export *export,
			   struct sfab_segment_export *args)
{
	int ret, idx;

	/* The lock first: who holds it may wait for a removal, which waits for those inside */
	mutex_lock(&fabric->segment_lock);
	if (!drm_dev_enter(&fabric->sdev->drm, &idx)) {
		ret = -ENODEV;
		goto out_unlock;
	}
	export->vm = sfab_vm_get(fabric->vm);
	ret = xa_alloc(&fabric->exports, &export->number, NULL,
		       XA_LIMIT(0, fabric->num_segments - 1), GFP_KERNEL);
	if (ret)
		goto err_vm;
	ret = xa_alloc(&export->sfile->exports, &export->id, export, xa_limit_31b, GFP_KERNEL);
	if (ret)
		goto err_number;
	ret = sfab_export_start(fabric, export, &args->segment);
	if (ret)
		goto err_id;
	/* Without the lock another thread may revoke it */
	args->segment_id = export->id;
	args->segment.number = export->number;
	drm_dev_exit(idx);
	mutex_unlock(&fabric->segment_lock);
	return 0;

err_id:
	xa_erase(&export->sfile->exports, export->id);
err_number:
	xa_erase(&fabric->exports, export->number);
err_vm:
	sfab_vm_put(export->vm);
	drm_dev_exit(idx);
out_unlock:
	mutex_unlock(&fabric->segment_lock);
	return ret == -EBUSY ? -ENOSPC : ret;
}

/* ---- ioctls ---- */

static int sfab_export_check(const struct sfab_segment_export *args)
{
	u64 end;

	if (args->flags || !args->rights || (args->rights & ~SFAB_SEGMENT_RIGHTS))
		return -EINVAL;
	if (!args->size || !IS_ALIGNED(args->offset, sizeof(u64)) ||
	    check_add_overflow(args->offset, args->size, &end))
		return -EINVAL;
	return 0;
}

static int sfab_export_check_bo(const struct sfab_segment_export *args, const struct sfab_bo *bo)
{
	if (args->offset + args->size > bo->base.size)
		return -EINVAL;
	if (args->rights & (SFAB_RIGHT_WRITE | SFAB_RIGHT_ATOMIC) &&
	    !(bo->rights & SFAB_RIGHT_WRITE))
		return -EACCES;
	if (bo->kind == SFAB_BO_IMPORTED || bo->kind == SFAB_BO_FABRIC ||
	    !to_sfab(bo->base.dev)->fabric)
		return -EOPNOTSUPP;
	return 0;
}

int sfab_segment_export_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_segment_export *args = data;
	struct sfab_device *sdev = to_sfab(drm);
	struct sfab_export *export;
	struct drm_gem_object *obj;
	int ret;

	ret = sfab_export_check(args);
	if (ret)
		return ret;
	obj = drm_gem_object_lookup(file, args->handle);
	if (!obj)
		return -ENOENT;
	ret = sfab_export_check_bo(args, to_sfab_bo(obj));
	if (ret)
		goto err_obj;

	ret = -ENOMEM;
	export = kzalloc(sizeof(*export), GFP_KERNEL_ACCOUNT);
	if (!export)
		goto err_obj;
	export->bo = to_sfab_bo(obj);
	export->sfile = file->driver_priv;
	export->rights = args->rights;
	export->offset = args->offset;
	export->size = args->size;
	ret = sfab_export_add(sdev->fabric, export, args);
	if (ret)
		goto err_free;

	args->segment.rights = args->rights;
	args->segment.size = args->size;
	export_uuid(args->segment.uuid, &sdev->uuid);
	return 0;

err_free:
	kfree(export);
err_obj:
	drm_gem_object_put(obj);
	return ret;
}

int sfab_segment_rotate_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_fabric *fabric = to_sfab(drm)->fabric;
	struct sfab_file *sfile = file->driver_priv;
	struct sfab_segment_rotate *args = data;
	struct sfab_export *export;
	int ret, idx;

	if (args->flags)
		return -EINVAL;
	if (!fabric)
		return -EOPNOTSUPP;

	mutex_lock(&fabric->segment_lock);
	export = xa_load(&sfile->exports, args->segment_id);
	if (!export) {
		ret = -ENOENT;
		goto out_unlock;
	}
	ret = sfab_hw_get(fabric->sdev, &idx);
	if (ret)
		goto out_unlock;
	if (export->lost) {
		ret = -EIO;
	} else {
		args->token = get_random_u64();
		writeq(args->token, sfab_segment_regs(fabric, export->number) + SFAB_S_TOKEN);
		trace_sfab_segment(fabric->sdev, "rotate", export->number, export->offset,
				   export->size);
	}
	sfab_hw_put(fabric->sdev, idx);
out_unlock:
	mutex_unlock(&fabric->segment_lock);
	return ret;
}

int sfab_segment_revoke_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_fabric *fabric = to_sfab(drm)->fabric;
	struct sfab_file *sfile = file->driver_priv;
	struct sfab_segment_revoke *args = data;
	struct sfab_export *export;

	if (args->flags)
		return -EINVAL;
	if (!fabric)
		return -EOPNOTSUPP;

	mutex_lock(&fabric->segment_lock);
	export = xa_erase(&sfile->exports, args->segment_id);
	if (export)
		sfab_export_end(fabric, export);
	mutex_unlock(&fabric->segment_lock);
	if (!export)
		return -ENOENT;
	sfab_export_free(export);
	return 0;
}

/* ---- for the rest of the driver ---- */

/**
 * sfab_segment_file_close - take the segments of a file back
 * @sfile: file, closing
 */
void sfab_segment_file_close(struct sfab_file *sfile)
{
	struct sfab_fabric *fabric = sfile->sdev->fabric;
	struct sfab_export *export;
	unsigned long id;

	xa_for_each(&sfile->exports, id, export) {
		mutex_lock(&fabric->segment_lock);
		sfab_export_end(fabric, export);
		mutex_unlock(&fabric->segment_lock);
		sfab_export_free(export);
	}
	xa_destroy(&sfile->exports);
}

/**
 * sfab_segment_lost - a device reset has taken all segments back
 * @fabric: fabric; reset_lock is held for writing, the hardware is at rest
 *
 * Their memory is let go when the files do so.
 */
void sfab_segment_lost(struct sfab_fabric *fabric)
{
	u32 eid = readl(fabric->sdev->regs + SFAB_REG_EID);
	struct sfab_export *export;
	unsigned long number;

	/* Who is in the array has a file, until sfab_export_end() */
	xa_lock(&fabric->exports);
	xa_for_each(&fabric->exports, number, export) {
		const struct sfab_event_fabric event = {
			.base.type = SFAB_EVENT_REVOKED,
			.base.length = sizeof(event),
			.status = SFAB_FABRIC_REVOKED,
			.eid = eid,
			.segment = export->number,
			.segment_id = export->id,
		};

		if (export->lost)
			continue;
		export->lost = true;
		sfab_event_send(export->sfile, &event.base);
	}
	xa_unlock(&fabric->exports);
}

/**
 * sfab_segment_start - make the VM of the segments
 * @fabric: fabric of a device that works
 *
 * Return: 0 or a negative errno.
 */
int sfab_segment_start(struct sfab_fabric *fabric)
{
	struct sfab_vm *vm = sfab_vm_create(fabric->sdev, false);

	if (IS_ERR(vm)) {
		drm_err(&fabric->sdev->drm, "no address space for segments: %pe\n", vm);
		return PTR_ERR(vm);
	}
	fabric->vm = vm;
	return 0;
}

/**
 * sfab_segment_stop - end the VM of the segments
 * @fabric: fabric of a device that is unplugged and quiet
 */
void sfab_segment_stop(struct sfab_fabric *fabric)
{
	if (!fabric->vm)
		return;
	sfab_vm_kill(fabric->vm);
	sfab_vm_put(fabric->vm);
	fabric->vm = NULL;
}
