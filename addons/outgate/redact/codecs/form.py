"""Names and values as forms and queries have them (`application/x-www-form-urlencoded`).

Owns their escapes. A name without a value is a value without a name: it may be all that a query says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from urllib.parse import quote, quote_plus, unquote_to_bytes

from outgate.redact.codecs.names import telling
from outgate.redact.codecs.utf8 import decoded, encoded
from outgate.redact.leaf import Found, Kind, Leaf

ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")
SIGNS = frozenset(range(ord("!"), 0x7F)) - frozenset(b"%&+")
"""What may stand for itself."""


def read(body: bytes) -> Iterator[Found]:
    """All bytes are a form."""
    at = 0
    for pair in body.split(b"&"):
        raw, equals, value = pair.partition(b"=")
        name, end = unescaped(raw), at + len(raw)
        if not equals:
            if raw:
                yield Leaf(at, end, name, partial(_escaped, raw))
        else:
            if telling(name):
                yield Leaf(at, end, name, partial(_escaped, raw), (name,), name, Kind.KEY)
            yield Leaf(end + 1, end + 1 + len(value), unescaped(value), partial(_escaped, value), (name,), name)
        at += len(pair) + 1


def unescaped(raw: bytes) -> str:
    return decoded(unquote_to_bytes(raw.replace(b"+", b" ")))


def _escaped(raw: bytes, text: str) -> bytes:
    """Signs that stood for themselves still do, and blanks are written as they were."""
    said = unquote_to_bytes(b"".join(ESCAPE.findall(raw)))
    plain = bytes(SIGNS.intersection(ESCAPE.sub(b"", raw)).difference(said))
    write = quote if b" " in said and b"+" not in raw else quote_plus
    return write(encoded(text), safe=plain).encode()
