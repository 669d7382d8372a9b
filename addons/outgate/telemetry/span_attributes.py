"""Attributes of spans, as OpenTelemetry's stable HTTP conventions have them, and the gate's own.

Owns their names and values. Those of an attempt that are the same for others like it are apart from its own. What a
workload or an origin wrote comes out bounded, without secrets and without controls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from outgate.policy.hosts import bracketed
from outgate.policy.model import Identity
from outgate.policy.telemetry_model import CustomTag, TagKind
from outgate.telemetry import formats
from outgate.telemetry.event import Event, Phases, Reached
from outgate.telemetry.native import labels
from outgate.telemetry.showing import Showing
from outgate.telemetry.span_errors import answered, client_error, server_error
from outgate.telemetry.text import MAX_TEXT, bounded, place

type Value = str | int | float | bool
type Attributes = dict[str, Value]

METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
DEFAULT_PORTS = {"http": 80, "https": 443}
PHASES = tuple(f"outgate.phase.{name}" for name in Phases._fields)


@dataclass(frozen=True, slots=True)
class Wording:
    """How attributes are made."""

    showing: Showing = field(default_factory=Showing)
    methods: frozenset[str] = METHODS
    """Those that are known by name; all others are `_OTHER`."""
    longest: int = MAX_TEXT
    """Characters of a value."""

    # What attempts that are alike share.

    def served(self, event: Event) -> Attributes:
        """Of what the workload asked."""
        attributes = self._common(event)
        if event.caller.address:
            attributes["client.address"] = attributes["network.peer.address"] = event.caller.address
        if event.kind == "http":
            attributes["url.scheme"] = "https" if event.encrypted else "http"
            if event.protocol:
                attributes["network.protocol.version"] = _version(event.protocol)
            if event.status:
                attributes["http.response.status_code"] = event.status
        else:
            attributes["outgate.sent"], attributes["outgate.received"] = event.sent, event.received
        self.judged(event, attributes)
        if error := server_error(event):
            attributes["error.type"] = error
        return attributes

    def tried(self, event: Event, reached: Reached, number: int) -> Attributes:
        """Of what an origin was asked, for the first time where `number` is 0."""
        last = number == len(event.reached) - 1
        attributes = self._common(event)
        attributes["outgate.connection.reused"] = reached.reused
        if reached.address is not None:
            attributes["network.peer.address"], attributes["network.peer.port"] = reached.address
        if (endpoint := reached.endpoint) is not None:
            attributes["outgate.endpoint"] = self.text(place((endpoint.address, endpoint.port)))
            _add(attributes, "outgate.endpoint.labels", self.text(labels(endpoint.labels)))
        if (tls := reached.tls) is not None:
            _add(attributes, "tls.protocol.version", tls.version.removeprefix("TLSv"))
            _add(attributes, "tls.cipher", tls.cipher)
            attributes["tls.resumed"], attributes["outgate.tls.mutual"] = tls.resumed, tls.mutual
        if event.kind == "http":
            attributes["server.port"] = asked(event, reached)[1]
            _add(attributes, "network.protocol.version", _version(reached.protocol))
            if status := answered(event, reached, last):
                attributes["http.response.status_code"] = status
            if number:
                attributes["http.request.resend_count"] = number
        if error := client_error(event, reached, last):
            attributes["error.type"] = error
        return attributes

    def judged(self, event: Event, attributes: Attributes) -> None:
        """What the gate thought of it."""
        attributes["outgate.verdict"], attributes["outgate.code"] = event.verdict, event.code
        _add(attributes, "outgate.reason", self.text(event.reason))
        _add(attributes, "outgate.failure", self.text(event.failure))
        _add(attributes, "outgate.flags", event.flags)
        _add(attributes, "outgate.generation", event.generation)
        _source(event.caller, attributes)
        if (decision := event.decision) is not None:
            attributes["outgate.traffic"] = decision.traffic.value
            if decision.source is not None:
                attributes["outgate.rule"] = self.text(str(decision.source))
            if decision.destination is not None:
                attributes["outgate.destination"] = self.text(decision.destination.key)
                _add(attributes, "outgate.region", self.text(decision.destination.region))
            if decision.would is not None:
                attributes["outgate.would"] = decision.would.code.value
        for name, value in event.extra.items():
            attributes[f"outgate.extra.{self.text(name)}"] = self.text(self.showing.redaction.value(name, value))

    def _common(self, event: Event) -> Attributes:
        attributes: Attributes = {}
        _add(attributes, "server.address", self.text(event.named or event.sni or event.address))
        if event.port:
            attributes["server.port"] = event.port
        if event.kind == "http":
            known = event.method in self.methods
            attributes["http.request.method"] = event.method if known else "_OTHER"
            if not known:
                attributes["http.request.method_original"] = self.text(event.method)
        else:
            attributes["network.transport"] = "tcp"
            _add(attributes, "tls.client.server_name", self.text(event.sni))
        if event.trace is not None and event.trace.rule is not None:
            for tag in event.trace.rule.tags:
                _add(attributes, tag.name, self._tag(tag, event))
        return attributes

    # What is an attempt's own.

    def asked(self, event: Event) -> Attributes:
        """Of what the workload asked."""
        attributes: Attributes = {}
        if event.caller.address:
            attributes["network.peer.port"] = event.caller_port
        if event.kind == "http":
            attributes |= self.url(event)
            attributes |= self.agent(event)
        return attributes

    def url(self, event: Event) -> Attributes:
        """As the workload wrote it."""
        path, query = self.showing.redaction.parts(event.path)
        return {"url.path": self.text(path), "url.query": self.text(query)} if query else {"url.path": self.text(path)}

    def agent(self, event: Event) -> Attributes:
        """What the workload says that it is."""
        agent = self._header(event, "user-agent")
        return {"user_agent.original": agent} if agent else {}

    def sent(self, event: Event, reached: Reached, origin: str) -> Attributes:
        """Of what an origin was asked. `origin` as of `asked`."""
        timed = zip(PHASES, reached.phases, strict=True)
        attributes: Attributes = {name: seconds for name, seconds in timed if seconds is not None}
        if event.kind == "http":
            attributes |= self.full_url(event, origin)
        return attributes

    def full_url(self, event: Event, origin: str) -> Attributes:
        """As the origin was asked."""
        return {"url.full": self.text(origin + self.showing.path(event))}

    def named(self, event: Event, attributes: Attributes) -> None:
        """By what the request is found elsewhere."""
        if event.request_id:
            attributes["outgate.request_id"] = self.text(event.request_id)

    def _tag(self, tag: CustomTag, event: Event) -> str:
        if tag.kind is TagKind.LITERAL:
            return self.text(tag.value)
        if tag.kind is TagKind.ENVIRONMENT:
            return self.text(self.showing.variable(tag.value) or tag.default)
        if tag.kind is TagKind.FORMAT:
            return self.text(form(tag.value, self.showing)(event))
        return self._header(event, tag.value.lower()) or self.text(tag.default)

    def _header(self, event: Event, name: str) -> str:
        """A request header that may be shown; credentials may not, whoever asks for them."""
        wanted = name.encode("utf-8", "replace")
        values = [value for key, value in event.request_fields if key.lower() == wanted]
        return self.text(self.showing.header(event, name, b", ".join(values))) if values else ""

    def text(self, text: str) -> str:
        # Nearly every text is one that may be as it is.
        return text if text.isprintable() and len(text) <= self.longest else bounded(text, self.longest)


@lru_cache(maxsize=256)
def form(text: str, showing: Showing) -> formats.Text:
    """The value of a tag that is written with command operators; what is not set is nothing."""
    return formats.text(text, showing, omit_empty=True)


def asked(event: Event, reached: Reached) -> tuple[str, int]:
    """Of what origin it was asked, as a URL, and at which port: TLS and the port may be the gate's doing, not the
    workload's."""
    upstream = event.decision.port.upstream if event.decision is not None and event.decision.port else None
    secure = reached.tls is not None or event.encrypted or (upstream is not None and upstream.tls is not None)
    scheme, port = "https" if secure else "http", upstream.port if upstream is not None else event.port
    host = bracketed(event.host)
    return f"{scheme}://{host}" if port == DEFAULT_PORTS[scheme] else f"{scheme}://{host}:{port}", port


def _source(caller: Identity, attributes: Attributes) -> None:
    _add(attributes, "outgate.source.namespace", caller.namespace)
    _add(attributes, "outgate.source.service_account", caller.service_account)
    _add(attributes, "outgate.source.principal", caller.principal)


def _add(attributes: Attributes, name: str, value: str) -> None:
    if value:
        attributes[name] = value


def _version(protocol: str) -> str:
    """`HTTP/2.0` as the conventions write it: `2`."""
    version = protocol.removeprefix("HTTP/")
    return version.removesuffix(".0") if version in ("2.0", "3.0") else version
