// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: counters back to 0, when somebody asks for it and never else
 */
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/ktime.h>

#include "sfab_link.h"

/* The hardware clears soon, when its worker runs */
#define SFAB_LINK_CLEAR_POLL_US		20
#define SFAB_LINK_CLEAR_US		(200 * 1000)

static u32 sfab_link_clear_bits(u32 what)
{
	return (what & SFAB_LINK_CLEAR_PACKETS ? SFAB_P_CLEAR_COUNTERS : 0) |
	       (what & SFAB_LINK_CLEAR_FEC ? SFAB_P_CLEAR_CODEWORDS : 0) |
	       (what & SFAB_LINK_CLEAR_FLAGS ? SFAB_P_CLEAR_FLAGS : 0);
}

static void sfab_link_clear_note(struct sfab_link *link, u32 what)
{
	u64 now = ktime_get_boottime_ns();

	spin_lock(&link->events_lock);
	link->clears += !!(what & (SFAB_LINK_CLEAR_PACKETS | SFAB_LINK_CLEAR_FEC));
	if (what & SFAB_LINK_CLEAR_PACKETS)
		link->packets_cleared_ns = now;
	if (what & SFAB_LINK_CLEAR_FEC)
		link->fec_cleared_ns = now;
	spin_unlock(&link->events_lock);
}

/*
 * The counts that events compare with begin again, too: so no event is found meanwhile.  Late
 * clearing, after ETIME, is none either: see sfab_counted().
 */
static int sfab_link_clear(struct sfab_link *link, u32 what)
{
	struct sfab_fabric *fabric = link->sdev->fabric;
	u32 left;
	int ret;

	mutex_lock(&fabric->ports_lock);
	mutex_lock(&link->check_lock);
	writel(sfab_link_clear_bits(what), link->regs + SFAB_P_CLEAR);
	ret = readl_poll_timeout(link->regs + SFAB_P_CLEAR, left, !left,
				 SFAB_LINK_CLEAR_POLL_US, SFAB_LINK_CLEAR_US) ? -ETIME : 0;
	if (!ret) {
		if (what & SFAB_LINK_CLEAR_PACKETS) {
			fabric->port_downs[link->port] = 0;
			link->seen.downs = 0;
			link->seen.replays = 0;
		}
		sfab_link_clear_note(link, what);
		sfab_link_event_push(link, SFAB_LINK_EVENT_CLEAR, what);
	}
	mutex_unlock(&link->check_lock);
	mutex_unlock(&fabric->ports_lock);
	return ret;
}

int sfab_link_clear_ioctl(struct file *filp, void *data)
{
	struct sfab_link_file *file = filp->private_data;
	struct sfab_link *link = file->link;
	const struct sfab_link_clear *args = data;
	int ret, idx;

	if (!args->what || args->what & ~(SFAB_LINK_CLEAR_PACKETS | SFAB_LINK_CLEAR_FEC |
					  SFAB_LINK_CLEAR_FLAGS))
		return -EINVAL;
	ret = sfab_link_may_change(filp);
	if (ret)
		return ret;
	ret = sfab_hw_get(link->sdev, &idx);
	if (ret)
		return ret;
	ret = sfab_link_clear(link, args->what);
	sfab_hw_put(link->sdev, idx);
	return ret;
}
