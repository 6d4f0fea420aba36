# SPDX-License-Identifier: MIT
"""nns and the example of nns_nmf(3) as clients of the service behind .NET's own NegotiateStream."""

import json
import re
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
    realm,
    tied_to_us,
)

WINDOWS = ("--security", "windows")
ENDPOINTS = "/ActiveDirectoryWebServices/Windows/"
ROOT = Path(__file__).resolve().parents[3]
NTLM = ("--mech", "ntlm", "--user", r"NNS\alice", "--password-file")


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
            self.record.ours = True
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


class Command(ServiceTest):
    def test_connect(self):
        """A call of Say("hello") that WCF's encoder has written."""
        vectors = (ROOT / "tests" / "dissect" / "nbfx.vectors").read_text()
        call = bytes.fromhex(re.search(r"^call 1\tsession\t(\w+)", vectors, re.M)[1])
        for mech, name, options, env in (
            ("Kerberos", "alice@NNS.TEST", (), {}),
            ("NTLM", r"NNS\alice", (*NTLM, realm("ntlm.password")), ntlm_account()),
        ):
            with self.subTest(mech):
                service = self.service(*WINDOWS, **ntlm_account())
                via = f"net.tcp://localhost:{service.port}/echo"
                data = len(call).to_bytes(4, "big") + call
                given = ("--nettcp", via, *options)
                result = self.nns_connect(service.port, *given, data=data, **env)
                self.assertEqual(result.status, 0, result.errors)
                self.assertEqual(int.from_bytes(result.output[:4], "big"), len(result.output) - 4)
                self.assertRegex(result.output, rb"(?s)/IEcho/SayResponse.*SayResult.*hello")
                self.assert_seen(service, name, mech)

    def test_probe(self):
        service = self.service(*WINDOWS)
        via = f"net.tcp://localhost:{service.port}/echo"
        found = json.loads(self.nns_probe(service.port, "--nettcp", via, "--json").output)
        self.assertEqual((found["result"], found["mechanism"]), ("ok", "Kerberos"))
        self.assert_seen(service, "alice@NNS.TEST", "Kerberos")

    def test_probe_of_active_directory_web_services(self):
        """At the place where a domain controller has the first of its endpoints."""
        service = self.service(*WINDOWS, "--path", ENDPOINTS + "Enumeration")
        result = self.nns_probe(service.port, "--adws", "--json")
        self.assertEqual((result.status, result.errors), (0, []))
        found = json.loads(result.output)
        self.assertEqual((found["result"], found["protection"]), ("ok", "encrypt"))
        missing = dict.fromkeys(found["endpoints"], "EndpointNotFound") | {"Enumeration": "ok"}
        self.assertEqual((found["endpoints"], len(missing)), (missing, 5))
        service.end()
        vias = [event["via"] for event in service.events("preamble")]
        asked = [f"net.tcp://127.0.0.1:{service.port}{ENDPOINTS}{name}" for name in found["endpoints"]]
        self.assertEqual(sorted(vias), sorted(asked))
        who = {(event["name"], event["upgrade"]) for event in service.events("authenticated")}
        self.assertEqual(who, {("alice@NNS.TEST", "application/negotiate")})


if __name__ == "__main__":
    main()
