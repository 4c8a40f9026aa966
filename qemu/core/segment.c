// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Registers of what the device exports (segments) and imports. Whether a request
 * may use a segment is target.c's to judge, what an import leads to transfer.c's.
 */
#include "internal.h"

#define S_CTRL_BITS	(SFAB_S_CTRL_VALID | SFAB_S_CTRL_READ | \
			 SFAB_S_CTRL_WRITE | SFAB_S_CTRL_ATOMIC)

uint64_t sfab_segment_read(const struct sfab_segment *segment, unsigned int reg)
{
	switch (reg) {
	case SFAB_REG_S_VA:
		return segment->va;
	case SFAB_REG_S_LEN:
		return segment->len;
	case SFAB_REG_S_VM:
		return segment->vm;
	case SFAB_REG_S_EPOCH:
		return segment->epoch;
	case SFAB_REG_S_CTRL:
		return segment->ctrl;
	default:
		return 0;	/* S_TOKEN is write only */
	}
}

void sfab_segment_write(struct sfab_core *core, unsigned int n, unsigned int reg,
			uint64_t value, enum sfab_part part)
{
	struct sfab_segment *segment = &core->segment[n];

	if (reg == SFAB_REG_S_CTRL) {
		segment->ctrl = value & S_CTRL_BITS;
		return;
	}
	if (reg == SFAB_REG_S_TOKEN) {
		if (sfab_latch(&segment->token_lo, &value, part))
			segment->token = value;
		return;
	}
	if (segment->ctrl & SFAB_S_CTRL_VALID) {
		sfab_guest_error(core, "segment %u changed while VALID", n);
		return;
	}
	switch (reg) {
	case SFAB_REG_S_VA:
		if (sfab_latch(&segment->va_lo, &value, part))
			segment->va = value & ~7ull;
		break;
	case SFAB_REG_S_LEN:
		if (sfab_latch(&segment->len_lo, &value, part))
			segment->len = value;
		break;
	case SFAB_REG_S_VM:
		segment->vm = value;
		break;
	case SFAB_REG_S_EPOCH:
		segment->epoch = value;
		break;
	}
}

uint64_t sfab_import_read(const struct sfab_import *import, unsigned int reg)
{
	switch (reg) {
	case SFAB_REG_I_BASE:
		return import->base;
	case SFAB_REG_I_TARGET:
		return import->target;
	case SFAB_REG_I_EPOCH:
		return import->epoch;
	case SFAB_REG_I_CTRL:
		return import->valid ? SFAB_I_CTRL_VALID : 0;
	default:
		return 0;	/* I_TOKEN is write only */
	}
}

void sfab_import_write(struct sfab_core *core, unsigned int i, unsigned int reg,
		       uint64_t value, enum sfab_part part)
{
	struct sfab_import *import = &core->import[i];

	if (reg == SFAB_REG_I_CTRL) {
		if (value & SFAB_I_CTRL_VALID && !import->valid)
			import->serial = ++core->imports;
		import->valid = value & SFAB_I_CTRL_VALID;
		return;
	}
	if (import->valid) {
		sfab_guest_error(core, "import %u changed while VALID", i);
		return;
	}
	switch (reg) {
	case SFAB_REG_I_TOKEN:
		if (sfab_latch(&import->token_lo, &value, part))
			import->token = value;
		break;
	case SFAB_REG_I_BASE:
		if (sfab_latch(&import->base_lo, &value, part))
			import->base = value & ~0xfffull;
		break;
	case SFAB_REG_I_TARGET:
		import->target = value;
		break;
	case SFAB_REG_I_EPOCH:
		import->epoch = value;
		break;
	}
}

bool sfab_import_valid(const struct sfab_core *core, uint64_t i)
{
	return core->fabric && i < core->config.imports && core->import[i].valid;
}

/* Requests are executed one at a time: only one can be in progress. */
void sfab_segments_invalidate(struct sfab_core *core, struct sfab_out *out,
			      uint32_t value)
{
	core->seg_inv.asked = value;
	core->seg_inv.pending = true;
	if (!core->seg_inv.in_request)
		sfab_segments_invalidated(core, out);
}

void sfab_segments_invalidated(struct sfab_core *core, struct sfab_out *out)
{
	struct sfab_seg_inv *inv = &core->seg_inv;

	if (!inv->pending)
		return;
	inv->pending = false;
	inv->done = inv->asked;
	sfab_raise(core, out, SFAB_INT_SEGMENT, 0, true);
}

void sfab_segments_reset(struct sfab_core *core)
{
	if (!core->fabric)
		return;
	memset(core->segment, 0, core->config.segments * sizeof(*core->segment));
	for (unsigned int i = 0; i < core->config.imports; i++)
		core->import[i] = (struct sfab_import) { 0 };
	core->seg_inv.asked = 0;
	core->seg_inv.done = 0;
	core->seg_inv.pending = false;
}
