// SPDX-License-Identifier: MIT
/*
 * What the kernel's numbers about links are called
 */
#include "internal.h"

#define NAME_OF(names, value, other)	\
	((value) < ARRAY_SIZE(names) && (names)[value] ? (names)[value] : (other))

const char *sfab_link_event_name(uint32_t type)
{
	static const char *const names[] = {
		[SFAB_LINK_EVENT_STATE] = "state",
		[SFAB_LINK_EVENT_LANES] = "lanes",
		[SFAB_LINK_EVENT_MODULE] = "module",
		[SFAB_LINK_EVENT_SWITCH] = "switch",
		[SFAB_LINK_EVENT_CLEAR] = "clear",
		[SFAB_LINK_EVENT_TEST] = "test",
		[SFAB_LINK_EVENT_FLAG] = "flag",
	};

	return NAME_OF(names, type, "unknown event");
}

const char *sfab_link_module_name(uint32_t state)
{
	static const char *const names[] = {
		[SFAB_LINK_MODULE_NONE] = "none",
		[SFAB_LINK_MODULE_LOW_POWER] = "low-power",
		[SFAB_LINK_MODULE_POWER_UP] = "power-up",
		[SFAB_LINK_MODULE_READY] = "ready",
		[SFAB_LINK_MODULE_POWER_DOWN] = "power-down",
		[SFAB_LINK_MODULE_FAULT] = "fault",
	};

	return NAME_OF(names, state, "unknown state");
}

const char *sfab_link_phase_name(uint32_t phase)
{
	static const char *const names[] = {
		[SFAB_LINK_PHASE_NONE] = "none",
		[SFAB_LINK_PHASE_PREPARE] = "prepare",
		[SFAB_LINK_PHASE_DRAIN] = "drain",
		[SFAB_LINK_PHASE_SWITCH] = "switch",
		[SFAB_LINK_PHASE_LOCK] = "lock",
		[SFAB_LINK_PHASE_TRAIN] = "train",
		[SFAB_LINK_PHASE_RESUME] = "resume",
	};

	return NAME_OF(names, phase, "unknown phase");
}

const char *sfab_link_result_name(uint32_t result)
{
	static const char *const names[] = {
		[SFAB_LINK_RESULT_NONE] = "none",
		[SFAB_LINK_RESULT_DONE] = "done",
		[SFAB_LINK_RESULT_ROLLED_BACK] = "rolled-back",
		[SFAB_LINK_RESULT_FAILED] = "failed",
	};

	return NAME_OF(names, result, "unknown result");
}

const char *sfab_link_cause_name(uint32_t cause)
{
	static const char *const names[] = {
		[SFAB_LINK_CAUSE_NONE] = "none",
		[SFAB_LINK_CAUSE_NO_PATH] = "no such path, or no fibre there",
		[SFAB_LINK_CAUSE_NOT_UP] = "the link carried no traffic",
		[SFAB_LINK_CAUSE_DRAIN_TIMEOUT] = "what was under way did not arrive in time",
		[SFAB_LINK_CAUSE_NO_LIGHT] = "no light on the new path",
		[SFAB_LINK_CAUSE_NO_LOCK] = "no clock in the light of the new path",
		[SFAB_LINK_CAUSE_NO_TRAINING] = "nobody answers on the new path",
		[SFAB_LINK_CAUSE_STUCK] = "the optical switch did not move",
		[SFAB_LINK_CAUSE_REFUSED] = "the partner refused",
		[SFAB_LINK_CAUSE_ABORTED] = "it was given up",
	};

	return NAME_OF(names, cause, "unknown cause");
}
