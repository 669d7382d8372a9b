"""Texts as people read them: without characters that nobody sees, with plain digits, blanks and dashes.

Owns which characters those are, and the way back from a plain text to the one that it was. Detectors know ASCII, and a
card that was copied out of a page has soft hyphens, narrow blanks and long dashes in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_UNSEEN = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x180E, 0x180E), (0x200B, 0x200F), (0x202A, 0x202E),
    (0x2060, 0x2064), (0x2066, 0x206F), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
)  # fmt: skip
_BLANKS = ((0x1680, 0x1680), (0x2000, 0x200A), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000))
_DASHES = ((0x2010, 0x2015), (0x2212, 0x2212), (0xFE58, 0xFE58), (0xFE63, 0xFE63))
_ZEROES = (0x660, 0x6F0, 0x966, 0x9E6, 0xE50)
"""Of Arabic, Persian, Devanagari, Bengali and Thai digits."""
_WIDE = range(0xFF01, 0xFF5F)
"""ASCII as wide as Chinese."""


def _all(ranges: Sequence[tuple[int, int]]) -> list[int]:
    return [code for first, last in ranges for code in range(first, last + 1)]


TABLE: dict[int, int | None] = {
    **dict.fromkeys(_all(_UNSEEN)),
    **dict.fromkeys(_all(_BLANKS), ord(" ")),
    **dict.fromkeys(_all(_DASHES), ord("-")),
    **{zero + digit: ord("0") + digit for zero in _ZEROES for digit in range(10)},
    **{code: code - 0xFEE0 for code in _WIDE},
}
OTHER = re.compile(f"[{''.join(map(chr, TABLE))}]")


class Plain:
    """Of a text. `text` is what detectors look at."""

    __slots__ = ("_at", "text")

    def __init__(self, text: str) -> None:
        self.text = text.translate(TABLE)
        self._at = None if len(self.text) == len(text) else [at for at, each in enumerate(text) if _stays(each)]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where something lies in the text that it was."""
        return (start, end) if self._at is None else (self._at[start], self._at[end - 1] + 1)


def plain(texts: Sequence[str]) -> dict[int, Plain]:
    """Of those that are read otherwise than they are written, by their number."""
    if all(map(str.isascii, texts)):
        return {}
    return {number: Plain(text) for number, text in enumerate(texts) if not text.isascii() and OTHER.search(text)}


def _stays(character: str) -> bool:
    return TABLE.get(ord(character), 0) is not None
