"""One export as many: each pseudonym becomes another of the same format, the same wherever it stands in a copy.

Owns which pseudonym becomes which, from a seed and the number of the copy, so that fixtures are the same wherever they
are made. Sees pseudonyms only: what they stand for took a key that is not here.
"""

from __future__ import annotations

from hashlib import sha256

from outgate.policy.redaction_model import Replacement, Strategy
from outgate.redact.replace.keys import Keys
from outgate.redact.replace.replacer import TOKEN, Replacer

ALIKE = frozenset({Strategy.REMOVE, Strategy.CONSTANT, Strategy.KEEP})
"""What they make is the same in every copy."""
OTHER = Replacement(Strategy.FORMAT)


class Mocker:
    """One copy of an export."""

    __slots__ = ("_replacer",)

    def __init__(self, seed: str, copy: int) -> None:
        # The seed is no secret: it stands in a test's settings.
        self._replacer = Replacer(Keys(sha256(seed.encode()).digest(), f"copy {copy}", "mock"))

    def another(self, text: str, strategy: Strategy = Strategy.TOKEN) -> str:
        """What stands there in this copy, for what a strategy made. A text around tokens stays."""
        if strategy in ALIKE:
            return text
        mocked, tokens = TOKEN.subn(lambda found: self._replacer.token(found["class"], found[0]), text)
        return mocked if tokens else self._replacer.replace(OTHER, "", text) or text
