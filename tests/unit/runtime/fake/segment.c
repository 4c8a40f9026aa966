// SPDX-License-Identifier: MIT
/*
 * Segments of the fake kernel: exported BOs, and BOs that stand for those of others.
 * All devices reach each other, themselves too, unless one is dark.
 */
#include <errno.h>
#include <string.h>

#include "kernel.h"

#define MAX_SEGMENTS	8		/* few, so that tests meet the limit */
#define MAX_IMPORTS	8
#define ALL		(SFAB_RIGHT_READ | SFAB_RIGHT_WRITE | SFAB_RIGHT_ATOMIC)

struct segment {
	struct file *file;		/* NULL: free */
	struct bo *bo;
	uint64_t offset;
	struct sfab_segment is;
	bool dead;			/* by a device reset */
};

struct segment_failure segment_failure;

static struct segment segments[FAKE_MAX_DEVICES][MAX_SEGMENTS];
static uint64_t next_token = 0x1122334455667788;
static uint32_t next_epoch = 1000;

void segments_start(void)
{
	unsigned int i;

	for (i = 0; i < FAKE_MAX_DEVICES; i++) {
		devices[i].eid = 10 + i;
		devices[i].dark = false;
	}
}

static struct segment *lookup(struct file *file, uint32_t id)
{
	struct segment *s = &segments[file->dev->index][id - 1];

	return id && id <= MAX_SEGMENTS && s->file == file ? s : NULL;
}

static struct segment *unused(struct device *dev)
{
	unsigned int i;

	for (i = 0; i < MAX_SEGMENTS; i++) {
		if (!segments[dev->index][i].file)
			return &segments[dev->index][i];
	}
	return NULL;
}

static void end(struct segment *s)
{
	bo_put(s->bo);
	s->file = NULL;
	live[L_SEGMENT]--;
}

static long export(struct file *file, struct sfab_segment_export *args)
{
	struct bo *bo = args->handle < MAX_IDS ? file->handles[args->handle] : NULL;
	struct device *dev = file->dev;
	struct segment *s;

	if (args->flags || !args->rights || args->rights & ~ALL || args->offset % 8 || !args->size)
		return -EINVAL;
	if (!bo)
		return -ENOENT;
	if (args->offset > bo->size || args->size > bo->size - args->offset)
		return -EINVAL;
	if (args->rights & ~SFAB_RIGHT_READ && !(bo->rights & SFAB_RIGHT_WRITE))
		return -EACCES;
	if (bo->kind > BO_REGISTERED || bo->dev != dev)
		return -EOPNOTSUPP;
	if (!dev->eid)
		return -EADDRNOTAVAIL;
	s = unused(dev);
	if (!s)
		return -ENOSPC;
	*s = (struct segment){
		.file = file,
		.bo = bo,
		.offset = args->offset,
		.is = {
			.eid = dev->eid,
			.number = s - segments[dev->index],
			.epoch = next_epoch++,
			.rights = args->rights,
			.token = next_token += 3,
			.size = args->size,
			.uuid = { 0xab, [15] = dev->index },
		},
	};
	bo->refs++;
	live[L_SEGMENT]++;
	args->segment_id = s->is.number + 1;
	args->segment = s->is;
	return 0;
}

static long rotate(struct file *file, struct sfab_segment_rotate *args)
{
	struct segment *s = lookup(file, args->segment_id);

	if (args->flags)
		return -EINVAL;
	if (!s)
		return -ENOENT;
	if (s->dead)
		return -EIO;
	s->is.token = next_token += 3;
	args->token = s->is.token;
	return 0;
}

static long revoke(struct file *file, struct sfab_segment_revoke *args)
{
	struct segment *s = lookup(file, args->segment_id);
	bool dead;

	if (args->flags)
		return -EINVAL;
	if (!s)
		return -ENOENT;
	dead = s->dead;
	end(s);
	return dead ? -EIO : 0;
}

static long import(struct file *file, struct sfab_segment_import *args)
{
	struct bo *bo;

	if (args->flags || !args->eid || args->eid >= 4096 || args->number > 65535 ||
	    !(args->rights & SFAB_RIGHT_READ) || args->rights & ~3U || args->offset ||
	    !args->size || args->size > SFAB_IMPORT_MAX)
		return -EINVAL;
	if (!file->dev->eid)
		return -EADDRNOTAVAIL;
	if (file->dev->imports == MAX_IMPORTS)
		return -ENOSPC;
	bo = bo_new(file->dev, BO_REMOTE, (args->size + 4095) & ~4095ULL);
	bo->rights = args->rights;
	bo->remote = (struct sfab_segment){
		.eid = args->eid,
		.number = args->number,
		.epoch = args->epoch,
		.token = args->token,
	};
	return handle_new(file, bo, &args->handle);
}

long segment_ioctl(struct file *file, unsigned int nr, void *arg)
{
	if (!(file->dev->caps & SFAB_CAP_FABRIC))
		return -EOPNOTSUPP;
	switch (nr) {
	case _IOC_NR(DRM_IOCTL_SFAB_SEGMENT_EXPORT):
		return export(file, arg);
	case _IOC_NR(DRM_IOCTL_SFAB_SEGMENT_ROTATE):
		return rotate(file, arg);
	case _IOC_NR(DRM_IOCTL_SFAB_SEGMENT_REVOKE):
		return revoke(file, arg);
	default:
		return import(file, arg);
	}
}

static void each_segment(struct device *dev, const struct file *file,
			 void (*what)(struct segment *s))
{
	unsigned int i;

	for (i = 0; i < MAX_SEGMENTS; i++) {
		struct segment *s = &segments[dev->index][i];

		if (s->file && (!file || s->file == file))
			what(s);
	}
}

void segments_of_file_end(struct file *file)
{
	each_segment(file->dev, file, end);
}

static void tell(struct file *file, uint32_t type, const struct sfab_event_fabric *what)
{
	union event event = { .fabric = *what };

	event.fabric.base.type = type;
	event.fabric.base.length = sizeof(event.fabric);
	event_send(file, &event);
}

void segments_tell(const struct queue *queue)
{
	struct sfab_event_fabric event = {
		.queue_id = queue->id,
		.status = segment_failure.status,
		.eid = segment_failure.eid,
		.segment = segment_failure.segment,
	};

	if (event.status == SFAB_FABRIC_REVOKED)
		tell(queue->file, SFAB_EVENT_REVOKED, &event);
	if (event.status == SFAB_FABRIC_TIMEOUT || event.status == SFAB_FABRIC_NO_ROUTE ||
	    event.status == SFAB_FABRIC_STALE)
		tell(queue->file, SFAB_EVENT_PEER_LOST, &event);
}

static void kill(struct segment *s)
{
	struct sfab_event_fabric event = {
		.status = SFAB_FABRIC_REVOKED,
		.eid = s->is.eid,
		.segment = s->is.number,
		.segment_id = s->is.number + 1,
	};

	s->dead = true;
	tell(s->file, SFAB_EVENT_REVOKED, &event);
}

void segments_reset(struct device *dev)
{
	each_segment(dev, NULL, kill);
}

/* ---- access ---- */

static struct device *by_eid(uint32_t eid)
{
	unsigned int i;

	for (i = 0; i < FAKE_MAX_DEVICES; i++) {
		if (devices[i].present && devices[i].eid == eid)
			return &devices[i];
	}
	return NULL;
}

static struct segment *meant(const struct bo *bo)
{
	struct device *dev = by_eid(bo->remote.eid);

	return dev && bo->remote.number < MAX_SEGMENTS ?
	       &segments[dev->index][bo->remote.number] : NULL;
}

static uint32_t status(const struct bo *bo, uint64_t offset, uint64_t size, uint32_t right)
{
	struct device *dev = by_eid(bo->remote.eid);
	struct segment *s = meant(bo);

	if (!dev)
		return SFAB_FABRIC_NO_ROUTE;
	if (dev->dark || bo->dev->dark)
		return SFAB_FABRIC_TIMEOUT;
	if (!s || s->is.epoch != bo->remote.epoch)
		return SFAB_FABRIC_STALE;
	if (!s->file || s->dead)
		return SFAB_FABRIC_REVOKED;
	if (s->is.token != bo->remote.token)
		return SFAB_FABRIC_BAD_TOKEN;
	if (offset > s->is.size || size > s->is.size - offset)
		return SFAB_FABRIC_OUT_OF_BOUNDS;
	return s->is.rights & right ? SFAB_FABRIC_OK : SFAB_FABRIC_NO_RIGHTS;
}

uint32_t segment_check(const struct bo *bo, uint64_t offset, uint64_t size, uint32_t rights)
{
	uint32_t right = rights & SFAB_RIGHT_ATOMIC ? SFAB_RIGHT_ATOMIC : rights;

	if (rights & NEAR_ONLY)
		return SFAB_FAULT_APERTURE;
	segment_failure.status = status(bo, offset, size, right);
	segment_failure.eid = bo->remote.eid;
	segment_failure.segment = bo->remote.number;
	return segment_failure.status ? SFAB_FAULT_FABRIC : SFAB_FAULT_NONE;
}

char *segment_memory(const struct bo *bo)
{
	struct segment *s = meant(bo);

	return s->bo->memory + s->offset;
}
