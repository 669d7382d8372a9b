"""The attributes that a filter may ask for, by Envoy's names, and the gate's own.

Owns the table. What is not set for an event is absent, as in Envoy, and addresses have their ports; values are
compared, never shown, so nothing of them is redacted.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from outgate.telemetry import certificates, flags, native
from outgate.telemetry.event import Event, Fields, Tls
from outgate.telemetry.operators import exchange, outcome, sizes
from outgate.telemetry.showing import find
from outgate.telemetry.text import place

type Get = Callable[[Event], object]
"""None: absent."""


def _http(get: Get) -> Get:
    return lambda event: get(event) if event.kind == "http" else None


def _headers(fields: Fields) -> dict[str, str]:
    """By lower-case name; several values are joined by commas."""
    found: dict[str, str] = {}
    for name, value in fields:
        key, text = name.decode("latin-1").lower(), value.decode("utf-8", "replace")
        found[key] = f"{found[key]},{text}" if key in found else text
    return found


def _text(fields: Fields, name: bytes) -> str | None:
    value = find(fields, name)
    return None if value is None else value.decode("utf-8", "replace")


def _downstream(event: Event) -> Tls | None:
    return event.downstream_tls


def _upstream(event: Event) -> Tls | None:
    return event.last.tls if event.last is not None else None


def _peer(side: Callable[[Event], Tls | None], name: str, first: bool = False) -> Get:
    def get(event: Event) -> object:
        tls = side(event)
        shown = certificates.read(tls.peer) if tls is not None else None
        value = getattr(shown, name) if shown is not None else ""
        return (value.partition(",")[0] if first else value) or None

    return get


def _tls(side: Callable[[Event], Tls | None]) -> dict[str, Get]:
    return {
        "tls_version": lambda event: tls.version or None if (tls := side(event)) is not None else None,
        "subject_peer_certificate": _peer(side, "subject"),
        "dns_san_peer_certificate": _peer(side, "dns", first=True),
        "uri_san_peer_certificate": _peer(side, "uri", first=True),
        "sha256_peer_certificate_digest": _peer(side, "sha256"),
    }


REQUEST: dict[str, Get] = {
    "path": lambda event: event.path,
    "url_path": lambda event: event.path.partition("?")[0],
    "query": lambda event: event.path.partition("?")[2],
    "host": exchange.authority,
    "scheme": lambda event: "https" if event.encrypted else "http",
    "method": lambda event: event.method,
    "headers": lambda event: _headers(event.request_fields),
    "headers_bytes": lambda event: sizes.headers(event.request_fields),
    "referer": lambda event: _text(event.request_fields, b"referer"),
    "useragent": lambda event: _text(event.request_fields, b"user-agent"),
    "time": lambda event: datetime.fromtimestamp(event.started, UTC),
    "id": lambda event: _text(event.request_fields, b"x-request-id") or event.request_id or None,
    "protocol": lambda event: outcome.http_version(event.protocol),
    "duration": lambda event: timedelta(seconds=event.duration),
    "size": lambda event: event.sent,
    "total_size": lambda event: event.sent + sizes.headers(event.request_fields),
}
RESPONSE: dict[str, Get] = {
    "code": lambda event: event.status,
    "code_details": outcome.details,
    "flags": lambda event: flags.bits(event.flags),
    "grpc_status": outcome.grpc_status,
    "headers": lambda event: _headers(event.response_fields),
    "headers_bytes": lambda event: sizes.headers(event.response_fields),
    "trailers": lambda event: _headers(event.trailer_fields),
    "size": lambda event: event.received,
    "total_size": lambda event: event.received + sizes.headers(event.response_fields + event.trailer_fields),
}

ATTRIBUTES: dict[str, dict[str, Get]] = {
    "request": {name: _http(get) for name, get in REQUEST.items()},
    # Code and flags are there for connections, too: 0 and Envoy's flags for them.
    "response": {name: get if name in ("code", "flags") else _http(get) for name, get in RESPONSE.items()},
    "source": {
        "address": lambda event: place((event.caller.address, event.caller_port)) if event.caller.address else None,
        "port": lambda event: event.caller_port or None,
    },
    "destination": {
        "address": lambda event: place((event.address, event.port)) if event.address else None,
        "port": lambda event: event.port or None,
    },
    "connection": {
        "id": lambda event: event.connection_id,
        "mtls": lambda event: event.downstream_tls is not None and event.downstream_tls.mutual,
        "requested_server_name": lambda event: event.sni,
        "termination_details": outcome.termination,
        **_tls(_downstream),
    },
    "upstream": {
        "address": lambda event: place(event.last.address) or None if event.last is not None else None,
        "port": lambda event: event.last.address[1] if event.last is not None and event.last.address else None,
        "local_address": lambda event: place(event.last.local) or None if event.last is not None else None,
        "transport_failure_reason": outcome.transport_failure,
        "request_attempt_count": lambda event: len(event.reached),
        **_tls(_upstream),
    },
    "xds": {"cluster_name": outcome.cluster, "route_name": outcome.route},
    "outgate": {
        "verdict": lambda event: event.verdict,
        "code": lambda event: event.code,
        "kind": lambda event: event.kind,
        "host": lambda event: event.named,
        "endpoint": native.endpoint,
        "endpoint_labels": native.endpoint_labels,
        "region": lambda event: event.region,
        "traffic": lambda event: str(event.decision.traffic) if event.decision is not None else None,
        "namespace": lambda event: event.caller.namespace,
        "service_account": lambda event: event.caller.service_account,
    },
}
