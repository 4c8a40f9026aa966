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

    def test_eids_garbage(self):
        self.bad_eids("hello\n", ["eids:1: a line is a UUID and an EID"])

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
        self.bad("1 2 0:1 1:2 2:1 3:1 4:1\n", "one candidate too many")

    def test_no_candidate(self):
        self.bad("1 2\n", "no candidate is named")


class Arguments(harness.ToolTest):
    def test_action_is_missing(self):
        self.refused("fabric", says="say what to do", status=2)

    def test_unknown_action(self):
        self.refused("fabric", "fly", says="'fly' is nothing that can be done", status=2)

    def test_bad_key(self):
        self.refused("fabric", "check", "--key", "x", says="'x' is no number", status=2)
