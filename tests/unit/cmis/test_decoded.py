# SPDX-License-Identifier: MIT
"""The CMIS image as ethtool decodes it, compared with the registers, as the contract has both."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

from decoded import decode

LANES = range(8)
MONITORS = ("bias_current", "tx_power", "rx_power")
FLAGS = ("high_alarm", "low_alarm", "high_warning", "low_warning")

# Writes of P_MODULE_CTRL and P_CLEAR
LOW_POWER, CLEAR_FLAGS = "control=1", "clear=4"


def field(word, at):
    return word >> at & 0xffff


def celsius(word):
    return (word - (word >> 15 << 16)) / 256


def limits(*values):
    return {f"{flag}_threshold": value for flag, value in zip(FLAGS, values)}


class Decoded(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="sfab-cmis-")
        self.addCleanup(shutil.rmtree, self.dir)

    def module(self, *steps):
        """A module to which that happens: the registers, and what ethtool says."""
        built = os.environ["BUILT"]
        path = os.path.join(self.dir, "map")
        told = subprocess.run([f"{built}/module", path, *steps], check=True, stdout=subprocess.PIPE)
        self.registers = json.loads(told.stdout)
        self.said = decode(path, f"{built}/eeprom.so")

    def expect(self, **known):
        self.assertEqual({name: self.said.get(name) for name in known}, known)

    def expect_readings(self):
        """Those of the registers, in their units; to the last digit that ethtool prints."""
        optics, lanes = self.registers["P_OPTICS"], self.registers["P_LANE_POWER"]
        said = self.said
        self.assertAlmostEqual(said["module_temperature"], celsius(field(optics, 0)), delta=1e-4)
        self.assertAlmostEqual(said["module_voltage"], field(optics, 16) / 1e4, delta=1e-5)
        self.assertEqual(said["rx_power"]["type"], "Rcvr signal avg optical power")
        for values, at, unit in ((said["transmit_avg_optical_power"], 0, 1e-4),
                                 (said["rx_power"]["values"], 16, 1e-4),
                                 (said["laser_tx_bias_current"], 32, 2e-3)):
            self.assertEqual(len(values), len(LANES))
            for lane in LANES:
                self.assertAlmostEqual(values[lane], field(lanes[lane], at) * unit, delta=unit / 10)

    def expect_lanes(self, **masks):
        """Flags of lanes: these, and no other one.

        ethtool 6.14 takes the number of a lane for its bit where monitors have flags; a decoder
        that does not is as welcome. So faults are on lanes 0 to 2.
        """
        masks = {name: masks.pop(name, 0) for name in
                 [*(f"laser_{monitor}_{flag}" for monitor in MONITORS for flag in FLAGS),
                  "rx_loss_of_signal", "rx_loss_of_lock", "tx_fault"]} | masks
        for name, mask in masks.items():
            ways = [[bool(mask >> lane & 1) for lane in LANES]]
            if name.startswith("laser_"):
                ways.append([bool(mask & lane) for lane in LANES])
            self.assertIn(self.said[name], ways, f"{name}, {mask:#x}")

    def expect_module(self, *flags):
        """Flags of the module: these, and no other one."""
        self.assertEqual([f"{what}_{flag}" for what in ("temperature", "voltage") for flag in FLAGS
                          if self.said[f"module_{what}_{flag}"]], list(flags))

    # ---- what does not change ----

    def test_identity(self):
        self.module()
        self.expect(identifier_description="OSFP 8X Pluggable Transceiver",
                    revision_compliance={"major": 5, "minor": 2}, vendor_name="SFAB",
                    vendor_oui=[0x02, 0x5f, 0xab], vendor_pn="SFAB-DR8-OCS", vendor_rev="A1",
                    vendor_sn=f'SFAB{self.registers["P_MODULE_SERIAL"]:012}', date_code="250101",
                    active_firmware_version={"major": 1, "minor": 0})

    def test_kind(self):
        self.module()
        # Not its tolerance: ethtool 6.14 takes a byte of the wavelength for it.
        self.expect(power_class=8, max_power=16, connector_description="MPO 1x16",
                    transmitter_technology_description="1310 nm EML", laser_wavelength=1310,
                    rx_cdr=True, rx_cdr_bypass_control=False, **{"length_(smf)": 0.5})

    def test_thresholds(self):
        self.module()
        self.expect(module_temperature_limits=limits(78, -8, 73, -3),
                    module_voltage_limits=limits(3.63, 2.97, 3.465, 3.135),
                    laser_bias_current_limits=limits(129.8, 20, 125, 30),
                    laser_output_power_limits=limits(3.1623, 0.4074, 2.5119, 0.5129),
                    laser_rx_power_limits=limits(3.1623, 0.2042, 2.5119, 0.257))

    # ---- what happens ----

    def test_healthy(self):
        self.module(CLEAR_FLAGS)
        self.expect(module_state_description="ModuleReady", low_pwr_request_sw=False,
                    low_pwr_allow_request_hw=False)
        self.expect_readings()
        self.expect_module()
        self.expect_lanes()
        for lane in LANES:
            self.assertTrue(90 < self.said["laser_tx_bias_current"][lane] < 110)
            self.assertTrue(1 < self.said["transmit_avg_optical_power"][lane] < 2.5)
            self.assertTrue(0.4 < self.said["rx_power"]["values"][lane] < 1)

    def test_dead_laser(self):
        self.module(CLEAR_FLAGS, "dead.1=1")
        self.expect_readings()
        self.assertEqual(self.said["transmit_avg_optical_power"][1], 0)
        self.expect_lanes(tx_fault=2, laser_tx_power_low_alarm=2, laser_tx_power_low_warning=2,
                          laser_bias_current_low_alarm=2, laser_bias_current_low_warning=2)
        self.expect_module()

    def test_aged_lasers(self):
        self.module(CLEAR_FLAGS, "age.0=900000", "age.2=1000000")
        self.expect_readings()
        self.assertTrue(125 < self.said["laser_tx_bias_current"][0] < 129.8)
        self.assertEqual(self.said["laser_tx_bias_current"][2], 130)
        self.expect_lanes(laser_bias_current_high_warning=5, laser_bias_current_high_alarm=4)

    def test_dirt(self):
        self.module(CLEAR_FLAGS, "loss.0=4600", "loss.1=6000", "loss.2=20000")
        self.expect_readings()
        self.expect_lanes(laser_rx_power_low_warning=7, laser_rx_power_low_alarm=6,
                          rx_loss_of_signal=4, rx_loss_of_lock=4)

    def test_no_clock(self):
        self.module(CLEAR_FLAGS, "unlock.6=1")
        self.expect_readings()
        self.expect_lanes(rx_loss_of_lock=0x40)

    def test_hot(self):
        self.module(CLEAR_FLAGS, "heat=29500")
        self.expect_readings()
        self.expect_module("temperature_high_warning")
        self.module(CLEAR_FLAGS, "heat=34000")
        self.expect_readings()
        self.expect_module("temperature_high_alarm", "temperature_high_warning")
        self.expect(module_state_description="ModuleReady")

    def test_too_hot(self):
        self.module(CLEAR_FLAGS, "heat=40000")
        self.expect(module_state_description="ModuleFault", module_fault_cause=0x20)
        self.expect_readings()
        self.expect_module("temperature_high_alarm", "temperature_high_warning")
        self.assertEqual(self.said["laser_tx_bias_current"], [0] * 8)

    def test_below_zero(self):
        self.module(CLEAR_FLAGS, "heat=-49500")
        self.assertLess(self.said["module_temperature"], -4)
        self.expect_readings()
        self.expect_module("temperature_low_warning")

    def test_low_power(self):
        self.module(CLEAR_FLAGS, LOW_POWER)
        self.expect(module_state_description="ModuleLowPwr", low_pwr_request_sw=True)
        self.expect_readings()
        self.assertEqual(self.said["transmit_avg_optical_power"], [0] * 8)

    def test_flags_stay(self):
        self.module(CLEAR_FLAGS, "heat=29500", "dead.1=1", "heat=0", "dead.1=0")
        self.expect_readings()
        self.expect_module("temperature_high_warning")
        self.expect(tx_fault=[lane == 1 for lane in LANES])
        self.module("heat=29500", "dead.1=1", "heat=0", "dead.1=0", CLEAR_FLAGS)
        self.expect_module()
        self.expect_lanes()

    def test_another_module(self):
        self.module("serial=42")
        self.expect(vendor_sn="SFAB000000000042", module_state_description="ModuleReady")
        self.expect_readings()
