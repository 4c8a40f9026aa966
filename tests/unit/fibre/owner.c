// SPDX-License-Identifier: MIT
#include <poll.h>
#include <time.h>

#include "owner.h"

static void attach(void *opaque, void *memory, unsigned int end)
{
	struct owner *owner = opaque;

	owner->memory = memory;
	owner->index = end;
	owner->attached += !!memory;
}

static void report(void *opaque, const char *text)
{
	struct owner *owner = opaque;

	owner->reports++;
	snprintf(owner->report, sizeof(owner->report), "%s", text);
}

static const struct sfab_fibre_ops ops = { attach, report };

void owner_open(struct owner *owner, struct sfab_fibre *fibre)
{
	char why[256] = "";

	memset(owner, 0, sizeof(*owner));
	owner->fibre = fibre;
	owner->end = sfab_fibre_open(fibre, &ops, owner, why, sizeof(why));
	assert_non_null(owner->end);
	sfab_fibre_service(owner->end);
}

void owner_close(struct owner *owner)
{
	sfab_fibre_close(owner->end);
	owner->end = NULL;
	assert_null(owner->memory);
}

void owner_end(struct owner *owner)
{
	owner_close(owner);
	sfab_fibre_destroy(owner->fibre);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

bool serve(struct owner **owners, unsigned int n, bool (*done)(struct owner **owners), int ms)
{
	int64_t until = now_ms() + ms;
	struct pollfd fds[8];
	unsigned int i;

	while (!done(owners)) {
		if (now_ms() >= until)
			return false;
		for (i = 0; i < n; i++)
			fds[i] = (struct pollfd){ sfab_fibre_fd(owners[i]->end), POLLIN, 0 };
		poll(fds, n, 10);
		for (i = 0; i < n; i++) {
			if (fds[i].revents)
				owners[i]->rung += sfab_fibre_service(owners[i]->end);
		}
	}
	return true;
}

bool all_light(struct owner **owners)
{
	return owners[0]->memory && owners[1]->memory;
}

bool all_dark(struct owner **owners)
{
	return !owners[0]->memory && !owners[1]->memory;
}

bool first_dark(struct owner **owners)
{
	return !owners[0]->memory;
}

bool first_reported(struct owner **owners)
{
	return owners[0]->reports;
}

bool never(struct owner **owners)
{
	(void)owners;
	return false;
}

struct sfab_fibre *lay(struct sfab_fibre_config config)
{
	char why[256] = "";
	struct sfab_fibre *fibre = sfab_fibre_create(&config, why, sizeof(why));

	if (!fibre)
		fail_msg("%s", why);
	return fibre;
}

#define TEMPLATE "/tmp/sfab-fibre.XXXXXX"

static char directory[sizeof(TEMPLATE)];
static char path[sizeof(TEMPLATE) + 8];

const char *socket_path(void)
{
	strcpy(directory, TEMPLATE);
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/f", directory);
	return path;
}

void remove_socket_path(void)
{
	unlink(path);
	assert_int_equal(rmdir(directory), 0);
}
