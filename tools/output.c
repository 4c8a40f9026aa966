// SPDX-License-Identifier: MIT
/*
 * Standard output: a full disk, or none at all, must not look like success
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static int first_error;		/* of a flush; a later one, of nothing, succeeds */
static bool told;

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0 || errno != EBADF;
}

/*
 * The next file, a socket say, must not become standard output: what is printed, a handle say,
 * would go there.  What stands in a closed one's place can only be used the wrong way round,
 * so that a command that prints fails, and one that does not succeeds.
 */
void output_occupy(void)
{
	int fd, got;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (is_open(fd))
			continue;
		got = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
		if (got == fd)
			continue;
		complain("standard input, output or error is closed, and /dev/null cannot stand in: %s",
			 strerror(errno));
		exit(EXIT_FAILURE);
	}
}

void output_push(void)
{
	if (fflush(stdout) && !first_error)
		first_error = errno;
}

int output_flush(void)
{
	output_push();
	if (!first_error && !ferror(stdout))
		return 0;
	if (told)
		return -1;
	told = true;
	/* Where the buffer was written because it was full nobody saw why that failed */
	return complain("cannot write the output%s%s%s", first_error ? ": " : "",
			first_error ? strerror(first_error) : "",
			first_error == EBADF ? ": standard output is closed" : "");
}
