/* SPDX-License-Identifier: MIT */
/*
 * The far end of a link, asked in band
 */
#ifndef SFAB_HEALTH_FAR_H
#define SFAB_HEALTH_FAR_H

#include "health_read.h"
#include "internal.h"

/* Who was at the other end last */
struct far_end {
	uint32_t kind;			/* enum sfab_link_partner; NONE: never anybody */
	uint32_t eid, port;
	uint8_t uuid[16];
	bool forbidden;			/* we may not ask: not tried again */
};

/* Over a link that is up, or by another way to the EID that was there */
static inline bool health_may_ask(const struct far_end *far, bool up)
{
	return !far->forbidden && far->kind != SFAB_LINK_PARTNER_NONE && (up || far->eid);
}

/* Asks the port at the far end of port @port of @dev; false: it did not answer */
bool health_ask(struct sfab_device *dev, unsigned int port, bool up, struct far_end *far,
		struct health_end *end);

#endif
