// SPDX-License-Identifier: MIT
/*
 * Each ioctl again and again, and the n-th thing in it that can fail does: an
 * allocation, a copy from or to user space.  It gives an error of the contract
 * and has changed nothing, or it succeeds all the same.  The kernel's sanitizers
 * look for what else may be wrong on those paths.
 *
 * The making of a device is not tried: Linux 6.12 itself does not survive it, as
 * drm_minor_alloc_release() puts the device that drm_sysfs_minor_alloc() did not get.
 *
 * Needs CONFIG_FAULT_INJECTION (the debug kernel).
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <dirent.h>

#include "link_util.h"

#define VA		0x40000000ULL
#define SIZE		(SZ_2M + SZ_64K)
#define DEBUGFS		"/sys/kernel/debug"
/* More points than any ioctl has */
#define MAX_NTH		2000

/* Made anew for each attempt, as an attempt may leave anything behind */
struct state {
	char path[32];			/* of the first device: looking for it can fail, too */
	char link_path[48];
	int fd, dmabuf, link;
	int next_fd;			/* what the next file will be called */
	uint32_t vm, queue, bo, registered, syncobj;
	void *memory;
	struct usage before;
};

FIXTURE(fail_nth)
{
	int watch;			/* for the counts: no faults here */
	struct usage idle;
};

FIXTURE_VARIANT(fail_nth)
{
	int (*prepare)(struct state *s);
	int (*call)(struct state *s);
	bool new_pair;	/* the driver has not seen the first two devices together yet */
};

static int none(struct state *s)
{
	return 0;
}

#define VARIANT(name, prepare_fn, call_fn) \
	FIXTURE_VARIANT_ADD(fail_nth, name) { .prepare = (prepare_fn), .call = (call_fn) }

static int call_open(struct state *s)
{
	int fd = open(s->path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int call_query(struct state *s)
{
	struct sfab_query_counters counters;
	struct sfab_query_region region;

	return query(s->fd, SFAB_QUERY_REGIONS, &region, sizeof(region)) ?:
	       query_counters(s->fd, &counters);
}

static int call_bo_create_hbm(struct state *s)
{
	uint32_t handle;

	return bo_create(s->fd, SIZE, SFAB_REGION_HBM, &handle);
}

static int call_bo_create_system(struct state *s)
{
	uint32_t handle;

	return bo_create(s->fd, SZ_64K, SFAB_REGION_SYSTEM, &handle);
}

static int call_bo_mmap(struct state *s)
{
	struct sfab_bo_mmap arg = { .handle = s->bo };
	void *cpu;
	int ret;

	ret = do_ioctl(s->fd, DRM_IOCTL_SFAB_BO_MMAP, &arg);
	if (ret)
		return ret;
	cpu = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, arg.offset);
	if (cpu == MAP_FAILED)
		return -errno;
	munmap(cpu, SIZE);
	return 0;
}

static int call_bo_close(struct state *s)
{
	return bo_close(s->fd, s->bo);
}

static int call_mem_register(struct state *s)
{
	uint32_t handle;

	return mem_register(s->fd, s->memory, SIZE, RIGHT_RW, &handle);
}

static int call_vm_create(struct state *s)
{
	uint32_t vm;

	return vm_create(s->fd, 0, &vm);
}

static int call_vm_destroy(struct state *s)
{
	return vm_destroy(s->fd, s->vm);
}

static int prepare_vm_destroy(struct state *s)
{
	return queue_destroy(s->fd, s->queue);
}

static int call_vm_map(struct state *s)
{
	return vm_map(s->fd, s->vm, VA + 4 * SIZE, s->registered, 0, SIZE, RIGHT_RW);
}

/* Splits a large page, replaces, maps where there are no tables yet; all in one */
static int call_vm_bind(struct state *s)
{
	const struct sfab_bind_op ops[] = {
		op_unmap(VA + SZ_4K, SZ_4K),
		op_map(VA + SZ_64K, s->registered, 0, SZ_64K, RIGHT_R),
		op_map(1ULL << 45, s->bo, 0, SIZE, RIGHT_RW),
	};

	return vm_bind(s->fd, s->vm, ops, 3, NULL, 0);
}

static int call_vm_bind_syncs(struct state *s)
{
	const struct sfab_bind_op op = op_unmap(VA, SIZE);
	const struct sfab_sync syncs[] = { sync_wait(s->syncobj, 1), sync_signal(s->syncobj, 2) };

	return vm_bind(s->fd, s->vm, &op, 1, syncs, 2);
}

static int prepare_syncs(struct state *s)
{
	return syncobj_signal(s->fd, s->syncobj, 1);
}

static int call_queue_create(struct state *s)
{
	uint32_t queue;

	return queue_create(s->fd, s->vm, &queue);
}

static int call_queue_destroy(struct state *s)
{
	return queue_destroy(s->fd, s->queue);
}

static int call_queue_submit(struct state *s)
{
	const struct sfab_sync syncs[] = { sync_wait(s->syncobj, 1), sync_signal(s->syncobj, 2) };
	const struct sfab_command cmds[] = { cmd_nop(), cmd_fill(VA, SZ_4K, 1, 1) };

	return queue_submit(s->fd, s->queue, cmds, 2, syncs, 2, NULL);
}

static int call_wait(struct state *s)
{
	struct sfab_queue_query state;

	return queue_wait(s->fd, s->queue, 1, WAIT_MS) ?: queue_query(s->fd, s->queue, &state);
}

static int prepare_wait(struct state *s)
{
	struct sfab_command nop = cmd_nop();

	return queue_submit(s->fd, s->queue, &nop, 1, NULL, 0, NULL);
}

static int prepare_export(struct state *s)
{
	s->next_fd = dup(s->fd);
	close(s->next_fd);
	return 0;
}

/* A file whose number could not be told is there nevertheless */
static int call_export(struct state *s)
{
	int dmabuf = prime_export(s->fd, s->bo);

	if (dmabuf >= 0 || dmabuf == -EFAULT)
		close(dmabuf >= 0 ? dmabuf : s->next_fd);
	return dmabuf < 0 ? dmabuf : 0;
}

/* HBM of the second device, seen by the first */
static int prepare_import(struct state *s)
{
	int ret, peer = accel_open(1);
	uint32_t bo;

	if (peer < 0)
		return peer;
	ret = bo_create(peer, SIZE, SFAB_REGION_HBM, &bo);
	if (!ret)
		s->dmabuf = prime_export(peer, bo);
	close(peer);
	return ret ?: s->dmabuf < 0 ? s->dmabuf : 0;
}

static int call_import(struct state *s)
{
	uint32_t handle;
	int ret = prime_import(s->fd, s->dmabuf, &handle);

	if (ret)
		return ret;
	ret = vm_map(s->fd, s->vm, VA + 4 * SIZE, handle, 0, SIZE, RIGHT_RW);
	if (ret)
		bo_close(s->fd, handle);
	return ret;
}

static int prepare_event(struct state *s)
{
	struct sfab_fault fault;

	return run_into_fault(s->fd, s->vm, cmd_fill(0, 8, 8, 1), &fault);
}

static int call_event(struct state *s)
{
	struct sfab_event event;

	return event_read(s->fd, &event, WAIT_MS);
}

static int call_link_open(struct state *s)
{
	int fd = open(s->link_path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int call_link_ask(struct state *s)
{
	struct sfab_link_readings readings;
	struct sfab_link_counters counters;
	struct sfab_link_status status;
	struct sfab_link_info info;

	return link_info(s->link, &info) ?: link_status(s->link, &status) ?:
	       link_readings(s->link, &readings) ?: link_counters(s->link, &counters);
}

static int call_link_history(struct state *s)
{
	struct sfab_link_event events[4];
	int count = link_history(s->link, events, ARRAY_SIZE(events));

	return count < 0 ? count : 0;
}

static int call_link_control(struct state *s)
{
	return link_control(s->link, SFAB_LINK_SET_ENABLE, SFAB_LINK_ENABLE);
}

static int call_link_map(struct state *s)
{
	uint8_t map[SZ_4K];

	return link_map(s->link, 0, map, sizeof(map), NULL);
}

static int call_link_test(struct state *s)
{
	struct sfab_link_test test;

	return link_test(s->link, SFAB_LINK_TEST_READ, 0, 0, &test);
}

VARIANT(open, none, call_open);
VARIANT(query, none, call_query);
VARIANT(bo_create_hbm, none, call_bo_create_hbm);
VARIANT(bo_create_system, none, call_bo_create_system);
VARIANT(bo_mmap, none, call_bo_mmap);
VARIANT(bo_close, none, call_bo_close);
VARIANT(mem_register, none, call_mem_register);
VARIANT(vm_create, none, call_vm_create);
VARIANT(vm_destroy, prepare_vm_destroy, call_vm_destroy);
VARIANT(vm_map, none, call_vm_map);
VARIANT(vm_bind, none, call_vm_bind);
VARIANT(vm_bind_syncs, prepare_syncs, call_vm_bind_syncs);
VARIANT(queue_create, none, call_queue_create);
VARIANT(queue_destroy, none, call_queue_destroy);
VARIANT(queue_submit, prepare_syncs, call_queue_submit);
VARIANT(wait, prepare_wait, call_wait);
VARIANT(export, prepare_export, call_export);
VARIANT(import, prepare_import, call_import);

/* Includes the test whether peer DMA works */
FIXTURE_VARIANT_ADD(fail_nth, import_new_pair) {
	.prepare = prepare_import,
	.call = call_import,
	.new_pair = true,
};

VARIANT(event, prepare_event, call_event);
VARIANT(link_open, none, call_link_open);
VARIANT(link_ask, none, call_link_ask);
VARIANT(link_history, none, call_link_history);
VARIANT(link_control, none, call_link_control);
VARIANT(link_map, none, call_link_map);
VARIANT(link_test, none, call_link_test);

/*
 * Every slab cache but that of the buddy allocator, which Linux 6.12 does not
 * prepare for it: it frees a block that it could not split while the block is
 * still in its tree of free ones.
 */
static void choose_caches(void)
{
	struct dirent *entry;
	char path[512];
	DIR *dir = opendir("/sys/kernel/slab");

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strstr(entry->d_name, "buddy_block"))
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/failslab", entry->d_name);
		write_text(path, "1");
	}
	if (dir)
		closedir(dir);
	write_text(DEBUGFS "/failslab/cache-filter", "Y");
}

/* Let every allocation be one that can fail, and do not print each that does */
static int enable_faults(void)
{
	struct dirent *entry;
	char path[512];
	DIR *dir;

	choose_caches();
	if (write_text(DEBUGFS "/failslab/ignore-gfp-wait", "N"))
		return -ENOENT;
	write_text(DEBUGFS "/fail_page_alloc/ignore-gfp-wait", "N");
	write_text(DEBUGFS "/fail_page_alloc/ignore-gfp-highmem", "N");
	write_text(DEBUGFS "/fail_page_alloc/min-order", "0");
	dir = opendir(DEBUGFS);
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "fail", 4))
			continue;
		snprintf(path, sizeof(path), DEBUGFS "/%s/verbose", entry->d_name);
		write_text(path, "0");
	}
	if (dir)
		closedir(dir);
	return 0;
}

/* The driver forgets what it knew of its peers */
static int rebind(unsigned int index)
{
	struct accel list[MAX_ACCELS];

	if (accel_list(list) <= index)
		return -ENODEV;
	return write_text("/sys/bus/pci/drivers/sfab/unbind", list[index].pci) ?:
	       write_text("/sys/bus/pci/drivers/sfab/bind", list[index].pci);
}

FIXTURE_SETUP(fail_nth)
{
	self->watch = -1;
	if (access("/proc/self/fail-nth", F_OK))
		SKIP(return, "the kernel has no fault injection");
	if (variant->new_pair)
		ASSERT_EQ(0, rebind(1));
	ASSERT_EQ(0, enable_faults());
	self->watch = accel_open(0);
	ASSERT_LE(0, self->watch);
	ASSERT_EQ(0, usage_get(self->watch, 0, &self->idle));
}

FIXTURE_TEARDOWN(fail_nth)
{
	if (self->watch >= 0)
		close(self->watch);
}

static int state_init(struct state *s, const FIXTURE_DATA(fail_nth) *self,
		      int (*prepare)(struct state *s))
{
	struct accel list[MAX_ACCELS];
	char name[32];
	int ret;

	*s = (struct state){ .dmabuf = -1 };
	if (!accel_list(list))
		return -ENODEV;
	snprintf(s->path, sizeof(s->path), "/dev/accel/accel%d", list[0].minor);
	s->fd = accel_open(0);
	if (s->fd < 0)
		return s->fd;
	ret = link_name(0, 0, name);
	if (ret)
		return ret;
	snprintf(s->link_path, sizeof(s->link_path), "/dev/%s", name);
	s->link = open(s->link_path, O_RDWR | O_CLOEXEC);
	if (s->link < 0)
		return -errno;
	s->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
			 MAP_POPULATE, -1, 0);
	if (s->memory == MAP_FAILED)
		return -errno;
	ret = vm_create(s->fd, 0, &s->vm);
	ret = ret ?: queue_create(s->fd, s->vm, &s->queue);
	ret = ret ?: syncobj_create(s->fd, &s->syncobj);
	ret = ret ?: bo_create(s->fd, SIZE, SFAB_REGION_HBM, &s->bo);
	ret = ret ?: mem_register(s->fd, s->memory, SIZE, RIGHT_RW, &s->registered);
	ret = ret ?: vm_map(s->fd, s->vm, VA, s->bo, 0, SIZE, RIGHT_RW);
	ret = ret ?: prepare(s);
	return ret ?: usage_get(self->watch, 0, &s->before);
}

static void state_fini(struct state *s)
{
	close(s->fd);
	close(s->link);
	if (s->dmabuf >= 0)
		close(s->dmabuf);
	munmap(s->memory, SIZE);
}

static int nth_open(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/fail-nth", gettid());
	return open(path, O_RDWR | O_CLOEXEC);
}

static int nth_set(int nth_fd, unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	return pwrite(nth_fd, text, n, 0) == n ? 0 : -errno;
}

/* Was it reached?  Reading and disabling are themselves things that can fail */
static bool nth_was_reached(int nth_fd)
{
	char text[16] = "";
	bool reached = pread(nth_fd, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;

	if (nth_set(nth_fd, 0))
		nth_set(nth_fd, 0);
	return reached;
}

/* What an injected fault may lead to */
static bool is_allowed(int ret)
{
	return ret == 0 || ret == -ENOMEM || ret == -EFAULT;
}

TEST_F_TIMEOUT(fail_nth, sweep, 200)
{
	unsigned int nth, failures = 0;
	int nth_fd = nth_open();

	ASSERT_LE(0, nth_fd);
	for (nth = 1; nth < MAX_NTH; nth++) {
		struct sfab_command fill = cmd_fill(VA, SZ_4K, 8, nth);
		struct state s;
		bool reached;
		int ret;

		ASSERT_EQ(0, state_init(&s, self, variant->prepare));
		ASSERT_EQ(0, nth_set(nth_fd, nth));
		ret = variant->call(&s);
		reached = nth_was_reached(nth_fd);
		EXPECT_TRUE(is_allowed(ret)) {
			TH_LOG("point %u: error %d, %s", nth, ret, strerror(-ret));
		}
		/* EFAULT: the answer could not be told, the object is the file's */
		if (ret && ret != -EFAULT) {
			EXPECT_EQ(0, usage_wait(self->watch, 0, &s.before, 2000)) {
				TH_LOG("point %u: error %d, but something changed", nth, ret);
			}
			EXPECT_EQ(0, queue_run(s.fd, s.queue, &fill, 1)) {
				TH_LOG("point %u: the queue does not work any more", nth);
			}
		}
		state_fini(&s);
		EXPECT_EQ(0, usage_wait(self->watch, 0, &self->idle, 2000)) {
			TH_LOG("point %u: something was left behind", nth);
		}
		failures += ret != 0;
		if (!reached) {
			EXPECT_EQ(0, ret);
			break;
		}
	}
	/* Else nothing was injected at all */
	EXPECT_LT(1, nth);
	EXPECT_GT(MAX_NTH, nth);
	printf("# %u points, %u failures\n", nth - 1, failures);
	close(nth_fd);
}

TEST_HARNESS_MAIN
