"""An origin's endpoints in the order of preference: priorities, and within one of them localities.

Owns the reading of locality settings. Knows neither health nor load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from outgate.policy.model import Endpoint
from outgate.policy.resilience_model import Locality

PARTS = 3
"""Region, zone and subzone."""

type _Rank = Callable[[Endpoint], int]


@dataclass(frozen=True, slots=True)
class Home:
    """Where the gate itself is."""

    locality: str = ""
    """`region/zone/subzone`."""
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Endpoints that share a part of the traffic of their level."""

    endpoints: tuple[Endpoint, ...]
    weight: float = 1.0


type Level = tuple[Group, ...]
"""Endpoints of one priority."""


def layout(endpoints: Sequence[Endpoint], locality: Locality | None, home: Home) -> tuple[Level, ...]:
    """The levels, the preferred one first. Endpoints to which no share goes are left out."""
    if locality is None:
        return tuple((Group(group),) for group in _by_rank(endpoints, lambda endpoint: endpoint.priority))
    for pattern, shares in locality.shares:
        if covers(pattern, home.locality):
            return _shared(endpoints, shares)
    if locality.priority_labels:
        own = dict(home.labels)
        return _levels(endpoints, lambda endpoint: _mismatch(endpoint, locality.priority_labels, own))
    failover = dict(locality.failover)
    return _levels(endpoints, lambda endpoint: _distance(endpoint.locality, home.locality, failover))


def covers(pattern: str, locality: str) -> bool:
    """Whether a pattern (`region`, `region/zone`, `region/*`, `*`) holds a locality."""
    if pattern == "*":
        return True
    wanted = [part for part in pattern.split("/") if part]
    return (
        all(want in ("*", have) for want, have in zip(wanted, _parts(locality), strict=False)) and len(wanted) <= PARTS
    )


def _levels(endpoints: Sequence[Endpoint], nearness: _Rank) -> tuple[Level, ...]:
    """By priority first, then by nearness."""
    return tuple(
        (Group(near),)
        for group in _by_rank(endpoints, lambda endpoint: endpoint.priority)
        for near in _by_rank(group, nearness)
    )


def _by_rank(endpoints: Iterable[Endpoint], rank: _Rank) -> list[tuple[Endpoint, ...]]:
    return [tuple(group) for _, group in groupby(sorted(endpoints, key=rank), rank)]


def _shared(endpoints: Sequence[Endpoint], shares: tuple[tuple[str, int], ...]) -> tuple[Level, ...]:
    """One level for each priority; an endpoint belongs to the first share that holds its locality."""

    def share_of(endpoint: Endpoint) -> int:
        matching = (number for number, (pattern, _) in enumerate(shares) if covers(pattern, endpoint.locality))
        return next(matching, len(shares))

    levels: list[Level] = []
    for same in _by_rank(endpoints, lambda endpoint: endpoint.priority):
        groups = [(share_of(group[0]), group) for group in _by_rank(same, share_of)]
        level = tuple(Group(group, shares[number][1]) for number, group in groups if number < len(shares))
        if level:
            levels.append(level)
    return tuple(levels)


def _distance(there: str, here: str, failover: Mapping[str, str]) -> int:
    """0 for the same subzone, 1 zone, 2 region, 3 the region that stands in, 4 any other."""
    same = 0
    for one, other in zip(_parts(there), _parts(here), strict=True):
        if one != other:
            break
        same += 1
    if same:
        return PARTS - same
    return PARTS if failover.get(_parts(here)[0]) == _parts(there)[0] else PARTS + 1


def _mismatch(endpoint: Endpoint, wanted: tuple[str, ...], own: Mapping[str, str]) -> int:
    """How many of the wanted labels are left from the first one on that the endpoint does not share."""
    labels = dict(endpoint.labels)
    for number, label in enumerate(wanted):
        name, _, value = label.partition("=")
        if labels.get(name) != (value or own.get(name)):
            return len(wanted) - number
    return 0


def _parts(locality: str) -> list[str]:
    return (locality.split("/") + [""] * PARTS)[:PARTS]
