// SPDX-License-Identifier: MIT
/*
 * Memory of one device on another: exported and imported as a dma-buf when it is
 * first used there; registered memory is registered there too
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

#include "internal.h"

_Static_assert((int)SFAB_REACH_LOCAL == (int)SFAB_PATH_LOCAL &&
	       (int)SFAB_REACH_SYSTEM == (int)SFAB_PATH_SYSTEM &&
	       (int)SFAB_REACH_PEER == (int)SFAB_PATH_PEER &&
	       (int)SFAB_REACH_BOUNCE == (int)SFAB_PATH_NONE &&
	       (int)SFAB_REACH_FABRIC == (int)SFAB_PATH_FABRIC, "ways to reach a memory");

const char *sfab_reach_name(uint32_t reach)
{
	static const char *const names[] = {
		[SFAB_REACH_LOCAL] = "local",
		[SFAB_REACH_SYSTEM] = "system",
		[SFAB_REACH_PEER] = "peer",
		[SFAB_REACH_BOUNCE] = "bounce",
		[SFAB_REACH_FABRIC] = "fabric",
	};

	return reach < ARRAY_SIZE(names) ? names[reach] : "unknown";
}

/* Sets no text */
static int import(const struct sfab_mem *mem, struct sfab_device *dev, uint32_t *handle)
{
	int fd, ret;

	if (drmPrimeHandleToFD(mem->dev->fd, mem->handle, DRM_CLOEXEC | DRM_RDWR, &fd))
		return -errno;
	ret = handle_import(dev, fd, handle);
	close(fd);
	return ret;
}

int peer_view(const struct sfab_mem *mem, struct view *view)
{
	struct sfab_device *dev = view->dev;
	struct sfab_bo_query query = { 0 };
	char what[128];
	int ret;

	view->bo_size = mem->bo_size;
	view->skew = mem->skew;
	if (mem->kind == SFAB_MEM_REGISTERED) {
		view->reach = SFAB_REACH_SYSTEM;
		return register_pages(dev, mem->host - mem->skew, mem->bo_size, mem->rights,
				      &view->handle);
	}

	view->reach = SFAB_REACH_BOUNCE;
	ret = import(mem, dev, &query.handle);
	if (ret == -EXDEV || ret == -EOPNOTSUPP)
		return 0;	/* cannot be reached */
	if (ret)
		return device_fail(dev, ret, "import %s",
				   mem_describe(mem, what, sizeof(what)));

	ret = device_ioctl(dev, DRM_IOCTL_SFAB_BO_QUERY, &query);
	if (ret || query.path == SFAB_PATH_NONE) {
		handle_put(dev, query.handle);
		return ret ? device_fail(dev, ret, "query %s",
					 mem_describe(mem, what, sizeof(what))) : 0;
	}
	view->handle = query.handle;
	view->reach = (enum sfab_reach)query.path;
	return 0;
}

/* The caller holds mem->lock */
static int view_get(struct sfab_mem *mem, struct sfab_device *dev, struct view **found)
{
	struct view *view;
	char what[128];
	int ret;

	if (mem->cut)
		return fail(-ESTALE, "%s was taken back by its exporter: free it, and import a new handle",
			    mem_describe(mem, what, sizeof(what)));
	list_each(view, &mem->views, link) {
		if (view->dev == dev) {
			*found = view;
			return 0;
		}
	}

	view = calloc(1, sizeof(*view));
	if (!view)
		return fail_nomem("a memory");
	view->dev = dev;
	if (mem->kind == SFAB_MEM_REMOTE)
		ret = segment_view(mem, view);
	else
		ret = peer_view(mem, view);
	if (ret) {
		free(view);
		return ret;
	}
	LIST_INSERT_HEAD(&mem->views, view, link);
	*found = view;
	return 0;
}

int mem_reach(struct sfab_mem *mem, struct sfab_device *dev, enum sfab_reach *reach)
{
	struct view *view;
	int ret;

	pthread_mutex_lock(&mem->lock);
	ret = view_get(mem, dev, &view);
	if (!ret)
		*reach = view->reach;
	pthread_mutex_unlock(&mem->lock);
	return ret;
}

/* The path may have gone since it was asked for: then the memory is bounced */
static int view_map(struct sfab_mem *mem, struct view *view, enum vm_kind kind)
{
	int ret;

	if (view->reach == SFAB_REACH_BOUNCE || view->maps[kind].va)
		return 0;
	ret = vm_map(view->dev, kind, &view->maps[kind], mem, view);
	if (ret == -EXDEV && mem->kind == SFAB_MEM_REMOTE && view->reach == SFAB_REACH_PEER) {
		handle_put(view->dev, view->handle);
		view->handle = 0;
		ret = segment_view_fabric(mem, view);
		return ret ? ret : view_map(mem, view, kind);
	}
	if (ret != -EXDEV || view->dev == mem->dev)
		return ret;
	view->reach = SFAB_REACH_BOUNCE;
	return 0;
}

int mem_address(struct sfab_mem *mem, struct sfab_device *dev, enum vm_kind kind, uint64_t *va)
{
	struct view *view;
	int ret;

	pthread_mutex_lock(&mem->lock);
	ret = view_get(mem, dev, &view);
	if (!ret)
		ret = view_map(mem, view, kind);
	if (!ret)
		*va = view->reach == SFAB_REACH_BOUNCE ? 0 :
		      view->maps[kind].va + view->skew;
	pthread_mutex_unlock(&mem->lock);
	return ret;
}

int sfab_mem_reach(struct sfab_mem *mem, struct sfab_device *dev)
{
	enum sfab_reach reach;
	int ret;

	if (!mem || !dev)
		return fail_null(__func__);
	if (mem->ctx != dev->ctx)
		return fail(-EINVAL, "%s: memory and device are of different contexts", __func__);
	ret = context_check(mem->ctx);
	if (!ret)
		ret = mem_reach(mem, dev, &reach);
	return ret ? ret : (int)reach;
}

/* ---- between devices ---- */

static int cached_reach(struct sfab_device *dev, unsigned int peer)
{
	int reach;

	pthread_mutex_lock(&dev->lock);
	reach = peer < dev->reach_count ? dev->reach[peer] : -1;
	pthread_mutex_unlock(&dev->lock);
	return reach;
}

/* Only saves time: without memory for it nothing is lost */
static void cache_reach(struct sfab_device *dev, unsigned int peer, enum sfab_reach reach)
{
	signed char *array;

	pthread_mutex_lock(&dev->lock);
	if (peer >= dev->reach_count) {
		array = realloc(dev->reach, peer + 1);
		if (!array)
			goto out;
		memset(array + dev->reach_count, -1, peer + 1 - dev->reach_count);
		dev->reach = array;
		dev->reach_count = peer + 1;
	}
	dev->reach[peer] = reach;
out:
	pthread_mutex_unlock(&dev->lock);
}

int sfab_device_reach(struct sfab_device *dev, struct sfab_device *peer)
{
	struct sfab_mem *probe;
	int reach, ret;

	if (!dev || !peer)
		return fail_null(__func__);
	if (dev->ctx != peer->ctx)
		return fail(-EINVAL, "%s: the devices are of different contexts", __func__);
	ret = context_check(dev->ctx);
	if (ret)
		return ret;
	if (dev == peer)
		return SFAB_REACH_LOCAL;
	reach = cached_reach(dev, peer->index);
	if (reach >= 0)
		return reach;

	ret = sfab_mem_alloc(peer, SFAB_MEM_HBM, SFAB_PAGE, 0, &probe);
	if (ret)
		return ret;
	reach = sfab_mem_reach(probe, dev);
	if (reach >= 0)
		cache_reach(dev, peer->index, reach);
	ret = sfab_mem_free(probe);
	return ret ? ret : reach;
}
