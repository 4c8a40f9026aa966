/* SPDX-License-Identifier: MIT */
/*
 * The judge of links: from what both ends show to what is wrong, and what to do
 *
 * Plain functions of plain values: nothing here reads a file or asks a device, so that a
 * test can show them any link. Who collects the values is in health_links.c.
 */
#ifndef SFAB_HEALTH_H
#define SFAB_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sfab/sfab.h>

#define HEALTH_LANES		16
#define HEALTH_FLAPS		16	/* downs that are remembered */

/* One lane as one end shows it */
struct health_lane {
	double tx_mw;			/* average power; 0: dark */
	double rx_mw;
	double bias_ma;
	double ber;
	unsigned int age;		/* percent of the laser's life */
	bool txfail, los, lol, used;
};

/* A count that the device keeps */
enum health_count {
	HEALTH_CRC,			/* packets that arrived damaged */
	HEALTH_REPLAYS,			/* packets sent again */
	HEALTH_DOWNS,
	HEALTH_UNCORRECTABLE,		/* codewords */
	HEALTH_COUNTS
};

/* What one end of a link shows */
struct health_end {
	bool known;			/* false: it cannot be asked, the rest is 0 */
	uint32_t state;			/* enum sfab_link_state */
	uint32_t reason;		/* enum sfab_link_why */
	unsigned int lanes;
	unsigned int lanes_in_use;
	bool enabled, loopback;
	bool on, shut, aligned;		/* lasers meant to be; too hot; codewords come through */
	uint32_t tx_off;		/* lanes whose laser was turned off, if that is known */
	double celsius;
	double ber;			/* of the lanes in use */
	uint64_t count[HEALTH_COUNTS];
	struct health_lane lane[HEALTH_LANES];
};

/* What is known of a link, seen from one end */
struct health_link {
	struct health_end own, far;
	uint64_t now_ns;		/* any clock that only runs */
	uint64_t interval;		/* of the device: each is judged once */
	bool used;			/* it has carried traffic once */
	double warm_c, hot_c;		/* the module's own limits; 0: it tells none */
	uint32_t module_fault;		/* enum sfab_link_fault */
	uint32_t switch_result;		/* enum sfab_link_result, of the last one */
	uint32_t switch_cause;		/* enum sfab_link_cause */
	unsigned int lane_gbps;
};

/* Documented in sfab-health.json(5), in this order */
struct health_thresholds {
	double temperature_warn_c, temperature_alarm_c;
	double ber_warn, ber_alarm;
	double lane_loss_db;		/* more than that of the best lane */
	double path_loss_db;		/* usual, of fibre, connectors and switches */
	double path_excess_db;		/* more than usual, on all lanes */
	double alone_lane_db;		/* where the far end cannot be asked */
	double alone_low_dbm;
	double age_warn_percent;
	double bias_warn_ma;
	double replays_per_s;
	double flap_count, flap_window_s;
	double raise_intervals, clear_intervals;
	double judge_unused;		/* 1: a port without a fibre is a finding */
};

extern const struct health_thresholds health_defaults;

/* What was said of a condition before */
struct health_memory {
	struct sfab_finding shown;
	unsigned int other;		/* intervals in which it was seen to be otherwise */
};

/* What the judge remembers of a link; all 0 before the first time */
struct health_history {
	bool judged;
	uint64_t then_ns, interval;
	bool far_counted;
	uint64_t own[HEALTH_COUNTS], far[HEALTH_COUNTS];
	uint64_t flap_ns[HEALTH_FLAPS];	/* when it went down; 0: not */
	unsigned int flaps;		/* index of the next one */
	unsigned int ordered;		/* downs that were ordered, and are not counted yet */
	unsigned int waited;		/* ... since so many intervals */
	struct health_memory memory[SFAB_LINK_CONDITIONS];
};

/* Hysteresis: what is shown changes only when it was seen to be otherwise often enough */
void health_settle(const struct health_thresholds *t, struct health_memory *memory,
		   struct sfab_finding *seen, bool first);

/* A link went down then, as others remember: for who begins to judge */
void health_note_down(struct health_history *history, uint64_t ns);

/* It goes down because somebody says so: that down, which will be counted soon, is no flap */
void health_note_order(struct health_history *history);

/* health_light.c: what the light of one direction tells */
struct health_way {
	bool judged;			/* the receiver works, so that it tells something */
	bool sender_known;
	unsigned int lanes;
	uint32_t off;			/* lanes that are not sent */
	uint32_t weak;			/* ... that are sent with less than the others */
	uint32_t dark;			/* lanes that are sent (or might be), and do not arrive */
	uint32_t dim;			/* that lose more than others */
	uint32_t unlocked;		/* with light enough, and without clock */
	double dim_db;			/* of the worst of dim */
	double excess_db;		/* that all lanes lose more than usual; 0: not much */
};

struct health_way health_way(const struct health_end *receiver, const struct health_end *sender,
			     const struct health_thresholds *t);

/* Puts "lane 3" or "lanes 0-2 5" there; @mask is not 0 */
const char *health_lanes_text(uint32_t mask, char *text, size_t size);

/**
 * health_judge() - what is wrong with a link
 * @history: of the same link
 * @finding: out, one for each condition, in the order of causes
 *
 * Return: the index of the finding that says most: of those with the highest severity the
 * first; it is true, or unknown, if nothing is wrong.
 */
unsigned int health_judge(const struct health_link *link, const struct health_thresholds *t,
			  struct health_history *history,
			  struct sfab_finding finding[SFAB_LINK_CONDITIONS]);

#endif
