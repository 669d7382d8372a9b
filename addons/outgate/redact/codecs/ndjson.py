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
    number = 0
    for found in LINE.finditer(body):
        if found[0].isspace():
            continue
        if not DOCUMENT.fullmatch(found[0]):
            raise Unreadable("a line is no JSON")
        if not number:
            deque(json.read(found[0]), maxlen=0)
        yield Part(*found.span(), found[0], _line, (number,), media_type="application/json")
        number += 1


def _line(document: bytes) -> bytes:
    return document.replace(b"\r", b" ").replace(b"\n", b" ")
