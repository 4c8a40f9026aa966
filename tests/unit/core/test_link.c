// SPDX-License-Identifier: MIT
/* Links: training, light, credits, link-level retry, the rate. */
#include "crc32c.h"
#include "fabric_rig.h"

static void assert_up(struct node *node, unsigned int port)
{
	assert_int_equal(port_state(node, port), SFAB_PORT_UP);
	assert_int_equal(port_reason(node, port), SFAB_REASON_NONE);
}

static void crc_is_castagnoli(void **state)
{
	const char *text = "12345678";
	uint8_t data[64], zeros[32] = { 0 };

	(void)state;
	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = i * 37;
	/* Of 32 zeros: RFC 3720, B.4. */
	assert_int_equal(sfab_crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(sfab_crc32c_plain(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(sfab_crc32c(0, data, 64), sfab_crc32c_plain(0, data, 64));
	assert_int_equal(sfab_crc32c(sfab_crc32c(0, data, 24), data + 24, 40),
			 sfab_crc32c(0, data, 64));
	assert_int_equal(sfab_crc32c(0, text, 8), 0x6087809a);
}

static void trains_and_knows_its_partner(void **state)
{
	struct net *net = net_new(2, NULL);
	struct node *a = &net->node[0], *b = &net->node[1];

	(void)state;
	net_run(net, MS);
	assert_int_equal(port_state(a, 2), SFAB_PORT_DOWN);
	assert_int_equal(port_reason(a, 2), SFAB_REASON_NO_LIGHT);
	net_cable(net, 0, 2, 1, 3);
	net_run(net, MS);
	assert_up(a, 2);
	assert_up(b, 3);
	assert_int_equal(fr32(a, P_REG(2, PEER)), 1 << 24 | 3 << 16 | 2);
	assert_int_equal(fr32(b, P_REG(3, PEER)), 1 << 24 | 2 << 16 | 1);
	assert_int_equal(fr32(a, P_REG(2, STATUS)) >> 16, 8);
	assert_int_equal(fr32(a, SFAB_REG_PORT_EVENT) & 4, 4);
	assert_true(a->port_events >= 1);
	/* A new EID is told without training. */
	fw32(b, SFAB_REG_EID, 9);
	net_run(net, MS);
	assert_int_equal(fr32(a, P_REG(2, PEER)), 1 << 24 | 3 << 16 | 9);
	assert_int_equal(port_counter(a, 2, SFAB_P_DOWNS), 0);
	net_free(net);
}

static void cut_and_joined(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0], *b = &net->node[1];

	(void)state;
	for (unsigned int i = 1; i <= 5; i++) {
		flow_start(a, 0, 2, 100, 1000);
		net_run(net, MS);
		assert_int_equal(b->received[1], 100 * i);
		net_cut(net, 0);
		net_run(net, MS);
		assert_int_equal(port_state(a, 1), SFAB_PORT_DOWN);
		assert_int_equal(port_reason(b, 0), SFAB_REASON_NO_LIGHT);
		assert_int_equal(fr32(a, P_REG(1, PEER)), 0);
		assert_int_equal(port_counter(a, 1, SFAB_P_DOWNS), i);
		net_join(net, 0);
		net_run(net, MS);
		assert_up(a, 1);
		assert_up(b, 0);
	}
	net_free(net);
}

static void disabled_and_enabled(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0], *b = &net->node[1];

	(void)state;
	fw32(a, P_REG(1, CTRL), 0);
	net_run(net, MS);
	assert_int_equal(port_state(a, 1), SFAB_PORT_DOWN);
	assert_int_equal(port_reason(a, 1), SFAB_REASON_DISABLED);
	assert_int_equal(port_reason(b, 0), SFAB_REASON_NO_LIGHT);
	fw32(a, P_REG(1, CTRL), 1 | 1 << 4);
	net_run(net, MS);
	assert_int_equal(port_reason(a, 1), SFAB_REASON_NO_LIGHT);
	assert_int_equal(fr32(a, P_REG(1, STATUS)) >> 4 & 0xf, 1);
	fw32(a, P_REG(1, CTRL), 1 | 2 << 4);
	net_run(net, MS);
	assert_int_equal(port_reason(a, 1), SFAB_REASON_NO_PATH);
	fw32(a, P_REG(1, CTRL), 1);
	net_run(net, MS);
	assert_up(a, 1);
	assert_up(b, 0);
	fw32(a, P_REG(1, CTRL), 1 | 1 << 8);	/* RETRAIN reads 0 */
	assert_int_equal(fr32(a, P_REG(1, CTRL)), 1);
	net_run(net, MS);
	assert_up(a, 1);
	assert_int_equal(port_counter(b, 0, SFAB_P_DOWNS), 2);
	net_free(net);
}

static void loopback_hears_itself(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0];

	(void)state;
	fw32(a, P_REG(1, CTRL), 3);
	net_run(net, MS);
	assert_up(a, 1);
	assert_int_equal(fr32(a, P_REG(1, PEER)), 1 << 24 | 1 << 16 | 1);
	assert_int_equal(port_reason(&net->node[1], 0), SFAB_REASON_NO_LIGHT);
	fw32(a, P_REG(1, CTRL), 1);
	net_run(net, MS);
	assert_int_equal(fr32(a, P_REG(1, PEER)), 1 << 24 | 0 << 16 | 2);
	net_free(net);
}

/* Two light paths of one port: software chooses who is the partner. */
static void light_paths_lead_elsewhere(void **state)
{
	struct net *net = net_new(3, NULL);
	struct node *a = &net->node[0], *b = &net->node[1], *c = &net->node[2];

	(void)state;
	net_cable_at(net, 0, 2, 0, 1, 0);
	net_cable_at(net, 0, 2, 1, 2, 3);
	route(a, 2, CANDIDATE(2, 0, 1));
	route(a, 3, CANDIDATE(2, 0, 1));
	for (unsigned int i = 0; i < 4; i++) {
		struct node *lit = i % 2 ? c : b, *dark = i % 2 ? b : c;
		unsigned int port = i % 2 ? 3 : 0, other = i % 2 ? 0 : 3;

		fw32(a, P_REG(2, CTRL), 1 | (i % 2) << 4);
		net_run(net, 3 * MS);
		assert_up(a, 2);
		assert_int_equal(fr32(a, P_REG(2, STATUS)) >> 4 & 0xf, i % 2);
		assert_int_equal(fr32(a, P_REG(2, PEER)), 1 << 24 | port << 16 | lit->eid);
		assert_up(lit, port);
		assert_int_equal(port_reason(dark, other), SFAB_REASON_NO_LIGHT);
		flow_start(a, i % 2, lit->eid, 10, 1000);
		net_run(net, MS);
		assert_int_equal(lit->received[1], 10 * (1 + i / 2));
	}
	net_free(net);
}

/* The partner is made again, and shares nothing with its former self but memory. */
static void partner_restarts(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0], *b = &net->node[1];
	struct net *other;

	(void)state;
	flow_start(a, 0, 2, 10, 100);
	net_run(net, MS);
	/* No good-bye: its memory stays as it was. */
	other = net_new(2, NULL);
	sfab_fabric_attach(other->node[1].fabric, 0, 0, net->cable[0].view[1], 1);
	sfab_fabric_destroy(b->fabric);
	b->fabric = other->node[1].fabric;
	other->node[1].fabric = NULL;
	other->node[1].net = NULL;
	/* Its ops look at the other net's clock and rings: run both by hand. */
	other->node[1].net = other;
	for (unsigned int i = 0; i < 20; i++) {
		uint64_t due;

		net->clock += MS;
		sfab_fabric_run(a->fabric, &due);
		sfab_fabric_run(b->fabric, &due);
	}
	assert_up(a, 1);
	assert_up(b, 0);
	assert_int_equal(port_counter(a, 1, SFAB_P_DOWNS), 1);
	net_free(net);
	net_free(other);
}

static void all_sizes_arrive(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 7, 8, 9, 63, 64, 65, 4096, 65535, 65536 };
	struct net *net = net_chain(2, NULL);
	unsigned int n = 0;

	(void)state;
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		flow_start(&net->node[0], 0, 2, 50, sizes[i]);
		net_run(net, MS);
		n += 50;
		assert_int_equal(net->node[1].received[1], n);
		assert_int_equal(net->node[1].last.payload, sizes[i]);
	}
	assert_int_equal(port_counter(&net->node[0], 1, SFAB_P_PACKETS_SENT), n);
	assert_int_equal(port_counter(&net->node[1], 0, SFAB_P_PACKETS_RECEIVED), n);
	assert_int_equal(port_counter(&net->node[0], 1, SFAB_P_BYTES_SENT),
			 port_counter(&net->node[1], 0, SFAB_P_BYTES_RECEIVED));
	net_free(net);
}

static void credits_hold_back(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0], *b = &net->node[1];
	struct flow *flow = flow_start(a, 0, 2, 1000, 65536);

	(void)state;
	b->deaf = true;
	net_run(net, MS);
	/* 2 MiB hold 31. */
	assert_int_equal(flow->left, 1000 - 31);
	assert_int_equal(port_counter(a, 1, SFAB_P_CREDIT_STALLS), 1);
	b->deaf = false;
	b->pause = MS / 10;
	b->woken = true;
	net_run(net, 200 * MS);
	assert_int_equal(b->received[1], 1000);
	assert_int_equal(port_counter(b, 0, SFAB_P_DROP_HOQ), 0);
	net_free(net);
}

/* Node 1 sleeps with this number; how often does node 0 ring when it sends @count packets? */
static unsigned int bells(struct net *net, uint32_t sleeping, unsigned int count,
			  uint32_t bytes)
{
	struct node *a = &net->node[0];
	unsigned int before = a->rings;

	net->node[1].dead = true;
	net->cable[0].memory[1].sender.sleeping = sleeping;
	flow_start(a, 0, 2, count, bytes);
	net_run_by_hand(a, 1);
	assert_int_equal(a->flow[0].left, 0);
	return a->rings - before;
}

static void one_bell_for_a_sleep(void **state)
{
	struct net *net = net_chain(2, NULL);

	(void)state;
	assert_int_equal(bells(net, 0, 1, 64), 0);
	assert_int_equal(bells(net, 7, 1, 64), 1);
	assert_int_equal(bells(net, 7, 1, 64), 0);
	assert_int_equal(bells(net, 8, 1, 64), 1);
	assert_int_equal(bells(net, 0, 1, 64), 0);
	assert_int_equal(bells(net, 7, 1, 64), 1);
	/* Who does not count its sleeps is rung for everything. */
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(bells(net, 1, 1, 64), 1);
	/* After it has trained again we know nothing of its sleeps. */
	assert_int_equal(bells(net, 7, 1, 64), 1);
	net->node[1].dead = false;
	net_run(net, MS);
	net_cut(net, 0);
	net_run(net, MS);
	net_join(net, 0);
	net_run(net, 5 * MS);
	assert_up(&net->node[0], 1);
	net->node[1].expected[1] = 0;
	assert_int_equal(bells(net, 7, 1, 64), 1);
	net_free(net);
}

static void a_sleep_has_a_number(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct sfab_fibre_sender *page = &net->cable[0].memory[0].sender;
	uint32_t before = 0;

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		net_run_by_hand(&net->node[0], 1);
		assert_true(page->sleeping > SFAB_SLEEPING_ALWAYS);
		assert_int_not_equal(page->sleeping, before);
		before = page->sleeping;
		sfab_fabric_sleep(net->node[0].fabric, false);
		assert_int_equal(page->sleeping, 0);
	}
	net_free(net);
}

/* Node 0 sleeps with this number; how often does node 1 ring when it takes three packets? */
static unsigned int bells_for_room(struct net *net, uint32_t sleeping)
{
	struct node *b = &net->node[1];
	unsigned int before = b->rings;

	flow_start(&net->node[0], 0, 2, 3, 65536);
	net_run_by_hand(&net->node[0], 1);
	net->cable[0].memory[0].sender.sleeping = sleeping;
	net_run_by_hand(b, 1);
	return b->rings - before;
}

static void no_bell_for_room_that_nobody_needs(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *b = &net->node[1];

	(void)state;
	assert_int_equal(bells_for_room(net, 8), 0);
	assert_int_equal(bells_for_room(net, 9), 1);
	assert_int_equal(bells_for_room(net, SFAB_SLEEPING_ALWAYS), 1);
	assert_int_equal(bells_for_room(net, 10), 0);
	assert_int_equal(b->received[1], 12);
	/* What is sent is rung for, whatever the number. */
	b->answer = true;
	assert_int_equal(bells_for_room(net, 12), 1);
	net_free(net);
}

static uint32_t asks_for_room(struct net *net)
{
	return net->cable[0].memory[0].sender.sleeping & SFAB_SLEEPING_ROOM;
}

static void who_found_no_room_asks_for_it(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0];
	struct flow *flow;

	(void)state;
	net_run_by_hand(a, 1);
	assert_int_equal(asks_for_room(net), 0);
	net->node[1].dead = true;
	flow = flow_start(a, 0, 2, 1000, 65536);
	net_run_by_hand(a, 1);
	assert_true(flow->left > 0);
	assert_int_equal(asks_for_room(net), 1);
	net->node[1].dead = false;
	net_run(net, 200 * MS);
	assert_int_equal(net->node[1].received[1], 1000);
	assert_int_equal(asks_for_room(net), 0);
	net_free(net);
}

/* It is another thread that finds no room, while the worker sleeps. */
static void who_helped_asks_for_room(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0];
	struct flow *flow;
	uint32_t before;
	uint64_t due;

	(void)state;
	net_run_by_hand(a, 1);
	before = net->cable[0].memory[0].sender.sleeping;
	assert_int_not_equal(before, 0);
	flow = flow_start(a, 0, 2, 1000, 65536);
	sfab_fabric_help(a->fabric, &due, UINT64_MAX);
	assert_true(flow->left > 0);
	assert_int_equal(asks_for_room(net), 1);
	/* Another sleep: it may have been rung already for the one before. */
	assert_true(net->cable[0].memory[0].sender.sleeping > before + 1);
	net_run(net, 200 * MS);
	assert_int_equal(net->node[1].received[1], 1000);
	net_free(net);
}

/* Who helps has little time: one packet more than it was told, and the worker is to go on. */
static void help_is_brief(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0];
	struct flow *flow = flow_start(a, 0, 2, 10, 65536);
	uint64_t due;

	(void)state;
	assert_int_equal(sfab_fabric_help(a->fabric, &due, 16384), SFAB_RUN_MORE);
	assert_int_equal(flow->left, 9);
	assert_int_equal(sfab_fabric_help(a->fabric, &due, 3 * 65536), SFAB_RUN_MORE);
	assert_int_equal(flow->left, 6);
	assert_int_not_equal(sfab_fabric_help(a->fabric, &due, UINT64_MAX), SFAB_RUN_MORE);
	assert_int_equal(flow->left, 0);
	net_free(net);
}

/* An endpoint with nothing to do has used up the time: what waits in a ring does so still. */
static void who_had_no_time_is_not_idle(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0], *b = &net->node[1];
	uint64_t due;

	(void)state;
	flow_start(a, 0, 2, 3, 65536);
	net_run(net, MS);
	assert_int_equal(b->received[1], 3);
	flow_start(a, 0, 2, 1, 64);
	net_run_by_hand(a, 1);
	assert_int_equal(sfab_fabric_help(b->fabric, &due, 100), SFAB_RUN_MORE);
	assert_int_equal(b->received[1], 3);
	assert_int_not_equal(sfab_fabric_help(b->fabric, &due, 16384), SFAB_RUN_MORE);
	assert_int_equal(b->received[1], 4);
	net_free(net);
}

/* It is woken for as much as it has time to take while more comes, not for each packet. */
static void a_bell_for_many_packets(void **state)
{
	struct net *net = net_chain(2, NULL);

	(void)state;
	assert_int_equal(bells(net, 1, 1, 65536), 1);
	assert_int_equal(bells(net, 1, 3, 65536), 1);
	net->node[1].dead = false;
	net_run(net, MS);
	assert_int_equal(bells(net, 1, 7, 65536), 2);
	net_free(net);
}

/* A packet that had arrived when the light went, and was not taken, is told as lost. */
static void what_was_under_way_is_counted(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0], *b = &net->node[1];

	(void)state;
	flow_start(a, 0, 2, 5, 1000);
	b->deaf = true;
	net_run(net, MS);
	net_cut(net, 0);
	net_run(net, MS);
	/* To read does not clear. */
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(port_counter(b, 0, SFAB_P_DROP_LINK), 5);
		assert_int_equal(port_counter(b, 0, SFAB_P_PACKETS_RECEIVED), 0);
		assert_int_equal(port_counter(a, 1, SFAB_P_PACKETS_SENT), 5);
		assert_int_equal(port_counter(a, 1, SFAB_P_DROP_LINK), 0);
	}
	net_free(net);
}

static void sixteen_ports(struct sfab_fabric_config *config, unsigned int node)
{
	(void)node;
	config->ports = 16;
}

static void the_last_port_is_a_port(void **state)
{
	struct net *net = net_new(2, sixteen_ports);

	(void)state;
	for (unsigned int p = 8; p < 16; p++)
		net_cable(net, 0, p, 1, 23 - p);
	route(&net->node[0], 2, CANDIDATE(15, 0, 1));
	flow_start(&net->node[0], 0, 2, 10, 1000);
	net_run(net, MS);
	for (unsigned int p = 8; p < 16; p++)
		assert_int_equal(fr32(&net->node[0], P_REG(p, PEER)),
				 1 << 24 | (23 - p) << 16 | 2);
	net->node[0].woken = true;
	net_run(net, MS);
	assert_int_equal(net->node[1].received[1], 10);
	assert_int_equal(fr32(&net->node[1], SFAB_REG_PORT_EVENT), 0xff00);
	net_free(net);
}

static void errors_of(struct sfab_fabric_config *config, unsigned int node)
{
	(void)node;
	config->crc_errors = 100000;
}

static void replays_deliver_once_in_order(void **state)
{
	struct net *net = net_chain(3, errors_of);

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		net->node[i].answer = true;
	flow_start(&net->node[0], 0, 3, 3000, 777);
	flow_start(&net->node[2], 0, 1, 3000, 65536);
	net_run(net, 100 * MS);
	assert_int_equal(net->node[2].received[1], 3000);
	assert_int_equal(net->node[0].received[3], 3000);
	assert_int_equal(net->node[0].flow[0].answered, 3000);
	assert_true(port_counter(&net->node[0], 1, SFAB_P_REPLAYS) > 300);
	assert_int_equal(port_counter(&net->node[0], 1, SFAB_P_REPLAYS),
			 port_counter(&net->node[1], 0, SFAB_P_CRC_ERRORS));
	assert_int_equal(port_counter(&net->node[0], 1, SFAB_P_DOWNS), 0);
	net_free(net);
}

/* Software hears of them although the link is up as before: when an interval of readings ends */
static void replays_are_told_once_in_an_interval(void **state)
{
	struct net *net = net_chain(2, errors_of);
	struct node *a = &net->node[0];

	(void)state;
	net_run(net, 1500 * MS);
	fw32(a, SFAB_REG_PORT_EVENT, ~0u);
	flow_start(a, 0, 2, 3000, 777);
	net_run(net, 100 * MS);
	assert_int_equal(net->node[1].received[1], 3000);
	assert_true(port_counter(a, 1, SFAB_P_REPLAYS) > 100);
	assert_int_equal(fr32(a, SFAB_REG_PORT_EVENT), 0);
	net_run(net, 1000 * MS);
	assert_int_equal(fr32(a, SFAB_REG_PORT_EVENT), 1 << 1);
	fw32(a, SFAB_REG_PORT_EVENT, ~0u);
	net_run(net, 2000 * MS);
	assert_int_equal(fr32(a, SFAB_REG_PORT_EVENT), 0);
	assert_int_equal(port_counter(a, 1, SFAB_P_DOWNS), 0);

	/* Fewer than before, but since the counters were cleared */
	fw32(a, P_REG(1, CLEAR), SFAB_P_CLEAR_COUNTERS);
	net_run(net, MS);
	assert_int_equal(port_counter(a, 1, SFAB_P_REPLAYS), 0);
	flow_start(a, 0, 2, 100, 777);
	net_run(net, 1000 * MS);
	assert_in_range(port_counter(a, 1, SFAB_P_REPLAYS), 1, 100);
	assert_int_equal(fr32(a, SFAB_REG_PORT_EVENT), 1 << 1);
	net_free(net);
}

static void hopeless(struct sfab_fabric_config *config, unsigned int node)
{
	config->crc_errors = node ? 1000000 : 0;
}

static void sixteen_refusals_bring_it_down(void **state)
{
	struct net *net = net_new(2, hopeless);
	struct node *a = &net->node[0], *b = &net->node[1];

	(void)state;
	net_cable(net, 0, 1, 1, 0);
	route(a, 2, CANDIDATE(1, 0, 1));
	net_run(net, MS);
	assert_up(b, 0);
	flow_start(a, 0, 2, 1, 64);
	net_run(net, MS);
	assert_int_equal(port_counter(b, 0, SFAB_P_CRC_ERRORS), 16);
	assert_int_equal(port_counter(a, 1, SFAB_P_REPLAYS), 15);
	assert_int_equal(port_counter(b, 0, SFAB_P_DOWNS), 1);
	assert_int_equal(port_counter(a, 1, SFAB_P_DOWNS), 1);
	assert_up(a, 1);	/* trained again, without the packet */
	assert_up(b, 0);
	assert_int_equal(b->received[1], 0);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_is_castagnoli),
		cmocka_unit_test(trains_and_knows_its_partner),
		cmocka_unit_test(cut_and_joined),
		cmocka_unit_test(disabled_and_enabled),
		cmocka_unit_test(loopback_hears_itself),
		cmocka_unit_test(light_paths_lead_elsewhere),
		cmocka_unit_test(the_last_port_is_a_port),
		cmocka_unit_test(partner_restarts),
		cmocka_unit_test(all_sizes_arrive),
		cmocka_unit_test(credits_hold_back),
		cmocka_unit_test(one_bell_for_a_sleep),
		cmocka_unit_test(a_sleep_has_a_number),
		cmocka_unit_test(no_bell_for_room_that_nobody_needs),
		cmocka_unit_test(who_found_no_room_asks_for_it),
		cmocka_unit_test(who_helped_asks_for_room),
		cmocka_unit_test(help_is_brief),
		cmocka_unit_test(who_had_no_time_is_not_idle),
		cmocka_unit_test(a_bell_for_many_packets),
		cmocka_unit_test(what_was_under_way_is_counted),
		cmocka_unit_test(replays_deliver_once_in_order),
		cmocka_unit_test(replays_are_told_once_in_an_interval),
		cmocka_unit_test(sixteen_refusals_bring_it_down),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
