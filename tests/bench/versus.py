# SPDX-License-Identifier: MIT
"""versus.py PEERS ROUNDS: measure sfab and its peers between two nodes; called by `supernode up`.

Everything is measured once a round, so that what the machine does meanwhile meets all of them alike;
medians of the rounds are told. PEERS is the directory with iperf3 and perftest.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(REPO, "qemu/lab"))

import supernode  # noqa: E402  pylint: disable=wrong-import-position

BENCH = f"{REPO}/build/tests/bench"
SIZE = 64 << 20
MTU = 60000         # TCP does best with it; soft-RoCE sends 4 KiB whatever it is
SECONDS = 4         # of iperf3
BLOCKS = 100        # of 1 MiB, for ib_write_bw
ROUND_TRIPS = 1000
BOUND = 100         # seconds that a figure may take; peers are slow on a busy machine
PORT_TCP, PORT_RDMA = 5201, 18515


def found(pattern, text, what):
    """The number that the output of `what` tells."""
    match = re.search(pattern, text, re.MULTILINE)
    if not match:
        raise supernode.Failure(f"{what}: its output tells no figure:\n{text}")
    return float(match[1])


class Versus:
    """The two nodes, and what is measured between them."""

    def __init__(self, peers):
        self.run = supernode.Run(os.environ["SFAB_SUPERNODE"])
        self.here, self.there = self.run.state()["nodes"]
        self.round = 0
        shutil.copytree(peers, self.run.file("share", "peers"), symlinks=True)
        for number, node in enumerate((self.here, self.there), 1):
            self.run.ask(node, f"""set -e
                cp -a /share/peers/. / && ldconfig
                modprobe -a virtio_net rdma_rxe
                nic=$(basename "$(dirname "$(grep -l 52:54:00:00:00 /sys/class/net/*/address)")")
                ip address add 10.0.0.{number}/24 dev $nic
                ip link set $nic up mtu {MTU}
                rdma link add rxe0 type rxe netdev $nic""")
        self.handle = self.export()

    def export(self):
        """Returns a handle of HBM of the other node; it is there as long as the node is."""
        out = self.run.submit(self.there, f"exec sfab export -q -a 0 --size {SIZE} "
                              "--seconds 86400") + ".out"
        if not supernode.wait_for(30, lambda: os.path.exists(out) and os.path.getsize(out),
                                  lambda: "waiting for the handle"):
            raise supernode.Failure("sfab export tells no handle")
        with open(out, encoding="ascii") as file:
            return file.readline().strip()

    def both(self, there, here, port=None):
        """Run a command on either node, first the one that listens; returns what `here` says."""
        job = self.run.submit(self.there, f"timeout {BOUND} {there}")
        if port:
            self.run.ask(self.there, "timeout 30 bash -c 'until ss -ltnH sport = "
                         f":{port} | grep -q .; do sleep 0.1; done'")
        said = self.run.ask(self.here, f"timeout {BOUND} {here}")
        with open(os.devnull, "wb") as nothing:
            if self.run.follow(self.there, job, (nothing, nothing)):
                raise supernode.Failure(f"'{there}' on {self.there} failed")
        return said

    # ---- one figure each: bytes a second, or seconds

    @staticmethod
    def memcpy():
        said = subprocess.run([f"{BENCH}/core_copy", str(SIZE >> 20), "11"], check=True,
                              stdout=subprocess.PIPE, encoding="ascii").stdout
        return found(r"^HBM to HBM, 2 MiB pages, GB/s +([\d.]+)", said, "core_copy") * 1e9

    def sfab_write(self):
        said = json.loads(self.run.ask(self.here, f"sfab bench -q -j -a 0 --size {SIZE} "
                                       f"--iterations 15 --to {self.handle}"))
        copies = {copy["test"]: copy for copy in said["copies"]}
        return copies["remote-write"]["bytes_per_second"]["median"]

    def sfab_notify(self):
        name = f"notify{self.round}"
        os.mkdir(self.run.file("share", name))
        said = self.both(*(f"{BENCH}/notify_latency /share/{name} {number} {ROUND_TRIPS}"
                           for number in (1, 0)))
        return found(r"^write\+notify, long-running queue +[\d.]+ +([\d.]+)", said,
                     "notify_latency") * 1e-6

    def tcp(self):
        said = json.loads(self.both("iperf3 -s -1", f"iperf3 -J -t {SECONDS} -c 10.0.0.2",
                                    PORT_TCP))
        return said["end"]["sum_received"]["bits_per_second"] / 8

    def rdma(self, command, pattern):
        said = self.both(command, f"{command} 10.0.0.2", PORT_RDMA)
        return found(pattern, said, command)

    def rdma_write(self):
        # bytes, iterations, peak, average
        return self.rdma(f"ib_write_bw -d rxe0 -F -s 1048576 -n {BLOCKS} --report_gbits",
                         r"^ *1048576 +\d+ +[\d.]+ +([\d.]+)") * 1e9 / 8

    def rdma_notify(self):
        # bytes, iterations, least, most, typical
        return self.rdma(f"ib_write_lat -d rxe0 -F -s 8 -n {ROUND_TRIPS}",
                         r"^ *8 +\d+ +[\d.]+ +[\d.]+ +([\d.]+)") * 1e-6


class Row:
    """A line of the table: a figure, how sfab's compares, and what was to be reached."""

    def __init__(self, what, name, sfab="", goal=0):
        self.what, self.name, self.sfab, self.goal = what, name, sfab, goal

    def text(self, figures):
        """Ratios are of rates, or of times the other way round: more is better."""
        median = statistics.median(figures[self.name])
        rate = median > 1       # bytes a second; a time is less
        figure = f"{median / 1e6:10.1f} MB/s" if rate else f"{median * 1e6:10.1f} us  "
        spread = " to ".join(f"{x / 1e6:.0f}" if rate else f"{x * 1e6:.0f}"
                             for x in (min(figures[self.name]), max(figures[self.name])))
        line = f"{self.what:46}{figure}  {spread:16}"
        if not self.sfab:
            return line.rstrip()
        mine = statistics.median(figures[self.sfab])
        ratio = mine / median if rate else median / mine
        line += f"{ratio:8.2f} x"
        if self.goal:
            line += f"{self.goal:8g} x   {'met' if ratio >= self.goal else 'MISSED'}"
        return line


TABLE = (
    Row("sfab: write of 64 MiB to the other's HBM", "sfab_write"),
    Row("memcpy() of the host, 64 MiB", "memcpy", "sfab_write", 0.45),
    Row("TCP: iperf3 over virtio-net", "tcp", "sfab_write", 20),
    Row("soft-RoCE: ib_write_bw, 1 MiB", "rdma_write", "sfab_write"),
    Row("sfab: 8 bytes and a notification, one way", "sfab_notify"),
    Row("soft-RoCE: ib_write_lat, 8 bytes", "rdma_notify", "sfab_notify", 10),
)


def main():
    versus, rounds = Versus(sys.argv[1]), int(sys.argv[2])
    figures = {row.name: [] for row in TABLE}
    for versus.round in range(rounds):
        for name, values in figures.items():
            values.append(getattr(versus, name)())
        supernode.say(f"round {versus.round + 1} of {rounds} is done")
    print(f"\n{f'{rounds} rounds':46}{'median':>15}  {'least to most':16}{'sfab is':>10}{'goal':>10}")
    for row in TABLE:
        print(row.text(figures))


if __name__ == "__main__":
    try:
        main()
    except supernode.Failure as failure:
        print(f"versus: error: {failure}", file=sys.stderr)
        sys.exit(1)
