/* SPDX-License-Identifier: MIT */
/*
 * Inside the fake kernel: its objects, all under one lock
 */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include <drm.h>
#include <drm/sfab_accel.h>
#include <pthread.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "fake.h"

#define MAX_FDS		4096
#define MAX_IDS		4096
#define MAX_COMMANDS	256
#define MAX_SYNCS	8		/* few, so that the library meets the limit */
#define MAX_BINDS	64
#define JOB_TIMEOUT_MS	2000

/* The lock of everything; the condition tells of any change of state */
extern pthread_mutex_t kernel_lock;
extern pthread_cond_t kernel_changed;

struct device {
	unsigned int index;
	bool present;
	unsigned int life;		/* grows with each plug: old files are dead */
	int deny;
	uint64_t caps;
	uint64_t hbm_used;
	uint64_t system_used;
	uint64_t registered;
	unsigned int vms;
	unsigned int queues;
	uint32_t eid;
	bool dark;
	unsigned int imports;
	uint32_t fault_next;
	bool timeout_next;
	struct sfab_query_counters counters;
};

extern struct device devices[FAKE_MAX_DEVICES];

/* What is counted for leaks */
enum { L_FILE, L_BO, L_VM, L_QUEUE, L_JOB, L_FENCE, L_SYNCOBJ, L_FD, L_SEGMENT, L_KINDS };
extern unsigned int live[L_KINDS];

/* Reference counted, as all objects below */
struct fence {
	unsigned int refs;
	bool signalled;
	int sync_file;			/* eventfd to tell, or -1 */
};

struct timeline_point {
	uint64_t point;
	struct fence *fence;
};

struct syncobj {
	unsigned int refs;
	struct timeline_point *points;	/* rising; point 0: the binary fence */
	unsigned int count;
};

enum bo_kind { BO_HBM, BO_SYSTEM, BO_REGISTERED, BO_FOREIGN, BO_REMOTE };

struct bo {
	unsigned int refs;
	enum bo_kind kind;
	struct device *dev;		/* NULL: foreign */
	uint64_t size;
	uint32_t rights;
	char *memory;
	int memfd;			/* -1: registered */
	uint64_t cookie;		/* offset for mmap() */
	struct sfab_segment remote;	/* BO_REMOTE: what it stands for */
};

LIST_HEAD(map_list, map);
TAILQ_HEAD(job_list, job);

struct map {
	LIST_ENTRY(map) link;
	uint64_t va;
	uint64_t size;
	struct bo *bo;
	uint64_t offset;
	uint32_t rights;
};

struct vm {
	uint32_t id;
	bool long_running;
	unsigned int queues;
	struct map_list maps;
};

struct job {
	TAILQ_ENTRY(job) link;
	uint64_t seqno;
	struct sfab_command *commands;
	uint32_t count;
	struct fence **waits;
	unsigned int wait_count;
	struct fence *done;
};

struct queue {
	uint32_t id;
	struct file *file;
	struct vm *vm;
	pthread_t thread;
	bool stop;
	enum sfab_queue_state state;
	struct sfab_fault fault;
	uint32_t fabric_status;
	uint32_t fabric_eid;
	uint64_t submitted;
	uint64_t completed;
	unsigned int waiting;		/* threads in WAIT, which free the last */
	struct job_list jobs;
};

/* As the newest queue was asked for */
extern uint32_t newest_on_loss, newest_limit_ms;

/* The longest that there is; the fake kernel may add 24 bytes */
union event {
	struct sfab_event common;
	struct sfab_event_fabric fabric;
	struct sfab_event_trap trap;
};

struct file {
	int fd;				/* an eventfd that counts events */
	struct device *dev;
	unsigned int life;
	struct bo *handles[MAX_IDS];
	struct vm *vms[MAX_IDS];
	struct queue *queues[MAX_IDS];
	struct syncobj *syncobjs[MAX_IDS];
	union event events[32];
	uint32_t listens;		/* SFAB_EVENTS_* */
	unsigned int event_count;
	uint64_t event_sequence;
	uint64_t events_dropped;
};

/* What a descriptor of ours is */
enum fd_kind { FD_NONE, FD_FILE, FD_DMABUF, FD_SYNCOBJ, FD_SYNC_FILE, FD_LINK };

struct descriptor {
	enum fd_kind kind;
	void *object;
};

extern struct descriptor descriptors[MAX_FDS];
extern bool held;
extern bool peers[FAKE_MAX_DEVICES][FAKE_MAX_DEVICES];
extern bool peer_lies;
extern bool refuse_foreign;
extern bool long_events;
extern unsigned int max_queues;
extern unsigned int room;
extern const char *driver_name;
extern uint64_t pinned;
extern struct fake_work work;

int real_close(int fd);
void fd_install(int fd, enum fd_kind kind, void *object);
void device_leave(struct device *dev);

/* memory.c */
struct bo *bo_new(struct device *dev, enum bo_kind kind, uint64_t size);
void bo_put(struct bo *bo);
/* Takes the reference over */
long handle_new(struct file *file, struct bo *bo, uint32_t *handle);
long bo_ioctl(struct file *file, unsigned int nr, void *arg);
long prime_ioctl(struct file *file, unsigned int nr, void *arg);
void *bo_mmap(struct file *file, void *addr, size_t size, int prot, int flags, off_t offset);

/* vm.c */
long vm_ioctl(struct file *file, unsigned int nr, void *arg);
void vm_free(struct file *file, struct vm *vm);
/* Memory at a VA if size bytes there allow rights, else a cause of faults */
uint32_t vm_check(struct vm *vm, uint64_t va, uint64_t size, uint32_t rights, uint64_t *fault_va);
void vm_read(struct vm *vm, uint64_t va, void *buf, uint64_t size);
void vm_write(struct vm *vm, uint64_t va, const void *buf, uint64_t size);

/* segment.c */
#define NEAR_ONLY	(1U << 16)	/* with rights: not for BO_REMOTE */

/* Why the last access failed, for the fault record */
struct segment_failure {
	uint32_t status;
	uint32_t eid;
	uint32_t segment;
};

extern struct segment_failure segment_failure;

void segments_start(void);
long segment_ioctl(struct file *file, unsigned int nr, void *arg);
void segments_of_file_end(struct file *file);
void segments_reset(struct device *dev);
/* Tells the queue's file when its work failed with segment_failure */
void segments_tell(const struct queue *queue);
/* Whether an access to a BO_REMOTE works; gives a cause of faults */
uint32_t segment_check(const struct bo *bo, uint64_t offset, uint64_t size, uint32_t rights);
char *segment_memory(const struct bo *bo);

/* queue.c, execute.c */
long queue_ioctl(struct file *file, unsigned int nr, void *arg);
void queue_free(struct queue *queue);
void queue_lose(struct queue *queue, enum sfab_queue_state state);
/* Fills in what all events have; type and length stand in it */
void event_send(struct file *file, const union event *event);
void event_send_fault(struct file *file, uint32_t type, uint32_t queue_id,
		      const struct sfab_fault *fault);
/* Executes one command; gives a cause of faults.  May drop the lock (WAIT). */
uint32_t execute(struct queue *queue, const struct sfab_command *cmd, struct sfab_fault *fault);

/* sync.c */
struct fence *fence_new(void);
struct fence *fence_get(struct fence *fence);
void fence_put(struct fence *fence);
void fence_signal(struct fence *fence);
struct fence *syncobj_find(struct syncobj *sync, uint64_t point);
void syncobj_add(struct syncobj *sync, uint64_t point, struct fence *fence);
struct syncobj *syncobj_get(struct syncobj *sync);
void syncobj_put(struct syncobj *sync);
long syncobj_ioctl(struct file *file, unsigned int nr, void *arg);

/* ---- fabric.c ---- */

/* The table of ports, which has room for two; returns how many there are */
unsigned int fabric_ports(const struct device *dev, struct sfab_query_port *ports);
/* false: the device is in no fabric */
bool fabric_info(const struct device *dev, struct sfab_query_fabric *info);
long fabric_ioctl(struct file *file, unsigned int nr, void *arg);

/* ---- link.c ---- */

#define FAKE_LINKS	2		/* of a device with SFAB_CAP_FABRIC */

void links_start(unsigned int devices);
/* With flags of open(); gives a descriptor, or -1 and errno, as the next */
int link_file_open(unsigned int index, int flags);
ssize_t link_file_read(void *file, char *buf, size_t size);
void link_file_close(void *file);
/* The device went: its links are readable for ever */
void link_files_hang_up(unsigned int device);
long link_file_ioctl(void *file, unsigned long request, void *arg);

#endif /* FAKE_KERNEL_H */
