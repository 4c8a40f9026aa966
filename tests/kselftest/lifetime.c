// SPDX-License-Identifier: MIT
/*
 * Processes that end, at any moment and in any state: what they held goes, and
 * their DMA stops before their memory is freed.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "worker.h"

#define VA		0x40000000ULL
#define SIZE		(2 * SZ_2M)

FIXTURE(lifetime)
{
	unsigned int count;
	int watch[2];			/* files that tell the counts */
	struct usage idle[2];
};

FIXTURE_SETUP(lifetime)
{
	unsigned int i;

	self->count = accel_count() < 2 ? accel_count() : 2;
	ASSERT_LE(1, self->count);
	for (i = 0; i < self->count; i++) {
		self->watch[i] = accel_open(i);
		ASSERT_LE(0, self->watch[i]);
		ASSERT_EQ(0, usage_get(self->watch[i], i, &self->idle[i]));
	}
}

FIXTURE_TEARDOWN(lifetime)
{
	unsigned int i;

	for (i = 0; i < self->count; i++) {
		EXPECT_EQ(0, usage_wait(self->watch[i], i, &self->idle[i], WAIT_MS));
		close(self->watch[i]);
	}
}

static pid_t start_worker(unsigned int index, int peer, uint64_t seed, unsigned int rounds)
{
	pid_t pid = fork();

	if (!pid)
		_exit(-work_on(index, peer, seed, rounds));
	return pid;
}

/* The worker itself does not fail, or the tests below test nothing */
TEST_F(lifetime, worker_works)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0, work_on(0, self->count > 1 ? 1 : -1, i, 30));
	}
}

/* Killed while DMA, binds and registrations run */
TEST_F(lifetime, killed_at_any_moment)
{
	int64_t end = deadline(8000);
	uint64_t seed = 7;
	unsigned int i;

	for (i = 0; i < 60 && now_ns() < end; i++) {
		int status, peer = self->count > 1 ? 1 : -1;
		pid_t a = start_worker(0, peer, i, 0);
		pid_t b = start_worker(self->count - 1, peer < 0 ? -1 : 0, ~i, 0);

		ASSERT_LT(0, a);
		ASSERT_LT(0, b);
		usleep(random64(&seed) % 100000);
		ASSERT_EQ(0, kill(a, SIGKILL));
		usleep(random64(&seed) % 20000);
		ASSERT_EQ(0, kill(b, SIGKILL));
		ASSERT_EQ(a, waitpid(a, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		ASSERT_EQ(b, waitpid(b, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		if (i % 8 == 0) {
			EXPECT_EQ(0, usage_wait(self->watch[0], 0, &self->idle[0], WAIT_MS));
		}
	}
	EXPECT_LE(8, i);
}

/* Memory that comes back to the system is not written by work of who held it */
TEST_F(lifetime, dma_stops_before_memory_goes)
{
	uint8_t *shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			       -1, 0);
	unsigned int round;

	ASSERT_MAPPED(shared);
	for (round = 0; round < 10; round++) {
		pid_t pid = fork();
		int status;

		ASSERT_LE(0, pid);
		if (!pid) {
			struct sfab_command cmds[256];
			uint32_t vm, queue, handle, i;
			int fd = accel_open(0);

			if (fd < 0 || vm_create(fd, 0, &vm) || queue_create(fd, vm, &queue) ||
			    mem_register(fd, shared, SIZE, RIGHT_RW, &handle) ||
			    vm_map(fd, vm, VA, handle, 0, SIZE, RIGHT_RW))
				_exit(1);
			for (i = 0; i < 256; i++)
				cmds[i] = cmd_fill(VA, SIZE, 8, 0x1111111111111111ULL);
			if (queue_submit(fd, queue, cmds, 256, NULL, 0, NULL))
				_exit(2);
			raise(SIGKILL);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status));
		/* The process is gone: from here on the memory is this one's alone */
		memset(shared, 0xab, SIZE);
		sleep_ms(5);
		ASSERT_TRUE(all_bytes(shared, SIZE, 0xab));
	}
}

/* Killed while it blocks: in WAIT, in read(), in a VM_BIND that waits */
static void block_in_wait(int fd, uint32_t vm, uint32_t queue)
{
	struct sfab_command wait = cmd_wait(VA, 8, SFAB_WAIT_EQ, 1, ~0ULL, 0);
	uint64_t seqno;

	if (!queue_submit(fd, queue, &wait, 1, NULL, 0, &seqno))
		queue_wait(fd, queue, seqno, 60000);
}

static void block_in_read(int fd, uint32_t vm, uint32_t queue)
{
	struct sfab_event event;

	if (read(fd, &event, sizeof(event)) < 0)
		_exit(1);
}

static void block_in_bind(int fd, uint32_t vm, uint32_t queue)
{
	struct sfab_bind_op op = op_unmap(VA, SZ_4K);
	uint32_t slow_vm, slow_queue, syncobj, i;
	struct sfab_command fills[64];
	struct sfab_sync sync;
	int64_t size;

	if (vm_create(fd, 0, &slow_vm) || queue_create(fd, slow_vm, &slow_queue) ||
	    syncobj_create(fd, &syncobj))
		_exit(1);
	size = slow_map(fd, slow_vm);
	for (i = 0; i < 64; i++)
		fills[i] = cmd_fill(SLOW_VA, size, 8, 1);
	sync = sync_signal(syncobj, 0);
	if (queue_submit(fd, slow_queue, fills, 64, &sync, 1, NULL))
		_exit(1);
	sync = sync_wait(syncobj, 0);
	vm_bind(fd, vm, &op, 1, &sync, 1);
	vm_bind(fd, vm, &op, 1, NULL, 0);
}

TEST_F(lifetime, killed_while_blocked)
{
	static void (*const blocks[])(int fd, uint32_t vm, uint32_t queue) = {
		block_in_wait, block_in_read, block_in_bind,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		int64_t start;
		int status;
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid) {
			int fd = accel_open(0);
			struct buffer memory;
			uint32_t vm, queue;

			if (fd < 0 || vm_create(fd, SFAB_VM_LONG_RUNNING, &vm) ||
			    queue_create(fd, vm, &queue) ||
			    buffer_create(fd, vm, SFAB_REGION_HBM, SZ_64K, VA, RIGHT_RW, &memory))
				_exit(1);
			blocks[i](fd, vm, queue);
			_exit(2);
		}
		sleep_ms(150);
		EXPECT_EQ(0, waitpid(pid, &status, WNOHANG)) {
			TH_LOG("%u: did not block, status %#x", i, status);
		}
		start = now_ns();
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_GT(3000000000LL, now_ns() - start) {
			TH_LOG("%u: took too long to die", i);
		}
	}
}

/* A file that was inherited belongs to both; the last one to close it ends it */
TEST_F(lifetime, inherited_file)
{
	struct sfab_command add = cmd_atomic(VA, 0, 8, SFAB_ATOMIC_ADD, 1, 0);
	int status, fd = accel_open(0);
	struct buffer memory;
	uint32_t vm, queue;
	pid_t pid;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vm_create(fd, 0, &vm));
	ASSERT_EQ(0, queue_create(fd, vm, &queue));
	ASSERT_EQ(0, buffer_create(fd, vm, SFAB_REGION_SYSTEM, SZ_4K, VA, RIGHT_RW, &memory));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		/* The same ids, the same queue */
		if (queue_run(fd, queue, &add, 1))
			_exit(1);
		raise(SIGKILL);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(1, *(uint64_t *)memory.cpu);
	EXPECT_EQ(0, queue_run(fd, queue, &add, 1));
	EXPECT_EQ(2, *(uint64_t *)memory.cpu);
	munmap(memory.cpu, SZ_4K);
	close(fd);
}

/* A process that ends while a file of its device is on its way through a socket */
TEST_F(lifetime, file_in_flight)
{
	int sockets[2], status;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		char control[CMSG_SPACE(sizeof(int))] = "";
		struct iovec iov = { .iov_base = "x", .iov_len = 1 };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
				      .msg_controllen = sizeof(control) };
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		int fd = accel_open(0);
		struct buffer memory;
		uint32_t vm;

		if (fd < 0 || vm_create(fd, 0, &vm) ||
		    buffer_create(fd, vm, SFAB_REGION_REGISTERED, SIZE, VA, RIGHT_RW, &memory))
			_exit(1);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
		_exit(sendmsg(sockets[1], &msg, 0) == 1 ? 0 : 2);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	/* Nobody has it open, and yet it lives; so do the pages of the process that is gone */
	EXPECT_EQ(self->idle[0].used[SFAB_REGION_REGISTERED] + SIZE,
		  region_used(self->watch[0], SFAB_REGION_REGISTERED));
	close(sockets[0]);
	close(sockets[1]);
}

/* One thread of a process works, another one ends the process */
static void *work_for_ever(void *arg)
{
	work_on(0, -1, (uintptr_t)arg, 0);
	return NULL;
}

TEST_F(lifetime, exit_of_threads)
{
	unsigned int round;

	for (round = 0; round < 6; round++) {
		pid_t pid = fork();
		int status;

		ASSERT_LE(0, pid);
		if (!pid) {
			pthread_t threads[3];
			uintptr_t i;

			for (i = 0; i < 3; i++)
				pthread_create(&threads[i], NULL, work_for_ever,
					       (void *)(round * 3 + i));
			usleep(10000 + round * 20000);
			_exit(0);
		}
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
	}
}

/* Is there such a line in the kernel's log, after what was read before? */
static bool logged(int kmsg, const char *text)
{
	char record[1024];
	ssize_t n;

	/* EPIPE: some were overwritten */
	while ((n = read(kmsg, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		record[n > 0 ? n : 0] = 0;
		if (strstr(record, text))
			return true;
	}
	return false;
}

/*
 * HBM would lose its content: the system does not go to sleep, and the device goes on.  It says
 * so before anything else is suspended, so that this can be tried in a guest.
 */
TEST_F(lifetime, no_suspend)
{
	int kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char states[64];

	if (read_line(states, sizeof(states), "/sys/power/state") || !strstr(states, "freeze"))
		SKIP(return, "the kernel cannot suspend");
	ASSERT_LE(0, kmsg);
	lseek(kmsg, 0, SEEK_END);
	EXPECT_EQ(-EBUSY, write_text("/sys/power/state", "freeze"));
	/* Not for another reason, as a process that did not freeze */
	EXPECT_TRUE(logged(kmsg, "cannot be suspended: unbind the driver"));
	close(kmsg);
	EXPECT_EQ(0, work_on(0, -1, 1, 1));
}

TEST_HARNESS_MAIN
