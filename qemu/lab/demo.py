# SPDX-License-Identifier: MIT
"""demo.py INPUT SUMMARY: what `make demo` shows on a supernode that is up; called by `supernode up`.

The nodes send the file to each other, and the table of it is printed; then a fibre is cut and
mended below a transfer, and a connector gets dirty below another (demo_light.py). SUMMARY gets the
last line of the demonstration, unless it fails.
"""

import os
import sys

import demo_light
import supernode
from demo_job import Job, Transfer, say

SECONDS_BEFORE = SECONDS_CUT = SECONDS_AFTER = 4
CUT = "node0.3:0"               # an end of the fibre from node0.3 to node1.0
SENDER = ("node0", "2")         # its data go over node0.3, which forwards them
RECEIVER = ("node1", "0")


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


def cut_below_a_transfer(run):
    """Returns whether the transfer was verified, and how often it failed over."""
    fibre = next(f for f in run.state()["fibres"] if CUT in f["ends"])
    name = " - ".join(fibre["ends"])
    there = ".".join(RECEIVER)
    say(f"\nNow {'.'.join(SENDER)} writes to the HBM of {there} (EID {run.state()['eids'][there]}) "
        "without pause, reads all back and compares it,\n"
        "while a fibre on its way is cut and plugged back in. WAY names the ports that it leaves by,\n"
        "MS are from one verified piece to the next, SENT BY PORTS is what the ports' counters say.\n")
    transfer = Transfer(run, SENDER, RECEIVER, SECONDS_BEFORE + SECONDS_CUT + SECONDS_AFTER,
                        show=True)
    transfer.pause(SECONDS_BEFORE)
    run.set_cut(CUT, True)
    say(f"* the fibre {name} is cut")
    try:
        transfer.pause(SECONDS_CUT)
    finally:
        run.set_cut(CUT, False)
        say("* the fibre is plugged back in")
    return transfer.finish()


def main():
    run = supernode.Run(os.environ["SFAB_SUPERNODE"])
    transfers, verified, good = send_between_all(run, run.state()["nodes"], sys.argv[1])
    streamed, failovers, failbacks = cut_below_a_transfer(run)
    missing = [] if failovers and failbacks else ["the other way taken, and the first one again"]
    lit, unseen = demo_light.show(run)
    missing += unseen
    transfers, verified = transfers + 2, verified + streamed + lit
    line = f"demo: {transfers} transfers, {verified} verified, {failovers} failovers"
    with open(sys.argv[2], "w", encoding="ascii") as file:
        file.write(line + "\n")
    for what in missing:
        print(f"demo: error: this should have been seen, and was not: {what}", file=sys.stderr)
    return 0 if good and streamed and lit and not missing else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except supernode.Failure as failure:
        print(f"demo: error: {failure}", file=sys.stderr)
        sys.exit(1)
