"""The finished export, read again entry by entry before anybody gets it.

Owns what is looked for in an entry, and which entry a place in the file belongs to. Holds one entry at a time, and of
the others where they end. Says what was found and where, never what it says.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outgate.capture.leaks import carriers, structure
from outgate.capture.leaks.secrets import Secrets
from outgate.capture.leaks.structure import Unreadable, texts
from outgate.capture.leaks.values import Values
from outgate.capture.leaks.views import APART, Unbounded, Views
from outgate.policy.redaction_model import Strategy
from outgate.redact.redacted import Manifest

UNSEEN = "cannot-be-seen"
"""Instead of a rule: what was written cannot be looked into."""
TELLING = frozenset({Strategy.TOKEN, Strategy.REMOVE})
"""Strategies after which a place can be judged by what stands there."""
CARRIERS = frozenset({"header", "trailer", "query"})
READERS: Mapping[str, Callable[[bytes], Any]] = {
    "har": structure.of_json,
    "ndjson": structure.of_json,
    "hoverfly": structure.of_json,
    "vcr": structure.of_yaml,
    "flow": structure.of_flow,
}
"""Of the formats that are one file; the others are folders of JSON and of bodies."""

type Piece = tuple[int, bytes, Callable[[bytes], Any]]
"""The number of an exchange, and what was written of it."""


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """`number`: of the exchange in the capture, or 0 where it is in none; `how`: in what it was found."""

    number: int
    rule: str
    how: str

    def __str__(self) -> str:
        where = f"exchange {self.number}" if self.number else "what stands around the exchanges"
        return f"{where}: {self.rule}" + (f", {self.how}" if self.how else "")


class Check:
    """Of one export, which is told of each exchange as it is written. `kept`: names of detectors and of fields that
    documents keep."""

    def __init__(self, form: str, values: Values, kept: Iterable[str] = (), *, defaults: bool = True) -> None:
        self._form, self._values, self._kept = form, values, frozenset(kept)
        self._defaults = defaults
        self._secrets = Secrets(self._kept)
        self._numbers, self._ends = array("Q"), array("Q")
        self._excused: dict[int, frozenset[str]] = {}

    def begin(self, at: int) -> None:
        """Where the first entry begins."""
        self._ends.append(at)

    def wrote(self, number: int, manifest: Manifest, end: int) -> None:
        """An exchange, up to there."""
        self._numbers.append(number)
        self._ends.append(end)
        if excused := frozenset(_excused(manifest)):
            self._excused[number] = excused

    @property
    def overflow(self) -> int:
        """Values that are not looked for, because there were too many."""
        return self._values.overflow

    def entries(self, place: Path) -> Iterator[list[Leak]]:
        """What was found in each piece. Raises `OSError`."""
        for number, piece, read in self._folder(place) if place.is_dir() else self._file(place):
            yield sorted(set(self._leaks(number, piece, read)))

    def _file(self, place: Path) -> Iterator[Piece]:
        with place.open("rb") as file:
            yield 0, file.read(self._ends[0]), structure.of_bytes
            for number, begin, end in zip(self._numbers, self._ends, self._ends[1:], strict=False):
                yield number, file.read(end - begin), READERS[self._form]
            yield 0, file.read(), structure.of_bytes

    def _folder(self, place: Path) -> Iterator[Piece]:
        for path in sorted(place.rglob("*")):
            if path.is_file():
                read = structure.of_json if path.suffix == ".json" and path.parent.name == "mappings" else bytes
                yield self._numbers[int(path.stem) - 1], path.read_bytes(), read

    def _leaks(self, number: int, piece: bytes, read: Callable[[bytes], Any]) -> Iterator[Leak]:
        try:
            found = read(piece)
            if self._defaults:
                for name in carriers.bare(found, self._kept | self._excused.get(number, frozenset())):
                    yield Leak(number, f"default rules, {name}", "as it is")
            said = [piece, APART.join((*texts(found), *carriers.contents(found)))]
            for how, view in self._views(said):
                yield from (Leak(number, rule, how) for rule in self._in(view))
        except (Unbounded, Unreadable):
            yield Leak(number, UNSEEN, "")

    def _views(self, said: list[bytes]) -> Iterator[tuple[str, bytes]]:
        views = Views()
        for each in said:
            for how, view in views.of(each):
                yield f"in {how}" if how else "as it is", view

    def _in(self, view: bytes) -> Iterator[str]:
        yield from self._values.found(view)
        if self._defaults:
            yield from self._secrets.found(view)


def _excused(manifest: Manifest) -> Iterator[str]:
    """Names of fields and parameters that somebody's rule put something of its own in."""
    for mark in manifest.marks:
        _, _, rest = mark.where.partition(".")
        carrier, _, name = rest.partition(".")
        if mark.strategy not in TELLING and carrier in CARRIERS:
            yield name.lower()
        elif mark.strategy not in TELLING and carrier == "cookie":
            yield from carriers.COOKIES
