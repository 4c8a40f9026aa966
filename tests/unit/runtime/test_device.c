// SPDX-License-Identifier: MIT
/*
 * Contexts, devices, hotplug, events
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>

#include "test.h"

#define UUID(n)	"12345678-9abc-4def-8001-0203040506" n

static void test_version(void **state)
{
	char version[32];

	(void)state;
	snprintf(version, sizeof(version), "%d.%d.%d", SFAB_VERSION_MAJOR, SFAB_VERSION_MINOR,
		 SFAB_VERSION_PATCH);
	assert_string_equal(sfab_version(), version);
}

static void test_no_devices(void **state)
{
	struct sfab_device *d = NULL;

	(void)state;
	fake_start(0);
	expect_ok(sfab_context_open(&ctx, 0));
	assert_int_equal(sfab_device_count(ctx), 0);
	expect_error(-ENODEV, sfab_device_get(ctx, 0, &d), "no sfab accelerator", "modprobe");
	expect_error(-ENODEV, sfab_device_find(ctx, "0", &d), "no sfab accelerator");
	expect_error(-ENODEV, sfab_device_find(ctx, UUID("00"), &d), UUID("00"));
	assert_null(d);
	sfab_context_close(ctx);
	ctx = NULL;
}

static void test_bad_arguments(void **state)
{
	struct sfab_device_info info = { .size = sizeof(info) };
	struct sfab_device_counters counters = { .size = sizeof(counters) };
	struct sfab_engine_info engine = { .size = sizeof(engine) };
	struct sfab_device_event event = { .size = sizeof(event) };
	struct sfab_context *c = NULL;
	struct sfab_device *d = NULL;

	(void)state;
	expect_error(-EINVAL, sfab_context_open(NULL, 0), "sfab_context_open", "NULL");
	expect_error(-EINVAL, sfab_context_open(&c, 1), "flags 0x1");
	expect_error(-EINVAL, sfab_context_fd(NULL), "sfab_context_fd");
	expect_error(-EINVAL, sfab_context_rescan(NULL), "sfab_context_rescan");
	expect_error(-EINVAL, sfab_device_count(NULL), "sfab_device_count");
	expect_error(-EINVAL, sfab_device_get(NULL, 0, &d), "sfab_device_get");
	expect_error(-EINVAL, sfab_device_get(ctx, 0, NULL), "sfab_device_get");
	expect_error(-ENODEV, sfab_device_get(ctx, 2, &d), "no accelerator 2", "0 to 1");
	expect_error(-EINVAL, sfab_device_find(ctx, NULL, &d), "sfab_device_find");
	expect_error(-EINVAL, sfab_device_get_info(NULL, &info), "sfab_device_get_info");
	expect_error(-EINVAL, sfab_device_get_info(dev[0], NULL), "sfab_device_get_info");
	expect_error(-EINVAL, sfab_device_get_counters(dev[0], NULL), "counters");
	expect_error(-EINVAL, sfab_device_get_engine(NULL, 0, &engine), "sfab_device_get_engine");
	expect_error(-EINVAL, sfab_device_get_engine(dev[0], 0, NULL), "sfab_device_get_engine");
	expect_error(-EINVAL, sfab_device_fd(NULL), "sfab_device_fd");
	expect_error(-EINVAL, sfab_device_read_event(dev[0], NULL), "event");
	assert_null(c);
	assert_null(d);

	info.size = 8;
	expect_error(-EINVAL, sfab_device_get_info(dev[0], &info), "sfab_device_info", "8",
		     "sizeof");
	counters.size = 0;
	expect_error(-EINVAL, sfab_device_get_counters(dev[0], &counters), "sizeof");
	engine.size = 12;
	expect_error(-EINVAL, sfab_device_get_engine(dev[0], 0, &engine), "sizeof");
	event.size = 4;
	expect_error(-EINVAL, sfab_device_read_event(dev[0], &event), "sizeof");
	sfab_context_close(NULL);
}

static void test_order_and_names(void **state)
{
	static const char *const names[][2] = {
		{ "0", "1" },
		{ "accel0", "accel1" },
		{ "/dev/accel/accel0", "/dev/accel/accel1" },
		{ "0000:01:00.0", "0000:02:00.0" },
		{ "01:00.0", "02:00.0" },
		{ UUID("00"), UUID("01") },
		{ "12345678-9ABC-4DEF-8001-020304050600", "12345678-9Abc-4dEF-8001-020304050601" },
	};
	struct sfab_device *d;
	size_t i;

	(void)state;
	assert_int_equal(sfab_device_count(ctx), 2);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		expect_ok(sfab_device_find(ctx, names[i][0], &d));
		assert_ptr_equal(d, dev[0]);
		expect_ok(sfab_device_find(ctx, names[i][1], &d));
		assert_ptr_equal(d, dev[1]);
	}
}

static void test_names_of_nothing(void **state)
{
	static const char *const none[] = {
		"7", "accel7", "/dev/null", "0000:77:00.0", "77:00.0", UUID("77"),
	};
	static const char *const nonsense[] = {
		"", "-1", "1x", "12345678901", "gpu0", "0000:01:00.9", "01:00", "01:00.0x",
		UUID("0"), "12345678-9abc-4def-8001-02030405060g",
		"12345678x9abc-4def-8001-020304050600",
	};
	struct sfab_device *d = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		expect_error(-ENODEV, sfab_device_find(ctx, none[i], &d), none[i]);
	for (i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
		expect_error(-EINVAL, sfab_device_find(ctx, nonsense[i], &d), nonsense[i],
			     "UUID");
	assert_null(d);
}

static void test_info(void **state)
{
	struct sfab_device_info info = { .size = sizeof(info) };
	struct sfab_mem *hbm, *sys;

	(void)state;
	hbm = alloc(dev[1], SFAB_MEM_HBM, MIB);
	sys = alloc(dev[1], SFAB_MEM_SYSTEM, 1);
	expect_ok(sfab_device_get_info(dev[1], &info));
	assert_int_equal(info.size, sizeof(info));
	assert_int_equal(info.index, 1);
	assert_string_equal(info.name, "accel1");
	assert_string_equal(info.node, "/dev/accel/accel1");
	assert_string_equal(info.pci_address, "0000:02:00.0");
	assert_string_equal(info.uuid, UUID("01"));
	assert_int_equal(info.serial, 1001);
	assert_int_equal(info.features, SFAB_FEATURE_PEER | SFAB_FEATURE_REDUCE |
			 SFAB_FEATURE_ATOMIC | SFAB_FEATURE_COPY_2D);
	assert_int_equal(info.hw_version, 0x10000);
	assert_int_equal(info.numa_node, -1);
	assert_int_equal(info.driver_major, 1);
	assert_int_equal(info.driver_minor, 2);
	assert_int_equal(info.hbm_size, FAKE_HBM_SIZE);
	assert_int_equal(info.hbm_used, MIB);
	assert_int_equal(info.system_used, 4096);
	assert_int_equal(info.registered, 0);
	assert_int_equal(info.engines, 2);
	assert_int_equal(info.max_queues, 16);
	assert_int_equal(info.max_vms, 16);
	assert_int_equal(info.va_bits, 48);
	assert_int_equal(info.job_timeout_ms, 2000);
	assert_int_equal(info.max_commands, 256);
	expect_ok(sfab_mem_free(sys));
	expect_ok(sfab_mem_free(hbm));
}

static void test_engines(void **state)
{
	struct sfab_engine_info engine = { .size = sizeof(engine) };

	(void)state;
	expect_ok(sfab_device_get_engine(dev[1], 0, &engine));
	assert_int_equal(engine.size, sizeof(engine));
	assert_int_equal(engine.index, 0);
	assert_int_equal(engine.commands, 0x1ff);
	expect_ok(sfab_device_get_engine(dev[1], 1, &engine));
	assert_int_equal(engine.index, 1);
	assert_int_equal(engine.commands, 0x3);
	expect_error(-ENOENT, sfab_device_get_engine(dev[1], 2, &engine), "accel1", "no engine 2");
	expect_error(-ENOENT, sfab_device_get_engine(dev[1], ~0U, &engine), "no engine");
	assert_int_equal(engine.index, 1);
}

/* A caller of a later version: what this library does not know becomes 0 */
static void test_larger_struct(void **state)
{
	struct {
		struct sfab_device_info info;
		char more[40];
	} later;
	char zero[40] = { 0 };

	(void)state;
	memset(&later, 0xff, sizeof(later));
	later.info.size = sizeof(later);
	expect_ok(sfab_device_get_info(dev[0], &later.info));
	assert_int_equal(later.info.size, sizeof(later));
	assert_int_equal(later.info.serial, 1000);
	assert_memory_equal(later.more, zero, sizeof(zero));
}

static void test_counters(void **state)
{
	struct sfab_device_counters counters = { .size = sizeof(counters) };
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, 4096);
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_batch *batch = batch_on(queue);

	(void)state;
	expect_ok(sfab_batch_fill(batch, mem, 0, 4096, 1, 1));
	expect_ok(sfab_batch_fill(batch, mem, 0, 4096, 2, 1));
	run(batch);
	fake_fault(0, SFAB_CAUSE_BUS_ERROR);
	expect_ok(sfab_copy(queue, mem, 0, mem, 64, 8, NULL));
	expect_error(-EIO, sfab_queue_wait(queue, 10 * SECOND), "bus error");
	expect_ok(sfab_device_get_counters(dev[0], &counters));
	assert_int_equal(counters.commands, 2);
	assert_int_equal(counters.faults, 1);
	assert_int_equal(counters.job_timeouts, 0);
	assert_int_equal(counters.events_dropped, 0);
}

/* A newer kernel, whose tables have longer elements */
static void test_long_tables(void **state)
{
	(void)state;
	fake_start(2);
	fake_long_tables(true);
	expect_ok(sfab_context_open(&ctx, 0));
	expect_ok(sfab_device_get(ctx, 0, &dev[0]));
	expect_ok(sfab_device_get(ctx, 1, &dev[1]));
	test_info(state);
	test_engines(state);
	test_counters(state);
	sfab_context_close(ctx);
	ctx = NULL;
	assert_int_equal(fake_leaks(), 0);
}

/* ---- opening ---- */

static void test_no_permission(void **state)
{
	struct sfab_device *d = NULL;

	(void)state;
	fake_start(2);
	fake_deny(0, EACCES);
	expect_ok(sfab_context_open(&ctx, 0));
	expect_error(-EACCES, sfab_device_get(ctx, 0, &d), "accel0 (0000:01:00.0)",
		     "/dev/accel/accel0", "group");
	expect_ok(sfab_device_get(ctx, 1, &d));
	/* The other is found; one that is not may be the one that is closed to us */
	expect_ok(sfab_device_find(ctx, UUID("01"), &d));
	expect_error(-EACCES, sfab_device_find(ctx, UUID("00"), &d), UUID("00"), "permission");
	fake_deny(0, 0);
	expect_ok(sfab_device_find(ctx, UUID("00"), &d));
	sfab_context_close(ctx);
	ctx = NULL;
	assert_int_equal(fake_leaks(), 0);
}

static void test_open_fails(void **state)
{
	struct sfab_device *d = NULL;

	(void)state;
	fake_start(1);
	expect_ok(sfab_context_open(&ctx, 0));
	fake_deny(0, ENOENT);
	expect_error(-ENODEV, sfab_device_get(ctx, 0, &d), "does not exist");
	fake_deny(0, EMFILE);
	expect_error(-EMFILE, sfab_device_get(ctx, 0, &d), "open /dev/accel/accel0",
		     "Too many open files");
	fake_deny(0, 0);
	fake_driver_name("other");
	expect_error(-EPROTO, sfab_device_get(ctx, 0, &d), "'other'");
	assert_int_equal(fake_leaks(), 0);
	sfab_context_close(ctx);
	ctx = NULL;
}

/* ---- hotplug ---- */

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void test_plug(void **state)
{
	int fd = sfab_context_fd(ctx);

	(void)state;
	expect_ok(fd);
	assert_false(readable(fd));
	assert_int_equal(sfab_context_rescan(ctx), 0);
	fake_plug(5);
	fake_plug(3);
	assert_true(readable(fd));
	assert_int_equal(sfab_device_count(ctx), 2);
	assert_int_equal(sfab_context_rescan(ctx), 2);
	assert_false(readable(fd));
	assert_int_equal(sfab_device_count(ctx), 4);
	expect_ok(sfab_device_find(ctx, "accel3", &dev[2]));
	expect_ok(sfab_device_get(ctx, 3, &dev[3]));
	assert_ptr_not_equal(dev[2], dev[3]);
}

static void test_unplug(void **state)
{
	struct sfab_device_info info = { .size = sizeof(info) };
	struct sfab_mem *mem = alloc(dev[1], SFAB_MEM_HBM, 4096), *none = NULL;
	struct sfab_queue *queue = queue_on(dev[1]), *no_queue = NULL;
	struct sfab_fence *fence;
	struct sfab_device *d = NULL;
	void *p;

	(void)state;
	expect_ok(sfab_copy(queue, mem, 0, mem, 64, 8, &fence));
	expect_ok(sfab_fence_wait(fence, 10 * SECOND));
	fake_remove(1);
	/* Known to the kernel before it is known here */
	expect_error(-ENODEV, sfab_mem_alloc(dev[1], SFAB_MEM_HBM, 4096, 0, &none),
		     "accel1 (0000:02:00.0)", "removed", "rescan");
	assert_int_equal(sfab_context_rescan(ctx), 1);
	assert_int_equal(sfab_context_rescan(ctx), 0);
	assert_int_equal(sfab_device_count(ctx), 2);
	expect_error(-ENODEV, sfab_device_get(ctx, 1, &d), "accel1", "removed");
	expect_error(-ENODEV, sfab_device_find(ctx, "accel1", &d), "accel1");
	expect_error(-ENODEV, sfab_device_get_info(dev[1], &info), "removed");
	expect_error(-ENODEV, sfab_queue_create(dev[1], 0, &no_queue), "removed");
	expect_error(-ENODEV, sfab_mem_map(mem, &p), "removed");
	expect_error(-ENODEV, sfab_copy(queue, mem, 0, mem, 64, 8, NULL), "removed");
	expect_ok(sfab_fence_wait(fence, 0));	/* it was seen to be done */
	expect_error(-ENODEV, sfab_queue_wait(queue, 0), "removed");
	assert_null(none);
	assert_null(no_queue);

	/* What is freed after the device went goes without an error */
	sfab_fence_free(fence);
	expect_ok(sfab_mem_free(mem));
	sfab_queue_destroy(queue);
	expect_ok(sfab_device_get_info(dev[0], &info));
}

/* The node is back under the same name and address: it is another device */
static void test_replug(void **state)
{
	struct sfab_device *d;

	(void)state;
	fake_remove(1);
	fake_plug(1);
	assert_int_equal(sfab_context_rescan(ctx), 2);
	assert_int_equal(sfab_device_count(ctx), 3);
	expect_error(-ENODEV, sfab_device_get(ctx, 1, &d), "removed");
	expect_ok(sfab_device_get(ctx, 2, &d));
	assert_ptr_not_equal(d, dev[1]);
	expect_ok(sfab_device_find(ctx, UUID("01"), &d));
	expect_ok(sfab_mem_free(alloc(d, SFAB_MEM_HBM, 4096)));
}

static void test_no_uevents(void **state)
{
	(void)state;
	fake_start(1);
	fake_monitor(false);
	expect_ok(sfab_context_open(&ctx, 0));
	expect_error(-EOPNOTSUPP, sfab_context_fd(ctx), "sfab_context_rescan");
	fake_plug(1);
	assert_int_equal(sfab_context_rescan(ctx), 1);
	sfab_context_close(ctx);
	ctx = NULL;
}

/* Too few descriptors look to libudev as if nothing were there: no device is taken for gone */
static void test_too_many_files(void **state)
{
	static const char *const functions[] = {
		"udev_new", "udev_monitor_new_from_netlink", "udev_enumerate_new",
		"udev_enumerate_scan_devices", "udev_device_new_from_syspath",
		"udev_device_get_devnode",
	};
	struct sfab_context *other = NULL;
	struct sfab_device *d;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		fake_fail_udev(functions[i], EMFILE);
		expect_error(-EMFILE, sfab_context_open(&other, 0),
			     "the process has too many open files", "ulimit -n");
		if (i >= 2)
			expect_error(-EMFILE, sfab_context_rescan(ctx), "too many open files");
		fake_fail_udev(functions[i], ENFILE);
		expect_error(-ENFILE, sfab_context_open(&other, 0),
			     "the system has too many open files", "fs.file-max");
	}
	fake_fail_udev("udev_enumerate_scan_devices", ENOENT);
	expect_error(-ENOENT, sfab_context_open(&other, 0), "is it mounted on /sys?");
	fake_fail_udev("udev_enumerate_scan_devices", ENOMEM);
	expect_error(-ENOMEM, sfab_context_open(&other, 0), "no memory left");
	fake_fail_udev(NULL, 0);
	assert_int_equal(sfab_context_rescan(ctx), 0);
	expect_ok(sfab_device_get(ctx, 1, &d));
}

/* ---- events ---- */

static void test_events(void **state)
{
	struct sfab_device_event event = { .size = sizeof(event) };
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, 4096);
	struct sfab_queue *bad = queue_on(dev[0]), *slow = queue_on(dev[0]);
	int fd = sfab_device_fd(dev[0]);

	(void)state;
	expect_ok(fd);
	expect_error(-EAGAIN, sfab_device_read_event(dev[0], &event), "no event");
	assert_false(readable(fd));

	fake_fault(0, SFAB_CAUSE_NO_WRITE);
	expect_ok(sfab_copy(bad, mem, 64, mem, 0, 8, NULL));
	expect_error(-EIO, sfab_queue_wait(bad, 10 * SECOND), "no right to write");
	fake_timeout(0);
	expect_ok(sfab_copy(slow, mem, 64, mem, 0, 8, NULL));
	expect_error(-EIO, sfab_queue_wait(slow, 10 * SECOND), "job timeout of 2000 ms");
	fake_reset(0);
	assert_true(readable(fd));

	expect_ok(sfab_device_read_event(dev[0], &event));
	assert_int_equal(event.type, SFAB_HAPPENED_FAULT);
	assert_int_equal(event.sequence, 1);
	assert_ptr_equal(event.queue, bad);
	assert_int_equal(event.fault.cause, SFAB_CAUSE_NO_WRITE);
	assert_int_equal(event.fault.access, SFAB_WRITE);
	assert_int_equal(event.fault.submission, 1);
	assert_int_equal(event.fault.command, 0);
	assert_ptr_equal(event.fault.mem, mem);
	assert_int_equal(event.fault.offset, 64);
	assert_true(event.time_ns > 0);
	expect_ok(sfab_device_read_event(dev[0], &event));
	assert_int_equal(event.type, SFAB_HAPPENED_TIMEOUT);
	assert_ptr_equal(event.queue, slow);
	assert_int_equal(event.fault.cause, 0);
	expect_ok(sfab_device_read_event(dev[0], &event));
	assert_int_equal(event.type, SFAB_HAPPENED_RESET);
	assert_int_equal(event.sequence, 3);
	assert_null(event.queue);
	expect_error(-EAGAIN, sfab_device_read_event(dev[0], &event), "no event");
	assert_false(readable(fd));
}

static void test_dropped_events(void **state)
{
	struct sfab_device_counters counters = { .size = sizeof(counters) };
	struct sfab_device_event event = { .size = sizeof(event) };
	unsigned int i;

	(void)state;
	for (i = 0; i < 40; i++)
		fake_reset(0);
	for (i = 0; i < 32; i++)
		expect_ok(sfab_device_read_event(dev[0], &event));
	assert_int_equal(event.sequence, 32);
	fake_reset(0);
	expect_ok(sfab_device_read_event(dev[0], &event));
	assert_int_equal(event.sequence, 41);
	assert_int_equal(event.dropped, 8);
	expect_ok(sfab_device_get_counters(dev[0], &counters));
	assert_int_equal(counters.events_dropped, 8);
}

/* A newer kernel's events are longer: one at a time all the same */
static void test_long_events(void **state)
{
	struct sfab_device_event event = { .size = sizeof(event) };

	(void)state;
	fake_long_events(true);
	fake_reset(0);
	fake_reset(0);
	expect_ok(sfab_device_read_event(dev[0], &event));
	assert_int_equal(event.sequence, 1);
	expect_ok(sfab_device_read_event(dev[0], &event));
	assert_int_equal(event.sequence, 2);
	expect_error(-EAGAIN, sfab_device_read_event(dev[0], &event), "no event");
}

static void test_event_of_dead_queue(void **state)
{
	struct sfab_device_event event = { .size = sizeof(event) };
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, 4096);
	struct sfab_queue *queue = queue_on(dev[0]);

	(void)state;
	fake_fault(0, SFAB_CAUSE_UNMAPPED);
	expect_ok(sfab_copy(queue, mem, 64, mem, 0, 8, NULL));
	expect_error(-EIO, sfab_queue_wait(queue, 10 * SECOND), "unmapped");
	sfab_queue_destroy(queue);
	expect_ok(sfab_device_read_event(dev[0], &event));
	assert_int_equal(event.type, SFAB_HAPPENED_FAULT);
	assert_null(event.queue);
}

/* ---- fork ---- */

static int child_of_fork(struct sfab_mem *mem, struct sfab_queue *queue,
			 struct sfab_batch *batch, struct sfab_fence *fence)
{
	struct sfab_device_event event = { .size = sizeof(event) };
	struct sfab_device_info info = { .size = sizeof(info) };
	struct sfab_queue_status status = { .size = sizeof(status) };
	struct sfab_device_counters counters = { .size = sizeof(counters) };
	struct sfab_fault_info fault = { .size = sizeof(fault) };
	struct sfab_device *d;
	void *p;
	int fd;

	expect_error(-ECHILD, sfab_device_count(ctx), "fork", "open a context");
	expect_error(-ECHILD, sfab_context_fd(ctx), "fork");
	expect_error(-ECHILD, sfab_context_rescan(ctx), "fork");
	expect_error(-ECHILD, sfab_device_get(ctx, 0, &d), "fork");
	expect_error(-ECHILD, sfab_device_find(ctx, "0", &d), "fork");
	expect_error(-ECHILD, sfab_device_get_info(dev[0], &info), "fork");
	expect_error(-ECHILD, sfab_device_get_counters(dev[0], &counters), "fork");
	expect_error(-ECHILD, sfab_device_fd(dev[0]), "fork");
	expect_error(-ECHILD, sfab_device_read_event(dev[0], &event), "fork");
	expect_error(-ECHILD, sfab_device_reach(dev[0], dev[1]), "fork");
	expect_error(-ECHILD, sfab_mem_alloc(dev[0], SFAB_MEM_HBM, 1, 0, &mem), "fork");
	expect_error(-ECHILD, sfab_mem_register(dev[0], &info, 8, SFAB_READ, &mem), "fork");
	expect_error(-ECHILD, sfab_mem_import_dmabuf(dev[0], 0, &mem), "fork");
	expect_error(-ECHILD, sfab_mem_export_dmabuf(mem, &fd), "fork");
	expect_error(-ECHILD, sfab_mem_map(mem, &p), "fork");
	expect_error(-ECHILD, sfab_mem_free(mem), "fork");
	expect_error(-ECHILD, sfab_mem_reach(mem, dev[0]), "fork");
	expect_error(-ECHILD, sfab_queue_create(dev[0], 0, &queue), "fork");
	expect_error(-ECHILD, sfab_queue_wait(queue, 0), "fork");
	expect_error(-ECHILD, sfab_queue_get_status(queue, &status), "fork");
	expect_error(-ECHILD, sfab_copy(queue, mem, 0, mem, 64, 8, NULL), "fork");
	expect_error(-ECHILD, sfab_batch_create(queue, &batch), "fork");
	expect_error(-ECHILD, sfab_batch_copy(batch, mem, 0, mem, 64, 8), "fork");
	expect_error(-ECHILD, sfab_batch_clear(batch), "fork");
	expect_error(-ECHILD, sfab_batch_submit(batch, NULL, 0, NULL), "fork");
	expect_error(-ECHILD, sfab_fence_wait(fence, 0), "fork");
	expect_error(-ECHILD, sfab_fence_get_fd(fence, &fd), "fork");
	expect_error(-ECHILD, sfab_fence_get_fault(fence, &fault), "fork");
	sfab_batch_free(batch);
	sfab_fence_free(fence);
	sfab_queue_destroy(queue);
	fd = sfab_device_fd(NULL);
	sfab_context_close(ctx);
	return 0;
}

static void test_fork(void **state)
{
	struct sfab_mem *mem = alloc(dev[0], SFAB_MEM_HBM, 4096);
	struct sfab_queue *queue = queue_on(dev[0]);
	struct sfab_batch *batch = batch_on(queue);
	struct sfab_fence *fence;
	unsigned int before;
	int status = -1;
	pid_t pid;

	(void)state;
	strcpy(cpu(mem), "parent");
	expect_ok(sfab_copy(queue, mem, 64, mem, 0, 8, &fence));
	expect_ok(sfab_fence_wait(fence, 10 * SECOND));
	fflush(NULL);
	before = fake_leaks();
	pid = fork();
	if (!pid)
		_exit(child_of_fork(mem, queue, batch, fence));
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);

	/* Nothing of the parent's is gone */
	assert_int_equal(fake_leaks(), before);
	assert_string_equal((char *)cpu(mem) + 64, "parent");
	expect_ok(sfab_copy(queue, mem, 128, mem, 0, 8, NULL));
	expect_ok(sfab_queue_wait(queue, 10 * SECOND));
}

/* The child's close drops its descriptors of the device */
static void test_fork_closes(void **state)
{
	int status = -1, fd = sfab_device_fd(dev[0]), monitor = sfab_context_fd(ctx);
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid) {
		sfab_context_close(ctx);
		_exit(fcntl(fd, F_GETFD) == -1 && fcntl(monitor, F_GETFD) == -1 ? 0 : 1);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(monitor, F_GETFD) & FD_CLOEXEC);
}

/* ---- error text ---- */

static void *other_thread(void *arg)
{
	struct sfab_device *d;

	(void)arg;
	assert_string_equal(sfab_last_error(), "");
	expect_error(-EINVAL, sfab_device_find(ctx, "nonsense", &d), "nonsense");
	return NULL;
}

static void test_error_is_of_the_thread(void **state)
{
	struct sfab_device *d;
	pthread_t thread;

	(void)state;
	expect_error(-ENODEV, sfab_device_find(ctx, "accel7", &d), "accel7");
	assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
	pthread_join(thread, NULL);
	assert_non_null(strstr(sfab_last_error(), "accel7"));
}

static void test_names_of_codes(void **state)
{
	(void)state;
	assert_string_equal(sfab_reach_name(SFAB_REACH_LOCAL), "local");
	assert_string_equal(sfab_reach_name(SFAB_REACH_SYSTEM), "system");
	assert_string_equal(sfab_reach_name(SFAB_REACH_PEER), "peer");
	assert_string_equal(sfab_reach_name(SFAB_REACH_BOUNCE), "bounce");
	assert_string_equal(sfab_reach_name(99), "unknown");
	assert_string_equal(sfab_cause_name(SFAB_CAUSE_UNMAPPED), "unmapped address");
	assert_string_equal(sfab_cause_name(SFAB_CAUSE_BAD_VM), "bad address space (driver error)");
	assert_string_equal(sfab_cause_name(14), "unknown cause");
	assert_string_equal(sfab_opcode_name(0), "nop");
	assert_string_equal(sfab_opcode_name(2), "copy-2d");
	assert_string_equal(sfab_opcode_name(8), "timestamp");
	assert_string_equal(sfab_opcode_name(9), "unknown command");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_no_devices),
		cmocka_unit_test(test_names_of_codes),
		cmocka_unit_test_setup_teardown(test_bad_arguments, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_order_and_names, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_names_of_nothing, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_info, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_engines, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_larger_struct, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_counters, setup_one, teardown),
		cmocka_unit_test(test_long_tables),
		cmocka_unit_test(test_no_permission),
		cmocka_unit_test(test_open_fails),
		cmocka_unit_test_setup_teardown(test_plug, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_unplug, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_replug, setup_two, teardown),
		cmocka_unit_test(test_no_uevents),
		cmocka_unit_test_setup_teardown(test_too_many_files, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_events, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_dropped_events, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_long_events, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_event_of_dead_queue, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_fork, setup_two, teardown),
		cmocka_unit_test_setup_teardown(test_fork_closes, setup_one, teardown),
		cmocka_unit_test_setup_teardown(test_error_is_of_the_thread, setup_one, teardown),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
