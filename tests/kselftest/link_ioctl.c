// SPDX-License-Identifier: MIT
/*
 * What the ioctls of a link refuse: wrong sizes, unknown flags, values that are not to be set,
 * pointers that lead nowhere, files and users who may not.  One variant an ioctl, one wrong
 * field a test; after each of them nothing may have changed.  Built for 64 and for 32 bit.
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "link_util.h"

#define PORT		0
#define STRUCT_MAX	4096

union request {
	uint8_t bytes[STRUCT_MAX + 64];
	uint32_t size;
	struct sfab_link_info info;
	struct sfab_link_status state;
	struct sfab_link_readings readings;
	struct sfab_link_counters counters;
	struct sfab_link_control control;
	struct sfab_link_switch switching;
	struct sfab_link_map map;
	struct sfab_link_test test;
	struct sfab_link_clear clear;
	struct sfab_link_history history;
};

FIXTURE(link_ioctl)
{
	int fd;
	struct sfab_link_status before;
	struct sfab_link_event events[4];
	uint8_t bytes[300];
};

FIXTURE_VARIANT(link_ioctl)
{
	unsigned long cmd;
	size_t size;
	size_t first;			/* of the first version, if it has grown since */
	size_t flags;			/* offset of what must be 0, or known */
	uint32_t known;			/* bits there */
	bool changes;
};

#define VARIANT(name, number, type, field, bits, may_change) \
	FIXTURE_VARIANT_ADD(link_ioctl, name) { .cmd = (number), .size = sizeof(struct type), \
		.flags = offsetof(struct type, field), .known = (bits), .changes = (may_change) }

VARIANT(info, SFAB_LINK_INFO, sfab_link_info, flags, 0, false);
/* It has grown since */
FIXTURE_VARIANT_ADD(link_ioctl, state) {
	.cmd = SFAB_LINK_STATE,
	.size = sizeof(struct sfab_link_status),
	.first = offsetof(struct sfab_link_status, last_partner),
	.flags = offsetof(struct sfab_link_status, flags),
};

VARIANT(readings, SFAB_LINK_READINGS, sfab_link_readings, flags, 0, false);
VARIANT(counters, SFAB_LINK_COUNTERS, sfab_link_counters, flags, 0, false);
VARIANT(history, SFAB_LINK_HISTORY, sfab_link_history, flags, 0, false);
VARIANT(control, SFAB_LINK_CONTROL, sfab_link_control, set, 0x1f, true);
VARIANT(switching, SFAB_LINK_SWITCH, sfab_link_switch, flags, SFAB_LINK_SWITCH_QUERY, false);
VARIANT(map, SFAB_LINK_MAP, sfab_link_map, flags, 0, false);
VARIANT(test_read, SFAB_LINK_TEST, sfab_link_test, pattern, 0, false);
VARIANT(test_stop, SFAB_LINK_TEST, sfab_link_test, pattern, 0, true);
VARIANT(clear, SFAB_LINK_CLEAR, sfab_link_clear, what,
	SFAB_LINK_CLEAR_PACKETS | SFAB_LINK_CLEAR_FEC | SFAB_LINK_CLEAR_FLAGS, true);

FIXTURE_SETUP(link_ioctl)
{
	int accel[2];

	ASSERT_EQ(0, fabric_open(accel));
	close(accel[0]);
	close(accel[1]);
	self->fd = link_open(0, PORT, O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, link_bring_up(self->fd));
	ASSERT_EQ(0, link_status(self->fd, &self->before));
}

FIXTURE_TEARDOWN(link_ioctl)
{
	EXPECT_EQ(0, link_bring_up(self->fd));
	close(self->fd);
}

static union request valid_request(FIXTURE_DATA(link_ioctl) *self,
				   const FIXTURE_VARIANT(link_ioctl) *variant)
{
	union request arg = { };

	arg.size = variant->size;
	if (variant->cmd == SFAB_LINK_HISTORY) {
		arg.history.data = (uintptr_t)self->events;
		arg.history.count = 4;
		arg.history.stride = sizeof(self->events[0]);
	}
	if (variant->cmd == SFAB_LINK_SWITCH)
		arg.switching.flags = SFAB_LINK_SWITCH_QUERY;
	if (variant->cmd == SFAB_LINK_MAP) {
		arg.map.data = (uintptr_t)self->bytes;
		arg.map.length = sizeof(self->bytes);
	}
	if (variant->cmd == SFAB_LINK_TEST && variant->changes)
		arg.test.op = SFAB_LINK_TEST_STOP;
	if (variant->cmd == SFAB_LINK_CLEAR)
		arg.clear.what = SFAB_LINK_CLEAR_FEC;
	/* Sets what is set already */
	if (variant->cmd == SFAB_LINK_CONTROL)
		arg.control = (struct sfab_link_control){
			.size = variant->size,
			.set = SFAB_LINK_SET_ENABLE | SFAB_LINK_SET_LOOPBACK,
			.config = SFAB_LINK_ENABLE,
		};
	return arg;
}

/* The link is as it was, and no event came */
static bool intact(FIXTURE_DATA(link_ioctl) *self)
{
	struct sfab_link_status now;

	return !link_status(self->fd, &now) && !memcmp(&now, &self->before, sizeof(now));
}

static int call_sized(FIXTURE_DATA(link_ioctl) *self, const FIXTURE_VARIANT(link_ioctl) *variant,
		      union request *arg, uint32_t size)
{
	arg->size = size;
	return do_ioctl(self->fd, variant->cmd, arg);
}

TEST_F(link_ioctl, valid)
{
	union request arg = valid_request(self, variant);

	EXPECT_EQ(0, do_ioctl(self->fd, variant->cmd, &arg));
	EXPECT_EQ(variant->size, arg.size);
}

TEST_F(link_ioctl, shorter)
{
	union request arg = valid_request(self, variant);
	size_t size, first = variant->first ?: variant->size;

	for (size = 0; size < first; size++) {
		EXPECT_EQ(-EINVAL, call_sized(self, variant, &arg, size))
			TH_LOG("size %zu", size);
	}
	EXPECT_TRUE(intact(self));
	EXPECT_EQ(0, call_sized(self, variant, &arg, first));
}

/* A program built for a newer kernel that asks for nothing new gets zeros */
TEST_F(link_ioctl, longer_zero)
{
	static const size_t tails[] = { 1, 4, 8, 64, 1000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		union request arg = valid_request(self, variant);

		EXPECT_EQ(0, call_sized(self, variant, &arg, variant->size + tails[i]))
			TH_LOG("tail %zu", tails[i]);
		EXPECT_EQ(variant->size + tails[i], arg.size);
		EXPECT_TRUE(all_bytes(arg.bytes + variant->size, tails[i], 0));
	}
	{
		union request arg = valid_request(self, variant);

		EXPECT_EQ(0, call_sized(self, variant, &arg, STRUCT_MAX));
	}
}

TEST_F(link_ioctl, longer_nonzero)
{
	static const size_t tails[] = { 1, 8, 64, 1000 };
	union request arg = valid_request(self, variant);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		arg.bytes[variant->size + tails[i] - 1] = 0x80;
		EXPECT_EQ(-E2BIG, call_sized(self, variant, &arg, variant->size + tails[i]));
		arg.bytes[variant->size + tails[i] - 1] = 0;
	}
	EXPECT_TRUE(intact(self));
}

TEST_F(link_ioctl, too_long)
{
	static const uint32_t sizes[] = { STRUCT_MAX + 1, 0x80000000, 0xffffffff };
	union request arg = valid_request(self, variant);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		EXPECT_EQ(-E2BIG, call_sized(self, variant, &arg, sizes[i]));
	EXPECT_TRUE(intact(self));
}

TEST_F(link_ioctl, unknown_flags)
{
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		union request arg = valid_request(self, variant);
		uint32_t flags = 1U << bit;

		if (variant->known & flags)
			continue;
		if (variant->known)
			flags |= arg.control.set;
		memcpy(arg.bytes + variant->flags, &flags, sizeof(flags));
		EXPECT_EQ(-EINVAL, do_ioctl(self->fd, variant->cmd, &arg))
			TH_LOG("bit %u", bit);
	}
	EXPECT_TRUE(intact(self));
}

TEST_F(link_ioctl, bad_pointer)
{
	union request arg = valid_request(self, variant);
	uint8_t *half = at_page_end(variant->size - 1);

	ASSERT_MAPPED(half);
	memcpy(half, &arg, variant->size - 1);
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, variant->cmd, NULL));
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, variant->cmd, unmapped_address()));
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, variant->cmd, half));
	EXPECT_TRUE(intact(self));
}

/* An answer that cannot be stored must not have been made */
TEST_F(link_ioctl, read_only_request)
{
	union request arg = valid_request(self, variant);
	uint8_t *page = mmap(NULL, SZ_4K, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);

	ASSERT_MAPPED(page);
	if (variant->cmd == SFAB_LINK_CONTROL)
		arg.control.config = 0;
	memcpy(page, &arg, variant->size);
	ASSERT_EQ(0, mprotect(page, SZ_4K, PROT_READ));
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, variant->cmd, page));
	EXPECT_TRUE(intact(self));
	munmap(page, SZ_4K);
}

/* What changes the link needs a file that was opened for writing */
TEST_F(link_ioctl, read_only_file)
{
	union request arg = valid_request(self, variant);
	int fd = link_open(0, PORT, O_RDONLY);

	ASSERT_LE(0, fd);
	EXPECT_EQ(variant->changes ? -EBADF : 0, do_ioctl(fd, variant->cmd, &arg));
	close(fd);
	EXPECT_TRUE(intact(self));
}

/* And a user who may */
TEST_F(link_ioctl, nobody)
{
	union request arg = valid_request(self, variant);
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(255);
		_exit(-do_ioctl(self->fd, variant->cmd, &arg));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(variant->changes ? EPERM : 0, WEXITSTATUS(status));
	EXPECT_TRUE(intact(self));
}

/* What is wrong in itself is told before what one may not */
TEST_F(link_ioctl, flags_before_rights)
{
	union request arg = valid_request(self, variant);
	uint32_t flags = 1U << 31;
	int fd = link_open(0, PORT, O_RDONLY);

	ASSERT_LE(0, fd);
	memcpy(arg.bytes + variant->flags, &flags, sizeof(flags));
	EXPECT_EQ(-EINVAL, do_ioctl(fd, variant->cmd, &arg));
	close(fd);
}

/* ---- of one ioctl ---- */

static int control(int fd, uint32_t set, uint32_t config, uint32_t tx_off)
{
	struct sfab_link_control arg = {
		.size = sizeof(arg),
		.set = set,
		.config = config,
		.tx_off = tx_off,
	};

	return do_ioctl(fd, SFAB_LINK_CONTROL, &arg);
}

TEST(control_values)
{
	int fd = link_open(0, PORT, O_RDWR);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, control(fd, 0, 0, 0));
	EXPECT_EQ(-EINVAL, control(fd, SFAB_LINK_RETRAIN, SFAB_LINK_ENABLE, 0));
	EXPECT_EQ(-EINVAL, control(fd, SFAB_LINK_SET_ENABLE, SFAB_LINK_LOOPBACK, 0));
	EXPECT_EQ(-EINVAL, control(fd, SFAB_LINK_SET_LOOPBACK, SFAB_LINK_ENABLE, 0));
	EXPECT_EQ(-EINVAL, control(fd, SFAB_LINK_SET_ENABLE, SFAB_LINK_ENABLE | 8, 0));
	EXPECT_EQ(-EINVAL, control(fd, SFAB_LINK_SET_ENABLE, SFAB_LINK_ENABLE, 1));
	EXPECT_EQ(-EINVAL, control(fd, SFAB_LINK_SET_TX_OFF, 0, 0x100));
	EXPECT_EQ(-EINVAL, control(fd, SFAB_LINK_SET_TX_OFF, 0, 0x80000000));
	EXPECT_EQ(-EINVAL, control(fd, SFAB_LINK_SET_LOW_POWER, SFAB_LINK_ENABLE, 0));
	EXPECT_EQ(-EINVAL, control(fd, SFAB_LINK_RETRAIN, SFAB_LINK_LOW_POWER, 0));
	close(fd);
}

static int switching(int fd, uint32_t flags, uint32_t path, uint32_t partner_path,
		     uint32_t timeout_ms)
{
	struct sfab_link_switch arg = {
		.size = sizeof(arg),
		.flags = flags,
		.path = path,
		.partner_path = partner_path,
		.timeout_ms = timeout_ms,
	};

	return do_ioctl(fd, SFAB_LINK_SWITCH, &arg);
}

TEST(switch_values)
{
	const uint32_t query = SFAB_LINK_SWITCH_QUERY, abort = SFAB_LINK_SWITCH_ABORT;
	const uint32_t together = SFAB_LINK_SWITCH_TOGETHER;
	int fd = link_open(0, PORT, O_RDWR), reader = link_open(0, PORT, O_RDONLY);
	struct sfab_link_info info;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, link_info(fd, &info));
	EXPECT_EQ(-EINVAL, switching(fd, query, 1, 0, 0));
	EXPECT_EQ(-EINVAL, switching(fd, query, 0, 1, 0));
	EXPECT_EQ(-EINVAL, switching(fd, query, 0, 0, 1));
	EXPECT_EQ(-EINVAL, switching(fd, abort, 1, 0, 100));
	EXPECT_EQ(-EINVAL, switching(fd, abort, 0, 1, 100));
	EXPECT_EQ(-EINVAL, switching(fd, abort, 0, 0, 0));
	EXPECT_EQ(-EINVAL, switching(fd, abort | together, 0, 0, 100));
	EXPECT_EQ(-EINVAL, switching(fd, 0, info.paths, 0, 100));
	EXPECT_EQ(-EINVAL, switching(fd, together, info.paths, 0, 100));
	EXPECT_EQ(-EINVAL, switching(fd, 0, 0, 1, 100));
	EXPECT_EQ(-EINVAL, switching(fd, together, 0, 16, 100));
	EXPECT_EQ(-EINVAL, switching(fd, 0, 0, 0, 0));
	EXPECT_EQ(-EINVAL, switching(fd, 0, 0, 0, 60001));
	EXPECT_EQ(-EBADF, switching(reader, 0, 0, 0, 100));
	EXPECT_EQ(-EBADF, switching(reader, abort, 0, 0, 100));
	EXPECT_EQ(0, switching(reader, query, 0, 0, 0));
	/* Nothing to give up */
	EXPECT_EQ(0, switching(fd, abort, 0, 0, 100));
	close(reader);
	close(fd);
}

TEST(clear_values)
{
	struct sfab_link_clear arg = { .size = sizeof(arg) };
	int fd = link_open(0, PORT, O_RDWR);

	ASSERT_LE(0, fd);
	EXPECT_EQ(-EINVAL, do_ioctl(fd, SFAB_LINK_CLEAR, &arg));
	close(fd);
}

static int history(int fd, const void *data, uint32_t count, uint32_t stride,
		   struct sfab_link_history *arg)
{
	*arg = (struct sfab_link_history){
		.size = sizeof(*arg),
		.data = (uintptr_t)data,
		.count = count,
		.stride = stride,
	};
	return do_ioctl(fd, SFAB_LINK_HISTORY, arg);
}

/* Strides shorter and longer than an element, places that cannot be written */
TEST(history_array)
{
	const uint32_t element = sizeof(struct sfab_link_event);
	static uint8_t bytes[2 * 4096];
	struct sfab_link_event plain[2];
	struct sfab_link_history arg;
	int fd = link_open(0, PORT, O_RDWR);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, link_control(fd, SFAB_LINK_SET_ENABLE, 0));
	ASSERT_EQ(0, link_await(fd, SFAB_LINK_DOWN, WAIT_MS));
	ASSERT_EQ(0, link_bring_up(fd));

	EXPECT_EQ(0, history(fd, NULL, 0, 0, &arg));
	EXPECT_LE(2, arg.count);
	EXPECT_GE(SFAB_LINK_EVENTS, arg.count);
	EXPECT_EQ(element, arg.stride);
	EXPECT_EQ(-EINVAL, history(fd, bytes, 2, element - 1, &arg));
	EXPECT_EQ(-EINVAL, history(fd, bytes, 2, 0, &arg));
	EXPECT_EQ(-E2BIG, history(fd, bytes, 2, 4097, &arg));
	EXPECT_EQ(-E2BIG, history(fd, bytes, 2, 0xffffffff, &arg));
	EXPECT_EQ(-EFAULT, history(fd, unmapped_address(), 2, element, &arg));
	EXPECT_EQ(-EFAULT, history(fd, NULL, 1, element, &arg));

	ASSERT_EQ(0, history(fd, plain, 2, element, &arg));
	memset(bytes, 0x55, sizeof(bytes));
	ASSERT_EQ(0, history(fd, bytes, 2, 4096, &arg));
	EXPECT_EQ(2, arg.count);
	EXPECT_EQ(0, memcmp(bytes, &plain[0], element));
	EXPECT_TRUE(all_bytes(bytes + element, 4096 - element, 0));
	EXPECT_EQ(0, memcmp(bytes + 4096, &plain[1], element));
	close(fd);
}

TEST(unknown_ioctls)
{
	union request arg = { .size = 64 };
	int fd = link_open(0, PORT, O_RDWR);
	unsigned int nr;

	ASSERT_LE(0, fd);
	for (nr = _IOC_NR(SFAB_LINK_HISTORY) + 1; nr < 256; nr++)
		EXPECT_EQ(-ENOTTY, do_ioctl(fd, _IO(SFAB_LINK_IOC, nr), &arg));
	EXPECT_EQ(-ENOTTY, do_ioctl(fd, _IO('x', 0), &arg));
	EXPECT_EQ(-ENOTTY, do_ioctl(fd, _IOC(_IOC_READ, SFAB_LINK_IOC, 0, 64), &arg));
	EXPECT_EQ(-ENOTTY, do_ioctl(fd, DRM_IOCTL_SFAB_QUERY, &arg));
	EXPECT_EQ(-1, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(ESPIPE, errno);
	EXPECT_EQ(-1, write(fd, &arg, 8));
	EXPECT_EQ(EINVAL, errno);
	close(fd);
}

TEST_HARNESS_MAIN
