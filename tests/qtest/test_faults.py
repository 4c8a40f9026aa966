# SPDX-License-Identifier: MIT
"""A bad access halts its queue, tells why, and touches nothing."""

import unittest

import sfab
from machine import MiB
from sfab import (ACCESS_NONE, ACCESS_READ, ACCESS_RING, ACCESS_WRITE, COMPLETE, HBM, PEER, READ,
                  SYSTEM, WRITE_RIGHT, AddressSpace, Lab, Queue, command)

HBM_AT, RAM_AT = 32 * MiB, sfab.RAM_FREE
GOOD, OTHER = 0x200000, 0x400000        # VAs: 64 KiB of HBM, 64 KiB of RAM
HOLE = 0x300000000                      # bus address without anything
CANARY = b"\x5a" * 65536


class Faults(unittest.TestCase):

    def setUp(self):
        self.lab = self.enterContext(Lab())
        self.accel = self.lab.accels[0]
        self.vm = AddressSpace(self.accel, 0)
        self.vm.map(GOOD, 65536, HBM, HBM_AT)
        self.vm.map(OTHER, 65536, SYSTEM, RAM_AT)
        self.accel.hbm.write(HBM_AT, CANARY)
        self.lab.ram.write(RAM_AT, CANARY)
        self.queue = Queue(self.accel, 0)

    def check(self, cause, access, address, bad, opcode=None):
        """The command faults so; nothing changes; the next does not run; others do."""
        opcode = bad[0] if opcode is None else opcode
        self.queue.submit(command(sfab.NOP), bad,
                          command(sfab.WRITE, COMPLETE, dtype=8, dst=GOOD, arg0=1, timeline=1))
        self.assertEqual(self.queue.wait_fault(), (cause, access, opcode, 1, address))
        self.assertEqual(self.queue.head(), 1)
        self.assertEqual(self.queue.value(), 0)
        self.assertEqual(self.accel.r64(sfab.QUEUE_FAULT), 1)
        self.assertTrue(self.accel.r32(sfab.INT_STATUS) & sfab.INT_FAULT)
        self.accel.wait_interrupt(0)
        self.assertEqual(self.accel.counter(4), 1)
        self.assertEqual(self.accel.hbm.read(HBM_AT, 65536), CANARY)
        self.assertEqual(self.lab.ram.read(RAM_AT, 65536), CANARY)
        other = Queue(self.accel, 1)
        other.run(command(sfab.NOP, COMPLETE, timeline=3))
        self.queue.reset()
        self.assertEqual(self.accel.r64(sfab.QUEUE_FAULT), 0)
        self.assertIsNone(self.queue.fault())
        if self.accel.r32(0x1000) & 1 and self.accel.pci.read(4, 2) & 4:
            self.queue.configure()
            self.queue.run(command(sfab.NOP, COMPLETE, timeline=2))

    def test_unmapped(self):
        wild = 0x765432100000
        self.check(sfab.UNMAPPED, ACCESS_WRITE, wild, command(sfab.COPY, dst=wild, src=GOOD,
                                                              size=8))

    def test_length_past_the_mapping(self):
        self.check(sfab.UNMAPPED, ACCESS_READ, OTHER + 65536,
                   command(sfab.COPY, dst=GOOD, src=OTHER + 1, size=65536 - 1 + 1))

    def test_length_past_a_long_mapping(self):
        """The last page of many slices is looked at before the first is written."""
        self.vm.map(1 << 30, 24 * MiB, HBM, 32 * MiB)
        self.check(sfab.UNMAPPED, ACCESS_WRITE, (1 << 30) + 24 * MiB,
                   command(sfab.FILL, dtype=1, dst=1 << 30, size=24 * MiB + 1, arg0=1))

    def test_no_read(self):
        self.vm.map(0x800000, 4096, HBM, HBM_AT, WRITE_RIGHT)
        self.check(sfab.NO_READ, ACCESS_READ, 0x800010,
                   command(sfab.COPY, dst=OTHER, src=0x800010, size=8))

    def test_no_write(self):
        self.vm.map(0x800000, 4096, SYSTEM, RAM_AT, READ)
        self.check(sfab.NO_WRITE, ACCESS_WRITE, 0x800000,
                   command(sfab.WRITE, dtype=4, dst=0x800000, arg0=1))

    def test_reduce_needs_read_at_its_destination(self):
        self.vm.map(0x800000, 4096, HBM, HBM_AT, WRITE_RIGHT)
        self.check(sfab.NO_READ, ACCESS_READ, 0x800000,
                   command(sfab.REDUCE, dst=0x800000, src=OTHER, size=8))

    def test_reserved_bits_of_a_pte(self):
        self.vm.set_pte(0x800000, HBM_AT | READ | WRITE_RIGHT | 1 | 1 << 55)
        self.check(sfab.BAD_PTE, ACCESS_WRITE, 0x800000,
                   command(sfab.WRITE, dtype=4, dst=0x800000, arg0=1))

    def test_pte_beyond_the_hbm(self):
        self.vm.map(0x800000, 4096, HBM, 64 * MiB)
        self.check(sfab.BAD_PTE, ACCESS_READ, 0x800000,
                   command(sfab.COPY, dst=GOOD, src=0x800000, size=1))

    def test_fabric_without_import(self):
        self.vm.map(0x800000, 4096, sfab.FABRIC, 0)
        self.check(sfab.APERTURE, ACCESS_WRITE, 0x800000,
                   command(sfab.WRITE, dtype=4, dst=0x800000, arg0=1))

    def test_bus_address_without_memory(self):
        self.vm.map(0x800000, 4096, SYSTEM, HOLE)
        self.check(sfab.BUS_ERROR, ACCESS_READ, 0x800000,
                   command(sfab.COPY, dst=GOOD, src=0x800000, size=8))

    def test_registers_are_no_memory(self):
        """A device's registers are MMIO: a command neither reads nor writes them."""
        self.accel.w32(sfab.SCRATCH, 0xabcd)
        self.vm.map(0x800000, 65536, PEER, self.accel.bar0)
        for bad in (command(sfab.WRITE, dtype=4, dst=0x800000 + sfab.SCRATCH, arg0=1),
                    command(sfab.FILL, dtype=4, dst=0x800000 + sfab.SCRATCH, size=4, arg0=1),
                    command(sfab.COPY, dst=GOOD, src=0x800000, size=4096)):
            errors = len(self.lab.machine.guest_errors())
            self.queue.submit(bad)
            self.assertEqual(self.queue.wait_fault()[0], sfab.BUS_ERROR)
            self.assertEqual(self.accel.r32(sfab.SCRATCH), 0xabcd)
            self.assertEqual(len(self.lab.machine.guest_errors()), errors)
            self.queue.reset()
            self.queue.configure()
        self.assertEqual(self.accel.hbm.read(HBM_AT, 65536), CANARY)

    def test_bus_mastering_is_off(self):
        self.accel.pci.bus_master(False)
        self.queue.submit(command(sfab.NOP))
        self.assertEqual(self.queue.wait_fault(),
                         (sfab.BUS_ERROR, ACCESS_RING, 0, 0, self.queue.base))
        self.queue.reset()
        self.accel.pci.bus_master(True)
        self.queue.configure()
        self.queue.run(command(sfab.NOP, COMPLETE, timeline=4))
        self.assertEqual(self.queue.value(), 4)

    def test_timeline_without_memory(self):
        self.queue.reset()
        self.queue.timeline = HOLE
        self.accel.w64(0x4008, HOLE)
        self.accel.w32(0x401c, 1)
        self.queue.tail = 0
        self.queue.submit(command(sfab.WRITE, COMPLETE, dtype=4, dst=GOOD, arg0=1, timeline=1))
        self.assertEqual(self.queue.wait_fault(),
                         (sfab.BUS_ERROR, ACCESS_RING, sfab.WRITE, 0, HOLE))

    def test_bad_commands(self):
        for bad in (command(0x55), command(sfab.NOP, 4), command(sfab.NOP, sfab.IRQ),
                    command(sfab.NOP, timeline=1), command(sfab.NOP, reserved=1),
                    command(sfab.COPY, dst=GOOD, src=OTHER, size=8, arg0=1),
                    command(sfab.FILL, dtype=3, dst=GOOD, size=3),
                    command(sfab.FILL, dtype=1, dst=GOOD, size=3, arg0=0x100),
                    command(sfab.REDUCE, dtype=4, dst=GOOD, src=OTHER, size=8),
                    command(sfab.REDUCE, op=3, dst=GOOD, src=OTHER, size=8),
                    command(sfab.ATOMIC, dtype=2, dst=GOOD),
                    command(sfab.ATOMIC, dtype=4, op=3, dst=GOOD),
                    command(sfab.WAIT, dtype=4, op=4, src=GOOD),
                    command(sfab.TIMESTAMP, dtype=4, dst=GOOD)):
            with_bad = Queue(self.accel, 2)
            with_bad.submit(bad)
            self.assertEqual(with_bad.wait_fault(),
                             (sfab.BAD_COMMAND, ACCESS_NONE, bad[0], 0, 0), bad.hex())
            with_bad.reset()
        self.assertEqual(self.accel.hbm.read(HBM_AT, 65536), CANARY)

    def test_bad_ranges(self):
        for address, bad in ((1 << 48, command(sfab.COPY, dst=1 << 48, src=GOOD, size=8)),
                             (None, command(sfab.COPY, dst=GOOD, src=(1 << 48) - 4, size=8)),
                             (None, command(sfab.COPY, dst=GOOD, src=OTHER, size=(1 << 64) - 8)),
                             (None, command(sfab.COPY_2D, dst=GOOD, src=OTHER, size=8, arg0=2,
                                            arg1=7, arg2=8)),
                             (None, command(sfab.FILL, dtype=4, dst=GOOD, size=6)),
                             (None, command(sfab.WRITE, dtype=8, dst=GOOD + 4, arg0=1)),
                             (None, command(sfab.REDUCE, dst=GOOD + 2, src=OTHER, size=8)),
                             (None, command(sfab.TIMESTAMP, dst=GOOD + 1))):
            queue = Queue(self.accel, 2)
            queue.submit(bad)
            fault = queue.wait_fault()
            self.assertEqual((fault[0], fault[2]), (sfab.BAD_RANGE, bad[0]), bad.hex())
            if address is not None:
                self.assertEqual(fault[4], address)
            queue.reset()
        self.assertEqual(self.accel.hbm.read(HBM_AT, 65536), CANARY)

    def test_doorbell_too_far(self):
        self.queue.doorbell(65)
        self.assertEqual(self.queue.wait_fault(), (sfab.DOORBELL, ACCESS_NONE, 0, 0, 65))

    def test_doorbell_backwards(self):
        self.queue.run(*[command(sfab.NOP)] * 10)
        self.queue.doorbell(9)
        self.assertEqual(self.queue.wait_fault(), (sfab.DOORBELL, ACCESS_NONE, 0, 10, 9))

    def test_wait_timeout(self):
        self.queue.submit(command(sfab.WAIT, dtype=4, op=0, src=GOOD, arg0=1,
                                  arg1=0xffffffff, arg2=1000000))
        sfab.until(lambda: self.queue.status() & sfab.Q_WAITING, "the queue waits")
        for _ in range(25):
            self.assertIsNone(self.queue.fault())
            self.lab.machine.clock(39000)
        for _ in range(4):
            self.lab.machine.clock(39000)
        self.assertEqual(self.queue.wait_fault(),
                         (sfab.WAIT_TIMEOUT, ACCESS_READ, sfab.WAIT, 0, GOOD))

    def test_vm_is_not_valid(self):
        for root in (0, 0x1000, 64 * MiB | 1, 0xfffffffff000 | 1):
            self.accel.w64(0x1000 + 5 * 0x20, root)
            queue = Queue(self.accel, 3, vm=5)
            queue.submit(command(sfab.WRITE, dtype=4, dst=GOOD, arg0=1))
            self.assertEqual(queue.wait_fault(), (sfab.BAD_VM, ACCESS_NONE, sfab.WRITE, 0, 0),
                             hex(root))
            queue.reset()
