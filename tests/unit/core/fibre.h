/* SPDX-License-Identifier: MIT */
/*
 * The memory of a fibre between two fabrics of a test: seen by each in a place of its own, as
 * by two processes, or with NEAR in the environment in one place, as by one (qemu/core/near.c).
 */
#ifndef FIBRE_H
#define FIBRE_H

/* Zeros; the same place twice if near. Fails the test if there is no memory. */
void fibre_new(void *view[2]);
void fibre_free(void *view[2]);

#endif /* FIBRE_H */
