// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: temperature, supply, laser currents and optical powers by hwmon, for sensors(1)
 *
 * Channels beyond the lanes that a link has are not visible.  Limits are those of the module
 * that is plugged: crit and lcrit what it gives an alarm beyond, max and min a warning.
 */
#include <linux/hwmon.h>

#include "sfab_link.h"

/* temp1 is the case's, then one for each laser; power is that of all lanes sent, then received */
#define SFAB_HWMON_CASE		0
#define SFAB_HWMON_LASER	1

static const u32 sfab_hwmon_temp_config[] = {
	[SFAB_HWMON_CASE] = HWMON_T_INPUT | HWMON_T_LABEL | HWMON_T_LCRIT | HWMON_T_MIN |
			    HWMON_T_MAX | HWMON_T_CRIT,
	[SFAB_HWMON_LASER ... SFAB_LINK_LANES] = HWMON_T_INPUT | HWMON_T_LABEL,
	0
};

static const u32 sfab_hwmon_in_config[] = {
	HWMON_I_INPUT | HWMON_I_LABEL | HWMON_I_LCRIT | HWMON_I_MIN | HWMON_I_MAX | HWMON_I_CRIT,
	0
};

static const u32 sfab_hwmon_curr_config[] = {
	[0 ... SFAB_LINK_LANES - 1] = HWMON_C_INPUT | HWMON_C_LABEL | HWMON_C_LCRIT |
				    HWMON_C_MIN | HWMON_C_MAX | HWMON_C_CRIT,
	0
};

static const u32 sfab_hwmon_power_config[] = {
	[0 ... 2 * SFAB_LINK_LANES - 1] = HWMON_P_INPUT | HWMON_P_LABEL | HWMON_P_LCRIT |
					HWMON_P_MIN | HWMON_P_MAX | HWMON_P_CRIT,
	0
};

static const struct hwmon_channel_info * const sfab_hwmon_channels[] = {
	&(const struct hwmon_channel_info){ hwmon_temp, sfab_hwmon_temp_config },
	&(const struct hwmon_channel_info){ hwmon_in, sfab_hwmon_in_config },
	&(const struct hwmon_channel_info){ hwmon_curr, sfab_hwmon_curr_config },
	&(const struct hwmon_channel_info){ hwmon_power, sfab_hwmon_power_config },
	NULL
};

/* The lane that a channel is about, or 0 */
static u32 sfab_hwmon_lane(enum hwmon_sensor_types type, int channel)
{
	switch (type) {
	case hwmon_temp:
		return channel >= SFAB_HWMON_LASER ? channel - SFAB_HWMON_LASER : 0;
	case hwmon_curr:
		return channel;
	case hwmon_power:
		return channel % SFAB_LINK_LANES;
	default:
		return 0;
	}
}

static umode_t sfab_hwmon_is_visible(const void *data, enum hwmon_sensor_types type, u32 attr,
				     int channel)
{
	const struct sfab_link *link = data;

	return sfab_hwmon_lane(type, channel) < link->lanes ? 0444 : 0;
}

/* ---- limits ---- */

static const struct {
	enum hwmon_sensor_types type;
	u32 attr;
	size_t at;
} sfab_hwmon_limits[] = {
	{ hwmon_temp, hwmon_temp_crit, offsetof(struct sfab_link_limits, high_alarm) },
	{ hwmon_in, hwmon_in_crit, offsetof(struct sfab_link_limits, high_alarm) },
	{ hwmon_curr, hwmon_curr_crit, offsetof(struct sfab_link_limits, high_alarm) },
	{ hwmon_power, hwmon_power_crit, offsetof(struct sfab_link_limits, high_alarm) },
	{ hwmon_temp, hwmon_temp_lcrit, offsetof(struct sfab_link_limits, low_alarm) },
	{ hwmon_in, hwmon_in_lcrit, offsetof(struct sfab_link_limits, low_alarm) },
	{ hwmon_curr, hwmon_curr_lcrit, offsetof(struct sfab_link_limits, low_alarm) },
	{ hwmon_power, hwmon_power_lcrit, offsetof(struct sfab_link_limits, low_alarm) },
	{ hwmon_temp, hwmon_temp_max, offsetof(struct sfab_link_limits, high_warning) },
	{ hwmon_in, hwmon_in_max, offsetof(struct sfab_link_limits, high_warning) },
	{ hwmon_curr, hwmon_curr_max, offsetof(struct sfab_link_limits, high_warning) },
	{ hwmon_power, hwmon_power_max, offsetof(struct sfab_link_limits, high_warning) },
	{ hwmon_temp, hwmon_temp_min, offsetof(struct sfab_link_limits, low_warning) },
	{ hwmon_in, hwmon_in_min, offsetof(struct sfab_link_limits, low_warning) },
	{ hwmon_curr, hwmon_curr_min, offsetof(struct sfab_link_limits, low_warning) },
	{ hwmon_power, hwmon_power_min, offsetof(struct sfab_link_limits, low_warning) },
};

/* Where in struct sfab_link_limits it is, or -1: it is no limit */
static int sfab_hwmon_limit_at(enum hwmon_sensor_types type, u32 attr)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sfab_hwmon_limits); i++) {
		if (sfab_hwmon_limits[i].type == type && sfab_hwmon_limits[i].attr == attr)
			return sfab_hwmon_limits[i].at;
	}
	return -1;
}

static const struct sfab_link_limits *
sfab_hwmon_limits_of(const struct sfab_link_readings *readings, enum hwmon_sensor_types type,
		     int channel)
{
	switch (type) {
	case hwmon_temp:
		return &readings->temperature_limits;
	case hwmon_in:
		return &readings->supply_limits;
	case hwmon_curr:
		return &readings->bias_limits;
	default:
		return channel < SFAB_LINK_LANES ? &readings->tx_power_limits :
						   &readings->rx_power_limits;
	}
}

static void sfab_hwmon_take_limits(struct sfab_link *link, void *answer)
{
	struct sfab_link_readings *readings = answer;

	readings->status = 0;
	sfab_link_map_limits(link, readings);
}

static int sfab_hwmon_read_limit(struct sfab_link *link, enum hwmon_sensor_types type,
				 int channel, int at, long *value)
{
	struct sfab_link_readings readings;
	int ret = sfab_link_at_once(link, sfab_hwmon_take_limits, &readings);
	s32 limit;

	if (ret)
		return ret;
	/* No module is plugged */
	if (!(readings.status & SFAB_LINK_LIMITS))
		return -ENODATA;
	limit = *(const s32 *)((const u8 *)sfab_hwmon_limits_of(&readings, type, channel) + at);
	*value = type == hwmon_curr || type == hwmon_power ? DIV_ROUND_CLOSEST(limit, 1000) : limit;
	return 0;
}

/* ---- readings ---- */

static int sfab_hwmon_read_case(struct sfab_link *link, enum hwmon_sensor_types type, long *value)
{
	s32 temperature_mc;
	u32 supply_mv;
	int ret;

	ret = sfab_link_read_case(link, &temperature_mc, &supply_mv);
	if (!ret)
		*value = type == hwmon_temp ? temperature_mc : supply_mv;
	return ret;
}

static int sfab_hwmon_read(struct device *dev, enum hwmon_sensor_types type, u32 attr,
			   int channel, long *value)
{
	struct sfab_link *link = dev_get_drvdata(dev);
	int ret, at = sfab_hwmon_limit_at(type, attr);
	struct sfab_link_lane lane;

	if (at >= 0)
		return sfab_hwmon_read_limit(link, type, channel, at, value);
	if (type == hwmon_in || (type == hwmon_temp && channel == SFAB_HWMON_CASE))
		return sfab_hwmon_read_case(link, type, value);
	ret = sfab_link_read_lane(link, sfab_hwmon_lane(type, channel), &lane);
	if (ret)
		return ret;
	switch (type) {
	case hwmon_temp:
		*value = lane.temperature_mc;
		return 0;
	case hwmon_curr:
		*value = DIV_ROUND_CLOSEST(lane.bias_ua, 1000);
		return 0;
	case hwmon_power:
		*value = DIV_ROUND_CLOSEST(channel < SFAB_LINK_LANES ? lane.tx_power_nw :
								       lane.rx_power_nw, 1000);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static const char * const sfab_hwmon_lasers[SFAB_LINK_LANES] = {
	"laser 0", "laser 1", "laser 2", "laser 3", "laser 4", "laser 5", "laser 6",
	"laser 7", "laser 8", "laser 9", "laser 10", "laser 11", "laser 12", "laser 13",
	"laser 14", "laser 15",
};

static const char * const sfab_hwmon_biases[SFAB_LINK_LANES] = {
	"bias 0", "bias 1", "bias 2", "bias 3", "bias 4", "bias 5", "bias 6", "bias 7",
	"bias 8", "bias 9", "bias 10", "bias 11", "bias 12", "bias 13", "bias 14",
	"bias 15",
};

static const char * const sfab_hwmon_sent[SFAB_LINK_LANES] = {
	"tx 0", "tx 1", "tx 2", "tx 3", "tx 4", "tx 5", "tx 6", "tx 7", "tx 8", "tx 9",
	"tx 10", "tx 11", "tx 12", "tx 13", "tx 14", "tx 15",
};

static const char * const sfab_hwmon_received[SFAB_LINK_LANES] = {
	"rx 0", "rx 1", "rx 2", "rx 3", "rx 4", "rx 5", "rx 6", "rx 7", "rx 8", "rx 9",
	"rx 10", "rx 11", "rx 12", "rx 13", "rx 14", "rx 15",
};

static int sfab_hwmon_read_string(struct device *dev, enum hwmon_sensor_types type, u32 attr,
				  int channel, const char **text)
{
	u32 lane = sfab_hwmon_lane(type, channel);

	switch (type) {
	case hwmon_temp:
		*text = channel == SFAB_HWMON_CASE ? "module" : sfab_hwmon_lasers[lane];
		return 0;
	case hwmon_in:
		*text = "supply";
		return 0;
	case hwmon_curr:
		*text = sfab_hwmon_biases[lane];
		return 0;
	case hwmon_power:
		*text = channel < SFAB_LINK_LANES ? sfab_hwmon_sent[lane] :
						  sfab_hwmon_received[lane];
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static const struct hwmon_ops sfab_hwmon_ops = {
	.is_visible = sfab_hwmon_is_visible,
	.read = sfab_hwmon_read,
	.read_string = sfab_hwmon_read_string,
};

static const struct hwmon_chip_info sfab_hwmon_chip = {
	.ops = &sfab_hwmon_ops,
	.info = sfab_hwmon_channels,
};

/**
 * sfab_link_hwmon_init - register the hwmon device
 * @link: link, registered
 *
 * The ports of an accelerator have the same PCI address: their names tell them apart.
 *
 * Return: 0 or a negative errno.
 */
int sfab_link_hwmon_init(struct sfab_link *link)
{
	struct device *hwmon;

	scnprintf(link->hwmon_name, sizeof(link->hwmon_name), "sfab_port%u", link->port);
	hwmon = hwmon_device_register_with_info(&link->dev, link->hwmon_name, link,
						&sfab_hwmon_chip, NULL);
	if (IS_ERR(hwmon))
		return PTR_ERR(hwmon);
	link->hwmon = hwmon;
	return 0;
}

/**
 * sfab_link_hwmon_fini - the reverse
 * @link: link
 */
void sfab_link_hwmon_fini(struct sfab_link *link)
{
	hwmon_device_unregister(link->hwmon);
}
