// SPDX-License-Identifier: MIT
/*
 * peer export DIR NAME: export memory of the first accelerator until DIR/NAME.stop is there
 * peer hold DIR NAME: import it, and use it each time that DIR/NAME.try.K appears (K from 0),
 *	with one line of answer in DIR/NAME.result.K: "ok" or the status of the access, the
 *	milliseconds that it took, and whether work on the own accelerator goes on
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sfab/sfab.h>

#include "share.h"

#define SIZE	(1u << 20)
#define WAIT_NS	60000000000ll

static struct sfab_device *first_device(void)
{
	struct sfab_context *ctx;
	struct sfab_device *device;

	must(sfab_context_open(&ctx, 0));
	must(sfab_device_get(ctx, 0, &device));
	return device;
}

static void export_until_told(const struct share *share, const char *name)
{
	struct sfab_device *device = first_device();
	struct sfab_export *exported;
	struct sfab_handle handle;
	struct sfab_mem *mem;
	char file[128];

	must(sfab_mem_alloc(device, SFAB_MEM_HBM, SIZE, 0, &mem));
	must(sfab_mem_export(mem, 0, SIZE, SFAB_READ | SFAB_WRITE, &exported, &handle));
	share_put(share, name, &handle, sizeof(handle));
	snprintf(file, sizeof(file), "%s.stop", name);
	while (!share_has(share, file))
		share_rest();
	must(sfab_export_revoke(exported));
	must(sfab_mem_free(mem));
}

static void use(const struct share *share, const char *name, unsigned int number,
		struct sfab_device *device, struct sfab_mem *remote, struct sfab_mem *local)
{
	struct sfab_fault_info fault = { .size = sizeof(fault) };
	uint64_t start = now_ns();
	struct sfab_queue *queue;
	struct sfab_fence *fence;
	char file[128], text[256];
	const char *what = "ok";
	int ret;

	must(sfab_queue_create(device, 0, &queue));
	must(sfab_copy(queue, remote, 0, local, 0, SIZE, &fence));
	ret = sfab_fence_wait(fence, WAIT_NS);
	if (ret == -EIO && !sfab_fence_get_fault(fence, &fault) &&
	    fault.cause == SFAB_CAUSE_FABRIC)
		what = sfab_remote_status_name(fault.remote_status);
	else if (ret)
		what = sfab_last_error();
	snprintf(text, sizeof(text), "%-100.100s %8" PRIu64 " %-8.8s\n", what,
		 (now_ns() - start) / 1000000, work_at_home(device));
	sfab_fence_free(fence);
	sfab_queue_destroy(queue);
	snprintf(file, sizeof(file), "%s.result.%u", name, number);
	share_put(share, file, text, strlen(text));
}

static void hold(const struct share *share, const char *name)
{
	struct sfab_device *device = first_device();
	struct sfab_mem *remote, *local;
	struct sfab_handle handle;
	unsigned int number = 0;
	char file[128];

	share_get(share, name, &handle, sizeof(handle));
	must(sfab_mem_import(device, &handle, SFAB_IMPORT_FABRIC, &remote));
	must(sfab_mem_alloc(device, SFAB_MEM_HBM, SIZE, 0, &local));
	for (;;) {
		snprintf(file, sizeof(file), "%s.done", name);
		if (share_has(share, file))
			break;
		snprintf(file, sizeof(file), "%s.try.%u", name, number);
		if (share_has(share, file))
			use(share, name, number++, device, remote, local);
		share_rest();
	}
	must(sfab_mem_free(remote));
	must(sfab_mem_free(local));
}

int main(int argc, char **argv)
{
	struct share share = { 0 };

	if (argc != 4)
		die("usage: peer export|hold DIR NAME");
	share.dir = argv[2];
	if (!strcmp(argv[1], "export"))
		export_until_told(&share, argv[3]);
	else if (!strcmp(argv[1], "hold"))
		hold(&share, argv[3]);
	else
		die("peer: what is '%s'?", argv[1]);
	return 0;
}
