"""What spans of the traffic have to say, field by field: the words shared by what was asked and what was reached.

Owns these sets of attributes, as the conventions and docs/telemetry.md have them. What is None is not there.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from e2e.lab.namespaces import POD4
from e2e.otlp.told import Labels

PORT = pytest.approx(33_000, abs=32_500)
SECONDS = pytest.approx(10, abs=10)
DIALLED = ("queue", "resolve", "connect")
SECURED = (*DIALLED, "tls")
IDLE = ("queue",)
"""Phases of a connection that was there already."""
CURL = "curl/.*"


class Like:
    """Equal to every text that matches."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self._pattern.fullmatch(other) is not None

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Like({self._pattern.pattern})"


class Either:
    """Equal to true and to false."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, bool)

    __hash__ = None  # type: ignore[assignment]


def there(labels: Labels) -> Labels:
    return {key: value for key, value in labels.items() if value is not None}


def allowed(document: str, place: str, **more: Any) -> Labels:
    """What the gate says of what is registered. `document`: the name of its `EgressDestination`."""
    return _judged(
        {
            "verdict": "allow",
            "code": "registered",
            "reason": f"{place} is registered",
            "rule": Like(rf"EgressDestination default/{document} \(/\S+policy\.yaml:\d+:\d+\)"),
            "destination": f"EgressDestination/default/{document}",
            "traffic": "registered",
            **more,
        }
    )


def denied(code: str, reason: str, rule: str, **more: Any) -> Labels:
    """What it says of what it refused."""
    said = {"verdict": "deny", "code": code, "reason": Like(reason), "rule": Like(rule), "flags": "UAEX"}
    return _judged({**said, **more}) | {"error.type": "outgate_denied"}


def _judged(said: Labels) -> Labels:
    caller = {
        "source.namespace": "prod",
        "source.service_account": "web",
        "source.principal": "cluster.local/ns/prod/sa/web",
    }
    known = {"generation": Like("[0-9a-f]{12}"), **caller, **said}
    return {f"outgate.{name}": value for name, value in known.items()}


def asked(url: str, status: int | None, version: str = "1.1", agent: str | None = CURL, method: str = "GET") -> Labels:
    """Of a SERVER span of HTTP."""
    scheme, host, port, path, query = _parts(url)
    return {
        "server.address": host,
        "server.port": port,
        "http.request.method": method,
        "url.scheme": scheme,
        "url.path": path,
        "url.query": query or None,
        "network.protocol.version": version,
        "http.response.status_code": status,
        "user_agent.original": Like(agent) if agent else None,
        **_caller(),
    }


def reached(
    url: str,
    status: int | None,
    address: str | None,
    phases: tuple[str, ...],
    version: str = "1.1",
    method: str = "GET",
    **more: Any,
) -> Labels:
    """Of a CLIENT span of HTTP whose origin answered, or did not: then `status` is None."""
    scheme, host, port, _, _ = _parts(url)
    failed = status is None
    told = {
        "server.address": host,
        "server.port": port,
        "http.request.method": method,
        "url.full": url,
        "http.response.status_code": status,
        "network.protocol.version": None if failed else version,
        "network.peer.address": address,
        "network.peer.port": port if address else None,
        "outgate.connection.reused": phases == IDLE,
    }
    if scheme == "https" and not more.get("failed_in"):
        told |= secured()
    more.pop("failed_in", None)
    waited = (*phases, *(() if failed else ("first_byte",)))
    return told | {f"outgate.phase.{name}": SECONDS for name in waited} | more


def secured() -> Labels:
    """Of TLS with an origin. Whether a session was resumed depends on what came before."""
    return {
        "tls.protocol.version": "1.3",
        "tls.cipher": "TLS_AES_256_GCM_SHA384",
        "tls.resumed": Either(),
        "outgate.tls.mutual": False,
    }


def bytes_from(address: str, port: int, sent: object, received: object, sni: str | None = None) -> Labels:
    """Of a SERVER span of what is no HTTP."""
    return {
        "server.address": address,
        "server.port": port,
        "network.transport": "tcp",
        "tls.client.server_name": sni,
        "outgate.sent": sent,
        "outgate.received": received,
        **_caller(),
    }


def bytes_to(address: str, port: int, peer: str | None, sni: str | None = None, **more: Any) -> Labels:
    """Of a CLIENT span of what is no HTTP."""
    return {
        "server.address": address,
        "server.port": port,
        "network.transport": "tcp",
        "tls.client.server_name": sni,
        "network.peer.address": peer,
        "network.peer.port": port if peer else None,
        "outgate.connection.reused": False,
        **more,
    }


def phases(*names: str) -> Labels:
    return {f"outgate.phase.{name}": SECONDS for name in names}


def _caller() -> Labels:
    return {"client.address": POD4, "network.peer.address": POD4, "network.peer.port": PORT}


def _parts(url: str) -> tuple[str, str, int, str, str]:
    scheme, _, rest = url.partition("://")
    authority, slash, target = rest.partition("/")
    host, _, port = authority.partition(":")
    path, _, query = f"{slash}{target}".partition("?")
    return scheme, host, int(port or {"http": 80, "https": 443}[scheme]), path, query
