# SPDX-License-Identifier: MIT
"""nns listen under a flood of connections that say nothing: who is let in, and what is logged."""

import socket
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from processes import DEADLINE, NnsTest  # noqa: E402
from wire import Forwarder  # noqa: E402

HONEST = "127.0.0.2"
LINES = 5  # about one source, in each ten seconds


class Flood(NnsTest):
    def idle(self, server, source="127.0.0.1"):
        """A connection that sends nothing."""
        connection = socket.create_connection(
            ("127.0.0.1", server.port), DEADLINE, source_address=(source, 0)
        )
        self.addCleanup(connection.close)
        return connection

    def assert_closed(self, connection):
        """The server has closed it: at once, not at some deadline of its own."""
        try:
            self.assertEqual(connection.recv(1), b"")
        except ConnectionResetError:
            pass

    def assert_open(self, connection):
        connection.setblocking(False)
        with self.assertRaises(BlockingIOError):
            connection.recv(1)

    def honest_client(self, server):
        """From another address than the flood's; what the server logged meanwhile."""
        forwarder = Forwarder(self, server.port, HONEST)
        result = self.nns_connect(forwarder.port, data=b"let me in")
        self.assert_connected(result, "encrypt")
        self.assertEqual(result.output, b"let me in")
        before = len(server.err.seen)
        server.err.until(rf"^{HONEST}:\d+ alice@NNS\.TEST authenticated")
        return server.err.seen[before:]

    def test_honest_client_gets_in_and_the_oldest_goes(self):
        server = self.nns_listen("--max-handshakes", "8", "--handshake-timeout", "5m")
        flood = [self.idle(server) for _ in range(8)]
        self.honest_client(server)
        self.assert_closed(flood[0])
        for connection in flood[1:]:
            self.assert_open(connection)
        self.assertRegex("\n".join(server.end()), r"127\.0\.0\.1:\d+ handshake: .*gives way")

    def test_source_over_its_quota_is_refused(self):
        quota = ["--max-handshakes-per-source", "3", "--handshake-timeout", "5m"]
        server = self.nns_listen(*quota)
        flood = [self.idle(server) for _ in range(3)]
        self.assert_closed(self.idle(server))
        server.err.until(r"^127\.0\.0\.1:\d+ refused: .*\(--max-handshakes-per-source\)$")
        self.honest_client(server)
        for connection in flood:
            self.assert_open(connection)
        flood.pop().close()
        server.err.until("closed the connection")
        for _ in range(100):  # from the flood's own address, as soon as that is forgotten
            result = self.nns_connect(server.port, data=b"x")
            if result.status == 0:
                break
        self.assert_connected(result, "encrypt")

    def test_limit_of_connections(self):
        server = self.nns_listen("--max-connections", "1", "--handshake-timeout", "5m")
        first = self.idle(server)
        self.assert_closed(self.idle(server, HONEST))
        server.err.until(r"^127\.0\.0\.2:\d+ refused: .*\(--max-connections\)$")
        self.assert_open(first)

    def test_log_of_a_flood_is_short(self):
        server = self.nns_listen("--max-handshakes-per-source", "1", "--handshake-timeout", "5m")
        self.idle(server)
        for _ in range(100):
            self.assert_closed(self.idle(server))
        lines = self.honest_client(server)
        logged = sum(line.startswith("127.0.0.1:") for line in lines)
        self.assertTrue(LINES <= logged <= 3 * LINES, logged)
        bad = self.idle(server, HONEST)
        bad.sendall(b"GET / HTTP/1.1\r\n\r\n")
        server.err.until(rf"^{HONEST}:\d+ .*HTTP")  # others are heard of


if __name__ == "__main__":
    unittest.main(verbosity=2)
