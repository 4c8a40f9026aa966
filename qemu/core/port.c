// SPDX-License-Identifier: GPL-2.0-or-later
/* Ports: what software wants of them, which fibre they hear, what state that makes. */
#include "fabric_internal.h"

/* A port does not train more often, so that no partner floods us with its changes. */
#define RETRAIN_NS	1000000

/* So long may a partner take to lock on to us. */
#define UNHEARD_NS	10000000

/* ---- what a port shows ---- */

static bool carries(uint32_t status)
{
	unsigned int state = status & SFAB_P_STATUS_STATE;

	return state == SFAB_PORT_UP || state == SFAB_PORT_DEGRADED;
}

void sfab_port_event(struct sfab_fabric *fabric, const struct sfab_port *port)
{
	if (port->index >= fabric->config.ports)
		return;
	atomic_fetch_or(&fabric->port_event, 1ull << port->index);
	fabric->ops->port_event(fabric->opaque, port->index);
}

/*
 * While the light path is switched that is all there is to say. Else the module knows
 * better than the link why there is nothing to hear: while it comes up, or hears
 * something, the port is on its way up.
 */
static void explain(const struct sfab_port *port, enum sfab_port_state *state,
		    enum sfab_port_reason *reason)
{
	enum sfab_port_reason why = sfab_port_deaf(port);

	if (port->switching.phase >= SFAB_PHASE_DRAIN) {
		*state = SFAB_PORT_TRAINING;
		*reason = SFAB_REASON_SWITCHING;
		return;
	}
	if (*reason != SFAB_REASON_NO_LIGHT && *reason != SFAB_REASON_TRAINING)
		return;
	if (sfab_port_tests(port) && sfab_module_works(&port->optics.plugged))
		why = SFAB_REASON_TEST;
	if (!why)
		return;
	*reason = why;
	*state = why == SFAB_REASON_NO_MODULE || why == SFAB_REASON_LOW_POWER ||
		 why == SFAB_REASON_MODULE_FAULT ? SFAB_PORT_DOWN : SFAB_PORT_TRAINING;
}

/* Set P_STATUS, and tell whom it concerns if the state is another one. */
static bool show(struct sfab_fabric *fabric, struct sfab_port *port,
		 enum sfab_port_state state, enum sfab_port_reason reason,
		 unsigned int lanes)
{
	uint32_t old = relaxed_load(port->status), status;

	explain(port, &state, &reason);
	if (reason)
		lanes = 0;
	status = state | port->path << SFAB_P_STATUS_PATH_SHIFT |
			  reason << SFAB_P_STATUS_REASON_SHIFT |
			  lanes << SFAB_P_STATUS_LANES_SHIFT;

	if (status == old)
		return false;
	relaxed_store(port->status, status);
	if (reason != SFAB_REASON_SWITCHING) {
		if (port->up && !carries(status)) {
			sfab_count(&port->counter[SFAB_P_DOWNS], 1);
			port->downs++;
		}
		port->up = carries(status);
	}
	if ((status ^ old) & SFAB_P_STATUS_STATE && port->index < fabric->config.ports)
		fabric->traps |= 1ull << port->index;
	if ((status ^ old) & (SFAB_P_STATUS_STATE | SFAB_P_STATUS_LANES))
		sfab_port_event(fabric, port);
	return true;
}

static void show_peer(struct sfab_port *port, const struct sfab_identity *peer)
{
	if (relaxed_load(port->peer) != peer->who)
		relaxed_store(port->peer, peer->who);
	relaxed_store(port->peer_uuid[0], peer->uuid[0]);
	relaxed_store(port->peer_uuid[1], peer->uuid[1]);
}

/* ---- the link ---- */

/* As P_PEER of the partner says it. */
static uint32_t who(const struct sfab_fabric *fabric, const struct sfab_port *port)
{
	return relaxed_load(fabric->eid) | port->index << 16 |
	       (uint32_t)fabric->config.kind << 24;
}

static struct sfab_identity identity(const struct sfab_fabric *fabric,
				     const struct sfab_port *port)
{
	struct sfab_identity me = {
		.who = who(fabric, port),
		.lanes = sfab_optics_ability(&port->optics),
	};

	memcpy(me.uuid, fabric->config.uuid, sizeof(me.uuid));
	memcpy(me.power, port->optics.code, sizeof(me.power));
	if (sfab_port_tests(port))
		me.test = port->pattern.applied;
	sfab_pattern_tell(&port->pattern, &port->optics, me.ber);
	return me;
}

static void open_link(struct sfab_fabric *fabric, struct sfab_port *port,
		      struct sfab_fibre_half *out, struct sfab_fibre_half *in)
{
	uint32_t generation, last = relaxed_load(out->sender.light);

	/* Another device in our place may have drawn the same numbers. */
	do
		generation = sfab_fabric_random(fabric);
	while (!generation || generation == last);
	port->link.tokens_at = fabric->now;
	port->reopen = fabric->now + RETRAIN_NS;
	sfab_port_relight(fabric, port, true);
	port->shown = identity(fabric, port);
	sfab_link_open(&port->link, out, in, &port->shown, generation);
}

/* Darkness. What has arrived and was not taken is lost. */
static void close_link(struct sfab_fabric *fabric, struct sfab_port *port)
{
	if (port->link.state == SFAB_LINK_CLOSED)
		return;
	sfab_count(&port->counter[SFAB_P_DROP_LINK],
		   sfab_link_discard(&port->link));
	sfab_link_close(&port->link);
	sfab_port_flush(fabric, port);
	show_peer(port, &(struct sfab_identity){ 0 });
}

/* The lasers go off as well, and what they shone into is not ours any more. */
void sfab_port_leave(struct sfab_fabric *fabric, struct sfab_port *port)
{
	if (!port->link.out)
		return;
	sfab_link_darken(&port->link);
	close_link(fabric, port);
	sfab_port_flush(fabric, port);
	port->link.out = NULL;
}

static void fail(struct sfab_fabric *fabric, struct sfab_port *port,
		 enum sfab_port_state state, enum sfab_port_reason reason)
{
	sfab_port_leave(fabric, port);
	sfab_port_relight(fabric, port, reason == SFAB_REASON_NO_LIGHT);
	port->down = state;
	port->why = reason;
	show(fabric, port, state, reason, 0);
}

/* Do what P_CTRL asks for with what is attached. */
void sfab_port_begin(struct sfab_fabric *fabric, struct sfab_port *port)
{
	unsigned int path = (port->applied & SFAB_P_CTRL_PATH) >>
			    SFAB_P_CTRL_PATH_SHIFT;

	port->path = path;
	port->remote = false;
	port->lost = false;
	port->switching.between &= port->optics.faults.stick == SFAB_STUCK_BETWEEN;
	if (!(port->applied & SFAB_P_CTRL_ENABLE)) {
		fail(fabric, port, SFAB_PORT_DOWN, SFAB_REASON_DISABLED);
	} else if (port->applied & SFAB_P_CTRL_LOOPBACK) {
		open_link(fabric, port, port->loop, port->loop);
	} else if (path >= fabric->config.paths) {
		fail(fabric, port, SFAB_PORT_DOWN, SFAB_REASON_NO_PATH);
	} else if (!port->half[path][0] || port->switching.between) {
		fail(fabric, port, SFAB_PORT_DOWN, SFAB_REASON_NO_LIGHT);
	} else {
		port->remote = true;
		open_link(fabric, port, port->half[path][0], port->half[path][1]);
	}
}

/* The link was lost, or is given up: it trains again soon. */
static void lose(struct sfab_fabric *fabric, struct sfab_port *port,
		 enum sfab_port_reason reason)
{
	close_link(fabric, port);
	port->reason = reason;
	port->lost = true;
	show(fabric, port, SFAB_PORT_TRAINING, reason ? reason : SFAB_REASON_TRAINING,
	     0);
}

/* It is what P_CTRL says from now on: software has asked for it in another way. */
void sfab_port_set_path(struct sfab_port *port, unsigned int path)
{
	uint32_t bits = path << SFAB_P_CTRL_PATH_SHIFT;
	uint32_t ctrl = atomic_load(&port->ctrl);

	while (!atomic_compare_exchange_weak(&port->ctrl, &ctrl,
					     (ctrl & ~SFAB_P_CTRL_PATH) | bits))
		;
	port->applied = (port->applied & ~SFAB_P_CTRL_PATH) | bits;
	port->path = path;
}

static bool up(struct sfab_fabric *fabric, struct sfab_port *port)
{
	const struct sfab_fabric_config *config = &fabric->config;
	struct sfab_link *link = &port->link;
	unsigned int lanes = link->peer.lanes;

	port->unheard = 0;
	if (lanes < 1)
		lanes = 1;
	if (lanes > sfab_optics_ability(&port->optics))
		lanes = sfab_optics_ability(&port->optics);
	if (port->index < config->ports)
		sfab_link_pace(link, lanes * config->lane_rate / 8.0 *
			       relaxed_load(fabric->rate_scale));
	port->reason = SFAB_REASON_NONE;
	show_peer(port, &link->peer);
	return show(fabric, port, lanes < config->lanes ? SFAB_PORT_DEGRADED :
		    SFAB_PORT_UP, SFAB_REASON_NONE, lanes);
}

/* We hear the partner; how long has it told now that it does not hear us? */
static bool train(struct sfab_fabric *fabric, struct sfab_port *port)
{
	enum sfab_port_reason why = port->reason ? port->reason : SFAB_REASON_TRAINING;

	if (port->link.seen_locked)
		port->unheard = 0;
	else if (!port->unheard)
		port->unheard = fabric->now ? fabric->now : 1;
	if (port->unheard && fabric->now - port->unheard >= UNHEARD_NS)
		why = SFAB_REASON_PARTNER;
	else if (port->unheard)
		sfab_due(fabric, port->unheard + UNHEARD_NS);
	return show(fabric, port, SFAB_PORT_TRAINING, why, 0);
}

static bool follow(struct sfab_fabric *fabric, struct sfab_port *port)
{
	enum sfab_port_reason why = port->reason;

	switch (sfab_link_poll(&port->link, fabric->now)) {
	case SFAB_LINK_CLOSED:
		return false;
	case SFAB_LINK_DARK:
		port->unheard = 0;
		return show(fabric, port, SFAB_PORT_DOWN,
			    why ? why : SFAB_REASON_NO_LIGHT, 0);
	case SFAB_LINK_TRAINING:
		return train(fabric, port);
	case SFAB_LINK_UP:
		if (port->link.replaying)
			sfab_due(fabric, sfab_link_ready_at(&port->link));
		return up(fabric, port);
	case SFAB_LINK_LOST:
		if (sfab_switching_lost(fabric, port))
			return true;
		lose(fabric, port, SFAB_REASON_NONE);
		return true;
	case SFAB_LINK_REPLAY:
		lose(fabric, port, SFAB_REASON_REPLAY);
		return true;
	case SFAB_LINK_PROTOCOL:
		fail(fabric, port, SFAB_PORT_FAILED, SFAB_REASON_PROTOCOL);
		return true;
	case SFAB_LINK_VERSION:
		fail(fabric, port, SFAB_PORT_FAILED, SFAB_REASON_VERSION);
		return true;
	}
	return false;
}

/* A test begins, or ends: with another link. */
static void take_test(struct sfab_fabric *fabric, struct sfab_port *port)
{
	struct sfab_pattern *t = &port->pattern;
	uint32_t ctrl = atomic_load(&t->ctrl);

	if (ctrl == t->applied)
		return;
	sfab_pattern_count(t, &port->optics, fabric->now);
	if (ctrl & SFAB_P_TEST_RUN) {
		t->bits = 0;
		t->ns = 0;
		memset(t->errors, 0, sizeof(t->errors));
	}
	t->locked = 0;
	t->applied = ctrl;
	port->optics.testing = ctrl & SFAB_P_TEST_RUN;
	sfab_switching_break(fabric, port);
	port->changed = true;
}

/* Begin anew if software, a new fibre or a loss wants it. */
static bool renew(struct sfab_fabric *fabric, struct sfab_port *port)
{
	uint32_t ctrl = atomic_load(&port->ctrl);
	uint32_t asked = atomic_load(&port->retrain);

	if (ctrl != port->applied || asked != port->retrained)
		sfab_switching_break(fabric, port);
	if (ctrl != port->applied || asked != port->retrained || port->changed) {
		port->applied = ctrl;
		port->retrained = asked;
		port->changed = false;
		port->reason = SFAB_REASON_NONE;
		sfab_port_leave(fabric, port);
	} else if (!port->lost) {
		return false;
	} else if (fabric->now < port->reopen) {
		sfab_due(fabric, port->reopen);
		return false;
	}
	sfab_port_begin(fabric, port);
	return true;
}

/* Tell the partner who we are, and hear what it says. */
static bool talk(struct sfab_fabric *fabric, struct sfab_port *port)
{
	struct sfab_identity me = identity(fabric, port);

	if (memcmp(&me, &port->shown, sizeof(me))) {
		sfab_link_identify(&port->link, &me);
		port->shown = me;
	}
	/* What the link stored may be news for itself: a loop. */
	return follow(fabric, port) || port->link.dirty;
}

bool sfab_port_poll(struct sfab_fabric *fabric, struct sfab_port *port)
{
	bool changed;

	take_test(fabric, port);
	changed = renew(fabric, port);
	changed |= sfab_port_optics(fabric, port);
	if (port->link.state != SFAB_LINK_CLOSED)
		changed |= talk(fabric, port);
	else if (!port->lost)
		changed |= show(fabric, port, port->down, port->why, 0);
	/* Whoever waits for the link looks at how it is now. */
	return sfab_switching_poll(fabric, port) || changed;
}

const struct sfab_fibre_half *sfab_port_hears(const struct sfab_port *port)
{
	if (port->applied & SFAB_P_CTRL_LOOPBACK)
		return port->loop;
	if (port->switching.between)
		return NULL;
	return port->path < SFAB_MAX_PATHS ? port->half[port->path][1] : NULL;
}

bool sfab_port_wants_room(const struct sfab_port *port)
{
	return port->switching.stage || sfab_link_starved(&port->link);
}

bool sfab_port_waits_unheard(const struct sfab_port *port)
{
	const struct sfab_link *link = &port->link;

	return link->state != SFAB_LINK_CLOSED && link->asleep &&
	       !(link->sleeps & SFAB_SLEEPING_ROOM) && sfab_port_wants_room(port);
}

void sfab_port_flush(struct sfab_fabric *fabric, struct sfab_port *port)
{
	if (sfab_link_flush(&port->link) && port->remote)
		fabric->ops->ring(fabric->opaque, port->index, port->path);
}

void sfab_port_attach(struct sfab_fabric *fabric, struct sfab_port *port,
		      unsigned int path, void *memory, unsigned int end)
{
	struct sfab_fibre_half *halves = memory;

	if (port->remote && port->path == path) {
		sfab_port_leave(fabric, port);
		port->changed = true;
	}
	if (path == (relaxed_load(port->ctrl) & SFAB_P_CTRL_PATH) >>
		    SFAB_P_CTRL_PATH_SHIFT)
		port->changed = true;
	port->half[path][0] = memory ? &halves[end] : NULL;
	port->half[path][1] = memory ? &halves[!end] : NULL;
	sfab_near_part(port, path);
	if (memory && !fabric->config.solo)
		sfab_near_join(fabric, port, path, memory, end);
	sfab_port_poll(fabric, port);
	sfab_port_flush(fabric, port);
}

void sfab_port_init(struct sfab_fabric *fabric, unsigned int index,
		    struct sfab_fibre_half *loop)
{
	const struct sfab_fabric_config *config = &fabric->config;
	struct sfab_port *port = &fabric->port[index];
	bool inner = index == config->ports;

	port->index = index;
	port->loop = loop;
	port->changed = true;
	relaxed_store(port->ctrl, SFAB_P_CTRL_ENABLE |
				  (inner ? SFAB_P_CTRL_LOOPBACK : 0));
	port->link.counter = port->counter;
	port->link.crc_errors = inner ? 0 : config->crc_errors;
	port->link.model = (config->seed ^ config->serial) *
			   0x9e3779b97f4a7c15ull + index + 1;
	port->link.model |= 1;
	sfab_port_optics_init(fabric, port);
}
