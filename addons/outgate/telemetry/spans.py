"""The spans of an attempt, as OpenTelemetry's stable HTTP conventions have them.

Owns names, attributes and the rules for errors: a span for what the workload asked (SERVER), and one for each time an
origin was asked (CLIENT). Makes plain values and reads no clock; how they are exported is known elsewhere. What a
workload or an origin wrote comes out bounded, without secrets and without controls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from outgate.policy.hosts import bracketed
from outgate.policy.model import Identity
from outgate.policy.telemetry_model import CustomTag, TagKind
from outgate.telemetry import formats
from outgate.telemetry.event import Event, Phases, Reached, Trace
from outgate.telemetry.native import labels
from outgate.telemetry.showing import Showing
from outgate.telemetry.text import MAX_TEXT, bounded, place

type Value = str | int | float | bool

METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
DENIED = "outgate_denied"
"""The `error.type` of what the gate refused."""
GONE = "DC"
"""Envoy's flag for a workload that left before the end: nobody's error."""
DEFAULT_PORTS = {"http": 80, "https": 443}
PHASES = tuple(f"outgate.phase.{name}" for name in Phases._fields)


class Shape(StrEnum):
    """Which spans there are."""

    PAIR = "pair"
    """One SERVER span, and a CLIENT span below it for each time an origin was asked."""
    CLIENT = "client"
    """CLIENT spans alone, as children of the workload's own."""


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
    attributes: dict[str, Value]
    failed: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """How spans are made."""

    shape: Shape = Shape.PAIR
    showing: Showing = field(default_factory=Showing)
    methods: frozenset[str] = METHODS
    """Those that are known by name; all others are `_OTHER`."""
    longest: int = MAX_TEXT
    """Characters of a value."""

    def spans(self, event: Event, new_id: Callable[[], int]) -> list[Span]:
        """Those of an attempt that has a trace. `new_id` makes identifiers for what was tried before the last time."""
        assert event.trace is not None
        common = self._common(event)
        clients = self._clients(event, common, new_id)
        if self.shape is Shape.CLIENT and clients:
            self._verdict(event, clients[-1].attributes)
            return clients
        return [self._server(event, common), *clients]

    def _server(self, event: Event, common: dict[str, Value]) -> Span:
        """What the workload asked. Of the other kind where there are only such, and nobody else was asked."""
        trace = event.trace
        assert trace is not None
        attributes = common.copy()
        self._served(event, attributes)
        self._verdict(event, attributes)
        if error := server_error(event):
            attributes["error.type"] = error
        client = self.shape is Shape.CLIENT
        start, end = _nanoseconds(event.started, event.started + event.duration)
        failed = failed_at_server(event)
        name, remote = self._name(event), bool(trace.parent_id)
        return Span(name, client, trace, trace.server_id, trace.parent_id, remote, start, end, attributes, failed)

    def _clients(self, event: Event, common: dict[str, Value], new_id: Callable[[], int]) -> list[Span]:
        trace = event.trace
        assert trace is not None
        ids = _as_many(trace.client_ids, len(event.reached), new_id)
        pair = self.shape is Shape.PAIR
        parent, remote = (trace.server_id, False) if pair else (trace.parent_id, bool(trace.parent_id))
        made = []
        for number, (span_id, reached) in enumerate(zip(ids, event.reached, strict=True)):
            last = number == len(event.reached) - 1
            attributes = common.copy()
            self._tried(event, reached, last, attributes)
            if number and event.kind == "http":
                attributes["http.request.resend_count"] = number
            if error := client_error(event, reached, last):
                attributes["error.type"] = error
            start, end = _nanoseconds(reached.started or event.started, reached.ended or event.started + event.duration)
            made.append(
                Span(self._name(event), True, trace, span_id, parent, remote, start, end, attributes, bool(error))
            )
        return made

    def _name(self, event: Event) -> str:
        if event.kind != "http":
            return event.kind
        return event.method if event.method in self.methods else "HTTP"

    def _common(self, event: Event) -> dict[str, Value]:
        """What all spans of an attempt share."""
        attributes: dict[str, Value] = {}
        _add(attributes, "server.address", self._text(event.named or event.sni or event.address))
        if event.port:
            attributes["server.port"] = event.port
        if event.kind == "http":
            known = event.method in self.methods
            attributes["http.request.method"] = event.method if known else "_OTHER"
            if not known:
                attributes["http.request.method_original"] = self._text(event.method)
        else:
            attributes["network.transport"] = "tcp"
            _add(attributes, "tls.client.server_name", self._text(event.sni))
        if event.trace is not None and event.trace.rule is not None:
            for tag in event.trace.rule.tags:
                _add(attributes, tag.name, self._tag(tag, event))
        return attributes

    def _served(self, event: Event, attributes: dict[str, Value]) -> None:
        if event.caller.address:
            attributes["client.address"] = attributes["network.peer.address"] = event.caller.address
            attributes["network.peer.port"] = event.caller_port
        if event.kind != "http":
            attributes["outgate.sent"], attributes["outgate.received"] = event.sent, event.received
            return
        path, query = self.showing.redaction.parts(event.path)
        attributes["url.scheme"] = "https" if event.encrypted else "http"
        attributes["url.path"] = self._text(path)
        if query:
            attributes["url.query"] = self._text(query)
        if event.protocol:
            attributes["network.protocol.version"] = _version(event.protocol)
        if agent := self._header(event, "user-agent"):
            attributes["user_agent.original"] = agent
        if event.status:
            attributes["http.response.status_code"] = event.status

    def _tried(self, event: Event, reached: Reached, last: bool, attributes: dict[str, Value]) -> None:
        attributes["outgate.connection.reused"] = reached.reused
        if reached.address is not None:
            attributes["network.peer.address"], attributes["network.peer.port"] = reached.address
        if (endpoint := reached.endpoint) is not None:
            attributes["outgate.endpoint"] = self._text(place((endpoint.address, endpoint.port)))
            _add(attributes, "outgate.endpoint.labels", self._text(labels(endpoint.labels)))
        if (tls := reached.tls) is not None:
            _add(attributes, "tls.protocol.version", tls.version.removeprefix("TLSv"))
            _add(attributes, "tls.cipher", tls.cipher)
            attributes["tls.resumed"], attributes["outgate.tls.mutual"] = tls.resumed, tls.mutual
        timed = zip(PHASES, reached.phases, strict=True)
        attributes.update([(name, seconds) for name, seconds in timed if seconds is not None])
        if event.kind == "http":
            attributes["url.full"], attributes["server.port"] = self._asked(event, reached)
            if reached.protocol:
                attributes["network.protocol.version"] = _version(reached.protocol)
            if status := answered(event, reached, last):
                attributes["http.response.status_code"] = status

    def _asked(self, event: Event, reached: Reached) -> tuple[str, int]:
        """What was asked of the origin: TLS and the port may be the gate's doing, not the workload's."""
        upstream = event.decision.port.upstream if event.decision is not None and event.decision.port else None
        secure = reached.tls is not None or event.encrypted or (upstream is not None and upstream.tls is not None)
        scheme, port = "https" if secure else "http", upstream.port if upstream is not None else event.port
        host = bracketed(event.host)
        authority = host if port == DEFAULT_PORTS[scheme] else f"{host}:{port}"
        return self._text(f"{scheme}://{authority}{self.showing.path(event)}"), port

    def _verdict(self, event: Event, attributes: dict[str, Value]) -> None:
        """What the gate thought of it."""
        attributes["outgate.verdict"], attributes["outgate.code"] = event.verdict, event.code
        if event.reason:
            attributes["outgate.reason"] = self._text(event.reason)
        if event.failure:
            attributes["outgate.failure"] = self._text(event.failure)
        if event.flags:
            attributes["outgate.flags"] = event.flags
        if event.generation:
            attributes["outgate.generation"] = event.generation
        if event.request_id:
            attributes["outgate.request_id"] = self._text(event.request_id)
        _source(event.caller, attributes)
        if (decision := event.decision) is not None:
            attributes["outgate.traffic"] = decision.traffic.value
            if decision.source is not None:
                attributes["outgate.rule"] = self._text(str(decision.source))
            if decision.destination is not None:
                attributes["outgate.destination"] = self._text(decision.destination.key)
            if decision.would is not None:
                attributes["outgate.would"] = decision.would.code.value
        for name, value in event.extra.items():
            attributes[f"outgate.extra.{self._text(name)}"] = self._text(self.showing.redaction.value(name, value))

    def _tag(self, tag: CustomTag, event: Event) -> str:
        if tag.kind is TagKind.LITERAL:
            return self._text(tag.value)
        if tag.kind is TagKind.ENVIRONMENT:
            return self._text(self.showing.variable(tag.value) or tag.default)
        if tag.kind is TagKind.FORMAT:
            return self._text(form(tag.value, self.showing)(event))
        return self._header(event, tag.value.lower()) or self._text(tag.default)

    def _header(self, event: Event, name: str) -> str:
        """A request header that may be shown; credentials may not, whoever asks for them."""
        wanted = name.encode("utf-8", "replace")
        values = [value for key, value in event.request_fields if key.lower() == wanted]
        return self._text(self.showing.header(event, name, b", ".join(values))) if values else ""

    def _text(self, text: str) -> str:
        # Nearly every text is one that may be as it is.
        return text if text.isprintable() and len(text) <= self.longest else bounded(text, self.longest)


@lru_cache(maxsize=256)
def form(text: str, showing: Showing) -> formats.Text:
    """The value of a tag that is written with command operators; what is not set is nothing."""
    return formats.text(text, showing, omit_empty=True)


def left(event: Event) -> bool:
    """The workload went away before the end."""
    return bool(event.flags) and GONE in event.flags.split(",")


def server_error(event: Event) -> str:
    """The `error.type` of what the workload was told."""
    if event.verdict == "deny":
        return event.error_type or DENIED
    if left(event):
        return ""
    if event.error_type and not (event.error_type == str(event.status) and event.status < 500):
        return event.error_type
    return str(event.status) if event.status >= 500 else ""


def failed_at_server(event: Event) -> bool:
    """A status below 500 is an answer and no error, also where it is a denial's."""
    if event.verdict == "deny":
        return event.status >= 500 or not event.status
    return bool(server_error(event))


def client_error(event: Event, reached: Reached, last: bool) -> str:
    """The `error.type` of what an origin was asked: every answer from 400 on is one."""
    if reached.error_type:
        return reached.error_type
    if not last or left(event) or event.verdict == "deny":
        return ""
    if event.failure:
        return event.error_type
    return str(event.status) if event.status >= 400 else ""


def answered(event: Event, reached: Reached, last: bool) -> int:
    """The status that came from an origin; 0 where there was none, or the gate answered in its place."""
    if reached.error_type.isdecimal() and len(reached.error_type) == 3:
        return int(reached.error_type)
    if reached.error_type and reached.phases.first_byte is None:
        return 0
    if not last or event.verdict == "deny" or (event.failure and event.status >= 500):
        return 0
    return event.status


def noteworthy(event: Event) -> bool:
    """Kept whatever the head of the trace says: what was denied, and what went wrong."""
    wrong = bool(event.error_type or event.failure) and not left(event)
    return wrong or event.verdict == "deny" or event.status >= 500


def _as_many(ids: tuple[int, ...], count: int, new_id: Callable[[], int]) -> tuple[int, ...]:
    """An identifier for each time: the last ones are those that origins were told."""
    if len(ids) >= count:
        return ids[len(ids) - count :]
    return (*(new_id() for _ in range(count - len(ids))), *ids)


def _source(caller: Identity, attributes: dict[str, Value]) -> None:
    _add(attributes, "outgate.source.namespace", caller.namespace)
    _add(attributes, "outgate.source.service_account", caller.service_account)
    _add(attributes, "outgate.source.principal", caller.principal)


def _add(attributes: dict[str, Value], name: str, value: str) -> None:
    if value:
        attributes[name] = value


def _version(protocol: str) -> str:
    """`HTTP/2.0` as the conventions write it: `2`."""
    version = protocol.removeprefix("HTTP/")
    return version.removesuffix(".0") if version in ("2.0", "3.0") else version


def _nanoseconds(start: float, end: float) -> tuple[int, int]:
    begun = int(start * 1e9)
    return begun, max(begun, int(end * 1e9))
