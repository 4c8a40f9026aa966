// SPDX-License-Identifier: MIT
/*
 * BOs and dma-bufs of the fake kernel.  A BO's memory is a memfd, so that mmap()
 * works; a dma-buf is a duplicate of its descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kernel.h"

#define PAGE	4096ULL

static uint64_t next_cookie = 1ULL << 32;
static struct bo *by_cookie[1024];

static void account(struct bo *bo, int sign)
{
	if (bo->kind == BO_HBM) {
		bo->dev->hbm_used += sign * bo->size;
	} else if (bo->kind == BO_SYSTEM) {
		bo->dev->system_used += sign * bo->size;
	} else if (bo->kind == BO_REGISTERED) {
		bo->dev->registered += sign * bo->size;
		pinned += sign * bo->size;
	} else if (bo->kind == BO_REMOTE) {
		bo->dev->imports += sign;
	}
}

struct bo *bo_new(struct device *dev, enum bo_kind kind, uint64_t size)
{
	struct bo *bo = calloc(1, sizeof(*bo));

	bo->refs = 1;
	bo->kind = kind;
	bo->dev = dev;
	bo->size = size;
	bo->rights = SFAB_RIGHT_READ | SFAB_RIGHT_WRITE;
	bo->memfd = -1;
	live[L_BO]++;
	account(bo, 1);
	return bo;
}

static void bo_back(struct bo *bo)
{
	unsigned int i;

	bo->memfd = memfd_create("bo", MFD_CLOEXEC);
	if (bo->memfd < 0 || ftruncate(bo->memfd, bo->size))
		abort();
	bo->memory = mmap(NULL, bo->size, PROT_READ | PROT_WRITE, MAP_SHARED, bo->memfd, 0);
	for (i = 0; by_cookie[i]; i++)
		;
	by_cookie[i] = bo;
	bo->cookie = next_cookie;
	next_cookie += (bo->size + 0xffffffff) & ~0xffffffffULL;
}

void bo_put(struct bo *bo)
{
	unsigned int i;

	if (--bo->refs)
		return;
	account(bo, -1);
	if (bo->memfd >= 0) {
		munmap(bo->memory, bo->size);
		real_close(bo->memfd);
		for (i = 0; by_cookie[i] != bo; i++)
			;
		by_cookie[i] = NULL;
	}
	free(bo);
	live[L_BO]--;
}

long handle_new(struct file *file, struct bo *bo, uint32_t *handle)
{
	uint32_t i;

	for (i = 1; i < MAX_IDS; i++) {
		if (!file->handles[i]) {
			file->handles[i] = bo;
			*handle = i;
			return 0;
		}
	}
	bo_put(bo);
	return -ENOSPC;
}

static struct bo *lookup(struct file *file, uint32_t handle)
{
	return handle < MAX_IDS ? file->handles[handle] : NULL;
}

static long create(struct file *file, struct sfab_bo_create *args)
{
	struct bo *bo;

	if (args->flags || args->pad || args->region > SFAB_REGION_SYSTEM || !args->size ||
	    args->size % PAGE)
		return -EINVAL;
	if (args->region == SFAB_REGION_HBM && args->size > FAKE_HBM_SIZE - file->dev->hbm_used)
		return -ENOSPC;
	bo = bo_new(file->dev, args->region == SFAB_REGION_HBM ? BO_HBM : BO_SYSTEM, args->size);
	bo_back(bo);
	return handle_new(file, bo, &args->handle);
}

static long map_offset(struct file *file, struct sfab_bo_mmap *args)
{
	struct bo *bo = lookup(file, args->handle);

	if (args->flags)
		return -EINVAL;
	if (!bo)
		return -ENOENT;
	if (bo->kind == BO_REGISTERED || bo->kind == BO_REMOTE || bo->dev != file->dev)
		return -EOPNOTSUPP;
	args->offset = bo->cookie;
	return 0;
}

static uint32_t path(struct file *file, struct bo *bo)
{
	if (bo->kind == BO_REMOTE)
		return SFAB_PATH_FABRIC;
	if (bo->kind != BO_HBM)
		return SFAB_PATH_SYSTEM;
	if (bo->dev == file->dev)
		return SFAB_PATH_LOCAL;
	return peers[file->dev->index][bo->dev->index] ? SFAB_PATH_PEER : SFAB_PATH_NONE;
}

static long query(struct file *file, struct sfab_bo_query *args)
{
	struct bo *bo = lookup(file, args->handle);

	if (args->flags)
		return -EINVAL;
	if (!bo)
		return -ENOENT;
	args->size = bo->size;
	args->path = path(file, bo);
	args->rights = bo->rights;
	return 0;
}

/* Reads, and writes back, a byte of each page */
static bool accessible(uint64_t addr, uint64_t size, bool writable)
{
	uint64_t end = addr + size;
	char byte;

	for (; addr < end; addr += PAGE) {
		struct iovec local = { &byte, 1 };
		struct iovec remote = { (void *)(uintptr_t)addr, 1 };

		if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != 1)
			return false;
		if (writable && process_vm_writev(getpid(), &local, 1, &remote, 1, 0) != 1)
			return false;
	}
	return true;
}

static long mem_register(struct file *file, struct sfab_mem_register *args)
{
	struct rlimit limit;
	struct bo *bo;

	if (args->flags || args->pad || !(args->rights & SFAB_RIGHT_READ) ||
	    (args->rights & ~3U) || !args->size || args->size % PAGE || args->addr % PAGE ||
	    args->addr + args->size < args->addr)
		return -EINVAL;
	if (!accessible(args->addr, args->size, args->rights & SFAB_RIGHT_WRITE))
		return -EFAULT;
	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (pinned + args->size > limit.rlim_cur)
		return -ENOMEM;
	bo = bo_new(file->dev, BO_REGISTERED, args->size);
	bo->rights = args->rights;
	bo->memory = (char *)(uintptr_t)args->addr;
	return handle_new(file, bo, &args->handle);
}

static long gem_close(struct file *file, struct drm_gem_close *args)
{
	struct bo *bo = lookup(file, args->handle);

	if (!bo)
		abort();	/* closed twice */
	file->handles[args->handle] = NULL;
	bo_put(bo);
	return 0;
}

long bo_ioctl(struct file *file, unsigned int nr, void *arg)
{
	switch (nr) {
	case _IOC_NR(DRM_IOCTL_SFAB_BO_CREATE):
		return create(file, arg);
	case _IOC_NR(DRM_IOCTL_SFAB_BO_MMAP):
		return map_offset(file, arg);
	case _IOC_NR(DRM_IOCTL_SFAB_BO_QUERY):
		return query(file, arg);
	case _IOC_NR(DRM_IOCTL_SFAB_MEM_REGISTER):
		return mem_register(file, arg);
	case _IOC_NR(DRM_IOCTL_GEM_CLOSE):
		return gem_close(file, arg);
	default:
		return -ENOTTY;
	}
}

/* ---- dma-bufs ---- */

static long handle_to_fd(struct file *file, struct drm_prime_handle *args)
{
	struct bo *bo = lookup(file, args->handle);

	if (!bo)
		return -ENOENT;
	if (bo->kind == BO_REGISTERED || bo->kind == BO_REMOTE)
		return -EOPNOTSUPP;
	args->fd = fcntl(bo->memfd, F_DUPFD_CLOEXEC, 0);
	bo->refs++;
	fd_install(args->fd, FD_DMABUF, bo);
	return 0;
}

static long fd_to_handle(struct file *file, struct drm_prime_handle *args)
{
	struct bo *bo;
	uint32_t i;

	if (args->fd < 0 || args->fd >= MAX_FDS || fcntl(args->fd, F_GETFD) < 0)
		return -EBADF;
	if (descriptors[args->fd].kind != FD_DMABUF)
		return -EINVAL;
	bo = descriptors[args->fd].object;
	if (bo->kind == BO_FOREIGN && refuse_foreign)
		return -EOPNOTSUPP;

	/* As DRM does: the handle that this file has already */
	for (i = 1; i < MAX_IDS; i++) {
		if (file->handles[i] == bo) {
			args->handle = i;
			return 0;
		}
	}
	bo->refs++;
	return handle_new(file, bo, &args->handle);
}

long prime_ioctl(struct file *file, unsigned int nr, void *arg)
{
	if (nr == _IOC_NR(DRM_IOCTL_PRIME_HANDLE_TO_FD))
		return handle_to_fd(file, arg);
	return fd_to_handle(file, arg);
}

int fake_foreign_dmabuf(size_t size, void **memory)
{
	struct bo *bo;
	int fd;

	pthread_mutex_lock(&kernel_lock);
	bo = bo_new(NULL, BO_FOREIGN, size);
	bo_back(bo);
	*memory = bo->memory;
	fd = fcntl(bo->memfd, F_DUPFD_CLOEXEC, 0);
	fd_install(fd, FD_DMABUF, bo);
	pthread_mutex_unlock(&kernel_lock);
	return fd;
}

void *bo_mmap(struct file *file, void *addr, size_t size, int prot, int flags, off_t offset)
{
	unsigned int i;

	for (i = 0; i < sizeof(by_cookie) / sizeof(by_cookie[0]); i++) {
		struct bo *bo = by_cookie[i];

		if (bo && bo->cookie == (uint64_t)offset && bo->dev == file->dev &&
		    size == bo->size)
			return mmap(addr, size, prot, flags, bo->memfd, 0);
	}
	errno = EINVAL;
	return MAP_FAILED;
}
