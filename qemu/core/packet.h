/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet of docs/specs/sfab-fabric.rst, "Packets". */
#ifndef SFAB_CORE_PACKET_H
#define SFAB_CORE_PACKET_H

#include <stdint.h>

#define SFAB_PACKET_VERSION	1
#define SFAB_MTU		65536u	/* payload of one packet */
#define SFAB_HOP_LIMIT		64
#define SFAB_CLASS_MASK		0x03
#define SFAB_CLASS_VC1		0x80

enum sfab_class {
	SFAB_CLASS_REQUEST,
	SFAB_CLASS_RESPONSE,
	SFAB_CLASS_MANAGEMENT,
	SFAB_CLASSES,
};

enum sfab_packet_type {
	SFAB_PKT_WRITE = 0x01,
	SFAB_PKT_WRITE_NOTIFY = 0x02,
	SFAB_PKT_READ = 0x03,
	SFAB_PKT_REDUCE = 0x04,
	SFAB_PKT_ATOMIC = 0x05,
	SFAB_PKT_CONNECT = 0x06,
	SFAB_PKT_DATAGRAM = 0x40,
	SFAB_PKT_DONE = 0x81,
	SFAB_PKT_DATA = 0x83,
	SFAB_PKT_ATOMIC_RESULT = 0x85,
	SFAB_PKT_CONNECTED = 0x86,
	SFAB_PKT_NAK = 0x87,
	SFAB_PKT_ERROR = 0x88,
};

enum sfab_status {
	SFAB_STATUS_OK = 0,
	SFAB_STATUS_NO_ROUTE = 1,
	SFAB_STATUS_TIMEOUT = 2,
	SFAB_STATUS_BAD_TOKEN = 3,
	SFAB_STATUS_OUT_OF_BOUNDS = 4,
	SFAB_STATUS_NO_RIGHTS = 5,
	SFAB_STATUS_REVOKED = 6,
	SFAB_STATUS_POISONED = 7,
	SFAB_STATUS_STALE = 8,
	SFAB_STATUS_BAD_REQUEST = 9,
	SFAB_STATUS_TARGET_FAULT = 10,
};

struct sfab_packet {
	uint8_t version;
	uint8_t type;
	uint8_t class_vc;
	uint8_t hops;		/* hop limit */
	uint16_t dst;
	uint16_t src;
	uint32_t psn;
	uint32_t src_incarnation;
	uint32_t dst_incarnation;
	uint16_t segment;
	uint8_t dtype;
	uint8_t op;
	uint64_t token;
	uint32_t epoch;
	uint32_t payload;	/* bytes */
	uint64_t offset;
	uint64_t arg;
	uint32_t arg2;
	uint16_t status;
	uint16_t reserved;
};

_Static_assert(sizeof(struct sfab_packet) == 64, "format");

#endif /* SFAB_CORE_PACKET_H */
