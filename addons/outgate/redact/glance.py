"""A look at a whole document of JSON, for what is worth to be looked at: all else no rule and no detector knows.

Owns what is not gone into because it cannot matter: the names, texts, numbers and encoded texts in which nothing is
found when all of them are searched at once. Whatever may matter is handed on as `json` would, and decided about there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from outgate.policy.redaction_model import Carrier
from outgate.redact.codecs import json, names, nested
from outgate.redact.codecs.json_cut import Cut, Wanted
from outgate.redact.detect.detector import MANY_DIGITS
from outgate.redact.leaf import Found
from outgate.redact.pairs import NAMING, VALUED
from outgate.redact.rulebook import RuleBook

LEAST = 256
"""Bytes: in less everything is looked at."""
MOST = 250_000
"""Values."""
LONG = 24
"""Characters of what may be base64."""
NUMBER = re.compile(r"[-+.0-9eE]{9,}")
"""With so many digits one may be somebody's."""
PLAIN = re.compile(r"(?![\[{<\s])[^=%:]*+(?::(?!//)[^=%:]*+)*+")
"""In a short text like this nothing is encoded."""
BYTES = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?:[0-9a-f]{4})*?[0-9][^4-7ab][0-9a-f]++")
"""A UUID, and hexadecimal digits that as base64 say no text, for one of its bytes cannot stand in UTF-8."""
URL = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]{1,31}+://[\w.-]++(?::[0-9]++)?+(?P<path>(?:/[\w.~$!*-]*+)*+)"
    r"(?:\?(?P<query>[\w.~$-]++=[\w.~:,/$*-]*+(?:&[\w.~$-]++=[\w.~:,/$*-]*+)*+))?+(?<=[\w/=~-])",
    re.ASCII,
)
"""Without escapes, users, fragments and parameters of segments."""
QUERY = "query"
"""The name of what may be a document of GraphQL."""

telling = lru_cache(8192)(names.telling)


class Glance:
    """Under the rules of a book, which has none for places or paths. `seen`: where names go that were come across."""

    def __init__(self, book: RuleBook, seen: set[str]) -> None:
        self._book, self._seen = book, seen

    def read(self, body: bytes) -> Iterator[Found]:
        """As `json.read`, without what does not matter."""
        cut = Cut.of(body, MOST) if len(body) >= LEAST else None
        return json.read(body) if cut is None else cut.leaves(self._wanted(cut))

    def _wanted(self, cut: Cut) -> Wanted:
        wanted = self._named(cut)
        if cut.escapes:
            wanted.strings.update(number for number in range(len(cut.strings)) if cut.is_escaped(number))
        texts, places = list(cut.strings), list(range(len(cut.strings)))
        for number in _encoding(cut):
            if (pieces := self._inside(cut.strings[number])) is None:
                wanted.strings.add(number)
            else:
                texts += pieces
                places += [number] * len(pieces)
        counted = list(_counted(cut))
        for index in self._book.noticed([*texts, *(text for _, text in counted)]):
            if index < len(places):
                wanted.strings.add(places[index])
            else:
                wanted.gaps.add(counted[index - len(places)][0])
        return wanted

    def _named(self, cut: Cut) -> Wanted:
        """What matters because of a name."""
        names = cut.keys
        self._seen.update(names.values())
        wanted = Wanted()
        wanted.keys.update(key for key, name in names.items() if name == QUERY or self._book.concerns(Carrier.KEY, name))
        wanted.telling.update(key for key, name in names.items() if telling(name))
        naming = {key for key, name in names.items() if name.lower() in NAMING}
        valued = {key for key, name in names.items() if name.lower() in VALUED}
        if naming and valued:
            wanted.keys |= naming | valued
        return wanted

    def _inside(self, text: str) -> list[str] | None:
        """What of a text has to be searched as well, because it is encoded there; None: it has to be gone into."""
        if BYTES.fullmatch(text):
            return []
        url = URL.fullmatch(text)
        if url is None or text.count("://") > 1:
            return None if _encodes(text) else []
        pairs = [pair.partition("=") for pair in url["query"].split("&")] if url["query"] else []
        if any(self._book.concerns(Carrier.QUERY, name) or telling(name) for name, _, _ in pairs):
            return None
        pieces = [*url["path"].split("/"), *(value for _, _, value in pairs)]
        if any(len(piece) >= LONG and not BYTES.fullmatch(piece) and _encodes(piece) for piece in pieces):
            return None
        self._seen.update(name for name, _, _ in pairs)
        return pieces


def _encodes(text: str) -> bool:
    return next(nested.inside(text), None) is not None


def _encoding(cut: Cut) -> list[int]:
    """Strings in which something may be encoded."""
    shortest, plain = nested.SHORTEST, PLAIN.fullmatch
    return [
        number
        for number, text in enumerate(cut.strings)
        if len(text) >= shortest and (len(text) >= LONG or not plain(text))
    ]


def _counted(cut: Cut) -> Iterator[tuple[int, str]]:
    """Long numbers, and in which gaps they are."""
    found = {gap: numbers for gap in set(cut.gaps) if len(gap) >= MANY_DIGITS and (numbers := NUMBER.findall(gap))}
    for place, gap in enumerate(cut.gaps) if found else ():
        for number in found.get(gap, ()):
            yield place, number
