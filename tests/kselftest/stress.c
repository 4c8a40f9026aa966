// SPDX-License-Identifier: MIT
/*
 * Many threads call everything at once on one file, with ids that other threads
 * make and destroy meanwhile.  Each call gives what the contract allows for such
 * a race, nothing hangs, and after it all is as before.  It is the kernel's
 * sanitizers that look for the rest.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <pthread.h>
#include <stdatomic.h>

#include "sfab_test.h"

#define THREADS		6
#define SECONDS		3
#define SLOTS		8
#define VA		0x40000000ULL
#define SIZE		SZ_64K
/* DMA debugging cannot count more than 7 mappings of one page, and takes that for a bug */
#define REGIONS		1024

struct arena {
	int fd;
	int64_t end;
	volatile bool failed;
	/* Ids: written by anybody at any time, possibly stale */
	volatile uint32_t bos[SLOTS], vms[SLOTS], queues[SLOTS], syncobjs[SLOTS];
	uint8_t *memory;
	atomic_uint registered;
};

struct thread {
	struct arena *arena;
	uint64_t seed;
	uint64_t calls, successes;
};

static int act(struct thread *t)
{
	struct arena *a = t->arena;
	uint64_t r = random64(&t->seed);
	unsigned int slot = r % SLOTS, other = r >> 8 & (SLOTS - 1);
	struct sfab_command cmds[3];
	struct sfab_queue_query state;
	struct sfab_bo_query bo;
	struct sfab_event event;
	struct sfab_sync syncs[2];
	struct sfab_bind_op op;
	uint64_t seqno;
	uint32_t id;
	void *cpu;
	int ret;

	switch ((r >> 16) % 14) {
	case 0:
		ret = bo_create(a->fd, SIZE, r >> 60 & 1, &id);
		if (!ret)
			a->bos[slot] = id;
		return ret;
	case 1:
		other = atomic_fetch_add(&a->registered, 1) % REGIONS;
		ret = mem_register(a->fd, a->memory + other * SIZE, SIZE, RIGHT_RW, &id);
		if (!ret)
			a->bos[slot] = id;
		return ret;
	case 2:
		/* GEM_CLOSE has EINVAL for a handle that does not exist */
		ret = bo_close(a->fd, a->bos[slot]);
		return ret == -EINVAL ? -ENOENT : ret;
	case 3:
		ret = vm_create(a->fd, r >> 60 & 1, &id);
		if (!ret)
			a->vms[slot] = id;
		return ret;
	case 4:
		return vm_destroy(a->fd, a->vms[slot]);
	case 5:
		ret = queue_create(a->fd, a->vms[slot], &id);
		if (!ret)
			a->queues[slot] = id;
		return ret;
	case 6:
		return queue_destroy(a->fd, a->queues[slot]);
	case 7:
	case 8:
		op = r >> 60 & 1 ? op_unmap(VA, SIZE) :
				   op_map(VA, a->bos[other], 0, SIZE, RIGHT_RW);
		syncs[0] = sync_signal(a->syncobjs[other], 0);
		return vm_bind(a->fd, a->vms[slot], &op, 1, syncs, r >> 61 & 1);
	case 9:
	case 10:
		cmds[0] = cmd_fill(VA, SIZE, 8, r);
		cmds[1] = cmd_copy(VA, VA + SIZE / 2, SIZE / 2);
		cmds[2] = cmd_atomic(VA, 0, 8, SFAB_ATOMIC_ADD, 1, 0);
		syncs[0] = sync_wait(a->syncobjs[other], 0);
		syncs[1] = sync_signal(a->syncobjs[slot], 0);
		ret = queue_submit(a->fd, a->queues[slot], cmds, 3, syncs, r >> 59 & 2, &seqno);
		if (!ret && r >> 60 & 1)
			ret = queue_wait(a->fd, a->queues[slot], seqno, 100);
		return ret;
	case 11:
		ret = queue_query(a->fd, a->queues[slot], &state);
		return ret ?: bo_query(a->fd, a->bos[other], &bo);
	case 12:
		cpu = bo_map(a->fd, a->bos[slot], SIZE);
		if (cpu == MAP_FAILED)
			/* mmap() has EINVAL for an offset that nobody has any more */
			return errno == EINVAL ? -ENOENT : -errno;
		*(volatile uint64_t *)cpu = r;
		return munmap(cpu, SIZE);
	default:
		ret = event_read(a->fd, &event, 0);
		if (ret)
			return ret;
		id = 0;
		ret = prime_export(a->fd, a->bos[slot]);
		if (ret < 0)
			return ret;
		syncobj_signal(a->fd, a->syncobjs[slot], 0);
		close(ret);
		return 0;
	}
}

/* What a race may lead to; anything else is a failure */
static bool is_allowed(int ret)
{
	switch (ret) {
	case 0:
	case -ENOENT:		/* destroyed meanwhile */
	case -EBUSY:		/* VM with queues */
	case -ENOSPC:		/* all ids taken */
	case -EAGAIN:		/* full, or the event went to another reader */
	case -EIO:		/* the queue has halted: unmapped memory */
	case -ECANCELED:	/* the queue was destroyed */
	case -ETIME:
	case -EOPNOTSUPP:	/* registered memory, long-running VMs */
	case -EACCES:		/* mmap offset of a handle closed meanwhile */
	case -EINVAL:		/* a syncobj without a fence, a seqno of another queue */
		return true;
	default:
		return false;
	}
}

static void *run_thread(void *arg)
{
	struct thread *t = arg;

	while (now_ns() < t->arena->end && !t->arena->failed) {
		int ret = act(t);

		t->calls++;
		t->successes += !ret;
		if (!is_allowed(ret)) {
			fprintf(stderr, "# a call gave %d, %s\n", ret, strerror(-ret));
			t->arena->failed = true;
		}
	}
	return NULL;
}

TEST(threads_race_on_one_file)
{
	struct thread threads[THREADS] = { };
	pthread_t ids[THREADS];
	struct arena arena = { };
	struct usage usage;
	unsigned int i;
	uint32_t id;
	int watch = accel_open(0);

	ASSERT_LE(0, watch);
	ASSERT_EQ(0, usage_get(watch, 0, &usage));
	arena.fd = accel_open(0);
	ASSERT_LE(0, arena.fd);
	arena.memory = mmap(NULL, REGIONS * SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_MAPPED(arena.memory);
	for (i = 0; i < SLOTS; i++) {
		ASSERT_EQ(0, syncobj_create(arena.fd, &id));
		arena.syncobjs[i] = id;
	}
	arena.end = deadline(SECONDS * 1000);
	for (i = 0; i < THREADS; i++) {
		threads[i].arena = &arena;
		threads[i].seed = i + 1;
		ASSERT_EQ(0, pthread_create(&ids[i], NULL, run_thread, &threads[i]));
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(ids[i], NULL);
		EXPECT_LT(0, threads[i].successes);
	}
	EXPECT_FALSE(arena.failed);
	printf("# %u registrations\n", arena.registered);
	close(arena.fd);
	EXPECT_EQ(0, usage_wait(watch, 0, &usage, WAIT_MS));
	close(watch);
}

TEST_HARNESS_MAIN
