"""Everything that is known of one origin while the gate runs, and the choice of an endpoint by it.

Owns what limits, ejection, health and balancing say together. One origin is one key, whatever hosts it has. Resolving,
dialling and answering are for others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from outgate.policy.model import Endpoint
from outgate.policy.resilience_model import Balancer, Resilience, Warmup
from outgate.traffic.balancing.balancer import Chooser, place_of
from outgate.traffic.balancing.hashing import Hash
from outgate.traffic.balancing.layout import Group, Home, Level, layout
from outgate.traffic.balancing.levels import loads, panics
from outgate.traffic.health import Health
from outgate.traffic.limits import UnderWay, shared
from outgate.traffic.outcome import Outcome
from outgate.traffic.outliers import Ejections, Place
from outgate.traffic.shares import drawn

NAMES = 1024
"""Hosts of one origin whose endpoints are kept; only an origin with a wildcard has many."""
NOWHERE = Home()
HASHING = (Balancer.RING_HASH, Balancer.MAGLEV)
NO_PLACES: frozenset[Place] = frozenset()


class Known(NamedTuple):
    """The endpoints of a host, and how a choice among them begins."""

    endpoints: tuple[Endpoint, ...]
    levels: tuple[Level, ...]
    whole: tuple[Sequence[Endpoint], list[float]] | None
    """All of the preferred endpoints with their weights, where nothing but these counts as long as all are in use."""


@dataclass(frozen=True, slots=True)
class EndpointState:
    """One endpoint, for people."""

    endpoint: Endpoint
    active: int
    healthy: bool
    ejected: str = ""
    """Why, where it is."""
    back_in: float = 0.0
    """Seconds, at the earliest."""
    ejections: int = 0


@dataclass(slots=True)
class OriginState:
    """See the module. `random` gives numbers from 0 up to, not including, 1; `workers` share its limits."""

    key: str
    resilience: Resilience
    random: Callable[[], float]
    home: Home = NOWHERE
    workers: int = 1
    active: dict[Place, int] = field(default_factory=dict)
    under_way: UnderWay = field(init=False)
    ejections: Ejections | None = None
    health: dict[Place, tuple[Health, ...]] = field(default_factory=dict)
    used: bool = False
    """Whether it was ever asked for an endpoint."""
    _known: dict[str, Known] = field(default_factory=dict)
    _seen: dict[Place, float] = field(default_factory=dict)
    _chooser: Chooser = field(init=False)

    def __post_init__(self) -> None:
        resilience = self.resilience
        self.under_way = UnderWay(shared(resilience.limits, self.workers), resilience.retry_budget)
        self._chooser = Chooser(resilience.balancing, self.random, self.active)

    def know(self, name: str, endpoints: tuple[Endpoint, ...], now: float) -> None:
        """The endpoints of a host of this origin, as they are resolved and permitted now."""
        known = self._known.get(name)
        if known is not None and known.endpoints is endpoints and len(self._known) == 1:
            return
        known = self._known.pop(name, None)
        if known is None or known.endpoints != endpoints:
            levels = layout(endpoints, self.resilience.balancing.locality, self.home)
            self._known[name] = Known(endpoints, levels, self._whole(levels))
            self._among(now)
        else:
            self._known[name] = known  # the last in line to be let go

    def choose(self, name: str, key: Hash | None, tried: frozenset[Place], now: float) -> Endpoint | None:
        """An endpoint of a host that is known; None where none is healthy. Those that were tried are passed over as
        long as there are others."""
        self.used, ejections = True, self.ejections
        endpoints, levels, whole = self._known[name]
        if ejections is None and len(endpoints) == 1 and not self.health:
            return endpoints[0]
        out, skipped = NO_PLACES if ejections is None else ejections.ejected(now), tried
        if self.health:
            out |= self._ill()
        if key is not None and self.resilience.balancing.balancer in HASHING:
            skipped = frozenset()  # the key's own order says who is next
        if whole is not None and not (out or skipped):
            usable, weights = whole
            return usable[0] if len(usable) == 1 else self._chooser.choose(usable, weights, key, tried)
        level, ill = self._level(levels, out)
        if level is None:
            return None
        groups = [self._usable(group, frozenset() if ill else out, skipped) for group in level]
        weights = [group.weight if usable else 0.0 for group, usable in zip(level, groups, strict=True)]
        found = drawn(groups, weights, self.random)
        return None if found is None else self._chooser.choose(found, self._weights(found, now), key, tried)

    def _whole(self, levels: tuple[Level, ...]) -> tuple[Sequence[Endpoint], list[float]] | None:
        if not levels or len(levels[0]) != 1 or self.resilience.balancing.warmup is not None:
            return None
        preferred = levels[0][0].endpoints
        return preferred, self._weights(preferred, 0.0)

    def begin(self, place: Place) -> None:
        self.active[place] = self.active.get(place, 0) + 1

    def end(self, place: Place) -> None:
        left = self.active.get(place, 0) - 1
        if left > 0:
            self.active[place] = left
        else:
            self.active.pop(place, None)

    def tell(self, place: Place, outcome: Outcome, now: float) -> bool:
        """How an attempt ended; whether it ejects the endpoint."""
        return self.ejections is not None and self.ejections.tell(place, outcome, now)

    def checked(self, place: Place, number: int, *, passed: bool) -> bool:
        """What the check of this number said; whether the endpoint's health has changed by it."""
        checks = self.health.get(place)
        if checks is None:
            return False
        before = all(check.healthy for check in checks)
        checks[number].result(passed)
        return before != all(check.healthy for check in checks)

    def endpoints(self) -> list[Endpoint]:
        """All that are known, each once."""
        return list(dict.fromkeys(endpoint for known in self._known.values() for endpoint in known.endpoints))

    def shown(self, now: float) -> list[EndpointState]:
        if self.ejections is not None:
            self.ejections.ejected(now)
        return [self._shown(endpoint, now) for endpoint in self.endpoints()]

    def _among(self, now: float) -> None:
        while len(self._known) > NAMES:
            self._known.pop(next(iter(self._known)))
        places = frozenset(map(place_of, self.endpoints()))
        self._chooser.among(places)
        self._seen = {place: self._seen.get(place, now) for place in places}
        checks = self.resilience.health
        if checks:
            self.health = {place: self.health.get(place) or tuple(map(Health, checks)) for place in places}
        if self.resilience.outliers is not None:
            self.ejections = self.ejections or Ejections(self.resilience.outliers, now)
            self.ejections.among(places)

    def _ill(self) -> set[Place]:
        return {place for place, checks in self.health.items() if not all(check.healthy for check in checks)}

    def _level(self, levels: tuple[Level, ...], out: frozenset[Place]) -> tuple[Level | None, bool]:
        """The level that takes this one, and whether it is in a panic; None where nothing is healthy."""
        if not levels:
            return None, False
        if not out:
            return levels[0], False
        total = [sum(len(group.endpoints) for group in level) for level in levels]
        healthy = [sum(_in_use(group, out) for group in level) for level in levels]
        panic = panics(healthy, total, self.resilience.panic_percent)
        if any(panic) and self.resilience.panic_fails:
            return None, False
        shares = loads([of if ill else up for up, of, ill in zip(healthy, total, panic, strict=True)], total)
        number = drawn(range(len(levels)), shares, self.random)
        return (None, False) if number is None else (levels[number], panic[number])

    def _usable(self, group: Group, out: frozenset[Place], tried: frozenset[Place]) -> Sequence[Endpoint]:
        if not (out or tried):
            return group.endpoints
        in_use = [endpoint for endpoint in group.endpoints if place_of(endpoint) not in out]
        return [endpoint for endpoint in in_use if place_of(endpoint) not in tried] or in_use

    def _weights(self, usable: Sequence[Endpoint], now: float) -> list[float]:
        weights = [float(endpoint.weight) for endpoint in usable]
        if not any(weights):
            weights = [1.0] * len(weights)
        warmup, balancer = self.resilience.balancing.warmup, self.resilience.balancing.balancer
        if warmup is None or balancer in HASHING:
            return weights
        ages = (now - self._seen.get(place_of(endpoint), now) for endpoint in usable)
        return [weight * _warmth(warmup, age) for weight, age in zip(weights, ages, strict=True)]

    def _shown(self, endpoint: Endpoint, now: float) -> EndpointState:
        place = place_of(endpoint)
        standing = self.ejections.standings.get(place) if self.ejections is not None else None
        until = self.ejections.until(place) if self.ejections is not None else None
        return EndpointState(
            endpoint,
            self.active.get(place, 0),
            all(check.healthy for check in self.health.get(place, ())),
            standing.why if standing is not None else "",
            max(0.0, until - now) if until is not None else 0.0,
            standing.ejections if standing is not None else 0,
        )


def _in_use(group: Group, out: frozenset[Place]) -> int:
    return sum(place_of(endpoint) not in out for endpoint in group.endpoints)


def _warmth(warmup: Warmup, age: float) -> float:
    if age >= warmup.duration:
        return 1.0
    grown: float = (max(age, 0.0) / warmup.duration) ** (1 / warmup.aggression)
    return max(warmup.minimum_percent / 100, grown, 1e-3)
