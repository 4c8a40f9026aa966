# SPDX-License-Identifier: MIT
"""sfab link and sfab health."""

import json

import harness


class Link(harness.ToolTest):
    def usage(self, *words, says):
        self.assertEqual(self.refused(*words, says=says, status=2).out, "")

    def test_list(self):
        lines = self.ok("link").out.splitlines()
        self.assertEqual(lines[0].split(), "LINK STATE REASON LANES GB/S LIGHT PATH PARTNER MODULE "
                         "DOWNS".split())
        self.assertEqual(lines[1].split(), "accel0:0 up - 8 of 8 896 0 of 2 EID 7:1 SFAB17 3".split())
        self.assertEqual(lines[4].split()[:4], ["accel1:1", "down", "no", "light"])
        self.assertEqual(self.ok("link", "list").out.splitlines(), lines)
        self.assertEqual(len(self.ok("link", "list", "1:1").out.splitlines()), 2)

    def test_list_json(self):
        links = self.ok("link", "-j").json["links"]
        self.assertEqual([link["name"] for link in links],
                         ["accel0:0", "accel0:1", "accel1:0", "accel1:1"])
        self.assertEqual(links[0]["partner"]["eid"], 7)
        self.assertIsNone(links[3]["partner"])
        self.assertEqual(links[3]["reason"], "no light")

    def test_no_links(self):
        self.assertIn("only those with ports", self.ok("link", FAKE_LINKS=0).err)
        self.assertEqual(self.ok("link", "-j", FAKE_LINKS=0).json, {"links": []})

    def test_one_that_cannot_be_asked(self):
        result = self.refused("link", "-j", says="Input/output error",
                              FAKE_FAIL="sfab_link_get_status:2:5")
        self.assertEqual(len(result.json["links"]), 3)
        self.refused("link", says="Permission denied", FAKE_FAIL="sfab_link_get:1:13")
        self.refused("link", says="Input/output", FAKE_FAIL="sfab_link_count:1:5")

    def test_show(self):
        out = self.ok("link", "show", "0:1").out
        for text in ["accel0:1", "0000:01:00.0", "45.1", "3.301", "4.00e-09", "18446744073709551615",
                     "2.04", "-1.60", "100.00", "22.00", "used"]:
            self.assertIn(text, out)

    def test_show_json(self):
        link = self.ok("link", "show", "-j", "0:1", FAKE_DIRT=1).json
        self.assertEqual(link["ber"]["bits"], 896000000000)
        self.assertEqual(link["counters"]["histogram"][:3], [990, 10, 0])
        self.assertEqual(len(link["lane_list"]), 8)
        self.assertEqual(link["lane_list"][0]["rx_dbm"], -1.6)
        self.assertIsNone(link["lane_list"][3]["rx_dbm"])
        self.refused("link", "show", "0:1", says="Input/output",
                     FAKE_FAIL="sfab_link_get_readings:1:5")
        self.refused("link", "show", "9:9", says="no link '9:9'")

    def test_switch(self):
        result = self.ok("link", "switch", "0:0", "1")
        self.assertIn("done\n", result.out)
        self.assertIn("drain    after      100.0 us", result.out)
        self.assertIn("switch 70.0 us, lock 1500.0 us", result.out)
        document = self.ok("link", "switch", "-j", "0:0", "1", "--partner-path", "1").json
        self.assertEqual(document["result"], "done")
        self.assertEqual(document["begin_ns"]["lock"], 300000)
        self.assertEqual(document["model_switch_ns"], 70000)
        self.assertEqual(self.ok("link", "switch", "-j", "0:0", "last").json["count"], 5)

    def test_switch_that_fails(self):
        for result, text in [(2, "the old one works again"), (3, "neither path works")]:
            done = self.refused("link", "switch", "0:0", "1", says=[text, "no light"],
                                FAKE_RESULT=result)
            self.assertIn("in phase lock: no light on the new path", done.out)
        for phase in [1, 2]:
            done = self.refused("link", "switch", "0:0", "1", FAKE_RESULT=3, FAKE_PHASE=phase,
                                says=["no light", "nothing was changed"])
            self.assertNotIn("neither path works", done.err)
        self.ok("link", "switch", "0:0", "last", FAKE_RESULT=3)

    def test_switch_to_the_path_in_use(self):
        for words in [[], ["--partner-path", "0"]]:
            done = self.refused("link", "switch", "0:0", "0", *words, says=[
                "not switched to 0: that path is the one in use already: nothing was changed\n"])
            self.assertIn("in phase prepare: that path is the one in use already\n", done.out)
            self.assertNotIn("no fibre", done.out + done.err)
        done = self.sfab("link", "switch", "-j", "0:0", "0")
        self.assertEqual(done.json["cause"], "that path is the one in use already")

    def test_switch_during_a_test(self):
        done = self.refused("link", "switch", "0:0", "1", FAKE_TEST="running", says=[
            "a pattern test runs: end it with 'sfab link test'", "nothing was changed"])
        self.assertNotIn("neither path works", done.err)

    def test_numbers_that_the_port_does_not_have(self):
        for path in ["2", "15"]:
            done = self.refused("link", "switch", "0:0", path, says=[
                f"0:0 has no light path {path}: its paths are 0 to 1"])
            self.assertNotIn("fake:", done.err)
        for lanes, first in [("8", 8), ("0,9", 9), ("0-15", 15)]:
            for action in ["lasers-on", "lasers-off"]:
                done = self.refused("link", action, "0:0", "--lanes", lanes,
                                    says=f"0:0 has no lane {first}: its lanes are 0 to 7")
                self.assertNotIn("fake:", done.err)

    def test_control(self):
        for action, said in [("enable", "set 0x1 config 0x1"), ("disable", "set 0x1 config 0 "),
                             ("retrain", "set 0x10 config 0 "), ("low-power", "set 0x4 config 0x4"),
                             ("full-power", "set 0x4 config 0 "), ("loopback", "set 0x2 config 0x2"),
                             ("no-loopback", "set 0x2 config 0 ")]:
            result = self.ok("link", action, "1:0")
            self.assertIn(f"link 2 {said}", result.err)
            self.assertEqual(result.out, "")
        self.assertIn("set 0x8 config 0 off 0x39", self.ok(
            "link", "lasers-off", "0:0", "--lanes", "0,3-5").err)
        self.assertIn("off 0\n", self.ok("link", "lasers-on", "0:0", "--lanes", "0-7").err)
        self.refused("link", "enable", "0:0", says="Operation not permitted",
                     FAKE_FAIL="sfab_link_control:1:1")

    def test_test(self):
        out = self.ok("link", "test", "0:0", "start", "--pattern", "prbs13q", "--role", "far-end").out
        self.assertIn("prbs13q, far-end, runs for 1.5 s", out)
        document = self.ok("link", "test", "-j", "0:0", "read", FAKE_TEST="running").json
        self.assertEqual((document["running"], document["pattern"], document["role"]),
                         (True, "prbs31q", "partner"))
        self.assertEqual(self.lanes(document), {
            0: (True, 1000000, 0, 0), 2: (True, 1000000, 4, 4e-06), 6: (False, 0, 900, None),
            7: (False, 0, 0, None)})

    @staticmethod
    def lanes(document):
        return {lane["lane"]: (lane["locked"], lane["bits"], lane["errors"], lane["ber"])
                for lane in document["lane_list"] if lane["lane"] in (0, 2, 6, 7)}

    def test_stopped_test_keeps_its_result(self):
        document = self.ok("link", "test", "-j", "0:0", "stop", FAKE_TEST="running").json
        self.assertFalse(document["running"])
        self.assertEqual(self.lanes(document), {
            0: (True, 1000000, 0, 0), 2: (True, 1000000, 4, 4e-06),
            6: (False, 1000000, 900, 9e-04), 7: (False, 0, 0, None)})
        out = self.ok("link", "test", "0:0", "stop", FAKE_TEST="running").out
        self.assertIn("prbs31q, partner, ran for 1.5 s", out)
        self.assertNotIn("Which lanes", out)
        self.assertIn(["2", "true", "1000000", "4", "4.00e-06"],
                      [line.split() for line in out.splitlines()])
        # It is stopped also where nothing can be read before
        self.ok("link", "test", "0:0", "stop", FAKE_TEST="running", FAKE_FAIL="sfab_link_test:1:11")

    def test_ended_test_keeps_its_result(self):
        document = self.ok("link", "test", "-j", "0:0", "read").json
        self.assertFalse(document["running"])
        # Whether a lane without errors has heard anything is not known
        self.assertEqual(self.lanes(document), {
            0: (None, 1000000, 0, None), 2: (None, 1000000, 4, 4e-06),
            6: (None, 1000000, 900, 9e-04), 7: (None, 1000000, 0, None)})
        for operation in ["read", "stop"]:
            out = self.ok("link", "test", "0:0", operation).out
            self.assertIn(["2", "-", "1000000", "4", "4.00e-06"],
                          [line.split() for line in out.splitlines()])
            self.assertIn("one without errors may have heard nothing", out)

    def test_no_test_has_been_run(self):
        for operation in ["read", "stop"]:
            self.assertEqual(self.ok("link", "test", "0:0", operation, FAKE_TEST="never").out,
                             "no test has been run on 0:0 since its accelerator was powered on\n")
        document = self.ok("link", "test", "-j", "0:0", "read", FAKE_TEST="never").json
        self.assertEqual((document["pattern"], document["role"], document["seconds"]),
                         (None, None, 0))

    def test_clear(self):
        self.assertIn("link 0 clear 0x7", self.ok("link", "clear", "0:0").err)
        self.assertIn("link 0 clear 0x2", self.ok("link", "clear", "0:0", "--fec").err)
        self.assertIn("link 0 clear 0x5", self.ok("link", "clear", "0:0", "--packets", "--flags").err)

    def test_history(self):
        events = self.ok("link", "history", "-j", "0:0").json["events"]
        self.assertEqual([event["sequence"] for event in events], [1, 2, 3])
        self.assertEqual(events[0]["reason"], "no light")
        self.assertEqual(len(self.ok("link", "history", "0:0").out.splitlines()), 4)

    def test_map(self):
        self.assertEqual(self.ok("link", "map", "--hex", "0:0").out.splitlines()[:2],
                         ["lower page", "  0  19 52 00 06" + 10 * " 00" + " 2d 80"])
        self.ok("link", "map", "0:0", "-o", "map.bin")
        data = self.read("map.bin")
        self.assertEqual((len(data), data[0]), (32896, 0x19))
        lines = [" ".join(line.split()) for line in self.ok("link", "map", "0:0").out.splitlines()]
        self.assertIn("form OSFP", lines)
        self.assertIn("CMIS 5.2", lines)
        document = self.ok("link", "map", "-j", "0:0").json
        self.assertEqual((document["form"], document["state"], document["temperature_c"]),
                         ("OSFP", "ready", 45.5))
        self.assertEqual([(lane["tx_dbm"], lane["rx_dbm"], lane["bias_ma"], lane["flags"])
                          for lane in document["lane_list"]],
                         [(0.0, None, 100.0, ["lol"]), (None, None, 0.0, [])])
        self.assertEqual(document["limits"][0]["low_alarm"], -8.0)
        self.assertEqual(document["pages"]["lower"][:4], "1952")
        self.refused("link", "map", "0:0", "-o", "no/map.bin", says=["no/map.bin", "check the path"])

    def test_watch(self):
        out = self.ok("link", "watch", "--seconds", "1", FAKE_EVENTS=3).out.splitlines()
        self.assertEqual(len(out), 4)
        self.assertEqual(out[1].split(), "accel0:0 1 2 1000 state down 0 no light".split())
        out = self.ok("link", "watch", "0:0", "-j", "--seconds", "1", FAKE_EVENTS=2).out
        self.assertEqual([json.loads(line)["sequence"] for line in out.splitlines()], [1, 2])
        self.refused("link", "watch", says="no link to watch", FAKE_LINKS=0)

    def test_bad_lines(self):
        self.usage("link", "frob", says=["'frob' is no action", "sfab link --help"])
        self.usage("link", "show", says=["say which link to show", "sfab link list"])
        self.usage("link", "switch", "0:0", says="which light path")
        for path in ["x", "16", "-1", "1x", ""]:
            self.usage("link", "switch", "--", "0:0", path, says=f"'{path}' is no light path")
            self.usage("link", "switch", "0:0", "1", f"--partner-path={path}",
                       says=f"'{path}' is no light path")
        self.usage("link", "test", "0:0", says="start, stop or read")
        self.usage("link", "test", "0:0", "go", says="'go' is nothing to do with a test")
        self.usage("link", "test", "0:0", "start", "--pattern", "x", says=["'x' is no pattern", "prbs31q"])
        self.usage("link", "test", "0:0", "start", "--role", "x", says=["'x' is no role", "near-end"])
        self.usage("link", "lasers-off", "0:0", says="--lanes 0,3-5")
        for lanes in ["x", "16", "3-1", "-1", "1,", "1-", "", "1 2", "0x1"]:
            self.usage("link", "lasers-off", "0:0", f"--lanes={lanes}", says=f"'{lanes}' are no lanes")
        self.usage("link", "show", "0:0", "1", says="'1' is one argument too many")
        self.usage("link", "switch", "0:0", "1", "2", says="'2' is one argument too many")
        for number in ["0", "x", "60001"]:
            self.usage("link", "switch", "0:0", "1", "--timeout", number,
                       says=f"--timeout '{number}' is not a number from 1 to 60000")

    def test_options_of_other_actions(self):
        takes = {"list": ["-j"], "show": ["-j"], "watch": ["-j", "--seconds=1"],
                 "history": ["-j"], "map": ["-j", "--hex", "--output=map"],
                 "switch": ["-j", "--partner-path=1", "--timeout=9"],
                 "test": ["-j", "--pattern=prbs9q", "--role=reflect"],
                 "clear": ["--packets", "--fec", "--flags"], "lasers-on": ["--lanes=0"],
                 "lasers-off": ["--lanes=0"], "enable": [], "disable": [], "retrain": [],
                 "low-power": [], "full-power": [], "loopback": [], "no-loopback": []}
        needs = {"list": [], "watch": ["--seconds=1"], "switch": ["0:0", "1"],
                 "test": ["0:0", "start"], "lasers-on": ["0:0", "--lanes=0"],
                 "lasers-off": ["0:0", "--lanes=0"]}
        for action, own in takes.items():
            line = ["link", action, *needs.get(action, ["0:0"])]
            for option in {option for others in takes.values() for option in others}:
                if option in own:
                    self.ok(*line, option)
                    continue
                name = "--json" if option == "-j" else option.split("=", maxsplit=1)[0]
                self.usage(*line, option, says=f"'{action}' takes no {name}")
        self.usage("link", "--hex", says="'list' takes no --hex")
        for action, word, option in [("switch", "last", "--partner-path=1"),
                                     ("switch", "last", "--timeout=1"),
                                     ("test", "stop", "--pattern=prbs9q"),
                                     ("test", "read", "--role=reflect")]:
            name = option.split("=", maxsplit=1)[0]
            self.usage("link", action, "0:0", word, option,
                       says=f"'{action} {word}' takes no {name}")

    def test_forms_of_the_map(self):
        for options, names in [(["--hex", "-j"], "--json or --hex"),
                               (["-j", "-o", "map"], "--json or --output"),
                               (["-o", "map", "--hex"], "--output or --hex")]:
            self.usage("link", "map", "0:0", *options,
                       says=["'map' has one form", f"give {names}, not both"])
        self.assertEqual(self.files(), [])


class Health(harness.ToolTest):
    def test_all_well(self):
        result = self.ok("health", "--once")
        self.assertTrue(result.out.endswith("health: 4 judged, 0 with findings\n"))
        document = self.ok("health", "-j").json
        self.assertEqual((document["judged"], document["findings"]), (4, 0))
        self.assertIsNone(document["verdicts"][0]["partner"])
        self.assertEqual(document["verdicts"][1]["partner"],
                         {"name": "EID 7 port 3", "kind": "accelerator", "eid": 7, "port": 3})

    def test_findings(self):
        result = self.sfab("health", "--once", FAKE_DIRT=2)
        self.assertEqual(result.status, 1)
        self.assertIn("accel1:0  watch     dirty-connector  clean-connector  896 of 896", result.out)
        self.assertIn("  accel1:0: lane 3 receives too little\n", result.out)
        self.assertIn("health: 4 judged, 1 with findings\n", result.out)
        self.assertEqual(result.err, "")
        result = self.sfab("health", "-j", "--once", FAKE_DIRT=2)
        self.assertEqual(result.status, 1)
        verdict = result.json["verdicts"][2]
        self.assertEqual((verdict["cause"], verdict["cause_code"], verdict["action"],
                          verdict["severity"]), ("dirty-connector", 9, "clean-connector", "watch"))
        self.assertEqual((verdict["accelerator"], verdict["port"]), (1, 0))
        self.assertEqual(verdict["conditions"][0]["condition"], "light")
        self.assertEqual(verdict["conditions"][0]["holds"], "false")

    def test_who_may_not_look_does_not_know(self):
        result = self.refused("health", "--once", status=2, FAKE_CLOSED=1,
                              says=["1 of them may not be opened by this user", "be root"])
        self.assertIn("accel0:1  unknown   none", result.out)
        self.assertIn("health: 4 judged, 0 with findings, 1 unknown\n", result.out)
        result = self.sfab("health", "-j", "--once", FAKE_CLOSED=1)
        self.assertEqual((result.json["unknown"], result.json["verdicts"][1]["severity"]),
                         (1, "unknown"))
        # What is known to be wrong comes first
        self.assertEqual(self.sfab("health", "--once", FAKE_CLOSED=1, FAKE_DIRT=2).status, 1)

    def test_one(self):
        self.assertEqual([v["name"] for v in self.ok("health", "-j", "1:1").json["verdicts"]],
                         ["accel1:1"])
        self.ok("health", "--once", "1")
        self.ok("health", "--once", "0000:01:00.0")

    def test_watch(self):
        settings = {"FAKE_DIRT": 1, "FAKE_DIRT_FROM": 2}
        lines = self.ok("health", "--watch", "--seconds", "2", **settings).out.splitlines()
        self.assertEqual(len(lines), 5)
        self.assertIn("dirty-connector", lines[4])
        out = self.ok("health", "-wj", "--seconds", "2", **settings).out.splitlines()
        self.assertEqual(json.loads(out[4])["severity"], "watch")

    def test_thresholds(self):
        self.assertIn("default", self.ok("health", "--thresholds").out)
        self.assertIn("my.json", self.ok("health", "--thresholds", "--config", "my.json").out)

    def test_what_cannot_be_told_is_an_error(self):
        for call in ["sfab_health_open", "sfab_health_update", "sfab_health_get"]:
            self.refused("health", "--once", says="Input/output", status=2, FAKE_FAIL=f"{call}:1:5")
        # Where no events come, cards that come and go are looked for
        self.refused("health", "--watch", "--seconds", "2", says="Input/output", status=2,
                     FAKE_FAIL="sfab_context_rescan:1:5")
        self.refused("health", "9:0", says="no link", status=2)
        self.refused("health", "9", says="no accelerator", status=2)
        self.refused("health", "0", "1", says="'1' is one argument too many", status=2)
        self.refused("health", "--seconds", "1", says="add --watch", status=2)
        self.refused("health", "--config", "", says="--config is empty", status=2)
        for words, says in [(["--watch", "--once"], ["--watch cannot go with --once"]),
                            (["--thresholds", "-j"], ["--thresholds cannot go with --json"]),
                            (["--thresholds", "-w"], ["--thresholds cannot go with --watch"]),
                            (["--thresholds", "--once"], ["--thresholds cannot go with --once"]),
                            (["--thresholds", "0"], ["'0' is one argument too many"])]:
            self.assertEqual(self.refused("health", *words, says=says, status=2).out, "")
        self.refused("health", "--watch", "--seconds", "0", says="--seconds '0'", status=2)
        self.refused("health", says="Cannot allocate", status=2, FAKE_FAIL="sfab_context_open:1:12")
