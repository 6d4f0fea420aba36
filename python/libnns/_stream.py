# SPDX-License-Identifier: MIT
"""The synchronous face: a NegotiateStream on a connected socket.

It is a non-blocking stream of the library whose waits are ours (waits.h), so that a signal gets to
its handler and a time-out of the socket is what it is everywhere in Python: the end of one wait.
"""

from __future__ import annotations

import io
import os
import select
import ssl
import threading
import time
import warnings
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, overload

from libnns._binding import ffi, lib
from libnns._config import Config, Options, check, config_of, encoded, target_of
from libnns._errors import error_from, error_of, failure
from libnns._session import Negotiated, report, session_of

if TYPE_CHECKING:
    from socket import socket as Socket

    from _typeshed import ReadableBuffer, WriteableBuffer
    from typing_extensions import Self, Unpack

READ, WRITE = "read", "write"
LEAST_ROOM = 65_536  # bytes that a read() without a number has room for, at first
MOST_ROOM = 1_048_576
LOOK_AGAIN_MS = 1000  # where a server's session has ended and only last words go out


class NegotiateStream(Negotiated):
    """A NegotiateStream connection over a connected stream socket.

    stream = NegotiateStream('db1.corp.example', sock)
    stream.authenticate_as_client()
    stream.write(b'hello')
    print(stream.read())

    hostname    the server's name: a client asks for 'host/' and this name in lower case
    socket      stays the stream's until close(), which closes it. Time-outs set on it
                (settimeout()) are obeyed: a read, a write or a handshake that waits longer raises
                NegotiateTimeoutError. After one in the handshake the connection is over; one in a
                read harms nothing; after one in a write it is not known how much went out, as with
                sendall(), and what was accepted goes out before whatever is written next.
                A socket that never waits (settimeout(0)) is refused: see NegotiateStreamAsync; so
                is one of TLS
    target      whom a client asks for in place of that: 'SERVICE/HOST', 'SERVICE/HOST@REALM' or
                'user@REALM'. Names are not looked up in DNS
    config      a Config, or its options by name

    One thread may read while another writes; a second reader (or writer) beside the first gets a
    NegotiateStateError. close() and cancel() may come from any thread. A stream belongs to the
    process that made it: in a child of fork() it raises NegotiateStateError, but for close(), which
    does not touch the parent's connection.

    Every method raises a subclass of NegotiateError; the first one that says that the connection
    is over stays.
    """

    def __init__(
        self,
        hostname: str | None,
        socket: Socket,
        *,
        target: str | None = None,
        config: Config | None = None,
        **options: Unpack[Options],
    ) -> None:
        self._stream: Any = None
        if isinstance(socket, ssl.SSLSocket):  # the library would go past it, to the descriptor
            message = "a TLS socket cannot be used; over TLS: NegotiateStreamAsync"
            raise error_of(lib.NNS_ERR_ARGUMENT, message)
        self._config = config_of(config, options)
        self._target = target_of(hostname, target)
        self._socket = socket
        self._pid = os.getpid()
        self._lock = threading.RLock()  # a signal's handler may come back in
        self._busy: dict[str, object] = {}  # who is in, by the token of his call
        self._closed = False
        self._room = ffi.NULL
        self._left = b""  # what a readexactly() that failed had got
        self._wake_fd = -1
        self._idle_ms = self._config.limit("idle_ms") or -1
        self._ends: int | None = None

    def __repr__(self) -> str:
        state = "closed" if self._closed else str(self._session or "not authenticated")
        return f"<{type(self).__name__} {state}>"

    # ---- the handshake ----

    def authenticate_as_client(self) -> None:
        """Does the handshake as a client.

        Errors: NegotiateAuthenticationError, NegotiatePeerError (the server refused),
        NegotiateTimeoutError, NegotiateProtocolError, NegotiateForeignError,
        NegotiateConnectionError, NegotiateUsageError (no hostname and no target, or one that
        cannot be), NegotiateLimitError."""
        self._authenticate(lib.NNS_CLIENT)

    def authenticate_as_server(self) -> None:
        """Does the handshake as a server. The configuration has to say whom it lets in (allow,
        allow_any or authorize). Errors: as authenticate_as_client()."""
        self._authenticate(lib.NNS_SERVER)

    def _authenticate(self, role: int) -> None:
        token = object()
        try:
            self._enter(token, READ, WRITE, ready=False)
            if self._stream is not None:
                raise error_of(lib.NNS_ERR_STATE, "there was a handshake already")
            deadline = self._deadline()
            self._open(role)
            self._handshake(deadline)
        finally:
            self._leave(token)
        report(self.session)

    def _open(self, role: int) -> None:
        """The library's stream on the socket."""
        made = ffi.new("nns_stream **")
        check(lib.nns_stream_new(made, self._config.c, role))
        stream = ffi.gc(made[0], lib.nns_stream_free)
        check(lib.nns_stream_set_blocking(stream, 0))
        self._wake_fd = self._poll(stream)[0][0][0]  # before it has a transport: that alone
        fd = self._socket.fileno()
        check(lib.nns_stream_set_fd(stream, fd, fd, 0), "the socket is not a connected stream")
        if role == lib.NNS_CLIENT:
            if self._target is None:
                raise error_of(lib.NNS_ERR_ARGUMENT, "a client needs a hostname or a target")
            engine = lib.nns_stream_engine(stream)
            message = f"no target can be {self._target!r}"
            check(lib.nns_engine_set_target(engine, encoded("target", self._target)), message)
        self._stream = stream

    def _handshake(self, deadline: int) -> None:
        engine = lib.nns_stream_engine(self._stream)
        while (rc := lib.nns_stream_handshake(self._stream)) != lib.NNS_OK:
            if rc == lib.NNS_WANT_AUTHORIZE:
                self._authorize(engine)
            elif lib.nns_result_class(rc) == lib.NNS_CLASS_RETRY:
                self._wait_handshake(deadline)
            else:
                raise failure(rc, lib.nns_stream_error(self._stream))
        self._session = session_of(engine)
        if lib.nns_engine_peer_name(engine) and not self._config.outlives_ticket:
            self._ends = self._session.ticket_end

    def _authorize(self, engine: Any) -> None:
        """Asks the application, whose exceptions refuse the client."""
        verdict = lib.NNS_ERR_REFUSED
        try:
            authorize = self._config.authorize
            if authorize is not None and authorize(session_of(engine)):
                verdict = lib.NNS_OK
        finally:
            lib.nns_engine_authorize(engine, verdict)
            if verdict != lib.NNS_OK:  # the peer hears of it
                lib.nns_stream_handshake(self._stream)

    def _poll(self, stream: Any) -> tuple[list[tuple[int, int]], int]:
        """What nns_stream_poll() says: descriptors with their events, and milliseconds."""
        fds, timeout = ffi.new("nns_pollfd[3]"), ffi.new("int32_t *")
        count = lib.nns_stream_poll(stream, fds, timeout)
        check(count)
        events = {lib.NNS_POLL_IN: select.POLLIN, lib.NNS_POLL_OUT: select.POLLOUT}
        return [(fds[i].fd, events.get(fds[i].events, 0)) for i in range(count)], timeout[0]

    def _wait_handshake(self, deadline: int) -> None:
        try:
            wanted, longest = self._poll(self._stream)
        except OSError:
            return  # the handshake itself says it better
        poll = select.poll()
        for fd, events in wanted:
            poll.register(fd, events)
        left = self._left_ms(deadline)
        if left == 0:
            lib.nns_engine_fail(lib.nns_stream_engine(self._stream), lib.NNS_ERR_TIMEOUT, 0)
        elif left < 0 or 0 <= longest < left:
            poll.poll(longest)
        else:
            poll.poll(left)

    # ---- reading ----

    def read(self, n: int = -1, /) -> bytes:
        """The next bytes that are there: at least one, at most n, b'' at the end of the stream.
        Without a number (or with -1) all of those that have arrived, up to 1 MiB. It waits only
        while nothing is there.

        Errors: NegotiateTimeoutError, NegotiateConnectionError, NegotiateTruncatedError,
        NegotiateIntegrityError, NegotiateProtocolError."""
        if n == 0:
            return b""
        token = object()
        try:
            self._enter(token, READ)
            if self._left:
                size = len(self._left) if n < 0 else n
                data, self._left = self._left[:size], self._left[size:]
                return data
            return self._read_some(n)
        finally:
            self._leave(token)

    def _read_some(self, n: int) -> bytes:
        room = self._room
        if room == ffi.NULL:
            room = self._room = ffi.new("char[]", LEAST_ROOM)
        size: int = ffi.sizeof(room)
        got = self._read_into(room, size if n < 0 else min(n, size))
        data: bytes = ffi.unpack(room, got)
        if got == size < MOST_ROOM:
            self._room = ffi.new("char[]", 2 * size)
        return data

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Reads into a writable buffer, as read(len(buffer)) does, without a copy. Answers the
        number of bytes, 0 at the end (or for an empty buffer). Errors: as read()."""
        with memoryview(buffer).cast("B") as view:
            if not view:
                return 0
            token = object()
            try:
                self._enter(token, READ)
                return self._take(view)
            finally:
                self._leave(token)

    def _take(self, view: memoryview) -> int:
        """Fills some of the view: at least a byte, 0 at the end."""
        if self._left:
            n = min(len(view), len(self._left))
            view[:n], self._left = self._left[:n], self._left[n:]
            return n
        with ffi.from_buffer(view, require_writable=True) as target:
            return self._read_into(target, len(view))

    def readexactly(self, n: int, /) -> bytes:
        """Exactly n bytes. Where the stream ends before, asyncio.IncompleteReadError (an EOFError)
        with .partial; on any other error what had come stays for the next read."""
        if n < 0:
            raise error_of(lib.NNS_ERR_ARGUMENT, "a size is not below 0")
        data = bytearray(n)
        got = 0
        token = object()
        try:
            self._enter(token, READ)
            with memoryview(data) as view:
                while got < n:
                    with view[got:] as rest:
                        more = self._take(rest)
                    if more == 0:
                        break
                    got += more
        except BaseException:
            if got:
                self._left = bytes(data[:got]) + self._left
            raise
        finally:
            self._leave(token)
        if got < n:
            from asyncio import IncompleteReadError

            raise IncompleteReadError(bytes(data[:got]), n)
        return bytes(data)

    def _read_into(self, target: Any, size: int) -> int:
        wait = self._wait()
        while (n := lib.libnns_read(self._stream, target, size, wait)) < 0:
            self._check(n, "read")
        return int(n)

    # ---- writing ----

    def write(self, data: ReadableBuffer, /) -> int:
        """Writes all of a bytes-like object: it has gone to the socket when this returns. Answers
        its length in bytes. Up to 64,512 bytes make one record.

        Errors: NegotiateTimeoutError, NegotiateConnectionError, and what the reading side met."""
        with memoryview(data).cast("B") as view:
            token = object()
            try:
                self._enter(token, WRITE)
                with ffi.from_buffer(view) as source:
                    self._write_all(source, len(view))
                return len(view)
            finally:
                self._leave(token)

    def _write_all(self, source: Any, size: int) -> None:
        wait, done = self._wait(), ffi.new("size_t *")
        while (rc := lib.libnns_write(self._stream, source, size, done, wait)) != lib.NNS_OK:
            self._check(rc, "write")

    def write_eof(self) -> None:
        """Half-closes: the peer's read ends, ours goes on. Twice is once. Errors: as write()."""
        token = object()
        try:
            self._enter(token, WRITE)
            wait = self._wait()
            while (rc := lib.libnns_shutdown(self._stream, wait)) != lib.NNS_OK:
                self._check(rc, "write_eof")
        finally:
            self._leave(token)

    # ---- as a file ----

    @overload
    def makefile(
        self, mode: Literal["rb", "br"], buffering: Literal[-1] | int = ...
    ) -> io.BufferedReader: ...
    @overload
    def makefile(
        self, mode: Literal["wb", "bw"], buffering: Literal[-1] | int = ...
    ) -> io.BufferedWriter: ...
    @overload
    def makefile(
        self,
        mode: Literal["r", "w", "rw", "wr"] = ...,
        buffering: int = ...,
        *,
        encoding: str | None = ...,
        errors: str | None = ...,
        newline: str | None = ...,
    ) -> io.TextIOWrapper: ...
    @overload
    def makefile(
        self,
        mode: str,
        buffering: int = ...,
        *,
        encoding: str | None = ...,
        errors: str | None = ...,
        newline: str | None = ...,
    ) -> io.IOBase: ...

    def makefile(
        self,
        mode: str = "r",
        buffering: int = -1,
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> io.IOBase:
        """A file object over the stream, as socket.makefile() has it: 'r', 'w', 'rw', with 'b'
        binary, else text in the encoding. buffering is in bytes; 0 (binary only) gives the raw
        file. Closing the file leaves the stream open. Errors: NegotiateUsageError, and those of
        reading and writing."""
        if not mode or set(mode) - set("rwb") or not set(mode) & set("rw"):
            raise error_of(lib.NNS_ERR_ARGUMENT, f"invalid mode {mode!r} (r, w, rw and b)")
        raw = _File(self, "r" in mode, "w" in mode)
        if buffering == 0:
            if "b" not in mode:
                raise error_of(lib.NNS_ERR_ARGUMENT, "text has to be buffered")
            return raw
        size = io.DEFAULT_BUFFER_SIZE if buffering < 0 else buffering
        binary: Any
        if "r" in mode and "w" in mode:
            binary = io.BufferedRWPair(raw, raw, size)
        else:
            binary = (io.BufferedReader if "r" in mode else io.BufferedWriter)(raw, size)
        if "b" in mode:
            file: io.IOBase = binary
        else:
            file = io.TextIOWrapper(binary, encoding, errors, newline)
        return file

    # ---- the end ----

    def cancel(self) -> None:
        """Ends the connection: what waits in other threads, and all that comes later, raises
        NegotiateCanceledError. Any thread. close() has still to be called."""
        with self._lock:
            if self._stream is not None and self._pid == os.getpid():
                lib.nns_stream_cancel(self._stream)

    def close(self) -> None:
        """Closes the stream and its socket. Threads that wait in it get a NegotiateCanceledError.
        Twice is once; any thread. All that write() took has gone out before."""
        if self._pid != os.getpid():
            self._close_copy()
            return
        with self._lock:
            self._closed = True
            if self._busy:
                self.cancel()
        self._free()

    def _close_copy(self) -> None:
        """In a child of fork(): the descriptor, and nothing that the parent would feel."""
        self._closed = True
        if not self._busy and self._stream is not None:
            ffi.release(self._stream)
        self._stream = None
        self._socket.close()

    def _free(self) -> None:
        """Once it is closed and nobody is in it."""
        with self._lock:
            if not self._closed or self._busy:
                return
            stream, self._stream = self._stream, None
            self._room, self._left = ffi.NULL, b""
        if stream is not None:
            ffi.release(stream)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_stream", None) is not None and not self._closed:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)

    @property
    def closed(self) -> bool:
        """True after close()."""
        return self._closed

    @property
    def socket(self) -> Socket:
        """The socket underneath, for its addresses and options; its bytes are ours."""
        return self._socket

    def fileno(self) -> int:
        """The socket's descriptor, -1 after close(). That it is not readable does not mean that
        read() would wait: a whole record may have been taken from it already."""
        return self._socket.fileno()

    # ---- who is in, and for how long ----

    # An exception of a signal's handler may come anywhere: _leave() undoes what _enter() has done,
    # be that nothing.

    def _enter(self, token: object, *sides: str, ready: bool = True) -> None:
        if self._pid != os.getpid():
            raise error_of(lib.NNS_ERR_FORKED, "this stream belongs to the parent of this process")
        with self._lock:
            if self._closed:
                raise error_of(lib.NNS_ERR_STATE, "the stream is closed")
            if ready and self._session is None:
                raise error_of(lib.NNS_ERR_STATE, "authenticate first")
            for side in sides:
                if side in self._busy:
                    raise error_of(lib.NNS_ERR_REENTRANT, f"another thread {side}s already")
            for side in sides:
                self._busy[side] = token

    def _leave(self, token: object) -> None:
        with self._lock:
            for side in (READ, WRITE):
                if self._busy.get(side) is token:
                    del self._busy[side]
            if self._closed:
                self._free()

    def _deadline(self) -> int:
        """In nanoseconds of the monotonic clock; -1 is never."""
        timeout = self._socket.gettimeout()
        if timeout is None:
            return -1
        if timeout == 0:
            message = "the socket is non-blocking: use NegotiateStreamAsync, or settimeout()"
            raise error_of(lib.NNS_ERR_ARGUMENT, message)
        return time.monotonic_ns() + int(timeout * 1e9)

    @staticmethod
    def _left_ms(deadline: int) -> int:
        """Milliseconds until then, -1 for ever."""
        if deadline < 0:
            return -1
        return max(0, -((time.monotonic_ns() - deadline) // 1_000_000))

    def _longest_ms(self) -> int:
        """How long one wait may be before the library is to look at its own deadlines."""
        if self._ends is None:
            return self._idle_ms
        left = int((self._ends - time.time()) * 1000) + 1
        left = left if left > 0 else LOOK_AGAIN_MS
        return min(left, self._idle_ms) if self._idle_ms > 0 else left

    def _wait(self) -> Any:
        wait = ffi.new("struct libnns_wait *")
        wait.fd = self._socket.fileno()
        wait.wake_fd = self._wake_fd
        wait.until_ns = self._deadline()
        wait.longest_ms = min(self._longest_ms(), 2**31 - 1)
        return wait

    def _check(self, result: int, operation: str) -> None:
        """Raises what a result says; returns where the call is just to be made again."""
        if result == lib.LIBNNS_INTERRUPTED:
            return  # handlers of signals have run on the way here
        if result == lib.LIBNNS_TIMED_OUT:
            message = f"{operation}: the socket's time-out has passed"
            raise error_of(lib.NNS_ERR_TIMEOUT, message, phase="data")
        err = lib.nns_stream_error(self._stream)
        if err and result == lib.NNS_ERR_CANCELED:
            raise error_from(err)
        raise failure(result, err)


class _File(io.RawIOBase):
    """What makefile() buffers."""

    def __init__(self, stream: NegotiateStream, reads: bool, writes: bool) -> None:
        super().__init__()
        self._stream, self._reads, self._writes = stream, reads, writes

    def readable(self) -> bool:
        return self._reads

    def writable(self) -> bool:
        return self._writes

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        return self._stream.readinto(buffer)

    def write(self, data: ReadableBuffer, /) -> int:
        return self._stream.write(data)

    def fileno(self) -> int:
        return self._stream.fileno()

