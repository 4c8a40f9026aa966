/* SPDX-License-Identifier: MIT */
/*
 * Asking the kernel about a link
 */
#ifndef SFAB_LINK_IOCTL_H
#define SFAB_LINK_IOCTL_H

#include "internal.h"

/* ioctl() that restarts after signals, but for SWITCH; negative errno, sets no text */
int link_ioctl(struct sfab_link *link, unsigned long request, void *arg);
int link_fail(struct sfab_link *link, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
