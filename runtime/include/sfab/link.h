/* SPDX-License-Identifier: MIT */
/*
 * libsfab: optical links, and whether they are well
 *
 * A *link* is one port of an accelerator of this node with its optical module, and what is
 * plugged into it. Its *health* is a list of findings, one for each condition.
 *
 * Errors, ownership, threads, fork() and structs with a size member are as in <sfab/sfab.h>,
 * which includes this file.
 */
#ifndef SFAB_LINK_H
#define SFAB_LINK_H

#include <stddef.h>
#include <stdint.h>

#include <linux/sfab_link.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sfab_context;
struct sfab_device;
struct sfab_link;
struct sfab_health;

/* -------------------------------------------------------------------- links */

/*
 * Links belong to their context. The structs that are asked for and the numbers in them are
 * those of <linux/sfab_link.h>, which tells all about them: set the size member first.
 * Reading needs no right but that to open the device file, and changes nothing. What changes
 * something gives -EBADF if the file could be opened for reading only, -EPERM without
 * CAP_SYS_ADMIN, -EOPNOTSUPP if the device, or its driver, cannot do it.
 */

/**
 * sfab_link_count() - look for links, and tell how many were seen so far
 *
 * In the order of the PCI addresses of their accelerators, then of their ports. One that went
 * keeps its index, and gives -ENODEV.
 */
int sfab_link_count(struct sfab_context *context);

/** sfab_link_get() - get a link by its index; its file is opened at the first use */
int sfab_link_get(struct sfab_context *context, unsigned int index, struct sfab_link **link);

/**
 * sfab_link_find() - get a link by a name that a person would type
 * @name: an index ("0"), a node ("sfab_link0"), or an accelerator, as for sfab_device_find(),
 *        and a port ("0:1", "accel0:1")
 *
 * Errors: -EINVAL for text that is none of these; -ENODEV.
 */
int sfab_link_find(struct sfab_context *context, const char *name, struct sfab_link **link);

/* What the link is, how it is, what it measures and counts */
int sfab_link_get_info(struct sfab_link *link, struct sfab_link_info *info);
int sfab_link_get_status(struct sfab_link *link, struct sfab_link_status *status);
int sfab_link_get_readings(struct sfab_link *link, struct sfab_link_readings *readings);
int sfab_link_get_counters(struct sfab_link *link, struct sfab_link_counters *counters);

/** sfab_link_control() - enable, disable, retrain, turn lasers off, ...; changes */
int sfab_link_control(struct sfab_link *link, const struct sfab_link_control *control);

/**
 * sfab_link_switch() - send the light another way, or tell how that went; changes
 *
 * 0 when it has ended, however it did: look at the result.
 *
 * Errors: -EBUSY another one is under way; -ETIME, -EINTR it goes on, see
 * SFAB_LINK_SWITCH_QUERY.
 */
int sfab_link_switch(struct sfab_link *link, struct sfab_link_switch *args);

/**
 * sfab_link_read_map() - read the CMIS memory map of the module, as of one moment
 * @offset, @length: within SFAB_LINK_MAP_SIZE
 *
 * Errors: -ENXIO no module is plugged.
 */
int sfab_link_read_map(struct sfab_link *link, uint32_t offset, void *data, uint32_t length);

/** sfab_link_test() - begin or end a pattern test, or tell how it goes; changes but for that */
int sfab_link_test(struct sfab_link *link, struct sfab_link_test *test);

/** sfab_link_clear() - set counters back to 0; @what: SFAB_LINK_CLEAR_*; changes */
int sfab_link_clear(struct sfab_link *link, uint32_t what);

/**
 * sfab_link_get_history() - the newest events that are kept, oldest first
 * @count: how many fit; 0: only count them
 *
 * Return: how many there are in @events, or are kept if @count is 0.
 */
int sfab_link_get_history(struct sfab_link *link, struct sfab_link_event *events,
			  unsigned int count);

/** sfab_link_fd() - descriptor that polls readable while an event waits; do not close it */
int sfab_link_fd(struct sfab_link *link);

/**
 * sfab_link_read_event() - take the next event; its member lost tells of missed ones
 *
 * Events since the link was opened, by its first use. Errors: -EAGAIN none waits.
 */
int sfab_link_read_event(struct sfab_link *link, struct sfab_link_event *event);

/* Names as they are printed: "state", "ready", "drain", "rolled-back", ...; never NULL */
const char *sfab_link_event_name(uint32_t type);
const char *sfab_link_module_name(uint32_t state);
const char *sfab_link_phase_name(uint32_t phase);
const char *sfab_link_result_name(uint32_t result);
const char *sfab_link_cause_name(uint32_t cause);
/* "down", "training", "up", ...; why a link carries no traffic, "no light" */
const char *sfab_link_state_name(uint32_t state);
const char *sfab_link_reason_name(uint32_t reason);

/* ------------------------------------------------------------------- health */

/** enum sfab_condition - what is judged of a link, causes before effects */
enum sfab_condition {
	SFAB_CONDITION_ENABLED = 0,	/* it is meant to carry traffic now */
	SFAB_CONDITION_MODULE = 1,	/* there is a module, and it works */
	SFAB_CONDITION_SWITCH = 2,	/* its optical switch moves */
	SFAB_CONDITION_LASERS = 3,	/* all lasers of it give light */
	SFAB_CONDITION_LIGHT = 4,	/* what it receives is as bright as it should be */
	SFAB_CONDITION_FAR_LIGHT = 5,	/* ... and what the far end receives of it */
	SFAB_CONDITION_LOCK = 6,	/* both receivers find the clock */
	SFAB_CONDITION_TEMPERATURE = 7,
	SFAB_CONDITION_AGE = 8,		/* the lasers are far from the end of their lives */
	SFAB_CONDITION_BIT_ERRORS = 9,	/* few, so that all are corrected */
	SFAB_CONDITION_REPLAYS = 10,	/* packets arrive undamaged */
	SFAB_CONDITION_WIDTH = 11,	/* all lanes are used */
	SFAB_CONDITION_TRAFFIC = 12,	/* it carries traffic */
	SFAB_CONDITION_STABLE = 13,	/* it does not go down time and again */
	/* of accelerators */
	SFAB_CONDITION_USABLE = 64,	/* it answers */
	SFAB_CONDITION_RESETS = 65,	/* none in this interval */
	SFAB_CONDITION_TIMEOUTS = 66,	/* no work was stopped because it took too long */
	SFAB_CONDITION_REMOTE = 67,	/* no operation on remote memory failed */
	SFAB_CONDITION_LINKS = 68	/* all links that it uses are well */
};

#define SFAB_LINK_CONDITIONS	14
#define SFAB_ACCEL_CONDITIONS	5

/** enum sfab_truth - whether a condition holds */
enum sfab_truth {
	SFAB_UNKNOWN = 0,		/* the readings do not tell */
	SFAB_TRUE = 1,			/* all is well */
	SFAB_FALSE = 2			/* a finding */
};

/** enum sfab_severity - what a finding means for the traffic */
enum sfab_severity {
	SFAB_SEVERITY_OK = 0,
	SFAB_SEVERITY_WATCH = 1,	/* no harm yet, or so ordered */
	SFAB_SEVERITY_DEGRADED = 2,	/* carries less than it should, or soon will */
	SFAB_SEVERITY_FAILED = 3	/* carries nothing */
};

/** enum sfab_health_cause - why; numbers and names never change */
enum sfab_health_cause {
	SFAB_HEALTH_NONE = 0,
	SFAB_HEALTH_DISABLED = 1,
	SFAB_HEALTH_NO_MODULE = 2,
	SFAB_HEALTH_LOW_POWER = 3,
	SFAB_HEALTH_MODULE_OVERHEATED = 4,
	SFAB_HEALTH_MODULE_FAULT = 5,
	SFAB_HEALTH_NO_FIBRE_OR_CUT = 6,
	SFAB_HEALTH_FAR_TRANSMITTER = 7,
	SFAB_HEALTH_DARK_UNKNOWN = 8,
	SFAB_HEALTH_DIRTY_CONNECTOR = 9,
	SFAB_HEALTH_BENT_FIBRE = 10,
	SFAB_HEALTH_LASER_AGEING = 11,
	SFAB_HEALTH_LASER_DEAD = 12,
	SFAB_HEALTH_FAR_LASER_DEAD = 13,
	SFAB_HEALTH_RECEIVER_UNLOCK = 14,
	SFAB_HEALTH_HIGH_BER = 15,
	SFAB_HEALTH_REPLAY_STORM = 16,
	SFAB_HEALTH_FLAPPING = 17,
	SFAB_HEALTH_TOO_WARM = 18,
	SFAB_HEALTH_SWITCH_STUCK = 19,
	SFAB_HEALTH_PROTOCOL = 20,
	SFAB_HEALTH_VERSION = 21,
	SFAB_HEALTH_NO_PATH = 22,
	SFAB_HEALTH_TESTING = 23,
	SFAB_HEALTH_SWITCHING = 24,
	SFAB_HEALTH_PARTNER_DEAF = 25,
	SFAB_HEALTH_LANES_IDLE = 26,
	SFAB_HEALTH_LASERS_OFF = 27,
	/* of accelerators */
	SFAB_HEALTH_ACCEL_LOST = 64,
	SFAB_HEALTH_ACCEL_RESET = 65,
	SFAB_HEALTH_ACCEL_TIMEOUTS = 66,
	SFAB_HEALTH_REMOTE_FAILURES = 67,
	SFAB_HEALTH_LINKS_BAD = 68
};

/** enum sfab_health_action - what to do */
enum sfab_health_action {
	SFAB_ACTION_NONE = 0,
	SFAB_ACTION_WATCH = 1,
	SFAB_ACTION_CLEAN_CONNECTOR = 2,
	SFAB_ACTION_CHECK_FIBRE = 3,
	SFAB_ACTION_RETRAIN = 4,
	SFAB_ACTION_REPLACE_MODULE = 5,
	SFAB_ACTION_REPLACE_FAR_MODULE = 6,
	SFAB_ACTION_COOL = 7,
	SFAB_ACTION_RESET = 8,
	SFAB_ACTION_DRAIN = 9,
	SFAB_ACTION_ENABLE = 10
};

/* Names as they are printed: "dirty-connector", ...; never NULL */
const char *sfab_condition_name(uint32_t condition);
const char *sfab_severity_name(uint32_t severity);
const char *sfab_health_cause_name(uint32_t cause);
const char *sfab_health_action_name(uint32_t action);

/** struct sfab_finding - one condition of a link or an accelerator */
struct sfab_finding {
	uint32_t condition;		/* enum sfab_condition */
	uint32_t holds;			/* enum sfab_truth */
	uint32_t severity;		/* enum sfab_severity, OK unless it is false */
	uint32_t cause;			/* enum sfab_health_cause */
	uint32_t action;		/* enum sfab_health_action */
	uint32_t pad;
	char text[232];			/* one line; "" unless it is false */
};

#define SFAB_MOST_FINDINGS	14

/** struct sfab_verdict - what is said of a link or an accelerator */
struct sfab_verdict {
	uint32_t size;			/* in: sizeof(struct sfab_verdict) */
	uint32_t is_link;		/* 1: a link; 0: an accelerator */
	char name[64];			/* "accel0:1", "accel0"; of an unknown link, its node */
	char node[64];			/* "/dev/sfab_link1", "/dev/accel/accel0" */
	uint32_t accel;			/* N of its /dev/accel/accelN; such a link: UINT32_MAX */
	uint32_t port;			/* links; likewise */
	uint32_t severity;		/* enum sfab_severity; the rest is of the worst finding */
	uint32_t cause;			/* enum sfab_health_cause */
	uint32_t action;		/* enum sfab_health_action */
	uint32_t gbps;			/* that it can carry now, accelerators: all its links */
	uint32_t full_gbps;		/* ... when all is well */
	uint32_t far_known;		/* links: 1: the far end's readings were there */
	uint64_t changed;		/* number of the update that changed it last */
	uint32_t findings;
	uint32_t pad;
	char text[232];			/* of the worst finding, with who is lost; "" if none */
	struct sfab_finding finding[SFAB_MOST_FINDINGS];	/* each condition, in order */
	uint32_t partner;		/* links: enum sfab_link_partner there now, or last */
	uint32_t partner_eid;
	uint32_t partner_port;
	uint32_t partner_pad;
	char partner_name[64];		/* "accel1:0" of this node, "EID 5 port 1"; "" if none */
};

/**
 * sfab_health_open() - begin to judge
 * @thresholds: a file as sfab-health.json(5) describes it; NULL: /etc/sfab/health.json if
 *              there is one; "": none, the built-in ones
 * @health: out, close with sfab_health_close()
 *
 * It judges all links and accelerators of the node, unless it is told which ones by
 * sfab_health_add_link() or sfab_health_add_device(). It opens files of its own, so that
 * events of links remain for others to read.
 *
 * What was removed, and what is new, it learns from sfab_context_rescan(): what comes back at
 * the same PCI address has its old place, under its new name and with counters that begin anew;
 * what is new is judged too, unless it was told which ones.
 *
 * Errors: -EINVAL the file is wrong: the text names it, the key and what to write; -ENOENT.
 */
int sfab_health_open(struct sfab_context *context, const char *thresholds,
		     struct sfab_health **health);
void sfab_health_close(struct sfab_health *health);

int sfab_health_add_link(struct sfab_health *health, struct sfab_link *link);
/* The accelerator with all its links */
int sfab_health_add_device(struct sfab_health *health, struct sfab_device *device);

/**
 * sfab_health_update() - read everything and judge it
 *
 * Rates (replays, flapping) are told from the second time on. What is seen in an interval
 * counts once, however often this is called. The far end of a link is read from its own device
 * if it is of this node; else in band, which needs CAP_SYS_ADMIN for the accelerator.
 *
 * Return: how many verdicts changed; at the first time, how many there are.
 */
int sfab_health_update(struct sfab_health *health);

/**
 * sfab_health_fd() - descriptor that polls readable when it is time for an update
 *
 * Once in an interval of 1 s, and when a link has an event. It belongs to @health.
 */
int sfab_health_fd(struct sfab_health *health);

/**
 * sfab_health_set_callback() - be called by sfab_health_update() for each change
 * @callback: gets the verdict, valid during the call; must not use @health. NULL: none
 */
int sfab_health_set_callback(struct sfab_health *health,
			     void (*callback)(const struct sfab_verdict *verdict, void *opaque),
			     void *opaque);

/** sfab_health_count() - verdicts, after an update: links, then accelerators */
int sfab_health_count(struct sfab_health *health);
/** sfab_health_get() - fill @verdict; set its size member first */
int sfab_health_get(struct sfab_health *health, unsigned int index,
		    struct sfab_verdict *verdict);

/**
 * sfab_health_thresholds() - the thresholds in force, as a file that could be read
 * @text: out, may be NULL with @size 0
 *
 * Return: characters that the whole has.
 */
int sfab_health_thresholds(struct sfab_health *health, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
