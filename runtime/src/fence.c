// SPDX-License-Identifier: MIT
/*
 * Fences: the end of a submitted batch
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

/* The caller holds queue->lock; the parts are filled in by the submission */
int fence_new(struct sfab_queue *queue, struct sfab_fence **fence)
{
	struct sfab_fence *f = calloc(1, sizeof(*f));

	if (!f)
		return fail_nomem("a fence");
	f->queue = queue_get(queue);
	LIST_INSERT_HEAD(&queue->fences, f, link);
	*fence = f;
	return 0;
}

int sfab_fence_wait(struct sfab_fence *fence, int64_t timeout_ns)
{
	int ret;

	if (!fence)
		return fail_null(__func__);
	ret = context_check(fence->queue->dev->ctx);
	if (ret || fence->done)
		return ret;
	ret = points_wait(&fence->parts, deadline_after(timeout_ns));
	if (!ret)
		fence->done = true;
	return ret;
}

int sfab_fence_get_fd(struct sfab_fence *fence, int *fd)
{
	int ret;

	if (!fence || !fd)
		return fail_null(__func__);
	ret = context_check(fence->queue->dev->ctx);
	if (ret)
		return ret;
	if (fence->queue->vm == VM_LONG_RUNNING)
		return fail(-EOPNOTSUPP, "%s: fences of the long-running queue %u have no descriptor: use sfab_fence_wait(), or sfab_batch_write() into memory that you watch",
			    fence->queue->dev->label, fence->queue->id);
	return sync_export(fence->queue, fence->parts.list[0].seqno, fd);
}

int sfab_fence_get_fault(struct sfab_fence *fence, struct sfab_fault_info *user)
{
	struct sfab_queue_query query;
	struct sfab_fault_info info;
	unsigned int i;
	int ret;

	if (!fence || !user)
		return fail_null(__func__);
	ret = context_check(fence->queue->dev->ctx);
	if (ret)
		return ret;

	for (i = 0; i < fence->parts.count; i++) {
		const struct point *part = &fence->parts.list[i];

		ret = queue_query(part->queue, &query);
		if (ret)
			return ret;
		if (query.state != SFAB_QUEUE_FAULTED || part->seqno <= query.completed)
			continue;
		fault_fill(part->queue, &query.fault, query.fabric_status, query.fabric_eid,
			   &info);
		return struct_out(user, &info, sizeof(info), FAULT_INFO_FIRST, "sfab_fault_info");
	}
	return fail(-ENOENT, "%s: this work of queue %u has not failed by a fault",
		    fence->queue->dev->label, fence->queue->id);
}

void sfab_fence_free(struct sfab_fence *fence)
{
	struct sfab_queue *queue;

	if (!fence || context_check(fence->queue->dev->ctx))
		return;
	queue = fence->queue;
	pthread_mutex_lock(&queue->lock);
	LIST_REMOVE(fence, link);
	pthread_mutex_unlock(&queue->lock);
	points_clear(&fence->parts);
	free(fence);
	queue_put(queue);
}
