"""The rules that some documents have for live messages, for one direction.

Owns which document each rule is of, so that what it finds is masked or blocked as that one says, and what several
documents come to together: the strictest. A rule book is compiled when it is first asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

from outgate.policy.redaction_model import Action, Direction, Inline, Opaque, RedactionPolicy, RedactionRule, Split
from outgate.redact.detect.search import Detectors
from outgate.redact.rulebook import RuleBook


class Rules:
    """At least one. `side`: REQUEST or RESPONSE. `redactions` say something about live messages."""

    def __init__(self, side: Direction, redactions: Iterable[RedactionPolicy]) -> None:
        self.side = side
        told = [(each, inline) for each in redactions if (inline := each.inline) is not None]
        self._of: dict[str, RedactionPolicy] = {}
        self._inline: dict[str, Inline] = {}
        self._rules: list[RedactionRule] = []
        for redaction, inline in told:
            if inline.direction in (side, Direction.BOTH):
                self._take(redaction, inline)
        saying = self._inline.values()
        self.most = min((each.max_body for each in saying), default=0)
        """Bytes that are held back."""
        self.opaque = any(each.opaque is Opaque.BLOCK for each in saying)
        """Bodies in no known format do not go on."""
        self.masks = any(each.action is Action.MASK for each in saying)
        """Something may change."""

    def _take(self, redaction: RedactionPolicy, inline: Inline) -> None:
        for rule in redaction.rules:
            if rule.direction in (self.side, Direction.BOTH):
                name = f"{redaction.name}/{rule.name}"
                self._of[name], self._inline[name] = redaction, inline
                self._rules.append(replace(rule, name=name))

    def __bool__(self) -> bool:
        return bool(self._rules)

    @cached_property
    def book(self) -> RuleBook:
        return RuleBook(self._rules, self.side, len(self._rules))

    @property
    def compiled(self) -> bool:
        """Whether the first question has been asked: the answer to that one takes long."""
        return "book" in self.__dict__

    def blocks(self, name: str) -> bool:
        """Whether what a rule found may not go on. What none is known for is what any of them says."""
        known = [self._inline[name]] if name in self._inline else self._inline.values()
        return any(each.action is Action.BLOCK for each in known)

    def guards(self, name: str) -> bool:
        """Whether what a rule finds in several pieces of a stream together may not go on."""
        return self._inline[name].split is Split.BLOCK

    @cached_property
    def joins(self) -> bool:
        """Whether some rule looks across pieces of a stream."""
        return any(map(self.guards, self._inline))

    def forced(self, names: Iterable[str]) -> bool:
        """Whether what these rules found is masked although a signature covers it."""
        known = [self._inline[name] for name in names if name in self._inline]
        return all(each.force_signed for each in known or self._inline.values())

    @property
    def strictest(self) -> RedactionPolicy | None:
        """The document to name where no rule is known that decided."""
        names = sorted(self._of, key=lambda name: not self.blocks(name))
        return self._of[names[0]] if names else None

    def source(self, name: str) -> RedactionPolicy | None:
        """The document of a rule."""
        return self._of.get(name)

    @property
    def longest(self) -> int | None:
        """Characters that have to be seen together where a text is looked at in pieces. None: nobody knows, for some
        rule is about all of a body, or its own pattern."""
        if self.book.body is not None or any(rule.patterns for rule in self._rules):
            return None
        return max((Detectors(rule.detectors).longest for rule in self._rules if rule.detectors), default=0)
