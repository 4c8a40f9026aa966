/* SPDX-License-Identifier: MIT */
/*
 * Two ports of the hardware's model with a fibre between them, on virtual time
 *
 * What it is made of has names that a driver's contract has too: so nothing of it is seen here.
 */
#ifndef TRUTH_HARDWARE_H
#define TRUTH_HARDWARE_H

#include <stdbool.h>
#include <stdint.h>

#include "sfab/fabric.h"

struct hardware;

enum { A, B };

/* The fibre is up for a second. */
struct hardware *hardware_new(unsigned int seed);
void hardware_free(struct hardware *h);

void hardware_run(struct hardware *h, uint64_t ns);
uint64_t hardware_now(const struct hardware *h);

/* A register of the block of the port at @end: 4 or 8 bytes */
uint64_t hardware_read(struct hardware *h, unsigned int end, unsigned int offset,
		       unsigned int bytes);
void hardware_control(struct hardware *h, unsigned int end, uint32_t ctrl);
void hardware_module(struct hardware *h, unsigned int end, uint32_t ctrl);

/* Something goes wrong with the light at @end */
void hardware_inject(struct hardware *h, unsigned int end, enum sfab_inject kind,
		     unsigned int lane, int32_t value);
void hardware_plug(struct hardware *h, bool plugged);
/* Both ends go to a light path, A asks; there are 0 and 1 */
void hardware_switch(struct hardware *h, unsigned int path);
/* A sends to B without end */
void hardware_traffic(struct hardware *h);

#endif
