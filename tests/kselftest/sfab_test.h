/* SPDX-License-Identifier: MIT */
/*
 * What the driver tests share: devices, one function an ioctl, syncobjs,
 * commands, and the counts that must be as before.
 *
 * A function returns 0 or a negative errno unless it says otherwise, so that a
 * test reads ASSERT_EQ(-EINVAL, bo_create(...)).
 */
#ifndef SFAB_TEST_H
#define SFAB_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drm/drm.h>
#include <drm/sfab_accel.h>

#define SZ_4K		0x1000ULL
#define SZ_64K		0x10000ULL
#define SZ_1M		0x100000ULL
#define SZ_2M		0x200000ULL

#define RIGHT_R		SFAB_RIGHT_READ
#define RIGHT_RW	(SFAB_RIGHT_READ | SFAB_RIGHT_WRITE)

/* Bounds of what a test waits for; never a duration that a test needs */
#define WAIT_MS		10000

/* ---- devices ---- */

#define MAX_ACCELS	64

/** struct accel - a device that the driver is bound to */
struct accel {
	/** @pci: address, "0000:01:00.0" */
	char pci[24];
	/** @minor: N of /dev/accel/accelN */
	int minor;
};

/* All devices in the order of their PCI addresses; returns how many */
unsigned int accel_list(struct accel list[MAX_ACCELS]);
unsigned int accel_count(void);
/* Opens the index-th device of accel_list(); returns a file or -errno */
int accel_open(unsigned int index);
/* The index-th of the devices that can (p2p), or cannot, reach their peers, or -ENODEV */
int accel_find(bool p2p, unsigned int index);
int read_text(const char *path, char *text, size_t size);
/* The first line, without its newline */
int read_line(char *line, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int write_text(const char *path, const char *text);

/* ---- time ---- */

int64_t now_ns(void);
/* The absolute time that WAIT and the syncobj ioctls take */
int64_t deadline(unsigned int ms);
void sleep_ms(unsigned int ms);

/* How long a submission may run, in queues that are made from now on; returns the time before */
unsigned int job_timeout_set(unsigned int ms);

/* ---- ioctls: one function each; @fd is an open device ---- */

int do_ioctl(int fd, unsigned long cmd, void *arg);

int query(int fd, uint32_t what, void *data, uint32_t size);
int query_device(int fd, struct sfab_query_device *device);
int query_limits(int fd, struct sfab_query_limits *limits);
int query_counters(int fd, struct sfab_query_counters *counters);
bool has_fabric(int fd);
/* Bytes in use, or in all, of a region; ~0 on error */
uint64_t region_used(int fd, enum sfab_region_id id);
uint64_t region_size(int fd, enum sfab_region_id id);

int bo_create(int fd, uint64_t size, uint32_t region, uint32_t *handle);
int bo_query(int fd, uint32_t handle, struct sfab_bo_query *answer);
int bo_close(int fd, uint32_t handle);
/* CPU mapping, or MAP_FAILED with errno */
void *bo_map(int fd, uint32_t handle, uint64_t size);
int mem_register(int fd, const void *addr, uint64_t size, uint32_t rights, uint32_t *handle);
int prime_export(int fd, uint32_t handle);	/* a dma-buf file or -errno */
int prime_import(int fd, int dmabuf, uint32_t *handle);

int vm_create(int fd, uint32_t flags, uint32_t *vm);
int vm_destroy(int fd, uint32_t vm);
int vm_bind(int fd, uint32_t vm, const struct sfab_bind_op *ops, uint32_t op_count,
	    const struct sfab_sync *syncs, uint32_t sync_count);
int vm_map(int fd, uint32_t vm, uint64_t va, uint32_t handle, uint64_t bo_offset, uint64_t size,
	   uint32_t rights);
int vm_unmap(int fd, uint32_t vm, uint64_t va, uint64_t size);
struct sfab_bind_op op_map(uint64_t va, uint32_t handle, uint64_t bo_offset, uint64_t size,
			   uint32_t rights);
struct sfab_bind_op op_unmap(uint64_t va, uint64_t size);

int queue_create(int fd, uint32_t vm, uint32_t *queue);
int queue_destroy(int fd, uint32_t queue);
int queue_query(int fd, uint32_t queue, struct sfab_queue_query *answer);
int queue_submit(int fd, uint32_t queue, const struct sfab_command *cmds, uint32_t cmd_count,
		 const struct sfab_sync *syncs, uint32_t sync_count, uint64_t *seqno);
int queue_wait(int fd, uint32_t queue, uint64_t seqno, unsigned int timeout_ms);

/* A thread that waits for up to WAIT_MS: start it with queue_wait_thread() and this */
struct queue_waiter {
	int fd;
	uint32_t queue;
	uint64_t seqno;
	int result;
};

void *queue_wait_thread(void *waiter);

/* Submits, and waits for up to WAIT_MS */
int queue_run(int fd, uint32_t queue, const struct sfab_command *cmds, uint32_t cmd_count);

/*
 * Runs a command on a queue of its own that it has to halt: 0 and the fault, or
 * -ENODATA when the command completed
 */
int run_into_fault(int fd, uint32_t vm, struct sfab_command cmd, struct sfab_fault *fault);

/* ---- syncobjs ---- */

int syncobj_create(int fd, uint32_t *handle);
int syncobj_destroy(int fd, uint32_t handle);
int syncobj_signal(int fd, uint32_t handle, uint64_t point);
/* 0 when signalled within the time, -ETIME if not; point 0: binary */
int syncobj_wait(int fd, uint32_t handle, uint64_t point, unsigned int timeout_ms);
/* Status of the fence of a binary syncobj: 0 pending, 1 signalled, <0 its error */
int syncobj_status(int fd, uint32_t handle);
/* Hands the syncobj to another file of the same or another device */
int syncobj_share(int fd, uint32_t handle, int other_fd, uint32_t *other_handle);

static inline struct sfab_sync sync_wait(uint32_t handle, uint64_t point)
{
	return (struct sfab_sync){ .handle = handle, .flags = SFAB_SYNC_WAIT, .point = point };
}

static inline struct sfab_sync sync_signal(uint32_t handle, uint64_t point)
{
	return (struct sfab_sync){ .handle = handle, .flags = SFAB_SYNC_SIGNAL, .point = point };
}

/* ---- events ---- */

/* The next event, -ETIME when none comes in the time, else -errno of read() */
int event_read(int fd, struct sfab_event *event, unsigned int timeout_ms);

/* ---- memory ---- */

/* The answer of mmap() and its like, in 64 and 32 bit programs */
#define ASSERT_MAPPED(p)	ASSERT_TRUE((p) && (void *)(p) != MAP_FAILED)

/** struct buffer - memory that the CPU and a VM see */
struct buffer {
	/** @handle: BO */
	uint32_t handle;
	/** @size: bytes */
	uint64_t size;
	/** @va: where the VM sees it */
	uint64_t va;
	/** @cpu: where the CPU sees it */
	uint8_t *cpu;
};

/* Makes a BO of any region (registered: of anonymous memory), CPU-mapped and mapped in @vm */
int buffer_create(int fd, uint32_t vm, uint32_t region, uint64_t size, uint64_t va,
		  uint32_t rights, struct buffer *buffer);
/* Fills memory with what no other seed gives; every 8 bytes differ */
void pattern_fill(void *memory, size_t size, uint64_t seed);
/* True if memory holds the pattern */
bool pattern_check(const void *memory, size_t size, uint64_t seed);
bool all_bytes(const void *memory, size_t size, uint8_t byte);
/* An address, aligned to 4 KiB, that is not mapped and has 1 MiB of nothing behind it */
void *unmapped_address(void);
/* Memory that ends where unmapped memory begins; free with munmap() of its page(s) */
void *at_page_end(size_t size);
uint64_t random64(uint64_t *state);

/**
 * slow_map - make room for commands that take long
 *
 * Maps one 4 MiB BO again and again, so that a command over all of it works for
 * long and yet needs little memory.  Returns the bytes at SLOW_VA, or -errno.
 */
#define SLOW_VA		0x100000000000ULL
int64_t slow_map(int fd, uint32_t vm);

/* ---- what must be as before ---- */

/** struct usage - what a device holds for its clients */
struct usage {
	/** @used: bytes by region */
	uint64_t used[3];
	/** @counts: the counts of debugfs, as text */
	char counts[1024];
};

int usage_get(int fd, unsigned int index, struct usage *usage);
bool usage_same(const struct usage *a, const struct usage *b);
/* Waits until the use of the index-th device is as told; -ETIME if it does not come to that */
int usage_wait(int fd, unsigned int index, const struct usage *usage, unsigned int timeout_ms);
/* Counts of the index-th device alone, no file needed */
int counts_read(unsigned int index, char *text, size_t size);

/* ---- commands ---- */

static inline struct sfab_command cmd_nop(void)
{
	return (struct sfab_command){ .opcode = SFAB_OP_NOP };
}

static inline struct sfab_command cmd_copy(uint64_t dst, uint64_t src, uint64_t len)
{
	return (struct sfab_command){ .opcode = SFAB_OP_COPY, .dst = dst, .src = src, .len = len };
}

static inline struct sfab_command cmd_copy_2d(uint64_t dst, uint64_t dst_pitch, uint64_t src,
					      uint64_t src_pitch, uint64_t len, uint64_t rows)
{
	return (struct sfab_command){ .opcode = SFAB_OP_COPY_2D, .dst = dst, .src = src,
				      .len = len, .arg0 = rows, .arg1 = dst_pitch,
				      .arg2 = src_pitch };
}

static inline struct sfab_command cmd_fill(uint64_t dst, uint64_t len, uint8_t width,
					   uint64_t value)
{
	return (struct sfab_command){ .opcode = SFAB_OP_FILL, .dtype = width, .dst = dst,
				      .len = len, .arg0 = value };
}

static inline struct sfab_command cmd_reduce(uint64_t dst, uint64_t src, uint64_t len,
					     uint8_t dtype, uint8_t op)
{
	return (struct sfab_command){ .opcode = SFAB_OP_REDUCE, .dtype = dtype, .op = op,
				      .dst = dst, .src = src, .len = len };
}

static inline struct sfab_command cmd_atomic(uint64_t dst, uint64_t old, uint8_t width, uint8_t op,
					     uint64_t operand, uint64_t comparand)
{
	return (struct sfab_command){ .opcode = SFAB_OP_ATOMIC, .dtype = width, .op = op,
				      .dst = dst, .src = old, .arg0 = operand,
				      .arg1 = comparand };
}

static inline struct sfab_command cmd_write(uint64_t dst, uint8_t width, uint64_t value)
{
	return (struct sfab_command){ .opcode = SFAB_OP_WRITE, .dtype = width, .dst = dst,
				      .arg0 = value };
}

static inline struct sfab_command cmd_wait(uint64_t src, uint8_t width, uint8_t op, uint64_t value,
					   uint64_t mask, uint64_t limit_ns)
{
	return (struct sfab_command){ .opcode = SFAB_OP_WAIT, .dtype = width, .op = op,
				      .src = src, .arg0 = value, .arg1 = mask,
				      .arg2 = limit_ns };
}

static inline struct sfab_command cmd_timestamp(uint64_t dst)
{
	return (struct sfab_command){ .opcode = SFAB_OP_TIMESTAMP, .dst = dst };
}

#endif
