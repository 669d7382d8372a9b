"""The spans of an attempt: one for what the workload asked (SERVER), one for each time an origin was asked (CLIENT).

Owns which spans there are, and that what attempts share which are alike is found out once. Makes plain values and reads
no clock; what attributes say is `span_attributes`', and how spans are exported is known elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from outgate.telemetry.event import Event, Trace
from outgate.telemetry.showing import Showing
from outgate.telemetry.span_attributes import METHODS, Attributes, Wording, asked
from outgate.telemetry.span_errors import client_error, failed_at_server
from outgate.telemetry.text import MAX_TEXT

KEPT = 1024
"""Kinds of attempts whose spans' shared attributes are kept; then it is begun anew."""


class Shape(StrEnum):
    """Which spans there are."""

    PAIR = "pair"
    """One SERVER span, and a CLIENT span below it for each time an origin was asked."""
    CLIENT = "client"
    """CLIENT spans alone, as children of the workload's own."""


@dataclass(slots=True)
class Shared:
    """Of one span, what those of other attempts have, too."""

    attributes: Attributes
    failed: bool
    origin: str = ""
    """Of what the workload asked nothing; of the others the beginning of the URL."""
    written: bytes = b""
    """As it is sent, with the span's name, once it was."""


class Span(NamedTuple):
    """One span. Times in nanoseconds since the epoch."""

    name: str
    client: bool
    trace: Trace
    span_id: int
    parent_id: int
    remote: bool
    """The parent is the workload's."""
    start: int
    end: int
    shared: Shared
    own: Attributes

    @property
    def attributes(self) -> Attributes:
        return self.shared.attributes | self.own

    @property
    def failed(self) -> bool:
        return self.shared.failed


class Kind(NamedTuple):
    """What spans of attempts that are alike share: of the SERVER span, where there is one, and of the others."""

    name: str
    server: Shared | None
    clients: tuple[Shared, ...]
    held: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """How spans are made."""

    shape: Shape = Shape.PAIR
    showing: Showing = field(default_factory=Showing)
    methods: frozenset[str] = METHODS
    """Those that are known by name; all others are `_OTHER`."""
    longest: int = MAX_TEXT
    """Characters of a value."""
    wording: Wording = field(init=False, compare=False)
    _kinds: dict[tuple[object, ...], Kind] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "wording", Wording(self.showing, self.methods, self.longest))

    def spans(self, event: Event, new_id: Callable[[], int]) -> list[Span]:
        """Those of an attempt that has a trace. `new_id` makes identifiers for what was tried before the last time."""
        trace = event.trace
        assert trace is not None
        kind = self.alike(event) or self._made(event)
        parent, remote = (
            (trace.server_id, False) if kind.server is not None else (trace.parent_id, bool(trace.parent_id))
        )
        made = [] if kind.server is None else [self._server(event, trace, kind.name, kind.server)]
        ids = _as_many(trace.client_ids, len(event.reached), new_id)
        for shared, reached, span_id in zip(kind.clients, event.reached, ids, strict=True):
            start, end = nanoseconds(reached.started or event.started, reached.ended or event.started + event.duration)
            own = self.wording.sent(event, reached, shared.origin)
            made.append(Span(kind.name, True, trace, span_id, parent, remote, start, end, shared, own))
        if kind.server is None:
            self.wording.named(event, made[-1].own)
        return made

    def _server(self, event: Event, trace: Trace, name: str, shared: Shared) -> Span:
        """What the workload asked. Of the other kind where there are only such, and nobody else was asked."""
        client, remote = self.shape is Shape.CLIENT, bool(trace.parent_id)
        start, end = nanoseconds(event.started, event.started + event.duration)
        own = self.wording.asked(event)
        self.wording.named(event, own)
        return Span(name, client, trace, trace.server_id, trace.parent_id, remote, start, end, shared, own)

    def alike(self, event: Event) -> Kind | None:
        """What its spans share with those of others; None where there is more to it than is shared."""
        if (key := _likeness(event)) is None:
            return None
        if (kind := self._kinds.get(key)) is None:
            if len(self._kinds) >= KEPT:
                self._kinds.clear()
            kind = self._kinds[key] = self._made(event)
        return kind

    def _made(self, event: Event) -> Kind:
        wording, last = self.wording, len(event.reached) - 1
        clients = tuple(
            Shared(
                wording.tried(event, reached, number),
                bool(client_error(event, reached, number == last)),
                asked(event, reached)[0],
            )
            for number, reached in enumerate(event.reached)
        )
        server = None
        if self.shape is Shape.CLIENT and clients:
            wording.judged(event, clients[-1].attributes)
        else:
            server = Shared(wording.served(event), failed_at_server(event))
        return Kind(self._name(event), server, clients, _parts(event))

    def _name(self, event: Event) -> str:
        if event.kind != "http":
            return event.kind
        return event.method if event.method in self.methods else "HTTP"


def _likeness(event: Event) -> tuple[object, ...] | None:
    """Of a request that went well, all that its spans have in common with those of others; None where there is more to
    it. Parts of the policy count by which they are: to compare what they say would take longer than the spans."""
    decision, rule = event.decision, event.trace.rule if event.trace is not None else None
    if event.kind != "http" or event.verdict != "allow" or not 100 <= event.status < 400 or len(event.reached) != 1:
        return None
    if event.error_type or event.failure or event.flags or event.extra or (rule is not None and rule.tags):
        return None
    if decision is None or decision.would is not None:
        return None
    caller, reached = event.caller, event.reached[0]
    tls = reached.tls
    # fmt: off
    return (
        id(decision.source), id(decision.destination), id(decision.port), id(reached.endpoint), decision.traffic,
        event.host, event.sni, event.address, event.port, event.encrypted, event.method, event.protocol, event.status,
        event.code, event.reason, event.generation,
        caller.address, caller.namespace, caller.service_account, caller.principal,
        reached.address, reached.reused, reached.protocol, reached.error_type,
        tls is not None and (tls.version, tls.cipher, tls.resumed, tls.mutual),
    )
    # fmt: on


def _parts(event: Event) -> tuple[object, ...]:
    """Of the policy, what an attempt was judged by: as long as they are held, no others have their addresses."""
    decision = event.decision
    judged = () if decision is None else (decision.source, decision.destination, decision.port)
    return (*judged, *(reached.endpoint for reached in event.reached))


def _as_many(ids: tuple[int, ...], count: int, new_id: Callable[[], int]) -> tuple[int, ...]:
    """An identifier for each time: the last ones are those that origins were told."""
    if len(ids) >= count:
        return ids[len(ids) - count :]
    return (*(new_id() for _ in range(count - len(ids))), *ids)


def nanoseconds(start: float, end: float) -> tuple[int, int]:
    begun = int(start * 1e9)
    return begun, max(begun, int(end * 1e9))
