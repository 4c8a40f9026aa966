// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: switches of the light path
 *
 * The hardware does the whole transaction (qemu/docs/specs/sfab-optics.rst, "Switching"); here
 * one is begun, waited for, and told of.  Its end is an event of the port, so nobody polls
 * for it.
 */
#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/jiffies.h>
#include <linux/string.h>

#include <drm/drm_drv.h>

#include "sfab_link.h"

#define SFAB_LINK_SWITCH_MS_MAX		60000

/* The hardware takes a request up at once, when its worker runs */
#define SFAB_LINK_SWITCH_BEGIN_POLL_US	20
#define SFAB_LINK_SWITCH_BEGIN_US	(200 * 1000)
#define SFAB_LINK_SWITCH_SHOWN_US	1000

static int sfab_link_switch_check(struct sfab_link *link, const struct sfab_link_switch *args)
{
	const bool asks = args->flags & SFAB_LINK_SWITCH_QUERY;

	switch (args->flags) {
	case 0:
	case SFAB_LINK_SWITCH_TOGETHER:
		if (args->path >= link->paths)
			return -EINVAL;
		break;
	case SFAB_LINK_SWITCH_QUERY:
	case SFAB_LINK_SWITCH_ABORT:
		if (args->path)
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	if (args->partner_path > (args->flags & SFAB_LINK_SWITCH_TOGETHER ?
				  FIELD_MAX(SFAB_P_SWITCH_PARTNER) : 0))
		return -EINVAL;
	if (asks)
		return args->timeout_ms ? -EINVAL : 0;
	return in_range(args->timeout_ms, 1, SFAB_LINK_SWITCH_MS_MAX) ? 0 : -EINVAL;
}

static bool sfab_link_switch_wanted(struct sfab_link *link)
{
	return readl(link->regs + SFAB_P_SWITCH) & SFAB_P_SWITCH_WANTED;
}

static u32 sfab_link_switch_count(u32 status)
{
	return FIELD_GET(SFAB_P_SWITCH_STATUS_COUNT, status);
}

static bool sfab_link_switch_began(u32 status, u32 count)
{
	return status & SFAB_P_SWITCH_STATUS_PHASE || sfab_link_switch_count(status) != count;
}

/* Asks the hardware, and waits until it has taken it up; @count: those that had ended before */
static int sfab_link_switch_begin(struct sfab_link *link, u32 request, u32 *count)
{
	u32 status = readl(link->regs + SFAB_P_SWITCH_STATUS);
	bool wanted = sfab_link_switch_wanted(link);

	*count = sfab_link_switch_count(status);
	if (request & SFAB_P_SWITCH_ABORT) {
		/* With none under way there is nothing to wait for */
		if (!(status & SFAB_P_SWITCH_STATUS_PHASE) && !wanted)
			*count -= 1;
		else
			writel(request, link->regs + SFAB_P_SWITCH);
		return 0;
	}
	if (wanted)
		return -EBUSY;
	writel(request, link->regs + SFAB_P_SWITCH);
	return readl_poll_timeout(link->regs + SFAB_P_SWITCH_STATUS, status,
				  sfab_link_switch_began(status, *count),
				  SFAB_LINK_SWITCH_BEGIN_POLL_US, SFAB_LINK_SWITCH_BEGIN_US) ?
	       -ETIME : 0;
}

static int sfab_link_switch_ask(struct sfab_link *link, u32 request, u32 *count)
{
	struct sfab_fabric *fabric = link->sdev->fabric;
	int ret, idx;

	mutex_lock(&fabric->config_lock);
	ret = sfab_hw_get(link->sdev, &idx);
	if (!ret) {
		ret = sfab_link_switch_begin(link, request, count);
		sfab_hw_put(link->sdev, idx);
	}
	mutex_unlock(&fabric->config_lock);
	return ret;
}

static bool sfab_link_switch_ended(struct sfab_link *link, u32 count)
{
	u16 ended = sfab_link_switch_count(READ_ONCE(link->seen.switching)) - count;

	/* What was seen may also be older than what was counted */
	return (s16)ended > 0 ||
	       drm_dev_is_unplugged(&link->sdev->drm);
}

/*
 * Whether it was the partner's that ended, and ours comes now: 1, 0, or -ENODEV.  What has ended
 * is first not wanted any more, then counted with its result: that is to be told.  No result
 * to be seen in time means that the partner's next one is under way already.
 */
static int sfab_link_switch_goes_on(struct sfab_link *link, u32 *count)
{
	int ret, idx;
	u32 status;

	ret = sfab_hw_get(link->sdev, &idx);
	if (ret)
		return ret;
	/* In this order: what is wanted still counts when it ends */
	*count = sfab_link_switch_count(readl(link->regs + SFAB_P_SWITCH_STATUS));
	ret = sfab_link_switch_wanted(link);
	if (!ret)
		readl_poll_timeout(link->regs + SFAB_P_SWITCH_STATUS, status,
				   !(status & SFAB_P_SWITCH_STATUS_PHASE) ||
				   sfab_link_switch_count(status) != *count,
				   SFAB_LINK_SWITCH_BEGIN_POLL_US, SFAB_LINK_SWITCH_SHOWN_US);
	sfab_hw_put(link->sdev, idx);
	return ret;
}

static int sfab_link_switch_wait(struct sfab_link *link, u32 count, u32 timeout_ms)
{
	long left = msecs_to_jiffies(timeout_ms);
	int ret;

	do {
		left = wait_event_interruptible_timeout(link->wait,
							sfab_link_switch_ended(link, count),
							left);
		/* Not to be restarted: it would begin another one */
		if (left < 0)
			return -EINTR;
		if (!left)
			return -ETIME;
		ret = sfab_link_switch_goes_on(link, &count);
	} while (ret > 0);
	return ret;
}

static int sfab_link_switch_tell(struct sfab_link *link, struct sfab_link_switch *args)
{
	int ret, idx;
	u32 status;

	ret = sfab_hw_get(link->sdev, &idx);
	if (ret)
		return ret;
	status = readl(link->regs + SFAB_P_SWITCH_STATUS);
	sfab_link_read_u64s(link->regs + SFAB_P_SWITCH_BEGIN, args->begin_ns,
			    ARRAY_SIZE(args->begin_ns));
	sfab_link_read_u64s(link->regs + SFAB_P_SWITCH_MODEL, args->model_ns,
			    ARRAY_SIZE(args->model_ns));
	sfab_hw_put(link->sdev, idx);

	args->count = sfab_link_switch_count(status);
	args->phase = FIELD_GET(SFAB_P_SWITCH_STATUS_PHASE, status);
	args->result = FIELD_GET(SFAB_P_SWITCH_STATUS_RESULT, status);
	args->failed_phase = FIELD_GET(SFAB_P_SWITCH_STATUS_WHERE, status);
	args->cause = FIELD_GET(SFAB_P_SWITCH_STATUS_CAUSE, status);
	return 0;
}

static u32 sfab_link_switch_request(const struct sfab_link_switch *args)
{
	if (args->flags & SFAB_LINK_SWITCH_ABORT)
		return SFAB_P_SWITCH_ABORT;
	return FIELD_PREP(SFAB_P_SWITCH_PATH, args->path) |
	       FIELD_PREP(SFAB_P_SWITCH_PARTNER, args->partner_path) |
	       (args->flags & SFAB_LINK_SWITCH_TOGETHER ? SFAB_P_SWITCH_TOGETHER : 0);
}

int sfab_link_switch_ioctl(struct file *filp, void *data)
{
	struct sfab_link_file *file = filp->private_data;
	struct sfab_link *link = file->link;
	struct sfab_link_switch *args = data;
	u32 count;
	int ret;

	ret = sfab_link_switch_check(link, args);
	if (ret)
		return ret;
	if (!(args->flags & SFAB_LINK_SWITCH_QUERY)) {
		ret = sfab_link_may_change(filp);
		if (!ret)
			ret = sfab_link_switch_ask(link, sfab_link_switch_request(args), &count);
		if (!ret)
			ret = sfab_link_switch_wait(link, count, args->timeout_ms);
		if (ret)
			return ret;
	}
	return sfab_link_switch_tell(link, args);
}
