# SPDX-License-Identifier: MIT
"""Behind a vIOMMU that translates, refuses, and is invalidated while engines copy."""

import os
import random
import time
import unittest

import sfab
import vtd
from machine import MiB, until
from sfab import COMPLETE, HBM, IRQ, PEER, SYSTEM, AddressSpace, Lab, Queue, command

HBM_AT, RAM_AT = 32 * MiB, sfab.RAM_FREE
IOVA = 0x123400000000
HBM_VA, BUS_VA = 0x10000000, 0x20000000


class Iommu(unittest.TestCase):

    def setUp(self):
        self.lab = self.enterContext(Lab(accels=2, args=vtd.OPTION))
        self.a, self.b = self.lab.accels
        self.iommu = vtd.Vtd(self.lab)
        self.vm = AddressSpace(self.a, 0)
        self.vm.map(HBM_VA, 8 * MiB, HBM, HBM_AT)
        self.vm.map(BUS_VA, 8 * MiB, SYSTEM, IOVA)
        self.queue = Queue(self.a, 0, vector=1)

    def copy(self, dst, src, size):
        self.queue.run(command(sfab.COPY, COMPLETE | IRQ, dst=dst, src=src, size=size,
                               timeline=1))

    def test_translation(self):
        """Every page of the range lies somewhere else."""
        pages = list(range(512))
        random.Random(3).shuffle(pages)
        for number, page in enumerate(pages):
            self.iommu.map(self.a, IOVA + 4096 * number, RAM_AT + 4096 * page, 4096)
        data = os.urandom(2 * MiB - 100)
        self.a.hbm.write(HBM_AT, data)
        self.copy(BUS_VA + 50, HBM_VA, len(data))
        self.a.wait_interrupt(1)
        seen = b"".join(self.lab.ram.read(RAM_AT + 4096 * page, 4096) for page in pages)
        self.assertTrue(seen[50:50 + len(data)] == data)
        self.copy(HBM_VA + 4 * MiB, BUS_VA + 50, len(data))
        self.assertTrue(self.a.hbm.read(HBM_AT + 4 * MiB, len(data)) == data)

    def check_refused(self, bad, access, reason, va):
        self.queue.submit(bad)
        self.assertEqual(self.queue.wait_fault(), (sfab.BUS_ERROR, access, bad[0], 0, va))
        self.assertEqual(self.iommu.take_fault(),
                         (self.a.pci.bus << 8, reason, IOVA + va - BUS_VA & ~0xfff))

    def test_unmapped(self):
        self.check_refused(command(sfab.COPY, dst=HBM_VA, src=BUS_VA + 0x3000, size=8),
                           sfab.ACCESS_READ, vtd.FAULT_READ, BUS_VA + 0x3000)

    def test_unmapped_in_the_middle(self):
        self.iommu.map(self.a, IOVA, RAM_AT, 0x5000)
        self.lab.ram.write(RAM_AT, b"\x5a" * 0x10000)
        self.check_refused(command(sfab.FILL, dtype=1, dst=BUS_VA, size=0x8000),
                           sfab.ACCESS_WRITE, vtd.FAULT_WRITE, BUS_VA + 0x5000)
        self.assertEqual(self.lab.ram.read(RAM_AT + 0x5000, 0xb000), b"\x5a" * 0xb000)

    def test_read_only(self):
        self.iommu.map(self.a, IOVA, RAM_AT, 4096, vtd.READ)
        self.copy(HBM_VA, BUS_VA, 64)
        self.queue.reset()
        self.queue.configure()
        self.iommu.forget()     # a refusal by the IOTLB is not recorded
        self.check_refused(command(sfab.WRITE, dtype=8, dst=BUS_VA, arg0=1),
                           sfab.ACCESS_WRITE, vtd.FAULT_WRITE, BUS_VA)

    def test_write_only(self):
        self.iommu.map(self.a, IOVA, RAM_AT, 4096, vtd.WRITE)
        self.copy(BUS_VA, HBM_VA, 64)
        self.queue.reset()
        self.queue.configure()
        self.iommu.forget()     # a refusal by the IOTLB is not recorded
        self.check_refused(command(sfab.COPY, dst=HBM_VA, src=BUS_VA, size=8),
                           sfab.ACCESS_READ, vtd.FAULT_READ, BUS_VA)

    def test_another_device_has_other_pages(self):
        self.iommu.map(self.b, IOVA, RAM_AT, 4096)
        self.check_refused(command(sfab.WRITE, dtype=8, dst=BUS_VA, arg0=1),
                           sfab.ACCESS_WRITE, vtd.FAULT_WRITE, BUS_VA)

    def test_device_without_context(self):
        self.iommu.drop_context(self.a)
        self.iommu.forget()
        self.queue.submit(command(sfab.NOP))
        self.assertEqual(self.queue.wait_fault(),
                         (sfab.BUS_ERROR, sfab.ACCESS_RING, 0, 0, self.queue.base))
        self.assertEqual(self.iommu.take_fault()[:2],
                         (self.a.pci.bus << 8, vtd.FAULT_NO_CONTEXT))

    def test_peer(self):
        self.iommu.map(self.a, IOVA, self.b.bar2 + HBM_AT, 8 * MiB)
        self.vm.map(BUS_VA, 8 * MiB, PEER, IOVA)
        data = os.urandom(6 * MiB)
        self.a.hbm.write(HBM_AT, data)
        self.copy(BUS_VA, HBM_VA, len(data))
        self.assertTrue(self.b.hbm.read(HBM_AT, len(data)) == data)

    def endless(self, accel, number):
        """A copy of 400 GiB into the 2 MiB page at IOVA."""
        vm = self.vm if accel is self.a else AddressSpace(accel, 0)
        dst, src = vm.mirror(1, SYSTEM, IOVA), vm.mirror(2, HBM, HBM_AT)
        accel.hbm.write(HBM_AT, b"\x77" * (2 * MiB))
        queue = Queue(accel, number)
        queue.submit(command(sfab.COPY, dst=dst, src=src, size=400 << 30))
        return queue

    def test_unmapping_during_a_copy(self):
        self.iommu.map(self.a, IOVA, RAM_AT, 2 * MiB)
        queue = self.endless(self.a, 1)
        until(lambda: self.lab.ram.read(RAM_AT, 1) == b"\x77", "the copy is under way")
        self.iommu.unmap(self.a, IOVA, large=True)
        self.iommu.forget()
        fault = queue.wait_fault()
        self.assertEqual(fault[:3], (sfab.BUS_ERROR, sfab.ACCESS_WRITE, sfab.COPY))
        self.assertEqual(self.iommu.take_fault()[1], vtd.FAULT_WRITE)
        self.lab.ram.write(RAM_AT, bytes(2 * MiB))
        time.sleep(0.05)
        self.assertEqual(self.lab.ram.read(RAM_AT, 2 * MiB), bytes(2 * MiB))

    def test_invalidations_during_copies(self):
        """Four engines copy while the page keeps moving; nobody gets stuck."""
        places = (RAM_AT, RAM_AT + 4 * MiB)
        for accel in (self.a, self.b):
            self.iommu.map(accel, IOVA, places[0], 2 * MiB)
        queues = [self.endless(accel, number) for accel in (self.a, self.b)
                  for number in (1, 2)]
        slowest, moves = 0.0, 0
        end = time.monotonic() + 3
        while time.monotonic() < end:
            moves += 1
            for accel in (self.a, self.b):
                self.iommu.map(accel, IOVA, places[moves % 2], 2 * MiB)
            began = time.monotonic()
            self.iommu.forget()
            self.lab.machine.qmp("query-status")
            slowest = max(slowest, time.monotonic() - began)
        self.assertGreater(moves, 20)
        self.assertLess(slowest, 1.0)
        now, before = places[moves % 2], places[(moves + 1) % 2]
        self.assertFalse([queue.fault() for queue in queues if queue.fault()])
        # A slice that had begun before the last invalidation may still end, late when its
        # thread has to wait for a CPU.
        until(lambda: self.stays_clear(before), "nobody writes to where the page was")
        self.lab.ram.write(now, bytes(2 * MiB))
        until(lambda: self.lab.ram.read(now, 1) == b"\x77", "the page is where it was moved")

    def stays_clear(self, at):
        """Whether 2 MiB stay zero while each device writes 64 MiB."""
        self.lab.ram.write(at, bytes(2 * MiB))
        counters = [accel.counter(2) for accel in (self.a, self.b)]
        until(lambda: all(accel.counter(2) > counter + 64 * MiB for accel, counter
                          in zip((self.a, self.b), counters)), "the copies go on")
        return self.lab.ram.read(at, 2 * MiB) == bytes(2 * MiB)

    def test_faults_during_copies(self):
        """One device faults again and again while the other one copies."""
        self.iommu.map(self.b, IOVA, RAM_AT, 2 * MiB)
        self.endless(self.b, 1)
        for _ in range(100):
            queue = Queue(self.a, 1)
            queue.submit(command(sfab.FILL, dtype=1, dst=BUS_VA, size=4096, arg0=1))
            self.assertEqual(queue.wait_fault()[0], sfab.BUS_ERROR)
            self.assertEqual(self.iommu.take_fault()[0], self.a.pci.bus << 8)
            queue.reset()
        before = self.b.counter(2)
        until(lambda: self.b.counter(2) > before, "the other copy goes on")

    def test_reset_during_faults_and_copies(self):
        self.iommu.map(self.a, IOVA, RAM_AT, 2 * MiB)
        self.iommu.map(self.b, IOVA, RAM_AT, 2 * MiB)
        for _ in range(20):
            for accel in (self.a, self.b):
                accel.next_table = 0
            self.vm = AddressSpace(self.a, 0)
            for accel in (self.a, self.b):
                self.endless(accel, 1)
            self.iommu.forget()
            self.a.w32(sfab.RESET, sfab.RESET_KEY)
            self.b.function_level_reset()
            self.b.place()
            for accel in (self.a, self.b):
                until(lambda: accel.r32(sfab.STATUS) & sfab.READY,  # pylint: disable=W0640
                      "the reset has drained")
                accel.bring_up()
