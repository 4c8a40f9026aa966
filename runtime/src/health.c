// SPDX-License-Identifier: MIT
/*
 * Monitors: what is watched, when, and who is told
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "health_file.h"
#include "health_monitor.h"

/* Size of struct sfab_verdict in its first version */
#define VERDICT_FIRST	offsetof(struct sfab_verdict, partner)

static int enter(struct sfab_health *health, const void *argument, const char *function)
{
	if (!health || !argument)
		return fail_null(function);
	return context_check(health->ctx);
}

/* ---- descriptors ---- */

static int poll_for(struct sfab_health *health, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(health->poll_fd, EPOLL_CTL_ADD, fd, &event) ?
		fail(-errno, "a monitor cannot wait for descriptor %d: %s", fd, strerror(errno)) :
		0;
}

int watched_link_poll(struct sfab_health *health, struct watched_link *w)
{
	int ret = w->polled ? 0 : poll_for(health, w->link->fd);

	w->polled = !ret;
	return ret;
}

void watched_link_ignore(struct sfab_health *health, struct watched_link *w)
{
	/* The file of a device that went is readable for ever: nobody would sleep any more */
	if (w->polled)
		epoll_ctl(health->poll_fd, EPOLL_CTL_DEL, w->link->fd, NULL);
	w->polled = false;
}

static int open_descriptors(struct sfab_health *health)
{
	const struct itimerspec second = { .it_interval = { .tv_sec = 1 },
					   .it_value = { .tv_sec = 1 } };

	health->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	health->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (health->poll_fd < 0 || health->timer_fd < 0 ||
	    timerfd_settime(health->timer_fd, 0, &second, NULL))
		return fail(-errno, "a monitor needs two descriptors: %s", strerror(errno));
	return poll_for(health, health->timer_fd);
}

int sfab_health_open(struct sfab_context *ctx, const char *thresholds,
		     struct sfab_health **health)
{
	struct sfab_health *new;
	int ret;

	if (!ctx || !health)
		return fail_null(__func__);
	ret = context_check(ctx);
	if (ret)
		return ret;
	new = calloc(1, sizeof(*new));
	if (!new)
		return fail_nomem("a monitor of health");
	new->ctx = ctx;
	new->poll_fd = -1;
	new->timer_fd = -1;
	pthread_mutex_init(&new->lock, NULL);
	ret = health_file_read(thresholds, &new->thresholds);
	if (!ret)
		ret = open_descriptors(new);
	if (ret) {
		sfab_health_close(new);
		return ret;
	}
	*health = new;
	return 0;
}

void sfab_health_close(struct sfab_health *health)
{
	unsigned int i;

	if (!health)
		return;
	for (i = 0; i < health->link_count; i++)
		link_free(health->links[i].link);
	if (health->poll_fd >= 0)
		close(health->poll_fd);
	if (health->timer_fd >= 0)
		close(health->timer_fd);
	free(health->links);
	free(health->accels);
	free(health);
}

/* ---- what is watched ---- */

int sfab_health_add_link(struct sfab_health *health, struct sfab_link *link)
{
	int ret = enter(health, link, __func__);

	if (ret)
		return ret;
	pthread_mutex_lock(&health->lock);
	health->chosen = true;
	ret = watch_link(health, link);
	pthread_mutex_unlock(&health->lock);
	return ret;
}

int sfab_health_add_device(struct sfab_health *health, struct sfab_device *dev)
{
	int ret = enter(health, dev, __func__);

	if (ret)
		return ret;
	pthread_mutex_lock(&health->lock);
	health->chosen = true;
	ret = watch_device(health, dev);
	pthread_mutex_unlock(&health->lock);
	return ret;
}

/* ---- verdicts ---- */

void verdict_conclude(struct sfab_verdict *v, unsigned int worst)
{
	const struct sfab_finding *finding = &v->finding[worst];

	v->severity = finding->severity;
	v->cause = finding->cause;
	v->action = finding->action;
	memcpy(v->text, finding->text, sizeof(v->text));
}

/* What makes a verdict another one: not the numbers in its text */
static bool differs(const struct sfab_verdict *a, const struct sfab_verdict *b)
{
	unsigned int i;

	if (a->findings != b->findings || a->gbps != b->gbps)
		return true;
	for (i = 0; i < a->findings; i++) {
		const struct sfab_finding *x = &a->finding[i], *y = &b->finding[i];

		if (x->severity != y->severity || x->cause != y->cause || x->action != y->action)
			return true;
	}
	return false;
}

static struct sfab_verdict *verdict_at(struct sfab_health *health, unsigned int index)
{
	if (index < health->link_count)
		return &health->links[index].verdict;
	index -= health->link_count;
	return index < health->accel_count ? &health->accels[index].verdict : NULL;
}

static unsigned int tell_changes(struct sfab_health *health, const struct sfab_verdict *before)
{
	unsigned int i, changes = 0;
	struct sfab_verdict *v;

	for (i = 0; (v = verdict_at(health, i)); i++) {
		if (health->updates > 1 && !differs(v, &before[i]))
			continue;
		v->changed = health->updates;
		changes++;
		if (health->callback)
			health->callback(v, health->opaque);
	}
	return changes;
}

static int update(struct sfab_health *health)
{
	struct sfab_verdict *before;
	unsigned int i, count;
	uint64_t ticks;
	int ret;

	ret = watch_follow(health);
	if (ret)
		return ret;
	count = health->link_count + health->accel_count;
	before = calloc(count + 1, sizeof(*before));
	if (!before)
		return fail_nomem("a monitor of health");
	for (i = 0; i < count; i++)
		before[i] = *verdict_at(health, i);
	/* Nothing but that it was time */
	if (read(health->timer_fd, &ticks, sizeof(ticks)) < 0 && errno != EAGAIN)
		ret = fail(-errno, "the timer of a monitor: %s", strerror(errno));
	if (!ret) {
		health->updates++;
		watched_links_read(health);
		watched_links_judge(health);
		watched_accels_judge(health);
		ret = (int)tell_changes(health, before);
	}
	free(before);
	return ret;
}

int sfab_health_update(struct sfab_health *health)
{
	int ret = enter(health, health, __func__);

	if (ret)
		return ret;
	pthread_mutex_lock(&health->lock);
	ret = update(health);
	pthread_mutex_unlock(&health->lock);
	return ret;
}

int sfab_health_fd(struct sfab_health *health)
{
	int ret = enter(health, health, __func__);

	return ret ? ret : health->poll_fd;
}

int sfab_health_set_callback(struct sfab_health *health,
			     void (*callback)(const struct sfab_verdict *verdict, void *opaque),
			     void *opaque)
{
	int ret = enter(health, health, __func__);

	if (ret)
		return ret;
	pthread_mutex_lock(&health->lock);
	health->callback = callback;
	health->opaque = opaque;
	pthread_mutex_unlock(&health->lock);
	return 0;
}

int sfab_health_count(struct sfab_health *health)
{
	int ret = enter(health, health, __func__);

	if (ret)
		return ret;
	pthread_mutex_lock(&health->lock);
	ret = (int)(health->link_count + health->accel_count);
	pthread_mutex_unlock(&health->lock);
	return ret;
}

int sfab_health_get(struct sfab_health *health, unsigned int index, struct sfab_verdict *user)
{
	const struct sfab_verdict *v;
	int ret = enter(health, user, __func__);

	if (ret)
		return ret;
	pthread_mutex_lock(&health->lock);
	v = health->updates ? verdict_at(health, index) : NULL;
	if (v)
		ret = struct_out(user, v, sizeof(*v), VERDICT_FIRST, "sfab_verdict");
	else
		ret = fail(-ERANGE, "there is no verdict %u: sfab_health_count() tells how many there are, after sfab_health_update()",
			   index);
	pthread_mutex_unlock(&health->lock);
	return ret;
}

int sfab_health_thresholds(struct sfab_health *health, char *text, size_t size)
{
	int ret = enter(health, health, __func__);

	return ret ? ret : health_file_write(&health->thresholds, text, size);
}
