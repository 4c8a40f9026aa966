// SPDX-License-Identifier: MIT
/*
 * Links as people see them
 */
#include <inttypes.h>
#include <stdio.h>

#include "../render/render.h"
#include "link.h"

static const struct field columns[] = {
	{ "LINK", "/name", VIEW_TEXT, 0 },
	{ "STATE", "/state", VIEW_TEXT, 0 },
	{ "REASON", "/reason", VIEW_TEXT, 0 },
	{ "LANES", "/lanes_text", VIEW_TEXT, 0 },
	{ "GB/S", "/gbps", VIEW_NUMBER, 0 },
	{ "LIGHT PATH", "/path_text", VIEW_TEXT, 0 },
	{ "PARTNER", "/partner_text", VIEW_TEXT, 0 },
	{ "MODULE", "/module/serial", VIEW_TEXT, 0 },
	{ "DOWNS", "/link_downs", VIEW_NUMBER, 0 },
	{ 0 }
};

static const struct field fields[] = {
	{ "link", NULL, VIEW_TEXT, 0 },
	{ "name", "/name", VIEW_TEXT, 0 },
	{ "PCI address", "/pci_address", VIEW_TEXT, 0 },
	{ "state", "/state", VIEW_TEXT, 0 },
	{ "reason", "/reason", VIEW_TEXT, 0 },
	{ "lanes", "/lanes_text", VIEW_TEXT, 0 },
	{ "Gb/s", "/gbps", VIEW_TEXT, 0 },
	{ "light path", "/path_text", VIEW_TEXT, 0 },
	{ "partner", "/partner_text", VIEW_TEXT, 0 },
	{ "link downs", "/link_downs", VIEW_TEXT, 0 },
	{ "module", NULL, VIEW_TEXT, 0 },
	{ "state", "/module/state", VIEW_TEXT, 0 },
	{ "vendor", "/module/vendor", VIEW_TEXT, 0 },
	{ "part", "/module/part", VIEW_TEXT, 0 },
	{ "serial", "/module/serial", VIEW_TEXT, 0 },
	{ "temperature, C", "/temperature_c", VIEW_TEXT, 0 },
	{ "supply, V", "/supply_v", VIEW_TEXT, 0 },
	{ "error correction", NULL, VIEW_TEXT, 0 },
	{ "BER before", "/ber/estimate", VIEW_TEXT, 0 },
	{ "codewords", "/counters/codewords", VIEW_TEXT, 0 },
	{ "corrected", "/counters/corrected", VIEW_TEXT, 0 },
	{ "uncorrectable", "/counters/uncorrectable", VIEW_TEXT, 0 },
	{ "packets", NULL, VIEW_TEXT, 0 },
	{ "sent", "/counters/tx_packets", VIEW_TEXT, 0 },
	{ "received", "/counters/rx_packets", VIEW_TEXT, 0 },
	{ "CRC errors", "/counters/crc_errors", VIEW_TEXT, 0 },
	{ "replays", "/counters/replays", VIEW_TEXT, 0 },
	{ 0 }
};

static const struct field lane_columns[] = {
	{ "LANE", "/lane", VIEW_NUMBER, 0 },
	{ "TX DBM", "/tx_dbm", VIEW_NUMBER, 0 },
	{ "RX DBM", "/rx_dbm", VIEW_NUMBER, 0 },
	{ "BIAS MA", "/bias_ma", VIEW_NUMBER, 0 },
	{ "SNR DB", "/snr_db", VIEW_NUMBER, 0 },
	{ "BER", "/ber", VIEW_NUMBER, 0 },
	{ "AGE %", "/age_percent", VIEW_NUMBER, 0 },
	{ "FLAGS", "/flags_text", VIEW_TEXT, 0 },
	{ 0 }
};

static uint64_t number(struct json_object *object, const char *key)
{
	return json_object_get_uint64(json_object_object_get(object, key));
}

static void put_of(struct json_object *object, const char *key, uint64_t part, uint64_t whole)
{
	char text[64];

	snprintf(text, sizeof(text), "%" PRIu64 " of %" PRIu64, part, whole);
	json_put_text(object, key, text);
}

static void put_partner(struct json_object *link, const char *key, struct json_object *partner,
			const char *before)
{
	char text[64];

	if (!partner)
		return;
	snprintf(text, sizeof(text), "%sEID %" PRIu64 ":%" PRIu64, before, number(partner, "eid"),
		 number(partner, "port"));
	json_put_text(link, key, text);
}

/* What people read in one cell; only for them, so not part of the document */
static void add_texts(struct json_object *link)
{
	put_of(link, "lanes_text", number(link, "lanes_in_use"), number(link, "lanes"));
	put_of(link, "path_text", number(link, "light_path"), number(link, "light_paths"));
	put_partner(link, "partner_text", json_object_object_get(link, "partner"), "");
	put_partner(link, "partner_text", json_object_object_get(link, "last_partner"),
		    "none, last ");
}

static void add_flags(struct json_object *lane)
{
	static const char *const flags[] = { "used", "los", "lol", "tx_fail" };
	char text[64];
	size_t i, used = 0;

	text[0] = '\0';
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (json_object_get_boolean(json_object_object_get(lane, flags[i])))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
						 used ? " " : "", flags[i]);
	}
	json_put_text(lane, "flags_text", text);
}

void link_show_list(struct json_object *list)
{
	size_t i, count = json_object_array_length(list);

	for (i = 0; i < count; i++)
		add_texts(json_object_array_get_idx(list, i));
	if (count)
		render_table(columns, list);
}

void link_show_all(struct json_object *object)
{
	struct json_object *lanes = json_object_object_get(object, "lane_list");
	size_t i;

	add_texts(object);
	for (i = 0; i < json_object_array_length(lanes); i++)
		add_flags(json_object_array_get_idx(lanes, i));
	render_fields(fields, object);
	render_table(lane_columns, lanes);
}
