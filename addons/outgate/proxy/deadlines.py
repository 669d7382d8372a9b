"""Time limits of streams: who has run out of time is told so, whatever he waits for.

Owns the timers of one client connection. What is limited, and what becomes of who is late, is `timed`'s.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from outgate.proxy.commands import Late, Limited, Within

if TYPE_CHECKING:
    from outgate.proxy.handler import Handler


class Deadlines:
    """Of one connection. A stream has one of each kind at most."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.timers: dict[tuple[int, Limited], asyncio.TimerHandle] = {}

    def note(self, command: Within) -> None:
        """Begin one, or end it."""
        key = (command.stream_id, command.what)
        if (running := self.timers.pop(key, None)) is not None:
            running.cancel()
        if command.seconds is not None:
            self.timers[key] = asyncio.get_running_loop().call_later(command.seconds, self._over, key)

    def forget(self, stream_id: int) -> None:
        """A stream is over."""
        for what in Limited:
            if (running := self.timers.pop((stream_id, what), None)) is not None:
                running.cancel()

    def stop(self) -> None:
        for running in self.timers.values():
            running.cancel()
        self.timers.clear()

    def _over(self, key: tuple[int, Limited]) -> None:
        del self.timers[key]
        if not self.handler.closed.is_set():
            self.handler.feed(Late(*key))
