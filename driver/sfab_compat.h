/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The DRM API differs between the point releases of 6.12.  Here, and only
 * here, the variants are told apart, by what probe.sh found out.
 */
#ifndef _SFAB_COMPAT_H_
#define _SFAB_COMPAT_H_

#include <drm/drm_buddy.h>
#include <drm/drm_file.h>
#include <drm/gpu_scheduler.h>

#ifdef HAVE_GPU_BUDDY
/* The allocator moved out of DRM and took another name, without another change */
#define drm_buddy		gpu_buddy
#define drm_buddy_block		gpu_buddy_block
#define drm_buddy_init		gpu_buddy_init
#define drm_buddy_fini		gpu_buddy_fini
#define drm_buddy_alloc_blocks	gpu_buddy_alloc_blocks
#define drm_buddy_free_list	gpu_buddy_free_list
#define drm_buddy_block_offset	gpu_buddy_block_offset
#define drm_buddy_block_size	gpu_buddy_block_size
#endif

/**
 * sfab_sched_init - drm_sched_init() with one run queue and no hang limit
 * @sched: scheduler, zeroed
 * @ops: operations
 * @timeout_wq: where timedout_job runs; NULL for the system's
 * @credit_limit: credits of jobs in flight
 * @timeout: bound of a job in jiffies, or MAX_SCHEDULE_TIMEOUT
 * @name: for traces; must live as long as the scheduler
 * @dev: for messages
 *
 * Return: 0 or a negative errno.
 */
static inline int sfab_sched_init(struct drm_gpu_scheduler *sched,
				  const struct drm_sched_backend_ops *ops,
				  struct workqueue_struct *timeout_wq,
				  u32 credit_limit, long timeout,
				  const char *name, struct device *dev)
{
#ifdef HAVE_DRM_SCHED_INIT_ARGS
	const struct drm_sched_init_args args = {
		.ops = ops,
		.num_rqs = 1,
		.credit_limit = credit_limit,
		.timeout = timeout,
		.timeout_wq = timeout_wq,
		.name = name,
		.dev = dev,
	};

	return drm_sched_init(sched, &args);
#else
	return drm_sched_init(sched, ops, NULL, 1, credit_limit, 0, timeout,
			      timeout_wq, NULL, name, dev);
#endif
}

/**
 * sfab_sched_entity_init - the only entity of a scheduler with one run queue
 * @entity: entity
 * @sched: its scheduler
 *
 * Return: 0 or a negative errno.
 */
static inline int sfab_sched_entity_init(struct drm_sched_entity *entity,
					 struct drm_gpu_scheduler *sched)
{
	return drm_sched_entity_init(entity, DRM_SCHED_PRIORITY_KERNEL, &sched, 1, NULL);
}

/**
 * sfab_sched_job_init - drm_sched_job_init()
 * @job: job
 * @entity: entity
 * @credits: what the job counts against the scheduler's limit
 * @file: whose job it is
 *
 * Return: 0 or a negative errno.
 */
static inline int sfab_sched_job_init(struct drm_sched_job *job,
				      struct drm_sched_entity *entity,
				      u32 credits, struct drm_file *file)
{
#ifdef HAVE_DRM_SCHED_JOB_CLIENT_ID
	return drm_sched_job_init(job, entity, credits, file, file->client_id);
#else
	return drm_sched_job_init(job, entity, credits, file);
#endif
}

#endif /* _SFAB_COMPAT_H_ */
