/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sfab accelerator: what the core tells becomes trace events and log lines
 */

#include "qemu/osdep.h"
#include "qemu/log.h"
#include "sfab_accel.h"
#include "trace.h"

void sfab_event_guest_error(void *opaque, const char *fmt, va_list ap)
{
    SfabAccelState *s = opaque;
    FILE *log;

    if (!qemu_loglevel_mask(LOG_GUEST_ERROR)) {
        return;
    }
    log = qemu_log_trylock();
    if (log) {
        fprintf(log, "%s %s: ", TYPE_SFAB_ACCEL, s->id);
        vfprintf(log, fmt, ap);
        fputc('\n', log);
        qemu_log_unlock(log);
    }
}

void sfab_event_trace(void *opaque, enum sfab_event event, unsigned int index,
                      uint64_t a, uint64_t b)
{
    SfabAccelState *s = opaque;

    switch (event) {
    case SFAB_EVENT_COMMAND:
        trace_sfab_event_command(s->id, index, a, b);
        break;
    case SFAB_EVENT_FINISH:
        trace_sfab_event_finish(s->id, index, a, b);
        break;
    case SFAB_EVENT_FAULT:
        trace_sfab_event_fault(s->id, index, a, b);
        break;
    case SFAB_EVENT_DOORBELL:
        trace_sfab_event_doorbell(s->id, index, a, b);
        break;
    case SFAB_EVENT_QUEUE_RESET:
        trace_sfab_event_queue_reset(s->id, index, a);
        break;
    case SFAB_EVENT_INVALIDATED:
        trace_sfab_event_invalidated(s->id, index, a);
        break;
    case SFAB_EVENT_RESET:
        trace_sfab_event_reset(s->id, a);
        break;
    case SFAB_EVENT_DRAINED:
        trace_sfab_event_drained(s->id);
        break;
    }
}
