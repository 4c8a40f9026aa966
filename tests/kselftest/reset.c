// SPDX-License-Identifier: MIT
/*
 * Device resets: asked for by debugfs and by PCI (FLR), and those that the driver
 * makes when the hardware does not do what it should (fault injection).
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <pthread.h>

#include "sfab_test.h"

#define VA		0x40000000ULL
#define SIZE		SZ_1M

static struct accel accel_0(void)
{
	struct accel list[MAX_ACCELS] = { };

	accel_list(list);
	return list[0];
}

static int reset_by_debugfs(void)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/accel/%s/reset", accel_0().pci);
	return write_text(path, "1");
}

static int reset_by_pci(void)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", accel_0().pci);
	return write_text(path, "1");
}

FIXTURE(reset)
{
	int fd;
	uint32_t vm, lr_vm, queue, lr_queue, idle_queue, syncobj;
	struct buffer hbm, system;
	struct sfab_query_counters before;
};

FIXTURE_VARIANT(reset)
{
	int (*reset)(void);
};

FIXTURE_VARIANT_ADD(reset, debugfs) { .reset = reset_by_debugfs };
FIXTURE_VARIANT_ADD(reset, flr) { .reset = reset_by_pci };

FIXTURE_SETUP(reset)
{
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vm_create(self->fd, 0, &self->vm));
	ASSERT_EQ(0, vm_create(self->fd, SFAB_VM_LONG_RUNNING, &self->lr_vm));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->idle_queue));
	ASSERT_EQ(0, queue_create(self->fd, self->lr_vm, &self->lr_queue));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
	ASSERT_EQ(0, buffer_create(self->fd, self->vm, SFAB_REGION_HBM, SIZE, VA, RIGHT_RW,
				   &self->hbm));
	ASSERT_EQ(0, buffer_create(self->fd, self->vm, SFAB_REGION_SYSTEM, SIZE, VA + SIZE,
				   RIGHT_RW, &self->system));
	ASSERT_EQ(0, vm_map(self->fd, self->lr_vm, VA, self->hbm.handle, 0, SIZE, RIGHT_RW));
	ASSERT_EQ(0, query_counters(self->fd, &self->before));
}

FIXTURE_TEARDOWN(reset)
{
	close(self->fd);
}

/* Memory and address spaces are as before; work needs new queues */
TEST_F(reset, keeps_memory_and_mappings)
{
	struct sfab_command copy = cmd_copy(VA + SIZE, VA, SIZE);
	struct sfab_query_counters after;
	struct sfab_queue_query state;
	struct usage before, usage;
	struct sfab_event event;
	uint32_t queue;

	pattern_fill(self->hbm.cpu, SIZE, 1);
	ASSERT_EQ(0, usage_get(self->fd, 0, &before));
	ASSERT_EQ(0, variant->reset());
	EXPECT_TRUE(pattern_check(self->hbm.cpu, SIZE, 1));
	ASSERT_EQ(0, queue_query(self->fd, self->queue, &state));
	EXPECT_EQ(SFAB_QUEUE_LOST, state.state);
	EXPECT_EQ(0, state.fault.cause);
	EXPECT_EQ(-EIO, queue_submit(self->fd, self->queue, &copy, 1, NULL, 0, NULL));
	EXPECT_EQ(-EIO, queue_submit(self->fd, self->lr_queue, &copy, 1, NULL, 0, NULL));
	ASSERT_EQ(0, usage_get(self->fd, 0, &usage));
	EXPECT_TRUE(usage_same(&before, &usage));

	ASSERT_EQ(0, queue_create(self->fd, self->vm, &queue));
	ASSERT_EQ(0, queue_run(self->fd, queue, &copy, 1));
	EXPECT_TRUE(pattern_check(self->system.cpu, SIZE, 1));
	/* And so does what needs the kernel's own queue, and the page tables */
	ASSERT_EQ(0, vm_map(self->fd, self->vm, VA + 4 * SIZE, self->hbm.handle, 0, SIZE, RIGHT_R));
	ASSERT_EQ(0, vm_unmap(self->fd, self->vm, VA + 4 * SIZE, SIZE));

	ASSERT_EQ(0, query_counters(self->fd, &after));
	EXPECT_LT(self->before.device_resets, after.device_resets);
	EXPECT_EQ(self->before.job_timeouts, after.job_timeouts);
	EXPECT_LE(self->before.bytes_hbm + SIZE, after.bytes_hbm);
	ASSERT_EQ(0, event_read(self->fd, &event, WAIT_MS));
	EXPECT_EQ(SFAB_EVENT_DEVICE_RESET, event.base.type);
	EXPECT_EQ(0, event.queue_id);
	EXPECT_EQ(0, event.fault.cause);
	EXPECT_EQ(-ETIME, event_read(self->fd, &event, 0));
}

struct waiter {
	int fd;
	uint32_t queue;
	int result;
};

static void *wait_for_first(void *arg)
{
	struct waiter *waiter = arg;

	waiter->result = queue_wait(waiter->fd, waiter->queue, 1, WAIT_MS);
	return NULL;
}

/* Work in flight, waits and syncobjs end with EIO, at once */
TEST_F(reset, fails_work_in_flight)
{
	struct sfab_command wait = cmd_wait(VA, 8, SFAB_WAIT_EQ, 1, ~0ULL, 0), fills[16], nop;
	struct waiter waiters[] = { { .queue = self->queue }, { .queue = self->lr_queue },
				    { .queue = self->idle_queue } };
	struct sfab_sync signal = sync_signal(self->syncobj, 0);
	struct sfab_sync depend = sync_wait(self->syncobj, 0);
	int64_t size = slow_map(self->fd, self->vm), start;
	pthread_t threads[3];
	unsigned int i;

	ASSERT_LT(0, size);
	for (i = 0; i < ARRAY_SIZE(fills); i++)
		fills[i] = cmd_fill(SLOW_VA, size, 8, 1);
	nop = cmd_nop();
	*(volatile uint64_t *)self->hbm.cpu = 0;
	ASSERT_EQ(0, queue_submit(self->fd, self->queue, fills, ARRAY_SIZE(fills), &signal, 1,
				  NULL));
	ASSERT_EQ(0, queue_submit(self->fd, self->idle_queue, &nop, 1, &depend, 1, NULL));
	ASSERT_EQ(0, queue_submit(self->fd, self->lr_queue, &wait, 1, NULL, 0, NULL));
	for (i = 0; i < 3; i++) {
		waiters[i].fd = self->fd;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, wait_for_first, &waiters[i]));
	}
	sleep_ms(30);
	start = now_ns();
	ASSERT_EQ(0, variant->reset());
	for (i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(-EIO, waiters[i].result) {
			TH_LOG("waiter %u", i);
		}
	}
	EXPECT_GT(5000000000LL, now_ns() - start);
	EXPECT_EQ(0, syncobj_wait(self->fd, self->syncobj, 0, WAIT_MS));
	EXPECT_EQ(-EIO, syncobj_status(self->fd, self->syncobj));
}

/* Every open file learns of it */
TEST_F(reset, tells_all_files)
{
	struct sfab_event event;
	int i, fds[3];

	for (i = 0; i < 3; i++) {
		fds[i] = accel_open(0);
		ASSERT_LE(0, fds[i]);
	}
	ASSERT_EQ(0, variant->reset());
	ASSERT_EQ(0, variant->reset());
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, event_read(fds[i], &event, WAIT_MS));
		EXPECT_EQ(SFAB_EVENT_DEVICE_RESET, event.base.type);
		EXPECT_EQ(1, event.sequence);
		ASSERT_EQ(0, event_read(fds[i], &event, WAIT_MS));
		EXPECT_EQ(2, event.sequence);
		close(fds[i]);
	}
}

/* Resets while others work: they get errors that the contract knows, and go on with new queues */
struct client {
	int fd;
	uint32_t vm;
	struct buffer memory;
	volatile bool stop;
	unsigned int lost, done;
	int error;
};

/* Lost with the device's reset, or refused while it is offline */
static bool is_passing(int ret)
{
	return ret == -EIO || ret == -ENODEV;
}

static int make_queue(int fd, uint32_t vm, uint32_t *queue)
{
	int64_t end = deadline(WAIT_MS);
	int ret;

	while (is_passing(ret = queue_create(fd, vm, queue)) && now_ns() < end)
		sleep_ms(1);
	return ret;
}

static void *work_through_resets(void *arg)
{
	struct client *client = arg;
	struct sfab_command copy = cmd_copy(VA, VA + SIZE / 2, SIZE / 2);
	uint32_t queue;

	client->error = make_queue(client->fd, client->vm, &queue);
	while (!client->error && !client->stop) {
		int ret = queue_run(client->fd, queue, &copy, 1);

		if (!ret) {
			client->done++;
			continue;
		}
		client->lost++;
		client->error = is_passing(ret) ? queue_destroy(client->fd, queue) : ret;
		client->error = client->error ?: make_queue(client->fd, client->vm, &queue);
	}
	return NULL;
}

TEST_F(reset, under_load)
{
	struct client clients[3] = { };
	pthread_t threads[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		clients[i].fd = accel_open(0);
		ASSERT_LE(0, clients[i].fd);
		ASSERT_EQ(0, vm_create(clients[i].fd, 0, &clients[i].vm));
		ASSERT_EQ(0, buffer_create(clients[i].fd, clients[i].vm, SFAB_REGION_HBM, SIZE, VA,
					   RIGHT_RW, &clients[i].memory));
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, work_through_resets, &clients[i]));
	}
	for (i = 0; i < 10; i++) {
		sleep_ms(50);
		EXPECT_EQ(0, variant->reset());
	}
	sleep_ms(200);
	for (i = 0; i < 3; i++) {
		clients[i].stop = true;
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, clients[i].error);
		EXPECT_LT(0, clients[i].done);
		close(clients[i].fd);
	}
	EXPECT_LT(0, clients[0].lost + clients[1].lost + clients[2].lost);
}

/* ---- resets of the driver's own, and of the bus ---- */

static volatile bool stop;

static void *keep_resetting(void *arg)
{
	int (*reset)(void) = arg;

	while (!stop)
		reset();
	return NULL;
}

/* However they meet: in the end the device works, and clears HBM, at once */
TEST(resets_of_both_kinds)
{
	struct sfab_command nop = cmd_nop();
	int fd = accel_open(0);
	pthread_t threads[2];
	uint32_t vm, queue, handle;
	int64_t begin;
	unsigned int i;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vm_create(fd, 0, &vm));
	for (i = 0; i < 8; i++) {
		stop = false;
		ASSERT_EQ(0, pthread_create(&threads[0], NULL, keep_resetting, reset_by_debugfs));
		ASSERT_EQ(0, pthread_create(&threads[1], NULL, keep_resetting, reset_by_pci));
		sleep_ms(200);
		stop = true;
		ASSERT_EQ(0, pthread_join(threads[0], NULL));
		ASSERT_EQ(0, pthread_join(threads[1], NULL));
		begin = now_ns();
		ASSERT_EQ(0, bo_create(fd, SZ_64K, SFAB_REGION_HBM, &handle));
		EXPECT_GT(5000000000LL, now_ns() - begin);
		ASSERT_EQ(0, bo_close(fd, handle));
		ASSERT_EQ(0, queue_create(fd, vm, &queue));
		EXPECT_EQ(0, queue_run(fd, queue, &nop, 1));
		ASSERT_EQ(0, queue_destroy(fd, queue));
	}
	close(fd);
}

/* ---- hardware that does not do what it should ---- */

FIXTURE(broken)
{
	int fd;
	uint32_t vm, queue;
	unsigned int old_timeout;
	char dir[128];
	struct sfab_query_counters before;
};

static int set_fault(const FIXTURE_DATA(broken) *self, const char *name, const char *times)
{
	static const char *const values[][2] = { { "verbose", "0" }, { "probability", "100" } };
	char path[256];
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < ARRAY_SIZE(values); i++) {
		snprintf(path, sizeof(path), "%s/%s/%s", self->dir, name, values[i][0]);
		ret = write_text(path, values[i][1]);
	}
	snprintf(path, sizeof(path), "%s/%s/times", self->dir, name);
	return ret ?: write_text(path, times);
}

FIXTURE_SETUP(broken)
{
	char path[256];

	snprintf(self->dir, sizeof(self->dir), "/sys/kernel/debug/accel/%s", accel_0().pci);
	snprintf(path, sizeof(path), "%s/fail_doorbell", self->dir);
	self->fd = -1;
	if (access(path, F_OK))
		SKIP(return, "the kernel has no fault injection");
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	self->old_timeout = job_timeout_set(500);
	ASSERT_EQ(0, vm_create(self->fd, 0, &self->vm));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	ASSERT_EQ(0, query_counters(self->fd, &self->before));
}

FIXTURE_TEARDOWN(broken)
{
	static const char *const faults[] = { "fail_doorbell", "fail_queue_reset",
					      "fail_device_reset" };
	unsigned int i;

	if (self->fd < 0)
		return;
	for (i = 0; i < ARRAY_SIZE(faults); i++)
		set_fault(self, faults[i], "0");
	job_timeout_set(self->old_timeout);
	close(self->fd);
}

/* A doorbell that is lost: the job times out, its queue is reset, nothing else */
TEST_F(broken, lost_doorbell)
{
	struct sfab_query_counters after;
	struct sfab_command nop = cmd_nop();
	struct sfab_queue_query state;
	struct sfab_event event;

	ASSERT_EQ(0, set_fault(self, "fail_doorbell", "1"));
	EXPECT_EQ(-EIO, queue_run(self->fd, self->queue, &nop, 1));
	ASSERT_EQ(0, queue_query(self->fd, self->queue, &state));
	EXPECT_EQ(SFAB_QUEUE_TIMEDOUT, state.state);
	ASSERT_EQ(0, event_read(self->fd, &event, WAIT_MS));
	EXPECT_EQ(SFAB_EVENT_QUEUE_TIMEOUT, event.base.type);
	ASSERT_EQ(0, query_counters(self->fd, &after));
	EXPECT_EQ(self->before.job_timeouts + 1, after.job_timeouts);
	EXPECT_EQ(self->before.device_resets, after.device_resets);
	ASSERT_EQ(0, queue_destroy(self->fd, self->queue));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	EXPECT_EQ(0, queue_run(self->fd, self->queue, &nop, 1));
}

/*
 * Waits until the device has been reset and is online again.  Who waits for a job may see
 * its error, and destroy its queue, before the reset that the driver makes for it begins.
 */
static int wait_for_reset(const FIXTURE_DATA(broken) *self)
{
	struct sfab_query_counters now;
	int64_t end = deadline(WAIT_MS);
	uint32_t queue;
	int ret;

	do {
		ret = query_counters(self->fd, &now);
		if (!ret && now.device_resets > self->before.device_resets)
			return make_queue(self->fd, self->vm, &queue) ?:
			       queue_destroy(self->fd, queue);
		sleep_ms(1);
	} while ((!ret || is_passing(ret)) && now_ns() < end);
	return ret ?: -ETIME;
}

/* A queue that does not stop: the device is reset, others lose their queues, no one hangs */
TEST_F(broken, queue_that_does_not_stop)
{
	struct sfab_command nop = cmd_nop();
	struct sfab_queue_query state;
	uint32_t other;

	ASSERT_EQ(0, queue_create(self->fd, self->vm, &other));
	ASSERT_EQ(0, queue_run(self->fd, other, &nop, 1));
	ASSERT_EQ(0, set_fault(self, "fail_doorbell", "1"));
	ASSERT_EQ(0, set_fault(self, "fail_queue_reset", "1"));
	EXPECT_EQ(-EIO, queue_run(self->fd, self->queue, &nop, 1));
	ASSERT_EQ(0, queue_destroy(self->fd, self->queue));
	ASSERT_EQ(0, wait_for_reset(self));
	ASSERT_EQ(0, queue_query(self->fd, other, &state));
	EXPECT_EQ(SFAB_QUEUE_LOST, state.state);
	ASSERT_EQ(0, queue_destroy(self->fd, other));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	EXPECT_EQ(0, queue_run(self->fd, self->queue, &nop, 1));
}

/* A queue that is destroyed and does not stop */
TEST_F(broken, destroyed_queue_that_does_not_stop)
{
	struct sfab_command nop = cmd_nop();
	struct usage usage;
	uint32_t queue;

	ASSERT_EQ(0, usage_get(self->fd, 0, &usage));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &queue));
	ASSERT_EQ(0, queue_run(self->fd, queue, &nop, 1));
	ASSERT_EQ(0, set_fault(self, "fail_queue_reset", "1"));
	EXPECT_EQ(0, queue_destroy(self->fd, queue));
	EXPECT_EQ(0, usage_wait(self->fd, 0, &usage, WAIT_MS));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &queue));
	EXPECT_EQ(0, queue_run(self->fd, queue, &nop, 1));
}

/* A device that does not come out of reset is offline: ENODEV; a later reset brings it back */
TEST_F(broken, device_that_does_not_reset)
{
	struct sfab_command nop = cmd_nop();
	uint32_t vm;

	/* Once at rest, once when it should start again */
	ASSERT_EQ(0, set_fault(self, "fail_device_reset", "2"));
	reset_by_debugfs();
	EXPECT_EQ(-ENODEV, vm_create(self->fd, 0, &vm));
	EXPECT_NE(0, queue_submit(self->fd, self->queue, &nop, 1, NULL, 0, NULL));
	ASSERT_EQ(0, set_fault(self, "fail_device_reset", "0"));
	ASSERT_EQ(0, reset_by_debugfs());
	ASSERT_EQ(0, queue_destroy(self->fd, self->queue));
	ASSERT_EQ(0, queue_create(self->fd, self->vm, &self->queue));
	EXPECT_EQ(0, queue_run(self->fd, self->queue, &nop, 1));
}

TEST_HARNESS_MAIN
