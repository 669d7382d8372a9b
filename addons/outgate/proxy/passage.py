"""What the traffic policy makes of one exchange: its route, its origin, how often it was tried, what it holds.

Owns that record, and that what was taken of an origin's limits is given back, once. Draws and bounds are `traffic`'s;
the order of the questions is `governor`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from outgate.policy.model import Endpoint
from outgate.policy.route_model import Backend, NamedMatch, RetryPolicy, Route, TextMatch
from outgate.policy.routing import Chosen, compiled
from outgate.proxy.commands import Limited
from outgate.proxy.plan import Plan
from outgate.traffic.backoff import pause
from outgate.traffic.faults import NO_TROUBLE, Trouble
from outgate.traffic.limits import Kind
from outgate.traffic.origin import OriginState
from outgate.traffic.outcome import Outcome
from outgate.traffic.outliers import Place
from outgate.traffic.retrying import worth_it

NOWHERE: frozenset[Place] = frozenset()
STATUSES = 256


class Refused(Exception):
    """The traffic policy does not let a request go on. `status` and `code` are what the workload is told."""

    def __init__(
        self,
        status: int,
        code: str,
        reason: str,
        headers: tuple[tuple[str, str], ...] = (),
        grpc_status: int | None = None,
    ) -> None:
        super().__init__(reason)
        self.status, self.code, self.reason = status, code, reason
        self.headers, self.grpc_status = headers, grpc_status


@dataclass(slots=True)
class Passage:
    """Of one exchange. `clock` is monotonic."""

    chosen: Chosen
    plan: Plan
    clock: Callable[[], float]
    random: Callable[[], float]
    began: float
    origin: OriginState | None = None
    trouble: Trouble = NO_TROUBLE
    heard: float = 0.0
    """When all of the request had come; 0: it has not yet."""
    endpoint: Endpoint | None = None
    """That was chosen for the present try, where there is something to choose."""
    asked: bool = False
    """It was asked whether it may go on: that is found out once."""
    admitted: bool = False
    refused: Refused | None = None
    """Why it does not go on, where that was the answer."""
    retries: int = 0
    pause: float = 0.0
    """Seconds before the next try."""
    tried: frozenset[Place] = NOWHERE
    cookie: str = ""
    """By which the workload is to come to the same endpoint again; set with the response."""
    copied: bool = False
    """Its mirrors have their copies, or will have none."""
    flags: list[str] = field(default_factory=list)
    """Envoy's, of what was done to it."""
    over: bool = False
    """Nothing is taken for it any more, whatever it still waits for."""
    _held: list[Kind] = field(default_factory=list)
    _place: Place = ("", 0)
    """Of `endpoint`."""

    @property
    def backend(self) -> Backend | None:
        return self.plan.backend

    @property
    def route(self) -> Route:
        return self.chosen.route

    def remaining(self, what: Limited) -> float | None:
        """Seconds left of a limit on the whole exchange, from now on; None where there is none."""
        limit, since = self.route.maximum_duration, self.began
        if what is Limited.REQUEST:
            limit, since = self.route.timeout, self.heard
        return max(0.0, since + limit - self.clock()) if limit else None

    @property
    def lasts(self) -> bool:
        """It is made to wait, or there is more to ask than this process knows."""
        return self.plan.remote or bool(self.trouble.delay or self.trouble.bytes_per_second)

    def take(self, kind: Kind, now: float) -> bool:
        """Whether one more may be under way at the origin; it is counted until `leave`."""
        if self.origin is None or self.over:
            return True
        if not self.origin.under_way.take(kind, now):
            return False
        self._held.append(kind)
        return True

    def chose(self, endpoint: Endpoint) -> None:
        """The next try is for this endpoint."""
        assert self.origin is not None
        if self.over:
            return
        place = self._place = endpoint.address, endpoint.port
        self.endpoint = endpoint
        self.origin.begin(place)

    def tell(self, outcome: Outcome) -> None:
        """The present try is over, or has come to an answer."""
        if self.origin is not None and self.endpoint is not None:
            self.origin.tell(self._place, outcome, self.clock())

    def again(self, method: str, outcome: Outcome, wall: Callable[[], float] = time.time) -> bool:
        """Whether it is tried once more after this. Then it is `pause` that is waited for before."""
        policy = self.plan.route.retry
        if policy is None or not self.plan.retries or not self._worth(policy, method, outcome):
            return False
        if self.retries >= policy.retries:
            self.flags.append("URX")
            return False
        if Kind.RETRIES not in self._held and not self.take(Kind.RETRIES, self.clock()):
            self.flags.append("UO")
            return False
        self.retries += 1
        self.pause = pause(policy, self.retries, outcome.headers, wall(), self.random)
        if policy.other_hosts:
            self.next_place()
        self._let_go()
        return True

    def _worth(self, policy: RetryPolicy, method: str, outcome: Outcome) -> bool:
        status, known = outcome.status, self.plan.worth
        if status is None or outcome.grpc_status is not None or not self.plan.by_status:
            return worth_it(policy, method, outcome, _holds)
        worth = known.get((method, status))
        if worth is None:
            if len(known) >= STATUSES:
                known.clear()
            worth = known[method, status] = worth_it(policy, method, outcome, _holds)
        return worth

    def next_place(self) -> None:
        """The present one could not be reached; another one is asked where there is one."""
        if self.endpoint is not None:
            self.tried |= {self._place}
        self._let_go()

    def leave(self) -> None:
        """It is over. A second time does nothing."""
        self.over = True
        self._let_go()
        while self._held:
            kind = self._held.pop()
            if self.origin is not None:
                self.origin.under_way.give(kind)

    def _let_go(self) -> None:
        if self.endpoint is not None and self.origin is not None:
            self.origin.end(self._place)
        self.endpoint = None


def overflow(reason: str) -> Refused:
    return Refused(503, "overflow", reason, (("x-envoy-overloaded", "true"),))


_plain: dict[int, Outcome] = {}


def outcome_of(status: int, headers: Mapping[str, str], *, ended: bool) -> Outcome:
    """Of an answer whose head has come; `ended` with it."""
    told = headers.get("grpc-status", "") if ended else ""
    return Outcome(status, None, int(told) if told.isascii() and told.isdigit() and len(told) < 4 else None, headers)


def plain_outcome(status: int) -> Outcome:
    """Of an answer of which nothing but its status matters; kept, for there is one with every request."""
    known = _plain.get(status)
    if known is None:
        if len(_plain) >= STATUSES:
            _plain.clear()
        known = _plain[status] = Outcome(status)
    return known


def _holds(named: NamedMatch, value: str | None) -> bool:
    return _compiled(named.match)(value)


@lru_cache(256)
def _compiled(match: TextMatch) -> Callable[[str | None], bool]:
    return compiled(match)
