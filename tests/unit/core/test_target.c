// SPDX-License-Identifier: MIT
/* What a target admits, and how it refuses: exact, and without touching a byte. */
#include <stdlib.h>

#include "supernode.h"

/* Segment 1 of node 1: @LEN bytes in the middle of its HBM, import 5 of node 0. */
#define AT		(SHARED + 5 * PAGE + 8)
#define LEN		10000ull
#define VA_IT		VA_FAR(5)

struct pair {
	struct supernode *sn;
	struct rig *a, *b;
	uint8_t *before;
};

static struct pair *pair_of(struct supernode *sn)
{
	struct pair *p = calloc(1, sizeof(*p));

	p->sn = sn;
	p->a = sn->rig[0];
	p->b = sn->rig[1];
	sn_share(sn);
	sn_export(p->b, 1, VA_HBM + AT, LEN, S_ALL);
	sn_import(p->a, 5, 2, 1, 0);
	rig_map(p->a, 0, VA_IT, FAR_ADDR(5), MIB, FABRIC_PTE(RW));
	rig_fill_random(p->b->hbm + HBM_DATA, p->b->config.hbm_size - HBM_DATA, 3);
	rig_fill_random(p->a->hbm + HBM_DATA, MIB, 4);
	p->before = malloc(p->b->config.hbm_size);
	memcpy(p->before, p->b->hbm, p->b->config.hbm_size);
	return p;
}

static struct pair *pair(void)
{
	return pair_of(sn_new(2));
}

static void end(struct pair *p)
{
	free(p->before);
	sn_free(p->sn);
	free(p);
}

static void untouched(struct pair *p)
{
	assert_memory_equal(p->before + HBM_DATA, p->b->hbm + HBM_DATA,
			    p->b->config.hbm_size - HBM_DATA);
}

static struct cmd put(uint64_t to, uint64_t len)
{
	return (struct cmd) {
		.opcode = SFAB_CMD_COPY, .dst = to, .src = VA_HBM + HBM_DATA, .len = len,
	};
}

static struct cmd get(uint64_t from, uint64_t len)
{
	return (struct cmd) {
		.opcode = SFAB_CMD_COPY, .dst = VA_SYS + SYS_DATA, .src = from, .len = len,
	};
}

static struct cmd reduce(uint64_t to, uint64_t len)
{
	struct cmd c = put(to, len);

	c.opcode = SFAB_CMD_REDUCE;
	return c;
}

static struct cmd add(uint64_t to)
{
	return (struct cmd) {
		.opcode = SFAB_CMD_ATOMIC, .dtype = 8, .dst = to, .arg0 = 1,
	};
}

/* Each of the four kinds of request is refused so, and nothing is touched. */
static void all_refused(struct pair *p, enum sfab_status status)
{
	uint64_t refused = rd64(p->b, SFAB_REG_COUNTER_14);
	uint8_t canary[64];
	struct cmd c;

	memset(p->a->sys + SYS_DATA, 0x5a, 64);
	memset(canary, 0x5a, 64);
	c = put(VA_IT, 64);
	sn_status(p->sn, p->a, &c, status, SFAB_ACCESS_WRITE, VA_IT);
	c = get(VA_IT, 64);
	sn_status(p->sn, p->a, &c, status, SFAB_ACCESS_READ, VA_IT);
	c = reduce(VA_IT, 64);
	sn_status(p->sn, p->a, &c, status, SFAB_ACCESS_WRITE, VA_IT);
	c = add(VA_IT);
	sn_status(p->sn, p->a, &c, status, SFAB_ACCESS_WRITE, VA_IT);
	untouched(p);
	assert_memory_equal(p->a->sys + SYS_DATA, canary, 64);
	assert_int_equal(rd64(p->b, SFAB_REG_COUNTER_14) - refused, 4);
}

static void all_done(struct pair *p)
{
	struct cmd c = get(VA_IT, 64);

	sn_do(p->sn, p->a, &c);
	assert_memory_equal(p->a->sys + SYS_DATA, p->b->hbm + AT, 64);
	c = put(VA_IT, LEN);
	sn_do(p->sn, p->a, &c);
	c = reduce(VA_IT, 64);
	sn_do(p->sn, p->a, &c);
	c = add(VA_IT);
	sn_do(p->sn, p->a, &c);
	memcpy(p->before, p->b->hbm, p->b->config.hbm_size);
}

static void test_admission(void **state)
{
	struct pair *p = pair();

	(void)state;
	all_done(p);
	/* Each check alone; and with all that come after it failing as well. */
	wr32(p->a, I_REG(5, I_CTRL), 0);
	wr32(p->a, I_REG(5, I_EPOCH), EPOCH + 1);
	wr32(p->a, I_REG(5, I_CTRL), 1);
	all_refused(p, SFAB_STATUS_STALE);
	wr32(p->b, S_REG(1, S_CTRL), 0);
	wr64(p->b, S_REG(1, S_TOKEN), TOKEN + 1);
	all_refused(p, SFAB_STATUS_STALE);
	sn_import(p->a, 5, 2, 1, 1 << 20);
	all_refused(p, SFAB_STATUS_REVOKED);
	wr32(p->b, S_REG(1, S_CTRL), SFAB_S_CTRL_VALID);
	all_refused(p, SFAB_STATUS_BAD_TOKEN);
	wr64(p->b, S_REG(1, S_TOKEN), TOKEN);
	all_refused(p, SFAB_STATUS_OUT_OF_BOUNDS);
	sn_import(p->a, 5, 2, 1, 0);
	all_refused(p, SFAB_STATUS_NO_RIGHTS);
	/* There is no such segment. */
	sn_import(p->a, 5, 2, 8, 0);
	all_refused(p, SFAB_STATUS_STALE);
	/* Rotation of the token: the old one is worth nothing, the new one all. */
	sn_import(p->a, 5, 2, 1, 0);
	wr32(p->b, S_REG(1, S_CTRL), S_ALL);
	wr32(p->b, S_REG(1, S_TOKEN), 77);
	all_done(p);	/* half of a token is none */
	wr32(p->b, S_REG(1, S_TOKEN) + 4, 0);
	all_refused(p, SFAB_STATUS_BAD_TOKEN);
	wr32(p->a, I_REG(5, I_CTRL), 0);
	wr64(p->a, I_REG(5, I_TOKEN), 77);
	wr32(p->a, I_REG(5, I_CTRL), 1);
	all_done(p);
	end(p);
}

static void test_rights(void **state)
{
	static const uint32_t bits[] = {
		SFAB_S_CTRL_WRITE, SFAB_S_CTRL_READ, SFAB_S_CTRL_ATOMIC,
		SFAB_S_CTRL_ATOMIC,
	};
	struct pair *p = pair();
	struct cmd c[4] = { put(VA_IT, 64), get(VA_IT, 64), reduce(VA_IT, 64), add(VA_IT) };

	(void)state;
	for (unsigned int right = 0; right < 8; right++) {
		uint32_t ctrl = right << 1 | SFAB_S_CTRL_VALID;

		wr32(p->b, S_REG(1, S_CTRL), ctrl);
		for (unsigned int i = 0; i < 4; i++)
			if (ctrl & bits[i])
				sn_do(p->sn, p->a, &c[i]);
			else
				sn_status(p->sn, p->a, &c[i], SFAB_STATUS_NO_RIGHTS,
					  i == 1 ? SFAB_ACCESS_READ : SFAB_ACCESS_WRITE,
					  VA_IT);
	}
	end(p);
}

/* To the byte: canaries lie on both sides. */
static void test_bounds(void **state)
{
	struct pair *p = pair();
	struct cmd c;

	(void)state;
	c = put(VA_IT + LEN - 100, 100);
	sn_do(p->sn, p->a, &c);
	memcpy(p->before, p->b->hbm, p->b->config.hbm_size);
	c = put(VA_IT + LEN - 100, 101);
	sn_status(p->sn, p->a, &c, SFAB_STATUS_OUT_OF_BOUNDS, SFAB_ACCESS_WRITE, c.dst);
	c = get(VA_IT + LEN - 1, 2);
	sn_status(p->sn, p->a, &c, SFAB_STATUS_OUT_OF_BOUNDS, SFAB_ACCESS_READ, c.src);
	c = get(VA_IT + LEN, 1);
	sn_status(p->sn, p->a, &c, SFAB_STATUS_OUT_OF_BOUNDS, SFAB_ACCESS_READ, c.src);
	c = add(VA_IT + LEN);
	sn_status(p->sn, p->a, &c, SFAB_STATUS_OUT_OF_BOUNDS, SFAB_ACCESS_WRITE, c.dst);
	untouched(p);
	/* The second request of a command: what was written stays, and is told. */
	c = put(VA_IT, SFAB_MTU + 1);
	wr32(p->b, S_REG(1, S_CTRL), 0);
	wr64(p->b, S_REG(1, S_LEN), SFAB_MTU);
	wr32(p->b, S_REG(1, S_CTRL), S_ALL);
	sn_status(p->sn, p->a, &c, SFAB_STATUS_OUT_OF_BOUNDS, SFAB_ACCESS_WRITE,
		  VA_IT + SFAB_MTU);
	assert_memory_equal(p->b->hbm + AT, p->a->hbm + HBM_DATA, SFAB_MTU);
	assert_int_equal(p->b->hbm[AT + SFAB_MTU], p->before[AT + SFAB_MTU]);
	/* An offset that wraps around. */
	memcpy(p->before, p->b->hbm, p->b->config.hbm_size);
	sn_import(p->a, 5, 2, 1, ~0xfffull);
	c = put(VA_IT + PAGE - 8, 8);
	sn_status(p->sn, p->a, &c, SFAB_STATUS_OUT_OF_BOUNDS, SFAB_ACCESS_WRITE, c.dst);
	untouched(p);
	/* A NOTIFY that lies outside, in the packet of its copy. */
	sn_import(p->a, 5, 2, 1, 0);
	c = put(VA_IT, 64);
	c.flags = SFAB_CMD_NOTIFY;
	c.arg0 = VA_IT + SFAB_MTU;
	sn_status(p->sn, p->a, &c, SFAB_STATUS_OUT_OF_BOUNDS, SFAB_ACCESS_WRITE, c.dst);
	untouched(p);
	end(p);
}

/* The target's own page tables and bus have the last word. */
static void test_target_fault(void **state)
{
	struct pair *p = pair();
	struct cmd c;

	(void)state;
	/* Second page unmapped: the first is not written either. */
	*rig_entry(p->b, 0, VA_HBM + AT + PAGE, 0) = 0;
	c = put(VA_IT, 2 * PAGE);
	sn_status(p->sn, p->a, &c, SFAB_STATUS_TARGET_FAULT, SFAB_ACCESS_WRITE, VA_IT);
	c = reduce(VA_IT, 2 * PAGE);
	sn_status(p->sn, p->a, &c, SFAB_STATUS_TARGET_FAULT, SFAB_ACCESS_WRITE, VA_IT);
	c = get(VA_IT, 2 * PAGE);
	sn_status(p->sn, p->a, &c, SFAB_STATUS_TARGET_FAULT, SFAB_ACCESS_READ, VA_IT);
	/* The NOTIFY's page: the copy is not done either. */
	c = put(VA_IT, 64);
	c.flags = SFAB_CMD_NOTIFY;
	c.arg0 = VA_IT + 2 * PAGE - 8 - 8;
	*rig_entry(p->b, 0, VA_HBM + AT + 2 * PAGE - 16, 0) = 0;
	sn_status(p->sn, p->a, &c, SFAB_STATUS_TARGET_FAULT, SFAB_ACCESS_WRITE, VA_IT);
	/* Rights of the leaf. */
	rig_map(p->b, 0, VA_HBM + AT - AT % PAGE, AT - AT % PAGE, PAGE, HBM_PTE(RO));
	c = put(VA_IT, 64);
	sn_status(p->sn, p->a, &c, SFAB_STATUS_TARGET_FAULT, SFAB_ACCESS_WRITE, VA_IT);
	c = get(VA_IT, 64);
	sn_do(p->sn, p->a, &c);
	rig_map(p->b, 0, VA_HBM + AT - AT % PAGE, AT - AT % PAGE, PAGE, HBM_PTE(WO));
	c = add(VA_IT);
	sn_status(p->sn, p->a, &c, SFAB_STATUS_TARGET_FAULT, SFAB_ACCESS_WRITE, VA_IT);
	assert_memory_equal(p->before + HBM_DATA, p->b->hbm + HBM_DATA,
			    p->b->config.hbm_size - HBM_DATA);
	end(p);
}

static void test_target_memory(void **state)
{
	struct pair *p = pair();
	const uint64_t page = VA_HBM + AT - AT % PAGE;

	(void)state;
	rig_map(p->b, 0, page, FAR_ADDR(0), PAGE, FABRIC_PTE(RW));
	all_refused(p, SFAB_STATUS_TARGET_FAULT);
	/* A bus that refuses. */
	rig_map(p->b, 0, page, SYS_BUS + SYS_DATA, PAGE, SYS_PTE(RW));
	p->b->refuse = SYS_BUS + SYS_DATA;
	p->b->refuse_len = PAGE;
	all_refused(p, SFAB_STATUS_TARGET_FAULT);
	p->b->refuse_len = 0;
	/* No such VM, a VM that is not valid, addresses beyond the last. */
	rig_map(p->b, 0, page, AT - AT % PAGE, PAGE, HBM_PTE(RW));
	wr32(p->b, S_REG(1, S_CTRL), 0);
	wr32(p->b, S_REG(1, S_VM), 2);
	wr32(p->b, S_REG(1, S_CTRL), S_ALL);
	all_refused(p, SFAB_STATUS_TARGET_FAULT);
	wr32(p->b, S_REG(1, S_CTRL), 0);
	wr32(p->b, S_REG(1, S_VM), 1);
	wr32(p->b, S_REG(1, S_CTRL), S_ALL);
	all_refused(p, SFAB_STATUS_TARGET_FAULT);
	sn_export(p->b, 1, ~7ull, LEN, S_ALL);
	all_refused(p, SFAB_STATUS_TARGET_FAULT);
	sn_export(p->b, 1, (1ull << 48) - 32, LEN, S_ALL);
	wr32(p->b, S_REG(1, S_VM), 0);
	all_refused(p, SFAB_STATUS_TARGET_FAULT);
	end(p);
}

/* Registered host memory as target and source, in pieces of the bus. */
static void test_system_memory(void **state)
{
	struct pair *p = pair();
	struct cmd c;

	(void)state;
	sn_export(p->b, 1, VA_SYS + SYS_DATA, MIB, S_ALL);
	rig_fill_random(p->b->sys + SYS_DATA, MIB, 8);
	for (p->b->map_limit = 1024; p->b->map_limit <= 16384; p->b->map_limit *= 4) {
		c = put(VA_IT + 5, 300000);
		sn_do(p->sn, p->a, &c);
		assert_memory_equal(p->b->sys + SYS_DATA + 5, p->a->hbm + HBM_DATA, 300000);
		c = get(VA_IT + 3, 300000);
		sn_do(p->sn, p->a, &c);
		assert_memory_equal(p->a->sys + SYS_DATA, p->b->sys + SYS_DATA + 3, 300000);
	}
	assert_true(p->b->batch_maps_most <= SFAB_BATCH_MAX);
	end(p);
}

/* ---- revocation ---- */

static uint32_t done_inside;

/* In the middle of a request at the target. */
static void revoke(struct rig *rig)
{
	rig->on_written = NULL;
	wr32(rig, S_REG(1, S_CTRL), 0);
	wr32(rig, SFAB_REG_SEG_INV, 5);
	done_inside = rd32(rig, SFAB_REG_SEG_INV_DONE);
	assert_true(rd32(rig, SFAB_REG_STATUS) & SFAB_STATUS_BUSY);
	assert_true(sfab_core_busy(rig->core));
}

static void test_revoke(void **state)
{
	struct pair *p = pair();
	struct cmd c = put(VA_IT, 8);
	unsigned int irqs = p->b->irqs[0];

	(void)state;
	sn_do(p->sn, p->a, &c);
	/* Nothing is in progress: at once. */
	wr32(p->b, SFAB_REG_SEG_INV, 9);
	assert_int_equal(rd32(p->b, SFAB_REG_SEG_INV), 9);
	assert_int_equal(rd32(p->b, SFAB_REG_SEG_INV_DONE), 9);
	assert_true(rd32(p->b, SFAB_REG_INT_STATUS) & SFAB_INT_SEGMENT);
	assert_int_equal(p->b->irqs[0], irqs + 1);
	/* Inside of a request: when it has ended. */
	p->b->on_written = revoke;
	c = put(VA_IT, LEN);
	sn_do(p->sn, p->a, &c);
	assert_int_equal(done_inside, 9);
	assert_int_equal(rd32(p->b, SFAB_REG_SEG_INV_DONE), 5);
	assert_int_equal(p->b->irqs[0], irqs + 2);
	assert_memory_equal(p->b->hbm + AT, p->a->hbm + HBM_DATA, LEN);
	memcpy(p->before, p->b->hbm, p->b->config.hbm_size);
	all_refused(p, SFAB_STATUS_REVOKED);
	end(p);
}

/* Between two requests of one command. */
static void test_revoke_between(void **state)
{
	struct pair *p = pair();
	struct cmd c = put(VA_IT, MIB);

	(void)state;
	sn_export(p->b, 1, VA_HBM + AT, MIB, S_ALL);
	p->b->on_written = revoke;
	sn_status(p->sn, p->a, &c, SFAB_STATUS_REVOKED, SFAB_ACCESS_WRITE,
		  VA_IT + SFAB_MTU);
	assert_memory_equal(p->b->hbm + AT, p->a->hbm + HBM_DATA, SFAB_MTU);
	assert_memory_equal(p->b->hbm + AT + SFAB_MTU, p->before + AT + SFAB_MTU,
			    MIB - SFAB_MTU);
	end(p);
}

static uint32_t inv_done;

static void invalidate(struct rig *rig)
{
	rig->on_written = NULL;
	wr32(rig, VM_REG(0, VM_INV), 3);
	inv_done = rd32(rig, VM_REG(0, VM_INV_DONE));
}

/* A VM is used by the requests of others as by its own commands. */
static void test_invalidate(void **state)
{
	struct pair *p = pair();
	struct cmd c = put(VA_IT, LEN);

	(void)state;
	p->b->on_written = invalidate;
	sn_do(p->sn, p->a, &c);
	assert_int_equal(inv_done, 0);
	assert_int_equal(rd32(p->b, VM_REG(0, VM_INV_DONE)), 3);
	end(p);
}

static void reset_inside(struct rig *rig)
{
	rig->on_written = NULL;
	sfab_core_reset(rig->core, SFAB_RESET_FLR);
	assert_int_equal(rd32(rig, SFAB_REG_STATUS),
			 SFAB_STATUS_RESETTING | SFAB_STATUS_BUSY);
}

/* RESETTING lasts until the request has ended; the flow is another incarnation's. */
static void test_reset_inside(void **state)
{
	struct pair *p = pair();
	struct cmd c = put(VA_IT, LEN);
	uint32_t incarnation = rd32(p->b, SFAB_REG_INCARNATION);

	(void)state;
	p->b->on_written = reset_inside;
	rig_submit(p->a, 0, &c);
	sn_run(p->sn, 5000 * MS);
	assert_int_equal(rd32(p->b, SFAB_REG_STATUS), SFAB_STATUS_READY);
	assert_int_not_equal(rd32(p->b, SFAB_REG_INCARNATION), incarnation);
	assert_int_equal(rd32(p->b, S_REG(1, S_CTRL)), 0);
	end(p);
}

/* ---- packets that no initiator of ours sends ---- */

static void (*damage)(struct sfab_packet *packet);

static enum sn_fate damaged(struct supernode *sn, struct sfab_packet *packet)
{
	(void)sn;
	if (packet->type < SFAB_PKT_CONNECT && damage)
		damage(packet);
	return SN_PASS;
}

static void no_type(struct sfab_packet *packet)
{
	packet->type = 0x3f;
}

static void no_dtype(struct sfab_packet *packet)
{
	packet->dtype = 77;
}

static void no_op(struct sfab_packet *packet)
{
	packet->op = 3;
}

static void no_length(struct sfab_packet *packet)
{
	packet->arg = 0;
}

static void long_length(struct sfab_packet *packet)
{
	packet->arg = SFAB_MTU + 1;
}

static void huge_length(struct sfab_packet *packet)
{
	packet->arg = ~0ull;
}

static void misaligned(struct sfab_packet *packet)
{
	packet->offset += 2;
}

static void test_bad_request(void **state)
{
	static const struct {
		unsigned int kind;	/* put, get, reduce, add */
		void (*damage)(struct sfab_packet *packet);
	} cases[] = {
		{ 0, no_type }, { 1, no_length }, { 1, long_length }, { 1, huge_length },
		{ 2, no_dtype }, { 2, no_op }, { 2, misaligned }, { 3, no_dtype },
		{ 3, no_op }, { 3, misaligned },
	};
	struct pair *p = pair_of(sn_middle());
	struct cmd c[4] = { put(VA_IT, 64), get(VA_IT, 64), reduce(VA_IT, 64), add(VA_IT) };

	(void)state;
	p->sn->fate = damaged;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int access = SFAB_ACCESS_WRITE;

		if (cases[i].kind == 1)
			access = SFAB_ACCESS_READ;
		damage = cases[i].damage;
		sn_status(p->sn, p->a, &c[cases[i].kind], SFAB_STATUS_BAD_REQUEST, access, VA_IT);
		damage = NULL;
		c[1].len = 64;
		sn_do(p->sn, p->a, &c[1]);	/* and the flow goes on */
	}
	untouched(p);
	end(p);
}

/* An answer that is none. */
static enum sn_fate wrong_answer(struct supernode *sn, struct sfab_packet *packet)
{
	(void)sn;
	if (packet->type == SFAB_PKT_DATA)
		packet->type = SFAB_PKT_DONE;
	else if (packet->type == SFAB_PKT_DONE)
		packet->type = SFAB_PKT_ATOMIC_RESULT;
	return SN_PASS;
}

static void test_wrong_answer(void **state)
{
	struct pair *p = pair_of(sn_middle());
	struct cmd c = get(VA_IT, 64);

	(void)state;
	p->sn->fate = wrong_answer;
	sn_status(p->sn, p->a, &c, SFAB_STATUS_BAD_REQUEST, SFAB_ACCESS_READ, VA_IT);
	c = put(VA_IT, 64);
	sn_status(p->sn, p->a, &c, SFAB_STATUS_BAD_REQUEST, SFAB_ACCESS_WRITE, VA_IT);
	p->sn->fate = NULL;
	sn_do(p->sn, p->a, &c);
	end(p);
}

/* ---- registers ---- */

static void test_registers(void **state)
{
	struct supernode *sn = sn_new(1);
	struct rig *rig = sn->rig[0];
	unsigned int errors;

	(void)state;
	assert_int_equal(rd64(rig, SFAB_REG_CAPS), 0x7f);
	assert_int_equal(rd32(rig, SFAB_REG_NUM_PORTS), 2);
	assert_int_equal(rd32(rig, SFAB_REG_NUM_SEGMENTS), 8);
	assert_int_equal(rd32(rig, SFAB_REG_NUM_IMPORTS), 8);
	sn_export(rig, 7, 0x123456789abcdeull | 7, ~0ull, S_ALL | ~0xfu);
	assert_int_equal(rd64(rig, S_REG(7, S_VA)), 0x123456789abcd8ull);
	assert_int_equal(rd64(rig, S_REG(7, S_LEN)), ~0ull);
	assert_int_equal(rd64(rig, S_REG(7, S_TOKEN)), 0);
	assert_int_equal(rd32(rig, S_REG(7, S_EPOCH)), EPOCH);
	assert_int_equal(rd32(rig, S_REG(7, S_CTRL)), 0xf);
	sn_import(rig, 7, 5, 6, 0x123456);
	assert_int_equal(rd64(rig, I_REG(7, I_BASE)), 0x123000);
	assert_int_equal(rd64(rig, I_REG(7, I_TOKEN)), 0);
	assert_int_equal(rd32(rig, I_REG(7, I_TARGET)), 0x60005);
	assert_int_equal(rd32(rig, I_REG(7, I_CTRL)), 1);

	/* Locked while VALID, and logged. */
	errors = rig->guest_errors;
	wr64(rig, S_REG(7, S_VA), 0);
	wr64(rig, S_REG(7, S_LEN), 0);
	wr32(rig, S_REG(7, S_VM), 1);
	wr32(rig, S_REG(7, S_EPOCH), 0);
	wr64(rig, I_REG(7, I_TOKEN), 0);
	wr64(rig, I_REG(7, I_BASE), 0);
	wr32(rig, I_REG(7, I_TARGET), 0);
	wr32(rig, I_REG(7, I_EPOCH), 0);
	assert_int_equal(rig->guest_errors - errors, 8);
	assert_int_equal(rd64(rig, S_REG(7, S_VA)), 0x123456789abcd8ull);
	assert_int_equal(rd32(rig, I_REG(7, I_TARGET)), 0x60005);
	/* Beyond the last, within none, of another width. */
	rd32(rig, S_REG(8, S_CTRL));
	rd32(rig, I_REG(8, I_CTRL));
	rd32(rig, S_REG(0, S_CTRL) + 4);
	rd64(rig, S_REG(0, S_VM));
	wr32(rig, SFAB_REG_SEG_INV_DONE, 1);
	assert_int_equal(rig->guest_errors - errors, 13);

	wr32(rig, SFAB_REG_INT_ENABLE, ~0u);
	assert_int_equal(rd32(rig, SFAB_REG_INT_ENABLE), 0x7f);
	wr32(rig, SFAB_REG_RESET, SFAB_RESET_MAGIC);
	assert_int_equal(rd64(rig, S_REG(7, S_LEN)), 0);
	assert_int_equal(rd32(rig, I_REG(7, I_CTRL)), 0);
	assert_int_equal(rd32(rig, SFAB_REG_SEG_INV), 0);
	assert_int_equal(rd32(rig, SFAB_REG_EID), 1);	/* kept */
	sn_free(sn);
}

static void test_port_interrupt(void **state)
{
	struct supernode *sn = sn_new(2);
	struct rig *rig = sn->rig[0];

	(void)state;
	wr32(rig, SFAB_REG_INT_ENABLE, SFAB_INT_PORT);
	wr32(rig, SFAB_REG_INT_STATUS, ~0u);
	wr32(rig, SFAB_REG_PORT_EVENT, ~0u);
	rig->irqs[0] = 0;
	sn_cut(sn, 0);
	sn_run(sn, MS);
	assert_true(rig->irqs[0] > 0);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), SFAB_INT_PORT);
	assert_int_equal(rd32(rig, SFAB_REG_PORT_EVENT), 1);
	sn_free(sn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_admission),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_target_fault),
		cmocka_unit_test(test_target_memory),
		cmocka_unit_test(test_system_memory),
		cmocka_unit_test(test_revoke),
		cmocka_unit_test(test_revoke_between),
		cmocka_unit_test(test_invalidate),
		cmocka_unit_test(test_reset_inside),
		cmocka_unit_test(test_bad_request),
		cmocka_unit_test(test_wrong_answer),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_port_interrupt),
	};

	return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
