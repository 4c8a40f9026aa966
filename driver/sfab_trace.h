/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, in /sys/kernel/tracing/events/sfab
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM sfab

#if !defined(_SFAB_TRACE_H_) || defined(TRACE_HEADER_MULTI_READ)
#define _SFAB_TRACE_H_

#include <linux/tracepoint.h>

#include "sfab_link.h"
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
	    TP_PROTO(const struct sfab_queue *queue, const struct sfab_fault *fault, u32 status,
		     u32 eid),
	    TP_ARGS(queue, fault, status, eid),

	    TP_STRUCT__entry(__string(dev, dev_name(queue->sdev->drm.dev))
			     __field(u32, queue)
			     __field(u32, cause)
			     __field(u32, access)
			     __field(u32, opcode)
			     __field(u32, command)
			     __field(u64, seqno)
			     __field(u64, addr)
			     __field(u32, status)
			     __field(u32, eid)
			     ),

	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue->hw_id;
			   __entry->cause = fault->cause;
			   __entry->access = fault->access;
			   __entry->opcode = fault->opcode;
			   __entry->command = fault->command;
			   __entry->seqno = fault->seqno;
			   __entry->addr = fault->addr;
			   __entry->status = status;
			   __entry->eid = eid;
			   ),

	    TP_printk("%s queue=%u cause=%u access=%u opcode=%u seqno=%llu command=%u addr=%#llx status=%u eid=%u",
		      __get_str(dev), __entry->queue, __entry->cause, __entry->access,
		      __entry->opcode, __entry->seqno, __entry->command, __entry->addr,
		      __entry->status, __entry->eid)
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

/* A segment is exported, gets another token, or is taken back */
TRACE_EVENT(sfab_segment,
	    TP_PROTO(const struct sfab_device *sdev, const char *what, u32 number, u64 offset,
		     u64 size),
	    TP_ARGS(sdev, what, number, offset, size),

	    TP_STRUCT__entry(__string(dev, dev_name(sdev->drm.dev))
			     __string(what, what)
			     __field(u32, number)
			     __field(u64, offset)
			     __field(u64, size)
			     ),

	    TP_fast_assign(__assign_str(dev);
			   __assign_str(what);
			   __entry->number = number;
			   __entry->offset = offset;
			   __entry->size = size;
			   ),

	    TP_printk("%s segment=%u %s offset=%#llx size=%#llx", __get_str(dev),
		      __entry->number, __get_str(what), __entry->offset, __entry->size)
);

/* A segment of another accelerator is imported, or let go */
TRACE_EVENT(sfab_import,
	    TP_PROTO(const struct sfab_device *sdev, const char *what, u32 number, u32 eid,
		     u32 segment),
	    TP_ARGS(sdev, what, number, eid, segment),

	    TP_STRUCT__entry(__string(dev, dev_name(sdev->drm.dev))
			     __string(what, what)
			     __field(u32, number)
			     __field(u32, eid)
			     __field(u32, segment)
			     ),

	    TP_fast_assign(__assign_str(dev);
			   __assign_str(what);
			   __entry->number = number;
			   __entry->eid = eid;
			   __entry->segment = segment;
			   ),

	    TP_printk("%s import=%u %s eid=%u segment=%u", __get_str(dev),
		      __entry->number, __get_str(what), __entry->eid, __entry->segment)
);

/* The state of a port has changed */
TRACE_EVENT(sfab_port,
	    TP_PROTO(const struct sfab_device *sdev, u32 port, u32 state, u32 reason),
	    TP_ARGS(sdev, port, state, reason),

	    TP_STRUCT__entry(__string(dev, dev_name(sdev->drm.dev))
			     __field(u32, port)
			     __field(u32, state)
			     __field(u32, reason)
			     ),

	    TP_fast_assign(__assign_str(dev);
			   __entry->port = port;
			   __entry->state = state;
			   __entry->reason = reason;
			   ),

	    TP_printk("%s port=%u state=%u reason=%u", __get_str(dev), __entry->port,
		      __entry->state, __entry->reason)
);

/* Something has happened to a link */
TRACE_EVENT(sfab_link_event,
	    TP_PROTO(const struct device *dev, const struct sfab_link_event *event),
	    TP_ARGS(dev, event),

	    TP_STRUCT__entry(__string(dev, dev_name(dev))
			     __field(u64, sequence)
			     __field(u32, type)
			     __field(u32, state)
			     __field(u32, reason)
			     __field(u32, lanes)
			     __field(u64, value)
			     ),

	    TP_fast_assign(__assign_str(dev);
			   __entry->sequence = event->sequence;
			   __entry->type = event->type;
			   __entry->state = event->state;
			   __entry->reason = event->reason;
			   __entry->lanes = event->lanes;
			   __entry->value = event->value;
			   ),

	    TP_printk("%s sequence=%llu type=%u state=%u reason=%u lanes=%u value=%#llx",
		      __get_str(dev), __entry->sequence, __entry->type, __entry->state,
		      __entry->reason, __entry->lanes, __entry->value)
);

/* Packets have been sent again on a link since its last event */
TRACE_EVENT(sfab_link_replays,
	    TP_PROTO(const struct device *dev, u64 count),
	    TP_ARGS(dev, count),

	    TP_STRUCT__entry(__string(dev, dev_name(dev))
			     __field(u64, count)
			     ),

	    TP_fast_assign(__assign_str(dev);
			   __entry->count = count;
			   ),

	    TP_printk("%s count=%llu", __get_str(dev), __entry->count)
);

#endif /* _SFAB_TRACE_H_ */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE sfab_trace
#include <trace/define_trace.h>
