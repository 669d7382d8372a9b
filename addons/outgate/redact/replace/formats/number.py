"""Numbers as JSON has them: sign, point, exponent and count of digits stay."""

from __future__ import annotations

import re

from outgate.redact.replace.draws import Draws
from outgate.redact.replace.formats import DIGITS

WRITTEN = re.compile(r"(?P<sign>-?)(?P<whole>0|[1-9][0-9]*)(?P<fraction>\.[0-9]+|)(?P<exponent>[eE][+-]?[0-9]+|)")


def read(text: str) -> str | None:
    return text if WRITTEN.fullmatch(text) else None


def make(value: str, draws: Draws) -> str:
    found = WRITTEN.fullmatch(value)
    if found is None:
        return value
    whole, places = found["whole"], len(found["fraction"]) - 1
    if whole != "0" or places < 1:
        whole = draws.text(DIGITS[1:], 1) + draws.text(DIGITS, len(whole) - 1)
    fraction = f".{draws.text(DIGITS, places)}" if places > 0 else ""
    return f"{found['sign']}{whole}{fraction}{found['exponent']}"


def write(text: str, fake: str) -> str:
    return fake
