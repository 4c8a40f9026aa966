# SPDX-License-Identifier: MIT
"""What goes wrong with the light of a port, as its registers and its link show it."""

import sfab
from machine import QmpError
from test_fabric import HBM_AT, LOCAL, REMOTE, SIZE, Joined

WORD = 0xffff


class Optics(Joined):
    """Faults are injected where accelerator 1 receives what accelerator 0 sends."""

    def inject(self, fault, accel=1):
        self.machine.qmp("qom-set", path=f"/machine/peripheral/accel{accel}",
                         property="x-inject", value=fault)

    def reg(self, accel, offset):
        return accel.r64(accel.port_block(0) + offset)

    def power(self, accel, lane):
        """Sent and received, in 0.1 uW."""
        word = self.reg(accel, sfab.P_LANE_POWER + 16 * lane)
        return word & WORD, word >> 16 & WORD

    def masks(self, accel):
        """Lanes used, without a signal, without a clock, without a laser."""
        word = self.reg(accel, sfab.P_LANE_MASKS)
        return tuple(word >> at & WORD for at in (0, 16, 32, 48))

    def lanes(self, accel):
        return accel.r32(accel.port_block(0) + sfab.P_STATUS) >> 16

    def wait(self, condition, what):
        self.lab.wait(condition, what)

    def test_a_healthy_link(self):
        for accel in (self.a, self.b):
            self.assertEqual(self.masks(accel), (0xff, 0, 0, 0))
            module = self.reg(accel, sfab.P_OPTICS)
            self.assertTrue(44 * 256 < module & WORD < 46 * 256)
            self.assertTrue(32700 < module >> 16 & WORD < 33300)
            for lane in range(8):
                sent, received = self.power(accel, lane)
                self.assertTrue(13000 < sent < 20000 and 5000 < received < 9000)
        before = self.reg(self.b, sfab.P_CODEWORDS)
        self.wait(lambda: self.reg(self.b, sfab.P_CODEWORDS) > before, "codewords are counted")
        self.assertEqual(self.reg(self.b, sfab.P_UNCORRECTABLE), 0)
        self.check_works()
        self.assertEqual(self.b.port_counter(0, 5), 0)

    def test_a_bend(self):
        received = self.power(self.b, 0)[1]
        self.inject("loss,port=0,value=1.5")
        self.wait(lambda: self.power(self.b, 0)[1] < received * 0.75, "it is dimmer")
        self.check_works()
        self.inject("loss,port=0,value=30")
        self.wait(lambda: self.b.port_state(0) == sfab.DOWN, "no light is left")
        self.assertEqual(self.b.port_reason(0), sfab.NO_LIGHT)
        self.assertEqual(self.masks(self.b)[:3], (0, 0xff, 0xff))
        self.wait(lambda: self.a.port_state(0) == sfab.TRAINING, "the other end waits")
        self.inject("loss,port=0,value=0")
        for accel in (self.a, self.b):
            self.wait(lambda: accel.port_state(0) == sfab.UP, "up again")  # pylint: disable=W0640
        self.check_works()

    def test_codewords_are_lost(self):
        self.inject("loss,port=0,value=2.9")
        self.wait(lambda: self.reg(self.b, sfab.P_UNCORRECTABLE), "codewords are lost")
        for _ in range(20):
            self.check_works()
            if self.b.port_counter(0, 5):
                break
        self.assertGreater(self.b.port_counter(0, 5), 0)

    def test_a_dead_lane(self):
        self.inject("dead,port=0,lane=2,value=1", accel=0)
        for accel in (self.a, self.b):
            self.wait(lambda: self.lanes(accel) == 4, "four lanes")  # pylint: disable=W0640
            self.assertEqual(accel.port_state(0), sfab.DEGRADED)
        self.assertEqual(self.masks(self.a)[3], 4)
        self.assertEqual(self.power(self.a, 2)[0], 0)
        self.assertEqual(self.masks(self.b)[1], 4)
        self.check_works()

    def test_a_clock(self):
        self.inject("unlock,port=0,value=1")
        self.wait(lambda: self.b.port_state(0) == sfab.TRAINING, "it trains")
        self.assertEqual(self.masks(self.b), (0, 0, 0xff, 0))
        self.inject("unlock,port=0,value=0")
        self.wait(lambda: self.b.port_state(0) == sfab.UP, "up again")

    def test_heat_and_age(self):
        self.inject("heat,port=0,value=20.5", accel=0)
        self.wait(lambda: self.reg(self.a, sfab.P_OPTICS) & WORD > 64 * 256, "it is warm")
        self.inject("age,port=0,lane=1,value=0.5", accel=0)
        self.wait(lambda: self.reg(self.a, sfab.P_LANE_STATE + 16) >> 32 & 0xff == 50, "it is old")
        self.inject("heat,port=0,value=50", accel=0)
        self.wait(lambda: self.b.port_state(0) == sfab.DOWN, "it has switched off")

    def module(self):
        """Its state, fault, and how many there have been."""
        word = self.a.r32(self.a.port_block(0) + sfab.P_MODULE)
        return word >> 4 & 0xf, word >> 8 & 0xff, word >> 16

    def test_modules(self):
        self.assertEqual(self.module(), (3, 0, 1))
        first = self.reg(self.a, sfab.P_MODULE_SERIAL)
        self.inject("module,port=0,value=0", accel=0)
        self.wait(lambda: self.a.port_reason(0) == sfab.NO_MODULE, "it is out")
        self.assertEqual(self.module(), (0, 0, 1))
        self.inject("module,port=0,value=77", accel=0)
        self.wait(lambda: self.module() == (3, 0, 2), "another one comes up")
        self.wait(lambda: self.a.port_state(0) == sfab.UP, "the link does")
        self.assertEqual(self.reg(self.a, sfab.P_MODULE_SERIAL), 77)
        self.assertNotEqual(first, 77)
        self.a.w32(self.a.port_block(0) + sfab.P_MODULE_CTRL, 1)
        self.wait(lambda: self.a.port_reason(0) == sfab.LOW_POWER, "it sleeps")
        self.a.w32(self.a.port_block(0) + sfab.P_MODULE_CTRL, 0)
        self.wait(lambda: self.a.port_state(0) == sfab.UP, "it is awake")
        self.inject("hang,port=0,value=1", accel=0)
        self.wait(lambda: self.a.port_reason(0) == sfab.MODULE_FAULT, "it hangs")
        self.assertEqual(self.module(), (3, 2, 2))
        self.inject("hang,port=0,value=0", accel=0)
        self.wait(lambda: self.a.port_state(0) == sfab.UP, "up again")
        self.inject("damage,port=0,value=300000", accel=0)
        for _ in range(20):
            self.check_works()
            if self.a.port_counter(0, 5):
                break
        self.assertGreater(self.a.port_counter(0, 5), 0)
        self.inject("damage,port=0,value=0", accel=0)
        self.a.w32(self.a.port_block(0) + sfab.P_CLEAR, 3)
        self.wait(lambda: not self.a.r32(self.a.port_block(0) + sfab.P_CLEAR), "it is cleared")
        self.assertEqual(self.a.port_counter(0, 5), 0)
        self.check_works()

    def test_patterns(self):
        for accel in (self.a, self.b):
            accel.w32(accel.port_block(0) + sfab.P_TEST, 1)
        for accel in (self.a, self.b):
            self.wait(lambda: accel.r32(  # pylint: disable=W0640
                accel.port_block(0) + sfab.P_TEST_STATUS) == 0x100ff, "the pattern is found")
            self.assertEqual(accel.port_reason(0), 13)
        for accel in (self.a, self.b):
            accel.w32(accel.port_block(0) + sfab.P_TEST, 0)
        for accel in (self.a, self.b):
            self.wait(lambda: accel.port_state(0) == sfab.UP, "up again")  # pylint: disable=W0640
            self.assertGreater(self.reg(accel, sfab.P_TEST_BITS), 0)
        self.check_works()

    def test_nonsense(self):
        for fault, word in (("rust,port=0,value=1", "rust"), ("loss,value=1", "port=NUMBER"),
                            ("loss,port=0", "value=NUMBER"), ("loss,port=0,value=x", "value"),
                            ("loss,port=4,value=1", "no such port"),
                            ("loss,port=0,path=1,value=1", "light path"),
                            ("loss,port=0,lane=8,value=1", "no such lane"),
                            ("loss,port=0,value=61", "out of range"),
                            ("loss,port=0,value=-1", "out of range"),
                            ("loss,port=0,value=1e300", "out of range"),
                            ("dead,port=0,path=0,value=1", "path"),
                            ("heat,port=0,lane=0,value=1", "lane"),
                            ("loss,port=0,lane=-1,value=1", "lane"),
                            ("module,port=0,lane=1,value=1", "lane"),
                            ("flap,port=0,value=0.2", "out of range"),
                            ("loss,port=0,value=1,colour=2", "colour")):
            with self.assertRaises(QmpError) as raised:
                self.inject(fault)
            self.assertIn(word, str(raised.exception))
        self.assertEqual(self.masks(self.b), (0xff, 0, 0, 0))


class Switching(Joined):
    """Two accelerators, and a spare fibre at path 1 of the ports that are joined."""

    def setUp(self):
        self.own = ["port0-path0=red,port0-path1=blue,paths=2"] * 2
        super().setUp()

    def lab_arguments(self):
        return {"args": ["-object", self.fibre, "-object", "sfab-fibre,id=blue"],
                "own_properties": self.own}

    def status(self, accel):
        """Phase, result, where it went wrong, cause, count."""
        word = accel.r32(accel.port_block(0) + sfab.P_SWITCH_STATUS)
        return word & 0xf, word >> 4 & 0xf, word >> 8 & 0xf, word >> 12 & 0xf, word >> 16

    def switch(self, value):
        count = self.status(self.a)[4]
        self.a.w32(self.a.port_block(0) + sfab.P_SWITCH, value)
        for accel in (self.a, self.b):
            self.lab.wait(lambda: self.status(accel)[4] > count,  # pylint: disable=W0640
                          "it has ended")
            self.assertEqual(self.status(accel)[0], 0)
        return self.status(self.a)[1:4]

    def test_there_and_back_below_work(self):
        for i in range(1, 5):
            path = i % 2
            self.a.hbm.write(HBM_AT, self.data)
            self.copy(REMOTE, LOCAL, timeline=i)
            self.assertEqual(self.switch(path | 1 << 4 | path << 8), (1, 0, 0))
            self.finish()
            self.assertTrue(self.b.hbm.read(HBM_AT + SIZE, len(self.data)) == self.data)
            self.assertEqual(self.a.r32(self.a.port_block(0) + sfab.P_STATUS) >> 4 & 0xf, path)
        for accel in (self.a, self.b):
            for counter in range(7, 13):
                self.assertEqual(accel.port_counter(0, counter), 0)

    def test_stuck(self):
        self.machine.qmp("qom-set", path="/machine/peripheral/accel0", property="x-inject",
                         value="stick,port=0,value=1")
        self.assertEqual(self.switch(1 | 1 << 4 | 1 << 8), (2, 3, 7))
        self.check_works()
