# SPDX-License-Identifier: MIT
"""sfab copy: data, files at both ends, and everything that can go wrong between."""

import errno
import hashlib
import os
import pty
import random
import resource
import signal
import stat
import subprocess
import time

import harness

KIB, MIB = 1 << 10, 1 << 20

# Every call of the library on the way, and the errno that it shall fail with
LIBRARY = [
    ("sfab_context_open", errno.ENOMEM), ("sfab_device_find", errno.EACCES),
    ("sfab_device_get_info", errno.ENODEV), ("sfab_queue_create", errno.ENOSPC),
    ("sfab_batch_create", errno.ENOMEM), ("sfab_mem_register", errno.EFAULT),
    ("sfab_mem_alloc", errno.ENODEV), ("sfab_mem_reach", errno.EIO),
    ("sfab_batch_fill", errno.EIO), ("sfab_batch_copy", errno.EACCES),
    ("sfab_batch_submit", errno.EIO), ("sfab_fence_wait", errno.EIO),
]


def data(size):
    return random.Random(size).randbytes(size)


class Data(harness.ToolTest):
    def through(self, size, *stops, **settings):
        self.write("in", data(size))
        result = self.ok("copy", "-j", "in", *stops, "out", **settings).json
        self.assertEqual(self.read("out"), data(size))
        self.assertTrue(result["verified"])
        self.assertEqual(result["bytes"], size)
        self.assertEqual(result["sha256_sent"], hashlib.sha256(data(size)).hexdigest())
        self.assertEqual(result["sha256_sent"], result["sha256_received"])
        self.assertEqual(self.files(), ["in", "out"])
        return result

    def test_sizes_around_pages_and_pieces(self):
        for size in [1, 2, 4095, 4096, 4097, MIB - 1, MIB, MIB + 1, 2 * MIB]:
            result = self.through(size, "accel:0")
            self.assertEqual(result["pieces"], 1)

    def test_empty_file(self):
        result = self.through(0, "accel:0", "accel:1")
        self.assertEqual(result["pieces"], 0)
        self.assertIsNone(result["bytes_per_second"])

    def test_empty_file_in_words(self):
        self.write("in", b"")
        out = self.ok("copy", "in", "accel:0", "out").out
        self.assertIn("0 bytes in 0 pieces", out)
        self.assertIn("verified, sha256 " + hashlib.sha256(b"").hexdigest(), out)

    def test_several_pieces(self):
        self.write("in", data(3 * MIB + 5))
        result = self.ok("copy", "-j", "--chunk", "1M", "in", "accel:0", "accel:1", "out").json
        self.assertEqual((result["pieces"], result["piece_size"]), (4, MIB))
        self.assertEqual(self.read("out"), data(3 * MIB + 5))

    def test_larger_than_hbm(self):
        result = self.through(3 * MIB + 5, "accel:0", "accel:1", FAKE_HBM=MIB)
        self.assertGreater(result["pieces"], 3)
        self.assertLessEqual(result["piece_size"], MIB)

    def test_same_accelerator_twice_shares_its_hbm(self):
        result = self.through(3 * MIB, "accel:0", "accel:0", FAKE_HBM=MIB)
        self.assertLessEqual(result["piece_size"], MIB // 2)
        self.assertEqual([hop["path"] for hop in result["hops"]], ["system", "local", "system"])

    def test_pieces_shrink_to_the_limit_of_locked_memory(self):
        result = self.through(3 * MIB, "accel:0", FAKE_MEMLOCK=MIB)
        self.assertLessEqual(result["piece_size"], MIB // 2)

    def test_pieces_shrink_to_single_pages(self):
        result = self.through(20000, "accel:0", FAKE_MEMLOCK=10000)
        self.assertLessEqual(result["piece_size"], 5000)

    def test_hops(self):
        self.write("in", data(100))
        result = self.ok("copy", "-j", "in", "accel:2", "accel:0", "accel:1", "out",
                         FAKE_COUNT=3, FAKE_BOUNCE="0>1").json
        self.assertEqual([(hop["from"], hop["to"], hop["path"], hop["bytes"])
                          for hop in result["hops"]],
                         [("host", "accel2", "system", 100), ("accel2", "accel0", "peer", 100),
                          ("accel0", "accel1", "bounce", 100), ("accel1", "host", "system", 100)])

    def test_json_keys(self):
        result = self.through(10, "accel:0")
        self.assertEqual(set(result), {
            "source", "destination", "bytes", "pieces", "piece_size", "seconds",
            "bytes_per_second", "hops", "verified", "sha256_sent", "sha256_received"})
        self.assertEqual(set(result["hops"][0]), {
            "from", "to", "path", "bytes", "seconds", "bytes_per_second"})

    def test_table(self):
        self.write("in", data(MIB))
        lines = self.ok("copy", "in", "accel:0", "accel:1", "out").out.splitlines()
        self.assertEqual(lines[0].split(), ["FROM", "TO", "PATH", "MB/S"])
        self.assertEqual([line.split()[:3] for line in lines[1:4]],
                         [["host", "accel0", "system"], ["accel0", "accel1", "peer"],
                          ["accel1", "host", "system"]])
        self.assertTrue(lines[4].startswith("1048576 bytes (1 MiB) in 1 piece, "), lines)
        self.assertEqual(lines[5], "verified, sha256 " + hashlib.sha256(data(MIB)).hexdigest())

    def test_into_an_accelerator_is_verified_too(self):
        self.write("in", data(MIB))
        result = self.ok("copy", "-j", "in", "accel:1").json
        self.assertTrue(result["verified"])
        self.assertEqual(len(result["hops"]), 2)

    def test_into_an_accelerator_unverified_does_not_come_back(self):
        self.write("in", data(MIB))
        result = self.ok("copy", "-j", "--no-verify", "in", "accel:1").json
        self.assertEqual([hop["to"] for hop in result["hops"]], ["accel1"])

    def test_size_cuts(self):
        self.write("in", data(MIB))
        self.ok("copy", "--size", "100K", "in", "accel:0", "out")
        self.assertEqual(self.read("out"), data(MIB)[:100 * KIB])

    def test_size_beyond_the_end_is_the_whole_file(self):
        self.write("in", data(1000))
        self.ok("copy", "--size", "1M", "in", "accel:0", "out")
        self.assertEqual(self.read("out"), data(1000))


class Damage(harness.ToolTest):
    """Three copies: to accelerator 0, to accelerator 1, back."""

    def damaged(self, content, **settings):
        self.write("in", content)
        self.write("out", b"old")
        result = self.refused("copy", "-j", "in", "accel:0", "accel:1", "out",
                              says=["'in' was damaged on the way", "nothing is kept"], **settings)
        self.assertIs(result.json["verified"], False)
        self.assertNotEqual(result.json["sha256_sent"], result.json["sha256_received"])
        self.assertEqual(self.read("out"), b"old")
        self.assertEqual(self.files(), ["in", "out"])

    def test_a_flipped_bit_is_seen_wherever_it_happens(self):
        for copy in [1, 2, 3]:
            self.damaged(data(MIB), FAKE_DAMAGE=copy)

    def test_a_copy_that_did_not_happen_is_seen(self):
        for copy in [1, 2, 3]:
            self.damaged(data(MIB), FAKE_LOSE=copy)

    def test_a_lost_copy_of_zeros_is_seen(self):
        """New memory is zero as well."""
        for copy in [1, 2, 3]:
            self.damaged(bytes(MIB), FAKE_LOSE=copy)

    def test_a_lost_copy_of_a_piece_like_the_one_before_is_seen(self):
        self.write("in", data(64 * KIB) * 2)
        for copy in [4, 5, 6]:
            self.refused("copy", "--chunk", "64K", "in", "accel:0", "accel:1", "out",
                         says="damaged", FAKE_LOSE=copy)

    def test_without_verification_nothing_is_claimed(self):
        self.write("in", data(MIB))
        result = self.ok("copy", "-j", "--no-verify", "in", "accel:0", "out", FAKE_DAMAGE=1).json
        self.assertIsNone(result["verified"])
        self.assertNotIn("sha256_sent", result)
        self.assertIn("not verified", self.ok("copy", "--no-verify", "in", "accel:0").out)


class Failures(harness.ToolTest):
    def setUp(self):
        super().setUp()
        self.write("in", data(MIB))
        self.write("out", b"old")

    def fails(self, *words, says, **settings):
        result = self.refused("copy", *words, says=says, **settings)
        self.assertEqual(result.out, "", result)
        self.assertEqual(len(result.err.splitlines()), 1, result)
        self.assertEqual(self.read("out"), b"old")
        self.assertEqual(self.files(), ["in", "out"])

    def test_library_that_fails_anywhere(self):
        for function, err in LIBRARY:
            self.fails("in", "accel:0", "accel:1", "out", says=[function, os.strerror(err)],
                       FAKE_FAIL=f"{function}:1:{err}")

    def test_library_that_fails_later(self):
        for function, err in LIBRARY[-4:]:
            self.fails("--chunk", "64K", "in", "accel:0", "accel:1", "out",
                       says=[function, os.strerror(err)], FAKE_FAIL=f"{function}:17:{err}")

    def test_no_accelerator(self):
        self.fails("in", "accel:0", "out", says="modprobe sfab", FAKE_COUNT=0)

    def test_unknown_accelerator(self):
        self.fails("in", "accel:0", "accel:9", "out", says="no accelerator '9'")

    def test_chunk_that_does_not_fit_hbm(self):
        self.fails("--chunk", "1M", "in", "accel:0", "out", says="of HBM are free", FAKE_HBM=65536)

    def test_chunk_that_cannot_be_locked(self):
        self.fails("--chunk", "1M", "in", "accel:0", "out", says="RLIMIT_MEMLOCK",
                   FAKE_MEMLOCK=65536)

    def test_no_room_even_for_small_pieces(self):
        self.fails("in", "accel:0", "out", says="of HBM are free", FAKE_HBM=2048)

    def test_no_room_even_for_a_locked_page(self):
        self.fails("in", "accel:0", "out", says="RLIMIT_MEMLOCK", FAKE_MEMLOCK=4096)

    def test_chunk_beyond_all_memory(self):
        self.fails("--chunk", "4194304T", "in", "accel:0", "out",
                   says=["no memory for a buffer", "smaller --chunk"])


class Files(harness.ToolTest):
    def fails(self, *words, says, **settings):
        before = self.files()
        self.assertEqual(self.refused("copy", *words, says=says, **settings).out, "")
        self.assertEqual(self.files(), before)

    def as_nobody(self, *words, says):
        """root may read and write everything; others may not."""
        os.chmod(self.dir, 0o755)
        before = () if os.geteuid() else ("setpriv", "--reuid=65534", "--regid=65534",
                                          "--clear-groups", "--inh-caps=-all")
        self.refused("copy", *words, says=says, before=before)

    def test_missing_source(self):
        self.fails("gone", "accel:0", "out",
                   says=["cannot read 'gone': No such file or directory", "check the path"])

    def test_unreadable_source(self):
        os.chmod(self.write("in", b"secret"), 0)
        self.as_nobody("in", "accel:0", says=["cannot read 'in': Permission denied",
                                              "check its permissions"])

    def test_source_is_a_directory(self):
        self.fails(".", "accel:0", "out", says=["cannot read '.': Is a directory", "name a file"])

    def test_source_that_breaks_off(self):
        # Address 0 of the own memory is never mapped: open() works, read() gives EIO
        self.fails("/proc/self/mem", "accel:0", "out",
                   says="cannot read '/proc/self/mem': Input/output error")

    def test_destination_is_a_directory(self):
        self.write("in", b"data")
        self.fails("in", "accel:0", ".", says=["cannot write '.': Is a directory", "name a file"])

    def test_destination_in_a_missing_directory(self):
        self.write("in", b"data")
        self.fails("in", "accel:0", "gone/out", says=["'gone/out': No such file", "check the path"])

    def test_destination_in_a_directory_that_is_a_file(self):
        self.write("in", b"data")
        self.fails("in", "accel:0", "in/out", says=["'in/out': Not a directory", "check the path"])

    def test_destination_in_a_directory_without_permission(self):
        os.chmod(self.write("in", b"data"), 0o644)
        self.as_nobody("in", "accel:0", "out", says="'out': Permission denied")
        self.assertEqual(self.files(), ["in"])

    def test_destination_without_permission_is_kept(self):
        os.chmod(self.write("in", b"data"), 0o644)
        os.chmod(self.write("out", b"old"), 0o444)
        os.chmod(self.dir, 0o777)
        self.as_nobody("in", "accel:0", "out", says="cannot write 'out': Permission denied")
        self.assertEqual(self.read("out"), b"old")

    def test_disk_full(self):
        self.write("in", b"data")
        self.fails("in", "accel:0", "/dev/full",
                   says=["cannot write '/dev/full': No space left on device", "free some space"])

    def test_file_too_large_leaves_the_old_one(self):
        self.write("in", data(3 * MIB))
        self.write("out", b"old")
        old = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, old[1]))
        try:
            self.fails("--chunk", "256K", "in", "accel:0", "out",
                       says="cannot write 'out': File too large")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, old)
        self.assertEqual(self.read("out"), b"old")

    def test_mode_of_a_new_file_obeys_umask(self):
        self.write("in", b"data")
        old = os.umask(0o027)
        try:
            self.ok("copy", "in", "accel:0", "out")
        finally:
            os.umask(old)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("out")).st_mode), 0o640)

    def test_mode_of_an_old_file_stays(self):
        self.write("in", b"data")
        os.chmod(self.write("out", b"old"), 0o604)
        self.ok("copy", "in", "accel:0", "out")
        self.assertEqual(self.read("out"), b"data")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("out")).st_mode), 0o604)

    def test_symbolic_link_is_followed(self):
        self.write("in", b"data")
        self.write("real", b"old")
        os.symlink("real", self.path("out"))
        self.ok("copy", "in", "accel:0", "out")
        self.assertTrue(os.path.islink(self.path("out")))
        self.assertEqual(self.read("real"), b"data")

    def test_onto_itself(self):
        self.write("in", data(3 * MIB))
        self.ok("copy", "--chunk", "256K", "in", "accel:0", "in")
        self.assertEqual(self.read("in"), data(3 * MIB))
        self.assertEqual(self.files(), ["in"])

    def test_file_named_like_an_accelerator(self):
        self.write("accel:0", b"data")
        self.ok("copy", "./accel:0", "accel:0", "out")
        self.assertEqual(self.read("out"), b"data")

    def test_from_an_endless_device(self):
        self.ok("copy", "--size", "3M", "/dev/zero", "accel:0", "out")
        self.assertEqual(self.read("out"), bytes(3 * MIB))

    def test_into_a_device(self):
        self.write("in", b"data")
        self.ok("copy", "in", "accel:0", "/dev/null")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))

    def test_through_pipes(self):
        self.write("in", data(MIB))
        os.mkfifo(self.path("from"))
        os.mkfifo(self.path("to"))
        with open(self.path("copied"), "wb") as copied, \
                subprocess.Popen(["cat", self.path("to")], stdout=copied) as reader, \
                subprocess.Popen(["sh", "-c", f"cat {self.path('in')} >{self.path('from')}"]):
            self.ok("copy", "--chunk", "64K", "from", "accel:0", "to")
            reader.wait()
        self.assertEqual(self.read("copied"), data(MIB))
        self.assertTrue(stat.S_ISFIFO(os.stat(self.path("to")).st_mode))

    def test_files_whose_size_is_not_known(self):
        self.ok("copy", "/proc/version", "accel:0", "out")
        with open("/proc/version", "rb") as file:
            self.assertEqual(self.read("out"), file.read())


class Waiting(harness.ToolTest):
    """What happens while a copy takes long: 64 pieces of 64 KiB, three copies each."""

    def start(self, milliseconds, *options, stderr=subprocess.PIPE):
        self.write("in", data(4 * MIB))
        self.write("out", b"old")
        return subprocess.Popen(
            [harness.tool, "copy", "--chunk", "64K", *options, "in", "accel:0", "accel:1", "out"],
            cwd=self.dir, env=self.environment({"FAKE_SLOW": milliseconds * 1000 // 3}),
            stdout=subprocess.DEVNULL, stderr=stderr)

    def wait_for_temporary_file(self):
        deadline = time.monotonic() + 60
        while not any(name.startswith(".out.") for name in self.files()):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def test_interruption_cleans_up(self):
        for number in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]:
            with self.start(100) as process:
                self.wait_for_temporary_file()
                process.send_signal(number)
                err = process.stderr.read().decode()
            self.assertEqual(process.returncode, -number)
            self.assertIn("interrupted", err)
            self.assertEqual(self.files(), ["in", "out"])
            self.assertEqual(self.read("out"), b"old")

    def test_interruption_of_a_pipe_that_stays_silent(self):
        os.mkfifo(self.path("from"))
        with subprocess.Popen([harness.tool, "copy", "from", "accel:0", "out"], cwd=self.dir,
                              stderr=subprocess.DEVNULL) as process:
            with open(self.path("from"), "wb"):
                self.wait_for_temporary_file()
                process.send_signal(signal.SIGINT)
                process.wait(60)
        self.assertEqual(process.returncode, -signal.SIGINT)
        self.assertEqual(self.files(), ["from"])

    def test_progress_in_a_log(self):
        with self.start(60) as process:
            err = process.stderr.read().decode()
        self.assertEqual(process.returncode, 0)
        self.assertRegex(err, r"\Acopied: [\d.]+ MiB of 4 MiB, \d+%, [\d.]+ MB/s\n")

    def test_progress_on_a_terminal(self):
        ours, theirs = pty.openpty()
        with self.start(30, stderr=theirs) as process:
            process.wait()
        os.close(theirs)
        text = os.read(ours, 65536).decode()
        os.close(ours)
        self.assertRegex(text, r"copied: [\d.]+ [KM]iB of 4 MiB, \d+%, [\d.]+ MB/s")
        self.assertTrue(text.endswith("\r\x1b[K"), "the line is cleared at the end")

    def test_quiet(self):
        with self.start(60, "-q") as process:
            err = process.stderr.read()
        self.assertEqual((process.returncode, err), (0, b""))
