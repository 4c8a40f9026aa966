#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# probe.sh CC [FLAG]...: print -DHAVE_* for each variant of the DRM API that the target kernel has.
#
# The API changed within the point releases of 6.12, so a version number says nothing: compile a
# call of the variant and see. sfab_compat.h is the only user of the answers.

have() { # NAME STATEMENT CC [FLAG]...: print the flag if the statement compiles
	name=$1 statement=$2
	shift 2
	"$@" -x c -fsyntax-only -w - >/dev/null 2>&1 <<-END && printf ' -DHAVE_%s' "$name"
		#include <drm/drm_buddy.h>
		#include <drm/gpu_scheduler.h>
		void probe(void *p);
		void probe(void *p) { $statement }
	END
}

# A compiler that cannot compile the header at all (make clean has no flags) has no variants.
have NOTHING '' "$@" >/dev/null || exit 0

have GPU_BUDDY 'gpu_buddy_fini(p);' "$@"
have DRM_SCHED_INIT_ARGS 'struct drm_sched_init_args args = {}; drm_sched_init(p, &args);' "$@"
have DRM_SCHED_JOB_CLIENT_ID 'drm_sched_job_init(p, p, 1, p, 0ULL);' "$@"
exit 0
