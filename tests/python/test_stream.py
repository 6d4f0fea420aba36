# SPDX-License-Identifier: MIT
"""The synchronous stream: what it reads and writes, waits for, refuses, and leaves behind."""

import errno
import gc
import os
import pickle
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import weakref
from asyncio import IncompleteReadError
from contextlib import contextmanager

import pytest
from conftest import (
    DEADLINE,
    both,
    ccache,
    client_config,
    descriptors,
    descriptors_once,
    ntlm_client,
    ntlm_server,
    realm,
    server_config,
    tcp_pair,
)
from processes import content

import libnns
from libnns import Config, NegotiateStream

LINES = (b"first line", b"second line", b"third line")


def is_read(stream):
    """Returns once a thread is in a read of the stream."""
    while "read" not in stream._busy:
        time.sleep(0)


@contextmanager
def ringing(handler):
    """Meanwhile a signal comes again and again: one that comes before the wait is not the last."""
    before = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Caller(threading.Thread):
    """A call in a thread of its own: what came of it."""

    def __init__(self, function, *arguments):
        super().__init__(daemon=True)
        self._call = function, arguments
        self.result = self.error = None
        self.start()

    def run(self):
        function, arguments = self._call
        try:
            self.result = function(*arguments)
        except OSError as error:
            self.error = error

    def outcome(self):
        self.join(DEADLINE)
        assert not self.is_alive()
        return self.result, self.error


# ---- reading and writing ----


def test_lines_come_back_one_by_one(session):
    client, server = session()
    for line in LINES:
        assert client.write(line) == len(line)
        assert server.read() == line
        server.write(line.upper())
        assert client.read() == line.upper()
    client.close()
    assert server.read() == b""
    assert server.read(10) == b""


def test_against_the_command(peers):
    port = peers.nns_listen().port
    with socket.create_connection(("127.0.0.1", port)) as sock:
        with NegotiateStream("LOCALHOST", sock, config=client_config()) as stream:
            assert stream.target == "host/localhost"
            stream.authenticate_as_client()
            assert stream.target == "host/localhost@NNS.TEST"
            for line in LINES:
                stream.write(line)
                assert stream.read() == line
        assert sock.fileno() == -1


def test_what_was_negotiated(session):
    client, server = session()
    assert (client.mechanism, client.protection, client.is_mutual) == ("Kerberos", "encrypt", True)
    assert (client.peer_name, client.target) == (None, "host/localhost@NNS.TEST")
    assert (server.peer_name, server.protection) == ("alice@NNS.TEST", "encrypt")
    assert client.session.enctype == "aes256-cts-hmac-sha1-96"
    assert (client.session.ssf, client.session.impersonation) == (256, "identify")
    assert 0 <= server.session.ticket_end - client.session.ticket_end <= 300  # clocks may differ
    client.close()
    assert client.mechanism == "Kerberos"
    assert "closed" in repr(client)


@pytest.mark.parametrize("level", ["encrypt", "sign", "none"])
def test_levels(session, level):
    options = {"protection": level, "insecure_allow_unprotected": True}
    client, server = session(client=client_config(**options), server=server_config(**options))
    assert client.protection == server.protection == level
    client.write(b"x")
    assert server.read() == b"x"


def test_ntlm(session):
    client, server = session(client=ntlm_client(), server=ntlm_server())
    assert (client.mechanism, client.is_mutual) == ("NTLM", False)
    assert server.peer_name == r"NNS\alice"
    server.write(content(100_000))
    assert client.readexactly(100_000) == content(100_000)


def test_read_takes_no_more_than_it_is_asked_for(session):
    client, server = session()
    client.write(b"0123456789")
    assert [server.read(3), server.read(0), server.read(100)] == [b"012", b"", b"3456789"]
    client.write(b"abc")
    client.write(b"def")
    client.write_eof()
    assert server.readexactly(6) == b"abcdef"


def test_a_read_that_fills_its_room_gets_more(session):
    client, server = session()
    server._room = libnns._stream.ffi.new("char[]", 8)
    client.write(content(100))
    got = [server.read() for _ in range(4)]
    assert ([len(some) for some in got], b"".join(got)) == ([8, 16, 32, 44], content(100))


def test_readexactly_says_what_it_got(session):
    client, server = session()
    client.write(b"abc")
    client.write_eof()
    with pytest.raises(IncompleteReadError) as raised:
        server.readexactly(5)
    assert (raised.value.partial, raised.value.expected) == (b"abc", 5)
    assert server.readexactly(0) == b""


def test_readexactly_loses_nothing_when_it_times_out(session):
    client, server = session()
    client.write(b"abcd")
    server.socket.settimeout(0.01)
    with pytest.raises(TimeoutError):
        server.readexactly(6)
    client.write(b"ef")
    server.socket.settimeout(DEADLINE)
    assert server.read(1) == b"a"
    assert server.readexactly(2) == b"bc"
    assert server.readexactly(3) == b"def"


def test_readinto(session):
    client, server = session()
    buffer = bytearray(8)
    client.write(b"abcdef")
    assert server.readinto(memoryview(buffer)[2:6]) == 4
    assert server.readinto(buffer[:0]) == 0
    assert server.readinto(buffer) == 2
    assert bytes(buffer) == b"efabcd\0\0"
    with pytest.raises((TypeError, BufferError)):
        server.readinto(b"readonly")
    client.close()
    assert server.readinto(buffer) == 0


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_write_takes_what_is_like_bytes(session, kind):
    client, server = session()
    assert client.write(kind(b"abc")) == 3
    assert server.read() == b"abc"
    assert client.write(kind(b"")) == 0
    with pytest.raises(TypeError):
        client.write("text")


def test_one_thread_reads_while_another_writes(session):
    client, server = session()
    data = content(20_000_000)

    def echo():
        while some := server.read():
            server.write(some)
        server.write_eof()

    echoing = Caller(echo)
    writer = Caller(lambda: (client.write(data), client.write_eof()))
    assert client.readexactly(len(data)) == data
    assert client.read() == b""
    assert writer.outcome()[1] is None and echoing.outcome()[1] is None


def test_a_second_reader_is_refused(session):
    client, server = session()
    reader = Caller(server.read)
    is_read(server)
    with pytest.raises(libnns.NegotiateStateError, match="another thread reads already"):
        server.read()
    client.write(b"for the first")
    assert reader.outcome() == (b"for the first", None)


def test_eight_threads_with_a_stream_each(session):
    data = content(2_000_000)

    pairs = [session() for _ in range(8)]
    writers = [Caller(client.write, data) for client, _ in pairs]
    readers = [Caller(server.readexactly, len(data)) for _, server in pairs]
    assert all(writer.outcome() == (len(data), None) for writer in writers)
    assert all(reader.outcome() == (data, None) for reader in readers)


def test_makefile(session):
    client, server = session()
    with client.makefile("rwb") as ours, server.makefile("rw", encoding="utf-8") as theirs:
        ours.write(b"first\nsecond\n")
        ours.flush()
        assert [theirs.readline(), theirs.readline()] == ["first\n", "second\n"]
        theirs.write("drei\u00df\n")
        theirs.flush()
        assert ours.readline() == "drei\u00df\n".encode()
    assert not client.closed
    raw = client.makefile("rb", 0)
    server.write(b"raw")
    assert raw.read(10) == b"raw"
    for mode, buffering in (("x", -1), ("", -1), ("b", -1), ("r", 0)):
        with pytest.raises(ValueError):
            client.makefile(mode, buffering)
    server.close()
    assert client.makefile("rb").read() == b""


# ---- waiting ----


def test_a_timeout_of_the_socket_ends_one_read(session):
    client, server = session()
    server.socket.settimeout(0.01)
    with pytest.raises(libnns.NegotiateTimeoutError) as raised:
        server.read()
    assert isinstance(raised.value, TimeoutError) and raised.value.phase == "data"
    client.write(b"late")
    server.socket.settimeout(DEADLINE)
    assert server.read() == b"late"


def test_a_timeout_of_the_socket_ends_a_write(session):
    client, server = session()
    data = content(30_000_000)
    client.socket.settimeout(0.05)
    with pytest.raises(TimeoutError):
        client.write(data)
    # What was accepted comes before what is written next.
    client.socket.settimeout(DEADLINE)
    writer = Caller(lambda: (client.write(b"next"), client.close()))
    got = bytearray()
    while some := server.read():
        got += some
    assert writer.outcome()[1] is None
    assert got.endswith(b"next") and data.startswith(bytes(got[:-4])) and len(got) > 4


def test_a_timeout_of_the_socket_ends_a_handshake():
    ours, theirs = tcp_pair()
    ours.settimeout(0.01)
    config = client_config(handshake_timeout=0)
    with theirs, NegotiateStream("localhost", ours, config=config) as stream:
        with pytest.raises(libnns.NegotiateTimeoutError) as raised:
            stream.authenticate_as_client()
        assert raised.value.phase == "handshake"
        with pytest.raises(libnns.NegotiateStateError):
            stream.authenticate_as_client()


def test_a_handshake_has_a_deadline_of_its_own():
    ours, theirs = tcp_pair()
    config = server_config(handshake_timeout=0.01)
    with ours, NegotiateStream(None, theirs, config=config) as stream:
        with pytest.raises(TimeoutError):
            stream.authenticate_as_server()


def test_the_idle_time_ends_the_connection(session):
    client, server = session(server=server_config(idle_timeout=0.01))
    for _ in range(2):
        with pytest.raises(libnns.NegotiateTimeoutError):
            server.read()
    client.write(b"too late")
    with pytest.raises(libnns.NegotiateTimeoutError):
        server.read()


def test_a_socket_that_never_waits_is_refused(session):
    client, _ = session()
    client.socket.settimeout(0)
    with pytest.raises(libnns.NegotiateUsageError, match="NegotiateStreamAsync"):
        client.read()


def test_a_signal_gets_to_its_handler(session):
    client, server = session()
    written = []

    def answer(*_):
        if "read" in server._busy and not written:
            written.append(client.write(b"from the handler"))

    with ringing(answer):
        assert server.read() == b"from the handler"

    def interrupt(*_):
        if "read" in server._busy:
            raise KeyboardInterrupt

    with ringing(interrupt), pytest.raises(KeyboardInterrupt):
        server.read()
    client.write(b"still there")
    assert server.read() == b"still there"


# ---- the end ----


@pytest.mark.parametrize("end", ["close", "cancel"])
def test_who_waits_hears_of_the_end(session, end):
    client, server = session()
    reader = Caller(server.read)
    is_read(server)
    getattr(server, end)()
    error = reader.outcome()[1]
    assert isinstance(error, libnns.NegotiateCanceledError)
    assert isinstance(error, ConnectionAbortedError)
    server.close()
    server.close()
    assert server.socket.fileno() == -1
    assert client.read() == b""


def test_a_signals_handler_may_close(session):
    _, server = session()
    with ringing(lambda *_: "read" in server._busy and server.close()):
        with pytest.raises(libnns.NegotiateCanceledError):
            server.read()
    assert server.socket.fileno() == -1


def test_nothing_goes_after_close_or_before_the_handshake(streams):
    client, _ = streams()
    for call in (client.read, client.write_eof, lambda: client.write(b"x")):
        with pytest.raises(libnns.NegotiateStateError, match="authenticate first"):
            call()
    with pytest.raises(libnns.NegotiateStateError):
        _ = client.peer_name
    client.close()
    with pytest.raises(libnns.NegotiateStateError, match="closed"):
        client.authenticate_as_client()


def test_a_half_closed_stream_still_reads(session):
    client, server = session()
    client.write_eof()
    client.write_eof()
    assert server.read() == b""
    server.write(b"answer")
    assert client.read() == b"answer"
    with pytest.raises(libnns.NegotiateStateError):
        client.write(b"more")


def test_nothing_is_left_after_close(session):
    client, server = session()
    pairs = [weakref.ref(client), weakref.ref(server)]
    client.write(b"x")
    server.read()
    ends = [client, server]
    del client, server
    for end in ends:
        end.close()
    sockets = [weakref.ref(end.socket) for end in ends]
    del ends, end
    gc.collect()
    # The fixture holds the bound close(); it is all that does.
    for ref in pairs:
        stream = ref()
        assert stream._stream is None and stream._room == libnns._stream.ffi.NULL
    assert all(ref() is None or ref().fileno() == -1 for ref in sockets)


def test_a_stream_is_not_part_of_a_cycle():
    gc.collect()
    gc.disable()
    try:
        ours, theirs = tcp_pair()
        client = NegotiateStream(None, ours, target="host/localhost", config=client_config())
        server = NegotiateStream(None, theirs, config=server_config())
        both(client.authenticate_as_client, server.authenticate_as_server)
        client.close()
        server.close()
        refs = [weakref.ref(thing) for thing in (client, server, client._config, ours)]
        del client, server, ours
        assert [ref() for ref in refs] == [None] * 4
    finally:
        gc.enable()


def test_an_unclosed_stream_is_told_of():
    ours, theirs = tcp_pair()
    client = NegotiateStream(None, ours, target="host/localhost", config=client_config())
    server = NegotiateStream(None, theirs, config=server_config())
    both(client.authenticate_as_client, server.authenticate_as_server)
    server.close()
    with pytest.warns(ResourceWarning, match="unclosed <NegotiateStream"):
        del client
    ours.close()


ABANDONED = """
import socket, sys, threading
from libnns import NegotiateStream
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
stream = NegotiateStream("localhost", sock, ccache=sys.argv[2])
stream.authenticate_as_client()
stream.write(b"x")
assert stream.read() == b"x"
threading.Thread(target=stream.read, daemon=True).start()
print("left open")
"""


def test_the_interpreter_ends_with_open_streams(peers):
    port = peers.nns_listen().port
    ticket = ccache("alice.ccache")["KRB5CCNAME"]
    done = subprocess.run(
        [sys.executable, "-c", ABANDONED, str(port), ticket],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "left open\n", "")


def test_a_child_of_fork_is_refused(session):
    client, server = session()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            client.read()
        except libnns.NegotiateStateError as error:
            os.write(writing, str(error).encode())
        finally:
            client.close()
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as said:
        assert said.read() == b"this stream belongs to the parent of this process"
    assert os.waitpid(child, 0)[1] == 0
    client.write(b"unharmed")
    assert server.read() == b"unharmed"
    server.write(b"both ways")
    assert client.read() == b"both ways"


def test_a_child_of_fork_closes_what_a_thread_was_in(session):
    client, server = session()
    reader = Caller(client.read)
    is_read(client)
    child = os.fork()
    if child == 0:
        client.close()
        os._exit(client.socket.fileno() != -1)
    assert os.waitpid(child, 0)[1] == 0
    server.write(b"unharmed")
    assert reader.outcome() == (b"unharmed", None)


def test_a_servers_waits_end_with_the_ticket(session):
    client, server = session(server=server_config(idle_timeout=100))
    assert server._ends == server.session.ticket_end and client._ends is None
    assert (client._longest_ms(), server._longest_ms()) == (-1, 100_000)
    server._ends = time.time() + 50
    assert 0 < server._longest_ms() <= 50_001
    server._ends = time.time() - 50
    assert server._longest_ms() == 1000
    outliving = server_config(insecure_outlive_ticket=True)
    assert session(server=outliving)[1]._ends is None


# ---- refusals ----


def refused(client, server):
    """Both sides' errors in the handshake."""
    calls = Caller(client.authenticate_as_client), Caller(server.authenticate_as_server)
    return [call.outcome()[1] for call in calls]


def test_a_server_lets_in_whom_it_was_told(streams):
    theirs, ours = refused(*streams(server=server_config(allow="bob@NNS.TEST")))
    assert isinstance(ours, libnns.NegotiateAuthenticationError)
    assert isinstance(ours, PermissionError)
    assert (ours.name, ours.phase) == ("NNS_ERR_REFUSED", "handshake")
    assert "'alice@NNS.TEST' is not allowed to connect" in ours.message
    assert isinstance(theirs, libnns.NegotiatePeerError)
    assert (theirs.hresult, theirs.hresult_name) == (1790, "ERROR_TRUST_FAILURE")


def test_the_application_may_decide(streams):
    asked = []

    def authorize(session):
        asked.append(session.peer_name)
        return len(asked) == 1

    server = server_config(authorize=authorize)
    client, ours = streams(server=server)
    both(client.authenticate_as_client, ours.authenticate_as_server)
    errors = refused(*streams(server=server))
    assert [error.name for error in errors] == ["NNS_ERR_PEER", "NNS_ERR_REFUSED"]
    assert asked == ["alice@NNS.TEST"] * 2


def test_an_application_that_cannot_decide_refuses(streams):
    def authorize(_):
        raise LookupError("no such table")

    client, server = streams(server=server_config(authorize=authorize))
    calling = Caller(client.authenticate_as_client)
    with pytest.raises(LookupError):
        server.authenticate_as_server()
    assert calling.outcome()[1].hresult == 1790


def test_a_target_that_nobody_knows(streams):
    client, _ = streams(target="host/nosuch")
    with pytest.raises(libnns.NegotiateAuthenticationError) as raised:
        client.authenticate_as_client()
    assert "host/nosuch" in str(raised.value) and raised.value.hint
    assert raised.value.mech_text and raised.value.mech_major


def test_a_peer_that_speaks_something_else(streams):
    ours, theirs = tcp_pair()
    with theirs, NegotiateStream("localhost", ours, config=client_config()) as client:
        theirs.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with pytest.raises(libnns.NegotiateForeignError):
            client.authenticate_as_client()


def test_a_stream_that_ends_within_a_record(session):
    client, server = session()
    os.write(client.fileno(), b"\x40\x00")
    client.close()
    with pytest.raises(libnns.NegotiateTruncatedError) as raised:
        server.read()
    assert isinstance(raised.value, ConnectionError)


def test_a_record_that_nobody_sealed(session):
    client, server = session()
    os.write(client.fileno(), b"\x40\0\0\0" + bytes(64))
    for _ in range(2):
        with pytest.raises(libnns.NegotiateIntegrityError):
            server.read()
    with pytest.raises(libnns.NegotiateError):
        server.write(b"x")


def test_a_reset_is_what_python_calls_it(session):
    client, server = session()
    linger = b"\1\0\0\0\0\0\0\0"
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    client.close()
    with pytest.raises(ConnectionResetError) as raised:
        server.read()
    assert raised.value.errno == 104 and isinstance(raised.value, libnns.NegotiateError)


def test_an_error_travels_between_processes(streams):
    client, _ = streams(target="host/nosuch")
    with pytest.raises(libnns.NegotiateError) as raised:
        client.authenticate_as_client()
    copy = pickle.loads(pickle.dumps(raised.value))
    assert type(copy) is type(raised.value) and vars(copy) == vars(raised.value)
    assert str(copy) == str(raised.value)
    reset = libnns.NegotiateResetError("read: reset", -200, errno=errno.ECONNRESET)
    copy = pickle.loads(pickle.dumps(reset))
    assert (copy.errno, copy.strerror) == (reset.errno, reset.strerror) != (None, None)


# ---- configuration ----


def test_a_client_needs_a_target(streams):
    client, _ = streams(target=None)
    with pytest.raises(libnns.NegotiateUsageError, match="hostname or a target"):
        client.authenticate_as_client()


@pytest.mark.parametrize(
    ("options", "pattern"),
    [
        ({"protection": "much"}, "protection is one of"),
        ({"protection": "none"}, "insecure"),
        ({"impersonation": "be"}, "impersonation is one of"),
        ({"user": "alice"}, "belong together"),
        ({"limits": {"legs": 3}}, "no such limit: 'legs'"),
        ({"limits": {"handshake_legs": 300}}, "300|limit|maximum"),
        ({"allow": "*@*"}, "."),
        ({"ccache": "a\0b"}, "NUL"),
        ({"record_engine": "fast"}, "'gss'"),
        ({"min_ssf": -1}, "min_ssf cannot be -1"),
        ({"min_ssf": 2**40}, "min_ssf"),
        ({"limits": {"idle_ms": 2**70}}, "idle_ms"),
        ({"idle_timeout": -1}, "idle"),
        ({"idle_timeout": float("inf")}, "idle_timeout cannot be inf"),
        ({"handshake_timeout": float("nan")}, "handshake_timeout cannot be nan"),
        ({"handshake_timeout": 1e300}, "hake"),
    ],
)
def test_what_cannot_be_configured(options, pattern):
    with pytest.raises(libnns.NegotiateUsageError, match=pattern) as raised:
        Config(**options)
    assert isinstance(raised.value, ValueError)


def test_options_that_do_not_exist():
    with pytest.raises(TypeError, match="pasword"):
        Config(pasword="x")
    with pytest.raises(TypeError):
        Config(user=7, password="x")
    for options in ({"password": 7, "user": "x"}, {"authorize": True}, {"trace": "file"}):
        with pytest.raises(TypeError, match="is a function, not"):
            Config(**options)
    with socket.socket() as unconnected, pytest.raises(TypeError):
        NegotiateStream("localhost", unconnected, config=Config(), protection="sign")


def test_a_tls_socket_is_refused():
    """Its bytes would go past TLS."""
    context = ssl.create_default_context()
    ours, theirs = tcp_pair()
    with theirs, context.wrap_socket(ours, do_handshake_on_connect=False, server_hostname="x") as tls:
        with pytest.raises(libnns.NegotiateUsageError, match="TLS"):
            NegotiateStream("localhost", tls)


def test_not_a_stream_of_bytes():
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        stream = NegotiateStream("localhost", datagrams)
        with pytest.raises(libnns.NegotiateUsageError):
            stream.authenticate_as_client()
        stream.close()


def test_a_password_of_the_applications(session, caplog):
    with open(realm("alice.password"), encoding="ascii") as file:
        password = file.read().strip()
    threads = []

    def ask():
        threads.append(threading.current_thread())
        return password

    for given in (password, password.encode(), ask):
        client, server = session(client=Config(user="alice@NNS.TEST", password=given))
        assert server.peer_name == "alice@NNS.TEST"
    assert len(threads) == 1 and threads[0] is not threading.main_thread()


def test_a_password_that_cannot_be_had(streams, caplog):
    def ask():
        raise LookupError("the safe is closed")

    for given in (ask, "x" * 10_000):
        client, _ = streams(client=Config(user="alice@NNS.TEST", password=given))
        with pytest.raises(libnns.NegotiateAuthenticationError):
            client.authenticate_as_client()
        client.close()
    assert "the safe is closed" in caplog.text and "longer than" in caplog.text


def test_the_trace_sees_the_wire(session, caplog):
    pieces = []

    def trace(outgoing, data):
        pieces.append((outgoing, data))
        raise ValueError("nobody minds")

    client, server = session(client=client_config(trace=trace))
    client.write(b"secret")
    assert server.read() == b"secret"
    sent = b"".join(data for outgoing, data in pieces if outgoing)
    assert sent.startswith(b"\x16\x01\0") and b"secret" not in sent
    assert "nobody minds" in caplog.text


def test_the_log(session, caplog):
    caplog.set_level("DEBUG", "libnns")
    session()
    lines = {(record.levelname, record.message) for record in caplog.records}
    assert lines == {
        ("INFO", "alice@NNS.TEST authenticated using Kerberos (encrypt)"),
        ("DEBUG", "connected to host/localhost@NNS.TEST using Kerberos (encrypt, mutual)"),
    }


def test_many_streams_leave_no_descriptor(session):
    before = descriptors()
    for _ in range(20):
        client, server = session()
        client.close()
        server.close()
    assert descriptors_once(before) == before


def test_a_readable_socket_wakes_a_poll(session):
    client, server = session()
    client.write(b"x")
    assert select.select([server], [], [], DEADLINE)[0] == [server]
    assert server.read() == b"x"
