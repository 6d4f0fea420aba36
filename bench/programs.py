# SPDX-License-Identifier: MIT
"""The programs that are compared: how they are started and asked. Pairs live as long as a run,
and only one at a time has something to do.

Everything is found through a Place: scripts/bench and the tests have builds of their own."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

from processes import Process, environment, realm, tied_to_us  # noqa: E402

DEADLINE = 120  # seconds, of one transfer of the installed command
REFUSED = 77  # exit status: the library has no such record engine
ENGINES = {"ours": "auto", "libcrypto": "krb5", "gss": "gss"}  # of libnns


def service_environment():
    """A service has a keytab of its own."""
    return environment(KRB5_KTNAME="FILE:" + realm("host.keytab"))


class Failed(Exception):
    """A program did not do its part: the run fails."""


class Missing(Exception):
    """A contender does not exist here: the table says why."""


class Place:
    """Where the programs are: folders of the C programs and of the .NET program (None: not
    there), and the installed command."""

    def __init__(self, programs, dotnet, nns):
        self.programs = Path(programs)
        self.dotnet = dotnet and Path(dotnet)
        self.nns = str(nns)

    def dotnet_program(self, *arguments):
        if not self.dotnet:
            raise Missing("dotnet is not installed")
        return ["dotnet", str(self.dotnet / "bench.dll"), *map(str, arguments)]

    def peer(self, contender, role, *arguments):
        """The command line of a server or a client."""
        if contender == "dotnet":
            return self.dotnet_program(role, *arguments)
        program = [str(self.programs / "bench_peer"), role]
        if contender in ENGINES:
            return [*program, "nns", *map(str, arguments), ENGINES[contender]]
        if contender == "awake":
            return [*program, "tcp", *map(str, arguments), "awake"]
        return [*program, contender, *map(str, arguments)]

    def idle(self, contender):
        if contender == "dotnet":
            return self.dotnet_program("idle")
        return [str(self.programs / "bench_idle"), ENGINES[contender]]


class Program:
    """A running program that answers lines with JSON."""

    def __init__(self, argv):
        self.argv = argv
        self._process = Process(argv, service_environment(), stdin=subprocess.PIPE)

    def answer(self):
        line = self._process.out.next()
        if line is None:
            self._fail()
        return json.loads(line)

    def ask(self, command):
        try:
            self._process.popen.stdin.write(f"{command}\n".encode())
            self._process.popen.stdin.flush()
        except BrokenPipeError:
            self._fail()
        return self.answer()

    def _fail(self):
        errors = "\n".join(self._process.err.rest())
        if self._process.wait() == REFUSED:
            raise Missing(errors.removeprefix("bench: "))
        raise Failed(f"{' '.join(self.argv)}:\n{errors}")

    def end(self):
        self._process.end()
        self._process.popen.stdin.close()


class Pair:
    """A server and its client."""

    def __init__(self, place, contender):
        self.server = Program(place.peer(contender, "server"))
        self.client = Program(place.peer(contender, "client", self.server.answer()["port"]))
        self.engine = None  # what makes the records, once there were some

    def ask(self, command):
        answer = self.client.ask(command)
        self.engine = answer.get("engine", self.engine)
        return answer

    def end(self):
        self.client.end()
        self.server.end()


class Programs:
    """The pairs of a run, each made when it is first wanted."""

    def __init__(self, place):
        self.place = place
        self.pairs = {}

    def pair(self, contender):
        if contender not in self.pairs:
            self.pairs[contender] = Pair(self.place, contender)
        return self.pairs[contender]

    def engines(self):
        """What made the records of each pair."""
        return {name: pair.engine for name, pair in self.pairs.items() if pair.engine}

    def end(self):
        for pair in self.pairs.values():
            pair.end()


class Idlers:
    """A server of idle connections and a client of ours that holds them."""

    def __init__(self, place, contender):
        self.server = Program(place.idle(contender))
        port = self.server.answer()["port"]
        self.client = Program(place.peer("ours", "client", port))

    def resident(self, connections):
        """The bytes in the server's memory once it has so many connections."""
        for _ in range(1000):
            answer = self.server.ask("rss")
            if answer["connections"] == connections:
                return answer["rss"]
        raise Failed(f"{answer['connections']} connections, not {connections}: {self.server.argv}")

    def end(self):
        self.client.end()
        self.server.end()


def run(argv, deadline=DEADLINE):
    """The JSON lines of a program that ends by itself."""
    done = subprocess.run(
        tied_to_us(argv),
        env=service_environment(),
        capture_output=True,
        text=True,
        timeout=deadline,
        check=False,
    )
    if done.returncode != 0:
        raise Failed(f"{' '.join(argv)}:\n{done.stdout}{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def round_trip(place, port, size, count, how):
    """bench/round_trip.c"""
    program = str(place.programs / "bench_round_trip")
    return run([program, *map(str, (port, size, count)), how])[-1]


def cipher_work(place):
    """bench/records.c and bench/crypt.c, one round of each, on the same sizes."""
    records = run([str(place.programs / "bench_records")])
    enctype, one = 18, records[0]
    sizes = map(str, (enctype, one["size"], one["count"]))
    return records + run([str(place.programs / "bench_crypt"), *sizes, "1"])


def single_records(place):
    """bench/records.c, one record at a time."""
    return run([str(place.programs / "bench_records"), "single"])


def pipe_commands(place, contender):
    """The command lines of a sink and of a source, and how the source has the port."""
    if contender == "dotnet":
        return place.dotnet_program("sink"), place.dotnet_program("source"), "{}"
    sink = [place.nns, "listen", "--json", "--allow", "alice@NNS.TEST", "--keytab"]
    sink += [realm("host.keytab"), "127.0.0.1:0"]
    source = [place.nns, "connect", "-q", "--target", "host/localhost"]
    return sink, source, "127.0.0.1:{}"


def wait_pipe(server, client, head):
    """To the end of all three; what the server said."""
    statuses = [head.wait(DEADLINE)]
    server.stdin.close()  # it has no more to say: until then the command would wait for that
    said = server.stderr.read().decode()
    errors = client.communicate(timeout=DEADLINE)[1].decode()
    statuses += [client.returncode, server.wait(DEADLINE)]
    if statuses != [0, 0, 0]:
        raise Failed(f"head, source and sink: {statuses}\n{errors}{said}")
    return said


def pipe(commands, size):
    """Seconds for `head -c SIZE /dev/zero | SOURCE`, to a SINK whose output is thrown away, from
    the source's start to the end of both."""
    sink, source, address = commands
    ends = {"env": service_environment(), "stderr": subprocess.PIPE}
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(
        tied_to_us(sink), stdin=subprocess.PIPE, stdout=nowhere, **ends
    ) as server:
        line = server.stderr.readline().decode()
        port = re.search(r'"port": ?(\d+)|:(\d+)"', line)
        if not port:
            raise Failed(f"{sink}: {line}")
        begin = time.monotonic()
        head = subprocess.Popen(["head", "-c", str(size), "/dev/zero"], stdout=subprocess.PIPE)
        argv = tied_to_us([*source, address.format(port[1] or port[2])])
        with subprocess.Popen(argv, stdin=head.stdout, stdout=nowhere, **ends) as client:
            head.stdout.close()
            said = wait_pipe(server, client, head)
        seconds = time.monotonic() - begin
    moved = re.search(r'"bytes(?:_in)?": ?(\d+)', said)
    if not moved or int(moved[1]) != size:
        raise Failed(f"{sink}: not {size} bytes: {said}")
    return seconds
