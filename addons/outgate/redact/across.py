"""What rules find across the pieces of a stream: none of them holds it, all together do.

Owns the search, and what becomes of it in a stream that is here whole: what stands for it stands where it begins, and
the rest of it is gone from the pieces behind.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from outgate.policy.redaction_model import Carrier, RedactionRule
from outgate.redact.codecs import json
from outgate.redact.codecs.formats import Format
from outgate.redact.codecs.utf8 import decoded, encoded
from outgate.redact.deltas import CONTINUED, Delta, texts
from outgate.redact.detect.detector import Detector
from outgate.redact.detect.search import Hit
from outgate.redact.documents import Document, Piece, Text
from outgate.redact.leaf import Kind, Leaf, Path
from outgate.redact.ledger import Ledger
from outgate.redact.rulebook import Number, Place, RuleBook


class Across(NamedTuple):
    """A find, by the number of the text that it is in, and the pieces of that: from where to where in each."""

    hit: Hit
    rule: Number
    spans: tuple[tuple[int, int, int], ...]


class Stretch(NamedTuple):
    """A piece of a stream. `where`: how a place in it is written."""

    body: bytes
    root: Path
    where: Callable[[Path], str]


def across(book: RuleBook, among: Sequence[tuple[str, Sequence[str]]]) -> list[Across]:
    """In texts, each with what it is called, and given in pieces."""
    names = [name for name, _ in among]
    places = [Place(((Carrier.KEY, name),), in_body=True) for name in names]
    found = book.found(["".join(pieces) for _, pieces in among], names, places)
    made = (Across(hit, number, tuple(_spans(hit, among[hit.index][1]))) for hit, number in found)
    return [each for each in made if len(each.spans) > 1]


def _spans(hit: Hit, pieces: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    ends = [*accumulate(map(len, pieces))]
    for number in range(bisect_right(ends, hit.start), bisect_right(ends, hit.end - 1) + 1):
        begin = ends[number] - len(pieces[number])
        yield number, max(hit.start - begin, 0), min(hit.end - begin, len(pieces[number]))


def mended(stretches: Sequence[Stretch], book: RuleBook, ledger: Ledger) -> dict[int, bytes]:
    """The pieces that change, by their number. Raises `ValueError` where one cannot be changed."""
    several = [each for each in _by_place(stretches) if len(each) > 1]
    if not several:
        return {}
    told = [(each[0].delta.name, [item.delta.text for item in each]) for each in several]
    changing: dict[int, _Changing] = {}
    for found in _apart(across(book, told)):
        items = several[found.hit.index]
        for item in (items[piece] for piece, _, _ in found.spans):
            if item.stretch not in changing:
                changing[item.stretch] = _Changing(stretches[item.stretch])
        parts = [(changing[items[piece].stretch], items[piece].number, start, end) for piece, start, end in found.spans]
        said = "".join(told[found.hit.index][1])[found.hit.start : found.hit.end]
        _take(book.rules[found.rule], found.hit.detector, said, parts, ledger)
    return {number: changed.rendered() for number, changed in changing.items()}


class _Item(NamedTuple):
    """A text of a stretch."""

    stretch: int
    number: int
    delta: Delta


def _by_place(stretches: Sequence[Stretch]) -> Iterable[list[_Item]]:
    found: dict[Path, list[_Item]] = {}
    for stretch, piece in enumerate(stretches):
        for number, delta in enumerate(texts(piece.body, piece.root)):
            found.setdefault(delta.place, []).append(_Item(stretch, number, delta))
    return found.values()


def _take(
    rule: RedactionRule, detector: Detector, said: str, parts: list[tuple[_Changing, int, int, int]], ledger: Ledger
) -> None:
    """What stands for it goes where it begins."""
    first, *others = parts
    for piece, number, start, end in others:
        ledger.goes_on(rule, piece.place(number))
        piece.change(number, Piece(start, end, ""))
    piece, number, start, end = first
    piece.change(number, Piece(start, end, ledger.by_look(rule, detector, said, piece.place(number)) or ""))


class _Changing:
    """A piece of which something changes."""

    def __init__(self, stretch: Stretch) -> None:
        leaves = _leaves(stretch.body)
        self._document = Document(stretch.body, tuple(leaves), stretch.where, Format.TEXT)
        self._document.texts = [Text(self._document, leaf) for leaf in leaves]

    def place(self, at: int) -> Callable[[], str]:
        return self._document.texts[at].where

    def change(self, at: int, piece: Piece) -> None:
        self._document.texts[at].pieces.append(piece)

    def rendered(self) -> bytes:
        return self._document.rendered()


def _leaves(body: bytes) -> list[Leaf]:
    """Where the texts of a piece are written. Raises `ValueError` where that is not clear: a name that comes twice."""
    said = [delta.text for delta in texts(body)]
    found = [Leaf(0, len(body), decoded(body), encoded)]
    if said != [found[0].text]:
        found = [each for each in json.read(body) if isinstance(each, Leaf) and _goes_on(each)]
    if said != [leaf.text for leaf in found]:
        raise ValueError("a text that goes on is not where it was")
    return found


def _goes_on(leaf: Leaf) -> bool:
    return leaf.kind is Kind.STRING and bool(leaf.text) and (leaf.name in CONTINUED or not leaf.path)


def _apart(found: Iterable[Across]) -> Iterator[Across]:
    """Of those that overlap the one that begins first, and of these the longest."""
    index, until = -1, 0
    for each in sorted(found, key=lambda each: (each.hit.index, each.hit.start, -each.hit.end)):
        if (each.hit.index, each.hit.start) >= (index, until):
            index, until = each.hit.index, each.hit.end
            yield each
