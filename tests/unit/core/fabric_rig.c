// SPDX-License-Identifier: MIT
#include <errno.h>

#include "fabric_rig.h"
#include "fibre.h"

/* ---- the sink ---- */

static uint8_t pattern(const struct sfab_packet *packet, uint32_t at)
{
	return packet->psn * 31 + packet->src * 7 + at;
}

static bool send_done(struct node *node, const struct sfab_packet *to)
{
	struct sfab_packet packet = {
		.version = SFAB_PACKET_VERSION,
		.type = SFAB_PKT_DONE,
		.class_vc = SFAB_CLASS_RESPONSE,
		.dst = to->src,
		.src = node->eid,
		.psn = to->psn,
	};
	struct sfab_slot slot;

	if (sfab_fabric_reserve(node->fabric, &packet, &slot))
		return false;
	sfab_fabric_commit(node->fabric, &packet, &slot);
	return true;
}

static void response(struct node *node, const struct sfab_packet *packet)
{
	for (unsigned int f = 0; f < FLOWS; f++) {
		struct flow *flow = &node->flow[f];

		if (flow->dst != packet->src)
			continue;
		if (packet->type == SFAB_PKT_DONE)
			flow->answered++;
		else
			flow->errors++;
		flow->status = packet->status;
	}
}

static bool deliver(void *opaque, const struct sfab_packet *packet, const void *payload)
{
	struct node *node = opaque;
	const uint8_t *bytes = payload;

	assert_int_equal(packet->dst, node->eid);
	assert_int_equal((uintptr_t)payload % 64, 0);
	assert_true(packet->src < 64);
	if (packet->type & 0x80) {
		response(node, packet);
		return true;
	}
	if (node->deaf || node->net->clock < node->next)
		return false;
	if (node->answer && !send_done(node, packet))
		return false;
	node->next = node->net->clock + node->pause;
	if (node->any) {
		node->received[packet->src]++;
		node->last = *packet;
		return true;
	}
	if (node->lossy)
		assert_true((int32_t)(packet->psn - node->expected[packet->src]) >= 0);
	else
		assert_int_equal(packet->psn, node->expected[packet->src]);
	node->expected[packet->src] = packet->psn + 1;
	node->received[packet->src]++;
	node->last = *packet;
	for (uint32_t i = 0; i < packet->payload; i += i < 64 ? 1 : 997)
		assert_int_equal(bytes[i], pattern(packet, i));
	return true;
}

static bool flow_send(struct node *node, struct flow *flow)
{
	struct sfab_packet packet = {
		.version = SFAB_PACKET_VERSION,
		.type = SFAB_PKT_WRITE,
		.class_vc = SFAB_CLASS_REQUEST,
		.dst = flow->dst,
		.src = node->eid,
		.psn = flow->psn,
		.payload = flow->bytes,
	};
	struct sfab_slot slot;

	if (!flow->left ||
	    (flow->window && flow->psn - flow->answered >= flow->window))
		return false;
	flow->refused = sfab_fabric_reserve(node->fabric, &packet, &slot);
	if (flow->refused)
		return false;
	for (uint32_t i = 0; i < packet.payload; i++)
		((uint8_t *)slot.payload)[i] = pattern(&packet, i);
	sfab_fabric_commit(node->fabric, &packet, &slot);
	flow->psn++;
	flow->left--;
	return true;
}

static bool work(void *opaque, uint64_t *due)
{
	struct node *node = opaque;

	if (node->pause && node->next > node->net->clock)
		*due = node->next;
	for (unsigned int i = 0; i < FLOWS; i++)
		if (flow_send(node, &node->flow[node->turn++ % FLOWS]))
			return true;
	return false;
}

static const struct sfab_sink sink = { .deliver = deliver, .work = work };

struct flow *flow_start(struct node *node, unsigned int f, uint16_t dst,
			unsigned int count, uint32_t bytes)
{
	struct flow *flow = &node->flow[f];

	flow->dst = dst;
	flow->bytes = bytes;
	flow->left += count;
	node->woken = true;
	return flow;
}

/* ---- ops ---- */

static void wake(void *opaque)
{
	((struct node *)opaque)->woken = true;
}

static void ring(void *opaque, unsigned int port, unsigned int path)
{
	struct node *node = opaque;
	struct net *net = node->net;

	node->rings++;
	for (unsigned int c = 0; c < net->cables; c++) {
		const struct cable *cable = &net->cable[c];

		for (unsigned int end = 0; end < 2; end++)
			if (cable->node[end] == node->index && cable->port[end] == port &&
			    cable->path[end] == path)
				net->node[cable->node[!end]].rung = true;
	}
}

static uint64_t now(void *opaque)
{
	return ((struct node *)opaque)->net->clock;
}

static void port_event(void *opaque, unsigned int port)
{
	(void)port;
	((struct node *)opaque)->port_events++;
}

static void mgmt_event(void *opaque)
{
	((struct node *)opaque)->mgmt_events++;
}

static const struct sfab_fabric_ops ops = {
	.wake = wake,
	.ring = ring,
	.now = now,
	.port_event = port_event,
	.mgmt_event = mgmt_event,
};

/* ---- the net ---- */

struct net *net_new(unsigned int nodes,
		    void (*change)(struct sfab_fabric_config *config, unsigned int node))
{
	struct net *net = calloc(1, sizeof(*net));

	assert_true(nodes <= NODES);
	net->clock = 1000;
	net->nodes = nodes;
	for (unsigned int i = 0; i < nodes; i++) {
		struct node *node = &net->node[i];
		struct sfab_fabric_config config = {
			.kind = SFAB_KIND_ACCEL, .ports = 4, .paths = 2, .eids = 64,
			.lanes = 8, .lane_rate = 112, .seed = 1, .serial = i + 1,
		};
		const char *why;

		if (change)
			change(&config, i);
		node->net = net;
		node->index = i;
		node->fabric = config.kind == SFAB_KIND_SWITCH ?
			sfab_fabric_create(&config, &ops, node, &why) :
			sfab_fabric_create_with(&config, &ops, node, &sink, node, &why);
		assert_non_null(node->fabric);
		assert_null(why);
		node->eid = i + 1;
		fw32(node, SFAB_REG_EID, node->eid);
	}
	return net;
}

void net_free(struct net *net)
{
	for (unsigned int i = 0; i < net->nodes; i++)
		sfab_fabric_destroy(net->node[i].fabric);
	for (unsigned int c = 0; c < net->cables; c++)
		fibre_free(net->cable[c].view);
	free(net);
}

void net_join(struct net *net, unsigned int c)
{
	const struct cable *cable = &net->cable[c];

	for (unsigned int end = 0; end < 2; end++)
		sfab_fabric_attach(net->node[cable->node[end]].fabric, cable->port[end],
				   cable->path[end], cable->view[end], end);
}

void net_cut(struct net *net, unsigned int c)
{
	const struct cable *cable = &net->cable[c];

	for (unsigned int end = 0; end < 2; end++)
		sfab_fabric_attach(net->node[cable->node[end]].fabric, cable->port[end],
				   cable->path[end], NULL, end);
}

unsigned int net_cable_at(struct net *net, unsigned int a, unsigned int port_a,
			  unsigned int path_a, unsigned int b, unsigned int port_b)
{
	return net_cable_between(net, a, port_a, path_a, b, port_b, 0);
}

unsigned int net_cable_between(struct net *net, unsigned int a, unsigned int port_a,
			       unsigned int path_a, unsigned int b, unsigned int port_b,
			       unsigned int path_b)
{
	struct cable *cable = &net->cable[net->cables];

	assert_true(net->cables < CABLES);
	fibre_new(cable->view);
	cable->memory = cable->view[0];
	cable->node[0] = a;
	cable->port[0] = port_a;
	cable->path[0] = path_a;
	cable->node[1] = b;
	cable->port[1] = port_b;
	cable->path[1] = path_b;
	net_join(net, net->cables);
	return net->cables++;
}

unsigned int net_cable(struct net *net, unsigned int a, unsigned int port_a,
		       unsigned int b, unsigned int port_b)
{
	return net_cable_at(net, a, port_a, 0, b, port_b);
}

/* One node until it has nothing to do. Returns when it wants to be called again. */
static uint64_t run_node(struct node *node)
{
	uint64_t due;
	enum sfab_run run;

	sfab_fabric_sleep(node->fabric, false);
	node->rung = false;
	node->woken = false;
	run = sfab_fabric_run(node->fabric, &due);
	if (run == SFAB_RUN_MORE || !sfab_fabric_sleep(node->fabric, true)) {
		node->woken = true;
		return node->net->clock;
	}
	return run == SFAB_RUN_POLL ? due : UINT64_MAX;
}

void net_run_by_hand(struct node *node, unsigned int times)
{
	while (times--)
		run_node(node);
}

void net_run(struct net *net, uint64_t ns)
{
	uint64_t end = net->clock + ns, due[NODES] = { 0 };
	unsigned int rounds = 0;

	for (;;) {
		uint64_t next = UINT64_MAX;
		bool busy = false;

		for (unsigned int i = 0; i < net->nodes; i++) {
			struct node *node = &net->node[i];

			if (node->dead)
				due[i] = UINT64_MAX;
			else if (node->rung || node->woken || due[i] <= net->clock)
				due[i] = run_node(node);
		}
		for (unsigned int i = 0; i < net->nodes; i++) {
			busy |= !net->node[i].dead &&
				(net->node[i].rung || net->node[i].woken);
			next = due[i] < next ? due[i] : next;
		}
		/* Whoever asks for now over and over does not let time pass. */
		assert_true(++rounds < 10000000);
		if (busy)
			continue;
		if (next > end)
			break;
		assert_true(next > net->clock);
		net->clock = next;
	}
	net->clock = end;
}

struct net *net_chain(unsigned int nodes,
		      void (*change)(struct sfab_fabric_config *config, unsigned int node))
{
	struct net *net = net_new(nodes, change);

	for (unsigned int i = 0; i < nodes; i++) {
		if (i + 1 < nodes)
			net_cable(net, i, 1, i + 1, 0);
		for (unsigned int to = 0; to < nodes; to++)
			if (to != i)
				route(&net->node[i], to + 1,
				      CANDIDATE(to > i, 0, 1 + (to > i ? to - i : i - to)));
	}
	net_run(net, MS);
	return net;
}

/* ---- registers ---- */

uint64_t fr64(struct node *node, uint64_t offset)
{
	uint64_t value;

	assert_true(sfab_fabric_read(node->fabric, offset, 8, &value));
	return value;
}

uint32_t fr32(struct node *node, uint64_t offset)
{
	uint64_t value;

	assert_true(sfab_fabric_read(node->fabric, offset, 4, &value));
	return value;
}

void fw64(struct node *node, uint64_t offset, uint64_t value)
{
	assert_true(sfab_fabric_write(node->fabric, offset, value, 8));
}

void fw32(struct node *node, uint64_t offset, uint32_t value)
{
	assert_true(sfab_fabric_write(node->fabric, offset, value, 4));
}

unsigned int port_state(struct node *node, unsigned int port)
{
	return fr32(node, P_REG(port, STATUS)) & 0xf;
}

unsigned int port_reason(struct node *node, unsigned int port)
{
	return fr32(node, P_REG(port, STATUS)) >> 8 & 0xff;
}

uint64_t port_counter(struct node *node, unsigned int port, unsigned int counter)
{
	return fr64(node, P_REG(port, COUNTER) + 8 * counter);
}

void route(struct node *node, uint16_t eid, uint64_t candidates)
{
	fw64(node, SFAB_ROUTE_BASE + 8 * eid, candidates);
}
