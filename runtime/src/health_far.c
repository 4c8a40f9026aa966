// SPDX-License-Identifier: MIT
/*
 * The far end of a link, asked in band: management datagrams of qemu/docs/specs/sfab-fabric.rst
 *
 * Over the link itself while it carries traffic; else by another way, to the EID that was there.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "health_far.h"

#define TIMEOUT_NS	200000000
#define BY_EID		0
#define DIRECTED	1
#define BLOCK_WORDS	16

enum { PORT = 0x0002, COUNTERS = 0x0004, OPTICS = 0x0007 };

static int get(struct sfab_device *dev, const struct far_end *far, unsigned int port, bool up,
	       unsigned int attribute, uint32_t modifier, uint8_t *data)
{
	struct sfab_datagram request = {
		.version = 1,
		.method = SFAB_MGMT_GET,
		.attribute = htole16(attribute),
		.modifier = htole32(modifier),
		.mode = up ? DIRECTED : BY_EID,
		.hop_count = up,
		.dst_eid = htole16(up ? 0 : far->eid),
	};
	struct sfab_datagram answer;
	int ret;

	request.path[0] = (uint8_t)port;
	ret = sfab_device_mgmt(dev, &request, &answer, TIMEOUT_NS);
	if (ret)
		return ret;
	if (le16toh(answer.status) || le16toh(answer.attribute) != attribute)
		return -EPROTO;
	memcpy(data, answer.data, sizeof(answer.data));
	return 0;
}

static void words64(const uint8_t *data, uint64_t *words, unsigned int count)
{
	memcpy(words, data, count * sizeof(*words));
	while (count--)
		words[count] = le64toh(words[count]);
}

static int ask(struct sfab_device *dev, const struct far_end *far, unsigned int port, bool up,
	       struct far_answer *answer)
{
	/* Block 1 is the histogram; block 3 are the lanes from 8 on */
	static const unsigned char blocks[] = { 0, 2, 3 };
	uint8_t data[128];
	unsigned int i;
	int ret;

	ret = get(dev, far, port, up, PORT, far->port, data);
	if (ret)
		return ret;
	memcpy(answer->port, data, sizeof(answer->port));
	for (i = 0; i < HEALTH_PORT_WORDS; i++)
		answer->port[i] = le32toh(answer->port[i]);
	ret = get(dev, far, port, up, COUNTERS, far->port, data);
	if (ret)
		return ret;
	words64(data, answer->counter, HEALTH_COUNTERS);
	for (i = 0; i < sizeof(blocks) && (blocks[i] < 3 || (answer->port[2] & 0xff) > 8); i++) {
		ret = get(dev, far, port, up, OPTICS, far->port | (uint32_t)blocks[i] << 16, data);
		if (ret)
			return ret;
		words64(data, answer->optics + blocks[i] * BLOCK_WORDS, BLOCK_WORDS);
	}
	return 0;
}

bool health_ask(struct sfab_device *dev, unsigned int port, bool up, struct far_end *far,
		struct health_end *end)
{
	struct far_answer answer = { 0 };
	int ret;

	ret = ask(dev, far, port, up, &answer);
	far->forbidden = ret == -EPERM || ret == -EACCES;
	if (ret)
		return false;
	health_end_of_answer(&answer, end);
	return true;
}
