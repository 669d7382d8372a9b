"""Replacements that somebody with a key may take back: whatever one stands for is handed on as it is made.

Owns which of them tell one value from another, so that there is something to take back. Keeps nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable

from outgate.policy.redaction_model import Replacement, Strategy
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import Replacer

TELLING = frozenset({Strategy.FORMAT, Strategy.HASH})
"""Beside tokens. Masks and constants are the same for many values."""

type Keep = Callable[[str, str], None]
"""Takes a replacement and what it stands for; never raises."""


class Vaulted(Replacer):
    """A `Replacer` that tells of each."""

    __slots__ = ("_keep",)

    def __init__(self, keys: Keys, keep: Keep) -> None:
        super().__init__(keys)
        self._keep = keep

    def replace(self, replacement: Replacement, class_: str, text: str, subject: str = "") -> str | None:
        made = super().replace(replacement, class_, text, subject)
        if made and made != text and replacement.strategy in TELLING:
            self._keep(made, text)
        return made

    def token(self, class_: str, text: str) -> str:
        made = super().token(class_, text)
        self._keep(made, text)
        return made
