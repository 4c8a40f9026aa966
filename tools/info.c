// SPDX-License-Identifier: MIT
/*
 * sfab info: everything about accelerators
 */
#include <argp.h>
#include <stdbool.h>
#include <stdio.h>

#include "accel.h"
#include "render/render.h"
#include "tool.h"

#define ROUTE_GAP	64

static const struct field sections[] = {
	{ "accelerator", NULL, VIEW_TEXT, 0 },
	{ "index", "/index", VIEW_TEXT, 0 },
	{ "node", "/node", VIEW_TEXT, 0 },
	{ "PCI address", "/pci_address", VIEW_TEXT, 0 },
	{ "NUMA node", "/numa_node", VIEW_TEXT, 0 },
	{ "UUID", "/uuid", VIEW_TEXT, 0 },
	{ "serial", "/serial", VIEW_TEXT, 0 },
	{ "hardware", "/hw_version", VIEW_TEXT, 0 },
	{ "driver", "/driver_version", VIEW_TEXT, 0 },
	{ "features", "/features", VIEW_LIST, 0 },
	{ "limits", NULL, VIEW_TEXT, 0 },
	{ "queues", "/limits/max_queues", VIEW_TEXT, 0 },
	{ "address spaces", "/limits/max_vms", VIEW_TEXT, 0 },
	{ "address bits", "/limits/va_bits", VIEW_TEXT, 0 },
	{ "commands at once", "/limits/max_commands", VIEW_TEXT, 0 },
	{ "job timeout, ms", "/limits/job_timeout_ms", VIEW_TEXT, 0 },
	{ "memory", NULL, VIEW_TEXT, 0 },
	{ "HBM", "/hbm_size", VIEW_BYTES, 0 },
	{ "HBM used", "/hbm_used", VIEW_BYTES, 0 },
	{ "system used", "/system_used", VIEW_BYTES, 0 },
	{ "registered", "/registered", VIEW_BYTES, 0 },
	{ "counters", NULL, VIEW_TEXT, 0 },
	{ "commands", "/counters/commands", VIEW_TEXT, 0 },
	{ "bytes HBM", "/counters/bytes_hbm", VIEW_TEXT, 0 },
	{ "bytes system", "/counters/bytes_system", VIEW_TEXT, 0 },
	{ "bytes peer", "/counters/bytes_peer", VIEW_TEXT, 0 },
	{ "faults", "/counters/faults", VIEW_TEXT, 0 },
	{ "queue resets", "/counters/queue_resets", VIEW_TEXT, 0 },
	{ "device resets", "/counters/device_resets", VIEW_TEXT, 0 },
	{ "job timeouts", "/counters/job_timeouts", VIEW_TEXT, 0 },
	{ "interrupts", "/counters/interrupts", VIEW_TEXT, 0 },
	{ 0 }
};

static const struct field fabric_section[] = {
	{ "fabric", NULL, VIEW_TEXT, 0 },
	{ "EID", "/eid", VIEW_TEXT, 0 },
	{ "incarnation", "/incarnation", VIEW_TEXT, 0 },
	{ "ports", "/ports", VIEW_TEXT, 0 },
	{ "ports up", "/ports_up", VIEW_TEXT, 0 },
	{ "routes", "/routes", VIEW_TEXT, 0 },
	{ "exported", "/segments", VIEW_TEXT, 0 },
	{ "imported", "/imports", VIEW_TEXT, 0 },
	{ "time limit, ms", "/op_timeout_ms", VIEW_TEXT, 0 },
	{ "bytes fabric", "/counters/bytes_fabric", VIEW_TEXT, 0 },
	{ "requests", "/counters/requests", VIEW_TEXT, 0 },
	{ "repeated", "/counters/retries", VIEW_TEXT, 0 },
	{ "failed", "/counters/failures", VIEW_TEXT, 0 },
	{ "served", "/counters/served", VIEW_TEXT, 0 },
	{ "duplicates", "/counters/duplicates", VIEW_TEXT, 0 },
	{ "refused", "/counters/refused", VIEW_TEXT, 0 },
	{ "forwarded", "/counters/forwarded", VIEW_TEXT, 0 },
	{ 0 }
};

static const struct field engine_columns[] = {
	{ "ENGINE", "/index", VIEW_TEXT, 0 },
	{ "COMMANDS", "/commands", VIEW_LIST, 0 },
	{ 0 }
};

static const struct field peer_columns[] = {
	{ "PEER", "/name", VIEW_TEXT, 0 },
	{ "PCI ADDRESS", "/pci_address", VIEW_TEXT, 0 },
	{ "PATH", "/path", VIEW_TEXT, 0 },
	{ 0 }
};

static struct json_object *describe_features(uint64_t bits)
{
	static const struct {
		uint64_t bit;
		const char *name;
	} known[] = {
		{ SFAB_FEATURE_PEER, "peer" },
		{ SFAB_FEATURE_REDUCE, "reduce" },
		{ SFAB_FEATURE_ATOMIC, "atomic" },
		{ SFAB_FEATURE_COPY_2D, "copy-2d" },
		{ SFAB_FEATURE_FABRIC, "fabric" },
		{ SFAB_FEATURE_NOTIFY, "notify" },
		{ SFAB_FEATURE_LOSS_POLICY, "loss-policy" },
	};
	struct json_object *list = json_object_new_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (bits & known[i].bit)
			json_object_array_add(list, json_object_new_string(known[i].name));
	}
	return list;
}

static struct json_object *describe_limits(const struct sfab_device_info *info)
{
	struct json_object *object = json_object_new_object();

	json_put_number(object, "max_queues", info->max_queues);
	json_put_number(object, "max_vms", info->max_vms);
	json_put_number(object, "va_bits", info->va_bits);
	json_put_number(object, "max_commands", info->max_commands);
	json_put_number(object, "job_timeout_ms", info->job_timeout_ms);
	return object;
}

/* Not events_dropped: that one is of this process, which has read none */
static struct json_object *describe_counters(const struct sfab_device_counters *c)
{
	struct json_object *object = json_object_new_object();

	json_put_number(object, "commands", c->commands);
	json_put_number(object, "bytes_hbm", c->bytes_hbm);
	json_put_number(object, "bytes_system", c->bytes_system);
	json_put_number(object, "bytes_peer", c->bytes_peer);
	json_put_number(object, "faults", c->faults);
	json_put_number(object, "queue_resets", c->queue_resets);
	json_put_number(object, "device_resets", c->device_resets);
	json_put_number(object, "job_timeouts", c->job_timeouts);
	json_put_number(object, "interrupts", c->interrupts);
	return object;
}

static struct json_object *describe_fabric_counters(const struct sfab_device_counters *c)
{
	struct json_object *object = json_object_new_object();

	json_put_number(object, "bytes_fabric", c->bytes_fabric);
	json_put_number(object, "requests", c->fabric_requests);
	json_put_number(object, "retries", c->fabric_retries);
	json_put_number(object, "failures", c->fabric_failures);
	json_put_number(object, "served", c->fabric_served);
	json_put_number(object, "duplicates", c->fabric_duplicates);
	json_put_number(object, "refused", c->fabric_refused);
	json_put_number(object, "forwarded", c->fabric_forwarded);
	return object;
}

static int count_ports_up(struct sfab_device *device, uint32_t ports, unsigned int *up)
{
	struct sfab_port_info port = { .size = sizeof(port) };
	uint32_t i;

	for (i = 0; i < ports; i++) {
		if (sfab_port_get_info(device, i, &port) < 0)
			return complain_library();
		*up += port.state == SFAB_LINK_UP || port.state == SFAB_LINK_DEGRADED;
	}
	return 0;
}

/*
 * EIDs that the accelerator has a way to.  Each is a read of a register, and managers give the
 * lowest EIDs that are free: so what lies behind a large gap is not looked for.
 */
static int count_routes(struct sfab_device *device, uint32_t eids, unsigned int *routes)
{
	struct sfab_route_info route = { .size = sizeof(route) };
	uint32_t eid, last = 0;

	for (eid = 1; eid < eids && eid - last <= ROUTE_GAP; eid++) {
		if (sfab_device_get_route(device, eid, &route) < 0)
			return complain_library();
		if (!route.candidates)
			continue;
		last = eid;
		++*routes;
	}
	return 0;
}

/* Null for an accelerator without ports */
static int describe_fabric(struct sfab_device *device, const struct sfab_device_info *info,
			   const struct sfab_device_counters *counters, struct json_object *object)
{
	struct sfab_fabric_info fabric = { .size = sizeof(fabric) };
	unsigned int up = 0, routes = 0;
	struct json_object *section;

	json_put(object, "fabric", NULL);
	if (!(info->features & SFAB_FEATURE_FABRIC))
		return 0;
	if (sfab_device_get_fabric(device, &fabric) < 0)
		return complain_library();
	if (count_ports_up(device, fabric.ports, &up) ||
	    count_routes(device, fabric.max_eids, &routes))
		return -1;
	section = json_object_new_object();
	json_put(section, "eid", fabric.eid ? json_object_new_uint64(fabric.eid) : NULL);
	json_put_number(section, "incarnation", fabric.incarnation);
	json_put_number(section, "ports", fabric.ports);
	json_put_number(section, "ports_up", up);
	json_put_number(section, "routes", routes);
	json_put_number(section, "segments", fabric.segments);
	json_put_number(section, "imports", fabric.imports);
	json_put_number(section, "op_timeout_ms", fabric.op_timeout_ms);
	json_put(section, "counters", describe_fabric_counters(counters));
	json_put(object, "fabric", section);
	return 0;
}

static struct json_object *describe_commands(uint64_t opcodes)
{
	struct json_object *list = json_object_new_array();
	unsigned int i;

	for (i = 0; i < 64; i++) {
		if (opcodes >> i & 1)
			json_object_array_add(list, json_object_new_string(sfab_opcode_name(i)));
	}
	return list;
}

static int describe_engines(struct sfab_device *device, unsigned int count,
			    struct json_object *list)
{
	struct sfab_engine_info info = { .size = sizeof(info) };
	struct json_object *object;
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (sfab_device_get_engine(device, i, &info) < 0)
			return complain_library();
		object = json_object_new_object();
		json_object_array_add(list, object);
		json_put_number(object, "index", info.index);
		json_put(object, "commands", describe_commands(info.commands));
	}
	return 0;
}

/* A peer that cannot be asked has a path of null */
static int describe_peer(struct sfab_context *context, struct sfab_device *device,
			 unsigned int index, struct json_object *object)
{
	struct sfab_device_info info = { .size = sizeof(info) };
	struct sfab_device *other;
	int reach = -1;

	json_put_number(object, "index", index);
	if (sfab_device_get(context, index, &other) == 0 &&
	    sfab_device_get_info(other, &info) == 0) {
		json_put_text(object, "name", info.name);
		json_put_text(object, "pci_address", info.pci_address);
		json_put_text(object, "uuid", info.uuid);
		reach = sfab_device_reach(device, other);
	}
	json_put(object, "path",
		 reach < 0 ? NULL : json_object_new_string(sfab_reach_name(reach)));
	return reach < 0 ? complain_library() : 0;
}

static int describe_peers(struct sfab_context *context, struct sfab_device *device,
			  unsigned int self, struct json_object *list)
{
	unsigned int i, count = sfab_device_count(context);
	struct json_object *object;
	int ret = 0;

	for (i = 0; i < count; i++) {
		if (i == self)
			continue;
		object = json_object_new_object();
		json_object_array_add(list, object);
		if (describe_peer(context, device, i, object))
			ret = -1;
	}
	return ret;
}

/* Adds what can be told to the list, also if that is not all */
static int describe(struct sfab_context *context, struct sfab_device *device, void *data)
{
	struct sfab_device_counters now = { .size = sizeof(now) };
	struct json_object *list = data, *object, *engines, *peers;
	struct sfab_device_info info;
	int ret;

	if (accel_info(device, &info))
		return -1;
	if (sfab_device_get_counters(device, &now) < 0)
		return complain_library();

	object = accel_describe(&info);
	engines = json_object_new_array();
	peers = json_object_new_array();
	json_object_array_add(list, object);
	json_put_number(object, "system_used", info.system_used);
	json_put_number(object, "registered", info.registered);
	json_put(object, "numa_node",
		 info.numa_node < 0 ? NULL : json_object_new_int(info.numa_node));
	json_put(object, "features", describe_features(info.features));
	json_put(object, "limits", describe_limits(&info));
	json_put(object, "counters", describe_counters(&now));
	json_put(object, "engine_list", engines);
	json_put(object, "peers", peers);
	ret = describe_fabric(device, &info, &now, object);
	ret = describe_engines(device, info.engines, engines) ?: ret;
	return describe_peers(context, device, info.index, peers) ?: ret;
}

static void show(struct json_object *list)
{
	size_t i, count = json_object_array_length(list);
	struct json_object *object, *others, *fabric;

	for (i = 0; i < count; i++) {
		object = json_object_array_get_idx(list, i);
		others = json_object_object_get(object, "peers");
		if (i)
			putchar('\n');
		render_fields(sections, object);
		fabric = json_object_object_get(object, "fabric");
		if (fabric)
			render_fields(fabric_section, fabric);
		render_table(engine_columns, json_object_object_get(object, "engine_list"));
		if (json_object_array_length(others))
			render_table(peer_columns, others);
	}
}

struct request {
	bool json;
	const char *name;	/* NULL: all */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *request = state->input;

	switch (key) {
	case 'j':
		request->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (request->name)
			argp_error(state, "'%s' is one argument too many: name one accelerator, or none for all",
				   arg);
		request->name = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int info_main(int argc, char **argv)
{
	static const struct argp_option options[] = { OPTION_JSON, { 0 } };
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[ACCELERATOR]",
		.doc = "Tell everything about one accelerator, or about all.\n"
		       "\vACCELERATOR is an index (0), a node (accel0, /dev/accel/accel0), a PCI\n"
		       "address (0000:01:00.0) or a UUID, as 'sfab list' shows them.\n",
	};
	struct json_object *document, *list;
	struct sfab_context *context;
	struct request request = { 0 };
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &request);
	if (accel_open(&context))
		return EXIT_FAILURE;

	document = json_object_new_object();
	list = json_object_new_array();
	json_put(document, "accelerators", list);
	ret = accel_each(context, request.name, describe, list);

	if (request.json)
		render_json(document);
	else
		show(list);
	json_object_put(document);
	sfab_context_close(context);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
