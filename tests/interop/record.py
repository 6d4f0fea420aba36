# SPDX-License-Identifier: MIT
"""What each test with the real .NET has shown, for scripts/interop-report: with
NNS_INTEROP_LOG=FOLDER a test leaves a JSON file there. Read from what all sides say, so that a new
test needs to do nothing."""

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from processes import NnsTest

HERE = Path(__file__).resolve().parent
USING = re.compile(r" using (\w+)(?: \((\w+)[,)])?")  # a line of nns, or of the plain echo server


def wanted():
    return "NNS_INTEROP_LOG" in os.environ


@functools.cache
def runtime(dll):
    """The .NET that runs the peers."""
    argv = ["dotnet", dll, "about"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, timeout=60, check=True)
    return json.loads(done.stdout)


class Record:
    """Of one test, with all its connections."""

    def __init__(self, test):
        file = Path(sys.modules[type(test).__module__].__file__).resolve().with_suffix("")
        place = file.relative_to(HERE) if file.is_relative_to(HERE) else file.name
        self._name = [str(place), type(test).__name__, test.id().split(".")[-1]]
        self._test = test
        self.ours = False  # nns itself took part
        self._theirs = set()
        self._mechanisms = set()
        self._levels = set()
        self._sizes = set()

    def peer(self, role, options=()):
        """A .NET peer was started."""
        self._theirs.add(role)
        if "--bytes" in options:
            self.size(options[options.index("--bytes") + 1])

    def size(self, size):
        """So many bytes went one way."""
        self._sizes.add(int(size))

    def read(self, lines):
        """What a program has said: events of a .NET peer, or lines for people. The last one may
        be cut short, of a peer that its test has ended."""
        for line in lines:
            if line.startswith("{"):
                self._read_event(line)
            elif match := USING.search(line):
                self._seen(match[1], match[2] or "encrypt")

    def _read_event(self, line):
        try:
            event = json.loads(line)
        except ValueError:
            return
        if event["event"] == "authenticated":
            level = "encrypt" if event["isEncrypted"] else "sign" if event["isSigned"] else "none"
            self._seen(event["type"], level)

    def _seen(self, mechanism, level):
        self._mechanisms.add(mechanism)
        self._levels.add(level)

    def _roles(self):
        if {"client", "server"} == self._theirs and not self.ours:
            return []
        opposite = {"server": "client", "client": "server"}
        return sorted(opposite[role] for role in self._theirs)

    def write(self, result):
        file, group, test = self._name
        about = runtime(self._test.peer_program())
        text = json.dumps(
            {
                "file": file,
                "class": group,
                "test": test,
                "peer": f"{about['framework']}, {about['rid']}",
                "roles": self._roles(),
                "mechanisms": sorted(self._mechanisms) or [self._test.mechanism],
                "levels": [x for x in ("encrypt", "sign", "none") if x in self._levels],
                "sizes": sorted(self._sizes),
                "result": result,
            }
        )
        folder = Path(os.environ["NNS_INTEROP_LOG"])
        (folder / f"{file.replace('/', '.')}.{group}.{test}.json").write_text(text)


class RecordedTest(NnsTest):
    """Keeps a record of what nns and the .NET peers do."""

    mechanism = "Kerberos"  # for the record, of a test in which nobody is authenticated

    @staticmethod
    def peer_program():
        """The peers' program, which knows the command `about`."""
        raise NotImplementedError

    def run(self, result=None):
        self.record = Record(self)
        if not wanted() or result is None:
            return super().run(result)
        failed, skipped = len(result.failures) + len(result.errors), len(result.skipped)
        super().run(result)
        if len(result.failures) + len(result.errors) > failed:
            self.record.write("failed")
        else:
            self.record.write("skipped" if len(result.skipped) > skipped else "passed")
        return result

    def record_server(self, server):
        """What a server of ours says, once it has ended."""
        self.record.ours = True
        self.addCleanup(lambda: self.record.read(server.end()))

    def record_peer(self, peer, role, options):
        """Ends a .NET peer, too, with the test."""

        def end():
            peer.end()
            self.record.read(peer.out.rest())

        self.record.peer(role, options)
        self.addCleanup(end)

    def nns_listen(self, *options, **more):
        server = super().nns_listen(*options, **more)
        self.record_server(server)
        return server

    def nns_connect(self, port, *options, **more):
        result = super().nns_connect(port, *options, **more)
        self.record.ours = True
        self.record.read(result.errors)
        if isinstance(more.get("data"), bytes):
            self.record.size(len(more["data"]))
        return result

    def nns_probe(self, port, *options, **more):
        self.record.ours = True
        return super().nns_probe(port, *options, **more)
