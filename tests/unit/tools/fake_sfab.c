// SPDX-License-Identifier: MIT
/*
 * A libsfab without accelerators: the part of <sfab/sfab.h> that the tool uses,
 * on ordinary memory, with failures on demand
 *
 * The environment says what it pretends:
 *   FAKE_COUNT=N           accelerators (2)
 *   FAKE_HBM=BYTES         HBM of each (256 MiB)
 *   FAKE_MEMLOCK=BYTES     memory that can be registered (no limit)
 *   FAKE_BOUNCE=A>B        A cannot reach the HBM of B
 *   FAKE_FAIL=NAME:N:ERR   the Nth call of function NAME fails with errno ERR
 *   FAKE_LOSE=N            the Nth copy reports success and copies nothing
 *   FAKE_DAMAGE=N          the Nth copy flips a bit of the last byte
 *   FAKE_SLOW=USEC         every copy takes this long
 *
 * What the tool leaves allocated when it closes the context is told and fatal.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sfab/sfab.h>

#define MAX_OPS	4

struct sfab_device {
	struct sfab_context *context;
	unsigned int index;
	uint64_t used;
};

struct sfab_context {
	unsigned int count;
	struct sfab_device devices[16];
	int objects;		/* that must be freed before the context */
	uint64_t locked;
};

struct sfab_mem {
	struct sfab_device *device;
	enum sfab_mem_kind kind;
	uint64_t size;
	uint8_t *data;
};

struct sfab_queue {
	struct sfab_device *device;
	int refs;		/* a batch outlives its queue */
};

struct sfab_batch {
	struct sfab_queue *queue;
	unsigned int count;
	struct {
		struct sfab_mem *dst, *src;	/* src NULL: fill */
		uint64_t size, value;
	} ops[MAX_OPS];
};

struct sfab_fence {
	struct sfab_context *context;
};

static char last_error[512];
static unsigned int copies;

__attribute__((format(printf, 2, 3)))
static int fail(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(last_error, sizeof(last_error), fmt, args);
	va_end(args);
	return err;
}

static uint64_t setting(const char *name, uint64_t standard)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : standard;
}

/* Is this the call that shall fail?  Then the errno, negative. */
static int injected(const char *function)
{
	static unsigned int calls;
	const char *plan = getenv("FAKE_FAIL");
	char name[64];
	unsigned int nth;
	int err;

	if (!plan || sscanf(plan, "%63[^:]:%u:%d", name, &nth, &err) != 3 ||
	    strcmp(name, function) != 0 || ++calls != nth)
		return 0;
	return fail(-err, "fake: %s failed as planned: %s", function, strerror(err));
}

#define FAIL_IF_PLANNED() \
	do { \
		int planned = injected(__func__); \
		if (planned) \
			return planned; \
	} while (0)

/* ---- library, contexts, devices ---- */

const char *sfab_version(void)
{
	return "9.8.7";
}

const char *sfab_last_error(void)
{
	return last_error;
}

const char *sfab_reach_name(uint32_t reach)
{
	static const char *const names[] = { "local", "system", "peer", "bounce" };

	return reach < 4 ? names[reach] : "unknown";
}

int sfab_context_open(struct sfab_context **context, unsigned int flags)
{
	struct sfab_context *ctx;
	unsigned int i;

	FAIL_IF_PLANNED();
	if (flags)
		return fail(-EINVAL, "fake: flags");
	ctx = calloc(1, sizeof(*ctx));
	ctx->count = setting("FAKE_COUNT", 2);
	for (i = 0; i < ctx->count; i++)
		ctx->devices[i] = (struct sfab_device){ .context = ctx, .index = i };
	*context = ctx;
	return 0;
}

void sfab_context_close(struct sfab_context *ctx)
{
	if (ctx->objects) {
		fprintf(stderr, "fake: %d objects were not freed\n", ctx->objects);
		abort();
	}
	free(ctx);
}

int sfab_device_count(struct sfab_context *ctx)
{
	return ctx->count;
}

int sfab_device_get(struct sfab_context *ctx, unsigned int index, struct sfab_device **device)
{
	FAIL_IF_PLANNED();
	if (index >= ctx->count)
		return fail(-ENODEV, "fake: no accelerator %u", index);
	*device = &ctx->devices[index];
	return 0;
}

static void fill_names(struct sfab_device *device, struct sfab_device_info *info)
{
	unsigned int i = device->index;

	snprintf(info->name, sizeof(info->name), "accel%u", i);
	snprintf(info->node, sizeof(info->node), "/dev/accel/accel%u", i);
	snprintf(info->pci_address, sizeof(info->pci_address), "0000:%02x:00.0", i + 1);
	snprintf(info->uuid, sizeof(info->uuid), "5fab0000-0000-4000-8000-%012x", i);
}

int sfab_device_find(struct sfab_context *ctx, const char *name, struct sfab_device **device)
{
	struct sfab_device_info info;
	char index[16];
	unsigned int i;

	FAIL_IF_PLANNED();
	for (i = 0; i < ctx->count; i++) {
		fill_names(&ctx->devices[i], &info);
		snprintf(index, sizeof(index), "%u", i);
		if (!strcmp(name, index) || !strcmp(name, info.name) ||
		    !strcmp(name, info.pci_address) || !strcmp(name, info.uuid)) {
			*device = &ctx->devices[i];
			return 0;
		}
	}
	return fail(-ENODEV, "fake: no accelerator '%s'", name);
}

int sfab_device_get_info(struct sfab_device *device, struct sfab_device_info *info)
{
	struct sfab_device_info out = {
		.size = sizeof(out),
		.index = device->index,
		.serial = 0x5fab000000000001ULL + device->index,
		.features = SFAB_FEATURE_PEER | SFAB_FEATURE_REDUCE | SFAB_FEATURE_ATOMIC,
		.hw_version = 1 << 16 | 2,
		.numa_node = device->index ? 1 : -1,
		.driver_major = 3,
		.driver_minor = 4,
		.hbm_size = setting("FAKE_HBM", 256 << 20),
		.hbm_used = device->used,
		.engines = 2,
		.max_queues = 64,
		.max_vms = 16,
		.va_bits = 48,
		.job_timeout_ms = 10000,
		.max_commands = 1024,
	};

	FAIL_IF_PLANNED();
	if (info->size != sizeof(*info))
		return fail(-EINVAL, "fake: size of struct sfab_device_info");
	fill_names(device, &out);
	*info = out;
	return 0;
}

int sfab_device_get_engine(struct sfab_device *device, unsigned int index,
			   struct sfab_engine_info *info)
{
	(void)device;
	FAIL_IF_PLANNED();
	if (info->size != sizeof(*info) || index >= 2)
		return fail(-EINVAL, "fake: size of struct sfab_engine_info, or index");
	info->index = index;
	info->commands = index ? (uint64_t)1 << 63 | 2 : 7;
	return 0;
}

const char *sfab_opcode_name(uint32_t opcode)
{
	static const char *const names[] = { "nop", "copy", "copy-2d" };

	return opcode < 3 ? names[opcode] : "unknown command";
}

int sfab_device_get_counters(struct sfab_device *device, struct sfab_device_counters *counters)
{
	FAIL_IF_PLANNED();
	if (counters->size != sizeof(*counters))
		return fail(-EINVAL, "fake: size of struct sfab_device_counters");
	*counters = (struct sfab_device_counters){
		.size = sizeof(*counters),
		.commands = 1000 + device->index,
		.bytes_hbm = UINT64_MAX,	/* all 64 bits must come through */
		.faults = 3,
	};
	return 0;
}

static bool bounces(struct sfab_device *from, struct sfab_device *to)
{
	const char *pair = getenv("FAKE_BOUNCE");
	unsigned int a, b;

	return pair && sscanf(pair, "%u>%u", &a, &b) == 2 && a == from->index && b == to->index;
}

int sfab_device_reach(struct sfab_device *device, struct sfab_device *peer)
{
	FAIL_IF_PLANNED();
	if (device == peer)
		return SFAB_REACH_LOCAL;
	return bounces(device, peer) ? SFAB_REACH_BOUNCE : SFAB_REACH_PEER;
}

/* ---- memory ---- */

static int mem_new(struct sfab_device *device, enum sfab_mem_kind kind, uint64_t size, void *data,
		   struct sfab_mem **mem)
{
	struct sfab_mem *m = malloc(sizeof(*m));

	*m = (struct sfab_mem){ .device = device, .kind = kind, .size = size, .data = data };
	device->context->objects++;
	*mem = m;
	return 0;
}

int sfab_mem_alloc(struct sfab_device *device, enum sfab_mem_kind kind, uint64_t size,
		   unsigned int flags, struct sfab_mem **mem)
{
	uint64_t hbm = setting("FAKE_HBM", 256 << 20);

	FAIL_IF_PLANNED();
	if (kind != SFAB_MEM_HBM || flags || !size)
		return fail(-EINVAL, "fake: kind, flags or size");
	if (size > hbm - device->used)
		return fail(-ENOSPC, "accel%u: %llu bytes of HBM are free, %llu were asked for",
			    device->index, (unsigned long long)(hbm - device->used),
			    (unsigned long long)size);
	device->used += size;
	return mem_new(device, kind, size, calloc(1, size), mem);
}

int sfab_mem_register(struct sfab_device *device, void *addr, uint64_t size, unsigned int rights,
		      struct sfab_mem **mem)
{
	struct sfab_context *ctx = device->context;
	uint64_t limit = setting("FAKE_MEMLOCK", UINT64_MAX);

	FAIL_IF_PLANNED();
	if (!(rights & SFAB_READ) || !size)
		return fail(-EINVAL, "fake: rights or size");
	if (size > limit - ctx->locked)
		return fail(-ENOMEM, "RLIMIT_MEMLOCK is exceeded by %llu bytes",
			    (unsigned long long)(size - (limit - ctx->locked)));
	ctx->locked += size;
	return mem_new(device, SFAB_MEM_REGISTERED, size, addr, mem);
}

int sfab_mem_free(struct sfab_mem *mem)
{
	if (!mem)
		return 0;
	if (mem->kind == SFAB_MEM_HBM) {
		mem->device->used -= mem->size;
		free(mem->data);
	} else {
		mem->device->context->locked -= mem->size;
	}
	mem->device->context->objects--;
	free(mem);
	return 0;
}

int sfab_mem_reach(struct sfab_mem *mem, struct sfab_device *device)
{
	FAIL_IF_PLANNED();
	if (mem->kind == SFAB_MEM_REGISTERED)
		return SFAB_REACH_SYSTEM;
	return sfab_device_reach(device, mem->device);
}

/* ---- work ---- */

int sfab_queue_create(struct sfab_device *device, unsigned int flags, struct sfab_queue **queue)
{
	FAIL_IF_PLANNED();
	if (flags)
		return fail(-EINVAL, "fake: flags");
	*queue = malloc(sizeof(**queue));
	**queue = (struct sfab_queue){ .device = device, .refs = 1 };
	device->context->objects++;
	return 0;
}

static void queue_put(struct sfab_queue *queue)
{
	if (--queue->refs)
		return;
	queue->device->context->objects--;
	free(queue);
}

void sfab_queue_destroy(struct sfab_queue *queue)
{
	if (queue)
		queue_put(queue);
}

int sfab_batch_create(struct sfab_queue *queue, struct sfab_batch **batch)
{
	FAIL_IF_PLANNED();
	*batch = calloc(1, sizeof(**batch));
	(*batch)->queue = queue;
	queue->refs++;
	return 0;
}

void sfab_batch_free(struct sfab_batch *batch)
{
	if (!batch)
		return;
	queue_put(batch->queue);
	free(batch);
}

static int append(struct sfab_batch *batch, struct sfab_mem *dst, struct sfab_mem *src,
		  uint64_t size, uint64_t value)
{
	if (size > dst->size || (src && size > src->size))
		return fail(-ERANGE, "fake: beyond the end of a memory");
	if (batch->count == MAX_OPS)
		return fail(-ENOMEM, "fake: too many operations");
	batch->ops[batch->count].dst = dst;
	batch->ops[batch->count].src = src;
	batch->ops[batch->count].size = size;
	batch->ops[batch->count++].value = value;
	return 0;
}

int sfab_batch_copy(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset,
		    struct sfab_mem *src, uint64_t src_offset, uint64_t size)
{
	FAIL_IF_PLANNED();
	if (dst_offset || src_offset || !src)
		return fail(-EINVAL, "fake: offsets");
	return append(batch, dst, src, size, 0);
}

int sfab_batch_fill(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset,
		    uint64_t size, uint64_t value, unsigned int width)
{
	FAIL_IF_PLANNED();
	if (dst_offset || width != 1)
		return fail(-EINVAL, "fake: offset or width");
	return append(batch, dst, NULL, size, value);
}

static void execute(struct sfab_mem *dst, struct sfab_mem *src, uint64_t size)
{
	usleep(setting("FAKE_SLOW", 0));
	if (++copies == setting("FAKE_LOSE", 0))
		return;
	memcpy(dst->data, src->data, size);
	if (copies == setting("FAKE_DAMAGE", 0) && size)
		dst->data[size - 1] ^= 1;
}

int sfab_batch_submit(struct sfab_batch *batch, struct sfab_fence *const *after,
		      unsigned int after_count, struct sfab_fence **fence)
{
	unsigned int i;

	FAIL_IF_PLANNED();
	if (after || after_count)
		return fail(-EINVAL, "fake: fences to wait for");
	for (i = 0; i < batch->count; i++) {
		if (batch->ops[i].src)
			execute(batch->ops[i].dst, batch->ops[i].src, batch->ops[i].size);
		else
			memset(batch->ops[i].dst->data, batch->ops[i].value, batch->ops[i].size);
	}
	batch->count = 0;
	*fence = malloc(sizeof(**fence));
	(*fence)->context = batch->queue->device->context;
	(*fence)->context->objects++;
	return 0;
}

int sfab_fence_wait(struct sfab_fence *fence, int64_t timeout_ns)
{
	(void)fence;
	(void)timeout_ns;
	FAIL_IF_PLANNED();
	return 0;
}

void sfab_fence_free(struct sfab_fence *fence)
{
	fence->context->objects--;
	free(fence);
}
