# SPDX-License-Identifier: MIT
"""The tool on a node with accelerators 0 and 1, which do peer DMA, and 2, which does not."""

import glob
import hashlib
import json
import os
import random
import signal
import subprocess

import harness

MIB = 1 << 20
HBM = 64 * MIB
COUNT = 3
DRIVER = "/sys/bus/pci/drivers/sfab"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
          "--inh-caps=-all")


def data(size):
    return random.Random(size).randbytes(size)


def addresses():
    """PCI addresses of the accelerators that the driver serves, as the kernel tells them."""
    return sorted(os.path.basename(path) for path in glob.glob(f"{DRIVER}/????:??:??.?"))


def tell_driver(what, text):
    with open(f"{DRIVER}/{what}", "w", encoding="ascii") as file:
        file.write(text)


class NodeTest(harness.ToolTest):
    def accels(self):
        return self.ok("list", "-j").json["accelerators"]

    def hbm_used(self):
        return [accel["hbm_used"] for accel in self.accels()]


class Show(NodeTest):
    def test_list_agrees_with_the_kernel(self):
        accels = self.accels()
        self.assertEqual(len(accels), COUNT)
        self.assertEqual([accel["pci_address"] for accel in accels], addresses())
        self.assertEqual([accel["hbm_size"] for accel in accels], [HBM] * COUNT)
        for accel in accels:
            self.assertTrue(os.path.exists(accel["node"]))
            self.assertEqual(os.path.basename(accel["node"]), accel["name"])

    def test_engines_execute_every_command(self):
        accel = self.ok("info", "-j", "0").json["accelerators"][0]
        self.assertEqual(len(accel["engine_list"]), accel["engines"])
        for engine in accel["engine_list"]:
            self.assertEqual(engine["commands"], ["nop", "copy", "copy-2d", "fill", "reduce",
                                                  "atomic", "write", "wait", "timestamp"])

    def test_identities_differ(self):
        accels = self.accels()
        for key in ["uuid", "serial", "node", "index"]:
            self.assertEqual(len({accel[key] for accel in accels}), COUNT, key)

    def test_list_in_words(self):
        lines = self.ok("list").out.splitlines()
        self.assertEqual(len(lines), 1 + COUNT)
        for line, address in zip(lines[1:], addresses()):
            self.assertIn(address, line)

    def test_info_by_every_name(self):
        accel = self.accels()[1]
        for key in ["index", "name", "node", "pci_address", "uuid"]:
            told = self.ok("info", "-j", str(accel[key])).json["accelerators"]
            self.assertEqual([one["uuid"] for one in told], [accel["uuid"]])

    def test_info_of_an_unknown_one(self):
        for name in ["9", "accel9", "0000:7f:00.0", "00000000-0000-4000-8000-000000000000"]:
            result = self.refused("info", name, says=name)
            self.assertEqual(result.out, "")

    def test_paths(self):
        paths = {(accel["index"], peer["index"]): peer["path"]
                 for accel in self.ok("info", "-j").json["accelerators"]
                 for peer in accel["peers"]}
        self.assertEqual(paths, {(0, 1): "peer", (0, 2): "peer", (1, 0): "peer", (1, 2): "peer",
                                 (2, 0): "bounce", (2, 1): "bounce"})

    def test_counters_count(self):
        before = self.ok("info", "-j", "0").json["accelerators"][0]["counters"]
        self.ok("copy", "--size", "1M", "/dev/zero", "accel:0", "accel:1", "/dev/null")
        after = self.ok("info", "-j", "0").json["accelerators"][0]["counters"]
        self.assertGreaterEqual(after["bytes_peer"] - before["bytes_peer"], MIB)
        self.assertGreaterEqual(after["bytes_system"] - before["bytes_system"], MIB)
        self.assertGreater(after["commands"], before["commands"])


class Copy(NodeTest):
    def through(self, size, *stops):
        self.write("in", data(size))
        before = self.hbm_used()
        result = self.ok("copy", "-j", "in", *stops, "out").json
        self.assertEqual(self.hbm_used(), before, "HBM is given back")
        self.assertEqual(self.read("out"), data(size))
        self.assertEqual(result["sha256_received"], hashlib.sha256(data(size)).hexdigest())
        self.assertTrue(result["verified"])
        self.assertEqual(self.files(), ["in", "out"])
        return result

    def test_empty(self):
        self.assertEqual(self.through(0, "accel:0", "accel:1")["bytes"], 0)

    def test_one_byte(self):
        self.through(1, "accel:0", "accel:1")

    def test_odd_size(self):
        result = self.through(3 * MIB + 5, "accel:0", "accel:1")
        self.assertEqual([hop["path"] for hop in result["hops"]], ["system", "peer", "system"])

    def test_bounce(self):
        result = self.through(3 * MIB + 5, "accel:2", "accel:0")
        self.assertEqual([hop["path"] for hop in result["hops"]], ["system", "bounce", "system"])

    def test_round_trip_over_all(self):
        self.through(MIB, "accel:0", "accel:1", "accel:2", "accel:0", "accel:0")

    def test_larger_than_hbm(self):
        result = self.through(HBM + 7 * MIB + 3, "accel:0", "accel:1")
        self.assertGreater(result["pieces"], 1)

    def test_to_standard_output(self):
        text = "what was sent\n" * 1000
        self.write("in", text.encode())
        before = sorted(os.listdir("/dev"))
        self.assertIn(text, self.ok("copy", "-q", "in", "accel:0", "/dev/stdout").out)
        self.assertEqual(sorted(os.listdir("/dev")), before)
        for name, number in [("stdin", 0), ("stdout", 1), ("stderr", 2)]:
            self.assertEqual(os.readlink(f"/dev/{name}"), f"/proc/self/fd/{number}")
        self.assertIn("0", os.listdir("/dev/fd"))

    def test_disk_full(self):
        os.mkdir(self.path("small"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2M", "small", self.path("small")],
                       check=True)
        self.addCleanup(subprocess.run, ["umount", self.path("small")], check=True)
        self.write("small/out", b"old")
        self.write("in", data(3 * MIB))
        self.refused("copy", "in", "accel:0", "small/out",
                     says=["cannot write 'small/out': No space left on device", "free some space"])
        self.assertEqual(self.read("small/out"), b"old")
        self.assertEqual(os.listdir(self.path("small")), ["out"])

    def test_killed_copy_gives_its_memory_back(self):
        before = self.hbm_used()
        os.mkfifo(self.path("in"))
        with open(os.open(self.path("in"), os.O_RDWR), "wb") as pipe:
            with subprocess.Popen([harness.tool, "copy", "--chunk", "1M", "in", "accel:0",
                                   "accel:1", "/dev/null"], cwd=self.dir) as process:
                pipe.write(data(2 * MIB))
                self.assertGreater(self.hbm_used()[0], before[0])
                process.kill()
        self.assertEqual(process.returncode, -signal.SIGKILL)
        self.assertEqual(self.hbm_used(), before)


class Demo(NodeTest):
    PAIRS = [(f"accel{i}", f"accel{j}") for i in range(COUNT) for j in range(COUNT) if i != j]

    def test_every_ordered_pair(self):
        self.write("in", data(5 * MIB + 1))
        lines = self.ok("demo", "in").out.splitlines()
        rows = [line.split() for line in lines[1:-1]]
        self.assertEqual([(row[0], row[1]) for row in rows], self.PAIRS)
        self.assertEqual([row[2] for row in rows], ["peer"] * 4 + ["bounce"] * 2)
        self.assertEqual({(row[3], row[-1]) for row in rows}, {(str(5 * MIB + 1), "ok")})
        self.assertEqual(lines[-1], "demo: 6 transfers, 6 verified")

    def test_json(self):
        self.write("in", data(MIB))
        result = self.ok("demo", "-j", "in").json
        self.assertEqual((result["transfers"], result["verified"]), (6, 6))
        self.assertEqual({row["sha256_received"] for row in result["rows"]},
                         {hashlib.sha256(data(MIB)).hexdigest()})

    def test_empty(self):
        self.write("in", b"")
        self.assertTrue(self.ok("demo", "in").out.endswith("demo: 6 transfers, 6 verified\n"))

    def test_missing(self):
        self.refused("demo", "gone", says=["cannot read 'gone': No such file", "check the path"])


class Bench(NodeTest):
    def test_all(self):
        result = self.ok("bench", "-j", "--size", "4M", "--iterations", "5").json
        self.assertEqual([(row["test"], row["path"]) for row in result["copies"]],
                         [("host-to-hbm", "system"), ("hbm-to-host", "system"),
                          ("hbm-to-hbm", "local"), ("peer-write", "peer"), ("peer-read", "peer")])
        for row in result["copies"]:
            self.assertGreater(row["bytes_per_second"]["median"], 0)
        self.assertGreater(result["latencies"][0]["ns"]["median"], 0)

    def test_default_size_fits(self):
        copies = self.ok("bench", "-j", "--iterations", "1", "hbm").json["copies"]
        self.assertEqual(copies[0]["bytes"], HBM // 4)

    def test_bounce(self):
        copies = self.ok("bench", "-j", "--size", "1M", "--iterations", "2", "peer", "-a", "2",
                         "--peer", "0").json["copies"]
        self.assertEqual([row["path"] for row in copies], ["bounce", "bounce"])


class Fabric(NodeTest):
    """Four fibres join accelerators 0 and 1; 2 has none."""

    def setUp(self):
        super().setUp()
        self.ok("fabric", "program", "--expect-devices", "2", "--expect-links", "4", "--wait", "30")

    def export(self, *words):
        exporter = subprocess.Popen([harness.tool, "export", "-q", *words], cwd=self.dir,
                                    stdout=subprocess.PIPE, text=True)

        def end():
            exporter.send_signal(signal.SIGINT)
            exporter.communicate(timeout=60)
            self.assertEqual(exporter.returncode, 0)
        self.addCleanup(end)
        return exporter.stdout.readline().strip()

    def test_ports(self):
        ports = self.ok("port", "-j").json["ports"]
        eids = [accel["fabric"]["eid"]
                for accel in self.ok("info", "-j").json["accelerators"]]
        self.assertEqual([(p["accelerator"], p["port"]) for p in ports],
                         [(f"accel{a}", p) for a in range(COUNT) for p in range(4)])
        for port in ports[:4]:
            self.assertEqual((port["state"], port["partner"]["eid"], port["partner"]["port"]),
                             ("up", eids[1], port["port"] ^ 1))
            self.assertEqual(port["lanes_in_use"], port["lanes"])
        self.assertEqual({(p["state"], p["reason"], p["partner"] is None) for p in ports[8:]},
                         {("down", "no light", True)})
        self.refused("port", "0:4", says="accel0 has no port 4")

    def test_info(self):
        told = [accel["fabric"] for accel in self.ok("info", "-j").json["accelerators"]]
        self.assertEqual([(f["ports"], f["ports_up"], f["segments"]) for f in told],
                         [(4, 4, 0), (4, 4, 0), (4, 0, 0)])
        self.assertEqual(told[2]["eid"], None)
        self.assertEqual([f["routes"] for f in told], [1, 1, 0])

    def test_counters_count(self):
        def sent():
            return [p["counters"]["bytes_sent"] for p in self.ok("port", "-j", "0").json["ports"]]
        handle, before = self.export("-a", "1", "--size", "1M"), sent()
        self.ok("bench", "-j", "--iterations", "3", "--to", handle)
        self.assertGreaterEqual(sum(sent()) - sum(before), 3 * MIB)

    def test_bench(self):
        result = self.ok("bench", "-j", "--iterations", "3", "--to",
                         self.export("-a", "1", "--size", "4M")).json
        self.assertEqual([(row["test"], row["path"], row["bytes"]) for row in result["copies"]],
                         [("memcpy", "cpu", 4 * MIB), ("remote-write", "fabric", 4 * MIB),
                          ("remote-read", "fabric", 4 * MIB)])
        for row in result["latencies"]:
            self.assertGreater(row["ns"]["median"], 0)

    def test_stream(self):
        result = self.ok("stream", "-j", "--seconds", "2", "-a", "1", "--to",
                         self.export("-a", "0", "--size", "4M")).json
        self.assertTrue(result["verified"])
        self.assertGreater(result["bytes"], 4 * MIB, "offsets begin anew")
        self.assertEqual([(p["hops"], p["rerouted_packets"]) for p in result["phases"]], [(1, 0)])

    def test_stream_to_what_was_taken_back(self):
        with subprocess.Popen([harness.tool, "export", "-q", "--seconds", "1", "-a", "1"],
                              stdout=subprocess.PIPE, text=True) as exporter:
            handle = exporter.stdout.readline().strip()
        self.refused("stream", "--seconds", "1", "--to", handle, says="taken back by its owner")
        self.ok("copy", "--size", "1M", "/dev/zero", "accel:0", "accel:1", "/dev/null")

    def test_export_without_an_eid(self):
        self.refused("export", "-a", "2", says="EID")


class OrdinaryUser(NodeTest):
    """nobody, without any capability."""

    def allow(self):
        for accel in self.accels():
            os.chmod(accel["node"], 0o666)
            self.addCleanup(os.chmod, accel["node"], 0o600)
        os.chmod(self.dir, 0o777)

    def test_no_permission(self):
        result = self.refused("list", "-j", before=NOBODY,
                              says=["no permission to open /dev/accel/accel0", "group"])
        self.assertEqual([set(accel) for accel in result.json["accelerators"]],
                         [{"index", "error"}] * COUNT)
        self.refused("demo", "/proc/version", before=NOBODY, says="no permission")

    def test_small_limit_of_locked_memory_makes_small_pieces(self):
        self.allow()
        self.write("in", data(3 * MIB))
        os.chmod(self.path("in"), 0o644)
        result = self.sfab("copy", "-j", "in", "accel:0", "accel:1", "out",
                           before=("prlimit", f"--memlock={MIB}:{MIB}", *NOBODY))
        self.assertEqual(result.status, 0, result)
        self.assertTrue(result.json["verified"])
        self.assertLessEqual(result.json["piece_size"], MIB // 2)
        self.assertEqual(self.read("out"), data(3 * MIB))

    def test_chunk_beyond_the_limit_of_locked_memory(self):
        self.allow()
        self.refused("copy", "--chunk", "8M", "/proc/version", "accel:0", "out",
                     before=("prlimit", f"--memlock={MIB}:{MIB}", *NOBODY), says="RLIMIT_MEMLOCK")
        self.assertEqual(self.files(), [])


class Removal(NodeTest):
    """Accelerators that go; each test brings them back."""

    def setUp(self):
        super().setUp()
        self.all = addresses()
        self.addCleanup(self.restore)

    def restore(self):
        if not os.path.exists("/sys/module/sfab"):
            subprocess.run(["modprobe", "sfab"], check=True)
        for address in set(self.all) - set(addresses()):
            tell_driver("bind", address)
        self.assertEqual(addresses(), self.all)
        self.assertEqual(len(self.accels()), COUNT)

    def test_fewer(self):
        tell_driver("unbind", self.all[0])
        self.assertEqual([accel["pci_address"] for accel in self.accels()], self.all[1:])

    def test_none_with_the_driver(self):
        for address in self.all:
            tell_driver("unbind", address)
        result = self.ok("list")
        self.assertEqual(result.out, "")
        for text in ["the driver is loaded but serves no device", "lspci -d 1234:5fab", "dmesg"]:
            self.assertIn(text, result.err)

    def test_none_without_the_driver(self):
        subprocess.run(["modprobe", "-r", "sfab"], check=True)
        self.assertIn("modprobe sfab", self.ok("list", "-j").err)
        self.write("in", b"data")
        self.refused("demo", "in", says="modprobe sfab")

    def test_watched_until_it_is_back(self):
        address = self.all[1]
        with subprocess.Popen([harness.tool, "health", "-wj", "--seconds", "60"],
                              stdout=subprocess.PIPE, text=True) as watcher:
            def wait_for(severity):
                for line in watcher.stdout:
                    verdict = json.loads(line)
                    if verdict["kind"] == "accelerator" and verdict["severity"] == severity:
                        return verdict
                self.fail(f"no accelerator became {severity}")

            for _ in self.all:
                wait_for("ok")
            tell_driver("unbind", address)
            self.assertIn("it is gone", wait_for("failed")["text"])
            tell_driver("bind", address)
            wait_for("ok")
            watcher.send_signal(signal.SIGINT)
            watcher.communicate()
        self.assertEqual(watcher.returncode, -signal.SIGINT)

    def test_in_the_middle_of_a_copy(self):
        self.write("out", b"old")
        os.mkfifo(self.path("in"))
        with subprocess.Popen([harness.tool, "copy", "--chunk", "1M", "in", "accel:0", "accel:1",
                               "out"], cwd=self.dir, stderr=subprocess.PIPE, text=True) as process:
            with open(self.path("in"), "wb", buffering=0) as pipe:
                # The second piece is read when the first has been copied
                pipe.write(data(2 * MIB))
                tell_driver("unbind", self.all[1])
                try:
                    pipe.write(data(2 * MIB))
                except BrokenPipeError:
                    pass
            err = process.stderr.read()
        self.assertEqual(process.returncode, 1, err)
        self.assertIn(self.all[1], err)
        self.assertEqual(self.read("out"), b"old")
        self.assertEqual(self.files(), ["in", "out"])
