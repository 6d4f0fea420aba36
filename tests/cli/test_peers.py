# SPDX-License-Identifier: MIT
"""Peers that misbehave, one row each: what the peer does, and exactly what nns says about it.

A script is a list of steps: bytes are sent as they are, a function is called with the Talk and
answers the bytes to send. When it is through, the peer half-closes and reads to the end. Scripts
with a real handshake stand between an honest `nns` and the one under test: TOKEN and RECORD are
what the honest side sent.
"""

import os
import socket
import struct
import sys
import threading
import time
import unittest
from collections import namedtuple
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

from processes import DEADLINE, NnsTest, content  # noqa: E402
from wire import (  # noqa: E402
    DONE,
    ERROR,
    IN_PROGRESS,
    Listener,
    handshake,
    read_handshake,
    read_record,
)

TRANSPORT, TIMEOUT, PROTOCOL, AUTHENTICATION, PEER = 3, 4, 5, 6, 7
INVALID_TOKEN, INTERNAL, NO_MECHANISM = 0x80090308, 0x80090304, 0x80090302

KERBEROS = bytes.fromhex("06092a864886f712010202")
SPNEGO = bytes.fromhex("06062b0601050502")


class Talk:
    """A scripted peer at work."""

    def __init__(self, under_test, is_server):
        self.under_test = under_test
        self.is_server = is_server
        self.honest = None
        self.token = b""  # the honest side's
        self.first = b""  # the token of the client under test
        self.opened = False  # the server under test said Done
        self.said = b""  # by the side under test, after the script

    def run(self, script):
        """Does the steps, then half-closes and reads to the end."""
        try:
            for step in script:
                data = step(self) if callable(step) else step
                self.under_test.sendall(data or b"")
            self.under_test.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the side under test may have seen enough, and a script may reset
        try:
            while more := self.under_test.recv(65536):
                self.said += more
        except OSError:
            pass


def TOKEN(change=lambda token: token, message=None, version=(1, 0)):
    """A step: the honest side's token, changed, in a record."""

    def step(talk):
        honest = DONE if talk.is_server else IN_PROGRESS
        return handshake(honest if message is None else message, change(talk.token), version)

    return step


def RECORD(change=lambda record: record):
    """A step: the honest side's next data record, changed."""
    return lambda talk: change(talk.next_record())


def SWAPPED(talk):
    """A step: the second record before the first."""
    first = talk.next_record()
    return talk.next_record() + first


def OPEN(talk):
    """A step of a client: the honest handshake, until the server under test is open."""
    talk.under_test.sendall(handshake(IN_PROGRESS, talk.token))
    message, token = read_handshake(talk.under_test)
    talk.opened = message == DONE
    talk.honest.sendall(handshake(message, token))


def PAUSE(seconds):
    """A step: nothing, for a while."""
    return lambda talk: time.sleep(seconds)


def DRIP(data, seconds):
    """A step: one byte at a time."""

    def step(talk):
        for byte in data:
            talk.under_test.sendall(bytes([byte]))
            time.sleep(seconds)

    return step


def RESET(talk):
    """A step: the connection breaks."""
    talk.under_test.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.under_test.close()


def flip(at, mask=1):
    """A change: one byte (from the end, if negative) with some bits flipped."""

    def change(data):
        data = bytearray(data)
        data[at] ^= mask
        return bytes(data)

    return change


def length(value):
    return value.to_bytes(4, "little")


def announces(value):
    return f"receive: a record announces {value} bytes, legal are 5 to 65,536"


def ended(size):
    return f"receive: the connection ended {size} bytes into a record"


EMPTY = "handshake: the peer sent an empty token where one is due"
CLOSED = "handshake: the peer closed the connection"
CUT = "handshake: the peer closed the connection in the middle of a record"
UNKNOWN = "handshake: the peer sent a record with an unknown message id"
LATE = "handshake: the peer sent a token after the mechanism was complete"
NOT_DUE = "handshake: the peer sent a record that is not due now"
ALTERED = "receive: a record was altered, or belongs to another session"
DISORDER = "receive: a record was replayed, reordered or lost"
TIMED_OUT = "handshake: timed out"
NO_REASON = "handshake: the peer refused and gave no reason"


def foreign(name):
    return f"handshake: the peer speaks {name}, not NegotiateStream"


def began(data):
    return f"handshake: the peer does not speak NegotiateStream: it began with {data.hex(' ')}"


def reported(name):
    return f"handshake: the peer reported {name}"


def error(payload):
    return handshake(ERROR, bytes.fromhex(payload))


DENIED = reported("SEC_E_LOGON_DENIED (8009030C)")
TRUST = reported("ERROR_TRUST_FAILURE (000006FE)")
BROKEN = "handshake: Connection reset by peer"

TLS_HELLO = bytes.fromhex("1603010200010001fc0303")
TLS_ALERT = bytes.fromhex("15030300020228")
FAULT = b"\x08\x44http://schemas.microsoft.com/ws/2006/05/framing/faults/X"

# What both roles hear from a peer that has read, or has sent, nothing but a first record.
FIRST_WORDS = [
    ("TLS hello", [TLS_HELLO], PROTOCOL, foreign("TLS"), INVALID_TOKEN),
    ("TLS alert", [TLS_ALERT], PROTOCOL, foreign("TLS"), INVALID_TOKEN),
    ("HTTP response",
     [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
     PROTOCOL, foreign("HTTP"), INVALID_TOKEN),
    ("HTTP request", [b"GET / HTTP/1.1\r\n\r\n"], PROTOCOL, foreign("HTTP"), INVALID_TOKEN),
    ("HTTP/2", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], PROTOCOL, foreign("HTTP"), INVALID_TOKEN),
    ("SSH", [b"SSH-2.0-OpenSSH_9.2\r\n"], PROTOCOL, foreign("SSH"), INVALID_TOKEN),
    ("net.tcp preamble",
     [b"\x00\x01\x00\x01\x02\x02"],
     PROTOCOL, foreign("net.tcp"), INVALID_TOKEN),
    ("net.tcp fault", [FAULT], PROTOCOL, foreign("net.tcp"), INVALID_TOKEN),
    ("net.tcp upgrade, one byte", [b"\x0a"], PROTOCOL, foreign("net.tcp"), INVALID_TOKEN),
    ("POP3", [b"+OK ready\r\n"], PROTOCOL, began(b"+OK r"), INVALID_TOKEN),
    ("one strange byte", [b"x"], PROTOCOL, began(b"x"), INVALID_TOKEN),
    ("a data record", [length(60), bytes(60)], PROTOCOL, began(length(60) + b"\0"), INVALID_TOKEN),
    ("an unknown id",
     [handshake(0x17, b"x" * 20)],
     PROTOCOL, began(b"\x17\x01\x00\x00\x14"), INVALID_TOKEN),
    ("nothing", [], PROTOCOL, CLOSED, None),
    ("a header cut short", [b"\x16\x01\x00\x00"], PROTOCOL, CUT, None),
    ("a token that does not come", [b"\x16\x01\x00\x00\x05"], PROTOCOL, CUT, None),
    ("a token cut short", [handshake(IN_PROGRESS, b"\x60" * 100)[:-1]], PROTOCOL, CUT, None),
    ("65,535 bytes that do not come", [b"\x16\x01\x00\xff\xff", bytes(1000)], PROTOCOL, CUT, None),
    ("an error cut short", [error("000000008009030c")[:-1]], PROTOCOL, CUT, None),
    ("InProgress without a token", [handshake(IN_PROGRESS)], PROTOCOL, EMPTY, INVALID_TOKEN),
    ("a bare Done", [handshake(DONE)], PROTOCOL, EMPTY, INVALID_TOKEN),
    ("a bare Done, byte by byte", [DRIP(handshake(DONE), 0.01)], PROTOCOL, EMPTY, INVALID_TOKEN),
    ("a bare Done and data",
     [handshake(DONE) + length(5) + b"data!"],
     PROTOCOL, EMPTY, INVALID_TOKEN),
    ("an error of .NET Framework", [error("000000008009030c")], PEER, DENIED, None),
    ("an error of .NET 10", [error("0c030980ffffffff")], PEER, DENIED, None),
    ("an error of ours", [error("0c0309808009030c")], PEER, DENIED, None),
    ("an error of policy", [error("fe060000000006fe")], PEER, TRUST, None),
    ("an error nobody knows", [error("0000000080090399")], PEER, reported("status 80090399"), None),
    ("an error and more bytes", [error("000000008009030c6d6f7265")], PEER, DENIED, None),
    ("an error without a reason", [error("")], PEER, NO_REASON, None),
    ("an error of seven bytes", [error("00000000800903")], PEER, NO_REASON, None),
    ("an error that makes no sense", [error("0102030405060708")], PEER, NO_REASON, None),
    ("an error, byte by byte", [DRIP(error("000000008009030c"), 0.01)], PEER, DENIED, None),
    ("a break", [RESET], TRANSPORT, BROKEN, None),
    ("a break inside a record", [b"\x16\x01", PAUSE(0.05), RESET], TRANSPORT, BROKEN, None),
    ("a drip that outlasts the deadline",
     [DRIP(handshake(IN_PROGRESS, bytes(60)), 0.05)],
     TIMEOUT, TIMED_OUT, None),
    ("silence", [PAUSE(1.5)], TIMEOUT, TIMED_OUT, None),
]

# After an honest handshake: data.
DATA = [
    ("length 0", [length(0)], PROTOCOL, announces(0)),
    ("length 1", [length(1), b"x"], PROTOCOL, announces(1)),
    ("length 4", [length(4), b"four"], PROTOCOL, announces(4)),
    ("length 65,537", [length(65537)], PROTOCOL, announces(65537)),
    ("length 2^31", [length(1 << 31)], PROTOCOL, announces(1 << 31)),
    ("length 2^32 - 1", [length((1 << 32) - 1)], PROTOCOL, announces((1 << 32) - 1)),
    ("a length in big-endian", [(61).to_bytes(4, "big"), bytes(61)], PROTOCOL, announces(61 << 24)),
    ("text in clear", [b"HTTP/1.1 200 OK\r\n\r\n"], PROTOCOL, announces(0x50545448)),
    ("a second Done", [handshake(DONE)], PROTOCOL, ended(5)),
    ("an error record", [error("000000008009030c")], PROTOCOL, ended(13)),
    ("five zeros", [length(5), bytes(5)], PROTOCOL, ALTERED),
    ("zeros", [length(100), bytes(100)], PROTOCOL, ALTERED),
    ("65,536 bytes of nonsense", [length(65536), b"\x05\x04" + bytes(65534)], PROTOCOL, ALTERED),
    ("two bytes of a length", [b"\x41\x00"], PROTOCOL, ended(2)),
    ("a length alone", [length(65)], PROTOCOL, ended(4)),
    ("a record cut short", [RECORD(lambda r: r[:-1])], PROTOCOL, ended(68)),
    ("a token id altered", [RECORD(flip(4))], PROTOCOL, ALTERED),
    ("the sealed bit cleared", [RECORD(flip(6, 2))], PROTOCOL, ALTERED),
    ("the sender bit altered", [RECORD(flip(6, 1))], PROTOCOL, ALTERED),
    ("the filler altered", [RECORD(flip(7))], PROTOCOL, ALTERED),
    ("the extra count altered", [RECORD(flip(9))], PROTOCOL, ALTERED),
    ("the rotation altered", [RECORD(flip(11))], PROTOCOL, ALTERED),
    ("the sequence number altered", [RECORD(flip(19))], PROTOCOL, ALTERED),
    ("the first byte altered", [RECORD(flip(20))], PROTOCOL, ALTERED),
    ("the last byte altered", [RECORD(flip(-1, 0x80))], PROTOCOL, ALTERED),
    ("a length one too small", [RECORD(lambda r: length(len(r) - 5) + r[4:])], PROTOCOL, ALTERED),
    ("a byte too many", [RECORD(lambda r: length(len(r) - 3) + r[4:] + b"x")], PROTOCOL, ALTERED),
    ("a replayed record", [RECORD(lambda r: r + r)], PROTOCOL, DISORDER),
    ("a replayed record, altered", [RECORD(lambda r: r + flip(-1)(r))], PROTOCOL, ALTERED),
    ("records in the wrong order", [SWAPPED], PROTOCOL, DISORDER),
    ("a record left out", [lambda t: t.next_record() and t.next_record()], PROTOCOL, DISORDER),
    ("its own record back", [lambda t: t.own_record()], PROTOCOL, ALTERED),
    ("a break in the data",
     [lambda t: t.next_record() and b"", RESET],
     TRANSPORT, "data: Connection reset by peer"),
]

# What follows the space are the mechanism's words.
ANSWER = "authenticate: answer of host/localhost: "
ACCEPT = "authenticate: accept the client: "
FIRST = "authenticate: client's first token: it is "

# To a client: the honest server's token, or something like it.
TOKENS_TO_A_CLIENT = [
    ("the token of a version 3.3", [TOKEN(version=(3, 3))], 0, ""),
    ("the token in InProgress, and Done",
     [TOKEN(message=IN_PROGRESS), PAUSE(0.05), handshake(DONE)],
     0, ""),
    ("the token in InProgress, and the end", [TOKEN(message=IN_PROGRESS)], PROTOCOL, CLOSED),
    ("the token in InProgress, and half a Done",
     [TOKEN(message=IN_PROGRESS), b"\x14\x01"],
     PROTOCOL, CUT),
    ("the token twice in InProgress",
     [TOKEN(message=IN_PROGRESS), TOKEN(message=IN_PROGRESS)],
     PROTOCOL, NOT_DUE),
    ("the token in InProgress and in Done", [TOKEN(message=IN_PROGRESS), TOKEN()], PROTOCOL, LATE),
    ("the token, then an unknown id",
     [TOKEN(message=IN_PROGRESS), handshake(0x20)],
     PROTOCOL, UNKNOWN),
    ("the token, then an error",
     [TOKEN(message=IN_PROGRESS), error("fe060000000006fe")],
     PEER, TRUST),
    ("the token, then a break",
     [TOKEN(message=IN_PROGRESS), PAUSE(0.05), RESET],
     TRANSPORT, BROKEN),
    ("the token altered", [TOKEN(flip(-1))], AUTHENTICATION, ANSWER),
    ("the token cut short", [TOKEN(lambda token: token[:-1])], AUTHENTICATION, ANSWER),
    ("half the token", [TOKEN(lambda token: token[: len(token) // 2])], AUTHENTICATION, ANSWER),
    ("the token's first byte altered", [TOKEN(flip(0))], AUTHENTICATION, ANSWER),
    ("zeros for a token", [handshake(DONE, bytes(100))], AUTHENTICATION, ANSWER),
    ("65,535 zeros for a token", [handshake(DONE, bytes(65535))], AUTHENTICATION, ANSWER),
    ("the client's token back", [lambda t: handshake(DONE, t.first)], AUTHENTICATION, ANSWER),
    ("another session's token",
     [lambda t: handshake(DONE, t.foreign_token())],
     AUTHENTICATION, ANSWER),
]

# To a server: the honest client's token, or something like it; and the code that the peer hears.
TOKENS_TO_A_SERVER = [
    ("zeros for a token",
     [handshake(IN_PROGRESS, bytes(100))],
     FIRST + "of no known mechanism", INVALID_TOKEN),
    ("65,535 zeros for a token",
     [handshake(IN_PROGRESS, bytes(65535))],
     FIRST + "of no known mechanism", INVALID_TOKEN),
    ("zeros in Done",
     [handshake(DONE, bytes(100))],
     FIRST + "of no known mechanism", INVALID_TOKEN),
    ("a bare AP-REQ",
     [handshake(IN_PROGRESS, b"\x6e\x82\x01\x00" + bytes(256))],
     FIRST + "a Kerberos AP-REQ without its frame", INVALID_TOKEN),
    ("NTLM",
     [handshake(IN_PROGRESS, b"NTLMSSP\0\1\0\0\0" + bytes(28))],
     FIRST + "NTLM, and only Kerberos is allowed", NO_MECHANISM),
    ("another mechanism",
     [handshake(IN_PROGRESS, b"\x60\x08\x06\x04\x01\x02\x03\x04\x00\x00")],
     FIRST + "of a mechanism that is not allowed", NO_MECHANISM),
    ("an empty Kerberos token", [handshake(IN_PROGRESS, b"\x60\x0b" + KERBEROS)], ACCEPT, INTERNAL),
    ("an empty SPNEGO token", [handshake(IN_PROGRESS, b"\x60\x08" + SPNEGO)], ACCEPT, INTERNAL),
    ("a length that lies",
     [handshake(IN_PROGRESS, b"\x60\x84\xff\xff\xff\xff" + SPNEGO)],
     FIRST + "of no known mechanism", INVALID_TOKEN),
    ("the token altered", [TOKEN(flip(-1))], ACCEPT, INTERNAL),
    ("the token cut short", [TOKEN(lambda token: token[:-1])], ACCEPT, INTERNAL),
    ("half the token", [TOKEN(lambda token: token[: len(token) // 2])], ACCEPT, INTERNAL),
]

HASTY = ["--handshake-timeout", "1s"]  # where time-outs are due, and nowhere else
Row = namedtuple("Row", "name script status message")

class Peers(NnsTest):
    """Runs scripts."""

    def check_message(self, message, line):
        """The whole line is the message; one that ends with a space is its beginning."""
        if message.endswith(" "):
            self.assertTrue(line.startswith(message), line)
        else:
            self.assertEqual(line, message)

    def check_answer(self, said, code):
        """The peer heard this code in our form, and nothing else."""
        answer = b""
        if code is not None:
            payload = code.to_bytes(4, "little") + code.to_bytes(4, "big")
            answer = handshake(ERROR, payload)
        self.assertEqual(said, answer)


class ToAClient(Peers):
    """`nns connect` and a server that misbehaves."""

    def setUp(self):
        self.server = None  # an honest one, when it is needed
        self.said = b""  # by the client under test, after the script
        self.options = []

    def honest_server(self):
        self.server = self.server or self.nns_listen()
        return socket.create_connection(("127.0.0.1", self.server.port), DEADLINE)

    def play(self, script, real, data=b"hello"):
        """Runs `nns connect` to a server that does what the script says."""

        def serve(connection):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            talk = Talk(connection, is_server=True)
            talk.first = read_handshake(connection)[1]
            if real:
                talk.honest = self.honest_server()
                talk.honest.sendall(handshake(IN_PROGRESS, talk.first))
                talk.token = read_handshake(talk.honest)[1]
            talk.own_record = lambda: read_record(connection)
            talk.next_record = lambda: self.echo(talk)
            talk.foreign_token = self.another_token
            talk.run(script)
            if talk.honest:
                talk.honest.close()
            self.said = talk.said
            done.set()

        done = threading.Event()
        result = self.nns_connect(Listener(self, serve).port, *self.options, data=data)
        self.assertTrue(done.wait(DEADLINE))
        return result

    @staticmethod
    def echo(talk):
        talk.honest.sendall(read_record(talk.under_test))
        return read_record(talk.honest)

    def another_token(self):
        """The answer of the honest server to another client."""
        got = []

        def serve(connection):
            with self.honest_server() as honest:
                honest.sendall(handshake(*read_handshake(connection)))
                got.append(read_handshake(honest)[1])

        self.nns_connect(Listener(self, serve).port)
        return got[0]

    def check(self, row, real, data=b"hello"):
        self.options = HASTY if row.status == TIMEOUT else []
        result = self.play(row.script, real, data)
        self.assertEqual(result.status, row.status, result.errors)
        if row.status == 0:
            self.assertTrue(result.errors[0].startswith("connected to "), result.errors)
            return
        lines = [line for line in result.errors if line.startswith("nns: ")]
        self.assertEqual(len(lines), 1, result.errors)
        self.check_message(row.message, lines[0][len("nns: ") :])

    def test_first_words(self):
        for *row, code in FIRST_WORDS:
            with self.subTest(row[0]):
                self.check(Row(*row), real=False)
                self.check_answer(self.said, code)

    def test_tokens(self):
        for row in TOKENS_TO_A_CLIENT:
            with self.subTest(row[0]):
                self.check(Row(*row), real=True)

    def test_data(self):
        for row in DATA:
            with self.subTest(row[0]):
                row = Row(*row)._replace(script=[TOKEN(), *row[1]])
                two = "order" in row.name or "left out" in row.name
                self.check(row, real=True, data=content(100_000) if two else b"hello")


class ToAServer(Peers):
    """`nns listen` and a client that misbehaves."""

    def setUp(self):
        self.server = self.nns_listen()
        self.sources = (f"127.0.1.{i}" for i in range(1, 255))

    def connect(self):
        """From an address of its own: a server logs only so many complaints about one."""
        server = ("127.0.0.1", self.server.port)
        connection = socket.create_connection(server, DEADLINE, (next(self.sources), 0))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def log_line(self, host, port):
        """What the server said about the connection from there, but that it began well."""
        pattern = rf"^{host}:{port} (?!alice@NNS\.TEST authenticated)(.*)$"
        return self.server.err.until(pattern)[1]

    def play(self, script, real, data=b"hello"):
        """Does what the script says; answers the Talk and the server's line about it."""
        with self.connect() as under_test:
            host, port = under_test.getsockname()
            talk = Talk(under_test, is_server=False)
            if real:
                self.play_real(talk, script, data)
            else:
                talk.run(script)
        return talk, self.log_line(host, port)

    def play_real(self, talk, script, data):
        """The same with an honest client, from which the token and the records come."""

        def serve(connection):
            talk.honest = connection
            talk.token = read_handshake(connection)[1]
            talk.next_record = lambda: read_record(connection)
            talk.own_record = lambda: self.answer(talk)
            talk.run(script)
            done.set()

        done = threading.Event()
        self.nns_connect(Listener(self, serve).port, data=data)
        self.assertTrue(done.wait(DEADLINE))

    @staticmethod
    def answer(talk):
        """What the server under test sent in answer to an honest record."""
        talk.under_test.sendall(read_record(talk.honest))
        return read_record(talk.under_test)

    def test_first_words(self):
        for name, script, status, message, code in FIRST_WORDS:
            with self.subTest(name):
                if status == TIMEOUT:
                    self.server = self.nns_listen(*HASTY)
                talk, line = self.play(script, real=False)
                self.check_message(message, line)
                self.check_answer(talk.said, code)

    def test_tokens(self):
        for name, script, message, code in TOKENS_TO_A_SERVER:
            with self.subTest(name):
                talk, line = self.play(script, real=any(map(callable, script)))
                self.check_message(message, line)
                self.check_answer(talk.said, code)

    def test_token_in_done(self):
        with self.subTest("an honest token in Done is taken"):
            talk, line = self.play([TOKEN(message=DONE), length(0)], real=True)
            self.check_message(announces(0), line)

    def test_data(self):
        for name, script, _, message in DATA:
            with self.subTest(name):
                two = "order" in name or "left out" in name
                data = content(100_000) if two else b"hello"
                talk, line = self.play([OPEN, *script], real=True, data=data)
                self.assertTrue(talk.opened)
                self.check_message(message, line)


if __name__ == "__main__":
    for needed in ("NNS", "NNS_REALM_DIR"):
        if needed not in os.environ:
            sys.exit(f"cli: {needed} is not set")
    unittest.main(verbosity=2)
