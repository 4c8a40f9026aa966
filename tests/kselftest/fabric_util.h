/* SPDX-License-Identifier: MIT */
/*
 * What tests of the fabric share: one function an ioctl, as in sfab_test.h, and the setup
 * of the accelerators of this guest, which fibres join in a ring.
 */
#ifndef FABRIC_UTIL_H
#define FABRIC_UTIL_H

#include "sfab_test.h"

#define RIGHT_A		SFAB_RIGHT_ATOMIC
#define RIGHT_ALL	(RIGHT_RW | SFAB_RIGHT_ATOMIC)
#define MAX_PORTS	16

int fabric_query(int fd, struct sfab_query_fabric *answer);
int port_query(int fd, unsigned int port, struct sfab_query_port *answer);
int fabric_set_eid(int fd, uint32_t eid);
int fabric_set_op_timeout(int fd, uint32_t ms);
int port_config(int fd, uint32_t port, uint32_t set, uint32_t config, uint32_t path);
/* Enables or disables all ports */
int ports_enable(int fd, bool enable);
/* The routes to @eid: by @ports in this order, one hop each */
int route_by(int fd, uint32_t eid, const uint32_t *ports, unsigned int count);
int route_get(int fd, uint32_t eid, struct sfab_route *route);
int segment_export(int fd, uint32_t handle, uint64_t offset, uint64_t size, uint32_t rights,
		   uint32_t *id, struct sfab_segment *segment);
int segment_rotate(int fd, uint32_t id, __u64 *token);	/* @token may be NULL */
int segment_revoke(int fd, uint32_t id);
int segment_import(int fd, const struct sfab_segment *segment, uint32_t rights, uint32_t *handle);
int mgmt(int fd, struct sfab_datagram *datagram, uint32_t timeout_ms);
int events_ask(int fd, uint32_t events);

/* GET of NODE from the device itself, and from the one behind @port */
struct sfab_datagram datagram_get_node(void);
struct sfab_datagram datagram_get_neighbour(uint8_t port);

/** union any_event - as read() delivers them */
union any_event {
	struct sfab_event event;
	struct sfab_event_fabric fabric;
	struct sfab_event_trap trap;
};

/* The next event of @type, which others may come before; -ETIME when none comes in the time */
int event_of_type(int fd, uint32_t type, union any_event *event, unsigned int timeout_ms);

/* The EID that fabric_join() gives to the index-th accelerator */
#define EID(index)	((index) + 1U)

/*
 * Gives both accelerators their EIDs, waits until a link between them is up, and routes by all
 * of those: -ENOLINK if there is none
 */
int fabric_join(const int fd[2]);
/* Opens the first two accelerators and joins them; both are to be closed in any case */
int fabric_open(int fd[2]);

#endif
