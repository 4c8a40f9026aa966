# SPDX-License-Identifier: MIT
"""Links and their health on a node: accelerators 0 and 1 are joined by four fibres, 2 by none."""

import json
import subprocess
import tempfile
import time

import harness


class LinkTest(harness.LinkTest):
    def verdicts(self, *words):
        result = self.sfab("health", "-j", *words)
        self.assertIn(result.status, (0, 1), result)
        return {verdict["name"]: verdict for verdict in result.json["verdicts"]}


class Link(LinkTest):
    def test_list_agrees_with_the_ports(self):
        links = self.ok("link", "-j").json["links"]
        ports = self.ok("port", "-j").json["ports"]
        self.assertEqual([(link["name"], link["state"], link["lanes_in_use"]) for link in links],
                         [(f'{port["accelerator"]}:{port["port"]}', port["state"],
                           port["lanes_in_use"]) for port in ports])

    def test_readings(self):
        link = self.link("0:0")
        self.assertEqual(len(link["lane_list"]), 8)
        for lane in link["lane_list"]:
            self.assertTrue(lane["used"])
            self.assertLess(lane["rx_dbm"], lane["tx_dbm"] - 3)
        self.assertGreater(link["counters"]["codewords"], 0)
        self.assertTrue(40 < link["temperature_c"] < 50)

    def test_disable_and_enable(self):
        self.ok("link", "disable", "0:2")
        self.addCleanup(self.sfab, "link", "enable", "0:2")
        self.assertEqual(self.link("0:2")["reason"], "disabled")
        verdict = self.verdicts("0:2")["accel0:2"]
        self.assertEqual((verdict["cause"], verdict["severity"], verdict["action"]),
                         ("disabled", "watch", "enable"))
        self.ok("link", "enable", "0:2")
        self.until_up("0:2")
        events = self.ok("link", "history", "-j", "0:2").json["events"]
        self.assertIn("disabled", [event["reason"] for event in events])
        self.assertEqual([event["sequence"] for event in events],
                         list(range(events[0]["sequence"], events[0]["sequence"] + len(events))))


    def test_clear(self):
        before = self.link("0:3")["counters"]
        self.ok("link", "clear", "0:3")
        after = self.link("0:3")["counters"]
        self.assertLess(after["codewords"], before["codewords"])
        self.assertEqual(after["clears"], before["clears"] + 1)

    def test_map(self):
        module = self.link("0:0")["module"]
        document = self.ok("link", "map", "-j", "0:0").json
        self.assertEqual((module["vendor"], module["part"], module["revision"]),
                         ("SFAB", "SFAB-DR8-OCS", "A1"))
        for key in ("vendor", "part", "revision", "serial", "state"):
            self.assertEqual(document[key], module[key])
        self.assertTrue(document["checksums_right"])
        self.assertEqual((document["cmis"], len(document["lane_list"])), ("5.2", 8))
        self.assertTrue(40 < document["temperature_c"] < 50)
        limits = {limit["reading"]: limit for limit in document["limits"]}
        self.assertEqual(limits["temperature, C"]["high_alarm"], 78.0)
        self.assertEqual(limits["received, dBm"]["low_warning"], -5.9)
        text = self.ok("link", "map", "0:0").out
        for word in ("SFAB-DR8-OCS", "temperature, C", "TX DBM", "received, dBm"):
            self.assertIn(word, text)

    def test_map_as_a_file(self):
        with tempfile.NamedTemporaryFile() as file:
            self.ok("link", "map", "0:0", "-o", file.name)
            data = file.read()
        self.assertEqual((len(data), data[128:148]), (32896, b"\x19SFAB            \x02\x5f\xab"))

    def test_pattern(self):
        self.ok("link", "test", "0:3", "start", "--pattern", "prbs13q", "--role", "near-end")
        self.addCleanup(self.sfab, "link", "test", "0:3", "stop")
        self.assertEqual(self.link("0:3")["reason"], "pattern test")
        again = self.sfab("link", "test", "0:3", "start")
        self.assertEqual(again.status, 1, again)
        self.assertIn("another one is under way", again.err)
        for _ in range(40):
            document = self.ok("link", "test", "-j", "0:3", "read").json
            if document["lane_list"][0]["bits"]:
                break
            time.sleep(0.1)
        self.assertEqual((document["pattern"], document["role"], document["running"]),
                         ("prbs13q", "near-end", True))
        for lane in document["lane_list"]:
            self.assertTrue(lane["locked"])
            self.assertLess(lane["ber"], 1e-5)
        self.assertIn("prbs13q, near-end, ran for", self.ok("link", "test", "0:3", "stop").out)
        self.until_up("0:3")


class Health(LinkTest):
    def test_all_well(self):
        result = self.sfab("health", "-j")
        self.assertEqual((result.status, result.json["findings"]), (0, 0), result)
        joined = [v for v in result.json["verdicts"] if v["kind"] == "link" and v["accelerator"] < 2]
        self.assertEqual([v["gbps"] for v in joined], [896] * 8)
        self.assertEqual({v["far_known"] for v in joined}, {True})

    def test_one_link_asks_its_far_end_in_band(self):
        self.assertTrue(self.verdicts("0:0")["accel0:0"]["far_known"])

    def test_watch_tells_changes_with_their_cause(self):
        watcher = subprocess.Popen([harness.tool, "health", "-wj", "--seconds", "9"],
                                   stdout=subprocess.PIPE, text=True)
        time.sleep(2)
        self.ok("link", "disable", "0:1")
        time.sleep(3)
        self.ok("link", "enable", "0:1")
        said = [json.loads(line) for line in watcher.communicate()[0].splitlines()]
        self.assertEqual(watcher.returncode, 0)
        self.until_up("0:1")
        causes = {(v["accelerator"], v["cause"]) for v in said if v["kind"] == "link"}
        self.assertIn((0, "disabled"), causes)
        self.assertIn((1, "far-transmitter"), causes)
