# SPDX-License-Identifier: MIT
"""What is measured. A measurement takes turns between its contenders, round after round, and each
turn gives one or more figures. A figure has a name, a unit, and a list of values for each
contender; what is made of them stands in report.py.

Contenders: "ours" is libnns as it is by default, "libcrypto" and "gss" are libnns with the record
engines "krb5" and "gss", "raw" is a bare loop over gss_wrap and gss_unwrap, "tcp" is no protection
at all, "awake" the same with a read that looks before it sleeps, "dotnet" is the real .NET with
itself."""

from programs import (
    Failed,
    Idlers,
    Program,
    cipher_work,
    pipe,
    pipe_commands,
    round_trip,
    single_records,
)

PAIRS = ["ours", "libcrypto", "gss", "raw", "dotnet", "tcp"]
BULK_SIZES = [64, 1024, 16384, 64512, 1048576]
ECHO_SIZES = [1, 100, 4096]
RESIDENT = [1000, 5000]
PIPE_BYTES = 2 << 30


class Scale:
    """How long it all takes."""

    def __init__(self, quick=False, rounds=5):
        self.rounds = rounds
        self.seconds = 0.01 if quick else 0.3  # of a transfer
        self.pause = 0.01 if quick else 0.1  # of a row of round trips
        self.handshakes = 0.05 if quick else 0.5
        self.pipe_bytes = 4 << 20 if quick else PIPE_BYTES
        self.nagle = 2 if quick else 20  # round trips
        self.resident = [5, 10] if quick else RESIDENT


class Measurement:
    """The base: start() makes what a contender needs, turn() gives {figure: value}, or a
    dictionary of {contender: value} for a value."""

    contenders = PAIRS
    turns = 1  # in a round

    def start(self, programs, contender):
        return programs.pair(contender)

    def end(self, running):
        """Pairs live on."""

    def columns(self):
        """Who the values are of."""
        return self.contenders

    def figures(self):
        """{figure: unit}"""
        raise NotImplementedError

    def turn(self, running):
        raise NotImplementedError


class Bulk(Measurement):
    """One connection, one way, then the other."""

    def __init__(self, scale, size):
        self.name = f"bulk-{size}"
        self.size = size
        self.scale = scale

    def figures(self):
        units = {f"send {self.size}": "MB/s", f"fetch {self.size}": "MB/s"}
        return units | {f"cpu {self.size}": "CPU s/GB"}

    def turn(self, running):
        found = {}
        for way in ("send", "fetch"):
            answer = running.ask(f"{way} {self.size} {self.scale.seconds}")
            found[f"{way} {self.size}"] = answer["bytes"] / answer["seconds"] / 1e6
            if way == "send":
                cpu = answer["cpu_client"] + answer["cpu_server"]
                found[f"cpu {self.size}"] = cpu / answer["bytes"] * 1e9
        return found


class Duplex(Measurement):
    """A client writes and reads at once, the server sends everything back."""

    name = "duplex"
    size = 64512

    def __init__(self, scale):
        self.scale = scale

    def figures(self):
        return {"duplex": "MB/s each way"}

    def turn(self, running):
        answer = running.ask(f"duplex {self.size} {self.scale.seconds}")
        return {"duplex": answer["bytes"] / answer["seconds"] / 1e6}


class Echo(Measurement):
    """A message there and back, and again. Many short turns: what a wake-up costs changes with
    the processors that the two happen to be on."""

    contenders = [*PAIRS, "awake"]
    turns = 3

    def __init__(self, scale, size):
        self.name = f"echo-{size}"
        self.size = size
        self.scale = scale

    def figures(self):
        return {f"echo {self.size}": "us", f"echo {self.size}, both ends' CPU": "us"}

    def turn(self, running):
        answer = running.ask(f"echo {self.size} {self.scale.pause}")
        cpu = answer["cpu_client"] + answer["cpu_server"]
        return {
            f"echo {self.size}": answer["round_trip"] * 1e6,
            f"echo {self.size}, both ends' CPU": cpu / answer["writes"] * 1e6,
        }


class Handshake(Measurement):
    """Connections one after another, by so many clients at once."""

    contenders = ["ours", "raw", "dotnet"]

    def __init__(self, scale, clients):
        self.name = f"handshake-{clients}"
        self.clients = clients
        self.scale = scale

    def figures(self):
        return {f"handshake {self.clients}": "1/s"}

    def turn(self, running):
        answer = running.ask(f"handshake {self.clients} {self.scale.handshakes}")
        if answer["count"] == 0:
            raise Failed("no handshake")
        return {f"handshake {self.clients}": answer["count"] / answer["seconds"]}


class Resident(Measurement):
    """What an idle connection costs a server, before and after one full record each way. The
    server is new each time, and has had one connection before the first count."""

    contenders = ["ours", "gss", "dotnet"]

    def __init__(self, scale, connections):
        self.name = f"resident-{connections}"
        self.connections = connections

    def start(self, programs, contender):
        Idlers(programs.place, contender).end()  # is there such a one?
        return programs.place, contender

    def figures(self):
        return {
            f"idle {self.connections}": "KiB",
            f"idle {self.connections} after a record": "KiB",
        }

    def turn(self, running):
        idlers = Idlers(*running)
        try:
            for command in ("hold 1", "record", "release"):
                idlers.client.ask(command)
            before = idlers.resident(0)
            idlers.client.ask(f"hold {self.connections}")
            opened = idlers.resident(self.connections)
            idlers.client.ask("record")
            used = idlers.resident(self.connections)
        finally:
            idlers.end()
        each = [(now - before) / self.connections / 1024 for now in (opened, used)]
        return dict(zip(self.figures(), each))


class Pipe(Measurement):
    """The installed command: zeros in, and thrown away at the other end."""

    name = "pipe"
    contenders = ["ours", "dotnet"]

    def __init__(self, scale):
        self.bytes = scale.pipe_bytes

    def start(self, programs, contender):
        return pipe_commands(programs.place, contender)

    def figures(self):
        return {"pipe": "MB/s"}

    def turn(self, running):
        return {"pipe": self.bytes / pipe(running, self.bytes) / 1e6}


class Nagle(Measurement):
    """The round trip to a .NET server that leaves Nagle's algorithm on, as .NET's default is."""

    name = "nagle"
    contenders = ["ours", "not re-armed"]  # TCP_QUICKACK
    size = 100

    def __init__(self, scale):
        self.count = scale.nagle

    def start(self, programs, contender):
        server = Program(programs.place.dotnet_program("nagle"))
        how = "rearmed" if contender == "ours" else "plain"
        return programs.place, server, server.answer()["port"], how

    def end(self, running):
        running[1].end()

    def figures(self):
        return {"nagle": "us"}

    def turn(self, running):
        place, _, port, how = running
        answer = round_trip(place, port, self.size, self.count, how)
        return {"nagle": answer["round_trip"] * 1e6}


class Alone(Measurement):
    """Cipher work without a connection, listed apart: seal() and open() of libnns, and what the
    libraries that do the work can do at most with the same bytes. One turn gives all of them."""

    name = "alone"
    contenders = ["alone"]
    turns = 3
    lines = {
        "records.mb": "ours",
        "records.libcrypto": "libcrypto",
        "libcrypto.limit": "libcrypto limit",
        "mb.jobs": "multi-buffer jobs",
        "mb.bursts": "multi-buffer bursts",
    }

    def __init__(self, scale):
        pass

    def columns(self):
        return list(self.lines.values())

    def start(self, programs, contender):
        return programs.place

    def figures(self):
        return {"alone: seal": "MB/s", "alone: open": "MB/s"}

    def turn(self, running):
        found = {name: {} for name in self.figures()}
        for line in cipher_work(running):
            what, _, way = line["name"].rpartition(".")
            if what in self.lines:
                found[f"alone: {way}"][self.lines[what]] = line["mb_per_s"]
        return found


class AloneSingle(Alone):
    """The same for one record at a time, as writes of one record have them."""

    name = "alone, single"
    lines = {"single.mb": "ours", "single.libcrypto": "libcrypto"}
    sizes = [64512, 1024, 100]

    def figures(self):
        ways = [(size, way) for size in self.sizes for way in ("seal", "open")]
        return {self.figure(size, way): "MB/s" for size, way in ways}

    def figure(self, size, way):
        return f"alone: {way} one record of {size:,} bytes"

    def turn(self, running):
        found = {name: {} for name in self.figures()}
        for line in single_records(running):
            what, _, way = line["name"].rpartition(".")
            found[self.figure(line["plain"], way)][self.lines[what]] = line["mb_per_s"]
        return found


def every(scale):
    """The measurements, in the order of a run."""
    found = [Bulk(scale, size) for size in BULK_SIZES]
    found += [Echo(scale, size) for size in ECHO_SIZES]
    found += [Duplex(scale)]
    found += [Handshake(scale, clients) for clients in (1, 2)]
    found += [Nagle(scale), Alone(scale), AloneSingle(scale), Pipe(scale)]
    return found + [Resident(scale, connections) for connections in scale.resident]
