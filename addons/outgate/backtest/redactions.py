"""What another redaction would take of exchanges that were redacted when they were kept, counted by rule and place.

Owns the comparison. Of what was taken then only the replacements are left: a rule that goes by places is tried on them,
a detector cannot know them again, and that is told apart. Places are grouped, and no value is looked at but by rules.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from outgate.backtest.again import LOST
from outgate.backtest.keeping import Keeping, Stays
from outgate.policy.redaction_model import KeepingPolicy, Mode, RedactionPolicy, RedactionRule, Strategy
from outgate.redact.detect import defaults
from outgate.redact.ledger import ALLOW, DEEP, ELSEWHERE
from outgate.redact.pipeline import FAILED, REMEMBERED, Redactor, fits
from outgate.redact.redacted import Mark, Redacted
from outgate.redact.replace.replacer import TOKEN, Replacer

MOST = 1000
"""Groups that are told apart."""
NUMBER = re.compile(r"\[\d+\]")


class Effect(StrEnum):
    """What becomes of a place under the other redaction."""

    MORE = "replaced"
    """It was left as it is."""
    LESS = "no longer replaced"
    OTHERWISE = "replaced otherwise"
    UNTOLD = "not known"
    """What was there then could tell, and is gone."""
    DROPPED = "dropped"
    """A body that was kept."""


EFFECTS = {Stays.YES: Effect.LESS, Stays.PERHAPS: Effect.UNTOLD, Stays.NO: None}
"""Where nothing else tells of one."""


class Difference(NamedTuple):
    """Of one kind of place. A rule is empty where none is meant; for a body, why it is dropped stands for one."""

    effect: Effect
    where: str
    """With `[*]` for numbers."""
    was: str = ""
    would: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for the exchanges that some documents match."""

    own: Mapping[str, tuple[RedactionRule, ...]]
    """By name."""
    shipped: frozenset[str]
    """Names of the default rules that hold: they are the same as they were."""
    allow: bool

    @classmethod
    def of(cls, documents: tuple[RedactionPolicy, ...]) -> Rules:
        own: dict[str, tuple[RedactionRule, ...]] = {}
        for rule in (rule for each in documents for rule in each.rules):
            own[rule.name] = (*own.get(rule.name, ()), rule)
        held = not documents or any(each.defaults for each in documents)
        shipped = frozenset(rule.name for rule in defaults.RULES) if held else frozenset()
        return cls(own, shipped, any(each.mode is Mode.ALLOW for each in documents))

    def effect(self, was: Mark | None, would: Mark | None) -> Effect | None:
        """None: what is there then is there now."""
        if was is None:
            return Effect.MORE
        if would is not None and would.strategy == was.strategy:
            return None
        if would is None:
            return self._unmarked(was)
        own = self.own.get(would.rule, ())
        by_place = any(rule.selectors for rule in own)
        return Effect.OTHERWISE if by_place or would.rule == was.rule or not self._still(was) else None

    def _unmarked(self, was: Mark) -> Effect | None:
        if self._still(was):
            return None
        if was.strategy == Strategy.REMOVE or any(
            rule.detectors or rule.patterns for rule in self.own.get(was.rule, ())
        ):
            return Effect.UNTOLD
        return Effect.LESS

    def _still(self, was: Mark) -> bool:
        """Whether what took something then takes it now, though it could not be known again."""
        return was.rule in self.shipped or was.rule == DEEP or (was.rule == ALLOW and self.allow)


@dataclass(slots=True)
class Redactions:
    """What has been compared. `others`: differences beyond the groups that are told apart."""

    documents: tuple[RedactionPolicy, ...]
    replacer: Replacer
    compared: int = 0
    changed: int = 0
    """Exchanges of which something would be another."""
    differences: Counter[Difference] = field(default_factory=Counter)
    others: int = 0
    _redactor: Redactor = field(init=False)
    _rules: Callable[[tuple[RedactionPolicy, ...]], Rules] = field(init=False)
    _keeping: Callable[[tuple[RedactionPolicy, ...]], Keeping] = field(init=False)

    def __post_init__(self) -> None:
        self._redactor = Redactor(KeepingPolicy(self.documents), self.replacer)
        self._rules = lru_cache(REMEMBERED)(Rules.of)
        self._keeping = lru_cache(REMEMBERED)(lambda documents: Keeping(documents, self.replacer))

    def add(self, kept: Redacted) -> None:
        self.compared += 1
        found = tuple(self._compared(kept))
        self.changed += any(each.effect is not Effect.UNTOLD for each in found)
        for each in found:
            if each in self.differences or len(self.differences) < MOST:
                self.differences[each] += 1
            else:
                self.others += 1

    def _compared(self, kept: Redacted) -> Iterator[Difference]:
        if (LOST, FAILED) in kept.manifest.dropped:
            return
        documents = tuple(each for each in self.documents if fits(each, kept.exchange))
        rules = self._rules(documents)
        made = self._redactor.redact(kept.exchange).manifest
        was, would = _marks(kept.manifest.marks), _marks(made.marks)
        keeping = self._keeping(documents)
        places = keeping.places(kept.exchange)
        for where, why in made.dropped:
            yield Difference(Effect.DROPPED, _alike(where), would=why)
        gone = tuple(where for where, _ in made.dropped)
        for where in {**was, **would}:
            effect = rules.effect(was.get(where), would.get(where))
            if effect is None and where in was:
                effect = EFFECTS[keeping.stays(was[where], places)]
            if effect is not None and not where.startswith(gone):
                yield Difference(effect, _alike(where), _said(was.get(where)), _said(would.get(where)))


def _marks(marks: Iterable[Mark]) -> Mapping[str, Mark]:
    """The first of each place. What was found elsewhere follows from what was taken first, and under a name that was
    replaced nothing can be tried again."""
    made: dict[str, Mark] = {}
    for mark in marks:
        if mark.rule != ELSEWHERE and not TOKEN.search(mark.where):
            made.setdefault(mark.where, mark)
    return made


def _alike(where: str) -> str:
    return NUMBER.sub("[*]", where)


def _said(mark: Mark | None) -> str:
    return f"{mark.rule}, {mark.strategy}" if mark is not None else ""
