// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers as they were before a device reset, handed to devcoredump
 *
 * Taken where no memory can be waited for, so the buffer is allocated ahead; the
 * rest is done by a work item.  While that has not run, later dumps are dropped:
 * the first one tells most.
 */
#include <linux/devcoredump.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/seq_buf.h>
#include <linux/vmalloc.h>

#include <drm/drm_managed.h>

#include "sfab_fabric.h"
#include "sfab_queue.h"

#define SFAB_DUMP_SIZE		SZ_32K

/**
 * struct sfab_dump - dump on its way to devcoredump
 * @work: hands it over
 * @sdev: device
 * @full: @buf holds a dump
 * @buf: describes @text
 * @text: the dump
 */
struct sfab_dump {
	struct work_struct work;
	struct sfab_device *sdev;
	bool full;
	struct seq_buf buf;
	char text[SFAB_DUMP_SIZE];
};

static void sfab_dump_worker(struct work_struct *work)
{
	struct sfab_dump *dump = container_of(work, struct sfab_dump, work);
	size_t size = seq_buf_used(&dump->buf);
	void *data = vmalloc(size);

	if (data) {
		memcpy(data, dump->text, size);
		/* Takes over the data, and drops them if nobody has read the last dump */
		dev_coredumpv(dump->sdev->drm.dev, data, size, GFP_KERNEL);
	}
	/* The buffer may be used again: pairs with the acquire in sfab_dump_take() */
	smp_store_release(&dump->full, false);
}

static void sfab_dump_queue(struct sfab_dump *dump, u32 id)
{
	void __iomem *regs = dump->sdev->regs + SFAB_Q_BLOCK(id);
	u32 status = readl(regs + SFAB_Q_STATUS);

	if (!(status & ~SFAB_Q_STATUS_IDLE))
		return;
	seq_buf_printf(&dump->buf,
		       "queue %u: status %08x ctrl %08x vm %u head %u tail %u fault %08x index %u addr %016llx\n",
		       id, status, readl(regs + SFAB_Q_CTRL), readl(regs + SFAB_Q_VM),
		       readl(regs + SFAB_Q_HEAD), readl(regs + SFAB_Q_TAIL),
		       readl(regs + SFAB_Q_FAULT), readl(regs + SFAB_Q_FAULT_INDEX),
		       readq(regs + SFAB_Q_FAULT_ADDR));
}

static void sfab_dump_vm(struct sfab_dump *dump, u32 id)
{
	void __iomem *regs = dump->sdev->regs + SFAB_VM_BLOCK(id);
	u64 root = readq(regs + SFAB_VM_ROOT);

	if (!(root & SFAB_VM_ROOT_VALID))
		return;
	seq_buf_printf(&dump->buf, "vm %u: root %016llx inv %u done %u\n", id, root,
		       readl(regs + SFAB_VM_INV), readl(regs + SFAB_VM_INV_DONE));
}

static void sfab_dump_fabric(struct sfab_dump *dump, const struct sfab_fabric *fabric)
{
	void __iomem *regs = fabric->sdev->regs;
	u32 i;

	seq_buf_printf(&dump->buf,
		       "eid %u incarnation %08x timeouts %u %u %u port_event %08x seg_inv %u done %u\n",
		       readl(regs + SFAB_REG_EID), readl(regs + SFAB_REG_INCARNATION),
		       readl(regs + SFAB_REG_OP_TIMEOUT), readl(regs + SFAB_REG_RETRY_TIMEOUT),
		       readl(regs + SFAB_REG_HOQ_TIMEOUT), readl(regs + SFAB_REG_PORT_EVENT),
		       readl(regs + SFAB_REG_SEG_INV), readl(regs + SFAB_REG_SEG_INV_DONE));
	for (i = 0; i < fabric->num_ports; i++) {
		void __iomem *port = regs + SFAB_P_BLOCK(i);

		seq_buf_printf(&dump->buf, "port %u: ctrl %08x status %08x peer %08x\n", i,
			       readl(port + SFAB_P_CTRL), readl(port + SFAB_P_STATUS),
			       readl(port + SFAB_P_PEER));
	}
}

/**
 * sfab_dump_take - note the registers
 * @sdev: device; reset_lock is held for writing
 */
void sfab_dump_take(struct sfab_device *sdev)
{
	struct sfab_dump *dump = sdev->dump;
	void __iomem *regs = sdev->regs;
	u32 id;

	lockdep_assert_held_write(&sdev->reset_lock);

	/* Pairs with the release in sfab_dump_worker() */
	if (smp_load_acquire(&dump->full))
		return;

	seq_buf_init(&dump->buf, dump->text, sizeof(dump->text));
	seq_buf_printf(&dump->buf,
		       "sfab %pUb serial %llu version %08x\n"
		       "time %lld ns, device %llu ns\n"
		       "ctrl %08x status %08x int_status %08x int_enable %08x\n"
		       "queue_event %016llx %016llx queue_fault %016llx %016llx\n",
		       &sdev->uuid, sdev->serial, sdev->hw_version,
		       ktime_get_ns(), readq(regs + SFAB_REG_TIME),
		       readl(regs + SFAB_REG_CTRL), readl(regs + SFAB_REG_STATUS),
		       readl(regs + SFAB_REG_INT_STATUS), readl(regs + SFAB_REG_INT_ENABLE),
		       readq(regs + SFAB_REG_QUEUE_EVENT_0), readq(regs + SFAB_REG_QUEUE_EVENT_1),
		       readq(regs + SFAB_REG_QUEUE_FAULT_0), readq(regs + SFAB_REG_QUEUE_FAULT_1));
	if (sdev->fabric)
		sfab_dump_fabric(dump, sdev->fabric);
	for (id = 0; id < sdev->num_vms; id++)
		sfab_dump_vm(dump, id);
	for (id = 0; id < sdev->num_queues; id++)
		sfab_dump_queue(dump, id);

	dump->full = true;
	queue_work(sfab_wq, &dump->work);
}

static void sfab_dump_flush(void *data)
{
	struct sfab_dump *dump = data;

	flush_work(&dump->work);
}

/**
 * sfab_dump_init - allocate what sfab_dump_take() needs
 * @sdev: device
 *
 * Return: 0 or a negative errno.
 */
int sfab_dump_init(struct sfab_device *sdev)
{
	struct sfab_dump *dump = drmm_kzalloc(&sdev->drm, sizeof(*dump), GFP_KERNEL);

	if (!dump)
		return -ENOMEM;

	dump->sdev = sdev;
	INIT_WORK(&dump->work, sfab_dump_worker);
	sdev->dump = dump;
	return devm_add_action_or_reset(sdev->drm.dev, sfab_dump_flush, dump);
}
