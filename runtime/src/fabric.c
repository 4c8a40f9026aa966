// SPDX-License-Identifier: MIT
/*
 * Devices as members of the fabric: identity, ports, routes, management datagrams
 */
#include <errno.h>
#include <string.h>

#include "internal.h"

#define SAME(ours, kernels)	_Static_assert((int)(ours) == (int)(kernels), #ours)

SAME(SFAB_LINK_DOWN, SFAB_PORT_DOWN);
SAME(SFAB_LINK_TRAINING, SFAB_PORT_TRAINING);
SAME(SFAB_LINK_UP, SFAB_PORT_UP);
SAME(SFAB_LINK_DEGRADED, SFAB_PORT_DEGRADED);
SAME(SFAB_LINK_FAILED, SFAB_PORT_FAILED);
SAME(SFAB_PARTNER_ACCEL, SFAB_PEER_ACCEL);
SAME(SFAB_PARTNER_SWITCH, SFAB_PEER_SWITCH);

/* As many as hardware can have */
#define MAX_PORTS	64
#define MAX_TIMEOUT_MS	60000

static int no_fabric(struct sfab_device *dev)
{
	return fail(-EOPNOTSUPP, "%s: the device has no ports, so it is in no fabric", dev->label);
}

/* Checks what every function here begins with */
static int enter(struct sfab_device *dev, const void *argument, const char *function)
{
	int ret;

	if (!dev || !argument)
		return fail_null(function);
	ret = context_check(dev->ctx);
	if (!ret && !(dev->identity.caps & SFAB_CAP_FABRIC))
		ret = no_fabric(dev);
	return ret;
}

int sfab_device_get_fabric(struct sfab_device *dev, struct sfab_fabric_info *user)
{
	struct sfab_query_fabric kernel = { 0 };
	struct sfab_fabric_info info;
	int ret = enter(dev, user, __func__);

	if (!ret)
		ret = device_query(dev, SFAB_QUERY_FABRIC, &kernel, 1, sizeof(kernel));
	if (ret < 0)
		return ret;
	info = (struct sfab_fabric_info){
		.eid = kernel.eid,
		.incarnation = kernel.incarnation,
		.ports = kernel.num_ports,
		.max_eids = kernel.num_eids,
		.max_segments = kernel.max_segments,
		.segments = kernel.segments,
		.max_imports = kernel.max_imports,
		.imports = kernel.imports,
		.op_timeout_ms = kernel.op_timeout_ms,
		.retry_timeout_ms = kernel.retry_timeout_ms,
		.hoq_timeout_ms = kernel.hoq_timeout_ms,
	};
	return struct_out(user, &info, sizeof(info), sizeof(info), "sfab_fabric_info");
}

static void fill_port(const struct sfab_query_port *kernel, struct sfab_port_info *info)
{
	*info = (struct sfab_port_info){
		.port = kernel->port,
		.state = kernel->state,
		.reason = kernel->reason,
		.enabled = !!(kernel->config & SFAB_PORT_ENABLE),
		.loopback = !!(kernel->config & SFAB_PORT_LOOPBACK),
		.paths = kernel->paths,
		.path = kernel->path,
		.lanes = kernel->lanes,
		.lanes_in_use = kernel->lanes_in_use,
		.lane_gbps = kernel->lane_rate,
		.partner = kernel->peer_kind,
		.partner_eid = kernel->peer_eid,
		.partner_port = kernel->peer_port,
		.bytes_sent = kernel->tx_bytes,
		.packets_sent = kernel->tx_packets,
		.bytes_received = kernel->rx_bytes,
		.packets_received = kernel->rx_packets,
		.replays = kernel->replays,
		.crc_errors = kernel->crc_errors,
		.credit_stalls = kernel->credit_stalls,
		.dropped_no_route = kernel->dropped_no_route,
		.dropped_hop_limit = kernel->dropped_hop_limit,
		.dropped_stalled = kernel->dropped_stalled,
		.dropped_malformed = kernel->dropped_malformed,
		.dropped_link_down = kernel->dropped_down,
		.link_downs = kernel->link_downs,
		.failovers = kernel->failovers,
	};
	if (kernel->peer_kind)
		uuid_format(kernel->peer_uuid, info->partner_uuid);
}

int sfab_port_get_info(struct sfab_device *dev, unsigned int port, struct sfab_port_info *user)
{
	struct sfab_query_port ports[MAX_PORTS] = { 0 };
	struct sfab_port_info info;
	int ret = enter(dev, user, __func__);

	if (!ret)
		ret = device_query(dev, SFAB_QUERY_PORTS, ports, MAX_PORTS, sizeof(ports[0]));
	if (ret < 0)
		return ret;
	if (port >= (unsigned int)ret || port >= MAX_PORTS)
		return fail(-ERANGE, "%s: there is no port %u: it has ports 0 to %d", dev->label,
			    port, ret - 1);
	fill_port(&ports[port], &info);
	return struct_out(user, &info, sizeof(info), sizeof(info), "sfab_port_info");
}

int sfab_device_get_route(struct sfab_device *dev, unsigned int eid,
			  struct sfab_route_info *user)
{
	struct sfab_route route = { 0 };
	struct sfab_route_get get = {
		.routes = (uintptr_t)&route,
		.route_count = 1,
		.route_stride = sizeof(route),
		.eid = eid,
	};
	struct sfab_route_info info = { 0 };
	unsigned int i;
	int ret = enter(dev, user, __func__);

	if (ret)
		return ret;
	ret = device_ioctl(dev, DRM_IOCTL_SFAB_ROUTE_GET, &get);
	if (ret == -EINVAL)
		return fail(-ERANGE, "%s: %u is no EID: sfab_device_get_fabric() tells how many there are",
			    dev->label, eid);
	if (ret)
		return device_fail(dev, ret, "route to EID %u", eid);
	for (i = 0; i < ARRAY_SIZE(route.candidates) && route.candidates[i].hops; i++) {
		info.candidate[i].port = route.candidates[i].port;
		info.candidate[i].hops = route.candidates[i].hops;
	}
	info.candidates = i;
	return struct_out(user, &info, sizeof(info), sizeof(info), "sfab_route_info");
}

int sfab_device_mgmt(struct sfab_device *dev, const void *request, void *answer,
		     int64_t timeout_ns)
{
	struct sfab_mgmt mgmt = { 0 };
	int ret = enter(dev, request && answer ? request : NULL, __func__);

	if (ret)
		return ret;
	if (timeout_ns <= 0 || timeout_ns > MAX_TIMEOUT_MS * 1000000LL)
		return fail(-EINVAL, "%s: a timeout of %lld ns for a datagram: 1 ns to 60 s are possible",
			    dev->label, (long long)timeout_ns);
	mgmt.timeout_ms = (uint32_t)((timeout_ns + 999999) / 1000000);
	memcpy(&mgmt.datagram, request, sizeof(mgmt.datagram));
	ret = device_ioctl(dev, DRM_IOCTL_SFAB_MGMT, &mgmt);
	if (ret == -EPERM)
		return fail(ret, "%s: management datagrams need CAP_SYS_ADMIN: run as root",
			    dev->label);
	if (ret == -ETIME)
		return fail(ret, "%s: no answer to a management datagram within %u ms: the device it was for is gone, or a port on the way is down",
			    dev->label, mgmt.timeout_ms);
	if (ret)
		return device_fail(dev, ret, "management datagram");
	memcpy(answer, &mgmt.datagram, sizeof(mgmt.datagram));
	return 0;
}
