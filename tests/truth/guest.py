# SPDX-License-Identifier: MIT
"""The truth table once more, by the whole stack: devices, driver, library, tool. Its cases are
those in which the far end can be asked, and which come to rest (comes_to_rest).

Called by `supernode up` (guest). Each case has a fibre of its own between the two nodes; all are
broken from outside, by QMP, and `sfab health` on both nodes says what it makes of it. Prints TAP.
"""

import collections
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

PORTS = 15              # of each accelerator that lead to the other node's one of the same number
FLAP_SECONDS = 2
MEND_AT = 4             # flaps before the end
# By the first port two accelerators reach each other; if it is down by the next one, which nothing
# happens to: also by it the far end of a dead link is asked. The one after that has a light path
# more.
TRAFFIC_PORT, SPARE_PORT, PATHS_PORT = 0, 1, 2

# A storm of less needs more packets a second than a busy machine sends.
LEAST_DAMAGE = 10000    # ppm

# What changes by itself, and what the cases of it that come to an end, end with
CHANGING = {"ageing": "laser-dead", "ramp": "module-overheated", "blink": "none"}

Case = collections.namedtuple("Case", "fault value lanes alone declared")
SWITCHES = ("switch", "stuck switch")
SILENCE = ("nothing said",) * 3     # the judges begin with a word on every link


def read_cases():
    """What `truth --list` prints: the table of the native test, one case a line."""
    said = subprocess.run([f"{REPO}/build/tests/truth/truth", "--list"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    for line in said.splitlines():
        fault, value, lanes, alone, *verdicts = line.split("\t")
        yield Case(fault, int(value), [lane for lane in range(8) if int(lanes) >> lane & 1],
                   alone == "1", (tuple(verdicts[:3]), tuple(verdicts[3:])))


def comes_to_rest(case):
    """Whenever one looks, once it has settled, there is the same to be seen."""
    cause = case.declared[0][0]
    if case.fault in CHANGING:
        return cause == CHANGING[case.fault]
    return cause != "replay-storm" or case.value >= LEAST_DAMAGE


def per_lane(end, kind, magnitude, lanes):
    if len(lanes) in (0, 8):
        return [f"{end} {kind} {magnitude}"]
    return [f"{end} {kind} {magnitude} lane={lane}" for lane in lanes]


def faults_of(case, a, b):
    """What breaks the link from a to b, as lines of faults.py."""
    amount = case.value / 1000
    return {
        "nothing": lambda: [],
        "bend": lambda: per_lane(b, "dirt", f"{amount}dB", case.lanes),
        "bend both ways": lambda: [f"{end} dirt {amount}dB" for end in (a, b)],
        "dirt": lambda: per_lane(b, "dirt", f"{amount}dB", case.lanes),
        "dead laser": lambda: per_lane(a, "dead", "on", case.lanes),
        "healed laser": lambda: per_lane(a, "dead", "on", case.lanes),
        "replaced module": lambda: per_lane(a, "dead", "on", case.lanes),
        "no clock": lambda: per_lane(b, "unlock", "on", case.lanes),
        "age": lambda: per_lane(a, "age", amount, case.lanes),
        "ageing": lambda: per_lane(a, "ageing", f"{amount}/s", case.lanes),
        "heat": lambda: [f"{a} heat {amount}C"],
        "ramp": lambda: [f"{a} ramp {amount}C/s"],
        "blink": lambda: [f"{b} flap {amount}s"],
        "dirt and heat": lambda: per_lane(b, "dirt", f"{amount}dB", case.lanes) +
        [f"{a} heat 28C"],
        "cut": lambda: [f"fibre {a} cut"],
        "damage": lambda: [f"{end} damage {case.value}ppm" for end in (a, b)],
        "pulled module": lambda: [f"{a} module out"],
        "hanging module": lambda: [f"{a} hang on"],
        "stuck switch": lambda: [f"{a} stick {('back', 'between')[case.value - 1]}"],
        "switch": lambda: [],
        "flap": lambda: [],
        "disable": lambda: [],
        "lasers off": lambda: [],
        "low power": lambda: [],
    }[case.fault]()


class Table:
    """The cases, each at its link, and the judges on both nodes."""

    def __init__(self):
        self.run = supernode.Run(os.environ["SFAB_SUPERNODE"])
        cases = [case for case in read_cases() if not case.alone and comes_to_rest(case)]
        # Where there must be traffic, the link is one that traffic takes.
        busy = [case for case in cases if case.fault == "damage"]
        idle = sorted((case for case in cases if case.fault != "damage"),
                      key=lambda case: case.fault not in SWITCHES)
        accels = range(len(self.run.state()["eids"]) // 2)
        places = [(accel, port) for port in range(PATHS_PORT, PORTS) for accel in accels]
        assert len(busy) <= len(accels) and len(idle) < len(places), f"{len(cases)} cases"
        assert idle[len(accels)].fault not in SWITCHES, "too few links with a light path more"
        self.links = dict(zip([(accel, TRAFFIC_PORT) for accel in accels], busy))
        self.links.update(zip(places, idle))
        self.first = places[len(idle)]      # nothing is declared of it
        self.verdicts = [{}, {}]

    def of(self, *faults):
        return [(place, case) for place, case in self.links.items() if case.fault in faults]

    # ---- breaking

    def start_traffic(self):
        for (accel, _), _ in self.of("damage"):
            base = self.run.submit("node1", f"sfab export -q -a {accel} --size 1M --seconds 400")
            assert supernode.wait_for(60, lambda b=base: os.path.exists(b + ".out") and
                                      os.path.getsize(b + ".out"), lambda: "a handle"), "no handle"
            with open(base + ".out", encoding="ascii") as file:
                handle = file.readline().strip()
            # Large copies, that nobody looks at: the devices work, and leave the guests' processors
            # to the judges.
            self.run.submit("node0", f"sfab bench -q -a {accel} --size 1M --iterations 1500 "
                            f"--to {handle}")

    def break_link(self, place, case):
        for line in faults_of(case, f"node0.{place[0]}:{place[1]}", f"node1.{place[0]}:{place[1]}"):
            self.run.inject(line)

    def order(self):
        """What is done in the guests, before the judges take their time."""
        for (accel, port), case in self.of("disable", "low power", "lasers off"):
            lanes = f"--lanes {','.join(map(str, case.lanes))}" if case.fault == "lasers off" else ""
            action = case.fault.replace(" ", "-")
            self.run.ask("node0", f"sfab link {action} {accel}:{port} {lanes}")
        for place, case in self.of(*SWITCHES):
            self.break_link(place, case)
            self.switch(place, 1, case.fault == "switch")

    def break_all(self):
        for place, case in self.links.items():
            if case.fault not in SWITCHES:
                self.break_link(place, case)
        # All end at the same time, as what was long ago is no flapping.
        for left in range(max(case.value for _, case in self.of("flap")), 0, -1):
            self.flap([place for place, case in self.of("flap") if case.value >= left])
            if left == MEND_AT:
                self.mend()

    def switch(self, place, path, works):
        link = f"{place[0]}:{place[1]}"
        self.run.ask("node0", f"sfab link switch {link} {path} --partner-path {path}",
                     (0 if works else 1,))

    def flap(self, places):
        for state in ("cut", "mend"):
            for accel, port in places:
                self.run.inject(f"fibre node0.{accel}:{port} {state}")
            time.sleep(0.2)
        time.sleep(FLAP_SECONDS)

    def mend(self):
        """What was broken and is well again, or for which there is another one."""
        for (accel, port), case in self.of("healed laser"):
            for lane in case.lanes:
                self.run.inject(f"node0.{accel}:{port} dead off lane={lane}")
        for (accel, port), case in self.of("replaced module"):
            self.run.inject(f"node0.{accel}:{port} module {case.value}")
        for place, _ in self.of("switch"):
            self.switch(place, 0, True)

    # ---- judging

    def await_judges(self, watchers):
        """They have looked at every link some times when they have told of one that is a bit dirty,
        and is clean again: on a busy machine that takes long."""
        name = f'accel{self.first[0]}:{self.first[1]}"'

        def severity(base):
            if not os.path.exists(base + ".out"):
                return None
            with open(base + ".out", encoding="utf-8") as file:
                said = [line for line in file if name in line and line.endswith("\n")]
            return json.loads(said[-1])["severity"] if said else None
        for dirt, wanted in (("1.5dB", "watch"), ("0dB", "ok")):
            for n in (0, 1):
                self.run.inject(f"node{n}.{self.first[0]}:{self.first[1]} dirt {dirt} lane=0")
            assert supernode.wait_for(200, lambda w=wanted: all(
                severity(base) == w for base in watchers),
                lambda d=dirt: f"the judges, to tell of {d}"), "the judges see nothing"

    def judge(self):
        """Watch from before the links break; the last word on each counts."""
        watchers = [self.run.submit(f"node{n}", "echo $$ >/share/watch.$(hostname); "
                                    "exec sfab health --watch --json") for n in (0, 1)]
        self.await_judges(watchers)
        supernode.say(f"breaking {len(self.links)} links")
        self.break_all()
        self.await_judges(watchers)
        for n, base in enumerate(watchers):
            self.run.ask(f"node{n}", "kill -TERM $(cat /share/watch.$(hostname))")
            with open(base + ".out", encoding="utf-8") as file:
                for line in file:
                    verdict = json.loads(line)
                    if verdict["kind"] == "link":
                        place = verdict["accelerator"], verdict["port"]
                        self.verdicts[n][place] = verdict

    def compare(self):
        number = failed = 0
        confusion = collections.Counter()
        for place, case in self.links.items():
            for end in (0, 1):
                said = self.verdicts[end].get(place)
                got = (said["cause"], said["severity"], said["action"]) if said else SILENCE
                good = got == case.declared[end]
                number += 1
                failed += not good
                confusion[case.declared[end][0], got[0]] += 1
                print(f"{'ok' if good else 'not ok'} {number} - {case.fault} {case.value} "
                      f"{case.lanes if 0 < len(case.lanes) < 8 else ''}, node{end}."
                      f"{place[0]}:{place[1]}: {', '.join(case.declared[end])}")
                if not good:
                    print(f"# said: {', '.join(got)}: {said['text'] if said else ''}")
        # Whatever was not broken is well.
        others = [verdict for n in (0, 1) for place, verdict in self.verdicts[n].items()
                  if place not in self.links and verdict["severity"] != "ok"]
        print(f"{'not ok' if others else 'ok'} {number + 1} - links that nothing happened to")
        for verdict in others:
            print(f"# {verdict['name']}: {verdict['cause']}: {verdict['text']}")
        print(f"1..{number + 1}")
        return failed + bool(others), confusion


def print_matrix(confusion):
    print("#\n# declared, then what was said:")
    for (declared, got), count in sorted(confusion.items()):
        print(f"# {declared:18} {got:18} {count:3}{'' if declared == got else '  WRONG'}")


def main():
    table = Table()
    table.order()
    table.start_traffic()
    table.judge()
    failed, confusion = table.compare()
    print_matrix(confusion)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
