# SPDX-License-Identifier: MIT
"""Small records, which are sent past asyncio's own transport: that they are, and that none of them
overtakes what that transport holds."""

import asyncio
import fcntl
import socket
import sys
import termios
from contextlib import asynccontextmanager

import pytest
from conftest import DEADLINE, client_config, server_config, tcp_pair
from processes import content

import libnns
from libnns import NegotiateStreamAsync

PIECE = 30_000  # bytes; less than a record, more than a small buffer of the kernel's takes


class Async:
    """An end of NegotiateStreamAsync's. What is written goes at the end of the turn."""

    def __init__(self, stream):
        self.stream, self.engine, self.below = stream, stream._engine, stream._writer.transport

    async def write(self, data):
        self.stream.write(data)
        await asyncio.sleep(0)  # before the loop looks at the socket

    @classmethod
    async def pair(cls):
        ours, theirs = [await asyncio.open_connection(sock=end) for end in tcp_pair()]
        client = NegotiateStreamAsync("localhost", *ours, config=client_config())
        server = NegotiateStreamAsync(None, *theirs, config=server_config())
        await asyncio.gather(client.authenticate_as_client(), server.authenticate_as_server())
        return cls(client), cls(server)


class Asyncio:
    """An end of open_negotiate_stream()'s. What is written goes at once."""

    def __init__(self, streams):
        self.stream = streams[1]
        wire = self.stream.transport._wire
        self.engine, self.below = wire.engine, wire.below

    async def write(self, data):
        self.stream.write(data)

    @classmethod
    async def pair(cls):
        accepted = asyncio.get_running_loop().create_future()
        listener = await libnns.start_negotiate_server(
            lambda *streams: accepted.set_result(streams), "127.0.0.1", 0, config=server_config()
        )
        port = listener.sockets[0].getsockname()[1]
        ours = await libnns.open_negotiate_stream("localhost", port, config=client_config())
        pair = cls(ours), cls(await accepted)
        listener.close()
        return pair


@pytest.fixture(params=[Async, Asyncio])
def face(request):
    return request.param


@asynccontextmanager
async def session(face):
    """Two ends, the second of which reads nothing by itself."""
    async with asyncio.timeout(DEADLINE):
        client, server = await face.pair()
        server.below.pause_reading()
        try:
            yield client, server
        finally:
            for end in client, server:
                end.below.abort()
            await asyncio.sleep(0)


class Peer:
    """Takes the wire's bytes from an end's socket, without a turn of the loop."""

    def __init__(self, end):
        self.engine, self.text = end.engine, b""
        self.socket = end.below.get_extra_info("socket").dup()
        self.socket.setblocking(False)

    def take(self):
        """All that is there."""
        try:
            while data := self.socket.recv(1 << 20):
                while data:
                    data = data[self.engine.recv(data) :]
                    while some := self.engine.read():
                        self.text += some
        except BlockingIOError:
            pass

    def take_all_of(self, other):
        """Until the kernel holds nothing of what that end has sent."""
        sent = other.below.get_extra_info("socket").fileno()
        left = b"...."
        while int.from_bytes(left, sys.byteorder):
            self.take()
            left = fcntl.ioctl(sent, termios.TIOCOUTQ, b"....")


def test_no_record_overtakes_another(face):
    async def main():
        async with session(face) as (client, server):
            peer, sent = Peer(server), b""
            for end, option in (client, socket.SO_SNDBUF), (server, socket.SO_RCVBUF):
                end.below.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, option, 8192)
            for turn in range(3):  # full and drained, more than once
                while not client.below.get_write_buffer_size():
                    sent += (piece := content(PIECE + turn))
                    await client.write(piece)
                    await asyncio.sleep(0)
                peer.take_all_of(client)  # of which the transport knows nothing yet
                sent += b"behind"
                await client.write(b"behind")
                while client.below.get_write_buffer_size():
                    peer.take()
                    await asyncio.sleep(0)
            await client.write(b"last")
            while len(peer.text) < len(sent + b"last"):
                peer.take()
                await asyncio.sleep(0)
            peer.socket.close()
            assert peer.text == sent + b"last"

    asyncio.run(main())


def written_below(face):
    """How often the transport below was given something for a small write that has arrived."""
    calls = []

    async def main():
        async with session(face) as (client, server):
            write = client.below.write
            client.below.write = lambda data: (calls.append(data), write(data))
            peer = Peer(server)
            await client.write(b"x")
            while not peer.text:
                peer.take()
                await asyncio.sleep(0)
            peer.socket.close()
            assert peer.text == b"x"

    asyncio.run(main())
    return len(calls)


def test_asyncios_transport_is_passed_by(face):
    assert written_below(face) == 0
