/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A port goes from one light path to another: the transaction of docs/specs/sfab-optics.rst,
 * "Switching". Asked for by software, or by the partner; the fabric worker's, but for
 * what is atomic.
 */
#ifndef SFAB_CORE_SWITCHING_H
#define SFAB_CORE_SWITCHING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fibre_memory.h"

enum sfab_phase {
	SFAB_PHASE_NONE,
	SFAB_PHASE_PREPARE,
	SFAB_PHASE_DRAIN,
	SFAB_PHASE_SWITCH,
	SFAB_PHASE_LOCK,
	SFAB_PHASE_TRAIN,
	SFAB_PHASE_RESUME,
	SFAB_PHASES,
};

enum sfab_switch_result {
	SFAB_SWITCH_NEVER,
	SFAB_SWITCH_DONE,
	SFAB_SWITCH_ROLLED_BACK,
	SFAB_SWITCH_FAILED,
};

enum sfab_switch_cause {
	SFAB_SWITCH_FINE,
	SFAB_SWITCH_NO_PATH,
	SFAB_SWITCH_NOT_UP,
	SFAB_SWITCH_DRAIN_TIMEOUT,
	SFAB_SWITCH_NO_LIGHT,
	SFAB_SWITCH_NO_LOCK,
	SFAB_SWITCH_NO_TRAINING,
	SFAB_SWITCH_STUCK,
	SFAB_SWITCH_REFUSED,
	SFAB_SWITCH_ABORTED,
};

/* What a port that is about to leave still sends. */
enum sfab_hold {
	SFAB_HOLD_NOTHING,
	SFAB_HOLD_REQUESTS,	/* answers only, to what is under way */
	SFAB_HOLD_ALL,
};

struct sfab_switching {
	/* Any thread's. */
	_Atomic uint32_t wish;		/* P_SWITCH; who sets WANTED writes the rest of it */
	_Atomic uint32_t aborts;	/* counts writes with ABORT */

	/* The worker's. */
	uint32_t aborted;		/* of aborts */
	bool yielded;			/* what is wanted has waited for the partner's once */
	enum sfab_phase phase;
	bool asked;			/* by the partner */
	bool together;
	bool back;			/* it failed: on the way to where it came from */
	bool between;			/* the optical switch is stuck half way */
	unsigned int from, to;
	unsigned int partner;		/* together: where it goes */
	uint32_t sequence;		/* of this transaction, on the fibre */
	uint32_t heard;			/* ... of the partner's newest */
	unsigned int stage;		/* what the partner has been told, SFAB_STAGE_* */
	enum sfab_hold hold;
	uint64_t stop[SFAB_FIBRE_RINGS];	/* HEAD, when requests ended */
	uint64_t deadline;
	uint64_t ears;			/* the next time that the partner may ask */
	bool lit;			/* there was light while it looked for a clock */
	uint64_t locks_at;		/* the receiver finds its clock again */
	enum sfab_switch_result result;
	enum sfab_switch_cause cause;
	enum sfab_phase failed;
	uint16_t count;
	uint64_t begin[SFAB_PHASES];	/* of each phase, from PREPARE on; then the end */
	uint64_t model[2];		/* ns: of SWITCH, of LOCK */
	uint64_t draw;
};

#endif /* SFAB_CORE_SWITCHING_H */
