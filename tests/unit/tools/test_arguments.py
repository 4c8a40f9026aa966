# SPDX-License-Identifier: MIT
"""Command lines: what is wrong is told, and nothing is done."""

import subprocess
import time

import harness

COMMANDS = ["list", "info", "copy", "demo", "bench"]


class Arguments(harness.ToolTest):
    def usage(self, *words, says):
        result = self.refused(*words, says=says, status=2)
        self.assertEqual(result.out, "", result)
        self.assertEqual(self.files(), [], "files appeared")
        return result

    def test_no_command(self):
        self.usage(says=["a command is missing", "sfab --help"])

    def test_unknown_command(self):
        self.usage("lst", says=["'lst' is no command", "sfab --help"])

    def test_unknown_option_of_each_command(self):
        for command in COMMANDS:
            result = self.usage(command, "--frobnicate", says=["frobnicate", f"sfab {command}"])
            self.assertIn(f"`sfab {command} --help'", result.err)

    def test_unknown_option_before_the_command(self):
        self.usage("--json", "list", says="--json")

    def test_help_of_each_command(self):
        self.assertIn("Commands:", self.ok("--help").out)
        for command in COMMANDS:
            self.assertIn(f"Usage: sfab {command}", self.ok(command, "--help").out)
            self.assertIn(f"Usage: sfab {command}", self.ok(command, "--usage").out)

    def test_version_tells_tool_and_library(self):
        self.assertRegex(self.ok("--version").out, r"^sfab \d+\.\d+\.\d+ \(libsfab 9\.8\.7\)\n$")
        self.assertEqual(self.ok("-V").out, self.ok("copy", "-V").out)

    def test_list_takes_no_argument(self):
        self.usage("list", "0", says=["'0' is one argument too many", "sfab info 0"])

    def test_info_takes_one_argument(self):
        self.usage("info", "0", "1", says=["'1' is one argument too many"])

    def test_copy_without_places(self):
        self.usage("copy", says="source and destination are missing")

    def test_copy_without_destination(self):
        self.usage("copy", "in", says="the destination is missing")

    def test_copy_from_an_accelerator(self):
        self.usage("copy", "accel:0", "out", says=["'accel:0' cannot be the source", "begin with"])
        self.usage("copy", "/dev/accel/accel0", "out", says="cannot be the source")

    def test_copy_without_accelerator(self):
        self.usage("copy", "in", "out", says=["no accelerator is on the way from 'in' to 'out'",
                                              "accel:0"])

    def test_copy_with_a_file_on_the_way(self):
        self.usage("copy", "in", "0", "out", says=["'0' is on the way", "accel:0"])

    def test_copy_with_too_many_stops(self):
        self.usage("copy", "in", *["accel:0"] * 65, says=["65 accelerators", "at most 64"])

    def test_sizes(self):
        for option in ["--size", "--chunk"]:
            for size in ["", "x", "-1", " 1", "1X", "1KB", "64MiBx", "0x10", "1.5M"]:
                self.usage("copy", option, size, "in", "accel:0",
                           says=[f"{option} '{size}' is no size", "64M"])
            for size in ["0", "0M"]:
                self.usage("copy", option, size, "in", "accel:0", says=f"{option} must be above 0")
            for size in ["9223372036854775808", "99999999999999999999999", "8388608T"]:
                self.usage("copy", option, size, "in", "accel:0",
                           says=f"{option} {size} is too large")

    def test_demo_without_file(self):
        self.usage("demo", says="the file to send is missing")

    def test_demo_with_two_files(self):
        self.usage("demo", "a", "b", says="'b' is one argument too many")

    def test_bench_of_an_unknown_test(self):
        self.usage("bench", "gpu", says=["'gpu' is no test", "host, hbm, peer, latency and all"])

    def test_bench_iterations(self):
        for count in ["0", "-3", "x", "", "1000001", "99999999999999999999"]:
            self.usage("bench", "--iterations", count,
                       says=f"--iterations '{count}' is not a number from 1 to 1000000")

    def test_options_may_follow_places(self):
        self.write("in", b"data")
        self.assertTrue(self.ok("copy", "in", "accel:0", "-j").json["verified"])

    def test_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([harness.tool, "list"], stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr,
                         "sfab list: cannot write the output: No space left on device\n")


class Closed(harness.ToolTest):
    """Of standard input, output and error some are not open: nothing else may become them."""

    def run_with(self, redirections, *words, **settings):
        return harness.Result(subprocess.run(
            ["sh", "-c", f'exec "$0" "$@" {redirections}', harness.tool, *words], cwd=self.dir,
            env=self.environment(settings), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=60, check=False))

    def test_output(self):
        # The fake's memory would be the next file, and the handle be written into it
        began = time.monotonic()
        for redirections in [">&-", "<&- >&-"]:
            result = self.run_with(redirections, "export", "--seconds", "60", FAKE_FABRIC_EID=10)
            self.assertEqual((result.status, result.out, result.err), (
                1, "", "sfab export: cannot write the output: Bad file descriptor: standard output "
                "is closed\n"))
        self.assertLess(time.monotonic() - began, 50)
        self.assertEqual(self.run_with("<&- >&- 2>&-", "list").status, 1)

    def test_output_is_no_file_of_the_command(self):
        self.write("in", b"data")
        for redirections in [">&-", "<&- >&-", "<&- >&- 2>&-", ">&- 2>&-"]:
            self.assertEqual(self.run_with(redirections, "copy", "in", "accel:0", "out").status, 1)
            self.assertEqual((self.read("in"), self.read("out")), (b"data", b"data"))

    def test_error_is_no_file_of_the_command(self):
        self.write("in", b"data")
        self.assertEqual(self.run_with("2>&-", "copy", "in", "accel:9", "out").status, 1)
        self.assertEqual(self.files(), ["in"])
        self.assertEqual(self.run_with("2>&-", "export", "--seconds", "1",
                                       FAKE_FABRIC_EID=10).status, 0)

    def test_help_is_output_too(self):
        for words in [["--help"], ["--version"], ["list", "--help"], ["list", "--usage"]]:
            for redirections, says in [(">&-", "Bad file descriptor"),
                                       (">/dev/full", "No space left on device")]:
                result = self.run_with(redirections, *words)
                self.assertEqual(result.status, 1, result)
                self.assertIn(f"cannot write the output: {says}", result.err)

    def test_nothing_to_print(self):
        for redirections in ["<&-", ">&-", "<&- >&- 2>&-"]:
            self.assertEqual(self.run_with(redirections, "link", "enable", "0:0").status, 0)
        self.assertEqual(self.run_with("<&-", "list").status, 0)

    def test_full_disk_at_once(self):
        began = time.monotonic()
        for words, status in [(["export", "--seconds", "60"], 1),
                              (["link", "watch", "--seconds", "60"], 1),
                              (["health", "--watch", "--seconds", "60"], 2),
                              (["health", "--once"], 2)]:
            result = self.run_with(">/dev/full", *words, FAKE_FABRIC_EID=10)
            self.assertEqual(result.status, status, result)
            self.assertEqual(result.err, f"sfab {words[0]}: cannot write the output: No space left "
                             "on device\n")
        self.assertLess(time.monotonic() - began, 50)
