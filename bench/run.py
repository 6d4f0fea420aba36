#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the measurements and writes results.json and results.md. scripts/bench builds what this
needs and calls it; all that is compared takes turns, round after round, in this one run."""

import argparse
import json
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True

from conditions import conditions  # noqa: E402
from measurements import Scale, every  # noqa: E402
from programs import Failed, Missing, Place, Programs  # noqa: E402
from report import markdown  # noqa: E402

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
ROUNDS = 5  # at least, of a run that is published
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->\n"


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    option = parser.add_argument
    option("--only", metavar="NAME", action="append", help="this measurement (repeatable)")
    option("--rounds", type=int, default=ROUNDS)
    option("--quick", action="store_true", help="tiny sizes: does it work at all?")
    option("--list", action="store_true", help="the names of the measurements")
    option("--write", action="store_true", help="the last run's tables into docs/performance.md")
    for name in ("programs", "dotnet", "nns"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


class Run:
    """One run: turns, and what they gave."""

    def __init__(self, place, scale):
        self.programs = Programs(place)
        self.scale = scale
        self.figures = {}
        self.missing = {}

    def _start(self, measurement):
        running = {}
        for contender in measurement.contenders:
            try:
                running[contender] = measurement.start(self.programs, contender)
            except Missing as why:
                self.missing[contender] = str(why)
        return running

    def _add(self, name, values):
        for contender, value in values.items():
            self.figures[name]["values"].setdefault(contender, []).append(value)

    def measure(self, measurement):
        """All rounds of it; who begins changes from round to round."""
        running = self._start(measurement)
        for name, unit in measurement.figures().items():
            self.figures[name] = {"unit": unit, "values": {}}
        order = list(running)
        for _ in range(self.scale.rounds * measurement.turns):
            for contender in order:
                for name, value in measurement.turn(running[contender]).items():
                    self._add(name, value if isinstance(value, dict) else {contender: value})
            order = order[1:] + order[:1]
        for one in running.values():
            measurement.end(one)

    def results(self, found):
        return {
            "conditions": found,
            "rounds": self.scale.rounds,
            "engines": self.programs.engines(),
            "missing": self.missing,
            "figures": {name: one for name, one in self.figures.items() if one["values"]},
        }


def measure(options):
    scale = Scale(options.quick, options.rounds)
    chosen = [one for one in every(scale) if not options.only or one.name in options.only]
    if not chosen:
        sys.exit(f"bench: no such measurement: {', '.join(options.only)}")
    place = Place(options.programs, options.dotnet, options.nns)
    found = conditions(options.dotnet and place.dotnet_program())
    run = Run(place, scale)
    try:
        for one in chosen:
            begin = time.monotonic()
            run.measure(one)
            print(f"{one.name:16} {time.monotonic() - begin:5.1f} s", flush=True)
    finally:
        run.programs.end()
    return run.results(found)


def write_page(results):
    """The tables into the page, between its marks."""
    text = PAGE.read_text()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    PAGE.write_text(head + BEGIN + "\n" + markdown(results) + END + tail)


def main():
    options = arguments()
    store = options.output / "results.json"
    if options.list:
        print("\n".join(one.name for one in every(Scale())))
    elif options.write:
        results = json.loads(store.read_text())
        if results.get("partial"):
            sys.exit("bench: the last run was quick, short, or not of everything")
        write_page(results)
    else:
        results = measure(options)
        results["partial"] = bool(options.quick or options.only or options.rounds < ROUNDS)
        store.write_text(json.dumps(results, indent=1) + "\n")
        (options.output / "results.md").write_text(markdown(results))
        print(markdown(results))


if __name__ == "__main__":
    try:
        main()
    except Failed as wrong:
        sys.exit(f"bench: {wrong}")
