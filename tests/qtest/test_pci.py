# SPDX-License-Identifier: MIT
"""Configuration space, BARs and capabilities."""

import unittest

import pci
import sfab
from machine import MiB
from sfab import Lab


class Config(unittest.TestCase):

    def setUp(self):
        self.lab = self.enterContext(Lab())
        self.accel = self.lab.accels[0]
        self.pci = self.accel.pci

    def test_identity(self):
        self.assertEqual(self.pci.read(0, 4), 0x5fab1234)
        self.assertEqual(self.pci.read(8, 4), 0x12000001)
        self.assertEqual(self.pci.read(0x3d, 1), 0, "there is no INTx")

    def test_bars(self):
        for bar, size, kind in ((0, MiB, 0x4), (2, 64 * MiB, 0xc), (4, 64 * 1024, 0x4)):
            self.assertEqual(self.pci.bar_size(bar), size)
            self.assertEqual(self.pci.read(0x10 + 4 * bar, 4) & 0xf, kind)

    def test_capabilities(self):
        express = self.pci.capability(pci.CAP_EXPRESS)
        self.assertEqual(self.pci.read(express + 2, 2) >> 4 & 0xf, 0, "PCIe endpoint")
        self.assertTrue(self.pci.read(express + 4, 4) & 1 << 28, "FLR")
        self.assertEqual(self.pci.read(express + 0x24, 4) & 0x3c0, 0x180,
                         "32 and 64 bit AtomicOp completer, no router")
        self.assertTrue(self.pci.capability(pci.CAP_PM))
        self.assertTrue(self.pci.extended_capability(pci.EXT_CAP_AER))
        self.assertFalse(self.pci.capability(0x05), "there is no MSI")
        msix = self.pci.capability(pci.CAP_MSIX)
        self.assertEqual(self.pci.read(msix + 2, 2) & 0x7ff,
                         self.accel.r32(sfab.NUM_VECTORS) - 1)
        self.assertEqual(self.pci.read(msix + 4, 4) & 7, 4)
        self.assertEqual(self.pci.read(msix + 8, 4) & 7, 4)

    def test_bar2_is_the_hbm(self):
        self.lab.machine.write(self.accel.bar2 + 32 * MiB, 0x1122334455667788, 8)
        self.assertEqual(self.accel.hbm.u64(32 * MiB), 0x1122334455667788)
        self.accel.hbm.set_u64(64 * MiB - 8, 0xabcd)
        self.assertEqual(self.lab.machine.read(self.accel.bar2 + 64 * MiB - 8, 8), 0xabcd)

    def test_power_states(self):
        control = self.pci.capability(pci.CAP_PM) + 4
        self.accel.w32(sfab.SCRATCH, 0x1234)
        self.pci.update(control, 2, 3, 3)
        self.assertNotEqual(self.accel.r32(sfab.SCRATCH), 0x1234, "no memory access in D3")
        self.pci.update(control, 2, 3, 0)
        self.assertEqual(self.accel.r32(sfab.SCRATCH), 0x1234, "D3hot keeps the state")

    def test_aer_logs_an_error(self):
        aer = self.pci.extended_capability(pci.EXT_CAP_AER)
        answer = self.lab.machine.hmp("pcie_aer_inject_error accel0 COMP_ABORT")
        self.assertIn("OK", answer)
        self.assertTrue(self.pci.read(aer + 4, 4) & 1 << 15)
        self.pci.write(aer + 4, 1 << 15, 4)
        self.assertEqual(self.pci.read(aer + 4, 4), 0)


class OddSize(unittest.TestCase):

    def setUp(self):
        self.lab = self.enterContext(Lab(hbm=66 * MiB))
        self.accel = self.lab.accels[0]

    def test_bar2_is_a_power_of_two(self):
        self.assertEqual(self.accel.pci.bar_size(2), 128 * MiB)
        self.assertEqual(self.accel.r64(sfab.HBM_SIZE), 66 * MiB)

    def test_reads_beyond_the_hbm_give_ones(self):
        read, write = self.lab.machine.read, self.lab.machine.write
        for offset in (66 * MiB, 128 * MiB - 8):
            write(self.accel.bar2 + offset, 0, 8)
            self.assertEqual(read(self.accel.bar2 + offset, 8), (1 << 64) - 1)
            self.assertEqual(read(self.accel.bar2 + offset + 3, 1), 0xff)
        write(self.accel.bar2 + 66 * MiB - 8, 5, 8)
        self.assertEqual(self.accel.hbm.u64(66 * MiB - 8), 5)
