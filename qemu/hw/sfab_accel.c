/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sfab accelerator: the PCI function
 *
 * A processing accelerator with its own memory (HBM), as docs/specs/sfab.rst
 * describes it:
 *
 *   -object memory-backend-ram,id=hbm0,size=1G
 *   -device pcie-root-port,id=port0,slot=0
 *   -device sfab-accel,bus=port0,hbmdev=hbm0
 */

#include "qemu/osdep.h"
#include <math.h>
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_aer.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/cutils.h"
#include "qemu/guest-random.h"
#include "qemu/host-utils.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "system/cpu-timers.h"
#include "sfab_accel.h"
#include "trace.h"

#define SFAB_VENDOR_ID          0x1234
#define SFAB_DEVICE_ID          0x5fab
#define SFAB_REVISION           0x01
#define SFAB_CLASS              0x1200

#define SFAB_PM_OFFSET          0x40
#define SFAB_EXP_OFFSET         0x48
#define SFAB_MSIX_OFFSET        0x90
#define SFAB_AER_OFFSET         0x100

#define SFAB_ACCEL_EIDS         4096

#define SFAB_HBM_MIN            (64 * MiB)
#define SFAB_HBM_MAX            (64 * GiB)

/* MSI-X: the table, then the pending bits on a page of their own. */
#define SFAB_PBA_OFFSET         0x8000

static uint64_t sfab_void_read(void *opaque, hwaddr addr, unsigned int size)
{
    return UINT64_MAX;
}

static void sfab_void_write(void *opaque, hwaddr addr, uint64_t value,
                            unsigned int size)
{
}

/* What answers a read where no memory is: nobody, so the root complex does. */
static const MemoryRegionOps sfab_void_ops = {
    .read = sfab_void_read,
    .write = sfab_void_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid.max_access_size = 8,
    .valid.unaligned = true,
    .impl.max_access_size = 8,
    .impl.unaligned = true,
};

static uint64_t sfab_register_read(void *opaque, hwaddr addr, unsigned int size)
{
    SfabAccelState *s = opaque;
    uint64_t value = sfab_core_read(s->core, addr, size);

    trace_sfab_accel_read(s->id, addr, size, value);
    return value;
}

static void sfab_register_write(void *opaque, hwaddr addr, uint64_t value,
                                unsigned int size)
{
    SfabAccelState *s = opaque;

    trace_sfab_accel_write(s->id, addr, size, value);
    sfab_engines_write(s, addr, value, size);
}

/* The core judges width and alignment, and logs what is wrong with them. */
static const MemoryRegionOps sfab_register_ops = {
    .read = sfab_register_read,
    .write = sfab_register_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid.max_access_size = 8,
    .valid.unaligned = true,
    .impl.max_access_size = 8,
    .impl.unaligned = true,
};

static uint64_t sfab_now(void *opaque)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static const struct sfab_ops sfab_accel_ops = {
    .batch_begin = sfab_bus_begin,
    .batch_end = sfab_bus_end,
    .map = sfab_bus_map,
    .unmap = sfab_bus_unmap,
    .irq = sfab_bus_irq,
    .kick = sfab_engine_kick,
    .now = sfab_now,
    .hbm_written = sfab_bus_hbm_written,
    .guest_error = sfab_event_guest_error,
    .event = sfab_event_trace,
    .fabric_wake = sfab_ports_wake,
    .fibre_ring = sfab_ports_ring,
};

static bool sfab_check_range(const char *name, uint32_t value, uint32_t min,
                             uint32_t max, Error **errp)
{
    if (value >= min && value <= max) {
        return true;
    }
    error_setg(errp, "property '" TYPE_SFAB_ACCEL ".%s' is %u; "
               "give a number from %u to %u", name, value, min, max);
    return false;
}

static bool sfab_check_number(const char *name, uint32_t value, uint32_t max,
                              Error **errp)
{
    return sfab_check_range(name, value, 1, max, errp);
}

static bool sfab_check_ports(SfabPorts *p, Error **errp)
{
    return sfab_check_range("ports", p->num, 0, SFAB_ACCEL_PORTS, errp) &&
           sfab_check_number("paths", p->paths, SFAB_MAX_PATHS, errp) &&
           sfab_check_number("segments", p->segments, SFAB_MAX_SEGMENTS,
                             errp) &&
           sfab_check_number("imports", p->imports, SFAB_MAX_IMPORTS, errp) &&
           sfab_check_range("eids", p->eids, 2, SFAB_ACCEL_EIDS, errp) &&
           sfab_check_number("lanes", p->lanes, 16, errp) &&
           sfab_check_number("lane-rate", p->lane_rate, UINT16_MAX, errp) &&
           sfab_check_range("x-crc-errors", p->crc_errors, 0, 1000000, errp);
}

static bool sfab_check_properties(SfabAccelState *s, Error **errp)
{
    g_autofree char *size = NULL;
    MemoryRegion *mr;

    if (!sfab_check_number("queues", s->num_queues, SFAB_MAX_QUEUES, errp) ||
        !sfab_check_number("vms", s->num_vms, SFAB_MAX_VMS, errp) ||
        !sfab_check_number("engines", s->num_engines, SFAB_MAX_ENGINES, errp) ||
        !sfab_check_number("vectors", s->num_vectors, SFAB_MAX_VECTORS, errp) ||
        !sfab_check_ports(&s->ports, errp)) {
        return false;
    }
    if (!s->hbmdev) {
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".hbmdev' is not set; "
                   "name a memory backend, as in -object memory-backend-ram,"
                   "id=hbm0,size=1G -device " TYPE_SFAB_ACCEL ",hbmdev=hbm0");
        return false;
    }
    mr = host_memory_backend_get_memory(s->hbmdev);
    if (host_memory_backend_is_mapped(s->hbmdev)) {
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".hbmdev' is '%s', which "
                   "is in use already; give every device its own backend",
                   object_get_canonical_path_component(OBJECT(s->hbmdev)));
        return false;
    }
    if (memory_region_is_rom(mr)) {
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".hbmdev' is '%s', which "
                   "is read-only; HBM needs a backend with rom=off",
                   object_get_canonical_path_component(OBJECT(s->hbmdev)));
        return false;
    }
    s->hbm_size = memory_region_size(mr);
    if (s->hbm_size < SFAB_HBM_MIN || s->hbm_size > SFAB_HBM_MAX ||
        s->hbm_size % SFAB_HBM_ALIGN) {
        size = size_to_str(s->hbm_size);
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".hbmdev' is '%s' of %s "
                   "(%" PRIu64 " bytes); give the backend a size from 64 MiB "
                   "to 64 GiB that is a multiple of 2 MiB",
                   object_get_canonical_path_component(OBJECT(s->hbmdev)), size,
                   s->hbm_size);
        return false;
    }
    return true;
}

static bool sfab_create_core(SfabAccelState *s, Error **errp)
{
    struct sfab_config config = {
        .hbm = memory_region_get_ram_ptr(s->hbm),
        .hbm_size = s->hbm_size,
        .queues = s->num_queues,
        .vms = s->num_vms,
        .engines = s->num_engines,
        .vectors = s->num_vectors,
        .peer = s->p2p,
        .serial = s->serial,
        .ports = s->ports.num,
        .paths = s->ports.paths,
        .segments = s->ports.segments,
        .imports = s->ports.imports,
        .eids = s->ports.eids,
        .lanes = s->ports.lanes,
        .lane_rate = s->ports.lane_rate,
        .rate_scale = s->ports.rate_scale,
        .crc_errors = s->ports.crc_errors,
        .seed = s->ports.seed,
        .solo = s->sync,
    };
    const char *why = "out of memory";

    qemu_guest_getrandom_nofail(&config.entropy, sizeof(config.entropy));
    memcpy(config.uuid, s->uuid.data, sizeof(config.uuid));
    s->core = sfab_core_create(&config, &sfab_accel_ops, s, &why);
    if (!s->core) {
        error_setg(errp, TYPE_SFAB_ACCEL " %s: %s", s->id, why);
        return false;
    }
    return true;
}

static void sfab_init_bars(SfabAccelState *s)
{
    static const char *const name[] = { "sfab-bar0", "sfab-bar2", "sfab-bar4" };
    const uint64_t size[] = { SFAB_BAR0_SIZE, pow2ceil(s->hbm_size), 64 * KiB };
    const uint8_t type[] = { 0, PCI_BASE_ADDRESS_MEM_PREFETCH, 0 };
    unsigned int i;

    for (i = 0; i < ARRAY_SIZE(s->bar); i++) {
        memory_region_init_io(&s->bar[i], OBJECT(s), &sfab_void_ops, s, name[i],
                              size[i]);
        pci_register_bar(&s->parent_obj, 2 * i, type[i] |
                         PCI_BASE_ADDRESS_SPACE_MEMORY |
                         PCI_BASE_ADDRESS_MEM_TYPE_64, &s->bar[i]);
    }
    memory_region_init_io(&s->registers, OBJECT(s), &sfab_register_ops, s,
                          "sfab-registers", SFAB_BAR0_SIZE);
    memory_region_add_subregion(&s->bar[0], 0, &s->registers);

    host_memory_backend_set_mapped(s->hbmdev, true);
    vmstate_register_ram(s->hbm, DEVICE(s));
    memory_region_add_subregion(&s->bar[1], 0, s->hbm);
}

/* A subregion holds a reference on its owner, which may be ourselves. */
static void sfab_exit_bars(SfabAccelState *s)
{
    memory_region_del_subregion(&s->bar[0], &s->registers);
    memory_region_del_subregion(&s->bar[1], s->hbm);
    memory_region_set_enabled(s->hbm, true);
    vmstate_unregister_ram(s->hbm, DEVICE(s));
    host_memory_backend_set_mapped(s->hbmdev, false);
}

static bool sfab_init_capabilities(SfabAccelState *s, Error **errp)
{
    PCIDevice *dev = &s->parent_obj;
    uint8_t *exp;
    unsigned int i;

    if (pci_pm_init(dev, SFAB_PM_OFFSET, errp) < 0) {
        return false;
    }
    pci_set_word(dev->config + dev->pm_cap + PCI_PM_PMC, PCI_PM_CAP_VER_1_2);
    pci_set_word(dev->config + dev->pm_cap + PCI_PM_CTRL,
                 PCI_PM_CTRL_NO_SOFT_RESET);
    pci_set_word(dev->wmask + dev->pm_cap + PCI_PM_CTRL,
                 PCI_PM_CTRL_STATE_MASK);

    if (pcie_endpoint_cap_init(dev, SFAB_EXP_OFFSET) < 0) {
        error_setg(errp, TYPE_SFAB_ACCEL " %s: no room for the PCI Express "
                   "capability", s->id);
        return false;
    }
    pcie_cap_deverr_init(dev);
    pcie_cap_flr_init(dev);
    exp = dev->config + dev->exp.exp_cap;
    pci_long_test_and_set_mask(exp + PCI_EXP_DEVCAP2,
                               PCI_EXP_DEVCAP2_ATOMIC_COMP32 |
                               PCI_EXP_DEVCAP2_ATOMIC_COMP64);
    pci_word_test_and_set_mask(dev->wmask + dev->exp.exp_cap + PCI_EXP_DEVCTL2,
                               PCI_EXP_DEVCTL2_ATOMIC_REQ);

    if (msix_init(dev, s->num_vectors, &s->bar[2], 4, 0, &s->bar[2], 4,
                  SFAB_PBA_OFFSET, SFAB_MSIX_OFFSET, errp) < 0) {
        return false;
    }
    for (i = 0; i < s->num_vectors; i++) {
        msix_vector_use(dev, i);
    }
    if (pcie_aer_init(dev, PCI_ERR_VER, SFAB_AER_OFFSET, PCI_ERR_SIZEOF,
                      errp) < 0) {
        msix_uninit(dev, &s->bar[2], &s->bar[2]);
        return false;
    }
    return true;
}

static void sfab_accel_realize(PCIDevice *dev, Error **errp)
{
    SfabAccelState *s = SFAB_ACCEL(dev);

    s->id = g_strdup(DEVICE(s)->id);
    if (!s->id) {
        s->id = qdev_get_dev_path(DEVICE(s));
    }
    if (!sfab_check_properties(s, errp)) {
        return;
    }
    s->hbm = host_memory_backend_get_memory(s->hbmdev);
    s->sync |= icount_enabled();
    sfab_identity_derive(s);
    if (!sfab_create_core(s, errp) || !sfab_ports_claim(s, errp)) {
        return;
    }
    sfab_init_bars(s);
    if (!sfab_init_capabilities(s, errp)) {
        sfab_exit_bars(s);
        sfab_ports_release(s);
        return;
    }
    sfab_bus_init(s);
    sfab_ports_start(s);
    sfab_engines_start(s);
}

/* An engine may still be inside a slice: what it needs goes with finalize. */
static void sfab_accel_exit(PCIDevice *dev)
{
    SfabAccelState *s = SFAB_ACCEL(dev);

    s->gone = true;
    sfab_engines_stop(s);
    sfab_ports_stop(s);
    pcie_aer_exit(dev);
    msix_uninit(dev, &s->bar[2], &s->bar[2]);
    pcie_cap_exit(dev);
    sfab_exit_bars(s);
}

static void sfab_accel_finalize(Object *obj)
{
    SfabAccelState *s = SFAB_ACCEL(obj);

    sfab_engines_finalize(s);
    sfab_ports_finalize(s);
    sfab_bus_finalize(s);
    sfab_core_destroy(s->core);
    g_free(s->id);
}

/* PCIe and MSI-X state is reset by the PCI bus. */
static void sfab_accel_reset_hold(Object *obj, ResetType type)
{
    SfabAccelState *s = SFAB_ACCEL(obj);
    PCIDevice *dev = &s->parent_obj;
    bool flr = pci_get_word(dev->config + dev->exp.exp_cap + PCI_EXP_DEVCTL) &
               PCI_EXP_DEVCTL_BCR_FLR;

    sfab_bus_drop_irqs(s);
    sfab_core_reset(s->core, flr ? SFAB_RESET_FLR : SFAB_RESET_BUS);
    sfab_engines_settle(s);
    pcie_cap_deverr_reset(dev);
}

static uint32_t sfab_accel_config_read(PCIDevice *dev, uint32_t addr, int len)
{
    SfabAccelState *s = SFAB_ACCEL(dev);

    if (s->removed) {
        return MAKE_64BIT_MASK(0, len * 8);
    }
    return pci_default_read_config(dev, addr, len);
}

static void sfab_accel_config_write(PCIDevice *dev, uint32_t addr, uint32_t val,
                                    int len)
{
    SfabAccelState *s = SFAB_ACCEL(dev);

    if (s->removed) {
        return;
    }
    pci_default_write_config(dev, addr, val, len);
    pcie_cap_flr_write_config(dev, addr, val, len);
    pcie_aer_write_config(dev, addr, val, len);
}

static bool sfab_accel_get_removed(Object *obj, Error **errp)
{
    return SFAB_ACCEL(obj)->removed;
}

/* As if the card had been pulled: no access is answered, none is made. */
static void sfab_accel_set_removed(Object *obj, bool removed, Error **errp)
{
    SfabAccelState *s = SFAB_ACCEL(obj);

    if (!DEVICE(s)->realized) {
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".x-surprise-removed' "
                   "can be set on a plugged device only; use qom-set");
        return;
    }
    trace_sfab_accel_removed(s->id, removed);
    s->removed = removed;
    memory_region_set_enabled(&s->registers, !removed);
    memory_region_set_enabled(s->hbm, !removed);
    memory_region_set_enabled(&s->parent_obj.msix_table_mmio, !removed);
    memory_region_set_enabled(&s->parent_obj.msix_pba_mmio, !removed);
    sfab_ports_pull(s, removed);
    if (removed) {
        sfab_bus_drop_irqs(s);
        sfab_core_reset(s->core, SFAB_RESET_BUS);
    }
    sfab_engines_settle(s);
}

static void sfab_accel_get_rate_scale(Object *obj, Visitor *v, const char *name,
                                      void *opaque, Error **errp)
{
    visit_type_number(v, name, &SFAB_ACCEL(obj)->ports.rate_scale, errp);
}

static void sfab_accel_set_rate_scale(Object *obj, Visitor *v, const char *name,
                                      void *opaque, Error **errp)
{
    SfabAccelState *s = SFAB_ACCEL(obj);
    double value;

    if (!visit_type_number(v, name, &value, errp)) {
        return;
    }
    if (!isfinite(value) || value < 0) {
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".rate-scale' is %g; "
                   "give 0 for links as fast as the host, or the fraction of their "
                   "rate that they shall have", value);
    } else {
        s->ports.rate_scale = value;
        if (s->ports.fabric) {
            sfab_fabric_pace(s->ports.fabric, value);
        }
    }
}

/* What the HBM holds there is lost, until it is overwritten. */
static void sfab_accel_set_poison(Object *obj, Visitor *v, const char *name,
                                  void *opaque, Error **errp)
{
    SfabAccelState *s = SFAB_ACCEL(obj);
    uint64_t offset;

    if (!visit_type_uint64(v, name, &offset, errp)) {
        return;
    }
    if (!DEVICE(s)->realized) {
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".x-poison' can be set "
                   "on a plugged device only; use qom-set");
        return;
    }
    switch (sfab_core_poison(s->core, offset)) {
    case 0:
        trace_sfab_accel_poison(s->id, offset);
        break;
    case -EINVAL:
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".x-poison': offset 0x%"
                   PRIx64 " is beyond the HBM of 0x%" PRIx64 " bytes", offset,
                   s->hbm_size);
        break;
    default:
        error_setg(errp, "property '" TYPE_SFAB_ACCEL ".x-poison': 64 places "
                   "are poisoned already; overwrite some of them first");
    }
}

static const Property sfab_accel_properties[] = {
    DEFINE_PROP_LINK("hbmdev", SfabAccelState, hbmdev, TYPE_MEMORY_BACKEND,
                     HostMemoryBackend *),
    DEFINE_PROP_UUID_NODEFAULT("uuid", SfabAccelState, uuid),
    DEFINE_PROP_UINT64("serial", SfabAccelState, serial, 0),
    DEFINE_PROP_UINT32("queues", SfabAccelState, num_queues, 64),
    DEFINE_PROP_UINT32("vms", SfabAccelState, num_vms, 64),
    DEFINE_PROP_UINT32("engines", SfabAccelState, num_engines, 2),
    DEFINE_PROP_UINT32("vectors", SfabAccelState, num_vectors, 65),
    DEFINE_PROP_BOOL("p2p", SfabAccelState, p2p, true),
    DEFINE_PROP_BOOL("x-engine-sync", SfabAccelState, sync, false),
    DEFINE_PROP_UINT32("ports", SfabAccelState, ports.num, 4),
    DEFINE_PROP_UINT32("paths", SfabAccelState, ports.paths, 1),
    DEFINE_PROP_UINT32("segments", SfabAccelState, ports.segments, 256),
    DEFINE_PROP_UINT32("imports", SfabAccelState, ports.imports, 256),
    DEFINE_PROP_UINT32("eids", SfabAccelState, ports.eids, SFAB_ACCEL_EIDS),
    DEFINE_PROP_UINT32("lanes", SfabAccelState, ports.lanes, 8),
    DEFINE_PROP_UINT32("lane-rate", SfabAccelState, ports.lane_rate, 112),
    DEFINE_PROP_UINT32("x-crc-errors", SfabAccelState, ports.crc_errors, 0),
    DEFINE_PROP_UINT64("x-seed", SfabAccelState, ports.seed, 1),
};

static const struct {
    const char *name;
    const char *description;
} sfab_accel_descriptions[] = {
    { "hbmdev", "memory backend that is the HBM, 64 MiB to 64 GiB in multiples "
                "of 2 MiB; its content is taken as it is" },
    { "uuid", "identity of the device; without it, derived from the VM's -uuid "
              "or -name and the device's place" },
    { "serial", "serial number; 0 derives one from the uuid" },
    { "queues", "number of command queues, 1 to 128" },
    { "vms", "number of device address spaces, 1 to 128" },
    { "engines", "number of engines (commands that run in parallel), 1 to 8" },
    { "vectors", "number of MSI-X vectors, 1 to 2048" },
    { "p2p", "whether the device can reach other devices' BARs" },
    { "x-engine-sync", "run the engines inside the doorbell, as under icount" },
    { "x-surprise-removed", "answer no access, as if the card had been pulled; "
                            "to be set at run time, for tests of drivers" },
    { "ports", "number of fabric ports, 0 to 16; 0 for no fabric" },
    { "paths", "light paths of each port, 1 to 4" },
    { "segments", "number of segments it can export, 1 to 1024" },
    { "imports", "number of segments it can import, 1 to 1024" },
    { "eids", "size of the route table, 2 to 4096" },
    { "lanes", "lanes of each port, 1 to 16" },
    { "lane-rate", "Gb/s of each lane" },
    { "rate-scale", "fraction of lanes * lane-rate at which a port sends; 0 "
                    "for as fast as the host can" },
    { "x-crc-errors", "packets of a million that arrive damaged" },
    { "x-seed", "seed of the damage that is drawn" },
    { "x-poison", "HBM offset that becomes poisoned; to be set at run time" },
};

static void sfab_accel_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    ResettableClass *rc = RESETTABLE_CLASS(oc);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(oc);
    unsigned int i;

    pc->realize = sfab_accel_realize;
    pc->exit = sfab_accel_exit;
    pc->config_read = sfab_accel_config_read;
    pc->config_write = sfab_accel_config_write;
    pc->vendor_id = SFAB_VENDOR_ID;
    pc->device_id = SFAB_DEVICE_ID;
    pc->revision = SFAB_REVISION;
    pc->class_id = SFAB_CLASS;

    rc->phases.hold = sfab_accel_reset_hold;
    dc->desc = "sfab accelerator";
    dc->vmsd = &vmstate_sfab_accel;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    device_class_set_props(dc, sfab_accel_properties);
    object_class_property_add_bool(oc, "x-surprise-removed",
                                   sfab_accel_get_removed,
                                   sfab_accel_set_removed);
    object_class_property_add(oc, "rate-scale", "number",
                              sfab_accel_get_rate_scale,
                              sfab_accel_set_rate_scale, NULL, NULL);
    object_class_property_add(oc, "x-poison", "uint64", NULL,
                              sfab_accel_set_poison, NULL, NULL);
    sfab_optics_add_properties(oc);
    for (i = 0; i < ARRAY_SIZE(sfab_accel_descriptions); i++) {
        object_class_property_set_description(oc,
                                        sfab_accel_descriptions[i].name,
                                        sfab_accel_descriptions[i].description);
    }
}

static const TypeInfo sfab_accel_info = {
    .name = TYPE_SFAB_ACCEL,
    .parent = TYPE_PCI_DEVICE,
    .instance_size = sizeof(SfabAccelState),
    .instance_init = sfab_ports_add_properties,
    .instance_finalize = sfab_accel_finalize,
    .class_init = sfab_accel_class_init,
    .interfaces = (InterfaceInfo[]) {
        { INTERFACE_PCIE_DEVICE },
        { }
    },
};

static void sfab_accel_register_types(void)
{
    type_register_static(&sfab_accel_info);
}

type_init(sfab_accel_register_types)
