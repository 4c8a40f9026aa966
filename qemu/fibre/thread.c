// SPDX-License-Identifier: GPL-2.0-or-later
/* Threads that work little and often, and that others wait for. */
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

/* The shortest slice that Linux grants. */
#define SLICE_NS	100000

/* As the kernel has it from its first version on; what glibc calls it depends on glibc. */
struct attributes {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime;
	uint64_t deadline;
	uint64_t period;
};

/*
 * Since Linux 6.12 a thread that wakes up preempts one whose slice is longer; else it may
 * wait until the other one, a vCPU that spins for instance, has used up its own. No older
 * kernel takes notice of the slice, and it works without, if later: no error is told.
 */
void sfab_fibre_hasten(void)
{
	struct attributes a;

	if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) || a.policy != SCHED_OTHER)
		return;
	a.runtime = SLICE_NS;
	syscall(SYS_sched_setattr, 0, &a, 0);
}
