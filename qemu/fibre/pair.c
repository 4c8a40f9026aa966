// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An internal fibre: both ends are in this process, each with a thread of its own.
 *
 * As with a socket, each time that both ends are there makes a new *session* with
 * memory of its own: an end that comes back never meets what it left behind.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "internal.h"

struct session {
	void *memory;
	unsigned int users;	/* pair->lock */
};

struct pair_end {
	struct sfab_fibre_end end;
	struct session *session;	/* what is attached; the owner's thread only */
	bool open;			/* pair->lock */
	int bell;
};

struct pair {
	struct sfab_fibre fibre;
	pthread_mutex_t lock;
	struct session *session;	/* what is to be attached */
	bool starved;			/* there was no memory for it */
	struct pair_end ends[2];
};

static struct pair *pair_of(struct sfab_fibre *fibre)
{
	return (struct pair *)fibre;
}

static void put(struct session *session)
{
	if (!session || --session->users)
		return;
	memory_drop(session->memory);
	free(session);
}

static struct session *new_session(void)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->memory = memory_private();
	session->users = 1;
	if (session->memory)
		return session;
	free(session);
	return NULL;
}

/* Under the lock: what was is over; the ends meet again if they can. */
static void renew(struct pair *pair)
{
	unsigned int i;

	put(pair->session);
	pair->session = NULL;
	if (pair->ends[0].open && pair->ends[1].open && !atomic_load(&pair->fibre.cut)) {
		pair->session = new_session();
		pair->starved = !pair->session;
	}
	for (i = 0; i < 2; i++)
		bell_ring(pair->ends[i].bell);
}

static void cut(struct sfab_fibre *fibre)
{
	struct pair *pair = pair_of(fibre);

	pthread_mutex_lock(&pair->lock);
	renew(pair);
	pthread_mutex_unlock(&pair->lock);
}

/* The owner first lets go of the old memory, then the session may. */
static void change(struct pair *pair, struct pair_end *end, struct session *next)
{
	fibre_attach(&end->end, NULL);
	pthread_mutex_lock(&pair->lock);
	put(end->session);
	pthread_mutex_unlock(&pair->lock);
	end->session = next;
	if (next)
		fibre_attach(&end->end, next->memory);
}

static bool service(struct sfab_fibre_end *base)
{
	struct pair_end *end = (struct pair_end *)base;
	struct pair *pair = pair_of(base->fibre);
	struct session *next;
	bool starved;

	bell_drain(end->bell);
	pthread_mutex_lock(&pair->lock);
	next = pair->session;
	if (next && next != end->session)
		next->users++;
	starved = pair->starved;
	pair->starved = false;
	pthread_mutex_unlock(&pair->lock);
	if (starved)
		base->ops->report(base->opaque, "no memory for it; cut and mend it to try again");
	if (next != end->session)
		change(pair, end, next);
	return true;
}

static void ring(struct sfab_fibre_end *base)
{
	bell_ring(pair_of(base->fibre)->ends[1 - base->index].bell);
}

static bool is_shared(const struct sfab_fibre_end *base)
{
	(void)base;
	return true;
}

static int fd(const struct sfab_fibre_end *base)
{
	return ((const struct pair_end *)base)->bell;
}

static struct sfab_fibre_end *open_end(struct sfab_fibre *fibre, char *why, size_t size)
{
	struct pair *pair = pair_of(fibre);
	struct pair_end *end = NULL;
	unsigned int i;

	pthread_mutex_lock(&pair->lock);
	for (i = 0; i < 2 && !end; i++) {
		if (pair->ends[i].open)
			continue;
		end = &pair->ends[i];
		end->open = true;
		renew(pair);
	}
	pthread_mutex_unlock(&pair->lock);
	if (!end) {
		snprintf(why, size, "both ends of fibre '%s' are in use; a fibre joins two ports",
			 fibre->name);
		return NULL;
	}
	return &end->end;
}

static void close_end(struct sfab_fibre_end *base)
{
	struct pair_end *end = (struct pair_end *)base;
	struct pair *pair = pair_of(base->fibre);

	change(pair, end, NULL);
	pthread_mutex_lock(&pair->lock);
	end->open = false;
	renew(pair);
	pthread_mutex_unlock(&pair->lock);
}

static void destroy(struct sfab_fibre *fibre)
{
	struct pair *pair = pair_of(fibre);
	unsigned int i;

	for (i = 0; i < 2; i++) {
		if (pair->ends[i].bell >= 0)
			close(pair->ends[i].bell);
	}
	pthread_mutex_destroy(&pair->lock);
	free(pair);
}

static const struct fibre_kind pair_kind = {
	.destroy = destroy,
	.cut = cut,
	.open = open_end,
	.close = close_end,
	.fd = fd,
	.service = service,
	.ring = ring,
	.is_shared = is_shared,
};

struct sfab_fibre *pair_create(char *why, size_t size)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	unsigned int i;

	if (!pair) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	pair->fibre.kind = &pair_kind;
	pthread_mutex_init(&pair->lock, NULL);
	for (i = 0; i < 2; i++) {
		pair->ends[i].end.fibre = &pair->fibre;
		pair->ends[i].end.index = i;
		pair->ends[i].bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	}
	if (pair->ends[0].bell < 0 || pair->ends[1].bell < 0) {
		snprintf(why, size, "no more file descriptors: raise ulimit -n");
		destroy(&pair->fibre);
		return NULL;
	}
	return &pair->fibre;
}
