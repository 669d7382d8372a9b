"""What is under way towards one origin, and whether there may be more.

Owns the counts. There is no queue here: who may not go on at once is told so, and whether he waits is his own affair.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from enum import StrEnum

from outgate.policy.resilience_model import Limits, RetryBudget

MOST_BEGUN = 100_000
"""Requests of a budget's interval that are remembered; there is no more to retry for those beyond."""


class Kind(StrEnum):
    """What is counted."""

    CONNECTIONS = "connections"
    PENDING = "pending"
    REQUESTS = "requests"
    RETRIES = "retries"


def shared(limits: Limits, workers: int) -> Limits:
    """One worker's part of limits that are the whole gate's: at least one of each, so that no worker refuses all."""

    def part(limit: int | None) -> int | None:
        return None if limit is None else max(1, limit // workers)

    return replace(
        limits,
        connections=part(limits.connections),
        pending=part(limits.pending),
        requests=part(limits.requests),
        retries=part(limits.retries),
    )


@dataclass(slots=True)
class UnderWay:
    """Counts towards one origin. What is taken has to be given back, exactly once."""

    limits: Limits = field(default_factory=Limits)
    budget: RetryBudget | None = None
    counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    refused: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    _begun: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_BEGUN))
    """When the requests of the budget's interval began, the oldest first."""
    _most: dict[Kind, int | None] = field(init=False)
    _timed: float = field(init=False)
    """The budget's interval, 0 where there is none."""

    def __post_init__(self) -> None:
        self._most = {kind: getattr(self.limits, kind) for kind in Kind}
        self._timed = self.budget.interval if self.budget is not None else 0.0

    def take(self, kind: Kind, now: float) -> bool:
        """Whether one more may be under way; then it is counted."""
        counts, most = self.counts, self._most[kind]
        if kind is Kind.RETRIES and self.budget is not None:
            most = self._budgeted(self.budget, now)
        if most is not None and counts[kind] >= most:
            self.refused[kind] += 1
            return False
        counts[kind] += 1
        if self._timed and kind is Kind.REQUESTS:
            self._begun.append(now)
            self._recent(now, self._timed)
        return True

    def give(self, kind: Kind) -> None:
        if self.counts[kind] <= 0:
            raise ValueError(f"more {kind} are given back than were taken")
        self.counts[kind] -= 1

    def _budgeted(self, budget: RetryBudget, now: float) -> int:
        requests = self._recent(now, budget.interval) if budget.interval else self.counts[Kind.REQUESTS]
        return max(budget.minimum, int(requests * budget.percent / 100))

    def _recent(self, now: float, interval: float) -> int:
        while self._begun and self._begun[0] <= now - interval:
            self._begun.popleft()
        return len(self._begun)
