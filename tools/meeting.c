// SPDX-License-Identifier: MIT
/*
 * Where the nodes of a supernode meet: files in a directory that all of them see
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "interrupt.h"
#include "meeting.h"
#include "progress.h"
#include "tool.h"
#include "units.h"

#define PATIENCE_NS	(300 * 1000000000ULL)	/* a node may have much to read */
#define PATH_SIZE	4096

static const char gave_up[] = "gave-up";

static void path_of(const struct meeting *meeting, unsigned int node, const char *what, char *path)
{
	snprintf(path, PATH_SIZE, "%s/%s.%u", meeting->dir, what, node);
}

static int write_all(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t written;

	if (fd < 0)
		return complain_file("create", path, errno);
	written = write(fd, data, size);
	if (close(fd) || written != (ssize_t)size)
		return complain_file("write", path, errno ?: ENOSPC);
	return 0;
}

int meeting_enter(const struct meeting *meeting)
{
	char path[PATH_SIZE];
	int fd;

	path_of(meeting, meeting->node, "node", path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return complain("'%s' is there already: give --share an empty directory, and each node a --node of its own",
				path);
	if (fd < 0)
		return complain_file("create", path, errno);
	close(fd);
	return 0;
}

int meeting_tell(const struct meeting *meeting, const char *what, const void *data, size_t size)
{
	char path[PATH_SIZE], temporary[PATH_SIZE + 16];

	path_of(meeting, meeting->node, what, path);
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	if (write_all(temporary, data, size))
		return -1;
	return rename(temporary, path) ? complain_file("create", path, errno) : 0;
}

/* Returns 1 while it is not there */
static int try_to_hear(const char *path, void *data, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return errno == ENOENT ? 1 : complain_file("read", path, errno);
	got = read(fd, data, size);
	close(fd);
	if (got != (ssize_t)size)
		return complain("'%s' is not what a node of this version writes: run the same sfab on all nodes",
				path);
	return 0;
}

int meeting_hear(const struct meeting *meeting, unsigned int node, const char *what, void *data,
		 size_t size)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	uint64_t end = now_ns() + PATIENCE_NS;
	char path[PATH_SIZE], failed[PATH_SIZE];
	int ret;

	path_of(meeting, node, what, path);
	path_of(meeting, node, gave_up, failed);
	while ((ret = try_to_hear(path, data, size)) > 0) {
		if (interrupted())
			return complain("interrupted");
		if (access(failed, F_OK) == 0)
			return complain("node %u gave up: it tells why itself", node);
		if (now_ns() > end)
			return complain("node %u does not come within %llu s: is 'sfab demo --node %u' running there, with the same --share?",
					node, PATIENCE_NS / 1000000000, node);
		nanosleep(&pause, NULL);
	}
	return ret;
}

int meeting_all(const struct meeting *meeting, const char *where)
{
	unsigned int node;
	char here = 1;
	int ret = meeting_tell(meeting, where, &here, sizeof(here));

	if (!meeting->quiet)
		progress_begin("waiting for nodes", meeting->nodes, "nodes");
	for (node = 0; !ret && node < meeting->nodes; node++) {
		ret = meeting_hear(meeting, node, where, &here, sizeof(here));
		progress_update(node + 1);
	}
	progress_end();
	return ret;
}

void meeting_give_up(const struct meeting *meeting)
{
	char path[PATH_SIZE];
	int fd;

	path_of(meeting, meeting->node, gave_up, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}
