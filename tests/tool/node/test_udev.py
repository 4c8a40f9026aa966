# SPDX-License-Identifier: MIT
"""What udev makes of links: names and rights, and the uevents that rules can act on."""

import grp
import os
import shutil
import signal
import stat
import subprocess
import time

import harness

RULES = "/usr/lib/udev/rules.d/60-sfab.rules"
DAEMON = "/usr/lib/systemd/systemd-udevd"
OURS = "/run/udev/rules.d/70-test.rules"
SYSFS = "/sys/class/sfab_link"
# What the tool says to people, and the kernel to programs
REASONS = {None: "none", "module in low power": "low-power"}


class Udev(harness.LinkTest):
    """A node that has a daemon, which the others do without."""

    def setUp(self):
        super().setUp()
        self.addCleanup(shutil.rmtree, "/run/udev")
        os.makedirs(os.path.dirname(OURS))
        with open(OURS, "w", encoding="ascii") as file:
            file.write('ACTION=="change", SUBSYSTEM=="sfab_link", ENV{SFAB_STATE}=="down", '
                       'ENV{SFAB_REASON}=="disabled", RUN+="/bin/sh -c '
                       f"'echo %k $attr{{port}} $env{{SFAB_SEQUENCE}} >>{self.path('down')}'\"\n")
        # pylint: disable-next=consider-using-with
        daemon = subprocess.Popen([DAEMON], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.send_signal, signal.SIGTERM)
        self.until(lambda: os.path.exists("/run/udev/control"), "the daemon")
        self.udevadm("trigger", "--settle", "--action=add", "--subsystem-match=sfab_link")

    def until(self, condition, what):
        end = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), end, f"{what} takes too long")
            time.sleep(0.1)

    def udevadm(self, *words):
        done = subprocess.run(["udevadm", *words], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done)
        return done.stdout + done.stderr

    def events(self, link):
        """Those of the history that the ABI promises a uevent for."""
        return [(event["sequence"], event["state"], REASONS.get(event["reason"], event["reason"]))
                for event in self.ok("link", "history", "-j", link).json["events"]
                if event["event"] in ("state", "module")]

    def cycle(self, link, down, up):
        self.addCleanup(self.sfab, "link", up, link)
        self.ok("link", down, link)
        self.until(lambda: self.link_state(link) != "up", link)
        self.ok("link", up, link)
        self.until(lambda: self.link_state(link) == "up", link)

    def link_state(self, link):
        return self.ok("link", "show", "-j", link).json["state"]

    # ---- the tests

    def test_rules_are_right(self):
        self.udevadm("verify", RULES)
        said = self.udevadm("test", f"{SYSFS}/sfab_link0")
        self.assertIn("60-sfab.rules", said)

    def test_names_and_rights(self):
        for link in os.listdir(SYSFS):
            with open(f"{SYSFS}/{link}/uuid", encoding="ascii") as file:
                uuid = file.read().strip()
            with open(f"{SYSFS}/{link}/port", encoding="ascii") as file:
                port = file.read().strip()
            self.assertEqual(os.path.realpath(f"/dev/sfab/by-uuid/{uuid}-port{port}"),
                             f"/dev/{link}")
            node = os.stat(f"/dev/{link}")
            self.assertEqual((stat.S_IMODE(node.st_mode), node.st_gid),
                             (0o640, grp.getgrnam("render").gr_gid))

    def test_a_rule_acts_on_a_link_that_went_down(self):
        mark = self.events("0:2")
        self.cycle("0:2", "disable", "enable")
        self.until(lambda: os.path.exists(self.path("down")), "the rule")
        self.udevadm("settle")
        down = [event for event in self.events("0:2")[len(mark):] if event[1:] == ("down", "disabled")]
        self.assertEqual(len(down), 1)
        self.assertIn(f"{self.name_of('0:2')} 2 {down[0][0]}\n", self.read("down").decode())

    def test_every_event_has_its_uevent(self):
        """State, reason and number of each, in order, as read() delivers them."""
        name = self.name_of("0:3")
        with open(self.path("heard"), "wb") as file, \
                subprocess.Popen(["udevadm", "monitor", "--udev", "--property",
                                  "--subsystem-match=sfab_link"], stdout=file) as monitor:
            try:
                self.until(lambda: b"UDEV - " in self.read("heard"), "the monitor")
                mark = self.events("0:3")
                self.cycle("0:3", "disable", "enable")
                self.cycle("0:3", "low-power", "full-power")
                promised = self.events("0:3")[len(mark):]
                self.until(lambda: f"SFAB_SEQUENCE={promised[-1][0]}\n".encode() in
                           self.read("heard"), "the last uevent")
            finally:
                monitor.terminate()
        heard = []
        for block in self.read("heard").decode().split("\n\n"):
            fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            if fields.get("DEVPATH", "").endswith(f"/{name}") and fields["ACTION"] == "change":
                heard.append((int(fields["SFAB_SEQUENCE"]), fields["SFAB_STATE"],
                              fields["SFAB_REASON"]))
        self.assertIn("low-power", [reason for _, _, reason in promised])
        self.assertEqual(heard, promised)
