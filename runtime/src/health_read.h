/* SPDX-License-Identifier: MIT */
/*
 * From what is read of an end to what is judged of it
 */
#ifndef SFAB_HEALTH_READ_H
#define SFAB_HEALTH_READ_H

#include "health.h"

/* All that the kernel tells of a link of this node */
struct link_view {
	struct sfab_link_info info;
	struct sfab_link_status status;
	struct sfab_link_readings readings;
	struct sfab_link_counters counters;
	struct sfab_link_switch last;	/* switch of the light path */
};

void health_end_of_view(const struct link_view *view, struct health_end *end);

/* The own end, and what is known of the link beside both ends */
void health_link_of_view(const struct link_view *view, struct health_link *link);

#define HEALTH_WORDS		64	/* of the attribute OPTICS, all blocks */
#define HEALTH_PORT_WORDS	4	/* P_CTRL, P_STATUS, P_CAP, P_PEER of PORT */
#define HEALTH_COUNTERS		16	/* of COUNTERS */

/*
 * What a far end answers in band (qemu/docs/specs/sfab-optics.rst, "Registers" and
 * sfab-fabric.rst, "Management"), in the byte order of this machine
 */
struct far_answer {
	uint32_t port[HEALTH_PORT_WORDS];
	uint64_t counter[HEALTH_COUNTERS];
	uint64_t optics[HEALTH_WORDS];
};

void health_end_of_answer(const struct far_answer *answer, struct health_end *end);

#endif
