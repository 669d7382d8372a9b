"""Identifiers of traces, spans and requests, at random.

Owns a block of randomness: asking the kernel for each identifier would cost more than the rest of a span.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

BLOCK, UUID = 4096, 16
"""Bytes of a block, and of a request's identifier."""
UUIDS = 64
"""Identifiers of requests that are written at once."""
WORD, WORDS = struct.Struct(">Q"), struct.Struct(">QQQQ")
VARIANT = "89ab"
"""Of UUIDs of version 4: two bits of a digit are theirs."""


class Ids:
    """Draws identifiers. Never zero, which means none."""

    def __init__(self) -> None:
        self.epoch = 0
        """Another one where what was drawn before is not to be used any more."""
        self.forget()

    def forget(self) -> None:
        """Throws away what is left of the block, so that a fork does not draw what its parent draws."""
        self.epoch += 1
        self._block: Iterator[tuple[int]] = iter(())
        self._blocks: Iterator[tuple[int, int, int, int]] = iter(())
        self._requests: list[str] = []

    def trace(self) -> tuple[int, int, int]:
        """Of a trace and of two spans."""
        while True:
            for high, low, one, other in self._blocks:
                if low and one and other:
                    return high << 64 | low, one, other
            self._blocks = WORDS.iter_unpack(os.urandom(BLOCK))

    def span_id(self) -> int:
        while True:
            for (drawn,) in self._block:
                if drawn:
                    return drawn
            self._block = WORD.iter_unpack(os.urandom(BLOCK))

    def request_id(self) -> str:
        """A UUID of version 4, as Envoy's."""
        if not self._requests:
            drawn = os.urandom(UUIDS * UUID)
            self._requests = [_uuid(drawn[start : start + UUID]) for start in range(0, len(drawn), UUID)]
        return self._requests.pop()


def _uuid(drawn: bytes) -> str:
    text = drawn.hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{VARIANT[drawn[8] >> 4 & 3]}{text[17:20]}-{text[20:]}"
