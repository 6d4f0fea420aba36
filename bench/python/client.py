# SPDX-License-Identifier: MIT
"""A client of an echo server that is measured: client.py CONTENDER PORT. It does what the lines of its
standard input say and answers each with seconds:

    bulk COUNT      messages of 64,512 bytes there and back, 16 of them under way
    pause COUNT     messages of 100 bytes, one after another
    large COUNT     writes of 1 MiB, while a thread reads (synchronous ones)
"""

import asyncio
import os
import socket
import sys
import threading
import time
from functools import partial

MESSAGE, SMALL, LARGE = bytes(64_512), bytes(100), bytes(1 << 20)
UNDER_WAY = 16


class Sync:
    def __init__(self, kind, port):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = kind("localhost", sock)
        self.stream.authenticate_as_client()

    def bulk(self, count):
        write, read = self.stream.write, self.stream.read
        for _ in range(UNDER_WAY):
            write(MESSAGE)
        written, came = UNDER_WAY, 0
        while came < count * len(MESSAGE):
            came += len(read())
            while written < min(count, came // len(MESSAGE) + UNDER_WAY):
                write(MESSAGE)
                written += 1

    def pause(self, count):
        for _ in range(count):
            self.stream.write(SMALL)
            self.stream.read()

    def large(self, count):
        def write():
            for _ in range(count):
                self.stream.write(LARGE)

        thread = threading.Thread(target=write)
        thread.start()
        came, buffer = 0, bytearray(len(LARGE))
        while came < count * len(LARGE):
            came += self.stream.readinto(buffer)
        thread.join()

    def ask(self, what, count):
        getattr(self, what)(count)


class Async:
    """Over anything with write(), drain() and read()."""

    def __init__(self, connect, port):
        self.loop = asyncio.new_event_loop()
        self.reader, self.writer = self.loop.run_until_complete(connect(port))

    async def bulk(self, count):
        written, came = 0, 0
        while came < count * len(MESSAGE):
            while written < min(count, came // len(MESSAGE) + UNDER_WAY):
                self.writer.write(MESSAGE)
                written += 1
            await self.writer.drain()
            came += len(await self.reader.read())

    async def pause(self, count):
        for _ in range(count):
            self.writer.write(SMALL)
            await self.writer.drain()
            await self.reader.read()

    def ask(self, what, count):
        self.loop.run_until_complete(getattr(self, what)(count))


def on_streams(kind):
    """connect() for a stream that is given asyncio's reader and writer."""

    async def connect(port):
        streams = await asyncio.open_connection("127.0.0.1", port)
        stream = kind("localhost", *streams)
        await stream.authenticate_as_client()
        return stream, stream

    return connect


def contender(name, port):
    if name == "pure":
        from pure import PureStream

        return Sync(PureStream, port)
    if name == "pure asyncio":
        from pure import PureStreamAsync

        return Async(on_streams(PureStreamAsync), port)
    import libnns

    config = libnns.Config(record_engine=os.environ["NNS_BENCH_ENGINE"])
    if name == "libnns":
        return Sync(partial(libnns.NegotiateStream, config=config), port)
    if name == "libnns async":
        return Async(on_streams(partial(libnns.NegotiateStreamAsync, config=config)), port)
    if name == "libnns asyncio":
        connect = partial(libnns.open_negotiate_stream, "localhost", config=config)
        return Async(connect, port)
    raise SystemExit(f"no such contender: {name}")


def main():
    one = contender(sys.argv[1], int(sys.argv[2]))
    print("ready", flush=True)
    for line in sys.stdin:
        what, count = line.split()
        begin = time.perf_counter()
        one.ask(what, int(count))
        print(time.perf_counter() - begin, flush=True)


if __name__ == "__main__":
    main()
