"""Text of no format: all of it, or lines of it where it is long.

Owns where a long text may be cut: between lines, and never inside a key or certificate in PEM.
"""

from __future__ import annotations

from collections.abc import Iterator

from outgate.redact.codecs.utf8 import decoded, encoded
from outgate.redact.leaf import Found, Leaf

LONG = 64 * 1024
LONGEST_PEM = 32 * 1024
PEM_BEGIN, PEM_END = b"-----BEGIN ", b"-----END "


def read(body: bytes) -> Iterator[Found]:
    """All bytes are text."""
    at = 0
    while at < len(body):
        end = _cut(body, at)
        yield Leaf(at, end, decoded(body[at:end]), encoded)
        at = end


def _cut(body: bytes, begin: int) -> int:
    """Where a piece ends that begins there: behind a line, however long that is."""
    if len(body) - begin <= LONG:
        return len(body)
    end = body.rfind(b"\n", begin, begin + LONG) + 1 or _line_end(body, begin + LONG)
    opened = body.rfind(PEM_BEGIN, begin, end)
    if opened >= 0 and body.find(PEM_END, opened, end) < 0:
        closed = body.find(PEM_END, end, end + LONGEST_PEM)
        end = end if closed < 0 else _line_end(body, closed)
    return end


def _line_end(body: bytes, at: int) -> int:
    return body.find(b"\n", at) + 1 or len(body)
