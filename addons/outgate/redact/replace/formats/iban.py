"""International bank account numbers: country, length and grouping stay, and the check by 97 holds.

Checks that a country has inside its own part of the number do not hold.
"""

from __future__ import annotations

import re
from string import ascii_letters, ascii_uppercase

from outgate.redact.replace.draws import Draws
from outgate.redact.replace.formats import DIGITS, laid

WRITTEN = re.compile(r"[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}")
BETWEEN = re.compile(r"[ -]")
PLACES = frozenset(DIGITS + ascii_letters)


def read(text: str) -> str | None:
    if not WRITTEN.fullmatch(text):
        return None
    value = BETWEEN.sub("", text).upper()
    return value if _checked(value) == 1 else None


def make(value: str, draws: Draws) -> str:
    account = "".join([draws.text(DIGITS if each.isdigit() else ascii_uppercase, 1) for each in value[4:]])
    return f"{value[:2]}{98 - _checked(f'{value[:2]}00{account}'):02}{account}"


def write(text: str, fake: str) -> str:
    return laid(text, fake, PLACES)


def _checked(value: str) -> int:
    """What is left by 97: 1 where the check holds."""
    return int("".join(str(int(each, 36)) for each in value[4:] + value[:4])) % 97
