# SPDX-License-Identifier: MIT
"""A supernode of which a node is down: what still can be done, and what is said of the rest."""

import contextlib
import io
import json
import os
import shutil
import socket
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../qemu/lab"))

import supernode  # noqa: E402  pylint: disable=wrong-import-position
import topology  # noqa: E402  pylint: disable=wrong-import-position

DOWN = "node1 is down: 'qemu/lab/supernode boot node1' starts it"


class Qemu(threading.Thread):
    """The QEMU of a node, as far as faults go: agrees to everything, and notes what was set."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.asked = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                with self.listener.accept()[0] as link, link.makefile("rw") as stream:
                    self.serve(stream)

    def serve(self, stream):
        stream.write('{"QMP": {}}\n')
        stream.flush()
        for line in stream:
            request = json.loads(line)
            if request["execute"] == "qom-set":
                told = request["arguments"]
                self.asked.append((told["property"], told["value"]))
            stream.write('{"return": {}}\n')
            stream.flush()

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join()


class Down(unittest.TestCase):
    """node0 and node1, joined by a ring; node1 has died."""

    def setUp(self):
        folder = tempfile.mkdtemp(prefix="sfab-down.")
        self.addCleanup(shutil.rmtree, folder)
        self.place = supernode.Run(folder)
        made = topology.load("ring:2x2", 1 << 40)
        for node in made.nodes:
            os.makedirs(self.place.file("nodes", node))
            os.makedirs(self.place.file("jobs", node))
        self.write(made.text(), "topology")
        self.write(json.dumps({"nodes": list(made.nodes)}), "state.json")
        self.write("", "nodes", "node0", "alive")
        self.qemu = Qemu(self.place.file("nodes", "node0", "qmp.sock"))
        self.qemu.start()
        self.addCleanup(self.qemu.end)
        # By each of its ends
        self.names = next([str(end) for end in ends] for ends in made.fibres
                          if ends[0].owner == "node1" and ends[1].owner == "node0")

    def write(self, text, *names):
        with open(self.place.file(*names), "w", encoding="ascii") as file:
            file.write(text)

    def refused(self, says, call, *words):
        with self.assertRaises(supernode.Failure) as caught:
            call(*words)
        self.assertEqual(str(caught.exception), says)

    def test_fault(self):
        self.refused(DOWN, self.place.inject, "node1.0:0 dirt 1dB")

    def test_query(self):
        self.refused(DOWN, self.place.qmp, "node1", "query-status")

    def test_command(self):
        self.refused(DOWN, self.place.run, "node1", "true")
        self.assertEqual(os.listdir(self.place.file("jobs", "node1")), [])

    def test_console(self):
        self.refused(DOWN, supernode.console, self.place, "node1")

    def begin(self):
        self.write("", "nodes", "node1", "alive")
        base = self.place.submit("node1", "true")
        os.unlink(self.place.file("nodes", "node1", "alive"))
        return base

    def test_command_that_nobody_has_begun(self):
        self.refused(DOWN, self.place.follow, "node1", self.begin(), (io.BytesIO(), io.BytesIO()))

    def test_command_that_has_begun(self):
        base = self.begin()
        os.rename(base + ".job", base + ".run")
        self.refused("node1 went down while it ran a command; its console: "
                     + self.place.file("nodes", "node1", "console.log"),
                     self.place.follow, "node1", base, (io.BytesIO(), io.BytesIO()))

    def test_cut_at_the_end_that_lives(self):
        for name in self.names:
            self.place.set_cut(name, True)
            self.place.set_cut(name, False)
        self.assertEqual(self.qemu.asked, [("cut", True), ("cut", False)] * 2)

    def test_cut_while_an_end_boots(self):
        self.write("", "nodes", "node1", "alive")
        for name in self.names:
            self.place.set_cut(name, True)
        self.assertEqual(self.qemu.asked, [("cut", True)] * 2)

    def test_cut_where_no_end_lives(self):
        for name in ("alive", "qmp.sock"):
            os.unlink(self.place.file("nodes", "node0", name))
        self.refused(DOWN, self.place.set_cut, self.names[0], True)
        self.assertEqual(self.qemu.asked, [])

    def test_bend_is_done_at_both_ends_or_not_at_all(self):
        for name in self.names:
            self.refused(DOWN, self.place.inject, f"fibre {name} bend 2dB")
        self.assertEqual(self.qemu.asked, [])

    def test_qemu_that_does_not_answer(self):
        self.write("", "nodes", "node1", "alive")
        with self.assertRaisesRegex(supernode.Failure, "node1: its QEMU does not answer: "):
            self.place.inject("node1.0:0 dirt 1dB")

    def test_guests_of_a_shell(self):
        os.unlink(self.place.file("state.json"))
        self.place.inject("node0.0:0 dirt 1dB")
        self.assertEqual(len(self.qemu.asked), 1)
        with self.assertRaisesRegex(supernode.Failure, "node1: its QEMU does not answer: "):
            self.place.inject("node1.0:0 dirt 1dB")
