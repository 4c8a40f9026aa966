# SPDX-License-Identifier: MIT
"""A driver for the accelerator, as small as can be, over qtest.

Written from qemu/docs/specs/sfab.rst alone; names are the specification's.
"""

import pci
from machine import Machine, Memory, MiB, until

# Global registers
MAGIC, VERSION, CAPS, HBM_SIZE = 0x0000, 0x0004, 0x0008, 0x0010
NUM_QUEUES, NUM_VMS, NUM_ENGINES, NUM_VECTORS = 0x0018, 0x001c, 0x0020, 0x0024
SERIAL, UUID, VA_BITS, MAX_RING_LOG2 = 0x0028, 0x0030, 0x0040, 0x0044
CTRL, STATUS, RESET, SCRATCH, TIME = 0x0100, 0x0104, 0x0108, 0x010c, 0x0110
INT_STATUS, INT_ENABLE = 0x0200, 0x0204
QUEUE_EVENT, QUEUE_FAULT, COUNTER = 0x0208, 0x0218, 0x0300

RESET_KEY = 0x54455352
READY, BUSY, RESETTING = 1, 2, 4
INT_QUEUE, INT_FAULT, INT_RESET, INT_INVALIDATE = 1, 2, 4, 8
CAP_PEER, CAP_REDUCE, CAP_ATOMIC, CAP_COPY_2D = 1, 2, 4, 8

# Blocks
VM_ROOT, VM_INV, VM_INV_DONE = 0x00, 0x08, 0x0c
Q_BASE, Q_TIMELINE, Q_SIZE, Q_VM, Q_VECTOR = 0x00, 0x08, 0x10, 0x14, 0x18
Q_CTRL, Q_STATUS, Q_HEAD, Q_TAIL = 0x1c, 0x20, 0x24, 0x28
Q_FAULT, Q_FAULT_INDEX, Q_FAULT_ADDR = 0x2c, 0x30, 0x38
Q_ENABLE, Q_RESET = 1, 2
Q_ENABLED, Q_BUSY, Q_HALTED, Q_WAITING, Q_IDLE = 1, 2, 4, 8, 16

# Commands
NOP, COPY, COPY_2D, FILL, REDUCE, ATOMIC, WRITE, WAIT, TIMESTAMP = range(9)
COMPLETE, IRQ = 1, 2

# Page tables
VALID, READ, WRITE_RIGHT, LARGE = 1, 2, 4, 8
HBM, SYSTEM, PEER, FABRIC = range(4)

# Faults
(UNMAPPED, NO_READ, NO_WRITE, BAD_PTE, APERTURE, BUS_ERROR, BAD_COMMAND, BAD_RANGE,
 DOORBELL, WAIT_TIMEOUT, BAD_VM) = range(1, 12)
ACCESS_NONE, ACCESS_READ, ACCESS_WRITE, ACCESS_RING = range(4)

(FABRIC_FAULT, POISON) = range(12, 14)

# The fabric, from sfab-fabric.rst
NUM_PORTS, NUM_SEGMENTS, NUM_IMPORTS, NUM_EIDS = 0x0048, 0x004c, 0x0050, 0x0054
INCARNATION, EID, OP_TIMEOUT, RETRY_TIMEOUT = 0x0058, 0x005c, 0x0068, 0x006c
SEG_INV, SEG_INV_DONE, PORT_EVENT = 0x0080, 0x0084, 0x0228
CAP_FABRIC, NOTIFY = 16, 4
P_CTRL, P_STATUS, P_CAP, P_PEER, P_PEER_UUID, P_COUNTER = 0x00, 0x04, 0x08, 0x0c, 0x10, 0x100
P_OPTICS, P_LANE_MASKS, P_TICKS, P_CODEWORDS, P_CORRECTED = 0x200, 0x208, 0x210, 0x218, 0x220
P_UNCORRECTABLE, P_SYMBOLS, P_HISTOGRAM = 0x228, 0x230, 0x280
P_LANE_POWER, P_LANE_STATE = 0x300, 0x308
P_TEST, P_TEST_STATUS, P_TEST_BITS = 0x40, 0x44, 0x48
P_SWITCH, P_SWITCH_STATUS = 0x180, 0x184
P_MODULE_CTRL, P_MODULE, P_MODULE_SERIAL, P_CLEAR = 0x20, 0x24, 0x30, 0x38
DOWN, TRAINING, UP, DEGRADED, FAILED = range(5)
NO_LIGHT = 2
NO_MODULE, LOW_POWER, MODULE_FAULT = 10, 11, 12
SEGMENT_RIGHTS = 0xe
(NO_ROUTE, TIMEOUT, BAD_TOKEN, OUT_OF_BOUNDS, NO_RIGHTS, REVOKED, POISONED,
 STALE, BAD_REQUEST, TARGET_FAULT) = range(1, 11)

# Where the tests put things in RAM; the rest is theirs.
MSI_AREA = 0x10000          # 4 bytes per vector and device
RING_AREA = 0x100000        # 64 KiB per queue and device
RAM_FREE = 8 * MiB
HBM_TABLES = 16 * MiB       # page tables lie below this in the HBM


def command(opcode, flags=0, dtype=0, op=0, dst=0, src=0, size=0, arg0=0, arg1=0, arg2=0,
            timeline=0, reserved=0):
    """The 64 bytes of a command."""
    words = (dst, src, size, arg0, arg1, arg2, timeline)
    return (bytes((opcode, flags, dtype, op)) + reserved.to_bytes(4, "little") +
            b"".join(word.to_bytes(8, "little") for word in words))


class AddressSpace:
    """VM v of a device, with tables that grow from the bottom of the HBM."""

    def __init__(self, accel, number):
        self.accel, self.number = accel, number
        self.block = 0x1000 + number * 0x20
        self.sequence = 0
        self.root = accel.new_table()
        accel.w64(self.block + VM_ROOT, self.root | VALID)

    def _entry(self, va, level):
        """HBM offset of the entry for va at a level; makes tables on the way."""
        table = self.root
        for above in range(3, level, -1):
            entry = table + 8 * (va >> 12 + 9 * above & 511)
            value = self.accel.hbm.u64(entry)
            if not value & VALID:
                value = self.accel.new_table() | VALID
                self.accel.hbm.set_u64(entry, value)
            table = value & 0x000ffffffffff000
        return table + 8 * (va >> 12 + 9 * level & 511)

    def set_pte(self, va, value, level=0):
        self.accel.hbm.set_u64(self._entry(va, level), value)

    def map(self, va, size, aperture, address, rights=READ | WRITE_RIGHT, step=None):
        """Map a range with the largest pages; step 0 maps the same page again and again."""
        while size > 0:
            large = not (va | address) & 2 * MiB - 1 and size >= 2 * MiB
            page = 2 * MiB if large else 4096
            self.set_pte(va, address | aperture << 4 | rights | VALID | (LARGE if large else 0),
                         1 if large else 0)
            va, size = va + page, size - page
            address += page if step is None else step

    def mirror(self, slot, aperture, address, rights=READ | WRITE_RIGHT):
        """Fill the 512 GiB at slot << 39 with one 2 MiB page; returns where they begin.

        So a command can be made to take as long as a test needs.
        """
        pages, directory = self.accel.new_table(), self.accel.new_table()
        page = address | aperture << 4 | rights | LARGE | VALID
        self.accel.hbm.write(pages, page.to_bytes(8, "little") * 512)
        self.accel.hbm.write(directory, (pages | VALID).to_bytes(8, "little") * 512)
        self.set_pte(slot << 39, directory | VALID, 3)
        return slot << 39

    def unmap(self, va, size, page=4096):
        for offset in range(0, size, page):
            self.set_pte(va + offset, 0, 1 if page == 2 * MiB else 0)

    def invalidate(self):
        """Ask for an invalidation; returns a function that tells whether it is done."""
        self.sequence += 1
        wanted = self.sequence
        self.accel.w32(self.block + VM_INV, wanted)
        return lambda: self.accel.r32(self.block + VM_INV_DONE) == wanted


class Queue:
    """Queue q of a device; ring and timeline are in RAM."""

    def __init__(self, accel, number, vm=0, vector=0, log2=6, configure=True):
        self.accel, self.number, self.log2 = accel, number, log2
        self.block = 0x4000 + number * 0x40
        self.ram = accel.machine.ram
        self.base = RING_AREA + (accel.index * 8 + number % 8) * 0x10000
        self.timeline = self.base + 0xf000
        self.tail = 0
        if configure:
            self.ram.set_u64(self.timeline, 0)
            self.configure(vm, vector)

    def r32(self, offset):
        return self.accel.r32(self.block + offset)

    def configure(self, vm=0, vector=0):
        accel = self.accel
        accel.w64(self.block + Q_BASE, self.base)
        accel.w64(self.block + Q_TIMELINE, self.timeline)
        accel.w32(self.block + Q_SIZE, self.log2)
        accel.w32(self.block + Q_VM, vm)
        accel.w32(self.block + Q_VECTOR, vector)
        accel.w32(self.block + Q_CTRL, Q_ENABLE)
        self.tail = 0

    def put(self, *commands):
        """Write commands into the ring, without a doorbell."""
        for each in commands:
            slot = self.tail % (1 << self.log2)
            self.ram.write(self.base + 64 * slot, each)
            self.tail += 1

    def doorbell(self, tail=None):
        self.accel.w32(0x10000 + self.number * 0x1000, self.tail if tail is None else tail)

    def submit(self, *commands):
        self.put(*commands)
        self.doorbell()

    def run(self, *commands):
        """Submit, and wait until all is done; a fault is an error."""
        self.submit(*commands)
        until(lambda: self.status() & (Q_IDLE | Q_HALTED), f"queue {self.number} is idle")
        assert not self.status() & Q_HALTED, f"queue {self.number} halted: {self.fault()}"

    def status(self):
        return self.r32(Q_STATUS)

    def head(self):
        return self.r32(Q_HEAD)

    def value(self):
        return self.ram.u64(self.timeline)

    def fault(self):
        """(cause, access, opcode, index, address) of the fault, None without one."""
        record = self.r32(Q_FAULT)
        if not record >> 31:
            return None
        return (record & 0xff, record >> 16 & 3, record >> 8 & 0xff, self.r32(Q_FAULT_INDEX),
                self.accel.r64(self.block + Q_FAULT_ADDR))

    def wait_fault(self):
        until(lambda: self.status() & Q_HALTED, f"queue {self.number} halts")
        return self.fault()

    def wait_value(self, value):
        until(lambda: self.value() == value, f"timeline of queue {self.number} is {value}")

    def reset(self):
        self.accel.w32(self.block + Q_CTRL, Q_RESET)
        until(lambda: not self.status() & Q_BUSY, f"queue {self.number} is left")


class Accel:
    """One accelerator behind root port `index` of a machine."""

    def __init__(self, machine, index, hbm, place=True):
        self.machine, self.index, self.hbm = machine, index, hbm
        self.port = pci.RootPort(machine, index)
        self.pci = self.port.function()
        self.bar0 = self.port.window32
        self.bar4 = self.port.window32 + 16 * MiB
        self.bar2 = self.port.window64
        self.next_table = 0
        if place:
            self.place()

    def place(self):
        """What firmware does after a bus reset: the way here, BARs, memory decoding."""
        self.port.open()
        for bar, address in ((0, self.bar0), (2, self.bar2), (4, self.bar4)):
            self.pci.set_bar(bar, address)
        self.pci.update(pci.COMMAND, 2, 0, pci.COMMAND_MEMORY)

    def r32(self, offset):
        return self.machine.read(self.bar0 + offset, 4)

    def r64(self, offset):
        return self.machine.read(self.bar0 + offset, 8)

    def w32(self, offset, value):
        self.machine.write(self.bar0 + offset, value, 4)

    def w64(self, offset, value):
        self.machine.write(self.bar0 + offset, value, 8)

    def new_table(self):
        table = self.next_table
        self.next_table += 4096
        assert self.next_table <= HBM_TABLES
        self.hbm.write(table, bytes(4096))
        return table

    def bring_up(self):
        """The specification's bring-up sequence."""
        assert self.r32(MAGIC) == 0x42414653
        assert self.r32(VERSION) >> 16 == 1
        self.w32(RESET, RESET_KEY)
        until(lambda: self.r32(STATUS) & READY, "device is ready")
        self.pci.bus_master(True)
        self.set_up_msix()
        self.w32(INT_ENABLE, 0xf)
        self.w32(CTRL, 1)
        return self

    # MSI-X: vector v writes 0x100 + v to its own word in RAM

    def set_up_msix(self):
        for vector in range(min(self.r32(NUM_VECTORS), 16)):
            entry = self.bar4 + 16 * vector
            self.machine.write(entry, self.msi_word(vector), 4)
            self.machine.write(entry + 4, 0, 4)
            self.machine.write(entry + 8, 0x100 + vector, 4)
            self.machine.write(entry + 12, 0, 4)
        self.msix_control(0x8000)

    def msix_control(self, value):
        self.pci.write(self.pci.capability(pci.CAP_MSIX) + 2, value, 2)

    def mask_vector(self, vector, mask):
        self.machine.write(self.bar4 + 16 * vector + 12, int(mask), 4)

    def pending(self, vector):
        offset = self.pci.read(self.pci.capability(pci.CAP_MSIX) + 8, 4) & ~7
        word = self.machine.read(self.bar4 + offset + vector // 64 * 8, 8)
        return bool(word >> vector % 64 & 1)

    def msi_word(self, vector):
        return MSI_AREA + self.index * 0x1000 + 4 * vector

    def take_interrupt(self, vector):
        """Whether the vector was delivered since this was last asked."""
        value = self.machine.ram.u32(self.msi_word(vector))
        self.machine.ram.set_u32(self.msi_word(vector), 0)
        assert value in (0, 0x100 + vector), hex(value)
        return bool(value)

    def wait_interrupt(self, vector):
        until(lambda: self.take_interrupt(vector), f"interrupt of vector {vector}")

    # The fabric

    def port_block(self, port):
        return 0x90000 + port * 0x400

    def port_state(self, port):
        return self.r32(self.port_block(port) + P_STATUS) & 0xf

    def port_reason(self, port):
        return self.r32(self.port_block(port) + P_STATUS) >> 8 & 0xff

    def port_counter(self, port, number):
        return self.r64(self.port_block(port) + P_COUNTER + 8 * number)

    def set_route(self, eid, *ports, hops=1):
        value = sum((port | hops << 8) << 16 * i for i, port in enumerate(ports))
        self.w64(0xa0000 + eid * 8, value)

    def export(self, number, va, size, token, vm=0, epoch=1, rights=SEGMENT_RIGHTS):
        block = 0xc0000 + number * 0x40
        self.w32(block + 0x20, 0)
        self.w64(block + 0x00, va)
        self.w64(block + 0x08, size)
        self.w64(block + 0x10, token)
        self.w32(block + 0x18, vm)
        self.w32(block + 0x1c, epoch)
        self.w32(block + 0x20, rights | VALID)

    def revoke(self, number):
        self.w32(0xc0000 + number * 0x40 + 0x20, 0)

    def import_segment(self, number, eid, segment, token, epoch=1, base=0):
        block = 0xd0000 + number * 0x20
        self.w32(block + 0x18, 0)
        self.w64(block + 0x00, token)
        self.w64(block + 0x08, base)
        self.w32(block + 0x10, segment << 16 | eid)
        self.w32(block + 0x14, epoch)
        self.w32(block + 0x18, VALID)

    def fabric_status(self, queue):
        """The fabric status of the queue's fault."""
        return queue.r32(Q_FAULT) >> 18 & 0x3f

    def counter(self, number):
        return self.r64(COUNTER + 8 * number)

    def reset(self):
        self.w32(RESET, RESET_KEY)
        until(lambda: self.r32(STATUS) & READY, "device is ready")

    def function_level_reset(self):
        control = self.pci.capability(pci.CAP_EXPRESS) + 8
        self.pci.update(control, 2, 0, pci.EXP_DEVCTL_FLR)


class Lab:
    """A machine with accelerators that share their memory with the test."""

    def __init__(self, accels=1, hbm=64 * MiB, ram=64 * MiB, properties="", args=(),
                 machine="q35", bring_up=True, place=True, own_properties=(), **process):
        self.ram = Memory("ram", ram)
        self.hbms = [Memory(f"hbm{i}", hbm) for i in range(accels)]
        options = ["-machine", f"{machine},memory-backend=ram", "-m", f"{ram}b",
                   "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]
        for i in range(accels):
            options += pci.RootPort.option(i)
            own = own_properties[i] if own_properties else ""
            options += ["-device", self.device(i, ",".join(filter(None, (properties, own))))]
        self.machine = Machine(list(args) + options, [self.ram] + self.hbms, **process)
        self.machine.ram = self.ram
        try:
            if place:
                pci.enable_ecam(self.machine)
            self.accels = [Accel(self.machine, i, self.hbms[i], place) for i in range(accels)]
            if place and bring_up:
                for accel in self.accels:
                    accel.bring_up()
        except BaseException:
            self.machine.kill(keep_log=True)
            raise

    @staticmethod
    def device(index, properties=""):
        return (f"sfab-accel,id=accel{index},bus=port{index},hbmdev=hbm{index}" +
                (f",{properties}" if properties else ""))

    def wait(self, condition, what):
        """Wait for what takes time on QEMU's clock, which only tests move."""
        def tick():
            self.machine.clock(1000000)
            return condition()
        return until(tick, what)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.machine.__exit__(kind, value, trace)
        for memory in [self.ram] + self.hbms:
            memory.close()
