"""Which endpoints of one origin are out of use for a while, by what was seen of them.

Owns Envoy's counters and times. Everything is judged when something is asked or told: intervals that have passed since
are caught up with, so that no timer is needed. Knows no balancing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import InitVar, dataclass, field
from math import ceil
from statistics import fmean, pstdev

from outgate.policy.resilience_model import FailurePercentage, Outliers, SuccessRate
from outgate.traffic.outcome import GATEWAY_ERRORS, Outcome

type Place = tuple[str, int]
"""Address and port of an endpoint."""


@dataclass(slots=True)
class Standing:
    """What is known of one endpoint."""

    in_a_row_5xx: int = 0
    in_a_row_gateway: int = 0
    in_a_row_local: int = 0
    successes: int = 0  # in this interval
    requests: int = 0  # in this interval
    ejections: int = 0
    """By how much the base time is multiplied."""
    ejected: float | None = None
    """Since when."""
    why: str = ""

    def forget_row(self) -> None:
        self.in_a_row_5xx = self.in_a_row_gateway = self.in_a_row_local = 0


@dataclass(slots=True)
class Ejections:
    """The endpoints of one origin. `places` are those there are now: percentages are of their number."""

    outliers: Outliers
    made: InitVar[float]
    """When it was: the first interval begins then."""
    places: frozenset[Place] = frozenset()
    standings: dict[Place, Standing] = field(default_factory=dict)
    total: int = 0
    """Ejections since the beginning."""
    _next: float = field(init=False)
    _out: frozenset[Place] | None = None
    """Those that are ejected, where that is known: it is asked with every request."""

    def __post_init__(self, made: float) -> None:
        self._next = made + self.outliers.interval

    def among(self, places: Iterable[Place]) -> None:
        """Other endpoints than before; what is known of those that stay is kept."""
        self.places, self._out = frozenset(places), None
        self.standings = {place: standing for place, standing in self.standings.items() if place in self.places}

    def ejected(self, now: float) -> frozenset[Place]:
        if now >= self._next:
            self._catch_up(now)
        if self._out is None:
            out = (place for place, standing in self.standings.items() if standing.ejected is not None)
            self._out = frozenset(out)
        return self._out

    def tell(self, place: Place, outcome: Outcome, now: float) -> bool:
        """How an attempt at an endpoint ended; whether that ejects it."""
        if now >= self._next:
            self._catch_up(now)
        standing = self.standings.get(place)
        if standing is None:
            if place not in self.places:
                return False
            standing = self.standings[place] = Standing()
        why = self._counted(standing, outcome)
        return bool(why) and self._eject(standing, why, now)

    def until(self, place: Place) -> float | None:
        """When an ejected endpoint comes back at the earliest; None where it is in use."""
        standing = self.standings.get(place)
        if standing is None or standing.ejected is None:
            return None
        return standing.ejected + self._duration(standing)

    def _counted(self, standing: Standing, outcome: Outcome) -> str:
        """Counts an outcome; which limit it reaches."""
        if outcome.local and self.outliers.split_local:
            standing.in_a_row_local += 1
            return _reached("consecutive local failures", standing.in_a_row_local, self.outliers.consecutive_local)
        standing.in_a_row_local = 0
        standing.requests += 1
        status, named = outcome.as_status, self.outliers.statuses
        if not (status in named if named and not outcome.local else 500 <= status <= 599):
            standing.successes += 1
            standing.in_a_row_5xx = standing.in_a_row_gateway = 0
            return ""
        standing.in_a_row_5xx += 1
        gateway = status in GATEWAY_ERRORS
        standing.in_a_row_gateway = standing.in_a_row_gateway + 1 if gateway else 0
        return _reached("consecutive 5xx", standing.in_a_row_5xx, self.outliers.consecutive_5xx) or _reached(
            "consecutive gateway errors", standing.in_a_row_gateway, self.outliers.consecutive_gateway
        )

    def _eject(self, standing: Standing, why: str, now: float) -> bool:
        if standing.ejected is not None or not self._may_eject():
            return False
        standing.ejected, standing.why, self._out = now, why, None
        standing.ejections += 1
        self.total += 1
        return True

    def _may_eject(self) -> bool:
        out = sum(standing.ejected is not None for standing in self.standings.values())
        if out == 0 and self.outliers.always_one:
            return True
        return (out + 1) * 100 <= self.outliers.maximum_percent * len(self.places)

    def _duration(self, standing: Standing) -> float:
        base = self.outliers.base_ejection
        return min(base * standing.ejections, max(self.outliers.maximum_ejection, base))

    def _catch_up(self, now: float) -> None:
        """Ends the intervals that have passed. Of many, all but the first saw no traffic and only let time pass."""
        passed = int((now - self._next) // self.outliers.interval) + 1
        self._judge(self._next)
        for standing in self.standings.values():
            self._age(standing, passed)
        self._next += passed * self.outliers.interval

    def _age(self, standing: Standing, intervals: int) -> None:
        """Brings an endpoint back at the end of the first of these intervals by which its time is over; each of those
        after that in which it is in use takes one from its multiplier."""
        passed, interval = 0, self.outliers.interval
        if standing.ejected is not None:
            left = standing.ejected + self._duration(standing) - self._next
            passed = max(0, ceil(left / interval))
            if passed >= intervals:
                return
            standing.ejected, standing.why, self._out = None, "", None
            standing.forget_row()
            passed += 1
        standing.ejections = max(0, standing.ejections - (intervals - passed))

    def _judge(self, ended: float) -> None:
        """By rates, at the end of an interval; then the next one begins."""
        if (rate := self.outliers.success_rate) is not None:
            for standing in self._below_mean(rate):
                self._eject(standing, "success rate", ended)
        if (percentage := self.outliers.failure_percentage) is not None:
            for standing in self._above_threshold(percentage):
                self._eject(standing, "failure percentage", ended)
        for standing in self.standings.values():
            standing.requests = standing.successes = 0

    def _below_mean(self, rate: SuccessRate) -> list[Standing]:
        judged = self._with_volume(rate.request_volume)
        if len(judged) < max(rate.minimum_hosts, 1):
            return []
        rates = [_success(standing) for standing in judged]
        least = fmean(rates) - pstdev(rates) * rate.deviation_factor
        return [standing for standing in judged if _success(standing) < least]

    def _above_threshold(self, percentage: FailurePercentage) -> list[Standing]:
        judged = self._with_volume(percentage.request_volume)
        if len(judged) < percentage.minimum_hosts:
            return []
        return [standing for standing in judged if 100 - _success(standing) >= percentage.threshold]

    def _with_volume(self, volume: int) -> list[Standing]:
        found = self.standings.values()
        return [standing for standing in found if standing.ejected is None and standing.requests >= max(volume, 1)]


def _reached(what: str, count: int, limit: int | None) -> str:
    return what if limit and count >= limit else ""


def _success(standing: Standing) -> float:
    return 100 * standing.successes / standing.requests
