// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: tests of the lanes with a pattern
 *
 * The hardware sends and checks, and counts; here a test is begun, ended and told of.  Its
 * run bit is what events are about: a reset of the device clears it.
 */
#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/string.h>

#include "sfab_link.h"

/* The hardware takes a request up at once, when its worker runs */
#define SFAB_LINK_TEST_POLL_US	20
#define SFAB_LINK_TEST_US	(200 * 1000)

/* Patterns and roles have the numbers of the hardware */
static int sfab_link_test_check(const struct sfab_link_test *args)
{
	switch (args->op) {
	case SFAB_LINK_TEST_START:
		return args->pattern > SFAB_LINK_PRBS7Q || args->role > SFAB_LINK_ROLE_FAR_END ?
		       -EINVAL : 0;
	case SFAB_LINK_TEST_READ:
	case SFAB_LINK_TEST_STOP:
		return args->pattern || args->role ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static int sfab_link_test_await(struct sfab_link *link, u32 running)
{
	u32 status;

	return readl_poll_timeout(link->regs + SFAB_P_TEST_STATUS, status,
				  (status & SFAB_P_TEST_STATUS_RUNNING) == running,
				  SFAB_LINK_TEST_POLL_US, SFAB_LINK_TEST_US) ? -ETIME : 0;
}

static int sfab_link_test_start(struct sfab_link *link, const struct sfab_link_test *args)
{
	u32 request = SFAB_P_TEST_RUN | FIELD_PREP(SFAB_P_TEST_PATTERN, args->pattern) |
		      FIELD_PREP(SFAB_P_TEST_ROLE, args->role);
	int ret;

	if (readl(link->regs + SFAB_P_TEST) & SFAB_P_TEST_RUN)
		return -EBUSY;
	/* What a reset has ended must be seen as such, or this one would go on with it */
	ret = sfab_link_test_await(link, 0);
	if (ret)
		return ret;
	writel(request, link->regs + SFAB_P_TEST);
	ret = sfab_link_test_await(link, SFAB_P_TEST_STATUS_RUNNING);
	if (ret)
		writel(request & ~SFAB_P_TEST_RUN, link->regs + SFAB_P_TEST);
	return ret;
}

static int sfab_link_test_stop(struct sfab_link *link)
{
	writel(readl(link->regs + SFAB_P_TEST) & ~SFAB_P_TEST_RUN, link->regs + SFAB_P_TEST);
	return sfab_link_test_await(link, 0);
}

static void sfab_link_test_take(struct sfab_link *link, void *answer)
{
	struct sfab_link_test *args = answer;
	u32 test = readl(link->regs + SFAB_P_TEST);
	u32 status = readl(link->regs + SFAB_P_TEST_STATUS);

	memset_after(args, 0, op);
	args->pattern = FIELD_GET(SFAB_P_TEST_PATTERN, test);
	args->role = FIELD_GET(SFAB_P_TEST_ROLE, test);
	args->running = FIELD_GET(SFAB_P_TEST_STATUS_RUNNING, status);
	args->locked = FIELD_GET(SFAB_P_TEST_STATUS_LOCKED, status);
	args->bits = readq(link->regs + SFAB_P_TEST_BITS);
	args->ns = readq(link->regs + SFAB_P_TEST_NS);
	sfab_link_read_u64s(link->regs + SFAB_P_TEST_ERRORS, args->errors, link->lanes);
}

static int sfab_link_test_change(struct sfab_link *link, struct sfab_link_test *args)
{
	struct sfab_fabric *fabric = link->sdev->fabric;
	int ret, idx;

	mutex_lock(&fabric->config_lock);
	ret = sfab_hw_get(link->sdev, &idx);
	if (!ret) {
		ret = args->op == SFAB_LINK_TEST_START ? sfab_link_test_start(link, args) :
							 sfab_link_test_stop(link);
		/* Where the state of the link is as before the hardware tells nothing */
		sfab_links_check(fabric, BIT(link->port));
		if (!ret)
			sfab_link_test_take(link, args);
		sfab_hw_put(link->sdev, idx);
	}
	mutex_unlock(&fabric->config_lock);
	return ret;
}

int sfab_link_test_ioctl(struct file *filp, void *data)
{
	struct sfab_link_file *file = filp->private_data;
	struct sfab_link_test *args = data;
	int ret;

	ret = sfab_link_test_check(args);
	if (ret)
		return ret;
	if (args->op != SFAB_LINK_TEST_READ) {
		ret = sfab_link_may_change(filp);
		if (!ret)
			ret = sfab_link_test_change(file->link, args);
		if (ret)
			return ret;
	}
	ret = sfab_link_at_once(file->link, sfab_link_test_take, args);
	/* What was asked for is done: its counts are as they were read, if not of one moment */
	return args->op == SFAB_LINK_TEST_READ ? ret : 0;
}
