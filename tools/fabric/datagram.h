/* SPDX-License-Identifier: MIT */
/*
 * Questions and orders to any device of the fabric, in band: directed datagrams of
 * qemu/docs/specs/sfab-fabric.rst, "Management"
 */
#ifndef SFAB_FABRIC_DATAGRAM_H
#define SFAB_FABRIC_DATAGRAM_H

#include <sfab/sfab.h>

#include "graph.h"

#define DATAGRAM_DATA	128

enum datagram_attribute {
	DATAGRAM_NODE = 1,
	DATAGRAM_PORT = 2,
	DATAGRAM_ROUTE = 3,
};

/** struct manager - where the fabric is managed from */
struct manager {
	struct sfab_device *device;
	uint64_t key;			/* management key of the devices; 0: they have none */
	int64_t timeout_ns;		/* of one datagram */
};

/**
 * datagram_get() - ask @node (its path counts) for an attribute
 * @data: out, DATAGRAM_DATA bytes as they are on the wire
 *
 * Failures were told to the user.
 */
int datagram_get(const struct manager *manager, const struct fabric_node *node,
		 enum datagram_attribute attribute, uint32_t modifier, uint8_t *data);

/** datagram_set() - change an attribute; @data as in datagram_get() */
int datagram_set(const struct manager *manager, const struct fabric_node *node,
		 enum datagram_attribute attribute, uint32_t modifier, const uint8_t *data);

/* Little-endian words at any place of a datagram */
uint64_t get_le(const uint8_t *data, unsigned int bytes);
void put_le(uint8_t *data, unsigned int bytes, uint64_t value);

#endif
