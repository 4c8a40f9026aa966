// SPDX-License-Identifier: GPL-2.0-or-later
/* A router as a whole: made, run, put to sleep, reset. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "fabric_internal.h"

#define LINGER_NS	50000
#define LINGER_SKIPS	128
/* To be kept from the CPU for longer is too long for small packets. */
#define TURN_NS		300000
#define TURN_SKIPS	1024

static const char *config_error(const struct sfab_fabric_config *c)
{
	if (c->kind != SFAB_KIND_ACCEL && c->kind != SFAB_KIND_SWITCH)
		return "kind must be accelerator or switch";
	if (c->kind == SFAB_KIND_ACCEL && (c->ports < 1 || c->ports > 16))
		return "ports of an accelerator must be 1 to 16";
	if (c->ports < 1 || c->ports > SFAB_MAX_PORTS)
		return "ports must be 1 to 64";
	if (c->paths < 1 || c->paths > SFAB_MAX_PATHS)
		return "paths must be 1 to 4";
	if (c->eids < 2 || c->eids > SFAB_MAX_EIDS)
		return "eids must be 2 to 65536";
	if (c->lanes < 1 || c->lanes > 16)
		return "lanes must be 1 to 16";
	if (c->lane_rate < 1 || c->lane_rate > 65535)
		return "lane-rate must be 1 to 65535";
	if (!(c->rate_scale >= 0))
		return "rate-scale must not be negative";
	if (c->crc_errors > 1000000)
		return "crc-errors must be 0 to 1000000, packets of a million";
	return NULL;
}

uint64_t sfab_fabric_random(struct sfab_fabric *fabric)
{
	/* SplitMix64, whose state may be advanced by any thread. */
	uint64_t z = atomic_fetch_add(&fabric->random, 0x9e3779b97f4a7c15ull);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static void new_incarnation(struct sfab_fabric *fabric)
{
	uint32_t incarnation, last = relaxed_load(fabric->incarnation);

	do
		incarnation = sfab_fabric_random(fabric);
	while (!incarnation || incarnation == last);
	relaxed_store(fabric->incarnation, incarnation);
}

/* Devices of one entropy, and one device that is made again, must not draw the same. */
static void seed(struct sfab_fabric *fabric)
{
	const struct sfab_fabric_config *c = &fabric->config;
	uint64_t uuid[2];

	memcpy(uuid, c->uuid, sizeof(uuid));
	relaxed_store(fabric->random, c->entropy);
	for (unsigned int i = 0; i < 3; i++) {
		const uint64_t more[] = { c->serial, uuid[0], uuid[1] };

		relaxed_store(fabric->random, sfab_fabric_random(fabric) ^ more[i]);
	}
}

static void add_source(struct sfab_fabric *fabric, unsigned int port, unsigned int ring)
{
	fabric->source[fabric->sources++] = (struct sfab_source){ port, ring, 0 };
}

static bool make_ports(struct sfab_fabric *fabric)
{
	size_t half = sizeof(struct sfab_fibre_half);
	unsigned int ports = fabric->config.ports + 1;
	uint8_t *loops;

	/* Never touched, never there: most ports do not hear themselves. */
	fabric->loops = calloc(1, ports * half + 4096);
	fabric->port = calloc(ports, sizeof(*fabric->port));
	fabric->route = calloc(fabric->config.eids, sizeof(*fabric->route));
	fabric->route_lo = calloc(fabric->config.eids, sizeof(*fabric->route_lo));
	if (!fabric->loops || !fabric->port || !fabric->route || !fabric->route_lo)
		return false;
	loops = fabric->loops;
	loops += -(uintptr_t)loops % 4096;
	for (unsigned int p = 0; p < ports; p++) {
		sfab_port_init(fabric, p, (void *)(loops + p * half));
		for (unsigned int r = 0; r < SFAB_FIBRE_RINGS; r++)
			add_source(fabric, p, r);
	}
	if (fabric->sink)
		add_source(fabric, ports, SFAB_FIBRE_RINGS);
	return true;
}

struct sfab_fabric *sfab_fabric_create_with(const struct sfab_fabric_config *config,
					    const struct sfab_fabric_ops *ops,
					    void *opaque, const struct sfab_sink *sink,
					    void *endpoint, const char **why)
{
	const char *error = config_error(config);
	struct sfab_fabric *fabric = NULL;

	if (!error) {
		fabric = calloc(1, sizeof(*fabric));
		if (!fabric)
			error = "out of memory";
	}
	if (fabric) {
		fabric->config = *config;
		fabric->ops = ops;
		fabric->opaque = opaque;
		fabric->sink = sink;
		fabric->endpoint = endpoint;
		pthread_mutex_init(&fabric->lock, NULL);
		pthread_mutex_init(&fabric->run, NULL);
		relaxed_store(fabric->op_timeout, SFAB_OP_TIMEOUT_RESET);
		relaxed_store(fabric->retry_timeout, SFAB_RETRY_TIMEOUT_RESET);
		relaxed_store(fabric->hoq_timeout, SFAB_HOQ_TIMEOUT_RESET);
		relaxed_store(fabric->rate_scale, config->rate_scale);
		seed(fabric);
		new_incarnation(fabric);
		if (!make_ports(fabric)) {
			error = "out of memory";
			sfab_fabric_destroy(fabric);
			fabric = NULL;
		}
	}
	if (why)
		*why = error;
	return fabric;
}

struct sfab_fabric *sfab_fabric_create(const struct sfab_fabric_config *config,
				       const struct sfab_fabric_ops *ops,
				       void *opaque, const char **why)
{
	return sfab_fabric_create_with(config, ops, opaque, NULL, NULL, why);
}

void sfab_fabric_pace(struct sfab_fabric *fabric, double rate_scale)
{
	relaxed_store(fabric->rate_scale, rate_scale);
	fabric->ops->wake(fabric->opaque);
}

void sfab_fabric_pull(struct sfab_fabric *fabric, bool pulled)
{
	atomic_store(&fabric->pulled, pulled);
}

void sfab_fabric_destroy(struct sfab_fabric *fabric)
{
	if (!fabric)
		return;
	/* Neighbours have to be out, and must not come in any more. */
	pthread_mutex_lock(&fabric->run);
	for (unsigned int p = 0; fabric->port && p < fabric->config.ports; p++)
		for (unsigned int i = 0; i < SFAB_MAX_PATHS; i++)
			sfab_near_part(&fabric->port[p], i);
	pthread_mutex_unlock(&fabric->run);
	pthread_mutex_destroy(&fabric->run);
	pthread_mutex_destroy(&fabric->lock);
	free(fabric->loops);
	free(fabric->port);
	free((void *)fabric->route);
	free(fabric->route_lo);
	free(fabric);
}

/* ---- running ---- */

/* Nearly in order already. */
static void sort_sources(struct sfab_fabric *fabric)
{
	struct sfab_source *source = fabric->source;

	for (unsigned int i = 1; i < fabric->sources; i++) {
		struct sfab_source moving = source[i];
		unsigned int at = i;

		for (; at && source[at - 1].share > moving.share; at--)
			source[at] = source[at - 1];
		source[at] = moving;
	}
}

/*
 * Everybody has a turn, as long as the slice lasts, those first that have had least: whoever
 * finds a ring full or a link busy is ahead, when there is room again, of who has filled it. To
 * have been idle earns nothing.
 */
static bool serve_all(struct sfab_fabric *fabric)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < fabric->sources && sfab_fabric_has_time(fabric); i++) {
		struct sfab_source *source = &fabric->source[i];
		uint64_t moved = fabric->moved;

		if (!sfab_router_serve(fabric, source))
			continue;
		if (source->share < fabric->least)
			source->share = fabric->least;
		if (source->share < least)
			least = source->share;
		source->share += fabric->moved - moved;
	}
	if (least == UINT64_MAX)
		return false;
	fabric->least = least;
	sort_sources(fabric);
	return true;
}

static void flush_all(struct sfab_fabric *fabric)
{
	fabric->flushed = fabric->moved;
	for (unsigned int p = 0; p <= fabric->config.ports; p++)
		sfab_port_flush(fabric, &fabric->port[p]);
}

/* Look at all ports, then move what they have, in turns; true if there may be more. */
static bool pass(struct sfab_fabric *fabric)
{
	unsigned int ports = fabric->config.ports + 1;
	bool more = false, served = true;

	fabric->now = fabric->ops->now(fabric->opaque);
	fabric->due = UINT64_MAX;
	for (unsigned int p = 0; p < ports; p++)
		more |= sfab_port_poll(fabric, &fabric->port[p]);
	more |= sfab_agent_work(fabric);
	for (unsigned int t = 0; t < SFAB_PASS_TURNS && served; t++) {
		served = serve_all(fabric);
		if (!served || fabric->moved - fabric->flushed >= SFAB_BELL_BYTES)
			flush_all(fabric);
		more |= served;
	}
	for (unsigned int p = 0; p < ports; p++)
		more |= fabric->port[p].link.state >= SFAB_LINK_LOST;
	return more;
}

static enum sfab_run run(struct sfab_fabric *fabric, uint64_t *due, uint64_t slice)
{
	bool more;

	fabric->moved = 0;
	fabric->flushed = 0;
	fabric->slice = slice;
	do {
		more = pass(fabric);
		if (more)
			fabric->moved += SFAB_PASS_COST;
		/* Who was not served for that is not idle. */
		if (!sfab_fabric_has_time(fabric)) {
			flush_all(fabric);
			return SFAB_RUN_MORE;
		}
	} while (more);
	*due = fabric->due;
	return fabric->due == UINT64_MAX ? SFAB_RUN_IDLE : SFAB_RUN_POLL;
}

enum sfab_run sfab_fabric_run(struct sfab_fabric *fabric, uint64_t *due)
{
	enum sfab_run next;

	pthread_mutex_lock(&fabric->run);
	next = run(fabric, due, SFAB_FABRIC_SLICE);
	fabric->linger.found = fabric->moved >= SFAB_PASS_COST;
	if (fabric->linger.found)
		fabric->linger.much = fabric->moved >= SFAB_MTU;
	pthread_mutex_unlock(&fabric->run);
	return next;
}

static void set_sleeping(struct sfab_fabric *fabric, bool asleep)
{
	for (unsigned int p = 0; p < fabric->config.ports; p++)
		sfab_link_set_sleeping(&fabric->port[p].link, asleep,
				       sfab_port_wants_room(&fabric->port[p]));
}

static bool has_news(const struct sfab_fabric *fabric)
{
	for (unsigned int p = 0; p < fabric->config.ports; p++)
		if (sfab_link_news(&fabric->port[p].link))
			return true;
	return false;
}

/*
 * The worker sleeps: links that were opened meanwhile do so too, and what has begun to wait for
 * room says so. False: one has news.
 */
static bool sleep_on(struct sfab_fabric *fabric)
{
	bool changed = false;

	for (unsigned int p = 0; p < fabric->config.ports; p++) {
		struct sfab_port *port = &fabric->port[p];

		if (port->link.state == SFAB_LINK_CLOSED ||
		    (port->link.asleep && !sfab_port_waits_unheard(port)))
			continue;
		sfab_link_set_sleeping(&port->link, true, sfab_port_wants_room(port));
		changed = true;
	}
	__sync_synchronize();
	return !changed || !has_news(fabric);
}

enum sfab_run sfab_fabric_help(struct sfab_fabric *fabric, uint64_t *due, uint64_t bytes)
{
	enum sfab_run next;

	if (pthread_mutex_trylock(&fabric->run))
		return SFAB_RUN_MORE;
	next = run(fabric, due, bytes);
	if (fabric->asleep && !sleep_on(fabric))
		next = SFAB_RUN_MORE;
	pthread_mutex_unlock(&fabric->run);
	return next;
}

static bool missed(struct sfab_linger *linger)
{
	linger->on = false;
	linger->misses = linger->misses ? linger->misses * 2 : 1;
	if (linger->misses > LINGER_SKIPS)
		linger->misses = LINGER_SKIPS;
	linger->skip = linger->misses;
	return false;
}

/*
 * What we wait for may be done by a thread that waits for this very CPU: another worker. If it
 * is somebody else's, to sleep is better, as who wakes up is let in; but where much is moved,
 * workers keep each other from it for so long.
 */
static bool let_others_run(struct sfab_fabric *fabric)
{
	uint64_t start = fabric->ops->now(fabric->opaque);

	sched_yield();
	if (fabric->linger.much || fabric->ops->now(fabric->opaque) - start < TURN_NS)
		return true;
	fabric->linger.on = false;
	fabric->linger.skip = TURN_SKIPS;
	return false;
}

bool sfab_fabric_linger(struct sfab_fabric *fabric, uint64_t now)
{
	struct sfab_linger *linger = &fabric->linger;

	if (linger->found) {
		if (linger->on)
			linger->misses = 0;
		if (linger->skip) {
			linger->skip--;
			return false;
		}
		linger->on = true;
		linger->until = now + LINGER_NS;
	}
	if (!linger->on)
		return false;
	if (now >= linger->until)
		return missed(linger);
	return let_others_run(fabric);
}

bool sfab_fabric_sleep(struct sfab_fabric *fabric, bool asleep)
{
	bool done = true;

	pthread_mutex_lock(&fabric->run);
	set_sleeping(fabric, asleep);
	__sync_synchronize();
	if (asleep && has_news(fabric)) {
		set_sleeping(fabric, false);
		asleep = false;
		done = false;
	}
	fabric->asleep = asleep;
	pthread_mutex_unlock(&fabric->run);
	return done;
}

void sfab_fabric_attach(struct sfab_fabric *fabric, unsigned int port,
			unsigned int path, void *memory, unsigned int end)
{
	pthread_mutex_lock(&fabric->run);
	fabric->now = fabric->ops->now(fabric->opaque);
	sfab_port_attach(fabric, &fabric->port[port], path, memory, end);
	pthread_mutex_unlock(&fabric->run);
}

/* ---- from any thread ---- */

bool sfab_fabric_pulled(const struct sfab_fabric *fabric)
{
	return atomic_load(&fabric->pulled);
}

uint16_t sfab_fabric_eid(const struct sfab_fabric *fabric)
{
	return relaxed_load(fabric->eid);
}

uint32_t sfab_fabric_incarnation(const struct sfab_fabric *fabric)
{
	return relaxed_load(fabric->incarnation);
}

uint64_t sfab_fabric_forwarded(const struct sfab_fabric *fabric)
{
	return relaxed_load(fabric->forwarded);
}

uint64_t sfab_fabric_op_timeout(const struct sfab_fabric *fabric)
{
	return relaxed_load(fabric->op_timeout) * 1000000ull;
}

uint64_t sfab_fabric_retry_timeout(const struct sfab_fabric *fabric)
{
	return relaxed_load(fabric->retry_timeout) * 1000000ull;
}

void sfab_fabric_reset(struct sfab_fabric *fabric)
{
	new_incarnation(fabric);
	atomic_store(&fabric->port_event, 0);
	for (unsigned int p = 0; p < fabric->config.ports; p++)
		atomic_fetch_and(&fabric->port[p].pattern.ctrl, ~SFAB_P_TEST_RUN);
	fabric->ops->wake(fabric->opaque);
	sfab_mailbox_reset(fabric);
}
