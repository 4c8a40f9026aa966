# SPDX-License-Identifier: MIT
"""Supernodes as text: the file format, generators, and what is wrong with a file.

A file has one statement a line; # begins a comment:

    set KEY=VALUE...              ports, paths, hbm, mem, rate-scale of all accelerators and nodes;
                                  without hbm= they have 256M, or less if the machine lacks memory
    node NAME accels=N            a virtual machine; its accelerators are NAME.0 to NAME.(N-1)
    switch NAME ports=N           a packet switch
    fibre END END                 END is NAME.A:PORT[/PATH] of an accelerator, NAME:PORT of a switch
    eid NAME.A N                  the EID that this accelerator shall have (1 to 4095)

Instead of a file, a generator:

    ring:N[xA][,hops=K][,rails=R] N accelerators (or N nodes of A) in R parallel rings: rail r is
         [,spares=S]              port 2r to the right, 2r + 1 to the left; light path k - 1 of each
                                  leads to the k-th neighbour, S more ones to the first as well
    mesh:N                        every one of N accelerators joined to every other
    torus:XxY                     port 0, 1: right, left; port 2, 3: down, up
    clos:N[,leaf=L][,spine=S]     N accelerators below L leaf switches below S spine switches

with ,accels=A (accelerators a node, 8 unless said) and the keys of `set` for all but ring's xA.
"""

import os
import re
import uuid

KEYS = {"ports": 4, "paths": 1, "hbm": "256M", "mem": "1G", "rate-scale": "0"}
HBM_LEAST = 64 << 20
MAX_ACCELS = 8      # of a node
LANES = 8           # of a port
FIBRE = 0x1014000   # bytes that its rings have at most (sfab-fibre.rst)
MAX_EID = 4095
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}$")
# Nine digits are a number for everybody; \d and isdigit() know more digits than int() does.
WHOLE = "([0-9]{1,9})"
END = re.compile(rf"([a-z][a-z0-9-]*)(?:\.{WHOLE})?:{WHOLE}(?:/{WHOLE})?$")


class Error(Exception):
    """Says where, what and how to mend it."""


def is_number(text):
    return re.fullmatch(WHOLE, text) is not None


def size_bytes(text):
    match = re.match(f"{WHOLE}([KMG]?)$", text)
    if not match:
        raise ValueError
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[match[2]]


class End:
    """One end of a fibre: a light path of a port of an accelerator or a switch."""

    def __init__(self, owner, accel, port, path):
        self.owner, self.accel, self.port, self.path = owner, accel, port, path

    def __str__(self):
        name = self.owner if self.accel is None else f"{self.owner}.{self.accel}"
        return f"{name}:{self.port}" + (f"/{self.path}" if self.path else "")


class Topology:
    """What is to be started."""

    def __init__(self):
        self.settings = dict(KEYS)
        self.chosen = set()     # keys that somebody has set
        self.nodes = {}         # name: accelerators
        self.switches = {}      # name: ports
        self.fibres = []        # (End, End)
        self.eids = {}          # "node.accel": EID
        self.places = {}        # what was said where, for messages

    # ---- what is derived

    def accelerators(self):
        return [f"{node}.{a}" for node, count in self.nodes.items() for a in range(count)]

    def devices(self):
        return self.accelerators() + list(self.switches)

    @staticmethod
    def uuid_of(device):
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sfab:{device}"))

    def lit(self):
        """Fibres in light contact when all ports use light path 0."""
        return [fibre for fibre in self.fibres if not fibre[0].path and not fibre[1].path]

    def all_eids(self):
        """The EID of every device: those that were given, then the lowest that are free."""
        taken, free = set(self.eids.values()), 1
        result = dict(self.eids)
        for device in self.devices():
            if device in result:
                continue
            while free in taken:
                free += 1
            result[device] = free
            taken.add(free)
        return result

    def memory(self):
        """Bytes that the machines need at most."""
        hbm, mem = size_bytes(self.settings["hbm"]), size_bytes(self.settings["mem"])
        return (len(self.accelerators()) * hbm + len(self.nodes) * (mem + (200 << 20)) +
                len(self.fibres) * FIBRE)

    def text(self):
        """The file that describes it."""
        return "".join(f"{line}\n" for line in [
            "set " + " ".join(f"{key}={value}" for key, value in self.settings.items()),
            *(f"node {name} accels={count}" for name, count in self.nodes.items()),
            *(f"switch {name} ports={count}" for name, count in self.switches.items()),
            *(f"fibre {a} {b}" for a, b in self.fibres),
            *(f"eid {accel} {eid}" for accel, eid in self.eids.items())])

    # ---- statements

    def add_node(self, name, accels):
        if not NAME.match(name):
            raise Error(f"'{name}' is no name: lower-case letters, digits, '-'")
        if name in self.nodes or name in self.switches:
            raise Error(f"'{name}' exists already")
        if not 1 <= accels <= MAX_ACCELS:
            raise Error(f"accels={accels}: a node has 1 to {MAX_ACCELS} accelerators; "
                        "make more nodes")
        self.nodes[name] = accels

    def add_switch(self, name, ports):
        if not NAME.match(name):
            raise Error(f"'{name}' is no name: lower-case letters, digits, '-'")
        if name in self.nodes or name in self.switches:
            raise Error(f"'{name}' exists already")
        if not 1 <= ports <= 64:
            raise Error(f"ports={ports}: a switch has 1 to 64 ports")
        self.switches[name] = ports

    def set(self, key, value):
        if key not in KEYS:
            raise Error(f"unknown key '{key}': choose from {', '.join(KEYS)}")
        limits = {"ports": (1, 16), "paths": (1, 4)}
        try:
            if key in limits:
                value = int(value)
                low, high = limits[key]
                good = low <= value <= high
            elif key == "rate-scale":
                good = float(value) >= 0
            else:
                good = size_bytes(value) >= HBM_LEAST
        except ValueError:
            good = False
        if not good:
            raise Error(f"{key}={value}: " + {
                "ports": "an accelerator has 1 to 16 ports", "paths": "a port has 1 to 4 light paths",
                "rate-scale": "a number from 0 on", "hbm": "a size from 64M on, as 256M or 1G",
                "mem": "a size from 64M on, as 512M or 1G"}[key])
        self.settings[key] = value
        self.chosen.add(key)

    def halve_hbm(self):
        """Whether that could be done: not if somebody wants so much, and not without end."""
        size = size_bytes(self.settings["hbm"]) // 2
        if "hbm" in self.chosen or size < HBM_LEAST:
            return False
        self.settings["hbm"] = f"{size >> 20}M"
        return True

    def check_end(self, end):
        if end.accel is None and end.owner in self.switches:
            ports, paths, what = self.switches[end.owner], 1, f"switch {end.owner}"
        elif end.accel is not None and end.owner in self.nodes:
            if end.accel >= self.nodes[end.owner]:
                raise Error(f"'{end}' leads nowhere: node {end.owner} has "
                            f"{self.nodes[end.owner]} accelerators, numbered from 0")
            ports, paths = self.settings["ports"], self.settings["paths"]
            what = f"accelerator {end.owner}.{end.accel}"
        else:
            raise Error(f"'{end}' leads nowhere: there is no such node or switch; write "
                        "NODE.ACCEL:PORT or SWITCH:PORT")
        if end.port >= ports:
            raise Error(f"'{end}' leads nowhere: {what} has {ports} ports, numbered from 0")
        if end.path >= paths:
            raise Error(f"'{end}' leads nowhere: a port of {what} has {paths} light paths, "
                        "numbered from 0 (set paths=N)")

    def add_fibre(self, a, b, place=""):
        for end in (a, b):
            self.check_end(end)
            if str(end) in self.places:
                raise Error(f"port {end} is used twice: {self.places[str(end)] or 'by this fibre'}"
                            " has a fibre there already")
            self.places[str(end)] = place
        if (a.owner, a.accel, a.port) == (b.owner, b.accel, b.port):
            raise Error(f"a fibre from {a} to its own port: use the port's loopback")
        self.fibres.append((a, b))

    def add_eid(self, accel, eid):
        if accel not in self.accelerators():
            raise Error(f"there is no accelerator '{accel}': write NODE.ACCEL")
        if not 1 <= eid <= MAX_EID:
            raise Error(f"EID {eid} is not one of 1 to {MAX_EID}")
        if accel in self.eids:
            raise Error(f"{accel} has EID {self.eids[accel]} already")
        for other, taken in self.eids.items():
            if taken == eid:
                raise Error(f"duplicate EID {eid}: {other} has it already")
        self.eids[accel] = eid


# ---- files

def pairs(words, allowed):
    """KEY=VALUE words as a dictionary of numbers."""
    result = {}
    for word in words:
        key, equals, value = word.partition("=")
        if key not in allowed or not equals:
            raise Error(f"unknown key '{key}': choose from {', '.join(allowed)}")
        if not is_number(value):
            raise Error(f"{key}={value}: a whole number is needed")
        result[key] = int(value)
    for key in allowed:
        if key not in result:
            raise Error(f"{key}=N is missing")
    return result


def parse_end(word):
    match = END.match(word)
    if not match:
        raise Error(f"'{word}' is no end of a fibre: write NODE.ACCEL:PORT[/PATH] or SWITCH:PORT")
    owner, accel, port, path = match.groups()
    return End(owner, None if accel is None else int(accel), int(port), int(path or 0))


def statement(topology, words, place):
    kind, rest = words[0], words[1:]
    if kind == "set" and rest:
        for word in rest:
            key, _, value = word.partition("=")
            topology.set(key, value)
    elif kind == "node" and rest:
        topology.add_node(rest[0], **pairs(rest[1:], ["accels"]))
    elif kind == "switch" and rest:
        topology.add_switch(rest[0], **pairs(rest[1:], ["ports"]))
    elif kind == "fibre" and len(rest) == 2:
        topology.add_fibre(parse_end(rest[0]), parse_end(rest[1]), place)
    elif kind == "eid" and len(rest) == 2:
        if not is_number(rest[1]):
            raise Error(f"'{rest[1]}' is no EID: a number from 1 to {MAX_EID}")
        topology.add_eid(rest[0], int(rest[1]))
    elif kind in ("set", "node", "switch", "fibre", "eid"):
        raise Error(f"'{' '.join(words)}' is incomplete: see the head of qemu/lab/topology.py")
    else:
        raise Error(f"unknown statement '{kind}': choose from set, node, switch, fibre, eid")


def read_file(name):
    topology = Topology()
    try:
        with open(name, encoding="utf-8") as file:
            lines = file.readlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Error(f"cannot read '{name}': {error}") from error
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].split()
        try:
            if words:
                statement(topology, words, f"{name}:{number}")
        except Error as error:
            raise Error(f"{name}:{number}: {error}") from error
    return topology


# ---- generators

def spread(topology, count, accels):
    """Nodes with `count` accelerators in all; returns (owner, accel) for each of them."""
    places = []
    for start in range(0, count, accels):
        node = f"node{len(topology.nodes)}"
        topology.add_node(node, min(accels, count - start))
        places += [(node, a) for a in range(topology.nodes[node])]
    return places


def join(topology, a, a_port, b, b_port, path=0):
    topology.add_fibre(End(*a, a_port, path), End(*b, b_port, path))


def make_ring(topology, shape, options):
    match = re.match(f"{WHOLE}(?:x{WHOLE})?$", shape)
    if not match:
        raise Error(f"ring:{shape}: write ring:N or ring:NODESxACCELS")
    count, accels = int(match[1]), options["accels"]
    if match[2]:
        accels = int(match[2])
        count *= accels
    hops = options.get("hops", 1)
    if count < 2:
        raise Error("a ring has two accelerators at least")
    if hops >= count:
        raise Error(f"hops={hops}: a ring of {count} has {count - 1} neighbours at most")
    spares = options.get("spares", 0)
    topology.set("paths", hops + spares)
    rails = options.get("rails", max(1, topology.settings["ports"] // 2))
    if 2 * rails > topology.settings["ports"]:
        raise Error(f"rails={rails} need {2 * rails} ports, and an accelerator has "
                    f"{topology.settings['ports']} (ports=N)")
    places = spread(topology, count, accels)
    for rail in range(rails):
        for path, k in enumerate([*range(1, hops + 1), *[1] * spares]):
            for i, here in enumerate(places):
                join(topology, here, 2 * rail, places[(i + k) % count], 2 * rail + 1, path)


def make_mesh(topology, shape, options):
    if not is_number(shape) or not 2 <= int(shape) <= 17:
        raise Error(f"mesh:{shape}: 2 to 17 accelerators, each with a port for every other")
    count = int(shape)
    topology.set("ports", count - 1)
    places = spread(topology, count, options["accels"])
    for i in range(count):
        for k in range(i + 1, count):
            join(topology, places[i], k - 1, places[k], i)


def make_torus(topology, shape, options):
    match = re.match(f"{WHOLE}x{WHOLE}$", shape)
    if not match or int(match[1]) < 2 or int(match[2]) < 2:
        raise Error(f"torus:{shape}: write torus:XxY, 2x2 at least")
    x, y = int(match[1]), int(match[2])
    if topology.settings["ports"] < 4:
        raise Error("a torus needs 4 ports")
    places = spread(topology, x * y, options["accels"])
    for row in range(y):
        for column in range(x):
            here = places[row * x + column]
            join(topology, here, 0, places[row * x + (column + 1) % x], 1)
            join(topology, here, 2, places[(row + 1) % y * x + column], 3)


def make_clos(topology, shape, options):
    if not is_number(shape) or int(shape) < 2:
        raise Error(f"clos:{shape}: a number of accelerators from 2 on")
    count = int(shape)
    leaves, spines = options.get("leaf", 2), options.get("spine", 2)
    below = -(-count // leaves)
    if leaves < 1 or spines < 1 or below + spines > 64 or leaves > 64:
        raise Error(f"{leaves} leaves and {spines} spines: a leaf with {below} accelerators "
                    "needs a port for each of them and for each spine, of 64; choose others")
    topology.set("ports", 1)
    places = spread(topology, count, options["accels"])
    for leaf in range(leaves):
        topology.add_switch(f"leaf{leaf}", below + spines)
    for spine in range(spines):
        topology.add_switch(f"spine{spine}", leaves)
    for i, place in enumerate(places):
        join(topology, place, 0, (f"leaf{i // below}", None), i % below)
    for leaf in range(leaves):
        for spine in range(spines):
            join(topology, (f"leaf{leaf}", None), below + spine, (f"spine{spine}", None), leaf)


GENERATORS = {
    "ring": (make_ring, {"hops", "rails", "spares"}),
    "mesh": (make_mesh, set()),
    "torus": (make_torus, set()),
    "clos": (make_clos, {"leaf", "spine"}),
}


def generate(text):
    kind, _, rest = text.partition(":")
    if kind not in GENERATORS:
        raise Error(f"'{text}' is neither a file nor a generator "
                    f"({', '.join(name + ':...' for name in GENERATORS)})")
    make, keys = GENERATORS[kind]
    shape, *words = rest.split(",")
    topology, options = Topology(), {"accels": MAX_ACCELS}
    for word in words:
        key, _, value = word.partition("=")
        if key in KEYS:
            topology.set(key, value)
        elif key in keys | {"accels"} and is_number(value) and int(value):
            options[key] = int(value)
        else:
            raise Error(f"{text}: '{word}' is none of {', '.join(sorted(keys | {'accels'}))}=N "
                        f"or {', '.join(KEYS)}=VALUE")
    try:
        make(topology, shape, options)
    except Error as error:
        raise Error(f"{text}: {error}") from error
    return topology


def available_memory():
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    raise Error("/proc/meminfo does not say how much memory is available")


def load(text, memory=None):
    """The topology that TOPOLOGY= names, checked against what this machine holds."""
    topology = read_file(text) if os.path.exists(text) else generate(text)
    if not topology.nodes:
        raise Error(f"{text}: no node is in it")
    memory = available_memory() if memory is None else memory
    while topology.memory() > memory and topology.halve_hbm():
        pass
    if topology.memory() > memory:
        raise Error(f"{text}: needs up to {topology.memory() >> 20} MiB of memory, and this "
                    f"machine has {memory >> 20} MiB to give: fewer accelerators, or set "
                    "hbm= and mem= lower")
    return topology
