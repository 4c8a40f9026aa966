# SPDX-License-Identifier: MIT
"""Two QEMUs, each a node, joined by a fibre over a socket; and what is refused at once."""

import random
import socket
import tempfile
import unittest

import sfab
import vtd
from machine import MiB, refuse, until
from sfab import COMPLETE, FABRIC, HBM, SYSTEM, AddressSpace, Lab, Queue, command

HBM_AT = 32 * MiB
LOCAL, REMOTE, WINDOW = 0x10000000, 0x20000000, 0x30000000
SIZE = 4 * MiB
TOKEN = 0x1122334455667788
IOVA = 0x123400000000


class Nodes(unittest.TestCase):
    """EIDs 10 and 11; node 1 listens. Each has mapped the other one's segment at REMOTE."""

    def address(self):
        return f"path={self.folder}/red"

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(prefix="sfab-qtest-"))
        self.labs = {}
        self.fibre = self.address()
        for node in (1, 0):
            self.boot(node)
        self.wait_up()
        self.data = random.Random(1).randbytes(3 * MiB + 8)

    def boot(self, node, name="red", args=()):
        fibre = f"sfab-fibre,id={name},{self.fibre},server={'on' if node else 'off'}"
        lab = self.enterContext(Lab(args=["-object", fibre, *args],
                                    own_properties=[f"port0-path0={name}"]))
        self.labs[node] = lab
        accel = lab.accels[0]
        vm = AddressSpace(accel, 0)
        vm.map(LOCAL, SIZE, HBM, HBM_AT)
        vm.map(WINDOW, SIZE, HBM, HBM_AT + SIZE)
        vm.map(REMOTE, SIZE, FABRIC, 1 << 36)
        accel.w32(sfab.EID, 10 + node)
        accel.w32(sfab.OP_TIMEOUT, 60000)   # the clock may run faster than the sockets
        accel.export(1, WINDOW, SIZE, TOKEN)
        accel.set_route(11 - node, 0)
        accel.import_segment(1, 11 - node, 1, TOKEN)

    def kill(self, node):
        machine = self.labs.pop(node).machine
        machine.process.kill()
        machine.process.wait()
        machine.may_fail = True

    def accel(self, node):
        return self.labs[node].accels[0]

    def wait(self, condition, what):
        """Wait for what takes time on the clocks of the nodes, which only tests move."""
        def tick():
            for lab in self.labs.values():
                lab.machine.clock(1000000)
            return condition()
        until(tick, what)

    def wait_up(self):
        self.wait(lambda: all(lab.accels[0].port_state(0) == sfab.UP
                              for lab in self.labs.values()), "both ports are up")

    def wait_dark(self, node):
        self.wait(lambda: self.accel(node).port_state(0) == sfab.DOWN, "the port is down")
        self.assertEqual(self.accel(node).port_reason(0), sfab.NO_LIGHT)

    def settle(self, queue):
        self.wait(lambda: queue.status() & (sfab.Q_IDLE | sfab.Q_HALTED), "the queue is idle")

    def copy(self, node, dst, src, size):
        """Returns the queue, which is done or has halted."""
        queue = Queue(self.accel(node), 0)
        queue.submit(command(sfab.COPY, COMPLETE, dst=dst, src=src, size=size, timeline=1))
        self.settle(queue)
        return queue

    def check_works(self):
        near, far = self.accel(0), self.accel(1)
        near.hbm.write(HBM_AT, self.data)
        far.hbm.write(HBM_AT + SIZE, bytes(SIZE))
        queue = self.copy(0, REMOTE, LOCAL, len(self.data))
        self.assertFalse(queue.status() & sfab.Q_HALTED, queue.fault())
        self.assertTrue(far.hbm.read(HBM_AT + SIZE, len(self.data)) == self.data)
        queue.reset()
        near.hbm.write(HBM_AT, bytes(SIZE))
        queue = self.copy(0, LOCAL, REMOTE + 8, len(self.data) - 8)
        self.assertFalse(queue.status() & sfab.Q_HALTED, queue.fault())
        self.assertTrue(near.hbm.read(HBM_AT, len(self.data) - 8) == self.data[8:])
        queue.reset()


class Memory(Nodes):
    """Over shared memory."""

    def test_copy(self):
        self.check_works()
        block = self.accel(0).port_block(0)
        self.assertEqual(self.accel(0).r32(block + sfab.P_PEER) >> 16, 1 << 8)

    def test_kill_either(self):
        self.accel(0).w32(sfab.OP_TIMEOUT, 200)
        for killed in (1, 0):
            before = self.accel(killed).r32(sfab.INCARNATION)
            self.kill(killed)
            self.wait_dark(1 - killed)
            if killed:
                queue = self.copy(0, REMOTE, LOCAL, 64)
                self.assertEqual(self.accel(0).fabric_status(queue), sfab.NO_ROUTE)
                queue.reset()
            self.boot(killed)
            self.assertNotEqual(self.accel(killed).r32(sfab.INCARNATION), before)
            self.wait_up()
            self.check_works()

    def test_crossed_fibres(self):
        """Who has another name than the listener gets no light, and both are told."""
        self.kill(0)
        self.boot(0, name="blue")
        until(lambda: "crossed fibres" in self.labs[0].machine.log(), "node 0 is told")
        until(lambda: "crossed fibres" in self.labs[1].machine.log(), "node 1 is told")
        self.wait_dark(0)
        self.wait_dark(1)

    def test_path_in_use(self):
        self.assertIn("somebody listens there already",
                      refuse(["-object", f"sfab-fibre,id=f,{self.fibre},server=on"]))

    def test_host_memory_behind_an_iommu(self):
        """A segment of registered memory of the other node: its IOMMU has the last word."""
        self.kill(1)
        self.boot(1, args=vtd.OPTION)
        iommu, far = vtd.Vtd(self.labs[1]), self.accel(1)
        pages = list(range(256))
        random.Random(3).shuffle(pages)
        for number, page in enumerate(pages):
            iommu.map(far, IOVA + 4096 * number, sfab.RAM_FREE + 4096 * page, 4096)
        AddressSpace(far, 1).map(WINDOW, 2 * MiB, SYSTEM, IOVA)
        far.export(2, WINDOW, 2 * MiB, 5, vm=1)
        self.accel(0).import_segment(1, 11, 2, 5)
        self.wait_up()
        self.accel(0).hbm.write(HBM_AT, self.data)

        queue = self.copy(0, REMOTE, LOCAL, MiB)
        self.assertFalse(queue.status() & sfab.Q_HALTED, queue.fault())
        ram = self.labs[1].ram
        seen = b"".join(ram.read(sfab.RAM_FREE + 4096 * page, 4096) for page in pages)
        self.assertTrue(seen == self.data[:MiB])

        # The IOMMU has no translation for the next page: nothing of the request is written.
        queue.submit(command(sfab.COPY, dst=REMOTE + MiB - 64, src=LOCAL, size=128))
        self.settle(queue)
        self.assertEqual(self.accel(0).fabric_status(queue), sfab.TARGET_FAULT)
        self.assertEqual(iommu.take_fault(), (far.pci.bus << 8, vtd.FAULT_WRITE, IOVA + MiB))
        self.assertEqual(ram.read(sfab.RAM_FREE + 4096 * pages[-1] + 4032, 64),
                         self.data[MiB - 64:MiB])


class Mirror(Nodes):
    """Over a socket that carries the bytes."""

    def address(self):
        return f"path={self.folder}/red,mirror=on"

    def test_copy(self):
        self.check_works()


class Tcp(Nodes):

    def address(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return f"host=127.0.0.1,port={probe.getsockname()[1]}"

    def test_kill_and_copy(self):
        self.check_works()
        self.kill(1)
        self.wait_dark(0)
        self.boot(1)
        self.wait_up()
        # The flow was one with who is not there any more.
        queue = self.copy(0, REMOTE, LOCAL, 64)
        self.assertEqual(self.accel(0).fabric_status(queue), sfab.STALE)
        queue.reset()
        self.check_works()


class Refused(unittest.TestCase):
    """Bad fibres and ports; the error names what, and what to do."""

    def check(self, args, *words):
        text = refuse(args)
        for word in words:
            self.assertIn(word, text)

    def with_device(self, fibres, properties, *words):
        self.check(sfab.pci.RootPort.option(0) + fibres + [
            "-object", "memory-backend-ram,id=hbm0,reserve=off,size=64M",
            "-device", f"sfab-accel,bus=port0,hbmdev=hbm0,{properties}"], *words)

    def test_fibres(self):
        for properties, *words in (
                ("host=127.0.0.1,port=x", "'f'", "port 'x'"),
                ("host=127.0.0.1", "'f'", "port ''"),
                ("path=/nowhere/f,server=on", "'f'", "cannot listen at /nowhere/f"),
                (f"path=/{'x' * 120}", "'f'", "has 1 to 107 bytes"),
                ("path=/tmp/f,host=127.0.0.1", "both a path and a host", "give one of them"),
                ("server=on", "no path and no host")):
            self.check(["-object", f"sfab-fibre,id=f,{properties}"], *words)

    def test_ports(self):
        fibre = ["-object", "sfab-fibre,id=f"]
        self.with_device(fibre, "port4-path0=f", "port4-path0", "has 4 ports", "more of them")
        self.with_device(fibre, "port0-path1=f", "port0-path1", "1 light paths")
        self.with_device(fibre, "port0-path0=f,port1-path0=f,port2-path0=f", "port2-path0",
                         "no free end")
        self.with_device(["-object", "sfab-fibre,id=f,path=/tmp/sfab-nobody"],
                         "port0-path0=f,port1-path0=f", "port1-path0", "no free end")
        self.with_device([], "port0-path0=f", "f")
        self.with_device([], "ports=17", "sfab-accel.ports' is 17", "from 0 to 16")
