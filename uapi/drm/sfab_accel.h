/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * sfab accelerator driver: ioctls of /dev/accel/accelN
 */
#ifndef _UAPI_SFAB_ACCEL_H_
#define _UAPI_SFAB_ACCEL_H_

#ifdef __KERNEL__
#include <drm/drm.h>
#else
#include "drm.h"	/* of libdrm or the kernel's headers, as they are installed */
#endif

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * DOC: overview
 *
 * A *buffer object* (BO) is memory: HBM of the accelerator, system memory, a
 * registered range of the process, or a dma-buf imported by PRIME.  A *VM* is
 * a virtual address space of the accelerator; VM_BIND maps BOs into it.  A
 * *queue* executes commands, whose addresses are all virtual addresses of the
 * queue's VM: the hardware checks every access, the kernel never patches a
 * command.
 *
 * BO handles, VM ids and queue ids belong to the open file.  A child that
 * inherits the file shares them; a registration made before fork() keeps
 * referring to the parent's pages, whatever parent and child write later: the
 * child has none of its own until it registers memory itself.
 *
 * HBM and system BOs are zeroed before they are handed out.  Nothing is ever
 * evicted.  All sizes, offsets and addresses are in bytes; BOs, mappings and
 * offsets are multiples of 4096.
 *
 * Any number of threads may call any ioctl at any time.
 */

/**
 * DOC: errno contract
 *
 * Each ioctl does all it was asked or changes nothing.  The first of these
 * that applies is returned:
 *
 * ==============  ==========================================================
 * ENODEV          the device is gone or being removed
 * EINVAL          a struct shorter than its first version; an unknown flag,
 *                 enum value, non-zero pad or reserved field; a misaligned
 *                 or zero size, address or offset; an address or range that
 *                 overflows or ends beyond its object; an array stride
 *                 smaller than the first version of the element
 * E2BIG           a non-zero byte beyond the part of a struct or array
 *                 element that this kernel knows; an array, or a submission,
 *                 longer than its limit (&struct sfab_query_limits); an array
 *                 stride above 4096
 * EFAULT          a user pointer that cannot be read or written, or, for
 *                 MEM_REGISTER, memory that cannot be accessed as asked
 * ENOENT          a handle, id or syncobj that does not exist in this file
 * EACCES          a right that the BO does not grant
 * EOPNOTSUPP      an object of a kind that cannot do this, or a feature that
 *                 this device or VM lacks
 * EXDEV           this device cannot reach the BO by DMA (VM_BIND of a peer's
 *                 BO where peer DMA is impossible): copy through system memory
 * EBUSY           VM_DESTROY while queues of the VM exist
 * ENOMEM          no kernel memory; pinning beyond RLIMIT_MEMLOCK
 * ENOSPC          no HBM, id or hardware queue left
 * EAGAIN          a queue of a long-running VM has no room now (libdrm's
 *                 drmIoctl() repeats at once: call ioctl() there)
 * EIO             the queue has halted (see QUEUE_QUERY for the reason)
 * ECANCELED       the queue was destroyed while its work was waited for
 * ETIME           the timeout of WAIT passed
 * EINTR           a signal came; the ioctl can be repeated (most restart)
 * ==============  ==========================================================
 */

#define DRM_SFAB_QUERY			0x00
#define DRM_SFAB_BO_CREATE		0x01
#define DRM_SFAB_BO_MMAP		0x02
#define DRM_SFAB_BO_QUERY		0x03
#define DRM_SFAB_MEM_REGISTER		0x04
#define DRM_SFAB_VM_CREATE		0x05
#define DRM_SFAB_VM_DESTROY		0x06
#define DRM_SFAB_VM_BIND		0x07
#define DRM_SFAB_QUEUE_CREATE		0x08
#define DRM_SFAB_QUEUE_DESTROY		0x09
#define DRM_SFAB_QUEUE_SUBMIT		0x0a
#define DRM_SFAB_QUEUE_QUERY		0x0b
#define DRM_SFAB_WAIT			0x0c

/** enum sfab_query_id - what DRM_IOCTL_SFAB_QUERY answers */
enum sfab_query_id {
	/** @SFAB_QUERY_DEVICE: one &struct sfab_query_device */
	SFAB_QUERY_DEVICE = 0,
	/** @SFAB_QUERY_ENGINES: &struct sfab_query_engine, one an engine */
	SFAB_QUERY_ENGINES = 1,
	/** @SFAB_QUERY_REGIONS: &struct sfab_query_region, one a region */
	SFAB_QUERY_REGIONS = 2,
	/** @SFAB_QUERY_LIMITS: one &struct sfab_query_limits */
	SFAB_QUERY_LIMITS = 3,
	/** @SFAB_QUERY_COUNTERS: one &struct sfab_query_counters */
	SFAB_QUERY_COUNTERS = 4,
};

/**
 * struct sfab_query - ask for a table
 *
 * With @size 0 the ioctl only stores the size of the answer there.  Otherwise
 * as much of the answer as fits is copied to @data and @size is set to the
 * whole size: programs built for an older kernel get the part that they know.
 */
struct sfab_query {
	/** @query: &enum sfab_query_id */
	__u32 query;
	/** @size: in: bytes at @data; out: size of the answer */
	__u32 size;
	/** @data: user pointer; ignored when @size is 0 */
	__u64 data;
	/** @flags: must be 0 */
	__u64 flags;
};

/** struct sfab_query_device - identity */
struct sfab_query_device {
	/** @hw_version: VERSION register, major << 16 | minor */
	__u32 hw_version;
	/** @numa_node: NUMA node of the device, -1 if unknown */
	__s32 numa_node;
	/** @serial: serial number, unique per device */
	__u64 serial;
	/** @uuid: identity that outlives reboots and moves, RFC 9562 order */
	__u8 uuid[16];
	/** @caps: capability bits of the hardware, SFAB_CAP_* */
	__u64 caps;
#define SFAB_CAP_PEER		(1ULL << 0)
#define SFAB_CAP_REDUCE		(1ULL << 1)
#define SFAB_CAP_ATOMIC		(1ULL << 2)
#define SFAB_CAP_COPY_2D	(1ULL << 3)
#define SFAB_CAP_FABRIC		(1ULL << 4)
};

/** struct sfab_query_engine - one engine */
struct sfab_query_engine {
	/** @id: number from 0 */
	__u32 id;
	/** @pad: 0 */
	__u32 pad;
	/** @commands: bit n set: the engine executes opcode n */
	__u64 commands;
};

/** enum sfab_region_id - kinds of memory */
enum sfab_region_id {
	/** @SFAB_REGION_HBM: memory of the accelerator */
	SFAB_REGION_HBM = 0,
	/** @SFAB_REGION_SYSTEM: system memory allocated by BO_CREATE */
	SFAB_REGION_SYSTEM = 1,
	/** @SFAB_REGION_REGISTERED: memory pinned by MEM_REGISTER */
	SFAB_REGION_REGISTERED = 2,
};

/** struct sfab_query_region - a kind of memory and its use, all clients */
struct sfab_query_region {
	/** @id: &enum sfab_region_id */
	__u32 id;
	/** @pad: 0 */
	__u32 pad;
	/** @size: bytes in all; 0: bounded by system memory only */
	__u64 size;
	/** @used: bytes in use (HBM: page tables included) */
	__u64 used;
};

/** struct sfab_query_limits - what a request may ask for */
struct sfab_query_limits {
	/** @max_queues: hardware queues that clients share */
	__u32 max_queues;
	/** @max_vms: address spaces that clients share */
	__u32 max_vms;
	/** @max_commands: commands of one QUEUE_SUBMIT */
	__u32 max_commands;
	/** @max_binds: operations of one VM_BIND */
	__u32 max_binds;
	/** @max_syncs: syncs of one ioctl */
	__u32 max_syncs;
	/** @va_bits: VM addresses are below 1 << va_bits */
	__u32 va_bits;
	/** @job_timeout_ms: a submission that runs longer resets its queue */
	__u32 job_timeout_ms;
	/** @pad: 0 */
	__u32 pad;
};

/**
 * struct sfab_query_counters - 64-bit counters since power-on (hardware) or
 * since the driver was bound (@events_dropped: since this file was opened)
 */
struct sfab_query_counters {
	/** @commands: commands completed */
	__u64 commands;
	/** @bytes_hbm: bytes moved from or to HBM */
	__u64 bytes_hbm;
	/** @bytes_system: bytes moved from or to system memory */
	__u64 bytes_system;
	/** @bytes_peer: bytes moved from or to peers' BARs */
	__u64 bytes_peer;
	/** @faults: queue faults */
	__u64 faults;
	/** @queue_resets: queue resets, orderly ones at destroy included */
	__u64 queue_resets;
	/** @interrupts: interrupts raised */
	__u64 interrupts;
	/** @device_resets: device resets */
	__u64 device_resets;
	/** @job_timeouts: submissions that ran into job_timeout_ms */
	__u64 job_timeouts;
	/** @events_dropped: events this file lost because it read too slowly */
	__u64 events_dropped;
};

/**
 * struct sfab_bo_create - allocate memory
 *
 * The handle is closed with DRM_IOCTL_GEM_CLOSE; the memory lives as long as a
 * handle, a mapping in a VM, a CPU mapping or a dma-buf refers to it.
 */
struct sfab_bo_create {
	/** @size: bytes, a multiple of 4096 */
	__u64 size;
	/** @region: SFAB_REGION_HBM or SFAB_REGION_SYSTEM */
	__u32 region;
	/** @flags: must be 0 */
	__u32 flags;
	/** @handle: out */
	__u32 handle;
	/** @pad: must be 0 */
	__u32 pad;
};

/**
 * struct sfab_bo_mmap - get the offset for mmap() on the device file
 *
 * HBM maps write-combined, system memory cached.  EOPNOTSUPP for registered
 * memory (the process has it already) and for imported dma-bufs (map those
 * through their own file descriptor).
 */
struct sfab_bo_mmap {
	/** @handle: BO */
	__u32 handle;
	/** @flags: must be 0 */
	__u32 flags;
	/** @offset: out */
	__u64 offset;
};

/** enum sfab_path - how this device reaches a BO */
enum sfab_path {
	/** @SFAB_PATH_LOCAL: its own HBM */
	SFAB_PATH_LOCAL = 0,
	/** @SFAB_PATH_SYSTEM: system memory */
	SFAB_PATH_SYSTEM = 1,
	/** @SFAB_PATH_PEER: another accelerator's HBM, by peer DMA */
	SFAB_PATH_PEER = 2,
	/** @SFAB_PATH_NONE: not at all, VM_BIND gives EXDEV */
	SFAB_PATH_NONE = 3,
};

/** struct sfab_bo_query - properties of a BO, whoever made it */
struct sfab_bo_query {
	/** @handle: BO */
	__u32 handle;
	/** @flags: must be 0 */
	__u32 flags;
	/** @size: out, bytes */
	__u64 size;
	/** @path: out, &enum sfab_path; a peer is probed at the first import */
	__u32 path;
	/** @rights: out, SFAB_RIGHT_* that VM_BIND can grant */
	__u32 rights;
};

#define SFAB_RIGHT_READ		(1U << 0)
#define SFAB_RIGHT_WRITE	(1U << 1)

/**
 * struct sfab_mem_register - pin a range of the calling process
 *
 * The pages stay where they are until the last reference goes (close of the
 * handle, unmap from all VMs).  They count against RLIMIT_MEMLOCK of the process
 * unless it has CAP_IPC_LOCK.  File-backed memory works where the kernel
 * allows long-term pins (shmem, memfd, hugetlbfs; not a writable mapping of a
 * disk file system: EFAULT).  Huge pages are mapped as such.
 */
struct sfab_mem_register {
	/** @addr: start, a multiple of 4096 */
	__u64 addr;
	/** @size: bytes, a multiple of 4096 */
	__u64 size;
	/** @rights: SFAB_RIGHT_*: what the device may do; READ is required */
	__u32 rights;
	/** @flags: must be 0 */
	__u32 flags;
	/** @handle: out */
	__u32 handle;
	/** @pad: must be 0 */
	__u32 pad;
};

/**
 * struct sfab_vm_create - make an address space
 *
 * SFAB_VM_LONG_RUNNING: queues of this VM accept WAIT commands and work without
 * a time limit; in exchange QUEUE_SUBMIT takes no syncs there, as a dma_fence
 * must never depend on user memory.  Completion is seen by WAIT on the sequence
 * number or in memory that a WRITE command stores to.
 */
struct sfab_vm_create {
	/** @flags: SFAB_VM_* */
	__u32 flags;
#define SFAB_VM_LONG_RUNNING	(1U << 0)
	/** @vm_id: out, not 0 */
	__u32 vm_id;
};

/** struct sfab_vm_destroy - unmap all and free; EBUSY while queues use it */
struct sfab_vm_destroy {
	/** @vm_id: VM */
	__u32 vm_id;
	/** @pad: must be 0 */
	__u32 pad;
};

/** struct sfab_sync - a syncobj to wait for, or to signal */
struct sfab_sync {
	/** @handle: DRM syncobj */
	__u32 handle;
	/** @flags: exactly one of SFAB_SYNC_* */
	__u32 flags;
#define SFAB_SYNC_WAIT		(1U << 0)
#define SFAB_SYNC_SIGNAL	(1U << 1)
	/** @point: point of a timeline syncobj, 0 for a binary one */
	__u64 point;
};

/**
 * struct sfab_bind_op - map or unmap one range
 *
 * MAP replaces what was mapped in the range before; UNMAP of a range that is not
 * mapped, or only in part, is no error.
 */
struct sfab_bind_op {
	/** @op: SFAB_BIND_MAP or SFAB_BIND_UNMAP */
	__u32 op;
#define SFAB_BIND_MAP		0
#define SFAB_BIND_UNMAP		1
	/** @rights: SFAB_RIGHT_*, READ at least; 0 for UNMAP */
	__u32 rights;
	/** @handle: BO; 0 for UNMAP */
	__u32 handle;
	/** @pad: must be 0 */
	__u32 pad;
	/** @bo_offset: start within the BO; 0 for UNMAP */
	__u64 bo_offset;
	/** @va: VM address, a multiple of 4096 */
	__u64 va;
	/** @size: bytes, a multiple of 4096 */
	__u64 size;
};

/**
 * struct sfab_vm_bind - change an address space, all or nothing
 *
 * The operations apply in order, after the WAIT syncs and after earlier
 * VM_BINDs of this VM; then the SIGNAL syncs signal.  Without any sync the
 * ioctl returns when the change is in effect.  When an unmap is in effect the
 * device no longer reads or writes the memory.
 */
struct sfab_vm_bind {
	/** @vm_id: VM */
	__u32 vm_id;
	/** @flags: must be 0 */
	__u32 flags;
	/** @ops: user pointer to &struct sfab_bind_op */
	__u64 ops;
	/** @op_count: 1 to max_binds */
	__u32 op_count;
	/** @op_stride: bytes from one to the next */
	__u32 op_stride;
	/** @syncs: user pointer to &struct sfab_sync */
	__u64 syncs;
	/** @sync_count: 0 to max_syncs */
	__u32 sync_count;
	/** @sync_stride: bytes from one to the next */
	__u32 sync_stride;
};

/** struct sfab_queue_create - get a hardware queue */
struct sfab_queue_create {
	/** @vm_id: VM whose addresses its commands use */
	__u32 vm_id;
	/** @flags: must be 0 */
	__u32 flags;
	/** @queue_id: out, not 0 */
	__u32 queue_id;
	/** @pad: must be 0 */
	__u32 pad;
};

/**
 * struct sfab_queue_destroy - stop a queue and free it
 *
 * Unfinished work is abandoned; its syncs signal with ECANCELED.
 */
struct sfab_queue_destroy {
	/** @queue_id: queue */
	__u32 queue_id;
	/** @pad: must be 0 */
	__u32 pad;
};

/** enum sfab_opcode - commands, see qemu/docs/specs/sfab.rst, "Command ring" */
enum sfab_opcode {
	/** @SFAB_OP_NOP: nothing */
	SFAB_OP_NOP = 0,
	/** @SFAB_OP_COPY: copy len bytes from src to dst */
	SFAB_OP_COPY = 1,
	/** @SFAB_OP_COPY_2D: arg0 rows of len bytes, pitches arg1 (dst), arg2 */
	SFAB_OP_COPY_2D = 2,
	/** @SFAB_OP_FILL: repeat the dtype-byte pattern arg0 over len bytes */
	SFAB_OP_FILL = 3,
	/** @SFAB_OP_REDUCE: dst = dst op src, elements of dtype */
	SFAB_OP_REDUCE = 4,
	/** @SFAB_OP_ATOMIC: op on dst, operand arg0, comparand arg1, old to src */
	SFAB_OP_ATOMIC = 5,
	/** @SFAB_OP_WRITE: store dtype bytes of arg0 at dst */
	SFAB_OP_WRITE = 6,
	/** @SFAB_OP_WAIT: until (*src & arg1) op arg0; long-running VMs only */
	SFAB_OP_WAIT = 7,
	/** @SFAB_OP_TIMESTAMP: store the device's clock at dst */
	SFAB_OP_TIMESTAMP = 8,
};

/** enum sfab_dtype - element types of REDUCE */
enum sfab_dtype {
	/** @SFAB_I32: two's complement */
	SFAB_I32 = 0,
	/** @SFAB_FP32: IEEE 754 binary32 */
	SFAB_FP32 = 1,
	/** @SFAB_FP16: IEEE 754 binary16 */
	SFAB_FP16 = 2,
	/** @SFAB_BF16: upper half of binary32 */
	SFAB_BF16 = 3,
};

/* op of REDUCE, ATOMIC and WAIT */
#define SFAB_REDUCE_SUM		0
#define SFAB_REDUCE_MIN		1
#define SFAB_REDUCE_MAX		2
#define SFAB_ATOMIC_ADD		0
#define SFAB_ATOMIC_SWAP	1
#define SFAB_ATOMIC_CAS		2
#define SFAB_WAIT_EQ		0
#define SFAB_WAIT_NE		1
#define SFAB_WAIT_GE		2
#define SFAB_WAIT_LT		3

/**
 * struct sfab_command - one command, the layout of the hardware's ring
 *
 * The kernel checks opcode, flags and reserved fields only; a wrong operand
 * halts the queue with a fault record.
 */
struct sfab_command {
	/** @opcode: &enum sfab_opcode */
	__u8 opcode;
	/** @flags: must be 0 (completion is the kernel's) */
	__u8 flags;
	/** @dtype: &enum sfab_dtype, or operand width in bytes */
	__u8 dtype;
	/** @op: operation, for opcodes that have one */
	__u8 op;
	/** @pad: must be 0 */
	__u32 pad;
	/** @dst: VM address */
	__u64 dst;
	/** @src: VM address */
	__u64 src;
	/** @len: bytes */
	__u64 len;
	/** @arg0: see the opcode */
	__u64 arg0;
	/** @arg1: see the opcode */
	__u64 arg1;
	/** @arg2: see the opcode */
	__u64 arg2;
	/** @reserved: must be 0 */
	__u64 reserved;
};

/**
 * struct sfab_queue_submit - queue commands
 *
 * The commands run in order, after the WAIT syncs and after earlier
 * submissions to the queue; then the SIGNAL syncs signal.  A submission that
 * fails on the device signals its syncs with the error, and so do all later
 * ones: the queue has halted, submit gives EIO.
 */
struct sfab_queue_submit {
	/** @queue_id: queue */
	__u32 queue_id;
	/** @flags: must be 0 */
	__u32 flags;
	/** @commands: user pointer to &struct sfab_command */
	__u64 commands;
	/** @command_count: 1 to max_commands */
	__u32 command_count;
	/** @command_stride: bytes from one to the next */
	__u32 command_stride;
	/** @syncs: user pointer to &struct sfab_sync */
	__u64 syncs;
	/** @sync_count: 0 to max_syncs; 0 in a long-running VM */
	__u32 sync_count;
	/** @sync_stride: bytes from one to the next */
	__u32 sync_stride;
	/** @seqno: out: number of this submission in its queue, from 1 */
	__u64 seqno;
};

/** enum sfab_queue_state - see &struct sfab_queue_query */
enum sfab_queue_state {
	/** @SFAB_QUEUE_OK: works */
	SFAB_QUEUE_OK = 0,
	/** @SFAB_QUEUE_FAULTED: halted by a fault, fault_* tell which */
	SFAB_QUEUE_FAULTED = 1,
	/** @SFAB_QUEUE_TIMEDOUT: reset as a submission took too long */
	SFAB_QUEUE_TIMEDOUT = 2,
	/** @SFAB_QUEUE_LOST: stopped by a device reset or removal */
	SFAB_QUEUE_LOST = 3,
};

/** enum sfab_fault_cause - the spec's table "Faults" */
enum sfab_fault_cause {
	/** @SFAB_FAULT_NONE: no fault */
	SFAB_FAULT_NONE = 0,
	/** @SFAB_FAULT_UNMAPPED: no mapping */
	SFAB_FAULT_UNMAPPED = 1,
	/** @SFAB_FAULT_NO_READ: mapping without the right to read */
	SFAB_FAULT_NO_READ = 2,
	/** @SFAB_FAULT_NO_WRITE: mapping without the right to write */
	SFAB_FAULT_NO_WRITE = 3,
	/** @SFAB_FAULT_BAD_PTE: malformed page table */
	SFAB_FAULT_BAD_PTE = 4,
	/** @SFAB_FAULT_APERTURE: aperture not available */
	SFAB_FAULT_APERTURE = 5,
	/** @SFAB_FAULT_BUS_ERROR: PCIe or the IOMMU refused */
	SFAB_FAULT_BUS_ERROR = 6,
	/** @SFAB_FAULT_BAD_COMMAND: malformed command */
	SFAB_FAULT_BAD_COMMAND = 7,
	/** @SFAB_FAULT_BAD_RANGE: length, pitch, alignment or overflow */
	SFAB_FAULT_BAD_RANGE = 8,
	/** @SFAB_FAULT_DOORBELL: driver error */
	SFAB_FAULT_DOORBELL = 9,
	/** @SFAB_FAULT_WAIT_TIMEOUT: a WAIT ran into its own limit */
	SFAB_FAULT_WAIT_TIMEOUT = 10,
	/** @SFAB_FAULT_BAD_VM: driver error */
	SFAB_FAULT_BAD_VM = 11,
};

/** struct sfab_fault - what halted a queue */
struct sfab_fault {
	/** @cause: &enum sfab_fault_cause */
	__u32 cause;
	/** @access: 0 none, 1 read, 2 write, 3 ring or timeline */
	__u32 access;
	/** @opcode: &enum sfab_opcode of the command */
	__u32 opcode;
	/** @command: index of the command within its submission */
	__u32 command;
	/** @seqno: submission */
	__u64 seqno;
	/** @addr: VM address, see the spec */
	__u64 addr;
};

/** struct sfab_queue_query - progress and health of a queue */
struct sfab_queue_query {
	/** @queue_id: queue */
	__u32 queue_id;
	/** @flags: must be 0 */
	__u32 flags;
	/** @state: out, &enum sfab_queue_state */
	__u32 state;
	/** @pad: must be 0 */
	__u32 pad;
	/** @submitted: out, newest seqno */
	__u64 submitted;
	/** @completed: out, newest seqno that has completed */
	__u64 completed;
	/** @fault: out, all 0 unless @state is SFAB_QUEUE_FAULTED */
	struct sfab_fault fault;
};

/**
 * struct sfab_wait - wait until a submission has finished
 *
 * Returns 0 when it has completed, EIO when its queue halted before,
 * ECANCELED when the queue went, ETIME after the timeout.  EINVAL for a seqno
 * that was not submitted yet.
 */
struct sfab_wait {
	/** @queue_id: queue */
	__u32 queue_id;
	/** @flags: must be 0 */
	__u32 flags;
	/** @seqno: submission */
	__u64 seqno;
	/** @timeout_ns: absolute CLOCK_MONOTONIC time; 0 polls */
	__s64 timeout_ns;
};

/**
 * DOC: events
 *
 * read() and poll() on the device file deliver &struct sfab_event, in order.
 * Each file has room for a few dozen unread events; further ones are dropped
 * and counted: @dropped tells how many in all.
 */

#define SFAB_EVENT_QUEUE_FAULT		0x80000000	/* to the queue's file */
#define SFAB_EVENT_QUEUE_TIMEOUT	0x80000001	/* to the queue's file */
#define SFAB_EVENT_DEVICE_RESET		0x80000002	/* to all files */

/** struct sfab_event - one event */
struct sfab_event {
	/** @base: type is SFAB_EVENT_*, length that of the whole event */
	struct drm_event base;
	/** @sequence: number of this event for this file, from 1; gaps: dropped */
	__u64 sequence;
	/** @dropped: events dropped for this file so far */
	__u64 dropped;
	/** @time_ns: CLOCK_MONOTONIC */
	__u64 time_ns;
	/** @queue_id: queue; 0 for events of the device */
	__u32 queue_id;
	/** @pad: 0 */
	__u32 pad;
	/** @fault: for SFAB_EVENT_QUEUE_FAULT */
	struct sfab_fault fault;
};

#define DRM_IOCTL_SFAB_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_SFAB_QUERY, struct sfab_query)
#define DRM_IOCTL_SFAB_BO_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_SFAB_BO_CREATE, struct sfab_bo_create)
#define DRM_IOCTL_SFAB_BO_MMAP \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_SFAB_BO_MMAP, struct sfab_bo_mmap)
#define DRM_IOCTL_SFAB_BO_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_SFAB_BO_QUERY, struct sfab_bo_query)
#define DRM_IOCTL_SFAB_MEM_REGISTER \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_SFAB_MEM_REGISTER, struct sfab_mem_register)
#define DRM_IOCTL_SFAB_VM_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_SFAB_VM_CREATE, struct sfab_vm_create)
#define DRM_IOCTL_SFAB_VM_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_SFAB_VM_DESTROY, struct sfab_vm_destroy)
#define DRM_IOCTL_SFAB_VM_BIND \
	DRM_IOW(DRM_COMMAND_BASE + DRM_SFAB_VM_BIND, struct sfab_vm_bind)
#define DRM_IOCTL_SFAB_QUEUE_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_SFAB_QUEUE_CREATE, struct sfab_queue_create)
#define DRM_IOCTL_SFAB_QUEUE_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_SFAB_QUEUE_DESTROY, struct sfab_queue_destroy)
#define DRM_IOCTL_SFAB_QUEUE_SUBMIT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_SFAB_QUEUE_SUBMIT, struct sfab_queue_submit)
#define DRM_IOCTL_SFAB_QUEUE_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_SFAB_QUEUE_QUERY, struct sfab_queue_query)
#define DRM_IOCTL_SFAB_WAIT \
	DRM_IOW(DRM_COMMAND_BASE + DRM_SFAB_WAIT, struct sfab_wait)

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_SFAB_ACCEL_H_ */
