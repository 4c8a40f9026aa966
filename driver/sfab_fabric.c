// SPDX-License-Identifier: GPL-2.0-only
/*
 * The accelerator as a member of the fabric: what there is, identity, timeouts
 *
 * EID, timeouts, ports and routes survive a device reset, and a manager elsewhere may
 * change them by datagrams at any time: so they are read from the hardware whenever they
 * are needed.  Segments, imports and the mailbox do not survive.
 */
#include <linux/bitfield.h>
#include <linux/capability.h>
#include <linux/io.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "sfab_fabric.h"
#include "sfab_queue.h"

/* A job can still tell of an operation that has failed by OP_TIMEOUT */
#define SFAB_JOB_MARGIN_MS	1000

static bool sfab_fabric_is_valid(const struct sfab_fabric *fabric)
{
	return in_range(fabric->num_ports, 1, SFAB_NUM_PORTS_MAX) &&
	       in_range(fabric->num_segments, 1, SFAB_NUM_SEGMENTS_MAX) &&
	       in_range(fabric->num_imports, 1, SFAB_NUM_IMPORTS_MAX) &&
	       in_range(fabric->num_eids, 2, SFAB_NUM_EIDS_MAX - 1);
}

/**
 * sfab_fabric_init - see whether the device has ports
 * @sdev: device, identified
 *
 * If not, sfab_device.fabric stays NULL.
 *
 * Return: 0 or a negative errno.
 */
int sfab_fabric_init(struct sfab_device *sdev)
{
	void __iomem *regs = sdev->regs;
	struct sfab_fabric *fabric;
	int ret;

	if (!(sdev->caps & SFAB_CAP_FABRIC))
		return 0;

	fabric = drmm_kzalloc(&sdev->drm, sizeof(*fabric), GFP_KERNEL);
	if (!fabric)
		return -ENOMEM;
	fabric->sdev = sdev;
	fabric->num_ports = readl(regs + SFAB_REG_NUM_PORTS);
	fabric->num_segments = readl(regs + SFAB_REG_NUM_SEGMENTS);
	fabric->num_imports = readl(regs + SFAB_REG_NUM_IMPORTS);
	fabric->num_eids = readl(regs + SFAB_REG_NUM_EIDS);
	if (!sfab_fabric_is_valid(fabric)) {
		drm_err(&sdev->drm, "%u ports, %u segments, %u imports, %u EIDs: not a valid device\n",
			fabric->num_ports, fabric->num_segments, fabric->num_imports,
			fabric->num_eids);
		return -ENODEV;
	}

	xa_init_flags(&fabric->exports, XA_FLAGS_ALLOC);
	xa_init_flags(&fabric->imports, XA_FLAGS_ALLOC);
	ret = drmm_mutex_init(&sdev->drm, &fabric->segment_lock);
	if (!ret)
		ret = drmm_mutex_init(&sdev->drm, &fabric->config_lock);
	if (!ret)
		ret = drmm_mutex_init(&sdev->drm, &fabric->ports_lock);
	if (!ret)
		ret = sfab_mgmt_init(fabric);
	if (ret)
		return ret;
	sdev->fabric = fabric;
	return 0;
}

/**
 * sfab_fabric_start - what needs a device that works
 * @sdev: device
 *
 * Return: 0 or a negative errno.
 */
int sfab_fabric_start(struct sfab_device *sdev)
{
	int idx, ret;

	if (!sdev->fabric)
		return 0;

	ret = sfab_segment_start(sdev->fabric);
	if (ret)
		return ret;
	ret = sfab_hw_get(sdev, &idx);
	if (ret)
		return ret;
	sfab_port_check(sdev->fabric, 0);
	sfab_hw_put(sdev, idx);
	return 0;
}

/**
 * sfab_fabric_stop - the reverse
 * @sdev: device, unplugged and quiet
 */
void sfab_fabric_stop(struct sfab_device *sdev)
{
	if (sdev->fabric)
		sfab_segment_stop(sdev->fabric);
}

/**
 * sfab_fabric_reset_begin - the hardware is at rest and has forgotten its tables
 * @sdev: device; reset_lock is held for writing
 * @error: -ENODEV on removal
 */
void sfab_fabric_reset_begin(struct sfab_device *sdev, int error)
{
	if (!sdev->fabric)
		return;

	sfab_segment_lost(sdev->fabric);
	sfab_mgmt_fail(sdev->fabric, error);
}

/**
 * sfab_fabric_reset_finish - give the hardware its tables again
 * @sdev: device, working again; reset_lock is held for writing
 */
void sfab_fabric_reset_finish(struct sfab_device *sdev)
{
	if (!sdev->fabric)
		return;

	sfab_import_restore(sdev->fabric);
	sfab_mgmt_restore(sdev->fabric);
	/* A change in between has raised no interrupt */
	sfab_port_check(sdev->fabric, 0);
	sfab_links_check(sdev->fabric, ~0U);
}

/**
 * sfab_fabric_interrupt - ports have changed, or datagrams have come
 * @sdev: device
 */
void sfab_fabric_interrupt(struct sfab_device *sdev)
{
	bool more = true;
	u32 events;
	int idx;

	if (!sdev->fabric)
		return;

	/* A reset gets its turn however fast datagrams come */
	while (more && !sfab_hw_get(sdev, &idx)) {
		events = readl(sdev->regs + SFAB_REG_PORT_EVENT);
		if (events && events != ~0U) {
			writel(events, sdev->regs + SFAB_REG_PORT_EVENT);
			sfab_port_check(sdev->fabric, events);
		}
		more = sfab_mgmt_receive(sdev->fabric);
		sfab_hw_put(sdev, idx);
		cond_resched();
	}
}

/**
 * sfab_fabric_job_timeout_ms - how long a job of this device may take
 * @sdev: device
 * @limit_ms: how long an operation of the fabric may in its queue; 0: OP_TIMEOUT
 *
 * An operation of the fabric has to fail before its job does.
 *
 * Return: milliseconds.
 */
unsigned int sfab_fabric_job_timeout_ms(struct sfab_device *sdev, unsigned int limit_ms)
{
	unsigned int timeout = sfab_job_timeout_ms();
	int idx;

	if (limit_ms)
		return max(timeout, limit_ms + SFAB_JOB_MARGIN_MS);
	if (sdev->fabric && !sfab_hw_get(sdev, &idx)) {
		u32 op_timeout = readl(sdev->regs + SFAB_REG_OP_TIMEOUT);

		if (op_timeout <= SFAB_OP_TIMEOUT_MAX)
			timeout = max(timeout, op_timeout + SFAB_JOB_MARGIN_MS);
		sfab_hw_put(sdev, idx);
	}
	return timeout;
}

/**
 * sfab_fabric_admin - may the caller change the fabric, and is there one
 * @fabric: fabric or NULL
 *
 * Return: 0, -EPERM or -EOPNOTSUPP.
 */
int sfab_fabric_admin(const struct sfab_fabric *fabric)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	return fabric ? 0 : -EOPNOTSUPP;
}

/**
 * sfab_fabric_query - answer SFAB_QUERY_FABRIC
 * @fabric: fabric
 * @answer: zeroed
 *
 * Return: 0, or -ENODEV.
 */
int sfab_fabric_query(struct sfab_fabric *fabric, struct sfab_query_fabric *answer)
{
	void __iomem *regs = fabric->sdev->regs;
	int ret, idx;

	ret = sfab_hw_get(fabric->sdev, &idx);
	if (ret)
		return ret;
	answer->eid = readl(regs + SFAB_REG_EID);
	answer->incarnation = readl(regs + SFAB_REG_INCARNATION);
	answer->op_timeout_ms = readl(regs + SFAB_REG_OP_TIMEOUT);
	answer->retry_timeout_ms = readl(regs + SFAB_REG_RETRY_TIMEOUT);
	answer->hoq_timeout_ms = readl(regs + SFAB_REG_HOQ_TIMEOUT);
	sfab_hw_put(fabric->sdev, idx);

	answer->num_ports = fabric->num_ports;
	answer->num_eids = fabric->num_eids;
	answer->max_segments = fabric->num_segments;
	answer->segments = sfab_xa_count(&fabric->exports);
	answer->max_imports = fabric->num_imports;
	answer->imports = sfab_xa_count(&fabric->imports);
	return 0;
}

/* A member that is not to be set must be 0 */
static bool sfab_config_is_valid(const struct sfab_fabric_config *args, u32 flag, u32 value,
				 u32 low, u32 high)
{
	return args->set & flag ? value >= low && value <= high : !value;
}

static int sfab_fabric_config_check(const struct sfab_fabric *fabric,
				    const struct sfab_fabric_config *args)
{
	const u32 known = SFAB_FABRIC_SET_EID | SFAB_FABRIC_SET_OP_TIMEOUT |
			  SFAB_FABRIC_SET_RETRY_TIMEOUT | SFAB_FABRIC_SET_HOQ_TIMEOUT |
			  SFAB_FABRIC_SET_KEY;

	if (!args->set || (args->set & ~known) || args->flags)
		return -EINVAL;
	if (!(args->set & SFAB_FABRIC_SET_KEY) && args->key)
		return -EINVAL;
	if (!sfab_config_is_valid(args, SFAB_FABRIC_SET_EID, args->eid,
				  0, sfab_num_eids(fabric) - 1) ||
	    !sfab_config_is_valid(args, SFAB_FABRIC_SET_OP_TIMEOUT, args->op_timeout_ms,
				  SFAB_OP_TIMEOUT_MIN, SFAB_OP_TIMEOUT_MAX) ||
	    !sfab_config_is_valid(args, SFAB_FABRIC_SET_RETRY_TIMEOUT, args->retry_timeout_ms,
				  SFAB_RETRY_TIMEOUT_MIN, SFAB_RETRY_TIMEOUT_MAX) ||
	    !sfab_config_is_valid(args, SFAB_FABRIC_SET_HOQ_TIMEOUT, args->hoq_timeout_ms,
				  SFAB_HOQ_TIMEOUT_MIN, SFAB_HOQ_TIMEOUT_MAX))
		return -EINVAL;
	return 0;
}

int sfab_fabric_config_ioctl(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct sfab_fabric_config *args = data;
	struct sfab_device *sdev = to_sfab(drm);
	void __iomem *regs = sdev->regs;
	int ret, idx;

	ret = sfab_fabric_config_check(sdev->fabric, args);
	if (ret)
		return ret;
	ret = sfab_fabric_admin(sdev->fabric);
	if (ret)
		return ret;

	ret = sfab_hw_get(sdev, &idx);
	if (ret)
		return ret;
	if (args->set & SFAB_FABRIC_SET_OP_TIMEOUT)
		writel(args->op_timeout_ms, regs + SFAB_REG_OP_TIMEOUT);
	if (args->set & SFAB_FABRIC_SET_RETRY_TIMEOUT)
		writel(args->retry_timeout_ms, regs + SFAB_REG_RETRY_TIMEOUT);
	if (args->set & SFAB_FABRIC_SET_HOQ_TIMEOUT)
		writel(args->hoq_timeout_ms, regs + SFAB_REG_HOQ_TIMEOUT);
	if (args->set & SFAB_FABRIC_SET_KEY)
		writeq(args->key, regs + SFAB_REG_M_KEY);
	if (args->set & SFAB_FABRIC_SET_EID)
		writel(args->eid, regs + SFAB_REG_EID);
	sfab_hw_put(sdev, idx);

	sfab_queue_raise_timeouts(sdev);
	return 0;
}

/* ---- sysfs, documented in Documentation/ABI/testing/sysfs-driver-sfab ---- */

static ssize_t eid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct sfab_device *sdev = dev_get_drvdata(dev);
	u32 eid;
	int ret, idx;

	ret = sfab_hw_get(sdev, &idx);
	if (ret)
		return ret;
	eid = readl(sdev->regs + SFAB_REG_EID);
	sfab_hw_put(sdev, idx);
	return sysfs_emit(buf, "%u\n", eid);
}
static DEVICE_ATTR_RO(eid);

struct sfab_port_attribute {
	struct device_attribute base;
	u32 port;
};

static ssize_t sfab_port_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct sfab_device *sdev = dev_get_drvdata(dev);
	u32 port = container_of(attr, struct sfab_port_attribute, base)->port;
	int ret, idx;
	u32 status;

	ret = sfab_hw_get(sdev, &idx);
	if (ret)
		return ret;
	status = readl(sdev->regs + SFAB_P_BLOCK(port) + SFAB_P_STATUS);
	sfab_hw_put(sdev, idx);
	return sysfs_emit(buf, "%s\n",
			  sfab_port_state_name(FIELD_GET(SFAB_P_STATUS_STATE, status)));
}

#define SFAB_PORT_ATTRIBUTE(n) \
	{ .base = __ATTR(port##n, 0444, sfab_port_show, NULL), .port = n }

static struct sfab_port_attribute sfab_port_attributes[SFAB_NUM_PORTS_MAX] = {
	SFAB_PORT_ATTRIBUTE(0), SFAB_PORT_ATTRIBUTE(1), SFAB_PORT_ATTRIBUTE(2),
	SFAB_PORT_ATTRIBUTE(3), SFAB_PORT_ATTRIBUTE(4), SFAB_PORT_ATTRIBUTE(5),
	SFAB_PORT_ATTRIBUTE(6), SFAB_PORT_ATTRIBUTE(7), SFAB_PORT_ATTRIBUTE(8),
	SFAB_PORT_ATTRIBUTE(9), SFAB_PORT_ATTRIBUTE(10), SFAB_PORT_ATTRIBUTE(11),
	SFAB_PORT_ATTRIBUTE(12), SFAB_PORT_ATTRIBUTE(13), SFAB_PORT_ATTRIBUTE(14),
	SFAB_PORT_ATTRIBUTE(15),
};

static struct attribute *sfab_fabric_attributes[] = {
	&sfab_port_attributes[0].base.attr, &sfab_port_attributes[1].base.attr,
	&sfab_port_attributes[2].base.attr, &sfab_port_attributes[3].base.attr,
	&sfab_port_attributes[4].base.attr, &sfab_port_attributes[5].base.attr,
	&sfab_port_attributes[6].base.attr, &sfab_port_attributes[7].base.attr,
	&sfab_port_attributes[8].base.attr, &sfab_port_attributes[9].base.attr,
	&sfab_port_attributes[10].base.attr, &sfab_port_attributes[11].base.attr,
	&sfab_port_attributes[12].base.attr, &sfab_port_attributes[13].base.attr,
	&sfab_port_attributes[14].base.attr, &sfab_port_attributes[15].base.attr,
	&dev_attr_eid.attr,
	NULL,
};

/* The ports come first, so that @n is their number */
static umode_t sfab_fabric_is_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	struct sfab_device *sdev = dev_get_drvdata(kobj_to_dev(kobj));

	if (!sdev->fabric)
		return 0;
	return n < SFAB_NUM_PORTS_MAX && n >= sdev->fabric->num_ports ? 0 : attr->mode;
}

const struct attribute_group sfab_fabric_group = {
	.name = "fabric",
	.attrs = sfab_fabric_attributes,
	.is_visible = sfab_fabric_is_visible,
};
