# SPDX-License-Identifier: MIT
"""The engine: a connection as a transformer of bytes, for the asynchronous faces. It knows no
socket and no loop: wire bytes go in with recv and come out with send, plaintext goes in with write
and comes out with read.

One thread at a time, but for Job.run(). What is lent (the views) is valid until its acknowledge.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from libnns._binding import ffi, lib
from libnns._config import Config, check, encoded
from libnns._errors import NegotiateError, error_of, failure
from libnns._session import Session, session_of

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

WANT_RECV: int = lib.NNS_STATE_WANT_RECV  # there is room for wire bytes
CAN_READ: int = lib.NNS_STATE_CAN_READ  # a read has something to give, or an error to raise
RECV_EOF: int = lib.NNS_STATE_RECV_EOF  # the clean end, all plaintext was read
WANT_SEND: int = lib.NNS_STATE_WANT_SEND  # there are bytes for the peer
CAN_WRITE: int = lib.NNS_STATE_CAN_WRITE  # there is room for plaintext
SEND_EOF: int = lib.NNS_STATE_SEND_EOF  # closed, and everything has gone out
WANT_STEP: int = lib.NNS_STATE_WANT_STEP  # a job can be taken
STEPPING: int = lib.NNS_STATE_STEPPING  # a job is out
WANT_AUTHORIZE: int = lib.NNS_STATE_WANT_AUTHORIZE
OPEN: int = lib.NNS_STATE_OPEN  # the handshake is complete
FAILED: int = lib.NNS_STATE_FAILED  # for good
SENDING = OPEN | WANT_SEND | FAILED  # OPEN alone: nothing to send

CLIENT: int = lib.NNS_CLIENT
SERVER: int = lib.NNS_SERVER


class Job:
    """One call of the mechanism, which may block. run() exactly once, on any thread; then either
    Engine.finish(), or abandon() at any time, also before or while it runs."""

    def __init__(self, pointer: Any) -> None:
        self._pointer = pointer
        self._called = False
        self._settled = False  # finished or abandoned

    @property
    def c(self) -> Any:
        """The nns_job, borrowed."""
        return self._pointer

    def run(self) -> None:
        """Calls the mechanism, without Python's lock."""
        self._called = True
        lib.nns_job_run(self._pointer)

    def finished(self) -> None:
        """Its engine has taken the result."""
        self._settled = True

    def abandon(self) -> None:
        """Nobody waits for it any more. Its engine has failed. Twice is once."""
        if not self._settled:
            self._settled = True
            lib.nns_job_abandon(self._pointer)

    def __del__(self) -> None:
        # An executor that is shut down does not run it, a loop that is closed does not finish it.
        self.abandon()
        if not self._called:
            lib.nns_job_run(self._pointer)  # frees it, and calls nothing


class Engine:
    """A client's engine with its target, or a server's (target None). Errors: NegotiateUsageError
    (the target)."""

    def __init__(self, config: Config, role: int, target: str | None = None) -> None:
        self.config = config
        self.role = role
        self._pid = os.getpid()
        made = ffi.new("nns_engine **")
        check(lib.nns_engine_new(made, config.c, role))
        self._engine: Any = ffi.gc(made[0], lib.nns_engine_free)
        self._pointer = ffi.new("uint8_t **")
        self._lent = ffi.new("const uint8_t **")
        self._size = ffi.new("size_t *")
        self._state = ffi.new("int64_t *")
        self.sends_more = False  # than what send() has answered
        if role == CLIENT:
            if target is None:
                raise error_of(lib.NNS_ERR_ARGUMENT, "a client needs a hostname or a target")
            message = f"no target can be {target!r}"
            check(lib.nns_engine_set_target(self._engine, encoded("target", target)), message)

    def free(self) -> None:
        """Wipes and frees; nothing else may be called afterwards. Twice is once."""
        engine, self._engine = self._engine, None
        if engine is not None:
            ffi.release(engine)

    @property
    def state(self) -> int:
        """The state bits above, of both halves."""
        return int(lib.nns_engine_state(self._engine))

    @property
    def recv_state(self) -> int:
        """Those of the receive half."""
        return int(lib.nns_engine_recv_state(self._engine))

    @property
    def error(self) -> NegotiateError | None:
        """The first failure as a new exception, or None."""
        err = lib.nns_engine_error(self._engine)
        return failure(lib.nns_error_code(err), err) if err else None

    def session(self) -> Session:
        """What was negotiated; from WANT_AUTHORIZE or OPEN on."""
        return session_of(self._engine)

    def fail(self, code: int, os_error: int = 0) -> NegotiateError:
        """Ends it, by NNS_ERR_IO, NNS_ERR_TIMEOUT or NNS_ERR_CANCELED; answers what it failed
        with, which is its first failure. Sends no record. Any thread."""
        return failure(
            lib.nns_engine_fail(self._engine, code, os_error), lib.nns_engine_error(self._engine)
        )

    def _check(self, result: int) -> int:
        if result < 0:
            raise self._failure(result)
        return result

    def _failure(self, result: int) -> NegotiateError:
        if result == lib.NNS_ERR_FORKED:
            return error_of(result, "this stream belongs to the parent of this process")
        return failure(result, lib.nns_engine_error(self._engine))

    # ---- the mechanism ----

    def take_job(self) -> Job:
        """The mechanism call that WANT_STEP stands for. Errors: NegotiateStateError."""
        job = ffi.new("nns_job **")
        self._check(lib.nns_engine_take_job(self._engine, job))
        return Job(job[0])

    def finish_job(self, job: Job) -> None:
        """Takes the result of a job that has run; raises what the engine failed with. An engine
        that was freed meanwhile wants none."""
        if self._engine is None:
            job.abandon()
            return
        result = lib.nns_engine_finish_job(self._engine, job.c)
        job.finished()
        self._check(result)

    def authorize(self, allowed: bool) -> None:
        """Answers WANT_AUTHORIZE."""
        lib.nns_engine_authorize(self._engine, lib.NNS_OK if allowed else lib.NNS_ERR_REFUSED)

    # ---- the wire ----

    def recv_view(self) -> memoryview | None:
        """Where bytes from the peer may be put, or None while there is no room."""
        rc = lib.nns_engine_recv_buf(self._engine, self._pointer, self._size)
        if rc < 0:
            raise self._failure(rc)
        size = self._size[0]
        return memoryview(ffi.buffer(self._pointer[0], size)) if size else None

    def recv_ack(self, n: int) -> None:
        """n bytes were put there."""
        rc = lib.nns_engine_recv_ack(self._engine, n)
        if rc < 0:
            raise self._failure(rc)

    def recv(self, data: ReadableBuffer) -> int:
        """Takes bytes from the peer, as many as there is room for: how many. Errors: the failure
        that they make."""
        if type(data) is bytes:  # a view of it would only cost time
            return self._check(lib.nns_engine_recv(self._engine, data, len(data)))
        with ffi.from_buffer(data) as source:
            return self._check(lib.nns_engine_recv(self._engine, source, len(source)))

    def recv_eof(self) -> None:
        """The peer sends no more. What that means is told by reads and by the state."""
        lib.nns_engine_recv_eof(self._engine)

    def send_view(self) -> memoryview | None:
        """Bytes for the peer, or None: there are none. It seals what was written, and may fail.
        After a failure it still lends what is to go out, then it raises the failure."""
        self._check(lib.nns_engine_send_buf(self._engine, self._lent, self._size))
        size = self._size[0]
        return memoryview(ffi.buffer(self._lent[0], size)).toreadonly() if size else None

    def send(self) -> bytes:
        """A copy of all that send_view() would lend, as sent; b'' for nothing. Errors: likewise."""
        rc = lib.nns_engine_send_buf(self._engine, self._lent, self._size)
        if rc < 0:
            raise self._failure(rc)
        size = self._size[0]
        if size == 0:
            return b""
        sealed: bytes = ffi.buffer(self._lent[0], size)[:]
        self.sends_more = self.send_ack(size) & SENDING != OPEN
        return sealed

    def send_ack(self, n: int) -> int:
        """n of them have gone out. Answers the state of the send half."""
        state: int = lib.libnns_send_ack(self._engine, n)
        if state < 0:
            raise self._failure(state)
        return state

    def send_at_once(self, fd: int) -> bool:
        """Sends what a non-blocking socket takes at once; True: there is more. Errors: as
        send_view()."""
        state: int = lib.libnns_send(self._engine, fd)
        if state < 0:
            raise self._failure(state)
        return state & SENDING != OPEN

    # ---- the application ----

    def read_view(self) -> memoryview | None:
        """Plaintext, or None: nothing yet, or with RECV_EOF the end. Errors: as read()."""
        rc = lib.nns_engine_read_buf(self._engine, self._lent, self._size)
        if rc < 0:
            raise self._failure(rc)
        size = self._size[0]
        return memoryview(ffi.buffer(self._lent[0], size)).toreadonly() if size else None

    def read_ack(self, n: int) -> int:
        """n bytes of it were taken. Answers the state of the receive half."""
        state: int = lib.libnns_read_ack(self._engine, n)
        if state < 0:
            raise self._failure(state)
        return state

    def read(self, n: int = -1) -> bytes:
        """The plaintext that is lent next, at most n bytes where that is not below 0; b'' for
        nothing yet, or with RECV_EOF the end. Errors: what the engine failed with, once all that
        was intact is read."""
        rc = lib.nns_engine_read_buf(self._engine, self._lent, self._size)
        if rc < 0:
            raise self._failure(rc)
        size = self._size[0] if n < 0 else min(n, self._size[0])
        if size == 0:
            return b""
        data: bytes = ffi.buffer(self._lent[0], size)[:]
        self._check(lib.nns_engine_read_ack(self._engine, size))
        return data

    def write_view(self) -> memoryview | None:
        """Where plaintext may be put, or None while there is no room; until send_view()."""
        self._check(lib.nns_engine_write_buf(self._engine, self._pointer, self._size))
        size = self._size[0]
        return memoryview(ffi.buffer(self._pointer[0], size)) if size else None

    def write_ack(self, n: int) -> None:
        """n bytes were put there."""
        self._check(lib.nns_engine_write_ack(self._engine, n))

    def write(self, data: ReadableBuffer) -> int:
        """Takes plaintext, as much as there is room for: how many bytes, perhaps 0."""
        n: int
        if type(data) is bytes:  # a view of it would only cost time
            n = lib.nns_engine_write(self._engine, data, len(data))
        else:
            with ffi.from_buffer(data) as source:
                n = lib.nns_engine_write(self._engine, source, len(source))
        return 0 if n == lib.NNS_WANT_SEND else self._check(n)

    def write_at_once(self, data: bytes, fd: int) -> tuple[int, bool]:
        """write(), and where it has taken all of data, send_at_once(); below 0, fd is none. Answers
        what the two do."""
        n: int = lib.libnns_write_out(self._engine, data, len(data), fd, self._state)
        state: int = n if n < 0 else self._state[0]
        if state < 0:
            raise self._failure(state)
        return n, state & SENDING != OPEN

    def close(self) -> None:
        """No more will be written; SEND_EOF shows when all has gone out."""
        self._check(lib.nns_engine_close(self._engine))

    def trim(self) -> None:
        """Gives buffers back that hold nothing."""
        lib.nns_engine_trim(self._engine)
