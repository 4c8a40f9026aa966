# SPDX-License-Identifier: MIT
"""A guest that writes garbage to registers, rings, page tables and doorbells.

QEMU neither crashes nor stalls, and after a reset the device works. A seed makes a
round repeatable, but for the timing of the engines' threads (not so in sync rounds).
SFAB_FUZZ_SEEDS=FIRST-LAST and SFAB_FUZZ_OPS=N make it longer.
"""

import os
import random
import time
import unittest

import pci
import sfab
from machine import MiB
from sfab import COMPLETE, AddressSpace, Lab, Queue, command

FIRST, LAST = (int(word) for word in os.environ.get("SFAB_FUZZ_SEEDS", "1-6").split("-"))
OPS = int(os.environ.get("SFAB_FUZZ_OPS", "4000"))

GLOBALS = [offset for offset in range(0, 0x400, 4)]
EDGES = [0, 1, 2, 3, 0xfff, 0x1000, 1 << 31, (1 << 32) - 1, 1 << 47, (1 << 48) - 1, 1 << 63,
         (1 << 64) - 1]


class Storm:
    """One guest gone mad, with two devices."""

    def __init__(self, lab, seed):
        self.lab, self.machine = lab, lab.machine
        self.random = random.Random(seed)
        self.roots = {}
        for accel in lab.accels:
            self.tables(accel)
        self.actions = ((60, self.register), (20, self.read), (60, self.ring),
                        (120, self.doorbell), (6, self.table), (30, self.enable),
                        (20, self.clock), (6, self.config), (1, self.reset))
        self.weights = [weight for weight, _ in self.actions]

    def number(self):
        if self.random.random() < 0.4:
            return self.random.choice(EDGES)
        return self.random.getrandbits(self.random.choice((4, 8, 16, 28, 32, 47, 64)))

    def bus(self):
        """An address that often means something: RAM, or a BAR of one of the devices."""
        accel = self.random.choice(self.lab.accels)
        start = self.random.choice((0, sfab.RAM_FREE, accel.bar0, accel.bar2, accel.bar4,
                                    self.number()))
        return (start + self.random.randrange(16 * MiB)) % (1 << 64)

    def va(self, align):
        """In the three windows of tables(), now and then elsewhere."""
        slot = self.random.choice((0, 1, 2)) << 39
        return slot + self.random.randrange(0, 8 * MiB, align)

    def tables(self, accel):
        """What a sane driver would have made, from the bottom of the HBM."""
        accel.next_table = 0
        vm = AddressSpace(accel, 0)
        vm.mirror(0, sfab.SYSTEM, sfab.RAM_FREE)
        vm.mirror(1, sfab.HBM, 32 * MiB)
        vm.mirror(2, sfab.PEER, self.lab.accels[1 - accel.index].bar2 + 32 * MiB)
        self.roots[accel] = vm.root | sfab.VALID

    def offset(self):
        queue, vm = self.random.randrange(9), self.random.randrange(9)
        return self.random.choice((
            self.random.choice(GLOBALS), 0x1000 + vm * 0x20 + self.random.randrange(0, 0x20, 4),
            0x4000 + queue * 0x40 + self.random.randrange(0, 0x40, 4), 0x10000 + queue * 0x1000,
            0x10008 + queue * 0x1000 + self.random.choice((0, 4)),
            self.random.randrange(MiB)))

    def register(self, accel):
        size = self.random.choice((4, 4, 4, 8, 8, 2, 1))
        value = self.random.choice((self.number, self.bus))() % (1 << 8 * size)
        self.machine.write(accel.bar0 + self.offset(), value, size)

    def read(self, accel):
        self.machine.read(accel.bar0 + self.offset(), self.random.choice((4, 8, 2, 1)))

    def command(self):
        """A good command, or one that is wrong in a field, or 64 random bytes."""
        opcode, width = self.random.randrange(9), self.random.choice((4, 8))
        size = self.random.choice((0, 8, 4096, 65536, MiB, 8 * MiB, 8 * self.number())) % (1 << 38)
        fields = {"dst": self.va(8), "src": self.va(8)}
        if opcode in (sfab.NOP, sfab.TIMESTAMP, sfab.WRITE, sfab.FILL):
            del fields["src"]
        if opcode in (sfab.NOP, sfab.WAIT):
            del fields["dst"]
        if opcode in (sfab.COPY, sfab.COPY_2D, sfab.FILL, sfab.REDUCE):
            fields["size"] = size
        if opcode == sfab.COPY_2D:
            fields.update(size=size % 65536, arg0=self.random.randrange(1000), arg1=65536,
                          arg2=65536 + self.random.randrange(100))
        if opcode == sfab.REDUCE:
            fields.update(dtype=self.random.randrange(4), op=self.random.randrange(3))
        if opcode in (sfab.ATOMIC, sfab.WAIT):
            fields.update(op=self.random.randrange(3), arg1=self.number())
        if opcode == sfab.WAIT:
            fields["arg2"] = self.random.randrange(1, 300000)
        if opcode in (sfab.ATOMIC, sfab.WAIT, sfab.WRITE, sfab.FILL):
            fields.update(dtype=width, arg0=self.number() % (1 << 8 * width))
        good = bytearray(command(opcode, self.random.choice((0, COMPLETE)), **fields))
        if self.random.random() < 0.1:
            good[self.random.randrange(64)] ^= 1 << self.random.randrange(8)
        return self.random.randbytes(64) if self.random.random() < 0.02 else bytes(good)

    def ring(self, accel, queue=None):
        queue = self.random.randrange(8) if queue is None else queue
        base = sfab.RING_AREA + (accel.index * 8 + queue) * 0x10000
        for slot in range(64):
            if self.random.random() < 0.5:
                self.lab.ram.write(base + 64 * slot, self.command())

    def doorbell(self, accel):
        queue = self.random.randrange(8)
        tail = accel.r32(0x4000 + queue * 0x40 + sfab.Q_TAIL)
        honest = self.random.random() < 0.97
        tail = tail + self.random.randrange(1, 8) if honest else self.number()
        accel.w32(0x10000 + queue * 0x1000, tail % (1 << 32))

    def table(self, accel):
        """Entries that mean something more often than by chance, or sane ones again."""
        if self.random.random() < 0.5:
            self.tables(accel)
            return
        for _ in range(4):
            entry = self.random.choice((
                self.number(), self.bus() & ~0xfff | self.random.getrandbits(6),
                self.random.randrange(0, 64 * MiB, 4096) | self.random.getrandbits(6) | 1))
            accel.hbm.set_u64(self.random.randrange(0, 8 * 4096, 8), entry)

    def enable(self, accel):
        """A queue that is likely to run."""
        number, vm = self.random.randrange(8), self.random.randrange(8)
        accel.pci.write(pci.COMMAND, pci.COMMAND_MEMORY | pci.COMMAND_MASTER, 2)
        accel.w32(0x4000 + number * 0x40 + sfab.Q_CTRL, sfab.Q_RESET)
        accel.w64(0x1000 + vm * 0x20, self.roots[accel])
        Queue(accel, number, vm=vm, vector=self.random.randrange(16))
        self.ring(accel, number)
        accel.w32(sfab.INT_ENABLE, 0xf)
        accel.w32(sfab.CTRL, 1)

    def clock(self, _):
        self.machine.clock(self.random.randrange(200000))

    def config(self, accel):
        what = self.random.randrange(4)
        if what == 0:
            accel.pci.write(pci.COMMAND, pci.COMMAND_MEMORY, 2)
        elif what == 1:
            accel.msix_control(self.random.choice((0, 0x8000, 0xc000)))
        elif what == 2:
            self.machine.write(accel.bar4 + self.random.randrange(0, 256, 4),
                               self.number() & 0xffffffff, 4)
        else:
            accel.pci.write(self.random.randrange(0x40, 0x180) & ~3, self.number() & 0xffffffff,
                            4)
            accel.place()

    def reset(self, accel):
        if self.random.random() < 0.5:
            accel.w32(sfab.RESET, sfab.RESET_KEY)
        else:
            accel.function_level_reset()
            accel.place()

    def rage(self, ops):
        """Returns the longest that a single action took."""
        slowest = 0.0
        for _ in range(ops):
            (_, action), = self.random.choices(self.actions, self.weights)
            began = time.monotonic()
            action(self.random.choice(self.lab.accels))
            slowest = max(slowest, time.monotonic() - began)
        return slowest


class Fuzz(unittest.TestCase):

    def storm(self, seed, properties=""):
        lab = self.enterContext(Lab(accels=2, properties=properties))
        slowest = Storm(lab, seed).rage(OPS)
        self.assertLess(slowest, 3.0, "seconds")
        for accel in lab.accels:
            accel.port.bus_reset()
            accel.place()
            sfab.until(lambda: accel.r32(sfab.STATUS) == sfab.READY,  # pylint: disable=W0640
                       "the reset has drained", 5)
            accel.bring_up()
            accel.next_table = 0
            vm = AddressSpace(accel, 0)
            vm.map(0x1000, 4096, sfab.HBM, 32 * MiB)
            queue = Queue(accel, 0)
            queue.run(command(sfab.WRITE, COMPLETE, dtype=8, dst=0x1000, arg0=99, timeline=5))
            self.assertEqual((accel.hbm.u64(32 * MiB), queue.value()), (99, 5))


def add_rounds():
    """A test for every seed; every other one with synchronous engines."""
    for seed in range(FIRST, LAST + 1):
        def threads(self, seed=seed):
            self.storm(seed)

        def sync(self, seed=seed):
            self.storm(seed, "x-engine-sync=on")
        setattr(Fuzz, f"test_seed_{seed}", sync if seed % 2 == 0 else threads)


add_rounds()
