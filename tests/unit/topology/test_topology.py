# SPDX-License-Identifier: MIT
"""The topologies of supernodes: generators, files, and what is refused."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../qemu/lab"))

import topology  # noqa: E402  pylint: disable=wrong-import-position

PLENTY = 1 << 40


def links(made):
    return {frozenset((str(a), str(b))) for a, b in made.lit()}


class Generators(unittest.TestCase):
    def test_ring(self):
        made = topology.load("ring:2x4,hops=2", PLENTY)
        self.assertEqual(made.nodes, {"node0": 4, "node1": 4})
        self.assertEqual(len(made.fibres), 2 * 2 * 8)
        self.assertEqual(len(made.lit()), 2 * 8)
        self.assertIn(frozenset(("node0.3:0", "node1.0:1")), links(made))
        self.assertIn(frozenset(("node1.3:2", "node0.0:3")), links(made))
        second = {frozenset((str(a), str(b))) for a, b in made.fibres}
        self.assertIn(frozenset(("node0.3:0/1", "node1.1:1/1")), second)

    def test_ring_with_spare_fibres(self):
        made = topology.load("ring:2x4,hops=2,spares=1", PLENTY)
        self.assertEqual(made.settings["paths"], 3)
        self.assertEqual(len(made.fibres), 2 * 8 * 3)
        ends = {frozenset((str(a), str(b))) for a, b in made.fibres}
        self.assertIn(frozenset(("node0.3:0/2", "node1.0:1/2")), ends)
        self.assertEqual(links(made), links(topology.load("ring:2x4", PLENTY)))

    def test_ring_of_accelerators(self):
        made = topology.load("ring:10,rails=1", PLENTY)
        self.assertEqual(made.nodes, {"node0": 8, "node1": 2})
        self.assertEqual(len(made.lit()), 10)

    def test_mesh(self):
        made = topology.load("mesh:5,accels=2", PLENTY)
        self.assertEqual(len(made.nodes), 3)
        self.assertEqual(made.settings["ports"], 4)
        self.assertEqual(len(links(made)), 10)

    def test_torus(self):
        made = topology.load("torus:4x3,accels=4", PLENTY)
        self.assertEqual(len(made.nodes), 3)
        self.assertEqual(len(links(made)), 24)
        self.assertIn(frozenset(("node0.3:0", "node0.0:1")), links(made))
        self.assertIn(frozenset(("node2.1:2", "node0.1:3")), links(made))

    def test_clos(self):
        made = topology.load("clos:16,leaf=4,spine=2", PLENTY)
        self.assertEqual(made.switches, {"leaf0": 6, "leaf1": 6, "leaf2": 6, "leaf3": 6,
                                         "spine0": 4, "spine1": 4})
        self.assertEqual(len(links(made)), 16 + 8)
        self.assertEqual(len(set(made.all_eids().values())), 16 + 6)

    def test_identities_are_stable(self):
        made = topology.load("ring:2x4", PLENTY)
        uuids = {made.uuid_of(device) for device in made.devices()}
        self.assertEqual(len(uuids), 8)
        self.assertEqual(made.uuid_of("node0.0"), topology.load("ring:8", PLENTY).uuid_of("node0.0"))

    def refused(self, text, *says, memory=PLENTY):
        with self.assertRaises(topology.Error) as caught:
            topology.load(text, memory)
        for word in says:
            self.assertIn(word, str(caught.exception))

    def test_unknown_generator(self):
        self.refused("star:4", "neither a file nor a generator")

    def test_unknown_option(self):
        self.refused("ring:4,leaf=2", "'leaf=2' is none of")

    def test_impossible_shapes(self):
        self.refused("ring:1", "two accelerators at least")
        self.refused("ring:4,hops=4", "hops=4")
        self.refused("ring:4,hops=3,spares=2", "paths=5: a port has 1 to 4 light paths")
        self.refused("ring:4,hops=3,ports=2,rails=2", "rails=2 need 4 ports")
        self.refused("mesh:18", "2 to 17")
        self.refused("torus:4", "XxY")
        self.refused("clos:200,leaf=2", "of 64")
        self.refused("ring:2x9", "1 to 8 accelerators")

    def test_numbers_that_are_none(self):
        for number in ("²", "9" * 5000):
            self.refused(f"mesh:{number}", "2 to 17")
            self.refused(f"clos:{number}", "a number of accelerators")
            self.refused(f"ring:{number}", "write ring:N")
            self.refused(f"torus:2x{number}", "XxY")
            self.refused(f"ring:4,hops={number}", "is none of")

    def test_more_than_the_machine_holds(self):
        self.refused("ring:8x8,hbm=1G", "needs up to", "hbm= and mem= lower", memory=24 << 30)
        self.refused("ring:8x8", "needs up to", memory=8 << 30)

    def test_as_much_hbm_as_there_is_memory_for(self):
        for memory, hbm in ((PLENTY, "256M"), (24 << 30, "128M"), (16 << 30, "64M")):
            made = topology.load("ring:8x8", memory)
            self.assertEqual(made.settings["hbm"], hbm)
            self.assertLessEqual(made.memory(), memory)
        self.refused("ring:8x8,hbm=256M", "needs up to", memory=24 << 30)


class Files(unittest.TestCase):
    GOOD = """# two nodes and a switch
set ports=2 hbm=64M
node a accels=2
node b accels=1
switch s ports=3
fibre a.0:0 s:0
fibre a.1:0 s:1     # and so on
fibre b.0:0 s:2
fibre a.0:1 b.0:1
eid b.0 40
"""

    def load(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".topo") as file:
            file.write(text)
            file.flush()
            self.name = file.name
            return topology.load(file.name, PLENTY)

    def test_good(self):
        made = self.load(self.GOOD)
        self.assertEqual(made.settings["ports"], 2)
        self.assertEqual(len(made.fibres), 4)
        self.assertEqual(made.all_eids(), {"a.0": 1, "a.1": 2, "b.0": 40, "s": 3})

    def test_text_says_the_same(self):
        for made in (self.load(self.GOOD), topology.load("clos:4,accels=2", PLENTY),
                     topology.load("ring:2x4,hops=2,hbm=64M", PLENTY)):
            again = self.load(made.text())
            self.assertEqual([list(map(str, ends)) for ends in again.fibres],
                             [list(map(str, ends)) for ends in made.fibres])
            self.assertEqual((again.settings, again.nodes, again.switches, again.all_eids()),
                             (made.settings, made.nodes, made.switches, made.all_eids()))

    def refused(self, line, *says):
        with self.assertRaises(topology.Error) as caught:
            self.load(self.GOOD + line + "\n")
        for word in (f"{self.name}:11: ", *says):
            self.assertIn(word, str(caught.exception))

    def test_unknown_statement(self):
        self.refused("nod c accels=1", "unknown statement 'nod'")

    def test_unknown_key(self):
        self.refused("node c accel=1", "unknown key 'accel': choose from accels")
        self.refused("set colour=red", "unknown key 'colour'")

    def test_missing_key(self):
        self.refused("node c", "accels=N is missing")

    def test_fibre_to_nowhere(self):
        self.refused("fibre a.1:1 c.0:0", "'c.0:0' leads nowhere: there is no such node")
        self.refused("fibre a.2:0 a.1:1", "node a has 2 accelerators")
        self.refused("fibre a.1:2 b.0:1", "has 2 ports")
        self.refused("fibre a.1:1 s:3", "switch s has 3 ports")
        self.refused("fibre a.1:1/1 b.0:1", "has 1 light paths")

    def test_port_used_twice(self):
        self.refused("fibre a.1:1 s:0", "port s:0 is used twice", ":6 has a fibre there already")

    def test_fibre_to_itself(self):
        self.refused("fibre a.1:1 a.1:1", "used twice")

    def test_malformed_fibre(self):
        self.refused("fibre a.1:1", "incomplete")
        self.refused("fibre a.1 b.0:1", "'a.1' is no end of a fibre")

    def test_duplicate_eid(self):
        self.refused("eid a.1 40", "duplicate EID 40: b.0 has it already")
        self.refused("eid b.0 41", "b.0 has EID 40 already")

    def test_bad_eid(self):
        self.refused("eid a.0 4096", "4096 is not one of 1 to 4095")
        self.refused("eid s 7", "no accelerator 's'")
        for number in ("x", "²", "-1", "9" * 5000):
            self.refused(f"eid a.0 {number}", f"'{number}' is no EID")

    def test_bad_values(self):
        self.refused("set hbm=lots", "hbm=lots: a size")
        self.refused("set ports=17", "1 to 16 ports")
        self.refused("switch t ports=65", "1 to 64 ports")
        self.refused("node a accels=1", "'a' exists already")
        self.refused("node Big accels=1", "'Big' is no name")
        for number in ("²", "9" * 5000):
            self.refused(f"node c accels={number}", "a whole number is needed")
            self.refused(f"set ports={number}", "1 to 16 ports")
            self.refused(f"set hbm={number}", "a size")
            self.refused(f"fibre a.1:{number} b.0:1", "is no end of a fibre")

    def test_file_that_cannot_be_read(self):
        with self.assertRaises(topology.Error) as caught:
            topology.load("/", PLENTY)
        self.assertIn("cannot read '/'", str(caught.exception))

    def test_no_node(self):
        with tempfile.NamedTemporaryFile("w") as file:
            with self.assertRaises(topology.Error) as caught:
                topology.load(file.name, PLENTY)
        self.assertIn("no node", str(caught.exception))
