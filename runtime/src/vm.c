// SPDX-License-Identifier: MIT
/*
 * Address spaces of a device: one for ordinary queues, one for long-running ones
 *
 * A memory is mapped whole, with all of its rights, when a queue first uses it,
 * and stays mapped until it is freed.  Between two mappings is a page that is not
 * mapped.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

#define LARGE_PAGE	(2ULL << 20)
#define GUARD		SFAB_PAGE

/* The caller holds dev->lock */
int vm_open(struct sfab_device *dev, enum vm_kind kind)
{
	struct sfab_vm_create create = {
		.flags = kind == VM_LONG_RUNNING ? SFAB_VM_LONG_RUNNING : 0,
	};
	struct vm *vm = &dev->vms[kind];
	int ret;

	if (vm->id)
		return 0;

	/* Address 0 is never handed out */
	ret = vaspace_init(&vm->space, LARGE_PAGE, 1ULL << dev->limits.va_bits);
	if (ret)
		return ret;
	ret = device_ioctl(dev, DRM_IOCTL_SFAB_VM_CREATE, &create);
	if (ret) {
		vaspace_fini(&vm->space);
		if (ret == -ENOSPC)
			return fail(ret, "%s: all of its %u address spaces are in use: close other users of the device",
				    dev->label, dev->limits.max_vms);
		return device_fail(dev, ret, "create an address space");
	}
	LIST_INIT(&vm->mappings);
	vm->id = create.vm_id;
	return 0;
}

void vm_close(struct sfab_device *dev, enum vm_kind kind, bool kernel)
{
	struct vm *vm = &dev->vms[kind];
	struct sfab_vm_destroy destroy = { .vm_id = vm->id };

	if (!vm->id)
		return;
	if (kernel)
		device_ioctl(dev, DRM_IOCTL_SFAB_VM_DESTROY, &destroy);
	vaspace_fini(&vm->space);
	vm->id = 0;
}

static int bind(struct sfab_device *dev, uint32_t vm_id, const struct sfab_bind_op *op)
{
	struct sfab_vm_bind args = {
		.vm_id = vm_id,
		.ops = (uintptr_t)op,
		.op_count = 1,
		.op_stride = sizeof(*op),
		.sync_stride = sizeof(struct sfab_sync),
	};

	return device_ioctl(dev, DRM_IOCTL_SFAB_VM_BIND, &args);
}

static uint64_t take_addresses(struct sfab_device *dev, struct vm *vm, const struct sfab_mem *mem,
			       uint64_t size)
{
	uint64_t align = size >= LARGE_PAGE ? LARGE_PAGE : SFAB_PAGE;
	/* A huge page of the host is one of the device too if both are aligned */
	uint64_t skew = mem->host ? ((uintptr_t)mem->host - mem->skew) & (align - 1) : 0;
	uint64_t va;

	pthread_mutex_lock(&dev->lock);
	va = vaspace_alloc(&vm->space, size + GUARD, align, skew);
	pthread_mutex_unlock(&dev->lock);
	return va;
}

static void give_addresses(struct sfab_device *dev, struct vm *vm, uint64_t va, uint64_t size)
{
	pthread_mutex_lock(&dev->lock);
	vaspace_free(&vm->space, va, size + GUARD);
	pthread_mutex_unlock(&dev->lock);
}

/* The caller holds mem->lock */
int vm_map(struct sfab_device *dev, enum vm_kind kind, struct mapping *map,
	   struct sfab_mem *mem, const struct view *view)
{
	struct vm *vm = &dev->vms[kind];
	struct sfab_bind_op op = {
		.op = SFAB_BIND_MAP,
		.rights = mem_map_rights(mem),
		.handle = view->handle,
		.size = view->bo_size,
	};
	char what[128];
	int ret;

	op.va = take_addresses(dev, vm, mem, op.size);
	if (!op.va)
		return fail(-ENOMEM, "%s: no room for %llu bytes in the address space of the device: free memories",
			    dev->label, (unsigned long long)op.size);
	ret = bind(dev, vm->id, &op);
	if (ret) {
		give_addresses(dev, vm, op.va, op.size);
		return device_fail(dev, ret, "map %s",
				   mem_describe(mem, what, sizeof(what)));
	}

	map->mem = mem;
	map->va = op.va;
	map->size = op.size;
	map->skew = view->skew;
	pthread_mutex_lock(&dev->lock);
	LIST_INSERT_HEAD(&vm->mappings, map, link);
	pthread_mutex_unlock(&dev->lock);
	return 0;
}

int vm_cut(struct sfab_device *dev, enum vm_kind kind, const struct mapping *map)
{
	struct sfab_bind_op op = {
		.op = SFAB_BIND_UNMAP,
		.va = map->va,
		.size = map->size,
	};
	char what[128];
	int ret;

	ret = bind(dev, dev->vms[kind].id, &op);
	/* A device that is gone has no mappings any more */
	if (ret && ret != -ENODEV)
		return device_fail(dev, ret, "unmap %s",
				   mem_describe(map->mem, what, sizeof(what)));
	return 0;
}

/* The caller holds mem->lock */
int vm_unmap(struct sfab_device *dev, enum vm_kind kind, struct mapping *map)
{
	int ret;

	ret = vm_cut(dev, kind, map);
	if (ret)
		return ret;
	pthread_mutex_lock(&dev->lock);
	LIST_REMOVE(map, link);
	pthread_mutex_unlock(&dev->lock);
	give_addresses(dev, &dev->vms[kind], map->va, map->size);
	map->va = 0;
	return 0;
}

struct sfab_mem *vm_find(struct sfab_device *dev, enum vm_kind kind, uint64_t va,
			 uint64_t *offset)
{
	struct sfab_mem *mem = NULL;
	struct mapping *map;

	pthread_mutex_lock(&dev->lock);
	list_each(map, &dev->vms[kind].mappings, link) {
		if (va >= map->va && va - map->va < map->size) {
			mem = map->mem;
			*offset = va - map->va - map->skew;
			break;
		}
	}
	pthread_mutex_unlock(&dev->lock);
	return mem;
}
