"""A document of JSON cut at its quotation marks: all strings at once, and what is between them, without any path.

Owns the cut, and how values that somebody wants to see after all are found again, as `json` reads them. Takes what is
JSON to the letter and nothing else: the rest is `json`'s.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, compress, zip_longest
from typing import Any, Self

import orjson

from outgate.redact.codecs.json import is_strict, write_literal, write_string
from outgate.redact.codecs.names import DEEPEST
from outgate.redact.leaf import Kind, Leaf, Path

HIDDEN = "\x01\x01"
"""In the place of escapes that hold a quotation mark or look so: nothing else in JSON is written like that."""
SIGN = re.compile(r"[{}\[\],:]|[^{}\[\],:\s]+")
BLANKS = b" \t\r\n"
NO_SIGNS = bytes(set(range(256)) - set(b'[]{},:"'))
STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
LITERAL = re.compile("[-0-9]")
"""How numbers begin."""

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
    """`strings[n]` stands between `gaps[n]` and `gaps[n + 1]`, and is a key where that begins with a colon."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        text = body.decode()
        self.escapes = "\\" in text
        if self.escapes:
            text = text.replace("\\\\", HIDDEN).replace('\\"', HIDDEN)
        self._pieces = text.split('"')
        self.gaps, self.strings = self._pieces[::2], self._pieces[1::2]
        self._signs = '"'.join(self.gaps).encode().translate(None, NO_SIGNS).decode().split('"')
        """Of each gap, without values and blanks."""
        colons = {signs for signs in set(self._signs) if signs.startswith(":")}
        written = set(compress(self.strings, map(colons.__contains__, self._signs[1:])))
        self.keys = {key: _said(key) for key in written}
        """As they are written, and what they say."""

    @classmethod
    def of(cls, body: bytes, most: int) -> Self | None:
        """None for what may not be JSON to the letter, has more than so many values or lies too deep."""
        if not body.lstrip(BLANKS).startswith((b"{", b"[")) or sum(map(body.count, (b",", b"[", b"{"))) > most:
            return None
        if not is_strict(body):
            return None
        made = cls(body)
        return made if made._depth() <= DEEPEST and not any(HIDDEN in key for key in made.keys) else None

    def _depth(self) -> int:
        brackets = "".join(self._signs).encode().translate(None, b",:")
        return max(accumulate(map(STEPS.__getitem__, brackets))) if len(brackets) > DEEPEST else 0

    def values(self, keys: Container[str]) -> Iterator[tuple[str, str | None, str]]:
        """Each place where one of these keys is: the key, the string that is its value if it is one, and the gap."""
        for number, key in enumerate(self.strings):
            if key in keys and (signs := self._signs[number + 1]).startswith(":"):
                yield key, self.strings[number + 1] if signs == ":" else None, self.gaps[number + 1]

    def leaves(self, wanted: Wanted) -> Iterator[Leaf]:
        """What is wanted, in order."""
        return self._leaves(wanted) if wanted else iter(())

    def _leaves(self, wanted: Wanted) -> Iterator[Leaf]:
        way, place, strings, gaps = _Way(), _Place(self._sized()), wanted.strings, wanted.gaps
        names = {key: (name, key in wanted.keys, key in wanted.telling) for key, name in self.keys.items()}
        for number, (signs, gap, string) in enumerate(zip_longest(self._signs, self.gaps, self.strings)):
            valued = signs == ":"
            if way.all_of_it or (gaps and gap in gaps):
                for found in SIGN.finditer(gap):
                    valued = way.passes(found[0])
                    if (way.all_of_it or gap in gaps) and LITERAL.match(found[0]):
                        yield _number(place.of(2 * number), found, way.here, way.name)
            elif signs == "," or signs == ":,":
                way.index += 1
            elif not valued:
                for sign in signs:
                    valued = way.passes(sign)
            if string is None:
                return
            if way.named and not valued:
                way.name, taken, telling = names[string]
                way.all_of_it = taken or way.around
                if telling:
                    yield self._string(place, number, way, Kind.KEY)
            elif way.all_of_it or string in strings:
                yield self._string(place, number, way, Kind.STRING)

    def _sized(self) -> list[Any]:
        """The pieces, as long as they are in bytes."""
        return self._pieces if self._body.isascii() else [piece.encode() for piece in self._pieces]

    def _string(self, place: _Place, number: int, way: _Way, kind: Kind) -> Leaf:
        start = place.of(2 * number + 1) - 1
        end = start + place.size(2 * number + 1) + 2
        text = orjson.loads(self._body[start:end]) if is_escaped(self.strings[number]) else self.strings[number]
        return _leaf(Leaf, (start, end, text, write_string, way.here, way.name, kind))


class _Way:
    """To the next value. `named`: it is in an object; `around`: all that is in there is wanted, `all_of_it`: all of the
    value is."""

    __slots__ = ("_outer", "_path", "all_of_it", "around", "index", "name", "named")

    def __init__(self) -> None:
        self._outer: list[tuple[bool, Path, int, str, bool]] = []
        self._path: Path = ()
        self.named, self.index, self.name, self.around, self.all_of_it = False, 0, "", False, False

    @property
    def here(self) -> Path:
        return (*self._path, self.name if self.named else self.index)

    def passes(self, sign: str) -> bool:
        """Goes past a sign, and says whether the value of a key follows."""
        if sign == ",":
            self.index += 1
        elif sign == "{" or sign == "[":
            path = self.here if self._outer else ()
            self._outer.append((self.named, self._path, self.index, self.name, self.around))
            self.named, self._path, self.index, self.around = sign == "{", path, 0, self.all_of_it
        elif sign == "}" or sign == "]":
            self.named, self._path, self.index, self.name, self.around = self._outer.pop()
            self.all_of_it = self.around
        return sign == ":"


class _Place:
    """Where pieces begin, in bytes; to be asked in their order."""

    def __init__(self, pieces: list[Any]) -> None:
        self._pieces, self._next, self._at = pieces, 0, 0

    def of(self, piece: int) -> int:
        self._at += sum(map(len, self._pieces[self._next : piece])) + piece - self._next
        self._next = piece
        return self._at

    def size(self, piece: int) -> int:
        return len(self._pieces[piece])


def _said(key: str) -> str:
    return str(orjson.loads(f'"{key}"')) if "\\" in key and HIDDEN not in key else key


def is_escaped(string: str) -> bool:
    """Whether it does not stand there as it reads."""
    return "\\" in string or HIDDEN in string


def _number(begin: int, found: re.Match[str], path: Path, name: str) -> Leaf:
    return _leaf(Leaf, (begin + found.start(), begin + found.end(), found[0], write_literal, path, name, Kind.NUMBER))
