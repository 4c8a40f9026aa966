// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: dispatch of the ioctls
 *
 * The number of an ioctl has no size, the struct has: an older struct is extended by
 * zeros, a newer one must have zeros beyond what is known here.
 */
#include <linux/capability.h>
#include <linux/nospec.h>
#include <linux/pagemap.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>

#include "sfab_link.h"

/* As copy_struct_from_user() demands: bounded, by what no struct will ever exceed */
#define SFAB_LINK_STRUCT_MAX	SZ_4K

union sfab_link_args {
	u32 size;
	struct sfab_link_info info;
	struct sfab_link_status state;
	struct sfab_link_readings readings;
	struct sfab_link_counters counters;
	struct sfab_link_control control;
	struct sfab_link_switch switching;
	struct sfab_link_map map;
	struct sfab_link_test test;
	struct sfab_link_clear clear;
	struct sfab_link_history history;
};

/**
 * struct sfab_link_op - one ioctl
 * @execute: does it; the struct is in the kernel, and is copied back if this gives 0
 * @size: of the struct
 * @first_size: of the struct in its first version
 */
struct sfab_link_op {
	int (*execute)(struct file *filp, void *data);
	u16 size;
	u16 first_size;
};

#define SFAB_LINK_OP(cmd, fn, type, last)			\
	[_IOC_NR(cmd)] = {					\
		.execute = (fn),				\
		.size = sizeof(struct type) +			\
			BUILD_BUG_ON_ZERO(sizeof(struct type) > sizeof(union sfab_link_args)), \
		.first_size = offsetofend(struct type, last),	\
	}

static const struct sfab_link_op sfab_link_ops[] = {
	SFAB_LINK_OP(SFAB_LINK_INFO, sfab_link_info_ioctl, sfab_link_info, revision),
	SFAB_LINK_OP(SFAB_LINK_STATE, sfab_link_state_ioctl, sfab_link_status, downs),
	SFAB_LINK_OP(SFAB_LINK_READINGS, sfab_link_readings_ioctl, sfab_link_readings, lane),
	SFAB_LINK_OP(SFAB_LINK_COUNTERS, sfab_link_counters_ioctl, sfab_link_counters, relocks),
	SFAB_LINK_OP(SFAB_LINK_CONTROL, sfab_link_control_ioctl, sfab_link_control, tx_off),
	SFAB_LINK_OP(SFAB_LINK_SWITCH, sfab_link_switch_ioctl, sfab_link_switch, model_ns),
	SFAB_LINK_OP(SFAB_LINK_MAP, sfab_link_map_ioctl, sfab_link_map, interval),
	SFAB_LINK_OP(SFAB_LINK_TEST, sfab_link_test_ioctl, sfab_link_test, errors),
	SFAB_LINK_OP(SFAB_LINK_CLEAR, sfab_link_clear_ioctl, sfab_link_clear, what),
	SFAB_LINK_OP(SFAB_LINK_HISTORY, sfab_link_history_ioctl, sfab_link_history, stride),
};

static const struct sfab_link_op *sfab_link_find_op(unsigned int cmd)
{
	unsigned int nr = _IOC_NR(cmd);

	if (cmd != _IO(SFAB_LINK_IOC, nr) || nr >= ARRAY_SIZE(sfab_link_ops))
		return NULL;
	nr = array_index_nospec(nr, ARRAY_SIZE(sfab_link_ops));
	return &sfab_link_ops[nr];
}

/* A request that fails must have changed nothing: so the answer's place is tried, too */
static int sfab_link_fetch(const struct sfab_link_op *op, void __user *uptr,
			   union sfab_link_args *args, u32 *size)
{
	int ret;

	if (get_user(*size, (u32 __user *)uptr))
		return -EFAULT;
	if (*size < op->first_size)
		return -EINVAL;
	if (*size > SFAB_LINK_STRUCT_MAX)
		return -E2BIG;
	ret = copy_struct_from_user(args, op->size, uptr, *size);
	if (ret)
		return ret;
	args->size = *size;
	return fault_in_safe_writeable(uptr, *size) ? -EFAULT : 0;
}

/**
 * sfab_link_ioctl - ioctl() on the file of a link
 * @filp: file
 * @cmd: ioctl
 * @arg: user pointer to its struct
 *
 * Return: 0, or an error by the errno contract.
 */
long sfab_link_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	const struct sfab_link_op *op = sfab_link_find_op(cmd);
	struct sfab_link_file *file = filp->private_data;
	void __user *uptr = (void __user *)arg;
	union sfab_link_args args;
	u32 size;
	int ret;

	if (drm_dev_is_unplugged(&file->link->sdev->drm))
		return -ENODEV;
	if (!op)
		return -ENOTTY;
	ret = sfab_link_fetch(op, uptr, &args, &size);
	if (!ret)
		ret = op->execute(filp, &args);
	if (!ret && copy_to_user(uptr, &args, min_t(size_t, size, op->size)))
		ret = -EFAULT;
	return ret;
}

/**
 * sfab_link_may_change - may this file change the link
 * @filp: file
 *
 * Return: 0, -EBADF or -EPERM.
 */
int sfab_link_may_change(const struct file *filp)
{
	if (!(filp->f_mode & FMODE_WRITE))
		return -EBADF;
	return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}
