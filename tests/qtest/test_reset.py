# SPDX-License-Identifier: MIT
"""Stopping, resetting and invalidating, all while a copy runs that has no end in sight."""

import time
import unittest

import sfab
from machine import MiB, until
from sfab import BUSY, COMPLETE, HBM, IRQ, READY, SYSTEM, AddressSpace, Lab, Queue, command

HBM_AT, RAM_AT = 32 * MiB, sfab.RAM_FREE


class Reset(unittest.TestCase):

    def setUp(self):
        self.lab = self.enterContext(Lab())
        self.accel = self.lab.accels[0]
        self.begin()

    def begin(self):
        """A copy of 400 GiB from one 2 MiB page of HBM to one of RAM."""
        self.accel.next_table = 0
        self.vm = AddressSpace(self.accel, 0)
        dst = self.vm.mirror(0, SYSTEM, RAM_AT)
        src = self.vm.mirror(1, HBM, HBM_AT)
        self.queue = Queue(self.accel, 0, vector=1)
        self.accel.hbm.write(HBM_AT, b"\x11" * (2 * MiB))
        self.queue.submit(command(sfab.COPY, COMPLETE | IRQ, dst=dst, src=src, size=400 << 30,
                                  timeline=1),
                          command(sfab.NOP, COMPLETE, timeline=2))
        until(lambda: self.lab.ram.read(RAM_AT, 1) == b"\x11", "the copy is under way")

    def check_nothing_moves(self):
        """What stands in RAM now stays there: the copy is over."""
        self.lab.ram.write(RAM_AT, b"\x22" * (2 * MiB))
        time.sleep(0.05)
        self.assertEqual(self.lab.ram.read(RAM_AT, 2 * MiB), b"\x22" * (2 * MiB))
        self.assertEqual(self.queue.value(), 0)

    def check_reset(self, resets):
        """Registers are as after power-on, but for counters; the device can be used again."""
        until(lambda: self.accel.r32(sfab.STATUS) == READY, "the reset has drained", 5)
        self.check_nothing_moves()
        self.assertEqual(self.accel.counter(7), resets)
        self.assertGreater(self.accel.counter(1), 0, "counters survive")
        for offset in (sfab.CTRL, sfab.SCRATCH, sfab.INT_ENABLE, 0x1000, 0x4000, 0x4010, 0x401c,
                       0x4024, 0x4028):
            self.assertEqual(self.accel.r32(offset), 0, hex(offset))
        self.assertEqual(self.accel.hbm.read(HBM_AT, 16), b"\x11" * 16, "HBM keeps its content")
        self.accel.bring_up()
        AddressSpace(self.accel, 0)
        again = Queue(self.accel, 0)
        again.run(command(sfab.NOP, COMPLETE, timeline=3))
        self.assertEqual(again.value(), 3)

    def test_device_reset(self):
        resets = self.accel.counter(7)
        self.accel.w32(sfab.SCRATCH, 5)
        self.accel.w32(sfab.RESET, sfab.RESET_KEY)
        self.check_reset(resets + 1)

    def test_writes_while_resetting_are_ignored(self):
        """RESETTING is seen at least once in many tries, and nothing gets through then."""
        seen = 0
        for _ in range(200):
            self.accel.w32(sfab.RESET, sfab.RESET_KEY)
            self.accel.w32(sfab.SCRATCH, 7)
            if self.accel.r32(sfab.STATUS) & sfab.RESETTING:
                # Still resetting after the write, so it was when the write came.
                seen += 1
                self.assertEqual(self.accel.r32(sfab.SCRATCH), 0)
            until(lambda: self.accel.r32(sfab.STATUS) & READY, "the reset has drained")
            if seen >= 3:
                break
            self.accel.w32(sfab.CTRL, 1)
            self.lab.ram.write(RAM_AT, b"\0")
            self.begin()
        self.assertGreaterEqual(seen, 3)

    def test_function_level_reset(self):
        resets = self.accel.counter(7)
        self.accel.function_level_reset()
        self.assertEqual(self.accel.pci.read(4, 2) & 7, 0, "command register")
        self.assertEqual(self.accel.pci.read(0x10, 4) & ~0xf, 0, "BAR 0")
        self.assertEqual(self.accel.pci.read(self.accel.pci.capability(0x11) + 2, 2) >> 15, 0,
                         "MSI-X is off")
        self.accel.place()
        self.check_reset(resets + 1)

    def test_bus_reset(self):
        resets = self.accel.counter(7)
        self.accel.port.bus_reset()
        self.accel.place()
        self.check_reset(resets)

    def test_machine_reset(self):
        self.lab.machine.qmp("system_reset")
        self.lab.machine.wait_event("RESET")
        sfab.pci.enable_ecam(self.lab.machine)
        self.accel.place()
        self.check_reset(1)

    def test_queue_reset(self):
        self.queue.reset()
        self.check_nothing_moves()
        self.assertEqual((self.queue.head(), self.queue.r32(sfab.Q_TAIL)), (0, 0))
        self.assertEqual(self.accel.counter(5), 1)
        self.queue.configure()
        self.queue.run(command(sfab.NOP, COMPLETE, timeline=3))

    def test_queue_disable_keeps_the_head(self):
        self.queue.accel.w32(self.queue.block + sfab.Q_CTRL, 0)
        until(lambda: not self.queue.status() & sfab.Q_BUSY, "the queue is left")
        self.check_nothing_moves()
        self.assertEqual((self.queue.head(), self.queue.r32(sfab.Q_TAIL)), (0, 2))

    def test_ctrl_disable_stops_and_goes_on(self):
        self.accel.w32(sfab.CTRL, 0)
        until(lambda: not self.accel.r32(sfab.STATUS) & BUSY, "the engines stop")
        self.check_nothing_moves()
        self.accel.w32(sfab.CTRL, 1)
        until(lambda: self.lab.ram.read(RAM_AT, 1) == b"\x11", "the copy goes on")

    def test_invalidation_ends_the_use_of_a_page(self):
        """After VM_INV_DONE the old page is left alone, and the new one is used."""
        other = RAM_AT + 4 * MiB
        self.lab.ram.write(other, bytes(2 * MiB))
        self.vm.mirror(0, SYSTEM, other)
        until(self.vm.invalidate(), "the invalidation is complete", 5)
        self.check_nothing_moves()
        until(lambda: self.lab.ram.read(other, 1) == b"\x11", "the new page is written")

    def test_unmapping_faults_the_copy(self):
        self.vm.set_pte(0, 0, 3)
        until(self.vm.invalidate(), "the invalidation is complete", 5)
        self.check_nothing_moves()
        cause, access, opcode, index, address = self.queue.wait_fault()
        self.assertEqual((cause, access, opcode, index),
                         (sfab.UNMAPPED, sfab.ACCESS_WRITE, sfab.COPY, 0))
        self.assertLess(address, 400 << 30)

    def test_a_short_command_overtakes_the_copy(self):
        other = Queue(self.accel, 1)
        other.run(command(sfab.NOP, COMPLETE, timeline=9))
        self.assertEqual(self.queue.head(), 0)

    def test_quit_during_the_copy(self):
        """The context manager ends QEMU, and checks that it ends well."""
        self.assertEqual(self.accel.r32(0x4024), 0)
