# SPDX-License-Identifier: MIT
"""What the tests of our decoder of binary XML take for WCF's is still what WCF's encoder writes."""

import re
import subprocess
from pathlib import Path

from wcf import DEADLINE, PROGRAM, WcfTest, environment, main

ROOT = Path(__file__).resolve().parents[3]


def printed(what):
    """The lines that the program prints."""
    argv = ["dotnet", PROGRAM, what]
    done = subprocess.run(argv, env=environment(), stdout=subprocess.PIPE, timeout=DEADLINE, check=True)
    return done.stdout.decode().splitlines()


class Vectors(WcfTest):
    mechanism = "-"

    def test_the_documents(self):
        file = ROOT / "tests" / "dissect" / "nbfx.vectors"
        self.assertEqual(file.read_text().splitlines(), printed("vectors"))

    def test_the_static_dictionary(self):
        source = (ROOT / "tool" / "nbfs.c").read_text()
        table = source[source.index("[] = {") : source.index("};")]
        joined = re.sub(r'"\s+"', "", table)  # long strings are written in pieces
        self.assertEqual(re.findall(r'"([^"]*)"', joined), printed("dictionary"))


if __name__ == "__main__":
    main()
