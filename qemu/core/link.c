// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Links. The other end may be hostile: every word of it is loaded once, compared with
 * what we know, and only then believed; frames are copied before they are looked at.
 */
#include <string.h>

#include "crc32c.h"
#include "draw.h"
#include "fec.h"
#include "link.h"

#define LENGTH_MIN	SFAB_PACKET_HEADER
#define LENGTH_MAX	(SFAB_PACKET_HEADER + SFAB_MTU)

/* How long a link that was idle may make up for it, at its rate. */
#define BURST_NS	1000000
#define BURST_BYTES	(2 * (double)SFAB_MTU)

#define load(word)		atomic_load_explicit(&(word), memory_order_acquire)
#define store(word, value)	atomic_store_explicit(&(word), value, memory_order_release)

static uint8_t *ring_base(struct sfab_fibre_half *half, unsigned int ring)
{
	return half->rings + sfab_ring_offset(ring);
}

/* ---- training ---- */

static void clear_sender(struct sfab_link *link)
{
	for (unsigned int r = 0; r < SFAB_FIBRE_RINGS; r++) {
		link->tx[r] = (struct sfab_link_tx){ 0 };
		store(link->out->sender.ring[r].head, 0);
		store(link->out->sender.ring[r].replayed, 0);
	}
}

static void clear_receiver(struct sfab_link *link)
{
	for (unsigned int r = 0; r < SFAB_FIBRE_RINGS; r++) {
		link->rx[r] = (struct sfab_link_rx){ 0 };
		store(link->in->receiver.ring[r].tail, 0);
		store(link->in->receiver.ring[r].refused, 0);
	}
}

/* After what it is about; 0 is for who never tells. */
static void tell_launch(struct sfab_link *link)
{
	if (!++link->launch)
		link->launch = 1;
	store(link->out->sender.launch, link->launch);
}

void sfab_link_identify(struct sfab_link *link, const struct sfab_identity *me)
{
	struct sfab_fibre_sender *page = &link->out->sender;

	store(page->identity, me->who);
	store(page->lanes, me->lanes);
	store(page->uuid[0], me->uuid[0]);
	store(page->uuid[1], me->uuid[1]);
	store(page->power[0], me->power[0]);
	store(page->power[1], me->power[1]);
	store(page->test, me->test);
	for (unsigned int i = 0; i < 4; i++)
		store(page->ber[i], me->ber[i]);
	tell_launch(link);
	link->dirty = true;
}

void sfab_link_darken(struct sfab_link *link)
{
	store(link->out->sender.power[0], 0);
	store(link->out->sender.power[1], 0);
	store(link->out->sender.test, 0);
	tell_launch(link);
	link->dirty = true;
}

/* An end that tells nothing of its lasers has them on while it trains. */
uint64_t sfab_link_launched(const struct sfab_fibre_half *in)
{
	uint32_t launch = load(in->sender.launch);

	if (launch)
		return launch;
	return load(in->sender.light) ? 1ull << 32 : 0;
}

void sfab_link_tell(struct sfab_link *link, bool part, uint64_t word)
{
	struct sfab_fibre_sender *page = &link->out->sender;

	if (part)
		store(page->part, word);
	else
		store(page->ask, word);
	link->dirty = true;
}

uint64_t sfab_link_told(struct sfab_link *link, bool part)
{
	struct sfab_fibre_sender *page = &link->in->sender;

	link->told[part] = part ? load(page->part) : load(page->ask);
	return link->told[part];
}

void sfab_link_open(struct sfab_link *link, struct sfab_fibre_half *out,
		    struct sfab_fibre_half *in, const struct sfab_identity *me,
		    uint32_t generation)
{
	struct sfab_fibre_sender *page = &out->sender;

	link->out = out;
	link->in = in;
	/* Dark first: whoever sees a cleared word must not take it for a lie. */
	store(page->light, 0);
	store(page->locked, 0);
	store(page->ask, 0);
	store(page->part, 0);
	clear_sender(link);
	clear_receiver(link);
	store(page->magic, SFAB_FIBRE_MAGIC);
	store(page->version, SFAB_FIBRE_VERSION);
	store(page->sleeping, 0);
	link->asleep = false;
	sfab_link_identify(link, me);
	link->light = generation;
	link->locked = 0;
	link->seen_light = 0;
	link->seen_locked = 0;
	link->rung = 0;
	link->peer = (struct sfab_identity){ 0 };
	link->state = SFAB_LINK_DARK;
	store(page->light, generation);
}

void sfab_link_close(struct sfab_link *link)
{
	if (link->state != SFAB_LINK_CLOSED) {
		store(link->out->sender.light, 0);
		store(link->out->sender.locked, 0);
		link->dirty = true;
	}
	link->state = SFAB_LINK_CLOSED;
}

static void lock_on(struct sfab_link *link, uint32_t light)
{
	struct sfab_fibre_sender *page = &link->in->sender;

	if (load(page->magic) != SFAB_FIBRE_MAGIC) {
		link->state = SFAB_LINK_PROTOCOL;
		return;
	}
	if (load(page->version) != SFAB_FIBRE_VERSION) {
		link->state = SFAB_LINK_VERSION;
		return;
	}
	clear_receiver(link);
	link->peer.lanes = load(page->lanes);
	link->peer.uuid[0] = load(page->uuid[0]);
	link->peer.uuid[1] = load(page->uuid[1]);
	link->locked = light;
	store(link->out->sender.locked, light);
	link->dirty = true;
	link->state = SFAB_LINK_TRAINING;
}

/*
 * LOCKED belongs to the LIGHT before and after it only if that has not changed in
 * between: a partner that begins anew clears LOCKED before it shows a new LIGHT.
 */
static bool look(struct sfab_link *link)
{
	struct sfab_fibre_sender *page = &link->in->sender;

	if (link->blind) {
		link->seen_light = 0;
		link->seen_locked = 0;
		return true;
	}
	link->seen_light = load(page->light);
	link->seen_locked = load(page->locked);
	return load(page->light) == link->seen_light;
}

static void train(struct sfab_link *link)
{
	if (!link->seen_light) {
		link->state = SFAB_LINK_DARK;
		return;
	}
	if (link->seen_light != link->locked)
		lock_on(link, link->seen_light);
	else
		link->state = SFAB_LINK_TRAINING;
	if (link->state == SFAB_LINK_TRAINING &&
	    link->seen_locked == link->light)
		link->state = SFAB_LINK_UP;
}

/* The other end has said what cannot be; unless it only has begun anew meanwhile. */
static void violation(struct sfab_link *link)
{
	bool same = look(link) && link->seen_light == link->locked &&
		    link->seen_locked == link->light;

	link->state = same ? SFAB_LINK_PROTOCOL : SFAB_LINK_LOST;
}

/* ---- the rate ---- */

static void refill(struct sfab_link *link, uint64_t now)
{
	double most = link->rate * BURST_NS;

	if (most < BURST_BYTES)
		most = BURST_BYTES;
	link->tokens += (double)(now - link->tokens_at) * link->rate;
	if (link->tokens > most)
		link->tokens = most;
	link->tokens_at = now;
}

void sfab_link_pace(struct sfab_link *link, double rate)
{
	/* Without a rate nobody waits for tokens: none may be owed. */
	if (!(rate > 0))
		link->tokens = 0;
	link->rate = rate;
}

static void spend(struct sfab_link *link, uint64_t bytes)
{
	if (link->rate > 0)
		link->tokens -= bytes;
}

uint64_t sfab_link_ready_at(const struct sfab_link *link)
{
	if (link->tokens >= 0)
		return link->tokens_at;
	return link->tokens_at + (uint64_t)(-link->tokens / link->rate) + 1;
}

/* ---- what the other end says ---- */

static bool poll_receiver(struct sfab_link *link, unsigned int r)
{
	struct sfab_link_rx *rx = &link->rx[r];
	uint64_t head = load(link->in->sender.ring[r].head);
	uint32_t replayed = load(link->in->sender.ring[r].replayed);
	uint64_t known = rx->head - rx->tail;

	if (head % SFAB_FRAME_ALIGN || head - rx->head > sfab_ring_bytes(r) - known)
		return false;
	/* One refusal at a time: it is answered, or not yet. */
	if (replayed != rx->replayed && replayed != rx->refused)
		return false;
	rx->head = head;
	rx->replayed = replayed;
	return true;
}

/* What a replay sends: all from the tail on, but skips take no time. */
static uint64_t unacknowledged(const struct sfab_link_tx *tx)
{
	return tx->head - tx->tail - (tx->tail < tx->skip_end ? tx->skip : 0);
}

static bool poll_sender(struct sfab_link *link, unsigned int r)
{
	struct sfab_link_tx *tx = &link->tx[r];
	uint64_t tail = load(link->out->receiver.ring[r].tail);
	uint32_t refused = load(link->out->receiver.ring[r].refused);

	if (tail % SFAB_FRAME_ALIGN || tail - tx->tail > tx->head - tx->tail)
		return false;
	if (refused - tx->replayed > 1)
		return false;
	if (tail != tx->tail) {
		tx->stuck = false;
		tx->starved = false;
	}
	tx->tail = tail;
	if (refused == tx->replayed)
		return !tx->replaying;
	if (!tx->replaying) {
		tx->replaying = true;
		spend(link, unacknowledged(tx));
		sfab_count(&link->counter[SFAB_P_REPLAYS], 1);
	}
	if (link->tokens < 0) {
		link->replaying = true;
		return true;
	}
	tx->replaying = false;
	tx->replayed = refused;
	store(link->out->sender.ring[r].replayed, refused);
	link->dirty = true;
	return true;
}

enum sfab_link_state sfab_link_poll(struct sfab_link *link, uint64_t now)
{
	if (link->state != SFAB_LINK_DARK && link->state != SFAB_LINK_TRAINING &&
	    link->state != SFAB_LINK_UP)
		return link->state;
	refill(link, now);
	if (!look(link))
		return link->state;
	if (link->state != SFAB_LINK_UP)
		train(link);
	else if (link->seen_light != link->locked ||
		 link->seen_locked != link->light)
		link->state = SFAB_LINK_LOST;
	if (link->state != SFAB_LINK_UP)
		return link->state;

	link->replaying = false;
	link->peer.who = load(link->in->sender.identity);
	sfab_link_told(link, false);
	sfab_link_told(link, true);
	for (unsigned int r = 0; r < SFAB_FIBRE_RINGS; r++) {
		if (!poll_receiver(link, r) || !poll_sender(link, r)) {
			violation(link);
			break;
		}
	}
	return link->state;
}

static bool ring_news(const struct sfab_link *link, unsigned int r)
{
	const struct sfab_link_tx *tx = &link->tx[r];
	const struct sfab_link_rx *rx = &link->rx[r];

	return load(link->in->sender.ring[r].head) != rx->head ||
	       load(link->in->sender.ring[r].replayed) != rx->replayed ||
	       load(link->out->receiver.ring[r].tail) != tx->tail ||
	       (load(link->out->receiver.ring[r].refused) != tx->replayed &&
		!tx->replaying);
}

bool sfab_link_news(const struct sfab_link *link)
{
	if (link->state != SFAB_LINK_DARK && link->state != SFAB_LINK_TRAINING &&
	    link->state != SFAB_LINK_UP)
		return false;
	if (sfab_link_launched(link->in) != link->noticed)
		return true;
	if (link->blind)
		return false;
	if (load(link->in->sender.light) != link->seen_light ||
	    load(link->in->sender.locked) != link->seen_locked)
		return true;
	if (link->state != SFAB_LINK_UP)
		return false;
	if (load(link->in->sender.identity) != link->peer.who ||
	    load(link->in->sender.ask) != link->told[0] ||
	    load(link->in->sender.part) != link->told[1])
		return true;
	for (unsigned int r = 0; r < SFAB_FIBRE_RINGS; r++)
		if (ring_news(link, r))
			return true;
	return false;
}

/* ---- receiving ---- */

/* The model of the light: does this frame arrive damaged? Nothing is drawn for a good one. */
static bool damaged(struct sfab_link *link, uint32_t length)
{
	if (link->crc_errors &&
	    (sfab_draw(&link->model) >> 32) % 1000000 < link->crc_errors)
		return true;
	return link->lost > 0 &&
	       sfab_draw_uniform(&link->model) < sfab_fec_packet(link->lost, length);
}

static void refuse(struct sfab_link *link, unsigned int r)
{
	struct sfab_link_rx *rx = &link->rx[r];

	sfab_count(&link->counter[SFAB_P_CRC_ERRORS], 1);
	if (++rx->refusals == SFAB_LINK_REFUSALS) {
		link->state = SFAB_LINK_REPLAY;
		return;
	}
	store(link->in->receiver.ring[r].refused, ++rx->refused);
	link->dirty = true;
}

static void advance(struct sfab_link *link, unsigned int r, uint32_t bytes)
{
	struct sfab_link_rx *rx = &link->rx[r];

	rx->tail += bytes;
	rx->number++;
	store(link->in->receiver.ring[r].tail, rx->tail);
	link->freed = true;
}

/* What a frame, or a skip at @at, takes from the ring; 0: cannot be. */
static uint32_t frame_bytes(const struct sfab_link_rx *rx, unsigned int r,
			    uint32_t at, const struct sfab_frame *frame)
{
	uint32_t bytes, rest = sfab_ring_bytes(r) - at;

	if (frame->number != rx->number)
		return 0;
	if (frame->length &&
	    (frame->length < LENGTH_MIN || frame->length > LENGTH_MAX))
		return 0;
	bytes = frame->length ? sfab_frame_bytes(frame->length - SFAB_PACKET_HEADER) :
				rest;
	return bytes <= rest && bytes <= rx->head - rx->tail ? bytes : 0;
}

static uint32_t frame_crc(const struct sfab_frame *frame,
			  const struct sfab_packet *packet)
{
	uint32_t crc = 0;

	if (frame->length)
		crc = sfab_crc32c(0, packet, sizeof(*packet));
	return sfab_crc32c(crc, frame, offsetof(struct sfab_frame, crc));
}

/* Check the frame at the tail: true with rx->ready, or after a skip. */
static bool check_frame(struct sfab_link *link, unsigned int r)
{
	struct sfab_link_rx *rx = &link->rx[r];
	uint32_t at = rx->tail % sfab_ring_bytes(r), bytes;
	const uint8_t *from = ring_base(link->in, r) + at;
	struct sfab_frame frame;

	if (rx->head == rx->tail || rx->replayed != rx->refused)
		return false;
	memcpy(&frame, from, offsetof(struct sfab_frame, reserved));
	/* Nothing may be loaded a second time instead of kept. */
	atomic_signal_fence(memory_order_seq_cst);
	bytes = frame_bytes(rx, r, at, &frame);
	if (!bytes) {
		violation(link);
		return false;
	}
	if (frame.length) {
		memcpy(&rx->packet, from + SFAB_FRAME_HEADER, sizeof(rx->packet));
		atomic_signal_fence(memory_order_seq_cst);
	}
	if (frame_crc(&frame, &rx->packet) != frame.crc ||
	    (frame.length && damaged(link, frame.length))) {
		refuse(link, r);
		return false;
	}
	rx->refusals = 0;
	if (!frame.length) {
		advance(link, r, bytes);
		return true;
	}
	rx->ready = true;
	rx->bytes = bytes;
	rx->length = frame.length;
	return true;
}

const void *sfab_link_receive(struct sfab_link *link, unsigned int r)
{
	struct sfab_link_rx *rx = &link->rx[r];

	while (link->state == SFAB_LINK_UP && !rx->ready)
		if (!check_frame(link, r))
			return NULL;
	if (link->state != SFAB_LINK_UP)
		return NULL;
	return ring_base(link->in, r) + rx->tail % sfab_ring_bytes(r) +
	       SFAB_FRAME_HEADER + SFAB_PACKET_HEADER;
}

void sfab_link_take(struct sfab_link *link, unsigned int r)
{
	struct sfab_link_rx *rx = &link->rx[r];

	sfab_count(&link->counter[SFAB_P_BYTES_RECEIVED], rx->length);
	sfab_count(&link->counter[SFAB_P_PACKETS_RECEIVED], 1);
	rx->ready = false;
	rx->blocked = 0;
	rx->stalled = false;
	advance(link, r, rx->bytes);
}

unsigned int sfab_link_discard(struct sfab_link *link)
{
	unsigned int frames = 0;

	for (unsigned int r = 0; r < SFAB_FIBRE_RINGS; r++) {
		struct sfab_link_rx *rx = &link->rx[r];

		while (rx->head != rx->tail) {
			uint32_t at = rx->tail % sfab_ring_bytes(r), bytes;
			struct sfab_frame frame;

			memcpy(&frame, ring_base(link->in, r) + at,
			       offsetof(struct sfab_frame, reserved));
			atomic_signal_fence(memory_order_seq_cst);
			bytes = frame_bytes(rx, r, at, &frame);
			if (!bytes)
				break;
			frames += frame.length != 0;
			rx->tail += bytes;
			rx->number++;
		}
		*rx = (struct sfab_link_rx){ 0 };
	}
	return frames;
}

/* ---- sending ---- */

enum sfab_room sfab_link_reserve(struct sfab_link *link, unsigned int r,
				 uint32_t payload, uint64_t now, uint64_t *at)
{
	struct sfab_link_tx *tx = &link->tx[r];
	uint32_t size = sfab_ring_bytes(r), bytes = sfab_frame_bytes(payload);
	uint32_t skip = size - tx->head % size;

	if (skip >= bytes)
		skip = 0;
	if (skip + bytes > size - (tx->head - tx->tail)) {
		tx->starved = true;
		return SFAB_NO_CREDIT;
	}
	if (link->rate > 0) {
		refill(link, now);
		if (link->tokens < 0)
			return SFAB_NO_TOKENS;
	}
	*at = tx->head + skip;
	return SFAB_ROOM;
}

void *sfab_link_payload(struct sfab_link *link, unsigned int r, uint64_t at)
{
	return ring_base(link->out, r) + at % sfab_ring_bytes(r) +
	       SFAB_FRAME_HEADER + SFAB_PACKET_HEADER;
}

static void put_frame(struct sfab_link *link, unsigned int r, uint32_t length,
		      const struct sfab_packet *packet)
{
	struct sfab_link_tx *tx = &link->tx[r];
	uint8_t *to = ring_base(link->out, r) + tx->head % sfab_ring_bytes(r);
	struct sfab_frame frame = { .length = length, .number = tx->number++ };

	frame.crc = frame_crc(&frame, packet);
	memcpy(to, &frame, sizeof(frame));
	if (length)
		memcpy(to + SFAB_FRAME_HEADER, packet, sizeof(*packet));
}

void sfab_link_commit(struct sfab_link *link, unsigned int r, uint64_t at,
		      const struct sfab_packet *packet)
{
	struct sfab_link_tx *tx = &link->tx[r];
	uint32_t length = SFAB_PACKET_HEADER + sfab_padded(packet->payload);
	uint64_t head = at + sfab_frame_bytes(packet->payload);

	spend(link, head - at);
	if (at != tx->head) {
		put_frame(link, r, 0, NULL);
		tx->skip = at - tx->head;
		tx->skip_end = at;
	}
	tx->head = at;
	put_frame(link, r, length, packet);
	tx->head = head;
	store(link->out->sender.ring[r].head, head);
	link->dirty = true;
	sfab_count(&link->counter[SFAB_P_BYTES_SENT], length);
	sfab_count(&link->counter[SFAB_P_PACKETS_SENT], 1);
}

/* ---- doorbells ---- */

/* One bell wakes a sleeper up, but for who does not tell one sleep from the next. */
uint32_t sfab_link_sleeper(const struct sfab_link *link)
{
	uint32_t sleeping;

	if (!link->dirty && !link->freed)
		return 0;
	__sync_synchronize();
	sleeping = load(link->in->sender.sleeping);
	if (!link->dirty && !(sleeping & SFAB_SLEEPING_ROOM))
		return 0;
	return sleeping != link->rung || sleeping == SFAB_SLEEPING_ALWAYS ? sleeping : 0;
}

bool sfab_link_flush(struct sfab_link *link)
{
	uint32_t sleeping = sfab_link_sleeper(link);

	link->dirty = false;
	link->freed = false;
	if (sleeping)
		link->rung = sleeping;
	return sleeping;
}

bool sfab_link_starved(const struct sfab_link *link)
{
	for (unsigned int r = 0; r < SFAB_FIBRE_RINGS; r++)
		if (link->tx[r].starved)
			return true;
	return false;
}

void sfab_link_set_sleeping(struct sfab_link *link, bool sleeping, bool room)
{
	if (link->state == SFAB_LINK_CLOSED)
		return;
	if (sleeping)
		link->sleeps = (link->sleeps | SFAB_SLEEPING_ROOM) + (room ? 2 : 1);
	if (sleeping && link->sleeps <= SFAB_SLEEPING_ALWAYS)
		link->sleeps += 2;
	link->asleep = sleeping;
	store(link->out->sender.sleeping, sleeping ? link->sleeps : 0);
}
