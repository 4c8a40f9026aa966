/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sfab accelerator: the bus as the core sees it: memory and interrupts
 *
 * Engines run in threads of their own, but for the few KiB that a vCPU does
 * itself. The threads hold the BQL while they translate and map a batch of
 * guest memory, never while they copy: a translation by a vIOMMU takes locks in
 * the order opposite to an invalidation, and a translation fault raises an
 * interrupt.
 */

#include "qemu/osdep.h"
#include "hw/pci/msix.h"
#include "qemu/main-loop.h"
#include "sfab_accel.h"
#include "trace.h"

/* Who works in the call that gave the work has it already. */
static __thread bool sfab_bus_took_bql;

void sfab_bus_begin(void *opaque)
{
    if (!bql_locked()) {
        bql_lock();
        sfab_bus_took_bql = true;
    }
}

void sfab_bus_end(void *opaque)
{
    if (sfab_bus_took_bql) {
        sfab_bus_took_bql = false;
        bql_unlock();
    }
}

static DMADirection sfab_bus_direction(bool write)
{
    return write ? DMA_DIRECTION_FROM_DEVICE : DMA_DIRECTION_TO_DEVICE;
}

/*
 * RAM only, be it the guest's or a peer's BAR: there are no bounce buffers (see
 * sfab_bus_init), so a pointer is to memory itself. A mapping holds a reference
 * on its memory: a peer, or this device, may be unplugged in the meantime.
 */
void *sfab_bus_map(void *opaque, uint64_t bus, uint64_t *len, bool write)
{
    SfabAccelState *s = opaque;
    dma_addr_t wanted = *len;
    void *host = NULL;

    if (!s->gone && !s->removed) {
        host = pci_dma_map(&s->parent_obj, bus, len, sfab_bus_direction(write));
    }
    if (host) {
        trace_sfab_bus_map(s->id, bus, *len, write);
    } else {
        trace_sfab_bus_refused(s->id, bus, wanted, write);
    }
    return host;
}

/* Works after unrealize too: for RAM, the address space is not looked at. */
void sfab_bus_unmap(void *opaque, void *host, uint64_t len, bool write,
                    uint64_t accessed)
{
    SfabAccelState *s = opaque;

    pci_dma_unmap(&s->parent_obj, host, len, sfab_bus_direction(write),
                  accessed);
}

void sfab_bus_hbm_written(void *opaque, uint64_t offset, uint64_t len)
{
    SfabAccelState *s = opaque;

    memory_region_set_dirty(s->hbm, offset, len);
}

void sfab_bus_flush_irqs(SfabAccelState *s)
{
    unsigned long vector;

    for (vector = find_first_bit(s->irqs, s->num_vectors);
         vector < s->num_vectors;
         vector = find_next_bit(s->irqs, s->num_vectors, vector + 1)) {
        clear_bit_atomic(vector, s->irqs);
        if (!s->gone && !s->removed) {
            trace_sfab_bus_irq(s->id, vector);
            msix_notify(&s->parent_obj, vector);
        }
    }
}

void sfab_bus_drop_irqs(SfabAccelState *s)
{
    bitmap_test_and_clear_atomic(s->irqs, 0, s->num_vectors);
}

/* From any thread. What the vector announces is visible before it is raised. */
void sfab_bus_irq(void *opaque, unsigned int vector)
{
    SfabAccelState *s = opaque;

    set_bit_atomic(vector, s->irqs);
    if (s->sync) {
        sfab_bus_flush_irqs(s);
    } else {
        qemu_bh_schedule(s->irq_bh);
    }
}

static void sfab_bus_irq_bh(void *opaque)
{
    sfab_bus_flush_irqs(opaque);
}

void sfab_bus_init(SfabAccelState *s)
{
    DeviceState *dev = DEVICE(s);

    /* Without room for bounce buffers a mapping of anything but RAM fails. */
    s->parent_obj.bus_master_as.max_bounce_buffer_size = 0;
    s->irq_bh = qemu_bh_new_guarded(sfab_bus_irq_bh, s,
                                    &dev->mem_reentrancy_guard);
}

void sfab_bus_finalize(SfabAccelState *s)
{
    if (s->irq_bh) {
        qemu_bh_delete(s->irq_bh);
    }
}
