# SPDX-License-Identifier: MIT
"""A list of what streams do, each over plain asyncio.open_connection() and over
open_negotiate_stream(): the result is the same. Only read() without an argument is not in it."""

import asyncio
import select
import socket
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import uvloop
from conftest import DEADLINE, client_config, server_config
from processes import content

import libnns

CASES = {}
MUCH = 6_000_000  # bytes; more than a kernel keeps for a connection here
TURNS = 25


def case(function=None, **options):
    """One of the list. Its answer has to be the same, so it depends on nothing but what streams
    promise; it is given both ends of a connection and how it was made."""

    def listed(function):
        CASES[function.__name__] = (function, options)
        return function

    return listed if function is None else listed(function)


@dataclass(frozen=True)
class Kind:
    """How connections are made."""

    name: str

    async def serve(self, callback, **options):
        if self.name == "plain":
            return await asyncio.start_server(callback, "127.0.0.1", 0, **options)
        return await libnns.start_negotiate_server(
            callback, "127.0.0.1", 0, config=server_config(), **options
        )

    async def connect(self, port, **options):
        if self.name == "plain":
            return await asyncio.open_connection("127.0.0.1", port, **options)
        whom = {"target": "host/localhost", "config": client_config()}
        return await libnns.open_negotiate_stream("127.0.0.1", port, **whom, **options)

    async def connect_protocol(self, factory, port):
        loop = asyncio.get_running_loop()
        if self.name == "plain":
            return await loop.create_connection(factory, "127.0.0.1", port)
        whom = {"target": "host/localhost", "config": client_config()}
        return await libnns.create_negotiate_connection(loop, factory, "127.0.0.1", port, **whom)


def port_of(server):
    return server.sockets[0].getsockname()[1]


@asynccontextmanager
async def ends(kind, **options):
    """A client and a server with .reader and .writer each, and the listening .server."""
    accepted = asyncio.get_running_loop().create_future()

    def accept(*streams):
        if accepted.done():
            streams[1].close()
        else:
            accepted.set_result(streams)

    server = await kind.serve(accept, **options)
    ours = await kind.connect(port_of(server), **options)
    theirs = await accepted
    yield [
        SimpleNamespace(reader=reader, writer=writer, server=server, kind=kind)
        for reader, writer in (ours, theirs)
    ]
    for _, writer in (ours, theirs):
        if not writer.is_closing():
            writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()
    server.close()


async def outcome(awaitable):
    """What it answers, or the class of what it raises, as a program names it that knows nothing of
    libnns."""
    try:
        return await awaitable
    except asyncio.IncompleteReadError as error:
        return "IncompleteReadError", error.partial, error.expected
    except asyncio.LimitOverrunError as error:
        return "LimitOverrunError", error.consumed
    except Exception as error:
        return named(error)


def named(error):
    known = (kind for kind in type(error).__mro__ if not kind.__module__.startswith("libnns"))
    return next(known).__name__


def raised(call, *arguments, **more):
    try:
        return call(*arguments, **more)
    except Exception as error:
        return named(error)


async def turns(count=TURNS):
    """Lets the loop turn: enough for what is there to arrive."""
    for _ in range(count):
        await asyncio.sleep(0)


async def arrived(reader, size):
    while len(reader._buffer) < size:
        await asyncio.sleep(0)


async def ended(reader):
    while not reader._eof:
        await asyncio.sleep(0)


# ---- lines ----


@case
async def a_line(client, server):
    client.writer.write(b"one line\n")
    return await server.reader.readline()


@case
async def two_lines_in_one_write(client, server):
    client.writer.write(b"one\ntwo\n")
    return [await server.reader.readline() for _ in range(2)]


@case
async def a_line_in_pieces(client, server):
    line = asyncio.ensure_future(server.reader.readline())
    for piece in (b"on", b"e li", b"ne", b"\nand"):
        client.writer.write(piece)
        await turns(5)
    return await line, await server.reader.readexactly(3)


@case
async def a_line_that_the_end_cuts(client, server):
    client.writer.write(b"no newline")
    client.writer.write_eof()
    return [await server.reader.readline() for _ in range(2)]


@case
async def no_line(client, server):
    client.writer.write_eof()
    return await server.reader.readline()


@case(limit=16)
async def a_line_above_the_limit(client, server):
    client.writer.write(b"x" * 20 + b"\nnext\n")
    await arrived(server.reader, 26)
    return [await outcome(server.reader.readline()) for _ in range(2)]


@case(limit=16)
async def a_line_above_the_limit_without_an_end(client, server):
    client.writer.write(b"x" * 30)
    await arrived(server.reader, 30)
    first = await outcome(server.reader.readline())
    client.writer.write(b"y\n")
    return first, await server.reader.readline()


@case
async def lines_by_iteration(client, server):
    client.writer.write(b"a\nb\n\nc")
    client.writer.close()
    return [line async for line in server.reader]


@case
async def many_lines(client, server):
    client.writer.writelines(b"%d\n" % n for n in range(5_000))
    client.writer.write_eof()
    return [line async for line in server.reader]


# ---- readuntil ----


@case
async def until_a_separator(client, server):
    client.writer.write(b"head\r\nbody")
    return await server.reader.readuntil(b"\r\n"), await server.reader.readexactly(4)


@case
async def until_a_separator_in_two_records(client, server):
    client.writer.write(b"head\r")
    await arrived(server.reader, 5)
    client.writer.write(b"\nrest")
    return await server.reader.readuntil(b"\r\n"), await server.reader.readexactly(4)


@case
async def until_a_separator_that_never_comes(client, server):
    client.writer.write(b"head")
    client.writer.write_eof()
    return await outcome(server.reader.readuntil(b"\r\n"))


@case(limit=16)
async def until_a_separator_behind_the_limit(client, server):
    client.writer.write(b"x" * 20 + b"|")
    await arrived(server.reader, 21)
    first = await outcome(server.reader.readuntil(b"|"))
    return first, await server.reader.readexactly(21)


@case(limit=16)
async def until_a_separator_while_the_limit_is_passed(client, server):
    client.writer.write(b"x" * 20)
    await arrived(server.reader, 20)
    first = await outcome(server.reader.readuntil(b"|"))
    return first, await server.reader.readexactly(20)


@case
async def until_an_empty_separator(client, server):
    return await outcome(server.reader.readuntil(b""))


@case
async def until_a_long_separator(client, server):
    client.writer.write(b"head--boundary--tail")
    return await server.reader.readuntil(b"--boundary--"), await server.reader.readexactly(4)


# ---- readexactly ----


@case
async def exactly(client, server):
    for piece in (b"01", b"2345", b"6789"):
        client.writer.write(piece)
    return [await server.reader.readexactly(n) for n in (3, 1, 6)]


@case
async def exactly_more_than_there_is(client, server):
    client.writer.write(b"abc")
    client.writer.write_eof()
    return await outcome(server.reader.readexactly(5)), await outcome(server.reader.readexactly(1))


@case
async def exactly_nothing(client, server):
    return await server.reader.readexactly(0)


@case
async def exactly_below_nothing(client, server):
    return await outcome(server.reader.readexactly(-1))


@case
async def exactly_a_million(client, server):
    client.writer.write(content(1_000_000))
    return await server.reader.readexactly(1_000_000) == content(1_000_000)


@case(limit=16)
async def exactly_more_than_the_limit(client, server):
    client.writer.write(content(100_000))
    return await server.reader.readexactly(100_000) == content(100_000)


# ---- read(n) ----


@case
async def at_most(client, server):
    client.writer.write(b"0123456789")
    await arrived(server.reader, 10)
    return [await server.reader.read(n) for n in (4, 100)]


@case
async def at_most_nothing(client, server):
    return await server.reader.read(0)


@case
async def to_the_end(client, server):
    client.writer.write(content(300_000))
    client.writer.write_eof()
    return await server.reader.read(-1) == content(300_000), await server.reader.read(-1)


@case(limit=16)
async def to_the_end_beyond_the_limit(client, server):
    client.writer.write(content(300_000))
    client.writer.close()
    return await server.reader.read(-1) == content(300_000)


@case
async def to_the_end_behind_a_line(client, server):
    client.writer.write(b"line\nand all")
    client.writer.write(b" the rest")
    client.writer.write_eof()
    return await server.reader.readline(), await server.reader.read(-1)


@case
async def at_most_at_the_end(client, server):
    client.writer.write(b"last")
    client.writer.write_eof()
    return [await server.reader.read(100) for _ in range(3)]


@case
async def at_eof(client, server):
    states = [server.reader.at_eof()]
    client.writer.write(b"x")
    client.writer.write_eof()
    await ended(server.reader)
    states.append(server.reader.at_eof())
    await server.reader.read(1)
    return [*states, server.reader.at_eof(), server.reader.exception()]


# ---- half-closing ----


@case
async def an_answer_after_the_end(client, server):
    client.writer.write(b"question")
    client.writer.write_eof()
    question = await server.reader.read(-1)
    server.writer.write(b"answer")
    server.writer.close()
    return question, await client.reader.read(-1)


@case
async def write_after_write_eof(client, server):
    client.writer.write_eof()
    return raised(client.writer.write, b"x"), raised(client.writer.write, b"")


@case
async def write_eof_twice(client, server):
    return [raised(client.writer.write_eof) for _ in range(2)], await server.reader.read(1)


@case
async def write_eof_is_possible(client, server):
    return client.writer.can_write_eof(), server.writer.can_write_eof()


@case
async def write_eof_of_both(client, server):
    client.writer.write_eof()
    server.writer.write_eof()
    return await client.reader.read(1), await server.reader.read(1), client.writer.is_closing()


@case
async def write_eof_behind_much(client, server):
    client.writer.write(content(MUCH))
    client.writer.write_eof()
    return await server.reader.read(-1) == content(MUCH)


@case
async def close_behind_much(client, server):
    client.writer.write(content(MUCH))
    client.writer.close()
    return client.writer.is_closing(), await server.reader.read(-1) == content(MUCH)


@case
async def close_after_write_eof_behind_much(client, server):
    client.writer.write(content(MUCH))
    client.writer.write_eof()
    client.writer.close()
    return await server.reader.read(-1) == content(MUCH)


# ---- writing ----


@case
async def lines_at_once(client, server):
    client.writer.writelines([b"a", bytearray(b"b"), memoryview(b"c")])
    return await server.reader.readexactly(3)


@case
async def what_is_no_bytes(client, server):
    return raised(client.writer.write, "text"), raised(client.writer.write, 7)


@case
async def bytes_that_change_afterwards(client, server):
    data = bytearray(content(MUCH))
    client.writer.write(data)
    data[:] = bytes(MUCH)
    client.writer.write_eof()
    return await server.reader.read(-1) == content(MUCH)


@case
async def views_of_other_items(client, server):
    client.writer.write(memoryview(b"01234567").cast("I"))
    return await server.reader.readexactly(8)


@case
async def nothing_at_all(client, server):
    client.writer.write(b"")
    client.writer.write(b"x")
    return await server.reader.read(10)


@case
async def many_small_writes(client, server):
    for n in range(3_000):
        client.writer.write(b"%d," % n)
    client.writer.write_eof()
    return await server.reader.read(-1)


@case
async def small_and_large_in_order(client, server):
    sizes = [1, 64_511, 64_512, 64_513, 2, 200_000, 3, 1_000_000, 64_512, 5]
    for size in sizes:
        client.writer.write(content(size))
    client.writer.write_eof()
    whole = await server.reader.read(-1)
    return whole == b"".join(map(content, sizes))


@case
async def write_after_close(client, server):
    client.writer.write(b"before")
    client.writer.close()
    after = raised(client.writer.write, b"after")
    return after, await server.reader.read(-1)


@case
async def write_after_abort(client, server):
    client.writer.transport.abort()
    return raised(client.writer.write, b"x"), await server.reader.read(-1)


@case
async def drain_after_close(client, server):
    client.writer.close()
    client.writer.write(b"x")
    return [await outcome(client.writer.drain()) for _ in range(3)][1:]


@case
async def drain_when_all_has_gone(client, server):
    client.writer.write(b"x")
    return await client.writer.drain(), client.writer.transport.get_write_buffer_size()


# ---- flow control ----


@case
async def a_reader_that_is_paused(client, server):
    transport = server.writer.transport
    states = [transport.is_reading()]
    transport.pause_reading()
    states.append(transport.is_reading())
    client.writer.write(b"later")
    await turns()
    before = bytes(server.reader._buffer)
    transport.resume_reading()
    return [*states, transport.is_reading(), before, await server.reader.readexactly(5)]


@case
async def the_end_while_paused(client, server):
    server.writer.transport.pause_reading()
    client.writer.write(b"last")
    client.writer.write_eof()
    await turns()
    before = server.reader._eof
    server.writer.transport.resume_reading()
    return before, await server.reader.read(-1)


@case
async def drain_while_the_peer_does_not_read(client, server):
    server.writer.transport.pause_reading()
    client.writer.write(content(MUCH))
    drain = asyncio.ensure_future(client.writer.drain())
    await turns()
    before, waiting = drain.done(), client.writer.transport.get_write_buffer_size() > 65_536
    server.writer.transport.resume_reading()
    whole = await server.reader.readexactly(MUCH)
    return before, waiting, await drain, whole == content(MUCH)


@case
async def a_reader_that_nobody_reads_from_holds_the_writer_up(client, server):
    client.writer.write(content(MUCH))
    drain = asyncio.ensure_future(client.writer.drain())
    await turns(200)
    held = not drain.done()
    whole = await server.reader.readexactly(MUCH)
    return held, await drain, whole == content(MUCH)


@case
async def no_room_at_all(client, server):
    client.writer.transport.set_write_buffer_limits(high=0)
    for n in range(50):
        client.writer.write(content(n * 100))
        await client.writer.drain()
    client.writer.write_eof()
    return await server.reader.read(-1) == b"".join(content(n * 100) for n in range(50))


@case
async def limits_that_cannot_be(client, server):
    limits = client.writer.transport.set_write_buffer_limits
    return raised(limits, high=1, low=2), raised(limits, high=-1), raised(limits, low=10)


@case
async def the_default_limits(client, server):
    return client.writer.transport.get_write_buffer_limits()


@case
async def drain_by_several_tasks(client, server):
    server.writer.transport.pause_reading()
    client.writer.write(content(MUCH))
    drains = [asyncio.ensure_future(client.writer.drain()) for _ in range(2)]
    await turns(5)
    server.writer.transport.resume_reading()
    whole = await server.reader.readexactly(MUCH)
    return [await outcome(drain) for drain in drains], whole == content(MUCH)


@case
async def both_ways_at_once(client, server):
    async def send(end):
        for start in range(0, MUCH, 250_000):
            end.writer.write(content(MUCH)[start : start + 250_000])
            await end.writer.drain()

    calls = [end.reader.readexactly(MUCH) for end in (client, server)]
    got = await asyncio.gather(*calls, send(client), send(server))
    return [data == content(MUCH) for data in got[:2]]


@case
async def sixteen_in_flight(client, server):
    message = content(64_512)

    async def echo():
        while data := await server.reader.read(100_000):
            server.writer.write(data)
            await server.writer.drain()

    echoes = asyncio.ensure_future(echo())
    for _ in range(16):
        client.writer.write(message)
    same = 0
    for _ in range(48):
        same += await client.reader.readexactly(len(message)) == message
        client.writer.write(message)
    for _ in range(16):
        same += await client.reader.readexactly(len(message)) == message
    client.writer.write_eof()
    await echoes
    return same


# ---- tasks that are canceled ----


@case
async def a_read_that_is_canceled(client, server):
    read = asyncio.ensure_future(server.reader.read(10))
    await turns(3)
    read.cancel()
    canceled = await asyncio.gather(read, return_exceptions=True)
    client.writer.write(b"kept")
    return [type(error).__name__ for error in canceled], await server.reader.read(10)


@case
async def a_readexactly_that_is_canceled_in_the_middle(client, server):
    client.writer.write(b"half")
    read = asyncio.ensure_future(server.reader.readexactly(8))
    await arrived(server.reader, 4)
    read.cancel()
    await asyncio.gather(read, return_exceptions=True)
    client.writer.write(b"rest")
    return await server.reader.readexactly(8)


@case
async def a_line_that_is_too_late(client, server):
    client.writer.write(b"half a ")
    await arrived(server.reader, 7)
    first = await outcome(asyncio.wait_for(server.reader.readline(), 0.01))
    client.writer.write(b"line\n")
    return first, await server.reader.readline()


@case
async def a_drain_that_is_canceled(client, server):
    server.writer.transport.pause_reading()
    client.writer.write(content(MUCH))
    late = await outcome(asyncio.wait_for(client.writer.drain(), 0.01))
    server.writer.transport.resume_reading()
    client.writer.write(b"more")
    whole = await server.reader.readexactly(MUCH + 4)
    return late, whole == content(MUCH) + b"more", await client.writer.drain()


@case
async def a_second_reader(client, server):
    first = asyncio.ensure_future(server.reader.readline())
    await turns(3)
    second = await outcome(server.reader.readline())
    client.writer.write(b"for the first\n")
    return second, await first


# ---- the end ----


@case
async def close_while_reading(client, server):
    read = asyncio.ensure_future(client.reader.read(10))
    await turns(3)
    client.writer.close()
    return await outcome(read), await server.reader.read(10)


@case
async def abort_while_reading(client, server):
    read = asyncio.ensure_future(client.reader.readexactly(10))
    await turns(3)
    client.writer.transport.abort()
    return await outcome(read), await server.reader.read(10)


@case
async def the_peer_closes_while_reading(client, server):
    read = asyncio.ensure_future(client.reader.readline())
    server.writer.write(b"cut")
    server.writer.close()
    return await outcome(read), await client.reader.read(10), client.writer.is_closing()


@case
async def close_and_wait(client, server):
    states = [client.writer.is_closing()]
    client.writer.close()
    states.append(client.writer.is_closing())
    return states, [await client.writer.wait_closed() for _ in range(2)], client.reader.at_eof()


@case
async def close_twice(client, server):
    return [raised(client.writer.close) for _ in range(2)], await client.writer.wait_closed()


@case
async def abort_after_close(client, server):
    client.writer.close()
    client.writer.transport.abort()
    client.writer.transport.abort()
    return await client.writer.wait_closed(), await server.reader.read(1)


@case
async def close_after_abort(client, server):
    client.writer.transport.abort()
    client.writer.close()
    return await client.writer.wait_closed()


@case
async def pausing_after_close(client, server):
    client.writer.close()
    await client.writer.wait_closed()
    return client.writer.is_closing(), client.writer.transport.is_closing()


@case
async def what_came_before_close_stays_readable(client, server):
    server.writer.write(b"kept")
    await arrived(client.reader, 4)
    client.writer.close()
    await client.writer.wait_closed()
    return await client.reader.read(-1)


@case
async def a_peer_that_resets(client, server):
    sock = server.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    read = asyncio.ensure_future(client.reader.read(10))
    await turns(3)
    server.writer.transport.abort()
    got = await outcome(read)
    drained = await outcome(client.writer.drain())
    closed = await outcome(client.writer.wait_closed())
    return got, drained, closed, named(client.reader.exception()), client.writer.is_closing()


@case
async def a_peer_that_is_gone_while_we_write(client, server):
    sock = server.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.writer.transport.abort()
    try:
        while True:
            client.writer.write(b"x" * 1000)
            await client.writer.drain()
    except ConnectionError:
        return client.writer.is_closing()


@case
async def a_reset_that_a_write_meets(client, server):
    """The write's error, and not what the socket says to whoever asks it once more."""
    ours, theirs = (end.writer.get_extra_info("socket") for end in (client, server))
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.writer.transport.pause_reading()  # so that nothing but the write meets it
    server.writer.transport.abort()
    while not select.select([ours.fileno()], [], [], 0)[0]:
        await asyncio.sleep(0.001)
    client.writer.write(b"x")
    drained = await outcome(client.writer.drain())
    closed = await outcome(client.writer.wait_closed())
    return drained, closed, named(client.reader.exception()), client.writer.is_closing()


@case
async def a_writer_that_is_held_up_when_the_peer_resets(client, server):
    server.writer.transport.pause_reading()
    client.writer.write(content(MUCH))
    drain = asyncio.ensure_future(client.writer.drain())
    await turns(5)
    sock = server.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.writer.transport.abort()
    with pytest.raises(ConnectionError):
        await drain
    return client.writer.is_closing()


# ---- servers, and what is known ----


@case
async def a_server_that_closes_leaves_its_connections(client, server):
    port = port_of(server.server)
    server.server.close()
    client.writer.write(b"still here")
    got = await server.reader.readexactly(10)
    return got, await outcome(client.kind.connect(port)), server.server.is_serving()


@case
async def a_server_that_serves_for_ever(client, server):
    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()
        await writer.wait_closed()

    listener = await server.kind.serve(echo)
    async with listener:
        serving = asyncio.ensure_future(listener.serve_forever())
        reader, writer = await client.kind.connect(port_of(listener))
        writer.write(b"hello\n")
        answer = await reader.read(-1)
        writer.close()
        await writer.wait_closed()
        serving.cancel()
        ended = await asyncio.gather(serving, return_exceptions=True)
    return answer, [type(error).__name__ for error in ended], listener.is_serving()


@case
async def what_is_known_of_the_socket(client, server):
    one, other = client.writer.get_extra_info, server.writer.get_extra_info
    return (
        one("peername") == other("sockname"),
        one("sockname") == other("peername"),
        one("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0,
        one("socket").fileno() >= 0,
        one("nothing"),
        one("nothing", 7),
    )


@case
async def a_socket_of_our_own(client, server):
    sock = socket.create_connection(("127.0.0.1", port_of(server.server)))
    sock.setblocking(False)
    if client.kind.name == "plain":
        pair = await asyncio.open_connection(sock=sock)
    else:
        pair = await libnns.open_negotiate_stream(
            sock=sock, target="host/localhost", config=client_config()
        )
    end = await pair[0].read(-1)
    pair[1].close()
    return end, await outcome(pair[1].wait_closed())


@case
async def nobody_listens(client, server):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return await outcome(client.kind.connect(free.getsockname()[1]))


# ---- protocols ----


class Recorder(asyncio.Protocol):
    """Writes down what it is told."""

    keep_open = False

    def __init__(self):
        self.data, self.calls = b"", []
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        self.calls.append("made")

    def data_received(self, data):
        assert type(data) is bytes
        self.data += data

    def eof_received(self):
        self.calls.append("eof")
        return self.keep_open

    def pause_writing(self):
        self.calls.append("pause")

    def resume_writing(self):
        self.calls.append("resume")

    def connection_lost(self, exc):
        self.calls.append("lost" if exc is None else named(exc))
        self.lost.set_result(None)


class Buffered(Recorder, asyncio.BufferedProtocol):
    """The same with memory of its own, of an odd size."""

    def __init__(self):
        super().__init__()
        self.memory = bytearray(1000)

    def get_buffer(self, sizehint):
        return memoryview(self.memory)[:777]

    def buffer_updated(self, nbytes):
        self.data += self.memory[:nbytes]


@asynccontextmanager
async def protocol_ends(client, factory):
    """A protocol of ours, and the reader and the writer of a server of its own."""
    accepted = asyncio.get_running_loop().create_future()
    server = await client.kind.serve(lambda *streams: accepted.set_result(streams))
    _, protocol = await client.kind.connect_protocol(factory, port_of(server))
    reader, writer = await accepted
    yield protocol, SimpleNamespace(reader=reader, writer=writer)
    protocol.transport.abort()
    writer.transport.abort()
    await protocol.lost
    with suppress(OSError):
        await writer.wait_closed()
    server.close()


@case
async def a_protocol(client, server):
    async with protocol_ends(client, Recorder) as (protocol, peer):
        protocol.transport.write(b"up")
        up = await peer.reader.readexactly(2)
        peer.writer.write(content(300_000))
        peer.writer.write_eof()
        await protocol.lost
        return up, protocol.data == content(300_000), protocol.calls, await peer.reader.read(1)


@case
async def a_protocol_that_stays_open_at_the_end(client, server):
    class Open(Recorder):
        keep_open = True

    async with protocol_ends(client, Open) as (protocol, peer):
        peer.writer.write_eof()
        while "eof" not in protocol.calls:
            await asyncio.sleep(0)
        protocol.transport.write(b"still")
        got = await peer.reader.readexactly(5)
        protocol.transport.close()
        await protocol.lost
        return got, protocol.calls


@case
async def a_protocol_with_memory_of_its_own(client, server):
    async with protocol_ends(client, Buffered) as (protocol, peer):
        peer.writer.write(content(100_000))
        peer.writer.close()
        await protocol.lost
        return protocol.data == content(100_000), protocol.calls


@case
async def another_protocol_in_the_middle(client, server):
    async with protocol_ends(client, Recorder) as (protocol, peer):
        peer.writer.write(b"first")
        while protocol.data != b"first":
            await asyncio.sleep(0)
        second = Buffered()
        second.transport = protocol.transport
        protocol.transport.set_protocol(second)
        same = protocol.transport.get_protocol() is second
        peer.writer.write(b"second")
        peer.writer.close()
        await second.lost
        protocol.lost.set_result(None)
        return same, protocol.data, second.data, protocol.calls, second.calls


@case
async def a_protocol_is_told_when_to_write(client, server):
    async with protocol_ends(client, Recorder) as (protocol, peer):
        peer.writer.transport.pause_reading()
        protocol.transport.write(content(MUCH))
        paused = list(protocol.calls)
        peer.writer.transport.resume_reading()
        whole = await peer.reader.readexactly(MUCH)
        while protocol.transport.get_write_buffer_size():
            await asyncio.sleep(0)
        return paused, whole == content(MUCH), protocol.calls


@case
async def a_protocol_that_pauses_in_the_middle(client, server):
    class Slow(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.pause_reading()
            asyncio.get_running_loop().call_soon(self.transport.resume_reading)

    async with protocol_ends(client, Slow) as (protocol, peer):
        peer.writer.write(content(1_000_000))
        peer.writer.close()
        await protocol.lost
        return protocol.data == content(1_000_000), protocol.calls


@case
async def a_protocol_that_closes_in_the_middle(client, server):
    class Enough(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.close()

    async with protocol_ends(client, Enough) as (protocol, peer):
        peer.writer.write(b"x")
        await protocol.lost
        peer.writer.write(b"y")
        return protocol.data, protocol.calls


@case
async def a_protocol_that_fails(client, server):
    said = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: said.append(named(context["exception"])))

    class Broken(Recorder):
        def data_received(self, data):
            raise LookupError

    async with protocol_ends(client, Broken) as (protocol, peer):
        peer.writer.write(b"x")
        await protocol.lost
        return said, protocol.calls


LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

# Where uvloop's own transports do not do what asyncio's do, ours do as asyncio's.
NOT_UVLOOP = {
    "the_default_limits": "they cannot be asked for",
    "bytes_that_change_afterwards": "it keeps the memory that it was given",
    "write_after_close": "all writes of a turn go out at its end, and these too",
    "drain_when_all_has_gone": "likewise",
    "a_reset_that_a_write_meets": "likewise",
}


def answer(name, kind, loop):
    function, options = CASES[name]
    said = []

    async def within():
        handler = lambda loop, context: said.append(context)  # noqa: E731
        asyncio.get_running_loop().set_exception_handler(handler)
        async with asyncio.timeout(DEADLINE), ends(Kind(kind), **options) as (client, server):
            return await function(client, server)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        answer = runner.run(within())
    assert kind == "plain" or said == []
    return answer


def test_the_list_is_long():
    assert len(CASES) >= 60


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("name", CASES)
def test_the_same(name, loop):
    plain = "asyncio" if name in NOT_UVLOOP else loop
    assert answer(name, "negotiate", loop) == answer(name, "plain", plain)
