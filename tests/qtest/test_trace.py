# SPDX-License-Identifier: MIT
"""Trace events: what a developer sees of a command, a fault, an interrupt, a reset."""

import unittest

import sfab
from machine import until
from sfab import COMPLETE, IRQ, SYSTEM, AddressSpace, Lab, Queue, command


class Trace(unittest.TestCase):

    def test_events(self):
        lab = self.enterContext(Lab())
        accel = lab.accels[0]
        vm = AddressSpace(accel, 0)
        vm.map(0x1000, 4096, SYSTEM, sfab.RAM_FREE)
        queue = Queue(accel, 3, vector=2)
        lab.machine.qmp("trace-event-set-state", name="sfab_*", enable=True)
        queue.run(command(sfab.WRITE, COMPLETE | IRQ, dtype=8, dst=0x1000, arg0=1, timeline=1))
        accel.wait_interrupt(2)
        until(vm.invalidate(), "the invalidation is complete")
        queue.submit(command(sfab.WRITE, dtype=8, dst=0x5000, arg0=1))
        queue.wait_fault()
        accel.pci.bus_master(False)
        queue.reset()
        queue.configure()
        queue.submit(command(sfab.NOP))
        queue.wait_fault()
        accel.reset()
        log = "\n".join(lab.machine.guest_errors())
        for line in ("sfab_accel_write accel0: BAR0 0x13000 size 4 becomes 0x1",
                     "sfab_accel_read accel0: BAR0 0x40e0 size 4",
                     "sfab_event_doorbell accel0: queue 3 tail 1 head 0",
                     "sfab_event_command accel0: queue 3 opcode 0x6 index 0",
                     f"sfab_bus_map accel0: bus address {sfab.RAM_FREE:#x} length 0x8 write 1",
                     "sfab_event_finish accel0: queue 3 opcode 0x6 index 0",
                     "sfab_bus_irq accel0: vector 2", "sfab_event_invalidated accel0: VM 0 done 1",
                     "sfab_event_fault accel0: queue 3 Q_FAULT 0x80020601 address 0x5000",
                     "sfab_event_queue_reset accel0: queue 3 busy 0",
                     f"sfab_bus_refused accel0: bus address {queue.base:#x}",
                     "sfab_event_reset accel0: kind 0", "sfab_event_drained accel0"):
            self.assertIn(line, log)
