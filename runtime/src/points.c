// SPDX-License-Identifier: MIT
/*
 * Points: moments in the work of queues, and waiting for them
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "internal.h"

int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t deadline_after(int64_t timeout_ns)
{
	int64_t now;

	if (timeout_ns < 0)
		return INT64_MAX;
	if (timeout_ns == 0)
		return 0;	/* only look */
	now = now_ns();
	return timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
}

static int fail_destroyed(struct sfab_queue *queue)
{
	return fail(-ECANCELED, "%s: queue %u was destroyed before its work had finished",
		    queue->dev->label, queue->id);
}

/* last is constant by now */
static int wait_destroyed(struct sfab_queue *queue, uint64_t seqno)
{
	if (seqno <= queue->last.completed)
		return 0;
	if (queue->last.state != SFAB_QUEUE_OK)
		return queue_fail(queue, &queue->last);
	return fail_destroyed(queue);
}

static int explain(struct sfab_queue *queue, uint64_t seqno, int err)
{
	struct sfab_queue_query query;
	int ret;

	if (err && queue->destroyed)
		return wait_destroyed(queue, seqno);
	switch (err) {
	case 0:
		return 0;
	case -ETIME:
		return fail(err, "%s: queue %u: submission %llu has not finished yet",
			    queue->dev->label, queue->id, (unsigned long long)seqno);
	case -EIO:
		ret = queue_query(queue, &query);
		return ret ? ret : queue_fail(queue, &query);
	case -ECANCELED:
		return fail_destroyed(queue);
	default:
		return device_fail(queue->dev, err, "wait for submission %llu of queue %u",
				   (unsigned long long)seqno, queue->id);
	}
}

/* A new queue that gets the kernel's id of this one waits for us, see queue_new() */
static bool enter(struct sfab_queue *queue)
{
	struct sfab_device *dev = queue->dev;
	bool live;

	pthread_mutex_lock(&dev->queues_lock);
	live = !queue->destroyed;
	if (live)
		queue->waiters++;
	pthread_mutex_unlock(&dev->queues_lock);
	return live;
}

static void leave(struct sfab_queue *queue)
{
	struct sfab_device *dev = queue->dev;

	pthread_mutex_lock(&dev->queues_lock);
	if (--queue->waiters == 0)
		pthread_cond_broadcast(&dev->waiter_left);
	pthread_mutex_unlock(&dev->queues_lock);
}

int point_wait(const struct point *point, int64_t deadline)
{
	struct sfab_queue *queue = point->queue;
	struct sfab_wait args = {
		.queue_id = queue->id,
		.seqno = point->seqno,
		.timeout_ns = deadline,
	};
	int ret;

	if (!point->seqno)
		return 0;
	if (!enter(queue))
		return wait_destroyed(queue, point->seqno);
	ret = device_ioctl(queue->dev, DRM_IOCTL_SFAB_WAIT, &args);
	leave(queue);
	return explain(queue, point->seqno, ret);
}

static struct point *find(const struct points *points, const struct sfab_queue *queue)
{
	unsigned int i;

	for (i = 0; i < points->count; i++) {
		if (points->list[i].queue == queue)
			return &points->list[i];
	}
	return NULL;
}

int points_reserve(struct points *points, struct sfab_queue *queue)
{
	struct point *list;

	if (find(points, queue))
		return 0;
	list = realloc(points->list, (points->count + 1) * sizeof(*list));
	if (!list)
		return fail_nomem("a list of queues");
	points->list = list;
	list[points->count++] = (struct point){ queue_get(queue), 0 };
	return 0;
}

void points_set(struct points *points, const struct sfab_queue *queue, uint64_t seqno)
{
	struct point *point = find(points, queue);

	if (point && seqno > point->seqno)
		point->seqno = seqno;
}

int points_wait(const struct points *points, int64_t deadline)
{
	unsigned int i;
	int ret;

	for (i = 0; i < points->count; i++) {
		ret = point_wait(&points->list[i], deadline);
		if (ret)
			return ret;
	}
	return 0;
}

/* Their work is over */
void points_forget_destroyed(struct points *points)
{
	unsigned int i, kept = 0;

	for (i = 0; i < points->count; i++) {
		if (points->list[i].queue->destroyed)
			queue_put(points->list[i].queue);
		else
			points->list[kept++] = points->list[i];
	}
	points->count = kept;
}

void points_clear(struct points *points)
{
	unsigned int i;

	for (i = 0; i < points->count; i++)
		queue_put(points->list[i].queue);
	free(points->list);
	*points = (struct points){ 0 };
}
