// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: the CMIS memory map of the module
 *
 * The hardware shows the pages that its modules have as slots of 128 bytes one after the
 * other; the map of the UAPI has them where CMIS does, and zeros between.  Bytes are in the
 * order of the standard, big-endian.
 */
#include <linux/ctype.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>

#include "sfab_link.h"

#define SFAB_CMIS_PAGE		128
/* Where byte @byte of upper page @page is in the map */
#define SFAB_CMIS_AT(page, byte)	((page) * SFAB_CMIS_PAGE + (byte))

/* Page 00h: texts, padded with blanks */
#define SFAB_CMIS_VENDOR	SFAB_CMIS_AT(0x00, 129)
#define SFAB_CMIS_PART		SFAB_CMIS_AT(0x00, 148)
#define SFAB_CMIS_REVISION	SFAB_CMIS_AT(0x00, 164)
#define SFAB_CMIS_SERIAL	SFAB_CMIS_AT(0x00, 166)
/* Page 02h: alarm high and low, warning high and low; 2 bytes each */
#define SFAB_CMIS_TEMPERATURE	SFAB_CMIS_AT(0x02, 128)
#define SFAB_CMIS_SUPPLY	SFAB_CMIS_AT(0x02, 136)
#define SFAB_CMIS_TX_POWER	SFAB_CMIS_AT(0x02, 176)
#define SFAB_CMIS_BIAS		SFAB_CMIS_AT(0x02, 184)
#define SFAB_CMIS_RX_POWER	SFAB_CMIS_AT(0x02, 192)
#define SFAB_CMIS_LIMITS_SIZE	8

/* Where the slots begin in the map: the lower page, then upper ones */
static const u16 sfab_cmis_slots[] = {
	0,
	SFAB_CMIS_AT(0x00, 128), SFAB_CMIS_AT(0x01, 128), SFAB_CMIS_AT(0x02, 128),
	SFAB_CMIS_AT(0x10, 128), SFAB_CMIS_AT(0x11, 128), SFAB_CMIS_AT(0x20, 128),
	SFAB_CMIS_AT(0x24, 128), SFAB_CMIS_AT(0x28, 128), SFAB_CMIS_AT(0x2c, 128),
	SFAB_CMIS_AT(0x2f, 128),
};

static void sfab_link_slot_get(struct sfab_link *link, u32 slot, u32 from, u32 to, u8 *data)
{
	void __iomem *regs = link->sdev->regs + SFAB_CMIS(link->port) + slot * SFAB_CMIS_PAGE;
	u8 word[sizeof(u64)];
	u32 at;

	for (at = round_down(from, sizeof(word)); at < to; at += sizeof(word)) {
		u32 first = max(at, from), end = min_t(u32, at + sizeof(word), to);

		put_unaligned_le64(readq(regs + at), word);
		memcpy(data + first - from, word + first - at, end - first);
	}
}

/**
 * sfab_link_map_get - read a part of the map; of one moment only within sfab_link_at_once()
 * @link: link
 * @data: filled in
 * @offset: first byte
 * @length: how many
 */
void sfab_link_map_get(struct sfab_link *link, u8 *data, u32 offset, u32 length)
{
	u32 slot;

	memset(data, 0, length);
	for (slot = 0; slot < ARRAY_SIZE(sfab_cmis_slots); slot++) {
		u32 begin = sfab_cmis_slots[slot];
		u32 from = max(begin, offset), to = min(begin + SFAB_CMIS_PAGE, offset + length);

		if (from < to)
			sfab_link_slot_get(link, slot, from - begin, to - begin,
					   data + from - offset);
	}
}

/* ---- what the driver itself wants to know of it ---- */

/* Without the blanks; and what is no text is not passed on as one */
static void sfab_link_map_text(struct sfab_link *link, char *text, u32 at, u32 length)
{
	u32 i;

	sfab_link_map_get(link, (u8 *)text, at, length);
	text[length] = '\0';
	for (i = 0; i < length && text[i]; i++) {
		if (!isascii(text[i]) || !isprint(text[i]))
			text[i] = '?';
	}
	strim(text);
}

/**
 * sfab_link_map_names - what the module is called; within sfab_link_at_once()
 * @link: link with a module
 * @info: its names are filled in
 */
void sfab_link_map_names(struct sfab_link *link, struct sfab_link_info *info)
{
	sfab_link_map_text(link, info->vendor, SFAB_CMIS_VENDOR, 16);
	sfab_link_map_text(link, info->part, SFAB_CMIS_PART, 16);
	sfab_link_map_text(link, info->revision, SFAB_CMIS_REVISION, 2);
	sfab_link_map_text(link, info->module_serial, SFAB_CMIS_SERIAL, 16);
}

/**
 * sfab_link_map_limits - thresholds of page 02h, if a module is plugged; within
 * sfab_link_at_once()
 * @link: link
 * @readings: its limits are filled in, and SFAB_LINK_LIMITS of its status is set
 */
void sfab_link_map_limits(struct sfab_link *link, struct sfab_link_readings *readings)
{
	const struct {
		struct sfab_link_limits *limits;
		u32 at;
		bool is_signed;
		s32 multiplier, divisor;	/* from the unit of CMIS to that of the UAPI */
	} kinds[] = {
		{ &readings->temperature_limits, SFAB_CMIS_TEMPERATURE, true, 1000, 256 },
		{ &readings->supply_limits, SFAB_CMIS_SUPPLY, false, 1, 10 },
		{ &readings->tx_power_limits, SFAB_CMIS_TX_POWER, false, 100, 1 },
		{ &readings->rx_power_limits, SFAB_CMIS_RX_POWER, false, 100, 1 },
		{ &readings->bias_limits, SFAB_CMIS_BIAS, false, 2, 1 },
	};
	u8 raw[SFAB_CMIS_LIMITS_SIZE];
	s32 value[4];
	u32 k, i;

	if (!(readl(link->regs + SFAB_P_MODULE) & SFAB_P_MODULE_PRESENT))
		return;
	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		sfab_link_map_get(link, raw, kinds[k].at, sizeof(raw));
		for (i = 0; i < ARRAY_SIZE(value); i++) {
			s32 code = get_unaligned_be16(raw + 2 * i);

			if (kinds[k].is_signed)
				code = (s16)code;
			value[i] = DIV_ROUND_CLOSEST(code * kinds[k].multiplier, kinds[k].divisor);
		}
		*kinds[k].limits = (struct sfab_link_limits){
			.high_alarm = value[0],
			.low_alarm = value[1],
			.high_warning = value[2],
			.low_warning = value[3],
		};
	}
	readings->status |= SFAB_LINK_LIMITS;
}

/* ---- MAP, and the attribute ---- */

struct sfab_link_map_part {
	u8 *data;
	u32 offset;
	u32 length;
	u64 interval;
	bool present;
};

static void sfab_link_map_take(struct sfab_link *link, void *answer)
{
	struct sfab_link_map_part *part = answer;

	part->present = readl(link->regs + SFAB_P_MODULE) & SFAB_P_MODULE_PRESENT;
	part->interval = readq(link->regs + SFAB_P_TICKS);
	if (part->present)
		sfab_link_map_get(link, part->data, part->offset, part->length);
}

static int sfab_link_map_part(struct sfab_link *link, struct sfab_link_map_part *part)
{
	int ret = sfab_link_at_once(link, sfab_link_map_take, part);

	if (ret)
		return ret;
	return part->present ? 0 : -ENXIO;
}

int sfab_link_map_ioctl(struct file *filp, void *data)
{
	struct sfab_link_file *file = filp->private_data;
	struct sfab_link_map *args = data;
	struct sfab_link_map_part part = { .offset = args->offset, .length = args->length };
	void __user *user = u64_to_user_ptr(args->data);
	int ret;

	if (args->flags || !part.length || part.offset > SFAB_LINK_MAP_SIZE ||
	    part.length > SFAB_LINK_MAP_SIZE - part.offset)
		return -EINVAL;
	if (fault_in_safe_writeable(user, part.length))
		return -EFAULT;
	part.data = kvmalloc(part.length, GFP_KERNEL_ACCOUNT);
	if (!part.data)
		return -ENOMEM;
	ret = sfab_link_map_part(file->link, &part);
	if (!ret && copy_to_user(user, part.data, part.length))
		ret = -EFAULT;
	kvfree(part.data);
	args->interval = part.interval;
	return ret;
}

static ssize_t cmis_read(struct file *filp, struct kobject *kobj, struct bin_attribute *attr,
			 char *buf, loff_t offset, size_t count)
{
	struct sfab_link_map_part part = { .data = buf, .offset = offset, .length = count };
	int ret = sfab_link_map_part(to_sfab_link(kobj_to_dev(kobj)), &part);

	return ret ? ret : count;
}

/* sysfs keeps offset and count within the size */
struct bin_attribute sfab_link_cmis_attr = {
	.attr = { .name = "cmis", .mode = 0444 },
	.read = cmis_read,
	.size = SFAB_LINK_MAP_SIZE,
};
