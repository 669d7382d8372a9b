"""Trouble on purpose: what is drawn for one request.

Owns the draws. Waiting, answering and slowing down are the data plane's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from outgate.policy.route_model import Abort, Fault
from outgate.traffic.shares import falls


@dataclass(frozen=True, slots=True)
class Trouble:
    """What one request is to suffer, in this order."""

    delay: float = 0.0
    abort: Abort | None = None
    bytes_per_second: float | None = None
    """Of its response."""


NO_TROUBLE = Trouble()


def trouble(faults: Iterable[Fault], random: Callable[[], float]) -> Trouble:
    """Every fault is drawn for itself: delays add up, the first abort and the narrowest bandwidth hold."""
    delay, abort, narrowest = 0.0, None, None
    for fault in faults:
        if fault.delay is not None and falls(fault.delay.percent, random):
            delay += fault.delay.seconds
        if fault.abort is not None and falls(fault.abort.percent, random):
            abort = abort or fault.abort
        if fault.bandwidth is not None and falls(fault.bandwidth.percent, random):
            rate = fault.bandwidth.bytes_per_second
            narrowest = rate if narrowest is None else min(narrowest, rate)
    return Trouble(delay, abort, narrowest) if delay or abort or narrowest else NO_TROUBLE
