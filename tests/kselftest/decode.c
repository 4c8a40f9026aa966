// SPDX-License-Identifier: MIT
/*
 * The memory decoding of one device is turned off and on while another CPU reads the
 * registers of a second device: it reads these registers and nothing else. This is about
 * the machine that the driver runs on (qemu/patches/0003-*).
 */
#define _GNU_SOURCE
#include <kselftest_harness.h>
#include <pthread.h>
#include <sched.h>

#include "sfab_test.h"

#define DRIVER		"/sys/bus/pci/drivers/sfab/"
#define COMMAND		4
#define TOGGLES		300
/* In a row, without a branch in between at which an emulator could look up */
#define READS		32

FIXTURE(decode)
{
	struct accel list[MAX_ACCELS];
	int config;
	volatile uint32_t *regs;
};

static int open_of(const struct accel *accel, const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", accel->pci, name);
	return open(path, O_RDWR | O_CLOEXEC);
}

FIXTURE_SETUP(decode)
{
	int fd;

	ASSERT_LE(2, accel_list(self->list));
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->list[0].pci));
	ASSERT_EQ(0, write_text(DRIVER "unbind", self->list[1].pci));
	self->config = open_of(&self->list[1], "config");
	ASSERT_LE(0, self->config);
	fd = open_of(&self->list[0], "enable");
	ASSERT_EQ(1, write(fd, "1", 1));
	close(fd);
	fd = open_of(&self->list[0], "resource0");
	ASSERT_LE(0, fd);
	self->regs = mmap(NULL, SZ_4K, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->regs);
	close(fd);
}

FIXTURE_TEARDOWN(decode)
{
	unsigned int i;
	int fd;

	munmap((void *)self->regs, SZ_4K);
	close(self->config);
	fd = open_of(&self->list[0], "enable");
	EXPECT_EQ(1, write(fd, "0", 1));
	close(fd);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, write_text(DRIVER "bind", self->list[i].pci));
}

struct reader {
	volatile uint32_t *regs;
	bool stop;
	unsigned long reads, wrong;
};

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *read_registers(void *arg)
{
	struct reader *reader = arg;
	uint32_t id = *reader->regs;

	pin(1);
	while (!__atomic_load_n(&reader->stop, __ATOMIC_RELAXED)) {
		uint32_t differ = 0;

#pragma GCC unroll 32
		for (unsigned int i = 0; i < READS; i++)
			differ |= *reader->regs ^ id;
		reader->reads += READS;
		reader->wrong += !!differ;
	}
	return NULL;
}

TEST_F(decode, another_device)
{
	struct reader reader = { .regs = self->regs };
	uint16_t command, off = 0;
	pthread_t thread;

	ASSERT_EQ(sizeof(command), pread(self->config, &command, sizeof(command), COMMAND));
	pin(0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_registers, &reader));
	for (unsigned int i = 0; i < TOGGLES; i++) {
		uint16_t on = 2;

		EXPECT_EQ(sizeof(on), pwrite(self->config, &on, sizeof(on), COMMAND));
		EXPECT_EQ(sizeof(off), pwrite(self->config, &off, sizeof(off), COMMAND));
	}
	EXPECT_EQ(sizeof(command), pwrite(self->config, &command, sizeof(command), COMMAND));
	__atomic_store_n(&reader.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_LT(TOGGLES, reader.reads);
	EXPECT_EQ(0, reader.wrong);
}

TEST_HARNESS_MAIN
