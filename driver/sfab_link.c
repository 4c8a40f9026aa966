// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: the class, the devices and their files
 */
#include <linux/bitfield.h>
#include <linux/idr.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "sfab_link.h"

/* Any number of accelerators with as many ports as there can be */
#define SFAB_LINK_MINORS	(MINORMASK + 1)

static const struct class sfab_link_class = {
	.name = "sfab_link",
	.dev_groups = sfab_link_groups,
};

static dev_t sfab_link_devt;
static DEFINE_IDA(sfab_link_ida);

static int sfab_link_open(struct inode *inode, struct file *filp)
{
	struct sfab_link *link = container_of(inode->i_cdev, struct sfab_link, cdev);
	struct sfab_link_file *file;

	if (drm_dev_is_unplugged(&link->sdev->drm))
		return -ENODEV;
	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;

	file->link = link;
	mutex_init(&file->lock);
	spin_lock(&link->events_lock);
	file->next = link->sequence + 1;
	spin_unlock(&link->events_lock);
	filp->private_data = file;
	return stream_open(inode, filp);
}

static int sfab_link_close(struct inode *inode, struct file *filp)
{
	struct sfab_link_file *file = filp->private_data;

	mutex_destroy(&file->lock);
	kfree(file);
	return 0;
}

static const struct file_operations sfab_link_fops = {
	.owner = THIS_MODULE,
	.open = sfab_link_open,
	.release = sfab_link_close,
	.unlocked_ioctl = sfab_link_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.read = sfab_link_read,
	.poll = sfab_link_poll,
};

static void sfab_link_free(struct device *dev)
{
	struct sfab_link *link = to_sfab_link(dev);

	ida_free(&sfab_link_ida, MINOR(dev->devt));
	drm_dev_put(&link->sdev->drm);
	mutex_destroy(&link->check_lock);
	kfree(link);
}

/* From here on put_device() frees it */
static struct sfab_link *sfab_link_alloc(struct sfab_device *sdev, u32 port)
{
	struct sfab_link *link;
	int id;

	link = kzalloc(sizeof(*link), GFP_KERNEL);
	if (!link)
		return NULL;
	id = ida_alloc_max(&sfab_link_ida, SFAB_LINK_MINORS - 1, GFP_KERNEL);
	if (id < 0) {
		kfree(link);
		return NULL;
	}

	drm_dev_get(&sdev->drm);
	link->sdev = sdev;
	link->regs = sdev->regs + SFAB_P_BLOCK(port);
	link->port = port;
	mutex_init(&link->check_lock);
	spin_lock_init(&link->events_lock);
	init_waitqueue_head(&link->wait);

	device_initialize(&link->dev);
	link->dev.class = &sfab_link_class;
	link->dev.parent = &sdev->pdev->dev;
	link->dev.devt = MKDEV(MAJOR(sfab_link_devt), id);
	link->dev.release = sfab_link_free;
	cdev_init(&link->cdev, &sfab_link_fops);
	link->cdev.owner = THIS_MODULE;
	return link;
}

static int sfab_link_look(struct sfab_link *link)
{
	int ret, idx;
	u32 cap;

	ret = sfab_hw_get(link->sdev, &idx);
	if (ret)
		return ret;
	cap = readl(link->regs + SFAB_P_CAP);
	sfab_hw_put(link->sdev, idx);
	link->lanes = FIELD_GET(SFAB_P_CAP_LANES, cap);
	link->lane_rate = FIELD_GET(SFAB_P_CAP_RATE, cap);
	link->paths = FIELD_GET(SFAB_P_CAP_PATHS, cap);
	if (in_range(link->lanes, 1, SFAB_LINK_LANES))
		return 0;

	drm_err(&link->sdev->drm, "port %u has %u lanes: not a valid device\n", link->port,
		link->lanes);
	return -ENODEV;
}

static int sfab_link_add(struct sfab_link *link)
{
	int ret;

	ret = sfab_link_look(link);
	if (ret)
		return ret;
	ret = sfab_link_event_init(link);
	if (ret)
		return ret;
	ret = dev_set_name(&link->dev, "sfab_link%u", MINOR(link->dev.devt));
	if (ret)
		return ret;
	ret = cdev_device_add(&link->cdev, &link->dev);
	if (ret)
		return ret;
	ret = sfab_link_hwmon_init(link);
	if (ret)
		cdev_device_del(&link->cdev, &link->dev);
	return ret;
}

/**
 * sfab_links_register - make the ports devices
 * @sdev: device, which works and is registered
 *
 * Those that were made before one that fails are there: sfab_links_unregister() is for
 * them, too.
 *
 * Return: 0 or a negative errno.
 */
int sfab_links_register(struct sfab_device *sdev)
{
	struct sfab_fabric *fabric = sdev->fabric;
	struct sfab_link *link;
	u32 port;
	int ret;

	for (port = 0; fabric && port < fabric->num_ports; port++) {
		link = sfab_link_alloc(sdev, port);
		if (!link)
			return -ENOMEM;
		ret = sfab_link_add(link);
		if (ret) {
			put_device(&link->dev);
			return ret;
		}
		/* Pairs with sfab_links_check(), which the interrupt calls already */
		smp_store_release(&fabric->links[port], link);
	}
	/* What has changed since each was looked at first */
	return sfab_links_look(sdev);
}

/**
 * sfab_links_unregister - the reverse
 * @sdev: device, unplugged: nobody else knows of the links any more but their files
 */
void sfab_links_unregister(struct sfab_device *sdev)
{
	struct sfab_fabric *fabric = sdev->fabric;
	struct sfab_link *link;
	u32 port;

	for (port = 0; fabric && port < fabric->num_ports; port++) {
		link = fabric->links[port];
		if (!link)
			continue;
		fabric->links[port] = NULL;
		sfab_link_event_fini(link);
		sfab_link_hwmon_fini(link);
		cdev_device_del(&link->cdev, &link->dev);
		put_device(&link->dev);
	}
}

/**
 * sfab_link_init - register the class
 *
 * Return: 0 or a negative errno.
 */
int __init sfab_link_init(void)
{
	int ret;

	ret = alloc_chrdev_region(&sfab_link_devt, 0, SFAB_LINK_MINORS, "sfab_link");
	if (ret)
		return ret;
	ret = class_register(&sfab_link_class);
	if (ret)
		unregister_chrdev_region(sfab_link_devt, SFAB_LINK_MINORS);
	return ret;
}

/** sfab_link_exit - the reverse; there are no links any more */
void sfab_link_exit(void)
{
	class_unregister(&sfab_link_class);
	unregister_chrdev_region(sfab_link_devt, SFAB_LINK_MINORS);
	ida_destroy(&sfab_link_ida);
}
