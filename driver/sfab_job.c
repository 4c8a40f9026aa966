// SPDX-License-Identifier: GPL-2.0-only
/*
 * QUEUE_SUBMIT: jobs of the queue's scheduler, or straight to the ring where
 * the VM is long-running
 *
 * What leaves the driver is the job's own fence, see sfab_fence.c.  The
 * scheduler's fences stay inside and drive nothing but the scheduler.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include <drm/drm_print.h>

#include "sfab_compat.h"
#include "sfab_fence.h"
#include "sfab_queue.h"
#include "sfab_trace.h"

/**
 * struct sfab_job - one submission on its way to the ring
 * @base: the scheduler's side of it
 * @queue: queue, referenced
 * @fence: signalled when the submission has finished or failed
 * @seqno: number in the queue
 * @count: number of @commands
 * @commands: copied from user space and checked
 */
struct sfab_job {
	struct drm_sched_job base;
	struct sfab_queue *queue;
	struct sfab_fence *fence;
	u64 seqno;
	u32 count;
	struct sfab_command *commands;
};

static struct sfab_job *to_sfab_job(struct drm_sched_job *base)
{
	return container_of(base, struct sfab_job, base);
}

static struct dma_fence *sfab_job_run(struct drm_sched_job *base)
{
	struct sfab_job *job = to_sfab_job(base);
	struct sfab_queue *queue = job->queue;
	bool cookie;
	int ret;

	cookie = dma_fence_begin_signalling();
	spin_lock_irq(&queue->ring_lock);
	/* There is room: the scheduler counts the ring's entries as credits */
	ret = sfab_ring_write(queue, job->seqno, job->commands, job->count);
	spin_unlock_irq(&queue->ring_lock);
	dma_fence_end_signalling(cookie);

	/* If the ring is closed, whoever closed it signals the fence */
	return ret ? ERR_PTR(ret) : dma_fence_get(&job->fence->base);
}

static enum drm_gpu_sched_stat sfab_job_timedout(struct drm_sched_job *base)
{
	struct sfab_job *job = to_sfab_job(base);
	struct sfab_queue *queue = job->queue;
	struct drm_gpu_scheduler *sched = &queue->sched;
	struct drm_sched_job *pending;
	bool cookie;

	mutex_lock(&queue->submit_lock);
	/* Waits for sfab_job_run(), so it cannot be part of what is annotated */
	drm_sched_stop(sched, base);

	cookie = dma_fence_begin_signalling();
	/* It may have finished just now */
	sfab_ring_process(queue);
	if (!dma_fence_is_signaled(&job->fence->base)) {
		drm_warn(&queue->sdev->drm, "queue %u: submission %llu takes too long\n",
			 queue->hw_id, job->seqno);
		atomic64_inc(&queue->sdev->job_timeouts);
		sfab_ring_stop(queue, SFAB_QUEUE_TIMEDOUT, -EIO);
	}

	/*
	 * drm_sched_stop() made the scheduler forget the fences.  They tell what
	 * becomes of the jobs, whether these were stopped or still run.
	 */
	list_for_each_entry(pending, &sched->pending_list, list) {
		struct dma_fence *fence = &to_sfab_job(pending)->fence->base;

		if (!pending->s_fence->parent)
			pending->s_fence->parent = dma_fence_get(fence);
	}
	drm_sched_start(sched);
	dma_fence_end_signalling(cookie);
	mutex_unlock(&queue->submit_lock);
	return DRM_GPU_SCHED_STAT_NOMINAL;
}

static void sfab_job_free(struct drm_sched_job *base)
{
	struct sfab_job *job = to_sfab_job(base);

	drm_sched_job_cleanup(base);
	dma_fence_put(&job->fence->base);
	kvfree(job->commands);
	sfab_queue_put(job->queue);
	kfree(job);
}

const struct drm_sched_backend_ops sfab_job_ops = {
	.run_job = sfab_job_run,
	.timedout_job = sfab_job_timedout,
	.free_job = sfab_job_free,
};

/* What a command needs of the device: SFAB_CAP_*, by opcode */
static const u64 sfab_opcode_caps[] = {
	[SFAB_OP_COPY_2D] = SFAB_CAP_COPY_2D,
	[SFAB_OP_REDUCE] = SFAB_CAP_REDUCE,
	[SFAB_OP_ATOMIC] = SFAB_CAP_ATOMIC,
	[SFAB_OP_TIMESTAMP] = 0,
};

static int sfab_check_commands(const struct sfab_queue *queue,
			       const struct sfab_command *commands, u32 count)
{
	u32 i;

	/* What is wrong in itself is told before what this queue lacks */
	for (i = 0; i < count; i++) {
		const struct sfab_command *cmd = &commands[i];

		if (cmd->opcode >= ARRAY_SIZE(sfab_opcode_caps) ||
		    (cmd->flags & ~SFAB_COMMAND_NOTIFY) || cmd->pad || cmd->reserved)
			return -EINVAL;
		if (cmd->flags & SFAB_COMMAND_NOTIFY && cmd->opcode != SFAB_OP_COPY)
			return -EINVAL;
	}
	for (i = 0; i < count; i++) {
		u8 opcode = array_index_nospec(commands[i].opcode, ARRAY_SIZE(sfab_opcode_caps));

		if (sfab_opcode_caps[opcode] & ~queue->sdev->caps)
			return -EOPNOTSUPP;
		if (commands[i].flags & SFAB_COMMAND_NOTIFY &&
		    !(queue->sdev->caps & SFAB_CAP_NOTIFY))
			return -EOPNOTSUPP;
		if (opcode == SFAB_OP_WAIT && queue->scheduled)
			return -EOPNOTSUPP;
	}
	return 0;
}

/*
 * The point of no return of a job: gives it its place in the queue.  Fails if
 * the queue is closed.
 */
static int sfab_job_enqueue(struct sfab_queue *queue, struct sfab_job *job)
{
	lockdep_assert_held(&queue->submit_lock);

	spin_lock_irq(&queue->ring_lock);
	if (queue->error) {
		spin_unlock_irq(&queue->ring_lock);
		return queue->error;
	}
	job->seqno = ++queue->submitted;
	sfab_fence_init(job->fence, queue->fence_context, job->seqno);
	dma_fence_get(&job->fence->base);
	list_add_tail(&job->fence->link, &queue->fences);
	spin_unlock_irq(&queue->ring_lock);
	return 0;
}

/* Takes over @commands, whatever it returns */
static int sfab_submit_job(struct sfab_queue *queue, struct drm_file *file,
			   struct sfab_command *commands, u32 count,
			   struct sfab_syncs *syncs, u64 *seqno)
{
	struct sfab_job *job;
	bool cookie;
	int ret;

	job = kzalloc(sizeof(*job), GFP_KERNEL_ACCOUNT);
	if (!job) {
		ret = -ENOMEM;
		goto err_commands;
	}
	job->commands = commands;
	job->count = count;
	job->fence = sfab_fence_alloc();
	if (!job->fence) {
		ret = -ENOMEM;
		goto err_job;
	}

	ret = sfab_sched_job_init(&job->base, &queue->entity, count, file);
	if (ret)
		goto err_fence;
	ret = sfab_syncs_add_deps(syncs, &job->base);
	if (ret)
		goto err_cleanup;

	mutex_lock(&queue->submit_lock);
	ret = sfab_job_enqueue(queue, job);
	if (ret) {
		mutex_unlock(&queue->submit_lock);
		goto err_cleanup;
	}
	cookie = dma_fence_begin_signalling();
	job->queue = sfab_queue_get(queue);
	*seqno = job->seqno;
	drm_sched_job_arm(&job->base);
	sfab_syncs_signal(syncs, &job->fence->base);
	drm_sched_entity_push_job(&job->base);
	dma_fence_end_signalling(cookie);
	mutex_unlock(&queue->submit_lock);
	return 0;

err_cleanup:
	drm_sched_job_cleanup(&job->base);
err_fence:
	sfab_fence_free(job->fence);
err_job:
	kfree(job);
err_commands:
	kvfree(commands);
	return ret;
}

/* No scheduler, no fence: the ring takes it now or not at all */
static int sfab_submit_direct(struct sfab_queue *queue, const struct sfab_command *commands,
			      u32 count, u64 *seqno)
{
	int ret;

	/* Makes room */
	sfab_ring_process(queue);

	spin_lock_irq(&queue->ring_lock);
	ret = sfab_ring_write(queue, queue->submitted + 1, commands, count);
	if (!ret)
		*seqno = ++queue->submitted;
	spin_unlock_irq(&queue->ring_lock);
	return ret;
}

static int sfab_submit(struct sfab_queue *queue, struct sfab_queue_submit *args,
		       struct drm_file *file)
{
	struct sfab_command *commands;
	struct sfab_syncs *syncs;
	int ret;

	commands = sfab_uarray_copy(args->commands, args->command_count, args->command_stride,
				    sizeof(*commands),
				    offsetofend(struct sfab_command, reserved),
				    SFAB_MAX_COMMANDS);
	if (IS_ERR(commands))
		return PTR_ERR(commands);
	ret = sfab_check_commands(queue, commands, args->command_count);
	if (ret)
		goto err_commands;

	if (!queue->scheduled) {
		ret = sfab_submit_direct(queue, commands, args->command_count, &args->seqno);
		goto err_commands;
	}

	syncs = sfab_syncs_get(file, args->syncs, args->sync_count, args->sync_stride);
	if (IS_ERR(syncs)) {
		ret = PTR_ERR(syncs);
		goto err_commands;
	}
	ret = sfab_submit_job(queue, file, commands, args->command_count, syncs, &args->seqno);
	sfab_syncs_put(syncs);
	return ret;

err_commands:
	kvfree(commands);
	return ret;
}

int sfab_queue_submit_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_file *sfile = file->driver_priv;
	struct sfab_queue_submit *args = data;
	struct sfab_queue *queue;
	int ret;

	if (args->flags || !args->command_count)
		return -EINVAL;

	queue = sfab_queue_lookup(&sfile->queues, args->queue_id);
	if (!queue)
		return -ENOENT;

	/* A dma_fence must never depend on user memory */
	if (!queue->scheduled && args->sync_count) {
		ret = -EOPNOTSUPP;
		goto out_put;
	}

	/*
	 * What this thread has written to HBM is to be seen by the commands; the
	 * doorbell may be rung by another CPU, which cannot flush this one's
	 * write-combining buffers.
	 */
	wmb();
	ret = sfab_submit(queue, args, file);
out_put:
	sfab_queue_put(queue);
	return ret;
}
