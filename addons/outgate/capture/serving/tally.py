"""What a test run asked of a replay: answered, missed, and never asked for.

Owns the counts and their words. Of a request no more is told than its method and address, and where it differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from outgate.capture.match import Miss
from outgate.capture.matching.bucket import Entry
from outgate.capture.serving.answer import shown
from outgate.redact.exchange import Request

MOST = 1000
"""Misses that are kept."""
LISTED = 20
"""Of each kind, in words."""


@dataclass(frozen=True, slots=True)
class Missed:
    """One request that was not recorded."""

    asked: str
    why: str
    nearest: str = ""
    places: tuple[str, ...] = ()
    """In which it differs from the nearest one."""

    def __str__(self) -> str:
        what = f"{self.asked}: {self.why}"
        places = ", ".join(self.places)
        if self.nearest and self.nearest != self.asked:
            what += f"; nearest is {self.nearest}"
            return f"{what}, which differs in {places}" if places else what
        return f"{what}, in {places}" if places else what


@dataclass(slots=True)
class Tally:
    answered: int = 0
    missed: int = 0
    misses: list[Missed] = field(default_factory=list)
    """The first of them."""
    sent_on: int = 0
    """Misses that a gate was to send to their origins."""
    handshakes: int = 0
    """TLS handshakes that failed."""

    def miss(self, request: Request, miss: Miss) -> Missed:
        self.missed += 1
        nearest = shown(miss.nearest.request) if miss.nearest is not None else ""
        told = Missed(shown(request), miss.why, nearest, tuple(each.place for each in miss.difference))
        if len(self.misses) < MOST:
            self.misses.append(told)
        return told

    def lines(self, unused: list[Entry]) -> Iterator[str]:
        """The report."""
        asked, missed = _counted(self.answered, "request"), _counted(self.missed, "miss", "misses")
        yield f"{asked} answered, {missed}, {_counted(len(unused), 'recorded exchange')} not asked for"
        if self.sent_on:
            yield f"{_counted(self.sent_on, 'miss', 'misses')} handed to the gate"
        yield from _listed("missed", [str(each) for each in self.misses], self.missed)
        yield from _listed("not asked for", [f"{each.number}: {shown(each.request)}" for each in unused], len(unused))
        if self.handshakes:
            yield f"{_counted(self.handshakes, 'TLS handshake')} failed; does the client trust the replay's CA?"


def _listed(what: str, lines: list[str], total: int) -> Iterator[str]:
    yield from (f"  {what}: {line}" for line in lines[:LISTED])
    if total > LISTED:
        yield f"  and {total - LISTED} more"


def _counted(number: int, word: str, several: str = "") -> str:
    return f"{number} {word}" if number == 1 else f"{number} {several or word + 's'}"
