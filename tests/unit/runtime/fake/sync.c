// SPDX-License-Identifier: MIT
/*
 * Fences and syncobjs of the fake kernel
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kernel.h"

struct fence *fence_new(void)
{
	struct fence *fence = calloc(1, sizeof(*fence));

	fence->refs = 1;
	fence->sync_file = -1;
	live[L_FENCE]++;
	return fence;
}

struct fence *fence_get(struct fence *fence)
{
	fence->refs++;
	return fence;
}

void fence_put(struct fence *fence)
{
	if (--fence->refs)
		return;
	if (fence->sync_file >= 0)
		real_close(fence->sync_file);
	live[L_FENCE]--;
	free(fence);
}

static void tell(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

void fence_signal(struct fence *fence)
{
	fence->signalled = true;
	if (fence->sync_file >= 0)
		tell(fence->sync_file);
	pthread_cond_broadcast(&kernel_changed);
}

struct syncobj *syncobj_get(struct syncobj *sync)
{
	sync->refs++;
	return sync;
}

static void drop_points(struct syncobj *sync)
{
	while (sync->count)
		fence_put(sync->points[--sync->count].fence);
}

void syncobj_put(struct syncobj *sync)
{
	if (--sync->refs)
		return;
	drop_points(sync);
	free(sync->points);
	free(sync);
	live[L_SYNCOBJ]--;
}

struct fence *syncobj_find(struct syncobj *sync, uint64_t point)
{
	unsigned int i;

	for (i = 0; i < sync->count; i++) {
		if (sync->points[i].point >= point)
			return sync->points[i].fence;
	}
	return NULL;
}

/* Takes a reference; point 0 replaces what was there */
void syncobj_add(struct syncobj *sync, uint64_t point, struct fence *fence)
{
	if (!point)
		drop_points(sync);
	sync->points = realloc(sync->points, (sync->count + 1) * sizeof(*sync->points));
	sync->points[sync->count++] = (struct timeline_point){ point, fence_get(fence) };
}

static struct syncobj *lookup(struct file *file, uint32_t handle)
{
	return handle < MAX_IDS ? file->syncobjs[handle] : NULL;
}

static long install(struct file *file, struct syncobj *sync, uint32_t *handle)
{
	uint32_t i;

	for (i = 1; i < MAX_IDS; i++) {
		if (!file->syncobjs[i]) {
			file->syncobjs[i] = sync;
			*handle = i;
			return 0;
		}
	}
	return -ENOSPC;
}

static long create(struct file *file, struct drm_syncobj_create *args)
{
	struct syncobj *sync = calloc(1, sizeof(*sync));

	sync->refs = 1;
	live[L_SYNCOBJ]++;
	return install(file, sync, &args->handle);
}

static long destroy(struct file *file, struct drm_syncobj_destroy *args)
{
	struct syncobj *sync = lookup(file, args->handle);

	if (!sync)
		return -EINVAL;
	file->syncobjs[args->handle] = NULL;
	syncobj_put(sync);
	return 0;
}

static long handle_to_fd(struct file *file, struct drm_syncobj_handle *args)
{
	struct syncobj *sync = lookup(file, args->handle);
	struct fence *fence;

	if (!sync || (args->flags & ~DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE))
		return -EINVAL;
	if (!args->flags) {
		args->fd = eventfd(0, EFD_CLOEXEC);
		fd_install(args->fd, FD_SYNCOBJ, syncobj_get(sync));
		return 0;
	}

	fence = syncobj_find(sync, 0);
	if (!fence)
		return -EINVAL;
	if (fence->sync_file < 0) {
		fence->sync_file = eventfd(0, EFD_CLOEXEC);
		if (fence->signalled)
			tell(fence->sync_file);
	}
	args->fd = dup(fence->sync_file);
	fd_install(args->fd, FD_SYNC_FILE, fence_get(fence));
	return 0;
}

static long fd_to_handle(struct file *file, struct drm_syncobj_handle *args)
{
	if (args->flags || args->fd < 0 || args->fd >= MAX_FDS ||
	    descriptors[args->fd].kind != FD_SYNCOBJ)
		return -EINVAL;
	return install(file, syncobj_get(descriptors[args->fd].object), &args->handle);
}

static long transfer(struct file *file, struct drm_syncobj_transfer *args)
{
	struct syncobj *src = lookup(file, args->src_handle);
	struct syncobj *dst = lookup(file, args->dst_handle);
	struct fence *fence;

	if (!src || !dst || args->flags || args->pad)
		return -EINVAL;
	fence = syncobj_find(src, args->src_point);
	if (!fence)
		return -EINVAL;
	syncobj_add(dst, args->dst_point, fence);
	return 0;
}

long syncobj_ioctl(struct file *file, unsigned int nr, void *arg)
{
	switch (nr) {
	case _IOC_NR(DRM_IOCTL_SYNCOBJ_CREATE):
		return create(file, arg);
	case _IOC_NR(DRM_IOCTL_SYNCOBJ_DESTROY):
		return destroy(file, arg);
	case _IOC_NR(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD):
		return handle_to_fd(file, arg);
	case _IOC_NR(DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE):
		return fd_to_handle(file, arg);
	case _IOC_NR(DRM_IOCTL_SYNCOBJ_TRANSFER):
		return transfer(file, arg);
	default:
		return -ENOTTY;
	}
}
