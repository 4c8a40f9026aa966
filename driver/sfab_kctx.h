/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own VM and queue
 */
#ifndef _SFAB_KCTX_H_
#define _SFAB_KCTX_H_

#include "sfab_bo.h"

/* Where the kernel's VM maps what is not HBM; HBM is at VA 0 and never so big */
#define SFAB_KCTX_WINDOW	BIT_ULL(46)

int sfab_kctx_copy(struct sfab_device *sdev, const struct sfab_extent *extent,
		   u64 hbm_offset, bool to_hbm, unsigned int timeout_ms);

#endif /* _SFAB_KCTX_H_ */
