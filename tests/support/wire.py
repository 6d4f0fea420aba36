# SPDX-License-Identifier: MIT
"""Peers that are not what they should be: scripted ones, and one in the middle.

They speak bytes, listen on 127.0.0.1, and end with the test that started them.
"""

import socket
import threading

from processes import DEADLINE

DONE, ERROR, IN_PROGRESS = 0x14, 0x15, 0x16


def handshake(message, token=b"", version=(1, 0)):
    """One handshake record."""
    return bytes([message, *version]) + len(token).to_bytes(2, "big") + token


def read_exactly(connection, size):
    """The bytes, or what came before the end."""
    data = b""
    while len(data) < size and (more := connection.recv(size - len(data))):
        data += more
    return data


def read_handshake(connection):
    """(message id, token) of the next handshake record."""
    header = read_exactly(connection, 5)
    return header[0], read_exactly(connection, int.from_bytes(header[3:5], "big"))


def read_record(connection):
    """The next data record with its length field; b"" at the end."""
    header = read_exactly(connection, 4)
    return header + read_exactly(connection, int.from_bytes(header, "little"))


class Listener:
    """A server whose connections are served, one after the other, by a function."""

    def __init__(self, test, serve):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(DEADLINE)
        self.port = self._socket.getsockname()[1]
        self._serve = serve
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        test.addCleanup(self.close)

    def _run(self):
        try:
            while True:
                connection, _ = self._socket.accept()
                connection.settimeout(DEADLINE)
                with connection:
                    self._serve(connection)
        except OSError:
            pass  # closed, or the other end did

    def close(self):
        """Ends the server once the connection that it is serving, if any, has been served."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
        self._thread.join(DEADLINE)


class Middle(Listener):
    """Between a client and a server. After the handshake each record from the side `touched`
    ("client" or "server") goes through `change(index, record)`, which answers what is sent in its
    place; None ends the connection."""

    def __init__(self, test, port, touched, change):
        self._server = port
        self._touched = touched
        self._change = change
        super().__init__(test, self._between)

    def _between(self, client):
        with socket.create_connection(("127.0.0.1", self._server), DEADLINE) as server:
            for a, b in ((client, server), (server, client)):
                message, token = read_handshake(a)
                b.sendall(handshake(message, token))
            back = threading.Thread(
                target=self._forward, args=(server, client, "server"), daemon=True
            )
            back.start()
            self._forward(client, server, "client")
            back.join(DEADLINE)

    def _forward(self, source, sink, side):
        index = 0
        try:
            while record := read_record(source):
                if side == self._touched:
                    record = self._change(index, record)
                if record is None:
                    break
                sink.sendall(record)
                index += 1
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Forwarder(Listener):
    """Passes connections on, one after the other, from another address of the loopback."""

    def __init__(self, test, port, source):
        self._server = port
        self._source = source
        super().__init__(test, self._between)

    def _between(self, client):
        with socket.create_connection(
            ("127.0.0.1", self._server), DEADLINE, source_address=(self._source, 0)
        ) as server:
            back = threading.Thread(target=self._forward, args=(server, client), daemon=True)
            back.start()
            self._forward(client, server)
            back.join(DEADLINE)

    @staticmethod
    def _forward(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
