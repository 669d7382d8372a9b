"""A stream of bytes as lines of JSON, as a watch is sent.

Owns the framing and its bound. A line that the stream ends in is none: what was cut off is not known.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

LONGEST = 8 * 1024 * 1024
"""Bytes of one line; an object has at most some 1.5 million."""


class Garbled(Exception):
    """What came cannot be made sense of, so nothing after it is taken for what is next."""


async def values(chunks: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    """The mapping on each whole line. Raises `Garbled`."""
    rest = bytearray()
    async for chunk in chunks:
        rest += chunk
        if b"\n" in chunk:
            *whole, tail = rest.split(b"\n")
            rest = bytearray(tail)
            for line in filter(None, map(bytes.strip, map(bytes, whole))):
                yield _value(line)
        if len(rest) > LONGEST:
            raise Garbled(f"a line has more than {LONGEST} bytes")


def _value(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Garbled("a line is not JSON") from error
    if not isinstance(found, dict):
        raise Garbled("a line is not a mapping")
    return found
