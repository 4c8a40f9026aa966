# SPDX-License-Identifier: MIT
"""An engine whose thread hangs inside a slice: nobody waits for it, or not for long."""

import time
import unittest

import sfab
from freeze import Frozen
from machine import MiB, until
from sfab import COMPLETE, HBM, AddressSpace, Lab, Queue, command

HBM_AT = 32 * MiB


class Caught(unittest.TestCase):
    """A device with a single engine that can be caught inside a slice."""

    def setUp(self):
        self.lab = self.enterContext(Lab(properties="engines=1,ports=0"))
        self.accel = self.lab.accels[0]
        self.engine = None

    def catch(self, *commands):
        """Run the commands on 2 MiB of HBM over and over, and hold the engine in one of them."""
        self.queue = Queue(self.accel, 0)
        self.queue.submit(*commands)
        thread, = self.lab.machine.threads("sfab/0")
        self.engine = Frozen(thread)
        self.addCleanup(self.let_go)
        for _ in range(100):
            self.engine.hold()
            if self.harmless():
                return
            self.engine.release()
            time.sleep(0.003)
        self.fail("the engine could not be caught in a copy")

    def let_go(self):
        if self.engine:
            self.engine.detach()
            self.engine = None

    def harmless(self):
        """Whether the thread was caught while it copies, so holds no lock that others need."""
        with open(f"/proc/{self.lab.machine.process.pid}/task/{self.engine.thread}/syscall",
                  encoding="ascii") as file:
            in_kernel = not file.read().startswith(("running", "-1"))
        if in_kernel:
            return False
        self.lab.machine.qtest.send(f"readl {self.accel.bar0 + sfab.STATUS:#x}")
        try:
            words = self.lab.machine.qtest.receive(0.5).split()
        except TimeoutError:
            self.engine.release()
            words = self.lab.machine.qtest.receive().split()
            self.engine.hold()
            return False
        return bool(int(words[1], 0) & sfab.BUSY)


class Hang(Caught):

    def setUp(self):
        super().setUp()
        vm = AddressSpace(self.accel, 0)
        dst, src = vm.mirror(0, HBM, HBM_AT), vm.mirror(1, HBM, HBM_AT + 2 * MiB)
        self.catch(command(sfab.COPY, dst=dst, src=src, size=400 << 30))

    def test_migration_is_refused(self):
        machine = self.lab.machine
        machine.qmp("migrate", uri=f"file:{machine.folder}/state")
        until(lambda: machine.qmp("query-migrate")["status"] == "failed",
              "the migration fails")
        self.assertIn("still inside a slice", machine.log())
        until(lambda: machine.qmp("query-status")["running"], "the VM goes on")
        self.let_go()
        before = self.accel.counter(1)
        until(lambda: self.accel.counter(1) > before, "the copy goes on")
        machine.qmp("migrate", uri=f"file:{machine.folder}/state")
        until(lambda: machine.qmp("query-migrate")["status"] == "completed",
              "the migration succeeds")

    def test_reset_does_not_wait(self):
        self.accel.w32(sfab.RESET, sfab.RESET_KEY)
        self.assertEqual(self.accel.r32(sfab.STATUS), sfab.BUSY | sfab.RESETTING)
        self.accel.w32(sfab.SCRATCH, 1)
        self.assertEqual(self.accel.r32(sfab.SCRATCH), 0)
        self.assertEqual(self.accel.r32(0x4020), sfab.Q_BUSY | sfab.Q_IDLE)
        self.let_go()
        until(lambda: self.accel.r32(sfab.STATUS) == sfab.READY, "the reset has drained")
        self.assertEqual(self.accel.r32(sfab.INT_STATUS), sfab.INT_RESET)

    def test_function_level_reset_does_not_wait(self):
        self.accel.function_level_reset()
        self.accel.place()
        self.assertTrue(self.accel.r32(sfab.STATUS) & sfab.RESETTING)
        self.let_go()
        until(lambda: self.accel.r32(sfab.STATUS) == sfab.READY, "the reset has drained")

    def test_queue_reset_does_not_wait(self):
        self.accel.w32(0x401c, sfab.Q_RESET)
        self.assertTrue(self.queue.status() & sfab.Q_BUSY)
        self.accel.w32(0x401c, sfab.Q_ENABLE)
        self.assertEqual(self.accel.r32(0x401c), 0, "not while it is BUSY")
        self.let_go()
        until(lambda: not self.queue.status() & sfab.Q_BUSY, "the queue is left")

    def test_invalidation_waits_for_the_slice(self):
        self.accel.w32(0x1008, 5)
        time.sleep(0.1)
        self.assertEqual(self.accel.r32(0x100c), 0)
        self.let_go()
        until(lambda: self.accel.r32(0x100c) == 5, "the invalidation is complete")

    def test_unplug_does_not_wait(self):
        machine = self.lab.machine
        machine.qmp("device_del", id="accel0")
        self.accel.port.power_off_slot()
        self.assertEqual(self.accel.pci.read(0, 4), 0xffffffff)
        time.sleep(0.3)
        machine.qmp("query-status")
        self.assertFalse([event for event in machine.events
                          if event["event"] == "DEVICE_DELETED"])
        self.let_go()
        machine.wait_event("DEVICE_DELETED")
        machine.qmp("object-del", id="hbm0")


class HangBeforeCompletion(Caught):

    def test_unplugged_device_completes_nothing(self):
        """The slice that ends after the unplug was the command's last: its timeline is not
        stored, through a bus that the device has left."""
        vm = AddressSpace(self.accel, 0)
        dst, src = vm.mirror(0, HBM, HBM_AT), vm.mirror(1, HBM, HBM_AT + 2 * MiB)
        self.catch(*[command(sfab.REDUCE, COMPLETE, dtype=2, op=1, dst=dst, src=src,
                             size=4 * MiB, timeline=value) for value in range(1, 65)])
        machine = self.lab.machine
        machine.qmp("device_del", id="accel0")
        self.accel.port.power_off_slot()
        time.sleep(0.3)
        before = self.queue.value()
        self.assertLess(before, 64)
        self.let_go()
        machine.wait_event("DEVICE_DELETED")
        self.assertEqual(self.queue.value(), before)
