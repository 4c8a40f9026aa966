/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The datagram of docs/specs/sfab-fabric.rst, "Management". */
#ifndef SFAB_CORE_MGMT_H
#define SFAB_CORE_MGMT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SFAB_MGMT_VERSION	1
#define SFAB_MGMT_RESPONSE	0x80
#define SFAB_MGMT_HOPS		32
#define SFAB_MGMT_ROUTES	16	/* of a ROUTE block */
#define SFAB_MGMT_READINGS	16	/* of an OPTICS block */

enum sfab_mgmt_method {
	SFAB_MGMT_GET = 1,
	SFAB_MGMT_SET = 2,
	SFAB_MGMT_TRAP = 3,
};

enum sfab_mgmt_mode { SFAB_MGMT_BY_EID, SFAB_MGMT_DIRECTED };

enum sfab_mgmt_attribute {
	SFAB_ATTR_NODE = 1,
	SFAB_ATTR_PORT = 2,
	SFAB_ATTR_ROUTE = 3,
	SFAB_ATTR_COUNTERS = 4,
	SFAB_ATTR_KEY = 5,
	SFAB_ATTR_TRAP = 6,
	SFAB_ATTR_OPTICS = 7,
	SFAB_ATTR_SWITCH = 8,
	SFAB_ATTR_MODULE = 9,
};

enum sfab_mgmt_status {
	SFAB_MGMT_OK,
	SFAB_MGMT_BAD_VERSION,
	SFAB_MGMT_BAD_METHOD,
	SFAB_MGMT_BAD_ATTRIBUTE,
	SFAB_MGMT_BAD_VALUE,
	SFAB_MGMT_BAD_KEY,
	SFAB_MGMT_UNREACHABLE,
};

struct sfab_mgmt_node {
	uint8_t kind;
	uint8_t ports;
	uint16_t eid;
	uint32_t num_eids;
	uint32_t incarnation;
	uint32_t reserved;
	uint8_t uuid[16];
	uint64_t serial;
	uint32_t op_timeout;
	uint32_t retry_timeout;
	uint32_t hoq_timeout;
};

struct sfab_mgmt_port {
	uint32_t ctrl;
	uint32_t status;
	uint32_t cap;
	uint32_t peer;
	uint64_t peer_uuid[2];
};

struct sfab_mgmt_switch {
	uint32_t wish;
	uint32_t status;
	uint64_t begin[7];
	uint64_t model[2];
};

struct sfab_mgmt_module {
	uint32_t ctrl;
	uint32_t module;
	uint64_t datapath;
	uint64_t serial;
	uint32_t clear;
};

struct sfab_mgmt_key {
	uint64_t key;
	uint16_t trap_eid;
};

struct sfab_mgmt_trap {
	uint32_t port;
	uint32_t status;
};

struct sfab_datagram {
	uint8_t version;
	uint8_t method;
	uint16_t attribute;
	uint16_t status;
	uint8_t mode;
	uint8_t hops;
	uint64_t id;
	uint64_t key;
	uint16_t src;
	uint16_t dst;
	uint8_t pointer;
	uint8_t reserved[3];
	uint8_t path[SFAB_MGMT_HOPS];
	uint8_t back[SFAB_MGMT_HOPS];
	uint32_t modifier;
	uint8_t reserved2[28];
	union {
		uint8_t data[128];
		struct sfab_mgmt_node node;
		struct sfab_mgmt_port port;
		struct sfab_mgmt_switch change;
		struct sfab_mgmt_module module;
		struct sfab_mgmt_key new_key;
		struct sfab_mgmt_trap trap;
		uint64_t word[16];
	};
};

static_assert(sizeof(struct sfab_datagram) == 256, "format");
static_assert(offsetof(struct sfab_datagram, path) == 32, "format");
static_assert(offsetof(struct sfab_datagram, modifier) == 96, "format");
static_assert(offsetof(struct sfab_datagram, data) == 128, "format");
static_assert(offsetof(struct sfab_mgmt_node, serial) == 32, "format");
static_assert(offsetof(struct sfab_mgmt_node, hoq_timeout) == 48, "format");

#endif /* SFAB_CORE_MGMT_H */
