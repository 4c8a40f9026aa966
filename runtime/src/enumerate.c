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

	if (!en)
		return fail_nomem("a context");
	en->udev = udev_new();
	if (!en->udev) {
		free(en);
		return fail_nomem("libudev");
	}
	en->monitor = monitor_open(en->udev);
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

static bool describe(struct udev *udev, const char *syspath, struct found_device *found)
{
	struct udev_device *dev = udev_device_new_from_syspath(udev, syspath);
	struct udev_device *pci;
	const char *driver, *node;
	bool ours = false;

	if (!dev)
		return false;	/* it went since the scan */

	/* The parent belongs to the child: no unref */
	pci = udev_device_get_parent_with_subsystem_devtype(dev, "pci", NULL);
	driver = pci ? udev_device_get_driver(pci) : NULL;
	node = udev_device_get_devnode(dev);
	if (driver && node && strcmp(driver, DRIVER) == 0) {
		snprintf(found->name, sizeof(found->name), "%s", udev_device_get_sysname(dev));
		snprintf(found->node, sizeof(found->node), "%s", node);
		snprintf(found->pci_address, sizeof(found->pci_address), "%s",
			 udev_device_get_sysname(pci));
		ours = true;
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
	int count = 0;

	if (udev_enumerate_add_match_subsystem(list, subsystem) < 0)
		return fail_nomem("the list of devices");
	if (udev_enumerate_scan_devices(list) < 0)
		return fail(-ENOENT, "sysfs cannot be read: is it mounted on /sys?");

	first = udev_enumerate_get_list_entry(list);
	udev_list_entry_foreach(entry, first)
		count++;
	array = calloc(count + 1, sizeof(*array));
	if (!array)
		return fail_nomem("the list of devices");

	count = 0;
	udev_list_entry_foreach(entry, first) {
		if (describe(en->udev, udev_list_entry_get_name(entry), &array[count]))
			count++;
	}
	qsort(array, count, sizeof(*array), by_pci_address);
	*found = array;
	return count;
}

int enumerator_scan(struct enumerator *en, const char *subsystem, struct found_device **found)
{
	struct udev_enumerate *list;
	int ret;

	monitor_drain(en->monitor);
	list = udev_enumerate_new(en->udev);
	if (!list)
		return fail_nomem("the list of devices");
	ret = collect(en, list, subsystem, found);
	udev_enumerate_unref(list);
	return ret;
}
