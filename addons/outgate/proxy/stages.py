"""Stages that bodies pass through on their way, chunk by chunk.

Owns what a stage is, and the one that hides injected credentials. Knows no flows.
"""

from __future__ import annotations

from typing import Protocol

from outgate.upstream.masking import MaskedStream


class Stage(Protocol):
    """Bytes in, bytes out. `last` is true once, at the end of the body, perhaps with no bytes.

    Raising denies: nothing further leaves in this direction.
    """

    async def feed(self, data: bytes, last: bool) -> bytes: ...


class Masking:
    """Hides injected credentials in what an origin answers; lengths stay as they are."""

    def __init__(self, stream: MaskedStream) -> None:
        self.stream = stream

    async def feed(self, data: bytes, last: bool) -> bytes:
        passed = self.stream.feed(data)
        return passed + self.stream.finish() if last else passed
