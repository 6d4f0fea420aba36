# SPDX-License-Identifier: MIT
"""The example of nns_nmf(3) as a client of the service behind .NET's own NegotiateStream."""

import socket
import subprocess
import tempfile
from pathlib import Path

from wcf import (
    DEADLINE,
    WcfTest,
    ccache,
    environment,
    main,
    manual,
    ntlm_account,
    tied_to_us,
)

WINDOWS = ("--security", "windows")


class ServiceTest(WcfTest):
    def assert_seen(self, service, name, kind, mode=2):
        """The service has served one client, and knows who it was."""
        service.end()
        (seen,) = service.events("authenticated")
        self.assertEqual((seen["name"], seen["type"], seen["isEncrypted"]), (name, kind, True))
        self.assertEqual(seen["upgrade"], "application/negotiate")
        (preamble,) = service.events("preamble")
        self.assertEqual((preamble["mode"], preamble["fault"]), (mode, None))


class Example(ServiceTest):
    """A C program with a hand-made envelope."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.program = manual.compiled(Path(folder.name) / "call.c", manual.examples()["call.c"])

    def call(self, port, *more, path="/echo", **env):
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as connection:
            connection.settimeout(None)
            via = f"net.tcp://localhost:{port}{path}"
            return subprocess.run(
                tied_to_us([self.program, via, "host/localhost", "twelve bytes", *more]),
                stdin=connection.fileno(),
                env=environment(**env),
                capture_output=True,
                timeout=DEADLINE,
                check=False,
            )

    def assert_answered(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, rb"(?s)/IEcho/EchoResponse.*EchoResponse.*EchoResult.*twelve bytes")

    def test_kerberos(self):
        service = self.service(*WINDOWS)
        self.assert_answered(self.call(service.port, **ccache("alice.ccache")))
        self.assert_seen(service, "alice@NNS.TEST", "Kerberos")

    def test_ntlm(self):
        service = self.service(*WINDOWS, **ntlm_account())
        self.assert_answered(self.call(service.port, "ntlm", **ntlm_account()))
        self.assert_seen(service, r"NNS\alice", "NTLM")

    def test_no_endpoint(self):
        service = self.service(*WINDOWS)
        done = self.call(service.port, path="/nosuch", **ccache("alice.ccache"))
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"EndpointNotFound", done.stderr)


main()
