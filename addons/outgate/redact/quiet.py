"""What nothing was found in, and may come again: names, lines of heads, short bodies.

Owns its bounds. None of it is anybody's, as far as the rules know that it is kept beside, so that it can be remembered
as it is.
"""

from __future__ import annotations

MOST, LONGEST = 4096, 256
"""Of them, and their bytes."""


class Quiet:
    """Of one side, under the same rules."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str, bytes | str]] = set()

    def has(self, kind: str, name: str, value: bytes | str) -> bool:
        """`kind`: what carries it; `name`: what that is called."""
        return (kind, name, value) in self._known

    def add(self, kind: str, name: str, value: bytes | str) -> None:
        if len(value) <= LONGEST:
            if len(self._known) >= MOST:
                self._known = set()
            self._known.add((kind, name, value))
