// SPDX-License-Identifier: GPL-2.0-or-later
/* Life of a device: power-on, reset, pause. */
#include <stdlib.h>

#include "internal.h"

static const char *config_error(const struct sfab_config *c)
{
	if (!c->hbm || (uintptr_t)c->hbm % 4096)
		return "the HBM must be page-aligned memory";
	if (!c->hbm_size || c->hbm_size % SFAB_HBM_ALIGN)
		return "the size of the HBM must be a multiple of 2 MiB";
	if (c->queues < 1 || c->queues > SFAB_MAX_QUEUES)
		return "queues must be 1 to 128";
	if (c->vms < 1 || c->vms > SFAB_MAX_VMS)
		return "vms must be 1 to 128";
	if (c->engines < 1 || c->engines > SFAB_MAX_ENGINES)
		return "engines must be 1 to 8";
	if (c->vectors < 1 || c->vectors > SFAB_MAX_VECTORS)
		return "vectors must be 1 to 2048";
	return NULL;
}

struct sfab_core *sfab_core_create(const struct sfab_config *config,
				   const struct sfab_ops *ops, void *opaque,
				   const char **why)
{
	const char *error = config_error(config);
	struct sfab_core *core = NULL;

	if (!error) {
		core = calloc(1, sizeof(*core) +
				 (config->engines + !!config->ports) *
					 sizeof(core->engine[0]));
		if (!core)
			error = "out of memory";
	}
	if (why)
		*why = error;
	if (!core)
		return NULL;

	core->config = *config;
	core->workers = config->engines + !!config->ports;
	core->ops = ops;
	core->opaque = opaque;
	pthread_mutex_init(&core->lock, NULL);
	core->time_base = ops->now(opaque);
	if (config->ports)
		error = sfab_endpoint_create(core);
	if (!error)
		return core;
	sfab_core_destroy(core);
	if (why)
		*why = error;
	return NULL;
}

void sfab_core_destroy(struct sfab_core *core)
{
	if (!core)
		return;
	sfab_endpoint_destroy(core);
	pthread_mutex_destroy(&core->lock);
	free(core);
}

bool sfab_in_slice(const struct sfab_core *core)
{
	for (unsigned int i = 0; i < core->workers; i++)
		if (core->engine[i].in_slice)
			return true;
	return false;
}

void sfab_drained(struct sfab_core *core)
{
	if (!core->resetting || sfab_in_slice(core))
		return;
	core->resetting = false;
	/* No interrupt: the reset has cleared INT_ENABLE. */
	if (core->reset_status)
		core->int_status |= SFAB_INT_RESET;
	sfab_event(core, SFAB_EVENT_DRAINED, 0, 0, 0);
}

void sfab_reset(struct sfab_core *core, struct sfab_out *out,
		enum sfab_reset kind)
{
	sfab_event(core, SFAB_EVENT_RESET, 0, kind, 0);
	if (kind != SFAB_RESET_BUS)
		core->counter[SFAB_COUNTER_RESETS]++;

	core->ctrl = 0;
	core->scratch = 0;
	core->int_status = 0;
	core->int_enable = 0;
	memset(core->queue_event, 0, sizeof(core->queue_event));
	memset(core->queue_fault, 0, sizeof(core->queue_fault));
	for (unsigned int v = 0; v < core->config.vms; v++) {
		struct sfab_vm *vm = &core->vm[v];

		vm->root = 0;
		vm->root_lo = 0;
		vm->inv = 0;
		vm->inv_done = 0;
		/* Slices that are still in flight count, but not as new. */
		vm->inv_done_count = vm->inv_count;
	}
	sfab_queues_reset(core);
	sfab_segments_reset(core);
	out->fabric_reset = core->fabric;

	core->resetting = true;
	core->reset_status = kind == SFAB_RESET_REGISTER;
	sfab_drained(core);
}

void sfab_core_reset(struct sfab_core *core, enum sfab_reset kind)
{
	struct sfab_out out = { 0 };

	sfab_lock(core);
	sfab_reset(core, &out, kind);
	sfab_unlock(core);
	sfab_deliver(core, &out);
}

void sfab_core_pause(struct sfab_core *core, bool pause)
{
	struct sfab_out out = { 0 };

	sfab_lock(core);
	core->paused = pause;
	out.fabric_wake = core->fabric && !pause;
	sfab_wake(core, &out);
	sfab_unlock(core);
	sfab_deliver(core, &out);
}

bool sfab_core_busy(struct sfab_core *core)
{
	bool busy;

	sfab_lock(core);
	busy = sfab_in_slice(core);
	sfab_unlock(core);
	return busy;
}
