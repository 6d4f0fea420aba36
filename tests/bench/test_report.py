# SPDX-License-Identifier: MIT
"""What bench/report.py makes of results: medians, ratios, and whether a goal was reached."""

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))

import report  # noqa: E402
import run  # noqa: E402


def results(**figures):
    """figures: name with _ for a space -> {contender: values}"""
    return {
        "conditions": {"kernel": "Linux"},
        "rounds": 3,
        "engines": {"ours": "krb5-mb"},
        "missing": {},
        "figures": {
            name.replace("_", " "): {"unit": "MB/s", "values": values}
            for name, values in figures.items()
        },
    }


def verdicts(found):
    return {goal.what: goal.cells(found)[2:] for goal in report.goals(found)}


class Goals(unittest.TestCase):
    COMMAND = "`head`, `nns connect`, `nns listen`: libnns / .NET"

    def test_ratio_of_medians(self):
        found = results(pipe={"ours": [3, 90, 60], "dotnet": [20, 1, 1000]})
        self.assertEqual(verdicts(found)[self.COMMAND], ["3.00", "reached"])

    def test_not_reached(self):
        found = results(pipe={"ours": [59.9], "dotnet": [20]})
        self.assertEqual(verdicts(found)[self.COMMAND][1], "not reached")

    def test_not_measured(self):
        for values in ({}, {"ours": [3]}, {"dotnet": [3]}):
            self.assertEqual(verdicts(results(pipe=values))[self.COMMAND], ["-", "not measured"])

    def test_at_most(self):
        what = "ping-pong, 100 bytes: libnns - plain TCP that looks as often"
        for ours, verdict in ((28.0, "reached"), (28.1, "not reached")):
            found = results(echo_100={"ours": [ours], "awake": [20.0]})
            self.assertEqual(verdicts(found)[what][1], verdict)

    def test_without_multi_buffer_its_goal_is_not_measured(self):
        found = results(send_1048576={"ours": [9000], "dotnet": [1000]})
        what = "bulk one way, 1 MiB writes, multi-buffer / .NET"
        self.assertEqual(verdicts(found)[what], ["9.00", "reached"])
        found["engines"]["ours"] = "krb5"
        self.assertEqual(verdicts(found)[what][1], "not measured")

    def test_limit_is_the_best_of_those_there_are(self):
        values = {"ours": [9], "multi-buffer jobs": [10], "multi-buffer bursts": [12]}
        found = results()
        found["figures"]["alone: seal"] = {"unit": "MB/s", "values": values}
        what = "batch seal / the multi-buffer library's own speed"
        self.assertEqual(verdicts(found)[what], ["0.750", "not reached"])
        del values["multi-buffer bursts"]
        self.assertEqual(verdicts(found)[what], ["0.900", "reached"])

    def test_memory_of_as_many_connections_as_there_were(self):
        found = results(idle_7={"ours": [8.5]}, idle_7_after_a_record={"ours": [7.5]})
        shown = verdicts(found)
        self.assertEqual(shown["RSS per idle connection at 7"], ["8.50 KiB", "not reached"])
        self.assertEqual(
            shown["the same after a full record each way"], ["7.50 KiB", "reached"]
        )


class Tables(unittest.TestCase):
    def test_medians_and_ratios(self):
        text = report.markdown(results(send_64={"ours": [10, 30, 20], "dotnet": [5], "tcp": [80]}))
        self.assertIn("| send 64, MB/s | 20.0 | 5.00 | 80.0 | 4.00 | 0.250 |\n", text)

    def test_numbers(self):
        shown = [report.number(value) for value in (None, 0, 0.12345, 8.0, 99.96, 12345.6)]
        self.assertEqual(shown, ["-", "0.00", "0.123", "8.00", "100", "12,346"])

    def test_page_has_one_place_for_them(self):
        text = run.PAGE.read_text()
        self.assertEqual((text.count(run.BEGIN), text.count(run.END)), (1, 1))
        self.assertLess(text.index(run.BEGIN), text.index(run.END))


if __name__ == "__main__":
    unittest.main(verbosity=2)
