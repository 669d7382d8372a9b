"""What a detector is: a pattern, what its matches have to fulfil, and where it is looked for.

Owns the type, the classes of detectors and what may stand beside a match. RE2 has no look-around, so neighbours are
looked at here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from string import ascii_letters, digits

type Check = Callable[[str], bool]
"""The value to whether it can be one."""
type Around = Callable[[str, int, int], bool]
"""A text, and where the whole match is in it, to whether it can be one there."""

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
SEPARATOR = "\0"
"""Stands between texts that are searched together. No pattern matches it."""

NO_UUID = r"[^0-9A-Za-z\x00-]|\x00"
"""Behind a number that is no piece of a UUID: for hints alone, as no pattern may match what separates texts."""
MANY_DIGITS = 9
"""From so many digits on a number may be somebody's."""

ANSWERING = frozenset(f"{digits}(+")
"""How a number begins."""
_WORD = frozenset(ascii_letters + digits)
BEGIN = r"(?:\A|\b|[^0-9A-Za-z]|\\[bfnrt])"
"""What is in front of all that `apart` lets be, as a pattern."""


class Group(StrEnum):
    """Classes of detectors, as rules name them."""

    SECRETS = "secrets"
    PII = "pii"
    NETWORK = "network"
    """Addresses of machines. No default rule has them."""


class Beside(StrEnum):
    """Whose values alone are looked at."""

    ANYTHING = ""
    SUSPICIOUS = "suspicious"
    """`vocabulary.SUSPICIOUS`"""
    CALLED = "called"
    """`vocabulary.CALLED`"""
    PLACES = "places"
    """`vocabulary.PLACES`"""
    PEOPLE = "people"
    """`vocabulary.PEOPLE`"""
    ROLES = "roles"
    """`vocabulary.ROLES`"""


def apart(text: str, start: int, end: int) -> bool:
    """Neither is it the end of a longer word of letters and digits, nor its beginning. In front of it may be a line
    feed or a tab that is written as an escape."""
    if end < len(text) and text[end] in _WORD and text[end - 1] in _WORD:
        return False
    if start == 0 or text[start - 1] not in _WORD or text[start] not in _WORD:
        return True
    return text[start - 1] in "bfnrt" and text[start - 2 : start - 1] == "\\"


def apart_as_number(text: str, start: int, end: int) -> bool:
    """Nor is it a piece of a longer number, a fraction, a negative number, or one of the groups of an identifier."""
    if not apart(text, start, end):
        return False
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    if after in (".0", ".00") and text[end : end + 4].strip("0") == ".":  # all that some programs call a number
        after = ""
    return not (_continues(before[::-1]) or _continues(after) or (text[start] in digits and _negates(before)))


def _continues(neighbours: str) -> bool:
    return len(neighbours) == 2 and neighbours[0] in ".-/" and neighbours[1] in digits


def _negates(before: str) -> bool:
    return before[-1:] == "-" and before[:-1] not in _WORD


def apart_as_answer(text: str, start: int, end: int) -> bool:
    """Where it goes on in another line, that is all of the line, or the line before asks for it."""
    asking, feed, answer = text[start:end].partition("\n")
    if feed and not asking.rstrip().endswith("?") and answer.lstrip()[:1] not in ANSWERING:
        return False
    return apart_as_number(text, start, end)


def apart_from_groups(text: str, start: int, end: int) -> bool:
    """Nor are groups of digits around it."""
    around = text[max(0, start - 2) : start], text[end : end + 2][::-1]
    return apart_as_number(text, start, end) and not any(each[:1].isdigit() and each[1:] == " " for each in around)


def apart_from_public(text: str, start: int, end: int) -> bool:
    """Nor does it go on after what says that anybody may know it: `pk_live_...`, `cs_test_...`."""
    return apart(text, start, end) and text[max(0, start - 3) : start] not in ("pk_", "cs_", "pk-")


def whole(text: str, start: int, end: int) -> bool:
    """It is all there is."""
    return start == 0 and end == len(text)


def anywhere(_text: str, _start: int, _end: int) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Detector:
    """`pattern` is RE2; where it has groups, the last one that took part is the value, else the whole match is."""

    name: str
    group: Group
    pattern: str
    example: str
    """What one looks like. `{w36}` are 36 letters and digits, `{u4}` upper case and digits, `{l4}` lower case and
    digits, `{h4}` hexadecimal, `{d4}` digits, `{b4}` Base64 for URLs: no file holds a whole secret."""
    hint: str = ""
    """A pattern that is cheaper to look for and occurs wherever something is found, to the end of its text and
    `SEPARATOR`; empty: the pattern itself."""
    check: Check | None = None
    around: Around = apart
    beside: Beside = Beside.ANYTHING
    begun: bool = False
    """Whether the hint begins where a match does and nothing in front is part of its word, though that is not seen."""
    longest: int = 512
    """Characters that a whole match may have where a text is looked at in pieces."""

    @property
    def begins(self) -> bool:
        """Whether the hint is how a match begins, and stands behind `BEGIN`."""
        stands_apart = self.around in (apart, apart_as_number, apart_as_answer, apart_from_groups, apart_from_public)
        return self.begun or (stands_apart and self.pattern.startswith(self.hint))


def secret(
    name: str,
    begin: str,
    rest: str,
    example: str,
    hint: str = "",
    check: Check | None = None,
    around: Around = apart,
) -> Detector:
    """A detector of secrets that tell themselves: by how they begin, or by a hint that is inside of them."""
    return Detector(name, Group.SECRETS, begin + rest, example, hint or begin, check, around)
