// SPDX-License-Identifier: GPL-2.0-only
/*
 * Driver of the sfab accelerator: module, PCI function, device file
 *
 * The hardware contract is qemu/docs/specs/sfab.rst, the UAPI (with the errno
 * contract) uapi/drm/sfab_accel.h.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/pagemap.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>

#include <drm/drm_accel.h>
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "sfab_bo.h"
#include "sfab_device.h"
#include "sfab_regs.h"

#define SFAB_JOB_TIMEOUT_MIN_MS		10
#define SFAB_JOB_TIMEOUT_MAX_MS		(3600 * 1000)

static unsigned int sfab_param_job_timeout_ms = 30 * 1000;

static int sfab_param_set_job_timeout(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, SFAB_JOB_TIMEOUT_MIN_MS, SFAB_JOB_TIMEOUT_MAX_MS);
}

static const struct kernel_param_ops sfab_param_job_timeout_ops = {
	.set = sfab_param_set_job_timeout,
	.get = param_get_uint,
};

module_param_cb(job_timeout_ms, &sfab_param_job_timeout_ops, &sfab_param_job_timeout_ms, 0644);
MODULE_PARM_DESC(job_timeout_ms,
		 "A submission that runs longer (ms, 10 to 3600000, default 30000) resets its queue; for queues created from then on");

unsigned int sfab_job_timeout_ms(void)
{
	return READ_ONCE(sfab_param_job_timeout_ms);
}

/* Freed queues: not the system's workqueue, as they must be gone before the module */
struct workqueue_struct *sfab_wq;

static int sfab_open(struct drm_device *drm, struct drm_file *file)
{
	struct sfab_device *sdev = to_sfab(drm);
	struct sfab_file *sfile;

	sfile = kzalloc(sizeof(*sfile), GFP_KERNEL_ACCOUNT);
	if (!sfile)
		return -ENOMEM;

	sfile->sdev = sdev;
	sfile->drm_file = file;
	xa_init_flags(&sfile->vms, XA_FLAGS_ALLOC1);
	xa_init_flags(&sfile->queues, XA_FLAGS_ALLOC1);
	xa_init_flags(&sfile->exports, XA_FLAGS_ALLOC1);
	mutex_init(&sfile->read_lock);
	spin_lock_init(&sfile->event_lock);
	file->driver_priv = sfile;

	spin_lock(&sdev->files_lock);
	list_add_tail(&sfile->link, &sdev->files);
	spin_unlock(&sdev->files_lock);
	return 0;
}

static void sfab_postclose(struct drm_device *drm, struct drm_file *file)
{
	struct sfab_device *sdev = to_sfab(drm);
	struct sfab_file *sfile = file->driver_priv;

	/* First the DMA ends, then its memory goes */
	sfab_event_file_close(sfile);
	sfab_queue_file_close(sfile);
	sfab_segment_file_close(sfile);
	sfab_vm_file_close(sfile);

	spin_lock(&sdev->files_lock);
	list_del(&sfile->link);
	spin_unlock(&sdev->files_lock);
	mutex_destroy(&sfile->read_lock);
	kfree(sfile);
}

static int sfab_release(struct inode *inode, struct file *filp)
{
	struct drm_file *file = filp->private_data;
	struct sfab_file *sfile = file->driver_priv;

	/* DRM frees the unread events before it calls sfab_postclose() */
	spin_lock(&sfile->event_lock);
	sfile->closing = true;
	spin_unlock(&sfile->event_lock);

	return drm_release(inode, filp);
}

static const struct drm_ioctl_desc sfab_ioctls[] = {
	DRM_IOCTL_DEF_DRV(SFAB_QUERY, sfab_query_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_BO_CREATE, sfab_bo_create_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_BO_MMAP, sfab_bo_mmap_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_BO_QUERY, sfab_bo_query_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_MEM_REGISTER, sfab_mem_register_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_VM_CREATE, sfab_vm_create_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_VM_DESTROY, sfab_vm_destroy_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_VM_BIND, sfab_vm_bind_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_QUEUE_CREATE, sfab_queue_create_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_QUEUE_DESTROY, sfab_queue_destroy_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_QUEUE_SUBMIT, sfab_queue_submit_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_QUEUE_QUERY, sfab_queue_query_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_WAIT, sfab_wait_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_SEGMENT_EXPORT, sfab_segment_export_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_SEGMENT_ROTATE, sfab_segment_rotate_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_SEGMENT_REVOKE, sfab_segment_revoke_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_SEGMENT_IMPORT, sfab_segment_import_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_FABRIC_CONFIG, sfab_fabric_config_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_PORT_CONFIG, sfab_port_config_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_ROUTE_SET, sfab_route_set_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_ROUTE_GET, sfab_route_get_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_MGMT, sfab_mgmt_ioctl, 0),
	DRM_IOCTL_DEF_DRV(SFAB_EVENTS, sfab_events_ioctl, 0),
};

/*
 * The size of each struct in its first version.  Later members may only be
 * appended, and then offsetofend() of the last member of version 1 stands here.
 */
static const u16 sfab_ioctl_first_size[ARRAY_SIZE(sfab_ioctls)] = {
	[DRM_SFAB_QUERY] = sizeof(struct sfab_query),
	[DRM_SFAB_BO_CREATE] = sizeof(struct sfab_bo_create),
	[DRM_SFAB_BO_MMAP] = sizeof(struct sfab_bo_mmap),
	[DRM_SFAB_BO_QUERY] = sizeof(struct sfab_bo_query),
	[DRM_SFAB_MEM_REGISTER] = sizeof(struct sfab_mem_register),
	[DRM_SFAB_VM_CREATE] = sizeof(struct sfab_vm_create),
	[DRM_SFAB_VM_DESTROY] = sizeof(struct sfab_vm_destroy),
	[DRM_SFAB_VM_BIND] = sizeof(struct sfab_vm_bind),
	[DRM_SFAB_QUEUE_CREATE] = offsetofend(struct sfab_queue_create, pad),
	[DRM_SFAB_QUEUE_DESTROY] = sizeof(struct sfab_queue_destroy),
	[DRM_SFAB_QUEUE_SUBMIT] = sizeof(struct sfab_queue_submit),
	[DRM_SFAB_QUEUE_QUERY] = offsetofend(struct sfab_queue_query, fault),
	[DRM_SFAB_WAIT] = sizeof(struct sfab_wait),
	[DRM_SFAB_SEGMENT_EXPORT] = sizeof(struct sfab_segment_export),
	[DRM_SFAB_SEGMENT_ROTATE] = sizeof(struct sfab_segment_rotate),
	[DRM_SFAB_SEGMENT_REVOKE] = sizeof(struct sfab_segment_revoke),
	[DRM_SFAB_SEGMENT_IMPORT] = sizeof(struct sfab_segment_import),
	[DRM_SFAB_FABRIC_CONFIG] = sizeof(struct sfab_fabric_config),
	[DRM_SFAB_PORT_CONFIG] = sizeof(struct sfab_port_config),
	[DRM_SFAB_ROUTE_SET] = sizeof(struct sfab_route_set),
	[DRM_SFAB_ROUTE_GET] = sizeof(struct sfab_route_get),
	[DRM_SFAB_MGMT] = sizeof(struct sfab_mgmt),
	[DRM_SFAB_EVENTS] = sizeof(struct sfab_events),
};

/*
 * drm_ioctl() extends a short struct by zeros and ignores what a long one has
 * beyond its end: here the first is limited to what older versions had, and the
 * second to zeros.  It stores the answer when all is done: here it is seen to
 * that it can be stored, as a request that fails must have changed nothing.
 */
static int sfab_check_ioctl(struct file *filp, unsigned int cmd, void __user *arg)
{
	struct drm_file *file = filp->private_data;
	unsigned int nr = _IOC_NR(cmd) - DRM_COMMAND_BASE;
	size_t size = _IOC_SIZE(cmd);
	size_t known;
	int ret;

	if (drm_dev_is_unplugged(file->minor->dev))
		return -ENODEV;
	/* Those of DRM itself, and those that nobody knows */
	if (_IOC_TYPE(cmd) != DRM_IOCTL_BASE || nr >= ARRAY_SIZE(sfab_ioctls))
		return 0;

	nr = array_index_nospec(nr, ARRAY_SIZE(sfab_ioctls));
	if (size < sfab_ioctl_first_size[nr])
		return -EINVAL;
	known = _IOC_SIZE(sfab_ioctls[nr].cmd);
	if (size > known) {
		ret = check_zeroed_user(arg + known, size - known);
		if (ret < 0)
			return ret;
		if (!ret)
			return -E2BIG;
	}
	if (cmd & sfab_ioctls[nr].cmd & IOC_OUT && fault_in_safe_writeable(arg, size))
		return -EFAULT;
	return 0;
}

static long sfab_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	int ret = sfab_check_ioctl(filp, cmd, (void __user *)arg);

	return ret ? ret : drm_ioctl(filp, cmd, arg);
}

#ifdef CONFIG_COMPAT
static long sfab_compat_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	int ret = sfab_check_ioctl(filp, cmd, compat_ptr(arg));

	return ret ? ret : drm_compat_ioctl(filp, cmd, arg);
}
#endif

static const struct file_operations sfab_fops = {
	.owner = THIS_MODULE,
	.open = accel_open,
	.release = sfab_release,
	.unlocked_ioctl = sfab_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = sfab_compat_ioctl,
#endif
	.poll = sfab_poll,
	.read = sfab_read,
	.llseek = noop_llseek,
	.mmap = drm_gem_mmap,
	.show_fdinfo = drm_show_fdinfo,
	.fop_flags = FOP_UNSIGNED_OFFSET,
};

static void sfab_fdinfo_memory(struct drm_printer *p, struct drm_file *file)
{
	static const char * const regions[] = {
		[SFAB_BO_HBM] = "hbm",
		[SFAB_BO_SYSTEM] = "memory",
		[SFAB_BO_REGISTERED] = "registered",
		[SFAB_BO_IMPORTED] = "imported",
		[SFAB_BO_FABRIC] = "fabric",
	};
	struct drm_memory_stats stats[ARRAY_SIZE(regions)] = {};
	struct drm_gem_object *obj;
	unsigned int i;
	int id;

	spin_lock(&file->table_lock);
	idr_for_each_entry(&file->object_idr, obj, id) {
		struct drm_memory_stats *stat = &stats[to_sfab_bo(obj)->kind];

		if (drm_gem_object_is_shared_for_memory_stats(obj))
			stat->shared += obj->size;
		else
			stat->private += obj->size;
		stat->resident += obj->size;
	}
	spin_unlock(&file->table_lock);

	for (i = 0; i < ARRAY_SIZE(regions); i++)
		drm_print_memory_stats(p, &stats[i], DRM_GEM_OBJECT_RESIDENT, regions[i]);
}

/* Documentation/sfab.rst says what is counted */
static void sfab_show_fdinfo(struct drm_printer *p, struct drm_file *file)
{
	struct sfab_file *sfile = file->driver_priv;

	drm_printf(p, "drm-engine-copy:\t%llu ns\n", sfab_queue_busy_ns(sfile));
	drm_printf(p, "drm-engine-capacity-copy:\t%u\n", sfile->sdev->num_engines);
	sfab_fdinfo_memory(p, file);
}

/*
 * Versions of the UAPI:
 * - 1.0: first version
 * - 1.1: the fabric: segments, ports, routes, datagrams, further events; COPY with NOTIFY;
 *   QUERY of the fabric, its counters, the fabric status of faults
 */
static const struct drm_driver sfab_drm_driver = {
	.driver_features = DRIVER_COMPUTE_ACCEL | DRIVER_GEM | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE | DRIVER_GEM_GPUVA,
	.name = "sfab",
	.desc = "SuperNode Fabric accelerator",
	.major = 1,
	.minor = 1,
	.fops = &sfab_fops,
	.open = sfab_open,
	.postclose = sfab_postclose,
	.show_fdinfo = sfab_show_fdinfo,
	.gem_prime_import = sfab_gem_prime_import,
	.ioctls = sfab_ioctls,
	.num_ioctls = ARRAY_SIZE(sfab_ioctls),
};

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct sfab_device *sdev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%pUb\n", &sdev->uuid);
}
static DEVICE_ATTR_RO(uuid);

static ssize_t serial_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct sfab_device *sdev = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%llu\n", sdev->serial);
}
static DEVICE_ATTR_RO(serial);

static struct attribute *sfab_attrs[] = {
	&dev_attr_uuid.attr,
	&dev_attr_serial.attr,
	NULL,
};

static const struct attribute_group sfab_group = {
	.attrs = sfab_attrs,
};

static const struct attribute_group *sfab_groups[] = {
	&sfab_group,
	&sfab_fabric_group,
	NULL,
};

static void sfab_destroy_wq(struct drm_device *drm, void *wq)
{
	destroy_workqueue(wq);
}

/* What needs no hardware, and lives as long as the DRM device */
static int sfab_init_software(struct sfab_device *sdev)
{
	int ret;

	init_rwsem(&sdev->reset_lock);
	init_completion(&sdev->quiet);
	INIT_WORK(&sdev->reset_work, sfab_reset_worker);
	spin_lock_init(&sdev->files_lock);
	INIT_LIST_HEAD(&sdev->files);
	INIT_LIST_HEAD(&sdev->bos);
	xa_init_flags(&sdev->vms, XA_FLAGS_ALLOC);
	xa_init_flags(&sdev->queues, XA_FLAGS_ALLOC);

	ret = drmm_mutex_init(&sdev->drm, &sdev->bos_lock);
	if (ret)
		return ret;

	/* Schedulers of queues refer to it until they are freed */
	sdev->reset_wq = alloc_ordered_workqueue("sfab-reset", WQ_MEM_RECLAIM);
	if (!sdev->reset_wq)
		return -ENOMEM;
	ret = drmm_add_action_or_reset(&sdev->drm, sfab_destroy_wq, sdev->reset_wq);
	if (ret)
		return ret;

	return sfab_dump_init(sdev);
}

static int sfab_init_pci(struct sfab_device *sdev)
{
	struct pci_dev *pdev = sdev->pdev;
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	if (pci_resource_len(pdev, SFAB_BAR_REGS) < SFAB_BAR0_SIZE) {
		drm_err(&sdev->drm, "BAR 0 is too small\n");
		return -ENODEV;
	}
	sdev->regs = pcim_iomap_region(pdev, SFAB_BAR_REGS, "sfab");
	if (IS_ERR(sdev->regs))
		return PTR_ERR(sdev->regs);
	ret = pcim_request_region(pdev, SFAB_BAR_HBM, "sfab");
	if (ret)
		return ret;

	/* What a page table entry can hold */
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(52));
	if (ret)
		return ret;
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	return 0;
}

static int sfab_init_hardware(struct sfab_device *sdev)
{
	int ret;

	ret = sfab_hw_init(sdev);
	if (ret)
		return ret;
	ret = sfab_fabric_init(sdev);
	if (ret)
		return ret;
	pci_set_master(sdev->pdev);
	ret = sfab_irq_init(sdev);
	if (ret)
		return ret;
	ret = sfab_hbm_init(sdev);
	if (ret)
		return ret;
	/* For slot_reset */
	ret = pci_save_state(sdev->pdev);
	if (ret)
		return ret;

	sfab_hw_start(sdev);
	sdev->online = true;
	return 0;
}

/*
 * Nobody enters the driver any more.  What is in flight fails, the hardware
 * comes to rest, and only then the DMA mappings go; objects that files still
 * refer to stay, without hardware.
 */
static void sfab_quiesce(struct sfab_device *sdev)
{
	sfab_reset_begin(sdev, -ENODEV);
	complete_all(&sdev->quiet);
	cancel_work_sync(&sdev->reset_work);
	sfab_fabric_stop(sdev);
	sfab_kctx_fini(sdev);
	sfab_peer_forget(sdev);
	sfab_bo_release_all(sdev);
	sfab_queue_release_all(sdev);
	pci_clear_master(sdev->pdev);
}

static int sfab_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct sfab_device *sdev;
	int ret;

	sdev = devm_drm_dev_alloc(&pdev->dev, &sfab_drm_driver, struct sfab_device, drm);
	if (IS_ERR(sdev))
		return PTR_ERR(sdev);
	sdev->pdev = pdev;
	pci_set_drvdata(pdev, sdev);

	ret = sfab_init_software(sdev);
	if (ret)
		return ret;
	ret = sfab_init_pci(sdev);
	if (ret)
		return ret;
	ret = sfab_init_hardware(sdev);
	if (ret)
		return ret;
	ret = sfab_kctx_init(sdev);
	if (ret)
		goto err_quiesce;
	ret = sfab_fabric_start(sdev);
	if (ret)
		goto err_quiesce;

	sfab_debugfs_init(sdev);
	ret = drm_dev_register(&sdev->drm, 0);
	if (ret)
		goto err_quiesce;
	ret = sfab_links_register(sdev);
	if (ret)
		goto err_quiesce;

	drm_info(&sdev->drm, "%pUb, %llu MiB HBM, %u queues, %u VMs, %u engines, %u vectors\n",
		 &sdev->uuid, sdev->hbm.size >> 20, sdev->num_queues, sdev->num_vms,
		 sdev->num_engines, sdev->num_vectors);
	return 0;

err_quiesce:
	/* Marks the device unplugged, for those who wait for sfab_device.quiet */
	drm_dev_unplug(&sdev->drm);
	sfab_event_wake_all(sdev);
	sfab_links_unregister(sdev);
	sfab_quiesce(sdev);
	return ret;
}

static void sfab_remove(struct pci_dev *pdev)
{
	struct sfab_device *sdev = pci_get_drvdata(pdev);

	drm_dev_unplug(&sdev->drm);
	sfab_event_wake_all(sdev);
	sfab_links_unregister(sdev);
	sfab_quiesce(sdev);
}

/*
 * Somebody else resets the device.  A reset of the driver's own would put it to work between the
 * two halves; what that is wanted for, this one does.  disable_work() counts, and an error may be
 * told more than once before it is dealt with; the PCI core calls us with the device's lock.
 */
static void sfab_bus_reset_begin(struct sfab_device *sdev, int error)
{
	if (!sdev->reset_by_bus)
		disable_work_sync(&sdev->reset_work);
	sdev->reset_by_bus = true;
	sfab_reset_begin(sdev, error);
}

static int sfab_bus_reset_finish(struct sfab_device *sdev)
{
	/* First, so that no reset is refused that is wanted as soon as it works */
	if (sdev->reset_by_bus)
		enable_work(&sdev->reset_work);
	sdev->reset_by_bus = false;
	return sfab_reset_finish(sdev);
}

static void sfab_shutdown(struct pci_dev *pdev)
{
	/* The next kernel shall find no DMA */
	sfab_bus_reset_begin(pci_get_drvdata(pdev), -ENODEV);
}

/*
 * Nothing is ever evicted from HBM, which loses its content without power; and an image of the
 * system would be taken while others still write to it by the fabric.
 */
static int sfab_pm_prepare(struct device *dev)
{
	dev_err(dev, "cannot be suspended: unbind the driver or unload it first\n");
	return -EBUSY;
}

static const struct dev_pm_ops sfab_pm_ops = {
	.prepare = sfab_pm_prepare,
};

static pci_ers_result_t sfab_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct sfab_device *sdev = pci_get_drvdata(pdev);

	switch (state) {
	case pci_channel_io_normal:
		/* Whatever got lost, a queue has halted for it or times out */
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_frozen:
		drm_warn(&sdev->drm, "PCI error, slot reset\n");
		sfab_bus_reset_begin(sdev, -EIO);
		return PCI_ERS_RESULT_NEED_RESET;
	default:
		drm_err(&sdev->drm, "PCI error, device lost\n");
		sfab_bus_reset_begin(sdev, -EIO);
		return PCI_ERS_RESULT_DISCONNECT;
	}
}

static pci_ers_result_t sfab_mmio_enabled(struct pci_dev *pdev)
{
	return PCI_ERS_RESULT_RECOVERED;
}

static pci_ers_result_t sfab_slot_reset(struct pci_dev *pdev)
{
	struct sfab_device *sdev = pci_get_drvdata(pdev);

	/* We had no error, but another function of the slot had */
	if (!sdev->reset_by_bus)
		sfab_bus_reset_begin(sdev, -EIO);
	pci_restore_state(pdev);
	/* Restoring uses up what was saved */
	pci_save_state(pdev);
	return sfab_bus_reset_finish(sdev) ? PCI_ERS_RESULT_DISCONNECT : PCI_ERS_RESULT_RECOVERED;
}

static void sfab_reset_prepare(struct pci_dev *pdev)
{
	sfab_bus_reset_begin(pci_get_drvdata(pdev), -EIO);
}

static void sfab_reset_done(struct pci_dev *pdev)
{
	sfab_bus_reset_finish(pci_get_drvdata(pdev));
}

static const struct pci_error_handlers sfab_err_handler = {
	.error_detected = sfab_error_detected,
	.mmio_enabled = sfab_mmio_enabled,
	.slot_reset = sfab_slot_reset,
	.reset_prepare = sfab_reset_prepare,
	.reset_done = sfab_reset_done,
};

static const struct pci_device_id sfab_ids[] = {
	{ PCI_DEVICE(SFAB_PCI_VENDOR, SFAB_PCI_DEVICE) },
	{}
};
MODULE_DEVICE_TABLE(pci, sfab_ids);

static struct pci_driver sfab_pci_driver = {
	.name = "sfab",
	.id_table = sfab_ids,
	.probe = sfab_probe,
	.remove = sfab_remove,
	.shutdown = sfab_shutdown,
	.err_handler = &sfab_err_handler,
	.dev_groups = sfab_groups,
	.driver.pm = pm_sleep_ptr(&sfab_pm_ops),
};

static int __init sfab_init(void)
{
	int ret;

	sfab_wq = alloc_workqueue("sfab", WQ_UNBOUND, 0);
	if (!sfab_wq)
		return -ENOMEM;

	ret = sfab_link_init();
	if (ret)
		goto err_wq;
	ret = pci_register_driver(&sfab_pci_driver);
	if (ret)
		goto err_link;
	return 0;

err_link:
	sfab_link_exit();
err_wq:
	destroy_workqueue(sfab_wq);
	return ret;
}

static void __exit sfab_exit(void)
{
	pci_unregister_driver(&sfab_pci_driver);
	sfab_link_exit();
	destroy_workqueue(sfab_wq);
	/* Fences and queues are freed by RCU */
	rcu_barrier();
}

module_init(sfab_init);
module_exit(sfab_exit);

MODULE_AUTHOR("The sfab developers");
MODULE_DESCRIPTION("SuperNode Fabric accelerator driver");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(DMA_BUF);
