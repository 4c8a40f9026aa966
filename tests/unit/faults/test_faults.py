# SPDX-License-Identifier: MIT
"""Scripts of faults: what they set, when, and what is refused."""

import contextlib
import io
import os
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../qemu/lab"))

import faults  # noqa: E402  pylint: disable=wrong-import-position
import supernode  # noqa: E402  pylint: disable=wrong-import-position
import topology  # noqa: E402  pylint: disable=wrong-import-position

PLENTY = 1 << 40
ACCEL = "/machine/peripheral/accel"
# Every kind, with all that may be said of it, and what it sets.
PORT_FAULTS = {
    "dirt 3dB lane=2 path=1": "loss,port=2,lane=2,path=1,value=3",
    "dirt 0.125dB": "loss,port=2,value=0.125",
    "dead on lane=7": "dead,port=2,lane=7,value=1",
    "dead off": "dead,port=2,value=0",
    "unlock on lane=0": "unlock,port=2,lane=0,value=1",
    "ageing 0.1/s lane=1": "ageing,port=2,lane=1,value=0.1",
    "age 0.000001 lane=1": "age,port=2,lane=1,value=0.000001",
    "heat -20.5C": "heat,port=2,value=-20.5",
    "ramp 1C/s": "ramp,port=2,value=1",
    "hang on": "hang,port=2,value=1",
    "damage 2500ppm": "damage,port=2,value=2500",
    "flap 5s": "flap,port=2,value=5",
    "flap off": "flap,port=2,value=0",
    "stick off": "stick,port=2,value=0",
    "stick back": "stick,port=2,value=1",
    "stick between": "stick,port=2,value=2",
    "module out": "module,port=2,value=0",
    "module 123456789": "module,port=2,value=123456789",
}


class Scripts(unittest.TestCase):
    def setUp(self):
        self.made = topology.load("ring:2x2,hops=2,accels=2", PLENTY)

    def load(self, text, seed=1, made=None):
        with tempfile.NamedTemporaryFile("w", suffix=".faults") as file:
            file.write(text)
            file.flush()
            self.name = file.name
            return faults.read_file(file.name, made or self.made, seed)

    def refused(self, line, *says, made=None):
        with self.assertRaises(topology.Error) as caught:
            self.load(f"# a comment\n5s node0.1:2 dirt 3dB\n{line}\n", made=made)
        for word in (f"{self.name}:3: ", *says):
            self.assertIn(word, str(caught.exception))

    # ---- what there is

    def test_every_kind_of_a_port(self):
        for text, value in PORT_FAULTS.items():
            fault, = self.load(f"5s node1.1:2 {text}")
            self.assertEqual(fault.settings, [("node1", f"{ACCEL}1", "x-inject", value)])
            self.assertEqual(fault.text, f"node1.1:2 {text}")
        told = {text.split()[0] for text in PORT_FAULTS}
        self.assertEqual(told, {name for name, kind in faults.KINDS.items() if not kind.fibre})

    def test_cut_and_mend(self):
        cut, mend = self.load("1s fibre node1.0:1 cut\n2s fibre node0.1:0 mend")
        number = next(n for n, ends in enumerate(self.made.fibres)
                      if "node1.0:1" in map(str, ends))
        for fault, value in ((cut, True), (mend, False)):
            self.assertEqual(fault.settings, [(node, f"/objects/fibre{number}", "cut", value)
                                              for node in ("node0", "node1")])

    def test_cut_within_a_node_and_at_a_switch(self):
        inside, = self.load("1s fibre node0.0:0 cut")
        self.assertEqual([setting.node for setting in inside.settings], ["node0"])
        made = topology.load("clos:4,accels=2", PLENTY)
        switch, = self.load("1s fibre node1.0:0 cut", made=made)
        self.assertEqual([setting.node for setting in switch.settings], ["node1"])

    def test_both_ends_of_a_fibre(self):
        bend, flap = self.load("1s fibre node0.1:0/1 bend 2dB\n2s fibre node0.1:0/1 flap 3s")
        self.assertEqual(bend.settings, [
            ("node0", f"{ACCEL}1", "x-inject", "loss,port=0,path=1,value=2"),
            ("node1", f"{ACCEL}1", "x-inject", "loss,port=1,path=1,value=2")])
        self.assertEqual([setting.value for setting in flap.settings],
                         ["flap,port=0,value=3", "flap,port=1,value=3"])

    def test_times(self):
        script = self.load("""
            250ms   node0.0:0 dirt 1dB    # the first
            1.5s    node0.0:0 dirt 2dB
            1.5s    node0.0:0 dirt 3dB
            2min    node0.0:0 dirt 4dB
        """)
        self.assertEqual([fault.at for fault in script], [0.25, 1.5, 1.5, 120])
        self.assertEqual(script[2].text, "node0.0:0 dirt 3dB")

    def test_a_seed_repeats_itself(self):
        text = "".join(f"{n}s..{n + 5}s node0.0:0 dirt 1..3dB\n" for n in range(20))

        def schedule(seed):
            return [(fault.at, fault.settings) for fault in self.load(text, seed)]

        self.assertEqual(schedule(7), schedule(7))
        self.assertNotEqual(schedule(7), schedule(8))
        self.assertEqual(schedule(7), sorted(schedule(7), key=lambda fault: fault[0]))
        for _, (setting,) in schedule(7):
            self.assertTrue(1 <= float(setting.value.rpartition("=")[2]) <= 3)

    def test_by_hand(self):
        fault = faults.now("  node0.1:2   dirt 3dB ", self.made)
        self.assertEqual((fault.at, fault.text), (None, "node0.1:2 dirt 3dB"))
        with self.assertRaises(topology.Error):
            faults.now("5s node0.1:2 dirt 3dB", self.made)

    def test_nothing(self):
        self.assertEqual(self.load("# nothing at all\n\n"), [])

    # ---- when it happens

    def test_schedule(self):
        """In order, at their times, with a log; who refuses is told, and the others still asked."""
        class Run:
            """A supernode of which one port is broken."""

            def __init__(self, folder):
                self.folder, self.asked = folder, []

            def file(self, name):
                return os.path.join(self.folder, name)

            def inject(self, fault):
                self.asked.append(fault.text)
                if "node0.1" in fault.text:
                    raise supernode.Failure("QEMU refuses")

        script = self.load("0ms node0.0:0 dirt 1dB\n1ms node0.1:0 dirt 2dB\n2ms node1.0:0 dirt 3dB\n"
                           "1min node1.1:0 dirt 4dB")
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()) as said:
            schedule = supernode.Schedule(Run(folder), script)
            end = time.monotonic() + 10
            while len(schedule.todo) > 1 and time.monotonic() < end:
                schedule.follow()
            self.assertFalse(schedule.end())
            with open(os.path.join(folder, "faults.log"), encoding="utf-8") as file:
                lines = file.read().splitlines()
        self.assertEqual(schedule.run.asked, [fault.text for fault in script[:3]])
        for line, fault, verdict in zip(lines, script, ("done", "FAILED: QEMU refuses", "done")):
            self.assertRegex(line, rf"^{fault.at:.3f} s, at \d+\.\d{{3}} s: {fault.text}: {verdict}$")
            self.assertIn(line, said.getvalue())
        self.assertIn("it ended before 1 faults of the script, the first at 60 s", said.getvalue())

    # ---- what there is not

    def test_no_such_kind(self):
        self.refused("6s node0.1:2 rust 3dB", "unknown kind of fault 'rust'", "choose from dirt")

    def test_no_such_target(self):
        self.refused("6s node2.0:0 dirt 3dB", "'node2.0:0' leads nowhere")
        self.refused("6s node0.2:0 dirt 3dB", "node0 has 2 accelerators")
        self.refused("6s node0.0:4 dirt 3dB", "has 4 ports")
        self.refused("6s node0 dirt 3dB", "'node0' is no end")
        self.refused(f"6s node0.0:{'9' * 5000} dirt 3dB", "is no end")
        self.refused("6s fibre node0.9:0 cut", "no fibre at 'node0.9:0'", "as in node0.0:0")
        self.refused("6s node0.0:0/1 dirt 3dB", "path=1")

    def test_wrong_target(self):
        self.refused("6s node0.0:0 cut", "happens to a fibre: write fibre node0.0:0 cut")
        self.refused("6s fibre node0.0:0 dirt 3dB", "happens to a port: write NODE.ACCEL:PORT dirt")

    def test_switches(self):
        made = topology.load("clos:4,accels=2", PLENTY)
        good = "5s node0.1:0 dirt 3dB\n"
        self.assertEqual(len(self.load(good + "6s fibre node0.0:0 cut", made=made)), 2)
        for line, says in (("leaf0:0 dirt 3dB", "only accelerators have faults"),
                           ("fibre leaf0:0 bend 3dB", "needs both ends at accelerators"),
                           ("fibre leaf0:3 cut", "joins two switches")):
            with self.assertRaises(topology.Error) as caught:
                self.load(f"{good}6s {line}", made=made)
            self.assertIn(f"{self.name}:2: ", str(caught.exception))
            self.assertIn(says, str(caught.exception))

    def test_no_such_lane_or_path(self):
        self.refused("6s node0.0:0 dirt 3dB lane=8", "lane=8: there are lanes 0 to 7")
        self.refused("6s node0.0:0 dirt 3dB path=2", "path=2: there are paths 0 to 1")
        self.refused("6s node0.0:0 dirt 3dB lane=x", "lanes 0 to 7")
        for number in ("²", "١", "-1", "+1", "1_0", "", "9" * 5000):
            self.refused(f"6s node0.0:0 dirt 3dB lane={number}", "lanes 0 to 7")
            self.refused(f"6s node0.0:0 dirt 3dB path={number}", "paths 0 to 1")
        self.refused("6s node0.0:0 dead on path=0", "'path=0' does not belong to dead")
        self.refused("6s node0.0:0 heat 1C lane=0", "'lane=0' does not belong to heat")
        self.refused("6s node0.0:0 dirt 3dB lane=1 lane=2", "'lane=2' does not belong")
        self.refused("6s node0.0:0 dirt 3dB colour=1", "'colour=1' does not belong to dirt")
        self.refused("6s fibre node0.0:0 bend 3dB lane=1", "'lane=1' does not belong to bend")

    def test_wrong_units(self):
        for text in ("dirt 3", "dirt 3C", "dirt much", "dirt on", "heat 3dB", "ramp 3C", "flap 2min",
                     "dead 1", "hang 3dB", "age 1/s", "damage 5", "module in", "stick on"):
            self.refused(f"6s node0.0:0 {text}", f"{text}: give ")
        for text in ("dirt", "dead", "dirt 1dB 2dB"):
            self.refused(f"6s node0.0:0 {text}", "needs one magnitude")
        self.refused("6s fibre node0.0:0 cut 3dB", "cut has no magnitude")

    def test_out_of_range(self):
        for text in ("dirt 60.5dB", "dirt -1dB", "ageing 1001/s", "age 10.1", "heat 61C",
                     "heat -61C", "ramp 11C/s", "damage 1000001ppm", "flap 0.2s", "module 0",
                     "dirt 59..61dB"):
            self.refused(f"6s node0.0:0 {text}", f"{text} is out of range: ")
        self.refused("6s node0.0:0 module 1.5", "a whole number")
        self.refused("6s node0.0:0 dirt 3..2dB", "the first number is the smaller one")

    def test_times_that_are_none(self):
        for text in ("5", "soon", "-1s", "5h", "5s..", "1..2", "5sec"):
            self.refused(f"{text} node0.0:0 dirt 3dB", f"'{text}' is no time")

    def test_times_out_of_order(self):
        self.refused("4.9s node0.0:0 dirt 3dB", "4.9s is out of order")
        self.refused("4s..9s node0.0:0 dirt 3dB", "out of order")

    def test_incomplete(self):
        for text in ("6s", "6s node0.0:0", "6s fibre", "6s fibre node0.0:0"):
            self.refused(text, "is incomplete: write TARGET KIND MAGNITUDE")

    def test_file_that_cannot_be_read(self):
        with self.assertRaises(topology.Error) as caught:
            faults.read_file("/", self.made, 1)
        self.assertIn("cannot read '/'", str(caught.exception))
