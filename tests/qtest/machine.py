# SPDX-License-Identifier: MIT
"""A QEMU process that tests drive from outside: qtest, QMP and shared memory.

Guest RAM and HBM are memfds that QEMU and the test share, so a test sees and
fills memory without going through QEMU. The bus, registers and MMIO do go
through it, by the qtest protocol.
"""

import json
import mmap
import os
import shutil
import socket
import subprocess
import tempfile
import time

MiB = 1 << 20
GiB = 1 << 30

# How long anything may take that ought to happen soon, on a loaded machine.
PATIENCE = float(os.environ.get("SFAB_QTEST_PATIENCE", "30"))

qemu_binary = None  # set by ./run


# Firmware of 64 KiB: the reset vector jumps back to 16 bytes of code.
HALT = bytes.fromhex("f4ebfd")              # hlt; jmp hlt
COUNT = bytes.fromhex("66ff060005ebf9")     # inc dword [COUNT_AT]; jmp
COUNT_AT = 0x500


def firmware(folder, code):
    path = os.path.join(folder, "firmware")
    image = bytearray(65536)
    image[0xffe0:0xffe0 + len(code)] = code
    image[0xfff0:0xfff2] = bytes.fromhex("ebee")
    with open(path, "wb") as file:
        file.write(image)
    return path


class QmpError(Exception):
    """QEMU has refused a QMP command."""


def until(condition, what, timeout=PATIENCE, pause=0.001):
    """Wait for condition() to be true, and return what it returned."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {timeout} s")
        time.sleep(pause)


class Memory:
    """Memory that QEMU and the test share."""

    def __init__(self, name, size):
        self.name, self.size = name, size
        self.fd = os.memfd_create(name, 0)
        os.ftruncate(self.fd, size)
        self.map = mmap.mmap(self.fd, size)

    def backend(self):
        """The QEMU option that makes it the memory backend of its name."""
        return ["-object", f"memory-backend-file,id={self.name},share=on,"
                           f"mem-path=/proc/self/fd/{self.fd},size={self.size}"]

    def read(self, offset, size):
        return self.map[offset:offset + size]

    def write(self, offset, data):
        self.map[offset:offset + len(data)] = data

    def u32(self, offset):
        return int.from_bytes(self.map[offset:offset + 4], "little")

    def u64(self, offset):
        return int.from_bytes(self.map[offset:offset + 8], "little")

    def set_u32(self, offset, value):
        self.map[offset:offset + 4] = value.to_bytes(4, "little")

    def set_u64(self, offset, value):
        self.map[offset:offset + 8] = value.to_bytes(8, "little")

    def close(self):
        self.map.close()
        os.close(self.fd)


class Line:
    """A socket to QEMU that carries lines of text."""

    def __init__(self, connection):
        self.socket = connection
        self.rest = b""

    def send(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def receive(self, timeout=PATIENCE):
        self.socket.settimeout(timeout)
        while b"\n" not in self.rest:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionError:
                data = b""
            if not data:
                raise AssertionError("QEMU has closed the connection")
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def close(self):
        self.socket.close()


class Machine:
    """One QEMU. Use as a context manager, or call close()."""

    def __init__(self, args, memories=(), accel="qtest", run=True, code=HALT):
        self.memories = list(memories)
        self.folder = tempfile.mkdtemp(prefix="sfab-qtest-")
        self.log_path = os.path.join(self.folder, "log")
        self.trace_path = os.path.join(self.folder, "trace")
        self.events = []
        self.may_fail = False
        listeners = [self._listen("qtest"), self._listen("qmp")]
        command = [qemu_binary, "-accel", accel, "-nodefaults", "-display", "none",
                   "-name", "debug-threads=on", "-global", "apic-common.vapic=off", "-bios", firmware(self.folder, code), "-qtest", f"unix:{self.folder}/qtest", "-qtest-log", "/dev/null",
                   "-qmp", f"unix:{self.folder}/qmp",
                   "-d", "guest_errors", "-D", self.trace_path]
        if not run:
            command += ["-S"]
        for memory in self.memories:
            command += memory.backend()
        with open(self.log_path, "wb") as log:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen(
                command + list(args), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=[memory.fd for memory in self.memories])
        try:
            self.qtest, self.qmp_line = [self._accept(each) for each in listeners]
            self.qmp_line.receive()
            self.qmp("qmp_capabilities")
        except BaseException:
            self.kill(keep_log=True)
            raise
        finally:
            for each in listeners:
                each.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            self.kill(keep_log=True)
        elif self.alive() or not self.may_fail:
            self.close()
        else:
            self._clean()

    def _listen(self, name):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.path.join(self.folder, name))
        listener.listen(1)
        listener.settimeout(0.1)
        return listener

    def _accept(self, listener):
        def attempt():
            if self.process.poll() is not None:
                raise AssertionError(f"QEMU ended with {self.process.returncode}: {self.log()}")
            try:
                return Line(listener.accept()[0])
            except TimeoutError:
                return None
        return until(attempt, "QEMU connects")

    def log(self):
        """What QEMU has printed."""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def guest_errors(self):
        """The lines that -d guest_errors has logged."""
        if not os.path.exists(self.trace_path):
            return []
        with open(self.trace_path, encoding="utf-8", errors="replace") as log:
            return log.read().splitlines()

    def alive(self):
        return self.process.poll() is None

    def expect_failure(self):
        """This QEMU has ended with an error, as it should."""
        assert self.process.wait(PATIENCE) == 1, f"status {self.process.returncode}: {self.log()}"
        self.may_fail = True

    def close(self):
        """End QEMU the orderly way; a crash or a complaint is an error."""
        try:
            self.qmp("quit")
        except (AssertionError, OSError):
            pass    # it may be faster than its answer
        self.wait()

    def wait(self):
        """Wait until QEMU has ended by itself, and check that it ended well."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("QEMU did not end") from None
        log = self.log()
        self._clean()
        assert status == 0, f"QEMU ended with status {status}: {log}"

    def threads(self, name):
        """The ids of the threads with this name."""
        found = []
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{thread}/comm", encoding="ascii") as comm:
                if comm.read().strip() == name:
                    found.append(int(thread))
        return found

    def cpu_time(self):
        """What QEMU has used, in hundredths of a second."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            return sum(int(word) for word in stat.read().rsplit(")", 1)[1].split()[11:13])

    def kill(self, keep_log=False):
        if self.alive():
            self.process.kill()
        self.process.wait()
        if keep_log and self.log().strip():
            print("".join(f"# qemu: {line}\n" for line in self.log().splitlines()), end="")
        self._clean()

    def _clean(self):
        for line in (getattr(self, "qtest", None), getattr(self, "qmp_line", None)):
            if line:
                line.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # QMP

    def qmp(self, command, **arguments):
        self.qmp_send(command, **arguments)
        return self.qmp_answer()

    def qmp_send(self, command, **arguments):
        names = {name.replace("_", "-"): value for name, value in arguments.items()}
        self.qmp_line.send(json.dumps({"execute": command, "arguments": names}))

    def qmp_answer(self, timeout=PATIENCE):
        while True:
            answer = json.loads(self.qmp_line.receive(timeout))
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise QmpError(answer["error"]["desc"])
            else:
                return answer["return"]

    def wait_event(self, name, timeout=PATIENCE):
        while True:
            for event in self.events:
                if event["event"] == name:
                    self.events.remove(event)
                    return event
            answer = json.loads(self.qmp_line.receive(timeout))
            assert "event" in answer, answer
            self.events.append(answer)

    def hmp(self, line):
        return self.qmp("human-monitor-command", command_line=line)

    # qtest

    def ask(self, request):
        self.qtest.send(request)
        while True:
            words = self.qtest.receive().split()
            if words[0] == "OK":
                return words[1:]
            assert words[0] == "IRQ", f"{request}: {words}"

    def read(self, address, size):
        """One MMIO or memory read of 1, 2, 4 or 8 bytes."""
        width = {1: "b", 2: "w", 4: "l", 8: "q"}[size]
        return int(self.ask(f"read{width} {address:#x}")[0], 0)

    def write(self, address, value, size):
        width = {1: "b", 2: "w", 4: "l", 8: "q"}[size]
        self.ask(f"write{width} {address:#x} {value:#x}")

    def read_bytes(self, address, size):
        return bytes.fromhex(self.ask(f"read {address:#x} {size:#x}")[0][2:])

    def write_bytes(self, address, data):
        self.ask(f"write {address:#x} {len(data):#x} 0x{data.hex()}")

    def out32(self, port, value):
        self.ask(f"outl {port:#x} {value:#x}")

    def clock(self, ns=None):
        """Step QEMU_CLOCK_VIRTUAL; under -accel qtest nothing else moves it."""
        return int(self.ask("clock_step" + (f" {ns}" if ns is not None else ""))[0])


def refuse(args, memories=()):
    """Start a QEMU that has to refuse its arguments; return what it says."""
    with tempfile.TemporaryDirectory(prefix="sfab-qtest-") as folder:
        command = [qemu_binary, "-accel", "qtest", "-machine", "q35", "-nodefaults",
                   "-display", "none", "-bios", firmware(folder, HALT), "-S"]
        for memory in memories:
            command += memory.backend()
        done = subprocess.run(command + list(args), stdin=subprocess.DEVNULL, check=False,
                              capture_output=True, timeout=PATIENCE, text=True,
                              pass_fds=[memory.fd for memory in memories])
    assert done.returncode == 1, f"status {done.returncode}: {done.stdout}{done.stderr}"
    return done.stderr
