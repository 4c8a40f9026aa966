// SPDX-License-Identifier: MIT
/*
 * Work for a process that something happens to, see worker.h.
 */
#define _GNU_SOURCE
#include "worker.h"

#define LOCAL_VA	0x40000000ULL
#define REGISTERED_VA	0x80000000ULL
#define PEER_VA		0xc0000000ULL
#define SIZE		(2 * SZ_2M)

_Atomic unsigned int *work_begun;

struct worker {
	uint64_t seed;
	int fd, peer_fd;
	uint32_t vm, lr_vm, queue, lr_queue, syncobj;
	struct buffer local, registered;
	uint32_t peer_bo;
};

static int worker_open(struct worker *w, unsigned int index, int peer)
{
	int ret, dmabuf;
	uint32_t bo;

	w->fd = accel_open(index);
	if (w->fd < 0)
		return w->fd;
	ret = vm_create(w->fd, 0, &w->vm);
	ret = ret ?: vm_create(w->fd, SFAB_VM_LONG_RUNNING, &w->lr_vm);
	ret = ret ?: queue_create(w->fd, w->vm, &w->queue);
	ret = ret ?: queue_create(w->fd, w->lr_vm, &w->lr_queue);
	ret = ret ?: syncobj_create(w->fd, &w->syncobj);
	ret = ret ?: buffer_create(w->fd, w->vm, SFAB_REGION_HBM, SIZE, LOCAL_VA, RIGHT_RW,
				   &w->local);
	ret = ret ?: buffer_create(w->fd, w->vm, SFAB_REGION_REGISTERED, SIZE, REGISTERED_VA,
				   RIGHT_RW, &w->registered);
	ret = ret ?: vm_map(w->fd, w->lr_vm, LOCAL_VA, w->local.handle, 0, SIZE, RIGHT_RW);
	if (ret || peer < 0)
		return ret;

	w->peer_fd = accel_open(peer);
	if (w->peer_fd < 0)
		return w->peer_fd;
	ret = bo_create(w->peer_fd, SIZE, SFAB_REGION_HBM, &bo);
	if (ret)
		return ret;
	dmabuf = prime_export(w->peer_fd, bo);
	if (dmabuf < 0)
		return dmabuf;
	ret = prime_import(w->fd, dmabuf, &w->peer_bo);
	close(dmabuf);
	return ret ?: vm_map(w->fd, w->vm, PEER_VA, w->peer_bo, 0, SIZE, RIGHT_RW);
}

static void worker_close(struct worker *w)
{
	if (w->fd >= 0)
		close(w->fd);
	if (w->peer_fd >= 0)
		close(w->peer_fd);
	if (w->local.cpu && w->local.cpu != MAP_FAILED)
		munmap(w->local.cpu, SIZE);
	if (w->registered.cpu && w->registered.cpu != MAP_FAILED)
		munmap(w->registered.cpu, SIZE);
}

static int copy_about(struct worker *w)
{
	struct sfab_command cmds[] = {
		cmd_copy(LOCAL_VA, REGISTERED_VA, SIZE),
		cmd_fill(REGISTERED_VA, SIZE, 8, w->seed),
		cmd_copy(w->peer_fd < 0 ? LOCAL_VA : PEER_VA, REGISTERED_VA, SIZE),
		cmd_reduce(LOCAL_VA, REGISTERED_VA, SZ_64K, SFAB_I32, SFAB_REDUCE_SUM),
	};
	struct sfab_sync sync = sync_signal(w->syncobj, 0);
	uint64_t seqno;
	int ret = queue_submit(w->fd, w->queue, cmds, 4, &sync, 1, &seqno);

	if (ret || random64(&w->seed) & 1)
		return ret;
	return queue_wait(w->fd, w->queue, seqno, WAIT_MS);
}

static int bind_about(struct worker *w)
{
	uint64_t page = random64(&w->seed) % (SIZE / SZ_4K);
	struct sfab_bind_op ops[] = {
		op_unmap(PEER_VA + SIZE + page * SZ_4K, SZ_2M),
		op_map(PEER_VA + SIZE, w->registered.handle, 0, SIZE, RIGHT_R),
		op_map(PEER_VA + SIZE + page * SZ_4K, w->local.handle, 0, SZ_4K, RIGHT_RW),
	};
	struct sfab_sync sync = sync_signal(w->syncobj, 0);

	return vm_bind(w->fd, w->vm, ops, 3, &sync, random64(&w->seed) & 1);
}

static int register_about(struct worker *w)
{
	uint64_t size = SZ_4K << random64(&w->seed) % 9;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t handle;
	int ret;

	if (memory == MAP_FAILED)
		return -errno;
	ret = mem_register(w->fd, memory, size, RIGHT_RW, &handle);
	ret = ret ?: vm_map(w->fd, w->vm, PEER_VA + 4 * SIZE, handle, 0, size, RIGHT_RW);
	munmap(memory, size);
	if (!ret && random64(&w->seed) & 1)
		ret = bo_close(w->fd, handle);
	return ret;
}

/* A WAIT that nothing ends; the queue is left to whoever ends the process */
static int hang_about(struct worker *w)
{
	struct sfab_command cmd = cmd_wait(LOCAL_VA, 8, SFAB_WAIT_EQ, ~w->seed, ~0ULL, 0);
	uint64_t seqno;
	int ret = queue_submit(w->fd, w->lr_queue, &cmd, 1, NULL, 0, &seqno);

	if (ret == -EAGAIN)
		return 0;
	if (ret || random64(&w->seed) & 3)
		return ret;
	ret = queue_wait(w->fd, w->lr_queue, seqno, 20);
	return ret == -ETIME ? 0 : ret;
}

static int allocate_about(struct worker *w)
{
	uint32_t region = random64(&w->seed) & 1, handle;
	uint64_t size = SZ_4K << random64(&w->seed) % 10;
	int ret = bo_create(w->fd, size, region, &handle);

	if (ret)
		return ret == -ENOSPC ? 0 : ret;
	return random64(&w->seed) & 3 ? bo_close(w->fd, handle) : 0;
}

int work_on(unsigned int index, int peer, uint64_t seed, unsigned int rounds)
{
	static int (*const actions[])(struct worker *) = {
		copy_about, bind_about, register_about, hang_about, allocate_about,
	};
	struct worker w = { .seed = seed * 2 + 1, .fd = -1, .peer_fd = -1 };
	unsigned int i;
	int ret;

	ret = worker_open(&w, index, peer);
	if (work_begun)
		(*work_begun)++;
	for (i = 0; !ret && (!rounds || i < rounds); i++)
		ret = actions[random64(&w.seed) % 5](&w);
	worker_close(&w);
	return ret;
}
