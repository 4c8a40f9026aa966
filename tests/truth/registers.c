// SPDX-License-Identifier: MIT
/*
 * The conversion of a driver: from the registers of a port, as qemu/docs/specs/sfab-fabric.rst
 * and sfab-optics.rst describe them, to the structs of <linux/sfab_link.h>
 */
#include <string.h>

#include "fabric_regs.h"
#include "truth.h"

#define LANES	8

/* Of P_COUNTER */
enum { REPLAYS = 4, CRC_ERRORS = 5, DOWNS = 12 };

static uint64_t reg(struct hardware *h, unsigned int end, unsigned int offset)
{
	return hardware_read(h, end, offset, 8);
}

static uint32_t reg32(struct hardware *h, unsigned int end, unsigned int offset)
{
	return (uint32_t)hardware_read(h, end, offset, 4);
}

static uint64_t counter(struct hardware *h, unsigned int end, unsigned int index)
{
	return reg(h, end, SFAB_REG_P_COUNTER + 8 * index);
}

static unsigned int field(uint64_t word, unsigned int at)
{
	return word >> at & 0xffff;
}

/* F16 in 10^-18: m * 10^(s - 6) */
static uint64_t per_1e18(unsigned int code)
{
	uint64_t value = code & 0x7ff;
	int s = (int)(code >> 11) - 6;

	for (; s > 0; s--)
		value *= 10;
	for (; s < 0; s++)
		value /= 10;
	return value;
}

static int32_t celsius_mc(unsigned int code)
{
	return (int16_t)code * 1000 / 256;
}

static void read_lane(struct hardware *h, unsigned int end, unsigned int l,
		      struct sfab_link_lane *lane)
{
	uint64_t power = reg(h, end, SFAB_REG_P_LANE_POWER + 16 * l);
	uint64_t state = reg(h, end, SFAB_REG_P_LANE_STATE + 16 * l);

	lane->tx_power_nw = field(power, 0) * 100;
	lane->rx_power_nw = field(power, 16) * 100;
	lane->bias_ua = field(power, 32) * 2;
	lane->snr_mdb = field(power, 48) * 1000 / 256;
	lane->ber = per_1e18(field(state, 0));
	lane->temperature_mc = celsius_mc(field(state, 16));
	lane->age_percent = field(state, 32) & 0xff;
}

static void read_readings(struct hardware *h, unsigned int end, struct sfab_link_readings *r)
{
	uint64_t optics = reg(h, end, SFAB_REG_P_OPTICS);
	uint64_t masks = reg(h, end, SFAB_REG_P_LANE_MASKS);
	unsigned int l;

	r->interval = reg(h, end, SFAB_REG_P_TICKS);
	r->status = optics >> 48 & 7;
	r->lanes = LANES;
	r->temperature_mc = celsius_mc(field(optics, 0));
	r->supply_mv = field(optics, 16) / 10;
	r->ber = per_1e18(field(optics, 32));
	r->used = field(masks, 0);
	r->los = field(masks, 16);
	r->lol = field(masks, 32);
	r->tx_fail = field(masks, 48);
	for (l = 0; l < LANES; l++)
		read_lane(h, end, l, &r->lane[l]);
}

static void read_switch(struct hardware *h, unsigned int end, struct sfab_link_switch *last)
{
	uint32_t status = reg32(h, end, SFAB_REG_P_SWITCH_STATUS);

	last->result = status >> SFAB_P_SWITCH_STATUS_RESULT_SHIFT & 0xf;
	last->cause = status >> SFAB_P_SWITCH_STATUS_CAUSE_SHIFT & 0xf;
}

void read_view(struct hardware *h, unsigned int end, struct link_view *view)
{
	uint32_t status = reg32(h, end, SFAB_REG_P_STATUS), cap = reg32(h, end, SFAB_REG_P_CAP);

	memset(view, 0, sizeof(*view));
	view->info.lanes = cap & 0xff;
	view->info.lane_rate = cap >> 16;
	view->status.state = status & 0xf;
	view->status.reason = status >> 8 & 0xff;
	view->status.lanes = status >> 16 & 0xff;
	view->status.config = reg32(h, end, SFAB_REG_P_CTRL) & 3;
	view->status.tx_off = reg32(h, end, SFAB_REG_P_MODULE_CTRL) >>
			      SFAB_P_MODULE_CTRL_TX_OFF_SHIFT;
	view->status.partner = reg32(h, end, SFAB_REG_P_PEER) >> 24;
	view->status.module_fault = reg32(h, end, SFAB_REG_P_MODULE) >> 8 & 0xff;
	view->status.downs = counter(h, end, DOWNS);
	view->counters.time_ns = hardware_now(h);
	view->counters.replays = counter(h, end, REPLAYS);
	view->counters.crc_errors = counter(h, end, CRC_ERRORS);
	view->counters.link_downs = view->status.downs;
	view->counters.codewords = reg(h, end, SFAB_REG_P_CODEWORDS);
	view->counters.uncorrectable = reg(h, end, SFAB_REG_P_UNCORRECTABLE);
	read_switch(h, end, &view->last);
	read_readings(h, end, &view->readings);
}

void read_answer(struct hardware *h, unsigned int end, struct far_answer *answer)
{
	unsigned int i;

	answer->port[0] = reg32(h, end, SFAB_REG_P_CTRL);
	answer->port[1] = reg32(h, end, SFAB_REG_P_STATUS);
	answer->port[2] = reg32(h, end, SFAB_REG_P_CAP);
	answer->port[3] = reg32(h, end, SFAB_REG_P_PEER);
	for (i = 0; i < HEALTH_COUNTERS; i++)
		answer->counter[i] = counter(h, end, i);
	for (i = 0; i < HEALTH_WORDS; i++)
		answer->optics[i] = reg(h, end, SFAB_REG_P_OPTICS + 8 * i);
}
