# SPDX-License-Identifier: MIT
"""scripts/bench works: a run with tiny sizes has every figure of every contender.

From outside: NNS, NNS_REALM_DIR, NNS_BENCH_PROGRAMS, and NNS_BENCH_DOTNET where dotnet is there."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))

from measurements import Scale, every  # noqa: E402

DEADLINE = 300


def bench(folder, *options):
    """A quick run; its results and its page."""
    argv = [sys.executable, "-B", ROOT / "bench/run.py", "--quick", *options]
    argv += ["--programs", os.environ["NNS_BENCH_PROGRAMS"], "--nns", os.environ["NNS"]]
    argv += ["--output", folder]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    results = json.loads((Path(folder) / "results.json").read_text())
    return results, (Path(folder) / "results.md").read_text()


class WithoutDotnet(unittest.TestCase):
    def test_the_rest_is_measured(self):
        some = ["handshake-1", "nagle", "pipe", "resident-5"]
        with tempfile.TemporaryDirectory() as folder:
            only = [word for name in some for word in ("--only", name)]
            results, _ = bench(folder, "--rounds", "1", *only)
        self.assertEqual(results["missing"]["dotnet"], "dotnet is not installed")
        for name in ("handshake 1", "pipe", "idle 5"):
            values = results["figures"][name]["values"]
            self.assertEqual(len(values["ours"]), 1)
            self.assertNotIn("dotnet", values)
        self.assertNotIn("nagle", results["figures"])  # its server is .NET


class Quick(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        dotnet = ["--dotnet", os.environ["NNS_BENCH_DOTNET"]] if shutil.which("dotnet") else []
        cls.results, cls.page = bench(cls.folder.name, "--rounds", "2", *dotnet)

    def test_every_figure_of_every_contender(self):
        for measurement in every(Scale(quick=True)):
            for name in measurement.figures():
                values = self.results["figures"].get(name, {"values": {}})["values"]
                for contender in measurement.columns():
                    with self.subTest(figure=name, contender=contender):
                        if not self.is_missing(measurement, contender):
                            self.assertEqual(len(values[contender]), 2 * measurement.turns)

    def is_missing(self, measurement, contender):
        """What not every machine has; the results say why."""
        if contender.startswith("multi-buffer"):
            return self.results["engines"]["ours"] != "krb5+mb"
        of_dotnet = contender == "dotnet" or measurement.name == "nagle"
        return of_dotnet and "dotnet" in self.results["missing"]

    def test_what_was_moved_was_moved(self):
        for name, figure in self.results["figures"].items():
            if not name.startswith("idle "):
                for values in figure["values"].values():
                    self.assertGreater(min(values), 0, name)

    def test_conditions(self):
        for name in ("processor", "kernel", "compiler", "MIT krb5"):
            self.assertNotEqual(self.results["conditions"][name], "not there", name)

    def test_page(self):
        for line in ("| RSS per idle connection at 5 | at most 8 KiB |", "| send 64, MB/s |"):
            self.assertIn(line, self.page)

    def test_is_not_taken_for_a_whole_run(self):
        argv = [sys.executable, "-B", ROOT / "bench/run.py", "--output", self.folder.name]
        done = subprocess.run([*argv, "--write"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the last run was quick", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
