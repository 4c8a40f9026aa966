// SPDX-License-Identifier: MIT
/*
 * What a link says of itself, as a document
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../render/render.h"
#include "../tool.h"
#include "link.h"

static void put_uuid(struct json_object *object, const char *key, const uint8_t *u)
{
	char text[40];

	snprintf(text, sizeof(text),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1],
		 u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
		 u[15]);
	json_put_text(object, key, text);
}

struct json_object *link_dbm(uint32_t nanowatts)
{
	return nanowatts ? json_decimal(10 * log10(nanowatts / 1e6), "%.2f") : NULL;
}

static bool carries(const struct sfab_link_status *s)
{
	return s->state == SFAB_LINK_UP || s->state == SFAB_LINK_DEGRADED;
}

static struct json_object *describe_partner(const struct sfab_link_status *s)
{
	struct json_object *object;

	if (s->partner == SFAB_LINK_PARTNER_NONE)
		return NULL;
	object = json_object_new_object();
	json_put_text(object, "kind",
		      s->partner == SFAB_LINK_PARTNER_SWITCH ? "switch" : "accelerator");
	json_put_number(object, "eid", s->partner_eid);
	json_put_number(object, "port", s->partner_port);
	put_uuid(object, "uuid", s->partner_uuid);
	return object;
}

/* Who was there when traffic passed last, and is not now */
static struct json_object *describe_last(const struct sfab_link_status *s)
{
	struct sfab_link_status last = {
		.partner = s->last_partner,
		.partner_eid = s->last_partner_eid,
		.partner_port = s->last_partner_port,
	};

	if (s->partner != SFAB_LINK_PARTNER_NONE)
		return NULL;
	memcpy(last.partner_uuid, s->last_partner_uuid, sizeof(last.partner_uuid));
	return describe_partner(&last);
}

static struct json_object *describe_module(const struct sfab_link_info *i,
					   const struct sfab_link_status *s)
{
	struct json_object *object = json_object_new_object();

	json_put(object, "present", json_object_new_boolean((int)i->present));
	json_put_text(object, "state", sfab_link_module_name(s->module_state));
	json_put_text(object, "vendor", i->vendor);
	json_put_text(object, "part", i->part);
	json_put_text(object, "serial", i->module_serial);
	json_put_text(object, "revision", i->revision);
	json_put_number(object, "insertions", i->insertions);
	return object;
}

static struct json_object *describe_state(const struct sfab_link_info *i,
					  const struct sfab_link_status *s)
{
	struct json_object *object = json_object_new_object();
	char name[64];

	snprintf(name, sizeof(name), "accel%" PRIu32 ":%" PRIu32, i->accel, i->port);
	json_put_text(object, "name", name);
	json_put_number(object, "accelerator", i->accel);
	json_put_number(object, "port", i->port);
	json_put_text(object, "state", sfab_link_state_name(s->state));
	json_put(object, "reason", carries(s) ? NULL :
		 json_object_new_string(sfab_link_reason_name(s->reason)));
	json_put_number(object, "lanes", i->lanes);
	json_put_number(object, "lanes_in_use", s->lanes);
	json_put_number(object, "lane_gbps", i->lane_rate);
	json_put_number(object, "gbps", carries(s) ? (uint64_t)s->lanes * i->lane_rate : 0);
	json_put_number(object, "light_path", s->path_in_use);
	json_put_number(object, "light_paths", i->paths);
	json_put(object, "enabled", json_object_new_boolean(!!(s->config & SFAB_LINK_ENABLE)));
	json_put(object, "loopback", json_object_new_boolean(!!(s->config & SFAB_LINK_LOOPBACK)));
	json_put_number(object, "link_downs", s->downs);
	json_put(object, "partner", describe_partner(s));
	json_put(object, "last_partner", describe_last(s));
	json_put(object, "module", describe_module(i, s));
	return object;
}

static int ask(struct sfab_link *link, struct sfab_link_info *info,
	       struct sfab_link_status *status)
{
	*info = (struct sfab_link_info){ .size = sizeof(*info) };
	*status = (struct sfab_link_status){ .size = sizeof(*status) };
	if (sfab_link_get_info(link, info) < 0 || sfab_link_get_status(link, status) < 0)
		return complain_library();
	return 0;
}

struct json_object *link_describe(struct sfab_link *link)
{
	struct sfab_link_status status;
	struct sfab_link_info info;

	return ask(link, &info, &status) ? NULL : describe_state(&info, &status);
}

/* ---- readings ---- */

static struct json_object *describe_lane(const struct sfab_link_readings *r, unsigned int l)
{
	const struct sfab_link_lane *lane = &r->lane[l];
	struct json_object *object = json_object_new_object();

	json_put_number(object, "lane", l);
	json_put(object, "tx_dbm", link_dbm(lane->tx_power_nw));
	json_put(object, "rx_dbm", link_dbm(lane->rx_power_nw));
	json_put(object, "bias_ma", json_decimal(lane->bias_ua / 1e3, "%.2f"));
	json_put(object, "snr_db", lane->snr_mdb ?
		 json_decimal(lane->snr_mdb / 1e3, "%.2f") : NULL);
	json_put(object, "ber", json_decimal((double)lane->ber / 1e18, "%.2e"));
	json_put(object, "temperature_c", json_decimal(lane->temperature_mc / 1e3, "%.1f"));
	json_put_number(object, "age_percent", lane->age_percent);
	json_put(object, "used", json_object_new_boolean(r->used >> l & 1));
	json_put(object, "los", json_object_new_boolean(r->los >> l & 1));
	json_put(object, "lol", json_object_new_boolean(r->lol >> l & 1));
	json_put(object, "tx_fail", json_object_new_boolean(r->tx_fail >> l & 1));
	return object;
}

static void describe_readings(const struct sfab_link_readings *r, struct json_object *object)
{
	struct json_object *lanes = json_object_new_array();
	struct json_object *ber = json_object_new_object();
	unsigned int l;

	json_put_number(object, "interval", r->interval);
	json_put(object, "temperature_c", json_decimal(r->temperature_mc / 1e3, "%.1f"));
	json_put(object, "supply_v", json_decimal(r->supply_mv / 1e3, "%.3f"));
	json_put(object, "aligned", json_object_new_boolean(!!(r->status & SFAB_LINK_ALIGNED)));
	json_put(ber, "estimate", r->status & SFAB_LINK_ALIGNED ?
		 json_decimal((double)r->ber / 1e18, "%.2e") : NULL);
	json_put_number(ber, "bits", r->ber_bits);
	json_put_number(ber, "errors", r->ber_errors);
	json_put_number(ber, "ns", r->ber_ns);
	json_put(object, "ber", ber);
	for (l = 0; l < r->lanes && l < SFAB_LINK_LANES; l++)
		json_object_array_add(lanes, describe_lane(r, l));
	json_put(object, "lane_list", lanes);
}

/* ---- counters ---- */

static void describe_counters(const struct sfab_link_counters *c, struct json_object *object)
{
	struct json_object *counters = json_object_new_object();
	struct json_object *histogram = json_object_new_array();
	unsigned int i;

	json_put_number(counters, "time_ns", c->time_ns);
	json_put_number(counters, "clears", c->clears);
	json_put_number(counters, "tx_bytes", c->tx_bytes);
	json_put_number(counters, "tx_packets", c->tx_packets);
	json_put_number(counters, "rx_bytes", c->rx_bytes);
	json_put_number(counters, "rx_packets", c->rx_packets);
	json_put_number(counters, "replays", c->replays);
	json_put_number(counters, "crc_errors", c->crc_errors);
	json_put_number(counters, "codewords", c->codewords);
	json_put_number(counters, "corrected", c->corrected);
	json_put_number(counters, "uncorrectable", c->uncorrectable);
	json_put_number(counters, "symbols", c->symbols);
	json_put_number(counters, "relocks", c->relocks);
	for (i = 0; i < 16; i++)
		json_object_array_add(histogram, json_object_new_uint64(c->histogram[i]));
	json_put(counters, "histogram", histogram);
	json_put(object, "counters", counters);
}

struct json_object *link_describe_all(struct sfab_link *link)
{
	struct sfab_link_readings readings = { .size = sizeof(readings) };
	struct sfab_link_counters counters = { .size = sizeof(counters) };
	struct sfab_link_status status;
	struct sfab_link_info info;
	struct json_object *object;

	if (ask(link, &info, &status))
		return NULL;
	if (sfab_link_get_readings(link, &readings) < 0 ||
	    sfab_link_get_counters(link, &counters) < 0) {
		complain_library();
		return NULL;
	}
	object = describe_state(&info, &status);
	put_uuid(object, "uuid", info.uuid);
	json_put_text(object, "pci_address", info.pci);
	describe_readings(&readings, object);
	describe_counters(&counters, object);
	return object;
}
