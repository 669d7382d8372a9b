"""A document of JSON as what it says: the names and texts in it, which is faster to have than where they are written.

Owns when that tells everything: where nothing is escaped, no object has a name twice, and no number is long. All else
is for `json_cut` to see, and so is where something is that somebody wants to see after all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import orjson

from outgate.redact.codecs.json_cut import Cut, Wanted, may_be_cut
from outgate.redact.codecs.names import DEEPEST
from outgate.redact.detect.detector import MANY_DIGITS
from outgate.redact.leaf import Leaf

LONG = 10 ** (MANY_DIGITS - 2)
"""The least number that has too many digits in front of its point."""


@dataclass(slots=True)
class _Read:
    """What is in a document. `strings`: those that are no names."""

    objects: list[dict[str, Any]] = field(default_factory=list)
    strings: list[str] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)
    depth: int = 0

    def is_all_of(self, body: bytes) -> bool:
        """Whether nothing is written that is not there: of a name that comes twice one value is gone."""
        return body.count(b'"') == 2 * (sum(map(len, self.objects)) + len(self.strings))


class Values:
    """`strings`: all that are no names. No gap matters, for no number does."""

    escapes, between, gaps = False, "", ()

    def __init__(self, body: bytes, read: _Read) -> None:
        self._body, self._objects, self.strings = body, read.objects, read.strings

    @classmethod
    def of(cls, body: bytes, most: int) -> Self | None:
        """None for what may not be JSON to the letter, or is more than it says."""
        if b"\\" in body or not may_be_cut(body, most):
            return None
        try:
            read = _read(orjson.loads(body))
        except orjson.JSONDecodeError:
            return None
        short = max(map(abs, read.numbers), default=0) < LONG
        return cls(body, read) if short and read.depth <= DEEPEST and read.is_all_of(body) else None

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset().union(*self._objects)

    def texts(self, keys: Collection[str], wanted: Wanted) -> Iterator[tuple[str, str]]:
        """Each text that is the value of one of these keys, with that. Keys with a list or a fraction are wanted."""
        for key in keys:
            for each in self._objects:
                match each.get(key):
                    case str(text):
                        yield key, text
                    case list() | float():
                        wanted.keys.add(key)

    def leaves(self, wanted: Wanted) -> Iterator[Leaf]:
        """What is wanted, in order."""
        return Cut(self._body).leaves(wanted) if wanted else iter(())


def _read(document: Any) -> _Read:
    read, around = _Read(), [document]
    strings, numbers = read.strings, read.numbers
    while around:
        inside: list[Any] = []
        for each in around:
            if type(each) is dict:
                read.objects.append(each)
                each = each.values()
            for value in each:
                kind = type(value)
                if kind is str:
                    strings.append(value)
                elif kind is dict or kind is list:
                    inside.append(value)
                elif kind is int or kind is float:
                    numbers.append(value)
        around, read.depth = inside, read.depth + 1
    return read
