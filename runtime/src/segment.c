// SPDX-License-Identifier: MIT
/*
 * Exported and imported memory
 *
 * An export is a segment of the hardware.  What an importer must know of it travels
 * in a handle of 64 bytes, little-endian:
 *
 *	offset  bytes
 *	 0       4    "SFAB"
 *	 4       1    version of this layout, 1
 *	 5       1    rights: SFAB_READ, SFAB_WRITE, SFAB_ATOMIC
 *	 6       2    EID of the accelerator that exports it
 *	 8       2    number of the segment there
 *	10       2    0
 *	12       4    epoch: tells it from others that had the number before
 *	16       8    token: the secret
 *	24       8    size in bytes
 *	32      16    UUID of the accelerator
 *	48      12    0
 *	60       4    CRC-32 (IEEE 802.3) of the bytes before
 *
 * An import that finds the export in its own context reaches the memory without the
 * fabric where it can.  The exporter keeps a list of those, so that rotating and
 * revoking means the same to them as to others.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

_Static_assert(SFAB_ATOMIC == SFAB_RIGHT_ATOMIC, "rights");
_Static_assert(sizeof(struct sfab_handle) == 64, "handle");

#define HANDLE_VERSION	1
#define CRC_OFFSET	60
#define ALL_RIGHTS	(SFAB_READ | SFAB_WRITE | SFAB_ATOMIC)

/* ---- handles ---- */

static void put(uint8_t *at, uint64_t value, unsigned int bytes)
{
	while (bytes--) {
		*at++ = value;
		value >>= 8;
	}
}

static uint64_t get(const uint8_t *at, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | at[bytes];
	return value;
}

static uint32_t crc32(const uint8_t *bytes, unsigned int count)
{
	uint32_t crc = ~0U;
	int bit;

	while (count--) {
		crc ^= *bytes++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
	}
	return ~crc;
}

static void encode(const struct sfab_segment *segment, struct sfab_handle *handle)
{
	uint8_t *b = handle->bytes;

	memset(handle, 0, sizeof(*handle));
	memcpy(b, "SFAB", 4);
	b[4] = HANDLE_VERSION;
	b[5] = segment->rights;
	put(b + 6, segment->eid, 2);
	put(b + 8, segment->number, 2);
	put(b + 12, segment->epoch, 4);
	put(b + 16, segment->token, 8);
	put(b + 24, segment->size, 8);
	memcpy(b + 32, segment->uuid, 16);
	put(b + CRC_OFFSET, crc32(b, CRC_OFFSET), 4);
}

static int decode(const struct sfab_handle *handle, struct sfab_segment *segment)
{
	const uint8_t *b = handle->bytes;

	if (memcmp(b, "SFAB", 4))
		return fail(-EINVAL, "these 64 bytes are no handle of an exported memory: hand on what sfab_mem_export() gave, as it is");
	if (b[4] != HANDLE_VERSION)
		return fail(-EPROTO, "the handle has version %u, this libsfab knows version %u: use the same libsfab on both sides",
			    b[4], HANDLE_VERSION);
	if (get(b + CRC_OFFSET, 4) != crc32(b, CRC_OFFSET))
		return fail(-EBADMSG, "the handle is damaged, its checksum is wrong: hand on all of its 64 bytes");

	*segment = (struct sfab_segment){
		.rights = b[5],
		.eid = get(b + 6, 2),
		.number = get(b + 8, 2),
		.epoch = get(b + 12, 4),
		.token = get(b + 16, 8),
		.size = get(b + 24, 8),
	};
	memcpy(segment->uuid, b + 32, 16);
	return 0;
}

int sfab_handle_get_info(const struct sfab_handle *handle, struct sfab_handle_info *user)
{
	struct sfab_segment segment;
	struct sfab_handle_info info = { 0 };
	int ret;

	if (!handle || !user)
		return fail_null(__func__);
	ret = decode(handle, &segment);
	if (ret)
		return ret;
	info.eid = segment.eid;
	info.segment = segment.number;
	info.rights = segment.rights;
	info.bytes = segment.size;
	uuid_format(segment.uuid, info.uuid);
	return struct_out(user, &info, sizeof(info), sizeof(info), "sfab_handle_info");
}

/* ---- exporting ---- */

static int fail_no_eid(struct sfab_device *dev)
{
	return fail(-EADDRNOTAVAIL, "%s: the device has no EID, so it is in no fabric yet: let the fabric manager give it one",
		    dev->label);
}

static int fail_export(struct sfab_mem *mem, int err)
{
	char what[128];

	mem_describe(mem, what, sizeof(what));
	if (err == -EADDRNOTAVAIL)
		return fail_no_eid(mem->dev);
	if (err == -ENOSPC)
		return fail(err, "%s: export %s: all segments of the device are in use: revoke some",
			    mem->dev->label, what);
	if (err == -EOPNOTSUPP)
		return fail(err, "%s: the device has no ports, so nothing can be exported",
			    mem->dev->label);
	return device_fail(mem->dev, err, "export %s", what);
}

static int check_export(struct sfab_mem *mem, uint64_t offset, uint64_t size, unsigned int rights)
{
	char what[128];

	mem_describe(mem, what, sizeof(what));
	if (mem->kind == SFAB_MEM_IMPORTED || mem->kind == SFAB_MEM_REMOTE)
		return fail(-EOPNOTSUPP, "%s is not this context's own: its owner can export it",
			    what);
	if (!rights || rights & ~ALL_RIGHTS)
		return fail(-EINVAL, "sfab_mem_export: rights %#x: some of SFAB_READ, SFAB_WRITE, SFAB_ATOMIC",
			    rights);
	if (rights & (SFAB_WRITE | SFAB_ATOMIC) && !(mem->rights & SFAB_WRITE))
		return fail(-EACCES, "%s may only be read by devices: export it with SFAB_READ only, or register it with SFAB_WRITE",
			    what);
	if (!size || offset > mem->size || size > mem->size - offset)
		return fail(-ERANGE, "%llu bytes at offset %#llx are no range of %s",
			    (unsigned long long)size, (unsigned long long)offset, what);
	if ((mem->skew + offset) % 8)
		return fail(-EINVAL, "offset %#llx of %s is not aligned to 8 bytes: exports begin at such addresses",
			    (unsigned long long)offset, what);
	return 0;
}

static int export_in_kernel(struct sfab_export *exported, uint64_t size, unsigned int rights)
{
	struct sfab_mem *mem = exported->mem;
	struct sfab_segment_export args = {
		.handle = mem->handle,
		.rights = rights,
		.offset = mem->skew + exported->offset,
		.size = size,
	};
	int ret;

	ret = device_ioctl(mem->dev, DRM_IOCTL_SFAB_SEGMENT_EXPORT, &args);
	if (ret)
		return fail_export(mem, ret);
	exported->id = args.segment_id;
	exported->segment = args.segment;
	return 0;
}

int sfab_mem_export(struct sfab_mem *mem, uint64_t offset, uint64_t size, unsigned int rights,
		    struct sfab_export **exported, struct sfab_handle *handle)
{
	struct sfab_export *e;
	int ret;

	if (!mem || !exported || !handle)
		return fail_null(__func__);
	ret = context_check(mem->ctx);
	if (!ret)
		ret = check_export(mem, offset, size, rights);
	if (ret)
		return ret;
	e = calloc(1, sizeof(*e));
	if (!e)
		return fail_nomem("an export");
	e->mem = mem;
	e->offset = offset;
	ret = export_in_kernel(e, size, rights);
	if (ret) {
		free(e);
		return ret;
	}
	mem->exports++;
	pthread_mutex_lock(&mem->ctx->exports_lock);
	LIST_INSERT_HEAD(&mem->ctx->exports, e, link);
	pthread_mutex_unlock(&mem->ctx->exports_lock);
	encode(&e->segment, handle);
	*exported = e;
	return 0;
}

/* Imports of this context that go round the fabric; the caller holds exports_lock */
static int cut_imports(struct sfab_export *exported)
{
	struct sfab_mem *mem;
	int ret;

	while ((mem = LIST_FIRST(&exported->imports))) {
		pthread_mutex_lock(&mem->lock);
		ret = mem_cut(mem);
		pthread_mutex_unlock(&mem->lock);
		if (ret)
			return ret;
		LIST_REMOVE(mem, import_link);
	}
	return 0;
}

int sfab_export_rotate(struct sfab_export *exported, struct sfab_handle *handle)
{
	struct sfab_segment_rotate args = { 0 };
	struct sfab_device *dev;
	int ret;

	if (!exported || !handle)
		return fail_null(__func__);
	dev = exported->mem->dev;
	ret = context_check(dev->ctx);
	if (ret)
		return ret;
	args.segment_id = exported->id;
	pthread_mutex_lock(&dev->ctx->exports_lock);
	ret = device_ioctl(dev, DRM_IOCTL_SFAB_SEGMENT_ROTATE, &args);
	if (ret == -EIO)
		fail(ret, "%s: segment %u was revoked by a device reset: export the memory anew",
		     dev->label, exported->segment.number);
	else if (ret)
		device_fail(dev, ret, "give segment %u another token",
			    exported->segment.number);
	else
		ret = cut_imports(exported);
	if (!ret) {
		exported->segment.token = args.token;
		encode(&exported->segment, handle);
	}
	pthread_mutex_unlock(&dev->ctx->exports_lock);
	return ret;
}

int sfab_export_revoke(struct sfab_export *exported)
{
	struct sfab_segment_revoke args = { 0 };
	struct sfab_device *dev;
	int ret;

	if (!exported)
		return 0;
	dev = exported->mem->dev;
	ret = context_check(dev->ctx);
	if (ret)
		return ret;
	args.segment_id = exported->id;
	pthread_mutex_lock(&dev->ctx->exports_lock);
	ret = cut_imports(exported);
	if (!ret) {
		ret = device_ioctl(dev, DRM_IOCTL_SFAB_SEGMENT_REVOKE, &args);
		/* A device that is gone, or was reset, has no segments any more */
		if (ret == -ENODEV || ret == -EIO)
			ret = 0;
		if (ret)
			device_fail(dev, ret, "revoke segment %u", exported->segment.number);
		else
			LIST_REMOVE(exported, link);
	}
	pthread_mutex_unlock(&dev->ctx->exports_lock);
	if (ret)
		return ret;
	exported->mem->exports--;
	free(exported);
	return 0;
}

/* ---- importing ---- */

static int fail_segment_import(const struct sfab_mem *mem, struct sfab_device *dev, int err)
{
	if (err == -EADDRNOTAVAIL)
		return fail_no_eid(dev);
	if (err == -EOPNOTSUPP)
		return fail(err, "%s: the device has no ports, so it cannot reach EID %u by the fabric",
			    dev->label, mem->segment.eid);
	if (err == -ENOSPC)
		return fail(err, "%s: import segment %u of EID %u: all imports of the device are in use: free imported memories",
			    dev->label, mem->segment.number, mem->segment.eid);
	return device_fail(dev, err, "import segment %u of EID %u", mem->segment.number,
			   mem->segment.eid);
}

int segment_view_fabric(const struct sfab_mem *mem, struct view *view)
{
	struct sfab_device *dev = view->dev;
	struct sfab_segment_import args = {
		.eid = mem->segment.eid,
		.number = mem->segment.number,
		.epoch = mem->segment.epoch,
		.token = mem->segment.token,
		.rights = mem_map_rights(mem),
		.size = mem->segment.size,
	};
	int ret;

	view->reach = SFAB_REACH_BOUNCE;
	view->skew = 0;
	view->bo_size = page_up(args.size);
	ret = device_ioctl(dev, DRM_IOCTL_SFAB_SEGMENT_IMPORT, &args);
	/* A device outside of the fabric lets the one that imported it do the work */
	if ((ret == -EADDRNOTAVAIL || ret == -EOPNOTSUPP) && dev != mem->dev)
		return 0;
	if (ret)
		return fail_segment_import(mem, dev, ret);
	ret = handle_adopt(dev, args.handle);
	if (ret)
		return ret;
	view->handle = args.handle;
	view->reach = SFAB_REACH_FABRIC;
	return 0;
}

int segment_view(const struct sfab_mem *mem, struct view *view)
{
	const struct sfab_mem *source = mem->origin ? mem->origin->mem : NULL;
	int ret;

	if (!source)
		return segment_view_fabric(mem, view);
	if (source->dev == view->dev) {
		handle_get(view->dev, source->handle);
		view->handle = source->handle;
		view->reach = source->kind == SFAB_MEM_HBM ? SFAB_REACH_LOCAL : SFAB_REACH_SYSTEM;
		view->bo_size = source->bo_size;
		view->skew = source->skew;
	} else {
		ret = peer_view(source, view);
		if (ret)
			return ret;
		if (view->reach == SFAB_REACH_BOUNCE)
			return segment_view_fabric(mem, view);
	}
	view->skew += mem->origin->offset;
	return 0;
}

/* The caller holds exports_lock */
static struct sfab_export *find_origin(struct sfab_context *ctx, const struct sfab_segment *segment)
{
	struct sfab_export *e;

	list_each(e, &ctx->exports, link) {
		if (!memcmp(&e->segment, segment, sizeof(*segment)))
			return e;
	}
	return NULL;
}

static int import(struct sfab_device *dev, struct sfab_mem *init, struct sfab_mem **mem)
{
	struct view view = { .dev = dev };
	int ret;

	ret = segment_view(init, &view);
	if (ret)
		return ret;
	init->bo_size = view.bo_size;
	init->skew = view.skew;
	ret = mem_new(dev, init, view.handle, view.reach, mem);
	if (!ret && init->origin)
		LIST_INSERT_HEAD(&init->origin->imports, *mem, import_link);
	return ret;
}

int sfab_mem_import(struct sfab_device *dev, const struct sfab_handle *handle, unsigned int flags,
		    struct sfab_mem **mem)
{
	struct sfab_mem init = { .kind = SFAB_MEM_REMOTE };
	int ret;

	if (!dev || !handle || !mem)
		return fail_null(__func__);
	if (flags & ~SFAB_IMPORT_FABRIC)
		return fail(-EINVAL, "%s: unknown flags %#x", __func__, flags);
	ret = context_check(dev->ctx);
	if (!ret)
		ret = decode(handle, &init.segment);
	if (ret)
		return ret;
	init.dev = dev;
	init.size = init.segment.size;
	init.rights = init.segment.rights;
	if (init.size > SFAB_IMPORT_MAX)
		return fail(-ERANGE, "%s: a memory of %llu bytes cannot be imported, at most %llu can: export it in parts",
			    dev->label, (unsigned long long)init.size, SFAB_IMPORT_MAX);

	pthread_mutex_lock(&dev->ctx->exports_lock);
	if (!(flags & SFAB_IMPORT_FABRIC))
		init.origin = find_origin(dev->ctx, &init.segment);
	ret = import(dev, &init, mem);
	pthread_mutex_unlock(&dev->ctx->exports_lock);
	return ret;
}

void segment_forget(struct sfab_mem *mem)
{
	if (mem->kind != SFAB_MEM_REMOTE)
		return;
	pthread_mutex_lock(&mem->ctx->exports_lock);
	if (mem->origin)
		LIST_REMOVE(mem, import_link);
	pthread_mutex_unlock(&mem->ctx->exports_lock);
}
