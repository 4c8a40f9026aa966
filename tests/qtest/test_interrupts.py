# SPDX-License-Identifier: MIT
"""MSI-X: delivery, masking, gating, and a device with a single vector."""

import unittest

import sfab
from machine import until
from sfab import COMPLETE, IRQ, AddressSpace, Lab, Queue, command


def signal(timeline=1):
    return command(sfab.NOP, COMPLETE | IRQ, timeline=timeline)


class Interrupts(unittest.TestCase):

    def setUp(self):
        self.lab = self.enterContext(Lab())
        self.accel = self.lab.accels[0]
        AddressSpace(self.accel, 0)

    def settle(self, vector=0):
        """Whatever was raised has been delivered when a later one arrives."""
        witness = Queue(self.accel, 7, vector=8)
        witness.run(signal())
        self.accel.wait_interrupt(8)
        self.accel.w64(sfab.QUEUE_EVENT, 1 << 7)
        witness.reset()
        return self.accel.take_interrupt(vector)

    def test_every_queue_has_its_vector(self):
        for number in range(6):
            queue = Queue(self.accel, number, vector=number + 1)
            queue.run(signal(5))
            self.accel.wait_interrupt(number + 1)
            self.assertEqual(queue.value(), 5, "the timeline is there before the interrupt")
            self.assertEqual(self.accel.r64(sfab.QUEUE_EVENT), 1 << number)
            self.assertEqual(self.accel.r32(sfab.INT_STATUS) & sfab.INT_QUEUE, sfab.INT_QUEUE)
            self.accel.w64(sfab.QUEUE_EVENT, 1 << number)
            self.assertEqual(self.accel.r64(sfab.QUEUE_EVENT), 0)
        for vector in (0, 7, 8):
            self.assertFalse(self.accel.take_interrupt(vector))

    def test_no_interrupt_without_irq(self):
        queue = Queue(self.accel, 0, vector=1)
        queue.run(command(sfab.NOP, COMPLETE, timeline=1))
        self.assertFalse(self.settle(1))

    def test_an_event_that_is_still_set_raises_nothing(self):
        queue = Queue(self.accel, 0, vector=1)
        queue.run(signal(1))
        self.accel.wait_interrupt(1)
        queue.run(signal(2))
        self.assertFalse(self.settle(1))
        self.accel.w64(sfab.QUEUE_EVENT, 1)
        queue.run(signal(3))
        self.accel.wait_interrupt(1)

    def test_masked_vector_is_pending(self):
        queue = Queue(self.accel, 0, vector=1)
        self.accel.mask_vector(1, True)
        queue.run(signal())
        self.assertFalse(self.settle(1))
        self.assertTrue(self.accel.pending(1))
        self.accel.mask_vector(1, False)
        self.accel.wait_interrupt(1)
        self.assertFalse(self.accel.pending(1))

    def test_masked_function_is_pending(self):
        queue = Queue(self.accel, 0, vector=1)
        self.accel.msix_control(0xc000)
        queue.run(signal())
        until(lambda: self.accel.pending(1), "vector 1 is pending")
        self.assertFalse(self.accel.take_interrupt(1))
        self.accel.msix_control(0x8000)
        self.accel.wait_interrupt(1)

    def test_int_enable_gates_the_interrupt_not_the_status(self):
        self.accel.w32(sfab.INT_ENABLE, sfab.INT_FAULT)
        queue = Queue(self.accel, 0, vector=1)
        queue.run(signal())
        until(lambda: self.accel.r32(sfab.INT_STATUS) & sfab.INT_QUEUE, "the status is set")
        self.accel.w32(sfab.INT_ENABLE, 0xf)
        self.assertFalse(self.settle(1))

    def test_status_and_event_are_cleared_apart(self):
        queue = Queue(self.accel, 0, vector=1)
        queue.run(signal())
        self.accel.w32(sfab.INT_STATUS, sfab.INT_QUEUE)
        self.assertEqual(self.accel.r64(sfab.QUEUE_EVENT), 1)
        queue.reset()
        self.assertEqual(self.accel.r64(sfab.QUEUE_EVENT), 0)

    def test_invalidation_raises_vector_0(self):
        vm = AddressSpace(self.accel, 3)
        done = vm.invalidate()
        until(done, "the invalidation is complete")
        self.accel.wait_interrupt(0)
        self.assertTrue(self.accel.r32(sfab.INT_STATUS) & sfab.INT_INVALIDATE)

    def test_counter(self):
        queue = Queue(self.accel, 0, vector=1)
        queue.run(signal())
        self.accel.wait_interrupt(1)
        self.assertEqual(self.accel.counter(6), 1)

    def test_no_delivery_without_bus_master(self):
        """The message is a write by the device: without bus mastering it is lost."""
        self.accel.mask_vector(1, True)
        queue = Queue(self.accel, 0, vector=1)
        queue.run(signal())
        until(lambda: self.accel.pending(1), "vector 1 is pending")
        self.accel.pci.bus_master(False)
        self.accel.mask_vector(1, False)
        self.accel.pci.bus_master(True)
        self.assertFalse(self.settle(1))

    def test_message_to_the_device_itself(self):
        """A message that rings the queue's own doorbell is no way to upset QEMU."""
        entry = self.accel.bar4 + 16
        self.lab.machine.write(entry, self.accel.bar0 + 0x10000, 4)
        self.lab.machine.write(entry + 8, 2, 4)
        queue = Queue(self.accel, 0, vector=1)
        queue.put(signal(1), command(sfab.NOP, COMPLETE, timeline=2))
        queue.doorbell(1)
        queue.wait_value(1)
        self.assertFalse(self.settle())
        queue.doorbell(2)
        queue.wait_value(2)


class OneVector(unittest.TestCase):

    def test_everything_on_vector_0(self):
        lab = self.enterContext(Lab(properties="vectors=1"))
        accel = lab.accels[0]
        self.assertEqual(accel.r32(sfab.NUM_VECTORS), 1)
        queues = [Queue(accel, number, vector=0) for number in range(2)]
        AddressSpace(accel, 0)
        queues[0].run(signal())
        accel.wait_interrupt(0)
        queues[1].submit(command(0x55))
        queues[1].wait_fault()
        accel.wait_interrupt(0)
        self.assertEqual(accel.r64(sfab.QUEUE_EVENT), 1)
        self.assertEqual(accel.r64(sfab.QUEUE_FAULT), 2)


class ManyVectors(unittest.TestCase):

    def test_the_last_vector(self):
        lab = self.enterContext(Lab(properties="vectors=2048,queues=128,vms=128,engines=8"))
        accel = lab.accels[0]
        entry = accel.bar4 + 16 * 2047
        for offset, value in ((0, sfab.RAM_FREE), (4, 0), (8, 0x7ff), (12, 0)):
            lab.machine.write(entry + offset, value, 4)
        AddressSpace(accel, 127)
        queue = Queue(accel, 127, vm=127, vector=2047)
        queue.run(signal(4))
        until(lambda: lab.ram.u32(sfab.RAM_FREE) == 0x7ff, "the message of vector 2047")
        self.assertEqual(accel.r64(sfab.QUEUE_EVENT + 8), 1 << 63)
