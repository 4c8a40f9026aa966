# SPDX-License-Identifier: MIT
"""sfab demo."""

import hashlib
import os

import harness

CONTENT = bytes(range(256)) * 5000


class Demo(harness.ToolTest):
    def setUp(self):
        super().setUp()
        self.write("in", CONTENT)

    def test_every_ordered_pair(self):
        lines = self.ok("demo", "in", FAKE_COUNT=4, FAKE_BOUNCE="2>1").out.splitlines()
        self.assertEqual(lines[0].split(),
                         "FROM TO PATH BYTES HOP MB/S ALL MB/S SHA256".split())
        rows = [line.split() for line in lines[1:-1]]
        self.assertEqual([(row[0], row[1]) for row in rows],
                         [(f"accel{i}", f"accel{j}")
                          for i in range(4) for j in range(4) if i != j])
        self.assertEqual([row[2] for row in rows].count("bounce"), 1)
        self.assertIn(["accel2", "accel1", "bounce"], [row[:3] for row in rows])
        for row in rows:
            self.assertEqual((row[3], row[-1]), (str(len(CONTENT)), "ok"))
        self.assertEqual(lines[-1], "demo: 12 transfers, 12 verified")

    def test_json(self):
        result = self.ok("demo", "-j", "in", FAKE_COUNT=3).json
        self.assertEqual(set(result), {"input", "rows", "transfers", "verified"})
        self.assertEqual((result["transfers"], result["verified"]), (6, 6))
        self.assertEqual(len(result["rows"]), 6)
        for row in result["rows"]:
            self.assertEqual(set(row), {
                "from", "to", "path", "bytes", "hop_seconds", "hop_bytes_per_second", "seconds",
                "bytes_per_second", "sha256_sent", "sha256_received", "verified"})
            self.assertEqual(row["sha256_received"], hashlib.sha256(CONTENT).hexdigest())

    def test_empty_file(self):
        self.write("in", b"")
        lines = self.ok("demo", "in").out.splitlines()
        self.assertEqual([line.split()[3:] for line in lines[1:3]], [["0", "-", "-", "ok"]] * 2)
        self.assertEqual(lines[-1], "demo: 2 transfers, 2 verified")

    def test_file_larger_than_hbm(self):
        result = self.ok("demo", "-j", "in", FAKE_HBM=len(CONTENT) // 3).json
        self.assertEqual([row["bytes"] for row in result["rows"]], [len(CONTENT)] * 2)
        self.assertEqual(result["verified"], 2)

    def test_damage_is_counted_and_fails(self):
        result = self.sfab("demo", "in", FAKE_COUNT=3, FAKE_DAMAGE=5)
        self.assertEqual(result.status, 1)
        lines = result.out.splitlines()
        self.assertEqual([line.split()[-1] for line in lines[1:-1]],
                         ["ok", "MISMATCH", "ok", "ok", "ok", "ok"])
        self.assertEqual(lines[-1], "demo: 6 transfers, 5 verified")

    def test_failure_is_counted_and_the_others_go_on(self):
        result = self.refused("demo", "in", says="Input/output error",
                              FAKE_FAIL="sfab_fence_wait:2:5")
        lines = result.out.splitlines()
        self.assertEqual([line.split()[-1] for line in lines[1:-1]], ["FAILED", "ok"])
        self.assertEqual(lines[-1], "demo: 2 transfers, 1 verified")

    def test_failure_in_json(self):
        result = self.sfab("demo", "-j", "in", FAKE_FAIL="sfab_fence_wait:2:5")
        self.assertEqual(result.status, 1)
        self.assertEqual([row["verified"] for row in result.json["rows"]], [None, True])
        self.assertEqual((result.json["transfers"], result.json["verified"]), (2, 1))

    def test_missing_file(self):
        result = self.refused("demo", "gone",
                              says=["cannot read 'gone': No such file", "check the path"])
        self.assertEqual(result.out, "")

    def test_directory(self):
        self.refused("demo", ".", says="cannot read '.': Is a directory")

    def test_pipe(self):
        os.mkfifo(self.path("pipe"))
        with open(os.open(self.path("pipe"), os.O_RDWR), "wb"):
            self.refused("demo", "pipe", says=["'pipe' can be read only once", "a regular file"])

    def test_one_accelerator_is_not_enough(self):
        result = self.refused("demo", "in", says=["one accelerator", "sfab copy"], FAKE_COUNT=1)
        self.assertEqual(result.out, "")

    def test_no_accelerator(self):
        self.refused("demo", "in", says="modprobe sfab", FAKE_COUNT=0)
