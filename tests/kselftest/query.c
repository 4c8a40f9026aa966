// SPDX-License-Identifier: MIT
/*
 * What a device tells about itself: QUERY, sysfs, fdinfo.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "sfab_test.h"

FIXTURE(answers)
{
	uint32_t last;			/* of the queries that the device answers */
	int fd;
	struct accel accel;
	struct usage usage;
};

FIXTURE_SETUP(answers)
{
	struct accel list[MAX_ACCELS];

	ASSERT_LT(0, accel_list(list));
	self->accel = list[0];
	self->fd = accel_open(0);
	ASSERT_LE(0, self->fd);
	self->last = has_fabric(self->fd) ? SFAB_QUERY_PORTS : SFAB_QUERY_COUNTERS;
	ASSERT_EQ(0, usage_get(self->fd, 0, &self->usage));
}

FIXTURE_TEARDOWN(answers)
{
	struct usage usage;

	EXPECT_EQ(0, usage_get(self->fd, 0, &usage));
	EXPECT_TRUE(usage_same(&self->usage, &usage));
	close(self->fd);
}

/* Bytes of an element in the first version, where it has grown since */
static uint32_t first_size(uint32_t what, uint32_t size)
{
	return what == SFAB_QUERY_COUNTERS ? offsetof(struct sfab_query_counters, bytes_fabric) :
					     size;
}

/* As much as all of any table needs */
#define ROOM	1024

static int ask(int fd, uint32_t what, void *data, uint32_t *count, uint32_t *stride)
{
	struct sfab_query arg = {
		.query = what,
		.data = (uintptr_t)data,
		.count = *count,
		.stride = *stride,
	};
	int ret = do_ioctl(fd, DRM_IOCTL_SFAB_QUERY, &arg);

	*count = arg.count;
	*stride = arg.stride;
	return ret;
}

/* A whole table; returns the elements that it has */
static uint32_t table(struct __test_metadata *_metadata, int fd, uint32_t what, void *data,
		      uint32_t *size)
{
	uint32_t count = 0, again;

	*size = 0;
	ASSERT_EQ(0, ask(fd, what, NULL, &count, size));
	ASSERT_LT(0, count);
	ASSERT_LT(0, *size);
	ASSERT_GE(ROOM, count * *size);
	again = count;
	ASSERT_EQ(0, ask(fd, what, data, &again, size));
	ASSERT_EQ(count, again);
	return count;
}

/* Counters move between two questions */
static bool same(uint32_t what, const void *a, const void *b, size_t size)
{
	return what == SFAB_QUERY_COUNTERS || what == SFAB_QUERY_PORTS || !memcmp(a, b, size);
}

/* Without room, with room for a part, and with room to spare */
TEST_F(answers, counts)
{
	uint32_t what;

	for (what = SFAB_QUERY_DEVICE; what <= self->last; what++) {
		uint8_t answer[2 * ROOM], whole[ROOM];
		uint32_t size, total, count, stride, room;

		total = table(_metadata, self->fd, what, whole, &size);
		/* data and stride are ignored */
		count = 0;
		stride = 0xffffffff;
		EXPECT_EQ(0, ask(self->fd, what, (void *)1, &count, &stride));
		EXPECT_EQ(total, count);
		EXPECT_EQ(size, stride);

		for (room = 1; room < total + 3; room++) {
			size_t bytes = size * (room < total ? room : total);

			memset(answer, 0x55, sizeof(answer));
			count = room;
			stride = size;
			ASSERT_EQ(0, ask(self->fd, what, answer, &count, &stride));
			EXPECT_EQ(total, count);
			EXPECT_EQ(size, stride);
			EXPECT_TRUE(same(what, answer, whole, bytes));
			EXPECT_TRUE(all_bytes(answer + bytes, sizeof(answer) - bytes, 0x55));
		}
		/* Only elements that there are need memory */
		count = 0xffffffff;
		EXPECT_EQ(0, ask(self->fd, what, answer, &count, &stride));
		EXPECT_EQ(total, count);
	}
}

/* A program that knows longer elements gets zeros for what this kernel does not know */
TEST_F(answers, strides_large)
{
	static const uint32_t tails[] = { 1, 7, 8, 64, 200 };
	uint32_t what, i, n;

	for (what = SFAB_QUERY_DEVICE; what <= self->last; what++) {
		uint8_t *answer = malloc(16 * SZ_4K), whole[ROOM];
		uint32_t size, total = table(_metadata, self->fd, what, whole, &size);

		ASSERT_NE(NULL, answer);
		for (i = 0; i <= ARRAY_SIZE(tails); i++) {
			uint32_t ours = i < ARRAY_SIZE(tails) ? size + tails[i] : SZ_4K;
			uint32_t count = total, stride = ours;

			memset(answer, 0x55, 16 * SZ_4K);
			ASSERT_EQ(0, ask(self->fd, what, answer, &count, &stride));
			EXPECT_EQ(total, count);
			EXPECT_EQ(size, stride);
			for (n = 0; n < total; n++) {
				uint8_t *element = answer + n * ours;

				EXPECT_TRUE(same(what, element, whole + n * size, size));
				EXPECT_TRUE(all_bytes(element + size, ours - size, 0));
			}
			EXPECT_TRUE(all_bytes(answer + total * ours, SZ_4K, 0x55));
		}
		free(answer);
	}
}

/* What the first version of an element had may not be cut */
TEST_F(answers, strides_bad)
{
	static const uint32_t huge[] = { SZ_4K + 1, 0x80000000, 0xffffffff };
	uint32_t what, i;

	for (what = SFAB_QUERY_DEVICE; what <= self->last; what++) {
		uint8_t answer[ROOM], whole[ROOM];
		uint32_t size, total = table(_metadata, self->fd, what, whole, &size);
		uint32_t count = total, stride;

		memset(answer, 0x55, sizeof(answer));
		for (i = 0; i < first_size(what, size); i++) {
			stride = i;
			EXPECT_EQ(-EINVAL, ask(self->fd, what, answer, &count, &stride))
				TH_LOG("query %u stride %u", what, i);
			EXPECT_EQ(i, stride);
		}
		for (i = 0; i < ARRAY_SIZE(huge); i++) {
			stride = huge[i];
			EXPECT_EQ(-E2BIG, ask(self->fd, what, answer, &count, &stride))
				TH_LOG("query %u stride %u", what, huge[i]);
			EXPECT_EQ(huge[i], stride);
		}
		EXPECT_EQ(total, count);
		EXPECT_TRUE(all_bytes(answer, sizeof(answer), 0x55));
	}
}

TEST_F(answers, unknown)
{
	static const uint32_t unknown[] = { SFAB_QUERY_PORTS + 1, 100, 0x80000000, 0xffffffff };
	uint32_t i, count, stride = 256;
	uint8_t answer[ROOM];

	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		count = 0;
		EXPECT_EQ(-EINVAL, ask(self->fd, unknown[i], NULL, &count, &stride));
		count = 1;
		EXPECT_EQ(-EINVAL, ask(self->fd, unknown[i], answer, &count, &stride));
		EXPECT_EQ(1, count);
	}
}

/* A program that knows shorter elements gets the part that it knows */
TEST_F(answers, counters_of_first_version)
{
	uint32_t count = 1, stride = first_size(SFAB_QUERY_COUNTERS, 0);
	uint8_t answer[ROOM];

	memset(answer, 0x55, sizeof(answer));
	ASSERT_EQ(0, ask(self->fd, SFAB_QUERY_COUNTERS, answer, &count, &stride));
	EXPECT_EQ(1, count);
	EXPECT_EQ(sizeof(struct sfab_query_counters), stride);
	EXPECT_TRUE(all_bytes(answer + first_size(SFAB_QUERY_COUNTERS, 0),
			      sizeof(answer) - first_size(SFAB_QUERY_COUNTERS, 0), 0x55));
}

TEST_F(answers, bad_data)
{
	uint32_t what, i;

	for (what = SFAB_QUERY_DEVICE; what <= self->last; what++) {
		uint8_t whole[ROOM];
		uint32_t size, count = table(_metadata, self->fd, what, whole, &size), stride;
		void *const bad[] = {
			unmapped_address(),
			mmap(NULL, SZ_4K, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			at_page_end(4),			/* of the first element */
			at_page_end(count * size),	/* of the tail of the last one */
			(void *)0xffff888000000000ULL,
		};

		stride = size;
		EXPECT_EQ(-EFAULT, ask(self->fd, what, NULL, &count, &stride));
		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			stride = size + 8;
			ASSERT_MAPPED(bad[i]);
			EXPECT_EQ(-EFAULT, ask(self->fd, what, bad[i], &count, &stride))
				TH_LOG("query %u address %u", what, i);
			EXPECT_EQ(size + 8, stride);
		}
	}
}

TEST_F(answers, device)
{
	struct sfab_query_device device = { }, again = { };
	uint8_t zero[16] = { };
	char line[64], uuid[64];
	unsigned int i, n;

	ASSERT_EQ(0, query_device(self->fd, &device));
	EXPECT_EQ(1, device.hw_version >> 16);
	EXPECT_NE(0, device.serial);
	EXPECT_NE(0, memcmp(device.uuid, zero, sizeof(zero)));
	EXPECT_EQ(SFAB_CAP_REDUCE | SFAB_CAP_ATOMIC | SFAB_CAP_COPY_2D,
		  device.caps & (SFAB_CAP_REDUCE | SFAB_CAP_ATOMIC | SFAB_CAP_COPY_2D));

	/* A kernel without CONFIG_NUMA has no such file, and no node for any device */
	if (read_line(line, sizeof(line), "/sys/bus/pci/devices/%s/numa_node", self->accel.pci))
		strcpy(line, "-1");
	EXPECT_EQ(atoi(line), device.numa_node);

	/* sysfs tells the same, in the usual spelling */
	ASSERT_EQ(0, read_line(line, sizeof(line), "/sys/class/accel/accel%d/device/serial",
			       self->accel.minor));
	EXPECT_EQ(device.serial, strtoull(line, NULL, 0));
	for (i = n = 0; i < 16; i++) {
		n += sprintf(uuid + n, "%02x", device.uuid[i]);
		if (i == 3 || i == 5 || i == 7 || i == 9)
			uuid[n++] = '-';
	}
	uuid[n] = 0;
	ASSERT_EQ(0, read_line(line, sizeof(line), "/sys/class/accel/accel%d/device/uuid",
			       self->accel.minor));
	EXPECT_STREQ(uuid, line);

	ASSERT_EQ(0, query_device(self->fd, &again));
	EXPECT_EQ(0, memcmp(&device, &again, sizeof(device)));
}

TEST_F(answers, identities_differ)
{
	struct sfab_query_device devices[MAX_ACCELS] = { };
	unsigned int i, j, count = accel_count();

	for (i = 0; i < count; i++) {
		int fd = accel_open(i);

		ASSERT_LE(0, fd);
		ASSERT_EQ(0, query_device(fd, &devices[i]));
		close(fd);
		for (j = 0; j < i; j++) {
			EXPECT_NE(devices[i].serial, devices[j].serial);
			EXPECT_NE(0, memcmp(devices[i].uuid, devices[j].uuid, 16));
		}
	}
}

TEST_F(answers, engines)
{
	uint32_t count = 16, stride = sizeof(struct sfab_query_engine), i;
	struct sfab_query_engine engines[16] = { };

	ASSERT_EQ(0, ask(self->fd, SFAB_QUERY_ENGINES, engines, &count, &stride));
	ASSERT_EQ(sizeof(*engines), stride);
	ASSERT_LE(1, count);
	ASSERT_GE(8, count);
	for (i = 0; i < count; i++) {
		EXPECT_EQ(i, engines[i].id);
		EXPECT_EQ(0, engines[i].pad);
		EXPECT_EQ((1ULL << (SFAB_OP_TIMESTAMP + 1)) - 1, engines[i].commands);
	}
}

TEST_F(answers, regions)
{
	uint32_t hbm, system, registered, i, count = 3, stride = sizeof(struct sfab_query_region);
	struct sfab_query_region regions[3] = { };
	void *memory = mmap(NULL, SZ_64K, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	ASSERT_MAPPED(memory);
	ASSERT_EQ(0, ask(self->fd, SFAB_QUERY_REGIONS, regions, &count, &stride));
	ASSERT_EQ(3, count);
	ASSERT_EQ(sizeof(*regions), stride);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(i, regions[i].id);
		EXPECT_EQ(0, regions[i].pad);
	}
	EXPECT_LE(64 * SZ_1M, regions[SFAB_REGION_HBM].size);
	EXPECT_EQ(0, regions[SFAB_REGION_HBM].size % SZ_2M);
	EXPECT_GT(regions[SFAB_REGION_HBM].size, regions[SFAB_REGION_HBM].used);
	EXPECT_EQ(0, regions[SFAB_REGION_SYSTEM].size);
	EXPECT_EQ(0, regions[SFAB_REGION_REGISTERED].size);

	ASSERT_EQ(0, bo_create(self->fd, SZ_64K, SFAB_REGION_HBM, &hbm));
	ASSERT_EQ(0, bo_create(self->fd, SZ_64K, SFAB_REGION_SYSTEM, &system));
	ASSERT_EQ(0, mem_register(self->fd, memory, SZ_64K, RIGHT_R, &registered));
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(self->usage.used[i] + SZ_64K, region_used(self->fd, i));
	}
	EXPECT_EQ(0, bo_close(self->fd, hbm));
	EXPECT_EQ(0, bo_close(self->fd, system));
	EXPECT_EQ(0, bo_close(self->fd, registered));
}

TEST_F(answers, limits)
{
	struct sfab_query_limits limits = { };

	ASSERT_EQ(0, query_limits(self->fd, &limits));
	EXPECT_LE(1, limits.max_queues);
	EXPECT_GE(128, limits.max_queues);
	EXPECT_LE(1, limits.max_vms);
	EXPECT_GE(128, limits.max_vms);
	EXPECT_LE(1, limits.max_commands);
	EXPECT_LE(1, limits.max_binds);
	EXPECT_LE(1, limits.max_syncs);
	EXPECT_EQ(48, limits.va_bits);
	EXPECT_LT(0, limits.job_timeout_ms);
	EXPECT_EQ(0, limits.pad);
}

static bool none_fell(const struct sfab_query_counters *before,
		      const struct sfab_query_counters *after)
{
	const uint64_t *a = (const uint64_t *)before, *b = (const uint64_t *)after;
	unsigned int i;

	for (i = 0; i < sizeof(*before) / 8; i++)
		if (b[i] < a[i])
			return false;
	return true;
}

/* Counters only rise, and by what was done at least (other clients count too) */
TEST_F(answers, counters)
{
	struct sfab_query_counters before, after;
	struct buffer hbm, system;
	unsigned int round;
	uint32_t vm, queue;

	ASSERT_EQ(0, vm_create(self->fd, 0, &vm));
	ASSERT_EQ(0, buffer_create(self->fd, vm, SFAB_REGION_HBM, SZ_1M, 0, RIGHT_RW, &hbm));
	ASSERT_EQ(0, buffer_create(self->fd, vm, SFAB_REGION_SYSTEM, SZ_1M, SZ_2M, RIGHT_RW,
				   &system));
	ASSERT_EQ(0, queue_create(self->fd, vm, &queue));
	ASSERT_EQ(0, query_counters(self->fd, &before));
	for (round = 0; round < 20; round++) {
		struct sfab_command cmds[] = {
			cmd_copy(hbm.va, system.va, SZ_1M),
			cmd_nop(),
		};

		ASSERT_EQ(0, queue_run(self->fd, queue, cmds, ARRAY_SIZE(cmds)));
		ASSERT_EQ(0, query_counters(self->fd, &after));
		EXPECT_TRUE(none_fell(&before, &after));
		EXPECT_LE(before.commands + 2, after.commands);
		EXPECT_LE(before.bytes_hbm + SZ_1M, after.bytes_hbm);
		EXPECT_LE(before.bytes_system + SZ_1M, after.bytes_system);
		EXPECT_EQ(before.bytes_peer, after.bytes_peer);
		EXPECT_EQ(before.faults, after.faults);
		EXPECT_EQ(before.device_resets, after.device_resets);
		EXPECT_EQ(before.job_timeouts, after.job_timeouts);
		EXPECT_EQ(0, after.events_dropped);
		before = after;
	}
	EXPECT_EQ(0, queue_destroy(self->fd, queue));
	EXPECT_EQ(0, vm_destroy(self->fd, vm));
	munmap(hbm.cpu, hbm.size);
	munmap(system.cpu, system.size);
	EXPECT_EQ(0, bo_close(self->fd, hbm.handle));
	EXPECT_EQ(0, bo_close(self->fd, system.handle));
	ASSERT_EQ(0, query_counters(self->fd, &after));
	EXPECT_LE(before.queue_resets + 1, after.queue_resets);
}

/* Bytes of a "key: N unit" line of fdinfo, ~0 if there is none */
static uint64_t fdinfo_bytes(const char *text, const char *key)
{
	const char *line = strstr(text, key);
	unsigned long long value;
	char unit[8] = "";

	if (!line || sscanf(line + strlen(key), ": %llu %7s", &value, unit) < 1)
		return ~0ULL;
	return value << (!strcmp(unit, "KiB") ? 10 : !strcmp(unit, "MiB") ? 20 : 0);
}

static int fdinfo_read(int fd, char *text, size_t size)
{
	char path[64];
	ssize_t n;
	int file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = open(path, O_RDONLY);
	if (file < 0)
		return -errno;
	n = read(file, text, size - 1);
	close(file);
	text[n < 0 ? 0 : n] = 0;
	return n < 0 ? -EIO : 0;
}

TEST_F(answers, fdinfo)
{
	char text[4096], expected[64];
	uint32_t handle;

	ASSERT_EQ(0, fdinfo_read(self->fd, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "drm-driver:\tsfab\n"));
	EXPECT_NE(NULL, strstr(text, "drm-client-id:\t"));
	snprintf(expected, sizeof(expected), "drm-pdev:\t%s\n", self->accel.pci);
	EXPECT_NE(NULL, strstr(text, expected));
	EXPECT_EQ(0, fdinfo_bytes(text, "drm-total-hbm"));

	ASSERT_EQ(0, bo_create(self->fd, SZ_1M, SFAB_REGION_HBM, &handle));
	ASSERT_EQ(0, fdinfo_read(self->fd, text, sizeof(text)));
	EXPECT_EQ(SZ_1M, fdinfo_bytes(text, "drm-total-hbm"));
	EXPECT_EQ(0, bo_close(self->fd, handle));
	ASSERT_EQ(0, fdinfo_read(self->fd, text, sizeof(text)));
	EXPECT_EQ(0, fdinfo_bytes(text, "drm-total-hbm"));
}

/* The node is a character device that belongs to this PCI function */
TEST_F(answers, node)
{
	struct stat stat;
	char link[512] = "", path[64];

	ASSERT_EQ(0, fstat(self->fd, &stat));
	EXPECT_TRUE(S_ISCHR(stat.st_mode));
	EXPECT_EQ(261, major(stat.st_rdev));
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(stat.st_rdev),
		 minor(stat.st_rdev));
	ASSERT_LT(0, readlink(path, link, sizeof(link) - 1));
	EXPECT_STREQ(self->accel.pci, strrchr(link, '/') + 1);
}

TEST_HARNESS_MAIN
