"""What rules find across pieces of a stream, of which the first have left already.

Owns the end of each text that goes on, as it left, and that the piece in which something would become whole does not
leave. Nothing can be masked then: what has left, has left.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from outgate.redact.across import Across, across
from outgate.redact.deltas import Delta
from outgate.redact.leaf import Path
from outgate.redact.live.rules import Rules
from outgate.redact.live.verdict import Refused, Why

LONGEST = 4096
"""Characters that are kept of a text."""
MOST = 64
"""Texts that go on at once. Of more, those are forgotten that have not gone on for the longest time."""


class Joints:
    """Of one direction of an exchange."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._ends: dict[Path, str] = {}

    @cached_property
    def _kept(self) -> int:
        """Characters of a text, one more than what is looked for has; the rules may have to be compiled for it."""
        longest = self._rules.longest
        return LONGEST if longest is None else min(longest + 1, LONGEST)

    def pass_on(self, deltas: Iterable[Delta]) -> None:
        """Texts of a piece, as they would leave. Raises `Refused`."""
        arrived: dict[Path, list[Delta]] = {}
        for delta in deltas:
            arrived.setdefault(delta.place, []).append(delta)
        joined = [(place, self._joined(place, found)) for place, found in arrived.items()]
        among = [(found[0].name, texts) for (_, texts), found in zip(joined, arrived.values(), strict=True)]
        self._look([(name, texts) for name, texts in among if len(texts) > 1])
        for place, texts in joined:
            self._keep(place, "".join(texts))

    def _joined(self, place: Path, found: list[Delta]) -> list[str]:
        end = self._ends.get(place)
        return [*([end] if end else ()), *(delta.text for delta in found)]

    def _keep(self, place: Path, text: str) -> None:
        self._ends.pop(place, None)
        self._ends[place] = text[-self._kept :]
        if len(self._ends) > MOST:
            del self._ends[next(iter(self._ends))]

    def _look(self, among: list[tuple[str, list[str]]]) -> None:
        found = [each for each in across(self._rules.book, among) if not self._is_cut(each, among)]
        names = [self._rules.book.rules[each.rule].name for each in found]
        guarded = [name for name in names if self._rules.guards(name)]
        if guarded:
            raise self._refused(next(filter(self._rules.blocks, guarded), guarded[0]))

    def _is_cut(self, found: Across, among: list[tuple[str, list[str]]]) -> bool:
        """Whether it begins where a text was cut: it may begin before, and be something else."""
        return found.hit.start == 0 and len(among[found.hit.index][1][0]) == self._kept

    def _refused(self, rule: str) -> Refused:
        said = f"{rule.rpartition('/')[2]} finds something that is split over several pieces of a stream"
        why = Why.BLOCKED if self._rules.blocks(rule) else Why.SPLIT
        return Refused(why, said, self._rules.source(rule), rule)
