"""Identifiers of traces, spans and requests, at random.

Owns a block of randomness: asking the kernel for each identifier would cost more than the rest of a span.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

BLOCK = 4096
WORD = struct.Struct(">Q")
VERSION, VARIANT, LOW = 0x4000, 1 << 63, (1 << 62) - 1
"""Of identifiers of requests, which are UUIDs of version 4."""


class Ids:
    """Draws identifiers. Never zero, which means none."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Throws away what is left of the block, so that a fork does not draw what its parent draws."""
        self._block: Iterator[tuple[int]] = iter(())

    def trace_id(self) -> int:
        return self.span_id() << 64 | self.span_id()

    def span_id(self) -> int:
        while True:
            for (drawn,) in self._block:
                if drawn:
                    return drawn
            self._block = WORD.iter_unpack(os.urandom(BLOCK))

    def request_id(self) -> str:
        """As Envoy's."""
        high, low = self.span_id() & ~0xF000 | VERSION, self.span_id() & LOW | VARIANT
        text = f"{high:016x}{low:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
