"""Other values of the same format: one module a format, and `look.py` that tells which one a text has.

Owns what a format is: how a text is read without its punctuation, what else could stand there, and how that is written
with the punctuation of the text. No fake is a value that somebody has where a range for such is reserved.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from outgate.redact.replace.draws import Draws

DIGITS = "0123456789"


class Maker(Protocol):
    """One format; a module that has these functions is one."""

    def read(self, text: str) -> str | None:
        """The value alone, so that it is the same however it is punctuated; None where the text has another format."""

    def make(self, value: str, draws: Draws) -> str:
        """Another value, in the form that `read` gives."""

    def write(self, text: str, fake: str) -> str:
        """The other value as the text is written."""


def laid(text: str, fake: str, places: Collection[str]) -> str:
    """The characters of a fake where the text has one of `places`, in its case; the rest of the text as it is."""
    following = iter(fake)
    if text.upper() == text.lower():
        return "".join([next(following) if each in places else each for each in text])
    return "".join([_cased(next(following), each) if each in places else each for each in text])


def _cased(made: str, before: str) -> str:
    return made.lower() if before.islower() else made.upper() if before.isupper() else made
