"""Events that are told of in groups.

Owns how many make one, and how long any of them waits. Whoever is told of one event after the other finds what it works
with in the processor's caches; among everything else that a request takes, each would cost it three times as much.
Used by one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from outgate.telemetry.event import Event

MOST = 64
LONGEST = 0.02
"""Seconds."""

type Later = Callable[[float, Callable[[], None]], object]
"""Calls after so many seconds, as the event loop's `call_later`."""


class Groups:
    """`tell` gets them, in order. Where there is no `later`, nothing waits, and each event is a group."""

    def __init__(self, tell: Callable[[Sequence[Event]], None]) -> None:
        self.later: Later | None = None
        self._tell = tell
        self._waiting: list[Event] = []
        self._due = False
        """Whether a time has come for the next one to be told."""

    def put(self, event: Event) -> None:
        """One more is over."""
        self._waiting.append(event)
        if self.later is None or len(self._waiting) >= MOST:
            self.flush()
        elif not self._due:
            self._due = True
            self.later(LONGEST, self._come)

    def flush(self) -> None:
        """Somebody is about to look at what was told."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._tell(waiting)

    def _come(self) -> None:
        self._due = False
        self.flush()
