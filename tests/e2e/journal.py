"""What a gate said of each attempt since a moment ago, and giving it other documents.

Owns waiting for entries: the gate writes one when an attempt is over, which may be after its client was answered.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from .lab.gate import Documents, Entry, RunningGate
from .lab.namespaces import Lab

PATIENCE = 5.0  # seconds for an entry
QUIET = 0.05  # seconds in which a packet that was on its way would have arrived


class Journal:
    """The access log from here on: of what begins now, and not of what was under way and is written only later."""

    def __init__(self, gate: RunningGate) -> None:
        self._gate = gate
        self._from, self._since = len(gate.log()), math.floor(time.time() * 1000) / 1000

    def __call__(self, **wanted: object) -> list[Entry]:
        """Entries so far in which these fields stand."""
        entries = [entry for entry in self._gate.log()[self._from :] if _began(entry) >= self._since]
        return [entry for entry in entries if all(entry.get(name) == value for name, value in wanted.items())]

    def one(self, **wanted: object) -> Entry:
        """The one such entry, as soon as it is there."""
        return self.all(1, **wanted)[0]

    def all(self, number: int, **wanted: object) -> list[Entry]:
        """The so many such entries, as soon as they are there."""
        deadline = time.monotonic() + PATIENCE
        while len(found := self(**wanted)) < number and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(found) == number, f"wanted {number} entries with {wanted}; there is {self()}"
        return found


def _began(entry: Entry) -> float:
    return datetime.fromisoformat(entry["time"]).timestamp()


def load(gate: RunningGate, documents: Documents, *, quiet: bool = False) -> dict[str, Any]:
    """Give a gate other documents, and come back when it judges by them; `quiet`, when the last packets of what it has
    closed for that have passed, too."""
    gate.write(documents)
    answer: dict[str, Any] = gate.admin("/reload", "POST")
    assert answer.get("loaded"), answer
    if quiet:
        time.sleep(QUIET)
    return answer


@contextmanager
def untouched(lab: Lab, *addresses: str) -> Iterator[None]:
    """Meanwhile not one packet reaches these addresses."""
    before = [lab.packets(address) for address in addresses]
    yield
    time.sleep(QUIET)
    assert [lab.packets(address) for address in addresses] == before
