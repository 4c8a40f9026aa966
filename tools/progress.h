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

/**
 * progress_begin() - begin to show how far something is
 * @what: its name; must stay
 * @total: how much there is to do; 0: not known
 * @unit: what is counted; must stay; NULL: bytes, whose speed is shown too
 */
void progress_begin(const char *what, uint64_t total, const char *unit);

/** progress_update() - @done in all */
void progress_update(uint64_t done);

/** progress_clear() - make room for a line of output; the progress goes on */
void progress_clear(void);

void progress_end(void);

#endif
