"""How a recorded body is cut into the pieces that it came in, and when each is due.

Owns the cutting. Pieces are in the chunks' proportions where redaction changed the length; events and lines are not cut
through, for a client would then wait for what it once had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from outgate.redact.exchange import Chunk

ENDS: Mapping[str, bytes] = {"text/event-stream": b"\n\n", "application/x-ndjson": b"\n", "application/jsonl": b"\n"}


class Piece(NamedTuple):
    """`after`: seconds since the exchange began."""

    after: float
    content: bytes


def pieces(content: bytes, chunks: tuple[Chunk, ...], media_type: str = "") -> Iterator[Piece]:
    """All of the content; in one piece where its pace was not kept."""
    total = sum(chunk.size for chunk in chunks)
    if total <= 0:
        yield Piece(chunks[0].after if chunks else 0.0, content)
        return
    end = ENDS.get(media_type.partition(";")[0].strip().lower())
    done = passed = 0
    for chunk in chunks[:-1]:
        passed += chunk.size
        upto = max(done, _cut(content, len(content) * passed // total, end))
        yield Piece(chunk.after, content[done:upto])
        done = upto
    yield Piece(chunks[-1].after, content[done:])


def _cut(content: bytes, at: int, end: bytes | None) -> int:
    """The place, or the nearest end of an event around it."""
    if end is None or at >= len(content):
        return at
    before, after = content.rfind(end, 0, at + len(end)), content.find(end, at)
    found = [place + len(end) for place in (before, after) if place >= 0]
    return min(found, key=lambda place: abs(place - at), default=at)
