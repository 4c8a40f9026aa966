/* SPDX-License-Identifier: MIT */
/*
 * libsfab: accelerators, their memory, and the data that moves between them
 *
 * A *context* is one user of the accelerators of this node.  A *device* is one
 * accelerator, seen from a context.  A *memory* is a range that devices can
 * reach: HBM, system memory, registered memory of the process, a foreign
 * dma-buf, or memory that another process or node exports.  A *queue* of a
 * device runs commands in order; a *batch* collects commands and submits them as
 * one; a *fence* tells when they have finished.  A *channel* carries messages from
 * one process to another, on any node.
 *
 *	sfab_context_open -> sfab_device_get -> sfab_mem_alloc, sfab_mem_register
 *	sfab_queue_create -> sfab_copy -> sfab_fence_wait
 *
 * Units: sizes, offsets, lengths and pitches are bytes, durations nanoseconds,
 * unless a name says otherwise.  Sizes and offsets need no alignment where no
 * alignment is stated.
 *
 * Errors: functions that return int give 0 (or a count) on success, a negative
 * errno on failure; then nothing has changed, output arguments are untouched,
 * and sfab_last_error() tells device, object, cause and remedy.  Every function
 * may give -EINVAL (a null pointer, unknown flag, bad size or value), -ENOMEM,
 * -ENODEV (the device is gone) and -ECHILD (see below); further errors stand at
 * the function.
 *
 * Ownership: what a function returns through a pointer to pointer is the
 * caller's, to be given back by the function named there.  Devices belong to
 * their context.  Closing a context ends its work and frees all that is left
 * in it.  Free and close functions accept NULL.
 *
 * Threads: any function may be called from any thread at any time, also on the
 * same object; only freeing an object must not run beside other uses of it.
 * The library has no global state but the text of sfab_last_error(), which each
 * thread has for itself, and starts no threads.
 *
 * fork(): a context belongs to the process that opened it.  In a child every
 * function gives -ECHILD, except sfab_context_close(), which drops the child's
 * copy and leaves the parent's work alone.  Registered memory of the parent
 * stays right, whatever the child does.  All descriptors close on exec.
 *
 * Structs with a leading size member may grow: set it to sizeof(struct) before
 * the call.  Members that the library does not know are returned as 0.
 */
#ifndef SFAB_SFAB_H
#define SFAB_SFAB_H

#include <stddef.h>
#include <stdint.h>

#include <sfab/link.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SFAB_VERSION_MAJOR	0
#define SFAB_VERSION_MINOR	1
#define SFAB_VERSION_PATCH	0

struct sfab_context;
struct sfab_device;
struct sfab_mem;
struct sfab_queue;
struct sfab_batch;
struct sfab_fence;
struct sfab_export;

/* ------------------------------------------------------------------ library */

/** sfab_version() - version of the library in use, "major.minor.patch" */
const char *sfab_version(void);

/**
 * sfab_last_error() - why the last call of this thread failed
 *
 * Return: one line without a newline, "" if no call has failed yet; valid until
 * the next libsfab call of this thread.
 */
const char *sfab_last_error(void);

/* ------------------------------------------------------- contexts, hotplug */

/**
 * sfab_context_open() - find the accelerators of this node
 * @context: out, close with sfab_context_close()
 * @flags: 0
 *
 * Devices are found in sysfs, with or without a udev daemon, in the order of
 * their PCI addresses.  No device at all is no error: one may be plugged later.
 */
int sfab_context_open(struct sfab_context **context, unsigned int flags);

/**
 * sfab_context_close() - end all work of the context and free all in it
 *
 * Its devices, memories, queues, batches and fences must not be used any more.
 */
void sfab_context_close(struct sfab_context *context);

/**
 * sfab_context_fd() - descriptor that polls readable when devices came or went
 *
 * It belongs to the context: do not read or close it, call
 * sfab_context_rescan() when it is readable.
 *
 * Return: the descriptor; -EOPNOTSUPP where the system has no uevents.
 */
int sfab_context_fd(struct sfab_context *context);

/**
 * sfab_context_rescan() - take note of devices that came or went
 *
 * New devices get the next indices.  A device that went keeps its index, and
 * every use of it or of its objects gives -ENODEV.
 *
 * Return: the number of devices that came or went.
 */
int sfab_context_rescan(struct sfab_context *context);

/* ------------------------------------------------------------------ devices */

/** sfab_device_count() - devices seen so far; indices are below this */
int sfab_device_count(struct sfab_context *context);

/**
 * sfab_device_get() - get a device by its index
 * @device: out, belongs to the context
 *
 * The device file is opened at the first use.
 *
 * Errors: -ENODEV no such index, or removed; -EACCES, -EPERM no permission for
 * the device file; -EPROTO the driver speaks another contract.
 */
int sfab_device_get(struct sfab_context *context, unsigned int index,
		    struct sfab_device **device);

/**
 * sfab_device_find() - get a device by a name that a person would type
 * @name: an index ("0"), a node name ("accel0"), a PCI address
 *        ("0000:01:00.0", or "01:00.0" in domain 0), or a UUID
 * @device: out, belongs to the context
 *
 * Errors: as sfab_device_get(); -EINVAL for text that is none of these.
 */
int sfab_device_find(struct sfab_context *context, const char *name,
		     struct sfab_device **device);

/* bits of sfab_device_info.features */
#define SFAB_FEATURE_PEER	((uint64_t)1 << 0)
#define SFAB_FEATURE_REDUCE	((uint64_t)1 << 1)
#define SFAB_FEATURE_ATOMIC	((uint64_t)1 << 2)
#define SFAB_FEATURE_COPY_2D	((uint64_t)1 << 3)
#define SFAB_FEATURE_FABRIC	((uint64_t)1 << 4)
#define SFAB_FEATURE_NOTIFY	((uint64_t)1 << 5)
#define SFAB_FEATURE_LOSS_POLICY ((uint64_t)1 << 6)	/* sfab_queue_create_on_loss() */

/** struct sfab_device_info - what a device is, and how it is used now */
struct sfab_device_info {
	uint32_t size;			/* in: sizeof(struct sfab_device_info) */
	uint32_t index;			/* in its context */
	char name[32];			/* "accel0" */
	char node[64];			/* "/dev/accel/accel0" */
	char pci_address[16];		/* "0000:01:00.0" */
	char uuid[40];			/* outlives reboots and moves */
	uint64_t serial;
	uint64_t features;		/* SFAB_FEATURE_* */
	uint32_t hw_version;		/* major << 16 | minor */
	int32_t numa_node;		/* -1: unknown */
	uint32_t driver_major;
	uint32_t driver_minor;
	uint64_t hbm_size;
	uint64_t hbm_used;		/* by all clients, page tables included */
	uint64_t system_used;		/* system memory allocated through it */
	uint64_t registered;		/* memory registered with it */
	uint32_t engines;		/* see sfab_device_get_engine() */
	uint32_t max_queues;		/* that all clients share */
	uint32_t max_vms;		/* address spaces that all clients share */
	uint32_t va_bits;
	uint32_t job_timeout_ms;	/* work that takes longer is stopped */
	uint32_t max_commands;		/* of one submission to the kernel */
};

/** sfab_device_get_info() - fill @info; set its size member first */
int sfab_device_get_info(struct sfab_device *device,
			 struct sfab_device_info *info);

/** struct sfab_engine_info - what executes commands, beside the other engines */
struct sfab_engine_info {
	uint32_t size;			/* in: sizeof(struct sfab_engine_info) */
	uint32_t index;			/* in its device */
	uint64_t commands;		/* bit n: executes commands of opcode n */
};

/**
 * sfab_device_get_engine() - fill @info; set its size member first
 * @index: below sfab_device_info.engines
 *
 * Errors: -ENOENT no such engine.
 */
int sfab_device_get_engine(struct sfab_device *device, unsigned int index,
			   struct sfab_engine_info *info);

/**
 * sfab_opcode_name() - "copy", "copy-2d", ...; never NULL
 * @opcode: code of a command (qemu/docs/specs/sfab.rst, Commands)
 */
const char *sfab_opcode_name(uint32_t opcode);

/**
 * struct sfab_device_counters - 64 bits wide, read without side effects; since
 * power-on, job_timeouts since the driver was bound, events_dropped since the open
 */
struct sfab_device_counters {
	uint32_t size;			/* in: sizeof(struct ...) */
	uint32_t pad;
	uint64_t commands;		/* completed */
	uint64_t bytes_hbm;		/* read from or written to HBM */
	uint64_t bytes_system;		/* to or from system memory */
	uint64_t bytes_peer;		/* to or from the HBM of peers */
	uint64_t faults;
	uint64_t queue_resets;
	uint64_t interrupts;
	uint64_t device_resets;
	uint64_t job_timeouts;		/* since the driver was bound */
	uint64_t events_dropped;	/* since this context opened the device */
	uint64_t bytes_fabric;		/* to or from other accelerators, by the fabric */
	uint64_t fabric_requests;	/* sent, without repetitions */
	uint64_t fabric_retries;	/* requests that were repeated */
	uint64_t fabric_failures;	/* operations that failed */
	uint64_t fabric_served;		/* requests of others that were executed */
	uint64_t fabric_duplicates;	/* of others, recognised and not executed again */
	uint64_t fabric_refused;	/* requests of others that were refused */
	uint64_t fabric_forwarded;	/* packets forwarded for others */
};

/** sfab_device_get_counters() - fill @counters; set its size member first */
int sfab_device_get_counters(struct sfab_device *device,
			     struct sfab_device_counters *counters);

/** enum sfab_cause - why a command faulted (qemu/docs/specs/sfab.rst, Faults) */
enum sfab_cause {
	SFAB_CAUSE_NONE = 0,
	SFAB_CAUSE_UNMAPPED = 1,	/* no mapping at the address */
	SFAB_CAUSE_NO_READ = 2,		/* no right to read there */
	SFAB_CAUSE_NO_WRITE = 3,	/* no right to write there */
	SFAB_CAUSE_BAD_PTE = 4,		/* malformed page table */
	SFAB_CAUSE_APERTURE = 5,	/* kind of memory not available */
	SFAB_CAUSE_BUS_ERROR = 6,	/* PCIe or the IOMMU refused */
	SFAB_CAUSE_BAD_COMMAND = 7,	/* malformed command */
	SFAB_CAUSE_BAD_RANGE = 8,	/* length, pitch, alignment, overflow */
	SFAB_CAUSE_DOORBELL = 9,	/* driver error */
	SFAB_CAUSE_WAIT_TIMEOUT = 10,	/* a wait command ran into its limit */
	SFAB_CAUSE_BAD_VM = 11,		/* driver error */
	SFAB_CAUSE_FABRIC = 12,		/* remote memory, see remote_status */
	SFAB_CAUSE_POISON = 13		/* HBM has lost what it held there */
};

/** sfab_cause_name() - "unmapped address", ...; never NULL */
const char *sfab_cause_name(uint32_t cause);

/** enum sfab_remote_status - the outcome of an access to remote memory */
enum sfab_remote_status {
	SFAB_REMOTE_OK = 0,
	SFAB_REMOTE_NO_ROUTE = 1,	/* none that carries traffic */
	SFAB_REMOTE_TIMEOUT = 2,	/* no answer in time */
	SFAB_REMOTE_BAD_TOKEN = 3,	/* the exporter has rotated the key */
	SFAB_REMOTE_OUT_OF_BOUNDS = 4,	/* beyond its end */
	SFAB_REMOTE_NO_RIGHTS = 5,	/* not exported for this */
	SFAB_REMOTE_REVOKED = 6,	/* the exporter took it back */
	SFAB_REMOTE_POISONED = 7,	/* the target lost what it held there */
	SFAB_REMOTE_STALE = 8,		/* the target was restarted, or other use */
	SFAB_REMOTE_BAD_REQUEST = 9,	/* the target does not understand */
	SFAB_REMOTE_TARGET_FAULT = 10	/* its page tables or bus refused */
};

/** sfab_remote_status_name() - "no answer in time", ...; never NULL */
const char *sfab_remote_status_name(uint32_t status);

/** struct sfab_fault_info - the command that faulted */
struct sfab_fault_info {
	uint32_t size;			/* in: sizeof(struct ...) */
	uint32_t cause;			/* enum sfab_cause */
	uint32_t access;		/* SFAB_READ, SFAB_WRITE or 0 */
	uint32_t opcode;		/* see sfab_opcode_name() */
	uint64_t submission;		/* number in its queue, from 1 */
	uint64_t command;		/* index in that submission */
	uint64_t address;		/* in the device's address space */
	struct sfab_mem *mem;		/* the memory at address, or NULL */
	uint64_t offset;		/* of address in mem */
	uint32_t remote_status;		/* for SFAB_CAUSE_FABRIC */
	uint32_t remote_eid;		/* likewise: the target */
};

/** enum sfab_event_type - what happened to a device */
enum sfab_event_type {
	SFAB_HAPPENED_FAULT = 1,	/* a queue of this context faulted */
	SFAB_HAPPENED_TIMEOUT = 2,	/* work took too long, its queue stopped */
	SFAB_HAPPENED_RESET = 3,	/* the device was reset */
	SFAB_HAPPENED_PEER_LOST = 4,	/* a queue's work failed: the target is gone */
	SFAB_HAPPENED_REVOKED = 5,	/* a queue's work failed, or an export ended */
	SFAB_HAPPENED_PORT = 6,		/* a port changed: see sfab_device_listen() */
	SFAB_HAPPENED_TRAP = 7		/* a port of another device: likewise */
};

/** struct sfab_device_event - one event */
struct sfab_device_event {
	uint32_t size;			/* in: sizeof(struct ...) */
	uint32_t type;			/* enum sfab_event_type; 0: unknown */
	uint64_t sequence;		/* from 1; a gap: events were dropped */
	uint64_t dropped;		/* events lost so far, read too slowly */
	uint64_t time_ns;		/* CLOCK_MONOTONIC */
	struct sfab_queue *queue;	/* NULL: the device, or a queue gone */
	struct sfab_fault_info fault;	/* for SFAB_HAPPENED_FAULT */
	uint32_t eid;			/* PEER_LOST, REVOKED: the target; TRAP: whose port */
	uint32_t segment;		/* PEER_LOST, REVOKED: number of the segment there */
	uint32_t remote_status;		/* PEER_LOST, REVOKED: enum sfab_remote_status */
	uint32_t port;			/* PORT, TRAP */
	uint32_t state;			/* PORT, TRAP: enum sfab_link_state */
	uint32_t reason;		/* PORT, TRAP: for sfab_link_reason_name() */
	struct sfab_export *exported;	/* REVOKED: ended by a device reset; else NULL */
};

/* what sfab_device_listen() asks for */
#define SFAB_LISTEN_PORTS	1U	/* SFAB_HAPPENED_PORT */
#define SFAB_LISTEN_TRAPS	2U	/* SFAB_HAPPENED_TRAP; needs CAP_SYS_ADMIN */

/**
 * sfab_device_listen() - get events of the fabric too
 * @events: SFAB_LISTEN_*, replaces what was asked for before; 0 at the start
 *
 * All other events come without being asked for.  Traps come from the devices whose
 * management key names this device's EID.
 *
 * Errors: -EPERM no CAP_SYS_ADMIN; -EOPNOTSUPP the device has no ports.
 */
int sfab_device_listen(struct sfab_device *device, unsigned int events);

/**
 * sfab_device_fd() - descriptor that polls readable when an event waits
 *
 * It belongs to the device: do not read or close it.
 *
 * Return: the descriptor.
 */
int sfab_device_fd(struct sfab_device *device);

/**
 * sfab_device_read_event() - take the oldest event; set its size member first
 *
 * Errors: -EAGAIN none waits.
 */
int sfab_device_read_event(struct sfab_device *device,
			   struct sfab_device_event *event);

/* ------------------------------------------------------------------- fabric */

/** struct sfab_fabric_info - a device as a member of the fabric */
struct sfab_fabric_info {
	uint32_t size;			/* in: sizeof(struct ...) */
	uint32_t eid;			/* its endpoint id; 0: none yet */
	uint32_t incarnation;		/* another one after every device reset */
	uint32_t ports;
	uint32_t max_eids;		/* EIDs are below this */
	uint32_t max_segments;		/* exported memories, of all clients */
	uint32_t segments;		/* of them in use */
	uint32_t max_imports;		/* imported memories, of all clients */
	uint32_t imports;		/* of them in use */
	uint32_t op_timeout_ms;		/* work that takes longer fails */
	uint32_t retry_timeout_ms;	/* what is not answered is sent again */
	uint32_t hoq_timeout_ms;	/* packets that stand longer are dropped */
};

/**
 * sfab_device_get_fabric() - fill @info; set its size member first
 *
 * Errors: -EOPNOTSUPP the device has no ports.
 */
int sfab_device_get_fabric(struct sfab_device *device, struct sfab_fabric_info *info);

/** enum sfab_partner - what is at the other end of a link */
enum sfab_partner {
	SFAB_PARTNER_NONE = 0,
	SFAB_PARTNER_ACCEL = 1,
	SFAB_PARTNER_SWITCH = 2
};

/** struct sfab_port_info - a port, its link and its counters since power-on */
struct sfab_port_info {
	uint32_t size;			/* in: sizeof(struct ...) */
	uint32_t port;
	uint32_t state;			/* enum sfab_link_state */
	uint32_t reason;		/* for sfab_link_reason_name() */
	uint32_t enabled;		/* 0: switched off by configuration */
	uint32_t loopback;		/* not 0: the port hears itself */
	uint32_t paths;			/* light paths that can be selected */
	uint32_t path;			/* the one that is */
	uint32_t lanes;
	uint32_t lanes_in_use;
	uint32_t lane_gbps;		/* Gb/s */
	uint32_t partner;		/* enum sfab_partner */
	uint32_t partner_eid;
	uint32_t partner_port;
	char partner_uuid[40];		/* "": none */
	uint64_t bytes_sent;
	uint64_t packets_sent;
	uint64_t bytes_received;
	uint64_t packets_received;
	uint64_t replays;		/* by link-level retry */
	uint64_t crc_errors;
	uint64_t credit_stalls;		/* packets that had to wait for room */
	uint64_t dropped_no_route;
	uint64_t dropped_hop_limit;
	uint64_t dropped_stalled;	/* after hoq_timeout_ms */
	uint64_t dropped_malformed;
	uint64_t dropped_link_down;
	uint64_t link_downs;
	uint64_t failovers;		/* packets sent here as a better port was down */
};

/**
 * sfab_port_get_info() - fill @info; set its size member first
 *
 * Errors: -EOPNOTSUPP the device has no ports; -ERANGE it has no such port.
 */
int sfab_port_get_info(struct sfab_device *device, unsigned int port,
		       struct sfab_port_info *info);

/** struct sfab_route_info - the ways from a device to an EID, the best first */
struct sfab_route_info {
	uint32_t size;			/* in: sizeof(struct ...) */
	uint32_t candidates;		/* 0: there is no way */
	struct {
		uint32_t port;
		uint32_t hops;
	} candidate[4];
};

/**
 * sfab_device_get_route() - fill @route; set its size member first
 *
 * Hardware takes the first candidate whose port carries traffic.
 *
 * Errors: -EOPNOTSUPP the device has no ports; -ERANGE no EID of this device.
 */
int sfab_device_get_route(struct sfab_device *device, unsigned int eid,
			  struct sfab_route_info *route);

/**
 * sfab_device_mgmt() - send a management datagram and wait for its answer
 * @request: 256 bytes, qemu/docs/specs/sfab-fabric.rst, "Management"; the kernel
 *           chooses the transaction id
 * @answer: out, 256 bytes; may be @request
 * @timeout_ns: rounded up to milliseconds, at most 60 s
 *
 * An answer is a success, whatever the status in it says.  Needs CAP_SYS_ADMIN.
 *
 * Errors: -EPERM no CAP_SYS_ADMIN; -ETIME no answer (a change may have been made all
 * the same); -EOPNOTSUPP the device has no ports.
 */
int sfab_device_mgmt(struct sfab_device *device, const void *request, void *answer,
		     int64_t timeout_ns);

/* ------------------------------------------------------------------- memory */

/** enum sfab_mem_kind - where a memory is */
enum sfab_mem_kind {
	SFAB_MEM_HBM = 0,		/* on the accelerator */
	SFAB_MEM_SYSTEM = 1,		/* of the host, allocated by the driver */
	SFAB_MEM_REGISTERED = 2,	/* the process's own */
	SFAB_MEM_IMPORTED = 3,		/* a dma-buf of somebody else */
	SFAB_MEM_REMOTE = 4		/* imported by a handle, of any node */
};

/* what a device may do with a memory */
#define SFAB_READ	1U
#define SFAB_WRITE	2U
#define SFAB_ATOMIC	4U		/* exports: atomic and reduce, see there */

/**
 * SFAB_HOST - stands for "registered memory" in place of a memory
 *
 * Wherever an operation takes a memory and an offset, SFAB_HOST with a host
 * address, (uintptr_t)pointer, as the offset names a range of the process; it
 * must lie in one registration of the context (else -EFAULT).
 */
#define SFAB_HOST	((struct sfab_mem *)0)

/**
 * sfab_mem_alloc() - allocate zeroed memory
 * @device: the accelerator; for system memory the one that uses it most
 * @kind: SFAB_MEM_HBM or SFAB_MEM_SYSTEM
 * @size: at least 1
 * @flags: 0
 * @mem: out, free with sfab_mem_free()
 *
 * All devices of the context can use it, whichever allocated it.
 *
 * Errors: -ENOSPC not enough HBM is free.
 */
int sfab_mem_alloc(struct sfab_device *device, enum sfab_mem_kind kind,
		   uint64_t size, unsigned int flags, struct sfab_mem **mem);

/**
 * sfab_mem_register() - let devices reach memory that the process has
 * @device: the accelerator that uses it most
 * @addr: start, any alignment; whole pages are pinned
 * @size: at least 1
 * @rights: SFAB_READ, or SFAB_READ | SFAB_WRITE
 * @mem: out, free with sfab_mem_free() before the memory itself is freed
 *
 * Memory works that the kernel can pin for long: anonymous, shmem, memfd,
 * hugetlbfs.  It counts against RLIMIT_MEMLOCK, once for each device that uses
 * it.  Huge pages are used as such.
 *
 * Errors: -ENOMEM beyond RLIMIT_MEMLOCK (the text says by how much); -EFAULT
 * not mapped, not accessible as asked, or of a kind that cannot be pinned.
 */
int sfab_mem_register(struct sfab_device *device, void *addr, uint64_t size,
		      unsigned int rights, struct sfab_mem **mem);

/**
 * sfab_mem_import_dmabuf() - use memory of another driver
 * @fd: dma-buf; stays the caller's and may be closed afterwards
 * @mem: out, free with sfab_mem_free()
 *
 * Errors: -EBADF not a dma-buf; -EXDEV the device cannot reach it.
 */
int sfab_mem_import_dmabuf(struct sfab_device *device, int fd,
			   struct sfab_mem **mem);

/**
 * sfab_mem_export_dmabuf() - let another driver or process use a memory
 * @fd: out, dma-buf, the caller's to close
 *
 * Errors: -EOPNOTSUPP registered and remote memory have no dma-buf.
 */
int sfab_mem_export_dmabuf(struct sfab_mem *mem, int *fd);

/**
 * sfab_mem_free() - give a memory back
 *
 * Waits until the work that uses it has finished: the device does not touch it
 * afterwards.  That takes at most the job timeout of the device for each piece
 * of work in flight.
 *
 * Errors: -EBUSY it is exported, or a batch that was not submitted yet, or
 * unfinished work on a long-running queue, uses it.
 */
int sfab_mem_free(struct sfab_mem *mem);

/**
 * sfab_mem_map() - get a CPU address for the whole memory
 * @addr: out, valid until the memory is freed
 *
 * HBM is mapped write-combined: stream into it, but do not read from it where
 * speed counts.  CPU stores made before a submission are seen by its commands.
 *
 * Errors: -EOPNOTSUPP imported memory, map it through its dma-buf; remote memory.
 */
int sfab_mem_map(struct sfab_mem *mem, void **addr);

/** sfab_mem_size() - size as asked for; 0 for NULL */
uint64_t sfab_mem_size(struct sfab_mem *mem);

/** sfab_mem_kind() - enum sfab_mem_kind, -EINVAL for NULL */
int sfab_mem_kind(struct sfab_mem *mem);

/** sfab_mem_device() - device it was made with; NULL for NULL */
struct sfab_device *sfab_mem_device(struct sfab_mem *mem);

/* -------------------------------------------------------------- peer access */

/** enum sfab_reach - how a device reaches a memory */
enum sfab_reach {
	SFAB_REACH_LOCAL = 0,		/* its own HBM */
	SFAB_REACH_SYSTEM = 1,		/* system memory, by DMA */
	SFAB_REACH_PEER = 2,		/* another accelerator's HBM, by DMA */
	SFAB_REACH_BOUNCE = 3,		/* copied through system memory */
	SFAB_REACH_FABRIC = 4		/* through the fabric */
};

/** sfab_reach_name() - "local", "system", "peer", "bounce", "fabric"; never NULL */
const char *sfab_reach_name(uint32_t reach);

/**
 * sfab_mem_reach() - how queues of a device reach a memory
 *
 * Probes where that is not known yet.  Operations choose the same way by
 * themselves: nothing needs to be enabled.
 *
 * Return: enum sfab_reach.
 */
int sfab_mem_reach(struct sfab_mem *mem, struct sfab_device *device);

/**
 * sfab_device_reach() - how queues of a device reach the HBM of another
 *
 * Allocates a page of @peer's HBM for the first answer.
 *
 * Return: enum sfab_reach.
 */
int sfab_device_reach(struct sfab_device *device, struct sfab_device *peer);

/* ------------------------------------- memory of other processes and nodes */

/**
 * struct sfab_handle - all that is needed to import an exported memory
 *
 * To be handed on as it is, by any channel: it works on every node of the fabric.
 * It is the key to the memory, so the channel should be one that you trust.
 */
struct sfab_handle {
	uint8_t bytes[64];
};

/**
 * sfab_mem_export() - let others use a range of a memory
 * @mem: HBM, system or registered memory
 * @offset: a multiple of 8 (registered memory: the address is)
 * @size: any number of bytes: not one byte beyond it can be accessed
 * @rights: SFAB_READ, SFAB_WRITE, SFAB_ATOMIC: some of them; atomic and reduce
 *          operations on the memory need SFAB_ATOMIC, and only that
 * @exported: out, end it with sfab_export_revoke()
 * @handle: out, for sfab_mem_import() here or on another node
 *
 * The hardware of the device that @mem was made with checks each access.  The
 * memory cannot be freed while it is exported.  A reset of the device ends the
 * export.
 *
 * Errors: -EOPNOTSUPP the device has no ports, or the memory is not this context's
 * own; -EADDRNOTAVAIL the device has no EID yet; -ENOSPC no segment is left;
 * -ERANGE, -EACCES the memory does not give this.
 */
int sfab_mem_export(struct sfab_mem *mem, uint64_t offset, uint64_t size,
		    unsigned int rights, struct sfab_export **exported,
		    struct sfab_handle *handle);

/**
 * sfab_export_rotate() - replace the key
 * @handle: out, for new imports
 *
 * What was imported with older handles cannot be used from here on.
 *
 * Errors: -EIO a device reset has ended the export.
 */
int sfab_export_rotate(struct sfab_export *exported, struct sfab_handle *handle);

/**
 * sfab_export_revoke() - take a memory back, and free the export
 *
 * Afterwards nobody accesses the memory by it; what others do with it fails.
 */
int sfab_export_revoke(struct sfab_export *exported);

/** struct sfab_handle_info - what a handle tells of itself */
struct sfab_handle_info {
	uint32_t size;			/* in: sizeof(struct ...) */
	uint32_t eid;			/* of the accelerator that exports it */
	uint32_t segment;		/* number there */
	uint32_t rights;		/* SFAB_READ, SFAB_WRITE, SFAB_ATOMIC */
	uint64_t bytes;
	char uuid[40];			/* of the accelerator */
};

/**
 * sfab_handle_get_info() - fill @info; set its size member first
 *
 * Errors: as sfab_mem_import() for handles that are none.
 */
int sfab_handle_get_info(const struct sfab_handle *handle,
			 struct sfab_handle_info *info);

/** SFAB_IMPORT_FABRIC - use the fabric, also where there is a shorter way */
#define SFAB_IMPORT_FABRIC	1U

/**
 * sfab_mem_import() - use a memory that somebody exported
 * @device: the accelerator that uses it most; all of the context can
 * @flags: 0 or SFAB_IMPORT_FABRIC
 * @mem: out, SFAB_MEM_REMOTE, free with sfab_mem_free()
 *
 * The library chooses the way, and sfab_mem_reach() tells it: memory that this
 * context exports is used as it is (local, system, or peer where that works),
 * all other through the fabric.  Nothing is sent: that a handle is wrong, or not
 * valid any more, shows in the first use, which fails as sfab_batch_create() and
 * sfab_fence_wait() tell.
 *
 * All operations take such memory, except sfab_batch_wait(),
 * sfab_batch_timestamp(), and sfab_batch_atomic() for the old value.
 *
 * Errors: -EINVAL no handle; -EBADMSG a damaged one; -EPROTO one of another
 * version; -EOPNOTSUPP the device has no ports; -EADDRNOTAVAIL it has no EID;
 * -ENOSPC no import is left; -ERANGE more than 64 GiB.
 */
int sfab_mem_import(struct sfab_device *device, const struct sfab_handle *handle,
		    unsigned int flags, struct sfab_mem **mem);

/* ------------------------------------------------------------------- queues */

/**
 * SFAB_LONG_RUNNING - a queue whose commands may wait for memory
 *
 * It accepts sfab_batch_wait() and has no job timeout.  In exchange its fences
 * cannot be waited for by other queues and have no descriptor, it waits for no
 * fences, and it does not bounce (-EXDEV).
 */
#define SFAB_LONG_RUNNING	1U

/**
 * sfab_queue_create() - get a hardware queue
 * @flags: 0 or SFAB_LONG_RUNNING
 * @queue: out, free with sfab_queue_destroy()
 *
 * Commands of one queue run in order.  A queue halts at its first fault or
 * timeout, and every later operation gives -EIO: destroy it and make another.
 *
 * Errors: -ENOSPC all hardware queues or address spaces are in use.
 */
int sfab_queue_create(struct sfab_device *device, unsigned int flags,
		      struct sfab_queue **queue);

/**
 * enum sfab_loss_policy - what a queue does with commands on remote memory in flight
 * when the way there is lost
 *
 * Lost is a link of the device itself that goes down, and a way that a device farther on
 * reports to end; a link that changes its light path is not lost.  See
 * qemu/docs/specs/sfab-fabric.rst, "Lost ways".
 */
enum sfab_loss_policy {
	SFAB_LOSS_REROUTE = 0,	/* goes another way; waits while there is none */
	SFAB_LOSS_WAIT = 1,	/* waits for the best way, however many others there are */
	SFAB_LOSS_FAIL = 2,	/* fails at once; what comes later goes another way */
};

/**
 * sfab_queue_create_on_loss() - sfab_queue_create(), for a lost way
 * @policy: what to do then; SFAB_LOSS_REROUTE is what sfab_queue_create() takes
 * @limit_ms: how long what is in flight may go without an answer, at most 60000; 0: what
 *	the device is set to, struct sfab_fabric_info.op_timeout_ms
 *
 * What fails halts the queue: -EIO, and the fault is SFAB_CAUSE_FABRIC with
 * SFAB_REMOTE_NO_ROUTE, or SFAB_REMOTE_TIMEOUT after @limit_ms.  Queues of one device with
 * the same target share an ordered channel: as long as another of them has commands there,
 * those that wait leave as its commands do.  What the library bounces through another device
 * takes SFAB_LOSS_REROUTE there.
 *
 * Errors: as sfab_queue_create(); -EOPNOTSUPP the device has no SFAB_FEATURE_LOSS_POLICY,
 * and something else is asked for than sfab_queue_create() gives.
 */
int sfab_queue_create_on_loss(struct sfab_device *device, unsigned int flags,
			      enum sfab_loss_policy policy, unsigned int limit_ms,
			      struct sfab_queue **queue);

/**
 * sfab_queue_destroy() - stop a queue and free it
 *
 * Unfinished work is abandoned: its fences give -ECANCELED.  Batches of the
 * queue can only be freed afterwards.
 */
void sfab_queue_destroy(struct sfab_queue *queue);

/** sfab_queue_device() - the device of a queue; NULL for NULL */
struct sfab_device *sfab_queue_device(struct sfab_queue *queue);

/**
 * sfab_queue_wait() - wait for all that was submitted to a queue before
 * @timeout_ns: as in sfab_fence_wait(), with the same errors
 */
int sfab_queue_wait(struct sfab_queue *queue, int64_t timeout_ns);

/** enum sfab_queue_health - see struct sfab_queue_status */
enum sfab_queue_health {
	SFAB_HEALTH_OK = 0,
	SFAB_HEALTH_FAULTED = 1,	/* a command faulted */
	SFAB_HEALTH_TIMEDOUT = 2,	/* work took longer than the job timeout */
	SFAB_HEALTH_LOST = 3		/* the device was reset or removed */
};

/** struct sfab_queue_status - progress and health of a queue */
struct sfab_queue_status {
	uint32_t size;			/* in: sizeof(struct ...) */
	uint32_t health;		/* enum sfab_queue_health */
	uint64_t submitted;		/* submissions to the kernel */
	uint64_t completed;
	struct sfab_fault_info fault;	/* if health is SFAB_HEALTH_FAULTED */
};

/** sfab_queue_get_status() - fill @status; set its size member first */
int sfab_queue_get_status(struct sfab_queue *queue,
			  struct sfab_queue_status *status);

/* ------------------------------------------------------------------ batches */

/**
 * sfab_batch_create() - start a list of commands for a queue
 * @batch: out, free with sfab_batch_free()
 *
 * The operations below append to it; nothing runs before sfab_batch_submit().
 * Memories are checked and mapped when they are appended, so that submitting is
 * cheap.  A batch is empty again after it was submitted: use it for the next.
 *
 * Operations give -ERANGE when a range does not fit its memory, -EACCES when a
 * device has no right to do this to it, -EFAULT for a host address that is not
 * registered, -EXDEV on a long-running queue that cannot reach a memory,
 * -EOPNOTSUPP when the device lacks the operation or it is not possible on remote
 * memory, -ESTALE when a remote memory was revoked that needs no fabric, -ECANCELED
 * when the queue was destroyed.
 */
int sfab_batch_create(struct sfab_queue *queue, struct sfab_batch **batch);

/** sfab_batch_free() - drop a batch, with what was not submitted */
void sfab_batch_free(struct sfab_batch *batch);

/** sfab_batch_clear() - drop the commands that were not submitted */
int sfab_batch_clear(struct sfab_batch *batch);

/**
 * sfab_batch_copy() - copy @size bytes; 0 is allowed
 *
 * Ranges must not overlap.
 */
int sfab_batch_copy(struct sfab_batch *batch,
		    struct sfab_mem *dst, uint64_t dst_offset,
		    struct sfab_mem *src, uint64_t src_offset, uint64_t size);

/**
 * sfab_batch_copy_notify() - copy @size bytes, then store @value at a flag
 * @flag: of any device or node, as @dst
 * @flag_offset: a multiple of 8 (registered memory: the address is), not in @dst's range
 * @value: 64 bits, in the byte order of the host, stored at once
 *
 * Whoever sees the flag's new value sees all of the copy, and of the commands before
 * it in the queue.  To remote memory both travel in one packet where they lie in
 * one import and @size is at most 64 KiB.  0 bytes are allowed: the flag alone.
 */
int sfab_batch_copy_notify(struct sfab_batch *batch,
			   struct sfab_mem *dst, uint64_t dst_offset,
			   struct sfab_mem *src, uint64_t src_offset, uint64_t size,
			   struct sfab_mem *flag, uint64_t flag_offset, uint64_t value);

/**
 * sfab_batch_copy_2d() - copy @rows rows of @width bytes
 * @dst_pitch: from the start of one row to the next, at least @width
 * @src_pitch: likewise
 */
int sfab_batch_copy_2d(struct sfab_batch *batch, struct sfab_mem *dst,
		       uint64_t dst_offset, uint64_t dst_pitch,
		       struct sfab_mem *src, uint64_t src_offset,
		       uint64_t src_pitch, uint64_t width, uint64_t rows);

/**
 * sfab_batch_fill() - repeat a value of 1, 2, 4 or 8 bytes over a range
 * @value: in the byte order of the host; must fit @width
 * @width: of the value; @size is a multiple of it
 */
int sfab_batch_fill(struct sfab_batch *batch, struct sfab_mem *dst,
		    uint64_t dst_offset, uint64_t size, uint64_t value,
		    unsigned int width);

/** enum sfab_type - element types of sfab_batch_reduce() */
enum sfab_type {
	SFAB_TYPE_I32 = 0,		/* two's complement, sums wrap */
	SFAB_TYPE_FP32 = 1,		/* IEEE 754 binary32 */
	SFAB_TYPE_FP16 = 2,		/* IEEE 754 binary16 */
	SFAB_TYPE_BF16 = 3		/* the upper half of binary32 */
};

/** enum sfab_reduction - IEEE 754-2019: sum, minimum, maximum (clause 9.6) */
enum sfab_reduction {
	SFAB_SUM = 0,
	SFAB_MIN = 1,
	SFAB_MAX = 2
};

/**
 * sfab_batch_reduce() - dst[i] = dst[i] op src[i] for @count elements
 *
 * Both ranges are aligned to the element; they are equal or do not overlap.
 * Sums are rounded once, to nearest, ties to even.
 */
int sfab_batch_reduce(struct sfab_batch *batch,
		      struct sfab_mem *dst, uint64_t dst_offset,
		      struct sfab_mem *src, uint64_t src_offset,
		      uint64_t count, enum sfab_type type,
		      enum sfab_reduction op);

/** enum sfab_atomic_op - operations of sfab_batch_atomic() */
enum sfab_atomic_op {
	SFAB_ADD = 0,			/* += operand, wraps */
	SFAB_SWAP = 1,			/* = operand */
	SFAB_CAS = 2			/* = operand if it equals comparand */
};

/** SFAB_DISCARD - as old_offset: the old value is not wanted */
#define SFAB_DISCARD	UINT64_MAX

/**
 * sfab_batch_atomic() - one atomic operation on 4 or 8 bytes
 * @width: 4 or 8; both ranges are aligned to it
 * @comparand: for SFAB_CAS, else 0
 * @old: where the old value goes; SFAB_HOST with SFAB_DISCARD: nowhere
 *
 * Atomic towards atomic operations of all devices, and of the CPUs in system
 * and registered memory.
 */
int sfab_batch_atomic(struct sfab_batch *batch, struct sfab_mem *dst,
		      uint64_t dst_offset, unsigned int width,
		      enum sfab_atomic_op op, uint64_t operand,
		      uint64_t comparand, struct sfab_mem *old,
		      uint64_t old_offset);

/**
 * sfab_batch_write() - store a value of 4 or 8 bytes, aligned
 *
 * Whoever sees it sees the effects of all commands before it in the queue.
 */
int sfab_batch_write(struct sfab_batch *batch, struct sfab_mem *dst,
		     uint64_t dst_offset, uint64_t value, unsigned int width);

/** enum sfab_compare - conditions of sfab_batch_wait(), unsigned */
enum sfab_compare {
	SFAB_EQ = 0,
	SFAB_NE = 1,
	SFAB_GE = 2,
	SFAB_LT = 3
};

/**
 * sfab_batch_wait() - wait until (memory & @mask) compares true with @value
 * @width: 4 or 8, the memory is aligned to it
 * @timeout_ns: longer is a fault, SFAB_CAUSE_WAIT_TIMEOUT; 0: no limit
 *
 * Errors: -EOPNOTSUPP the queue is not long-running.
 */
int sfab_batch_wait(struct sfab_batch *batch, struct sfab_mem *src,
		    uint64_t src_offset, unsigned int width,
		    enum sfab_compare compare, uint64_t value, uint64_t mask,
		    uint64_t timeout_ns);

/**
 * sfab_batch_timestamp() - store the device's clock, 8 bytes, aligned
 *
 * Nanoseconds; clocks of different devices do not compare.
 */
int sfab_batch_timestamp(struct sfab_batch *batch, struct sfab_mem *dst,
			 uint64_t dst_offset);

/**
 * sfab_batch_submit() - run the commands of a batch
 * @after: fences of any queues of the context to wait for first, or NULL
 * @after_count: how many
 * @fence: out, free with sfab_fence_free(); NULL: not wanted
 *
 * Does not wait for the work.  The commands run after those submitted to the
 * queue before; a failure in @after does not stop them.  An empty batch is
 * allowed: its fence signals when all before it has finished.
 *
 * Large batches reach the kernel in pieces.  Should one be refused after others
 * were accepted, the call waits for those, empties the batch, and gives the
 * error.  On a long-running queue -EAGAIN (no room now) leaves what was not
 * accepted in the batch: submit again.
 *
 * Errors: -EIO the queue has halted; -ECANCELED it was destroyed; -EOPNOTSUPP
 * fences to or from a long-running queue.
 */
int sfab_batch_submit(struct sfab_batch *batch,
		      struct sfab_fence *const *after, unsigned int after_count,
		      struct sfab_fence **fence);

/**
 * sfab_copy() - copy @size bytes: a batch of one, submitted
 * @fence: out, free with sfab_fence_free(); NULL: not wanted
 *
 * Does not wait for the work.
 */
int sfab_copy(struct sfab_queue *queue,
	      struct sfab_mem *dst, uint64_t dst_offset,
	      struct sfab_mem *src, uint64_t src_offset, uint64_t size,
	      struct sfab_fence **fence);

/**
 * sfab_copy_notify() - sfab_batch_copy_notify() as a batch of one, submitted
 * @fence: out, free with sfab_fence_free(); NULL: not wanted
 *
 * Does not wait for the work.
 */
int sfab_copy_notify(struct sfab_queue *queue,
		     struct sfab_mem *dst, uint64_t dst_offset,
		     struct sfab_mem *src, uint64_t src_offset, uint64_t size,
		     struct sfab_mem *flag, uint64_t flag_offset, uint64_t value,
		     struct sfab_fence **fence);

/* ------------------------------------------------------------------- fences */

/** SFAB_NO_TIMEOUT - wait as long as it takes (see job_timeout_ms) */
#define SFAB_NO_TIMEOUT	((int64_t)-1)

/**
 * sfab_fence_wait() - wait until the work has finished
 * @timeout_ns: at most this long from now; 0: only look; SFAB_NO_TIMEOUT
 *
 * Work ends by itself: what takes longer than the device's job timeout is
 * stopped, except on long-running queues.
 *
 * Errors: -ETIME not finished yet; -EIO it failed (the text decodes the fault);
 * -ECANCELED its queue was destroyed before.
 */
int sfab_fence_wait(struct sfab_fence *fence, int64_t timeout_ns);

/**
 * sfab_fence_get_fd() - get a descriptor that polls readable at the end
 * @fd: out, a sync_file, the caller's to close
 *
 * It tells the end only; sfab_fence_wait() with 0 tells success or failure.
 *
 * Errors: -EOPNOTSUPP for long-running queues.
 */
int sfab_fence_get_fd(struct sfab_fence *fence, int *fd);

/**
 * sfab_fence_get_fault() - what made the work fail; set @fault's size first
 *
 * Errors: -ENOENT it has not failed by a fault.
 */
int sfab_fence_get_fault(struct sfab_fence *fence,
			 struct sfab_fault_info *fault);

/** sfab_fence_free() - forget a fence; the work goes on */
void sfab_fence_free(struct sfab_fence *fence);

/* ----------------------------------------------------------------- channels */

struct sfab_channel;

/** SFAB_CHANNEL_MAX_SLOTS, _SLOT_SIZE - limits of sfab_channel_create() */
#define SFAB_CHANNEL_MAX_SLOTS		65536U
#define SFAB_CHANNEL_MAX_SLOT_SIZE	(1U << 30)

/**
 * sfab_channel_create() - make the receiving end of a channel
 * @device: the accelerator that messages arrive at
 * @kind: SFAB_MEM_SYSTEM or SFAB_MEM_HBM: where they arrive
 * @slot_size: most bytes of a message, 1 to SFAB_CHANNEL_MAX_SLOT_SIZE
 * @slots: messages that can be under way, 1 to SFAB_CHANNEL_MAX_SLOTS
 * @channel: out, close with sfab_channel_close()
 * @handle: out, for sfab_channel_open() in any process of any node
 *
 * A channel carries messages one way, in order, each whole and once, from one
 * sender to one receiver.  It exports its ring: the handle is as secret as that of
 * sfab_mem_export(), and the sender can write into the ring, nowhere else.
 *
 * Errors: as sfab_mem_alloc() and sfab_mem_export(); -ERANGE the ring would exceed
 * 64 GiB.
 */
int sfab_channel_create(struct sfab_device *device, enum sfab_mem_kind kind,
			uint32_t slot_size, uint32_t slots,
			struct sfab_channel **channel, struct sfab_handle *handle);

/**
 * sfab_channel_open() - make the sending end of a channel
 * @queue: that does the work; it may serve other channels and other work too, in
 *	   the order of submission.  When it was destroyed the channel can only be closed.
 *	   SFAB_LONG_RUNNING saves some latency.
 * @handle: of sfab_channel_create()
 * @channel: out, close with sfab_channel_close()
 *
 * Waits for earlier work of the queue, then for the receiver's accelerator, at most
 * its op_timeout_ms.
 *
 * Errors: as sfab_mem_import(); -EIO the receiver cannot be reached, or has closed
 * (the queue has halted); -EPROTO the handle is of no channel; -EBUSY another sender
 * has opened it.
 */
int sfab_channel_open(struct sfab_queue *queue, const struct sfab_handle *handle,
		      struct sfab_channel **channel);

/**
 * sfab_channel_send() - send a message
 * @data: copied at once, need not be registered
 * @size: 0 to the slot size of the channel
 * @timeout_ns: how long to wait for a slot that the receiver has freed; 0: only look;
 *		SFAB_NO_TIMEOUT
 *
 * Success means that the message is on its way.  Should it not arrive the queue has
 * halted, and a later call on the channel gives -EIO; see sfab_channel_flush().
 *
 * Errors: -EMSGSIZE larger than a slot; -ETIME no slot became free; -EIO the receiver
 * is lost, has closed, or the queue halted otherwise; -ECANCELED it was destroyed.
 */
int sfab_channel_send(struct sfab_channel *channel, const void *data, uint64_t size,
		      int64_t timeout_ns);

/**
 * sfab_channel_send_mem() - send a message from memory that devices reach
 * @src: any memory of the context, or SFAB_HOST; not copied on the way
 * @fence: out: @src is no longer needed, and the message has arrived; NULL: not wanted
 *
 * As sfab_channel_send() otherwise, with the errors of sfab_batch_copy() too.
 */
int sfab_channel_send_mem(struct sfab_channel *channel, struct sfab_mem *src,
			  uint64_t src_offset, uint64_t size, int64_t timeout_ns,
			  struct sfab_fence **fence);

/**
 * sfab_channel_flush() - wait until the receiver has taken all that was sent
 *
 * Errors: -ETIME, -EIO, -ECANCELED as sfab_channel_send().
 */
int sfab_channel_flush(struct sfab_channel *channel, int64_t timeout_ns);

/**
 * sfab_channel_recv() - take the oldest message
 * @data: where it goes
 * @size: room there
 * @timeout_ns: how long to wait for it; 0: only look; SFAB_NO_TIMEOUT
 *
 * A sender that died is one that is silent: give a timeout.
 *
 * Return: the size of the message.
 *
 * Errors: -ETIME none came; -EPIPE the sender has closed, and all was received;
 * -EMSGSIZE more than @size, it stays the oldest; -EPROTO the sender broke the ring.
 */
int sfab_channel_recv(struct sfab_channel *channel, void *data, uint64_t size,
		      int64_t timeout_ns);

/**
 * sfab_channel_peek() - find the oldest message where it is
 * @mem: out, the channel's: to copy from, or for sfab_mem_map()
 * @offset: out, of the message in @mem, a multiple of 8
 * @timeout_ns: as in sfab_channel_recv()
 *
 * It stays there until sfab_channel_release().
 *
 * Return: the size of the message.
 *
 * Errors: as sfab_channel_recv(), without -EMSGSIZE.
 */
int sfab_channel_peek(struct sfab_channel *channel, struct sfab_mem **mem,
		      uint64_t *offset, int64_t timeout_ns);

/**
 * sfab_channel_release() - give the slot of the oldest message back to the sender
 *
 * Errors: -ENOENT there is no message.
 */
int sfab_channel_release(struct sfab_channel *channel);

/**
 * sfab_channel_close() - end a channel; NULL is allowed
 *
 * The sender's end: waits for the work of its queue (destroy that first if it may not
 * end); what was sent before arrives, if the receiver lives, who then gets -EPIPE.  The
 * receiver's end: what was not taken is lost, and the sender gets -EIO.
 *
 * Errors: -EBUSY a batch that was not submitted, or unfinished work on a long-running
 * queue, uses memory of sfab_channel_peek(): the call can be repeated, nothing else can
 * be done with the channel.
 */
int sfab_channel_close(struct sfab_channel *channel);

#ifdef __cplusplus
}
#endif

#endif /* SFAB_SFAB_H */
