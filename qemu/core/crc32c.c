// SPDX-License-Identifier: GPL-2.0-or-later
/* CRC-32C of frame headers: some 72 bytes, once for each packet and hop. */
#include <string.h>

#include "crc32c.h"

uint32_t sfab_crc32c_plain(uint32_t crc, const void *data, size_t len)
{
	/* The remainders of half a byte, polynomial 0x1edc6f41 reflected. */
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	const uint8_t *byte = data;

	crc = ~crc;
	while (len--) {
		crc ^= *byte++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2")))
static uint32_t crc32c_sse42(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *byte = data;
	uint64_t sum = ~crc, word;

	for (; len; len -= 8, byte += 8) {
		memcpy(&word, byte, 8);
		sum = __builtin_ia32_crc32di(sum, word);
	}
	return ~(uint32_t)sum;
}

uint32_t sfab_crc32c(uint32_t crc, const void *data, size_t len)
{
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse42(crc, data, len);
	return sfab_crc32c_plain(crc, data, len);
}
#else
uint32_t sfab_crc32c(uint32_t crc, const void *data, size_t len)
{
	return sfab_crc32c_plain(crc, data, len);
}
#endif
