# SPDX-License-Identifier: MIT
"""The threads in which mechanisms are called, for connections of asyncio's that were given no other
executor. Not the loop's: a call that waits for a KDC would hold up whatever else the program runs
there (look-ups of names, for one), and with it the end of asyncio.run(). These are daemons, which
the end of the program does not wait for, and they end by themselves when there is nothing to do.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    P = ParamSpec("P")

T = TypeVar("T")

MOST = min(32, 4 + 2 * (os.cpu_count() or 1))  # threads; they wait more than they work
PATIENCE = 10.0  # seconds without work, after which a thread ends

_Task = tuple["Future[Any]", Callable[[], Any]]


class Workers(Executor):
    """At most so many threads. It belongs to the process that made it."""

    def __init__(self, most: int = MOST, patience: float = PATIENCE) -> None:
        self._most = most
        self._patience = patience
        self._lock = threading.Lock()
        self._tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        self._waiting = 0  # tasks that no thread has taken
        self._idle = 0  # threads that wait for one
        self._threads = 0

    def submit(
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Calls it in one of the threads."""
        future: Future[T] = Future()
        with self._lock:
            self._waiting += 1
            self._tasks.put((future, lambda: fn(*args, **kwargs)))
            if self._waiting > self._idle and self._threads < self._most:
                self._threads += 1
                threading.Thread(target=self._work, name="libnns", daemon=True).start()
        return future

    def _next(self) -> _Task | None:
        with self._lock:
            self._idle += 1
        try:
            task = self._tasks.get(timeout=self._patience)
        except queue.Empty:
            task = None
        with self._lock:
            self._idle -= 1
            if task is None and self._waiting > self._idle:
                task = self._tasks.get()  # it came just now, and counts on this thread
            if task is None:
                self._threads -= 1
            else:
                self._waiting -= 1
        return task

    def _work(self) -> None:
        while (task := self._next()) is not None:
            future, call = task
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:
                    future.set_exception(error)
            del task, future, call  # while it waits it holds nothing


_workers: Workers | None = None


def workers() -> Workers:
    """Those of this process."""
    global _workers
    if _workers is None:
        _workers = Workers()
    return _workers


def _forget() -> None:
    global _workers
    _workers = None  # the threads are the parent's


os.register_at_fork(after_in_child=_forget)
