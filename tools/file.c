// SPDX-License-Identifier: MIT
/*
 * The files at the ends of a copy
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "interrupt.h"
#include "tool.h"

/* ---- source ---- */

/* 0 where the end is not known, as for a pipe */
static uint64_t size_of(int fd, const struct stat *st)
{
	off_t end;

	if (S_ISREG(st->st_mode))
		return st->st_size;
	if (!S_ISBLK(st->st_mode))
		return 0;
	end = lseek(fd, 0, SEEK_END);
	lseek(fd, 0, SEEK_SET);
	return end > 0 ? end : 0;
}

int source_open(struct source *source, const char *path)
{
	struct stat st;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return complain_file("read", path, errno);
	if (fstat(fd, &st)) {
		complain_file("read", path, errno);
		goto close;
	}
	if (S_ISDIR(st.st_mode)) {
		complain_file("read", path, EISDIR);
		goto close;
	}

	*source = (struct source){
		.path = path,
		.fd = fd,
		.again = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode),
		.size = size_of(fd, &st),
	};
	return 0;

close:
	close(fd);
	return -1;
}

int source_rewind(struct source *source)
{
	if (lseek(source->fd, 0, SEEK_SET))
		return complain_file("rewind", source->path, errno);
	return 0;
}

ssize_t source_read(struct source *source, void *data, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = read(source->fd, (char *)data + done, size - done);
		if (n == 0)
			break;
		if (n > 0)
			done += n;
		else if (errno != EINTR)
			return complain_file("read", source->path, errno);
		else if (interrupted())
			return complain("interrupted");
	}
	return done;
}

void source_close(struct source *source)
{
	close(source->fd);
}

/* ---- sink ---- */

static int open_in_place(struct sink *sink)
{
	sink->fd = open(sink->target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (sink->fd < 0)
		return complain_file("write", sink->path, errno);
	return 0;
}

/* Beside the target: rename() works within one file system only */
static int open_temporary(struct sink *sink, mode_t mode)
{
	const char *slash = strrchr(sink->target, '/');
	int dir = slash ? (int)(slash + 1 - sink->target) : 0;

	if (asprintf(&sink->temporary, "%.*s.%s.XXXXXX", dir, sink->target,
		     sink->target + dir) < 0) {
		sink->temporary = NULL;
		return complain_file("write", sink->path, ENOMEM);
	}
	sink->fd = mkostemp(sink->temporary, O_CLOEXEC);
	if (sink->fd < 0) {
		complain_file("create a file beside", sink->path, errno);
		free(sink->temporary);
		sink->temporary = NULL;
		return -1;
	}
	if (fchmod(sink->fd, mode))
		return complain_file("set the mode of", sink->path, errno);
	return 0;
}

static mode_t mode_of_new_files(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int open_target(struct sink *sink)
{
	struct stat st;

	if (stat(sink->target, &st)) {
		if (errno != ENOENT)
			return complain_file("write", sink->path, errno);
		return open_temporary(sink, mode_of_new_files());
	}
	if (S_ISDIR(st.st_mode))
		return complain_file("write", sink->path, EISDIR);
	if (!S_ISREG(st.st_mode))
		return open_in_place(sink);
	/* The directory decides about a rename; the file's own mode is respected too */
	if (access(sink->target, W_OK))
		return complain_file("write", sink->path, errno);
	return open_temporary(sink, st.st_mode & 0777);
}

int sink_open(struct sink *sink, const char *path)
{
	*sink = (struct sink){ .path = path, .fd = -1 };
	sink->target = realpath(path, NULL);
	if (!sink->target)
		sink->target = strdup(path);	/* new, or the error is told below */
	if (!sink->target)
		return complain_file("write", path, ENOMEM);
	if (open_target(sink)) {
		sink_abandon(sink);
		return -1;
	}
	return 0;
}

int sink_write(struct sink *sink, const void *data, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = write(sink->fd, (const char *)data + done, size - done);
		if (n >= 0)
			done += n;
		else if (errno != EINTR)
			return complain_file("write", sink->path, errno);
		else if (interrupted())
			return complain("interrupted");
	}
	return 0;
}

static int sync_and_close(struct sink *sink)
{
	int fd = sink->fd;

	/* EINVAL: pipes and the like have nothing to sync */
	if (fsync(fd) && errno != EINVAL && errno != EROFS)
		return complain_file("write", sink->path, errno);
	sink->fd = -1;
	if (close(fd))
		return complain_file("write", sink->path, errno);
	return 0;
}

int sink_commit(struct sink *sink)
{
	if (sync_and_close(sink))
		return -1;
	if (sink->temporary) {
		if (rename(sink->temporary, sink->target))
			return complain_file("write", sink->path, errno);
		free(sink->temporary);
		sink->temporary = NULL;
	}
	return 0;
}

void sink_abandon(struct sink *sink)
{
	if (sink->fd >= 0)
		close(sink->fd);
	sink->fd = -1;
	if (sink->temporary)
		unlink(sink->temporary);
	free(sink->temporary);
	sink->temporary = NULL;
	free(sink->target);
	sink->target = NULL;
}
