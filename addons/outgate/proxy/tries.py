"""Each time that an origin was asked for an exchange, and how that is told when it is over.

Owns the translation from connections and errors to `event.Reached`, and the names of errors that outputs share. Decides
nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from outgate.policy.model import Endpoint
from outgate.telemetry.event import Phases, Reached, Tls
from outgate.telemetry.flags import BITS, names
from outgate.upstream.connection import Connection
from outgate.upstream.errors import Failure, UpstreamError

ERRORS = {
    "resolve_failed": ("host_not_found", "DF"),
    "address_refused": ("address_refused", "UF"),
    "connect_failed": ("connection_refused", "UF"),
    "connect_timeout": ("connect_timeout", "UF"),
    "tls_failed": ("tls_handshake", "UF"),
    "identity_failed": ("identity_unusable", "UF"),
    "via_failed": ("proxy_refused", "UF"),
    "upstream_reset": ("connection_closed", "UC"),
    "upstream_failed": ("invalid_response", "UPE"),
    "client_disconnected": ("", "DC"),
    "relay_idle": ("idle_timeout", ""),
    "relay_too_long": ("connection_too_long", "DT"),
    "request_timeout": ("request_timeout", "UT"),
    "try_timeout": ("request_timeout", "UT"),
    "stream_idle": ("stream_idle", "SI"),
    "stream_too_long": ("stream_too_long", "UMSDR"),
    "no_route": ("no_route", "NR"),
    "no_healthy_upstream": ("no_healthy_upstream", "UH"),
    "overflow": ("overflow", "UO"),
    "rate_limited": ("rate_limited", "RL"),
    "rate_limit_failed": ("rate_limit_failed", "RLSE"),
    "fault_abort": ("fault_abort", ""),
}
"""Of codes of failures: how outputs name the error, and Envoy's flag for it. Leaving is no error."""
PLACES = 1024
"""Ends of connections that are kept as they are told, for they are told with every request."""


@dataclass(slots=True)
class Try:
    """One time."""

    started: float = field(default_factory=time.time)
    origin: Connection | None = None
    reused: bool = False
    answered: float = 0.0
    """When the head of the answer came; 0: it did not."""
    protocol: str = ""
    """That it was in."""
    code: str = ""
    """Why it came to nothing."""
    error: UpstreamError | None = None
    """The same, where there came to be no connection."""
    ended: float = 0.0

    def note(self, opened: Any) -> None:
        """It came to a connection, or not. `opened` is mitmproxy's object for it, or None."""
        self.origin = getattr(opened, "origin", None)
        if self.origin is not None:
            self.reused = bool(opened.reused or opened.served)
            opened.served += 1

    def fail(self, code: str, error: UpstreamError | None = None) -> None:
        """It is over, and came to nothing; without a code, to its end."""
        self.code, self.error, self.ended = code, error, time.time()


def error_of(code: str) -> str:
    """How outputs name an error."""
    return ERRORS.get(code, (code, ""))[0]


def error_type_of(tried: Try) -> str:
    """The same of one time. What TLS failed at is told more exactly than by the code."""
    error = tried.error
    if error is None:
        return error_of(tried.code)
    if error.unproven:
        return "tls_certificate_verify"
    refused = error.code is Failure.IDENTITY_FAILED and "tls" in error.taken
    return error_of(Failure.TLS_FAILED if refused else error.code)


def flag_of(code: str) -> str:
    """Envoy's flag for an error, empty where it has none."""
    return ERRORS.get(code, ("", ""))[1]


def told_flags(marks: Sequence[str], own: str) -> str:
    """The flags of an exchange in Envoy's order. `own` is of how it ended; there may be several, with commas."""
    found = {*marks, *names(own)}
    return ",".join(sorted(found, key=lambda flag: BITS.get(flag, 1 << len(BITS))))


def reached(tried: Try, begun: float, *, mutual: bool) -> Reached:
    """What is told of one time. `begun`: when its exchange did, seconds since the epoch. `mutual`: a client certificate
    is shown there."""
    origin, error = tried.origin, error_type_of(tried)
    if origin is None:
        return _unreached(tried, begun, error)
    return Reached(
        _place(origin.peername),
        _place(origin.sockname),
        _tls(origin, mutual) if origin.tls is not None else None,
        tried.protocol,
        tried.reused,
        _endpoint(origin),
        _phases(tried, origin, begun),
        error,
        tried.started,
        tried.ended,
        origin.number,
    )


def _unreached(tried: Try, begun: float, error: str) -> Reached:
    """There came to be no connection. What it took, and where it led, is known where it was dialled."""
    address, phases = None, Phases(tried.started - begun)
    if (failed := tried.error) is not None:
        address = _place(failed.peername)
        phases = phases._replace(**failed.taken)
    return Reached(address, phases=phases, error_type=error, started=tried.started, ended=tried.ended)


def _phases(tried: Try, origin: Connection, begun: float) -> Phases:
    queue, first = tried.started - begun, tried.answered - begun if tried.answered else None
    if tried.reused:
        return Phases(queue, first_byte=first)
    timings = origin.timings
    return Phases(queue, timings.resolve or None, timings.connect, timings.tls or None, first)


def _tls(origin: Connection, mutual: bool) -> Tls:
    facts = origin.tls
    assert facts is not None
    leaf = facts.chain[0] if facts.chain else b""
    return Tls(facts.version, facts.cipher, facts.alpn or "", facts.sni or "", facts.resumed, mutual, leaf)


def _endpoint(origin: Connection) -> Endpoint | None:
    """Of the places that the policy names, the one that is connected to."""
    endpoints = origin.key.endpoints
    if len(endpoints) < 2:
        return endpoints[0] if endpoints else None
    place = _place(origin.peername)
    return next((one for one in endpoints if (one.address, one.port) == place), None)


@lru_cache(PLACES)
def _place(name: tuple[object, ...]) -> tuple[str, int] | None:
    return (str(name[0]), int(str(name[1]))) if len(name) > 1 else None
