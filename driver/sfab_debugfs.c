// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs, /sys/kernel/debug/accel/PCI-ADDRESS/: documented in
 * Documentation/ABI/testing/debugfs-driver-sfab
 */
#include <linux/debugfs.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_file.h>

#include "sfab_fabric.h"
#include "sfab_queue.h"

static struct sfab_device *sfab_debugfs_device(struct seq_file *m)
{
	struct drm_debugfs_entry *entry = m->private;

	return to_sfab(entry->dev);
}

static int sfab_debugfs_counts(struct seq_file *m, void *data)
{
	struct sfab_device *sdev = sfab_debugfs_device(m);
	size_t bos, files;
	u64 hbm_used;

	mutex_lock(&sdev->bos_lock);
	bos = list_count_nodes(&sdev->bos);
	mutex_unlock(&sdev->bos_lock);
	mutex_lock(&sdev->hbm.lock);
	hbm_used = sdev->hbm.used;
	mutex_unlock(&sdev->hbm.lock);
	spin_lock(&sdev->files_lock);
	files = list_count_nodes(&sdev->files);
	spin_unlock(&sdev->files_lock);

	seq_printf(m, "files: %zu\n", files);
	seq_printf(m, "bos: %zu\n", bos);
	seq_printf(m, "vms: %u\n", sfab_xa_count(&sdev->vms));
	seq_printf(m, "queues: %u\n", sfab_xa_count(&sdev->queues));
	seq_printf(m, "hbm_used: %llu\n", hbm_used);
	seq_printf(m, "system_bytes: %lld\n", atomic64_read(&sdev->system_bytes));
	seq_printf(m, "pinned_pages: %lld\n",
		   atomic64_read(&sdev->registered_bytes) >> PAGE_SHIFT);
	if (sdev->fabric) {
		seq_printf(m, "segments: %u\n", sfab_xa_count(&sdev->fabric->exports));
		seq_printf(m, "imports: %u\n", sfab_xa_count(&sdev->fabric->imports));
	}
	return 0;
}

static int sfab_debugfs_queues(struct seq_file *m, void *data)
{
	static const char * const states[] = {
		[SFAB_QUEUE_OK] = "ok",
		[SFAB_QUEUE_FAULTED] = "faulted",
		[SFAB_QUEUE_TIMEDOUT] = "timedout",
		[SFAB_QUEUE_LOST] = "lost",
	};
	struct sfab_device *sdev = sfab_debugfs_device(m);
	struct sfab_queue *queue;
	u32 id;

	for (id = 0; id < sdev->num_queues; id++) {
		queue = sfab_queue_lookup(&sdev->queues, id);
		if (!queue)
			continue;
		spin_lock_irq(&queue->ring_lock);
		seq_printf(m, "%u: vm %u vector %u %s%s submitted %llu written %llu completed %llu\n",
			   id, queue->vm_hw_id, sfab_irq_vector(sdev, id),
			   queue->kernel ? "kernel " : queue->scheduled ? "" : "long-running ",
			   states[queue->state], queue->submitted, queue->written,
			   queue->completed);
		spin_unlock_irq(&queue->ring_lock);
		sfab_queue_put(queue);
	}
	return 0;
}

static const struct drm_debugfs_info sfab_debugfs_files[] = {
	{ "counts", sfab_debugfs_counts },
	{ "queues", sfab_debugfs_queues },
};

static int sfab_debugfs_reset(void *data, u64 value)
{
	struct sfab_device *sdev = data;

	if (value != 1)
		return -EINVAL;
	sfab_reset_schedule(sdev, "asked for by debugfs");
	flush_work(&sdev->reset_work);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(sfab_debugfs_reset_fops, NULL, sfab_debugfs_reset, "%llu\n");

#ifdef CONFIG_FAULT_INJECTION_DEBUG_FS
static void sfab_debugfs_fault_attr(struct sfab_device *sdev, const char *name,
				    struct fault_attr *attr)
{
	*attr = (struct fault_attr)FAULT_ATTR_INITIALIZER;
	fault_create_debugfs_attr(name, sdev->drm.debugfs_root, attr);
}

static void sfab_debugfs_fault_attrs(struct sfab_device *sdev)
{
	sfab_debugfs_fault_attr(sdev, "fail_doorbell", &sdev->fail_doorbell);
	sfab_debugfs_fault_attr(sdev, "fail_queue_reset", &sdev->fail_queue_reset);
	sfab_debugfs_fault_attr(sdev, "fail_device_reset", &sdev->fail_device_reset);
}
#else
static void sfab_debugfs_fault_attrs(struct sfab_device *sdev) {}
#endif

/**
 * sfab_debugfs_init - create the device's files
 * @sdev: device; removed with the DRM device
 */
void sfab_debugfs_init(struct sfab_device *sdev)
{
	drm_debugfs_add_files(&sdev->drm, sfab_debugfs_files, ARRAY_SIZE(sfab_debugfs_files));
	debugfs_create_file_unsafe("reset", 0200, sdev->drm.debugfs_root, sdev,
				   &sfab_debugfs_reset_fops);
	sfab_debugfs_fault_attrs(sdev);
}
