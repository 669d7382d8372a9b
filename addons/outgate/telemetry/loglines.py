"""Calls out of an access log that was written before.

Owns the step from a line of JSON to an edge, so that a log tells what a running gate would. Lines that are none of the
access log's are counted, and nothing else is made of them: a log may have been cut off, or mixed with other output.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from outgate.telemetry.calls import (
    ALLOW,
    DENY,
    INTERNAL,
    MAX_NAME,
    REGISTERED,
    UNREGISTERED,
    WOULD_DENY,
    Caller,
    Calls,
    Place,
    Tally,
    failed,
    protocol_of,
    summed,
    tls_of,
)

LARGEST = 1e15
NUMBERS = ("port", "status", "sent", "received", "duration_ms")


@dataclass(slots=True)
class Reading:
    """What has been read. `since`: what was over before that is left out."""

    since: float = 0.0
    strange: int = 0
    """Lines that are none of the access log's."""
    _tally: Tally = field(default_factory=Tally)

    def read(self, lines: Iterable[bytes]) -> Calls:
        for line in lines:
            if line.strip() and not self._read(line):
                self.strange += 1
        edges = tuple(self._tally.edges.values())
        return summed([Calls(min((edge.first for edge in edges), default=0.0), edges)])

    def _read(self, line: bytes) -> bool:
        try:
            told = orjson.loads(line)
            self._count({"kind": told["kind"], "verdict": told["verdict"], **told})
        except (ValueError, TypeError, KeyError, OverflowError):
            return False
        return True

    def _count(self, told: Mapping[str, Any]) -> None:
        port, status, sent, received, milliseconds = (_number(told.get(name, 0)) for name in NUMBERS)
        started, seconds = datetime.fromisoformat(told["time"]).timestamp(), milliseconds / 1000
        if started + seconds < self.since:
            return
        verdict = _verdict(told)
        edge = self._tally.edge(_caller(told), _place(told), verdict)
        edge.count(started, seconds, (*_way(told), int(port), _text(told, "would") or _text(told, "code")))
        edge.sent, edge.received = edge.sent + int(sent), edge.received + int(received)
        if verdict != DENY and failed(int(status), _text(told, "failure")):
            edge.errors += 1


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name, "")
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LARGEST:
        raise TypeError("no number that the log has")
    return value


def _verdict(told: Mapping[str, Any]) -> str:
    verdict = _text(told, "verdict")
    if verdict not in (ALLOW, DENY):
        raise ValueError("no verdict")
    foreseen = _text(told, "would") or any(
        shadow.startswith("deny by ") for shadow in _text(told, "shadow").split(", ")
    )
    return WOULD_DENY if verdict == ALLOW and foreseen else verdict


def _caller(told: Mapping[str, Any]) -> Caller:
    namespace, account = _text(told, "namespace"), _text(told, "service_account")
    return Caller(namespace, account, "", "" if namespace or account else _text(told, "source"))


def _place(told: Mapping[str, Any]) -> Place:
    key = _text(told, "destination")
    if not key:
        return Place(UNREGISTERED, (_text(told, "host") or _text(told, "address"))[:MAX_NAME])
    return Place(INTERNAL if told.get("traffic") == "internal" else REGISTERED, key)


def _way(told: Mapping[str, Any]) -> tuple[str, str]:
    kind = _text(told, "kind")
    if told["verdict"] == DENY:
        return protocol_of(kind, _text(told, "protocol")), ""
    encrypted, upstream = told.get("scheme") == "https", bool(told.get("upstream_tls"))
    tls = tls_of(kind, encrypted, upstream, bool(told.get("client_certificate")))
    return protocol_of(kind, _text(told, "protocol")), tls
