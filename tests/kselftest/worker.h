/* SPDX-License-Identifier: MIT */
/*
 * Work for a process that something happens to: it is killed, its device goes.
 */
#ifndef SFAB_WORKER_H
#define SFAB_WORKER_H

#include "sfab_test.h"

/*
 * If not NULL: memory shared between the processes, in which each counts itself once it has its
 * device open.  Before that, a device that goes would not be missed.
 */
extern _Atomic unsigned int *work_begun;

/**
 * work_on - use everything that the driver offers, again and again
 *
 * Opens @index (and imports from @peer, if that is not negative), allocates,
 * registers, binds, submits, exchanges syncobjs and waits, without ever tidying
 * up more than half of it.  Each round is another mix, chosen by @seed.  Returns
 * 0 after @rounds rounds (0: never), or the first error.
 */
int work_on(unsigned int index, int peer, uint64_t seed, unsigned int rounds);

#endif
