"""Cookies, as `cookie` and `set-cookie` carry them: each value by the name of its cookie.

Owns which characters they may have. What a cookie's own attributes say is nobody's secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from outgate.redact.codecs.utf8 import decoded, encoded
from outgate.redact.leaf import Found, Leaf

PAIR = re.compile(rb"[ \t]*+([^;=]*+)(?:=[ \t]*+([^;]*+))?+;?")
SAFE = "!#$%&'()*+-./:<=>?@[]^_`{|}~"
"""RFC 6265, section 4.1.1, beside letters and digits. A percent sign stands for itself."""


def read(value: bytes) -> Iterator[Found]:
    """Of `cookie`."""
    for found in PAIR.finditer(value):
        yield from _pair(found)


def read_set(value: bytes) -> Iterator[Found]:
    """Of one `set-cookie`."""
    if found := PAIR.match(value):
        yield from _pair(found)


def _pair(found: re.Match[bytes]) -> Iterator[Leaf]:
    """One without `=` has a value and no name."""
    group = 1 if found[2] is None else 2
    name = "" if group == 1 else decoded(found[1].strip())
    start = found.start(group)
    raw = found[group].rstrip(b" \t")
    if raw:
        yield Leaf(start, start + len(raw), decoded(_bare(raw)), _written, (name,) if name else (), name)


def _bare(raw: bytes) -> bytes:
    return raw[1:-1] if len(raw) > 1 and raw[:1] == raw[-1:] == b'"' else raw


def _written(text: str) -> bytes:
    return quote(encoded(text), safe=SAFE).encode()
