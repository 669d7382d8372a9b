"""Names and values as forms and queries have them (`application/x-www-form-urlencoded`).

Owns their escapes. A name without a value is a value without a name: it may be all that a query says.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote_plus, unquote_to_bytes

from outgate.redact.codecs.names import telling
from outgate.redact.codecs.utf8 import decoded, encoded
from outgate.redact.leaf import Found, Kind, Leaf


def read(body: bytes) -> Iterator[Found]:
    """All bytes are a form."""
    at = 0
    for pair in body.split(b"&"):
        raw, equals, value = pair.partition(b"=")
        name, end = unescaped(raw), at + len(raw)
        if not equals:
            if raw:
                yield Leaf(at, end, name, escaped)
        else:
            if telling(name):
                yield Leaf(at, end, name, escaped, (name,), name, Kind.KEY)
            yield Leaf(end + 1, end + 1 + len(value), unescaped(value), escaped, (name,), name)
        at += len(pair) + 1


def unescaped(raw: bytes) -> str:
    return decoded(unquote_to_bytes(raw.replace(b"+", b" ")))


def escaped(text: str) -> bytes:
    return quote_plus(encoded(text)).encode()
