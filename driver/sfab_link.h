/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Links: the ports of an accelerator as devices of their own, class sfab_link.  What
 * the parts of the class offer each other; one section for each source file.
 *
 * A link is a struct device whose parent is the PCI function.  It holds the DRM device,
 * so that a file which is still open when the accelerator goes finds sfab_hw_get()
 * refusing it, as any other; an open file holds the link (its cdev does) and the module.
 */
#ifndef _SFAB_LINK_H_
#define _SFAB_LINK_H_

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <linux/sfab_link.h>

#include "sfab_fabric.h"

/**
 * struct sfab_link_seen - what events are about, as the driver saw it last
 * @status: P_STATUS
 * @module: P_MODULE
 * @switching: P_SWITCH_STATUS
 * @used: lanes used for receiving
 * @downs: times that the link went down
 * @replays: packets sent again
 * @testing: a pattern test is to run
 * @shut: the module is too hot
 */
struct sfab_link_seen {
	u32 status;
	u32 module;
	u32 switching;
	u32 used;
	u64 downs;
	u64 replays;
	bool testing;
	bool shut;
};

/**
 * struct sfab_link_far - who is at the other end
 * @kind: &enum sfab_link_partner; the rest is 0 if none
 * @eid: EID
 * @port: port there
 * @uuid: identity, RFC 9562 order
 */
struct sfab_link_far {
	u32 kind;
	u32 eid;
	u32 port;
	u8 uuid[16];
};

/**
 * struct sfab_link - one port
 */
struct sfab_link {
	/** @dev: the device; its release frees the link */
	struct device dev;
	/** @cdev: its device file */
	struct cdev cdev;
	/** @sdev: accelerator; holds a reference */
	struct sfab_device *sdev;
	/** @regs: block of the port; only between sfab_hw_get() and put */
	void __iomem *regs;
	/** @port: number of the port */
	u32 port;
	/** @lanes: lanes, 1 to SFAB_LINK_LANES */
	u32 lanes;
	/** @lane_rate: Gb/s a lane */
	u32 lane_rate;
	/** @paths: light paths */
	u32 paths;
	/** @hwmon: hwmon device, NULL without CONFIG_HWMON */
	struct device *hwmon;
	/** @hwmon_name: its name, which it refers to */
	char hwmon_name[16];

	/** @check_lock: protects @seen, and orders events; inside of reset_lock */
	struct mutex check_lock;
	/** @seen: see there */
	struct sfab_link_seen seen;

	/** @events_lock: protects what is below, but for @wait; a leaf */
	spinlock_t events_lock;
	/** @sequence: of the newest event; 0: none yet */
	u64 sequence;
	/** @changed_ns: when STATE or LANES was the last event of its type */
	u64 changed_ns;
	/** @last: the partner when the link was seen to carry traffic last */
	struct sfab_link_far last;
	/** @clears: how often CLEAR has cleared anything */
	u64 clears;
	/** @packets_cleared_ns: when it did the counters of packets; 0: not yet */
	u64 packets_cleared_ns;
	/** @fec_cleared_ns: when it did those of codewords; 0: not yet */
	u64 fec_cleared_ns;
	/** @events: the newest of them; number n is at (n - 1) % SFAB_LINK_EVENTS */
	struct sfab_link_event events[SFAB_LINK_EVENTS];
	/** @wait: for a further event, or the end */
	wait_queue_head_t wait;

	/** @uevent_work: tells udev, which may allocate; see sfab_link_event.c */
	struct work_struct uevent_work;
	/** @uevent_sequence: the last event that it has looked at; its own */
	u64 uevent_sequence;
};

static inline struct sfab_link *to_sfab_link(struct device *dev)
{
	return container_of(dev, struct sfab_link, dev);
}

/**
 * struct sfab_link_file - an open file of a link
 */
struct sfab_link_file {
	/** @link: link */
	struct sfab_link *link;
	/** @lock: one takes events at a time; protects @next */
	struct mutex lock;
	/** @next: number of the event that read() delivers next */
	u64 next;
};

/* sfab_link_ioctl.c: dispatch */
long sfab_link_ioctl(struct file *filp, unsigned int cmd, unsigned long arg);
int sfab_link_may_change(const struct file *filp);

/* sfab_link_state.c: what it is, how it is, how it is to be */
void sfab_link_read_far(struct sfab_link *link, struct sfab_link_far *far);
void sfab_link_remember(struct sfab_link *link, u32 state, const struct sfab_link_far *far);
int sfab_link_read_status(struct sfab_link *link, struct sfab_link_status *status);
int sfab_link_info_ioctl(struct file *filp, void *data);
int sfab_link_state_ioctl(struct file *filp, void *data);
int sfab_link_control_ioctl(struct file *filp, void *data);

/* sfab_link_read.c: readings, counters */
int sfab_link_at_once(struct sfab_link *link,
		      void (*take)(struct sfab_link *link, void *answer), void *answer);
int sfab_link_read_readings(struct sfab_link *link, struct sfab_link_readings *readings);
int sfab_link_read_case(struct sfab_link *link, s32 *temperature_mc, u32 *supply_mv);
int sfab_link_read_lane(struct sfab_link *link, u32 lane, struct sfab_link_lane *reading);
void sfab_link_read_u64s(void __iomem *regs, u64 *values, unsigned int count);
int sfab_link_readings_ioctl(struct file *filp, void *data);
int sfab_link_counters_ioctl(struct file *filp, void *data);

/* sfab_link_event.c: events, kept and delivered */
int sfab_link_event_init(struct sfab_link *link);
void sfab_link_event_fini(struct sfab_link *link);
void sfab_link_event_push(struct sfab_link *link, u32 type, u64 value);
ssize_t sfab_link_read(struct file *filp, char __user *buf, size_t count, loff_t *offset);
__poll_t sfab_link_poll(struct file *filp, struct poll_table_struct *wait);
int sfab_link_history_ioctl(struct file *filp, void *data);

/* sfab_link_switch.c: switches of the light path */
int sfab_link_switch_ioctl(struct file *filp, void *data);

/* sfab_link_clear.c: counters back to 0 */
int sfab_link_clear_ioctl(struct file *filp, void *data);

/* sfab_link_map.c: the CMIS memory map of the module */
extern struct bin_attribute sfab_link_cmis_attr;
void sfab_link_map_get(struct sfab_link *link, u8 *data, u32 offset, u32 length);
void sfab_link_map_names(struct sfab_link *link, struct sfab_link_info *info);
void sfab_link_map_limits(struct sfab_link *link, struct sfab_link_readings *readings);
int sfab_link_map_ioctl(struct file *filp, void *data);

/* sfab_link_test.c: tests with patterns */
int sfab_link_test_ioctl(struct file *filp, void *data);

/* sfab_link_sysfs.c: attributes, Documentation/ABI/testing/sysfs-class-sfab_link */
extern const struct attribute_group *sfab_link_groups[];

/* sfab_link_hwmon.c: hardware monitoring */
#if IS_REACHABLE(CONFIG_HWMON)
int sfab_link_hwmon_init(struct sfab_link *link);
void sfab_link_hwmon_fini(struct sfab_link *link);
#else
static inline int sfab_link_hwmon_init(struct sfab_link *link)
{
	return 0;
}

static inline void sfab_link_hwmon_fini(struct sfab_link *link) {}
#endif

#endif /* _SFAB_LINK_H_ */
