"""Work that would keep the event loop from other traffic, done in a few threads.

Owns the threads, which keep no process from ending, and how much may wait for them. What does not come back in time is
given up; its thread is not.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any

THREADS, WAITING = 4, 1024

type Job = tuple[Callable[[], Any], asyncio.Future[Any]]


class Busy(Exception):
    """Too much waits already."""


class Desk:
    """Of one event loop. Threads begin with the first work: a fork takes none along."""

    def __init__(self, threads: int = THREADS, waiting: int = WAITING) -> None:
        self._threads, self._waiting = threads, waiting
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._begun = 0

    async def done[Result](self, work: Callable[[], Result], within: float) -> Result:
        """What some work comes to. Raises what it raises, `TimeoutError` and `Busy`."""
        if self._jobs.qsize() >= self._waiting:
            raise Busy
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._jobs.put((work, future))
        if self._begun < self._threads:
            self._begun += 1
            threading.Thread(target=self._run, name="desk", daemon=True).start()
        async with asyncio.timeout(within):
            return await future

    def _run(self) -> None:
        while True:
            work, future = self._jobs.get()
            if not future.cancelled():
                _work(work, future)


def _work(work: Callable[[], Any], future: asyncio.Future[Any]) -> None:
    result, error = None, None
    try:
        result = work()
    except BaseException as raised:  # whatever it is, it is this work's: the thread has to live
        error = raised if isinstance(raised, Exception) else RuntimeError(type(raised).__name__)
    try:
        future.get_loop().call_soon_threadsafe(_settle, future, result, error)
    except RuntimeError:  # the loop is closed: nobody waits any more
        return


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):  # which no future takes
        future.set_exception(RuntimeError("StopIteration"))
    else:
        future.set_exception(error)
