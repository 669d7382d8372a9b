"""What is known of a route beforehand, so that its exchanges need not work it out each time.

Owns the reading of a route for the data plane. Which one an exchange has, and how long it lives, is `ways`'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from outgate.policy.headers import CONTROL_PREFIX, HOP_BY_HOP
from outgate.policy.route_model import (
    UNCHANGED,
    Backend,
    Fault,
    HeaderChange,
    HeaderFormat,
    LimitScope,
    RateLimit,
    Route,
)

UNTOUCHED = HOP_BY_HOP | {"content-length", "transfer-encoding", "trailer"}
"""What frames a message, or passes between two ends only, is nobody's to change."""
NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
AUTHORITY = ("host", ":authority")

READING = frozenset({"retriable-headers", "envoy-ratelimited"})
"""Conditions of retries that look at the headers of answers."""

type Fields = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A change of heads, as it is applied to bytes."""

    gone: frozenset[bytes]
    """Names in lower case."""
    more: Fields
    authority: str | None
    """What it makes of the authority, where it names that."""
    formats: tuple[tuple[bytes, HeaderFormat, bool], ...] = ()
    """What is made with each message, and whether it stands in for what has the name."""

    def apply(self, fields: Fields) -> Fields:
        """Where nothing is made with each message."""
        gone = self.gone
        kept = tuple([field for field in fields if field[0].lower() not in gone]) if gone else fields
        return kept + self.more

    def formed(self, fields: Fields, made: Iterable[tuple[bytes, bytes, bool]]) -> Fields:
        """`made` is what the formats have come to."""
        gone, more = self.gone, self.more
        for name, value, instead in made:
            gone, more = gone | {name.lower()} if instead else gone, (*more, (name, value))
        return replace(self, gone=gone, more=more).apply(fields)


@dataclass(slots=True)
class Plan:
    """Of one route and one of its backends."""

    route: Route
    backend: Backend | None
    timed: bool = field(init=False)
    answers: bool = field(init=False)
    """It is an answer of the gate's own."""
    remote: bool = field(init=False)
    """More has to be asked than this process knows."""
    retries: bool = field(init=False)
    """There may be a second try."""
    outgoing: tuple[Change, ...] = field(init=False)
    incoming: tuple[Change, ...] = field(init=False)
    worth: dict[tuple[str, int], bool] = field(default_factory=dict)
    """Whether an answer of a status is worth another try, by method, where nothing but these two counts."""
    by_status: bool = field(init=False)
    reads_answers: bool = field(init=False)
    """More of an answer counts than its status."""
    per_try: float = field(init=False)
    """Seconds; 0: any number."""
    shortest: float = field(init=False)
    """Seconds of the limit that can run out first; 0: there is none."""
    keeps: bool = field(init=False)
    """Bodies of requests are needed more than once."""
    changes: bool = field(init=False)
    """An origin is told something else than what was asked."""
    literal: bool = field(init=False)
    """That is nothing but fields which are the same for every request."""
    limits: tuple[tuple[RateLimit, bool], ...] = field(init=False)
    """Each, and whether it counts everything, in this process."""
    faults: tuple[Fault, ...] = field(init=False)
    """Those that can come to anything."""

    def __post_init__(self) -> None:
        route, backend, retry = self.route, self.backend, self.route.retry
        self.per_try = (retry.per_try_timeout if retry is not None else None) or 0.0
        self.timed = bool(self.per_try or route.timeout or route.idle_timeout or route.maximum_duration)
        self.answers = route.direct is not None or route.redirect is not None
        self.remote = any(limit.scope is LimitScope.GLOBAL for limit in route.limits)
        self.retries = retry is not None and retry.retries > 0
        self.keeps = bool(route.mirrors) or self.retries
        own = (backend.request_headers, backend.response_headers) if backend is not None else (UNCHANGED, UNCHANGED)
        self.outgoing = tuple(_compiled((route.request_headers, own[0])))
        self.incoming = tuple(_compiled((own[1], route.response_headers)))
        self.changes = bool(self.outgoing) or route.rewrite is not None
        self.literal = route.rewrite is None and not any(one.formats or one.authority for one in self.outgoing)
        self.limits = tuple((limit, _unconditional(limit)) for limit in route.limits)
        self.faults = tuple(filter(_possible, route.faults))
        limits = (self.per_try, route.timeout, route.idle_timeout, route.maximum_duration)
        self.shortest = min((limit for limit in limits if limit), default=0.0)
        self.reads_answers = retry is not None and (bool(retry.on & READING) or retry.rate_limited is not None)
        self.by_status = retry is not None and not retry.on & READING


def _unconditional(limit: RateLimit) -> bool:
    some = limit.caller or limit.headers or limit.connections or limit.enabled_percent < 100
    return not some and limit.scope is LimitScope.PROCESS


def _possible(fault: Fault) -> bool:
    return any(part is not None and part.percent > 0 for part in (fault.delay, fault.abort, fault.bandwidth))


def _compiled(changes: Iterable[HeaderChange]) -> Iterable[Change]:
    return (_change(change) for change in changes if change != UNCHANGED)


def _change(change: HeaderChange) -> Change:
    removed = {name.lower() for name in change.remove if _free(name)}
    removed |= {name.lower() for name, value in change.set if _free(name) and isinstance(value, str)}
    literal = [(name, value) for name, value in (*change.set, *change.add) if isinstance(value, str)]
    more = tuple((_bytes(name), _bytes(value)) for name, value in literal if _free(name))
    formats = tuple(_formats(change))
    names = [name for name, _ in more] + [name for name, _, _ in formats]
    if not all(map(NAME.fullmatch, names)) or not all(VALUE.fullmatch(value) for _, value in more):
        raise ValueError("a route sets a header that cannot stand in a head")
    named = (value for name, value in literal if name.lower() in AUTHORITY)
    return Change(frozenset(map(_bytes, removed)), more, next(named, None), formats)


def _formats(change: HeaderChange) -> Iterable[tuple[bytes, HeaderFormat, bool]]:
    for instead, pairs in ((True, change.set), (False, change.add)):
        for name, value in pairs:
            if isinstance(value, HeaderFormat) and _free(name):
                yield _bytes(name), value, instead


def _free(name: str) -> bool:
    lower = name.lower()
    return lower not in UNTOUCHED and lower not in AUTHORITY and not lower.startswith((CONTROL_PREFIX, ":"))


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")
