# SPDX-License-Identifier: MIT
"""Plugging and unplugging at run time, also in the middle of a copy."""

import unittest

import sfab
from machine import MiB, QmpError, until
from sfab import COMPLETE, HBM, PEER, SYSTEM, Accel, AddressSpace, Lab, Queue, command

HBM_AT = 32 * MiB


class Hotplug(unittest.TestCase):

    def setUp(self):
        self.lab = self.enterContext(Lab(accels=2))
        self.machine = self.lab.machine
        self.a, self.b = self.lab.accels

    def unplug(self, accel):
        """The orderly way: attention button, then the guest cuts the power."""
        name = f"accel{accel.index}"
        self.machine.qmp("device_del", id=name)
        accel.port.power_off_slot()
        until(lambda: self.machine.wait_event("DEVICE_DELETED")["data"].get("device") == name,
              f"{name} is deleted")
        self.assertEqual(accel.pci.read(0, 4), 0xffffffff)

    def plug(self, index):
        """Plug a device with a backend of its own into a port that is free."""
        self.machine.qmp("device_add", driver="sfab-accel", id=f"accel{index}",
                         bus=f"port{index}", hbmdev=f"hbm{index}")
        port = self.lab.accels[index].port
        control = port.capability(sfab.pci.CAP_EXPRESS) + 0x18
        port.update(control, 2, 0x0700, 0x0100)    # power on
        accel = Accel(self.machine, index, self.lab.hbms[index])
        self.lab.accels[index] = accel
        return accel.bring_up()

    def endless(self, accel, aperture, address):
        """accel copies 400 GiB from its HBM into one 2 MiB page."""
        accel.next_table = 0
        vm = AddressSpace(accel, 0)
        dst = vm.mirror(0, aperture, address)
        src = vm.mirror(1, HBM, HBM_AT)
        accel.hbm.write(HBM_AT, b"\x33" * 4096)
        queue = Queue(accel, 0)
        queue.submit(command(sfab.COPY, dst=dst, src=src, size=400 << 30))
        return queue

    def works(self, accel):
        accel.next_table = 0
        AddressSpace(accel, 0)
        queue = Queue(accel, 1)
        queue.run(command(sfab.NOP, COMPLETE, timeline=6))
        self.assertEqual(queue.value(), 6)

    def test_unplug_and_plug(self):
        self.unplug(self.b)
        self.works(self.plug(1))
        self.works(self.a)

    def test_the_backend_is_free_after_unplug(self):
        with self.assertRaises(QmpError):
            self.machine.qmp("object-del", id="hbm1")
        self.unplug(self.b)
        self.machine.qmp("object-del", id="hbm1")

    def test_unplug_during_its_copy(self):
        for _ in range(8):
            self.endless(self.b, SYSTEM, sfab.RAM_FREE)
            until(lambda: self.lab.ram.read(sfab.RAM_FREE, 1) == b"\x33",
                  "the copy is under way")
            self.unplug(self.b)
            self.lab.ram.write(sfab.RAM_FREE, bytes(4096))
            self.works(self.plug(1))
        self.works(self.a)

    def test_unplug_the_peer_during_a_copy_into_it(self):
        """Its memory, too, may be deleted: the mapping holds it."""
        queue = self.endless(self.a, PEER, self.b.bar2 + HBM_AT)
        until(lambda: self.b.hbm.read(HBM_AT, 1) == b"\x33", "the copy is under way")
        self.unplug(self.b)
        self.machine.qmp("object-del", id="hbm1")
        cause, access, opcode, _, _ = queue.wait_fault()
        self.assertEqual((cause, access, opcode),
                         (sfab.BUS_ERROR, sfab.ACCESS_WRITE, sfab.COPY))
        self.works(self.a)

    def test_unplug_both_while_they_copy_into_each_other(self):
        self.endless(self.a, PEER, self.b.bar2 + HBM_AT + 4 * MiB)
        self.endless(self.b, PEER, self.a.bar2 + HBM_AT + 4 * MiB)
        for accel in (self.a, self.b):
            until(lambda: accel.hbm.read(HBM_AT + 4 * MiB, 1) == b"\x33",  # pylint: disable=W0640
                  "the copy is under way")
        self.unplug(self.a)
        self.unplug(self.b)
        for name in ("hbm0", "hbm1"):
            self.machine.qmp("object-del", id=name)

    def test_power_cut_during_a_copy(self):
        """The guest cuts the power of the slot without being asked."""
        self.endless(self.b, SYSTEM, sfab.RAM_FREE)
        until(lambda: self.lab.ram.read(sfab.RAM_FREE, 1) == b"\x33", "the copy is under way")
        self.b.port.power_off_slot()
        self.machine.wait_event("DEVICE_DELETED")
        self.works(self.plug(1))

    def test_plug_while_stopped(self):
        self.unplug(self.b)
        self.machine.qmp("stop")
        self.machine.qmp("device_add", driver="sfab-accel", id="accel1", bus="port1",
                         hbmdev="hbm1")
        self.machine.qmp("cont")
        port = self.b.port
        port.update(port.capability(sfab.pci.CAP_EXPRESS) + 0x18, 2, 0x0700, 0x0100)
        self.b.place()
        self.works(self.b.bring_up())

    def test_refused_device_leaves_its_backend_free(self):
        self.unplug(self.b)
        for wrong in ({"queues": 129}, {"engines": 0}):
            with self.assertRaisesRegex(QmpError, next(iter(wrong))):
                self.machine.qmp("device_add", driver="sfab-accel", id="accel1", bus="port1",
                                 hbmdev="hbm1", **wrong)
        self.works(self.plug(1))


class HotplugMemory(unittest.TestCase):

    def test_backend_added_at_run_time(self):
        lab = self.enterContext(Lab(args=sfab.pci.RootPort.option(1)))
        lab.machine.qmp("object-add", qom_type="memory-backend-ram", id="hbm1", size=64 * MiB)
        lab.machine.qmp("device_add", driver="sfab-accel", id="accel1", bus="port1",
                        hbmdev="hbm1")
        port = sfab.pci.RootPort(lab.machine, 1)
        port.update(port.capability(sfab.pci.CAP_EXPRESS) + 0x18, 2, 0x0700, 0x0100)
        accel = Accel(lab.machine, 1, None)
        self.assertEqual(accel.r64(sfab.HBM_SIZE), 64 * MiB)
