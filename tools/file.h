/* SPDX-License-Identifier: MIT */
/*
 * The files at the ends of a copy
 */
#ifndef SFAB_TOOL_FILE_H
#define SFAB_TOOL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** struct source - a file, pipe or device that is read from its start */
struct source {
	const char *path;
	int fd;
	bool again;	/* can be read more than once */
	uint64_t size;	/* 0: not known */
};

/** source_open() - open for reading, close with source_close() */
int source_open(struct source *source, const char *path);

/** source_rewind() - read from the start again; only if @again */
int source_rewind(struct source *source);

/** source_read() - bytes read: fewer than @size only at the end; or -1 */
ssize_t source_read(struct source *source, void *data, size_t size);

void source_close(struct source *source);

/**
 * struct sink - a file that appears under its name only when it is complete
 *
 * What is no regular file (a pipe, /dev/null) is written in place.
 */
struct sink {
	const char *path;	/* as the user wrote it */
	char *target;		/* with symbolic links followed */
	char *temporary;	/* NULL: written in place */
	int fd;
};

/** sink_open() - end it with sink_commit() or sink_abandon() */
int sink_open(struct sink *sink, const char *path);

int sink_write(struct sink *sink, const void *data, size_t size);

/** sink_commit() - make the data durable, and give the file its name */
int sink_commit(struct sink *sink);

/** sink_abandon() - as if nothing had been written; harmless after a commit */
void sink_abandon(struct sink *sink);

#endif
