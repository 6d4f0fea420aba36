# SPDX-License-Identifier: MIT
"""open_negotiate_stream(), start_negotiate_server() and what is below them: what plain asyncio does
not have (tests/python/test_parity.py has the rest)."""

import asyncio
import gc
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import tracemalloc
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import libnns
import pytest
import uvloop
from conftest import (
    DEADLINE,
    ccache,
    client_config,
    descriptors,
    descriptors_once,
    ntlm_client,
    ntlm_server,
    server_config,
)
from libnns import _wire, _workers
from processes import content

LINES = (b"first line", b"second line", b"third line")
MANY = int(os.environ.get("NNS_PYTHON_CONNECTIONS", "1000"))
CONNECTS = int(os.environ.get("NNS_PYTHON_CONNECTS", "1000"))
WARM = 300
PYTHON_MOST = 65_536  # bytes, of all that was allocated below the package
PROCESS_MOST = 4 << 20  # bytes

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def run(request):
    """Runs a coroutine in a loop of each kind."""

    def within(main, *arguments):
        async def limited():
            async with asyncio.timeout(4 * DEADLINE):
                return await main(*arguments)

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            return runner.run(limited())

    return within


def port_of(server):
    return server.sockets[0].getsockname()[1]


async def connect(port, **options):
    options.setdefault("target", "host/localhost")
    if not {"config", "user"} & options.keys():
        options["config"] = client_config()
    return await libnns.open_negotiate_stream("127.0.0.1", port, **options)


@asynccontextmanager
async def ends(client=None, server=None, **options):
    """Both ends, with .reader and .writer each."""
    accepted = asyncio.get_running_loop().create_future()
    listener = await libnns.start_negotiate_server(
        lambda *streams: accepted.set_result(streams),
        "127.0.0.1",
        0,
        config=server or server_config(),
    )
    ours = await connect(port_of(listener), config=client or client_config(), **options)
    theirs = await accepted
    yield [SimpleNamespace(reader=reader, writer=writer) for reader, writer in (ours, theirs)]
    for _, writer in (ours, theirs):
        if not writer.is_closing():
            writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()
    listener.close()


async def echo(reader, writer):
    try:
        while data := await reader.read():
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
        await writer.wait_closed()


async def failure(awaitable):
    with pytest.raises(libnns.NegotiateError) as raised:
        await awaitable
    return raised.value


def test_the_lines_of_the_demo(run, peers):
    async def main():
        reader, writer = await libnns.open_negotiate_stream(
            "localhost", peers.nns_listen().port, config=client_config()
        )
        assert type(writer) is asyncio.StreamWriter and isinstance(reader, asyncio.StreamReader)
        for line in LINES:
            writer.write(line)
            await writer.drain()
            assert await reader.read() == line
        writer.write_eof()
        assert await reader.read() == await reader.read() == b""
        writer.close()
        await writer.wait_closed()

    run(main)


def test_read_without_a_number_waits_for_what_is_next(run):
    async def main():
        async with ends() as (client, server):
            read = asyncio.ensure_future(server.reader.read())
            await asyncio.sleep(0)
            client.writer.write(b"first")
            assert await read == b"first"
            client.writer.write(b"second")
            client.writer.write_eof()
            assert await server.reader.read(-1) == b"second"
            assert await server.reader.read() == b""

    run(main)


def test_what_was_negotiated(run):
    async def main():
        async with ends() as (client, server):
            ours, theirs = client.writer.get_extra_info, server.writer.get_extra_info
            assert (ours("mechanism"), ours("protection")) == ("Kerberos", "encrypt")
            assert (ours("is_mutual"), ours("peer_name")) == (True, None)
            assert ours("target") == "host/localhost@NNS.TEST"
            assert theirs("peer_name") == "alice@NNS.TEST"
            transport = server.writer.transport
            assert isinstance(transport, libnns.NegotiateTransport)
            assert theirs("session") is transport.session
            assert transport.peer_name == "alice@NNS.TEST"
            assert "open: alice@NNS.TEST authenticated" in repr(transport)
        assert "closed" in repr(transport) and theirs("peername")[0] == "127.0.0.1"

    run(main)


@pytest.mark.parametrize("level", ["encrypt", "sign", "none"])
def test_levels(run, level):
    async def main():
        options = {"protection": level, "insecure_allow_unprotected": True}
        both = {"client": client_config(**options), "server": server_config(**options)}
        async with ends(**both) as (client, server):
            assert server.writer.get_extra_info("protection") == level
            client.writer.write(content(1_000_000))
            client.writer.write_eof()
            assert await server.reader.read(-1) == content(1_000_000)

    run(main)


def test_ntlm(run):
    async def main():
        async with ends(client=ntlm_client(), server=ntlm_server()) as (client, server):
            assert server.writer.get_extra_info("peer_name") == r"NNS\alice"
            client.writer.write(content(200_000))
            client.writer.write_eof()
            assert await server.reader.read(-1) == content(200_000)

    run(main)


# ---- handshakes that fail ----


def test_a_server_lets_in_whom_it_was_told(run, caplog):
    async def main():
        def never(reader, writer):
            raise AssertionError

        server = await libnns.start_negotiate_server(
            never, "127.0.0.1", 0, config=server_config(allow="bob@NNS.TEST")
        )
        error = await failure(connect(port_of(server)))
        assert isinstance(error, libnns.NegotiatePeerError) and error.hresult == 1790
        server.close()
        await asyncio.sleep(0.01)  # the server's side of it is closed with the loop at the latest

    run(main)
    assert "'alice@NNS.TEST'" in caplog.text and "127.0.0.1:" in caplog.text


@pytest.mark.parametrize("verdict", [True, False, LookupError])
def test_the_application_may_decide(run, verdict):
    said = []

    def authorize(session):
        assert session.peer_name == "alice@NNS.TEST"
        if verdict is LookupError:
            raise LookupError
        return verdict

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: said.append(type(context["exception"])))
        server = await libnns.start_negotiate_server(
            echo, "127.0.0.1", 0, config=server_config(authorize=authorize)
        )
        if verdict is True:
            reader, writer = await connect(port_of(server))
            writer.write(b"x")
            assert await reader.read() == b"x"
            writer.close()
            await writer.wait_closed()
        else:
            assert (await failure(connect(port_of(server)))).hresult == 1790
        server.close()

    run(main)
    assert said in ([], [LookupError] if verdict is LookupError else [])


def test_a_callback_that_fails_ends_the_connection(run):
    said = []

    def fail(reader, writer):
        raise LookupError

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: said.append(context["exception"]))
        server = await libnns.start_negotiate_server(fail, "127.0.0.1", 0, config=server_config())
        reader, writer = await connect(port_of(server))
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        server.close()

    run(main)
    assert [type(error) for error in said] == [LookupError]


def test_a_factory_that_fails_ends_the_connection(run):
    def fail():
        raise LookupError

    async def main():
        loop = asyncio.get_running_loop()
        server = await libnns.start_negotiate_server(echo, "127.0.0.1", 0, config=server_config())
        whom = {"target": "host/localhost", "config": client_config()}
        with pytest.raises(LookupError):
            await libnns.create_negotiate_connection(
                loop, fail, "127.0.0.1", port_of(server), **whom
            )
        server.close()

    run(main)


async def stranger(reply):
    """A server of something else, that hangs up."""

    async def answer(reader, writer):
        await reader.readexactly(1)
        writer.write(reply)
        writer.close()
        await writer.wait_closed()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


@pytest.mark.parametrize(
    "reply, kind",
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", libnns.NegotiateForeignError),
        (b"", libnns.NegotiateError),
        (b"\x16\x01\x00\x01\x00x", libnns.NegotiateTruncatedError),
    ],
)
def test_a_peer_that_breaks_off(run, reply, kind):
    async def main():
        server = await stranger(reply)
        error = await failure(connect(port_of(server)))
        assert isinstance(error, kind), repr(error)
        server.close()

    run(main)


def test_no_ticket_and_no_target(run):
    async def main():
        server = await stranger(b"")
        missing = client_config(ccache="FILE:/nowhere")
        error = await failure(connect(port_of(server), config=missing))
        assert isinstance(error, libnns.NegotiateAuthenticationError)
        error = await failure(connect(port_of(server), target="no target\n"))
        assert isinstance(error, libnns.NegotiateUsageError)
        with pytest.raises(TypeError, match="no_such"):
            await connect(port_of(server), no_such=1)
        with pytest.raises(TypeError, match="over TLS: NegotiateStreamAsync"):
            await connect(port_of(server), ssl=True)
        server.close()

    run(main)


def silent():
    """A server that says nothing."""
    return asyncio.start_server(lambda *streams: held.append(streams), "127.0.0.1", 0)


held = []


async def let_go():
    for _, writer in held:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    held.clear()


def test_the_handshake_has_a_deadline(run):
    async def main():
        server = await silent()
        late = client_config(handshake_timeout=0.05)
        error = await failure(connect(port_of(server), config=late))
        assert isinstance(error, libnns.NegotiateTimeoutError) and error.phase == "handshake"
        server.close()
        await let_go()

    run(main)


def test_connecting_can_be_canceled(run):
    async def main():
        server = await silent()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await connect(port_of(server))
        while not held:
            await asyncio.sleep(0)
        await held[0][0].read(-1)  # what has come, and that it is closed
        server.close()
        await let_go()

    run(main)


def test_connecting_can_be_canceled_while_the_mechanism_works(run):
    """The call goes on in its thread; what it is done for is gone."""
    called, go = threading.Event(), threading.Event()

    def ask():
        called.set()
        go.wait(DEADLINE)
        return "whatever"

    async def main():
        server = await silent()
        task = asyncio.ensure_future(connect(port_of(server), user="alice@NNS.TEST", password=ask))
        await asyncio.get_running_loop().run_in_executor(None, called.wait, DEADLINE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        server.close()
        await let_go()

    run(main)
    go.set()


def test_a_connection_that_nobody_accepts_leaves_nothing(run, monkeypatch):
    """Of the library's; not even until the garbage collector runs."""
    wires = []
    make = _wire.Wire.__init__
    monkeypatch.setattr(_wire.Wire, "__init__", lambda wire, *a: wires.append(wire) or make(wire, *a))

    async def main():
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            await connect(port)
        assert [wire.engine._engine for wire in wires] == [None]

    run(main)


def test_the_mechanism_runs_where_it_is_told(run):
    threads = []
    with open(ccache("alice.ccache")["KRB5CCNAME"].replace("ccache", "password")[5:]) as file:
        password = file.read().strip()

    def ask():
        threads.append(threading.current_thread().name)
        return password

    async def main(executor):
        server = await libnns.start_negotiate_server(echo, "127.0.0.1", 0, config=server_config())
        user = {"user": "alice@NNS.TEST", "password": ask, "executor": executor}
        reader, writer = await connect(port_of(server), **user)
        writer.write(b"x")
        assert await reader.read() == b"x"
        writer.close()
        await writer.wait_closed()
        server.close()

    run(main, None)
    with ThreadPoolExecutor(1, thread_name_prefix="mine") as executor:
        run(main, executor)
    assert [name.split("_")[0] for name in threads] == ["libnns", "mine"]


def test_an_executor_that_is_shut_down(run):
    async def main():
        server = await silent()
        executor = ThreadPoolExecutor(1)
        executor.shutdown()
        with pytest.raises(RuntimeError, match="shutdown"):
            await connect(port_of(server), executor=executor)
        server.close()
        await let_go()

    run(main)


# ---- peers that send a record's head and its body apart ----


class Fake:
    """An engine and a transport that take everything, and the socket's options that were set."""

    family = socket.AF_INET

    def __init__(self):
        self.options = []

    def recv_ack(self, n):
        """Taken."""

    def set_write_buffer_limits(self, high):
        """Taken."""

    def is_closing(self):
        return False

    def get_extra_info(self, name):
        return self

    def setsockopt(self, *option):
        self.options.append(option)


@pytest.mark.parametrize("sizes, times", [((4, 64, 4), 3), ((64, 5, 64), 2), ((6, 64, 1000), 0)])
def test_a_head_that_comes_alone_is_acknowledged_at_once(sizes, times):
    fake = Fake()
    wire = _wire.Wire(None, fake)
    wire.connection_made(fake)
    for size in sizes:
        wire.buffer_updated(size)
    assert fake.options == [(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)] * times


# ---- connections that break ----


@pytest.mark.parametrize(
    "record, kind",
    [
        (b"\x40\0\0\0" + bytes(64), libnns.NegotiateProtocolError),
        (b"\xff\xff\xff\xff", libnns.NegotiateProtocolError),
        (b"\x40\0", libnns.NegotiateTruncatedError),
    ],
)
def test_records_that_nobody_sealed(run, record, kind):
    async def main():
        async with ends() as (client, server):
            client.writer.write(b"whole")
            assert await server.reader.readexactly(5) == b"whole"
            below = client.writer.transport._wire.below
            below.write(record)
            below.write_eof()
            assert isinstance(await failure(server.reader.read(10)), kind)
            assert isinstance(await failure(server.writer.drain()), kind)
            assert isinstance(await failure(server.writer.wait_closed()), kind)
            server.writer.write(b"nobody minds")
            assert server.writer.is_closing()

    run(main)


def test_what_is_below_is_in_the_cause(run):
    async def main():
        async with ends() as (client, server):
            client.writer.transport._wire.connection_lost(ConnectionResetError(104, "reset"))
            error = await failure(client.reader.read(1))
            assert isinstance(error, libnns.NegotiateResetError) and error.errno == 104
            assert type(error.__cause__) is ConnectionResetError
            client.writer.transport._wire.below.abort()

    async def quiet():
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        await main()

    run(quiet)


@contextmanager
def soon():
    """What holds the loop up gets a TimeoutError from the signal's handler."""

    def late(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(int(DEADLINE))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("sizes", [(20_000_000,), (3_000_000, 3_000_000)])
def test_a_write_of_much_to_a_peer_that_is_gone(run, sizes):
    """The reset is met by the write itself, in the middle of what it has to send."""

    async def main():
        async with ends() as (client, server):
            ours, theirs = (end.writer.get_extra_info("socket") for end in (client, server))
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.writer.transport.pause_reading()  # so that nothing but the write meets it
            server.writer.transport.abort()
            while not select.select([ours.fileno()], [], [], 0)[0]:
                await asyncio.sleep(0.001)
            with soon():
                for size in sizes:
                    client.writer.write(bytes(size))
            with pytest.raises(ConnectionError):
                await client.writer.drain()

    run(main)


def test_the_idle_time_ends_the_connection(run):
    async def main():
        async with ends(server=server_config(idle_timeout=0.05)) as (client, server):
            client.writer.write(b"x")
            assert await server.reader.read() == b"x"
            assert isinstance(await failure(server.reader.read()), libnns.NegotiateTimeoutError)

    run(main)


def test_who_does_not_read_is_not_idle(run):
    async def main():
        async with ends(server=server_config(idle_timeout=0.02)) as (client, server):
            server.writer.transport.pause_reading()
            timer = server.writer.transport._timers["idle"]
            while server.writer.transport._timers["idle"] is timer:
                await asyncio.sleep(0.01)
            assert not server.writer.is_closing()

    run(main)


def test_who_sends_slowly_is_not_idle(run):
    """Of what the transport below holds, some has gone each time that the idle time is over."""

    class Below:
        def __init__(self, real):
            self.real = real
            self.held = iter((5, 3, 3))

        def __getattr__(self, name):
            return getattr(self.real, name)

        def get_write_buffer_size(self):
            return next(self.held)

    async def main():
        async with ends(client=client_config(idle_timeout=1000)) as (client, server):
            transport = client.writer.transport
            transport._wire.below = Below(transport._wire.below)
            for alive in (True, True, False):
                transport._moved -= 2000
                transport._end_idle()  # what the loop calls then
                assert transport.is_closing() is not alive
            assert isinstance(await failure(client.reader.read()), libnns.NegotiateTimeoutError)

    run(main)


def test_a_connection_at_rest_gives_its_buffers_back(run):
    async def main():
        async with ends() as (client, server):
            transport, trims = server.writer.transport, []
            transport._wire.engine.trim = lambda: trims.append(None)
            client.writer.write(b"x")
            await server.reader.read()
            transport._look()  # what the loop calls from time to time
            assert "rest" in transport._timers and not trims
            transport._timers["rest"].cancel()
            transport._look()
            assert "rest" not in transport._timers and len(trims) == 1
            del transport._wire.engine.trim
            transport._wire.engine.trim()
            for ask, give in ((server.writer, client.reader), (client.writer, server.reader)):
                ask.write(content(100_000))
                assert await give.readexactly(100_000) == content(100_000)
            assert "rest" in transport._timers

    run(main)


def test_a_session_ends_with_the_ticket(run):
    async def main():
        async with ends() as (client, server):
            assert "session" in server.writer.transport._timers
            assert "session" not in client.writer.transport._timers
            server.writer.transport._end_session()  # what the loop calls then
            error = await failure(server.reader.read())
            assert isinstance(error, libnns.NegotiateTimeoutError)
            assert "ticket has ended" in str(error)

    run(main)


# ---- many ----


def test_a_thousand_at_once(run):
    """Each of them says something while all of them are open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    count = min(MANY, (most - 200) // 2)
    opened = []

    async def one(port, config, index):
        reader, writer = await connect(port, config=config)
        opened.append(writer)
        while len(opened) < count:
            await asyncio.sleep(0.01)
        for text in (b"%d" % index, content(1000)):
            writer.write(text)
            assert await reader.readexactly(len(text)) == text
        writer.close()
        await writer.wait_closed()

    async def main():
        server = await libnns.start_negotiate_server(
            echo, "127.0.0.1", 0, backlog=4096, config=server_config(handshake_timeout=DEADLINE)
        )
        port, config = port_of(server), client_config(handshake_timeout=DEADLINE)
        await asyncio.gather(*(one(port, config, index) for index in range(count)))
        server.close()

    run(main)
    assert len(opened) == count


def resident():
    """Bytes of memory that the process has."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def ours():
    """Bytes that the package has allocated, as tracemalloc sees it."""
    gc.collect()
    only = tracemalloc.Filter(True, os.path.join(os.path.dirname(libnns.__file__), "*"))
    statistics = tracemalloc.take_snapshot().filter_traces([only]).statistics("filename")
    return sum(line.size for line in statistics)


def test_connects_leave_nothing(run):
    async def main():
        config = client_config()
        server = await libnns.start_negotiate_server(
            echo, "127.0.0.1", 0, config=server_config(insecure_no_replay_cache=True)
        )

        async def once():
            reader, writer = await connect(port_of(server), config=config)
            writer.write(b"x")
            assert await reader.read() == b"x"
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()

        for _ in range(WARM):
            await once()
        tracemalloc.start()
        await once()
        before, memory = ours(), resident()
        opened = descriptors()
        for _ in range(CONNECTS):
            await once()
        grown = ours() - before
        tracemalloc.stop()
        assert grown < PYTHON_MOST
        assert resident() - memory < PROCESS_MOST
        assert descriptors_once(opened) <= opened
        server.close()

    run(main)


def test_nothing_is_alive_after_close(run):
    async def use():
        async with ends() as (client, server):
            client.writer.write(content(300_000))
            await server.reader.readexactly(300_000)
            return [
                weakref.ref(thing)
                for end in (client, server)
                for transport in [end.writer.transport]
                for thing in (
                    end.reader,
                    end.writer,
                    transport,
                    transport.get_protocol(),
                    transport._wire,
                    transport._wire.engine,
                    transport._wire.engine.config,
                )
            ]

    async def main():
        refs = await use()
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()  # while the loop still runs
        assert [ref() for ref in refs if ref() is not None] == []

    run(main)


# ---- processes ----


def test_a_child_of_fork_is_refused(run):
    async def main():
        async with ends() as (client, server):
            pid = os.fork()
            if pid == 0:
                status = 1
                with suppress(BaseException):
                    status = in_child(client)
                os._exit(status)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            client.writer.write(b"still here")
            assert await server.reader.readexactly(10) == b"still here"

    run(main)


def in_child(client):
    """0: every call says that it is not this process's."""
    transport = client.writer.transport
    calls = [
        lambda: client.writer.write(b"x"),
        client.writer.write_eof,
        transport.pause_reading,
        transport.resume_reading,
        lambda: client.reader.read().send(None),
        lambda: client.reader.readexactly(1).send(None),
        lambda: client.reader.readline().send(None),
    ]
    for call in calls:
        try:
            call()
            return 2
        except libnns.NegotiateStateError as error:
            assert "parent" in str(error)
    client.writer.close()
    transport.abort()
    return 0 if client.writer.is_closing() else 3


EXIT = """
import asyncio, sys
sys.path[:0] = {path!r}
import libnns
from conftest import client_config, server_config
kept = []
async def main():
    server = await libnns.start_negotiate_server(
        lambda *streams: kept.append(streams), "127.0.0.1", 0, config=server_config()
    )
    port = server.sockets[0].getsockname()[1]
    config = client_config()
    kept.append(await libnns.open_negotiate_stream(
        "127.0.0.1", port, target="host/localhost", config=config
    ))
    while len(kept) < 2:
        await asyncio.sleep(0)
    kept[0][1].write(b"x" * 100)
    kept.append(server)
    {end}
"""


@pytest.mark.parametrize("end", ["asyncio.run(main())", "sys.exit(3)"])
def test_the_interpreter_ends_with_open_streams(end):
    text = EXIT.format(path=sys.path[:3] + [str(Path(__file__).parent)], end="sys.exit(3)")
    if "run" in end:
        text = text.replace("sys.exit(3)", "pass")
    done = subprocess.run(
        [sys.executable, "-B", "-c", text + "asyncio.run(main())\n"],
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0 if "run" in end else 3, "")


# ---- the threads ----


def test_workers_are_as_many_as_are_needed():
    workers = _workers.Workers(most=3, patience=0.02)
    go = threading.Event()
    futures = [workers.submit(go.wait, DEADLINE) for _ in range(10)]
    assert workers._threads == 3
    go.set()
    assert all(future.result(DEADLINE) for future in futures)
    while workers._threads:
        go.wait(0.01) and threading.Event().wait(0.01)
    with pytest.raises(ZeroDivisionError):
        workers.submit(lambda: 1 // 0).result(DEADLINE)
    assert workers.submit(lambda x, *, y: x + y, 1, y=2).result(DEADLINE) == 3
