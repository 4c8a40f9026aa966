// SPDX-License-Identifier: MIT
/*
 * Faults and commands in words.  The codes are those of qemu/docs/specs/sfab.rst, "Faults".
 */
#include <errno.h>
#include <stdio.h>

#include "internal.h"

#define SAME(ours, kernels)	_Static_assert((int)(ours) == (int)(kernels), #ours)

SAME(SFAB_CAUSE_UNMAPPED, SFAB_FAULT_UNMAPPED);
SAME(SFAB_CAUSE_NO_READ, SFAB_FAULT_NO_READ);
SAME(SFAB_CAUSE_NO_WRITE, SFAB_FAULT_NO_WRITE);
SAME(SFAB_CAUSE_BAD_PTE, SFAB_FAULT_BAD_PTE);
SAME(SFAB_CAUSE_APERTURE, SFAB_FAULT_APERTURE);
SAME(SFAB_CAUSE_BUS_ERROR, SFAB_FAULT_BUS_ERROR);
SAME(SFAB_CAUSE_BAD_COMMAND, SFAB_FAULT_BAD_COMMAND);
SAME(SFAB_CAUSE_BAD_RANGE, SFAB_FAULT_BAD_RANGE);
SAME(SFAB_CAUSE_DOORBELL, SFAB_FAULT_DOORBELL);
SAME(SFAB_CAUSE_WAIT_TIMEOUT, SFAB_FAULT_WAIT_TIMEOUT);
SAME(SFAB_CAUSE_BAD_VM, SFAB_FAULT_BAD_VM);

const char *sfab_cause_name(uint32_t cause)
{
	static const char *const names[] = {
		[SFAB_CAUSE_NONE] = "none",
		[SFAB_CAUSE_UNMAPPED] = "unmapped address",
		[SFAB_CAUSE_NO_READ] = "no right to read",
		[SFAB_CAUSE_NO_WRITE] = "no right to write",
		[SFAB_CAUSE_BAD_PTE] = "malformed page table",
		[SFAB_CAUSE_APERTURE] = "kind of memory not available",
		[SFAB_CAUSE_BUS_ERROR] = "bus error (PCIe or the IOMMU refused)",
		[SFAB_CAUSE_BAD_COMMAND] = "malformed command",
		[SFAB_CAUSE_BAD_RANGE] = "bad length, pitch or alignment",
		[SFAB_CAUSE_DOORBELL] = "bad doorbell (driver error)",
		[SFAB_CAUSE_WAIT_TIMEOUT] = "wait ran into its time limit",
		[SFAB_CAUSE_BAD_VM] = "bad address space (driver error)",
	};

	return cause < ARRAY_SIZE(names) ? names[cause] : "unknown cause";
}

const char *sfab_opcode_name(uint32_t opcode)
{
	static const char *const names[] = {
		[SFAB_OP_NOP] = "nop",
		[SFAB_OP_COPY] = "copy",
		[SFAB_OP_COPY_2D] = "copy-2d",
		[SFAB_OP_FILL] = "fill",
		[SFAB_OP_REDUCE] = "reduce",
		[SFAB_OP_ATOMIC] = "atomic",
		[SFAB_OP_WRITE] = "write",
		[SFAB_OP_WAIT] = "wait",
		[SFAB_OP_TIMESTAMP] = "timestamp",
	};

	return opcode < ARRAY_SIZE(names) ? names[opcode] : "unknown command";
}

void fault_fill(struct sfab_queue *queue, const struct sfab_fault *fault,
		struct sfab_fault_info *info)
{
	*info = (struct sfab_fault_info){
		.size = sizeof(*info),
		.cause = fault->cause,
		/* 3 is the queue's own ring, no memory of the user's */
		.access = fault->access <= SFAB_WRITE ? fault->access : 0,
		.opcode = fault->opcode,
		.submission = fault->seqno,
		.command = fault->command,
		.address = fault->addr,
	};
	if (info->access)
		info->mem = vm_find(queue->dev, queue->vm, fault->addr, &info->offset);
}

int fault_fail(struct sfab_queue *queue, const struct sfab_fault *fault)
{
	static const char *const access[] = { "access", "read", "write" };
	struct sfab_fault_info info;
	char where[192] = "in no memory", what[128];

	fault_fill(queue, fault, &info);
	if (info.mem)
		snprintf(where, sizeof(where), "offset %#llx of %s",
			 (unsigned long long)info.offset,
			 mem_describe(info.mem, what, sizeof(what)));

	return fail(-EIO, "%s: queue %u halted by a fault: %s; %s (command %llu of submission %llu), %s at address %#llx, %s: destroy the queue and create another",
		    queue->dev->label, queue->id, sfab_cause_name(info.cause),
		    sfab_opcode_name(info.opcode), (unsigned long long)info.command,
		    (unsigned long long)info.submission, access[info.access],
		    (unsigned long long)info.address, where);
}
