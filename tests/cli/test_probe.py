# SPDX-License-Identifier: MIT
"""nns probe: what it finds out about a server that is well, and about everything else."""

import json
import os
import re
import socket
import sys
import unittest
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from processes import NO_TICKET, NnsTest, ccache, kerberos_engine  # noqa: E402
from wire import Listener, read_handshake  # noqa: E402

TRANSPORT, TIMEOUT, PROTOCOL, AUTHENTICATION, PEER = 3, 4, 5, 6, 7

WELL = {
    "event": "probe",
    "result": "ok",
    "host": "127.0.0.1",
    "target": "host/localhost@NNS.TEST",
    "mechanism": "Kerberos",
    "protection": "encrypt",
    "impersonation": "identify",
    "mutual": True,
    "ssf": 256,
    "enctype": "aes256-cts-hmac-sha1-96",
    "handshake_records": 2,
    "round_trips": 1,
}


class ProbeTest(NnsTest):
    def probe_json(self, port, *options, status=0, **more):
        """The one object that `nns probe --json` prints."""
        result = self.nns_probe(port, "--json", *options, **more)
        self.assertEqual((result.status, result.errors), (status, []), result.output)
        self.assertEqual(result.output.count("\n"), 1)
        return json.loads(result.output)

    def assert_failed(self, port, status, code, pattern, *options, **more):
        """The probe fails, with this code and a message, for people and for programs alike."""
        found = self.probe_json(port, *options, status=status, **more)
        self.assertEqual((found["event"], found["result"]), ("probe", "failed"))
        self.assertEqual((found["code"], found["exit_status"]), (code, status))
        self.assertRegex(found["message"], pattern)
        self.assertNotIn("mechanism", found)
        people = self.nns_probe(port, *options, **more)
        self.assertEqual(people.status, status)
        self.assertRegex(people.output, r"^result: +failed\ntarget: +\S+\n")
        self.assertRegex(people.errors[0], f"^nns: .*(?:{pattern})")
        hints = [line for line in people.errors if line.startswith("  hint: ")]
        self.assertEqual(hints, ["  hint: " + found["hint"]] if "hint" in found else [])
        return found


class Well(ProbeTest):
    def test_what_was_negotiated(self):
        found = self.probe_json(self.nns_listen().port)
        end = datetime.strptime(found.pop("ticket_end"), "%Y-%m-%dT%H:%M:%SZ")
        left = end.replace(tzinfo=timezone.utc) - datetime.now(timezone.utc)
        self.assertTrue(0 < left.total_seconds() < 2 * 86400, end)
        times = found.pop("milliseconds")
        self.assertEqual(set(times), {"resolve", "connect", "handshake"})
        self.assertTrue(all(0 <= ms < 60_000 for ms in times.values()), times)
        self.assertGreater(times["handshake"], 0)
        found.pop("port")
        self.assertRegex(found.pop("record_engine"), kerberos_engine())
        self.assertEqual(found, WELL)

    def test_the_same_for_people(self):
        result = self.nns_probe(self.nns_listen().port)
        self.assertEqual((result.status, result.errors), (0, []))
        lines = [re.fullmatch(r"([a-z ]+): +(\S.*)", l) for l in result.output.splitlines()]
        self.assertTrue(all(lines), result.output)
        self.assertEqual({line.start(2) for line in lines}, {19}, "aligned")
        found = {line[1]: line[2] for line in lines}
        self.assertEqual(
            list(found),
            ["result", "target", "mechanism", "protection", "impersonation", "mutual"]
            + ["ssf", "enctype"]
            + ["record engine", "ticket end", "handshake records", "round trips"]
            + ["resolve", "connect", "handshake"],
        )
        for name in ("result", "target", "mechanism", "protection", "enctype"):
            self.assertEqual(found[name], WELL[name])
        self.assertEqual((found["mutual"], found["ssf"], found["round trips"]), ("yes", "256", "1"))
        self.assertRegex(found["handshake"], r"^\d+\.\d ms$")

    def test_levels(self):
        for level in ("sign", "none"):
            server = self.nns_listen("--protection", level)
            found = self.probe_json(server.port, "--protection", level)
            engine = "^raw$" if level == "none" else kerberos_engine()
            self.assertEqual(found["protection"], level)
            self.assertRegex(found["record_engine"], engine)

    def test_server_sees_an_orderly_close(self):
        server = self.nns_listen("--once", "-v")
        self.probe_json(server.port)
        server.err.until("ended: 0 bytes in, 0 bytes out")
        self.assertEqual(server.wait(), 0)

    def test_server_that_goes_on_talking(self):
        server = self.nns_listen(service=("--exec", "yes; true"))
        self.assertEqual(self.probe_json(server.port)["result"], "ok")


class Failing(ProbeTest):
    """Peers and tickets that are not what they should be."""

    def peer(self, answer):
        """A peer that answers the first record with bytes; None: it says nothing."""

        def serve(connection):
            read_handshake(connection)
            if answer is not None:
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

        return Listener(self, serve).port

    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        found = self.assert_failed(port, TRANSPORT, "NNS_ERR_IO", "Connection refused")
        self.assertEqual((found["phase"], set(found["milliseconds"])), ("connect", {"resolve"}))
        self.assertEqual(found["os_error"], 111)

    def test_silent_peer(self):
        options = ["--handshake-timeout", "300ms"]
        found = self.assert_failed(
            self.peer(None), TIMEOUT, "NNS_ERR_TIMEOUT", "timed out", *options
        )
        self.assertEqual(found["phase"], "handshake")
        self.assertEqual(set(found["milliseconds"]), {"resolve", "connect"})

    def test_other_protocols(self):
        tls, http = bytes.fromhex("15030300020228"), b"HTTP/1.1 400 Bad Request\r\n\r\n"
        for name, data in (("TLS", tls), ("HTTP", http)):
            with self.subTest(name):
                port = self.peer(data)
                self.assert_failed(port, PROTOCOL, "NNS_ERR_FOREIGN", f"the peer speaks {name}")

    def test_refused(self):
        server = self.nns_listen(allow="bob@NNS.TEST")
        found = self.assert_failed(server.port, PEER, "NNS_ERR_PEER", "ERROR_TRUST_FAILURE")
        status = (found["peer_status"], found["peer_status_name"])
        self.assertEqual(status, ("0x000006fe", "ERROR_TRUST_FAILURE"))

    def test_no_ticket(self):
        server = self.nns_listen()
        pattern = "credential|ticket"
        found = self.assert_failed(
            server.port, AUTHENTICATION, "NNS_ERR_CREDENTIALS", pattern, **ccache(NO_TICKET)
        )
        self.assertGreater(found["mech_major"], 0)

    def test_target_that_the_kdc_does_not_know(self):
        server = self.nns_listen()
        found = self.assert_failed(
            server.port, AUTHENTICATION, "NNS_ERR_AUTH", "host/nosuch", target="host/nosuch"
        )
        self.assertEqual(found["target"], "host/nosuch")
        self.assertIn("not found in Kerberos database", found["mech_text"])
        self.assertIn("hint", found)


if __name__ == "__main__":
    for name in ("NNS", "NNS_REALM_DIR"):
        if name not in os.environ:
            sys.exit(f"cli: {name} is not set")
    unittest.main(verbosity=2)
