// SPDX-License-Identifier: MIT
/*
 * Devices and modules that go while they are used: unbind and bind by sysfs, PCI
 * removal and rescan, module unload.  Who still has a file open gets ENODEV.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "worker.h"

#define DRIVER		"/sys/bus/pci/drivers/sfab/"
#define VA		0x40000000ULL
#define SIZE		SZ_1M

FIXTURE(rebind)
{
	struct accel accel;
	unsigned int count;
	struct sfab_query_device device;
	struct usage idle;
};

/* A test that died may have left a device unbound */
static void bind_all(void)
{
	struct dirent *entry;
	char id[16];
	DIR *dir = opendir("/sys/bus/pci/devices");

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
		    read_line(id, sizeof(id), "/sys/bus/pci/devices/%s/device", entry->d_name))
			continue;
		if (!strcmp(id, "0x5fab"))
			write_text(DRIVER "bind", entry->d_name);
	}
	if (dir)
		closedir(dir);
}

FIXTURE_SETUP(rebind)
{
	struct accel list[MAX_ACCELS];
	int fd;

	bind_all();
	self->count = accel_list(list);
	ASSERT_LE(1, self->count);
	self->accel = list[0];
	fd = accel_open(0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, query_device(fd, &self->device));
	ASSERT_EQ(0, usage_get(fd, 0, &self->idle));
	close(fd);
}

/* The same device is there again, and idle */
static bool is_back(FIXTURE_DATA(rebind) *self)
{
	struct sfab_query_device device = { };
	bool ok;
	int fd = accel_open(0);

	if (fd < 0 || accel_count() != self->count)
		return false;
	ok = !query_device(fd, &device) && !memcmp(&device, &self->device, sizeof(device)) &&
	     !usage_wait(fd, 0, &self->idle, WAIT_MS);
	close(fd);
	return ok && !work_on(0, self->count > 1 ? 1 : -1, 1, 10);
}

FIXTURE_TEARDOWN(rebind)
{
	write_text(DRIVER "bind", self->accel.pci);
	EXPECT_TRUE(is_back(self));
}

static int unbind(FIXTURE_DATA(rebind) *self)
{
	return write_text(DRIVER "unbind", self->accel.pci);
}

static int rebind(FIXTURE_DATA(rebind) *self)
{
	return write_text(DRIVER "bind", self->accel.pci);
}

TEST_F(rebind, idle)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, unbind(self));
		EXPECT_EQ(self->count - 1, accel_count());
		ASSERT_EQ(0, rebind(self));
		EXPECT_TRUE(is_back(self));
	}
}

/* Everything that can be asked of a device that has gone */
static void expect_gone(struct __test_metadata *_metadata, int fd, uint32_t vm, uint32_t queue,
			uint32_t bo)
{
	struct sfab_command nop = cmd_nop();
	struct sfab_query_device device;
	struct sfab_queue_query state;
	struct sfab_bo_query answer;
	struct sfab_bo_mmap map = { .handle = bo };
	uint32_t id;

	EXPECT_EQ(-ENODEV, query_device(fd, &device));
	EXPECT_EQ(-ENODEV, bo_create(fd, SZ_4K, SFAB_REGION_HBM, &id));
	EXPECT_EQ(-ENODEV, bo_create(fd, SZ_4K, SFAB_REGION_SYSTEM, &id));
	EXPECT_EQ(-ENODEV, do_ioctl(fd, DRM_IOCTL_SFAB_BO_MMAP, &map));
	EXPECT_EQ(-ENODEV, bo_query(fd, bo, &answer));
	EXPECT_EQ(-ENODEV, mem_register(fd, &device, SZ_4K, RIGHT_RW, &id));
	EXPECT_EQ(-ENODEV, vm_create(fd, 0, &id));
	EXPECT_EQ(-ENODEV, vm_destroy(fd, vm));
	EXPECT_EQ(-ENODEV, vm_unmap(fd, vm, VA, SIZE));
	EXPECT_EQ(-ENODEV, queue_create(fd, vm, &id));
	EXPECT_EQ(-ENODEV, queue_destroy(fd, queue));
	EXPECT_EQ(-ENODEV, queue_submit(fd, queue, &nop, 1, NULL, 0, NULL));
	EXPECT_EQ(-ENODEV, queue_query(fd, queue, &state));
	EXPECT_EQ(-ENODEV, queue_wait(fd, queue, 1, WAIT_MS));
	/* Before anything that is wrong with the request */
	EXPECT_EQ(-ENODEV, bo_create(fd, 1, 99, &id));
	EXPECT_EQ(-ENODEV, do_ioctl(fd, DRM_IOCTL_SFAB_BO_CREATE, NULL));
	EXPECT_EQ(-ENODEV, bo_close(fd, bo));
}

static sigjmp_buf bus_error;

static void on_bus_error(int signal)
{
	siglongjmp(bus_error, 1);
}

/* Touching HBM that has gone is a SIGBUS, nothing worse */
static bool touch_faults(volatile uint8_t *p)
{
	struct sigaction action = { .sa_handler = on_bus_error, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(bus_error, 1))
		return true;
	*p = 1;
	return false;
}

TEST_F(rebind, open_file)
{
	struct buffer hbm, system, registered;
	int fd = accel_open(0);
	uint32_t vm, queue;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vm_create(fd, 0, &vm));
	ASSERT_EQ(0, queue_create(fd, vm, &queue));
	ASSERT_EQ(0, buffer_create(fd, vm, SFAB_REGION_HBM, SIZE, VA, RIGHT_RW, &hbm));
	ASSERT_EQ(0, buffer_create(fd, vm, SFAB_REGION_SYSTEM, SIZE, VA + SIZE, RIGHT_RW, &system));
	ASSERT_EQ(0, buffer_create(fd, vm, SFAB_REGION_REGISTERED, SIZE, VA + 2 * SIZE, RIGHT_RW,
				   &registered));
	memset(registered.cpu, 0x21, SIZE);

	ASSERT_EQ(0, unbind(self));
	expect_gone(_metadata, fd, vm, queue, hbm.handle);
	EXPECT_TRUE(touch_faults(hbm.cpu));
	EXPECT_TRUE(all_bytes(registered.cpu, SIZE, 0x21));

	/* The device comes back while the old file is open: it is another one to it */
	ASSERT_EQ(0, rebind(self));
	expect_gone(_metadata, fd, vm, queue, hbm.handle);
	EXPECT_EQ(0, work_on(0, -1, 2, 20));
	close(fd);
	munmap(registered.cpu, SIZE);
	munmap(hbm.cpu, SIZE);
	munmap(system.cpu, SIZE);
}

/* Not to be imported, or to be imported and not to be mapped */
static bool is_unreachable(int fd, uint32_t vm, int dmabuf)
{
	struct sfab_bo_query answer;
	uint32_t handle;

	if (prime_import(fd, dmabuf, &handle))
		return true;
	return !bo_query(fd, handle, &answer) && answer.path == SFAB_PATH_NONE &&
	       vm_map(fd, vm, VA + 4 * SIZE, handle, 0, SIZE, RIGHT_RW) == -EXDEV &&
	       !bo_close(fd, handle);
}

/* One who has mapped the HBM of a device that goes: its own work faults, its device works on */
TEST_F(rebind, exporter_goes)
{
	struct sfab_command local = cmd_fill(VA + SIZE, SIZE, 1, 7);
	struct sfab_command fill = cmd_fill(VA, SIZE, 8, 1);
	uint32_t bo, imported, vm, queue;
	struct sfab_bo_query answer;
	struct sfab_fault fault;
	struct buffer memory;
	int fd, exporter, dmabuf;

	if (self->count < 2)
		SKIP(return, "only one accelerator");
	exporter = accel_open(0);
	fd = accel_open(1);
	ASSERT_LE(0, exporter);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bo_create(exporter, SIZE, SFAB_REGION_HBM, &bo));
	dmabuf = prime_export(exporter, bo);
	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, prime_import(fd, dmabuf, &imported));
	ASSERT_EQ(0, bo_query(fd, imported, &answer));
	ASSERT_EQ(SFAB_PATH_PEER, answer.path);
	ASSERT_EQ(0, vm_create(fd, 0, &vm));
	ASSERT_EQ(0, queue_create(fd, vm, &queue));
	ASSERT_EQ(0, vm_map(fd, vm, VA, imported, 0, SIZE, RIGHT_RW));
	ASSERT_EQ(0, buffer_create(fd, vm, SFAB_REGION_HBM, SIZE, VA + SIZE, RIGHT_RW, &memory));
	ASSERT_EQ(0, queue_run(fd, queue, &fill, 1));

	ASSERT_EQ(0, unbind(self));
	ASSERT_EQ(0, run_into_fault(fd, vm, fill, &fault));
	EXPECT_EQ(SFAB_FAULT_UNMAPPED, fault.cause);
	EXPECT_EQ(0, queue_run(fd, queue, &local, 1));
	EXPECT_TRUE(all_bytes(memory.cpu, SIZE, 7));
	/* The object is still there, to be closed; nothing is behind it any more */
	EXPECT_EQ(-EXDEV, vm_map(fd, vm, VA + 4 * SIZE, imported, 0, SIZE, RIGHT_RW));
	ASSERT_EQ(0, bo_close(fd, imported));
	ASSERT_EQ(0, vm_unmap(fd, vm, VA, SIZE));
	/* Nor does the dma-buf bring it back, not even when the device has come back */
	EXPECT_TRUE(is_unreachable(fd, vm, dmabuf));
	ASSERT_EQ(0, rebind(self));
	EXPECT_TRUE(is_unreachable(fd, vm, dmabuf));
	close(dmabuf);
	close(fd);
	close(exporter);
	munmap(memory.cpu, SIZE);
}

/* The importer goes */
TEST_F(rebind, importer_goes)
{
	uint32_t bo, imported, vm;
	int exporter, fd, dmabuf;
	uint8_t *cpu;

	if (self->count < 2)
		SKIP(return, "only one accelerator");
	fd = accel_open(0);
	exporter = accel_open(1);
	ASSERT_LE(0, fd);
	ASSERT_LE(0, exporter);
	ASSERT_EQ(0, bo_create(exporter, SIZE, SFAB_REGION_HBM, &bo));
	cpu = bo_map(exporter, bo, SIZE);
	ASSERT_MAPPED(cpu);
	dmabuf = prime_export(exporter, bo);
	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, prime_import(fd, dmabuf, &imported));
	ASSERT_EQ(0, vm_create(fd, 0, &vm));
	ASSERT_EQ(0, vm_map(fd, vm, VA, imported, 0, SIZE, RIGHT_RW));
	ASSERT_EQ(0, unbind(self));
	pattern_fill(cpu, SIZE, 1);
	EXPECT_TRUE(pattern_check(cpu, SIZE, 1));
	close(dmabuf);
	close(fd);
	EXPECT_TRUE(pattern_check(cpu, SIZE, 1));
	munmap(cpu, SIZE);
	close(exporter);
}

/* Again and again under load; the workers end with an error, none hangs */
TEST_F_TIMEOUT(rebind, under_load, 90)
{
	enum { WORKERS = 3 };
	unsigned int round, i;

	work_begun = mmap(NULL, SZ_4K, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)work_begun);
	for (round = 0; round < 5; round++) {
		pid_t pids[WORKERS];
		int status;

		*work_begun = 0;
		for (i = 0; i < WORKERS; i++) {
			pids[i] = fork();
			ASSERT_LE(0, pids[i]);
			if (!pids[i])
				_exit(-work_on(i == 2 && self->count > 1,
					       self->count > 1 ? i != 2 : -1, round * 8 + i, 0));
		}
		while (*work_begun < WORKERS)
			sleep_ms(1);
		sleep_ms(40 + 30 * round);
		EXPECT_EQ(0, unbind(self));
		for (i = 0; i < WORKERS; i++) {
			ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
			/* Its own device, or the one that it imports from; what it maps is gone */
			EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status)) {
				TH_LOG("worker %u: status %#x", i, status);
			}
			if (i < 2) {
				EXPECT_EQ(ENODEV, WEXITSTATUS(status));
			}
		}
		ASSERT_EQ(0, rebind(self));
	}
}

/* A process that has the device reset without pause, or asks for HBM, until the device is gone */
static void __attribute__((noreturn)) reset_until_gone(const char *pci)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/accel/%s/reset", pci);
	while (!access(path, F_OK))
		write_text(path, "1");
	_exit(ENODEV);
}

static void __attribute__((noreturn)) create_until_gone(int fd)
{
	uint32_t handle;
	int ret;

	do {
		ret = bo_create(fd, SZ_4K, SFAB_REGION_HBM, &handle);
		if (!ret)
			ret = bo_close(fd, handle);
	} while (!ret || ret == -EIO);
	_exit(-ret);
}

/* HBM that is asked for, resets and the removal wait for each other, and none for ever */
TEST_F_TIMEOUT(rebind, amid_resets, 120)
{
	enum { PROCESSES = 4 };
	unsigned int round, i;

	for (round = 0; round < 12; round++) {
		int status, fd = accel_open(0);
		pid_t pids[PROCESSES];

		ASSERT_LE(0, fd);
		for (i = 0; i < PROCESSES; i++) {
			pids[i] = fork();
			ASSERT_LE(0, pids[i]);
			if (!pids[i] && !i)
				reset_until_gone(self->accel.pci);
			if (!pids[i])
				create_until_gone(fd);
		}
		sleep_ms(50 + 7 * round);
		EXPECT_EQ(0, unbind(self));
		for (i = 0; i < PROCESSES; i++) {
			ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
			EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == ENODEV) {
				TH_LOG("process %u: status %#x", i, status);
			}
		}
		close(fd);
		ASSERT_EQ(0, rebind(self));
	}
}

/* PCI takes the function away and finds it again */
TEST_F(rebind, remove_and_rescan)
{
	int fd = accel_open(0);
	uint32_t vm, queue, bo;
	char path[128];

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vm_create(fd, 0, &vm));
	ASSERT_EQ(0, queue_create(fd, vm, &queue));
	ASSERT_EQ(0, bo_create(fd, SIZE, SFAB_REGION_HBM, &bo));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", self->accel.pci);
	ASSERT_EQ(0, write_text(path, "1"));
	EXPECT_EQ(self->count - 1, accel_count());
	expect_gone(_metadata, fd, vm, queue, bo);
	ASSERT_EQ(0, write_text("/sys/bus/pci/rescan", "1"));
	EXPECT_EQ(self->count, accel_count());
	close(fd);
}

/* ---- who waits while the device goes is told, whatever it is that he waits for ---- */

struct waiter {
	int fd;
	uint32_t queue, lr_queue, syncobj;
};

static int wait_for_job(const struct waiter *waiter)
{
	return queue_wait(waiter->fd, waiter->queue, 1, 60000);
}

static int wait_for_long_running(const struct waiter *waiter)
{
	return queue_wait(waiter->fd, waiter->lr_queue, 1, 60000);
}

static int wait_for_syncobj(const struct waiter *waiter)
{
	return syncobj_wait(waiter->fd, waiter->syncobj, 0, 60000);
}

static int wait_for_event(const struct waiter *waiter)
{
	struct sfab_event event;

	return read(waiter->fd, &event, sizeof(event)) < 0 ? -errno : 0;
}

static int wait_for_poll(const struct waiter *waiter)
{
	struct pollfd poll_fd = { .fd = waiter->fd, .events = POLLIN };

	if (poll(&poll_fd, 1, 60000) != 1)
		return -ETIME;
	return poll_fd.revents & (POLLERR | POLLHUP) ? -ENODEV : poll_fd.revents;
}

FIXTURE(waiter)
{
	struct accel accel;
};

FIXTURE_VARIANT(waiter)
{
	int (*wait)(const struct waiter *waiter);
	int result;
};

FIXTURE_VARIANT_ADD(waiter, job) { .wait = wait_for_job, .result = -ENODEV };
FIXTURE_VARIANT_ADD(waiter, long_running) { .wait = wait_for_long_running, .result = -ENODEV };
/* The fence signals, with an error that nobody can ask for any more */
FIXTURE_VARIANT_ADD(waiter, syncobj) { .wait = wait_for_syncobj, .result = 0 };
FIXTURE_VARIANT_ADD(waiter, event) { .wait = wait_for_event, .result = -ENODEV };
FIXTURE_VARIANT_ADD(waiter, poll) { .wait = wait_for_poll, .result = -ENODEV };

FIXTURE_SETUP(waiter)
{
	struct accel list[MAX_ACCELS];

	bind_all();
	ASSERT_LE(1, accel_list(list));
	self->accel = list[0];
}

FIXTURE_TEARDOWN(waiter)
{
	bind_all();
}

/*
 * In a process of its own: one that hangs can be killed, and is a failure here.  It tells by
 * @ready when it is about to wait.
 */
static int wait_in_child(const FIXTURE_VARIANT(waiter) *variant, int ready)
{
	struct sfab_command wait = cmd_wait(VA, 8, SFAB_WAIT_EQ, 1, ~0ULL, 0), fills[64];
	struct waiter waiter = { .fd = accel_open(0) };
	struct buffer memory;
	struct sfab_sync sync;
	uint32_t vm, lr_vm, i;
	int64_t size;
	int fd = waiter.fd;

	if (fd < 0 || vm_create(fd, 0, &vm) || vm_create(fd, SFAB_VM_LONG_RUNNING, &lr_vm) ||
	    queue_create(fd, vm, &waiter.queue) || queue_create(fd, lr_vm, &waiter.lr_queue) ||
	    syncobj_create(fd, &waiter.syncobj) ||
	    buffer_create(fd, lr_vm, SFAB_REGION_HBM, SIZE, VA, RIGHT_RW, &memory))
		return -EPROTO;
	size = slow_map(fd, vm);
	for (i = 0; i < ARRAY_SIZE(fills); i++)
		fills[i] = cmd_fill(SLOW_VA, size, 8, 1);
	sync = sync_signal(waiter.syncobj, 0);
	if (queue_submit(fd, waiter.queue, fills, ARRAY_SIZE(fills), &sync, 1, NULL) ||
	    queue_submit(fd, waiter.lr_queue, &wait, 1, NULL, 0, NULL))
		return -EPROTO;
	close(ready);
	return variant->wait(&waiter);
}

TEST_F(waiter, is_told)
{
	struct pollfd poll_fd = { .events = POLLIN };
	int status, ready[2];
	int64_t end;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(ready[0]);
		_exit(-wait_in_child(variant, ready[1]));
	}
	close(ready[1]);
	poll_fd.fd = ready[0];
	EXPECT_EQ(1, poll(&poll_fd, 1, WAIT_MS));
	close(ready[0]);
	sleep_ms(300);
	ASSERT_EQ(0, waitpid(pid, &status, WNOHANG)) {
		TH_LOG("does not wait, status %#x", status);
	}
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->accel.pci));
	for (end = deadline(WAIT_MS); waitpid(pid, &status, WNOHANG) == 0; sleep_ms(10)) {
		if (now_ns() > end) {
			EXPECT_GT(end, now_ns()) {
				TH_LOG("still waits");
			}
			kill(pid, SIGKILL);
		}
	}
	if (WIFEXITED(status)) {
		EXPECT_EQ(-variant->result, WEXITSTATUS(status));
	}
}

/* ---- the module ---- */

static int module_unload(void)
{
	return syscall(SYS_delete_module, "sfab", O_NONBLOCK) ? -errno : 0;
}

/* Fences that nobody holds any more keep the module until RCU has freed them */
static int module_unload_soon(void)
{
	int i, err;

	for (i = 0; i < 500; i++) {
		err = module_unload();
		if (err != -EWOULDBLOCK)
			break;
		usleep(10000);
	}
	return err;
}

/* Not while anything is open; and what is left when nothing is, is nothing */
TEST_F(rebind, module)
{
	int fd, dmabuf, status;
	uint32_t bo;
	uint8_t *cpu;

	fd = accel_open(0);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	ASSERT_EQ(0, bo_create(fd, SIZE, SFAB_REGION_HBM, &bo));
	cpu = bo_map(fd, bo, SIZE);
	ASSERT_MAPPED(cpu);
	dmabuf = prime_export(fd, bo);
	ASSERT_LE(0, dmabuf);
	close(fd);
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	munmap(cpu, SIZE);
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	close(dmabuf);

	ASSERT_EQ(0, module_unload_soon());
	EXPECT_EQ(0, accel_count());
	EXPECT_NE(0, access(DRIVER, F_OK));
	status = system("modprobe sfab");
	ASSERT_EQ(0, status);
	EXPECT_EQ(self->count, accel_count());
}

TEST_HARNESS_MAIN
