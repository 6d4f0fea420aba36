# SPDX-License-Identifier: MIT
"""Medians, ratios and tables of a run's results. Nothing here knows a figure: all are computed.

The results, as build/bench/results.json has them:

    {"conditions": {...}, "rounds": 5, "engines": {contender: record engine},
     "missing": {contender: why}, "figures": {name: {"unit": ..., "values": {contender: [...]}}}}
"""

import statistics

NAMES = {
    "ours": "libnns",
    "libcrypto": "libnns, libcrypto alone",
    "gss": "libnns, gss",
    "raw": "gss_wrap loop",
    "dotnet": ".NET",
    "tcp": "plain TCP",
    "awake": "plain TCP, awake",
}
CRYPT = "alone: "  # begins the names of figures without a connection
TABLES = [  # titles, and what the names of the figures begin with
    ("one connection, one way", "send ", "fetch "),
    ("CPU time of both ends together", "cpu "),
    ("there and back", "echo ", "duplex"),
    ("round trip to a server with Nagle on", "nagle"),
    ("handshakes", "handshake "),
    ("the installed command, 2 GiB", "pipe"),
    ("a server's memory for each connection", "idle "),
    ("listed apart: no connection, no system call", CRYPT),
]


def median(results, figure, contender):
    """None where it was not measured."""
    values = results["figures"].get(figure, {}).get("values", {}).get(contender)
    return statistics.median(values) if values else None


def ratio(results, figure, above, below, figure_below=None):
    one, other = median(results, figure, above), median(results, figure_below or figure, below)
    return one / other if one is not None and other else None


def number(value):
    """With three digits that mean something, or more before the point."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def row(cells):
    return "| " + " | ".join(cells) + " |\n"


def table(head, rows):
    return row(head) + row(["---"] * len(head)) + "".join(map(row, rows)) + "\n"


# ---- the goals ----


class Goal:
    """A line of the table of goals. value: of the results, None if it was not measured; it is to
    be at least, or at most, the bound."""

    def __init__(self, what, bound, value, least=True, unit=""):
        self.what = what
        self.bound = bound
        self.value = value
        self.least = least
        self.unit = unit

    def cells(self, results):
        value = self.value(results)
        bound = f"at {'least' if self.least else 'most'} {self.bound:g}{self.unit}"
        here = number(value) + (self.unit if value is not None else "")
        return [self.what, bound, here, self.verdict(value)]

    def verdict(self, value):
        if value is None:
            return "not measured"
        reached = value >= self.bound if self.least else value <= self.bound
        return "reached" if reached else "not reached"


def over(figure, above, below):
    return lambda results: ratio(results, figure, above, below)


def multi_buffer_over_dotnet(results):
    """Only where the multi-buffer library made the records."""
    if results["engines"].get("ours") in (None, "gss", "krb5"):
        return None
    return ratio(results, "send 1048576", "ours", "dotnet")


def added(figure):
    def value(results):
        ours, tcp = median(results, figure, "ours"), median(results, figure, "awake")
        return None if ours is None or tcp is None else ours - tcp

    return value


def alone(what, above, *below):
    """Of cipher work without a connection: over the best of those below."""

    def value(results):
        ours = median(results, CRYPT + what, above)
        others = [median(results, CRYPT + what, name) for name in below]
        best = max((other for other in others if other), default=None)
        return None if ours is None or best is None else ours / best

    return value


def bulk_goals():
    libcrypto = "bulk one way, 64,512-byte writes, libcrypto alone / .NET"
    yield Goal(libcrypto, 3, over("send 64512", "libcrypto", "dotnet"))
    yield Goal("bulk one way, 1 MiB writes, multi-buffer / .NET", 8, multi_buffer_over_dotnet)
    command = "`head`, `nns connect`, `nns listen`: libnns / .NET"
    yield Goal(command, 3, over("pipe", "ours", "dotnet"))


def crypt_goals():
    for what, bound in (("seal", 0.90), ("open", 0.85)):
        limit = alone(what, "libcrypto", "libcrypto limit")
        yield Goal(f"{what} alone / libcrypto's limit", bound, limit)
    for what in ("seal", "open"):
        limit = alone(what, "ours", "multi-buffer jobs", "multi-buffer bursts")
        yield Goal(f"batch {what} / the multi-buffer library's own speed", 0.80, limit)


def message_goals():
    yield Goal("1,024-byte writes, one way: libnns / .NET", 3, over("send 1024", "ours", "dotnet"))
    ours = "ping-pong, 100 bytes: libnns - plain TCP that looks as often"
    yield Goal(ours, 8, added("echo 100"), least=False, unit=" us")
    yield Goal("ping-pong, 100 bytes: .NET / libnns", 1, over("echo 100", "dotnet", "ours"))


def handshake_goals():
    for clients, text in ((1, "one client"), (2, "two clients")):
        what, figure = f"handshakes per second, {text}: libnns", f"handshake {clients}"
        yield Goal(f"{what} / .NET", 2, over(figure, "ours", "dotnet"))
        yield Goal(f"{what} / raw GSS loop", 0.90, over(figure, "ours", "raw"))


def resident_goals(results):
    for connections in resident_counts(results):
        for figure, text in (
            (f"idle {connections}", f"RSS per idle connection at {connections:,}"),
            (f"idle {connections} after a record", "the same after a full record each way"),
        ):
            yield Goal(text, 8, resident(figure), least=False, unit=" KiB")


def resident(figure):
    return lambda results: median(results, figure, "ours")


def goals(results):
    """Those of the table in docs/performance.md, in its order."""
    yield from bulk_goals()
    yield from crypt_goals()
    yield from message_goals()
    yield from handshake_goals()
    yield from resident_goals(results)


def resident_counts(results):
    found = [name.split() for name in results["figures"] if name.startswith("idle ")]
    return sorted({int(words[1]) for words in found}) or [1000, 5000]


# ---- the tables ----


def contenders(results, figures):
    """Those that were measured in any of them, in order."""
    there = {name for figure in figures for name in results["figures"][figure]["values"]}
    return [name for name in NAMES if name in there] + sorted(there - set(NAMES))


def figures_table(results, title, figures):
    """A row for each figure: the medians, and libnns' ratios to the others it is beside."""
    figures = [name for name in figures if name in results["figures"]]
    if not figures:
        return ""
    names = contenders(results, figures)
    others = [name for name in ("dotnet", "raw", "tcp", "awake") if name in names]
    head = [title, *(NAMES.get(name, name) for name in names)]
    head += [f"libnns / {NAMES[name]}" for name in others]
    rows = []
    for figure in figures:
        cells = [f"{figure}, {results['figures'][figure]['unit']}"]
        cells += [number(median(results, figure, name)) for name in names]
        cells += [number(ratio(results, figure, "ours", name)) for name in others]
        rows.append(cells)
    return table(head, rows)


def group(results, *prefixes):
    return [name for name in results["figures"] if name.startswith(prefixes)]


def conditions_table(results):
    rows = [[name, str(value)] for name, value in results["conditions"].items()]
    for contender, engine in results["engines"].items():
        rows.append([f"records of {NAMES[contender]}", engine])
    for contender, why in results["missing"].items():
        rows.append([f"without {NAMES.get(contender, contender)}", why])
    return table(["what", "here"], rows)


def markdown(results):
    """The whole of it."""
    text = f"Medians of {results['rounds']} rounds, in which all that is compared took turns.\n\n"
    text += table(["what", "asked", "here", ""], [goal.cells(results) for goal in goals(results)])
    for title, *prefixes in TABLES:
        text += figures_table(results, title, group(results, *prefixes))
    return text + conditions_table(results)
