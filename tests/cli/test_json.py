# SPDX-License-Identifier: MIT
"""--json of connect and listen: each line of standard error is an object that docs/json.md
describes."""

import json
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from processes import (  # noqa: E402
    DEADLINE,
    NnsTest,
    Process,
    environment,
    kerberos_engine,
    realm,
    record_engine,
)
from wire import ERROR, Listener, handshake, read_handshake  # noqa: E402

PEER_ADDRESS = re.compile(r"127\.0\.0\.1:\d+")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

NEGOTIATED = {
    "target": "host/localhost@NNS.TEST",
    "mechanism": "Kerberos",
    "protection": "encrypt",
    "impersonation": "identify",
    "mutual": True,
    "ssf": 256,
    "enctype": "aes256-cts-hmac-sha1-96",
    "handshake_records": 2,
}


class JsonTest(NnsTest):
    def listen(self, *options, allow="alice@NNS.TEST", **env):
        """`nns listen --json`, whose port is `.port`."""
        argv = [os.environ["NNS"], "listen", "--json", *record_engine(), "--allow", allow]
        argv += ["--keytab", realm("keytab"), *options, "127.0.0.1:0"]
        server = Process(argv, environment(**env))
        self.addCleanup(lambda: self.assert_no_finding(server.end()))
        event = self.event(server)
        self.assertEqual(set(event), {"event", "address"})
        self.assertEqual(event["event"], "listening")
        server.port = int(event["address"].rsplit(":", 1)[1])
        return server

    def event(self, server):
        """The server's next event, without its peer's address, which is checked."""
        event = json.loads(server.err.next())
        if event["event"] != "listening":
            self.assertRegex(event.pop("peer"), PEER_ADDRESS)
        return event

    def connect(self, port, *options, **more):
        """(exit status, events) of `nns connect --json`."""
        result = self.nns_connect(port, "--json", *options, **more)
        return result.status, [json.loads(line) for line in result.errors]

    def assert_negotiated(self, event, kind, **more):
        self.assertRegex(event.pop("ticket_end"), TIME)
        self.assertRegex(event.pop("record_engine"), kerberos_engine())
        self.assertEqual(event, {"event": kind} | NEGOTIATED | more)


class Well(JsonTest):
    def test_events_of_a_connection_on_both_sides(self):
        server = self.listen("--echo")
        status, (connected, ended) = self.connect(server.port, data=b"12345")
        self.assertEqual(status, 0)
        self.assert_negotiated(connected, "connected")
        traffic = {"event": "ended", "bytes_in": 5, "bytes_out": 5}
        self.assertEqual(ended, traffic)
        self.assert_negotiated(self.event(server), "authenticated", name="alice@NNS.TEST")
        self.assertEqual(self.event(server), traffic)

    def test_how_the_command_ended(self):
        for command, member in (
            ("cat; exit 3", {"command_status": 3}),
            ("cat; kill -9 $$", {"command_signal": 9}),
            ("cat", {"command_status": 0}),
        ):
            with self.subTest(command):
                server = self.listen("--exec", command)
                self.connect(server.port, data=b"xy")
                self.event(server)
                traffic = {"event": "ended", "bytes_in": 2, "bytes_out": 2}
                self.assertEqual(self.event(server), traffic | member)

    def test_quiet(self):
        server = self.listen("--echo")
        self.assertEqual(self.connect(server.port, "-q", data=b"x"), (0, []))


class Failing(JsonTest):
    def test_refused_by_policy_on_both_sides(self):
        server = self.listen("--echo", allow="bob@NNS.TEST")
        status, (failed,) = self.connect(server.port)
        self.assertEqual(status, 7)
        self.assertEqual(
            failed | {"message": "", "hint": ""},
            {
                "event": "failed",
                "phase": "handshake",
                "code": "NNS_ERR_PEER",
                "exit_status": 7,
                "message": "",
                "hint": "",
                "peer_status": "0x000006fe",
                "peer_status_name": "ERROR_TRUST_FAILURE",
            },
        )
        seen = self.event(server)
        self.assertEqual((seen["event"], seen["code"]), ("failed", "NNS_ERR_REFUSED"))
        self.assertEqual((seen["exit_status"], seen["phase"]), (6, "handshake"))
        self.assertIn("'alice@NNS.TEST' is not allowed to connect", seen["message"])

    def test_mechanisms_own_words(self):
        server = self.listen("--echo")
        status, (failed,) = self.connect(server.port, target="host/nosuch")
        self.assertEqual((status, failed["exit_status"], failed["code"]), (6, 6, "NNS_ERR_AUTH"))
        self.assertIn("not found in Kerberos database", failed["mech_text"])
        self.assertEqual(failed["mech_major"] >> 16, 13)  # GSS_S_FAILURE
        self.assertGreater(failed["mech_minor"], 0)

    def test_peers_status_in_hex_and_by_name(self):
        def deny(connection):
            read_handshake(connection)
            connection.sendall(handshake(ERROR, bytes.fromhex("000000008009030c")))

        _, (failed,) = self.connect(Listener(self, deny).port)
        status = (failed["peer_status"], failed["peer_status_name"])
        self.assertEqual(status, ("0x8009030c", "SEC_E_LOGON_DENIED"))

    def test_failure_after_the_handshake_tells_what_was_moved(self):
        server = self.listen("--exec", "cat; sleep 600", "--idle-timeout", "300ms")
        self.connect(server.port, data=b"12345")
        self.assertEqual(self.event(server)["event"], "authenticated")
        failed = self.event(server)
        self.assertEqual((failed["event"], failed["code"]), ("failed", "NNS_ERR_TIMEOUT"))
        self.assertEqual((failed["bytes_in"], failed["bytes_out"]), (5, 5))
        self.assertEqual((failed["phase"], failed["command_signal"]), ("data", 1))

    def test_failure_of_our_own_output(self):
        server = self.nns_listen()
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                self.connect_command(server.port, "--json", "-q"),
                env=environment(),
                input=b"x",
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=DEADLINE,
                check=False,
            )
        failed = json.loads(done.stderr)
        self.assertEqual((done.returncode, failed["exit_status"]), (3, 3))
        message = (failed["code"], failed["message"])
        self.assertEqual(message, ("NNS_ERR_IO", "standard output: No space left on device"))

    def test_too_many_connections(self):
        server = self.listen("--exec", "echo; cat", "--max-connections", "1")
        first = subprocess.Popen(
            self.connect_command(server.port),
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        with first:
            first.stdout.readline()
            self.event(server)
            self.connect(server.port)
            refused = {"event": "refused", "message": "too many connections (--max-connections)"}
            self.assertEqual(self.event(server), refused)
            first.communicate(timeout=DEADLINE)

    def test_what_is_no_event_of_a_connection(self):
        argv = [os.environ["NNS"], "connect", "--json", "--user", "a", "--password-file", "/", "h:1"]
        done = subprocess.run(argv, capture_output=True, timeout=DEADLINE, check=False)
        self.assertEqual(done.returncode, 2)
        message = "--password-file: /: it is not a file"
        self.assertEqual(json.loads(done.stderr), {"event": "error", "message": message})

    def test_bytes_that_are_not_utf8_are_escaped(self):
        argv = [os.environ["NNS"], "connect", "--json", "--user", "a", "--password-file"]
        done = subprocess.run(
            [*argv, b"/\xff\xc3\xa4", "h:1"], capture_output=True, timeout=DEADLINE, check=False
        )
        self.assertIn(r"/\xff\xc3\xa4: No such file", json.loads(done.stderr)["message"])


class Documented(JsonTest):
    """Whatever the command may print is in the table of docs/json.md, and the reverse."""

    def test_members_and_events(self):
        source = Path(os.environ["NNS_SOURCE_DIR"])
        table = (source / "docs/json.md").read_text()
        documented = set(re.findall(r"^\| `(\w+)` \|", table, re.M))
        code = "".join((source / "tool" / f).read_text() for f in CODE)
        members = set(re.findall(r'(?:object_\w+|json_object_set_new|add_time)\([^"]*?"(\w+)"', code))
        self.assertEqual(members - EVENTS, documented - EVENTS)
        self.assertEqual(documented & EVENTS, EVENTS)


CODE = ("event.c", "object.c", "probe.c", "report.c")
EVENTS = {"listening", "authenticated", "connected", "refused", "failed", "ended", "probe"}
EVENTS |= {"error", "note"}


if __name__ == "__main__":
    for name in ("NNS", "NNS_REALM_DIR"):
        if name not in os.environ:
            sys.exit(f"cli: {name} is not set")
    unittest.main(verbosity=2)
