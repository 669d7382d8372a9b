"""Stages that bodies pass through on their way, chunk by chunk.

Owns what a stage is, and the one that hides injected credentials. Knows no flows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Stage(Protocol):
    """Bytes in, bytes out. `last` is true once, at the end of the body, perhaps with no bytes.

    Raising denies: nothing further leaves in this direction.
    """

    async def feed(self, data: bytes, last: bool) -> bytes: ...


class Mask:
    """Hides a value wherever a body shows it, also across two chunks. Lengths stay as they are."""

    def __init__(self, values: Sequence[bytes]) -> None:
        self.values = tuple(value for value in values if value)
        self.longest = max((len(value) for value in self.values), default=1)
        self.held = b""

    def hide(self, text: bytes) -> bytes:
        for value in self.values:
            text = text.replace(value, b"*" * len(value))
        return text

    async def feed(self, data: bytes, last: bool) -> bytes:
        text = self.hide(self.held + data)
        keep = 0 if last else min(len(text), self.longest - 1)
        self.held = text[len(text) - keep :] if keep else b""
        return text[: len(text) - keep]
