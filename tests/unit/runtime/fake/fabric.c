// SPDX-License-Identifier: MIT
/*
 * Devices with two ports each: tables, routes, management datagrams
 */
#include <errno.h>
#include <string.h>

#include "kernel.h"

static bool unprivileged, deaf;

void fake_unprivileged(bool on)
{
	unprivileged = on;
}

void fake_deaf(bool on)
{
	deaf = on;
}

unsigned int fabric_ports(const struct device *dev, struct sfab_query_port *ports)
{
	if (!(dev->caps & SFAB_CAP_FABRIC))
		return 0;
	/* Port 0 leads to port 1 of the next device, port 1 is dark */
	ports[0] = (struct sfab_query_port){
		.port = 0, .config = SFAB_PORT_ENABLE, .state = SFAB_PORT_UP, .paths = 2,
		.path = 1, .path_in_use = 1, .lanes = 8, .lanes_in_use = 8, .lane_rate = 112,
		.peer_kind = SFAB_PEER_ACCEL, .peer_eid = 11 + dev->index, .peer_port = 1,
		.peer_uuid = { 0xab, [15] = 0xcd }, .tx_bytes = 1000, .tx_packets = 10,
		.rx_bytes = 2000, .rx_packets = 20, .replays = 1, .crc_errors = 2,
		.credit_stalls = 3, .dropped_no_route = 4, .dropped_hop_limit = 5,
		.dropped_stalled = 6, .dropped_malformed = 7, .dropped_down = 8,
		.link_downs = 9, .failovers = 1ULL << 40,
	};
	ports[1] = (struct sfab_query_port){
		.port = 1, .config = SFAB_PORT_ENABLE | SFAB_PORT_LOOPBACK,
		.state = SFAB_PORT_DOWN, .reason = SFAB_REASON_NO_LIGHT, .paths = 2, .lanes = 8,
		.lane_rate = 112,
	};
	return 2;
}

bool fabric_info(const struct device *dev, struct sfab_query_fabric *info)
{
	*info = (struct sfab_query_fabric){
		.eid = dev->eid, .incarnation = 77, .num_ports = 2, .num_eids = 4096,
		.max_segments = 256, .segments = 1, .max_imports = 128, .imports = 2,
		.op_timeout_ms = 2000, .retry_timeout_ms = 50, .hoq_timeout_ms = 100,
	};
	return dev->caps & SFAB_CAP_FABRIC;
}

static long route_get(const struct sfab_route_get *args)
{
	struct sfab_route route = { .eid = args->eid };

	if (args->flags || args->route_count != 1 || args->route_stride != sizeof(route) ||
	    !args->eid || args->eid >= 4096)
		return -EINVAL;
	if (args->eid < 20) {
		route.candidates[0].hops = 1;
		route.candidates[1].port = 1;
		route.candidates[1].hops = 3;
	}
	memcpy((void *)(uintptr_t)args->routes, &route, sizeof(route));
	return 0;
}

/* Every device answers as if it had been asked */
static long mgmt(struct sfab_mgmt *args)
{
	if (!args->timeout_ms || args->timeout_ms > 60000 || args->flags)
		return -EINVAL;
	if (unprivileged)
		return -EPERM;
	if (deaf)
		return -ETIME;
	args->datagram.method |= SFAB_MGMT_RESPONSE;
	args->datagram.status = SFAB_MGMT_BAD_KEY;
	memset(args->datagram.data, 0x5a, sizeof(args->datagram.data));
	return 0;
}

static long events(struct file *file, const struct sfab_events *args)
{
	if (args->flags || args->events & ~(SFAB_EVENTS_PORT | SFAB_EVENTS_TRAP))
		return -EINVAL;
	if (args->events & SFAB_EVENTS_TRAP && unprivileged)
		return -EPERM;
	file->listens = args->events;
	return 0;
}

static void tell(unsigned int device, uint32_t listens, const union event *event)
{
	unsigned int fd;

	pthread_mutex_lock(&kernel_lock);
	for (fd = 0; fd < MAX_FDS; fd++) {
		struct file *file = descriptors[fd].object;

		if (descriptors[fd].kind == FD_FILE && file->dev->index == device &&
		    file->listens & listens)
			event_send(file, event);
	}
	pthread_mutex_unlock(&kernel_lock);
}

void fake_port(unsigned int device, uint32_t port, uint32_t state, uint32_t reason)
{
	union event event = {
		.fabric = {
			.base = { .type = SFAB_EVENT_PORT, .length = sizeof(event.fabric) },
			.port = port, .state = state, .reason = reason,
		},
	};

	tell(device, SFAB_EVENTS_PORT, &event);
}

static void trap(unsigned int device, uint16_t attribute, uint16_t eid, uint32_t port,
		 uint32_t status)
{
	union event event = {
		.trap = {
			.base = { .type = SFAB_EVENT_TRAP, .length = sizeof(event.trap) },
			.datagram = { .version = 1, .method = SFAB_MGMT_TRAP,
				      .attribute = attribute, .src_eid = eid },
		},
	};

	memcpy(event.trap.datagram.data, &port, sizeof(port));
	memcpy(event.trap.datagram.data + 4, &status, sizeof(status));
	tell(device, SFAB_EVENTS_TRAP, &event);
}

void fake_trap(unsigned int device, uint32_t eid, uint32_t port, uint32_t state, uint32_t reason)
{
	/* Path 3 and eight lanes in use too */
	trap(device, SFAB_MGMT_PORT_TRAP, eid, port, state | 3 << 4 | reason << 8 | 8 << 16);
}

void fake_strange_trap(unsigned int device)
{
	trap(device, SFAB_MGMT_NODE, 12, 0, 0);
}

long fabric_ioctl(struct file *file, unsigned int nr, void *arg)
{
	if (!(file->dev->caps & SFAB_CAP_FABRIC))
		return -EOPNOTSUPP;
	switch (nr) {
	case _IOC_NR(DRM_IOCTL_SFAB_ROUTE_GET):
		return route_get(arg);
	case _IOC_NR(DRM_IOCTL_SFAB_MGMT):
		return mgmt(arg);
	case _IOC_NR(DRM_IOCTL_SFAB_EVENTS):
		return events(file, arg);
	default:
		return -ENOTTY;
	}
}
