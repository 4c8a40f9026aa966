# SPDX-License-Identifier: MIT
"""Interrupt supernodes at odd moments of their lives, as Ctrl-C does; prints TAP.

All that they started has to end, and soon; so has what they wrote to be gone.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(HERE))
# Seconds after the start, while scripts look around; or what it has just said.
MOMENTS = (0.1, 1, "starting", "booting", "all nodes are up", "the fabric is up")
BOOT_SECONDS = 240
END_SECONDS = 60


def started(place):
    """Processes that know the directory of the supernode."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if place in line:
            found.append(f"{pid} {line[:100]}")
    return found


def wait_for(moment, log):
    """Returns whether it has come."""
    if not isinstance(moment, str):
        time.sleep(moment)
        return True
    end = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < end:
        with open(log, encoding="utf-8") as file:
            if moment in file.read():
                return True
        time.sleep(0.05)
    return False


def interrupt_at(moment, place, log):
    """What is wrong then, or nothing."""
    with open(log, "w", encoding="utf-8") as out, subprocess.Popen(
            [f"{REPO}/qemu/lab/supernode", "up", "ring:2x1,hbm=64M,mem=768M", "--run", place],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            # Not in our group: whoever presses Ctrl-C does so for all of the group.
            start_new_session=True) as process:
        came = wait_for(moment, log)
        os.killpg(process.pid, signal.SIGINT)
        begun = time.monotonic()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            left = started(place)
            process.kill()
            return f"it has not ended after {END_SECONDS} s; what runs: {left}"
    print(f"# ended after {time.monotonic() - begun:.1f} s with status {process.returncode}")
    time.sleep(0.5)
    with open(log, encoding="utf-8") as file:
        said = file.read()
    if not came or "Traceback" in said or process.returncode not in (0, 130, -signal.SIGINT):
        return f"status {process.returncode}; it said: {said}"
    if started(place):
        return f"what it started still runs: {started(place)}; it said: {said}"
    if os.path.exists(place):
        return f"its directory is still there: {os.listdir(place)}; it said: {said}"
    return ""


def main():
    failed = 0
    print(f"1..{len(MOMENTS)}", flush=True)
    for number, moment in enumerate(MOMENTS, 1):
        with tempfile.TemporaryDirectory(prefix="sfab-int.", dir="/tmp") as folder:
            wrong = interrupt_at(moment, os.path.join(folder, "run"), os.path.join(folder, "log"))
        failed += bool(wrong)
        for line in wrong.splitlines():
            print(f"# {line}")
        print(f"{'not ok' if wrong else 'ok'} {number} - supernode: interrupted at {moment}",
              flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
