// SPDX-License-Identifier: MIT
/*
 * Messages to the user that something failed
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sfab/sfab.h>

#include "progress.h"
#include "tool.h"

int complain(const char *fmt, ...)
{
	va_list args;

	progress_clear();
	output_push();
	fprintf(stderr, "%s: ", program_invocation_name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return -1;
}

static const char *remedy(int err)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
		return "check the path";
	case EACCES:
	case EPERM:
		return "check its permissions, or run as a user who may";
	case EISDIR:
		return "name a file";
	case ENOSPC:
	case EDQUOT:
		return "free some space there, or write elsewhere";
	case EROFS:
		return "write elsewhere";
	case EIO:
		return "check the disk; dmesg may tell more";
	case EFBIG:
		return "see 'ulimit -f' and the limits of the file system";
	default:
		return NULL;
	}
}

int complain_file(const char *verb, const char *path, int err)
{
	const char *cure = remedy(err);

	return complain("cannot %s '%s': %s%s%s", verb, path, strerror(err), cure ? ": " : "",
			cure ? cure : "");
}

int complain_library(void)
{
	return complain("%s", sfab_last_error());
}
