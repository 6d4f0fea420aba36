# SPDX-License-Identifier: MIT
"""Compares the Python package with a pure-Python client (pure.py) and with C, against one server,
`nns listen --echo`, in one run: contenders take turns, round after round, and the figures are medians.
Prints Markdown; every single value goes into a file of JSON. scripts/bench-python builds what this
needs and calls it: measure.py NNS PYTHON LARGE JSON ENGINE [ROUNDS]. ENGINE is whatever
`nns --record-engine` takes; 'krb5' is libcrypto alone."""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tests" / "support"))

from processes import Process, environment, realm, tied_to_us  # noqa: E402

SIZES = {"bulk": 64_512, "pause": 100, "large": 1 << 20}
COUNTS = {"bulk": 3000, "pause": 3000, "large": 300}
TURNS = {
    "bulk": ["libnns", "pure", "libnns async", "libnns asyncio", "pure asyncio"],
    "pause": ["libnns", "pure", "libnns async", "libnns asyncio", "pure asyncio"],
    "large": ["libnns", "C"],
}
ASKED = [  # figure, who, against whom, at least (at most, below 0) this ratio
    ("bulk", "libnns", "pure", {"krb5": 3, "auto": 5}),
    ("bulk", "libnns async", "pure asyncio", {"krb5": 3, "auto": 5}),
    ("bulk", "libnns asyncio", "pure asyncio", {"krb5": 3, "auto": 5}),
    ("pause", "libnns", "pure", {"krb5": -0.8, "auto": -0.8}),
    ("pause", "libnns async", "pure asyncio", {"krb5": -0.8, "auto": -0.8}),
    ("pause", "libnns asyncio", "pure asyncio", {"krb5": -0.8, "auto": -0.8}),
    ("large", "libnns", "C", {"auto": 0.8}),  # C has the default alone
]


class Contender:
    """A client in a process of its own."""

    def __init__(self, argv):
        self.popen = subprocess.Popen(
            tied_to_us(argv),
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.popen.stdout.readline() == "ready\n", argv

    def ask(self, what):
        """Seconds."""
        self.popen.stdin.write(f"{what} {COUNTS[what]}\n")
        self.popen.stdin.flush()
        return float(self.popen.stdout.readline())

    def end(self):
        self.popen.communicate()


def measure(contenders, turns, rounds):
    """{what: {contender: figures of all rounds}}, MB/s or microseconds."""
    figures = {}
    for what, names in turns.items():
        seconds = {name: [] for name in names}
        for name in names:
            contenders[name].ask(what)  # warms up
        for number in range(rounds):
            for name in names[number % len(names) :] + names[: number % len(names)]:
                seconds[name].append(contenders[name].ask(what))
        figures[what] = {
            name: [figure(what, each) for each in all] for name, all in seconds.items()
        }
    return figures


def figure(what, seconds):
    """Microseconds there and back, or MB/s each way."""
    if what == "pause":
        return seconds * 1e6 / COUNTS[what]
    return COUNTS[what] * SIZES[what] / 1e6 / seconds


def medians_of(figures):
    return {
        what: {name: statistics.median(all) for name, all in one.items()}
        for what, one in figures.items()
    }


def show(figures, engine):
    print(f"Record engine {engine}.\n")
    print("| | what | figure |\n|---|---|---|")
    for what, medians in figures.items():
        unit = "us there and back" if what == "pause" else "MB/s each way"
        for name, figure in medians.items():
            print(f"| {name} | {what} {SIZES[what]:,} | {figure:.0f} {unit} |")
    print("\n| what | ratio | asked |\n|---|---|---|")
    for what, name, other, bounds in ASKED:
        if engine not in bounds:
            continue
        asked = bounds[engine]
        ratio = figures[what][name] / figures[what][other]
        met = ratio >= asked if asked > 0 else ratio <= -asked
        bound = f"at least {asked}" if asked > 0 else f"at most {-asked}"
        print(f"| {what}: {name} / {other} | {ratio:.2f} | {bound}{'' if met else ' MISSED'} |")


def main():
    nns, python, large, store, engine = sys.argv[1:6]
    rounds = int((sys.argv[6:] or ["5"])[0])
    turns = {what: names for what, names in TURNS.items() if what != "large" or engine == "auto"}
    os.environ["NNS_BENCH_ENGINE"] = engine
    argv = [nns, "listen", "--echo", "--allow", "*@NNS.TEST", "--keytab", realm("keytab")]
    argv += ["--record-engine", engine]
    server = Process([*argv, "127.0.0.1:0"], environment())
    contenders = {}
    try:
        port = server.err.until(r"^listening on 127\.0\.0\.1:(\d+)$")[1]
        for name in dict.fromkeys(name for names in turns.values() for name in names):
            program = [large] if name == "C" else [python, "-B", str(HERE / "client.py"), name]
            contenders[name] = Contender([*program, port])
        figures = measure(contenders, turns, rounds)
        Path(store).write_text(json.dumps(figures, indent=1) + "\n")
        show(medians_of(figures), engine)
    finally:
        for one in contenders.values():
            one.end()
        server.end()


if __name__ == "__main__":
    os.environ["NNS_REALM_DIR"]  # scripts/bench-python sets it
    main()
