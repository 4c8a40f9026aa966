# SPDX-License-Identifier: MIT
"""Accelerators that reach each other's memory through ports and fibres of one QEMU."""

import random
import time
import unittest

import sfab
from machine import MiB, QmpError, until
from sfab import COMPLETE, FABRIC, HBM, SYSTEM, AddressSpace, Lab, Queue, command

HBM_AT = 32 * MiB
LOCAL, REMOTE, WINDOW = 0x10000000, 0x20000000, 0x30000000
SIZE = 8 * MiB
TOKEN = 0x1122334455667788
SENT, RECEIVED = 1, 3   # P_COUNTER, packets


def join(lab, a, b, a_port=0, b_port=0):
    """EIDs, routes, and a segment of each that the other one has mapped at REMOTE."""
    for accel in (a, b):
        vm = AddressSpace(accel, 0)
        vm.map(LOCAL, SIZE, HBM, HBM_AT)
        vm.map(WINDOW, SIZE, HBM, HBM_AT + SIZE)
        vm.map(REMOTE, SIZE, FABRIC, 1 << 36)
        accel.w32(sfab.EID, 10 + accel.index)
        accel.export(1, WINDOW, SIZE, TOKEN)
    a.set_route(10 + b.index, a_port)
    b.set_route(10 + a.index, b_port)
    a.import_segment(1, 10 + b.index, 1, TOKEN)
    b.import_segment(1, 10 + a.index, 1, TOKEN)
    for accel, port in ((a, a_port), (b, b_port)):
        lab.wait(lambda: accel.port_state(port) == sfab.UP,  # pylint: disable=W0640
                 f"port {port} of accelerator {accel.index} is up")


class Joined(unittest.TestCase):
    """Two accelerators, one fibre between their ports 0."""

    fibre = "sfab-fibre,id=red"
    properties = ""

    def setUp(self):
        self.lab = self.enterContext(Lab(accels=2, properties=self.properties,
                                         **self.lab_arguments()))
        self.machine = self.lab.machine
        self.a, self.b = self.lab.accels
        join(self.lab, self.a, self.b)
        self.queue = Queue(self.a, 0)
        self.data = random.Random(1).randbytes(3 * MiB + 8)

    def lab_arguments(self):
        return {"args": ["-object", self.fibre], "own_properties": ["port0-path0=red"] * 2}

    def cut(self, cut=True):
        self.machine.qmp("qom-set", path="/objects/red", property="cut", value=cut)

    def copy(self, dst, src, size=None, timeline=1):
        self.queue.submit(command(sfab.COPY, COMPLETE, dst=dst, src=src,
                                  size=size or len(self.data), timeline=timeline))

    def finish(self, queue=None):
        queue = queue or self.queue
        self.lab.wait(lambda: queue.status() & (sfab.Q_IDLE | sfab.Q_HALTED), "the queue is idle")
        self.assertFalse(queue.status() & sfab.Q_HALTED, queue.fault())

    def check_works(self):
        self.a.hbm.write(HBM_AT, self.data)
        self.b.hbm.write(HBM_AT + SIZE, bytes(len(self.data)))
        self.copy(REMOTE, LOCAL)
        self.finish()
        self.assertTrue(self.b.hbm.read(HBM_AT + SIZE, len(self.data)) == self.data)

    def endless(self):
        """a writes 512 GiB into one page of b, until it is stopped."""
        vm = AddressSpace(self.a, 1)
        dst, src = vm.mirror(0, FABRIC, 1 << 36), vm.mirror(1, HBM, HBM_AT)
        self.a.hbm.write(HBM_AT, b"\x33" * (2 * MiB))
        queue = Queue(self.a, 1, vm=1)
        queue.submit(command(sfab.COPY, dst=dst, src=src, size=400 << 30))
        self.lab.wait(lambda: self.b.hbm.read(HBM_AT + SIZE, 1) == b"\x33" or
                      queue.status() & sfab.Q_HALTED, "the copy is under way")
        self.assertFalse(queue.status() & sfab.Q_HALTED, queue.fault())
        return queue

    def stop(self, queue):
        queue.reset()


class Fabric(Joined):

    def first_remote(self, number):
        """Of a doorbell's commands this one is the first for the fabric, whose worker sleeps.

        Returns whether its packet has left when the doorbell returns.
        """
        fill = command(sfab.FILL, dst=LOCAL + 4096, dtype=8, size=64, arg0=7)
        self.timeline += 1
        self.a.hbm.write(HBM_AT, bytes([self.timeline]) * 64)
        time.sleep(1.2)
        before = self.a.port_counter(0, SENT)
        self.queue.submit(*[fill] * (number - 1),
                          command(sfab.COPY, COMPLETE, dst=REMOTE, src=LOCAL, size=64,
                                  timeline=self.timeline))
        sent = self.a.port_counter(0, SENT) > before
        until(lambda: self.queue.value() == self.timeline, f"command {number} is done")
        self.assertEqual(self.b.hbm.read(HBM_AT + SIZE, 64), bytes([self.timeline]) * 64)
        return sent

    def test_work_for_the_fabric_at_the_end_of_a_doorbell(self):
        """The fourth command is the last that a doorbell begins; the worker may be awake once."""
        self.timeline = 0
        for number in (1, 2, 4):
            self.assertTrue(any(self.first_remote(number) for _ in range(4)), number)
        self.first_remote(5)

    def test_write_and_read(self):
        self.check_works()
        self.a.hbm.write(HBM_AT, bytes(len(self.data)))
        self.copy(LOCAL + 8, REMOTE)
        self.finish()
        self.assertTrue(self.a.hbm.read(HBM_AT + 8, len(self.data)) == self.data)
        self.assertEqual(self.b.counter(12) > 0, True)

    def test_the_worker_sleeps_after_the_last_packet(self):
        """It looks for more for a moment only, although the guest's clock stands still."""
        self.check_works()
        before = self.machine.cpu_time()
        time.sleep(1)
        self.assertLess(self.machine.cpu_time() - before, 5, "hundredths of a second")

    def test_host_memory_of_the_target(self):
        vm = AddressSpace(self.b, 1)
        vm.map(WINDOW, 4 * MiB, SYSTEM, sfab.RAM_FREE)
        self.b.export(2, WINDOW, 4 * MiB, 5, vm=1)
        self.a.import_segment(1, 11, 2, 5)
        self.a.hbm.write(HBM_AT, self.data)
        self.copy(REMOTE, LOCAL)
        self.finish()
        self.assertTrue(self.lab.ram.read(sfab.RAM_FREE, len(self.data)) == self.data)

    def test_atomics_and_notification(self):
        atomic = command(sfab.ATOMIC, dtype=8, dst=REMOTE, src=LOCAL, arg0=3)
        self.queue.submit(*[atomic] * 40)
        self.finish()
        self.assertEqual(self.b.hbm.u64(HBM_AT + SIZE), 120)
        self.assertEqual(self.a.hbm.u64(HBM_AT), 117)
        self.queue.submit(command(sfab.COPY, sfab.NOTIFY | COMPLETE, dst=REMOTE + 4096,
                                  src=LOCAL, size=8, arg0=REMOTE + 8192, arg1=77, timeline=2))
        self.finish()
        self.assertEqual(self.b.hbm.u64(HBM_AT + SIZE + 4096), 117)
        self.assertEqual(self.b.hbm.u64(HBM_AT + SIZE + 8192), 77)

    def test_statuses(self):
        for token, epoch, base, status in ((TOKEN + 1, 1, 0, sfab.BAD_TOKEN),
                                           (TOKEN, 2, 0, sfab.STALE),
                                           (TOKEN, 1, SIZE, sfab.OUT_OF_BOUNDS)):
            self.a.import_segment(1, 11, 1, token, epoch, base)
            self.copy(REMOTE, LOCAL, 64)
            self.lab.wait(lambda: self.queue.status() & sfab.Q_HALTED, "the queue halts")
            self.assertEqual(self.queue.fault()[0], sfab.FABRIC_FAULT)
            self.assertEqual(self.a.fabric_status(self.queue), status)
            self.queue.reset()
            self.queue.configure()
        self.a.import_segment(1, 11, 1, TOKEN)
        self.check_works()

    def test_partner(self):
        block = self.a.port_block(0)
        self.cut()
        self.lab.wait(lambda: self.a.port_state(0) == sfab.DOWN, "the port is down")
        self.cut(False)     # the EID of the partner is learned in training
        self.lab.wait(lambda: self.a.port_state(0) == sfab.UP, "the port is up")
        self.assertEqual(self.a.r32(block + sfab.P_PEER), 1 << 24 | 0 << 16 | 11)
        self.assertEqual(self.a.r64(block + sfab.P_PEER_UUID), self.b.r64(sfab.UUID))
        self.assertEqual(self.a.port_state(1), sfab.DOWN)
        self.assertEqual(self.a.port_reason(1), sfab.NO_LIGHT)

    def test_cut_and_mend(self):
        queue = self.endless()
        before = self.a.port_counter(0, 12)
        for _ in range(3):
            self.cut()
            for accel in (self.a, self.b):
                self.lab.wait(lambda: accel.port_state(0) == sfab.DOWN,  # pylint: disable=W0640
                              "the port is down")
                self.assertEqual(accel.port_reason(0), sfab.NO_LIGHT)
            self.b.hbm.write(HBM_AT + SIZE, bytes(2 * MiB))
            self.cut(False)
            self.lab.wait(lambda: self.b.hbm.read(HBM_AT + SIZE, 1) == b"\x33",
                          "the copy goes on")
        self.assertEqual(self.a.port_counter(0, 12), before + 3)
        self.assertFalse(queue.status() & sfab.Q_HALTED)
        self.stop(queue)
        self.check_works()

    def test_cut_for_good(self):
        self.a.w32(sfab.OP_TIMEOUT, 200)
        self.cut()
        self.lab.wait(lambda: self.a.port_state(0) == sfab.DOWN, "the port is down")
        self.copy(REMOTE, LOCAL, 64)
        self.lab.wait(lambda: self.queue.status() & sfab.Q_HALTED, "the queue halts")
        self.assertEqual(self.a.fabric_status(self.queue), sfab.NO_ROUTE)

    def test_port_events(self):
        self.a.w32(sfab.INT_ENABLE, 1 << 4)
        self.a.w32(sfab.PORT_EVENT, 0xffff)
        self.a.take_interrupt(0)
        self.cut()
        self.a.wait_interrupt(0)
        self.assertEqual(self.a.r32(sfab.PORT_EVENT), 1)

    def test_reset_of_the_target(self):
        """Its segments are gone; the other one is told, and a new export works."""
        for reset in (self.b.reset, self.b.function_level_reset):
            queue = self.endless()
            before = self.b.r32(sfab.INCARNATION)
            reset()
            if reset == self.b.function_level_reset:
                self.b.place()
            self.lab.wait(lambda: queue.status() & sfab.Q_HALTED, "the queue halts")
            self.assertIn(self.a.fabric_status(queue), (sfab.STALE, sfab.REVOKED))
            until(lambda: self.b.r32(sfab.STATUS) & sfab.READY, "the device is ready")
            self.assertNotEqual(self.b.r32(sfab.INCARNATION), before)
            self.assertEqual(self.b.r32(sfab.EID), 11, "the EID is kept")
            queue.reset()
            self.b.next_table = 0
            self.b.bring_up()
            join(self.lab, self.a, self.b)
            self.check_works()

    def test_reset_of_the_initiator(self):
        queue = self.endless()
        self.a.reset()
        self.lab.wait(lambda: self.b.port_counter(0, RECEIVED) == self.a.port_counter(0, SENT),
                      "what was sent before has arrived")
        self.b.hbm.write(HBM_AT + SIZE, bytes(2 * MiB))
        for _ in range(20):
            self.machine.clock(1000000)
        self.assertEqual(self.b.hbm.read(HBM_AT + SIZE, 2 * MiB), bytes(2 * MiB))
        self.assertFalse(queue.status() & sfab.Q_BUSY)

    def test_stopped_vm_is_left_alone(self):
        queue = self.endless()
        for _ in range(5):
            self.machine.qmp("stop")
            self.b.hbm.write(HBM_AT + SIZE, b"\x22" * (2 * MiB))
            self.lab.ram.write(sfab.RAM_FREE, bytes(8))
            until(lambda: True, "nothing")
            self.assertEqual(self.b.hbm.read(HBM_AT + SIZE, 2 * MiB), b"\x22" * (2 * MiB))
            self.machine.qmp("cont")
            self.lab.wait(lambda: self.b.hbm.read(HBM_AT + SIZE, 1) == b"\x33",
                          "the copy goes on")
        self.stop(queue)
        self.check_works()

    def test_the_rate_changes(self):
        def pace(scale):
            self.machine.qmp("qom-set", path="/machine/peripheral/accel0", property="rate-scale",
                             value=scale)

        pace(1e-4)
        queue = self.endless()
        before = self.b.port_counter(0, RECEIVED)
        self.machine.clock(10000000)
        self.assertLess(self.b.port_counter(0, RECEIVED) - before, 16)
        pace(0)
        self.lab.wait(lambda: self.b.port_counter(0, RECEIVED) - before > 64,
                      "it is not paced any more")
        self.stop(queue)
        self.check_works()
        for nonsense in (-1, "fast"):
            with self.assertRaisesRegex(QmpError, "rate-scale"):
                pace(nonsense)

    def test_no_migration(self):
        with self.assertRaisesRegex(QmpError, "ports=0"):
            self.machine.qmp("migrate", uri=f"file:{self.machine.folder}/state")

    def test_the_fibre_is_in_use(self):
        with self.assertRaisesRegex(QmpError, "in use"):
            self.machine.qmp("object-del", id="red")
        with self.assertRaisesRegex(QmpError, "cannot change any more"):
            self.machine.qmp("qom-set", path="/objects/red", property="path", value="/tmp/x")

    def test_surprise_removal(self):
        """The light goes with the card, and comes back with it."""
        queue = self.endless()
        self.a.w32(sfab.OP_TIMEOUT, 200)
        self.machine.qmp("qom-set", path="/machine/peripheral/accel1",
                         property="x-surprise-removed", value=True)
        self.lab.wait(lambda: queue.status() & sfab.Q_HALTED, "the queue halts")
        self.assertEqual(self.a.port_state(0), sfab.DOWN)
        self.assertIn(self.a.fabric_status(queue), (sfab.NO_ROUTE, sfab.TIMEOUT))
        self.machine.qmp("qom-set", path="/machine/peripheral/accel1",
                         property="x-surprise-removed", value=False)
        self.b.next_table = 0
        self.b.bring_up()
        join(self.lab, self.a, self.b)
        self.check_works()

    def test_unplug_and_plug(self):
        for _ in range(3):
            queue = self.endless()
            self.a.w32(sfab.OP_TIMEOUT, 200)
            self.machine.qmp("device_del", id="accel1")
            self.b.port.power_off_slot()
            self.machine.wait_event("DEVICE_DELETED")
            self.lab.wait(lambda: queue.status() & sfab.Q_HALTED,  # pylint: disable=W0640
                          "the queue halts")
            queue.reset()
            self.machine.qmp("device_add", driver="sfab-accel", id="accel1", bus="port1",
                             hbmdev="hbm1", **{"port0-path0": "red"})
            control = self.b.port.capability(sfab.pci.CAP_EXPRESS) + 0x18
            self.b.port.update(control, 2, 0x0700, 0x0100)
            self.b.place()
            self.b.next_table = 0
            self.b.bring_up()
            join(self.lab, self.a, self.b)
            self.check_works()

    def test_fibre_goes_after_its_devices(self):
        for accel in (self.a, self.b):
            self.machine.qmp("device_del", id=f"accel{accel.index}")
            accel.port.power_off_slot()
            self.machine.wait_event("DEVICE_DELETED")
        self.machine.qmp("object-del", id="red")

    def test_poison(self):
        self.machine.qmp("qom-set", path="/machine/peripheral/accel1", property="x-poison",
                         value=HBM_AT + SIZE + 128)
        self.copy(LOCAL, REMOTE, 4096)
        self.lab.wait(lambda: self.queue.status() & sfab.Q_HALTED, "the queue halts")
        self.assertEqual(self.a.fabric_status(self.queue), sfab.POISONED)
        with self.assertRaisesRegex(QmpError, "beyond the HBM"):
            self.machine.qmp("qom-set", path="/machine/peripheral/accel1",
                             property="x-poison", value=64 * MiB)

    def test_traces(self):
        self.machine.qmp("trace-event-set-state", name="sfab_*", enable=True)
        self.cut()
        self.lab.wait(lambda: self.a.port_state(0) == sfab.DOWN, "the port is down")
        log = "\n".join(self.machine.guest_errors())
        self.assertIn("sfab_fibre_cut red: cut 1", log)
        self.assertIn("sfab_ports_light accel0: port 0 path 0 light 0", log)


class Synchronous(Joined):
    """Without threads: the main loop and the doorbells do the work."""

    properties = "x-engine-sync=on"

    def test_write_and_cut(self):
        self.assertFalse(self.machine.threads("sfab/ports"))
        self.check_works()
        self.cut()
        self.lab.wait(lambda: self.a.port_state(0) == sfab.DOWN, "the port is down")
        self.cut(False)
        self.lab.wait(lambda: self.a.port_state(0) == sfab.UP, "the port is up")
        self.check_works()

    def test_unplug(self):
        self.machine.qmp("device_del", id="accel1")
        self.b.port.power_off_slot()
        self.machine.wait_event("DEVICE_DELETED")
        self.lab.wait(lambda: self.a.port_state(0) == sfab.DOWN, "the port is down")


class OneDevice(unittest.TestCase):

    def test_fibre_back_to_itself(self):
        lab = self.enterContext(Lab(args=["-object", "sfab-fibre,id=f"],
                                    own_properties=["port0-path0=f,port3-path0=f"]))
        for port in (0, 3):
            lab.wait(lambda: lab.accels[0].port_state(port) == sfab.UP,  # pylint: disable=W0640
                     "the port is up")

    def test_no_ports(self):
        lab = self.enterContext(Lab(properties="ports=0"))
        self.assertFalse(lab.accels[0].r64(sfab.CAPS) & sfab.CAP_FABRIC)
        self.assertEqual(lab.accels[0].r32(sfab.NUM_PORTS), 0)
        self.assertFalse(lab.machine.threads("sfab/ports"))

    def test_numbers_reach_the_registers(self):
        lab = self.enterContext(Lab(properties="ports=5,paths=3,segments=7,imports=9,eids=100,"
                                    "lanes=4,lane-rate=224,rate-scale=0.5"))
        accel = lab.accels[0]
        self.assertEqual([accel.r32(offset) for offset in (
            sfab.NUM_PORTS, sfab.NUM_SEGMENTS, sfab.NUM_IMPORTS, sfab.NUM_EIDS)], [5, 7, 9, 100])
        self.assertEqual(accel.r32(accel.port_block(4) + sfab.P_CAP), 224 << 16 | 3 << 8 | 4)
