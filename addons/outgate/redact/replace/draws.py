"""Numbers out of a seed: as many as are asked for, and the same for the same seed.

Owns the stretching of a digest into choices. Knows nothing of what is chosen.
"""

from __future__ import annotations

from hashlib import shake_256
from struct import unpack_from

SIZE = 8
"""Bytes of a number. What is chosen from is so much smaller that no choice is likelier than another."""
FIRST = 16
"""Numbers that most values need at most."""


class Draws:
    """A stream of choices."""

    __slots__ = ("_at", "_seed", "_taken")

    def __init__(self, seed: bytes) -> None:
        self._seed = shake_256(seed)
        self._taken = self._seed.digest(FIRST * SIZE)
        self._at = 0

    def below(self, limit: int) -> int:
        """From 0 to `limit` - 1."""
        return self._next(1)[0] % limit

    def text(self, alphabet: str, length: int) -> str:
        """Characters of an alphabet."""
        limit = len(alphabet)
        return "".join([alphabet[number % limit] for number in self._next(length)])

    def _next(self, count: int) -> tuple[int, ...]:
        """So many numbers."""
        at, self._at = self._at, self._at + count * SIZE
        if self._at > len(self._taken):
            self._taken = self._seed.digest(max(2 * len(self._taken), self._at))
        return unpack_from(f">{count}Q", self._taken, at)
