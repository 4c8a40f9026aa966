// SPDX-License-Identifier: MIT
/*
 * States of links and their reasons in words
 */
#include "internal.h"

const char *sfab_link_state_name(uint32_t state)
{
	static const char *const names[] = {
		[SFAB_LINK_DOWN] = "down",
		[SFAB_LINK_TRAINING] = "training",
		[SFAB_LINK_UP] = "up",
		[SFAB_LINK_DEGRADED] = "degraded",
		[SFAB_LINK_FAILED] = "failed",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "unknown state";
}

const char *sfab_link_reason_name(uint32_t reason)
{
	static const char *const names[] = {
		[SFAB_REASON_NONE] = "none",
		[SFAB_REASON_DISABLED] = "disabled",
		[SFAB_REASON_NO_LIGHT] = "no light",
		[SFAB_REASON_TRAINING] = "training",
		[SFAB_REASON_PROTOCOL] = "partner broke the protocol",
		[SFAB_REASON_REPLAY] = "too many replays",
		[SFAB_REASON_VERSION] = "partner speaks another version",
		[SFAB_REASON_NO_PATH] = "no such light path",
		[SFAB_LINK_WHY_NO_LOCK] = "light, but no clock in it",
		[SFAB_LINK_WHY_NO_ALIGNMENT] = "no codewords come through",
		[SFAB_LINK_WHY_NO_MODULE] = "no module",
		[SFAB_LINK_WHY_LOW_POWER] = "module in low power",
		[SFAB_LINK_WHY_MODULE_FAULT] = "module does not work",
		[SFAB_LINK_WHY_TEST] = "pattern test",
		[SFAB_LINK_WHY_SWITCHING] = "light path being switched",
		[SFAB_LINK_WHY_PARTNER] = "partner hears nothing",
	};

	return reason < ARRAY_SIZE(names) ? names[reason] : "unknown reason";
}
