# SPDX-License-Identifier: MIT
"""A transport of asyncio's whose bytes are the plaintext of a NegotiateStream connection: what is
above the Wire once the handshake is complete."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import Iterable
from os import getpid
from typing import TYPE_CHECKING, Any

from libnns import _engine
from libnns._binding import lib
from libnns._errors import NegotiateError, error_of
from libnns._session import Negotiated, Session
from libnns._wire import Wire

if TYPE_CHECKING:
    from asyncio import BaseProtocol

    Data = bytes | bytearray | memoryview

log = logging.getLogger("libnns")

RECORD = 64_512  # bytes of plaintext in a full one
HIGH_WATER = 65_536
REST = 1.0  # seconds without a byte, after which buffers are given back
PATIENCE = 5  # writes after the end that nothing is said about
RECEIVING = _engine.WANT_RECV | _engine.RECV_EOF
FIELDS = frozenset(field.name for field in dataclasses.fields(Session))


class Reading(asyncio.Protocol):
    """A protocol whose data_received() keeps nothing of what it is given: it may be a view of
    memory that is about to change."""


class NegotiateTransport(asyncio.Transport, Negotiated):
    """The transport that create_negotiate_connection() answers and that protocols are given in
    connection_made(). It behaves as asyncio's own for sockets do (flow control, close(), abort(),
    write_eof()); protocols get an OSError that is a NegotiateError in connection_lost().

    get_extra_info() knows the fields of the Session ('peer_name', 'mechanism', 'protection',
    'target', 'is_mutual', ...), 'session', and what the transport below knows ('peername',
    'socket', ...).

    What is less than a record goes out as soon as it is written. Records that are written in one
    turn of the loop are sealed together at its end, which is faster.

    Everything happens in the loop. In a child of fork() every call but close(), abort() and what
    only asks raises NegotiateStateError; those two leave the parent's connection alone.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, wire: Wire, session: Session) -> None:
        super().__init__()
        self._loop = loop
        self._wire = wire
        self._session = session
        self._protocol: BaseProtocol | None = None
        self._buffered: asyncio.BufferedProtocol | None = None
        self._plain: asyncio.Protocol | None = None
        self._reading: Reading | None = None
        self._pid = getpid()
        self._closing = False
        self._dropped = 0  # writes after the end
        self._lost = False
        self._error: BaseException | None = None
        self._paused = False
        self._input_ended = False
        self._eof = False
        self._eof_sent = False
        self._backlog = bytearray()  # plaintext for which the engine had no room
        self._staged = 0  # bytes in the engine that are sealed at the end of this turn
        self._flushing = False
        self._protocol_paused = False
        self._high, self._low = HIGH_WATER, HIGH_WATER // 4
        self._idle = wire.engine.config.limit("idle_ms") / 1000
        self._moved = loop.time()
        self._held = 0  # bytes that the transport below held at the last look
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._busy = False  # bytes have moved since the last look

    def start(self, protocol: BaseProtocol) -> None:
        """Takes over from the handshake."""
        self._wire.above = self
        self.set_protocol(protocol)
        protocol.connection_made(self)
        self._watch_session()
        self._watch_idle()
        self._watch_rest()
        self._loop.call_soon(self._deliver)

    def __repr__(self) -> str:
        state = "closed" if self._lost else "closing" if self.is_closing() else "open"
        return f"<{type(self).__name__} {state}: {self._session}>"

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known by this name, see above; default: nothing is."""
        if name == "session":
            return self._session
        if name in FIELDS:
            return getattr(self._session, name)
        return self._wire.below.get_extra_info(name, default)

    def set_protocol(self, protocol: BaseProtocol) -> None:
        """Another protocol, from now on. One with get_buffer() is given data in its own memory."""
        self._protocol = protocol
        self._buffered = protocol if isinstance(protocol, asyncio.BufferedProtocol) else None
        self._plain = protocol if isinstance(protocol, asyncio.Protocol) else None
        self._reading = protocol if isinstance(protocol, Reading) else None

    def get_protocol(self) -> BaseProtocol:
        """The present one."""
        assert self._protocol is not None, "the connection is over"
        return self._protocol

    # ---- reading ----

    def is_reading(self) -> bool:
        """True: the protocol is given what comes."""
        return not self._paused and not self.is_closing()

    def pause_reading(self) -> None:
        """Nothing is given to the protocol until resume_reading(), nor taken from the network."""
        self._check_process()
        if not self._paused and not self.is_closing():
            self._paused = True
            self._wire.listen(False)

    def resume_reading(self) -> None:
        """The opposite."""
        self._check_process()
        if self._paused and not self.is_closing():
            self._paused = False
            self._moved = self._loop.time()
            self._loop.call_soon(self._deliver)

    def begin(self) -> None:
        """The transport below was there before this one."""

    def received(self) -> None:
        """The wire has given the engine something."""
        if not self._busy:
            self._watch_rest()
        if self._idle:
            self._moved = self._loop.time()
        self._deliver()

    def _deliver(self) -> None:
        """Gives the protocol what there is, as long as it wants more."""
        engine = self._wire.engine
        try:
            while not (self._paused or self._closing or self._lost):
                view = engine.read_view()
                if view is not None:
                    state = self._give(view)
                    if self._paused or self._closing or self._lost:
                        return
                else:
                    state = engine.recv_state
                if not state & _engine.CAN_READ:
                    if state & RECEIVING != _engine.WANT_RECV or not self._wire.listening:
                        self._listen(state)
                    return
        except (SystemExit, KeyboardInterrupt):
            raise
        except NegotiateError as error:
            self._fail(error)
        except BaseException as error:
            self._fail(error, "protocol.data_received() call failed.")

    def _listen(self, state: int) -> None:
        """Once all was read."""
        if not state & _engine.RECV_EOF:
            self._wire.listen(bool(state & _engine.WANT_RECV))
        elif not self._input_ended:
            self._input_ended = True
            protocol = self._plain or self._buffered
            if protocol is None or not protocol.eof_received():
                self.close()

    def _give(self, view: memoryview) -> int:
        """Answers the state of the receive half, of which the protocol's call changes nothing."""
        engine, size = self._wire.engine, len(view)
        if self._reading is not None:
            self._reading.data_received(view)
            view.release()
            state = engine.read_ack(size)
        elif self._buffered is not None:
            room = memoryview(self._buffered.get_buffer(size)).cast("B")
            if not room:
                raise RuntimeError("get_buffer() returned an empty buffer")
            size = min(size, len(room))
            room[:size] = view[:size]
            state = engine.read_ack(size)
            self._buffered.buffer_updated(size)
        else:
            data = bytes(view)
            state = engine.read_ack(size)
            if self._plain is not None:
                self._plain.data_received(data)
        return state

    # ---- writing ----

    def write(self, data: Data) -> None:
        """Sends bytes-like data, or keeps what cannot go out yet: all of it is taken. Up to 64,512
        bytes make one record. Nothing happens when the connection is over."""
        if self._pid != getpid():
            self._check_process()
        if type(data) is not bytes and not isinstance(data, (bytearray, memoryview, bytes)):
            kind = type(data).__name__
            raise TypeError(f"data argument must be a bytes-like object, not {kind!r}")
        if self._eof:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data:
            return
        if self._lost or self._wire.below.is_closing():
            self._drop()
            return
        if not self._busy:
            self._watch_rest()
        try:
            if type(data) is bytes and self._goes_alone(data):
                return
            with memoryview(data).cast("B") as view:
                self._stage(view)
                if not self._flushing and self._staged < RECORD:
                    self._push()
                    return
        except NegotiateError as error:
            self._fail(error)
            return
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)
        self._control()

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        """Writes them as one."""
        self.write(b"".join(list_of_data))

    def _goes_alone(self, data: bytes) -> bool:
        """The usual small write: nothing waits, and it is sent whole, at once."""
        wire = self._wire
        if len(data) >= RECORD or self._flushing or self._backlog or wire.unsent:
            return False
        n, more = wire.engine.write_at_once(data, wire.fd)
        if more:
            self._staged += n
            self._backlog += data[n:]
            self._push()
        return True

    def _drop(self) -> None:
        """A write after the end."""
        self._dropped += 1
        if self._dropped >= PATIENCE:
            log.warning("write() on a connection that is over")

    def _stage(self, view: memoryview) -> None:
        """Into the engine, and what it has no room for into the backlog. Where the engine is full,
        what it has is sent first."""
        done = 0
        while not self._backlog and done < len(view):
            with view[done:] as rest:
                n = self._wire.engine.write(rest)
            done += n
            self._staged += n
            if n == 0 and not self._send():
                break
        if done < len(view):
            self._backlog += view[done:]

    def _send(self) -> bool:
        self._staged = 0
        return self._wire.send()

    def _flush(self) -> None:
        self._flushing = False
        self._push_on()

    def sent(self) -> None:
        """The wire has room again."""
        self._moved = self._loop.time()
        self._push_on()

    def _push_on(self) -> None:
        if self._lost:
            return
        try:
            self._push()
        except NegotiateError as error:
            self._fail(error)

    def _push(self) -> None:
        """Sends all that can go, and what was to follow it."""
        sent = self._send()
        while sent and self._backlog:
            backlog, self._backlog = self._backlog, bytearray()
            with memoryview(backlog) as view:
                self._stage(view)
            sent = self._send()
        if sent and not self._backlog:
            self._finish()
        self._control()

    def _finish(self) -> None:
        """All has gone: what close() and write_eof() have put off."""
        if self._eof and not self._eof_sent:
            self._eof_sent = True
            if not self._wire.below.is_closing():
                self._wire.below.write_eof()
        if self._closing:
            self._wire.below.close()

    def can_write_eof(self) -> bool:
        """True."""
        return self._wire.below.can_write_eof()

    def write_eof(self) -> None:
        """Half-closes when all has gone: the peer's read ends, ours goes on."""
        self._check_process()
        if not self._eof and not self.is_closing():
            self._eof = True
            self._push_on()

    # ---- the protocol's flow control ----

    def get_write_buffer_size(self) -> int:
        """Bytes that have not gone to the network."""
        return len(self._backlog) + self._staged + self._wire.unsent

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Low and high water, bytes."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The protocol's pause_writing() is called above high water, its resume_writing() when it
        is low again. Defaults: 65,536 and a quarter of it. Errors: ValueError."""
        if high is None:
            high = HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low
        self._control()

    def _control(self) -> None:
        """What is only put off until the end of this turn does not count."""
        size = len(self._backlog) + self._wire.unsent
        if size > self._high and not self._protocol_paused:
            self._protocol_paused = True
            self._tell("pause_writing")
        elif size <= self._low and self._protocol_paused:
            self._protocol_paused = False
            self._tell("resume_writing")

    def _tell(self, name: str) -> None:
        try:
            getattr(self._protocol, name)()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._report(error, f"protocol.{name}() failed")

    # ---- the end ----

    def is_closing(self) -> bool:
        """True: it is closed, or will be when all has gone."""
        return self._closing or self._lost or self._wire.below.is_closing()

    def close(self) -> None:
        """Closes the connection when all that was written has gone. Nothing more is read."""
        if self._closing:
            return
        self._closing = True
        if self._pid == getpid() and not self._lost:
            self._wire.listen(False)
            self._push_on()

    def abort(self) -> None:
        """Closes the connection at once."""
        self._closing = True
        if self._pid == getpid() and not self._lost:
            self._wire.below.abort()

    def lost(self, error: BaseException | None) -> None:
        """The wire is closed."""
        self._closing = self._lost = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        error = self._error or self._wire.failure(error)
        protocol, self._protocol = self._protocol, None
        self._plain = self._buffered = self._reading = None
        self._backlog, self._staged, self._error = bytearray(), 0, None
        if protocol is not None:
            protocol.connection_lost(error)  # type: ignore[arg-type]

    def _fail(self, error: BaseException, message: str | None = None) -> None:
        """Ends the connection by a failure of its own, or of the protocol's (message)."""
        if self._lost or self._error is not None:
            return
        self._error = error
        self._closing = True
        if message is not None:
            self._report(error, f"Fatal error: {message}")
        self._wire.below.abort()

    def _report(self, error: BaseException, message: str) -> None:
        self._loop.call_exception_handler(
            {
                "message": message,
                "exception": error,
                "transport": self,
                "protocol": self._protocol,
            }
        )

    def _check_process(self) -> None:
        if self._pid != getpid():
            raise error_of(lib.NNS_ERR_FORKED, "this stream belongs to the parent of this process")

    # ---- for how long ----

    def _watch_session(self) -> None:
        """A server's session ends with the client's ticket."""
        session, config = self.session, self._wire.engine.config
        if session.peer_name is None or session.ticket_end is None or config.outlives_ticket:
            return
        left = max(0.0, session.ticket_end - time.time())
        self._timers["session"] = self._loop.call_later(left, self._end_session)

    def _end_session(self) -> None:
        message = "data: the client's ticket has ended"
        self._fail(error_of(lib.NNS_ERR_TIMEOUT, message, phase="data"))

    def _watch_idle(self) -> None:
        if self._idle:
            at = self._moved + self._idle
            self._timers["idle"] = self._loop.call_at(at, self._end_idle)

    def _end_idle(self) -> None:
        """No byte can have moved for which nobody waits: then the time begins anew. So it does where
        the transport below has sent some of what it holds, which it does not say by itself."""
        held, self._held = self._held, self._wire.below.get_write_buffer_size()
        waits = not self._paused or self._wire.unsent
        if not waits or held != self._held:
            self._moved = self._loop.time()
        if self._loop.time() < self._moved + self._idle:
            self._watch_idle()
        else:
            self._fail(self._wire.engine.fail(lib.NNS_ERR_TIMEOUT))

    def _watch_rest(self) -> None:
        """Something moves. A connection at rest has no timer for this."""
        self._busy = True
        if "rest" not in self._timers:
            self._timers["rest"] = self._loop.call_later(REST, self._look)

    def _look(self) -> None:
        del self._timers["rest"]
        if self._busy:
            self._watch_rest()
            self._busy = False
        else:
            self._wire.engine.trim()
