// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address spaces: lifetime and invalidation
 */
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>

#include "sfab_regs.h"
#include "sfab_vm.h"

/* The device completes an invalidation within one slice per engine */
#define SFAB_INV_POLL_US	2
#define SFAB_INV_TIMEOUT_US	USEC_PER_SEC

static struct sfab_vm *to_sfab_vm(struct drm_gpuvm *gpuvm)
{
	return container_of(gpuvm, struct sfab_vm, base);
}

static void __iomem *sfab_vm_reg(struct sfab_vm *vm, u32 reg)
{
	return vm->sdev->regs + SFAB_VM_BLOCK(vm->hw_id) + reg;
}

static void sfab_vm_free(struct drm_gpuvm *gpuvm)
{
	struct sfab_vm *vm = to_sfab_vm(gpuvm);

	mutex_destroy(&vm->bind_lock);
	mutex_destroy(&vm->lock);
	kfree(vm);
}

const struct drm_gpuvm_ops sfab_gpuvm_ops = {
	.vm_free = sfab_vm_free,
	.sm_step_map = sfab_vm_step_map,
	.sm_step_remap = sfab_vm_step_remap,
	.sm_step_unmap = sfab_vm_step_unmap,
};

/**
 * sfab_vm_hw_get - sfab_hw_get(), if the hardware uses this VM's page table
 * @vm: VM, locked
 * @idx: for sfab_hw_put()
 */
int sfab_vm_hw_get(struct sfab_vm *vm, int *idx)
{
	lockdep_assert_held(&vm->lock);
	return vm->lost ? -ENODEV : sfab_hw_get(vm->sdev, idx);
}

/**
 * sfab_vm_invalidate - wait until the device uses no older translation
 * @vm: VM, locked; between sfab_hw_get() and sfab_hw_put()
 *
 * On return the device no longer accesses what was unmapped before, whatever
 * it takes: memory is freed after this.
 */
void sfab_vm_invalidate(struct sfab_vm *vm)
{
	struct sfab_device *sdev = vm->sdev;
	u32 done;
	int ret;

	lockdep_assert_held(&vm->lock);
	/* A reset in between would forget the request */
	lockdep_assert_held(&sdev->reset_lock);

	sfab_mmu_flush(&vm->mmu);
	writel(++vm->inv_seq, sfab_vm_reg(vm, SFAB_VM_INV));
	ret = readl_poll_timeout(sfab_vm_reg(vm, SFAB_VM_INV_DONE), done, done == vm->inv_seq,
				 SFAB_INV_POLL_US, SFAB_INV_TIMEOUT_US);
	if (ret) {
		sfab_hw_fini(sdev);
		sfab_reset_schedule(sdev, "invalidation timed out");
	}
}

static void sfab_vm_write_root(struct sfab_vm *vm, u64 root)
{
	writeq(root, sfab_vm_reg(vm, SFAB_VM_ROOT));
}

static void sfab_vm_enable(struct sfab_vm *vm)
{
	sfab_mmu_flush(&vm->mmu);
	sfab_vm_write_root(vm, sfab_mmu_root_offset(&vm->mmu) | SFAB_VM_ROOT_VALID);
}

/**
 * sfab_vm_create - make an address space
 * @sdev: device
 * @long_running: see SFAB_VM_LONG_RUNNING
 *
 * Returns a VM with one reference, to be dropped after sfab_vm_kill(), or an
 * ERR_PTR; -ENOSPC if all of the hardware's are in use, -ENODEV if the device is
 * offline.
 */
struct sfab_vm *sfab_vm_create(struct sfab_device *sdev, bool long_running)
{
	struct drm_gem_object *resv_obj;
	struct sfab_vm *vm;
	int ret, idx;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	vm->sdev = sdev;
	vm->long_running = long_running;
	vm->fence_context = dma_fence_context_alloc(1);

	vm->wq = alloc_ordered_workqueue("sfab-bind", WQ_MEM_RECLAIM);
	if (!vm->wq) {
		ret = -ENOMEM;
		goto err_free;
	}
	ret = sfab_mmu_init(&vm->mmu, sdev);
	if (ret)
		goto err_wq;

	resv_obj = drm_gpuvm_resv_object_alloc(&sdev->drm);
	if (!resv_obj) {
		ret = -ENOMEM;
		goto err_mmu;
	}

	mutex_init(&vm->lock);
	mutex_init(&vm->bind_lock);
	init_waitqueue_head(&vm->bind_wait);
	drm_gpuvm_init(&vm->base, "sfab", 0, &sdev->drm, resv_obj, 0, BIT_ULL(SFAB_VA_BITS),
		       0, 0, &sfab_gpuvm_ops);
	drm_gem_object_put(resv_obj);

	ret = xa_alloc(&sdev->vms, &vm->hw_id, NULL, XA_LIMIT(0, sdev->num_vms - 1), GFP_KERNEL);
	if (ret) {
		ret = ret == -EBUSY ? -ENOSPC : ret;
		goto err_gpuvm;
	}
	ret = sfab_hw_get(sdev, &idx);
	if (ret)
		goto err_id;
	/* The slot is allocated; a reset from now on restores this VM as well */
	xa_store(&sdev->vms, vm->hw_id, vm, GFP_NOWAIT);
	sfab_mmu_clear_root(&vm->mmu);
	sfab_vm_enable(vm);
	sfab_hw_put(sdev, idx);
	return vm;

err_id:
	xa_erase(&sdev->vms, vm->hw_id);
err_gpuvm:
	/* sfab_vm_free() does the rest */
	destroy_workqueue(vm->wq);
	sfab_mmu_fini(&vm->mmu);
	drm_gpuvm_put(&vm->base);
	return ERR_PTR(ret);

err_mmu:
	sfab_mmu_fini(&vm->mmu);
err_wq:
	destroy_workqueue(vm->wq);
err_free:
	kfree(vm);
	return ERR_PTR(ret);
}

/**
 * sfab_mappings_free - free mappings and drop their references to BOs
 * @mappings: list of &struct sfab_mapping that are in no tree
 */
void sfab_mappings_free(struct list_head *mappings)
{
	struct sfab_mapping *mapping, *next;

	list_for_each_entry_safe(mapping, next, mappings, link) {
		drm_gem_object_put(mapping->base.gem.obj);
		kfree(mapping);
	}
	INIT_LIST_HEAD(mappings);
}

/**
 * sfab_vm_kill - end an address space
 * @vm: VM without queues
 *
 * VM_BINDs that wait are cancelled.  On return the device has left the page
 * table, and all BOs are let go.
 */
void sfab_vm_kill(struct sfab_vm *vm)
{
	struct drm_gpuva *va, *next;
	LIST_HEAD(mappings);
	int idx;

	mutex_lock(&vm->bind_lock);
	WRITE_ONCE(vm->dead, true);
	mutex_unlock(&vm->bind_lock);
	destroy_workqueue(vm->wq);

	mutex_lock(&vm->lock);
	/* Keeps the id, but no reset brings the page table back from here on */
	xa_store(&vm->sdev->vms, vm->hw_id, NULL, GFP_NOWAIT);
	if (!sfab_hw_get(vm->sdev, &idx)) {
		sfab_vm_write_root(vm, 0);
		sfab_vm_invalidate(vm);
		sfab_hw_put(vm->sdev, idx);
	}
	xa_erase(&vm->sdev->vms, vm->hw_id);

	drm_gpuvm_for_each_va_safe(va, next, &vm->base) {
		struct sfab_mapping *mapping = container_of(va, struct sfab_mapping, base);

		drm_gpuva_remove(va);
		list_add(&mapping->link, &mappings);
	}
	vm->lost = true;	/* for those who wait for the lock */
	mutex_unlock(&vm->lock);

	/* Not under the lock: the HBM allocator allocates under its own */
	sfab_mmu_fini(&vm->mmu);
	sfab_mappings_free(&mappings);
}

/**
 * sfab_vm_map_extent - map memory into the kernel's own VM
 * @vm: VM
 * @extent: memory
 * @va: VM address; the range is not mapped
 */
int sfab_vm_map_extent(struct sfab_vm *vm, const struct sfab_extent *extent, u64 va)
{
	struct sfab_tables tables;
	int ret, idx;

	sfab_tables_init(&tables);
	ret = sfab_tables_reserve_extent(vm->sdev, &tables, extent, va);
	if (ret)
		goto out_free;

	mutex_lock(&vm->lock);
	ret = sfab_vm_hw_get(vm, &idx);
	if (!ret) {
		sfab_mmu_map_extent(&vm->mmu, &tables, extent, va,
				    SFAB_RIGHT_READ | SFAB_RIGHT_WRITE);
		sfab_vm_invalidate(vm);
		sfab_hw_put(vm->sdev, idx);
	}
	mutex_unlock(&vm->lock);
out_free:
	sfab_tables_free(vm->sdev, &tables);
	return ret;
}

/**
 * sfab_vm_map_bo - map a range of a BO into a VM of the kernel's
 * @vm: VM
 * @bo: BO; the caller keeps it until the range is unmapped
 * @offset: start within @bo
 * @va: VM address; the range is not mapped
 * @size: bytes
 * @rights: SFAB_RIGHT_*
 *
 * To be unmapped with sfab_vm_unmap_extent().
 */
int sfab_vm_map_bo(struct sfab_vm *vm, struct sfab_bo *bo, u64 offset, u64 va, u64 size,
		   u32 rights)
{
	struct sfab_tables tables;
	int ret, idx;

	sfab_tables_init(&tables);
	ret = sfab_tables_reserve_map(vm->sdev, &tables, bo, offset, va, size);
	if (ret)
		goto out_free;

	mutex_lock(&vm->lock);
	ret = sfab_vm_hw_get(vm, &idx);
	if (!ret) {
		sfab_mmu_map(&vm->mmu, &tables, bo, offset, va, size, rights);
		sfab_vm_invalidate(vm);
		sfab_hw_put(vm->sdev, idx);
	}
	mutex_unlock(&vm->lock);
out_free:
	sfab_tables_free(vm->sdev, &tables);
	return ret;
}

/**
 * sfab_vm_unmap_extent - unmap what sfab_vm_map_extent() or _map_bo() mapped
 * @vm: VM
 * @va: VM address, as given there, or one before it
 * @size: bytes up to where nothing else is mapped
 *
 * Does nothing while the device is offline.
 */
void sfab_vm_unmap_extent(struct sfab_vm *vm, u64 va, u64 size)
{
	struct sfab_tables tables;
	int idx;

	sfab_tables_init(&tables);
	mutex_lock(&vm->lock);
	if (!sfab_vm_hw_get(vm, &idx)) {
		sfab_mmu_unmap(&vm->mmu, &tables, va, size);
		sfab_vm_invalidate(vm);
		sfab_hw_put(vm->sdev, idx);
	}
	mutex_unlock(&vm->lock);
	sfab_tables_free(vm->sdev, &tables);
}

/*
 * The page table of a device that is offline cannot be changed, and a reset
 * would bring the mapping back: give the address space up.
 */
static void sfab_vm_lose(struct sfab_vm *vm)
{
	int idx;

	WRITE_ONCE(vm->lost, true);
	/* It may have come back before it could see that */
	if (!sfab_hw_get(vm->sdev, &idx)) {
		sfab_vm_write_root(vm, 0);
		sfab_vm_invalidate(vm);
		sfab_hw_put(vm->sdev, idx);
	}
}

static void sfab_vm_zap(struct sfab_vm *vm, struct sfab_bo *bo)
{
	struct sfab_tables tables;
	struct drm_gpuva *va;
	int idx;

	sfab_tables_init(&tables);
	mutex_lock(&vm->lock);
	if (vm->lost)
		goto out_unlock;
	if (sfab_hw_get(vm->sdev, &idx)) {
		sfab_vm_lose(vm);
		goto out_unlock;
	}

	/* A large page never spans two mappings: nothing is split here */
	drm_gpuvm_for_each_va(va, &vm->base) {
		if (va->gem.obj == &bo->base)
			sfab_mmu_unmap(&vm->mmu, &tables, va->va.addr, va->va.range);
	}
	sfab_vm_invalidate(vm);
	sfab_hw_put(vm->sdev, idx);
out_unlock:
	mutex_unlock(&vm->lock);
	sfab_tables_free(vm->sdev, &tables);
}

/**
 * sfab_vm_zap_bo - take a BO out of all page tables of its device
 * @bo: BO whose dma_live was turned off
 *
 * The mappings stay in the trees; an access to them faults.
 */
void sfab_vm_zap_bo(struct sfab_bo *bo)
{
	struct sfab_device *sdev = to_sfab(bo->base.dev);
	struct sfab_vm *vm;
	unsigned long id;

	xa_lock(&sdev->vms);
	xa_for_each(&sdev->vms, id, vm) {
		/* Whoever is in the array has a reference until sfab_vm_kill() ends */
		sfab_vm_get(vm);
		xa_unlock(&sdev->vms);
		sfab_vm_zap(vm, bo);
		sfab_vm_put(vm);
		xa_lock(&sdev->vms);
	}
	xa_unlock(&sdev->vms);
}

/**
 * sfab_vm_restore_all - tell the hardware its page tables after a reset
 * @sdev: device, entered, with reset_lock held for writing
 */
void sfab_vm_restore_all(struct sfab_device *sdev)
{
	struct sfab_vm *vm;
	unsigned long id;

	xa_lock(&sdev->vms);
	xa_for_each(&sdev->vms, id, vm) {
		if (!READ_ONCE(vm->lost))
			sfab_vm_enable(vm);
	}
	xa_unlock(&sdev->vms);
}

struct sfab_vm *sfab_vm_get(struct sfab_vm *vm)
{
	drm_gpuvm_get(&vm->base);
	return vm;
}

void sfab_vm_put(struct sfab_vm *vm)
{
	drm_gpuvm_put(&vm->base);
}

/**
 * sfab_vm_lookup - find a VM by its user's id
 * @sfile: file
 * @vm_id: id
 *
 * Returns a VM with a reference, or NULL.
 */
struct sfab_vm *sfab_vm_lookup(struct sfab_file *sfile, u32 vm_id)
{
	struct sfab_vm *vm;

	xa_lock(&sfile->vms);
	vm = xa_load(&sfile->vms, vm_id);
	if (vm)
		sfab_vm_get(vm);
	xa_unlock(&sfile->vms);
	return vm;
}

/**
 * sfab_vm_use - a queue is going to use a VM
 * @vm: VM
 *
 * VM_DESTROY gives EBUSY until sfab_vm_unuse().  Returns -ENOENT if the VM is
 * being destroyed.
 */
int sfab_vm_use(struct sfab_vm *vm)
{
	return atomic_inc_unless_negative(&vm->users) ? 0 : -ENOENT;
}

void sfab_vm_unuse(struct sfab_vm *vm)
{
	atomic_dec(&vm->users);
}

u32 sfab_vm_hw_id(const struct sfab_vm *vm)
{
	return vm->hw_id;
}

bool sfab_vm_long_running(const struct sfab_vm *vm)
{
	return vm->long_running;
}

/**
 * sfab_vm_file_close - end the VMs of a file
 * @sfile: file, whose queues are gone
 */
void sfab_vm_file_close(struct sfab_file *sfile)
{
	struct sfab_vm *vm;
	unsigned long id;

	xa_for_each(&sfile->vms, id, vm) {
		sfab_vm_kill(vm);
		sfab_vm_put(vm);
	}
	xa_destroy(&sfile->vms);
}

int sfab_vm_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_file *sfile = file->driver_priv;
	struct sfab_vm_create *args = data;
	struct sfab_vm *vm;
	int ret;
	u32 id;

	if (args->flags & ~SFAB_VM_LONG_RUNNING)
		return -EINVAL;

	vm = sfab_vm_create(sfile->sdev, args->flags & SFAB_VM_LONG_RUNNING);
	if (IS_ERR(vm))
		return PTR_ERR(vm);

	/* The id first: with the VM in place another thread could destroy it */
	ret = xa_alloc(&sfile->vms, &id, NULL, xa_limit_31b, GFP_KERNEL);
	if (ret) {
		sfab_vm_kill(vm);
		sfab_vm_put(vm);
		return ret;
	}
	args->vm_id = id;
	xa_store(&sfile->vms, id, vm, GFP_KERNEL);	/* reserved: cannot fail */
	return 0;
}

int sfab_vm_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_file *sfile = file->driver_priv;
	struct sfab_vm_destroy *args = data;
	struct sfab_vm *vm;
	int ret = 0, users;

	if (args->pad)
		return -EINVAL;

	vm = sfab_vm_lookup(sfile, args->vm_id);
	if (!vm)
		return -ENOENT;

	users = atomic_cmpxchg(&vm->users, 0, -1);
	if (users) {
		ret = users > 0 ? -EBUSY : -ENOENT;
		goto out_put;
	}

	xa_erase(&sfile->vms, args->vm_id);
	sfab_vm_kill(vm);
	sfab_vm_put(vm);
out_put:
	sfab_vm_put(vm);
	return ret;
}
