"""What a name says about its value: keys, headers, fields and elements, compared word by word.

Owns how names are split and compared, and the shipped vocabulary's answer. A part of a word is never a word: `password`
fits `user_password` and `userPassword`, not `passwordless`; and not `password_hint`, which speaks of something else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from outgate.redact.detect.vocabulary import ABOUT, ASKING, CLASSES, ENDINGS, OTHERWISE, UNCOUNTED

LONGEST = 256
"""Characters of a name that are looked at."""
REMEMBERED = 8192
"""Names whose answer is kept."""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W\d_]+|\d+")

type Words = tuple[str, ...]


def words(name: str) -> Words:
    """`X-Card-Number`, `cardNumber`, `card_number2` and `cardnumber` in words, without case and accents."""
    if not name.isascii():
        apart = unicodedata.normalize("NFKD", name)
        name = "".join(character for character in apart if not unicodedata.combining(character))
    return tuple(word for found in _WORD.findall(_HUMP.sub(" ", name)) for word in _apart(found.casefold()))


def _apart(word: str) -> Iterator[str]:
    """Words that are often written without anything between them."""
    ending = next((ending for ending in ENDINGS if word.endswith(ending) and word != ending), "")
    if ending:
        yield word.removesuffix(ending)
    yield ending or word


class Names[T]:
    """Sequences of words, each with what it stands for."""

    def __init__(self, meanings: Iterable[tuple[str, T]]) -> None:
        self._meanings: dict[Words, list[T]] = {}
        for expression, meaning in meanings:
            for spelling in _spellings(words(expression)):
                self._meanings.setdefault(spelling, []).append(meaning)
        self._longest = max(map(len, self._meanings), default=0)
        self._remembered = lru_cache(REMEMBERED)(self._find)

    def find(self, name: str) -> tuple[T, ...]:
        """Everything that a name stands for. First what ends last in it, for the last noun says what it is: the mail
        address of a card holder is a mail address. Of those that end together the longest is first."""
        return self._remembered(name if len(name) <= LONGEST else name[:LONGEST])

    def _find(self, name: str) -> tuple[T, ...]:
        spoken = words(name)
        fitting = [(start, end) for start, end in self._sequences(spoken) if not _otherwise(spoken, start, end)]
        fitting.sort(key=lambda span: (-span[1], span[0]))
        return tuple(dict.fromkeys(meaning for start, end in fitting for meaning in self._meanings[spoken[start:end]]))

    def _sequences(self, spoken: Words) -> Iterator[tuple[int, int]]:
        for start in range(len(spoken)):
            for end in range(start + 1, min(start + self._longest, len(spoken)) + 1):
                if spoken[start:end] in self._meanings:
                    yield start, end


def _spellings(spoken: Words) -> Iterator[Words]:
    """The words, the words written as one, and each of them as a plural."""
    for spelling in dict.fromkeys((spoken, words("".join(spoken)))):
        if spelling:
            yield spelling
            if not spelling[-1].endswith("s") and spelling[-1] not in UNCOUNTED:
                yield (*spelling[:-1], f"{spelling[-1]}s")


def _otherwise(spoken: Words, start: int, end: int) -> bool:
    """Whether the words around those from `start` to `end` say that it is not the thing itself."""
    if not ABOUT.isdisjoint(spoken[end:]) or (start > 0 and spoken[0] in ASKING):
        return True
    return any(
        spoken[first:last] in _OTHERWISE
        for first in range(start + 1)
        for last in range(end, min(len(spoken), first + _LONGEST_OTHERWISE) + 1)
        if (first, last) != (start, end)
    )


_OTHERWISE = frozenset(words(expression) for expression in OTHERWISE)
_LONGEST_OTHERWISE = max(map(len, _OTHERWISE))
_KNOWN = Names((expression, meaning) for meaning, listed in CLASSES.items() for expression in listed)


def classify(name: str) -> str:
    """Which of `vocabulary.CLASSES` a name says its value is of; empty where it says nothing."""
    found = _KNOWN.find(name)
    return found[0] if found else ""
