"""What of an event's headers and path may stand in a line.

Owns the names of headers whose values nobody is shown, and which headers hold URLs. How a URL is redacted it is told.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from outgate.telemetry.escaping import decoded
from outgate.telemetry.event import Event, Fields

REDACTED = "[redacted]"
SECRET = re.compile(
    r"auth(?!or(s|ity)?$)|cookie|token|secret|passw|passphrase|credential|signature|session|jwt|assertion|api-?key"
    r"|access-?key|(^|[-_])(key|sid|pwd|pin|otp|hmac|signed)$"
)
"""Names of headers, in lower case: `authorization`, `cookie`, `x-api-key`, `x-amz-security-token` and their like."""
HARMLESS = frozenset({"sec-websocket-key", "idempotency-key", "www-authenticate", "proxy-authenticate"})
SHAPES = re.compile(r"eyJ[\w-]{8}|\b(?:bearer|basic|digest|negotiate)\s+\S", re.IGNORECASE | re.ASCII)
"""Credentials that show by what they look like, whatever the header is called."""
URLS = frozenset(
    {
        "content-location", "link", "location", "origin", "referer", "refresh", "x-envoy-original-path",
        "x-forwarded-uri", "x-original-uri", "x-original-url", "x-rewrite-url", ":path",
    }
)  # fmt: skip
USER = re.compile(r"//[^/?#\s@]*@")
VARIABLE = re.compile(r"token|secret|passw|credential|key|auth|cookie|session|jwt|pwd", re.IGNORECASE)
"""Environment variables that hold what a line must not."""


def without_query(url: str) -> str:
    """The least that is always right: nothing of a query is shown."""
    return url.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Showing:
    """How values are made fit to be shown. `redact`: of a URL, or of a path with its query."""

    redact: Callable[[str], str] = without_query
    hostname: str = field(default_factory=socket.gethostname)
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def header(self, event: Event, name: str, value: bytes) -> str:
        """The value of a header, by its name in lower case."""
        if secret(name) or _injected(event, name):
            return REDACTED
        text = decoded(value)
        if name in URLS:
            return USER.sub("//", self.redact(text))
        return REDACTED if SHAPES.search(text) else text

    def path(self, event: Event) -> str:
        """Path and query."""
        return self.redact(event.path)

    def variable(self, name: str) -> str | None:
        """An environment variable."""
        return REDACTED if VARIABLE.search(name) and name in self.environment else self.environment.get(name)


@lru_cache(maxsize=1024)
def secret(name: str) -> bool:
    """Whether nobody is shown the value of a header, by its name in lower case."""
    return name not in HARMLESS and SECRET.search(name) is not None


def find(fields: Fields, name: bytes) -> bytes | None:
    """The first value of a header, by its name in lower case."""
    size = len(name)
    for key, value in fields:
        if len(key) == size and key.lower() == name:
            return value
    return None


def _injected(event: Event, name: str) -> bool:
    """Whether the gate itself sets it on what goes to this destination."""
    destination = event.decision.destination if event.decision is not None else None
    return destination is not None and any(header.name.lower() == name for header in destination.headers)
