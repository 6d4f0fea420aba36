# SPDX-License-Identifier: MIT
"""Each way in which a connection fails: what the command says, its exit status, and, where a
deadline is the reason, that the process is gone within a second of it."""

import os
import socket
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from processes import NO_TICKET, OPEN, NnsTest, ccache, realm  # noqa: E402
from wire import DONE, ERROR, IN_PROGRESS, Listener, handshake, read_handshake  # noqa: E402

TRANSPORT, TIMEOUT, PROTOCOL, AUTHENTICATION, PEER = 3, 4, 5, 6, 7


class Failures(NnsTest):
    def assert_fails(self, port, status, pattern, *options, **more):
        result = self.nns_connect(port, *options, **more)
        self.assert_refused(result, status, pattern)
        self.assertTrue(result.errors[0].startswith("nns: "), result.errors)
        return result


class Transport(Failures):
    def test_nobody_listens(self):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        self.assert_fails(port, TRANSPORT, f"127.0.0.1:{port}: Connection refused")

    def test_name_that_does_not_resolve(self):
        self.assert_fails(1, TRANSPORT, "no.such.name.invalid", host="no.such.name.invalid")

    def test_port_that_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with self.assertRaisesRegex(AssertionError, "Address already in use"):
                self.nns_listen(address=f"127.0.0.1:{port}")


class Scripted(Failures):
    """A server that reads the client's first record, then answers with bytes and closes."""

    def answer(self, data):
        def serve(connection):
            read_handshake(connection)
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

        return Listener(self, serve).port

    def test_other_protocols_by_name(self):
        tls = bytes.fromhex("15030300020228")
        http = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        for name, data in (("TLS", tls), ("HTTP", http), ("SSH", b"SSH-2.0-x\r\n")):
            with self.subTest(name):
                self.assert_fails(self.answer(data), PROTOCOL, f"the peer speaks {name}")
        fault = b"\x08\x44http://schemas.microsoft.com/ws/2006/05/framing/faults/X"
        self.assert_fails(self.answer(fault), PROTOCOL, "the peer speaks net.tcp")
        self.assert_fails(self.answer(b"+OK ready\r\n"), PROTOCOL, "began with 2b 4f 4b 20 72")

    def test_peer_that_closes(self):
        self.assert_fails(self.answer(b""), PROTOCOL, "closed the connection")
        self.assert_fails(self.answer(b"\x16\x01\x00"), PROTOCOL, "in the middle of a record")
        record = handshake(IN_PROGRESS, b"x" * 100)[:50]
        self.assert_fails(self.answer(record), PROTOCOL, "in the middle of a record")

    def test_bare_done_never_opens(self):
        self.assert_fails(self.answer(handshake(DONE)), PROTOCOL, "empty token")

    def test_garbage_token(self):
        answer = handshake(IN_PROGRESS, bytes(64))
        self.assert_fails(self.answer(answer), AUTHENTICATION, "authenticate")

    def test_error_record_in_every_encoding(self):
        denied = ("000000008009030c", "0c030980ffffffff", "0c0309808009030c")
        for payload in denied:
            with self.subTest(payload):
                answer = handshake(ERROR, bytes.fromhex(payload))
                self.assert_fails(self.answer(answer), PEER, r"SEC_E_LOGON_DENIED \(8009030C\)")
        self.assert_fails(self.answer(handshake(ERROR)), PEER, "no reason")


class Silent(Listener):
    """Takes connections and says nothing; `began` is when the first one came."""

    def __init__(self, test):
        self.began = None
        super().__init__(test, self._wait)

    def _wait(self, connection):
        self.began = self.began or time.monotonic()
        while connection.recv(65536):
            pass


class Deadlines(Failures):
    """The process must be gone within a second of its deadline, which runs from the connection
    on."""

    def assert_gone_in_time(self, deadline, began, *arguments, **more):
        started = time.monotonic()
        self.assert_fails(*arguments, **more)
        ended = time.monotonic()
        self.assertGreaterEqual(ended - started, deadline)
        self.assertLess(ended - (began() or started), deadline + 1)

    def test_silent_peer(self):
        peer = Silent(self)
        options = ["--handshake-timeout", "500ms"]
        self.assert_gone_in_time(
            0.5, lambda: peer.began, peer.port, TIMEOUT, "timed out", *options
        )

    def test_silent_kdc(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        conf = Path(folder.name) / "krb5.conf"
        text = Path(realm("krb5.conf")).read_text()
        kdc = next(line for line in text.splitlines() if line.strip().startswith("kdc ="))
        conf.write_text(text.replace(kdc, f"        kdc = 127.0.0.1:{Silent(self).port}"))
        peer = Silent(self)
        self.assert_gone_in_time(
            0.5,
            lambda: peer.began,
            peer.port,
            TIMEOUT,
            "timed out",
            "--handshake-timeout",
            "500ms",
            target="host/127.0.0.1",  # not in the credential cache: the KDC must be asked
            KRB5_CONFIG=str(conf),
        )

    def test_peer_that_never_connects(self):
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = []
        for _ in range(4):  # the backlog is full: the kernel drops further attempts
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            waiting.append(filler)
            self.addCleanup(filler.close)
        options = ["--connect-timeout", "500ms"]
        self.assert_gone_in_time(0.5, lambda: None, port, TIMEOUT, "timed out", *options)

    def test_server_drops_a_silent_client(self):
        server = self.nns_listen("--handshake-timeout", "300ms")
        with socket.create_connection(("127.0.0.1", server.port), 10) as client:
            begin = time.monotonic()
            client.sendall(b"\x16\x01\x00")
            self.assertEqual(client.recv(100), b"")
            self.assertLess(time.monotonic() - begin, 1.3)
        server.err.until("timed out")

    def test_idle_connection(self):
        server = self.nns_listen()
        result = self.nns_connect(server.port, "--idle-timeout", "300ms", data=OPEN)
        self.assertEqual(result.status, TIMEOUT, result.errors)


class Authentication(Failures):
    def test_no_ticket(self):
        server = self.nns_listen()
        self.assert_fails(server.port, AUTHENTICATION, "credential|ticket", **ccache(NO_TICKET))

    def test_unknown_target(self):
        server = self.nns_listen()
        self.assert_fails(server.port, AUTHENTICATION, "host/nosuch", target="host/nosuch")

    def test_wrong_password(self):
        server = self.nns_listen()
        options = ["--user", "alice", "--password-file", realm("bob.password")]
        self.assert_fails(server.port, AUTHENTICATION, "alice", *options)

    def test_peer_that_is_not_allowed(self):
        server = self.nns_listen(allow="bob@NNS.TEST")
        self.assert_fails(server.port, PEER, r"ERROR_TRUST_FAILURE \(000006FE\)")
        self.assertRegex(server.err.next(), r"'alice@NNS\.TEST' is not allowed to connect")

    def test_key_that_the_server_lacks(self):
        server = self.nns_listen("--keytab", realm("stranger.keytab"))
        self.assert_fails(server.port, PEER, "the peer reported")
        self.assertRegex(server.err.next(), r"^127\.0\.0\.1:\d+ authenticate: ")

    def test_no_keytab(self):
        server = self.nns_listen("--keytab", realm("no-such.keytab"))
        self.assert_fails(server.port, PEER, "the peer reported")
        self.assertRegex(server.err.next(), r"^127\.0\.0\.1:\d+ .*keytab")

    def test_level_below_what_the_server_requires(self):
        server = self.nns_listen()
        for level in ("sign", "none"):
            with self.subTest(level):
                options = ["--protection", level]
                self.assert_fails(server.port, PEER, "ERROR_TRUST_FAILURE", *options)
                self.assertRegex(server.err.until("policy").string, f"'{level}' was negotiated")
        self.assert_connected(self.nns_connect(server.port, data=b"x"), "encrypt")

    def test_replay_cache_must_not_be_off_by_accident(self):
        server = self.nns_listen(KRB5RCACHENAME="none:")
        self.assert_fails(server.port, PEER, "the peer reported")
        self.assertRegex(server.err.next(), "replay")


if __name__ == "__main__":
    for name in ("NNS", "NNS_REALM_DIR"):
        if name not in os.environ:
            sys.exit(f"cli: {name} is not set")
    unittest.main(verbosity=2)
