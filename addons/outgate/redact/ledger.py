"""What is put in the place of what, in one exchange: the replacements, their marks, and what has to be gone everywhere.

Owns the classes that values are replaced under, so that equal ones join whatever took them, and what the manifest says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from outgate.policy.redaction_model import RedactionRule, Replacement, Strategy
from outgate.redact import places
from outgate.redact.codecs.utf8 import decoded, encoded
from outgate.redact.detect.detector import Detector, Group
from outgate.redact.detect.names import classify
from outgate.redact.detect.vocabulary import PERSONAL
from outgate.redact.leaf import Path
from outgate.redact.redacted import Manifest, Mark
from outgate.redact.replace.replacer import Replacer
from outgate.redact.sweep import Sweep

SECRET, VALUE = "secret", "value"
SHORTEST = 6
"""Characters of a value that is looked for elsewhere."""
TOKEN = Replacement(Strategy.TOKEN)
UNTOUCHED = Manifest()
SAFE = re.compile(r"[A-Za-z0-9_.@-]+")
ALLOW, DEEP, ELSEWHERE = "mode-allow", "cannot-be-seen", "found-elsewhere"
"""What marks name where no rule took something: the mode, the depth, a value that was taken in another place."""


class Ledger:
    """Of one exchange."""

    def __init__(self, replacer: Replacer) -> None:
        self._replacer = replacer
        self._marks: list[tuple[Callable[[], str], str, Strategy]] = []
        self.dropped: list[tuple[str, str]] = []
        self._names: dict[str, str] = {}
        self.taken: dict[str, str] = {}
        """Values that must stand nowhere, and what stands for them, which needs no escape anywhere."""
        self.replaced: dict[str, str] = {}
        """Everything that a rule took, and which one."""

    def by_place(self, rule: RedactionRule, name: str, text: str, where: Callable[[], str]) -> str | None:
        """For a value that a rule takes because of where it stands. None: it is to go."""
        meaning = classify(name)
        class_ = meaning if meaning in PERSONAL else SECRET
        made = self._taken(rule, class_, text, where)
        self.gone(text, made)
        return made

    def by_look(self, rule: RedactionRule, detector: Detector, text: str, where: Callable[[], str]) -> str | None:
        """For what a detector has found."""
        made = self._taken(rule, _class(detector), text, where)
        if detector.group is Group.SECRETS:
            self.gone(text, made)
        return made

    def goes_on(self, rule: RedactionRule, where: Callable[[], str]) -> None:
        """What was taken begins in another place, and this one held the rest of it."""
        self._marks.append((where, rule.name, rule.replacement.strategy))

    def wherever(self, rule: RedactionRule, detector: Detector, text: str) -> None:
        """For what a detector has found in a place that is no value's: it goes from all places."""
        self.gone(text, self._replaced(rule.replacement, _class(detector), text))

    def by_mode(self, text: str, where: Callable[[], str], why: str = ALLOW) -> str:
        """For a text that no rule speaks of."""
        self._marks.append((where, why, Strategy.TOKEN))
        return self._replacer.token(VALUE, text)

    def gone(self, text: str, made: str | None) -> None:
        """Nothing of the exchange may hold this text."""
        if len(text) >= SHORTEST and text not in (made, SECRET):
            self.taken.setdefault(text, made if made and SAFE.fullmatch(made) else self._replacer.token(SECRET, text))

    def elsewhere(self, where: Callable[[], str]) -> None:
        """Something that was taken in another place stood here, too."""
        self._marks.append((where, ELSEWHERE, Strategy.TOKEN))

    def drop(self, where: str, why: str) -> None:
        self.dropped.append((where, why))

    def renamed(self, name: str, made: str) -> None:
        """A name that said something: places are written with what it became."""
        self._names[name] = made

    def shown(self, path: Path) -> Path:
        """A path with the names that are there afterwards."""
        names = self._names
        return tuple(names.get(step, step) if type(step) is str else step for step in path) if names else path

    def manifest(self, policy: str, sweep: Sweep, before: Manifest = UNTOUCHED) -> Manifest:
        """What was done, in places that hold nothing of what was taken. `before`: what had been done already."""
        if not (self._marks or before.marks):
            return Manifest(policy, (), (*before.dropped, *self.dropped))
        names = {places.step(name): places.step(made) for name, made in self._names.items()} if before.marks else {}
        marks = [replace(mark, where=places.renamed(mark.where, names)) for mark in before.marks]
        marks += [Mark(where(), rule, strategy) for where, rule, strategy in self._marks]
        for number, made in sweep.over([encoded(mark.where) for mark in marks]).items():
            marks[number] = replace(marks[number], where=decoded(made))
        return Manifest(policy, tuple(dict.fromkeys(marks)), (*before.dropped, *self.dropped))

    def _taken(self, rule: RedactionRule, class_: str, text: str, where: Callable[[], str]) -> str | None:
        made = self._replaced(rule.replacement, class_, text)
        self._marks.append((where, rule.name, rule.replacement.strategy))
        if made != text:
            self.replaced.setdefault(text, rule.name)
        return made

    def _replaced(self, replacement: Replacement, class_: str, text: str) -> str | None:
        return self._replacer.replace(replacement, class_, text)


def _class(detector: Detector) -> str:
    if detector.group is Group.SECRETS:
        return SECRET
    return "phone" if detector.name.startswith("phone") else detector.name
