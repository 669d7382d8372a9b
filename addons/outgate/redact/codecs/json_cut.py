"""A document of JSON cut at its quotation marks: all strings at once, and what is between them, without any path.

Owns the cut, and how values that somebody wants to see after all are found again, as `json` reads them. Takes what is
JSON to the letter and nothing else: the rest is `json`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, compress, islice
from typing import Any, Self

import orjson

from outgate.redact.codecs.json import write_literal, write_string
from outgate.redact.codecs.names import DEEPEST, telling
from outgate.redact.leaf import Kind, Leaf, Path

HIDDEN = "\x01\x01"
"""In the place of escapes that hold a quotation mark or look so: nothing else in JSON is written like that."""
SIGN = re.compile(r"[{}\[\],:]|[^{}\[\],:\s]+")
BLANKS = b" \t\r\n"
NO_SIGNS = bytes(set(range(256)) - set(b'[]{},:"'))
STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
WORDS = frozenset({"true", "false", "null"})


_leaf = tuple.__new__
"""Of a named tuple, without the function that it has for this."""


@dataclass(slots=True)
class Wanted:
    """Strings by their number, numbers by that of the gap that they are in; `keys`: with all values under them, as they
    are written, `telling`: that are values themselves."""

    strings: set[int] = field(default_factory=set)
    gaps: set[int] = field(default_factory=set)
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
        self.keys = {key: orjson.loads(f'"{key}"') if "\\" in key else key for key in written}
        """As they are written, and what they say."""

    @classmethod
    def of(cls, body: bytes, most: int) -> Self | None:
        """None for what may not be JSON to the letter, has more than so many values or lies too deep."""
        if not body.lstrip(BLANKS).startswith((b"{", b"[")) or sum(map(body.count, (b",", b"[", b"{"))) > most:
            return None
        try:
            orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        made = cls(body)
        return made if made._depth() <= DEEPEST and not any(HIDDEN in key for key in made.keys) else None

    def _depth(self) -> int:
        brackets = "".join(self._signs).encode().translate(None, b",:")
        return max(accumulate(map(STEPS.__getitem__, brackets))) if len(brackets) > DEEPEST else 0

    def is_escaped(self, number: int) -> bool:
        """Whether a string does not stand there as it reads."""
        string = self.strings[number]
        return "\\" in string or HIDDEN in string

    def leaves(self, wanted: Wanted) -> Iterator[Leaf]:
        """What is wanted, in order."""
        return self._leaves(wanted) if wanted else iter(())

    def _leaves(self, wanted: Wanted) -> Iterator[Leaf]:
        strings, place, outer = self.strings, _Place(self._sized()), list[tuple[bool, Path, int, str, bool]]()
        path: Path = ()
        named, index, name, around, taken = False, 0, "", False, False
        for number, signs in enumerate(self._signs):
            valued = signs == ":"
            if signs == ",":
                index += 1
            elif not valued:
                begin = place.of(2 * number) if (counted := taken or number in wanted.gaps) else 0
                for sign in SIGN.finditer(self.gaps[number]) if counted else signs:
                    what = sign if type(sign) is str else sign[0]
                    if what == ",":
                        valued, index = False, index + 1
                    elif what == ":":
                        valued = True
                    elif what == "{" or what == "[":
                        outer.append((named, path, index, name, around))
                        path = path + (name if named else index,) if len(outer) > 1 else path
                        named, index, around, valued = what == "{", 0, taken, False
                    elif what == "}" or what == "]":
                        named, path, index, name, around = outer.pop()
                        taken, valued = around, False
                    elif (taken or number in wanted.gaps) and what not in WORDS:
                        yield _number(begin, sign, path + (name if named else index,), name)
            if number == len(strings):
                return
            if named and not valued:
                key = strings[number]
                name, taken = self.keys[key], around or key in wanted.keys
                if key in wanted.telling:
                    yield self._string(place, number, path + (name,), name, Kind.KEY)
            elif taken or number in wanted.strings:
                yield self._string(place, number, path + (name if named else index,), name, Kind.STRING)

    def _sized(self) -> list[Any]:
        """The pieces, as long as they are in bytes."""
        return self._pieces if self._body.isascii() else [piece.encode() for piece in self._pieces]

    def _string(self, place: _Place, number: int, path: Path, name: str, kind: Kind) -> Leaf:
        start = place.of(2 * number + 1) - 1
        end = start + place.size(2 * number + 1) + 2
        text = orjson.loads(self._body[start:end]) if self.is_escaped(number) else self.strings[number]
        return _leaf(Leaf, (start, end, text, write_string, path, name, kind))


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


def _number(begin: int, found: re.Match[str], path: Path, name: str) -> Leaf:
    return _leaf(Leaf, (begin + found.start(), begin + found.end(), found[0], write_literal, path, name, Kind.NUMBER))
