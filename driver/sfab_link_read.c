// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: what the module measures, and what the port counts
 *
 * The registers have the units of CMIS; here they become those of the UAPI.
 */
#include <linux/bitfield.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/math.h>
#include <linux/math64.h>
#include <linux/string.h>

#include "sfab_link.h"

/* The hardware changes it all within microseconds, and a millisecond apart or more */
#define SFAB_LINK_READ_TRIES	32
#define SFAB_LINK_READ_SLEEP_US	20

/* F16 is m * 10^(s - 24) */
#define SFAB_F16_SCALE		GENMASK(15, 11)
#define SFAB_F16_MANTISSA	GENMASK(10, 0)
#define SFAB_F16_BIAS		24

/* The UAPI counts errors in 10^18 bits */
#define SFAB_BER_DIGITS		18
#define SFAB_BER_ONE		1000000000000000000ULL

static u64 sfab_link_ber(u16 f16)
{
	u64 ber = FIELD_GET(SFAB_F16_MANTISSA, f16);
	int digits = (int)FIELD_GET(SFAB_F16_SCALE, f16) - SFAB_F16_BIAS + SFAB_BER_DIGITS;

	for (; digits < 0 && ber; digits++)
		ber = DIV_ROUND_CLOSEST_ULL(ber, 10);
	for (; digits > 0 && ber && ber < SFAB_BER_ONE; digits--)
		ber *= 10;
	return min(ber, SFAB_BER_ONE);
}

/* From C / 256 to C / 1000, and so for dB */
static s32 sfab_link_milli(s32 value)
{
	return DIV_ROUND_CLOSEST(value * 1000, 256);
}

/* From 100 uV */
static u32 sfab_link_supply_mv(u64 optics)
{
	return DIV_ROUND_CLOSEST((u32)FIELD_GET(SFAB_P_OPTICS_SUPPLY, optics), 10);
}

static s32 sfab_link_temperature_mc(u64 optics)
{
	return sfab_link_milli((s16)FIELD_GET(SFAB_P_OPTICS_TEMPERATURE, optics));
}

static void sfab_link_lane(struct sfab_link *link, u32 lane, struct sfab_link_lane *reading)
{
	u64 power = readq(link->regs + SFAB_P_LANE_POWER + lane * SFAB_P_LANE_STRIDE);
	u64 state = readq(link->regs + SFAB_P_LANE_STATE + lane * SFAB_P_LANE_STRIDE);

	reading->tx_power_nw = FIELD_GET(SFAB_P_LANE_POWER_TX, power) * 100;
	reading->rx_power_nw = FIELD_GET(SFAB_P_LANE_POWER_RX, power) * 100;
	reading->bias_ua = FIELD_GET(SFAB_P_LANE_POWER_BIAS, power) * 2;
	reading->snr_mdb = sfab_link_milli(FIELD_GET(SFAB_P_LANE_POWER_SNR, power));
	reading->ber = sfab_link_ber(FIELD_GET(SFAB_P_LANE_STATE_BER, state));
	reading->temperature_mc =
		sfab_link_milli((s16)FIELD_GET(SFAB_P_LANE_STATE_TEMPERATURE, state));
	reading->age_percent = FIELD_GET(SFAB_P_LANE_STATE_AGE, state);
}

/**
 * sfab_link_at_once - have what the module tells read, all of it of one moment
 * @link: link
 * @take: reads it; is called again when something has changed meanwhile
 * @answer: for @take
 *
 * Return: 0, -ENODEV, or -EAGAIN.
 */
int sfab_link_at_once(struct sfab_link *link,
		      void (*take)(struct sfab_link *link, void *answer), void *answer)
{
	void __iomem *changes = link->regs + SFAB_P_CHANGES;
	unsigned int tries = SFAB_LINK_READ_TRIES;
	int ret, idx;
	u64 before;

	ret = sfab_hw_get(link->sdev, &idx);
	if (ret)
		return ret;
	ret = -EAGAIN;
	while (ret && tries--) {
		before = readq(changes);
		if (before == ~0ULL) {
			/* Pulled out, and not told yet */
			ret = -ENODEV;
			break;
		}
		if (before & 1) {
			usleep_range(SFAB_LINK_READ_SLEEP_US, 2 * SFAB_LINK_READ_SLEEP_US);
			continue;
		}
		take(link, answer);
		if (readq(changes) == before)
			ret = 0;
	}
	sfab_hw_put(link->sdev, idx);
	return ret;
}

static void sfab_link_measure(struct sfab_link *link, void *answer)
{
	struct sfab_link_readings *readings = answer;
	u64 optics = readq(link->regs + SFAB_P_OPTICS);
	u64 masks = readq(link->regs + SFAB_P_LANE_MASKS);
	u32 lane;

	memset_after(readings, 0, flags);
	readings->interval = readq(link->regs + SFAB_P_TICKS);
	readings->status = (optics & SFAB_P_OPTICS_ON ? SFAB_LINK_LASERS_ON : 0) |
			   (optics & SFAB_P_OPTICS_SHUT ? SFAB_LINK_TOO_HOT : 0) |
			   (optics & SFAB_P_OPTICS_ALIGNED ? SFAB_LINK_ALIGNED : 0);
	readings->lanes = link->lanes;
	readings->temperature_mc = sfab_link_temperature_mc(optics);
	readings->supply_mv = sfab_link_supply_mv(optics);
	readings->ber = sfab_link_ber(FIELD_GET(SFAB_P_OPTICS_BER, optics));
	readings->used = FIELD_GET(SFAB_P_LANE_MASKS_USED, masks);
	readings->los = FIELD_GET(SFAB_P_LANE_MASKS_LOS, masks);
	readings->lol = FIELD_GET(SFAB_P_LANE_MASKS_LOL, masks);
	readings->tx_fail = FIELD_GET(SFAB_P_LANE_MASKS_TXFAIL, masks);
	readings->ber_bits = readq(link->regs + SFAB_P_BER_BITS);
	readings->ber_errors = readq(link->regs + SFAB_P_BER_ERRORS);
	readings->ber_ns = readq(link->regs + SFAB_P_BER_NS);
	for (lane = 0; lane < link->lanes; lane++)
		sfab_link_lane(link, lane, &readings->lane[lane]);
	sfab_link_map_limits(link, readings);
}

/**
 * sfab_link_read_readings - what the module measures
 * @link: link
 * @readings: filled in behind flags
 *
 * Return: 0, -ENODEV, or -EAGAIN.
 */
int sfab_link_read_readings(struct sfab_link *link, struct sfab_link_readings *readings)
{
	return sfab_link_at_once(link, sfab_link_measure, readings);
}

/**
 * sfab_link_read_case - temperature and supply alone, for hwmon
 * @link: link
 * @temperature_mc: 0.001 C
 * @supply_mv: mV
 *
 * Return: 0, or -ENODEV.
 */
int sfab_link_read_case(struct sfab_link *link, s32 *temperature_mc, u32 *supply_mv)
{
	int ret, idx;
	u64 optics;

	ret = sfab_hw_get(link->sdev, &idx);
	if (ret)
		return ret;
	optics = readq(link->regs + SFAB_P_OPTICS);
	sfab_hw_put(link->sdev, idx);
	*temperature_mc = sfab_link_temperature_mc(optics);
	*supply_mv = sfab_link_supply_mv(optics);
	return 0;
}

/**
 * sfab_link_read_lane - a lane alone, for hwmon
 * @link: link
 * @lane: lane, one of those that there are
 * @reading: filled in
 *
 * Return: 0, or -ENODEV.
 */
int sfab_link_read_lane(struct sfab_link *link, u32 lane, struct sfab_link_lane *reading)
{
	int ret, idx;

	ret = sfab_hw_get(link->sdev, &idx);
	if (ret)
		return ret;
	sfab_link_lane(link, lane, reading);
	sfab_hw_put(link->sdev, idx);
	return 0;
}

int sfab_link_readings_ioctl(struct file *filp, void *data)
{
	struct sfab_link_file *file = filp->private_data;
	struct sfab_link_readings *args = data;

	return args->flags ? -EINVAL : sfab_link_read_readings(file->link, args);
}

/**
 * sfab_link_read_u64s - read registers that follow one another
 * @regs: the first, of 64 bits
 * @values: filled in
 * @count: how many
 */
void sfab_link_read_u64s(void __iomem *regs, u64 *values, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		values[i] = readq(regs + i * sizeof(u64));
}

/* Members and registers have the same order */
#define SFAB_LINK_NUM_PACKETS	(SFAB_P_COUNTER_FAILOVERS + 1)
static_assert(offsetof(struct sfab_link_counters, failovers) -
	      offsetof(struct sfab_link_counters, tx_bytes) ==
	      SFAB_P_COUNTER_FAILOVERS * sizeof(u64));
#define SFAB_LINK_NUM_FEC	((SFAB_P_SYMBOLS - SFAB_P_CODEWORDS) / sizeof(u64) + 1)
static_assert(offsetof(struct sfab_link_counters, symbols) -
	      offsetof(struct sfab_link_counters, codewords) ==
	      SFAB_P_SYMBOLS - SFAB_P_CODEWORDS);

int sfab_link_counters_ioctl(struct file *filp, void *data)
{
	struct sfab_link_file *file = filp->private_data;
	struct sfab_link_counters *args = data;
	struct sfab_link *link = file->link;
	int ret, idx;

	if (args->flags)
		return -EINVAL;
	ret = sfab_hw_get(link->sdev, &idx);
	if (ret)
		return ret;
	memset_after(args, 0, flags);
	args->time_ns = ktime_get_boottime_ns();
	sfab_link_read_u64s(link->regs + SFAB_P_COUNTER, &args->tx_bytes, SFAB_LINK_NUM_PACKETS);
	sfab_link_read_u64s(link->regs + SFAB_P_CODEWORDS, &args->codewords, SFAB_LINK_NUM_FEC);
	sfab_link_read_u64s(link->regs + SFAB_P_HISTOGRAM, args->histogram,
			    ARRAY_SIZE(args->histogram));
	args->relocks = readl(link->regs + SFAB_P_RELOCKS);
	sfab_hw_put(link->sdev, idx);

	spin_lock(&link->events_lock);
	args->clears = link->clears;
	args->packets_cleared_ns = link->packets_cleared_ns;
	args->fec_cleared_ns = link->fec_cleared_ns;
	spin_unlock(&link->events_lock);
	return 0;
}
