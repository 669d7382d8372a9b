"""Identifiers of traces and spans, at random.

Owns a block of randomness: asking the kernel for each identifier would cost more than the rest of a span.
"""

from __future__ import annotations

import os

BLOCK = 4096


class Ids:
    """Draws identifiers. Never zero, which means none."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Throws away what is left of the block, so that a fork does not draw what its parent draws."""
        self._block, self._next = b"", BLOCK

    def trace_id(self) -> int:
        return self._draw(16)

    def span_id(self) -> int:
        return self._draw(8)

    def _draw(self, size: int) -> int:
        while True:
            if (end := self._next + size) > BLOCK:
                self._block, self._next, end = os.urandom(BLOCK), 0, size
            drawn = int.from_bytes(self._block[self._next : end])
            self._next = end
            if drawn:
                return drawn
