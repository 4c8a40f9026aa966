// SPDX-License-Identifier: MIT
/*
 * From what is read of an end to what is judged of it: of a link of this node in the units of
 * <linux/sfab_link.h>, of the far end in those of the registers, as they travel in band
 */
#include <math.h>

#include "health_read.h"

#define PER_1E18	(1 / 1e18)

static unsigned int few(unsigned int lanes)
{
	return lanes < HEALTH_LANES ? lanes : HEALTH_LANES;
}

/* ---- this node ---- */

static void lanes_of_view(const struct sfab_link_readings *r, struct health_end *end)
{
	unsigned int l;

	for (l = 0; l < end->lanes; l++) {
		const struct sfab_link_lane *lane = &r->lane[l];

		end->lane[l] = (struct health_lane){
			.tx_mw = lane->tx_power_nw / 1e6,
			.rx_mw = lane->rx_power_nw / 1e6,
			.bias_ma = lane->bias_ua / 1e3,
			.ber = lane->ber * PER_1E18,
			.age = lane->age_percent,
			.txfail = r->tx_fail >> l & 1,
			.los = r->los >> l & 1,
			.lol = r->lol >> l & 1,
			.used = r->used >> l & 1,
		};
	}
}

void health_end_of_view(const struct link_view *view, struct health_end *end)
{
	const struct sfab_link_status *status = &view->status;
	const struct sfab_link_readings *r = &view->readings;

	*end = (struct health_end){
		.known = true,
		.state = status->state,
		.reason = status->reason,
		.lanes = few(view->info.lanes),
		.lanes_in_use = status->lanes,
		.enabled = status->config & SFAB_LINK_ENABLE,
		.loopback = status->config & SFAB_LINK_LOOPBACK,
		.on = r->status & SFAB_LINK_LASERS_ON,
		.tx_off = status->tx_off,
		.shut = r->status & SFAB_LINK_TOO_HOT,
		.aligned = r->status & SFAB_LINK_ALIGNED,
		.celsius = r->temperature_mc / 1e3,
		.ber = r->ber * PER_1E18,
		.count = {
			[HEALTH_CRC] = view->counters.crc_errors,
			[HEALTH_REPLAYS] = view->counters.replays,
			[HEALTH_DOWNS] = view->counters.link_downs,
			[HEALTH_UNCORRECTABLE] = view->counters.uncorrectable,
		},
	};
	lanes_of_view(r, end);
}

void health_link_of_view(const struct link_view *view, struct health_link *link)
{
	const struct sfab_link_limits *limits = &view->readings.temperature_limits;
	bool told = view->readings.status & SFAB_LINK_LIMITS;

	*link = (struct health_link){
		.now_ns = view->counters.time_ns,
		.interval = view->readings.interval,
		.used = view->status.partner != SFAB_LINK_PARTNER_NONE || view->status.downs ||
			view->counters.rx_packets || view->counters.codewords,
		.warm_c = told ? limits->high_warning / 1e3 : 0,
		.hot_c = told ? limits->high_alarm / 1e3 : 0,
		.module_fault = view->status.module_fault,
		.switch_result = view->last.result,
		.switch_cause = view->last.cause,
		.lane_gbps = view->info.lane_rate,
	};
	health_end_of_view(view, &link->own);
}

/* ---- in band ---- */

static unsigned int field(uint64_t word, unsigned int at)
{
	return word >> at & 0xffff;
}

/* m * 10^(s - 24), s in bits 15:11, m in bits 10:0 */
static double f16(unsigned int code)
{
	return (code & 0x7ff) * pow(10, (int)(code >> 11) - 24);
}

/* Blocks 2 and 3 are the lanes: two words each, from word 32 on */
static void lanes_of_answer(const uint64_t *optics, struct health_end *end)
{
	uint64_t masks = optics[1];
	unsigned int l;

	for (l = 0; l < end->lanes; l++) {
		uint64_t power = optics[32 + 2 * l], state = optics[33 + 2 * l];

		end->lane[l] = (struct health_lane){
			.tx_mw = field(power, 0) / 1e4,
			.rx_mw = field(power, 16) / 1e4,
			.bias_ma = field(power, 32) * 0.002,
			.ber = f16(field(state, 0)),
			.age = field(state, 32) & 0xff,
			.used = masks >> l & 1,
			.los = masks >> (16 + l) & 1,
			.lol = masks >> (32 + l) & 1,
			.txfail = masks >> (48 + l) & 1,
		};
	}
}

void health_end_of_answer(const struct far_answer *answer, struct health_end *end)
{
	uint32_t ctrl = answer->port[0], status = answer->port[1];
	uint64_t module = answer->optics[0];

	*end = (struct health_end){
		.known = true,
		.state = status & 0xf,
		.reason = status >> 8 & 0xff,
		.lanes = few(answer->port[2] & 0xff),
		.lanes_in_use = status >> 16 & 0xff,
		.enabled = ctrl & 1,
		.loopback = ctrl >> 1 & 1,
		.on = module >> 48 & 1,
		.shut = module >> 49 & 1,
		.aligned = module >> 50 & 1,
		.celsius = (int16_t)field(module, 0) / 256.0,
		.ber = f16(field(module, 32)),
		.count = {
			[HEALTH_CRC] = answer->counter[5],
			[HEALTH_REPLAYS] = answer->counter[4],
			[HEALTH_DOWNS] = answer->counter[12],
			[HEALTH_UNCORRECTABLE] = answer->optics[5],
		},
	};
	lanes_of_answer(answer->optics, end);
}
