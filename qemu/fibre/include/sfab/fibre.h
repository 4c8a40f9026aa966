/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sfab fibre: what carries light between two ports, as of docs/specs/sfab-fibre.rst.
 *
 * A fibre gives the memory that the ports at its ends share, and their doorbells. It
 * is either *internal*, with both ends in this process, or has one end here and the
 * other one behind a socket. A Linux library without QEMU: accelerators in QEMU and the
 * switch program use it alike.
 *
 * Threads
 *	sfab_fibre_cut() may be called by any thread at any time. All functions of an end
 *	are for one thread at a time, its owner's (the fabric worker). None of them blocks.
 */
#ifndef SFAB_FIBRE_H
#define SFAB_FIBRE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SFAB_FIBRE_NAME_MAX	64

struct sfab_fibre;
struct sfab_fibre_end;

/**
 * struct sfab_fibre_config - where the other end is
 * @name: tells fibres apart; both ends have the same, 1 to SFAB_FIBRE_NAME_MAX bytes
 * @path: of a Unix socket, or NULL
 * @host, @port: of a TCP socket, or NULL. A name is resolved once, at creation.
 *	Without @path and @host the fibre is internal.
 * @server: listen (this end is end 0), do not connect
 * @mirror: do not share memory over a Unix socket either
 */
struct sfab_fibre_config {
	const char *name;
	const char *path;
	const char *host;
	const char *port;
	bool server;
	bool mirror;
};

/**
 * struct sfab_fibre_ops - what the owner of an end is told, from sfab_fibre_service()
 *
 * @attach: the memory of the fibre and which end this is, for sfab_fabric_attach().
 *	@memory NULL: the light is gone; on return the old memory is not touched any more
 *	by the owner, as it is unmapped then.
 * @report: a text without newline: why there is no light although the other end answers.
 *	The same text is told once, until there was light again.
 */
struct sfab_fibre_ops {
	void (*attach)(void *opaque, void *memory, unsigned int end);
	void (*report)(void *opaque, const char *text);
};

/**
 * sfab_fibre_create() - lay a fibre
 * @why, @size: a buffer for the reason of a failure
 *
 * A server binds and listens at once, so that what is wrong with the address is known
 * here; a Unix socket that nobody listens at any more is replaced. Returns NULL on failure.
 */
struct sfab_fibre *sfab_fibre_create(const struct sfab_fibre_config *config, char *why,
				     size_t size);

/* All ends must be closed. NULL is allowed. */
void sfab_fibre_destroy(struct sfab_fibre *fibre);

/**
 * sfab_fibre_cut() - cut the fibre (both ends go dark), or mend it
 *
 * Takes effect when the owners service their ends, which this makes them do.
 */
void sfab_fibre_cut(struct sfab_fibre *fibre, bool cut);

/**
 * sfab_fibre_open() - take an end
 * @ops, @opaque: must outlive the end
 *
 * Returns NULL if no end is free (an internal fibre has two, others have one here) or no
 * file descriptor is, with the reason in @why.
 */
struct sfab_fibre_end *sfab_fibre_open(struct sfab_fibre *fibre,
				       const struct sfab_fibre_ops *ops, void *opaque,
				       char *why, size_t size);

/* Gives the end back; @attach is called with NULL if it had light. NULL is allowed. */
void sfab_fibre_close(struct sfab_fibre_end *end);

/* Readable when sfab_fibre_service() has something to do. The same for the end's life. */
int sfab_fibre_fd(const struct sfab_fibre_end *end);

/**
 * sfab_fibre_service() - do what has come up: doorbells, connections, cuts
 *
 * Call it once after open, and whenever sfab_fibre_fd() is readable. Bounded. Returns true
 * if the port at this end has reason to look (sfab_fabric_run()).
 */
bool sfab_fibre_service(struct sfab_fibre_end *end);

/* Ring the other end's doorbell, for &sfab_fabric_ops.ring. Without light: nothing. */
void sfab_fibre_ring(struct sfab_fibre_end *end);

/* To ring sends all that was written, as the other end does not share the memory. */
bool sfab_fibre_is_slow(const struct sfab_fibre_end *end);

/*
 * The calling thread is one that others wait for: ask the scheduler to run it soon when it
 * wakes up, at the price of running it for less at a time. Its share of the CPU stays.
 */
void sfab_fibre_hasten(void);

#ifdef __cplusplus
}
#endif
#endif /* SFAB_FIBRE_H */
