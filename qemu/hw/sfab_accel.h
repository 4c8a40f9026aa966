/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sfab accelerator: what the parts of the device share
 *
 * The behaviour of the device is the core's (core/include/sfab/core.h); these
 * files give it a PCI function, memory, threads, interrupts and a migration
 * format. The hardware contract is docs/specs/sfab.rst.
 */

#ifndef HW_MISC_SFAB_ACCEL_H
#define HW_MISC_SFAB_ACCEL_H

#include "hw/pci/pci_device.h"
#include "migration/vmstate.h"
#include "qemu/bitmap.h"
#include "qemu/thread.h"
#include "qemu/timer.h"
#include "qemu/uuid.h"
#include "qom/object.h"
#include "system/hostmem.h"
#include "system/runstate.h"

#include <sfab/core.h>
#include "sfab_ports.h"

#define TYPE_SFAB_ACCEL "sfab-accel"
OBJECT_DECLARE_SIMPLE_TYPE(SfabAccelState, SFAB_ACCEL)

/* One engine of the core and what drives it: a thread, or its callers. */
typedef struct SfabEngine {
    SfabAccelState *s;
    unsigned int index;
    QemuThread thread;
    QemuMutex run;      /* threads: of who calls sfab_core_run() */
    QemuEvent kicked;   /* threads: there may be work */
    bool pending;       /* in a call that does the work; under the BQL */
    bool running;       /* threads: sfab_core_run() is in progress; atomic */
    QEMUTimer *timer;   /* kicks, when a WAIT wants to poll */
} SfabEngine;

struct SfabAccelState {
    PCIDevice parent_obj;

    /* Properties */
    HostMemoryBackend *hbmdev;
    QemuUUID uuid;
    uint64_t serial;
    uint32_t num_queues;
    uint32_t num_vms;
    uint32_t num_engines;
    uint32_t num_vectors;
    bool p2p;
    bool sync;          /* engines run in their callers, under the BQL */
    bool removed;       /* surprise removal: nobody answers any more */
    SfabPorts ports;

    char *id;           /* names the device in logs and traces */
    struct sfab_core *core;

    /* Each BAR reads as all ones where nothing lies on top of it. */
    MemoryRegion bar[3];
    MemoryRegion registers;
    MemoryRegion *hbm;
    uint64_t hbm_size;

    /* Vectors to raise, from any thread; a bottom half raises them. */
    DECLARE_BITMAP(irqs, SFAB_MAX_VECTORS);
    QEMUBH *irq_bh;

    SfabEngine engines[SFAB_MAX_ENGINES];
    VMChangeStateEntry *vm_change;
    QemuCond left;      /* with the BQL: an engine has left its slice */
    bool parking;       /* somebody waits for @left; atomic */
    bool parked;        /* no engine is or will be in a slice; BQL, atomic */
    bool gone;          /* unrealized: no more bus; BQL */
    bool stop;          /* threads: end; atomic */
    bool in_sync;       /* guards against recursion; BQL */

    struct sfab_state state;    /* filled while a VM is saved or loaded */
};

/* sfab_engine.c: all but kick under the BQL */
void sfab_engines_start(SfabAccelState *s);
void sfab_engines_stop(SfabAccelState *s);
void sfab_engines_finalize(SfabAccelState *s);
void sfab_engines_settle(SfabAccelState *s);
void sfab_engines_write(SfabAccelState *s, hwaddr addr, uint64_t value,
                        unsigned int size);
void sfab_engine_kick(void *opaque, unsigned int engine);

/* sfab_bus.c */
void sfab_bus_init(SfabAccelState *s);
void sfab_bus_finalize(SfabAccelState *s);
void sfab_bus_flush_irqs(SfabAccelState *s);
void sfab_bus_drop_irqs(SfabAccelState *s);
void sfab_bus_begin(void *opaque);
void sfab_bus_end(void *opaque);
void *sfab_bus_map(void *opaque, uint64_t bus, uint64_t *len, bool write);
void sfab_bus_unmap(void *opaque, void *host, uint64_t len, bool write,
                    uint64_t accessed);
void sfab_bus_irq(void *opaque, unsigned int vector);
void sfab_bus_hbm_written(void *opaque, uint64_t offset, uint64_t len);

/* sfab_event.c */
void sfab_event_guest_error(void *opaque, const char *fmt, va_list ap)
    G_GNUC_PRINTF(2, 0);
void sfab_event_trace(void *opaque, enum sfab_event event, unsigned int index,
                      uint64_t a, uint64_t b);

/* sfab_identity.c */
void sfab_identity_derive(SfabAccelState *s);

/* sfab_optics.c */
void sfab_optics_add_properties(ObjectClass *oc);

/* sfab_migration.c */
extern const VMStateDescription vmstate_sfab_accel;

#endif /* HW_MISC_SFAB_ACCEL_H */
