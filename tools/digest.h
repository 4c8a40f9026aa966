/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 (FIPS 180-4) of data that come in pieces
 */
#ifndef SFAB_TOOL_DIGEST_H
#define SFAB_TOOL_DIGEST_H

#include <stddef.h>

#define DIGEST_TEXT	65	/* 64 hexadecimal digits and a NUL */

struct digest;

/** digest_begin() - NULL when there is no memory, told to the user */
struct digest *digest_begin(void);

int digest_add(struct digest *digest, const void *data, size_t size);

/** digest_end() - @text has room for DIGEST_TEXT */
int digest_end(struct digest *digest, char *text);

/** digest_free() - takes NULL too */
void digest_free(struct digest *digest);

#endif
