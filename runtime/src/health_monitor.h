/* SPDX-License-Identifier: MIT */
/*
 * What a monitor watches: links, accelerators, and what it said of them
 *
 * Everything is under sfab_health.lock.
 */
#ifndef SFAB_HEALTH_MONITOR_H
#define SFAB_HEALTH_MONITOR_H

#include <errno.h>

#include "health_far.h"
#include "internal.h"

struct watched_link {
	struct sfab_link *link;		/* with a file of its own */
	struct link_view view;
	int error;			/* of the last reading; 0: the view is right */
	bool known;			/* it was open once, so @port is right */
	bool gone;			/* ... and its accelerator went, when that was looked at */
	uint32_t port;
	bool polled;			/* sfab_health_fd() waits for its file too */
	bool carried;			/* traffic, as the last event told */
	struct far_end far;
	struct health_history history;
	struct sfab_verdict verdict;
};

struct watched_accel {
	struct sfab_device *dev;	/* the context's; NULL: it cannot be opened */
	unsigned int index;
	struct sfab_device_counters counters;
	bool judged;
	struct health_memory memory[SFAB_ACCEL_CONDITIONS];
	struct sfab_verdict verdict;
};

struct sfab_health {
	struct sfab_context *ctx;
	struct health_thresholds thresholds;
	int poll_fd, timer_fd;
	pthread_mutex_t lock;		/* protects all below */
	bool chosen;			/* it was told what to watch */
	uint64_t updates;
	uint64_t scans;			/* of the context, as it was looked at last */
	struct watched_link *links;
	unsigned int link_count;
	struct watched_accel *accels;
	unsigned int accel_count;
	void (*callback)(const struct sfab_verdict *verdict, void *opaque);
	void *opaque;
};

/* Is it only that this user may not look? */
static inline bool health_is_denied(int error)
{
	return error == -EACCES || error == -EPERM;
}

/* health.c: from now on, or no more, be woken by the events of a link */
int watched_link_poll(struct sfab_health *health, struct watched_link *w);
void watched_link_ignore(struct sfab_health *health, struct watched_link *w);

/* health_watch.c: open its file, which tells its port */
int watched_link_open(struct watched_link *w);
/* ... watch this too; an accelerator with its links */
int watch_link(struct sfab_health *health, const struct sfab_link *link);
int watch_device(struct sfab_health *health, struct sfab_device *dev);
/* ... and what came, or came back, since the context was scanned last */
int watch_follow(struct sfab_health *health);

/* health_links.c: read all links, then judge each */
void watched_links_read(struct sfab_health *health);
void watched_links_judge(struct sfab_health *health);
/* health_accels.c: judge all accelerators, after their links */
void watched_accels_judge(struct sfab_health *health);

/* The worst of the findings becomes that of the verdict */
void verdict_conclude(struct sfab_verdict *verdict, unsigned int worst);

#endif
