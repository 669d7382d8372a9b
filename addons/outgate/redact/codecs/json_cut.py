"""A document of JSON cut at its quotation marks: all strings at once, and what is between them, without any path.

Owns the cut, and how values that somebody wants to see after all are found again, as `json` reads them. Takes what is
JSON to the letter and nothing else: the rest is `json`'s.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, compress, count, islice
from typing import Any, Self

import orjson

from outgate.redact.codecs.json import is_strict, write_literal, write_readable, write_string
from outgate.redact.codecs.json_way import STEPS, Way
from outgate.redact.codecs.names import DEEPEST
from outgate.redact.detect.detector import MANY_DIGITS
from outgate.redact.leaf import Kind, Leaf, Path

HIDDEN = "\x01\x01"
"""In the place of escapes that hold a quotation mark or look so: nothing else in JSON is written like that."""
SIGN = re.compile(r"[{}\[\],:]|[^{}\[\],:\s]+")
BLANKS = b" \t\r\n"
NO_SIGNS = bytes(set(range(256)) - set(b'[]{},:"'))
SIGNS = frozenset("[]{},:")
FEW = 2
"""Strings: so many are looked for one by one, which is faster than to ask about all that are there."""
LITERAL = re.compile("[-0-9]")
"""How numbers begin."""
LIST = re.compile(r"\s*+:\s*+\[")
"""The gap before a list that has a name."""
NUMBER = re.compile(rf"[0-9][-+.0-9eE]{{{MANY_DIGITS - 2},}}")
"""Those that are long, without their sign."""

_leaf = tuple.__new__
"""Of a named tuple, without the function that it has for this."""


@dataclass(slots=True)
class Wanted:
    """Strings, numbers by the gaps that they are in, all as they are written; `keys`: with all values under them,
    `telling`: that are values themselves."""

    strings: set[str] = field(default_factory=set)
    gaps: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    telling: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.strings or self.gaps or self.keys or self.telling)


class Cut:
    """`strings[n]` stands between `gaps[n]` and `gaps[n + 1]`, and is a key where that has a colon: it begins with it,
    but for blanks."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        text = body.decode()
        self.escapes = "\\" in text
        if self.escapes:
            text = text.replace("\\\\", HIDDEN).replace('\\"', HIDDEN)
        self._text, self._pieces = text, text.split('"')
        self.gaps, self.strings = self._pieces[::2], self._pieces[1::2]
        self.between = '"'.join(self.gaps)
        """All gaps."""

    @cached_property
    def keys(self) -> frozenset[str]:
        """As they are written."""
        colons = {gap for gap in set(self.gaps) if ":" in gap}
        return frozenset(compress(self.strings, map(colons.__contains__, islice(self.gaps, 1, None))))

    @cached_property
    def _skeleton(self) -> bytes:
        return self.between.encode().translate(None, NO_SIGNS)

    @cached_property
    def _signs(self) -> list[str]:
        """Of each gap, without values and blanks."""
        return self._skeleton.decode().split('"')

    @classmethod
    def of(cls, body: bytes, most: int) -> Self | None:
        """None for what may not be JSON to the letter, has more than so many values or lies too deep."""
        if not may_be_cut(body, most) or not is_strict(body):
            return None
        made = cls(body)
        return made if made._depth() <= DEEPEST and not any(HIDDEN in key for key in made.keys) else None

    def _depth(self) -> int:
        """No more than it is, where that is little."""
        if self.between.count("[") + self.between.count("{") <= DEEPEST:
            return 0
        brackets = self._skeleton.translate(None, b',:"')
        return max(accumulate(map(STEPS.__getitem__, brackets)))

    def texts(self, keys: Collection[str], wanted: Wanted) -> Iterator[tuple[str, str]]:
        """Each text that is the value of one of these keys, with that. Keys with a list are wanted, and gaps with a
        long number."""
        for key in keys:
            for behind in islice(self._text.split(f'"{key}"'), 1, None):
                gap, _, rest = behind.partition('"')
                if gap == ":" or (bare := gap.strip()) == ":":
                    yield key, rest.partition('"')[0]
                elif LIST.match(gap):
                    wanted.keys.add(key)
                elif bare.startswith(":") and NUMBER.search(bare):
                    wanted.gaps.add(gap)

    def leaves(self, wanted: Wanted) -> Iterator[Leaf]:
        """What is wanted, in order."""
        return self._leaves(wanted) if wanted else iter(())

    def _leaves(self, wanted: Wanted) -> Iterator[Leaf]:
        way = Way(self._skeleton, lambda number: said(self.strings[number]))
        bytes_, signs = _Place(self._sized()), _Place(self._signs)
        for piece in self._chosen(wanted, way):
            number, begin = piece // 2, bytes_.of(piece)
            if piece % 2 == 0:
                yield from self._numbers(self.gaps[number], begin, signs.of(number), way)
            elif not self._signs[number + 1].startswith(":"):
                path, name = way.to(signs.of(number + 1) - 1)
                yield self._string(number, begin, bytes_.size(piece), path, name, Kind.STRING)
            elif self.strings[number] in wanted.telling:
                path, name = way.to(signs.of(number + 1))
                yield self._string(number, begin, bytes_.size(piece), path, name, Kind.KEY)

    def _chosen(self, wanted: Wanted, way: Way) -> list[int]:
        """The pieces in which something is wanted, in order."""
        strings, keys, gaps = wanted.strings | wanted.telling, wanted.keys, wanted.gaps
        numbers = _where(strings | keys, self.strings)
        pieces = {2 * number + 1 for number in numbers if self.strings[number] in strings}
        pieces.update(2 * number for number in (_where(gaps, self.gaps) if gaps else ()))
        pieces.update(self._under([number for number in numbers if self.strings[number] in keys], way))
        return sorted(pieces)

    def _under(self, keys: list[int], way: Way) -> Iterator[int]:
        """The pieces in which the values of these keys are."""
        signs, inside = _Place(self._signs), 0
        for key in keys:
            said = self._signs[key + 1]
            if key < inside or not said.startswith(":"):
                continue  # a part of another one's value, and no key
            if said == ":":
                yield 2 * key + 3
            elif said[1:2] not in ("[", "{"):
                yield 2 * key + 2
            else:
                opened = signs.of(key + 1) + 1
                inside = key + 1 + self._skeleton.count(b'"', opened, way.end(opened))
                yield from range(2 * key + 2, 2 * inside + 1)

    def _sized(self) -> list[Any]:
        """The pieces, as long as they are in bytes."""
        return self._pieces if self._body.isascii() else [piece.encode() for piece in self._pieces]

    def _numbers(self, gap: str, begin: int, sign: int, way: Way) -> Iterator[Leaf]:
        """Of a gap whose first sign has a number."""
        for found in SIGN.finditer(gap):
            if LITERAL.match(found[0]):
                path, name = way.to(sign)
                start, end = begin + found.start(), begin + found.end()
                yield _leaf(Leaf, (start, end, found[0], write_literal, path, name, Kind.NUMBER))
            sign += found[0] in SIGNS

    def _string(self, number: int, begin: int, size: int, path: Path, name: str, kind: Kind) -> Leaf:
        start, end = begin - 1, begin + size + 1
        string = self.strings[number]
        text = orjson.loads(self._body[start:end]) if is_escaped(string) else string
        write = write_string if kind is Kind.KEY or string.isascii() else write_readable
        return _leaf(Leaf, (start, end, text, write, path, name, kind))


class _Place:
    """Where pieces begin, with a quotation mark between each two; to be asked in their order."""

    def __init__(self, pieces: list[Any]) -> None:
        self._pieces, self._next, self._at = pieces, 0, 0
        self._quote = b'"' if isinstance(pieces[0], bytes) else '"'

    def of(self, piece: int) -> int:
        if piece > self._next:  # to join them takes a fifth of the time that it takes to add up their lengths
            self._at += len(self._quote.join(self._pieces[self._next : piece])) + 1
            self._next = piece
        return self._at

    def size(self, piece: int) -> int:
        return len(self._pieces[piece])


def _where(some: Collection[str], among: list[str]) -> list[int]:
    if len(some) <= FEW:
        return sorted(place for each in some for place in _places(each, among))
    return list(compress(count(), map(some.__contains__, among)))


def _places(text: str, among: list[str]) -> Iterator[int]:
    at = -1
    while True:
        try:
            at = among.index(text, at + 1)
        except ValueError:
            return
        yield at


def may_be_cut(body: bytes, most: int) -> bool:
    """Whether it may be an object or a list of no more than so many values."""
    if not body.lstrip(BLANKS).startswith((b"{", b"[")):
        return False
    return len(body) <= 2 * most or sum(map(body.count, (b",", b"[", b"{"))) <= most


def said(key: str) -> str:
    """What a key that is written so says."""
    return str(orjson.loads(f'"{key}"')) if "\\" in key and HIDDEN not in key else key


def is_escaped(string: str) -> bool:
    """Whether it does not stand there as it reads."""
    return "\\" in string or HIDDEN in string
