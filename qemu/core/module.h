/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The module that is plugged into a port, as it manages itself: the state machines of
 * CMIS, of docs/specs/sfab-optics.rst, "Module". Plain state; it knows of time only what
 * it is told.
 */
#ifndef SFAB_CORE_MODULE_H
#define SFAB_CORE_MODULE_H

#include <stdbool.h>
#include <stdint.h>

/* As CMIS numbers them. */
enum sfab_module_state {
	SFAB_MODULE_INIT,
	SFAB_MODULE_LOW_POWER,
	SFAB_MODULE_POWER_UP,
	SFAB_MODULE_READY,
	SFAB_MODULE_POWER_DOWN,
	SFAB_MODULE_FAULT,
};

enum sfab_datapath {
	SFAB_DATAPATH_DEACTIVATED = 1,
	SFAB_DATAPATH_INIT,
	SFAB_DATAPATH_DEINIT,
	SFAB_DATAPATH_ACTIVATED,
	SFAB_DATAPATH_TX_TURN_ON,
	SFAB_DATAPATH_TX_TURN_OFF,
	SFAB_DATAPATH_INITIALIZED,
};

enum sfab_module_fault {
	SFAB_MODULE_WELL,
	SFAB_MODULE_HOT,		/* it has switched itself off */
	SFAB_MODULE_STUCK,	/* its DataPath does not come up */
};

/* How long it stays in a state. */
#define SFAB_MODULE_INIT_NS		100000000ull
#define SFAB_MODULE_POWER_UP_NS		100000000ull
#define SFAB_MODULE_POWER_DOWN_NS	20000000ull
#define SFAB_DATAPATH_INIT_NS		100000000ull
#define SFAB_DATAPATH_TURN_ON_NS	20000000ull
/* The longest Init that it promises; then it is stuck. */
#define SFAB_DATAPATH_PROMISE_NS	500000000ull

/* Text of a serial number: "SFAB" and so many digits. */
#define SFAB_MODULE_SERIALS		1000000000000ull

struct sfab_plugged {
	bool present;
	uint64_t serial;		/* of the last one that was plugged */
	uint16_t insertions;
	enum sfab_module_state state;
	enum sfab_datapath datapath;	/* of all lanes; a lane's laser may be off */
	enum sfab_module_fault fault;
	uint64_t until;			/* the state ends then */
	uint64_t init_since;		/* when the DataPath's began */
};

/* What it is told, or suffers. */
struct sfab_module_wish {
	bool low_power;
	bool hot;
	bool hang;
};

/* A module that has been in for long. */
void sfab_module_begin(struct sfab_plugged *m, uint64_t serial);

/* @serial: 0 pulls it. */
void sfab_module_plug(struct sfab_plugged *m, uint64_t serial, uint64_t now);

/* Time has passed, or the wishes are others. */
void sfab_module_step(struct sfab_plugged *m, const struct sfab_module_wish *wish,
		      uint64_t now);

/* When it must step again; UINT64_MAX: not by itself. */
uint64_t sfab_module_due(const struct sfab_plugged *m);

/* It sends and receives. */
static inline bool sfab_module_works(const struct sfab_plugged *m)
{
	return m->present && m->datapath == SFAB_DATAPATH_ACTIVATED;
}

#endif /* SFAB_CORE_MODULE_H */
