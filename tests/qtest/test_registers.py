# SPDX-License-Identifier: MIT
"""BAR 0: reset values, access rules, TIME."""

import unittest

import sfab
from sfab import Lab

RESET_VALUES_32 = {
    sfab.MAGIC: 0x42414653, sfab.VERSION: 0x00010002, sfab.NUM_QUEUES: 64, sfab.NUM_VMS: 64,
    sfab.NUM_ENGINES: 2, sfab.NUM_VECTORS: 65, sfab.VA_BITS: 48, sfab.MAX_RING_LOG2: 16,
    sfab.CTRL: 0, sfab.STATUS: sfab.READY, sfab.RESET: 0, sfab.SCRATCH: 0, sfab.INT_STATUS: 0,
    sfab.INT_ENABLE: 0,
}
READ_ONLY = (sfab.MAGIC, sfab.VERSION, sfab.CAPS, sfab.HBM_SIZE, sfab.NUM_QUEUES, sfab.NUM_VMS,
             sfab.NUM_ENGINES, sfab.NUM_VECTORS, sfab.SERIAL, sfab.UUID, sfab.VA_BITS,
             sfab.MAX_RING_LOG2, sfab.STATUS, sfab.COUNTER)
VM0, QUEUE0 = 0x1000, 0x4000


class Registers(unittest.TestCase):

    def setUp(self):
        self.lab = self.enterContext(Lab(bring_up=False))
        self.accel = self.lab.accels[0]

    def errors(self):
        return len(self.lab.machine.guest_errors())

    def test_reset_values(self):
        for offset, value in RESET_VALUES_32.items():
            self.assertEqual(self.accel.r32(offset), value, hex(offset))
        self.assertEqual(self.accel.r64(sfab.CAPS), 0x7f)
        self.assertEqual(self.accel.r64(sfab.HBM_SIZE), self.lab.hbms[0].size)
        for offset in (sfab.QUEUE_EVENT, sfab.QUEUE_EVENT + 8, sfab.QUEUE_FAULT,
                       sfab.QUEUE_FAULT + 8, VM0 + sfab.VM_ROOT, QUEUE0 + sfab.Q_BASE,
                       QUEUE0 + sfab.Q_TIMELINE, QUEUE0 + sfab.Q_FAULT_ADDR):
            self.assertEqual(self.accel.r64(offset), 0, hex(offset))
        for counter in range(8):
            self.assertEqual(self.accel.counter(counter), 0)
        self.assertEqual(self.accel.r32(QUEUE0 + sfab.Q_STATUS), sfab.Q_IDLE)
        self.assertEqual(self.lab.machine.guest_errors(), [])

    def test_read_only(self):
        for offset in READ_ONLY:
            before, errors = self.accel.r32(offset), self.errors()
            self.accel.w32(offset, ~before & 0xffffffff)
            self.assertEqual(self.accel.r32(offset), before, hex(offset))
            self.assertGreater(self.errors(), errors, f"{offset:#x} is not logged")

    def test_read_write(self):
        for offset, bits in ((sfab.SCRATCH, 0xffffffff), (sfab.CTRL, 1),
                             (sfab.INT_ENABLE, 0x7f)):
            self.accel.w32(offset, 0xffffffff)
            self.assertEqual(self.accel.r32(offset), bits, hex(offset))
            self.accel.w32(offset, 0)
            self.assertEqual(self.accel.r32(offset), 0, hex(offset))
        self.accel.w64(VM0 + sfab.VM_ROOT, (1 << 64) - 1)
        self.assertEqual(self.accel.r64(VM0 + sfab.VM_ROOT), 0x0000fffffffff001)

    def test_wide_register_by_halves(self):
        base = QUEUE0 + sfab.Q_BASE
        self.accel.w64(base, 0x1000)
        self.accel.w32(base, 0x55555000)
        self.assertEqual(self.accel.r64(base), 0x1000, "the lower half has no effect yet")
        self.accel.w32(base + 4, 0x77)
        self.assertEqual(self.accel.r64(base), 0x7755555000)
        self.assertEqual(self.accel.r32(base + 4), 0x77)

    def test_other_accesses_are_refused(self):
        machine, bar0 = self.lab.machine, self.accel.bar0
        self.accel.w32(sfab.SCRATCH, 0x01020304)
        for offset, size in ((sfab.SCRATCH, 1), (sfab.SCRATCH, 2), (sfab.SCRATCH + 2, 2),
                             (sfab.SCRATCH + 1, 4), (sfab.SCRATCH - 4, 8), (sfab.SCRATCH, 8),
                             (sfab.HBM_SIZE + 4, 8), (sfab.MAGIC, 8), (0x0114 + 2, 4),
                             (0x0074, 4), (0x2000, 4), (0xf000, 4), (0x94000, 4), (0xffffc, 4),
                             (0x10004, 4), (0x1010, 4), (0x4034, 2), (0x4034 - 4, 8), (0x10000, 8)):
            errors = self.errors()
            self.assertEqual(machine.read(bar0 + offset, size), 0, f"{offset:#x} size {size}")
            machine.write(bar0 + offset, (1 << 8 * size) - 1, size)
            self.assertGreaterEqual(self.errors(), errors + 2,
                                    f"{offset:#x} size {size} is not logged")
        self.assertEqual(self.accel.r32(sfab.SCRATCH), 0x01020304)

    def test_reset_needs_its_key(self):
        self.accel.w32(sfab.SCRATCH, 5)
        self.accel.w32(sfab.RESET, 1)
        self.assertEqual(self.accel.r32(sfab.SCRATCH), 5)
        self.accel.w32(sfab.RESET, sfab.RESET_KEY)
        self.assertEqual(self.accel.r32(sfab.SCRATCH), 0)
        self.assertEqual(self.accel.r32(sfab.INT_STATUS), sfab.INT_RESET)
        self.accel.w32(sfab.INT_STATUS, sfab.INT_RESET)
        self.assertEqual(self.accel.r32(sfab.INT_STATUS), 0)

    def test_time_follows_the_clock(self):
        before = self.accel.r64(sfab.TIME)
        self.lab.machine.clock(123456)
        self.assertEqual(self.accel.r64(sfab.TIME), before + 123456)
        self.accel.w32(sfab.RESET, sfab.RESET_KEY)
        self.assertEqual(self.accel.r64(sfab.TIME), before + 123456)

    def test_queue_configuration_is_checked(self):
        good = {sfab.Q_SIZE: 2, sfab.Q_VM: 63, sfab.Q_VECTOR: 64}
        bad = ({sfab.Q_SIZE: 1}, {sfab.Q_SIZE: 17}, {sfab.Q_SIZE: 0xffffffff},
               {sfab.Q_VM: 64}, {sfab.Q_VECTOR: 65}, {sfab.Q_BASE: 0x1800},
               {sfab.Q_TIMELINE: 0x2004})
        for wrong in ({}, *bad):
            self.accel.w64(QUEUE0 + sfab.Q_BASE, 0x1000)
            self.accel.w64(QUEUE0 + sfab.Q_TIMELINE, 0x2000)
            for offset, value in {**good, **wrong}.items():
                self.accel.w32(QUEUE0 + offset, value)
                if offset in (sfab.Q_BASE, sfab.Q_TIMELINE):
                    self.accel.w32(QUEUE0 + offset + 4, 0)
            errors = self.errors()
            self.accel.w32(QUEUE0 + sfab.Q_CTRL, sfab.Q_ENABLE)
            self.assertEqual(self.accel.r32(QUEUE0 + sfab.Q_CTRL), 0 if wrong else 1, wrong)
            self.assertEqual(self.errors() > errors, bool(wrong), wrong)
            self.accel.w32(QUEUE0 + sfab.Q_CTRL, 0)

    def test_enabled_queue_keeps_its_configuration(self):
        self.accel.w32(QUEUE0 + sfab.Q_SIZE, 4)
        self.accel.w32(QUEUE0 + sfab.Q_CTRL, sfab.Q_ENABLE)
        errors = self.errors()
        self.accel.w32(QUEUE0 + sfab.Q_SIZE, 5)
        self.accel.w64(QUEUE0 + sfab.Q_BASE, 0x5000)
        self.assertEqual(self.accel.r32(QUEUE0 + sfab.Q_SIZE), 4)
        self.assertEqual(self.accel.r64(QUEUE0 + sfab.Q_BASE), 0)
        self.assertEqual(self.errors(), errors + 2)

    def test_doorbell_of_a_disabled_queue_is_ignored(self):
        self.accel.w32(sfab.CTRL, 1)
        errors = self.errors()
        self.accel.w32(0x10000, 1)
        self.assertEqual(self.accel.r32(QUEUE0 + sfab.Q_TAIL), 0)
        self.assertEqual(self.errors(), errors + 1)

    def test_nothing_runs_before_ctrl_enable(self):
        self.accel.pci.bus_master(True)
        queue = sfab.Queue(self.accel, 0)
        queue.submit(sfab.command(sfab.NOP, sfab.COMPLETE, timeline=1))
        self.lab.machine.qmp("query-status")
        self.assertEqual((queue.head(), queue.value()), (0, 0))
        self.accel.w32(sfab.CTRL, 1)
        queue.wait_value(1)
