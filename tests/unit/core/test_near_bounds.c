// SPDX-License-Identifier: MIT
/*
 * 1. What a neighbour's worker does of ours in one sfab_fabric_run() of its own is bounded.
 * 2. A device that is paused, and not busy, is not written to (core.h, sfab_core_pause()).
 * Linked with --wrap=pthread_mutex_trylock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"
#include "endpoint.h"
#include "supernode.h"

#define VA_LONG		0x0000200000000000ull
#define LONG		(256 * MIB)
#define SLICE		(4 * MIB)	/* SFAB_FABRIC_SLICE */

int __real_pthread_mutex_trylock(pthread_mutex_t *m);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *m);
static struct rig *to_pause;
static bool busy;		/* all neighbours are */
static uint8_t before[4096];

int __wrap_pthread_mutex_trylock(pthread_mutex_t *m)
{
	struct rig *rig = to_pause;

	if (busy)
		return EBUSY;
	if (rig && rig->core->endpoint) {
		to_pause = NULL;
		/* The main thread, while we are preempted here. */
		sfab_core_pause(rig->core, true);
		assert_false(sfab_core_busy(rig->core));
		memcpy(before, rig->hbm + SHARED, sizeof(before));
	}
	return __real_pthread_mutex_trylock(m);
}

static void route_run(struct sn_device *device)
{
	uint64_t due;

	sfab_fabric_run(device->fabric, &due);
}

static void bounded(void **state)
{
	struct supernode *sn = sn_new(4);
	struct rig *b = sn->rig[0];
	struct cmd small = { .opcode = SFAB_CMD_COPY, .dst = VA_FAR(2), .src = VA_HBM + HBM_DATA,
			     .len = 4096 };
	struct cmd large = { .opcode = SFAB_CMD_COPY, .dst = VA_LONG, .src = VA_LONG + (1ull << 40),
			     .len = LONG + 4096 };
	uint64_t moved;

	(void)state;
	sn_share(sn);
	for (uint64_t at = 0; at < LONG; at += LARGE) {
		rig_map_large(b, 0, VA_LONG + at, 4 * MIB, LARGE, HBM_PTE(RW));
		rig_map_large(b, 0, VA_LONG + (1ull << 40) + at, 6 * MIB, LARGE, HBM_PTE(RW));
	}
	rig_map(b, 0, VA_LONG + LONG, 4 * MIB, PAGE, HBM_PTE(RW));
	rig_map(b, 0, VA_LONG + (1ull << 40) + LONG, FAR_ADDR(2), PAGE, FABRIC_PTE(RW));
	sn_do(sn, b, &small);		/* the flow is open */
	/* Requests go over node 1, answers come back over node 3. */
	rig_submit(b, 0, &small);
	while (rig_step(b, 0) == SFAB_RUN_MORE)
		;
	route_run(&sn->device[0]);	/* the request */
	route_run(&sn->device[1]);
	busy = true;
	route_run(&sn->device[2]);	/* the answer, by the ring to node 3 */
	busy = false;
	rig_submit(b, 1, &large);
	while (rig_step(b, 0) == SFAB_RUN_MORE)
		;
	moved = b->core->counter[SFAB_COUNTER_HBM_BYTES];
	route_run(&sn->device[3]);
	moved = b->core->counter[SFAB_COUNTER_HBM_BYTES] - moved;
	assert_true(moved <= 4 * SLICE);
	sn_free(sn);
}

static void paused(void **state)
{
	struct supernode *sn = sn_new(3);
	struct cmd cmd = { .opcode = SFAB_CMD_COPY, .dst = VA_FAR(1), .src = VA_HBM + HBM_DATA,
			   .len = 4096 };
	struct rig *b = sn->rig[1];

	(void)state;
	sn_share(sn);
	rig_fill_random(sn->rig[0]->hbm + HBM_DATA, 4096, 1);
	sn_do(sn, sn->rig[0], &cmd);
	rig_fill_random(sn->rig[0]->hbm + HBM_DATA, 4096, 2);
	rig_submit(sn->rig[0], 0, &cmd);
	while (rig_step(sn->rig[0], 0) == SFAB_RUN_MORE)
		;
	route_run(&sn->device[0]);	/* the request is in the ring */
	to_pause = b;
	route_run(&sn->device[1]);
	assert_null(to_pause);
	assert_memory_equal(before, b->hbm + SHARED, sizeof(before));
	sn_free(sn);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(bounded), cmocka_unit_test(paused) };

	setenv("NEAR", "1", true);
	return cmocka_run_group_tests_name("near_bounds", tests, NULL, NULL);
}
