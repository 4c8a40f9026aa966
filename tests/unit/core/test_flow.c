// SPDX-License-Identifier: MIT
/*
 * Flows when the way is bad: loss, repetition, disorder, delay, cut fibres, a target
 * that is slow, silent or another one; and queues that are stopped in the middle.
 */
#include <stdlib.h>

#include "supernode.h"

#define FAR		VA_FAR(1)
#define NEAR		(VA_HBM + HBM_DATA)

static struct cmd put(uint64_t len)
{
	return (struct cmd) {
		.opcode = SFAB_CMD_COPY, .dst = FAR, .src = NEAR, .len = len,
	};
}

static const struct cmd add_one = {
	.opcode = SFAB_CMD_ATOMIC, .dtype = 8, .dst = FAR, .src = VA_SYS + SYS_DATA,
	.arg0 = 1,
};

static struct supernode *shared(struct supernode *sn)
{
	sn_share(sn);
	for (unsigned int i = 0; i < sn->nodes; i++)
		rig_fill_random(sn->rig[i]->hbm + HBM_DATA, 7 * MIB, 20 + i);
	return sn;
}

/* ---- a bad way ---- */

/* One packet in so many is lost, doubled, late, in both directions. */
static unsigned int one_in;

static enum sn_fate random_fate(struct supernode *sn, struct sfab_packet *packet)
{
	uint64_t draw = rig_random(&sn->random) >> 16;

	(void)packet;
	if (draw % one_in)
		return SN_PASS;
	sn->late = (draw >> 20) % (4 * MS);
	return SN_DROP + (draw >> 8) % 3;
}

/* ATOMIC and REDUCE happen exactly once each, copies are whole. */
static void lossy(unsigned int loss)
{
	struct supernode *sn = shared(sn_middle());
	struct rig *a = sn->rig[0], *b = sn->rig[1];
	uint64_t *counter = (uint64_t *)(b->hbm + SHARED);
	uint32_t *sums = (uint32_t *)(b->hbm + SHARED + MIB);
	const unsigned int n = 300;
	uint32_t *first = malloc(SFAB_MTU);

	one_in = loss;
	sn->fate = random_fate;
	*counter = 0;
	memcpy(first, sums, SFAB_MTU);
	for (unsigned int i = 0; i < n; i++) {
		struct cmd c = add_one;

		sn_do(sn, a, &c);
		assert_int_equal(*(uint64_t *)(a->sys + SYS_DATA), i);
		c = (struct cmd) {
			.opcode = SFAB_CMD_REDUCE, .dst = FAR + MIB, .src = NEAR,
			.len = 4096,
		};
		if (i % 10 == 0)
			sn_do(sn, a, &c);
	}
	assert_int_equal(*counter, n);
	for (unsigned int i = 0; i < 1024; i++)
		assert_int_equal(sums[i], first[i] + n / 10 *
				 ((uint32_t *)(a->hbm + HBM_DATA))[i]);
	for (unsigned int i = 0; i < 5; i++) {
		struct cmd c = put(MIB + 12345 * i);

		rig_fill_random(a->hbm + HBM_DATA, 2 * MIB, i);
		sn_do(sn, a, &c);
		assert_memory_equal(b->hbm + SHARED, a->hbm + HBM_DATA, c.len);
		c.dst = VA_SYS + SYS_DATA;
		c.src = FAR;
		sn_do(sn, a, &c);
		assert_memory_equal(a->sys + SYS_DATA, a->hbm + HBM_DATA, c.len);
	}
	assert_true(rd64(a, SFAB_REG_COUNTER_10) > 0);
	assert_true(rd64(b, SFAB_REG_COUNTER_13) > 0);
	assert_int_equal(rd64(a, SFAB_REG_COUNTER_11), 0);
	free(first);
	sn_free(sn);
}

static void test_loss(void **state)
{
	(void)state;
	lossy(30);
}

static void test_heavy_loss(void **state)
{
	(void)state;
	lossy(5);
}

/* Every single packet of a short exchange is lost, doubled or late once. */
static unsigned int victim;
static enum sn_fate victims_fate;

static enum sn_fate one_victim(struct supernode *sn, struct sfab_packet *packet)
{
	(void)packet;
	sn->late = 20 * MS;
	return sn->seen == victim ? victims_fate : SN_PASS;
}

static void test_each_packet(void **state)
{
	(void)state;
	for (unsigned int f = SN_DROP; f <= SN_LATE; f++)
		for (victim = 1; victim <= 16; victim++) {
			struct supernode *sn = shared(sn_middle());
			struct cmd c = put(200000);
			uint64_t *counter = (uint64_t *)(sn->rig[1]->hbm + SHARED);

			victims_fate = f;
			sn->seen = 0;
			sn->fate = one_victim;
			sn_do(sn, sn->rig[0], &c);
			assert_memory_equal(sn->rig[1]->hbm + SHARED,
					    sn->rig[0]->hbm + HBM_DATA, c.len);
			*counter = 0;
			for (unsigned int i = 0; i < 3; i++)
				sn_do(sn, sn->rig[0], &add_one);
			sn_run(sn, 100 * MS);	/* what is late arrives */
			assert_int_equal(*counter, 3);
			sn_free(sn);
		}
}

/* A NAK, and not a timeout, asks for what is missing. */
static unsigned int writes;

static enum sn_fate third_write(struct supernode *sn, struct sfab_packet *packet)
{
	(void)sn;
	return packet->type == SFAB_PKT_WRITE && ++writes == 3 ? SN_DROP : SN_PASS;
}

static void test_nak(void **state)
{
	struct supernode *sn = shared(sn_middle());
	struct cmd c = put(MIB);
	uint64_t start;

	(void)state;
	sn_do(sn, sn->rig[0], &add_one);	/* connected */
	sn->fate = third_write;
	writes = 0;
	start = sn->clock;
	sn_do(sn, sn->rig[0], &c);
	assert_true(sn->clock - start < 50 * MS);
	assert_true(rd64(sn->rig[0], SFAB_REG_COUNTER_10) > 0);
	assert_memory_equal(sn->rig[1]->hbm + SHARED, sn->rig[0]->hbm + HBM_DATA, MIB);
	sn_free(sn);
}

/* A CONNECT that was held up until the flow had gone on does not open it again. */
static enum sn_fate late_connect(struct supernode *sn, struct sfab_packet *packet)
{
	if (packet->type != SFAB_PKT_CONNECT || sn->seen > 1)
		return SN_PASS;
	sn->late = 300 * MS;
	return SN_LATE;
}

static void test_late_connect(void **state)
{
	struct supernode *sn = shared(sn_middle());
	uint64_t *counter = (uint64_t *)(sn->rig[1]->hbm + SHARED);

	(void)state;
	*counter = 0;
	sn->seen = 0;
	sn->fate = late_connect;
	for (unsigned int i = 0; i < 5; i++)
		sn_do(sn, sn->rig[0], &add_one);
	sn_run(sn, 400 * MS);
	sn_do(sn, sn->rig[0], &add_one);
	assert_int_equal(*counter, 6);
	assert_int_equal(rd64(sn->rig[0], SFAB_REG_COUNTER_11), 0);
	sn_free(sn);
}

/* A request that comes when its answer is not kept any more is not executed either. */
static bool held_one;

static enum sn_fate very_late(struct supernode *sn, struct sfab_packet *packet)
{
	if (packet->type != SFAB_PKT_ATOMIC || held_one)
		return SN_PASS;
	held_one = true;
	sn->late = 500 * MS;
	return SN_LATE;
}

static void test_later_than_all_answers(void **state)
{
	struct supernode *sn = shared(sn_middle());
	uint64_t *counter = (uint64_t *)(sn->rig[1]->hbm + SHARED);
	uint64_t seen;

	(void)state;
	*counter = 0;
	held_one = false;
	sn->fate = very_late;
	for (unsigned int i = 0; i < 200; i++)
		sn_do(sn, sn->rig[0], &add_one);
	seen = sn->seen;
	assert_true(held_one);
	sn_run(sn, 500 * MS);
	assert_true(sn->seen > seen);	/* it has come, and was answered */
	assert_int_equal(*counter, 200);
	sn_do(sn, sn->rig[0], &add_one);
	assert_int_equal(*counter, 201);
	assert_int_equal(rd64(sn->rig[0], SFAB_REG_COUNTER_11), 0);
	sn_free(sn);
}

/* ---- no way ---- */

static void test_no_route(void **state)
{
	struct supernode *sn = shared(sn_new(2));
	struct cmd c = put(64);
	uint64_t start = sn->clock;

	(void)state;
	/* No such EID in the table, none such at all: at once. */
	sn_import(sn->rig[0], 1, 7, 0, SHARED);
	sn_status(sn, sn->rig[0], &c, SFAB_STATUS_NO_ROUTE, SFAB_ACCESS_WRITE, FAR);
	sn_import(sn->rig[0], 1, 16, 0, SHARED);
	sn_status(sn, sn->rig[0], &c, SFAB_STATUS_NO_ROUTE, SFAB_ACCESS_WRITE, FAR);
	sn_import(sn->rig[0], 1, 0, 0, SHARED);
	sn_status(sn, sn->rig[0], &c, SFAB_STATUS_NO_ROUTE, SFAB_ACCESS_WRITE, FAR);
	assert_true(sn->clock - start < MS);
	/* Who has no EID can get no answer. */
	sn_import(sn->rig[0], 1, 2, 0, SHARED);
	wr32(sn->rig[0], SFAB_REG_EID, 0);
	sn_status(sn, sn->rig[0], &c, SFAB_STATUS_NO_ROUTE, SFAB_ACCESS_WRITE, FAR);
	wr32(sn->rig[0], SFAB_REG_EID, 1);
	sn_do(sn, sn->rig[0], &c);
	sn_free(sn);
}

/* A router on the way has no route: until OP_TIMEOUT, as it may get one. */
static void test_no_route_on_the_way(void **state)
{
	struct supernode *sn = shared(sn_new(4));
	struct cmd c = put(64);
	uint64_t start;

	(void)state;
	c.dst = VA_FAR(2);
	wr32(sn->rig[0], SFAB_REG_OP_TIMEOUT, 500);
	wr64(sn->rig[1], SFAB_ROUTE_BASE + 8 * 3, 0);
	wr64(sn->rig[3], SFAB_ROUTE_BASE + 8 * 3, 0);
	start = sn->clock;
	sn_status(sn, sn->rig[0], &c, SFAB_STATUS_NO_ROUTE, SFAB_ACCESS_WRITE, c.dst);
	assert_true(sn->clock - start >= 500 * MS && sn->clock - start < 600 * MS);
	sn_free(sn);
}

static void test_silence(void **state)
{
	struct supernode *sn = shared(sn_middle());
	struct cmd c = put(MIB);
	uint64_t start;

	(void)state;
	wr32(sn->rig[0], SFAB_REG_OP_TIMEOUT, 300);
	sn_do(sn, sn->rig[0], &add_one);
	for (unsigned int i = 0; i < 2; i++) {
		start = sn->clock;
		/* It takes everything, and says nothing. */
		sfab_core_pause(sn->rig[1]->core, true);
		sn_status(sn, sn->rig[0], &c, SFAB_STATUS_TIMEOUT, SFAB_ACCESS_WRITE,
			  FAR);
		assert_true(sn->clock - start >= 300 * MS);
		assert_true(sn->clock - start < 400 * MS);
	}
	sfab_core_pause(sn->rig[1]->core, false);
	sn_do(sn, sn->rig[0], &c);
	assert_memory_equal(sn->rig[1]->hbm + SHARED, sn->rig[0]->hbm + HBM_DATA, MIB);
	sn_free(sn);
}

/* A fibre is cut in the middle: it goes on the other way round, and back. */
static unsigned int written;

static void count_written(struct rig *rig)
{
	(void)rig;
	written++;
}

static void cut_at_the_tenth(struct supernode *sn)
{
	if (written < 10)
		return;
	sn->between = NULL;
	assert_int_equal(rd32(sn->rig[0], Q_REG(0, Q_HEAD)), 0);
	sn_cut(sn, 0);
}

static void test_failover(void **state)
{
	struct supernode *sn = shared(sn_new(3));
	struct rig *a = sn->rig[0], *b = sn->rig[1];
	struct cmd c = put(3 * MIB);
	uint64_t start;

	(void)state;
	written = 0;
	b->on_written = count_written;
	sn->between = cut_at_the_tenth;
	start = sn->clock;
	sn_do(sn, a, &c);
	assert_null(sn->between);
	assert_memory_equal(b->hbm + SHARED, a->hbm + HBM_DATA, 3 * MIB);
	assert_true(rd64(sn->rig[2], SFAB_REG_COUNTER_15) > 0);
	assert_true(sn->clock - start < 500 * MS);
	/* Failback. */
	sn_join(sn, 0);
	sn_run(sn, 10 * MS);
	start = rd64(sn->rig[2], SFAB_REG_COUNTER_15);
	sn_do(sn, a, &c);
	assert_int_equal(rd64(sn->rig[2], SFAB_REG_COUNTER_15), start);
	sn_free(sn);
}

/* Both ways are cut: an error in time, and the queue is of use again. */
static void test_all_cut(void **state)
{
	struct supernode *sn = shared(sn_new(2));
	struct rig *a = sn->rig[0];
	struct cmd c = put(MIB);
	uint64_t start;

	(void)state;
	wr32(a, SFAB_REG_OP_TIMEOUT, 400);
	sn_do(sn, a, &c);
	sn_cut(sn, 0);
	sn_cut(sn, 1);
	sn_run(sn, 10 * MS);
	start = sn->clock;
	sn_status(sn, a, &c, SFAB_STATUS_NO_ROUTE, SFAB_ACCESS_WRITE, FAR);
	assert_true(sn->clock - start >= 400 * MS && sn->clock - start < 500 * MS);
	sn_join(sn, 1);
	sn_run(sn, 10 * MS);
	rig_fill_random(a->hbm + HBM_DATA, MIB, 77);
	sn_do(sn, a, &c);
	assert_memory_equal(sn->rig[1]->hbm + SHARED, a->hbm + HBM_DATA, MIB);
	sn_free(sn);
}

/* ---- another target, another initiator ---- */

static void test_restart(void **state)
{
	struct supernode *sn = shared(sn_new(2));
	struct rig *a = sn->rig[0];
	uint64_t *counter = (uint64_t *)(sn->rig[1]->hbm + SHARED);

	(void)state;
	*counter = 0;
	sn_do(sn, a, &add_one);
	assert_int_equal(*counter, 1);
	sn_restart(sn, 1);
	sn_share(sn);
	counter = (uint64_t *)(sn->rig[1]->hbm + SHARED);
	*counter = 50;
	/* The flow was one with who is not there any more. */
	sn_status(sn, a, &add_one, SFAB_STATUS_STALE, SFAB_ACCESS_WRITE, FAR);
	assert_int_equal(*counter, 50);
	sn_do(sn, a, &add_one);
	assert_int_equal(*counter, 51);
	/* And the other way round: an initiator that was restarted. */
	sn_restart(sn, 0);
	sn_share(sn);
	sn_do(sn, sn->rig[0], &add_one);
	assert_int_equal(*counter, 52);
	sn_free(sn);
}

/* What is imported from the new incarnation works at once, whatever the flow knows. */
static void test_restart_and_import(void **state)
{
	struct supernode *sn = shared(sn_new(2));
	struct rig *a = sn->rig[0];
	struct cmd old = add_one, c = put(3 * MIB);
	uint64_t *counter;

	(void)state;
	sn_do(sn, a, &add_one);
	sn_restart(sn, 1);
	sn_share(sn);
	counter = (uint64_t *)(sn->rig[1]->hbm + SHARED);
	*counter = 50;
	sn_import(a, 1, 2, 0, SHARED);
	sn_do(sn, a, &add_one);
	assert_int_equal(*counter, 51);

	/* In one flow: import 2 is older than the flow, import 1 is not. */
	sn_import(a, 2, 2, 0, SHARED);
	rig_map(a, 0, VA_FAR(2), FAR_ADDR(2), FAR_SIZE, FABRIC_PTE(RW));
	old.dst = VA_FAR(2);
	sn_do(sn, a, &old);
	assert_int_equal(*counter, 52);
	sn_restart(sn, 1);
	sn_share(sn);
	sn_import(a, 2, 2, 0, SHARED);
	sn_do(sn, a, &old);
	sn_restart(sn, 1);
	sn_share(sn);
	counter = (uint64_t *)(sn->rig[1]->hbm + SHARED);
	*counter = 70;
	sn_import(a, 1, 2, 0, SHARED);
	rig_submit(a, 1, &old);
	sn_do(sn, a, &c);
	assert_memory_equal(sn->rig[1]->hbm + SHARED, a->hbm + HBM_DATA, 3 * MIB);
	assert_true(sn_wait(sn, a, 1, 1000 * MS));
	assert_int_equal(rd32(a, Q_REG(1, Q_FAULT)),
			 SFAB_Q_FAULT_VALID | SFAB_STATUS_STALE << SFAB_Q_FAULT_STATUS_SHIFT |
			 SFAB_ACCESS_WRITE << 16 | SFAB_CMD_ATOMIC << 8 | SFAB_FAULT_FABRIC);
	sn_free(sn);
}

/*
 * When the target restarts, the answer to the first of three requests is lost, the second is
 * answered, the third is of a new import. On the new connection the second is lost once.
 */
static uint32_t lost_psn;
static bool connected_again, lost_again;

static enum sn_fate lose_around_a_restart(struct supernode *sn, struct sfab_packet *packet)
{
	(void)sn;
	if (!connected_again) {
		if (packet->type == SFAB_PKT_WRITE && !lost_psn)
			lost_psn = packet->psn;
		return packet->type == SFAB_PKT_DONE && packet->psn == lost_psn ? SN_DROP : SN_PASS;
	}
	if (packet->type == SFAB_PKT_CONNECT)
		lost_psn = packet->psn + 1;
	if (packet->class_vc == SFAB_CLASS_REQUEST && packet->type != SFAB_PKT_CONNECT &&
	    packet->psn == lost_psn && !lost_again) {
		lost_again = true;
		return SN_DROP;
	}
	return SN_PASS;
}

static void test_restart_amid_answers(void **state)
{
	struct supernode *sn = shared(sn_middle());
	struct rig *a = sn->rig[0];
	struct cmd c = put(2 * SFAB_MTU), late = add_one;
	uint64_t *counter;

	(void)state;
	lost_psn = 0;
	connected_again = false;
	lost_again = false;
	sn->fate = lose_around_a_restart;
	rig_submit(a, 0, &c);
	sn_run(sn, 10 * MS);
	sn_restart(sn, 1);
	sn_share(sn);
	counter = (uint64_t *)(sn->rig[1]->hbm + SHARED);
	*counter = 50;
	connected_again = true;
	sn_import(a, 2, 2, 0, SHARED);
	rig_map(a, 0, VA_FAR(2), FAR_ADDR(2), FAR_SIZE, FABRIC_PTE(RW));
	late.dst = VA_FAR(2);
	rig_submit(a, 1, &late);
	assert_true(sn_wait(sn, a, 1, 500 * MS));
	assert_true(lost_again);
	assert_int_equal(rd32(a, Q_REG(1, Q_FAULT)), 0);
	assert_int_equal(*counter, 51);
	assert_true(sn_wait(sn, a, 0, 500 * MS));
	assert_int_equal(rd32(a, Q_REG(0, Q_FAULT)) >> SFAB_Q_FAULT_STATUS_SHIFT &
			 SFAB_Q_FAULT_STATUS_MASK, SFAB_STATUS_STALE);
	sn_free(sn);
}

static void test_device_reset(void **state)
{
	struct supernode *sn = shared(sn_new(2));
	struct rig *a = sn->rig[0];
	uint64_t *counter = (uint64_t *)(sn->rig[1]->hbm + SHARED);

	(void)state;
	*counter = 0;
	sn_do(sn, a, &add_one);
	wr32(sn->rig[1], SFAB_REG_RESET, SFAB_RESET_MAGIC);
	sn_run(sn, MS);
	sn->rig[1]->tables = 0;
	memset(sn->rig[1]->roots, 0, sizeof(sn->rig[1]->roots));
	sn_share(sn);
	sn_status(sn, a, &add_one, SFAB_STATUS_STALE, SFAB_ACCESS_WRITE, FAR);
	sn_do(sn, a, &add_one);
	assert_int_equal(*counter, 2);
	sn_free(sn);
}

/* Who is pulled does not even say that it has been reset. */
static void test_pulled(void **state)
{
	struct supernode *sn = shared(sn_new(2));
	struct rig *a = sn->rig[0];

	(void)state;
	sn_do(sn, a, &add_one);
	sfab_fabric_pull(sn->device[1].fabric, true);
	sfab_core_reset(sn->rig[1]->core, SFAB_RESET_BUS);
	sn_run(sn, MS);
	sn_status(sn, a, &add_one, SFAB_STATUS_TIMEOUT, SFAB_ACCESS_WRITE, FAR);
	sn_free(sn);
}

/* ---- queues that are stopped ---- */

enum stop { STOP_DISABLE, STOP_RESET, STOP_FLR };

static void stop(struct rig *rig, enum stop how)
{
	switch (how) {
	case STOP_DISABLE:
		wr32(rig, Q_REG(0, Q_CTRL), 0);
		break;
	case STOP_RESET:
		wr32(rig, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_RESET);
		break;
	case STOP_FLR:
		sfab_core_reset(rig->core, SFAB_RESET_FLR);
		break;
	}
}

static bool touched;

static void touch(struct rig *rig)
{
	(void)rig;
	touched = true;
}

/* Answers are under way; nobody waits for them any more, and no memory changes. */
static void stopped(enum stop how, unsigned int after)
{
	struct supernode *sn = shared(sn_new(2));
	struct rig *a = sn->rig[0];
	struct cmd c = {
		.opcode = SFAB_CMD_COPY, .flags = SFAB_CMD_COMPLETE | SFAB_CMD_IRQ,
		.dst = NEAR, .src = FAR, .len = MIB, .timeline = 5,
	};
	uint8_t *before = malloc(MIB);

	rig_submit(a, 0, &c);
	for (unsigned int i = 0; i < after; i++)
		sfab_core_run(a->core, 0, &sn->device[0].engine_due);
	sfab_fabric_run(sn->device[0].fabric, &sn->device[0].due);
	stop(a, how);
	assert_false(rd32(a, Q_REG(0, Q_STATUS)) & SFAB_Q_STATUS_BUSY);
	assert_false(sfab_core_busy(a->core));
	memcpy(before, a->hbm + HBM_DATA, MIB);
	touched = false;
	a->on_map = touch;
	a->on_written = touch;
	sn_run(sn, 3000 * MS);
	assert_false(touched);
	assert_memory_equal(before, a->hbm + HBM_DATA, MIB);
	assert_int_equal(*rig_timeline(a, 0), 0);
	a->on_map = NULL;
	a->on_written = NULL;

	if (how == STOP_FLR) {
		a->tables = 0;
		memset(a->roots, 0, sizeof(a->roots));
		sn_share(sn);
	}
	rig_queue(a, 0, 0);
	sn_do(sn, a, &c);
	assert_memory_equal(a->hbm + HBM_DATA, sn->rig[1]->hbm + SHARED, MIB);
	assert_int_equal(*rig_timeline(a, 0), 5);
	free(before);
	sn_free(sn);
}

static void test_stop(void **state)
{
	(void)state;
	for (unsigned int how = STOP_DISABLE; how <= STOP_FLR; how++) {
		stopped(how, 3);
		stopped(how, 1);
	}
}

/* A queue of two that share a flow is stopped: the other one does not notice. */
static void test_stop_one_of_two(void **state)
{
	struct supernode *sn = shared(sn_middle());
	struct rig *a = sn->rig[0], *b = sn->rig[1];
	struct cmd c = put(MIB);

	(void)state;
	one_in = 7;
	sn->fate = random_fate;
	for (unsigned int i = 0; i < 20; i++) {
		rig_fill_random(a->hbm + HBM_DATA, 2 * MIB, i);
		c.dst = FAR;
		c.src = NEAR;
		rig_submit(a, 0, &c);
		c.dst = FAR + MIB;
		c.src = NEAR + MIB;
		rig_submit(a, 1, &c);
		sn_run(sn, i * 100000);
		wr32(a, Q_REG(0, Q_CTRL), SFAB_Q_CTRL_RESET);
		assert_true(sn_wait(sn, a, 1, 5000 * MS));
		assert_int_equal(rd32(a, Q_REG(1, Q_FAULT)), 0);
		assert_memory_equal(b->hbm + SHARED + MIB, a->hbm + HBM_DATA + MIB, MIB);
		rig_queue(a, 0, 0);
	}
	sn_free(sn);
}

/* Paused for a moment: nothing is sent, nothing lost. */
static void test_pause(void **state)
{
	struct supernode *sn = shared(sn_new(2));
	struct rig *a = sn->rig[0], *b = sn->rig[1];

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		struct cmd c = put(MIB);
		struct rig *rig = i % 2 ? a : b;
		uint64_t sent;

		rig_fill_random(a->hbm + HBM_DATA, MIB, 50 + i);
		rig_submit(a, 0, &c);
		for (unsigned int k = 0; k < 1 + i / 4; k++)
			sfab_core_run(a->core, 0, &sn->device[0].engine_due);
		sfab_fabric_run(sn->device[0].fabric, &sn->device[0].due);
		if (i % 4 < 2)
			sfab_core_pause(rig->core, true);
		else
			wr32(rig, SFAB_REG_CTRL, 0);
		sn_run(sn, MS);
		sent = rd64(a, SFAB_REG_COUNTER_9);
		touched = false;
		rig->on_map = touch;
		rig->on_written = i % 4 < 2 ? touch : NULL;
		sn_run(sn, 300 * MS);
		assert_false(touched);
		if (rig == a)
			assert_int_equal(rd64(a, SFAB_REG_COUNTER_9), sent);
		rig->on_map = NULL;
		rig->on_written = NULL;
		sfab_core_pause(rig->core, false);
		wr32(rig, SFAB_REG_CTRL, SFAB_CTRL_ENABLE);
		assert_true(sn_wait(sn, a, 0, 5000 * MS));
		assert_int_equal(rd32(a, Q_REG(0, Q_FAULT)), 0);
		assert_memory_equal(b->hbm + SHARED, a->hbm + HBM_DATA, MIB);
	}
	sn_free(sn);
}

/* ---- a slow target ---- */

static enum sn_fate slow(struct supernode *sn, struct sfab_packet *packet)
{
	sn->late = 30 * MS;
	return packet->class_vc & SFAB_CLASS_MASK ? SN_LATE : SN_PASS;
}

static unsigned int under_way, most;

static enum sn_fate watch(struct supernode *sn, struct sfab_packet *packet)
{
	if (packet->type == SFAB_PKT_WRITE && ++under_way > most)
		most = under_way;
	if (packet->type == SFAB_PKT_DONE)
		under_way--;
	return slow(sn, packet);
}

/* Who answers slowly gets little at a time, and in the end everything. */
static void test_slow_target(void **state)
{
	struct supernode *sn = shared(sn_middle());
	struct cmd c = put(2 * MIB);

	(void)state;
	sn_do(sn, sn->rig[0], &add_one);
	sn->fate = slow;
	sn_do(sn, sn->rig[0], &c);
	under_way = 0;
	most = 0;
	sn->fate = watch;
	sn_do(sn, sn->rig[0], &c);
	assert_true(most <= 2);
	assert_memory_equal(sn->rig[1]->hbm + SHARED, sn->rig[0]->hbm + HBM_DATA, c.len);
	assert_int_equal(rd64(sn->rig[0], SFAB_REG_COUNTER_10), 0);
	/* Quick again: the window opens. */
	sn->fate = NULL;
	sn_do(sn, sn->rig[0], &c);
	sn_free(sn);
}

/* Two queues get about the same out of one flow. */
static void test_fair(void **state)
{
	struct supernode *sn = shared(sn_middle());
	struct rig *a = sn->rig[0];
	uint64_t heads[2];

	(void)state;
	sn_do(sn, a, &add_one);
	sn->fate = slow;
	for (unsigned int q = 0; q < 2; q++)
		for (unsigned int i = 0; i < 12; i++) {
			struct cmd c = put(256 * KIB);

			rig_submit(a, q, &c);
		}
	sn_run(sn, 800 * MS);
	heads[0] = rd32(a, Q_REG(0, Q_HEAD)) - 1;
	heads[1] = rd32(a, Q_REG(1, Q_HEAD));
	assert_in_range(heads[0], 2, 8);
	assert_in_range(heads[1], heads[0] - 1, heads[0] + 1);
	sn_free(sn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_heavy_loss),
		cmocka_unit_test(test_each_packet),
		cmocka_unit_test(test_nak),
		cmocka_unit_test(test_late_connect),
		cmocka_unit_test(test_later_than_all_answers),
		cmocka_unit_test(test_no_route),
		cmocka_unit_test(test_no_route_on_the_way),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_failover),
		cmocka_unit_test(test_all_cut),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_restart_and_import),
		cmocka_unit_test(test_restart_amid_answers),
		cmocka_unit_test(test_device_reset),
		cmocka_unit_test(test_pulled),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_one_of_two),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_slow_target),
		cmocka_unit_test(test_fair),
	};

	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
