# SPDX-License-Identifier: MIT
"""Intel VT-d, legacy mode, programmed by hand: tables in RAM, one domain per device.

Offsets and formats: Intel Virtualization Technology for Directed I/O, chapters 9
(translation structures) and 11 (registers).
"""

from machine import MiB, until

OPTION = ["-device", "intel-iommu,intremap=off,aw-bits=48"]

BASE = 0xfed90000
ECAP, GCMD, GSTS, RTADDR, CCMD, FSTS = 0x10, 0x18, 0x1c, 0x20, 0x28, 0x34
CAP = 0x08
TRANSLATE, SET_ROOT = 1 << 31, 1 << 30
READ, WRITE, LARGE = 1, 2, 1 << 7
FAULT_WRITE, FAULT_READ, FAULT_NO_CONTEXT = 5, 6, 2

TABLES, TABLES_END = 4 * MiB, 8 * MiB   # in RAM


class Vtd:
    """The IOMMU of a machine; RAM below 8 MiB is mapped one to one for every device."""

    def __init__(self, lab):
        self.machine, self.ram = lab.machine, lab.ram
        self.next_table = TABLES
        self.iotlb = BASE + (self.r64(ECAP) >> 8 & 0x3ff) * 16 + 8
        self.records = BASE + (self.r64(CAP) >> 24 & 0x3ff) * 16
        root = self._table()
        self.domains = {}
        for accel in lab.accels:
            self.add(root, accel)
        self.w64(RTADDR, root)
        self.command(SET_ROOT)
        self.forget()
        self.command(TRANSLATE)

    def add(self, root, accel):
        context, pages = self._table(), self._table()
        self.ram.set_u64(root + 16 * accel.pci.bus, context | 1)
        entry = context + 16 * accel.pci.devfn
        domain = 1 + accel.index
        self.ram.set_u64(entry, pages | 1)
        self.ram.set_u64(entry + 8, domain << 8 | 2)    # four levels
        self.domains[accel] = (pages, domain, entry)
        self.map(accel, 0, 0, 8 * MiB)

    def r64(self, offset):
        return self.machine.read(BASE + offset, 8)

    def w64(self, offset, value):
        self.machine.write(BASE + offset, value, 8)

    def command(self, bit):
        status = self.machine.read(BASE + GSTS, 4) & TRANSLATE
        self.machine.write(BASE + GCMD, status | bit, 4)
        until(lambda: self.machine.read(BASE + GSTS, 4) & bit, "the IOMMU obeys")

    def _table(self):
        table = self.next_table
        self.next_table += 4096
        assert self.next_table <= TABLES_END
        self.ram.write(table, bytes(4096))
        return table

    def _entry(self, accel, iova, level):
        table = self.domains[accel][0]
        for above in range(3, level, -1):
            entry = table + 8 * (iova >> 12 + 9 * above & 511)
            if not self.ram.u64(entry):
                self.ram.set_u64(entry, self._table() | READ | WRITE)
            table = self.ram.u64(entry) & ~0xfff
        return table + 8 * (iova >> 12 + 9 * level & 511)

    def map(self, accel, iova, address, size, rights=READ | WRITE):
        """With 2 MiB pages where they fit; no invalidation."""
        while size > 0:
            large = not (iova | address) & 2 * MiB - 1 and size >= 2 * MiB
            self.ram.set_u64(self._entry(accel, iova, 1 if large else 0),
                             address | rights | (LARGE if large else 0))
            page = 2 * MiB if large else 4096
            iova, address, size = iova + page, address + page, size - page

    def unmap(self, accel, iova, large=False):
        self.ram.set_u64(self._entry(accel, iova, 1 if large else 0), 0)

    def drop_context(self, accel):
        self.ram.set_u64(self.domains[accel][2], 0)

    def forget(self):
        """Invalidate the context cache and the IOTLB, globally."""
        self.w64(CCMD, 1 << 63 | 1 << 61)
        until(lambda: not self.r64(CCMD) >> 63, "the context cache is invalid")
        self.machine.write(self.iotlb, 1 << 63 | 1 << 60, 8)
        until(lambda: not self.machine.read(self.iotlb, 8) >> 63, "the IOTLB is invalid")

    def take_fault(self):
        """(source, reason, page) of the recorded fault, cleared; None without one."""
        high = self.machine.read(self.records + 8, 8)
        if not high >> 63:
            return None
        page = self.machine.read(self.records, 8)
        self.machine.write(self.records + 12, 1 << 31, 4)
        self.machine.write(BASE + FSTS, 0x7f, 4)
        return high & 0xffff, high >> 32 & 0xff, page
