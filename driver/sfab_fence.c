// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fences that leave the driver.
 *
 * A scheduler's own "finished" fence refers to the scheduler as long as it
 * lives (its name is read through a sync_file), and a sync_file lives as long
 * as some process likes.  So what goes into syncobjs are these: they refer to
 * nothing but themselves and the module's text.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "sfab_fence.h"

static const char *sfab_fence_get_driver_name(struct dma_fence *fence)
{
	return "sfab";
}

static const char *sfab_fence_get_timeline_name(struct dma_fence *fence)
{
	return "sfab";
}

/* module_exit() waits for this by rcu_barrier(), so the text is still there */
static void sfab_fence_free_rcu(struct rcu_head *rcu)
{
	sfab_fence_free(to_sfab_fence(container_of(rcu, struct dma_fence, rcu)));
}

static void sfab_fence_release(struct dma_fence *fence)
{
	call_rcu(&fence->rcu, sfab_fence_free_rcu);
}

static const struct dma_fence_ops sfab_fence_ops = {
	.use_64bit_seqno = true,
	.get_driver_name = sfab_fence_get_driver_name,
	.get_timeline_name = sfab_fence_get_timeline_name,
	.release = sfab_fence_release,
};

/**
 * sfab_fence_alloc - allocate a fence, ahead of the work that it stands for
 *
 * The fence holds the module.  Free it with sfab_fence_free(), or after
 * sfab_fence_init() with dma_fence_put().
 *
 * Return: NULL if there is no memory.
 */
struct sfab_fence *sfab_fence_alloc(void)
{
	struct sfab_fence *fence = kzalloc(sizeof(*fence), GFP_KERNEL_ACCOUNT);

	if (!fence)
		return NULL;

	__module_get(THIS_MODULE);
	INIT_LIST_HEAD(&fence->link);
	spin_lock_init(&fence->lock);
	return fence;
}

/**
 * sfab_fence_free - free a fence that was not initialised
 * @fence: fence or NULL
 */
void sfab_fence_free(struct sfab_fence *fence)
{
	if (!fence)
		return;

	kfree(fence);
	module_put(THIS_MODULE);
}

/**
 * sfab_fence_init - make a fence a fence
 * @fence: fence
 * @context: from dma_fence_context_alloc()
 * @seqno: its place in @context, ascending
 *
 * From here on it must be signalled, whatever happens.
 */
void sfab_fence_init(struct sfab_fence *fence, u64 context, u64 seqno)
{
	dma_fence_init(&fence->base, &sfab_fence_ops, &fence->lock, context, seqno);
}
