// SPDX-License-Identifier: GPL-2.0-or-later
/* What goes wrong with the light of a port, on request. */
#include <errno.h>

#include "fabric_internal.h"

/* A light that comes and goes does not do it more often, in ms. */
#define FLAP_LEAST_MS	300

static const char *wrong(const struct sfab_fabric *fabric,
			 const struct sfab_injection *inject)
{
	static const int32_t most[] = {
		[SFAB_INJECT_LOSS] = 60000,
		[SFAB_INJECT_DEAD] = 1,
		[SFAB_INJECT_UNLOCK] = 1,
		[SFAB_INJECT_AGEING] = 1000000000,
		[SFAB_INJECT_AGE] = 10000000,
		[SFAB_INJECT_HEAT] = 60000,
		[SFAB_INJECT_RAMP] = 10000,
		[SFAB_INJECT_MODULE] = INT32_MAX,
		[SFAB_INJECT_HANG] = 1,
		[SFAB_INJECT_STICK] = 2,
		[SFAB_INJECT_DAMAGE] = 1000000,
		[SFAB_INJECT_FLAP] = 3600000,
	};
	bool below = inject->kind == SFAB_INJECT_HEAT || inject->kind == SFAB_INJECT_RAMP;

	if (inject->kind >= sizeof(most) / sizeof(most[0]))
		return "there is no such kind of fault";
	if (inject->port >= fabric->config.ports)
		return "there is no such port";
	if (inject->path != SFAB_INJECT_ALL && inject->path >= fabric->config.paths)
		return "the port has no such light path";
	if (inject->lane != SFAB_INJECT_ALL && inject->lane >= fabric->config.lanes)
		return "the port has no such lane";
	if (inject->value > most[inject->kind] ||
	    inject->value < (below ? -most[inject->kind] : 0) ||
	    (inject->kind == SFAB_INJECT_FLAP && inject->value &&
	     inject->value < FLAP_LEAST_MS))
		return "the value is out of range";
	return NULL;
}

/* Of the module as a whole. Another one that is plugged in has no faults yet. */
static void inject_module(struct sfab_optics_faults *faults,
			  const struct sfab_injection *inject)
{
	switch (inject->kind) {
	case SFAB_INJECT_RAMP:
		faults->ramp = inject->value;
		break;
	case SFAB_INJECT_HEAT:
		faults->heat = inject->value;
		faults->heat_told++;
		break;
	case SFAB_INJECT_MODULE:
		faults->module = inject->value;
		faults->module_told++;
		if (!faults->module || faults->module == faults->serial)
			break;
		faults->serial = faults->module;
		faults->hang = false;
		faults->stick = 0;
		memset(faults->dead, 0, sizeof(faults->dead));
		memset(faults->unlocked, 0, sizeof(faults->unlocked));
		memset(faults->ageing, 0, sizeof(faults->ageing));
		break;
	case SFAB_INJECT_HANG:
		faults->hang = inject->value;
		break;
	case SFAB_INJECT_STICK:
		faults->stick = inject->value;
		break;
	case SFAB_INJECT_DAMAGE:
		faults->damage = inject->value;
		break;
	case SFAB_INJECT_FLAP:
		faults->flap = inject->value;
		faults->flap_told++;
		break;
	default:
		break;
	}
}

static void inject_lane(struct sfab_optics_faults *faults, unsigned int l,
			const struct sfab_injection *inject)
{
	switch (inject->kind) {
	case SFAB_INJECT_LOSS:
		for (unsigned int p = 0; p < SFAB_OPTICS_PATHS; p++)
			if (inject->path == SFAB_INJECT_ALL || inject->path == p)
				faults->loss[p][l] = inject->value;
		break;
	case SFAB_INJECT_DEAD:
		faults->dead[l] = inject->value;
		break;
	case SFAB_INJECT_UNLOCK:
		faults->unlocked[l] = inject->value;
		break;
	case SFAB_INJECT_AGEING:
		faults->ageing[l] = inject->value;
		break;
	case SFAB_INJECT_AGE:
		faults->age[l] = inject->value;
		faults->age_told[l]++;
		break;
	default:
		break;
	}
}

int sfab_fabric_inject(struct sfab_fabric *fabric, const struct sfab_injection *inject,
		       const char **why)
{
	const char *error = wrong(fabric, inject);
	struct sfab_port *port;

	if (why)
		*why = error;
	if (error)
		return -EINVAL;
	port = &fabric->port[inject->port];
	pthread_mutex_lock(&fabric->lock);
	for (unsigned int l = 0; l < fabric->config.lanes; l++)
		if (inject->lane == SFAB_INJECT_ALL || inject->lane == l)
			inject_lane(&port->faults, l, inject);
	inject_module(&port->faults, inject);
	pthread_mutex_unlock(&fabric->lock);
	atomic_fetch_add(&port->injected, 1);
	fabric->ops->wake(fabric->opaque);
	return 0;
}
