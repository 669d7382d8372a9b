"""A capture, told as an access log tells it: for what is drawn or counted of a log.

Owns the words. A capture does not know what the gate's own TLS was, nor a caller without a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

from outgate.capture.formats.reading import Recorded
from outgate.capture.formats.writing import text
from outgate.redact.exchange import Exchange, Relayed, Request

UNNAMED = "unnamed"
"""A caller of whom no name is known: a capture has no addresses."""


def lines(source: Iterable[Recorded]) -> Iterator[bytes]:
    """A line for each exchange."""
    for kept in source:
        yield orjson.dumps(_line(kept.exchange)) + b"\n"


def _line(exchange: Exchange) -> dict[str, Any]:
    namespace, _, account = exchange.caller.partition("/")
    verdict = exchange.verdict
    return {
        "time": datetime.fromtimestamp(exchange.started, UTC).isoformat(),
        "verdict": "deny" if verdict.verdict == "deny" else "allow",
        "code": text(verdict.code),
        "destination": text(verdict.destination),
        "namespace": text(namespace),
        "service_account": text(account),
        "source": UNNAMED,
        "duration_ms": max(0.0, exchange.timing.end or 0.0) * 1000,
        "failure": text(exchange.error),
        **(_relayed(exchange.relayed) if exchange.relayed else _asked(exchange, exchange.request)),
    }


def _relayed(relayed: Relayed) -> dict[str, Any]:
    kind = "tls" if relayed.sni else "tcp"
    host, sizes = text(relayed.sni or relayed.host), {"sent": relayed.sent, "received": relayed.received}
    return {"kind": kind, "host": host, "port": relayed.port, **sizes}


def _asked(exchange: Exchange, request: Request | None) -> dict[str, Any]:
    if request is None:
        return {"kind": "connection"}
    response = exchange.response
    return {
        "kind": "http",
        "scheme": text(request.scheme),
        "host": text(request.host),
        "port": request.port,
        "protocol": text(request.protocol),
        "status": response.status if response is not None else 0,
        "sent": request.body.size,
        "received": response.body.size if response is not None else 0,
    }
