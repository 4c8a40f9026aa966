# SPDX-License-Identifier: MIT
"""The properties of the device: documented, checked, and what they change."""

import unittest
import uuid

import sfab
from machine import MiB, refuse
from sfab import Lab


def backend(size, name="hbm0"):
    return ["-object", f"memory-backend-ram,id={name},reserve=off,size={size}"]


class Refused(unittest.TestCase):
    """Every error names the property, its value and the remedy."""

    def check(self, args, *words):
        text = refuse(sfab.pci.RootPort.option(0) + args)
        for word in words:
            self.assertIn(word, text)

    def with_hbm(self, properties, *words):
        self.check(backend("64M") + ["-device", f"sfab-accel,bus=port0,hbmdev=hbm0,{properties}"],
                   *words)

    def test_no_hbm(self):
        self.check(["-device", "sfab-accel,bus=port0"],
                   "sfab-accel.hbmdev' is not set", "memory-backend-ram")

    def test_hbm_is_no_backend(self):
        self.check(["-device", "sfab-accel,bus=port0,hbmdev=nothing"], "nothing")

    def test_hbm_size(self):
        for size in ("32M", "62M", "65M", f"{64 * 1024 + 2}M", "4k"):
            self.check(backend(size) + ["-device", "sfab-accel,bus=port0,hbmdev=hbm0"],
                       "sfab-accel.hbmdev' is 'hbm0'", "64 MiB to 64 GiB", "multiple of 2 MiB")

    def test_hbm_in_use(self):
        self.check(sfab.pci.RootPort.option(1) + backend("64M") +
                   ["-device", "sfab-accel,bus=port0,hbmdev=hbm0",
                    "-device", "sfab-accel,bus=port1,hbmdev=hbm0"],
                   "sfab-accel.hbmdev' is 'hbm0'", "in use", "own backend")

    def test_numbers(self):
        for name, most in (("queues", 128), ("vms", 128), ("engines", 8), ("vectors", 2048)):
            for value in (0, most + 1):
                self.with_hbm(f"{name}={value}", f"sfab-accel.{name}' is {value}",
                              f"from 1 to {most}")

    def test_uuid(self):
        self.with_hbm("uuid=5", "uuid")

    def test_surprise_removal_is_for_run_time(self):
        self.with_hbm("x-surprise-removed=on", "x-surprise-removed", "qom-set")


class Accepted(unittest.TestCase):

    def test_largest_hbm(self):
        """64 GiB of address space, of which nothing is touched."""
        lab = self.enterContext(Lab(hbm=64 << 30))
        accel = lab.accels[0]
        self.assertEqual(accel.pci.bar_size(2), 64 << 30)
        self.assertEqual(accel.r64(sfab.HBM_SIZE), 64 << 30)
        lab.machine.write(accel.bar2 + (64 << 30) - 8, 0x1234, 8)
        vm = sfab.AddressSpace(accel, 0)
        vm.map(0x1000, 4096, sfab.HBM, (64 << 30) - 4096)
        vm.map(0x2000, 4096, sfab.SYSTEM, sfab.RAM_FREE)
        sfab.Queue(accel, 0).run(sfab.command(sfab.COPY, dst=0x2000, src=0x1ff8, size=8))
        self.assertEqual(lab.ram.u64(sfab.RAM_FREE), 0x1234)

    def test_numbers_reach_the_registers(self):
        lab = self.enterContext(Lab(properties="queues=7,vms=9,engines=5,vectors=11"))
        accel = lab.accels[0]
        self.assertEqual([accel.r32(offset) for offset in (
            sfab.NUM_QUEUES, sfab.NUM_VMS, sfab.NUM_ENGINES, sfab.NUM_VECTORS)], [7, 9, 5, 11])
        for offset in (0x4000 + 7 * 0x40, 0x1000 + 9 * 0x20, 0x10000 + 7 * 0x1000):
            accel.w32(offset, 0x1000)
            self.assertEqual(accel.r32(offset), 0)
        self.assertGreaterEqual(len(lab.machine.guest_errors()), 6)

    def test_every_property_is_described(self):
        lab = self.enterContext(Lab())
        found = {each["name"]: each.get("description", "") for each in lab.machine.qmp(
            "device-list-properties", typename="sfab-accel")}
        for name in ("hbmdev", "uuid", "serial", "queues", "vms", "engines", "vectors", "p2p",
                     "x-engine-sync", "x-surprise-removed", "x-inject"):
            self.assertGreater(len(found[name]), 10, name)


class Identity(unittest.TestCase):

    def identities(self, accels=2, **options):
        with Lab(accels=accels, **options) as lab:
            return [(accel.r64(sfab.UUID).to_bytes(8, "little") +
                     accel.r64(sfab.UUID + 8).to_bytes(8, "little"), accel.r64(sfab.SERIAL))
                    for accel in lab.accels]

    def test_given(self):
        name = uuid.UUID("12345678-9abc-4def-8123-456789abcdef")
        (given, serial), = self.identities(1, properties=f"uuid={name},serial=4711")
        self.assertEqual((given, serial), (name.bytes, 4711))

    def test_derived(self):
        """Unique within and between VMs, and the same at every start."""
        one, two = ["-uuid", str(uuid.UUID(int=1))], ["-uuid", str(uuid.UUID(int=2))]
        first = self.identities(args=one)
        self.assertEqual(self.identities(args=one), first)
        everyone = first + self.identities(args=two) + self.identities()
        self.assertEqual(len({identity for identity, _ in everyone}), 6)
        self.assertEqual(len({serial for _, serial in everyone}), 6)
        for identity, serial in everyone:
            self.assertEqual(uuid.UUID(bytes=identity).version, 8)
            self.assertTrue(0 < serial < 1 << 64)

    def test_qom_tells_it(self):
        lab = self.enterContext(Lab())
        path = "/machine/peripheral/accel0"
        told = lab.machine.qmp("qom-get", path=path, property="uuid")
        accel = lab.accels[0]
        self.assertEqual(uuid.UUID(told).bytes, accel.r64(sfab.UUID).to_bytes(8, "little") +
                         accel.r64(sfab.UUID + 8).to_bytes(8, "little"))
        self.assertEqual(lab.machine.qmp("qom-get", path=path, property="serial"),
                         accel.r64(sfab.SERIAL))


class SmallestHbm(unittest.TestCase):

    def test_64_mib(self):
        lab = self.enterContext(Lab(hbm=64 * MiB))
        self.assertEqual(lab.accels[0].r64(sfab.HBM_SIZE), 64 * MiB)
