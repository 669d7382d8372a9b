"""Stages that bodies pass through on their way, chunk by chunk.

Owns what a stage is, the one that hides injected credentials and the one that slows an answer down, and what keeps a
body to be shown. Knows no flows.
"""

from __future__ import annotations

import asyncio
import time
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


STEPS = 16
"""A second, as in Envoy."""


class Slowed:
    """Lets no more through than so many bytes a second, from the first one on."""

    def __init__(self, bytes_per_second: float) -> None:
        self.rate = bytes_per_second
        self.step = max(1, round(bytes_per_second / STEPS))
        """Bytes that are to be fed at a time, so that they come evenly."""
        self.begun: float | None = None
        self.passed = 0

    async def feed(self, data: bytes, last: bool) -> bytes:
        now = time.monotonic()
        if self.begun is None:
            self.begun = now
        self.passed += len(data)
        await asyncio.sleep(max(0.0, self.begun + self.passed / self.rate - now))
        return data


class Kept:
    """A body that passes, kept as long as it is no longer than `most` bytes. No stage: nothing waits for it."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.pieces: list[bytes] = []
        self.size = 0

    def take(self, data: bytes) -> None:
        self.size += len(data)
        if self.size <= self.most:
            self.pieces.append(data)
        else:
            self.pieces.clear()

    @property
    def whole(self) -> bytes | None:
        """All of it; None where it was longer."""
        return b"".join(self.pieces) if self.size <= self.most else None
