// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Poison: granules of the HBM whose content is lost. There are rarely any: a count
 * that needs no lock tells the engines so.
 */
#include <errno.h>

#include "internal.h"

#define GRANULE		64ull

int sfab_core_poison(struct sfab_core *core, uint64_t hbm_offset)
{
	uint64_t granule = hbm_offset - hbm_offset % GRANULE;
	unsigned int n;
	int err = 0;

	if (hbm_offset >= core->config.hbm_size)
		return -EINVAL;
	sfab_lock(core);
	n = atomic_load(&core->poisoned);
	for (unsigned int i = 0; i < n; i++)
		if (core->poison[i] == granule)
			goto out;
	if (n == SFAB_POISON_MAX) {
		err = -ENOSPC;
	} else {
		core->poison[n] = granule;
		atomic_store(&core->poisoned, n + 1);
	}
out:
	sfab_unlock(core);
	return err;
}

bool sfab_poisoned(struct sfab_core *core, uint64_t offset, uint64_t len,
		   uint64_t *at)
{
	bool found = false;

	if (!sfab_any_poison(core))
		return false;
	sfab_lock(core);
	for (unsigned int i = 0; i < atomic_load(&core->poisoned); i++) {
		uint64_t granule = core->poison[i];

		if (granule + GRANULE <= offset || granule >= offset + len)
			continue;
		if (granule < offset)
			granule = offset;
		if (!found || granule < *at)
			*at = granule;
		found = true;
	}
	sfab_unlock(core);
	return found;
}

void sfab_poison_cleared(struct sfab_core *core, uint64_t offset, uint64_t len)
{
	unsigned int n;

	if (!sfab_any_poison(core))
		return;
	sfab_lock(core);
	n = atomic_load(&core->poisoned);
	for (unsigned int i = 0; i < n; ) {
		uint64_t granule = core->poison[i];

		if (granule >= offset && granule + GRANULE <= offset + len)
			core->poison[i] = core->poison[--n];
		else
			i++;
	}
	atomic_store(&core->poisoned, n);
	sfab_unlock(core);
}
