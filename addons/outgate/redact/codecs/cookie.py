"""Cookies, as `cookie` and `set-cookie` carry them: each value by the name of its cookie.

Owns where a value ends. What a cookie's own attributes say is nobody's secret, unless it is no word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from outgate.redact.codecs.names import telling
from outgate.redact.codecs.utf8 import decoded, encoded
from outgate.redact.leaf import Found, Leaf

PAIR = re.compile(rb"[ \t]*+([^;=]*+)(?:=[ \t]*+([^;]*+))?+;?")
KNOWN = frozenset({b"domain", b"expires", b"max-age", b"samesite", b"priority"})
"""Attributes that say nothing else."""
ENDING = re.compile("[;\x00-\x08\x0a-\x1f\x7f]")
"""What cannot stand in a value. What else clients send, though they should not, is left as it is."""


def read(value: bytes) -> Iterator[Found]:
    """Of `cookie`."""
    for found in PAIR.finditer(value):
        yield from _pair(found)


def read_set(value: bytes) -> Iterator[Found]:
    """Of one `set-cookie`."""
    first, *attributes = PAIR.finditer(value)
    yield from _pair(first)
    for found in attributes:
        if found[2] is not None and found[1].strip().lower() not in KNOWN and telling(decoded(found[2].strip(b" \t/"))):
            yield from _pair(found)


def _pair(found: re.Match[bytes]) -> Iterator[Leaf]:
    """One without `=` has a value and no name."""
    group = 1 if found[2] is None else 2
    name = "" if group == 1 else decoded(found[1].strip())
    start, raw = found.start(group), found[group].rstrip(b" \t")
    if len(raw) > 1 and raw[:1] == raw[-1:] == b'"':
        start, raw = start + 1, raw[1:-1]
    if raw:
        yield Leaf(start, start + len(raw), decoded(raw), _written, (name,) if name else (), name)


def _written(text: str) -> bytes:
    return encoded(ENDING.sub(lambda found: f"%{ord(found[0]):02X}", text))
