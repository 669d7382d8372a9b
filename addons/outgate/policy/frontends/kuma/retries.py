"""MeshRetry: when a request is sent again, and how often a connection is tried.

Owns the conf's shape, its checks, Kuma's defaults, and what they come to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from outgate.policy.documents import Node
from outgate.policy.frontends.kuma.entries import Kind
from outgate.policy.frontends.kuma.shapes import Count, Span
from outgate.policy.model import Fate, FieldReport
from outgate.policy.route_model import (
    Backoff,
    Events,
    NamedMatch,
    RateLimitedBackoff,
    ResetFormat,
    RetryPolicy,
    TextKind,
    TextMatch,
)
from outgate.policy.schema import Choice, Field, Fields, Reading, Record, Sequence, Text
from outgate.policy.schema import Mapping as Map

CONNECTS = 5
"""Tries of a connection in the policy that each mesh has."""
HTTP3 = "Http3PostConnectFailure"
EVENTS = {
    "5xx": "5xx",
    "GatewayError": "gateway-error",
    "Reset": "reset",
    "Retriable4xx": "retriable-4xx",
    "ConnectFailure": "connect-failure",
    "EnvoyRatelimited": "envoy-ratelimited",
    "RefusedStream": "refused-stream",
    HTTP3: "",
}
METHOD = "HttpMethod"
METHODS = ("Connect", "Delete", "Get", "Head", "Options", "Patch", "Post", "Put", "Trace")
GRPC_EVENTS = {
    "Canceled": "cancelled",
    "DeadlineExceeded": "deadline-exceeded",
    "Internal": "internal",
    "ResourceExhausted": "resource-exhausted",
    "Unavailable": "unavailable",
}
USUAL = Events({"gateway-error", "connect-failure", "refused-stream"})
FORMATS = {"Seconds": ResetFormat.SECONDS, "UnixTimestamp": ResetFormat.UNIX}
PREDICATES = ("OmitPreviousHosts", "OmitHostsWithTags", "OmitPreviousPriorities")
KINDS = {
    "EXACT": TextKind.EXACT,
    "PREFIX": TextKind.PREFIX,
    "REGULAR_EXPRESSION": TextKind.REGEX,
    "Exact": TextKind.EXACT,
    "Prefix": TextKind.PREFIX,
    "RegularExpression": TextKind.REGEX,
    "PRESENT": TextKind.PRESENT,
    "ABSENT": TextKind.PRESENT,
    "Present": TextKind.PRESENT,
    "Absent": TextKind.PRESENT,
}
PARTS = 10
"""As many times the first pause is the longest one, where only the first is given."""
ATTEMPTS = 1


@dataclass(frozen=True, slots=True)
class Condition:
    """One of `retryOn`, a name or the number of a status."""

    names: tuple[str, ...]
    statuses: bool = True
    inert: Mapping[str, str] = field(default_factory=dict)
    """Names that say nothing, and why."""

    def read(self, node: Node, path: str, reading: Reading) -> str | None:
        text = str(node.data)
        status = self.statuses and text.isascii() and text.isdecimal() and text[:1] != "0" and 200 <= int(text) < 600
        if not status and text not in self.names:
            reading.error(node.where, path, f"unknown item '{text}'", f"use one of {', '.join(self.names)}")
            return None
        fate = reading.inherited or (Fate.IGNORED if text in self.inert else Fate.APPLIED)
        reading.fields.append(FieldReport(node.where, reading.kind, path, fate, self.inert.get(text, "")))
        return text


BACKOFF = Fields({"baseInterval": Field(Span(positive=True)), "maxInterval": Field(Span(positive=True))})
RESET = Fields({"name": Field(Text()), "format": Field(Choice(tuple(FORMATS)), required=True)})
LIMITED = Fields({"resetHeaders": Field(Sequence(RESET)), "maxInterval": Field(Span(positive=True))})
HEADER = Fields(
    {"type": Field(Choice(tuple(KINDS))), "name": Field(Text(empty=False), required=True), "value": Field(Text())}
)
HOSTS = Fields(
    {
        "predicate": Field(Text()),
        "tags": Field(Map(Text()), fate=Fate.IGNORED, note="endpoints have no tags"),
        "updateFrequency": Field(Count(), fate=Fate.IGNORED, note="the gate always looks at the last try"),
    }
)
COMMON = {
    "numRetries": Field(Count(0)),
    "perTryTimeout": Field(Span()),
    "backOff": Field(BACKOFF),
    "rateLimitedBackOff": Field(LIMITED),
}
ON = Condition((*EVENTS, *(METHOD + method for method in METHODS)), inert={HTTP3: "no HTTP/3 is spoken"})
HTTP = Fields(
    {
        **COMMON,
        "retryOn": Field(Sequence(ON)),
        "retriableResponseHeaders": Field(Sequence(HEADER)),
        "retriableRequestHeaders": Field(
            Sequence(HEADER), fate=Fate.LATER, note="requests are retried whatever their headers"
        ),
        "hostSelection": Field(Sequence(HOSTS)),
        "hostSelectionMaxAttempts": Field(Count()),
    }
)
GRPC = Fields({**COMMON, "retryOn": Field(Sequence(Condition(tuple(GRPC_EVENTS), statuses=False)))})
TCP = Fields({"maxConnectAttempt": Field(Count())})
CONF = Fields({"tcp": Field(TCP), "http": Field(HTTP), "grpc": Field(GRPC)})


def connects(conf: Record | None, *, initial: bool) -> int:
    """How often a connection is tried at most. `initial`: the mesh has the policy of its beginning."""
    tcp: Record | None = conf.get("tcp") if conf is not None else None
    usual = CONNECTS if initial else 1
    return tcp.get("maxConnectAttempt", usual) if tcp is not None else usual


def retries(conf: Record | None, *, grpc: bool, initial: bool) -> RetryPolicy | None:
    """When a request is sent again; None for never."""
    block: Record | None = conf.get("grpc" if grpc else "http") if conf is not None else None
    if block is None and not initial:
        return None
    usual = INITIAL if initial else RetryPolicy(ATTEMPTS, on=USUAL, any_method=True)
    if block is None:
        return usual
    number = block.get("numRetries", usual.retries)
    if not number:
        return None
    given: list[str] = block.get("retryOn", [])
    on, statuses = _events(given, grpc=grpc)
    headers = tuple(_header(record) for record in block.get("retriableResponseHeaders", []))
    if headers:
        on |= {"retriable-headers"}
    methods = tuple(item.removeprefix(METHOD).upper() for item in given if item.startswith(METHOD))
    selection = [record.get("predicate") for record in block.get("hostSelection", [])]
    return RetryPolicy(
        number,
        on=Events(on or usual.on),
        statuses=statuses,
        headers=headers,
        methods=methods,
        any_method=True,
        per_try_timeout=block.get("perTryTimeout", usual.per_try_timeout) or None,
        backoff=_backoff(block.get("backOff"), usual.backoff),
        rate_limited=_limited(block.get("rateLimitedBackOff")),
        other_hosts="OmitPreviousHosts" in selection,
        host_selections=block.get("hostSelectionMaxAttempts", usual.host_selections),
    )


INITIAL = RetryPolicy(
    5, on=USUAL, any_method=True, per_try_timeout=16.0, backoff=Backoff(0.025, 0.25), other_hosts=False
)
"""Of the policy that each mesh has."""


def _events(given: Iterable[str], *, grpc: bool) -> tuple[set[str], tuple[int, ...]]:
    names = GRPC_EVENTS if grpc else EVENTS
    on = {names[item] for item in given if names.get(item)}
    statuses = tuple(dict.fromkeys(int(item) for item in given if item.isdecimal()))
    return on | ({"retriable-status-codes"} if statuses else set()), statuses


def _header(record: Record) -> NamedMatch:
    kind = record.get("type", "Exact")
    match = TextMatch(KINDS[kind], record.get("value", ""), negated=kind.lower() == "absent")
    return NamedMatch(record.get("name").lower(), match)


def _backoff(record: Record | None, usual: Backoff) -> Backoff:
    if record is None:
        return usual
    base = record.get("baseInterval", usual.base)
    return Backoff(base, record.get("maxInterval", PARTS * base))


def _limited(record: Record | None) -> RateLimitedBackoff | None:
    if record is None:
        return None
    headers = tuple((each.get("name").lower(), FORMATS[each.get("format")]) for each in record.get("resetHeaders", []))
    return RateLimitedBackoff(headers, record.get("maxInterval", 300.0))


def _check(conf: Record, reading: Reading) -> None:
    for name in ("tcp", "http", "grpc"):
        block: Record | None = conf.get(name)
        if block is not None and not block.places:
            reading.error(block.where, block.path, "must not be empty", "remove it")
        elif block is not None and name != "tcp":
            _check_block(block, reading)


def _check_block(block: Record, reading: Reading) -> None:
    backoff: Record | None = block.get("backOff")
    if backoff is not None and not backoff.values:
        reading.error(backoff.where, backoff.path, "must not be empty", "remove it")
    limited: Record | None = block.get("rateLimitedBackOff")
    if limited is not None and not limited.get("resetHeaders"):
        reading.error(limited.where, limited.under("resetHeaders"), "must be defined", "add one")
    for header in limited.get("resetHeaders", []) if limited is not None else ():
        if not header.get("name"):
            reading.error(header.at("name"), header.under("name"), "must be defined", "name a header")
    _check_selection(block.get("hostSelection", []), reading)


def _check_selection(records: list[Record], reading: Reading) -> None:
    seen: set[str] = set()
    for record in records:
        predicate = record.get("predicate", "")
        path = record.under("predicate")
        if predicate not in PREDICATES:
            what = f"unknown predicate type '{predicate}'"
            reading.error(record.at("predicate"), path, what, f"use one of {', '.join(PREDICATES)}")
        elif predicate == PREDICATES[-1] and predicate in seen:
            reading.error(record.at("predicate"), path, f"{predicate} must only be specified once", "remove one")
        elif predicate != PREDICATES[0]:
            reading.set_aside(record.path, "endpoints are told apart by nothing but having been tried")
        seen.add(predicate)


KIND = Kind("MeshRetry", CONF, ("to",), _check)
