# SPDX-License-Identifier: MIT
"""Every command once through QEMU, on HBM and on system memory.

What the arithmetic does with every kind of number is tested where it is fast:
in tests/unit, on the core alone.
"""

import random
import struct
import unittest

import sfab
from machine import MiB, until
from sfab import COMPLETE, HBM, SYSTEM, AddressSpace, Lab, Queue, command

HBM_AT = 32 * MiB           # in the HBM
RAM_AT = sfab.RAM_FREE      # in RAM
HBM_VA, RAM_VA = 0x7f0000000000, 0x1000     # of 8 MiB each


class Commands(unittest.TestCase):

    def setUp(self):
        self.lab = self.enterContext(Lab())
        self.accel = self.lab.accels[0]
        self.hbm, self.ram = self.accel.hbm, self.lab.ram
        self.vm = AddressSpace(self.accel, 0)
        self.vm.map(HBM_VA, 8 * MiB, HBM, HBM_AT)
        self.vm.map(RAM_VA, 8 * MiB, SYSTEM, RAM_AT)
        self.queue = Queue(self.accel, 0)
        self.random = random.Random(5)

    def run_one(self, opcode, **fields):
        self.queue.run(command(opcode, COMPLETE, timeline=self.queue.tail + 1, **fields))
        self.assertEqual(self.queue.value(), self.queue.tail)

    def test_nop(self):
        self.run_one(sfab.NOP)
        self.assertEqual(self.accel.counter(0), 1)

    def test_copy_between_all_apertures(self):
        data = self.random.randbytes(5 * MiB + 77)
        size = len(data)
        self.ram.write(RAM_AT + 3, data)
        self.run_one(sfab.COPY, dst=HBM_VA + 4093, src=RAM_VA + 3, size=size)
        self.assertEqual(self.hbm.read(HBM_AT + 4093, size), data)
        self.ram.write(RAM_AT, bytes(8 * MiB))
        self.run_one(sfab.COPY, dst=RAM_VA + 1, src=HBM_VA + 4093, size=size)
        self.assertEqual(self.ram.read(RAM_AT, size + 2), b"\0" + data + b"\0")
        self.run_one(sfab.COPY, dst=HBM_VA + 6 * MiB, src=HBM_VA + 4093, size=MiB)
        self.assertEqual(self.hbm.read(HBM_AT + 6 * MiB, MiB), data[:MiB])
        self.assertEqual(self.accel.counter(1), 2 * size + 2 * MiB,
                         "from HBM to HBM counts twice")
        self.assertEqual(self.accel.counter(2), 2 * size)
        self.assertEqual(self.accel.counter(3), 0)

    def test_copy_2d(self):
        rows, width, src_pitch, dst_pitch = 300, 100, 128, 4099
        data = self.random.randbytes(rows * src_pitch)
        self.ram.write(RAM_AT, data)
        self.hbm.write(HBM_AT, b"\xee" * (rows * dst_pitch))
        self.run_one(sfab.COPY_2D, dst=HBM_VA, src=RAM_VA, size=width, arg0=rows,
                     arg1=dst_pitch, arg2=src_pitch)
        for row in range(rows):
            line = self.hbm.read(HBM_AT + row * dst_pitch, dst_pitch)
            self.assertEqual(line[:width], data[row * src_pitch:][:width], row)
            self.assertEqual(line[width:], b"\xee" * (dst_pitch - width), row)

    def test_fill(self):
        for dtype in (1, 2, 4, 8):
            pattern = 0xf1e2d3c4b5a69788 & (1 << 8 * dtype) - 1
            size = 5000 * dtype
            self.hbm.write(HBM_AT, bytes(size + 16))
            self.run_one(sfab.FILL, dtype=dtype, dst=HBM_VA + 5, size=size, arg0=pattern)
            self.assertEqual(self.hbm.read(HBM_AT, size + 16),
                             bytes(5) + pattern.to_bytes(8, "little")[:dtype] * 5000 + bytes(11))

    def check_reduce(self, dtype, letter, op, function):
        dst = [self.random.randrange(-1000, 1000) for _ in range(3000)]
        src = [self.random.randrange(-1000, 1000) for _ in range(3000)]
        form = f"<3000{letter}"
        self.hbm.write(HBM_AT, struct.pack(form, *dst))
        self.ram.write(RAM_AT, struct.pack(form, *src))
        self.run_one(sfab.REDUCE, dtype=dtype, op=op, dst=HBM_VA, src=RAM_VA,
                     size=struct.calcsize(form))
        result = struct.unpack(form, self.hbm.read(HBM_AT, struct.calcsize(form)))
        self.assertEqual(list(result), [function(*pair) for pair in zip(dst, src)])

    def test_reduce(self):
        for dtype, letter in ((0, "i"), (1, "f"), (2, "e")):
            for op, function in enumerate((lambda a, b: a + b, min, max)):
                self.check_reduce(dtype, letter, op, function)

    def test_reduce_bf16(self):
        self.hbm.write(HBM_AT, struct.pack("<2H", 0x3f80, 0x4000))    # 1, 2
        self.ram.write(RAM_AT, struct.pack("<2H", 0x4040, 0xc000))    # 3, -2
        self.run_one(sfab.REDUCE, dtype=3, op=0, dst=HBM_VA, src=RAM_VA, size=4)
        self.assertEqual(struct.unpack("<2H", self.hbm.read(HBM_AT, 4)), (0x4080, 0))

    def test_atomic(self):
        for width in (4, 8):
            top = (1 << 8 * width) - 1
            for va, memory, at in ((HBM_VA, self.hbm, HBM_AT), (RAM_VA, self.ram, RAM_AT)):
                def step(op, arg0, arg1, old, new):
                    # pylint: disable=cell-var-from-loop
                    self.run_one(sfab.ATOMIC, dtype=width, op=op, dst=va + 64, src=va + 128,
                                 arg0=arg0, arg1=arg1)
                    self.assertEqual(memory.read(at + 128, 16),
                                     old.to_bytes(width, "little") + bytes(16 - width))
                    self.assertEqual(memory.read(at + 64, 16),
                                     new.to_bytes(width, "little") + bytes(16 - width))
                memory.write(at, bytes(256))
                step(0, top, 0, 0, top)         # fetch-add
                step(0, 2, 0, top, 1)           # wraps
                step(1, 9, 0, 1, 9)             # swap
                step(2, 5, 8, 9, 9)             # compare-and-swap, differs
                step(2, 5, 9, 9, 5)             # compare-and-swap, equal

    def test_write(self):
        self.run_one(sfab.WRITE, dtype=8, dst=RAM_VA + 8, arg0=0x1122334455667788)
        self.run_one(sfab.WRITE, dtype=4, dst=RAM_VA + 20, arg0=0x99aabbcc)
        self.assertEqual(self.ram.read(RAM_AT, 24), bytes(8) + bytes.fromhex("8877665544332211") +
                         bytes(4) + bytes.fromhex("ccbbaa99"))

    def test_timestamp(self):
        self.lab.machine.clock(1000)
        self.run_one(sfab.TIMESTAMP, dst=HBM_VA)
        self.assertEqual(self.hbm.u64(HBM_AT), self.accel.r64(sfab.TIME))

    def test_wait_that_is_satisfied(self):
        self.ram.set_u64(RAM_AT, 0xff05)
        for op, arg in ((0, 5), (1, 6), (2, 5), (3, 6)):
            self.run_one(sfab.WAIT, dtype=8, op=op, src=RAM_VA, arg0=arg, arg1=0xff)

    def test_wait_for_the_host(self):
        self.queue.submit(command(sfab.WAIT, COMPLETE, dtype=4, op=2, src=RAM_VA, arg0=3,
                                  arg1=0xffffffff, timeline=1))
        until(lambda: self.queue.status() & sfab.Q_WAITING, "the queue waits")
        self.ram.set_u32(RAM_AT, 2)
        self.lab.machine.clock(100000)
        until(lambda: self.queue.status() & sfab.Q_WAITING, "the queue waits again")
        self.assertEqual(self.queue.head(), 0)
        self.ram.set_u32(RAM_AT, 3)
        self.lab.machine.clock(100000)
        self.queue.wait_value(1)

    def test_wait_for_another_queue(self):
        other = Queue(self.accel, 1)
        self.queue.submit(command(sfab.WAIT, dtype=8, op=0, src=HBM_VA, arg0=7,
                                  arg1=(1 << 64) - 1),
                          command(sfab.WRITE, COMPLETE, dtype=8, dst=RAM_VA, arg0=1, timeline=1))
        until(lambda: self.queue.status() & sfab.Q_WAITING, "the queue waits")
        other.run(command(sfab.WRITE, dtype=8, dst=HBM_VA, arg0=7))
        self.lab.machine.clock(100000)
        self.queue.wait_value(1)

    def test_length_zero_needs_no_address(self):
        wild = 0x123456789000
        self.run_one(sfab.COPY, dst=wild, src=wild)
        self.run_one(sfab.COPY_2D, dst=wild, src=wild, size=0, arg0=5)
        self.run_one(sfab.COPY_2D, dst=wild, src=wild, size=8, arg0=0, arg1=8, arg2=8)
        self.run_one(sfab.FILL, dtype=4, dst=wild)
        self.run_one(sfab.REDUCE, dst=wild, src=wild)

    def test_ring_wraps(self):
        for value in range(1, 301):
            self.queue.put(command(sfab.ATOMIC, COMPLETE, dtype=8, dst=HBM_VA, arg0=1,
                                   timeline=value))
            if value % 50 == 0:
                self.queue.doorbell()
                self.queue.wait_value(value)
        self.assertEqual(self.hbm.u64(HBM_AT), 300)
        until(lambda: self.queue.head() == 300, "the last command is counted")

    def test_queues_run_side_by_side(self):
        queues = [self.queue] + [Queue(self.accel, number) for number in range(1, 8)]
        for queue in queues:
            queue.submit(*[command(sfab.ATOMIC, dtype=8, dst=RAM_VA, arg0=1)] * 60,
                         command(sfab.NOP, COMPLETE, timeline=9))
        for queue in queues:
            queue.wait_value(9)
        self.assertEqual(self.ram.u64(RAM_AT), 480)

    def test_queues_have_their_own_address_space(self):
        other = AddressSpace(self.accel, 1)
        other.map(HBM_VA, 4096, HBM, HBM_AT + 4 * MiB)
        second = Queue(self.accel, 1, vm=1)
        self.run_one(sfab.WRITE, dtype=4, dst=HBM_VA, arg0=1)
        second.run(command(sfab.WRITE, dtype=4, dst=HBM_VA, arg0=2))
        self.assertEqual((self.hbm.u32(HBM_AT), self.hbm.u32(HBM_AT + 4 * MiB)), (1, 2))

    def test_a_command_longer_than_a_slice(self):
        self.vm.map(1 << 32, 24 * MiB, HBM, HBM_AT)
        self.run_one(sfab.FILL, dtype=8, dst=1 << 32, size=24 * MiB, arg0=0x0123456789abcdef)
        self.assertEqual(self.hbm.read(HBM_AT, 24 * MiB),
                         bytes.fromhex("efcdab8967452301") * (3 * MiB))
        self.assertEqual(self.accel.counter(1), 24 * MiB)
