/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fences that leave the driver
 */
#ifndef _SFAB_FENCE_H_
#define _SFAB_FENCE_H_

#include <linux/dma-fence.h>

/**
 * struct sfab_fence - a fence that outlives the device if it must
 */
struct sfab_fence {
	/** @base: fence */
	struct dma_fence base;
	/** @lock: lock of @base */
	spinlock_t lock;
	/** @link: for the owner's list of unsignalled fences */
	struct list_head link;
};

static inline struct sfab_fence *to_sfab_fence(struct dma_fence *fence)
{
	return container_of(fence, struct sfab_fence, base);
}

struct sfab_fence *sfab_fence_alloc(void);
void sfab_fence_free(struct sfab_fence *fence);
void sfab_fence_init(struct sfab_fence *fence, u64 context, u64 seqno);

#endif /* _SFAB_FENCE_H_ */
