// SPDX-License-Identifier: MIT
/*
 * The CMIS image of a module, field by field from the standard's tables: identity,
 * checksums, what is advertised, thresholds, state, monitors, flags.
 */
#include <stdio.h>

#include "fabric_internal.h"
#include "fabric_rig.h"

#define SECOND		SFAB_OPTICS_TICK_NS

static struct net *net;
static struct node *a, *b;
static uint8_t raw[0x1000];

static int setup(void **state)
{
	(void)state;
	net = net_chain(2, NULL);
	a = &net->node[0];
	b = &net->node[1];
	net_run(net, 2 * SECOND);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	net_free(net);
	return 0;
}

static void inject(struct node *node, unsigned int port, enum sfab_inject kind,
		   unsigned int lane, int32_t value)
{
	const struct sfab_injection i = { kind, port, SFAB_INJECT_ALL, lane, value };

	assert_int_equal(sfab_fabric_inject(node->fabric, &i, NULL), 0);
	net_run(net, 5 * MS);
}

/* Port 0 of b. */
static void read_image(void)
{
	for (unsigned int i = 0; i < sizeof(raw); i += 4) {
		uint32_t word = fr32(b, 0xb0000 + i);

		memcpy(raw + i, &word, 4);
	}
	assert_true(fr64(b, 0xb0008) == *(const uint64_t *)(raw + 8));
}

/* A byte of a page in the slot where the contract has it, as the standard numbers it. */
static unsigned int byte(unsigned int slot, unsigned int number)
{
	return raw[slot * 128 + number % 128];
}

static unsigned int u16(unsigned int slot, unsigned int number)
{
	return byte(slot, number) << 8 | byte(slot, number + 1);
}

static int s16(unsigned int slot, unsigned int number)
{
	return (int16_t)u16(slot, number);
}

static void assert_text(unsigned int slot, unsigned int number, const char *text)
{
	assert_memory_equal(raw + slot * 128 + number % 128, text, strlen(text));
}

static void assert_sum(unsigned int slot, unsigned int from, unsigned int to)
{
	uint8_t sum = 0;

	for (unsigned int i = from; i < to; i++)
		sum += byte(slot, i);
	assert_int_equal(byte(slot, to), sum);
}

static uint64_t reg(unsigned int offset)
{
	return fr64(b, SFAB_PORT_BASE + offset);
}

static void identity(void **state)
{
	char serial[17];

	(void)state;
	read_image();
	snprintf(serial, sizeof(serial), "SFAB%012llu",
		 (unsigned long long)fr64(b, P_REG(0, MODULE_SERIAL)));
	assert_int_equal(byte(0, 0), 0x19);
	assert_int_equal(byte(1, 128), 0x19);
	assert_int_equal(byte(0, 1) >> 4, 5);
	assert_int_equal(byte(0, 2) >> 7, 0);
	assert_text(1, 129, "SFAB            ");
	assert_text(1, 148, "SFAB-DR8-OCS    A1");
	assert_text(1, 166, serial);
	assert_text(1, 182, "250101  ");
	assert_int_equal(byte(1, 200) >> 5, 7);
	assert_int_equal(byte(1, 201), 64);
	assert_int_equal(byte(1, 210), 0);
	assert_int_equal(byte(1, 212), 0x06);
	assert_sum(1, 128, 222);
	assert_sum(2, 130, 255);
	assert_sum(3, 128, 255);
	/* One application, of eight lanes. */
	assert_int_equal(byte(0, 85), 2);
	assert_int_equal(u16(0, 86), 0x5256);
	assert_int_equal(u16(0, 88), 0x8801);
	assert_int_equal(byte(0, 90), 0xff);
	for (unsigned int i = 11 * 128; i < sizeof(raw); i++)
		assert_int_equal(raw[i], 0);
	assert_false(sfab_fabric_write(b->fabric, 0xb0000, 1, 4));
}

static void advertisements(void **state)
{
	(void)state;
	read_image();
	assert_int_equal(byte(2, 142), 0x40);
	assert_int_equal(byte(2, 144), 0x35);
	assert_int_equal(byte(2, 151), 0x18);
	assert_int_equal(byte(2, 157), 0x01);
	assert_int_equal(byte(2, 158), 0x06);
	assert_int_equal(byte(2, 159), 0x03);
	assert_int_equal(byte(2, 160), 0x07);
	assert_int_equal(byte(2, 162), 0x01);
	assert_int_equal(u16(2, 138), 26200);
	assert_int_equal(s16(3, 128), 78 * 256);
	assert_int_equal(s16(3, 130), -8 * 256);
	assert_int_equal(s16(3, 132), 73 * 256);
	assert_int_equal(s16(3, 134), -3 * 256);
	assert_int_equal(u16(3, 136), 36300);
	assert_int_equal(u16(3, 138), 29700);
	assert_int_equal(u16(3, 176), 31623);
	assert_int_equal(u16(3, 188), 62500);
	assert_int_equal(u16(3, 198), 2570);
	/* Descriptors of VDM: set and lane, type. */
	assert_int_equal(u16(6, 128), 0x0001);
	assert_int_equal(u16(6, 142), 0x0701);
	assert_int_equal(u16(6, 144), 0x1004);
	assert_int_equal(u16(6, 160), 0x2005);
	assert_int_equal(u16(6, 176), 0x300f);
	assert_int_equal(u16(6, 178), 0x4017);
	assert_int_equal(u16(6, 180), 0);
	assert_int_equal(u16(8, 128 + 3 * 8), 18 << 11 | 240);
}

static void monitors(void **state)
{
	(void)state;
	inject(b, 0, SFAB_INJECT_LOSS, 3, 2500);
	net_run(net, SECOND);
	read_image();
	assert_int_equal(s16(0, 14), (int16_t)reg(SFAB_REG_P_OPTICS));
	assert_int_equal(u16(0, 16), reg(SFAB_REG_P_OPTICS) >> 16 & 0xffff);
	for (unsigned int l = 0; l < 8; l++) {
		uint64_t power = reg(SFAB_REG_P_LANE_POWER + 16 * l);
		uint64_t lane = reg(SFAB_REG_P_LANE_STATE + 16 * l);

		assert_int_equal(u16(5, 154 + 2 * l), power & 0xffff);
		assert_int_equal(u16(5, 186 + 2 * l), power >> 16 & 0xffff);
		assert_int_equal(u16(5, 170 + 2 * l), power >> 32 & 0xffff);
		assert_int_equal(u16(7, 128 + 2 * l), lane >> 32 & 0xff);
		assert_int_equal(s16(7, 144 + 2 * l), (int16_t)(lane >> 16));
		assert_int_equal(u16(7, 160 + 2 * l), power >> 48);
	}
	assert_int_equal(u16(7, 176), reg(SFAB_REG_P_OPTICS) >> 32 & 0xffff);
	assert_true(u16(7, 176) != 0);
}

static void states(void **state)
{
	(void)state;
	read_image();
	assert_int_equal(byte(0, 3), 3 << 1 | 1);
	for (unsigned int i = 128; i < 132; i++)
		assert_int_equal(byte(5, i), 0x44);
	assert_int_equal(byte(5, 132), 0xff);
	assert_int_equal(byte(5, 133), 0xff);
	fw32(b, P_REG(0, MODULE_CTRL), 0x0c << 16);
	net_run(net, MS);
	read_image();
	assert_int_equal(byte(4, 130), 0x0c);
	assert_int_equal(byte(5, 129), 0x77);
	assert_int_equal(byte(5, 133), 0xf3);
	fw32(b, P_REG(0, MODULE_CTRL), 1);
	net_run(net, 30 * MS);
	read_image();
	assert_int_equal(byte(0, 3), 1 << 1 | 1);
	assert_int_equal(byte(0, 26), 1 << 4);
	assert_int_equal(byte(5, 128), 0x11);
	inject(b, 0, SFAB_INJECT_MODULE, SFAB_INJECT_ALL, 0);
	read_image();
	for (unsigned int i = 0; i < sizeof(raw); i++)
		assert_int_equal(raw[i], 0);
	fw32(b, P_REG(0, MODULE_CTRL), 0);
	inject(b, 0, SFAB_INJECT_MODULE, SFAB_INJECT_ALL, 42);
	read_image();
	assert_text(1, 166, "SFAB000000000042");
	assert_int_equal(byte(0, 3), 1);
}

/* They stay until they are cleared, and as long as what they tell. */
static void flags(void **state)
{
	(void)state;
	fw32(b, P_REG(0, CLEAR), SFAB_P_CLEAR_FLAGS);
	net_run(net, MS);
	read_image();
	for (unsigned int i = 134; i < 153; i++)
		assert_int_equal(byte(5, i), 0);
	assert_int_equal(byte(0, 4) | byte(0, 8) | byte(0, 9), 0);
	inject(b, 0, SFAB_INJECT_LOSS, 5, 20000);
	inject(b, 0, SFAB_INJECT_DEAD, 1, 1);
	inject(b, 0, SFAB_INJECT_HEAT, SFAB_INJECT_ALL, 29000);
	read_image();
	assert_int_equal(byte(5, 147), 1 << 5);
	assert_int_equal(byte(5, 148), 1 << 5);
	assert_int_equal(byte(5, 150), 1 << 5);
	assert_int_equal(byte(5, 152), 1 << 5);
	assert_int_equal(byte(5, 149) | byte(5, 151), 0);
	assert_int_equal(byte(5, 135), 1 << 1);
	assert_int_equal(byte(5, 140), 1 << 1);
	assert_int_equal(byte(0, 9), 1 << 2);
	assert_int_equal(byte(0, 4), 1 | 1 << 2);
	inject(b, 0, SFAB_INJECT_LOSS, 5, 0);
	read_image();
	read_image();
	assert_int_equal(byte(5, 147), 1 << 5);
	fw32(b, P_REG(0, CLEAR), SFAB_P_CLEAR_FLAGS);
	net_run(net, MS);
	read_image();
	assert_int_equal(byte(5, 147), 0);
	assert_int_equal(byte(5, 135), 1 << 1);
	assert_int_equal(byte(0, 9), 1 << 2);
}

/* What is read while P_CHANGES stands still does so as well, and it is never left odd. */
static void of_one_moment(void **state)
{
	uint8_t before[sizeof(raw)];
	uint64_t changes;

	(void)state;
	changes = reg(SFAB_REG_P_CHANGES);
	assert_int_equal(changes & 1, 0);
	read_image();
	memcpy(before, raw, sizeof(raw));
	assert_int_equal(reg(SFAB_REG_P_CHANGES), changes);
	inject(b, 0, SFAB_INJECT_LOSS, 5, 4000);
	assert_int_equal(reg(SFAB_REG_P_CHANGES) & 1, 0);
	assert_true(reg(SFAB_REG_P_CHANGES) > changes);
	read_image();
	assert_memory_not_equal(raw, before, sizeof(raw));
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(identity),
		TEST(advertisements),
		TEST(monitors),
		TEST(states),
		TEST(flags),
		TEST(of_one_moment),
	};

	return cmocka_run_group_tests_name("cmis", tests, NULL, NULL);
}
