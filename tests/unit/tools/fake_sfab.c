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
 *   FAKE_FABRIC_EID=N      they have 4 ports each, and the EIDs from N on (else no ports)
 *   FAKE_HOPS=N            hops to every other EID (1)
 *   FAKE_CUT=A-B           port 0 of all is down from the Ath submission to the Bth; port 2
 *                          is the other way
 *   FAKE_BEFORE=N          their ports have sent N bytes before, and rerouted N packets
 *   FAKE_GONE=A:N          accelerator A is unplugged at the Nth submission
 *   FAKE_DROPS=N           port 1 of accelerator 0 has dropped N packets for want of a route
 *
 * What the tool leaves allocated when it closes the context is told and fatal.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <fcntl.h>
#include <unistd.h>

#include <sfab/sfab.h>

#include "fake.h"

#define MAX_OPS		4
#define MAX_EIDS	64
#define PORTS		4

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
	int fd;			/* memfd of HBM: other processes can import it */
	uint32_t eid;		/* of remote memory */
};

struct sfab_export {
	struct sfab_mem *mem;
};

/* What is in a handle */
struct content {
	char magic[8];
	uint32_t eid, pid;
	uint64_t size;
	int fd;
	uint32_t rights;
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
		uint64_t dst_offset, src_offset, size, value;
		unsigned int width;
	} ops[MAX_OPS];
};

struct sfab_fence {
	struct sfab_context *context;
};

static char last_error[512];
static unsigned int copies, submissions;
static uint64_t sent[16][PORTS], rerouted[16];	/* bytes, packets */

int fake_fail(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(last_error, sizeof(last_error), fmt, args);
	va_end(args);
	return err;
}

uint64_t fake_setting(const char *name, uint64_t standard)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : standard;
}

/* Is this the call that shall fail?  Then the errno, negative. */
int fake_planned(const char *function)
{
	static unsigned int calls;
	const char *plan = getenv("FAKE_FAIL");
	char name[64];
	unsigned int nth;
	int err;

	if (!plan || sscanf(plan, "%63[^:]:%u:%d", name, &nth, &err) != 3 ||
	    strcmp(name, function) != 0 || ++calls != nth)
		return 0;
	return fake_fail(-err, "fake: %s failed as planned: %s", function, strerror(err));
}

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
	static const char *const names[] = { "local", "system", "peer", "bounce", "fabric" };

	return reach < 5 ? names[reach] : "unknown";
}

int sfab_context_open(struct sfab_context **context, unsigned int flags)
{
	struct sfab_context *ctx;
	unsigned int i;

	FAIL_IF_PLANNED();
	if (flags)
		return fake_fail(-EINVAL, "fake: flags");
	ctx = calloc(1, sizeof(*ctx));
	ctx->count = fake_setting("FAKE_COUNT", 2);
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

int sfab_context_fd(struct sfab_context *ctx)
{
	(void)ctx;
	return fake_fail(-EOPNOTSUPP, "fake: no uevents");
}

int sfab_context_rescan(struct sfab_context *ctx)
{
	(void)ctx;
	FAIL_IF_PLANNED();
	return 0;
}

int sfab_device_count(struct sfab_context *ctx)
{
	return ctx->count;
}

int sfab_device_get(struct sfab_context *ctx, unsigned int index, struct sfab_device **device)
{
	FAIL_IF_PLANNED();
	if (index >= ctx->count)
		return fake_fail(-ENODEV, "fake: no accelerator %u", index);
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
	return fake_fail(-ENODEV, "fake: no accelerator '%s'", name);
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
		.hbm_size = fake_setting("FAKE_HBM", 256 << 20),
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
		return fake_fail(-EINVAL, "fake: size of struct sfab_device_info");
	if (fake_setting("FAKE_FABRIC_EID", 0))
		out.features |= SFAB_FEATURE_FABRIC;
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
		return fake_fail(-EINVAL, "fake: size of struct sfab_engine_info, or index");
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
		return fake_fail(-EINVAL, "fake: size of struct sfab_device_counters");
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

/* ---- fabric ---- */

static uint32_t eid_of(const struct sfab_device *device)
{
	return fake_setting("FAKE_FABRIC_EID", 0) + device->index;
}

static bool is_cut(void)
{
	const char *cut = getenv("FAKE_CUT");
	unsigned int from, to;

	return cut && sscanf(cut, "%u-%u", &from, &to) == 2 && submissions >= from &&
	       submissions < to;
}

static bool is_gone(const struct sfab_device *device)
{
	const char *gone = getenv("FAKE_GONE");
	unsigned int accel, from;

	return gone && sscanf(gone, "%u:%u", &accel, &from) == 2 && accel == device->index &&
	       submissions >= from;
}

static int no_device(const struct sfab_device *device)
{
	return fake_fail(-ENODEV, "fake: accel%u is gone", device->index);
}

static int no_ports(void)
{
	if (fake_setting("FAKE_FABRIC_EID", 0))
		return 0;
	return fake_fail(-EOPNOTSUPP, "fake: the accelerator has no ports");
}

int sfab_device_get_fabric(struct sfab_device *device, struct sfab_fabric_info *info)
{
	FAIL_IF_PLANNED();
	if (info->size != sizeof(*info))
		return fake_fail(-EINVAL, "fake: size of struct sfab_fabric_info");
	if (no_ports())
		return -EOPNOTSUPP;
	if (is_gone(device))
		return no_device(device);
	*info = (struct sfab_fabric_info) {
		.size = sizeof(*info), .eid = eid_of(device), .incarnation = 77, .ports = PORTS,
		.max_eids = MAX_EIDS, .segments = 5, .imports = 6, .op_timeout_ms = 2000,
	};
	return 0;
}

int sfab_port_get_info(struct sfab_device *device, unsigned int port, struct sfab_port_info *info)
{
	bool up = port != 3 && !(port == 0 && is_cut());
	uint64_t before = fake_setting("FAKE_BEFORE", 0);

	FAIL_IF_PLANNED();
	if (info->size != sizeof(*info) || port >= PORTS)
		return fake_fail(-EINVAL, "fake: size of struct sfab_port_info, or port");
	if (no_ports())
		return -EOPNOTSUPP;
	if (is_gone(device))
		return no_device(device);
	*info = (struct sfab_port_info) {
		.size = sizeof(*info), .port = port, .enabled = 1, .paths = 2, .lanes = 8,
		.lane_gbps = 112, .bytes_sent = before + sent[device->index][port],
		.bytes_received = UINT64_MAX,
	};
	if (port == 2)
		info->failovers = before + rerouted[device->index];
	if (port == 1 && device->index == 0)
		info->dropped_no_route = fake_setting("FAKE_DROPS", 0);
	if (!up) {
		info->reason = SFAB_LINK_WHY_NO_LIGHT;
		return 0;
	}
	info->state = SFAB_LINK_UP;
	info->lanes_in_use = 8;
	info->partner = SFAB_PARTNER_ACCEL;
	info->partner_eid = 40 + port;
	info->partner_port = port ^ 1;
	strcpy(info->partner_uuid, "5fab0000-0000-4000-8000-0000000000ff");
	return 0;
}

int sfab_device_get_route(struct sfab_device *device, unsigned int eid,
			  struct sfab_route_info *route)
{
	(void)device;
	FAIL_IF_PLANNED();
	if (route->size != sizeof(*route) || eid >= MAX_EIDS)
		return fake_fail(-ERANGE, "fake: size of struct sfab_route_info, or EID");
	*route = (struct sfab_route_info) { .size = sizeof(*route) };
	if (eid < 9)
		return 0;	/* nobody has these */
	route->candidates = 2;
	route->candidate[0].hops = fake_setting("FAKE_HOPS", 1);
	route->candidate[1].port = 2;
	route->candidate[1].hops = fake_setting("FAKE_HOPS", 1) + 2;
	return 0;
}

/* ---- memory ---- */

static int mem_new(struct sfab_device *device, enum sfab_mem_kind kind, uint64_t size, void *data,
		   struct sfab_mem **mem)
{
	struct sfab_mem *m = malloc(sizeof(*m));

	*m = (struct sfab_mem){
		.device = device, .kind = kind, .size = size, .data = data, .fd = -1,
	};
	device->context->objects++;
	*mem = m;
	return 0;
}

static void *map(int fd, uint64_t size)
{
	void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (data == MAP_FAILED)
		abort();
	return data;
}

static int hbm_new(struct sfab_device *device, uint64_t size, struct sfab_mem **mem)
{
	int fd = memfd_create("fake HBM", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)size))
		abort();
	mem_new(device, SFAB_MEM_HBM, size, map(fd, size), mem);
	(*mem)->fd = fd;
	return 0;
}

int sfab_mem_alloc(struct sfab_device *device, enum sfab_mem_kind kind, uint64_t size,
		   unsigned int flags, struct sfab_mem **mem)
{
	uint64_t hbm = fake_setting("FAKE_HBM", 256 << 20);

	FAIL_IF_PLANNED();
	if (kind != SFAB_MEM_HBM || flags || !size)
		return fake_fail(-EINVAL, "fake: kind, flags or size");
	if (size > hbm - device->used)
		return fake_fail(-ENOSPC, "accel%u: %llu bytes of HBM are free, %llu were asked for",
			    device->index, (unsigned long long)(hbm - device->used),
			    (unsigned long long)size);
	device->used += size;
	return hbm_new(device, size, mem);
}

int sfab_mem_register(struct sfab_device *device, void *addr, uint64_t size, unsigned int rights,
		      struct sfab_mem **mem)
{
	struct sfab_context *ctx = device->context;
	uint64_t limit = fake_setting("FAKE_MEMLOCK", UINT64_MAX);

	FAIL_IF_PLANNED();
	if (!(rights & SFAB_READ) || !size)
		return fake_fail(-EINVAL, "fake: rights or size");
	if (size > limit - ctx->locked)
		return fake_fail(-ENOMEM, "RLIMIT_MEMLOCK is exceeded by %llu bytes",
			    (unsigned long long)(size - (limit - ctx->locked)));
	ctx->locked += size;
	return mem_new(device, SFAB_MEM_REGISTERED, size, addr, mem);
}

int sfab_mem_free(struct sfab_mem *mem)
{
	if (!mem)
		return 0;
	if (mem->kind == SFAB_MEM_HBM)
		mem->device->used -= mem->size;
	else if (mem->kind == SFAB_MEM_REGISTERED)
		mem->device->context->locked -= mem->size;
	if (mem->kind != SFAB_MEM_REGISTERED)
		munmap(mem->data, mem->size);
	if (mem->fd >= 0)
		close(mem->fd);
	mem->device->context->objects--;
	free(mem);
	return 0;
}

int sfab_mem_reach(struct sfab_mem *mem, struct sfab_device *device)
{
	FAIL_IF_PLANNED();
	if (mem->kind == SFAB_MEM_REGISTERED)
		return SFAB_REACH_SYSTEM;
	if (mem->kind == SFAB_MEM_REMOTE)
		return SFAB_REACH_FABRIC;
	return sfab_device_reach(device, mem->device);
}

int sfab_mem_export(struct sfab_mem *mem, uint64_t offset, uint64_t size, unsigned int rights,
		    struct sfab_export **exported, struct sfab_handle *handle)
{
	struct content content = {
		"fake", eid_of(mem->device), getpid(), size, mem->fd, rights,
	};

	FAIL_IF_PLANNED();
	if (no_ports())
		return -EOPNOTSUPP;
	if (offset || size > mem->size || mem->fd < 0)
		return fake_fail(-EINVAL, "fake: range");
	*handle = (struct sfab_handle) { 0 };
	memcpy(handle, &content, sizeof(content));
	*exported = malloc(sizeof(**exported));
	(*exported)->mem = mem;
	mem->device->context->objects++;
	return 0;
}

int sfab_export_revoke(struct sfab_export *exported)
{
	FAIL_IF_PLANNED();
	exported->mem->device->context->objects--;
	free(exported);
	return 0;
}

static int read_handle(const struct sfab_handle *handle, struct content *content)
{
	memcpy(content, handle, sizeof(*content));
	if (strncmp(content->magic, "fake", sizeof(content->magic)))
		return fake_fail(-EBADMSG, "fake: the handle is damaged: hand it on as it is");
	return 0;
}

int sfab_handle_get_info(const struct sfab_handle *handle, struct sfab_handle_info *info)
{
	struct content content;
	int ret = read_handle(handle, &content);

	FAIL_IF_PLANNED();
	if (ret)
		return ret;
	if (info->size != sizeof(*info))
		return fake_fail(-EINVAL, "fake: size of struct sfab_handle_info");
	*info = (struct sfab_handle_info) {
		.size = sizeof(*info), .eid = content.eid, .segment = 3,
		.rights = content.rights, .bytes = content.size,
	};
	return 0;
}

int sfab_mem_import(struct sfab_device *device, const struct sfab_handle *handle,
		    unsigned int flags, struct sfab_mem **mem)
{
	struct content content;
	int fd, ret = read_handle(handle, &content);
	char path[64];

	FAIL_IF_PLANNED();
	if (ret)
		return ret;
	if (flags & ~SFAB_IMPORT_FABRIC)
		return fake_fail(-EINVAL, "fake: flags");
	snprintf(path, sizeof(path), "/proc/%u/fd/%d", content.pid, content.fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fake_fail(-ENOENT, "fake: nobody exports %s", path);
	mem_new(device, SFAB_MEM_REMOTE, content.size, map(fd, content.size), mem);
	(*mem)->eid = content.eid;
	close(fd);
	return 0;
}

/* ---- work ---- */

int sfab_queue_create_on_loss(struct sfab_device *device, unsigned int flags,
			      enum sfab_loss_policy policy, unsigned int limit_ms,
			      struct sfab_queue **queue)
{
	FAIL_IF_PLANNED();
	if (flags)
		return fake_fail(-EINVAL, "fake: flags");
	if (policy || limit_ms)
		fprintf(stderr, "fake: policy %u, limit %u ms\n", policy, limit_ms);
	*queue = malloc(sizeof(**queue));
	**queue = (struct sfab_queue){ .device = device, .refs = 1 };
	device->context->objects++;
	return 0;
}

int sfab_queue_create(struct sfab_device *device, unsigned int flags, struct sfab_queue **queue)
{
	FAIL_IF_PLANNED();
	return sfab_queue_create_on_loss(device, flags, SFAB_LOSS_REROUTE, 0, queue);
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

static int append(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset,
		  struct sfab_mem *src, uint64_t src_offset, uint64_t size, uint64_t value,
		  unsigned int width)
{
	if (size > dst->size || dst_offset > dst->size - size ||
	    (src && (size > src->size || src_offset > src->size - size)))
		return fake_fail(-ERANGE, "fake: beyond the end of a memory");
	if (batch->count == MAX_OPS)
		return fake_fail(-ENOMEM, "fake: too many operations");
	batch->ops[batch->count].dst = dst;
	batch->ops[batch->count].src = src;
	batch->ops[batch->count].dst_offset = dst_offset;
	batch->ops[batch->count].src_offset = src_offset;
	batch->ops[batch->count].size = size;
	batch->ops[batch->count].value = value;
	batch->ops[batch->count++].width = width;
	return 0;
}

int sfab_batch_copy(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset,
		    struct sfab_mem *src, uint64_t src_offset, uint64_t size)
{
	FAIL_IF_PLANNED();
	if (!src)
		return fake_fail(-EINVAL, "fake: no memory");
	return append(batch, dst, dst_offset, src, src_offset, size, 0, 0);
}

int sfab_batch_fill(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset,
		    uint64_t size, uint64_t value, unsigned int width)
{
	FAIL_IF_PLANNED();
	if (width != 1)
		return fake_fail(-EINVAL, "fake: width");
	return append(batch, dst, dst_offset, NULL, 0, size, value, width);
}

int sfab_batch_write(struct sfab_batch *batch, struct sfab_mem *dst, uint64_t dst_offset,
		     uint64_t value, unsigned int width)
{
	FAIL_IF_PLANNED();
	if (width != 8 || dst_offset % 8)
		return fake_fail(-EINVAL, "fake: width or offset");
	return append(batch, dst, dst_offset, NULL, 0, width, value, width);
}

/* What the ports count of a copy to or from remote memory */
static void count_packets(struct sfab_device *device, uint64_t size)
{
	sent[device->index][is_cut() ? 2 : 0] += size;
	if (is_cut())
		rerouted[device->index]++;
}

static void execute(struct sfab_batch *batch, unsigned int i)
{
	struct sfab_mem *dst = batch->ops[i].dst, *src = batch->ops[i].src;
	uint8_t *to = dst->data + batch->ops[i].dst_offset;
	uint64_t size = batch->ops[i].size;

	if (dst->kind == SFAB_MEM_REMOTE || (src && src->kind == SFAB_MEM_REMOTE))
		count_packets(batch->queue->device, size);
	if (!src && batch->ops[i].width == 8) {
		memcpy(to, &batch->ops[i].value, 8);
		return;
	}
	if (!src) {
		memset(to, (int)batch->ops[i].value, size);
		return;
	}
	usleep(fake_setting("FAKE_SLOW", 0));
	if (++copies == fake_setting("FAKE_LOSE", 0))
		return;
	memcpy(to, src->data + batch->ops[i].src_offset, size);
	if (copies == fake_setting("FAKE_DAMAGE", 0) && size)
		to[size - 1] ^= 1;
}

int sfab_batch_submit(struct sfab_batch *batch, struct sfab_fence *const *after,
		      unsigned int after_count, struct sfab_fence **fence)
{
	unsigned int i;

	FAIL_IF_PLANNED();
	if (after || after_count)
		return fake_fail(-EINVAL, "fake: fences to wait for");
	submissions++;
	if (is_gone(batch->queue->device)) {
		batch->count = 0;
		return no_device(batch->queue->device);
	}
	for (i = 0; i < batch->count; i++)
		execute(batch, i);
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
