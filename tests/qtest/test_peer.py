# SPDX-License-Identifier: MIT
"""Accelerators that reach each other's HBM through BAR 2."""

import random
import time
import unittest

import pci
import sfab
from machine import MiB, until
from sfab import COMPLETE, HBM, PEER, AddressSpace, Lab, Queue, command

HBM_AT = 32 * MiB
LOCAL, THEIRS, THIRD = 0x10000000, 0x20000000, 0x30000000


def reach(accel, *peers):
    """A queue whose VM maps 16 MiB of the own HBM and of each peer's."""
    vm = AddressSpace(accel, 0)
    vm.map(LOCAL, 16 * MiB, HBM, HBM_AT)
    for va, peer in zip((THEIRS, THIRD), peers):
        vm.map(va, 16 * MiB, PEER, peer.bar2 + HBM_AT)
    return Queue(accel, 0)


class Peers(unittest.TestCase):

    def setUp(self):
        self.lab = self.enterContext(Lab(accels=3))
        self.a, self.b, self.c = self.lab.accels
        self.data = random.Random(1).randbytes(9 * MiB + 5)

    def copy(self, queue, dst, src):
        queue.run(command(sfab.COPY, COMPLETE, dst=dst, src=src, size=len(self.data),
                          timeline=1))

    def test_capability(self):
        self.assertTrue(self.a.r64(sfab.CAPS) & sfab.CAP_PEER)

    def test_push_and_pull(self):
        queue = reach(self.a, self.b)
        self.a.hbm.write(HBM_AT, self.data)
        self.copy(queue, THEIRS + 3, LOCAL)
        self.assertEqual(self.b.hbm.read(HBM_AT + 3, len(self.data)), self.data)
        self.a.hbm.write(HBM_AT, bytes(len(self.data)))
        self.copy(queue, LOCAL + 77, THEIRS + 3)
        self.assertEqual(self.a.hbm.read(HBM_AT + 77, len(self.data)), self.data)
        self.assertEqual(self.a.counter(3), 2 * len(self.data))
        self.assertEqual(self.a.counter(2), 0)
        self.assertEqual(self.b.counter(1), 0, "the target does no work")

    def test_between_two_others(self):
        queue = reach(self.a, self.b, self.c)
        self.b.hbm.write(HBM_AT, self.data)
        self.copy(queue, THIRD, THEIRS)
        self.assertEqual(self.c.hbm.read(HBM_AT, len(self.data)), self.data)

    def test_atomics_of_two_devices(self):
        """Both add to the same word of c; no addition is lost."""
        queues = [reach(self.a, self.c), reach(self.b, self.c)]
        for _ in range(20):
            for queue in queues:
                queue.put(*[command(sfab.ATOMIC, dtype=8, dst=THEIRS, arg0=1)] * 60)
                queue.doorbell()
            for queue in queues:
                until(lambda: queue.status() & sfab.Q_IDLE,  # pylint: disable=W0640
                      "the queue is idle")
        self.assertEqual(self.c.hbm.u64(HBM_AT), 2 * 20 * 60)

    def test_both_ways_at_once(self):
        queues = [reach(self.a, self.b), reach(self.b, self.a)]
        self.a.hbm.write(HBM_AT, self.data)
        self.b.hbm.write(HBM_AT + 16 * MiB - 4096, b"\x66" * 4096)
        queues[0].submit(command(sfab.COPY, COMPLETE, dst=THEIRS, src=LOCAL,
                                 size=len(self.data), timeline=1))
        queues[1].submit(command(sfab.COPY, COMPLETE, dst=THEIRS + 15 * MiB,
                                 src=LOCAL + 16 * MiB - 4096, size=4096, timeline=1))
        for queue in queues:
            queue.wait_value(1)
        self.assertEqual(self.b.hbm.read(HBM_AT, len(self.data)), self.data)
        self.assertEqual(self.a.hbm.read(HBM_AT + 15 * MiB, 4096), b"\x66" * 4096)

    def check_gone(self, queue):
        """The endless copy into the peer ends in a BUS_ERROR, and the device lives."""
        cause, access, opcode, _, address = queue.wait_fault()
        self.assertEqual((cause, access, opcode),
                         (sfab.BUS_ERROR, sfab.ACCESS_WRITE, sfab.COPY))
        self.assertLess(address, 1 << 39)
        queue.reset()
        queue.configure()
        queue.run(command(sfab.NOP, COMPLETE, timeline=8))

    def endless(self):
        """a copies 400 GiB into one 2 MiB page of b."""
        vm = AddressSpace(self.a, 0)
        dst = vm.mirror(0, PEER, self.b.bar2 + HBM_AT)
        src = vm.mirror(1, HBM, HBM_AT)
        self.a.hbm.write(HBM_AT, b"\x33" * 4096)
        queue = Queue(self.a, 0)
        queue.submit(command(sfab.COPY, dst=dst, src=src, size=400 << 30))
        until(lambda: self.b.hbm.read(HBM_AT, 1) == b"\x33", "the copy is under way")
        return queue

    def test_the_peer_closes_its_bar(self):
        queue = self.endless()
        self.b.pci.update(pci.COMMAND, 2, pci.COMMAND_MEMORY)
        self.check_gone(queue)

    def test_the_peer_is_reset(self):
        queue = self.endless()
        self.b.function_level_reset()
        self.check_gone(queue)

    def test_the_peer_is_pulled(self):
        queue = self.endless()
        self.lab.machine.qmp("qom-set", path="/machine/peripheral/accel1",
                             property="x-surprise-removed", value=True)
        self.check_gone(queue)


class NoPeers(unittest.TestCase):

    def test_p2p_off(self):
        lab = self.enterContext(Lab(accels=2, properties="p2p=off"))
        a, b = lab.accels
        self.assertFalse(a.r64(sfab.CAPS) & sfab.CAP_PEER)
        queue = reach(a, b)
        queue.submit(command(sfab.COPY, dst=THEIRS, src=LOCAL, size=64))
        self.assertEqual(queue.wait_fault(),
                         (sfab.BUS_ERROR, sfab.ACCESS_WRITE, sfab.COPY, 0, THEIRS))


class Pulled(unittest.TestCase):
    """x-surprise-removed: the device behaves as if its card had been pulled."""

    def setUp(self):
        self.lab = self.enterContext(Lab())
        self.accel = self.lab.accels[0]

    def pull(self, removed=True):
        self.lab.machine.qmp("qom-set", path="/machine/peripheral/accel0",
                             property="x-surprise-removed", value=removed)

    def test_everything_reads_as_ones(self):
        self.pull()
        for offset in (sfab.MAGIC, sfab.STATUS, 0x4000, 0x10000, 0xffffc):
            self.assertEqual(self.accel.r32(offset), 0xffffffff)
        self.assertEqual(self.accel.r64(sfab.HBM_SIZE), (1 << 64) - 1)
        self.assertEqual(self.lab.machine.read(self.accel.bar2, 8), (1 << 64) - 1)
        self.assertEqual(self.lab.machine.read(self.accel.bar4, 4), 0xffffffff)
        for offset, size in ((0, 4), (2, 2), (8, 1), (0x100, 4)):
            self.assertEqual(self.accel.pci.read(offset, size), (1 << 8 * size) - 1)

    def test_writes_go_nowhere(self):
        self.accel.w32(sfab.SCRATCH, 1)
        self.accel.hbm.set_u64(HBM_AT, 1)
        self.pull()
        self.accel.w32(sfab.SCRATCH, 2)
        self.lab.machine.write(self.accel.bar2 + HBM_AT, 2, 8)
        self.accel.pci.write(pci.COMMAND, 0, 2)
        self.pull(False)
        self.assertEqual(self.accel.r32(sfab.SCRATCH), 0, "it has lost its state")
        self.assertEqual(self.accel.hbm.u64(HBM_AT), 1)
        self.assertEqual(self.accel.pci.read(pci.COMMAND, 2) & 6, 6)
        self.accel.bring_up()

    def test_its_copy_ends(self):
        vm = AddressSpace(self.accel, 0)
        dst = vm.mirror(0, sfab.SYSTEM, sfab.RAM_FREE)
        src = vm.mirror(1, HBM, HBM_AT)
        self.accel.hbm.write(HBM_AT, b"\x44" * (2 * MiB))
        queue = Queue(self.accel, 0)
        queue.submit(command(sfab.COPY, COMPLETE, dst=dst, src=src, size=400 << 30, timeline=1))
        until(lambda: self.lab.ram.read(sfab.RAM_FREE, 1) == b"\x44", "the copy is under way")
        self.pull()
        time.sleep(0.1)
        self.lab.ram.write(sfab.RAM_FREE, bytes(2 * MiB))
        time.sleep(0.05)
        self.assertEqual(self.lab.ram.read(sfab.RAM_FREE, 2 * MiB), bytes(2 * MiB))
        self.pull(False)
        until(lambda: self.accel.r32(sfab.STATUS) == sfab.READY, "the device has drained")
