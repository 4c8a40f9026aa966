// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A port goes to another light path, and nothing is lost: both ends stop to send and take
 * all that is on the link before one of them moves. The partner may be hostile: whatever
 * it says, or does not say, each phase has an end, and the way back too.
 */
#include "draw.h"
#include "fabric_internal.h"
#include "smath.h"

/* Bounds of the phases; those of the way back are longer, as the partner is on it too. */
#define DRAIN_LEAST_NS	20000000ull
#define LOCK_NS		250000000ull
#define TRAIN_NS	250000000ull
#define BACK_LOCK_NS	1000000000ull
#define BACK_TRAIN_NS	500000000ull

/* The partner may not ask more often. */
#define EARS_NS		1000000ull

/* Of the optical switch, and of a receiver that is warm. */
#define SWITCH_LEAST	60000
#define SWITCH_SPREAD	20001
#define LOCK_LEAST	100000.0
#define LOCK_RATIO_LOG	4.605170185988092	/* at most 100 times as long */

/* ---- what software sees ---- */

static void show(struct sfab_port *port)
{
	const struct sfab_switching *s = &port->switching;
	uint32_t status = s->phase | s->result << SFAB_P_SWITCH_STATUS_RESULT_SHIFT |
			  s->failed << SFAB_P_SWITCH_STATUS_WHERE_SHIFT |
			  s->cause << SFAB_P_SWITCH_STATUS_CAUSE_SHIFT |
			  (uint32_t)s->count << SFAB_P_SWITCH_STATUS_COUNT_SHIFT;
	_Atomic uint64_t *low = &port->low[SFAB_REG_P_SWITCH / 8];

	for (unsigned int i = 0; i < SFAB_PHASES; i++)
		relaxed_store(low[1 + i], s->begin[i]);
	relaxed_store(low[1 + SFAB_PHASES], s->model[0]);
	relaxed_store(low[2 + SFAB_PHASES], s->model[1]);
	/* Who sees that it has ended sees the rest of it. */
	atomic_store_explicit(low, (uint64_t)status << 32, memory_order_release);
}

static void enter(struct sfab_fabric *fabric, struct sfab_port *port,
		  enum sfab_phase phase, uint64_t ns)
{
	struct sfab_switching *s = &port->switching;

	s->phase = phase;
	s->deadline = fabric->now + ns;
	if (!s->back)
		s->begin[phase - 1] = fabric->now;
	show(port);
}

static bool over(struct sfab_fabric *fabric, struct sfab_switching *s)
{
	if (fabric->now >= s->deadline)
		return true;
	sfab_due(fabric, s->deadline);
	return false;
}

/* ---- what the ends tell each other ---- */

/* Tell the partner how far we are. */
static void tell(struct sfab_port *port, unsigned int stage)
{
	struct sfab_switching *s = &port->switching;
	uint64_t word = (uint64_t)s->sequence << 32 | stage;

	s->stage = stage;
	if (!s->asked && s->together)
		word |= SFAB_ASK_TOGETHER | s->partner << SFAB_ASK_PATH_SHIFT;
	sfab_link_tell(&port->link, s->asked, stage ? word : 0);
}

/* How far the partner is with this transaction. */
static unsigned int partner_stage(struct sfab_port *port)
{
	const struct sfab_switching *s = &port->switching;
	uint64_t word = sfab_link_told(&port->link, !s->asked);

	return word >> 32 == s->sequence ? word & SFAB_ASK_STAGE : SFAB_STAGE_NONE;
}

/* ---- what software wants ---- */

static bool wanted(const struct sfab_switching *s)
{
	return relaxed_load(s->wish) & SFAB_P_SWITCH_WANTED;
}

/*
 * Whether this transaction is what software wants: it has begun it, or the partner has asked
 * for the same. The fibre there says where the partner is to go.
 */
static bool serves(const struct sfab_switching *s)
{
	uint32_t wish = relaxed_load(s->wish);

	if (!s->asked)
		return true;
	return s->together && wish & SFAB_P_SWITCH_TOGETHER &&
	       (wish & SFAB_P_SWITCH_PATH) == s->to;
}

static void serve(struct sfab_switching *s)
{
	atomic_fetch_and(&s->wish, ~SFAB_P_SWITCH_WANTED);
	s->yielded = false;
}

/* ---- its end ---- */

static void end(struct sfab_fabric *fabric, struct sfab_port *port,
		enum sfab_switch_result result)
{
	struct sfab_switching *s = &port->switching;

	if (port->link.state == SFAB_LINK_UP && s->stage)
		tell(port, SFAB_STAGE_NONE);
	s->stage = SFAB_STAGE_NONE;
	s->phase = SFAB_PHASE_NONE;
	s->hold = SFAB_HOLD_NOTHING;
	s->back = false;
	s->result = result;
	s->count++;
	s->begin[SFAB_PHASES - 1] = fabric->now;
	s->ears = fabric->now + EARS_NS;
	port->optics.relocking = false;
	port->relight = true;
	if (serves(s))
		serve(s);
	show(port);
	sfab_port_event(fabric, port);
}

/* Whether the link where it is works, is what is left of it. */
static void give_up(struct sfab_fabric *fabric, struct sfab_port *port)
{
	end(fabric, port, port->link.state == SFAB_LINK_UP ? SFAB_SWITCH_ROLLED_BACK :
							     SFAB_SWITCH_FAILED);
}

static void move(struct sfab_fabric *fabric, struct sfab_port *port, unsigned int to)
{
	struct sfab_switching *s = &port->switching;
	uint64_t ns = SWITCH_LEAST + sfab_draw(&s->draw) % SWITCH_SPREAD;

	sfab_port_leave(fabric, port);
	sfab_port_set_path(port, to);
	if (!s->back)
		s->model[0] = ns;
	s->hold = SFAB_HOLD_ALL;
	enter(fabric, port, SFAB_PHASE_SWITCH, ns);
}

static void lock(struct sfab_fabric *fabric, struct sfab_port *port)
{
	struct sfab_switching *s = &port->switching;
	uint64_t ns = LOCK_LEAST *
		      sfab_exp(LOCK_RATIO_LOG * sfab_draw_uniform(&s->draw));

	if (!s->back)
		s->model[1] = ns;
	s->locks_at = fabric->now + ns;
	s->lit = false;
	port->optics.relocking = true;
	enter(fabric, port, SFAB_PHASE_LOCK, ns + (s->back ? BACK_LOCK_NS : LOCK_NS));
	sfab_port_begin(fabric, port);
	port->link.blind = true;
}

/* It does not go on: back to where the port came from, if it has moved. */
static void fail(struct sfab_fabric *fabric, struct sfab_port *port,
		 enum sfab_switch_cause cause)
{
	struct sfab_switching *s = &port->switching;

	if (s->back) {
		end(fabric, port, SFAB_SWITCH_FAILED);
		return;
	}
	s->cause = cause;
	s->failed = s->phase;
	if (s->phase < SFAB_PHASE_SWITCH) {
		give_up(fabric, port);
		return;
	}
	s->back = true;
	if (cause == SFAB_SWITCH_STUCK) {
		sfab_port_set_path(port, s->from);
		lock(fabric, port);
	} else {
		move(fabric, port, s->from);
	}
}

/* ---- phases ---- */

static uint64_t hoq(const struct sfab_fabric *fabric)
{
	return relaxed_load(fabric->hoq_timeout) * 1000000ull;
}

static void drain(struct sfab_fabric *fabric, struct sfab_port *port)
{
	struct sfab_switching *s = &port->switching;
	uint64_t ns = 2 * hoq(fabric);

	for (unsigned int r = 0; r < SFAB_FIBRE_RINGS; r++)
		s->stop[r] = port->link.tx[r].head;
	s->hold = SFAB_HOLD_REQUESTS;
	enter(fabric, port, SFAB_PHASE_DRAIN, ns > DRAIN_LEAST_NS ? ns : DRAIN_LEAST_NS);
}

static bool prepare_step(struct sfab_fabric *fabric, struct sfab_port *port)
{
	unsigned int stage;

	if (port->link.state != SFAB_LINK_UP) {
		fail(fabric, port, SFAB_SWITCH_NOT_UP);
		return true;
	}
	stage = partner_stage(port);
	if (stage == SFAB_STAGE_REFUSED || over(fabric, &port->switching)) {
		fail(fabric, port, SFAB_SWITCH_REFUSED);
		return true;
	}
	if (stage < SFAB_STAGE_BEGUN || stage > SFAB_STAGE_EMPTY)
		return false;
	drain(fabric, port);
	return true;
}

/* The partner has taken all that it will have to answer to. */
static bool quiet(const struct sfab_port *port)
{
	for (unsigned int r = 0; r < SFAB_FIBRE_RINGS; r++) {
		if (r % SFAB_CLASSES == SFAB_CLASS_RESPONSE)
			continue;
		if (port->link.tx[r].tail < port->switching.stop[r])
			return false;
	}
	return true;
}

/* There is nothing on the link, in either direction. */
static bool empty(const struct sfab_port *port)
{
	for (unsigned int r = 0; r < SFAB_FIBRE_RINGS; r++)
		if (port->link.tx[r].tail != port->link.tx[r].head ||
		    port->link.rx[r].tail != port->link.rx[r].head)
			return false;
	return true;
}

/* It is the partner who goes, alone. */
static bool stays(const struct sfab_switching *s)
{
	return s->asked && !s->together;
}

static bool drain_step(struct sfab_fabric *fabric, struct sfab_port *port)
{
	struct sfab_switching *s = &port->switching;
	unsigned int theirs;

	if (port->link.state != SFAB_LINK_UP) {
		fail(fabric, port, SFAB_SWITCH_NOT_UP);
		return true;
	}
	theirs = partner_stage(port);
	if (s->stage == SFAB_STAGE_BEGUN && quiet(port))
		tell(port, SFAB_STAGE_QUIET);
	if (s->stage == SFAB_STAGE_QUIET && theirs >= SFAB_STAGE_QUIET)
		s->hold = SFAB_HOLD_ALL;
	if (s->hold == SFAB_HOLD_ALL && s->stage == SFAB_STAGE_QUIET && empty(port))
		tell(port, SFAB_STAGE_EMPTY);
	if (s->stage == SFAB_STAGE_EMPTY && theirs == SFAB_STAGE_EMPTY && empty(port) &&
	    !stays(s)) {
		move(fabric, port, s->to);
		return true;
	}
	if (theirs < SFAB_STAGE_BEGUN || theirs > SFAB_STAGE_EMPTY)
		fail(fabric, port, SFAB_SWITCH_ABORTED);
	else if (over(fabric, s))
		fail(fabric, port, SFAB_SWITCH_DRAIN_TIMEOUT);
	return !s->phase;
}

static bool switch_step(struct sfab_fabric *fabric, struct sfab_port *port)
{
	struct sfab_switching *s = &port->switching;
	unsigned int stick = port->optics.faults.stick;

	if (!over(fabric, s))
		return false;
	if (!stick || (s->back && stick == SFAB_STUCK_AT_REST)) {
		lock(fabric, port);
		return true;
	}
	if (!s->back && stick == SFAB_STUCK_AT_REST) {
		fail(fabric, port, SFAB_SWITCH_STUCK);
		return true;
	}
	if (!s->back) {
		s->cause = SFAB_SWITCH_STUCK;
		s->failed = SFAB_PHASE_SWITCH;
	}
	sfab_port_set_path(port, s->from);
	s->between = true;
	end(fabric, port, SFAB_SWITCH_FAILED);
	sfab_port_begin(fabric, port);
	return true;
}

static bool lock_step(struct sfab_fabric *fabric, struct sfab_port *port)
{
	struct sfab_switching *s = &port->switching;

	if (port->optics.relocking) {
		if (fabric->now < s->locks_at && port->link.out) {
			sfab_due(fabric, s->locks_at);
			return false;
		}
		port->optics.relocking = false;
		port->relight = true;
		sfab_port_optics(fabric, port);
	}
	s->lit |= sfab_optics_lit(&port->optics);
	if (port->optics.aligned && port->link.out)
		enter(fabric, port, SFAB_PHASE_TRAIN, s->back ? BACK_TRAIN_NS : TRAIN_NS);
	else if (over(fabric, s) || !port->link.out)
		fail(fabric, port, s->lit ? SFAB_SWITCH_NO_LOCK : SFAB_SWITCH_NO_LIGHT);
	else
		return false;
	return true;
}

static bool train_step(struct sfab_fabric *fabric, struct sfab_port *port)
{
	struct sfab_switching *s = &port->switching;

	if (port->link.state == SFAB_LINK_UP) {
		enter(fabric, port, SFAB_PHASE_RESUME, 0);
		end(fabric, port, s->back ? SFAB_SWITCH_ROLLED_BACK : SFAB_SWITCH_DONE);
	} else if (over(fabric, s) || !port->link.out) {
		fail(fabric, port, SFAB_SWITCH_NO_TRAINING);
	} else {
		return false;
	}
	return true;
}

/* ---- its beginning ---- */

static void begin(struct sfab_fabric *fabric, struct sfab_port *port, unsigned int to,
		  bool asked)
{
	struct sfab_switching *s = &port->switching;

	s->asked = asked;
	s->from = port->path;
	s->to = to;
	s->back = false;
	s->cause = SFAB_SWITCH_FINE;
	s->failed = SFAB_PHASE_NONE;
	memset(s->begin, 0, sizeof(s->begin));
	memset(s->model, 0, sizeof(s->model));
	enter(fabric, port, SFAB_PHASE_PREPARE, hoq(fabric));
}

/* A path that is not the one in use, and has a fibre. */
static bool there(const struct sfab_fabric *fabric, const struct sfab_port *port,
		  unsigned int path)
{
	return path < fabric->config.paths && path != port->path && port->half[path][0];
}

static bool able(const struct sfab_port *port)
{
	return port->applied & SFAB_P_CTRL_ENABLE &&
	       !(port->applied & SFAB_P_CTRL_LOOPBACK) && !sfab_port_tests(port) &&
	       sfab_module_works(&port->optics.plugged);
}

/* Of those who ask at the same time the smaller number goes first: once, if we yield. */
static uint32_t number(struct sfab_fabric *fabric, const struct sfab_switching *s)
{
	uint32_t drawn;

	do
		drawn = sfab_fabric_random(fabric) & ~SFAB_ASK_LATE;
	while (!drawn);
	return s->yielded ? drawn : drawn | SFAB_ASK_LATE;
}

static void obey(struct sfab_fabric *fabric, struct sfab_port *port, uint32_t wish)
{
	struct sfab_switching *s = &port->switching;
	bool up = port->link.state == SFAB_LINK_UP;

	s->together = wish & SFAB_P_SWITCH_TOGETHER;
	s->partner = (wish & SFAB_P_SWITCH_PARTNER) >> SFAB_P_SWITCH_PARTNER_SHIFT;
	begin(fabric, port, wish & SFAB_P_SWITCH_PATH, false);
	if (!there(fabric, port, s->to)) {
		fail(fabric, port, SFAB_SWITCH_NO_PATH);
	} else if (!able(port) || (s->together && !up)) {
		fail(fabric, port, SFAB_SWITCH_NOT_UP);
	} else if (up) {
		s->sequence = number(fabric, s);
		tell(port, SFAB_STAGE_BEGUN);
	} else {
		move(fabric, port, s->to);	/* there is nothing to lose */
	}
}

static bool asks(const struct sfab_switching *s)
{
	return s->phase == SFAB_PHASE_PREPARE && !s->asked;
}

/* What we ask for is asked for again when the partner's has ended. */
static void yield(struct sfab_port *port)
{
	struct sfab_switching *s = &port->switching;

	sfab_link_tell(&port->link, false, 0);
	s->yielded = true;
	s->phase = SFAB_PHASE_NONE;
}

/* The partner asks: take part, or refuse; what is under way ends first. */
static bool hear(struct sfab_fabric *fabric, struct sfab_port *port)
{
	struct sfab_switching *s = &port->switching;
	uint64_t ask;
	unsigned int path;
	bool together, willing;

	if (port->link.state != SFAB_LINK_UP || !port->remote)
		return false;
	ask = sfab_link_told(&port->link, false);
	if ((ask & SFAB_ASK_STAGE) != SFAB_STAGE_BEGUN || ask >> 32 == s->heard)
		return false;
	if (fabric->now < s->ears) {
		sfab_due(fabric, s->ears);
		return false;
	}
	if (s->phase && (!asks(s) || s->sequence < ask >> 32))
		return false;
	s->heard = ask >> 32;
	together = ask & SFAB_ASK_TOGETHER;
	path = (ask & SFAB_ASK_PATH) >> SFAB_ASK_PATH_SHIFT;
	willing = able(port) && (!together || there(fabric, port, path));
	if (willing && asks(s) && !s->yielded && s->sequence != s->heard)
		yield(port);
	if (s->phase || !willing) {
		s->ears = fabric->now + EARS_NS;
		sfab_link_tell(&port->link, true, ask >> 32 << 32 | SFAB_STAGE_REFUSED);
		return true;
	}
	s->together = together;
	s->sequence = s->heard;
	begin(fabric, port, together ? path : port->path, true);
	tell(port, SFAB_STAGE_BEGUN);
	drain(fabric, port);
	return true;
}

/* ---- all of it ---- */

static bool step(struct sfab_fabric *fabric, struct sfab_port *port)
{
	switch (port->switching.phase) {
	case SFAB_PHASE_PREPARE:
		return prepare_step(fabric, port);
	case SFAB_PHASE_DRAIN:
		return drain_step(fabric, port);
	case SFAB_PHASE_SWITCH:
		return switch_step(fabric, port);
	case SFAB_PHASE_LOCK:
		return lock_step(fabric, port);
	case SFAB_PHASE_TRAIN:
		return train_step(fabric, port);
	default:
		return false;
	}
}

bool sfab_switching_poll(struct sfab_fabric *fabric, struct sfab_port *port)
{
	struct sfab_switching *s = &port->switching;
	uint32_t aborts = atomic_load(&s->aborts);
	bool changed = hear(fabric, port);

	if (!s->phase && wanted(s)) {
		obey(fabric, port, relaxed_load(s->wish));
		changed = true;
	}
	if (aborts != s->aborted) {
		s->aborted = aborts;
		/* Our own is wanted until it has ended, or a new one would be lost with it. */
		if (!s->phase || s->asked)
			serve(s);
		if (s->phase && !s->back) {
			fail(fabric, port, SFAB_SWITCH_ABORTED);
			changed = true;
		}
	}
	while (step(fabric, port))
		changed = true;
	return changed;
}

bool sfab_switching_lost(struct sfab_fabric *fabric, struct sfab_port *port)
{
	struct sfab_switching *s = &port->switching;

	if (s->phase != SFAB_PHASE_DRAIN)
		return false;
	/* The partner goes as soon as it has heard that we are ready to. */
	if (s->stage != SFAB_STAGE_EMPTY || partner_stage(port) != SFAB_STAGE_EMPTY)
		return false;
	if (stays(s)) {
		end(fabric, port, SFAB_SWITCH_DONE);
		return false;
	}
	move(fabric, port, s->to);
	return true;
}

void sfab_switching_break(struct sfab_fabric *fabric, struct sfab_port *port)
{
	struct sfab_switching *s = &port->switching;

	if (!s->phase)
		return;
	if (!s->back) {
		s->cause = SFAB_SWITCH_ABORTED;
		s->failed = s->phase;
	}
	give_up(fabric, port);
}

bool sfab_switching_ask(struct sfab_fabric *fabric, struct sfab_port *port, uint32_t value)
{
	struct sfab_switching *s = &port->switching;
	uint32_t before = relaxed_load(s->wish);
	uint32_t wish = (value & SFAB_P_SWITCH_KEPT) | SFAB_P_SWITCH_WANTED;
	bool good = true;

	if (value & SFAB_P_SWITCH_ABORT)
		atomic_fetch_add(&s->aborts, 1);
	else
		good = !(before & SFAB_P_SWITCH_WANTED) &&
		       atomic_compare_exchange_strong(&s->wish, &before, wish);
	fabric->ops->wake(fabric->opaque);
	return good;
}
