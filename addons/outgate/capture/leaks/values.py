"""What redaction took, looked for wherever it may have stayed.

Owns which values are worth that: those that nobody would write by chance. Holds them in memory, within a bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import re2

from outgate.redact.codecs.utf8 import encoded

SHORTEST, TELLING, LONGEST = 8, 16, 4096
"""Characters. From `TELLING` on a value needs no digit to be nobody's word."""
FEWEST = 3
"""Different characters."""
MOST = 32768
"""Values."""
AT_ONCE = 1500
"""Values in one pattern."""
MEMORY = 64 * 1024 * 1024
MOMENT = re.compile(r"[0-9]{1,4}(?:[-/.][0-9]{1,2}){2}(?:[T ][0-9:.,+Z-]*)?|[0-9]{1,2}(?::[0-9]{2}){1,2}")
NUMBER = re.compile(r"[+-]?[0-9 .,_-]+")
LONG_NUMBER = 12
"""Digits of a number that is somebody's."""


class Values:
    """By what took each."""

    def __init__(self) -> None:
        self.overflow = 0
        """How many there was no room for."""
        self._rules: dict[bytes, str] = {}
        self._patterns: list[Any] = []

    def add(self, taken: Mapping[str, str]) -> None:
        """Values, and the rules that took them."""
        for value, rule in taken.items():
            if telling(value) and (known := encoded(value)) not in self._rules:
                if len(self._rules) < MOST:
                    self._rules[known] = rule
                    self._patterns.clear()
                else:
                    self.overflow += 1

    def found(self, said: bytes) -> Iterator[str]:
        """The rules whose values stand in it."""
        if self._rules and not self._patterns:
            longest = sorted(self._rules, key=len, reverse=True)
            self._patterns = [_pattern(longest[at : at + AT_ONCE]) for at in range(0, len(longest), AT_ONCE)]
        for pattern in self._patterns:
            for found in pattern.finditer(said):
                yield self._rules[found[0]]


def telling(value: str) -> bool:
    """Whether it stands somewhere because somebody put it there: no word, no date, no small number."""
    if not SHORTEST <= len(value) <= LONGEST or len(set(value)) < FEWEST or MOMENT.fullmatch(value):
        return False
    if NUMBER.fullmatch(value):
        return sum(each.isdigit() for each in value) >= LONG_NUMBER
    return len(value) >= TELLING or (any(map(str.isdigit, value)) and any(map(str.isalpha, value)))


def _pattern(values: list[bytes]) -> Any:
    options = re2.Options()
    options.max_mem, options.log_errors, options.encoding = MEMORY, False, re2.Options.Encoding.LATIN1
    return re2.compile(b"|".join(map(re2.escape, values)), options)
