# SPDX-License-Identifier: MIT
"""Saving a VM and loading it elsewhere, with the device idle, waiting, and at work."""

import os
import time
import unittest

import sfab
from machine import MiB, until
from sfab import COMPLETE, HBM, IRQ, SYSTEM, AddressSpace, Lab, Queue, command

HBM_AT, RAM_AT = 32 * MiB, sfab.RAM_FREE
HBM_VA, RAM_VA = 0x10000000, 0x20000000


class Migration(unittest.TestCase):

    def setUp(self):
        self.source = self.enterContext(Lab(properties="ports=0"))
        self.accel = self.source.accels[0]
        self.vm = AddressSpace(self.accel, 0)
        self.vm.map(HBM_VA, 24 * MiB, HBM, HBM_AT)
        self.vm.map(RAM_VA, 24 * MiB, SYSTEM, RAM_AT)
        self.queue = Queue(self.accel, 0, vector=1)

    def start(self, **destination):
        """Start a destination and the migration; returns the destination."""
        properties = ",".join(filter(None, ("ports=0", destination.pop("properties", ""))))
        dest = self.enterContext(Lab(args=["-incoming", "defer"], place=False,
                                     properties=properties, **destination))
        where = f"unix:{os.path.join(dest.machine.folder, 'migration')}"
        dest.machine.qmp("migrate-incoming", uri=where)
        self.source.machine.qmp("migrate", uri=where)
        return dest

    def outcome(self):
        status = self.source.machine.qmp("query-migrate")["status"]
        return status if status in ("completed", "failed") else None

    def finish(self, dest):
        self.assertEqual(until(self.outcome, "the migration ends"), "completed")
        until(lambda: dest.machine.qmp("query-status")["running"], "the destination runs")
        return dest.accels[0]

    def migrate(self):
        """Afterwards self.accel and self.queue are those of the destination."""
        dest = self.start()
        self.accel = self.finish(dest)
        self.queue = self.moved(self.queue)
        return dest

    def moved(self, queue):
        """The same queue on the destination."""
        new = Queue(self.accel, queue.number, log2=queue.log2, configure=False)
        new.tail = queue.tail
        return new

    def snapshot(self):
        accel = self.accel
        names = [sfab.HBM_SIZE, sfab.SERIAL, sfab.UUID, sfab.UUID + 8, sfab.QUEUE_EVENT,
                 sfab.QUEUE_FAULT, sfab.TIME]
        words = [sfab.CTRL, sfab.STATUS, sfab.SCRATCH, sfab.INT_STATUS, sfab.INT_ENABLE]
        for vm in range(3):
            names.append(0x1000 + vm * 0x20)
            words += [0x1008 + vm * 0x20, 0x100c + vm * 0x20]
        for queue in range(3):
            block = 0x4000 + queue * 0x40
            names += [block + sfab.Q_BASE, block + sfab.Q_TIMELINE, block + sfab.Q_FAULT_ADDR]
            words += [block + offset for offset in (
                sfab.Q_SIZE, sfab.Q_VM, sfab.Q_VECTOR, sfab.Q_CTRL, sfab.Q_STATUS, sfab.Q_HEAD,
                sfab.Q_TAIL, sfab.Q_FAULT, sfab.Q_FAULT_INDEX)]
        state = {offset: accel.r64(offset) for offset in names}
        state.update({offset: accel.r32(offset) for offset in words})
        state["counters"] = [accel.counter(number) for number in range(8)]
        state["msix"] = [accel.machine.read(accel.bar4 + 8 * word, 8) for word in range(32)]
        state["pending"] = [accel.pending(vector) for vector in range(16)]
        state["config"] = [accel.pci.read(offset, 4) for offset in range(0, 0x180, 4)]
        return state

    def check_moved(self, dest):
        """Below RAM_AT are rings, which the test writes without QEMU's knowledge."""
        self.assertTrue(self.source.hbms[0].map[:] == dest.hbms[0].map[:], "HBM differs")
        self.assertTrue(self.source.ram.map[RAM_AT:] == dest.ram.map[RAM_AT:], "RAM differs")

    def test_everything_arrives(self):
        self.accel.hbm.write(HBM_AT, os.urandom(MiB))
        self.source.machine.clock(1000000)
        # Correctable: for others QEMU 10.0 overwrites the link capabilities too.
        self.source.machine.hmp("pcie_aer_inject_error accel0 BAD_TLP")
        self.accel.w32(sfab.SCRATCH, 0x1234)
        until(self.vm.invalidate(), "the invalidation is complete")
        self.queue.run(command(sfab.COPY, COMPLETE | IRQ, dst=RAM_VA, src=HBM_VA, size=MiB,
                               timeline=4))
        halted = Queue(self.accel, 1, vector=2)
        halted.submit(command(sfab.NOP), command(sfab.COPY, dst=1 << 40, src=RAM_VA, size=8))
        halted.wait_fault()
        self.accel.mask_vector(3, True)
        Queue(self.accel, 2, vector=3).run(command(sfab.NOP, COMPLETE | IRQ, timeline=1))
        until(lambda: self.accel.pending(3), "vector 3 is pending")
        before = self.snapshot()
        dest = self.migrate()
        self.assertEqual(self.snapshot(), before)
        self.check_moved(dest)

        self.accel.w64(sfab.QUEUE_EVENT, 1)
        self.accel.take_interrupt(1)
        self.queue.run(command(sfab.COPY, COMPLETE | IRQ, dst=RAM_VA + 4 * MiB, src=HBM_VA,
                               size=MiB, timeline=5))
        self.accel.wait_interrupt(1)
        self.assertEqual(dest.ram.read(RAM_AT + 4 * MiB, MiB), dest.hbms[0].read(HBM_AT, MiB))
        self.accel.mask_vector(3, False)
        self.accel.wait_interrupt(3)
        halted = self.moved(halted)
        halted.reset()
        self.assertEqual(self.accel.r64(sfab.QUEUE_FAULT), 0)

    def test_half_written_register(self):
        self.accel.w32(0x4000 + 5 * 0x40, 0x7000)
        self.migrate()
        self.accel.w32(0x4004 + 5 * 0x40, 0x1)
        self.assertEqual(self.accel.r64(0x4000 + 5 * 0x40), 0x100007000)

    def test_a_wait_goes_on(self):
        self.queue.submit(command(sfab.WAIT, dtype=8, op=0, src=RAM_VA, arg0=1,
                                  arg1=(1 << 64) - 1, arg2=1000000),
                          command(sfab.NOP, COMPLETE | IRQ, timeline=1))
        until(lambda: self.queue.status() & sfab.Q_WAITING, "the queue waits")
        self.source.machine.clock(300000)
        until(lambda: self.queue.status() & sfab.Q_WAITING, "the queue waits")
        dest = self.migrate()
        self.assertEqual((self.queue.head(), self.queue.value()), (0, 0))
        dest.ram.set_u64(RAM_AT, 1)
        dest.machine.clock(100000)
        self.queue.wait_value(1)
        self.accel.wait_interrupt(1)

    def test_a_wait_keeps_its_limit(self):
        self.queue.submit(command(sfab.WAIT, dtype=8, op=0, src=RAM_VA, arg0=1,
                                  arg1=(1 << 64) - 1, arg2=1000000))
        until(lambda: self.queue.status() & sfab.Q_WAITING, "the queue waits")
        self.source.machine.clock(900000)
        dest = self.migrate()
        for _ in range(3):
            dest.machine.clock(100000)
        self.assertEqual(self.queue.wait_fault()[0], sfab.WAIT_TIMEOUT)

    def stop_in_the_middle(self, size):
        """Start the copy and stop the engines before it is finished."""
        for _ in range(50):
            self.queue.submit(command(sfab.COPY, COMPLETE, dst=RAM_VA, src=HBM_VA, size=size,
                                      timeline=1))
            self.accel.w32(sfab.CTRL, 0)
            until(lambda: not self.accel.r32(sfab.STATUS) & sfab.BUSY, "the engines stop")
            if self.queue.value() == 0:
                return
            self.queue.reset()
            self.accel.w32(sfab.CTRL, 1)
            self.queue = Queue(self.accel, 0, vector=1)
        self.fail("the copy could not be stopped in time")

    def test_a_copy_goes_on_where_it_was(self):
        data = os.urandom(24 * MiB)
        self.accel.hbm.write(HBM_AT, data)
        self.stop_in_the_middle(len(data))
        counted = self.accel.counter(2) % len(data)
        dest = self.migrate()
        self.assertEqual(dest.ram.read(RAM_AT, counted), data[:counted])
        self.accel.w32(sfab.CTRL, 1)
        self.queue.wait_value(1)
        self.assertTrue(dest.ram.read(RAM_AT, len(data)) == data)
        self.assertEqual(self.accel.counter(2) % len(data), 0, "no byte was copied twice")

    def test_a_copy_at_work_goes_on(self):
        dst, src = self.vm.mirror(1, SYSTEM, RAM_AT), self.vm.mirror(2, HBM, HBM_AT)
        self.accel.hbm.write(HBM_AT, b"\x77" * (2 * MiB))
        self.queue.submit(command(sfab.COPY, dst=dst, src=src, size=400 << 30))
        until(lambda: self.source.ram.read(RAM_AT, 1) == b"\x77", "the copy is under way")
        dest = self.migrate()
        self.check_source_is_still()
        dest.ram.write(RAM_AT, bytes(2 * MiB))
        until(lambda: dest.ram.read(RAM_AT, 1) == b"\x77", "the copy goes on")
        self.queue.reset()

    def check_source_is_still(self):
        self.source.ram.write(RAM_AT, bytes(2 * MiB))
        time.sleep(0.05)
        self.assertEqual(self.source.ram.read(RAM_AT, 2 * MiB), bytes(2 * MiB))

    def test_memory_written_during_migration(self):
        """Pages that the device writes after they were sent are sent again."""
        self.accel.hbm.write(HBM_AT, os.urandom(24 * MiB))
        self.source.ram.write(RAM_AT, os.urandom(24 * MiB))
        self.source.machine.qmp("migrate-set-parameters", max_bandwidth=60 * MiB,
                                downtime_limit=20)
        dest = self.start(run=False)
        rounds = 0
        while not self.outcome():
            rounds += 1
            offset = rounds * 4096 % (20 * MiB)
            self.queue.submit(
                command(sfab.FILL, dtype=8, dst=HBM_VA + offset, size=65536, arg0=rounds),
                command(sfab.FILL, dtype=8, dst=RAM_VA + offset, size=65536, arg0=rounds),
                command(sfab.WRITE, dtype=8, dst=HBM_VA + 21 * MiB, arg0=rounds),
                command(sfab.ATOMIC, dtype=8, dst=HBM_VA + 22 * MiB, src=HBM_VA + 23 * MiB,
                        arg0=1))
            until(lambda: self.queue.status() & sfab.Q_IDLE or self.outcome(),
                  "the commands or the migration end")
        self.assertEqual(self.outcome(), "completed")
        self.assertGreater(rounds, 20)      # with so short a downtime it is not done at once
        info = self.source.machine.qmp("query-migrate")["ram"]
        self.assertGreaterEqual(info["dirty-sync-count"], 2)
        until(lambda: dest.machine.qmp("query-status")["status"] == "paused",
              "the destination has loaded")
        self.check_moved(dest)

    def test_stop_and_continue(self):
        dst, src = self.vm.mirror(1, SYSTEM, RAM_AT), self.vm.mirror(2, HBM, HBM_AT)
        self.accel.hbm.write(HBM_AT, b"\x77" * (2 * MiB))
        self.queue.submit(command(sfab.COPY, dst=dst, src=src, size=400 << 30))
        for _ in range(20):
            until(lambda: self.source.ram.read(RAM_AT, 1) == b"\x77", "the copy is under way")
            self.source.machine.qmp("stop")
            self.source.ram.write(RAM_AT, b"\x22" * (2 * MiB))
            time.sleep(0.01)
            self.assertEqual(self.source.ram.read(RAM_AT, 2 * MiB), b"\x22" * (2 * MiB))
            self.source.machine.qmp("cont")

    def check_refused(self, complaint, **destination):
        """The destination gives up and says why; the source goes on."""
        dest = self.start(**destination)
        try:
            dest.machine.process.wait(30)
        finally:
            log = dest.machine.log()
        self.assertIn(complaint, log)
        until(self.outcome, "the migration ends")
        if not self.source.machine.qmp("query-status")["running"]:
            self.source.machine.qmp("cont")
        self.queue.run(command(sfab.NOP, COMPLETE, timeline=9))
        self.assertEqual(self.queue.value(), 9)
        dest.machine.expect_failure()

    def test_other_queues_are_refused(self):
        self.check_refused("the same queues", properties="queues=32")

    def test_other_serial_is_refused(self):
        self.check_refused("the same serial", properties="serial=77")

    def test_other_vectors_are_refused(self):
        self.check_refused("the same vectors", properties="vectors=3")

    def test_other_hbm_size_is_refused(self):
        self.check_refused("hbm0", hbm=128 * MiB)
