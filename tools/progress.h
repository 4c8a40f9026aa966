/* SPDX-License-Identifier: MIT */
/*
 * Tells on standard error how far the work is: a line that moves on a terminal,
 * elsewhere a line every three seconds
 *
 * There is one progress at a time.  All functions may be called when none was
 * begun: then they do nothing.
 */
#ifndef SFAB_TOOL_PROGRESS_H
#define SFAB_TOOL_PROGRESS_H

#include <stdint.h>

/** progress_begin() - @what must stay; @total bytes, 0: not known */
void progress_begin(const char *what, uint64_t total);

/** progress_update() - @done bytes in all */
void progress_update(uint64_t done);

/** progress_clear() - make room for a line of output; the progress goes on */
void progress_clear(void);

void progress_end(void);

#endif
