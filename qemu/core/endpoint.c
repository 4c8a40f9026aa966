// SPDX-License-Identifier: GPL-2.0-or-later
/* The endpoint as a whole: made, called by the router, told of events. */
#include <stdlib.h>

#include "endpoint.h"

/* ---- bytes ---- */

static void move_piece(const struct sfab_piece *p, uint8_t *buffer, uint64_t len,
		       const struct sfab_exchange *how)
{
	switch (how->direction) {
	case SFAB_GATHER:
		sfab_copy(buffer, p->host, len, false);
		break;
	case SFAB_SCATTER:
		sfab_copy(p->host, buffer, len, how->stream);
		break;
	case SFAB_COMBINE:
		sfab_reduce(p->host, buffer, len, how->dtype, how->op);
		break;
	}
}

bool sfab_exchange(struct sfab_endpoint *ep, const struct sfab_operand *operand,
		   uint64_t offset, uint64_t len, void *buffer,
		   const struct sfab_exchange *how)
{
	const struct sfab_operand side[SFAB_SIDES] = { *operand };
	const struct sfab_plan *plan = &ep->worker->plan[0];
	uint8_t *at = buffer;

	while (len) {
		uint64_t bytes = len;

		if (!sfab_map(ep->core, ep->worker, side, offset, &bytes))
			return false;
		for (unsigned int i = 0; i < plan->pieces; i++) {
			move_piece(&plan->piece[i], at, plan->piece[i].len, how);
			at += plan->piece[i].len;
		}
		sfab_moved(ep->worker, bytes);
		sfab_release(ep->core, ep->worker, bytes);
		offset += bytes;
		len -= bytes;
	}
	return true;
}

/* ---- the router's calls ---- */

/* After a RESET or FLR nothing of before is of use, here or at other devices. */
static void look_for_reset(struct sfab_endpoint *ep)
{
	uint32_t incarnation = sfab_fabric_incarnation(ep->fabric);

	if (incarnation == ep->incarnation)
		return;
	ep->incarnation = incarnation;
	sfab_transfers_forget(ep);
	sfab_flows_forget(ep);
	sfab_target_forget(ep);
}

static bool deliver(void *opaque, const struct sfab_packet *packet,
		    const void *payload)
{
	struct sfab_endpoint *ep = opaque;

	/* As if it had been lost: who sent it will repeat it. */
	if (ep->core->paused || !packet->src || packet->src >= ep->core->config.eids)
		return true;
	look_for_reset(ep);
	ep->now = ep->core->ops->now(ep->core->opaque);
	if (packet->type < 0x40)
		return sfab_target_deliver(ep, packet, payload);
	sfab_flow_deliver(ep, packet, payload);
	return true;
}

static bool work(void *opaque, uint64_t *due)
{
	struct sfab_endpoint *ep = opaque;
	bool busy;

	if (ep->core->paused)
		return false;
	look_for_reset(ep);
	ep->now = ep->core->ops->now(ep->core->opaque);
	busy = sfab_transfers_work(ep);
	return sfab_flows_work(ep, due) || busy;
}

static const struct sfab_sink sink = { .deliver = deliver, .work = work };

/* ---- the router's events ---- */

static void wake(void *opaque)
{
	struct sfab_core *core = opaque;

	core->ops->fabric_wake(core->opaque);
}

static void ring(void *opaque, unsigned int port, unsigned int path)
{
	struct sfab_core *core = opaque;

	core->ops->fibre_ring(core->opaque, port, path);
}

static uint64_t now(void *opaque)
{
	struct sfab_core *core = opaque;

	return core->ops->now(core->opaque);
}

static void raise_vector_0(struct sfab_core *core, uint32_t bit)
{
	struct sfab_out out = { 0 };

	sfab_lock(core);
	sfab_raise(core, &out, bit, 0, true);
	sfab_unlock(core);
	sfab_deliver(core, &out);
}

static void port_event(void *opaque, unsigned int port)
{
	(void)port;	/* PORT_EVENT tells, and is the router's */
	raise_vector_0(opaque, SFAB_INT_PORT);
}

static void mgmt_event(void *opaque)
{
	raise_vector_0(opaque, SFAB_INT_MGMT);
}

static const struct sfab_fabric_ops fabric_ops = {
	.wake = wake,
	.ring = ring,
	.now = now,
	.port_event = port_event,
	.mgmt_event = mgmt_event,
};

/* ---- life ---- */

uint64_t sfab_endpoint_counter(const struct sfab_core *core, unsigned int i)
{
	if (i == SFAB_COUNTER_FORWARDED)
		return sfab_fabric_forwarded(core->fabric);
	return atomic_load_explicit(&core->endpoint->counter[i],
				    memory_order_relaxed);
}

static const char *config_error(const struct sfab_config *c,
				const struct sfab_ops *ops)
{
	if (c->segments < 1 || c->segments > SFAB_MAX_SEGMENTS)
		return "segments must be 1 to 1024";
	if (c->imports < 1 || c->imports > SFAB_MAX_IMPORTS)
		return "imports must be 1 to 1024";
	if (c->eids < 2 || c->eids > 4096)
		return "eids must be 2 to 4096";
	if (!ops->fabric_wake || !ops->fibre_ring)
		return "a device with ports needs fabric_wake and fibre_ring";
	return NULL;
}

static bool allocate(struct sfab_core *core, struct sfab_endpoint *ep)
{
	const struct sfab_config *c = &core->config;

	core->segment = calloc(c->segments, sizeof(*core->segment));
	core->import = calloc(c->imports, sizeof(*core->import));
	ep->transfer = calloc(c->queues, sizeof(*ep->transfer));
	/* Large and sparse: who never speaks to us costs no memory. */
	ep->flow = calloc(c->eids, sizeof(*ep->flow));
	ep->peer = calloc(c->eids, sizeof(*ep->peer));
	ep->stages = calloc(SFAB_STAGES, SFAB_MTU);
	for (unsigned int i = 0; ep->stages && i < SFAB_STAGES; i++)
		ep->stage[i].bytes = ep->stages + i * SFAB_MTU;
	return core->segment && core->import && ep->transfer && ep->flow &&
	       ep->peer && ep->stages;
}

static struct sfab_fabric *make_router(struct sfab_core *core, const char **why)
{
	const struct sfab_config *c = &core->config;
	struct sfab_fabric_config config = {
		.kind = SFAB_KIND_ACCEL,
		.ports = c->ports,
		.paths = c->paths,
		.eids = c->eids,
		.lanes = c->lanes,
		.lane_rate = c->lane_rate,
		.rate_scale = c->rate_scale,
		.crc_errors = c->crc_errors,
		.seed = c->seed,
		.entropy = c->entropy,
		.solo = c->solo,
		.serial = c->serial,
	};

	memcpy(config.uuid, c->uuid, sizeof(config.uuid));
	return sfab_fabric_create_with(&config, &fabric_ops, core, &sink,
				       core->endpoint, why);
}

const char *sfab_endpoint_create(struct sfab_core *core)
{
	const char *error = config_error(&core->config, core->ops);
	struct sfab_endpoint *ep;

	if (error)
		return error;
	ep = calloc(1, sizeof(*ep));
	core->endpoint = ep;
	if (!ep || !allocate(core, ep))
		return "out of memory";
	ep->core = core;
	ep->worker = &core->engine[core->config.engines];
	core->fabric = make_router(core, &error);
	ep->fabric = core->fabric;
	return error;
}

void sfab_endpoint_destroy(struct sfab_core *core)
{
	struct sfab_endpoint *ep = core->endpoint;

	sfab_fabric_destroy(core->fabric);
	free(core->segment);
	free(core->import);
	if (!ep)
		return;
	free(ep->transfer);
	free(ep->flow);
	free(ep->peer);
	free(ep->stages);
	free(ep);
}

struct sfab_fabric *sfab_core_fabric(struct sfab_core *core)
{
	return core->fabric;
}
