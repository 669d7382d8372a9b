"""JSON a line, and sequences of JSON (RFC 7464): each document a part.

Owns where the documents lie. What is in them is JSON's.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

from outgate.redact.codecs import json
from outgate.redact.leaf import Found, Part, Unreadable

LINE = re.compile(rb"[^\r\n\x1e]++")
DOCUMENT = re.compile(rb"\s*+[\[{].*[\]}]\s*+")


def read(body: bytes) -> Iterator[Found]:
    """Raises `Unreadable` where the first line is no document, or another does not look like one."""
    for number, part in enumerate(lines(body)):
        if not DOCUMENT.fullmatch(part.body):
            raise Unreadable("a line is no JSON")
        if not number:
            deque(json.read(part.body), maxlen=0)
        yield part


def lines(body: bytes) -> Iterator[Part]:
    """Those that are not empty, whatever is in them."""
    said = (found for found in LINE.finditer(body) if not found[0].isspace())
    for number, found in enumerate(said):
        yield Part(*found.span(), found[0], _line, (number,), media_type="application/json")


def _line(document: bytes) -> bytes:
    return document.replace(b"\r", b" ").replace(b"\n", b" ")
