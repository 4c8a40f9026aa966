/* SPDX-License-Identifier: MIT */
/* The owner of a fibre's end, as a fabric worker is one, and other helpers of the tests. */
#ifndef TEST_OWNER_H
#define TEST_OWNER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "internal.h"

struct owner {
	struct sfab_fibre *fibre;
	struct sfab_fibre_end *end;
	uint8_t *memory;
	unsigned int index;
	unsigned int attached;		/* how often there was light */
	unsigned int rung;		/* how often service said to look */
	unsigned int reports;
	char report[320];
};

/* An owner of an end of the fibre; fails the test if there is none. */
void owner_open(struct owner *owner, struct sfab_fibre *fibre);
void owner_close(struct owner *owner);

/* Close, and destroy the fibre too. */
void owner_end(struct owner *owner);

/* Service everybody until @done, at most so many ms; whether it came. */
bool serve(struct owner **owners, unsigned int n, bool (*done)(struct owner **owners), int ms);

/* The usual conditions. */
bool all_light(struct owner **owners);
bool all_dark(struct owner **owners);
bool first_dark(struct owner **owners);
bool first_reported(struct owner **owners);
bool never(struct owner **owners);

/* Create a fibre that must come into being. */
struct sfab_fibre *lay(struct sfab_fibre_config config);

/* A new directory's path of a socket; one at a time. */
const char *socket_path(void);
void remove_socket_path(void);

#endif /* TEST_OWNER_H */
