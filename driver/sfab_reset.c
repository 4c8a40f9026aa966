// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hardware as a whole: bring-up, reset, shutdown
 *
 * A reset has two halves, with a bus reset between them in some cases.
 * sfab_reset_begin() brings the hardware to rest and fails all work;
 * sfab_reset_finish() brings it up again.  Between them, and for good if the
 * second one fails, the device is offline: sfab_hw_get() gives -ENODEV.
 */
#include <linux/bitfield.h>
#include <linux/dma-fence.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/unaligned.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "sfab_queue.h"
#include "sfab_trace.h"

#define SFAB_RESET_POLL_US	50

/**
 * sfab_hw_get - keep the hardware from going away
 * @sdev: device
 * @idx: for sfab_hw_put()
 *
 * Return: 0, or -ENODEV if the device is being removed or is offline.
 */
int sfab_hw_get(struct sfab_device *sdev, int *idx)
{
	if (!drm_dev_enter(&sdev->drm, idx))
		return -ENODEV;

	down_read(&sdev->reset_lock);
	if (sdev->online)
		return 0;

	up_read(&sdev->reset_lock);
	drm_dev_exit(*idx);
	return -ENODEV;
}

/**
 * sfab_hw_put - the reverse of sfab_hw_get()
 * @sdev: device
 * @idx: from sfab_hw_get()
 */
void sfab_hw_put(struct sfab_device *sdev, int idx)
{
	up_read(&sdev->reset_lock);
	drm_dev_exit(idx);
}

/* All ones: there is nothing behind the bus (any more) */
static int sfab_hw_reset(struct sfab_device *sdev)
{
	u32 status;
	int ret;

	writel(SFAB_RESET_KEY, sdev->regs + SFAB_REG_RESET);
	ret = readl_poll_timeout(sdev->regs + SFAB_REG_STATUS, status,
				 (status & (SFAB_STATUS_READY | SFAB_STATUS_RESETTING)) ==
				 SFAB_STATUS_READY || status == ~0U,
				 SFAB_RESET_POLL_US, SFAB_RESET_TIMEOUT_US);
	if (sfab_should_fail(&sdev->fail_device_reset))
		ret = -ETIMEDOUT;
	if (!ret && status == ~0U)
		ret = -ENODEV;
	return ret;
}

static int sfab_hw_identify(struct sfab_device *sdev)
{
	void __iomem *regs = sdev->regs;
	__le64 uuid[2];

	sdev->caps = readq(regs + SFAB_REG_CAPS);
	sdev->hbm.size = readq(regs + SFAB_REG_HBM_SIZE);
	sdev->num_queues = readl(regs + SFAB_REG_NUM_QUEUES);
	sdev->num_vms = readl(regs + SFAB_REG_NUM_VMS);
	sdev->num_engines = readl(regs + SFAB_REG_NUM_ENGINES);
	sdev->num_vectors = readl(regs + SFAB_REG_NUM_VECTORS);
	sdev->serial = readq(regs + SFAB_REG_SERIAL);
	uuid[0] = cpu_to_le64(readq(regs + SFAB_REG_UUID_0));
	uuid[1] = cpu_to_le64(readq(regs + SFAB_REG_UUID_1));
	import_uuid(&sdev->uuid, (const u8 *)uuid);

	if (!in_range(sdev->num_queues, 1, SFAB_NUM_QUEUES_MAX) ||
	    !in_range(sdev->num_vms, 1, SFAB_NUM_VMS_MAX) ||
	    !in_range(sdev->num_engines, 1, SFAB_NUM_ENGINES_MAX) ||
	    !sdev->num_vectors || !sdev->hbm.size || !IS_ALIGNED(sdev->hbm.size, SZ_2M) ||
	    readl(regs + SFAB_REG_VA_BITS) != SFAB_VA_BITS ||
	    readl(regs + SFAB_REG_MAX_RING_LOG2) < SFAB_RING_LOG2) {
		drm_err(&sdev->drm,
			"%u queues, %u VMs, %u engines, %u vectors, %llu bytes of HBM: not a valid device\n",
			sdev->num_queues, sdev->num_vms, sdev->num_engines, sdev->num_vectors,
			sdev->hbm.size);
		return -ENODEV;
	}
	return 0;
}

/**
 * sfab_hw_init - reset and identify
 * @sdev: device with its registers mapped
 *
 * Return: 0 or a negative errno.
 */
int sfab_hw_init(struct sfab_device *sdev)
{
	u32 magic = readl(sdev->regs + SFAB_REG_MAGIC);
	int ret;

	sdev->hw_version = readl(sdev->regs + SFAB_REG_VERSION);
	if (magic != SFAB_MAGIC || FIELD_GET(SFAB_VERSION_MAJOR, sdev->hw_version) != 1) {
		drm_err(&sdev->drm, "magic %08x, version %08x: not a device of version 1\n",
			magic, sdev->hw_version);
		return -ENODEV;
	}

	ret = sfab_hw_reset(sdev);
	if (ret) {
		drm_err(&sdev->drm, "the device does not come out of reset: %d\n", ret);
		return ret;
	}
	return sfab_hw_identify(sdev);
}

/**
 * sfab_hw_start - let the device work and interrupt
 * @sdev: device after a reset
 */
void sfab_hw_start(struct sfab_device *sdev)
{
	u32 enable = SFAB_INT_QUEUE | SFAB_INT_FAULT;

	/* Invalidations are polled for, resets raise no interrupt */
	if (sdev->fabric)
		enable |= SFAB_INT_PORT | SFAB_INT_MGMT;
	writel(enable, sdev->regs + SFAB_REG_INT_ENABLE);
	writel(SFAB_CTRL_ENABLE, sdev->regs + SFAB_REG_CTRL);
}

/**
 * sfab_hw_fini - stop the device
 * @sdev: device
 *
 * On return the device does no DMA: it has drained, it is not there, or it may
 * not master the bus any more.
 *
 * Return: 0, -ETIMEDOUT if it did not drain, or -ENODEV if it is not there.
 */
int sfab_hw_fini(struct sfab_device *sdev)
{
	int ret = sfab_hw_reset(sdev);

	if (ret)
		pci_clear_master(sdev->pdev);
	return ret;
}

static void sfab_reset_close_queues(struct sfab_device *sdev, int error)
{
	struct sfab_queue *queue;
	u32 id;

	for (id = 0; id < sdev->num_queues; id++) {
		queue = sfab_queue_lookup(&sdev->queues, id);
		if (!queue)
			continue;
		sfab_ring_close(queue, SFAB_QUEUE_LOST, error);
		sfab_queue_put(queue);
	}
}

static void sfab_reset_settle_queues(struct sfab_device *sdev)
{
	struct sfab_queue *queue;
	u32 id;

	for (id = 0; id < sdev->num_queues; id++) {
		queue = sfab_queue_lookup(&sdev->queues, id);
		if (!queue)
			continue;
		mutex_lock(&queue->lock);
		queue->hw_live = false;
		mutex_unlock(&queue->lock);
		sfab_ring_settle(queue);
		sfab_queue_put(queue);
	}
}

static void sfab_reset_restart_queues(struct sfab_device *sdev)
{
	struct sfab_queue *queue;
	u32 id;

	for (id = 0; id < sdev->num_queues; id++) {
		queue = sfab_queue_lookup(&sdev->queues, id);
		if (queue && queue->kernel)
			sfab_ring_start(queue);
		sfab_queue_put(queue);
	}
}

/**
 * sfab_reset_begin - bring the hardware to rest and fail all work
 * @sdev: device; may be offline already
 * @error: what unfinished work gets; -ENODEV on removal
 *
 * On return the device does no DMA and is offline.
 */
void sfab_reset_begin(struct sfab_device *sdev, int error)
{
	const struct sfab_event event = {
		.base.type = SFAB_EVENT_DEVICE_RESET,
		.base.length = sizeof(event),
	};
	bool cookie;

	cookie = dma_fence_begin_signalling();
	down_write(&sdev->reset_lock);
	sdev->online = false;
	sfab_reset_close_queues(sdev, error);
	sfab_dump_take(sdev);
	if (sfab_hw_fini(sdev) == -ETIMEDOUT)
		drm_err(&sdev->drm, "the device does not drain\n");
	/* Who sees the error of some work finds the event */
	if (error != -ENODEV)
		sfab_event_broadcast(sdev, &event.base, 0);
	sfab_fabric_reset_begin(sdev, error);
	sfab_reset_settle_queues(sdev);
	up_write(&sdev->reset_lock);
	dma_fence_end_signalling(cookie);
}

/**
 * sfab_reset_finish - bring the hardware up again
 * @sdev: device, offline
 *
 * Address spaces are as before.  Queues of clients stay stopped; the kernel's
 * own work again.  Of two that want to finish, the second one has nothing to do.
 *
 * Return: 0, or a negative errno: then the device stays offline.
 */
int sfab_reset_finish(struct sfab_device *sdev)
{
	bool cookie;
	int ret;

	cookie = dma_fence_begin_signalling();
	down_write(&sdev->reset_lock);
	ret = 0;
	if (sdev->online)
		goto unlock;
	ret = sfab_hw_reset(sdev);
	if (ret) {
		drm_err(&sdev->drm, "the device does not come out of reset: %d\n", ret);
		goto unlock;
	}
	pci_set_master(sdev->pdev);
	sfab_hw_start(sdev);
	sfab_vm_restore_all(sdev);
	sfab_fabric_reset_finish(sdev);
	sfab_reset_restart_queues(sdev);
	sdev->online = true;
unlock:
	up_write(&sdev->reset_lock);
	dma_fence_end_signalling(cookie);
	return ret;
}

/**
 * sfab_reset_worker - sfab_device.reset_work
 * @work: work
 */
void sfab_reset_worker(struct work_struct *work)
{
	struct sfab_device *sdev = container_of(work, struct sfab_device, reset_work);
	int idx;

	if (!drm_dev_enter(&sdev->drm, &idx))
		return;
	drm_warn(&sdev->drm, "device reset: %s\n", READ_ONCE(sdev->reset_reason));
	trace_sfab_reset(sdev, READ_ONCE(sdev->reset_reason));
	sfab_reset_begin(sdev, -EIO);
	sfab_reset_finish(sdev);
	drm_dev_exit(idx);
}

/**
 * sfab_reset_schedule - reset the device soon
 * @sdev: device
 * @reason: for the log; a string constant
 *
 * From any context.  flush_work() on sfab_device.reset_work waits for it.
 */
void sfab_reset_schedule(struct sfab_device *sdev, const char *reason)
{
	WRITE_ONCE(sdev->reset_reason, reason);
	queue_work(sdev->reset_wq, &sdev->reset_work);
}
