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
 * Accelerators with ports share a *fabric*.  An accelerator has an *EID* there.  It
 * exports a range of a BO as a *segment*; whoever knows the segment's descriptor,
 * on this node or another one, imports it with an accelerator of his own: that
 * gives a BO like any other for VM_BIND, and commands reach the memory through
 * the fabric.  The hardware of the exporter checks token, bounds and rights of each
 * access (qemu/docs/specs/sfab-fabric.rst).  A device whose caps lack
 * SFAB_CAP_FABRIC gives EOPNOTSUPP for all ioctls and queries of the fabric, whatever
 * segment ids they name.
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
 * EPERM           an ioctl or flag that needs CAP_SYS_ADMIN
 * ENOENT          a handle, id or syncobj that does not exist in this file
 * EACCES          a right that the BO does not grant; a segment to export with
 *                 WRITE or ATOMIC needs a BO with WRITE
 * EOPNOTSUPP      an object of a kind that cannot do this, or a feature that
 *                 this device or VM lacks
 * EXDEV           this device cannot reach the BO by DMA (VM_BIND of a peer's
 *                 BO where peer DMA is impossible): copy through system memory
 * EADDRNOTAVAIL   SEGMENT_EXPORT, SEGMENT_IMPORT: the accelerator has no EID
 * EBUSY           VM_DESTROY while queues of the VM exist
 * ENOMEM          no kernel memory; pinning beyond RLIMIT_MEMLOCK
 * ENOSPC          no HBM, id, hardware queue, segment or import left
 * EAGAIN          a queue of a long-running VM has no room now (libdrm's
 *                 drmIoctl() repeats at once: call ioctl() there)
 * EIO             the queue has halted (see QUEUE_QUERY for the reason); a device
 *                 reset has revoked the segment, or cut off the datagram;
 *                 BO_CREATE: the device does not clear the HBM, as it is being
 *                 reset, or does not work
 * ECANCELED       the queue was destroyed while its work was waited for
 * ETIME           the timeout of WAIT or MGMT passed
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
#define DRM_SFAB_SEGMENT_EXPORT		0x0d
#define DRM_SFAB_SEGMENT_ROTATE		0x0e
#define DRM_SFAB_SEGMENT_REVOKE		0x0f
#define DRM_SFAB_SEGMENT_IMPORT		0x10
#define DRM_SFAB_FABRIC_CONFIG		0x11
#define DRM_SFAB_PORT_CONFIG		0x12
#define DRM_SFAB_ROUTE_SET		0x13
#define DRM_SFAB_ROUTE_GET		0x14
#define DRM_SFAB_MGMT			0x15
#define DRM_SFAB_EVENTS			0x16

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
	/** @SFAB_QUERY_FABRIC: one &struct sfab_query_fabric */
	SFAB_QUERY_FABRIC = 5,
	/** @SFAB_QUERY_PORTS: &struct sfab_query_port, one a port */
	SFAB_QUERY_PORTS = 6,
};

/**
 * struct sfab_query - ask for a table
 *
 * A table is an array, be it of one element.  With @count 0 the ioctl only
 * stores @count and @stride.  Otherwise it stores the first @count elements at
 * @data, or all if there are fewer, @stride bytes apart: cut to @stride for a
 * program that was built for an older kernel, followed by zeros up to @stride
 * for one that was built for a newer one.
 */
struct sfab_query {
	/** @query: &enum sfab_query_id */
	__u32 query;
	/** @flags: must be 0 */
	__u32 flags;
	/** @data: user pointer to elements; ignored when @count is 0 */
	__u64 data;
	/** @count: in: elements that fit; out: elements of the table */
	__u32 count;
	/**
	 * @stride: in: bytes from one element to the next, ignored when @count
	 * is 0; out: bytes of an element that this kernel knows
	 */
	__u32 stride;
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
#define SFAB_CAP_NOTIFY		(1ULL << 5)
#define SFAB_CAP_POLICY		(1ULL << 6)
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
	/** @bytes_fabric: bytes moved from or to other accelerators by the fabric */
	__u64 bytes_fabric;
	/** @fabric_requests: requests sent, repetitions not counted */
	__u64 fabric_requests;
	/** @fabric_retries: requests repeated */
	__u64 fabric_retries;
	/** @fabric_failures: operations that failed */
	__u64 fabric_failures;
	/** @fabric_served: requests of others that were executed */
	__u64 fabric_served;
	/** @fabric_duplicates: repeated requests of others, recognised as such */
	__u64 fabric_duplicates;
	/** @fabric_refused: requests of others that were refused */
	__u64 fabric_refused;
	/** @fabric_forwarded: packets forwarded for others */
	__u64 fabric_forwarded;
};

/** struct sfab_query_fabric - the accelerator as a member of the fabric */
struct sfab_query_fabric {
	/** @eid: its endpoint id; 0: none yet, see FABRIC_CONFIG */
	__u32 eid;
	/** @incarnation: drawn at random when the device is powered on or reset */
	__u32 incarnation;
	/** @num_ports: ports */
	__u32 num_ports;
	/** @num_eids: EIDs are below this; also the limit of ROUTE_SET */
	__u32 num_eids;
	/** @max_segments: segments that clients share */
	__u32 max_segments;
	/** @segments: of them in use */
	__u32 segments;
	/** @max_imports: imports that clients share */
	__u32 max_imports;
	/** @imports: of them in use */
	__u32 imports;
	/** @op_timeout_ms: an operation that takes longer fails */
	__u32 op_timeout_ms;
	/** @retry_timeout_ms: an unanswered packet is sent again after this */
	__u32 retry_timeout_ms;
	/** @hoq_timeout_ms: how long a packet may stand at the head of a buffer */
	__u32 hoq_timeout_ms;
	/** @pad: 0 */
	__u32 pad;
};

/** enum sfab_port_state - traffic passes in UP and DEGRADED */
enum sfab_port_state {
	/** @SFAB_PORT_DOWN: no light */
	SFAB_PORT_DOWN = 0,
	/** @SFAB_PORT_TRAINING: light, no partner yet */
	SFAB_PORT_TRAINING = 1,
	/** @SFAB_PORT_UP: works */
	SFAB_PORT_UP = 2,
	/** @SFAB_PORT_DEGRADED: works with a part of its lanes */
	SFAB_PORT_DEGRADED = 3,
	/** @SFAB_PORT_FAILED: stays so until it is trained anew or enabled */
	SFAB_PORT_FAILED = 4,
};

/** enum sfab_port_reason - why a port carries no traffic */
enum sfab_port_reason {
	/** @SFAB_REASON_NONE: it does */
	SFAB_REASON_NONE = 0,
	/** @SFAB_REASON_DISABLED: PORT_CONFIG has disabled it */
	SFAB_REASON_DISABLED = 1,
	/** @SFAB_REASON_NO_LIGHT: nothing attached, cut, or the partner is dark */
	SFAB_REASON_NO_LIGHT = 2,
	/** @SFAB_REASON_TRAINING: the partner has not answered yet */
	SFAB_REASON_TRAINING = 3,
	/** @SFAB_REASON_PROTOCOL: the partner broke the protocol */
	SFAB_REASON_PROTOCOL = 4,
	/** @SFAB_REASON_REPLAY: a packet failed too often; it trains again */
	SFAB_REASON_REPLAY = 5,
	/** @SFAB_REASON_VERSION: the partner speaks another version */
	SFAB_REASON_VERSION = 6,
	/** @SFAB_REASON_NO_PATH: the light path does not exist */
	SFAB_REASON_NO_PATH = 7,
	/** @SFAB_REASON_NO_LOCK: light, but no lane finds its clock */
	SFAB_REASON_NO_LOCK = 8,
	/** @SFAB_REASON_NO_ALIGNMENT: lanes have lock, but no codewords come through */
	SFAB_REASON_NO_ALIGNMENT = 9,
	/** @SFAB_REASON_NO_MODULE: no module is plugged */
	SFAB_REASON_NO_MODULE = 10,
	/** @SFAB_REASON_LOW_POWER: the module was put into low power */
	SFAB_REASON_LOW_POWER = 11,
	/** @SFAB_REASON_MODULE_FAULT: too hot, or its data path does not come up */
	SFAB_REASON_MODULE_FAULT = 12,
	/** @SFAB_REASON_TEST: a pattern test runs */
	SFAB_REASON_TEST = 13,
	/** @SFAB_REASON_SWITCHING: the light path is being switched */
	SFAB_REASON_SWITCHING = 14,
	/** @SFAB_REASON_PARTNER: all is well here, but the partner hears nothing */
	SFAB_REASON_PARTNER = 15,
};

/** enum sfab_port_peer - what a port is connected to */
enum sfab_port_peer {
	/** @SFAB_PEER_NONE: no partner */
	SFAB_PEER_NONE = 0,
	/** @SFAB_PEER_ACCEL: an accelerator; by loopback also itself */
	SFAB_PEER_ACCEL = 1,
	/** @SFAB_PEER_SWITCH: a switch */
	SFAB_PEER_SWITCH = 2,
};

/** struct sfab_query_port - one port; counters since power-on */
struct sfab_query_port {
	/** @port: number from 0 */
	__u32 port;
	/** @config: as it was configured, SFAB_PORT_* of PORT_CONFIG */
	__u32 config;
	/** @state: &enum sfab_port_state */
	__u32 state;
	/** @reason: &enum sfab_port_reason */
	__u32 reason;
	/** @paths: light paths */
	__u32 paths;
	/** @path: the one that was configured */
	__u32 path;
	/** @path_in_use: the one in use */
	__u32 path_in_use;
	/** @lanes: lanes */
	__u32 lanes;
	/** @lanes_in_use: of them in use */
	__u32 lanes_in_use;
	/** @lane_rate: Gb/s a lane */
	__u32 lane_rate;
	/** @peer_kind: &enum sfab_port_peer; the rest of the partner is 0 if none */
	__u32 peer_kind;
	/** @peer_eid: EID of the partner */
	__u32 peer_eid;
	/** @peer_port: port of the partner */
	__u32 peer_port;
	/** @pad: 0 */
	__u32 pad;
	/** @peer_uuid: identity of the partner, RFC 9562 order */
	__u8 peer_uuid[16];
	/** @tx_bytes: bytes sent */
	__u64 tx_bytes;
	/** @tx_packets: packets sent */
	__u64 tx_packets;
	/** @rx_bytes: bytes received */
	__u64 rx_bytes;
	/** @rx_packets: packets received */
	__u64 rx_packets;
	/** @replays: packets sent again on the link */
	__u64 replays;
	/** @crc_errors: packets that arrived damaged */
	__u64 crc_errors;
	/** @credit_stalls: packets that had to wait for room */
	__u64 credit_stalls;
	/** @dropped_no_route: packets dropped, no way to their EID */
	__u64 dropped_no_route;
	/** @dropped_hop_limit: packets dropped, too many hops */
	__u64 dropped_hop_limit;
	/** @dropped_stalled: packets dropped after hoq_timeout_ms */
	__u64 dropped_stalled;
	/** @dropped_malformed: packets dropped, malformed */
	__u64 dropped_malformed;
	/** @dropped_down: packets dropped as the link went down */
	__u64 dropped_down;
	/** @link_downs: times that the link went down */
	__u64 link_downs;
	/** @failovers: packets sent here as a better port was down */
	__u64 failovers;
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
 * memory (the process has it already), for imported dma-bufs (map those
 * through their own file descriptor), and for imported segments.
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
	/** @SFAB_PATH_FABRIC: a segment of an accelerator, through the fabric */
	SFAB_PATH_FABRIC = 4,
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
#define SFAB_RIGHT_ATOMIC	(1U << 2)	/* of segments only */

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

/**
 * enum sfab_on_loss - what becomes of commands on remote memory when their way is lost
 *
 * Lost are a link of the accelerator itself that goes down, and a way farther on that
 * is reported to end.  A link that changes its light path is not lost.  See "Lost ways"
 * in qemu/docs/specs/sfab-fabric.rst.
 */
enum sfab_on_loss {
	/** @SFAB_ON_LOSS_REROUTE: go another way; wait while there is none */
	SFAB_ON_LOSS_REROUTE = 0,
	/** @SFAB_ON_LOSS_WAIT: wait until the best way is back */
	SFAB_ON_LOSS_WAIT = 1,
	/**
	 * @SFAB_ON_LOSS_FAIL: what is in flight fails at once, and halts the queue with
	 * SFAB_FAULT_FABRIC, SFAB_FABRIC_NO_ROUTE; what comes later goes another way
	 */
	SFAB_ON_LOSS_FAIL = 2,
};

#define SFAB_LOSS_LIMIT_MAX_MS	60000

/**
 * struct sfab_queue_create - get a hardware queue
 *
 * EINVAL: an unknown @on_loss, or a greater @limit_ms; EOPNOTSUPP: one of them is not 0,
 * and the device lacks SFAB_CAP_POLICY.
 */
struct sfab_queue_create {
	/** @vm_id: VM whose addresses its commands use */
	__u32 vm_id;
	/** @flags: must be 0 */
	__u32 flags;
	/** @queue_id: out, not 0 */
	__u32 queue_id;
	/** @pad: must be 0 */
	__u32 pad;
	/** @on_loss: &enum sfab_on_loss */
	__u32 on_loss;
	/**
	 * @limit_ms: how long a part of a command that has left for remote memory may
	 * wait for its answer, 0: the op_timeout_ms of the device; at most
	 * SFAB_LOSS_LIMIT_MAX_MS.  The job timeout of the queue is a second longer, if
	 * job_timeout_ms is less than that.
	 */
	__u32 limit_ms;
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
	/**
	 * @SFAB_OP_COPY: copy len bytes from src to dst; with
	 * SFAB_COMMAND_NOTIFY then store the 64 bits of arg1 at arg0
	 */
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
	/** @flags: SFAB_COMMAND_*; completion is the kernel's */
	__u8 flags;
#define SFAB_COMMAND_NOTIFY	(1U << 2)	/* COPY only; needs SFAB_CAP_NOTIFY */
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
	/** @SFAB_FAULT_FABRIC: an access to another accelerator failed */
	SFAB_FAULT_FABRIC = 12,
	/** @SFAB_FAULT_POISON: HBM has lost what it held there */
	SFAB_FAULT_POISON = 13,
};

/** enum sfab_fabric_status - the outcome of an access to another accelerator */
enum sfab_fabric_status {
	/** @SFAB_FABRIC_OK: no failure */
	SFAB_FABRIC_OK = 0,
	/** @SFAB_FABRIC_NO_ROUTE: no way to the EID that carries traffic */
	SFAB_FABRIC_NO_ROUTE = 1,
	/** @SFAB_FABRIC_TIMEOUT: no answer within op_timeout_ms */
	SFAB_FABRIC_TIMEOUT = 2,
	/** @SFAB_FABRIC_BAD_TOKEN: wrong token */
	SFAB_FABRIC_BAD_TOKEN = 3,
	/** @SFAB_FABRIC_OUT_OF_BOUNDS: beyond the end of the segment */
	SFAB_FABRIC_OUT_OF_BOUNDS = 4,
	/** @SFAB_FABRIC_NO_RIGHTS: the segment was not exported for this */
	SFAB_FABRIC_NO_RIGHTS = 5,
	/** @SFAB_FABRIC_REVOKED: the segment was taken back */
	SFAB_FABRIC_REVOKED = 6,
	/** @SFAB_FABRIC_POISONED: the target has lost what it held there */
	SFAB_FABRIC_POISONED = 7,
	/** @SFAB_FABRIC_STALE: the segment's number is in other use, or its device was reset */
	SFAB_FABRIC_STALE = 8,
	/** @SFAB_FABRIC_BAD_REQUEST: the target does not understand */
	SFAB_FABRIC_BAD_REQUEST = 9,
	/** @SFAB_FABRIC_TARGET_FAULT: the target's page tables or bus refused */
	SFAB_FABRIC_TARGET_FAULT = 10,
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
	/** @fabric_status: out, &enum sfab_fabric_status if @fault.cause is FABRIC */
	__u32 fabric_status;
	/** @fabric_eid: out, the target of the access that failed, if known then */
	__u32 fabric_eid;
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
#define SFAB_EVENT_PORT			0x80000003	/* to files that asked by EVENTS */
#define SFAB_EVENT_PEER_LOST		0x80000004	/* to the queue's file */
#define SFAB_EVENT_REVOKED		0x80000005	/* to the queue's or segment's file */
#define SFAB_EVENT_TRAP			0x80000006	/* to files that asked by EVENTS */

/**
 * struct sfab_event - one event
 *
 * Types from SFAB_EVENT_PORT on have a struct of their own, which begins with the
 * same members up to @queue_id.
 */
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
	/** @fabric_status: &enum sfab_fabric_status if @fault.cause is FABRIC, else 0 */
	__u32 fabric_status;
	/** @fault: for SFAB_EVENT_QUEUE_FAULT */
	struct sfab_fault fault;
};

/**
 * struct sfab_event_fabric - SFAB_EVENT_PORT, _PEER_LOST, _REVOKED
 *
 * PEER_LOST comes with the QUEUE_FAULT event of a command that failed with TIMEOUT,
 * NO_ROUTE or STALE; REVOKED with that of one that failed with REVOKED.  REVOKED also
 * comes to the file that exported a segment which a device reset took back.  What is
 * not named below for the type is 0.
 */
struct sfab_event_fabric {
	/** @base: as in &struct sfab_event */
	struct drm_event base;
	/** @sequence: likewise */
	__u64 sequence;
	/** @dropped: likewise */
	__u64 dropped;
	/** @time_ns: likewise */
	__u64 time_ns;
	/** @queue_id: PEER_LOST, REVOKED: queue; 0 for the exporter */
	__u32 queue_id;
	/** @status: PEER_LOST, REVOKED: &enum sfab_fabric_status */
	__u32 status;
	/** @eid: PEER_LOST, REVOKED: the accelerator that was, or is, the target */
	__u32 eid;
	/** @segment: PEER_LOST, REVOKED: number of the segment there */
	__u32 segment;
	/** @segment_id: REVOKED: the exporter's segment id */
	__u32 segment_id;
	/** @port: PORT: port */
	__u32 port;
	/** @state: PORT: &enum sfab_port_state now */
	__u32 state;
	/** @reason: PORT: &enum sfab_port_reason now */
	__u32 reason;
	/** @reserved: 0 */
	__u64 reserved;
};

/**
 * struct sfab_datagram - management datagram, qemu/docs/specs/sfab-fabric.rst,
 * "Management"
 *
 * As it is on the wire: little-endian.
 */
struct sfab_datagram {
	/** @version: SFAB_MGMT_VERSION */
	__u8 version;
#define SFAB_MGMT_VERSION	1
	/** @method: SFAB_MGMT_GET, _SET, _TRAP; SFAB_MGMT_RESPONSE in the answer */
	__u8 method;
#define SFAB_MGMT_GET		1
#define SFAB_MGMT_SET		2
#define SFAB_MGMT_TRAP		3
#define SFAB_MGMT_RESPONSE	0x80
	/** @attribute: SFAB_MGMT_* */
	__le16 attribute;
#define SFAB_MGMT_NODE		1
#define SFAB_MGMT_PORT		2
#define SFAB_MGMT_ROUTE		3
#define SFAB_MGMT_COUNTERS	4
#define SFAB_MGMT_KEY		5
#define SFAB_MGMT_PORT_TRAP	6
	/** @status: of the answer, SFAB_MGMT_*; else 0 */
	__le16 status;
#define SFAB_MGMT_OK		0
#define SFAB_MGMT_BAD_VERSION	1
#define SFAB_MGMT_BAD_METHOD	2
#define SFAB_MGMT_BAD_ATTRIBUTE	3
#define SFAB_MGMT_BAD_VALUE	4
#define SFAB_MGMT_BAD_KEY	5
#define SFAB_MGMT_UNREACHABLE	6
	/** @mode: SFAB_MGMT_BY_EID or SFAB_MGMT_DIRECTED */
	__u8 mode;
#define SFAB_MGMT_BY_EID	0
#define SFAB_MGMT_DIRECTED	1
	/** @hop_count: DIRECTED: hops, 0 (this device itself) to 32; else 0 */
	__u8 hop_count;
	/** @transaction: the caller's, returned as it is */
	__le64 transaction;
	/** @key: M_KEY of the device that is to obey a SET */
	__le64 key;
	/** @src_eid: filled in by the device */
	__le16 src_eid;
	/** @dst_eid: BY_EID: whom it is for */
	__le16 dst_eid;
	/** @hop_pointer: DIRECTED: how far it is; 0 when it starts */
	__u8 hop_pointer;
	/** @reserved1: 0 */
	__u8 reserved1;
	/** @reserved2: 0 */
	__le16 reserved2;
	/** @path: DIRECTED: the port to leave by at each hop */
	__u8 path[32];
	/** @return_path: DIRECTED: the port where it came in, filled in on the way */
	__u8 return_path[32];
	/** @modifier: of the attribute */
	__le32 modifier;
	/** @reserved3: 0 */
	__u8 reserved3[28];
	/** @data: of the attribute */
	__u8 data[128];
};

/** struct sfab_event_trap - SFAB_EVENT_TRAP: a device tells of itself */
struct sfab_event_trap {
	/** @base: as in &struct sfab_event */
	struct drm_event base;
	/** @sequence: likewise */
	__u64 sequence;
	/** @dropped: likewise */
	__u64 dropped;
	/** @time_ns: likewise */
	__u64 time_ns;
	/** @queue_id: 0 */
	__u32 queue_id;
	/** @pad: 0 */
	__u32 pad;
	/** @datagram: as it came */
	struct sfab_datagram datagram;
};

/**
 * struct sfab_events - which further events this file gets
 *
 * Replaces what was asked for before; none when the file is opened.  A TRAP is longer
 * than the others: read() needs room for &struct sfab_event_trap then.
 */
struct sfab_events {
	/** @events: SFAB_EVENTS_* */
	__u32 events;
#define SFAB_EVENTS_PORT	(1U << 0)	/* SFAB_EVENT_PORT */
#define SFAB_EVENTS_TRAP	(1U << 1)	/* SFAB_EVENT_TRAP; needs CAP_SYS_ADMIN */
	/** @flags: must be 0 */
	__u32 flags;
};

/**
 * DOC: segments
 *
 * A segment is what its descriptor names: whoever has that can access the memory as
 * far as the segment's rights go, from anywhere in the fabric.  The kernel does not
 * hand it on; send it by a channel that you trust.  A segment ends with
 * SEGMENT_REVOKE, with the file that exported it, or with a reset or removal of the
 * device.  It holds its memory, and memory that was exported is not freed or unpinned
 * before the hardware has stopped every access to it.
 */

/** struct sfab_segment - descriptor of a segment: all that an importer needs */
struct sfab_segment {
	/** @eid: accelerator that exports it */
	__u32 eid;
	/** @number: its number there */
	__u32 number;
	/** @epoch: random; tells it from others that had the number before */
	__u32 epoch;
	/** @rights: SFAB_RIGHT_* of the segment */
	__u32 rights;
	/** @token: random; the secret */
	__u64 token;
	/** @size: bytes */
	__u64 size;
	/** @uuid: of the accelerator, RFC 9562 order */
	__u8 uuid[16];
};

/**
 * struct sfab_segment_export - let others access a range of a BO
 *
 * For HBM, system and registered BOs; EOPNOTSUPP for imported ones of any kind.  Bytes
 * outside of the range are not accessible, not one of them.
 */
struct sfab_segment_export {
	/** @handle: BO */
	__u32 handle;
	/** @rights: SFAB_RIGHT_READ, _WRITE, _ATOMIC (ATOMIC and REDUCE); one at least */
	__u32 rights;
	/** @offset: start within the BO, a multiple of 8 */
	__u64 offset;
	/** @size: bytes, any number but 0 */
	__u64 size;
	/** @flags: must be 0 */
	__u32 flags;
	/** @segment_id: out, not 0; for ROTATE and REVOKE by this file */
	__u32 segment_id;
	/** @segment: out */
	struct sfab_segment segment;
};

/**
 * struct sfab_segment_rotate - give a segment another token
 *
 * Accesses with the old one fail from here on; one in progress may still end well.
 */
struct sfab_segment_rotate {
	/** @segment_id: segment */
	__u32 segment_id;
	/** @flags: must be 0 */
	__u32 flags;
	/** @token: out */
	__u64 token;
};

/**
 * struct sfab_segment_revoke - take a segment back
 *
 * On return no access of anybody touches the memory any more by this segment, and the
 * id is gone.
 */
struct sfab_segment_revoke {
	/** @segment_id: segment */
	__u32 segment_id;
	/** @flags: must be 0 */
	__u32 flags;
};

/**
 * struct sfab_segment_import - make a BO of a segment
 *
 * Nothing is sent: a descriptor that is wrong shows in the first access, which faults
 * with cause FABRIC.  The BO's size is @size rounded up to 4096; what lies beyond the
 * end of the segment faults with OUT_OF_BOUNDS.  It has the path SFAB_PATH_FABRIC.
 * WAIT, TIMESTAMP, and the old value of ATOMIC cannot be there (APERTURE).  It keeps
 * its meaning over a device reset of the importer.
 */
struct sfab_segment_import {
	/** @eid: from the descriptor, 1 to num_eids - 1 */
	__u32 eid;
	/** @number: from the descriptor, 0 to 65535 */
	__u32 number;
	/** @epoch: from the descriptor */
	__u32 epoch;
	/** @rights: SFAB_RIGHT_READ, _WRITE: what VM_BIND may grant; READ is required */
	__u32 rights;
	/** @token: from the descriptor */
	__u64 token;
	/** @offset: start within the segment, a multiple of 4096 */
	__u64 offset;
	/** @size: bytes, not 0, at most SFAB_IMPORT_MAX */
	__u64 size;
#define SFAB_IMPORT_MAX		(1ULL << 36)
	/** @flags: must be 0 */
	__u32 flags;
	/** @handle: out */
	__u32 handle;
};

/**
 * DOC: fabric management
 *
 * EIDs, routes and ports are a matter of the whole fabric, so changing them needs
 * CAP_SYS_ADMIN.  They survive device resets, not a power cycle.  Another node's
 * manager may change them at any time by datagrams.
 */

/**
 * struct sfab_fabric_config - set up the accelerator as a member of the fabric
 *
 * Descriptors of segments name the EID: changing it makes those that exist useless.
 * The job timeout of queues is raised where @op_timeout_ms exceeds it.
 */
struct sfab_fabric_config {
	/** @set: what to set, SFAB_FABRIC_SET_*; the other members must be 0 */
	__u32 set;
#define SFAB_FABRIC_SET_EID		(1U << 0)
#define SFAB_FABRIC_SET_OP_TIMEOUT	(1U << 1)
#define SFAB_FABRIC_SET_RETRY_TIMEOUT	(1U << 2)
#define SFAB_FABRIC_SET_HOQ_TIMEOUT	(1U << 3)
#define SFAB_FABRIC_SET_KEY		(1U << 4)
	/** @eid: 0 (none) to num_eids - 1 */
	__u32 eid;
	/** @op_timeout_ms: 10 to 60000 */
	__u32 op_timeout_ms;
	/** @retry_timeout_ms: 1 to 10000 */
	__u32 retry_timeout_ms;
	/** @hoq_timeout_ms: 1 to 10000 */
	__u32 hoq_timeout_ms;
	/** @flags: must be 0 */
	__u32 flags;
	/** @key: management key that others need for a SET; 0: none */
	__u64 key;
};

/** struct sfab_port_config - set up a port */
struct sfab_port_config {
	/** @port: port */
	__u32 port;
	/** @set: what to set, SFAB_PORT_SET_*; the other members must be 0 */
	__u32 set;
#define SFAB_PORT_SET_ENABLE	(1U << 0)	/* SFAB_PORT_ENABLE of @config */
#define SFAB_PORT_SET_LOOPBACK	(1U << 1)	/* SFAB_PORT_LOOPBACK of @config */
#define SFAB_PORT_SET_PATH	(1U << 2)	/* @path */
#define SFAB_PORT_RETRAIN	(1U << 3)	/* train anew */
	/** @config: SFAB_PORT_* */
	__u32 config;
#define SFAB_PORT_ENABLE	(1U << 0)
#define SFAB_PORT_LOOPBACK	(1U << 1)	/* the port hears itself */
	/** @path: light path, below the port's paths */
	__u32 path;
	/** @flags: must be 0 */
	__u64 flags;
};

/** struct sfab_route_candidate - one way to an EID */
struct sfab_route_candidate {
	/** @port: port to leave by */
	__u8 port;
	/** @vc: SFAB_ROUTE_VC_* */
	__u8 vc;
#define SFAB_ROUTE_VC_KEEP	0	/* the packet stays in its virtual channel */
#define SFAB_ROUTE_VC_1		1	/* it goes on in VC 1 */
#define SFAB_ROUTE_VC_0		2	/* it goes on in VC 0 */
	/** @hops: to the target, not 0; 0: no candidate, the rest is 0 too */
	__u8 hops;
	/** @pad: must be 0 */
	__u8 pad;
};

/** struct sfab_route - how to reach an EID: by the first port that carries traffic */
struct sfab_route {
	/** @eid: target, 1 to num_eids - 1 */
	__u32 eid;
	/** @flags: must be 0 */
	__u32 flags;
	/** @candidates: best first */
	struct sfab_route_candidate candidates[4];
};

/**
 * struct sfab_route_set - program routes
 *
 * The device does not see the whole fabric: whoever programs it makes sure that the
 * tables of all devices together cannot deadlock.
 */
struct sfab_route_set {
	/** @routes: user pointer to &struct sfab_route */
	__u64 routes;
	/** @route_count: 1 to num_eids */
	__u32 route_count;
	/** @route_stride: bytes from one to the next */
	__u32 route_stride;
	/** @flags: must be 0 */
	__u64 flags;
};

/** struct sfab_route_get - read the routes of neighbouring EIDs */
struct sfab_route_get {
	/** @routes: user pointer to &struct sfab_route, which are filled in */
	__u64 routes;
	/** @route_count: not 0; @eid + @route_count is at most num_eids */
	__u32 route_count;
	/** @route_stride: bytes from one to the next; what this kernel does not know is 0 */
	__u32 route_stride;
	/** @eid: of the first, not 0 */
	__u32 eid;
	/** @flags: must be 0 */
	__u32 flags;
};

/**
 * struct sfab_mgmt - send a datagram and wait for its answer
 *
 * GET or SET, to any device of the fabric.  0 as soon as there is an answer, whatever
 * its status.  ETIME if there is none; a SET may have been obeyed all the same.  Any
 * number of threads and files may do so at once.
 */
struct sfab_mgmt {
	/** @timeout_ms: 1 to 60000 */
	__u32 timeout_ms;
	/** @flags: must be 0 */
	__u32 flags;
	/** @datagram: in: request; out: answer */
	struct sfab_datagram datagram;
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
#define DRM_IOCTL_SFAB_SEGMENT_EXPORT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_SFAB_SEGMENT_EXPORT, struct sfab_segment_export)
#define DRM_IOCTL_SFAB_SEGMENT_ROTATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_SFAB_SEGMENT_ROTATE, struct sfab_segment_rotate)
#define DRM_IOCTL_SFAB_SEGMENT_REVOKE \
	DRM_IOW(DRM_COMMAND_BASE + DRM_SFAB_SEGMENT_REVOKE, struct sfab_segment_revoke)
#define DRM_IOCTL_SFAB_SEGMENT_IMPORT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_SFAB_SEGMENT_IMPORT, struct sfab_segment_import)
#define DRM_IOCTL_SFAB_FABRIC_CONFIG \
	DRM_IOW(DRM_COMMAND_BASE + DRM_SFAB_FABRIC_CONFIG, struct sfab_fabric_config)
#define DRM_IOCTL_SFAB_PORT_CONFIG \
	DRM_IOW(DRM_COMMAND_BASE + DRM_SFAB_PORT_CONFIG, struct sfab_port_config)
#define DRM_IOCTL_SFAB_ROUTE_SET \
	DRM_IOW(DRM_COMMAND_BASE + DRM_SFAB_ROUTE_SET, struct sfab_route_set)
#define DRM_IOCTL_SFAB_ROUTE_GET \
	DRM_IOW(DRM_COMMAND_BASE + DRM_SFAB_ROUTE_GET, struct sfab_route_get)
#define DRM_IOCTL_SFAB_MGMT \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_SFAB_MGMT, struct sfab_mgmt)
#define DRM_IOCTL_SFAB_EVENTS \
	DRM_IOW(DRM_COMMAND_BASE + DRM_SFAB_EVENTS, struct sfab_events)

#if defined(__cplusplus)
}
#endif

#endif /* _UAPI_SFAB_ACCEL_H_ */
