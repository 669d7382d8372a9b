"""The time limits of the exchanges of one short way, one exchange after the other.

Owns one timer for all of them, which is left to run when an exchange is over: most end long before it, and to look once
in a while is cheaper than to begin and end a timer with each. What becomes of who is late is `lane`'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from outgate.proxy.commands import Limited
from outgate.proxy.passage import Passage


class LaneClock:
    """`late` is told once at most of an exchange, whose whole request is here."""

    def __init__(self, late: Callable[[Limited], None]) -> None:
        self.late = late
        self.passage: Passage | None = None
        self.moved = self.tried = 0.0
        """When anything last passed, and when the try ends; 0: there is none, or it has been answered."""
        self.timer: asyncio.TimerHandle | None = None

    def begin(self, passage: Passage) -> None:
        now, plan = time.monotonic(), passage.plan
        self.moved = passage.heard = now
        self.tried = now + plan.per_try if plan.per_try else 0.0
        self.passage = passage
        if self.timer is None or self.timer.when() > now + plan.shortest:
            self._arm(now)

    def answered(self) -> None:
        self.tried = 0.0

    def over(self) -> None:
        """Of the present exchange."""
        self.passage = None

    def stop(self) -> None:
        self.passage = None
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _next(self, passage: Passage, now: float) -> tuple[float, Limited]:
        """What runs out first, and when."""
        route, first, what = passage.route, self.tried or NEVER, Limited.TRY
        if route.timeout and (at := passage.heard + route.timeout) < first:
            first, what = at, Limited.REQUEST
        if route.idle_timeout and (at := self.moved + route.idle_timeout) < first:
            first, what = at, Limited.IDLE
        if route.maximum_duration and (at := passage.began + route.maximum_duration) < first:
            first, what = at, Limited.DURATION
        return first, what

    def _arm(self, now: float) -> None:
        """Look when the first limit runs out, or before."""
        assert self.passage is not None
        first, _ = self._next(self.passage, now)
        if self.timer is not None:
            if self.timer.when() <= first:
                return
            self.timer.cancel()
        self.timer = asyncio.get_running_loop().call_at(first, self._look) if first < NEVER else None

    def _look(self) -> None:
        self.timer, passage, now = None, self.passage, time.monotonic()
        if passage is None:
            return
        first, what = self._next(passage, now)
        if first <= now:
            self.passage = None
            self.late(what)
        else:
            self._arm(now)


NEVER = float("inf")
