"""What rules that say KEEP would leave of what had been taken.

Owns that such a rule leaves no mark: those that go by places are tried as if they took something. What a detector would
have found in a value that is gone is not known, but whether it looks for what had taken the value is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import Enum, auto

from outgate.policy.redaction_model import (
    Direction,
    KeepingPolicy,
    RedactionPolicy,
    RedactionRule,
    Replacement,
    Strategy,
)
from outgate.redact.detect import defaults
from outgate.redact.detect.patterns import DETECTORS
from outgate.redact.exchange import Exchange
from outgate.redact.pipeline import Redactor
from outgate.redact.redacted import Mark
from outgate.redact.replace.replacer import Replacer

SHIPPED = {rule.name: rule for rule in defaults.RULES}


class Stays(Enum):
    """Whether a value would stay that had been taken."""

    NO = auto()
    PERHAPS = auto()
    YES = auto()


class Keeping:
    """The rules of some documents that keep."""

    def __init__(self, documents: tuple[RedactionPolicy, ...], replacer: Replacer) -> None:
        keeping = [rule for each in documents for rule in each.rules if _keeps(rule)]
        self._everywhere = [rule for rule in keeping if not rule.selectors]
        self._placed = {rule.name: rule for rule in keeping if rule.selectors}
        self._redactor = Redactor(KeepingPolicy(documents), replacer, applied=_marking) if self._placed else None

    def places(self, exchange: Exchange) -> Mapping[str, RedactionRule]:
        """Those that are kept because of where they are."""
        if self._redactor is None:
            return {}
        marks = self._redactor.redact(exchange).manifest.marks
        return {mark.where: self._placed[mark.rule] for mark in marks if mark.rule in self._placed}

    def stays(self, was: Mark, places: Mapping[str, RedactionRule]) -> Stays:
        placed = [rule for where, rule in places.items() if _within(was.where, where)]
        if not all(map(_finds, placed)):
            return Stays.YES
        return Stays.PERHAPS if any(_alike(rule, was) for rule in (*placed, *self._everywhere)) else Stays.NO


def _keeps(rule: RedactionRule) -> bool:
    return rule.replacement.strategy is Strategy.KEEP


def _finds(rule: RedactionRule) -> bool:
    return bool(rule.detectors or rule.patterns)


def _marking(rule: RedactionRule) -> RedactionRule:
    """One that takes all of a place, and so says that it was there."""
    if not _keeps(rule) or not rule.selectors:
        return rule
    return replace(rule, detectors=(), patterns=(), replacement=Replacement(Strategy.CONSTANT))


def _within(where: str, place: str) -> bool:
    return where == place or (where.startswith(place) and where[len(place)] in ".[")


def _alike(rule: RedactionRule, was: Mark) -> bool:
    """Whether a rule that keeps what it finds looks for what another one had found."""
    sides = ("request", "response") if rule.direction is Direction.BOTH else (rule.direction.lower(),)
    if not was.where.startswith((*sides, "message")):
        return False
    other = SHIPPED.get(was.rule)
    if other is None or not other.detectors:
        return False
    return bool(rule.patterns) or not _names(rule.detectors).isdisjoint(_names(other.detectors))


def _names(detectors: Iterable[str]) -> set[str]:
    """Of detectors, those of classes one by one."""
    wanted = set(detectors)
    return {each.name for each in DETECTORS if each.name in wanted or each.group in wanted}
