// SPDX-License-Identifier: MIT
/*
 * The functions of libudev that the library uses, over the fake devices.  A device
 * of another driver is in the subsystem too, and one that goes while it is looked at.
 */
#include <errno.h>
#include <libudev.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kernel.h"

#define FOREIGN	FAKE_MAX_DEVICES	/* of another driver */
#define VANISHED	(FAKE_MAX_DEVICES + 1)
#define SLOTS	(FAKE_MAX_DEVICES + 2)

struct udev {
	int unused;
};

struct udev_monitor {
	int fd;
};

struct udev_list_entry {
	char name[64];
	struct udev_list_entry *next;
};

struct udev_enumerate {
	struct udev_list_entry entries[2 * SLOTS];
	bool links;
	unsigned int count;
};

struct udev_device {
	unsigned int index;
	char sysname[32];
	char devnode[64];
	bool pci;
	struct udev_device *parent;
};

unsigned int fake_scans;

static bool monitor_works;
static struct udev_monitor *monitor;	/* the newest */

static const char *failing;
static int failure;

void fake_fail_udev(const char *function, int err)
{
	failing = function;
	failure = err;
}

/* libudev tells why in errno, too */
static bool fails(const char *function)
{
	if (!failing || strcmp(failing, function))
		return false;
	errno = failure;
	return true;
}

void fake_monitor(bool works)
{
	monitor_works = works;
}

/* A device came or went */
static void send_uevent(void)
{
	if (monitor)
		eventfd_write(monitor->fd, 1);
}

void fake_plug(unsigned int device)
{
	devices[device].present = true;
	send_uevent();
}

void fake_remove(unsigned int device)
{
	device_leave(&devices[device]);
	link_files_hang_up(device);
	send_uevent();
}

struct udev *udev_new(void)
{
	return fails(__func__) ? NULL : fake_calloc(1, sizeof(struct udev));
}

struct udev *udev_unref(struct udev *udev)
{
	free(udev);
	return NULL;
}

struct udev_monitor *udev_monitor_new_from_netlink(struct udev *udev, const char *name)
{
	(void)udev;
	if (fails(__func__) || !monitor_works || (strcmp(name, "udev") && strcmp(name, "kernel")))
		return NULL;
	monitor = malloc(sizeof(*monitor));
	monitor->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	return monitor;
}

struct udev_monitor *udev_monitor_unref(struct udev_monitor *mon)
{
	if (mon) {
		close(mon->fd);
		free(mon);
		monitor = NULL;
	}
	return NULL;
}

int udev_monitor_filter_add_match_subsystem_devtype(struct udev_monitor *mon,
						    const char *subsystem, const char *devtype)
{
	(void)mon;
	return (strcmp(subsystem, "accel") && strcmp(subsystem, "sfab_link")) || devtype ?
		-EINVAL : 0;
}

int udev_monitor_enable_receiving(struct udev_monitor *mon)
{
	(void)mon;
	return 0;
}

int udev_monitor_get_fd(struct udev_monitor *mon)
{
	return mon->fd;
}

struct udev_device *udev_monitor_receive_device(struct udev_monitor *mon)
{
	eventfd_t one;

	return eventfd_read(mon->fd, &one) ? NULL : calloc(1, sizeof(struct udev_device));
}

struct udev_enumerate *udev_enumerate_new(struct udev *udev)
{
	(void)udev;
	return fails(__func__) ? NULL : fake_calloc(1, sizeof(struct udev_enumerate));
}

struct udev_enumerate *udev_enumerate_unref(struct udev_enumerate *list)
{
	free(list);
	return NULL;
}

int udev_enumerate_add_match_subsystem(struct udev_enumerate *list, const char *subsystem)
{
	list->links = !strcmp(subsystem, "sfab_link");
	return list->links || !strcmp(subsystem, "accel") ? 0 : -EINVAL;
}

static void list_add(struct udev_enumerate *list, const char *kind, unsigned int number)
{
	struct udev_list_entry *entry = &list->entries[list->count];

	snprintf(entry->name, sizeof(entry->name), "/sys/fake/%s%u", kind, number);
	entry->next = list->count ? entry - 1 : NULL;
	list->count++;
}

/* In an order that is not that of PCI addresses: highest first */
int udev_enumerate_scan_devices(struct udev_enumerate *list)
{
	unsigned int i, p;

	if (fails(__func__))
		return -errno;
	fake_scans++;
	for (i = 0; i < SLOTS; i++) {
		if (i < FAKE_MAX_DEVICES && !devices[i].present)
			continue;
		if (!list->links)
			list_add(list, "accel", i);
		for (p = 0; list->links && p < FAKE_LINKS && i < FAKE_MAX_DEVICES &&
		     devices[i].caps & SFAB_CAP_FABRIC; p++)
			list_add(list, "sfab_link", FAKE_LINKS * i + p);
	}
	return 0;
}

struct udev_list_entry *udev_enumerate_get_list_entry(struct udev_enumerate *list)
{
	return list->count ? &list->entries[list->count - 1] : NULL;
}

struct udev_list_entry *udev_list_entry_get_next(struct udev_list_entry *entry)
{
	return entry->next;
}

const char *udev_list_entry_get_name(struct udev_list_entry *entry)
{
	return entry->name;
}

struct udev_device *udev_device_new_from_syspath(struct udev *udev, const char *syspath)
{
	struct udev_device *dev;
	unsigned int index;
	bool link = sscanf(syspath, "/sys/fake/sfab_link%u", &index) == 1;

	(void)udev;
	if (fails(__func__))
		return NULL;
	if (!link && (sscanf(syspath, "/sys/fake/accel%u", &index) != 1 || index == VANISHED))
		return NULL;
	dev = calloc(1, sizeof(*dev));
	snprintf(dev->sysname, sizeof(dev->sysname), "%s", syspath + strlen("/sys/fake/"));
	snprintf(dev->devnode, sizeof(dev->devnode), "/dev/%s%s", link ? "" : "accel/",
		 dev->sysname);
	index = link ? index / FAKE_LINKS : index;
	dev->index = index;
	dev->parent = calloc(1, sizeof(*dev));
	dev->parent->index = index;
	dev->parent->pci = true;
	snprintf(dev->parent->sysname, sizeof(dev->parent->sysname), "0000:%02x:00.0", index + 1);
	return dev;
}

struct udev_device *udev_device_unref(struct udev_device *dev)
{
	free(dev->parent);
	free(dev);
	return NULL;
}

struct udev_device *udev_device_get_parent_with_subsystem_devtype(struct udev_device *dev,
								  const char *subsystem,
								  const char *devtype)
{
	return strcmp(subsystem, "pci") || devtype ? NULL : dev->parent;
}

const char *udev_device_get_driver(struct udev_device *dev)
{
	if (!dev->pci)
		return NULL;
	return dev->index == FOREIGN ? "ivpu" : "sfab";
}

const char *udev_device_get_devnode(struct udev_device *dev)
{
	return fails(__func__) ? NULL : dev->devnode;
}

const char *udev_device_get_sysname(struct udev_device *dev)
{
	return dev->sysname;
}
