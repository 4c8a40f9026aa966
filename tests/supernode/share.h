/* SPDX-License-Identifier: MIT */
/*
 * What the processes of a supernode tell each other: files in a directory that all nodes
 * see. Waits are bounded; a failure is told and ends the process.
 */
#ifndef SFAB_TEST_SHARE_H
#define SFAB_TEST_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARE_SECONDS	120

/* Say why, and end with status 1 */
__attribute__((format(printf, 1, 2), noreturn))
void die(const char *fmt, ...);

/* A libsfab call that must work */
#define must(call)	check((call), #call)
void check(int ret, const char *call);

struct share {
	const char *dir;
	unsigned int node, nodes;
};

/* Appears whole, or not at all */
void share_put(const struct share *share, const char *name, const void *data, size_t size);
/* Waits until it is there and of this size */
void share_get(const struct share *share, const char *name, void *data, size_t size);
bool share_has(const struct share *share, const char *name);
/* Returns when all nodes are here */
void share_meet(const struct share *share, const char *where);

/* Between two looks */
void share_rest(void);

/* Copies within an accelerator, on a queue of its own: "fine" or "broken" */
struct sfab_device;
const char *work_at_home(struct sfab_device *device);

uint64_t now_ns(void);

/* SplitMix64: the same numbers for the same seed */
uint64_t draw(uint64_t *state);

#endif
