/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sfab accelerator: saving and loading a VM
 *
 * The engines are parked while the VM is stopped, so the core is saved between
 * two slices; a command that had begun goes on at the other end. The HBM is RAM
 * of its memory backend and travels as such.
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie_aer.h"
#include "sfab_accel.h"

static int sfab_accel_pre_save(void *opaque)
{
    SfabAccelState *s = opaque;

    if (!s->parked) {
        error_report("%s %s: an engine is still inside a slice, its state "
                     "cannot be saved; stop the VM and try again",
                     TYPE_SFAB_ACCEL, s->id);
        return -EBUSY;
    }
    sfab_core_save(s->core, &s->state);
    return 0;
}

static int sfab_accel_post_load(void *opaque, int version_id)
{
    SfabAccelState *s = opaque;
    const char *why = NULL;
    int ret;

    ret = sfab_core_load(s->core, &s->state, &why);
    if (ret < 0) {
        error_report("%s %s: the saved state is not valid: %s",
                     TYPE_SFAB_ACCEL, s->id, why);
    }
    return ret;
}

static const VMStateDescription vmstate_sfab_vm = {
    .name = TYPE_SFAB_ACCEL "/vm",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(root, struct sfab_vm_state),
        VMSTATE_UINT32(root_lo, struct sfab_vm_state),
        VMSTATE_UINT32(inv, struct sfab_vm_state),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_sfab_queue = {
    .name = TYPE_SFAB_ACCEL "/queue",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(base, struct sfab_queue_state),
        VMSTATE_UINT64(timeline, struct sfab_queue_state),
        VMSTATE_UINT32(base_lo, struct sfab_queue_state),
        VMSTATE_UINT32(timeline_lo, struct sfab_queue_state),
        VMSTATE_UINT32(size, struct sfab_queue_state),
        VMSTATE_UINT32(vm, struct sfab_queue_state),
        VMSTATE_UINT32(vector, struct sfab_queue_state),
        VMSTATE_UINT32(enabled, struct sfab_queue_state),
        VMSTATE_UINT32(head, struct sfab_queue_state),
        VMSTATE_UINT32(tail, struct sfab_queue_state),
        VMSTATE_UINT32(fault, struct sfab_queue_state),
        VMSTATE_UINT32(fault_index, struct sfab_queue_state),
        VMSTATE_UINT64(fault_addr, struct sfab_queue_state),
        VMSTATE_UINT32(phase, struct sfab_queue_state),
        VMSTATE_UINT64(offset, struct sfab_queue_state),
        VMSTATE_UINT64(deadline, struct sfab_queue_state),
        VMSTATE_UINT64_ARRAY(command, struct sfab_queue_state, 8),
        VMSTATE_UINT32(arm_lo, struct sfab_queue_state),
        VMSTATE_UINT64(completed, struct sfab_queue_state),
        VMSTATE_UINT64(arm, struct sfab_queue_state),
        VMSTATE_END_OF_LIST()
    },
};

#define SFAB_SAME(name) "Give " TYPE_SFAB_ACCEL " the same " name \
                        " on source and destination."

const VMStateDescription vmstate_sfab_accel = {
    .name = TYPE_SFAB_ACCEL,
    .version_id = 3,
    .minimum_version_id = 3,
    .pre_save = sfab_accel_pre_save,
    .post_load = sfab_accel_post_load,
    .fields = (const VMStateField[]) {
        /* First what has to be the same, for errors that name it. */
        VMSTATE_UINT32_EQUAL(num_queues, SfabAccelState, SFAB_SAME("queues")),
        VMSTATE_UINT32_EQUAL(num_vms, SfabAccelState, SFAB_SAME("vms")),
        VMSTATE_UINT32_EQUAL(num_engines, SfabAccelState, SFAB_SAME("engines")),
        VMSTATE_UINT32_EQUAL(num_vectors, SfabAccelState, SFAB_SAME("vectors")),
        VMSTATE_UINT64_EQUAL(hbm_size, SfabAccelState,
                             SFAB_SAME("size of hbmdev")),
        VMSTATE_UINT64_EQUAL(serial, SfabAccelState,
                             SFAB_SAME("serial (or the VM the same -uuid)")),
        VMSTATE_PCI_DEVICE(parent_obj, SfabAccelState),
        VMSTATE_STRUCT(parent_obj.exp.aer_log, SfabAccelState, 0,
                       vmstate_pcie_aer_log, PCIEAERLog),
        VMSTATE_MSIX(parent_obj, SfabAccelState),
        VMSTATE_UINT32(state.ctrl, SfabAccelState),
        VMSTATE_UINT32(state.scratch, SfabAccelState),
        VMSTATE_UINT32(state.int_status, SfabAccelState),
        VMSTATE_UINT32(state.int_enable, SfabAccelState),
        VMSTATE_UINT64(state.time, SfabAccelState),
        VMSTATE_UINT64_ARRAY(state.queue_event, SfabAccelState, 2),
        VMSTATE_UINT64_ARRAY(state.queue_fault, SfabAccelState, 2),
        VMSTATE_UINT64_ARRAY(state.counter, SfabAccelState, SFAB_NUM_COUNTERS),
        VMSTATE_STRUCT_VARRAY_UINT32(state.vm, SfabAccelState, num_vms, 1,
                                     vmstate_sfab_vm, struct sfab_vm_state),
        VMSTATE_STRUCT_VARRAY_UINT32(state.queue, SfabAccelState, num_queues, 1,
                                     vmstate_sfab_queue,
                                     struct sfab_queue_state),
        VMSTATE_END_OF_LIST()
    },
};
