// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The management agent: carries datagrams and answers those that are meant for this
 * device. Software has no part in it, but for the mailbox.
 */
#include <errno.h>

#include "fabric_internal.h"

/* ---- attributes ---- */

static void get_node(struct sfab_fabric *fabric, struct sfab_mgmt_node *node)
{
	const struct sfab_fabric_config *config = &fabric->config;

	node->kind = config->kind;
	node->ports = config->ports;
	node->eid = relaxed_load(fabric->eid);
	node->num_eids = config->eids;
	node->incarnation = relaxed_load(fabric->incarnation);
	memcpy(node->uuid, config->uuid, sizeof(node->uuid));
	node->serial = config->serial;
	node->op_timeout = relaxed_load(fabric->op_timeout);
	node->retry_timeout = relaxed_load(fabric->retry_timeout);
	node->hoq_timeout = relaxed_load(fabric->hoq_timeout);
}

/* 0 leaves a timeout as it is. */
static bool within(uint32_t ms, uint32_t least, uint32_t most)
{
	return !ms || (ms >= least && ms <= most);
}

static bool set_node(struct sfab_fabric *fabric, const struct sfab_mgmt_node *node)
{
	if (node->eid >= fabric->config.eids ||
	    !within(node->op_timeout, SFAB_OP_TIMEOUT_MIN, SFAB_OP_TIMEOUT_MAX) ||
	    !within(node->retry_timeout, SFAB_RETRY_TIMEOUT_MIN,
		    SFAB_RETRY_TIMEOUT_MAX) ||
	    !within(node->hoq_timeout, SFAB_HOQ_TIMEOUT_MIN, SFAB_HOQ_TIMEOUT_MAX))
		return false;
	if (node->eid)
		sfab_set_eid(fabric, node->eid);
	if (node->op_timeout)
		relaxed_store(fabric->op_timeout, node->op_timeout);
	if (node->retry_timeout)
		relaxed_store(fabric->retry_timeout, node->retry_timeout);
	if (node->hoq_timeout)
		relaxed_store(fabric->hoq_timeout, node->hoq_timeout);
	return true;
}

static void get_port(struct sfab_fabric *fabric, const struct sfab_port *port,
		     struct sfab_mgmt_port *out)
{
	out->ctrl = atomic_load(&port->ctrl);
	out->status = relaxed_load(port->status);
	out->cap = sfab_port_cap(fabric);
	out->peer = relaxed_load(port->peer);
	out->peer_uuid[0] = relaxed_load(port->peer_uuid[0]);
	out->peer_uuid[1] = relaxed_load(port->peer_uuid[1]);
}

static void get_switch(const struct sfab_port *port, struct sfab_mgmt_switch *out)
{
	const _Atomic uint64_t *low = &port->low[SFAB_REG_P_SWITCH / 8];

	out->wish = relaxed_load(port->switching.wish);
	out->status = relaxed_load(low[0]) >> 32;
	for (unsigned int i = 0; i < SFAB_PHASES; i++)
		out->begin[i] = relaxed_load(low[1 + i]);
	for (unsigned int i = 0; i < 2; i++)
		out->model[i] = relaxed_load(low[1 + SFAB_PHASES + i]);
}

static void get_module(const struct sfab_port *port, struct sfab_mgmt_module *out)
{
	out->ctrl = atomic_load(&port->module_ctrl);
	out->module = relaxed_load(port->low[SFAB_REG_P_MODULE_CTRL / 8]) >> 32;
	out->datapath = relaxed_load(port->low[SFAB_REG_P_DATAPATH / 8]);
	out->serial = relaxed_load(port->low[SFAB_REG_P_MODULE_SERIAL / 8]);
	out->clear = sfab_port_clears(port);
}

static void set_key(struct sfab_fabric *fabric, const struct sfab_mgmt_key *key)
{
	pthread_mutex_lock(&fabric->lock);
	fabric->m_key = key->key;
	pthread_mutex_unlock(&fabric->lock);
	fabric->trap_eid = key->trap_eid;
}

/* Routes of a block that are there. */
static unsigned int routes_of(const struct sfab_fabric *fabric, uint32_t block)
{
	uint64_t first = (uint64_t)block * SFAB_MGMT_ROUTES;
	uint64_t there = fabric->config.eids > first ? fabric->config.eids - first : 0;

	return there < SFAB_MGMT_ROUTES ? there : SFAB_MGMT_ROUTES;
}

/* Does the modifier name something? */
static enum sfab_mgmt_status modifier_status(const struct sfab_fabric *fabric,
					     const struct sfab_datagram *d)
{
	switch (d->attribute) {
	case SFAB_ATTR_NODE:
	case SFAB_ATTR_KEY:
		return SFAB_MGMT_OK;
	case SFAB_ATTR_PORT:
	case SFAB_ATTR_COUNTERS:
	case SFAB_ATTR_SWITCH:
	case SFAB_ATTR_MODULE:
		return d->modifier < fabric->config.ports ? SFAB_MGMT_OK :
							    SFAB_MGMT_BAD_VALUE;
	case SFAB_ATTR_ROUTE:
		return routes_of(fabric, d->modifier) ? SFAB_MGMT_OK :
							SFAB_MGMT_BAD_VALUE;
	case SFAB_ATTR_OPTICS:
		return (d->modifier & 0xffff) < fabric->config.ports &&
		       d->modifier >> 16 < SFAB_OPTICS_WORDS / SFAB_MGMT_READINGS ?
		       SFAB_MGMT_OK : SFAB_MGMT_BAD_VALUE;
	default:
		return SFAB_MGMT_BAD_ATTRIBUTE;
	}
}

/* A quarter of the optics registers of a port. */
static void get_optics(struct sfab_fabric *fabric, struct sfab_datagram *d)
{
	const struct sfab_port *port = &fabric->port[d->modifier & 0xffff];
	unsigned int first = (d->modifier >> 16) * SFAB_MGMT_READINGS;

	for (unsigned int i = 0; i < SFAB_MGMT_READINGS; i++)
		d->word[i] = relaxed_load(port->reading[first + i]);
}

static enum sfab_mgmt_status get(struct sfab_fabric *fabric, struct sfab_datagram *d)
{
	unsigned int m = d->modifier;

	memset(d->data, 0, sizeof(d->data));
	switch (d->attribute) {
	case SFAB_ATTR_NODE:
		get_node(fabric, &d->node);
		return SFAB_MGMT_OK;
	case SFAB_ATTR_PORT:
		get_port(fabric, &fabric->port[m], &d->port);
		return SFAB_MGMT_OK;
	case SFAB_ATTR_ROUTE:
		for (unsigned int i = 0; i < routes_of(fabric, m); i++)
			d->word[i] = relaxed_load(fabric->route[m * SFAB_MGMT_ROUTES + i]);
		return SFAB_MGMT_OK;
	case SFAB_ATTR_COUNTERS:
		for (unsigned int i = 0; i < SFAB_P_COUNTERS; i++)
			d->word[i] = relaxed_load(fabric->port[m].counter[i]);
		return SFAB_MGMT_OK;
	case SFAB_ATTR_OPTICS:
		get_optics(fabric, d);
		return SFAB_MGMT_OK;
	case SFAB_ATTR_SWITCH:
		get_switch(&fabric->port[m], &d->change);
		return SFAB_MGMT_OK;
	case SFAB_ATTR_MODULE:
		get_module(&fabric->port[m], &d->module);
		return SFAB_MGMT_OK;
	default:
		return SFAB_MGMT_BAD_METHOD;
	}
}

static enum sfab_mgmt_status set(struct sfab_fabric *fabric, struct sfab_datagram *d)
{
	unsigned int m = d->modifier;

	switch (d->attribute) {
	case SFAB_ATTR_NODE:
		if (!set_node(fabric, &d->node))
			return SFAB_MGMT_BAD_VALUE;
		return get(fabric, d);
	case SFAB_ATTR_PORT:
		sfab_set_port_ctrl(fabric, &fabric->port[m], d->port.ctrl);
		return get(fabric, d);
	case SFAB_ATTR_ROUTE:
		for (unsigned int i = 0; i < routes_of(fabric, m); i++)
			relaxed_store(fabric->route[m * SFAB_MGMT_ROUTES + i],
				      d->word[i]);
		return get(fabric, d);
	case SFAB_ATTR_SWITCH:
		if (!sfab_switching_ask(fabric, &fabric->port[m], d->change.wish))
			return SFAB_MGMT_BAD_VALUE;
		return get(fabric, d);
	case SFAB_ATTR_MODULE:
		sfab_set_module_ctrl(fabric, &fabric->port[m], d->module.ctrl);
		sfab_clear_port(fabric, &fabric->port[m], d->module.clear);
		return get(fabric, d);
	case SFAB_ATTR_KEY:
		if (d->new_key.trap_eid >= fabric->config.eids)
			return SFAB_MGMT_BAD_VALUE;
		set_key(fabric, &d->new_key);
		memset(d->data, 0, sizeof(d->data));
		return SFAB_MGMT_OK;
	default:
		return SFAB_MGMT_BAD_METHOD;
	}
}

/* @trusted: from this device's own mailbox. */
static bool key_fits(struct sfab_fabric *fabric, uint64_t key, bool trusted)
{
	bool fits;

	pthread_mutex_lock(&fabric->lock);
	fits = trusted || !fabric->m_key || fabric->m_key == key;
	pthread_mutex_unlock(&fabric->lock);
	return fits;
}

static enum sfab_mgmt_status execute(struct sfab_fabric *fabric,
				     struct sfab_datagram *d, bool trusted)
{
	enum sfab_mgmt_status status;

	if (d->version != SFAB_MGMT_VERSION)
		return SFAB_MGMT_BAD_VERSION;
	if (d->method != SFAB_MGMT_GET && d->method != SFAB_MGMT_SET)
		return SFAB_MGMT_BAD_METHOD;
	if (d->method == SFAB_MGMT_SET && !key_fits(fabric, d->key, trusted))
		return SFAB_MGMT_BAD_KEY;
	status = modifier_status(fabric, d);
	if (status)
		return status;
	return d->method == SFAB_MGMT_GET ? get(fabric, d) : set(fabric, d);
}

/* ---- on the way ---- */

static int reserve(struct sfab_fabric *fabric, unsigned int port, uint16_t dst,
		   bool answer, struct sfab_packet *packet, struct sfab_slot *slot)
{
	*packet = (struct sfab_packet){
		.version = SFAB_PACKET_VERSION,
		.type = SFAB_PKT_DATAGRAM,
		.class_vc = SFAB_CLASS_MANAGEMENT,
		.dst = dst,
		.src = relaxed_load(fabric->eid),
		.payload = sizeof(struct sfab_datagram),
	};
	if (dst)
		return sfab_router_reserve(fabric, packet, answer, slot);
	if (port >= fabric->config.ports)
		return -ENETUNREACH;
	return sfab_router_reserve_at(fabric, port, packet, answer, slot);
}

static void commit(struct sfab_fabric *fabric, const struct sfab_datagram *d,
		   const struct sfab_packet *packet, const struct sfab_slot *slot)
{
	memcpy(slot->payload, d, sizeof(*d));
	sfab_fabric_commit(fabric, packet, slot);
}

/* Send @d out of @port (directed), or to @dst. */
static int send(struct sfab_fabric *fabric, unsigned int port, uint16_t dst,
		const struct sfab_datagram *d)
{
	bool answer = d->method & SFAB_MGMT_RESPONSE || d->method == SFAB_MGMT_TRAP;
	struct sfab_packet packet;
	struct sfab_slot slot;
	int error = reserve(fabric, port, dst, answer, &packet, &slot);

	if (!error)
		commit(fabric, d, &packet, &slot);
	return error;
}

static enum sfab_fate fate_of(int error)
{
	return !error ? SFAB_TAKEN : error == -EAGAIN ? SFAB_BLOCKED : SFAB_NO_ROUTE;
}

static void make_response(struct sfab_datagram *d, enum sfab_mgmt_status status)
{
	d->version = SFAB_MGMT_VERSION;
	d->method |= SFAB_MGMT_RESPONSE;
	d->status = status;
	d->key = 0;
}

/*
 * Answer a request of another device: room for the answer first, as what was executed
 * is not to be executed once more. @reason: not SFAB_MGMT_OK to refuse without a look.
 */
static enum sfab_fate answer(struct sfab_fabric *fabric, struct sfab_datagram *d,
			     enum sfab_mgmt_status reason)
{
	bool directed = d->mode == SFAB_MGMT_DIRECTED;
	struct sfab_packet packet;
	struct sfab_slot slot;
	int error;

	if (directed)
		d->pointer--;
	else if (!d->src)
		return SFAB_NO_ROUTE;
	error = reserve(fabric, directed ? d->back[d->pointer] : SFAB_NOWHERE,
			directed ? 0 : d->src, true, &packet, &slot);
	if (error)
		return fate_of(error);
	make_response(d, reason ? reason : execute(fabric, d, false));
	commit(fabric, d, &packet, &slot);
	return SFAB_TAKEN;
}

static enum sfab_fate directed_response(struct sfab_fabric *fabric,
					struct sfab_datagram *d)
{
	if (!d->pointer) {
		sfab_mailbox_receive(fabric, d);
		return SFAB_TAKEN;
	}
	d->pointer--;
	return fate_of(send(fabric, d->back[d->pointer], 0, d));
}

static enum sfab_fate directed_request(struct sfab_fabric *fabric, unsigned int from,
				       struct sfab_datagram *d)
{
	unsigned int port;

	if (d->pointer >= d->hops)
		return SFAB_MALFORMED;
	d->back[d->pointer++] = from;
	if (d->pointer == d->hops)
		return answer(fabric, d, SFAB_MGMT_OK);
	port = d->path[d->pointer];
	if (port < fabric->config.ports && sfab_port_holds(&fabric->port[port], false))
		return SFAB_BLOCKED;
	if (port >= fabric->config.ports || !sfab_port_carries(&fabric->port[port]))
		return answer(fabric, d, SFAB_MGMT_UNREACHABLE);
	return fate_of(send(fabric, port, 0, d));
}

static enum sfab_fate routed(struct sfab_fabric *fabric, struct sfab_datagram *d)
{
	if (!(d->method & SFAB_MGMT_RESPONSE) && d->method != SFAB_MGMT_TRAP)
		return answer(fabric, d, SFAB_MGMT_OK);
	sfab_mailbox_receive(fabric, d);
	return SFAB_TAKEN;
}

/* A copy of a datagram that has the mode that its packet's dst says. */
static bool load_datagram(const struct sfab_packet *packet, const void *payload,
			  struct sfab_datagram *d)
{
	if (packet->type != SFAB_PKT_DATAGRAM || packet->payload != sizeof(*d))
		return false;
	memcpy(d, payload, sizeof(*d));
	atomic_signal_fence(memory_order_seq_cst);
	return d->mode == (packet->dst ? SFAB_MGMT_BY_EID : SFAB_MGMT_DIRECTED) &&
	       d->hops <= SFAB_MGMT_HOPS && d->pointer <= d->hops;
}

enum sfab_fate sfab_agent_deliver(struct sfab_fabric *fabric, unsigned int from,
				  const struct sfab_packet *packet, const void *payload)
{
	struct sfab_datagram d;

	if (!load_datagram(packet, payload, &d))
		return SFAB_MALFORMED;
	if (!packet->dst)
		return d.method & SFAB_MGMT_RESPONSE ?
		       directed_response(fabric, &d) :
		       directed_request(fabric, from, &d);
	d.src = packet->src;
	return routed(fabric, &d);
}

void sfab_agent_unreachable(struct sfab_fabric *fabric, const struct sfab_packet *packet,
			    const void *payload)
{
	struct sfab_datagram d;

	if (!load_datagram(packet, payload, &d) || !packet->dst ||
	    d.method & SFAB_MGMT_RESPONSE || d.method == SFAB_MGMT_TRAP)
		return;
	d.src = packet->src;
	answer(fabric, &d, SFAB_MGMT_UNREACHABLE);
}

/* ---- what this device sends by itself ---- */

/* True: the answer to our own software is *status; false: the datagram must travel. */
static bool at_home(struct sfab_fabric *fabric, struct sfab_datagram *d,
		    enum sfab_mgmt_status *status)
{
	bool directed = d->mode == SFAB_MGMT_DIRECTED;

	if (d->method & SFAB_MGMT_RESPONSE || d->method == SFAB_MGMT_TRAP) {
		*status = SFAB_MGMT_BAD_METHOD;	/* these are the device's to send */
		return true;
	}
	if (d->mode > SFAB_MGMT_DIRECTED || d->hops > SFAB_MGMT_HOPS) {
		*status = SFAB_MGMT_BAD_VALUE;
		return true;
	}
	if (directed ? d->hops : d->dst != relaxed_load(fabric->eid))
		return false;
	*status = execute(fabric, d, true);
	return true;
}

static bool send_from_mailbox(struct sfab_fabric *fabric)
{
	uint64_t limit = relaxed_load(fabric->hoq_timeout) * 1000000ull;
	enum sfab_mgmt_status status;
	struct sfab_datagram d;
	int error = 0;

	if (!sfab_mailbox_sending(fabric, &d)) {
		fabric->send_since = 0;	/* a reset may have emptied it */
		return false;
	}
	d.src = relaxed_load(fabric->eid);
	d.pointer = 0;
	memset(d.back, 0, sizeof(d.back));
	if (at_home(fabric, &d, &status)) {
		make_response(&d, status);
		sfab_mailbox_receive(fabric, &d);
	} else {
		bool directed = d.mode == SFAB_MGMT_DIRECTED;

		error = !directed && !d.dst ? -ENETUNREACH :
			send(fabric, d.path[0], directed ? 0 : d.dst, &d);
		if (error == -EAGAIN && !fabric->send_since)
			fabric->send_since = fabric->now;
		if (error == -EAGAIN && fabric->now - fabric->send_since < limit) {
			sfab_due(fabric, fabric->send_since + limit);
			return false;
		}
		if (error) {
			make_response(&d, SFAB_MGMT_UNREACHABLE);
			sfab_mailbox_receive(fabric, &d);
		}
	}
	fabric->send_since = 0;
	sfab_mailbox_taken(fabric);
	return true;
}

/* False: it must wait. */
static bool send_trap(struct sfab_fabric *fabric, unsigned int port)
{
	uint16_t eid = relaxed_load(fabric->eid);
	struct sfab_datagram d = {
		.version = SFAB_MGMT_VERSION,
		.method = SFAB_MGMT_TRAP,
		.attribute = SFAB_ATTR_TRAP,
		.mode = SFAB_MGMT_BY_EID,
		.src = eid,
		.dst = fabric->trap_eid,
		.trap = { port, relaxed_load(fabric->port[port].status) },
	};

	if (d.dst != eid)
		return !send(fabric, SFAB_NOWHERE, d.dst, &d);
	sfab_mailbox_receive(fabric, &d);
	return true;
}

/* Whom a trap cannot reach now is told later, and then how it is then. */
static bool send_traps(struct sfab_fabric *fabric)
{
	bool sent = false;

	if (!fabric->trap_eid)
		fabric->traps = 0;
	for (unsigned int p = 0; p < SFAB_MAX_PORTS && fabric->traps >> p; p++) {
		if (!(fabric->traps >> p & 1) || !send_trap(fabric, p))
			continue;
		fabric->traps &= ~(1ull << p);
		sent = true;
	}
	return sent;
}

bool sfab_agent_work(struct sfab_fabric *fabric)
{
	bool sent = send_traps(fabric);

	return send_from_mailbox(fabric) || sent;
}
