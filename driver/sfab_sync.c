// SPDX-License-Identifier: GPL-2.0-only
/*
 * Syncobjs that an ioctl waits for and signals
 */
#include <linux/dma-fence-chain.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_syncobj.h>

#include "sfab_device.h"

/* One sync: a fence to wait for, or a syncobj to put a fence into */
struct sfab_sync_item {
	struct dma_fence *wait;
	struct drm_syncobj *signal;
	/* allocated ahead, as signalling must not fail; NULL: binary syncobj */
	struct dma_fence_chain *chain;
	u64 point;
};

/**
 * struct sfab_syncs - the syncs of one ioctl
 * @count: number of @items
 * @items: syncs in the order of the array
 */
struct sfab_syncs {
	u32 count;
	struct sfab_sync_item items[] __counted_by(count);
};

static int sfab_sync_item_get(struct sfab_sync_item *item, struct drm_file *file,
			      const struct sfab_sync *sync)
{
	if (sync->flags == SFAB_SYNC_WAIT)
		return drm_syncobj_find_fence(file, sync->handle, sync->point, 0, &item->wait);

	item->point = sync->point;
	item->signal = drm_syncobj_find(file, sync->handle);
	if (!item->signal)
		return -ENOENT;
	if (!item->point)
		return 0;
	item->chain = dma_fence_chain_alloc();
	return item->chain ? 0 : -ENOMEM;
}

/**
 * sfab_syncs_get - look up an array of syncs
 * @file: whose handles they are
 * @uptr: user pointer to &struct sfab_sync
 * @count: elements, may be 0
 * @stride: bytes from one to the next
 *
 * Return: syncs for sfab_syncs_put(), or an ERR_PTR by the errno contract;
 * -EINVAL also for a WAIT on a syncobj or point without a fence yet.
 */
struct sfab_syncs *sfab_syncs_get(struct drm_file *file, u64 uptr, u32 count,
				  u32 stride)
{
	struct sfab_sync *array;
	struct sfab_syncs *syncs;
	int ret = 0;
	u32 i;

	array = sfab_uarray_copy(uptr, count, stride, sizeof(*array),
				 offsetofend(struct sfab_sync, point), SFAB_MAX_SYNCS);
	if (IS_ERR(array))
		return ERR_CAST(array);

	syncs = kzalloc(struct_size(syncs, items, count), GFP_KERNEL_ACCOUNT);
	if (!syncs) {
		kvfree(array);
		return ERR_PTR(-ENOMEM);
	}
	syncs->count = count;

	/* What is wrong in itself is told before what does not exist */
	for (i = 0; i < count; i++) {
		if (array[i].flags != SFAB_SYNC_WAIT && array[i].flags != SFAB_SYNC_SIGNAL)
			ret = -EINVAL;
	}
	for (i = 0; i < count && !ret; i++)
		ret = sfab_sync_item_get(&syncs->items[i], file, &array[i]);

	kvfree(array);
	if (ret) {
		sfab_syncs_put(syncs);
		return ERR_PTR(ret);
	}
	return syncs;
}

/**
 * sfab_syncs_add_deps - make a job wait for the WAIT syncs
 * @syncs: syncs
 * @job: job, initialised and not armed
 *
 * Return: 0 or a negative errno.
 */
int sfab_syncs_add_deps(struct sfab_syncs *syncs, struct drm_sched_job *job)
{
	u32 i;
	int ret;

	for (i = 0; i < syncs->count; i++) {
		if (!syncs->items[i].wait)
			continue;
		ret = drm_sched_job_add_dependency(job, dma_fence_get(syncs->items[i].wait));
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * sfab_syncs_wait - wait until all WAIT syncs have signalled
 * @syncs: syncs
 * @timeout: in jiffies
 *
 * Return: the time left, at least 1, or 0 if it was not enough.
 */
long sfab_syncs_wait(const struct sfab_syncs *syncs, long timeout)
{
	u32 i;

	for (i = 0; i < syncs->count && timeout > 0; i++) {
		if (syncs->items[i].wait)
			timeout = dma_fence_wait_timeout(syncs->items[i].wait, false, timeout);
	}
	return timeout;
}

/**
 * sfab_syncs_signal - let the SIGNAL syncs signal with @fence
 * @syncs: syncs; to be used once
 * @fence: fence of the work, which is certain to run by now
 *
 * Cannot fail.
 */
void sfab_syncs_signal(struct sfab_syncs *syncs, struct dma_fence *fence)
{
	u32 i;

	for (i = 0; i < syncs->count; i++) {
		struct sfab_sync_item *item = &syncs->items[i];

		if (!item->signal)
			continue;
		if (item->chain)
			/* The syncobj owns the chain now */
			drm_syncobj_add_point(item->signal, no_free_ptr(item->chain),
					      fence, item->point);
		else
			drm_syncobj_replace_fence(item->signal, fence);
	}
}

/**
 * sfab_syncs_empty - is there nothing to wait for and nothing to signal
 * @syncs: syncs
 *
 * Return: whether it is so.
 */
bool sfab_syncs_empty(const struct sfab_syncs *syncs)
{
	return !syncs->count;
}

/**
 * sfab_syncs_put - let go of the syncs
 * @syncs: syncs or NULL
 */
void sfab_syncs_put(struct sfab_syncs *syncs)
{
	u32 i;

	if (!syncs)
		return;

	for (i = 0; i < syncs->count; i++) {
		struct sfab_sync_item *item = &syncs->items[i];

		dma_fence_put(item->wait);
		if (item->signal)
			drm_syncobj_put(item->signal);
		dma_fence_chain_free(item->chain);
	}
	kfree(syncs);
}
