// SPDX-License-Identifier: GPL-2.0-or-later
/* The public functions: what both kinds of fibres have in common. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

struct sfab_fibre *sfab_fibre_create(const struct sfab_fibre_config *config, char *why,
				     size_t size)
{
	size_t length = strlen(config->name);
	struct sfab_fibre *fibre;

	if (!length || length > SFAB_FIBRE_NAME_MAX) {
		snprintf(why, size, "a fibre's name has 1 to %d bytes, '%s' has %zu",
			 SFAB_FIBRE_NAME_MAX, config->name, length);
		return NULL;
	}
	fibre = config->path || config->host ? socket_create(config, why, size) :
					       pair_create(why, size);
	if (fibre)
		memcpy(fibre->name, config->name, length + 1);
	return fibre;
}

void sfab_fibre_destroy(struct sfab_fibre *fibre)
{
	if (fibre)
		fibre->kind->destroy(fibre);
}

void sfab_fibre_cut(struct sfab_fibre *fibre, bool cut)
{
	if (atomic_exchange(&fibre->cut, cut) != cut)
		fibre->kind->cut(fibre);
}

struct sfab_fibre_end *sfab_fibre_open(struct sfab_fibre *fibre, const struct sfab_fibre_ops *ops,
				       void *opaque, char *why, size_t size)
{
	struct sfab_fibre_end *end = fibre->kind->open(fibre, why, size);

	if (end) {
		end->ops = ops;
		end->opaque = opaque;
	}
	return end;
}

void sfab_fibre_close(struct sfab_fibre_end *end)
{
	if (end)
		end->fibre->kind->close(end);
}

int sfab_fibre_fd(const struct sfab_fibre_end *end)
{
	return end->fibre->kind->fd(end);
}

bool sfab_fibre_service(struct sfab_fibre_end *end)
{
	return end->fibre->kind->service(end);
}

bool sfab_fibre_is_slow(const struct sfab_fibre_end *end)
{
	return end->memory && !end->fibre->kind->is_shared(end);
}

void sfab_fibre_ring(struct sfab_fibre_end *end)
{
	if (end->memory)
		end->fibre->kind->ring(end);
}

void fibre_attach(struct sfab_fibre_end *end, void *memory)
{
	if (end->memory == memory)
		return;
	end->memory = memory;
	end->ops->attach(end->opaque, memory, end->index);
}

/* A counter that is full has been rung: nothing is lost. */
void bell_ring(int fd)
{
	uint64_t one = 1;
	ssize_t n;

	do
		n = write(fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

void bell_drain(int fd)
{
	uint64_t count;
	ssize_t n;

	do
		n = read(fd, &count, sizeof(count));
	while (n < 0 && errno == EINTR);
}
