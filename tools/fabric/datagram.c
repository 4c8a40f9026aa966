// SPDX-License-Identifier: MIT
/*
 * Questions and orders to any device of the fabric
 */
#include <string.h>

#include "datagram.h"
#include "tool.h"

/* Offsets of the datagram's fields */
enum {
	DG_VERSION = 0,
	DG_METHOD = 1,
	DG_ATTRIBUTE = 2,
	DG_STATUS = 4,
	DG_MODE = 6,
	DG_HOP_COUNT = 7,
	DG_KEY = 16,
	DG_PATH = 32,
	DG_MODIFIER = 96,
	DG_DATA = 128,
	DG_SIZE = 256,
};

enum { METHOD_GET = 1, METHOD_SET = 2, METHOD_RESPONSE = 0x80 };

uint64_t get_le(const uint8_t *data, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | data[bytes];
	return value;
}

void put_le(uint8_t *data, unsigned int bytes, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < bytes; i++)
		data[i] = (uint8_t)(value >> (8 * i));
}

static const char *status_text(unsigned int status)
{
	static const char *const texts[] = {
		[1] = "it speaks another version of the management protocol",
		[2] = "it does not know this method",
		[3] = "it does not have this attribute",
		[4] = "it refuses the value",
		[5] = "its management key is another one: give it with --key",
		[6] = "the way there ends early: a port on it went down, try again",
	};

	return status < ARRAY_SIZE(texts) && texts[status] ? texts[status] :
							     "it answers with an unknown status";
}

static int exchange(const struct manager *manager, const struct fabric_node *node,
		    uint8_t method, enum datagram_attribute attribute, uint32_t modifier,
		    uint8_t *data)
{
	static const char *const names[] = {
		[DATAGRAM_NODE] = "identity", [DATAGRAM_PORT] = "port", [DATAGRAM_ROUTE] = "routes",
	};
	uint8_t request[DG_SIZE] = { 0 }, answer[DG_SIZE];
	unsigned int status;
	int ret;

	request[DG_VERSION] = 1;
	request[DG_METHOD] = method;
	put_le(request + DG_ATTRIBUTE, 2, attribute);
	request[DG_MODE] = 1;
	request[DG_HOP_COUNT] = (uint8_t)node->depth;
	put_le(request + DG_KEY, 8, manager->key);
	memcpy(request + DG_PATH, node->path, node->depth);
	put_le(request + DG_MODIFIER, 4, modifier);
	memcpy(request + DG_DATA, data, DATAGRAM_DATA);

	ret = sfab_device_mgmt(manager->device, request, answer, manager->timeout_ns);
	if (ret < 0)
		return complain_library();
	status = (unsigned int)get_le(answer + DG_STATUS, 2);
	if (status)
		return complain("cannot %s the %s of '%s' (%u hops away): %s",
				method == METHOD_GET ? "get" : "set", names[attribute], node->name,
				node->depth, status_text(status));
	if (answer[DG_METHOD] != (method | METHOD_RESPONSE) ||
	    get_le(answer + DG_ATTRIBUTE, 2) != attribute)
		return complain("'%s' answers something that was not asked: its firmware is broken",
				node->name);
	memcpy(data, answer + DG_DATA, DATAGRAM_DATA);
	return 0;
}

int datagram_get(const struct manager *manager, const struct fabric_node *node,
		 enum datagram_attribute attribute, uint32_t modifier, uint8_t *data)
{
	memset(data, 0, DATAGRAM_DATA);
	return exchange(manager, node, METHOD_GET, attribute, modifier, data);
}

int datagram_set(const struct manager *manager, const struct fabric_node *node,
		 enum datagram_attribute attribute, uint32_t modifier, const uint8_t *data)
{
	uint8_t copy[DATAGRAM_DATA];

	memcpy(copy, data, sizeof(copy));
	return exchange(manager, node, METHOD_SET, attribute, modifier, copy);
}
