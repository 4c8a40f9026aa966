// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own VM and queue: the device itself clears HBM before it is
 * handed out, and tests whether it reaches a peer
 */
#include "sfab_kctx.h"
#include "sfab_regs.h"
#include "sfab_vm.h"

/* FILL of 1 GiB: even an emulated device takes less than a second for it */
#define SFAB_CLEAR_CHUNK	SZ_1G
#define SFAB_CLEAR_TIMEOUT_MS	10000

int sfab_kctx_init(struct sfab_device *sdev)
{
	struct sfab_kctx *kctx = &sdev->kctx;
	const struct sfab_extent hbm = {
		.addr = 0,
		.size = sdev->hbm.size,
		.aperture = SFAB_APERTURE_HBM,
	};
	struct sfab_vm *vm;
	int ret;

	mutex_init(&kctx->lock);
	vm = sfab_vm_create(sdev, false);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	kctx->vm = vm;

	ret = sfab_vm_map_extent(kctx->vm, &hbm, 0);
	if (ret)
		goto err_vm;

	kctx->queue = sfab_queue_create_kernel(sdev, kctx->vm);
	if (IS_ERR(kctx->queue)) {
		ret = PTR_ERR(kctx->queue);
		goto err_vm;
	}
	return 0;

err_vm:
	sfab_vm_kill(kctx->vm);
	sfab_vm_put(kctx->vm);
	kctx->vm = NULL;
	return ret;
}

void sfab_kctx_fini(struct sfab_device *sdev)
{
	struct sfab_kctx *kctx = &sdev->kctx;

	/* There is none if probe failed for it */
	if (!kctx->vm)
		return;
	sfab_queue_destroy_kernel(kctx->queue);
	sfab_vm_kill(kctx->vm);
	sfab_vm_put(kctx->vm);
	mutex_destroy(&kctx->lock);
}

static int sfab_kctx_fill_zero(struct sfab_kctx *kctx, u64 offset, u64 size)
{
	int ret = 0;

	while (size && !ret) {
		u64 step = min_t(u64, size, SFAB_CLEAR_CHUNK);
		const struct sfab_command fill = {
			.opcode = SFAB_OP_FILL,
			.dtype = 8,
			.dst = offset,
			.len = step,
		};

		ret = sfab_queue_run(kctx->queue, &fill, 1, SFAB_CLEAR_TIMEOUT_MS);
		offset += step;
		size -= step;
	}
	return ret;
}

/**
 * sfab_kctx_clear - write zeros to HBM
 * @sdev: device, entered
 * @blocks: from sfab_hbm_alloc()
 */
int sfab_kctx_clear(struct sfab_device *sdev, struct list_head *blocks)
{
	struct sfab_kctx *kctx = &sdev->kctx;
	struct drm_buddy_block *block;
	int ret = 0;

	mutex_lock(&kctx->lock);
	list_for_each_entry(block, blocks, link) {
		ret = sfab_kctx_fill_zero(kctx, drm_buddy_block_offset(block),
					  drm_buddy_block_size(&sdev->hbm.mm, block));
		if (ret)
			break;
	}
	mutex_unlock(&kctx->lock);
	return ret;
}

/**
 * sfab_kctx_copy - copy between HBM and other memory
 * @sdev: device, entered
 * @extent: the other memory, of any aperture
 * @hbm_offset: HBM
 * @to_hbm: direction
 * @timeout_ms: bound
 */
int sfab_kctx_copy(struct sfab_device *sdev, const struct sfab_extent *extent,
		   u64 hbm_offset, bool to_hbm, unsigned int timeout_ms)
{
	struct sfab_kctx *kctx = &sdev->kctx;
	struct sfab_command copy = {
		.opcode = SFAB_OP_COPY,
		.dst = to_hbm ? hbm_offset : SFAB_KCTX_WINDOW,
		.src = to_hbm ? SFAB_KCTX_WINDOW : hbm_offset,
		.len = extent->size,
	};
	int ret;

	mutex_lock(&kctx->lock);
	/* What the last user left if a reset was under way then */
	sfab_vm_unmap_extent(kctx->vm, SFAB_KCTX_WINDOW, extent->size);
	ret = sfab_vm_map_extent(kctx->vm, extent, SFAB_KCTX_WINDOW);
	if (!ret) {
		ret = sfab_queue_run(kctx->queue, &copy, 1, timeout_ms);
		sfab_vm_unmap_extent(kctx->vm, SFAB_KCTX_WINDOW, extent->size);
	}
	mutex_unlock(&kctx->lock);
	return ret;
}
