# SPDX-License-Identifier: MIT
"""sfab port, export, stream, bench --to and demo --share: what belongs to several nodes."""

import hashlib
import json
import os
import re
import signal
import subprocess
import time

import harness

FABRIC = {"FAKE_FABRIC_EID": 10}
PIECE = 256 << 10       # of a stream
CONTENT = bytes(range(256)) * 500
COUNTERS = {"bytes_sent", "packets_sent", "bytes_received", "packets_received", "replays",
            "crc_errors", "credit_stalls", "failovers", "link_downs", "dropped_no_route",
            "dropped_hop_limit", "dropped_stalled", "dropped_malformed", "dropped_link_down"}


class Port(harness.ToolTest):
    def test_table(self):
        result = self.ok("port", **FABRIC)
        lines = result.out.splitlines()
        self.assertEqual(lines[0].split(), "ACCELERATOR PORT STATE LANES GB/S LIGHT PATH PARTNER "
                         "SENT RECEIVED REPLAYS DROPPED LINK DOWNS".split())
        self.assertEqual([line.split()[:3] for line in lines[1:]],
                         [[f"accel{a}", str(p), "down" if p == 3 else "up"]
                          for a in range(2) for p in range(4)])
        self.assertIn("8 of 8", lines[1])
        self.assertIn(" 896 ", lines[1])
        self.assertIn("EID 42:3", lines[3])
        self.assertNotIn("EID", lines[4])
        self.assertEqual(result.err, "")

    def test_json(self):
        ports = self.ok("port", "-j", **FABRIC).json["ports"]
        self.assertEqual([(p["accelerator"], p["port"]) for p in ports],
                         [(f"accel{a}", p) for a in range(2) for p in range(4)])
        for port in ports:
            self.assertEqual(set(port), {
                "accelerator", "port", "state", "reason", "enabled", "loopback", "lanes",
                "lanes_in_use", "lane_gbps", "gbps", "light_path", "light_paths", "partner",
                "counters"})
            self.assertEqual(set(port["counters"]), COUNTERS)
            self.assertEqual(port["counters"]["bytes_received"], 2**64 - 1)
        self.assertEqual(ports[1]["partner"], {
            "kind": "accelerator", "eid": 41, "port": 0,
            "uuid": "5fab0000-0000-4000-8000-0000000000ff"})
        self.assertIsNone(ports[1]["reason"])
        self.assertEqual((ports[3]["state"], ports[3]["reason"], ports[3]["partner"],
                          ports[3]["gbps"]), ("down", "no light", None, 0))

    def test_one_accelerator(self):
        for name in ["1", "accel:1", "accel1", "0000:02:00.0",
                     "5fab0000-0000-4000-8000-000000000001"]:
            ports = self.ok("port", "-j", name, **FABRIC).json["ports"]
            self.assertEqual([(p["accelerator"], p["port"]) for p in ports],
                             [("accel1", p) for p in range(4)], name)

    def test_one_port(self):
        for name in ["1:2", "accel:1:2", "accel1:2", "0000:02:00.0:2"]:
            ports = self.ok("port", "-j", name, **FABRIC).json["ports"]
            self.assertEqual([(p["accelerator"], p["port"]) for p in ports], [("accel1", 2)], name)
        out = self.ok("port", "1:3", **FABRIC).out
        for text in ["reason", "no light", "credit stalls", "hop limit"]:
            self.assertIn(text, out)

    def test_unknown(self):
        self.refused("port", "0:4", says="accel0 has no port 4: its ports are 0 to 3", **FABRIC)
        self.refused("port", "7:0", says="no accelerator '7'", **FABRIC)
        self.refused("port", "0:99999999999", says="no port", status=2, **FABRIC)
        self.refused("port", "0", "1", says="one argument too many", status=2, **FABRIC)

    def test_without_ports(self):
        self.refused("port", says="has no ports")
        self.refused("port", says="modprobe sfab", FAKE_COUNT=0)

    def test_drops_are_warned_of(self):
        result = self.ok("port", FAKE_DROPS=3, **FABRIC)
        self.assertEqual(result.err, "sfab port: warning: accel0 port 1 dropped 3 packets, no "
                         "route: 'sfab fabric program' gives the devices tables\n")
        self.assertEqual(result.out.splitlines()[2].split()[-2], "3")

    def test_failure_shows_the_rest(self):
        result = self.refused("port", "-j", says="Input/output error",
                              FAKE_FAIL="sfab_port_get_info:2:5", **FABRIC)
        self.assertEqual(len(result.json["ports"]), 1 + 4)


class Info(harness.ToolTest):
    def test_fabric(self):
        fabric = self.ok("info", "-j", "1", **FABRIC).json["accelerators"][0]["fabric"]
        counters = fabric.pop("counters")
        self.assertEqual(fabric, {"eid": 11, "incarnation": 77, "ports": 4, "ports_up": 3,
                                  "routes": 55, "segments": 5, "imports": 6,
                                  "op_timeout_ms": 2000})
        self.assertEqual(set(counters), {"bytes_fabric", "requests", "retries", "failures",
                                         "served", "duplicates", "refused", "forwarded"})
        out = self.ok("info", "1", **FABRIC).out
        self.assertRegex(out, r"fabric\n  EID +11\n  incarnation +77\n")

    def test_without_ports(self):
        self.assertIsNone(self.ok("info", "-j", "0").json["accelerators"][0]["fabric"])
        self.assertNotIn("incarnation", self.ok("info", "0").out)

    def test_failure_shows_the_rest(self):
        for function in ["sfab_device_get_fabric", "sfab_port_get_info", "sfab_device_get_route"]:
            result = self.refused("info", "-j", says=function, FAKE_FAIL=f"{function}:1:5",
                                  **FABRIC)
            told = result.json["accelerators"]
            self.assertIsNone(told[0]["fabric"])
            self.assertEqual(len(told[0]["engine_list"]), 2)
            self.assertEqual(told[1]["fabric"]["eid"], 11)


class ExportedTest(harness.ToolTest):
    """Tests with a process that exports memory."""

    def export(self, *words, **settings):
        """Start it; returns its handle."""
        self.exporter = subprocess.Popen(
            [harness.tool, "export", *words], cwd=self.dir, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=self.environment({"FAKE_FABRIC_EID": 20, **settings}))
        self.addCleanup(self.end)
        return self.exporter.stdout.readline().strip()

    def end(self):
        if self.exporter.returncode is None:
            self.exporter.send_signal(signal.SIGINT)
            self.rest, self.told = self.exporter.communicate(timeout=60)


class Export(ExportedTest):
    def test_holds_until_interrupted(self):
        handle = self.export("-a", "1", "--size", "1M")
        self.assertRegex(handle, r"\A[0-9a-f]{128}\Z")
        self.assertIsNone(self.exporter.poll())
        self.end()
        self.assertEqual((self.exporter.returncode, self.rest), (0, ""))
        self.assertEqual(self.told, "sfab export: 1 MiB of HBM of accel1 are segment 3 of EID 21 "
                         "until this ends\n")

    def test_json(self):
        result = self.ok("export", "-j", "-q", "--seconds", "1", **FABRIC)
        handle = result.json.pop("handle")
        self.assertEqual(len(handle), 128)
        self.assertEqual({k: v for k, v in result.json.items() if k != "handle"}, {
            "accelerator": "accel0", "eid": 10, "segment": 3, "bytes": 64 << 20})
        self.assertEqual(result.err, "")

    def test_small_hbm(self):
        result = self.ok("export", "-j", "--seconds", "1", FAKE_HBM=4 << 20, **FABRIC)
        self.assertEqual(result.json["bytes"], 1 << 20)

    def test_refused(self):
        self.refused("export", "--size", "1G", says="of HBM are free", **FABRIC)
        self.refused("export", says="has no ports")
        self.refused("export", "-a", "9", says="no accelerator '9'", **FABRIC)
        self.refused("export", "0", says="with -a", status=2)
        self.refused("export", "--seconds", "0", says="--seconds '0' is not", status=2)

    def test_library_that_fails(self):
        for function in ["sfab_mem_alloc", "sfab_mem_export", "sfab_handle_get_info"]:
            self.refused("export", "--seconds", "1", says=[function, "Input/output error"],
                         FAKE_FAIL=f"{function}:1:5", **FABRIC)


class BenchTo(ExportedTest):
    QUICK = ["bench", "-j", "--iterations", "3", "--to"]

    def test_json(self):
        handle = self.export("--size", "1M")
        result = self.ok(*self.QUICK, handle, "-a", "1", **FABRIC).json
        self.assertEqual([(row["test"], row["from"], row["to"], row["path"], row["bytes"])
                          for row in result["copies"]],
                         [("memcpy", "host", "host", "cpu", 1 << 20),
                          ("remote-write", "accel1", "EID 20", "fabric", 1 << 20),
                          ("remote-read", "EID 20", "accel1", "fabric", 1 << 20)])
        self.assertEqual([row["test"] for row in result["latencies"]],
                         ["submit-to-fence", "remote-write-8"])
        for row in result["copies"]:
            self.assertGreater(row["bytes_per_second"]["median"], 0)

    def test_table(self):
        out = self.ok("bench", "--iterations", "2", "--to", self.export("--size", "1M"),
                      **FABRIC).out
        self.assertIn("remote-write-8", out)

    def test_wrong_data_are_no_measurement(self):
        # 1 into HBM, then 5 of remote-write
        handle = self.export("--size", "64K")
        self.refused(*self.QUICK, handle, says="remote-write: accel0 copied wrong data",
                     FAKE_DAMAGE=6, **FABRIC)

    def test_bad_handles(self):
        good = self.export("--size", "64K")
        for bad, says in [("", "0 hexadecimal digits"), ("12", "2 hexadecimal digits"),
                          (good[:-1] + "g", "127 hexadecimal digits"), ("0" * 128, "damaged"),
                          (good + "00", "130 hexadecimal digits")]:
            for command in ["bench", "stream"]:
                self.refused(command, "--to", bad, says=says, **FABRIC)

    def test_too_small(self):
        handle = self.export("--size", "64K")
        self.refused(*self.QUICK, handle, "--size", "1M", says="smaller --size", **FABRIC)
        self.end()
        self.refused(*self.QUICK, self.export("--size", "4"), says="too little", **FABRIC)

    def test_not_with_tests(self):
        for words in [["hbm"], ["--peer", "1"]]:
            self.refused("bench", "--to", "00", *words, says="leave out --peer and tests",
                         status=2)

    def test_exporter_that_ended(self):
        handle = self.export("--size", "64K")
        self.end()
        self.refused(*self.QUICK, handle, says="nobody exports", **FABRIC)


class Stream(ExportedTest):
    SHORT = ["stream", "--seconds", "1", "--to"]

    def test_quiet_way(self):
        result = self.ok(*self.SHORT, self.export("--size", "5M"), "-j", FAKE_SLOW=10000, **FABRIC)
        told = result.json
        self.assertEqual(set(told), {"eid", "bytes", "verified", "failovers", "failbacks",
                                     "stalled_seconds", "phases"})
        self.assertEqual((told["eid"], told["verified"], told["failovers"], told["failbacks"]),
                         (20, True, 0, 0))
        self.assertEqual(len(told["phases"]), 1)
        phase = told["phases"][0]
        self.assertEqual(set(phase), {
            "from_seconds", "to_seconds", "way", "hops", "bytes", "bytes_per_second",
            "usual_stop_seconds", "longest_stop_seconds", "rerouted_packets", "ports"})
        self.assertEqual((phase["way"], phase["hops"], phase["bytes"], phase["rerouted_packets"]),
                         ("accel0:0 > EID 20", 1, told["bytes"], 0))
        self.assertGreaterEqual(phase["usual_stop_seconds"], 0.02)
        self.assertGreaterEqual(phase["longest_stop_seconds"], 0.02)
        self.assertEqual(len(phase["ports"]), 1)
        self.assertTrue(phase["ports"][0].startswith("accel0:0 "))

    def test_failover_and_failback(self):
        phases = self.ok(*self.SHORT, self.export("--size", "5M"), "-j", "-a", "1",
                         FAKE_SLOW=10000, FAKE_CUT="5-10", **FABRIC).json
        self.assertEqual((phases["verified"], phases["failovers"], phases["failbacks"]),
                         (True, 1, 1))
        told = phases["phases"]
        self.assertEqual([(p["way"], p["hops"]) for p in told],
                         [("accel1:0 > EID 20", 1), ("accel1:2 > EID 20", 3),
                          ("accel1:0 > EID 20", 1)])
        self.assertGreaterEqual(phases["stalled_seconds"], 0.02)
        # Five rounds of two copies; the change is seen after the first of them
        self.assertEqual([p["rerouted_packets"] for p in told], [2, 8, 0])
        self.assertEqual(sum(p["bytes"] for p in told), phases["bytes"])

    def test_full_disk_at_once(self):
        handle = self.export("--size", "1M")
        began = time.monotonic()
        with open("/dev/full", "wb") as full:
            done = subprocess.run([harness.tool, "stream", "--seconds", "60", "--to", handle],
                                  stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                                  env=self.environment(FABRIC))
        self.assertEqual((done.returncode, done.stderr),
                         (1, "sfab stream: cannot write the output: No space left on device\n"))
        self.assertLess(time.monotonic() - began, 50)

    def test_table(self):
        lines = self.ok(*self.SHORT, self.export("--size", "1M"), FAKE_SLOW=10000, FAKE_CUT="5-10",
                        **FABRIC).out.splitlines()
        self.assertEqual(len(lines), 1 + 3 + 1)
        self.assertEqual(lines[0].split()[:4], ["FROM", "S", "TO", "S"])
        self.assertRegex(lines[-1], r"\Astream: .* written to EID 20 and read back, verified; "
                         r"1 failovers \(stalled for \d+\.\d ms\), 1 failbacks\Z")

    def test_wrong_data_end_it(self):
        for damage in ["FAKE_DAMAGE", "FAKE_LOSE"]:
            result = self.refused(*self.SHORT, self.export("--size", "64K"), FAKE_SLOW=1000,
                                  says=["wrong data: byte", "EID 20"], **{damage: 9}, **FABRIC)
            self.assertIn("NOT VERIFIED", result.out)
            self.end()

    def test_failure_ends_it(self):
        result = self.refused(*self.SHORT, self.export("--size", "1M"), "-j",
                              says="Input/output error", FAKE_FAIL="sfab_fence_wait:3:5", **FABRIC)
        self.assertFalse(result.json["verified"])
        self.assertEqual(result.json["bytes"], 2 * PIECE)

    def test_unplugged_accelerator(self):
        """What it has counted until then is told: its counters cannot be read any more."""
        handle = self.export("--size", "1M")
        for accel, status in [(0, 1), (1, 0)]:
            settings = {"FAKE_GONE": f"{accel}:25", "FAKE_BEFORE": 24, "FAKE_SLOW": 10000,
                        "FAKE_CUT": "2-1000"}
            result = self.sfab(*self.SHORT, handle, "-j", **settings, **FABRIC)
            self.assertEqual(result.status, status, result)
            told = result.json
            self.assertEqual(told["failovers"], 1)
            phase = told["phases"][1]
            self.assertTrue(2 <= phase["rerouted_packets"] <= 2 * told["bytes"] // PIECE, told)
            self.assertEqual([port.split()[0] for port in phase["ports"]], ["accel0:2"])
            self.assertIn("MiB", phase["ports"][0])
            result = self.sfab(*self.SHORT, handle, **settings, **FABRIC)
            self.assertNotIn("EiB", result.out)
            self.assertNotRegex(result.out, "[0-9]{15}")

    def test_on_loss(self):
        handle = self.export("--size", "64K")
        for text, says in [("fail", "policy 2, limit 0 ms"), ("wait:1500", "policy 1, limit 1500 ms"),
                           ("reroute:60000", "policy 0, limit 60000 ms")]:
            self.assertIn(says, self.ok(*self.SHORT, handle, "--on-loss", text, FAKE_SLOW=10000,
                                        **FABRIC).err)
        for text in ["", "fai", "failing", "wait:", "wait:0", "wait:60001", "wait:5s", ":5"]:
            self.refused(*self.SHORT, handle, "--on-loss", text, says="--on-loss '", status=2,
                         **FABRIC)

    def test_handle_is_needed(self):
        self.refused("stream", says="--to is missing", status=2)

    def test_tiny_memory(self):
        self.ok(*self.SHORT, self.export("--size", "1"), FAKE_SLOW=10000, **FABRIC)


class Demo(harness.ToolTest):
    """Nodes of two accelerators each."""

    def setUp(self):
        super().setUp()
        self.write("in", CONTENT)
        os.mkdir(self.path("share"))

    def start(self, node, *words, nodes=2, **settings):
        return subprocess.Popen(
            [harness.tool, "demo", *words, "--share", "share", "--node", str(node), "--nodes",
             str(nodes), "in"], cwd=self.dir, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment({"FAKE_FABRIC_EID": 10 * (node + 1), **settings}))

    def together(self, *words, **settings):
        """Both nodes; the settings are those of node 1. Returns (status, out, err) of each."""
        nodes = [self.start(0, *words), self.start(1, *words, **settings)]
        return [(node.wait(), out, err) for node in nodes
                for out, err in [node.communicate(timeout=100)]]

    def test_two_nodes(self):
        host = os.uname().nodename
        for status, out, err in self.together():
            self.assertEqual((status, err), (0, ""))
            lines = out.splitlines()
            self.assertEqual(lines[0].split(), "FROM TO PATH HOPS BYTES MB/S SHA256".split())
            rows = [line.split() for line in lines[1:-1]]
            # From two here by two paths, from two there to two here
            self.assertEqual([row[2] for row in rows].count("peer"), 2)
            self.assertEqual([row[2] for row in rows].count("fabric"), 2 + 4)
            self.assertEqual({(row[4], row[-1]) for row in rows}, {(str(len(CONTENT)), "ok")})
            self.assertEqual({row[3] for row in rows if row[2] == "peer"}, {"-"})
            self.assertEqual({row[1] for row in rows}, {f"{host}.0", f"{host}.1"})
            self.assertEqual(lines[-1], "demo: 8 transfers, 8 verified")

    def test_json(self):
        for hops, (status, out, _) in zip([1, 3], self.together("-j", FAKE_HOPS=3)):
            self.assertEqual(status, 0)
            result = json.loads(out)
            self.assertEqual((result["transfers"], result["verified"]), (8, 8))
            self.assertEqual({row["hops"] for row in result["rows"]}, {None, hops})
            self.assertEqual({row["sha256_received"] for row in result["rows"]},
                             {hashlib.sha256(CONTENT).hexdigest()})

    def test_larger_than_hbm(self):
        for status, out, _ in self.together(FAKE_HBM=64 << 10):
            self.assertEqual(status, 0)
            self.assertIn(f" {len(CONTENT)} ", out)
            self.assertTrue(out.endswith("demo: 8 transfers, 8 verified\n"))

    def test_empty(self):
        self.write("in", b"")
        for status, out, _ in self.together():
            self.assertEqual(status, 0)
            self.assertTrue(out.endswith("demo: 8 transfers, 8 verified\n"))

    def test_damage_is_found_by_the_receiver(self):
        # Node 1: 2 loads, then two copies for each transfer
        (status, out, _), (status1, out1, _) = self.together(FAKE_DAMAGE=5)
        self.assertEqual((status, status1), (0, 1))
        self.assertTrue(out.endswith("8 verified\n"))
        self.assertIn("MISMATCH", out1)
        self.assertTrue(out1.endswith("demo: 8 transfers, 7 verified\n"))

    def test_loss_is_found(self):
        (_, _, _), (status, out, _) = self.together(FAKE_LOSE=5)
        self.assertEqual(status, 1)
        self.assertTrue(out.endswith("demo: 8 transfers, 7 verified\n"))

    def test_failed_transfer_is_counted_and_the_others_go_on(self):
        # Waits: 2 loads, then three for each transfer
        (status, out, _), (status1, out1, err1) = self.together(FAKE_FAIL="sfab_fence_wait:7:5")
        self.assertEqual((status, status1), (0, 1))
        self.assertTrue(out.endswith("8 verified\n"))
        self.assertEqual(len(re.findall("FAILED", out1)), 1)
        self.assertRegex(err1, r"the transfer from \S+ to \S+ \(\w+\) failed")
        self.assertTrue(out1.endswith("demo: 8 transfers, 7 verified\n"))

    def test_node_that_gives_up_is_not_waited_for(self):
        (status, _, err), (status1, _, err1) = self.together(FAKE_FAIL="sfab_mem_export:1:5")
        self.assertEqual((status, status1), (1, 1))
        self.assertIn("node 1 gave up", err)
        self.assertIn("sfab_mem_export", err1)

    def test_second_node_of_a_name_disturbs_nobody(self):
        first = self.start(0)
        while not os.path.exists(self.path("share/hello.0")):
            time.sleep(0.01)
        before = sorted(os.listdir(self.path("share")))
        self.refused("demo", "--share", "share", "--node", "0", "--nodes", "2", "in",
                     says=["share/node.0' is there already", "each node a --node of its own"],
                     **FABRIC)
        self.assertEqual(sorted(os.listdir(self.path("share"))), before)
        other = self.start(1)
        for node in [first, other]:
            out, err = node.communicate(timeout=100)
            self.assertEqual((node.returncode, err), (0, ""))
            self.assertTrue(out.endswith("demo: 8 transfers, 8 verified\n"))

    def test_node_that_cannot_begin_is_not_waited_for(self):
        (status, _, err), (status1, _, err1) = self.together(FAKE_FAIL="sfab_device_get_info:1:5")
        self.assertEqual((status, status1), (1, 1))
        self.assertIn("node 1 gave up", err)
        self.assertIn("sfab_device_get_info", err1)

    def test_different_files(self):
        first = self.start(0)
        self.write("other", b"another one")
        second = self.sfab("demo", "--share", "share", "--node", "1", "--nodes", "2", "other",
                           FAKE_FABRIC_EID=20)
        self.assertEqual((second.status, first.wait()), (1, 1))
        self.assertIn("give all the same", second.err)
        first.communicate()

    def test_used_directory(self):
        self.ok("demo", "--share", "share", "--node", "0", "--nodes", "1", "in", **FABRIC)
        self.refused("demo", "--share", "share", "--node", "0", "--nodes", "1", "in",
                     says=["is there already", "an empty directory"], **FABRIC)

    def test_one_node(self):
        out = self.ok("demo", "--share", "share", "--node", "0", "--nodes", "1", "in", FAKE_COUNT=3,
                      **FABRIC).out
        self.assertTrue(out.endswith("demo: 12 transfers, 12 verified\n"))

    def test_no_directory(self):
        self.refused("demo", "--share", "none", "--node", "0", "--nodes", "1", "in",
                     says=["none/node.0", "No such file"], **FABRIC)

    def test_bad_numbers(self):
        for words, says in [(["--share", "share"], "give all three"),
                            (["--node", "0", "--nodes", "1"], "give all three"),
                            (["--share", "share", "--node", "1", "--nodes", "1"],
                             "--node 1 of --nodes 1"),
                            (["--node", "x"], "'x' is not a number from 0")]:
            self.refused("demo", *words, "in", says=says, status=2)

    def test_interrupt_ends_the_wait(self):
        node = self.start(0)
        while not os.path.exists(self.path("share/hello.0")):
            pass
        node.send_signal(signal.SIGTERM)
        self.assertEqual(node.wait(), -signal.SIGTERM)
        self.assertIn("interrupted", node.communicate()[1])
        self.assertIn("gave-up.0", os.listdir(self.path("share")))
