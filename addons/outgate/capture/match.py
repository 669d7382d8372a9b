"""The recorded exchange that answers a request: found by what the request means, in the order of the recording.

Owns the index by address, the choice, and what comes after the last one. A request that was not recorded is a miss,
which names the nearest one and how it differs. Knows no protocol and sends nothing.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, islice

from outgate.capture.matching.bucket import Bucket, Entry
from outgate.capture.matching.canonical import VOLATILE, Address, Canonical, address_of, canonical, wild_of
from outgate.capture.matching.difference import LISTED, Difference, addressed, agreement, differences
from outgate.redact import places
from outgate.redact.exchange import Exchange, Request
from outgate.redact.redacted import Manifest

LOOKED_AT = 200
"""Exchanges that are compared in search of the nearest one."""
ADDRESSES = 500
"""Addresses that are looked at before."""

type Family = tuple[object, ...]
"""Place, method and number of segments."""
type Shape = tuple[int, ...]
"""Which segments of a path are wild."""
type Masked = tuple[str | None, ...]


class Ending(StrEnum):
    """What follows when all answers to a request were given."""

    REPEAT_LAST = "repeat-last"
    CYCLE = "cycle"
    ERROR = "error"


class Scope(StrEnum):
    """How much of where a request goes has to be equal."""

    PLACE = "place"
    """Scheme, host and port."""
    HOST = "host"
    ANY = "any"
    """Nothing: it does not tell."""


UNTOLD = {
    Scope.PLACE: frozenset[str](),
    Scope.HOST: frozenset({"scheme", "port"}),
    Scope.ANY: frozenset({"scheme", "host", "port"}),
}
"""What is no difference."""


@dataclass(frozen=True, slots=True)
class Miss:
    """Nothing answers. `nearest` is None where nothing was recorded."""

    why: str
    nearest: Entry | None = None
    difference: tuple[Difference, ...] = ()


@dataclass(slots=True)
class Matcher:
    """Of one capture. `volatile`: names whose values do not count, beside those that never do."""

    ending: Ending = Ending.REPEAT_LAST
    volatile: frozenset[str] = frozenset()
    entries: list[Entry] = field(default_factory=list)
    _buckets: dict[tuple[Family, Masked], Bucket] = field(default_factory=lambda: defaultdict(Bucket))
    _shapes: dict[Family, set[Shape]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        self.volatile = VOLATILE | frozenset(name.lower() for name in self.volatile)

    def add(self, exchange: Exchange, manifest: Manifest) -> None:
        """All of them, before anything is asked. What no request began answers none."""
        if (request := exchange.request) is None:
            return
        entry = Entry(len(self.entries) + 1, exchange, request, manifest)
        self.entries.append(entry)
        address, wild = address_of(request), wild_of(request, manifest)
        shape = tuple(number for number in range(len(address.path)) if places.segment(number) in wild)
        for scope in Scope:
            family = _family(address, scope)
            self._shapes[family].add(shape)
            self._buckets[family, _masked(address, shape)].entries.append(entry)

    def find(self, request: Request, scope: Scope = Scope.PLACE) -> Entry | Miss:
        """The answer, which counts as given."""
        asked = canonical(request)
        buckets = self._of(asked.address, scope)
        fitting = list(chain(*(bucket.fitting(asked, self.volatile) for bucket in buckets)))
        if not fitting:
            return self._miss(asked, chain(*(bucket.entries for bucket in buckets)), scope)
        if (entry := self._next(self._best(fitting, asked))) is None:
            return Miss("all of its recorded answers were given", fitting[-1])
        entry.uses += 1
        return entry

    @property
    def unused(self) -> list[Entry]:
        return [entry for entry in self.entries if not entry.uses]

    def _of(self, address: Address, scope: Scope) -> list[Bucket]:
        family = _family(address, scope)
        keys = [(family, _masked(address, shape)) for shape in self._shapes.get(family, ())]
        return [self._buckets[key] for key in keys if key in self._buckets]

    def _best(self, fitting: list[Entry], asked: Canonical) -> list[Entry]:
        """Those that agree with it most, in the order of the recording."""
        scored = [(agreement(entry.canonical, asked, self.volatile), entry) for entry in fitting]
        best = max(score for score, _ in scored)
        return sorted((entry for score, entry in scored if score == best), key=lambda entry: entry.number)

    def _next(self, series: list[Entry]) -> Entry | None:
        fewest = min(entry.uses for entry in series)
        if fewest == 0 or self.ending is Ending.CYCLE:
            return next(entry for entry in series if entry.uses == fewest)
        return series[-1] if self.ending is Ending.REPEAT_LAST else None

    def _miss(self, asked: Canonical, known: Iterable[Entry], scope: Scope) -> Miss:
        same = list(islice(known, LOOKED_AT))
        compared = [(entry, self._apart(entry, asked, scope)) for entry in same or self._near(asked, scope)]
        if not compared:
            return Miss("nothing was recorded")
        nearest, found = min(compared, key=lambda pair: len(pair[1]))
        why = "it differs from what was recorded" if same else "nothing was recorded for this method and address"
        return Miss(why, nearest, tuple(found[:LISTED]))

    def _apart(self, entry: Entry, asked: Canonical, scope: Scope) -> list[Difference]:
        where = addressed(entry.canonical, asked)
        kept = [each for each in where if each.place not in UNTOLD[scope]]
        return [*kept, *differences(entry.canonical, asked, self.volatile)]

    def _near(self, asked: Canonical, scope: Scope) -> list[Entry]:
        """Those whose addresses look most like it."""
        texts: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            texts[_text(address_of(entry.request), scope)].append(entry)
        wanted = _text(asked.address, scope)
        close = difflib.get_close_matches(wanted, list(islice(texts, ADDRESSES)), n=5, cutoff=0.0)
        return list(islice(chain(*(texts[text] for text in close)), LOOKED_AT))


def _family(address: Address, scope: Scope) -> Family:
    place = {Scope.PLACE: (address.scheme, address.host, address.port), Scope.HOST: (address.host,), Scope.ANY: ()}
    return (*place[scope], address.method, len(address.path))


def _masked(address: Address, shape: Shape) -> Masked:
    return tuple(None if number in shape else each for number, each in enumerate(address.path))


def _text(address: Address, scope: Scope) -> str:
    place = "" if scope is Scope.ANY else f"{address.scheme}://{address.host}:{address.port}"
    return f"{place}/{'/'.join(address.path)} {address.method}"
