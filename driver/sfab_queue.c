// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues: creation, destruction, waiting, and the kernel's own queue
 */
#include <linux/bitfield.h>
#include <linux/hrtimer.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>

#include "sfab_compat.h"
#include "sfab_queue.h"

static void sfab_queue_free(struct sfab_queue *queue)
{
	struct drm_device *drm = &queue->sdev->drm;

	mutex_destroy(&queue->submit_lock);
	mutex_destroy(&queue->lock);
	/* An interrupt may have just looked it up */
	kfree_rcu(queue, rcu);
	drm_dev_put(drm);
}

static void sfab_queue_release_worker(struct work_struct *work)
{
	struct sfab_queue *queue = container_of(work, struct sfab_queue, release_work);

	drm_sched_fini(&queue->sched);
	sfab_queue_free(queue);
}

static void sfab_queue_release(struct kref *refs)
{
	struct sfab_queue *queue = container_of(refs, struct sfab_queue, refs);

	/* The last reference may be that of a job, freed by the scheduler's own work */
	if (queue->scheduled)
		queue_work(sfab_wq, &queue->release_work);
	else
		sfab_queue_free(queue);
}

/**
 * sfab_queue_get - take a reference
 * @queue: queue
 *
 * Return: @queue.
 */
struct sfab_queue *sfab_queue_get(struct sfab_queue *queue)
{
	kref_get(&queue->refs);
	return queue;
}

/**
 * sfab_queue_put - drop a reference
 * @queue: queue or NULL
 */
void sfab_queue_put(struct sfab_queue *queue)
{
	if (queue)
		kref_put(&queue->refs, sfab_queue_release);
}

/**
 * sfab_queue_lookup - find a queue
 * @queues: those of a file or of a device
 * @id: the user's or the hardware's id
 *
 * Return: the queue with a reference, or NULL.
 */
struct sfab_queue *sfab_queue_lookup(struct xarray *queues, u32 id)
{
	struct sfab_queue *queue;

	rcu_read_lock();
	queue = xa_load(queues, id);
	if (queue && !kref_get_unless_zero(&queue->refs))
		queue = NULL;
	rcu_read_unlock();
	return queue;
}

static long sfab_queue_job_timeout(const struct sfab_queue *queue)
{
	u32 limit_ms = FIELD_GET(SFAB_Q_POLICY_LIMIT, queue->policy);

	return msecs_to_jiffies(sfab_fabric_job_timeout_ms(queue->sdev, limit_ms));
}

static int sfab_queue_init_sched(struct sfab_queue *queue)
{
	struct sfab_device *sdev = queue->sdev;
	int ret;

	INIT_WORK(&queue->release_work, sfab_queue_release_worker);
	queue->fence_context = dma_fence_context_alloc(1);
	ret = sfab_sched_init(&queue->sched, &sfab_job_ops, sdev->reset_wq, SFAB_RING_ROOM,
			      sfab_queue_job_timeout(queue), "sfab", sdev->drm.dev);
	if (ret)
		return ret;

	ret = sfab_sched_entity_init(&queue->entity, &queue->sched);
	if (ret)
		drm_sched_fini(&queue->sched);
	return ret;
}

/*
 * A queue in @vm, whose reference it takes over and which it uses from here on;
 * registered with the device and not started.
 *
 * It is registered in the same drm_dev_enter() section in which its DMA memory is
 * allocated: so the removal of the device sees it, and frees that.
 */
static struct sfab_queue *sfab_queue_alloc(struct sfab_device *sdev, struct sfab_vm *vm,
					   u32 policy, bool kernel)
{
	bool scheduled = !kernel && !sfab_vm_long_running(vm);
	struct sfab_queue *queue;
	int ret, idx;

	queue = kzalloc(sizeof(*queue), GFP_KERNEL_ACCOUNT);
	if (!queue)
		return ERR_PTR(-ENOMEM);

	kref_init(&queue->refs);
	queue->sdev = sdev;
	queue->vm = vm;
	queue->vm_hw_id = sfab_vm_hw_id(vm);
	queue->policy = policy;
	queue->kernel = kernel;
	queue->scheduled = scheduled;
	queue->quiet = !scheduled && !kernel && sdev->hw_version >= SFAB_VERSION_ARM;
	/* Until it is started */
	queue->error = -EIO;
	mutex_init(&queue->lock);
	mutex_init(&queue->submit_lock);
	spin_lock_init(&queue->ring_lock);
	INIT_LIST_HEAD(&queue->fences);
	init_waitqueue_head(&queue->wait);
	drm_dev_get(&sdev->drm);

	if (!drm_dev_enter(&sdev->drm, &idx)) {
		ret = -ENODEV;
		goto err_free;
	}
	ret = sfab_ring_alloc(queue);
	if (ret)
		goto err_exit;

	if (scheduled) {
		ret = sfab_queue_init_sched(queue);
		if (ret)
			goto err_ring;
	}

	ret = xa_alloc(&sdev->queues, &queue->hw_id, queue, XA_LIMIT(0, sdev->num_queues - 1),
		       GFP_KERNEL);
	if (ret) {
		ret = ret == -EBUSY ? -ENOSPC : ret;
		goto err_sched;
	}
	drm_dev_exit(idx);
	return queue;

err_sched:
	if (scheduled) {
		drm_sched_entity_fini(&queue->entity);
		drm_sched_fini(&queue->sched);
	}
err_ring:
	sfab_ring_free(queue);
err_exit:
	drm_dev_exit(idx);
err_free:
	sfab_queue_free(queue);
	return ERR_PTR(ret);
}

/*
 * Frees the jobs that were not run yet, once their dependencies have signalled.
 * Whoever saw the queue open has pushed his job before this, by submit_lock.
 *
 * The scheduler's work must not run meanwhile: a job that it takes puts the
 * entity back into the run queue's tree, whence the next one would be taken by
 * the work and by drm_sched_entity_fini() at once.
 */
static void sfab_queue_kill_jobs(struct sfab_queue *queue)
{
	mutex_lock(&queue->submit_lock);
	drm_sched_wqueue_stop(&queue->sched);
	drm_sched_entity_fini(&queue->entity);
	drm_sched_wqueue_start(&queue->sched);
	mutex_unlock(&queue->submit_lock);
}

/*
 * Ends what the owner's reference stands for.  On return the device does nothing
 * on the queue's behalf any more, and the VM may be destroyed.
 */
static void sfab_queue_destroy(struct sfab_queue *queue)
{
	struct sfab_device *sdev = queue->sdev;
	struct sfab_file *sfile;

	mutex_lock(&queue->lock);
	sfile = queue->sfile;
	queue->sfile = NULL;
	mutex_unlock(&queue->lock);

	/* A device reset, of the driver or by the bus, stops it, or a removal that comes first */
	while (sfab_ring_stop(queue, SFAB_QUEUE_LOST, -ECANCELED))
		flush_work(&sdev->reset_work);

	if (queue->scheduled) {
		sfab_queue_kill_jobs(queue);
		if (sfile)
			atomic64_add(sfab_ring_busy_ns(queue), &sfile->busy_ns);
	}

	sfab_ring_free(queue);
	xa_erase(&sdev->queues, queue->hw_id);
	sfab_vm_unuse(queue->vm);
	sfab_vm_put(queue->vm);
	sfab_queue_put(queue);
}

static int sfab_queue_start(struct sfab_queue *queue)
{
	int ret, idx;

	ret = sfab_hw_get(queue->sdev, &idx);
	if (ret)
		return ret;
	ret = sfab_ring_start(queue);
	sfab_hw_put(queue->sdev, idx);
	return ret;
}

static int sfab_queue_check(const struct sfab_device *sdev, const struct sfab_queue_create *args)
{
	if (args->flags || args->pad || args->on_loss > SFAB_ON_LOSS_FAIL ||
	    args->limit_ms > SFAB_LOSS_LIMIT_MAX_MS)
		return -EINVAL;
	if ((args->on_loss || args->limit_ms) && !(sdev->caps & SFAB_CAP_POLICY))
		return -EOPNOTSUPP;
	return 0;
}

int sfab_queue_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_file *sfile = file->driver_priv;
	struct sfab_device *sdev = to_sfab(drm);
	struct sfab_queue_create *args = data;
	struct sfab_queue *queue;
	struct sfab_vm *vm;
	u32 policy;
	int ret;

	ret = sfab_queue_check(sdev, args);
	if (ret)
		return ret;
	policy = FIELD_PREP(SFAB_Q_POLICY_POLICY, args->on_loss) |
		 FIELD_PREP(SFAB_Q_POLICY_LIMIT, args->limit_ms);

	vm = sfab_vm_lookup(sfile, args->vm_id);
	if (!vm)
		return -ENOENT;
	ret = sfab_vm_use(vm);
	if (ret)
		goto err_vm;

	queue = sfab_queue_alloc(sdev, vm, policy, false);
	if (IS_ERR(queue)) {
		ret = PTR_ERR(queue);
		goto err_unuse;
	}
	queue->sfile = sfile;

	/* Reserves the id; the queue becomes visible when it is complete */
	ret = xa_alloc(&sfile->queues, &queue->id, NULL, xa_limit_31b, GFP_KERNEL);
	if (ret) {
		ret = ret == -EBUSY ? -ENOSPC : ret;
		goto err_queue;
	}
	ret = sfab_queue_start(queue);
	if (ret)
		goto err_id;

	args->queue_id = queue->id;
	/* From here on another thread may destroy it */
	xa_store(&sfile->queues, args->queue_id, queue, GFP_KERNEL);
	return 0;

err_id:
	xa_release(&sfile->queues, queue->id);
err_queue:
	sfab_queue_destroy(queue);
	return ret;
err_unuse:
	sfab_vm_unuse(vm);
err_vm:
	sfab_vm_put(vm);
	return ret;
}

int sfab_queue_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_file *sfile = file->driver_priv;
	struct sfab_queue_destroy *args = data;
	struct sfab_queue *queue;

	if (args->pad)
		return -EINVAL;

	/* Only one of several callers gets it; an id that is being made is not there yet */
	queue = xa_load(&sfile->queues, args->queue_id);
	if (!queue || xa_cmpxchg(&sfile->queues, args->queue_id, queue, NULL, GFP_KERNEL) != queue)
		return -ENOENT;

	sfab_queue_destroy(queue);
	return 0;
}

/**
 * sfab_queue_file_close - destroy the queues of a file
 * @sfile: file, closing
 *
 * On return the device does nothing on the file's behalf any more.
 */
void sfab_queue_file_close(struct sfab_file *sfile)
{
	struct sfab_queue *queue;
	unsigned long id;

	xa_for_each(&sfile->queues, id, queue)
		sfab_queue_destroy(queue);
	xa_destroy(&sfile->queues);
}

int sfab_queue_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_file *sfile = file->driver_priv;
	struct sfab_queue_query *args = data;
	struct sfab_queue *queue;

	if (args->flags || args->pad)
		return -EINVAL;

	queue = sfab_queue_lookup(&sfile->queues, args->queue_id);
	if (!queue)
		return -ENOENT;

	sfab_ring_process(queue);

	spin_lock_irq(&queue->ring_lock);
	args->state = queue->state;
	args->submitted = queue->submitted;
	args->completed = queue->completed;
	args->fault = queue->fault;
	args->fabric_status = queue->fabric_status;
	args->fabric_eid = queue->fabric_eid;
	spin_unlock_irq(&queue->ring_lock);

	sfab_queue_put(queue);
	return 0;
}

/* What a waiter for @seqno is to be told; -EAGAIN: nothing yet */
static int sfab_queue_progress(struct sfab_queue *queue, u64 seqno, u32 epoch)
{
	int ret = -EAGAIN;

	spin_lock_irq(&queue->ring_lock);
	if (queue->epoch != epoch)
		ret = -EIO;
	else if (queue->completed >= seqno)
		ret = 0;
	else if (queue->error)
		ret = queue->error;
	spin_unlock_irq(&queue->ring_lock);
	return ret;
}

/* Whoever finds it not done sleeps, until the interrupt that this asks for */
static bool sfab_queue_done(struct sfab_queue *queue, u64 seqno, u32 epoch)
{
	bool done = sfab_queue_progress(queue, seqno, epoch) != -EAGAIN;

	if (!done) {
		spin_lock_irq(&queue->ring_lock);
		sfab_ring_arm(queue, seqno);
		spin_unlock_irq(&queue->ring_lock);
	}
	return done;
}

int sfab_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_file *sfile = file->driver_priv;
	struct sfab_wait *args = data;
	struct sfab_queue *queue;
	ktime_t timeout = KTIME_MAX;
	bool known;
	u32 epoch;
	int ret;

	if (args->flags)
		return -EINVAL;

	queue = sfab_queue_lookup(&sfile->queues, args->queue_id);
	if (!queue)
		return -ENOENT;

	spin_lock_irq(&queue->ring_lock);
	known = args->seqno && args->seqno <= queue->submitted;
	epoch = queue->epoch;
	spin_unlock_irq(&queue->ring_lock);
	if (!known) {
		ret = -EINVAL;
		goto out_put;
	}

	sfab_ring_process(queue);
	/* Negative ones are past, too; the difference must not wrap around */
	if (args->timeout_ns != S64_MAX)
		timeout = max(max(args->timeout_ns, 0) - ktime_get(), 0);
	/* Who only asks needs no interrupt */
	ret = 0;
	if (timeout)
		ret = wait_event_interruptible_hrtimeout(queue->wait,
							 sfab_queue_done(queue, args->seqno, epoch),
							 timeout);
	if (ret != -ERESTARTSYS) {
		ret = sfab_queue_progress(queue, args->seqno, epoch);
		if (ret == -EAGAIN)
			ret = -ETIME;
	}
out_put:
	sfab_queue_put(queue);
	return ret;
}

/**
 * sfab_queue_release_all - free the DMA memory of all queues
 * @sdev: device, unplugged and quiet
 *
 * The queues themselves stay as long as their files do.
 */
void sfab_queue_release_all(struct sfab_device *sdev)
{
	struct sfab_queue *queue;
	u32 id;

	for (id = 0; id < sdev->num_queues; id++) {
		queue = sfab_queue_lookup(&sdev->queues, id);
		if (!queue)
			continue;
		sfab_ring_free(queue);
		sfab_queue_put(queue);
	}
}

/**
 * sfab_queue_busy_ns - time that the queues of a file had work, for fdinfo
 * @sfile: file
 *
 * Queues of long-running VMs do not count: while they wait they occupy nothing.
 *
 * Return: nanoseconds.
 */
u64 sfab_queue_busy_ns(struct sfab_file *sfile)
{
	u64 ns = atomic64_read(&sfile->busy_ns);
	struct sfab_queue *queue;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&sfile->queues, id, queue) {
		if (queue->scheduled)
			ns += sfab_ring_busy_ns(queue);
	}
	rcu_read_unlock();
	return ns;
}

/**
 * sfab_queue_raise_timeouts - the hardware may take longer from now on
 * @sdev: device
 *
 * A job that is under way keeps its time limit.
 */
void sfab_queue_raise_timeouts(struct sfab_device *sdev)
{
	struct sfab_queue *queue;
	long timeout;
	u32 id;

	for (id = 0; id < sdev->num_queues; id++) {
		queue = sfab_queue_lookup(&sdev->queues, id);
		if (!queue)
			continue;
		timeout = sfab_queue_job_timeout(queue);
		if (queue->scheduled && queue->sched.timeout < timeout)
			WRITE_ONCE(queue->sched.timeout, timeout);
		sfab_queue_put(queue);
	}
}

/**
 * sfab_queue_create_kernel - make a queue for the kernel's own commands
 * @sdev: device, works
 * @vm: VM; the queue takes its own reference
 *
 * Such a queue works again after a fault, a timeout or a device reset.
 *
 * Return: the queue, or an ERR_PTR.
 */
struct sfab_queue *sfab_queue_create_kernel(struct sfab_device *sdev, struct sfab_vm *vm)
{
	struct sfab_queue *queue;
	int ret;

	ret = sfab_vm_use(vm);
	if (ret)
		return ERR_PTR(ret);

	queue = sfab_queue_alloc(sdev, sfab_vm_get(vm), 0, true);
	if (IS_ERR(queue)) {
		sfab_vm_put(vm);
		sfab_vm_unuse(vm);
		return queue;
	}

	ret = sfab_queue_start(queue);
	if (ret) {
		sfab_queue_destroy(queue);
		return ERR_PTR(ret);
	}
	return queue;
}

/**
 * sfab_queue_destroy_kernel - the reverse
 * @queue: queue
 */
void sfab_queue_destroy_kernel(struct sfab_queue *queue)
{
	sfab_queue_destroy(queue);
}

/**
 * sfab_queue_run - run commands on a kernel queue and wait for them
 * @queue: kernel queue; the caller is its only user
 * @cmds: commands
 * @count: 1 to SFAB_RING_ROOM
 * @timeout_ms: bound
 *
 * Return: 0, -ETIMEDOUT, -EIO if a command faulted or the device was reset, or
 * -ENODEV.  In any case but the last the queue can be used again.
 */
int sfab_queue_run(struct sfab_queue *queue, const struct sfab_command *cmds,
		   u32 count, unsigned int timeout_ms)
{
	u64 seqno;
	u32 epoch;
	int ret;

	spin_lock_irq(&queue->ring_lock);
	epoch = queue->epoch;
	seqno = queue->submitted + 1;
	ret = sfab_ring_write(queue, seqno, cmds, count);
	if (!ret)
		queue->submitted = seqno;
	spin_unlock_irq(&queue->ring_lock);
	if (ret)
		goto out;

	wait_event_timeout(queue->wait, sfab_queue_done(queue, seqno, epoch),
			   msecs_to_jiffies(timeout_ms));
	sfab_ring_process(queue);
	ret = sfab_queue_progress(queue, seqno, epoch);
	if (ret == -EAGAIN)
		ret = -ETIMEDOUT;
out:
	if (ret && drm_dev_is_unplugged(&queue->sdev->drm))
		return -ENODEV;
	/* Unless a device reset has just restarted it */
	if (ret && queue->epoch == epoch)
		sfab_ring_restart(queue);
	return ret;
}
