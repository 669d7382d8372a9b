"""Whether a word was drawn by a machine. Owns the measure; looked at only where a name gives reason to."""

from __future__ import annotations

import math
import re
from collections import Counter

SHORTEST, LONGEST = 20, 512
"""Characters."""
LEAST_BITS = {"hexadecimal": 2.8, "other": 3.4}
"""Shannon's entropy of a character. A word of 20 random characters seldom has less."""
LONGEST_PIECE = {"changing": 3.2, "one case": 4.5}
"""Characters that stand together without changing between upper case, lower case, digits and signs, on average. In
words of a language these are five or more, also in slugs and file names; in random ones two, or three where there is
one case alone."""

_HEXADECIMAL = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")
_PIECES = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def entropy(text: str) -> float:
    """Bits of each character, by how often each one occurs in the text."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def random(text: str) -> bool:
    """A key, a signature, a token; not an identifier in words, a number or a UUID."""
    if not SHORTEST <= len(text) <= LONGEST or text.isdigit() or _UUID.fullmatch(text):
        return False
    if _HEXADECIMAL.fullmatch(text):
        return entropy(text) >= LEAST_BITS["hexadecimal"]
    pieces = _PIECES.findall(text)
    mixed = any(character.isdigit() for character in text) and len(pieces) > 1
    longest = LONGEST_PIECE["one case" if text.isalnum() and text in (text.lower(), text.upper()) else "changing"]
    drawn = sum(map(len, pieces)) <= longest * len(pieces)
    return mixed and drawn and entropy(text) >= LEAST_BITS["other"]
