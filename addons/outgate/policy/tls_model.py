"""The compiled model's TLS towards origins.

Owns the vocabulary. The handshake, and how names are judged in it, are `upstream`'s.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from outgate.policy.model import Source


class Verification(StrEnum):
    """How much of a server's certificate is judged."""

    FULL = "FULL"
    SKIP_CA = "SKIP_CA"
    SKIP_SAN = "SKIP_SAN"
    SKIP_ALL = "SKIP_ALL"


class NameKind(StrEnum):
    """How a subject alternative name is compared."""

    DNS = "DNS"
    URI = "URI"
    PREFIX = "PREFIX"
    EXACT = "EXACT"
    """Against DNS, URI and IP names alike, as Istio's `subjectAltNames`."""


class Inline(str):
    """In place of a path: the content itself, where a document holds it. As text it is a digest, so that whatever
    shows, logs or compares paths shows nothing of it."""

    __slots__ = ("content",)
    content: bytes

    def __new__(cls, content: bytes) -> Self:
        made = super().__new__(cls, f"inline:{hashlib.sha256(content).hexdigest()[:16]}")
        made.content = content
        return made


@dataclass(frozen=True, slots=True)
class SubjectName:
    """One name that a server's certificate may carry to be accepted."""

    kind: NameKind
    value: str


@dataclass(frozen=True, slots=True)
class UpstreamTLS:
    """The TLS that the gate starts. Paths are files, read by `upstream`, or `Inline`; None for `ca` is the system's
    roots."""

    ca: str | None = None
    client_certificate: str | None = None
    private_key: str | None = None
    crl: str | None = None
    sni: str | None = None
    """None: the name the workload asked for."""
    names: tuple[SubjectName, ...] = ()
    """Accepted names; none: the SNI."""
    pins: tuple[str, ...] = ()
    """SHA-256 of accepted public keys (SPKI), hexadecimal."""
    verification: Verification = Verification.FULL
    minimum_version: str | None = None
    """`TLSv1.2` or `TLSv1.3`."""
    maximum_version: str | None = None
    source: Source | None = None

    @property
    def mutual(self) -> bool:
        return self.client_certificate is not None
