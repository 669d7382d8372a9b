"""The steps behind a decision, for people: what was looked at, in order, and the document behind each.

Owns the collector that `explain` hands down. The hot path hands down None, and pays nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from outgate.policy.model import Source


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was found out. `source` is None where no document says it."""

    what: str
    source: Source | None = None


@dataclass(slots=True)
class Steps:
    """Collects steps in the order in which they were taken."""

    taken: list[Step] = field(default_factory=list)

    def say(self, what: str, source: Source | None = None) -> None:
        self.taken.append(Step(what, source))
