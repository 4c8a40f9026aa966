// SPDX-License-Identifier: MIT
/* Commands with FABRIC operands: every operation, every mixture, right to the byte. */
#include <stdlib.h>

#include "internal.h"
#include "supernode.h"

#define NUM_PLACES	6
#define PLACE_SIZE	(2 * MIB)

/* Memory as node 0 sees it. */
struct place {
	const char *name;
	uint64_t va;
	uint8_t *host;
};

static void places(struct supernode *sn, struct place *p)
{
	struct rig *rig = sn->rig[0];

	p[0] = (struct place) { "HBM", VA_HBM + HBM_DATA, rig->hbm + HBM_DATA };
	p[1] = (struct place) { "SYSTEM", VA_SYS + SYS_DATA, rig->sys + SYS_DATA };
	p[2] = (struct place) { "PEER", VA_PEER, rig->peer };
	p[3] = (struct place) { "next", VA_FAR(1), sn->rig[1]->hbm + SHARED };
	p[4] = (struct place) { "last", VA_FAR(2), sn->rig[2]->hbm + SHARED };
	p[5] = (struct place) { "self", VA_FAR(0), rig->hbm + SHARED };
}

static struct supernode *three(struct place *p)
{
	struct supernode *sn = sn_new(3);

	sn_share(sn);
	places(sn, p);
	for (unsigned int i = 0; i < NUM_PLACES; i++)
		rig_fill_random(p[i].host, PLACE_SIZE, i + 1);
	return sn;
}

/* What all places hold, to compare with afterwards. */
struct model {
	uint8_t *bytes[NUM_PLACES];
};

static struct model *model_of(const struct place *p)
{
	struct model *m = malloc(sizeof(*m));

	for (unsigned int i = 0; i < NUM_PLACES; i++) {
		m->bytes[i] = malloc(PLACE_SIZE);
		memcpy(m->bytes[i], p[i].host, PLACE_SIZE);
	}
	return m;
}

static void compare(const struct model *m, const struct place *p)
{
	for (unsigned int i = 0; i < NUM_PLACES; i++)
		assert_memory_equal(m->bytes[i], p[i].host, PLACE_SIZE);
}

static void forget(struct model *m)
{
	for (unsigned int i = 0; i < NUM_PLACES; i++)
		free(m->bytes[i]);
	free(m);
}

/* Between all ordered pairs of places, at odd offsets, of sizes around every limit. */
static void test_copy(void **state)
{
	static const uint64_t sizes[] = {
		1, 7, 8, 63, 4096, 4097, SFAB_MTU - 1, SFAB_MTU, SFAB_MTU + 1,
		300001, MIB,
	};
	struct place p[NUM_PLACES];
	struct supernode *sn = three(p);
	struct model *m = model_of(p);
	uint64_t random = 1;

	(void)state;
	for (unsigned int d = 0; d < NUM_PLACES; d++)
		for (unsigned int s = 0; s < NUM_PLACES; s++) {
			uint64_t size = sizes[(d * NUM_PLACES + s) %
					      (sizeof(sizes) / sizeof(sizes[0]))];
			uint64_t to = rig_random(&random) % 9000;
			uint64_t from = rig_random(&random) % 9000;

			if (d == s)
				to += MIB;	/* no overlap */
			if (d == s && size == MIB)
				size -= 9000;
			sn_do(sn, sn->rig[0], &(struct cmd) {
				.opcode = SFAB_CMD_COPY, .dst = p[d].va + to,
				.src = p[s].va + from, .len = size,
			});
			memcpy(m->bytes[d] + to, m->bytes[s] + from, size);
			compare(m, p);
		}
	forget(m);
	sn_free(sn);
}

static void test_every_size(void **state)
{
	struct place p[NUM_PLACES];
	struct supernode *sn = three(p);
	struct model *m = model_of(p);

	(void)state;
	for (uint64_t size = 1; size <= 200; size++) {
		uint64_t to = size * 211, from = size * 197 + 3;

		sn_do(sn, sn->rig[0], &(struct cmd) {
			.opcode = SFAB_CMD_COPY, .dst = p[3].va + to,
			.src = p[0].va + from, .len = size,
		});
		memcpy(m->bytes[3] + to, m->bytes[0] + from, size);
		sn_do(sn, sn->rig[0], &(struct cmd) {
			.opcode = SFAB_CMD_COPY, .dst = p[1].va + from,
			.src = p[3].va + to, .len = size,
		});
		memcpy(m->bytes[1] + from, m->bytes[3] + to, size);
	}
	compare(m, p);
	forget(m);
	sn_free(sn);
}

static void test_copy_2d(void **state)
{
	static const struct {
		uint64_t len, rows, dst_pitch, src_pitch;
	} shapes[] = {
		{ 1, 5, 1, 3 }, { 100, 50, 100, 5000 }, { 100, 50, 5000, 100 },
		{ 4096, 9, 8192, 4096 }, { 5000, 30, 5001, 5003 },
		{ 70000, 5, 70001, 90000 }, { 16, 300, 64, 16 },
	};
	struct place p[NUM_PLACES];
	struct supernode *sn = three(p);
	struct model *m = model_of(p);

	(void)state;
	for (unsigned int i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (unsigned int pair = 0; pair < 5; pair++) {
			static const unsigned int pairs[5][2] = {
				{ 3, 0 }, { 1, 3 }, { 4, 3 }, { 3, 5 }, { 2, 4 },
			};
			unsigned int d = pairs[pair][0], s = pairs[pair][1];

			sn_do(sn, sn->rig[0], &(struct cmd) {
				.opcode = SFAB_CMD_COPY_2D, .dst = p[d].va + 33,
				.src = p[s].va + 4091, .len = shapes[i].len,
				.arg0 = shapes[i].rows, .arg1 = shapes[i].dst_pitch,
				.arg2 = shapes[i].src_pitch,
			});
			for (uint64_t r = 0; r < shapes[i].rows; r++)
				memcpy(m->bytes[d] + 33 + r * shapes[i].dst_pitch,
				       m->bytes[s] + 4091 + r * shapes[i].src_pitch,
				       shapes[i].len);
			compare(m, p);
		}
	forget(m);
	sn_free(sn);
}

/* Pages of all kinds in turn: requests are cut where the kind changes. */
static void test_patchwork(void **state)
{
	const uint64_t va_dst = 0x600000000000ull, va_src = 0x610000000000ull;
	struct place p[NUM_PLACES];
	struct supernode *sn = three(p);
	struct rig *rig = sn->rig[0];
	const uint64_t bus[NUM_PLACES] = {
		HBM_DATA, SYS_BUS + SYS_DATA, PEER_BUS, FAR_ADDR(1), FAR_ADDR(2),
		FAR_ADDR(0),
	};
	const uint64_t pte[NUM_PLACES] = {
		HBM_PTE(RW), SYS_PTE(RW), PEER_PTE(RW), FABRIC_PTE(RW),
		FABRIC_PTE(RW), FABRIC_PTE(RW),
	};
	struct model *m = model_of(p);
	uint64_t random = 5;
	const unsigned int pages = 128;
	unsigned int to[128], from[128];

	(void)state;
	for (unsigned int i = 0; i < pages; i++) {
		to[i] = rig_random(&random) % NUM_PLACES;
		from[i] = rig_random(&random) % NUM_PLACES;
		rig_map(rig, 0, va_dst + i * PAGE, bus[to[i]] + i * PAGE, PAGE,
			pte[to[i]]);
		rig_map(rig, 0, va_src + i * PAGE, bus[from[i]] + MIB + i * PAGE,
			PAGE, pte[from[i]]);
	}
	for (unsigned int reduce = 0; reduce < 2; reduce++) {
		uint64_t start = reduce ? 8 : 13, len = pages * PAGE - 48;

		sn_do(sn, rig, &(struct cmd) {
			.opcode = reduce ? SFAB_CMD_REDUCE : SFAB_CMD_COPY,
			.dst = va_dst + start, .src = va_src + start, .len = len,
		});
		for (uint64_t i = start; i < start + len; i += reduce ? 4 : 1) {
			uint8_t *d = m->bytes[to[i / PAGE]] + i;
			uint8_t *s = m->bytes[from[i / PAGE]] + MIB + i;
			uint32_t a, b;

			if (reduce) {
				memcpy(&a, d, 4);
				memcpy(&b, s, 4);
				a += b;
				memcpy(d, &a, 4);
			} else {
				*d = *s;
			}
		}
		compare(m, p);
	}
	sn_do(sn, rig, &(struct cmd) {
		.opcode = SFAB_CMD_FILL, .dtype = 4, .dst = va_dst + 3,
		.len = 100 * PAGE, .arg0 = 0x44332211,
	});
	for (uint64_t i = 0; i < 100 * PAGE; i++)
		m->bytes[to[(i + 3) / PAGE]][i + 3] = 0x11 * (i % 4 + 1);
	compare(m, p);
	forget(m);
	sn_free(sn);
}

static void test_fill(void **state)
{
	struct place p[NUM_PLACES];
	struct supernode *sn = three(p);
	struct model *m = model_of(p);
	const uint64_t pattern = 0x8877665544332211ull;

	(void)state;
	for (unsigned int width = 1; width <= 8; width *= 2) {
		uint64_t len = 150000 * width, at = width * 3 + 1;

		sn_do(sn, sn->rig[0], &(struct cmd) {
			.opcode = SFAB_CMD_FILL, .dtype = width, .dst = p[4].va + at,
			.len = len,
			.arg0 = width == 8 ? pattern : pattern & ((1ull << 8 * width) - 1),
		});
		for (uint64_t i = 0; i < len; i++)
			m->bytes[4][at + i] = 0x11 * (i % width + 1);
		compare(m, p);
	}
	forget(m);
	sn_free(sn);
}

static void test_reduce(void **state)
{
	struct place p[NUM_PLACES];
	struct supernode *sn = three(p);
	struct model *m = model_of(p);

	(void)state;
	for (unsigned int d = 0; d < NUM_PLACES; d++)
		for (unsigned int s = 0; s < NUM_PLACES; s++) {
			unsigned int dtype = (d + s) % 4, op = (d + 2 * s) % 3;
			uint64_t to = 8 + (d == s) * MIB, from = 4, len = 200000;

			sn_do(sn, sn->rig[0], &(struct cmd) {
				.opcode = SFAB_CMD_REDUCE, .dtype = dtype, .op = op,
				.dst = p[d].va + to, .src = p[s].va + from,
				.len = len,
			});
			sfab_reduce(m->bytes[d] + to, m->bytes[s] + from, len, dtype,
				    op);
			compare(m, p);
		}
	forget(m);
	sn_free(sn);
}

static void test_atomic(void **state)
{
	struct place p[NUM_PLACES];
	struct supernode *sn = three(p);
	struct rig *rig = sn->rig[0];
	uint64_t *word = (uint64_t *)(p[3].host + 64);
	uint64_t *old = (uint64_t *)p[0].host;

	(void)state;
	*word = 100;
	sn_do(sn, rig, &(struct cmd) {
		.opcode = SFAB_CMD_ATOMIC, .dtype = 8, .op = SFAB_ATOMIC_ADD,
		.dst = p[3].va + 64, .src = p[0].va, .arg0 = 5,
	});
	assert_int_equal(*word, 105);
	assert_int_equal(*old, 100);
	sn_do(sn, rig, &(struct cmd) {
		.opcode = SFAB_CMD_ATOMIC, .dtype = 8, .op = SFAB_ATOMIC_SWAP,
		.dst = p[3].va + 64, .src = p[0].va, .arg0 = 7,
	});
	assert_int_equal(*word, 7);
	assert_int_equal(*old, 105);
	for (unsigned int i = 0; i < 2; i++)
		sn_do(sn, rig, &(struct cmd) {
			.opcode = SFAB_CMD_ATOMIC, .dtype = 8, .op = SFAB_ATOMIC_CAS,
			.dst = p[3].va + 64, .src = p[0].va, .arg0 = 9, .arg1 = 7,
		});
	assert_int_equal(*word, 9);
	assert_int_equal(*old, 9);	/* of the one that failed */
	/* 32 bits, and no old value wanted. */
	*word = 0xffffffffffffffffull;
	sn_do(sn, rig, &(struct cmd) {
		.opcode = SFAB_CMD_ATOMIC, .dtype = 4, .op = SFAB_ATOMIC_ADD,
		.dst = p[3].va + 68, .arg0 = 2,
	});
	assert_int_equal(*word, 0x00000001ffffffffull);
	assert_int_equal(*old, 9);
	sn_free(sn);
}

static void test_write(void **state)
{
	struct place p[NUM_PLACES];
	struct supernode *sn = three(p);
	struct model *m = model_of(p);
	const uint64_t value = 0x1122334455667788ull;

	(void)state;
	for (unsigned int i = 3; i < NUM_PLACES; i++) {
		sn_do(sn, sn->rig[0], &(struct cmd) {
			.opcode = SFAB_CMD_WRITE, .dtype = 8, .dst = p[i].va + 8,
			.arg0 = value,
		});
		memcpy(m->bytes[i] + 8, &value, 8);
		sn_do(sn, sn->rig[0], &(struct cmd) {
			.opcode = SFAB_CMD_WRITE, .dtype = 4, .dst = p[i].va + 20,
			.arg0 = value,
		});
		memcpy(m->bytes[i] + 20, &value, 4);
		compare(m, p);
	}
	forget(m);
	sn_free(sn);
}

/* NOTIFY in one packet, in one of its own, local, alone; and the completion. */
static void test_notify(void **state)
{
	static const struct {
		unsigned int dst, src, notify;
		uint64_t len;
		unsigned int requests;
	} cases[] = {
		{ 3, 0, 3, 1000, 1 },		/* both in one packet */
		{ 3, 0, 3, 70000, 3 },
		{ 3, 0, 4, 1000, 2 },		/* elsewhere */
		{ 3, 0, 1, 1000, 1 },
		{ 0, 3, 3, 1000, 2 },
		{ 0, 1, 4, 1000, 1 },		/* only the NOTIFY is remote */
		{ 4, 3, 4, 1000, 2 },		/* by a stage */
		{ 3, 0, 4, 0, 1 },		/* nothing but the NOTIFY */
		{ 0, 1, 2, 1000, 0 },
	};
	struct place p[NUM_PLACES];
	struct supernode *sn = three(p);
	struct rig *rig = sn->rig[0];
	struct model *m = model_of(p);

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = 0x1000 + i, at = MIB + 8 * i;
		uint64_t requests = rd64(rig, SFAB_REG_COUNTER_9);

		sn_do(sn, rig, &(struct cmd) {
			.opcode = SFAB_CMD_COPY,
			.flags = SFAB_CMD_NOTIFY | SFAB_CMD_COMPLETE,
			.dst = p[cases[i].dst].va + 3, .src = p[cases[i].src].va + 5,
			.len = cases[i].len, .arg0 = p[cases[i].notify].va + at,
			.arg1 = value, .timeline = value,
		});
		memcpy(m->bytes[cases[i].dst] + 3, m->bytes[cases[i].src] + 5,
		       cases[i].len);
		memcpy(m->bytes[cases[i].notify] + at, &value, 8);
		compare(m, p);
		assert_int_equal(*rig_timeline(rig, 0), value);
		assert_int_equal(rd64(rig, SFAB_REG_COUNTER_9) - requests,
				 cases[i].requests);
	}
	forget(m);
	sn_free(sn);
}

static void test_not_allowed(void **state)
{
	struct place p[NUM_PLACES];
	struct supernode *sn = three(p);
	struct rig *rig = sn->rig[0];
	struct model *m = model_of(p);
	const uint64_t far = p[3].va;

	(void)state;
	sn_fault(sn, rig, &(struct cmd) { .opcode = SFAB_CMD_WAIT, .dtype = 8, .src = far },
		 SFAB_FAULT_APERTURE, SFAB_ACCESS_READ, far);
	sn_fault(sn, rig, &(struct cmd) { .opcode = SFAB_CMD_TIMESTAMP, .dst = far },
		 SFAB_FAULT_APERTURE, SFAB_ACCESS_WRITE, far);
	sn_fault(sn, rig, &(struct cmd) {
			.opcode = SFAB_CMD_ATOMIC, .dtype = 8, .dst = p[0].va,
			.src = far,
		 }, SFAB_FAULT_APERTURE, SFAB_ACCESS_WRITE, far);
	sn_fault(sn, rig, &(struct cmd) {
			.opcode = SFAB_CMD_ATOMIC, .dtype = 8, .dst = far, .src = far,
		 }, SFAB_FAULT_APERTURE, SFAB_ACCESS_WRITE, far);
	/* Rights of the leaf, as for any other. */
	rig_map(rig, 0, VA_FAR(7), FAR_ADDR(1), PAGE, FABRIC_PTE(RO));
	rig_map(rig, 0, VA_FAR(7) + PAGE, FAR_ADDR(1), PAGE, FABRIC_PTE(WO));
	sn_fault(sn, rig, &(struct cmd) {
			.opcode = SFAB_CMD_WRITE, .dtype = 8, .dst = VA_FAR(7),
		 }, SFAB_FAULT_NO_WRITE, SFAB_ACCESS_WRITE, VA_FAR(7));
	sn_fault(sn, rig, &(struct cmd) {
			.opcode = SFAB_CMD_COPY, .dst = p[0].va,
			.src = VA_FAR(7) + PAGE, .len = 8,
		 }, SFAB_FAULT_NO_READ, SFAB_ACCESS_READ, VA_FAR(7) + PAGE);
	/* Nothing is sent before all operands have been checked. */
	sn_fault(sn, rig, &(struct cmd) {
			.opcode = SFAB_CMD_COPY, .dst = far, .src = VA_FAR(6) - 8,
			.len = 8,
		 }, SFAB_FAULT_UNMAPPED, SFAB_ACCESS_READ, VA_FAR(6) - 8);
	sn_fault(sn, rig, &(struct cmd) {
			.opcode = SFAB_CMD_COPY, .flags = SFAB_CMD_NOTIFY | SFAB_CMD_COMPLETE,
			.dst = far, .src = p[0].va, .len = 8, .arg0 = VA_FAR(6),
		 }, SFAB_FAULT_UNMAPPED, SFAB_ACCESS_WRITE, VA_FAR(6));
	sn_fault(sn, rig, &(struct cmd) {
			.opcode = SFAB_CMD_COPY, .flags = SFAB_CMD_NOTIFY | SFAB_CMD_COMPLETE,
			.dst = far, .src = p[0].va, .len = 8, .arg0 = far + 4,
		 }, SFAB_FAULT_BAD_RANGE, SFAB_ACCESS_WRITE, far + 4);
	compare(m, p);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_9), 0);
	forget(m);
	sn_free(sn);
}

/* Imports: not valid, none such, the last page of one and the first of the next. */
static void test_imports(void **state)
{
	const uint64_t va = 0x620000000000ull, last = (1ull << 36) - PAGE;
	struct place p[NUM_PLACES];
	struct supernode *sn = three(p);
	struct rig *rig = sn->rig[0];

	(void)state;
	rig_map(rig, 0, va, FAR_ADDR(8), PAGE, FABRIC_PTE(RW));
	sn_fault(sn, rig, &(struct cmd) { .opcode = SFAB_CMD_WRITE, .dtype = 8, .dst = va },
		 SFAB_FAULT_APERTURE, SFAB_ACCESS_WRITE, va);
	rig_map(rig, 0, va, FAR_ADDR(5), PAGE, FABRIC_PTE(RW));
	sn_fault(sn, rig, &(struct cmd) { .opcode = SFAB_CMD_WRITE, .dtype = 8, .dst = va },
		 SFAB_FAULT_APERTURE, SFAB_ACCESS_WRITE, va);
	wr32(rig, I_REG(1, I_CTRL), 0);
	sn_fault(sn, rig, &(struct cmd) {
			.opcode = SFAB_CMD_WRITE, .dtype = 8, .dst = p[3].va,
		 }, SFAB_FAULT_APERTURE, SFAB_ACCESS_WRITE, p[3].va);

	/* Import 3 ends where its offset is that of node 1's first page. */
	sn_import(rig, 3, 2, 0, SHARED - last);
	sn_import(rig, 4, 3, 0, SHARED);
	rig_map(rig, 0, va, FAR_ADDR(3) + last, PAGE, FABRIC_PTE(RW));
	rig_map(rig, 0, va + PAGE, FAR_ADDR(4), PAGE, FABRIC_PTE(RW));
	sn_do(sn, rig, &(struct cmd) {
		.opcode = SFAB_CMD_COPY, .dst = va, .src = p[0].va, .len = 2 * PAGE,
	});
	assert_memory_equal(p[3].host, p[0].host, PAGE);
	assert_memory_equal(p[4].host, p[0].host + PAGE, PAGE);

	/* Large leaves. */
	sn_import(rig, 1, 2, 0, SHARED);
	rig_map_large(rig, 0, 0x630000000000ull, FAR_ADDR(1), LARGE, FABRIC_PTE(RW));
	rig_fill_random(p[0].host, MIB, 99);
	sn_do(sn, rig, &(struct cmd) {
		.opcode = SFAB_CMD_COPY, .dst = 0x630000000000ull + 4097, .src = p[0].va,
		.len = MIB,
	});
	assert_memory_equal(p[3].host + 4097, p[0].host, MIB);
	sn_free(sn);
}

static void test_counters(void **state)
{
	struct place p[NUM_PLACES];
	struct supernode *sn = three(p);
	struct rig *rig = sn->rig[0];

	(void)state;
	sn_do(sn, rig, &(struct cmd) {
		.opcode = SFAB_CMD_COPY, .dst = p[3].va, .src = p[1].va, .len = 200000,
	});
	sn_do(sn, rig, &(struct cmd) {
		.opcode = SFAB_CMD_COPY, .dst = p[4].va, .src = p[3].va, .len = 100,
	});
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_0), 2);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_1), 0);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_2), 200000);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_8), 200200);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_9), 6);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_10), 0);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_11), 0);
	assert_int_equal(rd64(sn->rig[1], SFAB_REG_COUNTER_12), 5);
	assert_int_equal(rd64(sn->rig[2], SFAB_REG_COUNTER_12), 1);
	assert_int_equal(rd64(sn->rig[1], SFAB_REG_COUNTER_1), 0);
	/* Between 0 and 1 lies nobody; cut that way, it goes through 2. */
	assert_int_equal(rd64(sn->rig[2], SFAB_REG_COUNTER_15), 0);
	sn_cut(sn, 0);
	sn_run(sn, MS);
	sn_do(sn, rig, &(struct cmd) {
		.opcode = SFAB_CMD_WRITE, .dtype = 8, .dst = p[3].va, .arg0 = 3,
	});
	assert_int_equal(rd64(sn->rig[2], SFAB_REG_COUNTER_15), 2);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_8), 200208);
	sn_free(sn);
}

/* A ring full of small commands, of several queues, ends in order and completes. */
static void test_many(void **state)
{
	struct place p[NUM_PLACES];
	struct supernode *sn = three(p);
	struct rig *rig = sn->rig[0];

	(void)state;
	for (unsigned int i = 0; i < 400; i++) {
		unsigned int q = i % 2;

		while (rd32(rig, Q_REG(q, Q_TAIL)) - rd32(rig, Q_REG(q, Q_HEAD)) == 16)
			sn_run(sn, 1000);
		rig_submit(rig, q, &(struct cmd) {
			.opcode = SFAB_CMD_WRITE, .flags = SFAB_CMD_COMPLETE | SFAB_CMD_IRQ,
			.dtype = 8, .dst = p[3 + q].va + 8 * (i % 7), .arg0 = i,
			.timeline = i,
		});
	}
	for (unsigned int q = 0; q < 2; q++) {
		assert_true(sn_wait(sn, rig, q, 100 * MS));
		assert_int_equal(rd32(rig, Q_REG(q, Q_HEAD)), 200);
		assert_int_equal(*rig_timeline(rig, q), 398 + q);
	}
	for (unsigned int i = 393; i < 400; i++) {
		uint64_t newest = 0;

		for (unsigned int k = 0; k < 400; k++)
			if (k % 2 == i % 2 && k % 7 == i % 7)
				newest = k;
		assert_int_equal(*(uint64_t *)(p[3 + i % 2].host + 8 * (i % 7)), newest);
	}
	assert_true(rig->irqs[1] > 0);
	sn_free(sn);
}

/* HBM that was lost, at either end. */
static void test_poison(void **state)
{
	struct place p[NUM_PLACES];
	struct supernode *sn = three(p);
	struct rig *rig = sn->rig[0], *far = sn->rig[1];
	struct model *m = model_of(p);
	const uint64_t at = 70000 - 70000 % 64;
	struct cmd read = {
		.opcode = SFAB_CMD_COPY, .dst = p[0].va, .src = p[3].va + at + 64 - 1,
		.len = 1,
	};

	(void)state;
	assert_int_equal(sfab_core_poison(far->core, SHARED + at + 5), 0);
	sn_status(sn, rig, &read, SFAB_STATUS_POISONED, SFAB_ACCESS_READ, read.src);
	sn_status(sn, rig, &(struct cmd) {
			.opcode = SFAB_CMD_REDUCE, .dst = p[3].va + at, .src = p[0].va,
			.len = 64,
		  }, SFAB_STATUS_POISONED, SFAB_ACCESS_WRITE, p[3].va + at);
	sn_status(sn, rig, &(struct cmd) {
			.opcode = SFAB_CMD_ATOMIC, .dtype = 4, .dst = p[3].va + at + 60,
		  }, SFAB_STATUS_POISONED, SFAB_ACCESS_WRITE, p[3].va + at + 60);
	compare(m, p);
	/* Its neighbours are as they were. */
	read.src = p[3].va + at - 1;
	sn_do(sn, rig, &read);
	read.src = p[3].va + at + 64;
	sn_do(sn, rig, &read);
	/* A part does not heal it, the whole does. */
	sn_do(sn, rig, &(struct cmd) {
		.opcode = SFAB_CMD_FILL, .dtype = 1, .dst = p[3].va + at, .len = 63,
	});
	read.src = p[3].va + at;
	sn_status(sn, rig, &read, SFAB_STATUS_POISONED, SFAB_ACCESS_READ, read.src);
	sn_do(sn, rig, &(struct cmd) {
		.opcode = SFAB_CMD_FILL, .dtype = 1, .dst = p[3].va + at, .len = 64,
	});
	sn_do(sn, rig, &read);

	/* Our own source: an engine sees it first. */
	assert_int_equal(sfab_core_poison(rig->core, HBM_DATA + 130), 0);
	sn_fault(sn, rig, &(struct cmd) {
			.opcode = SFAB_CMD_COPY, .dst = p[3].va, .src = p[0].va,
			.len = 200,
		 }, SFAB_FAULT_POISON, SFAB_ACCESS_READ, p[0].va + 128);
	forget(m);
	sn_free(sn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_copy_2d),
		cmocka_unit_test(test_patchwork),
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_reduce),
		cmocka_unit_test(test_atomic),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_not_allowed),
		cmocka_unit_test(test_imports),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_poison),
	};

	return cmocka_run_group_tests_name("remote", tests, NULL, NULL);
}
