// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: attributes, documented in Documentation/ABI/testing/sysfs-class-sfab_link
 *
 * One value a file, for people and scripts; the ioctls tell more, and all at once.
 */
#include <linux/bitfield.h>
#include <linux/sysfs.h>

#include "sfab_link.h"

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%pUb\n", &to_sfab_link(dev)->sdev->uuid);
}
static DEVICE_ATTR_RO(uuid);

static ssize_t port_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", to_sfab_link(dev)->port);
}
static DEVICE_ATTR_RO(port);

static ssize_t lanes_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", to_sfab_link(dev)->lanes);
}
static DEVICE_ATTR_RO(lanes);

/* What struct sfab_link_status tells */
#define SFAB_LINK_STATUS_ATTR(name, format, ...)					\
static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
{											\
	struct sfab_link_status status;							\
	int ret = sfab_link_read_status(to_sfab_link(dev), &status);			\
											\
	return ret ? ret : sysfs_emit(buf, format "\n", __VA_ARGS__);			\
}											\
static DEVICE_ATTR_RO(name)

SFAB_LINK_STATUS_ATTR(state, "%s", sfab_port_state_name(status.state));
SFAB_LINK_STATUS_ATTR(reason, "%s", sfab_port_reason_name(status.reason));
SFAB_LINK_STATUS_ATTR(lanes_in_use, "%u", status.lanes);
SFAB_LINK_STATUS_ATTR(path, "%u", status.path_in_use);
SFAB_LINK_STATUS_ATTR(flaps, "%llu", status.downs);
SFAB_LINK_STATUS_ATTR(partner, "%s", sfab_port_peer_name(status.partner));
SFAB_LINK_STATUS_ATTR(partner_uuid, "%pUb", status.partner_uuid);
SFAB_LINK_STATUS_ATTR(partner_port, "%u", status.partner_port);

/* What struct sfab_link_readings tells */
#define SFAB_LINK_READING_ATTR(name, format, ...)					\
static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
{											\
	struct sfab_link_readings readings;						\
	int ret = sfab_link_read_readings(to_sfab_link(dev), &readings);		\
											\
	return ret ? ret : sysfs_emit(buf, format "\n", __VA_ARGS__);			\
}											\
static DEVICE_ATTR_RO(name)

SFAB_LINK_READING_ATTR(temperature, "%d", readings.temperature_mc);
SFAB_LINK_READING_ATTR(supply, "%u", readings.supply_mv);
SFAB_LINK_READING_ATTR(ber, "%llu", readings.ber);

static struct attribute *sfab_link_attrs[] = {
	&dev_attr_uuid.attr,
	&dev_attr_port.attr,
	&dev_attr_lanes.attr,
	&dev_attr_state.attr,
	&dev_attr_reason.attr,
	&dev_attr_lanes_in_use.attr,
	&dev_attr_path.attr,
	&dev_attr_flaps.attr,
	&dev_attr_partner.attr,
	&dev_attr_partner_uuid.attr,
	&dev_attr_partner_port.attr,
	&dev_attr_temperature.attr,
	&dev_attr_supply.attr,
	&dev_attr_ber.attr,
	NULL,
};

static struct bin_attribute *sfab_link_bin_attrs[] = {
	&sfab_link_cmis_attr,
	NULL,
};

static const struct attribute_group sfab_link_group = {
	.attrs = sfab_link_attrs,
	.bin_attrs = sfab_link_bin_attrs,
};

const struct attribute_group *sfab_link_groups[] = {
	&sfab_link_group,
	NULL,
};
