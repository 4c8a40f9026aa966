# SPDX-License-Identifier: MIT
"""What the demonstration has done on the nodes, and what is read of it while it runs."""

import re
import sys
import threading

import supernode


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


def handle_of(job):
    if not supernode.wait_for(60, lambda: job.out.lines or not job.is_alive(),
                              lambda: "waiting for the handle") or not job.out.lines:
        job.finish()
        raise supernode.Failure(f"'{job.command}' on {job.node} tells no handle")
    return job.out.lines[0]


class Transfer:
    """`sfab stream` from one accelerator to the HBM of another: written, read back, compared."""

    def __init__(self, run, sender, receiver, seconds, show):
        """Ends are (node, accelerator); it ends after `seconds`, or when it is told to."""
        self.run, self.sender = run, sender[0]
        exporter = Job(run, receiver[0], f"sfab export -q -a {receiver[1]} --size 16M "
                       f"--seconds {seconds + 30}", show=False)
        self.job = Job(run, sender[0], "echo $$ >/share/demo/stream.pid; exec sfab stream -q "
                       f"-a {sender[1]} --seconds {seconds} --to {handle_of(exporter)}", show)
        if not supernode.wait_for(60, lambda: self.job.out.lines or not self.job.is_alive(),
                                  lambda: "waiting for the transfer to begin"):
            raise supernode.Failure("the transfer does not begin")

    def pause(self, seconds):
        """Let it go on for a while, unless it ends."""
        self.job.join(seconds)
        if not self.job.is_alive():
            self.job.finish()
            raise supernode.Failure("the transfer ended too early")

    def stop(self):
        self.run.ask(self.sender, "kill -TERM $(cat /share/demo/stream.pid)")
        return self.finish()

    def finish(self):
        """Returns whether all was verified, the failovers and the failbacks; prints the summary."""
        good = self.job.finish()
        failovers, failbacks = self.job.out.count(
            r"stream: .* (\d+) failovers .* (\d+) failbacks")
        say(self.job.out.lines[-1])
        return good, failovers, failbacks
