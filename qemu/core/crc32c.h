/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SFAB_CORE_CRC32C_H
#define SFAB_CORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli) of @len bytes, a multiple of 8, going on from @crc (0 to begin). */
uint32_t sfab_crc32c(uint32_t crc, const void *data, size_t len);

/* The same without help of the CPU. */
uint32_t sfab_crc32c_plain(uint32_t crc, const void *data, size_t len);

#endif /* SFAB_CORE_CRC32C_H */
