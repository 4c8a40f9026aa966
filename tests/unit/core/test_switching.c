// SPDX-License-Identifier: MIT
/*
 * Ports that go to another light path: under load, alone, together, and what goes wrong
 * with it, in each phase.
 */
#include "fabric_internal.h"
#include "fabric_rig.h"

#define ALL		SFAB_INJECT_ALL
#define PATH(p)		(p)
#define TOGETHER(p, q)	((p) | SFAB_P_SWITCH_TOGETHER | (q) << SFAB_P_SWITCH_PARTNER_SHIFT)
#define ABORT		SFAB_P_SWITCH_ABORT

/* Port 1 of a and port 0 of b, joined by a fibre at path 0 and one at path 1. */
static struct net *net;
static struct node *a, *b;
static unsigned int spare, paths;

/* 1 byte in ten nanoseconds. */
static void slow(struct sfab_fabric_config *config, unsigned int node)
{
	(void)node;
	config->rate_scale = 1 / 1120.0;
	config->paths = paths;
}

static void join(unsigned int nodes)
{
	net = net_chain(nodes, slow);
	a = &net->node[0];
	b = &net->node[1];
	spare = net_cable_between(net, 0, 1, 1, 1, 0, 1);
	net_run(net, 5 * MS);
}

static int setup(void **state)
{
	(void)state;
	paths = 2;
	join(2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	net_free(net);
	return 0;
}

static void inject(struct node *node, unsigned int port, enum sfab_inject kind,
		   unsigned int path, int32_t value)
{
	const struct sfab_injection i = { kind, port, path, ALL, value };

	assert_int_equal(sfab_fabric_inject(node->fabric, &i, NULL), 0);
}

/* ---- what a transaction tells ---- */

struct told {
	unsigned int phase, result, where, cause, count;
};

static struct told told(struct node *node, unsigned int port)
{
	uint32_t s = fr32(node, P_REG(port, SWITCH_STATUS));

	return (struct told){ s & 0xf, s >> 4 & 0xf, s >> 8 & 0xf, s >> 12 & 0xf, s >> 16 };
}

static uint64_t stamp(struct node *node, unsigned int port, enum sfab_phase phase)
{
	return fr64(node, P_REG(port, SWITCH_BEGIN) + 8 * (phase - 1));
}

static unsigned int path_of(struct node *node, unsigned int port)
{
	assert_int_equal(fr32(node, P_REG(port, STATUS)) >> 4 & 0xf,
			 fr32(node, P_REG(port, CTRL)) >> 4 & 0xf);
	return fr32(node, P_REG(port, CTRL)) >> 4 & 0xf;
}

/* Write P_SWITCH, and wait for the end, at both ends. */
static void change(struct node *node, unsigned int port, uint32_t value)
{
	unsigned int count = told(node, port).count;

	fw32(node, P_REG(port, SWITCH), value);
	for (unsigned int ms = 0; told(node, port).count == count || told(a, 1).phase ||
	     told(b, 0).phase; ms++) {
		assert_true(ms < 3000);
		net_run(net, MS);
	}
	assert_int_equal(told(node, port).count, count + 1);
	assert_int_equal(told(node, port).phase, SFAB_PHASE_NONE);
}

/* Until what was asked for there has ended there. */
static void await(struct node *node, unsigned int port)
{
	for (unsigned int us = 0; fr32(node, P_REG(port, SWITCH)) & SFAB_P_SWITCH_WANTED;
	     us += 10) {
		assert_true(us < 3000000);
		net_run(net, 10000);
	}
}

static void until(enum sfab_phase phase)
{
	for (unsigned int us = 0; told(a, 1).phase != phase; us++) {
		assert_true(us < 100000);
		net_run(net, 1000);
	}
}

static void expect(struct node *node, unsigned int port, enum sfab_switch_result result,
		   enum sfab_phase where, enum sfab_switch_cause cause)
{
	struct told t = told(node, port);

	assert_int_equal(t.result, result);
	assert_int_equal(t.where, where);
	assert_int_equal(t.cause, cause);
}

static void expect_done(struct node *node, unsigned int port, unsigned int path)
{
	uint64_t before = 0;

	expect(node, port, SFAB_SWITCH_DONE, SFAB_PHASE_NONE, SFAB_SWITCH_FINE);
	assert_int_equal(path_of(node, port), path);
	for (enum sfab_phase p = SFAB_PHASE_PREPARE; p <= SFAB_PHASES; p++) {
		assert_true(stamp(node, port, p) >= before && stamp(node, port, p));
		before = stamp(node, port, p);
	}
	assert_in_range(fr64(node, P_REG(port, SWITCH_MODEL)), 60000, 80000);
	assert_in_range(fr64(node, P_REG(port, SWITCH_MODEL) + 8), 100000, 10000000);
	assert_true(stamp(node, port, SFAB_PHASE_LOCK) - stamp(node, port, SFAB_PHASE_SWITCH) >=
		    fr64(node, P_REG(port, SWITCH_MODEL)));
}

static void assert_up(void)
{
	assert_int_equal(port_state(a, 1), SFAB_PORT_UP);
	assert_int_equal(port_state(b, 0), SFAB_PORT_UP);
}

/* No port of a node has lost a packet, or the link. */
static void assert_clean(struct node *node)
{
	for (unsigned int p = 0; p < 2; p++)
		for (unsigned int c = SFAB_P_DROP_NO_ROUTE; c <= SFAB_P_DOWNS; c++)
			assert_int_equal(port_counter(node, p, c), 0);
}

/* Packets of both ways, now and later; each is numbered, and none may be lost. */
static void load(struct node *from, struct node *to, uint32_t bytes)
{
	to->answer = true;
	flow_start(from, 0, to->eid, 100000000, bytes)->window = 48;
}

static void stop_and_check(struct node *from, struct node *to)
{
	struct flow *flow = &from->flow[0];

	flow->left = 0;
	net_run(net, 50 * MS);
	assert_true(flow->psn > 20);
	assert_int_equal(to->received[from->eid], flow->psn);
	assert_int_equal(flow->answered, flow->psn);
	assert_int_equal(flow->errors, 0);
}

/* ---- well ---- */

static void there_and_back(void **state)
{
	(void)state;
	fw32(a, SFAB_REG_PORT_EVENT, ~0u);
	change(a, 1, TOGETHER(1, 1));
	expect_done(a, 1, 1);
	expect_done(b, 0, 1);
	assert_int_equal(fr32(a, SFAB_REG_PORT_EVENT), 2);
	assert_int_equal(fr32(a, P_REG(1, SWITCH)), TOGETHER(1, 1));
	assert_up();
	change(b, 0, TOGETHER(0, 0));
	expect_done(a, 1, 0);
	expect_done(b, 0, 0);
	assert_up();
	assert_clean(a);
	assert_clean(b);
}

static void hundreds_under_load(void **state)
{
	(void)state;
	load(a, b, 60000);
	load(b, a, 3000);
	net_run(net, MS);
	for (unsigned int i = 1; i <= 300; i++) {
		struct node *node = i % 3 ? a : b;

		change(node, node == b ? 0 : 1, TOGETHER(i % 2, i % 2));
		net_run(net, MS / 8 * (i % 5));
		expect_done(a, 1, i % 2);
		expect_done(b, 0, i % 2);
	}
	assert_int_equal(told(a, 1).count, 300);
	stop_and_check(a, b);
	stop_and_check(b, a);
	assert_clean(a);
	assert_clean(b);
}

/* As soon as the own end says that it is done, the other one may not. */
static void back_to_back(void **state)
{
	(void)state;
	load(a, b, 6000);
	net_run(net, MS);
	for (unsigned int i = 1; i <= 200; i++) {
		struct node *node = i % 3 ? a : b;
		unsigned int port = node == a;

		fw32(node, P_REG(port, SWITCH), TOGETHER(i % 2, i % 2));
		await(node, port);
		expect(node, port, SFAB_SWITCH_DONE, SFAB_PHASE_NONE, SFAB_SWITCH_FINE);
	}
	net_run(net, MS);
	assert_int_equal(told(a, 1).count, 200);
	assert_int_equal(told(b, 0).count, 200);
	stop_and_check(a, b);
	assert_clean(a);
	assert_clean(b);
}

/* Both ends want the same, from just before to long after the other one has begun. */
static void both_at_once(void **state)
{
	(void)state;
	load(a, b, 6000);
	load(b, a, 60000);
	net_run(net, MS);
	for (unsigned int i = 1; i <= 200; i++) {
		fw32(a, P_REG(1, SWITCH), TOGETHER(i % 2, i % 2));
		net_run(net, i / 2 % 20 * 500);
		fw32(b, P_REG(0, SWITCH), TOGETHER(i % 2, i % 2));
		await(a, 1);
		await(b, 0);
		net_run(net, MS);
		expect_done(a, 1, i % 2);
		expect_done(b, 0, i % 2);
		assert_int_equal(told(a, 1).count, i);
		assert_int_equal(told(b, 0).count, i);
	}
	stop_and_check(a, b);
	stop_and_check(b, a);
	assert_clean(a);
	assert_clean(b);
}

/* The ends want to go to different places: each goes, one after the other. */
static void both_elsewhere(void **state)
{
	bool first[2] = { false, false };

	(void)state;
	net_free(net);
	paths = 3;
	join(2);
	net_cable_between(net, 0, 1, 2, 1, 0, 2);
	for (unsigned int i = 1; i <= 50; i++) {
		/* From 0 to 1 or 2, whoever is last; and back. */
		fw32(a, P_REG(1, SWITCH), TOGETHER(1, 1));
		net_run(net, i % 5 * 1000);
		fw32(b, P_REG(0, SWITCH), TOGETHER(2, 2));
		await(a, 1);
		await(b, 0);
		net_run(net, MS);
		assert_int_equal(told(a, 1).count, told(b, 0).count);
		assert_int_equal(told(a, 1).count, 3 * i - 1);
		assert_int_equal(path_of(a, 1), path_of(b, 0));
		first[path_of(a, 1) == 1] = true;
		expect_done(a, 1, path_of(a, 1));
		change(a, 1, TOGETHER(0, 0));
		expect_done(a, 1, 0);
	}
	assert_true(first[0] && first[1]);
	assert_up();
	assert_clean(a);
	assert_clean(b);
}

/* In the middle, where others' packets pass, in both directions, and datagrams. */
static void below_the_traffic_of_others(void **state)
{
	struct node *left, *right;

	(void)state;
	net_free(net);
	net = net_chain(4, slow);
	left = &net->node[0];
	right = &net->node[3];
	a = &net->node[1];
	b = &net->node[2];
	net_cable_between(net, 1, 1, 1, 2, 0, 1);
	net_run(net, 5 * MS);
	load(left, right, 20000);
	load(right, left, 65536);
	for (unsigned int i = 1; i <= 50; i++) {
		net_run(net, MS);
		change(a, 1, TOGETHER(i % 2, i % 2));
		expect_done(a, 1, i % 2);
	}
	stop_and_check(left, right);
	stop_and_check(right, left);
	for (unsigned int i = 0; i < 4; i++)
		assert_clean(&net->node[i]);
}

/* Where there is another way, packets take it meanwhile. */
static void another_way_is_taken(void **state)
{
	uint64_t sent;

	(void)state;
	net_cable(net, 0, 2, 1, 2);
	route(a, 2, CANDIDATE(1, 0, 1) | CANDIDATE(2, 0, 1) << 16);
	net_run(net, 5 * MS);
	b->lossy = true;
	flow_start(a, 0, 2, 100000000, 4096);
	net_run(net, MS);
	sent = port_counter(a, 2, SFAB_P_PACKETS_SENT);
	assert_int_equal(sent, 0);
	change(a, 1, TOGETHER(1, 1));
	expect_done(a, 1, 1);
	assert_true(port_counter(a, 2, SFAB_P_PACKETS_SENT) > 10);
	assert_int_equal(port_counter(a, 2, SFAB_P_FAILOVERS), 0);
	a->flow[0].left = 0;
	net_run(net, 50 * MS);
	assert_int_equal(b->received[1], a->flow[0].psn);
	assert_clean(a);
}

/* To somebody else: who is left has lost nothing but the link. */
static void alone_to_another_partner(void **state)
{
	struct node *c;

	(void)state;
	net_free(net);
	join(3);
	c = &net->node[2];
	net_cut(net, spare);
	net_cable_between(net, 0, 1, 1, 2, 1, 0);
	net_run(net, 5 * MS);
	load(a, b, 30000);
	net_run(net, MS);
	change(a, 1, PATH(1));
	expect_done(a, 1, 1);
	assert_int_equal(port_state(c, 1), SFAB_PORT_UP);
	assert_int_equal(fr32(a, P_REG(1, PEER)) & 0xffff, 3);
	assert_int_equal(port_state(b, 0), SFAB_PORT_DOWN);
	expect(b, 0, SFAB_SWITCH_DONE, SFAB_PHASE_NONE, SFAB_SWITCH_FINE);
	assert_int_equal(port_counter(b, 0, SFAB_P_DOWNS), 1);
	assert_int_equal(port_counter(b, 0, SFAB_P_DROP_LINK), 0);
	assert_clean(a);
	assert_int_equal(b->received[1], a->flow[0].answered);
	/* And back to who waits. */
	a->flow[0].left = 0;
	change(a, 1, PATH(0));
	expect_done(a, 1, 0);
	assert_up();
	assert_clean(a);
}

/* Where the fibre is cut there is nobody to ask. */
static void away_from_a_cut_fibre(void **state)
{
	(void)state;
	net_cut(net, 0);
	net_run(net, 5 * MS);
	fw32(b, P_REG(0, CTRL), SFAB_P_CTRL_ENABLE | 1 << 4);
	net_run(net, 5 * MS);
	change(a, 1, TOGETHER(1, 1));
	expect(a, 1, SFAB_SWITCH_FAILED, SFAB_PHASE_PREPARE, SFAB_SWITCH_NOT_UP);
	change(a, 1, PATH(1));
	expect(a, 1, SFAB_SWITCH_DONE, SFAB_PHASE_NONE, SFAB_SWITCH_FINE);
	assert_int_equal(stamp(a, 1, SFAB_PHASE_DRAIN), 0);
	assert_up();
}

static void the_receiver_locks_again(void **state)
{
	uint32_t relocks = fr32(a, P_REG(1, RELOCKS));

	(void)state;
	fw32(a, P_REG(1, SWITCH), TOGETHER(1, 1));
	net_run(net, MS / 10);
	assert_int_equal(told(a, 1).phase, SFAB_PHASE_LOCK);
	assert_int_equal(port_state(a, 1), SFAB_PORT_TRAINING);
	assert_int_equal(port_reason(a, 1), SFAB_REASON_SWITCHING);
	/* LOL without LOS, and the lasers stay on. */
	assert_int_equal(fr64(a, P_REG(1, LANE_MASKS)), 0x000000ff00000000);
	net_run(net, 25 * MS);
	expect_done(a, 1, 1);
	assert_int_equal(fr64(a, P_REG(1, LANE_MASKS)), 0xff);
	assert_int_equal(fr32(a, P_REG(1, RELOCKS)), relocks + 1);
}

/* ---- not so well ---- */

/* It is as it was, and works. */
static void assert_back(void)
{
	net_run(net, 20 * MS);
	assert_int_equal(path_of(a, 1), 0);
	assert_int_equal(path_of(b, 0), 0);
	assert_up();
	assert_clean(a);
	assert_clean(b);
}

static void no_such_path(void **state)
{
	static const uint32_t none[] = { PATH(0), PATH(2), PATH(15), TOGETHER(0, 1) };

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		change(a, 1, none[i]);
		expect(a, 1, SFAB_SWITCH_ROLLED_BACK, SFAB_PHASE_PREPARE,
		       SFAB_SWITCH_NO_PATH);
	}
	net_cut(net, spare);
	change(a, 1, PATH(1));
	expect(a, 1, SFAB_SWITCH_ROLLED_BACK, SFAB_PHASE_PREPARE, SFAB_SWITCH_NO_PATH);
	assert_back();
	fw32(a, P_REG(2, CTRL), 0);
	net_cable_at(net, 0, 2, 1, 1, 2);
	net_run(net, MS);
	change(a, 2, PATH(1));
	expect(a, 2, SFAB_SWITCH_FAILED, SFAB_PHASE_PREPARE, SFAB_SWITCH_NOT_UP);
}

static void the_partner_refuses(void **state)
{
	(void)state;
	change(a, 1, TOGETHER(1, 3));
	expect(a, 1, SFAB_SWITCH_ROLLED_BACK, SFAB_PHASE_PREPARE, SFAB_SWITCH_REFUSED);
	assert_int_equal(told(b, 0).count, 0);
	assert_back();
}

static void the_new_path_is_dark(void **state)
{
	(void)state;
	load(a, b, 10000);
	inject(a, 1, SFAB_INJECT_LOSS, 1, 60000);
	inject(b, 0, SFAB_INJECT_LOSS, 1, 60000);
	change(a, 1, TOGETHER(1, 1));
	expect(a, 1, SFAB_SWITCH_ROLLED_BACK, SFAB_PHASE_LOCK, SFAB_SWITCH_NO_LIGHT);
	net_run(net, 50 * MS);
	expect(b, 0, SFAB_SWITCH_ROLLED_BACK, SFAB_PHASE_LOCK, SFAB_SWITCH_NO_LIGHT);
	assert_true(!stamp(a, 1, SFAB_PHASE_TRAIN) && stamp(a, 1, SFAB_PHASES));
	assert_back();
	stop_and_check(a, b);

	inject(b, 0, SFAB_INJECT_LOSS, 1, 0);
	inject(a, 1, SFAB_INJECT_LOSS, 1, 6000);
	change(a, 1, TOGETHER(1, 1));
	expect(a, 1, SFAB_SWITCH_ROLLED_BACK, SFAB_PHASE_LOCK, SFAB_SWITCH_NO_LOCK);
	net_run(net, 400 * MS);
	assert_back();

	/* One hears, the other does not. */
	inject(a, 1, SFAB_INJECT_LOSS, 1, 0);
	inject(b, 0, SFAB_INJECT_LOSS, 1, 60000);
	change(a, 1, TOGETHER(1, 1));
	expect(a, 1, SFAB_SWITCH_ROLLED_BACK, SFAB_PHASE_TRAIN, SFAB_SWITCH_NO_TRAINING);
	net_run(net, 400 * MS);
	expect(b, 0, SFAB_SWITCH_ROLLED_BACK, SFAB_PHASE_LOCK, SFAB_SWITCH_NO_LIGHT);
	assert_back();
}

static void nobody_is_there(void **state)
{
	(void)state;
	/* Who goes alone to a path of a port that listens to another one. */
	change(a, 1, PATH(1));
	expect(a, 1, SFAB_SWITCH_ROLLED_BACK, SFAB_PHASE_LOCK, SFAB_SWITCH_NO_LIGHT);
	net_run(net, 20 * MS);
	assert_up();
	assert_clean(a);
	assert_int_equal(port_counter(b, 0, SFAB_P_DROP_LINK), 0);
}

static void the_switch_is_stuck(void **state)
{
	(void)state;
	load(a, b, 10000);
	inject(a, 1, SFAB_INJECT_STICK, ALL, 1);
	change(a, 1, TOGETHER(1, 1));
	net_run(net, 400 * MS);
	expect(a, 1, SFAB_SWITCH_ROLLED_BACK, SFAB_PHASE_SWITCH, SFAB_SWITCH_STUCK);
	assert_int_equal(told(b, 0).result, SFAB_SWITCH_ROLLED_BACK);
	assert_back();
	stop_and_check(a, b);

	inject(a, 1, SFAB_INJECT_STICK, ALL, 2);
	change(a, 1, TOGETHER(1, 1));
	expect(a, 1, SFAB_SWITCH_FAILED, SFAB_PHASE_SWITCH, SFAB_SWITCH_STUCK);
	net_run(net, 2500 * MS);
	expect(b, 0, SFAB_SWITCH_FAILED, SFAB_PHASE_LOCK, SFAB_SWITCH_NO_LIGHT);
	assert_int_equal(port_state(a, 1), SFAB_PORT_DOWN);
	assert_int_equal(port_reason(a, 1), SFAB_REASON_NO_LIGHT);
	assert_int_equal(port_reason(b, 0), SFAB_REASON_NO_LIGHT);
	assert_int_equal(port_counter(a, 1, SFAB_P_DOWNS), 1);
	assert_int_equal(port_counter(b, 0, SFAB_P_DOWNS), 1);
	/* RETRAIN tries it again, in vain while it sticks. */
	fw32(a, P_REG(1, CTRL), SFAB_P_CTRL_ENABLE | SFAB_P_CTRL_RETRAIN);
	net_run(net, 5 * MS);
	assert_int_equal(port_reason(a, 1), SFAB_REASON_NO_LIGHT);
	inject(a, 1, SFAB_INJECT_STICK, ALL, 0);
	net_run(net, MS);
	fw32(a, P_REG(1, CTRL), SFAB_P_CTRL_ENABLE | SFAB_P_CTRL_RETRAIN);
	net_run(net, 5 * MS);
	assert_up();
}

/* Stop it in each phase. */
static void software_aborts(void **state)
{
	(void)state;
	for (enum sfab_phase p = SFAB_PHASE_PREPARE; p <= SFAB_PHASE_LOCK; p++) {
		b->deaf = p == SFAB_PHASE_DRAIN;
		load(a, b, 20000);
		net_run(net, MS);
		b->dead = p == SFAB_PHASE_PREPARE;
		fw32(a, P_REG(1, SWITCH), TOGETHER(1, 1));
		until(p);
		/* Another one is not begun meanwhile. */
		assert_false(sfab_fabric_write(a->fabric, P_REG(1, SWITCH), PATH(1), 4));
		fw32(a, P_REG(1, SWITCH), ABORT);
		b->dead = false;
		b->deaf = false;
		b->woken = true;
		net_run(net, 600 * MS);
		expect(a, 1, SFAB_SWITCH_ROLLED_BACK, p, SFAB_SWITCH_ABORTED);
		assert_int_equal(fr32(a, P_REG(1, SWITCH)), TOGETHER(1, 1));
		stop_and_check(a, b);
		assert_back();
		net_free(net);
		join(2);
	}
	fw32(a, P_REG(1, SWITCH), ABORT);	/* of nothing */
	net_run(net, MS);
	assert_int_equal(told(a, 1).count, 0);
}

/* Who asks for another one while an aborted one goes back is refused, not forgotten. */
static void nothing_new_on_the_way_back(void **state)
{
	(void)state;
	fw32(a, P_REG(1, SWITCH), TOGETHER(1, 1));
	until(SFAB_PHASE_LOCK);
	fw32(a, P_REG(1, SWITCH), ABORT);
	net_run(net, 1000);
	assert_int_not_equal(told(a, 1).phase, SFAB_PHASE_NONE);
	assert_true(fr32(a, P_REG(1, SWITCH)) & SFAB_P_SWITCH_WANTED);
	assert_false(sfab_fabric_write(a->fabric, P_REG(1, SWITCH), PATH(1), 4));
	net_run(net, 600 * MS);
	expect(a, 1, SFAB_SWITCH_ROLLED_BACK, SFAB_PHASE_LOCK, SFAB_SWITCH_ABORTED);
	assert_back();
	change(a, 1, TOGETHER(1, 1));
	expect_done(a, 1, 1);
}

/* What waits for the partner's is given up with it. */
static void abort_what_waits(void **state)
{
	(void)state;
	fw32(b, P_REG(0, SWITCH), TOGETHER(1, 1));
	until(SFAB_PHASE_LOCK);
	fw32(a, P_REG(1, SWITCH), PATH(1));
	assert_false(sfab_fabric_write(a->fabric, P_REG(1, SWITCH), PATH(0), 4));
	assert_true(fr32(a, P_REG(1, SWITCH)) & SFAB_P_SWITCH_WANTED);
	fw32(a, P_REG(1, SWITCH), ABORT);
	net_run(net, 600 * MS);
	assert_int_equal(told(a, 1).count, 1);
	expect(a, 1, SFAB_SWITCH_ROLLED_BACK, SFAB_PHASE_LOCK, SFAB_SWITCH_ABORTED);
	assert_int_equal(fr32(a, P_REG(1, SWITCH)), PATH(1));
	assert_back();
}

/* Software that wants something else of the port has it. */
static void software_interferes(void **state)
{
	(void)state;
	fw32(a, P_REG(1, SWITCH), TOGETHER(1, 1));
	net_run(net, MS / 20);
	assert_int_equal(told(a, 1).phase, SFAB_PHASE_SWITCH);
	fw32(a, P_REG(1, CTRL), 0);
	net_run(net, MS);
	expect(a, 1, SFAB_SWITCH_FAILED, SFAB_PHASE_SWITCH, SFAB_SWITCH_ABORTED);
	assert_int_equal(port_reason(a, 1), SFAB_REASON_DISABLED);
	assert_int_equal(port_counter(a, 1, SFAB_P_DOWNS), 1);
	fw32(a, P_REG(1, CTRL), SFAB_P_CTRL_ENABLE);
	net_run(net, 2500 * MS);
	assert_up();
}

static void the_partner_vanishes(void **state)
{
	(void)state;
	for (enum sfab_phase p = SFAB_PHASE_PREPARE; p <= SFAB_PHASE_TRAIN; p++) {
		static const struct told end[] = {
			[SFAB_PHASE_PREPARE] = { .result = SFAB_SWITCH_ROLLED_BACK,
						 .cause = SFAB_SWITCH_REFUSED },
			[SFAB_PHASE_DRAIN] = { .result = SFAB_SWITCH_ROLLED_BACK,
					       .cause = SFAB_SWITCH_DRAIN_TIMEOUT },
			[SFAB_PHASE_SWITCH] = { .result = SFAB_SWITCH_FAILED,
						.cause = SFAB_SWITCH_NO_LIGHT },
			[SFAB_PHASE_LOCK] = { .result = SFAB_SWITCH_FAILED,
					      .cause = SFAB_SWITCH_NO_LIGHT },
			[SFAB_PHASE_TRAIN] = { .result = SFAB_SWITCH_FAILED,
					       .cause = SFAB_SWITCH_NO_TRAINING },
		};

		b->deaf = p == SFAB_PHASE_DRAIN;
		load(a, b, 20000);
		net_run(net, MS);
		b->dead = p == SFAB_PHASE_PREPARE;
		/* It locks only so late that it does not answer any more. */
		if (p == SFAB_PHASE_TRAIN)
			inject(b, 0, SFAB_INJECT_LOSS, 1, 60000);
		fw32(a, P_REG(1, SWITCH), TOGETHER(1, 1));
		until(p);
		b->dead = true;
		net_run(net, 2500 * MS);
		assert_int_equal(told(a, 1).count, 1);
		assert_int_equal(told(a, 1).result, end[p].result);
		if (p != SFAB_PHASE_SWITCH && p != SFAB_PHASE_LOCK)
			assert_int_equal(told(a, 1).cause, end[p].cause);
		assert_int_equal(path_of(a, 1), 0);
		/* It comes back, and so does the link. */
		b->dead = false;
		b->deaf = false;
		b->woken = true;
		a->flow[0].left = 0;
		net_run(net, 2500 * MS);
		assert_up();
		net_free(net);
		join(2);
	}
}

/* A fibre that is pulled meanwhile, at either path. */
static void fibres_are_cut(void **state)
{
	(void)state;
	fw32(a, P_REG(1, SWITCH), TOGETHER(1, 1));
	until(SFAB_PHASE_LOCK);
	net_cut(net, spare);
	net_run(net, 1500 * MS);
	expect(a, 1, SFAB_SWITCH_ROLLED_BACK, SFAB_PHASE_LOCK, SFAB_SWITCH_NO_LIGHT);
	assert_back();
	net_join(net, spare);
	b->deaf = true;
	load(a, b, 20000);
	net_run(net, MS);
	fw32(a, P_REG(1, SWITCH), TOGETHER(1, 1));
	net_run(net, MS);
	assert_int_equal(told(a, 1).phase, SFAB_PHASE_DRAIN);
	net_cut(net, 0);
	net_run(net, MS);
	expect(a, 1, SFAB_SWITCH_FAILED, SFAB_PHASE_DRAIN, SFAB_SWITCH_NOT_UP);
	assert_int_equal(port_reason(a, 1), SFAB_REASON_NO_LIGHT);
	assert_int_equal(port_counter(a, 1, SFAB_P_DOWNS), 1);
}

/* ---- a partner that lies ---- */

static void it_asks_all_the_time(void **state)
{
	struct sfab_fibre_sender *page = &net->cable[0].memory[1].sender;
	unsigned int events = a->port_events;

	(void)state;
	b->dead = true;
	for (uint64_t i = 1; i <= 1000; i++) {
		atomic_store(&page->ask, i << 32 | SFAB_STAGE_BEGUN | SFAB_ASK_TOGETHER |
			     1 << SFAB_ASK_PATH_SHIFT);
		a->rung = true;
		net_run(net, MS / 100);
	}
	assert_in_range(told(a, 1).count, 5, 12);
	assert_in_range(a->port_events - events, 10, 40);
	assert_int_equal(path_of(a, 1), 0);
}

/* With numbers that always go first, and never goes: we yield once. */
static void it_always_goes_first(void **state)
{
	struct sfab_fibre_sender *page = &net->cable[0].memory[1].sender;
	unsigned int yields = 0;
	uint64_t number = 0;

	(void)state;
	b->dead = true;
	fw32(a, P_REG(1, SWITCH), TOGETHER(1, 1));
	for (unsigned int i = 0; fr32(a, P_REG(1, SWITCH)) & SFAB_P_SWITCH_WANTED; i++) {
		uint64_t ask = atomic_load(&net->cable[0].memory[0].sender.ask);

		assert_true(i < 50000);
		if (ask && !atomic_load(&page->ask))
			atomic_store(&page->ask, ++number << 32 | SFAB_STAGE_BEGUN);
		yields += !ask && atomic_load(&page->ask);
		if (!ask)
			atomic_store(&page->ask, 0);
		a->rung = true;
		net_run(net, MS / 100);
	}
	assert_int_equal(yields, 1);
	expect(a, 1, SFAB_SWITCH_ROLLED_BACK, SFAB_PHASE_PREPARE, SFAB_SWITCH_REFUSED);
}

static void it_says_what_cannot_be(void **state)
{
	static const uint64_t word[] = {
		UINT64_MAX, 1ull << 32 | 4, 2ull << 32 | 2, 3ull << 32 | 3, 4ull << 32 | 15,
		5ull << 32, 1, 6ull << 32 | 1 | 0xf0f0,
	};
	struct sfab_fibre_sender *page = &net->cable[0].memory[1].sender;

	(void)state;
	b->dead = true;
	for (unsigned int i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		for (unsigned int k = 0; k < 2; k++) {
			atomic_store(&page->ask, word[i]);
			atomic_store(&page->part, word[i]);
			a->rung = true;
			net_run(net, 2 * MS);
		}
	}
	/* That it is ready to go, at once, and stays. */
	atomic_store(&page->ask, 9ull << 32 | SFAB_STAGE_BEGUN | SFAB_ASK_TOGETHER |
		     1 << SFAB_ASK_PATH_SHIFT);
	a->rung = true;
	net_run(net, 2 * MS);
	atomic_store(&page->ask, 9ull << 32 | SFAB_STAGE_EMPTY);
	a->rung = true;
	net_run(net, 2500 * MS);
	expect(a, 1, SFAB_SWITCH_FAILED, SFAB_PHASE_LOCK, SFAB_SWITCH_NO_LIGHT);
	b->dead = false;
	b->woken = true;
	net_run(net, 10 * MS);
	assert_up();
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(there_and_back),
		TEST(hundreds_under_load),
		TEST(back_to_back),
		TEST(both_at_once),
		TEST(both_elsewhere),
		TEST(nothing_new_on_the_way_back),
		TEST(abort_what_waits),
		TEST(below_the_traffic_of_others),
		TEST(another_way_is_taken),
		TEST(alone_to_another_partner),
		TEST(away_from_a_cut_fibre),
		TEST(the_receiver_locks_again),
		TEST(no_such_path),
		TEST(the_partner_refuses),
		TEST(the_new_path_is_dark),
		TEST(nobody_is_there),
		TEST(the_switch_is_stuck),
		TEST(software_aborts),
		TEST(software_interferes),
		TEST(the_partner_vanishes),
		TEST(fibres_are_cut),
		TEST(it_asks_all_the_time),
		TEST(it_always_goes_first),
		TEST(it_says_what_cannot_be),
	};

	return cmocka_run_group_tests_name("switching", tests, NULL, NULL);
}
