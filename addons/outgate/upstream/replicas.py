"""Which replica of a gateway is asked next, and which are left alone for a while.

Owns what was met of each. Where they are and how they are reached is `ways`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from outgate.upstream.dial import Place

FIRST, MOST = 1.0, 30.0
"""Seconds that a replica which failed is passed over: at first, and at most where it fails again and again."""
KEPT = 1024


@dataclass(slots=True)
class _Failing:
    times: int
    until: float


@dataclass(slots=True)
class Replicas:
    """Used by one event loop."""

    clock: Callable[[], float] = time.monotonic
    _turn: int = 0
    _failing: dict[Place, _Failing] = field(default_factory=dict)

    def ordered(self, places: Sequence[Place]) -> list[Place]:
        """Those that work take turns; behind them those that failed, who has waited longest first: where there is no
        other, one of them may be back."""
        now = self.clock()
        well = [place for place in places if not self._out(place, now)]
        turn = self._turn % len(well) if well else 0
        self._turn += 1
        out = [place for place in places if self._out(place, now)]
        return well[turn:] + well[:turn] + sorted(out, key=lambda place: self._failing[place].until)

    def failed(self, place: Place) -> None:
        """It could not be used. Those that fail at once are one failure."""
        now, known = self.clock(), self._failing.get(place)
        if known is not None and now < known.until:
            return
        if known is None and len(self._failing) >= KEPT:
            del self._failing[next(iter(self._failing))]
        times = known.times + 1 if known is not None else 0
        self._failing[place] = _Failing(times, now + min(MOST, FIRST * 2**times))

    def served(self, place: Place) -> None:
        self._failing.pop(place, None)

    def out(self) -> list[Place]:
        """Those that are passed over now, for people."""
        now = self.clock()
        return [place for place in self._failing if self._out(place, now)]

    def _out(self, place: Place, now: float) -> bool:
        known = self._failing.get(place)
        return known is not None and now < known.until
