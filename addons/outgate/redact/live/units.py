"""Streams in pieces that can be read each by itself: events, lines, frames.

Owns where a piece ends, across whatever pieces it came in, and that none is longer than may be held back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Protocol

from outgate.redact.codecs.formats import Format, of_type
from outgate.redact.codecs.grpc import HEAD
from outgate.redact.codecs.media_type import essence, parameters
from outgate.redact.live.verdict import Refused, Why

_END = rb"(?:\r\n|\n|\r(?!\n))"
EVENT_END = re.compile(_END + _END)
LINE_END = re.compile(rb"\n")
IN_UTF8 = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})
LONGEST_END = 4
"""Bytes."""
TOGETHER = 32 * 1024
"""Bytes of pieces that are looked at together."""


class Units(Protocol):
    """Both raise `Refused`."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces that are whole by now. To be taken to its end."""

    def finish(self) -> bytes:
        """What is left at the end, to be looked at like a piece."""


class Delimited:
    """Pieces that end with something. Those that come at once are taken together, which is faster."""

    def __init__(self, end: re.Pattern[bytes], most: int) -> None:
        self._end, self._most = end, most
        self._held = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._held += data
        begin = end = 0
        for found in self._end.finditer(self._held, self._searched):
            self._bounded(found.end() - end)
            if end > begin and found.end() - begin > min(TOGETHER, self._most):
                yield bytes(self._held[begin:end])
                begin = end
            end = found.end()
        self._bounded(len(self._held) - end)
        if end > begin:
            yield bytes(self._held[begin:end])
        del self._held[:end]
        self._searched = max(0, len(self._held) - LONGEST_END)

    def finish(self) -> bytes:
        return bytes(self._held)

    def _bounded(self, size: int) -> None:
        if size > self._most:
            raise too_large(self._most)


class Frames:
    """Messages of gRPC and Connect: five bytes, of which four say how long it is."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._held += data
        while len(self._held) >= HEAD:
            end = HEAD + int.from_bytes(self._held[1:HEAD], "big")
            if end - HEAD > self._most:
                raise too_large(self._most)
            if len(self._held) < end:
                return
            yield bytes(self._held[:end])
            del self._held[:end]

    def finish(self) -> bytes:
        if self._held:
            raise Refused(Why.UNREADABLE, "the last message is not whole")
        return b""


def too_large(most: int) -> Refused:
    return Refused(Why.TOO_LARGE, f"a piece of the body is longer than the {most} bytes that are held back")


def units_of(media_type: str, most: int) -> Units | None:
    """For a body of a type, that has no content coding any more. None: it has to be looked at as a whole."""
    kind = essence(media_type)
    if parameters(media_type).get("charset", "").lower() not in IN_UTF8:
        return None
    made = _UNITS.get(of_type(kind))
    if made is None or kind.startswith("application/grpc-web-text") or kind == "application/json-seq":
        return None
    return made(most)


def is_endless(media_type: str) -> bool:
    """Whether nobody waits for the end of such a body before reading it: calls, events, lines."""
    return units_of(media_type, 1) is not None


def is_call(media_type: str) -> bool:
    """Whether it may be answered before it has ended."""
    return isinstance(units_of(media_type, 1), Frames)


_UNITS: dict[Format | None, Callable[[int], Units]] = {
    Format.SSE: lambda most: Delimited(EVENT_END, most),
    Format.NDJSON: lambda most: Delimited(LINE_END, most),
    Format.GRPC: Frames,
}
