/* SPDX-License-Identifier: MIT */
/*
 * What the parts of libsfab share: the objects, and one section a file.
 *
 * Lock order, outermost first:
 *   sfab_channel.lock >
 *   sfab_context.exports_lock >
 *   sfab_batch.lock > sfab_queue.lock of the user's queues >
 *   sfab_device.bounce_lock > sfab_queue.lock of internal queues >
 *   sfab_mem.lock > sfab_device.queues_lock > sfab_device.lock > all others
 *
 * Functions return 0 or a negative errno with the text of sfab_last_error() set,
 * unless they say otherwise.
 */
#ifndef SFAB_INTERNAL_H
#define SFAB_INTERNAL_H

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

#include <drm/sfab_accel.h>
#include <sfab/sfab.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define SFAB_PAGE	4096ULL

/* As LIST_FOREACH, but static analysis understands them without libc's headers */
#define list_each(var, head, field)					\
	for ((var) = LIST_FIRST(head); (var); (var) = LIST_NEXT(var, field))
#define list_each_safe(var, head, field, next)				\
	for ((var) = LIST_FIRST(head);					\
	     (var) && ((next) = LIST_NEXT(var, field), 1);		\
	     (var) = (next))

struct view;

LIST_HEAD(channel_list, sfab_channel);
LIST_HEAD(mapping_list, mapping);
LIST_HEAD(mem_list, sfab_mem);
LIST_HEAD(export_list, sfab_export);
LIST_HEAD(view_list, view);
LIST_HEAD(queue_list, sfab_queue);
LIST_HEAD(shared_sync_list, shared_sync);
LIST_HEAD(batch_list, sfab_batch);
LIST_HEAD(fence_list, sfab_fence);

static inline uint64_t page_up(uint64_t size)
{
	return (size + SFAB_PAGE - 1) & ~(SFAB_PAGE - 1);
}

/* ---- error.c ---- */

/* Sets the text of sfab_last_error(); returns err */
int fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int fail_null(const char *function);
int fail_nomem(const char *what);
/* Adds to the text */
int fail_append(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * For structs with a leading size: copies what caller and library both know and
 * clears the rest, the size itself stays.  -EINVAL below first_size.
 */
int struct_out(void *user, const void *known, uint32_t known_size, uint32_t first_size,
	       const char *name);

/* ---- vaspace.c: an allocator of addresses ---- */

struct hole {
	uint64_t start;
	uint64_t end;
};

struct vaspace {
	struct hole *holes;		/* sorted, never adjacent */
	size_t count;
	size_t capacity;
	size_t live;			/* ranges handed out */
};

int vaspace_init(struct vaspace *space, uint64_t start, uint64_t end);
void vaspace_fini(struct vaspace *space);
/* Finds room for size bytes at an address that is skew modulo align; 0: none */
uint64_t vaspace_alloc(struct vaspace *space, uint64_t size, uint64_t align, uint64_t skew);
void vaspace_free(struct vaspace *space, uint64_t va, uint64_t size);

/* ---- vm.c: address spaces of a device ---- */

enum vm_kind {
	VM_NORMAL,
	VM_LONG_RUNNING,
	VM_KINDS,
};

/* A BO in a VM, whole */
struct mapping {
	LIST_ENTRY(mapping) link;	/* in vm.mappings while va is not 0 */
	struct sfab_mem *mem;
	uint64_t va;			/* 0: not mapped */
	uint64_t size;
	uint64_t skew;			/* of byte 0 of mem */
};

/* Made when its first queue is; all under sfab_device.lock */
struct vm {
	uint32_t id;			/* 0: not made yet */
	struct vaspace space;
	struct mapping_list mappings;
};

int vm_open(struct sfab_device *dev, enum vm_kind kind);
void vm_close(struct sfab_device *dev, enum vm_kind kind, bool kernel);
int vm_map(struct sfab_device *dev, enum vm_kind kind, struct mapping *map,
	   struct sfab_mem *mem, const struct view *view);
int vm_unmap(struct sfab_device *dev, enum vm_kind kind, struct mapping *map);
/* Ends all access, but keeps the addresses: what is queued must not find others there */
int vm_cut(struct sfab_device *dev, enum vm_kind kind, const struct mapping *map);
/* The memory at an address, or NULL */
struct sfab_mem *vm_find(struct sfab_device *dev, enum vm_kind kind, uint64_t va,
			 uint64_t *offset);

/* ---- context.c, enumerate.c ---- */

struct sfab_context {
	pid_t pid;			/* of the process that opened it */
	struct enumerator *enumerator;

	pthread_mutex_t exports_lock;	/* protects exports and their local imports */
	struct export_list exports;

	pthread_mutex_t lock;		/* protects all below */
	struct sfab_device **devices;	/* only grows */
	unsigned int device_count;
	uint64_t scans;			/* how often it was looked for devices */
	struct mem_list mems;
	struct channel_list channels;
	struct sfab_mem **registered;	/* sorted by address */
	size_t registered_count;
	size_t registered_capacity;
	uint64_t registered_longest;	/* bytes, of all that ever were */
	struct sfab_link **links;	/* only grows */
	unsigned int link_count;
};

/* -ECHILD in a forked child */
int context_check(const struct sfab_context *ctx);

/* What sysfs tells of a device */
struct found_device {
	char name[32];
	char node[64];
	char pci_address[16];
};

#define SUBSYSTEM_ACCEL	"accel"
#define SUBSYSTEM_LINK	"sfab_link"

/* Returns the number of devices in *found, malloc()ed, by PCI address, then number */
int enumerator_open(struct enumerator **enumerator);
void enumerator_close(struct enumerator *enumerator);
int enumerator_fd(struct enumerator *enumerator);
int enumerator_scan(struct enumerator *enumerator, const char *subsystem,
		    struct found_device **found);

/* ---- link.c ---- */

struct sfab_link {
	struct sfab_context *ctx;
	unsigned int index;
	struct found_device id;
	char label[64];			/* "sfab_link0 (0000:01:00.0)", for errors */
	atomic_bool gone;

	pthread_mutex_t lock;		/* protects opening; one reader of events */
	atomic_int fd;			/* -1: not opened yet */
	uint32_t port;			/* of its accelerator, known once it is open */
};

/* One that is in no list, with a file of its own; freed with link_free() */
int link_new(struct sfab_context *ctx, const struct found_device *id, struct sfab_link **link);
int link_open(struct sfab_link *link);
void link_free(struct sfab_link *link);
/* What its file says, if it is open */
bool link_is_gone(struct sfab_link *link);
void links_free(struct sfab_context *ctx);
/* Takes note of links that came or went; returns how many were ever seen */
int links_scan(struct sfab_context *ctx);
struct sfab_link *link_at(struct sfab_context *ctx, unsigned int index);

/* ---- device.c, handle.c ---- */

struct sfab_device {
	struct sfab_context *ctx;
	unsigned int index;
	struct found_device id;
	char label[64];			/* "accel0 (0000:01:00.0)", for errors */
	atomic_bool gone;

	pthread_mutex_t lock;		/* protects vms, reach; opening */
	atomic_int fd;			/* -1: not opened yet */
	struct sfab_query_device identity;
	struct sfab_query_limits limits;
	struct sfab_query_engine *engines;
	unsigned int engine_count;
	char uuid[40];
	uint32_t driver_major;
	uint32_t driver_minor;
	struct vm vms[VM_KINDS];
	signed char *reach;		/* by peer's index; -1: not known */
	unsigned int reach_count;

	pthread_mutex_t queues_lock;	/* protects queues and their waiters */
	pthread_cond_t waiter_left;
	struct queue_list queues;	/* destroyed ones too, until the last ref */

	pthread_mutex_t bounce_lock;	/* protects bounce */
	struct sfab_queue *bounce;	/* internal queue; NULL: not needed yet */

	pthread_mutex_t handles_lock;	/* protects handles; leaf */
	uint32_t *handle_refs;		/* by GEM handle */
	uint32_t handle_count;

	pthread_mutex_t event_lock;	/* one reader, see event.c */
};

int device_new(struct sfab_context *ctx, unsigned int index, const struct found_device *id,
	       struct sfab_device **dev);
int device_open(struct sfab_device *dev);
void device_free(struct sfab_device *dev, bool kernel);
bool device_is_gone(struct sfab_device *dev);
/* ioctl() that restarts after signals only; gives a negative errno, sets no text */
int device_ioctl(struct sfab_device *dev, unsigned long request, void *arg);
/*
 * A table of QUERY: up to count elements of the size that we know, whatever the kernel
 * knows; returns how many the table has
 */
int device_query(struct sfab_device *dev, uint32_t id, void *data, uint32_t count,
		 uint32_t stride);
/* As RFC 9562 writes it; text has room for 37 bytes */
void uuid_format(const uint8_t *uuid, char *text);
/* Sets a text for an error of the kernel that needs no more explanation */
int device_fail(struct sfab_device *dev, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * GEM handles are counted: importing a dma-buf twice, or one of our own, gives
 * the same handle, and the kernel closes it at the first close.
 */
int handle_adopt(struct sfab_device *dev, uint32_t handle);
void handle_get(struct sfab_device *dev, uint32_t handle);
int handle_import(struct sfab_device *dev, int fd, uint32_t *handle);
void handle_put(struct sfab_device *dev, uint32_t handle);

/* ---- points.c: moments in the work of queues ---- */

/* A submission; seqno 0 is before the first */
struct point {
	struct sfab_queue *queue;
	uint64_t seqno;
};

/*
 * A list of points, one a queue.  A queue enters it with a reference and seqno 0,
 * which is always over, so that setting the seqno later cannot fail.
 */
struct points {
	struct point *list;
	unsigned int count;
};

/* CLOCK_MONOTONIC */
int64_t now_ns(void);
/* A deadline on CLOCK_MONOTONIC for a public timeout */
int64_t deadline_after(int64_t timeout_ns);
int point_wait(const struct point *point, int64_t deadline);
int points_reserve(struct points *points, struct sfab_queue *queue);
void points_set(struct points *points, const struct sfab_queue *queue, uint64_t seqno);
int points_wait(const struct points *points, int64_t deadline);
void points_forget_destroyed(struct points *points);
void points_clear(struct points *points);

/* ---- memory.c, register.c ---- */

/* A memory as one device sees it; under sfab_mem.lock */
struct view {
	LIST_ENTRY(view) link;
	struct sfab_device *dev;
	uint32_t handle;		/* 0: the device cannot reach it */
	enum sfab_reach reach;
	uint64_t bo_size;		/* whole pages */
	uint64_t skew;			/* offset of byte 0 in the BO */
	struct mapping maps[VM_KINDS];
};

struct sfab_mem {
	struct sfab_context *ctx;
	struct sfab_device *dev;	/* that it was made with */
	uint32_t handle;		/* there */
	enum sfab_mem_kind kind;
	uint64_t size;			/* as asked for */
	uint64_t bo_size;		/* whole pages */
	unsigned int rights;		/* SFAB_READ, SFAB_WRITE, remote: SFAB_ATOMIC */
	char *host;			/* registered: address as given */
	uint64_t skew;			/* offset of byte 0 in the BO */
	struct sfab_segment segment;	/* remote: what was imported */

	LIST_ENTRY(sfab_mem) link;	/* in sfab_context.mems */
	LIST_ENTRY(sfab_mem) import_link;	/* remote: in sfab_export.imports */
	atomic_uint recorded;		/* operands in batches, not submitted */
	atomic_uint exports;		/* of this memory */

	pthread_mutex_t lock;		/* protects all below */
	void *cpu;			/* mapping, or NULL */
	struct view_list views;
	struct points uses;
	struct sfab_export *origin;	/* remote: in this context, or NULL */
	bool cut;			/* remote: the origin took it back */
};

/* Makes a memory of a handle, which it takes over, also when it fails */
int mem_new(struct sfab_device *dev, const struct sfab_mem *init, uint32_t handle,
	    enum sfab_reach reach, struct sfab_mem **mem);
/* As a mapping needs them: a device that may write may read */
unsigned int mem_map_rights(const struct sfab_mem *mem);
/* No device reaches it any more, as if it were not there; the caller holds mem->lock */
int mem_cut(struct sfab_mem *mem);
/* In words, with its device; returns buf */
const char *mem_describe(const struct sfab_mem *mem, char *buf, size_t size);
/* Room for one more use, so that mem_used() cannot fail */
int mem_reserve_use(struct sfab_mem *mem, struct sfab_queue *queue);
void mem_used(struct sfab_mem *mem, struct sfab_queue *queue, uint64_t seqno);
/* Frees a memory that is in no list and no use; kernel: tell the kernel too */
void mem_release(struct sfab_mem *mem, bool kernel);

int register_pages(struct sfab_device *dev, void *addr, uint64_t size, unsigned int rights,
		   uint32_t *handle);
int registered_add(struct sfab_mem *mem);
void registered_remove(struct sfab_mem *mem);
/* The registration that holds a range of the process, or NULL */
struct sfab_mem *registered_find(struct sfab_context *ctx, uint64_t addr, uint64_t size);

/* ---- segment.c: memory of other contexts and nodes ---- */

struct sfab_export {
	LIST_ENTRY(sfab_export) link;	/* in sfab_context.exports */
	struct sfab_mem *mem;
	uint64_t offset;
	uint32_t id;			/* in the file of mem->dev */
	bool internal;			/* the library's own, see channel.c */
	struct sfab_segment segment;
	struct mem_list imports;	/* those that do not need the fabric */
};

/* How view->dev reaches a remote memory: directly, or else by the fabric */
int segment_view(const struct sfab_mem *mem, struct view *view);
int segment_view_fabric(const struct sfab_mem *mem, struct view *view);
/* The export of a memory that is freed, if it is of this context, forgets it */
void segment_forget(struct sfab_mem *mem);

/* ---- peer.c: memory of one device on another ---- */

/* How view->dev reaches a memory of another device of the context */
int peer_view(const struct sfab_mem *mem, struct view *view);

/* How dev reaches mem; imports it if need be */
int mem_reach(struct sfab_mem *mem, struct sfab_device *dev, enum sfab_reach *reach);
/* The address of byte 0 of mem in a VM of dev; 0: it cannot be reached */
int mem_address(struct sfab_mem *mem, struct sfab_device *dev, enum vm_kind kind,
		uint64_t *va);

/* ---- queue.c, sync.c ---- */

/* A queue's syncobj in the file of another device */
struct shared_sync {
	LIST_ENTRY(shared_sync) link;
	struct sfab_device *dev;
	uint32_t handle;
};

struct sfab_queue {
	struct sfab_device *dev;
	enum vm_kind vm;
	bool internal;			/* the library's own, see bounce.c */
	atomic_uint refs;		/* owner, fences, batches, points */
	uint32_t id;
	uint32_t syncobj;		/* timeline of the seqnos; 0: long-running */

	/* Under sfab_device.queues_lock */
	LIST_ENTRY(sfab_queue) link;	/* in sfab_device.queues */
	unsigned int waiters;		/* threads inside the WAIT ioctl */
	struct sfab_queue_query last;	/* state when it was destroyed */
	atomic_bool destroyed;		/* set under sfab_queue.lock too */

	pthread_mutex_t sync_lock;	/* protects shared */
	struct shared_sync_list shared;

	pthread_mutex_t lock;		/* protects all below; one submitter */
	uint64_t submitted;		/* newest seqno */
	struct sfab_mem *buffer;	/* to bounce through, or NULL */
	struct points buffer_uses[2];	/* work that reads each half */
	struct points remote;		/* newest work of ours on other queues */
	struct batch_list batches;
	struct fence_list fences;
	unsigned int limit_ms;		/* as of struct loss */
};

/* What a queue does when the way to remote memory is lost, and for how long: as its creator says */
struct loss {
	enum sfab_loss_policy policy;
	unsigned int limit_ms;
};

int queue_new(struct sfab_device *dev, enum vm_kind vm, bool internal, struct loss loss,
	      struct sfab_queue **queue);
struct sfab_queue *queue_get(struct sfab_queue *queue);
void queue_put(struct sfab_queue *queue);
void queue_stop(struct sfab_queue *queue);
/* For the end of its context, whoever refers to it: its objects, then itself */
void queue_free_all(struct sfab_queue *queue);
void queue_release(struct sfab_queue *queue, bool kernel);
/* State and fault of a live or destroyed queue */
int queue_query(struct sfab_queue *queue, struct sfab_queue_query *query);
/* Sets the text for a queue that halted; returns -EIO */
int queue_fail(struct sfab_queue *queue, const struct sfab_queue_query *query);

/* Queues commands behind the waits; the caller holds queue->lock */
int queue_submit(struct sfab_queue *queue, const struct sfab_command *cmds, unsigned int count,
		 const struct points *waits, uint64_t *seqno);

/* The handle of a queue's timeline in the file of dev */
int sync_share(struct sfab_queue *queue, struct sfab_device *dev, uint32_t *handle);
int sync_export(struct sfab_queue *queue, uint64_t seqno, int *fd);
void sync_fini(struct sfab_queue *queue, bool kernel);

/* ---- fault.c: faults in words ---- */

/* Size of struct sfab_fault_info in its first version */
#define FAULT_INFO_FIRST	offsetof(struct sfab_fault_info, remote_status)

void fault_fill(struct sfab_queue *queue, const struct sfab_fault *fault, uint32_t status,
		uint32_t eid, struct sfab_fault_info *info);
int fault_fail(struct sfab_queue *queue, const struct sfab_queue_query *query);

/* ---- batch.c, operation.c, submit.c, bounce.c ---- */

/* An operand: a range of a memory */
struct place {
	struct sfab_mem *mem;		/* NULL: the command has no such operand */
	uint64_t offset;
	bool far;			/* the queue's device cannot reach it */
};

struct op {
	struct place dst;
	struct place src;		/* of ATOMIC: where the old value goes */
	struct place flag;		/* of COPY with a notification, never far */
};

struct sfab_batch {
	struct sfab_queue *queue;

	LIST_ENTRY(sfab_batch) link;	/* in sfab_queue.batches */

	pthread_mutex_t lock;		/* protects all below */
	struct sfab_command *cmds;	/* addresses are right unless far */
	struct op *ops;			/* as many */
	unsigned int count;
	unsigned int capacity;
};

/* A submission to several queues in the making */
struct submission {
	struct sfab_queue *queue;	/* the user's, locked */
	struct points waits;		/* of the next work on queue */
	struct points parts;		/* all that must succeed; first is queue */
};

/* Most bytes of one submission: they must finish within the job timeout */
#define PIECE_BYTES	(64ULL << 20)

/* An operand as the user gives it */
struct operand {
	struct sfab_mem *mem;		/* SFAB_HOST: offset is an address */
	uint64_t offset;
	uint64_t size;
	unsigned int rights;
	unsigned int align;
};

void batch_init(struct sfab_batch *batch, struct sfab_queue *queue);
void batch_fini(struct sfab_batch *batch);
/* Checks the operands of a command, either may be NULL, and appends it */
int batch_record(struct sfab_batch *batch, struct sfab_command *cmd, const struct operand *dst,
		 const struct operand *src);
/* As batch_record() for a copy, after which value is stored at flag, 8 bytes */
int batch_record_notify(struct sfab_batch *batch, struct sfab_command *cmd,
			const struct operand *dst, const struct operand *src,
			const struct operand *flag, uint64_t value);
/* Bytes that a command moves */
uint64_t command_bytes(const struct sfab_command *cmd);
/* Forgets the first count commands */
void batch_drop(struct sfab_batch *batch, unsigned int count);
/* The caller holds batch->lock */
int batch_submit(struct sfab_batch *batch, struct sfab_fence *const *after,
		 unsigned int after_count, struct sfab_fence **fence);
/* Runs commands on the user's queue; accepted is right after a failure too */
int submission_run(struct submission *sub, const struct sfab_command *cmds, unsigned int count,
		   unsigned int *accepted);
/* Runs a command with an operand that is far */
int bounce(struct submission *sub, const struct sfab_command *cmd, const struct op *op);

/* ---- fence.c ---- */

struct sfab_fence {
	struct sfab_queue *queue;	/* holds a reference */

	LIST_ENTRY(sfab_fence) link;	/* in sfab_queue.fences */
	struct points parts;		/* constant; the first ends last */
	atomic_bool done;		/* and well */
};

int fence_new(struct sfab_queue *queue, struct sfab_fence **fence);

/* ---- channel.c ---- */

/* For the end of their context, which frees all that they are made of */
void channels_free(struct sfab_context *ctx);

#endif /* SFAB_INTERNAL_H */
