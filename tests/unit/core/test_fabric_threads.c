// SPDX-License-Identifier: MIT
/* Fabric workers that share fibres, and software at their registers all the while. */
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "fabric.h"
#include "fabric_regs.h"
#include "fabric_rig.h"
#include "fibre.h"

#define WORKERS	3
#define PACKETS	30000
#define BYTES	3000

struct worker {
	struct sfab_fabric *fabric;
	struct worker *left, *right;	/* behind port 0, port 1 */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool kicked, stop;
	unsigned int rings;
	uint16_t eid;
	/* The endpoint, by the worker. */
	uint32_t psn, expected, answered;
	atomic_bool done;
};

static uint64_t now(void *opaque)
{
	struct timespec ts;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void kick(void *opaque)
{
	struct worker *w = opaque;

	pthread_mutex_lock(&w->lock);
	w->kicked = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

static void ring(void *opaque, unsigned int port, unsigned int path)
{
	struct worker *w = opaque;

	(void)path;
	w->rings++;
	kick(port ? w->right : w->left);
}

static void port_event(void *opaque, unsigned int port)
{
	(void)opaque;
	(void)port;
}

static void mgmt_event(void *opaque)
{
	(void)opaque;
}

static const struct sfab_fabric_ops ops = {
	.wake = kick, .ring = ring, .now = now, .port_event = port_event,
	.mgmt_event = mgmt_event,
};

static bool deliver(void *opaque, const struct sfab_packet *packet, const void *payload)
{
	struct worker *w = opaque;
	struct sfab_packet done = {
		.version = SFAB_PACKET_VERSION, .type = SFAB_PKT_DONE,
		.class_vc = SFAB_CLASS_RESPONSE, .dst = packet->src, .src = w->eid,
		.psn = packet->psn,
	};
	struct sfab_slot slot;

	if (packet->type == SFAB_PKT_DONE) {
		assert_int_equal(packet->psn, w->answered);
		w->answered++;
		w->done = w->answered == PACKETS;
		return true;
	}
	if (sfab_fabric_reserve(w->fabric, &done, &slot))
		return false;
	assert_int_equal(packet->psn, w->expected);
	assert_int_equal(((const uint32_t *)payload)[BYTES / 4 - 1], packet->psn);
	w->expected++;
	sfab_fabric_commit(w->fabric, &done, &slot);
	return true;
}

/* The first sends to the last. */
static bool work(void *opaque, uint64_t *due)
{
	struct worker *w = opaque;
	struct sfab_packet packet = {
		.version = SFAB_PACKET_VERSION, .type = SFAB_PKT_WRITE,
		.class_vc = SFAB_CLASS_REQUEST, .dst = WORKERS, .src = w->eid,
		.psn = w->psn, .payload = BYTES,
	};
	struct sfab_slot slot;

	(void)due;
	if (w->left || w->psn == PACKETS ||
	    sfab_fabric_reserve(w->fabric, &packet, &slot))
		return false;
	for (unsigned int i = 0; i < BYTES / 4; i++)
		((uint32_t *)slot.payload)[i] = w->psn;
	sfab_fabric_commit(w->fabric, &packet, &slot);
	w->psn++;
	return true;
}

static const struct sfab_sink sink = { .deliver = deliver, .work = work };

/* As a worker of QEMU does it: run; else tell that we sleep, and sleep. */
static void *run(void *arg)
{
	struct worker *w = arg;
	struct timespec until;
	enum sfab_run how;
	uint64_t due;
	bool asleep;

	for (;;) {
		how = sfab_fabric_run(w->fabric, &due);
		asleep = how != SFAB_RUN_MORE && sfab_fabric_sleep(w->fabric, true);
		if (!asleep) {
			pthread_mutex_lock(&w->lock);
		} else {
			clock_gettime(CLOCK_REALTIME, &until);
			/* Nothing may depend on this but what is due. */
			until.tv_nsec += how == SFAB_RUN_POLL ? 1000000 : 0;
			until.tv_sec += (how == SFAB_RUN_POLL ? 0 : 100) +
					until.tv_nsec / 1000000000;
			until.tv_nsec %= 1000000000;
			pthread_mutex_lock(&w->lock);
			while (!w->kicked && !w->stop &&
			       !pthread_cond_timedwait(&w->cond, &w->lock, &until))
				;
		}
		w->kicked = false;
		if (w->stop)
			break;
		pthread_mutex_unlock(&w->lock);
		if (asleep)
			sfab_fabric_sleep(w->fabric, false);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void software(struct sfab_fabric *fabric, unsigned int i)
{
	static const uint64_t offsets[] = {
		0x48, 0x58, 0x5c, 0x68, 0x228, 0x90000, 0x90004, 0x9000c, 0x90010,
		0x90100, 0x90108, 0x90110, 0x90404, 0xa0008, 0xe0100, 0xe0204,
	};
	unsigned int n = sizeof(offsets) / sizeof(offsets[0]);
	uint64_t value;

	for (unsigned int o = 0; o < n; o++)
		assert_true(sfab_fabric_read(fabric, offsets[o], 4, &value));
	/* None of these disturbs traffic. */
	sfab_fabric_write(fabric, 0x228, 0xf, 4);
	sfab_fabric_write(fabric, 0x6c, 1 + i % 100, 4);
	sfab_fabric_write(fabric, 0x70, 1000 + i % 100, 4);
	sfab_fabric_write(fabric, 0x60, i, 8);
	sfab_fabric_write(fabric, 0xa0000 + 8 * (20 + i % 20), i, 8);
	sfab_fabric_write(fabric, 0x90800, i % 2 ? 3 : 0, 4);
	for (unsigned int w = 0; w < 64; w++)
		sfab_fabric_write(fabric, 0xe0000 + 4 * w, 0, 4);
	/* Version 1, GET, NODE. */
	sfab_fabric_write(fabric, 0xe0000, 1 << 16 | 1 << 8 | 1, 4);
	sfab_fabric_write(fabric, 0xe001c, 1u << 16, 4);	/* dst: EID 1 */
	sfab_fabric_write(fabric, 0xe0200, 1, 4);
	sfab_fabric_write(fabric, 0xe0200, 2, 4);
}

static void make(struct worker *w, unsigned int i)
{
	struct sfab_fabric_config config = {
		.kind = SFAB_KIND_ACCEL, .ports = 4, .paths = 1, .eids = 64, .lanes = 8,
		.lane_rate = 112, .seed = i,
		/* A damaged packet goes by no short cut. */
		.crc_errors = getenv("NEAR") ? 0 : 10000,
	};
	const char *why;

	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->cond, NULL);
	w->eid = i + 1;
	w->fabric = sfab_fabric_create_with(&config, &ops, w, &sink, w, &why);
	assert_non_null(w->fabric);
	sfab_fabric_write(w->fabric, SFAB_REG_EID, i + 1, 4);
	for (unsigned int e = 1; e <= WORKERS; e++)
		sfab_fabric_write(w->fabric, SFAB_ROUTE_BASE + 8 * e,
				  CANDIDATE(e > i + 1, 0, 1), 8);
}

static void workers_and_software(void **state)
{
	struct worker w[WORKERS] = { 0 };
	void *fibre[WORKERS - 1][2];
	uint64_t start = now(NULL);

	(void)state;
	for (unsigned int i = 0; i < WORKERS; i++) {
		w[i].left = i ? &w[i - 1] : NULL;
		w[i].right = i + 1 < WORKERS ? &w[i + 1] : NULL;
		make(&w[i], i);
	}
	for (unsigned int i = 0; i + 1 < WORKERS; i++) {
		fibre_new(fibre[i]);
		sfab_fabric_attach(w[i].fabric, 1, 0, fibre[i][0], 0);
		sfab_fabric_attach(w[i + 1].fabric, 0, 0, fibre[i][1], 1);
	}
	for (unsigned int i = 0; i < WORKERS; i++)
		pthread_create(&w[i].thread, NULL, run, &w[i]);
	for (unsigned int i = 0; !w[0].done || i < 200; i++) {
		for (unsigned int n = 0; n < WORKERS; n++)
			software(w[n].fabric, i);
		assert_true(now(NULL) - start < 60000000000ull);
		usleep(1000);
	}
	for (unsigned int i = 0; i < WORKERS; i++) {
		pthread_mutex_lock(&w[i].lock);
		w[i].stop = true;
		pthread_cond_signal(&w[i].cond);
		pthread_mutex_unlock(&w[i].lock);
		pthread_join(w[i].thread, NULL);
	}
	assert_int_equal(w[WORKERS - 1].expected, PACKETS);
	for (unsigned int i = 0; i < WORKERS; i++)
		sfab_fabric_destroy(w[i].fabric);
	for (unsigned int i = 0; i + 1 < WORKERS; i++)
		fibre_free(fibre[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_and_software),
	};

	return cmocka_run_group_tests_name("fabric_threads", tests, NULL, NULL);
}
