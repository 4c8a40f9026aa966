/* SPDX-License-Identifier: MIT */
/*
 * Giving the devices of the fabric their EIDs and tables
 */
#ifndef SFAB_FABRIC_PROGRAM_H
#define SFAB_FABRIC_PROGRAM_H

#include "datagram.h"

/**
 * eids_assign() - choose an EID for every device
 * @file: lines "UUID EID" for some of them, or NULL; # begins a comment
 *
 * Devices that are not named keep the one they have, if nobody else has it, else get the
 * lowest that is free.  Nothing is sent.  Failures were told to the user.
 */
int eids_assign(struct fabric_graph *graph, const char *file);

/** program() - send EIDs, then tables, to all devices, and read them back */
int program(const struct manager *manager, struct fabric_graph *graph);

#endif
