"""One export as many: each pseudonym becomes another of the same format, the same wherever it stands in a copy.

Owns which pseudonym becomes which, from a seed and the number of the copy, so that fixtures are the same wherever they
are made. Sees pseudonyms only: what they stand for took a key that is not here.
"""

from __future__ import annotations

import re
from hashlib import sha256

from outgate.policy.redaction_model import Replacement, Strategy
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import TOKEN, Replacer

ALIKE = frozenset({Strategy.REMOVE, Strategy.CONSTANT, Strategy.KEEP})
"""What they make is the same in every copy."""
OTHER = Replacement(Strategy.FORMAT)


class Mocker:
    """One copy of an export. `begin` it anew for each exchange: what it has put there already, it knows again."""

    __slots__ = ("_made", "_replacer")

    def __init__(self, seed: str, copy: int) -> None:
        self._replacer = Replacer(_keys(seed, copy))
        self._made: set[str] = set()
        """Tokens of this copy."""

    def begin(self) -> None:
        self._made.clear()

    def another(self, text: str, strategy: Strategy = Strategy.TOKEN) -> str:
        """What stands there in this copy, for what a strategy made. A text around tokens stays."""
        if strategy in ALIKE:
            return text
        if TOKEN.search(text):
            return self.tokens(text)
        return self._replacer.replace(OTHER, "", text) or text

    def tokens(self, text: str) -> str:
        """A text with its tokens replaced, and nothing else."""
        return TOKEN.sub(self._token, text)

    def _token(self, found: re.Match[str]) -> str:
        if found[0] in self._made:
            return found[0]
        made = self._replacer.token(found["class"], found[0])
        self._made.add(made)
        return made


class Mocking(Replacer):
    """Puts into a copy what the rules of redaction find: to them a pseudonym looks like what it stands for."""

    __slots__ = ("mocker",)

    def __init__(self, seed: str, copy: int) -> None:
        super().__init__(_keys(seed, copy))
        self.mocker = Mocker(seed, copy)

    def replace(self, replacement: Replacement, class_: str, text: str, subject: str = "") -> str | None:
        if replacement.strategy in ALIKE or not text:
            return super().replace(replacement, class_, text, subject)
        return self.mocker.another(text, replacement.strategy)

    def token(self, class_: str, text: str) -> str:
        return self.mocker.tokens(text) if TOKEN.search(text) else super().token(class_, text)


def _keys(seed: str, copy: int) -> Keys:
    # The seed is no secret: it stands in a test's settings.
    return Keys(sha256(seed.encode()).digest(), f"copy {copy}", "mock")
