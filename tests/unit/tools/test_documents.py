# SPDX-License-Identifier: MIT
"""Man page, completion and udev rule agree with the tool."""

import os
import re
import subprocess

import harness

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tools")
MAN = os.path.join(TOOLS, "man/sfab.1")
COMPLETION = os.path.join(TOOLS, "completions/sfab")
EVERYWHERE = {"--help", "--usage", "--version"}


def keys(document):
    """All keys of a document, at any depth."""
    if isinstance(document, list):
        return set().union(*map(keys, document)) if document else set()
    if isinstance(document, dict):
        return set(document).union(*map(keys, document.values()))
    return set()


class Documents(harness.ToolTest):
    def commands(self):
        return re.findall(r"^  (\w+)  ", self.ok("--help").out.split("Commands:")[1], re.M)

    def options(self, command):
        return set(re.findall(r"--[a-z-]+", self.ok(command, "--usage").out))

    def manual(self):
        done = subprocess.run(["mandoc", "-Tutf8", "-Owidth=200", MAN], capture_output=True,
                              text=True, check=True)
        return re.sub(".\b", "", done.stdout).replace("\u2011", "-").replace("\u2010", "-")

    def complete(self, *words):
        """What bash offers for the last word."""
        script = """
            . /usr/share/bash-completion/bash_completion
            . "$1"; shift
            COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMP_TYPE=9 COMP_KEY=9
            # Bash splits words at colons as well
            mapfile -t COMP_WORDS < <(printf '%s\\n' "$@" | sed 's/:/\\n:\\n/g')
            [ "${COMP_WORDS[-1]}" != : ] || COMP_WORDS+=('')
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _sfab sfab "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
            printf '%s\\n' "${COMPREPLY[@]}"
        """
        path = os.path.dirname(harness.tool) + ":" + os.environ["PATH"]
        done = subprocess.run(["bash", "-c", script, "bash", COMPLETION, "sfab", *words],
                              env={**os.environ, "PATH": path}, capture_output=True, text=True,
                              check=True)
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def test_every_command_is_found(self):
        self.assertGreaterEqual(len(self.commands()), 5)

    def test_manual_has_every_command(self):
        text = self.manual()
        for command in self.commands():
            self.assertIn(f"sfab {command}", text)

    def test_manual_has_every_option_of_every_command(self):
        text = self.manual()
        for command in self.commands():
            section = re.search(rf"^   sfab {command}\n(.*?)(^   sfab |^   Options of all)", text,
                                re.M | re.S).group(1)
            options = self.options(command)
            self.assertLess(EVERYWHERE, options)
            for option in options - EVERYWHERE:
                self.assertIn(option, section, command)
        for option in EVERYWHERE:
            self.assertIn(option, text)

    def test_manual_has_no_option_that_the_tool_lacks(self):
        known = set().union(*(self.options(command) for command in self.commands()))
        self.assertEqual(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", self.manual())) - known, set())

    def test_manual_has_every_key(self):
        self.write("in", b"data")
        os.mkdir(self.path("share"))
        settings = {"FAKE_FABRIC_EID": 10}
        exporter = subprocess.Popen([harness.tool, "export"], env=self.environment(settings),
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(exporter.communicate)
        self.addCleanup(exporter.terminate)
        handle = exporter.stdout.readline().strip()
        text = self.manual()
        for words in [["list"], ["info"], ["port"], ["copy", "in", "accel:0"], ["demo", "in"],
                      ["demo", "--share", "share", "--node", "0", "--nodes", "1", "in"],
                      ["bench", "--size", "4K", "--iterations", "1"],
                      ["bench", "--iterations", "1", "--to", handle],
                      ["link", "list"], ["link", "show", "0:0"], ["link", "history", "0:0"],
                      ["link", "switch", "0:0", "1"], ["link", "test", "0:0", "read"],
                      ["health", "--once"],
                      ["export", "--seconds", "1"], ["stream", "--seconds", "1", "--to", handle]]:
            found = keys(self.ok(*words, "-j", **settings).json)
            self.assertTrue(found)
            for key in found:
                self.assertRegex(text, rf"[\u2018'‘]{key}[\u2019'’]", words)

    def test_manual_is_clean(self):
        done = subprocess.run(["mandoc", "-Tlint", "-Wstyle", MAN], capture_output=True,
                              text=True, check=False)
        # Other pages of ours are not installed where this test runs
        lines = [line for line in done.stdout.splitlines()
                 if "referenced manual not found" not in line]
        self.assertEqual(lines, [])

    def test_completion_offers_the_commands(self):
        self.assertEqual(self.complete(""), set(self.commands()) | EVERYWHERE)
        self.assertEqual(self.complete("co"), {"copy"})

    def test_completion_offers_the_options_of_each_command(self):
        for command in self.commands():
            self.assertEqual(self.complete(command, "--"), self.options(command), command)

    def test_completion_offers_accelerators(self):
        self.assertEqual(self.complete("info", ""), {"0", "1"})
        self.assertEqual(self.complete("bench", "--peer", ""), {"0", "1"})
        self.assertEqual(self.complete("copy", "in", "acc"), {"accel:0", "accel:1"})
        # What stands before a colon is not offered again
        self.assertEqual(self.complete("copy", "in", "accel:"), {"0", "1"})

    def test_completion_offers_links(self):
        self.assertIn("lasers-off", self.complete("link", ""))
        self.assertEqual(self.complete("link", "show", "1:"), {"0", "1"})
        self.assertEqual(self.complete("link", "test", "0:0", "st"), {"start", "stop"})
        self.assertEqual(self.complete("health", "acc"), set())
        self.assertEqual(self.complete("health", ""), {"0", "1", "0:0", "0:1", "1:0", "1:1"})

    def test_completion_offers_tests(self):
        self.assertEqual(self.complete("bench", ""), {"host", "hbm", "peer", "latency", "all"})

    def test_udev_rule_is_well_formed(self):
        rule = os.path.join(TOOLS, "udev/60-sfab.rules")
        done = subprocess.run(["udevadm", "verify", "--no-summary", rule], capture_output=True,
                              text=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
