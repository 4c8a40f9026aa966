#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare the register headers of the driver and of the device model with the spec.

The three are written by hand from one another's words only; here they must agree in every
offset, width, access, bit and code. Reads the tables and the "bit N NAME" sentences of
qemu/docs/specs/sfab.rst, sfab-fabric.rst and sfab-optics.rst, and lets a compiler tell what the macros of the
headers are worth.
Prints TAP.
"""

import os
import re
import subprocess
import sys
import tempfile

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), '../..'))
SPEC = 'qemu/docs/specs/sfab.rst'
FABRIC = 'qemu/docs/specs/sfab-fabric.rst'
OPTICS = 'qemu/docs/specs/sfab-optics.rst'
CORE = ['qemu/core/regs.h', 'qemu/core/fabric_regs.h', 'qemu/core/packet.h']
DRIVER = ['driver/sfab_regs.h', 'uapi/drm/sfab_accel.h']

# What the kernel gives to its headers.
PRELUDE = '''
#include <stdint.h>
#include <stdio.h>
#include <linux/types.h>
typedef uint8_t u8; typedef uint32_t u32; typedef uint64_t u64;
#define BIT(n) (1ull << (n))
#define BIT_ULL(n) (1ull << (n))
#define GENMASK(h, l) ((~0ull >> (63 - (h))) & (~0ull << (l)))
#define GENMASK_ULL(h, l) GENMASK(h, l)
'''

# Registers that fabric_regs.c of the model decodes by itself.
ROUTERS = ('NUM_PORTS', 'NUM_EIDS', 'INCARNATION', 'EID', 'M_KEY', 'OP_TIMEOUT', 'RETRY_TIMEOUT',
           'HOQ_TIMEOUT', 'PORT_EVENT')

failures = []
points = 0


def read(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as f:
        return f.read()


def point(what, good, bad):
    """One line of TAP: `good` comparisons that held, a list of those that did not."""
    global points
    points += 1
    ok = not bad and good > 0
    print(f'{"ok" if ok else "not ok"} {points} - {what}: {good} agree')
    for line in bad:
        print(f'# {line}')
    if not good:
        print('# nothing was compared: the spec has another shape than this test expects')
    if not ok:
        failures.append(what)


# ---- the spec ----

def section(spec, title):
    """The text below a heading, up to the next heading of the same underline."""
    m = re.search(rf'^{re.escape(title)}\n([=-])\1+\n(.*?)(?=^\S[^\n]*\n\1+\n|\Z)', spec,
                  re.M | re.S)
    if not m:
        sys.exit(f'regs_match: {SPEC} has no section "{title}"')
    return m.group(2)


def tables(text):
    """All simple tables of a text, as lists of rows of cells (continuation lines joined)."""
    found, rows, rule = [], None, None
    for line in text.splitlines() + ['']:
        if re.fullmatch(r'=+( +=+)+', line):
            columns = [m.span() for m in re.finditer('=+', line)]
            if rule != columns:
                rule, rows, rules = columns, [], 0
            rules += 1
            if rules == 3:
                found.append(rows[1:])
                rule = None
            continue
        if rule is None:
            continue
        ends = [s for s, _ in rule[1:]] + [None]
        cells = [line[s:e].strip() for (s, _), e in zip(rule, ends)]
        if cells[0] or not rows:
            rows.append(cells)
        else:
            rows[-1] = [f'{a} {b}'.strip() for a, b in zip(rows[-1], cells)]
    return found


def bits(text, register):
    """{NAME: (high, low)} of the sentence that begins with `REGISTER:`."""
    m = re.search(rf'(^|[ \n]){register}: (bits? .*?)(\n\n|\n[A-Z_]+:|\Z)', text, re.S)
    if not m:
        sys.exit(f'regs_match: {SPEC} does not tell the bits of {register}')
    words = ' '.join(m.group(2).split())
    return {name.upper(): (int(h), int(l or h))
            for h, l, name in re.findall(r'\bbits? (\d+)(?::(\d+))? ([A-Za-z_0-9]+)', words)}


def numbered(text):
    """{word: number} of a list like `0 sum, 1 min, 2 max`."""
    return {w.strip(): int(n) for n, w in re.findall(r'(\d+) ([a-z][a-z0-9 -]*)', text)}


def mask(span):
    high, low = span
    return (1 << (high + 1)) - (1 << low)


def parse_registers(spec):
    """[(block, name, offset, width, access, reset)]"""
    found = []
    for block, title in (('', 'Global registers'), ('VM', 'Address space registers'),
                         ('Q', 'Queue registers')):
        for offset, width, access, reset, rest in tables(section(spec, title))[0]:
            name = rest.split(',')[0].split(':')[0].split()[0]
            if not re.fullmatch(r'[A-Z][A-Z0-9_]*(\[\d\])?', name):
                continue        # reserved
            name = re.sub(r'\[(\d)\]', r'_\1', name)
            found.append((block, name, int(offset, 16), int(width), access, reset))
    for offset, width, rest in tables(section(spec, 'Queue registers'))[1]:
        name = 'DOORBELL_' + rest.split(':')[0]
        found.append(('', name, int(offset, 16), int(width), 'WO', ''))
    # COUNTER[8] .. [15] have one row.
    last = next(r for r in found if r[1] == 'COUNTER_8')
    found += [(last[0], f'COUNTER_{i}', last[2] + 8 * (i - 8)) + last[3:] for i in range(9, 16)]
    return number_halves(found, 'UUID')


def number_halves(found, name):
    """A UUID has two registers of one name."""
    uuids = [i for i, r in enumerate(found) if r[1] == name]
    for half, i in enumerate(uuids):
        found[i] = (found[i][0], f'{name}_{half}') + found[i][2:]
    return found


def parse_fabric_registers(spec):
    """The same of sfab-fabric.rst; its names have their block in them. And the last cells."""
    found, texts = [], {}
    for title in ('Registers', 'Ports', 'Segments', 'Imports'):
        for cells in tables(section(spec, title))[0]:
            offset, width, access, rest = cells[0], cells[1], cells[2], cells[-1]
            name = re.match(r'[A-Z][A-Z0-9_]*', rest).group(0)
            reset = cells[3] if len(cells) > 4 else ''
            found.append(('', name, int(offset, 16), int(width), access, reset))
            texts[name] = rest
    return number_halves(found, 'P_PEER_UUID'), texts


def parse_optics_registers(spec):
    """The same of sfab-optics.rst."""
    found, texts = [], {}
    for offset, width, access, rest in tables(section(spec, 'Registers'))[0]:
        name = re.match(r'[A-Z][A-Z_]*', rest).group(0)
        found.append(('', name, int(offset, 16), int(width), access, '0'))
        texts[name] = rest
    return found, texts


# ---- the headers ----

def values(headers):
    """{name: value} of all object-like macros and enumerators SFAB_*."""
    names = set()
    for path in headers:
        text = read(path)
        names |= set(re.findall(r'^#define[ \t]+(SFAB_\w+)[ \t]+\S', text, re.M))
        names |= set(re.findall(r'^\t(SFAB_\w+) = ', text, re.M))
    # ioctl numbers need more of the kernel than this, and are not hardware.
    names = sorted(n for n in names if 'IOCTL' not in n)
    include = ''.join(f'#include "{os.path.join(TOP, p)}"\n' for p in headers)
    calls = [f'SFAB_{f}({i})' for f in ('DOORBELL', 'VM_BLOCK', 'Q_BLOCK', 'P_BLOCK', 'S_BLOCK',
                                        'I_BLOCK', 'ROUTE') for i in (0, 1)]
    body = ''.join(f'\tprintf("{n} %llu\\n", (unsigned long long)({n}));\n' for n in names)
    body += ''.join(f'#ifdef {c.split("(")[0]}\n\tprintf("{c} %llu\\n", '
                    f'(unsigned long long)({c}));\n#endif\n' for c in calls)
    with tempfile.TemporaryDirectory() as tmp:
        os.mkdir(f'{tmp}/linux')
        os.mkdir(f'{tmp}/drm')
        with open(f'{tmp}/linux/bits.h', 'w', encoding='utf-8'):
            pass
        for drm in ('drm.h', 'drm/drm.h'):
            with open(f'{tmp}/{drm}', 'w', encoding='utf-8') as f:
                f.write('struct drm_event { __u32 type, length; };\n')
        with open(f'{tmp}/show.c', 'w', encoding='utf-8') as f:
            f.write(f'{PRELUDE}{include}int main(void)\n{{\n{body}\treturn 0;\n}}\n')
        subprocess.run([os.environ.get('CC', 'cc'), f'-I{tmp}', '-I', f'{TOP}/uapi', '-o',
                        f'{tmp}/show', f'{tmp}/show.c'], check=True)
        out = subprocess.run([f'{tmp}/show'], check=True, capture_output=True, text=True).stdout
    return {n: int(v) for n, v in (line.rsplit(' ', 1) for line in out.splitlines())}


def lookup(table, names):
    for name in names:
        if name in table:
            return table[name]
    return None


def compare(what, wanted, sides):
    """wanted: {label: (candidate names, value)}; sides: {title: {name: value}}."""
    for title, table in sides.items():
        good, bad = 0, []
        for label, (names, value) in wanted.items():
            got = lookup(table, names)
            if got == value:
                good += 1
            elif got is None:
                bad.append(f'{title} lacks {label} (looked for {", ".join(names)})')
            else:
                bad.append(f'{title}: {label} is {got:#x}, the spec says {value:#x}')
        point(f'{what}, {title}', good, bad)


def check_core_table(registers):
    """Widths and writability as regs.c of the model has them; the router has no table."""
    found = {name: (int(width), writable == 'true') for name, width, writable in re.findall(
        r'\{ SFAB_REG_(\w+), (\d+), (true|false) \}', read('qemu/core/regs.c'))}
    good, bad = 0, []
    for _, name, _, width, access, _ in registers:
        want = (width, access != 'RO')
        if name.startswith('P_') or name in ROUTERS:
            continue
        if found.pop(name, None) == want:
            good += 1
        else:
            bad.append(f'regs.c: {name} is not {width} bits {access}')
    bad += [f'regs.c has {name}, the spec does not' for name in found]
    point('widths and access, core', good, bad)


def check_driver_widths(registers):
    """The driver's header says `64 bit` in a comment where it matters."""
    text = read(DRIVER[0])
    good, bad = 0, []
    for _, name, _, width, _, _ in registers:
        m = re.search(rf'^#define SFAB_(REG_)?{name}\t.*$', text, re.M)
        if m and ('64 bit' in m.group(0)) != (width == 64):
            # The counters are told once, for all.
            if not name.startswith('COUNTER_') or name == 'COUNTER_0':
                bad.append(f'{DRIVER[0]}: {name} has {width} bits, the comment says otherwise')
                continue
        good += 1
    point('widths, driver', good, bad)


def check_nothing_invented(registers, sides):
    """No register in a header that the spec does not have."""
    known = {name for _, name, *_ in registers} | {'MGMT_TX', 'MGMT_RX', 'MGMT_CTRL',
                                                   'MGMT_STATUS'}
    for title, table in sides.items():
        extra = sorted(n for n in table if n.startswith('SFAB_REG_') and n[9:] not in known)
        point(f'no other registers, {title}', len(known),
              [f'{title}: {n} is not in the spec' for n in extra])


def main():
    spec, fabric = read(SPEC), read(FABRIC)
    core, driver = values(CORE), values(DRIVER)
    sides = {'core': core, 'driver': driver}
    more, texts = parse_fabric_registers(fabric)
    registers = parse_registers(spec) + more
    more, optics = parse_optics_registers(read(OPTICS))
    registers += more

    # The driver indexes the counters from the first.
    wanted = {name: ([f'SFAB_REG_{name}', f'SFAB_{name}'], offset)
              for _, name, offset, *_ in registers}
    driver.update({f'SFAB_REG_COUNTER_{i}': driver['SFAB_REG_COUNTER_0'] + 8 * i
                   for i in range(1, 16) if 'SFAB_REG_COUNTER_0' in driver})
    compare('register offsets', wanted, sides)
    check_core_table(registers)
    check_driver_widths(registers)
    check_nothing_invented(registers, sides)

    resets = {name: reset for _, name, *_, reset in registers}
    compare('constants', {name: ([f'SFAB_{name}'], int(resets[name], 0))
                          for name in ('MAGIC', 'VERSION', 'VA_BITS', 'MAX_RING_LOG2')},
            {'core': core})
    reset_key = int(re.search(r'RESET: writing (0x[0-9a-f]+)', spec).group(1), 16)
    compare('magic numbers', {
        'MAGIC': (['SFAB_MAGIC'], int(resets['MAGIC'], 0)),
        'RESET': (['SFAB_RESET_MAGIC', 'SFAB_RESET_KEY'], reset_key)}, sides)

    # Blocks: "at 0x1000 + v * 0x20"
    blocks = {}
    for block, letter in (('VM_BLOCK', 'v'), ('Q_BLOCK', 'q'), ('DOORBELL', 'q')):
        lead = r'queue \*q\* at ' if block == 'DOORBELL' else r'bytes at '
        base, stride = re.search(lead + rf'(0x[0-9a-f]+) \+ {letter} \* (0x[0-9a-f]+)',
                                 spec).groups()
        for i in (0, 1):
            blocks[f'{block}({i})'] = ([f'SFAB_{block}({i})'],
                                       int(base, 16) + i * int(stride, 16))
    for block, lead in (('P_BLOCK', r'block at '), ('ROUTE', r'kept, at '),
                        ('S_BLOCK', r'block at '), ('I_BLOCK', r'block at ')):
        letter = {'P': 'p', 'R': 'e', 'S': 'n', 'I': 'i'}[block[0]]
        base, stride = re.search(lead + rf'(0x[0-9a-f]+) \+ {letter} \* (0x[0-9a-f]+|\d+)',
                                 ' '.join(fabric.split())).groups()
        for i in (0, 1):
            blocks[f'{block}({i})'] = ([f'SFAB_{block}({i})'],
                                       int(base, 16) + i * int(stride, 0))
    core['SFAB_ROUTE_STRIDE'] = 8
    for name, block in (('VM', 'VM_BLOCK'), ('QUEUE', 'Q_BLOCK'), ('DOORBELL', 'DOORBELL'),
                        ('PORT', 'P_BLOCK'), ('SEGMENT', 'S_BLOCK'), ('IMPORT', 'I_BLOCK'),
                        ('ROUTE', 'ROUTE')):
        for i in (0, 1):
            core[f'SFAB_{block}({i})'] = (core[f'SFAB_{name}_BASE'] +
                                          i * core[f'SFAB_{name}_STRIDE'])
    compare('blocks', blocks, sides)

    # Bits of registers
    wanted = {}
    for register, prefixes in (('CAPS', ['CAPS', 'CAP']), ('CTRL', ['CTRL']),
                               ('STATUS', ['STATUS']), ('INT_STATUS', ['INT']),
                               ('Q_CTRL', ['Q_CTRL']), ('Q_STATUS', ['Q_STATUS']),
                               ('flags', ['CMD', 'CMD_FLAG'])):
        for name, span in bits(spec, register).items():
            wanted[f'{register}.{name}'] = ([f'SFAB_{p}_{name}' for p in prefixes], mask(span))
    root = re.search(r'VM_ROOT: bit 0 VALID; bits (\d+):(\d+) HBM offset',
                     ' '.join(spec.split())).groups()
    wanted['VM_ROOT.VALID'] = (['SFAB_VM_ROOT_VALID'], 1)
    wanted['VM_ROOT.ADDR'] = (['SFAB_VM_ROOT_ADDR'], mask((int(root[0]), int(root[1]))))
    for name, span in bits(section(spec, 'Faults'), 'Q_FAULT').items():
        wanted[f'Q_FAULT.{name}'] = ([f'SFAB_Q_FAULT_{name}'], mask(span))
    gained = re.search(r'INT_STATUS gains (bit .*?)\. ', ' '.join(fabric.split())).group(1)
    for bit, name in re.findall(r'bit (\d+) ([A-Z]+)', gained):
        wanted[f'INT_STATUS.{name}'] = ([f'SFAB_INT_{name}'], 1 << int(bit))
    for register in ('P_CTRL', 'S_CTRL', 'I_CTRL'):
        for high, low, name in re.findall(r'\bbits? (\d+)(?::(\d+))? ([A-Z]+)', texts[register]):
            wanted[f'{register}.{name}'] = ([f'SFAB_{register}_{name}'],
                                            mask((int(high), int(low or high))))
    for register, text in optics.items():
        for high, low, name in re.findall(r'\bbits? (\d+)(?::(\d+))? ([A-Z][A-Z_]*)', text):
            wanted[f'{register}.{name}'] = ([f'SFAB_{register}_{name}'],
                                            mask((int(high), int(low or high))))
            core.setdefault(f'SFAB_{register}_{name}',
                            mask((int(high) - int(low or high), 0)) <<
                            core.get(f'SFAB_{register}_{name}_SHIFT', 0))
    for name in ('ACCESS', 'OPCODE', 'STATUS'):
        core[f'SFAB_Q_FAULT_{name}'] = (core[f'SFAB_Q_FAULT_{name}_MASK'] <<
                                        core[f'SFAB_Q_FAULT_{name}_SHIFT'])
    core['SFAB_Q_FAULT_CAUSE'] = core['SFAB_Q_FAULT_CAUSE_MASK']
    compare('bits of registers', wanted, sides)

    # Commands, their operations, faults
    ring = section(spec, 'Command ring')
    wanted = {name: ([f'SFAB_CMD_{name}', f'SFAB_OP_{name}'], int(code, 16))
              for code, name, _ in tables(ring)[1]}
    compare('commands', wanted, sides)
    flat = ' '.join(ring.split())
    dtypes = numbered(re.search(r'REDUCE dtype: ([^;]*);', flat).group(1))
    wanted = {n: ([f'SFAB_REDUCE_{n.upper()}', f'SFAB_{n.upper()}'], v) for n, v in dtypes.items()}
    short = {'sum': 'SUM', 'min': 'MIN', 'max': 'MAX', 'fetch-add': 'ADD', 'swap': 'SWAP',
             'compare-and-swap': 'CAS', 'equal': 'EQ', 'not equal': 'NE',
             'greater or equal': 'GE', 'less': 'LT'}
    for command, pattern in (('REDUCE', r'REDUCE dtype: [^;]*; op: ([^.]*)\.'),
                             ('ATOMIC', r'ATOMIC op: ([^.]*)\.'), ('WAIT', r'WAIT op: ([^.]*)\.')):
        for word, value in numbered(re.search(pattern, flat).group(1)).items():
            wanted[f'{command} {word}'] = ([f'SFAB_{command}_{short[word]}'], value)
    compare('operations', wanted, sides)
    compare('faults', {name: ([f'SFAB_FAULT_{name}'], int(code))
                       for code, name, _ in tables(section(spec, 'Faults'))[0]}, sides)

    compare('statuses of the fabric', {
        name: ([f'SFAB_STATUS_{name}', f'SFAB_FABRIC_{name}'], int(code))
        for code, name, _ in tables(section(fabric, 'Commands'))[1]}, sides)

    # Page table entries
    wanted, mmu = {}, section(spec, 'Memory management unit')
    for where, meaning in tables(mmu)[0]:
        high, _, low = where.partition(':')
        word = meaning.split()[0].strip('.,:')
        if word in ('VALID', 'READ', 'WRITE', 'LARGE', 'APERTURE', 'address'):
            name = 'ADDR' if word == 'address' else word
            wanted[name] = ([f'SFAB_PTE_{name}', f'SFAB_PTE_{name}_MASK'],
                            mask((int(high), int(low or high))))
    names = re.search(r'APERTURE [^:]*: ([^|]*?FABRIC)', ' '.join(mmu.split())).group(1)
    for value, name in re.findall(r'(\d) ([A-Z]+)', names):
        wanted[f'APERTURE {name}'] = ([f'SFAB_APERTURE_{name}'], int(value))
    compare('page table entries', wanted, sides)

    print(f'1..{points}')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
