"""UUIDs: version and variant, hyphens, braces, `urn:uuid:` and case stay."""

from __future__ import annotations

import re

from outgate.redact.replace.draws import Draws
from outgate.redact.replace.formats import hexadecimal

WRITTEN = re.compile(
    r"(?P<before>urn:uuid:|\{|)"
    r"(?P<value>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"(?P<after>\}|)",
    re.IGNORECASE | re.ASCII,
)
VERSION, VARIANT = 12, 16
"""Digits that say how one was made."""


def read(text: str) -> str | None:
    found = WRITTEN.fullmatch(text)
    if found is None or (found["before"] == "{") != (found["after"] == "}"):
        return None
    return found["value"].replace("-", "").lower()


def make(value: str, draws: Draws) -> str:
    made = draws.text(hexadecimal.HEX, len(value))
    return f"{made[:VERSION]}{value[VERSION]}{made[VERSION + 1 : VARIANT]}{value[VARIANT]}{made[VARIANT + 1 :]}"


def write(text: str, fake: str) -> str:
    found = WRITTEN.fullmatch(text)
    if found is None:
        return fake
    return found["before"] + hexadecimal.write(found["value"], fake) + found["after"]
