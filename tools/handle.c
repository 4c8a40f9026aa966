// SPDX-License-Identifier: MIT
/*
 * Handles of exported memory, as people hand them on
 */
#include <stdio.h>
#include <string.h>

#include "handle.h"
#include "tool.h"

void handle_print(const struct sfab_handle *handle, char *text)
{
	size_t i;

	for (i = 0; i < sizeof(handle->bytes); i++)
		sprintf(text + 2 * i, "%02x", handle->bytes[i]);
}

int handle_parse(const char *text, struct sfab_handle *handle, struct sfab_handle_info *info)
{
	size_t i, digits = strspn(text, "0123456789abcdefABCDEF");
	char pair[3] = "";

	if (text[digits] || digits != HANDLE_TEXT - 1)
		return complain("this is no handle: it has %zu hexadecimal digits, where 'sfab export' prints %zu",
				digits, HANDLE_TEXT - 1);
	for (i = 0; i < sizeof(handle->bytes); i++) {
		memcpy(pair, text + 2 * i, 2);
		handle->bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	info->size = sizeof(*info);
	return sfab_handle_get_info(handle, info) < 0 ? complain_library() : 0;
}

int handle_need(const struct sfab_handle_info *info, unsigned int rights)
{
	unsigned int missing = rights & ~info->rights;

	if (!missing)
		return 0;
	return complain("the handle of segment %u of EID %u gives no right to %s: export the memory with it",
			info->segment, info->eid, missing & SFAB_WRITE ? "write" : "read");
}
