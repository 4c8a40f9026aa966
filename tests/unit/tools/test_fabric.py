# SPDX-License-Identifier: MIT
"""sfab fabric: discovery, tables, programming, on a fabric that is pretended."""

import harness


def ring(count):
    return ",".join(f"{i}.0-{(i + 1) % count}.1" for i in range(count))


def uuid(device):
    return f"5fab0000-0000-4000-8000-0000000000{device:02x}"


class Discover(harness.ToolTest):
    def test_ring(self):
        result = self.ok("fabric", "discover", FAKE_FABRIC=ring(5))
        lines = result.out.splitlines()
        self.assertEqual(lines[0].split(), ["EID", "KIND", "UUID", "HOPS", "LINKS"])
        self.assertEqual(lines[-1], "fabric: 5 devices, 5 links")
        self.assertEqual(len(lines), 7)
        self.assertIn(uuid(4), result.out)

    def test_json_tells_kinds_and_hops(self):
        document = self.ok("fabric", "discover", "-j", FAKE_SWITCHES=2,
                           FAKE_FABRIC="0.0-1.0,1.1-2.0,1.2-3.0").json
        self.assertEqual(document["links"], 3)
        self.assertEqual([(d["uuid"], d["kind"], d["hops"]) for d in document["devices"]],
                         [(uuid(0), "accelerator", 0), (uuid(1), "switch", 1),
                          (uuid(2), "accelerator", 2), (uuid(3), "accelerator", 2)])
        self.assertEqual(document["devices"][1]["links"], ["0>0:0", "1>0:0", "2>0:0"])

    def test_alone(self):
        self.assertIn("1 devices, 0 links", self.ok("fabric", "discover").out)

    def test_waits_for_what_is_expected(self):
        self.ok("fabric", "discover", "--expect-devices", "3", "--expect-links", "3", "--wait",
                "30", FAKE_FABRIC=ring(3), FAKE_LATE=20)

    def test_tells_what_did_not_come(self):
        self.refused("fabric", "discover", "--expect-devices", "4", "--expect-links", "9",
                     FAKE_FABRIC=ring(3), says="found 3 devices and 3 links, expected 4 and 9")

    def test_looks_again_after_a_cut(self):
        self.ok("fabric", "discover", "--wait", "30", FAKE_FABRIC="0.0-1.0,1.1-2.0",
                FAKE_CUT="0.0@12")

    def test_cut_under_way(self):
        self.refused("fabric", "discover", FAKE_FABRIC="0.0-1.0,1.1-2.0", FAKE_CUT="0.0@12",
                     says=["2 hops away", "the way there ends early"])


class Program(harness.ToolTest):
    def settings(self, **more):
        return {"FAKE_FABRIC": ring(6), "FAKE_STATE": self.path("state"), **more}

    def test_then_check(self):
        self.refused("fabric", "check", says="have no route", **self.settings())
        out = self.ok("fabric", "program", **self.settings()).out
        self.assertIn("6 devices, 6 links: shortest ways for 30 pairs", out)
        self.assertTrue(out.endswith("fabric: programmed 6 devices\n"), out)
        self.assertEqual(self.ok("fabric", "check", **self.settings()).out,
                         "fabric: 30 pairs have routes, which cannot deadlock\n")
        eids = [d["eid"] for d in self.ok("fabric", "discover", "-j",
                                          **self.settings()).json["devices"]]
        self.assertEqual(sorted(eids), [1, 2, 3, 4, 5, 6])

    def test_twice_is_the_same(self):
        self.ok("fabric", "program", **self.settings())
        before = self.read("state")
        self.ok("fabric", "program", **self.settings())
        self.assertEqual(self.read("state"), before)

    def test_dry_run_changes_nothing(self):
        self.ok("fabric", "discover", **self.settings())
        before = self.read("state")
        out = self.ok("fabric", "program", "-n", **self.settings()).out
        self.assertIn("\n1 2 ", out)
        self.assertEqual(self.read("state"), before)

    def test_eids_of_a_file(self):
        self.write("eids", f"# fixed\n{uuid(3)} 40\n{uuid(0).upper()} 2\n".encode())
        self.ok("fabric", "program", "--eids", "eids", **self.settings())
        eids = {d["uuid"]: d["eid"] for d in self.ok("fabric", "discover", "-j",
                                                     **self.settings()).json["devices"]}
        self.assertEqual(eids[uuid(3)], 40)
        self.assertEqual(eids[uuid(0)], 2)
        self.assertEqual(len(set(eids.values())), 6)

    def bad_eids(self, text, says):
        self.write("eids", text.encode())
        self.refused("fabric", "program", "--eids", "eids", says=says, **self.settings())

    def test_eids_unknown_device(self):
        self.bad_eids(f"{uuid(0)} 1\n{uuid(9)} 2\n", ["eids:2: no device has the UUID"])

    def test_eids_twice(self):
        self.bad_eids(f"{uuid(0)} 1\n{uuid(1)} 1\n", ["eids:2: EID 1 was given in line 1"])

    def test_eids_out_of_range(self):
        self.bad_eids(f"{uuid(0)} 4096\n", ["eids:1: EID 4096 is not one of 1 to 4095"])

    def test_eids_that_are_no_numbers(self):
        for text in ["4294967297", "-4294967295", "18446744073709551617", "+1", "0x1", "1x", "1.0",
                     "0", "-1", "x", "4294967296"]:
            self.bad_eids(f"# a comment\n{uuid(0)} {text}\n",
                          [f"eids:2: EID {text} is not one of 1 to 4095"])

    def test_eids_in_many_spaces(self):
        self.write("eids", f"\t {uuid(1)} \t 007 # seven\r\n\r\n{uuid(2)} 4095\r\n".encode())
        self.ok("fabric", "program", "-n", "--eids", "eids", **self.settings())

    def test_eids_garbage(self):
        for line in ["hello", f"{uuid(0)} 1 2", f"{uuid(0)}"]:
            self.bad_eids(f"{line}\n", ["eids:1: a line is a UUID and an EID"])

    def test_eids_missing(self):
        self.refused("fabric", "program", "--eids", "nowhere", says="nowhere",
                     **self.settings())

    def test_key(self):
        self.refused("fabric", "program", says=["management key", "--key"],
                     **self.settings(FAKE_KEY=7))
        self.ok("fabric", "program", "--key", "7", **self.settings(FAKE_KEY=7))

    def test_device_that_does_not_take_it(self):
        self.refused("fabric", "program", says="does not take EID",
                     **self.settings(FAKE_DEAF=2))


class Tables(harness.ToolTest):
    def settings(self):
        return {"FAKE_FABRIC": ring(4), "FAKE_STATE": self.path("state")}

    def test_printed_ones_can_be_read(self):
        self.ok("fabric", "program", **self.settings())
        out = self.ok("fabric", "routes", **self.settings()).out
        before = self.read("state")
        self.write("tables", out.encode())
        self.ok("fabric", "program", "--routes", "tables", **self.settings())
        self.assertEqual(self.read("state"), before)

    def bad(self, text, says):
        self.ok("fabric", "program", **self.settings())
        before = self.read("state")
        self.write("tables", text.encode())
        self.refused("fabric", "program", "--routes", "tables", says=says, **self.settings())
        self.assertEqual(self.read("state"), before, "nothing was sent")

    def test_cycle_is_refused_and_named(self):
        # 0 has EID 1; its port 0 leads to the next, in the order of discovery 1, 2, 4, 3
        right = "".join(f"{i} {k} 0:1\n" for i in range(1, 5) for k in range(1, 5) if i != k)
        self.bad(right, ["tables can deadlock", f"{uuid(0)} port 0 vc 0 ->"])

    def test_unknown_eid(self):
        self.bad("1 9 0:1\n", "tables:1: no device has EID '9'")

    def test_unknown_port(self):
        self.bad("1 2 8:1\n", "tables:1: '8:1' is no PORT")

    def test_entry_twice(self):
        self.bad("1 2 0:1\n1 2 0:1\n", "tables:2: there is an entry from 1 to 2 already")

    def test_too_many_candidates(self):
        five = {"FAKE_FABRIC": ",".join(f"0.{i}-1.{i}" for i in range(5))}
        self.write("tables", b"1 2 0:1 1:1 2:1 3:1 4:1\n")
        self.refused("fabric", "program", "--routes", "tables", says="one candidate too many",
                     **five)

    def test_no_candidate(self):
        self.bad("1 2\n", "no candidate is named")

    def whole(self):
        """Tables that are fine, by the two EIDs."""
        self.ok("fabric", "program", **self.settings())
        lines = self.ok("fabric", "routes", **self.settings()).out.splitlines()
        return {tuple(line.split()[:2]): line for line in lines}

    def test_empty(self):
        for text in ["", "# all comments\n\n"]:
            self.bad(text, ["tables: 12 of 12 pairs of accelerators have no route",
                            "the first from EID 1 to EID 2", "--partial"])

    def test_one_line_only(self):
        self.bad("1 2 0:1\n", "tables: 11 of 12 pairs of accelerators have no route, the first "
                 "from EID 1 to EID 3")

    def test_pairs_without_an_entry(self):
        tables = self.whole()
        del tables["2", "1"]
        self.bad("\n".join(tables.values()), "from EID 2 to EID 1")

    def test_entry_that_leads_to_nobody_who_knows_on(self):
        # Port 0 of EID 1 leads to EID 2, whose port 0 leads to EID 4
        tables = self.whole()
        self.assertIn("1 4 0/vc1:2", tables["1", "4"])
        del tables["2", "4"]
        self.bad("\n".join(tables.values()), "2 of 12 pairs of accelerators")

    def test_partial(self):
        self.write("tables", b"1 2 0:1\n2 1 1:1\n1 4 0:2\n")
        self.ok("fabric", "program", "--routes", "tables", "--partial", **self.settings())
        self.assertEqual(self.ok("fabric", "routes", **self.settings()).out,
                         "1 2 0:1\n1 4 0:2\n2 1 1:1\n")
        self.write("tables", b"")
        self.ok("fabric", "program", "--routes", "tables", "--partial", **self.settings())
        self.assertEqual(self.ok("fabric", "routes", **self.settings()).out, "")

    def test_partial_is_no_leave_for_nonsense(self):
        for text, says in [("1 2 5:1", "leads nowhere"), ("1 2 0:3", "EID 2 is 1 hops away")]:
            self.write("tables", text.encode())
            self.refused("fabric", "program", "--routes", "tables", "--partial", says=says,
                         **self.settings())

    def test_port_without_a_peer(self):
        self.bad("# a comment\n1 2 0:1 5:1\n",
                 ["tables:2: '5:1': port 5 of accelerator", "leads nowhere", "fabric discover"])

    def test_port_that_is_dark(self):
        tables = self.whole()
        self.write("tables", "\n".join(tables.values()).encode())
        self.refused("fabric", "program", "--routes", "tables", says="leads nowhere",
                     FAKE_CUT="0.0@0", **self.settings())

    def test_candidate_twice(self):
        for again in ["0:1", "0/vc1:1", "0:3"]:
            self.bad(f"1 2 0:1 {again}\n", f"tables:1: '{again}': port 0 is a candidate already")

    def test_false_hops(self):
        for pair, right, wrong in [(("1", "2"), "0:1", "0:2"), (("1", "2"), "0:1", "0/vc1:7")]:
            tables = self.whole()
            self.assertIn(f" {right}", tables[pair])
            tables[pair] = tables[pair].replace(f" {right}", f" {wrong}")
            line = list(tables).index(pair) + 1
            self.bad("\n".join(tables.values()),
                     [f"tables:{line}: EID 2 is 1 hops away by port 0, not {wrong[-1]}",
                      f"write '{wrong[:-1]}1'"])

    def test_alternative_that_leads_back(self):
        # By port 0 of EID 2 to EID 4, who sends everything for EID 1 to EID 2
        tables = self.whole()
        self.assertEqual(tables["2", "1"], "2 1 1:1 0:3")
        tables["4", "1"] = "4 1 1:2"
        self.bad("\n".join(tables.values()),
                 "tables:4: who leaves by port 0 does not get to EID 1")

    def test_numbers(self):
        for text in ["1 2 4294967296:1", "1 2 -0:1", "1 2 0:+1", "1 2 0:4294967297", "1 2 0:256",
                     "1 2 0:0", "1 2 :1", "1 2 0:"]:
            self.bad(text, ["tables:1: '", "is no PORT"])
        for text in ["4294967297 2 0:1", "-18446744073709551615 2 0:1", "+1 2 0:1", "1 0 0:1",
                     "1 65538 0:1"]:
            self.bad(text, "tables:1: no device has EID '")

    def test_switches_need_not_be_reached(self):
        star = {"FAKE_FABRIC": "0.0-1.0,1.1-2.0", "FAKE_SWITCHES": 2,
                "FAKE_STATE": self.path("star")}
        self.ok("fabric", "program", **star)
        self.write("tables", b"1 3 0:2\n2 3 1:1\n3 1 0:2\n2 1 0:1\n")
        self.ok("fabric", "program", "--routes", "tables", **star)
        self.refused("fabric", "check", says="2 of 6 pairs of devices have no route", **star)


class Check(harness.ToolTest):
    """What the tables of the devices are found to be."""

    def settings(self, **more):
        return {"FAKE_FABRIC": ring(4), "FAKE_STATE": self.path("state"), **more}

    def test_ports_that_lead_nowhere(self):
        line = {"FAKE_FABRIC": "0.0-1.1,1.0-2.1", "FAKE_STATE": self.path("state")}
        self.ok("fabric", "program", **line)
        self.ok("fabric", "check", **line)
        # The same tables, when the fibre from 1 to 2 is in another port
        line["FAKE_FABRIC"] = "0.0-1.1,1.3-2.1"
        self.refused("fabric", "check", says=["2 of 6 pairs of devices have no route",
                                              "'sfab fabric program'"], **line)

    def test_another_way_is_a_route(self):
        # A ring of three: whoever has lost a neighbour reaches it the other way around
        three = {"FAKE_FABRIC": ring(3), "FAKE_STATE": self.path("state")}
        self.ok("fabric", "program", **three)
        three["FAKE_FABRIC"] = "0.0-1.1,1.0-2.1"
        self.ok("fabric", "check", **three)


class Arguments(harness.ToolTest):
    def test_action_is_missing(self):
        self.refused("fabric", says="say what to do", status=2)

    def test_unknown_action(self):
        self.refused("fabric", "fly", says="'fly' is nothing that can be done", status=2)

    def test_options_of_another_action(self):
        for option, owner in [(["-j"], "discover"), (["--eids", "x"], "program"),
                              (["--routes", "x"], "program"), (["-n"], "program"),
                              (["--partial"], "program")]:
            name = {"-j": "--json", "-n": "--dry-run"}.get(option[0], option[0])
            for action in {"discover", "routes", "check", "program"} - {owner}:
                for words in [[action, *option], [*option, action]]:
                    result = self.refused(
                        "fabric", *words, status=2,
                        says=f"{name} belongs to '{owner}', and '{action}' does not know it")
                    self.assertEqual(result.out, "")

    def test_partial_without_a_file(self):
        self.refused("fabric", "program", "--partial", says="give --routes too", status=2)

    def test_bad_key(self):
        self.refused("fabric", "check", "--key", "x", says="'x' is no number", status=2)
