// SPDX-License-Identifier: MIT
/*
 * Queues: life, submitting to the kernel, health
 */
#include <errno.h>
#include <stdlib.h>
#include <xf86drm.h>

#include "internal.h"

_Static_assert((int)SFAB_HEALTH_OK == (int)SFAB_QUEUE_OK &&
	       (int)SFAB_HEALTH_FAULTED == (int)SFAB_QUEUE_FAULTED &&
	       (int)SFAB_HEALTH_TIMEDOUT == (int)SFAB_QUEUE_TIMEDOUT &&
	       (int)SFAB_HEALTH_LOST == (int)SFAB_QUEUE_LOST, "states of a queue");
_Static_assert((int)SFAB_LOSS_REROUTE == (int)SFAB_ON_LOSS_REROUTE &&
	       (int)SFAB_LOSS_WAIT == (int)SFAB_ON_LOSS_WAIT &&
	       (int)SFAB_LOSS_FAIL == (int)SFAB_ON_LOSS_FAIL, "policies for a lost way");

/* Syncs of one submission; more waits go into submissions of their own */
#define MAX_SYNCS	16

/* ---- life ---- */

/* Threads that still wait for an older queue of this id */
static bool has_waiters(const struct sfab_device *dev, uint32_t id)
{
	struct sfab_queue *queue;

	list_each(queue, &dev->queues, link) {
		if (queue->id == id && queue->waiters)
			return true;
	}
	return false;
}

/*
 * The kernel may give us the id of a queue that was destroyed a moment ago.  A
 * thread that was about to wait for that one leaves soon: this one is new, so the
 * kernel refuses to wait for a submission that it has not seen.
 */
static int create_in_kernel(struct sfab_queue *queue, struct loss loss)
{
	struct sfab_queue_create create = { .on_loss = loss.policy, .limit_ms = loss.limit_ms };
	struct sfab_device *dev = queue->dev;
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = vm_open(dev, queue->vm);
	create.vm_id = dev->vms[queue->vm].id;
	pthread_mutex_unlock(&dev->lock);
	if (ret)
		return ret;

	ret = device_ioctl(dev, DRM_IOCTL_SFAB_QUEUE_CREATE, &create);
	if (ret == -ENOSPC)
		return fail(ret, "%s: all of its %u hardware queues are in use: destroy some, or use fewer of them for more work",
			    dev->label, dev->limits.max_queues);
	if (ret)
		return device_fail(dev, ret, "create a queue");

	queue->id = create.queue_id;
	pthread_mutex_lock(&dev->queues_lock);
	while (has_waiters(dev, queue->id))
		pthread_cond_wait(&dev->waiter_left, &dev->queues_lock);
	LIST_INSERT_HEAD(&dev->queues, queue, link);
	pthread_mutex_unlock(&dev->queues_lock);
	return 0;
}

int queue_new(struct sfab_device *dev, enum vm_kind vm, bool internal, struct loss loss,
	      struct sfab_queue **q)
{
	struct sfab_queue *queue = calloc(1, sizeof(*queue));
	int ret;

	if (!queue)
		return fail_nomem("a queue");
	queue->dev = dev;
	queue->vm = vm;
	queue->internal = internal;
	queue->refs = 1;
	queue->limit_ms = loss.limit_ms;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_mutex_init(&queue->sync_lock, NULL);

	if (vm == VM_NORMAL && drmSyncobjCreate(dev->fd, 0, &queue->syncobj)) {
		ret = device_fail(dev, -errno, "create a timeline for a queue");
		goto err_free;
	}
	ret = create_in_kernel(queue, loss);
	if (ret)
		goto err_sync;
	*q = queue;
	return 0;

err_sync:
	sync_fini(queue, true);
err_free:
	free(queue);
	return ret;
}

struct sfab_queue *queue_get(struct sfab_queue *queue)
{
	queue->refs++;
	return queue;
}

void queue_put(struct sfab_queue *queue)
{
	struct sfab_device *dev = queue->dev;

	if (--queue->refs)
		return;
	pthread_mutex_lock(&dev->queues_lock);
	queue_release(queue, true);
	pthread_mutex_unlock(&dev->queues_lock);
}

void queue_release(struct sfab_queue *queue, bool kernel)
{
	LIST_REMOVE(queue, link);
	sync_fini(queue, kernel);
	free(queue);
}

/* Ends the work of a queue, and with it all waits for it */
void queue_stop(struct sfab_queue *queue)
{
	struct sfab_queue_destroy destroy = { .queue_id = queue->id };
	struct sfab_queue_query query = { .queue_id = queue->id };
	struct sfab_device *dev = queue->dev;

	pthread_mutex_lock(&queue->lock);
	if (!queue->destroyed) {
		if (device_ioctl(dev, DRM_IOCTL_SFAB_QUEUE_QUERY, &query))
			query.state = SFAB_QUEUE_LOST;	/* the device is gone */
		pthread_mutex_lock(&dev->queues_lock);
		queue->last = query;
		queue->destroyed = true;
		pthread_mutex_unlock(&dev->queues_lock);
		device_ioctl(dev, DRM_IOCTL_SFAB_QUEUE_DESTROY, &destroy);
	}
	pthread_mutex_unlock(&queue->lock);
}

void queue_free_all(struct sfab_queue *queue)
{
	struct sfab_batch *batch, *next_batch;
	struct sfab_fence *fence, *next_fence;

	list_each_safe(batch, &queue->batches, link, next_batch) {
		free(batch->cmds);
		free(batch->ops);
		free(batch);
	}
	list_each_safe(fence, &queue->fences, link, next_fence) {
		free(fence->parts.list);
		free(fence);
	}
	free(queue->buffer_uses[0].list);
	free(queue->buffer_uses[1].list);
	free(queue->remote.list);
}

static int queue_make(const char *func, struct sfab_device *dev, unsigned int flags,
		      struct loss loss, struct sfab_queue **queue)
{
	int ret;

	if (!dev || !queue)
		return fail_null(func);
	if (flags & ~SFAB_LONG_RUNNING)
		return fail(-EINVAL, "%s: unknown flags %#x", func, flags);
	if ((unsigned int)loss.policy > SFAB_LOSS_FAIL)
		return fail(-EINVAL, "%s: unknown policy %u: give SFAB_LOSS_REROUTE, _WAIT or _FAIL",
			    func, (unsigned int)loss.policy);
	if (loss.limit_ms > SFAB_LOSS_LIMIT_MAX_MS)
		return fail(-EINVAL, "%s: a limit of %u ms: give at most %u", func, loss.limit_ms,
			    SFAB_LOSS_LIMIT_MAX_MS);
	ret = context_check(dev->ctx);
	if (ret)
		return ret;
	if ((loss.policy || loss.limit_ms) && !(dev->identity.caps & SFAB_CAP_POLICY))
		return fail(-EOPNOTSUPP, "%s: it cannot do otherwise than reroute when a way is lost: create the queue without a policy and limit",
			    dev->label);
	return queue_new(dev, flags & SFAB_LONG_RUNNING ? VM_LONG_RUNNING : VM_NORMAL, false,
			 loss, queue);
}

int sfab_queue_create(struct sfab_device *dev, unsigned int flags, struct sfab_queue **queue)
{
	return queue_make(__func__, dev, flags, (struct loss){ 0 }, queue);
}

int sfab_queue_create_on_loss(struct sfab_device *dev, unsigned int flags,
			      enum sfab_loss_policy policy, unsigned int limit_ms,
			      struct sfab_queue **queue)
{
	return queue_make(__func__, dev, flags,
			  (struct loss){ .policy = policy, .limit_ms = limit_ms }, queue);
}

void sfab_queue_destroy(struct sfab_queue *queue)
{
	if (!queue || context_check(queue->dev->ctx))
		return;
	queue_stop(queue);

	/* What was bounced may still be on its way on other queues */
	sfab_mem_free(queue->buffer);
	queue->buffer = NULL;
	points_clear(&queue->buffer_uses[0]);
	points_clear(&queue->buffer_uses[1]);
	points_clear(&queue->remote);
	queue_put(queue);
}

struct sfab_device *sfab_queue_device(struct sfab_queue *queue)
{
	return queue ? queue->dev : NULL;
}

/* ---- submitting ---- */

static int submit_once(struct sfab_queue *queue, const struct sfab_command *cmds,
		       unsigned int count, const struct sfab_sync *syncs, unsigned int sync_count,
		       uint64_t *seqno)
{
	struct sfab_queue_submit args = {
		.queue_id = queue->id,
		.commands = (uintptr_t)cmds,
		.command_count = count,
		.command_stride = sizeof(*cmds),
		.syncs = (uintptr_t)syncs,
		.sync_count = sync_count,
		.sync_stride = sizeof(*syncs),
	};
	struct sfab_queue_query query = { .queue_id = queue->id };
	int ret;

	ret = device_ioctl(queue->dev, DRM_IOCTL_SFAB_QUEUE_SUBMIT, &args);
	if (!ret) {
		queue->submitted = args.seqno;
		*seqno = args.seqno;
		return 0;
	}
	if (ret == -EIO && !device_ioctl(queue->dev, DRM_IOCTL_SFAB_QUEUE_QUERY, &query))
		return queue_fail(queue, &query);
	if (ret == -EAGAIN)
		return fail(ret, "%s: queue %u has no room now: submit again when some of its work has finished",
			    queue->dev->label, queue->id);
	return device_fail(queue->dev, ret, "submit %u commands to queue %u", count, queue->id);
}

int queue_submit(struct sfab_queue *queue, const struct sfab_command *cmds, unsigned int count,
		 const struct points *waits, uint64_t *seqno)
{
	unsigned int max = queue->dev->limits.max_syncs < MAX_SYNCS ?
			   queue->dev->limits.max_syncs : MAX_SYNCS;
	static const struct sfab_command nop = { .opcode = SFAB_OP_NOP };
	struct sfab_sync syncs[MAX_SYNCS];
	unsigned int i, n = 0;
	int ret;

	if (queue->destroyed)
		return fail(-ECANCELED, "%s: queue %u was destroyed", queue->dev->label,
			    queue->id);
	if (queue->vm == VM_LONG_RUNNING)
		return submit_once(queue, cmds, count, NULL, 0, seqno);

	for (i = 0; waits && i < waits->count; i++) {
		const struct point *wait = &waits->list[i];

		/* A queue is in order anyway */
		if (wait->queue == queue || !wait->seqno)
			continue;
		if (n == max - 1) {
			ret = submit_once(queue, &nop, 1, syncs, n, seqno);
			if (ret)
				return ret;
			n = 0;
		}
		syncs[n] = (struct sfab_sync){ .flags = SFAB_SYNC_WAIT, .point = wait->seqno };
		ret = sync_share(wait->queue, queue->dev, &syncs[n].handle);
		if (ret)
			return ret;
		n++;
	}
	syncs[n++] = (struct sfab_sync){
		.handle = queue->syncobj,
		.flags = SFAB_SYNC_SIGNAL,
		.point = queue->submitted + 1,
	};
	return submit_once(queue, cmds, count, syncs, n, seqno);
}

/* ---- health ---- */

int queue_query(struct sfab_queue *queue, struct sfab_queue_query *query)
{
	int ret = 0;

	*query = (struct sfab_queue_query){ .queue_id = queue->id };
	pthread_mutex_lock(&queue->lock);
	if (queue->destroyed)
		*query = queue->last;
	else
		ret = device_ioctl(queue->dev, DRM_IOCTL_SFAB_QUEUE_QUERY, query);
	pthread_mutex_unlock(&queue->lock);
	return ret ? device_fail(queue->dev, ret, "query queue %u", queue->id) : 0;
}

int queue_fail(struct sfab_queue *queue, const struct sfab_queue_query *query)
{
	struct sfab_device *dev = queue->dev;
	unsigned int timeout_ms = dev->limits.job_timeout_ms;

	/* As of struct sfab_queue_create */
	if (queue->limit_ms && queue->limit_ms + 1000 > timeout_ms)
		timeout_ms = queue->limit_ms + 1000;
	switch (query->state) {
	case SFAB_QUEUE_FAULTED:
		return fault_fail(queue, query);
	case SFAB_QUEUE_TIMEDOUT:
		return fail(-EIO, "%s: queue %u was reset: work took longer than the job timeout of %u ms: submit less at once, destroy the queue and create another",
			    dev->label, queue->id, timeout_ms);
	default:
		return fail(-EIO, "%s: queue %u was lost, the device was reset or removed: destroy the queue, create another and write lost data again",
			    dev->label, queue->id);
	}
}

int sfab_queue_get_status(struct sfab_queue *queue, struct sfab_queue_status *user)
{
	struct sfab_queue_status status = { 0 };
	struct sfab_queue_query query;
	int ret;

	if (!queue || !user)
		return fail_null(__func__);
	ret = context_check(queue->dev->ctx);
	if (!ret)
		ret = queue_query(queue, &query);
	if (ret)
		return ret;

	status.health = query.state;
	status.submitted = query.submitted;
	status.completed = query.completed;
	if (query.state == SFAB_QUEUE_FAULTED)
		fault_fill(queue, &query.fault, query.fabric_status, query.fabric_eid,
			   &status.fault);
	return struct_out(user, &status, sizeof(status),
			  offsetof(struct sfab_queue_status, fault) + FAULT_INFO_FIRST,
			  "sfab_queue_status");
}

/* What was bounced ends before what the queue did last, but may have failed */
int sfab_queue_wait(struct sfab_queue *queue, int64_t timeout_ns)
{
	int64_t deadline = deadline_after(timeout_ns);
	struct points all = { 0 };
	unsigned int i;
	int ret;

	if (!queue)
		return fail_null(__func__);
	ret = context_check(queue->dev->ctx);
	if (ret)
		return ret;

	pthread_mutex_lock(&queue->lock);
	ret = points_reserve(&all, queue);
	points_set(&all, queue, queue->submitted);
	for (i = 0; !ret && i < queue->remote.count; i++) {
		ret = points_reserve(&all, queue->remote.list[i].queue);
		points_set(&all, queue->remote.list[i].queue, queue->remote.list[i].seqno);
	}
	pthread_mutex_unlock(&queue->lock);

	if (!ret)
		ret = points_wait(&all, deadline);
	points_clear(&all);
	return ret;
}
