// SPDX-License-Identifier: MIT
/*
 * Engines on their own threads, a driver or two on others, the real clock. Runs
 * under ThreadSanitizer too, which sees any access of the device that an
 * invalidation, a stop or a reset should have ended.
 */
#include <semaphore.h>
#include <time.h>

#include "rig.h"

static void engines(struct sfab_config *c)
{
	c->engines = 2;
}

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void nap(void)
{
	struct timespec ts = { .tv_nsec = 20000 };

	nanosleep(&ts, NULL);
}

/* Wait at most 20 s (sanitizers and a busy machine are slow). */
#define UNTIL(condition) do {						\
		uint64_t start_ = clock_ns();				\
									\
		while (!(condition)) {					\
			if (clock_ns() - start_ > 20000000000ull)	\
				fail_msg("never: %s", #condition);	\
			nap();						\
		}							\
	} while (0)

static uint64_t seen(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void set_entry(struct rig *rig, uint64_t va, uint64_t entry)
{
	uint64_t *slot = rig_entry(rig, 0, va, 0);

	__atomic_store_n(slot, entry, __ATOMIC_RELAXED);
}

static struct rig *setup(void)
{
	struct rig *rig = rig_with(engines);

	rig_map_all(rig, 0);
	for (unsigned int q = 0; q < 4; q++)
		rig_queue(rig, q, 0);
	rig_start(rig);
	return rig;
}

/* ---- drivers ---- */

struct driver {
	struct rig *rig;
	unsigned int q;
	unsigned int commands;
	pthread_t thread;
};

/*
 * Keep a queue full: a slot is used again as soon as the timeline says so. Each
 * command adds 1 to one word that all queues and a CPU share.
 */
static void *drive(void *arg)
{
	struct driver *d = arg;
	uint32_t tail = 0;

	while (tail < d->commands) {
		struct cmd c = {
			.opcode = SFAB_CMD_ATOMIC, .dtype = 8, .arg0 = 1,
			.dst = VA_SYS + SYS_DATA,
			.flags = SFAB_CMD_COMPLETE |
				 (tail % 3 ? 0 : SFAB_CMD_IRQ),
			.timeline = tail + 1,
		};

		if (tail - seen(rig_timeline(d->rig, d->q)) == 16) {
			nap();
			continue;
		}
		rig_put(d->rig, d->q, tail, &c);
		wr32(d->rig, DOORBELL(d->q), ++tail);
	}
	return NULL;
}

static void test_shared_counter(void **state)
{
	struct rig *rig = setup();
	uint64_t *word = (uint64_t *)(rig->sys + SYS_DATA);
	struct driver d[4];

	(void)state;
	for (unsigned int q = 0; q < 4; q++) {
		d[q] = (struct driver) { rig, q, 1500, 0 };
		pthread_create(&d[q].thread, NULL, drive, &d[q]);
	}
	for (unsigned int i = 0; i < 10000; i++)
		__atomic_fetch_add(word, 1, __ATOMIC_RELAXED);
	for (unsigned int q = 0; q < 4; q++) {
		pthread_join(d[q].thread, NULL);
		UNTIL(rd32(rig, Q_REG(q, Q_HEAD)) == 1500);
		assert_int_equal(rd32(rig, Q_REG(q, Q_FAULT)), 0);
	}
	assert_int_equal(seen(word), 16000);
	assert_int_equal(rd64(rig, SFAB_REG_COUNTER_0), 6000);
	rig_free(rig);
}

/*
 * Ordering: data copied by one queue, its completion flag waited for by another
 * queue, which copies it on; a CPU starts it and checks the end.
 */
static void test_pipeline(void **state)
{
	struct rig *rig = setup();
	uint64_t *go = (uint64_t *)(rig->sys + SYS_DATA);
	uint8_t *out = rig->sys + SYS_DATA + MIB;

	(void)state;
	for (uint64_t round = 1; round <= 60; round++) {
		struct cmd wait_go = {
			.opcode = SFAB_CMD_WAIT, .dtype = 8, .op = SFAB_WAIT_GE,
			.src = VA_SYS + SYS_DATA, .arg0 = round, .arg1 = ~0ull,
		};
		struct cmd fill = {
			.opcode = SFAB_CMD_FILL, .dtype = 8, .arg0 = round,
			.dst = VA_HBM + 2 * MIB, .len = 128 * KIB,
		};
		struct cmd flag = {
			.opcode = SFAB_CMD_WRITE, .dtype = 8, .arg0 = round,
			.dst = VA_PEER,
		};
		struct cmd wait_flag = {
			.opcode = SFAB_CMD_WAIT, .dtype = 8, .op = SFAB_WAIT_EQ,
			.src = VA_PEER, .arg0 = round, .arg1 = ~0ull,
			.arg2 = 20000000000ull,
		};
		struct cmd copy = {
			.opcode = SFAB_CMD_COPY, .dst = VA_SYS + SYS_DATA + MIB,
			.src = VA_HBM + 2 * MIB, .len = 128 * KIB,
			.flags = SFAB_CMD_COMPLETE, .timeline = round,
		};

		rig_submit(rig, 1, &wait_flag);
		rig_submit(rig, 1, &copy);
		rig_submit(rig, 0, &wait_go);
		rig_submit(rig, 0, &fill);
		rig_submit(rig, 0, &flag);
		__atomic_store_n(go, round, __ATOMIC_RELEASE);
		UNTIL(seen(rig_timeline(rig, 1)) == round);
		for (unsigned int i = 0; i < 128 * KIB; i += 8)
			assert_int_equal(*(uint64_t *)(out + i), round);
	}
	rig_free(rig);
}

/* A WAIT reacts within its 100 us, give or take a loaded machine. */
static void test_wait_wakes_up(void **state)
{
	struct rig *rig = setup();
	struct cmd wait = {
		.opcode = SFAB_CMD_WAIT, .dtype = 8, .op = SFAB_WAIT_NE,
		.src = VA_SYS + SYS_DATA, .arg1 = ~0ull,
		.flags = SFAB_CMD_COMPLETE, .timeline = 1,
	};
	uint64_t *word = (uint64_t *)(rig->sys + SYS_DATA);

	(void)state;
	rig_submit(rig, 0, &wait);
	UNTIL(rd32(rig, Q_REG(0, Q_STATUS)) & SFAB_Q_STATUS_WAITING);
	/* Meanwhile both engines are free for others. */
	for (unsigned int i = 0; i < 50; i++) {
		struct cmd c = {
			.opcode = SFAB_CMD_WRITE, .dtype = 8, .arg0 = i,
			.dst = VA_HBM + 2 * MIB, .flags = SFAB_CMD_COMPLETE,
			.timeline = i + 1,
		};

		rig_submit(rig, 1 + i % 2, &c);
		UNTIL(seen(rig_timeline(rig, 1 + i % 2)) == i + 1);
	}
	assert_int_equal(rd32(rig, Q_REG(0, Q_HEAD)), 0);
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	UNTIL(seen(rig_timeline(rig, 0)) == 1);

	wait.op = SFAB_WAIT_EQ;
	wait.arg2 = 3000000;
	rig_submit(rig, 0, &wait);
	UNTIL(rd32(rig, Q_REG(0, Q_FAULT)));
	assert_int_equal(rd32(rig, Q_REG(0, Q_FAULT)) & 0xff,
			 SFAB_FAULT_WAIT_TIMEOUT);
	rig_free(rig);
}

/* ---- stopping ---- */

static void keep_busy(struct rig *rig, unsigned int q)
{
	for (unsigned int i = 0; i < 8; i++) {
		struct cmd c = {
			.opcode = SFAB_CMD_COPY, .src = VA_HBM + 2 * MIB,
			.dst = (q % 2 ? VA_SYS + SYS_DATA : VA_HBM + 4 * MIB) +
			       q / 2 * MIB,
			.len = 700 * KIB, .flags = SFAB_CMD_COMPLETE | SFAB_CMD_IRQ,
			.timeline = i + 1,
		};

		rig_submit(rig, q, &c);
	}
}

/*
 * When RESETTING is over the device is out of all memory: plain stores to what
 * it was reading and writing race with nobody.
 */
static void test_reset_under_load(void **state)
{
	struct rig *rig = setup();

	(void)state;
	wr32(rig, SFAB_REG_INT_ENABLE, 0xf);
	for (unsigned int round = 0; round < 40; round++) {
		for (unsigned int q = 0; q < 4; q++)
			keep_busy(rig, q);
		if (round % 2)
			nap();
		if (round % 3)
			wr32(rig, SFAB_REG_RESET, SFAB_RESET_MAGIC);
		else
			sfab_core_reset(rig->core, SFAB_RESET_FLR);
		UNTIL(rd32(rig, SFAB_REG_STATUS) == SFAB_STATUS_READY);
		memset(rig->sys, round, 4 * 2 * PAGE);
		memset(rig->hbm + 2 * MIB, round, 6 * MIB);
		memset(rig->sys + SYS_DATA, round, 2 * MIB);
		assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS),
				 round % 3 ? SFAB_INT_RESET : 0);
		wr64(rig, VM_REG(0, VM_ROOT), rig->roots[0] | 1);
		wr32(rig, SFAB_REG_INT_ENABLE, 0xf);
		for (unsigned int q = 0; q < 4; q++)
			rig_queue(rig, q, 0);
	}
	rig_free(rig);
}

static void test_queue_reset_under_load(void **state)
{
	struct rig *rig = setup();

	(void)state;
	keep_busy(rig, 1);
	for (unsigned int round = 0; round < 100; round++) {
		keep_busy(rig, 0);
		if (round % 2)
			nap();
		wr32(rig, Q_REG(0, Q_CTRL),
		     round % 3 ? SFAB_Q_CTRL_RESET : 0);
		UNTIL(!(rd32(rig, Q_REG(0, Q_STATUS)) & SFAB_Q_STATUS_BUSY));
		/* Its ring, timeline and destination are ours again. */
		memset(rig->sys, 0xff, 2 * PAGE);
		memset(rig->hbm + 4 * MIB, 0xff, 700 * KIB);
		rig_queue(rig, 0, 0);
	}
	/* The other queue did not notice. */
	UNTIL(seen(rig_timeline(rig, 1)) == 8);
	rig_free(rig);
}

/*
 * Pages are taken away and given back under running copies; between VM_INV_DONE
 * and the new mapping they belong to somebody else, who writes to them.
 */
static void test_unmap_under_load(void **state)
{
	const uint64_t victim = VA_HBM + 4 * MIB + 300 * KIB;
	struct rig *rig = setup();
	unsigned int faults = 0;

	(void)state;
	for (uint32_t round = 1; round <= 100; round++) {
		uint64_t page = 4 * MIB + 300 * KIB;

		keep_busy(rig, 0);
		keep_busy(rig, 1);
		if (round % 2)
			nap();
		set_entry(rig, victim, 0);
		wr32(rig, VM_REG(0, VM_INV), round);
		UNTIL(rd32(rig, VM_REG(0, VM_INV_DONE)) == round);
		memset(rig->hbm + page, round, PAGE);
		for (uint64_t i = 0; i < PAGE; i++)
			assert_int_equal(rig->hbm[page + i], (uint8_t)round);
		UNTIL((rd32(rig, Q_REG(0, Q_STATUS)) &
		       (SFAB_Q_STATUS_HALTED | SFAB_Q_STATUS_IDLE)));
		UNTIL(rd32(rig, Q_REG(1, Q_STATUS)) & SFAB_Q_STATUS_IDLE);
		faults += rd32(rig, Q_REG(0, Q_FAULT)) != 0;
		set_entry(rig, victim, HBM_PTE(RW) | page);
		rig_queue(rig, 0, 0);
		rig_queue(rig, 1, 0);
	}
	assert_true(faults > 0);
	rig_free(rig);
}

/* ---- two slices that overlap crosswise ---- */

struct gate {
	sem_t inside[2], leave[2];
	atomic_uint arrivals;
};

static void hold(struct rig *rig)
{
	struct gate *g = rig->private;
	unsigned int n = g->arrivals++;

	if (n > 1)
		return;
	sem_post(&g->inside[n]);
	sem_wait(&g->leave[n]);
}

/*
 * The first slice begins before invalidation 1, the second after it and before
 * 2. When the first ends 1 is complete, although the second is in flight.
 */
static void test_invalidations_crossed(void **state)
{
	struct rig *rig = setup();
	struct cmd c = {
		.opcode = SFAB_CMD_WRITE, .dtype = 8, .dst = VA_HBM + 2 * MIB,
	};
	struct gate g = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		sem_init(&g.inside[i], 0, 0);
		sem_init(&g.leave[i], 0, 0);
	}
	rig->private = &g;
	pthread_mutex_lock(&rig->bql);
	rig->on_written = hold;
	pthread_mutex_unlock(&rig->bql);

	rig_submit(rig, 0, &c);
	sem_wait(&g.inside[0]);
	wr32(rig, VM_REG(0, VM_INV), 101);
	c.dst += 8;
	rig_submit(rig, 1, &c);
	sem_wait(&g.inside[1]);
	wr32(rig, VM_REG(0, VM_INV), 7);
	assert_int_equal(rd32(rig, VM_REG(0, VM_INV_DONE)), 0);

	sem_post(&g.leave[0]);
	UNTIL(rd32(rig, VM_REG(0, VM_INV_DONE)) == 101);
	assert_int_equal(rd32(rig, SFAB_REG_INT_STATUS), SFAB_INT_INVALIDATE);
	assert_true(rd32(rig, Q_REG(1, Q_STATUS)) & SFAB_Q_STATUS_BUSY);
	sem_post(&g.leave[1]);
	UNTIL(rd32(rig, VM_REG(0, VM_INV_DONE)) == 7);
	rig_free(rig);
}

/* ---- pause ---- */

static void test_pause_under_load(void **state)
{
	struct sfab_state *saved = test_calloc(1, sizeof(*saved));
	struct rig *rig = setup();

	(void)state;
	for (unsigned int round = 0; round < 30; round++) {
		for (unsigned int q = 0; q < 4; q++)
			keep_busy(rig, q);
		for (unsigned int n = 0; n < 5; n++) {
			sfab_core_pause(rig->core, true);
			UNTIL(!sfab_core_busy(rig->core));
			sfab_core_save(rig->core, saved);
			/* Nobody writes to memory now. */
			memset(rig->hbm + 4 * MIB, n, 2 * MIB);
			sfab_core_pause(rig->core, false);
		}
		for (unsigned int q = 0; q < 4; q++) {
			UNTIL(seen(rig_timeline(rig, q)) == 8);
			UNTIL(rd32(rig, Q_REG(q, Q_STATUS)) &
			      SFAB_Q_STATUS_IDLE);
			*rig_timeline(rig, q) = 0;
			rig_queue(rig, q, 0);
		}
	}
	test_free(saved);
	rig_free(rig);
}

/* Registers hammered from two threads while engines work. */
static void *hammer(void *arg)
{
	struct driver *d = arg;
	uint64_t seed = d->q + 5;

	for (unsigned int i = 0; i < 20000; i++) {
		uint64_t r = rig_random(&seed);

		switch (r % 7) {
		case 0:
			wr32(d->rig, DOORBELL(2 + d->q), r >> 16 & 31);
			break;
		case 1:
			wr32(d->rig, Q_REG(2 + d->q, Q_CTRL), r >> 16 & 3);
			break;
		case 2:
			wr32(d->rig, VM_REG(0, VM_INV), r >> 16);
			break;
		case 3:
			wr64(d->rig, SFAB_REG_QUEUE_EVENT_0, r);
			break;
		case 4:
			wr32(d->rig, SFAB_REG_CTRL, (r >> 16) % 4 != 0);
			break;
		default:
			rd32(d->rig, (r >> 16) % 0x5000 & ~3ull);
		}
	}
	return NULL;
}

static void test_hammer(void **state)
{
	struct rig *rig = setup();
	struct driver d[2];

	(void)state;
	rig_fill_random(rig->sys + rig_ring(2), PAGE, 1);
	rig_fill_random(rig->sys + rig_ring(3), PAGE, 2);
	keep_busy(rig, 0);
	keep_busy(rig, 1);
	for (unsigned int i = 0; i < 2; i++) {
		d[i] = (struct driver) { rig, i, 0, 0 };
		pthread_create(&d[i].thread, NULL, hammer, &d[i]);
	}
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(d[i].thread, NULL);
	wr32(rig, SFAB_REG_CTRL, SFAB_CTRL_ENABLE);
	UNTIL(seen(rig_timeline(rig, 0)) == 8);
	UNTIL(seen(rig_timeline(rig, 1)) == 8);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shared_counter),
		cmocka_unit_test(test_pipeline),
		cmocka_unit_test(test_wait_wakes_up),
		cmocka_unit_test(test_reset_under_load),
		cmocka_unit_test(test_queue_reset_under_load),
		cmocka_unit_test(test_unmap_under_load),
		cmocka_unit_test(test_invalidations_crossed),
		cmocka_unit_test(test_pause_under_load),
		cmocka_unit_test(test_hammer),
	};

	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
