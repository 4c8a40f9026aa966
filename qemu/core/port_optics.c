// SPDX-License-Identifier: GPL-2.0-or-later
/* What the module of a port sees and suffers, and what that means for the link. */
#include <errno.h>

#include "draw.h"
#include "fabric_internal.h"

/* How often the other end may change its light and be heard at once. */
#define LOOK_NS		1000000

static_assert(SFAB_OPTICS_PATHS == SFAB_MAX_PATHS, "paths");

void sfab_port_optics_init(struct sfab_fabric *fabric, struct sfab_port *port)
{
	const struct sfab_fabric_config *config = &fabric->config;
	uint64_t seed = sfab_draw_seed(config->seed, config->serial);

	sfab_optics_init(&port->optics, config->lanes, config->lane_rate,
			 sfab_draw_seed(seed, port->index));
	sfab_optics_show(&port->optics, port->reading);
}

/* ---- the light that comes in ---- */

/* Who tells nothing of its lasers has usual ones. */
static void launched_by(const struct sfab_port *port, const struct sfab_fibre_half *in,
			uint8_t *code)
{
	uint64_t power[2] = { 0 };

	if (in && relaxed_load(in->sender.launch)) {
		power[0] = relaxed_load(in->sender.power[0]);
		power[1] = relaxed_load(in->sender.power[1]);
		memcpy(code, power, sizeof(power));
	} else {
		memset(code, port->launched ?
		       sfab_launch_code(port->optics.module->launch) : 0,
		       SFAB_OPTICS_LANES);
	}
}

static void listen(struct sfab_fabric *fabric, struct sfab_port *port,
		   const struct sfab_fibre_half *in)
{
	bool loop = port->applied & SFAB_P_CTRL_LOOPBACK;
	uint32_t sent = in ? relaxed_load(in->sender.lanes) : 0;
	struct sfab_link *link = &port->link;
	uint8_t code[SFAB_OPTICS_LANES];

	launched_by(port, in, code);
	if (!sent || sent > fabric->config.lanes)
		sent = fabric->config.lanes;
	if (link->state != SFAB_LINK_CLOSED)
		link->peer.lanes = sent;
	sfab_optics_receive(&port->optics, code,
			    loop || port->path >= SFAB_MAX_PATHS ? SFAB_OPTICS_PATHS :
			    port->path, sent);
	link->blind = port->launched && !port->optics.aligned;
	link->lost = sfab_optics_lost(&port->optics);
}

/* ---- when it is looked at ---- */

void sfab_port_relight(struct sfab_fabric *fabric, struct sfab_port *port, bool lasers)
{
	if (port->index == fabric->config.ports)
		return;
	sfab_optics_train(&port->optics);
	sfab_optics_transmit(&port->optics, lasers);
	port->lasers = lasers;
	port->relight = true;
}

static void take_faults(struct sfab_fabric *fabric, struct sfab_port *port)
{
	pthread_mutex_lock(&fabric->lock);
	sfab_optics_fail(&port->optics, &port->faults);
	pthread_mutex_unlock(&fabric->lock);
}

/* The light of the other end is another one, and may be looked at. */
static bool other_light(struct sfab_fabric *fabric, struct sfab_port *port,
			uint64_t launched)
{
	port->link.noticed = launched;
	if (launched == port->launched)
		return false;
	if (fabric->now < port->look_at) {
		sfab_due(fabric, port->look_at);
		return false;
	}
	return true;
}

static void next_tick(struct sfab_fabric *fabric, struct sfab_port *port)
{
	sfab_optics_tick(&port->optics);
	port->tick += SFAB_OPTICS_TICK_NS;
	if (port->tick <= fabric->now)
		port->tick = fabric->now + SFAB_OPTICS_TICK_NS;
}

bool sfab_port_optics(struct sfab_fabric *fabric, struct sfab_port *port)
{
	const struct sfab_fibre_half *in = sfab_port_hears(port);
	uint64_t launched = in ? sfab_link_launched(in) : 0;
	uint32_t injected = atomic_load(&port->injected);
	bool other, tick = fabric->now >= port->tick;

	if (port->index == fabric->config.ports)
		return false;
	other = port->relight || other_light(fabric, port, launched);
	if (other || tick || injected != port->applied_faults) {
		sfab_optics_advance(&port->optics, fabric->now);
		if (injected != port->applied_faults)
			take_faults(fabric, port);
		if (tick)
			next_tick(fabric, port);
		if (other) {
			port->look_at = port->relight ? 0 : fabric->now + LOOK_NS;
			port->launched = launched;
		}
		port->link.noticed = launched;
		port->applied_faults = injected;
		port->relight = false;
		sfab_optics_transmit(&port->optics, port->lasers);
		listen(fabric, port, in);
		sfab_optics_show(&port->optics, port->reading);
	}
	sfab_due(fabric, port->tick);
	return other;
}

/* ---- faults ---- */

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
	    inject->value < (below ? -most[inject->kind] : 0))
		return "the value is out of range";
	return NULL;
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
	case SFAB_INJECT_HEAT:
	case SFAB_INJECT_RAMP:
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
	if (inject->kind == SFAB_INJECT_RAMP)
		port->faults.ramp = inject->value;
	if (inject->kind == SFAB_INJECT_HEAT) {
		port->faults.heat = inject->value;
		port->faults.heat_told++;
	}
	pthread_mutex_unlock(&fabric->lock);
	atomic_fetch_add(&port->injected, 1);
	fabric->ops->wake(fabric->opaque);
	return 0;
}
