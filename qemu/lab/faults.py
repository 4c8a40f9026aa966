# SPDX-License-Identifier: MIT
"""What goes wrong with the light of a supernode, and when: the language of FAULTS=.

A script has one fault a line; # begins a comment:

    # TIME    TARGET            KIND    MAGNITUDE
    5s        node0.1:2         dirt    3dB  lane=2 path=0
    8s        node1.0:0         ageing  0.1/s  lane=1
    12s..14s  fibre node0.0:1   cut
    20s       fibre node0.0:1   mend

TIME counts from when the fabric is up, in ms, s or min; lines are in the order of their times.
TARGET is a port of an accelerator, or a fibre that is named by one of its ends. Without lane= or
path= a fault is one of all lanes or light paths. For A..B a number between the two is drawn, the
same one whenever the seed is the same.

    of a port               MAGNITUDE       what happens
    dirt   [lane=] [path=]  0dB to 60dB     more loss of what it receives: a dirty connector
    dead   [lane=]          on, off         a laser gives no light
    unlock [lane=]          on, off         a receiver finds no clock (CDR)
    ageing [lane=]          0/s to 1000/s   lives that a laser loses
    age    [lane=]          0 to 10         lives that it has lost; from now on
    heat                    -60C to 60C     the module is so much warmer; from now on
    ramp                    -10C/s to 10C/s and gets so much warmer
    hang                    on, off         the firmware hangs: the DataPath stays in Init
    damage                  0ppm to 1e6ppm  packets that arrive damaged: a replay storm
    flap                    0.3s to 3600s, off  it is dark for 200 ms of each such period
    stick                   back, between, off  its optical switch does not move: stays where it
                                            is, or half way
    module                  out, or serial  it is pulled; one with this serial number is plugged

    of a fibre              MAGNITUDE       what happens
    cut                                     it has no light
    mend                                    it has light again
    bend                    0dB to 60dB     more loss of all lanes, both ways
    flap                    as above        at both ends

The device's own words and limits: qemu/docs/specs/sfab-optics.rst, "Faults".
"""

import collections
import random
import re

import topology

TIMES = {"ms": 1e-3, "s": 1, "min": 60}
NUMBER = r"(-?[0-9]+(?:\.[0-9]+)?)"
SWITCHED = {"on": 1, "off": 0}

# What a kind is to the property x-inject, what it may be said of, and how much of it there can be:
# a word of `words`, or a number with `unit` from `low` to `high`.
Kind = collections.namedtuple("Kind", "inject fibre places words unit low high whole",
                              defaults=({}, None, 0, 0, False))
KINDS = {
    "dirt": Kind("loss", False, ("lane", "path"), {}, "dB", 0, 60),
    "dead": Kind("dead", False, ("lane",), SWITCHED),
    "unlock": Kind("unlock", False, ("lane",), SWITCHED),
    "ageing": Kind("ageing", False, ("lane",), {}, "/s", 0, 1000),
    "age": Kind("age", False, ("lane",), {}, "", 0, 10),
    "heat": Kind("heat", False, (), {}, "C", -60, 60),
    "ramp": Kind("ramp", False, (), {}, "C/s", -10, 10),
    "hang": Kind("hang", False, (), SWITCHED),
    "damage": Kind("damage", False, (), {}, "ppm", 0, 1000000, True),
    "flap": Kind("flap", None, (), {"off": 0}, "s", 0.3, 3600),
    "stick": Kind("stick", False, (), {"off": 0, "back": 1, "between": 2}),
    "module": Kind("module", False, (), {"out": 0}, "", 1, 999999999, True),
    "bend": Kind("loss", True, (), {}, "dB", 0, 60),
    "cut": Kind(None, True, ()),
    "mend": Kind(None, True, ()),
}

# One property of one object of one node's QEMU that is to be set.
Setting = collections.namedtuple("Setting", "node path property value")


class Fault:
    """What to set, and when (in seconds; None: now)."""

    def __init__(self, at, text, settings):
        self.at, self.text, self.settings = at, text, settings


# ---- numbers

def parse_range(text, units):
    """The least and the most of a number with a unit, as 3dB or 2..3dB; None if it is not that."""
    unit = "|".join(re.escape(unit) for unit in sorted(units, key=len, reverse=True))
    match = re.match(f"{NUMBER}({unit})?(?:\\.\\.{NUMBER}({unit}))?$", text)
    if not match:
        return None
    first, first_unit, last, last_unit = match.groups()
    if first_unit is None:
        first_unit = "" if last is None else last_unit
    if first_unit not in units:
        return None
    low = float(first) * units[first_unit]
    high = low if last is None else float(last) * units[last_unit]
    if low > high:
        raise topology.Error(f"{text}: the first number is the smaller one")
    return low, high


def draw_from(numbers, draw):
    return numbers[0] if numbers[0] == numbers[1] else draw.uniform(*numbers)


def parse_time(text, draw):
    """The earliest time that `text` allows, and the one drawn."""
    times = parse_range(text, TIMES)
    if not times or times[0] < 0:
        raise topology.Error(f"'{text}' is no time: write 500ms, 5s, 2min or 5s..8s")
    return times[0], draw_from(times, draw)


def describe(kind):
    choices = list(kind.words)
    if kind.unit is not None:
        choices.append(f"{kind.low}{kind.unit} to {kind.high}{kind.unit}")
    return " or ".join(choices)


def parse_magnitude(name, words, draw):
    """The value of x-inject, as text."""
    kind = KINDS[name]
    if not kind.inject:
        if words:
            raise topology.Error(f"{name} has no magnitude, and '{words[0]}' is one")
        return None
    if len(words) != 1:
        raise topology.Error(f"{name} needs one magnitude: {describe(kind)}")
    if words[0] in kind.words:
        return str(kind.words[words[0]])
    numbers = kind.unit is not None and parse_range(words[0], {kind.unit: 1})
    if not numbers:
        raise topology.Error(f"{name} {words[0]}: give {describe(kind)}")
    if not kind.low <= numbers[0] <= numbers[1] <= kind.high:
        raise topology.Error(f"{name} {words[0]} is out of range: {describe(kind)}")
    if kind.whole and "." in words[0].replace("..", ""):
        raise topology.Error(f"{name} {words[0]}: a whole number is needed")
    value = draw_from(numbers, draw)
    return f"{value:.0f}" if kind.whole else f"{value:.6f}".rstrip("0").rstrip(".")


# ---- targets

def find_port(text, made):
    end = topology.parse_end(text)
    made.check_end(end)
    if end.accel is None:
        raise topology.Error(f"{text} is a port of a switch: only accelerators have faults")
    return end


def find_fibre(text, made):
    """Its number and its ends."""
    for number, ends in enumerate(made.fibres):
        if text in map(str, ends):
            return number, ends
    raise topology.Error(f"there is no fibre at '{text}': name one of its ends, as in "
                         f"{made.fibres[0][0] if made.fibres else 'node0.0:0'}")


def parse_places(name, words, made):
    """lane=N and path=N as x-inject writes them."""
    limits = {"lane": topology.LANES, "path": made.settings["paths"]}
    result, seen = "", set()
    for word in words:
        key, _, value = word.partition("=")
        if key not in KINDS[name].places or key in seen:
            raise topology.Error(f"'{word}' does not belong to {name}")
        if not topology.is_number(value) or int(value) >= limits[key]:
            raise topology.Error(f"{word}: there are {key}s 0 to {limits[key] - 1}")
        seen.add(key)
        result += f",{key}={value}"
    return result


def inject(end, name, places, value):
    return Setting(end.owner, f"/machine/peripheral/accel{end.accel}", "x-inject",
                   f"{KINDS[name].inject},port={end.port}{places},value={value}")


def fibre_settings(text, name, value, made):
    number, ends = find_fibre(text, made)
    if KINDS[name].inject:
        for end in ends:
            if end.accel is None:
                raise topology.Error(f"{name} needs both ends at accelerators, and {end} is a "
                                     "port of a switch")
        path = "" if name == "flap" else ",path={}"
        return [inject(end, name, path.format(end.path), value) for end in ends]
    # It is cut where one of its ends is; at both, so that it stays so when a node starts anew
    owners = dict.fromkeys(end.owner for end in ends if end.owner in made.nodes)
    if not owners:
        raise topology.Error(f"{text} joins two switches: only fibres with an end in a node can "
                             "be cut")
    return [Setting(owner, f"/objects/fibre{number}", "cut", name == "cut") for owner in owners]


# ---- lines

def parse(words, made, draw):
    """TARGET KIND [MAGNITUDE] [lane=N] [path=N] as settings."""
    fibre = words[:1] == ["fibre"]
    target, rest = words[fibre:fibre + 1], words[fibre + 1:]
    if not target or not rest:
        raise topology.Error(f"'{' '.join(words)}' is incomplete: write TARGET KIND MAGNITUDE")
    name, rest = rest[0], rest[1:]
    if name not in KINDS:
        raise topology.Error(f"unknown kind of fault '{name}': choose from {', '.join(KINDS)}")
    if KINDS[name].fibre not in (fibre, None):
        raise topology.Error(f"{name} happens to a {'port' if fibre else 'fibre'}: write " + (
            f"NODE.ACCEL:PORT {name}" if fibre else f"fibre {target[0]} {name}"))
    value = parse_magnitude(name, [word for word in rest if "=" not in word], draw)
    places = parse_places(name, [word for word in rest if "=" in word], made)
    if fibre:
        return fibre_settings(target[0], name, value, made)
    end = find_port(target[0], made)
    if end.path:
        raise topology.Error(f"{target[0]}: name the light path by path={end.path}")
    return [inject(end, name, places, value)]


def now(text, made):
    """The fault that `text` tells, without a time."""
    words = text.split()
    return Fault(None, " ".join(words), parse(words, made, random.Random(0)))


def read_file(name, made, seed):
    """The faults of a script, in the order of the times that the seed gives them."""
    draw, result, latest = random.Random(seed), [], 0
    try:
        with open(name, encoding="utf-8") as file:
            lines = file.readlines()
    except (OSError, UnicodeDecodeError) as error:
        raise topology.Error(f"cannot read '{name}': {error}") from error
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            earliest, at = parse_time(words[0], draw)
            if earliest < latest:
                raise topology.Error(f"{words[0]} is out of order: the line before has a later "
                                     "time")
            latest = earliest
            result.append(Fault(at, " ".join(words[1:]), parse(words[1:], made, draw)))
        except topology.Error as error:
            raise topology.Error(f"{name}:{number}: {error}") from error
    return sorted(result, key=lambda fault: fault.at)
