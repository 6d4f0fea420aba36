# SPDX-License-Identifier: MIT
"""WCF's client and the services for it, beside the command nns (tests/support/processes.py).

What the tests need from outside, further:
    NNS_WCF_DIR  the folder made by `tests/interop/wcf/build-wcf`
"""

import json
import os
import shutil
import sys
import unittest
from pathlib import Path

INTEROP = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(INTEROP.parent / "support"), str(INTEROP)]

import manual  # noqa: E402, F401 (the tests take it from here)
from processes import (  # noqa: E402, F401 (the tests take some of these from here)
    DEADLINE,
    SKIP,
    DotnetProgram,
    Process,
    ccache,
    environment,
    ntlm_account,
    realm,
    record_engine,
    tied_to_us,
)
from record import RecordedTest  # noqa: E402

PROGRAM = os.path.join(os.environ.get("NNS_WCF_DIR", ""), "wcf.dll")

# What the user of a WCF client sees.
ENDPOINT_NOT_FOUND = "System.ServiceModel.EndpointNotFoundException"
NEGOTIATION_FAILED = "System.ServiceModel.Security.SecurityNegotiationException"
PROTOCOL_ERROR = "System.ServiceModel.ProtocolException"


def ntlm_login(password=None):
    """The client's options for NNS\\alice."""
    if password is None:
        password = Path(realm("ntlm.password")).read_text().strip()
    return "--user", "alice", "--domain", "NNS", "--password", password


class Program(DotnetProgram):
    """The program of this folder."""

    def __init__(self, *arguments, env):
        super().__init__(PROGRAM, *arguments, env=env)

    def events(self, name):
        """All events of that name, once the program has ended."""
        events = [json.loads(line) for line in self.out.rest()]
        return [event for event in events if event["event"] == name]


class WcfTest(RecordedTest):
    @staticmethod
    def peer_program():
        return PROGRAM

    def service(self, *options, **env):
        """A service that listens; its port is `.port`."""
        service = Program("service", *options, env=environment(**env))
        self.record_peer(service, "server", options)
        service.port = service.event("listening")["port"]
        return service

    def client(self, port, *options, path="/echo", **env):
        """A client that has ended."""
        uri = f"net.tcp://127.0.0.1:{port}{path}"
        client = Program("client", "--uri", uri, *options, env=environment(**env))
        self.record_peer(client, "client", options)
        client.wait()
        return client

    def assert_called(self, client, calls, channels=1):
        """Every call of each channel was answered with what was sent."""
        events = client.events("called")
        self.assertEqual([event["calls"] for event in events], [calls] * channels, client.out.seen)
        self.assertEqual(client.popen.returncode, 0, client.err.rest())

    def assert_failed(self, client, exception):
        """The client's user got this exception; answers its message."""
        self.assertEqual(client.popen.returncode, 1, client.out.rest())
        (event,) = client.events("failed")
        self.assertEqual(event["exception"]["type"], exception, event)
        return event["exception"]["message"]


def main(*needed):
    """Runs the calling file's tests, or says why it cannot and exits with CTest's skip status."""
    if not shutil.which("dotnet") or not os.path.exists(PROGRAM):
        why = "dotnet is not on PATH" if not shutil.which("dotnet") else "WCF was not built"
        if os.environ.get("NNS_REQUIRE_DOTNET") == "1":
            sys.exit(f"wcf: {why}, and NNS_REQUIRE_DOTNET=1")
        print(f"wcf: skipped: {why}")
        sys.exit(SKIP)
    for name in needed or ("NNS", "NNS_REALM_DIR", "NNS_WCF_DIR"):
        if name not in os.environ:
            sys.exit(f"wcf: {name} is not set")
    unittest.main(verbosity=2)
