// SPDX-License-Identifier: GPL-2.0-or-later
/* How a module comes up and goes down: the state machines of CMIS. */
#include "module.h"

static void enter(struct sfab_plugged *m, enum sfab_module_state state, uint64_t until)
{
	m->state = state;
	m->until = until;
	if (state != SFAB_MODULE_READY)
		m->datapath = state == SFAB_MODULE_POWER_DOWN ? SFAB_DATAPATH_DEINIT :
								SFAB_DATAPATH_DEACTIVATED;
}

static void init_datapath(struct sfab_plugged *m, uint64_t now)
{
	m->datapath = SFAB_DATAPATH_INIT;
	m->init_since = now;
	m->until = now + SFAB_DATAPATH_INIT_NS;
	m->fault = SFAB_MODULE_WELL;
}

void sfab_module_begin(struct sfab_plugged *m, uint64_t serial)
{
	*m = (struct sfab_plugged){
		.present = true,
		.serial = serial,
		.insertions = 1,
		.state = SFAB_MODULE_READY,
		.datapath = SFAB_DATAPATH_ACTIVATED,
		.until = UINT64_MAX,
	};
}

void sfab_module_plug(struct sfab_plugged *m, uint64_t serial, uint64_t now)
{
	m->present = serial;
	m->fault = SFAB_MODULE_WELL;
	enter(m, SFAB_MODULE_INIT, serial ? now + SFAB_MODULE_INIT_NS : UINT64_MAX);
	if (!serial)
		return;
	m->serial = serial;
	m->insertions++;
}

/* The DataPath of a module that is Ready; false: it stays where it is. */
static bool step_datapath(struct sfab_plugged *m, bool hang, uint64_t now)
{
	switch (m->datapath) {
	case SFAB_DATAPATH_INIT:
		if (hang) {
			m->until = m->init_since + SFAB_DATAPATH_PROMISE_NS;
			if (now >= m->until)
				m->fault = SFAB_MODULE_STUCK;
			return false;
		}
		if (m->fault) {
			init_datapath(m, now);
			return false;
		}
		m->until = m->init_since + SFAB_DATAPATH_INIT_NS;
		if (now < m->until)
			return false;
		m->datapath = SFAB_DATAPATH_TX_TURN_ON;
		m->until += SFAB_DATAPATH_TURN_ON_NS;
		return true;
	case SFAB_DATAPATH_TX_TURN_ON:
		if (now < m->until)
			return false;
		m->datapath = SFAB_DATAPATH_ACTIVATED;
		m->until = UINT64_MAX;
		return true;
	default:
		if (!hang)
			return false;
		init_datapath(m, now);
		return true;
	}
}

/* False: it stays as it is. */
static bool step(struct sfab_plugged *m, const struct sfab_module_wish *wish, uint64_t now)
{
	bool over = now >= m->until;

	switch (m->state) {
	case SFAB_MODULE_INIT:
		if (!over)
			return false;
		enter(m, SFAB_MODULE_LOW_POWER, UINT64_MAX);
		return true;
	case SFAB_MODULE_LOW_POWER:
		if (wish->low_power)
			return false;
		enter(m, SFAB_MODULE_POWER_UP, now + SFAB_MODULE_POWER_UP_NS);
		return false;
	case SFAB_MODULE_POWER_UP:
	case SFAB_MODULE_READY:
		if (wish->low_power) {
			m->fault = SFAB_MODULE_WELL;
			enter(m, SFAB_MODULE_POWER_DOWN, now + SFAB_MODULE_POWER_DOWN_NS);
			return false;
		}
		if (m->state == SFAB_MODULE_READY)
			return step_datapath(m, wish->hang, now);
		if (!over)
			return false;
		enter(m, SFAB_MODULE_READY, UINT64_MAX);
		init_datapath(m, now);
		return true;
	case SFAB_MODULE_POWER_DOWN:
		if (!over)
			return false;
		enter(m, SFAB_MODULE_LOW_POWER, UINT64_MAX);
		return true;
	case SFAB_MODULE_FAULT:
		m->fault = SFAB_MODULE_WELL;
		enter(m, SFAB_MODULE_LOW_POWER, UINT64_MAX);
		return true;
	}
	return false;
}

void sfab_module_step(struct sfab_plugged *m, const struct sfab_module_wish *wish,
		      uint64_t now)
{
	if (!m->present)
		return;
	if (wish->hot) {
		m->fault = SFAB_MODULE_HOT;
		enter(m, SFAB_MODULE_FAULT, UINT64_MAX);
		return;
	}
	while (step(m, wish, now))
		;
}

uint64_t sfab_module_due(const struct sfab_plugged *m)
{
	bool stuck = m->datapath == SFAB_DATAPATH_INIT && m->fault;

	return m->present && !stuck ? m->until : UINT64_MAX;
}
