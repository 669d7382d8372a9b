"""The time limits of one exchange on the short way.

Owns one timer for all of them: what runs out next. What becomes of who is late is `lane`'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from outgate.proxy.commands import Limited
from outgate.proxy.passage import Passage


class LaneClock:
    """Of an exchange whose whole request is here. `late` is called once at most."""

    def __init__(self, passage: Passage, late: Callable[[Limited], None]) -> None:
        self.late = late
        now = self.moved = passage.heard = time.monotonic()
        route = passage.route
        self.idle = route.idle_timeout
        tried = route.retry.per_try_timeout if route.retry is not None else None
        self.due = {Limited.TRY: now + tried} if tried else {}
        for what in (Limited.REQUEST, Limited.DURATION):
            if (remaining := passage.remaining(what)) is not None:
                self.due[what] = now + remaining
        self.timer: asyncio.TimerHandle | None = None
        self._wait(now)

    def answered(self) -> None:
        """The answer has begun: the try is none any more."""
        self.due.pop(Limited.TRY, None)

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def _next(self) -> tuple[float, Limited] | None:
        found = [(at, what) for what, at in self.due.items()]
        if self.idle:
            found.append((self.moved + self.idle, Limited.IDLE))
        return min(found, key=lambda one: one[0]) if found else None

    def _wait(self, now: float) -> None:
        found = self._next()
        if found is not None:
            self.timer = asyncio.get_running_loop().call_later(found[0] - now, self._look)

    def _look(self) -> None:
        now, found = time.monotonic(), self._next()
        if found is not None and found[0] <= now:
            self.late(found[1])
        else:
            self._wait(now)
