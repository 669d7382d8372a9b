"""A look at a whole document of JSON, for what is worth to be looked at: all else no rule and no detector knows.

Owns what is not gone into because it cannot matter: the names, texts, numbers and encoded texts in which nothing is
found when all of them are searched at once. Whatever may matter is handed on as `json` would, and decided about there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import compress
from string import ascii_letters, digits

from outgate.policy.redaction_model import Carrier
from outgate.redact.codecs import json, nested
from outgate.redact.codecs.json_cut import NUMBER, Cut, Wanted, is_escaped
from outgate.redact.codecs.json_values import Values
from outgate.redact.detect.detector import MANY_DIGITS, SEPARATOR
from outgate.redact.detect.search import beside
from outgate.redact.leaf import Found
from outgate.redact.naming import telling
from outgate.redact.rulebook import Find, RuleBook

LEAST = 256
"""Bytes: in less everything is looked at."""
LARGE = 64 * 1024
"""Bytes: in more there is mostly something, and then it has to be cut anyway."""
MOST = 250_000
"""Values."""
LONG = 24
"""Characters of what may be base64."""
_BASE64, _SIGNS = f"{ascii_letters}{digits}+/_-", "%=[{<"
SHAPES = bytes.maketrans(f"{_BASE64}{_SIGNS}".encode(), b"B" * len(_BASE64) + b"%" * len(_SIGNS))
"""What characters are where something is encoded: a sign of it, or of base64."""
RUN, ENCODING = "B" * LONG, "%"
DIGITS, RUN_OF_DIGITS = bytes.maketrans(digits.encode(), b"0" * len(digits)), b"0" * (MANY_DIGITS - 1)
WHOLE = re.compile(rf"(?<![.0-9eE+])[0-9]{{{MANY_DIGITS - 1},}}[-+.0-9eE]*")
"""Long numbers with so many digits in front of a point: no detector that is shipped finds something behind one."""
BYTES = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?>(?:[0-9a-f]{4})*?[0-9][0-389c-f])[0-9a-f]++")
"""A UUID, and hexadecimal digits that as base64 say no text, for one of its bytes cannot stand in UTF-8."""
SPELT = f"(?:[2-7][0-9a-f])++{SEPARATOR}"
"""Hexadecimal digits that say ASCII."""
OTHER = re.compile(rf"(?!{SPELT})(?:{BYTES.pattern}){SEPARATOR}|([^{SEPARATOR}]*+){SEPARATOR}")
"""Of texts that each end with a separator, those that are no such bytes."""
URL = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]{1,31}+://[\w.-]++(?::[0-9]++)?+"
    r"(?:/[\w.~$!*-]*+)*+(?:\?(?P<query>[\w.~$-]++=[\w.~:,$*-]*+(?:&[\w.~$-]++=[\w.~:,$*-]*+)*+))?+(?<=[\w/=~-])",
    re.ASCII,
)
"""Without escapes, users, fragments and parameters of segments."""
PIECES = bytes.maketrans(b"/?&=", SEPARATOR.encode() * 4)
PARTS = "query", "path"
"""What parts of URLs are called."""


class Glance:
    """Under the rules of a book, which has none for places or paths. `seen`: where names go that were come across."""

    def __init__(self, book: RuleBook, seen: set[str]) -> None:
        self._book, self._seen = book, seen
        self._number = NUMBER if book.patterned else WHOLE
        self._takes_urls = any(self._is_ruled(Carrier.KEY, name) for name in PARTS)
        """Whether a rule takes parts of any URL, because of what these are called."""
        self._searched: set[str] = set()
        self._finds: dict[str, list[Find]] = {}

    def read(self, body: bytes) -> Iterator[Found]:
        """As `json.read`, without what does not matter."""
        seen = self._seen_as(body) if len(body) >= LEAST else None
        return json.read(body) if seen is None else seen.leaves(self._wanted(seen))

    def _seen_as(self, body: bytes) -> Values | Cut | None:
        told = len(body) <= LARGE and not self._book.patterned
        return (Values.of(body, MOST) if told else None) or Cut.of(body, MOST)

    def finds(self, text: str, name: str) -> list[Find] | None:
        """What was found in a text; None: it was not searched, or not for this name."""
        return self._finds.get(text, []) if text in self._searched and not beside(name) else None

    def _wanted(self, cut: Values | Cut) -> Wanted:
        naming, texts = self._book.namings.of(cut.keys), set(cut.strings)
        self._seen |= naming.names
        wanted = Wanted(keys=set(naming.ruled), telling=set(naming.telling))
        if cut.escapes:
            wanted.strings.update(filter(is_escaped, texts))
        some = no_bytes(suspects(texts))
        urls = set(self._plain_urls([text for text in some if "://" in text]))
        wanted.strings.update(text for text in some if text not in urls and _encodes(text))
        called = dict.fromkeys((text, naming.beside[key]) for key, text in cut.texts(naming.beside, wanted))
        self._search(cut, texts, urls, list(called), wanted)
        return wanted

    def _search(
        self, cut: Values | Cut, texts: set[str], urls: set[str], called: list[tuple[str, str]], wanted: Wanted
    ) -> None:
        """What detectors find, and what is encoded in pieces of URLs. `called`: texts that are looked at with a name,
        too."""
        pieces, numbers = set(_pieces(SEPARATOR.join(urls))), set(self._numbers(cut.between))
        plain = [*texts.difference(self._searched).union(pieces, numbers)]
        everything = plain + [text for text, _ in called]
        found, finds = set(), dict[str, list[Find]]()
        for hit, number in self._book.hits(everything, [""] * len(plain) + [name for _, name in called]):
            found.add(text := everything[hit.index])
            if hit.index < len(plain):
                finds.setdefault(text, []).append((hit, number))
        self._searched |= texts
        self._finds |= finds
        wanted.strings |= found | (self._finds.keys() & texts)
        found.update(each for each in pieces if len(each) >= LONG and not BYTES.fullmatch(each) and _encodes(each))
        if not found.isdisjoint(pieces):
            wanted.strings.update(url for url in urls if not found.isdisjoint(_pieces(url)))
        if not found.isdisjoint(numbers):
            wanted.gaps.update(gap for gap in cut.gaps if not found.isdisjoint(self._number.findall(gap)))

    def _numbers(self, between: str) -> list[str]:
        """Those that are long."""
        any_long = RUN_OF_DIGITS in between.encode().translate(DIGITS)
        return self._number.findall(between) if any_long or self._book.patterned else []

    def _is_ruled(self, carrier: Carrier, name: str) -> bool:
        return self._book.called(carrier, name) is not None

    def _plain_urls(self, texts: list[str]) -> Iterable[str]:
        """Those of which what is encoded there can be searched as it is, and has no names that matter."""
        if self._takes_urls or not texts:
            return ()
        # To what a plain one is all digits are alike, and most are like others but for these.
        looks = SEPARATOR.join(texts).encode().translate(DIGITS).decode().split(SEPARATOR)
        plain = {look for look in set(looks) if self._is_plain(look)}
        return compress(texts, map(plain.__contains__, looks))

    def _is_plain(self, look: str) -> bool:
        """Nothing in its query is somebody's because of its name. A name with digits may be another one's, too."""
        if (found := URL.fullmatch(look)) is None:
            return False
        named = [pair.partition("=")[0] for pair in query.split("&")] if (query := found["query"]) else []
        if any("0" in name or self._is_ruled(Carrier.QUERY, name) or beside(name) or telling(name) for name in named):
            return False
        self._seen.update(named)
        return True


def suspects(texts: Collection[str]) -> list[str]:
    """Those in which something may be encoded."""
    shapes = SEPARATOR.join(texts).encode().translate(SHAPES).decode("latin-1").split(SEPARATOR)
    # Of no text there is one shape, which is empty.
    pairs = zip(texts, shapes, strict=False)
    return [
        text
        for text, shape in pairs
        if (RUN in shape or ENCODING in shape or "://" in text) and len(text) >= nested.SHORTEST
    ]


def no_bytes(texts: list[str]) -> list[str]:
    return list(filter(None, OTHER.findall(SEPARATOR.join([*texts, ""]))))


def _pieces(urls: str) -> list[str]:
    return urls.encode().translate(PIECES).decode().split(SEPARATOR)


def _encodes(text: str) -> bool:
    return next(nested.inside(text), None) is not None
