// SPDX-License-Identifier: MIT
/*
 * A partner that stores whatever it likes into the fibre. The device has the memory
 * with no rights but those that the protocol gives it, and nothing around it: a write
 * that it may not make ends the test.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crc32c.h"
#include "fabric_rig.h"

#define PORT	1
#define RING	SFAB_CLASS_REQUEST	/* VC 0 */

struct hostile {
	struct net *net;
	struct node *node;
	uint8_t *guarded;
	struct sfab_fibre_half *device;		/* as the device sees the two halves */
	struct sfab_fibre_half *half;		/* as we do; we are end 1 */
	uint32_t light;
	uint64_t head;
	uint32_t number;
};

static struct sfab_fibre_sender *page(struct hostile *h)
{
	return &h->half[1].sender;
}

/* Begin to train, as is right. */
static void shine(struct hostile *h)
{
	page(h)->light = 0;
	page(h)->locked = 0;
	for (unsigned int r = 0; r < SFAB_FIBRE_RINGS; r++) {
		page(h)->ring[r].head = 0;
		page(h)->ring[r].replayed = 0;
		h->half[0].receiver.ring[r].tail = 0;
		h->half[0].receiver.ring[r].refused = 0;
	}
	page(h)->magic = SFAB_FIBRE_MAGIC;
	page(h)->version = SFAB_FIBRE_VERSION;
	page(h)->lanes = 8;
	page(h)->light = ++h->light;
	h->head = 0;
	h->number = 0;
}

static void run(struct hostile *h)
{
	h->node->woken = true;
	net_run(h->net, 3 * MS);
}

static void up(struct hostile *h)
{
	shine(h);
	run(h);
	page(h)->locked = h->half[0].sender.light;
	run(h);
	assert_int_equal(port_state(h->node, PORT), SFAB_PORT_UP);
}

static void guard(struct hostile *h, int fd)
{
	size_t half = sizeof(struct sfab_fibre_half);
	uint8_t *at;

	h->guarded = mmap(NULL, SFAB_FIBRE_SIZE + 8192, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(h->guarded != MAP_FAILED);
	at = h->guarded + 4096;
	h->device = mmap(at, SFAB_FIBRE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd, 0);
	assert_ptr_equal(h->device, at);
	/* Its own: sender's page and rings of half 0, receiver's page of half 1. */
	mprotect(at + 4096, 4096, PROT_READ);
	mprotect(at + half, 4096, PROT_READ);
	mprotect(at + half + 8192, half - 8192, PROT_READ);
}

static void hostile_init(struct hostile *h)
{
	int fd = memfd_create("hostile", 0);

	*h = (struct hostile){ .light = 100 };
	assert_int_equal(ftruncate(fd, SFAB_FIBRE_SIZE), 0);
	guard(h, fd);
	h->half = mmap(NULL, SFAB_FIBRE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(h->half != MAP_FAILED);
	close(fd);
	h->net = net_new(1, NULL);
	h->node = &h->net->node[0];
	h->node->lossy = true;
	sfab_fabric_attach(h->node->fabric, PORT, 0, h->device, 0);
	run(h);
	assert_int_equal(port_state(h->node, PORT), SFAB_PORT_DOWN);
	assert_int_equal(port_reason(h->node, PORT), SFAB_REASON_NO_LIGHT);
}

static void hostile_free(struct hostile *h)
{
	net_free(h->net);
	munmap(h->half, SFAB_FIBRE_SIZE);
	munmap(h->guarded, SFAB_FIBRE_SIZE + 8192);
}

static void assert_failed(struct hostile *h, enum sfab_port_reason reason)
{
	run(h);
	assert_int_equal(port_state(h->node, PORT), SFAB_PORT_FAILED);
	assert_int_equal(port_reason(h->node, PORT), reason);
	assert_int_equal(h->half[0].sender.light, 0);
	/* Software may try once more, and all is well if the partner is. */
	fw32(h->node, P_REG(PORT, CTRL), 1);
	up(h);
}

static struct sfab_packet a_packet(struct hostile *h, uint32_t payload)
{
	return (struct sfab_packet){
		.version = SFAB_PACKET_VERSION,
		.type = SFAB_PKT_WRITE,
		.class_vc = SFAB_CLASS_REQUEST,
		.hops = 10,
		.dst = h->node->eid,
		.src = 9,
		.psn = h->number,
		.payload = payload,
	};
}

/* Store a frame at the head; @length 0: of the packet. Does not move HEAD. */
static struct sfab_frame *put(struct hostile *h, const struct sfab_packet *packet,
			      uint32_t length)
{
	uint8_t *at = h->half[1].rings + h->head % SFAB_RING_BYTES;
	struct sfab_frame frame = {
		.length = length ? length :
			  SFAB_PACKET_HEADER + sfab_padded(packet->payload),
		.number = h->number,
	};

	frame.crc = sfab_crc32c(0, packet, sizeof(*packet));
	frame.crc = sfab_crc32c(frame.crc, &frame, 8);
	memcpy(at, &frame, sizeof(frame));
	memcpy(at + sizeof(frame), packet, sizeof(*packet));
	for (uint32_t i = 0; i < packet->payload && i < 4096; i++)
		at[128 + i] = packet->psn * 31 + packet->src * 7 + i;
	return (struct sfab_frame *)at;
}

static void publish(struct hostile *h, uint64_t bytes)
{
	h->head += bytes;
	h->number++;
	page(h)->ring[RING].head = h->head;
}

static void behaves_well(void **state)
{
	struct hostile h;

	(void)state;
	hostile_init(&h);
	up(&h);
	for (unsigned int i = 0; i < 10; i++) {
		struct sfab_packet packet = a_packet(&h, 100);

		put(&h, &packet, 0);
		publish(&h, sfab_frame_bytes(100));
	}
	run(&h);
	assert_int_equal(h.node->received[9], 10);
	assert_int_equal(h.half[1].receiver.ring[RING].tail, h.head);
	hostile_free(&h);
}

static void wrong_magic_or_version(void **state)
{
	struct hostile h;

	(void)state;
	hostile_init(&h);
	shine(&h);
	page(&h)->magic = 0;
	assert_failed(&h, SFAB_REASON_PROTOCOL);
	shine(&h);
	page(&h)->version = SFAB_FIBRE_VERSION + 1;
	run(&h);	/* was up: loses light */
	assert_failed(&h, SFAB_REASON_VERSION);
	hostile_free(&h);
}

static void impossible_indices(void **state)
{
	static const uint64_t heads[] = {
		1, 63, 65, SFAB_RING_BYTES + 64, 1ull << 40, -64ull, UINT64_MAX,
	};
	static const uint64_t tails[] = { 64, 1, -64ull, 1ull << 63 };
	struct hostile h;

	(void)state;
	hostile_init(&h);
	up(&h);
	for (unsigned int r = 0; r < SFAB_FIBRE_RINGS; r++) {
		for (unsigned int i = 0; i < sizeof(heads) / 8; i++) {
			page(&h)->ring[r].head = heads[i];
			assert_failed(&h, SFAB_REASON_PROTOCOL);
		}
		for (unsigned int i = 0; i < sizeof(tails) / 8; i++) {
			h.half[0].receiver.ring[r].tail = tails[i];
			assert_failed(&h, SFAB_REASON_PROTOCOL);
		}
		h.half[0].receiver.ring[r].refused = 2;
		assert_failed(&h, SFAB_REASON_PROTOCOL);
		h.half[0].receiver.ring[r].refused = -1;
		assert_failed(&h, SFAB_REASON_PROTOCOL);
		page(&h)->ring[r].replayed = 1;
		assert_failed(&h, SFAB_REASON_PROTOCOL);
	}
	/* Back, after something was sent and taken. */
	put(&h, &(struct sfab_packet){ 0 }, 64);
	publish(&h, 128);
	run(&h);
	page(&h)->ring[RING].head = 64;
	assert_failed(&h, SFAB_REASON_PROTOCOL);
	hostile_free(&h);
}

static void impossible_frames(void **state)
{
	static const uint32_t lengths[] = { 1, 63, 65601, 0x7fffffff, 0xffffffff, 200 };
	struct sfab_packet packet;
	struct hostile h;

	(void)state;
	hostile_init(&h);
	h.node->any = true;
	up(&h);
	for (unsigned int i = 0; i < sizeof(lengths) / 4; i++) {
		packet = a_packet(&h, 0);
		put(&h, &packet, lengths[i]);
		publish(&h, 128);	/* 200 need more than were sent */
		assert_failed(&h, SFAB_REASON_PROTOCOL);
	}
	/* Another number; a skip of more than was sent. */
	packet = a_packet(&h, 0);
	put(&h, &packet, 0)->number = 7;
	publish(&h, 128);
	assert_failed(&h, SFAB_REASON_PROTOCOL);
	put(&h, &packet, 0)->length = 0;
	publish(&h, 128);
	assert_failed(&h, SFAB_REASON_PROTOCOL);
	/* A frame that reaches beyond the end of its ring, not of what was sent. */
	for (;;) {
		packet = a_packet(&h, 65000);
		if (h.head + 2 * sfab_frame_bytes(65000) > SFAB_RING_BYTES)
			break;
		put(&h, &packet, 0);
		publish(&h, sfab_frame_bytes(65000));
		run(&h);
	}
	packet = a_packet(&h, 65536);
	while (h.head + 64 < SFAB_RING_BYTES) {
		struct sfab_packet filler = a_packet(&h, 0);

		if (h.head + sfab_frame_bytes(65536) > SFAB_RING_BYTES)
			break;
		put(&h, &filler, 0);
		publish(&h, 128);
	}
	run(&h);
	put(&h, &packet, 0);
	publish(&h, sfab_frame_bytes(65536));
	assert_failed(&h, SFAB_REASON_PROTOCOL);
	hostile_free(&h);
}

/* The last 64 bytes of a ring are all that is there of a frame: do not read beyond. */
static void frame_at_the_very_end(void **state)
{
	unsigned int ring = SFAB_FIBRE_RINGS - 1;	/* nothing follows */
	uint32_t size = sfab_ring_bytes(ring);
	uint8_t *base;
	struct hostile h;

	(void)state;
	hostile_init(&h);
	up(&h);
	base = h.half[1].rings + sfab_ring_offset(ring);
	for (uint64_t head = 0; head < size - 64; h.number++) {
		uint32_t length = head ? 64 : 128;	/* an odd number of 64s first */
		struct sfab_frame frame = { .length = length, .number = h.number };
		struct sfab_packet packet = { .version = 9 };

		frame.crc = sfab_crc32c(0, &packet, sizeof(packet));
		frame.crc = sfab_crc32c(frame.crc, &frame, 8);
		memcpy(base + head, &frame, sizeof(frame));
		memcpy(base + head + 64, &packet, sizeof(packet));
		head += 64 + length;
		page(&h)->ring[ring].head = head;
		run(&h);
	}
	assert_int_equal(h.half[1].receiver.ring[ring].tail, size - 64);
	*(struct sfab_frame *)(base + size - 64) = (struct sfab_frame){
		.length = 64, .number = h.number };
	page(&h)->ring[ring].head = size + 64;
	assert_failed(&h, SFAB_REASON_PROTOCOL);
	hostile_free(&h);
}

static void damaged_frames(void **state)
{
	struct sfab_packet packet;
	struct hostile h;

	(void)state;
	hostile_init(&h);
	up(&h);
	packet = a_packet(&h, 64);
	put(&h, &packet, 0)->crc ^= 1;
	publish(&h, sfab_frame_bytes(64));
	for (unsigned int i = 1; i < 16; i++) {
		run(&h);
		assert_int_equal(h.half[1].receiver.ring[RING].refused, i);
		run(&h);	/* waits for us */
		assert_int_equal(h.half[1].receiver.ring[RING].refused, i);
		page(&h)->ring[RING].replayed = i;
	}
	h.node->woken = true;
	net_run(h.net, 1);
	assert_int_equal(port_reason(h.node, PORT), SFAB_REASON_REPLAY);
	assert_int_equal(port_counter(h.node, PORT, SFAB_P_CRC_ERRORS), 16);
	assert_int_equal(h.node->received[9], 0);
	/* Mended by the last repetition. */
	up(&h);
	packet = a_packet(&h, 64);
	put(&h, &packet, 0)->crc ^= 1;
	publish(&h, sfab_frame_bytes(64));
	run(&h);
	h.number--;
	h.head -= sfab_frame_bytes(64);
	put(&h, &packet, 0);
	page(&h)->ring[RING].replayed = 1;
	run(&h);
	assert_int_equal(h.node->received[9], 1);
	hostile_free(&h);
}

static void malformed_packets(void **state)
{
	static const struct {
		uint8_t version, type, class_vc;
		uint32_t payload;
	} wrong[] = {
		{ 2, SFAB_PKT_WRITE, 0, 64 },
		{ 1, SFAB_PKT_DONE, 0, 64 },
		{ 1, SFAB_PKT_DATAGRAM, 0, 64 },
		{ 1, SFAB_PKT_WRITE, SFAB_CLASS_RESPONSE, 64 },
		{ 1, SFAB_PKT_WRITE, SFAB_CLASS_VC1, 64 },
		{ 1, SFAB_PKT_WRITE, 0x40, 64 },
		{ 1, SFAB_PKT_WRITE, 3, 64 },
		{ 1, SFAB_PKT_WRITE, 0, 65 },
		{ 1, SFAB_PKT_WRITE, 0, 0 },
		{ 1, SFAB_PKT_WRITE, 0, 65537 },
		{ 1, SFAB_PKT_WRITE, 0, -64 },
		{ 1, SFAB_PKT_WRITE, 0, 0xffffffff },
	};
	struct hostile h;
	unsigned int n = 0;

	(void)state;
	hostile_init(&h);
	up(&h);
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct sfab_packet packet = a_packet(&h, 64);

		packet.version = wrong[i].version;
		packet.type = wrong[i].type;
		packet.class_vc = wrong[i].class_vc;
		packet.payload = wrong[i].payload;
		put(&h, &packet, 128);
		publish(&h, 192);
		run(&h);
		n++;
		assert_int_equal(port_counter(h.node, PORT, SFAB_P_DROP_MALFORMED), n);
	}
	/* They cost themselves, not the link. */
	struct sfab_packet packet = a_packet(&h, 64);

	put(&h, &packet, 0);
	publish(&h, 192);
	run(&h);
	assert_int_equal(h.node->received[9], 1);
	assert_int_equal(port_state(h.node, PORT), SFAB_PORT_UP);
	hostile_free(&h);
}

static void flickering_light(void **state)
{
	struct hostile h;
	unsigned int before;

	(void)state;
	hostile_init(&h);
	up(&h);
	before = h.node->port_events;
	/* At each look another LIGHT, with the LOCKED that makes it up. */
	for (unsigned int i = 0; i < 10000; i++) {
		uint64_t due;

		page(&h)->light = ++h.light;
		sfab_fabric_run(h.node->fabric, &due);
		page(&h)->locked = h.half[0].sender.light;
		sfab_fabric_run(h.node->fabric, &due);
		h.net->clock += 1000;
	}
	/* 10 ms: as many trainings, of at most three states each. */
	assert_true(h.node->port_events - before <= 33);
	hostile_free(&h);
}

/* ---- a header that changes while it is looked at ---- */

struct flipper {
	struct hostile *h;
	struct sfab_frame frame[2];
	struct sfab_packet packet[2];
	atomic_bool stop;
};

__attribute__((no_sanitize("thread")))
static void *flip(void *arg)
{
	struct flipper *f = arg;
	volatile uint64_t *at = (volatile uint64_t *)f->h->half[1].rings;

	for (unsigned int i = 0; !f->stop; i ^= 1) {
		const uint64_t *frame = (const uint64_t *)&f->frame[i];
		const uint64_t *packet = (const uint64_t *)&f->packet[i];

		for (unsigned int w = 0; w < 8; w++)
			at[w] = frame[w];
		for (unsigned int w = 0; w < 8; w++)
			at[8 + w] = packet[w];
	}
	return NULL;
}

/*
 * Two frames in turn at one place, both right: of 64 bytes of payload, and of 64 KiB.
 * What is delivered is one of them, never half of each.
 */
static void header_changes_while_read(void **state)
{
	unsigned int up_again = 0, delivered = 0;
	struct hostile h;
	struct flipper f;
	pthread_t thread;

	(void)state;
	hostile_init(&h);
	f.h = &h;
	f.stop = false;
	for (unsigned int i = 0; i < 2; i++) {
		f.packet[i] = a_packet(&h, i ? 65536 : 64);
		f.packet[i].psn = i;
		f.packet[i].epoch = i;
		f.packet[i].offset = i * 0x1111;
		put(&h, &f.packet[i], 0);
		memcpy(&f.frame[i], h.half[1].rings, sizeof(f.frame[i]));
	}
	h.node->any = true;
	pthread_create(&thread, NULL, flip, &f);
	for (unsigned int i = 0; i < 3000; i++) {
		unsigned int before = h.node->received[9];

		fw32(h.node, P_REG(PORT, CTRL), 1 | 1 << 8);
		shine(&h);
		run(&h);
		page(&h)->locked = h.half[0].sender.light;
		run(&h);
		if (port_state(h.node, PORT) != SFAB_PORT_UP)
			continue;
		up_again++;
		publish(&h, sfab_frame_bytes(65536));
		run(&h);
		if (h.node->received[9] == before)
			continue;
		delivered++;
		assert_true(h.node->last.psn <= 1);
		assert_int_equal(h.node->last.epoch, h.node->last.psn);
		assert_int_equal(h.node->last.offset, h.node->last.psn * 0x1111);
		assert_int_equal(h.node->last.payload, h.node->last.psn ? 65536 : 64);
	}
	f.stop = true;
	pthread_join(thread, NULL);
	assert_int_equal(up_again, 3000);
	assert_true(delivered > 100);
	hostile_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behaves_well),
		cmocka_unit_test(wrong_magic_or_version),
		cmocka_unit_test(impossible_indices),
		cmocka_unit_test(impossible_frames),
		cmocka_unit_test(frame_at_the_very_end),
		cmocka_unit_test(damaged_frames),
		cmocka_unit_test(malformed_packets),
		cmocka_unit_test(flickering_light),
		cmocka_unit_test(header_changes_while_read),
	};

	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
