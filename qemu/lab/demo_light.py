# SPDX-License-Identifier: MIT
"""The second half of `make demo`: a connector gets dirty below a transfer.

All numbers are read on the nodes, from the link device of the end that receives; what was injected
cannot be read there. What should be seen and is not makes the demonstration fail.
"""

import json
import time

import supernode
from demo_job import Transfer, say

SENDER = ("node0", "3", "0")            # node, accelerator, port
RECEIVER = ("node1", "0", "1")          # the other end of the fibre: its connector gets dirty
LANE = 3
SPARE = 1                               # the light path that leads to the same port
# A port sends at this part of its rate, for the wire to be slower than what emulates it.
PACE = 4e-5
DIRT = (0, 2, 3, 3.6, 3.8, 3.9, 4, 4.1, 4.2, 4.4, 4.8)    # dB
SECONDS = 3                             # for each of them
LONGEST = 240                           # of the transfer
HEALTHY_SECONDS = 30
COLUMNS = "{:>10}  {:>14}  {:>11}  {:>9}  {:>10}  {:>5}  {:>6}"


def name_of(end):
    return f"{end[0]}.{end[1]}:{end[2]}"


class Light:
    """The link, the transfer on it, and what was seen so far."""

    def __init__(self, run):
        self.run = run
        self.missing = []

    def ask(self, end, action, *words, allowed=(0,)):
        """What `sfab ACTION` on a node says of its end of the link."""
        return json.loads(self.run.ask(end[0], " ".join(
            ["sfab", action, f"{end[1]}:{end[2]}", *words, "--json"]), allowed))

    def need(self, seen, what):
        if not seen:
            self.missing.append(what)

    def pace(self, scale):
        self.run.qmp(SENDER[0], "qom-set", path=f"/machine/peripheral/accel{SENDER[1]}",
                     property="rate-scale", value=scale)

    # ---- looking

    def look(self, label):
        """Watch the link for a while; print a line of what it shows, and return that."""
        before = self.ask(RECEIVER, "link show")["counters"]
        time.sleep(SECONDS)
        now = self.ask(RECEIVER, "link show")
        seconds = (now["counters"]["time_ns"] - before["time_ns"]) / 1e9
        grown = {key: now["counters"][key] - before[key]
                 for key in ("corrected", "uncorrectable", "crc_errors", "rx_bytes")}
        ber = now["ber"]
        row = {"ber": ber["errors"] / ber["bits"] if ber["errors"] else ber["estimate"],
               "lanes": now["lanes_in_use"], "of": now["lanes"], "path": now["light_path"],
               "state": now["state"], "mbps": grown["rx_bytes"] / seconds / 1e6, **grown}
        say(COLUMNS.format(label, f"{row['ber']:.1e}", f"{grown['corrected'] / seconds:.0f}",
                           f"{grown['uncorrectable'] / seconds:.0f}", grown["crc_errors"],
                           row["lanes"], f"{row['mbps']:.2f}"))
        return row

    def health(self):
        return self.ask(RECEIVER, "health", allowed=(0, 1))["verdicts"][0]

    def tell_health(self, verdict):
        say(f"* sfab health {RECEIVER[1]}:{RECEIVER[2]} on {RECEIVER[0]}: {verdict['severity']}, "
            f"{verdict['gbps']} of {verdict['full_gbps']} Gb/s")
        if verdict["cause_code"]:
            say(f"    cause: {verdict['cause']}    advice: {verdict['action']}")
        for condition in verdict["conditions"]:
            if condition["holds"] == "false":
                say(f"    {condition['condition']}: {condition['text']}")

    # ---- what happens

    def get_dirty(self):
        """More and more, until lanes are given up; returns the lines of before, and of the end."""
        clean, corrected, lost = None, False, False
        for dirt in DIRT:
            if dirt:
                self.run.inject(f"{name_of(RECEIVER)} dirt {dirt}dB lane={LANE} path=0")
            row = self.look(f"{dirt} dB" if dirt else "clean")
            clean = clean or row
            if dirt and not corrected and row["corrected"] > 100 * max(clean["corrected"], 1) and \
                    not row["uncorrectable"]:
                corrected = True
                say("* the light is worse, and error correction mends it all: nothing is lost")
            if not lost and row["uncorrectable"] and row["crc_errors"] and row["lanes"] == row["of"]:
                lost = True
                say("* too much for it: codewords are lost, and packets sent again until they "
                    "arrive")
            if row["lanes"] < row["of"]:
                break
        self.need(corrected, "an error rate that correction masters")
        self.need(lost, "packets that are sent again while all lanes are in use")
        self.need(row["lanes"] < row["of"], "lanes that are given up")
        return clean, row

    def give_up_lanes(self, clean, row):
        say(f"* {row['of'] - row['lanes']} of {row['of']} lanes are given up: the link is "
            f"{row['state']}")
        row = self.look(f"{row['lanes']} lanes")
        self.need(row["lanes"] == row["of"] // 2 and 0.35 < row["mbps"] / clean["mbps"] < 0.65,
                  "half of the bandwidth with half of the lanes")
        self.need(not row["uncorrectable"], "no codeword lost on the lanes that are left")
        verdict = self.health()
        self.tell_health(verdict)
        self.need((verdict["severity"], verdict["cause"], verdict["action"]) ==
                  ("degraded", "dirty-connector", "clean-connector"), "the right diagnosis")
        self.need(verdict["gbps"] * 2 == verdict["full_gbps"], "a verdict that tells the bandwidth")

    def switch(self):
        say(f"\nThe connector can wait: a spare light path joins {name_of(SENDER)} and "
            f"{name_of(RECEIVER)} too.")
        done = self.ask(SENDER, "link switch", str(SPARE), "--partner-path", str(SPARE))
        begun = done["begin_ns"]
        say(f"* sfab link switch: {done['result']}; the traffic was held for "
            f"{(begun['end'] - begun['drain']) / 1e6:.1f} ms of the device's clock. On the link's "
            f"model clock\n  the optical switch took {done['model_switch_ns'] / 1e3:.1f} us, and "
            f"the receiver {done['model_lock_ns'] / 1e3:.1f} us to lock.")
        self.need(60000 <= done["model_switch_ns"] <= 80000, "a switch in 60 to 80 us")

    def recover(self, clean):
        row = self.look(f"path {SPARE}")
        self.need(row["path"] == SPARE, "the other light path in use")
        self.need(row["lanes"] == row["of"] and row["mbps"] > 0.8 * clean["mbps"],
                  "all lanes and the bandwidth of before")
        self.need(not row["uncorrectable"] and not row["crc_errors"], "no loss any more")
        verdict = {}

        def well():
            verdict.update(self.health())
            return verdict["severity"] == "ok"
        self.need(supernode.wait_for(HEALTHY_SECONDS, well, lambda: "waiting for health"),
                  "a healthy link at the end")
        self.tell_health(verdict)


def show(run):
    """Returns whether the transfer was verified, and what was not seen."""
    light = Light(run)
    say(f"\nNow a connector gets dirty: that of {name_of(RECEIVER)}, on lane {LANE} of 8, more and "
        f"more, while {SENDER[0]}.{SENDER[1]}\nwrites to {RECEIVER[0]}.{RECEIVER[1]} over it, reads "
        f"back and compares. {SENDER[0]}.{SENDER[1]} sends at 1/{1 / PACE:.0f} of the rate of its "
        "lanes, so that\nthey count and not the host. What the receiving end reads: wrong bits "
        "before error correction, codewords\ncorrected and lost, damaged packets (sent again), lanes "
        f"in use, and what came through, each in {SECONDS} s.\n")
    light.pace(PACE)
    transfer = Transfer(run, SENDER, RECEIVER, LONGEST, show=False)
    say(COLUMNS.format("DIRT", "BIT ERROR RATE", "CORRECTED/S", "LOST/S", "SENT AGAIN", "LANES",
                       "MB/S"))
    clean, row = light.get_dirty()
    if not light.missing:
        light.give_up_lanes(clean, row)
        light.switch()
        light.recover(clean)
    light.pace(0)
    verified, _, _ = transfer.stop()
    return verified, light.missing
