// SPDX-License-Identifier: MIT
/*
 * Registration: memory of the process that devices may use, and finding it by
 * address
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "internal.h"

/* Bytes that the process has pinned, as the kernel counts them; 0 if unknown */
static uint64_t pinned_bytes(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	uint64_t kib = 0;
	char line[128];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "VmPin: %" SCNu64, &kib) == 1)
			break;
	}
	fclose(f);
	return kib * 1024;
}

static int fail_memory(struct sfab_device *dev, uint64_t size)
{
	uint64_t pinned = pinned_bytes();
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur == RLIM_INFINITY ||
	    pinned + size <= limit.rlim_cur)
		return fail(-ENOMEM, "%s: register %" PRIu64 " bytes: the kernel has no memory left to pin them",
			    dev->label, size);

	return fail(-ENOMEM,
		    "%s: register %" PRIu64 " bytes: RLIMIT_MEMLOCK is %" PRIu64
		    " bytes and %" PRIu64 " are pinned already, %" PRIu64
		    " too many: raise the limit ('ulimit -l', LimitMEMLOCK= of systemd, /etc/security/limits.conf) or give the process CAP_IPC_LOCK",
		    dev->label, size, (uint64_t)limit.rlim_cur, pinned,
		    pinned + size - (uint64_t)limit.rlim_cur);
}

static int fail_register(struct sfab_device *dev, int err, const void *addr, uint64_t size,
			 unsigned int rights)
{
	if (err == -ENOMEM)
		return fail_memory(dev, size);
	if (err == -EFAULT)
		return fail(err, "%s: register %" PRIu64 " bytes at %p: not all of them are mapped%s, or they are of a kind that cannot be pinned (a file on a disk file system, device memory)",
			    dev->label, size, addr,
			    rights & SFAB_WRITE ? " readable and writable" : " readable");
	return device_fail(dev, err, "register %" PRIu64 " bytes at %p", size, addr);
}

/* addr and size are of whole pages */
int register_pages(struct sfab_device *dev, void *addr, uint64_t size, unsigned int rights,
		   uint32_t *handle)
{
	struct sfab_mem_register args = {
		.addr = (uintptr_t)addr,
		.size = size,
		.rights = rights,
	};
	int ret;

	ret = device_ioctl(dev, DRM_IOCTL_SFAB_MEM_REGISTER, &args);
	if (ret)
		return fail_register(dev, ret, addr, size, rights);
	ret = handle_adopt(dev, args.handle);
	if (!ret)
		*handle = args.handle;
	return ret;
}

int sfab_mem_register(struct sfab_device *dev, void *addr, uint64_t size, unsigned int rights,
		      struct sfab_mem **memory)
{
	uint64_t start = (uintptr_t)addr & ~(SFAB_PAGE - 1);
	struct sfab_mem init = {
		.kind = SFAB_MEM_REGISTERED,
		.size = size,
		.rights = rights,
		.host = addr,
		.skew = (uintptr_t)addr - start,
	};
	struct sfab_mem *mem;
	uint32_t handle;
	int ret;

	if (!dev || !addr || !memory)
		return fail_null(__func__);
	if (rights != SFAB_READ && rights != (SFAB_READ | SFAB_WRITE))
		return fail(-EINVAL, "%s: rights %#x: SFAB_READ, or SFAB_READ | SFAB_WRITE",
			    __func__, rights);
	if (!size || size > UINTPTR_MAX - (uintptr_t)addr - SFAB_PAGE)
		return fail(-EINVAL, "%s: %" PRIu64 " bytes at %p are no range", __func__, size,
			    addr);
	ret = context_check(dev->ctx);
	if (ret)
		return ret;

	init.bo_size = page_up(init.skew + size);
	ret = register_pages(dev, (char *)addr - init.skew, init.bo_size, rights, &handle);
	if (ret)
		return ret;
	ret = mem_new(dev, &init, handle, SFAB_REACH_SYSTEM, &mem);
	if (ret)
		return ret;
	ret = registered_add(mem);
	if (ret) {
		sfab_mem_free(mem);
		return fail_nomem("a registration");
	}
	*memory = mem;
	return 0;
}

/* ---- finding by address: an array sorted by it; ranges may overlap ---- */

static uint64_t host_address(const struct sfab_mem *mem)
{
	return (uintptr_t)mem->host;
}

/* Index of the first registration that starts above addr; ctx->lock is held */
static size_t upper_bound(const struct sfab_context *ctx, uint64_t addr)
{
	size_t low = 0, high = ctx->registered_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (host_address(ctx->registered[middle]) <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool make_room(struct sfab_context *ctx)
{
	size_t capacity = ctx->registered_capacity ? 2 * ctx->registered_capacity : 16;
	struct sfab_mem **registered;

	if (ctx->registered_count < ctx->registered_capacity)
		return true;
	registered = realloc(ctx->registered, capacity * sizeof(struct sfab_mem *));
	if (!registered)
		return false;
	ctx->registered = registered;
	ctx->registered_capacity = capacity;
	return true;
}

int registered_add(struct sfab_mem *mem)
{
	struct sfab_context *ctx = mem->ctx;
	int ret = -ENOMEM;
	size_t at;

	pthread_mutex_lock(&ctx->lock);
	if (make_room(ctx)) {
		at = upper_bound(ctx, host_address(mem));
		memmove(&ctx->registered[at + 1], &ctx->registered[at],
			(ctx->registered_count - at) * sizeof(mem));
		ctx->registered[at] = mem;
		ctx->registered_count++;
		if (mem->size > ctx->registered_longest)
			ctx->registered_longest = mem->size;
		ret = 0;
	}
	pthread_mutex_unlock(&ctx->lock);
	return ret;
}

void registered_remove(struct sfab_mem *mem)
{
	struct sfab_context *ctx = mem->ctx;
	size_t at;

	if (mem->kind != SFAB_MEM_REGISTERED)
		return;
	pthread_mutex_lock(&ctx->lock);
	at = upper_bound(ctx, host_address(mem));
	while (at > 0 && ctx->registered[at - 1] != mem &&
	       host_address(ctx->registered[at - 1]) == host_address(mem))
		at--;
	if (at > 0 && ctx->registered[at - 1] == mem) {
		memmove(&ctx->registered[at - 1], &ctx->registered[at],
			(ctx->registered_count - at) * sizeof(mem));
		ctx->registered_count--;
	}
	pthread_mutex_unlock(&ctx->lock);
}

struct sfab_mem *registered_find(struct sfab_context *ctx, uint64_t addr, uint64_t size)
{
	struct sfab_mem *found = NULL;
	size_t i;

	pthread_mutex_lock(&ctx->lock);
	for (i = upper_bound(ctx, addr); i > 0 && !found; i--) {
		struct sfab_mem *mem = ctx->registered[i - 1];
		uint64_t offset = addr - host_address(mem);

		if (offset > ctx->registered_longest)
			break;
		if (offset <= mem->size && size <= mem->size - offset)
			found = mem;
	}
	pthread_mutex_unlock(&ctx->lock);
	return found;
}
