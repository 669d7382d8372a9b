"""JSON a line, and sequences of JSON (RFC 7464): each document a part.

Owns where the documents lie. What is in them is JSON's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from outgate.redact.leaf import Found, Part, Unreadable

LINE = re.compile(rb"[^\r\n\x1e]++")
BEGIN = re.compile(rb"\s*+[\[{]")


def read(body: bytes) -> Iterator[Found]:
    """Raises `Unreadable` where a line does not begin as an object or a list does."""
    number = 0
    for found in LINE.finditer(body):
        if found[0].isspace():
            continue
        if not BEGIN.match(found[0]):
            raise Unreadable("a line is no JSON")
        yield Part(*found.span(), found[0], _line, (number,), media_type="application/json")
        number += 1


def _line(document: bytes) -> bytes:
    return document.replace(b"\r", b" ").replace(b"\n", b" ")
