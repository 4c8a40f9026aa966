// SPDX-License-Identifier: MIT
/* Host -> HBM of accelerator 0 -> HBM of accelerator 1 -> host, verified */
#include <sfab/sfab.h>
#include <stdio.h>
#include <string.h>

static char in[1 << 20], out[1 << 20];

#define try(call)						\
	do {							\
		if ((call) < 0) {				\
			fprintf(stderr, "%s\n", sfab_last_error());	\
			return 1;				\
		}						\
	} while (0)

int main(void)
{
	struct sfab_context *context;
	struct sfab_device *dev[2];
	struct sfab_mem *from, *to, *hbm[2];
	struct sfab_queue *queue;
	struct sfab_batch *batch;
	struct sfab_fence *done;

	memset(in, 42, sizeof(in));
	try(sfab_context_open(&context, 0));
	for (int i = 0; i < 2; i++) {
		try(sfab_device_get(context, i, &dev[i]));
		try(sfab_mem_alloc(dev[i], SFAB_MEM_HBM, sizeof(in), 0, &hbm[i]));
	}
	try(sfab_mem_register(dev[0], in, sizeof(in), SFAB_READ, &from));
	try(sfab_mem_register(dev[0], out, sizeof(out), SFAB_READ | SFAB_WRITE, &to));
	try(sfab_queue_create(dev[0], 0, &queue));
	try(sfab_batch_create(queue, &batch));
	try(sfab_batch_copy(batch, hbm[0], 0, from, 0, sizeof(in)));
	try(sfab_batch_copy(batch, hbm[1], 0, hbm[0], 0, sizeof(in)));	/* peer DMA */
	try(sfab_batch_copy(batch, to, 0, hbm[1], 0, sizeof(out)));
	try(sfab_batch_submit(batch, NULL, 0, &done));
	try(sfab_fence_wait(done, SFAB_NO_TIMEOUT));
	printf("%s by way of %s: %s\n", "accel0 -> accel1",
	       sfab_reach_name(sfab_mem_reach(hbm[1], dev[0])),
	       memcmp(in, out, sizeof(in)) ? "different" : "equal");
	sfab_context_close(context);	/* frees all of it */
	return memcmp(in, out, sizeof(in)) != 0;
}
