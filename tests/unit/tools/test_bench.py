# SPDX-License-Identifier: MIT
"""sfab bench: what is measured, not how fast."""

import harness

QUICK = ["bench", "-j", "--size", "1M", "--iterations", "3"]


class Bench(harness.ToolTest):
    def test_all(self):
        result = self.ok(*QUICK).json
        self.assertEqual(set(result), {"copies", "latencies"})
        self.assertEqual([(row["test"], row["from"], row["to"], row["path"])
                          for row in result["copies"]],
                         [("host-to-hbm", "host", "accel0", "system"),
                          ("hbm-to-host", "accel0", "host", "system"),
                          ("hbm-to-hbm", "accel0", "accel0", "local"),
                          ("peer-write", "accel0", "accel1", "peer"),
                          ("peer-read", "accel1", "accel0", "peer")])
        for row in result["copies"]:
            self.assertEqual(set(row), {"test", "from", "to", "path", "bytes", "iterations",
                                        "bytes_per_second"})
            self.assertEqual((row["bytes"], row["iterations"]), (1 << 20, 3))
            rate = row["bytes_per_second"]
            self.assertEqual(set(rate), {"median", "min", "max"})
            self.assertTrue(0 < rate["min"] <= rate["median"] <= rate["max"], rate)

    def test_latency(self):
        result = self.ok("bench", "-j", "latency").json
        self.assertEqual(result["copies"], [])
        row = result["latencies"][0]
        self.assertEqual(set(row), {"test", "accelerator", "iterations", "ns"})
        self.assertEqual(row["iterations"], 1000)
        ns = row["ns"]
        self.assertEqual(set(ns), {"median", "p99", "min", "max"})
        self.assertTrue(0 < ns["min"] <= ns["median"] <= ns["p99"] <= ns["max"], ns)

    def test_latency_of_one_iteration(self):
        ns = self.ok("bench", "-j", "--iterations", "1", "latency").json["latencies"][0]["ns"]
        self.assertEqual(len(set(ns.values())), 1)

    def test_p99_of_few_iterations(self):
        for count in ["2", "3", "10", "99"]:
            ns = self.ok("bench", "-j", "--iterations", count, "latency").json["latencies"][0]["ns"]
            self.assertTrue(ns["min"] <= ns["median"] <= ns["p99"] == ns["max"], ns)

    def test_latency_needs_no_memory(self):
        self.ok("bench", "latency", FAKE_HBM=0, FAKE_MEMLOCK=0)

    def test_chosen_tests_only(self):
        result = self.ok(*QUICK, "hbm", "host").json
        self.assertEqual([row["test"] for row in result["copies"]],
                         ["host-to-hbm", "hbm-to-host", "hbm-to-hbm"])
        self.assertEqual(result["latencies"], [])

    def test_chosen_accelerators(self):
        copies = self.ok(*QUICK, "peer", "-a", "2", "--peer", "accel1", FAKE_COUNT=4,
                         FAKE_BOUNCE="2>1").json["copies"]
        self.assertEqual([(row["from"], row["to"], row["path"]) for row in copies],
                         [("accel2", "accel1", "bounce"), ("accel1", "accel2", "bounce")])

    def test_peer_of_the_last_is_the_first(self):
        copies = self.ok(*QUICK, "peer", "-a", "3", FAKE_COUNT=4).json["copies"]
        self.assertEqual(copies[0]["to"], "accel0")

    def test_table(self):
        out = self.ok("bench", "--size", "1M", "--iterations", "3").out
        self.assertEqual(out.splitlines()[0].split(),
                         "TEST FROM TO PATH SIZE RUNS MEDIAN MB/S MIN MAX".split())
        self.assertIn("submit-to-fence", out)

    def test_single_accelerator_leaves_peer_out_and_says_so(self):
        result = self.ok(*QUICK, FAKE_COUNT=1)
        self.assertNotIn("peer-write", result.out)
        self.assertIn("peer is left out", result.err)

    def test_single_accelerator_cannot_do_peer(self):
        self.refused(*QUICK, "peer", says="needs two accelerators", FAKE_COUNT=1)

    def test_own_peer(self):
        self.refused(*QUICK, "--peer", "0", says="cannot be its own peer")

    def test_unknown_accelerators(self):
        self.refused(*QUICK, "-a", "9", says="no accelerator '9'")
        self.refused(*QUICK, "--peer", "9", says="no accelerator '9'")

    def test_small_hbm_makes_the_default_size_smaller(self):
        copies = self.ok("bench", "-j", "hbm", FAKE_HBM=16 << 20).json["copies"]
        self.assertEqual(copies[0]["bytes"], 4 << 20)

    def test_size_that_does_not_fit(self):
        self.refused("bench", "--size", "16M", says="of HBM are free", FAKE_HBM=16 << 20)

    def test_size_that_cannot_be_locked(self):
        self.refused("bench", says="RLIMIT_MEMLOCK", FAKE_MEMLOCK=8 << 20)

    def test_wrong_data_are_no_measurement(self):
        # Copies: 1 to HBM, then 5 of host-to-hbm, its check, 5 of hbm-to-host, 5 of hbm-to-hbm
        for copy, name in [(6, "host-to-hbm"), (12, "hbm-to-host"), (17, "hbm-to-hbm")]:
            result = self.refused(*QUICK, says=[f"{name}: accel0 copied wrong data", "sfab demo"],
                                  FAKE_DAMAGE=copy)
            self.assertEqual(result.out, "")

    def test_library_that_fails(self):
        for function in ["sfab_queue_create", "sfab_batch_create", "sfab_mem_register",
                         "sfab_mem_alloc", "sfab_mem_reach", "sfab_batch_copy",
                         "sfab_batch_submit", "sfab_fence_wait"]:
            for call in [1, 2]:
                if call == 2 and function in ["sfab_queue_create", "sfab_batch_create"]:
                    continue
                result = self.refused(*QUICK, says=[function, "Input/output error"],
                                      FAKE_FAIL=f"{function}:{call}:5")
                self.assertEqual(result.out, "")

    def test_progress_counts_runs(self):
        # Two runs that warm up, then 20 of 0.2 s
        result = self.ok("bench", "--size", "4K", "--iterations", "20", "hbm", FAKE_SLOW=200000)
        self.assertRegex(result.err, r"\Ahbm-to-hbm: \d+ of 20 runs\n\Z")
        self.assertEqual(self.ok("bench", "-q", "--size", "4K", "--iterations", "20", "hbm",
                                 FAKE_SLOW=200000).err, "")

    def test_no_accelerator(self):
        self.refused("bench", says="modprobe sfab", FAKE_COUNT=0)
