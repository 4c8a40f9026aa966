# SPDX-License-Identifier: MIT
"""sfab list and sfab info."""

import harness

IDENTITY = {"index", "name", "node", "pci_address", "uuid", "serial", "hw_version",
            "driver_version", "engines", "hbm_size", "hbm_used"}


class List(harness.ToolTest):
    def test_table(self):
        lines = self.ok("list", FAKE_COUNT=3).out.splitlines()
        self.assertEqual(len(lines), 4)
        self.assertEqual(lines[0].split(), "INDEX NODE PCI ADDRESS UUID SERIAL HBM USED HBM SIZE "
                         "ENGINES HW DRIVER".split())
        self.assertEqual(lines[2].split(), [
            "1", "/dev/accel/accel1", "0000:02:00.0", "5fab0000-0000-4000-8000-000000000001",
            "5fab000000000002", "0", "bytes", "256", "MiB", "2", "1.2", "3.4"])
        self.assertEqual({line.index("/dev/accel/") for line in lines[1:]},
                         {lines[0].index("NODE")}, "columns are aligned")

    def test_json(self):
        accels = self.ok("list", "-j", FAKE_COUNT=3).json["accelerators"]
        self.assertEqual([accel["index"] for accel in accels], [0, 1, 2])
        for accel in accels:
            self.assertEqual(set(accel), IDENTITY)
        self.assertEqual(accels[1]["serial"], "5fab000000000002")
        self.assertEqual(accels[1]["hbm_size"], 256 << 20)

    def test_none_is_told_with_its_cause(self):
        result = self.ok("list", FAKE_COUNT=0)
        self.assertEqual(result.out, "")
        self.assertIn("no accelerator: the driver is not loaded", result.err)
        self.assertIn("modprobe sfab", result.err)

    def test_none_in_json(self):
        self.assertEqual(self.ok("list", "--json", FAKE_COUNT=0).json, {"accelerators": []})

    def test_one_that_cannot_be_opened_is_listed(self):
        settings = {"FAKE_COUNT": 3, "FAKE_FAIL": "sfab_device_get:2:13"}
        result = self.refused("list", "-j", says="Permission denied", **settings)
        accels = result.json["accelerators"]
        self.assertEqual(len(accels), 3)
        self.assertEqual(set(accels[1]), {"index", "error"})
        self.assertIn("Permission denied", accels[1]["error"])
        self.assertEqual(set(accels[2]), IDENTITY)

        lines = self.sfab("list", **settings).out.splitlines()
        self.assertEqual(lines[2].split(), ["1"] + ["-"] * 9)

    def test_one_that_does_not_answer_is_listed(self):
        result = self.refused("list", "-j", says="Input/output error",
                              FAKE_FAIL="sfab_device_get_info:1:5")
        self.assertIn("error", result.json["accelerators"][0])

    def test_library_that_fails(self):
        self.refused("list", says="Cannot allocate memory", FAKE_FAIL="sfab_context_open:1:12")


class Info(harness.ToolTest):
    def test_text(self):
        out = self.ok("info", "1").out
        for text in ["index             1\n", "0000:02:00.0", "5fab0000-0000-4000-8000-000000000001",
                     "peer, reduce, atomic", "256 MiB", "1024", "10000",
                     "18446744073709551615", "0       nop, copy, copy-2d\n",
                     "1       copy, unknown command\n", "accel0  0000:01:00.0  peer"]:
            self.assertIn(text, out)

    def test_json(self):
        accels = self.ok("info", "--json", "0", FAKE_COUNT=3).json["accelerators"]
        self.assertEqual(len(accels), 1)
        accel = accels[0]
        self.assertEqual(set(accel), IDENTITY | {
            "system_used", "registered", "numa_node", "features", "limits", "counters", "engine_list",
            "fabric", "peers"})
        self.assertEqual(set(accel["limits"]), {
            "max_queues", "max_vms", "va_bits", "max_commands", "job_timeout_ms"})
        self.assertEqual(set(accel["counters"]), {
            "commands", "bytes_hbm", "bytes_system", "bytes_peer", "faults", "queue_resets",
            "device_resets", "job_timeouts", "interrupts"})
        self.assertEqual(accel["engine_list"], [
            {"index": 0, "commands": ["nop", "copy", "copy-2d"]},
            {"index": 1, "commands": ["copy", "unknown command"]}])
        self.assertEqual([set(peer) for peer in accel["peers"]],
                         [{"index", "name", "pci_address", "uuid", "path"}] * 2)
        self.assertEqual(accel["counters"]["bytes_hbm"], 2**64 - 1)
        self.assertEqual(accel["features"], ["peer", "reduce", "atomic"])
        self.assertIsNone(accel["numa_node"])

    def test_without_a_name_all_are_told(self):
        accels = self.ok("info", "-j", FAKE_COUNT=3).json["accelerators"]
        self.assertEqual([accel["index"] for accel in accels], [0, 1, 2])
        self.assertEqual(self.ok("info", FAKE_COUNT=3).out.count("accelerator\n"), 3)

    def test_every_way_to_name_one(self):
        for name in ["1", "accel1", "accel:1", "accel:accel1", "/dev/accel/accel1",
                     "0000:02:00.0", "accel:0000:02:00.0", "5fab0000-0000-4000-8000-000000000001"]:
            accels = self.ok("info", "-j", name).json["accelerators"]
            self.assertEqual([accel["index"] for accel in accels], [1], name)

    def test_unknown_name(self):
        result = self.refused("info", "7", says="no accelerator '7'")
        self.assertEqual(result.out, "")

    def test_paths_to_peers(self):
        accels = self.ok("info", "-j", FAKE_COUNT=3, FAKE_BOUNCE="0>2").json["accelerators"]
        paths = {(accel["index"], peer["index"]): peer["path"]
                 for accel in accels for peer in accel["peers"]}
        self.assertEqual(len(paths), 6)
        self.assertEqual({pair for pair, path in paths.items() if path == "bounce"}, {(0, 2)})
        self.assertEqual(set(paths.values()), {"peer", "bounce"})

    def test_peer_that_cannot_be_probed(self):
        result = self.refused("info", "-j", "0", says="No space left",
                              FAKE_FAIL="sfab_device_reach:1:28")
        self.assertIsNone(result.json["accelerators"][0]["peers"][0]["path"])

    def test_single_accelerator_has_no_peers(self):
        result = self.ok("info", FAKE_COUNT=1)
        self.assertNotIn("PEER", result.out)

    def test_none(self):
        result = self.refused("info", says="modprobe sfab", FAKE_COUNT=0)
        self.assertEqual(result.out, "")

    def test_engine_that_cannot_be_asked(self):
        result = self.refused("info", "-j", "0", says="Input/output error",
                              FAKE_FAIL="sfab_device_get_engine:2:5")
        accel = result.json["accelerators"][0]
        self.assertEqual([engine["index"] for engine in accel["engine_list"]], [0])
        self.assertEqual(len(accel["peers"]), 1)

    def test_counters_that_cannot_be_read(self):
        result = self.refused("info", "-j", says="Input/output error",
                              FAKE_FAIL="sfab_device_get_counters:1:5")
        self.assertEqual([a["index"] for a in result.json["accelerators"]], [1])
