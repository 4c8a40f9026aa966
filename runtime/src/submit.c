// SPDX-License-Identifier: MIT
/*
 * Submitting a batch: commands that the device can run go to its queue in pieces
 * of a bounded length, the others to bounce.c, in the order of the batch
 */
#include <errno.h>
#include <stdio.h>

#include "internal.h"

/* Commands of the next piece: bounded in number and, for the job timeout, bytes */
static unsigned int piece_length(const struct sfab_queue *queue, const struct sfab_command *cmds,
				 unsigned int count)
{
	bool bounded = queue->vm == VM_NORMAL;
	uint64_t bytes = 0;
	unsigned int n;

	for (n = 0; n < count && n < queue->dev->limits.max_commands; n++) {
		bytes += command_bytes(&cmds[n]);
		if (bounded && n > 0 && bytes > PIECE_BYTES)
			break;
	}
	return n;
}

int submission_run(struct submission *sub, const struct sfab_command *cmds, unsigned int count,
		   unsigned int *accepted)
{
	uint64_t seqno;
	int ret;

	for (*accepted = 0; *accepted < count;) {
		unsigned int n = piece_length(sub->queue, cmds + *accepted, count - *accepted);

		ret = queue_submit(sub->queue, cmds + *accepted, n, &sub->waits, &seqno);
		if (ret)
			return ret;
		points_set(&sub->parts, sub->queue, seqno);
		points_clear(&sub->waits);
		*accepted += n;
	}
	return 0;
}

static bool is_far(const struct op *op)
{
	return op->dst.far || op->src.far;
}

/* Submits commands up to the first that is far, or that alone */
static int run_some(struct submission *sub, const struct sfab_batch *batch, unsigned int first,
		    unsigned int *accepted)
{
	unsigned int end = first;
	int ret;

	if (is_far(&batch->ops[first])) {
		ret = bounce(sub, &batch->cmds[first], &batch->ops[first]);
		*accepted = ret ? 0 : 1;
		return ret;
	}
	while (end < batch->count && !is_far(&batch->ops[end]))
		end++;
	return submission_run(sub, batch->cmds + first, end - first, accepted);
}

/* accepted is right after a failure too */
static int run_all(struct submission *sub, const struct sfab_batch *batch, unsigned int *accepted)
{
	static const struct sfab_command nop = { .opcode = SFAB_OP_NOP };
	unsigned int n;
	int ret;

	for (*accepted = 0; *accepted < batch->count; *accepted += n) {
		ret = run_some(sub, batch, *accepted, &n);
		if (ret) {
			*accepted += n;
			return ret;
		}
	}
	/* The newest submission of the queue is the last of the batch to end */
	if (sub->waits.count || !sub->parts.list[0].seqno)
		return submission_run(sub, &nop, 1, &n);
	return 0;
}

static int add_waits(struct submission *sub, struct sfab_fence *const *after, unsigned int count)
{
	struct sfab_queue *queue = sub->queue;
	unsigned int i;
	int ret;

	for (i = 0; i < count; i++) {
		const struct point *last;

		if (!after[i])
			return fail(-EINVAL, "fence %u to wait for is NULL", i);
		last = &after[i]->parts.list[0];
		if (last->queue->dev->ctx != queue->dev->ctx)
			return fail(-EINVAL, "fence %u to wait for is of another context", i);
		if (queue->vm == VM_LONG_RUNNING || last->queue->vm == VM_LONG_RUNNING)
			return fail(-EOPNOTSUPP, "%s: queue %u cannot wait for a fence of queue %u, as one of them is long-running: use sfab_fence_wait()",
				    queue->dev->label, queue->id, last->queue->id);
		ret = points_reserve(&sub->waits, last->queue);
		if (ret)
			return ret;
		points_set(&sub->waits, last->queue, last->seqno);
	}
	return 0;
}

/* The memories know what to wait for before they are freed */
static void mark_uses(const struct sfab_batch *batch)
{
	struct sfab_queue *queue = batch->queue;
	unsigned int i;

	for (i = 0; i < batch->count; i++) {
		if (batch->ops[i].dst.mem)
			mem_used(batch->ops[i].dst.mem, queue, queue->submitted);
		if (batch->ops[i].src.mem)
			mem_used(batch->ops[i].src.mem, queue, queue->submitted);
		if (batch->ops[i].flag.mem)
			mem_used(batch->ops[i].flag.mem, queue, queue->submitted);
	}
}

/* Waits for what was accepted before something was refused; keeps the error */
static void wait_for_rest(const struct points *parts, int err)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s", sfab_last_error());
	points_wait(parts, INT64_MAX);
	fail(err, "%s", text);
}

int batch_submit(struct sfab_batch *batch, struct sfab_fence *const *after,
		 unsigned int after_count, struct sfab_fence **fence)
{
	struct sfab_queue *queue = batch->queue;
	struct submission sub = { .queue = queue };
	struct sfab_fence *f = NULL;
	unsigned int accepted = 0;
	bool started;
	int ret;

	pthread_mutex_lock(&queue->lock);
	ret = add_waits(&sub, after, after_count);
	if (!ret)
		ret = points_reserve(&sub.parts, queue);
	if (!ret && fence)
		ret = fence_new(queue, &f);
	if (!ret) {
		ret = run_all(&sub, batch, &accepted);
		mark_uses(batch);
	}
	pthread_mutex_unlock(&queue->lock);
	points_clear(&sub.waits);

	started = sub.parts.count > 1 || (sub.parts.count && sub.parts.list[0].seqno);
	if (ret && started && ret != -EAGAIN) {
		wait_for_rest(&sub.parts, ret);
		accepted = batch->count;
	}
	batch_drop(batch, accepted);
	if (ret) {
		points_clear(&sub.parts);
		sfab_fence_free(f);
		return ret;
	}
	if (fence) {
		f->parts = sub.parts;
		*fence = f;
	} else {
		points_clear(&sub.parts);
	}
	return 0;
}
