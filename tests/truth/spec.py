# SPDX-License-Identifier: MIT
"""Are the cases of cases.c what qemu/docs/specs/sfab-observability.rst declares?

    spec.py TRUTH       the program, whose --list prints the cases

Each case is of exactly one row of the tables, and says what that says; each row has a case at both
ends of its range. Prints TAP.
"""

import collections
import os
import re
import subprocess
import sys

SPEC = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "../../qemu/docs/specs/sfab-observability.rst")
# The first table's cases are judged with the far end's answers, the second one's without.
ALONE = ("0", "1")
COLUMNS = 5
NONE = ("none", "ok", "none")
ALL_LANES = 0xff
# What a unit of the spec is in those of cases.c
SCALE = {"dB": 1000, "lives": 1000, "lives/s": 1000, "C": 1000, "C/s": 1000, "s": 1000, "ppm": 1,
         "times": 1}
WORDS = {"-": None, "stays": (1, 1), "half way": (2, 2)}

Row = collections.namedtuple("Row", "alone fault lanes extent verdicts")
Case = collections.namedtuple("Case", "alone fault lanes value verdicts")


def extent(text):
    """Smallest and largest magnitude, or None: there is but one."""
    if text in WORDS:
        return WORDS[text]
    low, high, unit = re.fullmatch(r"(\S+)(?: to (\S+))? (\S+)", text).groups()
    return tuple(round(float(end) * SCALE[unit]) for end in (low, high or low))


def verdict(text):
    return NONE if text == "none" else tuple(text.split(", "))


def read_rows():
    with open(SPEC, encoding="utf-8") as file:
        lines = file.read().splitlines()
    rules = [n for n, line in enumerate(lines) if len(line.split()) == COLUMNS and
             not line.strip("= ")]
    assert len(rules) == 3 * len(ALONE), f"{SPEC}: not two tables of {COLUMNS} columns"
    for table, alone in enumerate(ALONE):
        top, head, end = rules[3 * table:3 * table + 3]
        starts = [match.start() for match in re.finditer("=+", lines[top])]
        for line in lines[head + 1:end]:
            cell = [line[a:b].strip() for a, b in zip(starts, starts[1:] + [None])]
            said = verdict(cell[3])
            yield Row(alone, cell[0], cell[1], extent(cell[2]),
                      said + (said if cell[4] == "the same" else verdict(cell[4])))


def read_cases(program):
    listed = subprocess.run([program, "--list"], check=True, text=True, stdout=subprocess.PIPE)
    for line in listed.stdout.splitlines():
        fault, value, lanes, alone, *verdicts = line.split("\t")
        yield Case(alone, fault, int(lanes), int(value), tuple(verdicts))


def covers(row, case):
    lanes = {"-": case.lanes == 0, "any": case.lanes != 0, "all": case.lanes == ALL_LANES,
             "some": case.lanes not in (0, ALL_LANES)}[row.lanes]
    return (row.alone, row.fault) == (case.alone, case.fault) and lanes and (
        row.extent is None or row.extent[0] <= case.value <= row.extent[1])


def main():
    rows, cases = list(read_rows()), list(read_cases(sys.argv[1]))
    wrong = []
    for case in cases:
        found = [row for row in rows if covers(row, case)]
        if len(found) != 1 or found[0].verdicts != case.verdicts:
            wrong.append(f"{case}: declared are {found}")
    print(f"{'not ok' if wrong else 'ok'} 1 - {len(cases)} cases are as the specification declares")
    untried = []
    for row in rows:
        values = {case.value for case in cases if covers(row, case)}
        if not values or row.extent and not values.issuperset(row.extent):
            untried.append(f"{row}: tried at {sorted(values)}")
    print(f"{'not ok' if untried else 'ok'} 2 - {len(rows)} rows are tried at both ends")
    for line in wrong + untried:
        print(f"# {line}")
    print("1..2")
    return 1 if wrong or untried or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
