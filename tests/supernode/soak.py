# SPDX-License-Identifier: MIT
"""soak.py SECONDS SEED: start the work on all nodes, cut and mend fibres, wait, judge."""

import os
import random
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(REPO, "qemu/lab"))

import supernode  # noqa: E402  pylint: disable=wrong-import-position


def main():
    seconds, seed = int(sys.argv[1]), int(sys.argv[2])
    run = supernode.Run(os.environ["SFAB_SUPERNODE"])
    state = run.state()
    nodes = state["nodes"]
    os.makedirs(run.file("share", "soak"))
    results = {}

    def work(number, node):
        command = " ".join([f"{REPO}/build/tests/supernode/soak", "/share/soak", str(number),
                            str(len(nodes)), str(seconds), str(seed)])
        results[node] = run.run(node, command)

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(nodes)]
    for thread in threads:
        thread.start()
    # One at a time: what is left must carry everything.
    draw, cuts = random.Random(seed), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(thread.is_alive() for thread in threads):
        time.sleep(draw.uniform(0.5, 3))
        fibre = draw.choice(state["fibres"])["ends"][0]
        run.set_cut(fibre, True)
        cuts += 1
        time.sleep(draw.uniform(0.1, 2))
        run.set_cut(fibre, False)
    for thread in threads:
        thread.join()
    bad = [node for node in nodes if results.get(node) != 0]
    print(f"soak: {len(nodes)} nodes, {seconds} s, seed {seed}: {cuts} cuts, "
          f"{len(nodes) - len(bad)} nodes without a wrong byte or a lost operation")
    return 1 if bad or not cuts else 0


if __name__ == "__main__":
    sys.exit(main())
