// SPDX-License-Identifier: MIT
/*
 * The text of the last error, and the rule for structs that may grow
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

#define STRING(x)	#x
#define VERSION(a, b, c)	STRING(a) "." STRING(b) "." STRING(c)

static _Thread_local char last_error[1024];

const char *sfab_version(void)
{
	return VERSION(SFAB_VERSION_MAJOR, SFAB_VERSION_MINOR, SFAB_VERSION_PATCH);
}

const char *sfab_last_error(void)
{
	return last_error;
}

int fail(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(last_error, sizeof(last_error), fmt, args);
	va_end(args);
	return err;
}

int fail_append(int err, const char *fmt, ...)
{
	size_t used = strlen(last_error);
	va_list args;

	va_start(args, fmt);
	vsnprintf(last_error + used, sizeof(last_error) - used, fmt, args);
	va_end(args);
	return err;
}

int fail_null(const char *function)
{
	return fail(-EINVAL, "%s: an argument that must not be NULL is NULL", function);
}

int fail_nomem(const char *what)
{
	return fail(-ENOMEM, "the process has no memory left for %s", what);
}

int struct_out(void *user, const void *known, uint32_t known_size, uint32_t first_size,
	       const char *name)
{
	uint32_t size, n;

	memcpy(&size, user, sizeof(size));
	if (size < first_size)
		return fail(-EINVAL, "struct %s: its size member is %u, at least %u is needed: set it to sizeof(struct %s)",
			    name, size, first_size, name);

	n = size < known_size ? size : known_size;
	memcpy((char *)user + sizeof(size), (const char *)known + sizeof(size),
	       n - sizeof(size));
	memset((char *)user + n, 0, size - n);
	return 0;
}
