# SPDX-License-Identifier: MIT
"""Boot a supernode, look after it, and talk to it; see `supernode --help`."""

import argparse
import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import faults
import topology

LAB = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(LAB))
BOOT_SECONDS = 240      # of all nodes, side by side; the host may be busy
LINK_SECONDS = 120
STOP_SECONDS = 60


class Failure(Exception):
    """Says what went wrong, where, and what may help."""


def say(text):
    print(f"supernode: {text}", file=sys.stderr, flush=True)


class Progress:
    """A line now and then for what takes longer than 3 s."""

    def __init__(self):
        self.start = time.monotonic()
        self.next = self.start + 3

    def tell(self, text):
        if time.monotonic() >= self.next:
            say(f"{text} ({time.monotonic() - self.start:.0f} s)")
            self.next = time.monotonic() + 10


def wait_for(seconds, condition, text):
    """Wait until condition() is true; text() tells how far it is."""
    progress, end = Progress(), time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        progress.tell(text())
        time.sleep(0.1)
    return True


class Run:
    """The directory of a supernode that is up, and how to talk to it."""

    def __init__(self, path):
        self.path = os.path.realpath(path)

    def file(self, *names):
        return os.path.join(self.path, *names)

    def read(self, *names):
        with open(self.file(*names), encoding="utf-8") as file:
            return file.read()

    def state(self):
        try:
            return json.loads(self.read("state.json"))
        except FileNotFoundError as error:
            raise Failure(f"no supernode is up in {self.path}: start one with "
                          "'make supernode TOPOLOGY=...'") from error

    def check_node(self, node):
        if node not in self.state()["nodes"]:
            raise Failure(f"there is no node '{node}': choose from "
                          f"{', '.join(self.state()['nodes'])}")

    def is_down(self, node):
        """It was killed, or died. Of the guests of `make shell` nobody keeps that."""
        return os.path.exists(self.file("state.json")) and \
            not os.path.exists(self.file("nodes", node, "alive"))

    def check_up(self, node):
        if self.is_down(node):
            raise Failure(f"{node} is down: 'qemu/lab/supernode boot {node}' starts it")

    # ---- jobs on nodes

    def submit(self, node, command):
        """Give a node a script to run; returns the path of its answers, without endings."""
        self.check_node(node)
        self.check_up(node)
        handle, path = tempfile.mkstemp(prefix="job-", suffix=".new", dir=self.file("jobs", node))
        with os.fdopen(handle, "w") as file:
            file.write(command + "\n")
        base = path.removesuffix(".new")
        os.rename(path, base + ".job")
        return base

    def follow(self, node, base, out):
        """Copy the outputs of a job as they come; returns its status."""
        files = [open_when_there(base + ending) for ending in (".out", ".err")]
        while True:
            ended = os.path.exists(base + ".status")
            alive = os.path.exists(self.file("nodes", node, "alive"))
            for index, stream in enumerate(out):
                files[index] = files[index] or open_when_there(base + (".out", ".err")[index])
                if files[index]:
                    shutil.copyfileobj(files[index], stream)
                    stream.flush()
            if ended:
                with open(base + ".status", encoding="ascii") as file:
                    return int(file.read())
            if not alive:
                if os.path.exists(base + ".job"):
                    self.check_up(node)     # nobody has begun it
                raise Failure(f"{node} went down while it ran a command; its console: "
                              f"{self.file('nodes', node, 'console.log')}")
            time.sleep(0.05)

    def run(self, node, command, out=None):
        base = self.submit(node, command)
        return self.follow(node, base, out or (sys.stdout.buffer, sys.stderr.buffer))

    def ask(self, node, command, allowed=(0,)):
        """Run a command that has to succeed; returns what it printed."""
        base = self.submit(node, command)
        with open(os.devnull, "wb") as nothing:
            status = self.follow(node, base, (nothing, nothing))
        if status not in allowed:
            with open(base + ".err", encoding="utf-8", errors="replace") as file:
                raise Failure(f"'{command}' on {node} ended with status {status}: {file.read()}")
        with open(base + ".out", encoding="utf-8") as file:
            return file.read()

    # ---- QEMU

    def qmp(self, node, command, **arguments):
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(10)
            try:
                link.connect(self.file("nodes", node, "qmp.sock"))
                answer = self.converse(link, command, arguments)
            except OSError as error:
                self.check_up(node)
                raise Failure(f"{node}: its QEMU does not answer: {error}") from error
            if "error" in answer:
                raise Failure(f"{node}: QEMU refuses {command}: {answer['error']}")
            return answer["return"]

    @staticmethod
    def converse(link, command, arguments):
        stream = link.makefile("rw")
        stream.readline()
        for request in ({"execute": "qmp_capabilities"},
                        {"execute": command, "arguments": arguments}):
            stream.write(json.dumps(request) + "\n")
            stream.flush()
            while True:
                answer = json.loads(stream.readline() or '{"error": "QEMU has gone"}')
                if "return" in answer or "error" in answer:
                    break
        return answer

    # ---- faults

    def topology(self):
        try:
            return topology.read_file(self.file("topology"))
        except topology.Error as error:
            raise Failure(f"no supernode is up in {self.path}: start one with "
                          "'make supernode TOPOLOGY=...'") from error

    def inject(self, fault):
        """Do what faults.py made of a line; `fault` may be the line itself, without its time."""
        if isinstance(fault, str):
            fault = faults.now(fault, self.topology())
        if fault.settings[0].property == "cut":
            self.set_at_either(fault.settings)
            return
        # Of what else happens to a fibre each end has its part: both, or none.
        for setting in fault.settings:
            self.check_up(setting.node)
        for setting in fault.settings:
            self.set(setting)

    def set(self, setting):
        self.qmp(setting.node, "qom-set", path=setting.path, property=setting.property,
                 value=setting.value)

    def set_at_either(self, settings):
        """Where a QEMU answers: one end is enough to cut a fibre, and who starts has cut none."""
        failures = []
        for setting in settings:
            try:
                self.set(setting)
            except Failure as error:
                failures.append(error)
        if len(failures) == len(settings):
            raise failures[0]

    def set_cut(self, name, cut):
        self.inject(f"fibre {name} {'cut' if cut else 'mend'}")


def open_when_there(path):
    try:
        return open(path, "rb")
    except FileNotFoundError:
        return None


class Schedule:
    """The faults of a script, as their times come; faults.log has the times when they came."""

    def __init__(self, run, script):
        self.run, self.todo, self.failed = run, list(script), 0
        self.began = time.monotonic()

    def follow(self):
        while self.todo and self.todo[0].at <= time.monotonic() - self.began:
            self.inject(self.todo.pop(0))

    def inject(self, fault):
        try:
            self.run.inject(fault)
            verdict = "done"
        except (Failure, OSError, ValueError) as error:
            self.failed += 1
            verdict = f"FAILED: {error}"
        line = f"{fault.at:.3f} s, at {time.monotonic() - self.began:.3f} s: {fault.text}: {verdict}"
        say(line)
        with open(self.run.file("faults.log"), "a", encoding="utf-8") as log:
            log.write(line + "\n")

    def end(self):
        """Returns whether all that was to happen has happened; what is left was not to be."""
        if self.todo:
            say(f"it ended before {len(self.todo)} faults of the script, the first at "
                f"{self.todo[0].at:g} s: {self.todo[0].text}")
        return not self.failed


class Supernode:
    """All processes of a supernode."""

    def __init__(self, made, options):
        self.made, self.options = made, options
        self.run = Run(options.run)
        self.eids = made.all_eids()
        self.processes = {}     # name: Popen
        self.fibres = []

    # ---- what the parts are started with

    def lay_fibres(self):
        for number, (a, b) in enumerate(self.made.fibres):
            self.fibres.append({"name": f"fibre{number}", "ends": [str(a), str(b)],
                                "owners": [a.owner, b.owner]})

    def socket_of(self, fibre):
        return self.run.file("f", fibre["name"][5:])

    def node_arguments(self, node):
        """QEMU's arguments for the accelerators of a node and the fibres at them."""
        arguments, ports = [], {}
        for (a, b), fibre in zip(self.made.fibres, self.fibres):
            inside = a.owner == b.owner
            for end, server in ((a, True), (b, False)):
                if end.owner != node:
                    continue
                ports.setdefault(end.accel, []).append(
                    f"port{end.port}-path{end.path}={fibre['name']}")
                if not inside:
                    arguments += ["-object", f"sfab-fibre,id={fibre['name']},"
                                  f"path={self.socket_of(fibre)},server={'on' if server else 'off'}"]
            if inside and a.owner == node:
                arguments += ["-object", f"sfab-fibre,id={fibre['name']}"]
        settings = self.made.settings
        for accel in range(self.made.nodes[node]):
            arguments += [
                "-device", f"pcie-root-port,id=port{accel},chassis={accel + 1},slot={accel + 1}",
                "-object", f"memory-backend-memfd,id=hbm{accel},size={settings['hbm']},share=on",
                "-device", ",".join([
                    f"sfab-accel,id=accel{accel},bus=port{accel},hbmdev=hbm{accel}",
                    f"uuid={self.made.uuid_of(f'{node}.{accel}')}",
                    f"ports={settings['ports']},paths={settings['paths']}",
                    f"rate-scale={settings['rate-scale']},x-seed={self.options.seed}",
                    *ports.get(accel, [])])]
        arguments += ["-chardev", f"socket,id=shell,path={self.run.file('nodes', node, 'console')},"
                      "server=on,wait=off", "-device", "virtconsole,chardev=shell"]
        return arguments

    def start_node(self, node):
        place = self.run.file("nodes", node)
        jobs = self.run.file("jobs", node)
        shutil.rmtree(jobs, ignore_errors=True)
        os.makedirs(jobs)
        os.makedirs(place, exist_ok=True)
        number = list(self.made.nodes).index(node)
        command = [f"{LAB}/guest", "--kernel", self.options.kernel, "--accels", "0", "--smp", "1",
                   "--mem", self.made.settings["mem"], "--iommu", self.options.iommu,
                   "--share", self.run.file("share"), "--run", place, "--name", node,
                   "--timeout", str(self.options.timeout), "--log", f"{place}/console.log"]
        for argument in self.node_arguments(node) + self.options.qemu_args.get(node, []):
            command += ["--qemu-arg", argument]
        command += ["--", f"{LAB}/node-agent", f"/share/.jobs/{node}"]
        with open(f"{place}/guest.log", "ab") as log:
            self.processes[node] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *command], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
                env={**os.environ, "SFAB_NODE": str(number)})
        with open(f"{place}/alive", "w", encoding="ascii"):
            pass

    def start_switch(self, switch):
        command = [f"{REPO}/build/switch/sfab-switch", "--pdeathsig", "--name", switch, "--ports",
                   str(self.made.switches[switch]), "--uuid", self.made.uuid_of(switch),
                   "--rate-scale", self.made.settings["rate-scale"]]
        for (a, b), fibre in zip(self.made.fibres, self.fibres):
            for end, role in ((a, "server"), (b, "client")):
                if end.owner == switch:
                    command += ["--fibre", f"{end.port},{fibre['name']},{role},"
                                f"{self.socket_of(fibre)}"]
        with open(self.run.file(f"{switch}.log"), "ab") as log:
            self.processes[switch] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    # ---- the life of it

    def prepare(self):
        for name in ("f", "nodes", "share"):
            os.makedirs(self.run.file(name))
        os.makedirs(self.run.file("share", ".jobs"))
        os.symlink("share/.jobs", self.run.file("jobs"))
        self.lay_fibres()
        longest = max((self.socket_of(fibre) for fibre in self.fibres), key=len, default="")
        if len(longest) > 107:
            raise Failure(f"'{longest}' is too long for a socket: choose a shorter --run")
        with open(self.run.file("share", "eids"), "w", encoding="ascii") as file:
            for device, eid in self.eids.items():
                file.write(f"{self.made.uuid_of(device)} {eid}\n")
        with open(self.run.file("topology"), "w", encoding="ascii") as file:
            file.write(self.made.text())
        with open(self.run.file("state.json"), "w", encoding="ascii") as file:
            json.dump({"nodes": list(self.made.nodes), "switches": list(self.made.switches),
                       "fibres": self.fibres, "eids": self.eids, "pid": os.getpid()}, file)

    def check_alive(self):
        for name, process in list(self.processes.items()):
            if process.poll() is None:
                continue
            log = self.run.file("nodes", name, "guest.log") if name in self.made.nodes else \
                self.run.file(f"{name}.log")
            with open(log, encoding="utf-8", errors="replace") as file:
                tail = "".join(file.readlines()[-15:])
            raise Failure(f"{name} ended with status {process.returncode}:\n{tail}"
                          f"the whole log: {log}")

    def is_ready(self, node):
        return os.path.exists(self.run.file("jobs", node, "ready"))

    def wait_ready(self, nodes):
        def condition():
            self.check_alive()
            return all(self.is_ready(node) for node in nodes)

        def text():
            return f"booting: {sum(map(self.is_ready, nodes))} of {len(nodes)} nodes are up"
        if not wait_for(BOOT_SECONDS, condition, text):
            late = [node for node in nodes if not self.is_ready(node)]
            raise Failure(f"{', '.join(late)} not up after {BOOT_SECONDS} s; consoles: "
                          f"{self.run.file('nodes')}/NODE/console.log")

    def program(self):
        """EIDs and routes of all devices, from the first node, in band."""
        node = next(iter(self.made.nodes))
        command = shlex.join([
            "sfab", "fabric", "program", "--eids", "/share/eids",
            "--expect-devices", str(len(self.made.devices())),
            "--expect-links", str(len(self.made.lit())), "--wait", str(LINK_SECONDS)])
        base = self.run.submit(node, command)
        answered = wait_for(LINK_SECONDS + 120, lambda: os.path.exists(base + ".status"),
                            lambda: "waiting for links, programming routes")
        status = self.run.follow(node, base, (sys.stderr.buffer, sys.stderr.buffer)) \
            if answered else None
        if status != 0:
            raise Failure(f"'{command}' on {node} " +
                          (f"ended with status {status}" if answered else "does not end"))

    def up(self):
        start = time.monotonic()
        say(f"starting {len(self.made.nodes)} nodes with {len(self.made.accelerators())} "
            f"accelerators of {self.made.settings['hbm']} HBM, {len(self.made.switches)} switches, "
            f"{len(self.fibres)} fibres in {self.run.path}")
        for switch in self.made.switches:
            self.start_switch(switch)
        for node in self.made.nodes:
            self.start_node(node)
        self.wait_ready(list(self.made.nodes))
        say(f"all nodes are up after {time.monotonic() - start:.0f} s")
        if self.options.program:
            self.program()
            say(f"the fabric is up after {time.monotonic() - start:.0f} s")

    def look_after(self):
        """Do what `supernode kill` and `boot` ask for, notice what dies by itself."""
        for request in os.listdir(self.run.file("nodes")):
            wanted = self.run.file("nodes", request, "boot")
            process = self.processes[request]
            if process.poll() is not None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.run.file("nodes", request, "alive"))
            if os.path.exists(wanted) and process.poll() is not None:
                os.unlink(wanted)
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.run.file("nodes", request, "killed"))
                self.start_node(request)

    def down(self):
        """End everything; returns what the guests complained of."""
        progress, complaints, early = Progress(), [], set()
        for node in self.made.nodes:
            with contextlib.suppress(OSError), \
                    open(self.run.file("jobs", node, "stop"), "w", encoding="ascii"):
                pass
            if node in self.processes and not self.is_ready(node):
                # It boots, and would look there only when it is up.
                early.add(node)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.processes[node].pid, signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        nodes = [(n, p) for n, p in self.processes.items() if n in self.made.nodes]
        while any(p.poll() is None for _, p in nodes) and time.monotonic() < end:
            progress.tell("stopping the nodes")
            time.sleep(0.1)
        for name, process in self.processes.items():
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
        for name, process in self.processes.items():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            killed = os.path.exists(self.run.file("nodes", name, "killed"))
            if process.returncode and not killed and name not in early:
                complaints.append(name)
        return complaints


# ---- commands

def user_command(command, run):
    """Run the command of `up`, which finds the supernode by itself."""
    return subprocess.Popen(command, env={**os.environ, "SFAB_SUPERNODE": run})


def stay(supernode, command, schedule):
    child = user_command(command, supernode.run.path) if command else None
    if not child:
        say(f"run a command on a node:  qemu/lab/supernode run "
            f"{next(iter(supernode.made.nodes))} sfab list")
        say("a shell there:            qemu/lab/supernode console NODE")
        say("Ctrl-C ends it")
    end = time.monotonic() + supernode.options.timeout
    try:
        while not child or child.poll() is None:
            supernode.look_after()
            schedule.follow()
            if time.monotonic() > end:
                raise Failure(f"not done within {supernode.options.timeout} s (--timeout)")
            time.sleep(0.05)
        return child.returncode
    finally:
        if child and child.poll() is None:
            child.terminate()
            child.wait()


def by_node(words, nodes):
    """NODE=ARG words as lists of arguments."""
    result = {}
    for word in words:
        node, _, argument = word.partition("=")
        if node not in nodes or not argument:
            raise Failure(f"--qemu-arg {word}: write NODE=ARG; the nodes are {', '.join(nodes)}")
        result.setdefault(node, []).append(argument)
    return result


def interrupt(_number, _frame):
    raise KeyboardInterrupt


def up(options):
    made = topology.load(options.topology)
    options.qemu_args = by_node(options.qemu_args, made.nodes)
    script = faults.read_file(options.faults, made, options.seed) if options.faults else []
    link = os.path.join(REPO, "build", "supernode")
    if not options.run:
        options.run = tempfile.mkdtemp(prefix="sfab-sn.", dir="/tmp")
        os.makedirs(os.path.dirname(link), exist_ok=True)
        if os.path.lexists(link) and os.path.exists(os.path.join(link, "state.json")):
            with contextlib.suppress(OSError, KeyError, ValueError):
                os.kill(Run(link).state()["pid"], 0)
                raise Failure(f"another supernode is up in {os.path.realpath(link)}: end it, or "
                              "give this one a --run DIR of its own")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(link)
        os.symlink(options.run, link)
    elif os.path.exists(os.path.join(options.run, "state.json")):
        raise Failure(f"{options.run} is that of another supernode: remove it, or choose another")
    supernode = Supernode(made, options)
    schedule = Schedule(supernode.run, script)
    status = 1
    signal.signal(signal.SIGTERM, interrupt)
    try:
        supernode.prepare()
        supernode.up()
        schedule.began = time.monotonic()
        status = stay(supernode, options.command, schedule)
    except KeyboardInterrupt:
        say("ending")
        status = 0 if not options.command else 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        complaints = supernode.down()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(supernode.run.file("state.json"))
    if not schedule.end():
        status = status or 1
    if complaints:
        for name in complaints:
            log = supernode.run.file("nodes", name, "guest.log") if name in made.nodes else \
                supernode.run.file(f"{name}.log")
            say(f"{name} did not end well:")
            with open(log, encoding="utf-8", errors="replace") as file:
                sys.stderr.write("".join("    " + line for line in file.readlines()[-20:]))
        status = status or 1
    if status == 0:
        shutil.rmtree(supernode.run.path, ignore_errors=True)
        if os.path.realpath(link) == supernode.run.path:
            os.unlink(link)
    else:
        say(f"the logs are in {supernode.run.path}")
    return status


def kill(run, node):
    run.check_node(node)
    for name in ("killed",):
        with open(run.file("nodes", node, name), "w", encoding="ascii"):
            pass
    with contextlib.suppress(Failure, OSError, ValueError):
        run.qmp(node, "quit")
    alive = run.file("nodes", node, "alive")
    if not wait_for(20, lambda: not os.path.exists(alive), lambda: f"ending {node}"):
        raise Failure(f"{node} does not end")


def boot(run, node):
    run.check_node(node)
    if os.path.exists(run.file("nodes", node, "alive")):
        raise Failure(f"{node} is up: kill it first")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(run.file("jobs", node, "ready"))
    with open(run.file("nodes", node, "boot"), "w", encoding="ascii"):
        pass
    if not wait_for(BOOT_SECONDS, lambda: os.path.exists(run.file("jobs", node, "ready")),
                    lambda: f"booting {node}"):
        raise Failure(f"{node} is not up after {BOOT_SECONDS} s; its console: "
                      f"{run.file('nodes', node, 'console.log')}")


def console(run, node):
    run.check_node(node)
    run.check_up(node)
    say("Ctrl-] ends it")
    return subprocess.call(["socat", "STDIO,raw,echo=0,escape=0x1d",
                            f"UNIX-CONNECT:{run.file('nodes', node, 'console')}"])


def status(run):
    state = run.state()
    for node in state["nodes"]:
        alive = os.path.exists(run.file("nodes", node, "alive"))
        print(f"{node:12} {'up' if alive else 'down'}")
    for fibre in state["fibres"]:
        print(f"{fibre['name']:12} {fibre['ends'][0]} - {fibre['ends'][1]}")


def usual_run(action):
    """That of the supernode that is up; faults happen to the guests of `make shell` as well."""
    names = ("supernode", "shell") if action == "inject" else ("supernode",)
    places = [os.path.join(REPO, "build", name) for name in names]
    # One that has failed is kept without its state: nothing can happen to it any more
    files = [os.path.join(places[0], "state.json"), *places[1:]]
    return next((place for place, file in zip(places, files) if os.path.exists(file)), places[0])


def parse():
    parser = argparse.ArgumentParser(prog="supernode", add_help=False, allow_abbrev=False)
    commands = parser.add_subparsers(dest="action", required=True)
    start = commands.add_parser("up", add_help=False)
    start.add_argument("topology")
    start.add_argument("--kernel", default="distro", choices=["distro", "second", "debug"])
    start.add_argument("--iommu", default="none", choices=["none", "intel"])
    start.add_argument("--timeout", type=int, default=86400)
    start.add_argument("--no-program", dest="program", action="store_false")
    start.add_argument("--run")
    start.add_argument("--qemu-arg", dest="qemu_args", action="append", default=[])
    start.add_argument("--faults")
    start.add_argument("--seed", type=int, default=1)
    for name, words in (("run", ["node"]), ("console", ["node"]), ("cut", ["fibre"]),
                        ("mend", ["fibre"]), ("inject", ["fault"]), ("kill", ["node"]), ("boot", ["node"]),
                        ("status", [])):
        command = commands.add_parser(name, add_help=False)
        command.add_argument("--run", default=os.environ.get("SFAB_SUPERNODE", usual_run(name)))
        for word in words:
            command.add_argument(word, nargs="+" if word == "fault" else None)
        if name == "run":
            command.add_argument("command", nargs=argparse.REMAINDER)
    words = sys.argv[1:]
    tail = []
    if words[:1] == ["up"] and "--" in words:
        tail = words[words.index("--") + 1:]
        words = words[:words.index("--")]
    options = parser.parse_args(words)
    if options.action == "up":
        options.command = tail
    return options


def main():
    options = parse()
    if options.action == "up":
        return up(options)
    run = Run(options.run)
    if options.action == "run":
        if not options.command:
            raise Failure("which command? supernode run NODE CMD [ARG]...")
        return run.run(options.node, shlex.join(options.command))
    if options.action == "console":
        return console(run, options.node)
    if options.action in ("cut", "mend"):
        run.set_cut(options.fibre, options.action == "cut")
    elif options.action == "inject":
        run.inject(" ".join(options.fault))
    elif options.action == "kill":
        kill(run, options.node)
    elif options.action == "boot":
        boot(run, options.node)
    else:
        status(run)
    return 0


def start():
    """Returns the exit status."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return main()
    except KeyboardInterrupt:
        return 130
    except (Failure, topology.Error) as error:
        print(f"supernode: error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(start())
