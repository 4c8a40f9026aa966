/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory of a module as CMIS lays it out, made from the readings: an image to be read,
 * of docs/specs/sfab-optics.rst, "CMIS image".
 */
#ifndef SFAB_CORE_CMIS_H
#define SFAB_CORE_CMIS_H

#include "optics.h"

/* Slots of 128 bytes: the lower page, then upper pages. */
enum sfab_cmis_slot {
	SFAB_CMIS_LOWER,
	SFAB_CMIS_00,
	SFAB_CMIS_01,
	SFAB_CMIS_02,
	SFAB_CMIS_10,
	SFAB_CMIS_11,
	SFAB_CMIS_20,
	SFAB_CMIS_24,
	SFAB_CMIS_28,
	SFAB_CMIS_2C,
	SFAB_CMIS_2F,
	SFAB_CMIS_SLOTS,
};

#define SFAB_CMIS_PAGE		128u
#define SFAB_CMIS_BYTES		(SFAB_CMIS_SLOTS * SFAB_CMIS_PAGE)

/* Flags stay until they are cleared. */
struct sfab_cmis {
	uint8_t module[2];	/* lower page, bytes 8 and 9 */
	uint8_t lanes[19];	/* 11h, bytes 134 to 152 */
	uint8_t vdm[32];	/* 2Ch */
	uint64_t datapath;	/* states as they were shown last, */
	uint64_t state;		/* ... of the module too */
};

/*
 * Make @image of @o, as its readings at 0x200 (@reading) and its module at 0x20 (@low) are
 * shown. Without a module all is 0, and no flag is kept.
 */
void sfab_cmis_show(struct sfab_cmis *cmis, const struct sfab_optics *o,
		    const _Atomic uint64_t *reading, const _Atomic uint64_t *low,
		    _Atomic uint64_t *image);

#endif /* SFAB_CORE_CMIS_H */
