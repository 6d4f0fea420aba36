# SPDX-License-Identifier: MIT
"""An engine on a transport of asyncio's: the lower half of an asyncio-style connection. It moves wire
bytes and knows neither the handshake nor the application; what is above it (a Handshake, then a
NegotiateTransport) is told when something has moved.

The loop receives into the engine's own memory, and is given that same memory to send: no bytes are
copied here. So the transport below may have only what was given it last: its buffer has no room
(its high water is 0), and what it could not send at once stays lent until it says that all has gone.
"""

from __future__ import annotations

import asyncio
import asyncio.selector_events
import socket
from typing import TYPE_CHECKING, Protocol, cast

from libnns._binding import lib
from libnns._engine import Engine
from libnns._errors import NegotiateError

if TYPE_CHECKING:
    from socket import socket as Socket

    from _typeshed import WriteableBuffer

HEAD = 5  # bytes; what comes of a record alone, from a peer that sends its head and its body apart


def fd_of(transport: asyncio.WriteTransport) -> int:
    """The socket to which asyncio's own transport sends what it is given as it is, and at once if it
    holds nothing yet; -1: another kind of transport."""
    kind = getattr(asyncio.selector_events, "_SelectorSocketTransport", None)
    if type(transport) is not kind:
        return -1
    fd: int = transport.get_extra_info("socket").fileno()
    return fd


class Above(Protocol):
    """What a Wire tells."""

    def begin(self) -> None:
        """There is a transport below."""

    def received(self) -> None:
        """The engine has got bytes, or the end of them."""

    def sent(self) -> None:
        """All that was given to the transport below has gone, after it had not."""

    def lost(self, error: BaseException | None) -> None:
        """The connection is over. The engine is freed when this returns."""


class Wire(asyncio.BufferedProtocol):
    """The engine's protocol in the loop's eyes. Everything happens in the loop."""

    below: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop, engine: Engine) -> None:
        self._loop = loop
        self.engine = engine
        self.above: Above | None = None
        self.unsent = 0  # bytes that the transport below holds, and that the engine still lends
        self.connected = False
        self.fd = -1  # where a record may be sent at once, while nothing is unsent
        self.listening = True
        self._ended = False
        self._socket: Socket | None = None  # one whose peer sends heads apart

    # ---- receiving ----

    def get_buffer(self, sizehint: int) -> WriteableBuffer:
        view = self.engine.recv_view()
        assert view is not None, "reading goes on while the engine has no room"
        return view

    def buffer_updated(self, nbytes: int) -> None:
        try:
            self.engine.recv_ack(nbytes)
        except NegotiateError:
            pass  # what is above reads, and meets it behind what was intact
        if nbytes <= HEAD and self._socket is None:
            self._socket = self._tcp()
        if self.above is not None:
            self.above.received()
        if self._socket is not None:
            self._acknowledge()

    def eof_received(self) -> bool:
        self._ended = True
        self.engine.recv_eof()
        if self.above is not None:
            self.above.received()
        return True

    def listen(self, wanted: bool) -> None:
        """Whether bytes are to be received. The engine has room for them, if so."""
        if self._ended or wanted == self.listening or self.below.is_closing():
            return
        self.listening = wanted
        if wanted:
            self.below.resume_reading()
        else:
            self.below.pause_reading()

    # A .NET peer with its Nagle on holds the body of a record back until the head is acknowledged:
    # 40 ms, if the kernel here waits for more to acknowledge. The option does not last.

    def _tcp(self) -> Socket | None:
        below: Socket | None = self.below.get_extra_info("socket")
        has_it = below is not None and below.family in (socket.AF_INET, socket.AF_INET6)
        return below if has_it and hasattr(socket, "TCP_QUICKACK") else None

    def _acknowledge(self) -> None:
        if self._socket is not None and self.connected and not self.below.is_closing():
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    # ---- sending ----

    def send(self) -> bool:
        """Gives the transport below what the engine has for the peer. True: it has taken all. False:
        not yet, sent() will be called; or never, for it has broken or been closed, and lost() will
        be. Raises what the engine has failed with, behind its last bytes."""
        while self.connected and not self.below.is_closing():
            if self.unsent:
                return False
            if (view := self.engine.send_view()) is None:
                return True
            self._give(view)
        return False

    def _give(self, view: memoryview) -> None:
        below, size = self.below, len(view)
        below.write(view)
        if below.get_write_buffer_size():
            self.unsent = size
        else:
            self.engine.send_ack(size)

    def resume_writing(self) -> None:
        # Not here: asyncio's transport does not expect to be closed while it says this.
        self._loop.call_soon(self._sent)

    def _sent(self) -> None:
        if not self.connected:
            return
        unsent, self.unsent = self.unsent, 0
        try:
            self.engine.send_ack(unsent)
        except NegotiateError:
            pass  # the next send() raises it
        if self.above is not None:
            self.above.sent()

    # ---- the connection ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.below = cast(asyncio.Transport, transport)  # uvloop's only looks like one
        self.connected = True
        self.below.set_write_buffer_limits(high=0)
        self.fd = fd_of(self.below)
        if self.above is not None:
            self.above.begin()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.connected = False
        above, self.above, self._socket = self.above, None, None
        try:
            if above is not None:
                above.lost(exc)
        finally:
            self.engine.free()

    def drop(self) -> None:
        """Nobody waits for the connection any more."""
        if self.connected:
            self.below.abort()
        else:  # nor is it to begin: asyncio may still say that it is made
            self.above = None
            self.engine.free()

    def failure(self, error: BaseException | None) -> BaseException | None:
        """What the transport below was lost to, in our own words; None: nothing."""
        if not isinstance(error, OSError) or isinstance(error, NegotiateError):
            return error
        ours = self.engine.fail(lib.NNS_ERR_IO, error.errno or 0)
        ours.__cause__ = error
        return ours
