"""outgate's own line: one JSON object for everything that a workload tried.

Owns the fields of a line, their order and their bounds. Queries, bodies and header values are never in it, and of paths
what `urls` shows. Empty and zero values are left out, but `status`, `sent` and `received` for HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from outgate.policy.model import Decision
from outgate.telemetry.event import Event, Reached
from outgate.telemetry.stamps import milliseconds
from outgate.telemetry.text import MAX_TEXT, place, plain
from outgate.telemetry.urls import Redaction

NAMES = (
    "time", "kind", "verdict", "code", "reason", "rule", "destination", "traffic", "method", "scheme", "host", "port",
    "path", "status", "protocol", "source", "namespace", "service_account", "address", "sni", "upstream",
    "upstream_tls", "upstream_protocol", "client_certificate", "reused", "duration_ms", "sent", "received", "flags",
    "failure", "would", "shadow", "audited", "generation", "help", "endpoint", "endpoint_labels", "region",
)  # fmt: skip
ALWAYS = frozenset({"status", "sent", "received"})

NOWHERE = Reached(None)
USUAL = Redaction()


def render(event: Event, redaction: Redaction = USUAL) -> bytes:
    """An event as one line of JSON, with its line end."""
    return orjson.dumps(line(event, redaction), option=orjson.OPT_APPEND_NEWLINE)


def line(event: Event, redaction: Redaction = USUAL) -> dict[str, object]:
    """What is in the line, by name and in order."""
    http = event.kind == "http"
    return {
        # Most values are short and plain: a call for each would cost as much as all the rest of the line.
        name: value if value.__class__ is not str or (value.isprintable() and len(value) <= MAX_TEXT) else _shown(value)
        for name, value in zip(NAMES, _values(event, http, redaction), strict=True)
        if value or (http and name in ALWAYS)
    }


def _shown(value: str) -> str:
    return plain(value[:MAX_TEXT])


def _values(event: Event, http: bool, redaction: Redaction) -> tuple[Any, ...]:
    reached = event.reached[-1] if event.reached and event.reached[-1].address is not None else NOWHERE
    caller = event.caller
    return (
        milliseconds(event.started) + "+00:00",
        event.kind,
        event.verdict,
        event.code,
        event.reason,
        *_of_decision(event.decision),
        event.method,
        ("https" if event.encrypted else "http") if http and event.method else "",
        event.named,
        event.attempt.port if event.attempt is not None else event.port,
        redaction.path(event.path),
        event.status,
        event.protocol,
        caller.address,
        caller.namespace,
        caller.service_account,
        event.address,
        event.sni,
        place(reached.address),
        reached.tls.version if reached.tls is not None else "",
        reached.protocol,
        reached.tls is not None and reached.tls.mutual,
        reached.reused,
        round(event.duration * 1000, 3),
        event.sent,
        event.received,
        event.flags,
        event.failure,
        *_beside(event.decision),
        event.generation,
        event.help,
        endpoint(event),
        endpoint_labels(event),
        event.region,
    )


def _of_decision(decision: Decision | None) -> tuple[str, str, str]:
    """Rule, destination and traffic."""
    if decision is None:
        return "", "", ""
    rule = str(decision.source) if decision.source is not None else ""
    return rule, decision.destination.key if decision.destination is not None else "", str(decision.traffic)


def _beside(decision: Decision | None) -> tuple[str, str, str]:
    """What else was decided: `would`, `shadow` and `audited`."""
    if decision is None or not (decision.would or decision.shadows or decision.audited):
        return "", "", ""
    shadow = ", ".join(f"{shadow.verdict} by {shadow.source}" for shadow in decision.shadows)
    return str(decision.would.code) if decision.would else "", shadow, ", ".join(map(str, decision.audited))


def endpoint(event: Event) -> str:
    """Of the places that the policy names, the one that was chosen."""
    chosen = event.reached[-1].endpoint if event.reached else None
    return place((chosen.address, chosen.port)) if chosen is not None else ""


def endpoint_labels(event: Event) -> str:
    return labels(event.endpoint_labels)


def labels(pairs: Iterable[tuple[str, str]]) -> str:
    """`version=v1,zone=a`."""
    return ",".join(f"{name}={value}" for name, value in pairs)
