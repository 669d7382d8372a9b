"""How long each part of making one connection takes, however it ends.

Owns the measuring alone; the parts are begun by who makes the connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Course:
    """The parts follow each other: one ends where the next begins."""

    clock: Callable[[], float]
    taken: dict[str, float] = field(default_factory=dict)
    """Seconds by part: `resolve`, `connect`, `tls`. Of a connection that did not come about, the last one is where it
    ended."""
    _part: str = ""
    _since: float = 0.0

    def enter(self, part: str = "") -> None:
        """The next part begins; none: it is over."""
        now = self.clock()
        if self._part:
            self.taken[self._part] = now - self._since
        self._part, self._since = part, now

    def over(self) -> dict[str, float]:
        """What was taken, at the end."""
        self.enter()
        return self.taken
