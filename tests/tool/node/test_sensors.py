# SPDX-License-Identifier: MIT
"""`sensors` of lm-sensors shows the hwmon device of each port, with what sysfs says."""

import glob
import json
import os
import subprocess

import harness

# What sysfs counts in, by the beginning of a file's name
UNIT = {"temp": 1000, "in": 1000, "curr": 1000, "power": 1000000}


def chip_of(link):
    """What libsensors calls the port accelN:PORT: name, bus, address there."""
    accel, port = link.split(":")
    device = os.path.basename(os.path.realpath(f"/sys/class/accel/{accel}/device"))
    domain, bus, slot, function = (int(part, 16) for part in device.replace(".", ":").split(":"))
    return f"sfab_port{port}-pci-{domain << 16 | bus << 8 | slot << 3 | function:04x}"


class Sensors(harness.LinkTest):
    def of_sysfs(self, name):
        """All inputs of a link's hwmon device, as sysfs says them."""
        said = {}
        for path in glob.glob(f"/sys/class/sfab_link/{name}/hwmon*/*_input"):
            with open(path, encoding="ascii") as file:
                said[os.path.basename(path)] = int(file.read())
        return said

    def of_sensors(self, chip):
        """... and as `sensors` says them, in the units of sysfs."""
        shown = json.loads(subprocess.run(["sensors", "-j", chip], check=True,
                                          stdout=subprocess.PIPE).stdout)
        said = {}
        for feature in shown[chip].values():
            if isinstance(feature, dict):
                said.update({file: value for file, value in feature.items()
                             if file.endswith("_input")})
        return {file: round(value * UNIT[file.removesuffix("_input").rstrip("0123456789")])
                for file, value in said.items()}

    def test_each_port_is_a_chip(self):
        shown = json.loads(subprocess.run(["sensors", "-j"], check=True,
                                          stdout=subprocess.PIPE).stdout)
        links = [link["name"] for link in self.ok("link", "-j").json["links"]]
        self.assertEqual(sorted(chip for chip in shown if chip.startswith("sfab_port")),
                         sorted(map(chip_of, links)))

    def test_values(self):
        chip, name = chip_of("accel0:0"), self.name_of("0:0")
        for _ in range(50):
            sysfs, shown = self.of_sysfs(name), self.of_sensors(chip)
            if sysfs == self.of_sysfs(name):
                break
        else:
            self.fail("the readings do not stand still")
        self.assertGreater(len(sysfs), 20)
        self.assertEqual(shown, sysfs)
