# SPDX-License-Identifier: MIT
"""The CMIS map of a link's module, decoded by ethtool, and what sysfs and the tool say of it."""

import glob
import math
import os
import sys

import harness

REPO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
sys.path.insert(0, os.path.join(REPO, "tests/unit/cmis"))

from decoded import decode  # noqa: E402  pylint: disable=wrong-import-position

LANES = range(8)


class Decoded(harness.LinkTest):
    def sysfs(self):
        """All readings that sysfs has of link 0:0, by their files' names."""
        link = f"/sys/class/sfab_link/{self.name_of('0:0')}"
        files = [f"{link}/temperature", f"{link}/supply", *glob.glob(f"{link}/hwmon*/*_input")]
        said = {}
        for path in files:
            with open(path, encoding="ascii") as file:
                said[os.path.basename(path)] = int(file.read())
        return said

    def tool(self):
        link = self.link("0:0")
        del link["counters"], link["ber"]
        return link

    def at_one_moment(self):
        """What the tool, sysfs and ethtool say while the readings stand still."""
        for _ in range(50):
            link, sysfs = self.tool(), self.sysfs()
            self.ok("link", "map", "0:0", "-o", self.path("map"))
            if (link, sysfs) == (self.tool(), self.sysfs()):
                break
        else:
            self.fail("the readings do not stand still")
        return link, sysfs, decode(self.path("map"),
                                   os.path.abspath(f"{REPO}/build/tests/unit/cmis/eeprom.so"))

    def compare(self, link, sysfs, said):
        """Each as exact as the one of the two that has fewer digits."""
        def same(one, other, unit):
            self.assertLessEqual(abs(one - other), 0.52 * unit)

        self.assertEqual(said["vendor_sn"], link["module"]["serial"])
        same(said["module_temperature"] * 1000, sysfs["temp1_input"], 1)
        same(said["module_temperature"] * 1000, sysfs["temperature"], 1)
        same(said["module_temperature"], link["temperature_c"], 0.1)
        same(said["module_voltage"] * 1000, sysfs["in0_input"], 1)
        same(said["module_voltage"] * 1000, sysfs["supply"], 1)
        same(said["module_voltage"], link["supply_v"], 0.001)
        for lane in LANES:
            shown = link["lane_list"][lane]
            bias = said["laser_tx_bias_current"][lane]
            same(bias, sysfs[f"curr{lane + 1}_input"], 1)
            same(bias, shown["bias_ma"], 0.01)
            for power, file, dbm in ((said["transmit_avg_optical_power"][lane], lane + 1, "tx_dbm"),
                                     (said["rx_power"]["values"][lane], lane + 17, "rx_dbm")):
                same(power * 1000, sysfs[f"power{file}_input"], 1)
                if power:
                    same(10 * math.log10(power), shown[dbm], 0.01)
                else:
                    self.assertIsNone(shown[dbm])
            if shown["los"]:
                self.assertTrue(said["rx_loss_of_signal"][lane])

    def test_up(self):
        link, sysfs, said = self.at_one_moment()
        self.assertEqual((link["state"], said["module_state_description"]), ("up", "ModuleReady"))
        self.assertGreater(min(said["rx_power"]["values"]), 0.3)
        self.compare(link, sysfs, said)

    def recover(self):
        self.ok("link", "lasers-on", "0:0", "--lanes", "1,6")
        self.ok("link", "full-power", "0:0")
        self.ok("link", "retrain", "0:0")
        self.until_up("0:0")

    def test_lasers_off(self):
        self.addCleanup(self.recover)
        self.ok("link", "lasers-off", "0:0", "--lanes", "1,6")
        link, sysfs, said = self.at_one_moment()
        self.assertEqual([lane for lane in LANES if not said["transmit_avg_optical_power"][lane]],
                         [1, 6])
        self.compare(link, sysfs, said)

    def test_low_power(self):
        self.addCleanup(self.recover)
        self.ok("link", "low-power", "0:0")
        link, sysfs, said = self.at_one_moment()
        self.assertTrue(said["low_pwr_request_sw"])
        self.assertEqual(sum(said["transmit_avg_optical_power"]), 0)
        self.compare(link, sysfs, said)
