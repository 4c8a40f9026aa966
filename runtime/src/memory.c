// SPDX-License-Identifier: MIT
/*
 * Memories: making, mapping for the CPU, freeing
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "internal.h"

_Static_assert(SFAB_READ == SFAB_RIGHT_READ && SFAB_WRITE == SFAB_RIGHT_WRITE, "rights");

const char *mem_describe(const struct sfab_mem *mem, char *buf, size_t size)
{
	static const char *const kinds[] = {
		[SFAB_MEM_HBM] = "HBM",
		[SFAB_MEM_SYSTEM] = "system memory",
		[SFAB_MEM_REGISTERED] = "registered memory",
		[SFAB_MEM_IMPORTED] = "an imported dma-buf",
	};

	if (mem->kind == SFAB_MEM_REMOTE) {
		snprintf(buf, size, "%llu bytes of remote memory (EID %u, segment %u), imported with %s",
			 (unsigned long long)mem->size, mem->segment.eid, mem->segment.number,
			 mem->dev->label);
		return buf;
	}
	snprintf(buf, size, "%llu bytes of %s of %s", (unsigned long long)mem->size,
		 kinds[mem->kind], mem->dev->label);
	return buf;
}

int mem_new(struct sfab_device *dev, const struct sfab_mem *init, uint32_t handle,
	    enum sfab_reach reach, struct sfab_mem **memory)
{
	struct sfab_mem *mem = calloc(1, sizeof(*mem));
	struct view *view = calloc(1, sizeof(*view));

	if (!mem || !view) {
		free(view);
		free(mem);
		handle_put(dev, handle);
		return fail_nomem("a memory");
	}
	mem->ctx = dev->ctx;
	mem->dev = dev;
	mem->handle = handle;
	mem->kind = init->kind;
	mem->size = init->size;
	mem->bo_size = init->bo_size;
	mem->rights = init->rights;
	mem->host = init->host;
	mem->skew = init->skew;
	mem->segment = init->segment;
	mem->origin = init->origin;
	pthread_mutex_init(&mem->lock, NULL);

	view->dev = dev;
	view->handle = handle;
	view->reach = reach;
	view->bo_size = init->bo_size;
	view->skew = init->skew;
	LIST_INIT(&mem->views);
	LIST_INSERT_HEAD(&mem->views, view, link);

	pthread_mutex_lock(&mem->ctx->lock);
	LIST_INSERT_HEAD(&mem->ctx->mems, mem, link);
	pthread_mutex_unlock(&mem->ctx->lock);
	*memory = mem;
	return 0;
}

unsigned int mem_map_rights(const struct sfab_mem *mem)
{
	return SFAB_READ | (mem->rights & (SFAB_WRITE | SFAB_ATOMIC) ? SFAB_WRITE : 0);
}

void mem_release(struct sfab_mem *mem, bool kernel)
{
	struct view *view, *next;

	if (mem->cpu)
		munmap(mem->cpu, mem->bo_size);
	list_each_safe(view, &mem->views, link, next) {
		if (kernel && view->handle)
			handle_put(view->dev, view->handle);
		free(view);
	}
	free(mem->uses.list);
	free(mem);
}

/* ---- making ---- */

static int fail_alloc(struct sfab_device *dev, int err, enum sfab_mem_kind kind, uint64_t size)
{
	struct sfab_device_info info = { .size = sizeof(info) };

	if (err == -ENOSPC && sfab_device_get_info(dev, &info) == 0)
		return fail(err, "%s: %llu bytes of HBM asked for, %llu of %llu are free: free some, or use another accelerator",
			    dev->label, (unsigned long long)size,
			    (unsigned long long)(info.hbm_size - info.hbm_used),
			    (unsigned long long)info.hbm_size);
	return device_fail(dev, err, "allocate %llu bytes of %s", (unsigned long long)size,
			   kind == SFAB_MEM_HBM ? "HBM" : "system memory");
}

int sfab_mem_alloc(struct sfab_device *dev, enum sfab_mem_kind kind, uint64_t size,
		   unsigned int flags, struct sfab_mem **mem)
{
	struct sfab_bo_create create = { .size = page_up(size) };
	struct sfab_mem init = {
		.kind = kind,
		.size = size,
		.bo_size = create.size,
		.rights = SFAB_READ | SFAB_WRITE,
	};
	bool hbm = kind == SFAB_MEM_HBM;
	int ret;

	if (!dev || !mem)
		return fail_null(__func__);
	if (kind != SFAB_MEM_HBM && kind != SFAB_MEM_SYSTEM)
		return fail(-EINVAL, "%s: kind %d cannot be allocated: SFAB_MEM_HBM and SFAB_MEM_SYSTEM can",
			    __func__, (int)kind);
	if (flags)
		return fail(-EINVAL, "%s: unknown flags %#x", __func__, flags);
	if (!create.size)
		return fail(-EINVAL, "%s: a size of %llu bytes cannot be allocated", __func__,
			    (unsigned long long)size);
	ret = context_check(dev->ctx);
	if (ret)
		return ret;

	create.region = hbm ? SFAB_REGION_HBM : SFAB_REGION_SYSTEM;
	ret = device_ioctl(dev, DRM_IOCTL_SFAB_BO_CREATE, &create);
	if (ret)
		return fail_alloc(dev, ret, kind, size);
	ret = handle_adopt(dev, create.handle);
	if (ret)
		return ret;
	return mem_new(dev, &init, create.handle, hbm ? SFAB_REACH_LOCAL : SFAB_REACH_SYSTEM,
		       mem);
}

static int fail_import(struct sfab_device *dev, int err, int fd)
{
	if (err == -EXDEV || err == -EOPNOTSUPP)
		return fail(-EXDEV, "%s: the device cannot reach dma-buf %d: copy through system memory",
			    dev->label, fd);
	if (err == -EINVAL || err == -EBADF || err == -ENOTTY)
		return fail(-EBADF, "%s: descriptor %d is no dma-buf that can be imported",
			    dev->label, fd);
	return device_fail(dev, err, "import dma-buf %d", fd);
}

int sfab_mem_import_dmabuf(struct sfab_device *dev, int fd, struct sfab_mem **mem)
{
	struct sfab_mem init = { .kind = SFAB_MEM_IMPORTED };
	struct sfab_bo_query query = { 0 };
	int ret;

	if (!dev || !mem)
		return fail_null(__func__);
	ret = context_check(dev->ctx);
	if (ret)
		return ret;

	ret = handle_import(dev, fd, &query.handle);
	if (ret)
		return fail_import(dev, ret, fd);
	ret = device_ioctl(dev, DRM_IOCTL_SFAB_BO_QUERY, &query);
	if (!ret && query.path == SFAB_PATH_NONE)
		ret = -EXDEV;
	if (ret) {
		handle_put(dev, query.handle);
		return fail_import(dev, ret, fd);
	}

	init.size = query.size;
	init.bo_size = query.size;
	init.rights = query.rights & (SFAB_READ | SFAB_WRITE);
	return mem_new(dev, &init, query.handle, (enum sfab_reach)query.path, mem);
}

int sfab_mem_export_dmabuf(struct sfab_mem *mem, int *fd)
{
	char what[128];
	int ret, new_fd = -1;

	if (!mem || !fd)
		return fail_null(__func__);
	ret = context_check(mem->ctx);
	if (ret)
		return ret;
	mem_describe(mem, what, sizeof(what));
	if (mem->kind == SFAB_MEM_REMOTE)
		return fail(-EOPNOTSUPP, "%s has no dma-buf: hand on its handle, and use sfab_mem_import()",
			    what);
	if (mem->kind == SFAB_MEM_REGISTERED)
		return fail(-EOPNOTSUPP, "%s cannot be exported: its pages belong to this process; use sfab_mem_alloc() with SFAB_MEM_SYSTEM",
			    what);

	if (drmPrimeHandleToFD(mem->dev->fd, mem->handle, DRM_CLOEXEC | DRM_RDWR, &new_fd))
		return device_fail(mem->dev, -errno, "export %s", what);
	*fd = new_fd;
	return 0;
}

/* ---- use by queues ---- */

int mem_reserve_use(struct sfab_mem *mem, struct sfab_queue *queue)
{
	int ret;

	pthread_mutex_lock(&mem->lock);
	points_forget_destroyed(&mem->uses);
	ret = points_reserve(&mem->uses, queue);
	pthread_mutex_unlock(&mem->lock);
	return ret;
}

void mem_used(struct sfab_mem *mem, struct sfab_queue *queue, uint64_t seqno)
{
	pthread_mutex_lock(&mem->lock);
	points_set(&mem->uses, queue, seqno);
	pthread_mutex_unlock(&mem->lock);
}

/* ---- mapping for the CPU ---- */

static int map_cpu(struct sfab_mem *mem)
{
	struct sfab_bo_mmap args = { .handle = mem->handle };
	char what[128];
	void *cpu;
	int ret;

	mem_describe(mem, what, sizeof(what));
	ret = device_ioctl(mem->dev, DRM_IOCTL_SFAB_BO_MMAP, &args);
	if (ret)
		return device_fail(mem->dev, ret, "get the mapping offset of %s", what);
	cpu = mmap(NULL, mem->bo_size, PROT_READ | PROT_WRITE, MAP_SHARED, mem->dev->fd,
		   args.offset);
	if (cpu == MAP_FAILED)
		return device_fail(mem->dev, -errno, "map %s for the CPU", what);
	mem->cpu = cpu;
	return 0;
}

int sfab_mem_map(struct sfab_mem *mem, void **addr)
{
	int ret;

	if (!mem || !addr)
		return fail_null(__func__);
	ret = context_check(mem->ctx);
	if (ret)
		return ret;
	if (mem->kind == SFAB_MEM_REMOTE)
		return fail(-EOPNOTSUPP, "%s: remote memory has no address for the CPU: copy it to memory of this node",
			    mem->dev->label);
	if (mem->kind == SFAB_MEM_IMPORTED)
		return fail(-EOPNOTSUPP, "%s: imported memory is mapped through its dma-buf, with mmap()",
			    mem->dev->label);
	if (mem->kind == SFAB_MEM_REGISTERED) {
		*addr = mem->host;
		return 0;
	}

	pthread_mutex_lock(&mem->lock);
	ret = mem->cpu ? 0 : map_cpu(mem);
	if (!ret)
		*addr = mem->cpu;
	pthread_mutex_unlock(&mem->lock);
	return ret;
}

/* ---- freeing ---- */

/* Work that failed is over too, and so is all work of a device that went */
static bool is_over(int ret)
{
	return !ret || ret == -EIO || ret == -ECANCELED || ret == -ENODEV;
}

/* Looks whether work may go on without end, then waits for what is left */
static int wait_for_uses(struct sfab_mem *mem, const char *what)
{
	unsigned int i;
	int ret;

	for (i = 0; i < mem->uses.count; i++) {
		struct point *use = &mem->uses.list[i];

		if (use->queue->vm == VM_LONG_RUNNING && point_wait(use, 0) == -ETIME)
			return fail(-EBUSY, "%s: used by unfinished work of long-running queue %u: let it finish, or destroy the queue first",
				    what, use->queue->id);
	}
	for (i = 0; i < mem->uses.count; i++) {
		ret = point_wait(&mem->uses.list[i], INT64_MAX);
		if (!is_over(ret))
			return ret;
	}
	return 0;
}

/* No work in flight uses it afterwards */
static int quiesce(struct sfab_mem *mem)
{
	char what[128];

	mem_describe(mem, what, sizeof(what));
	if (mem->recorded)
		return fail(-EBUSY, "%s: used by a batch that was not submitted: submit, clear or free the batch first",
			    what);
	if (mem->exports)
		return fail(-EBUSY, "%s is exported: call sfab_export_revoke() first", what);
	return wait_for_uses(mem, what);
}

static int unmap_everywhere(struct sfab_mem *mem)
{
	struct view *view;
	int kind, ret;

	list_each(view, &mem->views, link) {
		for (kind = 0; kind < VM_KINDS; kind++) {
			if (!view->maps[kind].va)
				continue;
			ret = vm_unmap(view->dev, kind, &view->maps[kind]);
			if (ret)
				return ret;
		}
	}
	return 0;
}

int mem_cut(struct sfab_mem *mem)
{
	struct view *view;
	int kind, ret;

	list_each(view, &mem->views, link) {
		for (kind = 0; kind < VM_KINDS; kind++) {
			if (!view->maps[kind].va)
				continue;
			ret = vm_cut(view->dev, kind, &view->maps[kind]);
			if (ret)
				return ret;
		}
	}
	mem->origin = NULL;
	mem->cut = true;
	return 0;
}

/* Nobody else uses it, as the caller promises: no need for mem->lock */
int sfab_mem_free(struct sfab_mem *mem)
{
	int ret;

	if (!mem)
		return 0;
	ret = context_check(mem->ctx);
	if (!ret)
		ret = quiesce(mem);
	if (!ret)
		ret = unmap_everywhere(mem);
	if (ret)
		return ret;

	segment_forget(mem);
	registered_remove(mem);
	pthread_mutex_lock(&mem->ctx->lock);
	LIST_REMOVE(mem, link);
	pthread_mutex_unlock(&mem->ctx->lock);
	points_clear(&mem->uses);
	mem_release(mem, true);
	return 0;
}

/* ---- properties, all constant ---- */

uint64_t sfab_mem_size(struct sfab_mem *mem)
{
	return mem ? mem->size : 0;
}

int sfab_mem_kind(struct sfab_mem *mem)
{
	return mem ? (int)mem->kind : fail_null(__func__);
}

struct sfab_device *sfab_mem_device(struct sfab_mem *mem)
{
	return mem ? mem->dev : NULL;
}
