// SPDX-License-Identifier: MIT
/*
 * sfab port: the fabric ports of accelerators, what is at their other ends, what they carried
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "accel.h"
#include "render/render.h"
#include "tool.h"

#define ALL_PORTS	UINT32_MAX

static const struct field columns[] = {
	{ "ACCELERATOR", "/accelerator", VIEW_TEXT, 0 },
	{ "PORT", "/port", VIEW_NUMBER, 0 },
	{ "STATE", "/state", VIEW_TEXT, 0 },
	{ "LANES", "/lanes_text", VIEW_TEXT, 0 },
	{ "GB/S", "/gbps", VIEW_NUMBER, 0 },
	{ "LIGHT PATH", "/path_text", VIEW_TEXT, 0 },
	{ "PARTNER", "/partner_text", VIEW_TEXT, 0 },
	{ "SENT", "/counters/bytes_sent", VIEW_BYTES, 0 },
	{ "RECEIVED", "/counters/bytes_received", VIEW_BYTES, 0 },
	{ "REPLAYS", "/counters/replays", VIEW_NUMBER, 0 },
	{ "DROPPED", "/dropped", VIEW_NUMBER, 0 },
	{ "LINK DOWNS", "/counters/link_downs", VIEW_NUMBER, 0 },
	{ 0 }
};

static const struct field fields[] = {
	{ "port", NULL, VIEW_TEXT, 0 },
	{ "accelerator", "/accelerator", VIEW_TEXT, 0 },
	{ "number", "/port", VIEW_TEXT, 0 },
	{ "state", "/state", VIEW_TEXT, 0 },
	{ "reason", "/reason", VIEW_TEXT, 0 },
	{ "enabled", "/enabled", VIEW_TEXT, 0 },
	{ "loopback", "/loopback", VIEW_TEXT, 0 },
	{ "lanes", "/lanes_text", VIEW_TEXT, 0 },
	{ "Gb/s", "/gbps", VIEW_TEXT, 0 },
	{ "light path", "/path_text", VIEW_TEXT, 0 },
	{ "partner", "/partner_text", VIEW_TEXT, 0 },
	{ "partner's UUID", "/partner/uuid", VIEW_TEXT, 0 },
	{ "counters", NULL, VIEW_TEXT, 0 },
	{ "bytes sent", "/counters/bytes_sent", VIEW_TEXT, 0 },
	{ "packets sent", "/counters/packets_sent", VIEW_TEXT, 0 },
	{ "bytes received", "/counters/bytes_received", VIEW_TEXT, 0 },
	{ "packets received", "/counters/packets_received", VIEW_TEXT, 0 },
	{ "replays", "/counters/replays", VIEW_TEXT, 0 },
	{ "CRC errors", "/counters/crc_errors", VIEW_TEXT, 0 },
	{ "credit stalls", "/counters/credit_stalls", VIEW_TEXT, 0 },
	{ "failed over to it", "/counters/failovers", VIEW_TEXT, 0 },
	{ "link downs", "/counters/link_downs", VIEW_TEXT, 0 },
	{ "dropped packets", NULL, VIEW_TEXT, 0 },
	{ "no route", "/counters/dropped_no_route", VIEW_TEXT, 0 },
	{ "hop limit", "/counters/dropped_hop_limit", VIEW_TEXT, 0 },
	{ "stalled", "/counters/dropped_stalled", VIEW_TEXT, 0 },
	{ "malformed", "/counters/dropped_malformed", VIEW_TEXT, 0 },
	{ "link down", "/counters/dropped_link_down", VIEW_TEXT, 0 },
	{ 0 }
};

/* Why packets are dropped, and what the operator can do */
static const struct {
	const char *key;
	const char *why;
} drops[] = {
	{ "dropped_no_route", "no route: 'sfab fabric program' gives the devices tables" },
	{ "dropped_hop_limit", "too many hops: 'sfab fabric check' finds circles" },
	{ "dropped_stalled", "stood too long: what takes nothing is behind this port" },
	{ "dropped_malformed", "malformed: the device at the other end is broken" },
	{ "dropped_link_down", "in flight when the link went down: they were sent again" },
};

/* ---- describing ---- */

static struct json_object *describe_counters(const struct sfab_port_info *p)
{
	struct json_object *object = json_object_new_object();

	json_put_number(object, "bytes_sent", p->bytes_sent);
	json_put_number(object, "packets_sent", p->packets_sent);
	json_put_number(object, "bytes_received", p->bytes_received);
	json_put_number(object, "packets_received", p->packets_received);
	json_put_number(object, "replays", p->replays);
	json_put_number(object, "crc_errors", p->crc_errors);
	json_put_number(object, "credit_stalls", p->credit_stalls);
	json_put_number(object, "failovers", p->failovers);
	json_put_number(object, "link_downs", p->link_downs);
	json_put_number(object, "dropped_no_route", p->dropped_no_route);
	json_put_number(object, "dropped_hop_limit", p->dropped_hop_limit);
	json_put_number(object, "dropped_stalled", p->dropped_stalled);
	json_put_number(object, "dropped_malformed", p->dropped_malformed);
	json_put_number(object, "dropped_link_down", p->dropped_link_down);
	return object;
}

static bool carries(const struct sfab_port_info *p)
{
	return p->state == SFAB_LINK_UP || p->state == SFAB_LINK_DEGRADED;
}

/* NULL where nobody is known to be */
static struct json_object *describe_partner(const struct sfab_port_info *p)
{
	struct json_object *object;

	if (p->partner == SFAB_PARTNER_NONE || !carries(p))
		return NULL;
	object = json_object_new_object();
	json_put_text(object, "kind", p->partner == SFAB_PARTNER_SWITCH ? "switch" : "accelerator");
	json_put_number(object, "eid", p->partner_eid);
	json_put_number(object, "port", p->partner_port);
	json_put_text(object, "uuid", p->partner_uuid);
	return object;
}

static struct json_object *describe_port(const char *name, const struct sfab_port_info *p)
{
	struct json_object *object = json_object_new_object();

	json_put_text(object, "accelerator", name);
	json_put_number(object, "port", p->port);
	json_put_text(object, "state", sfab_link_state_name(p->state));
	json_put(object, "reason", p->state == SFAB_LINK_UP ? NULL :
		 json_object_new_string(sfab_link_reason_name(p->reason)));
	json_put(object, "enabled", json_object_new_boolean(p->enabled));
	json_put(object, "loopback", json_object_new_boolean(p->loopback));
	json_put_number(object, "lanes", p->lanes);
	json_put_number(object, "lanes_in_use", p->lanes_in_use);
	json_put_number(object, "lane_gbps", p->lane_gbps);
	json_put_number(object, "gbps", (uint64_t)p->lanes_in_use * p->lane_gbps);
	json_put_number(object, "light_path", p->path);
	json_put_number(object, "light_paths", p->paths);
	json_put(object, "partner", describe_partner(p));
	json_put(object, "counters", describe_counters(p));
	return object;
}

struct collection {
	uint32_t port;
	struct json_object *list;
};

static int collect_device(struct sfab_context *context, struct sfab_device *device, void *data)
{
	const struct collection *c = data;
	uint32_t port = c->port;
	struct sfab_fabric_info fabric = { .size = sizeof(fabric) };
	struct sfab_port_info info = { .size = sizeof(info) };
	struct sfab_device_info accel;
	uint32_t i, end;

	(void)context;
	if (accel_info(device, &accel))
		return -1;
	if (sfab_device_get_fabric(device, &fabric) < 0)
		return complain_library();
	if (port != ALL_PORTS && port >= fabric.ports)
		return complain("%s has no port %" PRIu32 ": its ports are 0 to %" PRIu32,
				accel.name, port, fabric.ports - 1);
	end = port == ALL_PORTS ? fabric.ports : port + 1;
	for (i = port == ALL_PORTS ? 0 : port; i < end; i++) {
		if (sfab_port_get_info(device, i, &info) < 0)
			return complain_library();
		json_object_array_add(c->list, describe_port(accel.name, &info));
	}
	return 0;
}

/* ---- showing ---- */

static uint64_t number(struct json_object *port, const char *key)
{
	struct json_object *value = NULL;

	json_pointer_get(port, key, &value);
	return json_object_get_uint64(value);
}

static void put_of(struct json_object *port, const char *key, uint64_t part, uint64_t whole)
{
	char text[64];

	snprintf(text, sizeof(text), "%" PRIu64 " of %" PRIu64, part, whole);
	json_put_text(port, key, text);
}

/* What people read in one cell; only for them, so not part of the document */
static void add_texts(struct json_object *port)
{
	struct json_object *partner = json_object_object_get(port, "partner");
	uint64_t dropped = 0;
	char text[64];
	size_t i;

	put_of(port, "lanes_text", number(port, "/lanes_in_use"), number(port, "/lanes"));
	put_of(port, "path_text", number(port, "/light_path"), number(port, "/light_paths"));
	if (partner) {
		snprintf(text, sizeof(text), "EID %" PRIu64 ":%" PRIu64, number(partner, "/eid"),
			 number(partner, "/port"));
		json_put_text(port, "partner_text", text);
	}
	for (i = 0; i < ARRAY_SIZE(drops); i++) {
		snprintf(text, sizeof(text), "/counters/%s", drops[i].key);
		dropped += number(port, text);
	}
	json_put_number(port, "dropped", dropped);
}

/* Lost packets are sent again, so no failure; but who looks at ports wants to know */
static void warn_of_drops(struct json_object *port)
{
	char key[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(drops); i++) {
		snprintf(key, sizeof(key), "/counters/%s", drops[i].key);
		if (number(port, key))
			complain("warning: %s port %" PRIu64 " dropped %" PRIu64 " packets, %s",
				 json_object_get_string(json_object_object_get(port,
									       "accelerator")),
				 number(port, "/port"), number(port, key), drops[i].why);
	}
}

static void show(struct json_object *list, bool alone)
{
	size_t i, count = json_object_array_length(list);

	for (i = 0; i < count; i++)
		add_texts(json_object_array_get_idx(list, i));
	if (alone && count)
		render_fields(fields, json_object_array_get_idx(list, 0));
	else if (count)
		render_table(columns, list);
}

/* ---- the command ---- */

struct request {
	bool json;
	char *name;		/* NULL: all */
	uint32_t port;
};

/* A PCI address has colons too, but its last part is no number: 0000:01:00.0 */
static void split_port(struct argp_state *state, char *name, uint32_t *port)
{
	char *colon = strrchr(name, ':');
	unsigned long value;
	char *end;

	if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return;
	errno = 0;
	value = strtoul(colon + 1, &end, 10);
	if (errno || value >= ALL_PORTS)
		argp_error(state, "'%s' is no port: write ACCELERATOR:PORT, as in 0:2", name);
	*colon = '\0';
	*port = (uint32_t)value;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *request = state->input;
	static const char prefix[] = "accel:";

	switch (key) {
	case 'j':
		request->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (request->name)
			argp_error(state, "'%s' is one argument too many: name one accelerator or port, or none for all",
				   arg);
		request->name = strncmp(arg, prefix, strlen(prefix)) ? arg : arg + strlen(prefix);
		split_port(state, request->name, &request->port);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int port_main(int argc, char **argv)
{
	static const struct argp_option options[] = { OPTION_JSON, { 0 } };
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[ACCELERATOR[:PORT]]",
		.doc = "Tell the state of fabric ports: all of this node, those of an accelerator, or\n"
		       "one with all its counters.\n"
		       "\vPARTNER is the EID and port at the other end. Packets that were dropped are\n"
		       "warned of, with what helps; they are sent again, so data are not lost.\n",
	};
	struct json_object *document, *list;
	struct request request = { .port = ALL_PORTS };
	struct sfab_context *context;
	struct collection c;
	size_t i;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &request);
	if (accel_open(&context))
		return EXIT_FAILURE;
	document = json_object_new_object();
	list = json_object_new_array();
	json_put(document, "ports", list);
	c = (struct collection){ request.port, list };
	ret = accel_each(context, request.name, collect_device, &c);
	if (request.json)
		render_json(document);
	else
		show(list, request.port != ALL_PORTS);
	for (i = 0; i < json_object_array_length(list); i++)
		warn_of_drops(json_object_array_get_idx(list, i));
	json_object_put(document);
	sfab_context_close(context);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
