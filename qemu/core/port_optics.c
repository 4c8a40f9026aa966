// SPDX-License-Identifier: GPL-2.0-or-later
/* What the module of a port sees and suffers, and what that means for the link. */
#include "draw.h"
#include "fabric_internal.h"

/* How often the other end may change its light and be heard at once. */
#define LOOK_NS		1000000

/* A light that comes and goes is away for so long. */
#define FLAP_DARK_NS	200000000ull

static_assert(SFAB_OPTICS_PATHS == SFAB_MAX_PATHS, "paths");

void sfab_port_optics_init(struct sfab_fabric *fabric, struct sfab_port *port)
{
	const struct sfab_fabric_config *config = &fabric->config;
	uint64_t seed = sfab_draw_seed(config->seed, config->serial);

	sfab_optics_init(&port->optics, config->lanes, config->lane_rate,
			 sfab_draw_seed(seed, port->index));
	port->faults = port->optics.faults;
	port->pattern.draw = sfab_draw_seed(seed, 2 * SFAB_MAX_PORTS + port->index);
	port->switching.draw = sfab_draw_seed(seed, SFAB_MAX_PORTS + port->index);
	sfab_optics_show(&port->optics, port->reading);
	sfab_module_show(&port->optics, port->low);
	port->module = port->low[SFAB_REG_P_MODULE_CTRL / 8] >> 32;
}

/* ---- the light that comes in ---- */

/* Darkness comes at regular times; true if it has come, or has ended. */
static bool flap(struct sfab_fabric *fabric, struct sfab_port *port)
{
	uint64_t period = port->optics.faults.flap * 1000000ull, next;
	bool dark = period && (fabric->now - port->flap_at) % period < FLAP_DARK_NS;
	bool other = dark != port->flap_dark;

	port->flap_dark = dark;
	if (period) {
		next = (fabric->now - port->flap_at) % period;
		sfab_due(fabric, fabric->now + (dark ? FLAP_DARK_NS : period) - next);
	}
	return other;
}

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

static void look_for_pattern(struct sfab_port *port, const struct sfab_fibre_half *in)
{
	uint64_t ber[SFAB_TEST_BER_WORDS] = { 0 };

	for (unsigned int i = 0; i < SFAB_TEST_BER_WORDS && in; i++)
		ber[i] = relaxed_load(in->sender.ber[i]);
	sfab_pattern_look(&port->pattern, &port->optics,
			  in ? relaxed_load(in->sender.test) : 0, ber);
}

static void listen(struct sfab_fabric *fabric, struct sfab_port *port,
		   const struct sfab_fibre_half *in)
{
	uint32_t near = SFAB_P_TEST_RUN | SFAB_TEST_NEAR << SFAB_P_TEST_ROLE_SHIFT;
	bool own = (port->pattern.applied & ~SFAB_P_TEST_PATTERN) == near;
	bool loop = own || port->applied & SFAB_P_CTRL_LOOPBACK;
	uint32_t sent = in ? relaxed_load(in->sender.lanes) : 0;
	struct sfab_link *link = &port->link;
	uint8_t code[SFAB_OPTICS_LANES];

	launched_by(port, in, code);
	if (own)
		memcpy(code, port->optics.code, sizeof(code));
	else if (port->flap_dark)
		memset(code, 0, sizeof(code));
	if (!sent || sent > fabric->config.lanes)
		sent = fabric->config.lanes;
	if (link->state != SFAB_LINK_CLOSED)
		link->peer.lanes = sent;
	sfab_optics_receive(&port->optics, code,
			    loop || port->path >= SFAB_MAX_PATHS ? SFAB_OPTICS_PATHS :
			    port->path, sent);
	link->blind = (port->launched || port->switching.phase) && !port->optics.aligned;
	link->blind |= sfab_port_tests(port);
	link->lost = sfab_optics_lost(&port->optics);
	look_for_pattern(port, in);
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
	struct sfab_optics_faults *faults = &port->optics.faults;
	uint32_t flaps = faults->flap_told;

	pthread_mutex_lock(&fabric->lock);
	sfab_optics_fail(&port->optics, &port->faults);
	pthread_mutex_unlock(&fabric->lock);
	if (faults->flap_told != flaps)
		port->flap_at = fabric->now;
	flap(fabric, port);
	port->link.crc_errors = fabric->config.crc_errors + faults->damage;
}

static void take_control(struct sfab_port *port, uint32_t ctrl)
{
	port->applied_module = ctrl;
	port->optics.low_power = ctrl & SFAB_P_MODULE_CTRL_LOW_POWER;
	port->optics.tx_off = ctrl >> SFAB_P_MODULE_CTRL_TX_OFF_SHIFT;
}

/* What software wants to count from 0 on. It is done when the registers show it. */
static void clear(struct sfab_port *port)
{
	uint32_t what = atomic_load(&port->clear);

	/* P_CLEAR has both, so that it never reads 0 in between. */
	atomic_store(&port->clearing, what);
	atomic_fetch_and(&port->clear, ~what);
	if (what & SFAB_P_CLEAR_COUNTERS) {
		for (unsigned int i = 0; i < SFAB_P_COUNTERS; i++)
			relaxed_store(port->counter[i], 0);
		port->replays = 0;
	}
	if (what & SFAB_P_CLEAR_CODEWORDS)
		sfab_optics_clear(&port->optics);
	/* Those that are so now are set again at once. */
	if (what & SFAB_P_CLEAR_FLAGS)
		port->cmis = (struct sfab_cmis){ 0 };
}

/*
 * Whoever reads while this is odd, or another one before and after, has seen parts of two
 * moments.
 */
static void change(struct sfab_port *port)
{
	atomic_fetch_add(&port->reading[(SFAB_REG_P_CHANGES - SFAB_REG_P_OPTICS) / 8], 1);
}

/* All that is shown is of one moment. */
static void show(struct sfab_port *port)
{
	change(port);
	sfab_optics_show(&port->optics, port->reading);
	sfab_pattern_show(&port->pattern, port->low);
	sfab_module_show(&port->optics, port->low);
	sfab_cmis_show(&port->cmis, &port->optics, port->reading, port->low, port->image);
	change(port);
}

/* The module is in another state: software may have to know. */
static void tell_module(struct sfab_fabric *fabric, struct sfab_port *port)
{
	uint32_t module = relaxed_load(port->low[SFAB_REG_P_MODULE_CTRL / 8]) >> 32;

	if (module == port->module)
		return;
	port->module = module;
	sfab_port_event(fabric, port);
}

/*
 * What the link has sent again in the interval that ends.  Software hears of it here although
 * the link is up as before, and however much it is, once in an interval.
 */
static void tell_replays(struct sfab_fabric *fabric, struct sfab_port *port)
{
	uint64_t replays = relaxed_load(port->counter[SFAB_P_REPLAYS]);
	bool more = replays > port->replays;

	port->replays = replays;
	if (more)
		sfab_port_event(fabric, port);
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
	uint32_t module = atomic_load(&port->module_ctrl);
	bool other, mine, tick = fabric->now >= port->tick;

	if (port->index == fabric->config.ports)
		return false;
	other = port->relight || other_light(fabric, port, launched);
	mine = injected != port->applied_faults || module != port->applied_module;
	mine |= fabric->now >= sfab_optics_due(&port->optics);
	mine |= flap(fabric, port) || atomic_load(&port->clear);
	if (other || tick || mine) {
		sfab_optics_advance(&port->optics, fabric->now);
		sfab_pattern_count(&port->pattern, &port->optics, fabric->now);
		if (injected != port->applied_faults)
			take_faults(fabric, port);
		take_control(port, module);
		clear(port);
		if (tick) {
			tell_replays(fabric, port);
			next_tick(fabric, port);
		}
		if (other) {
			port->look_at = port->relight ? 0 : fabric->now + LOOK_NS;
			port->launched = launched;
		}
		port->link.noticed = launched;
		port->applied_faults = injected;
		port->relight = false;
		sfab_optics_transmit(&port->optics, port->lasers);
		/* While the optical switch moves no light is heard, and none missed. */
		if (port->switching.phase != SFAB_PHASE_SWITCH)
			listen(fabric, port, in);
		show(port);
		tell_module(fabric, port);
		atomic_store(&port->clearing, 0);
	}
	sfab_due(fabric, port->tick);
	sfab_due(fabric, sfab_optics_due(&port->optics));
	return other;
}

enum sfab_port_reason sfab_port_deaf(const struct sfab_port *port)
{
	const struct sfab_optics *o = &port->optics;
	const struct sfab_plugged *m = &o->plugged;

	if (!m->present)
		return SFAB_REASON_NO_MODULE;
	if (m->fault)
		return SFAB_REASON_MODULE_FAULT;
	if (m->state == SFAB_MODULE_LOW_POWER || m->state == SFAB_MODULE_POWER_DOWN)
		return SFAB_REASON_LOW_POWER;
	if (!sfab_module_works(m))
		return SFAB_REASON_TRAINING;
	if (!port->link.blind || !sfab_optics_lit(o))
		return SFAB_REASON_NONE;
	return o->width ? SFAB_REASON_NO_ALIGNMENT : SFAB_REASON_NO_LOCK;
}
