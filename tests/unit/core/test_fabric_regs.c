// SPDX-License-Identifier: MIT
/* The router's part of BAR 0, in numbers of sfab-fabric.rst on purpose. */
#include <stdlib.h>
#include <sys/mman.h>

#include "fabric_rig.h"
#include "fabric_internal.h"

struct row {
	uint64_t offset;
	unsigned int width;
	uint64_t reset;
	uint64_t writable;	/* bits that read back what was written */
	bool kept;
};

static const struct row rows[] = {
	{ 0x0048, 32, 4, 0, true },
	{ 0x0054, 32, 64, 0, true },
	{ 0x005c, 32, 1, 0x3f, true },
	{ 0x0060, 64, 0, 0, true },
	{ 0x0228, 32, 0, 0, false },
	/* Port 3, the last one */
	{ 0x90c00, 32, 1, 0xf3, true },
	{ 0x90c04, 32, 2 << 8, 0, true },
	{ 0x90c08, 32, 112 << 16 | 2 << 8 | 8, 0, true },
	{ 0x90c0c, 32, 0, 0, true },
	{ 0x90c10, 64, 0, 0, true },
	{ 0x90c18, 64, 0, 0, true },
	{ 0x90d00, 64, 0, 0, true },
	{ 0x90d78, 64, 0, 0, true },
	/* ROUTE[0] and ROUTE[63] */
	{ 0xa0000, 64, 0, UINT64_MAX, true },
	{ 0xa01f8, 64, 0, UINT64_MAX, true },
	/* Mailbox */
	{ 0xe0000, 32, 0, 0xffffffff, false },
	{ 0xe00fc, 32, 0, 0xffffffff, false },
	{ 0xe0100, 32, 0, 0, false },
	{ 0xe01fc, 32, 0, 0, false },
	{ 0xe0200, 32, 0, 0, false },
	{ 0xe0204, 32, 0, 0, false },
};

#define ROWS	(sizeof(rows) / sizeof(rows[0]))

static uint64_t rd(struct node *node, const struct row *row)
{
	return row->width == 64 ? fr64(node, row->offset) : fr32(node, row->offset);
}

static void wr(struct node *node, const struct row *row, uint64_t value)
{
	/* Read-only registers refuse. */
	sfab_fabric_write(node->fabric, row->offset, value, row->width / 8);
}

static void reset_values(void **state)
{
	struct net *net = net_new(1, NULL);

	(void)state;
	net_run(net, MS);
	fw32(&net->node[0], SFAB_REG_PORT_EVENT, 0xf);
	for (unsigned int i = 0; i < ROWS; i++)
		assert_int_equal(rd(&net->node[0], &rows[i]), rows[i].reset);
	assert_int_not_equal(fr32(&net->node[0], 0x58), 0);
	assert_int_equal(fr32(&net->node[0], 0x68), 2000);
	assert_int_equal(fr32(&net->node[0], 0x6c), 50);
	assert_int_equal(fr32(&net->node[0], 0x70), 100);
	net_free(net);
}

static void what_is_written_and_kept(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ROWS; i++) {
		struct net *net = net_new(1, NULL);
		struct node *node = &net->node[0];
		uint64_t value = 0x21 & rows[i].writable;
		uint32_t incarnation = fr32(node, 0x58);

		net_run(net, MS);
		if (rows[i].writable) {
			wr(node, &rows[i], 0x21);
			assert_int_equal(rd(node, &rows[i]), value);
		} else {
			uint64_t before = rd(node, &rows[i]);

			wr(node, &rows[i], 0x10);
			assert_int_equal(rd(node, &rows[i]), before);
		}
		sfab_fabric_reset(node->fabric);
		assert_int_not_equal(fr32(node, 0x58), incarnation);
		if (rows[i].writable)
			assert_int_equal(rd(node, &rows[i]), rows[i].kept ? value : 0);
		net_free(net);
	}
}

static void halves_of_64_bits(void **state)
{
	struct net *net = net_new(1, NULL);
	struct node *a = &net->node[0];

	(void)state;
	fw32(a, 0xa0008, 0x11111111);
	fw32(a, 0xa0010, 0x22222222);
	assert_int_equal(fr64(a, 0xa0008), 0);
	fw32(a, 0xa000c, 0x33333333);
	assert_int_equal(fr64(a, 0xa0008), 0x3333333311111111);
	assert_int_equal(fr32(a, 0xa000c), 0x33333333);
	assert_int_equal(fr64(a, 0xa0010), 0);
	fw32(a, 0xa0014, 0);
	assert_int_equal(fr64(a, 0xa0010), 0x22222222);
	net_free(net);
}

static void what_is_not_there(void **state)
{
	static const struct { uint64_t offset; unsigned int size; } none[] = {
		{ 0x44, 4 }, { 0x48, 8 }, { 0x48, 2 }, { 0x4c, 4 }, { 0x50, 4 },
		{ 0x62, 4 }, { 0x64, 8 }, { 0x74, 4 }, { 0x80, 4 }, { 0x22c, 4 },
		{ 0x9003c, 4 }, { 0x90058, 4 },
		{ 0x90020, 8 }, { 0x9007c, 4 }, { 0x90180, 8 }, { 0x91000, 4 },
		{ 0x90000, 8 }, { 0x90102, 4 }, { 0xa0200, 8 }, { 0xa0004, 8 },
		{ 0xe0000, 8 }, { 0xe0208, 4 }, { 0xe0201, 1 }, { 0xf0000, 4 },
		{ UINT64_MAX, 4 }, { UINT64_MAX - 7, 8 },
	};
	struct net *net = net_new(1, NULL);
	uint64_t value;

	(void)state;
	for (unsigned int i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_false(sfab_fabric_read(net->node[0].fabric, none[i].offset,
					      none[i].size, &value));
		assert_false(sfab_fabric_write(net->node[0].fabric, none[i].offset, 1,
					       none[i].size));
	}
	net_free(net);
}

static void timeouts_have_bounds(void **state)
{
	static const struct { uint64_t offset; uint32_t least, most; } times[] = {
		{ 0x68, 10, 60000 }, { 0x6c, 1, 10000 }, { 0x70, 1, 10000 },
	};
	struct net *net = net_new(1, NULL);
	struct node *a = &net->node[0];

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		fw32(a, times[i].offset, times[i].least);
		fw32(a, times[i].offset, times[i].least - 1);
		assert_int_equal(fr32(a, times[i].offset), times[i].least);
		fw32(a, times[i].offset, times[i].most);
		fw32(a, times[i].offset, times[i].most + 1);
		assert_int_equal(fr32(a, times[i].offset), times[i].most);
	}
	assert_int_equal(sfab_fabric_op_timeout(a->fabric), 60000 * MS);
	assert_int_equal(sfab_fabric_retry_timeout(a->fabric), 10000 * MS);
	fw32(a, 0x5c, 64);
	assert_int_equal(fr32(a, 0x5c), 1);
	net_free(net);
}

static void events_are_cleared_by_ones(void **state)
{
	struct net *net = net_chain(2, NULL);
	struct node *a = &net->node[0];
	unsigned int events = a->port_events;

	(void)state;
	assert_int_equal(fr32(a, 0x228) & 2, 2);
	fw32(a, 0x228, ~2u);
	assert_int_equal(fr32(a, 0x228), 2);
	fw32(a, 0x228, 2);
	assert_int_equal(fr32(a, 0x228), 0);
	net_cut(net, 0);
	net_run(net, MS);
	assert_int_equal(fr32(a, 0x228), 2);
	assert_true(a->port_events > events);
	net_free(net);
}

static void bad_configurations_are_named(void **state)
{
	const struct sfab_fabric_config good = {
		.kind = SFAB_KIND_SWITCH, .ports = 64, .paths = 4, .eids = 65536,
		.lanes = 16, .lane_rate = 224,
	};
	static const struct sfab_fabric_ops none;
	const char *why;

	(void)state;
#define BAD(field, value) do {						\
		struct sfab_fabric_config bad = good;			\
									\
		bad.field = value;					\
		why = NULL;						\
		assert_null(sfab_fabric_create(&bad, &none, NULL, &why));\
		assert_non_null(why);					\
	} while (0)
	BAD(kind, 0);
	BAD(kind, SFAB_KIND_ACCEL);	/* 64 ports */
	BAD(ports, 0);
	BAD(ports, 65);
	BAD(paths, 0);
	BAD(paths, 5);
	BAD(eids, 1);
	BAD(eids, 65537);
	BAD(lanes, 0);
	BAD(lanes, 17);
	BAD(lane_rate, 0);
	BAD(rate_scale, -1);
	BAD(rate_scale, 0.0 / 0.0);
	BAD(crc_errors, 1000001);
}

static void many_eids(struct sfab_fabric_config *config, unsigned int node)
{
	(void)node;
	config->eids = 4096;
}

/* Of a table of 4096 routes a packet touches one: the pages of others are not there. */
static void forwarding_looks_at_one_route(void **state)
{
	struct net *net = net_new(3, many_eids);
	struct sfab_fabric *middle = net->node[1].fabric;
	uint64_t size = 4096 * 8;
	uint8_t *table = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	_Atomic uint64_t *own = middle->route;

	(void)state;
	net_cable(net, 0, 1, 1, 0);
	net_cable(net, 1, 1, 2, 0);
	fw32(&net->node[2], SFAB_REG_EID, 4000);
	net->node[2].eid = 4000;
	route(&net->node[0], 4000, CANDIDATE(1, 0, 2));
	middle->route = (void *)table;
	route(&net->node[1], 4000, CANDIDATE(1, 0, 1));
	mprotect(table, 4000 * 8 / 4096 * 4096, PROT_NONE);
	net_run(net, MS);
	flow_start(&net->node[0], 0, 4000, 1000, 64);
	net_run(net, MS);
	assert_int_equal(net->node[2].received[1], 1000);
	middle->route = own;
	munmap(table, size);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reset_values),
		cmocka_unit_test(what_is_written_and_kept),
		cmocka_unit_test(halves_of_64_bits),
		cmocka_unit_test(what_is_not_there),
		cmocka_unit_test(timeouts_have_bounds),
		cmocka_unit_test(events_are_cleared_by_ones),
		cmocka_unit_test(bad_configurations_are_named),
		cmocka_unit_test(forwarding_looks_at_one_route),
	};

	return cmocka_run_group_tests_name("fabric_regs", tests, NULL, NULL);
}
