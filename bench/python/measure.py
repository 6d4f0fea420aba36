# SPDX-License-Identifier: MIT
"""Compares the Python package with a pure-Python client (pure.py) and with C, against one server,
`nns listen --echo`, in one run: contenders take turns, round after round, and the figures are medians.
Prints Markdown; every single value goes into a file of JSON. scripts/bench-python builds what this
needs and calls it: measure.py NNS PYTHON LARGE JSON ENGINE [ROUNDS]. ENGINE is whatever
`nns --record-engine` takes; 'krb5' is libcrypto alone.

Each round has new processes: which processors the scheduler gives a process, and so how long a wake-up
takes, is luck that lasts as long as the process. "pause" is measured when they have done nothing else,
"later" when they have moved much: where asyncio makes room for 256 KiB at each receive, the C
library's malloc() maps memory until something as large was once freed, and not from then on."""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tests" / "support"))

from processes import Process, environment, realm, tied_to_us  # noqa: E402

EACH = ["libnns", "pure", "libnns async", "libnns asyncio", "pure asyncio"]
TURNS = {"pause": EACH, "bulk": EACH, "later": EACH, "large": ["libnns", "C"]}
SIZES = {"bulk": 64_512, "pause": 100, "later": 100, "large": 1 << 20}
COUNTS = {"bulk": 2000, "pause": 2000, "later": 2000, "large": 300}
PAUSES = {"pause", "later"}  # they are short, and there are more of them in a round
MORE = 3
ASKED = [  # figure, who, against whom, at least (at most, below 0) this ratio
    ("bulk", "libnns", "pure", {"krb5": 3, "auto": 5}),
    ("bulk", "libnns async", "pure asyncio", {"krb5": 3, "auto": 5}),
    ("bulk", "libnns asyncio", "pure asyncio", {"krb5": 3, "auto": 5}),
    ("pause", "libnns", "pure", {"krb5": -0.8, "auto": -0.8}),
    ("pause", "libnns async", "pure asyncio", {"krb5": -0.8, "auto": -0.8}),
    ("pause", "libnns asyncio", "pure asyncio", {"krb5": -0.8, "auto": -0.8}),
    ("later", "libnns", "pure", {"krb5": -0.8, "auto": -0.8}),
    ("later", "libnns async", "pure asyncio", {"krb5": -0.8, "auto": -0.8}),
    ("later", "libnns asyncio", "pure asyncio", {"krb5": -0.8, "auto": -0.8}),
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
        work = "pause" if what in PAUSES else what
        self.popen.stdin.write(f"{work} {COUNTS[what]}\n")
        self.popen.stdin.flush()
        return float(self.popen.stdout.readline())

    def end(self):
        self.popen.communicate()


def take_turns(what, contenders, number):
    """{contender: figures}, MB/s or microseconds. Who begins changes with the number of the round."""
    names = TURNS[what]
    figures = {name: [] for name in names}
    for name in names:
        contenders[name].ask(what)  # warms up
    for turn in range(MORE if what in PAUSES else 1):
        begin = (number + turn) % len(names)
        for name in names[begin:] + names[:begin]:
            figures[name].append(figure(what, contenders[name].ask(what)))
    return figures


def measure(start, turns, rounds):
    """{what: {contender: figures of all rounds}}"""
    figures = {what: {name: [] for name in TURNS[what]} for what in turns}
    for number in range(rounds):
        contenders = start(name for what in turns for name in TURNS[what])
        for what in turns:
            for name, some in take_turns(what, contenders, number).items():
                figures[what][name] += some
        for one in contenders.values():
            one.end()
    return figures


def figure(what, seconds):
    """Microseconds there and back, or MB/s each way."""
    if what in PAUSES:
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
        unit = "us there and back" if what in PAUSES else "MB/s each way"
        for name, figure in medians.items():
            print(f"| {name} | {what} {SIZES[what]:,} | {figure:.0f} {unit} |")
    print("\n| what | ratio | asked |\n|---|---|---|")
    for what, name, other, bounds in ASKED:
        if engine not in bounds:
            continue
        ratio = figures[what][name] / figures[what][other]
        print(f"| {what}: {name} / {other} | {ratio:.2f} | {verdict(ratio, bounds[engine])} |")


def verdict(ratio, asked):
    """What is asked, and whether it was missed."""
    met = ratio >= asked if asked > 0 else ratio <= -asked
    bound = f"at least {asked}" if asked > 0 else f"at most {-asked}"
    return bound if met else f"{bound} MISSED"


def main():
    nns, python, large, store, engine = sys.argv[1:6]
    rounds = int((sys.argv[6:] or ["5"])[0])
    turns = [what for what in TURNS if what != "large" or engine == "auto"]
    os.environ["NNS_BENCH_ENGINE"] = engine
    argv = [nns, "listen", "--echo", "--allow", "*@NNS.TEST", "--keytab", realm("keytab")]
    argv += ["--record-engine", engine]
    server = Process([*argv, "127.0.0.1:0"], environment())

    def start(names):
        """{name: contender}, each a process of its own, which ends with this one."""
        client = [python, "-B", str(HERE / "client.py")]
        return {
            name: Contender([*([large] if name == "C" else [*client, name]), port])
            for name in dict.fromkeys(names)
        }

    try:
        port = server.err.until(r"^listening on 127\.0\.0\.1:(\d+)$")[1]
        figures = measure(start, turns, rounds)
    finally:
        server.end()
    Path(store).write_text(json.dumps(figures, indent=1) + "\n")
    show(medians_of(figures), engine)


if __name__ == "__main__":
    os.environ["NNS_REALM_DIR"]  # scripts/bench-python sets it
    main()
