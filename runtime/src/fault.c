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
SAME(SFAB_CAUSE_FABRIC, SFAB_FAULT_FABRIC);
SAME(SFAB_CAUSE_POISON, SFAB_FAULT_POISON);
SAME(SFAB_REMOTE_OK, SFAB_FABRIC_OK);
SAME(SFAB_REMOTE_NO_ROUTE, SFAB_FABRIC_NO_ROUTE);
SAME(SFAB_REMOTE_TIMEOUT, SFAB_FABRIC_TIMEOUT);
SAME(SFAB_REMOTE_BAD_TOKEN, SFAB_FABRIC_BAD_TOKEN);
SAME(SFAB_REMOTE_OUT_OF_BOUNDS, SFAB_FABRIC_OUT_OF_BOUNDS);
SAME(SFAB_REMOTE_NO_RIGHTS, SFAB_FABRIC_NO_RIGHTS);
SAME(SFAB_REMOTE_REVOKED, SFAB_FABRIC_REVOKED);
SAME(SFAB_REMOTE_POISONED, SFAB_FABRIC_POISONED);
SAME(SFAB_REMOTE_STALE, SFAB_FABRIC_STALE);
SAME(SFAB_REMOTE_BAD_REQUEST, SFAB_FABRIC_BAD_REQUEST);
SAME(SFAB_REMOTE_TARGET_FAULT, SFAB_FABRIC_TARGET_FAULT);

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
		[SFAB_CAUSE_FABRIC] = "access through the fabric failed",
		[SFAB_CAUSE_POISON] = "poison (HBM has lost what it held there)",
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

/* What an access to remote memory failed of, and what to do about it */
static const struct {
	const char *name;
	const char *remedy;
} statuses[] = {
	[SFAB_REMOTE_OK] = { "ok", "" },
	[SFAB_REMOTE_NO_ROUTE] = { "no route that carries traffic",
		"look at links and routes between the two" },
	[SFAB_REMOTE_TIMEOUT] = { "no answer in time",
		"look whether its node and the links on the way work" },
	[SFAB_REMOTE_BAD_TOKEN] = { "wrong key, it was replaced", "import a new handle" },
	[SFAB_REMOTE_OUT_OF_BOUNDS] = { "beyond the end of the exported memory",
		"stay within its size" },
	[SFAB_REMOTE_NO_RIGHTS] = { "exported without the right for this",
		"let its owner export it with more rights" },
	[SFAB_REMOTE_REVOKED] = { "taken back by its owner", "import a new handle" },
	[SFAB_REMOTE_POISONED] = { "the target has lost what it held there",
		"write it anew" },
	[SFAB_REMOTE_STALE] = { "the target was restarted or exports something else there",
		"import a new handle" },
	[SFAB_REMOTE_BAD_REQUEST] = { "the target does not understand",
		"use the same hardware version on both sides" },
	[SFAB_REMOTE_TARGET_FAULT] = { "the target's page tables or bus refused",
		"look at the kernel log of its node" },
};

const char *sfab_remote_status_name(uint32_t status)
{
	return status < ARRAY_SIZE(statuses) ? statuses[status].name : "unknown status";
}

void fault_fill(struct sfab_queue *queue, const struct sfab_fault *fault, uint32_t status,
		uint32_t eid, struct sfab_fault_info *info)
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
	if (fault->cause == SFAB_FAULT_FABRIC) {
		info->remote_status = status;
		info->remote_eid = eid;
	}
	if (info->access || fault->cause == SFAB_FAULT_FABRIC)
		info->mem = vm_find(queue->dev, queue->vm, fault->addr, &info->offset);
	if (info->mem && !info->remote_eid && info->cause == SFAB_CAUSE_FABRIC)
		info->remote_eid = info->mem->segment.eid;
}

/* The cause in words, and what to do before the queue can be replaced with success */
static void explain(const struct sfab_fault_info *info, char *buf, size_t size,
		    const char **remedy)
{
	*remedy = "";
	if (info->cause != SFAB_CAUSE_FABRIC) {
		snprintf(buf, size, "%s", sfab_cause_name(info->cause));
		return;
	}
	snprintf(buf, size, "%s: EID %u: %s", sfab_cause_name(info->cause), info->remote_eid,
		 sfab_remote_status_name(info->remote_status));
	if (info->remote_status < ARRAY_SIZE(statuses))
		*remedy = statuses[info->remote_status].remedy;
}

int fault_fail(struct sfab_queue *queue, const struct sfab_queue_query *query)
{
	static const char *const access[] = { "access", "read", "write" };
	char where[192] = "in no memory", what[128], why[160];
	struct sfab_fault_info info;
	const char *remedy;

	fault_fill(queue, &query->fault, query->fabric_status, query->fabric_eid, &info);
	explain(&info, why, sizeof(why), &remedy);
	if (info.mem)
		snprintf(where, sizeof(where), "offset %#llx of %s",
			 (unsigned long long)info.offset,
			 mem_describe(info.mem, what, sizeof(what)));

	return fail(-EIO, "%s: queue %u halted by a fault: %s; %s (command %llu of submission %llu), %s at address %#llx, %s: %s%sdestroy the queue and create another",
		    queue->dev->label, queue->id, why, sfab_opcode_name(info.opcode),
		    (unsigned long long)info.command, (unsigned long long)info.submission,
		    access[info.access], (unsigned long long)info.address, where, remedy,
		    remedy[0] ? ", " : "");
}
