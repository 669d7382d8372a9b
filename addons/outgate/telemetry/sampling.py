"""Which traces are kept from their beginning.

Owns the arithmetic: by the trace's identifier, by what the workload's own trace says, and how many traces workloads may
have kept beyond the ratio. What is kept because of how it ended is not decided here. Pure, the clock is passed in.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

LOW = (1 << 64) - 1
"""OpenTelemetry's ratio reads the lower half of an identifier, so that everything on a trace's way agrees."""


@dataclass(slots=True)
class Bucket:
    """Lets `rate` a second through, and as many at once after a pause; at least one where there is a rate."""

    rate: float
    clock: Callable[[], float] = time.monotonic
    _full: float = 0.0
    _left: float = 0.0
    _seen: float = 0.0

    def __post_init__(self) -> None:
        self._full = max(1.0, self.rate) if self.rate > 0 else 0.0
        self._left, self._seen = self._full, self.clock()

    def take(self) -> bool:
        now = self.clock()
        self._left = min(self._full, self._left + max(0.0, now - self._seen) * self.rate)
        self._seen = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


@dataclass(slots=True)
class Sampler:
    """Decides at the head of a trace."""

    ratio: float = 1.0
    """0 to 1, of traces that begin here and of those whose beginner has not said."""
    forced: Bucket = field(default_factory=lambda: Bucket(10.0))
    """For traces that the ratio leaves out and the workload wants kept."""
    follows: bool = True
    """A trace that its beginner does not keep is not kept here either."""

    def sampled(self, trace_id: int, parent: bool | None, ratio: float | None = None) -> bool:
        """`parent`: what the workload's trace says, None where there is none or it does not say."""
        if parent is False and self.follows:
            return False
        if kept(trace_id, self.ratio if ratio is None else ratio):
            return True
        return parent is True and self.follows and self.forced.take()


def kept(trace_id: int, ratio: float) -> bool:
    """The same for every span of a trace, wherever it is decided."""
    return (trace_id & LOW) < bound(ratio)


@lru_cache(64)
def bound(ratio: float) -> int:
    """Below it is the lower half of an identifier that is kept. Documents name few ratios."""
    return round(ratio * (LOW + 1))
