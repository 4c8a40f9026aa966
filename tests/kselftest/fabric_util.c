// SPDX-License-Identifier: MIT
/*
 * What tests of the fabric share, see fabric_util.h.
 */
#define _GNU_SOURCE
#include <poll.h>

#include "fabric_util.h"

int fabric_query(int fd, struct sfab_query_fabric *answer)
{
	return query(fd, SFAB_QUERY_FABRIC, answer, sizeof(*answer));
}

int port_query(int fd, unsigned int port, struct sfab_query_port *answer)
{
	struct sfab_query_port ports[MAX_PORTS];
	struct sfab_query arg = {
		.query = SFAB_QUERY_PORTS,
		.data = (uintptr_t)ports,
		.count = MAX_PORTS,
		.stride = sizeof(*ports),
	};
	int ret = do_ioctl(fd, DRM_IOCTL_SFAB_QUERY, &arg);

	if (ret)
		return ret;
	if (port >= arg.count)
		return -ENOENT;
	*answer = ports[port];
	return 0;
}

int fabric_set_eid(int fd, uint32_t eid)
{
	struct sfab_fabric_config arg = { .set = SFAB_FABRIC_SET_EID, .eid = eid };

	return do_ioctl(fd, DRM_IOCTL_SFAB_FABRIC_CONFIG, &arg);
}

int fabric_set_op_timeout(int fd, uint32_t ms)
{
	struct sfab_fabric_config arg = {
		.set = SFAB_FABRIC_SET_OP_TIMEOUT,
		.op_timeout_ms = ms,
	};

	return do_ioctl(fd, DRM_IOCTL_SFAB_FABRIC_CONFIG, &arg);
}

int port_config(int fd, uint32_t port, uint32_t set, uint32_t config, uint32_t path)
{
	struct sfab_port_config arg = {
		.port = port,
		.set = set,
		.config = config,
		.path = path,
	};

	return do_ioctl(fd, DRM_IOCTL_SFAB_PORT_CONFIG, &arg);
}

int ports_enable(int fd, bool enable)
{
	struct sfab_query_fabric fabric;
	int ret = fabric_query(fd, &fabric);
	uint32_t port;

	for (port = 0; !ret && port < fabric.num_ports; port++)
		ret = port_config(fd, port, SFAB_PORT_SET_ENABLE, enable ? SFAB_PORT_ENABLE : 0, 0);
	return ret;
}

int route_by(int fd, uint32_t eid, const uint32_t *ports, unsigned int count)
{
	struct sfab_route route = { .eid = eid };
	struct sfab_route_set arg = {
		.routes = (uintptr_t)&route,
		.route_count = 1,
		.route_stride = sizeof(route),
	};
	unsigned int i;

	for (i = 0; i < count && i < 4; i++) {
		route.candidates[i].port = ports[i];
		route.candidates[i].hops = 1;
	}
	return do_ioctl(fd, DRM_IOCTL_SFAB_ROUTE_SET, &arg);
}

int route_get(int fd, uint32_t eid, struct sfab_route *route)
{
	struct sfab_route_get arg = {
		.routes = (uintptr_t)route,
		.route_count = 1,
		.route_stride = sizeof(*route),
		.eid = eid,
	};

	return do_ioctl(fd, DRM_IOCTL_SFAB_ROUTE_GET, &arg);
}

int segment_export(int fd, uint32_t handle, uint64_t offset, uint64_t size, uint32_t rights,
		   uint32_t *id, struct sfab_segment *segment)
{
	struct sfab_segment_export arg = {
		.handle = handle,
		.rights = rights,
		.offset = offset,
		.size = size,
	};
	int ret = do_ioctl(fd, DRM_IOCTL_SFAB_SEGMENT_EXPORT, &arg);

	if (!ret) {
		*id = arg.segment_id;
		*segment = arg.segment;
	}
	return ret;
}

int segment_rotate(int fd, uint32_t id, __u64 *token)
{
	struct sfab_segment_rotate arg = { .segment_id = id };
	int ret = do_ioctl(fd, DRM_IOCTL_SFAB_SEGMENT_ROTATE, &arg);

	if (!ret && token)
		*token = arg.token;
	return ret;
}

int segment_revoke(int fd, uint32_t id)
{
	struct sfab_segment_revoke arg = { .segment_id = id };

	return do_ioctl(fd, DRM_IOCTL_SFAB_SEGMENT_REVOKE, &arg);
}

int segment_import(int fd, const struct sfab_segment *segment, uint32_t rights, uint32_t *handle)
{
	struct sfab_segment_import arg = {
		.eid = segment->eid,
		.number = segment->number,
		.epoch = segment->epoch,
		.rights = rights,
		.token = segment->token,
		.size = segment->size,
	};
	int ret = do_ioctl(fd, DRM_IOCTL_SFAB_SEGMENT_IMPORT, &arg);

	if (!ret)
		*handle = arg.handle;
	return ret;
}

int mgmt(int fd, struct sfab_datagram *datagram, uint32_t timeout_ms)
{
	struct sfab_mgmt arg = { .timeout_ms = timeout_ms, .datagram = *datagram };
	int ret = do_ioctl(fd, DRM_IOCTL_SFAB_MGMT, &arg);

	if (!ret)
		*datagram = arg.datagram;
	return ret;
}

int events_ask(int fd, uint32_t events)
{
	struct sfab_events arg = { .events = events };

	return do_ioctl(fd, DRM_IOCTL_SFAB_EVENTS, &arg);
}

struct sfab_datagram datagram_get_node(void)
{
	return (struct sfab_datagram){
		.version = SFAB_MGMT_VERSION,
		.method = SFAB_MGMT_GET,
		.attribute = SFAB_MGMT_NODE,
		.mode = SFAB_MGMT_DIRECTED,
		.transaction = 0x1122334455667788ULL,
	};
}

struct sfab_datagram datagram_get_neighbour(uint8_t port)
{
	struct sfab_datagram datagram = datagram_get_node();

	datagram.hop_count = 1;
	datagram.path[0] = port;
	return datagram;
}

int event_of_type(int fd, uint32_t type, union any_event *event, unsigned int timeout_ms)
{
	int64_t end = deadline(timeout_ms);

	for (;;) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		int64_t left = (end - now_ns()) / 1000000;
		ssize_t got;

		if (left < 0 || poll(&poll_fd, 1, left) <= 0)
			return -ETIME;
		/* One at a time: room for a trap is room for several of the others */
		got = read(fd, event, sizeof(event->event));
		if (!got)
			got = read(fd, event, sizeof(*event));
		if (got < 0)
			return -errno;
		if (event->event.base.type == type)
			return 0;
	}
}

/* The ports of @fd that are up and lead to the accelerator with @uuid */
static unsigned int ports_to(int fd, const uint8_t *uuid, uint32_t *ports)
{
	struct sfab_query_port port;
	unsigned int count = 0, i;

	for (i = 0; !port_query(fd, i, &port); i++) {
		if (port.state == SFAB_PORT_UP && !memcmp(port.peer_uuid, uuid, 16))
			ports[count++] = i;
	}
	return count;
}

int fabric_join(const int fd[2])
{
	struct sfab_query_device device[2];
	uint32_t ports[MAX_PORTS];
	int64_t end = deadline(WAIT_MS);
	unsigned int i, count;
	int ret;

	for (i = 0; i < 2; i++) {
		ret = query_device(fd[i], &device[i]);
		ret = ret ?: fabric_set_eid(fd[i], EID(i));
		ret = ret ?: ports_enable(fd[i], true);
		if (ret)
			return ret;
	}
	for (i = 0; i < 2; i++) {
		for (;;) {
			count = ports_to(fd[i], device[!i].uuid, ports);
			if (count)
				break;
			if (now_ns() > end)
				return -ENOLINK;
			sleep_ms(10);
		}
		ret = route_by(fd[i], EID(!i), ports, count);
		if (ret)
			return ret;
	}
	return 0;
}

int fabric_open(int fd[2])
{
	fd[0] = accel_open(0);
	fd[1] = accel_open(1);
	return fd[0] < 0 || fd[1] < 0 ? -ENODEV : fabric_join(fd);
}
