// SPDX-License-Identifier: GPL-2.0-only
/*
 * VM_BIND: changes of an address space, all or nothing
 *
 * Whatever can fail is done in the ioctl: lookups and allocations.  What is left
 * runs on the VM's workqueue and only takes from what was allocated.  The queue
 * is ordered, and its work waits for the WAIT syncs by itself, so the order of
 * the ioctls is the order of the changes, and ending a VM needs no more than to
 * drain it.
 */
#include <linux/workqueue.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "sfab_fence.h"
#include "sfab_trace.h"
#include "sfab_regs.h"
#include "sfab_vm.h"

/* A VM that is being ended is noticed after this time */
#define SFAB_BIND_WAIT_SLICE	(HZ / 20)

/* A replaced range can cut one mapping at each end; what is mapped comes on top */
#define SFAB_MAPPINGS_PER_UNMAP	2

/**
 * struct sfab_bind_job - a VM_BIND on its way
 * @work: on the VM's queue
 * @sdev: device
 * @vm: VM; kept by whoever drains its queue
 * @syncs: to wait for and to signal
 * @fence: signalled when the change is in effect
 * @tables: page tables in reserve, and retired ones
 * @spare: mappings in reserve, without BO
 * @retired: mappings taken out of the tree
 * @rights: of the MAP being applied
 * @count: number of @ops
 * @ops: operations
 * @objs: the BO of each operation, with a reference; NULL for UNMAP
 */
struct sfab_bind_job {
	struct work_struct work;
	struct sfab_device *sdev;
	struct sfab_vm *vm;
	struct sfab_syncs *syncs;
	struct sfab_fence *fence;
	struct sfab_tables tables;
	struct list_head spare;
	struct list_head retired;
	u32 rights;
	u32 count;
	struct sfab_bind_op *ops;
	struct drm_gem_object **objs;
};

/* ---- apply: nothing here may fail or allocate ---- */

static struct sfab_mapping *sfab_bind_take(struct sfab_bind_job *job,
					   struct drm_gem_object *obj, u32 rights)
{
	struct sfab_mapping *mapping = list_first_entry(&job->spare, struct sfab_mapping, link);

	list_del(&mapping->link);
	drm_gem_object_get(obj);
	mapping->rights = rights;
	return mapping;
}

static void sfab_bind_retire(struct sfab_bind_job *job, struct drm_gpuva *va)
{
	list_add(&container_of(va, struct sfab_mapping, base)->link, &job->retired);
}

int sfab_vm_step_map(struct drm_gpuva_op *op, void *priv)
{
	struct sfab_bind_job *job = priv;
	struct drm_gem_object *obj = op->map.gem.obj;
	struct sfab_mapping *mapping = sfab_bind_take(job, obj, job->rights);

	drm_gpuva_map(&job->vm->base, &mapping->base, &op->map);
	sfab_mmu_map(&job->vm->mmu, &job->tables, to_sfab_bo(obj), op->map.gem.offset,
		     op->map.va.addr, op->map.va.range, job->rights);
	return 0;
}

int sfab_vm_step_remap(struct drm_gpuva_op *op, void *priv)
{
	struct drm_gpuva *va = op->remap.unmap->va;
	struct sfab_mapping *old = container_of(va, struct sfab_mapping, base);
	struct sfab_mapping *prev = NULL, *next = NULL;
	struct sfab_bind_job *job = priv;
	u64 start, size;

	if (op->remap.prev)
		prev = sfab_bind_take(job, va->gem.obj, old->rights);
	if (op->remap.next)
		next = sfab_bind_take(job, va->gem.obj, old->rights);

	/* The page table of what stays is left alone: no access to it faults */
	drm_gpuva_op_remap_to_unmap_range(&op->remap, &start, &size);
	sfab_mmu_unmap(&job->vm->mmu, &job->tables, start, size);

	drm_gpuva_remap(prev ? &prev->base : NULL, next ? &next->base : NULL, &op->remap);
	sfab_bind_retire(job, va);
	return 0;
}

int sfab_vm_step_unmap(struct drm_gpuva_op *op, void *priv)
{
	struct drm_gpuva *va = op->unmap.va;
	struct sfab_bind_job *job = priv;

	sfab_mmu_unmap(&job->vm->mmu, &job->tables, va->va.addr, va->va.range);
	drm_gpuva_unmap(&op->unmap);
	sfab_bind_retire(job, va);
	return 0;
}

static int sfab_bind_apply_op(struct sfab_bind_job *job, u32 i)
{
	struct drm_gpuvm *gpuvm = &job->vm->base;
	struct sfab_bind_op *op = &job->ops[i];

	trace_sfab_bind(job->sdev, job->vm->hw_id, op);
	if (op->op == SFAB_BIND_UNMAP)
		return drm_gpuvm_sm_unmap(gpuvm, job, op->va, op->size);
	job->rights = op->rights;
	return drm_gpuvm_sm_map(gpuvm, job, op->va, op->size, job->objs[i], op->bo_offset);
}

/*
 * Without the hardware nothing is changed, the tree neither: what it holds must
 * not be freed while a reset may bring the page table back to use.
 */
static int sfab_bind_apply(struct sfab_bind_job *job)
{
	struct sfab_vm *vm = job->vm;
	int ret, idx;
	u32 i;

	mutex_lock(&vm->lock);
	ret = sfab_vm_hw_get(vm, &idx);
	if (ret)
		goto out_unlock;

	/* The ranges were checked and the steps cannot fail */
	for (i = 0; i < job->count; i++)
		drm_WARN_ON(&job->sdev->drm, sfab_bind_apply_op(job, i));

	sfab_vm_invalidate(vm);
	sfab_hw_put(vm->sdev, idx);
out_unlock:
	mutex_unlock(&vm->lock);
	return ret;
}

static void sfab_bind_free(struct sfab_bind_job *job)
{
	struct sfab_mapping *mapping, *next;
	u32 i;

	list_for_each_entry_safe(mapping, next, &job->spare, link)
		kfree(mapping);
	sfab_mappings_free(&job->retired);
	sfab_tables_free(job->sdev, &job->tables);
	for (i = 0; job->objs && i < job->count; i++)
		drm_gem_object_put(job->objs[i]);
	sfab_syncs_put(job->syncs);
	sfab_fence_free(job->fence);
	kvfree(job->objs);
	kvfree(job->ops);
	kfree(job);
}

static int sfab_bind_wait(struct sfab_bind_job *job)
{
	while (!sfab_syncs_wait(job->syncs, SFAB_BIND_WAIT_SLICE)) {
		if (READ_ONCE(job->vm->dead))
			return -ECANCELED;
	}
	return 0;
}

static void sfab_bind_work(struct work_struct *work)
{
	struct sfab_bind_job *job = container_of(work, struct sfab_bind_job, work);
	struct dma_fence *fence = &job->fence->base;
	struct sfab_vm *vm = job->vm;
	u64 seqno = fence->seqno;
	bool cookie;
	int ret;

	ret = sfab_bind_wait(job);

	cookie = dma_fence_begin_signalling();
	if (!ret)
		ret = sfab_bind_apply(job);
	if (ret)
		dma_fence_set_error(fence, ret);
	dma_fence_signal(fence);
	dma_fence_end_signalling(cookie);

	/* The fence is initialised: it goes with its last reference */
	job->fence = NULL;
	dma_fence_put(fence);
	sfab_bind_free(job);

	WRITE_ONCE(vm->bind_finished, seqno);
	wake_up_all(&vm->bind_wait);
}

/* ---- prepare: everything that can fail ---- */

static int sfab_bind_check_op(const struct sfab_bind_op *op)
{
	const u32 rights = SFAB_RIGHT_READ | SFAB_RIGHT_WRITE;
	u64 end;

	if (op->pad || !op->size || !IS_ALIGNED(op->va | op->size | op->bo_offset, SZ_4K))
		return -EINVAL;
	if (check_add_overflow(op->va, op->size, &end) || end > BIT_ULL(SFAB_VA_BITS))
		return -EINVAL;

	switch (op->op) {
	case SFAB_BIND_MAP:
		if ((op->rights & ~rights) || !(op->rights & SFAB_RIGHT_READ))
			return -EINVAL;
		return check_add_overflow(op->bo_offset, op->size, &end) ? -EINVAL : 0;
	case SFAB_BIND_UNMAP:
		return op->rights || op->handle || op->bo_offset ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static int sfab_bind_get_bo(struct sfab_bind_job *job, struct drm_file *file, u32 i)
{
	const struct sfab_bind_op *op = &job->ops[i];
	struct drm_gem_object *obj;
	struct sfab_bo *bo;

	obj = drm_gem_object_lookup(file, op->handle);
	if (!obj)
		return -ENOENT;

	job->objs[i] = obj;
	bo = to_sfab_bo(obj);
	if (op->bo_offset + op->size > obj->size)
		return -EINVAL;
	if (op->rights & ~bo->rights)
		return -EACCES;
	if (sfab_bo_path(bo) == SFAB_PATH_NONE)
		return -EXDEV;
	return 0;
}

static int sfab_bind_reserve(struct sfab_bind_job *job, u32 i)
{
	const struct sfab_bind_op *op = &job->ops[i];
	struct sfab_device *sdev = job->sdev;
	bool map = op->op == SFAB_BIND_MAP;
	int ret, n;

	for (n = 0; n < SFAB_MAPPINGS_PER_UNMAP + map; n++) {
		struct sfab_mapping *mapping = kzalloc(sizeof(*mapping), GFP_KERNEL_ACCOUNT);

		if (!mapping)
			return -ENOMEM;
		list_add(&mapping->link, &job->spare);
	}

	ret = sfab_tables_reserve_unmap(sdev, &job->tables);
	if (ret || !map)
		return ret;
	return sfab_tables_reserve_map(sdev, &job->tables, to_sfab_bo(job->objs[i]),
				       op->bo_offset, op->va, op->size);
}

static int sfab_bind_check(const struct sfab_bind_job *job)
{
	int ret = 0;
	u32 i;

	for (i = 0; i < job->count && !ret; i++)
		ret = sfab_bind_check_op(&job->ops[i]);
	return ret;
}

static int sfab_bind_prepare(struct sfab_bind_job *job, struct drm_file *file)
{
	int ret;
	u32 i;

	for (i = 0; i < job->count; i++) {
		if (job->ops[i].op != SFAB_BIND_MAP)
			continue;
		ret = sfab_bind_get_bo(job, file, i);
		if (ret)
			return ret;
	}

	for (i = 0; i < job->count; i++) {
		ret = sfab_bind_reserve(job, i);
		if (ret)
			return ret;
	}
	return 0;
}

static struct sfab_bind_job *sfab_bind_alloc(struct sfab_device *sdev, struct drm_file *file,
					     const struct sfab_vm_bind *args)
{
	struct sfab_bind_job *job;
	void *p;

	job = kzalloc(sizeof(*job), GFP_KERNEL_ACCOUNT);
	if (!job)
		return ERR_PTR(-ENOMEM);
	job->sdev = sdev;
	INIT_WORK(&job->work, sfab_bind_work);
	INIT_LIST_HEAD(&job->spare);
	INIT_LIST_HEAD(&job->retired);
	sfab_tables_init(&job->tables);

	p = sfab_uarray_copy(args->ops, args->op_count, args->op_stride, sizeof(*job->ops),
			     offsetofend(struct sfab_bind_op, size), SFAB_MAX_BINDS);
	if (IS_ERR(p))
		goto err_free;
	job->ops = p;

	p = sfab_syncs_get(file, args->syncs, args->sync_count, args->sync_stride);
	if (IS_ERR(p))
		goto err_free;
	job->syncs = p;

	p = ERR_PTR(-ENOMEM);
	job->objs = kvcalloc(args->op_count, sizeof(*job->objs), GFP_KERNEL_ACCOUNT);
	job->fence = sfab_fence_alloc();
	if (!job->objs || !job->fence)
		goto err_free;
	job->count = args->op_count;
	return job;

err_free:
	sfab_bind_free(job);
	return p;
}

/* From here on the work is done, whatever happens */
static int sfab_bind_queue(struct sfab_bind_job *job, struct dma_fence **fence)
{
	struct sfab_vm *vm = job->vm;
	int ret = 0;

	mutex_lock(&vm->bind_lock);
	if (vm->dead) {
		ret = -ENOENT;
		goto out_unlock;
	}
	sfab_fence_init(job->fence, vm->fence_context, ++vm->fence_seqno);
	*fence = dma_fence_get(&job->fence->base);
	sfab_syncs_signal(job->syncs, *fence);
	queue_work(vm->wq, &job->work);
out_unlock:
	mutex_unlock(&vm->bind_lock);
	return ret;
}

int sfab_vm_bind_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_file *sfile = file->driver_priv;
	struct sfab_vm_bind *args = data;
	struct sfab_bind_job *job;
	struct dma_fence *fence;
	struct sfab_vm *vm;
	int ret, idx;

	if (args->flags || !args->op_count)
		return -EINVAL;

	job = sfab_bind_alloc(to_sfab(drm), file, args);
	if (IS_ERR(job))
		return PTR_ERR(job);
	ret = sfab_bind_check(job);
	if (ret)
		goto err_job;

	vm = sfab_vm_lookup(sfile, args->vm_id);
	if (!vm) {
		ret = -ENOENT;
		goto err_job;
	}
	job->vm = vm;

	if (!drm_dev_enter(drm, &idx)) {
		ret = -ENODEV;
		goto err_vm;
	}
	ret = sfab_bind_prepare(job, file);
	drm_dev_exit(idx);
	if (ret)
		goto err_vm;

	ret = sfab_bind_queue(job, &fence);
	if (ret)
		goto err_vm;

	/*
	 * The fence says that the change is in effect; the caller may count on
	 * what was unmapped being let go of as well.  Interrupted, the work goes
	 * on, and repeating it makes no difference.
	 */
	if (!args->sync_count) {
		ret = wait_event_interruptible(vm->bind_wait,
					       READ_ONCE(vm->bind_finished) >= fence->seqno);
		if (!ret)
			ret = min(dma_fence_get_status(fence), 0);
	}
	dma_fence_put(fence);
	sfab_vm_put(vm);
	return ret;

err_vm:
	sfab_vm_put(vm);
err_job:
	sfab_bind_free(job);
	return ret;
}
