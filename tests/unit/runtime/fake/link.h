/* SPDX-License-Identifier: MIT */
/*
 * Links of the fake devices: ioctls of uapi/linux/sfab_link.h over structs that tests fill in
 */
#ifndef FAKE_LINK_H
#define FAKE_LINK_H

#include <linux/sfab_link.h>
#include <stdbool.h>
#include <stdint.h>

struct fake_link {
	struct sfab_link_info info;
	struct sfab_link_status status;
	struct sfab_link_readings readings;
	struct sfab_link_counters counters;
	struct sfab_link_switch last;
	struct sfab_link_test test;
	struct sfab_link_control control;	/* the last one */
	uint32_t cleared;			/* by the last CLEAR */
	int fails;				/* errno of all that changes; 0: works */
	bool readonly;				/* nobody may open it for writing */
	struct sfab_link_event events[SFAB_LINK_EVENTS];
	unsigned int event_count;
};

/* Link of a device with SFAB_CAP_FABRIC: healthy, its port 0 to port 1 of the next one */
struct fake_link *fake_link(unsigned int device, unsigned int port);
/* Another interval ends at all links, a second later */
void fake_link_tick(void);
/* Something happens: state and reason of the link change, and there is an event */
void fake_link_state(unsigned int device, unsigned int port, uint32_t state, uint32_t reason);

#endif
