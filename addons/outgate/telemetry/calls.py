"""Who called what, and how it went: a tally that whoever serves keeps beside its work.

Owns the edges between callers and places, their number and their sum. An edge is counted into by adding to numbers, so
that it costs about a microsecond an event; what is to be said of it is worked out when somebody asks.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from outgate.policy.model import Decision, Traffic, Verdict
from outgate.telemetry.event import Event

MOST = 2000
"""Edges that are told apart; what comes on top is counted together."""
STRANGE = 1000
"""Of those, to places that no document names: workloads make up as many names as they like."""
WAYS = 12
"""For each edge, ways that are told apart."""
MAX_NAME = 253
LARGEST = 1e18
NUMBERS = ("requests", "errors", "sent", "received", "first", "last")
BOUNDS = tuple(0.0005 * 2 ** (step / 2) for step in range(41))
"""Seconds up to which an answer is counted in each of `Edge.durations`, from half a millisecond to nine minutes; the
last number there is of longer ones."""
HTTP = {"HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "gRPC", "HTTP"}
"""Protocols whose durations are of requests. `HTTP` is any other version."""
APPS = ("app.kubernetes.io/name", "app")
"""Labels that say which workload it is, the first of them that is there."""
ALLOW, DENY = "allow", "deny"  # as events have them
WOULD_DENY = "would_deny"
"""The verdict on what passes, and is denied once OBSERVE or a rule's dry-run ends."""
REGISTERED, INTERNAL, UNREGISTERED, OTHER = "registered", "internal", "unregistered", "other"


class Caller(NamedTuple):
    """`address` is empty where one of the others is known."""

    namespace: str = ""
    service_account: str = ""
    workload: str = ""
    address: str = ""


class Place(NamedTuple):
    """Where it went: a destination's key, or where there is none the name or the address that was asked for."""

    kind: str
    name: str


class Way(NamedTuple):
    """How it went there."""

    protocol: str
    """`HTTP/1.1`, `HTTP/2.0`, `gRPC`, `TLS`, `TCP`; empty for what never became an attempt."""
    tls: str
    """`originated` by the gate for plain requests; `decrypted`, and begun anew; `mutual`: likewise, with a client
    certificate; `tunnelled`; or empty, as for what was denied."""
    port: int
    code: str
    """Why; of what would be denied by OBSERVE's end, why it would."""


SOMEBODY, SOMEWHERE = Caller(), Place(OTHER, "")
"""The ends of what is not told apart."""


@dataclass(slots=True)
class Edge:
    """One caller, one place, one verdict. Times in seconds since the epoch."""

    caller: Caller
    place: Place
    verdict: str
    """`allow`, `deny` or `would_deny`."""
    requests: int = 0
    errors: int = 0
    """Of those that were allowed: no answer, one of 5xx, or a connection that broke off."""
    sent: int = 0
    received: int = 0
    first: float = float("inf")
    last: float = 0.0
    durations: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    """HTTP requests by how long they took. Of tunnels the time says nothing."""
    ways: dict[tuple[str, str, int, str], int] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        return {
            "caller": self.caller._asdict(),
            "place": self.place._asdict(),
            "verdict": self.verdict,
            "requests": self.requests,
            "errors": self.errors,
            "sent": self.sent,
            "received": self.received,
            "first": self.first,
            "last": self.last,
            "durations": list(self.durations),
            "ways": [Way(*way)._asdict() | {"requests": number} for way, number in self.ways.items()],
        }

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """What `plain` gave."""
        caller, place, verdict = _texts(Caller, told["caller"]), _texts(Place, told["place"]), told["verdict"]
        if verdict not in (ALLOW, DENY, WOULD_DENY) or len(told["durations"]) != len(BOUNDS) + 1:
            raise ValueError("a verdict or durations of another form")
        ways = {_read_way(way): _number(way["requests"]) for way in told["ways"]}
        numbers = {name: _number(told[name]) for name in NUMBERS}
        return cls(caller, place, verdict, **numbers, durations=list(map(_number, told["durations"])), ways=ways)

    def add(self, other: Edge) -> None:
        """What another one has counted, too."""
        self.requests, self.errors = self.requests + other.requests, self.errors + other.errors
        self.sent, self.received = self.sent + other.sent, self.received + other.received
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.durations = [ours + theirs for ours, theirs in zip(self.durations, other.durations, strict=True)]
        for way, number in other.ways.items():
            self.ways[way] = self.ways.get(way, 0) + number

    def count(self, started: float, seconds: float, way: tuple[str, str, int, str]) -> None:
        """One more, which took so long and this way. Of too many ways, the rest is counted in `requests` alone."""
        self.requests += 1
        if started < self.first:
            self.first = started
        if (ended := started + seconds) > self.last:
            self.last = ended
        if way[0] in HTTP:
            self.durations[bisect_left(BOUNDS, seconds)] += 1
        ways = self.ways
        if way in ways:
            ways[way] += 1
        elif len(ways) < WAYS:
            ways[way] = 1


@dataclass(frozen=True, slots=True)
class Calls:
    """What is known of all edges, since a time."""

    since: float
    edges: tuple[Edge, ...] = ()

    def plain(self) -> dict[str, Any]:
        return {"since": self.since, "edges": [edge.plain() for edge in self.edges]}

    @classmethod
    def read(cls, told: Any) -> Self:
        """What `plain` gave. Raises `ValueError` for anything else."""
        try:
            return cls(float(_number(told["since"])), tuple(map(Edge.read, told["edges"])))
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"no calls: {error!r}") from error


class Tally:
    """The edges of a process. `observe` is an output of the recorder."""

    def __init__(self) -> None:
        self.since = time.time()
        self.edges: dict[tuple[Caller, Place, str], Edge] = {}
        self._strange = 0
        self._known: dict[tuple[object, ...], Edge] = {}
        """Edges by what events say, so that neither end has to be named each time."""

    def calls(self) -> Calls:
        """A copy: what is counted from now on is not in it."""
        return summed([Calls(self.since, tuple(self.edges.values()))])

    def observe(self, event: Event) -> None:
        """Count what is over."""
        caller, decision, verdict, code, destination = event.caller, event.decision, event.verdict, event.code, None
        if decision is not None:
            destination = decision.destination
            if verdict == ALLOW and (decision.would is not None or decision.shadows):
                verdict, code = _foreseen(decision)
        name = destination.key if destination is not None else (event.host or event.address)[:MAX_NAME]
        who = (caller.namespace, caller.service_account, caller.address, caller.labels)
        key = (who, destination is None, name, verdict)
        edge = self._known.get(key)
        if edge is None:
            edge = self._named(key, event, name, verdict)
        edge.count(event.started, event.duration, _way(event, code))
        edge.sent += event.sent
        edge.received += event.received
        if verdict != DENY and failed(event.status, event.failure):
            edge.errors += 1

    def edge(self, caller: Caller, place: Place, verdict: str) -> Edge:
        """The one that counts this: its own, or where there is no room for that the one for the rest."""
        for ends in ((caller, place), (caller, SOMEWHERE), (SOMEBODY, SOMEWHERE)):
            if (found := self.edges.get((*ends, verdict))) is not None:
                return found
            if self._room(*ends):
                made = self.edges[*ends, verdict] = Edge(*ends, verdict)
                self._strange += ends[1].kind == UNREGISTERED
                return made
        raise AssertionError("there is always room for the rest")

    def _room(self, caller: Caller, place: Place) -> bool:
        if place.kind == UNREGISTERED and self._strange >= STRANGE:
            return False
        return len(self.edges) < MOST or (caller, place) == (SOMEBODY, SOMEWHERE)

    def _named(self, key: tuple[object, ...], event: Event, name: str, verdict: str) -> Edge:
        place = Place(_kind(event.decision), name)
        edge = self.edge(_caller(event), place, verdict)
        if edge.place == place:
            if len(self._known) >= 2 * MOST:  # callers come and go with their addresses
                self._known.clear()
            self._known[key] = edge
        return edge


def summed(known: Iterable[Calls]) -> Calls:
    """What several processes have counted together, since the first of them began. Shares nothing with them."""
    edges: dict[tuple[Caller, Place, str], Edge] = {}
    since = float("inf")
    for calls in known:
        since = min(since, calls.since)
        for edge in calls.edges:
            key = (edge.caller, edge.place, edge.verdict)
            edges.setdefault(key, Edge(*key)).add(edge)
    return Calls(since, tuple(edges.values()))


def _texts[Ends: (Caller, Place)](ends: type[Ends], told: Mapping[str, Any]) -> Ends:
    made = ends(**told)
    if not all(isinstance(text, str) for text in made):
        raise TypeError("no text")
    return made


def _read_way(told: Mapping[str, Any]) -> tuple[str, str, int, str]:
    protocol, tls, code = told["protocol"], told["tls"], told["code"]
    if not all(isinstance(text, str) for text in (protocol, tls, code)):
        raise TypeError("no text")
    return protocol, tls, _number(told["port"]), code


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LARGEST:
        raise TypeError("no number")
    return value


def failed(status: int, failure: str) -> bool:
    """Whether something that was allowed went wrong. A workload that leaves is free to."""
    return status >= 500 or (failure != "" and not failure.startswith("client_disconnected"))


def tls_of(kind: str, encrypted: bool, upstream: bool, mutual: bool) -> str:
    """As `Way.tls`. `encrypted`: by the workload, and decrypted; `upstream`: by the gate."""
    if kind == "tls":
        return "tunnelled"
    if mutual and upstream:
        return "mutual"
    return "decrypted" if encrypted else "originated" if upstream else ""


def protocol_of(kind: str, spoken: str) -> str:
    """As `Way.protocol`, low in number whatever a workload says that it speaks."""
    if kind == "http":
        return spoken if spoken in HTTP else "HTTP"
    return "" if kind == "connection" else kind.upper()


def _way(event: Event, code: str) -> tuple[str, str, int, str]:
    kind, attempt = event.kind, event.attempt
    spoken = "gRPC" if attempt is not None and attempt.grpc else protocol_of(kind, event.protocol)
    if event.verdict == DENY:
        return spoken, "", event.port, code
    upstream = event.reached[-1].tls if event.reached else None
    tls = tls_of(kind, event.encrypted, upstream is not None, upstream is not None and upstream.mutual)
    return spoken, tls, event.port, code


def _foreseen(decision: Decision) -> tuple[str, str]:
    """Verdict and code: under OBSERVE, those of the denial that would have been."""
    if decision.would is not None:
        return WOULD_DENY, str(decision.would.code)
    denied = any(shadow.verdict is Verdict.DENY for shadow in decision.shadows)
    return WOULD_DENY if denied else ALLOW, str(decision.code)


def _kind(decision: Decision | None) -> str:
    if decision is None or decision.destination is None:
        return UNREGISTERED
    return INTERNAL if decision.traffic is Traffic.INTERNAL else REGISTERED


def _caller(event: Event) -> Caller:
    caller = event.caller
    labels = dict(caller.labels)
    workload = next((labels[name] for name in APPS if name in labels), "")
    named = bool(caller.namespace or caller.service_account or workload)
    return Caller(caller.namespace, caller.service_account, workload, "" if named else caller.address)
