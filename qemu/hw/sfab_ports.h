/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sfab accelerator: its ports, the fibres at them, and the fabric worker
 */

#ifndef HW_MISC_SFAB_PORTS_H
#define HW_MISC_SFAB_PORTS_H

#include "qemu/event_notifier.h"
#include "qemu/thread.h"
#include "qemu/timer.h"
#include "sfab_fibre.h"

#include <sfab/fabric.h>

#define SFAB_ACCEL_PORTS 16

typedef struct SfabAccelState SfabAccelState;

/* A light path that has a fibre. */
typedef struct SfabEnd {
    SfabAccelState *s;
    unsigned int port;
    unsigned int path;
    SfabFibre *fibre;
    struct sfab_fibre_end *end;     /* NULL: not taken; under @run */
} SfabEnd;

typedef struct SfabPorts {
    /* Properties */
    uint32_t num;
    uint32_t paths;
    uint32_t segments;
    uint32_t imports;
    uint32_t eids;
    uint32_t lanes;
    uint32_t lane_rate;
    double rate_scale;
    uint32_t crc_errors;
    uint64_t seed;
    SfabFibre *fibre[SFAB_ACCEL_PORTS][SFAB_MAX_PATHS];

    SfabEnd ends[SFAB_ACCEL_PORTS * SFAB_MAX_PATHS];
    unsigned int num_ends;
    struct sfab_fabric *fabric; /* NULL: no ports */
    Error *blocker;             /* of migration */
    bool pulled;                /* by surprise removal: no light; atomic */

    /* The worker's */
    bool asleep;                /* the other ends have been told to ring */
    unsigned int refused;       /* how often an end could not be taken */

    QemuThread thread;
    QemuMutex run;              /* held to run @fabric */
    int64_t due;                /* when the worker wakes up by itself; @run */
    int64_t helped;             /* real time: an engine ran @fabric; @run */
    EventNotifier wake;
    bool woken;                 /* there may be work; atomic */
    bool waiting;               /* the worker listens to @wake; atomic */
    QEMUTimer *timer;           /* without a thread: when to run again */
} SfabPorts;

/*
 * What is claimed is given back by release, which is also part of stop; start
 * and stop are for the worker. All under the BQL.
 */
void sfab_ports_add_properties(Object *obj);
bool sfab_ports_claim(SfabAccelState *s, Error **errp);
void sfab_ports_release(SfabAccelState *s);
void sfab_ports_start(SfabAccelState *s);
void sfab_ports_stop(SfabAccelState *s);
void sfab_ports_finalize(SfabAccelState *s);
void sfab_ports_pull(SfabAccelState *s, bool pulled);

/* Without a thread: run once, if there is work; whether there is more. */
bool sfab_ports_step(SfabAccelState *s);
void sfab_ports_step_at(SfabAccelState *s, int64_t ns);

/*
 * Around a slice of an engine, by its thread or by a vCPU: if it gives the
 * fabric work while the worker sleeps, who does the last slice does that work
 * at its end, or wakes the worker. @more: the same thread does another slice.
 */
void sfab_ports_help_begin(SfabAccelState *s);
void sfab_ports_help_end(SfabAccelState *s, bool more);
/* This thread is between the two, of whatever device. */
bool sfab_ports_is_helping(void);

/* The core's: there is work, from any thread; a doorbell, under @run. */
void sfab_ports_wake(void *opaque);
void sfab_ports_ring(void *opaque, unsigned int port, unsigned int path);

#endif /* HW_MISC_SFAB_PORTS_H */
