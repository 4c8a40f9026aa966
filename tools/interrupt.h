/* SPDX-License-Identifier: MIT */
/*
 * Lets a command that was interrupted clean up before it dies
 */
#ifndef SFAB_TOOL_INTERRUPT_H
#define SFAB_TOOL_INTERRUPT_H

#include <stdbool.h>

/** interrupt_catch() - SIGINT, SIGTERM, SIGHUP only set a flag, SIGXFSZ does nothing */
void interrupt_catch(void);

/** interrupted() - has one of them come? */
bool interrupted(void);

/** interrupt_die() - if so, die of it, as the shell expects */
void interrupt_die(void);

#endif
