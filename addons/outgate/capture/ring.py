"""A ring of frames in shared memory: one process writes them, another one reads them, and neither ever waits.

Owns the memory's form and the order in which it is written: what a position leads past is whole. Positions only grow;
each side moves its own. A checksum tells a frame that is not, or not yet, as it was written: a processor may let the
other side see the position before the frame. Knows nothing of what is in the frames, nor of the processes.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

HEADER = struct.Struct("=III4x")
"""Length, checksum, kind."""
STEP = HEADER.size
"""Frames begin at its multiples, so that a header always fits in what is left at the end."""
PAD = 0
"""The kind of a frame that only leads back to the front."""
FRONT = 1 << 16
"""Bytes beyond which an empty ring begins at its front again: no more memory is held than ever was needed at once."""
HEAD, TAIL = 0, 8
"""Words with the positions, apart from each other, for each has a writer of its own."""
WORDS = 16


class Torn(ValueError):
    """What is at the tail is no frame, or cannot be seen yet."""


class Frame(NamedTuple):
    kind: int
    payload: memoryview
    """Valid until the tail is moved past it."""
    at: int
    end: int


class Ring:
    """`words` are of 64 bits, `data` a multiple of `STEP` bytes. One process writes, and one reads."""

    def __init__(self, words: memoryview, data: memoryview) -> None:
        self.words, self.data, self.size = words, data, len(data)

    @property
    def head(self) -> int:
        return self.words[HEAD]

    @property
    def tail(self) -> int:
        return self.words[TAIL]

    # For the writer.

    def write(self, kind: int, payload: bytes) -> bool:
        """False: there is no room."""
        head, tail, length = self.words[HEAD], self.words[TAIL], len(payload)
        at, needed = head % self.size, _stepped(length)
        padding = self.size - at if needed > self.size - at or (head == tail and at >= FRONT) else 0
        if head + padding + needed - tail > self.size:
            return False
        if padding:
            HEADER.pack_into(self.data, at, 0, _checksum(b"", PAD, head), PAD)
            head, at = head + padding, 0
        HEADER.pack_into(self.data, at, length, _checksum(payload, kind, head), kind)
        at += STEP
        self.data[at : at + length] = payload
        self.words[HEAD] = head + needed
        return True

    # For the reader.

    def read(self, at: int) -> Frame | None:
        """The frame at a position from the tail on; None at the head. Raises `Torn`."""
        head = self.words[HEAD]
        while at < head:
            start = at % self.size
            length, checksum, kind = HEADER.unpack_from(self.data, start)
            end = at + (self.size - start if kind == PAD else _stepped(length))
            if end > head or length > self.size - start - STEP:
                raise Torn(f"a frame of {length} bytes at {at} does not end before {head}")
            payload = self.data[start + STEP : start + STEP + length]
            if _checksum(payload, kind, at) != checksum:
                raise Torn(f"the frame at {at} has another checksum")
            if kind != PAD:
                return Frame(kind, payload, at, end)
            at = end
        return None

    def leave(self, position: int) -> None:
        """Everything before it may be written over."""
        self.words[TAIL] = position


def _stepped(length: int) -> int:
    """Bytes that a frame takes."""
    return -(-(STEP + length) // STEP) * STEP


def _checksum(payload: bytes | memoryview, kind: int, at: int) -> int:
    """Of a frame at its position: what was left there by an earlier one is none."""
    return zlib.crc32(payload, (at ^ kind) & 0xFFFFFFFF)
