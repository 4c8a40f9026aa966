# SPDX-License-Identifier: MIT
"""The firmware's work on a Q35: ECAM, bridges and BARs, with fixed addresses.

Every accelerator sits alone behind a root port: port i on bus 0 leads to bus
1 + i, has 32 MiB of 32-bit window and a 64-bit window for prefetchable memory.
"""

from machine import GiB, MiB

ECAM = 0xb0000000
WINDOW32 = 0xc0000000
WINDOW32_SIZE = 32 * MiB
WINDOW64 = 0x4000000000
WINDOW64_SIZE = 128 * GiB

COMMAND = 0x04
COMMAND_MEMORY = 1 << 1
COMMAND_MASTER = 1 << 2

CAP_PM = 0x01
CAP_EXPRESS = 0x10
CAP_MSIX = 0x11
EXT_CAP_AER = 0x0001

EXP_DEVCTL_FLR = 1 << 15

PORT_SLOT = 0x10    # root port i is device PORT_SLOT + i of bus 0


def enable_ecam(machine):
    """The MCH's PCIEXBAR through the legacy ports; all else goes by ECAM."""
    for offset, value in ((0x64, 0), (0x60, ECAM | 1)):
        machine.out32(0xcf8, 0x80000000 | offset)
        machine.out32(0xcfc, value)


class Function:
    """The configuration space of one PCI function."""

    def __init__(self, machine, bus, devfn):
        self.machine = machine
        self.bus, self.devfn = bus, devfn
        self.base = ECAM + (bus << 20) + (devfn << 12)

    def read(self, offset, size):
        return self.machine.read(self.base + offset, size)

    def write(self, offset, value, size):
        self.machine.write(self.base + offset, value, size)

    def update(self, offset, size, clear=0, put=0):
        self.write(offset, self.read(offset, size) & ~clear | put, size)

    def capability(self, wanted):
        """Offset of a capability, 0 if there is none."""
        offset = self.read(0x34, 1)
        while offset:
            if self.read(offset, 1) == wanted:
                return offset
            offset = self.read(offset + 1, 1)
        return 0

    def extended_capability(self, wanted):
        offset = 0x100
        while offset:
            header = self.read(offset, 4)
            if header & 0xffff == wanted:
                return offset
            offset = header >> 20
        return 0

    def bar_size(self, bar):
        """Size of a 64-bit memory BAR; leaves it at its old address."""
        offset = 0x10 + 4 * bar
        old = [self.read(offset, 4), self.read(offset + 4, 4)]
        self.write(offset, 0xffffffff, 4)
        self.write(offset + 4, 0xffffffff, 4)
        mask = self.read(offset, 4) & ~0xf | self.read(offset + 4, 4) << 32
        self.write(offset, old[0], 4)
        self.write(offset + 4, old[1], 4)
        return (~mask & (1 << 64) - 1) + 1

    def set_bar(self, bar, address):
        self.write(0x10 + 4 * bar, address & 0xffffffff, 4)
        self.write(0x14 + 4 * bar, address >> 32, 4)

    def bus_master(self, enable):
        self.update(COMMAND, 2, COMMAND_MASTER, COMMAND_MASTER if enable else 0)


class RootPort(Function):
    """A pcie-root-port."""

    @staticmethod
    def option(index):
        return ["-device", f"pcie-root-port,id=port{index},bus=pcie.0,chassis={index + 1},"
                           f"slot={index + 1},addr={PORT_SLOT + index:#x}"]

    def __init__(self, machine, index):
        super().__init__(machine, 0, (PORT_SLOT + index) << 3)
        self.index = index
        self.window32 = WINDOW32 + index * WINDOW32_SIZE
        self.window64 = WINDOW64 + index * WINDOW64_SIZE

    def open(self):
        """What firmware does: bus numbers, windows, decoding."""
        bus = 1 + self.index
        self.write(0x18, bus << 16 | bus << 8, 4)
        end = self.window32 + WINDOW32_SIZE - 1
        self.write(0x20, end & 0xfff00000 | self.window32 >> 16, 4)
        end = self.window64 + WINDOW64_SIZE - 1
        self.write(0x24, end >> 16 & 0xfff0 << 16 | self.window64 >> 16 & 0xfff0, 4)
        self.write(0x28, self.window64 >> 32, 4)
        self.write(0x2c, end >> 32, 4)
        self.update(COMMAND, 2, 0, COMMAND_MEMORY | COMMAND_MASTER)

    def function(self):
        return Function(self.machine, 1 + self.index, 0)

    def power_off_slot(self):
        """What a hotplug driver does after the attention button: power and light off."""
        control = self.capability(CAP_EXPRESS) + 0x18
        self.update(control, 2, 0x0300, 0x0400 | 0x0300)

    def bus_reset(self):
        """Secondary bus reset."""
        self.update(0x3e, 2, 0, 1 << 6)
        self.update(0x3e, 2, 1 << 6, 0)
