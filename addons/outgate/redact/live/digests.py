"""Digests of a body in the fields of its message, made anew when the body has changed.

Owns which of them can be made: the others say nothing that is true any more, and go.
"""

from __future__ import annotations

import base64
import hashlib
import re

from outgate.redact.exchange import Fields
from outgate.redact.heads import DIGESTS

MEMBER = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")
ALGORITHMS = {"sha-256": "sha256", "sha-512": "sha512", "sha": "sha1", "md5": "md5"}
"""As RFC 9530 and RFC 3230 name them."""
STRUCTURED = frozenset({"content-digest", "repr-digest"})


def renewed(fields: Fields, body: bytes) -> Fields:
    """With the digests of another body, which is given as it is sent."""
    made = ((name, _renewed(name.decode("latin-1").lower(), value, body)) for name, value in fields)
    return tuple((name, value) for name, value in made if value is not None)


def without(fields: Fields) -> Fields:
    """Without any, where nobody knows the body yet."""
    return tuple((name, value) for name, value in fields if name.decode("latin-1").lower() not in DIGESTS)


def _renewed(name: str, value: bytes, body: bytes) -> bytes | None:
    if name not in DIGESTS:
        return value
    if name == "content-md5":
        return base64.b64encode(_hash("md5", body))
    if name == "digest" or name in STRUCTURED:
        return _members(value.decode("latin-1"), body, structured=name in STRUCTURED)
    return None


def _members(text: str, body: bytes, *, structured: bool) -> bytes | None:
    made = []
    for member in text.split(","):
        found = MEMBER.match(member)
        algorithm = ALGORITHMS.get(found[1].lower()) if found is not None else None
        if found is not None and algorithm is not None:
            digest = base64.b64encode(_hash(algorithm, body)).decode()
            made.append(f"{found[1]}=:{digest}:" if structured else f"{found[1]}={digest}")
    return ", ".join(made).encode() or None


def _hash(algorithm: str, body: bytes) -> bytes:
    return hashlib.new(algorithm, body, usedforsecurity=False).digest()
