// SPDX-License-Identifier: MIT
/*
 * Address spaces of the fake kernel: a list of mappings
 */
#include <errno.h>
#include <string.h>

#include "kernel.h"

#define PAGE		4096ULL
#define VA_END		(1ULL << 48)

static struct vm *lookup(struct file *file, uint32_t id)
{
	return id < MAX_IDS ? file->vms[id] : NULL;
}

static long create(struct file *file, struct sfab_vm_create *args)
{
	struct vm *vm;
	uint32_t i;

	if (args->flags & ~SFAB_VM_LONG_RUNNING)
		return -EINVAL;
	for (i = 1; file->vms[i]; i++)
		;
	vm = calloc(1, sizeof(*vm));
	vm->id = i;
	vm->long_running = args->flags & SFAB_VM_LONG_RUNNING;
	LIST_INIT(&vm->maps);
	file->vms[i] = vm;
	file->dev->vms++;
	live[L_VM]++;
	args->vm_id = i;
	return 0;
}

static void map_free(struct map *map)
{
	LIST_REMOVE(map, link);
	bo_put(map->bo);
	free(map);
}

void vm_free(struct file *file, struct vm *vm)
{
	while (!LIST_EMPTY(&vm->maps))
		map_free(LIST_FIRST(&vm->maps));
	file->vms[vm->id] = NULL;
	file->dev->vms--;
	free(vm);
	live[L_VM]--;
}

static long destroy(struct file *file, struct sfab_vm_destroy *args)
{
	struct vm *vm = lookup(file, args->vm_id);

	if (args->pad)
		return -EINVAL;
	if (!vm)
		return -ENOENT;
	if (vm->queues)
		return -EBUSY;
	vm_free(file, vm);
	return 0;
}

static long check_op(struct file *file, const struct sfab_bind_op *op)
{
	struct bo *bo = op->handle < MAX_IDS ? file->handles[op->handle] : NULL;

	if (op->op > SFAB_BIND_UNMAP || op->pad || !op->size || op->size % PAGE ||
	    op->va % PAGE || op->bo_offset % PAGE || op->va >= VA_END ||
	    op->size > VA_END - op->va)
		return -EINVAL;
	if (op->op == SFAB_BIND_UNMAP)
		return op->rights || op->handle || op->bo_offset ? -EINVAL : 0;
	if (!bo)
		return -ENOENT;
	if (!(op->rights & SFAB_RIGHT_READ) || (op->rights & ~bo->rights))
		return -EINVAL;
	if (op->bo_offset > bo->size || op->size > bo->size - op->bo_offset)
		return -EINVAL;
	if (bo->kind == BO_HBM && bo->dev != file->dev &&
	    (peer_lies || !peers[file->dev->index][bo->dev->index]))
		return -EXDEV;
	return 0;
}

/* The library maps and unmaps memories whole: nothing is ever split */
static void apply(struct file *file, struct vm *vm, const struct sfab_bind_op *op)
{
	struct map *map, *next;

	for (map = LIST_FIRST(&vm->maps); map; map = next) {
		next = LIST_NEXT(map, link);
		if (map->va < op->va + op->size && op->va < map->va + map->size) {
			if (map->va < op->va || map->va + map->size > op->va + op->size)
				abort();
			map_free(map);
		}
	}
	if (op->op == SFAB_BIND_UNMAP)
		return;
	map = calloc(1, sizeof(*map));
	map->va = op->va;
	map->size = op->size;
	map->bo = file->handles[op->handle];
	map->bo->refs++;
	map->offset = op->bo_offset;
	map->rights = op->rights;
	LIST_INSERT_HEAD(&vm->maps, map, link);
}

static long bind(struct file *file, struct sfab_vm_bind *args)
{
	struct vm *vm = lookup(file, args->vm_id);
	const struct sfab_bind_op *ops = (const void *)(uintptr_t)args->ops;
	uint32_t i;
	long ret;

	if (args->flags || !args->op_count || args->op_stride < sizeof(*ops) ||
	    args->sync_stride < sizeof(struct sfab_sync) || args->sync_count)
		return -EINVAL;
	if (args->op_count > MAX_BINDS)
		return -E2BIG;
	if (!vm)
		return -ENOENT;
	for (i = 0; i < args->op_count; i++) {
		ret = check_op(file, &ops[i]);
		if (ret)
			return ret;
	}
	for (i = 0; i < args->op_count; i++)
		apply(file, vm, &ops[i]);
	work.binds++;
	return 0;
}

long vm_ioctl(struct file *file, unsigned int nr, void *arg)
{
	switch (nr) {
	case _IOC_NR(DRM_IOCTL_SFAB_VM_CREATE):
		return create(file, arg);
	case _IOC_NR(DRM_IOCTL_SFAB_VM_DESTROY):
		return destroy(file, arg);
	default:
		return bind(file, arg);
	}
}

/* ---- access ---- */

static struct map *find(struct vm *vm, uint64_t va)
{
	struct map *map;

	LIST_FOREACH(map, &vm->maps, link) {
		if (va >= map->va && va - map->va < map->size)
			return map;
	}
	return NULL;
}

uint32_t vm_check(struct vm *vm, uint64_t va, uint64_t size, uint32_t rights, uint64_t *fault_va)
{
	while (size) {
		struct map *map = find(vm, va);
		uint32_t cause;
		uint64_t n;

		*fault_va = va;
		if (!map)
			return SFAB_FAULT_UNMAPPED;
		if ((rights & SFAB_RIGHT_READ) && !(map->rights & SFAB_RIGHT_READ))
			return SFAB_FAULT_NO_READ;
		if ((rights & SFAB_RIGHT_WRITE) && !(map->rights & SFAB_RIGHT_WRITE))
			return SFAB_FAULT_NO_WRITE;
		n = map->size - (va - map->va);
		n = n < size ? n : size;
		if (map->bo->kind == BO_REMOTE) {
			cause = segment_check(map->bo, map->offset + va - map->va, n, rights);
			if (cause)
				return cause;
		}
		va += n;
		size -= n;
	}
	return SFAB_FAULT_NONE;
}

/* As hardware moves them: a few aligned words whole, for CPUs that look at them meanwhile */
static void move_bytes(char *to, const char *from, uint64_t size)
{
	bool at_once = ((uintptr_t)to | (uintptr_t)from) % 8 == 0 && size <= PAGE;
	uint64_t words = at_once ? size / 8 : 0, i;

	for (i = 0; i < words; i++)
		__atomic_store_n((uint64_t *)to + i,
				 __atomic_load_n((const uint64_t *)from + i, __ATOMIC_ACQUIRE),
				 __ATOMIC_RELEASE);
	memcpy(to + 8 * words, from + 8 * words, size - 8 * words);
}

static void move(struct vm *vm, uint64_t va, char *buf, uint64_t size, bool write)
{
	while (size) {
		struct map *map = find(vm, va);
		uint64_t at = va - map->va;
		uint64_t n = map->size - at < size ? map->size - at : size;
		char *memory = map->bo->kind == BO_REMOTE ? segment_memory(map->bo) :
			       map->bo->memory;

		memory += map->offset + at;
		if (write)
			move_bytes(memory, buf, n);
		else
			move_bytes(buf, memory, n);
		va += n;
		buf += n;
		size -= n;
	}
}

void vm_read(struct vm *vm, uint64_t va, void *buf, uint64_t size)
{
	move(vm, va, buf, size, false);
}

void vm_write(struct vm *vm, uint64_t va, const void *buf, uint64_t size)
{
	move(vm, va, (char *)buf, size, true);
}
