// SPDX-License-Identifier: MIT
/*
 * Accelerators that come, go and break while they work.  The host does that when
 * this program asks for it, by a line "# host: WHAT DEVICE" (tests/kselftest/host
 * reads it); so it is run by that script only.
 *
 * The second accelerator, "accel1" to the host, is the one that it happens to.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>

#include "link_util.h"
#include "worker.h"

#define VA		0x40000000ULL
#define SIZE		SZ_1M
#define VICTIM		1
/* pciehp waits 5 s for a second press of the attention button */
#define HOST_MS		30000

static void ask_host(const char *what)
{
	printf("# host: %s accel1\n", what);
	fflush(stdout);
}

FIXTURE(hotplug)
{
	unsigned int count;
	int fd, link;
	uint32_t vm, queue, lr_vm, lr_queue, syncobj;
	struct buffer hbm, lr_memory;
};

FIXTURE_SETUP(hotplug)
{
	struct sfab_command wait = cmd_wait(VA, 8, SFAB_WAIT_EQ, 1, ~0ULL, 0), fills[64];
	struct sfab_sync sync;
	int64_t size;
	unsigned int i;

	self->count = accel_count();
	ASSERT_LE(2, self->count);
	self->fd = accel_open(VICTIM);
	ASSERT_LE(0, self->fd);
	self->link = link_open(VICTIM, 0, O_RDWR);
	ASSERT_LE(0, self->link);
	ASSERT_EQ(0, vm_create(self->fd, 0, &self->vm));
	ASSERT_EQ(0, vm_create(self->fd, SFAB_VM_LONG_RUNNING, &self->lr_vm));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	ASSERT_EQ(0, queue_create(self->fd, self->lr_vm, &self->lr_queue));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
	ASSERT_EQ(0, buffer_create(self->fd, self->vm, SFAB_REGION_HBM, SIZE, VA, RIGHT_RW,
				   &self->hbm));
	ASSERT_EQ(0, buffer_create(self->fd, self->lr_vm, SFAB_REGION_REGISTERED, SIZE, VA,
				   RIGHT_RW, &self->lr_memory));
	size = slow_map(self->fd, self->vm);
	ASSERT_LT(0, size);

	/* Work that does not end by itself while the host acts */
	for (i = 0; i < ARRAY_SIZE(fills); i++)
		fills[i] = cmd_fill(SLOW_VA, size, 8, 1);
	sync = sync_signal(self->syncobj, 0);
	ASSERT_EQ(0, queue_submit(self->fd, self->queue, fills, ARRAY_SIZE(fills), &sync, 1,
				  NULL));
	ASSERT_EQ(0, queue_submit(self->fd, self->lr_queue, &wait, 1, NULL, 0, NULL));
}

FIXTURE_TEARDOWN(hotplug)
{
	close(self->link);
	close(self->fd);
	munmap(self->lr_memory.cpu, SIZE);
}

static bool await_count(unsigned int count)
{
	int64_t end = deadline(HOST_MS);

	while (accel_count() != count && now_ns() < end)
		sleep_ms(20);
	return accel_count() == count;
}

static bool works(int index, int peer)
{
	return !work_on(index, peer, 5, 20);
}

struct waiter {
	int fd;
	uint32_t queue;
	int result;
	int64_t end;
};

static void *wait_for_queue(void *arg)
{
	struct waiter *waiter = arg;

	waiter->result = queue_wait(waiter->fd, waiter->queue, 1, HOST_MS);
	waiter->end = now_ns();
	return NULL;
}

/* A link goes with its accelerator: who has it open is told, and waits for nothing */
static void check_link_gone(struct __test_metadata *_metadata, int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct sfab_link_status status;
	struct sfab_link_event event;

	EXPECT_EQ(-ENODEV, link_status(fd, &status));
	EXPECT_EQ(-ENODEV, link_control(fd, SFAB_LINK_RETRAIN, 0));
	EXPECT_EQ(-ENODEV, link_switch(fd, SFAB_LINK_SWITCH_QUERY, 0, 0, NULL));
	EXPECT_EQ(1, poll(&poll_fd, 1, 0));
	EXPECT_EQ(POLLHUP | POLLERR, poll_fd.revents & (POLLHUP | POLLERR));
	while (read(fd, &event, sizeof(event)) > 0)
		;
	EXPECT_EQ(ENODEV, errno);
}

static bool link_is_there(unsigned int index)
{
	struct sfab_link_info info;
	int fd = link_open(index, 0, O_RDWR);
	int ret = fd < 0 ? fd : link_info(fd, &info);

	if (fd >= 0)
		close(fd);
	return !ret;
}

/* Links come a moment after their accelerator */
static bool await_link(unsigned int index)
{
	int64_t end = deadline(HOST_MS);

	while (!link_is_there(index) && now_ns() < end)
		sleep_ms(20);
	return link_is_there(index);
}

/* Orderly or by surprise: open files get ENODEV, waiters are told, the others work on */
static void check_removal(struct __test_metadata *_metadata, FIXTURE_DATA(hotplug) *self,
			  const char *how)
{
	struct waiter waiter = { .fd = self->fd, .queue = self->lr_queue };
	struct sfab_query_device device;
	pthread_t thread;
	int status;
	pid_t pid;

	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_queue, &waiter));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-work_on(VICTIM, 0, 3, 0));
	ask_host(how);
	ASSERT_TRUE(await_count(self->count - 1));
	pthread_join(thread, NULL);
	EXPECT_TRUE(waiter.result == -ENODEV || waiter.result == -EIO) {
		TH_LOG("the waiter got %d", waiter.result);
	}
	EXPECT_EQ(-ENODEV, query_device(self->fd, &device));
	EXPECT_EQ(-ENODEV, queue_wait(self->fd, self->queue, 1, 0));
	EXPECT_EQ(-ENODEV, syncobj_status(self->fd, self->syncobj));
	check_link_gone(_metadata, self->link);
	EXPECT_FALSE(link_is_there(VICTIM));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_TRUE(WEXITSTATUS(status) == ENODEV || WEXITSTATUS(status) == EIO) {
		TH_LOG("the worker ended with %#x", status);
	}
	EXPECT_TRUE(works(0, -1));

	/* And in again, while the old file is still open */
	ask_host("plug");
	ASSERT_TRUE(await_count(self->count));
	EXPECT_EQ(-ENODEV, query_device(self->fd, &device));
	check_link_gone(_metadata, self->link);
	EXPECT_TRUE(await_link(VICTIM));
	EXPECT_TRUE(works(VICTIM, 0));
	EXPECT_TRUE(works(0, VICTIM));
}

TEST_F_TIMEOUT(hotplug, orderly, 120)
{
	check_removal(_metadata, self, "unplug");
}

TEST_F_TIMEOUT(hotplug, surprise, 120)
{
	check_removal(_metadata, self, "surprise");
}

/* An error that PCI corrects by a reset of the link: like a device reset */
TEST_F_TIMEOUT(hotplug, fatal_error, 60)
{
	struct waiter waiter = { .fd = self->fd, .queue = self->lr_queue };
	struct sfab_command nop = cmd_nop();
	struct sfab_link_status status;
	struct sfab_event event;
	pthread_t thread;
	uint32_t queue;
	int64_t end;
	int ret;

	pattern_fill(self->hbm.cpu, SIZE, 1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_queue, &waiter));
	ask_host("fatal");
	ASSERT_EQ(0, event_read(self->fd, &event, HOST_MS));
	EXPECT_EQ(SFAB_EVENT_DEVICE_RESET, event.base.type);
	pthread_join(thread, NULL);
	EXPECT_EQ(-EIO, waiter.result);
	/* Offline until the link is back */
	end = deadline(HOST_MS);
	while ((ret = queue_create(self->fd, self->vm, &queue)) == -ENODEV && now_ns() < end)
		sleep_ms(20);
	ASSERT_EQ(0, ret);
	EXPECT_EQ(0, queue_run(self->fd, queue, &nop, 1));
	EXPECT_TRUE(pattern_check(self->hbm.cpu, SIZE, 1));
	EXPECT_EQ(0, link_status(self->link, &status));
	EXPECT_TRUE(works(VICTIM, 0));
}

TEST_HARNESS_MAIN
