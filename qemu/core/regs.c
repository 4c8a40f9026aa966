// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * BAR 0: finds the register of an access, refuses what the spec does not list,
 * and holds the global and address space registers. What is not found here may be
 * the router's (fabric.h).
 */
#include <inttypes.h>
#include <stddef.h>

#include "internal.h"
#include "fabric.h"
#include "fabric_regs.h"

struct reg {
	uint16_t offset;
	uint8_t width;
	bool writable;
};

static const struct reg global_regs[] = {
	{ SFAB_REG_MAGIC, 32, false },
	{ SFAB_REG_VERSION, 32, false },
	{ SFAB_REG_CAPS, 64, false },
	{ SFAB_REG_HBM_SIZE, 64, false },
	{ SFAB_REG_NUM_QUEUES, 32, false },
	{ SFAB_REG_NUM_VMS, 32, false },
	{ SFAB_REG_NUM_ENGINES, 32, false },
	{ SFAB_REG_NUM_VECTORS, 32, false },
	{ SFAB_REG_SERIAL, 64, false },
	{ SFAB_REG_UUID_0, 64, false },
	{ SFAB_REG_UUID_1, 64, false },
	{ SFAB_REG_VA_BITS, 32, false },
	{ SFAB_REG_MAX_RING_LOG2, 32, false },
	{ SFAB_REG_CTRL, 32, true },
	{ SFAB_REG_STATUS, 32, false },
	{ SFAB_REG_RESET, 32, true },
	{ SFAB_REG_SCRATCH, 32, true },
	{ SFAB_REG_TIME, 64, false },
	{ SFAB_REG_INT_STATUS, 32, true },
	{ SFAB_REG_INT_ENABLE, 32, true },
	{ SFAB_REG_QUEUE_EVENT_0, 64, true },
	{ SFAB_REG_QUEUE_EVENT_1, 64, true },
	{ SFAB_REG_QUEUE_FAULT_0, 64, true },
	{ SFAB_REG_QUEUE_FAULT_1, 64, true },
	{ SFAB_REG_COUNTER_0, 64, false },
	{ SFAB_REG_COUNTER_1, 64, false },
	{ SFAB_REG_COUNTER_2, 64, false },
	{ SFAB_REG_COUNTER_3, 64, false },
	{ SFAB_REG_COUNTER_4, 64, false },
	{ SFAB_REG_COUNTER_5, 64, false },
	{ SFAB_REG_COUNTER_6, 64, false },
	{ SFAB_REG_COUNTER_7, 64, false },
	{ SFAB_REG_COUNTER_8, 64, false },
	{ SFAB_REG_COUNTER_9, 64, false },
	{ SFAB_REG_COUNTER_10, 64, false },
	{ SFAB_REG_COUNTER_11, 64, false },
	{ SFAB_REG_COUNTER_12, 64, false },
	{ SFAB_REG_COUNTER_13, 64, false },
	{ SFAB_REG_COUNTER_14, 64, false },
	{ SFAB_REG_COUNTER_15, 64, false },
	{ 0 }
};

/* Of a device with ports only. */
static const struct reg fabric_regs[] = {
	{ SFAB_REG_NUM_SEGMENTS, 32, false },
	{ SFAB_REG_NUM_IMPORTS, 32, false },
	{ SFAB_REG_SEG_INV, 32, true },
	{ SFAB_REG_SEG_INV_DONE, 32, false },
	{ 0 }
};

static const struct reg segment_regs[] = {
	{ SFAB_REG_S_VA, 64, true },
	{ SFAB_REG_S_LEN, 64, true },
	{ SFAB_REG_S_TOKEN, 64, true },
	{ SFAB_REG_S_VM, 32, true },
	{ SFAB_REG_S_EPOCH, 32, true },
	{ SFAB_REG_S_CTRL, 32, true },
	{ 0 }
};

static const struct reg import_regs[] = {
	{ SFAB_REG_I_TOKEN, 64, true },
	{ SFAB_REG_I_BASE, 64, true },
	{ SFAB_REG_I_TARGET, 32, true },
	{ SFAB_REG_I_EPOCH, 32, true },
	{ SFAB_REG_I_CTRL, 32, true },
	{ 0 }
};

static const struct reg vm_regs[] = {
	{ SFAB_REG_VM_ROOT, 64, true },
	{ SFAB_REG_VM_INV, 32, true },
	{ SFAB_REG_VM_INV_DONE, 32, false },
	{ 0 }
};

static const struct reg queue_regs[] = {
	{ SFAB_REG_Q_BASE, 64, true },
	{ SFAB_REG_Q_TIMELINE, 64, true },
	{ SFAB_REG_Q_SIZE, 32, true },
	{ SFAB_REG_Q_VM, 32, true },
	{ SFAB_REG_Q_VECTOR, 32, true },
	{ SFAB_REG_Q_CTRL, 32, true },
	{ SFAB_REG_Q_STATUS, 32, false },
	{ SFAB_REG_Q_HEAD, 32, false },
	{ SFAB_REG_Q_TAIL, 32, false },
	{ SFAB_REG_Q_FAULT, 32, false },
	{ SFAB_REG_Q_FAULT_INDEX, 32, false },
	{ SFAB_REG_Q_FAULT_ADDR, 64, false },
	{ 0 }
};

/* ... and what they have besides on a device with ports. */
static const struct reg queue_fabric_regs[] = {
	{ SFAB_REG_Q_POLICY, 32, true },
	{ 0 }
};

/* Of the page that each queue has. */
static const struct reg doorbell_regs[] = {
	{ SFAB_REG_DOORBELL_TAIL, 32, true },
	{ SFAB_REG_DOORBELL_ARM, 64, true },
	{ 0 }
};

/* The register that an access means. */
struct target {
	enum { GLOBAL, VM, QUEUE, DOORBELL, SEGMENT, IMPORT } block;
	unsigned int index;
	unsigned int reg;
	bool writable;
	enum sfab_part part;
};

static bool find_reg(const struct reg *regs, uint64_t offset, unsigned int size,
		     struct target *t)
{
	for (const struct reg *r = regs; r->width; r++) {
		if (r->width == size * 8 && r->offset == offset)
			t->part = SFAB_ALL;
		else if (size == 4 && r->offset == offset)
			t->part = SFAB_LOW;
		else if (size == 4 && r->width == 64 && r->offset + 4u == offset)
			t->part = SFAB_HIGH;
		else
			continue;
		/* A 32-bit register has no part that 4 bytes do not fill. */
		t->reg = r->offset;
		t->writable = r->writable;
		return true;
	}
	return false;
}

/* The registers that only a device with ports has, but for the router's. */
static bool find_fabric(const struct sfab_core *core, uint64_t offset,
			unsigned int size, struct target *t)
{
	const struct sfab_config *c = &core->config;
	uint64_t at;

	if (!core->fabric)
		return false;
	at = offset - SFAB_SEGMENT_BASE;
	if (at < (uint64_t)c->segments * SFAB_SEGMENT_STRIDE) {
		t->block = SEGMENT;
		t->index = at / SFAB_SEGMENT_STRIDE;
		return find_reg(segment_regs, at % SFAB_SEGMENT_STRIDE, size, t);
	}
	at = offset - SFAB_IMPORT_BASE;
	if (at < (uint64_t)c->imports * SFAB_IMPORT_STRIDE) {
		t->block = IMPORT;
		t->index = at / SFAB_IMPORT_STRIDE;
		return find_reg(import_regs, at % SFAB_IMPORT_STRIDE, size, t);
	}
	return find_reg(fabric_regs, offset, size, t);
}

static bool find(const struct sfab_core *core, uint64_t offset,
		 unsigned int size, struct target *t)
{
	const struct sfab_config *c = &core->config;
	uint64_t at;

	if (size != 4 && size != 8)
		return false;

	at = offset - SFAB_DOORBELL_BASE;
	if (at < SFAB_DOORBELL_END - SFAB_DOORBELL_BASE) {
		t->block = DOORBELL;
		t->index = at / SFAB_DOORBELL_STRIDE;
		return t->index < c->queues &&
		       find_reg(doorbell_regs, at % SFAB_DOORBELL_STRIDE, size, t);
	}
	at = offset - SFAB_QUEUE_BASE;
	if (at < (uint64_t)c->queues * SFAB_QUEUE_STRIDE) {
		t->block = QUEUE;
		t->index = at / SFAB_QUEUE_STRIDE;
		at %= SFAB_QUEUE_STRIDE;
		return find_reg(queue_regs, at, size, t) ||
		       (core->fabric && find_reg(queue_fabric_regs, at, size, t));
	}
	at = offset - SFAB_VM_BASE;
	if (at < (uint64_t)c->vms * SFAB_VM_STRIDE) {
		t->block = VM;
		t->index = at / SFAB_VM_STRIDE;
		return find_reg(vm_regs, at % SFAB_VM_STRIDE, size, t);
	}
	t->block = GLOBAL;
	return find_reg(global_regs, offset, size, t) ||
	       find_fabric(core, offset, size, t);
}

static uint64_t uuid_half(const struct sfab_config *c, unsigned int half)
{
	uint64_t value;

	memcpy(&value, c->uuid + 8 * half, sizeof(value));
	return value;
}

static uint64_t status(const struct sfab_core *core)
{
	return (core->resetting ? SFAB_STATUS_RESETTING : SFAB_STATUS_READY) |
	       (sfab_in_slice(core) ? SFAB_STATUS_BUSY : 0);
}

static uint64_t counter_read(const struct sfab_core *core, unsigned int i)
{
	if (core->fabric && i > SFAB_COUNTER_FABRIC_BYTES)
		return sfab_endpoint_counter(core, i);
	return core->counter[i];
}

static uint64_t global_read(struct sfab_core *core, unsigned int reg)
{
	const struct sfab_config *c = &core->config;

	switch (reg) {
	case SFAB_REG_MAGIC:
		return SFAB_MAGIC;
	case SFAB_REG_VERSION:
		return SFAB_VERSION;
	case SFAB_REG_CAPS:
		return SFAB_CAPS_REDUCE | SFAB_CAPS_ATOMIC | SFAB_CAPS_COPY_2D |
		       SFAB_CAPS_NOTIFY | (c->peer ? SFAB_CAPS_PEER : 0) |
		       (c->ports ? SFAB_CAPS_FABRIC | SFAB_CAPS_POLICY : 0);
	case SFAB_REG_HBM_SIZE:
		return c->hbm_size;
	case SFAB_REG_NUM_QUEUES:
		return c->queues;
	case SFAB_REG_NUM_VMS:
		return c->vms;
	case SFAB_REG_NUM_ENGINES:
		return c->engines;
	case SFAB_REG_NUM_VECTORS:
		return c->vectors;
	case SFAB_REG_SERIAL:
		return c->serial;
	case SFAB_REG_UUID_0:
		return uuid_half(c, 0);
	case SFAB_REG_UUID_1:
		return uuid_half(c, 1);
	case SFAB_REG_VA_BITS:
		return SFAB_VA_BITS;
	case SFAB_REG_MAX_RING_LOG2:
		return SFAB_MAX_RING_LOG2;
	case SFAB_REG_CTRL:
		return core->ctrl;
	case SFAB_REG_STATUS:
		return status(core);
	case SFAB_REG_SCRATCH:
		return core->scratch;
	case SFAB_REG_TIME:
		return sfab_time(core);
	case SFAB_REG_INT_STATUS:
		return core->int_status;
	case SFAB_REG_INT_ENABLE:
		return core->int_enable;
	case SFAB_REG_QUEUE_EVENT_0:
	case SFAB_REG_QUEUE_EVENT_1:
		return core->queue_event[(reg - SFAB_REG_QUEUE_EVENT_0) / 8];
	case SFAB_REG_QUEUE_FAULT_0:
	case SFAB_REG_QUEUE_FAULT_1:
		return core->queue_fault[(reg - SFAB_REG_QUEUE_FAULT_0) / 8];
	case SFAB_REG_NUM_SEGMENTS:
		return c->segments;
	case SFAB_REG_NUM_IMPORTS:
		return c->imports;
	case SFAB_REG_SEG_INV:
		return core->seg_inv.asked;
	case SFAB_REG_SEG_INV_DONE:
		return core->seg_inv.done;
	case SFAB_REG_RESET:
		return 0;	/* write only */
	default:
		return counter_read(core, (reg - SFAB_REG_COUNTER_0) / 8);
	}
}

static uint64_t vm_read(const struct sfab_vm *vm, unsigned int reg)
{
	switch (reg) {
	case SFAB_REG_VM_ROOT:
		return vm->root;
	case SFAB_REG_VM_INV:
		return vm->inv;
	default:
		return vm->inv_done;
	}
}

/* None of ours: the router's, if there is one. Without the lock. */
static uint64_t other_read(struct sfab_core *core, uint64_t offset,
			   unsigned int size)
{
	uint64_t value = 0;

	if (core->fabric ? sfab_fabric_read(core->fabric, offset, size, &value) :
			   offset == SFAB_REG_NUM_PORTS && size == 4)
		return value;
	sfab_guest_error(core, "read of %u bytes at 0x%" PRIx64
			 ": no such register", size, offset);
	return 0;
}

uint64_t sfab_core_read(struct sfab_core *core, uint64_t offset,
			unsigned int size)
{
	struct target t = { 0 };
	uint64_t value = 0;

	sfab_lock(core);
	if (!find(core, offset, size, &t)) {
		sfab_unlock(core);
		return other_read(core, offset, size);
	}
	switch (t.block) {
	case GLOBAL:
		value = global_read(core, t.reg);
		break;
	case VM:
		value = vm_read(&core->vm[t.index], t.reg);
		break;
	case QUEUE:
		value = sfab_queue_read(core, t.index, t.reg);
		break;
	case SEGMENT:
		value = sfab_segment_read(&core->segment[t.index], t.reg);
		break;
	case IMPORT:
		value = sfab_import_read(&core->import[t.index], t.reg);
		break;
	case DOORBELL:
		break;
	}
	sfab_unlock(core);

	if (t.part == SFAB_HIGH)
		value >>= 32;
	return size == 4 ? (uint32_t)value : value;
}

bool sfab_latch(uint32_t *lo, uint64_t *value, enum sfab_part part)
{
	if (part == SFAB_HIGH)
		*value = *value << 32 | *lo;
	else
		*lo = (uint32_t)*value;
	return part != SFAB_LOW;
}

/* Both halves of a 64-bit W1C register act on their own. */
static void clear(uint64_t *reg, uint64_t value, enum sfab_part part)
{
	*reg &= ~(part == SFAB_HIGH ? value << 32 : value);
}

static void global_write(struct sfab_core *core, struct sfab_out *out,
			 unsigned int reg, uint64_t value, enum sfab_part part)
{
	switch (reg) {
	case SFAB_REG_CTRL:
		core->ctrl = value & SFAB_CTRL_ENABLE;
		out->fabric_wake = core->fabric;
		sfab_wake(core, out);
		break;
	case SFAB_REG_RESET:
		if (value == SFAB_RESET_MAGIC)
			sfab_reset(core, out, SFAB_RESET_REGISTER);
		else
			sfab_guest_error(core, "RESET: 0x%" PRIx64
					 " is not \"RSET\"", value);
		break;
	case SFAB_REG_SCRATCH:
		core->scratch = value;
		break;
	case SFAB_REG_INT_STATUS:
		core->int_status &= ~value;
		break;
	case SFAB_REG_INT_ENABLE:
		core->int_enable = value & (core->fabric ? SFAB_INT_ALL :
							   SFAB_INT_NO_PORTS);
		break;
	case SFAB_REG_SEG_INV:
		sfab_segments_invalidate(core, out, value);
		break;
	case SFAB_REG_QUEUE_EVENT_0:
	case SFAB_REG_QUEUE_EVENT_1:
		clear(&core->queue_event[(reg - SFAB_REG_QUEUE_EVENT_0) / 8],
		      value, part);
		break;
	case SFAB_REG_QUEUE_FAULT_0:
	case SFAB_REG_QUEUE_FAULT_1:
		clear(&core->queue_fault[(reg - SFAB_REG_QUEUE_FAULT_0) / 8],
		      value, part);
		break;
	}
}

static void vm_write(struct sfab_core *core, struct sfab_out *out,
		     unsigned int v, unsigned int reg, uint64_t value,
		     enum sfab_part part)
{
	struct sfab_vm *vm = &core->vm[v];

	if (reg == SFAB_REG_VM_INV) {
		vm->inv = value;
		vm->inv_count++;
		sfab_invalidated(core, out, v);
	} else if (sfab_latch(&vm->root_lo, &value, part)) {
		vm->root = value & (SFAB_VM_ROOT_VALID | SFAB_VM_ROOT_ADDR);
	}
}

static void write_target(struct sfab_core *core, struct sfab_out *out,
			 const struct target *t, uint64_t value)
{
	switch (t->block) {
	case GLOBAL:
		global_write(core, out, t->reg, value, t->part);
		break;
	case VM:
		vm_write(core, out, t->index, t->reg, value, t->part);
		break;
	case QUEUE:
		sfab_queue_write(core, t->index, t->reg, value, t->part);
		break;
	case SEGMENT:
		sfab_segment_write(core, t->index, t->reg, value, t->part);
		break;
	case IMPORT:
		sfab_import_write(core, t->index, t->reg, value, t->part);
		break;
	case DOORBELL:
		if (t->reg == SFAB_REG_DOORBELL_TAIL)
			sfab_doorbell(core, out, t->index, value);
		else
			sfab_arm(core, out, t->index, value, t->part);
		break;
	}
}

static void other_write(struct sfab_core *core, uint64_t offset, uint64_t value,
			unsigned int size)
{
	if (!core->fabric ||
	    !sfab_fabric_write(core->fabric, offset, value, size))
		sfab_guest_error(core, "write of %u bytes at 0x%" PRIx64
				 ": no such register", size, offset);
}

void sfab_core_write(struct sfab_core *core, uint64_t offset, uint64_t value,
		     unsigned int size)
{
	struct sfab_out out = { 0 };
	struct target t = { 0 };
	bool ours, ignored;

	if (size == 4)
		value = (uint32_t)value;

	sfab_lock(core);
	ours = find(core, offset, size, &t);
	ignored = core->resetting && !(ours && t.block == GLOBAL &&
				       t.reg == SFAB_REG_RESET);
	if (ours && !t.writable)
		sfab_guest_error(core, "write to 0x%" PRIx64
				 ": read-only register", offset);
	else if (ignored)
		sfab_guest_error(core, "write to 0x%" PRIx64
				 " during a reset", offset);
	else if (ours)
		write_target(core, &out, &t, value);
	sfab_unlock(core);
	sfab_deliver(core, &out);
	if (!ours && !ignored)
		other_write(core, offset, value, size);
}
