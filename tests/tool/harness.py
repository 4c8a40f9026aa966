# SPDX-License-Identifier: MIT
"""Runs the tool and looks at what it says; runs tests and prints TAP."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

tool = "sfab"  # the program under test, set by run()
BOUND = 120  # seconds that a test may take


class Result:
    """How a run of the tool ended."""

    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"status {self.status}\n--- out\n{self.out}--- err\n{self.err}---"


class ToolTest(unittest.TestCase):
    """A test case with a directory of its own, in which the tool runs."""

    def setUp(self):
        signal.signal(signal.SIGALRM, self._too_long)
        signal.alarm(BOUND)
        self.addCleanup(signal.alarm, 0)
        self.dir = tempfile.mkdtemp(prefix="sfab-tool-")
        self.addCleanup(shutil.rmtree, self.dir)

    @staticmethod
    def _too_long(*_):
        raise TimeoutError(f"the test did not end within {BOUND} s")

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def environment(self, settings):
        return {**os.environ, "LC_ALL": "C", **{k: str(v) for k, v in settings.items()}}

    def sfab(self, *words, before=(), **settings):
        """Run the tool; settings are environment variables."""
        return Result(subprocess.run(
            [*before, tool, *words], cwd=self.dir, env=self.environment(settings),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False))

    def ok(self, *words, **settings):
        result = self.sfab(*words, **settings)
        self.assertEqual(result.status, 0, result)
        return result

    def refused(self, *words, says, status=1, **settings):
        """The tool fails, and its message contains every text of `says`."""
        result = self.sfab(*words, **settings)
        self.assertEqual(result.status, status, result)
        for text in [says] if isinstance(says, str) else says:
            self.assertIn(text, result.err, result)
        self.assertTrue(result.err.startswith("sfab"), result)
        return result

    def files(self):
        return sorted(os.listdir(self.dir))


class LinkTest(ToolTest):
    """A test case on a node with links."""

    def link(self, name):
        return self.ok("link", "show", "-j", name).json

    def until_up(self, name):
        for _ in range(50):
            if self.link(name)["state"] == "up":
                return
            time.sleep(0.1)
        self.fail(f"{name} does not come up")

    @staticmethod
    def name_of(link):
        """sfab_linkN of ACCELERATOR:PORT."""
        accel, port = link.split(":")
        device = os.path.realpath(f"/sys/class/accel/accel{accel}/device")
        names = []
        for name in os.listdir(f"{device}/sfab_link"):
            with open(f"{device}/sfab_link/{name}/port", encoding="ascii") as file:
                if file.read().strip() == port:
                    names.append(name)
        return names[0]


class Tap(unittest.TestResult):
    """Prints a TAP line for every test."""

    number = 0

    def _line(self, result, test, detail="", directive=""):
        self.number += 1
        module, group, name = test.id().rsplit(".", 2)
        print(f"{result} {self.number} - {module.removeprefix('test_')}: {group}: "
              f"{name.removeprefix('test_')}{directive}")
        for line in detail.rstrip().splitlines():
            print(f"# {line}")
        sys.stdout.flush()

    def addSuccess(self, test):
        super().addSuccess(test)
        self._line("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._line("not ok", test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self._line("not ok", test, self.errors[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line("ok", test, directive=f" # SKIP {reason}")

    def addSubTest(self, test, subtest, err):
        raise NotImplementedError("a sub-test is no test point; make it a test")


def run(directory, description):
    """The command line of a folder of tests."""
    global tool
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--tool", default="sfab", metavar="PATH", help="the program to test")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN",
                        help="only tests whose name contains one of them")
    options = parser.parse_args()

    tool = shutil.which(options.tool)
    if not tool:
        parser.error(f"{options.tool} is not an executable; build it with 'make'")
    tool = os.path.abspath(tool)
    loader = unittest.TestLoader()
    if options.patterns:
        loader.testNamePatterns = [f"*{pattern}*" for pattern in options.patterns]
    suite = loader.discover(directory, pattern="test_*.py")
    if loader.errors:
        print("\n".join(loader.errors), file=sys.stderr)
        return 1

    print("TAP version 13")
    print(f"1..{suite.countTestCases()}", flush=True)
    result = Tap()
    suite.run(result)
    return 0 if result.wasSuccessful() and result.testsRun else 1
