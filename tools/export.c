// SPDX-License-Identifier: MIT
/*
 * sfab export: memory of an accelerator that others can reach for as long as this runs
 */
#include <argp.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "accel.h"
#include "handle.h"
#include "interrupt.h"
#include "progress.h"
#include "render/render.h"
#include "tool.h"
#include "units.h"

#define SIZE_DEFAULT	(64ULL << 20)
#define RIGHTS		(SFAB_READ | SFAB_WRITE | SFAB_ATOMIC)

struct request {
	const char *accel;
	uint64_t size;			/* 0: the default */
	unsigned int seconds;		/* 0: until interrupted */
	bool json;
	bool quiet;
};

enum { KEY_SIZE = 0x100, KEY_SECONDS };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct request *request = state->input;

	switch (key) {
	case 'a':
		request->accel = arg;
		return 0;
	case KEY_SIZE:
		request->size = parse_size(state, "size", arg);
		return 0;
	case KEY_SECONDS:
		request->seconds = parse_count(state, "seconds", arg, 1000000);
		return 0;
	case 'j':
		request->json = true;
		return 0;
	case 'q':
		request->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is one argument too many: name the accelerator with -a",
			   arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void tell_json(const char *name, const struct sfab_handle_info *info, const char *text)
{
	struct json_object *document = json_object_new_object();

	json_put_text(document, "handle", text);
	json_put_text(document, "accelerator", name);
	json_put_number(document, "eid", info->eid);
	json_put_number(document, "segment", info->segment);
	json_put_number(document, "bytes", info->bytes);
	render_json(document);
	json_object_put(document);
}

static int tell(const struct request *request, const char *name, const struct sfab_handle *handle)
{
	struct sfab_handle_info info = { .size = sizeof(info) };
	char text[HANDLE_TEXT], bytes[32];

	if (sfab_handle_get_info(handle, &info) < 0)
		return complain_library();
	handle_print(handle, text);
	if (request->json)
		tell_json(name, &info, text);
	else
		puts(text);
	/* Whoever waits for it shall have it now; without it nobody can reach the memory */
	if (output_flush())
		return -1;
	if (!request->quiet)
		fprintf(stderr, "%s: %s of HBM of %s are segment %u of EID %u until this ends\n",
			program_invocation_name, format_bytes(bytes, sizeof(bytes), info.bytes),
			name, info.segment, info.eid);
	return 0;
}

/* A counter on a terminal; a log gets a line every three seconds only if the end is known */
static void hold(const struct request *request)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	uint64_t began = now_ns(), seconds = 0;

	if (!request->quiet && request->seconds)
		progress_begin("exported", request->seconds, "seconds");
	while (!interrupted() && (!request->seconds || seconds < request->seconds)) {
		nanosleep(&pause, NULL);
		seconds = (now_ns() - began) / 1000000000;
		progress_update(seconds);
	}
	progress_end();
}

static int export_memory(const struct request *request, struct sfab_device *device)
{
	struct sfab_export *exported = NULL;
	struct sfab_device_info info;
	struct sfab_handle handle;
	struct sfab_mem *mem;
	uint64_t size;
	int ret = 0;

	if (accel_info(device, &info))
		return -1;
	size = request->size ?: info.hbm_size / 4;
	if (!request->size && size > SIZE_DEFAULT)
		size = SIZE_DEFAULT;
	if (sfab_mem_alloc(device, SFAB_MEM_HBM, size, 0, &mem) < 0)
		return complain_library();
	if (sfab_mem_export(mem, 0, size, RIGHTS, &exported, &handle) < 0)
		ret = complain_library();
	if (!ret)
		ret = tell(request, info.name, &handle);
	if (!ret)
		hold(request);
	if (exported && sfab_export_revoke(exported) < 0)
		ret = complain_library();
	sfab_mem_free(mem);
	return ret;
}

int export_main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "accelerator", 'a', "N", 0, "Memory of accelerator N (default: 0)", 0 },
		{ "size", KEY_SIZE, "SIZE", 0,
		  "SIZE bytes (default: 64M, at most a quarter of its HBM)", 0 },
		{ "seconds", KEY_SECONDS, "N", 0, "End after N seconds", 0 },
		OPTION_QUIET,
		OPTION_JSON,
		{ 0 }
	};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Let other accelerators, of this node or another one, read and write memory of\n"
		       "an accelerator, until this is interrupted.\n"
		       "\vThe first line of the output is the handle of the memory, for\n"
		       "'sfab bench --to' and 'sfab stream --to'. It is the key to the memory.\n",
	};
	struct sfab_context *context;
	struct request request = { 0 };
	struct sfab_device *device;
	int ret = -1;

	argp_parse(&argp, argc, argv, 0, NULL, &request);
	if (accel_open(&context))
		return EXIT_FAILURE;
	interrupt_catch();
	if (accel_count(context) && !accel_find(context, request.accel ?: "0", &device))
		ret = export_memory(&request, device);
	sfab_context_close(context);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
