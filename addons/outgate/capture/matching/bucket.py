"""Recorded exchanges of one method and address, looked up by what their requests say.

Owns that this takes no longer where there are many: they are found by a key of all values that have to be equal, one
for each set of wild places.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from outgate.capture.matching.canonical import Canonical, canonical, free
from outgate.redact.exchange import Exchange, Request
from outgate.redact.redacted import Manifest

type Key = frozenset[tuple[str, object]]


@dataclass(slots=True)
class Entry:
    """One recorded exchange. `uses`: how often it was the answer."""

    number: int
    exchange: Exchange
    request: Request
    manifest: Manifest
    uses: int = 0
    _canonical: Canonical | None = None

    @property
    def canonical(self) -> Canonical:
        """Made when it is first compared."""
        if self._canonical is None:
            self._canonical = canonical(self.request, self.manifest)
        return self._canonical


@dataclass(slots=True)
class Bucket:
    """Its index is made when it is first asked."""

    entries: list[Entry] = field(default_factory=list)
    _index: dict[frozenset[str], dict[Key, list[Entry]]] = field(default_factory=dict)

    def fitting(self, asked: Canonical, volatile: frozenset[str]) -> list[Entry]:
        """Those that differ in nothing that counts."""
        if not self._index:
            self._index = self._indexed(volatile)
        return [entry for wild, found in self._index.items() for entry in found.get(_key(asked, wild, volatile), ())]

    def _indexed(self, volatile: frozenset[str]) -> dict[frozenset[str], dict[Key, list[Entry]]]:
        made: dict[frozenset[str], dict[Key, list[Entry]]] = defaultdict(lambda: defaultdict(list))
        for entry in self.entries:
            wild = entry.canonical.wild
            made[wild][_key(entry.canonical, wild, volatile)].append(entry)
        return made


def _key(request: Canonical, wild: frozenset[str], volatile: frozenset[str]) -> Key:
    values = request.values.items()
    return frozenset((place, value) for place, value in values if not free(place, value, wild, volatile))
