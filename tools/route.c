// SPDX-License-Identifier: MIT
/*
 * The way of data: host -> accelerator -> ... -> accelerator -> host
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "accel.h"
#include "render/render.h"
#include "route.h"
#include "tool.h"
#include "units.h"

#define PIECE_MIN	4096
#define POISON_HOST	0xa5
#define POISON_HBM	0x5a

static const char host[] = "host";

/* ---- buffers ---- */

static int host_buffer_map(struct host_buffer *buffer, uint64_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (data == MAP_FAILED)
		return complain("no memory for a buffer of %" PRIu64 " bytes: use a smaller --chunk",
				size);
	/* Fewer, larger pages make registration cheap; without them it works too */
	madvise(data, size, MADV_HUGEPAGE);
	buffer->data = data;
	buffer->size = size;
	return 0;
}

static void host_buffer_unmap(struct host_buffer *buffer)
{
	if (buffer->data)
		munmap(buffer->data, buffer->size);
	buffer->data = NULL;
}

static void give_back(struct sfab_mem **mem)
{
	sfab_mem_free(*mem);
	*mem = NULL;
}

static void pieces_free(struct route *route)
{
	unsigned int i;

	give_back(&route->in.mem);
	give_back(&route->out.mem);
	for (i = 0; i < route->stop_count; i++)
		give_back(&route->stops[i].hbm);
}

/* Returns what libsfab does */
static int pieces_get(struct route *route)
{
	struct stop *first = &route->stops[0], *last = &route->stops[route->stop_count - 1];
	struct stop *stop;
	int ret;

	/* Each is registered with the only accelerator that uses it */
	ret = sfab_mem_register(first->device, route->in.data, route->piece, SFAB_READ,
				&route->in.mem);
	if (ret >= 0 && route->back)
		ret = sfab_mem_register(last->device, route->out.data, route->piece,
					SFAB_READ | SFAB_WRITE, &route->out.mem);
	for (stop = first; ret >= 0 && stop <= last; stop++)
		ret = sfab_mem_alloc(stop->device, SFAB_MEM_HBM, route->piece, 0, &stop->hbm);
	return ret;
}

static int pieces_fit(struct route *route, bool shrink)
{
	int ret;

	while ((ret = pieces_get(route)) < 0) {
		pieces_free(route);
		if ((ret != -ENOMEM && ret != -ENOSPC) || !shrink ||
		    route->piece / 2 < PIECE_MIN)
			return complain_library();	/* which limit, and by how much */
		route->piece /= 2;
	}
	return 0;
}

/* ---- opening ---- */

static int stop_open(struct stop *stop, struct sfab_device *device)
{
	struct sfab_device_info info;

	if (accel_info(device, &info))
		return -1;
	stop->device = device;
	snprintf(stop->name, sizeof(stop->name), "%s", info.name);
	if (sfab_queue_create(device, 0, &stop->queue) < 0 ||
	    sfab_batch_create(stop->queue, &stop->batch) < 0)
		return complain_library();
	return 0;
}

static int hop_open(struct hop *hop, const char *from, const char *to, int reach)
{
	if (reach < 0)
		return complain_library();
	*hop = (struct hop){ .from = from, .to = to, .path = sfab_reach_name(reach) };
	return 0;
}

/* Every hop is the work of the stop that it leaves, the first that of the stop it reaches */
static int hops_open(struct route *route)
{
	struct stop *stops = route->stops;
	unsigned int i, n = route->stop_count;
	int ret;

	ret = hop_open(&route->hops[0], host, stops[0].name,
		       sfab_mem_reach(route->in.mem, stops[0].device));
	for (i = 1; !ret && i < n; i++)
		ret = hop_open(&route->hops[i], stops[i - 1].name, stops[i].name,
			       sfab_mem_reach(stops[i].hbm, stops[i - 1].device));
	if (!ret && route->back)
		ret = hop_open(&route->hops[n], stops[n - 1].name, host,
			       sfab_mem_reach(route->out.mem, stops[n - 1].device));
	return ret;
}

int route_open(struct route *route, struct sfab_device *const *stops, unsigned int stop_count,
	       bool back, uint64_t piece, bool shrink)
{
	unsigned int i;
	int ret = 0;

	*route = (struct route){ .piece = piece, .back = back };
	route->stops = calloc(stop_count, sizeof(*route->stops));
	route->hops = calloc(stop_count + 1, sizeof(*route->hops));
	if (!route->stops || !route->hops)
		ret = complain("no memory for a way of %u stops", stop_count);

	for (i = 0; !ret && i < stop_count; i++) {
		route->stop_count++;
		ret = stop_open(&route->stops[i], stops[i]);
	}
	if (!ret)
		ret = host_buffer_map(&route->in, piece);
	if (!ret && back)
		ret = host_buffer_map(&route->out, piece);
	if (!ret)
		ret = pieces_fit(route, shrink);
	if (!ret)
		ret = hops_open(route);
	if (ret)
		route_close(route);
	return ret;
}

void route_close(struct route *route)
{
	unsigned int i;

	/* Queues first: memory must be idle when it is freed */
	for (i = 0; i < route->stop_count; i++) {
		sfab_queue_destroy(route->stops[i].queue);
		sfab_batch_free(route->stops[i].batch);
	}
	pieces_free(route);
	host_buffer_unmap(&route->in);
	host_buffer_unmap(&route->out);
	free(route->stops);
	free(route->hops);
	*route = (struct route){ 0 };
}

unsigned int route_hops(const struct route *route)
{
	return route->stop_count + route->back;
}

/* ---- moving ---- */

static int run(struct stop *stop, uint64_t *ns)
{
	struct sfab_fence *fence;
	uint64_t began = now_ns();
	int ret;

	if (sfab_batch_submit(stop->batch, NULL, 0, &fence) < 0)
		return complain_library();
	/* Bounded by the job timeout of the device */
	ret = sfab_fence_wait(fence, SFAB_NO_TIMEOUT);
	*ns = now_ns() - began;
	if (ret < 0)
		complain_library();
	sfab_fence_free(fence);
	return ret < 0 ? -1 : 0;
}

static int move(struct stop *stop, struct hop *hop, struct sfab_mem *dst, struct sfab_mem *src,
		uint64_t bytes)
{
	uint64_t ns;

	/* What is mapped here for the first time is not part of the measurement */
	if (sfab_batch_copy(stop->batch, dst, 0, src, 0, bytes) < 0)
		return complain_library();
	if (run(stop, &ns))
		return -1;
	hop->bytes += bytes;
	hop->ns += ns;
	return 0;
}

int route_send(struct route *route, uint64_t bytes)
{
	struct stop *stops = route->stops;
	unsigned int i, n = route->stop_count;
	int ret;

	ret = move(&stops[0], &route->hops[0], stops[0].hbm, route->in.mem, bytes);
	for (i = 1; !ret && i < n; i++)
		ret = move(&stops[i - 1], &route->hops[i], stops[i].hbm, stops[i - 1].hbm, bytes);
	if (!ret && route->back)
		ret = move(&stops[n - 1], &route->hops[n], route->out.mem, stops[n - 1].hbm,
			   bytes);
	return ret;
}

int route_poison(struct route *route, uint64_t bytes)
{
	struct stop *stop;
	uint64_t ns;

	if (route->back)
		memset(route->out.data, POISON_HOST, bytes);
	for (stop = route->stops; stop < route->stops + route->stop_count; stop++) {
		if (sfab_batch_fill(stop->batch, stop->hbm, 0, bytes, POISON_HBM, 1) < 0)
			return complain_library();
		if (run(stop, &ns))
			return -1;
	}
	return 0;
}

/* ---- telling ---- */

struct json_object *route_describe(const struct route *route)
{
	struct json_object *list = json_object_new_array(), *object;
	const struct hop *hop;

	for (hop = route->hops; hop < route->hops + route_hops(route); hop++) {
		object = json_object_new_object();
		json_put_text(object, "from", hop->from);
		json_put_text(object, "to", hop->to);
		json_put_text(object, "path", hop->path);
		json_put_number(object, "bytes", hop->bytes);
		json_put(object, "seconds", json_seconds(hop->ns));
		json_put(object, "bytes_per_second", json_rate(hop->bytes, hop->ns));
		json_object_array_add(list, object);
	}
	return list;
}
