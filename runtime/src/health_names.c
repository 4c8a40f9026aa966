// SPDX-License-Identifier: MIT
/*
 * What findings are called
 */
#include "internal.h"

const char *sfab_condition_name(uint32_t condition)
{
	static const char *const names[] = {
		[SFAB_CONDITION_ENABLED] = "enabled",
		[SFAB_CONDITION_MODULE] = "module",
		[SFAB_CONDITION_SWITCH] = "switch",
		[SFAB_CONDITION_LASERS] = "lasers",
		[SFAB_CONDITION_LIGHT] = "light",
		[SFAB_CONDITION_FAR_LIGHT] = "far-light",
		[SFAB_CONDITION_LOCK] = "lock",
		[SFAB_CONDITION_TEMPERATURE] = "temperature",
		[SFAB_CONDITION_AGE] = "age",
		[SFAB_CONDITION_BIT_ERRORS] = "bit-errors",
		[SFAB_CONDITION_REPLAYS] = "replays",
		[SFAB_CONDITION_WIDTH] = "width",
		[SFAB_CONDITION_TRAFFIC] = "traffic",
		[SFAB_CONDITION_STABLE] = "stable",
		[SFAB_CONDITION_USABLE] = "usable",
		[SFAB_CONDITION_RESETS] = "resets",
		[SFAB_CONDITION_TIMEOUTS] = "timeouts",
		[SFAB_CONDITION_REMOTE] = "remote",
		[SFAB_CONDITION_LINKS] = "links",
	};

	return condition < ARRAY_SIZE(names) && names[condition] ? names[condition] :
								   "unknown condition";
}

const char *sfab_severity_name(uint32_t severity)
{
	static const char *const names[] = {
		[SFAB_SEVERITY_OK] = "ok",
		[SFAB_SEVERITY_WATCH] = "watch",
		[SFAB_SEVERITY_DEGRADED] = "degraded",
		[SFAB_SEVERITY_FAILED] = "failed",
	};

	return severity < ARRAY_SIZE(names) ? names[severity] : "unknown severity";
}

const char *sfab_health_cause_name(uint32_t cause)
{
	static const char *const names[] = {
		[SFAB_HEALTH_NONE] = "none",
		[SFAB_HEALTH_DISABLED] = "disabled",
		[SFAB_HEALTH_NO_MODULE] = "no-module",
		[SFAB_HEALTH_LOW_POWER] = "low-power",
		[SFAB_HEALTH_MODULE_OVERHEATED] = "module-overheated",
		[SFAB_HEALTH_MODULE_FAULT] = "module-fault",
		[SFAB_HEALTH_NO_FIBRE_OR_CUT] = "no-fibre-or-cut",
		[SFAB_HEALTH_FAR_TRANSMITTER] = "far-transmitter",
		[SFAB_HEALTH_DARK_UNKNOWN] = "dark-unknown",
		[SFAB_HEALTH_DIRTY_CONNECTOR] = "dirty-connector",
		[SFAB_HEALTH_BENT_FIBRE] = "bent-fibre",
		[SFAB_HEALTH_LASER_AGEING] = "laser-ageing",
		[SFAB_HEALTH_LASER_DEAD] = "laser-dead",
		[SFAB_HEALTH_FAR_LASER_DEAD] = "far-laser-dead",
		[SFAB_HEALTH_RECEIVER_UNLOCK] = "receiver-unlock",
		[SFAB_HEALTH_HIGH_BER] = "high-ber",
		[SFAB_HEALTH_REPLAY_STORM] = "replay-storm",
		[SFAB_HEALTH_FLAPPING] = "flapping",
		[SFAB_HEALTH_TOO_WARM] = "too-warm",
		[SFAB_HEALTH_SWITCH_STUCK] = "switch-stuck",
		[SFAB_HEALTH_PROTOCOL] = "protocol",
		[SFAB_HEALTH_VERSION] = "version",
		[SFAB_HEALTH_NO_PATH] = "no-path",
		[SFAB_HEALTH_TESTING] = "testing",
		[SFAB_HEALTH_SWITCHING] = "switching",
		[SFAB_HEALTH_PARTNER_DEAF] = "partner-deaf",
		[SFAB_HEALTH_LANES_IDLE] = "lanes-idle",
		[SFAB_HEALTH_LASERS_OFF] = "lasers-off",
		[SFAB_HEALTH_ACCEL_LOST] = "accel-lost",
		[SFAB_HEALTH_ACCEL_RESET] = "accel-reset",
		[SFAB_HEALTH_ACCEL_TIMEOUTS] = "accel-timeouts",
		[SFAB_HEALTH_REMOTE_FAILURES] = "remote-failures",
		[SFAB_HEALTH_LINKS_BAD] = "links-bad",
	};

	return cause < ARRAY_SIZE(names) && names[cause] ? names[cause] : "unknown cause";
}

const char *sfab_health_action_name(uint32_t action)
{
	static const char *const names[] = {
		[SFAB_ACTION_NONE] = "none",
		[SFAB_ACTION_WATCH] = "watch",
		[SFAB_ACTION_CLEAN_CONNECTOR] = "clean-connector",
		[SFAB_ACTION_CHECK_FIBRE] = "check-fibre",
		[SFAB_ACTION_RETRAIN] = "retrain",
		[SFAB_ACTION_REPLACE_MODULE] = "replace-module",
		[SFAB_ACTION_REPLACE_FAR_MODULE] = "replace-far-module",
		[SFAB_ACTION_COOL] = "cool",
		[SFAB_ACTION_RESET] = "reset",
		[SFAB_ACTION_DRAIN] = "drain",
		[SFAB_ACTION_ENABLE] = "enable",
	};

	return action < ARRAY_SIZE(names) ? names[action] : "unknown action";
}
