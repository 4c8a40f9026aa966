// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: vector 0 tells faults and what happens in the fabric, the others
 * completions of the queues that are spread over them.  With a single vector, that one
 * tells everything.
 */
#include <linux/bitmap.h>
#include <linux/interrupt.h>
#include <linux/io.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "sfab_queue.h"

#define SFAB_EVENT_WORDS	(SFAB_NUM_QUEUES_MAX / 64)

/* What needs more than an interrupt handler may do */
#define SFAB_INT_THREAD		(SFAB_INT_FAULT | SFAB_INT_PORT | SFAB_INT_MGMT)

/**
 * struct sfab_irq - one vector
 * @sdev: device
 * @queues: the queues whose completions it tells, by hardware id
 */
struct sfab_irq {
	struct sfab_device *sdev;
	u64 queues[SFAB_EVENT_WORDS];
};

/**
 * sfab_irq_vector - which vector tells the completions of a queue
 * @sdev: device
 * @queue_hw_id: queue
 *
 * Return: number of the vector.
 */
u32 sfab_irq_vector(const struct sfab_device *sdev, u32 queue_hw_id)
{
	return sdev->num_vectors > 1 ? 1 + queue_hw_id % (sdev->num_vectors - 1) : 0;
}

static void sfab_irq_complete(struct sfab_device *sdev, u32 hw_id)
{
	struct sfab_queue *queue;

	/* The queue is freed by RCU */
	rcu_read_lock();
	queue = xa_load(&sdev->queues, hw_id);
	if (queue)
		sfab_ring_process(queue);
	rcu_read_unlock();
}

static void sfab_irq_completions(struct sfab_irq *irq)
{
	void __iomem *reg = irq->sdev->regs + SFAB_REG_QUEUE_EVENT_0;
	unsigned int word;
	u64 events;

	for (word = 0; word < SFAB_EVENT_WORDS; word++, reg += sizeof(u64)) {
		if (!irq->queues[word])
			continue;
		events = readq(reg) & irq->queues[word];
		if (!events)
			continue;
		/*
		 * The device interrupts again only when it sets a bit that was
		 * clear: so the clear must have arrived, which the read makes
		 * sure of, before the timelines are looked at.
		 */
		writeq(events, reg);
		readq(reg);
		for (; events; events &= events - 1)
			sfab_irq_complete(irq->sdev, word * 64 + __ffs64(events));
	}
}

static irqreturn_t sfab_irq_queue_handler(int nr, void *data)
{
	sfab_irq_completions(data);
	return IRQ_HANDLED;
}

static irqreturn_t sfab_irq_handler(int nr, void *data)
{
	struct sfab_irq *irq = data;
	void __iomem *reg = irq->sdev->regs + SFAB_REG_INT_STATUS;
	u32 status = readl(reg);

	writel(status, reg);
	sfab_irq_completions(irq);
	return status & SFAB_INT_THREAD ? IRQ_WAKE_THREAD : IRQ_HANDLED;
}

/* Otherwise a reset or the removal deals with all queues */
static bool sfab_irq_take_faults(struct sfab_device *sdev, u64 faults[SFAB_EVENT_WORDS])
{
	void __iomem *reg = sdev->regs + SFAB_REG_QUEUE_FAULT_0;
	unsigned int word;
	int idx;

	if (sfab_hw_get(sdev, &idx))
		return false;
	for (word = 0; word < SFAB_EVENT_WORDS; word++, reg += sizeof(u64)) {
		faults[word] = readq(reg);
		writeq(faults[word], reg);
	}
	sfab_hw_put(sdev, idx);
	return true;
}

static void sfab_irq_faults(struct sfab_device *sdev)
{
	u64 faults[SFAB_EVENT_WORDS];
	struct sfab_queue *queue;
	unsigned int word;

	if (!sfab_irq_take_faults(sdev, faults))
		return;
	for (word = 0; word < SFAB_EVENT_WORDS; word++) {
		for (; faults[word]; faults[word] &= faults[word] - 1) {
			queue = sfab_queue_lookup(&sdev->queues, word * 64 + __ffs64(faults[word]));
			if (!queue)
				continue;
			sfab_ring_fault(queue);
			sfab_queue_put(queue);
		}
	}
}

/* Faults need the queue's mutex and a reset of the queue */
static irqreturn_t sfab_irq_thread(int nr, void *data)
{
	struct sfab_irq *irq = data;
	bool cookie;

	cookie = dma_fence_begin_signalling();
	sfab_irq_faults(irq->sdev);
	dma_fence_end_signalling(cookie);
	sfab_fabric_interrupt(irq->sdev);
	return IRQ_HANDLED;
}

static void sfab_irq_spread_queues(struct sfab_device *sdev)
{
	u32 hw_id;

	for (hw_id = 0; hw_id < sdev->num_queues; hw_id++)
		sdev->irqs[sfab_irq_vector(sdev, hw_id)].queues[hw_id / 64] |= BIT_ULL(hw_id % 64);
}

/**
 * sfab_irq_init - get vectors and install handlers
 * @sdev: device, identified
 *
 * As many vectors as there are CPUs to take them and queues to use them, down
 * to a single one.
 *
 * Return: 0 or a negative errno.
 */
int sfab_irq_init(struct sfab_device *sdev)
{
	struct pci_dev *pdev = sdev->pdev;
	int count, ret, i;

	count = min3(sdev->num_vectors, sdev->num_queues + 1, num_online_cpus() + 1);
	count = pci_alloc_irq_vectors(pdev, 1, count, PCI_IRQ_MSIX);
	if (count < 0) {
		drm_err(&sdev->drm, "no MSI-X vector: %d\n", count);
		return count;
	}
	sdev->num_vectors = count;

	sdev->irqs = drmm_kcalloc(&sdev->drm, count, sizeof(*sdev->irqs), GFP_KERNEL);
	if (!sdev->irqs)
		return -ENOMEM;
	sfab_irq_spread_queues(sdev);

	for (i = 0; i < count; i++) {
		sdev->irqs[i].sdev = sdev;
		ret = devm_request_threaded_irq(&pdev->dev, pci_irq_vector(pdev, i),
						i ? sfab_irq_queue_handler : sfab_irq_handler,
						i ? NULL : sfab_irq_thread,
						0, "sfab", &sdev->irqs[i]);
		if (ret)
			return ret;
	}
	return 0;
}
