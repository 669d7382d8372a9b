"""The ways to places in a document of JSON of which nothing is left but its signs: brackets, commas, colons, and one
quotation mark for each string.

Owns which objects and lists are around a place. Goes from one place to the next without looking at what is between: all
of that is counted and searched by functions that are as fast as memory is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from operator import mul

from outgate.redact.leaf import Path

STEPS = [{"[": 1, "{": 1, "]": -1, "}": -1}.get(chr(sign), 0) for sign in range(256)]
BRACKETS = bytes.maketrans(b"]{}", b"[[[")
"""All alike."""
OBJECT, QUOTE, COMMA = ord("{"), b'"', ord(",")
NONE = 128
"""More than anything lies deep."""
DEPTHS = [bytes((depth,)) for depth in range(NONE)]
BUT_COMMAS = bytes(0 if sign == COMMA else NONE for sign in range(256))


@dataclass(slots=True)
class _Around:
    """An object or list. `index`: how many of its commas stand before `counted`."""

    named: bool
    path: Path
    name: str
    counted: int
    index: int = 0


class Way:
    """To be asked for places in their order. `key`: the number of a string to what it says."""

    def __init__(self, signs: bytes, key: Callable[[int], str]) -> None:
        self._signs, self._key = signs, key
        self._depths = _depths(signs)
        """Of the place before each sign."""
        self._commas = _either(self._depths[:-1], signs.translate(BUT_COMMAS))
        """The depth of each comma, and for other signs no depth."""
        self._around: list[_Around] = []
        self._at, self._strings = 0, 0

    def to(self, place: int) -> tuple[Path, str]:
        """The path and the name of the value before the sign with this number, or of the string that it is."""
        for opened in self._opened(place):
            path, name = self._step(opened) if self._around else ((), "")
            self._around.append(_Around(self._signs[opened] == OBJECT, path, name, opened + 1))
        return self._step(place)

    def end(self, opened: int) -> int:
        """Behind what closes the object or list that is opened there."""
        return self._depths.find(self._depths[opened], opened + 1)

    def _opened(self, place: int) -> list[int]:
        """What has been opened since the last place and still is, from outside. What has been closed is left."""
        depth, opened = self._depths[place], list[int]()
        while depth and (place := self._depths.rfind(depth - 1, self._at, place)) >= 0:
            opened.append(place)
            depth -= 1
        del self._around[depth:]
        return opened[::-1]

    def _step(self, place: int) -> tuple[Path, str]:
        strings, around = self._passed(place), self._around[-1]
        if around.named:
            name = self._key(strings - 1)
            return (*around.path, name), name
        around.index += self._commas.count(len(self._around), around.counted, place)
        around.counted = place
        return (*around.path, around.index), around.name

    def _passed(self, place: int) -> int:
        """How many strings there are before a place."""
        self._strings += self._signs.count(QUOTE, self._at, place)
        self._at = place
        return self._strings


def _depths(signs: bytes) -> bytes:
    """Of the place before each sign, and behind the last one: one for all places up to the next bracket."""
    depths = accumulate(map(STEPS.__getitem__, signs.translate(None, b',:"')), initial=0)
    sizes = [len(run) + 1 for run in signs.translate(BRACKETS).split(b"[")]
    return b"".join(map(mul, map(DEPTHS.__getitem__, depths), sizes))


def _either(first: bytes, second: bytes) -> bytes:
    """Byte by byte, all bits of both."""
    made = int.from_bytes(first) | int.from_bytes(second)
    return made.to_bytes(len(first))
