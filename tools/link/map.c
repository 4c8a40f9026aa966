// SPDX-License-Identifier: MIT
/*
 * sfab link map: the CMIS memory map of the module, as it is or as what it means (OIF-CMIS 5.2)
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../render/render.h"
#include "../tool.h"
#include "link.h"

#define PAGE_BYTES	128
#define ROW		16
#define LANES		8	/* of bank 0 */

static uint8_t map[SFAB_LINK_MAP_SIZE];

/* Bytes and pages as the standard numbers them */
static const uint8_t *at(unsigned int page, unsigned int byte)
{
	return &map[page * PAGE_BYTES + byte];
}

static unsigned int u16(const uint8_t *p)
{
	return (unsigned int)(p[0] << 8 | p[1]);
}

static double s16(const uint8_t *p)
{
	return (int16_t)u16(p);
}

/* ---- as it is ---- */

static int write_map(const char *path)
{
	FILE *file = fopen(path, "wb");
	int err = 0;

	if (!file)
		return complain_file("create", path, errno);
	if (fwrite(map, 1, sizeof(map), file) != sizeof(map))
		err = errno;
	if (fclose(file) && !err)
		err = errno;
	return err ? complain_file("write", path, err) : 0;
}

/* The lower page, then the pages that have anything in them */
static bool is_shown(size_t page)
{
	size_t i;

	for (i = 0; i < PAGE_BYTES; i++) {
		if (map[page * PAGE_BYTES + i])
			return true;
	}
	return page == 0;
}

static void dump(void)
{
	size_t page, i, k;

	for (page = 0; page < sizeof(map) / PAGE_BYTES; page++) {
		if (!is_shown(page))
			continue;
		if (page)
			printf("page %02zxh\n", page - 1);
		else
			printf("lower page\n");
		for (i = 0; i < PAGE_BYTES; i += ROW) {
			printf("%3zu ", i + (page ? PAGE_BYTES : 0));
			for (k = 0; k < ROW; k++)
				printf(" %02x", map[page * PAGE_BYTES + i + k]);
			putchar('\n');
		}
	}
}

/* ---- what it means ---- */

static void put_text(struct json_object *object, const char *key, unsigned int byte, size_t size)
{
	char text[20];
	size_t i;

	for (i = 0; i < size; i++)
		text[i] = *at(0, byte + i) >= ' ' && *at(0, byte + i) < 127 ?
			  (char)*at(0, byte + i) : '?';
	while (i && text[i - 1] == ' ')
		i--;
	text[i] = '\0';
	json_put_text(object, key, text);
}

static const char *form_name(unsigned int identifier)
{
	switch (identifier) {
	case 0x18:
		return "QSFP-DD";
	case 0x19:
		return "OSFP";
	case 0x1e:
		return "QSFP";
	default:
		return "unknown";
	}
}

static bool sum_is_right(unsigned int page, unsigned int from, unsigned int to)
{
	uint8_t sum = 0;

	for (; from < to; from++)
		sum += *at(page, from);
	return sum == *at(page, to);
}

/* Optical powers are in 0.1 uW */
static struct json_object *dbm(unsigned int code)
{
	return link_dbm(code * 100);
}

/* What a threshold, or a reading, is in the unit that people use */
static struct json_object *celsius(const uint8_t *p)
{
	return json_decimal(s16(p) / 256, "%.1f");
}

static struct json_object *volts(const uint8_t *p)
{
	return json_decimal(u16(p) / 1e4, "%.3f");
}

static struct json_object *power(const uint8_t *p)
{
	return dbm(u16(p));
}

static struct json_object *milliamperes(const uint8_t *p)
{
	return json_decimal(u16(p) * 2 / 1e3, "%.2f");
}

static struct json_object *describe_limits(void)
{
	static const struct {
		const char *what;
		unsigned int byte;
		struct json_object *(*value)(const uint8_t *p);
	} kinds[] = {
		{ "temperature, C", 128, celsius }, { "supply, V", 136, volts },
		{ "sent, dBm", 176, power }, { "bias, mA", 184, milliamperes },
		{ "received, dBm", 192, power },
	};
	static const char *const names[] = {
		"high_alarm", "low_alarm", "high_warning", "low_warning",
	};
	struct json_object *list = json_object_new_array();
	size_t k, i;

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct json_object *object = json_object_new_object();

		json_put_text(object, "reading", kinds[k].what);
		for (i = 0; i < ARRAY_SIZE(names); i++)
			json_put(object, names[i],
				 kinds[k].value(at(0x02, kinds[k].byte + 2 * (unsigned int)i)));
		json_object_array_add(list, object);
	}
	return list;
}

/* A flag of page 11h, one bit a lane */
static void add_flag(struct json_object *list, unsigned int byte, unsigned int lane,
		     const char *name)
{
	if (*at(0x11, byte) >> lane & 1)
		json_object_array_add(list, json_object_new_string(name));
}

static struct json_object *describe_flags(unsigned int lane)
{
	static const struct {
		unsigned int byte;
		const char *name;
	} flags[] = {
		{ 134, "state changed" }, { 135, "tx fail" }, { 147, "los" }, { 148, "lol" },
		{ 139, "tx high alarm" }, { 140, "tx low alarm" }, { 141, "tx high warning" },
		{ 142, "tx low warning" }, { 143, "bias high alarm" }, { 144, "bias low alarm" },
		{ 145, "bias high warning" }, { 146, "bias low warning" },
		{ 149, "rx high alarm" }, { 150, "rx low alarm" }, { 151, "rx high warning" },
		{ 152, "rx low warning" },
	};
	struct json_object *list = json_object_new_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		add_flag(list, flags[i].byte, lane, flags[i].name);
	return list;
}

static const char *datapath_name(unsigned int state)
{
	static const char *const names[] = {
		"none", "deactivated", "init", "deinit", "activated", "tx on", "tx off",
		"initialized",
	};

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

static struct json_object *describe_lane(unsigned int lane)
{
	struct json_object *object = json_object_new_object();
	unsigned int state = *at(0x11, 128 + lane / 2) >> lane % 2 * 4 & 0xf;

	json_put_number(object, "lane", lane);
	json_put_text(object, "state", datapath_name(state));
	json_put(object, "tx_dbm", power(at(0x11, 154 + 2 * lane)));
	json_put(object, "rx_dbm", power(at(0x11, 186 + 2 * lane)));
	json_put(object, "bias_ma", milliamperes(at(0x11, 170 + 2 * lane)));
	json_put(object, "flags", describe_flags(lane));
	return object;
}

static struct json_object *describe_pages(void)
{
	struct json_object *object = json_object_new_object();
	char name[8], text[2 * PAGE_BYTES + 1];
	size_t page, i;

	for (page = 0; page < sizeof(map) / PAGE_BYTES; page++) {
		if (!is_shown(page))
			continue;
		for (i = 0; i < PAGE_BYTES; i++)
			snprintf(text + 2 * i, 3, "%02x", map[page * PAGE_BYTES + i]);
		snprintf(name, sizeof(name), page ? "%02zxh" : "lower", page - 1);
		json_put_text(object, name, text);
	}
	return object;
}

static struct json_object *describe(void)
{
	struct json_object *object = json_object_new_object();
	struct json_object *lanes = json_object_new_array();
	unsigned int lane, count = *at(0, 88) & 0xf;
	char text[16];

	json_put_text(object, "form", form_name(*at(0, 0)));
	snprintf(text, sizeof(text), "%d.%d", *at(0, 1) >> 4, *at(0, 1) & 0xf);
	json_put_text(object, "cmis", text);
	json_put_text(object, "state", sfab_link_module_name(*at(0, 3) >> 1 & 7));
	put_text(object, "vendor", 129, 16);
	put_text(object, "part", 148, 16);
	put_text(object, "revision", 164, 2);
	put_text(object, "serial", 166, 16);
	put_text(object, "date", 182, 8);
	json_put(object, "max_power_w", json_decimal(*at(0, 201) / 4.0, "%.2f"));
	json_put(object, "temperature_c", celsius(at(0, 14)));
	json_put(object, "supply_v", volts(at(0, 16)));
	json_put(object, "checksums_right",
		 json_object_new_boolean(sum_is_right(0x00, 128, 222) &&
					 sum_is_right(0x01, 130, 255) &&
					 sum_is_right(0x02, 128, 255)));
	for (lane = 0; lane < count && lane < LANES; lane++)
		json_object_array_add(lanes, describe_lane(lane));
	json_put(object, "lane_list", lanes);
	json_put(object, "limits", describe_limits());
	json_put(object, "pages", describe_pages());
	return object;
}

static const struct field fields[] = {
	{ "module", NULL, VIEW_TEXT, 0 },
	{ "form", "/form", VIEW_TEXT, 0 },
	{ "CMIS", "/cmis", VIEW_TEXT, 0 },
	{ "state", "/state", VIEW_TEXT, 0 },
	{ "vendor", "/vendor", VIEW_TEXT, 0 },
	{ "part", "/part", VIEW_TEXT, 0 },
	{ "revision", "/revision", VIEW_TEXT, 0 },
	{ "serial", "/serial", VIEW_TEXT, 0 },
	{ "date", "/date", VIEW_TEXT, 0 },
	{ "at most, W", "/max_power_w", VIEW_TEXT, 0 },
	{ "temperature, C", "/temperature_c", VIEW_TEXT, 0 },
	{ "supply, V", "/supply_v", VIEW_TEXT, 0 },
	{ "checksums", "/checksums_right", VIEW_VERDICT, 0 },
	{ 0 }
};

static const struct field limit_columns[] = {
	{ "LIMITS OF", "/reading", VIEW_TEXT, 0 },
	{ "LOW ALARM", "/low_alarm", VIEW_NUMBER, 0 },
	{ "LOW WARNING", "/low_warning", VIEW_NUMBER, 0 },
	{ "HIGH WARNING", "/high_warning", VIEW_NUMBER, 0 },
	{ "HIGH ALARM", "/high_alarm", VIEW_NUMBER, 0 },
	{ 0 }
};

static const struct field lane_columns[] = {
	{ "LANE", "/lane", VIEW_NUMBER, 0 },
	{ "STATE", "/state", VIEW_TEXT, 0 },
	{ "TX DBM", "/tx_dbm", VIEW_NUMBER, 0 },
	{ "RX DBM", "/rx_dbm", VIEW_NUMBER, 0 },
	{ "BIAS MA", "/bias_ma", VIEW_NUMBER, 0 },
	{ "FLAGS SINCE CLEARED", "/flags", VIEW_LIST, 0 },
	{ 0 }
};

int link_map(struct sfab_link *link, const struct link_request *request)
{
	struct json_object *document;

	if (sfab_link_read_map(link, 0, map, sizeof(map)) < 0)
		return complain_library();
	if (request->output)
		return write_map(request->output);
	if (request->hex) {
		dump();
		return 0;
	}
	document = describe();
	if (request->json) {
		render_json(document);
	} else {
		render_fields(fields, document);
		render_table(lane_columns, json_object_object_get(document, "lane_list"));
		render_table(limit_columns, json_object_object_get(document, "limits"));
	}
	json_object_put(document);
	return 0;
}
