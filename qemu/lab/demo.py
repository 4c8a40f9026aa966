# SPDX-License-Identifier: MIT
"""demo.py INPUT SUMMARY: what `make demo` shows on a supernode that is up; called by `supernode up`.

The nodes send the file to each other, and the table of it is printed; then a fibre is cut and
mended below a transfer. SUMMARY gets the last line of the demonstration, unless it fails.
"""

import os
import re
import sys
import threading
import time

import supernode

SECONDS_BEFORE = SECONDS_CUT = SECONDS_AFTER = 4
CUT = "node0.3:0"               # an end of the fibre from node0.3 to node1.0
SENDER = ("node0", "node0.2", "2")      # its data go over node0.3, which forwards them
RECEIVER = ("node1", "node1.0", "0")


def say(text=""):
    print(text, flush=True)


class Lines:
    """Takes the output of a job: hands on its lines but the last, which sums up."""

    def __init__(self, show):
        self.show, self.rest, self.lines = show, b"", []

    def write(self, data):
        self.rest += data
        *whole, self.rest = self.rest.split(b"\n")
        for line in whole:
            self.lines.append(line.decode(errors="replace"))
            if self.show and not self.is_summary(self.lines[-1]):
                say(self.lines[-1])

    def flush(self):
        pass

    @staticmethod
    def is_summary(line):
        return re.match(r"(demo|stream): ", line)

    def count(self, pattern):
        """The numbers that the last line tells."""
        match = re.match(pattern, self.lines[-1]) if self.lines else None
        if not match:
            raise supernode.Failure("the output ends too early: " +
                                    (self.lines[-1] if self.lines else "there is none"))
        return [int(group) for group in match.groups()]


class Job(threading.Thread):
    """A command on a node; its output arrives in .out while it runs."""

    def __init__(self, run, node, command, show):
        super().__init__(daemon=True)
        self.run_, self.node, self.command = run, node, command
        self.out, self.status, self.failure = Lines(show), None, None
        self.start()

    def run(self):
        try:
            self.status = self.run_.run(self.node, self.command,
                                        (self.out, sys.stderr.buffer))
        except (supernode.Failure, OSError, ValueError) as failure:
            self.failure = failure

    def finish(self):
        self.join()
        if self.failure:
            raise self.failure
        return self.status == 0


def send_between_all(run, nodes, path):
    """Returns how many transfers there were, and how many were verified."""
    say("\nThe file goes from the HBM of every accelerator to the HBM of every other one, within a\n"
        "node by PCIe (peer) and by the fabric, between nodes by the fabric. HOPS are links: where\n"
        "there is more than one, accelerators in between forward the data. Who receives it hashes\n"
        "it; both nodes work at once.\n")
    os.mkdir(run.file("share", "demo"))
    jobs = [Job(run, node, f"sfab demo {'-q' if number else ''} --share /share/demo "
                f"--node {number} --nodes {len(nodes)} {path}", show=number == 0) for number, node in enumerate(nodes)]
    good = all([job.finish() for job in jobs])
    for job in jobs[1:]:
        for line in job.out.lines[1:-1]:
            say(line)
    counts = [job.out.count(r"demo: (\d+) transfers, (\d+) verified") for job in jobs]
    transfers, verified = (sum(column) for column in zip(*counts))
    return transfers, verified, good


def handle_of(job):
    if not supernode.wait_for(60, lambda: job.out.lines or not job.is_alive(),
                              lambda: "waiting for the handle") or not job.out.lines:
        job.finish()
        raise supernode.Failure(f"'{job.command}' on {job.node} tells no handle")
    return job.out.lines[0]


def pause(seconds, job):
    """Let the transfer go on for a while, unless it ends."""
    job.join(seconds)
    if not job.is_alive():
        job.finish()
        raise supernode.Failure("the transfer ended too early")


def cut_below_a_transfer(run):
    """Returns whether the transfer was verified, and how often it failed over."""
    fibre = next(f for f in run.state()["fibres"] if CUT in f["ends"])
    name = " - ".join(fibre["ends"])
    say(f"\nNow {SENDER[1]} writes to the HBM of {RECEIVER[1]} (EID {run.state()['eids'][RECEIVER[1]]}) "
        "without pause, reads all back and compares it,\n"
        "while a fibre on its way is cut and plugged back in. WAY names the ports that it leaves by,\n"
        "MS are from one verified piece to the next, SENT BY PORTS is what the ports' counters say.\n")
    total = SECONDS_BEFORE + SECONDS_CUT + SECONDS_AFTER
    exporter = Job(run, RECEIVER[0], f"sfab export -q -a {RECEIVER[2]} --size 16M "
                   f"--seconds {total + 30}", show=False)
    stream = Job(run, SENDER[0], f"sfab stream -q -a {SENDER[2]} --seconds {total} "
                 f"--to {handle_of(exporter)}", show=True)
    if not supernode.wait_for(60, lambda: stream.out.lines or not stream.is_alive(),
                              lambda: "waiting for the transfer to begin"):
        raise supernode.Failure("the transfer does not begin")
    pause(SECONDS_BEFORE, stream)
    run.set_cut(CUT, True)
    say(f"* the fibre {name} is cut")
    try:
        pause(SECONDS_CUT, stream)
    finally:
        run.set_cut(CUT, False)
        say("* the fibre is plugged back in")
    good = stream.finish()
    failovers, failbacks = stream.out.count(
        r"stream: .* (\d+) failovers .* (\d+) failbacks")
    say(stream.out.lines[-1])
    return good, failovers, failbacks


def main():
    run = supernode.Run(os.environ["SFAB_SUPERNODE"])
    transfers, verified, good = send_between_all(run, run.state()["nodes"], sys.argv[1])
    streamed, failovers, failbacks = cut_below_a_transfer(run)
    transfers, verified = transfers + 1, verified + streamed
    line = f"demo: {transfers} transfers, {verified} verified, {failovers} failovers"
    with open(sys.argv[2], "w", encoding="ascii") as file:
        file.write(line + "\n")
    if not failovers or not failbacks:
        print("demo: the transfer did not take the other way and come back, as it should",
              file=sys.stderr)
    return 0 if good and streamed and failovers and failbacks else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except supernode.Failure as failure:
        print(f"demo: error: {failure}", file=sys.stderr)
        sys.exit(1)
