/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device and the open file, and what the parts of the driver offer each
 * other.  One section for each source file, in the order of the layers.
 *
 * Lock order, outermost first:
 *   sfab_peers_lock > dma_resv > sfab_kctx.lock, sfab_fabric.segment_lock >
 *   sfab_vm.lock > sfab_queue.submit_lock, sfab_fabric.config_lock,
 *   sfab_mgmt_box.tx_lock and listen_lock >
 *   drm_dev_enter() > sfab_device.reset_lock (both by sfab_hw_get()) >
 *   sfab_queue.lock > sfab_hbm.lock, sfab_device.bos_lock,
 *   sfab_fabric.ports_lock > sfab_link.check_lock (leaves)
 * and the spinlocks
 *   sfab_queue.ring_lock; sfab_mgmt_box.waiters_lock; sfab_link.events_lock;
 *   sfab_device.files_lock, xa_lock of sfab_fabric.exports > sfab_file.event_lock
 * sfab_device.reset_lock, sfab_fabric.ports_lock, sfab_link.check_lock, sfab_vm.lock and both
 * locks of sfab_queue are taken while a dma_fence is to be signalled: nothing may be allocated
 * with GFP_KERNEL under them.
 */
#ifndef _SFAB_DEVICE_H_
#define _SFAB_DEVICE_H_

#include <linux/completion.h>
#include <linux/fault-inject.h>
#include <linux/pci.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/gpu_scheduler.h>
#include <drm/sfab_accel.h>

#include "sfab_compat.h"

struct sfab_bo;
struct sfab_fabric;
struct sfab_queue;
struct sfab_vm;

/**
 * struct sfab_hbm - allocator of the device's HBM
 */
struct sfab_hbm {
	/** @lock: protects @mm and @used */
	struct mutex lock;
	/** @mm: offsets from 0, in bytes; smallest block 4 KiB */
	struct drm_buddy mm;
	/** @bar: CPU mapping of BAR 2, write-combined */
	void __iomem *bar;
	/** @bar_phys: CPU physical address of BAR 2 */
	resource_size_t bar_phys;
	/** @size: bytes of HBM */
	u64 size;
	/** @used: bytes allocated */
	u64 used;
};

/**
 * struct sfab_kctx - the kernel's own VM and queue: clears HBM, tests peers
 */
struct sfab_kctx {
	/** @lock: one user at a time */
	struct mutex lock;
	/** @vm: maps all of HBM at VA 0, and a window for what is tested */
	struct sfab_vm *vm;
	/** @queue: kernel queue in @vm */
	struct sfab_queue *queue;
};

/**
 * struct sfab_device - one accelerator
 */
struct sfab_device {
	/** @drm: the DRM device; embedded, devm_drm_dev_alloc() */
	struct drm_device drm;
	/** @pdev: PCI function */
	struct pci_dev *pdev;
	/** @regs: BAR 0 */
	void __iomem *regs;

	/** @hw_version: VERSION */
	u32 hw_version;
	/** @num_queues: NUM_QUEUES */
	u32 num_queues;
	/** @num_vms: NUM_VMS */
	u32 num_vms;
	/** @num_engines: NUM_ENGINES */
	u32 num_engines;
	/** @num_vectors: MSI-X vectors that the system granted */
	u32 num_vectors;
	/** @caps: CAPS */
	u64 caps;
	/** @serial: SERIAL */
	u64 serial;
	/** @uuid: UUID */
	uuid_t uuid;

	/** @hbm: see sfab_hbm.c */
	struct sfab_hbm hbm;
	/** @kctx: see sfab_kctx.c */
	struct sfab_kctx kctx;
	/** @fabric: see sfab_fabric.h; NULL if the device has no ports */
	struct sfab_fabric *fabric;

	/** @vms: VMs by hardware id; XA_FLAGS_ALLOC */
	struct xarray vms;
	/** @queues: queues by hardware id; XA_FLAGS_ALLOC */
	struct xarray queues;

	/** @bos_lock: protects @bos */
	struct mutex bos_lock;
	/** @bos: all BOs, so that removal can end their DMA mappings */
	struct list_head bos;
	/** @system_bytes: memory of system BOs */
	atomic64_t system_bytes;
	/** @registered_bytes: memory pinned by MEM_REGISTER */
	atomic64_t registered_bytes;

	/** @reset_wq: device resets and job timeouts, one after the other */
	struct workqueue_struct *reset_wq;
	/** @reset_work: device reset, see sfab_reset.c */
	struct work_struct reset_work;
	/** @reset_by_bus: @reset_work is disabled, see sfab_bus_reset_begin() */
	bool reset_by_bus;
	/** @reset_reason: why @reset_work was scheduled; a string constant */
	const char *reset_reason;
	/** @reset_lock: held for reading by who needs the hardware, see sfab_hw_get() */
	struct rw_semaphore reset_lock;
	/** @online: the hardware works; protected by @reset_lock */
	bool online;
	/** @quiet: completed when the removed device can do no DMA any more */
	struct completion quiet;
	/** @job_timeouts: for QUERY */
	atomic64_t job_timeouts;

	/** @dump: see sfab_dump.c */
	struct sfab_dump *dump;
	/** @irqs: see sfab_irq.c, @num_vectors of them */
	struct sfab_irq *irqs;

	/** @files_lock: protects @files */
	spinlock_t files_lock;
	/** @files: open files, struct sfab_file.link */
	struct list_head files;

	/** @fail_doorbell: the doorbell is not rung: the job times out */
	struct fault_attr fail_doorbell;
	/** @fail_queue_reset: a queue does not drain: the device is reset */
	struct fault_attr fail_queue_reset;
	/** @fail_device_reset: the device does not come back from its reset */
	struct fault_attr fail_device_reset;
};

static inline struct sfab_device *to_sfab(struct drm_device *drm)
{
	return container_of(drm, struct sfab_device, drm);
}

/**
 * struct sfab_file - one open of the device
 */
struct sfab_file {
	/** @sdev: device */
	struct sfab_device *sdev;
	/** @drm_file: DRM's side of it */
	struct drm_file *drm_file;
	/** @link: in sfab_device.files */
	struct list_head link;
	/** @vms: struct sfab_vm by user's id; XA_FLAGS_ALLOC1 */
	struct xarray vms;
	/** @queues: struct sfab_queue by user's id; XA_FLAGS_ALLOC1 */
	struct xarray queues;
	/** @exports: struct sfab_export by user's id; XA_FLAGS_ALLOC1 */
	struct xarray exports;
	/** @events: SFAB_EVENTS_* that the file asked for */
	u32 events;
	/** @busy_ns: time that destroyed queues had work, for fdinfo */
	atomic64_t busy_ns;
	/** @read_lock: held by the one who reads events, also while waiting */
	struct mutex read_lock;
	/** @event_lock: protects what is below */
	spinlock_t event_lock;
	/** @closing: DRM has freed, or is about to free, unread events */
	bool closing;
	/** @event_sequence: events so far, dropped ones included */
	u64 event_sequence;
	/** @events_dropped: events that found no room */
	u64 events_dropped;
};

/* How many there are, those only reserved not counted */
static inline u32 sfab_xa_count(struct xarray *xa)
{
	unsigned long index;
	u32 count = 0;
	void *entry;

	xa_for_each(xa, index, entry)
		count++;
	return count;
}

/* Limits that QUERY tells */
#define SFAB_MAX_COMMANDS	256
#define SFAB_MAX_BINDS		1024
#define SFAB_MAX_SYNCS		64

/* sfab_uarray.c: arrays of {pointer, count, stride} from and to user space */
void *sfab_uarray_copy(u64 uptr, u32 count, u32 stride, size_t size,
		       size_t first_size, u32 max);
int sfab_uarray_store(u64 uptr, u32 stride, const void *array, u32 count,
		      size_t size, size_t first_size);

/* sfab_sync.c: in and out syncs, for VM_BIND and QUEUE_SUBMIT alike */
struct sfab_syncs;
struct sfab_syncs *sfab_syncs_get(struct drm_file *file, u64 uptr, u32 count,
				  u32 stride);
int sfab_syncs_add_deps(struct sfab_syncs *syncs, struct drm_sched_job *job);
long sfab_syncs_wait(const struct sfab_syncs *syncs, long timeout);
void sfab_syncs_signal(struct sfab_syncs *syncs, struct dma_fence *fence);
bool sfab_syncs_empty(const struct sfab_syncs *syncs);
void sfab_syncs_put(struct sfab_syncs *syncs);

/* sfab_hbm.c: HBM allocator */
int sfab_hbm_init(struct sfab_device *sdev);
int sfab_hbm_alloc(struct sfab_device *sdev, u64 size, struct list_head *blocks);
void sfab_hbm_free(struct sfab_device *sdev, struct list_head *blocks);

/* sfab_bo.c, sfab_register.c: buffer objects */
struct drm_gem_object *sfab_gem_prime_import(struct drm_device *drm,
					     struct dma_buf *dmabuf);
int sfab_bo_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_bo_mmap_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_bo_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_mem_register_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
void sfab_bo_release_all(struct sfab_device *sdev);

/* sfab_vm.c: address spaces */
int sfab_vm_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_vm_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_vm_bind_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
struct sfab_vm *sfab_vm_lookup(struct sfab_file *sfile, u32 vm_id);
struct sfab_vm *sfab_vm_get(struct sfab_vm *vm);
void sfab_vm_put(struct sfab_vm *vm);
int sfab_vm_use(struct sfab_vm *vm);
void sfab_vm_unuse(struct sfab_vm *vm);
u32 sfab_vm_hw_id(const struct sfab_vm *vm);
bool sfab_vm_long_running(const struct sfab_vm *vm);
void sfab_vm_file_close(struct sfab_file *sfile);
void sfab_vm_restore_all(struct sfab_device *sdev);

/* sfab_kctx.c: the kernel's own VM and queue */
int sfab_kctx_init(struct sfab_device *sdev);
void sfab_kctx_fini(struct sfab_device *sdev);
int sfab_kctx_clear(struct sfab_device *sdev, struct list_head *blocks);

#ifdef CONFIG_FAULT_INJECTION
/*
 * Fail where debugfs asked for it.  A task's fail-nth counts whatever asks
 * should_fail(), and is meant for what may run short: not for the hardware.
 */
static inline bool sfab_should_fail(struct fault_attr *attr)
{
	return attr->probability && atomic_read(&attr->times) && should_fail(attr, 1);
}
#else
static inline bool sfab_should_fail(struct fault_attr *attr)
{
	return false;
}
#endif

/* sfab_peer.c: which devices reach each other by DMA */
int sfab_peer_path(struct sfab_device *from, struct sfab_device *to);
void sfab_peer_forget(struct sfab_device *sdev);	/* removal */

/* sfab_queue.c, sfab_job.c: queues and their work */
int sfab_queue_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_queue_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_queue_submit_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_queue_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
void sfab_queue_file_close(struct sfab_file *sfile);	/* no DMA on its behalf after it */
u64 sfab_queue_busy_ns(struct sfab_file *sfile);
void sfab_queue_raise_timeouts(struct sfab_device *sdev);
void sfab_queue_release_all(struct sfab_device *sdev);	/* rings of a removed device */
/* A queue of the kernel: no file, no scheduler, no events */
struct sfab_queue *sfab_queue_create_kernel(struct sfab_device *sdev, struct sfab_vm *vm);
void sfab_queue_destroy_kernel(struct sfab_queue *queue);
/* -ETIMEDOUT or -EIO (fault): the queue was reset and works again */
int sfab_queue_run(struct sfab_queue *queue, const struct sfab_command *cmds,
		   u32 count, unsigned int timeout_ms);

/* sfab_fabric.c and its like, see sfab_fabric.h: nothing happens without ports */
int sfab_fabric_init(struct sfab_device *sdev);		/* see what there is */
int sfab_fabric_start(struct sfab_device *sdev);
void sfab_fabric_stop(struct sfab_device *sdev);
void sfab_fabric_reset_begin(struct sfab_device *sdev, int error);
void sfab_fabric_reset_finish(struct sfab_device *sdev);
void sfab_fabric_interrupt(struct sfab_device *sdev);
unsigned int sfab_fabric_job_timeout_ms(struct sfab_device *sdev, unsigned int limit_ms);
int sfab_fabric_query(struct sfab_fabric *fabric, struct sfab_query_fabric *answer);
int sfab_port_query(struct sfab_fabric *fabric, struct sfab_query_port *answer);
int sfab_segment_export_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_segment_rotate_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_segment_revoke_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_segment_import_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_fabric_config_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_port_config_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_route_set_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_route_get_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int sfab_mgmt_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
void sfab_segment_file_close(struct sfab_file *sfile);	/* no access of others after it */
extern const struct attribute_group sfab_fabric_group;

/* sfab_link.c, sfab_link_event.c: the ports as devices, see sfab_link.h */
int sfab_link_init(void);				/* of the module */
void sfab_link_exit(void);
int sfab_links_register(struct sfab_device *sdev);
void sfab_links_unregister(struct sfab_device *sdev);	/* also of some of them */
int sfab_links_look(struct sfab_device *sdev);		/* and tell what has changed */

/* sfab_reset.c: the hardware as a whole */
int sfab_hw_init(struct sfab_device *sdev);		/* reset and identify */
void sfab_hw_start(struct sfab_device *sdev);		/* enable; interrupts are set up */
int sfab_hw_fini(struct sfab_device *sdev);		/* stop and drain: no DMA after it */
/*
 * The hardware is there, works and is not reset until sfab_hw_put(); -ENODEV if
 * it is gone or does not answer.  Around every access to registers or HBM that
 * relies on its effect.
 */
int sfab_hw_get(struct sfab_device *sdev, int *idx);
void sfab_hw_put(struct sfab_device *sdev, int idx);
void sfab_reset_schedule(struct sfab_device *sdev, const char *reason);
void sfab_reset_begin(struct sfab_device *sdev, int error);	/* stop, drain, fail all work */
int sfab_reset_finish(struct sfab_device *sdev);		/* and go on */
void sfab_reset_worker(struct work_struct *work);

/* sfab_drv.c */
extern struct workqueue_struct *sfab_wq;		/* work that ends before the module goes */
unsigned int sfab_job_timeout_ms(void);			/* for queues made from now on */

/* sfab_dump.c: the registers, as found before a device reset, for devcoredump */
int sfab_dump_init(struct sfab_device *sdev);
void sfab_dump_take(struct sfab_device *sdev);

/* sfab_event.c: events on the device file */
void sfab_event_send(struct sfab_file *sfile, const struct drm_event *event);
void sfab_event_broadcast(struct sfab_device *sdev, const struct drm_event *event, u32 asked);
void sfab_event_wake_all(struct sfab_device *sdev);
ssize_t sfab_read(struct file *filp, char __user *buf, size_t count, loff_t *offset);
__poll_t sfab_poll(struct file *filp, struct poll_table_struct *wait);

int sfab_events_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
void sfab_event_file_close(struct sfab_file *sfile);

/* sfab_query.c */
int sfab_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

/* sfab_irq.c */
int sfab_irq_init(struct sfab_device *sdev);
u32 sfab_irq_vector(const struct sfab_device *sdev, u32 queue_hw_id);

/* sfab_debugfs.c: counts of what lives, for tests and for the curious */
#ifdef CONFIG_DEBUG_FS
void sfab_debugfs_init(struct sfab_device *sdev);
#else
static inline void sfab_debugfs_init(struct sfab_device *sdev) {}
#endif

#endif /* _SFAB_DEVICE_H_ */
