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
}
CRYPT = "alone: "  # begins the names of figures without a connection


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
        return [self.what, bound, number(value) + (self.unit if value is not None else ""), self.verdict(value)]

    def verdict(self, value):
        if value is None:
            return "not measured"
        reached = value >= self.bound if self.least else value <= self.bound
        return "reached" if reached else "not reached"


def over(figure, above, below):
    return lambda results: ratio(results, figure, above, below)


def multi_buffer_over_dotnet(results):
    """Only where the multi-buffer library made the records."""
    if "multi" not in (results["engines"].get("ours") or ""):
        return None
    return ratio(results, "send 1048576", "ours", "dotnet")


def added(figure):
    def value(results):
        ours, tcp = median(results, figure, "ours"), median(results, figure, "tcp")
        return None if ours is None or tcp is None else ours - tcp

    return value


def alone(what, above, below):
    """Of cipher work without a connection."""
    return lambda results: ratio(results, CRYPT + what, above, below)


def resident(connections):
    return [
        (f"idle {connections}", f"RSS per idle connection at {connections:,}"),
        (f"idle {connections} after a record", f"the same after a full record each way"),
    ]


def goals(results):
    yield Goal(
        "bulk one way, 64,512-byte writes, libcrypto alone / .NET", 3, over("send 64512", "libcrypto", "dotnet")
    )
    yield Goal("bulk one way, 1 MiB writes, multi-buffer / .NET", 8, multi_buffer_over_dotnet)
    yield Goal("`head`, `nns connect`, `nns listen`: libnns / .NET", 3, over("pipe", "ours", "dotnet"))
    yield Goal("seal alone / libcrypto's limit", 0.90, alone("seal", "libcrypto", "libcrypto limit"))
    yield Goal("open alone / libcrypto's limit", 0.85, alone("open", "libcrypto", "libcrypto limit"))
    yield Goal("batch seal / the multi-buffer library's speed", 0.80, alone("batch seal", "ours", "multi-buffer limit"))
    yield Goal("batch open / the multi-buffer library's speed", 0.80, alone("batch open", "ours", "multi-buffer limit"))
    yield Goal("1,024-byte writes, one way: libnns / .NET", 3, over("send 1024", "ours", "dotnet"))
    yield Goal("ping-pong, 100 bytes: libnns - plain TCP", 8, added("echo 100"), least=False, unit=" us")
    yield Goal("ping-pong, 100 bytes: .NET / libnns", 1, over("echo 100", "dotnet", "ours"))
    for clients, text in ((1, "one client"), (2, "two clients")):
        figure = f"handshake {clients}"
        yield Goal(f"handshakes per second, {text}: libnns / .NET", 2, over(figure, "ours", "dotnet"))
        yield Goal(f"handshakes per second, {text}: libnns / raw GSS loop", 0.90, over(figure, "ours", "raw"))
    for connections in resident_counts(results):
        for figure, text in resident(connections):
            value = lambda results, figure=figure: median(results, figure, "ours")
            yield Goal(text, 8, value, least=False, unit=" KiB")


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
    others = [name for name in ("dotnet", "raw", "tcp") if name in names]
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
    text = f"Medians of {results['rounds']} rounds.\n\n"
    text += table(
        ["what", "asked", "here", ""], [goal.cells(results) for goal in goals(results)]
    )
    text += figures_table(results, "one connection, one way", group(results, "send ", "fetch "))
    text += figures_table(results, "CPU time of both ends", group(results, "cpu "))
    text += figures_table(results, "there and back", group(results, "echo ", "duplex"))
    text += figures_table(results, "round trip, the server has Nagle on", group(results, "nagle"))
    text += figures_table(results, "handshakes", group(results, "handshake "))
    text += figures_table(results, "the installed command, 2 GiB", group(results, "pipe"))
    text += figures_table(results, "memory of a server, a connection", group(results, "idle "))
    text += figures_table(results, "listed apart: no connection, no system call", group(results, CRYPT))
    return text + conditions_table(results)
