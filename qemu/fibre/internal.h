/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the fibre share: the two kinds of fibres, and their memory. */
#ifndef SFAB_FIBRE_INTERNAL_H
#define SFAB_FIBRE_INTERNAL_H

#include <stdatomic.h>
#include <stdint.h>

#include "sfab/fibre.h"

/* The layout of docs/specs/sfab-fibre.rst, "Memory". */
#define HALF_SIZE	0x80a000u
#define FIBRE_SIZE	(2 * (size_t)HALF_SIZE)
#define RECEIVER_PAGE	0x1000u
#define RINGS_AT	0x2000u
#define RINGS		6
#define WORD_LIGHT	0x08
#define WORD_SLEEPING	0x10
#define RING_WORDS(r)	(0x40u + (r) * 0x40u)
#define WORDS_END	(RING_WORDS(RINGS) + 0x40u)

struct sfab_fibre_end {
	struct sfab_fibre *fibre;
	const struct sfab_fibre_ops *ops;
	void *opaque;
	unsigned int index;
	void *memory;		/* what the owner was told */
};

/* A kind of fibre: internal (pair.c), socket (socket.c). */
struct fibre_kind {
	void (*destroy)(struct sfab_fibre *fibre);
	void (*cut)(struct sfab_fibre *fibre);
	struct sfab_fibre_end *(*open)(struct sfab_fibre *fibre, char *why, size_t size);
	void (*close)(struct sfab_fibre_end *end);
	int (*fd)(const struct sfab_fibre_end *end);
	bool (*service)(struct sfab_fibre_end *end);
	void (*ring)(struct sfab_fibre_end *end);
	bool (*is_shared)(const struct sfab_fibre_end *end);
};

struct sfab_fibre {
	const struct fibre_kind *kind;
	char name[SFAB_FIBRE_NAME_MAX + 1];
	atomic_bool cut;
};

struct sfab_fibre *pair_create(char *why, size_t size);
struct sfab_fibre *socket_create(const struct sfab_fibre_config *config, char *why, size_t size);

/* Tell the owner of @end about its memory, if that is news. */
void fibre_attach(struct sfab_fibre_end *end, void *memory);

/* Wakes whoever polls an eventfd, and takes that back. */
void bell_ring(int fd);
void bell_drain(int fd);

/* memory.c */
void *memory_private(void);
void *memory_share(int *fd);
void *memory_take(int fd, const char **why);
void memory_drop(void *memory);

#endif /* SFAB_FIBRE_INTERNAL_H */
