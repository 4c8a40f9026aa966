// SPDX-License-Identifier: MIT
/*
 * sfab list: the accelerators of this node
 */
#include <argp.h>
#include <stdbool.h>

#include "accel.h"
#include "render/render.h"
#include "tool.h"

static const struct field columns[] = {
	{ "INDEX", "/index", VIEW_NUMBER, 0 },
	{ "NODE", "/node", VIEW_TEXT, 0 },
	{ "PCI ADDRESS", "/pci_address", VIEW_TEXT, 0 },
	{ "UUID", "/uuid", VIEW_TEXT, 0 },
	{ "SERIAL", "/serial", VIEW_TEXT, 0 },
	{ "HBM USED", "/hbm_used", VIEW_BYTES, 0 },
	{ "HBM SIZE", "/hbm_size", VIEW_BYTES, 0 },
	{ "ENGINES", "/engines", VIEW_NUMBER, 0 },
	{ "HW", "/hw_version", VIEW_TEXT, 0 },
	{ "DRIVER", "/driver_version", VIEW_TEXT, 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	bool *json = state->input;

	switch (key) {
	case 'j':
		*json = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is one argument too many: 'sfab info %s' tells of one accelerator",
			   arg, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* One that cannot be used is listed as well: an operator looks for those */
static struct json_object *describe_unusable(unsigned int index)
{
	struct json_object *object = json_object_new_object();

	complain_library();
	json_put_number(object, "index", index);
	json_put_text(object, "error", sfab_last_error());
	return object;
}

static int describe(struct sfab_context *context, unsigned int index, struct json_object *list)
{
	struct sfab_device_info info = { .size = sizeof(info) };
	struct sfab_device *device;

	if (sfab_device_get(context, index, &device) < 0 ||
	    sfab_device_get_info(device, &info) < 0) {
		json_object_array_add(list, describe_unusable(index));
		return -1;
	}
	json_object_array_add(list, accel_describe(&info));
	return 0;
}

int list_main(int argc, char **argv)
{
	static const struct argp_option options[] = { OPTION_JSON, { 0 } };
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "List the accelerators of this node.",
	};
	struct json_object *document, *list;
	struct sfab_context *context;
	int status = EXIT_SUCCESS;
	unsigned int i, count;
	bool json = false;

	argp_parse(&argp, argc, argv, 0, NULL, &json);
	if (accel_open(&context))
		return EXIT_FAILURE;

	count = accel_count(context);
	document = json_object_new_object();
	list = json_object_new_array();
	json_put(document, "accelerators", list);
	for (i = 0; i < count; i++) {
		if (describe(context, i, list))
			status = EXIT_FAILURE;
	}

	if (json)
		render_json(document);
	else if (count)
		render_table(columns, list);
	json_object_put(document);
	sfab_context_close(context);
	return status;
}
