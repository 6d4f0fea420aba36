# SPDX-License-Identifier: MIT
"""What libnns is compared with: a client of the same protocol in Python alone, on the distribution's
binding of GSSAPI, as one writes it - synchronous and on asyncio's streams. Happy paths only."""

import asyncio
import struct

import gssapi

SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
IN_PROGRESS, DONE = 0x16, 0x14
MOST = 64_512  # bytes of plaintext in a record
HEADER = struct.Struct("<I")


def context(hostname):
    """A client's GSSAPI context for host/hostname."""
    name = gssapi.Name(f"host@{hostname}", gssapi.NameType.hostbased_service)
    wanted = gssapi.RequirementFlag
    flags = wanted.mutual_authentication | wanted.confidentiality | wanted.integrity
    flags |= wanted.replay_detection | wanted.out_of_sequence_detection
    return gssapi.SecurityContext(name=name, mech=SPNEGO, flags=flags, usage="initiate")


def handshake_record(ctx, token):
    """[MS-NNS] 2.2.1"""
    kind = DONE if ctx.complete else IN_PROGRESS
    return struct.pack(">BBBH", kind, 1, 0, len(token)) + token


def seal(ctx, data):
    """The records of some plaintext, [MS-NNS] 2.2.2."""
    records = []
    for start in range(0, len(data), MOST):
        token = ctx.wrap(data[start : start + MOST], True).message
        records += (HEADER.pack(len(token)), token)
    return b"".join(records)


class PureStream:
    """On a socket."""

    def __init__(self, hostname, sock):
        self._sock = sock
        self._ctx = context(hostname)

    def _exactly(self, size):
        data = bytearray(size)
        view, got = memoryview(data), 0
        while got < size:
            n = self._sock.recv_into(view[got:])
            if n == 0:
                raise EOFError
            got += n
        return bytes(data)

    def authenticate_as_client(self):
        token, kind = None, IN_PROGRESS
        while kind != DONE:
            token = self._ctx.step(token)
            if token:
                self._sock.sendall(handshake_record(self._ctx, token))
            kind, _, _, size = struct.unpack(">BBBH", self._exactly(5))
            token = self._exactly(size)
        if not self._ctx.complete:
            self._ctx.step(token)

    def write(self, data):
        self._sock.sendall(seal(self._ctx, data))

    def read(self):
        (size,) = HEADER.unpack(self._exactly(4))
        return self._ctx.unwrap(self._exactly(size)).message

    def close(self):
        self._sock.close()


class PureStreamAsync:
    """On asyncio's reader and writer."""

    def __init__(self, hostname, reader, writer):
        self._reader, self._writer = reader, writer
        self._ctx = context(hostname)

    async def authenticate_as_client(self):
        token, kind = None, IN_PROGRESS
        while kind != DONE:
            token = self._ctx.step(token)
            if token:
                self._writer.write(handshake_record(self._ctx, token))
            kind, _, _, size = struct.unpack(">BBBH", await self._reader.readexactly(5))
            token = await self._reader.readexactly(size)
        if not self._ctx.complete:
            self._ctx.step(token)

    def write(self, data):
        self._writer.write(seal(self._ctx, data))

    async def drain(self):
        await self._writer.drain()

    async def read(self):
        try:
            (size,) = HEADER.unpack(await self._reader.readexactly(4))
        except asyncio.IncompleteReadError:
            return b""
        return self._ctx.unwrap(await self._reader.readexactly(size)).message

    def close(self):
        self._writer.close()

    async def wait_closed(self):
        await self._writer.wait_closed()
