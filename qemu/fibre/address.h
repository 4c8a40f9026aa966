/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a fibre's socket is: a path, or a host and port. */
#ifndef SFAB_FIBRE_ADDRESS_H
#define SFAB_FIBRE_ADDRESS_H

#include <sys/socket.h>
#include <sys/stat.h>

#include "sfab/fibre.h"

struct address {
	struct sockaddr_storage at;
	socklen_t size;
	char text[128];		/* for messages */
	dev_t dev;		/* of the socket that we have bound to a path */
	ino_t ino;
};

bool address_set(struct address *address, const struct sfab_fibre_config *config, char *why,
		 size_t size);
bool address_is_local(const struct address *address);

/* Each gives a non-blocking socket, or -1. A connect may still be in progress. */
int address_listen(struct address *address, char *why, size_t size);
int address_connect(const struct address *address);
int address_accept(const struct address *address, int listener);

/* Remove the path that we have bound, if it is still ours. */
void address_unlink(const struct address *address);

#endif /* SFAB_FIBRE_ADDRESS_H */
