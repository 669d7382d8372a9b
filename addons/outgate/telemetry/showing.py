"""What of an event's headers and path may stand in a line.

Owns the names of headers whose values nobody is shown, and which headers hold URLs. How a URL is
redacted is known to `urls`.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from outgate.telemetry.event import Event, Fields
from outgate.telemetry.text import decoded
from outgate.telemetry.urls import REDACTED, Redaction

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
PLACES = frozenset({"host", ":authority", ":method", ":scheme"})
"""What names no secret, though it may look like a name and its value: `auth:8080`."""
KEPT, LONGEST = 1024, 256
"""Values that are known to hold no secret, and bytes of such a one."""
VARIABLE = re.compile(r"token|secret|passw|credential|key|auth|cookie|session|jwt|pwd", re.IGNORECASE)
"""Environment variables that hold what a line must not."""


@dataclass(frozen=True, slots=True, eq=False)
class Showing:
    """How values are made fit to be shown."""

    redaction: Redaction = field(default_factory=Redaction)
    hostname: str = field(default_factory=socket.gethostname)
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    _harmless: dict[tuple[str, bytes], str] = field(default_factory=dict, init=False, repr=False)
    """Headers that hold no secret, which is long to find out: most come with every request."""

    def header(self, event: Event, name: str, value: bytes) -> str:
        """The value of a header, by its name in lower case."""
        if injected(event, name):
            return REDACTED
        known = self._harmless.get((name, value))
        return known if known is not None else self._read(name, value)

    def _read(self, name: str, value: bytes) -> str:
        text, shown = decoded(value), REDACTED
        if not self._secret(name):
            shown = self._shown(name, text)
        if shown == text and len(value) <= LONGEST:
            if len(self._harmless) >= KEPT:
                self._harmless.clear()
            self._harmless[name, value] = text
        return shown

    def _shown(self, name: str, text: str) -> str:
        if name in URLS:
            return self.redaction.url(text)
        if name in PLACES:
            return text
        return REDACTED if SHAPES.search(text) or self.redaction.holds_secret(text) else text

    def path(self, event: Event) -> str:
        """Path and query."""
        return self.redaction.url(event.path)

    def variable(self, name: str) -> str | None:
        """An environment variable."""
        if (value := self.environment.get(name)) is None:
            return None
        return REDACTED if VARIABLE.search(name) or self.redaction.holds_secret(value) else value

    def _secret(self, name: str) -> bool:
        return secret(name) or (name not in HARMLESS and self.redaction.is_secret(name))


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


def injected(event: Event, *names: str) -> bool:
    """Whether the gate itself sets one of these headers on what goes to this destination."""
    destination = event.decision.destination if event.decision is not None else None
    if destination is None or not destination.headers:
        return False
    return any(header.name.lower() in names for header in destination.headers)
