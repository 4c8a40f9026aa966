/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the fake libsfab share
 */
#ifndef FAKE_TOOLS_H
#define FAKE_TOOLS_H

#include <stdint.h>

/* Sets the text of sfab_last_error(); returns err */
__attribute__((format(printf, 2, 3)))
int fake_fail(int err, const char *fmt, ...);
/* An environment variable as a number */
uint64_t fake_setting(const char *name, uint64_t standard);
/* Is this the call that shall fail?  Then the errno, negative. */
int fake_planned(const char *function);

#define FAIL_IF_PLANNED() \
	do { \
		int planned = fake_planned(__func__); \
		if (planned) \
			return planned; \
	} while (0)

#endif
