// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: what a link is, how it is, and how it is to be
 */
#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include <drm/drm_file.h>

#include "sfab_link.h"

/* The numbers of both UAPIs are those of the hardware */
static_assert((int)SFAB_LINK_FAILED == (int)SFAB_PORT_FAILED);
static_assert((int)SFAB_LINK_WHY_PARTNER == (int)SFAB_REASON_PARTNER);
static_assert((int)SFAB_LINK_PARTNER_SWITCH == (int)SFAB_PEER_SWITCH);

/* What of it may change: the module, which may be swapped meanwhile */
static void sfab_link_take_module(struct sfab_link *link, void *answer)
{
	struct sfab_link_info *info = answer;
	u32 module = readl(link->regs + SFAB_P_MODULE);

	memset_after(info, 0, reserved);
	info->insertions = FIELD_GET(SFAB_P_MODULE_INSERTIONS, module);
	info->present = FIELD_GET(SFAB_P_MODULE_PRESENT, module);
	if (info->present)
		sfab_link_map_names(link, info);
}

int sfab_link_info_ioctl(struct file *filp, void *data)
{
	struct sfab_link_file *file = filp->private_data;
	struct sfab_link *link = file->link;
	struct sfab_device *sdev = link->sdev;
	struct sfab_link_info *args = data;
	int ret;

	if (args->flags)
		return -EINVAL;
	ret = sfab_link_at_once(link, sfab_link_take_module, args);
	if (ret)
		return ret;

	export_uuid(args->uuid, &sdev->uuid);
	args->serial = sdev->serial;
	strscpy_pad(args->pci, dev_name(sdev->drm.dev));
	args->accel = sdev->drm.accel->index;
	args->port = link->port;
	args->lanes = link->lanes;
	args->lane_rate = link->lane_rate;
	args->paths = link->paths;
	args->reserved = 0;
	args->caps = SFAB_LINK_CAP_MODULE | SFAB_LINK_CAP_MAP | SFAB_LINK_CAP_SWITCH |
		     SFAB_LINK_CAP_TEST | SFAB_LINK_CAP_CLEAR;
	args->kept = SFAB_LINK_KEPT_PACKETS | SFAB_LINK_KEPT_FEC | SFAB_LINK_KEPT_MODULE |
		     SFAB_LINK_KEPT_CONFIG;
	return 0;
}

/**
 * sfab_link_read_far - who is at the other end
 * @link: link; between sfab_hw_get() and put
 * @far: filled in
 */
void sfab_link_read_far(struct sfab_link *link, struct sfab_link_far *far)
{
	u32 peer = readl(link->regs + SFAB_P_PEER);

	*far = (struct sfab_link_far){ .kind = FIELD_GET(SFAB_P_PEER_KIND, peer) };
	if (far->kind == SFAB_LINK_PARTNER_NONE)
		return;
	far->eid = FIELD_GET(SFAB_P_PEER_EID, peer);
	far->port = FIELD_GET(SFAB_P_PEER_PORT, peer);
	put_unaligned_le64(readq(link->regs + SFAB_P_PEER_UUID_0), far->uuid);
	put_unaligned_le64(readq(link->regs + SFAB_P_PEER_UUID_1), far->uuid + sizeof(u64));
}

/**
 * sfab_link_remember - note who is there while traffic passes, which is of interest afterwards
 * @link: link
 * @state: &enum sfab_link_state
 * @far: who is there
 *
 * That a partner gets another EID is no event, so it is noted whenever it is seen.
 */
void sfab_link_remember(struct sfab_link *link, u32 state, const struct sfab_link_far *far)
{
	if (state != SFAB_LINK_UP && state != SFAB_LINK_DEGRADED)
		return;
	if (far->kind == SFAB_LINK_PARTNER_NONE)
		return;
	spin_lock(&link->events_lock);
	link->last = *far;
	spin_unlock(&link->events_lock);
}

static void sfab_link_read_module(struct sfab_link *link, struct sfab_link_status *status)
{
	u32 ctrl = readl(link->regs + SFAB_P_MODULE_CTRL);
	u32 module = readl(link->regs + SFAB_P_MODULE);
	u64 datapath = readq(link->regs + SFAB_P_DATAPATH);
	u32 lane;

	if (ctrl & SFAB_P_MODULE_CTRL_LOW_POWER)
		status->config |= SFAB_LINK_LOW_POWER;
	status->tx_off = FIELD_GET(SFAB_P_MODULE_CTRL_TX_OFF, ctrl);
	status->module_state = FIELD_GET(SFAB_P_MODULE_STATE, module);
	status->module_fault = FIELD_GET(SFAB_P_MODULE_FAULT, module);
	status->insertions = FIELD_GET(SFAB_P_MODULE_INSERTIONS, module);
	for (lane = 0; lane < link->lanes; lane++)
		status->datapath[lane] = datapath >> lane * SFAB_P_DATAPATH_BITS &
					 GENMASK(SFAB_P_DATAPATH_BITS - 1, 0);
}

/**
 * sfab_link_read_status - how the link is
 * @link: link
 * @status: filled in behind flags
 *
 * Return: 0, or -ENODEV.
 */
int sfab_link_read_status(struct sfab_link *link, struct sfab_link_status *status)
{
	struct sfab_link_far far;
	u32 ctrl, now;
	int ret, idx;

	memset_after(status, 0, flags);
	ret = sfab_hw_get(link->sdev, &idx);
	if (ret)
		return ret;
	ctrl = readl(link->regs + SFAB_P_CTRL);
	now = readl(link->regs + SFAB_P_STATUS);
	status->rx_lanes = FIELD_GET(SFAB_P_LANE_MASKS_USED,
				     readq(link->regs + SFAB_P_LANE_MASKS));
	status->downs = readq(link->regs + SFAB_P_COUNTER + SFAB_P_COUNTER_DOWNS * sizeof(u64));
	status->capable = FIELD_GET(SFAB_P_CAPABLE_LANES, readl(link->regs + SFAB_P_CAPABLE));
	sfab_link_read_far(link, &far);
	sfab_link_read_module(link, status);
	sfab_hw_put(link->sdev, idx);

	status->state = FIELD_GET(SFAB_P_STATUS_STATE, now);
	status->reason = FIELD_GET(SFAB_P_STATUS_REASON, now);
	status->lanes = FIELD_GET(SFAB_P_STATUS_LANES, now);
	status->path_in_use = FIELD_GET(SFAB_P_STATUS_PATH, now);
	status->path = FIELD_GET(SFAB_P_CTRL_PATH, ctrl);
	status->config |= (ctrl & SFAB_P_CTRL_ENABLE ? SFAB_LINK_ENABLE : 0) |
			  (ctrl & SFAB_P_CTRL_LOOPBACK ? SFAB_LINK_LOOPBACK : 0);
	status->partner = far.kind;
	status->partner_eid = far.eid;
	status->partner_port = far.port;
	memcpy(status->partner_uuid, far.uuid, sizeof(far.uuid));
	sfab_link_remember(link, status->state, &far);
	spin_lock(&link->events_lock);
	status->changed_ns = link->changed_ns;
	status->sequence = link->sequence;
	status->last_partner = link->last.kind;
	status->last_partner_eid = link->last.eid;
	status->last_partner_port = link->last.port;
	memcpy(status->last_partner_uuid, link->last.uuid, sizeof(link->last.uuid));
	spin_unlock(&link->events_lock);
	return 0;
}

int sfab_link_state_ioctl(struct file *filp, void *data)
{
	struct sfab_link_file *file = filp->private_data;
	struct sfab_link_status *args = data;

	return args->flags ? -EINVAL : sfab_link_read_status(file->link, args);
}

static int sfab_link_control_check(const struct sfab_link *link,
				   const struct sfab_link_control *args)
{
	const u32 known = SFAB_LINK_SET_ENABLE | SFAB_LINK_SET_LOOPBACK | SFAB_LINK_SET_LOW_POWER |
			  SFAB_LINK_SET_TX_OFF | SFAB_LINK_RETRAIN;
	u32 allowed = 0;

	if (args->set & SFAB_LINK_SET_ENABLE)
		allowed |= SFAB_LINK_ENABLE;
	if (args->set & SFAB_LINK_SET_LOOPBACK)
		allowed |= SFAB_LINK_LOOPBACK;
	if (args->set & SFAB_LINK_SET_LOW_POWER)
		allowed |= SFAB_LINK_LOW_POWER;
	if (!args->set || (args->set & ~known) || (args->config & ~allowed))
		return -EINVAL;
	if (args->tx_off > (args->set & SFAB_LINK_SET_TX_OFF ? GENMASK(link->lanes - 1, 0) : 0))
		return -EINVAL;
	return 0;
}

static u32 sfab_link_new_ctrl(const struct sfab_link_control *args, u32 ctrl)
{
	if (args->set & SFAB_LINK_SET_ENABLE)
		u32p_replace_bits(&ctrl, !!(args->config & SFAB_LINK_ENABLE), SFAB_P_CTRL_ENABLE);
	if (args->set & SFAB_LINK_SET_LOOPBACK)
		u32p_replace_bits(&ctrl, !!(args->config & SFAB_LINK_LOOPBACK),
				  SFAB_P_CTRL_LOOPBACK);
	if (args->set & SFAB_LINK_RETRAIN)
		ctrl |= SFAB_P_CTRL_RETRAIN;
	return ctrl;
}

static u32 sfab_link_new_module_ctrl(const struct sfab_link_control *args, u32 ctrl)
{
	if (args->set & SFAB_LINK_SET_LOW_POWER)
		u32p_replace_bits(&ctrl, !!(args->config & SFAB_LINK_LOW_POWER),
				  SFAB_P_MODULE_CTRL_LOW_POWER);
	if (args->set & SFAB_LINK_SET_TX_OFF)
		u32p_replace_bits(&ctrl, args->tx_off, SFAB_P_MODULE_CTRL_TX_OFF);
	return ctrl;
}

/* What is not to be set is not written: that alone would end a switch of the light path */
static void sfab_link_set(struct sfab_link *link, const struct sfab_link_control *args)
{
	void __iomem *module = link->regs + SFAB_P_MODULE_CTRL;
	void __iomem *port = link->regs + SFAB_P_CTRL;

	if (args->set & (SFAB_LINK_SET_LOW_POWER | SFAB_LINK_SET_TX_OFF))
		writel(sfab_link_new_module_ctrl(args, readl(module)), module);
	if (args->set & (SFAB_LINK_SET_ENABLE | SFAB_LINK_SET_LOOPBACK | SFAB_LINK_RETRAIN))
		writel(sfab_link_new_ctrl(args, readl(port)), port);
}

int sfab_link_control_ioctl(struct file *filp, void *data)
{
	struct sfab_link_file *file = filp->private_data;
	struct sfab_link *link = file->link;
	struct sfab_fabric *fabric = link->sdev->fabric;
	const struct sfab_link_control *args = data;
	int ret, idx;

	ret = sfab_link_control_check(link, args);
	if (ret)
		return ret;
	ret = sfab_link_may_change(filp);
	if (ret)
		return ret;

	mutex_lock(&fabric->config_lock);
	ret = sfab_hw_get(link->sdev, &idx);
	if (!ret) {
		sfab_link_set(link, args);
		sfab_hw_put(link->sdev, idx);
	}
	mutex_unlock(&fabric->config_lock);
	return ret;
}
