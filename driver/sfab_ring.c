// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring of a queue: start it, fill it, see what has completed, stop it
 *
 * The life of a queue in the hardware: sfab_ring_start(); submissions by
 * sfab_ring_write() until somebody closes the ring (a fault, a timeout, its
 * owner, a device reset, removal); then the hardware is brought to leave the
 * queue; only then is the rest settled, that is, fences and waiters get the
 * error: whoever sees the error may reuse the memory.
 */
#include <linux/bitfield.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/iopoll.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "sfab_fabric.h"
#include "sfab_fence.h"
#include "sfab_queue.h"
#include "sfab_trace.h"

#define SFAB_RESET_POLL_US	50

static void __iomem *sfab_queue_reg(struct sfab_queue *queue, u32 reg)
{
	return queue->sdev->regs + SFAB_Q_BLOCK(queue->hw_id) + reg;
}

/**
 * sfab_ring_alloc - allocate ring and timeline
 * @queue: queue, not started
 *
 * Return: 0 or a negative errno.
 */
int sfab_ring_alloc(struct sfab_queue *queue)
{
	struct device *dev = queue->sdev->drm.dev;

	BUILD_BUG_ON(sizeof(*queue->ring) != 64);
	BUILD_BUG_ON(SFAB_RING_ROOM < SFAB_MAX_COMMANDS);

	queue->ring = dma_alloc_coherent(dev, SFAB_RING_ENTRIES * sizeof(*queue->ring),
					 &queue->ring_dma, GFP_KERNEL);
	if (!queue->ring)
		return -ENOMEM;

	queue->timeline = dma_alloc_coherent(dev, sizeof(*queue->timeline),
					     &queue->timeline_dma, GFP_KERNEL);
	if (!queue->timeline) {
		sfab_ring_free(queue);
		return -ENOMEM;
	}
	return 0;
}

/**
 * sfab_ring_free - free ring and timeline, for good
 * @queue: queue; the hardware has left it.  May be called again.
 *
 * On return they are free, whoever does it: the removal of the device relies on that.
 */
void sfab_ring_free(struct sfab_queue *queue)
{
	struct device *dev = queue->sdev->drm.dev;
	struct sfab_ring_entry *ring;
	unsigned long flags;
	__le64 *timeline;

	mutex_lock(&queue->lock);
	spin_lock_irqsave(&queue->ring_lock, flags);
	ring = queue->ring;
	timeline = queue->timeline;
	queue->ring = NULL;
	queue->timeline = NULL;
	spin_unlock_irqrestore(&queue->ring_lock, flags);

	if (ring)
		dma_free_coherent(dev, SFAB_RING_ENTRIES * sizeof(*ring), ring, queue->ring_dma);
	if (timeline)
		dma_free_coherent(dev, sizeof(*timeline), timeline, queue->timeline_dma);
	mutex_unlock(&queue->lock);
}

/**
 * sfab_ring_start - let the hardware serve a queue that is not in it
 * @queue: queue with an allocated ring; between sfab_hw_get() and put
 *
 * Work that was submitted before and has not completed is forgotten.
 *
 * Return: 0 or a negative errno.
 */
int sfab_ring_start(struct sfab_queue *queue)
{
	struct sfab_device *sdev = queue->sdev;
	unsigned long flags;
	int ret = 0;

	lockdep_assert_held(&sdev->reset_lock);

	mutex_lock(&queue->lock);
	/* A device reset has restarted a kernel queue before its user could */
	if (queue->hw_live)
		goto unlock;

	spin_lock_irqsave(&queue->ring_lock, flags);
	queue->tail = 0;
	queue->written = queue->submitted;
	queue->completed = queue->submitted;
	queue->armed = 0;
	WRITE_ONCE(*queue->timeline, cpu_to_le64(queue->completed));
	spin_unlock_irqrestore(&queue->ring_lock, flags);

	writeq(queue->ring_dma, sfab_queue_reg(queue, SFAB_Q_BASE));
	writeq(queue->timeline_dma, sfab_queue_reg(queue, SFAB_Q_TIMELINE));
	writel(SFAB_RING_LOG2, sfab_queue_reg(queue, SFAB_Q_SIZE));
	writel(queue->vm_hw_id, sfab_queue_reg(queue, SFAB_Q_VM));
	writel(sfab_irq_vector(sdev, queue->hw_id), sfab_queue_reg(queue, SFAB_Q_VECTOR));
	if (sdev->caps & SFAB_CAP_POLICY)
		writel(queue->policy, sfab_queue_reg(queue, SFAB_Q_POLICY));
	writel(SFAB_Q_CTRL_ENABLE, sfab_queue_reg(queue, SFAB_Q_CTRL));
	if (!(readl(sfab_queue_reg(queue, SFAB_Q_CTRL)) & SFAB_Q_CTRL_ENABLE)) {
		drm_err(&sdev->drm, "queue %u: the device refused its configuration\n",
			queue->hw_id);
		ret = -EIO;
		goto unlock;
	}
	queue->hw_live = true;

	spin_lock_irqsave(&queue->ring_lock, flags);
	queue->state = SFAB_QUEUE_OK;
	queue->error = 0;
	queue->epoch++;
	wake_up_all(&queue->wait);
	spin_unlock_irqrestore(&queue->ring_lock, flags);
unlock:
	mutex_unlock(&queue->lock);
	return ret;
}

static u32 sfab_ring_used(struct sfab_queue *queue)
{
	if (queue->completed == queue->written)
		return 0;
	return queue->tail - queue->spans[(queue->completed + 1) % SFAB_RING_SPANS].start;
}

static void sfab_ring_put_command(struct sfab_queue *queue, const struct sfab_command *cmd,
				  u8 flags, u64 timeline)
{
	BUILD_BUG_ON(SFAB_COMMAND_NOTIFY != SFAB_CMD_FLAG_NOTIFY);
	queue->ring[queue->tail++ % SFAB_RING_ENTRIES] = (struct sfab_ring_entry) {
		.opcode = cmd->opcode,
		.flags = flags,
		.dtype = cmd->dtype,
		.op = cmd->op,
		.dst = cpu_to_le64(cmd->dst),
		.src = cpu_to_le64(cmd->src),
		.len = cpu_to_le64(cmd->len),
		.arg[0] = cpu_to_le64(cmd->arg0),
		.arg[1] = cpu_to_le64(cmd->arg1),
		.arg[2] = cpu_to_le64(cmd->arg2),
		.timeline = cpu_to_le64(timeline),
	};
}

static void sfab_ring_doorbell(struct sfab_queue *queue)
{
	struct sfab_device *sdev = queue->sdev;

	if (sfab_should_fail(&sdev->fail_doorbell))
		return;

	/* The commands must be in memory before the device is told to read them */
	wmb();
	/*
	 * No drm_dev_enter(): the BAR stays mapped until the driver is unbound,
	 * and before that every ring is closed under ring_lock.
	 */
	writel(queue->tail, sdev->regs + SFAB_DOORBELL(queue->hw_id) + SFAB_DOORBELL_TAIL);
}

/**
 * sfab_ring_write - give commands to the hardware
 * @queue: queue; ring_lock held
 * @seqno: number of the submission, above all written before
 * @cmds: checked commands
 * @count: how many, 1 to SFAB_RING_ROOM
 *
 * Return: the queue's error if the ring is closed, -EAGAIN if it is full.
 */
int sfab_ring_write(struct sfab_queue *queue, u64 seqno,
		    const struct sfab_command *cmds, u32 count)
{
	/* Who waits for a long-running queue asks for the interrupt: most look at memory */
	const u8 last = SFAB_CMD_FLAG_COMPLETE | (queue->quiet ? 0 : SFAB_CMD_FLAG_IRQ);
	struct sfab_span *span = &queue->spans[seqno % SFAB_RING_SPANS];
	u32 i;

	lockdep_assert_held(&queue->ring_lock);

	if (queue->error)
		return queue->error;
	if (count > SFAB_RING_ROOM - sfab_ring_used(queue))
		return -EAGAIN;

	if (queue->completed == queue->written)
		queue->busy_since = ktime_get();

	span->start = queue->tail;
	for (i = 0; i < count - 1; i++)
		sfab_ring_put_command(queue, &cmds[i], cmds[i].flags, 0);
	sfab_ring_put_command(queue, &cmds[i], cmds[i].flags | last, seqno);
	span->end = queue->tail;
	queue->written = seqno;

	trace_sfab_submit(queue, seqno, count);
	sfab_ring_doorbell(queue);
	return 0;
}

static void sfab_ring_account_busy(struct sfab_queue *queue)
{
	queue->busy_ns += ktime_to_ns(ktime_sub(ktime_get(), queue->busy_since));
}

static void sfab_ring_process_locked(struct sfab_queue *queue)
{
	struct sfab_fence *fence, *next;
	u64 value;

	lockdep_assert_held(&queue->ring_lock);

	if (!queue->timeline)
		return;

	value = le64_to_cpu(READ_ONCE(*queue->timeline));
	if (value <= queue->completed || value > queue->written)
		return;
	/* What the commands stored is seen by whoever sees the value */
	dma_rmb();

	trace_sfab_complete(queue, value);
	queue->completed = value;
	/* The device does the same, and tells it now or has */
	if (value >= queue->armed)
		queue->armed = 0;
	if (queue->completed == queue->written)
		sfab_ring_account_busy(queue);

	list_for_each_entry_safe(fence, next, &queue->fences, link) {
		if (fence->base.seqno > value)
			break;
		list_del_init(&fence->link);
		dma_fence_signal(&fence->base);
		dma_fence_put(&fence->base);
	}
	wake_up_all(&queue->wait);
}

/**
 * sfab_ring_arm - have an interrupt when a submission has completed, if it was not seen to have
 * @queue: queue; ring_lock held
 * @seqno: submission
 *
 * To be called by who is about to sleep, each time: an interrupt for an older one may come first.
 * If it has completed meanwhile the device interrupts at once.
 */
void sfab_ring_arm(struct sfab_queue *queue, u64 seqno)
{
	lockdep_assert_held(&queue->ring_lock);

	if (!queue->quiet || queue->error || seqno <= queue->completed)
		return;
	if (queue->armed && queue->armed <= seqno)
		return;
	queue->armed = seqno;
	/* As in sfab_ring_doorbell() */
	writeq(seqno, queue->sdev->regs + SFAB_DOORBELL(queue->hw_id) + SFAB_DOORBELL_ARM);
}

/**
 * sfab_ring_process - look what has completed, tell whoever waits
 * @queue: queue; from any context
 */
void sfab_ring_process(struct sfab_queue *queue)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->ring_lock, flags);
	sfab_ring_process_locked(queue);
	spin_unlock_irqrestore(&queue->ring_lock, flags);
}

/**
 * sfab_ring_close - write no more work to the ring
 * @queue: queue
 * @state: why
 * @error: what later submissions and unfinished work get
 *
 * Return: false if it was closed before.
 */
bool sfab_ring_close(struct sfab_queue *queue, enum sfab_queue_state state, int error)
{
	unsigned long flags;
	bool first;

	spin_lock_irqsave(&queue->ring_lock, flags);
	first = !queue->error;
	if (first) {
		queue->state = state;
		queue->error = error;
	}
	spin_unlock_irqrestore(&queue->ring_lock, flags);
	return first;
}

/**
 * sfab_ring_settle - tell everybody what became of their work
 * @queue: queue, closed, and the hardware has left it
 */
void sfab_ring_settle(struct sfab_queue *queue)
{
	struct sfab_fence *fence, *next;
	unsigned long flags;

	spin_lock_irqsave(&queue->ring_lock, flags);
	sfab_ring_process_locked(queue);
	if (queue->completed != queue->written) {
		sfab_ring_account_busy(queue);
		queue->written = queue->completed;
	}

	list_for_each_entry_safe(fence, next, &queue->fences, link) {
		list_del_init(&fence->link);
		dma_fence_set_error(&fence->base, queue->error);
		dma_fence_signal(&fence->base);
		dma_fence_put(&fence->base);
	}
	wake_up_all(&queue->wait);
	spin_unlock_irqrestore(&queue->ring_lock, flags);
}

/*
 * Makes the hardware leave the queue.  -ETIMEDOUT if it does not: then only a
 * device reset helps.  All ones: the device has been pulled out.
 */
static int sfab_ring_quiesce(struct sfab_queue *queue)
{
	u32 status;
	int ret;

	lockdep_assert_held(&queue->sdev->reset_lock);
	lockdep_assert_held(&queue->lock);

	if (!queue->hw_live)
		return 0;

	writel(SFAB_Q_CTRL_RESET, sfab_queue_reg(queue, SFAB_Q_CTRL));
	ret = readl_poll_timeout(sfab_queue_reg(queue, SFAB_Q_STATUS), status,
				 !(status & SFAB_Q_STATUS_BUSY) || status == ~0U,
				 SFAB_RESET_POLL_US, SFAB_RESET_TIMEOUT_US);
	if (sfab_should_fail(&queue->sdev->fail_queue_reset))
		ret = -ETIMEDOUT;
	if (!ret)
		queue->hw_live = false;
	return ret;
}

static void sfab_ring_tell_timeout(struct sfab_queue *queue)
{
	const struct sfab_event event = {
		.base.type = SFAB_EVENT_QUEUE_TIMEOUT,
		.base.length = sizeof(event),
		.queue_id = queue->id,
	};

	sfab_event_send(queue->sfile, &event.base);
}

/* @first: nobody has closed it before; between sfab_hw_get() and put */
static int sfab_ring_leave(struct sfab_queue *queue, bool first)
{
	int ret;

	mutex_lock(&queue->lock);
	ret = sfab_ring_quiesce(queue);
	if (first && queue->state == SFAB_QUEUE_TIMEDOUT && queue->sfile)
		sfab_ring_tell_timeout(queue);
	mutex_unlock(&queue->lock);
	return ret;
}

/**
 * sfab_ring_stop - end all work of a queue
 * @queue: queue
 * @state: why
 * @error: for the unfinished work
 *
 * Sleeps for a second at most, or until the removal of the device is through with the
 * hardware: never call it between drm_dev_enter() and exit.
 *
 * Return: 0 when the hardware has left the queue and everything is settled.
 * -ETIMEDOUT: a device reset, which is on its way, will bring both about.
 */
int sfab_ring_stop(struct sfab_queue *queue, enum sfab_queue_state state, int error)
{
	struct sfab_device *sdev = queue->sdev;
	bool first = sfab_ring_close(queue, state, error);
	int ret = 0, idx;

	if (!sfab_hw_get(sdev, &idx)) {
		ret = sfab_ring_leave(queue, first);
		sfab_hw_put(sdev, idx);
	} else if (drm_dev_is_unplugged(&sdev->drm)) {
		/* Removal resets the hardware; the memory is in use until then */
		wait_for_completion(&sdev->quiet);
	}
	if (ret) {
		sfab_reset_schedule(sdev, "a queue does not stop");
		return ret;
	}
	sfab_ring_settle(queue);
	return 0;
}

/**
 * sfab_ring_restart - let a kernel queue that has halted, or does not answer, work again
 * @queue: queue
 *
 * The caller may have entered the device.  Once it is removed or offline there is nothing to
 * do here: who did that settles all queues.  If it does not start the next command fails, and
 * it is tried again.
 */
void sfab_ring_restart(struct sfab_queue *queue)
{
	struct sfab_device *sdev = queue->sdev;
	int idx;

	if (sfab_hw_get(sdev, &idx))
		return;
	if (!sfab_ring_leave(queue, sfab_ring_close(queue, SFAB_QUEUE_TIMEDOUT, -EIO))) {
		sfab_ring_settle(queue);
		sfab_ring_start(queue);
	} else {
		sfab_reset_schedule(sdev, "a queue of the kernel does not stop");
	}
	sfab_hw_put(sdev, idx);
}

/* Which submission, and which command in it, Q_FAULT_INDEX means */
static void sfab_ring_locate(struct sfab_queue *queue, u32 index, struct sfab_fault *fault)
{
	u64 seqno;

	lockdep_assert_held(&queue->ring_lock);

	for (seqno = queue->completed + 1; seqno <= queue->written; seqno++) {
		const struct sfab_span *span = &queue->spans[seqno % SFAB_RING_SPANS];

		/* Indices wrap around: only differences mean something */
		if (index - span->start < span->end - span->start) {
			fault->seqno = seqno;
			fault->command = index - span->start;
			return;
		}
	}
}

/*
 * Which accelerator a fault of cause FABRIC speaks of.  Looked up first, as sfab_vm.lock
 * is outside of the queue's; the queue stands still, so the fault stays what it is.
 */
static void sfab_ring_fault_target(struct sfab_queue *queue, struct sfab_target *target)
{
	struct sfab_vm *vm = NULL;
	u64 addr;
	int idx;

	if (!queue->sdev->fabric || sfab_hw_get(queue->sdev, &idx))
		return;
	mutex_lock(&queue->lock);
	/* The queue holds its VM as long as it is in the hardware */
	if (queue->hw_live &&
	    FIELD_GET(SFAB_Q_FAULT_CAUSE, readl(sfab_queue_reg(queue, SFAB_Q_FAULT))) ==
	    SFAB_FAULT_FABRIC) {
		addr = readq(sfab_queue_reg(queue, SFAB_Q_FAULT_ADDR));
		vm = sfab_vm_get(queue->vm);
	}
	mutex_unlock(&queue->lock);
	sfab_hw_put(queue->sdev, idx);

	if (vm) {
		sfab_import_target(vm, addr, target);
		sfab_vm_put(vm);
	}
}

static void sfab_ring_tell_fault(struct sfab_queue *queue, const struct sfab_fault *fault,
				 u32 status, const struct sfab_target *target)
{
	const struct sfab_event event = {
		.base.type = SFAB_EVENT_QUEUE_FAULT,
		.base.length = sizeof(event),
		.queue_id = queue->id,
		.fabric_status = status,
		.fault = *fault,
	};
	struct sfab_event_fabric peer = {
		.base.type = SFAB_EVENT_PEER_LOST,
		.base.length = sizeof(peer),
		.queue_id = queue->id,
		.status = status,
		.eid = target->eid,
		.segment = target->segment,
	};

	sfab_event_send(queue->sfile, &event.base);
	switch (status) {
	case SFAB_FABRIC_REVOKED:
		peer.base.type = SFAB_EVENT_REVOKED;
		fallthrough;
	case SFAB_FABRIC_NO_ROUTE:
	case SFAB_FABRIC_TIMEOUT:
	case SFAB_FABRIC_STALE:
		sfab_event_send(queue->sfile, &peer.base);
		break;
	}
}

static void sfab_ring_take_fault(struct sfab_queue *queue, const struct sfab_target *target)
{
	struct sfab_device *sdev = queue->sdev;
	struct sfab_fault fault = {};
	u32 record, index, status = 0;
	unsigned long flags;
	int ret;

	lockdep_assert_held(&sdev->reset_lock);

	mutex_lock(&queue->lock);
	/* Somebody may have reset the queue since, and the fault with it */
	record = queue->hw_live ? readl(sfab_queue_reg(queue, SFAB_Q_FAULT)) : 0;
	if (!(record & SFAB_Q_FAULT_VALID) || record == ~0U) {
		mutex_unlock(&queue->lock);
		return;
	}
	index = readl(sfab_queue_reg(queue, SFAB_Q_FAULT_INDEX));
	fault.cause = FIELD_GET(SFAB_Q_FAULT_CAUSE, record);
	fault.opcode = FIELD_GET(SFAB_Q_FAULT_OPCODE, record);
	fault.access = FIELD_GET(SFAB_Q_FAULT_ACCESS, record);
	fault.addr = readq(sfab_queue_reg(queue, SFAB_Q_FAULT_ADDR));
	if (fault.cause == SFAB_FAULT_FABRIC)
		status = FIELD_GET(SFAB_Q_FAULT_STATUS, record);

	spin_lock_irqsave(&queue->ring_lock, flags);
	/* The submissions before the fault have completed */
	sfab_ring_process_locked(queue);
	sfab_ring_locate(queue, index, &fault);
	if (!queue->error) {
		queue->state = SFAB_QUEUE_FAULTED;
		queue->error = -EIO;
		queue->fault = fault;
		queue->fabric_status = status;
		queue->fabric_eid = target->eid;
	}
	spin_unlock_irqrestore(&queue->ring_lock, flags);
	trace_sfab_fault(queue, &fault, status, target->eid);

	ret = sfab_ring_quiesce(queue);
	if (queue->sfile)
		sfab_ring_tell_fault(queue, &fault, status, target);
	mutex_unlock(&queue->lock);

	if (ret)
		sfab_reset_schedule(sdev, "a faulted queue does not stop");
	else
		sfab_ring_settle(queue);
}

/**
 * sfab_ring_fault - the hardware says that a queue has halted
 * @queue: queue
 */
void sfab_ring_fault(struct sfab_queue *queue)
{
	struct sfab_target target = {};
	int idx;

	sfab_ring_fault_target(queue, &target);
	/* Otherwise a reset or the removal deals with all queues */
	if (sfab_hw_get(queue->sdev, &idx))
		return;
	sfab_ring_take_fault(queue, &target);
	sfab_hw_put(queue->sdev, idx);
}

/**
 * sfab_ring_busy_ns - time that the ring was not empty
 * @queue: queue
 *
 * Return: nanoseconds.
 */
u64 sfab_ring_busy_ns(struct sfab_queue *queue)
{
	unsigned long flags;
	u64 ns;

	spin_lock_irqsave(&queue->ring_lock, flags);
	ns = queue->busy_ns;
	if (queue->completed != queue->written)
		ns += ktime_to_ns(ktime_sub(ktime_get(), queue->busy_since));
	spin_unlock_irqrestore(&queue->ring_lock, flags);
	return ns;
}
