/* SPDX-License-Identifier: MIT */
/*
 * Handles of exported memory, as people hand them on: 128 hexadecimal digits
 */
#ifndef SFAB_TOOL_HANDLE_H
#define SFAB_TOOL_HANDLE_H

#include <sfab/sfab.h>

#define HANDLE_TEXT	(2 * sizeof(struct sfab_handle) + 1)

/** handle_print() - @text has room for HANDLE_TEXT */
void handle_print(const struct sfab_handle *handle, char *text);

/**
 * handle_parse() - read what handle_print() wrote
 * @info: out, what the handle tells of itself
 *
 * Anything else is told to the user.
 */
int handle_parse(const char *text, struct sfab_handle *handle, struct sfab_handle_info *info);

/** handle_need() - tell the user if the handle does not give all @rights */
int handle_need(const struct sfab_handle_info *info, unsigned int rights);

#endif
