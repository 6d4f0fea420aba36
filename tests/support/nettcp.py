# SPDX-License-Identifier: MIT
"""net.tcp without security ([MC-NMF]): a client and a service, written from the specification and
not from libnns."""

import socket
import struct
import threading

from processes import DEADLINE

DUPLEX, SINGLETON = 2, 1
FAULTS = "http://schemas.microsoft.com/ws/2006/05/framing/faults/"
VERSION, MODE, VIA, KNOWN, TYPE, UNSIZED, SIZED, END, FAULT, UPGRADE, UPGRADED, ACK, PREAMBLE_END = range(13)


def size(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def text(kind, value):
    data = value.encode()
    return bytes([kind]) + size(len(data)) + data


def preamble(via, mode=DUPLEX, encoding=None):
    known = bytes([KNOWN, encoding if encoding is not None else 8 if mode == DUPLEX else 7])
    return bytes([VERSION, 1, 0, MODE, mode]) + text(VIA, via) + known


def envelope(data, mode=DUPLEX, chunk=50_000):
    if mode == DUPLEX:
        return bytes([SIZED]) + size(len(data)) + data
    pieces = [data[i : i + chunk] for i in range(0, len(data), chunk)]
    return bytes([UNSIZED]) + b"".join(size(len(p)) + p for p in pieces) + b"\0"


class Fault(Exception):
    """The other side's word, by name."""


class Peer:
    """One end of a connection."""

    def __init__(self, connection):
        self.connection = connection
        connection.settimeout(DEADLINE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = connection.makefile("rb")

    def close(self):
        self.file.close()
        self.connection.close()

    def reset(self):
        """Closes, and what is still on its way is lost."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def send(self, data):
        self.connection.sendall(data)

    def exactly(self, count):
        data = self.file.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def size(self):
        value = shift = 0
        while True:
            byte = self.exactly(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def record(self):
        """(type, what it says)."""
        kind = self.exactly(1)[0]
        if kind == VERSION:
            return kind, self.exactly(2)
        if kind in (MODE, KNOWN):
            return kind, self.exactly(1)[0]
        if kind in (VIA, TYPE, FAULT, UPGRADE):
            return kind, self.exactly(self.size()).decode()
        if kind == SIZED:
            return kind, self.exactly(self.size())
        if kind == UNSIZED:
            data = b""
            while count := self.size():
                data += self.exactly(count)
            return kind, data
        return kind, None

    def expect(self, *kinds):
        kind, value = self.record()
        if kind == FAULT:
            raise Fault(value.removeprefix(FAULTS))
        if kind not in kinds:
            raise AssertionError(f"record {kind} in place of {kinds}")
        return value


class Client(Peer):
    def __init__(self, port, via=None, mode=DUPLEX):
        super().__init__(socket.create_connection(("127.0.0.1", port), DEADLINE))
        self.via = via or f"net.tcp://localhost:{port}/echo"
        self.mode = mode

    def open(self):
        self.send(preamble(self.via, self.mode) + bytes([PREAMBLE_END]))
        self.expect(ACK)
        return self

    def call(self, data):
        self.send(envelope(data, self.mode))
        return self.expect(SIZED, UNSIZED)

    def end(self):
        """Ours and the service's."""
        self.send(bytes([END]))
        self.expect(END)


class Service:
    """Echoes envelopes; `preambles` is what clients said, `refuse` the fault that they get."""

    def __init__(self, test, refuse=None):
        self.refuse = refuse
        self.preambles = []
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        test.addCleanup(self.listener.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(Peer(connection),), daemon=True).start()

    def _serve(self, peer):
        try:
            while self._converse(peer):
                pass
        except (EOFError, OSError):
            pass
        finally:
            peer.close()

    def _converse(self, peer):
        said = []
        while not said or said[-1][0] != PREAMBLE_END:
            said.append(peer.record())
        self.preambles.append(said)
        if self.refuse:
            peer.send(text(FAULT, FAULTS + self.refuse))
            return False
        peer.send(bytes([ACK]))
        while True:
            kind, data = peer.record()
            if kind == END:
                peer.send(bytes([END]))
                return True
            peer.send(envelope(data, DUPLEX if kind == SIZED else SINGLETON))
