"""What redaction would take, shown in place: what a rule takes becomes a label that names the rule.

Owns the labels. They need no escape in any format, so that they stand wherever a replacement would; nobody who writes
a body knows them, so that none is taken for one that was there.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import replace

from outgate.policy.redaction_model import KeepingPolicy, RedactionRule, Replacement, Strategy
from outgate.redact.exchange import Exchange
from outgate.redact.ledger import ALLOW, ELSEWHERE, SECRET
from outgate.redact.pipeline import Redactor
from outgate.redact.redacted import Redacted
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer

BEGIN, END = "⟦", "⟧"


class Labels:
    """Of what some documents say. Threads may share it."""

    def __init__(self, keeping: KeepingPolicy) -> None:
        self._sign = f"label{secrets.token_hex(8)}"
        self._written = re.compile(rf"{self._sign}x([0-9a-f]*)x")
        self.rules: dict[str, RedactionRule] = {}
        """By their names, the first of each: those that have come to be asked."""
        self._redactor = Redactor(keeping, _Labelling(self), applied=self._applied)

    def put(self, exchange: Exchange) -> Redacted:
        """The exchange with labels in place of what redaction takes. It is there to be looked at, and `read`."""
        return self._redactor.redact(exchange)

    def read(self, content: str) -> str:
        """With the labels in plain words."""
        return self._written.sub(lambda found: f"{BEGIN}{bytes.fromhex(found[1]).decode()}{END}", content)

    def label(self, name: str) -> str:
        return f"{self._sign}x{name.encode().hex()}x"

    def _applied(self, rule: RedactionRule) -> RedactionRule:
        self.rules.setdefault(rule.name, rule)
        if rule.replacement.strategy is Strategy.KEEP:
            return rule
        return replace(rule, replacement=Replacement(Strategy.CONSTANT, self.label(rule.name)))


class _Labelling(Replacer):
    """Labels for what no rule takes: the mode does, or it was found in another place."""

    def __init__(self, labels: Labels) -> None:
        super().__init__(Keys(secrets.token_bytes(32), "labels", ""))
        self._labels = labels

    def token(self, class_: str, text: str) -> str:
        return self._labels.label(ELSEWHERE if class_ == SECRET else ALLOW)
