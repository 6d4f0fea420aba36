# SPDX-License-Identifier: MIT
"""NegotiateStreamAsync, on plain asyncio connections."""

import asyncio
import collections
import gc
import inspect
import socket
import ssl
import subprocess
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from conftest import DEADLINE, ccache, client_config, ntlm_client, ntlm_server, server_config
from processes import content

import libnns
from libnns import Config, NegotiateStreamAsync, _engine
from libnns._binding import lib
from libnns._engine import Job

LINES = (b"first line", b"second line", b"third line")


def run(function):
    """A test that is a coroutine."""

    def test(*arguments, **named):
        async def within():
            async with asyncio.timeout(DEADLINE):
                await function(*arguments, **named)

        asyncio.run(within())

    test.__name__, test.__doc__ = function.__name__, function.__doc__
    test.__signature__ = inspect.signature(function)
    return test


@asynccontextmanager
async def ends(client=None, server=None, target="host/localhost", executor=None, tls=(), **options):
    """The two ends of a connection, not authenticated; tls: its two contexts."""
    accepted = asyncio.get_running_loop().create_future()
    listener = await asyncio.start_server(
        lambda *streams: accepted.set_result(streams),
        "127.0.0.1",
        0,
        ssl=tls[0] if tls else None,
        **options,
    )
    secured = {"ssl": tls[1], "server_hostname": "localhost"} if tls else {}
    async with AsyncExitStack() as stack:
        port = listener.sockets[0].getsockname()[1]
        ours = await asyncio.open_connection("127.0.0.1", port, **secured)
        theirs = await accepted
        listener.close()
        pair = []
        for streams, config, whom in (
            (ours, client or client_config(), target),
            (theirs, server or server_config(), None),
        ):
            stream = NegotiateStreamAsync(
                None, *streams, target=whom, config=config, executor=executor
            )
            pair.append(await stack.enter_async_context(stream))
        yield pair


@asynccontextmanager
async def session(**more):
    """Two ends that are authenticated."""
    async with ends(**more) as (client, server):
        await asyncio.gather(client.authenticate_as_client(), server.authenticate_as_server())
        yield client, server


async def outcomes(*calls):
    return await asyncio.gather(*calls, return_exceptions=True)


@run
async def test_lines_come_back_one_by_one():
    async with session() as (client, server):
        for line in LINES:
            client.write(line)
            await client.drain()
            assert await server.read() == line
            server.write(line)
            assert await client.read() == line
        client.close()
        assert await server.read() == b""
        assert await server.read() == b""


@run
async def test_against_the_command(peers):
    streams = await asyncio.open_connection("127.0.0.1", peers.nns_listen().port)
    async with NegotiateStreamAsync("LOCALHOST", *streams, config=client_config()) as stream:
        await stream.authenticate_as_client()
        assert stream.target == "host/localhost@NNS.TEST"
        for line in LINES:
            stream.write(line)
            await stream.drain()
            assert await stream.read() == line
        stream.write_eof()
        stream.write_eof()
        assert await stream.read() == b""


@run
async def test_what_was_negotiated():
    async with session() as (client, server):
        assert (client.mechanism, client.protection) == ("Kerberos", "encrypt")
        assert (client.is_mutual, server.peer_name) == (True, "alice@NNS.TEST")
        assert server.get_extra_info("peer_name") == "alice@NNS.TEST"
        assert server.get_extra_info("session") is server.session
        assert server.get_extra_info("peername")[0] == "127.0.0.1"
        assert server.get_extra_info("nothing", 7) == 7
        assert "alice@NNS.TEST" in repr(server)


@pytest.mark.parametrize("level", ["encrypt", "sign", "none"])
@run
async def test_levels(level):
    options = {"protection": level, "insecure_allow_unprotected": True}
    both = {"client": client_config(**options), "server": server_config(**options)}
    async with session(**both) as (client, server):
        assert client.protection == server.protection == level
        client.write(b"x")
        assert await server.read() == b"x"


@run
async def test_ntlm():
    async with session(client=ntlm_client(), server=ntlm_server()) as (client, server):
        assert (client.mechanism, server.peer_name) == ("NTLM", r"NNS\alice")
        client.write(content(100_000))
        assert await server.readexactly(100_000) == content(100_000)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """The argument ssl= for a server, and for a client that trusts it."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        + ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        + ["-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return server, ssl.create_default_context(cafile=folder / "cert.pem")


@run
async def test_over_tls(tls, caplog):
    data = content(2_000_000)
    async with session(tls=tls) as (client, server):
        for end in client, server:
            assert end.get_extra_info("cipher")[1].startswith("TLS")
            with pytest.raises(NotImplementedError):
                end.write_eof()
        for ask, give in (client, server), (server, client):
            ask.write(b"first line")
            assert await give.read() == b"first line"
            ask.write(data)
            got, _ = await asyncio.gather(give.readexactly(len(data)), ask.drain())
            assert got == data
        client.write(b"last words")
        client.close()
        assert await server.readexactly(10) == b"last words"
        assert await server.read() == b""
    assert caplog.text == ""


@run
async def test_over_tls_that_begins_later(tls):
    """The writer has another transport then than it was given with."""
    async with ends() as (client, server):
        await asyncio.gather(
            client._writer.start_tls(tls[1], server_hostname="localhost"),
            server._writer.start_tls(tls[0]),
        )
        await asyncio.gather(client.authenticate_as_client(), server.authenticate_as_server())
        client.write(b"first line")
        assert await server.read() == b"first line"


@pytest.mark.parametrize("cut", [b"", b"\x40\0"])
@run
async def test_over_tls_that_is_cut(tls, cut):
    async with session(tls=tls) as (client, server):
        client.write(b"whole")
        await client.drain()
        client._writer.write(cut)
        assert await server.readexactly(5) == b"whole"
        client._writer.transport.abort()
        if cut:
            with pytest.raises(libnns.NegotiateTruncatedError):
                await server.read()
        else:
            assert await server.read() == b""


@run
async def test_much_both_ways():
    data = content(10_000_000)

    async def send(stream):
        for start in range(0, len(data), 300_000):
            stream.write(memoryview(data)[start : start + 300_000])
            await stream.drain()

    async with session(limit=4096) as (client, server):
        calls = [client.readexactly(len(data)), server.readexactly(len(data))]
        got = await asyncio.gather(*calls, send(client), send(server))
        assert got[:2] == [data, data]


@run
async def test_what_is_written_in_one_turn_goes_together():
    async with session() as (client, server):
        for _ in range(3):
            client.write(b"abc")
        assert await server.read() == b"abcabcabc"
        client.write(b"last words")
        client.close()
        assert await server.read() == b"last words"
        assert await server.read() == b""


class Asked(socket.socket):
    """One that keeps how many bytes it was asked for."""

    def recv(self, size, flags=0):
        self.asked = getattr(self, "asked", set()) | {size}
        return super().recv(size, flags)


@run
async def test_memory_is_not_mapped_for_each_receive():
    """128 KiB and more at once are, by the C library's malloc()."""
    ours, theirs = socket.socketpair()
    asked = Asked(fileno=ours.detach())
    streams = await asyncio.open_connection(sock=asked)
    reader, writer = await asyncio.open_connection(sock=theirs)
    config = client_config()
    async with NegotiateStreamAsync("localhost", *streams, config=config) as client:
        server = NegotiateStreamAsync(None, reader, writer, config=server_config())
        await asyncio.gather(client.authenticate_as_client(), server.authenticate_as_server())
        server.close()
        assert await client.read() == b""
        assert max(asked.asked) < 128 * 1024
        await server.wait_closed()


@run
async def test_read_takes_no_more_than_it_is_asked_for():
    async with session() as (client, server):
        client.write(b"0123456789")
        assert [await server.read(3), await server.read(0)] == [b"012", b""]
        assert await server.read(100) == b"3456789"
        client.write(b"abc")
        client.write_eof()
        with pytest.raises(asyncio.IncompleteReadError) as raised:
            await server.readexactly(5)
        assert raised.value.partial == b"abc"


@run
async def test_a_canceled_read_loses_nothing():
    async with session() as (client, server):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await server.read()
        client.write(b"late")
        assert await server.read() == b"late"


@run
async def test_a_readexactly_that_fails_loses_nothing():
    async with session() as (client, server):
        client.write(b"abc")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await server.readexactly(6)
        client.write(b"def")
        assert [await server.read(2), await server.readexactly(4)] == [b"ab", b"cdef"]
        with pytest.raises(ValueError):
            await server.readexactly(-1)


@run
async def test_a_second_reader_is_refused():
    async with session() as (client, server):
        reader = asyncio.ensure_future(server.read())
        await asyncio.sleep(0)
        with pytest.raises(libnns.NegotiateStateError, match="another task reads already"):
            await server.read()
        client.write(b"for the first")
        assert await reader == b"for the first"


@run
async def test_close_wakes_the_reader():
    async with session() as (_, server):
        reader = asyncio.ensure_future(server.read())
        await asyncio.sleep(0)
        server.close()
        server.close()
        with pytest.raises(libnns.NegotiateCanceledError):
            await reader
        with pytest.raises(libnns.NegotiateStateError, match="closed"):
            await server.read()
        assert server.is_closing()


@run
async def test_nothing_goes_before_the_handshake_or_twice():
    async with session() as (client, _):
        with pytest.raises(libnns.NegotiateStateError):
            await client.authenticate_as_client()
    async with ends() as (client, _):
        with pytest.raises(libnns.NegotiateStateError, match="authenticate first"):
            client.write(b"x")
        client.close()
        with pytest.raises(libnns.NegotiateStateError, match="closed"):
            await client.authenticate_as_client()


@run
async def test_a_server_lets_in_whom_it_was_told():
    async with ends(server=server_config(allow="bob@NNS.TEST")) as (client, server):
        theirs, ours = await outcomes(
            client.authenticate_as_client(), server.authenticate_as_server()
        )
    assert isinstance(ours, libnns.NegotiateAuthenticationError)
    assert isinstance(theirs, libnns.NegotiatePeerError) and theirs.hresult == 1790


@pytest.mark.parametrize("answer", [True, False, LookupError])
@run
async def test_the_application_may_decide(answer):
    def authorize(session):
        assert session.peer_name == "alice@NNS.TEST"
        if answer is LookupError:
            raise LookupError
        return answer

    async with ends(server=server_config(authorize=authorize)) as (client, server):
        theirs, ours = await outcomes(
            client.authenticate_as_client(), server.authenticate_as_server()
        )
    if answer is True:
        assert theirs is ours is None
    else:
        wanted = LookupError if answer else libnns.NegotiateAuthenticationError
        assert isinstance(ours, wanted) and theirs.hresult == 1790


@run
async def test_the_mechanism_runs_in_another_thread():
    threads = []
    with open(ccache("alice.ccache")["KRB5CCNAME"].replace("ccache", "password")[5:]) as file:
        password = file.read().strip()

    def ask():
        threads.append(threading.current_thread())
        return password

    async with session(client=Config(user="alice@NNS.TEST", password=ask)):
        assert threads and threads[0] is not threading.main_thread()


@run
async def test_the_handshake_has_a_deadline():
    async with ends(server=server_config(handshake_timeout=0.01)) as (_, server):
        with pytest.raises(libnns.NegotiateTimeoutError) as raised:
            await server.authenticate_as_server()
        assert raised.value.phase == "handshake"


@run
async def test_a_canceled_handshake_is_over():
    async with ends() as (client, _):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await client.authenticate_as_client()
        with pytest.raises(libnns.NegotiateError):
            await client.authenticate_as_client()


@run
async def test_a_canceled_handshakes_job_still_runs(monkeypatch):
    go, ran = threading.Event(), []
    run_job = Job.run
    monkeypatch.setattr(Job, "run", lambda job: ran.append(run_job(job)))
    with ThreadPoolExecutor(1) as busy:
        busy.submit(go.wait)
        async with ends(executor=busy) as (client, _):
            task = asyncio.ensure_future(client.authenticate_as_client())
            await asyncio.sleep(0)
            assert client._engine.state & _engine.STEPPING
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert client._engine.state & _engine.FAILED
        go.set()
    assert ran == [None]


@run
async def test_close_while_the_mechanism_works():
    """The handshake ends when the call comes back, and the call's job with it."""
    go = threading.Event()
    with ThreadPoolExecutor(1) as busy:
        busy.submit(go.wait, DEADLINE)
        async with ends(executor=busy) as (client, _):
            task = asyncio.ensure_future(client.authenticate_as_client())
            await asyncio.sleep(0)
            assert client._engine.state & _engine.STEPPING
            client.close()
            go.set()
            with pytest.raises(libnns.NegotiateCanceledError):
                await task


class Counting:
    """The library, and how often some functions were called."""

    def __init__(self):
        self.calls = collections.Counter()

    def __getattr__(self, name):
        self.calls[name] += 1
        return getattr(lib, name)


@pytest.mark.parametrize("face", ["async", "asyncio"])
@pytest.mark.parametrize("late", [False, True])
@run
async def test_a_job_that_no_executor_runs_is_freed(face, late, monkeypatch):
    """The executor was shut down before, or is while the job waits in its queue."""
    counting, go, config = Counting(), threading.Event(), client_config()
    monkeypatch.setattr(_engine, "lib", counting)
    executor = ThreadPoolExecutor(1)
    executor.submit(go.wait, DEADLINE)
    if not late:
        executor.shutdown(wait=False)
    async with ends(client=config, executor=executor) as (client, _):
        if face == "async":
            connects = client.authenticate_as_client()
        else:
            client.close()
            listener = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0)
            connects = libnns.open_negotiate_stream(
                *listener.sockets[0].getsockname(),
                target="host/localhost",
                config=config,
                executor=executor,
            )
        task = asyncio.ensure_future(connects)
        while not counting.calls["nns_engine_take_job"]:
            await asyncio.sleep(0)
        executor.shutdown(wait=False, cancel_futures=True)
        go.set()
        assert type((await outcomes(task))[0]) in (asyncio.CancelledError, RuntimeError)
        if face == "asyncio":
            listener.close()
    del task, connects, client
    gc.collect()
    taken = counting.calls["nns_engine_take_job"]
    assert taken == counting.calls["nns_job_abandon"] == counting.calls["nns_job_run"] == 1


@run
async def test_the_idle_time_ends_the_connection():
    async with session(server=server_config(idle_timeout=0.01)) as (client, server):
        for _ in range(2):
            with pytest.raises(libnns.NegotiateTimeoutError):
                await server.read()


@run
async def test_a_session_ends_with_the_ticket():
    async with session() as (client, server):
        waits = asyncio.ensure_future(server.read())
        await asyncio.sleep(0)
        assert server._session_end is not None and client._session_end is None
        server._end_session()  # what the loop calls then
        with pytest.raises(libnns.NegotiateTimeoutError, match="ticket has ended"):
            await waits


@run
async def test_a_stream_that_ends_within_a_record():
    async with session() as (client, server):
        client.write(b"whole")
        await client.drain()
        client._writer.write(b"\x40\x00")
        client.close()
        assert await server.read() == b"whole"
        with pytest.raises(libnns.NegotiateTruncatedError):
            await server.read()


@pytest.mark.parametrize("record", [b"\x40\0\0\0" + bytes(64), b"\xff\xff\xff\xff"])
@run
async def test_a_record_that_nobody_sealed(record):
    async with session() as (client, server):
        client.write(b"whole")
        await client.drain()
        client._writer.write(record)
        assert await server.read() == b"whole"
        for _ in range(2):
            with pytest.raises(libnns.NegotiateProtocolError):
                await server.read()
        with pytest.raises(libnns.NegotiateProtocolError):
            server.write(b"x")


@run
async def test_a_peer_that_speaks_something_else():
    async with ends() as (client, server):
        server._writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with pytest.raises(libnns.NegotiateForeignError):
            await client.authenticate_as_client()


@run
async def test_a_peer_that_breaks_the_handshake_hears_of_it():
    async with ends() as (client, server):
        client._writer.write(b"\x16\x01\0\0\0")  # in progress, without a token
        with pytest.raises(libnns.NegotiateProtocolError):
            await server.authenticate_as_server()
        assert (await client._reader.readexactly(13)).startswith(b"\x15\x01\0\0\x08")


@run
async def test_a_hundred_at_once():
    async def one(index):
        async with session() as (client, server):
            client.write(b"%d" % index)
            assert await server.read() == b"%d" % index

    await asyncio.gather(*map(one, range(100)))


def test_nothing_is_alive_after_close():
    async def use():
        async with session() as (client, server):
            client.write(b"x")
            await server.read()
            return [weakref.ref(x) for x in (client, server, client._engine, server._config)]

    async def main():
        refs = await use()
        gc.collect()  # while the loop still runs
        assert [ref() for ref in refs] == [None] * 4

    asyncio.run(main())
