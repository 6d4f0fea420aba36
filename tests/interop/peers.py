# SPDX-License-Identifier: MIT
"""The real .NET peers, beside the command nns (tests/support/processes.py).

What the tests need from outside, further:
    NNS_DOTNET_DIR  the folder made by `tests/interop/dotnet/build-peers`
"""

import json
import os
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from processes import (  # noqa: E402, F401 (the tests take some of these from here)
    DEADLINE,
    NO_TICKET,
    OPEN,
    SKIP,
    DotnetProgram,
    Process,
    ccache,
    content,
    engine_to_set,
    environment,
    ntlm_account,
    realm,
    sha256,
    tied_to_us,
)
from record import RecordedTest  # noqa: E402

AUTHENTICATION_EXCEPTION = "System.Security.Authentication.AuthenticationException"
FAILED_HERE = "Authentication failed, see inner exception."
FAILED_THERE = (
    "Authentication failed on the remote side "
    "(the stream might still be available for additional authentication attempts)."
)
REQUIREMENT_THERE = (
    "A remote side security requirement was not fulfilled during authentication. "
    "Try increasing the ProtectionLevel and/or ImpersonationLevel."
)

ERROR_TRUST_FAILURE = 1790
SEC_E_INTERNAL_ERROR = 0x80090304
SEC_E_LOGON_DENIED = 0x8009030C
SEC_E_UNKNOWN_CREDENTIALS = 0x8009030D
SEC_E_WRONG_PRINCIPAL = 0x80090322


def program():
    return os.path.join(os.environ["NNS_DOTNET_DIR"], "peer.dll")


class Peer(DotnetProgram):
    """A .NET peer."""

    def __init__(self, *arguments, env):
        super().__init__(program(), *arguments, env=env)

    def ways(self):
        """The events `sent` and `received`, in whatever order they come."""
        events = [json.loads(line) for line in (self.out.next(), self.out.next()) if line]
        ways = {event["event"]: event for event in events}
        if set(ways) != {"sent", "received"}:
            raise AssertionError(f"expected 'sent' and 'received': {events}")
        return ways["sent"], ways["received"]


class InteropTest(RecordedTest):
    """Starts both sides of a conversation and compares what they say."""

    @staticmethod
    def peer_program():
        return program()

    def dotnet_server(self, *options, **env):
        """A .NET server that listens; its port is `.port`."""
        peer = self._peer("server", *options, env=environment(**env))
        peer.port = peer.event("listening")["port"]
        return peer

    def dotnet_client(self, port, *options, target="host/localhost", **env):
        """A .NET client that connects to the port."""
        return self._peer(
            "client", "--port", port, "--target", target, *options, env=environment(**env)
        )

    def dotnet_echo_server(self):
        """The plain program of the demo; its port is `.port`."""
        peer = self._peer("echo-server", env=environment())
        peer.port = int(peer.out.until(r"^listening on 127\.0\.0\.1:(\d+)$")[1])
        return peer

    def dotnet_echo_client(self, port, target):
        """The plain program of the demo."""
        return self._peer("echo-client", port, target, env=environment())

    def _peer(self, *arguments, env):
        peer = Peer(*arguments, env=env)
        self.record_peer(peer, arguments[0].removeprefix("echo-"), arguments)
        return peer

    def assert_authenticated(self, event, **expected):
        """The .NET peer sees Kerberos, mutual authentication, and what else is expected."""
        usual = {"type": "Kerberos", "isMutual": True, "impersonation": "Identification"}
        expected = usual | expected
        self.assertEqual({name: event[name] for name in expected}, expected)

    def assert_failed(self, event, message, code):
        """The .NET peer refused: an AuthenticationException with this text and Win32 code."""
        exception = event["exception"]
        self.assertEqual(event["phase"], "authenticate", event)
        self.assertEqual(exception["type"], AUTHENTICATION_EXCEPTION, event)
        self.assertEqual(exception["message"], message)
        inner = exception["inner"] and exception["inner"]["nativeErrorCode"] & 0xFFFFFFFF
        self.assertEqual(inner, code, event)

    def assert_way(self, event, data):
        """What the .NET peer sent or received is exactly `data`."""
        self.assertEqual((event["bytes"], event["sha256"]), (len(data), sha256(data)))


def main(*needed):
    """Runs the calling file's tests, or says why it cannot and exits with CTest's skip status."""
    if not shutil.which("dotnet"):
        if os.environ.get("NNS_REQUIRE_DOTNET") == "1":
            sys.exit("interop: dotnet is not on PATH, and NNS_REQUIRE_DOTNET=1")
        print("interop: skipped: dotnet is not on PATH")
        sys.exit(SKIP)
    for name in needed or ("NNS", "NNS_REALM_DIR", "NNS_DOTNET_DIR"):
        if name not in os.environ:
            sys.exit(f"interop: {name} is not set")
    unittest.main(verbosity=2)
