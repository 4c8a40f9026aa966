// SPDX-License-Identifier: MIT
/* Management: datagrams of software, answered by devices near and far. */
#include <errno.h>

#include "fabric_rig.h"
#include "mgmt.h"
#include "switching.h"

#define KEY	0x1122334455667788ull

static void mail_send(struct node *node, const struct sfab_datagram *d)
{
	const uint32_t *word = (const uint32_t *)d;

	for (unsigned int i = 0; i < sizeof(*d) / 4; i++)
		fw32(node, SFAB_REG_MGMT_TX + 4 * i, word[i]);
	fw32(node, SFAB_REG_MGMT_CTRL, SFAB_MGMT_CTRL_SEND);
}

static bool mail_read(struct node *node, struct sfab_datagram *d)
{
	uint32_t *word = (uint32_t *)d;

	if (!(fr32(node, SFAB_REG_MGMT_STATUS) & SFAB_MGMT_STATUS_READABLE))
		return false;
	for (unsigned int i = 0; i < sizeof(*d) / 4; i++)
		word[i] = fr32(node, SFAB_REG_MGMT_RX + 4 * i);
	fw32(node, SFAB_REG_MGMT_CTRL, SFAB_MGMT_CTRL_NEXT);
	return true;
}

/* Send, let it travel, read the one answer; returns its status. */
static unsigned int ask(struct node *node, struct sfab_datagram *d)
{
	struct sfab_datagram answer;

	d->version = d->version ? d->version : 1;
	d->id = ++node->net->clock;
	mail_send(node, d);
	net_run(node->net, MS);
	assert_int_equal(fr32(node, SFAB_REG_MGMT_STATUS) & SFAB_MGMT_STATUS_BUSY, 0);
	assert_true(mail_read(node, &answer));
	assert_int_equal(answer.id, d->id);
	assert_int_equal(answer.version, 1);
	assert_int_equal(answer.method, d->method | 0x80);
	assert_int_equal(answer.key, 0);
	*d = answer;
	assert_false(mail_read(node, &answer));
	return d->status;
}

#define DIRECTED(m, a, hops_, ...) (struct sfab_datagram) {			\
		.method = SFAB_MGMT_##m, .attribute = SFAB_ATTR_##a,		\
		.mode = SFAB_MGMT_DIRECTED, .hops = hops_, .path = { __VA_ARGS__ } }
#define ROUTED(m, a, eid) (struct sfab_datagram) {				\
		.method = SFAB_MGMT_##m, .attribute = SFAB_ATTR_##a, .dst = eid }

static void own_device_answers(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0];
	struct sfab_datagram d = DIRECTED(GET, NODE, 0, 0);

	(void)state;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_int_equal(d.data[0], SFAB_KIND_ACCEL);
	assert_int_equal(d.data[1], 4);
	assert_int_equal(d.word[0] >> 16, 64ull << 16 | 1);
	assert_int_equal(d.word[1], fr32(a, SFAB_REG_INCARNATION));
	assert_int_equal(d.word[4], 1);	/* SERIAL */
	assert_int_equal(d.word[5], 50ull << 32 | 2000);
	assert_int_equal(d.word[6], 100);
	d = ROUTED(GET, PORT, 1);
	d.modifier = 1;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_int_equal(d.word[0], (uint64_t)fr32(a, P_REG(1, STATUS)) << 32 | 1);
	assert_int_equal(d.word[1] & 0xffffffff, 112 << 16 | 2 << 8 | 8);
	assert_int_equal(d.word[1] >> 32, 1 << 24 | 2);
	assert_int_equal(a->mgmt_events, 2);
	net_free(net);
}

static void directed_needs_no_eid(void **state)
{
	struct net *net = net_chain(4, NULL);
	struct node *a = &net->node[0], *d3 = &net->node[3];
	struct sfab_datagram d;

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		fw32(&net->node[i], SFAB_REG_EID, 0);
	for (unsigned int hops = 1; hops <= 3; hops++) {
		d = DIRECTED(GET, NODE, hops, 1, 1, 1);
		assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
		assert_int_equal(d.word[4], hops + 1);
	}
	d = DIRECTED(SET, NODE, 3, 1, 1, 1);
	d.node.eid = 33;
	d.node.hoq_timeout = 77;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_int_equal(fr32(d3, SFAB_REG_EID), 33);
	assert_int_equal(fr32(d3, SFAB_REG_HOQ_TIMEOUT), 77);
	assert_int_equal(fr32(d3, SFAB_REG_OP_TIMEOUT), 2000);
	/* A refused SET changes nothing of it. */
	d = DIRECTED(SET, NODE, 3, 1, 1, 1);
	d.node.eid = 34;
	d.node.op_timeout = 9;
	assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_VALUE);
	assert_int_equal(fr32(d3, SFAB_REG_EID), 33);
	/* There and back again, through ports that are used twice. */
	d = DIRECTED(GET, NODE, 4, 1, 0, 1, 1);
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_int_equal(d.word[4], 3);
	net_free(net);
}

/* What leaves by a port in LOOPBACK comes in by it, and meets this device. */
static void loopback_carries(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0];
	struct sfab_datagram d = DIRECTED(GET, NODE, 2, 1, 1);

	(void)state;
	assert_int_equal(ask(a, &d), SFAB_MGMT_UNREACHABLE);	/* the far end has no port 1 */
	fw32(a, P_REG(1, CTRL), 3);
	net_run(net, MS);
	d = DIRECTED(GET, NODE, 2, 1, 1);
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_int_equal(d.word[4], 1);
	assert_int_equal(port_counter(a, 1, SFAB_P_PACKETS_RECEIVED), 4 + 1);
	net_free(net);
}

static void routes_and_counters(void **state)
{
	struct net *net = net_chain(3, NULL);
	struct node *a = &net->node[0], *c = &net->node[2];
	struct sfab_datagram d = ROUTED(SET, ROUTE, 3);

	(void)state;
	d.modifier = 3;
	for (unsigned int i = 0; i < 16; i++)
		d.word[i] = i * 0x10001;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(fr64(c, SFAB_ROUTE_BASE + (48 + i) * 8), i * 0x10001);
	d = ROUTED(GET, ROUTE, 3);
	d.modifier = 3;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_int_equal(d.word[15], 15 * 0x10001);
	d.modifier = 4;
	d.method = SFAB_MGMT_GET;
	assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_VALUE);

	flow_start(a, 0, 3, 10, 1000);
	net_run(net, MS);
	d = ROUTED(GET, COUNTERS, 3);
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_true(d.word[SFAB_P_PACKETS_RECEIVED] >= 10);
	net_free(net);
}

static void remote_ports_obey(void **state)
{
	struct net *net = net_chain(3, NULL);
	struct node *a = &net->node[0];
	struct sfab_datagram d = ROUTED(SET, PORT, 2);

	(void)state;
	d.modifier = 1;
	d.port.ctrl = 0;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_int_equal(port_reason(&net->node[1], 1), SFAB_REASON_DISABLED);
	assert_int_equal(port_reason(&net->node[2], 0), SFAB_REASON_NO_LIGHT);
	d = ROUTED(SET, PORT, 2);
	d.modifier = 1;
	d.port.ctrl = 1;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_int_equal(port_state(&net->node[2], 0), SFAB_PORT_UP);
	d.modifier = 4;
	d.method = SFAB_MGMT_SET;
	assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_VALUE);
	net_free(net);
}

static void unreachable(void **state)
{
	struct net *net = net_chain(3, NULL);
	struct node *a = &net->node[0];
	struct sfab_datagram d;

	(void)state;
	/* Here; at the next device, which knows no way; nowhere. */
	d = ROUTED(GET, NODE, 9);
	assert_int_equal(ask(a, &d), SFAB_MGMT_UNREACHABLE);
	route(a, 9, CANDIDATE(1, 0, 2));
	d = ROUTED(GET, NODE, 9);
	assert_int_equal(ask(a, &d), SFAB_MGMT_UNREACHABLE);
	assert_int_equal(port_counter(&net->node[1], 0, SFAB_P_DROP_NO_ROUTE), 1);
	d = ROUTED(GET, NODE, 0);
	assert_int_equal(ask(a, &d), SFAB_MGMT_UNREACHABLE);
	/* A port that is dark, one that is none, here and there. */
	d = DIRECTED(GET, NODE, 1, 0);
	assert_int_equal(ask(a, &d), SFAB_MGMT_UNREACHABLE);
	d = DIRECTED(GET, NODE, 1, 200);
	assert_int_equal(ask(a, &d), SFAB_MGMT_UNREACHABLE);
	d = DIRECTED(GET, NODE, 3, 1, 1, 3);
	assert_int_equal(ask(a, &d), SFAB_MGMT_UNREACHABLE);
	d = DIRECTED(GET, NODE, 3, 1, 255, 3);
	assert_int_equal(ask(a, &d), SFAB_MGMT_UNREACHABLE);
	/* Nobody executed anything on the way. */
	d = DIRECTED(SET, NODE, 3, 1, 1, 3);
	d.node.eid = 12;
	assert_int_equal(ask(a, &d), SFAB_MGMT_UNREACHABLE);
	assert_int_equal(fr32(&net->node[2], SFAB_REG_EID), 3);
	net_free(net);
}

static void nonsense_is_named(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0];
	struct sfab_datagram d;

	(void)state;
	for (unsigned int eid = 1; eid <= 2; eid++) {
		d = ROUTED(GET, NODE, eid);
		d.version = 2;
		assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_VERSION);
		d = ROUTED(GET, NODE, eid);
		d.method = 4;
		assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_METHOD);
		d = ROUTED(GET, KEY, eid);
		assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_METHOD);
		d = ROUTED(SET, COUNTERS, eid);
		assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_METHOD);
		d = ROUTED(GET, TRAP, eid);
		assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_ATTRIBUTE);
		d = ROUTED(SET, NODE, eid);
		d.node.eid = 64;
		assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_VALUE);
		d = ROUTED(SET, KEY, eid);
		d.new_key.trap_eid = 64;
		assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_VALUE);
	}
	d = ROUTED(TRAP, TRAP, 2);
	assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_METHOD);
	d = DIRECTED(GET, NODE, 33, 1);
	assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_VALUE);
	d = DIRECTED(GET, NODE, 1, 1);
	d.mode = 2;
	assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_VALUE);
	net_free(net);
}

static void key_guards(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0], *b = &net->node[1];
	struct sfab_datagram d = ROUTED(SET, KEY, 2);

	(void)state;
	d.new_key.key = KEY;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_int_equal(d.word[0], 0);
	d = ROUTED(SET, NODE, 2);
	d.node.eid = 5;
	assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_KEY);
	d = ROUTED(SET, KEY, 2);
	d.key = KEY + 1;
	assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_KEY);
	assert_int_equal(fr32(b, SFAB_REG_EID), 2);
	/* To read needs none, nor does the device's own software. */
	d = ROUTED(GET, NODE, 2);
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	d = ROUTED(SET, NODE, 2);
	d.node.op_timeout = 123;
	assert_int_equal(ask(b, &d), SFAB_MGMT_OK);
	d = ROUTED(SET, NODE, 2);
	d.node.op_timeout = 456;
	d.key = KEY;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_int_equal(fr32(b, SFAB_REG_OP_TIMEOUT), 456);
	/* The register is the same key, written in halves; it cannot be read. */
	fw32(b, SFAB_REG_M_KEY, 0);
	d = ROUTED(SET, NODE, 2);
	assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_KEY);
	fw32(b, SFAB_REG_M_KEY + 4, 0);
	assert_int_equal(ask(a, &(struct sfab_datagram){
		.method = SFAB_MGMT_SET, .attribute = SFAB_ATTR_NODE, .dst = 2 }),
		SFAB_MGMT_OK);
	fw64(b, SFAB_REG_M_KEY, KEY);
	assert_int_equal(fr64(b, SFAB_REG_M_KEY), 0);
	net_free(net);
}

static void traps_tell_of_ports(void **state)
{
	struct net *net = net_chain(3, NULL);
	struct node *a = &net->node[0], *c = &net->node[2];
	struct sfab_datagram d = ROUTED(SET, KEY, 3);

	(void)state;
	d.new_key.trap_eid = 1;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	/* Nobody listens yet. */
	fw32(c, P_REG(2, CTRL), 3);
	net_run(net, MS);
	assert_false(mail_read(a, &d));
	fw32(a, SFAB_REG_MGMT_CTRL, SFAB_MGMT_CTRL_LISTEN_ON);
	fw32(c, P_REG(2, CTRL), 1);
	net_run(net, MS);
	assert_true(mail_read(a, &d));
	assert_int_equal(d.method, SFAB_MGMT_TRAP);
	assert_int_equal(d.attribute, SFAB_ATTR_TRAP);
	assert_int_equal(d.src, 3);
	assert_int_equal(d.trap.port, 2);
	assert_int_equal(d.trap.status, SFAB_REASON_NO_LIGHT << 8);
	assert_false(mail_read(a, &d));
	/* One that cannot be told now is told when there is a way again. */
	net_cut(net, 1);
	net_run(net, MS);
	assert_false(mail_read(a, &d));
	net_join(net, 1);
	net_run(net, MS);
	assert_true(mail_read(a, &d));
	assert_int_equal(d.trap.port, 0);
	assert_int_equal(d.trap.status & 0xf, SFAB_PORT_UP);
	/* A device tells its own software too. */
	d = ROUTED(SET, KEY, 1);
	d.new_key.trap_eid = 1;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	fw32(a, P_REG(3, CTRL), 0);
	fw32(a, P_REG(3, CTRL), 3);
	net_run(net, MS);
	assert_true(mail_read(a, &d));
	assert_int_equal(d.trap.port, 3);
	assert_int_equal(d.trap.status & 0xf, SFAB_PORT_TRAINING);
	assert_true(mail_read(a, &d));
	assert_int_equal(d.trap.status & 0xf, SFAB_PORT_UP);
	fw32(a, SFAB_REG_MGMT_CTRL, SFAB_MGMT_CTRL_LISTEN_OFF);
	fw32(a, P_REG(3, CTRL), 0);
	net_run(net, MS);
	assert_false(mail_read(a, &d));
	net_free(net);
}

/* Light paths and modules of another device. */
static void light_paths_are_managed(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0], *b = &net->node[1];
	struct sfab_datagram d = ROUTED(GET, SWITCH, 2);

	(void)state;
	net_cable_between(net, 0, 1, 1, 1, 0, 1);
	net_run(net, MS);
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_int_equal(d.change.status, 0);
	d = ROUTED(SET, SWITCH, 2);
	d.change.wish = 1 | SFAB_P_SWITCH_TOGETHER | 1 << SFAB_P_SWITCH_PARTNER_SHIFT;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	net_run(net, 50 * MS);
	d = ROUTED(GET, SWITCH, 2);
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_int_equal(d.change.status, SFAB_SWITCH_DONE << 4 | 1 << 16);
	for (unsigned int i = 0; i < 7; i++)
		assert_true(d.change.begin[i] == fr64(b, P_REG(0, SWITCH_BEGIN) + 8 * i));
	assert_true(d.change.model[0] == fr64(b, P_REG(0, SWITCH_MODEL)));
	assert_true(d.change.model[1] == fr64(b, P_REG(0, SWITCH_MODEL) + 8));
	assert_int_equal(fr32(b, P_REG(0, STATUS)) >> 4 & 0xf, 1);
	d = ROUTED(GET, SWITCH, 2);
	d.modifier = 4;
	assert_int_equal(ask(a, &d), SFAB_MGMT_BAD_VALUE);

	d = ROUTED(GET, MODULE, 2);
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_int_equal(d.module.module, fr32(b, P_REG(0, MODULE)));
	assert_true(d.module.serial == fr64(b, P_REG(0, MODULE_SERIAL)));
	assert_int_equal(d.module.datapath, 0x44444444);
	d = ROUTED(SET, MODULE, 2);
	d.modifier = 3;
	d.module.ctrl = SFAB_P_MODULE_CTRL_LOW_POWER;
	d.module.clear = SFAB_P_CLEAR_COUNTERS;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	net_run(net, 30 * MS);
	assert_int_equal(port_reason(b, 3), SFAB_REASON_LOW_POWER);
	net_free(net);
}

static void mailbox_overflows(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0];
	struct sfab_datagram d = ROUTED(GET, NODE, 2);

	(void)state;
	d.version = 1;
	for (unsigned int i = 0; i < 20; i++) {
		d.id = i;
		mail_send(a, &d);
		net_run(net, MS);
	}
	assert_int_equal(a->mgmt_events, 16);
	assert_int_equal(fr32(a, SFAB_REG_MGMT_STATUS), 4 << 16 | 2);
	for (unsigned int i = 0; i < 16; i++) {
		assert_true(mail_read(a, &d));
		assert_int_equal(d.id, i);
	}
	assert_false(mail_read(a, &d));
	assert_int_equal(fr32(a, SFAB_REG_MGMT_RX), 0);
	/* A reset empties it all. */
	mail_send(a, &d);
	sfab_fabric_reset(a->fabric);
	net_run(net, MS);
	assert_int_equal(fr32(a, SFAB_REG_MGMT_STATUS), 0);
	assert_int_equal(fr32(a, SFAB_REG_MGMT_TX + 8), 0);
	net_free(net);
}

static void as_switch(struct sfab_fabric_config *config, unsigned int node)
{
	if (node != 1)
		return;
	config->kind = SFAB_KIND_SWITCH;
	config->ports = 64;
}

/* A switch has no endpoint, but an agent like anybody. */
static void switches_are_managed(void **state)
{
	struct net *net = net_new(3, as_switch);
	struct node *a = &net->node[0];
	struct sfab_datagram d = DIRECTED(SET, NODE, 1, 2);
	struct flow *flow;

	(void)state;
	net_cable(net, 0, 2, 1, 63);
	net_cable(net, 2, 0, 1, 40);
	net_run(net, MS);
	d.node.eid = 50;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_int_equal(d.data[0], SFAB_KIND_SWITCH);
	assert_int_equal(d.data[1], 64);
	d = DIRECTED(SET, ROUTE, 1, 2);
	d.word[1] = CANDIDATE(63, 0, 1);
	d.word[3] = CANDIDATE(40, 0, 1);
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	route(a, 3, CANDIDATE(2, 0, 2));
	route(a, 50, CANDIDATE(2, 0, 1));
	route(&net->node[2], 1, CANDIDATE(0, 0, 2));
	net->node[2].answer = true;
	flow = flow_start(a, 0, 3, 100, 5000);
	net_run(net, MS);
	assert_int_equal(flow->answered, 100);
	d = ROUTED(GET, COUNTERS, 50);
	d.modifier = 63;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_true(d.word[SFAB_P_PACKETS_RECEIVED] >= 100);
	/* Nobody is there to write to. */
	flow = flow_start(a, 1, 50, 1, 64);
	net_run(net, MS);
	assert_int_equal(flow->errors, 1);
	net_free(net);
}

/* Port 63 is the last bit of what there is to tell. */
static void the_last_port_has_traps(void **state)
{
	struct net *net = net_new(3, as_switch);
	struct node *a = &net->node[0];
	struct sfab_datagram d = DIRECTED(SET, KEY, 1, 2);
	unsigned int cable;

	(void)state;
	net_cable(net, 0, 2, 1, 40);
	cable = net_cable(net, 2, 0, 1, 63);
	net_run(net, MS);
	d.new_key.trap_eid = 1;
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	route(&net->node[1], 1, CANDIDATE(40, 0, 1));
	fw32(a, SFAB_REG_MGMT_CTRL, SFAB_MGMT_CTRL_LISTEN_ON);
	net_cut(net, cable);
	net_run(net, MS);
	assert_true(mail_read(a, &d));
	assert_int_equal(d.trap.port, 63);
	assert_int_equal(d.trap.status & 0xf, SFAB_PORT_DOWN);
	net_free(net);
}

/* Requests that nobody takes hold up neither answers nor management. */
static void classes_do_not_hold_each_other_up(void **state)
{
	struct net *net = net_chain(3, NULL);
	struct node *a = &net->node[0], *c = &net->node[2];
	struct flow *stuck = flow_start(a, 0, 3, 1000, 65536), *flow;
	struct sfab_datagram d;

	(void)state;
	c->deaf = true;
	a->answer = true;
	net_run(net, MS);
	assert_int_equal(stuck->left, 1000 - 62);	/* 31 on each link */
	flow = flow_start(c, 0, 1, 500, 1000);
	flow->window = 8;
	net_run(net, MS);
	assert_int_equal(flow->answered, 500);
	d = ROUTED(GET, NODE, 3);
	assert_int_equal(ask(a, &d), SFAB_MGMT_OK);
	assert_int_equal(stuck->left, 1000 - 62);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_device_answers),
		cmocka_unit_test(directed_needs_no_eid),
		cmocka_unit_test(loopback_carries),
		cmocka_unit_test(routes_and_counters),
		cmocka_unit_test(remote_ports_obey),
		cmocka_unit_test(unreachable),
		cmocka_unit_test(nonsense_is_named),
		cmocka_unit_test(key_guards),
		cmocka_unit_test(traps_tell_of_ports),
		cmocka_unit_test(light_paths_are_managed),
		cmocka_unit_test(mailbox_overflows),
		cmocka_unit_test(switches_are_managed),
		cmocka_unit_test(the_last_port_has_traps),
		cmocka_unit_test(classes_do_not_hold_each_other_up),
	};

	return cmocka_run_group_tests_name("mgmt", tests, NULL, NULL);
}
