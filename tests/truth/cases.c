// SPDX-License-Identifier: MIT
/*
 * The cases, and what sfab-health(7) declares of each: a sends to b, the fault is on that way
 *
 * What lies below the thresholds expects nothing; what is seen and does no harm yet, WATCH.
 */
#include "truth.h"

const char *const fault_name[] = {
	[NOTHING] = "nothing", [BEND] = "bend", [BEND_BOTH] = "bend both ways", [DIRT] = "dirt",
	[DEAD] = "dead laser", [UNLOCK] = "no clock", [AGE] = "age", [AGEING] = "ageing",
	[HEAT] = "heat", [RAMP] = "ramp", [CUT] = "cut", [DISABLE] = "disable", [LASERS_OFF] = "lasers off",
	[LOW_POWER] = "low power", [DAMAGE] = "damage", [FLAP] = "flap", [BLINK] = "blink",
	[PULL] = "pulled module", [HANG] = "hanging module",
	[SWITCH] = "switch", [STICK] = "stuck switch",
	[HEALED] = "healed laser", [REPLACED] = "replaced module",
	[DIRT_AND_HEAT] = "dirt and heat",
};

#define V(cause, severity, action)						\
	{ SFAB_HEALTH_##cause, SFAB_SEVERITY_##severity, SFAB_ACTION_##action }
#define OK			V(NONE, OK, NONE)
#define BOTH(v)			.a = v, .b = v
#define BENT(severity)		V(BENT_FIBRE, severity, CHECK_FIBRE)
#define DIRTY(severity)		V(DIRTY_CONNECTOR, severity, CLEAN_CONNECTOR)
#define IS_CUT			V(NO_FIBRE_OR_CUT, FAILED, CHECK_FIBRE)
#define DEAF			V(PARTNER_DEAF, FAILED, CHECK_FIBRE)
#define DARK			V(DARK_UNKNOWN, FAILED, CHECK_FIBRE)
#define DARK_LANES		V(DARK_UNKNOWN, DEGRADED, CHECK_FIBRE)
#define LASER(severity)		V(LASER_DEAD, severity, REPLACE_MODULE)
#define FAR_LASER		V(FAR_LASER_DEAD, DEGRADED, REPLACE_FAR_MODULE)
#define FAR_DEAD		V(FAR_TRANSMITTER, FAILED, REPLACE_FAR_MODULE)
#define SWITCHED_OFF		V(FAR_TRANSMITTER, FAILED, ENABLE)
#define UNLOCKED(severity)	V(RECEIVER_UNLOCK, severity, RETRAIN)
#define OLD(severity)		V(LASER_AGEING, severity, REPLACE_MODULE)
#define FAR_OLD(severity)	V(LASER_AGEING, severity, REPLACE_FAR_MODULE)
#define WARM(severity)		V(TOO_WARM, severity, COOL)
#define STORM			V(REPLAY_STORM, DEGRADED, RETRAIN)
#define IDLE			V(LANES_IDLE, DEGRADED, RETRAIN)
#define FLAPPING		V(FLAPPING, DEGRADED, DRAIN)

const struct example examples[] = {
	{ NOTHING, 0, 0, false, BOTH(OK) },
	{ NOTHING, 0, 0, true, BOTH(OK) },

	/* On all lanes alike */
	{ BEND, 200, EVERY, false, BOTH(OK) },
	{ BEND, 500, EVERY, false, BOTH(OK) },
	{ BEND, 1000, EVERY, false, BOTH(BENT(WATCH)) },
	{ BEND, 1500, EVERY, false, BOTH(BENT(WATCH)) },
	{ BEND, 2400, EVERY, false, BOTH(BENT(DEGRADED)) },
	{ BEND, 2800, EVERY, false, BOTH(BENT(DEGRADED)) },
	{ BEND, 5000, EVERY, false, BOTH(BENT(FAILED)) },
	{ BEND, 8000, EVERY, false, BOTH(BENT(FAILED)) },
	{ BEND, 12000, EVERY, false, BOTH(BENT(FAILED)) },
	{ BEND, 16000, EVERY, false, .a = DEAF, .b = IS_CUT },
	{ BEND, 60000, EVERY, false, .a = DEAF, .b = IS_CUT },
	{ BEND_BOTH, 200, EVERY, false, BOTH(OK) },
	{ BEND_BOTH, 1200, EVERY, false, BOTH(BENT(WATCH)) },
	{ BEND_BOTH, 2600, EVERY, false, BOTH(BENT(DEGRADED)) },
	{ BEND_BOTH, 6000, EVERY, false, BOTH(BENT(FAILED)) },
	{ BEND_BOTH, 20000, EVERY, false, BOTH(IS_CUT) },
	{ CUT, 0, EVERY, false, BOTH(IS_CUT) },

	/* On some lanes */
	{ DIRT, 200, 0x08, false, BOTH(OK) },
	{ DIRT, 400, 0x01, false, BOTH(OK) },
	{ DIRT, 400, 0x0f, false, BOTH(OK) },
	{ DIRT, 800, 0x08, false, BOTH(DIRTY(WATCH)) },
	{ DIRT, 1000, 0x01, false, BOTH(DIRTY(WATCH)) },
	{ DIRT, 1000, 0x80, false, BOTH(DIRTY(WATCH)) },
	{ DIRT, 1000, 0x55, false, BOTH(DIRTY(WATCH)) },
	{ DIRT, 1000, 0xfe, false, BOTH(DIRTY(WATCH)) },
	{ DIRT, 1800, 0x20, false, BOTH(DIRTY(WATCH)) },
	{ DIRT, 1800, 0x06, false, BOTH(DIRTY(WATCH)) },
	{ DIRT, 3500, 0x08, false, BOTH(DIRTY(DEGRADED)) },
	{ DIRT, 3500, 0x01, false, BOTH(DIRTY(DEGRADED)) },
	{ DIRT, 5000, 0x80, false, BOTH(DIRTY(DEGRADED)) },
	{ DIRT, 5000, 0x18, false, BOTH(DIRTY(DEGRADED)) },
	{ DIRT, 9000, 0x08, false, BOTH(DIRTY(DEGRADED)) },
	{ DIRT, 9000, 0xf0, false, BOTH(DIRTY(DEGRADED)) },
	{ DIRT, 20000, 0x08, false, BOTH(DIRTY(DEGRADED)) },
	{ DIRT, 20000, 0x03, false, BOTH(DIRTY(DEGRADED)) },
	{ DIRT, 60000, 0xfe, false, BOTH(DIRTY(DEGRADED)) },

	/* Lasers */
	{ DEAD, 1, 0x01, false, .a = LASER(DEGRADED), .b = FAR_LASER },
	{ DEAD, 1, 0x08, false, .a = LASER(DEGRADED), .b = FAR_LASER },
	{ DEAD, 1, 0x80, false, .a = LASER(DEGRADED), .b = FAR_LASER },
	{ DEAD, 1, 0x03, false, .a = LASER(DEGRADED), .b = FAR_LASER },
	{ DEAD, 1, 0x7f, false, .a = LASER(DEGRADED), .b = FAR_LASER },
	{ DEAD, 1, EVERY, false, .a = LASER(FAILED), .b = FAR_DEAD },
	{ HEALED, 1, 0x04, false, BOTH(IDLE) },
	{ HEALED, 1, 0xf0, false, BOTH(IDLE) },
	{ AGE, 300, 0x08, false, BOTH(OK) },
	{ AGE, 600, EVERY, false, BOTH(OK) },
	{ AGE, 750, 0x08, false, .a = OLD(WATCH), .b = OK },
	{ AGE, 900, 0x01, false, .a = OLD(WATCH), .b = OK },
	{ AGE, 950, EVERY, false, .a = OLD(WATCH), .b = OK },
	{ AGE, 1050, 0x20, false, .a = OLD(DEGRADED), .b = OK },
	{ AGE, 2000, 0x08, false, .a = OLD(DEGRADED), .b = FAR_OLD(WATCH) },
	{ AGE, 9000, 0x08, false, .a = LASER(DEGRADED), .b = FAR_LASER },
	/* After four seconds of it */
	{ AGEING, 50, 0x08, false, BOTH(OK) },
	{ AGEING, 210, 0x08, false, .a = OLD(WATCH), .b = OK },
	{ AGEING, 270, 0x20, false, .a = OLD(DEGRADED), .b = OK },
	{ AGEING, 5000, 0x08, false, .a = LASER(DEGRADED), .b = FAR_LASER },
	{ DISABLE, 0, EVERY, false, .a = V(DISABLED, WATCH, ENABLE),
	  .b = SWITCHED_OFF },
	{ LASERS_OFF, 0, 0x08, false, .a = V(LASERS_OFF, DEGRADED, ENABLE),
	  .b = V(FAR_LASER_DEAD, DEGRADED, ENABLE) },
	{ LASERS_OFF, 0, EVERY, false, .a = V(LASERS_OFF, WATCH, ENABLE), .b = SWITCHED_OFF },
	{ LOW_POWER, 0, 0, false, .a = V(LOW_POWER, WATCH, ENABLE), .b = SWITCHED_OFF },

	{ PULL, 0, 0, false, .a = V(NO_MODULE, FAILED, REPLACE_MODULE), .b = FAR_DEAD },
	{ HANG, 1, 0, false, .a = V(MODULE_FAULT, FAILED, RESET),
	  .b = V(FAR_TRANSMITTER, FAILED, RESET) },
	{ REPLACED, 4711, 0x08, false, BOTH(OK) },
	{ REPLACED, 4712, EVERY, false, BOTH(OK) },

	{ SWITCH, 0, 0, false, BOTH(OK) },
	{ STICK, 1, 0, false, .a = V(SWITCH_STUCK, DEGRADED, REPLACE_MODULE), .b = OK },
	{ STICK, 2, 0, false, .a = V(SWITCH_STUCK, FAILED, REPLACE_MODULE), .b = IS_CUT },

	/* Receivers */
	{ UNLOCK, 1, 0x01, false, BOTH(UNLOCKED(DEGRADED)) },
	{ UNLOCK, 1, 0x40, false, BOTH(UNLOCKED(DEGRADED)) },
	{ UNLOCK, 1, 0x18, false, BOTH(UNLOCKED(DEGRADED)) },
	{ UNLOCK, 1, EVERY, false, BOTH(UNLOCKED(FAILED)) },

	/* Heat */
	{ HEAT, -30000, 0, false, BOTH(OK) },
	{ HEAT, 10000, 0, false, BOTH(OK) },
	{ HEAT, 20000, 0, false, BOTH(OK) },
	/* By the limits of the module, 73 and 78 C, and without any, 70 and 75 C */
	{ HEAT, 28500, 0, false, .a = WARM(WATCH), .b = OK },
	{ HEAT, 29000, 0, false, .a = WARM(WATCH), .b = OK },
	{ HEAT, 34000, 0, false, .a = WARM(DEGRADED), .b = OK },
	{ HEAT, 34300, 0, false, .a = WARM(DEGRADED), .b = OK },
	{ HEAT, 37000, 0, false, .a = V(MODULE_OVERHEATED, FAILED, COOL),
	  .b = V(FAR_TRANSMITTER, FAILED, COOL) },
	{ HEAT, 55000, 0, false, .a = V(MODULE_OVERHEATED, FAILED, COOL),
	  .b = V(FAR_TRANSMITTER, FAILED, COOL) },
	{ RAMP, 2000, 0, false, BOTH(OK) },
	{ RAMP, 7250, 0, false, .a = WARM(WATCH), .b = OK },
	{ RAMP, 8550, 0, false, .a = WARM(DEGRADED), .b = OK },
	{ RAMP, 10000, 0, false, .a = V(MODULE_OVERHEATED, FAILED, COOL),
	  .b = V(FAR_TRANSMITTER, FAILED, COOL) },
	{ DIRT_AND_HEAT, 1000, 0x08, false, BOTH(DIRTY(WATCH)) },
	{ DIRT_AND_HEAT, 5000, 0x08, false, BOTH(DIRTY(DEGRADED)) },

	/* Not the light */
	{ DAMAGE, 1, 0, false, BOTH(OK) },
	{ DAMAGE, 3000, 0, false, BOTH(STORM) },
	{ DAMAGE, 50000, 0, false, BOTH(STORM) },
	{ FLAP, 1, 0, false, BOTH(OK) },
	{ FLAP, 2, 0, false, BOTH(OK) },
	{ FLAP, 4, 0, false, BOTH(FLAPPING) },
	{ FLAP, 9, 0, false, BOTH(FLAPPING) },

	{ BLINK, 3600000, 0, false, BOTH(OK) },
	{ BLINK, 700, 0, false, BOTH(FLAPPING) },

	/* Who cannot ask the far end */
	{ BEND, 1000, EVERY, true, BOTH(OK) },
	{ BEND, 2800, EVERY, true, .a = OK, .b = BENT(DEGRADED) },
	{ BEND, 8000, EVERY, true, .a = DEAF, .b = BENT(FAILED) },
	{ BEND, 20000, EVERY, true, .a = DEAF, .b = DARK },
	{ BEND_BOTH, 20000, EVERY, true, BOTH(DARK) },
	{ CUT, 0, EVERY, true, BOTH(DARK) },
	{ DIRT, 800, 0x08, true, BOTH(OK) },
	{ DIRT, 5000, 0x08, true, .a = IDLE, .b = DIRTY(DEGRADED) },
	{ DIRT, 20000, 0x08, true, .a = IDLE, .b = DARK_LANES },
	{ DEAD, 1, 0x08, true, .a = LASER(DEGRADED), .b = DARK_LANES },
	{ DEAD, 1, EVERY, true, .a = LASER(FAILED), .b = DARK },
	{ UNLOCK, 1, 0x40, true, .a = IDLE, .b = UNLOCKED(DEGRADED) },
	{ UNLOCK, 1, EVERY, true, .a = DEAF, .b = UNLOCKED(FAILED) },
	{ PULL, 0, 0, true, .a = V(NO_MODULE, FAILED, REPLACE_MODULE), .b = DARK },
	{ HEAT, 37000, 0, true, .a = V(MODULE_OVERHEATED, FAILED, COOL), .b = DARK },
	{ LASERS_OFF, 0, EVERY, true, .a = V(LASERS_OFF, WATCH, ENABLE), .b = DARK },
	{ DISABLE, 0, EVERY, true, .a = V(DISABLED, WATCH, ENABLE), .b = DARK },
};

const unsigned int example_count = sizeof(examples) / sizeof(examples[0]);
