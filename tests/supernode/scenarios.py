# SPDX-License-Identifier: MIT
"""What happens to a supernode as a whole; prints TAP. Called by `supernode up`."""

import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(REPO, "qemu/lab"))

import supernode  # noqa: E402  pylint: disable=wrong-import-position

PROGRAMS = f"{REPO}/build/tests/supernode"


class Scenarios:
    """The tests, in the order in which they run; each a method test_..."""

    def __init__(self):
        self.run = supernode.Run(os.environ["SFAB_SUPERNODE"])
        self.nodes = self.run.state()["nodes"]

    def command(self, node, text, wanted=0):
        """Run a command on a node; returns what it printed."""
        return self.finish(node, self.run.submit(node, text), wanted)

    def finish(self, node, base, wanted=0):
        """Wait for a command that was submitted; returns what it printed."""
        with open(os.devnull, "wb") as nothing:
            status = self.run.follow(node, base, (nothing, nothing))
        with open(base + ".out", encoding="utf-8") as out, \
                open(base + ".err", encoding="utf-8") as err:
            said = out.read() + err.read()
        assert wanted is None or status == wanted, f"{node}: status {status}: {said}"
        return said

    def touch(self, name):
        with open(self.run.file("share", name), "w", encoding="ascii"):
            pass

    def remote_try(self, name, number):
        """Have the holder of an import use it; returns the status, ms, how it is at home."""
        path = self.run.file("share", f"{name}.result.{number}")
        self.touch(f"{name}.try.{number}")
        assert supernode.wait_for(90, lambda: os.path.exists(path), lambda: f"using {name}"), \
            f"no answer of the holder of {name}"
        with open(path, encoding="utf-8") as file:
            *status, ms, home = file.read().split()
        return " ".join(status), int(ms), home

    def background(self, node, text):
        return self.run.submit(node, text)

    # ---- the tests

    def test_routes_are_complete(self):
        said = self.command(self.nodes[0], "sfab fabric check")
        assert "cannot deadlock" in said, said
        said = self.command(self.nodes[-1], "sfab fabric check")
        assert "cannot deadlock" in said, said

    def test_a_cyclic_table_is_refused(self):
        """Every device sends everything to the right, in VC 0."""
        path = self.run.file("share", "cyclic")
        eids = self.run.state()["eids"]
        with open(path, "w", encoding="ascii") as file:
            for here in eids.values():
                for there in eids.values():
                    if here != there:
                        file.write(f"{here} {there} 0:1\n")
        said = self.command(self.nodes[0], "sfab fabric program --routes /share/cyclic", 1)
        assert "can deadlock" in said and "port 0 vc 0 ->" in said, said
        self.test_routes_are_complete()

    def test_write_to_another_node(self):
        self.background(self.nodes[1], f"{PROGRAMS}/peer export /share first")
        self.background(self.nodes[0], f"{PROGRAMS}/peer hold /share first")
        status, _, home = self.remote_try("first", 0)
        assert (status, home) == ("ok", "fine"), status

    def demo(self, name, size):
        """What `make demo` does with a file, between all accelerators; returns its two counts."""
        os.mkdir(self.run.file("share", name))
        with open(self.run.file("share", f"{name}.data"), "wb") as file:
            file.write(os.urandom(size))
        jobs = [self.background(node, f"sfab demo -q --share /share/{name} --node {number} "
                                f"--nodes {len(self.nodes)} /share/{name}.data")
                for number, node in enumerate(self.nodes)]
        counts = []
        for node, job in zip(self.nodes, jobs):
            said = self.finish(node, job)
            count = re.search(r"^demo: (\d+) transfers, (\d+) verified$", said, re.MULTILINE)
            assert count, said
            counts.append([int(number) for number in count.groups()])
        return [sum(column) for column in zip(*counts)]

    def test_demo_of_an_empty_file(self):
        # 12 pairs by the fabric, and the 4 within a node also as peers
        assert self.demo("empty", 0) == [16, 16]

    def test_demo_in_pieces(self):
        """A file that does not fit into what it takes of the HBM: the last piece is odd."""
        assert self.demo("pieces", (16 << 20) + 4097) == [16, 16]

    def test_channel(self):
        """10,000 messages of random sizes, to a receiver that is slow at times."""
        receiver = self.background(self.nodes[1], f"{PROGRAMS}/channel recv /share talk 10000")
        said = self.command(self.nodes[0], f"{PROGRAMS}/channel send /share talk 10000")
        assert "sent 10000 messages" in said, said
        said = self.finish(self.nodes[1], receiver)
        assert "received 10000 messages" in said, said

    def test_channel_whose_receiver_dies(self):
        for state in ("idle", "full"):
            self.background(self.nodes[1], f"{PROGRAMS}/channel hold /share {state}")
            sender = self.background(self.nodes[0], f"{PROGRAMS}/channel fill /share {state}")
            path = self.run.file("share", f"{state}.{state}")
            assert supernode.wait_for(60, lambda there=path: os.path.exists(there),
                                      lambda: "the sender"), "the sender has not begun"
            self.command(self.nodes[1], f"kill -9 $(cat /share/{state}.pid)")
            self.touch(f"{state}.killed")
            said = self.finish(self.nodes[0], sender)
            _, error, _, ms, _, _, home = said.split(maxsplit=6)
            assert error == "-5", said
            assert int(ms) < 10000, said
            assert home.startswith("fine"), said

    def test_cut_fibre_does_not_hurt(self):
        fibre = next(f for f in self.run.state()["fibres"] if f["owners"][0] != f["owners"][1])
        self.run.set_cut(fibre["ends"][0], True)
        try:
            status, _, _ = self.remote_try("first", 1)
            assert status == "ok", status
        finally:
            self.run.set_cut(fibre["ends"][0], False)
        links = str(len(self.run.state()["fibres"]))
        self.command(self.nodes[0], f"sfab fabric discover --expect-links {links} --wait 30")

    def port(self, node, accel, port):
        """What that node's driver tells of a port."""
        return json.loads(self.command(node, f"sfab port {accel}:{port} --json"))["ports"][0]

    def lanes(self, node, accel, port):
        return self.port(node, accel, port)["lanes_in_use"]

    def stream_over(self, end, policy, seconds):
        """Begin to write through the port at the end of a fibre; on return it does so."""
        node, accel, port = end
        sent = self.port(*end)["counters"]["bytes_sent"]
        stream = self.background(node, f"sfab stream -j -q -a {accel} --seconds {seconds} "
                                 f"--on-loss {policy} --to $(cat /share/lost-way)")
        assert supernode.wait_for(60, lambda: self.port(*end)["counters"]["bytes_sent"] >
                                  sent + (4 << 20), lambda: "stream"), \
            f"nothing is sent through {end}: {self.finish(node, stream, None)}"
        return stream

    def test_lost_way(self):
        """The links below a transfer are cut: it fails at once, or waits, as it likes."""
        fibres = self.run.state()["fibres"]
        fibre = next(f for f in fibres if f["owners"][0] != f["owners"][1])
        here, there = (re.match(r"(node\d)\.(\d):(\d)", end).groups() for end in fibre["ends"])
        all_ways = [end for f in fibres for end in f["ends"]
                    if end.startswith(f"{here[0]}.{here[1]}:")]
        self.background(there[0], f"sfab export -q -a {there[1]} --size 8M --seconds 600 "
                        ">/share/lost-way")
        path = self.run.file("share", "lost-way")
        assert supernode.wait_for(30, lambda: os.path.exists(path) and os.path.getsize(path),
                                  lambda: "export"), "nothing is exported"
        try:
            # Long before the minute that it could go without an answer.
            stream = self.stream_over(here, "fail:60000", 300)
            start = time.monotonic()
            for end in all_ways:
                self.run.set_cut(end, True)
            said = self.finish(here[0], stream, 1)
            assert "no route" in said and time.monotonic() - start < 40, said
            # The next one goes the way that there is.
            for end in all_ways:
                self.run.set_cut(end, end == fibre["ends"][0])
            self.command(here[0], f"sfab stream -j -q -a {here[1]} --seconds 1 --on-loss fail "
                         "--to $(cat /share/lost-way)")
            self.run.set_cut(fibre["ends"][0], False)
            stream = self.stream_over(here, "wait:60000", 12)
            self.run.set_cut(fibre["ends"][0], True)
            time.sleep(3)
        finally:
            for end in all_ways:
                self.run.set_cut(end, False)
        told = json.loads(self.finish(here[0], stream))
        assert told["verified"], told
        assert sum(p["rerouted_packets"] for p in told["phases"]) == 0, told
        assert max(p["longest_stop_seconds"] for p in told["phases"]) > 2, told

    def test_faults_of_the_script(self):
        """They were set to happen at once (run): they did, in their order, and are in the log."""
        with open(self.run.file("faults.log"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        said = [re.match(r"([\d.]+) s, at ([\d.]+) s: (.*): done$", line) for line in lines]
        assert all(said) and len(said) == 3, lines
        assert [match[3] for match in said] == ["node0.0:3 dirt 2dB lane=1", "node0.0:3 heat 5C",
                                                "node0.0:3 dirt 0dB lane=1"], lines
        assert all(0 <= float(match[2]) - float(match[1]) < 5 for match in said), lines
        assert 0.2 <= float(said[1][1]) <= 0.4, lines

    def test_faults_by_hand(self):
        """A lane whose laser is dead is seen at both ends, and comes back when the link trains."""
        fibre = next(f for f in self.run.state()["fibres"] if f["owners"][0] != f["owners"][1])
        there, here = (re.match(r"(node\d)\.(\d):(\d)", end).groups() for end in fibre["ends"])
        for state, lanes in (("on", 4), ("off", 8)):
            self.run.inject(f"{fibre['ends'][0]} dead {state} lane=3")
            if state == "off":
                self.run.set_cut(fibre["ends"][0], True)
                self.run.set_cut(fibre["ends"][0], False)
            for node, accel, port in (there, here):
                assert supernode.wait_for(
                    30, lambda n=node, a=accel, p=port, w=lanes: self.lanes(n, a, p) == w,
                    lambda: "lanes"), f"{node}.{accel}:{port} does not have {lanes} lanes"

    def test_faults_that_are_none(self):
        for text, says in (("node0.0:9 dirt 1dB", "has 4 ports"), ("node0.0:0 rust 1dB", "rust")):
            done = subprocess.run([f"{REPO}/qemu/lab/supernode", "inject", text], check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            assert done.returncode == 1 and says in done.stdout, done.stdout

    def test_node_that_dies_is_an_error_in_time(self):
        supernode.kill(self.run, self.nodes[1])
        status, ms, home = self.remote_try("first", 2)
        assert status != "ok", "the memory of a dead node was written"
        assert ms < 20000, f"{ms} ms until the error"
        assert home == "fine", "work on the own accelerator does not go on"
        self.command(self.nodes[0], "sfab list")
        for name, attempt in (
                ("fault", lambda: self.run.inject(f"{self.nodes[1]}.0:0 dirt 1dB")),
                ("command", lambda: self.command(self.nodes[1], "true"))):
            try:
                attempt()
            except supernode.Failure as failure:
                assert f"{self.nodes[1]} is down" in str(failure), failure
            else:
                raise AssertionError(f"a {name} happened to a dead node")
        # Fibres to it have an end that lives, whichever it is called by.
        for fibre in self.run.state()["fibres"]:
            if set(fibre["owners"]) == {self.nodes[0], self.nodes[1]}:
                self.run.set_cut(fibre["ends"][0], True)
                self.run.set_cut(fibre["ends"][1], False)

    def test_node_that_comes_back(self):
        supernode.boot(self.run, self.nodes[1])
        state = self.run.state()
        self.command(self.nodes[0], "sfab fabric program --eids /share/eids "
                     f"--expect-devices {len(state['eids'])} "
                     f"--expect-links {len(state['fibres'])} --wait 60")
        status, _, home = self.remote_try("first", 3)
        assert status != "ok", "an import of the dead node was taken for one of the new one"
        assert home == "fine", home
        self.background(self.nodes[1], f"{PROGRAMS}/peer export /share second")
        self.background(self.nodes[0], f"{PROGRAMS}/peer hold /share second")
        status, _, _ = self.remote_try("second", 0)
        assert status == "ok", status
        self.touch("second.done")
        self.touch("first.done")
        self.touch("second.stop")

    def test_soak(self):
        done = subprocess.run([sys.executable, f"{HERE}/soak.py", "20", "1"], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=400)
        assert done.returncode == 0, done.stdout


def main():
    scenarios = Scenarios()
    names = [name for name in vars(Scenarios) if name.startswith("test_")]
    failed = 0
    print(f"1..{len(names)}", flush=True)
    for number, name in enumerate(names, 1):
        start = time.monotonic()
        try:
            getattr(scenarios, name)()
            verdict = "ok"
        except (AssertionError, supernode.Failure, OSError, ValueError,
                subprocess.SubprocessError) as error:
            verdict = "not ok"
            failed += 1
            for line in str(error).splitlines()[-30:]:
                print(f"# {line}")
        print(f"{verdict} {number} - supernode: {name.removeprefix('test_')} "
              f"# {time.monotonic() - start:.1f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
