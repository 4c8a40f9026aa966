/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, in /sys/kernel/tracing/events/sfab
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM sfab

#if !defined(_SFAB_TRACE_H_) || defined(TRACE_HEADER_MULTI_READ)
#define _SFAB_TRACE_H_

#include <linux/tracepoint.h>

#include "sfab_queue.h"

/* A submission was written to the ring */
TRACE_EVENT(sfab_submit,
	    TP_PROTO(const struct sfab_queue *queue, u64 seqno, u32 count),
	    TP_ARGS(queue, seqno, count),

	    TP_STRUCT__entry(__string(dev, dev_name(queue->sdev->drm.dev))
			     __field(u32, queue)
			     __field(u64, seqno)
			     __field(u32, count)
			     __field(u32, tail)
			     ),

	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue->hw_id;
			   __entry->seqno = seqno;
			   __entry->count = count;
			   __entry->tail = queue->tail;
			   ),

	    TP_printk("%s queue=%u seqno=%llu count=%u tail=%u", __get_str(dev),
		      __entry->queue, __entry->seqno, __entry->count, __entry->tail)
);

/* All submissions up to seqno have completed */
TRACE_EVENT(sfab_complete,
	    TP_PROTO(const struct sfab_queue *queue, u64 seqno),
	    TP_ARGS(queue, seqno),

	    TP_STRUCT__entry(__string(dev, dev_name(queue->sdev->drm.dev))
			     __field(u32, queue)
			     __field(u64, seqno)
			     ),

	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue->hw_id;
			   __entry->seqno = seqno;
			   ),

	    TP_printk("%s queue=%u seqno=%llu", __get_str(dev), __entry->queue, __entry->seqno)
);

/* A queue halted */
TRACE_EVENT(sfab_fault,
	    TP_PROTO(const struct sfab_queue *queue, const struct sfab_fault *fault),
	    TP_ARGS(queue, fault),

	    TP_STRUCT__entry(__string(dev, dev_name(queue->sdev->drm.dev))
			     __field(u32, queue)
			     __field(u32, cause)
			     __field(u32, access)
			     __field(u32, opcode)
			     __field(u32, command)
			     __field(u64, seqno)
			     __field(u64, addr)
			     ),

	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue->hw_id;
			   __entry->cause = fault->cause;
			   __entry->access = fault->access;
			   __entry->opcode = fault->opcode;
			   __entry->command = fault->command;
			   __entry->seqno = fault->seqno;
			   __entry->addr = fault->addr;
			   ),

	    TP_printk("%s queue=%u cause=%u access=%u opcode=%u seqno=%llu command=%u addr=%#llx",
		      __get_str(dev), __entry->queue, __entry->cause, __entry->access,
		      __entry->opcode, __entry->seqno, __entry->command, __entry->addr)
);

/* The device is about to be reset */
TRACE_EVENT(sfab_reset,
	    TP_PROTO(const struct sfab_device *sdev, const char *reason),
	    TP_ARGS(sdev, reason),

	    TP_STRUCT__entry(__string(dev, dev_name(sdev->drm.dev))
			     __string(reason, reason)
			     ),

	    TP_fast_assign(__assign_str(dev);
			   __assign_str(reason);
			   ),

	    TP_printk("%s reason=\"%s\"", __get_str(dev), __get_str(reason))
);

/* An operation of VM_BIND takes effect */
TRACE_EVENT(sfab_bind,
	    TP_PROTO(const struct sfab_device *sdev, u32 vm, const struct sfab_bind_op *op),
	    TP_ARGS(sdev, vm, op),

	    TP_STRUCT__entry(__string(dev, dev_name(sdev->drm.dev))
			     __field(u32, vm)
			     __field(u32, op)
			     __field(u64, va)
			     __field(u64, size)
			     ),

	    TP_fast_assign(__assign_str(dev);
			   __entry->vm = vm;
			   __entry->op = op->op;
			   __entry->va = op->va;
			   __entry->size = op->size;
			   ),

	    TP_printk("%s vm=%u %s va=%#llx size=%#llx", __get_str(dev), __entry->vm,
		      __entry->op == SFAB_BIND_MAP ? "map" : "unmap",
		      __entry->va, __entry->size)
);

#endif /* _SFAB_TRACE_H_ */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE sfab_trace
#include <trace/define_trace.h>
