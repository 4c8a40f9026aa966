// SPDX-License-Identifier: MIT
/*
 * The way that data take through the fabric now, as far as this node sees it
 */
#include <stdio.h>
#include <string.h>

#include "accel.h"
#include "tool.h"
#include "way.h"

static bool carries(const struct sfab_port_info *port)
{
	return port->state == SFAB_LINK_UP || port->state == SFAB_LINK_DEGRADED;
}

/* The accelerator of this node with that EID, or NULL */
static struct sfab_device *find_local(struct sfab_context *context, unsigned int eid)
{
	struct sfab_fabric_info fabric = { .size = sizeof(fabric) };
	int i, count = sfab_device_count(context);
	struct sfab_device *device;

	for (i = 0; i < count; i++) {
		if (sfab_device_get(context, i, &device) == 0 &&
		    sfab_device_get_fabric(device, &fabric) == 0 && fabric.eid == eid)
			return device;
	}
	return NULL;
}

/* One step: the first candidate that carries traffic. Returns 1 if there is none. */
static int take_step(struct sfab_device *device, struct way *way, struct sfab_port_info *port)
{
	struct sfab_route_info route = { .size = sizeof(route) };
	struct sfab_device_info info;
	unsigned int i;

	if (accel_info(device, &info))
		return -1;
	if (sfab_device_get_route(device, way->eid, &route) < 0)
		return complain_library();
	for (i = 0; i < route.candidates; i++, way->detours++) {
		port->size = sizeof(*port);
		if (sfab_port_get_info(device, route.candidate[i].port, port) < 0)
			return complain_library();
		if (!carries(port))
			continue;
		if (!way->steps)
			way->hops = route.candidate[i].hops;
		way->step[way->steps].accel = info.index;
		way->step[way->steps++].port = port->port;
		return 0;
	}
	return 1;
}

int way_find(struct sfab_context *context, struct sfab_device *device, unsigned int eid,
	     struct way *way)
{
	struct sfab_port_info port;
	int ret = 0;

	*way = (struct way) { .eid = eid };
	while (device && way->steps < WAY_MAX_STEPS) {
		ret = take_step(device, way, &port);
		if (ret || port.partner_eid == eid)
			break;
		device = find_local(context, port.partner_eid);
	}
	if (ret > 0)
		way->hops = 0;
	return ret < 0 ? -1 : 0;
}

bool way_equal(const struct way *a, const struct way *b)
{
	return a->eid == b->eid && a->hops == b->hops && a->steps == b->steps &&
	       !memcmp(a->step, b->step, a->steps * sizeof(*a->step));
}

void way_print(const struct way *way, char *text, size_t size)
{
	size_t used = 0;
	unsigned int i;

	for (i = 0; i < way->steps && used < size; i++)
		used += snprintf(text + used, size - used, "accel%u:%u > ", way->step[i].accel,
				 way->step[i].port);
	if (used < size)
		snprintf(text + used, size - used, way->hops ? "EID %u" : "no way to EID %u",
			 way->eid);
}
