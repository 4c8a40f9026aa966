// SPDX-License-Identifier: MIT
/*
 * Finds accelerators and links in sysfs, and hears of those that come and go
 *
 * Only what the kernel itself tells is used, not the udev database, so that it
 * works in an initramfs too.
 */
#include <errno.h>
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define DRIVER		"sfab"

struct enumerator {
	struct udev *udev;
	struct udev_monitor *monitor;	/* NULL: this system has no uevents */
};

/* Of descriptors there may be too few for libudev, which then looks as if nothing were there */
static bool is_short(int err)
{
	return err == -EMFILE || err == -ENFILE;
}

/* libudev's error, negative; @what was to be had of it */
static int fail_udev(int err, const char *what)
{
	if (err == -EMFILE)
		return fail(err, "no %s: the process has too many open files: raise 'ulimit -n', or close some",
			    what);
	if (err == -ENFILE)
		return fail(err, "no %s: the system has too many open files: raise fs.file-max (sysctl)",
			    what);
	if (err == -ENOMEM)
		return fail_nomem(what);
	return fail(-ENOENT, "sysfs cannot be read: is it mounted on /sys?");
}

/* Why libudev gave nothing: what it needs for that is memory, and descriptors */
static int fail_udev_nothing(const char *what)
{
	return fail_udev(is_short(-errno) ? -errno : -ENOMEM, what);
}

/*
 * With a daemon its events are the ones to hear: it sets permissions before it
 * sends them.  Without one only the kernel's come.
 */
static struct udev_monitor *monitor_open(struct udev *udev)
{
	bool daemon = access("/run/udev/control", F_OK) == 0;
	struct udev_monitor *monitor;

	monitor = udev_monitor_new_from_netlink(udev, daemon ? "udev" : "kernel");
	if (!monitor)
		return NULL;
	if (udev_monitor_filter_add_match_subsystem_devtype(monitor, SUBSYSTEM_ACCEL, NULL) < 0 ||
	    udev_monitor_filter_add_match_subsystem_devtype(monitor, SUBSYSTEM_LINK, NULL) < 0 ||
	    udev_monitor_enable_receiving(monitor) < 0) {
		udev_monitor_unref(monitor);
		return NULL;
	}
	return monitor;
}

int enumerator_open(struct enumerator **enumerator)
{
	struct enumerator *en = calloc(1, sizeof(*en));
	int ret;

	if (!en)
		return fail_nomem("a context");
	errno = 0;
	en->udev = udev_new();
	if (!en->udev) {
		ret = fail_udev_nothing("libudev");
		free(en);
		return ret;
	}
	errno = 0;
	en->monitor = monitor_open(en->udev);
	if (!en->monitor && is_short(-errno)) {
		ret = fail_udev_nothing("events of devices");
		enumerator_close(en);
		return ret;
	}
	*enumerator = en;
	return 0;
}

void enumerator_close(struct enumerator *en)
{
	udev_monitor_unref(en->monitor);
	udev_unref(en->udev);
	free(en);
}

int enumerator_fd(struct enumerator *en)
{
	if (!en->monitor)
		return fail(-EOPNOTSUPP, "the kernel's device events cannot be received here (no netlink): call sfab_context_rescan() from time to time");
	return udev_monitor_get_fd(en->monitor);
}

/* The scan that follows sees what the events told */
static void monitor_drain(struct udev_monitor *monitor)
{
	struct udev_device *dev;

	if (!monitor)
		return;
	while ((dev = udev_monitor_receive_device(monitor)))
		udev_device_unref(dev);
}

/* 1: it is ours, 0: it is not, or went since the scan */
static int describe(struct udev *udev, const char *syspath, struct found_device *found)
{
	struct udev_device *dev, *pci;
	const char *driver, *node;
	int ours = 0;

	errno = 0;
	dev = udev_device_new_from_syspath(udev, syspath);
	if (!dev)
		return is_short(-errno) ? -errno : 0;

	/* The parent belongs to the child: no unref */
	pci = udev_device_get_parent_with_subsystem_devtype(dev, "pci", NULL);
	driver = pci ? udev_device_get_driver(pci) : NULL;
	errno = 0;
	node = udev_device_get_devnode(dev);
	/* Not to be told from a device without a node, which would be taken for gone */
	if (!node && is_short(-errno))
		ours = -errno;
	if (driver && node && strcmp(driver, DRIVER) == 0) {
		snprintf(found->name, sizeof(found->name), "%s", udev_device_get_sysname(dev));
		snprintf(found->node, sizeof(found->node), "%s", node);
		snprintf(found->pci_address, sizeof(found->pci_address), "%s",
			 udev_device_get_sysname(pci));
		ours = 1;
	}
	udev_device_unref(dev);
	return ours;
}

/* The number at the end of a name */
static unsigned long number_of(const char *name)
{
	return strtoul(name + strcspn(name, "0123456789"), NULL, 10);
}

static int by_pci_address(const void *a, const void *b)
{
	const struct found_device *x = a, *y = b;
	int order = strcmp(x->pci_address, y->pci_address);

	if (order)
		return order;
	return number_of(x->name) < number_of(y->name) ? -1 : 1;
}

static int collect(struct enumerator *en, struct udev_enumerate *list, const char *subsystem,
		   struct found_device **found)
{
	struct udev_list_entry *first, *entry;
	struct found_device *array;
	int count = 0, ret;

	if (udev_enumerate_add_match_subsystem(list, subsystem) < 0)
		return fail_nomem("the list of devices");
	ret = udev_enumerate_scan_devices(list);
	if (ret < 0)
		return fail_udev(ret, "list of devices");

	first = udev_enumerate_get_list_entry(list);
	udev_list_entry_foreach(entry, first)
		count++;
	array = calloc(count + 1, sizeof(*array));
	if (!array)
		return fail_nomem("the list of devices");

	count = 0;
	udev_list_entry_foreach(entry, first) {
		ret = describe(en->udev, udev_list_entry_get_name(entry), &array[count]);
		if (ret < 0) {
			free(array);
			return fail_udev(ret, "list of devices");
		}
		count += ret;
	}
	qsort(array, count, sizeof(*array), by_pci_address);
	*found = array;
	return count;
}

int enumerator_scan(struct enumerator *en, const char *subsystem, struct found_device **found)
{
	struct udev_enumerate *list;
	int ret;

	/* It tells of links, too; but these are looked for without being told */
	if (!strcmp(subsystem, SUBSYSTEM_ACCEL))
		monitor_drain(en->monitor);
	errno = 0;
	list = udev_enumerate_new(en->udev);
	if (!list)
		return fail_udev_nothing("list of devices");
	ret = collect(en, list, subsystem, found);
	udev_enumerate_unref(list);
	return ret;
}
