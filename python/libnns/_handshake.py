# SPDX-License-Identifier: MIT
"""The handshake of an asyncio-style connection: on a Wire, until there is a session or a failure. The
mechanism, which may wait for a KDC, is called in an executor; no byte is received meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress

from libnns import _engine
from libnns._async import ask_application
from libnns._binding import lib
from libnns._engine import Job
from libnns._errors import NegotiateError
from libnns._session import Session, report
from libnns._wire import Wire
from libnns._workers import workers


class Handshake:
    """Exactly one of opened and failed is called, once, unless the wire is dropped: opened in the middle of things, with the
    wire still in use; failed when it is closed."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        wire: Wire,
        executor: Executor | None,
        opened: Callable[[Wire, Session], None],
        failed: Callable[[Wire, BaseException], None],
    ) -> None:
        self._loop = loop
        self._wire = wire
        self._executor = executor
        self._opened = opened
        self._failed = failed
        self._error: BaseException | None = None
        self._job: Job | None = None
        self._deadline: asyncio.TimerHandle | None = None
        wire.above = self

    def begin(self) -> None:
        engine = self._wire.engine
        role = "client" if engine.role == _engine.CLIENT else "server"
        limit = engine.config.limit(f"{role}_handshake_ms")
        if limit:
            self._deadline = self._loop.call_later(limit / 1000, self._too_late)
        self._advance()

    def received(self) -> None:
        self._advance()

    def sent(self) -> None:
        self._advance()

    def lost(self, error: BaseException | None) -> None:
        self._cancel_deadline()
        job, self._job = self._job, None
        why = self._error or self._wire.failure(error) or self._wire.engine.fail(lib.NNS_ERR_CANCELED)
        if job is not None:
            job.abandon()
        self._failed(self._wire, why)

    # ---- as far as it goes ----

    def _advance(self) -> None:
        if self._error is not None or self._job is not None or self._wire.above is not self:
            return
        try:
            while not self._is_done():
                pass
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fail(error)

    def _is_done(self) -> bool:
        """Does what the engine wants next. True: nothing can be done now."""
        engine = self._wire.engine
        self._wire.send()
        state = engine.state
        if state & _engine.FAILED:
            raise engine.error or AssertionError
        if state & _engine.OPEN:
            self._complete()
        elif state & _engine.WANT_AUTHORIZE:
            ask_application(engine)
            return False
        elif state & _engine.WANT_STEP:
            self._step()
        else:
            self._wire.listen(True)
        return True

    def _step(self) -> None:
        self._wire.listen(False)
        self._job = self._wire.engine.take_job()
        executor = self._executor or workers()
        self._loop.run_in_executor(executor, self._job.run).add_done_callback(self._stepped)

    def _stepped(self, running: asyncio.Future[None]) -> None:
        failed = asyncio.CancelledError() if running.cancelled() else running.exception()
        job, self._job = self._job, None
        if job is None:
            return  # the connection is gone
        if failed is not None:  # the executor's affair
            job.abandon()
            self._fail(failed)
            return
        with suppress(NegotiateError):  # _advance() raises it, behind the record for the peer
            self._wire.engine.finish_job(job)
        self._advance()

    # ---- the end of it ----

    def _complete(self) -> None:
        self._cancel_deadline()
        session = self._wire.engine.session()
        report(session)
        try:
            self._opened(self._wire, session)
        except BaseException:  # the application's affair: the connection ends all the same
            self._wire.above = self
            raise

    def _too_late(self) -> None:
        self._deadline = None
        self._fail(self._wire.engine.fail(lib.NNS_ERR_TIMEOUT))

    def _fail(self, error: BaseException) -> None:
        """Ends the connection; the peer hears why, if that can be told at once."""
        if self._error is not None:
            return
        self._error = error
        self._cancel_deadline()
        with suppress(NegotiateError):
            self._wire.send()
        below = self._wire.below
        if below.get_write_buffer_size():
            below.abort()
        else:
            below.close()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
