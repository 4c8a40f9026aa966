// SPDX-License-Identifier: MIT
/*
 * module FILE [STEP]...: a module of the hardware's model to which the steps happen, each for
 * half a second. Writes its CMIS image to FILE as `sfab link map -o FILE` does, and prints what
 * the registers say of it, as JSON.
 *
 * A step is NAME=VALUE, or NAME.LANE=VALUE: a fault, or what a driver writes.
 */
#include <stdio.h>

#include "fabric_rig.h"

#define SETTLE		(500 * MS)
#define IMAGE		0xb0000		/* of port 0 */
#define SLOT		128
#define MAP_SIZE	(257 * SLOT)
#define LANES		8

static struct net *net;

/* Port 0 of the second node: the light comes from port 1 of the first one. */
static struct node *node;

/* ---- steps ---- */

static void inject(enum sfab_inject kind, unsigned int lane, int value)
{
	const struct sfab_injection i = { kind, 0, SFAB_INJECT_ALL, lane, value };

	if (sfab_fabric_inject(node->fabric, &i, NULL))
		abort();
}

static void step(const char *text)
{
	static const struct {
		const char *name;
		enum sfab_inject kind;
	} faults[] = {
		{ "loss", SFAB_INJECT_LOSS }, { "dead", SFAB_INJECT_DEAD },
		{ "unlock", SFAB_INJECT_UNLOCK }, { "age", SFAB_INJECT_AGE },
		{ "heat", SFAB_INJECT_HEAT }, { "serial", SFAB_INJECT_MODULE },
	};
	unsigned int lane = SFAB_INJECT_ALL;
	char name[16];
	int value;

	if (sscanf(text, "%15[a-z_].%u=%i", name, &lane, &value) != 3 &&
	    sscanf(text, "%15[a-z_]=%i", name, &value) != 2)
		abort();
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		if (!strcmp(name, faults[i].name)) {
			inject(faults[i].kind, lane, value);
			return;
		}
	}
	if (!strcmp(name, "control"))
		fw32(node, P_REG(0, MODULE_CTRL), value);
	else if (!strcmp(name, "clear"))
		fw32(node, P_REG(0, CLEAR), value);
	else
		abort();
}

/* ---- what is told ---- */

/* Slots of the image and the places of their pages in the map, by the contract. */
static int write_map(const char *path)
{
	static const uint8_t place[] = {
		0, 1 + 0x00, 1 + 0x01, 1 + 0x02, 1 + 0x10, 1 + 0x11, 1 + 0x20, 1 + 0x24,
		1 + 0x28, 1 + 0x2c, 1 + 0x2f,
	};
	static uint8_t map[MAP_SIZE];
	FILE *file = fopen(path, "wb");

	for (size_t slot = 0; slot < sizeof(place); slot++) {
		for (unsigned int i = 0; i < SLOT; i += 8) {
			uint64_t word = fr64(node, IMAGE + slot * SLOT + i);

			memcpy(map + place[slot] * SLOT + i, &word, 8);
		}
	}
	return !file || fwrite(map, MAP_SIZE, 1, file) != 1 || fclose(file);
}

static void tell(void)
{
	printf("{\"P_MODULE_CTRL\": %u, ", fr32(node, P_REG(0, MODULE_CTRL)));
	printf("\"P_MODULE\": %u, ", fr32(node, P_REG(0, MODULE)));
	printf("\"P_MODULE_SERIAL\": %ju, ", (uintmax_t)fr64(node, P_REG(0, MODULE_SERIAL)));
	printf("\"P_OPTICS\": %ju, ", (uintmax_t)fr64(node, P_REG(0, OPTICS)));
	printf("\"P_LANE_POWER\": [");
	for (unsigned int lane = 0; lane < LANES; lane++)
		printf("%s%ju", lane ? ", " : "",
		       (uintmax_t)fr64(node, P_REG(0, LANE_POWER) + 16 * lane));
	printf("]}\n");
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	net = net_chain(2, NULL);
	node = &net->node[1];
	net_run(net, 2000 * MS);
	for (int i = 2; i < argc; i++) {
		step(argv[i]);
		net_run(net, SETTLE);
	}
	tell();
	return write_map(argv[1]);
}
