// SPDX-License-Identifier: MIT
#include "fabric_rig.h"
#include "hardware.h"

/* Port 1 of the first node, port 0 of the second */
struct hardware {
	struct net *net;
};

static const unsigned int port_of[] = { [A] = 1, [B] = 0 };
static unsigned int config_seed;

static void change(struct sfab_fabric_config *config, unsigned int node)
{
	(void)node;
	config->seed = config_seed;
	/* So slow that a second of traffic is a few thousand packets */
	config->rate_scale = 1 / 112000.0;
}

struct hardware *hardware_new(unsigned int seed)
{
	struct hardware *h = calloc(1, sizeof(*h));

	config_seed = seed;
	h->net = net_chain(2, change);
	h->net->node[B].lossy = true;
	/* A spare fibre at light path 1 of both */
	net_cable_between(h->net, A, port_of[A], 1, B, port_of[B], 1);
	net_run(h->net, 1000 * MS);
	return h;
}

void hardware_free(struct hardware *h)
{
	net_free(h->net);
	free(h);
}

void hardware_run(struct hardware *h, uint64_t ns)
{
	net_run(h->net, ns);
}

uint64_t hardware_now(const struct hardware *h)
{
	return h->net->clock;
}

uint64_t hardware_read(struct hardware *h, unsigned int end, unsigned int offset,
		       unsigned int bytes)
{
	uint64_t at = SFAB_PORT_BASE + port_of[end] * SFAB_PORT_STRIDE + offset;

	return bytes == 4 ? fr32(&h->net->node[end], at) : fr64(&h->net->node[end], at);
}

void hardware_control(struct hardware *h, unsigned int end, uint32_t ctrl)
{
	fw32(&h->net->node[end], P_REG(port_of[end], CTRL), ctrl);
}

void hardware_module(struct hardware *h, unsigned int end, uint32_t ctrl)
{
	fw32(&h->net->node[end], P_REG(port_of[end], MODULE_CTRL), ctrl);
}

void hardware_inject(struct hardware *h, unsigned int end, enum sfab_inject kind,
		     unsigned int lane, int32_t value)
{
	const struct sfab_injection i = { kind, port_of[end], SFAB_INJECT_ALL, lane, value };

	if (sfab_fabric_inject(h->net->node[end].fabric, &i, NULL))
		abort();
}

void hardware_plug(struct hardware *h, bool plugged)
{
	if (plugged)
		net_join(h->net, 0);
	else
		net_cut(h->net, 0);
}

void hardware_switch(struct hardware *h, unsigned int path)
{
	fw32(&h->net->node[A], P_REG(port_of[A], SWITCH),
	     path | SFAB_P_SWITCH_TOGETHER | path << SFAB_P_SWITCH_PARTNER_SHIFT);
}

void hardware_traffic(struct hardware *h)
{
	flow_start(&h->net->node[A], 0, 2, 1000000, 512);
}
