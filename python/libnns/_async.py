# SPDX-License-Identifier: MIT
"""The asynchronous face: a NegotiateStream on the reader and the writer of an asyncio connection.

An engine of the library between two streams of asyncio's: what the reader has is given to it, what
it has for the peer is given to the writer. The mechanism, which may wait for a KDC, is called in an
executor."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from libnns import _engine
from libnns._binding import lib
from libnns._config import Config, Options, config_of, target_of
from libnns._engine import Engine
from libnns._errors import NegotiateError, error_of
from libnns._session import Negotiated, report
from libnns._wire import fd_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from concurrent.futures import Executor

    from _typeshed import ReadableBuffer
    from typing_extensions import Self, Unpack

CHUNK = 262_144  # bytes asked of the reader at once

# Bytes that asyncio's transport receives at once. It makes room for them each time; beyond 128 KiB the
# C library maps memory for that and unmaps it, which takes longer than all the rest for a small record.
RECEIVE = 122_880


async def run_step(engine: Engine, executor: Executor | None) -> None:
    """Runs the mechanism call that the engine wants in an executor (None: the loop's). Where the
    waiting task is canceled, the call is abandoned: it frees itself when it comes back, and the
    engine has failed. What the mechanism fails with is the engine's error, not raised here."""
    job = engine.take_job()
    loop = asyncio.get_running_loop()
    try:
        # Not canceled with the task: the mechanism cannot be stopped, nor its thread.
        await asyncio.shield(loop.run_in_executor(executor, job.run))
    except BaseException:
        job.abandon()
        raise
    with suppress(NegotiateError):  # there may be a record to send before it is raised
        engine.finish_job(job)


def ask_application(engine: Engine) -> None:
    """Answers WANT_AUTHORIZE with what the configuration's authorize() says; its exceptions refuse
    the client."""
    allowed = False
    try:
        authorize = engine.config.authorize
        allowed = authorize is not None and authorize(engine.session())
    finally:
        engine.authorize(allowed)


class NegotiateStreamAsync(Negotiated):
    """A NegotiateStream connection over the two ends of asyncio.open_connection() or of
    asyncio.start_server()'s callback.

    stream = NegotiateStreamAsync('db1.corp.example', reader, writer)
    await stream.authenticate_as_client()
    stream.write(b'hello')
    await stream.drain()
    print(await stream.read())

    hostname    the server's name: a client asks for 'host/' and this name in lower case
    reader      asyncio.StreamReader and
    writer      asyncio.StreamWriter: the stream's until close(), which closes the writer
    target      whom a client asks for in place of that: 'SERVICE/HOST', 'SERVICE/HOST@REALM' or
                'user@REALM'. Names are not looked up in DNS
    config      a Config, or its options by name
    executor    where the mechanism is called, which may wait; default: the loop's

    Everything happens in one loop. One task may read while another writes; a second reader beside
    the first gets a NegotiateStateError. Whoever cancels a task that waits in read() loses nothing;
    canceling the handshake ends the connection.

    Every method raises a subclass of NegotiateError; the first one that says that the connection
    is over stays.
    """

    def __init__(
        self,
        hostname: str | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        target: str | None = None,
        config: Config | None = None,
        executor: Executor | None = None,
        **options: Unpack[Options],
    ) -> None:
        self._config = config_of(config, options)
        self._target = target_of(hostname, target)
        self._reader = reader
        self._writer = writer
        self._fd = -1  # the socket of asyncio's own transport, once the handshake begins
        self._executor = executor
        self._engine: Engine | None = None
        self._rest = b""  # wire bytes for which the engine had no room yet
        self._left = b""  # what a readexactly() that did not come to its end had got
        self._reading = False
        self._staged = False  # something was written that is not sealed
        self._flush: asyncio.Handle | None = None  # seals what is written, later in this turn
        self._eof = False  # the reader's
        self._closed = False
        self._session_over = False
        self._idle = self._config.limit("idle_ms") / 1000
        self._session_end: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        state = "closed" if self._closed else str(self._session or "not authenticated")
        return f"<{type(self).__name__} {state}>"

    # ---- the handshake ----

    async def authenticate_as_client(self) -> None:
        """Does the handshake as a client.

        Errors: NegotiateAuthenticationError, NegotiatePeerError (the server refused),
        NegotiateTimeoutError (handshake_timeout), NegotiateProtocolError, NegotiateForeignError,
        NegotiateUsageError (no hostname and no target, or one that cannot be); and the reader's."""
        await self._authenticate(lib.NNS_CLIENT, "client_handshake_ms")

    async def authenticate_as_server(self) -> None:
        """Does the handshake as a server. The configuration has to say whom it lets in (allow,
        allow_any or authorize). Errors: as authenticate_as_client()."""
        await self._authenticate(lib.NNS_SERVER, "server_handshake_ms")

    async def _authenticate(self, role: int, limit: str) -> None:
        if self._closed or self._engine is not None:
            closed = "the stream is closed"
            raise error_of(
                lib.NNS_ERR_STATE, closed if self._closed else "there was a handshake already"
            )
        engine = self._engine = Engine(self._config, role, self._target)
        below = self._writer.transport  # not what it was before a start_tls()
        self._fd = fd_of(below)
        if self._fd >= 0 and getattr(below, "max_size", 0) > RECEIVE:
            below.max_size = RECEIVE  # type: ignore[attr-defined]
        async with self._within(self._config.limit(limit) / 1000):
            await self._handshake(engine)
        self._session = self._alive().session()
        self._watch_session()
        report(self._session)

    async def _handshake(self, engine: Engine) -> None:
        while True:
            self._send()  # raises what has failed, behind its last record
            state = self._alive().state
            if state & _engine.OPEN:
                await self._writer.drain()
                return
            if state & _engine.WANT_AUTHORIZE:
                self._authorize(engine)
            elif state & _engine.WANT_STEP:
                await run_step(engine, self._executor)
            else:
                await self._receive()

    def _authorize(self, engine: Engine) -> None:
        try:
            ask_application(engine)
        except BaseException:
            with suppress(NegotiateError):
                self._send()  # the peer hears of it
            raise

    def _watch_session(self) -> None:
        """A server's session ends with the client's ticket."""
        session = self.session
        if session.peer_name is None or session.ticket_end is None or self._config.outlives_ticket:
            return
        left = max(0.0, session.ticket_end - time.time())
        self._session_end = asyncio.get_running_loop().call_later(left, self._end_session)

    def _end_session(self) -> None:
        self._session_over = True
        self._writer.transport.abort()

    # ---- reading ----

    async def read(self, n: int = -1, /) -> bytes:
        """The next bytes that are there: at least one, at most n, b'' at the end of the stream.
        Without a number (or with -1) what one record has, up to 64,512. It waits only while
        nothing is there.

        Errors: NegotiateTruncatedError, NegotiateIntegrityError, NegotiateProtocolError,
        NegotiateTimeoutError (idle_timeout; the client's ticket has ended); and the reader's."""
        engine = self._open()
        if self._reading:
            raise error_of(lib.NNS_ERR_REENTRANT, "another task reads already")
        if n == 0:
            return b""
        if self._left:
            size = len(self._left) if n < 0 else n
            data, self._left = self._left[:size], self._left[size:]
            return data
        self._reading = True
        try:
            if self._staged:
                self._send()
            while not (data := engine.read(n)):
                if self._eof and engine.state & _engine.RECV_EOF:
                    return b""
                if self._idle:
                    async with self._within(self._idle):
                        await self._receive()
                else:
                    await self._receive()
                self._alive()
            return data
        finally:
            self._reading = False

    async def readexactly(self, n: int, /) -> bytes:
        """Exactly n bytes. Where the stream ends before, asyncio.IncompleteReadError (an EOFError)
        with .partial; on any other error, and where the task is canceled, what had come stays for
        the next read. Errors: as read()."""
        if n < 0:
            raise error_of(lib.NNS_ERR_ARGUMENT, "a size is not below 0")
        data = bytearray()
        try:
            while len(data) < n and (some := await self.read(n - len(data))):
                data += some
        except BaseException:
            self._left = bytes(data) + self._left
            raise
        if len(data) < n:
            raise asyncio.IncompleteReadError(bytes(data), n)
        return bytes(data)

    async def _receive(self) -> None:
        """Gives the engine bytes of the peer's: those that are left, else the next."""
        data = self._rest or await self._reader.read(CHUNK)
        engine = self._alive()
        if not data:
            self._eof = True
            engine.recv_eof()
            return
        self._rest = data
        taken = 0
        try:
            taken = engine.recv(data)
        except NegotiateError:
            self._rest = b""  # it is raised behind the last record for the peer
        else:
            self._rest = data[taken:]

    # ---- writing ----

    def write(self, data: ReadableBuffer, /) -> None:
        """Takes a bytes-like object, to be sealed and given to the writer with all that is written
        in the same turn of the loop: many records are sealed faster together, and small writes share
        one (of up to 64,512 bytes). drain(), read() and close() do that at once. Await drain() from
        time to time, or what the writer keeps grows without bound.
        Errors: those that the connection has ended with."""
        engine = self._open()
        done = engine.write(data) if type(data) is bytes else 0  # a view would only cost time
        if type(data) is not bytes or done < len(data):
            self._write_on(data, done)
        self._staged = True
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_soon(self._send_later)

    def _write_on(self, data: ReadableBuffer, done: int) -> None:
        """What follows the first bytes of data, which are written."""
        with memoryview(data).cast("B") as view:
            while done < len(view):
                with view[done:] as rest:
                    n = self._alive().write(rest)
                if n == 0:
                    self._send()  # makes room
                done += n

    def _send_later(self) -> None:
        self._flush = None
        if self._staged:
            with suppress(NegotiateError):  # the next call raises it
                self._send()

    async def drain(self) -> None:
        """Waits until the writer has few enough bytes left. Errors: NegotiateTimeoutError
        (idle_timeout); and the writer's."""
        self._open()
        self._send()
        if self._idle:
            async with self._within(self._idle):
                await self._writer.drain()
        else:
            await self._writer.drain()
        self._alive()

    def write_eof(self) -> None:
        """Half-closes: the peer's read ends when it has read all, ours goes on. Twice is once.
        Errors: as write(); NotImplementedError over TLS, which cannot."""
        engine = self._open()
        if not self._writer.can_write_eof():
            raise NotImplementedError("TLS below cannot half-close")
        if engine.state & _engine.SEND_EOF:
            return
        engine.close()
        self._send()
        self._writer.write_eof()

    def _send(self) -> None:
        """Sends what the engine has for the peer, or gives it to the writer. A copy, for the writer
        may keep it."""
        engine = self._alive()
        self._staged = False
        below = self._writer.transport
        if self._fd >= 0 and not below.is_closing() and not below.get_write_buffer_size():
            if not engine.send_at_once(self._fd):
                return
        while sealed := engine.send():
            self._writer.write(sealed)
            if not engine.sends_more:
                break

    # ---- the end ----

    def close(self) -> None:
        """Closes the stream and its writer; what was written still goes out. A task that waits in
        it gets a NegotiateCanceledError. Twice is once."""
        if self._closed:
            return
        if self._flush is not None:
            self._flush.cancel()
            self._send_later()
        self._closed = True
        if self._session_end is not None:
            self._session_end.cancel()
        engine, self._engine = self._engine, None
        self._rest = self._left = b""
        if engine is not None:
            engine.free()
        self._writer.close()

    async def wait_closed(self) -> None:
        """Waits until the connection is closed, after close()."""
        await self._writer.wait_closed()

    def is_closing(self) -> bool:
        """True after close(), or when the connection has ended."""
        return self._closed or self._writer.is_closing()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()
        try:
            await self.wait_closed()
        except OSError:
            pass  # the connection broke, and is closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the Session has under this name ('peer_name', 'mechanism', 'session', ...), else
        what the writer's transport has ('peername', 'socket', ...)."""
        if name == "session":
            return self._session or default
        if self._session is not None and hasattr(self._session, name):
            return getattr(self._session, name)
        return self._writer.get_extra_info(name, default)

    # ---- what is, and for how long ----

    def _open(self) -> Engine:
        if self._closed:
            raise error_of(lib.NNS_ERR_STATE, "the stream is closed")
        if self._session is None:
            raise error_of(lib.NNS_ERR_STATE, "authenticate first")
        return self._alive()

    def _alive(self) -> Engine:
        """The engine, after whatever was waited for."""
        if self._session_over:
            message = "data: the client's ticket has ended"
            raise error_of(lib.NNS_ERR_TIMEOUT, message, phase="data")
        if self._engine is None:
            raise error_of(lib.NNS_ERR_CANCELED, "the stream was closed meanwhile")
        return self._engine

    @asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[None]:
        """A deadline of the configuration's (0: none), after which the connection is over."""
        try:
            async with asyncio.timeout(seconds or None) as deadline:
                yield
        except TimeoutError:
            if deadline.expired() and self._engine is not None:
                raise self._engine.fail(lib.NNS_ERR_TIMEOUT) from None
            raise
