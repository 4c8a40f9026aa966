// SPDX-License-Identifier: GPL-2.0-or-later
/* What the device tells: interrupts, faults, invalidations, guest errors. */
#include "internal.h"
#include "fabric.h"

void sfab_deliver(struct sfab_core *core, const struct sfab_out *out)
{
	for (unsigned int i = 0; i < out->irqs; i++)
		core->ops->irq(core->opaque, out->vector[i]);
	for (unsigned int i = 0; i < core->config.engines; i++)
		if (out->kicks & 1u << i)
			core->ops->kick(core->opaque, i);
	if (out->fabric_reset)
		sfab_fabric_reset(core->fabric);
	if (out->fabric_wake)
		core->ops->fabric_wake(core->opaque);
}

void sfab_raise(struct sfab_core *core, struct sfab_out *out, uint32_t bit,
		unsigned int vector, bool edge)
{
	core->int_status |= bit;
	if (!edge || !(core->int_enable & bit))
		return;
	core->counter[SFAB_COUNTER_INTERRUPTS]++;
	out->vector[out->irqs++] = vector;
}

void sfab_halt(struct sfab_core *core, struct sfab_out *out, unsigned int q,
	       const struct sfab_fault *fault, uint8_t opcode)
{
	struct sfab_queue *queue = &core->queue[q];

	queue->fault = SFAB_Q_FAULT_VALID |
		       (uint32_t)fault->access << SFAB_Q_FAULT_ACCESS_SHIFT |
		       (uint32_t)opcode << SFAB_Q_FAULT_OPCODE_SHIFT |
		       (uint32_t)fault->status << SFAB_Q_FAULT_STATUS_SHIFT |
		       fault->cause;
	queue->fault_index = queue->head;
	queue->fault_addr = fault->addr;
	queue->generation++;
	queue->poll = 0;
	queue->remote = false;
	queue->progress.phase = SFAB_PHASE_FETCH;

	core->counter[SFAB_COUNTER_FAULTS]++;
	core->queue_fault[q / 64] |= 1ull << (q % 64);
	sfab_event(core, SFAB_EVENT_FAULT, q, queue->fault, queue->fault_addr);
	sfab_raise(core, out, SFAB_INT_FAULT, 0, true);
}

/*
 * A slice that began after the n-th write to VM_INV uses nothing that this
 * write asked to forget. So the oldest slice in flight bounds what is complete;
 * and as engines remember what VM_INV was when they began, no other history is
 * needed.
 */
void sfab_invalidated(struct sfab_core *core, struct sfab_out *out,
		      unsigned int v)
{
	struct sfab_vm *vm = &core->vm[v];
	uint64_t count = vm->inv_count;
	uint32_t value = vm->inv;

	for (unsigned int i = 0; i < core->workers; i++) {
		const struct sfab_engine *e = &core->engine[i];

		if (e->in_slice && e->vm == v && e->inv_count < count) {
			count = e->inv_count;
			value = e->inv_value;
		}
	}
	if (count <= vm->inv_done_count)
		return;
	vm->inv_done_count = count;
	vm->inv_done = value;
	sfab_event(core, SFAB_EVENT_INVALIDATED, v, value, 0);
	sfab_raise(core, out, SFAB_INT_INVALIDATE, 0, true);
}

void sfab_guest_error(struct sfab_core *core, const char *fmt, ...)
{
	va_list ap;

	if (!core->ops->guest_error)
		return;
	va_start(ap, fmt);
	core->ops->guest_error(core->opaque, fmt, ap);
	va_end(ap);
}
